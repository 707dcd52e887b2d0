"""Computes values from other values and keeps the uncertainty of their parts."""

from __future__ import annotations

import operator
import re
from itertools import product
from typing import TYPE_CHECKING, Any, Callable

from ..source.literals import expression
from ..training_plan.values import Absent, Default, Either, Known, Term, Text, Trace, Unknown, Value, join

if TYPE_CHECKING:
    import libcst as cst

OF_THE_HUB = re.compile(r"\w[\w.-]*/[\w.-]+")  # a name that is no path to a checkpoint
KINDS = (Known, Default, Either, Term, Text, Unknown, Absent)


def plain(value: Value) -> Any:
    """Return the plain value of a Known or Default, else None."""
    return value.value if isinstance(value, (Known, Default)) else None


def is_true(value: Value) -> bool:
    """Return whether a switch is on: given as True, or True by default."""
    return isinstance(value, (Known, Default)) and value.value is True


def is_left_out(value: Value) -> bool:
    """Return whether an argument is left out or given as None; a switch that is explicitly off is given."""
    return isinstance(value, Absent) or isinstance(value, Known) and value.value is None


def contents(value: object) -> Any:
    """Return what a list or dict holds, element by element where only some of it is known.

    It is the plain value of any other Known or Default, None for any other Value, and what is no Value itself.
    """
    if isinstance(value, Unknown):
        return value.parts
    return plain(value) if isinstance(value, Value) else value


def numeric(value: Value) -> int | float | None:
    """Return the number of a Known or Default, None for anything else, a truth value too."""
    found = plain(value)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def options(value: Value) -> tuple[Value, ...]:
    return value.options if isinstance(value, Either) else (value,)


def derive(function: Callable[..., Any], *values: Value, trace: Trace | None = None, terms: bool = False) -> Value:
    """Return `function` of the contents of the values, for every possible combination.

    The function gets plain values of Known and Default, and Absent itself; its result is wrapped as Known
    (Default if one of its inputs is one) unless it is a Value already. An Unknown input makes the result Unknown
    with the same reason; so does a Term, Text or object that is known only at run time, unless the function
    requests them with `terms`. Eithers with the same condition move together.
    """
    if trace is None:
        trace = next((v.trace for v in values if v.trace), ())
    unknown = next((v for v in values if isinstance(v, Unknown)), None)
    if unknown is not None:
        return Unknown(unknown.why, unknown.trace or trace)
    result: Value | None = None
    for combination in combinations(values):
        one = apply(function, combination, trace, terms)
        result = one if result is None else join(result, one, condition(values))
    assert result is not None
    return result


def undecided(value: Value) -> bool:
    """Return whether a value is known only at run time: an expression, a text with holes, an object for one."""
    return isinstance(value, (Term, Text)) or hasattr(getattr(value, "value", None), "slots")


def why(value: Value) -> str:
    if isinstance(value, (Unknown, Absent)):
        return value.why
    text = getattr(value, "text", "") or getattr(getattr(value, "value", None), "text", "") or "it"
    return f"{text} is decided at run time"


def combinations(values: tuple[Value, ...]) -> list[tuple[Value, ...]]:
    conditions = {v.condition for v in values if isinstance(v, Either)}
    widths = {len(v.options) for v in values if isinstance(v, Either)}
    if len(conditions) == 1 and len(widths) == 1 and "" not in conditions:
        return list(zip(*(options(v) if isinstance(v, Either) else (v,) * next(iter(widths)) for v in values)))
    return list(product(*map(options, values)))[:64]


def condition(values: tuple[Value, ...]) -> str:
    return next((v.condition for v in values if isinstance(v, Either) and v.condition), "")


def apply(function: Callable[..., Any], values: tuple[Value, ...], trace: Trace, terms: bool) -> Value:
    for value in values:
        if isinstance(value, Unknown) or not terms and undecided(value):
            return Unknown(why(value), value.trace or trace)
    try:
        result = function(*(v.value if isinstance(v, (Known, Default)) else v for v in values))
    except (TypeError, ValueError, ArithmeticError) as error:
        return Unknown(f"cannot be computed: {error}", trace)
    default = next((v for v in values if isinstance(v, Default)), None)
    if not isinstance(result, KINDS):
        return Default(result, default.overridden_by, trace) if default is not None else Known(result, trace)
    if isinstance(result, Known):
        return (
            Default(result.value, default.overridden_by, result.trace or trace)
            if default is not None
            else Known(result.value, result.trace or trace)
        )
    if not result.trace:
        result.trace = trace
    return result


# -- numbers that depend on how many processes run ---------------------------------------------------------------

WORLD_SIZE = re.compile(
    r"""(?:int\()?(?:os\.environ\[[
        "']WORLD_SIZE["']\]|os\.(?:environ\.get|getenv)\(["']WORLD_SIZE["'](?:,\s*["']?\w+["']?)?\))\)?
      | torch\.distributed\.get_world_size\(\)
      | torch\.cuda\.device_count\(\)
      | (?<![\w.])[\w.]*Accelerator\([^()]*\)\.num_processes
      | (?<![\w.])[\w.]*PartialState\([^()]*\)\.num_processes""",
    re.VERBOSE,
)

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {  # by LibCST's names, which a configuration does without
    "Add": operator.add,
    "Subtract": operator.sub,
    "Multiply": operator.mul,
    "Divide": operator.truediv,
    "FloorDivide": operator.floordiv,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {"max": max, "min": min, "int": int, "float": float, "round": round}


def for_processes(term: Term, processes: int) -> int | float | None:
    """Return the number of an expression over the world size with that many processes, or None if it is not one."""
    text, found = WORLD_SIZE.subn("processes", term.text)
    if not found or len(text) > 400:
        return None
    try:
        result: int | float | None = number(expression(text), processes)
        return result
    except (ValueError, ArithmeticError, RecursionError, TypeError):
        return None


def number(node: cst.BaseExpression, processes: int) -> Any:
    import libcst as cst

    if isinstance(node, (cst.Integer, cst.Float)):
        return node.evaluated_value
    if isinstance(node, cst.Name) and node.value == "processes":
        return processes
    if isinstance(node, cst.BinaryOperation) and type(node.operator).__name__ in OPERATORS:
        return OPERATORS[type(node.operator).__name__](number(node.left, processes), number(node.right, processes))
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in FUNCTIONS:
        if not any(arg.keyword is not None or arg.star for arg in node.args):
            return FUNCTIONS[node.func.value](*(number(arg.value, processes) for arg in node.args))
    raise ValueError("not arithmetic over the world size")
