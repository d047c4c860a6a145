"""What a file is by its first bytes, whatever it calls itself: "a PDF", "a RAR archive".

Owns the table of marks. Looks at bytes and opens nothing. Source: the formats' own descriptions, as in file(1).
"""

from __future__ import annotations

from grader import messages

HEAD_BYTES = 512
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
_TAR_MARK = (b"ustar", 257)
_OFFICE = (".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".pages", ".key", ".numbers")


def kind_of(data: bytes, name: str = "") -> str:
    """Return what the file is, ready for a sentence, if it is one of those that students hand in by mistake."""
    mark, start = _TAR_MARK
    if data[start : start + len(mark)] == mark:
        return messages.KIND_TAR
    if data.startswith(ZIP) and name.lower().endswith(_OFFICE):
        return messages.KIND_OFFICE
    head = data[:HEAD_BYTES].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return messages.KIND_HTML
    return next((kind for mark, kind in _marks() if data.startswith(mark)), "")


def is_zip(data: bytes) -> bool:
    """Whether the bytes begin as those of a zip archive do."""
    return data.startswith((ZIP, EMPTY_ZIP))


def _marks() -> list[tuple[bytes, str]]:
    return [
        (b"%PDF", messages.KIND_PDF),
        (ZIP, messages.KIND_ZIP),
        (EMPTY_ZIP, messages.KIND_ZIP),
        (b"Rar!\x1a\x07", messages.KIND_RAR),
        (b"7z\xbc\xaf\x27\x1c", messages.KIND_7Z),
        (b"\x1f\x8b", messages.KIND_GZIP),
        (b"BZh", messages.KIND_GZIP),
        (b"\xfd7zXZ\x00", messages.KIND_GZIP),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", messages.KIND_OFFICE),
        (b"{\\rtf", messages.KIND_RTF),
        (b"\x89PNG", messages.KIND_IMAGE),
        (b"\xff\xd8\xff", messages.KIND_IMAGE),
        (b"GIF8", messages.KIND_IMAGE),
        (b"\x7fELF", messages.KIND_PROGRAM),
        (b"MZ", messages.KIND_PROGRAM),
    ]
