"""What a course says of late work, as plain data: the `[late]` table of course.toml and the file extensions.toml.

Owns which keys there are and which go together. Knows neither exercises nor students nor the clock: what a time means,
and what it costs, is `classroom/late`'s.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

_Percent = Annotated[float, msgspec.Meta(ge=0, le=100)]
_Times = dict[str, datetime]


class LatePolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `[late]` table. `due` is keyed by exercise, under any name that the command line takes.

    A time without an offset is one on the clocks of `timezone`. What the bank does not cover costs `percent_per_day`,
    or everything where that is not given.
    """

    policy: Literal["none", "percent", "bank"] = "none"
    percent_per_day: Annotated[float, msgspec.Meta(gt=0, le=100)] | None = None
    floor_percent: _Percent = 0.0
    bank_days: Annotated[int, msgspec.Meta(ge=0)] = 0
    grace_minutes: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    timezone: str = ""
    due: _Times = {}

    def __post_init__(self) -> None:
        if self.policy == "percent" and self.percent_per_day is None:
            raise ValueError('the policy "percent" needs percent_per_day')
        if self.policy == "percent" and self.bank_days:
            raise ValueError('bank_days does nothing here: it belongs to the policy "bank"')
        if self.policy == "bank" and not self.bank_days:
            raise ValueError('the policy "bank" needs bank_days')


class Extensions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What extensions.toml says of single students, by their id and then by exercise.

    `due` gives somebody more time; `handed_in` says when work arrived where only a person knows.
    """

    due: dict[str, _Times] = {}
    handed_in: dict[str, _Times] = {}


NO_LATE_POLICY = LatePolicy()
EXTENSIONS_FILE = "extensions.toml"
