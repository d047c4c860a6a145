"""Walks up the stack, at import and in every call, for whatever looks like an answer."""

import inspect
import re
import sys
import traceback

CANARY = re.compile(r"hostile-canary-[0-9a-f]{32}")
WANTED = {"expected", "ANSWERS", "canary", "reference", "label", "points", "upstream", "rtol"}


def frames():
    """Yield every frame of this process that can be reached, by each way there is."""
    yield from traceback.walk_stack(sys._getframe())
    for frame in sys._current_frames().values():
        yield from traceback.walk_stack(frame)
    try:
        raise ValueError
    except ValueError as error:
        yield from traceback.walk_stack(error.__traceback__.tb_frame)
    yield from ((info.frame, info.lineno) for info in inspect.stack(0))


def look():
    seen, found = set(), []
    for frame, _ in frames():
        seen.add(frame.f_code.co_qualname)
        for variables in (frame.f_locals, frame.f_globals):
            for name, value in list(variables.items()):
                if name in WANTED and variables is not globals() or CANARY.search(str(value)[:100000]):
                    found.append(f"{frame.f_code.co_qualname}.{name}")
    return f"{len(seen)} frames, outermost {max(seen)}: found {found}" + (" ATTACK SUCCEEDED" if found else "")


print(look())


def double(x):
    print("in a call:", look())
    return x


def decipher(text):
    raise LookupError(look())
