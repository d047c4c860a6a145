"""The corpus as a document, docs/hostile-corpus.md, made of what the tests read: `python -m tests.hostile.table`.

Pure but for `main`. A test asserts that the file says what the corpus says. Must not know how anything is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import get_args

from grader.results import Outcome

from .catalogue import coverage, titles
from .controls import CONTROLS, Control, in_words
from .entries import EVERY_CHECK, GROUPS, Entry, Expect, TierName, load_entries
from .switches import SWITCHES

FILE = Path(__file__).resolve().parents[2] / "docs" / "hostile-corpus.md"
_HEAD = """\
# The corpus of hostile and broken submissions

Made by `python -m tests.hostile.table` from `tests/hostile/`; a test fails where it is out of date. What it is for and
how it is run: [security.md](security.md).
"""
_CONTROLS = """\
## Positive controls

Each layer can be switched off in tests, and in tests only: a zygote of their own (`tests/hostile/switches.py`) replaces
a function or two of ours in what it forks. The submission beside a layer succeeds while it is off and is stopped while
it is on; all else is alike. Where several layers stop the same, the others are off in both states. `make hostile`
prints what it saw.
"""
_GROUP_HEADING = ("submission", "what it tries", "kinds", "layers", "what its author sees", "tiers", "also tried")
_CONTROLS_IN_WORDS = {"planted": "with a canary planted where it looks", "unfenced": "without a fence"}
_SENTENCE_CHARS = 90
_MARKUP = re.compile(r"[\\*_<\[\]]")


def document() -> str:
    """Return the whole document."""
    entries = load_entries()
    parts = [_HEAD, _CONTROLS, "\n".join(_controls()) + "\n"]
    for group in GROUPS:
        rows = [_row(entry) for entry in entries if entry.folder.parent.name == group]
        parts += [f"## {group}: {len(rows)}\n", "\n".join(_rows(_GROUP_HEADING, rows)) + "\n"]
    parts += ["## Covered by other tests\n", "\n".join(_elsewhere()) + "\n"]
    return "\n".join([*parts, "## Not tried\n", "\n".join(_untried(entries)) + "\n"])


def _controls() -> Iterator[str]:
    heading = ("layer", "submission", "it succeeds if", "while the layer is off", "off in both states")
    return _rows(heading, [_control(control) for control in CONTROLS])


def _control(control: Control) -> Sequence[str]:
    rule = f", with `{control.forbids}` forbidden" if control.forbids else ""
    also = ", ".join(control.also)
    return (control.layer, f"`{control.entry}`{rule}", in_words(control.sign), "; ".join(_off(control)), also)


def _off(control: Control) -> Iterator[str]:
    for switch in SWITCHES[control.layer]:
        yield f"{switch.says} (`{switch.module.removeprefix('grader.')}.{switch.name}`, in the {switch.process})"


def _row(entry: Entry) -> Sequence[str]:
    expect, name = entry.expect, entry.folder.name
    link = f"[{name}](../tests/hostile/{entry.name})"
    tiers = "both" if expect.tiers == get_args(TierName) else ", ".join(expect.tiers)
    seen = f"**skipped:** {_plain(expect.skip)}" if expect.skip else _seen(expect)
    also = [_CONTROLS_IN_WORDS[expect.control]] if expect.control else []
    also += [f"without {control.layer}" for control in CONTROLS if control.entry == entry.name]
    return (
        link,
        _plain(expect.what),
        " ".join(expect.catalogue),
        ", ".join(expect.layer),
        seen,
        tiers,
        "; ".join(also),
    )


def _seen(expect: Expect) -> str:
    """Return the outcomes, and the sentence that is asserted first."""
    named = [check for check in expect.outcomes if check != EVERY_CHECK]
    groups: dict[tuple[Outcome, ...], list[str]] = {}
    for check in named:
        groups.setdefault(expect.allowed(check), []).append(check.removeprefix("test_"))
    said = [f"{_either(outcomes)} in {', '.join(checks)}" for outcomes, checks in groups.items()]
    if EVERY_CHECK in expect.outcomes:
        said.append(f"{_either(expect.allowed(EVERY_CHECK))} in {'the others' if named else 'every check'}")
    sentence = next((text.strip() for text in expect.says if text.strip()), "")
    return "; ".join(said) + (f": “{_plain(_cut(sentence))}”" if sentence else "")


def _either(outcomes: tuple[Outcome, ...]) -> str:
    return " or ".join(f"`{outcome.value}`" for outcome in outcomes)


def _cut(sentence: str) -> str:
    return sentence if len(sentence) <= _SENTENCE_CHARS else sentence[:_SENTENCE_CHARS].rstrip() + " …"


def _elsewhere() -> Iterator[str]:
    covered = [item for group in GROUPS for item in coverage(group).elsewhere.items()]
    tests = {id: "<br>".join(f"`{place.rpartition('/')[2]}`" for place in places) for id, places in covered}
    return _rows(("kind", "what it is", "tests"), [(id, _plain(titles()[id]), names) for id, names in tests.items()])


def _untried(entries: Iterable[Entry]) -> Iterator[str]:
    rows = [(id, titles()[id], why) for group in GROUPS for id, why in coverage(group).skipped.items()]
    rows += [(entry.name, entry.expect.what, entry.expect.skip) for entry in entries if entry.expect.skip]
    return _rows(("kind or submission", "what it is", "why not"), [tuple(map(_plain, row)) for row in rows])


def _rows(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heading)} |"
    yield f"|{'---|' * len(heading)}"
    for row in rows:
        yield f"| {' | '.join(_cell(text) for text in row)} |".replace("  |", " |")


def _cell(text: str) -> str:
    """Return a text as one line that cannot end a cell."""
    return " ".join(text.split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """Return a text in which nothing is taken for markup, but names between backticks."""
    pieces = text.split("`")
    return "`".join(_MARKUP.sub(r"\\\g<0>", piece) if place % 2 == 0 else piece for place, piece in enumerate(pieces))


def main() -> None:
    """Write the document."""
    FILE.write_text(document(), "utf-8")


if __name__ == "__main__":
    main()
