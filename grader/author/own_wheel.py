"""This grader, as it is installed here, as a wheel: so that another machine judges with exactly this one.

Owns the form of a wheel. Needs no source tree and no build tool, so it works for an editable installation too. The same
grader makes the same bytes.

Source: Python Packaging User Guide, "Binary distribution format" (wheel 1.0) and "Recording installed projects".
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from grader import __version__, messages
from grader.errors import InfrastructureError

PROJECT = "nn-grader"
_PACKAGE = Path(__file__).resolve().parents[1]
_DATA = "Wheel-Version: 1.0\nGenerator: nn-grader\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
# By its name in a wheel, how a file is called where something was installed, or built in a folder that Python looks in.
_COPIED = {"METADATA": ("METADATA", "PKG-INFO"), "entry_points.txt": ("entry_points.txt",)}


def wheel_name() -> str:
    """Return the file name that pip expects."""
    return f"{_escaped(PROJECT)}-{__version__}-py3-none-any.whl"


def wheel_files() -> dict[str, bytes]:
    """Return what is in the wheel, by path, with its record.

    Raises:
        InfrastructureError: the grader runs without having been installed, so nothing says what it requires.
    """
    info = f"{_escaped(PROJECT)}-{__version__}.dist-info"
    said = _distribution(PROJECT)
    files = {str(path.relative_to(_PACKAGE.parent)): path.read_bytes() for path in _own_files()}
    for name, called in _COPIED.items():
        files[f"{info}/{name}"] = _headers(next(text for one in called if (text := said.read_text(one)))).encode()
    files[f"{info}/WHEEL"] = _DATA.encode()
    record = "".join(f"{path},sha256={_digest(data)},{len(data)}\n" for path, data in files.items())
    return files | {f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}


def pinned(anywhere: bool = False) -> dict[str, str]:
    """Return the versions installed here of all that the grader requires, by name; which build it is, is left open.

    Args:
        anywhere: Leave out what is required on some machines only, such as the libraries of one kind of GPU.
    Raises:
        InfrastructureError: one of them is not installed.
    """
    found: dict[str, str] = {}
    todo = [PROJECT]
    while todo:
        for text in _distribution(todo.pop()).requires or ():
            requirement = Requirement(text)
            name = _canonical(requirement.name)
            marker = requirement.marker
            if name not in found and (marker is None or (not anywhere and marker.evaluate({"extra": ""}))):
                found[name] = _distribution(name).version.partition("+")[0]
                todo.append(name)
    return dict(sorted(found.items()))


def _distribution(name: str) -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise InfrastructureError(messages.RELEASE_NOT_INSTALLED.format(problem=name)) from error


def _own_files() -> Iterator[Path]:
    for path in sorted(_PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _headers(text: str) -> str:
    """Return metadata without the long description behind them: README.md, which tells of hidden checks."""
    return text.partition("\n\n")[0].rstrip("\n") + "\n" if text.startswith("Metadata-Version:") else text


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode("ascii")


def _escaped(name: str) -> str:
    return _canonical(name).replace("-", "_")


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
