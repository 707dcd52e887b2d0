"""Rules of thumb about GPU memory beside what the estimate says: the tables of docs/memory.md.

python benchmarks/memory_claims.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nl2sql_review.gpu_memory import advice, cards  # noqa: E402
from nl2sql_review.gpu_memory.architectures import table  # noqa: E402
from nl2sql_review.gpu_memory.estimate import estimate  # noqa: E402
from nl2sql_review.gpu_memory.setup import Setup  # noqa: E402

CLAIMS = (
    ("codellama-7b", "6–8 GB, batch 4–8", (1, 4, 8)),
    ("codellama-13b", "10–12 GB, batch 2–4", (1, 2, 4)),
    ("codellama-34b", "20–24 GB, batch 1–2", (1, 2)),
)


def unsloth(model: str, **changes: object) -> Setup:
    """The checklist's run: rank 16, 2048 tokens, 8-bit AdamW, Unsloth's checkpointing."""
    return Setup(table()[model]).but(**changes)


def plain(model: str, **changes: object) -> Setup:
    """The same with transformers before 4.49 and a TRL that keeps all logits."""
    return unsloth(model, unsloth=False, checkpointing="kept", loss="whole, shifted").but(**changes)


def current(model: str, **changes: object) -> Setup:
    """The same with transformers and TRL from 1.6 on."""
    return plain(model, loss="chunked").but(**changes)


STACKS = (("Unsloth", unsloth), ("TRL 1.6 and later", current), ("TRL of 2024", plain))


def gib(setup: Setup) -> str:
    made = estimate(setup)
    return f"{advice.gib(made.gib)} ({advice.gib(made.high)})"


def sizes() -> list[str]:
    lines = [
        "| model | the team's table | batch | " + " | ".join(name for name, _ in STACKS) + " |",
        "|---|---|---|---|---|---|",
    ]
    for model, claim, batches in CLAIMS:
        for batch in batches:
            said = claim if batch == batches[0] else ""
            cells = " | ".join(gib(make(model, batch=batch)) for _, make in STACKS)
            lines.append(f"| {model if said else ''} | {said} | {batch} | {cells} |")
    return lines


def batches() -> list[str]:
    lines = [
        "| 7B, 2048 tokens, on 16 GB (14.56 GiB usable) | batch 4 | batch 8 | largest by the upper bound |",
        "|---|---|---|---|",
    ]
    card = cards.find("16GB")
    for name, make in STACKS:
        said = [advice.verdict(estimate(make("codellama-7b", batch=b), card.context), card) for b in (4, 8)]
        lines.append(f"| {name} | {said[0]} | {said[1]} | {advice.largest_batch(make('codellama-7b'), card)} |")
    return lines


def share(before: Setup, after: Setup) -> str:
    return f"−{1 - estimate(after).gib / estimate(before).gib:.0%}"


def savings() -> list[str]:
    lines = ["| claim (7B, batch 4) | " + " | ".join(name for name, _ in STACKS) + " |", "|---|---|---|---|"]

    def row(claim: str, before: dict, after: dict) -> str:
        cells = [
            share(make("codellama-7b", batch=4, **before), make("codellama-7b", batch=4, **after)) for _, make in STACKS
        ]
        return f"| {claim} | {' | '.join(cells)} |"

    lines.append(row("1024 tokens rather than 2048: −50 %", {}, {"length": 1024}))
    lines.append(row("4-bit rather than 16-bit: −50 %", {"bits": 16}, {}))
    before = unsloth("codellama-7b", batch=4, checkpointing="kept")
    lines.append(
        f'| checkpointing "unsloth" rather than plain: −30 % | {share(before, unsloth("codellama-7b", batch=4))} | not '
        "there | not there |"
    )
    return lines


def main() -> None:
    print("\n\n".join("\n".join(lines) for lines in (sizes(), batches(), savings())))


if __name__ == "__main__":
    main()
