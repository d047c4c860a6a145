"""What a shell completes: names of exercises and of checks.

Runs whenever somebody presses the tab key, so it imports little, and nothing that goes wrong in it is ever said: then
there is nothing to complete.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem, get_completion_class

from grader import __version__
from grader.errors import GraderError

PROGRAM, VARIABLE = "grader", "_GRADER_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


def script(main: click.Group, shell: str) -> str:
    """Return what a shell has to read to complete our commands."""
    found = get_completion_class(shell)
    assert found is not None, "click knows all of SHELLS"
    made = found(main, {}, PROGRAM, VARIABLE)
    # Its own `source` starts a bash to ask for its version; whoever reads the script knows which shell they have.
    return f"# grader {__version__}\n{made.source_template % made.source_vars()}"


def complete_exercise(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the exercises that a word may become: by their short names; by folder where that was begun."""
    try:
        return list(_exercises(incomplete, ctx.params.get(param.name or "") or ()))
    except (GraderError, OSError):
        return []


def complete_check(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the checks of the exercise at hand that a word may become."""
    # Where the word to complete is an option's value, click stops before it gives names to the arguments.
    exercise = ctx.params.get("exercise") or next((word for word in ctx.args if not word.startswith("-")), None)
    try:
        return [CompletionItem(name) for name in _checks(exercise) if name.startswith(incomplete)]
    except (GraderError, OSError, SyntaxError, ValueError):
        return []


def _exercises(incomplete: str, given: str | tuple[str, ...]) -> Iterator[CompletionItem]:
    from grader.course import find_course, load_exercise

    course = find_course()
    for slug in course.slugs():
        short = course.short_name(slug)
        name = next((name for name in (short, slug) if name.startswith(incomplete)), "")
        if name and name not in given:
            yield CompletionItem(name, help=load_exercise(course, slug).title)


def _checks(exercise: str | None) -> list[str]:
    """Return the names of the public checks, and of those that the last result has, without parameters."""
    import ast

    from grader.course import choose_exercise, find_course
    from grader.state import Last, remembered

    course = find_course()
    found = choose_exercise(course, exercise)
    public = ast.parse(found.public_suite.read_bytes()) if found.public_suite.is_file() else ast.Module([], [])
    names = [node.name for node in public.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    checks = remembered(course.root).exercises.get(found.slug, Last()).checks
    return list(dict.fromkeys([*names, *(check.id.partition("[")[0] for check in checks)]))
