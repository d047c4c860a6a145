"""What suites are written with: `from grader.suite import expect_close, points, …`.

Importing it imports torch and pytest; the command line does so never.
"""

from grader.suite.expect import (
    award,
    device_of,
    expect_close,
    expect_equal,
    expect_raises,
    expect_stages,
    expect_tuple,
)
from grader.suite.gradients import expect_gradients, expect_vjp
from grader.suite.marks import devices, limits, needs, points
from grader.suite.modules import expect_shapes
from grader.suite.sharing import once

__all__ = [
    "award",
    "device_of",
    "devices",
    "expect_close",
    "expect_equal",
    "expect_gradients",
    "expect_raises",
    "expect_shapes",
    "expect_stages",
    "expect_tuple",
    "expect_vjp",
    "limits",
    "needs",
    "once",
    "points",
]
