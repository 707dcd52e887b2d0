"""Validators of a pydantic model: which there are, when each runs, and what it makes of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....training_plan.values import Known, Unknown, Value
from ...core.machine import Machine
from ...core.objects import Arguments, Bound, Class, Field, Function, Mapping, Opaque, object_of, plain

if TYPE_CHECKING:
    import libcst as cst


Validator = tuple[str, Opaque, Function]  # its kind, its decorator, its function


def validators(cls: Class) -> list[Validator]:
    """Return the validators of a model in the order of their definition, bases first."""
    out: list[Validator] = []
    for base in reversed(cls.mro()):
        for value in base.slots.values() if isinstance(base, Class) else ():
            fn = object_of(value)
            for mark in fn.marks if isinstance(fn, Function) else ():
                last = mark.text.split("(")[0].rsplit(".", 1)[-1]
                if last in ("field_validator", "validator", "model_validator", "root_validator"):
                    out.append((last, mark, fn))
    return out


def arguments_of(mark: Opaque) -> dict[str, Value]:
    return mark.call.arguments if mark.call is not None else {}


def mode_of(kind: str, mark: Opaque) -> str:
    given = arguments_of(mark)
    if kind in ("validator", "root_validator"):
        return "before" if plain(given.get("pre", Known(False))) is True else "after"
    return plain(given.get("mode", Known("after"))) or "after"


def validated(
    m: Machine,
    cls: Class,
    f: Field,
    value: Value,
    mode: str,
    found: list[Validator],
    so_far: dict[str, Value],
    node: cst.CSTNode | None,
) -> Value:
    """Return the value after the field's validators of one mode."""
    for kind, mark, fn in found:
        if kind not in ("field_validator", "validator") or mode_of(kind, mark) != mode:
            continue
        fields = [plain(v) for k, v in arguments_of(mark).items() if k.startswith("$")]
        if f.name not in fields and "*" not in fields:
            continue
        if plain(arguments_of(mark).get("each_item", Known(False))) is True:
            value = Unknown(f"{fn.name}() checks each item")
            continue
        value = run_validator(m, cls, fn, value, f, so_far, node)
    return value


def run_validator(
    m: Machine, cls: Class, fn: Function, value: Value, f: Field, so_far: dict[str, Value], node: cst.CSTNode | None
) -> Value:
    params = [p.name.value for p in fn.positional]
    given: list[Value] = [value]
    own = params[1:] if fn.kind != "staticmethod" else params
    for name in own[1:]:
        if name in ("values", "data"):
            given.append(Known(Mapping(dict(so_far))))
        else:
            info = Opaque("info", "call", (), "pydantic.ValidationInfo")
            info.slots.update(
                {"data": Known(Mapping(dict(so_far))), "field_name": Known(f.name), "name": Known(f.name)}
            )
            given.append(Known(info))
    if fn.kind == "staticmethod":
        return m.call(Known(fn), Arguments(given), node)
    return m.call(Known(Bound(Known(cls), fn.name, fn, fn.owner)), Arguments(given), node)
