"""Lines of a sentence that fit a terminal: where a line may end, in scripts with blanks between words and without.

Owns the rule for Chinese: a line may end between any two characters, but none begins with closing punctuation or ends
with opening punctuation. Knows no console; what has no wide character is wrapped by rich as ever.
"""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

_OPENING, _CLOSING = "（“‘《〈【「", "，。：；？！、）”’》〉】」…"
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_ALONE = f"(?:(?![{_OPENING}{_CLOSING}])[{_WIDE}])"  # a character that is a word for this purpose
_WORD = f"[^\\s{_WIDE}{_OPENING}{_CLOSING}]+"
_ATOM = re.compile(f"\\s*[{_OPENING}]*(?:{_ALONE}|{_WORD})?[{_CLOSING}]*")


def wrapped(text: Text, width: int, console: Console) -> list[Text]:
    """Return the lines of a text in one style, each at most `width` columns wide."""
    if re.search(f"[{_WIDE}]", text.plain) is None:
        return list(text.wrap(console, width))
    lines = [""]
    for atom in filter(None, _ATOM.findall(text.plain)):
        if lines[-1] and cell_len(lines[-1] + atom) > width:
            lines.append("")
        lines[-1] += atom if lines[-1] else atom.lstrip()
    # What is wider than a line by itself, a path say, is cut by rich.
    return [piece for line in lines for piece in Text(line, text.style).wrap(console, width)]
