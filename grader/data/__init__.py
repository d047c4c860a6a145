"""Data to train on: digits that come with a course, Fashion-MNIST where it lies on this machine, generated data.

For a student's own script and, through `grader.suite`, for suites. The files lie in the course's exercises/data and not
in this package: a guest may read installed packages, and must not read the labels that a suite counts by.
"""

from grader.course import GRADER_DATA
from grader.data.generated import blobs, linear_data
from grader.data.sets import Labelled, Split, digits, fashion_mnist

__all__ = ["GRADER_DATA", "Labelled", "Split", "blobs", "digits", "fashion_mnist", "linear_data"]
