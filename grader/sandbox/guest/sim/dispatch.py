"""Every operator that has no kernel of its own here: the CPU's kernel, on the same memory.

Owns what is common to all operators: where their tensors have to be, what becomes of results, which of them make the
host wait. Because memory is shared, whatever an operator writes into is changed in place without further ado.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from torch import Tensor
from torch._ops import OpOverload

from grader import messages
from grader.sandbox.guest.sim.counters import COUNTER
from grader.sandbox.guest.sim.generators import DEFAULT, to_draw_with
from grader.sandbox.guest.sim.memory import DEVICE_TEXT, NAME, UnsupportedOnSim, on_cpu, on_sim

_CPU_KEY = torch._C.DispatchKey.CPU
_CPU = torch.device("cpu")
# Besides element by element operators, these let a CPU tensor of no dimensions stand for a number, as on CUDA.
# Source: torch's native_functions.yaml, entries with `device_check: NoCheck`.
_TAKE_NUMBERS = (
    "_foreach_", "_fused_", "bernoulli_", "binary_cross_entropy", "binomial", "dist", "fill", "floor_divide",
    "huber_loss", "index_fill", "linspace", "logspace", "masked_fill", "mse_loss", "rsub", "smooth_l1_loss",
)  # fmt: skip
# Their indices may lie on the CPU, whatever their shape.
_INDEXING = ("index.", "_unsafe_index", "index_put", "_index_put_impl_")


_NOT_RESIZABLE = "storage that is not resizable"
# The dispatcher's words where the CPU has no such operator. A kernel that refuses a dtype raises the same type.
_NO_KERNEL = "Could not run '"


@dataclass(frozen=True)
class Plan:
    """What has to be known of an operator; worked out when it is met first.

    `returned` says of each result which argument it is, if any. `changed` names the arguments it writes into, `filled`
    are those of them that are given for nothing else. `tensors` are the places of tensors; `call_any` is called if a
    number stands there, as torch allows. `waits` is whether the host needs values to know how large the result is.
    """

    name: str
    call: Any
    call_any: Any
    tensors: tuple[int, ...]
    is_view: bool
    returned: tuple[tuple[int, str] | None, ...]
    changed: frozenset[str]
    filled: tuple[tuple[int, str], ...]
    generator: tuple[int, str] | None
    draws_unasked: bool
    waits: bool
    takes_numbers: bool
    indexes: bool


_plans: dict[OpOverload, Plan] = {}


def run(operator: OpOverload, *args: Any, **kwargs: Any) -> Any:
    """Run an operator that torch sends to the accelerator.

    Raises:
        RuntimeError: its tensors are on different devices.
        UnsupportedOnSim: the CPU has no such operator either.
    """
    plan = _plans.get(operator) or _make_plan(operator)
    if plan.is_view:  # only shape and strides are new; what makes them asks for no device
        return operator._op_dk(_CPU_KEY, *args, **kwargs)
    met: list[Tensor] = []
    lowered = [_lowered(value, met) for value in args]
    named = {name: _lowered(value, met) for name, value in kwargs.items()}
    if met:
        require_one_device(operator, args, kwargs)
    if plan.generator is not None:
        _choose_generator(plan.generator, lowered, named)
    if plan.indexes:
        _count_indexing(args)
    elif plan.waits:
        COUNTER.waited()
    if plan.filled:
        return _run_filling(plan, args, kwargs, lowered, named)
    return _raised(plan, args, kwargs, _called(plan, lowered, named))


def _lowered(value: Any, met: list[Tensor]) -> Any:
    """Return an argument as the CPU's kernel takes it; add tensors that are not ours to `met`."""
    if isinstance(value, Tensor):
        if not value.is_cpu:
            return on_cpu(value)
        met.append(value)
        return value
    if isinstance(value, list | tuple):
        return [_lowered(item, met) for item in value]
    return _CPU if isinstance(value, torch.device) else value


def _called(plan: Plan, args: list[Any], kwargs: dict[str, Any]) -> Any:
    has_number = any(isinstance(args[index], int | float | complex) for index in plan.tensors if index < len(args))
    call = plan.call_any if has_number else plan.call
    try:
        return _drawing_here(call, args, kwargs) if plan.draws_unasked else call(*args, **kwargs)
    except NotImplementedError as error:
        if not str(error).startswith(_NO_KERNEL):
            raise
        raise UnsupportedOnSim(messages.SIM_OPERATION.format(operation=plan.name)) from error
    except RuntimeError as error:
        if _NOT_RESIZABLE not in str(error):
            raise
        raise UnsupportedOnSim(messages.SIM_RESIZE.format(operation=plan.name)) from error


def _drawing_here(call: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Let an operator that cannot be given a generator draw from the accelerator's."""
    host = torch.default_generator
    before = host.get_state()
    host.set_state(DEFAULT.get_state())
    try:
        return call(*args, **kwargs)
    finally:
        DEFAULT.set_state(host.get_state())
        host.set_state(before)


def _choose_generator(place: tuple[int, str], args: list[Any], kwargs: dict[str, Any]) -> None:
    index, name = place
    if index < len(args):
        args[index] = to_draw_with(args[index])
    else:
        kwargs[name] = to_draw_with(kwargs.get(name))


def _count_indexing(args: Sequence[Any]) -> None:
    """Count copies of the host's indices, and the wait for how many are meant where values, not positions, choose.

    Nobody waits for `x[mask] = number`, which fills.
    """
    indices = [index for index in args[1] if index is not None]
    for index in indices:
        if index.is_cpu:
            COUNTER.moved_to_device(index.numel() * index.itemsize)
    fills = len(args) > 2 and args[2].dim() == 0
    if not fills and any(index.dtype in (torch.bool, torch.uint8) for index in indices):
        COUNTER.waited()


def _run_filling(
    plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any], lowered: list[Any], named: dict[str, Any]
) -> Any:
    """Run an operator that fills some of its arguments; such an argument may be empty and take any shape."""
    filled: list[tuple[Tensor, Tensor]] = []
    for index, name in plan.filled:
        given = args[index] if index < len(args) else kwargs.get(name)
        if isinstance(given, Tensor):
            ours = torch.empty(0, dtype=given.dtype) if given.numel() == 0 else _lowered_once(given, args, lowered)
            if index < len(args):
                lowered[index] = ours
            else:
                named[name] = ours
            filled.append((given, ours))
    result = _called(plan, lowered, named)
    for given, ours in filled:
        if given.shape != ours.shape:
            _resized_to(given, ours)
        elif ours.is_conj() or ours.is_neg():  # only marked so; the accelerator's tensor cannot see the mark
            on_cpu(given).copy_(ours.resolve_conj().resolve_neg())
    return _raised(plan, args, kwargs, result)


def _lowered_once(given: Tensor, args: Sequence[Any], lowered: list[Any]) -> Any:
    """Return what an argument was lowered to: kernels have to see that input and output are one tensor."""
    for theirs, ours in zip(args, lowered, strict=True):
        if theirs is given:
            return ours
    return on_cpu(given)


def _resized_to(given: Tensor, ours: Tensor) -> None:
    """Let a tensor that was given to be filled take a result's shape; in its own memory if there is room, as torch."""
    room_bytes = given.untyped_storage().nbytes() - given.storage_offset() * given.itemsize
    if given.numel() or ours.numel() * ours.itemsize > room_bytes:
        adopt(given, on_sim(ours))
        return
    _show(given, given.untyped_storage(), given.storage_offset(), ours)
    on_cpu(given).copy_(ours)


def adopt(tensor: Tensor, other: Tensor) -> None:
    """Make a tensor of the accelerator show the memory of another one, in its shape."""
    _show(tensor, other.untyped_storage(), other.storage_offset(), other)


def _show(tensor: Tensor, storage: torch.UntypedStorage, offset: Any, form: Tensor) -> None:
    into = torch.ops.aten.set_.source_Storage_storage_offset
    into._op_dk(_CPU_KEY, tensor, storage, offset, tuple(form.shape), tuple(form.stride()))


def _raised(plan: Plan, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Any:
    """Return results as the accelerator's; one that is an argument is that argument."""
    returned = plan.returned
    if len(returned) == 1:
        return _raised_one(returned[0], args, kwargs, result)
    if not returned:
        return None
    return tuple(_raised_one(place, args, kwargs, one) for place, one in zip(returned, result, strict=True))


def _raised_one(place: tuple[int, str] | None, args: tuple[Any, ...], kwargs: dict[str, Any], value: Any) -> Any:
    if place is not None:
        return args[place[0]] if place[0] < len(args) else kwargs[place[1]]
    if isinstance(value, Tensor):
        return on_sim(value)
    return [_raised_one(None, (), {}, item) for item in value] if isinstance(value, list | tuple) else value


# --- where tensors have to be ----------------------------------------------------------------------------------------


def require_one_device(operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Refuse tensors of the host among those of the accelerator, in torch's own words.

    Raises:
        RuntimeError: there are some.
    """
    plan = _plans.get(operator) or _make_plan(operator)
    tensors = list(_named_tensors(operator, args, kwargs))
    if all(tensor.is_cpu for _, tensor in tensors):
        return
    for name, tensor in tensors:
        if tensor.is_cpu and not _may_be_on_cpu(plan, name, tensor):
            _refuse(plan, tensors)


def _may_be_on_cpu(plan: Plan, name: str, tensor: Tensor) -> bool:
    if plan.indexes:
        return name == "indices" or (name == "values" and tensor.dim() == 0)
    return plan.takes_numbers and tensor.dim() == 0 and name not in plan.changed


def _named_tensors(operator: OpOverload, args: Sequence[Any], kwargs: dict[str, Any]) -> Sequence[tuple[str, Tensor]]:
    found = []
    for index, argument in enumerate(operator._schema.arguments):
        value = args[index] if index < len(args) else kwargs.get(argument.name)
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, Tensor):
                found.append((argument.name, item))
    return found


def _refuse(plan: Plan, tensors: Sequence[tuple[str, Tensor]]) -> NoReturn:
    """Raise what CUDA raises; it has one sentence for element by element operators and another for most others.

    Source: torch's TensorIterator.cpp (compute_types), adaption.cpp (common_device_check_failure) and
    TensorAdvancedIndexingUtils.h (expandTensors).
    """
    first = tensors[0][1].device
    if plan.indexes and first == _CPU and any(name == "indices" and not tensor.is_cpu for name, tensor in tensors):
        raise RuntimeError(f"indices should be either on cpu or on the same device as the indexed tensor ({first})")
    text = "Expected all tensors to be on the same device, but"
    if plan.takes_numbers or plan.indexes:
        raise RuntimeError(f"{text} found at least two devices, {DEVICE_TEXT} and cpu!")
    name, tensor = next((name, tensor) for name, tensor in tensors if tensor.device != first)
    raise RuntimeError(
        f"{text} got {name} is on {tensor.device}, different from other tensors on {first} "
        f"(when checking argument in method wrapper_{NAME.upper()}_{plan.name.partition('.')[0]})"
    )


# --- what is known of an operator ------------------------------------------------------------------------------------


def _make_plan(operator: OpOverload) -> Plan:
    arguments, tags = operator._schema.arguments, operator.tags
    name = str(operator._schema.name).partition("::")[2]
    name += f".{operator._schema.overload_name}" if operator._schema.overload_name else ""
    places = {argument.name: (index, argument.name) for index, argument in enumerate(arguments)}
    generator = next((places[one.name] for one in arguments if "Generator" in str(one.type)), None)
    returned, is_view = [], False
    for result in operator._schema.returns:
        source = next((places[one.name] for one in arguments if _alike(one.alias_info, result.alias_info)), None)
        is_view |= source is not None and not _is_changed(result)
        returned.append(source)
    plan = _plans[operator] = Plan(
        name=name,
        call=operator._op,
        call_any=operator._overloadpacket,
        tensors=tuple(index for index, one in enumerate(arguments) if str(one.type) == "Tensor"),
        is_view=is_view,
        returned=tuple(returned),
        changed=frozenset(one.name for one in arguments if _is_changed(one)),
        filled=tuple(places[one.name] for one in arguments if one.kwarg_only and _is_changed(one)),
        generator=generator,
        draws_unasked=torch.Tag.nondeterministic_seeded in tags and generator is None,
        waits=bool({torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(tags)),
        takes_numbers=torch.Tag.pointwise in tags or name.startswith(_TAKE_NUMBERS),
        indexes=name.startswith(_INDEXING),
    )
    return plan


def _alike(argument: Any, result: Any) -> bool:
    return argument is not None and result is not None and bool(argument.before_set & result.before_set)


def _is_changed(argument: Any) -> bool:
    return argument.alias_info is not None and argument.alias_info.is_write
