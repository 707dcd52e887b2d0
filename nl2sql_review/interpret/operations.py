"""Operators, truth, text and snapshots over abstract values. No syntax here."""

from __future__ import annotations

import operator
from pathlib import PurePosixPath
from typing import Any, Callable

from ..values import MAX_OPTIONS, Absent, Default, Either, Known, Term, Text, Trace, Unknown, Value, join
from .machine import demote
from .objects import Builtin, Class, Function, Instance, Mapping, Object, Opaque, Row, Sequence

MAX_COMBINATIONS = 32
MAX_TEXT = 200_000  # characters a string of the script may grow to, and elements a repeated list
SCALARS = (str, int, float, bool, type(None), bytes, complex, type(Ellipsis), PurePosixPath)
SPECIAL_OPERANDS: list[Callable[[str, Any, Any], Any]] = []  # run(op, a, b) of models for operands of their own, or None

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "@": operator.matmul, "&": operator.and_, "|": operator.or_,
    "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
SHORT = {"model": "model", "transformers.PreTrainedTokenizer": "tokenizer"}  # how people call them
STRING_ATTRIBUTES = frozenset({"eos_token", "bos_token", "pad_token", "unk_token", "sep_token", "cls_token"})


# -- lifting ---------------------------------------------------------------------------------------------
def spread(value: Value) -> tuple[Value, ...]:
    return value.options if isinstance(value, Either) else (value,)


def lift(f: Callable[..., Value], *values: Value) -> Value:
    """Apply `f` to settled values: over every option of an Either, through a Default (the result is one too)."""
    for i, v in enumerate(values):
        if isinstance(v, Either):
            if combinations(values) > MAX_COMBINATIONS:
                return Unknown("too many combinations of values meet here", v.trace)
            out: Value | None = None
            for option in v.options:
                if isinstance(option, Absent):
                    continue
                r = lift(f, *values[:i], option, *values[i + 1 :])
                out = r if out is None else join(out, r, v.condition)
            return out if out is not None else Unknown("not assigned on any path", v.trace)
        if isinstance(v, Default):
            return demote(lift(f, *values[:i], Known(v.value, v.trace), *values[i + 1 :]), v.by)
    return f(*values)


def combinations(values: Any) -> int:
    product = 1
    for v in values:
        if isinstance(v, Either):
            product *= len(v.options)
    return product


# -- description -----------------------------------------------------------------------------------------
def describe(value: Value, limit: int = 60) -> str:
    """The value as source-like text, for terms and messages."""
    match value:
        case Known(v) | Default(v):
            return describe_plain(v, limit)
        case Term(text):
            return text
        case Text(parts):
            out = ""
            for p in parts:
                if len(out) > limit:
                    break
                out += p if isinstance(p, str) else "{" + describe(p, 20) + "}"
            return "f" + repr(out if len(out) <= limit else out[: limit - 1] + "…")
        case Either(options):
            return " or ".join(describe(o, limit) for o in options[:4])
    return "…"


def describe_plain(v: Any, limit: int) -> str:
    if isinstance(v, Opaque):
        return v.text
    if isinstance(v, (Function, Class, Builtin)):
        return v.name
    if isinstance(v, Instance):
        return v.cls.name + "(…)"
    if isinstance(v, Sequence):
        inner = ", ".join(describe(x, 20) for x in v.state.items[:8]) + (", …" if v.state.open or len(v.state.items) > 8 else "")
        return f"({inner})" if v.kind == "tuple" else f"[{inner}]"
    if isinstance(v, Object):
        return "{…}" if isinstance(v, Mapping) else "…"
    text = f"Path({str(v)!r})" if isinstance(v, PurePosixPath) else repr(v)
    return text if len(text) <= limit else text[: limit - 1] + "…"


# -- snapshots -------------------------------------------------------------------------------------------
def freeze(value: Value, depth: int = 6) -> Value:
    """The value as it stands now: containers become plain Python, mere terms become `Term`; objects stay live."""
    match value:
        case Known(v, trace) | Default(v, _, trace) if isinstance(v, Object):
            frozen = freeze_object(v, trace, depth)
            return demote(frozen, value.by) if isinstance(value, Default) else frozen
        case Either(options, condition, trace):
            return Either(tuple(freeze(o, depth) for o in options), condition, trace)
        case Text(parts, trace):
            return Text(tuple(p if isinstance(p, str) else freeze(p, depth) for p in parts), trace)
    return value


def freeze_object(v: Any, trace: Trace, depth: int) -> Value:
    if isinstance(v, Opaque) and v.head == "path":
        return freeze(v.args[0], depth)
    if isinstance(v, Row):
        return Term(v.text, "row", (Known(v),), trace)  # readers ask which data set it is a row of
    if isinstance(v, Opaque):
        if v.kind and v.kind not in ("row", "str"):
            return Known(v, trace)
        return Term(v.text, v.head, tuple(freeze(a, depth - 1) for a in v.args) if depth > 0 else (), trace)
    if isinstance(v, Instance) and v.cls.kind == "enum" and v.payload is not None:
        return freeze(v.payload, depth)
    if depth <= 0 or not isinstance(v, (Sequence, Mapping)):
        return Known(v, trace)
    state = v.state
    mapping = isinstance(v, Mapping)
    keys = list(state.items) if mapping else list(range(len(state.items)))
    parts = [freeze(state.items[k], depth - 1) for k in keys]
    shape = dict(zip(keys, parts)) if mapping else parts
    if state.open:
        return Unknown(state.open, trace, shape)
    if mapping and any(isinstance(p, Either) and any(isinstance(o, Absent) for o in p.options) for p in parts):
        return Unknown("some of its keys are set on one path only", trace, shape)
    by = state.by
    for k, p in zip(keys, parts):
        if isinstance(p, Default):
            by = by or p.by or "default"
        elif isinstance(p, Either):
            return spread_parts(shape, keys, parts, v, trace)
        elif not isinstance(p, Known) or isinstance(p.value, Object):
            why = p.why if isinstance(p, Unknown) else f"{describe(p)} is decided by the run"
            return Unknown(f"item {k!r}: {why}" if mapping else f"element {k + 1}: {why}", trace, shape)
    plain = [p.value for p in parts]
    whole: Any = dict(zip(keys, plain)) if mapping else tuple(plain) if v.kind == "tuple" else plain
    if v.kind in ("set", "frozenset"):
        whole = sorted(plain, key=str)
    return Default(whole, by, trace) if by else Known(whole, trace)


def spread_parts(shape: Any, keys: list[Any], parts: list[Value], v: Any, trace: Trace) -> Value:
    """A container one of whose elements is Either: one option for each, as long as there are few."""
    i = next(i for i, p in enumerate(parts) if isinstance(p, Either))
    options: Value | None = None
    for option in parts[i].options:  # type: ignore[union-attr]
        if isinstance(v, Mapping):
            whole = freeze_object(Mapping({k: (option if k == keys[i] else p) for k, p in zip(keys, parts)}), trace, 3)
        else:
            whole = freeze_object(Sequence(tuple(option if k == i else p for k, p in enumerate(parts)), v.kind), trace, 3)
        options = whole if options is None else join(options, whole, parts[i].condition)  # type: ignore[union-attr]
    if options is None or isinstance(options, Unknown) or isinstance(options, Either) and len(options.options) > MAX_OPTIONS:
        return Unknown("too many combinations of what its elements may be", trace, shape)
    return options


# -- truth -----------------------------------------------------------------------------------------------
def truth(value: Value) -> tuple[bool | None, str]:
    """(True, False or None when only the run decides; what may override it, "" when nothing)."""
    match value:
        case Known(v):
            return truth_of(v), v.state.by if isinstance(v, (Sequence, Mapping)) else ""
        case Default(v, by):
            return truth_of(v), by or "default"
        case Text(parts):
            return (True if any(isinstance(p, str) and p for p in parts) else None), ""
        case Either(options):
            verdicts = [truth(o) for o in options if not isinstance(o, Absent)]
            if verdicts and all(t is not None and t == verdicts[0][0] for t, _ in verdicts):
                return verdicts[0][0], next((by for _, by in verdicts if by), "")
    return None, ""


def truth_of(v: Any) -> bool | None:
    if isinstance(v, Opaque):
        return True if v.kind and v.kind not in ("row", "str", "datasets.Dataset") or isinstance(v, Row) else None
    if isinstance(v, (Sequence, Mapping)):
        state = v.state
        if state.open:
            return None if isinstance(v, Mapping) or not state.items else None
        if isinstance(v, Mapping) and state.items and all(isinstance(x, Either) and any(isinstance(o, Absent) for o in x.options) for x in state.items.values()):
            return None
        return bool(state.items)
    if isinstance(v, Instance):
        if v.payload is not None or v.cls.lookup("__bool__") or v.cls.lookup("__len__") or v.base is not None and v.base.kind.startswith("datasets"):
            return None
        return True
    if isinstance(v, Object):
        return True
    try:
        return bool(v)
    except Exception:
        return None


# -- operators -------------------------------------------------------------------------------------------
def is_scalar(value: Value) -> bool:
    return isinstance(value, Known) and isinstance(value.value, SCALARS)


def stringy(value: Value) -> bool:
    """Whether the value is text for certain, though its content may not be known."""
    if isinstance(value, Text) or isinstance(value, Known) and isinstance(value.value, str):
        return True
    obj = value.value if isinstance(value, Known) else None
    if isinstance(obj, Opaque):
        if obj.head == "attribute":
            return isinstance(obj.args[1], Known) and obj.args[1].value in STRING_ATTRIBUTES
        return obj.kind == "str"
    return False


def binary(op: str, a: Value, b: Value) -> Value:
    a, b = (v.value.payload if isinstance(v, Known) and isinstance(v.value, Instance) and v.value.payload is not None and is_mixed(v.value) else v for v in (a, b))
    return lift(lambda x, y: binary_settled(op, x, y), a, b)


def binary_settled(op: str, a: Value, b: Value) -> Value:
    for special in SPECIAL_OPERANDS:
        found = special(op, a, b)
        if found is not None:
            return found
    if is_scalar(a) and is_scalar(b):
        return scalar(op, a, b)
    for v in (a, b):
        if isinstance(v, (Unknown, Absent)):
            if op == "+" and (isinstance(a, Text) or isinstance(b, Text) or stringy(a) or stringy(b)):
                break
            return Unknown(v.why, v.trace)
    x, y = (v.value if isinstance(v, Known) else None for v in (a, b))
    if op == "+" and (stringy(a) or stringy(b)):
        return concatenate([a, b])
    if op == "*" and isinstance(a, Text):
        return Text((term_of(op, a, b),), a.trace)
    if op == "%" and stringy(a):
        return percent(a, b)
    if isinstance(x, Sequence) and isinstance(y, Sequence) and op == "+" and x.kind == y.kind:
        return Known(Sequence(x.state.items + y.state.items, x.kind, x.state.open or y.state.open, x.state.by or y.state.by), a.trace)
    if isinstance(x, Sequence) and op == "*" and isinstance(y, int) and x.kind in ("list", "tuple"):
        if len(x.state.items) * y > 1000:
            return Known(Sequence(x.state.items, x.kind, "a long repeated list"), a.trace)
        return Known(Sequence(x.state.items * y, x.kind, x.state.open, x.state.by), a.trace)
    if isinstance(x, Mapping) and isinstance(y, Mapping) and op == "|":
        return Known(Mapping({**x.state.items, **y.state.items}, x.state.open or y.state.open, x.kind, x.state.by or y.state.by), a.trace)
    if op in ("==", "!="):
        verdict = equal(a, b)
        if verdict is not None:
            return Known(verdict if op == "==" else not verdict)
    if isinstance(x, Sequence) and isinstance(y, Sequence):
        return sequences(op, x, y)
    if isinstance(a, Text) or isinstance(b, Text) or isinstance(x, Opaque) or isinstance(y, Opaque) or isinstance(a, Term) or isinstance(b, Term):
        return term_of(op, a, b)
    return Unknown(f"{describe(a)} {op} {describe(b)} is not modelled", a.trace)


def scalar(op: str, a: Known, b: Known) -> Value:
    x, y = a.value, b.value
    if op == "**" and (abs(x if isinstance(x, (int, float)) else 0) > 1e6 or abs(y if isinstance(y, (int, float)) else 0) > 1000):
        return Unknown("a very large power", a.trace)
    if op in ("*", "<<") and (isinstance(x, str) and isinstance(y, int) and len(x) * y > MAX_TEXT or isinstance(y, str) and isinstance(x, int) and len(y) * x > MAX_TEXT or op == "<<" and isinstance(y, int) and y > 4096):
        return Unknown("a very long value", a.trace)
    try:
        return Known(BINARY[op](x, y), merged_trace(a, b))
    except Exception as e:
        return Unknown(f"{describe(a)} {op} {describe(b)} raises {type(e).__name__}", a.trace)


def merged_trace(a: Value, b: Value) -> Trace:
    """The way of a computed value: both operands', the first one's first."""
    return a.trace + tuple(p for p in b.trace if p not in a.trace) if b.trace else a.trace


def term_of(op: str, *operands: Value) -> Value:
    if len(operands) == 1:
        text = f"{op} {wrapped(operands[0])}" if op == "not" else op + wrapped(operands[0])
    else:
        text = f" {op} ".join(wrapped(o) for o in operands)
    head = op if op in ("not", "or", "and") else "op"
    trace = operands[0].trace
    return Known(Opaque(text if len(text) < 400 else text[:399] + "…", head, tuple(operands)), trace)


def wrapped(value: Value) -> str:
    obj = value.value if isinstance(value, (Known, Default)) else None
    text = describe(value)
    return f"({text})" if isinstance(obj, Opaque) and obj.head in ("op", "or", "and", "not") else text


def equal(a: Value, b: Value) -> bool | None:
    x, y = a.value if isinstance(a, Known) else a, b.value if isinstance(b, Known) else b
    if x is y and not isinstance(x, Opaque):
        return True
    if isinstance(a, Text) or isinstance(b, Text):
        return None
    if isinstance(x, Instance) and x.cls.kind == "enum" or isinstance(y, Instance) and y.cls.kind == "enum":
        px, py = (enum_value(v) for v in (x, y))
        if isinstance(x, Instance) and isinstance(y, Instance):
            return x is y if x.cls is y.cls else False
        if any(is_mixed(v) for v in (x, y)):
            return px == py if px is not None and py is not None else None
        return False
    if isinstance(x, Opaque) or isinstance(y, Opaque):
        return None if not (isinstance(x, Opaque) and x.kind and y is None or isinstance(y, Opaque) and y.kind and x is None) else False
    fx, fy = freeze(a), freeze(b)
    if isinstance(fx, Known) and isinstance(fy, Known) and not isinstance(fx.value, Object) and not isinstance(fy.value, Object):
        return bool(fx.value == fy.value)
    if isinstance(fx, Known) and isinstance(fy, Known):
        if isinstance(fx.value, Instance) or isinstance(fy.value, Instance):
            return equal_instances(fx.value, fy.value)
        return False if type(fx.value) is not type(fy.value) else None
    return None


def is_mixed(v: Any) -> bool:
    """Whether an enum member is also a str or int, and compares and calculates like one."""
    return isinstance(v, Instance) and v.cls.kind == "enum" and any(isinstance(b, Opaque) and b.text in MIXINS for b in v.cls.mro())


MIXINS = ("str", "int", "float", "enum.StrEnum", "enum.IntEnum", "enum.IntFlag")


def equal_instances(x: Any, y: Any) -> bool | None:
    if not (isinstance(x, Instance) and isinstance(y, Instance)):
        other = x if isinstance(y, Instance) else y
        mine = y if isinstance(y, Instance) else x
        return False if other is None or mine.cls.kind in ("class", "dataclass") and mine.base is None and not isinstance(other, Object) else None
    if x.cls.kind == "class" and x.base is None and y.base is None:
        return x is y
    if x.cls is not y.cls:
        return False if x.cls.kind == y.cls.kind == "dataclass" else None
    verdicts = [equal(x.slots[f], y.slots[f]) if f in x.slots and f in y.slots else None for f in x.cls.fields]
    return False if False in verdicts else None if None in verdicts else True


def enum_value(v: Any) -> Any:
    return v.payload.value if isinstance(v, Instance) and isinstance(v.payload, Known) else None if isinstance(v, Object) else v


def sequences(op: str, x: Sequence, y: Sequence) -> Value:
    fx, fy = freeze(Known(x)), freeze(Known(y))
    if isinstance(fx, Known) and isinstance(fy, Known) and op in BINARY:
        a, b = (set(v.value) if s.kind in ("set", "frozenset") else v.value for v, s in ((fx, x), (fy, y)))
        try:
            r = BINARY[op](a, b)
        except Exception as e:
            return Unknown(f"raises {type(e).__name__}")
        if isinstance(r, set):
            return Known(Sequence(tuple(Known(v) for v in sorted(r, key=str)), "set"))
        if isinstance(r, SCALARS):
            return Known(r)
    return Unknown(f"{op} of two collections that are not wholly known")


# -- text ------------------------------------------------------------------------------------------------
def concatenate(values: list[Value]) -> Value:
    """Strings and holes joined into one; Known when nothing is left open, Default when a part is."""
    for i, v in enumerate(values):
        if isinstance(v, Default) and isinstance(v.value, SCALARS):
            return demote(concatenate([*values[:i], Known(v.value, v.trace), *values[i + 1 :]]), v.by)
        if isinstance(v, Either) and combinations(values) <= MAX_OPTIONS and all(isinstance(o, (Known, Text)) for o in v.options):
            return lift(lambda o, i=i: concatenate([*values[:i], o, *values[i + 1 :]]), v)
    parts: list[Any] = []
    trace: Trace = ()
    for v in values:
        trace = trace or v.trace
        for p in v.parts if isinstance(v, Text) else (v.value,) if isinstance(v, Known) and isinstance(v.value, str) else (v,):
            if isinstance(p, str) and parts and isinstance(parts[-1], str):
                parts[-1] += p
            elif p != "":
                parts.append(p)
    if all(isinstance(p, str) for p in parts):
        whole = "".join(parts)
        return Known(whole, trace) if len(whole) <= MAX_TEXT else Unknown("a very long text", trace)
    return Text(tuple(parts), trace)


def to_text(value: Value, conversion: str = "", spec: str = "") -> Value:
    """What `f"{value!conversion:spec}"` puts into a string."""

    def settled(v: Value) -> Value:
        if is_scalar(v):
            try:
                x = v.value  # type: ignore[union-attr]
                x = {"r": repr, "s": str, "a": ascii}[conversion](x) if conversion else x
                return Known(format(x, spec), v.trace)
            except Exception as e:
                return Unknown(f"format raises {type(e).__name__}", v.trace)
        if isinstance(v, Text) and conversion != "r" and not spec:
            return v
        obj = v.value if isinstance(v, Known) else None
        if isinstance(obj, Opaque) and obj.head == "path" and conversion != "r" and not spec:
            return obj.args[0]
        if isinstance(obj, (Sequence, Mapping)):
            f = freeze(v)
            if isinstance(f, Known) and not spec and not (isinstance(obj, Sequence) and obj.kind not in ("list", "tuple")):
                return Known(str(f.value), v.trace)
        if isinstance(obj, Instance) and obj.cls.kind == "enum" and obj.payload is not None:
            return Text((v,), v.trace)
        return Text((v,), v.trace)

    return lift(settled, value)


def percent(template: Value, argument: Value) -> Value:
    """`template % argument` where something is a hole."""
    if not (isinstance(template, Known) and isinstance(template.value, str)):
        return term_of("%", template, argument)
    import re

    obj = argument.value if isinstance(argument, Known) else None
    values = list(obj.state.items) if isinstance(obj, Sequence) and obj.kind == "tuple" else [argument]
    parts: list[Value] = []
    end = 0
    for m in re.finditer(r"%(?:\((\w+)\))?([-#0 +]*\d*(?:\.\d+)?)([sdifgrxec%])", template.value):
        parts.append(Known(template.value[end : m.start()]))
        end = m.end()
        if m.group(3) == "%":
            parts.append(Known("%"))
            continue
        if m.group(1) is not None:
            v = obj.state.items.get(m.group(1)) if isinstance(obj, Mapping) else None
        else:
            v = values.pop(0) if values else None
        if v is None:
            return Unknown("a % placeholder without a value", template.trace)
        parts.append(lift(lambda x, m=m: percent_one(m.group(2) + m.group(3), x), v))
    parts.append(Known(template.value[end:]))
    return concatenate(parts)


def percent_one(spec: str, value: Value) -> Value:
    if is_scalar(value):
        try:
            return Known(("%" + spec) % (value.value,), value.trace)  # type: ignore[union-attr]
        except Exception as e:
            return Unknown(f"% formatting raises {type(e).__name__}", value.trace)
    return to_text(value)


def attribute_term(owner: Value, name: str, kind: str = "") -> Value:
    obj = owner.value if isinstance(owner, (Known, Default)) else None
    base = SHORT.get(obj.kind, obj.text) if isinstance(obj, Opaque) else describe(owner)
    if isinstance(obj, Opaque) and obj.head in ("op", "or", "and", "not"):
        base = f"({base})"
    head = "symbol" if isinstance(obj, Opaque) and obj.head == "symbol" else "attribute"
    return Known(Opaque(f"{base}.{name}", head, (owner, Known(name)), kind), owner.trace)


def item_term(owner: Value, key: Value) -> Value:
    obj = owner.value if isinstance(owner, Known) else None
    base = obj.text if isinstance(obj, Opaque) else describe(owner)
    return Known(Opaque(f"{base}[{describe(key)}]", "item", (owner, key)), owner.trace)


