"""Launches in Justfiles: the lines of the recipes, with the variables and parameters of just."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from ..source import Source, Span
from ..source.command_line import CommandLine
from ..training_plan.values import Default, Place, Unknown, Value
from .launchers import Launchers, within
from .shell import Shell
from .shell_commands import Command

VARIABLE = re.compile(r"(?:export\s+)?([A-Za-z_][\w-]*)\s*:=\s*(?:'([^']*)'|\"([^\"]*)\")?")
RECIPE = re.compile(r"@?[A-Za-z_][\w-]*((?:\s[^:]*)?):(?!=)")
PARAMETER = re.compile(r"([*+$]{0,2})([A-Za-z_][\w-]*)(?:=(?:'([^']*)'|\"([^\"]*)\"|(\S+)))?")
HOLE = re.compile(r"\{\{\s*([A-Za-z_][\w-]*)\s*\}\}")
INTERPRETER = re.compile(r"#!.*\b(?:ba|z|da)?sh\b")


def of_justfile(source: Source, folders: Callable[[Command], tuple[str, ...]]) -> list[CommandLine]:
    """Return the launches in the recipes: each row with its continuations runs in a shell, or all after `#!`."""
    variables: dict[str, list[Value]] = {}
    inner: dict[str, list[Value]] = {}  # with the parameters of the recipe
    made: list[CommandLine] = []
    for row, text in _logical_rows(source.text):
        if text[:1] in " \t" and text.strip():
            whole = Place(source, Span(row, 1, row, 1 + len(text.partition("\n")[0])))
            plain = HOLE.sub(lambda found: "${" + found[1].replace("-", "_") + "}", _body(text))
            launchers = Launchers(plain, within(whole), folders, placeholders="is evaluated by just")
            made += launchers.of(Shell(dict(inner), lambda name: f"{name} is not set in this file").commands(plain))
        elif found := VARIABLE.match(text):
            value = found[2] if found[2] is not None else found[3]
            given = f"just {found[1]}=…"
            variables[found[1].replace("-", "_")] = [
                Default(value, given) if value is not None else Unknown(f"{found[1]} is evaluated by just")
            ]
        elif found := RECIPE.match(text):
            inner = {**variables, **_parameters(found[1])}
    return made


def _logical_rows(text: str) -> list[tuple[int, str]]:
    """Return the rows with their numbers: continued ones as one, and the body of a recipe with `#!` as one."""
    made: list[tuple[int, str]] = []
    for row, line in enumerate(text.split("\n"), 1):
        before = made[-1][1] if made else ""
        in_script = before[:1] in (" ", "\t") and before.lstrip().startswith("#!") and (line[:1] in " \t" or not line)
        if in_script or before.endswith("\\"):
            made[-1] = made[-1][0], f"{before}\n{line}"
        else:
            made.append((row, line))
    return made


def _body(text: str) -> str:
    """Return the shell's text of a row of a recipe, or nothing if another program reads it."""
    body = textwrap.dedent(text)
    if body.startswith("#!"):
        return body.partition("\n")[2] if INTERPRETER.match(body) else ""
    return body.lstrip("@-")


def _parameters(text: str) -> dict[str, list[Value]]:
    """Return the parameters of a recipe: their defaults, which the caller may replace."""
    made: dict[str, list[Value]] = {}
    for kind, name, *values in PARAMETER.findall(text):
        default = next(filter(None, values), None)
        unknown = Unknown(f"{name} is given to the recipe")
        made[name.replace("-", "_")] = [Default(default, f"just … {name}") if default and "*" not in kind else unknown]
    return made
