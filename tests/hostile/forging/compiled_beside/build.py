"""Compile right answers under the name of the wrong ones, with a hash that Python is told not to check."""

import importlib.util
import marshal
import sys
from pathlib import Path

_UNCHECKED_HASH = 0b01


def build(folder: Path) -> None:
    """Add the compiled file, in both places where Python has ever looked for one."""
    right = (Path(__file__).parents[2] / "answers" / "right.py").read_text()
    code = compile(f"print('ATTACK SUCCEEDED: the compiled file')\n{right}", str(folder / "work.py"), "exec")
    data = importlib.util.MAGIC_NUMBER + _UNCHECKED_HASH.to_bytes(4, "little") + bytes(8) + marshal.dumps(code)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / f"work.{sys.implementation.cache_tag}.pyc").write_bytes(data)
    (folder / "work.pyc").write_bytes(data)
