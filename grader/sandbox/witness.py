"""Denials, seen: a real guest tries what a hostile submission would, through the path that submissions take.

Owns what must be denied at which tier. A fence that nobody has seen deny is not a fence.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from grader import messages
from grader.errors import GuestLost, StudentRaised
from grader.limits import MIB, Limits
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.host import GuestSpec, Session, Source
from grader.sandbox.spawn import Zygote

ATTEMPTS = (
    "read_a_file_of_the_host", "read_the_memory_of_the_grader", "see_the_environment_of_the_grader",
    "write_to_the_installed_software", "write_beside_a_file_of_the_host", "start_a_process", "run_a_program",
    "reach_the_network", "signal_the_grader", "limit_the_grader", "trace_the_grader", "enter_new_namespaces",
    "take_30_gigabytes", "use_an_inherited_descriptor", "ignore_the_end",
)  # fmt: skip
_LIMITS = Limits(check_wall_s=1.0, memory_bytes=1024 * MIB)


@dataclass(frozen=True)
class Denial:
    """One attempt of a guest, and what became of it."""

    name: str
    denied: bool
    detail: str


def witness(zygote: Zygote, tier: Tier) -> list[Denial]:
    """Let a guest of this tier try everything that must not succeed.

    Raises:
        InfrastructureError: no guest could be started.
    """
    text = resources.files("grader.sandbox").joinpath("attempts.py").read_text(encoding="utf-8")
    spec = GuestSpec(tier, _LIMITS, (Source("attempts.py", text),))
    with tempfile.TemporaryDirectory() as folder, Session(zygote, spec) as session:
        os.chmod(folder, 0o777)
        secret = Path(folder, "secret.txt")
        secret.write_text("a file that every user of this machine may read")
        session.open(seed=0, deadline=time.monotonic() + 20.0)
        return [_attempt(session, name, secret) for name in ATTEMPTS]


def _attempt(session: Session, name: str, secret: Path) -> Denial:
    session.begin_check(0, time.monotonic() + _LIMITS.check_wall_s)
    said = name.replace("_", " ")
    try:
        answer = session.submission.call(name, str(secret), os.getpid())
    except StudentRaised as error:
        return Denial(said, True, str(error))
    except GuestLost as lost:
        # Python gone without an exception means that the attempt went through: exec, for one, replaces it.
        return Denial(said, lost.outcome is not Outcome.CRASHED, messages.WITNESS_STOPPED.format(outcome=lost.outcome))
    finally:
        session.end_check()
    return Denial(said, False, messages.WITNESS_ALLOWED.format(detail=str(answer)[:100]))
