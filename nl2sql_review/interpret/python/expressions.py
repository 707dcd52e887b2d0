"""Values of expressions: one function per LibCST expression node."""

from __future__ import annotations

import re
from typing import Callable

import libcst as cst

from ...source.syntax import dotted, string_value
from ...training_plan.values import Absent, Default, Either, Known, Text, Unknown, Value, join
from ..core import sizes
from ..core.datasets import Row
from ..core.joins import demote, join_values
from ..core.machine import Machine
from ..core.objects import Arguments, Function, Instance, Mapping, Opaque, Scope, Sequence, object_of
from ..core.operations import describe, lift, term_of, truth
from ..core.state import place_of
from .builtins import FEW, charge_reading, held
from .call_sites import call
from .displays import comprehension, dictionary, display, elements, several
from .formatted_strings import TEMPLATE, TEMPLATES, concatenated, formatted
from .operators import binary
from .overlays import is_environment, overlaid
from .refinement import narrow
from .variables import name

OPERATORS: dict[type, str] = {
    cst.Add: "+", cst.Subtract: "-", cst.Multiply: "*", cst.Divide: "/", cst.FloorDivide: "//", cst.Modulo: "%",
    cst.Power: "**", cst.MatrixMultiply: "@", cst.BitAnd: "&", cst.BitOr: "|", cst.BitXor: "^", cst.LeftShift: "<<",
    cst.RightShift: ">>", cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*", cst.DivideAssign: "/",
    cst.FloorDivideAssign: "//", cst.ModuloAssign: "%", cst.PowerAssign: "**", cst.MatrixMultiplyAssign: "@",
    cst.BitAndAssign: "&", cst.BitOrAssign: "|", cst.BitXorAssign: "^", cst.LeftShiftAssign: "<<",
    cst.RightShiftAssign: ">>", cst.Equal: "==", cst.NotEqual: "!=", cst.LessThan: "<", cst.LessThanEqual: "<=",
    cst.GreaterThan: ">", cst.GreaterThanEqual: ">=",
}  # fmt: skip
MIRROR = {"+": "__radd__", "*": "__rmul__", "-": "__rsub__", "|": "__ror__"}
SPECIAL = {
    "+": "__add__", "-": "__sub__", "*": "__mul__", "/": "__truediv__", "//": "__floordiv__", "%": "__mod__",
    "**": "__pow__", "@": "__matmul__", "&": "__and__", "|": "__or__", "^": "__xor__", "==": "__eq__", "!=": "__ne__",
    "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__",
}  # fmt: skip


def evaluate(m: Machine, node: cst.CSTNode, scope: Scope) -> Value:
    m.steps -= 1
    if m.steps < 0:
        m.step()
    handler = HANDLERS.get(type(node))
    if handler is None:
        return Unknown(f"{type(node).__name__} is not modelled")
    return handler(m, node, scope)


# -- literals --------------------------------------------------------------------------------------------
def string(m: Machine, node: cst.SimpleString, scope: Scope) -> Value:
    return Known(string_value(node), (place_of(scope, node),))


def integer(m: Machine, node: cst.Integer, scope: Scope) -> Value:
    text = node.value.replace("_", "")
    try:
        number = int(text, 10 if text.isdigit() else 0)
        sizes.result(number)
        return Known(number, (place_of(scope, node),))
    except (ValueError, sizes.TooMuch):  # more digits than Python reads, or writes
        return Unknown("a number of so many digits")


def floating(m: Machine, node: cst.Float, scope: Scope) -> Value:
    return Known(float(node.value), (place_of(scope, node),))


# -- operators -------------------------------------------------------------------------------------------
def binary_operation(m: Machine, node: cst.BinaryOperation, scope: Scope) -> Value:
    chain = [node]
    while isinstance(left := chain[-1].left, cst.BinaryOperation):  # long sums are left-deep: walk, do not recurse
        chain.append(left)
    value = m.evaluate(chain[-1].left, scope)
    for n in reversed(chain):
        value = operate(m, OPERATORS[type(n.operator)], value, m.evaluate(n.right, scope), n)
    return value


def operate(m: Machine, op: str, a: Value, b: Value, node: cst.CSTNode | None) -> Value:
    special = user_operator(m, op, a, b, node)
    if special is not None:
        return special
    if (elements_held := held(a) + held(b)) > FEW:
        m.spend(4 * elements_held)
    else:
        charge_reading(m, a, b)
    if op == "|" and isinstance(a, Known) and isinstance(a.value, Mapping) and is_environment(b):
        laid = overlaid(m, a.value.state, b, node)
        return Known(Mapping(dict(laid.items), laid.why_incomplete, "dict", laid.overridden_by), a.trace)
    if op in ("/", "*") and isinstance(b, Unknown) and is_loss(a, node):
        return term_of(op, a, b)  # still what `backward` is called on, whatever the factor
    result = binary(op, a, b)
    if isinstance(result, Unknown) and " raises " in result.why:
        m.may_raise_count += 1
        m.certainly_raises(result.why.rsplit(" ", 1)[-1])
    return result


def is_loss(value: Value, node: cst.CSTNode | None) -> bool:
    """Return whether the left side of an operation is a loss by its name, and its value a library's."""
    left = node.left if isinstance(node, cst.BinaryOperation) else getattr(node, "target", None)
    named = isinstance(left, (cst.Name, cst.Attribute)) and "loss" in dotted(left).rpartition(".")[2].lower()
    return named and isinstance(value, (Known, Default)) and isinstance(value.value, Opaque)


def user_operator(m: Machine, op: str, a: Value, b: Value, node: cst.CSTNode | None) -> Value | None:
    for this, other, method in ((a, b, SPECIAL.get(op)), (b, a, MIRROR.get(op))):
        obj = this.value if isinstance(this, Known) else None
        if method and isinstance(obj, Instance) and obj.cls.lookup(method) is not None:
            return m.call(m.attribute(this, method, node), Arguments([other]), node)
    return None


def unary(m: Machine, node: cst.UnaryOperation, scope: Scope) -> Value:
    v = m.evaluate(node.expression, scope)
    op = node.operator
    if isinstance(op, cst.Not):
        return negate(m, condition(m, v, node))
    sign = "-" if isinstance(op, cst.Minus) else "+" if isinstance(op, cst.Plus) else "~"

    def settled(x: Value) -> Value:
        if isinstance(x, Known) and isinstance(x.value, (int, float)):
            return Known(
                -x.value if sign == "-" else +x.value if sign == "+" else ~int(x.value),
                (place_of(scope, node),) if len(x.trace) == 1 else x.trace,
            )
        return term_of(sign, x) if isinstance(x, Known) else x

    return lift(settled, v)


def condition(m: Machine, v: Value, node: cst.CSTNode | None) -> Value:
    """Return the value that `if v` tests: objects of the script define it by `__bool__` or `__len__`."""
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
            return obj.args[0] if obj.operation == "not" else term_of("not", x)
        return Unknown(f"not {describe(x)}" if not isinstance(x, Unknown) else x.why, x.trace)

    return lift(settled, v)


def boolean(m: Machine, node: cst.BooleanOperation, scope: Scope) -> Value:
    """Return the value of `a or b or c`, which is `(a or b) or c`."""
    chain = [node]
    while (
        isinstance(left := chain[-1].left, cst.BooleanOperation)
        and type(left.operator) is type(node.operator)
        and not left.lpar
    ):
        chain.append(left)  # walk, do not recurse
    value = m.evaluate(chain[-1].left, scope)
    for n in reversed(chain):
        value = and_or(m, n, value, scope)
    return value


def and_or(m: Machine, node: cst.BooleanOperation, left: Value, scope: Scope) -> Value:
    """Return the value of one `and` or `or`; its second side runs only if the first, `left`, does not decide."""
    second, is_or = node.right, isinstance(node.operator, cst.Or)
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
        right = m.guarded(second, scope, left, lambda: narrow(m, node.left, scope, not is_or))
        return right if kept is None else join(kept, right, left.condition) if more else kept
    right = m.guarded(second, scope, left, lambda: narrow(m, node.left, scope, not is_or))
    if isinstance(left, (Unknown, Absent)):
        return Unknown(left.why, left.trace)
    word = "or" if is_or else "and"
    if is_or and isinstance(right, (Unknown,)):
        return Unknown(right.why, right.trace)
    return term_of(word, left, right)


def comparison(m: Machine, node: cst.Comparison, scope: Scope) -> Value:
    left = m.evaluate(node.left, scope)
    result: Value = Known(True)
    for target in node.comparisons:
        right = m.evaluate(target.comparator, scope)
        one = compare(m, target.operator, left, right, node)
        if len(node.comparisons) == 1:
            return one
        t, by = truth(one)
        if t is False:
            return demote(one, by) if by else one
        result = one if t is None else demote(result, by) if by else result
        left = right
    return result


def compare(m: Machine, op: cst.BaseCompOp, a: Value, b: Value, node: cst.CSTNode | None) -> Value:
    if isinstance(op, (cst.Is, cst.IsNot)):
        v = lift(identical, a, b)
        return v if isinstance(op, cst.Is) else negate(m, v)
    if isinstance(op, (cst.In, cst.NotIn)):
        v = m.contains(b, a, node)
        return v if isinstance(op, cst.In) else negate(m, v)
    return operate(m, OPERATORS[type(op)], a, b, node)


def identical(a: Value, b: Value) -> Value:
    if isinstance(a, (Unknown, Absent)) or isinstance(b, (Unknown, Absent)):
        return Unknown(a.why if isinstance(a, (Unknown, Absent)) else b.why)
    if isinstance(a, Known) and isinstance(b, Known):
        x, y = a.value, b.value
        if isinstance(x, Opaque) or isinstance(y, Opaque):
            if x is y:
                return Known(True)
            other = y if x is None else x if y is None else None
            if isinstance(other, Opaque) and never_none(other):
                return Known(False)
            return term_of("is", a, b)
        return Known(x is y or type(x) is type(y) and isinstance(x, (str, int, float)) and x == y)
    if isinstance(a, Text) or isinstance(b, Text):
        other = b if isinstance(a, Text) else a
        if isinstance(other, Known) and other.value is None:
            return Known(False)
    return term_of("is", a, b)


ANSWER = re.compile(r"(?:^|\.)is_\w+\([^()]*\)$")  # torch.cuda.is_bf16_supported()
DTYPE = re.compile(r"torch\.(?:b?float(?:16|32|64)?|half|double|u?int(?:8|16|32|64)|short|long|bool)")
CLASS = re.compile(r"(?:\w+\.)+[A-Z][^\Wa-z]*[a-z]\w*")  # torch.optim.AdamW


def never_none(thing: Opaque) -> bool:
    """Return whether a value that the run decides is never None: an object of a kind or class, a dtype, an answer."""
    answers = thing.operation == "call" and ANSWER.search(thing.text) is not None
    made = thing.call is not None and thing is thing.call.result and CLASS.fullmatch(thing.call.callee) is not None
    dtype = thing.operation == "symbol" and DTYPE.fullmatch(thing.text) is not None
    return thing.kind not in ("", "row", "str") or thing.operation == "not" or answers or made or dtype


def conditional(m: Machine, node: cst.IfExp, scope: Scope) -> Value:
    test = condition(m, m.evaluate(node.test, scope), node)
    t, by = truth(test)
    if t is not None:
        likely, unlikely = (node.body, node.orelse) if t else (node.orelse, node.body)
        if not by:
            return m.evaluate(likely, scope)
        return preferred(m, likely, unlikely, scope, by)
    a = m.guarded(node.body, scope, test, lambda: narrow(m, node.test, scope, True))
    b = m.guarded(node.orelse, scope, test, lambda: narrow(m, node.test, scope, False))
    return join_values(a, b, test)


def preferred(m: Machine, likely: cst.BaseExpression, unlikely: cst.BaseExpression, scope: Scope, by: str) -> Value:
    """Return the value of the side that a default chooses; what the other side does, another command line would do."""
    mark = m.mark()
    m.assumed.append(by)
    value = m.evaluate(likely, scope)
    m.assumed.pop()
    changes = m.changes(mark)
    m.rollback(mark)
    with m.supposing(unlikely=by):
        other = m.evaluate(unlikely, scope)
    m.prefer(mark, changes, m.changes(mark), by)
    return value if isinstance(other, type(value)) and other == value else demote(value, by)


def named(m: Machine, node: cst.NamedExpr, scope: Scope) -> Value:
    v = m.evaluate(node.value, scope)
    target = scope
    while target.kind == "comprehension" and target.parent is not None:
        target = target.parent
    m.assign(node.target, v, target)
    return v


# -- access ----------------------------------------------------------------------------------------------
def attribute(m: Machine, node: cst.Attribute, scope: Scope) -> Value:
    return m.attribute(m.evaluate(node.value, scope), mangled(m, node.attr.value), node)


def mangled(m: Machine, word: str) -> str:
    """Return the mangled name: `__name` inside a class is private to it."""
    if not word.startswith("__") or word.endswith("__"):
        return word
    cls = m.class_being_defined[-1] if m.class_being_defined else m.frame.cls
    return f"_{cls.name.lstrip('_')}{word}" if cls is not None else word


def subscript(m: Machine, node: cst.Subscript, scope: Scope) -> Value:
    owner = m.evaluate(node.value, scope)
    value = m.item(owner, index(m, node, scope), node)
    of, made = object_of(owner), object_of(value)
    if isinstance(made, Opaque) and made.place is None and (isinstance(of, Row) or made.operation == "slice"):
        made.place = place_of(scope, node)  # where a column of a row is read, or something is cut
    return value


def index(m: Machine, node: cst.Subscript, scope: Scope) -> Value:
    """Return the value in the brackets."""
    if not several(node):
        one = node.slice[0].slice
        return m.evaluate(one.value if isinstance(one, cst.Index) else one, scope)
    m.step()
    items, open_, by = elements(m, [e.slice for e in node.slice], scope)
    return Known(Sequence(items, "tuple", open_, by), (place_of(scope, node),))


def slice_(m: Machine, node: cst.Slice, scope: Scope) -> Value:
    parts = [m.evaluate(n, scope) if n is not None else Known(None) for n in (node.lower, node.upper, node.step)]
    return Known(Sequence(tuple(parts), "slice"))


def lambda_(m: Machine, node: cst.Lambda, scope: Scope) -> Value:
    defaults = m.parameter_defaults(node.params, scope)
    return Known(Function("<lambda>", node, scope, defaults), (place_of(scope, node),))


def await_(m: Machine, node: cst.Await, scope: Scope) -> Value:
    return m.evaluate(node.expression, scope)


def yield_(m: Machine, node: cst.Yield, scope: Scope) -> Value:
    if isinstance(node.value, cst.From):
        items = m.iterate(m.evaluate(node.value.item, scope), node)
        values, open_ = list(items.items), items.why_incomplete
    else:
        values, open_ = [m.evaluate(node.value, scope) if node.value is not None else Known(None)], ""
    m.yielded(values, open_)
    return SENT


SENT = Unknown("a value sent into the generator")

HANDLERS: dict[type, Callable[..., Value]] = {
    cst.SimpleString: string, cst.ConcatenatedString: concatenated, cst.FormattedString: formatted,
    cst.Integer: integer, cst.Float: floating, cst.Name: name, cst.List: display("list"), cst.Tuple: display("tuple"),
    cst.Set: display("set"), cst.Dict: dictionary, cst.ListComp: comprehension("list"),
    cst.SetComp: comprehension("set"), cst.DictComp: comprehension("dict"),
    cst.GeneratorExp: comprehension("generator"), cst.BinaryOperation: binary_operation, cst.UnaryOperation: unary,
    cst.BooleanOperation: boolean, cst.Comparison: comparison, cst.IfExp: conditional, cst.NamedExpr: named,
    cst.Attribute: attribute, cst.Subscript: subscript, cst.Call: call, cst.Lambda: lambda_, cst.Await: await_,
    cst.Yield: yield_, cst.Slice: slice_, cst.Ellipsis: lambda m, node, scope: Known(...),
    cst.Imaginary: lambda m, node, scope: Known(complex(node.value.replace("_", ""))),
    **dict.fromkeys(TEMPLATES, lambda m, node, scope: TEMPLATE),
    getattr(cst, "StarredDictComp", cst.DictComp): comprehension("dict"),
}  # fmt: skip
