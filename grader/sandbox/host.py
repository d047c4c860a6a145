"""The trusted side's view of guests: start one, ask it things, end it, say why it ended.

Owns the life of a submission's guests, one at a time. Must not know pytest, points or expected values. Invariant:
once a guest was lost nothing more is believed or sent until the next check begins, and then a fresh one is started.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from torch import Tensor

from grader import language, messages
from grader.errors import (
    CourseError,
    GuestLost,
    InfrastructureError,
    ProtocolViolation,
    ReplyTooLarge,
    StudentRaised,
    SubmissionRejected,
)
from grader.limits import Limits
from grader.policy import NO_POLICY, Policy
from grader.results import Flag
from grader.sandbox.autograd import Bridge, Lease, Reply, refuse_forward_mode, refuse_transforms
from grader.sandbox.channel import ChannelClosed, ChannelError, ChannelFlooded, ChannelTimeout, GuestChannel
from grader.sandbox.endings import loss
from grader.sandbox.fence import FenceSpec, Gpu, Tier
from grader.sandbox.frames import REPLY_BYTES, Kind, read_reply_head, request_head
from grader.sandbox.remote import GuestTools, Remote, Submission
from grader.sandbox.scan import problem_of, read_report
from grader.sandbox.spawn import GuestSource
from grader.sandbox.traces import STACK_BEGINS, frames_in, raised_of
from grader.sandbox.wire import Caps, HandleRef, decode, decode_frame, encode_frame

CPU, CUDA = "cpu", "cuda"
_HELLO_WAIT_S = 20.0
_DEVICE_WAIT_S = 90.0  # the first CUDA call after a start of the machine takes tens of seconds
_HELLO_BYTES = 1 << 16
_SMALLEST_REPLY_BYTES = 1 << 18
_SUBMISSION = HandleRef(0, "module")
_NONCES = 128
# What we send is ours; the guest's own memory limit is the real bound.
# Deeper than an answer may be: what came back in one may be sent again, inside the arguments.
_REQUEST_CAPS = Caps(payload_bytes=1 << 40, items=10_000_000, depth=64, objects=1_000_000)


@dataclass(frozen=True)
class Source:
    """One file of a submission; `name` as in exercise.toml's `files`, `text` already decoded."""

    name: str
    text: str


@dataclass(frozen=True)
class GuestSpec:
    """What a submission's guests are made of; `gpu` is the one for guests of the device cuda, held by the caller."""

    tier: Tier
    limits: Limits
    sources: tuple[Source, ...]
    lane: int = 0
    policy: Policy = NO_POLICY
    gpu: Gpu | None = None


class Session:
    """The guests of one submission, one for each device that it is judged on. Used inside one judge, by one thread."""

    def __init__(self, zygote: GuestSource, spec: GuestSpec) -> None:
        self.spec = spec
        self.epoch = 0
        self.lost: GuestLost | None = None
        self.guests_started = 0
        self._zygote = zygote
        self.device = CPU
        self._channel: GuestChannel | None = None
        self._bare: set[str] = set()  # devices whose guest was started and has read nothing yet
        self._waiting: dict[str, GuestChannel] = {}  # guests of other devices, until a check is judged there again
        self._deadline = self._wall_s = float("inf")
        self._seed = 0
        self._freed: list[int] = []
        self._nonces: list[int] = []
        self._texts = {source.name: source.text for source in spec.sources}
        self._modules: dict[str, None] = {}  # imported by name, to be imported again into a fresh guest, in this order
        self._stdout = ""
        self._unreadable: dict[str, str] = {}  # files that cannot be parsed, and why
        self.flags: list[Flag] = []  # what a person may want to look at in the files, once they have been read
        self.bridge = Bridge(self)
        # A report of an exception must fit even where the exercise allows small answers only.
        self._reply_bytes = max(spec.limits.reply_bytes, _SMALLEST_REPLY_BYTES)
        self._caps = Caps(payload_bytes=self._reply_bytes)
        self.submission = Submission(self, _SUBMISSION, name=spec.sources[0].name.removesuffix(".py"))
        self.guest = GuestTools(self)

    # --- life ------------------------------------------------------------------------------------------------

    def open(self, seed: int, deadline: float | None = None, device: str = CPU) -> list[Flag]:
        """Start the first guest, for this device, read the files without running them, then import the first one.

        Returns:
            What a person may want to look at in the files.
        Raises:
            SubmissionRejected: that file cannot be parsed. StudentRaised: its import raised.
            GuestLost: its import hit a limit or ended Python. InfrastructureError: ours.
        """
        self._begin(seed, deadline or time.monotonic() + self.spec.limits.check_wall_s, device)
        if self._channel is None:
            self._start()
        self.flags = self._scan()
        self._ask("load", *self._plain_spec())
        self._bare.discard(device)
        return self.flags

    def prepare(self, device: str) -> None:
        """Have a guest of this device that works, before a check begins or `open`: on a GPU, starting takes seconds.

        It reads the files only then, and in a check when that first asks for something.

        Raises:
            InfrastructureError: there is no such guest to be had.
        """
        self._begin(self._seed, time.monotonic() + _HELLO_WAIT_S, device)
        if self._channel is not None:
            try:
                self._ask("begin", self._seed)
            except (StudentRaised, GuestLost):  # an earlier check has broken the device for this process
                self._end_guest()
        if self._channel is None:
            self._start()
            self._bare.add(device)

    def begin_check(self, seed: int, deadline: float, device: str = CPU) -> None:
        """Start a check: forget the last one's objects and seed the generators; a lost guest is replaced when needed.

        Args:
            deadline: `time.monotonic()` value that everything in the check shares.
            device: Where it is judged. Its guest is started when the check asks for something.
        """
        self._begin(seed, deadline, device)
        if self._channel is not None:
            with contextlib.suppress(GuestLost):  # it is kept in `lost`, and the check ends with it
                self._ask("begin", seed)

    def _begin(self, seed: int, deadline: float, device: str) -> None:
        if device != self.device:
            if self._channel is not None:
                self._waiting[self.device] = self._channel
            self.device, self._channel = device, self._waiting.pop(device, None)
        self.lost, self._seed, self._deadline = None, seed, deadline
        self._wall_s = round(deadline - time.monotonic(), 1)
        self._forget()

    def _forget(self) -> None:
        self.epoch += 1
        self._freed = []
        self._stdout = ""
        self.bridge.forget()
        if self._channel is not None:
            self._channel.new_capture()

    def end_check(self) -> None:
        """Take what was printed; all handles and graphs of the check are stale from now on."""
        self._drain()
        self.epoch += 1

    def _drain(self) -> None:
        if self._channel is not None:
            try:
                self._channel.drain()
            except ChannelFlooded as error:
                self._lose(error)

    @property
    def stdout(self) -> str:
        """What the student printed during this check: its head and its tail."""
        self._drain()
        return self._channel.capture.text() if self._channel is not None else self._stdout

    def close(self) -> None:
        """End all guests and leave nothing behind."""
        self._end_guest()
        while self._waiting:
            self._waiting.popitem()[1].close()

    def _end_guest(self) -> None:
        if self._channel is not None:
            with contextlib.suppress(ChannelFlooded):  # what was printed last is kept either way
                self._channel.drain()
            self._stdout = self._channel.capture.text()
            self._channel.close()
            self._channel = None
            self._bare.discard(self.device)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        """Start a guest and hear its hello, which is sent before any student byte is read and so can be believed."""
        gpu = self.spec.gpu if self.device == CUDA else None
        spec = FenceSpec(tier=self.spec.tier, limits=self.spec.limits, lane=self.spec.lane, gpu=gpu)
        channel = self._zygote.spawn(spec)
        try:
            frame = channel.receive(time.monotonic() + _HELLO_WAIT_S, _HELLO_BYTES)
            hello = decode(frame, Caps(_HELLO_BYTES)).value
        except (ChannelError, ProtocolViolation) as error:
            status = channel.status()
            channel.close()
            raise InfrastructureError(f"no isolated Python could be started: {status.get('error', error)}") from error
        if "fence_error" in hello:
            channel.close()
            raise InfrastructureError(f"the isolation did not apply: {hello['fence_error']}")
        self.guests_started += 1
        self._channel = channel
        if self.device != CPU:
            self._use_device()

    def _use_device(self) -> None:
        """Make a guest that has just started one of the check's device; nothing of the student's is in it yet.

        Raises:
            InfrastructureError: it cannot.
        """
        # It is no part of the check: what it takes must not become the student's timeout.
        deadline, self._deadline = self._deadline, time.monotonic() + _DEVICE_WAIT_S
        try:
            self._ask("use", self.device, self.spec.limits.gpu_memory_bytes)
        except (StudentRaised, GuestLost) as error:
            self._end_guest()
            self.lost = None
            raise InfrastructureError(f"no isolated Python with a device {self.device}: {error}") from error
        finally:
            self._deadline = deadline

    def _restart(self) -> None:
        if self._channel is None:
            self._start()
        try:
            self._ask("load", *self._plain_spec())
            for stem in self._modules:
                self._ask("module", stem, self._stems().index(stem))
            self._ask("begin", self._seed)
            self._bare.discard(self.device)
        except BaseException:
            self._end_guest()  # one that is only half loaded must not be asked anything
            raise

    def _plain_spec(self) -> tuple[object, ...]:
        """Return the files, what is forbidden in them and the sentences to say it with, as plain values."""
        sources = [[source.name, source.text] for source in self.spec.sources]
        return sources, msgspec.to_builtins(self.spec.policy), language.translations(language.current())

    def _scan(self) -> list[Flag]:
        first = self.spec.sources[0].name
        try:
            self._unreadable, flags = read_report(self._ask("scan", *self._plain_spec()).value)
        except (GuestLost, ProtocolViolation) as error:
            lost = error if isinstance(error, GuestLost) else self._lose(error)
            if lost.is_worth_another_try(1):
                raise
            # Nothing of the student's has run yet: the file itself broke Python's parser, so `rejected`, not a loss.
            self.lost = None
            raise SubmissionRejected(problem_of(first, 0, lost.message)) from None
        if first in self._unreadable:
            raise SubmissionRejected(self._unreadable[first])
        return flags

    # --- requests --------------------------------------------------------------------------------------------

    def exchange(self, name: str, *arguments: object, differentiable: bool = False) -> Any:
        """Ask for an operation and return its value with autograd attached.

        Args:
            differentiable: Whether the result is a function of the tensors among the arguments.
        """
        reply, sent = self._request(name, arguments)
        return self.bridge.attach(reply, [item for item in sent if item.requires_grad] if differentiable else [])

    def request(self, name: str, *arguments: object) -> Reply:
        """Ask for an operation and return its reply as it came."""
        return self._request(name, arguments)[0]

    def import_module(self, stem: str) -> Remote:
        """Return another of the student's files; one that cannot be parsed costs the checks that ask for it."""
        names = self._stems()
        if stem not in names:
            raise CourseError(f"submission.module({stem!r}): the exercise's files are {', '.join(names)}")
        if f"{stem}.py" in self._unreadable:
            raise SubmissionRejected(self._unreadable[f"{stem}.py"])
        handle = HandleRef(names.index(stem), "module")
        self.request("module", stem, handle.id)
        self._modules[stem] = None
        return Submission(self, handle, name=stem)

    def _stems(self) -> list[str]:
        return [source.name.removesuffix(".py") for source in self.spec.sources]

    def _request(self, name: str, arguments: Sequence[object]) -> tuple[Reply, list[Tensor]]:
        if self.lost is not None:
            raise self.lost
        if self._channel is None or self.device in self._bare:
            self._restart()
        return self._ask_with_tensors(name, arguments)

    def _ask(self, name: str, *arguments: object) -> Reply:
        return self._ask_with_tensors(name, arguments)[0]

    def _ask_with_tensors(self, name: str, arguments: Sequence[object]) -> tuple[Reply, list[Tensor]]:
        assert self._channel is not None
        refuse_transforms()
        kept: list[Remote] = []
        freed, self._freed = self._freed, []
        nonce = self._new_nonce()
        try:
            frame = encode_frame(
                request_head(nonce, name, freed),
                lambda _: iter((arguments,)),
                _REQUEST_CAPS,
                lambda value, kind: self._handle_of(value, kind, kept),
            )
            refuse_forward_mode(frame.tensors)
        except BaseException:
            self._freed += freed  # nothing was sent, so nothing was freed
            raise
        try:
            data = self._channel.request(frame.buffers, self._deadline, self._reply_bytes + REPLY_BYTES)
            return self._read(data, nonce), frame.tensors
        except (ChannelError, ProtocolViolation) as error:
            raise self._lose(error, name) from None

    def _new_nonce(self) -> int:
        """Return a number that no guest can foresee; they are drawn many at once, a system call each would be slow."""
        if not self._nonces:
            self._nonces = list(struct.unpack(f"<{_NONCES}Q", os.urandom(8 * _NONCES)))
        return self._nonces.pop()

    def _handle_of(self, value: object, type_name: str, kept: list[Remote]) -> HandleRef:
        if not isinstance(value, Remote):
            raise CourseError(messages.CANNOT_SEND.format(type_name=type_name))
        handle, keeps_alive = value._pinned()
        kept.append(keeps_alive)
        return handle

    def _read(self, data: bytearray, nonce: int) -> Reply:
        """Decode an answer to the request with this nonce.

        Raises:
            StudentRaised, ReplyTooLarge: that is the answer. ProtocolViolation: no answer of our guest code.
        """
        kind = read_reply_head(data, nonce)
        count = 2 if kind is Kind.VALUE_AND_GRAPH else 1
        (value, *graph), tensors = decode_frame(data, REPLY_BYTES, count, self._caps, self._remote)
        if kind is Kind.RAISED and isinstance(value, dict):
            raise raised_of(value, self._texts) or ProtocolViolation("a malformed report of an exception")
        if kind is Kind.TOO_LARGE and isinstance(value, str):
            raise ReplyTooLarge(messages.REPLY_TOO_LARGE.format(detail=value[:200]))
        if kind in (Kind.RAISED, Kind.TOO_LARGE):
            raise ProtocolViolation("an answer whose value does not fit its kind")
        return Reply(value, tensors, graph[0] if graph else None)

    def _remote(self, handle: HandleRef) -> Remote:
        return Remote(self, handle, lease=Lease(self, handle.id))

    def free(self, epoch: int, identifier: int) -> None:
        """Note that nothing here uses a guest's object any more; called by finalizers, at any moment."""
        if epoch == self.epoch:
            self._freed.append(identifier)
            self.bridge.drop(identifier)

    def keep(self, identifier: int) -> None:
        """Take back a `free` that was not sent yet: the guest has just spoken of that object again."""
        if identifier in self._freed:
            self._freed.remove(identifier)

    # --- losing a guest --------------------------------------------------------------------------------------

    def violation(self, error: ProtocolViolation) -> GuestLost:
        """End a guest that sent what our guest code cannot have written."""
        return self._lose(error)

    def _lose(self, error: ChannelError | ProtocolViolation, doing: str = "") -> GuestLost:
        """End the guest and remember why; every later request of this check raises the same."""
        line = self._channel
        status = line.status() if line is not None and isinstance(error, ChannelClosed) else {}
        where = line.where(STACK_BEGINS) if line is not None and isinstance(error, ChannelTimeout) else ""
        self._end_guest()
        self.lost = loss(error, status, self.spec.limits, self._wall_s, doing, frames_in(where, self._texts))
        return self.lost
