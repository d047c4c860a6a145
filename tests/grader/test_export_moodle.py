"""Moodle's grading worksheet comes back in its own language with grades in it and nothing else changed."""

from __future__ import annotations

import csv
import html
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader import language
from grader.classroom.export.exported import Exported
from grader.classroom.export.moodle import comment_of, export
from grader.classroom.view import ClassView, Comment, Lateness
from grader.errors import UsageError

from .classroom_data import BEGAN
from .csv_cells import changed
from .gradebooks import FIRST, a_class, is_open, standing, student

Changes = dict[tuple[int, int], tuple[str, str]]
ADA = student("adams", "Ada Adams", "70011", email="ada@example.org")
BO = student("berg", "Bo Berg", "70012", email="bo@example.org")
LI1 = student("li1", "Li Wei", email="li1@example.org")
LI2 = student("li2", "Li Wei", email="li2@example.org")

ENGLISH = (
    'Identifier,"Full name","ID number","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
    '"Participant 501","Ada Adams",70011,ada@example.org,"Submitted for grading - ",,20.00,Yes,'
    '"Monday, 5 October 2026, 11:58 PM",-,\n'
    '"Participant 502","Bo Berg",70012,bo@example.org,"Submitted for grading - ",12.00,20.00,Yes,'
    '"Monday, 5 October 2026, 9:00 PM","Tuesday, 6 October 2026, 8:00 AM","<p>Well done, ""really"".</p>"\n'
    '"Participant 503","Li Wei",,li1@example.org,"No submission",,20.00,No,-,-,\n'
    '"Participant 504","Li Wei",,li2@example.org,"No submission",,20.00,Yes,-,-,\n'
)
# Headers and words as Moodle's language packs have them.
GERMAN = (
    'ID,"Vollständiger Name",E-Mail-Adresse,Status,Bewertung,Bestwertung,"Bewertung kann geändert werden",'
    '"Zuletzt geändert (Abgabe)","Zuletzt geändert (Bewertung)","Feedback als Kommentar"\n'
    'Teilnehmer/in501,"Ada Adams",ada@example.org,"Zur Bewertung abgegeben - ",,"20,00",Ja,-,-,\n'
    'Teilnehmer/in502,"Bo Berg",bo@example.org,"Keine Abgabe","7,50","20,00",Nein,-,-,\n'
)
SPANISH = (
    'Identificador,"Nombre completo","Dirección de correo",Estado,Calificación,"Calificación máxima",'
    '"La calificación puede ser cambiada","Última modificación (entrega)","Última modificación (calificación)",'
    '"Comentarios de retroalimentación"\n'
    'Participante501,"Ada Adams",ada@example.org,"Enviado para calificar - ",,"20,00",Sí,-,-,\n'
    'Participante502,"Bo Berg",bo@example.org,"Sin entrega","7,50","20,00",No,-,-,\n'
)
FRENCH = (
    'Identifiant,"Nom complet","Adresse de courriel",Statut,Note,"Note maximale","La note peut être modifiée",'
    '"Dernière modification (travail remis)","Dernière modification (note)","Feedback par commentaires"\n'
    'Participant501,"Ada Adams",ada@example.org,"Remis pour évaluation - ",,"20,00",Oui,-,-,\n'
    'Participant502,"Bo Berg",bo@example.org,"Aucun travail","7,50","20,00",Non,-,-,\n'
)
CHINESE = (
    "标识符,全名,电子邮件地址,状态,成绩,最高分,允许更改成绩,上次修改（作业）,上次修改（评分）,评语反馈\r\n"
    "参与人501,Ada Adams,ada@example.org,已提交请评分,,20.00,是,-,-,\r\n"
    "参与人502,Bo Berg,bo@example.org,没有作业,7.50,20.00,否,-,-,\r\n"
)
BLIND = (
    'Identifier,Status,Grade,"Maximum Grade","Grade can be changed","Last modified (grade)","Feedback comments"\n'
    '"Participant 501",-,,20.00,Yes,-,\n"Participant 502",-,,20.00,Yes,-,\n"Participant 17",-,,20.00,Yes,-,\n'
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Where the worksheet is and where the export goes."""
    return tmp_path / "Grades-NN-Homework 1-501.csv", tmp_path / "out" / "moodle.csv"


def filled(view: ClassView, sheet: str, files: tuple[Path, Path]) -> tuple[Changes, Exported]:
    """Return what changed in the worksheet, by row and column, and what was said."""
    files[0].write_bytes(sheet.encode())
    said = export(view, files[1], files[0])
    return changed(sheet.encode(), files[1].read_bytes(), ","), said


def test_only_grades_and_comments_change(files: tuple[Path, Path]) -> None:
    """Everything else stays byte for byte; two students of the same name are told apart by their e-mail addresses."""
    cells, said = filled(a_class({ADA: (18.5,), BO: (12.0,), LI2: (0.0,)}), ENGLISH, files)
    assert cells == {
        (1, 5): ("", "18.5"),
        (1, 10): ("", "18.5 of 20 points."),
        (4, 5): ("", "0"),
        (4, 10): ("", "0 of 20 points."),
    }
    assert said.notes == (
        f"{FIRST}, column Grade: 2 filled in, 1 already said the same.",
        "1 comments are left as they were, because somebody has written there: berg. "
        "Empty these cells to have them filled.",
        "Line 4 (Li Wei) is left as it was: it fits li2, but so does another line.",
    )


@pytest.mark.parametrize(
    ("sheet", "grade"),
    [(GERMAN, "18,5"), (SPANISH, "18,5"), (FRENCH, "18,5"), (CHINESE, "18.5")],
    ids=["de", "es", "fr", "zh_cn"],
)
def test_worksheets_in_other_languages_are_filled_in_theirs(files: tuple[Path, Path], sheet: str, grade: str) -> None:
    """Columns are found by their translated names, decimals written as they are there, what is locked stays."""
    cells, said = filled(a_class({ADA: (18.5,), BO: (12.0,)}), sheet, files)
    assert cells == {(1, 4): ("", grade), (1, 9): ("", "18.5 of 20 points.")}
    assert any("1 are locked in Moodle" in note and note.endswith("berg.") for note in said.notes)


def test_students_are_found_by_number_address_or_name(files: tuple[Path, Path]) -> None:
    """Whatever of these the roster has, if it is one person's."""
    for who in (student("x", "", "70011"), student("x", email="ADA@example.org"), student("x", "ada  adams")):
        cells, _ = filled(a_class({who: (18.0,)}), ENGLISH, files)
        assert cells[1, 5] == ("", "18")


def test_two_students_of_the_same_name_are_not_guessed(files: tuple[Path, Path]) -> None:
    """With names alone both rows are left alone and named."""
    cells, said = filled(a_class({student("a", "Li Wei"): (18.0,), student("b", "Li Wei"): (1.0,)}), ENGLISH, files)
    assert cells == {}
    assert [note for note in said.notes if "guess" in note] == [
        f"Line {line} (Li Wei) is left as it was: it fits a, b, and we do not guess." for line in (4, 5)
    ]


@pytest.mark.parametrize("word", ["Participant ", "Teilnehmer/in", "Participante", "参与人"])
def test_blind_marking_is_matched_by_participants_numbers(files: tuple[Path, Path], word: str) -> None:
    """They stand in the names of what was downloaded; a student whose own id is 17 is not Participant 17."""
    ada, bo = student("a"), student("17")
    view = a_class({ada: (18.0,), bo: (5.0,)},
                   standing(ada, FIRST, 18.0, f"{word}502_502_assignsubmission_file/work.py"),
                   standing(bo, FIRST, 5.0, "Teilnehmer_501_assignsubmission_file_/work.py"))  # fmt: skip
    cells, said = filled(view, BLIND.replace("Participant ", word), files)
    assert {row: new for (row, column), (_, new) in cells.items() if column == 2} == {1: "5", 2: "18"}
    assert any(f"1 rows are nobody's of this class and are left as they were: {word}17" in note for note in said.notes)


def test_numbers_of_groups_are_nobodys(files: tuple[Path, Path]) -> None:
    """With group submissions folders have the group's number, which may be another participant's."""
    people = {student("a"): (18.0,), student("b"): (18.0,), student("c"): (7.0,)}
    folders = ("Group_501_assignsubmission_file", "Group_501_assignsubmission_file", "Other_502_assignsubmission_file")
    more = [standing(who, FIRST, 1.0, f"{folder}/work.py") for who, folder in zip(people, folders, strict=True)]
    cells, said = filled(a_class(people, *more), BLIND, files)
    assert cells == {}
    assert "3 students with points have no row in the file: a, b, c." in said.notes


def test_without_such_names_blind_marking_matches_nobody(files: tuple[Path, Path]) -> None:
    """A number of the roster is another kind of number."""
    cells, said = filled(a_class({student("17", "", "501"): (18.0,)}), BLIND, files)
    assert cells == {}
    assert "1 students with points have no row in the file: 17." in said.notes


def test_unfinished_and_absent_work_leaves_cells_as_they_are(files: tuple[Path, Path]) -> None:
    """No grade and no comment, and both are told."""
    cells, said = filled(a_class({ADA: (1.0,), LI2: (None,)}, is_open(ADA, FIRST)), ENGLISH, files)
    assert cells == {}
    assert f"1 left as they were, because they are not settled: adams ({FIRST})." in said.notes
    assert f"1 left as they were, because nothing was handed in: li2 ({FIRST})." in said.notes


def test_filling_a_filled_worksheet_again_changes_nothing(files: tuple[Path, Path]) -> None:
    """Our own comment is recognised as such."""
    view = a_class({ADA: (18.5,)})
    filled(view, ENGLISH, files)
    cells, said = filled(view, files[1].read_text("utf-8"), files)
    assert cells == {}
    assert said.notes[0] == f"{FIRST}, column Grade: 0 filled in, 1 already said the same."


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("20.00", "100.00", rf"Maximum Grade is out of 100 points, {FIRST} is out of 20"),
        ("Maximum Grade", "Scale", "this assignment is graded on a scale"),
        (
            '"Last modified (grade)"',
            "Other",
            r"in a language we know \(English, Deutsch, ",
        ),
        ("Identifier", "Tunniste", "is not a grading worksheet of Moodle"),
    ],
)
def test_a_worksheet_that_cannot_be_filled_is_refused(files: tuple[Path, Path], old: str, new: str, said: str) -> None:
    """Other points, a scale, a language we do not know: what it is, and nothing is written."""
    with pytest.raises(UsageError, match=said):
        filled(a_class({ADA: (18.5,)}), ENGLISH.replace(old, new), files)
    assert not files[1].exists()


def test_a_worksheet_is_for_one_exercise(files: tuple[Path, Path]) -> None:
    """Which one has to be said; without a worksheet there is nothing to fill."""
    with pytest.raises(UsageError, match="this class has 2 exercises"):
        filled(a_class({ADA: (1.0, 2.0)}), ENGLISH, files)
    with pytest.raises(UsageError, match="In Moodle: the assignment, Submissions, Download grading worksheet"):
        export(a_class({ADA: (1.0,)}), files[1])


def test_a_worksheet_without_comments_gets_grades(files: tuple[Path, Path]) -> None:
    """Comments can be switched off in Moodle."""
    cells, said = filled(a_class({ADA: (1.0,)}), ENGLISH.replace("Feedback comments", "Other"), files)
    assert cells == {(1, 5): ("", "1")}
    assert "The file has no column for feedback comments, so only grades are written." in said.notes


def test_a_comment_says_points_lateness_and_what_a_person_wrote() -> None:
    """As HTML in which nobody's text is markup, and in the course's language."""
    late = Lateness(90000.0, days_used=1.0, factor=0.9)
    comment = Comment("adams", FIRST, "a < b & so on\n=1+1\u202e", "teacher", BEGAN)
    one = replace(standing(ADA, FIRST, 15.0), lateness=late, counted=13.5, comments=(comment,))
    assert comment_of(one, 20.0) == (
        "13.5 of 20 points.<br>Handed in late: of 15 points, what counts is 90 %.<br>Late days used for this: 1.<br>"
        "a &lt; b &amp; so on<br>=1+1\\u202e"
    )
    language.use("zh_CN")
    try:
        assert comment_of(one, 20.0).startswith(
            "13.5 分（满分 20 分）。<br>迟交：15 分中按 90 % 计入。<br>为此使用的宽限天数：1。"
        )
    finally:
        language.use("en")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.text(max_size=10), st.booleans()), min_size=1, max_size=8),
    st.sampled_from([ENGLISH, GERMAN, SPANISH, FRENCH, CHINESE]),
    st.booleans(),
)
def test_whatever_a_worksheet_holds_comes_back_with_the_points(
    files: tuple[Path, Path], people: list[tuple[float, str, bool]], sample: str, bom: bool
) -> None:
    """A round trip in every language: another reader finds each student's points, and what a person wrote."""
    rows = list(csv.reader(io.StringIO(sample, newline="")))
    header, like = rows[0], rows[1]
    email, grade = like.index("ada@example.org"), like.index("")
    grade = grade if sample != ENGLISH else 5
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    for place in range(len(people)):
        table.writerow([f"{like[0][:-3]}{900 + place}", "", *like[2:email], f"s{place}@x.org", *like[email + 1 :]])
    given_points, more = {}, []
    for place, (points, words, _) in enumerate(people):
        who = student(f"s{place}", email=f"s{place}@x.org")
        given_points[who] = (points,)
        more.append(replace(standing(who, FIRST, points), comments=(Comment(who.id, FIRST, words, "t", BEGAN),)))
    filled(a_class(given_points, *more), "\ufeff" * bom + text.getvalue().replace("70011", ""), files)
    written = list(csv.reader(io.StringIO(files[1].read_text("utf-8-sig"), newline="")))[1:]
    for (points, words, _), row in zip(people, written, strict=True):
        assert abs(float(row[grade].replace(",", ".")) - points) <= 0.005 + 1e-9
        assert len(html.unescape(row[-1]).split("<br>")) >= 1 + len(words.splitlines())
