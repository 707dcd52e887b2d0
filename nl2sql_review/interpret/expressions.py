"""What an expression is worth: one function per kind of node."""

from __future__ import annotations

import ast
from typing import Any, Callable

from ..source.syntax import parameters_of
from ..values import Absent, Either, Known, Text, Unknown, Value, join
from .builtins import BUILTINS
from .call_sites import call
from .displays import comprehension, dictionary, display
from .machine import Machine, demote, join_values, place_of
from .objects import (
    Arguments,
    Function,
    Instance,
    Opaque,
    Scope,
    Sequence,
)
from .operations import describe, lift, term_of, truth
from .operators import binary
from .texts import concatenate, to_text

OPERATORS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**", ast.MatMult: "@",
    ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
MIRROR = {"+": "__radd__", "*": "__rmul__", "-": "__rsub__", "|": "__ror__"}
SPECIAL = {
    "+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__", "//": "__floordiv__", "%": "__mod__", "**": "__pow__", "@": "__matmul__",
    "&": "__and__", "|": "__or__", "^": "__xor__", "==": "__eq__", "!=": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__",
}  # fmt: skip


def evaluate(m: Machine, node: Any, scope: Scope) -> Value:
    m.steps -= 1
    if m.steps < 0:
        m.step()
    handler = HANDLERS.get(type(node))
    if handler is None:
        return Unknown(f"{type(node).__name__} is not modelled")
    return handler(m, node, scope)


# -- literals --------------------------------------------------------------------------------------------
def constant(m: Machine, node: ast.Constant, scope: Scope) -> Value:
    plain = node.value
    if plain is None or plain is ... or isinstance(plain, (bool, complex)):
        return Known(plain)
    return Known(plain, (place_of(scope, node),))


def formatted(m: Machine, node: ast.JoinedStr, scope: Scope) -> Value:
    parts: list[Value] = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(Known(part.value))
        elif isinstance(part, ast.FormattedValue):
            value = m.evaluate(part.value, scope)
            spec = formatted_spec(m, part.format_spec, scope) if part.format_spec is not None else ""
            conversion = chr(part.conversion) if part.conversion > 0 else ""
            parts.append(Text((value,), value.trace) if spec is None else printed(m, value, conversion, spec, node))
    out = concatenate(parts)
    if not out.trace or isinstance(out, Text):
        out.trace = (place_of(scope, node),)
    return out


def printed(m: Machine, value: Value, conversion: str, spec: str, node: Any) -> Value:
    """What a value puts into an f-string. Objects of the script say themselves how they print."""
    obj = value.value if isinstance(value, Known) else None
    if isinstance(obj, Instance):
        if not conversion and obj.cls.lookup("__format__") is not None:
            return m.call(m.attribute(value, "__format__", node), Arguments([Known(spec)]), node)
        names = ("__repr__",) if conversion in ("r", "a") else ("__str__", "__repr__")
        method = next((name for name in names if obj.cls.lookup(name) is not None), None)
        if method is not None:
            return to_text(m.call(m.attribute(value, method, node), Arguments(), node), "", spec)
    return to_text(value, conversion, spec)


def formatted_spec(m: Machine, spec: Any, scope: Scope) -> str | None:
    out = ""
    for part in spec.values:
        if isinstance(part, ast.Constant):
            out += str(part.value)
        else:
            v = m.evaluate(part.value, scope)
            if not isinstance(v, Known):
                return None
            out += str(v.value)
    return out


def name(m: Machine, node: ast.Name, scope: Scope) -> Value:
    return lookup(m, node.id, scope)


def lookup(m: Machine, word: str, scope: Scope) -> Value:
    if word == "__magic__":
        return MAGIC
    s: Scope | None = scope if word not in scope.globals_ else None
    while s is not None:
        if word in s.slots and not (s is not scope and s.kind == "class"):
            v = s.slots[word]
            return settled(v, word)
        s = s.parent
    top = scope.module.scope
    if word in top.slots:
        return settled(top.slots[word], word)
    if word in BUILTINS:
        return BUILTINS[word]
    for library in top.slots.get("*", ()):
        return m.library_name(library, word)
    m.risks += 1
    m.certainly_raises("NameError")
    return Unknown(f"the name {word} is not defined here")


def settled(v: Value, word: str) -> Value:
    """A name bound on one path only has that path's value wherever it can be read."""
    if isinstance(v, Either) and any(isinstance(o, Absent) for o in v.options):
        options = tuple(o for o in v.options if not isinstance(o, Absent))
        return options[0] if len(options) == 1 else Either(options, v.condition, v.trace)
    return Unknown(f"{word} was deleted") if isinstance(v, Absent) else v


MAGIC = Unknown("what a notebook's magic command returns")


# -- operators -------------------------------------------------------------------------------------------
def binary_operation(m: Machine, node: ast.BinOp, scope: Scope) -> Value:
    chain = [node]
    while isinstance(chain[-1].left, ast.BinOp):  # long sums are left-deep: walk, do not recurse
        chain.append(chain[-1].left)
    value = m.evaluate(chain[-1].left, scope)
    for n in reversed(chain):
        value = operate(m, OPERATORS[type(n.op)], value, m.evaluate(n.right, scope), n)
    return value


def operate(m: Machine, op: str, a: Value, b: Value, node: Any) -> Value:
    special = user_operator(m, op, a, b, node)
    if special is not None:
        return special
    result = binary(op, a, b)
    if isinstance(result, Unknown) and " raises " in result.why:
        m.risks += 1
        m.certainly_raises(result.why.rsplit(" ", 1)[-1])
    return result


def user_operator(m: Machine, op: str, a: Value, b: Value, node: Any) -> Value | None:
    for this, other, method in ((a, b, SPECIAL.get(op)), (b, a, MIRROR.get(op))):
        obj = this.value if isinstance(this, Known) else None
        if method and isinstance(obj, Instance) and obj.cls.lookup(method) is not None:
            return m.call(m.attribute(this, method, node), Arguments([other]), node)
    return None


def unary(m: Machine, node: ast.UnaryOp, scope: Scope) -> Value:
    v = m.evaluate(node.operand, scope)
    op = node.op
    if isinstance(op, ast.Not):
        return negate(m, condition(m, v, node))
    sign = "-" if isinstance(op, ast.USub) else "+" if isinstance(op, ast.UAdd) else "~"

    def settled(x: Value) -> Value:
        if isinstance(x, Known) and isinstance(x.value, (int, float)):
            return Known(-x.value if sign == "-" else +x.value if sign == "+" else ~int(x.value), (place_of(scope, node),) if len(x.trace) == 1 else x.trace)
        return term_of(sign, x) if isinstance(x, Known) else x

    return lift(settled, v)


def condition(m: Machine, v: Value, node: Any) -> Value:
    """What `if v` tests: objects of the script say it by `__bool__` or `__len__`."""
    obj = v.value if isinstance(v, Known) else None
    if isinstance(obj, Instance):
        for name in ("__bool__", "__len__"):
            if obj.cls.lookup(name) is not None:
                return m.call(m.attribute(v, name, node), Arguments(), node)
    return v


def negate(m: Machine, v: Value) -> Value:
    def settled(x: Value) -> Value:
        t, _ = truth(x)
        if t is not None:
            return Known(not t, x.trace)
        if isinstance(x, Known) and isinstance(x.value, Opaque):
            obj = x.value
            return obj.args[0] if obj.head == "not" else term_of("not", x)
        return Unknown(f"not {describe(x)}" if not isinstance(x, Unknown) else x.why, x.trace)

    return lift(settled, v)


def boolean(m: Machine, node: ast.BoolOp, scope: Scope) -> Value:
    """`a or b or c` is `(a or b) or c`."""
    value = m.evaluate(node.values[0], scope)
    for right in node.values[1:]:
        value = either_of(m, node, value, right, scope)
    return value


def either_of(m: Machine, node: ast.BoolOp, left: Value, second: ast.expr, scope: Scope) -> Value:
    """Both sides of one `and` or `or`, of which the second runs only if the first does not decide."""
    is_or = isinstance(node.op, ast.Or)
    t, by = truth(condition(m, left, node))
    if t is not None:
        if t is is_or:
            return demote(left, by) if by else left
        if not by:
            return m.evaluate(second, scope)
        mark = m.mark()
        right = m.evaluate(second, scope)
        m.prefer(mark, m.changes(mark), {}, by)
        return demote(right, by)
    if isinstance(left, Either):
        kept, more = None, False
        for option in left.options:
            t, _ = truth(option)
            if t is None or t is is_or:
                kept = option if kept is None else join(kept, option)
            more = more or t is None or t is not is_or
        right = m.guarded(second, scope, left)
        return right if kept is None else join(kept, right, left.condition) if more else kept
    right = m.guarded(second, scope, left)
    if isinstance(left, (Unknown, Absent)):
        return Unknown(left.why, left.trace)
    word = "or" if is_or else "and"
    if is_or and isinstance(right, (Unknown,)):
        return Unknown(right.why, right.trace)
    return term_of(word, left, right)


def comparison(m: Machine, node: ast.Compare, scope: Scope) -> Value:
    left = m.evaluate(node.left, scope)
    result: Value = Known(True)
    for op, comparator in zip(node.ops, node.comparators):
        right = m.evaluate(comparator, scope)
        one = compare(m, op, left, right, node)
        if len(node.ops) == 1:
            return one
        t, by = truth(one)
        if t is False:
            return demote(one, by) if by else one
        result = one if t is None else demote(result, by) if by else result
        left = right
    return result


def compare(m: Machine, op: Any, a: Value, b: Value, node: Any) -> Value:
    if isinstance(op, (ast.Is, ast.IsNot)):
        v = lift(identical, a, b)
        return v if isinstance(op, ast.Is) else negate(m, v)
    if isinstance(op, (ast.In, ast.NotIn)):
        v = m.contains(b, a, node)
        return v if isinstance(op, ast.In) else negate(m, v)
    return operate(m, OPERATORS[type(op)], a, b, node)


def identical(a: Value, b: Value) -> Value:
    if isinstance(a, (Unknown, Absent)) or isinstance(b, (Unknown, Absent)):
        return Unknown(a.why if isinstance(a, (Unknown, Absent)) else b.why)  # type: ignore[union-attr]
    if isinstance(a, Known) and isinstance(b, Known):
        x, y = a.value, b.value
        if isinstance(x, Opaque) or isinstance(y, Opaque):
            if x is y:
                return Known(True)
            settled_kinds = [o for o in (x, y) if isinstance(o, Opaque) and o.kind not in ("", "row", "str")]
            if settled_kinds and (x is None or y is None):
                return Known(False)
            return term_of("is", a, b)
        return Known(x is y or type(x) is type(y) and isinstance(x, (str, int, float)) and x == y)
    if isinstance(a, Text) or isinstance(b, Text):
        other = b if isinstance(a, Text) else a
        if isinstance(other, Known) and other.value is None:
            return Known(False)
    return term_of("is", a, b)


def conditional(m: Machine, node: ast.IfExp, scope: Scope) -> Value:
    test = condition(m, m.evaluate(node.test, scope), node)
    t, by = truth(test)
    if t is not None:
        v = m.evaluate(node.body if t else node.orelse, scope)
        if not by:
            return v
        other = m.guarded(node.orelse if t else node.body, scope, test)
        return v if isinstance(other, type(v)) and other == v else demote(v, by)
    a = m.guarded(node.body, scope, test)
    b = m.guarded(node.orelse, scope, test)
    return join_values(a, b, test)


def named(m: Machine, node: ast.NamedExpr, scope: Scope) -> Value:
    v = m.evaluate(node.value, scope)
    target = scope
    while target.kind == "comprehension" and target.parent is not None:
        target = target.parent
    m.assign(node.target, v, target)
    return v


# -- access ----------------------------------------------------------------------------------------------
def attribute(m: Machine, node: ast.Attribute, scope: Scope) -> Value:
    owner = m.evaluate(node.value, scope)
    word = mangled(m, node.attr)
    if isinstance(owner, Known):
        return m.attribute(owner, word, node)
    return lift(lambda o: m.attribute(o, word, node), owner)


def mangled(m: Machine, word: str) -> str:
    """`__name` inside of a class is private to it."""
    if not word.startswith("__") or word.endswith("__"):
        return word
    cls = m.class_being_defined[-1] if m.class_being_defined else m.frame.cls
    return f"_{cls.name.lstrip('_')}{word}" if cls is not None else word


def subscript(m: Machine, node: ast.Subscript, scope: Scope) -> Value:
    owner = m.evaluate(node.value, scope)
    return m.item(owner, m.evaluate(node.slice, scope), node)


def slice_(m: Machine, node: ast.Slice, scope: Scope) -> Value:
    parts = [m.evaluate(n, scope) if n is not None else Known(None) for n in (node.lower, node.upper, node.step)]
    return Known(Sequence(tuple(parts), "slice"))


def lambda_(m: Machine, node: ast.Lambda, scope: Scope) -> Value:
    defaults = m.parameter_defaults(parameters_of(node), scope)
    return Known(Function("<lambda>", node, scope, defaults), (place_of(scope, node),))


def await_(m: Machine, node: ast.Await, scope: Scope) -> Value:
    return m.evaluate(node.value, scope)


def yield_(m: Machine, node: ast.Yield, scope: Scope) -> Value:
    m.yielded([m.evaluate(node.value, scope) if node.value is not None else Known(None)], "")
    return SENT


def yield_from(m: Machine, node: ast.YieldFrom, scope: Scope) -> Value:
    items = m.iterate(m.evaluate(node.value, scope), node)
    m.yielded(list(items.items), items.open)
    return SENT


SENT = Unknown("what is sent into the generator")

HANDLERS: dict[type, Callable[..., Value]] = {
    ast.Constant: constant, ast.JoinedStr: formatted, ast.Name: name, ast.Call: call, ast.Attribute: attribute, ast.Subscript: subscript, ast.Slice: slice_,
    ast.List: display("list"), ast.Tuple: display("tuple"), ast.Set: display("set"), ast.Dict: dictionary,
    ast.ListComp: comprehension("list"), ast.SetComp: comprehension("set"), ast.DictComp: comprehension("dict"), ast.GeneratorExp: comprehension("generator"),
    ast.BinOp: binary_operation, ast.UnaryOp: unary, ast.BoolOp: boolean, ast.Compare: comparison, ast.IfExp: conditional,
    ast.NamedExpr: named, ast.Lambda: lambda_, ast.Await: await_, ast.Yield: yield_, ast.YieldFrom: yield_from,
}  # fmt: skip
