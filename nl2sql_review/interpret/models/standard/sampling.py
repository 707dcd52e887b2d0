"""random: which elements are drawn only the run knows, what an element may be is known all the same."""

from __future__ import annotations

from ....training_plan.values import Known, Value
from ...core.library import model
from ...core.model_call import ModelCall
from ...core.objects import Items, Opaque, Sequence, object_of
from ...core.operations import describe

DRAWN = "drawn at random"


@model("random.sample", "random.choices")
def sample(call: ModelCall) -> Value | None:
    args = call.arguments
    population = object_of(args.get(0, "population"))
    if not isinstance(population, Sequence):
        inner = ", ".join(describe(a, 30) for a in args.positional)
        return Known(Opaque(f"{call.callee}({inner})", "call", tuple(args.positional)))
    return Known(Sequence(population.state.items, "list", population.state.open or DRAWN, population.state.by))


@model("random.shuffle")
def shuffle(call: ModelCall) -> Value:
    """The elements stay, their order does not: an open list says of each what it may be."""
    listed = object_of(call.arguments.get(0, "x"))
    if isinstance(listed, Sequence) and len(listed.state.items) > 1:
        call.machine.write(
            listed,
            "state",
            Items(listed.state.items, listed.state.open or "in random order", listed.state.by),
        )
    return Known(None)
