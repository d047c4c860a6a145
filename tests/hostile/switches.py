"""Switches for the layers of the protection, in tests only: what is off changes one or two named functions of ours.

Run as a program it is a zygote in which they can be used:

    python -P -s tests/hostile/switches.py CONTROL_FD FILE

It is production's zygote. Only, whatever is forked of it, directly or by a fork of it, first reads in FILE the names of
the layers that are off, and replaces their functions in itself. What runs in the command's own process is replaced by
`here`. Must not know attacks. Nothing below grader/ knows of this module, so no setting or student reaches it.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from grader import draws_key
from grader.policy import NO_POLICY
from grader.results import Outcome
from grader.sandbox.fence import Tier
from grader.sandbox.spawn import ENVIRONMENT, Zygote

COMMAND, JUDGE, KEEPER, GUEST = "command", "judge", "keeper", "guest"
Make = Callable[[Any], Any]
"""Given what a function is in production, returns what stands in its place."""


class Switch(NamedTuple):
    """One function of production, and what it is while its layer is off."""

    process: str
    module: str
    name: str
    off: Make
    says: str


def _nothing(_: Any) -> Any:
    return lambda *arguments, **options: None


def _empty(_: Any) -> Any:
    return lambda *arguments, **options: []


def _on_the_weaker_tier(production: Any) -> Any:
    """A tier without namespaces is what is left of the stronger one when they are off."""

    def lowered(spec: Any, *arguments: Any) -> Any:
        is_fenced = spec.tier is not Tier.NONE
        return production(replace(spec, tier=Tier.LANDLOCK) if is_fenced else spec, *arguments)

    return lowered


def _as_its_header_says(_: Any) -> Any:
    def decode(name: str, data: bytes) -> str:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        return io.TextIOWrapper(io.BytesIO(data), encoding).read()

    return decode


def _in_this_process(_: Any) -> Any:
    def spawn(zygote: Zygote, spec: Any) -> Any:
        from grader.sandbox.inprocess import InProcessGuests

        return InProcessGuests().spawn(spec)

    return spawn


def _no_key(_: Any) -> Any:
    return lambda files, visibility: draws_key.NONE


def _without_a_deadline(production: Any) -> Any:
    def request(channel: Any, buffers: Any, deadline: float, reply_bytes: int) -> Any:
        return production(channel, buffers, float("inf"), reply_bytes)

    return request


def _nothing_forbidden(production: Any) -> Any:
    return lambda policy, files: production(NO_POLICY, files)


def _every_outcome(_: Any) -> Any:
    return {outcome.value: outcome for outcome in Outcome}


_FENCE = "grader.sandbox.fence"
SWITCHES: dict[str, tuple[Switch, ...]] = {
    "intake": (
        Switch(COMMAND, "grader.submission", "_decode", _as_its_header_says,
               "a file is read in the encoding that its own header names, as Python would"),
    ),
    "process": (
        Switch(JUDGE, "grader.sandbox.spawn", "Zygote.spawn", _in_this_process,
               "what is handed in runs in the judge's own process"),
    ),
    "codec": (
        Switch(JUDGE, "grader.sandbox.traces", "_OUTCOMES", _every_outcome,
               "any outcome is read that an answer names"),
    ),
    "namespaces": (
        Switch(KEEPER, _FENCE, "isolate", _on_the_weaker_tier, "no namespace is left"),
        Switch(GUEST, _FENCE, "confine", _on_the_weaker_tier, "no private root is entered"),
    ),
    "landlock": (Switch(GUEST, f"{_FENCE}.recipe", "_ruleset", _nothing, "no rules for files are made"),),
    "seccomp": (Switch(GUEST, f"{_FENCE}.kernel", "install_filter", _nothing, "no filter is installed"),),
    "limits": (Switch(GUEST, f"{_FENCE}.rlimits", "apply", _nothing, "no limit is set"),),
    "cgroup": (Switch(KEEPER, f"{_FENCE}.cage", "homes", _empty, "no control group is made"),),
    "user": (Switch(GUEST, f"{_FENCE}.privileges", "become", _nothing, "the user stays root"),),
    "supervisor": (
        Switch(JUDGE, "grader.sandbox.channel", "Channel.request", _without_a_deadline,
               "an answer is waited for as long as it takes"),
    ),
    "oracle": (
        Switch(JUDGE, "grader.suite.expect", "_require_same_form", _nothing, "shapes and types are not compared"),
        Switch(JUDGE, "grader.suite.collect", "SuiteFiles.key_of", _no_key, "hidden checks draw without a key"),
    ),
    "profile": (
        Switch(GUEST, "grader.sandbox.guest.operations", "Guard", _nothing_forbidden, "nothing is forbidden"),
    ),
    "evidence": (
        Switch(GUEST, "grader.sandbox.scan", "_suspicious_characters", _empty, "characters are not looked at"),
    ),
    "report": (
        Switch(COMMAND, "grader.report.text", "escape", lambda production: str, "texts are not escaped in pages"),
    ),
}  # fmt: skip


def _replace(switch: Switch) -> Callable[[], None]:
    """Switch off in this process, if it has the module at all; return how to switch on again."""
    owner: Any = sys.modules.get(switch.module)
    if owner is None:
        return lambda: None
    *path, name = switch.name.split(".")
    for part in path:
        owner = getattr(owner, part)
    production = getattr(owner, name)
    setattr(owner, name, switch.off(production))
    return lambda: setattr(owner, name, production)


@contextlib.contextmanager
def here(layers: tuple[str, ...]) -> Iterator[None]:
    """Switch off what of these layers runs in the command's process, which is this one."""
    with contextlib.ExitStack() as on_again:
        for layer in layers:
            for switch in SWITCHES[layer]:
                if switch.process == COMMAND:
                    on_again.callback(_replace(switch))
        yield


class SwitchedZygote:
    """A zygote with switches; `without` switches layers off for what is forked meanwhile."""

    def __init__(self, file: Path) -> None:
        file.write_text("")
        self._file = file
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", "-s", __file__, str(theirs.fileno()), str(file)],
                env=ENVIRONMENT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        self.zygote = Zygote(ours, process)
        try:
            self.zygote.wait_until_ready()
        except BaseException:
            self.zygote.close()
            raise

    @contextlib.contextmanager
    def without(self, layers: tuple[str, ...]) -> Iterator[None]:
        """Switch layers off, here and in every process that is forked until it ends."""
        self._file.write_text("\n".join(layers))
        try:
            with here(layers):
                yield
        finally:
            self._file.write_text("")


def _switch_in_forks(file: Path) -> None:
    off: set[str] = set()

    def switch() -> None:
        for layer in set(file.read_text().split()) - off:
            off.add(layer)  # a fork of this process has it already
            for each in SWITCHES[layer]:
                if each.process != COMMAND:
                    _replace(each)

    os.register_at_fork(after_in_child=switch)


if __name__ == "__main__":
    from grader.sandbox import zygote

    _switch_in_forks(Path(sys.argv[2]))
    zygote.main(int(sys.argv[1]))
