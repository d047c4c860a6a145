"""The gate on what students read: a hidden check says how a value differs, never which one was expected.

Pure. A long number in the message of a hidden check is taken for an expected value: nothing else there needs one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from grader import messages
from grader.author.gate import Gate, Problem
from grader.author.runs import Seen, WrongSeen
from grader.diagnosis.evidence import Evidence
from grader.results import CheckResult, Outcome

_DIGITS = 3
# A measured relation, "2.333 times ours", is allowed one more; below hidden = "hint" it is not said at all.
_DIGITS_OF_A_RELATION = 4
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
# Shapes and counts: long numbers that tell nothing.
_HARMLESS = re.compile(r"\(\d[\d, ]*\)|\d+ of \d+")
# Their whole text is the student's own exception, or about their file.
_THEIR_WORDS = (Outcome.RAISED, Outcome.FORBIDDEN, Outcome.REJECTED)


def canary_gate(wrong: Sequence[WrongSeen]) -> Gate:
    """No message of a hidden check about a wrong answer holds a number long enough to be an expected value."""
    problems = [
        Problem(one.file, check.id, messages.VERIFY_LEAKS.format(numbers=", ".join(numbers)))
        for one in wrong
        for check, numbers in _leaks(one.seen)
    ]
    title, advice = messages.VERIFY_CANARY, messages.VERIFY_CANARY_ADVICE
    return Gate("canary", title, sum(len(one.seen.record.failures()) for one in wrong), advice, tuple(problems))


def _leaks(seen: Seen) -> Iterator[tuple[CheckResult, list[str]]]:
    for check in seen.result.checks:
        is_ours = check.visibility == "hidden" and check.outcome not in _THEIR_WORDS
        if is_ours and (numbers := long_numbers(check.message, seen.evidence.get(check.id))):
            yield check, numbers


def long_numbers(message: str, evidence: Evidence | None) -> list[str]:
    """Return the numbers of a message that are too long, leaving out those of the submission's own exception."""
    structure = evidence.structure if evidence is not None else ""
    theirs = evidence.raised[1] if evidence is not None and evidence.raised else ""
    rest = message.replace(structure, " ") if structure else message
    allowed = set(_NUMBER.findall(theirs))
    found = _longer_than(_DIGITS, rest) + _longer_than(_DIGITS_OF_A_RELATION, structure)
    return [number for number in found if number not in allowed]


def _longer_than(digits: int, text: str) -> list[str]:
    return [number for number in _NUMBER.findall(_HARMLESS.sub(" ", text)) if significant_digits(number) > digits]


def significant_digits(number: str) -> int:
    """Count the digits that say something: without exponent, leading and trailing zeros."""
    mantissa = re.split("[eE]", number)[0].replace(",", "").replace(".", "")
    return len(mantissa.strip("0"))
