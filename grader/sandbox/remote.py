"""Remote values as a suite sees them: `submission.softmax(x)`, `net.get("grad")`, `guest.tensor(x)`.

Owns the proxies. Must not know sockets or frames; everything is asked of a session. Invariant: a proxy never answers
a question about its object by itself: comparing, testing or iterating one raises, because it would silently be true.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, Protocol

import torch
from torch import Tensor

from grader import messages
from grader.errors import CourseError, GraphCut, ProtocolViolation, ProxyMisuse
from grader.sandbox.autograd import Bridge, Lease, Peer, Reply, origin_of, was_received
from grader.sandbox.wire import HandleRef

_MISUSED = (
    "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__len__", "__iter__", "__next__",
    "__contains__", "__getitem__", "__float__", "__int__", "__index__", "__array__", "__add__", "__radd__", "__sub__",
    "__mul__", "__rmul__", "__matmul__", "__truediv__", "__neg__", "__abs__",
)  # fmt: skip


class RemotePeer(Peer, Protocol):
    """What proxies need of a session."""

    bridge: Bridge
    device: str

    def exchange(self, name: str, *arguments: object, differentiable: bool = False) -> Any:
        """Ask for an operation and return its value with autograd attached."""


class Remote:
    """Something that stays on the student's side: an object, or a dotted name to be looked up when it is used."""

    def __init__(
        self,
        peer: RemotePeer,
        handle: HandleRef,
        path: str = "",
        lease: Lease | None = None,
        name: str = "",
    ) -> None:
        self._peer, self._handle, self._path, self._lease = peer, handle, path, lease
        self._owner_name = name or handle.type_name

    __hash__ = object.__hash__

    @property
    def type_name(self) -> str:
        """The type of the object, as the student's side named it."""
        return self._handle.type_name

    @property
    def received_type(self) -> str | None:
        """The type's name if the student handed this out; None for what a suite names itself, such as `submission`."""
        return self.type_name if self._lease is not None else None

    def __getattr__(self, name: str) -> Remote:
        if name.startswith("__"):
            raise AttributeError(name)
        path = f"{self._path}.{name}" if self._path else name
        return Remote(self._peer, self._handle, path, self._lease, self._owner_name)

    @property
    def _name(self) -> str:
        return f"{self._owner_name}.{self._path}" if self._path else self._owner_name

    def __repr__(self) -> str:
        return f"<remote {self._name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it with copies of the arguments; results are values, CPU tensors (with autograd), or Remote.

        Raises:
            StudentRaised: the student's code raised.
            GuestLost: a limit was hit or the guest ended; the check is over.
            UnsupportedAcrossBoundary: a torch.func transform or forward-mode AD is active.
        """
        return self._call(self._path, args, kwargs)

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method or function by name, also one that this class has a method of the same name for."""
        return self._call(self._below(name), args, kwargs)

    def _call(self, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # What is as it mostly is stays unsaid: a call of two tensors is the bulk of all traffic.
        unusual = () if not kwargs and torch.is_grad_enabled() else (kwargs, torch.is_grad_enabled())
        return self._peer.exchange("call", self._base(), path, args, *unusual, differentiable=True)

    def get(self, name: str) -> Any:
        """Read an attribute, dotted if need be; a tensor comes as a copy, with its graph."""
        return self._peer.exchange("get", self._base(), self._below(name))

    def _below(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _base(self) -> HandleRef:
        """Return the handle that the path starts from, checked to be alive; its type name need not cross."""
        if self._lease is not None and self._lease.epoch != self._peer.epoch:
            raise ProxyMisuse(messages.STALE_HANDLE.format(what=self._name))
        return HandleRef(self._handle.id, "")

    def _pinned(self) -> tuple[HandleRef, Remote]:
        """Return a handle for this very object, so that it can be sent as an argument, and what keeps it alive."""
        base = self._base()
        if not self._path:
            return base, self
        resolved = _checked(self._peer, self._peer.exchange("resolve", base, self._path), Remote)
        return resolved._base(), resolved

    # --- modules ---------------------------------------------------------------------------------------------

    def parameters(self) -> dict[str, Tensor]:
        """Return the parameters by name: leaves that stand for the student's own, for `autograd.grad` and reading.

        Shapes: as the student's. `.backward()` fills the student's `.grad`, not theirs: see `gradients`.
        """
        rows = _checked(self._peer, self._peer.exchange("parameters", self), list)
        return dict(self._parameter(row) for row in rows)

    def _parameter(self, row: Any) -> tuple[str, Any]:
        match row:
            case [str() as name, (Tensor() | Remote()) as value, None]:
                return name, value  # a Remote is a tensor of a kind that cannot cross; comparisons say so
            case [str() as name, Tensor() as value, tuple() as leaf]:
                return name, self._peer.bridge.mirror_with_value(leaf, value)
        raise self._peer.violation(ProtocolViolation("a malformed parameter"))

    def gradients(self) -> dict[str, Tensor | None]:
        """Return `.grad` of each parameter by name."""
        return self._named("gradients")

    def buffers(self) -> dict[str, Tensor]:
        """Return the buffers by name."""
        return self._named("buffers")

    def _named(self, what: str) -> dict[str, Any]:
        """Read tensors by name; one of a kind that cannot cross is a Remote, and comparisons say so."""
        named: dict[str, Any] = _checked(self._peer, self._peer.exchange(what, self), dict)
        for value in named.values():
            _checked(self._peer, value, Tensor, Remote, type(None))
        return named

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the student's `state_dict()` returns."""
        return self.call("state_dict")  # type: ignore[no-any-return]

    def train(self, mode: bool = True) -> Remote:
        """Switch to training behaviour; returns this, as a module does."""
        self.call("train", mode)
        return self

    def eval(self) -> Remote:
        """Switch to evaluation behaviour; returns this."""
        self.call("eval")
        return self

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """Move or convert as `torch.nn.Module.to`; dtypes are given as text: `net.to("float64")`."""
        return self.call("to", *args, **kwargs)


def _checked(peer: RemotePeer, value: Any, *kinds: type) -> Any:
    """Return an answer of a type that our guest code gives; any other ends the guest."""
    if isinstance(value, kinds):
        return value
    raise peer.violation(ProtocolViolation("an answer of a wrong type"))


def _refuse(operation: str) -> Callable[..., NoReturn]:
    def misused(self: Remote, *_: object) -> NoReturn:
        # What came from the student: then it is their value that is of a wrong type, not the suite's use.
        text = messages.PROXY_MISUSE.format(what=self._name, operation=operation.strip("_"))
        raise ProxyMisuse(text, self.received_type)

    return misused


for _operation in _MISUSED:
    setattr(Remote, _operation, _refuse(_operation))


class Submission(Remote):
    """The student's first file, as `submission` in a suite; `module("train")` is another of the files."""

    def module(self, stem: str) -> Remote:
        """Return another of the student's files, importing it there if that has not happened yet."""
        return self._peer.import_module(stem)  # type: ignore[attr-defined,no-any-return]


class GuestTools:
    """What a suite can do on the student's side without the student's code: the fixture `guest`."""

    def __init__(self, peer: RemotePeer) -> None:
        self._peer = peer

    def tensor(self, value: Any, requires_grad: bool = False, device: str | None = None) -> Remote:
        """Build a tensor there, so that identity, `.grad`, in-place change and aliasing can be judged.

        Raises:
            CourseError: the check is not judged on that device.
        """
        if device not in (None, "cpu", self._peer.device):
            raise CourseError(messages.DEVICE_NOT_THERE.format(device=device, here=self._peer.device))
        plain = torch.as_tensor(value).detach()
        return self._remote("tensor", plain, requires_grad, device)

    def _remote(self, name: str, *arguments: object) -> Remote:
        made: Remote = _checked(self._peer, self._peer.exchange(name, *arguments), Remote)
        return made

    def place(self, value: Any, device: str) -> Remote:
        """Build a tensor there on a device."""
        return self.tensor(value, device=device)

    def read(self, tensor: Remote) -> Tensor:
        """Return a copy of a tensor that lives there, without its graph."""
        values: Tensor = _checked(self._peer, self._peer.exchange("read", tensor), Tensor, Remote)
        return values

    def transfers(self) -> dict[str, int]:
        """Return what the student's code has moved between host and device so far in this check, and its waits.

        The names are those of `sandbox.guest.sim.counters.Transfers`; on the CPU all are 0. Evidence only: it is said
        by the side that the student's code runs on.
        """
        said = _checked(self._peer, self._peer.exchange("transfers"), dict)
        for name, count in said.items():
            _checked(self._peer, name, str)
            _checked(self._peer, count, int)
        return dict(said)

    def same(self, first: Remote, second: Remote) -> bool:
        """Whether both are one object there."""
        return _checked(self._peer, self._peer.exchange("same", first, second), bool) is True

    def build(self, dotted: str, *args: Any, **kwargs: Any) -> Remote:
        """Build a stock object there: `guest.build("torch.utils.data.DataLoader", data, batch_size=4)`."""
        return self._remote("build", dotted, list(args), kwargs)

    def load(self, path: str | Path) -> Remote:
        """Load a probe module there. It is read by whoever looks at the student's side: it must hold no secret."""
        file = Path(path)
        return self._remote("probe", file.name, file.read_text(encoding="utf-8"))

    def grad(self, losses: Any, inputs: Sequence[Any]) -> list[Tensor | None]:
        """Gradients of results of student code with respect to other results of the same call.

        Args:
            losses: One result or a list of them; inputs: results, or handles of tensors there.
        Raises:
            GraphCut: the student returned something without a graph. CourseError: a tensor of the suite's own.
        """
        wanted = losses if isinstance(losses, (list, tuple)) else [losses]
        plain = [[self._origin(index, item) for index, item in enumerate(group)] for group in (wanted, inputs)]
        gradients = _checked(self._peer, self._peer.exchange("grad", *plain), list)
        return [_checked(self._peer, gradient, Tensor, Remote, type(None)) for gradient in gradients]

    def _origin(self, index: int, item: Any) -> object:
        """Return how the guest knows a result; what has no graph there came from a student who cut it."""
        if isinstance(item, Remote):
            return item
        origin = origin_of(item)
        if origin is not None:
            lease, output = origin
            if lease.epoch != self._peer.epoch:
                raise ProxyMisuse(messages.STALE_HANDLE.format(what="a result"))
            return (lease.identifier, output)
        if isinstance(item, Tensor) and not was_received(item) and not _is_part_of_received(item):
            raise CourseError(messages.NOT_FROM_GUEST.format(index=index))
        raise GraphCut(messages.GRAPH_IS_CUT_THERE)


def _is_part_of_received(tensor: Tensor) -> bool:
    """Whether it is a row, say, of a received one: `a, b = submission.f(x)` makes rows where one tensor came."""
    return tensor._base is not None and was_received(tensor._base)


__all__ = ["GuestTools", "Remote", "RemotePeer", "Reply", "Submission"]
