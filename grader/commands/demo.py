"""The command that shows the main job: a made class is graded, exported and reported on. Also `make demo`.

Owns the order of the commands, which are those that an instructor types. Needs the whole repository, solutions
included. The hostile hand-in really is run, so never without a fence.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click

from grader import language, messages
from grader.errors import UsageError

_HOSTILE = Path("tests/hostile/exercise1/looks_around.py")
# Something worth stealing: the hostile hand-in looks for names like this one in its environment.
_SECRET = {"DEMO_SECRET_TOKEN": "not for students"}


@click.command(help=messages.CLI_DEMO_HELP)
def demo() -> None:
    """Grade a made class."""
    from grader.author.sample_class import HANDED_IN, ROSTER, STUDENTS, write_class
    from grader.course import find_course, load_exercise
    from grader.sandbox.fence import Tier, strongest_tier

    course = find_course()
    language.use(course.language)
    exercises = [load_exercise(course, slug) for slug in course.slugs()]
    needed = [*(exercise.solution_folder for exercise in exercises), course.root / _HOSTILE]
    for path in needed:
        if not path.exists():
            raise UsageError(messages.DEMO_NEEDS_CLONE.format(folder=path.relative_to(course.root)))
    is_fenced = strongest_tier() is not Tier.NONE
    folder = class_folder(course.root)
    kinds = write_class(folder, exercises, course.root / _HOSTILE if is_fenced else None)
    count, listed = kinds.total(), _listed(kinds)
    click.echo(messages.DEMO_CLASS.format(students=STUDENTS, exercises=len(exercises), count=count, kinds=listed))
    if not is_fenced:
        click.echo(messages.DEMO_UNFENCED)
    os.environ.update(_SECRET)
    graded = str(folder / "graded")
    unfenced = [] if is_fenced else ["--fence", "none", "--allow-unfenced"]
    _type("grade", str(folder / HANDED_IN), "--roster", str(folder / ROSTER), "--out", graded, *unfenced)
    _type("export", graded, "--to", "csv")
    _type("report", graded)


def class_folder(root: Path) -> Path:
    """Return a folder for the class, in the repository's build folder, or elsewhere if that cannot be written.

    What was handed in before is gone. What was graded stays: what has not changed is not judged again.
    """
    folder = root / "build" / "demo"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(folder / "handed-in", ignore_errors=True)
        (folder / "handed-in").mkdir()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="demo-"))
    return folder


def _listed(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


def _type(name: str, *arguments: str) -> None:
    """Show a command and run it, as if it had been typed."""
    from grader.cli import main

    shown = [os.path.relpath(word) if os.path.isabs(word) else word for word in arguments]
    click.echo(f"\n$ grader {name} {shlex.join(shown)}\n")
    status = main.main([name, *arguments], prog_name="grader", standalone_mode=False)
    if status:
        sys.exit(status)
