"""Command lines made from dataclasses and functions, by tyro, simple_parsing and the like.

Every field of a dataclass of the script is an option with the field's default.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.joins import demote
from ...core.library import method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Builtin, Class, Field, Function, Instance, Opaque, object_of, plain
from ...core.operations import lift
from ...core.recording import ANY_OPTION
from ...core.state import place_of
from ...python.builtins import BUILTINS
from ...python.classes import field_default
from .argparse import PARSERS, Option, add, make_parser, parser_behind
from .argparse_words import converted, of_type
from .process import chosen, of_line, spoken
from .worded_fields import like

if TYPE_CHECKING:
    import libcst as cst


# -- options of fields -----------------------------------------------------------------------------------
def bare(annotation: str) -> str:
    """Return the type within `Optional[…]`, `… | None` and quotes."""
    text = annotation.strip("\"' ").removeprefix("typing.")
    if text.startswith("Optional[") and text.endswith("]"):
        text = text[len("Optional[") : -1]
    sides = [part.strip() for part in text.split("|") if part.strip() != "None"]
    return (sides[0] if len(sides) == 1 else text).removeprefix("typing.")


def elements(annotation: str) -> str | None:
    """Return the element type of a list type, or None if it is no list."""
    text = bare(annotation)
    for word in ("list[", "List["):
        if text.startswith(word):
            return bare(text[len(word) : -1])
    return "str" if text in ("list", "List") else None


def truth_of_word(call: ModelCall) -> Value:
    def one(v: Value) -> Value:
        if not (isinstance(v, Known) and isinstance(v.value, str)):
            return (
                v if isinstance(v, Known) and isinstance(v.value, bool) else Unknown("a boolean known only at run time")
            )
        word = v.value.lower()
        if word in ("yes", "true", "t", "y", "1"):
            return Known(True, v.trace)
        return (
            Known(False, v.trace) if word in ("no", "false", "f", "n", "0") else Unknown(f"{v.value} is not a boolean")
        )

    return lift(one, call.arguments.get(0))


def type_of(annotation: str) -> Value:
    """Return the function that converts a word to a value."""
    name = elements(annotation) or bare(annotation)
    if name == "bool":
        return Known(Builtin("bool", truth_of_word))
    return BUILTINS[name] if name in ("int", "float") else Absent()


def option_of(m: Machine, cls: Class, f: Field, node: cst.CSTNode | None, prefix: str = "") -> Option:
    dashed = f.name.replace("_", "-")
    flags = (f"--{prefix}{f.name}",) if dashed == f.name else (f"--{prefix}{f.name}", f"--{prefix}{dashed}")
    default = field_default(m, cls, f, node)
    option = Option(f.name, flags, default)
    option.type = type_of(f.annotation)
    option.place = place_of(cls.module.scope, f.node) if f.node is not None else None
    if elements(f.annotation) is not None:
        option.nargs = "+"
    if bare(f.annotation) == "bool":
        option.nargs, option.const = "?", Known("true")
        if isinstance(default, Absent):
            option.slots["default"] = Known(False, (option.place,) if option.place is not None else ())
    elif isinstance(default, Absent):
        option.required = True
    return option


# -- simple_parsing --------------------------------------------------------------------------------------
@model("simple_parsing.ArgumentParser")
def simple_parser(call: ModelCall) -> Value:
    args = call.arguments
    return Known(make_parser(call.machine, args, call.node, call.callee), (args.place,) if args.place else ())


@method_model(PARSERS, "add_arguments")
def add_arguments(call: ModelCall) -> Value:
    parser, dest = parser_behind(call.receiver), plain(call.arguments.get(1, "dest"))
    if parser is not None and isinstance(dest, str):
        option = Option(
            dest, (f"--{dest}",), command_line(call.machine, call.arguments.get(0, "dataclass"), "", call.node)
        )
        add(call.machine, parser, option)
    return Known(None)


# -- tyro and the like -----------------------------------------------------------------------------------
@model(
    "tyro.cli",
    "simple_parsing.parse",
    "jsonargparse.CLI",
    "jsonargparse.auto_cli",
    "draccus.parse",
    "pyrallis.parse",
    "chz.entrypoint",
)
def cli(call: ModelCall) -> Value:
    args = call.arguments
    words = args.get(1 if call.callee.startswith("tyro.extras") else None, "args")
    if not isinstance(words, Absent) and not (isinstance(words, Known) and words.value is None):
        return Unknown("words that the script passes to its command line")
    target = args.get(0, "f", "config_class", "components")
    preset = args.get(None, "default")
    if isinstance(object_of(preset), Instance):
        return overridable(call.machine, preset, "")
    if isinstance(object_of(target), Opaque) and object_of(target).operation != "symbol" or isinstance(target, Absent):
        return Unknown(f"this use of {call.callee} is not modelled")
    return command_line(call.machine, target, "", call.node, args)


def command_line(
    m: Machine, target: Value, prefix: str, node: cst.CSTNode | None, at: Arguments | None = None
) -> Value:
    """Return an object, or a function's result, with every parameter as an option of the command line."""
    obj = object_of(target)
    given = Arguments([], {}, at.place if at is not None else None)
    if isinstance(obj, Class):
        for f in obj.fields.values():
            if f.init:
                given.keywords[f.name] = field_value(m, obj, f, prefix, node)
        return m.call(target, given, node)
    if isinstance(obj, Function):
        return m.call(target, of_parameters(m, obj, given, prefix), node)
    if isinstance(obj, Opaque):
        given.unknown = ANY_OPTION
        return m.call(target, given, node)
    return Unknown("the parts of the command line are unknown")


def field_value(m: Machine, cls: Class, f: Field, prefix: str, node: cst.CSTNode | None) -> Value:
    option = option_of(m, cls, f, node, prefix)
    default = option.slots["default"]
    by = option.flags[-1]
    if isinstance(default, Absent):
        nested = cls.module.scope.slots.get(bare(f.annotation), Absent())
        if isinstance(object_of(nested), Class) and object_of(nested).fields:
            return command_line(m, nested, f"{prefix}{f.name}.", node)
        word = spoken(m, option.flags)
        return (
            of_line(m, of_type(m, option, word, node))
            if word is not None
            else Unknown(f"{by} is required: only the command line gives it")
        )
    if isinstance(object_of(default), Instance) and object_of(default).cls.kind != "enum":
        return overridable(m, default, f"{prefix}{f.name}.")
    return chosen(
        m,
        option.flags,
        converted(m, option, default, node),
        by,
        lambda w: of_type(m, option, w, node),
        option.nargs != "?",
    )


def supposed_parameter(m: Machine, fn: Function, p: cst.Param) -> Value | None:
    """Return the likely value of an uncalled function's parameter that is declared as a dataclass: its defaults."""
    word = bare(fn.annotation(p))
    scope: Any = fn.scope
    while scope is not None and word not in scope.slots:
        scope = scope.parent
    value = (scope or fn.scope.module.scope).slots.get(word, Absent())
    cls = object_of(value)
    if (
        not isinstance(cls, Class)
        or cls.kind not in ("dataclass", "pydantic", "attrs")
        or cls.odd
        or cls.kind != "pydantic"
        and cls.library_base() is not None
    ):
        return None
    made = m.call(value, Arguments(), None)
    return (
        overridable(m, made, "", f"parameter {p.name.value} of {fn.name}()")
        if isinstance(object_of(made), Instance)
        else None
    )


def overridable(m: Machine, value: Value, prefix: str, by: str = "") -> Value:
    """Return the same object, with each field as a default that the command line (or `by`) may override."""
    old = object_of(value)
    new = Instance(old.cls)
    new.base, new.payload = old.base, old.payload
    for name, v in old.slots.items():
        if name not in old.cls.fields:
            new.slots[name] = v
        elif isinstance(object_of(v), Instance) and object_of(v).cls.kind != "enum":
            new.slots[name] = overridable(m, v, f"{prefix}{name}.", by)
        elif by:
            new.slots[name] = demote(v, by)
        else:
            option = f"--{prefix}{name}".replace("_", "-")
            new.slots[name] = chosen(m, (option,), v, option, like(v), plain(v) not in (True, False))
    return Known(new, value.trace)


def of_parameters(
    m: Machine,
    fn: Function,
    given: Arguments,
    prefix: str = "",
    dashed: bool = True,
    reading: Callable[[Value], Callable[[Value], Value]] = like,
) -> Arguments:
    """Return arguments for a function whose parameters are options: defaults that the command line may override.

    `reading` returns, for a default, what converts a word of the command line.
    """
    for p in fn.named:
        name = p.name.value
        if name in given.keywords:
            continue
        by = f"--{prefix}{name.replace('_', '-') if dashed else name}"
        default = fn.defaults.get(name)
        annotation = fn.annotation(p)
        nested: Value | None = fn.scope.module.scope.slots.get(bare(annotation)) if annotation else None
        if default is not None and isinstance(object_of(default), Instance) and object_of(default).cls.kind != "enum":
            given.keywords[name] = overridable(m, default, f"{prefix}{name}.")
        elif default is not None:
            given.keywords[name] = chosen(m, (by,), default, by, reading(default), plain(default) not in (True, False))
        elif nested is not None and isinstance(object_of(nested), Class) and object_of(nested).kind == "dataclass":
            given.keywords[name] = command_line(m, nested, f"{prefix}{name}.", None)
        elif (word := spoken(m, (by,))) is not None:
            given.keywords[name] = of_line(m, reading(Absent())(word))
        else:
            given.keywords[name] = Unknown(f"{by} is required: only the command line gives it")
    if fn.node.params.star_kwarg is not None:
        given.unknown = "the command line may set further options"
    return given
