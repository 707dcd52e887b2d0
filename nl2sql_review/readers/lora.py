"""The LoRA adapter: which call makes it, what it adapts, and in which precision the base model is loaded."""

from __future__ import annotations

import re
from dataclasses import replace

from ..interpret.core.joins import demote
from ..interpret.core.objects import Mapping, object_of
from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, Lora, TrainingPlan
from ..training_plan.values import Absent, Default, Either, Known, Place, Text, Unknown, Value, options
from . import defaults, hand_loop, own_quantization, target_modules
from .adapter_choice import chosen_adapter, loaded_instead
from .api.arguments import rejected
from .derive import contents, derive, is_left_out, is_true, plain
from .gradient_checkpointing import checkpointing, misplaced
from .missing_adapter import no_adapter
from .object_settings import last, makers
from .other_methods import not_lora, one_dropout
from .own_quantization import QUANTIZED
from .run import MODEL_NAMES, Run

# field of the plan -> spellings of the argument
SPELLINGS = {
    "r": ("r", "lora_r", "rank"),
    "alpha": ("lora_alpha", "alpha"),  # that of LoHa and LoKr is `alpha`
    "dropout": ("lora_dropout",),
    "bias": ("bias",),
}

# `if args.qlora: kwargs["quantization_config"] = …`
PUT_IN = re.compile(r"""\[["']quantization_config["']\]\s{0,4}=(?!=)|["']quantization_config["']\s{0,4}:""")
SETTINGS = (*SPELLINGS, "scaling", "target_modules", "unmatched_modules", "gradient_checkpointing")


def read(run: Run, plan: TrainingPlan) -> None:
    """Fill in the section `lora` of the plan."""
    part = plan.lora
    part.model_name = model_name(run)
    read_four_bit(run, plan)
    part.misplaced_gradient_checkpointing = misplaced(run)
    if not run.adapter and not run.adapter.unknown:
        part.adapter = no_adapter(run)
        for name in SETTINGS:
            setattr(part, name, replace(part.adapter, why_not=part.adapter.why_not or absent_why(part.adapter)))
        if hand_loop.trains(run):
            part.gradient_checkpointing = checkpointing(run, part)
        return
    if run.adapter_call is None:  # something may be an adapter's configuration, or none
        unknown = Unknown(run.adapter.unknown)
        for name in ("adapter", *SETTINGS):
            setattr(part, name, Fact(unknown, at=run.place))
        return
    if (of_another_kind := not_lora(run)) is not None:
        part.adapter = of_another_kind
        for name in SETTINGS[:-1]:
            why = "the adapter is no LoRA adapter" if isinstance(part.adapter.value, Absent) else ""
            setattr(part, name, replace(part.adapter, why_not=why))
        part.gradient_checkpointing = checkpointing(run, part)
        return
    part.adapter = Fact(chosen_adapter(run, run.adapter_call), at=run.adapter_call.place)
    for name, spellings in SPELLINGS.items():
        setattr(part, name, setting(run, *spellings))
    if last(run.adapter.callee) == "AdaLoraConfig":  # which ignores r
        part.r = setting(run, "init_r")
        part.r.note = "the rank that AdaLoRA begins with and prunes to target_r"
    if last(run.adapter.callee) in defaults.LYCORIS:
        part.dropout = one_dropout(setting(run, "rank_dropout"), setting(run, "module_dropout"))
        part.bias = replace(part.bias, why_not=f"{last(run.adapter.callee)} has no bias")
    part.scaling = scaling(run, part)
    note_scale(part)
    part.target_modules, part.unmatched_modules = target_modules.modules(run, part.model_name.value)
    part.gradient_checkpointing = checkpointing(run, part)
    if loaded_instead(run) is not None:
        for name in SETTINGS[:-1]:
            fact: Fact = getattr(part, name)
            fact.value = demote(fact.value, "the saved adapter that another branch loads")


def absent_why(fact: Fact) -> str:
    return "no adapter is added" if isinstance(fact.value, (Absent, Default)) else ""


def setting(run: Run, *spellings: str) -> Fact:
    fact = run.adapter.fact(*spellings)
    if fact.at is None and run.adapter_call is not None:
        fact.at = run.adapter_call.place
    return fact


def note_scale(part: Lora) -> None:
    """Say by how much the adapter's output is scaled, and if an option decides the rank of it, that it is a default."""
    r, alpha, factor = part.r.value, part.alpha.value, part.scaling.value
    if not isinstance(r, (Known, Default)) or not isinstance(factor, (Known, Default)) or not r.value:
        return
    if isinstance(alpha, (Known, Default)) and r.value != alpha.value:
        by = r.overridden_by if isinstance(r, Default) and isinstance(alpha, Known) else ""
        rank = f"{r.value}, the default of {by}" if by.startswith(("-", "$")) else f"{r.value}"
        part.alpha.note = f"alpha differs from r ({rank}): the adapter's output is scaled by {factor.value:g}"


def scaling(run: Run, part: Lora) -> Fact:
    """Return PEFT's scaling from rank and alpha; a default if one of them is."""
    r, alpha, stabilized = part.r.value, part.alpha.value, setting(run, "use_rslora").value
    for name, value in (("r", r), ("lora_alpha", alpha)):
        if not (isinstance(value, (Known, Default)) and isinstance(value.value, (int, float)) and value.value > 0):
            why = f"{name} is unknown"  # which its own rule says already
            return Fact(Unknown(why), at=part.alpha.at, why_not=why)
    if not isinstance(stabilized, (Known, Default, Absent)):
        return Fact(Unknown("it is unknown whether the adapter is rank-stabilized"), at=part.alpha.at)
    assert isinstance(r, (Known, Default)) and isinstance(alpha, (Known, Default))
    root = isinstance(stabilized, (Known, Default)) and bool(stabilized.value)
    factor = round(alpha.value / (r.value**0.5 if root else r.value), 4)
    said = f"lora_alpha={alpha.value:g}, r={r.value:g}{', rank-stabilized' if root else ''}"
    by = next((value.overridden_by for value in (r, alpha, stabilized) if isinstance(value, Default)), None)
    value = Known(factor, alpha.trace) if by is None else Default(factor, by, alpha.trace)
    return Fact(value, at=part.alpha.at, note=said)


# -- the base model ----------------------------------------------------------------------------------------------


def model_name(run: Run) -> Fact:
    """Return the name of the base model, as the call that loads it has it."""
    if not run.load:
        why = run.model_unknown
        return Fact(
            Unknown(why) if why else Absent("no model is loaded"),
            at=run.place,
            why_not="" if why or run.trainer else "the script loads no model",
        )
    return run.load.fact(*MODEL_NAMES)


def read_four_bit(run: Run, plan: TrainingPlan) -> None:
    """Fill in 4-bit by Unsloth's argument, by a BitsAndBytesConfig, or because the published weights are 4-bit."""
    part = plan.lora
    name = part.model_name.value
    if not run.load:
        part.load_in_4bit = Fact(
            name if isinstance(name, Unknown) else Absent("no model is loaded"),
            at=part.model_name.at,
            why_not=part.model_name.why_not,
        )
        part.quantized_by = Fact(part.load_in_4bit.value, at=part.load_in_4bit.at, why_not=part.load_in_4bit.why_not)
        return
    fast = run.load.callee.startswith("unsloth")
    option = ""
    at: Place | None
    if run.load.call is run.trainer:
        value, by, at = by_trainer(run)
    elif (asked := run.load.value("load_in_4bit")) and not isinstance(asked, Absent) and not fast:
        value, by, at = asked, "the loader", run.load.where("load_in_4bit")
        by = "rejected" if rejected(run, run.load.call, "load_in_4bit") else by
    elif run.quantization:
        fact = run.quantization.fact("load_in_4bit", "$0")
        value, by, at = fact.value, "BitsAndBytesConfig", fact.at
        assert run.load.call is not None
        value = if_quantized(run.load.call.get("quantization_config"), value)
    elif fast:
        fact = run.load.fact("load_in_4bit")
        value, by, at = full_unless(run, fact.value), "Unsloth", fact.at
    elif run.quantization.unknown:
        value, by, at = Unknown(run.quantization.unknown), "", run.load.place
    elif layer := own_quantization.puts_in(run):
        why = f"the script names {layer} and replaces layers of a model itself"
        value, by, at = Unknown(why), "", run.load.place
    else:
        eight = is_true(run.load.value("load_in_8bit"))
        why = "the model is loaded in 8 bit" if eight else "the model is loaded without quantization"
        value, by, at = Absent(why), "", run.load.place
    if not by and isinstance(value, Absent) and not is_true(run.load.value("load_in_8bit")):
        by_its_name = by_name(name, value)
        value = value if isinstance(by_its_name, Unknown) and trains_all_weights(run) else by_its_name
        if (option := option_that_quantizes(run, name)) and not isinstance(value, Unknown):
            value = Default(False, option)
    if by and is_true(value) and (whole := option_that_loads_whole(run, name)):
        value = demote(value, whole)
    if published_in_4bit(name) and not is_true(value):
        value, by, at = Known(True, name.trace), "model name", part.model_name.at
    argument = "load_in_4bit" if by in ("Unsloth", "rejected", "the loader", "BitsAndBytesConfig") else ""
    note = f"by {by}" if by in ("BitsAndBytesConfig", "model name") else ""
    if not by and isinstance(value, Default):
        note = "nothing quantizes the model, and its name does not say that it was published in 4 bit"
        note = f"{option} loads it in 4 bit" if option else note
    part.load_in_4bit = Fact(value, at=at, note=note, argument=argument)
    part.quantized_by = Fact(Known(by, value.trace) if by else Absent("nothing quantizes the model"), at=at)


def by_trainer(run: Run) -> tuple[Value, str, Place | None]:
    """Return the quantization of `SFTTrainer("name", …)`, which loads the model itself.

    It takes `quantization_config` or `model_init_kwargs`.
    """
    assert run.trainer is not None
    chosen, at = run.trainer.get("quantization_config"), run.trainer.place
    if not makers(chosen):
        given = run.arguments.value("model_init_kwargs")
        items = contents(given)
        asked = items.get("load_in_4bit") if isinstance(items, dict) else None
        if asked is not None:
            return asked if isinstance(asked, Value) else Known(asked, given.trace), "the loader", at
        inner = items.get("quantization_config") if isinstance(items, dict) else None
        if inner is not None:
            chosen = inner if isinstance(inner, Value) else Known(inner)
        elif isinstance(given, Unknown) and not keys_are_known(run, "model_init_kwargs"):
            return given, "", at
    if config := makers(chosen):
        fact = config.fact("load_in_4bit", "$0")
        return if_quantized(chosen, fact.value), "BitsAndBytesConfig", fact.at
    if isinstance(chosen, Unknown):
        return Unknown(chosen.why, chosen.trace), "", at
    return Absent("the trainer loads the model without quantization"), "", at


def keys_are_known(run: Run, name: str) -> bool:
    """Return whether a dictionary among the training arguments has no other keys than those that are read."""
    call = run.arguments.call
    if call is None or call.live_arguments is None or run.arguments.rewritten(name):
        return False
    held = object_of(call.live_arguments[0].get(None, name))
    return isinstance(held, Mapping) and not held.state.why_incomplete


def if_quantized(config: Value, value: Value) -> Value:
    """Return 4-bit with the path on which there is no quantization: `config if args.use_4bit else None`."""
    if isinstance(config, Either) and any(
        isinstance(o, Absent) or isinstance(o, Known) and o.value is None for o in config.options
    ):
        return Either((value, Known(False, config.trace)), config.condition, config.trace)
    if isinstance(config, Default):
        return derive(lambda on: Default(on, config.overridden_by), value)
    return value


def full_unless(run: Run, four: Value) -> Value:
    """Return the 4-bit value, or False if another precision is set, since Unsloth then drops 4-bit.

    A full fine-tune drops it even where the call asks for it.
    """
    call = run.load.call
    for other in ("full_finetuning", "load_in_8bit", "load_in_16bit", "load_in_fp8"):
        asked = run.load.value(other)
        if isinstance(asked, Known) and asked.value is True:
            own = other != "full_finetuning" and call is not None and "load_in_4bit" in call.arguments
            return four if own else Known(False, asked.trace)
    return four


def by_name(name: Value, unquantized: Absent) -> Value:
    """Return the result of a loader that quantizes nothing: 16 bit, unless the model's name indicates 4 bit."""
    if any(said_to_be_quantized(o) for o in options(name)):
        return Unknown(
            "the model's name says that its weights are quantized; it is unknown to how many bits", name.trace
        )
    if isinstance(name, Default):
        if not name.value:
            return Unknown(f"nothing quantizes the model, and only {name.overridden_by} names it", name.trace)
        return Default(published_in_4bit(name), name.overridden_by)  # its place says nothing of a quantization
    if any(not isinstance(o, Absent) and ending(o) is None for o in options(name)):
        return Unknown(
            "nothing quantizes the model; it may have been published in 4 bit, but its name is unknown",
            name.trace,
        )
    if isinstance(name, Either) and any(map(published_in_4bit, name.options)):
        return Either(tuple(Known(published_in_4bit(o), o.trace) for o in name.options), name.condition, name.trace)
    return unquantized


def option_that_quantizes(run: Run, name: Value) -> str:
    """Return the option or parameter with which the script would load the same model in 4 bit, "" if there is none."""
    chosen = run.load.call.assumed if run.load.call is not None else ()
    given = run.load.value("quantization_config")
    by = given.overridden_by if isinstance(given, Default) and given.value is None else ""
    for other in run.recording.alternatives:
        if by and other.condition == by and last(other.callee) == "BitsAndBytesConfig":
            asked = other.get("load_in_4bit", "$0")
            return by if is_true(asked) else ""
        decides = other.condition.startswith("-") or other.condition in chosen
        if decides and loads_too(other, name):
            if is_true(makers(other.get("quantization_config")).value("load_in_4bit")):
                return other.condition
    if run.load.call is not None and run.load.call.more_by and run.mentions(PUT_IN):
        for other in run.recording.alternatives:
            nearest = other.conditions[-1].partition(" ")[0] if other.conditions else other.condition
            if nearest.startswith("-") and last(other.callee) == "BitsAndBytesConfig":
                if is_true(other.get("load_in_4bit")):
                    return nearest
    return ""


def option_that_loads_whole(run: Run, name: Value) -> str:
    """Return the option with which the script would load the same model unquantized, "" if there is none."""
    chosen = run.load.call.assumed if run.load.call is not None else ()
    for other in run.recording.alternatives:
        if other.condition in chosen and loads_too(other, name):
            quantized = [other.get(one) for one in ("quantization_config", "load_in_4bit", "load_in_8bit")]
            if all(is_left_out(one) or plain(one) is False for one in quantized):
                return other.condition
    return ""


def loads_too(other: Call, name: Value) -> bool:
    """Return whether a call of another command line loads the model of this name."""
    names = [getattr(value, "value", None) for value in (name, other.get(*MODEL_NAMES))]
    return last(other.callee) == "from_pretrained" and bool(names[0] == names[1])


def trains_all_weights(run: Run) -> bool:
    """Return whether a trainer gets the model without an adapter: it refuses one whose weights are in 4 bit."""
    if run.trainer is None or run.adapter or run.adapter.unknown:
        return False
    return isinstance(no_adapter(run).value, Absent)


def published_in_4bit(name: Value) -> bool:
    """Return whether the name ends like weights that Unsloth and others publish quantized with bitsandbytes."""
    return all(re.search(r"bnb-4bit/?$", ending(o) or "") for o in options(name))


def said_to_be_quantized(name: Value) -> bool:
    """Return whether the name says that the weights are quantized, but not how: `…-GPTQ`, `…-AWQ`, `…-Int8`."""
    return not published_in_4bit(name) and bool(QUANTIZED.search((ending(name) or "").rstrip("/").rpartition("/")[2]))


def ending(name: Value) -> str | None:
    """Return the name of a model, or the end of a path with its last component; None if that is not known."""
    if isinstance(name, (Known, Default)):
        return name.value if isinstance(name.value, str) else ""
    last_part = name.parts[-1] if isinstance(name, Text) else None
    return last_part if isinstance(last_part, str) and "/" in last_part.rstrip("/") else None


# -- the adapter -------------------------------------------------------------------------------------------------
