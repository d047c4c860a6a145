"""A positive control for each layer: a submission that succeeds while the layer is off, and is stopped while it is on.

Both states are of one machine, one zygote and one tier, the strongest of this machine; between them lie only the
functions that `switches` names. Where several layers stop the same, the others are off in both states.
"""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from grader.results import Outcome
from grader.sandbox import fence
from grader.sandbox.fence import Tier, kernel
from grader.sandbox.fence.cgroup import homes

from .bench import Bench, Judged
from .canaries import SUCCEEDED
from .entries import HERE, Entry, Layer, load_entry
from .switches import SwitchedZygote

_DESCRIPTORS = 5100
_TRIES = 3
_RULE = '[[policy.forbid]]\nnames = ["{name}"]\nsentence = "Do it by hand."\n'

End = Literal["succeeded", "stopped", "not judged"]
"""What became of a submission; one that could not be judged was not stopped by anything."""


def _says_so(judged: Judged, entry: Entry) -> bool:
    """It can tell, and says so."""
    return SUCCEEDED in judged.shown


def _is_overpaid(judged: Judged, entry: Entry) -> bool:
    """It gets points that it does not deserve."""
    return judged.result.score > entry.expect.score_at_most


def _is_not_noticed(judged: Judged, entry: Entry) -> bool:
    """It is not pointed out to a reviewer."""
    return not judged.result.flags


def _writes_the_page(judged: Judged, entry: Entry) -> bool:
    """It puts a script of its own into the page."""
    return "<script>document.title='owned'</script>" in judged.page


def _uses_it(judged: Judged, entry: Entry) -> bool:
    """It passes with what the exercise forbids."""
    return all(check.outcome is Outcome.PASSED for check in judged.result.checks)


def _no_namespaces() -> str:
    return "" if fence.strongest_tier() is Tier.NAMESPACES else "this machine has no namespaces to switch off"


def _no_landlock() -> str:
    return "" if kernel.landlock_abi() else "this kernel has no Landlock"


def _no_namespaces_or_landlock() -> str:
    return _no_namespaces() or _no_landlock()


def _no_root() -> str:
    return "" if os.geteuid() == 0 else "only root has to become another user"


def _no_room_for_descriptors() -> str:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return "" if allowed >= _DESCRIPTORS else f"this machine allows {allowed} descriptors anyway"


def _no_groups() -> str:
    limits_tasks = any("pids" in home.controllers for home in homes())
    return "" if limits_tasks else "no control group can be made here that limits the number of tasks"


@dataclass(frozen=True)
class Control:
    """One layer and the submission that shows what it is good for.

    `sign` tells success from a result, `also` is off in both states, `forbids` is a name that the target shall not
    allow, `lacks` says why this machine cannot show it.
    """

    layer: Layer
    entry: str
    sign: Callable[[Judged, Entry], bool] = _says_so
    also: tuple[Layer, ...] = ()
    forbids: str = ""
    lacks: Callable[[], str] = lambda: ""

    @property
    def rules(self) -> str:
        """What is added to the target's exercise.toml."""
        return _RULE.format(name=self.forbids) if self.forbids else ""

    def read(self) -> Entry:
        """Return the submission."""
        return load_entry(HERE / self.entry)


CONTROLS = (
    Control("intake", "files/other_code_than_reviewers_see", _is_overpaid),
    Control("process", "secrets/walks_the_stack"),
    Control("codec", "forging/reports_our_failure_itself", _is_overpaid),
    # A user other than root may be unable to read Python where no private root shows it.
    Control("namespaces", "network/looks_who_else_is_there", also=("user",), lacks=_no_namespaces_or_landlock),
    Control("landlock", "secrets/reads_tests_and_neighbours", also=("namespaces", "user"), lacks=_no_landlock),
    Control("seccomp", "network/opens_local_sockets"),
    Control("limits", "denial/uses_up_descriptors", lacks=_no_room_for_descriptors),
    Control("cgroup", "denial/thread_bomb", also=("limits",), lacks=_no_groups),
    Control("user", "network/other_programs", lacks=_no_root),
    Control("supervisor", "denial/answers_too_late", _is_overpaid),
    Control("oracle", "protocol/shapes_that_broadcast", _is_overpaid),
    Control("oracle", "secrets/finds_the_seed_of_the_run"),
    Control("profile", "semantics/changes_what_it_was_given", _uses_it, forbids="torch.Tensor.max"),
    Control("evidence", "files/characters_that_hide", _is_not_noticed),
    Control("report", "protocol/hostile_texts", _writes_the_page),
)


@dataclass(frozen=True)
class Shown:
    """What a control showed: what became of the submission without the layer, and with it; or why it was skipped."""

    control: Control
    without: End = "stopped"
    with_it: End = "stopped"
    skipped: str = ""

    @property
    def proves_it(self) -> bool:
        """Whether the layer makes the difference."""
        return self.without == "succeeded" and self.with_it == "stopped"

    def __str__(self) -> str:
        what = f"{self.control.layer:<11} {self.control.entry:<40}"
        if self.skipped:
            return f"{what} skipped: {self.skipped}"
        also = f"; off in both: {', '.join(self.control.also)}" if self.control.also else ""
        return f"{what} without: {self.without}, with: {self.with_it}{also}"


class Controls:
    """Shows controls, one after the other, on one zygote with switches; a context manager."""

    def __init__(self) -> None:
        self._resources = contextlib.ExitStack()
        self._benches: dict[tuple[str, Tier | None], Bench] = {}

    def __enter__(self) -> Controls:
        with contextlib.ExitStack() as resources:
            folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="switches-")))
            self._switched = SwitchedZygote(folder / "off")
            resources.callback(self._switched.zygote.close)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def show(self, control: Control) -> Shown:
        """Judge the submission in both states; of the state in which it succeeds, one of three tries is enough."""
        if reason := control.lacks():
            return Shown(control, skipped=reason)
        for _ in range(_TRIES):
            without = self.end(control, (control.layer, *control.also))
            if without == "succeeded":
                break
        return Shown(control, without, self.end(control, control.also))

    def end(self, control: Control, off: tuple[Layer, ...]) -> End:
        """Return what becomes of the submission while these layers are off."""
        entry, bench = control.read(), self.bench(control.rules)
        folder = bench.hand_in(entry)
        with self._switched.without(off):
            judged = bench.judge(folder)
        if control.sign(judged, entry):
            return "succeeded"
        return "stopped" if judged.result.complete else "not judged"

    def bench(self, rules: str = "", tier: Tier | None = None) -> Bench:
        """Return a bench on the zygote with switches, always the same one."""
        made = self._benches.get((rules, tier))
        if made is None:
            made = self._benches[rules, tier] = Bench(tier or fence.strongest_tier(), self._switched.zygote, rules)
            self._resources.callback(made.close)
            made.start()
        return made


def run(controls: Iterable[Control] = CONTROLS) -> Iterator[Shown]:
    """Show controls as they are done."""
    with Controls() as shows:
        for control in controls:
            yield shows.show(control)


def in_words(sign: Callable[[Judged, Entry], bool]) -> str:
    """Return what a sign is."""
    return (sign.__doc__ or "").rstrip(".")
