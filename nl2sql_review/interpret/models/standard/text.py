"""Models of string.Template, textwrap and re: functions over known text.

The real function is applied to short inputs only: a regular expression of the reviewed code may run forever on a
long one, so only patterns without nested repetition are tried, on texts of limited length.
"""

from __future__ import annotations

import re
import string
import textwrap
from typing import TYPE_CHECKING, Any, Callable

from ....source.literals import literal
from ....training_plan.values import Absent, Known, Text, Unknown, Value
from ...core.library import METHOD_MODELS, method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Builtin, Items, Opaque, Sequence, object_of
from ...core.operations import describe, lift
from ...core.sizes import MAX_TEXT
from ...python.builtins import apply, charge_copy, open_term, rebuild
from ...python.operators import binary
from ...python.texts import as_value, concatenate, to_text
from .match_cost import cost

if TYPE_CHECKING:
    import libcst as cst

# -- string.Template -------------------------------------------------------------------------------------
TEMPLATE = "string.Template"


@model(TEMPLATE)
def template(call: ModelCall) -> Value:
    text = call.arguments.get(0, "template")
    return Known(Opaque(f"string.Template({describe(text)})", "call", (text,), TEMPLATE), text.trace)


@method_model(TEMPLATE, "substitute", "safe_substitute")
def substitute(call: ModelCall) -> Value:
    args = call.arguments
    state = call.machine.mapping(args.get(0, "mapping"), call.node) if args.positional else Items({})
    values = {**state.items, **args.keywords}
    why = state.why_incomplete or args.unknown
    safe = call.callee.endswith("safe_substitute")

    def fill(text: Value) -> Value:
        if not isinstance(text, Known) or not isinstance(text.value, str):
            return Unknown(f"a template of {describe(text)}", text.trace)
        parts: list[Value] = []
        end = 0
        for hole in string.Template.pattern.finditer(text.value):
            parts.append(Known(text.value[end : hole.start()]))
            end = hole.end()
            name = hole.group("named") or hole.group("braced")
            if hole.group("escaped") is not None:
                parts.append(Known("$"))
            elif name in values:
                parts.append(to_text(values[name]))
            elif why and name is not None:
                parts.append(Unknown(why))
            elif safe:
                parts.append(Known(hole.group(0)))
            else:
                call.machine.certainly_raises("KeyError" if name is not None else "ValueError")
                return Unknown(f"the placeholder {hole.group(0)} is not filled", text.trace)
        return concatenate([*parts, Known(text.value[end:], text.trace)])

    return lift(fill, call.owner.args[0])


# -- textwrap --------------------------------------------------------------------------------------------
@model("textwrap.dedent", "inspect.cleandoc")
def dedent(call: ModelCall) -> Value:
    """Remove the margin, also from a text with holes, unless a hole starts a line and so decides the margin's width."""
    f: Callable[[str], str] = textwrap.dedent if call.callee.endswith("dedent") else cleandoc

    def one(text: Value) -> Value:
        if isinstance(text, Text):
            marks = [part if isinstance(part, str) else f"\0{i}\0" for i, part in enumerate(text.parts)]
            if any("\0" in p for p in text.parts if isinstance(p, str)):
                return open_term(call.machine, call.callee, text)
            pieces = re.split(r"\0(\d+)\0", f("".join(marks)))
            return concatenate(
                [Known(piece) if i % 2 == 0 else as_value(text.parts[int(piece)]) for i, piece in enumerate(pieces)]
            )
        return apply(call.machine, call.callee, f, text)

    return lift(one, call.arguments.get(0, "text", "doc"))


def cleandoc(text: str) -> str:
    import inspect

    return inspect.cleandoc(text)


@model("textwrap.shorten", "textwrap.fill", "textwrap.indent", "textwrap.wrap")
def wrap(call: ModelCall) -> Value:
    args = call.arguments
    f = getattr(textwrap, call.callee.rsplit(".", 1)[-1])
    text = args.get(0, "text")
    if isinstance(text, Text) or args.unknown:
        return open_term(call.machine, call.callee, *args.positional)
    names = list(args.keywords)
    return apply(
        call.machine,
        call.callee,
        lambda *vs: f(*vs[: len(args.positional)], **dict(zip(names, vs[len(args.positional) :]))),
        *args.positional,
        *args.keywords.values(),
    )


# -- re --------------------------------------------------------------------------------------------------
MAX_PATTERN, MAX_SUBJECT = 300, 4_000
MATCH, PATTERN = "re.Match", "re.Pattern"
FLAGS = {
    name: int(getattr(re, name))
    for name in ("I", "IGNORECASE", "M", "MULTILINE", "S", "DOTALL", "X", "VERBOSE", "A", "ASCII")
}


def harmless(m: Machine, pattern: object, subject: object, flags: int | None, everywhere: bool = True) -> bool:
    """Return whether a pattern takes few steps on a text. They are charged: a script may search thousands of times."""
    if not isinstance(pattern, str) or not isinstance(subject, str):
        return False
    if len(pattern) > MAX_PATTERN or len(subject) > MAX_SUBJECT:
        return False
    taken = cost(pattern, flags or 0, subject, everywhere)
    m.spend(taken.steps // 2)  # such a step costs an eighth of one of the interpreter's
    return taken.known


def flags_of(value: Value) -> int | None:
    if isinstance(value, Absent):
        return 0
    obj = object_of(value)
    if isinstance(obj, Opaque) and obj.text.startswith("re.") and obj.text[3:] in FLAGS:
        return FLAGS[obj.text[3:]]
    return value.value if isinstance(value, Known) and isinstance(value.value, int) else None


def matching(m: Machine, word: str, args: Arguments, node: cst.CSTNode | None) -> Value:
    """Run re.search(pattern, text, flags) and similar functions, if all of it is known."""

    def run(pattern: Value, subject: Value) -> Value:
        if (
            not (
                isinstance(pattern, Known)
                and isinstance(subject, Known)
                and harmless(m, pattern.value, subject.value, flags, word not in ("match", "fullmatch"))
            )
            or flags is None
            or args.unknown
        ):
            return opaque(pattern, subject)
        try:
            found = getattr(re, word)(pattern.value, subject.value, flags=flags)
        except (re.error, TypeError, ValueError) as e:
            return Unknown(f"re.{word} raises {type(e).__name__}")
        if found is None or isinstance(found, list):
            return rebuild(found, subject.trace)
        out = Opaque(f"re.{word}({pattern.value!r}, …)", "call", (), MATCH)
        groups = (found.group(0), *found.groups())
        out.slots["groups"] = Known(Sequence(tuple(Known(g, subject.trace) for g in groups), "tuple"))
        out.slots["names"] = rebuild(found.groupdict(), subject.trace)
        return Known(out, subject.trace)

    def opaque(pattern: Value, subject: Value) -> Value:
        bad = next((v for v in (pattern, subject) if isinstance(v, (Unknown, Absent))), None)
        m.may_raise_count += 1
        return (
            Unknown(bad.why, bad.trace)
            if bad is not None
            else Known(
                Opaque(f"re.{word}({describe(pattern)}, {describe(subject)})", "call", (pattern, subject)),
                subject.trace,
            )
        )

    flags = flags_of(args.get(2, "flags"))
    return lift(run, args.get(0, "pattern"), args.get(1, "string"))


@model("re.match", "re.search", "re.fullmatch", "re.findall", "re.split")
def match(call: ModelCall) -> Value:
    args = call.arguments
    if call.callee == "re.split" and len(args.positional) > 2:
        return open_term(call.machine, call.callee, *args.positional)
    return matching(call.machine, call.callee.rsplit(".", 1)[-1], args, call.node)


@model("re.sub")
def sub(call: ModelCall) -> Value:
    args = call.arguments
    pattern, by, subject = args.get(0, "pattern"), args.get(1, "repl"), args.get(2, "string")
    flags, count = flags_of(args.get(4, "flags")), args.get(3, "count")

    def run(p: Value, r: Value, s: Value) -> Value:
        texts = [v.value for v in (p, r, s) if isinstance(v, Known) and isinstance(v.value, str)]
        if (
            len(texts) < 3
            or flags is None
            or not isinstance(count, (Absent, Known))
            or not harmless(call.machine, texts[0], texts[2], flags)
        ):
            return open_term(call.machine, "re.sub", p, r, s)
        if len(texts[1]) * (len(texts[2]) + 1) * (1 + texts[1].count("\\")) > MAX_TEXT:
            return Unknown("a very long text", s.trace)
        try:
            return Known(
                re.sub(texts[0], texts[1], texts[2], count=count.value if isinstance(count, Known) else 0, flags=flags),
                s.trace,
            )
        except (re.error, IndexError, TypeError) as e:
            return Unknown(f"re.sub raises {type(e).__name__}", s.trace)

    return lift(run, pattern, by, subject)


@model("re.escape")
def escape(call: ModelCall) -> Value:
    return apply(call.machine, "re.escape", re.escape, call.arguments.get(0, "pattern"))


@model("re.compile")
def compile_(call: ModelCall) -> Value:
    pattern = call.arguments.get(0, "pattern")
    made = Opaque(f"re.compile({describe(pattern)})", "call", (pattern, call.arguments.get(1, "flags")), PATTERN)
    return Known(made, pattern.trace)


def compiled(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    pattern, flags = call.owner.args
    word = call.callee.rsplit(".", 1)[-1]
    if word == "sub":
        inner = Arguments([pattern, *args.positional], dict(args.keywords))
        if not isinstance(flags, Absent):
            inner.keywords["flags"] = flags
        return sub(ModelCall(m, inner, call.node, "re.sub"))
    if len(args.positional) != 1 or args.keywords:
        return open_term(m, f"{describe(call.receiver)}.{word}", *args.positional)
    return matching(
        m,
        word,
        Arguments([pattern, args.positional[0], *([flags] if not isinstance(flags, Absent) else [])]),
        call.node,
    )


for _name in ("match", "search", "fullmatch", "findall", "split", "sub"):
    METHOD_MODELS[PATTERN, _name] = compiled


@method_model(MATCH, "group", "__getitem__")
def group(call: ModelCall) -> Value:
    found = call.owner
    keys = call.arguments.positional or [Known(0)]
    values = [
        call.machine.item(
            found.slots["names"] if isinstance(k, Known) and isinstance(k.value, str) else found.slots["groups"],
            k,
            call.node,
        )
        for k in keys
    ]
    return values[0] if len(values) == 1 else Known(Sequence(tuple(values), "tuple"))


@method_model(MATCH, "groups")
def groups(call: ModelCall) -> Value:
    return Known(Sequence(object_of(call.owner.slots["groups"]).state.items[1:], "tuple"))


@method_model(MATCH, "groupdict")
def groupdict(call: ModelCall) -> Value:
    found: Value = call.owner.slots["names"]
    return found


# -- literals --------------------------------------------------------------------------------------------
@model("ast.literal_eval")
def literal_eval(call: ModelCall) -> Value:
    def one(text: str) -> Any:
        if len(text) > 20_000:
            raise ValueError
        return literal(text.strip())

    value = call.arguments.get(0, "node_or_string")
    return (
        apply(call.machine, "ast.literal_eval", one, value)
        if not isinstance(value, Text)
        else open_term(call.machine, call.callee, value)
    )


# -- operator --------------------------------------------------------------------------------------------
def getter(callee: str) -> Any:
    def make(call: ModelCall) -> Value:
        keys, callee = list(call.arguments.positional), call.callee

        def get(call: ModelCall) -> Value:
            m, node, owner = call.machine, call.node, call.arguments.get(0)
            values = []
            for key in keys:
                if callee.endswith("itemgetter"):
                    values.append(lift(lambda o, k: m.item(o, k, node), owner, key))
                elif isinstance(key, Known) and isinstance(key.value, str):
                    v = owner
                    for name in key.value.split("."):
                        v = lift(lambda o, name=name: m.attribute(o, name, node), v)
                    values.append(v)
                else:
                    values.append(Unknown(f"the attribute {describe(key)}"))
            return values[0] if len(values) == 1 else Known(Sequence(tuple(values), "tuple"))

        return Known(Builtin(call.callee, get))

    model(callee)(make)
    return make


getter("operator.itemgetter")
getter("operator.attrgetter")
OPERATORS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "or_": "|",
    "and_": "&",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}


def operator_function(name: str, sign: str) -> None:
    def run(call: ModelCall) -> Value:
        one, other = call.arguments.get(0), call.arguments.get(1)
        charge_copy(call.machine, one, other)
        return binary(sign, one, other)

    model(f"operator.{name}")(run)


for _name, _sign in OPERATORS.items():
    operator_function(_name, _sign)
