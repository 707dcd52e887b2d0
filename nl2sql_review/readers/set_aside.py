"""Models that a script loads beside the one that its own loop trains: a frozen reference, a teacher."""

from __future__ import annotations

from ..interpret.core.objects import Object
from ..interpret.core.recording import Call
from ..training_plan.values import Default, Known
from .chosen_parameters import guards, of_every_parameter
from .object_settings import last, objects
from .run import call_of


def without_references(loads: list[Call], calls: list[Call]) -> list[Call]:
    """Return the loads of the model that gets the adapter, else those of models that are not frozen as a whole.

    All of them, if that leaves none.
    """
    adapters = [call for call in calls if last(call.callee) == "get_peft_model"]
    adapted = [origin(thing) for call in adapters for thing in objects(call.get("model", "$0"))]
    frozen: set[int] = set()
    for call in calls:
        load = origin(call.receiver) if last(call.callee) in ("requires_grad=", "requires_grad_") else None
        if load is not None:
            (frozen.add if freezes(call) else frozen.discard)(id(load))
    return (
        [load for load in loads if any(load is one for one in adapted)]
        or [load for load in loads if id(load) not in frozen]
        or loads
    )


def origin(thing: Object | None) -> Call | None:
    """Return the first of the calls that an object comes from: the one that loads a model of which it is a part."""
    found = None
    for _ in range(10):
        call = call_of(thing)
        if call is None:
            return found
        found, thing = call, call.receiver
    return found


def freezes(call: Call) -> bool:
    """Return whether a write of `requires_grad` turns it off for every parameter of a model."""
    value = next(iter(call.arguments.values()), Known(True))
    if not isinstance(value, (Known, Default)) or value.value is not False:
        return False
    whole = getattr(call.receiver, "kind", "") == "model" and last(call.callee) == "requires_grad_"
    return whole or of_every_parameter(call) and not guards(call)
