"""Model of configparser: its sections and options, as texts or converted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core import documents
from ...core.library import METHOD_MODELS, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import describe, freeze
from ...python.builtins import apply
from .configuration import load, load_path

if TYPE_CHECKING:
    import libcst as cst

PARSER, SECTION = "configparser.ConfigParser", "configparser.SectionProxy"
BOOLEANS = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}


@model("configparser.ConfigParser", "configparser.SafeConfigParser", "configparser.RawConfigParser")
def config_parser(call: ModelCall) -> Value:
    args = call.arguments
    parser = Opaque(f"{call.callee}(…)", "call", (), PARSER)
    parser.slots["sections"] = Known(Mapping({}))
    parser.slots["plain"] = Known(
        call.callee.endswith("RawConfigParser") or not isinstance(args.get(None, "interpolation"), Absent)
    )
    if set(args.keywords) - {"interpolation"} or args.positional:
        forget_parsed(call.machine, parser, "configparser with custom options")
    return Known(parser)


def forget_parsed(m: Machine, parser: Opaque, why: str) -> None:
    m.write(object_of(parser.slots["sections"]), "state", Items({}, why))


def ini_plain(text: documents.Text) -> Any:
    return documents.ini_document(text, interpolation=False)


def ini(text: documents.Text) -> Any:
    return documents.ini_document(text)


def parser_read(call: ModelCall) -> Value:
    m = call.machine
    parser = call.owner
    name = call.callee.rsplit(".", 1)[-1]
    parse = ini_plain if parser.slots["plain"].value else ini
    source = call.arguments.get(0, "filenames", "f", "string", "dictionary")
    obj = object_of(source)
    if name == "read_dict":
        state = m.mapping(source, call.node)
        items: dict[Any, Value] = {
            k: Known(
                Mapping(
                    {
                        str(x).lower(): Known(str(plain(freeze(v))))
                        if isinstance(freeze(v), Known)
                        else Unknown("a value known only at run time")
                        for x, v in m.mapping(s, call.node).items.items()
                    }
                )
            )
            for k, s in state.items.items()
        }
        add_sections(m, parser, Items(items, state.why_incomplete))
        return Known(None)
    several = list(obj.state.items) if isinstance(obj, Sequence) and not obj.state.why_incomplete else [source]
    for one in several:
        value = load_path(m, one, parse) if name == "read" else load(m, one, parse)
        read_in = object_of(value) if value is not None else None
        if isinstance(read_in, Mapping):
            add_sections(m, parser, read_in.state)
        else:
            forget_parsed(
                m, parser, value.why if isinstance(value, Unknown) else f"what configparser read from {describe(one)}"
            )
    return Known(Opaque("the files that configparser read", "call"))


def add_sections(m: Machine, parser: Opaque, state: Items) -> None:
    sections = object_of(parser.slots["sections"])
    old = sections.state
    items = dict(old.items)
    for name, section in state.items.items():
        known = object_of(items.get(name))
        if isinstance(known, Mapping):
            section = Known(Mapping({**known.state.items, **object_of(section).state.items}))
        items[name] = section
    m.write(
        sections,
        "state",
        Items(items, old.why_incomplete or state.why_incomplete, old.overridden_by or state.overridden_by),
    )


for _name in ("read", "read_file", "read_string", "read_dict", "readfp"):
    METHOD_MODELS[PARSER, _name] = parser_read


def option(call: ModelCall) -> Value:
    """Return an option: `parser.get("lora", "r", fallback=16)` or `section.getint("r", 16)`."""
    m, args, node = call.machine, call.arguments, call.node
    parser = call.owner
    rest = list(args.positional)
    if parser.kind == PARSER:
        section = m.item(parser.slots["sections"], rest.pop(0) if rest else args.get(None, "section"), node)
    else:
        section = parser.slots["items"]
    key = rest.pop(0) if rest else args.get(None, "option")
    if isinstance(key, Known) and isinstance(key.value, str):
        key = Known(key.value.lower())
    fallback = (
        args.get(None, "fallback")
        if parser.kind == PARSER or "fallback" in args.keywords
        else (rest[0] if rest else Absent())
    )
    if isinstance(section, Unknown):
        return (
            section
            if isinstance(fallback, Absent)
            or object_of(parser.slots.get("sections")) is not None
            and object_of(parser.slots["sections"]).state.why_incomplete
            else fallback
        )
    marker = Unknown(f"there is no option {describe(key)}")
    found = m.call(
        m.attribute(section, "get", node),
        Arguments([key, fallback if not isinstance(fallback, Absent) else marker]),
        node,
    )
    word = call.callee.rsplit(".", 1)[-1]
    if found is fallback or word == "get":
        return found
    return converted(m, found, word, node)


def converted(m: Machine, value: Value, word: str, node: cst.CSTNode | None) -> Value:
    convert: Any = {"getint": int, "getfloat": float, "getboolean": lambda s: BOOLEANS[s.lower()]}[word]
    return apply(m, word, lambda s: convert(s) if isinstance(s, str) else s, value)


for _kind in (PARSER, SECTION):
    for _name in ("get", "getint", "getfloat", "getboolean"):
        METHOD_MODELS[_kind, _name] = option


def section(call: ModelCall) -> Value:
    args = call.arguments
    parser = call.owner
    if parser.kind == SECTION:
        key = args.get(0)
        return call.machine.item(
            parser.slots["items"],
            Known(key.value.lower(), key.trace) if isinstance(key, Known) and isinstance(key.value, str) else key,
            call.node,
        )
    inner = call.machine.item(parser.slots["sections"], args.get(0), call.node)
    if not isinstance(object_of(inner), Mapping):
        return inner
    proxy = Opaque(f"{parser.text}[{describe(args.get(0))}]", "item", (call.receiver, args.get(0)), SECTION)
    proxy.slots["items"] = inner
    return Known(proxy, inner.trace)


METHOD_MODELS[PARSER, "__getitem__"] = METHOD_MODELS[SECTION, "__getitem__"] = section


def set_option(call: ModelCall) -> Value:
    parser = call.owner
    sections = object_of(parser.slots.get("sections"))
    if sections is not None:
        forget_parsed(call.machine, parser, "the script changes what configparser read")
    return Known(None)


for _name in ("set", "__setitem__", "remove_option", "remove_section", "update", "add_section"):
    METHOD_MODELS[PARSER, _name] = set_option


def parser_names(call: ModelCall) -> Value:
    m, args, node = call.machine, call.arguments, call.node
    parser = call.owner
    word = call.callee.rsplit(".", 1)[-1]
    if parser.kind == SECTION or word in ("items", "options"):
        inner = parser.slots["items"] if parser.kind == SECTION else m.item(parser.slots["sections"], args.get(0), node)
        return m.call(m.attribute(inner, "items" if word == "items" else "keys", node), Arguments(), node)
    state = object_of(parser.slots["sections"]).state
    names = tuple(Known(k) for k in state.items if k != "DEFAULT")
    if word in ("has_section", "has_option"):
        inside = m.contains(parser.slots["sections"], args.get(0), node)
        if word == "has_section" or isinstance(inside, Known) and inside.value is False:
            return inside
        return m.contains(m.item(parser.slots["sections"], args.get(0), node), args.get(1), node)
    return Known(Sequence(names, "list", state.why_incomplete, state.overridden_by))


for _kind, _names in (
    (PARSER, ("sections", "has_section", "has_option", "options", "items")),
    (SECTION, ("items", "keys")),
):
    for _name in _names:
        METHOD_MODELS[_kind, _name] = parser_names
