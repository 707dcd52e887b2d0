"""The runs that are measured on a GPU, what the estimate says of them, and the two side by side. Needs no GPU.

    python benchmarks/gpu/cases.py predict     # adds to predictions.tsv what is not in it yet: before it is measured
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
PREDICTIONS = HERE / "predictions.tsv"  # what, low, estimate, high, verdict
sys.path.insert(0, str(HERE.parents[1]))

from nl2sql_review.gpu_memory import advice  # noqa: E402
from nl2sql_review.gpu_memory.architectures import table  # noqa: E402
from nl2sql_review.gpu_memory.cards import Card, of_size  # noqa: E402
from nl2sql_review.gpu_memory.estimate import estimate  # noqa: E402
from nl2sql_review.gpu_memory.setup import Setup  # noqa: E402

CHECKPOINTING: dict[Any, Any] = {"unsloth": "offloaded", True: "kept", False: "off"}


@dataclass(frozen=True)
class Case:
    """One run: QLoRA of rank 16 on all seven projections, every row of a batch `length` tokens long."""

    stack: str = "unsloth"  # or "trl": SFTTrainer with PEFT and bitsandbytes; "trainer": transformers' own, all logits
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
            checkpointing=CHECKPOINTING[self.checkpointing], optimizer=self.optimizer,
            loss="whole" if self.stack == "trainer" else "chunked",
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
# Chosen and predicted when the first ones had been put into the formula: models, lengths and stacks they do not have.
BLIND = (
    Case(model="codellama-13b", batch=2),
    Case(model="codellama-13b", batch=8, length=1024, checkpointing=True),
    Case(model="llama-3.2-3b", batch=8),
    Case(model="llama-3.2-3b", batch=2, length=4096, optimizer="adamw_torch"),
    Case(batch=3, length=4096),
    Case(batch=1, checkpointing=False),
    Case(stack="trl", checkpointing=True, model="codellama-13b", batch=2),
    Case(stack="trl", checkpointing=True, model="llama-3.2-3b", length=1024),
    Case(stack="trl", checkpointing=False, model="llama-3.2-3b", batch=2, length=1024),
    Case(stack="trl", checkpointing=True, bits=8, batch=2, length=1024),
    Case(stack="trl", checkpointing=True, bits=8, model="llama-3-8b", batch=1),
    Case(stack="trainer", checkpointing=True),
    Case(stack="trainer", checkpointing=True, batch=8),
    Case(stack="trainer", checkpointing=True, model="llama-3-8b", batch=2),
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
    """A prediction once made stays as it is."""
    lines = []
    for case in (*CASES, *BLIND):
        made = estimate(case.setup(), 0.0)
        lines.append(f"{case.id}\t{made.low:.2f}\t{made.gib:.2f}\t{made.high:.2f}\t")
    if not predicted():
        for gb in SIZES:
            for case in STACKS:
                for batch in tried(case, gb):
                    made = estimate(case.setup().but(batch=batch), card(gb).context)
                    what = f"{gb} GB, {case.stack}, batch {batch}"
                    lines.append(
                        f"{what}\t{made.low:.2f}\t{made.gib:.2f}\t{made.high:.2f}\t{advice.verdict(made, card(gb))}"
                    )
    known = predicted()
    with PREDICTIONS.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines if line.partition("\t")[0] not in known)


# -- side by side ------------------------------------------------------------------------------------------------


def predicted() -> dict[str, list[str]]:
    lines = PREDICTIONS.read_text(encoding="utf-8").splitlines() if PREDICTIONS.exists() else []
    return {what: rest for what, *rest in (line.split("\t") for line in lines if not line.startswith("#"))}


def measured(kind: str) -> list[dict[str, Any]]:
    lines = (HERE / "measured.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


def runs(cases: tuple[Case, ...]) -> list[str]:
    """Runs as they were predicted and measured, and what is said of them now."""
    lines = ["| run | predicted | measured | error | the formula now |", "|---|---|---|---|---|"]
    found = {row["id"]: row for row in measured("run")}
    said = predicted()
    for case in cases:
        low, gib, high, _ = said[case.id]
        row, now = found.get(case.id, {}), estimate(case.setup(), 0.0)
        if "reserved" in row:
            real = row["reserved"]
            held = "" if float(low) <= real <= float(high) else ", outside"
            told = (
                f"{real:.2f} | {float(gib) / real - 1:+.1%}{held} | {now.gib:.2f} ({now.low:.2f} to {now.high:.2f}), "
                f"{now.gib / real - 1:+.1%}"
            )
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
        print(*("\n".join(lines) for lines in (runs(CASES), runs(BLIND), cards())), sep="\n\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
