"""What decides whether a run has the adapter that its script makes: an option's default, a branch, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..interpret.core.objects import Object
from ..interpret.core.recording import Call
from ..training_plan.values import Absent, Default, Either, Known, Value, options, overrider
from .derive import is_true
from .model_state import loads_adapter
from .object_settings import last, objects
from .run import ADAPTERS, Run, call_of, is_model_load

if TYPE_CHECKING:
    import libcst as cst

MERGES = ("merge_and_unload", "unload")
DEPTH = 12  # calls that a model goes through on its way to the trainer


def chosen_adapter(run: Run, call: Call) -> Value:
    """Return the callee that makes the adapter: known, a default, or one of two options, of which the other is None.

    Where a plain run has left the function before it makes the adapter, None is the default.
    Only what decides beyond the trainer counts: where both stand behind the same option, the run has the adapter.
    """
    trace = (call.place,)
    if left := beyond(run, call.left, "left"):
        return Default(None, left[0], trace)
    by, condition = _deciding(run, call)
    if by:
        return Default(call.callee, by, trace)
    if condition:
        return Either((Known(call.callee, trace), Known(None, trace)), condition, trace)
    return Known(call.callee, trace)


def _deciding(run: Run, call: Call) -> tuple[str, str]:
    """Return the option whose default chooses the adapter, and the condition that does, each "" if there is none."""
    if passed := beyond(run, call.passed, "passed"):
        return passed[0], ""
    trainer = run.trainer
    given = trainer.get("peft_config") if trainer is not None else Absent()
    assumed, conditions = beyond(run, call.assumed, "assumed"), beyond(run, call.conditions, "conditions")
    if _sides_adapt(run, call, len(assumed) + len(conditions)):
        return "", ""
    if any(objects(given)) and run.adapter_call is run.adapter.call:
        by, condition = _of_value(given)
        return by or next(iter(assumed), ""), condition
    paths = set(_paths(trainer.get("model"), DEPTH)) if trainer is not None else set()
    if assumed or paths == {True}:
        return next(iter(assumed), ""), ""
    if paths == {True, False}:
        return "", call.condition or "the path taken"
    return "", next(iter(conditions), "")  # it is put on the model in place


def _of_value(given: Value) -> tuple[str, str]:
    """Return what decides whether a value is a configuration or nothing."""
    if isinstance(given, Default):
        return given.overridden_by, ""
    if isinstance(given, Either):
        by = overrider(*given.options)
        none = any(not any(objects(option)) for option in given.options)
        return (by, "") if by else ("", given.condition or "the path taken") if none else ("", "")
    return "", ""


def beyond(run: Run, deciding: tuple[str, ...], name: str) -> list[str]:
    """Return what decides whether a call of the run is made, but not whether the run is."""
    other = run.trainer or run.load.call
    shared = list(getattr(other, name)) if other is not None else []
    found = []
    for one in deciding:
        if one in shared:  # two branches may have the same reason
            shared.remove(one)
        else:
            found.append(one)
    return found


def _paths(value: Value, depth: int) -> Iterator[bool]:
    """Yield for each way in which a model may have been made whether it goes through an adapter."""
    for option in options(value):
        made = [call for thing in objects(option) if (call := call_of(thing)) is not None]
        if not made or depth == 0:
            yield False
        for call in made:
            if last(call.callee) in ADAPTERS:
                yield True
            elif is_model_load(call):
                yield False
            else:
                yield from _paths(_before(call), depth - 1)


def loaded_instead(run: Run) -> Call | None:
    """Return a call that loads a saved adapter, on another way to the trainer than that of the adapter's settings.

    A hand-written loop has no trainer to start from: there it is one to be trained, on the other side of a branch.
    """
    if run.trainer is not None:
        return next(_loaded(run.trainer.get("model"), DEPTH), None)
    trained = (c for c in run.calls if c.conditions and loads_adapter(c) and is_true(c.get("is_trainable")))
    return next((c for c in trained if run.adapter_call is not None and _apart(run.adapter_call, c)), None)


def _apart(call: Call, other: Call) -> bool:
    """Return whether two calls are on two sides of one branch."""
    nodes = call.place.source.nodes
    if other.place.source is not call.place.source:
        return False
    mine, its = (set(map(id, nodes.path(one.place.node))) for one in (call, other))
    sides = (side for one in nodes.path(call.place.node) for side in _sides(one))
    return any(id(side) in its and id(side) not in mine for side in sides)


def _loaded(value: Value, depth: int) -> Iterator[Call]:
    """Yield the calls that load a saved adapter, on the ways on which no new one is put on the model after them."""
    for option in options(value):
        for call in (call for thing in objects(option) if (call := call_of(thing)) is not None):
            if loads_adapter(call):
                yield call
            elif depth and last(call.callee) not in (*ADAPTERS, *MERGES) and not is_model_load(call):
                yield from _loaded(_before(call), depth - 1)


def _before(call: Call) -> Value:
    """Return the model that a call was given, or was made on."""
    receiver: Object | None = call.receiver
    if receiver is not None and call_of(receiver) is not None:
        return Known(receiver)
    return call.get("model", "base_model", "$0")


def _sides_adapt(run: Run, call: Call, deciding: int) -> bool:
    """Return whether so many branches as decide on an adapter make one on each of their sides."""
    if not deciding:
        return False
    source, trainer = call.place.source, run.trainer
    others = [c.place for c in run.recording.every() if last(c.callee) in ADAPTERS and c.place.source is source]
    made = [set(map(id, source.nodes.path(place.node))) for place in others]
    around = set(map(id, source.nodes.path(trainer.place.node))) if trainer is not None else set()
    branches = [sides for one in source.nodes.path(call.place.node) if id(one) not in around and (sides := _sides(one))]
    full = [sides for sides in branches if all(any(id(side) in path for path in made) for side in sides)]
    return len(full) >= deciding


def _sides(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the sides of an `if` statement or expression that has an `else`, otherwise none."""
    import libcst as cst  # a configuration, which has no branches, is read without it

    if isinstance(node, cst.IfExp):
        return [node.body, node.orelse]
    sides: list[cst.CSTNode] = []
    one: cst.CSTNode | None = node
    while isinstance(one, cst.If):
        sides.append(one.body)
        one = one.orelse
    return [*sides, one.body] if sides and isinstance(one, cst.Else) else []
