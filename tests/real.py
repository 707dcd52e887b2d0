"""The interpreter that has the training stack: this one, or the one that NL2SQL_TRAIN_PYTHON names.

The tests that use it hold for whatever versions that has: they were also run with trl 0.12.2, transformers 4.46.3 and
peft 0.13.2, and with trl 0.24.0, transformers 4.57.6 and peft 0.17.1.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# Importing the stack takes ten seconds, whatever is done with it: one process imports it and forks for every program.
STAGE = r"""
import json, os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in ("import torch", "import transformers", "import peft", "import datasets",
             "import accelerate.commands.launch",
             "from transformers import LlamaForCausalLM, PreTrainedTokenizerFast, Seq2SeqTrainingArguments, Trainer",
             "from trl import ModelConfig, ScriptArguments, SFTConfig, SFTTrainer, TrlParser"):
    try:
        exec(line)
    except Exception:
        pass  # the program that needs it says so
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for descriptor, name, mode in ((0, "given", os.O_RDONLY), (1, "out", os.O_WRONLY), (2, "err", os.O_WRONLY)):
                os.dup2(os.open(job[name], mode | os.O_CREAT), descriptor)
            os.chdir(job["folder"])
            exec(compile(job["program"], "program", "exec"), {"__name__": "__main__"})
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)
    os.waitpid(child, 0)
    answers.write("done\n")
    answers.flush()
"""


def python() -> str:
    return os.environ.get("NL2SQL_TRAIN_PYTHON") or sys.executable


@functools.cache
def _stage() -> subprocess.Popen:
    quiet = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "TRANSFORMERS_VERBOSITY": "error"}
    process = subprocess.Popen(
        [python(), "-c", STAGE],
        env={**os.environ, **quiet, "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    atexit.register(_close, process)
    return process


def _close(process: subprocess.Popen) -> None:
    process.stdin.close()
    process.wait(timeout=60)


def _run(program: str, given: str, folder: Path, alone: bool) -> tuple[str, str]:
    """What a program prints to its two streams."""
    if alone or not hasattr(os, "fork"):
        command = [python(), "-c", program]
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=900, cwd=folder)
        return done.stdout, done.stderr
    with tempfile.TemporaryDirectory() as streams:
        paths = {name: os.path.join(streams, name) for name in ("given", "out", "err")}
        Path(paths["given"]).write_text(given, encoding="utf-8")
        stage = _stage()
        stage.stdin.write(json.dumps({"program": program, "folder": str(folder), **paths}) + "\n")
        stage.stdin.flush()
        stage.stdout.readline()
        return tuple(Path(paths[name]).read_text(encoding="utf-8") for name in ("out", "err"))


def outcome(program: str, given: object, folder: Path, alone: bool = False) -> dict:
    """What a program prints behind the word OUTCOME; it reads `given` as JSON from standard input.

    `alone` gives it a process of its own, in which nothing is imported before it says so. Where the interpreter lacks a
    module the test is skipped with the reason, but in CI it fails: there it is installed.
    """
    out, err = _run(program, json.dumps(given), folder, alone)
    lines = [line for line in out.splitlines() if line.startswith("OUTCOME ")]
    last = (err.strip().splitlines() or ["no reason given"])[-1]
    missing = ("ImportError", "ModuleNotFoundError", "importlib.metadata.PackageNotFoundError")
    if not lines and last.startswith((*missing, "RuntimeError: Failed to import")):
        why = f"{python()} cannot import what the program needs ({last}); NL2SQL_TRAIN_PYTHON may name one that can"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    assert lines, err[-2000:]
    return json.loads(lines[-1].partition(" ")[2])
