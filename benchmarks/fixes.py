"""Random training scripts, fixed and rehearsed: how many are spoilt, and what was fixed.

    python benchmarks/fixes.py [NUMBER]        # 2,000 scripts; other ones every time

It prints every script that is spoilt, before and after, and ends with 1 if there is one.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.fixes.oracle import spoilt  # noqa: E402
from tests.fixes.repair import session  # noqa: E402
from tests.fixes.trainings import trainings  # noqa: E402


def main(number: int) -> int:
    """Fixes so many scripts; the number of those that are spoilt."""
    fixed: Counter[str] = Counter()
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        folders = (Path(scratch) / str(n) for n in range(10 * number))

        @settings(
            max_examples=number, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(script=trainings())
        def each(script: tuple[str, str]) -> None:
            nonlocal bad
            name, text = script
            one = session(text.encode(), name)
            one.settle(unsafe=False)
            fixed.update(f"{f.rule} ({f.fix.kind})" for f in one.made if f.fix is not None)
            again = session(one.data, name)
            again.settle(unsafe=False)
            told = spoilt(text.encode(), one.data, name, next(folders))
            told += ["a second run changes it again"] if again.data != one.data else []
            if told:
                bad += 1
                print(text, one.data.decode(), *told, sep="\n")

        each()
    for what, count in fixed.most_common():
        print(f"{count:6} {what}")
    print(f"{number} scripts, {sum(fixed.values())} fixes, {bad} spoilt")
    return bad


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 2000) > 0)
