"""Silent failures in pairs: the bad twin is caught at its line, the good twin and the near misses are quiet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Iterator

import pytest

from nl2sql_review.report.report import Finding
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

from .marked import EXPECT, FIXTURES

PAIRS = sorted(p for p in (FIXTURES / "silent").iterdir() if p.is_dir() and p.name != "twins")
TWINS = sorted((FIXTURES / "silent" / "twins").glob("*.py"))
# The release that is assumed where none is stated has healed it: axolotl 0.18 and newer (read in the wheels).
UNCAUGHT = ("46-packing-under-sdpa",)
NOT_ABOUT = re.compile(r"Not ([\w/-]+):")


def twin(pair: Path, name: str) -> Path:
    """The script or configuration of one side of a pair: a file, or the main file of a folder."""
    folder = pair / name
    if folder.is_dir():
        return next(f for f in (folder / "train.py", *sorted(folder.glob("*.yaml"))) if f.exists())
    return next(f for f in pair.iterdir() if f.stem == name and f.is_file())


def marks(path: Path) -> Iterator[tuple[int | None, int, str, str]]:
    """(cell, row, rule, part of the message) of every guilty line, in the files of the twin that tell of it."""
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts: list[tuple[int | None, str]] = [(i, "".join(c["source"])) for i, c in enumerate(cells, 1)]
    else:
        texts = [(None, path.read_text(encoding="utf-8"))]
    for cell, text in texts:
        for row, line in enumerate(text.splitlines(), 1):
            if (match := EXPECT.search(line)) is not None:
                yield cell, row, match["rule"], match["part"] or ""


def findings(path: Path) -> list[Finding]:
    report = batch.review([str(path)], Options(isolated=True))
    (file,) = report.files
    assert file.status == "reviewed" and not report.internal_errors, (file.reason, report.internal_errors)
    return [f for f in file.findings if f.suppressed is None]


def rules(pair: Path) -> set[str]:
    return {rule for _, _, rule, _ in marks(guilty(pair))}


def guilty(pair: Path) -> Path:
    """The file of the bad twin that has the mark: the training script, or one that it is served by."""
    main = twin(pair, "bad")
    beside = sorted(main.parent.iterdir()) if main.parent.name == "bad" else []
    return next(f for f in (main, *beside) if f.is_file() and any(marks(f)))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_the_bad_twin_is_caught_at_its_line(pair: Path) -> None:
    found: list[Any] = findings(twin(pair, "bad"))
    told = [f"{f.location.path}:{f.location.row} {f.rule} {f.message}" for f in found]
    expected = list(marks(guilty(pair)))
    assert expected
    caught = all(
        any(
            (f.location.row, f.rule) == (row, rule) and cell in (None, f.location.cell) and part in f.message + f.help
            for f in found
        )
        for cell, row, rule, part in expected
    )
    assert caught is (pair.name not in UNCAUGHT), told


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: p.name)
def test_the_good_twin_is_innocent(pair: Path) -> None:
    assert [f"{f.location.row} {f.message}" for f in findings(twin(pair, "good")) if f.rule in rules(pair)] == []


@pytest.mark.parametrize("path", TWINS, ids=lambda p: p.stem)
def test_a_near_miss_is_innocent(path: Path) -> None:
    about = NOT_ABOUT.search(path.read_text(encoding="utf-8").partition("\n")[0])
    assert about is not None
    assert [f"{f.location.row} {f.message}" for f in findings(path) if f.rule == about[1]] == []


GUARDED = """# {launch}
import os
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
more = {{}}
if not os.environ.get("ACCELERATE_USE_FSDP"):
    more["device_map"] = "auto"
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-Coder-7B", **more)
trainer = SFTTrainer(model=model, args=SFTConfig(output_dir="runs"), train_dataset=rows)
trainer.train()
"""


@pytest.mark.parametrize("guarded", (True, False))
def test_what_a_launcher_sets_is_not_taken_to_be_unset(tmp_path: Path, guarded: bool) -> None:
    """`accelerate launch --config_file` may set ACCELERATE_USE_FSDP: a map behind that test is not known to be used."""
    (tmp_path / "fsdp.yaml").write_text("distributed_type: FSDP\nnum_processes: 4\n")
    launch = "accelerate launch --config_file fsdp.yaml train.py"
    (tmp_path / "Makefile").write_text(f"train:\n\t{launch}\n")
    text = GUARDED.format(launch=launch)
    script = tmp_path / "train.py"
    script.write_text(text if guarded else text.replace('if not os.environ.get("ACCELERATE_USE_FSDP"):', "if True:"))
    assert any(f.rule == "memory/device-map" for f in findings(script)) is not guarded


@pytest.mark.parametrize(("value", "told"), (("None", False), ('"runs/checkpoint-500"', True)))
def test_no_checkpoint_is_no_argument_that_nobody_reads(tmp_path: Path, value: str, told: bool) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "from trl import SFTConfig, SFTTrainer\n"
        f'args = SFTConfig(output_dir="runs", resume_from_checkpoint={value})\n'
        'trainer = SFTTrainer(model="Qwen/Qwen2.5-Coder-7B", args=args, train_dataset=rows)\n'
        "trainer.train()\n"
    )
    found = [f.message for f in findings(script) if f.rule == "checkpointing/resume"]
    assert any("does not read it there" in message for message in found) is told


@pytest.mark.parametrize(
    ("line", "told"), (("# r is the rank of LoRA", False), ("rank = int(os.environ['RANK'])", True))
)
def test_the_rank_of_an_adapter_is_no_sign_of_several_processes(tmp_path: Path, line: str, told: bool) -> None:
    """An accelerate file beside a script is proof only for one that is written for a launcher."""
    (tmp_path / "accelerate_config.yaml").write_text("distributed_type: MULTI_GPU\nnum_processes: 2\n")
    script = tmp_path / "train.py"
    script.write_text(
        f"import os\n{line}\nfrom trl import SFTConfig, SFTTrainer\n"
        'trainer = SFTTrainer(model="Qwen/Qwen2.5-Coder-7B", args=SFTConfig(output_dir="runs"), train_dataset=rows)\n'
        "trainer.train()\n"
        'with open("runs/log.txt", "a") as file:\n    file.write("done")\n'
    )
    assert any(f.rule == "project/unguarded-write" for f in findings(script)) is told
