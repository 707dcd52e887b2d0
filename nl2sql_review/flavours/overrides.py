"""Words of a command line that starts a program: keys that take precedence over those of its configuration."""

from __future__ import annotations

import re

from ..interpret.core.documents import Text
from ..interpret.core.objects import Items, Mapping, Sequence, object_of
from ..source.command_line import CommandLine
from ..training_plan.values import Default, Known, Unknown, Value
from .flavour import Flavour

SWITCHES = {"true": True, "false": False, "yes": True, "no": False, "null": None, "none": None}


def with_words(document: Value, text: Text, program: Flavour, line: CommandLine) -> Value:
    """Return the document with the keys of a command line, each at the place of its word."""
    said = {tuple(path): value for path, value in keys_of(line, program)}
    return _put(document, text, said) if said else document


def keys_of(line: CommandLine, program: Flavour) -> list[tuple[list[str], Value]]:
    """Return (path of a key, value) for every option: `--learning_rate 1e-4`, `learning_rate=1e-4`, `--no-packing`.

    A key of a section may be given without the section, as Unsloth's command line accepts it.
    """
    made: list[tuple[list[str], Value]] = []
    words, at = list(line.words), 0
    while at < len(words):
        word = words[at]
        text = str(word.value) if isinstance(word, (Known, Default)) else ""
        at += 1
        name, equals, value = text.partition("=")
        if not text.startswith("--") and not equals:
            continue
        given: list[Value] = [_like(word, value)] if equals else []
        while not equals and at < len(words) and not _is_option(words[at]):
            given.append(words[at])
            at += 1
        if not given:
            switched = not name.startswith("--no-")
            name = name if switched else f"--{name[5:]}"
            given = [_like(word, switched)]
        key = name.lstrip("-").replace("-", "_")
        settled = [one if program.parser == "argparse" and len(given) == 1 else _scalar(one) for one in given]
        value_ = settled[0] if len(settled) == 1 else Known(Sequence(tuple(settled), "list"), settled[0].trace)
        if line.overridable and isinstance(value_, Known):
            value_ = Default(value_.value, line.overridable, value_.trace)
        made.append((_path(key, program), value_))
    return made


def _is_option(word: Value) -> bool:
    text = str(word.value) if isinstance(word, (Known, Default)) else ""
    return text.startswith("--") or re.match(r"[A-Za-z_][\w.]*=", text) is not None


def _like(word: Value, value: object) -> Value:
    if isinstance(word, Default):
        return Default(value, word.overridden_by, word.trace)
    return Known(value, word.trace) if isinstance(word, Known) else Unknown(word.why, word.trace)


def _scalar(word: Value) -> Value:
    """Return a word as YAML would read it: a number, a switch, else the text."""
    if not isinstance(word, (Known, Default)) or not isinstance(word.value, str):
        return word
    text = word.value
    if text.lower() in SWITCHES:
        return _like(word, SWITCHES[text.lower()])
    for kind in (int, float):
        try:
            return _like(word, kind(text))
        except ValueError:
            continue
    return word


def _path(key: str, program: Flavour) -> list[str]:
    """Return the path of a key: `lora.lora_r` for a key that only a section has."""
    if "." in key:
        return key.split(".")
    sections = program.keys.sections
    if key in sections.get("", {}):
        return [key]
    within = [name for name, known in sections.items() if name and "." not in name and key in known]
    return [within[0], key] if len(within) == 1 and within[0] in program.sections else [key]


def _put(document: Value, text: Text, said: dict[tuple[str, ...], Value]) -> Value:
    found = object_of(document)
    before = dict(found.state.items) if isinstance(found, Mapping) else {}
    items = dict(before)
    deeper: dict[str, dict[tuple[str, ...], Value]] = {}
    for path, value in said.items():
        if len(path) == 1:
            items[path[0]] = value
        else:
            deeper.setdefault(path[0], {})[path[1:]] = value
    for name, inner in deeper.items():
        items[name] = _put(before.get(name, Known(None)), text, inner)
    made = Mapping({})
    made.slots["state"] = Items(items, found.state.why_incomplete if isinstance(found, Mapping) else "")
    if text.pairs is not None and isinstance(found, Mapping):
        kept = text.pairs.get(id(found), {})
        text.pairs[id(made)] = {key: pair for key, pair in kept.items() if items.get(key) is before.get(key)}
    return Known(made, document.trace)
