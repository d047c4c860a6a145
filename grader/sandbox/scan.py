"""Static scan of a student's file: what it says, read without running it.

Runs inside a fenced guest before the file is imported, because even parsing hostile text can crash Python. Imports
nothing of the student's. A finding is evidence for a person or an explanation of a line, never a verdict: what an
exercise forbids is enforced where the code runs.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from grader import messages
from grader.errors import ProtocolViolation
from grader.policy import NO_POLICY, Forbid, Policy
from grader.results import Flag

MAX_FINDINGS = 50

# What homework rarely needs and cheating often does; each is a flag for a person (DESIGN 5.1), never a zero.
_MODULES = (
    "gc", "ctypes", "importlib", "inspect", "threading", "_thread", "multiprocessing", "subprocess", "signal",
    "atexit", "marshal", "mmap", "socket", "pytest", "faulthandler", "concurrent.futures",
)  # fmt: skip
_MEMBERS = (
    "torch._C", "torch.ops", "sys.modules", "sys._getframe", "sys._current_frames", "sys.settrace", "sys.setprofile",
    "os._exit", "os.fork", "os.kill", "os.environ",
)  # fmt: skip
_BUILTINS = frozenset({"exec", "eval", "compile", "__import__", "__builtins__", "__subclasses__", "__globals__"})

# Cyrillic and Armenian, and of Greek what looks like a Latin letter and is no usual name of a quantity.
_LOOK_ALIKE = re.compile(
    "[\u0400-\u058f\u0391\u0392\u0395-\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u03bf]"
)
_LATIN = re.compile("[A-Za-z]")

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


def problem_of(file: str, line: int, detail: str) -> str:
    """Return why Python cannot read a file, as its student reads it; `line` is 0 where no line is to blame."""
    template = messages.SYNTAX_ERROR if line else messages.NOT_PARSED
    # Some of Python's own texts end in a question: "Did you mean print(...)?"
    return template.format(file=file, line=line, detail=detail if detail.endswith(("?", ".")) else f"{detail}.")


_Row = tuple[str, tuple[int, str] | None, list[tuple[str, int, str]]]


def read_report(answer: object) -> tuple[dict[str, str], list[Flag]]:
    """Return why files cannot be read, by name, and what a person may want to look at, from a guest's answer for all.

    Raises:
        ProtocolViolation: no scan of ours can have said this.
    """
    try:
        rows = msgspec.convert(answer, list[_Row])
        problems = {file: problem_of(file, *error) for file, error, _ in rows if error is not None}
        return problems, [_flag_of(file, *finding) for file, _, findings in rows for finding in findings]
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
    """Bidirectional controls and other invisible format characters anywhere, and letters that pass for Latin ones."""
    return _invisible(text) + _look_alikes(text)


def _look_alikes(text: str) -> list[Finding]:
    """Letters of another alphabet within a name of Latin ones; names wholly in another alphabet are honest."""
    if not _LOOK_ALIKE.search(text):
        return []
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    names = ((token.start[0], token.string) for token in tokens if token.type == tokenize.NAME)
    return [
        Finding("character", line, f"{ord(letter):04X}")
        for line, name in names
        if _LATIN.search(name)
        for letter in _LOOK_ALIKE.findall(name)
    ]


def _invisible(text: str) -> list[Finding]:
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
    return next((entry for entry in listed if _lies_in(name, entry)), None) if name else None


def _lies_in(name: str, entry: str) -> bool:
    return name.startswith(entry) and (len(name) == len(entry) or name[len(entry)] == ".")


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
        rule = next((rule for rule in policy.rules if _covers(rule, name, scope)), None) if name else None
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
    named = any(_lies_in(name, listed) for listed in rule.names)
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
