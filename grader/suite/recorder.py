"""Model, data, loss, optimiser and scheduler that note what a training loop does with them.

Loaded into the guest as a probe, and imported on our side to run the reference on the same: one file that knows only
torch. Whoever reads or changes it there gains nothing that counts: a suite compares the numbers too. Invariant: noting
changes no number and moves nothing off its device; what must be looked at is looked at when the loop is over.
"""

from __future__ import annotations

import contextlib
import copyreg
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

MAX_EVENTS, MAX_STEPS, MAX_ROWS = 2_000, 500, 64
_PLACE = ("data", "epoch", "batch")

Facts = dict[str, Any]
_engine: Any = torch.autograd.Variable._execution_engine


class Recorder:
    """Makes and watches what a loop is given, and remembers in order what happened to it.

    `seed` decides initial weights and the order of shuffled data, alike wherever it runs.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._events: list[tuple[str, Facts]] = []
        self._steps: list[Facts] = []
        self._models: list[nn.Module] = []
        self._known: dict[tuple[float, ...], tuple[str, int]] = {}
        self._loss: Tensor | None = None
        self._through: list[int] = []  # the forward passes that the backward pass which now runs has come through
        self._unclaimed: list[int] = []  # those of a pass that left no gradient, as torch.autograd.grad does
        self._gradients: list[tuple[Tensor | None, int]] = []
        self._versions: list[tuple[Tensor, int]] = []

    # --- what a loop is given ----------------------------------------------------------------------------------

    def model(self, layers: list[list[Any]], state: dict[str, Tensor] | None = None, dtype: str = "float64") -> Any:
        """Return torch.nn layers in a row, such as [["Linear", 5, 6], ["Tanh"]], with these weights or drawn ones."""
        drawn = torch.get_rng_state()
        torch.default_generator.manual_seed(self._seed)
        made = nn.Sequential(*(getattr(nn, name)(*arguments) for name, *arguments in layers))
        torch.set_rng_state(drawn)
        made = made.to(getattr(torch, dtype))
        if state is not None:
            made.load_state_dict(state)
        return self.watch(made)

    def loader(self, x: Tensor, t: Tensor, batch_size: int, name: str = "train", shuffle: bool = False) -> Any:
        """Return a DataLoader of (x, t) that notes each batch it hands out."""
        for row, values in enumerate(_rows(x)):
            self._known.setdefault(values, (name, row))
        order = torch.Generator().manual_seed(self._seed)
        return _Loader(self, name, TensorDataset(x, t), batch_size=batch_size, shuffle=shuffle, generator=order)

    def loss(self, name: str, *arguments: Any, **more: Any) -> Any:
        """Return a loss of torch.nn that notes its values."""
        return _as(_Loss, getattr(nn, name)(*arguments, **more), self)

    def optimizer(self, model: nn.Module, name: str, **more: Any) -> Any:
        """Return an optimiser of torch.optim for the model's parameters."""
        return self.watch(getattr(torch.optim, name)(model.parameters(), **more))

    def optimizers(self, name: str, **more: Any) -> Callable[[Any], Any]:
        """Return what makes such an optimiser for the parameters that it is given, for loops that build their own."""
        return lambda parameters: self.watch(getattr(torch.optim, name)(parameters, **more))

    def scheduler(self, optimizer: Any, name: str, *arguments: Any, **more: Any) -> Any:
        """Return a scheduler of torch.optim.lr_scheduler."""
        return self.watch(getattr(torch.optim.lr_scheduler, name)(optimizer, *arguments, **more))

    def schedulers(self, name: str, *arguments: Any, **more: Any) -> Callable[[Any], Any]:
        """Return what makes such a scheduler for the optimiser that it is given."""
        return lambda optimizer: self.scheduler(optimizer, name, *arguments, **more)

    def watch(self, thing: Any) -> Any:
        """Note from now on what happens to a model, an optimiser or a scheduler; return it."""
        if isinstance(thing, nn.Module):
            self._models.append(_as(_Model, thing, self))
            self._look()
            return thing
        if isinstance(thing, torch.optim.Optimizer):
            thing.register_step_pre_hook(lambda *_: self._notice())
            thing.register_step_post_hook(lambda optimizer, *_: self._stepped(optimizer))
            self._add("optimizer", lr=_rates(thing))
            return _as(_Optimizer, thing, self)
        return _as(_Scheduler, thing, self)

    def seed(self, seed: int) -> None:
        """Seed torch's own draws on every device, so that dropout falls alike here and where the reference runs."""
        torch.manual_seed(seed)

    # --- what is read when the loop is over --------------------------------------------------------------------

    def events(self) -> list[list[Any]]:
        """Return [kind, facts] of everything that happened, in order."""
        self._notice()
        told: list[list[Any]] = []
        handed: dict[tuple[int, ...], Facts] = {}
        for kind, known in self._events:
            facts = {name: value() if callable(value) else value for name, value in known.items()}
            if kind == "edited":
                kind, facts = ("clip", {}) if facts["left"] else ("zero_grad", {"clear": True})
            elif kind == "batch":
                handed[tuple(facts["rows"])] = {name: facts[name] for name in _PLACE}
            elif kind == "forward":
                facts |= handed.get(tuple(facts["rows"]), {"epoch": None, "batch": None})
            elif kind == "backward":
                facts |= {name: told[facts["of"][-1]][1][name] for name in _PLACE}
                del facts["of"]
            told.append([kind, facts])
        return told

    def trajectory(self) -> dict[str, list[Any]]:
        """Return loss, lr, parameters and buffers of the first model after each step."""
        kept: dict[str, list[Any]] = {name: [] for name in ("loss", "lr", "parameters", "buffers")}
        for step in self._steps:
            for name, values in kept.items():
                values.append(_on_cpu(step[name]))
        return kept

    # --- noting ------------------------------------------------------------------------------------------------

    def _add(self, kind: str, **facts: Any) -> int:
        """Append an event; return its place."""
        if len(self._events) < MAX_EVENTS:
            self._events.append((kind, facts))
        elif len(self._events) == MAX_EVENTS:
            self._events.append(("too many", {}))
        return min(len(self._events), MAX_EVENTS) - 1

    @contextlib.contextmanager
    def _doing(self, kind: str, facts: Callable[[], Facts] = dict) -> Iterator[None]:
        """Note an event after it happened; what it changes is its own doing."""
        self._notice()
        yield
        self._look()
        self._add(kind, **facts())

    def _parameters(self) -> list[Tensor]:
        return [parameter for model in self._models for parameter in model.parameters()]

    def _look(self) -> None:
        """Remember gradients and parameters as they are. An in-place change raises a tensor's version."""
        parameters = self._parameters()
        self._gradients = [(p.grad, p.grad._version if p.grad is not None else 0) for p in parameters]
        self._versions = [(p, p._version) for p in parameters]

    def _notice(self, in_step: bool = False) -> None:
        """Note what was done by hand since: gradients cleared, changed or put there, parameters moved.

        Args:
            in_step: Whether an optimiser did it, in its step: then only gradients that its closure has put there count.
        """
        before, versions = self._gradients, self._versions
        self._look()
        if not in_step and _moved(versions, self._versions):
            self._add("update")
        now = self._gradients
        if not _moved(before, now) or (in_step and not self._unclaimed):
            return
        had, has = any(grad is not None for grad, _ in before), any(grad is not None for grad, _ in now)
        is_new = any(grad is not None and grad is not old for (grad, _), (old, _) in zip(now, before, strict=False))
        if is_new and self._unclaimed:
            if had:
                self._add("zero_grad", clear=True)
            self._add("backward", of=self._unclaimed)
            self._unclaimed = []
        elif has:
            self._add("edited", left=_any(now))
        else:
            self._add("zero_grad", clear=True)

    def _forward(self, model: nn.Module, x: object) -> int:
        self._notice()
        kept = x.detach().clone() if isinstance(x, Tensor) else None
        device = x.device.type if isinstance(x, Tensor) else None
        return self._add(
            "forward",
            training=model.training,
            grad=torch.is_grad_enabled(),
            device=device,
            rows=lambda: [row for _, row in self._found(kept)],
            data=lambda: next(iter(self._found(kept)), (None, -1))[0],
        )

    def _found(self, x: Tensor | None) -> list[tuple[str | None, int]]:
        """Return for each example of a batch its data set and its row there; (None, -1) for one of no data set."""
        return [self._known.get(row, (None, -1)) for row in _rows(x)[:MAX_ROWS]] if x is not None else []

    def _follow(self, forward: int, output: object) -> None:
        """Learn when a backward pass comes through this output."""
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(partial(self._reached, forward))  # type: ignore[no-untyped-call]

    def _reached(self, forward: int, _: Tensor) -> None:
        """A backward pass has begun, or comes through one more output; gradients are not added yet."""
        if not self._through:
            self._notice()
            _engine.queue_callback(self._passed)
        self._through.append(forward)

    def _passed(self) -> None:
        """The backward pass is over."""
        through, before = sorted(self._through), self._gradients
        self._through = []
        self._look()
        if _moved(before, self._gradients):
            self._add("backward", of=through)
        else:
            self._unclaimed = through

    def _stepped(self, optimizer: torch.optim.Optimizer) -> None:
        before = self._versions
        self._notice(in_step=True)
        self._add("step", lr=_rates(optimizer), moved=_moved(before, self._versions))
        if len(self._steps) < MAX_STEPS and self._models:
            model = self._models[0]
            self._steps.append(
                {
                    "loss": self._loss,
                    "lr": _rates(optimizer),
                    "parameters": {name: value.detach().clone() for name, value in model.named_parameters()},
                    "buffers": {name: value.detach().clone() for name, value in model.named_buffers()},
                }
            )


def _as(kind: type, thing: Any, recorder: Recorder) -> Any:
    """Let an object note what is done with it; it stays an instance of its class and has no attribute more."""
    original = type(thing)
    facts = {"_recorder": recorder, "_original": original, "__module__": original.__module__}
    thing.__class__ = type(original.__name__, (kind, original), facts)
    return thing


class _Watched:
    """What `_as` gives an object; its state belongs to the class, so that copies and state dicts do not carry it."""

    _recorder: Recorder
    _original: type

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Be copied and saved as what it was before it was watched."""
        _, _, *state = cast("tuple[Any, ...]", super().__reduce_ex__(max(protocol, 2)))
        return copyreg._reconstructor, (self._original, object, None), *state  # type: ignore[attr-defined]

    def state_dict(self, *arguments: Any, **more: Any) -> Any:
        with self._recorder._doing("state_dict", lambda: {"whose": self._original.__name__}):
            return super().state_dict(*arguments, **more)  # type: ignore[misc]

    def load_state_dict(self, *arguments: Any, **more: Any) -> Any:
        with self._recorder._doing("load_state_dict", lambda: {"whose": self._original.__name__}):
            return super().load_state_dict(*arguments, **more)  # type: ignore[misc]


class _Model(_Watched):
    def forward(self, *inputs: Any, **more: Any) -> Any:
        # A slice of an nn.Sequential has its class and is not the model.
        if not any(cast("object", model) is self for model in self._recorder._models):
            return super().forward(*inputs, **more)  # type: ignore[misc]
        place = self._recorder._forward(self, next(iter((*inputs, *more.values())), None))  # type: ignore[arg-type]
        output = super().forward(*inputs, **more)  # type: ignore[misc]
        self._recorder._follow(place, output)
        return output

    def train(self, mode: bool = True) -> Any:
        with self._recorder._doing("train" if mode else "eval"):
            return super().train(mode)  # type: ignore[misc]

    def zero_grad(self, *arguments: Any, **more: Any) -> None:
        with self._recorder._doing("zero_grad", lambda: {"clear": _clear(self._recorder)}):
            super().zero_grad(*arguments, **more)  # type: ignore[misc]

    def _apply(self, *arguments: Any, **more: Any) -> Any:
        """Be moved or converted; `to`, `cuda`, `double` and their like all come through here."""
        with self._recorder._doing("to", lambda: {"device": next(self.parameters()).device.type}):  # type: ignore[attr-defined]
            return super()._apply(*arguments, **more)  # type: ignore[misc]


class _Loss(_Watched):
    def forward(self, *inputs: Any, **more: Any) -> Any:
        value = super().forward(*inputs, **more)  # type: ignore[misc]
        kept = value.detach().clone()
        if value.requires_grad:
            self._recorder._loss = kept
        self._recorder._notice()
        self._recorder._add("loss", grad=value.requires_grad)
        return value


class _Optimizer(_Watched):
    def zero_grad(self, *arguments: Any, **more: Any) -> None:
        with self._recorder._doing("zero_grad", lambda: {"clear": _clear(self._recorder)}):
            super().zero_grad(*arguments, **more)  # type: ignore[misc]


class _Scheduler(_Watched):
    def step(self, *arguments: Any, **more: Any) -> None:
        with self._recorder._doing("scheduler", lambda: {"lr": _rates(self.optimizer)}):  # type: ignore[attr-defined]
            super().step(*arguments, **more)  # type: ignore[misc]


class _Loader(DataLoader[Any]):
    def __init__(self, recorder: Recorder, name: str, data: TensorDataset, **how: Any) -> None:
        super().__init__(data, **how)
        self._recorder, self._name, self._epoch = recorder, name, 0

    def __iter__(self) -> Any:
        self._epoch += 1
        epoch, recorder = self._epoch, self._recorder
        for place, batch in enumerate(super().__iter__(), start=1):
            recorder._notice()
            kept = batch[0].clone()  # what is handed out may be changed in place
            rows = partial(lambda kept: [row for _, row in recorder._found(kept)], kept)
            recorder._add("batch", rows=rows, data=self._name, epoch=epoch, batch=place)
            yield batch


def _rows(x: Tensor) -> list[tuple[float, ...]]:
    """Return each example as numbers that can be looked up, whatever its shape, precision and device."""
    plain = x.detach().to("cpu", torch.float32)
    return [tuple(row) for row in plain.reshape(len(plain), -1).tolist()] if plain.dim() else []


def _rates(optimizer: torch.optim.Optimizer) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def _moved(before: list[tuple[Any, int]], now: list[tuple[Any, int]]) -> bool:
    """Whether a tensor was changed in place or replaced."""
    return len(before) == len(now) and any(
        one is not other or version != later for (one, version), (other, later) in zip(before, now, strict=True)
    )


def _any(gradients: list[tuple[Tensor | None, int]]) -> Callable[[], bool]:
    """Return what tells later whether an entry was not 0 now; asking at once would wait for the device."""
    asked = [grad.any() for grad, _ in gradients if grad is not None]
    return lambda: any(bool(one) for one in asked)


def _clear(recorder: Recorder) -> Callable[[], bool]:
    left = _any(recorder._gradients)
    return lambda: not left()


def _on_cpu(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.cpu()
    return {name: _on_cpu(part) for name, part in value.items()} if isinstance(value, dict) else value
