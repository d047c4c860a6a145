"""What is killed from outside costs no student a point: keepers and guests, while a file is read and while it runs."""

from __future__ import annotations

import os
import signal
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from grader import patience
from grader.errors import GuestLost
from grader.grade import Grader
from grader.results import CheckResult, Outcome
from grader.sandbox import channel
from grader.sandbox.fence import Tier
from grader.sandbox.host import Session
from grader.sandbox.spawn import Zygote
from grader.submission import SourceFile, Submission

from .conftest import OpenSession
from .tiny_course import FakeSession, judge_events, make_course, results

HIDDEN = """
    from grader.suite import *

    @points(1)
    def test_double(submission):
        '''Doubles a number.'''
        expect_equal(submission.double(2), 4)
"""
KILLED = GuestLost(Outcome.CRASHED, "killed", killed=True)
OURS = GuestLost(Outcome.ERROR, "ours")
SAID = {"keeper": "The mistake is ours", "guest": r"-?9 \(SIGKILL\)"}
LOOPING = "def loop():\n    while True: pass\n"


def judged(session: FakeSession, root: Path) -> CheckResult:
    """Judge the one check with a session of the test's own."""
    return results(judge_events(make_course(root / "course", HIDDEN), root / "private", session))["test_double"]


def losing(session: FakeSession, *losses: GuestLost) -> FakeSession:
    """Let the first calls end with these losses, as a session does; the next one is answered."""
    left = list(losses)

    def double(x: int) -> int:
        if left:
            session.lost = left.pop(0)
            raise session.lost
        return 2 * x

    session.functions["double"] = double
    return session


@pytest.mark.parametrize("losses", [[KILLED], [OURS], [OURS, OURS], [KILLED, OURS]], ids=len)
def test_a_guest_that_was_killed_is_replaced_and_the_check_tried_again(losses: list[GuestLost], tmp_path: Path) -> None:
    """The next try counts."""
    assert judged(losing(FakeSession({}), *losses), tmp_path).outcome is Outcome.PASSED


def test_what_kills_itself_is_tried_twice_and_no_more(tmp_path: Path) -> None:
    """The second time it is the submission's doing: nobody buys retries."""
    session = losing(FakeSession({}), KILLED, KILLED)
    assert judged(session, tmp_path).outcome is Outcome.CRASHED
    assert session.calls.count("begin") == 2


def test_a_keeper_that_is_always_gone_ends_as_an_error_of_ours(tmp_path: Path) -> None:
    """After three tries a person has to look, and no point is lost."""
    assert judged(losing(FakeSession({}), OURS, OURS, OURS), tmp_path).outcome is Outcome.ERROR


@pytest.mark.parametrize("loss", [KILLED, OURS], ids=["guest", "keeper"])
def test_killed_while_it_is_imported_it_is_imported_again(loss: GuestLost, tmp_path: Path) -> None:
    """An import that was killed from outside is not every check's outcome."""
    session = FakeSession({"double": lambda x: 2 * x}, fails_to_open=[loss])
    assert judged(session, tmp_path).outcome is Outcome.PASSED
    assert session.calls.count("open") == 2


def of_guest(zygote: Zygote) -> tuple[psutil.Process, psutil.Process]:
    """Return the keeper and the guest that were forked last."""
    # By when they began: numbers of processes begin anew at some point.
    keeper = max(psutil.Process(zygote.pid).children(), key=psutil.Process.create_time)
    (guest,) = keeper.children()
    return keeper, guest


def kill(zygote: Zygote, who: str) -> None:
    """Kill the keeper or the guest that was forked last, and wait: a guest outlives its keeper by a moment."""
    keeper, guest = of_guest(zygote)
    os.kill((keeper if who == "keeper" else guest).pid, signal.SIGKILL)
    assert psutil.wait_procs([keeper, guest] if who == "keeper" else [guest], timeout=20)[1] == []


@pytest.fixture
def killing(monkeypatch: pytest.MonkeyPatch, zygote: Zygote) -> Callable[[str], None]:
    """Return a function that lets the keeper or the guest be killed just before the first thing is asked."""
    draw = Session._new_nonce

    def arm(who: str) -> None:
        def new_nonce(session: Session) -> int:
            if not session._nonces:
                kill(zygote, who)
            return draw(session)

        monkeypatch.setattr(Session, "_new_nonce", new_nonce)

    return arm


@pytest.mark.parametrize(("who", "outcome"), [("keeper", Outcome.ERROR), ("guest", Outcome.CRASHED)])
def test_the_loss_says_whether_it_may_be_tried_again(
    open_session: OpenSession, zygote: Zygote, tier: Tier, who: str, outcome: Outcome
) -> None:
    """A keeper that is gone is ours; a guest killed for no reason that we know may be the machine's doing."""
    session = open_session(LOOPING, at=tier)
    kill(zygote, who)
    with pytest.raises(GuestLost, match=SAID[who]) as lost:
        session.submission.loop()
    assert lost.value.outcome is outcome
    assert lost.value.is_worth_another_try(1)
    assert lost.value.is_worth_another_try(2) is (who == "keeper")


@pytest.mark.parametrize("who", ["keeper", "guest"])
def test_killed_while_a_file_is_scanned_the_file_is_not_rejected(
    open_session: OpenSession, killing: Callable[[str], None], tier: Tier, who: str
) -> None:
    """That a file broke Python's parser is said only where nobody killed it."""
    session = open_session(LOOPING, at=tier, opened_too=False)
    killing(who)
    with pytest.raises(GuestLost, match=SAID[who]) as lost:
        session.open(seed=1)
    assert lost.value.is_worth_another_try(1)


def test_a_guest_that_ends_itself_is_no_reason_to_try_again(open_session: OpenSession, tier: Tier) -> None:
    """os._exit, a crash and a limit are the submission's own."""
    session = open_session("import os\ndef end(): os._exit(9)\ndef crash(): os.abort()\n", at=tier)
    for name, said in (("end", "exit"), ("crash", "SIG")):
        with pytest.raises(GuestLost, match=said) as lost:
            session.submission.call(name)
        assert not lost.value.is_worth_another_try(1)
        session.begin_check(1, session._deadline)


# --- nobody buys an error -----------------------------------------------------------------------------------------

AT_THE_DEADLINE = {
    "ignores the question where it stands": """
        import signal
        def double(x):
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            while True: pass
    """,
    "prints for ever and answers nothing": """
        import os, signal, time
        def double(x):
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            while True:
                os.write(1, b".")
                time.sleep(0.003)
    """,
    "closes its line just before": """
        import os, stat, time
        def double(x):
            until = time.monotonic() + 0.95
            while time.monotonic() < until: pass
            for fd in range(3, 256):
                try:
                    if stat.S_ISSOCK(os.fstat(fd).st_mode): os.close(fd)
                except OSError: pass
            while True: pass
    """,
}


@pytest.fixture(scope="module")
def bench(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grader]:
    """A grader whose check may take a second."""
    limits = "[limits]\ncheck_wall_s = 1\nwall_s = 30\n"
    exercise = make_course(tmp_path_factory.mktemp("course"), HIDDEN, more=limits)
    with Grader(exercise, zygote=zygote) as grader:
        yield grader


@pytest.mark.parametrize("name", AT_THE_DEADLINE)
def test_what_lets_us_wait_at_its_deadline_gets_its_own_outcome(bench: Grader, name: str) -> None:
    """The worker took such a judge for stuck in host code, and the student had an `error`, which costs nothing."""
    text = textwrap.dedent(AT_THE_DEADLINE[name])
    (check,) = bench.grade(Submission("0" * 64, (SourceFile("work.py", text),))).checks
    assert check.outcome in (Outcome.TIMEOUT, Outcome.CRASHED)


def test_a_worker_waits_longer_than_a_channel() -> None:
    """With a second and more to spare, which a busy machine may need."""
    assert channel._WHERE_WAIT_S + channel._STATUS_WAIT_S + channel._CLOSE_WAIT_S + 0.75 < patience.GRACE_S
