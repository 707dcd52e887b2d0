"""Methods that Python, dataclasses, named tuples and pydantic generate for the script's classes."""

from __future__ import annotations

from typing import Any

from ...values import Absent, Known, Unknown, Value
from ..library import model
from ..machine import Machine
from ..objects import Arguments, Bound, Class, Field, Instance, Mapping, Opaque, Sequence, object_of
from .standard import copied


def generated_method(m: Machine, f: Bound, args: Arguments, node: Any) -> Value | None:
    obj, name = object_of(f.receiver), f.name
    if isinstance(obj, Instance):
        if name in ("_replace", "model_copy", "copy"):
            new = copied(f.receiver, False, {})
            changed = args.keywords if name == "_replace" else m.mapping(args.get(None, "update"), node).items if "update" in args.keywords else {}
            for k, v in changed.items():
                m.write(object_of(new), k, v)
            return new
        if name in ("_asdict", "model_dump", "dict"):
            return as_dict(f.receiver)
    if isinstance(obj, Class):
        if name in ("model_validate", "parse_obj"):
            state = m.mapping(args.get(0), node)
            inner = Arguments([], {k: v for k, v in state.items.items() if isinstance(k, str)}, args.place)
            inner.unknown = state.open
            return m.call(f.receiver, inner, node)
        if name == "_make":
            return m.call(f.receiver, Arguments(list(m.iterate(args.get(0), node).items)), node)
    return None


def as_dict(value: Value) -> Value:
    obj = object_of(value)
    if isinstance(obj, Instance) and obj.cls.kind != "enum":
        return Known(Mapping({k: as_dict(obj.slots[k]) for k in obj.cls.fields if k in obj.slots}), value.trace)
    if isinstance(obj, Sequence):
        return Known(Sequence(tuple(as_dict(v) for v in obj.state.items), obj.kind, obj.state.open, obj.state.by), value.trace)
    if isinstance(obj, Mapping):
        return Known(Mapping({k: as_dict(v) for k, v in obj.state.items.items()}, obj.state.open, obj.kind, obj.state.by), value.trace)
    return value


@model("dataclasses.asdict", "attr.asdict", "attrs.asdict")
def asdict(m: Machine, args: Arguments, node: Any, callee: str) -> Value | None:
    return as_dict(args.get(0)) if isinstance(object_of(args.get(0)), Instance) else None


@model("dataclasses.astuple")
def astuple(m: Machine, args: Arguments, node: Any, callee: str) -> Value | None:
    obj = object_of(args.get(0))
    return Known(Sequence(tuple(obj.slots[k] for k in obj.cls.fields if k in obj.slots), "tuple")) if isinstance(obj, Instance) else None


@model("dataclasses.replace", "attr.evolve", "attrs.evolve", "copy.replace")
def replace(m: Machine, args: Arguments, node: Any, callee: str) -> Value | None:
    obj = object_of(args.get(0))
    if not isinstance(obj, Instance):
        return None
    fields = {k: obj.slots[k] for k, f in obj.cls.fields.items() if k in obj.slots and f.init}
    inner = Arguments([], {**fields, **args.keywords}, args.place)
    inner.places, inner.unknown = args.places, args.unknown
    return m.call(Known(obj.cls), inner, node)


@model("dataclasses.fields", "attr.fields")
def fields(m: Machine, args: Arguments, node: Any, callee: str) -> Value | None:
    obj = object_of(args.get(0))
    cls = obj.cls if isinstance(obj, Instance) else obj
    if not isinstance(cls, Class):
        return None
    made = []
    for f in cls.fields.values():
        made.append(Known(Mapping({"name": Known(f.name), "type": Known(f.annotation), "default": f.default if not isinstance(f.default, Absent) else Known(Opaque("dataclasses.MISSING"))}, "", "config")))
    return Known(Sequence(tuple(made), "tuple"))


@model("dataclasses.is_dataclass")
def is_dataclass(m: Machine, args: Arguments, node: Any, callee: str) -> Value | None:
    obj = object_of(args.get(0))
    cls = obj.cls if isinstance(obj, Instance) else obj
    return Known(cls.kind == "dataclass") if isinstance(cls, Class) else None


@model("dataclasses.field", "pydantic.Field", "attr.ib", "attrs.field", "attr.field")
def field_spec(m: Machine, args: Arguments, node: Any, callee: str) -> Value:
    from ..machine import place_of
    from ..recording import Call

    arguments: dict[str, Value] = {f"${i}": v for i, v in enumerate(args.positional)}
    arguments.update(args.keywords)
    if callee == "pydantic.Field" and args.positional:
        arguments["default"] = args.positional[0]
    call = Call(callee, arguments, args.place or place_of(m.frame.scope, node), args.places)
    return Known(Opaque(f"{callee}(…)", "field", (), call=call))


@model("collections.namedtuple")
def namedtuple(m: Machine, args: Arguments, node: Any, callee: str) -> Value | None:
    names = args.get(1, "field_names")
    text = names.value if isinstance(names, Known) and isinstance(names.value, str) else None
    listed = text.replace(",", " ").split() if text is not None else [v.value for v in m.iterate(names, node).items if isinstance(v, Known)]
    scope = m.frame.scope
    cls = Class(str(args.get(0).value) if isinstance(args.get(0), Known) else "namedtuple", [], None, scope.module, scope)
    cls.kind = "namedtuple"
    defaults = m.iterate(args.keywords["defaults"], node).items if "defaults" in args.keywords else ()
    padded = [Absent()] * (len(listed) - len(defaults)) + list(defaults)
    cls.fields = {n: Field(n, "", d, None, node) for n, d in zip(listed, padded)}
    return Known(cls)


def pydantic_extra(cls: Class) -> str:
    """What pydantic does with keys that are no field: "allow", "ignore" or "forbid"."""
    config = object_of(cls.lookup("model_config"))
    value = config.state.items.get("extra") if isinstance(config, Mapping) else config.call.arguments.get("extra") if isinstance(config, Opaque) and config.call is not None else None
    return value.value if isinstance(value, Known) else "ignore"


def pydantic_setting(cls: Class, f: Field) -> Value | None:
    """A field of pydantic settings: its default, unless the environment says otherwise."""
    if not any(isinstance(b, Opaque) and b.text.endswith("BaseSettings") for b in cls.mro()):
        return None
    from ..machine import demote

    prefix = ""
    config = object_of(cls.lookup("model_config"))
    if isinstance(config, Opaque) and config.call is not None and isinstance(config.call.arguments.get("env_prefix"), Known):
        prefix = config.call.arguments["env_prefix"].value
    if isinstance(config, Mapping) and isinstance(config.state.items.get("env_prefix"), Known):
        prefix = config.state.items["env_prefix"].value
    variable = "$" + (f.alias or prefix + f.name).upper()
    return Unknown(f"{variable} is required") if isinstance(f.default, Absent) else demote(f.default, variable)
