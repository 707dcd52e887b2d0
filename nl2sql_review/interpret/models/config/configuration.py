"""Models of yaml, json, toml and configparser: documents that the script loads, and those it writes to a string."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable

from ....training_plan.values import Absent, Default, Either, Known, Unknown, Value
from ...core import documents, sizes
from ...core.documents import Malformed
from ...core.library import METHOD_MODELS, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import describe, freeze
from ..files.streams import FILE, Content, read, read_path

if TYPE_CHECKING:
    import libcst as cst

MAX_ROWS = 200  # elements of a list at the top of a JSON file: more are data, not a configuration


def load(m: Machine, stream: Value, parse: Callable[[documents.Text], Any]) -> Value | None:
    """Return the document in a stream or text, freshly made, or None if `stream` is neither."""
    return read(m, stream, lambda found: made(m, found, parse))


def made(m: Machine, found: Content, parse: Callable[[documents.Text], Any]) -> Value:
    key = (
        found.file,
        id(found.source),
        found.text,
        getattr(parse, "__name__", ""),
        parse.__defaults__ if hasattr(parse, "__defaults__") else None,
    )
    make = m.documents.get(key)
    if make is None:
        try:
            make = parse(documents.Text(found.text, found.source, found.trace))
        except Malformed as e:
            make = str(e)
        m.documents[key] = make
    if isinstance(make, str):
        m.may_raise_count += 1
        return Unknown(f"{found.file.name}: {make}" if found.file is not None else make, found.trace)
    document: Value = make()
    return document


def load_path(m: Machine, path: Value, parse: Callable[[documents.Text], Any]) -> Value:
    """Return the document in the file at a path."""
    return read_path(m, path, lambda found: made(m, found, parse))


# -- yaml ------------------------------------------------------------------------------------------------
def yaml_reader(dialect: str) -> Callable[[documents.Text], Any]:
    def parse(text: documents.Text, dialect: str = dialect) -> Any:
        found = documents.yaml_documents(text, dialect)
        if len(found) > 1:
            raise Malformed("several documents instead of one")
        return found[0] if found else lambda: Known(None, text.whole)

    return parse


READERS = {dialect: yaml_reader(dialect) for dialect in ("pyyaml", "base", "omegaconf", "ruamel")}


def dialect_of(loader: Value) -> str | None:
    """Return the dialect of a Loader class of PyYAML, or None if it is a class of the script."""
    obj = object_of(loader)
    if isinstance(loader, Absent):
        return "pyyaml"
    name = obj.text.rsplit(".", 1)[-1] if isinstance(obj, Opaque) else ""
    if name in (
        "SafeLoader",
        "CSafeLoader",
        "FullLoader",
        "CFullLoader",
        "UnsafeLoader",
        "Loader",
        "CLoader",
        "CUnsafeLoader",
    ):
        return "pyyaml"
    return "base" if name in ("BaseLoader", "CBaseLoader") else None


@model(
    "yaml.safe_load",
    "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.load",
    "yaml.load_all",
    "yaml.safe_load_all",
    "yaml.full_load_all",
)
def yaml_load(call: ModelCall) -> Value | None:
    args = call.arguments
    dialect = dialect_of(args.get(1, "Loader")) if call.callee.startswith("yaml.load") else "pyyaml"
    if dialect is None:
        return Unknown("YAML parsed with the script's own loader")
    if call.callee.endswith("_all"):
        return load(call.machine, args.get(0, "stream"), every_document)
    return load(call.machine, args.get(0, "stream"), READERS[dialect])


def every_document(text: documents.Text) -> Any:
    found = documents.yaml_documents(text)
    return lambda: Known(Sequence(tuple(make() for make in found), "list"), text.whole)


@model("yaml.dump", "yaml.safe_dump")
def yaml_dump(call: ModelCall) -> Value | None:
    args = call.arguments
    if not isinstance(args.get(1, "stream"), Absent):
        return Known(None)
    data = freeze(args.get(0, "data"))
    if (
        not isinstance(data, Known)
        or args.unknown
        or set(args.keywords) - {"data", "default_flow_style", "sort_keys", "indent", "allow_unicode"}
    ):
        return None
    import yaml

    options = {k: v.value for k, v in args.keywords.items() if k != "data" and isinstance(v, Known)}
    try:
        return Known(yaml.safe_dump(data.value, **options), data.trace)
    except (yaml.YAMLError, TypeError):
        return None


@model("ruamel.yaml.YAML", "ruamel.YAML", "ruamel_yaml.YAML")
def ruamel(call: ModelCall) -> Value:
    return Known(Opaque("ruamel.yaml.YAML(…)", "call", (call.arguments.get(None, "typ"),), "ruamel.yaml.YAML"))


def ruamel_load(call: ModelCall) -> Value | None:
    source = call.arguments.get(0, "stream")
    from ..files.paths import is_path

    if is_path(source):
        return load_path(call.machine, source, READERS["ruamel"])
    return load(call.machine, source, READERS["ruamel"])


METHOD_MODELS["ruamel.yaml.YAML", "load"] = ruamel_load
METHOD_MODELS["ruamel.yaml.YAML", "dump"] = lambda call: Known(None)


# -- json ------------------------------------------------------------------------------------------------
@model(
    "json.load",
    "json.loads",
    "orjson.loads",
    "ujson.load",
    "ujson.loads",
    "simplejson.load",
    "simplejson.loads",
    "json5.load",
    "json5.loads",
    "commentjson.load",
)
def json_load(call: ModelCall) -> Value | None:
    args = call.arguments
    source = args.get(0, "fp", "s")
    value = load(call.machine, source, documents.json_document)
    obj = object_of(source)
    if isinstance(value, Unknown) and (not isinstance(source, Unknown) or call.callee.endswith("load")):
        if isinstance(obj, Opaque) and obj.kind == FILE and not isinstance(obj.args[0], Unknown):
            return None  # data: the run reads it, and a term says which
    if value is None or isinstance(value, Unknown):
        return value
    rows = object_of(value)
    if isinstance(rows, Sequence) and len(rows.state.items) > MAX_ROWS:
        return None
    for name in args.keywords:
        if name == "object_hook":
            value = hooked(call.machine, value, args.keywords[name], call.node)
        elif name not in ("fp", "s", "strict"):
            return Unknown(f"JSON read with {name}")
    return value


def hooked(m: Machine, value: Value, hook: Value, node: cst.CSTNode | None) -> Value:
    """Apply the hook to every dictionary, the innermost first."""
    obj = object_of(value)
    if isinstance(obj, Sequence):
        obj.slots["state"] = obj.state._replace(items=tuple(hooked(m, v, hook, node) for v in obj.state.items))
    elif isinstance(obj, Mapping):
        obj.slots["state"] = obj.state._replace(items={k: hooked(m, v, hook, node) for k, v in obj.state.items.items()})
        return m.call(hook, Arguments([value]), node)
    return value


@model("json.dumps")
def json_dumps(call: ModelCall) -> Value | None:
    args = call.arguments
    data = freeze(args.get(0, "obj"))
    plain = {
        k: v.value
        for k, v in args.keywords.items()
        if k != "obj" and isinstance(v, Known) and not hasattr(v.value, "slots")
    }
    if (
        not isinstance(data, (Known, Default))
        or args.unknown
        or len(plain) != len([k for k in args.keywords if k != "obj"])
    ):
        return None
    try:
        sizes.function("json.dumps", (data.value, *plain.values()))
        text = json.dumps(data.value, **plain)
        sizes.result(text)
    except sizes.TooMuch as error:
        return Unknown(str(error), data.trace)
    except (TypeError, ValueError):
        return None
    return Known(text, data.trace) if isinstance(data, Known) else Default(text, data.overridden_by, data.trace)


# -- toml ------------------------------------------------------------------------------------------------
@model(
    *(
        f"{name}.{function}"
        for name in ("tomllib", "tomli", "toml", "rtoml", "pytoml")
        for function in ("load", "loads")
    )
)
def toml_load(call: ModelCall) -> Value | None:
    source = call.arguments.get(0, "fp", "f", "s")
    v = source.value if isinstance(source, (Known, Default)) else None
    if (
        call.callee.endswith(".load")
        and not (isinstance(v, Opaque) and v.kind == FILE)
        and not isinstance(source, (Unknown, Either))
    ):
        return load_path(call.machine, source, documents.toml_document)  # the old toml package takes a path
    return load(call.machine, source, documents.toml_document)


# -- .env ------------------------------------------------------------------------------------------------
@model("dotenv.dotenv_values")
def dotenv_values(call: ModelCall) -> Value:
    """Return an open result for a file outside the project: its possible content is left out."""
    return Known(Mapping({}, "", "dict", "the .env file"))


# -- configparser ----------------------------------------------------------------------------------------
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
    from ...python.builtins import apply

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

__all__ = ["READERS", "load", "load_path"]
