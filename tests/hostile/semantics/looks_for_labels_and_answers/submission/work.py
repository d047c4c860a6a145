"""Answers with whatever looks like an answer and lies about in this process."""

import gc
import glob
import re
import sys

import torch

WORDS = ("expected", "labels", "answers", "reference", "ANSWERS", "target")
CANARY = re.compile("hostile-canary-[0-9a-f]{32}")


def things():
    """Yield everything that can be reached: locals of all callers, globals of all modules, the heap."""
    level = sys._getframe()
    while level is not None:
        yield from ((name, value) for name, value in level.f_locals.items())
        level = level.f_back
    for module in list(sys.modules.values()):
        yield from list(getattr(module, "__dict__", {}).items())
    for one in gc.get_objects():
        if isinstance(one, dict):
            yield from list(one.items())


def double(x):
    for name, value in things():
        if name in WORDS and isinstance(value, torch.Tensor) and value.shape == x.shape:
            raise AssertionError(f"ATTACK SUCCEEDED: found {name}")
    return torch.zeros_like(x)


def labels(scores):
    for name, value in things():
        if isinstance(value, torch.Tensor) and value.dtype == torch.int64 and value.shape == (40,):
            raise AssertionError(f"ATTACK SUCCEEDED: found {name}")
    again = torch.Generator()
    again.set_state(torch.get_rng_state())
    drawn = torch.randn(40, 7, generator=again, dtype=torch.float64)
    if torch.equal(drawn, scores):
        raise AssertionError("ATTACK SUCCEEDED: the generator is the suite's")
    return drawn.argmax(dim=1)


def decipher(text):
    for name, value in things():
        if isinstance(value, str) and CANARY.search(value) and value != text:
            raise AssertionError(f"ATTACK SUCCEEDED: {value}")
    for pattern in ("@course@/tests/hidden/*/*.py", "@course@/solutions/*/*.py", "/scratch/*", "/tmp/*", "./*"):
        for path in glob.glob(pattern):
            try:
                found = CANARY.search(open(path, errors="replace").read())
            except OSError:
                continue
            if found:
                raise AssertionError(f"ATTACK SUCCEEDED: {found[0]} in {path}")
    return text
