"""Stubs made of references: by their marks, and only where these are whole; the course's own are in step."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.author.stubs import is_marked, stub_of, without_marks
from grader.errors import CourseError

ROOT = Path(__file__).resolve().parents[2]
REFERENCES = sorted((ROOT / "solutions").glob("exercise*/*.py"))

REFERENCE = '''"""Says what to do."""

import math  # ours
from typing import Any


class Layer:
    """Keeps a number."""

    # <ours>
    kept: float

    # </ours>
    def __init__(self, size: int) -> None:
        # <todo: 1 line.>
        self.kept = math.sqrt(size)
        # </todo>

    def scaled(self, x: Any) -> Any:
        """Scale."""
        # <todo: about 2 lines. Which comes first?>

        def by(y: Any) -> Any:
            return y * self.kept

        return by(x)
        # </todo>

    # <ours>
    def _hidden(self) -> int:
        return 1

    # </ours>


def given() -> int:
    """Is given."""
    return 1


# <ours>
def _helper() -> int:
    return 2


# </ours>
'''
STUB = '''"""Says what to do."""

from typing import Any


class Layer:
    """Keeps a number."""

    def __init__(self, size: int) -> None:
        # TODO: 1 line.
        raise NotImplementedError("Layer")

    def scaled(self, x: Any) -> Any:
        """Scale."""
        # TODO: about 2 lines. Which comes first?
        raise NotImplementedError("Layer.scaled")


def given() -> int:
    """Is given."""
    return 1
'''


def test_a_stub_is_the_reference_without_what_is_marked() -> None:
    """Bodies become a TODO and the name of what is to be written; what is ours leaves no gap behind."""
    assert stub_of(REFERENCE, "work.py") == STUB


def test_a_reference_without_marks_computes_the_same() -> None:
    """Whoever hands it in as an example shows neither marks nor their end."""
    bare = without_marks(REFERENCE)
    assert not is_marked(bare)
    assert "ours" not in bare
    assert "import math\n" in bare
    assert "return y * self.kept" in bare


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# <todo: 1 line.>", "# <todo>", "work.py, line 15: `# <todo>` is no mark"),
        ("# <todo: 1 line.>", "# <ours>", "line 17: `# </todo>` is no mark"),
        ("        # </todo>\n\n    def scaled", "\n    def scaled", "line 20: `# <todo: about 2"),
        ("# </ours>\n    def __init__", "# </our>\n    def __init__", "line 15: `# <todo: 1 line.>` is no mark"),
        ("    kept: float\n", "    # <todo: 1 line.>\n", "line 11: `# <todo: 1 line.>` is no mark"),
        ("    # <ours>\n    kept: float\n\n    # </ours>\n", "    # <todo: a>\n    # </todo>\n", "line 10: .* outside"),
        ("    return 2\n\n\n# </ours>\n", "    return 2\n", "line 41: this mark is never closed. `# </ours>`"),
        ("class Layer:", "class Layer", "cannot be read as Python"),
        ("        # <todo: 1 line.>\n", "        # <ours>\n        # </ours>\n", "`# </todo>` is no mark"),
    ],
)  # fmt: skip
def test_a_broken_mark_is_the_courses_mistake(old: str, new: str, said: str) -> None:
    """Every message names file and line; nothing half-made comes out."""
    assert REFERENCE.count(old) == 1
    text = REFERENCE.replace(old, new)
    with pytest.raises(CourseError, match=said):
        stub_of(text, "work.py")


def test_what_is_left_must_be_python() -> None:
    """A mark that takes too much away is found before a student gets the stub."""
    text = REFERENCE.replace("def given", "# <ours>\nclass X:\n# </ours>\n    def given")
    with pytest.raises(CourseError, match="with or without what is marked"):
        stub_of(text, "work.py")


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: path.parent.name)
def test_stubs_and_references_are_in_step(path: Path) -> None:
    """What students get is what the marks of our solution say, byte for byte."""
    made = stub_of(path.read_text(encoding="utf-8"), path.name)
    assert made == (ROOT / "exercises" / path.parent.name / path.name).read_text(encoding="utf-8")


def test_every_reference_is_there() -> None:
    """The test above looks at all five."""
    assert len(REFERENCES) == 5
