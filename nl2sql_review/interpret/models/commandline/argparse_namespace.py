"""Model of argparse: the namespace of a parser if the command line gives only the required arguments.

A value that the command line may override is a `Default`, named after the option. A value that only the command line
can give (a required option, a positional argument) is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....source.command_line import ANOTHER
from ....training_plan.values import Absent, Default, Either, Known, Unknown, Value, join
from ...core.joins import demote
from ...core.library import method_model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Instance, Items, Mapping, Opaque, Sequence, object_of, plain
from .argparse import PARSERS, Commands, Parser, parser_behind
from .argparse_words import parse_words, unsaid
from .process import started, words

if TYPE_CHECKING:
    import libcst as cst


@method_model(PARSERS, "parse_args", "parse_intermixed_args")
def parse_args(call: ModelCall) -> Value:
    return parse(ModelCall(call.machine, call.arguments, call.node, receiver=call.receiver))[0]


@method_model(PARSERS, "parse_known_args", "parse_known_intermixed_args")
def parse_known_args(call: ModelCall) -> Value:
    args = call.arguments
    return Known(
        Sequence(parse(ModelCall(call.machine, args, call.node, receiver=call.receiver)), "tuple"),
        (args.place,) if args.place else (),
    )


def parse(call: ModelCall) -> tuple[Value, Value]:
    """Return the namespace, and the words that no option takes."""
    m, args, node = call.machine, call.arguments, call.node
    parser = parser_behind(call.receiver)
    if parser is None:
        return Unknown("an unknown parser"), Unknown("an unknown parser")
    given = args.get(0, "args")
    if isinstance(given, Either):
        out: Value | None = None
        for option in given.options:
            one = parse(
                ModelCall(
                    m,
                    Arguments([option], {"namespace": args.get(1, "namespace")}, args.place),
                    node,
                    receiver=call.receiver,
                )
            )[0]
            out = one if out is None else join(out, one, given.condition)
        return out or Unknown("nothing is parsed"), Unknown("the remaining words are known only at run time")
    said = words(m, given)
    if isinstance(said, list):
        items, rest, told = parse_words(m, parser, said, node)
        items = overridable(m, parser, items, given, told)
    else:
        items = Items(*plain_run(m, parser, node))
        if isinstance(said, str):
            items = Items({k: Unknown(said) for k in items.items}, said)
        rest, told = Default(Sequence((), "list"), "sys.argv"), None
    return namespace(m, parser, items, args, node, told), rest


def overridable(m: Machine, parser: Parser, items: Items, given: Value, told: frozenset[str]) -> Items:
    """Return the parsed items, as defaults if the command line is one of several that may start the script.

    `told` are those that its words give.
    """
    line = started(m)
    settled = object_of(given)
    if line is None or not line.overridable or isinstance(settled, Sequence) and not settled.state.overridden_by:
        return items
    by = {option.dest: option.by for option in parser.option_list()} | dict.fromkeys(told, ANOTHER)
    return items._replace(items={k: demote(v, by.get(k) or line.overridable) for k, v in items.items.items()})


def namespace(
    m: Machine,
    parser: Parser,
    items: Items,
    args: Arguments,
    node: cst.CSTNode | None,
    said: frozenset[str] | None = None,
) -> Value:
    """Return the namespace of these items; existing attributes of a given namespace are no longer defaults.

    `said` holds the items that the words give, if these are known: only they replace existing attributes.
    """
    given = args.get(1, "namespace")
    trace = (args.place,) if args.place else ()
    if isinstance(given, Absent) or isinstance(given, Known) and given.value is None:
        return Known(Mapping(items.items, items.why_incomplete, "namespace", items.overridden_by), trace)
    obj = object_of(given)
    if not isinstance(obj, Mapping):
        if isinstance(obj, Instance):
            for k in items.items:
                m.write(obj, k, Unknown(f"{k} is parsed into an object of the script's own"))
            return given
        return Unknown("the arguments are parsed into an unknown object")
    by = {o.dest: o.by for o in parser.option_list()}
    kept = {k: demote(v, by[k]) if k in by else v for k, v in obj.state.items.items()}
    if said is not None:
        kept = dict(obj.state.items)
    known = {
        k: v for k, v in items.items.items() if k not in kept or (isinstance(v, Known) if said is None else k in said)
    }
    m.write(
        obj,
        "state",
        Items(
            {**kept, **known},
            obj.state.why_incomplete or items.why_incomplete,
            obj.state.overridden_by or items.overridden_by,
        ),
    )
    return given


def plain_run(m: Machine, parser: Parser, node: cst.CSTNode | None) -> tuple[dict[Any, Value], str, str]:
    """Return the namespace of a run without options: its items, why there may be more, the option that may add some."""
    items: dict[Any, Value] = {}
    by = ""
    for option in parser.option_list():
        value = unsaid(m, option, node)
        if value is None:
            by = by or option.by
        elif option.dest:
            items[option.dest] = value
    for name, value in parser.defaults.state.items.items():
        items.setdefault(name, value)
    open_ = parser.why_open or parser.defaults.state.why_incomplete
    commands = parser.subcommands()
    if commands is not None:
        more = [plain_run(m, inner, node) for inner in commands.named().values()]
        items.update(of_commands(items, commands, more))
        open_ = open_ or next((o for _, o, _ in more if o), "")
        by = by or next((b for _, _, b in more if b), "")
    return items, open_, by


def of_commands(
    own: dict[Any, Value], commands: Commands, parsed: list[tuple[dict[Any, Value], str, str]]
) -> dict[Any, Value]:
    """Return the items that the commands add: only the command line decides which of them."""
    out: dict[Any, Value] = {}
    for items, _, _ in parsed:
        for name, value in items.items():
            out[name] = join(out[name], value, "which command is given") if name in out else value
    names = list(commands.named())
    dest = plain(commands.dest)
    if isinstance(dest, str):
        only = len(names) == 1 and plain(commands.required) is True
        out[dest] = (
            Known(names[0])
            if only
            else Known(Opaque(f"args.{dest}", "attribute", (Known(commands), Known(dest)), kind=""))
        )
    return out
