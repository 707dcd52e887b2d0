"""Settings that only one branch writes to the training arguments: on the other, those they were made with hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import Options, review
from nl2sql_review.report.report import ChecklistItem

SCRIPT = """\
import argparse
import torch
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
parser = argparse.ArgumentParser()
parser.add_argument("--debug", action="store_true")
parser.add_argument("--full", action="store_false")
cli = parser.parse_args()
args = TrainingArguments("out", gradient_accumulation_steps={made})
{branch}
Trainer(model=AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-0.5B"), args=args).train()
"""
STEPS, LIMIT = "arguments/gradient-accumulation", "checkpointing/limit"


def found(folder: Path, branch: str, made: int = 4) -> dict[str, ChecklistItem]:
    (folder / "train.py").write_text(SCRIPT.format(branch=branch, made=made), encoding="utf-8")
    (file,) = review(folder / "train.py", Options(isolated=True)).files
    return {item.rule: item for item in file.checklist}


def judged(item: ChecklistItem) -> tuple[str, str]:
    return str(item.verdict), str(item.certainty)


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("cli.debug", ("pass", "default")),
        ("cli.full", ("fail", "default")),
        ("True", ("fail", "certain")),
        ("False", ("pass", "certain")),
    ],
)
def test_an_argument_holds_where_nothing_rewrites_it(tmp_path: Path, test: str, expected: tuple[str, str]) -> None:
    item = found(tmp_path, f"if {test}:\n    args.gradient_accumulation_steps = 8")[STEPS]
    assert judged(item) == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("cli.debug", ("fail", "default")),
        ("cli.full", ("pass", "default")),
        ("True", ("pass", "certain")),
        ("False", ("fail", "certain")),
    ],
)
def test_the_librarys_default_holds_where_nothing_is_set(tmp_path: Path, test: str, expected: tuple[str, str]) -> None:
    item = found(tmp_path, f"if {test}:\n    args.save_total_limit = 3")[LIMIT]
    assert judged(item) == expected
    assert ("library's default" in item.evidence) == (expected[0] == "fail")


def test_a_branch_that_only_the_run_takes(tmp_path: Path) -> None:
    run = "if torch.cuda.device_count() > 1:\n    args.gradient_accumulation_steps, args.save_total_limit = {}, {}"
    items = found(tmp_path, run.format(8, 3))
    assert (judged(items[STEPS])[0], judged(items[LIMIT])[0]) == ("unknown", "unknown")
    items = found(tmp_path, run.format(4, 2))
    assert (judged(items[STEPS]), judged(items[LIMIT])[0]) == (("pass", "certain"), "fail")
    assert judged(found(tmp_path, run.format(8, 3), made=2)[STEPS])[0] == "fail"


def test_what_a_script_reads_of_an_unset_argument(tmp_path: Path) -> None:
    branch = "if cli.debug:\n    args.save_total_limit = 3\nargs.gradient_accumulation_steps = args.save_total_limit"
    assert judged(found(tmp_path, branch)[STEPS])[0] != "fail"
    branch = "if cli.debug:\n    args.gradient_accumulation_steps = 8\nargs.save_total_limit = args.{}"
    assert judged(found(tmp_path, branch.format("gradient_accumulation_steps"), made=3)[LIMIT]) == ("pass", "default")


def test_a_tokenizer_is_no_settings_object(tmp_path: Path) -> None:
    token = "from transformers import AutoTokenizer\ntok = AutoTokenizer.from_pretrained('x')\n"
    branch = f"{token}if torch.cuda.device_count():\n    tok.steps = 4\nargs.gradient_accumulation_steps = tok.steps"
    assert judged(found(tmp_path, branch)[STEPS])[0] == "pass"
