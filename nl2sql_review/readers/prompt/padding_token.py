"""Padding token that the script gives the tokenizer."""

from __future__ import annotations

from ...interpret.core.recording import Call
from ...training_plan.values import Absent, Default, Known, Term, Unknown, Value
from ..object_settings import last
from ..run import Run
from .models import member
from .text import EOS_LITERALS

# Tokens and their ids that are not the EOS token.
OTHERS = tuple(f".{name}_token{end}" for name in ("unk", "pad", "bos", "cls", "mask") for end in ("", "_id"))


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
    if call.callee.endswith("Tokenizer.from_pretrained"):
        given = call.get("pad_token")
        return [] if isinstance(given, Absent) else [given]
    if call.callee.endswith(".add_special_tokens"):
        given = call.get("special_tokens_dict", "$0")
        if isinstance(given, Known) and isinstance(given.value, dict) and "pad_token" in given.value:
            return [Known(given.value["pad_token"], given.trace)]
        if isinstance(given, Unknown) and isinstance(given.parts, dict) and "pad_token" in given.parts:
            return [given.parts["pad_token"]]
    if last(call.callee) == "setup_chat_format":  # pads with the token that it makes the EOS token
        return [Term("tokenizer.eos_token", trace=(call.place,))]
    return []


def is_eos(value: Value) -> bool:
    thing = value.value if isinstance(value, (Known, Default)) else value
    text = getattr(thing, "text", "") or ""
    return text.endswith((".eos_token", ".eos_token_id"))


def eos_of(call: Call) -> str | None:
    """Return the EOS token of the model whose tokenizer a call changes or loads, None if unknown."""
    made = getattr(call.receiver, "call", None) or call
    name = made.get("pretrained_model_name_or_path", "$0")
    found = member(name.value) if isinstance(name, (Known, Default)) and isinstance(name.value, str) else None
    return found.eos if found is not None else None


def pads_with_eos(value: Value, eos: str | None) -> bool | None:
    """Return whether a value is the EOS token, which is `eos` if that is known; None where it may be.

    The id 0 is that of an unknown or unused token in every tokenizer known here. Where the EOS token is
    <|endoftext|>, so may be the others (GPT-2, Qwen).
    """
    if is_eos(value):
        return True
    thing = value.value if isinstance(value, (Known, Default)) else value
    if isinstance(thing, str):
        if eos is not None:
            return thing == eos
        return None if thing in EOS_LITERALS else False
    if isinstance(thing, int):
        return False if thing == 0 else None
    if isinstance(value, Term) or hasattr(thing, "text"):
        text = str(getattr(thing, "text", ""))
        return False if text.endswith(OTHERS) and eos not in (None, "<|endoftext|>") else None
    return None
