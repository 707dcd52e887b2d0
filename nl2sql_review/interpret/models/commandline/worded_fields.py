"""Words of a script's own command line as fields of dataclasses and parameters of functions."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ....libraries import store
from ....source.command_line import ANOTHER
from ....source.literals import CONSTANTS, literal
from ....training_plan.values import Absent, Default, Known, Value
from ...core.joins import demote
from ...core.machine import Machine
from ...core.objects import Arguments, Class, Mapping, Opaque, Sequence, object_of, plain
from ...python.builtins import BUILTINS, rebuild
from .argparse import Parser

if TYPE_CHECKING:
    import libcst as cst

    from ....source.command_line import CommandLine

BARE_WORD = re.compile(r"""(['"])(?:(?!\1).)*\1|(?<![\w.])[A-Za-z_]\w*""")  # or text in quotes, which has none


def like(default: Value) -> Callable[[Value], Value]:
    """Return a function that converts a word as fire and tyro do: to a number, a truth value, else the text."""

    def convert(word: Value) -> Value:
        text = plain(word)
        if not isinstance(text, str) or isinstance(plain(default), str):
            return word
        made = number_of(text)
        return Default(made, word.overridden_by, word.trace) if isinstance(word, Default) else Known(made, word.trace)

    return convert


def by_fire(default: Value) -> Callable[[Value], Value]:
    """Return a function that converts a word as fire does: as `like`, and `{lr: 1e-4}` or `[a, b]` to a collection."""
    simple = like(default)

    def convert(word: Value) -> Value:
        text = plain(word)
        if not isinstance(text, str) or text[:1] not in ("{", "[", "("):
            return simple(word)
        try:
            made = rebuild(literal(BARE_WORD.sub(_quoted, text)), word.trace)
        except ValueError:  # fire takes the text
            return word
        return demote(made, word.overridden_by) if isinstance(word, Default) else made

    return convert


def _quoted(found: re.Match[str]) -> str:
    """Return a bare word in a collection in quotes, as fire takes it."""
    return found[0] if found[1] or found[0] in CONSTANTS else repr(found[0])


def number_of(text: str) -> object:
    """Return the number or truth value that a word stands for, else the word."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def flags_of(parser: Parser) -> dict[str, str]:
    """Return the flags of an HfArgumentParser, those of its library's classes too: flag → its option's first one.

    {} if a class is unknown. A library's class has the fields of all its releases.
    """
    made = {flag: option.flags[0] for option in parser.option_list() for flag in option.flags}
    if parser.classes is None or parser.classes.state.why_incomplete:
        return {}
    for value in parser.classes.state.items:
        cls = object_of(value)
        base = cls.library_base() if isinstance(cls, Class) else cls
        if base is None:
            continue
        library, _, name = base.text.rpartition(".") if isinstance(base, Opaque) else ("", "", "")
        library = library.partition(".")[0]
        if not store.knows(library, name):
            return {}
        for field in (f for owner in store.owners(library, name) for f in store.ever(*owner)):
            made.setdefault(f"--{field}", f"--{field}")
            made.setdefault(f"--{field}".replace("_", "-"), f"--{field}")
    return made


def numbered(parser: Parser, fields: dict[Any, Value]) -> dict[Any, Value]:
    """Return the fields with numbers for texts (YAML reads `1e-4` as one) where a library's default is a number.

    argparse converts a default that is a text, and TrlParser makes defaults of the keys of a configuration.
    """
    items = parser.classes.state.items if parser.classes is not None else ()
    bases = [cls.library_base() if isinstance(cls, Class) else cls for cls in map(object_of, items)]
    names = [base.text for base in bases if isinstance(base, Opaque)]
    made = dict(fields)
    for name, value in fields.items():
        text = plain(value)
        if not isinstance(text, str) or isinstance(number_of(text), (str, bool)):
            continue
        if any(_is_number(*cls.partition(".")[::2], str(name)) for cls in names):
            number = Known(number_of(text), value.trace)
            made[name] = demote(number, value.overridden_by) if isinstance(value, Default) else number
    return made


def _is_number(library: str, callable: str, name: str) -> bool:
    """Return whether the default of a class's field is a number in some release."""
    for owner in store.owners(library, callable) if store.knows(library, callable) else ():
        if name in store.ever(*owner):
            for version in reversed(store.versions(owner[0])):
                found = store.signature(*owner, version)
                with suppress(KeyError):
                    if found is not None:
                        default = found.default(name)
                        return isinstance(default, (int, float)) and not isinstance(default, bool)
    return False


def spelled_out(word: str, flags: dict[str, str]) -> set[str]:
    """Return the flags that a word may stand for: argparse takes the beginning of one, too."""
    word, equals, text = word.partition("=")
    meant = {word} if word in flags else {first for flag, first in flags.items() if flag.startswith(word)}
    return {f"{flag}{equals}{text}" for flag in meant}


def of_line(
    m: Machine,
    line: CommandLine,
    items: dict[Any, Value],
    rest: Value,
    callee: str,
    args: Arguments,
    node: cst.CSTNode | None,
    file: Value | None = None,
) -> dict[Any, Value] | None:
    """Return every field that a command line gives: those of a file, then its words; None for a lost file.

    The file is the one that is given, or TRL's `--config`.
    """
    by = line.overridable
    left = list(object_of(rest).state.items) if isinstance(object_of(rest), Sequence) else []
    said: dict[Any, Value] = {}
    at = 0
    while at < len(left):
        name = plain(left[at])
        at += 1
        if not isinstance(name, str) or not name.startswith("--"):
            continue
        name, equals, text = name[2:].partition("=")
        given = [Known(text, left[at - 1].trace)] if equals else []
        while not equals and at < len(left) and not str(plain(left[at])).startswith("--"):
            given.append(left[at])
            at += 1
        made = [like(Absent())(word) for word in given]
        value = Known(True, left[at - 1].trace) if not made else made[0]
        said[name.replace("-", "_")] = value if len(made) < 2 else Known(Sequence(tuple(made), "list"), made[0].trace)
    if callee.endswith("parse_args_and_config"):
        file = said.pop("config", None)
    stated: dict[Any, Value] = dict(items)
    if file is not None:
        loaded = configured(m, file, args, node)
        if loaded is None:
            return None
        named = {_spelled(w) for w in line.words}
        stated.update({k: v for k, v in loaded.items() if f"--{k}".replace("_", "-") not in named})
    stated.update(said)
    return {k: demote(v, ANOTHER) if by else v for k, v in stated.items()}


def _spelled(word: Value) -> str:
    return str(plain(word)).partition("=")[0].replace("_", "-")


def configured(m: Machine, file: Value, args: Arguments, node: cst.CSTNode | None) -> dict[Any, Value] | None:
    """Return the content of a YAML file that a command line names, or None if it is not read."""
    opened_file = m.call(BUILTINS["open"], Arguments([file], {}, args.place), node)
    loaded = m.call(m.library_name("yaml", "safe_load"), Arguments([opened_file], {}, args.place), node)
    found = object_of(loaded)
    if not isinstance(found, Mapping) or found.state.why_incomplete:
        return None
    return {k: v for k, v in found.state.items.items() if k != "env"}
