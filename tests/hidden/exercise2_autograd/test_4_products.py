"""Products with Jacobians and Hessians, gradients of gradients, and where gradients stop."""

import pytest
import torch

from grader.suite import expect_close, expect_equal, expect_stages, limits, needs, points

from .oracles import PROBE, D, H, N, connected, derivatives, draw_net, gradients, hessian, jacobian, net, normal
from .probe import curve, valley

PRODUCTS = ("test_a_vector_times_the_jacobian", "test_the_jacobian_times_a_vector", "test_the_hessian_times_a_vector")


@pytest.fixture
def probe(guest):
    """The probe module on the student's side."""
    return guest.load(PROBE)


@points(1)
def test_a_vector_times_the_jacobian(submission, probe, rng):
    """vjp is vᵀ J, for a curve from 7 numbers to 5.

    zh_CN: vjp 是 vᵀ J，函数是从 7 个数到 5 个数的曲线。
    """
    x, v = normal(rng, N), normal(rng, N - 2)
    expect_close(submission.vjp(probe.curve, x, v), v @ jacobian(curve, x), label="vᵀ J")


@points(2)
def test_the_jacobian_times_a_vector(submission, probe, rng):
    """jvp is J v, for a curve from 7 numbers to 5.

    zh_CN: jvp 是 J v，函数是从 7 个数到 5 个数的曲线。
    """
    x, v = normal(rng, N), normal(rng, N)
    expect_close(submission.jvp(probe.curve, x, v), jacobian(curve, x) @ v, label="J v")


@points(2)
def test_the_hessian_times_a_vector(submission, probe, rng):
    """hessian_vector is H v.

    zh_CN: hessian_vector 是 H v。
    """
    x, v = normal(rng, N), normal(rng, N)
    expect_close(submission.hessian_vector(probe.valley, x, v), hessian(valley, x) @ v, label="H v")


@points(1)
@limits(check_wall_s=2)
@needs("test_the_hessian_times_a_vector")
def test_a_large_hessian_is_never_made(submission, probe, rng):
    """H v with 20 000 numbers needs no matrix of 20 000 × 20 000.

    zh_CN: 20 000 个数的 H v 不需要 20 000 × 20 000 的矩阵。
    """
    x, v = normal(rng, 20_000), normal(rng, 20_000)
    watched = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(valley(watched), watched, create_graph=True)
    (expected,) = torch.autograd.grad(slope, watched, v)
    expect_close(submission.hessian_vector(probe.valley, x, v), expected, label="H v")


@points(1)
@needs(*PRODUCTS)
def test_products_run_the_function_once(submission, probe, rng):
    """Products call fn once, at x; jvp needs no loop.

    zh_CN: 这些乘积在 x 处只调用一次 fn；jvp 不需要循环。
    """
    x, v = normal(rng, N), normal(rng, N)
    for name, fn, vector in (("vjp", "curve", v[2:]), ("jvp", "curve", v), ("hessian_vector", "valley", v)):
        counted = probe.Counted(getattr(probe, fn))
        submission.call(name, counted, x, vector)
        expect_equal(counted.get("calls"), 1, label=f"calls of fn by {name}")
        if name == "jvp":
            # One walk leads to uᵀ J. A loop over the rows of J needs one per output, which are five.
            expect_equal(counted.get("walks") <= 2, True, label="whether jvp needs no loop over the rows of J")


@points(1)
@needs(*PRODUCTS)
def test_products_leave_x_alone(submission, guest, probe, rng):
    """vjp, jvp and hessian_vector leave x and its .grad alone.

    zh_CN: vjp、jvp 和 hessian_vector 不改动 x 及其 .grad。
    """
    x, before, v = normal(rng, N), normal(rng, N), normal(rng, N)
    theirs = guest.tensor(x, requires_grad=True)
    probe.set_gradients([theirs], [before])
    expect_close(submission.vjp(probe.curve, theirs, v[2:]), v[2:] @ jacobian(curve, x), label="vᵀ J")
    expect_close(submission.jvp(probe.curve, theirs, v), jacobian(curve, x) @ v, label="J v")
    expect_close(submission.hessian_vector(probe.valley, theirs, v), hessian(valley, x) @ v, label="H v")
    expect_close(theirs.get("grad"), before, label=".grad of x after the calls")


@points(1)
@needs(*PRODUCTS)
def test_products_keep_float32(submission, probe, rng):
    """float32 in, float32 out: vjp, jvp and hessian_vector.

    zh_CN: 输入 float32，输出也是 float32：vjp、jvp、hessian_vector。
    """
    x, v = normal(rng, N, dtype=torch.float32), normal(rng, N, dtype=torch.float32)
    expect_close(submission.vjp(probe.curve, x, v[2:]), v[2:] @ jacobian(curve, x), label="vᵀ J")
    expect_close(submission.jvp(probe.curve, x, v), jacobian(curve, x) @ v, label="J v")
    expect_close(submission.hessian_vector(probe.valley, x, v), hessian(valley, x) @ v, label="H v")


@points(1)
def test_the_penalty_is_the_squared_length_of_the_gradient(submission, probe, rng):
    """slope_penalty is the sum of the squared slopes of fn.

    zh_CN: slope_penalty 是 fn 各斜率的平方和。
    """
    x = normal(rng, N).requires_grad_()
    (slope,) = derivatives(valley, [x.detach()])
    expect_close(submission.slope_penalty(probe.valley, x), (slope * slope).sum(), label="R")


@points(1)
@needs("test_the_penalty_is_the_squared_length_of_the_gradient")
def test_the_penalty_can_be_differentiated_again(submission, probe, rng):
    """The gradient of slope_penalty for x is 2 H times the slope.

    zh_CN: slope_penalty 对 x 的梯度是 2 H 乘以斜率。
    """
    x = normal(rng, N).requires_grad_()
    penalty = connected(submission.slope_penalty(probe.valley, x), "R")
    (slope,) = derivatives(valley, [x.detach()])
    expect_close(gradients(penalty, [x], None)[0], 2 * hessian(valley, x.detach()) @ slope, label="gradient of R")


@points(1)
@needs("test_the_penalty_is_the_squared_length_of_the_gradient")
def test_a_network_can_be_trained_on_the_penalty(submission, probe, rng):
    """backward of slope_penalty fills .grad of fn's parameters.

    zh_CN: slope_penalty 的 backward 填入 fn 各参数的 .grad。
    """
    state, x = draw_net(rng), normal(rng, N, D).requires_grad_()
    theirs = probe.make_net(state)
    connected(submission.slope_penalty(probe.summed(theirs), x), "R").backward()

    def penalty(*weights):
        ours = x.detach().requires_grad_()
        output = net(ours, dict(zip(state, weights, strict=True))).sum()
        (slope,) = torch.autograd.grad(output, ours, create_graph=True)
        return (slope * slope).sum()

    expected = dict(zip(state, derivatives(penalty, list(state.values())), strict=True))
    received = {name: 0 * expected[name] if mine is None else mine for name, mine in theirs.gradients().items()}
    expect_stages(received, expected)


@points(1)
def test_pull_is_the_mean_squared_distance(submission, rng):
    """pull is the mean of the squared differences.

    zh_CN: pull 是差的平方的平均。
    """
    moving, anchor = normal(rng, N, D).requires_grad_(), normal(rng, N, D)
    expect_close(submission.pull(moving, anchor), ((moving - anchor) ** 2).mean().detach(), label="L")


@points(1)
def test_pull_moves_what_it_should(submission, rng):
    """pull's gradient for `moving` is 2 (moving − anchor) / n.

    zh_CN: pull 对 `moving` 的梯度是 2 (moving − anchor) / n。
    """
    moving, anchor = normal(rng, N, D).requires_grad_(), normal(rng, N, D).requires_grad_()
    loss = connected(submission.pull(moving, anchor), "L")
    expected = (2 * (moving - anchor) / (N * D)).detach()
    expect_close(gradients(loss, [moving], None)[0], expected, label="gradient of `moving`")


@points(1)
@needs("test_pull_moves_what_it_should")
def test_pull_leaves_the_anchor_where_it_is(submission, rng):
    """No gradient of pull reaches the anchor.

    zh_CN: pull 没有梯度到达 anchor。
    """
    moving, anchor = normal(rng, N, D).requires_grad_(), normal(rng, N, D).requires_grad_()
    loss = connected(submission.pull(moving, anchor), "L")
    expect_close(gradients(loss, [anchor], None)[0], torch.zeros_like(anchor).detach(), label="gradient of the anchor")


@points(1)
def test_rounded_is_round_on_the_way_forward(submission, rng):
    """rounded gives whole numbers, the nearest ones.

    zh_CN: rounded 给出整数，而且是最近的整数。
    """
    x = 3 * normal(rng, N, H)
    expect_equal(submission.rounded(x), x.round(), label="rounded(x)")


@points(1)
@needs("test_rounded_is_round_on_the_way_forward")
def test_rounded_lets_the_gradient_pass(submission, rng):
    """On the way back rounded has the slope 1 everywhere.

    zh_CN: 反向时 rounded 的斜率处处是 1。
    """
    x, upstream = (3 * normal(rng, N, H)).requires_grad_(), normal(rng, N, H)
    received = connected(submission.rounded(x), "rounded(x)")
    expect_close(gradients(received, [x], upstream)[0], upstream, label="gradient of x")
