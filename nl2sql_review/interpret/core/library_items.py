"""Items of the objects of libraries: reading, setting, looping, membership."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...training_plan.values import Absent, Known, Unknown, Value
from .library import ITERATION_MODELS, METHOD_MODELS, record_write
from .machine import Machine
from .model_call import ModelCall
from .objects import REPLACED, Arguments, ItemKey, Items, Opaque, Scope, Sequence, object_of, plain
from .operations import describe, freeze
from .recording import Call
from .state import place_of

if TYPE_CHECKING:
    import libcst as cst

GROUP = re.compile(r"\.param_groups\[\w+\]$")  # of an optimizer


def library_item(m: Machine, owner: Known, v: Opaque, key: Value, node: cst.CSTNode | None) -> Value | None:
    """Return an item of a library's object; None if nothing is known of it."""
    run = METHOD_MODELS.get((v.kind, "__getitem__"))
    if run is not None:
        return run(ModelCall(m, Arguments([key]), node, "__getitem__", owner))
    found: Value | None = None
    if isinstance(key, Known) and isinstance(key.value, (str, int)):
        found = v.slots.get(ItemKey(key.value))
    return found


def library_contains(m: Machine, owner: Known, v: Opaque, value: Value, node: cst.CSTNode | None) -> Value | None:
    """Return whether a library's object has an item; None if there is no model that knows."""
    run = METHOD_MODELS.get((v.kind, "__contains__"))
    return run(ModelCall(m, Arguments([value]), node, "__contains__", owner)) if run is not None else None


def library_iterate(m: Machine, value: Known, v: Opaque, node: cst.CSTNode | None) -> Items | None:
    """Return the elements of a library's object; None if there is no model that knows."""
    run = ITERATION_MODELS.get(v.kind)
    return run(ModelCall(m, Arguments(), node, "__iter__", value)) if run is not None else None


def forget_items(m: Machine, obj: Opaque, why: str) -> None:
    """Make the items that the script set in a library's object unknown: another item may have replaced them."""
    for key in [key for key in obj.slots if isinstance(key, ItemKey)]:
        m.write(obj, key, Unknown(why))


def library_set_item(
    m: Machine, obj: Opaque, key: Value, value: Value, node: cst.CSTNode | None, scope: Scope | None
) -> None:
    """Set an item of a library's object."""
    run, before = METHOD_MODELS.get((obj.kind, "__setitem__")), obj.slots.get(REPLACED, Absent())
    if run is not None:
        run(ModelCall(m, Arguments([key, value]), node, "__setitem__", Known(obj)))
    elif obj.text in m.shared:
        m.write(m.shared[obj.text], "value", Unknown(f"the script changes {obj.text}"))
    elif isinstance(key, Known) and isinstance(key.value, (str, int)):
        m.write(obj, ItemKey(key.value), value)
    else:
        forget_items(m, obj, f"an item is set under {describe(key)}")
    if not (isinstance(key, Known) and isinstance(key.value, str)):  # a list, of which elements are replaced
        key = along_rows(key)
        words = f"{elements_at(key)} are replaced by {describe(value)}"
        # As they are now: `labels[labels == 0] = -100` would else hold itself. The position in a loop stays an object.
        position = isinstance(where := object_of(key), Opaque) and where.operation == "symbol"
        replaced = Opaque(words, "replaced", (before, key if position else freeze(key), freeze(value)))
        m.write(obj, REPLACED, Known(replaced))
        if obj.operation == "item" and not obj.kind and isinstance(array := object_of(obj.args[0]), Opaque):
            m.write(array, REPLACED, Unknown(f"of {obj.text}, {words}"))  # `labels[0][:n] = …` changes labels
    if scope is not None and obj.text == "os.environ" and isinstance(key, Known):
        record_write(m, obj, str(key.value), value, node, scope)
    if scope is not None and isinstance(key, Known) and key.value == "lr" and GROUP.search(obj.text):
        place = place_of(scope, node)
        m.record(Call("torch.optim.Optimizer.lr=", {"lr": freeze(value)}, place, {"lr": place}, obj))


def along_rows(key: Value) -> Value:
    """Return the last of several subscripts if the others select all there is, as in `labels[:, :n]`."""
    obj = object_of(key)
    if not isinstance(obj, Sequence) or obj.kind != "tuple" or obj.state.why_incomplete or not obj.state.items:
        return key
    *others, last = obj.state.items
    return last if all(map(selects_all, others)) else key


def selects_all(key: Value) -> bool:
    obj = object_of(key)
    if isinstance(obj, Sequence) and obj.kind == "slice":
        return all(plain(part) is None and isinstance(part, Known) for part in obj.state.items)
    return isinstance(key, Known) and key.value is ...


def elements_at(key: Value) -> str:
    """Return words for the elements that a slice selects, by which a reader finds where it begins and ends."""
    obj = object_of(key)
    if isinstance(key, Known) and type(key.value) is int:
        return f"its elements [{key.value}]"
    if not isinstance(obj, Sequence) or obj.kind != "slice" or plain(obj.state.items[2]) is not None:
        return "some of its elements"
    start, stop = ("" if isinstance(p, Known) and p.value is None else describe(p) for p in obj.state.items[:2])
    return f"its elements [{start}:{stop}]"
