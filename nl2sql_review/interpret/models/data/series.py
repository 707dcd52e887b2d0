"""Columns of pandas frames: element by element what the run makes of them."""

from __future__ import annotations

from ....training_plan.values import Known, Unknown, Value
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Function, Sequence, object_of, plain
from ...python.builtins import BUILTINS, PROPERTIES, method

SERIES = "series"  # the kind of sequence; that of its `.str` is TEXTS
TEXTS = "series.str"
MANY = "how many rows there are is known only at run time"


def column(*possible: Value) -> Value:
    """Return a column, given the possible values of an element."""
    return Known(Sequence(possible, SERIES, MANY))


def each(owner: Value) -> tuple[Value, ...]:
    elements: tuple[Value, ...] = object_of(owner).state.items
    return elements


@method(SERIES, "tolist", "to_list")
def to_list(call: ModelCall) -> Value:
    return Known(Sequence(each(call.receiver), "list", MANY), call.receiver.trace)


@method(SERIES, "fillna", "dropna", "reset_index", "copy")
def same(call: ModelCall) -> Value:
    return call.receiver


@method(SERIES, "apply", "map")
def apply(call: ModelCall) -> Value:
    """Call a function for each element; what a dictionary maps to is not followed."""
    function = call.arguments.get(0, "func", "arg")
    if not isinstance(object_of(function), Function):
        return Unknown(f"what {call.name} makes of a column is known only at run time")
    return column(*(call.machine.call(function, Arguments([one]), call.node) for one in each(call.receiver)))


@method(SERIES, "astype")
def astype(call: ModelCall) -> Value:
    kind = call.arguments.get(0, "dtype")
    if kind != BUILTINS["str"] and plain(kind) != "str":
        return Unknown("a column of another type")
    return column(*(call.machine.call(BUILTINS["str"], Arguments([one]), call.node) for one in each(call.receiver)))


def texts(m: Machine, owner: Value) -> Value:
    return Known(Sequence(each(owner), TEXTS, MANY), owner.trace)


@method(TEXTS, "lower", "upper", "strip", "lstrip", "rstrip", "title", "capitalize")
def of_texts(call: ModelCall) -> Value:
    m, name = call.machine, call.name
    methods = [m.attribute(one, name, call.node) for one in each(call.receiver)]
    return column(*(m.call(bound, call.arguments, call.node) for bound in methods))


PROPERTIES[SERIES, "str"] = texts
