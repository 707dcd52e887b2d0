"""Classes of the script: definition, fields, instances; dataclasses, pydantic, attrs, enums, named tuples."""

from __future__ import annotations

from typing import Any

import libcst as cst

from ...training_plan.values import Absent, Known, Unknown, Value, extend
from ..core.machine import Machine
from ..core.names import kind_of_result
from ..core.objects import Arguments, Bound, Class, Field, Function, Instance, Mapping, Opaque, Scope, object_of
from ..core.operations import describe
from ..core.state import place_of
from .attributes import bound
from .statements import statements_of

KINDS = {
    "pydantic.BaseModel": "pydantic", "pydantic_settings.BaseSettings": "pydantic", "pydantic.BaseSettings": "pydantic",
    "typing.NamedTuple": "namedtuple", "typing.TypedDict": "typeddict", "typing_extensions.TypedDict": "typeddict",
    "enum.Enum": "enum", "enum.IntEnum": "enum", "enum.StrEnum": "enum", "enum.Flag": "enum", "enum.IntFlag": "enum",
}  # fmt: skip
CLASS_DECORATORS = {
    "dataclasses.dataclass": "dataclass", "pydantic.dataclasses.dataclass": "dataclass", "attr.s": "attrs",
    "attr.attrs": "attrs", "attr.define": "attrs", "attr.dataclass": "attrs", "attrs.define": "attrs",
    "attrs.frozen": "attrs", "attrs.mutable": "attrs", "attr.frozen": "attrs",
}  # fmt: skip
HARMLESS = frozenset(  # roots whose class decorators leave the attributes as they are
    (
        "functools typing enum dataclasses pydantic torch transformers trl datasets hydra omegaconf "
        "dataclasses_json draccus modal ray abc attr attrs"
    ).split()
)
NEUTRAL_BASES = ("abc.ABC", "typing.Generic", "typing.Protocol", "object")
POST_INIT = {"dataclass": "__post_init__", "attrs": "__attrs_post_init__"}


def define_class(m: Machine, node: cst.ClassDef, scope: Scope) -> None:
    bases: list[Any] = []
    for arg in node.bases:
        v = m.evaluate(arg.value, scope)
        obj = object_of(v)
        if isinstance(obj, Opaque) and obj.operation == "item":
            obj = object_of(obj.args[0])  # Generic[T]
        if isinstance(obj, Class):
            bases.append(obj)
        elif not (isinstance(obj, Opaque) and obj.text in NEUTRAL_BASES) and arg.star == "":
            bases.append(obj if isinstance(obj, Opaque) else Opaque(describe(v), "symbol"))
    inner = Scope(scope.module, scope, "class", node.name.value)
    cls = Class(node.name.value, bases, node, scope.module, inner)
    cls.slots = inner.slots
    above = cls.mro()[1:]
    m.spend(4 * len(above))  # all of them are looked at, here and by readers
    for base in above:
        kind = base.kind if isinstance(base, Class) else KINDS.get(base.text, "")
        if kind and kind != "class":
            cls.kind = kind
            break
    cls.options = {a.keyword.value: m.evaluate(a.value, scope) for a in node.keywords if a.keyword is not None}
    m.class_being_defined.append(cls)
    try:
        m.execute(node.body, inner)
    finally:
        m.class_being_defined.pop()
    for name in [n for n in cls.slots if isinstance(n, str) and n.startswith("__") and not n.endswith("__")]:
        cls.slots[f"_{cls.name.lstrip('_')}{name}"] = cls.slots.pop(name)
    value: Value = Known(cls, (place_of(scope, node),))
    cls.fields = collect_fields(m, cls, node)
    if (
        cls.kind in ("dataclass", "attrs") and not node.decorators
    ):  # its `__init__` is the base's: new annotations are no fields
        cls.fields = {
            n: f for base in reversed(cls.mro()[1:]) if isinstance(base, Class) for n, f in base.fields.items()
        }
    cls.odd = oddity(cls)
    if cls.kind == "enum":
        make_members(m, cls)
    for decorator in reversed(node.decorators):
        value = m.decorate(m.evaluate(decorator.decorator, scope), value, decorator.decorator, scope)
    m.recording.classes.append(cls)
    m.write(scope, node.name.value, value)
    if scope.kind == "module" and scope.module.name == "__main__":
        m.definitions.append(value)


def oddity(cls: Class) -> str:
    """Return why the attributes of a class may differ from those in its body."""
    if "metaclass" in cls.options and isinstance(object_of(cls.options["metaclass"]), Class):
        return "its metaclass may change it"
    if any(isinstance(c, Class) and c is not cls and "__init_subclass__" in c.slots for c in cls.mro()):
        return "__init_subclass__ of a base may change it"
    return next((c.odd for c in cls.mro()[1:] if isinstance(c, Class) and c.odd), "")


def decorated_class(m: Machine, decorator: Opaque, cls: Class) -> None:
    kind = CLASS_DECORATORS.get(decorator.text.split("(")[0])
    if kind:
        cls.kind = kind
        if decorator.call is not None:
            cls.options.update(decorator.call.arguments)
    elif decorator.text.split(".")[0].split("(")[0] not in HARMLESS:
        cls.odd = cls.odd or f"the decorator {decorator.text} may change it"


def collect_fields(m: Machine, cls: Class, node: cst.ClassDef) -> dict[str, Field]:
    """Return the annotated names of the class body, after those of its bases."""
    fields: dict[str, Field] = {}
    for base in reversed(cls.mro()[1:]):
        if isinstance(base, Class):
            fields.update(base.fields)
    keyword_only = False
    for small in statements_of(node.body):
        if not isinstance(small, cst.AnnAssign) or not isinstance(small.target, cst.Name):
            if (
                isinstance(small, cst.Assign)
                and isinstance(small.targets[0].target, cst.Name)
                and small.targets[0].target.value in fields
            ):
                name = small.targets[0].target.value
                fields[name] = fields[name]._replace(default=cls.slots.get(name, Absent()), node=small)
            continue
        name = small.target.value
        annotation = cls.module.source.excerpt(small.annotation.annotation)
        if annotation.startswith(("ClassVar", "typing.ClassVar")):
            continue
        if annotation in ("KW_ONLY", "dataclasses.KW_ONLY"):
            keyword_only = True
            continue
        fields[name] = make_field(cls, name, annotation, small, keyword_only)
    return fields


def make_field(cls: Class, name: str, annotation: str, node: cst.AnnAssign, keyword_only: bool) -> Field:
    default: Value = cls.slots.get(name, Absent())
    factory: Value | None = None
    init = True
    alias = ""
    spec = object_of(default)
    if isinstance(spec, Opaque) and spec.operation == "field":
        a: dict[str, Any] = spec.call.arguments if spec.call is not None else {}
        default = a.get("default", a.get("$0", Absent()))
        if isinstance(default, Known) and default.value is ...:
            default = Absent()
        if spec.call is not None and isinstance(default, Known) and default.trace:
            default = extend(default, spec.call.place)
        factory = a.get("default_factory", a.get("factory"))
        init = not (isinstance(a.get("init"), Known) and a["init"].value is False)
        keyword_only = keyword_only or isinstance(a.get("kw_only"), Known) and bool(a["kw_only"].value)
        for key in ("validation_alias", "alias", "env"):
            if isinstance(a.get(key), Known) and isinstance(a[key].value, str):
                alias = a[key].value
        if factory is None and not isinstance(default, Absent):
            cls.slots[name] = default
        else:
            cls.slots.pop(name, None)
    return Field(
        name,
        annotation,
        default,
        factory,
        node,
        init,
        keyword_only,
        alias,
        spec if isinstance(spec, Opaque) and spec.operation == "field" else None,
    )


def make_members(m: Machine, cls: Class) -> None:
    counter = 0
    for name, value in list(cls.slots.items()):
        if name.startswith("_") or isinstance(object_of(value), (Function, Class)):
            continue
        obj = object_of(value)
        if isinstance(obj, Opaque) and obj.text.startswith("enum.auto"):
            counter += 1
            text = any(isinstance(b, Opaque) and b.text == "enum.StrEnum" for b in cls.mro())
            value = Known(name.lower() if text else counter, value.trace)
        elif isinstance(value, Known) and isinstance(value.value, int):
            counter = value.value
        member = Instance(cls)
        member.payload = value
        member.slots["__name__"] = Known(name)
        cls.slots[name] = Known(member, value.trace)


# -- instances -------------------------------------------------------------------------------------------
def instantiate(m: Machine, cls: Class, args: Arguments, node: cst.CSTNode | None) -> Value:
    cls.used = True
    trace = (args.place,) if args.place is not None else ()
    if cls.kind == "enum":
        return enum_member(m, cls, args)
    if cls.kind == "typeddict":
        return Known(Mapping(dict(args.keywords), args.unknown), trace)
    obj = cls.example = Instance(cls)
    me = Known(obj, trace)
    if is_dictionary(cls):
        obj.base = Mapping()
    init = cls.lookup("__init__")
    new = cls.lookup("__new__")
    if isinstance(object_of(new), Function):
        made = m.call_function(object_of(new), prefixed(Known(cls), args), node)
        own = object_of(made)
        if init is None or not isinstance(own, Instance) or own.cls is not cls:
            return (
                made
                if not isinstance(own, Instance) or init is None
                else Unknown(f"{cls.name}.__new__ returns something else")
            )
        obj, me = own, Known(own, trace)
    if isinstance(object_of(init), Function):
        m.call(bound(m, me, cls, init, "__init__"), args, node)
        library = cls.library_base()
        if obj.base is None and library is not None:
            obj.base = Opaque(f"{cls.name}(…)", "call", (), kind=kind_of_result(library.text))
    elif cls.kind in ("dataclass", "pydantic", "attrs", "namedtuple"):
        build_fields(m, me, cls, args, node)
    else:
        library = cls.library_base()
        if library is None and not object_of(new) and (args.positional or args.keywords):
            m.certainly_raises("TypeError")
        if library is not None:
            obj.base = object_of(m.call_library(library, args, node, me))
    return me


def is_dictionary(cls: Class) -> bool:
    """Return whether a class of the script derives from dict: its instances hold one as their base."""
    library = cls.library_base()
    return library is not None and library.text in (
        "dict",
        "OrderedDict",
        "collections.OrderedDict",
        "collections.UserDict",
    )


def prefixed(first: Value, args: Arguments) -> Arguments:
    out = Arguments([first, *args.positional], args.keywords, args.place)
    out.places = {(k + 1 if isinstance(k, int) else k): p for k, p in args.places.items()}
    out.open_as(args)
    return out


def enum_member(m: Machine, cls: Class, args: Arguments) -> Value:
    wanted = args.get(0, "value")
    if isinstance(wanted, Known):
        for v in cls.slots.values():
            member = object_of(v)
            if (
                isinstance(member, Instance)
                and isinstance(member.payload, Known)
                and member.payload.value == wanted.value
            ):
                found: Value = v
                return found
        if cls.lookup("_missing_") is None:
            m.certainly_raises("ValueError")
    return Unknown(f"it is unknown which member of {cls.name} {describe(wanted)} is")


def build_fields(m: Machine, me: Known, cls: Class, args: Arguments, node: cst.CSTNode | None) -> None:
    """Run the generated `__init__` of a dataclass-like class."""
    obj = me.value
    if cls.kind == "pydantic":
        m.build_model(me, cls, args, node)
        return
    positional = [f for f in cls.fields.values() if f.init and not f.keyword_only]
    left = dict(args.keywords)
    given = {f.name: (v, args.places.get(i)) for i, (f, v) in enumerate(zip(positional, args.positional))}
    init_only: list[Value] = []
    for f in cls.fields.values():
        where = None
        if f.name in given:
            value, where = given[f.name]
        elif f.init and f.name in left:
            value, where = left.pop(f.name), args.places.get(f.name)
        elif f.init and f.alias and f.alias in left:
            value, where = left.pop(f.alias), args.places.get(f.alias)
        elif args.unknown and f.init:
            value = Unknown(args.unknown)
        else:
            value = args.left_out(field_default(m, cls, f, node))
            if isinstance(value, Absent):
                if not f.init:
                    continue
                value = Unknown(f"{cls.name}.{f.name} is required but not given here")
        if where is not None:
            value = extend(value, where)
        if "InitVar" in f.annotation:
            init_only.append(value)
        else:
            m.write(obj, f.name, value)
    library = cls.library_base()
    if library is not None and kind_of_result(library.text):
        every = Arguments([], {**{f: obj.slots[f] for f in cls.fields if f in obj.slots}, **left}, args.place)
        every.places = args.places
        every.open_as(args)
        obj.base = object_of(m.call_library(library, every, node, me))
    post = cls.lookup(POST_INIT.get(cls.kind, ""))
    if isinstance(object_of(post), Function):
        m.call(bound(m, me, cls, post, "__post_init__"), Arguments(init_only), node)


def field_default(m: Machine, cls: Class, f: Field, node: cst.CSTNode | None) -> Value:
    if f.factory is not None:
        return m.call(f.factory, Arguments(place=place_of(cls.scope, f.node)), f.node)
    return f.default


def library_method(
    m: Machine, me: Value, obj: Instance, library: Opaque, name: str, args: Arguments, node: cst.CSTNode | None
) -> Value:
    """Call a method of the library's class that a class of the script derives from."""
    if name == "__init__":
        obj.base = object_of(m.call_library(library, args, node, me))
        if isinstance(obj.base, Opaque) and obj.base.kind:
            for k, v in obj.base.slots.items():
                if isinstance(k, str) and k not in obj.slots:
                    m.write(obj, k, v)
        return Known(None)
    base = obj.base
    if not isinstance(base, (Opaque, Mapping)):
        base = Opaque(library.text + "(…)", "call", (), kind=kind_of_result(library.text))
    return m.call(m.attribute(Known(base), name, node), args, node)


def instance_method(m: Machine, f: Bound, args: Arguments, node: cst.CSTNode | None) -> Value:
    """Call a method without code in the script: of a library's base class, of `object`, or a generated one."""
    me = f.receiver
    obj = object_of(me)
    if isinstance(f.cls, Opaque) and isinstance(obj, Instance):
        return library_method(m, me, obj, f.cls, f.name, args, node)
    if f.name == "__init__":
        if isinstance(f.cls, Class) and isinstance(obj, Instance):
            build_fields(m, Known(obj), f.cls, args, node)
        return Known(None)
    if f.name == "__new__" and args.positional and isinstance(object_of(args.positional[0]), Class):
        return Known(Instance(object_of(args.positional[0])))
    found = m.generated_method(f, args, node)
    if found is not None:
        return found
    if f.name in ("__setattr__", "__delattr__", "__init_subclass__", "__post_init__", "__enter__", "__exit__"):
        if f.name == "__setattr__" and isinstance(obj, Instance) and len(args.positional) >= 2:
            name = args.positional[-2]
            if isinstance(name, Known) and isinstance(name.value, str):
                m.write(obj, name.value, args.positional[-1])
        return me if f.name == "__enter__" else Known(None)
    m.may_raise_count += 1
    return Unknown(f"{f.name}() of {describe(me)} is not modelled")
