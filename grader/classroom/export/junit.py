"""JUnit XML: a suite for each student and exercise, a case for each check, points as properties.

Owns that format, in the family xunit2: a case has a class name, a name and a time. Invariants: every expected check is
there once, on however many devices it was judged, so that the points of the cases add up to the score; what waits for a
device is skipped and what failed on our side is an error, so neither reads as passed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from grader import messages
from grader.classroom.export import telling
from grader.classroom.export.exported import Exported
from grader.classroom.export.writing import Judged, distinct_names, judged, notes, write_file, write_files
from grader.classroom.view import ClassView
from grader.report.causes import Item
from grader.results import OUR_FAILURES, Outcome
from grader.score import number

_NAME = "grader"


def export(view: ClassView, out: Path, template: Path | None = None) -> Exported:
    """Write one file where `out` ends with .xml, otherwise `out/EXERCISE/STUDENT.xml` for everybody who was judged."""
    everybody = judged(view)
    if out.suffix.lower() == ".xml":
        write_file(out, document(everybody))
        return Exported((out,), notes(view, messages.EXPORT_OPEN))
    names = distinct_names(student.id for student in view.students)
    files = [(_path(one, names), document([one])) for one in everybody]
    return Exported(write_files(out, files), notes(view, messages.EXPORT_OPEN))


def document(everybody: Sequence[Judged]) -> bytes:
    """Return a whole file with a suite for each of these."""
    root = Element("testsuites", name=_NAME)
    for one in everybody:
        root.append(_suite(one))
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    root.set("time", _time(check.wall_s for one in everybody for check in one.result.checks))
    ElementTree.indent(root)
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _path(one: Judged, names: Mapping[str, str]) -> PurePosixPath:
    return PurePosixPath(one.exercise.slug, f"{names[one.standing.student.id]}.xml")


def _suite(one: Judged) -> Element:
    result, student = one.result, telling.line(one.standing.student.id)
    suite = Element("testsuite", name=f"{result.exercise} {student}")
    _properties(suite, _facts(one))
    for item in telling.items(result):
        suite.append(_case(item, classname=f"{result.exercise}.{student}"))
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for key, child in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(key, str(sum(case.find(child) is not None for case in cases)))
    suite.set("time", _time(check.wall_s for check in result.checks))
    return suite


def _facts(one: Judged) -> dict[str, str]:
    """Return what is known of the whole; where there is no score yet there is none here."""
    result, standing, where = one.result, one.standing, one.result.environment
    scores = {
        "score": "" if standing.score is None else number(standing.score),
        "counted": "" if standing.counted is None else number(standing.counted),
    }
    return {
        "student": telling.line(standing.student.id),
        "exercise": result.exercise,
        **{key: value for key, value in scores.items() if value},
        "max_score": number(result.max_score),
        "complete": str(result.complete).lower(),
        "seed": str(result.seed),
        "submission_sha256": result.submission.sha256,
        "suite_sha256": result.suite_sha256,
        "fence": where.fence,
        "grader": where.grader,
        "torch": where.torch,
    }


def _case(item: Item, classname: str) -> Element:
    wall_s = (entry.wall_s for entry in item.entries)
    case = Element("testcase", classname=classname, name=telling.line(item.check.id), time=_time(wall_s))
    waits = item.outcome in (Outcome.PENDING, *OUR_FAILURES)
    _properties(
        case,
        ({} if waits else {"points": number(item.points)})
        | {"max_points": number(item.max_points), "title": telling.title_of(item), "visibility": item.check.visibility}
        | {f"outcome.{entry.device}": entry.outcome.value for entry in item.entries},
    )
    _ended(case, item)
    return case


def _ended(case: Element, item: Item) -> None:
    """Say how a check ended, unless it passed."""
    if item.outcome is Outcome.PASSED:
        return
    short, kind = telling.why_in_short(item), item.outcome.value
    if item.outcome is Outcome.PENDING:
        SubElement(case, "skipped", type=kind, message=short)
        return
    child = SubElement(case, "error" if item.outcome in OUR_FAILURES else "failure", type=kind, message=short)
    child.text = telling.why(item)


def _properties(parent: Element, facts: Mapping[str, str]) -> None:
    properties = SubElement(parent, "properties")
    for name, value in facts.items():
        SubElement(properties, "property", name=name, value=value)


def _time(walls_s: Iterable[float]) -> str:
    return f"{sum(walls_s):.3f}"
