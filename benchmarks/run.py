"""How fast it is, as ratios of whole processes measured in turn: `python benchmarks/run.py [SCRIPTS]`.

Ratios travel from machine to machine, milliseconds do not. Each case and the yardstick beside it run alternately,
and the ratio is that of their medians; the second ratio is that of processor time, which a busy machine disturbs less.
SCRIPTS is a directory of training scripts; without it they are made here,
with the sizes that public training scripts have.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from scripts import script, write_scripts

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
REVIEW = [PYTHON, "-m", "nl2sql_review"]
PARSE_ALL = """
import sys, pathlib, libcst
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.py")):
    libcst.parse_module(path.read_bytes())
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scripts", nargs="?", type=Path, help="a directory of training scripts")
    parser.add_argument("--count", type=int, default=400, help="how many scripts to make (default 400)")
    parser.add_argument("--runs", type=int, default=9, help="runs of each short case (default 9)")
    parser.add_argument("--output-format", default="text", help="of the reviews (default text)")
    parser.add_argument("--check", action="store_true", help="exit 1 if a limit is missed")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        one = Path(folder, "one", "train.py")
        one.parent.mkdir()
        one.write_text(script(seed=0, rows=160), encoding="utf-8")
        many = Path(folder, "many")
        if args.scripts:
            for number, path in enumerate(sorted(args.scripts.rglob("*.py"))[: args.count]):
                target = many / f"{number:04d}" / path.name
                target.parent.mkdir(parents=True)
                shutil.copyfile(path, target)
        else:
            write_scripts(many, args.count)
        sizes = [len(path.read_text(encoding="utf-8", errors="replace").splitlines()) for path in many.rglob("*.py")]
        print(f"{len(sizes)} scripts of {min(sizes)} to {max(sizes)} lines, median {statistics.median(sizes):.0f}\n")
        output = ["--output-format", args.output_format, "--isolated"]
        cases = [
            ("--version", [*REVIEW, "--version"], [PYTHON, "-c", "pass"], "python -c pass", 4.0, args.runs * 2),
            ("--help", [*REVIEW, "--help"], [PYTHON, "-c", "pass"], "python -c pass", 4.0, args.runs * 2),
            ("one script of 160 lines", [*REVIEW, *output, str(one)],
             [PYTHON, "-c", "import libcst"], "import libcst", 2.2, args.runs),
            (f"{len(sizes)} scripts, one core", [*REVIEW, *output, str(many)],
             [PYTHON, "-c", PARSE_ALL, str(many)], "libcst.parse_module", 2.0, 3),
        ]  # fmt: skip
        print(f"{'case':26} {'seconds':>8}   {'yardstick':20} {'seconds':>8} {'ratio':>7} {'of CPU':>7}  {'limit':>5}")
        missed = 0
        for name, command, yardstick, called, limit, runs in cases:
            ours, theirs = alternately(command, yardstick, runs)
            ratio = ours.wall / theirs.wall
            missed += ratio > limit
            print(
                f"{name:26} {ours.wall:8.3f}   {called:20} {theirs.wall:8.3f} {ratio:7.2f} {ours.cpu / theirs.cpu:7.2f}"
                f"  {limit:5} {'missed' if ratio > limit else ''}".rstrip(),
                flush=True,
            )
    return 1 if missed and args.check else 0


class Taken(NamedTuple):
    """Seconds of one process."""

    wall: float
    cpu: float


def alternately(first: list[str], second: list[str], runs: int) -> tuple[Taken, Taken]:
    """Medians of each, run in turn after one run of each that fills the caches; on one core where possible."""
    taken: tuple[list[Taken], list[Taken]] = ([], [])
    for number in range(runs + 1):
        for command, series in zip((first, second), taken):
            seconds = once(command)
            if number:
                series.append(seconds)
    first_median, second_median = (Taken(*map(statistics.median, zip(*series))) for series in taken)
    return first_median, second_median


def once(command: list[str]) -> Taken:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONDONTWRITEBYTECODE": ""}
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=errors, preexec_fn=_one_core
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            errors.seek(0)
            sys.exit(f"{' '.join(command)}: exit {process.returncode}\n{errors.read().decode(errors='replace')}")
    return Taken(wall, used.ru_utime + used.ru_stime)


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    sys.exit(main())
