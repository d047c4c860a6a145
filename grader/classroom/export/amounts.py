"""Points as gradebooks write them: read with a point or a comma, written with at most two decimals. Pure.

Source: Canvas' importer takes what follows the last point or comma for the decimals; Moodle writes numbers in the
language's own form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"-?[0-9][0-9.,]*")
_WITH_COMMA = re.compile(r"-?[0-9.]*[0-9],[0-9]+")
_WITH_POINT = re.compile(r"-?[0-9,]*[0-9]\.[0-9]+")


def amount(text: str) -> float | None:
    """Return the number that a cell says, None if it says none."""
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        return None
    *whole, last = re.split(r"[.,]", text)
    return float(f"{''.join(whole)}.{last}") if whole else float(last)


def has_decimal_comma(texts: Iterable[str], otherwise: bool) -> bool:
    """Whether the numbers among these have a decimal comma; where none has decimals, `otherwise`."""
    said = [text.strip() for text in texts]
    commas = sum(bool(_WITH_COMMA.fullmatch(text)) for text in said)
    points = sum(bool(_WITH_POINT.fullmatch(text)) for text in said)
    return commas > points if commas or points else otherwise


def written(points: float, decimal_comma: bool = False) -> str:
    """Return points with as many decimals as they need, two at most: `12`, `7.5`, `0.67`."""
    text = f"{points + 0.0:.2f}".rstrip("0").rstrip(".")
    text = "0" if text == "-0" else text
    return text.replace(".", ",") if decimal_comma else text


def says(text: str, points: float) -> bool:
    """Whether a cell already says these points, to two decimals."""
    there = amount(text)
    return there is not None and written(there) == written(points)
