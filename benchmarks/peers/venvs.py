"""An environment of its own for each contender, with pinned versions; torch is the one that we judge with.

torch, numpy and what they need are linked from our own environment by a .pth file: 750 MB that would be the same in
each, and the same file pages for everybody. Everything else is installed by pip from requirements/NAME.txt.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).parent / "requirements"


def python_of(requirements: str, cache: Path) -> Path:
    """Return the Python of an environment, which is made first if it is not there or its pins have changed."""
    if not requirements:
        return Path(sys.executable)
    folder, pins = cache / "venvs" / requirements, (REQUIREMENTS / f"{requirements}.txt").read_text()
    python, made = folder / "bin" / "python", folder / "made"
    if not made.exists() or made.read_text() != pins:
        _make(folder, python, pins, _shared(cache))
        made.write_text(pins)
    return python


def _make(folder: Path, python: Path, pins: str, shared: Path) -> None:
    print(f"making an environment for {folder.name}", file=sys.stderr, flush=True)
    venv.create(folder, clear=True, with_pip=True)
    packages = next(folder.glob("lib/python*/site-packages"))
    packages.joinpath("shared.pth").write_text(f"{shared}\n")
    if "==" in pins:
        file = folder / "pins.txt"
        file.write_text(pins)
        subprocess.run([python, "-m", "pip", "install", "-qq", "--no-deps", "-r", file], check=True)


def _shared(cache: Path) -> Path:
    """Link torch, numpy and all that they need of our own environment into one folder."""
    shared = cache / "shared"
    shared.mkdir(parents=True, exist_ok=True)
    for name in _needed(("torch", "numpy")):
        distribution = importlib.metadata.distribution(name)
        root = Path(str(distribution.locate_file("")))
        for top in {file.parts[0] for file in distribution.files or () if file.parts[0] not in ("..", "__pycache__")}:
            link = shared / top
            link.unlink(missing_ok=True)
            link.symlink_to(root / top)
    return shared


def _needed(names: tuple[str, ...]) -> list[str]:
    found: dict[str, None] = {}
    todo = list(names)
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name not in found and (requires := _requires(name)) is not None:
            found[name] = None
            todo += requires
    return list(found)


def _requires(name: str) -> list[str] | None:
    """Return what an installed distribution needs without extras; None if it is not installed, as on other systems."""
    try:
        lines = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return [re.split(r"[ <>=!~;\[(]", line)[0] for line in lines if "extra ==" not in line]


def version_of(package: str, python: Path) -> str:
    """Return the version of a package in an environment."""
    code = f"import importlib.metadata as m; print(m.version({package!r}))"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()
