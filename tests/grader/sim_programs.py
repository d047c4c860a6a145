"""What a sim guest runs to compare whole programs on the accelerator with the same on the CPU: loops as students write.

Loaded into the guest as a submission, like `sim_conformance`; the test process imports it for the names. Each program
takes a device and returns numbers and tensors; both devices have to come to the same.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler, swa_utils
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

PROGRAMS: dict[str, Callable[[str], Any]] = {}


def _program(function: Callable[[str], Any]) -> Callable[[str], Any]:
    PROGRAMS[function.__name__.strip("_").replace("_", " ")] = function
    return function


def problem_with(name: str) -> str:
    """Return how a program differs between the two devices; empty if it does not."""
    expected, actual = tree_leaves(PROGRAMS[name]("cpu")), tree_leaves(PROGRAMS[name]("sim"))
    if len(expected) != len(actual):
        return f"{len(actual)} results instead of {len(expected)}"
    return next(
        (
            f"result {n}: {b} instead of {a}"
            for n, (a, b) in enumerate(zip(expected, actual, strict=True))
            if not _same(a, b)
        ),
        "",
    )


def _same(expected: Any, actual: Any) -> bool:
    if not isinstance(expected, Tensor):
        return bool(expected == actual)
    forms = [(x.shape, x.stride(), x.dtype, x.requires_grad) for x in (expected, actual)]
    return forms[0] == forms[1] and torch.allclose(expected.detach(), actual.detach().cpu(), 1e-6, 1e-9, True)


def _net(device: str) -> nn.Module:
    torch.manual_seed(1)
    layers = nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 3)
    return nn.Sequential(*layers).double().to(device)


def _data() -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(2)
    return torch.randn(12, 8, generator=drawn, dtype=torch.float64), torch.randint(0, 3, (12,), generator=drawn)


def _loss(model: nn.Module, device: str) -> Tensor:
    x, y = _data()
    return F.cross_entropy(model(x.to(device)), y.to(device))


def _trained(
    model: nn.Module, steps: Any, device: str, after: Callable[[Tensor], Any] = lambda loss: None
) -> list[Any]:
    """Take three steps; the seed is set when the model is there, for its weights are drawn on the host."""
    torch.manual_seed(3)
    losses = []
    for _ in range(3):
        steps.zero_grad()
        loss = _loss(model, device)
        loss.backward()
        steps.step()
        after(loss)
        losses.append(loss.item())
    return [losses, list(model.state_dict().values())]


for _name, _make in {
    "steps": lambda o: lr_scheduler.StepLR(o, 2),
    "a cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 4),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=6),
    "a warm-up": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
    "a plateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0),
}.items():

    @_program
    def _scheduled(device: str, make: Callable[[Any], Any] = _make) -> Any:
        model = _net(device)
        steps = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        schedule = make(steps)
        takes_loss = isinstance(schedule, lr_scheduler.ReduceLROnPlateau)
        return _trained(model, steps, device, lambda loss: schedule.step(*[loss] * takes_loss)), steps.param_groups[0][
            "lr"
        ]

    PROGRAMS[f"the rate follows {_name}"] = PROGRAMS.pop("scheduled")


@_program
def _gradients_are_clipped(device: str) -> Any:
    model = _net(device)
    _loss(model.eval(), device).backward()
    norms = [nn.utils.clip_grad_norm_(model.parameters(), 0.1, norm_type=p) for p in (2.0, 1.0, float("inf"))]
    nn.utils.clip_grad_value_(model.parameters(), 1e-3)
    return norms, [p.grad for p in model.parameters()]


@_program
def _gradients_are_accumulated(device: str) -> Any:
    model = _net(device).eval()
    steps = torch.optim.AdamW(model.parameters())
    for number, (x, y) in enumerate(zip(*[part.split(3) for part in _data()], strict=True)):
        (F.cross_entropy(model(x.to(device)), y.to(device)) / 2).backward()
        if number % 2:
            steps.step()
            steps.zero_grad(set_to_none=False)
    return list(model.parameters())


@_program
def _weights_are_averaged(device: str) -> Any:
    model = _net(device)
    average = swa_utils.AveragedModel(model, multi_avg_fn=swa_utils.get_ema_multi_avg_fn(0.9))
    steps = torch.optim.RMSprop(model.parameters(), centered=True)
    _trained(model, steps, device, lambda loss: average.update_parameters(model))
    swa_utils.update_bn([(_data()[0].to(device),)], average)
    return list(average.state_dict().values())


@_program
def _training_is_resumed(device: str) -> Any:
    model, file = _net(device), io.BytesIO()
    steps = torch.optim.Adam(model.parameters(), amsgrad=True)
    _trained(model, steps, device)
    torch.save({"model": model.state_dict(), "steps": steps.state_dict()}, file)
    file.seek(0)
    kept = torch.load(file, map_location="cpu")
    again = _net(device)
    resumed = torch.optim.Adam(again.parameters(), amsgrad=True)
    again.load_state_dict(kept["model"])
    resumed.load_state_dict(kept["steps"])
    return _trained(again, resumed, device), _trained(*copy.deepcopy((model, steps)), device)


@_program
def _weights_are_tied(device: str) -> Any:
    torch.manual_seed(0)
    words, head = nn.Embedding(7, 4), nn.Linear(4, 7, bias=False)
    head.weight = words.weight
    model = nn.Sequential(words, head)
    steps = torch.optim.SGD(model.parameters(), lr=0.1)  # before the move
    model.to(device)
    seen = torch.tensor([1, 2, 6]).to(device)
    F.cross_entropy(model(seen), seen).backward()
    steps.step()
    return head.weight is words.weight, words.weight, len(list(model.parameters()))


@_program
def _layers_are_frozen_and_grouped(device: str) -> Any:
    model = _net(device)
    model[0].requires_grad_(False)
    decayed = {"params": [p for p in model.parameters() if p.dim() > 1 and p.requires_grad], "weight_decay": 0.1}
    others = {"params": [p for p in model.parameters() if p.dim() == 1 and p.requires_grad], "lr": 1e-3}
    return _trained(model, torch.optim.AdamW([decayed, others], lr=1e-2), device), model[0].weight.grad is None


@_program
def _hooks_are_called(device: str) -> Any:
    model, seen = _net(device), []
    model[0].register_forward_hook(lambda module, inputs, output: seen.append(output.detach().mean()))
    model[4].register_full_backward_hook(lambda module, inputs, outputs: seen.append(outputs[0].sum()))
    model[0].weight.register_hook(lambda gradient: 2 * gradient)
    return _trained(model, torch.optim.SGD(model.parameters(), lr=0.1), device), seen


@_program
def _activations_are_computed_again(device: str) -> Any:
    model, found = _net(device), []
    for reentrant in (True, False):
        torch.manual_seed(3)
        x = _data()[0].clone().to(device).requires_grad_()
        output = checkpoint(model, x, use_reentrant=reentrant)
        torch.rand(5, device=device)  # backward has to restore what dropout drew
        output.square().sum().backward()
        found += [output, x.grad]
    return found


@_program
def _losses_are_scaled(device: str) -> Any:
    torch.manual_seed(0)
    model = nn.Linear(4, 2).to(device)
    steps, scaler = torch.optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler(device, 1024.0, growth_interval=2)
    scales = []
    for factor in (1.0, 1.0, float("inf"), 1.0):
        steps.zero_grad()
        scaler.scale(model(torch.ones(3, 4).to(device)).square().mean() * factor).backward()
        scaler.unscale_(steps)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(steps)
        scaler.update()
        scales.append(scaler.get_scale())
    return scales, list(model.parameters())


@_program
def _a_loader_feeds_batches(device: str) -> Any:
    drawn = torch.Generator().manual_seed(4)
    chosen = WeightedRandomSampler([1.0, 2.0] * 6, 8, generator=drawn)
    loader = DataLoader(TensorDataset(*_data()), batch_size=5, sampler=chosen, pin_memory=True)
    on_device = TensorDataset(*[part.to(device) for part in _data()])
    mixed = DataLoader(on_device, batch_size=5, shuffle=True, generator=torch.Generator().manual_seed(4))
    return [[x.to(device, non_blocking=True), y.to(device)] for x, y in loader], [list(batch) for batch in mixed]


@_program
def _a_transformer_reads_and_writes(device: str) -> Any:
    torch.manual_seed(0)
    net = nn.Transformer(8, 2, 1, 1, 16, dropout=0.0, batch_first=True).double().to(device)
    source, target = [torch.rand(2, length, 8, dtype=torch.float64).to(device) for length in (4, 3)]
    padding = torch.tensor([[False] * 4, [False] * 3 + [True]]).to(device)
    causal = nn.Transformer.generate_square_subsequent_mask(3, device, torch.float64)
    output = net(source, target, tgt_mask=causal, src_key_padding_mask=padding, memory_key_padding_mask=padding)
    output.sum().backward()
    with torch.inference_mode():
        inferred = net.eval().encoder(source).clone()
    return output, inferred, net.encoder.layers[0].linear1.weight.grad


@_program
def _the_default_device_is_set(device: str) -> Any:
    with torch.device(device):
        torch.manual_seed(0)
        model, x = nn.LSTM(3, 2), torch.rand(2, 1, 3)
        return model(x)[0], torch.arange(3), torch.tensor([1.0]), torch.ones(2, device="cpu").device.type
