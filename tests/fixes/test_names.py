"""What a fix writes is bound when it is read: by the proof's own reading, by ruff's F821, and by running the script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review.run import batch, fix
from nl2sql_review.run.options import Options
from nl2sql_review.run.reviewer import Reviewer

from .repair import repaired, session

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
HEAD = """\
from datasets import load_dataset
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer
"""
RENDER = """\
def render(row):
    asked = f"### Instruction:\\nSQL\\n\\n{row['schema']}\\n{row['question']}"
    return {"text": f"{asked}\\n\\n### Response:\\n{row['query']}"}
"""
LOAD = 'tokenizer = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")\n'
ROWS = 'rows = load_dataset("json", data_files="a.json", split="train").map(render{})\n'
TRAIN = """\
args = SFTConfig(output_dir="o", dataset_text_field="text")
SFTTrainer(model="m", processing_class=tokenizer, train_dataset=rows, args=args).train()
"""
PINS = "# /// script\n# dependencies = ['trl==0.15.2', 'transformers==4.49.0']\n# ///\n"


def indented(code: str) -> str:
    return "".join(f"    {line}" for line in code.splitlines(keepends=True))


def main(code: str) -> str:
    return f"def main():\n{indented(code)}main()\n"


def with_token(render: str, *more: str) -> str:
    return render.replace("['query']}", "['query']}{tokenizer.eos_token}").replace(
        "(row)", f"({', '.join(('row', *more))})"
    )


HANDED = ROWS.format(', fn_kwargs={"tokenizer": tokenizer}')


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            RENDER + LOAD + ROWS.format("") + TRAIN, with_token(RENDER) + LOAD + ROWS.format("") + TRAIN, id="global"
        ),
        pytest.param(
            RENDER + main(LOAD + ROWS.format("") + TRAIN),
            with_token(RENDER, "tokenizer") + main(LOAD + HANDED + TRAIN),
            id="local to main",
        ),
        pytest.param(
            RENDER + main(RENDER + LOAD + ROWS.format("") + TRAIN),
            RENDER + main(with_token(RENDER) + LOAD + ROWS.format("") + TRAIN),
            id="closure",
        ),
        pytest.param(
            RENDER
            + "def build():\n"
            + indented(ROWS.format("").replace("rows =", "return"))
            + main(LOAD + "rows = build()\n" + TRAIN),
            with_token(RENDER, "tokenizer")
            + "def build(tokenizer):\n"
            + indented(HANDED.replace("rows =", "return"))
            + main(LOAD + "rows = build(tokenizer=tokenizer)\n" + TRAIN),
            id="through a function",
        ),
    ],
)
def test_the_token_is_appended_where_the_tokenizer_can_be_read(before, after):
    assert repaired(PINS + HEAD + before, "prompt/eos") == PINS + HEAD + after


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(RENDER + "print(render({}))\n" + LOAD + ROWS.format("") + TRAIN, id="called before it is made"),
        pytest.param(RENDER + ROWS.format("") + LOAD + TRAIN, id="mapped before it is made"),
        pytest.param(RENDER + "alias = render\n" + main(LOAD + ROWS.format("") + TRAIN), id="handed on"),
        pytest.param(RENDER + LOAD + "del tokenizer\n" + ROWS.format("") + LOAD + TRAIN, id="deleted"),
    ],
)
def test_no_token_is_written_where_it_is_not_bound_yet(script):
    script = PINS + HEAD + script
    one = session(script.encode(), select=["prompt/eos"])
    assert [f.rule for f in one.report.findings] == ["prompt/eos"]
    one.apply(unsafe=True)
    assert one.data.decode() == script


RULES = (
    "prompt/eos", "prompt/response-only-loss", "memory/monitoring", "arguments/mixed-precision", "lora/four-bit",
    "checkpointing/resume", "dataset/dataset-config",
)  # fmt: skip


@pytest.mark.parametrize("path", sorted((FIXTURES / "checklist").glob("*.py")), ids=lambda path: path.stem)
def test_no_fixed_fixture_has_a_new_undefined_name(path, tmp_path):
    one = session(path.read_bytes(), path.name, select=list(RULES))
    one.apply(unsafe=True)
    assert undefined(one.data, tmp_path) == undefined(path.read_bytes(), tmp_path)


def undefined(data: bytes, folder: Path) -> list[str]:
    """The names that ruff finds undefined, each as often as it does."""
    (folder / "train.py").write_bytes(data)
    ruff = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--no-cache",
        "--select",
        "F821",
        "--output-format",
        "concise",
    ]
    done = subprocess.run([*ruff, "train.py"], cwd=folder, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return sorted(line.partition("F821")[2] for line in done.stdout.splitlines() if "F821" in line)


def test_a_module_of_another_script_is_not_changed_where_that_would_miss_the_parameter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shared = (
        PINS
        + HEAD
        + RENDER
        + main(LOAD + ROWS.format("") + TRAIN).replace("\nmain()\n", '\nif __name__ == "__main__":\n    main()\n')
    )
    other = (
        PINS
        + HEAD
        + "from shared import render\n"
        + ROWS.format("")
        + TRAIN.replace("processing_class=tokenizer, ", "")
    )
    Path("shared.py").write_text(shared)
    Path("other.py").write_text(other)
    asked = {"isolated": True, "overrides": {"select": ["prompt/eos"]}}
    changed = {}
    for scripts in (["shared.py"], ["shared.py", "other.py"]):
        found = fix.fix(Reviewer(**asked), batch.review(scripts, Options(**asked)), unsafe=True)
        changed[len(scripts)] = [one.path for one in found.files]
    assert changed == {1: ["shared.py"], 2: []}
