"""What a host can ask a guest for: one method per operation, named by the operation.

Must not know sockets. An operation returns an Answer; whether it kept a graph is said by `leaves`.
"""

from __future__ import annotations

import contextlib
import importlib
import random
import types
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from grader import language
from grader.policy import Policy
from grader.sandbox import scan
from grader.sandbox.guest import cuda, sim
from grader.sandbox.guest.graphs import Graphs, LeafReport, arrive
from grader.sandbox.guest.objects import Objects, new_ids
from grader.sandbox.guest.policy import Guard
from grader.sandbox.guest.student import Submission, resolve
from grader.sandbox.wire import SentTensor, map_tensors

_NO_KWARGS: dict[str, Any] = {}


class Answer(NamedTuple):
    """A result; `leaves` are the argument leaves of its graph, None if no graph is to be kept."""

    value: object = None
    leaves: list[Tensor] | None = None


class Operations:
    """The state of one guest and everything that can be done with it."""

    def __init__(self) -> None:
        ids = new_ids()
        self.objects, self.graphs = Objects(ids), Graphs(ids)
        self.submission: Submission | None = None
        self.files: frozenset[str] = frozenset()
        self.sent: list[SentTensor] = []
        self.autograd = True
        self._around: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext

    def free(self, identifiers: Iterable[int]) -> None:
        """Forget handles, nodes and leaves that the host no longer uses."""
        for identifier in identifiers:
            self.objects.free(identifier)
            self.graphs.free(identifier)

    def scan(self, sources: list[list[str]], policy: dict[str, Any], sentences: dict[str, str]) -> Answer:
        """Parse the files without running them; from now on these sentences are said."""
        language.replace(sentences)
        rules = msgspec.convert(policy, Policy)
        return Answer([scan.scan_source(name, text, rules).to_plain() for name, text in sources])

    def load(self, sources: list[list[str]], policy: dict[str, Any], sentences: dict[str, str]) -> Answer:
        """Import the first file under the exercise's policy; the others when they are asked for or imported by it."""
        language.replace(sentences)
        self.files = frozenset(name for name, _ in sources)
        rules = msgspec.convert(policy, Policy)
        self.autograd = rules.autograd == "on"
        builtins = Guard(rules, self.files).builtins() if rules.rules else None
        self.submission = Submission([(name, text) for name, text in sources], builtins)
        self.objects.pin(0, self.submission.load(sources[0][0].removesuffix(".py")))
        return Answer()

    def use(self, device: str, gpu_memory_bytes: int) -> Answer:
        """Become a guest of this device; asked before anything of the student's is read.

        Raises:
            ValueError, UnsupportedOnSim, RuntimeError, AssertionError: it cannot be had.
        """
        match device:
            case sim.NAME:
                sim.install()
                self._around = sim.COUNTER.counting
            case cuda.NAME:
                cuda.install(gpu_memory_bytes)
                self._around = cuda.settled
            case _:
                raise ValueError(f"there is no way to make a guest of the device {device!r}")
        return Answer()

    def transfers(self) -> Answer:
        """Return how often the student's code moved data or waited for the device in this check."""
        return Answer(sim.COUNTER.read())

    def module(self, stem: str, identifier: int) -> Answer:
        """Import another of the student's files and keep it under a number of the host's choice."""
        assert self.submission is not None
        self.objects.pin(identifier, self.submission.load(stem))
        return Answer()

    def begin(self, seed: int) -> Answer:
        """Start a check: forget the last one's objects and seed every generator a student is likely to use."""
        self.objects.clear()
        self.graphs.clear()
        sim.COUNTER.reset()
        cuda.require_intact()
        return self.seed(seed)

    def seed(self, seed: int) -> Answer:
        """Seed every generator a student is likely to use, and leave everything else alone."""
        random.seed(seed)
        np.random.seed(seed % (1 << 32))
        # Not torch.manual_seed: it imports the modules of every kind of accelerator first, which costs milliseconds.
        torch.default_generator.manual_seed(seed)
        sim.seed(seed)
        cuda.seed(seed)
        return Answer()

    def call(
        self,
        target: object,
        path: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any] = _NO_KWARGS,
        grad_enabled: bool = True,
    ) -> Answer:
        """Call something of the student's."""
        if not self.autograd:
            with torch.inference_mode(), self._around():
                return Answer(resolve(target, path)(*args, **kwargs))
        function = resolve(target, path)
        leaves, replaced = arrive(self.sent)
        if replaced:
            args, kwargs = map_tensors((args, kwargs), lambda tensor: replaced.get(id(tensor), tensor))  # type: ignore[misc]
        if grad_enabled:
            with self._around():
                return Answer(function(*args, **kwargs), leaves)
        with torch.no_grad(), self._around():
            return Answer(function(*args, **kwargs))

    def get(self, target: object, path: str) -> Answer:
        """Read an attribute; a tensor comes with its graph."""
        if not self.autograd:
            with torch.inference_mode():
                return Answer(resolve(target, path))
        return Answer(resolve(target, path), [])

    def resolve(self, target: object, path: str) -> Answer:
        """Keep an attribute here and return its handle, whatever its type."""
        value = resolve(target, path)
        return Answer(self.objects.add(value, type(value).__qualname__))

    def vjp(
        self, node_id: int, upstream: list[Tensor | None], requires: list[bool], needed: list[bool], create_graph: bool
    ) -> Answer:
        """Serve the backward of a host node."""
        products, arguments = self.graphs.vjp(node_id, upstream, requires, needed, create_graph)
        return Answer(products, arguments if create_graph else None)

    def accumulate(self, leaf_id: int, gradient: Tensor) -> Answer:
        """Add to a leaf's `.grad`."""
        self.graphs.accumulate(leaf_id, gradient)
        return Answer()

    def tensor(self, value: Tensor, requires_grad: bool, device: str | None) -> Answer:
        """Build a tensor that lives here."""
        made = value.to(device) if device else value.clone()
        made = made.detach().requires_grad_(requires_grad)
        return Answer(self.objects.add(made, "torch.Tensor"))

    def read(self, tensor: Tensor) -> Answer:
        """Return the values of a tensor that lives here, without its graph."""
        return Answer(tensor.detach())

    def same(self, first: object, second: object) -> Answer:
        """Whether two handles mean one object."""
        return Answer(first is second)

    def build(self, dotted: str, args: list[Any], kwargs: dict[str, Any]) -> Answer:
        """Build a stock object by its dotted name."""
        module_name, _, attribute = dotted.rpartition(".")
        made = getattr(importlib.import_module(module_name), attribute)(*args, **kwargs)
        return Answer(self.objects.add(made, type(made).__qualname__))

    def probe(self, name: str, text: str) -> Answer:
        """Load a probe module that the suite's author wrote; it is as public as anything in here."""
        module = types.ModuleType(name.removesuffix(".py"))
        exec(compile(text, name, "exec", dont_inherit=True), module.__dict__)
        return Answer(self.objects.add(module, "module"))

    def grad(self, losses: list[Any], inputs: list[Any]) -> Answer:
        """Gradients of results of this guest with respect to others, both given as tensors or (node, output)."""
        outputs = [self._output(item) for item in losses]
        wanted = [self._output(item) for item in inputs]
        return Answer(list(torch.autograd.grad(outputs, wanted, retain_graph=True, allow_unused=True)))

    def _output(self, item: Any) -> Tensor:
        return item if isinstance(item, Tensor) else self.graphs.output(*item)

    def parameters(self, module: nn.Module) -> Answer:
        """Return name, value and leaf report of every parameter."""
        return Answer([[name, tensor.detach(), self._report(tensor)] for name, tensor in module.named_parameters()])

    def _report(self, tensor: Tensor) -> LeafReport | None:
        return self.graphs.report(tensor) if tensor.requires_grad and tensor.is_leaf else None

    def gradients(self, module: nn.Module) -> Answer:
        """Return `.grad` of every parameter by name."""
        return Answer({name: tensor.grad for name, tensor in module.named_parameters()})

    def buffers(self, module: nn.Module) -> Answer:
        """Return every buffer by name."""
        return Answer(dict(module.named_buffers()))
