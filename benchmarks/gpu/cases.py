"""The runs that are measured on a GPU, what the estimate says of them, and the two side by side. Needs no GPU.

    python benchmarks/gpu/cases.py predict     # writes predictions.tsv: before anything is measured
    python benchmarks/gpu/cases.py compare     # predictions.tsv and measured.jsonl as the tables of README.md

Amounts are GiB. A run's prediction leaves the CUDA context out, as PyTorch's counters do; a card's prediction has it.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from nl2sql_review.memory import advice  # noqa: E402
from nl2sql_review.memory.architectures import table  # noqa: E402
from nl2sql_review.memory.cards import Card, of_size  # noqa: E402
from nl2sql_review.memory.estimate import estimate  # noqa: E402
from nl2sql_review.memory.setup import Setup  # noqa: E402

CHECKPOINTING: dict[Any, Any] = {"unsloth": "offloaded", True: "kept", False: "off"}


@dataclass(frozen=True)
class Case:
    """One run: QLoRA of rank 16 on all seven projections, every row of a batch `length` tokens long."""

    stack: str = "unsloth"  # or "trl": SFTTrainer with PEFT and bitsandbytes
    model: str = "codellama-7b"
    batch: int = 4
    length: int = 2048
    checkpointing: str | bool = "unsloth"
    optimizer: str = "adamw_8bit"
    bits: int = 4

    @property
    def id(self) -> str:
        how = f"checkpointing {self.checkpointing}, {self.optimizer}, {self.bits} bits"
        return f"{self.stack} {self.model} {self.batch} × {self.length}, {how}"

    def setup(self) -> Setup:
        return Setup(
            table()[self.model], batch=self.batch, length=self.length, bits=self.bits, unsloth=self.stack == "unsloth",
            checkpointing=CHECKPOINTING[self.checkpointing], optimizer=self.optimizer, loss="chunked",
        )  # fmt: skip


PLAIN = Case(stack="trl", checkpointing=True)
CASES = (
    Case(batch=1, length=512),
    Case(batch=2, length=1024),
    Case(),
    Case(batch=8),
    PLAIN,
    Case(checkpointing=True),
    Case(optimizer="adamw_torch"),
    Case(model="llama-3-8b"),
    Case(stack="trl", checkpointing=True, model="llama-3-8b"),
    Case(stack="trl", checkpointing=True, batch=8),
    Case(stack="trl", checkpointing=True, bits=8),
    Case(stack="trl", checkpointing=False, batch=1),
)
SIZES = (16, 24)  # GB of the cards that a ballast makes of a larger one
STACKS = (Case(), PLAIN)  # what is tried on each of them


def card(gb: int) -> Card:
    """A card of this size with the context of a large one, which is what a process has on the card that plays it."""
    return Card(f"{gb} GB", of_size(gb).gib)


def tried(case: Case, gb: int) -> tuple[int, ...]:
    """The largest batch that is called safe, the next two, and then on until one runs out."""
    most = advice.largest_batch(case.setup(), card(gb))
    beyond = (round(most * factor) for factor in (1.25, 1.4, 1.55, 1.7, 1.85, 2.0))
    return tuple(dict.fromkeys((most, most + 1, most + 2, *(b for b in beyond if b > most + 2))))


def predict() -> None:
    lines = ["# what\tlow\tgib\thigh\tverdict"]
    for case in CASES:
        made = estimate(case.setup(), 0.0)
        lines.append(f"{case.id}\t{made.low:.2f}\t{made.gib:.2f}\t{made.high:.2f}\t")
    for gb in SIZES:
        for case in STACKS:
            for batch in tried(case, gb):
                made = estimate(case.setup().but(batch=batch), card(gb).context)
                said = advice.verdict(made, card(gb))
                lines.append(
                    f"{gb} GB, {case.stack}, batch {batch}\t{made.low:.2f}\t{made.gib:.2f}\t{made.high:.2f}\t{said}"
                )
    (HERE / "predictions.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


# -- side by side ------------------------------------------------------------------------------------------------


def predicted() -> dict[str, list[str]]:
    lines = (HERE / "predictions.tsv").read_text(encoding="utf-8").splitlines()
    return {what: rest for what, *rest in (line.split("\t") for line in lines if not line.startswith("#"))}


def measured(kind: str) -> list[dict[str, Any]]:
    lines = (HERE / "measured.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def runs() -> list[str]:
    """Every run of the matrix: predicted before, measured after, and what is said now."""
    lines = ["| run | predicted | measured | error | the formula now |", "|---|---|---|---|---|"]
    found = {row["id"]: row for row in measured("run")}
    said = predicted()
    for case in CASES:
        low, gib, high, _ = said[case.id]
        row, now = found.get(case.id, {}), estimate(case.setup(), 0.0)
        if "reserved" in row:
            real = row["reserved"]
            held = "" if float(low) <= real <= float(high) else ", outside"
            told = f"{real:.2f} | {float(gib) / real - 1:+.1%}{held} | {now.gib:.2f} ({now.low:.2f} to {now.high:.2f}), {now.gib / real - 1:+.1%}"
        else:
            told = f"{row.get('failed', 'not run')} | | {now.gib:.2f}"
        lines.append(f"| {case.id} | {gib} ({low} to {high}) | {told} |")
    return lines


def cards() -> list[str]:
    """What ran on a card that a ballast made small."""
    lines = ["| card, stack | batch | predicted | it |", "|---|---|---|---|"]
    said = predicted()
    for row in measured("card"):
        low, gib, high, verdict = said[row["id"]]
        did = "ran" if row["ran"] else "was out of memory"
        peak = f", {row['reserved']:.2f} GiB reserved" if row["ran"] else ""
        size, stack, batch = row["id"].split(", ")
        lines.append(
            f"| {size}, {stack} | {batch.removeprefix('batch ')} | {verdict}: {gib} ({low} to {high}) | {did}{peak} |"
        )
    return lines


def main() -> None:
    if sys.argv[1:] == ["predict"]:
        predict()
    elif sys.argv[1:] == ["compare"]:
        print("\n".join(runs()), "\n".join(cards()), sep="\n\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
