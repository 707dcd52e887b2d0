"""Runs of the reference trainer on the CPU: the very script, a tiny random model, three small files, no network."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "train_unsloth_complete.py"
STACK = ("torch", "unsloth", "trl", "transformers", "datasets", "peft", "accelerate", "wandb")
INSTALL = "pip install -r examples/requirements.txt && pip install --no-deps -r examples/requirements-unsloth.txt"
MISSING = [name for name in STACK if importlib.util.find_spec(name) is None]
PATIENCE = 500  # seconds for one run; it takes twenty on two idle cores
SCHEMA = "CREATE TABLE singer (name TEXT, age INTEGER)"
GOLD = [
    {"question": "How many?", "sql": "SELECT COUNT(*) FROM singer", "db_id": "concert", "prompt": SCHEMA},
    {"question": "Names?", "sql": "SELECT name FROM singer", "db_id": "concert", "prompt": SCHEMA},
]

needs_stack = pytest.mark.skipif(
    bool(MISSING), reason=f"the training stack is not installed ({', '.join(MISSING)} missing): {INSTALL}"
)


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HF_HOME": str(folder / "hub"),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "WANDB_MODE": "offline",
        **more,
    }


@dataclass
class Run:
    """One start of the script in `folder`."""

    folder: Path
    flags: tuple[str, ...] = ()
    launcher: tuple[str, ...] = (sys.executable,)
    process: subprocess.Popen = field(init=False)

    def __post_init__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "fixtures").exists():
            (self.folder / "fixtures").symlink_to(ROOT / "fixtures")
        self.process = subprocess.Popen(
            [*self.launcher, str(SCRIPT), "--demo", "--save-steps", "5", "--logging-steps", "1", *self.flags],
            cwd=self.folder,
            env=environment(self.folder),
            stdout=(self.folder / "output.txt").open("a"),
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C goes to all processes of the group
        )

    @property
    def output(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")

    @property
    def log(self) -> str:
        path = self.folder / "training_unsloth.log"
        return path.read_text() if path.exists() else ""

    def finish(self) -> Run:
        code = self.process.wait(PATIENCE)
        assert code == 0, self.output[-3000:]
        return self

    def stop(self, step: int, number: signal.Signals) -> int:
        """Send a signal, as a terminal does, once that step is logged by this start; the exit code."""
        start = self.log.count("\n")
        until = time.monotonic() + PATIENCE
        while f"step {step}: " not in "\n".join(self.log.split("\n")[start:]):
            assert self.process.poll() is None, self.output[-3000:]
            assert time.monotonic() < until, self.output[-3000:]
            time.sleep(0.02)
        os.killpg(self.process.pid, number)
        return self.process.wait(PATIENCE)

    def checkpoints(self) -> list[int]:
        return sorted(int(path.name.split("-")[1]) for path in (self.folder / "demo").glob("checkpoint-*"))

    def state(self) -> dict:
        newest = self.folder / "demo" / f"checkpoint-{self.checkpoints()[-1]}" / "trainer_state.json"
        return json.loads(newest.read_text())

    def losses(self) -> dict[int, float]:
        return {entry["step"]: entry["loss"] for entry in self.state()["log_history"] if "loss" in entry}


@pytest.fixture(scope="session")
def whole_run(tmp_path_factory) -> Run:
    """From the first step to the last without interruption, in 4 bit, tracked by Weights & Biases offline."""
    return Run(tmp_path_factory.mktemp("whole"), ("--report-to", "wandb")).finish()


@pytest.fixture(scope="session")
def script(tmp_path_factory):
    """The script as a module, imported and not run."""
    before = dict(os.environ)
    os.environ.update(environment(tmp_path_factory.mktemp("module")))
    spec = importlib.util.spec_from_file_location("train_unsloth_complete", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(SCRIPT.parent))  # as when it is run: it imports the file beside it
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(SCRIPT.parent))
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory, script) -> Path:
    """The folder of the tiny model."""
    return make_model().write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def databases(tmp_path):
    folder = tmp_path / "databases" / "concert"
    folder.mkdir(parents=True)
    connection = sqlite3.connect(folder / "concert.sqlite")
    connection.execute(SCHEMA)
    connection.executemany("INSERT INTO singer VALUES (?, ?)", [("Ada", 30), ("Ben", 40)])
    connection.commit()
    connection.close()
    return folder.parent


def make_model():
    return load("make_model")


def load(name: str):
    """A module of fixtures/trainer."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "fixtures" / "trainer" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
