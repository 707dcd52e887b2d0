"""Memory of one run in full: the public, versioned result of `nl2sql-review memory`."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal, Union

from . import advice
from .cards import Card
from .estimate import Part, estimate
from .from_plan import NoEstimate
from .setup import Checkpointing, Loss, Setup

VERSION = 1


@dataclass(frozen=True, slots=True)
class Run:
    """Setup that was estimated for one run. `adapter_parameters` counts all trained weights, `length` is in tokens."""

    model: str
    architecture: str
    parameters: int
    adapter_parameters: int
    stack: str
    batch: int
    length: int
    bits: int
    rank: int
    targets: tuple[str, ...]
    optimizer: str
    checkpointing: Checkpointing
    loss: Loss
    packing: bool
    assumed: tuple[str, ...]  # what the script does not say


@dataclass(frozen=True, slots=True)
class CardSays:
    """The card, its usable memory (GiB), and the verdict for the run on it."""

    name: str
    gib: float
    verdict: Union[advice.Verdict, Literal["no verdict"]]
    largest_batch: int  # that fits by the upper bound; 0 when none does


@dataclass(frozen=True, slots=True)
class Summary:
    """Memory of one run in GiB. `reason` explains a missing estimate; then at most `weights` is known."""

    run: Run | None = None
    parts: tuple[Part, ...] = ()
    low: float | None = None
    gib: float | None = None
    high: float | None = None
    weights_and_adapter: float | None = None
    card: CardSays | None = None
    smallest_card: str | None = None
    levers: tuple[advice.Lever, ...] = ()
    in_use: tuple[advice.Lever, ...] = ()
    table: tuple[tuple[advice.Cell, ...], ...] = ()
    reason: str = ""
    weights: float | None = None


@dataclass(frozen=True, slots=True)
class MemoryReport:
    version: int = VERSION
    path: str = ""  # of the script; empty when a model was named instead
    runs: tuple[Summary, ...] = ()


def summarize(setup: Setup, card: Card | None, model: str = "") -> Summary:
    """Return the estimate of one run: its parts in GiB, the verdict on a card, and what would save memory."""
    made = estimate(setup, card.context) if card else estimate(setup)
    smallest = advice.smallest_card(setup)
    says = (
        CardSays(card.name, card.gib, advice.verdict(made, card), advice.largest_batch(setup, card)) if card else None
    )
    return Summary(
        run=describe(setup, model),
        parts=made.parts,
        low=made.low,
        gib=made.gib,
        high=made.high,
        weights_and_adapter=made.weights_and_adapter,
        card=says,
        smallest_card=smallest.name if smallest else None,
        levers=tuple(advice.levers(setup, card)),
        in_use=tuple(advice.in_use(setup, card)),
        table=tuple(map(tuple, advice.grid(setup, card))),
    )


def describe(setup: Setup, model: str) -> Run:
    """Return the settings that an estimate rests on, by the names of the report."""
    architecture = setup.architecture
    trained = architecture.adapter_parameters(setup.rank, setup.targets) if setup.rank else architecture.parameters
    said: dict[str, Any] = {f.name: getattr(setup, f.name) for f in fields(Run) if hasattr(setup, f.name)}
    said |= {
        "model": model or architecture.name,
        "architecture": architecture.name,
        "parameters": architecture.parameters,
    }
    return Run(**said, adapter_parameters=trained)


def without(error: NoEstimate, card: Card | None) -> Summary:
    """Return the summary of a run that cannot be estimated."""
    if not error.weights:
        return Summary(reason=error.reason)
    _, parameters, bits = error.weights
    weights = parameters * bits / 8 / 1024**3
    if card is None:
        return Summary(reason=error.reason, weights=weights)
    says = CardSays(card.name, card.gib, "cannot fit" if weights > card.gib else "no verdict", 0)
    return Summary(reason=error.reason, weights=weights, card=says)
