"""Padding token that the script gives the tokenizer."""

from __future__ import annotations

from ...interpret.core.recording import Call
from ...training_plan.values import Default, Known, Unknown, Value
from ..run import Run


def written(run: Run) -> list[tuple[Call, Value]]:
    """Return the calls that set the padding token before the training ends, each with what it sets."""
    return [(c, v) for c in run.calls if run.before_training(c) for v in pads(c)]


def asks_tokenizer(call: Call) -> bool:
    """Return whether `if tokenizer.pad_token is None:` encloses a call, so that the published tokenizer decides."""
    import libcst as cst

    if call.conditional and "pad_token" in call.condition:
        return True
    source = call.place.source
    path = source.nodes.path(call.place.node)
    return any(
        isinstance(outer, cst.If) and inner is outer.body and "pad_token" in source.segment(outer.test)
        for outer, inner in zip(path, path[1:])
    )


def pads(call: Call) -> list[Value]:
    if call.callee.endswith((".pad_token=", ".pad_token_id=")):
        return list(call.arguments.values())
    if call.callee.endswith(".add_special_tokens"):
        given = call.get("special_tokens_dict", "$0")
        if isinstance(given, Known) and isinstance(given.value, dict) and "pad_token" in given.value:
            return [Known(given.value["pad_token"], given.trace)]
        if isinstance(given, Unknown) and isinstance(given.parts, dict) and "pad_token" in given.parts:
            return [given.parts["pad_token"]]
    return []


def is_eos(value: Value) -> bool:
    thing = value.value if isinstance(value, (Known, Default)) else value
    text = getattr(thing, "text", "") or ""
    return text.endswith((".eos_token", ".eos_token_id"))
