"""How long the report of a large class takes, and how large its first page is.

    python benchmarks/report.py [--students N] [--exercises N] [--checks N]

The class is made up (tests/grader/classroom_data.py); making it is not measured. Every form is written to a folder of
its own: all pages, one file, and without names. Figures of different machines do not compare.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from grader.report.classroom import class_report
from tests.grader.classroom_data import made_class

LIMIT_S, LIMIT_BYTES = 10.0, 5_000_000


@click.command()
@click.option("--students", default=1000, show_default=True)
@click.option("--exercises", default=5, show_default=True)
@click.option("--checks", default=20, show_default=True, help="Of each exercise.")
def main(students: int, exercises: int, checks: int) -> None:
    """Measure and print one table."""
    view = made_class(students, exercises, checks)
    print(f"class report, {students} students x {exercises} exercises x {checks} checks")
    for name, options in {"all pages": {}, "one file": {"single_file": True}, "anonymous": {"anonymous": True}}.items():
        with tempfile.TemporaryDirectory() as folder:
            began, cpu_began = time.perf_counter(), time.process_time()
            index = class_report(view, Path(folder), **options)
            wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
            size = sum(path.stat().st_size for path in Path(folder).rglob("*.html"))
            note = f"{cpu_s:.1f} s of CPU, {size / 1e6:.1f} MB in all"
            row(f"{name}, to stay below {LIMIT_S:g} s", f"{wall_s:.1f} s", note)
            if name != "one file":
                row(f"its index, to stay below {LIMIT_BYTES / 1e6:g} MB", f"{index.stat().st_size / 1e6:.2f} MB", "")


def row(name: str, value: str, note: str) -> None:
    """Print one figure."""
    print(f"  {name:<48} {value:>9} {note}", flush=True)


if __name__ == "__main__":
    main()
