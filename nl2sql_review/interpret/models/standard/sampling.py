"""random: which elements are drawn only the run knows, what an element may be is known all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....training_plan.values import Known, Value
from ...core.library import model
from ...core.machine import Machine
from ...core.objects import Arguments, Items, Opaque, Sequence, object_of
from ...core.operations import describe

if TYPE_CHECKING:
    import libcst as cst

DRAWN = "drawn at random"


@model("random.sample", "random.choices")
def sample(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value | None:
    population = object_of(args.get(0, "population"))
    if not isinstance(population, Sequence):
        inner = ", ".join(describe(a, 30) for a in args.positional)
        return Known(Opaque(f"{callee}({inner})", "call", tuple(args.positional)))
    return Known(Sequence(population.state.items, "list", population.state.open or DRAWN, population.state.by))


@model("random.shuffle")
def shuffle(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    """The elements stay, their order does not: an open list says of each what it may be."""
    listed = object_of(args.get(0, "x"))
    if isinstance(listed, Sequence) and len(listed.state.items) > 1:
        m.write(
            listed,
            "state",
            Items(listed.state.items, listed.state.open or "in an order drawn at random", listed.state.by),
        )
    return Known(None)
