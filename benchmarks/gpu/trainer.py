"""Runs the reference trainer as it stands: killed, resumed, to its end; then the same steps on the plain stack.

    python benchmarks/gpu/trainer.py MODEL DATA WORK OUT     # a line of JSON on standard output, the logs in OUT

MODEL and DATA are what `models.py` made. The first run is ended by SIGKILL once a checkpoint is whole, the second is
the same command again. Speed is that of the steps between two evaluations, by the times of the trainer's own log.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SAVE = 10  # steps between checkpoints
SPAN = (21, 29)  # steps whose time is taken: between the evaluations at 20 and 30
STEP = re.compile(r"^(\S+ \S+) step (\d+): GPU memory ([\d.]+) GiB allocated, ([\d.]+) GiB peak reserved", re.MULTILINE)


def command(model: Path, data: Path) -> list[str]:
    flags = [
        "--base-model",
        str(model),
        "--data-dir",
        str(data),
        "--report-to",
        "none",
        "--save-steps",
        str(SAVE),
        "--logging-steps",
        "1",
    ]
    return [sys.executable, str(ROOT / "examples" / "train_unsloth_complete.py"), *flags]


def start(argv: list[str], folder: Path, log: Path, first_on_path: Path | None = None) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(str(p) for p in (first_on_path, ROOT, os.environ.get("PYTHONPATH")) if p)
    return subprocess.Popen(
        argv, cwd=folder, env={**os.environ, "PYTHONPATH": path}, stdout=log.open("wb"), stderr=subprocess.STDOUT
    )


def killed(argv: list[str], folder: Path, log: Path) -> dict[str, Any]:
    """The first run, ended without warning some steps after its first checkpoint."""
    process = start(argv, folder, log)
    whole = folder / "models" / "nl2sql-unsloth" / f"checkpoint-{SAVE}" / "trainer_state.json"
    while process.poll() is None and not whole.exists():
        time.sleep(0.1)
    time.sleep(3)
    process.send_signal(signal.SIGKILL)
    return {"ended": process.wait(), **told(folder)}


def told(folder: Path) -> dict[str, Any]:
    """What the trainer's own log says of steps and memory."""
    text = (
        (folder / "training_unsloth.log").read_text(encoding="utf-8")
        if (folder / "training_unsloth.log").exists()
        else ""
    )
    steps = STEP.findall(text)
    resumed = re.findall(r"resuming from (.*)", text)
    at = {int(step): datetime.strptime(when, "%Y-%m-%d %H:%M:%S,%f") for when, step, _, _ in steps}
    seconds = (at[SPAN[1]] - at[SPAN[0]]).total_seconds() if all(s in at for s in SPAN) else None
    loaded = re.findall(r"model loaded: (.*)", text)
    return {
        "last_step": max(at, default=None),
        "resumed_from": resumed[-1].strip() if resumed else None,
        "loaded": loaded[-1] if loaded else None,
        "peak_reserved": max((float(peak) for *_, peak in steps), default=None),
        "seconds": seconds,
    }


def history(folder: Path) -> list[dict[str, Any]]:
    states = sorted(
        (folder / "models" / "nl2sql-unsloth").glob("checkpoint-*/trainer_state.json"),
        key=lambda p: int(p.parent.name[11:]),
    )
    return json.loads(states[-1].read_text())["log_history"] if states else []


def finished(folder: Path, log: Path, code: int) -> dict[str, Any]:
    rows = history(folder)
    tokens = {row["step"]: float(row["num_tokens"]) for row in rows if "num_tokens" in row}
    losses = {row["step"]: row["loss"] for row in rows if "loss" in row}
    text = log.read_text(encoding="utf-8", errors="replace")
    return {
        "ended": code,
        **told(folder),
        "tokens": tokens[SPAN[1]] - tokens[SPAN[0]] if all(s in tokens for s in SPAN) else None,
        "losses": {s: losses[s] for s in sorted(losses) if s in (1, 11, 20, max(losses))},
        "saved": sorted(p.name for p in (folder / "models" / "nl2sql-unsloth").glob("*") if p.is_file())[:12],
        "preflight": [line.strip() for line in text.splitlines() if line.startswith(("✔", "✘", "✗", "✖", "?"))],
    }


def main() -> None:
    model, data, work, out = (Path(a).resolve() for a in sys.argv[1:5])
    argv = command(model, data)
    folder, plain = work / "unsloth", work / "plain"
    row: dict[str, Any] = {"kind": "trainer", "killed": killed(argv, folder, out / "killed.log")}
    tell(row)
    row["resumed"] = finished(folder, out / "resumed.log", start(argv, folder, out / "resumed.log").wait())
    tell(row)
    row["plain"] = finished(plain, out / "plain.log", start(argv, plain, out / "plain.log", HERE / "plain").wait())
    ours, theirs = row["resumed"]["seconds"], row["plain"]["seconds"]
    tokens = row["resumed"]["tokens"] or row["plain"]["tokens"]
    if ours and theirs and tokens:
        row |= {"tokens_per_second": tokens / ours, "plain_tokens_per_second": tokens / theirs, "ratio": theirs / ours}
    tell(row)


def tell(row: dict[str, Any]) -> None:
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
