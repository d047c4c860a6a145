"""State that is read over several calls. @canary:source@."""

from grader.suite import expect_equal, points


@points(2)
def test_counter(submission):
    """Remembers what was added."""
    counter, expected = submission.Counter(), 0
    for number in (3, 4, 17):
        counter.call("add", number)
        expected += number
        expect_equal(counter.get("total"), expected, label="total")


@points(1)
def test_two_counters(submission):
    """Two counters do not share what was added."""
    first, second = submission.Counter(), submission.Counter()
    first.call("add", 5)
    expect_equal(second.get("total"), 0, label="total of the other")
