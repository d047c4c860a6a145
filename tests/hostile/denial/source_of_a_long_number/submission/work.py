"""Replaced by what build.py makes: a repository should not hold it."""
