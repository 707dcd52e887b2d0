"""os, sys, functools, copy, collections, math and other small parts of the standard library."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Default, Known, Unknown, Value
from ...core.library import CONSTANTS, model
from ...core.machine import Machine
from ...core.objects import Arguments, Builtin, Function, Instance, Mapping, Opaque, Partial, Sequence, object_of
from ...python.builtins import BUILTINS, apply, open_term

if TYPE_CHECKING:
    import libcst as cst

# -- constants -------------------------------------------------------------------------------------------
CONSTANTS.update(
    {
        "typing.TYPE_CHECKING": Known(False),
        "typing_extensions.TYPE_CHECKING": Known(False),
        "os.sep": Known("/"),
        "os.linesep": Known("\n"),
        "math.pi": Known(math.pi),
        "math.e": Known(math.e),
        "math.inf": Known(math.inf),
        "sys.maxsize": Known(2**63 - 1),
        "os.path.sep": Known("/"),
    }
)


# -- functools, copy, collections -----------------------------------------------------------------------
@model("functools.partial")
def partial(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    rest = Arguments(args.positional[1:], args.keywords, args.place)
    rest.places = {(k - 1 if isinstance(k, int) else k): p for k, p in args.places.items() if k != 0}
    rest.unknown = args.unknown
    return Known(Partial(args.get(0), rest))


@model(
    "functools.wraps",
    "functools.lru_cache",
    "functools.cache",
    "contextlib.contextmanager",
    "atexit.register",
    "functools.update_wrapper",
)
def transparent(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    fn = object_of(args.get(0))
    if callee != "functools.wraps" and isinstance(fn, Function):
        if callee in ("functools.cache", "functools.lru_cache"):
            fn.slots["__cache__"] = {}
        return args.positional[0]
    if callee == "functools.lru_cache":  # @lru_cache(maxsize=None)
        return Known(Builtin(callee, lambda m, args, node: transparent(m, args, node, callee)))
    name = Known(fn.name) if isinstance(fn, Function) and callee == "functools.wraps" else None
    return Known(Builtin(callee, lambda m, args, node: named(args.get(0), name)))


def named(wrapper: Value, name: Value | None) -> Value:
    """What @wraps makes of a wrapper: it carries the name of what it wraps."""
    target = object_of(wrapper)
    if isinstance(target, Function) and name is not None:
        target.slots["__name__"] = name
    return wrapper


@model("functools.reduce")
def reduce(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    items = m.iterate(args.get(1), node)
    values = list(items.items)
    if items.open or not (values or len(args.positional) > 2):
        return Unknown(items.open or "reduce() of nothing")
    total = args.positional[2] if len(args.positional) > 2 else values.pop(0)
    for v in values:
        total = m.call(args.positional[0], Arguments([total, v]), node)
    return total


@model("copy.copy", "copy.deepcopy")
def copy(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    return copied(args.get(0), callee.endswith("deepcopy"), {})


def copied(value: Value, deep: bool, seen: dict[int, Any]) -> Value:
    obj = object_of(value)
    if id(obj) in seen:
        new = seen[id(obj)]
    elif isinstance(obj, (Sequence, Mapping)):
        state = obj.state
        new = Sequence((), obj.kind) if isinstance(obj, Sequence) else Mapping({}, "", obj.kind, "", obj.factory)
        seen[id(obj)] = new
        items = state.items
        if deep:
            items = (
                {k: copied(v, True, seen) for k, v in items.items()}
                if isinstance(items, dict)
                else tuple(copied(v, True, seen) for v in items)
            )
        new.slots["state"] = state._replace(items=items)
    elif isinstance(obj, Instance) and obj.cls.kind != "enum":
        new = Instance(obj.cls)
        new.payload = obj.payload
        new.base = object_of(copied(Known(obj.base), deep, seen)) if isinstance(obj.base, Mapping) else obj.base
        seen[id(obj)] = new
        new.slots.update({k: copied(v, True, seen) if deep else v for k, v in obj.slots.items()})
    else:
        return value
    return Default(new, value.by, value.trace) if isinstance(value, Default) else Known(new, value.trace)


@model("collections.OrderedDict")
def ordered_dict(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    return m.call(BUILTINS["dict"], args, node)


@model("collections.defaultdict")
def defaultdict(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    made = m.call(BUILTINS["dict"], Arguments(args.positional[1:], args.keywords), node)
    factory = args.get(0)
    obj = object_of(made)
    if isinstance(obj, Mapping) and not isinstance(factory, Absent):
        obj.factory = factory
    return made


@model("collections.deque")
def deque(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    items = m.iterate(args.get(0), node) if args.positional else None
    return Known(Sequence(items.items if items else (), "deque", items.open if items else ""))


@model("itertools.chain")
def chain(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    parts = [m.iterate(v, node) for v in args.positional]
    return Known(
        Sequence(
            tuple(x for p in parts for x in p.items),
            "list",
            next((p.open for p in parts if p.open), ""),
            next((p.by for p in parts if p.by), ""),
        )
    )


@model("types.SimpleNamespace", "argparse.Namespace")
def namespace(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    items = dict(args.keywords)
    for v in args.positional:
        items.update(m.mapping(v, node).items)
    return Known(Mapping(items, args.unknown, "namespace"), (args.place,) if args.place else ())


# -- math ------------------------------------------------------------------------------------------------
def math_function(name: str) -> None:
    model(f"math.{name}")(lambda m, args, node, callee: apply(m, callee, getattr(math, name), *args.positional))


for _name in ("sqrt", "ceil", "floor", "log", "log2", "log10", "exp", "pow", "gcd", "isclose", "prod", "fabs", "trunc"):
    math_function(_name)


# -- leaving ---------------------------------------------------------------------------------------------
@model("sys.exit", "os._exit")
def leave(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    return Known(Opaque(f"{callee}()", "exit"))


@model("typing.cast")
def cast(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    return args.get(1)


@model(
    "os.path.isdir",
    "os.listdir",
    "os.scandir",
    "os.walk",
    "os.path.getsize",
    "os.path.getmtime",
    "glob.glob",
    "glob.iglob",
    "os.cpu_count",
    "multiprocessing.cpu_count",
)
def on_disk(m: Machine, args: Arguments, node: cst.CSTNode | None, callee: str) -> Value:
    return open_term(m, callee, *args.positional)
