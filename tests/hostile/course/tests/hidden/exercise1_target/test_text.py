"""A value that can be recognised wherever it turns up. @canary:source@."""

from grader.suite import expect_equal, points

ANSWERS = {"decipher": "@canary:expected@"}


@points(2)
def test_decipher(submission):
    """Gives back the text that was shifted."""
    expected = ANSWERS["decipher"]
    shifted = "".join(chr(ord(character) + 1) for character in expected)
    expect_equal(submission.decipher(shifted), expected, label="decipher(text)")
