"""Model of click and libraries built like it: commands with options, groups, and the run of a call without words."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Callable

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.library import DECORATORS, method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Function, Items, Mapping, Opaque, object_of, plain
from .click_parameters import CONTEXT, PARAMETER, Parameter, argument_values, parameter_value
from .commands import run_command

if TYPE_CHECKING:
    import libcst as cst

COMMAND, DECORATOR = "click.Command", "click.decorator"
EXIT = "exit"


# -- decorators ------------------------------------------------------------------------------------------
Decoration = Callable[[Machine, Value, "cst.CSTNode | None"], Value]  # (m, function, node): what stands for it then


class Decorator(Opaque):
    """A decorator of click."""

    __slots__ = ("apply",)

    def __init__(self, apply: Decoration) -> None:
        super().__init__("click.decorator", "call", (), DECORATOR)
        self.apply = apply


class Command(Opaque):
    """A command or a group. `commands` holds the commands of a group, by name."""

    __slots__ = ("commands",)

    def __init__(self, name: str, callback: Value, function: str) -> None:
        super().__init__(function, "call", (), COMMAND)
        self.slots = {"callback": callback, "name": Known(name)}
        self.commands = Mapping({})

    @property
    def callback(self) -> Value:
        callback: Value = self.slots["callback"]
        return callback


def decorator(apply: Decoration) -> Value:
    """Return a decorator of click."""
    return Known(Decorator(apply))


@method_model(DECORATOR, "__call__")
def decorate(call: ModelCall) -> Value:
    made: Decorator = call.owner
    return made.apply(call.machine, call.arguments.get(0, "f"), call.node)


@model("click.command", "click.group", "rich_click.command", "rich_click.group", "cloup.command", "cloup.group")
def command(call: ModelCall) -> Value:
    args = call.arguments
    target = args.get(0)
    if isinstance(object_of(target), Function):
        return make_command(target, args)
    return decorator(lambda m, fn, node: make_command(fn, args))


def make_command(fn: Value, args: Arguments) -> Value:
    callback = object_of(fn)
    if not isinstance(callback, Function):
        return fn
    name = (
        plain(args.get(0, "name"))
        if not isinstance(object_of(args.get(0)), Function)
        else plain(args.get(None, "name"))
    )
    return Known(Command(name or callback.name.replace("_", "-"), fn, callback.name), fn.trace)


for _name in ("click.command", "click.group"):  # without parentheses
    DECORATORS[_name] = lambda call: make_command(call.arguments.positional[0], Arguments())
for _name in ("click.pass_context", "click.pass_obj"):
    DECORATORS[_name] = lambda call: call.arguments.positional[0]  # the mark on the function says it


@method_model(COMMAND, "command", "group")
def subcommand(call: ModelCall) -> Value:
    args = call.arguments

    def apply(m: Machine, fn: Value, node: cst.CSTNode | None) -> Value:
        made = fn if isinstance(object_of(fn), Command) else make_command(fn, args)
        add_command(ModelCall(m, Arguments([made]), node, call.callee, call.receiver))
        return made

    return (
        apply(call.machine, args.positional[0], call.node)
        if isinstance(object_of(args.get(0)), Function)
        else decorator(apply)
    )


@method_model(COMMAND, "add_command")
def add_command(call: ModelCall) -> Value:
    args = call.arguments
    added, store = object_of(args.get(0, "cmd")), call.owner.commands
    name = plain(args.get(1, "name")) or (plain(added.slots.get("name")) if added is not None else None)
    call.machine.write(
        store,
        "state",
        Items(
            {**store.state.items, name or f"command {len(store.state.items)}": args.get(0, "cmd")},
            store.state.why_incomplete,
        ),
    )
    return Known(None)


@method_model(COMMAND, "result_callback", "resultcallback")
def after(call: ModelCall) -> Value:
    return decorator(lambda m, fn, node: fn)


@model(
    "click.option",
    "click.argument",
    "click.password_option",
    "rich_click.option",
    "rich_click.argument",
    "cloup.option",
    "cloup.argument",
)
def parameter(call: ModelCall) -> Value:
    made = Parameter(call.callee, PARAMETER, call.arguments, not call.callee.endswith("argument"))

    def apply(m: Machine, fn: Value, node: cst.CSTNode | None) -> Value:
        target = object_of(fn)
        if isinstance(target, Command):
            target = object_of(target.callback)
        if isinstance(target, Function):
            target.marks.append(made)
        return fn

    return decorator(apply)


@model("click.version_option", "click.help_option", "click.confirmation_option")
def passing(call: ModelCall) -> Value:
    return decorator(lambda m, fn, node: fn)


# -- a run -----------------------------------------------------------------------------------------------
@method_model(COMMAND, "__call__", "main")
def run(call: ModelCall) -> Value:
    """Run `main()`: call the callback with the defaults, then end the program unless an argument prevents it."""
    words = call.arguments.get(0, "args")
    said = None
    if not isinstance(words, Absent) and not (isinstance(words, Known) and words.value is None):
        said = call.machine.iterate(words, call.node)
    result = invoke(call.machine, call.receiver, call.node, None, said)
    standalone = call.arguments.get(None, "standalone_mode")
    return result if plain(standalone) is False else Known(Opaque(f"{call.owner.text}()", EXIT))


def invoke(
    m: Machine, receiver: Value, node: cst.CSTNode | None, parent: Opaque | None, said: Items | None = None
) -> Value:
    own: Command = object_of(receiver)
    fn = object_of(own.callback)
    context = Opaque("ctx", "call", (), CONTEXT)
    context.slots["obj"] = parent.slots["obj"] if parent is not None else Known(None)
    given = Arguments()
    words = argument_values(m, fn.marks) if not own.commands.state.items else {}
    for mark in fn.marks:
        if isinstance(mark, Opaque) and mark.text == "click.pass_context":
            given.positional.append(Known(context))
        elif isinstance(mark, Opaque) and mark.text == "click.pass_obj":
            given.positional.append(context.slots["obj"])
        elif isinstance(mark, Parameter):
            name, value = parameter_value(m, mark, node, words.get(mark))
            if said is not None and (said.items or said.why_incomplete):
                value = Unknown("words that the script passes to its command")
            if name:
                given.keywords[name] = value
    result = m.call(own.callback, given, node)
    if not own.commands.state.items:
        return result

    def start(c: Value) -> Value:
        if isinstance(object_of(c), Command):
            return invoke(m, c, node, context, said)
        return m.call(c, Arguments(), node)

    return run_command(m, {name: partial(start, c) for name, c in own.commands.state.items.items()})


# -- the context -----------------------------------------------------------------------------------------
@method_model(CONTEXT, "ensure_object")
def ensure_object(call: ModelCall) -> Value:
    context = call.owner
    if isinstance(context.slots["obj"], Known) and context.slots["obj"].value is None:
        call.machine.write(context, "obj", call.machine.call(call.arguments.get(0), Arguments(), call.node))
    found: Value = context.slots["obj"]
    return found


@method_model(CONTEXT, "invoke", "forward")
def invoke_from(call: ModelCall) -> Value:
    """Call a command by `ctx.invoke(command, r=16)`: arguments that are not given get that command's defaults."""
    args = call.arguments
    target = args.get(0)
    inner = Arguments(args.positional[1:], dict(args.keywords), args.place)
    obj = object_of(target)
    if isinstance(obj, Opaque) and obj.kind == COMMAND:
        fn = object_of(obj.slots["callback"])
        for mark in fn.marks:
            if isinstance(mark, Parameter):
                name, value = parameter_value(call.machine, mark, call.node)
                if name and name not in inner.keywords:
                    inner.keywords[name] = (
                        Unknown("forwarded from another command") if call.callee.endswith("forward") else value
                    )
            elif isinstance(mark, Opaque) and mark.text == "click.pass_context":
                inner.positional.insert(0, call.receiver)
        target = obj.slots["callback"]
    return call.machine.call(target, inner, call.node)


@method_model(CONTEXT, "exit", "abort", "fail")
def leave(call: ModelCall) -> Value:
    return Known(Opaque(f"{call.callee}()", EXIT))


@model("click.echo", "click.secho", "click.style", "typer.echo", "typer.secho")
def echo(call: ModelCall) -> Value:
    call.machine.log("print", call.arguments, call.node)
    return call.arguments.get(0) if call.callee.endswith("style") else Known(None)
