"""Conversions of pydantic to a declared type: `int` from "16", a model from a dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.machine import Machine
from ...core.objects import Arguments, Builtin, Class, Instance, Mapping, Object, Opaque, Scope, Sequence, object_of
from ...core.operations import describe, lift
from ...python.builtins import BUILTINS

if TYPE_CHECKING:
    import libcst as cst

INTEGERS = ("int", "PositiveInt", "NegativeInt", "NonNegativeInt", "NonPositiveInt", "StrictInt", "conint")
FLOATS = (
    "float",
    "PositiveFloat",
    "NegativeFloat",
    "NonNegativeFloat",
    "NonPositiveFloat",
    "StrictFloat",
    "FiniteFloat",
    "confloat",
)
AS_THEY_ARE = (
    "str",
    "StrictStr",
    "Any",
    "object",
    "dict",
    "Dict",
    "Type",
    "type",
    "Callable",
    "Mapping",
    "bytes",
    "StrictBool",
)
LISTS = {
    "list": "list",
    "List": "list",
    "Sequence": "",
    "Iterable": "",
    "tuple": "tuple",
    "Tuple": "tuple",
    "set": "set",
    "Set": "set",
    "frozenset": "frozenset",
    "conlist": "list",
}
PATHS = ("Path", "FilePath", "DirectoryPath", "NewPath", "PosixPath")


def split(text: str, mark: str) -> list[str]:
    """Split an annotation at each `mark` that is outside brackets and quotes."""
    parts, depth, start, quote = [], 0, 0, ""
    for i, c in enumerate(text):
        if quote:
            quote = "" if c == quote else quote
        elif c in "\"'":
            quote = c
        elif c in "[(":
            depth += 1
        elif c in "])":
            depth -= 1
        elif c == mark and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    return [*parts, text[start:].strip()]


def adapt(m: Machine, cls: Class, annotation: str, value: Value, node: cst.CSTNode | None) -> Value:
    """Return the value in the declared type, or an unknown value if the conversion is not modelled."""
    return (
        lift(lambda v: one(m, cls, annotation, v, node), value) if not isinstance(value, (Unknown, Absent)) else value
    )


def one(m: Machine, cls: Class, annotation: str, value: Value, node: cst.CSTNode | None) -> Value:
    text = annotation.strip()
    if text[:1] in "\"'" and text[-1:] == text[:1]:
        text = text[1:-1]
    sides = split(text, "|")
    if len(sides) > 1:
        return union(m, cls, sides, value, node)
    head, _, rest = text.partition("[")
    name = head.partition("(")[0].rsplit(".", 1)[-1].strip()
    inner = split(rest[:-1], ",") if rest.endswith("]") else []
    if name in ("Optional", "Union"):
        return union(m, cls, [*inner, "None"] if name == "Optional" else inner, value, node)
    if name == "Annotated":
        if "Validator" in rest or "Transform" in rest:
            return Unknown("a validator in its annotation decides what it is", value.trace)
        return one(m, cls, inner[0], value, node) if inner else value
    if name in ("ClassVar", "Final", "Required", "NotRequired") and inner:
        return one(m, cls, inner[0], value, node)
    if name in INTEGERS or name in FLOATS or name in ("bool", "StrictBool"):
        return scalar("int" if name in INTEGERS else "float" if name in FLOATS else "bool", value)
    if name in LISTS:
        return sequence(m, cls, name, inner or ["Any"], value, node)
    if name == "Literal":
        exact = isinstance(value, Known) and repr(value.value) in [i.replace('"', "'") for i in inner]
        return value if exact else Unknown(f"which of {', '.join(inner)} it becomes", value.trace)
    if name in ("dict", "Dict", "Mapping") and len(inner) == 2 and isinstance(object_of(value), Mapping):
        state = object_of(value).state
        return Known(
            Mapping(
                {k: adapt(m, cls, inner[1], v, node) for k, v in state.items.items()},
                state.why_incomplete,
                "dict",
                state.overridden_by,
            ),
            value.trace,
        )
    if name in AS_THEY_ARE or name == "None" or not isinstance(value, Known):
        return value
    if name in PATHS:
        return (
            m.call(m.library_name("pathlib", "Path"), Arguments([value]), node)
            if isinstance(value.value, str)
            else value
        )
    return declared(m, cls, head, value, node)


def union(m: Machine, cls: Class, sides: list[str], value: Value, node: cst.CSTNode | None) -> Value:
    if isinstance(value, Known) and value.value is None:
        return value
    real = [s for s in sides if s != "None"]
    if len(real) == 1:
        return one(m, cls, real[0], value, node)
    obj = object_of(value)
    if isinstance(obj, Mapping):
        models = [s for s in real if isinstance(object_of(named(cls, s)), Class)]
        mappings = [s for s in real if s.partition("[")[0].rsplit(".", 1)[-1] in ("dict", "Dict", "Mapping", "Any")]
        if len(models) + len(mappings) > 1:
            return Unknown("one of several models or mappings")
        return one(m, cls, (models or mappings)[0], value, node) if models or mappings else value
    plain_kind = type(value.value).__name__ if isinstance(value, Known) else ""
    if plain_kind in real or isinstance(obj, Instance):  # an exact type wins
        return value
    listed = [s for s in real if s.partition("[")[0].rsplit(".", 1)[-1] in LISTS]
    if isinstance(obj, Sequence):
        return one(m, cls, listed[0], value, node) if len(listed) == 1 else value
    if any(s.startswith(("Literal", "typing.Literal", "Any")) for s in real):
        return value
    return Unknown(f"which of {', '.join(real)} it is converted to", value.trace)


def scalar(kind: str, value: Value) -> Value:
    if not isinstance(value, Known) or isinstance(value.value, Object):
        return value
    v = value.value
    try:
        if kind == "int":
            if isinstance(v, str):
                v = int(v) if "." not in v else int(float(v))
            elif isinstance(v, bool) or isinstance(v, float) and v == int(v):
                v = int(v)
        elif kind == "float" and isinstance(v, (bool, int, str)):
            v = float(v)
        elif kind == "bool" and isinstance(v, str):
            if v.lower() not in ("1", "true", "yes", "on", "y", "t", "0", "false", "no", "off", "n", "f"):
                return Unknown(f"{v!r} is not a boolean", value.trace)
            v = v.lower() in ("1", "true", "yes", "on", "y", "t")
        elif kind == "bool" and isinstance(v, (int, float)):
            v = bool(v)
    except (ValueError, OverflowError):
        return Unknown(f"{v!r} is not a {kind}", value.trace)
    return value if v is value.value else Known(v, value.trace)


def sequence(m: Machine, cls: Class, name: str, inner: list[str], value: Value, node: cst.CSTNode | None) -> Value:
    obj = object_of(value)
    kept = inner[0].partition("[")[0].rsplit(".", 1)[-1] in AS_THEY_ARE
    if isinstance(obj, Opaque) and not obj.kind and LISTS[name] in ("list", "") and kept:
        return value  # a list of the run, of the same elements
    if not isinstance(obj, Sequence):
        return (
            value
            if isinstance(value, Known) and value.value is None
            else Unknown(f"{describe(value)} as a {name}", value.trace)
        )
    state = obj.state
    each = (
        inner
        if name.lower() == "tuple" and inner[-1] != "..." and len(inner) == len(state.items)
        else [inner[0]] * len(state.items)
    )
    items = tuple(adapt(m, cls, a, v, node) for a, v in zip(each, state.items))
    return Known(Sequence(items, LISTS[name] or obj.kind, state.why_incomplete, state.overridden_by), value.trace)


def named(cls: Class, text: str) -> Value | None:
    """Return the value of a name in an annotation of the class."""
    parts = text.strip("\"' ").split(".")
    scope: Scope | None = cls.scope
    while scope is not None and parts[0] not in scope.slots:
        scope = scope.parent
    value = scope.slots[parts[0]] if scope is not None else cls.module.scope.slots.get(parts[0])
    for part in parts[1:]:
        inner = getattr(object_of(value), "scope", None)
        value = inner.slots.get(part) if inner is not None else None
    found: Value | None = value
    return found


def declared(m: Machine, cls: Class, head: str, value: Known, node: cst.CSTNode | None) -> Value:
    """Return a type of the script, or the type that a name stands for."""
    obj, target = value.value, named(cls, head) or Absent()
    kind = object_of(target)
    if isinstance(kind, Builtin) and kind is not object_of(BUILTINS.get(head)):
        return one(m, cls, kind.name, value, node)
    if isinstance(kind, Opaque) and kind.operation == "item":
        return one(m, cls, kind.text, value, node)
    if isinstance(kind, Class):
        if isinstance(obj, Mapping) and kind.kind in ("pydantic", "dataclass", "attrs"):
            given = {k: v for k, v in obj.state.items.items() if isinstance(k, str)}
            if kind.kind != "pydantic":  # a plain dataclass is checked like a model here
                given = {
                    k: adapt(m, kind, kind.fields[k].annotation, v, node) if k in kind.fields else v
                    for k, v in given.items()
                }
            inner = Arguments([], given, value.trace[-1] if value.trace else None)
            inner.unknown = obj.state.why_incomplete
            return m.call(target, inner, node)
        if kind.kind == "enum" and not isinstance(obj, Object):
            return m.call(target, Arguments([value]), node)
        return value
    if isinstance(obj, Object):
        return value
    return Unknown(f"pydantic may convert {describe(value)} to {head}", value.trace)
