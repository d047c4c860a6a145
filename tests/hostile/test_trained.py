"""Cheating with trained models: what is predicted is new, comes after training, and follows from the weights.

The target of the corpus trains nothing, so these have an exercise of their own, judged through the production path.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.grade import Grader
from grader.results import CheckResult, Outcome
from grader.sandbox.fence import strongest_tier
from grader.sandbox.spawn import Zygote
from grader.submission import made_submission
from tests.grader.tiny_course import make_course

SUITE = """
    import torch
    from grader.suite import *


    def draw(rng, count):
        t = torch.arange(count) % 3
        noise = torch.randn(count, 6, generator=rng, dtype=torch.float64)
        return torch.eye(3, 6, dtype=torch.float64)[t] + noise / 9, t


    @points(2)
    def test_new_rows_are_told_apart(submission, rng):
        '''Rows that nobody trained on are told apart.'''
        x, t = draw(rng, 60)
        model = submission.learn(x, t)
        new, labels = draw(rng, 90)
        expect_equal(model(new).detach().argmax(1), labels, label="classes of new rows")


    @points(3)
    def test_the_weights_predict(submission, rng):
        '''What the model says follows from its weights.'''
        model = submission.learn(*draw(rng, 60))
        new, _ = draw(rng, 84)
        scores, weights = model(new).detach(), model.state_dict()
        expect_close(scores, new @ weights["weight"].T + weights["bias"], label="scores of new rows")
"""
HONEST = """
import torch
from torch import nn

def learn(x, t):
    net = nn.Linear(6, 3, dtype=torch.float64)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x), t).backward()
        optimiser.step()
    return net
"""
SEARCHES = """
import gc
import sys
import torch

def anything_like(rows, width):
    level, found = sys._getframe(), []
    while level is not None:
        found += level.f_locals.values()
        level = level.f_back
    found += [one for one in gc.get_objects() if isinstance(one, torch.Tensor)]
    return [one for one in found if isinstance(one, torch.Tensor) and one.shape[:1] == (rows,) and one.dim() == width]
"""
# Trains on the rows of the test, if it can get at them: at the time of training, or of predicting.
ON_THE_TEST_SET = f"""
{SEARCHES}
{HONEST.replace("def learn", "def honest")}

ROWS = iter((90, 84))  # of the first check's test set, which stay in here once they were sent, and of the second's

class Peeks(nn.Linear):
    def forward(self, x):
        labels = [one for one in anything_like(len(x), 1) if not one.is_floating_point()]
        return honest(x, labels[0])(x) if labels else torch.zeros(len(x), 3, dtype=torch.float64)

def learn(x, t):
    rows = [one for one in anything_like(next(ROWS), 2) if one.shape[1] == 6]
    if rows:
        raise RuntimeError("ATTACK SUCCEEDED: the rows of the test are here already")
    return Peeks(6, 3, dtype=torch.float64)
"""
# Hands over the weights of an untrained layer, and predictions of something else.
NOT_OF_ITS_WEIGHTS = """
import torch
from torch import nn

class Keeps(nn.Linear):
    def keep(self, x, t):
        self.known = x, t
        return self

    def forward(self, x):
        near = torch.cdist(x, self.known[0]).argmin(1)
        return nn.functional.one_hot(self.known[1][near], 3).double()

def learn(x, t):
    return Keeps(6, 3, dtype=torch.float64).keep(x, t)
"""
# Recognises the rows of the test by a table of those that it saw in an earlier grading, drawn from another seed.
KNOWS_THE_TABLE = """
import torch
from torch import nn

def draw(seed, count):
    t = torch.arange(count) % 3
    rng = torch.Generator().manual_seed(seed)
    return torch.eye(3, 6, dtype=torch.float64)[t] + torch.randn(count, 6, generator=rng, dtype=torch.float64) / 9, t

TABLE = {tuple(row): int(label) for seed in range(20) for row, label in zip(*(one.tolist() for one in draw(seed, 90)))}

class Table(nn.Linear):
    def forward(self, x):
        known = [TABLE.get(tuple(row), 0) for row in x.tolist()]
        return nn.functional.one_hot(torch.tensor(known), 3).double()

def learn(x, t):
    return Table(6, 3, dtype=torch.float64)
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, zygote: Zygote) -> Iterator[Grader]:
    """A grader for an exercise that trains, behind the strongest fence of this machine."""
    exercise = make_course(tmp_path_factory.mktemp("trained"), SUITE, points=5)
    with Grader(exercise, strongest_tier(), zygote) as grader:
        yield grader


def judged(bench: Grader, text: str) -> tuple[CheckResult, CheckResult, str]:
    """Return the results of the two checks, and what was flagged."""
    result = bench.grade(made_submission({"work.py": text}))
    told, replayed = result.checks
    return told, replayed, " ".join(flag.message for flag in result.flags)


def test_an_honest_training_passes(bench: Grader) -> None:
    """What the others are refused for is not refused to everybody."""
    told, replayed, flags = judged(bench, HONEST)
    assert (told.outcome, replayed.outcome, flags) == (Outcome.PASSED, Outcome.PASSED, "")


def test_nobody_trains_on_the_test_set(bench: Grader) -> None:
    """Its rows are sent after training and its labels never, so a search finds neither."""
    told, replayed, flags = judged(bench, ON_THE_TEST_SET)
    assert (told.outcome, replayed.outcome) == (Outcome.FAILED, Outcome.FAILED)
    assert "classes of new rows: 60 of 90 values are wrong" in told.message
    assert "gc" in flags


def test_predictions_that_do_not_follow_from_the_weights_are_found(bench: Grader) -> None:
    """They are right, and the weights that came with them give others."""
    told, replayed, _ = judged(bench, NOT_OF_ITS_WEIGHTS)
    assert (told.outcome, replayed.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert "scores of new rows: 252 of 252 values are wrong" in replayed.message


def test_a_table_of_earlier_draws_knows_none_of_todays(bench: Grader) -> None:
    """Rows are drawn for the run and the check, whatever was seen of another run."""
    told, replayed, _ = judged(bench, KNOWS_THE_TABLE)
    assert (told.outcome, replayed.outcome) == (Outcome.FAILED, Outcome.FAILED)
    assert "classes of new rows: 60 of 90 values are wrong" in told.message
