"""The host's half of autograd across the boundary: one autograd node per call, one mirror leaf per guest leaf.

The call is made before the node, so the node knows every leaf its result depends on. Its backward asks the guest for
vector-Jacobian products; a hook on each mirror sends what `.backward()` accumulated to the guest's own leaf. Hence
`.backward()` here fills `.grad` there, and `autograd.grad` and `gradcheck` never do.
Invariant: a shape, dtype or number that the guest reports is compared with what is known here before it is used, and
no memory is allocated for a shape that was only reported.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.utils.weak import TensorWeakRef

from grader import messages
from grader.errors import ProtocolViolation, ProxyMisuse, UnsupportedAcrossBoundary
from grader.sandbox.wire import MAX_DIMS, MAX_ELEMENTS, TENSOR_DTYPES, SentTensor, map_tensors

MAX_LEAVES = 10_000


class Reply(NamedTuple):
    """What one request brought back: a value, the tensors in it, and the guest's report of its graph."""

    value: Any
    sent: list[SentTensor]
    graph: Any


class Peer(Protocol):
    """What this module needs of a session."""

    epoch: int

    def request(self, name: str, *arguments: object) -> Reply:
        """Ask for an operation and return its reply as it came."""

    def free(self, epoch: int, identifier: int) -> None:
        """Note that nothing here uses an object of the guest any more."""

    def keep(self, identifier: int) -> None:
        """Take back a `free` that was not sent yet."""

    def violation(self, error: ProtocolViolation) -> BaseException:
        """End the guest; return what to raise."""


class Lease:
    """Keeps something in the guest alive: when this object dies, the next frame tells the guest to forget it."""

    def __init__(self, peer: Peer, identifier: int) -> None:
        self.epoch, self.identifier = peer.epoch, identifier
        weakref.finalize(self, _release, weakref.ref(peer), peer.epoch, identifier).atexit = False


def _release(peer: weakref.ref[Peer], epoch: int, identifier: int) -> None:
    living = peer()
    if living is not None:
        living.free(epoch, identifier)


@dataclass(frozen=True)
class Node:
    """What the backward of one call needs: whom to ask, for which kept graph, and how many inputs were arguments."""

    bridge: Bridge
    lease: Lease
    argument_count: int


class _RemoteCall(torch.autograd.Function):
    """The autograd node of a call that was already made; `inputs` are its argument tensors, then mirrors."""

    @staticmethod
    def forward(ctx: Any, node: Node, outputs: list[Tensor], *inputs: Tensor) -> tuple[Tensor, ...]:
        # The inputs are wanted as nodes of the graph only, never for their values, so changing one later is no error.
        ctx.node, ctx.inputs, ctx.versions = node, inputs, [tensor._version for tensor in inputs]
        ctx.save_for_backward(torch.empty(0))
        ctx.set_materialize_grads(False)
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor | None) -> tuple[Any, ...]:
        # Reading saved_tensors also makes a second backward without retain_graph raise as it does in one process.
        assert len(ctx.saved_tensors) == 1
        if torch.is_grad_enabled() and ctx.versions != [tensor._version for tensor in ctx.inputs]:
            raise RuntimeError(messages.CHANGED_IN_PLACE)
        return (None, None, *ctx.node.bridge.vjp(ctx.node, ctx.inputs, upstream, ctx.needs_input_grad[2:]))


class Bridge:
    """The mirrors and nodes of one session."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._mirrors: dict[int, TensorWeakRef] = {}

    def forget(self) -> None:
        """A check has ended: its mirrors mean nothing any more."""
        self._mirrors.clear()

    def drop(self, identifier: int) -> None:
        """The mirror of a leaf is gone."""
        self._mirrors.pop(identifier, None)

    def attach(self, reply: Reply, arguments: Sequence[Tensor]) -> Any:
        """Return a reply's value with its differentiable tensors made results of one autograd node.

        Args:
            arguments: The tensors that were sent and require a gradient, in the order they were sent.
        """
        for item in reply.sent:
            item.tensor._guest_device = item.device  # type: ignore[attr-defined]
        if reply.graph is None:
            return reply.value
        try:
            node_id, leaves = _checked_graph(reply)
            mirrors = [self.mirror(leaf) for leaf in leaves]
        except ProtocolViolation as error:
            raise self._peer.violation(error) from None
        node = Node(self, Lease(self._peer, node_id), len(arguments))
        raw = [item.tensor for item in reply.sent if item.requires_grad]
        # A result that is a view could not be changed in place afterwards; reading it made one of anything not 1-d.
        own = [tensor.clone() if tensor._is_view() else tensor for tensor in raw]
        with torch.enable_grad():
            wrapped = _RemoteCall.apply(node, own, *arguments, *mirrors)  # type: ignore[no-untyped-call]
        for index, tensor in enumerate(wrapped):
            tensor._guest_origin, tensor._guest_device = (node.lease, index), device_of(raw[index])
        known = {id(before): after for before, after in zip(raw, wrapped, strict=True)}
        return map_tensors(reply.value, lambda tensor: known.get(id(tensor), tensor))

    def mirror(self, leaf: tuple[int, tuple[int, ...], int]) -> Tensor:
        """Return the host's leaf for a guest's leaf, the same one as long as anything here uses it."""
        identifier, shape, dtype_code = leaf
        reference = self._mirrors.get(identifier)
        present: Tensor | None = reference() if reference is not None else None
        if present is None:
            return self._new_mirror(identifier, shape, TENSOR_DTYPES[dtype_code])
        if tuple(present.shape) != shape or present.dtype != TENSOR_DTYPES[dtype_code]:
            raise ProtocolViolation("a leaf tensor changed its shape or dtype")
        return present

    def mirror_with_value(self, leaf: Any, value: Tensor) -> Tensor:
        """Return the mirror of a leaf whose value was read too, with that value."""
        try:
            checked = _checked_leaf(leaf)
            if (checked[1], TENSOR_DTYPES[checked[2]]) != (tuple(value.shape), value.dtype):
                raise ProtocolViolation("a parameter whose value has another shape or dtype than it says")
            mirror = self.mirror(checked)
        except ProtocolViolation as error:
            raise self._peer.violation(error) from None
        if not torch.equal(mirror.detach(), value):
            mirror.data = value
            # What a graph of the suite's saved of the old values must not be used with the new ones.
            torch.autograd.graph.increment_version(mirror)
        return mirror

    def _new_mirror(self, identifier: int, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        # Expanded from one element: a reported shape of any size costs nothing.
        mirror = torch.zeros((), dtype=dtype).expand(shape).requires_grad_()
        self._peer.keep(identifier)
        mirror._lease = Lease(self._peer, identifier)  # type: ignore[attr-defined]
        mirror.register_post_accumulate_grad_hook(self._deliver(identifier, self._peer.epoch))  # type: ignore[no-untyped-call]
        self._mirrors[identifier] = TensorWeakRef(mirror)
        return mirror

    def _deliver(self, identifier: int, epoch: int) -> Callable[[Tensor], None]:
        """Return the hook that hands an accumulated gradient to the guest's leaf and keeps none here."""

        def deliver(mirror: Tensor) -> None:
            gradient, mirror.grad = mirror.grad, None
            self._require_epoch(epoch)
            if gradient is not None:
                self._peer.request("accumulate", identifier, gradient.detach())

        return deliver

    def _require_epoch(self, epoch: int) -> None:
        if epoch != self._peer.epoch:
            raise ProxyMisuse(messages.STALE_HANDLE.format(what="a gradient graph"))

    def vjp(
        self, node: Node, inputs: Sequence[Tensor], upstream: Sequence[Tensor | None], needed: Sequence[bool]
    ) -> Sequence[Tensor | None]:
        """Serve the backward of one node; differentiable again when the engine runs with create_graph."""
        refuse_transforms(upstream)
        if all(gradient is None for gradient in upstream) or not any(needed):
            return [None] * len(inputs)
        self._require_epoch(node.lease.epoch)
        create_graph = torch.is_grad_enabled()
        requires = [gradient is not None and gradient.requires_grad for gradient in upstream]
        reply = self._peer.request(
            "vjp", node.lease.identifier, list(upstream), requires, list(needed), create_graph
        )  # fmt: skip
        self._check_products(reply.value, inputs)
        if not create_graph:
            return list(reply.value)
        differentiable = [gradient for gradient in upstream if gradient is not None and gradient.requires_grad]
        return list(self.attach(reply, [*inputs[: node.argument_count], *differentiable]))

    def _check_products(self, products: Any, inputs: Sequence[Tensor]) -> None:
        if not isinstance(products, list) or len(products) != len(inputs):
            raise self._peer.violation(ProtocolViolation("gradients that do not match what was asked for"))
        for product, tensor in zip(products, inputs, strict=True):
            if product is None:
                continue
            if not isinstance(product, Tensor) or (product.shape, product.dtype) != (tensor.shape, tensor.dtype):
                raise self._peer.violation(ProtocolViolation("a gradient of another shape or dtype than its tensor"))


def refuse_transforms(tensors: Sequence[Tensor | None] = ()) -> None:
    """Refuse vmap and torch.func before a tensor of theirs is touched: it has no data to send.

    Raises:
        UnsupportedAcrossBoundary: a torch.func transform or vmap is active, also the one inside batched gradients.
    """
    # Batched gradients still use torch's older vmap, which the first test does not see.
    if torch._C._are_functorch_transforms_active() or (tensors and any(map(_is_batched, tensors))):
        raise UnsupportedAcrossBoundary(messages.UNSUPPORTED_TRANSFORM)


def _is_batched(tensor: Tensor | None) -> bool:
    return tensor is not None and torch._C._functorch.is_legacy_batchedtensor(tensor)


def refuse_forward_mode(tensors: Sequence[Tensor]) -> None:
    """Refuse tensors that carry a forward-mode tangent.

    Raises:
        UnsupportedAcrossBoundary: one does.
    """
    if forward_ad._current_level >= 0:
        duals = [forward_ad.unpack_dual(tensor) for tensor in tensors]  # type: ignore[no-untyped-call]
        if any(dual.tangent is not None for dual in duals):
            raise UnsupportedAcrossBoundary(messages.UNSUPPORTED_FORWARD_MODE)


def with_advice(error: BaseException) -> BaseException:
    """Return an error of a suite's own differentiation, with a note where torch's words mislead across the boundary."""
    if isinstance(error, RuntimeError) and "not have been used in the graph" in str(error):
        error.add_note(messages.UNSUPPORTED_SIBLINGS)
    return error


def device_of(tensor: Tensor) -> str:
    """Return the device that a received tensor was on in the guest; host tensors are always on the CPU."""
    return getattr(tensor, "_guest_device", "cpu")


def keep_device(copy: Tensor, tensor: Tensor) -> None:
    """Let a copy of a received tensor count as received from the same device."""
    if was_received(tensor):
        copy._guest_device = device_of(tensor)  # type: ignore[attr-defined]


def was_received(tensor: Tensor) -> bool:
    """Whether a tensor came from the guest."""
    return hasattr(tensor, "_guest_device")


def origin_of(value: object) -> tuple[Lease, int] | None:
    """Return which output of which kept graph a received tensor is."""
    return getattr(value, "_guest_origin", None)


def _checked_graph(reply: Reply) -> tuple[int, list[tuple[int, tuple[int, ...], int]]]:
    """Return a graph report whose every part has the type and range it must have."""
    graph = reply.graph
    if not (isinstance(graph, tuple) and len(graph) == 2 and type(graph[0]) is int and isinstance(graph[1], tuple)):
        raise ProtocolViolation("a malformed report of a gradient graph")
    if len(graph[1]) > MAX_LEAVES:
        raise ProtocolViolation(f"a report of {len(graph[1]):,} leaf tensors")
    if not any(item.requires_grad for item in reply.sent):
        raise ProtocolViolation("a gradient graph without a tensor that requires a gradient")
    return graph[0], [_checked_leaf(leaf) for leaf in graph[1]]


def _checked_leaf(leaf: Any) -> tuple[int, tuple[int, ...], int]:
    match leaf:
        case (int() as identifier, tuple() as shape, int() as dtype_code) if 0 <= dtype_code < len(TENSOR_DTYPES):
            dtype = TENSOR_DTYPES[dtype_code]
            elements = 1
            for size in shape:
                if type(size) is not int or size < 0:
                    raise ProtocolViolation("a leaf tensor of impossible shape")
                elements *= max(size, 1)
            if len(shape) > MAX_DIMS or elements > MAX_ELEMENTS or not (dtype.is_floating_point or dtype.is_complex):
                raise ProtocolViolation("a leaf tensor of impossible shape or dtype")
            return identifier, shape, dtype_code
    raise ProtocolViolation("a malformed report of a leaf tensor")
