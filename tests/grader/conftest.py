"""Fixtures of the harness's own tests: one zygote for the whole run, sessions on student code given as text."""

from __future__ import annotations

import contextlib
import textwrap
import time
from collections.abc import Callable, Iterator

import pytest

from grader.errors import FenceError
from grader.limits import Limits
from grader.policy import NO_POLICY, Policy
from grader.sandbox import fence
from grader.sandbox.fence import Tier
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.spawn import Zygote

CHECK_WALL_S = 30.0
OpenSession = Callable[..., Session]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute as judges and guests do: several threads only wait for each other on a busy machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """The warm process that every guest of the run is forked from."""
    with Zygote.start() as started:
        started.wait_until_ready()
        yield started


@contextlib.contextmanager
def starts_nothing(zygote: Zygote) -> Iterator[pytest.MonkeyPatch]:
    """Let commands of this process use the run's zygote, which says only once that it is ready and is still needed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Zygote, "start", lambda *given, **named: zygote)
        patch.setattr(Zygote, "__exit__", lambda self, *problem: None)
        patch.setattr(Zygote, "wait_until_ready", lambda self: None)
        yield patch


def usable(tier: Tier) -> Tier:
    """Return a tier, or skip the test with the primitive that this machine lacks for it."""
    try:
        fence.require_tier(tier)
    except FenceError as error:
        pytest.skip(f"tier {tier} is not available here: {error}")
    return tier


@pytest.fixture(params=[Tier.NAMESPACES, Tier.LANDLOCK], ids=["namespaces", "landlock"])
def tier(request: pytest.FixtureRequest) -> Tier:
    """Each fenced tier in turn; a tier that this machine lacks is skipped with its reason."""
    return usable(request.param)


@pytest.fixture
def strongest(request: pytest.FixtureRequest) -> Tier:
    """The strongest tier of this machine, for what does not depend on the tier."""
    return fence.strongest_tier()


@pytest.fixture
def open_session(zygote: Zygote, strongest: Tier) -> Iterator[OpenSession]:
    """Start sessions on student code and begin a check in each; all are closed at the end."""
    opened: list[Session] = []

    def start(
        text: str, *, at: Tier | None = None, opened_too: bool = True, policy: Policy = NO_POLICY, **limits: float
    ) -> Session:
        spec = GuestSpec(
            tier=at or strongest,
            limits=Limits(**{"check_wall_s": CHECK_WALL_S, **limits}),  # type: ignore[arg-type]
            sources=(Source("student.py", textwrap.dedent(text)),),
            policy=policy,
        )
        session = Session(zygote, spec)
        opened.append(session)
        if opened_too:
            session.open(seed=1)
            begin(session)
        return session

    yield start
    for session in opened:
        session.close()


def begin(session: Session, seed: int = 1) -> None:
    """Begin a check with the wall limit of the session."""
    session.begin_check(seed, time.monotonic() + session.spec.limits.check_wall_s)
