"""A hand-made report, with everything a report can hold."""

from __future__ import annotations

import json

from nl2sql_review.render.files import Files
from nl2sql_review.render.view import View
from nl2sql_review.report.report import (
    BaselineEntry,
    ChecklistItem,
    Edit,
    FileReport,
    Finding,
    Fix,
    InternalError,
    Location,
    Report,
    Summary,
    TraceStep,
)

SCRIPT = """\
LORA_R = 64
MARKER = "### Réponse：[red]\\x1b[31m"

def build(config):
    return FastLanguageModel.get_peft_model(
        model,
        r=config.rank,
    )

build(Config(rank=LORA_R))
tokenizer = None; trainer = SFTTrainer(model=model, train_dataset=load_dataset("spider")["train"], \
args=SFTConfig(learning_rate=5e-3))
"""
CONFIG = "rank: 64\n"
CELLS = [
    {"cell_type": "markdown", "metadata": {}, "source": ["# Training"]},
    {"cell_type": "code", "metadata": {}, "outputs": [], "source": "%pip install trl"},
    {
        "cell_type": "code",
        "metadata": {"tags": ["source"]},
        "outputs": [],
        "source": ['# "train" é\n', "trainer.train()"],
    },
]
NOTEBOOK = json.dumps({"cells": CELLS, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
ODD = "src/a b,c:d%|`é`.py"  # each of these means something somewhere


def at(
    row: int, column: int, end_column: int, path: str = "train.py", cell: int | None = None, end_row: int = 0
) -> Location:
    return Location(path, row, column, end_row or row, end_column, cell)


RANK = Finding(
    "lora/rank", "error", "silent", "certain", "r is 64, expected 16", 64, at(7, 11, 22),
    trace=(
        TraceStep(at(1, 7, 9, "config.yaml"), "config.yaml: rank"),
        TraceStep(at(1, 10, 12), "64"),
        TraceStep(at(10, 19, 25), "LORA_R"),
        TraceStep(at(7, 11, 22), "config.rank"),
    ),
    help="set r=16", fix=Fix("set r=16", "safe", (Edit(at(7, 11, 22), "16"),)), fingerprint="1" * 32,
)  # fmt: skip
RATE = Finding(
    "arguments/learning-rate", "error", "cost", "default", "learning_rate is 0.005, expected 0.0002", 5e-3,
    at(11, 129, 133), related=("api/learning-rate",),
    fingerprint="2" * 32,
)  # fmt: skip
MARKERS = Finding(
    "prompt/markers", "warning", "silent", "branch", "marker \x1b[31m[red]\u202e is not in the template\nat all", "x",
    at(2, 10, 37), suppressed="tested by hand", suppressed_by="comment", fingerprint="3" * 32, kind="trap",
)  # fmt: skip
CELL = Finding(
    "memory/monitoring",
    "advice",
    "style",
    "certain",
    "GPU memory is not logged",
    None,
    at(2, 1, 16, "nb.ipynb", 3),
    fix=Fix("log it", "unsafe", (Edit(at(2, 16, 16, "nb.ipynb", 3), '\nprint("\\n", memory())'),)),
    fingerprint="4" * 32,
)
SYNTAX = Finding(
    "file/syntax", "error", "stops", "certain", "invalid syntax: 100%, <b>@all</b> | ::error::x https://x.y *a* $x$",
    None,
    at(2, 5, 6, ODD), fingerprint="5" * 32, kind="trap",
)  # fmt: skip

REPORT = Report(
    files=(
        FileReport(
            "train.py",
            "reviewed",
            findings=(RANK, RATE, MARKERS),
            checklist=(
                ChecklistItem("lora/rank", "lora", "LoRA rank is 16", "fail", "certain", "r=64 (train.py:1)"),
                ChecklistItem(
                    "lora/alpha", "lora", "LoRA alpha is 16", "pass", "default", "lora_alpha=16 (train.py:8)"
                ),
                ChecklistItem(
                    "prompt/eos", "prompt", "The text ends with EOS", "unknown", "certain", "",
                    "the training text is built by prepare(), which is defined in a module that is not part of the "
                    "project",
                ),
                ChecklistItem(
                    "dataset/weighted-sampling", "dataset", "Mixed by weight", "not-applicable", "certain", "",
                    "the dataset is not mixed from several",
                ),
            ),
        ),
        FileReport("nb.ipynb", "reviewed", findings=(CELL,)),
        FileReport(ODD, "error", "invalid syntax", findings=(SYNTAX,)),
        FileReport("setup.py", "skipped", "it imports nothing of the training stack"),
        FileReport("docs/conf.py", "skipped", "it imports nothing of the training stack"),
    ),
    summary=Summary(2, 2, 3, 0, 1, 1, 1),
    internal_errors=(InternalError("lora/dropout", "train.py", "KeyError: 'x'"),),
    removable=(BaselineEntry("old|er.py", "prompt/eos", "6" * 32, "no EOS"),),
)  # fmt: skip

LINES = {
    ("train.py", None): SCRIPT.splitlines(),
    ("config.yaml", None): CONFIG.splitlines(),
    ("nb.ipynb", 3): ['# "train" é', "trainer.train()"],
    (ODD, None): ["import trl", "x = ("],
}


def line_of(location: Location) -> str | None:
    lines = LINES.get((location.path, location.cell), [])
    return lines[location.row - 1] if location.row <= len(lines) else None


def write_files(folder) -> None:
    """The files the report speaks of."""
    for path, text in (
        ("train.py", SCRIPT),
        ("config.yaml", CONFIG),
        ("nb.ipynb", NOTEBOOK),
        (ODD, "import trl\nx = (\n"),
    ):
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


class TableFiles(Files):
    """Files whose lines come from a function."""

    def __init__(self, line=line_of) -> None:
        super().__init__()
        self.line = line


def view(terminal=None, line=line_of, **options) -> View:
    return View(**({"terminal": terminal} if terminal else {}), files=TableFiles(line), **options)
