"""argparse, click, typer …: a plain run passes nothing that has a default, the other run passes something else."""

from __future__ import annotations

import argparse
import inspect
import sys
import types
import typing
from typing import Any, Callable

from . import standins
from .standins import plain, values
from .training import changed, fill, required

_parse_known_args = argparse.ArgumentParser.parse_known_args


# -- argparse: the real one ----------------------------------------------------------------------------------------
def _word(action: argparse.Action) -> str:
    if action.choices:
        return str(list(action.choices)[0 if plain() else -1])
    for text in ("3" if plain() else "5", f"{action.dest}-{standins.variant}"):
        try:
            (action.type or str)(text)
        except Exception:
            continue
        if action.type is not None or text.endswith(standins.variant):
            return text
    return "3"


def _required(parser: argparse.ArgumentParser) -> list[str]:
    """The words that somebody has to give."""
    words: list[str] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            if action.required:
                name = list(action.choices)[0 if plain() else -1]
                words += [name, *_required(action.choices[name])]
        elif action.option_strings and action.required:
            words += [action.option_strings[-1], *([] if action.nargs == 0 else [_word(action)])]
        elif not action.option_strings and action.nargs in (None, "+"):
            words.append(_word(action))
    groups = [group for group in parser._mutually_exclusive_groups if group.required]
    for group in groups:
        action = group._group_actions[0 if plain() else -1]
        words += [action.option_strings[-1], *([] if action.nargs == 0 else [_word(action)])]
    return words


def _change(parser: argparse.ArgumentParser, namespace: argparse.Namespace, given: list[str]) -> None:
    """Another command line: every option that was left out gets another value."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name in given:
                if name in action.choices:
                    _change(action.choices[name], namespace, given)
        elif isinstance(action, (argparse._HelpAction, argparse._VersionAction)) or not hasattr(namespace, action.dest):
            continue
        elif not set(given) & set(action.option_strings):
            value = getattr(namespace, action.dest)
            if action.choices:
                other = [choice for choice in action.choices if choice != value]
                setattr(namespace, action.dest, other[0] if other else value)
            elif value is None and action.nargs != 0:
                setattr(namespace, action.dest, 7 if action.type is int else 7.5 if action.type is float else "b")
            else:
                setattr(namespace, action.dest, changed(value))


def parse_known_args(self: argparse.ArgumentParser, args: Any = None, namespace: Any = None) -> Any:
    if args is not None:
        return _parse_known_args(self, args, namespace)
    given = _required(self)
    result, rest = _parse_known_args(self, given, namespace)
    if not plain():
        _change(self, result, given)
    return result, rest


argparse.ArgumentParser.parse_known_args = parse_known_args


# -- click and typer ----------------------------------------------------------------------------------------------
class Command:
    """A click command: called without arguments it runs with the defaults, and then ends the program."""

    def __init__(self, function: Callable, group: bool = False) -> None:
        self.callback, self.commands, self.group = function, {}, group
        self.options = list(reversed(getattr(function, "_options", [])))
        self.name, self.params = function.__name__, []

    def values(self) -> dict[str, Any]:
        return {name: value() for name, value in self.options}

    def __call__(self, args: Any = None, standalone_mode: bool = True, **kwargs: Any) -> Any:
        result = self.callback(**self.values())
        if self.commands:
            result = list(self.commands.values())[0 if plain() else -1](standalone_mode=False)
        if standalone_mode:
            sys.exit(0)
        return result

    main = __call__

    def command(self, *names: Any, **kwargs: Any) -> Callable:
        return lambda function: self.commands.setdefault(function.__name__, Command(function))

    def add_command(self, command: Command, name: str | None = None) -> None:
        self.commands[name or command.name] = command


def _command(*args: Any, **kwargs: Any) -> Any:
    return Command(args[0]) if args and callable(args[0]) else Command


def _option(*declarations: str, **settings: Any) -> Callable:
    names = [d for d in declarations if not d.startswith("-")]
    flags = sorted((d.split("/")[0] for d in declarations if d.startswith("-")), key=lambda d: (d.startswith("--"), 0))
    name = names[0] if names else flags[-1].lstrip("-").replace("-", "_")
    kind = settings.get("type")
    default = settings.get("default", False if settings.get("is_flag") else None)
    choices = kind.choices if isinstance(kind, Choice) else None
    if kind is None and default is not None:
        kind = type(default)

    def value() -> Any:
        if choices:
            picked = choices[0 if plain() else -1]
            return default if default is not None and plain() else picked
        if default is None and (settings.get("required") or argument):
            return required(kind, name)
        chosen = default() if callable(default) else default
        if kind in (int, float, str) and chosen is not None:
            chosen = kind(chosen)
        return changed(chosen)

    argument = settings.pop("_argument", False)

    def decorate(function: Callable) -> Callable:
        function.__dict__.setdefault("_options", []).append((name, value))
        return function

    return decorate


class Choice:
    def __init__(self, choices: Any, **kwargs: Any) -> None:
        self.choices = list(choices)


def _argument(*declarations: str, **settings: Any) -> Callable:
    return _option(*declarations, _argument=True, **settings)


class Parameter:
    """typer.Option(16) or typer.Argument(…)."""

    def __init__(self, default: Any = ..., *declarations: str, **settings: Any) -> None:
        self.default = default


def _typed(function: Callable) -> dict[str, Any]:
    """What a run without arguments passes to a function whose parameters are options."""
    hints, given = typing.get_type_hints(function, include_extras=True), {}
    for name, parameter in inspect.signature(function).parameters.items():
        kind, default = hints.get(name, str), parameter.default
        if default is inspect.Parameter.empty and typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
        if isinstance(default, Parameter):
            default = default.default
        given[name] = required(kind, name) if default in (..., inspect.Parameter.empty) else changed(default)
    return given


class Typer:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.commands: list[Callable] = []
        self.start: Callable | None = None

    def command(self, *args: Any, **kwargs: Any) -> Callable:
        return lambda function: self.commands.append(function) or function

    def callback(self, *args: Any, **kwargs: Any) -> Callable:
        return lambda function: setattr(self, "start", function) or function

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        if self.start is not None:
            self.start(**_typed(self.start))
        function = self.commands[0 if plain() else -1]
        function(**_typed(function))
        sys.exit(0)


def _typer_run(function: Callable) -> None:
    function(**_typed(function))
    sys.exit(0)


def _fire(component: Any = None, *args: Any, **kwargs: Any) -> Any:
    return component(**_typed(component))


def _tyro(component: Any, *args: Any, **kwargs: Any) -> Any:
    return component(**_typed(component)) if isinstance(component, types.FunctionType) else fill(component)


values.update({
    "click.command": _command, "click.option": _option, "click.argument": _argument, "click.Choice": Choice,
    "click.group": lambda *args, **kwargs: Command(args[0]) if args else Command,
    "click.echo": lambda *args, **kwargs: None, "click.Path": lambda *args, **kwargs: str,
    "click.pass_context": lambda function: function,
    "typer.run": _typer_run, "typer.Typer": Typer, "typer.Option": Parameter, "typer.Argument": Parameter,
    "typer.echo": lambda *args, **kwargs: None,
    "fire.Fire": _fire, "tyro.cli": _tyro, "simple_parsing.parse": _tyro,
})  # fmt: skip
for flag in ("INT", "FLOAT", "STRING", "BOOL"):
    values[f"click.{flag}"] = {"INT": int, "FLOAT": float, "STRING": str, "BOOL": bool}[flag]
