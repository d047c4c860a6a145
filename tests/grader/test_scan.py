"""The static scan: what it reports, what it leaves alone, and that no text whatever makes it raise."""

from __future__ import annotations

import os
import textwrap

import pytest
import torch

from grader.errors import ProtocolViolation
from grader.policy import NO_POLICY, Forbid, Policy
from grader.sandbox.scan import MAX_FINDINGS, Finding, ScanResult, read_report, scan_source


def findings(text: str, policy: Policy = NO_POLICY) -> list[Finding]:
    """Scan a file that Python can parse."""
    result = scan_source("student.py", textwrap.dedent(text), policy)
    assert result.error is None
    return result.findings


# --- what Python cannot read ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\ny = (2\n", 2, "'(' was never closed"),
        ("x = 1\n\nreturn x\n", 3, "'return' outside function"),
        ("def f():\n    pass\nbreak\n", 3, "'break' outside loop"),
        ("def f():\nx = 1\n", 2, "expected an indented block after function definition on line 1"),
        ("if True:\n    x = 1\n\ty = 2\n", 3, "inconsistent use of tabs and spaces in indentation"),
        ("def f(a, a): pass\n", 1, "duplicate argument 'a' in function definition"),
        ("print 'hello'\n", 1, "Missing parentheses in call to 'print'. Did you mean print(...)?"),
    ],
    ids=["open bracket", "return", "break", "no block", "tabs", "argument twice", "print statement"],
)
def test_a_syntax_error_gives_its_line_and_text(text: str, line: int, message: str) -> None:
    """Also those that Python finds only when it compiles."""
    result = scan_source("student.py", text)
    assert result.error == (line, message)
    assert result.to_plain() == ["student.py", [line, message], []]


HOSTILE = {
    "long sum": "x = " + "+".join(["1"] * 200_000),
    "long chain of attributes": "x = a" + ".b" * 100_000,
    "long chain of calls": "x = a" + "()" * 100_000,
    "long chain of powers": "x = " + "**".join(["1"] * 100_000),
    "parentheses": "x = " + "(" * 100_000 + ")" * 100_000,
    "signs": "x = " + "-" * 200_000 + "1",
    "lambdas": "x = " + "lambda: " * 50_000 + "1",
    "else if": "if 1:\n x = 1\n" + "elif 1:\n x = 1\n" * 50_000,
    "100,000 digits": "x = " + "9" * 100_000,
    "zero byte": "x = 1\0",
    "lone surrogate": "x = '\ud800'",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_that_python_gives_up_on_is_a_reported_error(name: str) -> None:
    """Nothing is raised; run in a child, because a text may also crash the parser, which only the child may feel."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            error = scan_source("student.py", HOSTILE[name]).error
            status = 0 if error is not None and error[1] else 2
        finally:
            os._exit(status)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0 or code < 0, "an exception escaped" if code == 1 else "no error was reported"


def test_as_deep_as_honest_code_ever_gets_is_read() -> None:
    """A sum of 500 terms and 20 nested blocks are no error."""
    blocks = "".join(" " * depth + "if x:\n" for depth in range(20)) + " " * 20 + "y = 1\n"
    assert findings("x = " + "+".join(["1"] * 500) + "\n" + blocks) == []


# --- names ------------------------------------------------------------------------------------------------------

MODULES = [
    "gc", "ctypes", "importlib", "inspect", "threading", "_thread", "multiprocessing", "subprocess", "signal",
    "atexit", "marshal", "mmap", "socket", "pytest", "faulthandler", "concurrent.futures",
]  # fmt: skip
MEMBERS = [
    "torch._C", "torch.ops", "sys.modules", "sys._getframe", "sys.settrace", "sys.setprofile", "os._exit", "os.fork",
    "os.kill", "os.environ",
]  # fmt: skip
BUILTINS = ["exec", "eval", "compile", "__import__", "__builtins__"]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("form", ["import {}", "import {} as m", "from {} import x", "import {}.sub"])
def test_each_listed_module_is_flagged_once_with_its_first_line(name: str, form: str) -> None:
    """Every form of import, however often."""
    line = form.format(name)
    assert findings(f"import math\n{line}\nprint({name}.x, {name}.y)\n{line}\n") == [Finding("name", 2, name)]


@pytest.mark.parametrize("name", MEMBERS)
def test_each_listed_member_is_flagged_once_with_its_first_line(name: str) -> None:
    """By its dotted name, whatever follows, or imported from its module."""
    module, _, member = name.rpartition(".")
    used = f"import {module}\nx = 1\ny = {name}.z(1)\n{name}\n"
    assert findings(used) == [Finding("name", 3, name)]
    assert findings(f"from {module} import {member} as m\n") == [Finding("name", 1, name)]


@pytest.mark.parametrize("name", BUILTINS)
def test_each_listed_builtin_is_flagged_once_with_its_first_line(name: str) -> None:
    """Called or only mentioned."""
    assert findings(f"x = 1\nf = {name}\n{name}('1')\n") == [Finding("name", 2, name)]


@pytest.mark.parametrize("name", ["__subclasses__", "__globals__", "__builtins__"])
def test_each_listed_attribute_is_flagged_on_any_object(name: str) -> None:
    """The double underscore makes them unmistakable."""
    assert findings(f"x = f().{name}\n") == [Finding("name", 1, name)]


def test_the_first_line_is_the_first_in_the_file() -> None:
    """A use deep inside a function counts before a later one at the top level."""
    text = """
        def f():
            if True:
                import gc
        import gc
    """
    assert findings(text) == [Finding("name", 4, "gc")]


@pytest.mark.parametrize(
    "text",
    [
        "import re\npattern = re.compile('a')\n",
        "import torch\nmodel = torch.compile(torch.nn.ReLU())\nmodel.eval()\n",
        "def smooth(signal):\n    return signal.mean() - signal\n",
        "class Net:\n    def eval(self):\n        return self.exec\n",
        "import sys\nprint(sys.argv, sys.modulesque)\n",
        "import os.path\nprint(os.path.join('a', 'b'))\n",
        "import gcd, socketserver\n",
        "text = 'exec eval os._exit gc'\n# import ctypes\n",
        "from . import helpers\n",
    ],
    ids=["re.compile", "eval", "signal", "own eval", "near names", "os.path", "prefixes", "text", "relative"],
)
def test_what_only_looks_like_a_listed_name_is_not_flagged(text: str) -> None:
    """Methods, variables, prefixes, strings and comments."""
    assert findings(text) == []


def test_the_number_of_findings_is_bounded() -> None:
    """A file of nothing but findings does not make a report of thousands of lines."""
    text = "# " + "".join(map(chr, range(0xE0020, 0xE007F)))
    assert len(findings(text)) == MAX_FINDINGS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import torch as t\nx = t.ops.aten\n", "torch.ops"),
        ("from torch import _C as c\n", "torch._C"),
        ("import sys as s\nx = s.modules['torch']\n", "sys.modules"),
        ("import torch.nn as n\nimport os as o\no.environ\n", "os.environ"),
    ],
)
def test_a_listed_member_is_flagged_under_another_name(text: str, name: str) -> None:
    """What an import calls it does not matter."""
    assert [item.detail for item in findings(text)] == [name]


# --- what an exercise does not allow ----------------------------------------------------------------------------

BY_HAND = Policy("off", (Forbid(("torch.nn", "torch.softmax"), "By hand."),))


def forbidden(text: str, policy: Policy = BY_HAND) -> list[tuple[int, str]]:
    """Return line and name of what the scan says is not allowed."""
    found = [item for item in findings(text, policy) if item.rule == "forbidden"]
    return [(item.line, item.detail.partition(" is not allowed here: ")[0]) for item in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import torch\nx = torch.nn.Linear(1, 2)\n", [(2, "torch.nn.Linear")]),
        ("import torch.nn.functional as F\n\ny = F.relu(0)\n", [(3, "torch.nn.functional.relu")]),
        ("from torch import nn as layers\nclass Net(layers.Module): pass\n", [(2, "torch.nn.Module")]),
        ("from torch.nn.functional import relu as r\nf = r\n", [(2, "torch.nn.functional.relu")]),
        ("import torch\nprint(torch.nn.functional.relu(torch.softmax(0)).x)\n",
         [(2, "torch.nn.functional.relu"), (2, "torch.softmax")]),
        ("def f():\n    import torch as t\n    return t.nn.Linear(1, 2)\n", [(3, "torch.nn.Linear")]),
        ("from torch import nn\ngetattr(nn, 'Linear')\n", [(2, "torch.nn")]),
        ("import torch\ntorch.autograd.grad(1)\n", [(2, "torch.autograd.grad")]),
    ],
)  # fmt: skip
def test_a_forbidden_name_is_explained_at_its_line(text: str, expected: list[tuple[int, str]]) -> None:
    """Whatever it is called in the file."""
    assert forbidden(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "import torch.nn as nn\nfrom torch.nn import Linear\n",
        "from torch import nn\ndef f(x: nn.Module, y: 'nn.Linear' = 0) -> nn.Module:\n    z: nn.Linear\n",
        "import torch\nx = torch.nnx(1)\ny = torch.special.softmax(1)\n",
        "class torch:\n    nn = 1\nprint(torch.nn)\n",
        "import torch\nx = self.torch.nn.Linear\n",
    ],
    ids=["imports", "annotations", "near names", "own name", "attribute of something else"],
)
def test_what_is_not_used_needs_no_explanation(text: str) -> None:
    """Imports, annotations, and names that only look alike."""
    assert forbidden(text) == []


def test_within_a_class_only_its_lines_are_explained() -> None:
    """A scoped rule speaks of that class's bases and body."""
    text = """
        from torch import nn
        class Linear(nn.Module):
            def __init__(self):
                self.inner = nn.Linear(1, 2)
        class Net(nn.Module):
            def __init__(self):
                self.inner = nn.Linear(3, 4)
        class Mine(nn.Linear): pass
    """
    policy = Policy(forbid=(Forbid(("torch.nn.Linear",), "S.", ("Linear", "Mine")),))
    assert findings(text, policy) == [Finding("forbidden", 5, "torch.nn.Linear is not allowed here: S.")]
    # Each sentence stands once, at its first line.
    assert forbidden(text.replace("class Linear", "class Other"), policy) == [(9, "torch.nn.Linear")]


AUTOGRAD = {
    ".requires_grad_()": "w = f(x).requires_grad_()\n",
    ".backward()": "loss.sum().backward()\n",
    "enable_grad": "from torch import enable_grad as e\n@e()\ndef f(): pass\n",
    "inference_mode(False)": "import torch\nwith torch.inference_mode(mode=False): pass\n",
}


@pytest.mark.parametrize("name", AUTOGRAD)
def test_what_may_switch_autograd_on_is_flagged_where_it_is_off(name: str) -> None:
    """And nowhere else: it is what other exercises are about."""
    found = [item for item in findings(AUTOGRAD[name], BY_HAND) if item.rule == "autograd"]
    assert [item.detail for item in found] == [name]
    assert findings(AUTOGRAD[name]) == []


@pytest.mark.parametrize(
    "text",
    [
        "class Layer:\n    def backward(self, dz): return dz\ndx = layer.backward(dz)\n",
        "class Net:\n    def step(self): self.backward()\n",
        "def backward(): pass\nbackward()\n",
        "import torch\nwith torch.inference_mode(): pass\n@torch.no_grad()\ndef f(): pass\n",
        "import torch\nwith torch.inference_mode(True): pass\n",
    ],
)
def test_a_hand_written_backward_pass_is_not_flagged(text: str) -> None:
    """A method called backward is what the exercise asks for."""
    assert findings(text, BY_HAND) == []


@pytest.mark.parametrize(
    ("finding", "sentence"),
    [
        (Finding("name", 3, "gc"), "uses gc, which homework rarely needs"),
        (Finding("autograd", 3, ".backward()"), "uses .backward(), although autograd is switched off in this exercise"),
        (Finding("forbidden", 3, "torch.nn is not allowed here: {0}."), "torch.nn is not allowed here: {0}."),
        (Finding("character", 3, "202E"), "holds an invisible or look-alike character (U+202E) that can make code read "
         "differently from what it does"),
    ],
)  # fmt: skip
def test_a_finding_becomes_a_flag_with_a_sentence(finding: Finding, sentence: str) -> None:
    """What a person reads beside file and line."""
    _, (flag,) = read_report([ScanResult("a.py", findings=[finding]).to_plain()])
    assert (flag.rule, flag.file, flag.line, flag.message) == (finding.rule, "a.py", 3, sentence)


@pytest.mark.parametrize(
    "answer",
    [None, [7], [["a.py", None]], [["a.py", None, [["gc", 3]]]], [["a.py", [3], []]], torch.ones(1, 3),
     [["a.py", None, [["character", 3, "no number"]]]], [["a.py", None, torch.ones(2)]]],
    ids=repr,
)  # fmt: skip
def test_a_report_that_no_scan_makes_is_a_violation(answer: object) -> None:
    """Parsing hostile text may break Python, and what then answers is no longer ours: found by fuzzing."""
    with pytest.raises(ProtocolViolation, match="a malformed report of what stands in the files"):
        read_report(answer)


# --- characters -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x200E, 0x200F, 0x2060, 0xE0041]
)
def test_an_invisible_character_is_flagged_with_its_first_line(code: int) -> None:
    """Bidirectional controls and zero-width characters, in a comment or a string."""
    text = f"x = 1\ny = 'a{chr(code)}b'  # {chr(code)}\n# {chr(code)}\n"
    assert findings(text) == [Finding("character", 2, f"{code:04X}")]


@pytest.mark.parametrize("name", ["d\u043euble", "m\u0435an", "\u0391dam", "l\u043fss", "n\u03bf_grad"])
def test_a_letter_that_passes_for_a_latin_one_is_flagged(name: str) -> None:
    """Cyrillic or Greek within a name of Latin letters: two names that are one to the eye."""
    (letter,) = (letter for letter in name if ord(letter) > 127)
    assert scan_source("a.py", f"x = 1\ndef {name}(): return x\n").findings == [
        Finding("character", 2, f"{ord(letter):04X}")
    ]


@pytest.mark.parametrize(
    "text",
    ["# функция f\nслой = 1\n", "Δx = σ_max = ρ0 = μ1 = 1\n", "s = 'd\u043euble'  # d\u043euble\n", "Α = Ω = 1\n"],
)
def test_names_and_words_of_another_alphabet_are_not_flagged(text: str) -> None:
    """Whole names, usual names of quantities, texts and comments."""
    assert scan_source("a.py", text).findings == []


@pytest.mark.parametrize("text", ["# naïve 数 😀 ∂L/∂W₁ ᾱ\nα = 'é'\n", "x = 1\f\n", "# \ufeff\n"])
def test_visible_text_in_any_script_is_not_flagged(text: str) -> None:
    """A byte order mark, mathematics and other languages are no secret."""
    assert findings(text) == []


def test_lines_are_counted_as_python_counts_them() -> None:
    """A form feed or a line separator inside a string begins no line."""
    assert findings("a = '\x0b\u2028'\f\r\nb = '\u202e'\n") == [Finding("character", 2, "202E")]


def test_findings_are_plain_values_in_the_order_of_lines() -> None:
    """What crosses to the host."""
    result = scan_source("student.py", "import gc\n# \u202e\nexec('1')\n")
    expected = [["name", 1, "gc"], ["character", 2, "202E"], ["name", 3, "exec"]]
    assert result.to_plain() == ["student.py", None, expected]


def test_an_honest_solution_has_no_finding() -> None:
    """Code as a good student writes it."""
    text = '''
        """Two-layer network with a hand-written backward pass."""

        import math

        import numpy as np
        import torch
        import torch.nn.functional as F
        from torch import Tensor, nn


        def softmax(logits: Tensor, dim: int = -1) -> Tensor:
            shifted = logits - logits.max(dim=dim, keepdim=True).values
            exp = torch.exp(shifted)
            return exp / exp.sum(dim=dim, keepdim=True)


        class Net(nn.Module):
            def __init__(self, width: int) -> None:
                super().__init__()
                self.first = nn.Linear(width, 4)
                self.__dict__.setdefault("cache", {})

            def forward(self, x: Tensor) -> Tensor:
                return F.relu(self.first(x)) / math.sqrt(x.shape[-1])


        def train(model, loader, optimizer):
            model.train()
            for x, y in loader:
                optimizer.zero_grad()
                F.cross_entropy(model(x), y).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                return np.mean([model(x).argmax(1).eq(y).float().mean().item() for x, y in loader])


        if __name__ == "__main__":
            print(softmax(torch.tensor([0.0, 0.0])))
    '''
    assert findings(text) == []
