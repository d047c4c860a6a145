"""What students get: all that they need, nothing that is ours, and a copy in which mistakes still have names."""

from __future__ import annotations

import ast
import dataclasses
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from grader import language
from grader.author.compile import try_copy
from grader.author.own_wheel import wheel_files, wheel_name
from grader.author.release import MANIFEST, Release, release
from grader.author.released_files import for_students, toml
from grader.author.released_folder import write_release
from grader.author.released_readme import readme
from grader.course import Exercise, load_course, load_exercise
from grader.diagnosis.atlas import Entry, WrongAnswer, wrong_answers
from grader.diagnosis.bench import entry_of, names_for
from grader.diagnosis.compiled import compiled_path
from grader.diagnosis.evidence import Nearness, nearness
from grader.errors import CourseError, UsageError
from grader.grade import Grader
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import Zygote
from grader.submission import read_submission
from grader.zipped import zipped

from .tiny_course import SLUG, make_course

ROOT = Path(__file__).resolve().parents[2]
# Whatever has this word in it is ours and must not come out; each place has its own, so that a failure says which.
OURS = "c4nary"

PUBLIC = '''
    """The worked example."""

    import torch
    from grader.suite import expect_close, points

    @points(2)
    def test_double(submission):
        """Doubles."""
        expect_close(submission.double(torch.tensor([1.5, -2.0])), torch.tensor([3.0, -4.0]), label="twice")
'''
HIDDEN = '''
    """c4nary-hidden-suite"""

    import torch
    from grader.suite import expect_close, points
    from .oracles import SECRET

    @points(3)
    def test_c4nary_hidden_id(submission):
        """c4nary-hidden-title"""
        expect_close(submission.shift(torch.tensor([SECRET])), torch.tensor([SECRET + 1]), label="c4nary-label")
'''
REFERENCE = '''
    # <ours>
    # c4nary-reference-head
    # </ours>
    """Two functions."""

    from torch import Tensor


    def double(x: Tensor) -> Tensor:
        """Twice x."""
        # <todo: 1 line.>
        # c4nary-reference
        return 2 * x
        # </todo>


    def shift(x: Tensor) -> Tensor:
        """One more than x."""
        # <todo: 1 line.>
        return x + 1
        # </todo>
'''
STUB = '''
    """Two functions."""

    from torch import Tensor


    def double(x: Tensor) -> Tensor:
        """Twice x."""
        # TODO: 1 line.
        raise NotImplementedError("double")


    def shift(x: Tensor) -> Tensor:
        """One more than x."""
        # TODO: 1 line.
        raise NotImplementedError("shift")
'''
EXERCISE = f"""
hints = ["Begin with the first."]
hints_zh_CN = ["从第一个开始。"]

# {OURS}-comment of exercise.toml
[limits]
check_wall_s = 5.0

[[policy.forbid]]
names = ["torch.add"]
sentence = "it is \\"ready made\\", \\\\ or so."
within = ["shift"]

[[policy.forbid]]
names = ["torch.mul"]
sentence = "likewise."
"""


def wrong(name: str, statement: str, double: str, shift: str, fails: str) -> str:
    """Return a wrong answer with its header."""
    return f'''"""{name}: {statement}

H0: {statement} Seen.
H1: {statement} Asked.
H2: {statement} Known.
zh_CN: {statement} 中文。
H0_zh_CN: {statement} 一。
H1_zh_CN: {statement} 二。
H2_zh_CN: {statement} 三。
Fails: {fails}
"""

# c4nary-code-of-a-wrong-answer


def double(x):
    return {double}


def shift(x):
    return {shift}
'''


# Two that the public check tells apart, two that it cannot, one that only the hidden check notices.
BOTH = "test_double, test_c4nary_hidden_id"
WRONG = {
    "not_doubled": wrong("not-doubled", "gives x back.", "x.clone()", "x + 1", "test_double"),
    "halved": wrong("halved", "halves.", "x / 2", "x + 1", "test_double"),
    "twin_one": wrong("c4nary-twin-one", "c4nary-statement-one.", "3 * x", "x + 1", "test_double"),
    "twin_two": wrong("c4nary-twin-two", "c4nary-statement-two.", "3 * x", "x - 1", BOTH),
    "unseen": wrong("c4nary-unseen", "c4nary-statement-unseen.", "2 * x", "x - 1", "test_c4nary_hidden_id"),
}
FILES = {
    "course.toml": 'name = "Tiny"\nseed = 7\n# c4nary-comment of course.toml\n[canvas]\n1 = "c4nary-column"\n',
    f"exercises/{SLUG}/work.py": STUB,
    f"exercises/{SLUG}/README.md": "# Tiny\n\n![a picture](picture.svg)\n",
    f"exercises/{SLUG}/README.zh_CN.md": "# 小\n",
    f"exercises/{SLUG}/picture.svg": "<svg/>\n",
    f"exercises/{SLUG}/notes.md": "c4nary-notes\n",
    f"exercises/{SLUG}/work.py.bak": "c4nary-backup\n",
    f"solutions/{SLUG}/work.py": REFERENCE,
    f"solutions/{SLUG}/mutants.toml": "# c4nary-mutants\n",
    f"solutions/{SLUG}/equivalent/other.py": "# c4nary-equivalent\ndef double(x):\n    return x + x\n",
    f"tests/hidden/{SLUG}/__init__.py": "",
    f"tests/hidden/{SLUG}/draws.key": f"{'5a' * 32}\n",
    f"tests/hidden/{SLUG}/oracles.py": "# c4nary-oracle\nSECRET = 71.828125\n",
    f"tests/hidden/{SLUG}/calibration.toml": '# c4nary-calibration\nschema = "grader.calibration/1"\n',
    **{f"solutions/{SLUG}/wrong/{name}.py": text for name, text in WRONG.items()},
}


def quiet(done: int, total: int) -> None:
    """Nobody watches."""


def made_course(root: Path, **changed: str) -> Exercise:
    """Write the course, with other texts for some of its files by their names."""
    files = FILES | {path: text for path in FILES for name, text in changed.items() if Path(path).stem == name}
    return make_course(root, HIDDEN, changed.get("test_public", PUBLIC), points=5, files=files, more=EXERCISE)


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """The exercise at the instructor's."""
    return made_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def released(exercise: Exercise) -> Release:
    """What comes of it."""
    return release(exercise.course, [exercise], Tier.NONE, quiet)


@pytest.fixture(scope="module")
def copy(released: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student's copy."""
    folder = tmp_path_factory.mktemp("student") / "course"
    write_release(released.files, folder, force=False)
    return folder


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    language.use(language.ENGLISH)


def contents(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yield every text in a release by where it is: files, what is in archives and behind compression, and names."""
    for path, data in files.items():
        if path.endswith((".whl", ".zip")):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                inside = {f"{path}!{name}": archive.read(name) for name in archive.namelist()}
            yield from contents(inside)
        elif path.endswith(".gz"):
            yield path, gzip.decompress(data).decode("latin-1")
        else:
            yield path, data.decode("latin-1") if b"\0" in data else data.decode()
        yield f"the name of {path}", path


def found(files: Mapping[str, bytes], pattern: str) -> list[tuple[str, str]]:
    """Return where a pattern stands in a release."""
    return [(place, match) for place, text in contents(files) for match in re.findall(pattern, text)]


# --- nothing of ours ------------------------------------------------------------------------------------------------


def test_nothing_of_ours_is_in_any_file(released: Release) -> None:
    """No solution, wrong answer, hidden check, calibration or note, also inside of archives; nor a hidden number."""
    assert found(released.files, rf"{OURS}[\w-]*|71\.828|72\.828|5a5a5a") == []


def test_the_search_finds_what_is_hidden_in_an_archive(released: Release) -> None:
    """The test above would notice: in a plain file, in the wheel, behind gzip and in a name."""
    wheel = zipped({**wheel_files(), "grader/author/x.py": b"# c4nary-wheel"})
    planted = {wheel_name(): wheel, "a.gz": gzip.compress(b"c4nary-gz"), "c4nary-name": b"c4nary-file"}
    assert {match for _, match in found(planted, rf"{OURS}[\w-]*")} == {
        "c4nary-wheel", "c4nary-gz", "c4nary-name", "c4nary-file",
    }  # fmt: skip
    assert {place for place, _ in found(released.files, "gives x back")} == {compiled_path(SLUG)}


def test_a_release_holds_these_files_and_no_others(released: Release) -> None:
    """What is not known to be for students is left out, and told."""
    place = f"exercises/{SLUG}"
    assert set(released.files) == {
        "README.md", "course.toml", "requirements.txt", wheel_name(),
        ".grader/.gitignore", MANIFEST, compiled_path(SLUG), f".grader/stubs/{SLUG}/work.py",
        f"{place}/README.md", f"{place}/README.zh_CN.md", f"{place}/exercise.toml", f"{place}/picture.svg",
        f"{place}/test_public.py", f"{place}/work.py",
    }  # fmt: skip
    assert released.left_out == (f"{place}/notes.md", f"{place}/work.py.bak")


def test_only_what_public_checks_tell_apart_has_a_name(released: Release) -> None:
    """Two mistakes with one value have none, so that neither is taken for the other; an unseen one is not there."""
    atlas = json.loads(released.files[compiled_path(SLUG)])
    assert [mistake.get("id") for mistake in atlas["mistakes"]] == ["halved", "not-doubled", None, None]
    assert {check for mistake in atlas["mistakes"] for check in mistake["outcomes"]} == {"test_double"}
    assert set(atlas["mistakes"][2]) == {"outcomes", "evidence"}


def test_nothing_hidden_of_the_courses_own_exercises_is_for_students() -> None:
    """No id, title or helper's name of a hidden check and no line of a solution, in the files or in the wheel."""
    course = load_course(ROOT)
    exercises = [load_exercise(course, slug) for slug in course.slugs()]
    files = for_students(course, exercises).files | {wheel_name(): zipped(wheel_files())}
    texts = "\n".join(text for _, text in contents(files))
    words = set(re.findall(r"\w+", texts))
    secret = {name: said for one in exercises for name, said in hidden_checks(one).items()}
    assert len(secret) > 200
    assert sorted(secret.keys() & words) == []
    assert sorted(said for said in secret.values() if said in texts) == []
    assert sorted(line for one in exercises for line in solution_lines(one) if line in texts) == []


def hidden_checks(exercise: Exercise) -> dict[str, str]:
    """Return the titles of the hidden checks by their names."""
    trees = [ast.parse(path.read_text()) for path in exercise.hidden_folder.glob("test_*.py")]
    functions = [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]
    checks = [node for node in functions if node.name.startswith("test_")]
    return {node.name: (ast.get_docstring(node) or "").splitlines()[0] for node in checks}


def solution_lines(exercise: Exercise) -> list[str]:
    """Return the lines between the marks of a reference that are long enough to be nobody else's."""
    text = (exercise.solution_folder / exercise.files[0]).read_text()
    regions = re.findall(r"# <todo: .*?>\n(.*?)# </todo>", text, re.DOTALL)
    lines = {line.strip() for region in regions for line in region.splitlines()}
    assert len(regions) >= 15
    return sorted(line for line in lines if len(line) > 40)


# --- the copy works -------------------------------------------------------------------------------------------------


def in_copy(folder: Path, *arguments: str, work: str) -> subprocess.CompletedProcess[str]:
    """Run the grader of the copy's own wheel in it, with something handed in."""
    package = folder.parent / "installed"
    if not package.is_dir():
        with zipfile.ZipFile(folder / wheel_name()) as archive:
            archive.extractall(package)
    (folder / "exercises" / SLUG / "work.py").write_text(work)
    told = os.environ | {"PYTHONPATH": str(package), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-P", "-m", "grader", *arguments]
    return subprocess.run(command, cwd=folder, env=told, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def student(released: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that a student works in."""
    folder = tmp_path_factory.mktemp("working") / "course"
    write_release(released.files, folder, force=False)
    return folder


def test_a_students_check_names_the_mistake_and_says_what_is_judged_later(student: Path) -> None:
    """Without the course: the mistake and its hint come from the compiled atlas, the score is that of public checks."""
    done = in_copy(student, "check", "exercise1", "--fence", "none", work=WRONG["not_doubled"])
    said = " ".join(done.stdout.split())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "gives x back." in said
    assert "Score 0 / 2, 0 of 1 checks passed" in said
    assert "The hidden ones, worth 3 more points, run when you hand in." in said
    hint = in_copy(student, "hint", "exercise1", work=WRONG["not_doubled"])
    assert "gives x back. Seen." in " ".join(hint.stdout.split())


def test_names_come_from_the_atlas_where_it_fits(copy: Path, exercise: Exercise, zygote: Zygote) -> None:
    """The same mistake as at the instructor's; none for a tie, for another seed, suite or grader, or a damaged file."""
    own = load_exercise(load_course(copy), "1")
    path = copy / compiled_path(SLUG)
    whole = path.read_bytes()
    with Grader(own, Tier.NONE, zygote) as grader:

        def name(answer: str, seed: int = 7) -> str | None:
            judgement = grader.judge(read_submission(own, exercise.solution_folder / "wrong" / f"{answer}.py"))
            [check] = names_for(grader, seed).applied(judgement, own).checks
            return check.diagnosis.misconception if check.diagnosis else None

        assert [name(answer) for answer in WRONG] == ["not-doubled", "halved", None, None, None]
        assert name("halved", seed=8) is None
        for key in ("suite_sha256", "judged_by", "exercise"):
            path.write_text(json.dumps(json.loads(whole) | {key: "other"}))
            assert name("halved") is None
        path.write_bytes(whole[:-20])
        assert name("halved") is None
        path.write_bytes(whole)
        assert name("halved") == "halved"


def test_the_atlas_is_the_same_in_another_dialect_of_the_processor(tmp_path: Path, zygote: Zygote) -> None:
    """A student's processor may have no wide registers: outcomes stay, and every value is taken for the same."""
    exercise = load_exercise(load_course(ROOT), "3")
    own = copied(exercise, tmp_path / "copy")
    public = set(re.findall(r"def (test_\w+)", exercise.public_suite.read_text()))
    answers = [answer for answer in wrong_answers(exercise) if public & set(answer.misconception.fails)][::5]
    with Zygote.start(cpu_capability="default") as plain:
        plain.wait_until_ready()
        here, there = (recorded(own, answers, dialect) for dialect in (zygote, plain))
    assert sum(len(entry.evidence) for entry in here) >= 4
    for one, other in zip(here, there, strict=True):
        assert one.outcomes == other.outcomes
        assert one.evidence.keys() == other.evidence.keys()
        assert {nearness(one.evidence[check], other.evidence[check]) for check in one.evidence} <= {Nearness.SAME}


def recorded(exercise: Exercise, answers: list[WrongAnswer], zygote: Zygote) -> list[Entry]:
    """Return what wrong answers leave in all checks of a copy."""
    with Grader(exercise, Tier.NONE, zygote) as grader:
        return [entry_of(grader, answer, 7, keyword="") for answer in answers]


def test_a_course_with_solutions_does_not_look_at_a_compiled_atlas(
    exercise: Exercise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An instructor's course names what its own wrong answers show."""
    monkeypatch.setattr("grader.diagnosis.bench.atlas_of", lambda *arguments: [])
    names = names_for(cast(Grader, SimpleNamespace(exercise=exercise)), 7)
    assert set(names.misconceptions) == {
        "not-doubled", "halved", "c4nary-twin-one", "c4nary-twin-two", "c4nary-unseen",
    }  # fmt: skip


def test_what_exercise_toml_says_stays_the_same(copy: Path, exercise: Exercise) -> None:
    """Its comments and nothing else are gone; the course keeps its name, seed and language."""
    own = load_exercise(load_course(copy), "1")
    course = dataclasses.replace(exercise.course, root=copy.resolve(), canvas={})
    assert own == dataclasses.replace(exercise, course=course)


def test_the_kept_stub_is_the_one_that_was_given_out(released: Release) -> None:
    """`grader reset` finds under .grader/stubs what the exercise's folder held at first."""
    assert released.files[f".grader/stubs/{SLUG}/work.py"] == released.files[f"exercises/{SLUG}/work.py"]


def test_git_keeps_what_was_given_out_and_nothing_else_of_the_graders_folder(released: Release, tmp_path: Path) -> None:
    """A course that is handed on by git has its atlas and its stubs, and no student's state."""
    write_release(released.files, tmp_path / "course", force=False)
    (tmp_path / "course" / ".grader" / "state.json").write_text("{}")
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=tmp_path / "course", check=True, timeout=60)
    listed = subprocess.run(["git", "ls-files"], cwd=tmp_path / "course", capture_output=True, text=True, timeout=60)
    assert set(listed.stdout.split()) == set(released.files)


# --- the same bytes, and a list of them -----------------------------------------------------------------------------


def test_the_same_course_makes_the_same_bytes(
    exercise: Exercise, released: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing was judged before, and in another folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(exercise.course.root, tmp_path / "moved")
    again = load_exercise(load_course(tmp_path / "moved"), "1")
    assert release(again.course, [again], Tier.NONE, quiet).files == released.files


def test_the_list_names_every_file_and_what_it_was_made_from(exercise: Exercise, released: Release) -> None:
    """A change of what students do not get is another course."""
    listed = json.loads(released.files[MANIFEST])
    assert set(listed["files"]) == set(released.files) - {MANIFEST}
    assert listed["course"], listed["seed"] == ("Tiny", 7)
    assert re.fullmatch("[0-9a-f]{64}", listed["made_from"][SLUG])


def test_pip_is_told_of_the_wheel_beside_it_and_of_one_version_of_everything(released: Release) -> None:
    """The grader comes from the folder; what only some machines need is left to pip."""
    first, *others = released.files["requirements.txt"].decode().splitlines()
    assert first == f"./{wheel_name()}"
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in others)
    assert {"torch", "numpy", "pytest", "click"} <= {line.partition("==")[0] for line in others}


def test_the_first_page_is_in_the_courses_language_and_in_english(exercise: Exercise) -> None:
    """Both commands, every exercise with its statement in that language, and what is judged later."""
    page = readme(exercise.course, [exercise], {SLUG: 2.0}, "2.13.0").decode()
    assert "python -m pip install -r requirements.txt\n" in page
    assert "\ngrader check exercise1\n" in page
    assert f"| [Tiny](exercises/{SLUG}/README.md) | `work.py` | 2 | 5 |\n" in page
    chinese = dataclasses.replace(exercise.course, language="zh_CN")
    both = readme(chinese, [exercise], {SLUG: 2.0}, "2.13.0").decode()
    assert both.endswith("\n---\n\n" + page)
    assert both.startswith("# Tiny\n\n由你来写的练习")
    assert f"| [Tiny](exercises/{SLUG}/README.zh_CN.md) |" in both


def test_toml_is_written_as_it_was_meant() -> None:
    """Whatever a string holds, lists that are long, tables in tables."""
    import tomllib

    said = {
        "text": 'quotes " and \\ and \n and \x7f and 中',
        "number": 1.5,
        "many": ["a" * 60, "b" * 60],
        "none": [],
        "yes": True,
        "table": {"key": 1, "rows": [{"a": 1, "deep": {"b": 2}}, {"a": 3}]},
    }
    assert tomllib.loads(toml(said)) == said


# --- what must not be given out -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "text", "said"),
    [
        (f"exercises/{SLUG}/work.py", "def double(x):\n    return x\n", "work.py is not what the marks in solutions/"),
        (f"solutions/{SLUG}/work.py", STUB, "the same as solutions/.*: students would get the solution"),
        (f"exercises/{SLUG}/test_public.py", None, "test_public.py is not there. Without public checks"),
        (f"exercises/{SLUG}/work.py", None, "work.py"),
    ],
)
def test_a_course_that_is_not_ready_is_not_given_out(
    tmp_path: Path, path: str, text: str | None, said: str
) -> None:  # fmt: skip
    """A stub that somebody has worked in, a solution in its place, nothing to check with; before anything is judged."""
    exercise = made_course(tmp_path)
    place = tmp_path / path
    place.unlink() if text is None else place.write_text(textwrap.dedent(text).lstrip("\n"))
    if text == STUB:
        (tmp_path / f"exercises/{SLUG}/work.py").write_text(place.read_text())
    with pytest.raises(CourseError, match=said):
        for_students(exercise.course, [exercise])


def test_without_solutions_there_is_no_release(tmp_path: Path) -> None:
    """A student's copy cannot be given out again."""
    exercise = made_course(tmp_path)
    shutil.rmtree(exercise.solution_folder)
    with pytest.raises(UsageError, match="A release is made where the solutions are"):
        release(exercise.course, [exercise], Tier.NONE, quiet)


NEEDS_US = (
    PUBLIC
    + '''
    @points(0)
    def test_as_we_do(submission, reference):
        """Shifts as we do."""
        expect_close(submission.shift(torch.ones(2)), reference.shift(torch.ones(2)), label="shift")
'''
)


def test_a_public_check_that_needs_us_is_the_courses_mistake(tmp_path: Path, zygote: Zygote) -> None:
    """Students have no reference, so a check that asks for it says so to the instructor, not to them."""
    exercise = made_course(tmp_path, test_public=NEEDS_US)
    own = copied(exercise, tmp_path / "copy")
    with pytest.raises(CourseError, match="reference"):
        try_copy(exercise, own, Tier.NONE, zygote, quiet)


def test_a_reference_that_fails_or_a_stub_that_earns_is_the_courses_mistake(tmp_path: Path, zygote: Zygote) -> None:
    """Both are tried in the copy; the message names the check, or the file that somebody has worked in."""
    exercise = made_course(tmp_path)
    own = copied(exercise, tmp_path / "copy")
    solution = exercise.solution_folder / "work.py"
    right = solution.read_text()
    solution.write_text(right.replace("2 * x", "3 * x"))
    with pytest.raises(CourseError, match="test_double is not passed by the reference in a student's copy"):
        try_copy(exercise, own, Tier.NONE, zygote, quiet)
    solution.write_text(right)
    (exercise.stub_folder / "work.py").write_text(right)
    with pytest.raises(CourseError, match=r"work\.py earns 2\.0 points in the public checks"):
        try_copy(exercise, own, Tier.NONE, zygote, quiet)


def copied(exercise: Exercise, folder: Path) -> Exercise:
    """Return a student's copy of an exercise, without its atlas."""
    write_release(for_students(exercise.course, [exercise]).files, folder, force=False)
    return load_exercise(load_course(folder), exercise.slug)
