"""Random training scripts, fixed and rehearsed: how many are spoilt, and what was fixed.

    python benchmarks/fixes.py [NUMBER] [JOBS] [SECONDS]   # 2,000 scripts, 1 process; other scripts every time

It prints every script that is spoilt, before and after, and ends with 1 if there is one. After so many SECONDS no
further script is begun.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fixes.oracle import spoilt  # noqa: E402
from tests.fixes.repair import session  # noqa: E402
from tests.fixes.trainings import trainings  # noqa: E402

BATCH = 10  # scripts that a process makes at once


def batch(number: int) -> tuple[Counter[str], list[str]]:
    """Fixes so many scripts; what was fixed, and those that are spoilt."""
    fixed: Counter[str] = Counter()
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        folders = (Path(scratch) / str(n) for n in range(10 * number))

        @settings(
            max_examples=number, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(script=trainings())
        def each(script: tuple[str, str]) -> None:
            name, text = script
            one = session(text.encode(), name)
            one.apply(unsafe=False)
            fixed.update(f"{f.rule} ({f.fix.kind})" for f in one.made if f.fix is not None)
            again = session(one.data, name)
            again.apply(unsafe=False)
            told = spoilt(text.encode(), one.data, name, next(folders))
            told += ["a second run changes it again"] if again.data != one.data else []
            if told:
                bad.append("\n".join((text, one.data.decode(), *told)))

        each()
    return fixed, bad


def main(number: int, jobs: int = 1, seconds: float = float("inf")) -> int:
    """Fixes so many scripts in so many processes; the number of those that are spoilt."""
    fixed: Counter[str] = Counter()
    done = spoilt_ones = 0
    until = time.monotonic() + seconds
    batches = [min(BATCH, number - start) for start in range(0, number, BATCH)]
    with multiprocessing.get_context("spawn").Pool(jobs, maxtasksperchild=5) as pool:
        for size, (made, bad) in zip(batches, pool.imap(batch, batches)):
            fixed += made
            done += size
            spoilt_ones += len(bad)
            print(*bad, sep="\n", flush=True)
            if time.monotonic() > until:
                break
    for what, count in fixed.most_common():
        print(f"{count:6} {what}")
    print(f"{done} scripts, {fixed.total()} fixes, {spoilt_ones} spoilt")
    return spoilt_ones


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(int(words[0]) if words else 2000, *map(int, words[1:2]), *map(float, words[2:3])) > 0)
