"""Model of pydantic: construction of a script's model from its arguments, its validators, and its dumps.

Given values are converted to the declared type and go through the field's validators; defaults do neither, unless the
model requests it. The result of a validator is followed; if that is not possible it is unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Default, Known, Unknown, Value, extend
from ...core.joins import demote
from ...core.library import model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import (
    Arguments,
    Bound,
    Class,
    Field,
    Function,
    Instance,
    Items,
    Mapping,
    Opaque,
    Sequence,
    object_of,
    plain,
)
from ...core.operations import in_each, mapped
from ...python.builtins import BUILTINS
from ...python.classes import field_default
from .pydantic_types import adapt

if TYPE_CHECKING:
    import libcst as cst


# -- configuration ---------------------------------------------------------------------------------------
def configuration(cls: Class) -> dict[str, Value]:
    """Return the settings from `model_config`, an inner class `Config`, and keywords of the class statement."""
    out: dict[str, Value] = {}
    for base in reversed(cls.mro()):
        if not isinstance(base, Class):
            continue
        inner = object_of(base.slots.get("Config"))
        if isinstance(inner, Class):
            out.update(inner.slots)
        config = object_of(base.slots.get("model_config"))
        if isinstance(config, Mapping):
            out.update(config.state.items)
        elif isinstance(config, Opaque) and config.call is not None:
            out.update(config.call.arguments)
        out.update(base.options)
    return out


def is_settings(cls: Class) -> bool:
    return any(isinstance(b, Opaque) and b.text.endswith("BaseSettings") for b in cls.mro())


def names_of(f: Field, config: dict[str, Value]) -> tuple[list[str], bool]:
    """Return the keys under which a field is given, and whether there may be others."""
    spec = specification(f)
    given = spec.get("validation_alias", spec.get("alias"))
    by_name = any(
        plain(config.get(key, Known(False))) is True
        for key in ("populate_by_name", "allow_population_by_field_name", "validate_by_name")
    )
    if given is None:
        generated = config.get("alias_generator")
        return [f.name], generated is not None and plain(generated) is not None or isinstance(
            object_of(generated), (Function, Opaque)
        )
    if isinstance(plain(given), str):
        return [plain(given), *([f.name] if by_name else [])], False
    call = getattr(object_of(given), "call", None)
    choices = (
        [plain(v) for v in call.arguments.values()] if call is not None and call.callee.endswith("AliasChoices") else []
    )
    texts = [c for c in choices if isinstance(c, str)]
    return [*texts, *([f.name] if by_name else [])], not texts or len(texts) != len(choices)


def specification(f: Field) -> dict[str, Value]:
    return f.spec.call.arguments if f.spec is not None and f.spec.call is not None else {}


# -- validators ------------------------------------------------------------------------------------------
def validators(cls: Class) -> list[tuple[str, Opaque, Function, Value]]:
    """Return (kind, decorator, function, the class's entry for it), in the order of definition, bases first."""
    out = []
    for base in reversed(cls.mro()):
        for value in base.slots.values() if isinstance(base, Class) else ():
            fn = object_of(value)
            for mark in fn.marks if isinstance(fn, Function) else ():
                last = mark.text.split("(")[0].rsplit(".", 1)[-1]
                if last in ("field_validator", "validator", "model_validator", "root_validator"):
                    out.append((last, mark, fn, value))
    return out


def arguments_of(mark: Opaque) -> dict[str, Value]:
    return mark.call.arguments if mark.call is not None else {}


def mode_of(kind: str, mark: Opaque) -> str:
    given = arguments_of(mark)
    if kind in ("validator", "root_validator"):
        return "before" if plain(given.get("pre", Known(False))) is True else "after"
    return plain(given.get("mode", Known("after"))) or "after"


def validated(
    m: Machine,
    cls: Class,
    f: Field,
    value: Value,
    mode: str,
    found: list[Any],
    so_far: dict[str, Value],
    node: cst.CSTNode | None,
) -> Value:
    """Return the value after the field's validators of one mode."""
    for kind, mark, fn, _ in found:
        if kind not in ("field_validator", "validator") or mode_of(kind, mark) != mode:
            continue
        fields = [plain(v) for k, v in arguments_of(mark).items() if k.startswith("$")]
        if f.name not in fields and "*" not in fields:
            continue
        if plain(arguments_of(mark).get("each_item", Known(False))) is True:
            value = Unknown(f"{fn.name}() checks each item")
            continue
        value = run_validator(m, cls, fn, value, f, so_far, node)
    return value


def run_validator(
    m: Machine, cls: Class, fn: Function, value: Value, f: Field, so_far: dict[str, Value], node: cst.CSTNode | None
) -> Value:
    params = [p.name.value for p in fn.positional]
    given: list[Value] = [value]
    own = params[1:] if fn.kind != "staticmethod" else params
    for name in own[1:]:
        if name in ("values", "data"):
            given.append(Known(Mapping(dict(so_far))))
        else:
            info = Opaque("info", "call", (), "pydantic.ValidationInfo")
            info.slots.update(
                {"data": Known(Mapping(dict(so_far))), "field_name": Known(f.name), "name": Known(f.name)}
            )
            given.append(Known(info))
    if fn.kind == "staticmethod":
        return m.call(Known(fn), Arguments(given), node)
    return m.call(Known(Bound(Known(cls), fn.name, fn, fn.owner)), Arguments(given), node)


# -- building --------------------------------------------------------------------------------------------
def build(m: Machine, me: Known, cls: Class, args: Arguments, node: cst.CSTNode | None) -> None:
    """Run the generated `__init__` of a model."""
    obj, config, found = me.value, configuration(cls), validators(cls)
    given, unknown = dict(args.keywords), args.unknown
    for kind, mark, fn, _ in found:
        mode = mode_of(kind, mark)
        if kind in ("model_validator", "root_validator") and mode == "before":
            data = m.call(
                Known(Bound(Known(cls), fn.name, fn, fn.owner)) if fn.kind != "staticmethod" else Known(fn),
                Arguments([Known(Mapping(given, unknown))]),
                node,
            )
            state = (
                object_of(data).state
                if isinstance(object_of(data), Mapping) and isinstance(data, Known)
                else Items({}, f"{fn.name}() changes the model's input")
            )
            given, unknown = {k: v for k, v in state.items.items() if isinstance(k, str)}, state.why_incomplete
        elif kind in ("model_validator",) and mode == "wrap":
            unknown = f"{fn.name}() changes the model"
            given = {}
    checked = (
        is_settings(cls)
        or plain(config.get("validate_default", Known(False))) is True
        or plain(config.get("validate_all", Known(False))) is True
    )
    so_far: dict[str, Value] = {}
    for f in cls.fields.values():
        value = field_value(m, cls, f, args, given, unknown, config, node)
        was_given = value is not None
        if value is None:
            value = default_of(m, cls, f, so_far, node)
        if isinstance(value, Absent):
            value = Unknown(f"{cls.name}.{f.name} is required but not given here")
        elif was_given or checked or plain(specification(f).get("validate_default", Known(False))) is True:
            if any(
                mode_of(k, mark) in ("wrap", "plain") and f.name in [plain(v) for v in arguments_of(mark).values()]
                for k, mark, _, _ in found
            ):
                value = Unknown(f"a validator decides what {f.name} is")
            if any(
                plain(config.get(key, Known(False))) is True
                for key in ("str_strip_whitespace", "str_to_lower", "str_to_upper", "anystr_strip_whitespace")
            ) and isinstance(plain(value), str):
                value = Unknown(f"the model changes the text {f.name}", value.trace)
            value = validated(m, cls, f, value, "before", found, so_far, node)
            value = adapt(m, cls, f.annotation, value, node)
            value = validated(m, cls, f, value, "after", found, so_far, node)
        m.write(obj, f.name, value)
        so_far[f.name] = value
    if plain(config.get("extra", Known("ignore"))) == "allow":
        for k, v in given.items():
            m.write(obj, k, v)
    finish(m, me, cls, found, node)


def field_value(
    m: Machine,
    cls: Class,
    f: Field,
    args: Arguments,
    given: dict[str, Value],
    unknown: str,
    config: dict[str, Value],
    node: cst.CSTNode | None,
) -> Value | None:
    """Return the value given for the field, or None if there is none. Keys that are used are removed from `given`."""
    names, others = names_of(f, config)
    for name in names:
        if name in given:
            value = given.pop(name)
            return extend(value, args.places[name]) if name in args.places else value
    if unknown:
        return Unknown(unknown)
    if others and given:
        return Unknown(f"{cls.name}.{f.name} may be given under another name")
    return None


def default_of(m: Machine, cls: Class, f: Field, so_far: dict[str, Value], node: cst.CSTNode | None) -> Value:
    shared = object_of(f.default)
    factory = object_of(f.factory) if f.factory is not None else None
    if f.factory is not None and isinstance(factory, Function) and [p for p in factory.positional if p.default is None]:
        value = m.call(f.factory, Arguments([Known(Mapping(dict(so_far)))]), node)
    elif f.factory is None and isinstance(shared, (Sequence, Mapping)):  # a model copies a mutable default
        copied = (
            Sequence(shared.state.items, shared.kind, shared.state.why_incomplete, shared.state.overridden_by)
            if isinstance(shared, Sequence)
            else Mapping(dict(shared.state.items), shared.state.why_incomplete)
        )
        value = Known(copied, f.default.trace)
    else:
        value = field_default(m, cls, f, node)
    if not is_settings(cls):
        return value
    config = configuration(cls)
    prefix = plain(config.get("env_prefix", Known(""))) or ""
    names, _ = names_of(f, config)
    own = plain(specification(f).get("env", Known(None)))
    variable = (
        "$"
        + (own if isinstance(own, str) else names[0] if names and names[0] != f.name else f"{prefix}{f.name}").upper()
    )
    if plain(config.get("cli_parse_args", Known(False))) is True:
        variable = f"--{f.name}"
    return (
        Unknown(f"{variable} is required: only the environment gives it")
        if isinstance(value, Absent)
        else demote(value, variable)
    )


def finish(m: Machine, me: Known, cls: Class, found: list[Any], node: cst.CSTNode | None) -> None:
    obj = me.value
    post = cls.lookup("model_post_init")
    if isinstance(object_of(post), Function):
        m.call(m.attribute(me, "model_post_init", node), Arguments([Known(None)]), node)
    for kind, mark, fn, _ in found:
        if kind == "model_validator" and mode_of(kind, mark) == "after":
            if fn.kind == "classmethod":
                given: list[Value] = [me, Known(None)]
                method = Bound(Known(cls), fn.name, fn, fn.owner)
            else:
                given, method = [Known(Opaque("info"))], Bound(me, fn.name, fn, fn.owner)
            m.call(Known(method), Arguments(given[: len(fn.positional) - 1]), node)
        elif kind == "root_validator" and mode_of(kind, mark) == "after":
            data = m.call(
                Known(Bound(Known(cls), fn.name, fn, fn.owner)),
                Arguments([Known(Mapping({k: obj.slots[k] for k in cls.fields if k in obj.slots}))]),
                node,
            )
            state = m.mapping(data, node)
            for name in cls.fields:
                if name in state.items or state.why_incomplete:
                    m.write(obj, name, state.items.get(name, Unknown(state.why_incomplete)))


# -- methods ---------------------------------------------------------------------------------------------
def method(m: Machine, f: Bound, args: Arguments, node: cst.CSTNode | None) -> Value | None:
    obj, name = object_of(f.receiver), f.name
    if isinstance(obj, Instance):
        if name in ("model_dump", "dict"):
            return dump(m, f.receiver, args)
        if name in ("model_dump_json", "json"):
            return m.call(m.library_name("json", "dumps"), Arguments([dump(m, f.receiver, args)]), node)
        if name == "model_post_init":
            return Known(None)
    if isinstance(obj, Class):
        if name in ("model_validate", "parse_obj"):
            return validate(m, f.receiver, args.get(0, "obj"), args, node)
        if name in ("model_validate_json", "parse_raw"):
            return validate(
                m,
                f.receiver,
                m.call(m.library_name("json", "loads"), Arguments([args.get(0, "json_data", "b")]), node),
                args,
                node,
            )
        if name == "parse_file":
            file = m.call(BUILTINS["open"], Arguments([args.get(0, "path")]), node)
            return validate(m, f.receiver, m.call(m.library_name("json", "load"), Arguments([file]), node), args, node)
        if name in ("model_construct", "construct"):
            made = Instance(obj)
            for field in obj.fields.values():
                m.write(
                    made,
                    field.name,
                    args.keywords[field.name]
                    if field.name in args.keywords
                    else Unknown(args.unknown)
                    if args.unknown
                    else default_of(m, obj, field, {}, node),
                )
            return Known(made, (args.place,) if args.place else ())
    return None


def validate(m: Machine, cls: Value, data: Value, args: Arguments, node: cst.CSTNode | None) -> Value:
    if isinstance(object_of(data), Instance):
        return data
    state = m.mapping(data, node)
    inner = Arguments(
        [],
        {
            k: demote(v, state.overridden_by) if state.overridden_by else v
            for k, v in state.items.items()
            if isinstance(k, str)
        },
        args.place,
    )
    inner.unknown = state.why_incomplete
    return m.call(cls, inner, node)


def dump(m: Machine, value: Value, args: Arguments | None = None) -> Value:
    """Return the result of `model_dump()`: nested models as dictionaries too."""
    if isinstance(value, Default):
        return demote(dump(m, Known(value.value, value.trace), args), value.overridden_by)
    keywords = args.keywords if args is not None else {}
    made = as_dict(m, value, plain(keywords.get("by_alias", Known(False))) is True)
    store = object_of(made)
    items, open_ = dict(store.state.items), store.state.why_incomplete
    for word in ("exclude", "include"):
        chosen = object_of(keywords.get(word))
        if isinstance(chosen, (Sequence, Mapping)):
            listed = (
                [plain(v) for v in chosen.state.items] if isinstance(chosen, Sequence) else list(chosen.state.items)
            )
            nested = isinstance(chosen, Mapping) and any(
                plain(v) not in (True, ...) for v in chosen.state.items.values()
            )
            items = {k: v for k, v in items.items() if (k in listed) is (word == "include")}
            open_ = open_ or chosen.state.why_incomplete or ("it omits parts of nested models" if nested else "")
        elif word in keywords and plain(keywords[word]) is not None:
            open_ = f"it is dumped with an unknown {word}"
    if plain(keywords.get("exclude_none", Known(False))) is True:
        items = {k: v for k, v in items.items() if not (isinstance(v, Known) and v.value is None)}
        by = next((v.overridden_by for v in items.values() if isinstance(v, Default) and v.value is None), "")
        items = {k: v for k, v in items.items() if not (isinstance(v, Default) and v.value is None)}
        return Known(Mapping(items, open_, "dict", by), value.trace)
    if any(plain(keywords.get(word, Known(False))) is True for word in ("exclude_unset", "exclude_defaults")):
        items = {k: Unknown("it is dumped without unset fields") for k in items}
        open_ = "it is dumped without unset fields"
    return Known(Mapping(items, open_), value.trace)


def as_dict(m: Machine, value: Value, by_alias: bool) -> Value:
    """Return a model as a dictionary of its fields, and those inside it; a default stays one."""
    m.step()

    def made(one: Known) -> Value:
        obj = one.value
        if not isinstance(obj, Instance) or obj.cls.kind == "enum":
            return mapped(lambda inner: as_dict(m, inner, by_alias), one)
        items: dict[Any, Value] = {}
        for name, f in obj.cls.fields.items():
            if name in obj.slots and plain(specification(f).get("exclude", Known(False))) is not True:
                alias = plain(specification(f).get("serialization_alias", specification(f).get("alias", Known(None))))
                items[alias if by_alias and isinstance(alias, str) else name] = as_dict(m, obj.slots[name], by_alias)
        if plain(configuration(obj.cls).get("extra", Known("ignore"))) == "allow":
            more = {k: v for k, v in obj.slots.items() if k not in obj.cls.fields and isinstance(k, str)}
            items.update({k: as_dict(m, v, by_alias) for k, v in more.items()})
        return Known(Mapping(items), one.trace)

    return in_each(made, value)


@model("pydantic.parse_obj_as", "pydantic_yaml.parse_yaml_raw_as", "pydantic_yaml.parse_yaml_file_as")
def parse_as(call: ModelCall) -> Value | None:
    m, args = call.machine, call.arguments
    cls, data = args.get(0), args.get(1)
    if not isinstance(object_of(cls), Class):
        return None
    if "yaml" in call.callee:
        if call.callee.endswith("file_as"):
            data = m.call(BUILTINS["open"], Arguments([data]), call.node)
        data = m.call(m.library_name("yaml", "safe_load"), Arguments([data]), call.node)
    return validate(m, cls, data, args, call.node)
