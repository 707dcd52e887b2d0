"""Functions that inspect, name or change objects: getattr, isinstance, type, eval … Fills `builtins.BUILTINS`."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ...training_plan.values import Default, Known, Text, Unknown, Value, is_optional, join
from ..core.joins import demote
from ..core.machine import Machine
from ..core.model_call import ModelCall
from ..core.objects import (
    Bound,
    Builtin,
    Class,
    Function,
    Instance,
    Items,
    Mapping,
    Module,
    Object,
    Opaque,
    Sequence,
    object_of,
)
from ..core.operations import SCALARS, describe, is_scalar, lift
from .builtins import BUILTINS, builtin, open_term
from .forgetting import forget

if TYPE_CHECKING:
    import libcst as cst


@builtin("getattr")
def getattr_(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    if len(args.positional) < 2:
        return Unknown("getattr() without a name")
    owner, name = args.positional[:2]
    if not isinstance(name, (Known, Default)) or not isinstance(name.value, str):
        return Unknown(f"getattr() with a name known only at run time: {describe(name)}")
    if len(args.positional) > 2:
        has = has_attribute(m, owner, name.value, call.node)
        if has is False:
            obj = object_of(owner)
            return (
                demote(args.positional[2], obj.state.overridden_by)
                if isinstance(obj, Mapping) and obj.state.overridden_by
                else args.positional[2]
            )
        if has is None:
            value = m.attribute(owner, name.value, call.node)
            if isinstance(value, Unknown):
                return value
            obj = object_of(owner)
            if isinstance(obj, Opaque) and obj is object_of(value) is object_of(args.positional[2]):
                return value  # `getattr(processor, "tokenizer", processor)`
            if isinstance(obj, Opaque):
                return Known(
                    Opaque(
                        f"getattr({obj.text}, {name.value!r}, {describe(args.positional[2])})",
                        "call",
                        tuple(args.positional),
                    ),
                    owner.trace,
                )
            return join(value, args.positional[2])
    value = m.attribute(owner, name.value, call.node)
    return demote(value, name.overridden_by) if isinstance(name, Default) else value


def has_attribute(m: Machine, owner: Value, name: str, node: cst.CSTNode | None) -> bool | None:
    if isinstance(owner, Default):
        return has_attribute(m, Known(owner.value), name, node)
    obj = owner.value if isinstance(owner, Known) else None
    if isinstance(obj, Instance):
        if name in obj.slots or obj.cls.lookup(name) is not None:
            return True
        return (
            None
            if obj.base is not None or obj.cls.library_base() is not None or obj.cls.lookup("__getattr__") is not None
            else False
        )
    if isinstance(obj, Class):
        return True if obj.lookup(name) is not None else None if obj.library_base() is not None else False
    if isinstance(obj, Module):
        return name in obj.scope.slots
    if isinstance(obj, Opaque):
        return True if name in obj.slots else None
    if isinstance(obj, Mapping):
        if obj.kind == "namespace":
            present = obj.state.items.get(name)
            if is_optional(present):
                return None
            return present is not None or (None if obj.state.why_incomplete else False)
        return (
            name in obj.state.items
            if obj.kind == "config" and not obj.state.why_incomplete
            else hasattr(dict, name) or None
        )
    if isinstance(obj, (Function, Builtin, Bound)):
        return name in obj.slots or None
    return hasattr(obj, name) if isinstance(owner, Known) and isinstance(obj, SCALARS) else None


@builtin("hasattr")
def hasattr_(call: ModelCall) -> Value:
    args = call.arguments
    name = args.get(1)
    if not isinstance(name, Known) or not isinstance(name.value, str):
        return Unknown("hasattr() with a name known only at run time")
    has = has_attribute(call.machine, args.positional[0], name.value, call.node)
    if has is None:
        return open_term(call.machine, "hasattr", *args.positional)
    return Default(has, args.positional[0].overridden_by) if isinstance(args.positional[0], Default) else Known(has)


@builtin("setattr")
def setattr_(call: ModelCall) -> Value:
    m = call.machine
    owner, name, value = (call.arguments.get(i) for i in range(3))
    if isinstance(object_of(owner), Opaque) and object_of(owner).text.startswith("sys.modules"):
        forget(m, "set through sys.modules")
    elif isinstance(name, Known) and isinstance(name.value, str):
        m.set_attribute(owner, name.value, value, call.node, m.frame.scope)
    elif isinstance(name, Default) and isinstance(name.value, str):
        m.set_attribute(owner, name.value, demote(value, name.overridden_by), call.node, m.frame.scope)
    else:
        obj = object_of(owner)
        why = f"setattr() with a name known only at run time: {describe(name)}"
        if isinstance(obj, (Instance, Class)):
            inherited = (
                [k for c in obj.cls.mro() if isinstance(c, Class) for k in c.slots] if isinstance(obj, Instance) else []
            )
            for k in {**dict.fromkeys(inherited), **obj.slots}:
                held = obj.slots.get(k) or (obj.cls.lookup(k) if isinstance(obj, Instance) else None)
                if isinstance(k, str) and not isinstance(object_of(held), (Function, Class)):
                    m.write(obj, k, Unknown(why))
        elif isinstance(obj, Mapping):
            m.write(obj, "state", Items({k: Unknown(why) for k in obj.state.items}, why))
    return Known(None)


@builtin("delattr")
def delattr_(call: ModelCall) -> Value:
    obj, name = object_of(call.arguments.get(0)), call.arguments.get(1)
    if isinstance(obj, Mapping) and isinstance(name, Known):
        call.machine.write(
            obj, "state", obj.state._replace(items={k: v for k, v in obj.state.items.items() if k != name.value})
        )
    elif isinstance(obj, Object) and isinstance(name, Known):
        call.machine.delete(obj, name.value)
    return Known(None)


TYPES: dict[str, type | tuple[str, ...]] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "bytes": bytes,
    "list": ("list",),
    "tuple": ("tuple",),
    "set": ("set",),
    "dict": (),
    "complex": complex,
}


# Classes of PyTorch that scripts derive from, each with its whole ancestry.
ANCESTRY = {
    "Module": {"Module"},
    "Dataset": {"Dataset"},
    "IterableDataset": {"IterableDataset", "Dataset"},
    "ConcatDataset": {"ConcatDataset", "Dataset"},
    "Subset": {"Subset", "Dataset"},
}
# Modules of classes that an object may belong to without deriving from them.
STRUCTURAL = ("typing", "collections", "abc", "numbers", "os.PathLike")


@builtin("isinstance")
def isinstance_(call: ModelCall) -> Value:
    def one(v: Value, kind: Value) -> Value:
        kinds = object_of(kind).state.items if isinstance(object_of(kind), Sequence) else (kind,)
        verdicts = [is_instance(v, k) for k in kinds]
        if any(verdicts):
            return Known(True)
        return Known(False) if all(x is False for x in verdicts) else open_term(call.machine, "isinstance", v, kind)

    value = call.arguments.get(0)
    if isinstance(value, Default) and value.value is not None:  # another value, but one of the same type
        value = Known(value.value, value.trace)
    return lift(one, value, call.arguments.get(1))


def is_instance(v: Value, kind: Value) -> bool | None:
    k = object_of(kind)
    if isinstance(v, Text):
        return isinstance(k, Builtin) and k.name == "str"
    if not isinstance(v, Known):
        return None
    x = v.value
    if isinstance(k, Builtin) and k.name in TYPES:
        t = TYPES[k.name]
        if isinstance(x, Opaque):
            return None if not x.kind else x.kind == k.name
        if k.name == "dict":
            return isinstance(x, Mapping) and not x.foreign and x.kind != "namespace"
        if isinstance(t, tuple):
            return isinstance(x, Sequence) and x.kind in t
        if isinstance(x, Instance):
            return any(
                isinstance(b, Opaque) and b.text == k.name or isinstance(b, Class) and b.name == k.name
                for b in x.cls.mro()
            )
        return isinstance(x, t) if not isinstance(x, Object) else False
    if isinstance(k, Class):
        return k in x.cls.mro() if isinstance(x, Instance) else None if isinstance(x, Opaque) and not x.kind else False
    if isinstance(k, Opaque):
        if isinstance(x, Opaque):
            return True if x.kind and x.kind.rsplit(".", 1)[-1] == k.text.rsplit(".", 1)[-1] else None
        if isinstance(x, Instance):
            libraries = [b.text for b in x.cls.mro() if isinstance(b, Opaque)]
            return True if k.text in libraries else None if x.base is not None and may_be(libraries, k.text) else False
        if isinstance(x, PurePosixPath):
            return k.text.startswith(("pathlib.", "os.PathLike"))
        if isinstance(x, Mapping) and k.text.startswith("omegaconf."):
            return x.foreign and k.text.endswith((".DictConfig", ".Container", ".BaseContainer"))
        if isinstance(x, Mapping) and k.text.startswith(("types.SimpleNamespace", "argparse.Namespace")):
            return None if x.kind == "namespace" else False
        if isinstance(x, (Mapping, Sequence)) and k.text.startswith(("collections.", "typing.", "omegaconf.")):
            return None
        return None if isinstance(x, Object) and not isinstance(x, (Mapping, Sequence, Function)) else False
    return None


def may_be(bases: list[str], kind: str) -> bool:
    """Return whether a class of the script with these bases from libraries may derive from another library class."""
    if kind.startswith(STRUCTURAL):
        return True
    known = [ANCESTRY.get(b.rpartition(".")[2]) if b.startswith("torch.") else None for b in bases]
    own_package = kind.startswith("torch.")
    return any(names is None or own_package and kind.rpartition(".")[2] in names for names in known)


@builtin("issubclass")
def issubclass_(call: ModelCall) -> Value:
    args = call.arguments
    a, b = object_of(args.get(0)), object_of(args.get(1))
    if isinstance(a, Class) and isinstance(b, Class):
        return Known(b in a.mro())
    return open_term(call.machine, "issubclass", *args.positional)


@builtin("callable")
def callable_(call: ModelCall) -> Value:
    args = call.arguments
    obj = object_of(args.get(0))
    if isinstance(obj, (Function, Bound, Builtin, Class)):
        return Known(True)
    return Known(False) if is_scalar(args.get(0)) else open_term(call.machine, "callable", *args.positional)


@builtin("eval")
def eval_(call: ModelCall) -> Value:
    source = call.arguments.get(0)
    text = source.value if isinstance(source, Known) and isinstance(source.value, str) else None
    if text is None or "(" in text:
        forget(call.machine, "eval() may change it")
    return undecided(call)


@builtin("id", "hash", "input", "compile", "memoryview")
def undecided(call: ModelCall) -> Value:
    call.machine.may_raise_count += 1
    return Unknown(
        "what this call returns is known only at run time: "
        + (call.machine.frame.scope.module.source.excerpt(call.node) if call.node is not None else "a call")
    )


@builtin("exec")
def exec_(call: ModelCall) -> Value:
    """Run code that cannot be followed: in the module, or in dicts of its own that are still empty."""
    m, why = call.machine, "exec() may change it"
    m.may_raise_count += 1
    given = [object_of(v) for v in call.arguments.positional[1:]]
    if given and all(type(obj) is Mapping and obj.kind == "dict" for obj in given) and not given[0].state.items:
        for obj in given:
            m.write(obj, "state", Items({k: Unknown(why) for k in obj.state.items}, why))
    else:
        forget(m, why)
    return Known(None)


@builtin("print", "display", "breakpoint", "help")
def silent(call: ModelCall) -> Value:
    call.machine.log("print", call.arguments, call.node)
    return Known(None)


@builtin("exit", "quit")
def exit_(call: ModelCall) -> Value:
    return Known(Opaque("exit()", "exit"))


@builtin("object")
def object_(call: ModelCall) -> Value:
    return Known(Opaque("object()", "call", kind="object"))


for _name in ("staticmethod", "classmethod", "property"):
    BUILTINS[_name] = Known(
        Builtin(
            _name, lambda call: call.arguments.positional[0] if call.arguments.positional else Unknown("a descriptor")
        )
    )
for _name in ("super", "globals", "locals", "vars", "dir"):
    BUILTINS[_name] = Known(Builtin(_name, lambda call: Unknown("names of a namespace")))
for _name in (
    "Exception BaseException ValueError TypeError KeyError IndexError RuntimeError NotImplementedError "
    "FileNotFoundError OSError IOError ImportError ModuleNotFoundError AttributeError StopIteration KeyboardInterrupt "
    "SystemExit AssertionError ZeroDivisionError NameError PermissionError Warning UserWarning DeprecationWarning "
    "FutureWarning MemoryError EOFError UnicodeDecodeError TimeoutError ConnectionError LookupError ArithmeticError"
).split():
    BUILTINS[_name] = Known(Opaque(_name))
BUILTINS["__name__"] = Unknown("__name__ outside of a module")
BUILTINS["__debug__"] = Known(True)  # False only under python -O
BUILTINS["bytes"] = BUILTINS["bytearray"] = Known(
    Builtin("bytes", lambda call: open_term(call.machine, "bytes", *call.arguments.positional))
)
BUILTINS["slice"] = Known(
    Builtin(
        "slice",
        lambda call: Known(
            Sequence(
                tuple((call.arguments.positional + [Known(None)] * 3)[:3])
                if len(call.arguments.positional) > 1
                else (Known(None), *call.arguments.positional, Known(None)),
                "slice",
            )
        ),
    )
)
