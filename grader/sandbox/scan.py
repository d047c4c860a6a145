"""Static scan of a student's file: what it says, read without running it.

Runs inside a fenced guest before the file is imported, because even parsing hostile text can crash Python. Imports
nothing of the student's. A finding is evidence for a person or an explanation of a line, never a verdict: what an
exercise forbids is enforced where the code runs.
"""

from __future__ import annotations

import ast
import io
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from grader import messages
from grader.errors import ProtocolViolation, SubmissionRejected
from grader.policy import NO_POLICY, Forbid, Policy
from grader.results import Flag

MAX_FINDINGS = 50

# What homework rarely needs and cheating often does; each is a flag for a person (DESIGN 5.1), never a zero.
_MODULES = (
    "gc", "ctypes", "importlib", "inspect", "threading", "_thread", "multiprocessing", "subprocess", "signal",
    "atexit", "marshal", "mmap", "socket", "pytest", "faulthandler", "concurrent.futures",
)  # fmt: skip
_MEMBERS = (
    "torch._C", "torch.ops", "sys.modules", "sys._getframe", "sys.settrace", "sys.setprofile",
    "os._exit", "os.fork", "os.kill", "os.environ",
)  # fmt: skip
_BUILTINS = frozenset({"exec", "eval", "compile", "__import__", "__builtins__", "__subclasses__", "__globals__"})

Aliases = Mapping[str, str]


@dataclass(frozen=True)
class Finding:
    """One line to look at. `detail` is a name for the rules "name" and "autograd", the code point for "character".

    For "forbidden" it is a whole sentence, because only the scan knows which of an exercise's rules it was.
    """

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


_Row = tuple[str, tuple[int, str] | None, list[tuple[str, int, str]]]


def flags_in(answer: object) -> list[Flag]:
    """Return what a person may want to look at, from what a guest answered for all files.

    Raises:
        SubmissionRejected: a file cannot be parsed. ProtocolViolation: no scan of ours can have said this.
    """
    try:
        rows = msgspec.convert(answer, list[_Row])
        for file, error, _ in rows:
            if error is not None:
                template = messages.SYNTAX_ERROR if error[0] else messages.NOT_PARSED
                raise SubmissionRejected(template.format(file=file, line=error[0], detail=error[1]))
        return [_flag_of(file, *finding) for file, _, findings in rows for finding in findings]
    except (msgspec.ValidationError, ValueError):
        raise ProtocolViolation("a malformed report of what stands in the files") from None


def _flag_of(file: str, rule: str, line: int, detail: str) -> Flag:
    """Return a finding as the flag that a person reads."""
    match rule:
        case "character":
            message = messages.FLAG_CHARACTER.format(code=int(detail, 16))
        case "autograd":
            message = messages.FLAG_AUTOGRAD.format(name=detail)
        case "forbidden":
            message = detail
        case _:
            message = messages.FLAG_NAME.format(name=detail)
    return Flag(rule, file, line, message)


def scan_source(file: str, text: str, policy: Policy = NO_POLICY) -> ScanResult:
    """Parse one file and list what a person may want to look at."""
    try:
        tree = ast.parse(text, file)
        compile(tree, file, "exec", dont_inherit=True)  # some syntax errors appear only here: `return` outside, for one
    except SyntaxError as error:
        return ScanResult(file, (error.lineno or 0, error.msg or "invalid syntax"))
    except (RecursionError, MemoryError, ValueError) as error:
        return ScanResult(file, (0, str(error) or "nested too deeply"))
    aliases = _aliases(tree)
    findings = [
        *_suspicious_characters(text),
        *_suspicious_names(tree, aliases),
        *_policy_findings(tree, policy, aliases),
    ]
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


def _suspicious_names(tree: ast.AST, aliases: Aliases) -> list[Finding]:
    findings = []
    for node in ast.walk(tree):
        # `signal.mean()` may be about the student's own variable: a module counts where it is imported.
        listed = _MEMBERS if isinstance(node, ast.Attribute) else _MODULES + _MEMBERS
        for name in _names_in(node, aliases):
            hit = _suspicion(name, listed)
            if hit is not None:
                findings.append(Finding("name", getattr(node, "lineno", 0), hit))
    return findings


def _suspicion(name: str, listed: tuple[str, ...]) -> str | None:
    """Return the builtin that `name` is, or the listed name that it is or lies in."""
    if name in _BUILTINS:
        return name
    return next((entry for entry in listed if name == entry or name.startswith(entry + ".")), None)


def _names_in(node: ast.AST, aliases: Aliases) -> list[str]:
    """Return the dotted names one node of the tree speaks of."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str() as module, names=names):
            return [module, *(f"{module}.{alias.name}" for alias in names)]
        case ast.Attribute():
            # `model.eval()` is no use of eval: of a bare attribute only the double-underscore names count.
            return [_dotted(node, aliases), *([node.attr] if node.attr.startswith("__") else [])]
        case ast.Name(id=name) if name in _BUILTINS:
            return [name]
    return []


def _aliases(tree: ast.AST) -> dict[str, str]:
    """Return what each imported name of a file stands for: `nn` for torch.nn after `from torch import nn`."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    root = alias.name.partition(".")[0]
                    aliases[alias.asname or root] = alias.name if alias.asname else root
            case ast.ImportFrom(module=str() as module, names=names, level=0):
                aliases |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in names}
    return aliases


def _dotted(node: ast.expr, aliases: Aliases) -> str:
    """Return `torch.nn.Linear` for `nn.Linear`; nothing for an attribute of anything but a name."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([aliases.get(node.id, node.id), *reversed(parts)]) if isinstance(node, ast.Name) else ""


# --- what the exercise does not allow -----------------------------------------------------------------------------


def _policy_findings(tree: ast.AST, policy: Policy, aliases: Aliases) -> Iterator[Finding]:
    """Explain the lines that use what the exercise forbids; the guest enforces it, this only says where."""
    for node, scope in _nodes_in_use(tree):
        name = _imported_name(node, aliases)
        rule = next((rule for rule in policy.rules if _covers(rule, name, scope)), None)
        if rule is not None:
            yield Finding("forbidden", node.lineno, messages.FORBIDDEN.format(name=name, sentence=rule.sentence))
        elif policy.autograd == "off" and (found := _switches_autograd_on(node, name)):
            yield Finding("autograd", node.lineno, found)


def _nodes_in_use(tree: ast.AST) -> Iterator[tuple[ast.expr, frozenset[str]]]:
    """Yield calls and whole dotted names outside of annotations, with the classes and functions around each."""
    todo: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    while todo:  # a loop: the tree may be deeper than Python's own calls can go
        node, scope = todo.pop()
        if isinstance(node, ast.Call | ast.Attribute | ast.Name):
            yield node, scope
        while isinstance(node, ast.Attribute):
            node = node.value
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            scope |= {node.name}
        for name, value in ast.iter_fields(node):
            if name not in ("annotation", "returns"):
                children = value if isinstance(value, list) else [value]
                todo += [(child, scope) for child in children if isinstance(child, ast.AST)]


def _imported_name(node: ast.expr, aliases: Aliases) -> str:
    """Return the whole dotted name of something imported; nothing for what the student's own names stand for."""
    root = node
    while isinstance(root, ast.Attribute):
        root = root.value
    return _dotted(node, aliases) if isinstance(root, ast.Name) and root.id in aliases else ""


def _covers(rule: Forbid, name: str, scope: frozenset[str]) -> bool:
    named = any(name == listed or name.startswith(listed + ".") for listed in rule.names)
    return named and (not rule.within or not scope.isdisjoint(rule.within))


def _switches_autograd_on(node: ast.expr, name: str) -> str | None:
    """Return what to call something that looks like a way around `autograd = "off"`."""
    if name in ("torch.enable_grad", "torch.autograd.enable_grad"):
        return "enable_grad"
    match node:
        case ast.Call(func=ast.Name(id="inference_mode") | ast.Attribute(attr="inference_mode")):
            modes = [*node.args, *(keyword.value for keyword in node.keywords)]
            return (
                None
                if all(isinstance(mode, ast.Constant) and mode.value for mode in modes)
                else "inference_mode(False)"
            )
        case ast.Attribute(attr="requires_grad_"):
            return ".requires_grad_()"
        case ast.Call(func=ast.Attribute(attr="backward", value=owner), args=[]):
            # A hand-written layer has a `backward` too, but that takes the upstream gradient or is called on `self`.
            return None if isinstance(owner, ast.Name) and owner.id == "self" else ".backward()"
    return None
