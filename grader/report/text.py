"""From text that anybody may have written to text that is safe and honest to show in a page.

Owns how characters that cannot be seen are written out. Knows nothing of results. Invariant: what leaves here as Markup
was escaped here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

from grader import messages

MAX_LINES = 200
MAX_LINE_CHARS = 400

_ODD = re.compile(r"[^ -~]")
_CODE = re.compile(r"`([^`\n]+)`")
_EXPONENT = re.compile(r"\b\d[\d.]*e-\d+\b")


def spelled(text: str) -> str:
    """Return `text` with every character that cannot be seen written as its code; fits into an attribute too."""
    if text.isprintable():  # nearly always, and a class has half a million texts
        return text
    return _ODD.sub(lambda found: _code(found[0]) or found[0], text)


def visible(text: str) -> Markup:
    """Return escaped text in which characters that cannot be seen stand out as their codes; tabs stay."""
    escaped = str(escape(text))
    return Markup(escaped if escaped.isprintable() else _ODD.sub(_stand_out, escaped))


def prose(text: str) -> Markup:
    """Return a sentence in which `names` between backticks are set as code, and 1e-09 stays in one piece."""
    escaped = _EXPONENT.sub(r'<span class="piece">\g<0></span>', str(visible(text)))
    return Markup(_CODE.sub(_as_code, escaped))


def paragraphs(text: str) -> Iterator[tuple[bool, str]]:
    """Yield (is aligned, text) of each paragraph; lines that are set in belong together and keep their columns."""
    aligned: list[str] = []
    for line in text.splitlines():
        if line.startswith("  ") and line.strip():
            aligned.append(line)
            continue
        if aligned:
            yield True, "\n".join(aligned)
            aligned = []
        if line.strip():
            yield False, line.strip()
    if aligned:
        yield True, "\n".join(aligned)


def clipped_line(line: str) -> str:
    """Return a line, shortened to what a person would read of it."""
    cut = len(line) - MAX_LINE_CHARS
    return line if cut <= 0 else line[:MAX_LINE_CHARS] + messages.REPORT_CUT_LINE.format(count=f"{cut:,}")


def clipped(text: str) -> tuple[list[str], int]:
    """Return the lines of a printed text and how many there were; of very many, the first and the last."""
    lines = text.rstrip("\n").split("\n")
    count = len(lines)
    if count > MAX_LINES:
        head, tail = lines[: MAX_LINES // 2], lines[-MAX_LINES // 2 :]
        lines = [*head, messages.REPORT_CUT_LINES.format(count=f"{count - MAX_LINES:,}"), *tail]
    return [clipped_line(line) for line in lines], count


def _as_code(found: re.Match[str]) -> str:
    """Set a name as code; a long one breaks behind an underscore rather than anywhere."""
    return "<code>" + found[1].replace("_", "_<wbr>") + "</code>"


def _code(character: str) -> str:
    return "" if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _stand_out(found: re.Match[str]) -> str:
    code = "" if found[0] in "\t\n" else _code(found[0])
    return f'<span class="char">{code}</span>' if code else found[0]
