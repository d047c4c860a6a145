"""DESIGN's import graph and the size budget, measured: beauty stays a fact, not a mood."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "grader"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
FILE_LINES, FUNCTION_LINES, MEDIAN_LINES = 400, 60, 10
HEAVY = {"torch", "numpy", "pytest"}


def imports_of(module: str, at_top_only: bool = False) -> set[str]:
    """Return the dotted names a module imports; relative ones and those for type checking alone are left out."""
    tree = ast.parse(MODULES[module].read_text())
    nodes = tree.body if at_top_only else list(_runtime_nodes(tree))
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _runtime_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Walk the tree, without what stands under `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _runtime_nodes(child)


def needed_at_import(module: str) -> set[str]:
    """Return every module, ours or not, that importing `module` brings in through our own files."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        for name in imports_of(todo.pop(), at_top_only=True):
            if name not in seen:
                seen.add(name)
                todo += [name] if name in MODULES else []
    return seen


def roots(names: set[str]) -> set[str]:
    """Return the first part of every dotted name."""
    return {name.split(".")[0] for name in names}


def modules_under(prefix: str) -> list[str]:
    """Return our modules whose dotted name is or begins with `prefix`."""
    return [name for name in MODULES if name == prefix or name.startswith(prefix + ".")]


@pytest.mark.parametrize(
    "module",
    [
        "grader.cli",
        "grader.__main__",
        "grader.show",
        "grader.doctor",
        "grader.grade",
        "grader.report.render",
        "grader.report.classroom",
        *modules_under("grader.commands"),
        *modules_under("grader.classroom"),
        "grader.author.gradescope",
        "grader.author.own_wheel",
        "grader.author.release",
        "grader.author.released_folder",
        "grader.author.scaffold",
    ],
)
def test_the_command_line_process_never_imports_torch(module: str) -> None:
    """Neither the command line nor anything it imports of ours imports torch, numpy or pytest."""
    assert not roots(needed_at_import(module)) & HEAVY


@pytest.mark.parametrize("module", modules_under("grader.sandbox"))
def test_the_sandbox_knows_nothing_above_it(module: str) -> None:
    """No module under sandbox imports suite, classroom, report, or what judges and grades."""
    above = {"suite", "classroom", "report", "author", "cli", "show", "grade", "course", "submission", "doctor", "demo"}
    assert not {name for name in imports_of(module) if name.split(".")[0] == "grader" and name.split(".")[1:2] and
                name.split(".")[1] in above}  # fmt: skip


def test_wire_knows_no_sockets() -> None:
    """The codec turns values into bytes and back; how bytes travel is not its business."""
    assert not roots(imports_of("grader.sandbox.wire")) & {"socket", "select", "selectors", "os", "pickle"}


def test_channel_knows_no_tensors() -> None:
    """The channel carries bytes against a deadline; what they mean is not its business."""
    assert not roots(imports_of("grader.sandbox.channel")) & {"torch", "numpy", "pickle"}


@pytest.mark.parametrize("module", modules_under("grader.sandbox.fence"))
def test_the_fence_knows_neither_tensors_nor_sockets(module: str) -> None:
    """The fence isolates a process, whatever runs in it and however it is reached."""
    assert not roots(imports_of(module)) & {"torch", "numpy", "socket", "pickle"}


def test_nothing_unpickles_or_evaluates() -> None:
    """No module imports pickle, marshal, shelve or dill, or calls eval."""
    for module, path in MODULES.items():
        assert not roots(imports_of(module)) & {"pickle", "marshal", "shelve", "dill", "cloudpickle"}, module
        assert "eval" not in called_names(path), module


def test_only_the_guest_executes_student_code() -> None:
    """exec appears nowhere but in the guest; compile there and in the scan, which runs nothing."""
    for module, path in MODULES.items():
        if not module.startswith("grader.sandbox.guest"):
            assert "exec" not in called_names(path), module
            assert "compile" not in called_names(path) or module == "grader.sandbox.scan", module


def called_names(path: Path) -> set[str]:
    """Return the plain names that are called in a file, such as exec in `exec(code)`."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


def functions() -> list[tuple[str, int]]:
    """Return (place, number of lines) of every function of the package."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or node.lineno) - node.lineno + 1)
        for path in MODULES.values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_files_stay_short() -> None:
    """No file of the package has more than 400 lines."""
    counted = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES.values()}
    assert {file: lines for file, lines in counted.items() if lines > FILE_LINES} == {}


def test_functions_stay_short() -> None:
    """No function has more than 60 lines, and half of them fewer than 10."""
    assert [(place, lines) for place, lines in functions() if lines > FUNCTION_LINES] == []
    assert statistics.median(lines for _, lines in functions()) < MEDIAN_LINES


def test_every_module_says_what_it_owns() -> None:
    """Each module of more than 20 lines opens with a docstring."""
    silent = [
        module
        for module, path in MODULES.items()
        if len(path.read_text().splitlines()) > 20 and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def sentences() -> list[str]:
    """Return the name of every template, as often as it is defined."""
    trees = [ast.parse(MODULES[module].read_text()) for module in modules_under("grader.messages")]
    return [node.targets[0].id for tree in trees for node in tree.body if isinstance(node, ast.Assign)]  # type: ignore[attr-defined]


def test_no_sentence_is_defined_twice() -> None:
    """A second definition would silently replace the first, in the same module or in another one."""
    names = sentences()
    assert sorted(name for name in set(names) if names.count(name) > 1) == []


def test_every_sentence_is_said_somewhere() -> None:
    """A template that no module uses is a promise nobody keeps."""
    files = [path for module, path in MODULES.items() if module not in modules_under("grader.messages")]
    source = "\n".join(path.read_text() for path in [*files, *PACKAGE.rglob("*.j2")])
    assert [name for name in sentences() if f"messages.{name}" not in source] == []


def test_only_the_store_speaks_sql() -> None:
    """No module imports sqlite3 but those that the store consists of."""
    speakers = {"grader.classroom.store", "grader.classroom.schema", "grader.classroom.database"}
    assert {module for module in MODULES if "sqlite3" in roots(imports_of(module))} == speakers
