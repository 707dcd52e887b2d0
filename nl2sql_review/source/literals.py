"""Values of literals: from the code of a plain value to the value.

Importing this module does not import LibCST, nor does reading the plainest texts: tables of libraries and a
configuration's keys are read without it.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, TypeGuard

from .parsing import parse
from .spans import SourceError

if TYPE_CHECKING:
    import libcst as cst

_PLAIN = re.compile(
    r"""(?P<quote>['"])(?P<text>[^'"\\\r\n]*)(?P=quote)|(?P<int>0|-?[1-9][0-9]{0,99})"""
    r"""|(?P<float>-?[0-9]+(?:\.[0-9]+(?:e[+-]?[0-9]+)?|e[+-]?[0-9]+))"""
)
CONSTANTS = {"None": None, "True": True, "False": False}  # to LibCST these are names


def expression(text: str) -> cst.BaseExpression:
    """Return the one expression in a text. Raises ValueError if the text is none."""
    import libcst as cst

    try:
        statements = parse(text).body
    except SourceError as error:
        raise ValueError(error.message) from None
    line = statements[0] if len(statements) == 1 else None
    one = line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    if not isinstance(one, cst.Expr) or isinstance(one.semicolon, cst.Semicolon):
        raise ValueError("not one expression")
    return one.value


def is_expression(text: str) -> bool:
    """Return whether a text is one expression: code, and no sentence about it."""
    try:
        expression(text)
    except ValueError:
        return False
    return True


def literal(text: str) -> Any:
    """Return the plain value whose code is the text, ignoring blanks around it. Raises ValueError if it is none."""
    text = text.strip(" \t")
    if text in CONSTANTS:
        return CONSTANTS[text]
    if plain := _PLAIN.fullmatch(text):
        return plain["text"] if plain["quote"] else int(plain["int"]) if plain["int"] else float(plain["float"])
    return evaluated(expression(text))


def is_variable(node: cst.CSTNode | None) -> TypeGuard[cst.Name]:
    """Return whether an expression is a variable's name; True, False and None are not."""
    import libcst as cst

    return isinstance(node, cst.Name) and node.value not in CONSTANTS


def evaluated(node: cst.BaseExpression) -> Any:
    """Return the plain value of a literal. Raises ValueError if it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of "\d", which is read as it stands
        try:
            return _value(node)
        except (SyntaxError, TypeError, RecursionError) as error:  # "\x", {[]: 1}
            raise ValueError(str(error)) from None


def _value(node: cst.BaseExpression | cst.BaseElement) -> Any:
    import libcst as cst

    match node:
        case cst.SimpleString() | cst.Integer() | cst.Float() | cst.Imaginary():
            return node.evaluated_value
        case cst.ConcatenatedString():
            return _value(node.left) + _value(node.right)
        case cst.Name(value) if value in CONSTANTS:
            return CONSTANTS[value]
        case cst.Ellipsis():
            return ...
        case cst.Tuple():
            return tuple(map(_value, node.elements))
        case cst.List():
            return [_value(element) for element in node.elements]
        case cst.Set():
            return {_value(element) for element in node.elements}
        case cst.Element():
            return _value(node.value)
        case cst.Call(func=cst.Name("set"), args=[]):
            return set()
        case cst.Dict():
            return dict(map(_item, node.elements))
        case cst.UnaryOperation(operator=cst.Plus()):
            return +_number(node.expression)
        case cst.UnaryOperation(operator=cst.Minus()):
            return -_number(node.expression)
        case cst.BinaryOperation(operator=cst.Add() | cst.Subtract(), right=cst.Imaginary()):
            left, right = _value(node.left), _number(node.right)
            if type(left) in (int, float):
                return left + right if isinstance(node.operator, cst.Add) else left - right
    raise ValueError(f"not a literal: {type(node).__name__}")


def _item(element: cst.BaseDictElement) -> tuple[Any, Any]:
    import libcst as cst

    if not isinstance(element, cst.DictElement):
        raise ValueError("not a literal: **")
    return _value(element.key), _value(element.value)


def _number(node: cst.BaseExpression) -> Any:
    import libcst as cst

    if not isinstance(node, (cst.Integer, cst.Float, cst.Imaginary)):
        raise ValueError("not a number")
    return node.evaluated_value
