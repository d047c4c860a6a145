"""What suites are written with: `from grader.suite import expect_close, points, …`.

Importing it imports torch and pytest; the command line does so never.
"""

from grader.suite.expect import expect_close, expect_equal, expect_raises, expect_stages
from grader.suite.gradients import expect_gradients, expect_vjp
from grader.suite.marks import devices, limits, needs, points

__all__ = [
    "devices",
    "expect_close",
    "expect_equal",
    "expect_gradients",
    "expect_raises",
    "expect_stages",
    "expect_vjp",
    "limits",
    "needs",
    "points",
]
