"""`type(x)`, and the class that `type(name, bases, attributes)` makes. Fills `builtins.BUILTINS`."""

from __future__ import annotations

from typing import Any

from ...training_plan.values import Known, Unknown, Value
from ..core.model_call import ModelCall
from ..core.objects import Class, Instance, Mapping, Opaque, Scope, Sequence, object_of, plain
from .builtins import BUILTINS, builtin, open_term


@builtin("type")
def type_(call: ModelCall) -> Value:
    """Return the type of an object, or with three arguments the class that they describe."""
    args = call.arguments
    if len(args.positional) != 1:
        return made_class(call)
    obj = object_of(args.get(0))
    if isinstance(obj, Instance):
        return Known(obj.cls)
    v = args.get(0)
    if isinstance(v, Known) and type(v.value).__name__ in BUILTINS:
        return BUILTINS[type(v.value).__name__]
    if isinstance(obj, (Sequence, Mapping)):
        return BUILTINS.get("dict" if isinstance(obj, Mapping) else obj.kind, Unknown("type of a collection"))
    return open_term(call.machine, "type", *args.positional)


def made_class(call: ModelCall) -> Value:
    """Make a class without a `class` statement: `type("Args", (), {"lr": 1e-4})`."""
    m, args = call.machine, call.arguments
    name = plain(args.get(0))
    if len(args.positional) != 3 or args.keywords or not isinstance(name, str):
        return Unknown("a class created by type() from values known only at run time")
    bases = m.iterate(args.positional[1], call.node)
    namespace = m.mapping(args.positional[2], call.node)
    if bases.why_incomplete or namespace.why_incomplete or not all(isinstance(key, str) for key in namespace.items):
        return Unknown(
            f"the class {name} created by type(): {bases.why_incomplete or namespace.why_incomplete or 'its names'}"
        )
    parents: list[Any] = [object_of(base) for base in bases.items if base is not BUILTINS.get("object")]
    if not all(isinstance(one, Opaque) or isinstance(one, Class) and one.kind == "class" for one in parents):
        return Unknown(f"the class {name} created by type() from other classes")
    module = m.frame.scope.module
    cls = Class(name, parents, None, module, Scope(module, m.frame.scope, "class", name))
    cls.slots = dict(namespace.items)
    cls.odd = next((one.odd for one in parents if isinstance(one, Class) and one.odd), "")
    return Known(cls, (args.place,) if args.place is not None else ())
