"""A hand-made report, with everything a report can hold."""

from __future__ import annotations

from nl2sql_review.report import (
    ChecklistItem,
    FileReport,
    Finding,
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
tokenizer = None; trainer = SFTTrainer(model=model, train_dataset=load_dataset("spider")["train"], args=SFTConfig(learning_rate=5e-3))
"""
CONFIG = "rank: 64\n"


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
    help="set r=16",
)  # fmt: skip
RATE = Finding(
    "arguments/learning-rate", "error", "cost", "default", "learning_rate is 0.005, expected 0.0002", 5e-3,
    at(11, 130, 134), related=("api/learning-rate",),
)  # fmt: skip
MARKERS = Finding(
    "prompt/markers", "warning", "silent", "branch", "marker \x1b[31m[red]\u202e is not in the template\nat all", "x",
    at(2, 10, 33), suppressed="tested by hand",
)  # fmt: skip
CELL = Finding(
    "memory/monitoring", "advice", "style", "certain", "GPU memory is not logged", None, at(2, 1, 14, "nb.ipynb", 3)
)

REPORT = Report(
    files=(
        FileReport(
            "train.py",
            "reviewed",
            findings=(RANK, RATE, MARKERS),
            checklist=(
                ChecklistItem("lora/rank", "lora", "LoRA rank is 16", "fail", "certain", "r=64 (train.py:1)"),
                ChecklistItem("lora/alpha", "lora", "LoRA alpha is 16", "pass", "default", "lora_alpha=16 (train.py:8)"),
                ChecklistItem(
                    "prompt/eos", "prompt", "The text ends with EOS", "unknown", "certain", "",
                    "the training text is built by prepare(), which is defined in a module that is not part of the project",
                ),
                ChecklistItem(
                    "dataset/weighted-sampling", "dataset", "Mixed by weight", "not-applicable", "certain", "",
                    "the dataset is not mixed from several",
                ),
            ),
        ),
        FileReport("nb.ipynb", "reviewed", findings=(CELL,)),
        FileReport("setup.py", "skipped", "it imports nothing of the training stack"),
        FileReport("docs/conf.py", "skipped", "it imports nothing of the training stack"),
    ),
    summary=Summary(2, 2, 2, 0, 1, 1, 1),
    internal_errors=(InternalError("lora/dropout", "train.py", "KeyError: 'x'"),),
)  # fmt: skip

LINES = {
    ("train.py", None): SCRIPT.splitlines(),
    ("config.yaml", None): CONFIG.splitlines(),
    ("nb.ipynb", 3): ["# train", "trainer.train()"],
}


def line_of(location: Location) -> str | None:
    lines = LINES.get((location.path, location.cell), [])
    return lines[location.row - 1] if location.row <= len(lines) else None
