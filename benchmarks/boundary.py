"""What the trust boundary costs, measured in one run, with medians.

    python benchmarks/boundary.py [--repeat N] [--cores N]

Everything runs on one core unless --cores says otherwise, so that nothing is hidden by a second one, and the host is a
fork of the zygote as judges are. Figures of different machines do not compare; the ratios of one run do.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from grader.sandbox.spawn import HostSpec, Zygote

HOST = Path(__file__).with_name("boundary_host.py")


@click.command()
@click.option("--repeat", default=30, show_default=True, help="Guests started per tier; calls are 30 times as many.")
@click.option("--cores", default=1, show_default=True, help="Cores to use.")
def main(repeat: int, cores: int) -> None:
    """Measure and print one table."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    started = time.perf_counter()
    with Zygote.start() as zygote:
        zygote.wait_until_ready()
        print(f"cores {cores}, medians of {repeat}")
        print(f"  {'zygote start':<44} {(time.perf_counter() - started) * 1e3:>10.3f} ms", flush=True)
        arguments = (str(zygote.pid), str(repeat))
        host = zygote.spawn_host(HostSpec(str(HOST), arguments, str(HOST.parent)), sys.stdout.fileno())
        host.line.recv(1)
        host.end(wait_s=1.0)


if __name__ == "__main__":
    main()
