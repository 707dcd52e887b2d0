"""Model of what is drawn at random: only the run decides which elements are drawn, but their values are known."""

from __future__ import annotations

from ....training_plan.values import Known, Value
from ...core.library import method_model, model
from ...core.model_call import ModelCall
from ...core.objects import Items, Opaque, Sequence, object_of
from ...core.operations import describe

DRAWN = "drawn at random"


GENERATOR = "random.Random"


@model("random.sample", "random.choices")
@method_model(GENERATOR, "sample", "choices")
def sample(call: ModelCall) -> Value | None:
    args = call.arguments
    population = object_of(args.get(0, "population"))
    if not isinstance(population, Sequence):
        inner = ", ".join(describe(a, 30) for a in args.positional)
        return Known(Opaque(f"{call.callee}({inner})", "call", tuple(args.positional)))
    return Known(drawn_from(population))


def drawn_from(population: Sequence) -> Sequence:
    """Return a list of elements of another, of which only the run decides how many there are and which."""
    state = population.state
    return Sequence(state.items, "list", state.why_incomplete or DRAWN, state.overridden_by)


@model("random.shuffle", "numpy.random.shuffle")
@method_model(GENERATOR, "shuffle")
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


@model("sklearn.model_selection.train_test_split")
def split(call: ModelCall) -> Value | None:
    """Split each list into two lists of its elements."""
    lists = [object_of(one) for one in call.arguments.positional]
    if call.arguments.unknown or not lists or not all(isinstance(one, Sequence) for one in lists):
        return None
    return Known(Sequence(tuple(Known(drawn_from(one)) for one in lists for _ in range(2))))
