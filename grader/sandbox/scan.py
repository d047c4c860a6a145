"""Static scan of a student's file: what it says, read without running it.

Runs inside a fenced guest before the file is imported, because even parsing hostile text can crash Python. Imports
nothing of the student's. A finding is evidence for a person or an explanation of a line, never a verdict.
"""

from __future__ import annotations

import ast
import io
import unicodedata
from dataclasses import dataclass, field

MAX_FINDINGS = 50

# What homework rarely needs and cheating often does; each is a flag for a person (DESIGN 5.1), never a zero.
_MODULES = (
    "gc", "ctypes", "importlib", "inspect", "threading", "_thread", "multiprocessing", "subprocess", "signal",
    "atexit", "marshal", "mmap", "socket", "pytest", "faulthandler",
)  # fmt: skip
_MEMBERS = (
    "torch._C", "torch.ops", "sys.modules", "sys._getframe", "sys.settrace", "sys.setprofile",
    "os._exit", "os.fork", "os.kill", "os.environ",
)  # fmt: skip
_BUILTINS = frozenset({"exec", "eval", "compile", "__import__", "__builtins__", "__subclasses__", "__globals__"})


@dataclass(frozen=True)
class Finding:
    """One suspicious name or character; `rule` is "name" or "character", `detail` the name or the code point."""

    rule: str
    line: int
    detail: str


@dataclass
class ScanResult:
    """What was seen in one file; `error` is (line, text) if Python cannot parse it."""

    file: str
    error: tuple[int, str] | None = None
    findings: list[Finding] = field(default_factory=list)

    def to_plain(self) -> list[object]:
        """Return the result as plain values."""
        findings = [[item.rule, item.line, item.detail] for item in self.findings]
        return [self.file, list(self.error) if self.error else None, findings]


def scan_source(file: str, text: str) -> ScanResult:
    """Parse one file and list what a person may want to look at."""
    try:
        tree = ast.parse(text, file)
        compile(tree, file, "exec", dont_inherit=True)  # some syntax errors appear only here: `return` outside, for one
    except SyntaxError as error:
        return ScanResult(file, (error.lineno or 0, error.msg or "invalid syntax"))
    except (RecursionError, MemoryError, ValueError) as error:
        return ScanResult(file, (0, str(error) or "nested too deeply"))
    findings = [*_suspicious_characters(text), *_suspicious_names(tree)]
    # The walk over the tree is not in the order of lines; of each name the first line is kept.
    findings.sort(key=lambda item: item.line)
    unique = {(item.rule, item.detail): item for item in reversed(findings)}
    return ScanResult(file, None, sorted(unique.values(), key=lambda item: item.line)[:MAX_FINDINGS])


def _suspicious_characters(text: str) -> list[Finding]:
    """Bidirectional controls and other invisible format characters anywhere in the text."""
    return [
        Finding("character", number, f"{ord(character):04X}")
        for number, line in enumerate(io.StringIO(text, newline=None), start=1)  # lines as Python counts them
        for character in line
        if ord(character) > 127 and unicodedata.category(character) == "Cf" and character != "\ufeff"
    ]


def _suspicious_names(tree: ast.AST) -> list[Finding]:
    findings = []
    for node in ast.walk(tree):
        # `signal.mean()` may be about the student's own variable: a module counts where it is imported.
        listed = _MEMBERS if isinstance(node, ast.Attribute) else _MODULES + _MEMBERS
        for name in _names_in(node):
            hit = _suspicion(name, listed)
            if hit is not None:
                findings.append(Finding("name", getattr(node, "lineno", 0), hit))
    return findings


def _suspicion(name: str, listed: tuple[str, ...]) -> str | None:
    """Return the builtin that `name` is, or the listed name that it is or lies in."""
    if name in _BUILTINS:
        return name
    return next((entry for entry in listed if name == entry or name.startswith(entry + ".")), None)


def _names_in(node: ast.AST) -> list[str]:
    """Return the dotted names one node of the tree speaks of."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str() as module, names=names):
            return [module, *(f"{module}.{alias.name}" for alias in names)]
        case ast.Attribute():
            # `model.eval()` is no use of eval: of a bare attribute only the double-underscore names count.
            return [_dotted(node), *([node.attr] if node.attr.startswith("__") else [])]
        case ast.Name(id=name) if name in _BUILTINS:
            return [name]
    return []


def _dotted(node: ast.expr) -> str:
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
