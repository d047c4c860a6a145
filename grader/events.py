"""What the worker and whoever started it say to each other: one JSON object per line, over a socket.

Owns the messages and their framing; both ends are ours, so the types are strict and a bad line is our own mistake.
Must not know tensors, pytest or how a guest is reached. The judge speaks the same words to its worker.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Literal

import msgspec

from grader import language
from grader.calibration import Origin
from grader.diagnosis.evidence import Evidence
from grader.errors import InfrastructureError
from grader.language import ENGLISH
from grader.limits import Limits
from grader.results import CheckResult, Flag, Outcome
from grader.sandbox.fence import Gpu

Visibility = Literal["public", "hidden"]
_CHUNK = 1 << 16
_MOMENT_S = 1e-3  # a timeout of 0 would mean another thing: not to wait for what is there already


class PlannedCheck(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the plan: a check on a device, fixed before any guest starts.

    A pending one is not judged here; `lacks` is why, as `unjudged` puts it into a sentence, if that is known.
    `attempts` is how often a calibrated check may train, 0 for any other check. `twins` is the title by language.
    """

    id: str
    title: str
    visibility: Visibility
    device: str
    max_points: float
    pending: bool = False
    lacks: str = ""
    attempts: int = 0
    twins: dict[str, str] = {}

    @property
    def shown_title(self) -> str:
        """What the student reads, in the language in use if its author wrote that."""
        return self.twins.get(language.current(), self.title)

    @property
    def calibrated(self) -> bool:
        """Whether it trains and compares an accuracy with what right solutions reach."""
        return self.attempts > 0


class SourceText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a submission."""

    name: str
    text: str


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to judge what is only asked whether any check notices it: no further than the first that does.

    `order` are places of the plan, kept as far as needs allow; what is not in it is not judged. `wall_s` is for all.
    """

    order: tuple[int, ...]
    wall_s: float


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="job"):
    """To the worker: judge this submission. Without sources nothing is judged; which checks are meant is still told.

    `keyword` chooses checks as pytest's -k does, or is a whole id; empty means all. Other `devices` stay pending.
    With a `trial` judging ends at the first check that does not pass; `backwards` it goes from the last check to the
    first, as far as needs allow. `gpu` is put in by the worker, which holds it as long as the job runs. `outcomes`, by
    place of the plan, are known already, of a worker that was lost while it judged the same; `left_s` is what is left
    of the submission's time, None all of it.
    """

    sources: tuple[SourceText, ...]
    seed: int
    tier: str
    keyword: str = ""
    devices: tuple[str, ...] | None = None
    language: str = ENGLISH
    trial: Trial | None = None
    backwards: bool = False
    measure: bool = False  # accuracies are told instead of compared
    gpu: Gpu | None = None
    outcomes: dict[int, Outcome] = {}
    left_s: float | None = None

    def wall_s(self, limits: Limits) -> float:
        """Return how long the whole submission may take."""
        return limits.wall_s if self.trial is None else self.trial.wall_s


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="stop"):
    """To the worker: nobody wants the job that runs any more; too late where none runs, and no matter."""


class Ready(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ready"):
    """From the worker: the suite is collected, this is the plan."""

    plan: tuple[PlannedCheck, ...]
    suite_sha256: str
    torch: str


class Broken(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="broken"):
    """From worker or judge: the course is broken, nothing more will be judged for this submission."""

    message: str


class Chosen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="chosen"):
    """From the worker, before anything is judged: the places of the plan that the job is about."""

    indices: tuple[int, ...]


class Preparing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="preparing"):
    """From worker or judge: something that takes long and is no part of any check.

    With `busy`, every GPU is used by other submissions; otherwise a guest of the device is being started.
    """

    device: str
    busy: bool = False


class Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="refused"):
    """From the worker: the job asks for something that does not exist; nothing was judged."""

    message: str


class Opened(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="opened"):
    """From the judge: the submission is imported, or that failed; `stdout` is what it printed meanwhile."""

    flags: tuple[Flag, ...] = ()
    stdout: str = ""


class Began(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="began"):
    """From the judge: the check at this place of the plan has begun and must end before `deadline` (monotonic)."""

    index: int
    deadline: float


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An accuracy that was measured for a calibration, what it depends on, and the training's numbers by name."""

    label: str
    value: float
    origin: Origin
    history: dict[str, tuple[float, ...]] = {}


class Ended(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ended"):
    """The check at this place of the plan has ended; `evidence` is for diagnosis, and no part of the result."""

    index: int
    result: CheckResult
    evidence: Evidence | None = None
    scores: tuple[Score, ...] = ()


class Finished(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="finished"):
    """Every check of the plan has ended."""


Event = Ready | Broken | Chosen | Preparing | Refused | Opened | Began | Ended | Finished
_decode_event = msgspec.json.Decoder(Event).decode
_decode_request = msgspec.json.Decoder(Job | Stop).decode


class Line:
    """Our end of a socket that carries lines."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._received = bytearray()

    def send(self, message: Event | Job | Stop) -> None:
        """Send one message, waiting until the other end has taken it.

        Raises:
            OSError: the other end is gone.
        """
        self.sock.sendall(msgspec.json.encode(message) + b"\n")

    def receive(self, deadline: float | None = None) -> Event | None:
        """Return the next message; None when the other end is closed.

        Raises:
            TimeoutError: nothing came before `deadline` (monotonic).
            InfrastructureError: a line that our own code cannot have written.
        """
        line = self._next_line(deadline)
        return None if line is None else _decoded(line)

    def receive_request(self) -> Job | Stop | None:
        """Return what a caller says next; None when it is gone."""
        line = self._next_line(None)
        return None if line is None else _decode_request(line)

    def receive_job(self) -> Job | None:
        """Return the next job; None when whoever gives them is gone."""
        while isinstance(request := self.receive_request(), Stop):
            pass  # too late: the job that it is about is over
        return request

    def hears_stop(self) -> bool | None:
        """Read what a caller says while its job runs; whether that is `Stop`, and None when it is gone."""
        if not self.pending() and not self.fill():
            return None
        return self.pending() and isinstance(_decode_request(self._next_line(None) or b""), Stop)

    def fileno(self) -> int:
        """The descriptor, to poll on."""
        return self.sock.fileno()

    def pending(self) -> bool:
        """Whether a whole line has already been read from the socket."""
        return b"\n" in self._received

    def hang_up(self) -> None:
        """End the conversation for both sides, and for a thread that waits here; `close` alone would let it wait."""
        with contextlib.suppress(OSError):  # the other end is gone already
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close our end."""
        self.sock.close()

    def fill(self, deadline: float | None = None) -> bool:
        """Read what there is, waiting for it; False when the other end is closed.

        Raises:
            TimeoutError: nothing came before `deadline` (monotonic).
        """
        # Neither select, which takes no descriptor above 1023, nor poll, which Windows has not.
        self.sock.settimeout(None if deadline is None else max(_MOMENT_S, deadline - time.monotonic()))
        try:
            chunk = self.sock.recv(_CHUNK)
        except ConnectionResetError:
            return False
        finally:
            self.sock.settimeout(None)
        self._received += chunk
        return bool(chunk)

    def _next_line(self, deadline: float | None) -> bytes | None:
        searched = 0
        while (end := self._received.find(b"\n", searched)) < 0:
            searched = len(self._received)
            if not self.fill(deadline):
                return None
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line


def _decoded(line: bytes) -> Event:
    try:
        event: Event = _decode_event(line)
    except msgspec.DecodeError as error:
        raise InfrastructureError(f"a line that none of our own code writes: {error}") from error
    return event
