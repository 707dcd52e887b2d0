"""argparse: parsers as the script builds them, option by option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Either, Known, Unknown, Value, extend
from ...core.library import CONSTANTS, METHOD_MODELS, method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Instance, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import describe
from ...core.state import place_of

if TYPE_CHECKING:
    import libcst as cst

PARSER, GROUP, COMMANDS = "argparse.ArgumentParser", "argparse._ArgumentGroup", "argparse._SubParsersAction"
PARSERS = f"{PARSER} transformers.HfArgumentParser trl.TrlParser simple_parsing.ArgumentParser"
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
    """One `add_argument`. `slots["default"]` is what the namespace gets when no word is said for it."""

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
        """How people name what overrides it: its longest flag."""
        return max(self.flags, key=len) if self.flags else f"the argument {self.dest}"


def opened(value: Value) -> Opaque | None:
    """The parser or group behind a value: also that inside of a subclass of the script."""
    obj = object_of(value)
    if isinstance(obj, Instance):
        obj = obj.base
    return obj if isinstance(obj, Opaque) and ("argparse", "options") in obj.slots else None


def options_of(parser: Opaque) -> list[Option]:
    return [object_of(v) for v in object_of(parser.slots["argparse", "options"]).state.items]


def defaults_of(parser: Opaque) -> Mapping:
    return object_of(parser.slots["argparse", "defaults"])


def why_open(parser: Opaque) -> str:
    return object_of(parser.slots["argparse", "options"]).state.open


# -- building --------------------------------------------------------------------------------------------
def make_parser(m: Machine, args: Arguments, node: cst.CSTNode | None, kind: str) -> Opaque:
    parser = Opaque(f"{kind}(…)", "call", (), kind)
    empty = args.get(8, "argument_default")
    parser.slots = {
        ("argparse", "options"): Known(Sequence(())),
        ("argparse", "defaults"): Known(Mapping({})),
        ("argparse", "empty"): empty if not isinstance(empty, Absent) else Known(None),
        ("argparse", "prefix"): args.get(6, "prefix_chars"),
        ("argparse", "commands"): Known(None),
        ("argparse", "strict"): args.get(11, "allow_abbrev"),
    }
    parents = args.get(4, "parents")
    for parent in m.iterate(parents, node).items if not isinstance(parents, Absent) else ():
        inherited = opened(parent)
        if inherited is None:
            leave_open(m, parser, "a parent parser is not known")
            continue
        for option in options_of(inherited):
            add(m, parser, option)
        m.write(parser, ("argparse", "commands"), inherited.slots["argparse", "commands"])
        set_defaults(ModelCall(m, Arguments([], dict(defaults_of(inherited).state.items)), node, "", Known(parser)))
    return parser


def add(m: Machine, parser: Opaque, option: Option) -> None:
    """A later option of the same name takes the place of the earlier one in the namespace."""
    store = object_of(parser.slots["argparse", "options"])
    m.write(store, "state", Items((*store.state.items, Known(option)), store.state.open))


def leave_open(m: Machine, parser: Opaque, why: str) -> None:
    store = object_of(parser.slots["argparse", "options"])
    m.write(store, "state", Items(store.state.items, store.state.open or why))


@model(PARSER, "jsonargparse.ArgumentParser", "configargparse.ArgumentParser", "configargparse.ArgParser")
def parser_(call: ModelCall) -> Value:
    args = call.arguments
    return Known(make_parser(call.machine, args, call.node, PARSER), (args.place,) if args.place else ())


def owner_of(m: Machine, receiver: Value) -> tuple[Opaque | None, str]:
    """The parser that `add_argument` of `receiver` reaches, and its group where one of the group must be given."""
    obj = object_of(receiver)
    if isinstance(obj, Opaque) and obj.kind == GROUP:
        return obj.slots["argparse", "parser"].value, obj.slots["argparse", "group"]
    return opened(receiver), ""


@method_model(f"{PARSERS} {GROUP}", "add_argument")
def add_argument(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    parser, group = owner_of(m, call.receiver)
    if parser is None:
        return Unknown("an option of a parser that is not known")
    names = [plain(v) for v in args.positional]
    if not all(isinstance(n, str) for n in names) or args.unknown and not names:
        leave_open(m, parser, "the name of an option is only known to the run")
        return Unknown("an option whose name is only known to the run")
    prefix = plain(parser.slots["argparse", "prefix"]) or "-"
    flags = tuple(n for n in names if n[:1] in prefix)
    dest = plain(args.get(None, "dest")) or destination(names, prefix)
    option = Option(dest, flags, Absent())
    option.action = args.get(None, "action") if "action" in args.keywords else Known("store")
    option.nargs, option.type = plain(args.get(None, "nargs")), args.get(None, "type")
    option.const = args.get(None, "const") if "const" in args.keywords else Known(None)
    option.required, option.group = plain(args.get(None, "required")) is True, group
    option.place = args.place or place_of(m.frame.scope, call.node)
    option.slots["default"] = first_default(parser, option, args)
    add(m, parser, option)
    return Known(option, (option.place,))


def destination(names: list[Any], prefix: str) -> str:
    if not names:
        return ""
    if names[0][:1] not in prefix:
        return names[0]
    long = next((n for n in names if len(n) > 2 and n[1] in prefix), names[0])
    return long.lstrip(prefix).replace("-", "_")


def first_default(parser: Opaque, option: Option, args: Arguments) -> Value:
    """The default as argparse settles it when the option is added."""
    value: Value
    if "default" in args.keywords:
        value = args.keywords["default"]
    elif option.dest in defaults_of(parser).state.items:
        value = defaults_of(parser).state.items[option.dest]
    elif (
        plain(parser.slots["argparse", "empty"]) is not None
        or isinstance(parser.slots["argparse", "empty"], (Either, Unknown))
        or is_suppressed(parser.slots["argparse", "empty"])
    ):
        value = parser.slots["argparse", "empty"]
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
        return Unknown("a group of a parser that is not known")
    group = Opaque(f"{parser.text}.{call.callee.rsplit('.', 1)[-1]}(…)", "call", (), GROUP)
    needed = plain(args.get(0, "required")) is True and call.callee.endswith("exclusive_group")
    group.slots = {
        ("argparse", "parser"): Known(parser),
        ("argparse", "group"): "one of several options is required" if needed else outer,
    }
    return Known(group, (args.place,) if args.place else ())


@method_model(PARSERS, "add_subparsers")
def add_subparsers(call: ModelCall) -> Value:
    parser = opened(call.receiver)
    if parser is None:
        return Unknown("commands of a parser that is not known")
    commands = Opaque(f"{parser.text}.add_subparsers(…)", "call", (), COMMANDS)
    commands.slots = {
        ("argparse", "parsers"): Known(Mapping({})),
        ("argparse", "dest"): call.arguments.get(None, "dest"),
        ("argparse", "required"): call.arguments.get(None, "required"),
    }
    call.machine.write(parser, ("argparse", "commands"), Known(commands))
    return Known(commands)


@method_model(COMMANDS, "add_parser")
def add_parser(call: ModelCall) -> Value:
    args = call.arguments
    commands = object_of(call.receiver)
    made = Known(
        make_parser(call.machine, Arguments([], args.keywords, args.place), call.node, PARSER),
        (args.place,) if args.place else (),
    )
    store = object_of(commands.slots["argparse", "parsers"])
    name = plain(args.get(0, "name"))
    call.machine.write(
        store,
        "state",
        Items(
            {**store.state.items, name if isinstance(name, str) else describe(args.get(0, "name")): made},
            store.state.open,
        ),
    )
    return made


@method_model(PARSERS, "set_defaults")
def set_defaults(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    parser = opened(call.receiver)
    if parser is None:
        return Known(None)
    store = defaults_of(parser)
    if args.unknown:
        for option in options_of(parser):
            m.write(option, "default", Unknown(args.unknown))
        m.write(store, "state", Items({k: Unknown(args.unknown) for k in store.state.items}, args.unknown))
    for option in options_of(parser):
        if option.dest in args.keywords:
            value = args.keywords[option.dest]
            m.write(option, "default", extend(value, args.places[option.dest]) if option.dest in args.places else value)
    m.write(store, "state", Items({**store.state.items, **args.keywords}, store.state.open))
    return Known(None)


@method_model(PARSERS, "get_default")
def get_default(call: ModelCall) -> Value | None:
    parser, name = opened(call.receiver), plain(call.arguments.get(0, "dest"))
    found = [o.slots["default"] for o in options_of(parser) if o.dest == name] if parser is not None else []
    return found[0] if found else None


@method_model(PARSERS, "error", "exit")
def stop(call: ModelCall) -> Value:
    return Known(Opaque(f"{call.callee}()", "exit"))


@method_model(PARSERS, "print_help", "print_usage", "register")
def nothing(call: ModelCall) -> Value:
    return Known(None)


# -- what is never called for its value ------------------------------------------------------------------
@model("argparse.ArgumentTypeError", "argparse.ArgumentError")
def error(call: ModelCall) -> Value:
    return Known(Opaque(f"{call.callee}(…)", "call"))


METHOD_MODELS["argparse.Action", "__call__"] = lambda call: Unknown("an action of argparse is called")
