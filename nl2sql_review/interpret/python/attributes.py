"""Reads of `a.b` and writes `a.b = c`, on modules, classes, instances and library objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...training_plan.values import Absent, Default, Either, Known, Text, Unknown, Value, join, options
from ..core.joins import demote
from ..core.machine import Machine
from ..core.model_call import ModelCall, PythonModel
from ..core.objects import (
    Arguments,
    Attributes,
    Bound,
    Builtin,
    Class,
    Function,
    Instance,
    Mapping,
    Module,
    Opaque,
    Partial,
    Scope,
    Sequence,
    Super,
    object_of,
)
from ..core.operations import attribute_term, describe, lift
from .builtins import METHODS, PROPERTIES
from .items import mapping_item, set_item
from .refinement import not_none
from .variables import settled

if TYPE_CHECKING:
    import libcst as cst


def attribute(m: Machine, owner: Value, name: str, node: cst.CSTNode | None) -> Value:
    """Return `owner.name`, whatever the owner is; Unknown with the reason where it cannot be told."""
    if isinstance(owner, Either):
        left = owner if hasattr(None, name) else not_none(m, owner, "AttributeError")
        if not isinstance(left, Either):
            return attribute(m, left, name, node)
        with m.supposing("one of several values"):  # what raises for one of them does not raise for certain
            return lift(lambda o: attribute(m, o, name, node), left)
    if isinstance(owner, Default):
        return demote(attribute(m, Known(owner.value, owner.trace), name, node), owner.overridden_by)
    if isinstance(owner, Text):
        return Known(Bound(owner, name)) if ("str", name) in METHODS else Unknown(f"str has no {name}")
    if not isinstance(owner, Known):
        m.may_raise_count += 1
        return Unknown(owner.why if isinstance(owner, (Unknown, Absent)) else f"{describe(owner)}.{name}", owner.trace)
    found = object_attribute(m, owner, name, node)
    return found if found is not None else plain_attribute(m, owner, name)


def object_attribute(m: Machine, owner: Known, name: str, node: cst.CSTNode | None) -> Value | None:
    """Return the attribute of an object of the interpreter, or None if a plain value of its type has that attribute."""
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
            found: Value | None = v.slots[name]
            return found
        case Function():
            return {"__name__": Known(v.name), "__doc__": Known(None)}.get(name, Known(Bound(owner, name)))
        case Builtin():
            return builtin_attribute(v, name)
        case Partial():
            return v.function if name == "func" else Unknown(f"attribute {name} of a partial")
    return None


def builtin_attribute(v: Builtin, name: str) -> Value | None:
    """Return the attribute of a builtin function or type: `list.__name__`, `dict.fromkeys`, `str.lower`."""
    if name == "__name__":
        return Known(v.name)
    if name == "fromkeys":
        return Known(Bound(Known(Mapping()), name))
    if (v.name, name) not in METHODS:
        return None
    method = METHODS[v.name, name]

    def unbound(call: ModelCall) -> Value:  # str.lower, list.append: the receiver comes first
        args = Arguments(call.arguments.positional[1:], call.arguments.keywords)
        return method(ModelCall(call.machine, args, call.node, name, call.arguments.get(0)))

    return Known(Builtin(f"{v.name}.{name}", unbound))


def plain_attribute(m: Machine, owner: Known, name: str) -> Value:
    """Return the attribute of a plain value: a property or a method of its builtin type, a part of a number."""
    v = owner.value
    kind = kind_of(v)
    if (kind, name) in PROPERTIES:
        return PROPERTIES[kind, name](m, owner)
    if method_of(v, name) is not None:
        return Known(Bound(owner, name), owner.trace)
    if isinstance(v, (int, float, complex)) and name in ("real", "imag", "numerator", "denominator"):
        return Known(getattr(v, name), owner.trace)
    if name == "__class__":
        return Known(type(v).__name__)
    if kind in COLUMNS:
        return Unknown(f"{describe(owner)}.{name} is not modelled")
    return missing_attribute(m, describe(owner), name)


def attributes_of(namespace: Mapping) -> Mapping:
    """Return `vars(namespace)`: a dictionary that shares the namespace's items, so writes to one show in the other."""
    view = Mapping()
    view.slots = namespace.slots
    return view


COLUMNS = ("series", "series.str")  # of pandas: they have more attributes than are modelled
CONFIG_METHODS = {"get", "items", "keys", "values", "pop", "update", "copy", "setdefault"}


def kind_of(v: object) -> str:
    """Return the builtin type whose methods a value has."""
    if isinstance(v, Sequence):
        return "list" if v.kind in ("generator", "range", "slice") else v.kind
    if isinstance(v, Mapping):
        return "dict"
    return type(v).__name__


def method_of(v: object, name: str) -> PythonModel | None:
    """Return the model of a method: that of a library's dict, else that of the builtin type."""
    own = METHODS.get((v.kind, name)) if isinstance(v, Mapping) else None
    return own or METHODS.get((kind_of(v), name))


def missing_attribute(m: Machine, what: str, name: str) -> Value:
    m.may_raise_count += 1
    m.certainly_raises("AttributeError")
    return Unknown(f"{what} has no attribute {name} here")


def instance_attribute(m: Machine, owner: Known, v: Instance, name: str, node: cst.CSTNode | None) -> Value:
    """Return an attribute of an object of a script's class: its own, its class's, or its library base's."""
    if v.cls.odd and not name.startswith("__"):
        return Unknown(f"{v.cls.name}.{name}: {v.cls.odd}")
    getter = v.cls.lookup("__getattribute__")
    if getter is not None and not name.startswith("__"):
        return m.call(bound(m, owner, v.cls, getter, "__getattribute__"), Arguments([Known(name)]), node)
    found = v.cls.lookup(name)
    fn = object_of(found) if found is not None else None
    if (
        isinstance(fn, Instance)
        and fn.cls.lookup("__get__") is not None
        and (name not in v.slots or fn.cls.lookup("__set__") is not None)
    ):
        return m.call(m.attribute(found, "__get__", node), Arguments([owner, Known(v.cls)]), node)
    if isinstance(fn, Function) and fn.kind == "cached" and name not in v.slots:
        m.write(v, name, m.call_function(fn, Arguments([owner]), node))
    if isinstance(fn, Function) and fn.kind == "property":
        return m.call_function(fn, Arguments([owner]), node)
    if name in v.slots:
        return settled(v.slots[name], name)
    if name == "__class__":
        return Known(v.cls)
    if name == "__dict__":
        return Known(Attributes(v))
    if found is None and "*" in v.slots:
        anything: Value = v.slots["*"]
        return anything
    if v.cls.kind == "enum" and name in ("value", "name", "_value_", "_name_"):
        member: Value = v.payload if "value" in name else v.slots["__name__"]
        return member
    if found is not None:
        return bound(m, owner, v.cls, found, name)
    if isinstance(v.base, Mapping):
        if ("dict", name) in METHODS:
            return attribute(m, Known(v.base, owner.trace), name, node)
        if object_of(v.slots.get("__dict__")) is v:  # self.__dict__ = self
            return mapping_item(m, Known(v.base, owner.trace), v.base, Known(name), missing="attribute")
    elif v.base is not None:
        return attribute(m, Known(v.base, owner.trace), name, node)
    getter = v.cls.lookup("__getattr__")
    if getter is not None:
        return m.call(bound(m, owner, v.cls, getter, "__getattr__"), Arguments([Known(name)]), node)
    if v.cls.kind in INSTANCE_METHODS and name in INSTANCE_METHODS[v.cls.kind]:
        return Known(Bound(owner, name))
    library = v.cls.library_base()
    if library is not None and not isinstance(v.base, Mapping):
        return attribute_term(Known(Opaque(v.cls.name + "(…)", "call", (), kind=library.text)), name)
    return missing_attribute(m, f"{v.cls.name}", name)


INSTANCE_METHODS = {
    "namedtuple": {"_replace", "_asdict", "_fields"},
    "pydantic": {"model_dump", "dict", "model_copy", "copy", "model_dump_json", "json", "model_post_init"},
}


def bound(m: Machine, owner: Value, cls: Class, found: Value, name: str) -> Value:
    """Return a class attribute as read through an instance or class: functions become methods."""
    fn = object_of(found)
    me = object_of(owner)
    if (
        isinstance(fn, Builtin)
        and fn.name.startswith("dict.")
        and isinstance(me, Instance)
        and isinstance(me.base, Mapping)
    ):
        return Known(Bound(Known(me.base), fn.name[5:]))  # __getattr__ = dict.__getitem__
    if isinstance(fn, Function):
        if fn.kind == "staticmethod":
            return found
        if fn.kind == "classmethod":
            return Known(Bound(Known(cls), name, fn, fn.owner), found.trace)
        return Known(Bound(owner, name, fn, fn.owner), found.trace)
    return found


def class_attribute(m: Machine, owner: Known, v: Class, name: str, node: cst.CSTNode | None) -> Value:
    """Return an attribute of a class of the script."""
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


CLASS_METHODS = {
    "pydantic": {
        "model_validate",
        "parse_obj",
        "parse_file",
        "parse_raw",
        "model_validate_json",
        "model_construct",
        "construct",
    },
    "namedtuple": {"_make"},
}


def module_attribute(m: Machine, v: Module, name: str) -> Value:
    """Return a name of a module of the project."""
    if name in v.scope.slots:
        return settled(v.scope.slots[name], name)
    if name == "__file__":
        return Known(str(v.file)) if v.file is not None else Unknown("no file")
    child = m.import_module(f"{v.name}.{name}", quiet=True)
    if child is not None:
        return Known(child)
    lazy = m.lazily(v, name, None)
    return lazy if lazy is not None else missing_attribute(m, f"module {v.name}", name)


def opaque_attribute(m: Machine, owner: Known, v: Opaque, name: str, node: cst.CSTNode | None) -> Value:
    own: Value | None = v.slots.get(name)
    if own is not None and not any(isinstance(one, Absent) for one in options(own)):
        return own
    found = m.library_attribute(owner, v, name, node)
    unset = found if found is not None else attribute_term(owner, name)
    if not isinstance(own, Either):
        return demote(unset, own.overridden_by) if isinstance(own, Absent) and own.overridden_by else unset
    return Either(tuple(unset if isinstance(one, Absent) else one for one in own.options), own.condition, own.trace)


def super_attribute(m: Machine, v: Super, name: str, node: cst.CSTNode | None) -> Value:
    """Return `super().name`: looked up in the classes after the one whose method runs."""
    obj = object_of(v.instance)
    cls = obj if isinstance(obj, Class) else obj.cls if isinstance(obj, Instance) else None
    if cls is None:
        return Unknown("super() of something unknown")
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


def set_attribute(m: Machine, owner: Value, name: str, value: Value, node: cst.CSTNode | None, scope: Scope) -> None:
    """Set `owner.name = value`."""
    if isinstance(owner, Either):
        for option in owner.options:
            obj = object_of(option)
            if obj is not None:
                m.write(obj, name, join(attribute(m, option, name, node), value))
        return
    obj = object_of(owner)
    value = demote(value, owner.overridden_by) if isinstance(owner, Default) else value
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
        elif isinstance(obj.base, Mapping) and (
            isinstance(object_of(setter), Builtin) or object_of(obj.slots.get("__dict__")) is obj
        ):
            set_item(m, Known(obj.base), Known(name), value, node, scope)
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
