"""What the whole is for: digits that nobody trained on are recognised."""

from grader.suite import calibrated, devices, digits, expect_accuracy, expect_equal, expect_tuple, limits, needs, points


def curves(history):
    """Return the history as lists of numbers, to be drawn; whatever it is, nothing hangs on it."""
    if not isinstance(history, list) or not all(isinstance(epoch, dict) for epoch in history):
        return history
    return {name: [epoch.get(name) for epoch in history] for name in ("loss", "val_loss", "accuracy", "val_accuracy")}


@devices("cpu", "cuda")
@calibrated(attempts=4)
@points(2)
@needs(
    "test_train_digits_returns_a_model_and_its_history",
    "test_fit_follows_the_right_path",
    "test_fit_ends_with_the_weights_of_the_best_epoch",
)
@limits(check_wall_s=90)
def test_digits_are_recognised(submission, guest, device, rng):
    """train_digits: digits of new pictures are recognised.

    zh_CN: train_digits：能认出新图片中的数字。
    """

    def run():
        train, test, _ = digits(rng, test=500)
        model, history = expect_tuple(submission.train_digits(train.x, train.t, device), 2, "model, history")
        model.eval()
        scores = model(guest.place(test.x, device))
        expect_equal([*scores.shape], [500, 10], label="shape of the scores of 500 pictures")
        return scores.detach().argmax(1), test.t, curves(history)

    expect_accuracy(run, "share of right digits")
