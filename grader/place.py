"""Where something stands in a student's file, in words: "work.py, line 12", and of a notebook the cell as well.

Owns these words for everything that prints a result. Knows no file and no format of an output.
"""

from __future__ import annotations

import msgspec

from grader import messages
from grader.results import Flag, Frame


def place_of(where: Frame | Flag) -> str:
    """Return file and line; where the file was a notebook, cell and line in that too."""
    place = messages.REPORT_PLACE.format(file=where.file, line=where.line)
    if where.cell is msgspec.UNSET:
        return place
    cell, line = where.cell
    return messages.NOTEBOOK_IN_CELL.format(place=place, cell=messages.NOTEBOOK_PLACE.format(cell=cell, line=line))
