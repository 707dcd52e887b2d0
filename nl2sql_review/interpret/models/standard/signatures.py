"""Models of inspect.signature and similar functions: the parameters of a function.

The parameters of the script's own functions are all known. Those of a library's class depend on the installed
version: a name that every known version accepts is certain, any other is decided by the run.
"""

from __future__ import annotations

from functools import lru_cache

import libcst as cst

from ....libraries import store
from ....training_plan.values import Known, Unknown, Value
from ...core.library import ATTRIBUTE_MODELS, CONSTANTS, METHOD_MODELS, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.names import PARAMETERS
from ...core.objects import Bound, Class, Function, Mapping, Opaque, Partial, Sequence, object_of
from ...core.operations import describe

SIGNATURE = "inspect.Signature"

CLASSES = (
    "transformers.TrainingArguments", "transformers.Seq2SeqTrainingArguments", "transformers.Trainer", "trl.SFTConfig",
    "trl.SFTTrainer", "trl.DPOConfig", "trl.DPOTrainer", "trl.GRPOConfig", "trl.GRPOTrainer", "peft.LoraConfig",
)  # fmt: skip


@lru_cache(maxsize=64)
def always(name: str) -> frozenset[str]:
    """Return the parameters that a class accepts in every known version of its library, with those of its bases."""
    library, _, cls = name.rpartition(".")
    asked = [taken_in(library, cls, version) for version in store.versions(library)]
    found = [names for names in asked if names is not None]
    return frozenset.intersection(*found) if found else frozenset()


@lru_cache(maxsize=512)
def taken_in(library: str, cls: str, version: str) -> frozenset[str] | None:
    """Return one version's parameters; a base of another library adds those that all its versions accept."""
    own = store.signature(library, cls, version)
    if own is None:
        return None
    out = frozenset(own.parameters) | {old for old, _ in own.renamed}
    for base in own.bases:
        if store.knows(library, base):
            out |= taken_in(library, base, version) or frozenset()
        elif base in store.HOMES:
            out |= always(f"{store.HOMES[base]}.{base}")
        else:
            return None  # what this version takes is not known
    return out


def parameters(name: str) -> Known:
    """Return the parameters of a library's class as a searchable value."""
    return Known(
        Opaque(f"inspect.signature({name}).parameters", "call", (Known(name.removesuffix(".__init__")),), PARAMETERS)
    )


for _name in CLASSES:
    CONSTANTS[f"{_name}.__dataclass_fields__"] = CONSTANTS[f"{_name}.__init__.__code__.co_varnames"] = parameters(_name)
    CONSTANTS[f"{_name}.__init__.__annotations__"] = CONSTANTS[f"{_name}.__annotations__"] = parameters(_name)


def taken(call: ModelCall) -> Value | None:
    name, key = call.owner.args[0].value, call.arguments.get(0)
    if isinstance(key, Known) and isinstance(key.value, str) and key.value in always(name):
        return Known(True)
    return None


METHOD_MODELS[PARAMETERS, "__contains__"] = taken
for _name in ("keys", "values", "copy"):
    METHOD_MODELS[PARAMETERS, _name] = lambda call: call.receiver
ATTRIBUTE_MODELS[SIGNATURE, "parameters"] = lambda call: call.owner.slots["parameters"]


def names_of(fn: Function) -> dict[str, Value]:
    params = fn.node.params
    nodes = [
        *params.posonly_params,
        *params.params,
        *([params.star_arg] if isinstance(params.star_arg, cst.Param) else []),
        *params.kwonly_params,
        *([params.star_kwarg] if params.star_kwarg is not None else []),
    ]
    return {
        p.name.value: Known(Opaque(f"the parameter {p.name.value}", "call", kind="inspect.Parameter")) for p in nodes
    }


def of(m: Machine, value: Value) -> Value:
    """Return the parameters of a callable."""
    obj = object_of(value)
    skip = 0
    if isinstance(obj, Partial):
        obj = object_of(obj.function)
    if isinstance(obj, Bound) and isinstance(obj.function, Function):
        obj, skip = obj.function, 1
    if isinstance(obj, Class):
        if obj.kind in ("dataclass", "pydantic", "attrs", "namedtuple") and obj.lookup("__init__") is None:
            return Known(
                Mapping({n: Known(Opaque(f"the parameter {n}", "call", kind="inspect.Parameter")) for n in obj.fields})
            )
        found = object_of(obj.lookup("__init__"))
        library = obj.library_base()
        if isinstance(found, Function):
            obj, skip = found, 1
        elif library is not None:
            return parameters(library.text)
    if isinstance(obj, Function):
        items = names_of(obj)
        return Known(Mapping({n: v for i, (n, v) in enumerate(items.items()) if i >= skip}))
    if isinstance(obj, Opaque) and obj.operation == "symbol":
        return parameters(obj.text)
    return Unknown(f"the parameters of {describe(value)}")


@model("inspect.signature")
def signature(call: ModelCall) -> Value:
    target = call.arguments.get(0, "callable", "obj")
    made = Opaque(f"inspect.signature({describe(target)})", "call", (target,), SIGNATURE)
    made.slots["parameters"] = of(call.machine, target)
    return Known(made)


@model("inspect.getfullargspec")
def argument_specification(call: ModelCall) -> Value:
    found = of(call.machine, call.arguments.get(0, "func"))
    obj = object_of(found)
    names = Known(Sequence(tuple(Known(n) for n in obj.state.items), "list")) if isinstance(obj, Mapping) else found
    return Known(
        Mapping(
            {"args": names, "kwonlyargs": Unknown("keyword-only parameters of a library")},
            "other attributes of a signature",
            "config",
        )
    )
