"""The rows of a training script's data, checked on Ray Data instead of our own processes: for more than one machine.

    pip install "ray[data]"
    python benchmarks/rows_on_ray.py train.py            # a local Ray of two workers; are the findings equal?
    python benchmarks/rows_on_ray.py train.py --address auto    # the cluster that this machine belongs to

On a cluster the files lie where every machine reads them under the same path, and nl2sql-review is installed on each,
from a checkout with its extra `data`. One function over a part of a file is all that Ray is given; what only
all rows together tell (duplicates, held-out rows) is added up here, as the command does it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import ray

from nl2sql_review.data_files.records import ranges
from nl2sql_review.rows.check import Asked, Result, check, prepare, settle
from nl2sql_review.rows.checker import check_lines
from nl2sql_review.rows.data_review import runs_of
from nl2sql_review.run.reviewer import Reviewer


def on_ray(program: dict[str, Any], parts: list[dict[str, Any]], workers: int) -> list[dict[str, Any]]:
    """Check the parts of a file on Ray; returns what became of each."""

    def checked(batch: dict[str, Any]) -> dict[str, list[str]]:
        rows = zip(batch["path"], batch["start"], batch["size"], batch["number"])
        made = (check_lines(program, path, int(start), int(size), int(number)) for path, start, size, number in rows)
        return {"found": [json.dumps(one) for one in made]}

    blocks = ray.data.from_items(parts, override_num_blocks=max(len(parts), 1))  # a part of 1 MiB is a task
    found = blocks.map_batches(checked, batch_size=1, concurrency=workers)
    return [json.loads(row["found"]) for row in found.iter_rows()]


def findings(result: Result) -> list[Any]:
    """Every defect of every file, in order."""
    return [
        (one.file.path, kind, tuple(defect))
        for one in result.checked
        for kind in sorted(one.found.defects)
        for defect in one.found.defects[kind]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", type=Path)
    parser.add_argument("--file", action="append", default=[], help="JSONL in place of what the script loads")
    parser.add_argument("--address", help="of a cluster; without it Ray is started here")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    (run, *_) = runs_of(args.script.read_bytes(), str(args.script), Reviewer())
    asked = Asked(files=tuple(args.file), jobs=args.workers)
    ray.init(address=args.address, num_cpus=None if args.address else args.workers, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False

    started = time.perf_counter()
    result = prepare(run, asked)
    for one in result.checked:
        names = ("path", "start", "size", "number")
        parts = [dict(zip(names, (str(Path(one.file.path).resolve()), *part[:3]))) for part in ranges(one.file)]
        for found in on_ray(one.program.plain(), parts, args.workers):
            one.found.add(found)
    settle(result)
    rows = sum(one.found.counts["rows"] for one in result.checked)
    taken = time.perf_counter() - started
    print(f"Ray, {args.workers} workers: {rows:,} rows in {taken:.1f} s, {rows / taken:,.0f} a second")

    started = time.perf_counter()
    own = check(run, asked)
    taken = time.perf_counter() - started
    print(f"own processes, {args.workers}: {rows:,} rows in {taken:.1f} s, {rows / taken:,.0f} a second")
    same = findings(result) == findings(own)
    print(f"{len(findings(own)):,} findings, {'equal' if same else 'NOT EQUAL'}")
    raise SystemExit(not same)


if __name__ == "__main__":
    main()
