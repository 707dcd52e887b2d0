"""Makes the runs, several beside each other on one card, the most wanted first, and ends in time.

    python benchmarks/teach/matrix.py MODEL DATA OUT SECONDS [--at-once 8] [--rows 6000] [--test 800] NAME[@SEED]...

A name is that of a variant, or `base`; `all` stands for the base model, every variant and the further seeds. What is in
OUT/results.jsonl already is not run again. `OUT/runs.jsonl` says of each run how it ended.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from run import append
from variants import VARIANTS

HERE = Path(__file__).resolve().parent
NEED = 120  # seconds that must be left for a run to be started


def wanted(names: list[str]) -> list[tuple[str, int]]:
    if names == ["all"]:
        return [("base", 0), *((v.name, seed) for v in VARIANTS for seed in range(v.seeds))]
    return [(name.split("@")[0], int(name.split("@")[1]) if "@" in name else 0) for name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("out", type=Path)
    parser.add_argument("seconds", type=float)
    parser.add_argument("names", nargs="+")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--rows", default="6000")
    parser.add_argument("--test", default="800")
    parser.add_argument("--limit", default="240", help="seconds that one run may train")
    args = parser.parse_args()
    end = time.monotonic() + args.seconds
    args.out.mkdir(parents=True, exist_ok=True)
    lock, environment = threading.Lock(), {**os.environ, "TOKENIZERS_PARALLELISM": "false"}

    def one(run: tuple[str, int]) -> None:
        name, seed = run
        started = time.monotonic()
        if end - started < NEED and args.seconds > NEED:
            append(args.out / "runs.jsonl", {"variant": name, "seed": seed, "ended": "not run: no time"})
            return
        argv = [sys.executable, str(HERE / "run.py"), args.model, args.data, str(args.out), name, str(seed),
                "--rows", args.rows, "--test", args.test, "--seconds", args.limit]  # fmt: skip
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                   start_new_session=True, env=environment)  # fmt: skip
        ended: int | str = "late"
        try:
            text, _ = process.communicate(timeout=max(end - time.monotonic(), 1))
            ended = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
        append(
            args.out / "runs.jsonl",
            {"variant": name, "seed": seed, "ended": ended, "s": round(time.monotonic() - started)},
        )
        told = [line for line in text.splitlines() if line.startswith((name, "trainable"))]
        with lock:
            with (args.out / "log.txt").open("a", encoding="utf-8") as log:
                log.write(f"=== {name} {seed}: {ended}\n{text[-3000:]}\n")
            print(
                f"[{end - time.monotonic():4.0f} s left] {name} {seed}: {ended} in {time.monotonic() - started:.0f} s"
            )
            print(*(told if ended == 0 else [*told, text[-700:]]), sep="\n", flush=True)

    done = set()
    if (args.out / "runs.jsonl").exists():
        done = {(r["variant"], r["seed"]) for r in map(json.loads, (args.out / "runs.jsonl").open()) if r["ended"] == 0}
    with ThreadPoolExecutor(args.at_once) as pool:
        list(pool.map(one, [run for run in wanted(args.names) if run not in done]))


if __name__ == "__main__":
    main()
