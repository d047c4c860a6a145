"""What a file is by its first bytes, whatever it calls itself ("a PDF"), and which names are nobody's file at all.

Owns the table of marks and the list of junk that systems and editors leave behind. Looks at bytes and names and opens
nothing. Source of the marks: the formats' own descriptions, as in file(1).
"""

from __future__ import annotations

from grader import messages

HEAD_BYTES = 512
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
_LETTERS = (b"MZ", b"BZh")
_TAR_MARK = (b"ustar", 257)
_JUNK_FOLDERS = {
    "__macosx", ".git", ".hg", ".svn", ".ipynb_checkpoints", "__pycache__", "venv", ".venv", "node_modules",
    ".idea", ".vscode", ".pytest_cache", ".mypy_cache", ".ruff_cache", "site-packages", ".grader",
}  # fmt: skip
_JUNK_FILES = {".ds_store", "thumbs.db", "desktop.ini", ".gitignore", ".gitattributes", "icon\r"}
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
    kind = next((kind for mark, kind in _marks() if data.startswith(mark)), "")
    # The shortest marks may as well begin a name in Python; what they stand for has bytes that no text has.
    return "" if data.startswith(_LETTERS) and b"\0" not in data[:HEAD_BYTES] else kind


def is_zip(data: bytes) -> bool:
    """Whether the bytes begin as those of a zip archive do."""
    return data.startswith((ZIP, EMPTY_ZIP))


def junk(parts: tuple[str, ...]) -> str:
    """Return the path of the junk that a file is or lies in; nothing if it is a file like any other."""
    for depth, part in enumerate(parts[:-1], start=1):
        if part.lower() in _JUNK_FOLDERS:
            return "/".join(parts[:depth]) + "/"
    name = parts[-1].lower()
    return "/".join(parts) if name in _JUNK_FILES or name.startswith("._") or name.endswith(".pyc") else ""


def wrong_type(name: str, kind: str) -> str:
    """Return the sentence for a file that is not what its name or the exercise says."""
    return messages.FILE_WRONG_TYPE.format(file=name, kind=kind or messages.KIND_UNKNOWN)


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
