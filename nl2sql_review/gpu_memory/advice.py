"""Compares an estimate with a card: the verdict, the largest batch, the smallest card, what each change would save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .cards import Card, common
from .estimate import Estimate, estimate
from .setup import Setup

Verdict = Literal["fits", "may run out", "likely runs out", "cannot fit"]
CERTAIN = 0.15  # GiB that a card must offer beyond weights and adapter before anything can be trained
LARGEST_BATCH = 4096


def verdict(made: Estimate, card: Card) -> Verdict:
    """Compare an estimate with a card: `cannot fit` depends on weights and adapter alone, the others on the bounds."""
    if made.weights_and_adapter + CERTAIN > card.gib:
        return "cannot fit"
    if made.low > card.gib:
        return "likely runs out"
    return "may run out" if made.high > card.gib else "fits"


def largest_batch(setup: Setup, card: Card) -> int:
    """Return the largest number of sequences per device that fits even by the high bound; 0 if not even one does."""

    def fits(batch: int) -> bool:
        return estimate(setup.but(batch=batch), card.context).high <= card.gib

    if not fits(1):
        return 0
    low, high = 1, 2
    while high <= LARGEST_BATCH and fits(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def smallest_card(setup: Setup) -> Card | None:
    """Return the smallest common card that holds the run even by the high bound; None if none does."""
    return next((card for card in common() if estimate(setup, card.context).high <= card.gib), None)


@dataclass(frozen=True, slots=True)
class Lever:
    """One change of the run, with the new estimate. `saves` is in GiB, negative if the change costs memory."""

    change: str
    saves: float
    gib: float
    high: float


def levers(setup: Setup, card: Card | None = None) -> list[Lever]:
    """Return every change that saves memory, estimated for this run, largest saving first."""
    before = _of(setup, card).gib
    found = []
    for change, other in _changes(setup):
        after = _of(other, card)
        if before - after.gib > 0.01:
            found.append(Lever(change, before - after.gib, after.gib, after.high))
    return sorted(found, key=lambda lever: -lever.saves)


def in_use(setup: Setup, card: Card | None = None) -> list[Lever]:
    """Return the memory-saving choices of the run, with the savings compared to a run without, largest saving first."""
    now = _of(setup, card)
    found = []
    for change, other in _undone(setup):
        saves = _of(other, card).gib - now.gib
        if saves > 0.01:
            found.append(Lever(change, saves, now.gib, now.high))
    return sorted(found, key=lambda lever: -lever.saves)


def _undone(setup: Setup) -> list[tuple[str, Setup]]:
    undone = []
    if setup.bits == 4 and setup.rank:
        undone.append(("weights in 4 bits instead of 16", setup.but(bits=16, dynamic=False)))
    if setup.checkpointing == "offloaded":
        undone.append(('gradient checkpointing "unsloth" instead of plain', setup.but(checkpointing="kept")))
    if setup.checkpointing != "off":
        undone.append(("gradient checkpointing", setup.but(checkpointing="off")))
    if "8bit" in setup.optimizer:
        undone.append(("an 8-bit optimizer", setup.but(optimizer="adamw_torch")))
    if setup.loss == "chunked":
        undone.append(("the loss in chunks", setup.but(loss="whole")))
    return undone


def _of(setup: Setup, card: Card | None) -> Estimate:
    return estimate(setup, card.context) if card else estimate(setup)


def _changes(setup: Setup) -> list[tuple[str, Setup]]:
    changes = []
    if setup.rank and setup.bits > 4:
        changes.append(("load in 4 bits", setup.but(bits=4, double_quant=True)))
    if setup.bits == 4 and not setup.double_quant:
        changes.append(("double quantization", setup.but(double_quant=True)))
    if setup.wide_embeddings:
        changes.append(
            ("embeddings in 16 bits, without prepare_model_for_kbit_training", setup.but(wide_embeddings=False))
        )
    if not setup.rank:
        changes.append(("a LoRA adapter of rank 16 instead of full fine-tuning", setup.but(rank=16)))
    if setup.batch > 1:
        half = setup.batch // 2
        changes.append((f"batch {half} with {setup.batch / half:g} times the accumulation", setup.but(batch=half)))
    if setup.length > 512:
        changes.append((f"length {setup.length // 2}", setup.but(length=setup.length // 2)))
    if setup.checkpointing == "off":
        changes.append(("gradient checkpointing", setup.but(checkpointing="offloaded" if setup.unsloth else "kept")))
    if setup.checkpointing == "kept" and setup.unsloth:
        changes.append(('gradient checkpointing "unsloth"', setup.but(checkpointing="offloaded")))
    if "8bit" not in setup.optimizer:
        changes.append(("an 8-bit optimizer", setup.but(optimizer="adamw_8bit")))
    if setup.loss != "chunked":
        how = "the loss in chunks (a current Unsloth)" if setup.unsloth else "the loss in chunks (TRL 1.6, Liger)"
        changes.append((how, setup.but(loss="chunked")))
    if setup.eager_attention:
        changes.append(("attention by SDPA or FlashAttention", setup.but(eager_attention=False)))
    if setup.trained_embeddings:
        changes.append(("embeddings and head frozen", setup.but(trained_embeddings=0)))
    return changes


@dataclass(frozen=True, slots=True)
class Cell:
    batch: int
    length: int
    gib: float
    high: float
    verdict: Verdict | None  # None without a card


def grid(setup: Setup, card: Card | None) -> list[list[Cell]]:
    """Return a table of estimates: one row per length, one cell per batch."""
    batches = sorted({1, 2, 4, 8, 16, setup.batch})
    lengths = sorted({512, 1024, 2048, 4096, setup.length})
    rows = []
    for length in lengths:
        row = []
        for batch in batches:
            made = _of(setup.but(batch=batch, length=length), card)
            row.append(Cell(batch, length, made.gib, made.high, verdict(made, card) if card else None))
        rows.append(row)
    return rows


# -- words: two digits, and no more than the bounds allow ----------------------------------------------------------


def gib(value: float) -> str:
    """Format a number with two significant digits, but no more than two decimals."""
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def amount(made: Estimate) -> str:
    """Return an estimate as text, in GiB with its bounds."""
    return f"≈ {gib(made.gib)} GiB ({gib(made.low)} to {gib(made.high)})"


def condition(setup: Setup) -> str:
    """Return when the peak occurs: packing fills every batch, otherwise it needs a batch of full length."""
    return "every batch is packed to" if setup.packing else "if a batch reaches"


def sentence(setup: Setup, made: Estimate, card: Card) -> str:
    """Return a sentence that compares the estimate with the card and names the largest safe batch."""
    if verdict(made, card) == "cannot fit":
        return (
            f"weights and adapter alone need ≈ {gib(made.weights_and_adapter)} GiB, "
            f"and {card.words} offers {card.gib:.3g}"
        )
    safe = largest_batch(setup, card)
    most = f"batch {safe} is the largest that fits the upper bound" if safe else "not even batch 1 fits the upper bound"
    return (
        f"{amount(made)} of the {card.gib:.3g} that {card.words} offers, "
        f"{condition(setup)} {setup.length} tokens ({setup.stack}); {most}"
    )


def smallest(setup: Setup, made: Estimate) -> str:
    """Return a sentence on what a run needs and the smallest common GPU that holds it."""
    card = smallest_card(setup)
    where = (
        f"the smallest common GPU that holds it is {card.words}"
        if card
        else f"no common GPU up to {common()[-1].name} holds it"
    )
    return f"the run needs {amount(made)} {condition(setup)} {setup.length} tokens ({setup.stack}): {where}"
