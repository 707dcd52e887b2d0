"""How fast the reference trainer prepares its data, and in how much memory: `python benchmarks/prepare_data.py`.

Makes 750,000 rows in the three shapes, then runs the trainer's own `load_data` on them: reading, normalising, dropping
what has no question or does not fit, mixing by weight. Prints rows per second and the peak of the memory of all its
processes together (proportional set size, so that pages they share count once), and what a second start takes, which
finds all of it in the cache of `datasets`. Nothing else is cached from run to run.

Measured on two cores that had much other work (84 s of processor time for both preparations and the imports): 194 s,
3,870 rows/s, peak 1.00 GB, 44,111 rows in the mix; from the cache, as when a run is taken up again, 8 s.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARES = {"spider_train.jsonl": 0.01, "wikisql.jsonl": 0.11, "sqale.jsonl": 0.88}  # as the real ones are
CHILD = """
import argparse, json, sys, time
sys.path.insert(0, sys.argv[1])
import train_unsloth_complete as trainer
start = time.perf_counter()
tokenizer = trainer.load_tokenizer(argparse.Namespace(base_model=sys.argv[2]))
trainer.logging.basicConfig(level="INFO", format="%(message)s", force=True)
args = argparse.Namespace(data_dir=sys.argv[3], allow_missing=False)
mix, held_out = trainer.load_data(tokenizer, args)
seconds = time.perf_counter() - start
trainer.load_data(tokenizer, args)
again = time.perf_counter() - start - seconds
print(json.dumps({"seconds": seconds, "again": again, "mixed": len(mix), "held_out": len(held_out)}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=750_000)
    parser.add_argument("--limit-gb", type=float, default=4.0, help="exit 1 when more memory was used (default 4)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = {file: int(args.rows * share) for file, share in SHARES.items()}
        fixture("make_data").write(folder / "data", sizes)
        megabytes = sum(path.stat().st_size for path in (folder / "data").iterdir()) / 1e6
        print(f"{sum(sizes.values()):,} rows, {megabytes:.0f} MB of JSONL, {os.cpu_count()} cores", flush=True)
        fixture("make_model").write(folder / "tiny")
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HF_HOME": str(folder / "hub"),
            "HF_HUB_OFFLINE": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        }
        command = [sys.executable, "-c", CHILD, str(ROOT / "examples"), str(folder / "tiny"), str(folder / "data")]
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        peak, most = watch(child)
        output = child.stdout.read().strip().splitlines()
        if child.returncode:
            return child.returncode
        result = json.loads(output[-1])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{result['seconds']:.0f} s, {sum(sizes.values()) / result['seconds']:,.0f} rows/s, {most} processes at once")
    print(
        f"{used.ru_utime + used.ru_stime:.0f} s of processor time, imports included; "
        f"{result['again']:.0f} s a second time"
    )
    print(f"peak memory {peak / 1e9:.2f} GB of {args.limit_gb:g} GB; {result['mixed']:,} rows in the mix")
    return 1 if peak / 1e9 > args.limit_gb else 0


def fixture(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "fixtures" / "trainer" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def watch(child: subprocess.Popen) -> tuple[int, int]:
    """(peak bytes of the process and its children together, most processes at once) until it ends."""
    import psutil

    process = psutil.Process(child.pid)
    peak = most = 0
    while child.poll() is None:
        total = count = 0
        for one in [process, *process.children(recursive=True)]:
            try:
                total += one.memory_full_info().pss
                count += 1
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                pass
        peak, most = max(peak, total), max(most, count)
        time.sleep(0.5)
    return peak, most


if __name__ == "__main__":
    sys.exit(main())
