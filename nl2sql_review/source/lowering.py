"""LibCST's tree → the form that Python's own has, for code that the running Python is too old for.

`_ALIKE` has the kinds of LibCST's nodes that `ast` has too, part by part; every other kind has a method of its name.
What `ast` of the running Python has no node for becomes the nearest that it has: `type X = int` a `pass`, `except*` an
`except`, a template string an f-string; type parameters are left out. The parts of an f-string get the place of the
whole string, as before Python 3.12; only the expressions in its fields have their own.
"""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, Sequence

import libcst
from libcst import MaybeSentinel
from libcst._nodes.internal import CodegenState

from nl2sql_review.source.spans import NEWLINE

Place = tuple[
    int, int, int, int
]  # row, column, end row, end column as `ast` counts: rows from 1, columns in bytes from 0

_OPERATORS: dict[str, Any] = {
    "Subtract": ast.Sub, "Multiply": ast.Mult, "Divide": ast.Div, "FloorDivide": ast.FloorDiv, "Modulo": ast.Mod,
    "Power": ast.Pow, "LeftShift": ast.LShift, "RightShift": ast.RShift, "MatrixMultiply": ast.MatMult,
    "LessThan": ast.Lt, "GreaterThan": ast.Gt, "Equal": ast.Eq, "LessThanEqual": ast.LtE, "GreaterThanEqual": ast.GtE,
    "NotEqual": ast.NotEq, "Plus": ast.UAdd, "Minus": ast.USub, "BitInvert": ast.Invert,
}  # fmt: skip
_ALIKE: dict[str, tuple[Any, ...]] = {  # the kind in `ast`, and from which parts its fields come, in their order
    "Expr": (ast.Expr, "value"), "Return": (ast.Return, "value"), "Assert": (ast.Assert, "test", "msg"),
    "Pass": (ast.Pass,), "Break": (ast.Break,), "Continue": (ast.Continue,),
    "Import": (ast.Import, "names"), "LazyImport": (ast.Import, "names"),
    "If": (ast.If, "test", "body", "orelse"), "While": (ast.While, "test", "body", "orelse"),
    "Try": (ast.Try, "body", "handlers", "orelse", "finalbody"),
    "TryStar": (getattr(ast, "TryStar", ast.Try), "body", "handlers", "orelse", "finalbody"),
    "Match": (ast.Match, "subject", "cases"), "MatchCase": (ast.match_case, "pattern", "guard", "body"),
    "UnaryOperation": (ast.UnaryOp, "operator", "expression"),
    "BinaryOperation": (ast.BinOp, "left", "operator", "right"),
    "IfExp": (ast.IfExp, "test", "body", "orelse"), "Lambda": (ast.Lambda, "params", "body"),
    "Await": (ast.Await, "expression"), "Slice": (ast.Slice, "lower", "upper", "step"),
    "StarredElement": (ast.Starred, "value"), "Tuple": (ast.Tuple, "elements"), "List": (ast.List, "elements"),
    "Set": (ast.Set, "elements"), "GeneratorExp": (ast.GeneratorExp, "elt", "for_in"),
    "ListComp": (ast.ListComp, "elt", "for_in"), "SetComp": (ast.SetComp, "elt", "for_in"),
    "DictComp": (ast.DictComp, "key", "value", "for_in"),
    "MatchValue": (ast.MatchValue, "value"), "MatchOr": (ast.MatchOr, "patterns"),
    "MatchTuple": (ast.MatchSequence, "patterns"), "MatchList": (ast.MatchSequence, "patterns"),
}  # fmt: skip
_ONLY = {  # what only holds one part that means something
    "Element": "value", "SubscriptElement": "slice", "Annotation": "annotation", "Decorator": "decorator",
    "CompIf": "test", "MatchSequenceElement": "value", "MatchOrElement": "pattern", "From": "item",
}  # fmt: skip
_CONSTANTS = {"None": None, "True": True, "False": False}
_SUITES = ("body", "orelse", "finalbody")
_BRACKETED = (libcst.Tuple, libcst.GeneratorExp, libcst.MatchTuple)
_HAS_TYPES = hasattr(ast, "TypeAlias")  # and type parameters
_ESCAPES = re.compile(r"\\N\{[^}]*\}|\\[^{}]|\\|\{\{|\}\}|\"", re.DOTALL)  # in the text of an f-string


def lowered(module: libcst.Module, text: str) -> ast.Module:
    """The tree of `text` as `ast` would give it, with the places of all nodes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that mean nothing
        return _Lowering(module).Module(module)


class _Places(CodegenState):
    """Takes down where the nodes stand while the code is generated, by their `id`: without blanks and brackets around them."""

    def __init__(self, module: libcst.Module) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.row, self.column = 1, 0
        self.found: dict[int, Place] = {}
        self._starts: list[tuple[int, int]] = []
        module._codegen(self)

    def add_token(self, value: str) -> None:
        self.row, self.column = _after(self.row, self.column, value)

    def add_indent_tokens(self) -> None:
        for token in self.indent_tokens:
            self.add_token(token)

    def before_codegen(self, node: Any) -> None:
        self._starts.append((self.row, self.column))

    def after_codegen(self, node: Any) -> None:
        start = self._starts.pop()
        self.found.setdefault(id(node), (*start, self.row, self.column))

    @contextmanager
    def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Iterator[None]:
        start = (self.row, self.column)
        yield
        if start_node is not None:
            start = self.found[id(start_node)][:2]
        end = (self.row, self.column) if end_node is None else self.found[id(end_node)][2:]
        self.found[id(node)] = (*start, *end)


def _after(row: int, column: int, code: str) -> tuple[int, int]:
    """Where one is behind `code` that starts at a place."""
    lines = NEWLINE.split(code)
    return row + len(lines) - 1, len(lines[-1].encode()) + (column if len(lines) == 1 else 0)


def _at(node: Any, place: Place) -> Any:
    node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = place
    return node


def _made(kind: Any, **fields: Any) -> Any:
    """A node with those of the fields that the running Python knows."""
    return kind(**{name: value for name, value in fields.items() if name in kind._fields})


def _in_context(node: Any, context: Any) -> Any:
    """The same node, as something that is stored or deleted."""
    if "ctx" in node._fields:
        node.ctx = context()
    for part in [node.value] if isinstance(node, ast.Starred) else getattr(node, "elts", ()):
        _in_context(part, context)
    return node


def _operator(name: str) -> Any:
    name = name.removesuffix("Assign")
    return _OPERATORS[name]() if name in _OPERATORS else getattr(ast, name)()


def _identifier(node: Any) -> str:
    """A name as Python knows it, or names with dots between them; "" of anything else."""
    if isinstance(node, libcst.Attribute):
        return f"{_identifier(node.value)}.{_identifier(node.attr)}"
    return unicodedata.normalize("NFKC", node.value) if isinstance(node, libcst.Name) else ""


def _literal(code: str) -> Any:
    """The value of a number or a string; of one that Python refuses, its code."""
    try:
        return ast.literal_eval(code)
    except (SyntaxError, ValueError):
        return code


def _unescaped(text: str, raw: bool) -> str:
    """What the text between the fields of an f-string says."""
    text = NEWLINE.sub("\n", text)
    if raw:
        return text.replace("{{", "{").replace("}}", "}")

    def mended(match: re.Match[str]) -> str:
        return {"{{": "{", "}}": "}", "\\": "\\\\", '"': '\\"'}.get(match[0], match[0])

    return str(_literal(f'"""{_ESCAPES.sub(mended, text)}"""'))


class _Lowering:
    def __init__(self, module: libcst.Module) -> None:
        self.places = _Places(module).found
        self.code = module.code_for_node

    def one(self, node: Any) -> Any:
        """A node in the form of `ast`, at its place; None of None."""
        if node is None:
            return None
        name = type(node).__name__
        if name in _ONLY:
            return self.one(getattr(node, _ONLY[name]))
        if name not in _ALIKE:
            new = getattr(self, name)(node) if hasattr(self, name) else _operator(name)
        else:
            kind, *parts = _ALIKE[name]
            new = kind(*(self.part(node, part) for part in parts))
            if "ctx" in kind._fields:
                new.ctx = ast.Load()
        if "lineno" in getattr(new, "_attributes", ()) and not hasattr(new, "lineno"):
            _at(new, self.place(node))
        return new

    def each(self, nodes: Sequence[Any]) -> list[Any]:
        return [self.one(node) for node in nodes]

    def part(self, node: Any, name: str) -> Any:
        value = getattr(node, name)
        if name in _SUITES and not isinstance(value, libcst.BaseExpression):
            return self.suite(value)
        return self.each(value) if isinstance(value, (list, tuple)) else self.one(value)

    def suite(self, block: Any) -> list[Any]:
        """The statements of a block; those of an `elif`, `else` or `finally`; none of None."""
        if block is None:
            return []
        if isinstance(block, libcst.If):
            return [self.one(block)]
        if isinstance(block, (libcst.Else, libcst.Finally)):
            return self.suite(block.body)
        found: list[Any] = []
        for statement in block.body:
            found += self.each(statement.body if isinstance(statement, libcst.SimpleStatementLine) else [statement])
        return found

    def stored(self, node: Any) -> Any:
        return None if node is None else _in_context(self.one(node), ast.Store)

    def place(self, node: Any, end: Any = None) -> Place:
        """Of a node, or from it to another; the brackets around tuples and generators are their own."""
        place = self.places[id(node)]
        if isinstance(node, _BRACKETED) and node.lpar and node.rpar:
            return (*self.places[id(node.lpar[-1])][:2], *self.places[id(node.rpar[0])][2:])
        return place if end is None else (*place[:2], *self.places[id(end)][2:])

    # Statements

    def Module(self, node: Any) -> ast.Module:
        return ast.Module(self.suite(node), [])

    def Raise(self, node: Any) -> Any:
        return ast.Raise(self.one(node.exc), self.one(node.cause))

    def Del(self, node: Any) -> Any:
        several = isinstance(node.target, libcst.Tuple) and not node.target.lpar
        targets = self.each(node.target.elements if several else [node.target])
        return ast.Delete([_in_context(target, ast.Del) for target in targets])

    def Global(self, node: Any) -> Any:
        return getattr(ast, type(node).__name__)([_identifier(item.name) for item in node.names])

    Nonlocal = Global

    def ImportFrom(self, node: Any) -> Any:
        names = [node.names] if isinstance(node.names, libcst.ImportStar) else node.names
        return ast.ImportFrom(_identifier(node.module) or None, self.each(names), len(node.relative))

    LazyImportFrom = ImportFrom

    def ImportAlias(self, node: Any) -> Any:
        return ast.alias(_identifier(node.name), _identifier(node.asname.name) if node.asname else None)

    def ImportStar(self, node: Any) -> Any:
        return ast.alias("*", None)

    def Assign(self, node: Any) -> Any:
        return ast.Assign([self.stored(target.target) for target in node.targets], self.one(node.value), None)

    def AnnAssign(self, node: Any) -> Any:
        simple = isinstance(node.target, libcst.Name) and not node.target.lpar
        return ast.AnnAssign(self.stored(node.target), self.one(node.annotation), self.one(node.value), int(simple))

    def AugAssign(self, node: Any) -> Any:
        return ast.AugAssign(self.stored(node.target), self.one(node.operator), self.one(node.value))

    def TypeAlias(self, node: Any) -> Any:
        if not _HAS_TYPES:
            return ast.Pass()
        return ast.TypeAlias(self.stored(node.name), self.type_parameters(node), self.one(node.value))

    def For(self, node: Any) -> Any:
        kind: Any = ast.AsyncFor if node.asynchronous else ast.For
        target, over = self.stored(node.target), self.one(node.iter)
        return kind(target, over, self.suite(node.body), self.suite(node.orelse), None)

    def With(self, node: Any) -> Any:
        kind: Any = ast.AsyncWith if node.asynchronous else ast.With
        return kind(self.each(node.items), self.suite(node.body), None)

    def WithItem(self, node: Any) -> Any:
        return ast.withitem(self.one(node.item), self.stored(node.asname.name) if node.asname else None)

    def ExceptHandler(self, node: Any) -> Any:
        name = _identifier(node.name.name) if node.name else None
        return ast.ExceptHandler(self.one(node.type), name, self.suite(node.body))

    ExceptStarHandler = ExceptHandler

    def FunctionDef(self, node: Any) -> Any:
        return _made(
            ast.AsyncFunctionDef if node.asynchronous else ast.FunctionDef,
            name=_identifier(node.name),
            args=self.one(node.params),
            body=self.suite(node.body),
            decorator_list=self.each(node.decorators),
            returns=self.one(node.returns),
            type_comment=None,
            type_params=self.type_parameters(node),
        )

    def ClassDef(self, node: Any) -> Any:
        bases, keywords = self.arguments([*node.bases, *node.keywords])
        return _made(
            ast.ClassDef,
            name=_identifier(node.name),
            bases=bases,
            keywords=keywords,
            body=self.suite(node.body),
            decorator_list=self.each(node.decorators),
            type_params=self.type_parameters(node),
        )

    def type_parameters(self, node: Any) -> list[Any]:
        return self.each(node.type_parameters.params) if node.type_parameters and _HAS_TYPES else []

    def TypeParam(self, node: Any) -> Any:
        default = self.one(node.default)
        if default is not None and node.star:
            row, column, *end = self.places[id(node.default)]
            default = _at(ast.Starred(default, ast.Load()), (row, column - 1, *end))
        kind, bound = getattr(ast, type(node.param).__name__), self.one(getattr(node.param, "bound", None))
        return _made(kind, name=_identifier(node.param.name), bound=bound, default_value=default)

    # Parameters and arguments

    def Parameters(self, node: Any) -> Any:
        rest = node.star_arg if isinstance(node.star_arg, libcst.Param) else None
        positional = [*node.posonly_params, *node.params]
        return ast.arguments(
            posonlyargs=self.each(node.posonly_params),
            args=self.each(node.params),
            vararg=self.one(rest),
            kwonlyargs=self.each(node.kwonly_params),
            kw_defaults=[self.one(param.default) for param in node.kwonly_params],
            kwarg=self.one(node.star_kwarg),
            defaults=[self.one(param.default) for param in positional if param.default is not None],
        )

    def Param(self, node: Any) -> Any:
        place = self.place(node.name, node.annotation)
        return _at(ast.arg(_identifier(node.name), self.one(node.annotation), None), place)

    def arguments(self, given: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Those of a call, or the bases of a class: without a name, and with one or `**`."""
        new = self.each(given)
        keywords = [one for one in new if isinstance(one, ast.keyword)]
        return [one for one in new if not isinstance(one, ast.keyword)], keywords

    def Arg(self, node: Any) -> Any:
        if node.keyword is not None or node.star == "**":
            return ast.keyword(_identifier(node.keyword) or None, self.one(node.value))
        return ast.Starred(self.one(node.value), ast.Load()) if node.star else self.one(node.value)

    def Call(self, node: Any) -> Any:
        function = self.one(node.func)
        args, keywords = self.arguments(node.args)
        if len(args) == 1 and isinstance(args[0], ast.GeneratorExp) and not node.args[0].value.lpar:
            last = node.func.rpar[-1] if node.func.rpar else node.func
            start = _after(*self.places[id(last)][2:], self.code(node.whitespace_after_func))
            _at(args[0], (*start, *self.place(node)[2:]))  # the brackets of the call are those of the generator
        return ast.Call(function, args, keywords)

    # Expressions

    def Name(self, node: Any) -> Any:
        known = node.value in _CONSTANTS
        return ast.Constant(_CONSTANTS[node.value], None) if known else ast.Name(_identifier(node), ast.Load())

    def Ellipsis(self, node: Any) -> Any:
        return ast.Constant(..., None)

    def Integer(self, node: Any) -> Any:
        return ast.Constant(_literal(node.value), None)

    Float = Imaginary = Integer

    def Attribute(self, node: Any) -> Any:
        return ast.Attribute(self.one(node.value), _identifier(node.attr), ast.Load())

    def Subscript(self, node: Any) -> Any:
        items, last = self.each(node.slice), node.slice[-1]
        comma = None if isinstance(last.comma, MaybeSentinel) else last.comma
        index = items[0]
        if len(items) > 1 or comma or isinstance(index, ast.Starred):
            index = _at(ast.Tuple(items, ast.Load()), self.place(node.slice[0], comma or last))
        return ast.Subscript(self.one(node.value), index, ast.Load())

    def Index(self, node: Any) -> Any:
        return ast.Starred(self.one(node.value), ast.Load()) if node.star else self.one(node.value)

    def BooleanOperation(self, node: Any) -> Any:
        left, values = node.left, [node.right]
        while (
            isinstance(left, libcst.BooleanOperation) and type(left.operator) is type(node.operator) and not left.lpar
        ):
            values.append(left.right)
            left = left.left
        return ast.BoolOp(self.one(node.operator), self.each([left, *reversed(values)]))

    def Comparison(self, node: Any) -> Any:
        operators = [self.one(target.operator) for target in node.comparisons]
        return ast.Compare(self.one(node.left), operators, [self.one(target.comparator) for target in node.comparisons])

    def Yield(self, node: Any) -> Any:
        kind: Any = ast.YieldFrom if isinstance(node.value, libcst.From) else ast.Yield
        return kind(self.one(node.value))

    def NamedExpr(self, node: Any) -> Any:
        return ast.NamedExpr(self.stored(node.target), self.one(node.value))

    def Dict(self, node: Any) -> Any:
        keys = [self.one(getattr(element, "key", None)) for element in node.elements]
        return ast.Dict(keys, [self.one(element.value) for element in node.elements])

    def StarredDictComp(self, node: Any) -> Any:  # {**a for a in b}
        key = _at(ast.Starred(self.one(node.value), ast.Load()), self.place(node.value))
        return ast.DictComp(key, self.one(node.value), self.one(node.for_in))

    def CompFor(self, node: Any) -> list[Any]:
        target, ifs = self.stored(node.target), self.each(node.ifs)
        clause = ast.comprehension(target, self.one(node.iter), ifs, int(node.asynchronous is not None))
        return [clause, *(self.one(node.inner_for_in) or ())]

    # Strings

    def SimpleString(self, node: Any) -> Any:
        return ast.Constant(_literal(node.value), "u" if node.value[0] == "u" else None)

    def ConcatenatedString(self, node: Any) -> Any:
        pieces: list[Any] = []
        while isinstance(node, libcst.ConcatenatedString):
            pieces.append(node.left)
            node = node.right
        pieces.append(node)
        if not all(isinstance(piece, libcst.SimpleString) for piece in pieces):
            return self.joined(pieces, self.place(pieces[0], node))
        values = [_literal(piece.value) for piece in pieces]
        empty = b"" if isinstance(values[0], bytes) else ""
        value = empty.join(value for value in values if isinstance(value, type(empty)))  # type: ignore[attr-defined]
        return ast.Constant(value, "u" if pieces[0].value[0] == "u" else None)

    def FormattedString(self, node: Any) -> Any:
        return self.joined([node], self.place(node))

    TemplatedString = FormattedString

    def joined(self, pieces: Sequence[Any], place: Place) -> Any:
        """Strings side by side of which one is an f-string."""
        kind = "u" if getattr(pieces[0], "value", "")[:1] == "u" else None
        parts: list[Any] = []
        for piece in pieces:
            if isinstance(piece, libcst.SimpleString):
                parts.append(_literal(piece.value))
            else:
                parts += self.parts(piece.parts, "r" in piece.start.lower(), kind, place)
        return self.merged(parts, kind, place)

    def parts(self, given: Sequence[Any], raw: bool, kind: str | None, place: Place) -> Iterator[Any]:
        """Texts and fields of one f-string or format spec."""
        for part in given:
            if isinstance(part, (libcst.FormattedStringText, libcst.TemplatedStringText)):
                yield _unescaped(part.value, raw)
                continue
            if part.equal is not None:
                code = map(self.code, (part.whitespace_before_expression, part.expression, part.equal))
                yield NEWLINE.sub("\n", "".join(code))
            conversion = ord(part.conversion) if part.conversion else -1
            spec = None
            if part.format_spec is not None:
                spec = self.merged(self.parts(part.format_spec, raw, kind, place), kind, place)
            elif part.equal is not None and conversion < 0:
                conversion = ord("r")
            yield _at(ast.FormattedValue(self.one(part.expression), conversion, spec), place)

    def merged(self, parts: Iterable[Any], kind: str | None, place: Place) -> Any:
        values: list[Any] = []
        for part in parts:
            if not isinstance(part, str):
                values.append(part)
            elif values and isinstance(values[-1], ast.Constant):
                values[-1].value += part
            elif part:
                values.append(_at(ast.Constant(part, kind), place))
        return _at(ast.JoinedStr(values), place)

    # Patterns

    def MatchAs(self, node: Any) -> Any:
        return ast.MatchAs(self.one(node.pattern), _identifier(node.name) or None)

    def MatchStar(self, node: Any) -> Any:
        return ast.MatchStar(_identifier(node.name) or None)

    def MatchSingleton(self, node: Any) -> Any:
        return ast.MatchSingleton(_CONSTANTS.get(node.value.value))

    def MatchMapping(self, node: Any) -> Any:
        keys = [self.one(element.key) for element in node.elements]
        patterns = [self.one(element.pattern) for element in node.elements]
        return ast.MatchMapping(keys, patterns, _identifier(node.rest) or None)

    def MatchClass(self, node: Any) -> Any:
        names = [_identifier(element.key) for element in node.kwds]
        patterns = [self.one(element.pattern) for element in node.kwds]
        return ast.MatchClass(self.one(node.cls), self.each(node.patterns), names, patterns)
