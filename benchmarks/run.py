"""How fast it is, as ratios of whole processes measured in turn: `python benchmarks/run.py [SCRIPTS]`.

Ratios travel from machine to machine, milliseconds do not. Each case and the yardstick beside it run alternately,
and the ratio is that of their medians. SCRIPTS is a directory of training scripts; without it they are made here,
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
        print(f"{'case':26} {'seconds':>8}   {'yardstick':20} {'seconds':>8} {'ratio':>7}  {'limit':>5}")
        missed = 0
        for name, command, yardstick, called, limit, runs in cases:
            ours, theirs = alternately(command, yardstick, runs)
            ratio = ours / theirs
            missed += ratio > limit
            mark = "missed" if ratio > limit else ""
            print(f"{name:26} {ours:8.3f}   {called:20} {theirs:8.3f} {ratio:7.2f}  {limit:5} {mark}", flush=True)
    return 1 if missed and args.check else 0


def alternately(first: list[str], second: list[str], runs: int) -> tuple[float, float]:
    """Median seconds of each, run in turn after one run of each that fills the caches; on one core where possible."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(runs + 1):
        for command, taken in zip((first, second), times, strict=True):
            seconds = once(command)
            if number:
                taken.append(seconds)
    return statistics.median(times[0]), statistics.median(times[1])


def once(command: list[str]) -> float:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONDONTWRITEBYTECODE": ""}
    start = time.perf_counter()
    done = subprocess.run(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, preexec_fn=_one_core
    )
    taken = time.perf_counter() - start
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return taken


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


if __name__ == "__main__":
    sys.exit(main())
