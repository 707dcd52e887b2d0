"""Words that a script itself passes to its parser: `parse_args(["--r", "16"])`. The real argparse reads them."""

from __future__ import annotations

import argparse
import collections.abc
from typing import TYPE_CHECKING, Any, NamedTuple, Union

from ....training_plan.values import Absent, Default, Known, Unknown, Value, extend
from ...core.joins import demote
from ...core.machine import Machine
from ...core.objects import Arguments, Class, Instance, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import lift
from ...python.builtins import BUILTINS
from ...python.operators import binary
from .argparse import Option, Parser, is_suppressed
from .worded_fields import flags_of, spelled_out

if TYPE_CHECKING:
    import libcst as cst

SIMPLE = (
    "store",
    "store_true",
    "store_false",
    "store_const",
    "append",
    "append_const",
    "count",
    "extend",
    "help",
    "version",
)
Raw = Union[str, int, list["Raw"], None]  # what argparse makes of words: texts, flags (bool), counts, lists
CONST = "\0const\0"
# Words that say no; to bool() they are True, like every text but the empty one.
NO = ("false", "no", "off", "0", "f", "n")


class Word(str):
    """The text of a word, with its value, by which it differs from an equal word elsewhere on the line."""

    value: Value

    @classmethod
    def of(cls, text: str, value: Value) -> Word:
        """Return a text that remembers its value."""
        word = cls(text)
        word.value = value
        return word


def taken(text: object) -> Value:
    """Return the value of what the parser took: of a word the word's own, with its trace."""
    return text.value if isinstance(text, Word) else Known(text)


class Event(NamedTuple):
    """An option with a custom action of the script, found among the words, with the items given before it."""

    option: Option
    flag: str
    values: list[str]
    said: frozenset[str]


def noting(option: Option, events: list[Event]) -> type[argparse.Action]:
    """Return a class of actions that record the place of their option."""

    class Noting(argparse.Action):
        def __call__(
            self,
            parser: argparse.ArgumentParser,
            namespace: argparse.Namespace,
            values: str | collections.abc.Sequence[Any] | None,
            option_string: str | None = None,
        ) -> None:
            given = [values] if isinstance(values, str) else [*(values or ())]
            events.append(Event(option, option_string or "", given, frozenset(vars(namespace))))
            setattr(namespace, self.dest, "")

    return Noting


class _Wrong(Exception):
    """Raised if the words do not fit the parser."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise _Wrong(message)

    def exit(self, status: int = 0, message: str | None = None) -> Any:
        raise _Wrong(message or "")

    def print_help(self, file: object = None) -> None:
        raise _Wrong("help")

    def _print_message(self, message: str, file: object = None) -> None:
        raise _Wrong(message)


def parse_words(
    m: Machine, parser: Parser, said: list[Value], node: cst.CSTNode | None
) -> tuple[Items, Value, frozenset[str]]:
    """Return the namespace's items, the words that no option takes, and the names of the items given by words.

    Words with holes pass through unchanged. A custom action of the script runs at the place of its option.
    """
    holes: dict[str, Value] = {}
    texts: list[str] = []
    for i, word in enumerate(said):
        if isinstance(word, Known) and isinstance(word.value, str):
            texts.append(Word.of(word.value, word))
        elif isinstance(word, Default) and isinstance(word.value, str) and word.value.startswith("-"):
            return failed(parser, f"the word {word.value} may be another")
        else:
            holes[f"\0{i}\0"] = word
            texts.append(f"\0{i}\0")
    if parser.why_open:
        return failed(parser, parser.why_open)
    flags: dict[str, str] = {}
    if parser.classes is not None and plain(parser.strict) is not False:
        short = [i for i, text in enumerate(texts) if text.startswith("--") and "\0" not in text]
        flags = flags_of(parser) if short else {}
        for i in short if flags else ():
            found_flags = spelled_out(texts[i], flags)
            if len(found_flags) > 1:
                return failed(parser, f"{texts[i]} may be short for {' or '.join(sorted(found_flags))}")
            if found_flags and (full := found_flags.pop()) != texts[i]:
                texts[i] = Word.of(full, Known(full, taken(texts[i]).trace))
    try:
        events: list[Event] = []
        real = build(parser, None, events, abbreviates=not flags)
        found, rest = real.parse_known_args(texts)
    except _Wrong as e:
        return failed(parser, f"the words do not fit the parser: {e}")
    except Exception as e:  # options that argparse itself refuses
        return failed(parser, f"argparse refuses an option: {type(e).__name__}")
    words = {text: word for text, word in zip(texts, said)}
    items: dict[Any, Value] = {}
    for scope in scopes(parser, vars(found)):
        for option in scope.option_list():
            if option.dest in vars(found):
                items[option.dest] = value_of(m, option, getattr(found, option.dest), words, node)
                continue
            value = unsaid(m, option, node, settled=True)
            if value is not None and option.dest:
                items[option.dest] = value
        for name, value in scope.defaults.state.items.items():
            items.setdefault(name, value)
    for name, chosen in vars(found).items():
        if name not in items and not name.startswith("\0"):
            items[name] = taken(chosen)
    left = tuple(w.value if isinstance(w, Word) else words.get(w, Known(w)) for w in rest)
    given = frozenset(vars(found))
    if any(not isinstance(text, Word) for text in rest):  # it may be an option, or several
        by = {option.dest: option.by for option in parser.option_list()}
        items = {name: value if name in given else demote(value, by.get(name, "")) for name, value in items.items()}
    for event in events:
        items = acted(m, parser, event, items, given, node)
    return Items(items), Known(Sequence(left, "list")), given


def acted(
    m: Machine, parser: Parser, event: Event, items: dict[Any, Value], given: frozenset[str], node: cst.CSTNode | None
) -> dict[Any, Value]:
    """Return the items after a custom action of the script has run: words after its option still count."""
    later = {name: items[name] for name in given - event.said if name in items and name != event.option.dest}
    space = Mapping({k: v for k, v in items.items() if k != event.option.dest or k not in given}, "", "namespace")
    if event.option.dest in given:
        m.write(space, "state", space.state._replace(items={**space.state.items, event.option.dest: Known(None)}))
    action = m.attribute(Known(Instance(object_of(event.option.action))), "__call__", node)
    values = Known(Sequence(tuple(taken(v) for v in event.values), "list"))
    m.call(action, Arguments([Known(parser), Known(space), values, Known(event.flag)]), node)
    state = space.state
    if state.why_incomplete:
        return {name: later.get(name) or Unknown(state.why_incomplete) for name in items}
    return {**state.items, **later}


def failed(parser: Parser, why: str) -> tuple[Items, Value, frozenset[str]]:
    return Items({o.dest: Unknown(why) for o in parser.option_list() if o.dest}, why), Unknown(why), frozenset()


def scopes(parser: Parser, found: dict[str, Any]) -> list[Parser]:
    """Return the parser, and the parsers of the commands that were named."""
    out = [parser]
    commands = parser.subcommands()
    if commands is not None:
        dest = plain(commands.dest)
        name = found.get(dest if isinstance(dest, str) else f"\0{id(commands)}")
        chosen = commands.named().get(name) if isinstance(name, str) else None
        if chosen is not None:
            out += scopes(chosen, found)
    return out


def build(
    parser: Parser, real: _Parser | None = None, events: list[Event] | None = None, abbreviates: bool = True
) -> _Parser:
    prefix = plain(parser.prefix)
    strict = plain(parser.strict)
    if real is None:
        abbreviates = abbreviates and strict is not False
        real = _Parser(prog="script", prefix_chars=prefix or "-", allow_abbrev=abbreviates, conflict_handler="resolve")
    for option in parser.option_list():
        add(real, option, events if events is not None else [])
    commands = parser.subcommands()
    if commands is not None:
        dest = plain(commands.dest)
        sub = real.add_subparsers(dest=dest if isinstance(dest, str) else f"\0{id(commands)}", parser_class=_Parser)
        for name, inner in commands.named().items():
            build(inner, sub.add_parser(name, conflict_handler="resolve"), events)
    found: _Parser = real
    return found


def add(real: argparse.ArgumentParser, option: Option, events: list[Event]) -> None:
    action = plain(option.action)
    obj = object_of(option.action)
    settings: dict[str, Any] = {"default": argparse.SUPPRESS}
    if isinstance(obj, Opaque) and obj.text.endswith("BooleanOptionalAction"):
        settings["action"] = argparse.BooleanOptionalAction
    elif action in ("help", "version"):
        if not {"-h", "--help"} & set(option.flags):
            real.add_argument(*option.flags, action="version", version="0")
        return
    elif action in SIMPLE:
        settings["action"] = action
    elif isinstance(obj, Class):
        settings["action"] = noting(option, events)
    if action in ("store_const", "append_const"):
        settings["const"] = CONST
    elif action not in ("store_true", "store_false", "count"):
        if option.nargs is not None and settings.get("action") is not argparse.BooleanOptionalAction:
            settings["nargs"] = option.nargs
            if option.nargs == "?" and option.flags:
                settings["const"] = CONST
    if option.flags:
        real.add_argument(*option.flags, dest=option.dest, **settings)
    else:
        real.add_argument(option.dest, **settings)


def value_of(m: Machine, option: Option, raw: Raw, words: dict[str, Value], node: cst.CSTNode | None) -> Value:
    action, obj = plain(option.action), object_of(option.action)
    own = option.action if obj is not None else None
    if own is not None and not (isinstance(obj, Opaque) and obj.text.endswith("BooleanOptionalAction")):
        return Unknown(f"{option.by} has a custom action")
    if action == "count":
        before = option.slots["default"]
        start = Known(0) if is_suppressed(before) or isinstance(before, Known) and before.value is None else before
        return binary("+", start, Known(raw))
    if isinstance(raw, bool):
        return Known(raw)
    value = made(m, option, raw, words, node)
    if action in ("append", "append_const", "extend") and isinstance(object_of(value), Sequence):
        before = option.slots["default"]
        earlier = object_of(before).state.items if isinstance(object_of(before), Sequence) else ()
        if not earlier and not is_suppressed(before) and plain(before) is not None:
            return Unknown(f"{option.by} adds to an unknown default")
        return Known(Sequence((*earlier, *object_of(value).state.items), "list"))
    return value


def made(m: Machine, option: Option, raw: Raw, words: dict[str, Value], node: cst.CSTNode | None) -> Value:
    if isinstance(raw, list):
        return Known(Sequence(tuple(made(m, option, r, words, node) for r in raw), "list"))
    if raw == CONST:
        return (
            of_type(m, option, option.const, node)
            if isinstance(plain(option.const), str) and option.nargs == "?"
            else option.const
        )
    word = raw.value if isinstance(raw, Word) else words.get(raw) if isinstance(raw, str) else None
    if word is None:
        if "\0" in str(raw):
            return Unknown("a word put together from parts known only at run time")
        word = Known(raw)
        origin = next((w for text, w in words.items() if text.endswith(f"={raw}")), None)
        word = extend(word, origin.trace[-1]) if origin is not None and origin.trace else word
    value = of_type(m, option, word, node)
    misread(m, option, word, value, node)
    return value


def unsaid(m: Machine, option: Option, node: cst.CSTNode | None, settled: bool = False) -> Value | None:
    """Return the namespace's value if this option is not given, None for none. `settled`: only words give it."""
    action = plain(option.action)
    if action in ("help", "version", "parsers"):
        return None
    if option.required:
        return Unknown(
            f"{option.by} is required: only the command line gives it", (option.place,) if option.place else ()
        )
    if (
        not option.flags
        and option.nargs in (None, "+", "A...")
        and action in ("store", "append", "extend")
        or not option.flags
        and isinstance(option.nargs, int)
    ):
        return Unknown(
            f"{option.by} is required: only the command line gives it", (option.place,) if option.place else ()
        )
    if option.group:
        return Unknown(
            f"{option.group}, {option.by} among them: only the command line gives it",
            (option.place,) if option.place else (),
        )
    value = option.slots["default"]
    if is_suppressed(value):  # of an optional positional argument argparse hands the marker itself to the type
        return (
            None
            if option.flags or isinstance(option.type, Absent)
            else Unknown(f"{option.by} is left out, and its type decides its value")
        )
    if (
        not option.flags
        and option.nargs in ("*", "...")
        and plain(value) is None
        and isinstance(value, Known)
        and value.value is None
    ):
        value = Known(Sequence((), "list"), value.trace)
    elif option.nargs != "*" or option.flags:
        value = converted(m, option, value, node)
    return value if settled else demote(value, option.by)


def of_type(m: Machine, option: Option, word: Value, node: cst.CSTNode | None) -> Value:
    """Return a word converted by the option's type."""
    if isinstance(option.type, Absent) or isinstance(option.type, Known) and option.type.value is None:
        return word
    kind = object_of(option.type)
    if isinstance(kind, Opaque) and kind.text.startswith("argparse.FileType"):
        return Unknown("a file opened at run time", word.trace)
    if isinstance(kind, Class) and kind.kind == "enum":
        made = m.call(option.type, Arguments([word]), node)
    elif option.type is BUILTINS["bool"]:
        made = (
            Known(bool(plain(word)), word.trace)
            if isinstance(plain(word), str)
            else Unknown("bool() of a word known only at run time")
        )
    else:
        made = m.call(option.type, Arguments([word]), node)
    return (
        extend(made, word.trace[-1]) if word.trace and isinstance(made, (Known, Default)) and not made.trace else made
    )


def misread(m: Machine, option: Option, word: Value, value: Value, node: cst.CSTNode | None) -> None:
    """Record a word that says no, if the type of its option turns it into True as it does a yes."""
    if plain(value) is not True or str(plain(word)).lower() not in NO or m.silent:
        return
    if plain(of_type(m, option, Known("yes"), node)) is True:
        m.recording.misread.append((option.by, word, option.place))


def converted(m: Machine, option: Option, value: Value, node: cst.CSTNode | None) -> Value:
    """Convert a text default by the option's type, like a word of the command line."""
    if isinstance(option.type, Absent) or isinstance(option.type, Known) and option.type.value is None:
        return value

    def one(v: Value) -> Value:
        if not (isinstance(v, Known) and isinstance(v.value, str)):
            return v
        read = of_type(m, option, v, node)
        misread(m, option, demote(v, option.by), read, node)
        return read

    return lift(one, value)
