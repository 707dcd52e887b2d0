"""Command lines that fire makes of functions, classes and objects: every parameter is an option."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ....training_plan.values import Absent, Default, Known, Unknown, Value
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Class, Function, Instance, Mapping, object_of, plain
from .commands import WHICH, arguments, command_named, run_command
from .dataclass_parsers import of_parameters
from .process import of_line, spoken, started
from .worded_fields import by_fire

if TYPE_CHECKING:
    import libcst as cst


@model("fire.Fire")
def fire(call: ModelCall) -> Value:
    target = call.arguments.get(0, "component")
    words = call.arguments.get(1, "command")
    if not isinstance(words, Absent) and not (isinstance(words, Known) and words.value is None):
        return Unknown("words that the script passes to its command line")
    return component(call.machine, target, call.node)


def component(m: Machine, target: Value, node: cst.CSTNode | None) -> Value:
    obj = object_of(target)
    if isinstance(obj, Function):
        return m.call(target, fire_options(m, obj, by_position(m, obj.positional)), node)
    if isinstance(obj, Mapping):
        return run_command(m, {name: partial(component, m, v, node) for name, v in obj.state.items.items()})
    if isinstance(obj, Class):
        init = object_of(obj.lookup("__init__"))
        given = of_self(m, init, Arguments()) if isinstance(init, Function) else Arguments()
        made = m.call(target, given, node)
        return run_method(m, obj, made, node)
    if isinstance(obj, Instance):
        return run_method(m, obj.cls, target, node)
    if isinstance(target, Absent):  # any function of the script is a command
        own = m.frame.scope.module.scope.slots
        functions = {k: partial(component, m, v, node) for k, v in own.items() if isinstance(object_of(v), Function)}
        return run_command(m, functions) if command_named(m, functions) is not None else Unknown(WHICH)
    return Unknown("this use of fire is not modelled")


def fire_options(m: Machine, fn: Function, given: Arguments) -> Arguments:
    """Return arguments for a function whose parameters are options, those of its `**` too where the line is known."""
    given = of_parameters(m, fn, given, dashed=False, reading=by_fire)
    line = started(m)
    if fn.node.params.star_kwarg is not None and line is not None and not line.more and not line.overridable:
        given.unknown = ""
        names = {p.name.value for p in fn.named}
        said = [str(word.value) for word in line.words if isinstance(word, (Known, Default))]
        for option in (text.partition("=")[0] for text in said if text.startswith("--")):
            name = option[2:].replace("-", "_")
            if name not in names and (word := spoken(m, (option,))) is not None:
                alone = isinstance(word, Unknown) or str(plain(word)).startswith("--")
                given.keywords[name] = Known(True, word.trace) if alone else by_fire(Absent())(word)
    return given


def by_position(m: Machine, parameters: list[cst.Param]) -> Arguments:
    """Return the words of the command line that are no options as arguments for the parameters without an option."""
    left = [p.name.value for p in parameters if spoken(m, (f"--{p.name.value}",)) is None]
    return Arguments(
        keywords={name: of_line(m, by_fire(Absent())(word)) for name, word in zip(left, arguments(m, bool))}
    )


def of_self(m: Machine, fn: Function, given: Arguments) -> Arguments:
    """Return the arguments of a method, without the object itself."""
    given = fire_options(m, fn, given)
    positional = fn.positional
    if positional:
        given.keywords.pop(positional[0].name.value, None)
    return given


def run_method(m: Machine, cls: Class, owner: Value, node: cst.CSTNode | None) -> Value:
    """Run the method of an object that the command line names; without public methods, return the object."""
    methods = {k: v for k, v in cls.slots.items() if isinstance(object_of(v), Function) and not k.startswith("_")}
    if not methods:
        return owner
    return run_command(m, {name: partial(method, m, owner, v, node) for name, v in methods.items()})


def method(m: Machine, owner: Value, value: Value, node: cst.CSTNode | None) -> Value:
    fn = object_of(value)
    return m.call(m.attribute(owner, fn.name, node), of_self(m, fn, by_position(m, fn.positional[1:])), node)
