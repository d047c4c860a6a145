"""The example that students see."""

import torch

from grader.suite import expect_close, points


@points(1)
def test_example(submission):
    """Doubles the example of the statement."""
    x = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    expect_close(submission.double(x), 2 * x, label="double(x)")
