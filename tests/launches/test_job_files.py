"""Launches in files that describe jobs: compose, Kubernetes, GitHub, Ray, dvc, Dockerfiles, Justfiles and others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review import cli

from .test_shell import launches, one, plain

GITHUB = """\
on: push
env:
  RANK: 8
jobs:
  train:
    steps:
      - uses: actions/checkout@v4
      - working-directory: src
        run: python train.py --rank $RANK --lr ${{ matrix.lr }}
      - run: |
          pip install trl

          accelerate launch --num_processes 2 train.py \\
            --rank 9
"""
DEBUGGER = """\
{
  // launch configurations
  "configurations": [
    {"type": "debugpy", "program": "${workspaceFolder}/train.py", "args": ["--rank", "8"]},
    {"type": "node", "program": "train.py"}
  ]
}
"""
JUST = """\
rank := "8"
rate := env("LR")

default: train

train out="runs" *rest:
    @python train.py --rank {{rank}} \\
      --lr {{ rate }} --out {{out}} {{rest}}

all:
    #!/usr/bin/env bash
    set -e
    python train.py --rank 9
"""


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("compose.yaml", 'services:\n  t:\n    command: ["python", "train.py", "--rank", "8"]\n', ["--rank", "8"]),
        ("compose.yml", "services:\n  t:\n    command: python train.py --rank 8\n", ["--rank", "8"]),
        ("compose.yml", 'services:\n  t:\n    entrypoint: [python, train.py]\n    command: ["--rank", "8"]\n',
         ["--rank", "8"]),
        ("compose.yml", "services:\n  t:\n    command:\n      - bash\n      - -c\n      - python train.py --rank 8\n",
         ["--rank", "8"]),
        ("compose.yml", 'services:\n  t:\n    command: [python, train.py, "${RANK}"]\n', ["Unknown"]),
        ("compose.yml", "t:\n  environment:\n    - R=8\n  command: sh -c 'python train.py --rank $R'\n",
         ["--rank", "8"]),
        ("pod.yaml", "pods:\n- command: [accelerate, launch]\n  args: [train.py, --rank, '8']\n", ["--rank", "8"]),
        ("job.yaml", "kind: RayJob\nspec:\n  entrypoint: python train.py --rank 8\n", ["--rank", "8"]),
        ("dvc.yaml", "stages:\n  t:\n    cmd: python train.py --rank ${rank}\n", ["--rank", "Unknown"]),
        ("dvc.yaml", "stages:\n  t:\n    cmd:\n    - echo go\n    - python train.py --rank 8\n", ["--rank", "8"]),
        ("Taskfile.yml", "tasks:\n  t:\n    cmds:\n    - python train.py --rank {{.RANK}}\n", ["--rank", "Unknown"]),
        (".gitlab-ci.yml", "t:\n  script:\n    - python train.py --rank 8\n", ["--rank", "8"]),
        ("azure.yml", "command: >-\n  python train.py\n  --rank 8 --lr ${{inputs.lr}}\n",
         ["--rank", "8", "--lr", "Unknown"]),
        ("launch.json", DEBUGGER, ["--rank", "8"]),
        ("Dockerfile", 'FROM x\nCMD ["python", "train.py", "--rank", "8"]\n', ["--rank", "8"]),
        ("Dockerfile.gpu", 'FROM x\nENTRYPOINT ["python", "train.py"]\nCMD ["--rank", "8"]\n', ["--rank", "8"]),
        ("train.dockerfile", "FROM x\nENV R=8\nRUN --mount=type=cache,target=/x python train.py \\\n  --rank $R\n",
         ["--rank", "8"]),
        ("Dockerfile", "FROM x\nRUN --mount=type=cache,target=/x \\\n  --network=none \\\n  python train.py --rank 8\n",
         ["--rank", "8"]),
        ("Dockerfile", 'CMD ["python", "train.py", "--rank", "4"]\nCMD ["python", "train.py", "--rank", "8"]\n',
         ["--rank", "8"]),
    ],
)  # fmt: skip
def test_the_words_of_a_job_are_those_that_it_gives(name: str, text: str, words: list[str]) -> None:
    line = one(text, name)
    assert (line.script.rpartition("/")[2], plain(line)) == ("train.py", words)


def test_each_step_of_a_workflow_is_read_where_it_stands() -> None:
    first, second = launches(GITHUB, "train.yml")
    assert plain(first) == ["--rank", "8", "--lr", "Unknown"] and first.where() == "train.yml:9"
    assert first.folders[0].endswith("/src")
    assert plain(second) == ["--rank", "9"] and second.where() == "train.yml:13"
    place = second.words[1].trace[0]
    assert place.source.excerpt(place.node) == "--rank 9"


def test_the_recipes_of_a_justfile_have_its_variables_and_their_parameters() -> None:
    first, second = launches(JUST, "justfile")
    assert plain(first) == ["--rank", "8", "--lr", "Unknown", "--out", "runs", "Unknown"]
    assert first.where() == "justfile:7"
    assert plain(second) == ["--rank", "9"]


def test_the_variables_around_a_job_are_those_of_its_process() -> None:
    around = 'services:\n  t:\n    environment: {CUDA_VISIBLE_DEVICES: "0,1"}\n'
    line = one(f"{around}    command: [torchrun, --nproc_per_node, gpu, a.py]\n", "compose.yml")
    assert line.processes is not None
    assert line.processes.value == 2 and list(line.environment) == ["CUDA_VISIBLE_DEVICES"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("recipe.yaml", "model_name_or_path: m\nscript: train.py\ndataset_name: d\n"),
        ("sweep.yaml", "program: train.py\nmethod: grid\n"),
        ("ci.yml", "jobs:\n  t:\n    steps:\n    - run: pytest tests/train.py\n"),
        ("ci.yml", "defaults:\n  run:\n    working-directory: x\n"),
        ("broken.yaml", "run: [\n"),
        ("list.yaml", "run:\n- {a: [1, {command: []}]}\n"),
        ("Dockerfile", "FROM x\nCOPY train.py .\nCMD [\n"),
        ("justfile", "train:\n    echo python train.py\n"),
    ],
)
def test_what_starts_nothing_has_no_launch(name: str, text: str) -> None:
    assert launches(text, name) == []


@pytest.mark.parametrize("name", ["compose.yaml", "Dockerfile", "justfile"])
def test_a_job_that_is_named_is_reviewed_by_what_it_starts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = {
        "compose.yaml": "services:\n  t:\n    command: python train.py --rank 8\n",
        "Dockerfile": 'FROM x\nWORKDIR /app\nCMD ["python", "train.py", "--rank", "8"]\n',
        "justfile": "train:\n    python train.py --rank 8\n",
    }
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "train.py").write_text(
        "import argparse\nfrom peft import LoraConfig\nfrom trl import SFTTrainer\np = argparse.ArgumentParser()\n"
        "p.add_argument('--rank', type=int)\nrank = p.parse_args().rank\n"
        "SFTTrainer('m', train_dataset=[], peft_config=LoraConfig(r=rank)).train()\n"
    )
    (tmp_path / name).write_text(texts[name])
    for path in (name, "train.py"):
        cli.main(["--no-cache", "--select", "lora/rank", "--output-format", "json", path])
        (file,) = json.loads(capsys.readouterr().out)["files"]
        (finding,) = file["findings"]
        assert file["path"] == "train.py" and f"({name}:" in finding["message"]
        assert ("another launch may give another value" in finding["message"]) == (path == "train.py")
    for empty in ("Dockerfile.none", "none.yaml"):
        (tmp_path / empty).write_text("command: bash\n")
        assert cli.main(["--no-cache", empty]) == 3
        assert cli.main(["plan", empty]) == 3


TASKS = """\
[tool.poe.tasks]
plain = "python train.py --rank 8"
table = {cmd = "python train.py --rank 9", help = "python train.py --rank 1"}
[tool.poe.tasks.both]
sequence = [{cmd = "python train.py --rank 10"}, "plain"]
[tool.pdm.scripts]
words = {cmd = ["python", "train.py", "--rank", "11"]}
[tool.pixi.tasks]
train = {cmd = "python train.py --rank {{ rank }}", depends-on = ["plain"]}
[tool.hatch.envs.default.scripts]
train = ["pip list", "python train.py --rank 12"]
[tool.hatch.envs.default]
description = "python train.py --rank 2"
[tool.taskipy.tasks]
train = "torchrun --nproc_per_node 2 train.py --rank 13"
[tool.other]
train = "python train.py --rank 3"
"""


def test_the_tasks_of_a_project_are_launches() -> None:
    lines = launches(TASKS, "pyproject.toml")
    ranks = [plain(line)[1] for line in lines]
    assert ranks == ["8", "9", "10", "Unknown", "11", "13", "12"]
    assert lines[0].where() == "pyproject.toml:2" and lines[1].where() == "pyproject.toml:3"
    assert launches("[tool.poe.tasks\ntrain = 1", "pyproject.toml") == []
