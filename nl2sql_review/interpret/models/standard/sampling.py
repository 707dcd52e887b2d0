"""Model of random: only the run decides which elements are drawn, but the possible values of an element are known."""

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
    return Known(
        Sequence(
            population.state.items, "list", population.state.why_incomplete or DRAWN, population.state.overridden_by
        )
    )


@model("random.shuffle")
def shuffle(call: ModelCall) -> Value:
    """Shuffle a list: its elements stay, their order becomes unknown; an open list holds the possible values."""
    listed = object_of(call.arguments.get(0, "x"))
    if isinstance(listed, Sequence) and len(listed.state.items) > 1:
        call.machine.write(
            listed,
            "state",
            Items(listed.state.items, listed.state.why_incomplete or "in random order", listed.state.overridden_by),
        )
    return Known(None)
