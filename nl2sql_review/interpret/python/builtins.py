"""Python's own functions and the methods of its types, on abstract values.

`BUILTINS` maps a name to a Known(Builtin); `METHODS` maps (type, method) to a model.
A function applies the real Python function if all its inputs are known; otherwise the result states what is open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, SupportsIndex

from ...training_plan.values import SET_ORDER, Absent, Default, Either, Known, Trace, Unknown, Value
from ..core import sizes
from ..core.machine import Machine
from ..core.model_call import ModelCall, PythonModel
from ..core.names import PARAMETERS
from ..core.objects import (
    ArgumentMissing,
    Arguments,
    Builtin,
    Class,
    Instance,
    Mapping,
    Object,
    Opaque,
    Sequence,
    object_of,
)
from ..core.operations import describe, freeze, lift, truth
from .operators import equal
from .overlays import COPIED, is_environment
from .texts import to_text

if TYPE_CHECKING:
    import libcst as cst

BUILTINS: dict[str, Value] = {}
METHODS: dict[tuple[str, str], PythonModel] = {}
CHARACTERS = 100  # that a function works through in the time of one element
FEW = 200  # elements that an operator or a function takes at no cost
PROPERTIES: dict[tuple[str, str], Callable[..., Value]] = {}  # (type, attribute) -> run(machine, owner)


def builtin(*names: str) -> Callable[[PythonModel], PythonModel]:
    def add(f: PythonModel) -> PythonModel:
        for name in names:
            BUILTINS[name] = Known(Builtin(name, f))
        return f

    return add


def method(types: str, *names: str) -> Callable[[PythonModel], PythonModel]:
    def add(f: PythonModel) -> PythonModel:
        for t in types.split():
            for name in names:
                METHODS[t, name] = f
        return f

    return add


def method_name(node: cst.CSTNode | None) -> str:
    """Return the name of the method in a call written `x.name(…)`, or "" for any other call."""
    return getattr(getattr(getattr(node, "func", None), "attr", None), "value", "")


def open_term(m: Machine, text: str, *args: Value) -> Value:
    """Return a call whose result only the run decides, as a term over the known parts of its arguments."""
    m.may_raise_count += 1
    bad = next((a for a in args if isinstance(a, (Unknown, Absent))), None)
    if bad is not None:
        return Unknown(bad.why, bad.trace)
    return Known(Opaque(f"{text}({', '.join(describe(a) for a in args)})", "call", args), args[0].trace if args else ())


def settle(value: Value) -> Value:
    """Return a value for a plain Python function, with containers as plain Python."""
    return freeze(value)


def held(value: Value) -> int:
    """How many elements a container of the script holds; 0 of anything else."""
    obj = object_of(value)
    return len(obj.slots["state"].items) if isinstance(obj, (Sequence, Mapping)) else 0


def charge_reading(m: Machine, *values: Value) -> None:
    """Take the steps that a function needs to go through the elements and the characters of these values."""
    texts = sum(len(v.value) for v in values if isinstance(v, Known) and isinstance(v.value, (str, bytes)))
    if (elements := sum(map(held, values)) + texts // CHARACTERS) > FEW:
        m.spend(elements // 16)  # a step takes as long as many elements do


def charge_copy(m: Machine, *values: Value) -> None:
    """Take the steps that an operator needs to copy the elements of these values."""
    m.spend(sum(map(held, values)) // 256)


def apply(m: Machine, name: str, f: Callable[..., Any], *args: Value, **keywords: Value) -> Value:
    """Apply `f` to plain Python values, lifted; return a term if an argument is open."""

    def run(*values: Value) -> Value:
        known = [v.value for v in values if isinstance(v, Known) and not isinstance(v.value, Object)]
        if len(known) == len(values):
            trace = next((v.trace for v in values if v.trace), ())
            try:
                sizes.function(name, known)
                made = f(*known)
                sizes.result(made)
                if isinstance(made, (list, tuple, dict, set, frozenset)) and len(made) > FEW:
                    m.spend(sizes.size(made) // 8)
                return rebuild(made, trace)
            except sizes.TooMuch as e:
                return Unknown(str(e), trace)
            except Exception as e:
                m.certainly_raises(type(e).__name__)
                m.may_raise_count += 1
                return Unknown(f"{name}() raises {type(e).__name__}")
        return open_term(m, name, *args)

    charge_reading(m, *args)
    return lift(run, *[settle(a) for a in args])


def rebuild(v: object, trace: Trace = ()) -> Value:
    """Return a plain Python value as an abstract one: containers become objects of the interpreter."""
    if isinstance(v, (list, tuple, set, frozenset)):
        items = tuple(rebuild(x, trace) for x in (sorted(v, key=str) if isinstance(v, (set, frozenset)) else v))
        return Known(Sequence(items, type(v).__name__), trace)
    if isinstance(v, dict):
        return Known(Mapping({k: rebuild(x, trace) for k, x in v.items()}), trace)
    return Known(v, trace)


# -- conversions -----------------------------------------------------------------------------------------
def conversion(name: str, f: Callable[..., Any]) -> None:
    def run(call: ModelCall) -> Value:
        args = call.arguments
        if not args.positional:
            try:
                return Known(f())
            except TypeError:
                raise ArgumentMissing from None
        return lift(lambda v: one(call.machine, v, args.positional[1:]), args.positional[0])

    def one(m: Machine, v: Value, more: list[Value]) -> Value:
        obj = v.value if isinstance(v, Known) else None
        if isinstance(obj, Instance) and obj.cls.kind == "enum" and obj.payload is not None:
            v = obj.payload
        elif isinstance(obj, Instance):
            for special in (f"__{name}__", "__index__"):
                if obj.cls.lookup(special) is not None:
                    return m.call(m.attribute(v, special, None), Arguments(), None)
        return apply(m, name, f, v, *more)

    BUILTINS[name] = Known(Builtin(name, run))


def to_int(x: object = 0, *base: SupportsIndex) -> int:
    if isinstance(x, (int, float, str)) and not isinstance(x, complex):
        return int(x, *base)
    raise TypeError("int() of something else")


conversion("int", to_int)
conversion("float", lambda x=0.0: float(x))
conversion("abs", abs)
conversion("round", round)
conversion("divmod", divmod)
conversion("pow", pow)
conversion("ord", ord)
conversion("chr", chr)
conversion("hex", hex)
conversion("bin", bin)
conversion("oct", oct)
conversion("ascii", ascii)
conversion("complex", complex)


@builtin("str")
def str_(call: ModelCall) -> Value:
    if not call.arguments.positional:
        return Known("")
    v = call.arguments.positional[0]
    obj = object_of(v)
    if isinstance(obj, Instance) and (obj.cls.lookup("__str__") or obj.cls.lookup("__repr__")):
        return call.machine.call(
            call.machine.attribute(v, "__str__" if obj.cls.lookup("__str__") else "__repr__", call.node),
            Arguments(),
            call.node,
        )
    if isinstance(obj, Opaque) and obj.operation != "path":
        return Known(Opaque(f"str({obj.text})", "call", (v,), kind="str"), v.trace)
    return to_text(v)


@builtin("repr", "format")
def repr_(call: ModelCall) -> Value:
    args = call.arguments
    if len(args.positional) == 2 and isinstance(args.positional[1], Known):
        return to_text(args.positional[0], "", args.positional[1].value)
    return to_text(args.positional[0], "r") if args.positional else Unknown("repr() without an argument")


@builtin("bool")
def bool_(call: ModelCall) -> Value:
    def one(v: Value) -> Value:
        t, _ = truth(v)
        return (
            Known(t, v.trace)
            if t is not None
            else v
            if isinstance(v, (Unknown, Absent))
            else open_term(call.machine, "bool", v)
        )

    return lift(one, call.arguments.positional[0]) if call.arguments.positional else Known(False)


def distinct(m: Machine, values: tuple[Value, ...]) -> tuple[Value, ...]:
    """Return the values without duplicates of an earlier one. Plain ones are looked up, others compared."""
    plain: set[Any] = set()
    unique: list[Value] = []
    for v in values:
        if type(v) is Known and isinstance(v.value, (str, int, float, bytes)):
            if v.value in plain:
                continue
            plain.add(v.value)
        else:
            m.spend(len(unique))
            if any(equal(v, u) for u in unique):
                continue
        unique.append(v)
    return tuple(unique)


# -- collections -----------------------------------------------------------------------------------------
def collection(kind: str) -> Callable[..., Value]:
    def run(call: ModelCall) -> Value:
        m = call.machine
        if not call.arguments.positional:
            return Known(Sequence((), kind))
        source = call.arguments.positional[0]
        obj = object_of(source)
        if (
            isinstance(obj, Sequence)
            and obj.kind in ("set", "frozenset")
            and kind in ("list", "tuple")
            and len(obj.state.items) > 1
        ):
            return Known(
                Sequence(obj.state.items, kind, obj.state.why_incomplete or SET_ORDER, obj.state.overridden_by),
                source.trace,
            )
        if isinstance(obj, Opaque) and obj.kind == PARAMETERS:
            return source  # searched, not walked
        if isinstance(source, Known) and isinstance(obj, Opaque) and m.library_iterate(source, obj, call.node) is None:
            return open_term(m, kind, source)
        if isinstance(source, Unknown):
            return source
        items = m.iterate(source, call.node)
        values = items.items
        if kind in ("set", "frozenset"):
            values = distinct(m, values)
        return Known(Sequence(values, kind, items.why_incomplete, items.overridden_by), source.trace)

    return run


for _kind in ("list", "tuple", "set", "frozenset"):
    BUILTINS[_kind] = Known(Builtin(_kind, collection(_kind)))


@builtin("dict", "OrderedDict")
def dict_(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    items: dict[Any, Value] = {}
    open_ = by = ""
    for source in args.positional[:1]:
        obj = object_of(source)
        if isinstance(obj, Sequence):
            obj = Sequence(
                *m.iterate(source, call.node)[:1],
                why_incomplete=obj.state.why_incomplete,
                overridden_by=obj.state.overridden_by,
            )
            for pair in obj.state.items:
                two = m.iterate(pair, call.node).items
                if len(two) != 2 or not isinstance(two[0], Known):
                    open_ = "a key is known only at run time"
                else:
                    items[two[0].value] = two[1]
            open_, by = open_ or obj.state.why_incomplete, obj.state.overridden_by
        else:
            state = m.mapping(source, call.node)
            items, open_, by = dict(state.items), state.why_incomplete, state.overridden_by
    if args.unknown:  # `**more`, which may hold any of them
        items = {k: Unknown(args.unknown) for k in items}
    items.update(args.keywords)
    made = Mapping(items, open_ or args.unknown, "dict", by)
    if args.positional and is_environment(args.positional[0]) and not args.unknown:
        made.slots[COPIED] = Known(True)
    return Known(made, (args.place,) if args.place else ())


@builtin("range")
def range_(call: ModelCall) -> Value:
    def run(*values: Value) -> Value:
        known = [v.value for v in values if isinstance(v, Known) and isinstance(v.value, int)]
        if len(known) == len(values):
            try:
                r = range(*known)
            except (TypeError, ValueError) as e:
                return Unknown(f"range() raises {type(e).__name__}")
            if r[1000:]:  # its len() may be a number that len() cannot return
                many = f"{len(r)} numbers" if r[: 2**31] == r else "more numbers than could ever be counted"
                return Known(Sequence((Known(Opaque("i")),), "range", f"a range of {many}"))
            return Known(Sequence(tuple(Known(i) for i in r), "range"))
        bad = next((v for v in values if isinstance(v, (Unknown, Absent))), None)
        made = Sequence(
            (Known(Opaque("i")),), "range", bad.why if bad else f"range({', '.join(describe(v) for v in values)})"
        )
        if len(values) < 3:
            start, stop = values if len(values) == 2 else (Known(None), *values)
            made.slots["positions"] = Known(Sequence((start, stop, Known(None)), "slice"))
        return Known(made)

    return lift(run, *call.arguments.positional)


@builtin("len")
def len_(call: ModelCall) -> Value:
    m = call.machine

    def one(v: Value) -> Value:
        obj = v.value if isinstance(v, Known) else None
        if isinstance(obj, (str, bytes)):
            return Known(len(obj), v.trace)
        if isinstance(obj, Opaque) and obj.text == "sys.argv":
            return Default(1, "sys.argv", v.trace)  # the script's own name
        if isinstance(obj, (Sequence, Mapping)) and not obj.state.why_incomplete:
            if isinstance(obj, Mapping) and any(isinstance(x, Either) for x in obj.state.items.values()):
                return open_term(m, "len", v)
            return (
                Default(len(obj.state.items), obj.state.overridden_by)
                if obj.state.overridden_by
                else Known(len(obj.state.items), v.trace)
            )
        if isinstance(obj, Instance) and obj.cls.lookup("__len__") is not None:
            return m.call(m.attribute(v, "__len__", call.node), Arguments(), call.node)
        if isinstance(obj, Class) and obj.kind == "enum":
            return Known(len(m.iterate(v, call.node).items))
        if isinstance(obj, (Sequence, Mapping)):
            m.may_raise_count += 1
            return (
                Known(len(obj.state.items))
                if obj.state.why_incomplete == SET_ORDER
                else Unknown(obj.state.why_incomplete, v.trace)
            )
        return open_term(m, "len", v)

    return (
        lift(one, call.arguments.positional[0]) if call.arguments.positional else Unknown("len() without an argument")
    )
