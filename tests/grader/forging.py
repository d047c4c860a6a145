"""Submissions that try to be graded by something else than their answers; each is put before or inside a `double`.

The layer that must stop them is the boundary itself: nothing in the process where they run knows points, expected
values or results.
"""

from __future__ import annotations

# By name: code at the top of the file, and files handed in beside it.
AT_IMPORT: dict[str, str] = {
    "patches torch.testing": "torch.testing.assert_close = lambda *a, **k: None",
    "patches torch.equal and allclose": "torch.equal = torch.allclose = lambda *a, **k: True",
    "patches comparison of tensors": "torch.Tensor.__eq__ = lambda *a: torch.tensor(True)",
    "patches builtins": "import builtins\nbuiltins.abs = builtins.max = lambda *a, **k: 0",
    "sets every float it can reach": """
import gc
for thing in gc.get_objects():
    if isinstance(thing, dict) and "points" in thing:
        thing["points"] = 100
""",
    "patches what gc.get_objects() shows": """
import gc, types
for thing in gc.get_objects():
    if isinstance(thing, types.ModuleType) and "grader" in getattr(thing, "__name__", ""):
        for name in ("expect_close", "verdict_of", "Verdict"):
            if hasattr(thing, name):
                setattr(thing, name, lambda *a, **k: None)
""",
    "walks the frames of its callers": """
import sys
frame = sys._getframe()
while frame is not None:
    for name, value in list(frame.f_locals.items()):
        if name in ("expected", "wanted", "points", "score"):
            frame.f_locals[name] = 0
    frame = frame.f_back
""",
    "imports the judge and patches it": """
try:
    import grader.suite.expect, grader.suite.judge
    grader.suite.expect._require_values = lambda *a: None
except BaseException:
    pass
""",
    "writes result files": """
for name in ("result.json", "results.xml", "/tmp/result.json", "conftest.py", "sitecustomize.py"):
    try:
        with open(name, "w") as file:
            file.write('{"score": 100, "outcome": "passed"}')
    except OSError:
        pass
""",
    "prints a result": 'print(\'{"schema": "grader.result/1", "score": 3.0}\')\nprint(\'2 passed in 0.01s\')',
    "registers an exit handler": "import atexit\natexit.register(lambda: print('passed'))",
    "leaves a daemon behind": """
import os
try:
    if os.fork() == 0:
        os.setsid()
        while True:
            pass
except OSError:
    pass
""",
    "leaves daemon threads behind": """
import threading, time
def spin():
    while True:
        time.sleep(0.01)
for _ in range(3):
    threading.Thread(target=spin, daemon=True).start()
""",
    "replaces its own module": "import sys\nsys.modules['pytest'] = sys.modules['grader'] = sys.modules[__name__]",
    "ignores signals": "import signal\nfor n in (1, 2, 3, 13, 14, 15):\n    signal.signal(n, signal.SIG_IGN)",
    "closes every descriptor it does not know": "import os\nos.closerange(4, 64)",
}
RETURNED: dict[str, str] = {
    "a tensor that equals everything": """
class Yes(torch.Tensor):
    def __eq__(self, other): return torch.ones(self.shape, dtype=torch.bool)
    def isclose(self, *a, **k): return torch.ones(self.shape, dtype=torch.bool)
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None): return torch.tensor(True)
def double(x):
    return (3 * x).as_subclass(Yes)
""",
    "an object that equals everything": """
class Yes:
    def __eq__(self, other): return True
    def __getattr__(self, name): return lambda *a, **k: Yes()
def double(x):
    return Yes()
""",
    "the caller's own expectation": """
import sys
def double(x):
    frame = sys._getframe(1)
    while frame is not None:
        if "expected" in frame.f_locals:
            return frame.f_locals["expected"]
        frame = frame.f_back
    return 3 * x
""",
}
BESIDE: dict[str, dict[str, str]] = {
    "a conftest.py": {
        "conftest.py": "import pytest\n@pytest.fixture(autouse=True)\ndef cheat():\n    pytest.skip('passed')\n"
    },
    "a pytest.ini": {"pytest.ini": "[pytest]\naddopts = --collect-only -p no:grader\n"},
    "a sitecustomize.py": {
        "sitecustomize.py": "import os\nos._exit(0)\n",
        "usercustomize.py": "import os\nos._exit(0)\n",
    },
    "a torch.py": {"torch.py": "def tensor(*a, **k):\n    return 0\n"},
    "a grader folder": {"grader.py": "raise SystemExit(0)\n"},
}
