"""Every page of the class report, without a browser: sound, complete in itself, safe to open, and silent on demand."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from grader.classroom.handin import Student
from grader.classroom.pseudonyms import anonymous_view, pseudonyms
from grader.classroom.view import ClassView, Comment, Override, Standing
from grader.diagnosis.evidence import Evidence
from grader.errors import UsageError
from grader.report.classroom import class_report, words
from grader.report.classroom.links import safe_names
from grader.results import Diagnosis, Frame, Outcome
from tests.grader.classroom_data import BEGAN, HOSTILE_NAME, SOURCE, made_check, made_class, made_result
from tests.grader.html_document import Document

SLUG = "exercise1_manual_backprop"
MODES = {
    "folder": {},
    "one file": {"single_file": True},
    "anonymous": {"anonymous": True},
    "anonymous file": {"single_file": True, "anonymous": True},
}
EVERY = pytest.mark.parametrize("mode", MODES)


@cache
def view() -> ClassView:
    """A class of 30 in three exercises."""
    return made_class(30, 3, 6)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder of each mode."""
    folders = {mode: tmp_path_factory.mktemp("report") for mode in MODES}
    for mode, folder in folders.items():
        class_report(view(), folder, **MODES[mode])  # type: ignore[arg-type]
    return folders


def pages(folder: Path) -> dict[Path, Document]:
    """Return every page of a report, parsed."""
    return {path: Document(path.read_text("utf-8")) for path in sorted(folder.rglob("*.html"))}


def text_of(folder: Path) -> str:
    """Return all files of a report together, and their names."""
    return "\n".join(f"{path.relative_to(folder)}\n{path.read_text('utf-8')}" for path in folder.rglob("*.html"))


# --- whole and sound --------------------------------------------------------------------------------------------------


@EVERY
def test_a_folder_holds_a_page_for_everybody_and_one_file_holds_all(mode: str, written: dict[str, Path]) -> None:
    """The index, a page for each student and each exercise; or the index alone."""
    names = [path.relative_to(written[mode]).parts for path in pages(written[mode])]
    assert ("index.html",) in names
    expected = 1 if "file" in mode else 1 + len(view().students) + len(view().exercises)
    assert len(names) == expected


@EVERY
def test_every_link_leads_somewhere(mode: str, written: dict[str, Path]) -> None:
    """To a page of the report, and where it names a place, to a place that is there once."""
    found = pages(written[mode])
    places = {
        path: [one.attributes["id"] for one in page.elements if "id" in one.attributes] for path, page in found.items()
    }
    for path, page in found.items():
        assert len(places[path]) == len(set(places[path])), path
        for link in (one.attributes["href"] for one in page.all("a")):
            file, _, place = link.partition("#")
            target = (path.parent / file).resolve() if file else path
            assert target in places, (path, link)
            assert not place or place in places[target], (path, link)
        for name in ("aria-labelledby", "aria-controls"):
            assert {one.attributes[name] for one in page.elements if name in one.attributes} <= set(places[path])
        for tools in page.all(class_="tools"):
            assert tools.attributes["data-for"] in places[path]


@EVERY
def test_a_page_loads_nothing(mode: str, written: dict[str, Path]) -> None:
    """No address leads out, no style loads anything, no handler stands in an attribute."""
    for page in pages(written[mode]).values():
        for element in page.elements:
            links = [value for name, value in element.attributes.items() if name in ("href", "src", "action", "data")]
            assert all(re.match(r"(#|data:,|(\.\./)?(index|students/|exercises/))", link) for link in links), links
            assert not [name for name in element.attributes if name.startswith("on")]
        style = page.one("style").text
        assert not re.search(r"url\((?!#)|@import|@font-face|image-set", style)


@EVERY
def test_the_policy_names_the_one_script(mode: str, written: dict[str, Path]) -> None:
    """A page has our script and its digest in the policy, or neither."""
    for path, page in pages(written[mode]).items():
        policy = page.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
        allowed = dict(part.split(" ", 1) for part in policy.split("; "))
        scripts = page.all("script")
        assert allowed.pop("script-src", "") == "".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(one.text.encode()).digest()).decode()}'" for one in scripts
        ), path
        assert len(scripts) == (0 if path.parent.name == "students" else 1)
        assert allowed == {"default-src": "'none'", "style-src": "'unsafe-inline'", "img-src": "data:",
                           "base-uri": "'none'", "form-action": "'none'"}  # fmt: skip


@EVERY
def test_headings_form_an_outline(mode: str, written: dict[str, Path]) -> None:
    """One h1 comes first, in each part of what is one file, and no level is skipped on the way down."""
    parts = 1 + len(view().students) + len(view().exercises) if "file" in mode else 1
    for path, page in pages(written[mode]).items():
        levels = [int(one.tag[1]) for one in page.elements if re.fullmatch("h[1-6]", one.tag)]
        assert levels[0] == 1, path
        assert levels.count(1) == len(page.all("main")) == parts, path
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path


@EVERY
def test_whoever_does_not_see_the_charts_reads_them(mode: str, written: dict[str, Path]) -> None:
    """Each chart says its numbers and has a table beside it; each table cell has a heading."""
    for page in pages(written[mode]).values():
        for chart in page.all("svg", class_="chart"):
            figure = next(one for one in chart.parents if one.tag == "figure")
            assert re.search(r"\d", chart.attributes["aria-label"])
            assert page.inside(figure, "table")
        for table in page.all("table"):
            assert page.inside(table, "th", scope="col")
            rows = [row for row in page.inside(table, "tr") if row.is_in("tbody")]
            assert all(len(page.inside(row, "th", scope="row")) == 1 for row in rows)
        for region in page.all(class_="scroll"):
            assert region.attributes["tabindex"] == "0"
            assert region.attributes["aria-label"]


@EVERY
def test_no_character_is_invisible(mode: str, written: dict[str, Path]) -> None:
    """Control characters, bidirectional controls and lone surrogates are written out as their codes."""
    for path in written[mode].rglob("*.html"):
        odd = {one for one in path.read_text("utf-8") if not one.isprintable()}
        assert odd <= {"\n", "\t"}, path


# --- what is said -----------------------------------------------------------------------------------------------------


def index(folder: Path) -> Document:
    """Return the first page."""
    return Document((folder / "index.html").read_text("utf-8"))


def test_without_a_script_every_row_is_there(written: dict[str, Path]) -> None:
    """All students, all checks; what only a script can work is hidden."""
    page = index(written["folder"])
    for id, count in (("t-students", 30), ("t-checks", 18)):
        rows = [one for one in page.inside(page.one("table", id=id), "tr") if one.is_in("tbody")]
        assert len(rows) == count
        assert all("hidden" not in row.attributes for row in rows)
    assert all("hidden" in one.attributes for one in page.all(class_="tools"))


def row_of(page: Document, student: str) -> str:
    """Return the text of a student's row."""
    table = page.one("table", id="t-students")
    (row,) = [one for one in page.inside(table, "tr") if page.inside(one, "th", **{"data-v": student})]
    return " ".join(row.text.split())


def test_an_open_result_is_never_a_zero(written: dict[str, Path]) -> None:
    """It reads open, the sum reads so far; what was not handed in reads so."""
    page = index(written["folder"])
    assert "open" in row_of(page, "student-001")
    assert "so far" in row_of(page, "student-001")
    assert "needs a person" in row_of(page, "student-001")
    missing = [one.student.id for one in view().standings.values() if not one.handed_in]
    assert missing
    assert all("not submitted" in row_of(page, id) for id in missing)
    own = Document((written["folder"] / "students" / "student-001.html").read_text("utf-8")).said()
    assert "open, 5 of 6 so far" in own
    assert "got this one. open, of 1" in own


def test_points_that_nobody_can_count_yet_are_a_dash(tmp_path: Path) -> None:
    """Late nobody knows by how much: the final sum is not there yet, and it is no 0."""
    key = ("student-007", SLUG)
    unsettled = replace(view().of(*key), counted=None)
    changed = replace(view(), standings={**view().standings, key: unsettled})
    page = index(class_report(changed, tmp_path).parent)
    table = page.one("table", id="t-students")
    (row,) = [one for one in page.inside(table, "tr") if page.inside(one, "th", **{"data-v": "student-007"})]
    assert page.inside(row, "td", class_="num")[0].text == "–"
    assert "after the late policy" not in (tmp_path / "students" / "student-007.html").read_text("utf-8")


def test_what_a_person_has_to_settle_stands_first(written: dict[str, Path]) -> None:
    """Ours, unreadable, unplaced, unsettled, flags with file and line: before anything else is told."""
    page = index(written["folder"])
    sections = [one.attributes["id"] for one in page.all("section")]
    assert sections.index("person") < sections.index("mistakes") < sections.index("students")
    said = page.one("section", id="person").text
    for part in ("student-001", "student-006", "solution_final (2).zip", "notes.docx", "backprop.py:12"):
        assert part in said
    assert "two entries of the roster fit" in said


def test_a_students_page_tells_what_only_instructors_see(written: dict[str, Path]) -> None:
    """Points set by hand with reason and author, comments, how it was handed in, how late; and what students see."""
    said = Document((written["folder"] / "students" / "student-005.html").read_text("utf-8")).said()
    for part in (
        "11 points for the whole exercise, by a.teacher on 2026-11-20 14:05 UTC",
        "The check was unclear; agreed in the exercise class.",
        "Well argued in the comments.",
        "Handed in as student-005/backprop.py",
        "student-005@example.org",
        "expected another value, got this one.",
        "grader check --from DIR --student student-005 --exercise 1 -k test_exercise1_theorem_0",
    ):
        assert part in said, part
    late = Document((written["folder"] / "students" / "student-001.html").read_text("utf-8")).said()
    assert "late by 1 d 12 h" in late
    assert "counts 80 %" in late
    flagged = Document((written["folder"] / "students" / "student-002.html").read_text("utf-8")).said()
    assert "backprop.py, line 12: reads sys.modules" in flagged


def test_a_student_without_a_name_is_called_once(tmp_path: Path) -> None:
    """Without a roster, folders give an id that is the name too: neither row nor page says it twice in one place."""
    plain = made_class(30, 1, 6)
    nameless = {student.id: replace(student, name=student.id, email="", section="") for student in plain.students}
    standings = {key: replace(one, student=nameless[key[0]]) for key, one in plain.standings.items()}
    class_report(replace(plain, students=tuple(nameless.values()), standings=standings), tmp_path)
    page = Document((tmp_path / "students" / "student-001.html").read_text("utf-8"))
    assert "student-001" not in [one.text.strip() for one in page.all("p")]
    rows = [Document((tmp_path / name).read_text("utf-8")) for name in ("index.html", f"exercises/{SLUG}.html")]
    heads = [one.text for page in rows for one in page.all("th", class_="who") if "student-001" in one.text]
    assert heads
    assert [text for text in heads if text.count("student-001") > 1] == []


def test_an_exercises_page_lists_everybody(written: dict[str, Path]) -> None:
    """With score, what did not pass, and mistakes; the hardest check first."""
    page = Document((written["folder"] / "exercises" / f"{SLUG}.html").read_text("utf-8"))
    assert all(student.id in page.said() for student in view().students)
    shares = [
        float(one.attributes["data-v"])
        for one in page.all("td")
        if "m" in {name for inner in page.inside(one, "span", class_="m") for name in inner.classes}
        and one.text.strip().endswith("%")
    ]
    assert shares == sorted(shares)
    assert "12 todo" in page.said() or "6 todo" in page.said()


def test_the_environment_is_named(written: dict[str, Path]) -> None:
    """Seed, fence, versions, suites, command, and how to replay one check."""
    said = " ".join(index(written["folder"]).one("footer").text.split())
    for part in (
        "Seed 7",
        "namespaces",
        "torch 2.13.0, Python 3.11.2, grader 0.1",
        "1: 11111111",
        "grader grade handed-in",
    ):
        assert part in said
    assert "grader check --from DIR --student" in said


@dataclass(frozen=True)
class Then:
    """How a check ended."""

    outcome: Outcome


@dataclass(frozen=True)
class Changed:
    """A check that changed."""

    check: str
    before: Then | None
    after: Then | None


@dataclass(frozen=True)
class Move:
    """What `grader.classroom.diff` tells of one student."""

    student: str
    before: float | None
    after: float | None
    why: tuple[str, ...]
    checks: tuple[Changed, ...] = ()
    exercise: str = SLUG


@dataclass(frozen=True)
class Difference:
    """What it tells of a class."""

    moves: tuple[Move, ...]
    unchanged: int = 88


def test_a_diff_tells_who_moved_and_why(tmp_path: Path) -> None:
    """The largest move first, with its reasons and checks; who left the class is left out; no diff, no section."""
    changed = Changed("test_a", Then(Outcome.FAILED), Then(Outcome.PASSED))
    moves = (
        Move("student-009", 3.0, 2.0, ("seed",)),
        Move("student-008", None, 5.0, ("new",)),
        Move("student-010", 1.0, 4.0, ("suite", "override"), (changed, Changed("test_b", None, Then(Outcome.TIMEOUT)))),
        Move("gone", 0.0, 6.0, ("suite",)),
    )
    page = index(class_report(view(), tmp_path, diff=Difference(moves)).parent)
    section = page.one("section", id="changes")
    moved = [one.text for one in page.inside(section, "th", scope="row")]
    assert moved == ["student-008", "student-010", "student-009"]
    said = " ".join(section.text.split())
    assert "the suite was changed, a person set the points" in said
    assert "test_a: failed → passed" in said
    assert "test_b: not there → timeout" in said
    assert "88 results have not moved." in said
    assert (
        index(class_report(view(), tmp_path, diff=Difference((), 90)).parent).said().count("No score has moved.") == 1
    )
    assert index(class_report(view(), tmp_path).parent).all(id="changes") == []
    hidden = class_report(view(), tmp_path, diff=Difference(moves), anonymous=True)
    assert index(hidden.parent).all(id="changes") == []


def test_a_class_of_which_nothing_is_judged_has_a_report(tmp_path: Path) -> None:
    """No score, no check, no mistake: said so instead of failing."""
    made = made_class(12, 2, 3)
    nothing = {key: Standing(one.student, one.exercise) for key, one in made.standings.items()}
    page = index(class_report(replace(made, standings=nothing, unplaced=()), tmp_path).parent)
    assert "Nothing has been judged yet." in page.said()
    assert "Nothing waits for a person." in page.said()
    assert "0 / 24" in page.said()


# --- what somebody wrote stays text -----------------------------------------------------------------------------------

BAD = "</title></style><script>alert(1)</script><img src=x onerror=alert(2)>\"'`&amp;\x1b[31m\u202e\ud800{{ 7 * 7 }}"


def hostile(text: str) -> ClassView:
    """Return a class in which whatever a student, a file or a person can name is this text."""
    made = made_class(12, 1, 3)
    (exercise,) = made.exercises
    check = made_check("test_0", Outcome.RAISED, 1.0)
    check.message, check.stdout, check.title, check.comparison = text, text, text, text
    check.frames = [Frame(text, 3, text, text)]
    flagged = made_check("test_1", Outcome.FAILED, 1.0)
    flagged.diagnosis = Diagnosis(text, text, f"{text}\n{text}\n{text}")
    entries = [check, flagged, made_check("test_2", Outcome.PASSED, 1.0)]
    students = tuple(Student(f"{text}{place}", text, text, text) for place in range(12))
    standings = {
        (student.id, exercise.slug): Standing(
            student, exercise.slug, made_result(exercise, entries), 1.0, 1.0, handed_in=True, origin=text,
            problem=text, notes=(text,), sources={exercise.files[0]: text},
            overrides=(Override(student.id, exercise.slug, text, 1.0, text, text, BEGAN),),
            comments=(Comment(student.id, exercise.slug, text, text, BEGAN),),
            evidence={"test_0": Evidence(text, raised=(text, text), structure="")},
        )
        for student in students
    }  # fmt: skip
    unplaced = tuple(replace(one, origin=text, why=text, candidates=(students[0].id,)) for one in made.unplaced)
    return replace(made, students=students, standings=standings, unplaced=unplaced, layout=text)


@pytest.mark.parametrize("single_file", [False, True])
def test_no_text_can_change_the_structure_of_a_page(single_file: bool, tmp_path: Path) -> None:
    """With hostile text everywhere the pages have the same elements as with a harmless word there."""

    def skeletons(text: str, folder: Path) -> list[list[str]]:
        class_report(hostile(text), folder, single_file=single_file)
        inline = {"span", "code", "wbr"}
        found = sorted(pages(folder).items(), key=lambda one: one[0].parent.name)
        return sorted([one.tag for one in page.elements if one.tag not in inline] for _, page in found)

    assert skeletons(BAD, tmp_path / "bad") == skeletons("harmless", tmp_path / "good")


def test_a_hostile_name_is_shown_as_it_was_written(written: dict[str, Path]) -> None:
    """What looks like markup can be read as such, and a turned direction is spelled out."""
    page = index(written["folder"])
    assert HOSTILE_NAME.replace("\u202e", "\\u202e") in row_of(page, "student-005")
    assert page.all("img") == []


@pytest.mark.parametrize(
    "id", ["../../etc/passwd", "CON", "a" * 300, "", ".", "..", ".hidden", "nul.txt", "ü/ö", "x\0y"]
)
def test_a_file_name_is_ours(id: str) -> None:
    """Whatever a student is called, the name has letters, digits, points and dashes and stays in its folder."""
    (name,) = safe_names([id]).values()
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", name)
    assert name.lower() not in ("con", "nul.txt")


def test_no_two_students_share_a_file() -> None:
    """Also where only capitals or odd characters tell them apart."""
    names = safe_names(["Ada", "ada", "ADA", "a/b", "a b", "a-b", "a\0b"])
    assert len({name.lower() for name in names.values()}) == 7
    assert names["Ada"] == "Ada"


# --- anonymous --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["anonymous", "anonymous file"])
def test_an_anonymous_report_names_nobody(mode: str, written: dict[str, Path]) -> None:
    """No id, name, address, section, origin, comment, reason, author, message, code or command is in any file."""
    text = text_of(written[mode])
    for student in view().students:
        for part in (student.id, student.email, student.keys[0]):
            assert part not in text
    names = {student.name for student in view().students} | {"O'Brien", "O&#39;Brien", "onerror"}
    assert [name for name in names if name in text] == []
    origins = ["solution_final", "notes.docx", "handed-in", "a.teacher", "agreed in", "Well argued", "unclear"]
    code = ["expected another value", "reads sys.modules", SOURCE.splitlines()[0], "not bold", "000000000000"]
    assert [part for part in (*origins, *code, "section A", "section B") if part in text] == []
    assert "pseudonyms" in text


def test_an_anonymous_report_shows_the_same_numbers(written: dict[str, Path]) -> None:
    """Scores, mistakes, clusters and checks are those of the class."""
    plain, hidden = index(written["folder"]), index(written["anonymous"])
    for section in ("scores", "checks"):
        said = [" ".join(one.one("section", id=section).text.split()) for one in (plain, hidden)]
        assert said[0] == said[1]
    assert [one.text for one in plain.all("p", class_="n")] == [one.text for one in hidden.all("p", class_="n")]


def test_pseudonyms_stay_and_their_order_says_nothing() -> None:
    """The same class has the same ones each time, another key has others; they stand in the order of pseudonyms."""
    ids = [student.id for student in view().students]
    once, again, other = pseudonyms(ids, b"key"), pseudonyms(ids[::-1], b"key"), pseudonyms(ids, b"other")
    assert once == again
    assert not set(once.values()) & set(other.values())
    hidden = [student.id for student in anonymous_view(view(), b"key").students]
    assert hidden == sorted(once.values())
    assert [once[id] for id in ids] != hidden
    assert anonymous_view(view()) == anonymous_view(made_class(30, 3, 6))


def test_whoever_knows_the_roster_cannot_compute_a_pseudonym() -> None:
    """The key follows from what everybody handed in: with one other file there are other names."""
    key = next(key for key, one in view().standings.items() if one.sources)
    changed = replace(view().standings[key], sources={"backprop.py": "pass"})
    other = anonymous_view(replace(view(), standings={**view().standings, key: changed}))
    assert not {one.id for one in other.students} & {one.id for one in anonymous_view(view()).students}


def test_an_exception_keeps_its_type_only_if_it_is_pythons(tmp_path: Path) -> None:
    """A type that a student named could name the student; two equal exceptions are still counted as one."""
    view = made_class(12, 1, 3)
    raised = {"theirs": ("AdaAdamsError", "Ada was here"), "pythons": ("ValueError", "Ada was here")}
    for name, what in raised.items():
        standings = {}
        for key, one in view.standings.items():
            failed = [made_check("test_0", Outcome.FAILED, 1.0), made_check("test_1", Outcome.PASSED, 1.0)]
            result = made_result(view.exercises[0], failed)
            evidence = {"test_0": Evidence("x", raised=what)}
            standings[key] = replace(one, result=result, evidence=evidence, handed_in=True, open=False, score=1.0)
        folder = tmp_path / name
        class_report(replace(view, standings=standings), folder, anonymous=True)
        assert "Ada was here" not in text_of(folder)
        assert "AdaAdams" not in text_of(folder)
        assert ("ValueError" in text_of(folder)) is (name == "pythons")
        assert "All raise the same" in text_of(folder)


# --- files ------------------------------------------------------------------------------------------------------------


def test_no_page_of_an_earlier_report_stays_behind(tmp_path: Path) -> None:
    """An anonymous report in the same folder leaves no page with a name; files that are not ours stay."""
    class_report(view(), tmp_path)
    own = tmp_path / "students" / "notes.html"
    own.write_text("mine")
    class_report(view(), tmp_path, anonymous=True)
    assert "student-001" not in text_of(tmp_path)
    assert own.read_text() == "mine"
    class_report(view(), tmp_path, single_file=True)
    assert sorted(path.name for path in tmp_path.rglob("*.html")) == ["index.html", "notes.html"]


def test_the_same_class_makes_the_same_files(tmp_path: Path) -> None:
    """Nothing in a page depends on when or where it was written."""
    for name in ("one", "two"):
        class_report(view(), tmp_path / name)
    assert text_of(tmp_path / "one") == text_of(tmp_path / "two")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """It is the caller's mistake, and the sentence says what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be written to .*file: .*--out"):
        class_report(view(), tmp_path / "file")


def test_the_first_page_of_a_large_class_stays_small(tmp_path: Path) -> None:
    """Each further student of five exercises adds less than 4 kB to the index: 1,000 stay below 5 MB."""
    sizes = [class_report(made_class(count, 5, 6), tmp_path / str(count)).stat().st_size for count in (61, 111)]
    assert (sizes[1] - sizes[0]) / 50 < 4000
    assert sizes[1] < 1_000_000


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("late_s", "said"),
    [
        (30, "1 min"),
        (2400, "40 min"),
        (3540, "59 min"),
        (3600, "1 h"),
        (21700, "6 h"),
        (86400, "1 d"),
        (100800, "1 d 4 h"),
    ],
)
def test_how_late_is_said_shortly(late_s: float, said: str) -> None:
    """Minutes below an hour, hours below a day, then days and hours."""
    assert words.lateness(late_s) == said


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("Your code lets it through.", "Lets it through."),
        ("In this check your code lets it through.", "Lets it through."),
        ("In 3 checks your code lets it through.", "Lets it through."),
        ("It lets it through.", "It lets it through."),
    ],
)
def test_a_statement_is_told_of_a_class(statement: str, said: str) -> None:
    """What was said to one student about "your code" is said of many without it."""
    assert words.plain_statement(statement) == said


def test_a_students_page_replays_the_check_that_it_shows(written: dict[str, Path]) -> None:
    """Below the mistake that is told in full stands the command for that check, not for an earlier one."""
    seen = 0
    for file in (written["folder"] / "students").glob("*.html"):
        page = Document(file.read_text("utf-8"))
        full = [part for part in page.all("div", class_="full") if page.inside(part, "p", class_="id")]
        shown = [page.inside(part, "code")[0].text for part in full]
        replayed = re.findall(r"-k '?([^\s']+)", page.said())
        assert shown == replayed, file.name
        seen += len(replayed)
    assert seen > 0
