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
from .pydantic_validators import Validator, arguments_of, mode_of, validated, validators

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


def is_on(settings: dict[str, Value], *names: str) -> bool:
    """Return whether any of these settings is True."""
    return any(plain(settings.get(name)) is True for name in names)


def is_settings(cls: Class) -> bool:
    return any(isinstance(b, Opaque) and b.text.endswith("BaseSettings") for b in cls.mro())


def names_of(f: Field, config: dict[str, Value]) -> tuple[list[str], bool]:
    """Return the keys under which a field is given, and whether there may be others."""
    spec = specification(f)
    given = spec.get("validation_alias", spec.get("alias"))
    by_name = is_on(config, "populate_by_name", "allow_population_by_field_name", "validate_by_name")
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


# -- building --------------------------------------------------------------------------------------------
def build(m: Machine, me: Known, cls: Class, args: Arguments, node: cst.CSTNode | None) -> None:
    """Run the generated `__init__` of a model."""
    obj, config, found = me.value, configuration(cls), validators(cls)
    given, unknown = model_input(m, cls, args, found, node)
    every_value = is_settings(cls) or is_on(config, "validate_default", "validate_all")
    so_far: dict[str, Value] = {}
    for f in cls.fields.values():
        value = field_value(m, cls, f, args, given, unknown, config, node)
        is_checked = value is not None or every_value or is_on(specification(f), "validate_default")
        if value is None:
            value = default_of(m, cls, f, so_far, node)
        if isinstance(value, Absent):
            value = Unknown(f"{cls.name}.{f.name} is required but not given here")
        elif is_checked:
            value = checked(m, cls, f, value, config, found, so_far, node)
        m.write(obj, f.name, value)
        so_far[f.name] = value
    if plain(config.get("extra", Known("ignore"))) == "allow":
        for k, v in given.items():
            m.write(obj, k, v)
    finish(m, me, cls, found, node)


def model_input(
    m: Machine, cls: Class, args: Arguments, found: list[Validator], node: cst.CSTNode | None
) -> tuple[dict[str, Value], str]:
    """Return what the validators of the whole model make of its arguments, and why there may be others."""
    given, unknown = dict(args.keywords), args.unknown
    for kind, mark, fn in found:
        mode = mode_of(kind, mark)
        if kind in ("model_validator", "root_validator") and mode == "before":
            method = Known(fn) if fn.kind == "staticmethod" else Known(Bound(Known(cls), fn.name, fn, fn.owner))
            data = m.call(method, Arguments([Known(Mapping(given, unknown))]), node)
            if isinstance(data, Known) and isinstance(data.value, Mapping):
                state = data.value.state
            else:
                state = Items({}, f"{fn.name}() changes the model's input")
            given, unknown = {k: v for k, v in state.items.items() if isinstance(k, str)}, state.why_incomplete
        elif kind == "model_validator" and mode == "wrap":
            given, unknown = {}, f"{fn.name}() changes the model"
    return given, unknown


CHANGES_TEXTS = ("str_strip_whitespace", "str_to_lower", "str_to_upper", "anystr_strip_whitespace")


def checked(
    m: Machine,
    cls: Class,
    f: Field,
    value: Value,
    config: dict[str, Value],
    found: list[Validator],
    so_far: dict[str, Value],
    node: cst.CSTNode | None,
) -> Value:
    """Return the value of a field in its declared type, after its validators."""
    if any(
        mode_of(kind, mark) in ("wrap", "plain") and f.name in map(plain, arguments_of(mark).values())
        for kind, mark, _ in found
    ):
        value = Unknown(f"a validator decides what {f.name} is")
    if is_on(config, *CHANGES_TEXTS) and isinstance(plain(value), str):
        value = Unknown(f"the model changes the text {f.name}", value.trace)
    value = validated(m, cls, f, value, "before", found, so_far, node)
    value = adapt(m, cls, f.annotation, value, node)
    return validated(m, cls, f, value, "after", found, so_far, node)


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
    """Return the default of a field, Absent if it is required; of settings, one that the environment may override."""
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
    variable = variable_of(f, configuration(cls))
    if isinstance(value, Absent):
        return Unknown(f"{variable} is required: only the environment gives it")
    return demote(value, variable)


def variable_of(f: Field, config: dict[str, Value]) -> str:
    """Return what sets a field of settings from outside: `$NAME` of the environment, or an option `--name`."""
    if is_on(config, "cli_parse_args"):
        return f"--{f.name}"
    names, _ = names_of(f, config)
    own = plain(specification(f).get("env"))
    if isinstance(own, str):
        return f"${own.upper()}"
    prefix = plain(config.get("env_prefix")) or ""
    return f"${(names[0] if names and names[0] != f.name else f'{prefix}{f.name}').upper()}"


def finish(m: Machine, me: Known, cls: Class, found: list[Validator], node: cst.CSTNode | None) -> None:
    """Run what follows `__init__`: `model_post_init` and the validators of the finished model."""
    obj = me.value
    post = cls.lookup("model_post_init")
    if isinstance(object_of(post), Function):
        m.call(m.attribute(me, "model_post_init", node), Arguments([Known(None)]), node)
    for kind, mark, fn in found:
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
        read_of(m, object_of(cls), data, node)
        | {
            k: demote(v, state.overridden_by) if state.overridden_by else v
            for k, v in state.items.items()
            if isinstance(k, str)
        },
        args.place,
    )
    inner.unknown = state.why_incomplete
    return m.call(cls, inner, node)


def read_of(m: Machine, cls: Any, data: Value, node: cst.CSTNode | None) -> dict[str, Value]:
    """Return the required fields of a row that only the run knows, as the items of it that they are."""
    row = object_of(data)
    if not isinstance(row, Opaque) or row.kind or not isinstance(cls, Class) or is_settings(cls):
        return {}
    required = [f for f in cls.fields.values() if isinstance(default_of(m, cls, f, {}, node), Absent)]
    names = {f.name: names_of(f, configuration(cls)) for f in required}
    return {one[0]: m.item(data, Known(one[0]), node) for one, others in names.values() if len(one) == 1 and not others}


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
