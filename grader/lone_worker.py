"""A worker that was started anew: call back, have a first guest import torch beside us, import it, hold the suite.

Run as `python -m grader.lone_worker`. Owns what must happen before torch is imported here, which takes longest; judging
is `suite.alone`'s. Invariant: when whoever started us has gone, our guests are ended and so are we.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path

import msgspec

from grader.course import GRADER_DATA, load_course, load_exercise
from grader.events import Line
from grader.sandbox.fence import Tier
from grader.sandbox.fence.gpus import VISIBLE
from grader.sandbox.loopback import call_back, obey
from grader.sandbox.spawned import SpawnedGuests


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a worker is told: where course and data lie, its private folder, what runs a module of ours."""

    root: str
    slug: str
    folder: str
    data: str
    tier: str
    gpus: str
    command: tuple[str, ...]


def main() -> None:
    """Serve until the other end of the line is closed."""
    (sock, lifeline), words = call_back(2)
    told = msgspec.convert(words, Told)
    guests = SpawnedGuests(told.command)
    obey(lifeline, {}, guests.close)
    guests.warm_up()
    os.environ[GRADER_DATA] = told.data
    if told.gpus != "all":
        os.environ[VISIBLE] = told.gpus

    from grader.suite.alone import serve

    os.chdir(told.folder)
    try:
        exercise = load_exercise(load_course(Path(told.root)), told.slug)
        serve(Line(sock), exercise, Path(told.folder), Tier(told.tier), guests)
    except ConnectionError:
        pass  # our caller is gone
    except BaseException:
        traceback.print_exc()
    guests.close()
    sys.stdout.flush()
    os._exit(0)  # whoever waits for our end need not wait while torch is taken apart


if __name__ == "__main__":
    main()
