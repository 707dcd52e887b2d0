"""Plain functions lifted to abstract values; truth, description and snapshots of values. No syntax here."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import PurePosixPath
from typing import Any, Callable, TypeGuard, Union

from ...training_plan.values import (
    MAX_OPTIONS,
    Absent,
    Default,
    Either,
    Known,
    Term,
    Text,
    Trace,
    Unknown,
    Value,
    is_optional,
    join,
    traced,
)
from . import sizes
from .datasets import Row
from .joins import demote
from .objects import REPLACED, Builtin, Class, Function, Instance, Mapping, Object, Opaque, Sequence

Shape = Union[list[Value], dict[Any, Value]]  # what a container holds, each frozen
MAX_COMBINATIONS = 32
DEPTH = 6  # of containers in containers that a snapshot follows
SCALARS = (str, int, float, bool, type(None), bytes, complex, type(Ellipsis), PurePosixPath)
# Models of operators on operands of their own: run(op, a, b), which returns None for all others.
SPECIAL_OPERANDS: list[Callable[[str, Any, Any], Any]] = []

SHORT = {"model": "model", "transformers.PreTrainedTokenizer": "tokenizer"}  # how people call them
STRING_ATTRIBUTES = frozenset({"eos_token", "bos_token", "pad_token", "unk_token", "sep_token", "cls_token"})


# -- lifting ---------------------------------------------------------------------------------------------
def lift(f: Callable[..., Value], *values: Value) -> Value:
    """Apply `f` to settled values: to every option of an Either, and through a Default (the result is one too)."""
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
            return demote(lift(f, *values[:i], Known(v.value, v.trace), *values[i + 1 :]), v.overridden_by)
    made = f(*values)
    if isinstance(made, Known):
        try:
            sizes.result(made.value)
        except sizes.TooMuch as error:
            return Unknown(str(error), made.trace)
    return made


def combinations(values: Iterable[Value]) -> int:
    product = 1
    for v in values:
        if isinstance(v, Either):
            product *= len(v.options)
    return product


COUNTED = "how many there are is known only at run time: "
ROWS_OF_BATCH = "how many rows a batch has is known only at run time"  # at least one
SET_ANYWHERE = "an element is replaced at a position known only at run time"
PART = ", without some of its elements"


def without_some(why: str) -> str:
    """Return why a list is open of which elements are taken out, or change their places."""
    return why and why.removesuffix(PART) + PART


GENERATED = "what a generator yields depends on the run"


# -- description -----------------------------------------------------------------------------------------
# The project's folder during the reading of a script: a reader of the report knows its files by their paths below it.
_ROOT: ContextVar[str] = ContextVar("root", default="")


@contextmanager
def shown_below(root: str) -> Iterator[None]:
    """Show paths below a folder without it, in the texts made inside this context."""
    token = _ROOT.set(root.rstrip("/") + "/")
    try:
        yield
    finally:
        _ROOT.reset(token)


def describe(value: Value, limit: int = 60) -> str:
    """Return the value as source-like text, for terms and messages."""
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
                out += _below(p) if isinstance(p, str) else "{" + describe(p, 20) + "}"
            return "f" + repr(out if len(out) <= limit else out[: limit - 1] + "…")
        case Either(options):
            return " or ".join(describe(o, limit) for o in options[:4])
    return "…"


def describe_plain(v: object, limit: int) -> str:
    if isinstance(v, Opaque):
        return v.text
    if isinstance(v, (Function, Class, Builtin)):
        return v.name
    if isinstance(v, Instance):
        return v.cls.name + "(…)"
    if isinstance(v, Sequence):
        if v.state.why_incomplete.startswith(COUNTED):  # a comprehension over something of the run
            return f"[… in {v.state.why_incomplete[len(COUNTED) :]}]"
        less = 20 if limit > 20 else 8 if limit > 8 else 0  # of what it holds, and less of what that holds
        if not less:
            return "(…)" if v.kind == "tuple" else "[…]"
        inner = ", ".join(describe(x, less) for x in v.state.items[:8]) + (
            ", …" if v.state.why_incomplete or len(v.state.items) > 8 else ""
        )
        return f"({inner})" if v.kind == "tuple" else f"[{inner}]"
    if isinstance(v, Object):
        return "{…}" if isinstance(v, Mapping) else "…"
    text = f"Path({_below(str(v))!r})" if isinstance(v, PurePosixPath) else repr(_below(v) if isinstance(v, str) else v)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _below(text: str) -> str:
    root = _ROOT.get()
    return text[len(root) :] or "." if root and text.startswith(root) else text


# -- snapshots -------------------------------------------------------------------------------------------
Frozen = dict[tuple[int, int], Value]  # of one call: what an object became at a depth, as many may share it


def in_each(f: Callable[[Known], Value], value: Value) -> Value:
    """Apply `f` to what is known: in every option of an Either, and behind a Default, which stays one."""
    match value:
        case Known():
            return f(value)
        case Default(v, by, trace):
            return demote(in_each(f, Known(v, trace)), by)
        case Either(options, condition, trace):
            return Either(tuple(in_each(f, option) for option in options), condition, trace)
    return value


def mapped(f: Callable[[Value], Value], value: Known) -> Known:
    """Return a list or mapping with `f` applied to each of its values; any other value unchanged."""
    obj = value.value
    if isinstance(obj, Sequence):
        items, why, by = obj.state
        return Known(Sequence(tuple(map(f, items)), obj.kind, why, by), value.trace)
    if isinstance(obj, Mapping):
        state = obj.state
        made = {key: f(one) for key, one in state.items.items()}
        return Known(Mapping(made, state.why_incomplete, obj.kind, state.overridden_by), value.trace)
    return value


def freeze(value: Value, depth: int = DEPTH, done: Frozen | None = None) -> Value:
    """Return a snapshot: containers become plain Python, mere terms become `Term`; objects stay live."""
    done = {} if done is None else done
    match value:
        case Known(v, trace) | Default(v, _, trace) if isinstance(v, Object):
            shared = isinstance(v, (Sequence, Mapping)) or isinstance(v, Opaque) and v.operation != "path"
            frozen = done.get((id(v), depth)) if shared else None
            if frozen is None:
                frozen = done[id(v), depth] = freeze_object(v, trace, depth, done)
            elif frozen.trace != trace:
                frozen = traced(frozen, trace)
            return demote(frozen, value.overridden_by) if isinstance(value, Default) else frozen
        case Either(options, condition, trace):
            made = tuple(freeze(o, depth, done) for o in options)
            test = freeze(value.test, depth, done) if value.test is not None else None
            unchanged = test is value.test and all(map(operator.is_, made, options))
            return value if unchanged else Either(made, condition, trace, test)
        case Text(parts, trace):
            held = tuple(p if isinstance(p, str) else freeze(p, depth, done) for p in parts)
            return Text(held, trace, value.overridden_by)
    return value


def thaw(value: Value) -> Value:
    """Turn the plain containers that `freeze` made back into objects, which have methods."""
    if not isinstance(value, (Known, Default)) or not isinstance(value.value, (dict, list, tuple, set, frozenset)):
        return value
    plain = value.value
    if isinstance(plain, dict):
        made: Value = Known(Mapping({key: thaw(Known(one)) for key, one in plain.items()}), value.trace)
    else:
        made = Known(Sequence(tuple(thaw(Known(one)) for one in plain), type(plain).__name__), value.trace)
    return demote(made, value.overridden_by) if isinstance(value, Default) else made


def freeze_object(v: object, trace: Trace, depth: int, done: Frozen) -> Value:
    if isinstance(v, Opaque) and v.operation == "path":
        return freeze(v.args[0], depth, done)
    if isinstance(v, Row):
        return Term(v.text, "row", (Known(v),), trace)  # readers ask which dataset it is a row of
    if isinstance(v, Opaque):
        if v.kind and v.kind not in ("row", "str"):
            return Known(v, trace)
        args = tuple(freeze(a, depth - 1, done) for a in v.args) if depth > 0 else ()
        term = Term(v.text, v.operation, args, trace, v.place)
        replaced = v.slots.get(REPLACED)
        if replaced is None:
            return term
        # A condition asks of the list as it was, `if ids: ids[-1] = eos`: of what is replaced it would hold itself.
        as_it_was: Frozen = {(id(v), level): term for level in range(DEPTH + 1)}
        return Unknown(words_of(replaced), trace, [with_replaced(term, replaced, as_it_was)])
    if isinstance(v, Instance) and v.cls.kind == "enum" and v.payload is not None:
        return freeze(v.payload, depth, done)
    if depth <= 0 or not isinstance(v, (Sequence, Mapping)):
        return Known(v, trace)
    if isinstance(v, Sequence) and v.frozen is not None and v.frozen[0] is v.state:
        return copied(v.frozen[1], trace)
    items = list(v.state.items.values()) if isinstance(v, Mapping) else v.state.items
    parts = [freeze(item, depth - 1, done) for item in items]
    frozen = assembled(v, parts, trace)
    if isinstance(v, Sequence) and all(part is item for part, item in zip(parts, items)):  # none that may change
        v.frozen = v.state, frozen
        return copied(frozen, trace)
    return frozen


def with_replaced(term: Term, replaced: Value, as_it_was: Frozen) -> Value:
    """Return a list of a library as an expression that says which of its elements the script replaces."""
    if isinstance(replaced, Either):
        test = freeze(replaced.test, done=dict(as_it_was)) if replaced.test is not None else None
        options = tuple(with_replaced(term, option, as_it_was) for option in replaced.options)
        return Either(options, replaced.condition, term.trace, test)
    obj = replaced.value if isinstance(replaced, Known) else None
    if isinstance(obj, Opaque):
        earlier, key, value = obj.args
        return Term(obj.text, "replaced", (with_replaced(term, earlier, as_it_was), freeze(key), value), term.trace)
    return term if isinstance(replaced, Absent) else Unknown(words_of(replaced), term.trace, [term])


def words_of(replaced: Value) -> str:
    """Return words for the elements of a list that the script replaces."""
    if isinstance(replaced, Either):
        return "; ".join(words_of(option) for option in replaced.options if not isinstance(option, Absent))
    return replaced.why or describe(replaced)


def copied(frozen: Value, trace: Trace) -> Value:
    """What is remembered of a container, as somebody else's who may change the list that it holds."""
    if isinstance(frozen, Unknown):
        return Unknown(frozen.why, trace, list(frozen.parts))
    if isinstance(frozen, Either):
        return Either(tuple(copied(option, option.trace) for option in frozen.options), frozen.condition, trace)
    if isinstance(frozen, (Known, Default)) and isinstance(frozen.value, list):
        whole = list(frozen.value)
        return Default(whole, frozen.overridden_by, trace) if isinstance(frozen, Default) else Known(whole, trace)
    return traced(frozen, trace)


def lists_all(value: Unknown) -> bool:
    """Return whether the parts of a frozen container are all that it holds, and only what one of them is is unknown."""
    return value.why.startswith(("item ", "element "))


def assembled(v: Sequence | Mapping, parts: list[Value], trace: Trace) -> Value:
    """What a container is whose elements have been frozen."""
    state = v.state
    mapping = isinstance(v, Mapping)
    keys = list(state.items) if mapping else list(range(len(parts)))
    shape = dict(zip(keys, parts)) if mapping else parts
    if state.why_incomplete:
        return Unknown(state.why_incomplete, trace, shape)
    if mapping and any(is_optional(p) for p in parts):
        return Unknown("some of its keys are set on only one path", trace, shape)
    by = state.overridden_by
    for k, p in zip(keys, parts):
        if isinstance(p, Default) and not isinstance(p.value, Object):
            by = by or p.overridden_by or "default"
        elif isinstance(p, Either):
            return spread_parts(shape, keys, parts, v, trace)
        elif not isinstance(p, Known) or isinstance(p.value, Object):
            why = p.why if isinstance(p, Unknown) else f"{describe(p)} is decided at run time"
            return Unknown(f"item {k!r}: {why}" if mapping else f"element {k + 1}: {why}", trace, shape)
    plain = [p.value for p in parts if isinstance(p, (Known, Default))]  # all are: of any other kind it has returned
    whole: Any = dict(zip(keys, plain)) if mapping else tuple(plain) if v.kind == "tuple" else plain
    if v.kind in ("set", "frozenset"):
        whole = sorted(plain, key=str)
    return Default(whole, by, trace) if by else Known(whole, trace)


def spread_parts(shape: Shape, keys: list[Any], parts: list[Value], v: Sequence | Mapping, trace: Trace) -> Value:
    """Split a container with an Either as an element into one option for each choice, if they are few."""
    if 2 ** sum(isinstance(p, Either) for p in parts) > MAX_OPTIONS:
        return Unknown("too many combinations of possible elements", trace, shape)
    i, either = next((i, p) for i, p in enumerate(parts) if isinstance(p, Either))
    options: Value | None = None
    for option in either.options:
        if isinstance(v, Mapping):
            whole = freeze_object(
                Mapping({k: (option if k == keys[i] else p) for k, p in zip(keys, parts)}), trace, 3, {}
            )
        else:
            whole = freeze_object(
                Sequence(tuple(option if k == i else p for k, p in enumerate(parts)), v.kind), trace, 3, {}
            )
        options = whole if options is None else join(options, whole, either.condition)
    if (
        options is None
        or isinstance(options, Unknown)
        or isinstance(options, Either)
        and len(options.options) > MAX_OPTIONS
    ):
        return Unknown("too many combinations of possible elements", trace, shape)
    return options


# -- truth -----------------------------------------------------------------------------------------------
FEW = 4  # parts of an `and` or `or`


def truth(value: Value, depth: int = 4) -> tuple[bool | None, str]:
    """Return (True, False or None if only the run decides; the name of a possible override, "" if there is none).

    What `and` and `or` hold deeper than `depth` is not asked, nor what the parts of a long one hold: it may be the same
    expression again and again.
    """
    match value:
        case Known(v):
            return truth_of(v, depth), v.state.overridden_by if isinstance(v, (Sequence, Mapping)) else ""
        case Default(v, by):
            return truth_of(v, depth), by or "default"
        case Text(parts):
            return (True if any(isinstance(p, str) and p for p in parts) else None), ""
        case Either(options):
            verdicts = [truth(o, depth) for o in options if not isinstance(o, Absent)]
            if verdicts and all(t is not None and t == verdicts[0][0] for t, _ in verdicts):
                return verdicts[0][0], next((by for _, by in verdicts if by), "")
    return None, ""


def truth_of(v: object, depth: int) -> bool | None:
    if isinstance(v, Opaque):
        if v.operation in ("and", "or") and depth:  # `x and False` is false and `x or True` true, whatever x is
            decided = v.operation == "or"
            below = depth - 1 if len(v.args) <= FEW else 0
            if any(truth(a, below) == (decided, "") for a in v.args):
                return decided
        return True if v.kind and v.kind not in ("row", "str", "datasets.Dataset") or isinstance(v, Row) else None
    if isinstance(v, (Sequence, Mapping)):
        state = v.state
        if state.why_incomplete:
            some = isinstance(v, Sequence) and state.items and not any(map(is_optional, state.items))
            return True if some and state.why_incomplete == ROWS_OF_BATCH else None
        if isinstance(v, Mapping) and state.items and all(is_optional(x) for x in state.items.values()):
            return None
        return bool(state.items)
    if isinstance(v, Instance):
        if (
            v.payload is not None
            or v.cls.lookup("__bool__")
            or v.cls.lookup("__len__")
            or v.base is not None
            and v.base.kind.startswith("datasets")
        ):
            return None
        return True
    if isinstance(v, Object):
        return True
    try:
        return bool(v)
    except Exception:
        return None


def is_scalar(value: Value) -> TypeGuard[Known]:
    return isinstance(value, Known) and isinstance(value.value, SCALARS)


def term_of(op: str, *operands: Value) -> Value:
    if len(operands) == 1:
        text = f"{op} {wrapped(operands[0])}" if op == "not" else op + wrapped(operands[0])
    else:
        text = f" {op} ".join(wrapped(o) for o in operands)
    operation = op if op in ("not", "or", "and") else "op"
    trace = operands[0].trace
    first = operands[0].value if isinstance(operands[0], Known) else None
    if operation in ("or", "and") and isinstance(first, Opaque) and first.operation == operation:
        operands = (*first.args, *operands[1:])  # `a or b or c`, so that a long chain is not a deep one
    return Known(Opaque(text, operation, tuple(operands)), trace)


def wrapped(value: Value) -> str:
    obj = value.value if isinstance(value, (Known, Default)) else None
    text = describe(value)
    return f"({text})" if isinstance(obj, Opaque) and obj.operation in ("op", "or", "and", "not") else text


def attribute_term(owner: Value, name: str, kind: str = "") -> Value:
    obj = owner.value if isinstance(owner, (Known, Default)) else None
    base = SHORT.get(obj.kind, obj.text) if isinstance(obj, Opaque) else describe(owner)
    if isinstance(obj, Opaque) and obj.operation in ("op", "or", "and", "not"):
        base = f"({base})"
    operation = "symbol" if isinstance(obj, Opaque) and obj.operation == "symbol" else "attribute"
    return Known(Opaque(f"{base}.{name}", operation, (owner, Known(name)), kind), owner.trace)


def item_term(owner: Value, key: Value) -> Value:
    obj = owner.value if isinstance(owner, Known) else None
    base = obj.text if isinstance(obj, Opaque) else describe(owner)
    return Known(Opaque(f"{base}[{describe(key)}]", "item", (owner, key)), owner.trace)


def plain_key(key: Value) -> tuple[Any] | None:
    """The key as a hashable plain value in a tuple, or None. Enum members and classes are their own keys."""
    frozen = freeze(key)
    if isinstance(frozen, (Known, Default)):
        try:
            hash(frozen.value)
        except TypeError:
            return None
        return (frozen.value,)
    if isinstance(frozen, Term) and frozen.operation == "symbol":
        return (frozen.text,)
    return None
