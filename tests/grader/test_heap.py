"""A heap without holes, so that what a fork allocates is new memory instead of copies of shared pages."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys

import pytest

from grader.sandbox import heap
from grader.sandbox.spawn import ENVIRONMENT

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="the heap is not glibc's")

PROGRAM = """
import ctypes, json
from grader.sandbox import heap

pieces = [bytes(40 + number % 900) for number in range(20_000)]
free_bytes = sum(map(len, pieces[::2]))
del pieces[::2]
taken_bytes = heap.fill_holes()
libc = ctypes.CDLL(None)
libc.mallinfo2.restype = heap._MallInfo
left = libc.mallinfo2()
print(json.dumps([free_bytes, taken_bytes, left.fordblks - left.keepcost, heap.fill_holes()]))
"""


def test_what_is_free_between_what_is_held_is_taken_once() -> None:
    """Of ten thousand holes next to nothing is left, and a second time there is next to nothing to take."""
    environment = ENVIRONMENT | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    free_bytes, taken_bytes, left_bytes, again_bytes = json.loads(done.stdout)
    assert taken_bytes > 0.9 * free_bytes
    assert left_bytes < 0.05 * free_bytes
    assert again_bytes < 0.05 * free_bytes


def test_another_heap_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library does not say what is free, nothing is taken."""
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert heap.fill_holes() == 0
