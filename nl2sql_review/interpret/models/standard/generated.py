"""Methods that Python, dataclasses, named tuples and pydantic generate for the script's classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....training_plan.values import Absent, Known, Value
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Bound, Class, Field, Instance, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import in_each, mapped
from ..config import pydantic
from .signatures import CLASSES, asked
from .small_parts import copied

if TYPE_CHECKING:
    import libcst as cst


def generated_method(m: Machine, f: Bound, args: Arguments, node: cst.CSTNode | None) -> Value | None:
    obj, name = object_of(f.receiver), f.name
    if isinstance(obj, Instance):
        if obj.cls.kind == "pydantic":
            found = pydantic.method(m, f, args, node)
            if found is not None:
                return found
        if name in ("_replace", "model_copy", "copy"):
            new = copied(m, f.receiver, False, {})
            changed = (
                args.keywords
                if name == "_replace"
                else m.mapping(args.get(None, "update"), node).items
                if "update" in args.keywords
                else {}
            )
            for k, v in changed.items():
                m.write(object_of(new), k, v)
            return new
        if name == "_asdict":
            return as_dict(m, f.receiver)
    if isinstance(obj, Class):
        if obj.kind == "pydantic":
            return pydantic.method(m, f, args, node)
        if name == "_make":
            return m.call(f.receiver, Arguments(list(m.iterate(args.get(0), node).items)), node)
    return None


def as_dict(m: Machine, value: Value) -> Value:
    """Return an instance as a dictionary of its fields, and those inside it; a default stays one."""
    m.step()

    def made(one: Known) -> Value:
        obj = one.value
        if isinstance(obj, Instance) and obj.cls.kind != "enum":
            inherited = "fields of the library's class" if obj.base is not None and obj.cls.kind != "pydantic" else ""
            fields = {name: as_dict(m, obj.slots[name]) for name in obj.cls.fields if name in obj.slots}
            return Known(Mapping(fields, inherited), one.trace)
        return mapped(lambda inner: as_dict(m, inner), one)

    return in_each(made, value)


@model("dataclasses.asdict", "attr.asdict", "attrs.asdict")
def asdict(call: ModelCall) -> Value | None:
    given = call.arguments.get(0)
    return as_dict(call.machine, given) if isinstance(object_of(given), Instance) else None


@model("dataclasses.astuple")
def astuple(call: ModelCall) -> Value | None:
    obj = object_of(call.arguments.get(0))
    return (
        Known(Sequence(tuple(obj.slots[k] for k in obj.cls.fields if k in obj.slots), "tuple"))
        if isinstance(obj, Instance)
        else None
    )


@model("dataclasses.replace", "attr.evolve", "attrs.evolve", "copy.replace")
def replace(call: ModelCall) -> Value | None:
    args = call.arguments
    obj = object_of(args.get(0))
    if not isinstance(obj, Instance):
        return None
    fields = {k: obj.slots[k] for k, f in obj.cls.fields.items() if k in obj.slots and f.init}
    inner = Arguments([], {**fields, **args.keywords}, args.place)
    inner.places = args.places
    inner.open_as(args)
    return call.machine.call(Known(obj.cls), inner, call.node)


@model("dataclasses.fields", "attr.fields")
def fields(call: ModelCall) -> Value | None:
    obj = object_of(call.arguments.get(0))
    cls = obj.cls if isinstance(obj, Instance) else obj
    if isinstance(cls, Opaque) and cls.operation == "symbol" and cls.text in CLASSES:
        return asked(call.machine, cls.text)
    if not isinstance(cls, Class):
        return None
    made = []
    for f in cls.fields.values():
        made.append(
            Known(
                Mapping(
                    {
                        "name": Known(f.name),
                        "type": Known(f.annotation),
                        "default": f.default
                        if not isinstance(f.default, Absent)
                        else Known(Opaque("dataclasses.MISSING")),
                    },
                    "",
                    "config",
                )
            )
        )
    return Known(Sequence(tuple(made), "tuple"))


@model("dataclasses.is_dataclass")
def is_dataclass(call: ModelCall) -> Value | None:
    obj = object_of(call.arguments.get(0))
    cls = obj.cls if isinstance(obj, Instance) else obj
    return Known(cls.kind == "dataclass") if isinstance(cls, Class) else None


@model("dataclasses.field", "pydantic.Field", "attr.ib", "attrs.field", "attr.field")
def field_spec(call: ModelCall) -> Value:
    args = call.arguments
    from ...core.recording import Call
    from ...core.state import place_of

    arguments: dict[str, Value] = {f"${i}": v for i, v in enumerate(args.positional)}
    arguments.update(args.keywords)
    if call.callee == "pydantic.Field" and args.positional:
        arguments["default"] = args.positional[0]
    recorded = Call(call.callee, arguments, args.place or place_of(call.machine.frame.scope, call.node), args.places)
    return Known(Opaque(f"{call.callee}(…)", "field", (), call=recorded))


@model("collections.namedtuple")
def namedtuple(call: ModelCall) -> Value | None:
    m, args = call.machine, call.arguments
    names = args.get(1, "field_names")
    text = names.value if isinstance(names, Known) and isinstance(names.value, str) else None
    listed = (
        text.replace(",", " ").split()
        if text is not None
        else [v.value for v in m.iterate(names, call.node).items if isinstance(v, Known)]
    )
    scope = m.frame.scope
    cls = Class(
        str(plain(args.get(0))) if isinstance(args.get(0), Known) else "namedtuple", [], None, scope.module, scope
    )
    cls.kind = "namedtuple"
    defaults = m.iterate(args.keywords["defaults"], call.node).items if "defaults" in args.keywords else ()
    padded = [Absent()] * (len(listed) - len(defaults)) + list(defaults)
    cls.fields = {n: Field(n, "", d, None, call.node) for n, d in zip(listed, padded)}
    return Known(cls)
