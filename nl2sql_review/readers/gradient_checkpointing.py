"""What enables gradient checkpointing: Unsloth's adapter, the preparation of quantized weights, a call, arguments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..interpret.core.joins import demote
from ..interpret.core.recording import Call
from ..libraries.versions import is_exact
from ..source.literals import is_expression
from ..training_plan.facts import Fact, Lora
from ..training_plan.values import Absent, Default, Either, Known, Value, options
from .adapter_choice import beyond
from .defaults import generated, switches
from .derive import is_of_the_hub, plain
from .object_settings import last
from .own_quantization import QUANTIZED
from .run import Run

ARGUMENTS = ("gradient_checkpointing", "activation_checkpointing")


def checkpointing(run: Run, part: Lora) -> Fact:
    """Return `use_gradient_checkpointing` of Unsloth's call; otherwise only whether plain checkpointing is on."""
    call = run.adapter_call
    if run.adapter.callee.startswith("unsloth"):
        fact = run.adapter.fact("use_gradient_checkpointing")
        fact.at = fact.at or (call.place if call is not None else None)
        return fact
    found = list(plain_checkpointing(run, part))
    # What is on in any case counts first, what a switch turns on next, and what is off last.
    certain = next((one for one in found if is_on(one.value)), None)
    if one := certain or found and by_class(run) or next((one for one in found if may_be_on(one.value)), None):
        return one
    if found:
        return replace(found[0], note=found[0].note.removeprefix("plain checkpointing, "))
    why = "the adapter is not created by Unsloth" if call is not None else "nothing enables gradient checkpointing"
    return Fact(Absent(why), at=call.place if call else run.load.place or run.place)


def is_on(value: Value) -> bool:
    """Return whether a value turns checkpointing on, on every path and whatever the command line says."""
    return isinstance(value, Known) and bool(value.value)


def may_be_on(value: Value) -> bool:
    """Return whether a value turns checkpointing on by default, on one path, or for all that is known."""
    return any(not isinstance(one, (Known, Default)) or bool(one.value) for one in options(value))


def plain_checkpointing(run: Run, part: Lora) -> Iterator[Fact]:
    """Yield what says whether checkpointing is on, in the order in which it is called."""
    for prepared in run.prepared:
        if last(prepared.callee) == "prepare_model_for_kbit_training" and not unquantized(run, part):
            value = prepared.get("use_gradient_checkpointing")
            value = Known(True, (prepared.place,)) if isinstance(value, Absent) else value
            note = "plain checkpointing, by prepare_model_for_kbit_training"
            yield Fact(where_quantized(run, part, switched(run, prepared, value)), at=prepared.place, note=note)
    for enabled in run.recording.named("gradient_checkpointing_enable"):
        value = switched(run, enabled, Known(True, (enabled.place,)))
        yield Fact(value, at=enabled.place, note="plain checkpointing")
    value = run.arguments.value(*ARGUMENTS)
    if not isinstance(value, Absent):
        off = isinstance(value, (Known, Default)) and not value.value
        note = "" if off else "plain checkpointing, by the training arguments"
        yield Fact(value, at=run.arguments.where(*ARGUMENTS), note=note)


def by_class(run: Run) -> Fact | None:
    """Return what the class of the training arguments turns on where they do not say, as TRL's do since 0.22."""
    call = run.arguments.call
    if call is None or call.unknown_arguments or not isinstance(run.arguments.value(*ARGUMENTS), Absent):
        return None
    if generated(call.callee) or True not in (switches(call.callee, ARGUMENTS) or {}).values():
        return None
    value: Value = Known(True, (call.place,))
    if run.versions is None or not is_exact(run.versions["trl"].specifier):
        value = demote(value, "an older trl")
    return Fact(value, at=call.place, note=f"plain checkpointing, by default of {last(call.callee)}")


def where_quantized(run: Run, part: Lora, value: Value) -> Value:
    """Return a value of the preparation as what it does: PEFT checkpoints only quantized weights."""
    bits = (part.load_in_4bit.value, run.quantization.value("load_in_8bit"), run.load.value("load_in_8bit"))
    decided = [one for one in bits if isinstance(one, Default) and isinstance(one.value, bool)]
    others = [one for one in bits if one not in decided]
    if not decided or not is_on(value) or not all(isinstance(one, Absent) or plain(one) is False for one in others):
        return value
    on = next((one for one in decided if one.value), decided[0])
    return Default(on.value, on.overridden_by, value.trace)


def switched(run: Run, call: Call, value: Value) -> Value:
    """Return a value that counts only where a call is made: by default, on one path, or in any case."""
    if not isinstance(value, Known) or not value.value:
        return value
    if assumed := beyond(run, call.assumed, "assumed"):
        return Default(value.value, assumed[0], value.trace)
    of_loop = {one for backward in run.backward for one in backward.conditions}
    conditions = [one for one in beyond(run, call.conditions, "conditions") if one not in of_loop]
    # `if hasattr(model, "gradient_checkpointing_enable")`: models have it
    if conditions := [one for one in conditions if not one.endswith("'gradient_checkpointing_enable')")]:
        condition = conditions[0] if is_expression(conditions[0]) else ""  # and no reason in words
        return Either((value, Known(False, value.trace)), condition, value.trace)
    return value


def unquantized(run: Run, part: Lora) -> bool:
    """Return whether the weights are not quantized for certain: PEFT then prepares them, but checkpoints nothing."""
    call, name = run.load.call, plain(part.model_name.value)
    if call is None or call.unknown_arguments or run.quantization or run.quantization.unknown:
        return False
    if not isinstance(part.load_in_4bit.value, Absent) or not isinstance(run.load.value("load_in_8bit"), Absent):
        return False
    return isinstance(name, str) and is_of_the_hub(name) and not QUANTIZED.search(name)


def misplaced(run: Run) -> Fact:
    """Return a string such as "unsloth" in the training arguments, which is accepted there but only taken as true."""
    value = run.arguments.value(*ARGUMENTS)
    if any(isinstance(o, (Known, Default)) and isinstance(o.value, str) for o in options(value)):
        return Fact(value, at=run.arguments.where(*ARGUMENTS))
    why = "the training arguments do not name a kind of checkpointing"
    return Fact(Absent(why), why_not=why)
