"""Attributes, items, iteration and membership: what `a.b`, `a[b]`, `for x in a` and `b in a` find."""

from __future__ import annotations

from typing import Any

from ..values import Absent, Default, Either, Known, Text, Unknown, Value, extend, join
from .builtins import METHODS, PROPERTIES
from .expressions import plain_key, settled
from .machine import Machine, demote, join_items
from .objects import Arguments, Attributes, Bound, Builtin, Class, Function, Instance, Items, Mapping, Module, Opaque, Partial, Row, Scope, Sequence, Super, object_of
from .operations import attribute_term, describe, equal, is_scalar, item_term, lift, term_of


# -- attributes ------------------------------------------------------------------------------------------
def attribute(m: Machine, owner: Value, name: str, node: Any) -> Value:
    if isinstance(owner, Either):
        return lift(lambda o: attribute(m, o, name, node), owner)
    if isinstance(owner, Default):
        return demote(attribute(m, Known(owner.value, owner.trace), name, node), owner.by)
    if isinstance(owner, Text):
        return Known(Bound(owner, name)) if ("str", name) in METHODS else Unknown(f"str has no {name}")
    if not isinstance(owner, Known):
        m.risks += 1
        return Unknown(owner.why if isinstance(owner, (Unknown, Absent)) else f"{describe(owner)}.{name}", owner.trace)
    v = owner.value
    match v:
        case Instance():
            return instance_attribute(m, owner, v, name, node)
        case Class():
            return class_attribute(m, owner, v, name, node)
        case Module():
            return module_attribute(m, v, name)
        case Opaque():
            return opaque_attribute(m, owner, v, name, node)
        case Mapping() if v.kind == "config" and name not in CONFIG_METHODS:
            return mapping_item(m, owner, v, Known(name), missing="attribute")
        case Mapping() if v.kind == "namespace":
            if name == "__dict__" and name not in v.state.items:
                return Known(attributes_of(v), owner.trace)
            return mapping_item(m, owner, v, Known(name), missing="attribute")
        case Super():
            return super_attribute(m, v, name, node)
        case Function() if name in v.slots:
            return v.slots[name]
        case Function():
            return {"__name__": Known(v.name), "__doc__": Known(None)}.get(name, Known(Bound(owner, name)))
        case Builtin() if name == "__name__":
            return Known(v.name)
        case Builtin() if name == "fromkeys":
            return Known(Bound(Known(Mapping()), name))
        case Builtin() if (v.name, name) in METHODS:  # str.lower, list.append: the receiver comes first
            unbound = METHODS[v.name, name]
            return Known(Builtin(f"{v.name}.{name}", lambda m, args, node: unbound(m, args.get(0), Arguments(args.positional[1:], args.keywords), node)))
        case Partial():
            return v.function if name == "func" else Unknown(f"attribute {name} of a partial")
    kind = kind_of(v)
    if (kind, name) in PROPERTIES:
        return PROPERTIES[kind, name](m, owner)
    if (kind, name) in METHODS:
        return Known(Bound(owner, name), owner.trace)
    if isinstance(v, (int, float, complex)) and name in ("real", "imag", "numerator", "denominator"):
        return Known(getattr(v, name), owner.trace)
    if name == "__class__":
        return Known(type(v).__name__)
    return missing_attribute(m, describe(owner), name)


def attributes_of(namespace: Mapping) -> Mapping:
    """`vars(namespace)`: a dictionary that is the namespace's own, so that writing through either is seen through both."""
    view = Mapping()
    view.slots = namespace.slots
    return view


CONFIG_METHODS = {"get", "items", "keys", "values", "pop", "update", "copy", "setdefault"}


def kind_of(v: Any) -> str:
    """The builtin type whose methods a value has."""
    if isinstance(v, Sequence):
        return "list" if v.kind in ("generator", "range", "slice") else v.kind
    if isinstance(v, Mapping):
        return "dict"
    return type(v).__name__


def missing_attribute(m: Machine, what: str, name: str) -> Value:
    m.risks += 1
    m.certainly_raises("AttributeError")
    return Unknown(f"{what} has no attribute {name} here")


def instance_attribute(m: Machine, owner: Known, v: Instance, name: str, node: Any) -> Value:
    if v.cls.odd and not name.startswith("__"):
        return Unknown(f"{v.cls.name}.{name}: {v.cls.odd}")
    getter = v.cls.lookup("__getattribute__")
    if getter is not None and not name.startswith("__"):
        return m.call(bound(m, owner, v.cls, getter, "__getattribute__"), Arguments([Known(name)]), node)
    found = v.cls.lookup(name)
    fn = object_of(found) if found is not None else None
    if isinstance(fn, Instance) and fn.cls.lookup("__get__") is not None and (name not in v.slots or fn.cls.lookup("__set__") is not None):
        return m.call(m.attribute(found, "__get__", node), Arguments([owner, Known(v.cls)]), node)
    if isinstance(fn, Function) and fn.kind == "property":
        return m.call_function(fn, Arguments([owner]), node)
    if name in v.slots:
        return settled(v.slots[name], name)
    if name == "__class__":
        return Known(v.cls)
    if name == "__dict__":
        return Known(Attributes(v))
    if found is None and "*" in v.slots:
        return v.slots["*"]
    if v.cls.kind == "enum" and name in ("value", "name", "_value_", "_name_"):
        return v.payload if "value" in name else v.slots["__name__"]
    if found is not None:
        return bound(m, owner, v.cls, found, name)
    if v.base is not None:
        return attribute(m, Known(v.base, owner.trace), name, node)
    getter = v.cls.lookup("__getattr__")
    if getter is not None:
        return m.call(bound(m, owner, v.cls, getter, "__getattr__"), Arguments([Known(name)]), node)
    if v.cls.kind in INSTANCE_METHODS and name in INSTANCE_METHODS[v.cls.kind]:
        return Known(Bound(owner, name))
    library = v.cls.library_base()
    if library is not None:
        return attribute_term(Known(Opaque(v.cls.name + "(…)", "call", (), kind=library.text)), name)
    return missing_attribute(m, f"{v.cls.name}", name)


INSTANCE_METHODS = {
    "namedtuple": {"_replace", "_asdict", "_fields"},
    "pydantic": {"model_dump", "dict", "model_copy", "copy", "model_dump_json", "json"},
}


def bound(m: Machine, owner: Value, cls: Class, found: Value, name: str) -> Value:
    """A class attribute seen through an instance or class: functions become methods."""
    fn = object_of(found)
    if isinstance(fn, Function):
        if fn.kind == "staticmethod":
            return found
        if fn.kind == "classmethod":
            return Known(Bound(Known(cls), name, fn, fn.owner), found.trace)
        return Known(Bound(owner, name, fn, fn.owner), found.trace)
    if isinstance(found, Default):
        return found
    return found


def class_attribute(m: Machine, owner: Known, v: Class, name: str, node: Any) -> Value:
    if v.odd and not name.startswith("__"):
        return Unknown(f"{v.name}.{name}: {v.odd}")
    found = v.lookup(name)
    if found is not None:
        fn = object_of(found)
        if isinstance(fn, Function) and fn.kind == "classmethod":
            return Known(Bound(owner, name, fn, fn.owner), found.trace)
        return settled(found, name)
    if name in ("__name__", "__qualname__"):
        return Known(v.name)
    if name in ("__dataclass_fields__", "__annotations__", "model_fields", "__fields__", "_fields"):
        if name == "_fields":
            return Known(Sequence(tuple(Known(n) for n in v.fields), "tuple"))
        return Known(Mapping({n: Known(Opaque(f"{v.name}.{n}", "symbol")) for n in v.fields}))
    if name == "__members__" and v.kind == "enum":
        return Known(Mapping({n: x for n, x in v.slots.items() if isinstance(object_of(x), Instance)}))
    if name in CLASS_METHODS.get(v.kind, ()):
        return Known(Bound(owner, name, None, v))
    library = v.library_base()
    if library is not None:
        return opaque_attribute(m, Known(library), library, name, node)
    return missing_attribute(m, v.name, name)


CLASS_METHODS = {"pydantic": {"model_validate", "parse_obj", "parse_file", "parse_raw", "model_validate_json"}, "namedtuple": {"_make"}}


def module_attribute(m: Machine, v: Module, name: str) -> Value:
    if name in v.scope.slots:
        return settled(v.scope.slots[name], name)
    if name == "__file__":
        return Known(str(v.file)) if v.file is not None else Unknown("no file")
    child = m.import_module(f"{v.name}.{name}", quiet=True)
    if child is not None:
        return Known(child)
    return missing_attribute(m, f"module {v.name}", name)


def opaque_attribute(m: Machine, owner: Known, v: Opaque, name: str, node: Any) -> Value:
    if name in v.slots:
        return v.slots[name]
    found = m.library_attribute(owner, v, name, node)
    return found if found is not None else attribute_term(owner, name)


def super_attribute(m: Machine, v: Super, name: str, node: Any) -> Value:
    obj = object_of(v.instance)
    cls = obj if isinstance(obj, Class) else obj.cls if isinstance(obj, Instance) else None
    if cls is None:
        return Unknown("super() of something that is not known")
    mro = cls.mro()
    after = mro[mro.index(v.after) + 1 :] if v.after in mro else []
    for c in after:
        if isinstance(c, Class):
            if name in c.slots:
                return bound(m, v.instance, cls, c.slots[name], name)
        else:
            return Known(Bound(v.instance, name, None, c))
        if name == "__init__" and c.kind in ("dataclass", "pydantic", "attrs"):
            return Known(Bound(v.instance, "__init__", None, c))
    return Known(Bound(v.instance, name, None, None))


def set_attribute(m: Machine, owner: Value, name: str, value: Value, node: Any, scope: Scope) -> None:
    if isinstance(owner, Either):
        for option in owner.options:
            obj = object_of(option)
            if obj is not None:
                m.write(obj, name, join(attribute(m, option, name, node), value))
        return
    obj = object_of(owner)
    value = demote(value, owner.by) if isinstance(owner, Default) else value
    if isinstance(obj, Module):
        m.write(obj.scope, name, value)
    elif isinstance(obj, Mapping) and obj.kind in ("config", "namespace"):
        set_item(m, owner, Known(name), value, node, scope)
    elif isinstance(obj, Instance):
        setter = obj.cls.lookup("__setattr__")
        descriptor = obj.cls.lookup(name)
        if isinstance(object_of(descriptor), Instance) and object_of(descriptor).cls.lookup("__set__") is not None:
            m.call(m.attribute(descriptor, "__set__", node), Arguments([owner, value]), node)
            return
        frozen = obj.cls.options.get("frozen")
        if isinstance(frozen, Known) and frozen.value is True:
            m.certainly_raises("AttributeError")
            return
        prop = object_of(obj.cls.lookup(name + ".setter")) if obj.cls.lookup(name + ".setter") is not None else None
        if isinstance(prop, Function):
            m.call_function(prop, Arguments([owner, value]), node)
        elif isinstance(object_of(setter), Function):
            m.call_function(object_of(setter), Arguments([owner, Known(name), value]), node)
        elif obj.base is not None and name not in obj.slots and isinstance(obj.base, Opaque):
            m.write(obj, name, value)
            m.record_write(obj.base, name, value, node, scope)
        else:
            m.write(obj, name, value)
    elif isinstance(obj, Opaque):
        m.write(obj, name, value)
        m.record_write(obj, name, value, node, scope)
    elif isinstance(obj, Function) and name in ("__defaults__", "__kwdefaults__", "__code__"):
        obj.defaults.update({k: Unknown(f"{obj.name}.{name} is assigned") for k in obj.defaults})
    elif obj is not None:
        m.write(obj, name, value)


# -- items -----------------------------------------------------------------------------------------------
def item(m: Machine, owner: Value, key: Value, node: Any) -> Value:
    if isinstance(owner, (Either, Default)) or isinstance(key, (Either, Default)):
        return lift(lambda o, k: item(m, o, k, node), owner, key)
    if isinstance(owner, Text):
        return item_of_text(owner, key)
    if not isinstance(owner, Known):
        m.risks += 1
        return Unknown(owner.why if isinstance(owner, (Unknown, Absent)) else f"{describe(owner)}[{describe(key)}]", owner.trace)
    v = owner.value
    match v:
        case Mapping():
            return mapping_item(m, owner, v, key)
        case Sequence():
            return sequence_item(m, owner, v, key)
        case Instance():
            return instance_item(m, owner, v, key, node)
        case Class():
            if v.kind == "enum" and isinstance(key, Known) and isinstance(key.value, str):
                return v.slots.get(key.value, Unknown(f"{v.name} has no member {key.value}"))
            return owner  # Generic[T]
        case Opaque():
            found = m.library_item(owner, v, key, node)
            if found is not None:
                return found
            return slice_term(owner, key) if is_slice(key) else item_term(owner, key)
    if isinstance(v, (str, bytes)):
        k = slice_of(key) if is_slice(key) else key.value if isinstance(key, Known) else None
        if isinstance(k, (int, slice)):
            try:
                return Known(v[k], owner.trace)
            except IndexError:
                m.certainly_raises("IndexError")
                return Unknown("index out of range", owner.trace)
        return item_term(owner, key)
    m.risks += 1
    return Unknown(f"an item of {describe(owner)}", owner.trace)


def is_slice(key: Value) -> bool:
    obj = object_of(key)
    return isinstance(obj, Sequence) and obj.kind == "slice"


def slice_of(key: Value) -> slice | None:
    parts = [p.value if isinstance(p, Known) else ... for p in object_of(key).state.items]
    return None if any(not (p is None or isinstance(p, int)) for p in parts) else slice(*parts)


def slice_term(owner: Value, key: Value) -> Value:
    start, stop, step = object_of(key).state.items
    text = ":".join("" if isinstance(p, Known) and p.value is None else describe(p) for p in (start, stop))
    base = describe(owner)
    return Known(Opaque(f"{base}[{text}]", "slice", (owner, start, stop)), owner.trace)


def item_of_text(owner: Text, key: Value) -> Value:
    """A slice of a string with holes: only its first and last literal parts can be cut for certain."""
    return slice_term(owner, key) if is_slice(key) else item_term(owner, key)


def mapping_item(m: Machine, owner: Known, v: Mapping, key: Value, missing: str = "key") -> Value:
    k = plain_key(key)
    state = v.state
    if k is None:
        m.risks += 1
        values = list(state.items.values())
        if values and not state.open and len(values) <= 6:
            out = values[0]
            for x in values[1:]:
                out = join(out, x, f"the key {describe(key)}")
            return settled(out, describe(key))
        return Unknown(f"the key {describe(key)} is only known to the run", owner.trace)
    if k[0] in state.items:
        value = settled(state.items[k[0]], repr(k[0]))
        return demote(value, state.by) if state.by and isinstance(value, Known) and isinstance(state.items[k[0]], Either) else value
    if v.factory is not None and not state.open:
        made = m.call(v.factory, Arguments(), None)
        m.write(v, "state", Items({**state.items, k[0]: made}, state.open, state.by))
        return made
    m.risks += 1
    if state.open:
        return Unknown(state.open, owner.trace)
    if v.kind == "config" and missing == "attribute":
        return Known(None)
    m.certainly_raises("AttributeError" if missing == "attribute" else "KeyError")
    return Unknown(f"there is no {missing} {k[0]!r} here", owner.trace)


def sequence_item(m: Machine, owner: Known, v: Sequence, key: Value) -> Value:
    state = v.state
    if is_slice(key):
        s = slice_of(key)
        if s is None or state.open:
            return Known(Sequence(state.items, v.kind, state.open or "a slice of a length only the run knows", state.by), owner.trace)
        return Known(Sequence(tuple(state.items[s]), "list" if v.kind == "range" else v.kind, "", state.by), owner.trace)
    i = key.value if isinstance(key, Known) else None
    if isinstance(i, bool) or not isinstance(i, int):
        m.risks += 1
        return either_of(state, f"the index {describe(key)} is only known to the run")
    if state.open:
        m.risks += 1
        return either_of(state, state.open)
    try:
        value = state.items[i]
    except IndexError:
        m.certainly_raises("IndexError")
        return Unknown("index out of range", owner.trace)
    return demote(value, state.by) if state.by else value


def either_of(state: Items, why: str) -> Value:
    if not state.items or len(state.items) > 6:
        return Unknown(why)
    out = state.items[0]
    for x in state.items[1:]:
        out = join(out, x, why)
    if not isinstance(out, (Text, Either)) and state.open:
        obj = object_of(out)
        return out if obj is not None else Unknown(why, out.trace)
    return out


def instance_item(m: Machine, owner: Known, v: Instance, key: Value, node: Any) -> Value:
    if v.cls.lookup("__getitem__") is not None:
        return m.call(attribute(m, owner, "__getitem__", node), Arguments([key]), node)
    if v.cls.kind == "namedtuple" and isinstance(key, Known) and isinstance(key.value, int):
        names = list(v.cls.fields)
        if -len(names) <= key.value < len(names):
            return v.slots[names[key.value]]
    if v.base is not None:
        return item(m, Known(v.base, owner.trace), key, node)
    m.risks += 1
    return Unknown(f"an item of {v.cls.name}", owner.trace)


def set_item(m: Machine, owner: Value, key: Value, value: Value, node: Any, scope: Scope | None) -> None:
    if isinstance(owner, Either):
        for option in owner.options:
            obj = object_of(option)
            if isinstance(obj, (Mapping, Sequence)):
                m.write(obj, "state", Items(obj.state.items, "changed through a name that may stand for several objects", obj.state.by))
                spoil(m, obj)
        return
    obj = object_of(owner)
    if isinstance(owner, Default):
        value = demote(value, owner.by)
    if isinstance(key, Default):
        key, value = Known(key.value, key.trace), demote(value, key.by)
    if isinstance(obj, Instance) and obj.cls.lookup("__setitem__") is not None:
        m.call(attribute(m, Known(obj), "__setitem__", node), Arguments([key, value]), node)
    elif isinstance(obj, Mapping):
        k = plain_key(key)
        if k is None:
            spoil(m, obj, f"the key {describe(key)} is only known to the run")
        else:
            m.write(obj, "state", Items({**obj.state.items, k[0]: value}, obj.state.open, obj.state.by))
    elif isinstance(obj, Sequence):
        i = slice_of(key) if is_slice(key) else key.value if isinstance(key, Known) else None
        items = list(obj.state.items)
        if isinstance(i, slice) and not obj.state.open:
            new = iterate(m, value, node)
            items[i] = new.items
            m.write(obj, "state", Items(tuple(items), new.open, obj.state.by))
        elif isinstance(i, int) and not obj.state.open and -len(items) <= i < len(items):
            items[i] = value
            m.write(obj, "state", Items(tuple(items), "", obj.state.by))
        else:
            spoil(m, obj, "an element is replaced at a place only the run knows")
    elif isinstance(obj, Row):
        m.write(obj, ("item", key.value if isinstance(key, Known) else None), value)
    elif isinstance(obj, Opaque):
        m.library_set_item(obj, key, value, node, scope)


def spoil(m: Machine, obj: Any, why: str = "") -> None:
    """Forget what a container holds."""
    state = obj.state
    why = why or state.open
    if isinstance(obj, Mapping):
        m.write(obj, "state", Items({k: Unknown(why) for k in state.items}, why, state.by))
    else:
        m.write(obj, "state", Items(tuple(Unknown(why) for _ in state.items), why, state.by))


# -- iteration -------------------------------------------------------------------------------------------
def iterate(m: Machine, value: Value, node: Any) -> Items:
    """The elements a loop over `value` sees. Open when only the run knows how many."""
    if isinstance(value, Default):
        inner = iterate(m, Known(value.value, value.trace), node)
        return Items(tuple(demote(v, value.by) for v in inner.items), inner.open, inner.by or value.by)
    if isinstance(value, Either):
        out: list[Value] = []
        for option in value.options:
            out.extend(iterate(m, option, node).items)
        return Items(tuple(out), "one of several collections")
    if not isinstance(value, Known):
        m.risks += 1
        return Items((), value.why if isinstance(value, (Unknown, Absent)) else describe(value))
    v = value.value
    match v:
        case Sequence():
            state = v.state
            if v.kind == "generator" and state.items:
                m.write(v, "state", Items((), state.open and "a generator that was read before"))
            return state
        case Mapping():
            state = v.state
            optional = any(isinstance(x, Either) and any(isinstance(o, Absent) for o in x.options) for x in state.items.values())
            return Items(tuple(Known(k, value.trace) for k in state.items), state.open or ("some keys are set on one path only" if optional else ""), state.by)
        case str():
            return Items(tuple(Known(c) for c in v)) if len(v) <= 64 else Items((), "the characters of a long string")
        case Class() if v.kind == "enum":
            return Items(tuple(x for x in v.slots.values() if isinstance(object_of(x), Instance)))
        case Instance() if v.cls.kind == "namedtuple":
            return Items(tuple(v.slots[n] for n in v.cls.fields))
        case Instance() if v.cls.lookup("__iter__") is not None:
            return iterate(m, m.call(attribute(m, value, "__iter__", node), Arguments(), node), node)
        case Opaque():
            m.risks += 1
            found = m.library_iterate(value, v, node)
            if found is not None:
                return found
            return Items((item_term(value, Known(Opaque("i", "symbol"))),), f"only the run knows how many there are in {describe(value)}")
    m.risks += 1
    return Items((), f"iterating over {describe(value)}")


def mapping(m: Machine, value: Value, node: Any) -> Items:
    """The entries `**value` contributes. Open when there may be others."""
    if isinstance(value, Default):
        inner = mapping(m, Known(value.value, value.trace), node)
        return Items({k: demote(v, value.by) for k, v in inner.items.items()}, inner.open, inner.by or value.by)
    if isinstance(value, Either):
        parts = [mapping(m, o, node) for o in value.options if not isinstance(o, Absent)]
        if not parts:
            return Items({}, "not assigned")
        out = parts[0]
        for p in parts[1:]:
            out = join_items(out, p, Known(Opaque(value.condition)) if value.condition else None)
        return out
    if not isinstance(value, Known):
        m.risks += 1
        return Items({}, value.why if isinstance(value, (Unknown, Absent)) else describe(value))
    v = value.value
    if isinstance(v, Mapping):
        place = value.trace[-1] if value.trace else None
        return Items({k: extend(x, place) if place is not None and x.trace else x for k, x in v.state.items.items()}, v.state.open, v.state.by)
    if isinstance(v, Instance) and v.cls.lookup("keys") is not None:
        keys = iterate(m, m.call(attribute(m, value, "keys", node), Arguments(), node), node)
        return Items({k.value: item(m, value, k, node) for k in keys.items if isinstance(k, Known)}, keys.open)
    m.risks += 1
    return Items({}, f"what {describe(value)} holds is only known to the run")


# -- membership ------------------------------------------------------------------------------------------
def contains(m: Machine, owner: Value, value: Value, node: Any) -> Value:
    return lift(lambda o, v: contains_settled(m, o, v, node), owner, value)


def contains_settled(m: Machine, owner: Value, value: Value, node: Any) -> Value:
    if isinstance(owner, (Unknown, Absent)) or isinstance(value, (Unknown, Absent)):
        bad = owner if isinstance(owner, (Unknown, Absent)) else value
        return Unknown(bad.why, bad.trace)  # type: ignore[union-attr]
    v = owner.value if isinstance(owner, Known) else None
    if is_scalar(owner) and is_scalar(value):
        try:
            return Known(value.value in v, owner.trace)  # type: ignore[union-attr]
        except TypeError:
            return Unknown("membership raises TypeError")
    if isinstance(v, Mapping):
        k = plain_key(value)
        if k is not None:
            if k[0] in v.state.items:
                x = v.state.items[k[0]]
                if isinstance(x, Either) and any(isinstance(o, Absent) for o in x.options):
                    return Unknown(f"the key {k[0]!r} is set on one path only")
                return Default(True, v.state.by) if v.state.by else Known(True)
            if not v.state.open:
                return Default(False, v.state.by) if v.state.by else Known(False)
        return Unknown(v.state.open or f"the key {describe(value)} is only known to the run")
    if isinstance(v, (Sequence, Class)):
        state = iterate(m, owner, node)
        verdicts = [equal(value, x) if not isinstance(x, (Default, Either)) else None for x in state.items]
        if any(verdict is True for verdict in verdicts):
            return Known(True) if not state.by and not state.open else Default(True, state.by) if state.by else Unknown(state.open)
        if not state.open and all(verdict is False for verdict in verdicts):
            return Known(False) if not state.by else Default(False, state.by)
        return Unknown(state.open or "membership is only known to the run")
    if isinstance(v, Opaque):
        found = m.library_contains(owner, v, value, node)
        if found is not None:
            return found
    if isinstance(v, Instance) and v.cls.lookup("__contains__") is not None:
        return m.call(attribute(m, owner, "__contains__", node), Arguments([value]), node)
    if isinstance(owner, Text) and isinstance(value, Known) and isinstance(value.value, str):
        return Known(True) if any(isinstance(p, str) and value.value in p for p in owner.parts) else term_of("in", value, owner)
    return term_of("in", value, owner)

