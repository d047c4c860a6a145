"""What a student's page says about each kind of result."""

from __future__ import annotations

import shlex

import pytest

from grader import messages
from grader.report.advice import checks, points
from grader.report.render import student_report
from grader.results import CheckResult, Diagnosis, ExerciseResult, Frame, Outcome
from tests.grader.html_document import Document, Element
from tests.grader.report_samples import FILE, SAMPLES, SOURCE, Sample, check, exercise, mixed, raised, result, todo


def document(sample: Sample | str) -> Document:
    """Return the page of a sample, parsed."""
    made = SAMPLES[sample]() if isinstance(sample, str) else sample
    return Document(student_report(made.result, exercise(), made.sources))


def words(element: Element) -> str:
    """Return the text of an element, blanks folded."""
    return " ".join(element.text.split())


def section(shown: Document, id: str) -> str:
    """Return the text of the section with this id."""
    return words(shown.one("section", id=id))


def next_step(shown: Document) -> str:
    """Return the first sentence of the page."""
    return words(shown.one("p", class_="next"))


def headings(shown: Document) -> list[str]:
    """Return the headings of the regions of the page."""
    return [words(one) for one in shown.all("h2")]


# --- masthead -------------------------------------------------------------------------------------------------------


def test_the_score_stands_first_and_is_read_as_a_sentence() -> None:
    """Points, maximum and the number of checks; screen readers get "2 of 15 points" instead of a slash."""
    shown = document("mixed")
    score = shown.one("p", class_="score")
    assert words(score) == "Score: 2 of 15 points2 / 15"
    assert shown.inside(score)[1].attributes["aria-hidden"] == "true"
    assert "1 of 8 checks passed" in shown.said()
    assert shown.one("title").text == "2 of 15 · Exercise 1: Backpropagation by hand"
    assert "Attempt 3" in shown.said()


def test_a_first_attempt_is_not_counted() -> None:
    """Where there was no attempt before, none is mentioned."""
    assert "Attempt" not in document("perfect").said()


def test_the_strip_has_a_segment_per_check_as_wide_as_its_points() -> None:
    """Widths are points; what did not pass is a link, what is worth nothing is left out."""
    shown = document(Sample(result(check(id="test_a", max_points=2.0), check(Outcome.FAILED, "test_b", max_points=0.5),
                                   check(id="test_c", max_points=0.0))))  # fmt: skip
    strip = shown.one("ul", class_="strip")
    assert [one.attributes["style"] for one in shown.inside(strip, "li")] == ["--p: 0.5", "--p: 2.0"]
    assert strip.attributes["style"] == "--total: 2.5; --least: 0.5"
    segments = shown.all(class_="seg")
    assert [one.tag for one in segments] == ["a", "span"]
    assert words(segments[0]) == "What test_b claims. failed, 0 of 0.5 points"


def test_a_part_of_the_suite_says_that_there_is_more() -> None:
    """A result over fewer points than the exercise is worth does not look like the whole score."""
    assert "The whole exercise is worth 20 points" in document("mixed").said()
    assert "The whole exercise" not in document("perfect").said()


def test_an_open_score_says_so_far() -> None:
    """Where something is not settled, the score is not final."""
    assert words(document("ours").one("p", class_="score")) == "Score so far: 1 of 3 points1 / 3 so far"


# --- what to do next ------------------------------------------------------------------------------------------------


def test_a_mixed_result_names_what_unblocks_most() -> None:
    """The first failing check is the one that is worth most together with what waits for it."""
    shown = document("mixed")
    assert next_step(shown) == (
        "Fix “What test_first_layer claims” first: it is worth 3 points and holds back 1 check, worth 4 points."
    )
    assert section(shown, "first").startswith("Fix this first Worth 3 points. One more check waits for it")
    assert headings(shown) == ["Fix this first", "Then fix these", "Blocked", "Passed", "Printed", "Noticed",
                               "How this was judged"]  # fmt: skip


def test_a_stub_is_told_where_to_start() -> None:
    """Nothing was done wrong, so nothing is to be fixed: the page says what to write."""
    shown = document("stub")
    assert next_step(shown) == (
        "Nothing is written yet. Start with sgd_step: it is worth 2 points and holds back 1 check, worth 1 point."
    )
    assert headings(shown) == ["Start here", "Blocked", "How this was judged"]
    assert words(shown.one("h3", class_="statement")) == "Write sgd_step"
    assert "17" in words(shown.one("li", class_="hit"))


def test_functions_to_be_written_come_last_in_the_order_of_the_file() -> None:
    """What is wrong comes before what is missing, and a file is written from its top."""
    frames = [Frame(FILE, line, f"f{line}", "raise NotImplementedError") for line in (30, 10, 20)]
    missing = [check(Outcome.TODO, f"test_{one.line}", frames=[one], max_points=9.0) for one in frames]
    shown = document(Sample(result(*missing, raised())))
    assert words(shown.one("h3", class_="statement")).startswith("Your code raised IndexError")
    assert [words(one) for one in shown.all("h3")[1:]] == ["Write f10", "Write f20", "Write f30"]
    assert all(f"{FILE}, line {line}" in section(shown, "fix") for line in (10, 20, 30))


def test_full_score_is_a_short_page() -> None:
    """Nothing to fix, nothing blocked; what passed is folded."""
    shown = document("perfect")
    assert next_step(shown) == "Everything passed. There is nothing to fix."
    assert headings(shown) == ["Passed", "How this was judged"]
    folded = shown.all("details")[0]
    assert "open" not in folded.attributes
    assert words(shown.inside(folded, "summary")[0]) == "Show the 20 checks that passed"
    assert len(shown.inside(shown.one("tbody"), "tr")) == 20


def test_a_file_that_is_missing_is_said_once() -> None:
    """All checks have one cause: it is told once, with the list of checks folded below."""
    shown = document("unreadable")
    assert next_step(shown) == messages.REPORT_NEXT_REJECTED
    assert shown.said().count("backprop.py is missing.") == 1
    assert "All checks that end for this reason (17)" in shown.said()
    assert shown.all(class_="code") == []
    assert "none could be read" in shown.said()
    assert "-k" not in words(shown.one("footer"))


def test_a_syntax_error_marks_the_line_it_names() -> None:
    """The line stands in the message; the page shows it in the file."""
    hit = words(document("syntax_error").one("li", class_="hit"))
    assert hit == "5▸Python stops here: def softmax(z:"


def test_a_file_that_cannot_be_imported_is_one_thing_to_fix() -> None:
    """When every check ends for the same reason, the page says that there is one thing to do."""
    shown = document("import_fails")
    assert next_step(shown) == "All 17 checks end for the same reason, so there is one thing to fix: the one below."
    assert "2▸this line raised: import torch" in words(shown.one("li", class_="hit"))


def test_what_we_could_not_judge_is_not_the_students_to_fix() -> None:
    """Our own failures stand apart, cost nothing and are never called a thing to fix."""
    shown = document("ours")
    assert next_step(shown).startswith("There is nothing for you to fix: 2 checks could not be judged")
    assert headings(shown) == ["Still open", "Passed", "How this was judged"]
    assert messages.NOT_YOUR_FAULT in section(shown, "open")
    assert messages.OUTCOME_NOT_RUN in section(shown, "open")


def test_what_only_waits_for_a_device_is_not_a_failure() -> None:
    """Passed here and pending elsewhere: nothing to fix, and which device is missing."""
    shown = document(Sample(result(check(id="test_a"), check(Outcome.PENDING, "test_b", device="cuda", message=""),
                                   complete=False)))  # fmt: skip
    assert next_step(shown) == messages.REPORT_NEXT_PENDING
    assert "Needs the device cuda, which was not there." in section(shown, "open")


# --- a failure ------------------------------------------------------------------------------------------------------


def test_an_exception_shows_the_students_line() -> None:
    """The innermost frame's function is shown with its line marked, once; the way there is listed."""
    shown = document("mixed")
    hit = shown.one("li", class_="hit")
    assert words(hit) == "9▸this line raised: return e / e.sum(dim=1, keepdim=True)"
    code = hit.parents[-1]
    numbers = [shown.inside(line, "span")[0].text for line in shown.inside(code, "li")]
    assert numbers == ["5", "6", "7", "8", "9"]
    frames = shown.one("ol", class_="frames")
    assert words(frames) == "backprop.py, line 5in caller backprop.py, line 9in softmax"


def test_a_wrong_value_marks_no_line() -> None:
    """The function that the check names is shown whole; which of its lines is wrong nobody knows."""
    failed = check(Outcome.FAILED, "test_a", title="relu_backward stops gradients.", message="dx: wrong.")
    shown = document(Sample(result(failed)))
    assert (
        words(shown.one("p", class_="caption"))
        == "Your relu_backward, which this check names: backprop.py, lines 12 to 13"
    )
    assert shown.all(class_="hit") == []
    assert "return upstream.clone()" in words(shown.one("div", class_="code"))


@pytest.mark.parametrize("title", ["softmax and relu_backward agree.", "The gradient is right.", "softmaxes add up."])
def test_no_function_is_shown_unless_exactly_one_is_named(title: str) -> None:
    """Where several functions may be to blame, or none is named in full, the page accuses none."""
    shown = document(Sample(result(check(Outcome.FAILED, "test_softmax", title=title))))
    assert shown.all(class_="code") == []


def test_a_line_of_a_file_that_is_not_at_hand_is_shown_from_its_frame() -> None:
    """Without the sources, the line that the frame holds is shown under its own number."""
    sample = mixed()
    shown = document(Sample(sample.result, {}))
    assert words(shown.one("li", class_="hit")) == "9▸this line raised: return e / e.sum(dim=1)"


def test_a_hidden_check_without_a_message_gets_a_plain_sentence() -> None:
    """At feedback level `outcome` title and outcome are shown, and what a student can do with them."""
    for message in ("", messages.OUTCOME_ONLY):
        secret = check(Outcome.RAISED, "test_secret", visibility="hidden", message=message)
        shown = document(Sample(result(secret, check(Outcome.RAISED, "test_b", visibility="hidden", message=message))))
        assert words(shown.one("h3", class_="statement")) == "What test_secret claims."
        assert section(shown, "first").count(messages.REPORT_SILENT) == 1
        assert [words(one) for one in shown.all("h3")[1:]] == ["What test_b claims."]


def test_values_in_a_message_keep_their_columns() -> None:
    """Lines that are set in stay as they are; the others are sentences."""
    shown = document("mixed")
    assert shown.one("pre", class_="aligned").text == "  yours    0.10  0.20\n  rounded  0.00  0.20"
    assert "Try one row." in [words(one) for one in shown.all("p", class_="said")]


def test_output_is_shown_with_the_check_that_printed_it() -> None:
    """Printed text stands folded with its check, also with one that passed; what an import printed stands apart."""
    shown = document("mixed")
    assert [one.text for one in shown.all("pre", class_="printed")] == [
        "<b>shape</b> torch.Size([4])", "a passed check printed this", "starting"]  # fmt: skip
    assert "While your files were imported" in section(shown, "imported")


@pytest.mark.parametrize("text", ["", "\n", "  \n\n"])
def test_nothing_printed_leaves_nothing_odd(text: str) -> None:
    """Blank output is no output."""
    shown = document(Sample(result(raised(stdout=text), stdout=text)))
    assert shown.all("pre", class_="printed") == []
    assert "Printed" not in shown.said()


def test_equal_exceptions_are_one_thing_to_fix() -> None:
    """Checks that raise at one line with the same words stand together, however they came there; values never do."""
    other_way = raised("test_b")
    other_way.frames = other_way.frames[1:]
    shown = document(Sample(result(raised("test_a"), other_way, check(Outcome.FAILED, "test_c", message="no"),
                                   check(Outcome.FAILED, "test_d", message="no"))))  # fmt: skip
    assert next_step(shown) == "Fix backprop.py, line 9 first: it is worth 2 points."
    assert len(shown.all("article")) == 3
    assert "All checks that end for this reason (2) What test_a claims. test_a1 point" in section(shown, "first")


# --- diagnosis ------------------------------------------------------------------------------------------------------


def test_a_known_mistake_is_named_before_its_values() -> None:
    """The statement is the heading, what was seen is open, the hints are folded, the values come after."""
    shown = document("diagnosed")
    assert words(shown.one("h3", class_="statement")) == "Your backward pass lets the gradient through closed units."
    ladder = shown.one("ol", class_="ladder")
    assert words(ladder).startswith("What we saw Units that output 0 received a gradient. Hint 1")
    assert [words(one) for one in shown.inside(ladder, "summary")] == ["Hint 1: a question", "Hint 2: the idea"]
    folded = shown.one("details", class_="differences")
    assert words(folded) == "What was compared dw1: 30 of 30 values are wrong."
    assert not folded.attributes.keys() & {"open"}
    said = section(shown, "first")
    assert said.index("Hint 2") < said.index("dw1: 30 of 30 values are wrong.") < said.index("relu-mask-missing")
    assert words(shown.one("p", class_="mistake")) == "Known mistake: relu-mask-missing"
    assert words(shown.one("p", class_="next")).startswith("Fix the mistake below first: it is worth 2 points.")


def test_one_mistake_in_two_checks_is_told_once() -> None:
    """Checks with the same misconception are one cause."""
    shown = document("diagnosed")
    assert len(shown.all("ol", class_="ladder")) == 1
    assert "All checks that end for this reason (2)" in section(shown, "first")


def test_a_known_mistake_further_down_is_its_own_heading() -> None:
    """Not only the first one is called by what it is; the check stands below, several are listed."""
    one = Diagnosis("mean-missing", "Your code forgets the mean.", "Seven times too large.")
    other = Diagnosis("bias-averaged", "Your code averages the bias.", "Too small.")
    checks = [check(Outcome.FAILED, f"test_{n}", diagnosis=d) for n, d in enumerate([one, other, other])]
    checks[0].max_points = 3.0
    shown = document(Sample(result(*checks, check(Outcome.FAILED, "test_x", diagnosis=Diagnosis("x", "X.", "Y.")))))
    assert [words(h) for h in shown.all("h3")] == [one.statement, other.statement, "X."]
    assert "In the check “What test_x claims.”" in section(shown, "fix")
    assert "test_1 claims.”" not in section(shown, "fix")


def test_without_a_diagnosis_nothing_speaks_of_one() -> None:
    """No empty ladder, no heading without content."""
    shown = document("mixed")
    assert shown.all("ol", class_="ladder") + shown.all("figure") == []
    assert "Known mistake" not in shown.said()
    assert "Hint" not in shown.said()


# --- the rest of the page -------------------------------------------------------------------------------------------


def test_what_waits_links_to_what_it_waits_for() -> None:
    """The link names the check and leads to its place on the page."""
    shown = document("mixed")
    link = next(one for one in shown.all("a") if one.is_in("table"))
    assert words(link) == "What test_first_layer claims."
    assert shown.one("article", id=link.attributes["href"][1:]).is_in("section")


def test_devices_are_told_apart_and_points_count_once() -> None:
    """A check that fails on one device says where it passed; the command replays it on the right one."""
    shown = document("devices")
    assert "failed on sim" in section(shown, "first")
    assert "passed on cpu · pending on cuda" in section(shown, "first")
    assert "--device sim -k test_moves" in section(shown, "first")
    fix = section(shown, "fix")
    assert "raised on cpu Your code raised ValueError: on the CPU. raised on sim" in fix
    assert "0 of 3 checks passed" in shown.said()


def test_a_flag_shows_its_line() -> None:
    """What a person should look at is shown with the line it is about, and that it costs nothing."""
    noticed = section(document("mixed"), "noticed")
    assert "backprop.py, line 2: uses ctypes, which homework rarely needs import torch" in noticed
    assert "It costs no points by itself" in noticed


def test_the_page_says_how_it_was_judged() -> None:
    """Files, hashes, seed, devices, fence, versions, and the commands that give the same result."""
    footer = words(document("mixed").one("footer"))
    for fact in ("backprop.py", "sha256 9f2c41d79f2c…", "Seed 7", "Devices cpu", "Fence namespaces",
                 "torch 2.13.0, Python 3.11.7, grader 0.1.0", "Time in checks 5.0 s",
                 "grader check exercise1 --seed 7 Run one check alone",
                 "grader check exercise1 --seed 7 -k test_relu"):  # fmt: skip
        assert fact in footer


def test_the_words_for_outcomes_are_explained_where_they_occur() -> None:
    """Each outcome of the page is explained in a sentence, and no other."""
    shown = document("stub")
    explained = [words(one) for one in shown.all("dl", class_="meanings")]
    assert explained == [f"todo {messages.OUTCOME_TODO} blocked {messages.OUTCOME_BLOCKED}"]
    every = words(document("every_outcome").one("dl", class_="meanings"))
    assert all(getattr(messages, f"OUTCOME_{outcome.name}") in every for outcome in Outcome)


def test_a_hidden_check_is_not_offered_for_replay_without_a_word() -> None:
    """Where only hidden checks failed, the command says that it needs the hidden suite."""
    shown = document(Sample(result(raised(visibility="hidden"), check(id="test_a"))))
    assert messages.REPORT_AGAIN_HIDDEN in words(shown.one("footer"))
    assert messages.REPORT_REPLAY not in shown.said()


def test_an_unfenced_run_says_what_that_means() -> None:
    """The tier `none` is written out."""
    sample = mixed().result.to_json().replace(b'"namespaces"', b'"none"')
    footer = words(document(Sample(ExerciseResult.from_json(sample))).one("footer"))
    assert messages.REPORT_FACT_UNFENCED in footer


@pytest.mark.parametrize("id", ["test_a[3-4]", "test_a['x y']", "test_a[$(id)]"])
def test_a_command_can_be_pasted_into_a_shell(id: str) -> None:
    """Whatever an id holds, the shell sees it as one word."""
    commands = document(Sample(result(raised(id)))).all("code", class_="cmd")
    assert shlex.split(commands[-1].text) == ["grader", "check", "exercise1", "--seed", "7", "-k", id]


def test_one_is_not_plural() -> None:
    """Counts are written as people say them."""
    assert [checks(1), checks(2), points(1.0), points(0.5)] == ["1 check", "2 checks", "1 point", "0.5 points"]


def test_an_exercise_without_a_number_is_called_by_its_title_and_folder() -> None:
    """A folder name that does not begin with exerciseN is typed whole."""
    made: list[CheckResult] = [todo()]
    html = student_report(result(*made, exercise="final"), exercise(slug="final", title="The final"), {FILE: SOURCE})
    shown = Document(html)
    assert words(shown.one("h1")) == "The final"
    assert "grader check final --seed 7" in shown.said()
