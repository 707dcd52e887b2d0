"""Models of inspect.signature and similar functions: the parameters of a function.

The parameters of the script's own functions are all known. Those of a library's class depend on the installed
version: the versions that the script is judged by decide, if they agree. Unsloth's versions of TRL's configurations
have the same parameters and some more.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from ....libraries import store
from ....libraries.replacements import UNSLOTH_EXTRA
from ....training_plan.values import Known, Unknown, Value
from ...core.library import ATTRIBUTE_MODELS, CONSTANTS, METHOD_MODELS, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.names import PARAMETERS
from ...core.objects import Bound, Class, Function, Mapping, Opaque, Partial, Sequence, object_of
from ...core.operations import describe

if TYPE_CHECKING:
    from ....libraries.chosen import Versions

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
    if not isinstance(key, Known) or not isinstance(key.value, str):
        return None
    if key.value in always(name):
        return Known(True)
    library, _, cls = name.partition(".")
    versions = call.machine.project.versions(call.machine.recording)
    if versions is None or library not in store.TOGETHER or not store.knows(library, cls):
        return None
    found = decided(versions, library, cls, key.value)
    made_by = by_unsloth(call.machine, name) if library == "trl" else False
    if made_by is not False and not found:
        if (cls, key.value) == ("SFTConfig", "max_seq_length"):
            return Known(True) if made_by else None
        if key.value in UNSLOTH_EXTRA or not cls.endswith("Config"):
            return None
    return Known(found) if found is not None else None


def decided(versions: Versions, library: str, cls: str, parameter: str) -> bool | None:
    """Return whether a class has a parameter in the versions that are judged, or None where they differ."""

    def has(installed: dict[str, str]) -> bool | None:
        found = store.signature(library, cls, installed.get(library, ""))
        if found is not None and (found.bases and not cls.endswith("Trainer") or not found.parameters):
            found = store.whole(library, cls, installed)  # a trainer's own parameters are all that it has
        return None if found is None else parameter in found.parameters

    libraries = dict.fromkeys((library, "transformers"))
    if versions.all(has, *libraries):
        return True
    return False if versions.all(lambda installed: has(installed) is False, *libraries) else None


def by_unsloth(m: Machine, name: str) -> bool | None:
    """Return whether a class of TRL is Unsloth's by now, None if that import may fail; not one imported before it."""
    for path, place in m.recording.imports:
        if path.partition(".")[0] == "unsloth":
            tried = any(isinstance(node, cst.Try) for node in place.source.nodes.path(place.node))
            return None if tried else True
        if path == name:
            return False
    return False


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


def asked(m: Machine, name: str) -> Known:
    """Return the parameters of a library's callable, and keep that the script looks them up, by whatever name."""
    m.recording.signatures_asked.add(name.removesuffix(".__init__"))
    return parameters(name)


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
            return asked(m, library.text)
    if isinstance(obj, Function):
        items = names_of(obj)
        return Known(Mapping({n: v for i, (n, v) in enumerate(items.items()) if i >= skip}))
    if isinstance(obj, Opaque) and obj.operation == "symbol":
        return asked(m, obj.text)
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
