"""Autograder and exercise harness for neural-network homework."""

__version__ = "0.1.0"
