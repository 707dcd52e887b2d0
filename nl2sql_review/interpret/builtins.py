"""Python's own functions and the methods of its types, on abstract values.

`BUILTINS` maps a name to a Known(Builtin); `METHODS` maps (type, method) to `run(machine, receiver, arguments, node)`.
A function applies the real Python function when everything it needs is known, and otherwise says what is left open.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
import string as string_module
from typing import Any, Callable

from ..values import Absent, Default, Either, Known, Text, Unknown, Value, join
from .machine import Machine, demote
from .objects import Arguments, Bound, Builtin, Class, Function, Instance, Items, Mapping, Module, Object, Opaque, Sequence, object_of
from .operations import SCALARS, binary, concatenate, describe, equal, freeze, is_scalar, lift, term_of, to_text, truth

BUILTINS: dict[str, Value] = {}
METHODS: dict[tuple[str, str], Callable[..., Value]] = {}
PROPERTIES: dict[tuple[str, str], Callable[..., Value]] = {}  # (type, attribute) -> run(machine, owner)


def builtin(*names: str) -> Callable[..., Any]:
    def add(f: Callable[..., Value]) -> Callable[..., Value]:
        for name in names:
            BUILTINS[name] = Known(Builtin(name, f))
        return f

    return add


def method(types: str, *names: str) -> Callable[..., Any]:
    def add(f: Callable[..., Value]) -> Callable[..., Value]:
        for t in types.split():
            for name in names:
                METHODS[t, name] = f
        return f

    return add


def open_term(m: Machine, text: str, *args: Value) -> Value:
    """A call whose result only the run knows, as a term over what is known of its arguments."""
    m.risks += 1
    bad = next((a for a in args if isinstance(a, (Unknown, Absent))), None)
    if bad is not None:
        return Unknown(bad.why, bad.trace)
    return Known(Opaque(f"{text}({', '.join(describe(a) for a in args)})", "call", args), args[0].trace if args else ())


def settle(value: Value) -> Value:
    """A value for a plain Python function: containers as plain Python."""
    return freeze(value)


def apply(m: Machine, name: str, f: Callable[..., Any], *args: Value, **keywords: Value) -> Value:
    """`f` on plain Python values, lifted; a term where something is open."""

    def run(*values: Value) -> Value:
        if all(isinstance(v, Known) and not isinstance(v.value, Object) for v in values):
            try:
                return rebuild(f(*[v.value for v in values]), next((v.trace for v in values if v.trace), ()))  # type: ignore[union-attr]
            except Exception as e:
                m.certainly_raises(type(e).__name__)
                m.risks += 1
                return Unknown(f"{name}() raises {type(e).__name__}")
        return open_term(m, name, *args)

    return lift(run, *[settle(a) for a in args])


def rebuild(v: Any, trace: Any = ()) -> Value:
    """A plain Python value as an abstract one: containers become objects of the interpreter."""
    if isinstance(v, (list, tuple, set, frozenset)):
        items = tuple(rebuild(x, trace) for x in (sorted(v, key=str) if isinstance(v, (set, frozenset)) else v))
        return Known(Sequence(items, type(v).__name__), trace)
    if isinstance(v, dict):
        return Known(Mapping({k: rebuild(x, trace) for k, x in v.items()}), trace)
    return Known(v, trace)


# -- conversions -----------------------------------------------------------------------------------------
def conversion(name: str, f: Callable[..., Any]) -> None:
    def run(m: Machine, args: Arguments, node: Any) -> Value:
        if not args.positional:
            return Known(f())
        return lift(lambda v: one(m, v, args.positional[1:]), args.positional[0])

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


def to_int(x: Any = 0, *base: Any) -> int:
    if isinstance(x, (int, float, str)) and not isinstance(x, complex):
        return int(x, *base)
    raise TypeError("int() of something else")


conversion("int", to_int)
conversion("float", lambda x=0.0: float(x))
conversion("abs", abs)
conversion("round", round)
conversion("divmod", divmod)
conversion("pow", lambda a, b, *c: pow(a, b, *c) if not (isinstance(b, int) and b > 1000) else 1 / 0)
conversion("ord", ord)
conversion("chr", chr)
conversion("hex", hex)
conversion("bin", bin)
conversion("oct", oct)
conversion("ascii", ascii)
conversion("complex", complex)


@builtin("str")
def str_(m: Machine, args: Arguments, node: Any) -> Value:
    if not args.positional:
        return Known("")
    v = args.positional[0]
    obj = object_of(v)
    if isinstance(obj, Instance) and (obj.cls.lookup("__str__") or obj.cls.lookup("__repr__")):
        return m.call(m.attribute(v, "__str__" if obj.cls.lookup("__str__") else "__repr__", node), Arguments(), node)
    if isinstance(obj, Opaque) and obj.head != "path":
        return Known(Opaque(f"str({obj.text})", "call", (v,), kind="str"), v.trace)
    return to_text(v)


@builtin("repr", "format")
def repr_(m: Machine, args: Arguments, node: Any) -> Value:
    if len(args.positional) == 2 and isinstance(args.positional[1], Known):
        return to_text(args.positional[0], "", args.positional[1].value)
    return to_text(args.positional[0], "r") if args.positional else Unknown("repr() without an argument")


@builtin("bool")
def bool_(m: Machine, args: Arguments, node: Any) -> Value:
    def one(v: Value) -> Value:
        t, _ = truth(v)
        return Known(t, v.trace) if t is not None else v if isinstance(v, (Unknown, Absent)) else open_term(m, "bool", v)

    return lift(one, args.positional[0]) if args.positional else Known(False)


# -- collections -----------------------------------------------------------------------------------------
def collection(kind: str) -> Callable[..., Value]:
    def run(m: Machine, args: Arguments, node: Any) -> Value:
        if not args.positional:
            return Known(Sequence((), kind))
        source = args.positional[0]
        obj = object_of(source)
        if isinstance(obj, Sequence) and obj.kind in ("set", "frozenset") and kind in ("list", "tuple") and len(obj.state.items) > 1:
            return Known(Sequence(obj.state.items, kind, obj.state.open or "the order of a set", obj.state.by), source.trace)
        if isinstance(obj, Opaque) and m.library_iterate(source, obj, node) is None:
            return open_term(m, kind, source)
        if isinstance(source, Unknown):
            return source
        items = m.iterate(source, node)
        values = items.items
        if kind in ("set", "frozenset"):
            unique: list[Value] = []
            for v in values:
                if not any(equal(v, u) for u in unique):
                    unique.append(v)
            values = tuple(unique)
        return Known(Sequence(values, kind, items.open, items.by), source.trace)

    return run


for _kind in ("list", "tuple", "set", "frozenset"):
    BUILTINS[_kind] = Known(Builtin(_kind, collection(_kind)))


@builtin("dict", "OrderedDict")
def dict_(m: Machine, args: Arguments, node: Any) -> Value:
    items: dict[Any, Value] = {}
    open_ = by = ""
    for source in args.positional[:1]:
        obj = object_of(source)
        if isinstance(obj, Sequence):
            obj = Sequence(*m.iterate(source, node)[:1], open=obj.state.open, by=obj.state.by)
            for pair in obj.state.items:
                two = m.iterate(pair, node).items
                if len(two) != 2 or not isinstance(two[0], Known):
                    open_ = "a key is only known to the run"
                else:
                    items[two[0].value] = two[1]
            open_, by = open_ or obj.state.open, obj.state.by
        else:
            state = m.mapping(source, node)
            items, open_, by = dict(state.items), state.open, state.by
    items.update(args.keywords)
    return Known(Mapping(items, open_ or args.unknown, "dict", by), (args.place,) if args.place else ())


@builtin("range")
def range_(m: Machine, args: Arguments, node: Any) -> Value:
    def run(*values: Value) -> Value:
        if all(isinstance(v, Known) and isinstance(v.value, int) for v in values):
            try:
                r = range(*[v.value for v in values])  # type: ignore[union-attr]
            except (TypeError, ValueError) as e:
                return Unknown(f"range() raises {type(e).__name__}")
            if len(r) > 1000:
                return Known(Sequence((Known(Opaque("i")),), "range", f"a range of {len(r)} numbers"))
            return Known(Sequence(tuple(Known(i) for i in r), "range"))
        bad = next((v for v in values if isinstance(v, (Unknown, Absent))), None)
        return Known(Sequence((Known(Opaque("i")),), "range", bad.why if bad else f"range({', '.join(describe(v) for v in values)})"))

    return lift(run, *args.positional)


@builtin("len")
def len_(m: Machine, args: Arguments, node: Any) -> Value:
    def one(v: Value) -> Value:
        obj = v.value if isinstance(v, Known) else None
        if isinstance(obj, (str, bytes)):
            return Known(len(obj), v.trace)
        if isinstance(obj, Opaque) and obj.text == "sys.argv":
            return Default(1, "sys.argv", v.trace)  # the script's own name
        if isinstance(obj, (Sequence, Mapping)) and not obj.state.open:
            if isinstance(obj, Mapping) and any(isinstance(x, Either) for x in obj.state.items.values()):
                return open_term(m, "len", v)
            return Default(len(obj.state.items), obj.state.by) if obj.state.by else Known(len(obj.state.items), v.trace)
        if isinstance(obj, Instance) and obj.cls.lookup("__len__") is not None:
            return m.call(m.attribute(v, "__len__", node), Arguments(), node)
        if isinstance(obj, Class) and obj.kind == "enum":
            return Known(len(m.iterate(v, node).items))
        if isinstance(obj, (Sequence, Mapping)):
            m.risks += 1
            return Known(len(obj.state.items)) if obj.state.open == "the order of a set" else Unknown(obj.state.open, v.trace)
        return open_term(m, "len", v)

    return lift(one, args.positional[0]) if args.positional else Unknown("len() without an argument")


@builtin("enumerate")
def enumerate_(m: Machine, args: Arguments, node: Any) -> Value:
    start = args.get(1, "start")
    first = start.value if isinstance(start, Known) and isinstance(start.value, int) else 0
    items = m.iterate(args.positional[0], node) if args.positional else Items(())
    if items.open:
        pairs = tuple(Known(Sequence((Known(Opaque("i")), v), "tuple")) for v in items.items)
    else:
        pairs = tuple(Known(Sequence((Known(i + first), v), "tuple")) for i, v in enumerate(items.items))
    return Known(Sequence(pairs, "generator", items.open, items.by))


@builtin("zip")
def zip_(m: Machine, args: Arguments, node: Any) -> Value:
    columns = [m.iterate(v, node) for v in args.positional]
    open_ = next((c.open for c in columns if c.open), "")
    by = next((c.by for c in columns if c.by), "")
    if open_ and any(len(c.items) > 1 for c in columns if c.open):
        columns = [Items((merged(c.items),), c.open, c.by) if c.items else c for c in columns]
    elif open_:
        columns = [c if c.open else Items((merged(c.items),) if c.items else (), c.open, c.by) for c in columns]
    rows = tuple(Known(Sequence(row, "tuple")) for row in zip(*[c.items for c in columns]))
    return Known(Sequence(rows, "generator", open_, by))


def merged(values: tuple[Value, ...]) -> Value:
    out = values[0]
    for v in values[1:]:
        out = join(out, v)
    return out


@builtin("reversed")
def reversed_(m: Machine, args: Arguments, node: Any) -> Value:
    items = m.iterate(args.positional[0], node)
    return Known(Sequence(items.items[::-1], "generator", items.open, items.by))


@builtin("sorted")
def sorted_(m: Machine, args: Arguments, node: Any) -> Value:
    source = args.positional[0]
    obj = object_of(source)
    unordered = isinstance(obj, Sequence) and obj.state.open == "the order of a set"
    items = obj.state._replace(open="") if unordered else m.iterate(source, node)
    ordered = sort(m, items, args, node)
    if ordered is not None:
        return Known(Sequence(ordered, "list", "", items.by))
    inner = source if isinstance(obj, Opaque) else Known(Opaque(describe(source), "op", (source,)))
    key = f", key={describe(args.keywords['key'])}" if "key" in args.keywords else ""
    m.risks += 1
    if isinstance(source, Unknown):
        return source
    return Known(Opaque(f"sorted({describe(inner)}{key})", "call", (source, *args.keywords.values())), source.trace)


def sort(m: Machine, items: Items, args: Arguments, node: Any) -> tuple[Value, ...] | None:
    """The elements in order, or None when only the run knows it."""
    if items.open:
        return None
    key = args.get(None, "key")
    keys = [m.call(key, Arguments([v]), node) for v in items.items] if not isinstance(key, Absent) and not (isinstance(key, Known) and key.value is None) else list(items.items)
    plain = [freeze(k) for k in keys]
    if not all(isinstance(k, Known) and not isinstance(k.value, Object) for k in plain):
        return None
    reverse = args.get(None, "reverse")
    if not isinstance(reverse, (Absent, Known)):
        return None
    try:
        order = sorted(range(len(plain)), key=lambda i: plain[i].value, reverse=bool(isinstance(reverse, Known) and reverse.value))  # type: ignore[union-attr]
    except TypeError:
        return None
    return tuple(items.items[i] for i in order)


def extreme(name: str, pick: Callable[..., Any]) -> None:
    def run(m: Machine, args: Arguments, node: Any) -> Value:
        items = m.iterate(args.positional[0], node) if len(args.positional) == 1 else Items(tuple(args.positional))
        if not items.items and not items.open:
            default = args.get(None, "default")
            return default if not isinstance(default, Absent) else Unknown(f"{name}() of nothing")
        if "key" in args.keywords:
            ordered = sort(m, items, Arguments([], {"key": args.keywords["key"]}), node)
            if ordered is not None:
                return ordered[0] if name == "min" else ordered[-1]
            return open_term(m, name, *args.positional)
        if items.open:
            return open_term(m, name, *args.positional)
        return apply(m, name, lambda *xs: pick(xs), *items.items)

    BUILTINS[name] = Known(Builtin(name, run))


extreme("min", min)
extreme("max", max)


@builtin("sum")
def sum_(m: Machine, args: Arguments, node: Any) -> Value:
    items = m.iterate(args.positional[0], node)
    total = args.get(1, "start")
    total = total if not isinstance(total, Absent) else Known(0)
    if items.open:
        return open_term(m, "sum", *args.positional)
    for v in items.items:
        total = binary("+", total, v)
    return demote(total, items.by) if items.by else total


def quantifier(name: str, stop: bool) -> None:
    def run(m: Machine, args: Arguments, node: Any) -> Value:
        items = m.iterate(args.positional[0], node)
        verdicts = [truth(v) for v in items.items]
        if not items.open and any(t is stop and not by for t, by in verdicts):
            return Known(stop)
        if items.open or any(t is None for t, _ in verdicts):
            return open_term(m, name, *args.positional)
        by = items.by or next((by for _, by in verdicts if by), "")
        result = any(t for t, _ in verdicts) if stop else all(t for t, _ in verdicts)
        return Default(result, by) if by else Known(result)

    BUILTINS[name] = Known(Builtin(name, run))


quantifier("any", True)
quantifier("all", False)


@builtin("map")
def map_(m: Machine, args: Arguments, node: Any) -> Value:
    columns = [m.iterate(v, node) for v in args.positional[1:]]
    if not columns or len(columns) > 1 and any(c.open for c in columns):
        return Unknown("map() over collections whose lengths only the run knows")
    mark = m.mark()
    made = Sequence(tuple(m.call(args.positional[0], Arguments(list(row)), node) for row in zip(*[c.items for c in columns])), "generator", columns[0].open, columns[0].by)
    made.lazy = True
    m.deferred(mark, "map()")
    return Known(made)


@builtin("filter")
def filter_(m: Machine, args: Arguments, node: Any) -> Value:
    items = m.iterate(args.positional[1], node)
    kept, open_ = [], items.open
    for v in items.items:
        t, by = truth(v if isinstance(args.positional[0], Known) and args.positional[0].value is None else m.call(args.positional[0], Arguments([v]), node))
        if t is None or by:
            open_ = open_ or "filtered by what only the run knows"
        if t is not False:
            kept.append(v)
    return Known(Sequence(tuple(kept), "generator", open_, items.by))


@builtin("iter")
def iter_(m: Machine, args: Arguments, node: Any) -> Value:
    obj = object_of(args.get(0))
    if isinstance(obj, (Sequence, Mapping)) and not (isinstance(obj, Sequence) and obj.kind == "generator"):
        items = m.iterate(args.get(0), node)
        return Known(Sequence(items.items, "generator", items.open, items.by))
    return args.positional[0] if args.positional else Unknown("iter() without an argument")


@builtin("next")
def next_(m: Machine, args: Arguments, node: Any) -> Value:
    source = args.positional[0]
    obj = object_of(source)
    if isinstance(obj, Opaque):
        return open_term(m, "next", source)
    items = m.iterate(source, node)
    if items.open:
        return items.items[0] if len(items.items) == 1 and isinstance(items.items[0], Text) else Unknown(items.open)
    if isinstance(obj, Sequence) and items.items:
        m.write(obj, "state", Items(items.items[1:], "", items.by))
        return items.items[0]
    return args.positional[1] if len(args.positional) > 1 else Unknown("next() of nothing")


# -- objects ---------------------------------------------------------------------------------------------
@builtin("getattr")
def getattr_(m: Machine, args: Arguments, node: Any) -> Value:
    if len(args.positional) < 2:
        return Unknown("getattr() without a name")
    owner, name = args.positional[:2]
    if not isinstance(name, (Known, Default)) or not isinstance(name.value, str):
        return Unknown(f"getattr with a name only the run knows: {describe(name)}")
    if len(args.positional) > 2:
        has = has_attribute(m, owner, name.value, node)
        if has is False:
            obj = object_of(owner)
            return demote(args.positional[2], obj.state.by) if isinstance(obj, Mapping) and obj.state.by else args.positional[2]
        if has is None:
            value = m.attribute(owner, name.value, node)
            if isinstance(value, Unknown):
                return value
            obj = object_of(owner)
            if isinstance(obj, Opaque):
                return Known(Opaque(f"getattr({obj.text}, {name.value!r}, {describe(args.positional[2])})", "call", tuple(args.positional)), owner.trace)
            return join(value, args.positional[2])
    value = m.attribute(owner, name.value, node)
    return demote(value, name.by) if isinstance(name, Default) else value


def has_attribute(m: Machine, owner: Value, name: str, node: Any) -> bool | None:
    if isinstance(owner, Default):
        return has_attribute(m, Known(owner.value), name, node)
    obj = owner.value if isinstance(owner, Known) else None
    if isinstance(obj, Instance):
        if name in obj.slots or obj.cls.lookup(name) is not None:
            return True
        return None if obj.base is not None or obj.cls.library_base() is not None or obj.cls.lookup("__getattr__") is not None else False
    if isinstance(obj, Class):
        return True if obj.lookup(name) is not None else None if obj.library_base() is not None else False
    if isinstance(obj, Module):
        return name in obj.scope.slots
    if isinstance(obj, Opaque):
        return True if name in obj.slots else None
    if isinstance(obj, Mapping):
        if obj.kind == "namespace":
            present = obj.state.items.get(name)
            if isinstance(present, Either) and any(isinstance(o, Absent) for o in present.options):
                return None
            return present is not None or (None if obj.state.open else False)
        return name in obj.state.items if obj.kind == "config" and not obj.state.open else hasattr(dict, name) or None
    if isinstance(obj, (Function, Builtin, Bound)):
        return name in obj.slots or None
    return hasattr(obj, name) if isinstance(owner, Known) and isinstance(obj, SCALARS) else None


@builtin("hasattr")
def hasattr_(m: Machine, args: Arguments, node: Any) -> Value:
    name = args.get(1)
    if not isinstance(name, Known) or not isinstance(name.value, str):
        return Unknown("hasattr with a name only the run knows")
    has = has_attribute(m, args.positional[0], name.value, node)
    if has is None:
        return open_term(m, "hasattr", *args.positional)
    return Default(has, args.positional[0].by) if isinstance(args.positional[0], Default) else Known(has)


@builtin("setattr")
def setattr_(m: Machine, args: Arguments, node: Any) -> Value:
    owner, name, value = (args.get(i) for i in range(3))
    if isinstance(object_of(owner), Opaque) and object_of(owner).text.startswith("sys.modules"):
        forget(m, "set through sys.modules")
    elif isinstance(name, Known) and isinstance(name.value, str):
        m.set_attribute(owner, name.value, value, node, m.frame.scope)
    elif isinstance(name, Default) and isinstance(name.value, str):
        m.set_attribute(owner, name.value, demote(value, name.by), node, m.frame.scope)
    else:
        obj = object_of(owner)
        why = f"setattr with a name only the run knows: {describe(name)}"
        if isinstance(obj, (Instance, Class)):
            inherited = [k for c in obj.cls.mro() if isinstance(c, Class) for k in c.slots] if isinstance(obj, Instance) else []
            for k in {**dict.fromkeys(inherited), **obj.slots}:
                held = obj.slots.get(k) or (obj.cls.lookup(k) if isinstance(obj, Instance) else None)
                if isinstance(k, str) and not isinstance(object_of(held), (Function, Class)):
                    m.write(obj, k, Unknown(why))
        elif isinstance(obj, Mapping):
            m.write(obj, "state", Items({k: Unknown(why) for k in obj.state.items}, why))
    return Known(None)


@builtin("delattr")
def delattr_(m: Machine, args: Arguments, node: Any) -> Value:
    obj, name = object_of(args.get(0)), args.get(1)
    if isinstance(obj, Mapping) and isinstance(name, Known):
        m.write(obj, "state", obj.state._replace(items={k: v for k, v in obj.state.items.items() if k != name.value}))
    elif isinstance(obj, Object) and isinstance(name, Known):
        m.delete(obj, name.value)
    return Known(None)


TYPES = {"str": str, "int": int, "float": float, "bool": bool, "bytes": bytes, "list": ("list",), "tuple": ("tuple",), "set": ("set",), "dict": (), "complex": complex}


@builtin("isinstance")
def isinstance_(m: Machine, args: Arguments, node: Any) -> Value:
    def one(v: Value, kind: Value) -> Value:
        kinds = object_of(kind).state.items if isinstance(object_of(kind), Sequence) else (kind,)
        verdicts = [is_instance(v, k) for k in kinds]
        if any(verdicts):
            return Known(True)
        return Known(False) if all(x is False for x in verdicts) else open_term(m, "isinstance", v, kind)

    return lift(one, args.get(0), args.get(1))


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
            return isinstance(x, Mapping)
        if isinstance(t, tuple):
            return isinstance(x, Sequence) and x.kind in t
        if isinstance(x, Instance):
            return any(isinstance(b, Opaque) and b.text == k.name or isinstance(b, Class) and b.name == k.name for b in x.cls.mro())
        return isinstance(x, t) if not isinstance(x, Object) else False
    if isinstance(k, Class):
        return k in x.cls.mro() if isinstance(x, Instance) else None if isinstance(x, Opaque) and not x.kind else False
    if isinstance(k, Opaque):
        if isinstance(x, Opaque):
            return True if x.kind and x.kind.rsplit(".", 1)[-1] == k.text.rsplit(".", 1)[-1] else None
        if isinstance(x, Instance):
            return True if any(isinstance(b, Opaque) and b.text == k.text for b in x.cls.mro()) else None if x.base is not None else False
        if isinstance(x, PurePosixPath):
            return k.text.startswith(("pathlib.", "os.PathLike"))
        if isinstance(x, (Mapping, Sequence)) and k.text.startswith(("collections.", "typing.", "omegaconf.")):
            return None
        return None if isinstance(x, Object) and not isinstance(x, (Mapping, Sequence, Function)) else False
    return None


@builtin("issubclass")
def issubclass_(m: Machine, args: Arguments, node: Any) -> Value:
    a, b = object_of(args.get(0)), object_of(args.get(1))
    if isinstance(a, Class) and isinstance(b, Class):
        return Known(b in a.mro())
    return open_term(m, "issubclass", *args.positional)


@builtin("callable")
def callable_(m: Machine, args: Arguments, node: Any) -> Value:
    obj = object_of(args.get(0))
    if isinstance(obj, (Function, Bound, Builtin, Class)):
        return Known(True)
    return Known(False) if is_scalar(args.get(0)) else open_term(m, "callable", *args.positional)


@builtin("type")
def type_(m: Machine, args: Arguments, node: Any) -> Value:
    obj = object_of(args.get(0))
    if isinstance(obj, Instance):
        return Known(obj.cls)
    v = args.get(0)
    if isinstance(v, Known) and type(v.value).__name__ in BUILTINS:
        return BUILTINS[type(v.value).__name__]
    if isinstance(obj, (Sequence, Mapping)):
        return BUILTINS.get("dict" if isinstance(obj, Mapping) else obj.kind, Unknown("type of a collection"))
    return open_term(m, "type", *args.positional)


@builtin("eval")
def eval_(m: Machine, args: Arguments, node: Any) -> Value:
    source = args.get(0)
    text = source.value if isinstance(source, Known) and isinstance(source.value, str) else None
    if text is None or "(" in text:
        forget(m, "eval() may change it")
    return open_(m, args, node)


@builtin("id", "hash", "input", "compile", "memoryview", "__import__")
def open_(m: Machine, args: Arguments, node: Any) -> Value:
    m.risks += 1
    return Unknown("only the run knows what this call returns: " + (m.frame.scope.module.source.excerpt(node) if node is not None else "a call"))


@builtin("exec")
def exec_(m: Machine, args: Arguments, node: Any) -> Value:
    m.risks += 1
    forget(m, "exec() may change it")
    return Known(None)


def forget(m: Machine, why: str) -> None:
    """Code nobody read ran here: it may have assigned any name of the module and changed what those hold."""
    scope = m.frame.scope.module.scope
    for name, value in list(scope.slots.items()):
        obj = object_of(value) if isinstance(value, (Known, Default)) else None
        if not isinstance(name, str) or name.startswith("__") or isinstance(obj, (Function, Class, Module, Opaque)):
            continue
        if isinstance(obj, (Sequence, Mapping)):
            items = obj.state.items
            spoiled = {k: Unknown(why) for k in items} if isinstance(items, dict) else tuple(Unknown(why) for _ in items)
            m.write(obj, "state", Items(spoiled, why))
        elif isinstance(obj, Instance):
            for k in list(obj.slots):
                m.write(obj, k, Unknown(why))
        elif isinstance(value, (Known, Default, Either, Text)):
            m.write(scope, name, Unknown(why))


@builtin("print", "display", "breakpoint", "help")
def silent(m: Machine, args: Arguments, node: Any) -> Value:
    m.log("print", args, node)
    return Known(None)


@builtin("exit", "quit")
def exit_(m: Machine, args: Arguments, node: Any) -> Value:
    return Known(Opaque("exit()", "exit"))


@builtin("open")
def open_file(m: Machine, args: Arguments, node: Any) -> Value:
    m.risks += 1
    path = args.get(0, "file")
    return Known(Opaque(f"open({describe(path)})", "open", (path, args.get(1, "mode")), kind="file"), path.trace)


@builtin("object")
def object_(m: Machine, args: Arguments, node: Any) -> Value:
    return Known(Opaque("object()", "call", kind="object"))


for _name in ("staticmethod", "classmethod", "property"):
    BUILTINS[_name] = Known(Builtin(_name, lambda m, args, node: args.positional[0] if args.positional else Unknown("a descriptor")))
for _name in ("super", "globals", "locals", "vars", "dir"):
    BUILTINS[_name] = Known(Builtin(_name, lambda m, args, node: Unknown("names of a namespace")))
for _name in (
    "Exception BaseException ValueError TypeError KeyError IndexError RuntimeError NotImplementedError FileNotFoundError OSError IOError ImportError "
    "ModuleNotFoundError AttributeError StopIteration KeyboardInterrupt SystemExit AssertionError ZeroDivisionError NameError PermissionError "
    "Warning UserWarning DeprecationWarning FutureWarning MemoryError EOFError UnicodeDecodeError TimeoutError ConnectionError LookupError ArithmeticError"
).split():
    BUILTINS[_name] = Known(Opaque(_name))
BUILTINS["__name__"] = Unknown("__name__ outside of a module")
BUILTINS["bytes"] = BUILTINS["bytearray"] = Known(Builtin("bytes", lambda m, args, node: open_term(m, "bytes", *args.positional)))
BUILTINS["slice"] = Known(Builtin("slice", lambda m, args, node: Known(Sequence(tuple((args.positional + [Known(None)] * 3)[:3]) if len(args.positional) > 1 else (Known(None), *args.positional, Known(None)), "slice"))))


# -- strings ---------------------------------------------------------------------------------------------
def string_method(name: str) -> None:
    real = getattr(str, name)

    def run(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
        if isinstance(receiver, Text):
            return Known(Opaque(f"{describe(receiver)}.{name}({', '.join(describe(a) for a in args.positional)})", "call", (receiver, *args.positional), kind="str"), receiver.trace)
        return apply(m, f"{describe(receiver)}.{name}", lambda s, *a: real(s, *a), receiver, *args.positional, *args.keywords.values())

    METHODS["str", name] = run


for _name in [n for n in dir(str) if not n.startswith("_")]:
    string_method(_name)


@method("str", "join")
def join_text(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
    items = m.iterate(args.get(0), node)
    if items.open:
        if len(items.items) == 1 and isinstance(items.items[0], (Text, Known)):
            return Text((Unknown(f"{describe(receiver)}.join of {items.open}", (), [freeze(v) for v in items.items]),), receiver.trace)
        return Text((Unknown(f"joined: {items.open}", (), [freeze(v) for v in items.items]),), receiver.trace)
    parts: list[Value] = []
    for i, v in enumerate(items.items):
        if i:
            parts.append(receiver)
        parts.append(v)
    out = concatenate(parts)
    return demote(out, items.by) if items.by else out


@method("str", "format")
def format_text(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
    return lift(lambda r: fill(m, r, args.positional, args.keywords, args.unknown, node), receiver)


@method("str", "format_map")
def format_map(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
    state = m.mapping(args.get(0), node)
    return lift(lambda r: fill(m, r, [], state.items, state.open, node), receiver)


def fill(m: Machine, template: Value, positional: list[Value], keywords: dict[Any, Value], unknown: str, node: Any) -> Value:
    """`template.format(…)`, part by part."""
    if isinstance(template, Text):
        return concatenate([fill(m, Known(p), positional, keywords, unknown, node) if isinstance(p, str) else p for p in template.parts])
    if not isinstance(template, Known) or not isinstance(template.value, str):
        return Unknown(f"format of {describe(template)}")
    parts: list[Value] = []
    counter = 0
    try:
        for text, field, spec, conv in string_module.Formatter().parse(template.value):
            parts.append(Known(text))
            if field is None:
                continue
            first, rest = re.match(r"([^.\[]*)(.*)", field, re.S).groups()  # type: ignore[union-attr]
            if first == "":
                first, counter = str(counter), counter + 1
            if first.isdigit():
                value = positional[int(first)] if int(first) < len(positional) else None
            else:
                value = keywords.get(first)
            if value is None:
                m.certainly_raises("KeyError")
                value = Unknown(unknown or f"the placeholder {{{field}}} is not filled")
            for dot, name in re.findall(r"\.(\w+)|\[([^\]]+)\]", rest):
                value = m.attribute(value, dot, node) if dot else m.item(value, Known(int(name) if name.isdigit() else name), node)
            if spec and "{" in spec:
                spec = ""
            parts.append(to_text(value, conv or "", spec or ""))
    except ValueError as e:
        return Unknown(f"format raises ValueError: {e}")
    out = concatenate(parts)
    out.trace = out.trace or template.trace
    return out


def edge(name: str) -> None:
    """strip and its kin: on a text with holes they change only the literal ends."""

    def run(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
        if not isinstance(receiver, Text):
            return apply(m, f"{describe(receiver)}.{name}", lambda s, *a: getattr(s, name)(*a), receiver, *args.positional)
        chars = args.get(0)
        given = [chars.value] if isinstance(chars, Known) else []
        parts = list(receiver.parts)
        if name in ("strip", "lstrip") and parts and isinstance(parts[0], str):
            parts[0] = parts[0].lstrip(*given)
        if name in ("strip", "rstrip") and parts and isinstance(parts[-1], str):
            parts[-1] = parts[-1].rstrip(*given)
        return Text(tuple(p for p in parts if p != ""), receiver.trace)

    METHODS["str", name] = run


for _name in ("strip", "lstrip", "rstrip"):
    edge(_name)


@method("str", "replace")
def replace_text(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
    old, new = args.get(0), args.get(1)
    if isinstance(receiver, Known) and isinstance(receiver.value, str) and isinstance(old, Known) and not is_scalar(new) and not isinstance(new, (Default, Either)):
        parts: list[Value] = []
        for i, piece in enumerate(receiver.value.split(old.value) if old.value else [receiver.value]):
            if i:
                parts.append(new)
            parts.append(Known(piece))
        return concatenate(parts)
    if isinstance(receiver, Text) and isinstance(old, Known) and isinstance(old.value, str):
        pieces = [replace_text(m, Known(p), args, node) if isinstance(p, str) else p for p in receiver.parts]
        return concatenate(pieces)
    return apply(m, f"{describe(receiver)}.replace", lambda s, *a: s.replace(*a), receiver, *args.positional)


@method("str", "endswith", "startswith")
def ends(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
    name = getattr(node.func.attr, "value", "endswith") if node is not None and hasattr(node.func, "attr") else "endswith"
    if isinstance(receiver, Text):
        probe = args.get(0)
        edge_part = receiver.parts[-1 if name == "endswith" else 0]
        if isinstance(edge_part, str) and isinstance(probe, Known) and isinstance(probe.value, str) and len(edge_part) >= len(probe.value):
            return Known(getattr(edge_part, name)(probe.value))
        return term_of(name, receiver, probe)
    return apply(m, f"{describe(receiver)}.{name}", lambda s, *a: getattr(s, name)(*a), receiver, *args.positional)


@method("int float", "is_integer", "bit_length", "as_integer_ratio")
def number_method(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
    return apply(m, "number method", lambda x: getattr(x, node.func.attr.value)(), receiver)


@method("bytes", "decode")
def decode(m: Machine, receiver: Value, args: Arguments, node: Any) -> Value:
    return apply(m, "decode", lambda b, *a: b.decode(*a), receiver, *args.positional)
