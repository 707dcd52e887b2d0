"""Model of argparse: parsers as the script builds them, option by option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Either, Known, Unknown, Value, extend
from ...core.library import CONSTANTS, METHOD_MODELS, method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Cell, Instance, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import describe
from ...core.state import place_of

if TYPE_CHECKING:
    import libcst as cst

PARSER, GROUP, COMMANDS = "argparse.ArgumentParser", "argparse._ArgumentGroup", "argparse._SubParsersAction"
PARSERS = (
    f"{PARSER} transformers.HfArgumentParser trl.TrlParser alignment.H4ArgumentParser simple_parsing.ArgumentParser"
)
CONSTANTS.update(
    {
        f"argparse.{name}": Known(text)
        for name, text in (("OPTIONAL", "?"), ("ZERO_OR_MORE", "*"), ("ONE_OR_MORE", "+"), ("REMAINDER", "..."))
    }
)
# What an action does without a word for it: its default, and whether words belong to it.
FLAGS = {
    "store_true": Known(False),
    "store_false": Known(True),
    "store_const": None,
    "append_const": None,
    "count": None,
}


class Option(Opaque):
    """One `add_argument` call. `slots["default"]` is the namespace's value if the option is not given."""

    __slots__ = ("flags", "dest", "action", "nargs", "type", "const", "required", "group", "place", "metavar")

    def __init__(self, dest: str, flags: tuple[str, ...], default: Value) -> None:
        super().__init__(f"the option {dest}", "call", (), "argparse.Action")
        self.dest, self.flags = dest, flags
        self.slots = {"default": default, "dest": Known(dest)}
        self.action: Value = Known("store")
        self.nargs: Any = None
        self.type: Value = Absent()
        self.const: Value = Known(None)
        self.required, self.group = False, ""
        self.place: Any = None

    @property
    def by(self) -> str:
        """Name of the option as an override, for users: its longest flag."""
        return max(self.flags, key=len) if self.flags else f"the argument {self.dest}"


class Parser(Opaque):
    """An `ArgumentParser`, as the script builds it.

    options   each `Option` as a value, in the order in which they were added
    defaults  set by `set_defaults`: by destination
    types     set by `register("type", …)`: what converts a word, by the name or class that options give as their type
    commands  the `Commands` that `add_subparsers` made, as a value; else None
    classes   the classes that an `HfArgumentParser` reads its options from, None for any other parser
    empty     the argument `argument_default`; `prefix` is `prefix_chars`, and `strict` is `allow_abbrev`
    """

    __slots__ = ("options", "defaults", "commands", "classes", "empty", "prefix", "strict", "types")

    def __init__(self, kind: str, args: Arguments) -> None:
        super().__init__(f"{kind}(…)", "call", (), kind)
        empty = args.get(8, "argument_default")
        self.options, self.defaults, self.types = Sequence(()), Mapping({}), Mapping({})
        self.commands = Cell(Known(None))
        self.classes: Sequence | None = None
        self.empty = empty if not isinstance(empty, Absent) else Known(None)
        self.prefix, self.strict = args.get(6, "prefix_chars"), args.get(11, "allow_abbrev")

    def option_list(self) -> list[Option]:
        """Return the options in the order in which they were added."""
        return [object_of(value) for value in self.options.state.items]

    def subcommands(self) -> Commands | None:
        """Return the result of `add_subparsers`, or None if it was not called."""
        commands = object_of(self.commands.value)
        return commands if isinstance(commands, Commands) else None

    @property
    def why_open(self) -> str:
        """Reason why there may be options that are not listed, "" if there are none."""
        return self.options.state.why_incomplete


class Group(Opaque):
    """Result of `add_argument_group`. `required`: why one of its options must be given, if one must."""

    __slots__ = ("parser", "required")

    def __init__(self, text: str, parser: Parser, required: str) -> None:
        super().__init__(text, "call", (), GROUP)
        self.parser, self.required = parser, required


class Commands(Opaque):
    """Result of `add_subparsers`. `parsers` maps the name of each command to its parser."""

    __slots__ = ("parsers", "dest", "required")

    def __init__(self, parser: Parser, args: Arguments) -> None:
        super().__init__(f"{parser.text}.add_subparsers(…)", "call", (), COMMANDS)
        self.parsers = Mapping({})
        self.dest, self.required = args.get(None, "dest"), args.get(None, "required")

    def named(self) -> dict[str, Parser]:
        """Return the parser of each command, if that parser is known."""
        found = {name: parser_behind(value) for name, value in self.parsers.state.items.items()}
        return {name: parser for name, parser in found.items() if parser is not None}


def parser_behind(value: Value) -> Parser | None:
    """Return the parser behind a value, also inside an object of a subclass, or None if it is no parser."""
    obj = object_of(value)
    if isinstance(obj, Instance):
        obj = obj.base
    return obj if isinstance(obj, Parser) else None


# -- building --------------------------------------------------------------------------------------------
def make_parser(m: Machine, args: Arguments, node: cst.CSTNode | None, kind: str) -> Parser:
    """Return a new parser, with the options of its parents."""
    parser = Parser(kind, args)
    parents = args.get(4, "parents")
    for parent in m.iterate(parents, node).items if not isinstance(parents, Absent) else ():
        inherited = parser_behind(parent)
        if inherited is None:
            leave_open(m, parser, "a parent parser is unknown")
            continue
        for option in inherited.option_list():
            add(m, parser, option)
        m.write(parser.commands, "value", inherited.commands.value)
        set_defaults(ModelCall(m, Arguments([], dict(inherited.defaults.state.items)), node, "", Known(parser)))
    return parser


def add(m: Machine, parser: Parser, option: Option) -> None:
    """Add an option. It replaces an earlier option of the same name in the namespace."""
    store = parser.options
    m.write(store, "state", Items((*store.state.items, Known(option)), store.state.why_incomplete))
    if option.flags:
        m.recording.options.setdefault(option.by, option.place)


def leave_open(m: Machine, parser: Parser, why: str) -> None:
    store = parser.options
    m.write(store, "state", Items(store.state.items, store.state.why_incomplete or why))


@model(PARSER, "jsonargparse.ArgumentParser", "configargparse.ArgumentParser", "configargparse.ArgParser")
def parser_(call: ModelCall) -> Value:
    args = call.arguments
    return Known(make_parser(call.machine, args, call.node, PARSER), (args.place,) if args.place else ())


def owner_of(m: Machine, receiver: Value) -> tuple[Parser | None, str]:
    """Return the parser that `add_argument` of `receiver` reaches, and its group if one of that group is required."""
    obj = object_of(receiver)
    if isinstance(obj, Group):
        return obj.parser, obj.required
    return parser_behind(receiver), ""


@method_model(f"{PARSERS} {GROUP}", "add_argument")
def add_argument(call: ModelCall) -> Value:
    """Keep an option of the parser, with its default as the namespace will have it."""
    m, args = call.machine, call.arguments
    parser, group = owner_of(m, call.receiver)
    if parser is None:
        return Unknown("an option of an unknown parser")
    names = [plain(v) for v in args.positional]
    if not all(isinstance(n, str) for n in names) or args.unknown and not names:
        leave_open(m, parser, "the name of an option is known only at run time")
        return Unknown("an option whose name is known only at run time")
    prefix = plain(parser.prefix) or "-"
    flags = tuple(n for n in names if n[:1] in prefix)
    dest = plain(args.get(None, "dest")) or destination(names, prefix)
    option = Option(dest, flags, Absent())
    option.action = args.get(None, "action") if "action" in args.keywords else Known("store")
    option.nargs, option.type = plain(args.get(None, "nargs")), args.get(None, "type")
    option.type = parser.types.state.items.get(type_key(option.type), option.type)
    option.const = args.get(None, "const") if "const" in args.keywords else Known(None)
    option.required, option.group = plain(args.get(None, "required")) is True, group
    option.place = args.place or place_of(m.frame.scope, call.node)
    option.slots["default"] = first_default(parser, option, args)
    add(m, parser, option)
    return Known(option, (option.place,))


def destination(names: list[str], prefix: str) -> str:
    if not names:
        return ""
    if names[0][:1] not in prefix:
        return names[0]
    long = next((n for n in names if len(n) > 2 and n[1] in prefix), names[0])
    return long.lstrip(prefix).replace("-", "_")


def first_default(parser: Parser, option: Option, args: Arguments) -> Value:
    """Return the default that argparse sets when the option is added."""
    value: Value
    if "default" in args.keywords:
        value = args.keywords["default"]
    elif option.dest in parser.defaults.state.items:
        value = parser.defaults.state.items[option.dest]
    elif plain(parser.empty) is not None or isinstance(parser.empty, (Either, Unknown)) or is_suppressed(parser.empty):
        value = parser.empty
    elif args.unknown:
        value = Unknown(args.unknown)
    else:
        value = FLAGS.get(plain(option.action)) or Known(None)
    return extend(value, option.place) if option.place is not None else value


def is_suppressed(value: Value) -> bool:
    obj = object_of(value)
    return isinstance(obj, Opaque) and obj.text == "argparse.SUPPRESS"


@method_model(f"{PARSERS} {GROUP}", "add_argument_group", "add_mutually_exclusive_group")
def add_group(call: ModelCall) -> Value:
    args = call.arguments
    parser, outer = owner_of(call.machine, call.receiver)
    if parser is None:
        return Unknown("a group of an unknown parser")
    needed = plain(args.get(0, "required")) is True and call.name.endswith("exclusive_group")
    group = Group(f"{parser.text}.{call.name}(…)", parser, "one of several options is required" if needed else outer)
    return Known(group, (args.place,) if args.place else ())


@method_model(PARSERS, "add_subparsers")
def add_subparsers(call: ModelCall) -> Value:
    parser = parser_behind(call.receiver)
    if parser is None:
        return Unknown("commands of an unknown parser")
    commands = Known(Commands(parser, call.arguments))
    call.machine.write(parser.commands, "value", commands)
    return commands


@method_model(COMMANDS, "add_parser")
def add_parser(call: ModelCall) -> Value:
    args = call.arguments
    commands = call.owner
    made = Known(
        make_parser(call.machine, Arguments([], args.keywords, args.place), call.node, PARSER),
        (args.place,) if args.place else (),
    )
    store = commands.parsers
    name = plain(args.get(0, "name"))
    call.machine.write(
        store,
        "state",
        Items(
            {**store.state.items, name if isinstance(name, str) else describe(args.get(0, "name")): made},
            store.state.why_incomplete,
        ),
    )
    return made


@method_model(PARSERS, "set_defaults")
def set_defaults(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    parser = parser_behind(call.receiver)
    if parser is None:
        return Known(None)
    store = parser.defaults
    if args.unknown:
        for option in parser.option_list():
            m.write(option, "default", Unknown(args.unknown))
        m.write(store, "state", Items({k: Unknown(args.unknown) for k in store.state.items}, args.unknown))
    for option in parser.option_list():
        if option.dest in args.keywords:
            value = args.keywords[option.dest]
            m.write(option, "default", extend(value, args.places[option.dest]) if option.dest in args.places else value)
    m.write(store, "state", Items({**store.state.items, **args.keywords}, store.state.why_incomplete))
    return Known(None)


@method_model(PARSERS, "get_default")
def get_default(call: ModelCall) -> Value | None:
    parser, name = parser_behind(call.receiver), plain(call.arguments.get(0, "dest"))
    found = [o.slots["default"] for o in parser.option_list() if o.dest == name] if parser is not None else []
    return found[0] if found else None


@method_model(PARSERS, "error", "exit")
def stop(call: ModelCall) -> Value:
    return Known(Opaque(f"{call.callee}()", "exit"))


def type_key(given: Value) -> object:
    """Return what argparse finds the type of an option by: its name, or the function or class itself."""
    return plain(given) if isinstance(plain(given), str) else object_of(given)


@method_model(PARSERS, "register")
def register(call: ModelCall) -> Value:
    """Keep the function that converts the words of options of a type."""
    parser, args = parser_behind(call.receiver), call.arguments
    if parser is not None and plain(args.get(0, "registry_name")) == "type":
        store, key = parser.types, type_key(args.get(1, "value"))
        items = {**store.state.items, key: args.get(2, "object")}
        call.machine.write(store, "state", Items(items, store.state.why_incomplete))
    return Known(None)


@method_model(PARSERS, "print_help", "print_usage")
def nothing(call: ModelCall) -> Value:
    return Known(None)


# -- what is never called for its value ------------------------------------------------------------------
@model("argparse.ArgumentTypeError", "argparse.ArgumentError")
def error(call: ModelCall) -> Value:
    return Known(Opaque(f"{call.callee}(…)", "call"))


METHOD_MODELS["argparse.Action", "__call__"] = lambda call: Unknown("an argparse action is called")
