"""Everything that is measured on a GPU, the most wanted first, ended in time: results are written as they come.

    python benchmarks/gpu/session.py OUT SECONDS [models] [trainer] [runs] [cards] [blind]

Without a list of parts it does all. Models and data go to WORK (the environment's, else OUT/work). `OUT/measured.jsonl`
is what `cases.py compare` reads; everything else in OUT are logs.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from cases import BLIND, CASES, SIZES, STACKS, Case, card, tried  # noqa: E402

AT_ONCE = 3  # runs that share the card: memory is counted for each process, speed is not taken from them
OFFLINE = {"HF_HUB_OFFLINE": "1", "UNSLOTH_DISABLE_STATISTICS": "1", "TOKENIZERS_PARALLELISM": "false"}
PARTS = ("models", "trainer", "runs", "cards", "blind")


class Session:
    def __init__(self, out: Path, seconds: float) -> None:
        self.out, self.end = out, time.monotonic() + seconds
        self.work = Path(os.environ.get("WORK") or out / "work")
        self.models, self.data = self.work / "models", self.work / "data"
        if "TINY" in os.environ:  # a rehearsal without a GPU: a tiny model on short rows
            self.data = HERE.parents[1] / "fixtures" / "trainer"
        self.lock = Lock()
        out.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(parents=True, exist_ok=True)

    @property
    def left(self) -> float:
        return self.end - time.monotonic()

    def note(self, text: str) -> None:
        print(f"[{self.left:5.0f} s left] {text}", flush=True)

    def call(self, name: str, *argv: str) -> list[dict[str, Any]]:
        """The rows that a script of this folder printed; its whole output is appended to OUT/logs.txt."""
        started = time.monotonic()
        place = Path(tempfile.mkdtemp(dir=self.work))  # its own: Unsloth writes compiled code to where it runs
        process = subprocess.Popen(
            [sys.executable, str(HERE / argv[0]), *argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True, cwd=place, env={**os.environ, **OFFLINE},
        )  # fmt: skip
        code: int | str = "late"
        try:
            text, _ = process.communicate(timeout=max(self.left - 5, 1))
            code = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with what it started
            text, _ = process.communicate()
        rows = [json.loads(line) for line in text.splitlines() if line.startswith('{"kind"')]
        with self.lock:
            with (self.out / "logs.txt").open("a", encoding="utf-8") as log:
                log.write(f"=== {name}: {code}\n{text[-20_000:]}\n")
            with (self.out / "measured.jsonl").open("a", encoding="utf-8") as file:
                for row in rows or [{"kind": "failed", "id": name, "failed": text.strip()[-300:]}] * (code != 0):
                    file.write(json.dumps(row) + "\n")
        short = " ".join(
            f"{k}={r[k]}"
            for r in rows[-1:]
            for k in ("reserved", "allocated", "process", "shape", "ran", "ratio")
            if k in r
        )
        self.note(
            f"{name}: {code} in {time.monotonic() - started:.0f} s {short}"
            + ("" if code == 0 else f" … {text.strip()[-400:]}")
        )
        return rows

    def make(self, cases: tuple[Case, ...]) -> None:
        """Two at a time. Of a model in 16 bits only what is loaded from there stays: what is quantised on loading."""
        if "TINY" not in os.environ:
            self.call("data", "models.py", "data", str(self.data))
        whole = {self.named(case).model for case in (*cases, STACKS[0]) if case.bits != 4 or case == STACKS[0]}

        def one(name: str) -> None:
            if not (self.models / f"{name}-4bit").exists():
                self.call(f"model {name}", "models.py", name, str(self.models))
            if name not in whole:
                shutil.rmtree(self.models / name, ignore_errors=True)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(one, dict.fromkeys(self.named(case).model for case in cases)))

    def trainer(self) -> None:
        model = self.models / self.named(STACKS[0]).model
        self.call("trainer", "trainer.py", str(model), str(self.data), str(self.work / "trainer"), str(self.out))

    def named(self, case: Case) -> Case:
        """The case, or in a rehearsal the tiny one that plays it."""
        played = {"model": os.environ.get("TINY", case.model), "length": int(os.environ.get("LENGTH", case.length))}
        return Case(**{**asdict(case), **played})

    def given(self, case: Case) -> str:
        return json.dumps(asdict(self.named(case)))

    def runs(self, cases: tuple[Case, ...]) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self.run, cases))

    def run(self, case: Case) -> None:
        if self.left > 40:
            self.call(case.id, "measure.py", "run", str(self.models), self.given(case))
        else:
            self.note(f"{case.id}: no time")

    def cards(self) -> None:
        for gb in SIZES:
            for case in STACKS:
                if self.left < 60:
                    self.note(f"{gb} GB, {case.stack}: no time")
                    continue
                argv = [
                    "measure.py",
                    "card",
                    str(self.models),
                    self.given(case),
                    f"{gb} GB",
                    *map(str, tried(case, gb)),
                ]
                with Ballast(card(gb).gib) as ballast:
                    self.note(ballast.said)
                    self.call(f"{gb} GB, {case.stack}", *argv)


class Ballast:
    """All of the card's memory but `gib`, for as long as the block lasts."""

    def __init__(self, gib: float) -> None:
        self.gib, self.said = gib, "no GPU, no ballast"

    def __enter__(self) -> Ballast:
        self.process = None
        if "TINY" not in os.environ:
            argv = [sys.executable, str(HERE / "ballast.py"), str(self.gib)]
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            assert self.process.stdout
            self.said = self.process.stdout.readline().strip() or "the ballast could not be made"
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.communicate()


def main() -> None:
    session = Session(Path(sys.argv[1]).resolve(), float(sys.argv[2]))
    todo = {
        "models": lambda: session.make(CASES),
        "trainer": session.trainer,
        "runs": lambda: session.runs(CASES),
        "cards": session.cards,
        "blind": lambda: (session.make(BLIND), session.runs(BLIND)),
    }
    for part in sys.argv[3:] or PARTS:
        session.note(part)
        todo[part]()


if __name__ == "__main__":
    main()
