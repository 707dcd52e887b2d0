"""Models of yaml, json, toml and dotenv: documents that the script loads, and those it writes to a string."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable

from ....training_plan.values import Absent, Default, Either, Known, Term, Unknown, Value
from ...core import documents, sizes
from ...core.documents import Malformed
from ...core.joins import demote
from ...core.library import METHOD_MODELS, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Mapping, Opaque, Sequence, object_of
from ...core.operations import freeze, lists_all, thaw
from ...core.yaml_documents import yaml_documents
from ..data.written import document
from ..files.lookup import Content
from ..files.streams import FILE, read, read_path

if TYPE_CHECKING:
    import libcst as cst

MAX_ROWS = 200  # elements of a list at the top of a JSON file: more are data, not a configuration


def load(m: Machine, stream: Value, parse: Callable[[documents.Text], Any]) -> Value | None:
    """Return the document in a stream or text, freshly made, or None if `stream` is neither."""
    return read(m, stream, lambda found: made(m, found, parse))


def made(m: Machine, found: Content, parse: Callable[[documents.Text], Any]) -> Value:
    key = found.file, id(found.source), found.text, parse
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
    def parse(text: documents.Text) -> Any:
        found = yaml_documents(text, dialect)
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
    found = load(call.machine, args.get(0, "stream"), READERS[dialect])
    return Unknown(path.why, path.trace) if found is None and (path := unnamed(args.get(0, "stream"))) else found


def unnamed(text: Value) -> Unknown | None:
    """Return the unknown path of the file that a text is the content of, if it is one."""
    content = object_of(text)
    file = object_of(content.args[0]) if isinstance(content, Opaque) and content.args else None
    path = file.args[0] if isinstance(file, Opaque) and file.kind == FILE else None
    return path if isinstance(path, Unknown) else None


def every_document(text: documents.Text) -> Any:
    found = yaml_documents(text)
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


LAYOUT = {"ensure_ascii", "indent", "sort_keys", "separators"}  # options of json.dumps that change no value


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
    obj = object_of(source)
    if not args.keywords and isinstance(obj, Opaque) and (held := dumped(obj)) is not None:
        return held
    value = load(call.machine, source, documents.json_document)
    if not args.keywords and (value is None or isinstance(value, Unknown)):
        if (written := document(call.machine, source)) is not None:
            return written
    if isinstance(value, Unknown) and (not isinstance(source, Unknown) or call.callee.endswith("load")):
        if isinstance(obj, Opaque) and obj.kind == FILE:
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


def dumped(text: Opaque) -> Value | None:
    """Return what the run has written as the JSON that a text is, by `json.dumps(row["messages"])`; else None."""
    if text.operation != "call" or not text.text.startswith("json.dumps(") or not text.args:
        return None
    given = [one if isinstance(one, Term) else object_of(one) for one in text.args[1:]]
    options = {one.text for one in given if isinstance(one, (Opaque, Term))}
    held = object_of(text.args[0])
    if len(options) != len(text.args) - 1 or options - LAYOUT:
        return None
    if isinstance(text.args[0], Unknown):  # a list or a dictionary, of which the run decides some elements
        again = as_written(text.args[0])
        data = text.call.live_arguments[0].get(0, "obj") if text.call and text.call.live_arguments else Absent()
        return demote(again, data.overridden_by) if again is not None and isinstance(data, Default) else again
    if isinstance(held, Sequence):  # another list of the same elements
        return Known(Sequence(held.state.items, "list", held.state.why_incomplete), text.args[0].trace)
    return text.args[0] if isinstance(held, Opaque) and held.operation != "keyword" else None


def as_written(value: Value) -> Value | None:
    """Return what JSON makes of a container of which `freeze` knows all elements, but not what each is; else None."""
    if isinstance(value, (Known, Default)) and isinstance(value.value, (dict, list, tuple)):
        try:
            return thaw(replace(value, value=json.loads(json.dumps(value.value))))
        except (TypeError, ValueError):
            return None
    if not isinstance(value, Unknown):
        return value
    if not lists_all(value):  # there may be more elements
        return value if value.parts is None else None
    if isinstance(value.parts, dict):
        items = {key: as_written(part) for key, part in value.parts.items() if isinstance(key, str)}
        made = {key: part for key, part in items.items() if part is not None}
        return Known(Mapping(made), value.trace) if len(made) == len(value.parts) else None
    parts = [part for one in value.parts or () if (part := as_written(one)) is not None]
    return Known(Sequence(tuple(parts), "list"), value.trace) if parts and len(parts) == len(value.parts) else None


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
