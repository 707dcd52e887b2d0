"""How much of the memory estimate's accuracy is learnt from the very measurements it is reported on.

    python benchmarks/memory_cross_validation.py

Each source of `memory_measured.tsv` is left out in turn: the constants of `nl2sql_review/gpu_memory/estimate.py` are
fitted anew to all the others (coordinate descent on the mean relative error, from a start that no measurement chose),
and the source that was left out is predicted with them. Where a source is predicted as well without having been seen as
with, the constants say something of libraries and nothing of that source.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(ROOT / "benchmarks"))

from memory_accuracy import Made, Row, figures, made, read  # noqa: E402

from nl2sql_review.gpu_memory import estimate as formula  # noqa: E402

# Every fitted constant with a round value to start from.
START = {
    "FRAGMENTS": 1.0,
    "FRAGMENTS_POWER": 1.0,
    "CHUNKED_FRAGMENTS": 0.5,
    "JOINED_LAYER": 1.0,
    "INPUTS": 3.0,
    "UNSLOTH_FRAGMENTS": 0.5,
    "EAGER_FRAGMENTS": 0.5,
    "HEAD_COPY": 1.0,
    "SLACK": 0.1,
    "UNSLOTH_CHUNK": 0.5 * formula.GIB,
}
STEPS = (0.5, 0.2, 0.05)  # of the value, each until none helps


@contextmanager
def constants(values: dict[str, float]) -> Iterator[None]:
    """The formula with these constants in place of its own."""
    before = {name: getattr(formula, name) for name in values}
    for name, value in values.items():
        setattr(formula, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(formula, name, value)


def loss(rows: list[Row], values: dict[str, float]) -> float:
    with constants(values):
        return mean(abs(m.error) for m in made(rows))


def fit(rows: list[Row]) -> dict[str, float]:
    values = dict(START)
    best = loss(rows, values)
    for step in STEPS:
        improved = True
        while improved:
            improved = False
            for name in values:
                for factor in (1 - step, 1 + step):
                    tried = {**values, name: values[name] * factor}
                    found = loss(rows, tried)
                    if found < best - 1e-6:
                        values, best, improved = tried, found, True
    return values


def left_out(rows: list[Row], name: str) -> list[Made]:
    """The rows of one source, predicted by constants that were fitted to all others."""
    with constants(fit([row for row in rows if row.set != name])):
        return made([row for row in rows if row.set == name])


def main() -> None:
    rows = [row for row in read() if row.exact]
    print(
        f"{'source left out':24} {'n':>3}  {'median':>6} {'mean':>6} {'worst':>7}  {'high holds':>10}   with the "
        "constants as they are"
    )
    every: list[Made] = []
    for name in dict.fromkeys(row.set for row in rows):
        found = left_out(rows, name)
        every += found
        usual = median(abs(m.error) for m in made([row for row in rows if row.set == name]))
        print(f"{name:24} {line(found)}   {usual:6.1%}")
    print(f"{'all, each left out':24} {line(every)}   {median(abs(m.error) for m in made(rows)):6.1%}")


def line(found: list[Made]) -> str:
    holds = sum(m.ours.high >= m.row.measured for m in found)
    return f"{len(found):3}  {figures([m.error for m in found])}  {holds:4} of {len(found):2}"


if __name__ == "__main__":
    main()
