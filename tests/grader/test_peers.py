"""The comparison with other graders: the same checks in each form, attacks that exist, tables that are the results'."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.peers import corpus, forms, tables
from benchmarks.peers.contenders import ALL, PEERS
from benchmarks.peers.contenders.scripts import Check50, Gradescope, PlainPytest
from benchmarks.peers.plan import _without_places, each_s
from benchmarks.peers.results import Cheating, Feedback, Journal, Results, Speed
from benchmarks.peers.venvs import REQUIREMENTS

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "peers.json"
MACHINE = {"processor": "P", "cores": 2, "memory_gib": 4, "system": "S", "python": "3", "date": "D", "load_before": 0.1}
SETTINGS: dict[str, Any] = {"machine": MACHINE, "versions": {"pytest": "9.2.0"}, "files": "a"}


def sped(contender: str, size: int, wall_s: float, cores: int = 1, number: int = 0) -> Speed:
    """Return a cell of speed."""
    return Speed(contender, cores, size, number, wall_s, wall_s, 1 << 20, 0.0, size)


def cheated(
    contender: str, score: float | None, is_forging: bool, attack: str = "a", stopped: bool = False
) -> Cheating:
    """Return a cell of cheating."""
    return Cheating(contender, attack, "does what it does", is_forging, score, 1.5, stopped, 0, 0.0)


def results(**cells: Any) -> Results:
    """Return results with these cells."""
    return Results(MACHINE, {"nn-grader": "0.1", "pytest": "9.2.0"}, 12, 1.0, **cells)


@pytest.mark.parametrize("path", tables.documents(ROOT), ids=lambda path: path.name)
def test_tables_in_documents_are_those_of_the_results(path):
    """What stands between the markers is made of benchmarks/results/peers.json, or says that nothing was measured."""
    text = path.read_text()
    assert text.count("<!-- peers: ") == text.count("<!-- /peers -->") > 2
    assert tables.filled(text, Results.read(RESULTS)) == text


def test_every_form_has_the_same_twelve_checks():
    """Each grader's suite can be compiled and has the lines of each check, word for word but for `backprop`."""
    texts = [forms.for_pytest(), forms.for_gradescope(), forms.for_check50(), forms.for_ours()]
    texts.append("\n\n".join(forms.for_otter().values()).replace("OK_FORMAT = False\n", ""))
    texts.append("\n\n".join(text for _, text in forms.for_nbgrader()))
    assert len(forms.checks()) == forms.full() == 12
    for text in texts:
        found = {node.name: node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
        for check in forms.checks():
            own = ast.unparse(found[check.name])
            wanted = [line.strip() for line in ast.unparse(ast.parse(check.body)).splitlines()]
            missing = [line for line in wanted if line not in own and line.replace("backprop.", "") not in own]
            assert not missing, (check.name, missing)


def test_checks_know_right_from_wrong(tmp_path):
    """Without any grader a right answer passes all twelve checks, and one with every number off by one none."""
    folders = []
    for attack in corpus.attacks()[:2]:
        attack.handin().write(tmp_path / attack.name)
        folders.append(tmp_path / attack.name)
    subprocess.run([sys.executable, forms.SUITE / "bare.py", *folders], check=True, timeout=120)
    found = [len(json.loads(folder.joinpath("result.json").read_text())["passed"]) for folder in folders]
    assert found == [12, 0]


def test_every_attack_is_made_after_the_corpus_and_can_be_read():
    """Each names entries of tests/hostile that exist, and Python can read what is handed in."""
    attacks = corpus.attacks()[2:]
    assert len(attacks) >= 14
    for attack in attacks:
        compile(attack.handin().answer, attack.name, "exec")
        assert attack.corpus
        for entry in attack.corpus:
            assert (ROOT / "tests" / "hostile" / entry / "expect.toml").exists(), (attack.name, entry)


def test_every_environment_is_pinned():
    """Each requirement of each peer has one version, and the peers' own are those of the comparison."""
    pins = {path.stem: path.read_text() for path in REQUIREMENTS.glob("*.txt")}
    lines = [line for text in pins.values() for line in text.splitlines() if not line.startswith("#")]
    assert all(line.count("==") == 1 for line in lines)
    wanted = ("pytest==9.2.0", "gradescope-utils==0.5.0", "check50==3.5.0", "nbgrader==0.9.6", "otter-grader==7.0.0")
    assert all(any(line == pin for line in lines) for pin in wanted)
    assert {one.requirements for one in ALL if one.requirements} == set(pins)


def test_a_skipped_test_is_no_point(tmp_path):
    """pytest's file counts what passed: neither failures nor skips, and a file that is not there is no result."""
    cases = '<testcase name="a"/><testcase name="b"><skipped message="no"/></testcase>'
    cases += '<testcase name="c"><failure message="m">text</failure></testcase>'
    tmp_path.joinpath("result.xml").write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
    assert PlainPytest()._standing(tmp_path).score == 1
    assert PlainPytest()._standing(tmp_path).said == "no\ntext"


def test_results_of_other_graders_are_read(tmp_path):
    """gradescope-utils' total and check50's checks are what their own files say."""
    tests = [{"name": "A", "score": 0.0, "output": "Test Failed: y"}, {"name": "B", "score": 1.0}]
    tmp_path.joinpath("results.json").write_text(json.dumps({"score": 1.0, "tests": tests}))
    assert Gradescope()._standing(tmp_path).said == "A\nTest Failed: y"
    cause = {"rationale": "an error", "error": {"type": "ValueError", "value": "v"}}
    checks = [{"description": "A", "passed": None, "cause": cause}, {"description": "B", "passed": True, "cause": None}]
    tmp_path.joinpath("result.json").write_text(json.dumps({"results": checks}))
    assert Check50()._standing(tmp_path).said == "A\nan error ValueError: v"
    assert Check50()._standing(tmp_path).score == 1


@pytest.mark.parametrize("contender", PEERS, ids=lambda one: one.name)
def test_a_grader_that_wrote_nothing_has_no_result(contender, tmp_path):
    """What is missing is no result, and never a score of 0."""
    from benchmarks.peers.contenders import Place

    place = Place(Path(sys.executable), tmp_path / "kept", tmp_path / "work")
    found = contender.standings(place, [corpus.attacks()[0].handin()])
    assert found["right"].score is None


def test_ratios_compare_classes_of_one_size():
    """Each is compared with us at the largest class that both graded, and left empty where there is none."""
    cells = [sped("nn-grader", 10, 2.0), sped("nn-grader", 30, 3.0), sped("pytest", 10, 20.0), sped("otter", 5, 9.0)]
    text = tables.ratios(results(speed=cells))
    assert "| pytest | 10 times (10 submissions) |" in text
    assert "| otter |  |" in text


def test_cells_without_a_measurement_stay_empty():
    """A size that a contender has not graded is empty, and several rounds give their median."""
    cells = [sped("nn-grader", 10, second, number=number) for number, second in enumerate((1.0, 9.0, 2.0))]
    text = tables.speed(results(speed=[*cells, sped("pytest", 30, 60.0)]))
    assert "| nn-grader | 0.200 s |  |  |" in text
    assert "| pytest |  | 2.000 s |  |" in text


def test_a_further_submission_costs_the_difference():
    """What starts once is no part of what one more submission costs."""
    cells = [sped("nn-grader", 10, 4.0), sped("nn-grader", 30, 6.0)]
    assert "| nn-grader | 0.400 s | 0.200 s | 0.100 s |" in tables.speed(results(speed=cells))


def test_no_place_of_this_machine_is_kept():
    """What is quoted has file names, and not the folders in which they lay."""
    said = 'File "/home/ada/build/peers/trial/x/backprop.py", line 3: 7/2 and w1/w2'
    assert _without_places(said) == 'File "…/backprop.py", line 3: 7/2 and w1/w2'


def test_what_nobody_would_wish_is_bold():
    """Bold are points for a forgery, lost points of right answers, and results that are not there."""
    cells = [
        cheated("nn-grader", 0, True), cheated("pytest", 12, True), cheated("otter", None, True),
        cheated("nn-grader", 11, False, "b"), cheated("pytest", 3, False, "b"),
        cheated("otter", None, False, "b", stopped=True),
    ]  # fmt: skip
    text = tables.cheating(results(cheating=cells))
    assert "| 0 · 1.5 s | **12** · 1.5 s | no result · 1.5 s |" in text
    assert "| 11 · 1.5 s | **3** · 1.5 s | **no result** · 1.5 s, stopped by us |" in text
    assert "| pytest | 1 of 1 | 1 of 1 | 0 of 2 |" in tables.cheating_counts(results(cheating=cells))


def test_a_mistake_counts_once_somebody_has_caught_it():
    """Mistakes that nobody catches are left out; who misses one that another catches is told so."""
    scores = {"seen": 11.0, "unseen": 12.0}
    ours = Feedback("nn-grader", scores, ["seen", "unseen"], {"other": 12.0}, {"seen": "a|b"}, 0.0)
    theirs = Feedback("pytest", {"seen": 12.0, "unseen": 12.0}, [], {"other": 11.0}, {"seen": ""}, 0.0)
    text = tables.feedback(results(feedback=[ours, theirs]))
    assert "| nn-grader | 1 of 1 | 1 of 1 | 0 of 1 |  |" in text
    assert "| pytest | 0 of 1 | 0 of 1 | 1 of 1 (other) | seen |" in text


def test_a_run_that_was_broken_off_goes_on(tmp_path):
    """Cells of the same settings are kept, also with another load; half a line is not, nor cells of other versions."""
    path = tmp_path / "run.jsonl"
    Journal(path, SETTINGS).keep(sped("pytest", 10, 20.0))
    with path.open("ab") as file:
        file.write(b'{"type":"speed","conten')
    later = SETTINGS | {"machine": MACHINE | {"load_before": 3.0, "date": "E"}}
    again = Journal(path, later)
    assert list(again.cells) == ["speed/pytest/1/10/0"]
    assert again.settings["machine"]["date"] == "D"
    assert not Journal(path, SETTINGS | {"versions": {"pytest": "9.3.0"}}).cells


def test_estimates_are_of_the_last_measurement():
    """What a submission takes is known once one class was graded, and taken for long until then."""
    assert each_s("pytest", [sped("pytest", 10, 20.0), sped("pytest", 30, 30.0, cores=2)]) == 2.0
    assert each_s("pytest", []) > 5.0


def test_nothing_outlives_its_limit(tmp_path):
    """What runs longer than it may is stopped with all that it started, and is said to have been."""
    script = tmp_path / "0.sh"
    script.write_text("sleep 600 & echo $! > pid; sleep 600\n")
    wanted = json.dumps({"lanes": [str(script)], "cores": 1, "limit_s": 0.5})
    measure = ROOT / "benchmarks" / "peers" / "measure.py"
    done = subprocess.run([sys.executable, measure, wanted], capture_output=True, cwd=tmp_path, timeout=60, check=True)
    assert json.loads(done.stdout)["timed_out"] is True
    assert not Path("/proc", tmp_path.joinpath("pid").read_text().strip()).exists()
