"""Hostile and broken submissions, what must become of each, and the harness that proves it."""
