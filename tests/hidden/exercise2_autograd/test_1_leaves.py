"""The graph: stages that stay connected, leaves and what is none, ways through a graph."""

import pytest
import torch

from grader.suite import expect_close, expect_equal, expect_stages, limits, needs, points

from .oracles import (
    GRAPHS,
    PROBE,
    C,
    D,
    H,
    N,
    bowl,
    bowl_gradients,
    connected,
    derivatives,
    gradients,
    normal,
    pick,
    plain,
)
from .probe import loss_of_two


@pytest.fixture
def probe(guest):
    """The probe module on the student's side."""
    return guest.load(PROBE)


def draw_tangle(rng):
    """Return which of six tensors require a gradient, a program over them, and the places of the leaves it reaches.

    Some lines detach one of their two tensors, so not every leaf that was used is reached.
    """
    watched = [True, False, True, True, False, True]
    reached = [{place} if flag else set() for place, flag in enumerate(watched)]
    twice, second, last = ((0, 2, 3), (2, 3, 0), (3, 0, 2))[pick(rng, 3)]
    # Leaf 5 may be used in random lines, and is detached in one; `last` is not used in them.
    program = [("cut", 5, 1)]
    for place in range(7, 12):
        known = [each for each in range(place) if each != last]
        i, j = (known[pick(rng, len(known))] for _ in range(2))
        program.append((("add", "mul", "cut")[pick(rng, 3)], i, j))
    # To one leaf there are two ways at least. Then two come in as a second and as a first input: whoever gives up where
    # ways meet, or follows one input only, misses one of them.
    program += [("mul", twice, 11), ("add", 12, twice), ("add", 13, second), ("add", last, 14)]
    for operation, i, j in program:
        reached.append(reached[j] | (set() if operation == "cut" else reached[i]))
    return watched, program, sorted(reached[-1])


@pytest.fixture
def graphs(guest):
    """Graphs of tensors, on the student's side."""
    return guest.load(GRAPHS)


@points(1)
def test_the_bowl_keeps_its_stages(submission, rng):
    """y = x + 2, z = 3 y², and out is the mean of z.

    zh_CN: y = x + 2，z = 3 y²，out 是 z 的平均。
    """
    x = normal(rng, N)
    expect_stages(submission.bowl(x), bowl(x))


@points(1)
@needs("test_the_bowl_keeps_its_stages")
def test_every_stage_of_the_bowl_is_connected(submission, rng):
    """A gradient comes back to x from y, from z and from out.

    zh_CN: 从 y、从 z、从 out 都有梯度回到 x。
    """
    x = normal(rng, N).requires_grad_()
    received, expected = submission.bowl(x), bowl(x)
    for name, stage in expected.items():
        upstream = normal(rng, *stage.shape)
        (mine,) = gradients(connected(received[name], name), [x], upstream)
        expect_close(mine, gradients(stage, [x], upstream)[0], label=f"gradient from {name} to x")


@points(1)
@needs("test_the_bowl_keeps_its_stages")
def test_nothing_is_watched_unless_someone_asks(submission, rng):
    """An x that requires no gradient makes a bowl without a graph.

    zh_CN: 不需要梯度的 x 得到的碗没有计算图。
    """
    x = normal(rng, N)
    received = submission.bowl(x)
    for name, stage in bowl(x).items():
        expect_close(received[name], stage, label=name)
        plain(received[name], name)


@points(1)
def test_gradients_of_the_bowl(submission, rng):
    """bowl_gradients gives those of x, of y and of z.

    zh_CN: bowl_gradients 给出 x、y 和 z 的梯度。
    """
    x = normal(rng, N)
    expect_stages(submission.bowl_gradients(x), bowl_gradients(x))


@points(1)
@needs("test_gradients_of_the_bowl")
def test_gradients_of_the_bowl_leave_x_alone(submission, guest, probe, rng):
    """bowl_gradients changes neither x's .grad nor requires_grad.

    zh_CN: bowl_gradients 不改动 x 的 .grad 和 requires_grad。
    """
    x, before = normal(rng, N), normal(rng, N)
    watched, unwatched = guest.tensor(x, requires_grad=True), guest.tensor(x)
    probe.set_gradients([watched], [before])
    for theirs in (watched, unwatched):
        expect_stages(submission.bowl_gradients(theirs), bowl_gradients(x))
    expect_close(watched.get("grad"), before, label=".grad of x after the call")
    expect_equal(unwatched.get("requires_grad"), False, label="whether x requires a gradient after the call")


def origin(probe, kept):
    """Return which operation made a tensor, as part of a sentence; the name is the student's side's own word."""
    name = probe.made_by(kept.value)
    return f", made by {name}," if isinstance(name, str) and name.isidentifier() and len(name) < 40 else ""


@points(1)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_new_leaf_holds_the_scaled_values(submission, probe, rng, dtype):
    """new_leaf holds scale · values, in the dtype asked for.

    zh_CN: new_leaf 存放 scale · values，dtype 如所要求。
    """
    kind = getattr(torch, dtype)
    values = normal(rng, D, H)
    expect_close(probe.leaf_of(submission.new_leaf, values, 0.25, dtype), (0.25 * values).to(kind), label="leaf")
    whole = torch.arange(N) - 3
    # A tenth is no float32: whoever multiplies before converting has lost half of float64's digits.
    expected = (0.1 * whole.double()).to(kind)
    expect_close(probe.leaf_of(submission.new_leaf, whole, 0.1, dtype), expected, label="leaf of integers")


@points(1)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_new_leaf_is_a_leaf_and_collects_gradients(submission, guest, probe, rng, dtype):
    """new_leaf is a leaf, requires a gradient and collects it.

    zh_CN: new_leaf 是叶子，需要梯度，也收集梯度。
    """
    values, other = normal(rng, D, H).to(getattr(torch, dtype)), normal(rng, H, C)
    kept = probe.Kept(probe.leaf_of, submission.new_leaf, values, 0.25, "float64")
    expect_close(kept.get("value"), 0.25 * values.double(), label="leaf")
    expect_equal(kept.get("value.requires_grad"), True, label="whether the new leaf requires a gradient")
    expect_equal(kept.get("value.is_leaf"), True, label=f"whether the new leaf{origin(probe, kept)} is a leaf")
    probe.backward(probe.loss_of_two, [kept.value, guest.tensor(other)])
    wanted, _ = derivatives(loss_of_two, [0.25 * values.double(), other])
    expect_close(kept.get("value.grad"), wanted, label=".grad of the new leaf")


@points(1)
@needs("test_a_new_leaf_holds_the_scaled_values")
def test_a_new_leaf_has_memory_of_its_own(submission, guest, probe, rng):
    """Neither making nor changing the new leaf changes `values`.

    zh_CN: 无论创建还是改动新叶子，`values` 都不变。
    """
    values = normal(rng, D, H)
    theirs = guest.tensor(values)
    kept = probe.Kept(probe.leaf_of, submission.new_leaf, theirs, 1.0, "float64")
    expect_equal(guest.same(kept.value, theirs), False, label="whether the new leaf is the tensor `values`")
    expect_equal(theirs.get("requires_grad"), False, label="whether `values` requires a gradient after the call")
    probe.overwrite(kept.value)
    expect_close(guest.read(theirs), values, label="`values` after the new leaf was changed")


@points(3)
@pytest.mark.parametrize("graph", range(3))
def test_every_leaf_is_found_once(submission, guest, graphs, rng, graph):
    """leaves finds what a graph reaches, each once.

    zh_CN: leaves 找出计算图能到达的叶子，每个一次。
    """
    watched, program, reached = draw_tangle(rng)
    theirs = [guest.tensor(normal(rng), requires_grad=flag) for flag in watched]
    found = graphs.leaves_found(submission.leaves, theirs, program)
    expect_equal(sorted(found) if isinstance(found, list) else found, reached, label="places of the leaves")


@points(1)
def test_a_leaf_finds_itself_and_a_constant_nothing(submission, guest, graphs, rng):
    """A leaf is its own only leaf; a constant has none.

    zh_CN: 叶子只有自己这一个叶子；常数没有叶子。
    """
    theirs = [guest.tensor(normal(rng), requires_grad=flag) for flag in (True, False)]
    for place, (label, expected) in enumerate({"leaves of a leaf": [0], "leaves of a constant": []}.items()):
        expect_equal(graphs.leaves_found(submission.leaves, [theirs[place]], []), expected, label=label)


@points(1)
@limits(check_wall_s=2)
@needs("test_every_leaf_is_found_once")
def test_ways_that_meet_again_are_walked_once(submission, guest, graphs, rng):
    """x = x + x, 40 times, is no more work than any other graph.

    zh_CN: x = x + x 做 40 次，不比别的计算图更费工夫。
    """
    found = graphs.leaves_of_ladder(submission.leaves, guest.tensor(normal(rng), requires_grad=True), 40)
    expect_equal(found, [0], label="leaves of the ladder")
