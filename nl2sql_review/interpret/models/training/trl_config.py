"""TRL's `ModelConfig`, and the configurations that its helpers make from it: of the adapter and of the quantization."""

from __future__ import annotations

from typing import Any

from ....training_plan.values import Absent, Default, Known, Unknown, Value
from ...core.joins import demote
from ...core.library import model
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Opaque, object_of

# argument of LoraConfig -> (field of ModelConfig, its default)
ADAPTER: dict[str, tuple[str, Any]] = {
    "r": ("lora_r", 16),
    "lora_alpha": ("lora_alpha", 32),
    "lora_dropout": ("lora_dropout", 0.05),
    "target_modules": ("lora_target_modules", None),
    "modules_to_save": ("lora_modules_to_save", None),
    "task_type": ("lora_task_type", "CAUSAL_LM"),
    "use_rslora": ("use_rslora", False),
    "use_dora": ("use_dora", False),
}
HELPERS = ("", "trainer.utils.", "trainer.model_config.")


def fields_of(value: Value) -> dict[str, Value] | None:
    """Return the arguments of a `ModelConfig`, or None if they are not settled."""
    made = object_of(value)
    call = made.call if isinstance(made, Opaque) else None
    if call is None or not call.callee.endswith("ModelConfig") or call.unread_arguments:
        return None
    fields: dict[str, Value] = call.arguments
    if not call.unknown_arguments:
        return fields
    switches = ("use_peft", "load_in_4bit", "load_in_8bit")
    left: dict[str, Value] = {name: Default(False, f"--{name}") for name in switches if name not in fields}
    return {**fields, **left}


def switched(value: Value, by: str) -> bool | None:
    """Return whether a switch is on, or None if only the run decides."""
    if isinstance(value, Absent):
        return False
    return bool(value.value) if isinstance(value, (Known, Default)) else None


@model(*(f"trl.{path}get_peft_config" for path in HELPERS))
def get_peft_config(call: ModelCall) -> Value | None:
    """Return the `LoraConfig` of a `ModelConfig`, or None without `use_peft`."""
    m, args = call.machine, call.arguments
    fields = fields_of(args.get(0, "model_args"))
    if fields is None:
        return None
    use = fields.get("use_peft", Absent())
    on = switched(use, "use_peft")
    if on is None:
        return Unknown("it is unknown whether --use_peft is given")
    by = use.overridden_by if isinstance(use, Default) else ""
    if not on:
        return demote(Known(None), by) if by else Known(None)
    given = {name: fields[key] for name, (key, _) in ADAPTER.items() if key in fields}
    defaults: dict[str, Value] = {
        name: Known(default, (args.place._replace(note=f"library default: ModelConfig.{key}"),) if args.place else ())
        for name, (key, default) in ADAPTER.items()
        if key not in fields and default is not None
    }
    return m.call(m.library_name("peft", "LoraConfig"), Arguments([], {**defaults, **given}, args.place), call.node)


@model(*(f"trl.{path}get_quantization_config" for path in HELPERS))
def get_quantization_config(call: ModelCall) -> Value | None:
    """Return the `BitsAndBytesConfig` of a `ModelConfig`, or None if it loads neither in 4 bit nor in 8 bit."""
    m, args = call.machine, call.arguments
    fields = fields_of(args.get(0, "model_args"))
    if fields is None:
        return None
    by = ""
    for name in ("load_in_4bit", "load_in_8bit"):
        use = fields.get(name, Absent())
        on = switched(use, name)
        if on is None:
            return Unknown(f"it is unknown whether --{name} is given")
        if on:
            config = m.library_name("transformers", "BitsAndBytesConfig")
            return m.call(config, Arguments([], {name: use}, args.place), call.node)
        by = by or (use.overridden_by if isinstance(use, Default) else "")
    return demote(Known(None), by) if by else Known(None)
