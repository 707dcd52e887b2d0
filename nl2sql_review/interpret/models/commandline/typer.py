"""Command lines that typer makes of functions: every parameter is an option with the parameter's default."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.joins import demote
from ...core.library import method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import (
    Arguments,
    Builtin,
    Cell,
    Class,
    Function,
    Items,
    Mapping,
    Opaque,
    Sequence,
    object_of,
    plain,
)
from ...core.operations import lift
from ...python.builtins import BUILTINS
from .click import EXIT, decorator
from .click_parameters import CONTEXT, Parameter, callable_value, truth_of_word
from .commands import arguments, run_command
from .dataclass_parsers import bare
from .process import chosen, of_line, spoken

if TYPE_CHECKING:
    import libcst as cst

TYPER, PARAMETER = "typer.Typer", "typer.Parameter"


class App(Opaque):
    """A `typer.Typer`. `commands` holds functions and further apps by name; `start` runs before the command."""

    __slots__ = ("commands", "start")

    def __init__(self, start: Value) -> None:
        super().__init__("typer.Typer(…)", "call", (), TYPER)
        self.commands, self.start = Mapping({}), Cell(start)


@model("typer.Typer")
def make(call: ModelCall) -> Value:
    args = call.arguments
    return Known(App(args.get(None, "callback")), (args.place,) if args.place else ())


@method_model(TYPER, "command")
def command(call: ModelCall) -> Value:
    def apply(m: Machine, fn: Value, node: cst.CSTNode | None) -> Value:
        add_command(m, call, fn)
        if isinstance(object_of(fn), Function):  # started by a console script, when the script itself never starts it
            object_of(fn).slots["__command__"] = Known(
                Builtin("typer", lambda call: typed_call(call.machine, fn, call.node))
            )
        return fn

    return (
        apply(call.machine, call.arguments.positional[0], call.node)
        if isinstance(object_of(call.arguments.get(0)), Function)
        else decorator(apply)
    )


def add_command(m: Machine, call: ModelCall, command: Value) -> None:
    store, obj = call.owner.commands, object_of(command)
    named = plain(call.arguments.get(None, "name")) or plain(call.arguments.get(0, "name"))
    made = obj.name.replace("_", "-") if isinstance(obj, Function) else f"command {len(store.state.items)}"
    name = named if isinstance(named, str) else made
    m.write(store, "state", Items({**store.state.items, name: command}, store.state.why_incomplete))


@method_model(TYPER, "callback")
def callback(call: ModelCall) -> Value:
    def apply(m: Machine, fn: Value, node: cst.CSTNode | None) -> Value:
        m.write(call.owner.start, "value", fn)
        return fn

    return decorator(apply)


@method_model(TYPER, "add_typer")
def add_typer(call: ModelCall) -> Value:
    add_command(call.machine, call, call.arguments.get(0, "typer_instance"))
    return Known(None)


@method_model(TYPER, "__call__")
def run(call: ModelCall) -> Value:
    start_app(call.machine, call.receiver, call.node)
    return Known(None) if plain(call.arguments.get(None, "standalone_mode")) is False else Known(Opaque("app()", EXIT))


def start_app(m: Machine, value: Value, node: cst.CSTNode | None) -> Value:
    app: App = object_of(value)
    start = app.start.value
    if isinstance(object_of(start), Function):
        typed_call(m, start, node)
    commands = app.commands.state.items
    if not commands:
        return Known(None)

    def run_one(c: Value) -> Value:
        return start_app(m, c, node) if isinstance(object_of(c), App) else typed_call(m, c, node)

    return run_command(m, {name: partial(run_one, c) for name, c in commands.items()})


@model("typer.run")
def run_function(call: ModelCall) -> Value:
    typed_call(call.machine, call.arguments.get(0, "function"), call.node)
    return Known(Opaque("typer.run()", EXIT))


@model("typer.Option", "typer.Argument")
def parameter(call: ModelCall) -> Value:
    args = call.arguments
    made = Parameter(f"{call.callee}(…)", PARAMETER, args, call.callee.endswith("Option"))
    return Known(made, (args.place,) if args.place else ())


def typed_call(m: Machine, target: Value, node: cst.CSTNode | None) -> Value:
    """Call the function as typer does if the command line is empty."""
    fn = object_of(target)
    if not isinstance(fn, Function):
        return Unknown("a command that is not one of the script's functions")
    given = Arguments()
    words = iter(arguments(m, lambda option: option not in flags_of(m, fn)))
    for p in fn.named:
        given.keywords[p.name.value] = parameter_value(m, fn, p, words, node)
    return m.call(target, given, node)


def flags_of(m: Machine, fn: Function) -> set[str]:
    """Return the options of a command that stand without a value."""
    found: set[str] = set()
    for p in fn.named:
        mark, annotation, _ = declaration(m, fn, p)
        if bare(annotation) == "bool":
            name = p.name.value.replace("_", "-")
            found |= (
                {part.strip() for spelled in mark.names for part in spelled.split("/")} if mark is not None else set()
            )
            spelled = "/".join(mark.names) if mark is not None else ""
            found |= {f"--{name}", f"--no-{name}", *map(str.strip, spelled.split("/"))}
    return found


def parameter_value(m: Machine, fn: Function, p: cst.Param, words: Iterator[Value], node: cst.CSTNode | None) -> Value:
    """Return the value that typer passes for a parameter of a command; `words` are those of its arguments."""
    name = p.name.value
    mark, annotation, default = declaration(m, fn, p)
    if "typer.Context" in annotation:
        return Known(Opaque("ctx", "call", (), CONTEXT))
    args = mark.arguments if mark is not None else Arguments()
    flags = [word for word in mark.names if word.startswith("-")] if mark is not None else []
    is_option = mark.is_option if mark is not None else not isinstance(default, Absent)
    by = f"the argument {name}"
    if is_option:
        by = max(flags, key=len).split("/")[0] if flags else "--" + name.replace("_", "-")
    if "default_factory" in args.keywords:
        default = m.call(args.keywords["default_factory"], Arguments(), node)
    elif callable_value(default):
        default = m.call(default, Arguments(), node)
    kind = bare(annotation)
    if not is_option and (argument := next(words, None)) is not None:
        return of_line(m, typed(m, kind, argument, fn, node))
    word = spoken(m, flags or (by,)) if isinstance(default, Absent) and is_option else None
    if isinstance(default, Absent) and word is None:
        return Unknown(f"{by} is required: only the command line gives it")
    if plain(args.get(None, "prompt")) not in (None, False):
        return Unknown(f"{by} is prompted for")
    value = chosen(
        m,
        flags or (by,),
        typed(m, kind, default, fn, node),
        by,
        lambda word: typed(m, kind, word, fn, node),
        takes=kind != "bool",
    )
    if "callback" in args.keywords:
        return demote(m.call(args.keywords["callback"], Arguments([value]), node), by)
    return value


def declaration(m: Machine, fn: Function, p: cst.Param) -> tuple[Parameter | None, str, Value]:
    """Return how a parameter is declared: its `Option(…)` or `Argument(…)` if it has one, its type, its default."""
    default: Value = fn.defaults.get(p.name.value, Absent())
    annotation = fn.annotation(p)
    bare_name = annotation.removeprefix("typing.").removeprefix("typing_extensions.")
    if p.annotation is not None and bare_name.startswith("Annotated["):
        spec = object_of(m.evaluate(p.annotation.annotation, fn.scope))
        inside = object_of(spec.args[1]) if isinstance(spec, Opaque) and spec.operation == "item" else None
        marks = [object_of(v) for v in inside.state.items] if isinstance(inside, Sequence) else []
        declared = next((o for o in marks if isinstance(o, Parameter)), None)
        return declared, annotation.partition("[")[2].rstrip("]").split(",")[0].strip(), default
    mark = object_of(default)
    if not isinstance(mark, Parameter):
        return None, annotation, default
    default = mark.arguments.get(0, "default")
    required = isinstance(default, Known) and default.value is ...
    return mark, annotation, Absent() if required else default


def typed(m: Machine, kind: str, value: Value, fn: Function, node: cst.CSTNode | None) -> Value:
    """Return a default in the parameter's declared type."""
    if isinstance(value, Known) and value.value is None:
        return (
            Unknown("typer returns None or an empty list here, depending on its version")
            if kind.lower().startswith("list")
            else value
        )
    if kind in ("int", "float"):
        return lift(
            lambda v: (
                m.call(BUILTINS[kind], Arguments([v]), node)
                if isinstance(v, Known) and isinstance(v.value, (str, int, float)) and not isinstance(v.value, bool)
                else v
            ),
            value,
        )
    if kind == "bool":
        return lift(truth_of_word, value)
    if kind in ("Path", "pathlib.Path") and isinstance(plain(value), str):
        return m.call(m.library_name("pathlib", "Path"), Arguments([value]), node)
    declared = fn.scope.module.scope.slots.get(kind, Absent())
    if isinstance(object_of(declared), Class) and object_of(declared).kind == "enum" and isinstance(plain(value), str):
        return m.call(declared, Arguments([value]), node)
    return value
