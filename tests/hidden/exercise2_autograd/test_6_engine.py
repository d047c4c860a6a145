"""Autograd for single numbers, judged against torch's on random expressions."""

import pytest
import torch

from grader.suite import expect_equal, expect_stages, limits, needs, points

from .oracles import NUMBERS, differentiated, gradients, normal, program_of

EXPRESSIONS = "test_random_expressions_have_torchs_gradients"


@pytest.fixture
def probe(guest):
    """The expressions, on the student's side."""
    return guest.load(NUMBERS)


def numbers(rng, count):
    """Draw plain numbers."""
    return normal(rng, count).tolist()


@points(3)
@pytest.mark.parametrize("operation", ["add", "mul", "tanh"])
def test_each_operation_knows_its_slopes(submission, probe, rng, operation):
    """One sum, one product, one tanh: result and gradients.

    zh_CN: 一个和、一个积、一个 tanh：结果和梯度。
    """
    inputs, program = numbers(rng, 2), [(operation, 0, 1)]
    expect_stages(probe.differentiated(submission.Value, inputs, program), differentiated(inputs, program))


@points(1)
def test_a_number_used_twice_gets_both_contributions(submission, probe, rng):
    """x x has the slope 2 x, and x + x the slope 2.

    zh_CN: x x 的斜率是 2 x，x + x 的斜率是 2。
    """
    inputs, program = numbers(rng, 1), [("mul", 0, 0), ("add", 0, 0), ("add", 1, 2)]
    expect_stages(probe.differentiated(submission.Value, inputs, program), differentiated(inputs, program))


@points(1)
def test_a_number_waits_for_all_that_was_made_of_it(submission, probe, rng):
    """y = 3 x, then y used again and again, late and early.

    zh_CN: y = 3 x，然后 y 被一再使用，有早有晚。
    """
    # x1 -> y -> a -> b, and y again beside a and b: y may pass on only when a and b both have reported.
    inputs = numbers(rng, 2)
    for last in ([("add", 4, 2), ("mul", 5, 2)], [("add", 2, 4), ("mul", 2, 5)]):
        program = [("mul", 0, 1), ("mul", 2, 1), ("tanh", 3, 3), *last]
        expect_stages(probe.differentiated(submission.Value, inputs, program), differentiated(inputs, program))


@points(3)
@pytest.mark.parametrize(("form", "steps"), [(5, 6), (1, 12), (1, 24)], ids=["6", "12", "24"])
def test_random_expressions_have_torchs_gradients(submission, probe, rng, form, steps):
    """Random expressions of three numbers: gradients as by torch.

    zh_CN: 三个数的随机表达式：梯度与 torch 相同。
    """
    inputs, program = numbers(rng, 3), program_of(form, 3, steps)
    expect_stages(probe.differentiated(submission.Value, inputs, program), differentiated(inputs, program))


@points(1)
def test_order_has_parents_first_and_each_once(submission, probe, rng):
    """topological_order has all numbers once, parents first.

    zh_CN: topological_order 列出所有的数，各一次，父节点在前。
    """
    inputs, program = numbers(rng, 3), program_of(1, 3, 12)
    places = probe.ordered(submission.topological_order, submission.Value, inputs, program)
    expect_equal(isinstance(places, list), True, label="whether the order is a list")
    expect_equal(sorted(places), list(range(3 + len(program))), label="numbers in the order, sorted")
    late = [place for place in places if any(places.index(place) < places.index(p) for p in parents(program, place))]
    expect_equal(late, [], label="numbers that come before one of their parents")


def parents(program, place):
    """Return the places of what a number was made of."""
    if place < 3:
        return []
    operation, i, j = program[place - 3]
    return [i] if operation == "tanh" else [i, j]


@points(1)
def test_a_second_backward_adds_to_the_first(submission, probe, rng):
    """Calling backward twice doubles the gradients of the leaves.

    zh_CN: 调用两次 backward，叶子的梯度加倍。
    """
    inputs, program = numbers(rng, 3), program_of(1, 3, 6)
    received = probe.differentiated(submission.Value, inputs, program, 2)
    expect_stages(received, differentiated(inputs, program, 2))


@points(1)
def test_two_results_share_a_number(submission, probe, rng):
    """Gradients of two results add up, each counted once.

    zh_CN: 两个结果的梯度相加，各算一次。
    """
    inputs = numbers(rng, 2)
    x = torch.tensor(inputs, dtype=torch.float64, requires_grad=True)
    u = x[0] * x[1]
    (expected,) = gradients(u.tanh() + u * x[1], [x], None)
    named = {f"gradient of x{k}": float(value) for k, value in enumerate(expected, start=1)}
    expect_stages(probe.two_roots(submission.Value, inputs), named)


@points(1)
def test_plain_numbers_may_stand_in_an_expression(submission, probe, rng):
    """Plain numbers and differences, on either side.

    zh_CN: 普通的数和差，放在哪一边都可以。
    """
    (x,) = numbers(rng, 1)
    # 1 + 2 x² − 3 x + (4 − x³) − 7 + x
    expected = {"result": -(x**3) + 2 * x**2 - 2 * x - 2, "gradient of x1": -3 * x**2 + 4 * x - 2}
    expect_stages(probe.with_plain_numbers(submission.Value, x), expected)


@points(1)
@needs(EXPRESSIONS)
def test_a_chain_of_2000_steps_is_no_problem(submission, probe, rng):
    """A long chain does not run into Python's recursion limit.

    zh_CN: 很长的链不会碰到 Python 的递归上限。
    """
    (x,) = numbers(rng, 1)
    received = probe.long_chain(submission.Value, x, 2000)
    expect_stages(received, {"result": 2001 * x, "gradient of x1": 2001.0})


@points(1)
@limits(check_wall_s=2)
@needs(EXPRESSIONS)
def test_a_ladder_is_climbed_once(submission, probe, rng):
    """x = x + x, 60 times, takes 60 steps and not 2⁶⁰.

    zh_CN: x = x + x 做 60 次要 60 步，而不是 2⁶⁰ 步。
    """
    (x,) = numbers(rng, 1)
    received = probe.high_ladder(submission.Value, x, 60)
    expect_stages(received, {"result": x * 2.0**60, "gradient of x1": 2.0**60})
