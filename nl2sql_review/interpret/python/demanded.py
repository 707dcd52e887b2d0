"""Columns that a script requires in its data: `if "prompt" not in rows.column_names: raise …`, `assert {…} <= set(…)`.

After such a test the dataset has the columns. Their content is in the data.
"""

from __future__ import annotations

from typing import Iterator

import libcst as cst

from ...source.syntax import dotted, statements
from ...training_plan.values import Known, Value
from ..core.datasets import Dataset, Row
from ..core.machine import Machine
from ..core.objects import Mapping, Opaque, Scope, Sequence, object_of, plain
from ..core.operations import item_term

COLUMN_NAMES = ("column_names", "features", "columns")
WRAPPERS = ("set", "list", "tuple", "sorted", "frozenset")
ENDS = ("sys.exit", "exit", "quit", "os._exit")


def after_if(m: Machine, node: cst.If, scope: Scope) -> None:
    """Use the test of an `if` whose body ends the script: after it, the test is false."""
    last = node.body.body[-1] if isinstance(node.body, cst.IndentedBlock) and node.body.body else None
    if node.orelse is None and isinstance(last, cst.SimpleStatementLine) and ends(last.body[-1]):
        demand(m, node.test, scope, False)


def ends(statement: cst.CSTNode) -> bool:
    if isinstance(statement, cst.Raise):
        return True
    call = statement.value if isinstance(statement, cst.Expr) else None
    return isinstance(call, cst.Call) and (dotted(call.func) in ENDS or dotted(call.func).endswith(".error"))


def demand(m: Machine, test: cst.BaseExpression, scope: Scope, holds: bool) -> None:
    """Give the datasets in a test the columns that its outcome requires."""
    if m.conditions or m.unlikely or not m.datasets:
        return
    m.silent += 1  # what is evaluated once more is recorded once
    try:
        found = list(demanded(m, test, scope, holds, 0))
    finally:
        m.silent -= 1
    for keys, columns in found:
        dataset = dataset_of(columns)
        if dataset is None:
            continue
        for one in m.datasets if dataset.call is not None else [dataset]:
            if one is not dataset and one.call is not dataset.call or not one.open:
                continue
            for key in keys:
                if key not in one.columns:
                    one.columns = {**one.columns, key: item_term(Known(Row("example", one, False)), Known(key))}


Pairs = Iterator[tuple[list[str], Value]]


def demanded(m: Machine, test: cst.BaseExpression, scope: Scope, holds: bool, depth: int) -> Pairs:
    """Yield (columns, the value they are looked up in) of a test with the outcome `holds`."""
    if depth > 4:
        return
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        yield from demanded(m, test.expression, scope, not holds, depth + 1)
    elif isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And) == holds:
        yield from demanded(m, test.left, scope, holds, depth + 1)
        yield from demanded(m, test.right, scope, holds, depth + 1)
    elif isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        one = test.comparisons[0]
        if isinstance(one.operator, cst.In if holds else cst.NotIn):
            yield keys_of(m, m.evaluate(test.left, scope), test, False), m.evaluate(one.comparator, scope)
        elif holds and isinstance(one.operator, cst.LessThanEqual):
            yield keys_of(m, m.evaluate(test.left, scope), test, True), m.evaluate(one.comparator, scope)
    elif isinstance(test, cst.Call):
        yield from of_call(m, test, scope, holds)
    elif isinstance(test, cst.Name) and not holds:  # `missing = [c for c in wanted if c not in rows.column_names]`
        yield from of_missing(m, assigned(scope, test.value), scope)


def of_call(m: Machine, test: cst.Call, scope: Scope, holds: bool) -> Pairs:
    """Yield columns of `{…}.issubset(columns)`, `all(c in columns for c in …)`, `any(c not in columns for c in …)`."""
    if len(test.args) != 1:
        return
    inner = test.args[0].value
    if isinstance(test.func, cst.Attribute) and test.func.attr.value == "issubset" and holds:
        yield keys_of(m, m.evaluate(test.func.value, scope), test, True), m.evaluate(inner, scope)
    name = dotted(test.func)
    if isinstance(inner, (cst.GeneratorExp, cst.ListComp)) and name == ("all" if holds else "any"):
        element = inner.elt
        wanted = cst.In if holds else cst.NotIn
        if isinstance(element, cst.Comparison) and isinstance(element.comparisons[0].operator, wanted):
            columns = m.evaluate(element.comparisons[0].comparator, scope)
            yield keys_of(m, m.evaluate(inner.for_in.iter, scope), test, True), columns


def of_missing(m: Machine, made: cst.BaseExpression | None, scope: Scope) -> Pairs:
    """Yield the columns in an expression for the missing ones that turned out to be empty."""
    if isinstance(made, cst.ListComp) and len(made.for_in.ifs) == 1:
        test = made.for_in.ifs[0].test
        if isinstance(test, cst.Comparison) and isinstance(test.comparisons[0].operator, cst.NotIn):
            columns = m.evaluate(test.comparisons[0].comparator, scope)
            yield keys_of(m, m.evaluate(made.for_in.iter, scope), made, True), columns
    elif isinstance(made, cst.BinaryOperation) and isinstance(made.operator, cst.Subtract):
        yield keys_of(m, m.evaluate(made.left, scope), made, True), m.evaluate(made.right, scope)


def assigned(scope: Scope, name: str) -> cst.BaseExpression | None:
    """Return the one expression that the module assigns to a name, or None if there are several, or none."""
    tree = getattr(scope.module.source, "tree", None)
    lines = (line for line in statements(tree) if isinstance(line, cst.SimpleStatementLine)) if tree is not None else ()
    made = [
        one.value
        for line in lines
        for one in line.body
        if isinstance(one, cst.Assign) and any(dotted(target.target) == name for target in one.targets)
    ]
    return made[0] if len(made) == 1 else None


def keys_of(m: Machine, value: Value, node: cst.CSTNode, several: bool) -> list[str]:
    if not several:
        return [key] if isinstance(key := plain(value), str) else []
    if not isinstance(object_of(value), (Sequence, Mapping)):
        return []
    return [key for item in m.iterate(value, node).items if isinstance(key := plain(item), str)]


def dataset_of(columns: Value, depth: int = 0) -> Dataset | None:
    """Return the dataset whose `column_names` a value is, also as a set or a list of them."""
    obj = object_of(columns)
    if not isinstance(obj, Opaque) or depth > 3:
        return None
    if isinstance(obj, Dataset):
        return obj if obj.kind == "pandas.DataFrame" else None
    if not obj.args:
        return None
    inner = object_of(obj.args[0])
    if isinstance(inner, Dataset) and obj.text.endswith(COLUMN_NAMES):
        return inner
    return dataset_of(obj.args[0], depth + 1) if obj.text.startswith(WRAPPERS) else None
