"""The guest's half of autograd across the boundary: kept graphs, the leaves they reach, vector-Jacobian products.

The host has one autograd node per call and asks here for what its backward needs. First-order products never touch
`.grad`: only `accumulate` does, when the host's own engine reached the mirror of a leaf in a `.backward()`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from grader.sandbox.wire import MAX_DIMS, TENSOR_DTYPES, SentTensor, TooLarge

MAX_LEAVES = 10_000
_ACCUMULATE_GRAD: type = torch._C._functions.AccumulateGrad  # type: ignore[attr-defined]

LeafReport = tuple[int, tuple[int, ...], int]
GraphReport = tuple[int, tuple[LeafReport, ...]]


@dataclass(frozen=True)
class Node:
    """One kept graph: `leaves` came as arguments, `reached` are the guest's own, `outputs` require a gradient."""

    leaves: list[Tensor]
    reached: list[Tensor]
    outputs: list[Tensor]


def arrive(sent: Sequence[SentTensor]) -> tuple[list[Tensor], dict[int, Tensor]]:
    """Make the tensors a student is given from those of a frame.

    Returns:
        The leaves among them that require a gradient, and what to hand over instead of a tensor, by its id: one that
        was no leaf on the host is handed over as a clone of its leaf, so the student may change it in place as there.
    """
    leaves, replaced = [], {}
    for tensor, requires_grad, is_leaf, _ in sent:
        if requires_grad:
            leaves.append(tensor.requires_grad_())
            if not is_leaf:
                with torch.enable_grad():
                    replaced[id(tensor)] = tensor.clone()
    return leaves, replaced


def leaves_reached(outputs: Iterable[Tensor], known: Iterable[Tensor]) -> list[Tensor]:
    """Walk the graph of `outputs` and return every leaf in it that is not among `known`, each once."""
    skip = {id(leaf) for leaf in known}
    found: dict[int, Tensor] = {}
    seen: set[object] = set()
    todo = []
    for output in outputs:
        if output.grad_fn is not None:
            todo.append(output.grad_fn)
        elif id(output) not in skip:
            found[id(output)] = output
    while todo:
        function = todo.pop()
        if function in seen:
            continue
        seen.add(function)
        # Only C++'s own node has a trustworthy `variable`; a custom Function may have an attribute of that name.
        if isinstance(function, _ACCUMULATE_GRAD):
            leaf = function.variable  # type: ignore[attr-defined]
            if id(leaf) not in skip:
                found[id(leaf)] = leaf
        todo += [parent for parent, _ in function.next_functions if parent is not None]
    return list(found.values())


def _dense(product: Tensor | None) -> Tensor | None:
    """Return a product as it can cross: some backwards (a sparse embedding's) give a sparse one."""
    return product if product is None or product.layout is torch.strided else product.to_dense()


class Graphs:
    """Kept nodes and reported leaves of one guest, by number."""

    def __init__(self, ids: Iterator[int]) -> None:
        self._ids = ids
        self._nodes: dict[int, Node] = {}
        self._leaves: dict[int, Tensor] = {}
        self._leaf_ids: dict[int, int] = {}

    def keep(self, outputs: list[Tensor], leaves: list[Tensor]) -> GraphReport | None:
        """Keep the graph behind the outputs that require a gradient and report it; None if there is none.

        Raises:
            TooLarge: the graph reaches more than MAX_LEAVES leaves.
        """
        differentiable = [output for output in outputs if output.requires_grad]
        if not differentiable:
            return None
        reached = leaves_reached(differentiable, leaves)
        if any(leaf.dim() > MAX_DIMS for leaf in reached):
            raise TooLarge(f"the result depends on a leaf tensor of more than {MAX_DIMS} dimensions")
        if len(reached) > MAX_LEAVES:
            raise TooLarge(f"the result depends on {len(reached):,} leaf tensors, the limit is {MAX_LEAVES:,}")
        identifier = next(self._ids)
        self._nodes[identifier] = Node(leaves, reached, differentiable)
        return identifier, tuple(self.report(leaf) for leaf in reached)

    def report(self, leaf: Tensor) -> LeafReport:
        """Return a leaf's number, shape and dtype; the same leaf has the same number until it is freed."""
        identifier = self._leaf_ids.get(id(leaf))
        if identifier is None:
            identifier = self._leaf_ids[id(leaf)] = next(self._ids)
            self._leaves[identifier] = leaf
        return identifier, tuple(leaf.shape), TENSOR_DTYPES.index(leaf.dtype)

    def output(self, node_id: int, index: int) -> Tensor:
        """Return one output of a kept node."""
        return self._nodes[node_id].outputs[index]

    def vjp(
        self, node_id: int, upstream: list[Tensor | None], requires: list[bool], needed: list[bool], create_graph: bool
    ) -> tuple[list[Tensor | None], list[Tensor]]:
        """Return the vector-Jacobian product for each input (argument leaves, then reached leaves) of a node.

        Args:
            upstream: One per output; None where the host's engine has an undefined gradient.
            requires: Whether each upstream gradient requires a gradient itself (second order).
            needed: Which inputs the host's engine wants.
        Returns:
            The products, None where not needed or not connected, and what counts as argument leaves of their graph.
        """
        node = self._nodes[node_id]
        inputs = node.leaves + node.reached
        gradients = [
            None if given is None else given.detach().to(output.device).requires_grad_(create_graph and flag)
            for given, flag, output in zip(upstream, requires, node.outputs, strict=True)
        ]
        pairs = [(out, given) for out, given in zip(node.outputs, gradients, strict=True) if given is not None]
        wanted = [leaf for leaf, flag in zip(inputs, needed, strict=True) if flag]
        with torch.enable_grad():
            products = iter(
                torch.autograd.grad(
                    [out for out, _ in pairs], wanted, [given for _, given in pairs],
                    create_graph=create_graph, retain_graph=True, allow_unused=True,
                )
            )  # fmt: skip
        arguments = node.leaves + [given for given in gradients if given is not None and given.requires_grad]
        return [_dense(next(products)) if flag else None for flag in needed], arguments

    def accumulate(self, leaf_id: int, gradient: Tensor) -> None:
        """Add to a leaf's `.grad` as `.backward()` does: in place where there is one already."""
        leaf = self._leaves[leaf_id]
        with torch.no_grad():
            if leaf.grad is None:
                leaf.grad = gradient.to(leaf.device)
            else:
                leaf.grad += gradient.to(leaf.device)

    def free(self, identifier: int) -> None:
        """Forget a node or a leaf; unknown numbers are no error, as in Objects.free."""
        self._nodes.pop(identifier, None)
        leaf = self._leaves.pop(identifier, None)
        if leaf is not None:
            self._leaf_ids.pop(id(leaf), None)

    def clear(self) -> None:
        """Forget everything."""
        self._nodes.clear()
        self._leaves.clear()
        self._leaf_ids.clear()
