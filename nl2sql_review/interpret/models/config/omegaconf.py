"""Model of OmegaConf: loading, creating and merging configurations, with the types of structured ones."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Default, Either, Known, Unknown, Value
from ...core.joins import demote
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Class, Instance, Items, Mapping, Opaque, Sequence, object_of
from ...core.operations import describe, lift, mapped
from ..commandline.process import started
from ..files.streams import FILE, defaulted
from .configuration import READERS, load, load_path
from .interpolation import Config, literal, open_text, select

if TYPE_CHECKING:
    import libcst as cst

COMMAND_LINE = "the command line"
CONVERSIONS = {"int": int, "float": float, "bool": bool, "str": str}


# -- making them -----------------------------------------------------------------------------------------
def built(m: Machine, value: Value, parent: Config | None, node: cst.CSTNode | None = None) -> Value:
    """Return a value as stored in a configuration: dictionaries and dataclasses are copied into Configs."""
    m.step()
    if isinstance(value, Either):
        return lift(lambda v: built(m, v, parent, node), value)
    obj = object_of(value)
    by = value.overridden_by if isinstance(value, Default) else ""
    if isinstance(obj, Class) and obj.kind in ("dataclass", "attrs"):
        value = m.call(Known(obj), Arguments(), node)
        obj = object_of(value)
    if isinstance(obj, Instance) and obj.cls.kind in ("dataclass", "attrs"):
        made = Config(parent=parent)
        made.types = {name: f.annotation for name, f in obj.cls.fields.items()}
        made.slots["state"] = Items({k: built(m, obj.slots[k], made, node) for k in obj.cls.fields if k in obj.slots})
    elif isinstance(obj, Mapping):
        state = obj.slots["state"] if isinstance(obj, Config) else m.mapping(Known(obj), node)
        made = Config(parent=parent, why_incomplete=state.why_incomplete, overridden_by=state.overridden_by)
        if isinstance(obj, Config):
            made.types = obj.types
        made.slots["state"] = state._replace(items={k: built(m, v, made, node) for k, v in state.items.items()})
    elif isinstance(obj, Sequence):
        state = obj.state
        return again(
            Known(
                Sequence(
                    tuple(built(m, v, parent, node) for v in state.items),
                    "list",
                    state.why_incomplete,
                    state.overridden_by,
                ),
                value.trace,
            ),
            by,
        )
    else:
        return value
    return again(Known(made, value.trace), by)


def again(value: Value, by: str) -> Value:
    return defaulted(value, by) if by else value


def merged(
    m: Machine, base: Value, over: Value, parent: Config | None, node: cst.CSTNode | None = None, annotation: str = ""
) -> Value:
    """Return `base` with the values of `over` in place of its own, both as written."""
    a, b = object_of(base), object_of(over)
    if isinstance(a, Config) and isinstance(b, (Mapping, Instance)):
        right = object_of(built(m, over, None, node))
        if not isinstance(right, Config):
            return Unknown(f"merged with {describe(over)}")
        old, new = a.written, right.written
        made = Config(parent=parent)
        made.types = a.types or right.types
        items: dict[Any, Value] = {}
        for key in {**old.items, **new.items}:
            x, y = old.items.get(key), new.items.get(key)
            if x is None or y is None:
                one = x if y is None else y
                items[key] = (
                    Unknown(new.why_incomplete)
                    if y is None and new.why_incomplete
                    else typed(built(m, one, made, node), made.types.get(key, "") if x is None else "")
                )
            else:
                items[key] = merged(m, x, y, made, node, made.types.get(key, ""))
        made.slots["state"] = Items(
            items, old.why_incomplete or new.why_incomplete, old.overridden_by or new.overridden_by
        )
        out: Value = Known(made, over.trace or base.trace)
        return defaulted(out, new.overridden_by) if new.overridden_by else out
    if isinstance(over, (Known, Default)) and over.value == "???":
        return built(m, base, parent, node)
    if isinstance(over, Unknown) and isinstance(a, Config):
        return Unknown(over.why, over.trace)
    return typed(built(m, over, parent, node), annotation)


def typed(value: Value, annotation: str) -> Value:
    """Convert a value assigned to a field of a structured configuration to the field's type."""
    name = annotation.removeprefix("Optional[").removesuffix("]").replace(" | None", "").strip()
    if name not in CONVERSIONS:
        return value

    def one(v: Value) -> Value:
        if not isinstance(v, Known) or v.value is None or not isinstance(v.value, (int, float, str)) or open_text(v):
            return v
        try:
            if name == "bool" and isinstance(v.value, str):
                return Known(
                    {
                        "true": True,
                        "yes": True,
                        "on": True,
                        "1": True,
                        "false": False,
                        "no": False,
                        "off": False,
                        "0": False,
                    }[v.value.lower()],
                    v.trace,
                )
            if name == "int" and isinstance(v.value, float) and not v.value.is_integer():
                raise ValueError
            return Known(CONVERSIONS[name](v.value), v.trace)
        except (ValueError, KeyError):
            return Unknown(f"{describe(v)} is not a {name}", v.trace)

    return lift(one, value)


# -- OmegaConf -------------------------------------------------------------------------------------------
def read_file(m: Machine, source: Value) -> Value:
    obj = object_of(source)
    found = (
        load(m, source, READERS["omegaconf"])
        if isinstance(obj, Opaque) and obj.kind == FILE
        else load_path(m, source, READERS["omegaconf"])
    )
    return found if found is not None else Unknown(f"what OmegaConf loads from {describe(source)}")


@model("omegaconf.OmegaConf.load")
def load_(call: ModelCall) -> Value:
    value = read_file(call.machine, call.arguments.get(0, "file_"))
    return (
        built(call.machine, value, None, call.node)
        if not (isinstance(value, Known) and value.value is None)
        else Known(Config())
    )


@model(
    "omegaconf.OmegaConf.create",
    "omegaconf.OmegaConf.structured",
    "omegaconf.DictConfig",
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.ListConfig",
)
def create(call: ModelCall) -> Value:
    m = call.machine
    value = call.arguments.get(0, "obj", "content")
    if isinstance(value, Absent):
        return Known(Config())
    if isinstance(value, (Known, Default)) and isinstance(value.value, str):
        found = load(m, value, READERS["omegaconf"])
        return built(m, found, None, call.node) if found is not None else Unknown("a configuration in a string")
    return built(m, value, None, call.node)


@model("omegaconf.OmegaConf.merge", "omegaconf.OmegaConf.unsafe_merge")
def merge(call: ModelCall) -> Value:
    args = call.arguments
    if args.unknown or not args.positional:
        return Unknown(args.unknown or "OmegaConf.merge() of nothing")
    out = built(call.machine, args.positional[0], None, call.node)
    for over in args.positional[1:]:
        out = lift(lambda a, b: merged(call.machine, a, b, None, call.node), out, over)
    return out


@model("omegaconf.OmegaConf.from_cli")
def from_command_line(call: ModelCall) -> Value:
    args = call.arguments
    if args.positional and not isinstance(args.get(0), Absent):
        return from_words(call)
    line = started(call.machine)
    if line is None:
        return Known(Config(overridden_by=COMMAND_LINE))
    words = Arguments([Known(Sequence(line.words, "list"))], {}, args.place)
    made = from_words(ModelCall(call.machine, words, call.node, call.callee))
    return defaulted(made, COMMAND_LINE) if line.overridable else made


@model("omegaconf.OmegaConf.from_dotlist")
def from_words(call: ModelCall) -> Value:
    state = call.machine.iterate(call.arguments.get(0, "dotlist", "args_list"), call.node)
    # What argparse left over: by default nothing.
    rest = not state.items and state.why_incomplete.startswith("only the command line")
    out: Value = Known(
        Config(overridden_by=COMMAND_LINE)
        if rest
        else Config(why_incomplete=state.why_incomplete, overridden_by=state.overridden_by)
    )
    for word in state.items:
        if not isinstance(word, Known) or not isinstance(word.value, str):
            return Unknown("a list of settings known only at run time")
        out = with_setting(call.machine, out, word.value, call.node)
    return out


def with_setting(m: Machine, value: Value, word: str, node: cst.CSTNode | None = None) -> Value:
    """Return the configuration after `a.b=3`."""
    path, _, text = word.partition("=")
    inner = literal(text) if text else Known("")
    for name in reversed(re.findall(r"[^.\[\]]+", path.lstrip("+"))):
        inner = Known(Mapping({name: inner}))
    return merged(m, value, inner, None, node)


@model("omegaconf.OmegaConf.to_container", "omegaconf.OmegaConf.to_object")
def to_container(call: ModelCall) -> Value:
    resolve = call.arguments.get(None, "resolve")
    follow = call.callee.endswith("object") or isinstance(resolve, Known) and resolve.value is True
    return lift(lambda v: plain(v, follow), call.arguments.get(0, "cfg"))


def plain(value: Value, follow: bool) -> Value:
    """Return a configuration as ordinary dictionaries and lists."""
    by = value.overridden_by if isinstance(value, Default) else ""
    obj = object_of(value)
    if isinstance(obj, Config):
        state = obj.state if follow else obj.written
        return again(
            Known(
                Mapping(
                    {k: plain(v, follow) for k, v in state.items.items()},
                    state.why_incomplete,
                    "dict",
                    state.overridden_by,
                ),
                value.trace,
            ),
            by,
        )
    if isinstance(obj, Sequence):
        return again(mapped(lambda inner: plain(inner, follow), Known(obj, value.trace)), by)
    return value


@model("omegaconf.OmegaConf.select")
def select_(call: ModelCall) -> Value:
    args = call.arguments
    fallback = args.get(None, "default")

    def one(cfg: Value, key: Value) -> Value:
        if not isinstance(object_of(cfg), Mapping) or not isinstance(key, Known) or not isinstance(key.value, str):
            return Unknown(f"OmegaConf.select of {describe(key)}")
        state = object_of(cfg).state
        found = select(cfg, key.value)
        if isinstance(found, Unknown) and found.why.startswith("there is no"):
            missing = fallback if not isinstance(fallback, Absent) else Known(None)
            return demote(missing, state.overridden_by) if state.overridden_by else missing
        return found

    return lift(one, args.get(0, "cfg"), args.get(1, "key"))


@model("omegaconf.OmegaConf.update")
def update(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    cfg, key, value = args.get(0, "cfg"), args.get(1, "key"), args.get(2, "value")
    obj = object_of(cfg)
    if isinstance(obj, Config) and isinstance(key, Known) and isinstance(key.value, str):
        *path, last = key.value.split(".")
        for word in path:
            inner = object_of(obj.written.items.get(word)) if isinstance(obj, Config) else None
            if not isinstance(inner, Config):
                m.write(
                    obj,
                    "state",
                    Items({k: Unknown("OmegaConf.update") for k in obj.written.items}, "changed by OmegaConf.update"),
                )
                return Known(None)
            obj = inner
        m.write(obj, "state", obj.written._replace(items={**obj.written.items, last: built(m, value, obj, call.node)}))
    elif isinstance(obj, Mapping):
        m.write(
            obj,
            "state",
            Items({k: Unknown("OmegaConf.update") for k in obj.state.items}, "changed by OmegaConf.update"),
        )
    return Known(None)


@model("omegaconf.OmegaConf.is_config", "omegaconf.OmegaConf.is_dict")
def is_config(call: ModelCall) -> Value | None:
    obj = object_of(call.arguments.get(0, "obj"))
    return (
        Known(isinstance(obj, Config))
        if isinstance(call.arguments.get(0, "obj"), Known) and not isinstance(obj, Opaque)
        else None
    )


@model(
    "omegaconf.OmegaConf.set_struct",
    "omegaconf.OmegaConf.set_readonly",
    "omegaconf.OmegaConf.resolve",
    "omegaconf.OmegaConf.save",
    "omegaconf.OmegaConf.register_new_resolver",
    "omegaconf.OmegaConf.clear_resolvers",
)
def no_effect(call: ModelCall) -> Value:
    return Known(None)


@model("omegaconf.open_dict", "omegaconf.read_write", "omegaconf.flag_override")
def open_dict(call: ModelCall) -> Value:
    return call.arguments.get(0, "config")
