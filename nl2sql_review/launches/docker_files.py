"""Launches in Dockerfiles: what an image runs when it is built, and what its container starts."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable

from ..source import Source, Span
from ..source.command_line import CommandLine
from ..training_plan.values import Default, Known, Place, Value
from .launchers import Launchers, within
from .shell import Shell
from .shell_commands import Command, set_in

INSTRUCTION = re.compile(
    r"^[ \t]*(RUN|CMD|ENTRYPOINT|ENV|ARG|WORKDIR)[ \t]+((?:[^\n\\]|\\\r?\n|\\.)*)", re.MULTILINE | re.IGNORECASE
)
OPTIONS = re.compile(r"(?:--\w+=\S+(?:[ \t]|\\\r?\n)+)+")  # of RUN, before its command


def of_dockerfile(
    source: Source, placer: Callable[..., Callable[[int, int], Place]], folders: Callable[[Command], tuple[str, ...]]
) -> list[CommandLine]:
    """Return the launches of a Dockerfile; its last `ENTRYPOINT` and `CMD` are one command."""
    made: list[CommandLine] = []
    environment: dict[str, Value] = {}
    folder = ""

    def launches(text: str, at: int, end: int) -> list[CommandLine]:
        """Return the launches in a text, which has these offsets in the file if it is part of it as it stands."""
        row = source.text.count("\n", 0, at) + 1
        column = at - (source.text.rfind("\n", 0, at) + 1)
        whole = Place(source, Span(row, column + 1, row, column + 1 + len(source.text[at:end].partition("\n")[0])))
        as_it_stands = len(text) == end - at
        padded = " " * column + text
        place = placer(source, padded, row) if as_it_stands else within(whole)
        shell = Shell({name: [value] for name, value in environment.items()}, folder=folder)
        return list(Launchers(padded, place, folders).of(set_in(shell.commands(padded), environment)))

    started: dict[str, re.Match[str]] = {}
    for found in INSTRUCTION.finditer(source.text):
        name, said = found[1].upper(), found[2]
        if name in ("ENV", "ARG"):
            for variable, value in _assigned(said):
                environment[variable] = Known(value) if name == "ENV" else Default(value, f"--build-arg {variable}")
        elif name == "WORKDIR":
            folder = said.strip()
        elif name == "RUN":
            options = OPTIONS.match(said)
            blank = re.sub(r"[^\n]", " ", options[0]) if options else ""
            made += launches(blank + said[len(blank) :], *found.span(2))
        else:
            started[name] = found
    last = started.get("CMD") or started.get("ENTRYPOINT")
    if last is not None:
        text = " ".join(_as_shell(started[name][2]) for name in ("ENTRYPOINT", "CMD") if name in started)
        made += launches(text, *last.span(2))
    return made


def _as_shell(text: str) -> str:
    """Return `["python", "train.py"]` as a shell's text; a text that is one as it is."""
    try:
        words = json.loads(text.replace("\\\n", ""))
    except ValueError:
        return text
    return shlex.join(words) if isinstance(words, list) and all(isinstance(word, str) for word in words) else text


def _assigned(text: str) -> list[tuple[str, str]]:
    """Return the variables of `ENV NAME=value OTHER=…` or `ENV NAME value`."""
    try:
        words = shlex.split(text.replace("\\\n", " "))
    except ValueError:
        return []
    if words and "=" not in words[0]:
        return [(words[0], " ".join(words[1:]))] if words[1:] else []
    return [(name, value) for name, _, value in (word.partition("=") for word in words)]
