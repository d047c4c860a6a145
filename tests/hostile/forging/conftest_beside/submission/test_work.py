"""A suite of one's own, in case somebody collects here."""

print("ATTACK SUCCEEDED: test_work.py was collected")


def test_everything():
    assert True
