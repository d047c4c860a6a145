"""What suites are written with: `from grader.suite import expect_close, points, …`.

Importing it imports torch and pytest; the command line does so never.
"""

from grader.data import blobs, linear_data
from grader.suite.accuracy import expect_accuracy
from grader.suite.datasets import digits, fashion_mnist
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
from grader.suite.marks import calibrated, devices, limits, needs, points
from grader.suite.modules import expect_shapes
from grader.suite.patterns import any_number, either, event, in_any_order, in_order, maybe, some, times
from grader.suite.sharing import once
from grader.suite.throughput import expect_throughput, expect_traffic, traffic
from grader.suite.training import evaluation_step, expect_trace, expect_trajectory, recorder, training_step

__all__ = [
    "any_number",
    "award",
    "blobs",
    "calibrated",
    "device_of",
    "devices",
    "digits",
    "either",
    "evaluation_step",
    "event",
    "expect_accuracy",
    "expect_close",
    "expect_equal",
    "expect_gradients",
    "expect_raises",
    "expect_shapes",
    "expect_stages",
    "expect_throughput",
    "expect_trace",
    "expect_traffic",
    "expect_trajectory",
    "expect_tuple",
    "expect_vjp",
    "fashion_mnist",
    "in_any_order",
    "in_order",
    "limits",
    "linear_data",
    "maybe",
    "needs",
    "once",
    "points",
    "recorder",
    "some",
    "times",
    "traffic",
    "training_step",
]
