"""A plugin of pytest."""

print("ATTACK SUCCEEDED: the plugin was loaded")


def pytest_runtest_logreport(report):
    report.outcome = "passed"
