"""Evaluation and prediction: nothing is learned, and the model is afterwards as it was."""

import pytest

from grader.suite import devices, evaluation_step, expect_close, expect_equal, expect_trace, needs, points, times

from . import probe as own
from .loops import BATCH, BATCHES, MODES, NORMED, C, D, expect_means, labelled, normal, ours, probe_of, theirs

MEANS, CLASSES = "test_evaluate_returns_means_over_examples", "test_predict_returns_the_class_of_each_row"
LINEAR = [["Linear", D, C]]


@pytest.fixture
def data(rng):
    """Examples and classes."""
    return labelled(rng)


# --- evaluate -------------------------------------------------------------------------------------------------------


def evaluated(loop, evaluate, training=True):
    """Evaluate twice, the model in this mode before; return what was returned."""
    loop.model.train(training)
    return [evaluate(loop.model, loop.loader, loop.loss, loop.device) for _ in range(2)]


@points(1)
def test_evaluation_is_in_evaluation_mode_without_gradients(submission, guest, device, data):
    """evaluate: evaluation mode, and no gradients.

    zh_CN: evaluate：评估模式，不记录梯度。
    """
    loop = theirs(guest, data, device, layers=NORMED)
    evaluated(loop, submission.evaluate)
    pattern = times(2 * BATCHES, evaluation_step(data="train", device=device))
    expect_trace(loop.record.events(), pattern, label="evaluate")


@points(1)
def test_evaluate_returns_means_over_examples(submission, guest, device, data, reference):
    """evaluate: mean loss and accuracy of all examples.

    zh_CN: evaluate：所有样本的平均损失和正确率。
    """
    got = evaluated(theirs(guest, data, device), submission.evaluate)
    expect_means(got, evaluated(ours(data), reference.evaluate), "evaluate")


@points(1)
@needs(MEANS)
def test_evaluate_uses_the_statistics_that_were_learned(submission, guest, device, data, reference):
    """evaluate: no dropout, and statistics from training.

    zh_CN: evaluate：没有 dropout，使用训练得到的统计量。
    """
    got = evaluated(theirs(guest, data, device, layers=MODES), submission.evaluate)
    expected = evaluated(ours(data, layers=MODES), reference.evaluate)
    expect_means(got, expected, "evaluate, network with BatchNorm and dropout")


@devices("cpu")
@points(1)
@needs(MEANS)
def test_evaluate_changes_nothing_in_the_model(submission, guest, data, reference):
    """evaluate: weights, buffers and gradients stay as they are.

    zh_CN: evaluate：权重、缓冲区和梯度保持不变。
    """
    loop, tools = theirs(guest, data, layers=NORMED), probe_of(guest)
    tools.leave_gradients(loop.model, data[0][:BATCH], data[1][:BATCH])
    before = loop.model.state_dict() | {f"gradient of {name}": grad for name, grad in loop.model.gradients().items()}
    got = evaluated(loop, submission.evaluate)
    after = loop.model.state_dict() | {f"gradient of {name}": grad for name, grad in loop.model.gradients().items()}
    for name, value in before.items():
        expect_equal(after[name], value, label=f"{name} after evaluate")
    expect_equal(tools.grad_enabled(), True, label="whether gradients are recorded after evaluate")
    expect_means(got, evaluated(ours(data, layers=NORMED), reference.evaluate), "evaluate")


@devices("cpu")
@points(1)
@needs(MEANS)
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_evaluate_leaves_the_mode_as_it_was(submission, guest, data, reference, training):
    """evaluate: afterwards the model is in the mode it was in.

    zh_CN: evaluate：之后模型处于原来的模式。
    """
    loop = theirs(guest, data, layers=NORMED)
    got = evaluated(loop, submission.evaluate, training)
    label = f"training of a model after evaluate, before it {training}"
    expect_equal(loop.model.get("training"), training, label=label)
    expect_means(got, evaluated(ours(data, layers=NORMED), reference.evaluate, training), "evaluate")


@devices("cpu")
@points(1)
@needs(MEANS)
def test_evaluate_takes_whatever_hands_out_batches(submission, guest, data, reference):
    """evaluate: a list of batches will do as loader.

    zh_CN: evaluate：批次的列表也可以当加载器。
    """
    there, here = theirs(guest, data), ours(data)
    tools = probe_of(guest)
    there.loader = tools.Kept(tools.batches, *data, BATCH).value
    expect_means(evaluated(there, submission.evaluate), evaluated(here, reference.evaluate), "evaluate, loader a list")


# --- predict --------------------------------------------------------------------------------------------------------


def predicted(loop, predict, training=True):
    """Predict the classes of all rows, the model in this mode before."""
    loop.model.train(training)
    return predict(loop.model, loop.loader, loop.device)


@points(1)
def test_predict_returns_the_class_of_each_row(submission, guest, device, data, reference):
    """predict: the class of the largest score in each row.

    zh_CN: predict：每一行中得分最高的类别。
    """
    how = {"layers": LINEAR, "shuffle": False}
    got = predicted(theirs(guest, data, device, **how), submission.predict)
    expect_close(got, predicted(ours(data, **how), reference.predict), label="classes", device="cpu")


@points(1)
@needs(CLASSES)
def test_predict_looks_at_no_target(submission, guest, device, rng, reference):
    """predict: batches whose targets are None will do.

    zh_CN: predict：目标为 None 的批次也可以。
    """
    x, tools = normal(rng, 20, D), probe_of(guest)
    there, here = theirs(guest, labelled(rng), device, layers=LINEAR), ours(labelled(rng), layers=LINEAR)
    there.loader, here.loader = tools.Kept(tools.without_targets, x, BATCH).value, own.without_targets(x, BATCH)
    got, expected = predicted(there, submission.predict), predicted(here, reference.predict)
    expect_close(got, expected, label="classes, targets None", device="cpu")


@points(1)
def test_prediction_is_in_evaluation_mode_without_gradients(submission, guest, device, data):
    """predict: evaluation mode, and no gradients.

    zh_CN: predict：评估模式，不记录梯度。
    """
    loop = theirs(guest, data, device, layers=NORMED)
    predicted(loop, submission.predict)
    pattern = times(BATCHES, evaluation_step(data="train", device=device))
    expect_trace(loop.record.events(), pattern, label="predict")


@devices("cpu")
@points(1)
@needs(CLASSES)
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_predict_leaves_the_model_as_it_was(submission, guest, data, reference, training):
    """predict: mode and statistics are afterwards as before.

    zh_CN: predict：之后模式和统计量与之前相同。
    """
    how = {"layers": NORMED, "shuffle": False}
    there, here = theirs(guest, data, **how), ours(data, **how)
    before = there.model.state_dict()
    got = predicted(there, submission.predict, training)
    label = f"training of a model after predict, before it {training}"
    expect_equal(there.model.get("training"), training, label=label)
    for name, value in there.model.state_dict().items():
        expect_equal(value, before[name], label=f"{name} after predict")
    expect_close(got, predicted(here, reference.predict, training), label="classes")
