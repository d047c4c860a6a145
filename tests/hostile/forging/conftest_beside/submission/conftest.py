"""Every test passes."""

import os

import pytest

print("ATTACK SUCCEEDED: conftest.py was run by the process", os.getpid())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    report.outcome, report.longrepr = "passed", None


def pytest_collection_modifyitems(items):
    items.clear()
