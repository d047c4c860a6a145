"""What students hand in besides answers: the inputs of the table in docs/outcomes.md, by the name they have there.

Each is a whole submission for the tiny exercise below: two functions, one of them right, so that it shows whether the
other checks are still judged.
"""

from __future__ import annotations

HALF = "def half(x):\n    return x / 2\n"

SUITE = '''
    import torch
    from grader.suite import expect_close, points

    X = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)

    @points(2)
    def test_double(submission):
        """double(x) is 2 x."""
        expect_close(submission.double(X), 2 * X, label="double(x)")

    @points(1)
    def test_half(submission):
        """half(x) is x / 2."""
        expect_close(submission.half(X), X / 2, label="half(x)")
'''

TABLES = """
    [limits]
    check_wall_s = 1.0
    output_bytes = 102400
    memory_bytes = 805306368

    [[policy.forbid]]
    names = ["torch.nn"]
    sentence = "Write it yourself."
"""


def double(body: str, before: str = "") -> str:
    """Return a submission whose `double` has this body."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"import torch\n{before}\n{HALF}\ndef double(x):\n{lines}"


GOOD = double("return 2 * x")

# Input by its name in docs/outcomes.md: the file's text or bytes.
FILES: dict[str, str | bytes] = {
    "an empty file": "",
    "a syntax error": "def double(x)\n    return 2 * x\n",
    "a file that is not UTF-8": GOOD.encode() + b"# caf\xe9\n",
    "a file saved as UTF-16": GOOD.encode("utf-16"),
    "a byte order mark and Windows line ends": b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode(),
    "an import of a package that is not installed": "import tensorflow\n" + GOOD,
    "an import of a file of one's own that is not handed in": "from helpers import twice\n" + GOOD,
    "an exception at import": "LR = 1 / 0\n" + GOOD,
    "`sys.exit(0)` at import": "import sys\nsys.exit(0)\n" + GOOD,
    "`os._exit(0)` at import": "import os\nos._exit(0)\n" + GOOD,
    "an endless loop at import": "while True:\n    pass\n" + GOOD,
    "a function of another name": GOOD.replace("def double", "def duoble"),
    "a function with too few arguments": GOOD.replace("def double(x)", "def double()").replace("2 * x", "2"),
    "returns nothing": double("y = 2 * x"),
    "returns another shape": double("return (2 * x).reshape(-1, 1)"),
    "returns another dtype": double("return (2 * x).float()"),
    "returns NaN": double("return 2 * x / torch.zeros_like(x) * 0"),
    "returns wrong values": double("return 3 * x"),
    "returns a generator": double("return (2 * v for v in x)"),
    "is not written yet": double('raise NotImplementedError("double")'),
    "raises": double("return 2 * x[7]"),
    "an endless loop": double("while True:\n    pass"),
    "`sys.exit(0)`": double("import sys\nsys.exit(0)"),
    "`os._exit(0)`": double("import os\nos._exit(0)"),
    "a segmentation fault": double("import ctypes\nctypes.string_at(0)"),
    "an allocation of 10 GB": double("return torch.zeros(10 * 2**30 // 8) + 2 * x"),
    "endless printing": double("while True:\n    print('still here')"),
    "`input()`": double("return int(input('factor: ')) * x"),
    "endless recursion": double("return double(x)"),
    "an exception whose `__str__` raises": double(
        "raise Bad()", "class Bad(Exception):\n    def __str__(self):\n        raise ValueError('no')\n"
    ),
    "an exception whose text is 1 GB long": double(
        "raise Bad()", "class Bad(Exception):\n    def __str__(self):\n        return 'x' * 2**30\n"
    ),
    "a thread left behind": double(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\nreturn 2 * x"
    ),
    "a forbidden import, not used": "import torch.nn as nn\n" + GOOD,
    "a forbidden import, used": double("return nn.functional.relu(x)", "from torch import nn"),
}
