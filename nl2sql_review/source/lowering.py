"""LibCST's tree → the form that Python's own has, for code that the running Python is too old for.

`_ALIKE` has the kinds of LibCST's nodes that `ast` has too, part by part; every other kind has a method of its name.
What `ast` of the running Python has no node for becomes the nearest that it has: `type X = int` a `pass`, `except*` an
`except`; type parameters are left out. A template string, which is no text, is a node of its own. The parts of an f-string
get the place of the whole string, as before Python 3.12; only the expressions in its fields have their own.
"""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from contextlib import contextmanager
from typing import Any, Iterable, Iterator, Sequence

import libcst
from libcst._nodes.internal import CodegenState

from nl2sql_review.source.spans import NEWLINE

Place = tuple[int, int, int, int]  # row, column, end row, end column; rows from 1, columns from 0 and in bytes

_OPERATORS: dict[str, Any] = {  # those with another name than in `ast`
    "Subtract": ast.Sub, "Multiply": ast.Mult, "Divide": ast.Div, "FloorDivide": ast.FloorDiv, "Modulo": ast.Mod,
    "Power": ast.Pow, "LeftShift": ast.LShift, "RightShift": ast.RShift, "MatrixMultiply": ast.MatMult,
    "LessThan": ast.Lt, "GreaterThan": ast.Gt, "Equal": ast.Eq, "LessThanEqual": ast.LtE, "GreaterThanEqual": ast.GtE,
    "NotEqual": ast.NotEq, "Plus": ast.UAdd, "Minus": ast.USub, "BitInvert": ast.Invert,
}  # fmt: skip
_ALIKE: dict[str, tuple[Any, ...]] = {  # the kind in `ast`, and from which parts its fields come, in their order
    "Expr": (ast.Expr, "value"), "Return": (ast.Return, "value"), "Assert": (ast.Assert, "test", "msg"),
    "Assign": (ast.Assign, "targets", "value"), "Raise": (ast.Raise, "exc", "cause"),
    "AugAssign": (ast.AugAssign, "target", "operator", "value"), "Pass": (ast.Pass,), "Break": (ast.Break,),
    "Continue": (ast.Continue,), "Import": (ast.Import, "names"), "LazyImport": (ast.Import, "names"),
    "Global": (ast.Global, "names"), "Nonlocal": (ast.Nonlocal, "names"),
    "If": (ast.If, "test", "body", "orelse"), "While": (ast.While, "test", "body", "orelse"),
    "For": (ast.For, "target", "iter", "body", "orelse"), "With": (ast.With, "items", "body"),
    "Try": (ast.Try, "body", "handlers", "orelse", "finalbody"),
    "TryStar": (getattr(ast, "TryStar", ast.Try), "body", "handlers", "orelse", "finalbody"),
    "ExceptHandler": (ast.ExceptHandler, "type", "name", "body"),
    "ExceptStarHandler": (ast.ExceptHandler, "type", "name", "body"), "WithItem": (ast.withitem, "item", "asname"),
    "Match": (ast.Match, "subject", "cases"), "MatchCase": (ast.match_case, "pattern", "guard", "body"),
    "UnaryOperation": (ast.UnaryOp, "operator", "expression"),
    "BinaryOperation": (ast.BinOp, "left", "operator", "right"), "IfExp": (ast.IfExp, "test", "body", "orelse"),
    "Lambda": (ast.Lambda, "params", "body"), "Await": (ast.Await, "expression"),
    "NamedExpr": (ast.NamedExpr, "target", "value"), "Attribute": (ast.Attribute, "value", "attr"),
    "StarredElement": (ast.Starred, "value"), "Tuple": (ast.Tuple, "elements"), "List": (ast.List, "elements"),
    "Set": (ast.Set, "elements"), "GeneratorExp": (ast.GeneratorExp, "elt", "for_in"),
    "ListComp": (ast.ListComp, "elt", "for_in"), "SetComp": (ast.SetComp, "elt", "for_in"),
    "DictComp": (ast.DictComp, "key", "value", "for_in"), "MatchAs": (ast.MatchAs, "pattern", "name"),
    "MatchValue": (ast.MatchValue, "value"), "MatchOr": (ast.MatchOr, "patterns"),
    "MatchTuple": (ast.MatchSequence, "patterns"), "MatchList": (ast.MatchSequence, "patterns"),
}  # fmt: skip
_ONLY = {  # what only holds one part that means something
    "Element": "value", "SubscriptElement": "slice", "Annotation": "annotation", "Decorator": "decorator",
    "From": "item", "CompIf": "test", "AssignTarget": "target", "MatchSequenceElement": "value",
    "MatchOrElement": "pattern", "NameItem": "name",
}  # fmt: skip
_ASYNCHRONOUS: dict[Any, Any] = {ast.For: ast.AsyncFor, ast.With: ast.AsyncWith, ast.FunctionDef: ast.AsyncFunctionDef}
_CONSTANTS = {"None": None, "True": True, "False": False}
# Parts by their names: statements, what is stored, what is no node in `ast`.
_SUITES, _STORED, _IDENTIFIERS = ("body", "orelse", "finalbody"), ("target", "asname"), ("name", "attr")
_BRACKETED = (libcst.Tuple, libcst.GeneratorExp, libcst.MatchTuple)
_TYPE_ALIAS: Any = getattr(ast, "TypeAlias", None)  # where it is, type parameters are
_ESCAPES = re.compile(r"\\N\{[^}]*\}|\\[^{}]|\\|\{\{|\}\}|\"", re.DOTALL)  # in the text of an f-string
_MENDED = {"{{": "{", "}}": "}", "\\": "\\\\", '"': '\\"'}


class TemplateStr(ast.JoinedStr):
    """t"{x}", as Python 3.14 calls it: an object with the parts of the text."""


def lowered(module: libcst.Module, text: str) -> ast.Module:
    """The tree of `text` as `ast` would give it, with the places of all nodes; SyntaxError for strings that no Python reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that mean nothing
        return ast.Module(_Lowering(module, text).suite(module), [])


class _Places(CodegenState):
    """Where the nodes stand, by their `id`, without blanks and brackets around them; taken down as their code is generated."""

    def __init__(self, module: libcst.Module, text: str) -> None:
        super().__init__(module.default_indent, module.default_newline)
        self.text, self.offset, self.row, self.column = text, 0, 1, 0
        self.found: dict[int, Place] = {}
        self._starts: list[tuple[int, int]] = []
        module._codegen(self)

    def add_token(self, value: str) -> None:
        if not self.text.startswith(value, self.offset):
            rest = self.text[self.offset :].lstrip()
            if rest.startswith(value):  # LibCST forgets the blanks in f"{a!r }"
                value = self.text[self.offset : len(self.text) - len(rest)] + value
        self.offset += len(value)
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
        if isinstance(getattr(end_node, "semicolon", None), libcst.Semicolon):  # `if a: b;` ends behind it
            end_node = end_node.semicolon
        end = (self.row, self.column) if end_node is None else self.found[id(end_node)][2:]
        self.found[id(node)] = (*start, *end)


def _after(row: int, column: int, code: str) -> tuple[int, int]:
    """Where one is behind `code` that starts at a place."""
    lines = NEWLINE.split(code)
    return row + len(lines) - 1, len(lines[-1].encode()) + (column if len(lines) == 1 else 0)


def _at(node: Any, place: Place) -> Any:
    node.lineno, node.col_offset, node.end_lineno, node.end_col_offset = place
    return node


def _in_context(node: Any, context: Any) -> Any:
    """The same node, as something that is stored or deleted."""
    if "ctx" in node._fields:
        node.ctx = context()
    for part in [node.value] if isinstance(node, ast.Starred) else getattr(node, "elts", ()):
        _in_context(part, context)
    return node


def _last(node: Any) -> Any:
    return node.rpar[-1] if node.rpar else node


def _identifier(node: Any) -> Any:
    """A name as Python knows it, or names with dots between them; None of anything else."""
    if isinstance(node, libcst.Attribute):
        return f"{_identifier(node.value)}.{_identifier(node.attr)}"
    if isinstance(node, libcst.AsName):
        node = node.name
    return unicodedata.normalize("NFKC", node.value) if isinstance(node, libcst.Name) else None


def _unescaped(text: str, raw: bool) -> str:
    """What the text between the fields of an f-string says."""
    text = NEWLINE.sub("\n", text)
    if raw:
        return text.replace("{{", "{").replace("}}", "}")
    mended = _ESCAPES.sub(lambda match: _MENDED.get(match[0], match[0]), text)
    return str(ast.literal_eval(f'"""{mended}"""'))


class _Lowering:
    """One module's nodes, each put into the form of `ast` by the table or by the method of its name."""

    def __init__(self, module: libcst.Module, text: str) -> None:
        self.places = _Places(module, text).found
        self.code = module.code_for_node

    def one(self, node: Any) -> Any:
        """A node in the form of `ast`, at its place; None of None."""
        if node is None:
            return None
        name = type(node).__name__
        if name in _ONLY:
            return self.part(node, _ONLY[name])
        if name in _ALIKE:
            kind, *parts = _ALIKE[name]
            kind = _ASYNCHRONOUS[kind] if getattr(node, "asynchronous", None) else kind
            new = kind(*(self.part(node, part) for part in parts))
            if "ctx" in kind._fields:
                new.ctx = ast.Load()
        elif hasattr(self, name):
            new = getattr(self, name)(node)
        else:
            operator = name.removesuffix("Assign")
            return (_OPERATORS.get(operator) or getattr(ast, operator))()
        if "lineno" in getattr(new, "_attributes", ()) and not hasattr(new, "lineno"):
            _at(new, self.place(node))
        return new

    def each(self, nodes: Sequence[Any]) -> list[Any]:
        return [self.one(node) for node in nodes]

    def part(self, node: Any, name: str) -> Any:
        value = getattr(node, name)
        if name in _IDENTIFIERS:
            return _identifier(value)
        if name in _STORED:
            return self.stored(value)
        if name in _SUITES and not isinstance(value, libcst.BaseExpression):
            return self.suite(value)
        return self.each(value) if isinstance(value, (list, tuple)) else self.one(value)

    def suite(self, block: Any) -> list[Any]:
        """The statements of a block; those of an `elif`, `else` or `finally`; none of None."""
        if block is None or isinstance(block, libcst.If):
            return [self.one(block)] if block else []
        if isinstance(block, (libcst.Else, libcst.Finally)):
            return self.suite(block.body)
        found: list[Any] = []
        for statement in block.body:
            found += self.each(statement.body if isinstance(statement, libcst.SimpleStatementLine) else [statement])
        return found

    def stored(self, node: Any) -> Any:
        node = node.name if isinstance(node, libcst.AsName) else node
        return None if node is None else _in_context(self.one(node), ast.Store)

    def place(self, node: Any, end: Any = None) -> Place:
        """Of a node, or from it to another; the brackets around tuples and generators are their own."""
        node = node.value if isinstance(node, (libcst.MatchValue, libcst.MatchSingleton)) else node
        if isinstance(node, _BRACKETED) and node.lpar and node.rpar:
            node, end = node.lpar[-1], node.rpar[0]
        return (*self.places[id(node)][:2], *self.places[id(end or node)][2:])

    # Statements

    def Del(self, node: Any) -> Any:
        several = isinstance(node.target, libcst.Tuple) and not node.target.lpar
        targets = self.each(node.target.elements if several else [node.target])
        return ast.Delete([_in_context(target, ast.Del) for target in targets])

    def ImportFrom(self, node: Any) -> Any:
        names = [node.names] if isinstance(node.names, libcst.ImportStar) else node.names
        return ast.ImportFrom(_identifier(node.module), self.each(names), len(node.relative))

    LazyImportFrom = ImportFrom

    def ImportAlias(self, node: Any) -> Any:
        return ast.alias(_identifier(node.name), _identifier(node.asname))

    def ImportStar(self, node: Any) -> Any:
        return ast.alias("*", None)

    def AnnAssign(self, node: Any) -> Any:
        simple = isinstance(node.target, libcst.Name) and not node.target.lpar
        return ast.AnnAssign(self.stored(node.target), self.one(node.annotation), self.one(node.value), int(simple))

    def FunctionDef(self, node: Any) -> Any:
        kind: Any = _ASYNCHRONOUS[ast.FunctionDef] if node.asynchronous else ast.FunctionDef
        name, body, decorators = _identifier(node.name), self.suite(node.body), self.each(node.decorators)
        new = kind(name, self.one(node.params), body, decorators, self.one(node.returns), None)
        return self.with_types(new, node)

    def ClassDef(self, node: Any) -> Any:
        name, body, decorators = _identifier(node.name), self.suite(node.body), self.each(node.decorators)
        new = ast.ClassDef(name, *self.arguments([*node.bases, *node.keywords]), body, decorators)
        return self.with_types(new, node)

    def TypeAlias(self, node: Any) -> Any:
        if not _TYPE_ALIAS:
            return ast.Pass()
        return self.with_types(_TYPE_ALIAS(self.stored(node.name), [], self.one(node.value)), node)

    def with_types(self, new: Any, node: Any) -> Any:
        if _TYPE_ALIAS:
            new.type_params = self.each(node.type_parameters.params) if node.type_parameters else []
        return new

    def TypeParam(self, node: Any) -> Any:
        new = getattr(ast, type(node.param).__name__)(_identifier(node.param.name))
        if isinstance(node.param, libcst.TypeVar):
            new.bound = self.one(node.param.bound)
        if "default_value" in new._fields and node.default is not None:
            new.default_value = self.one(node.default)
            if node.star:
                row, column, end_row, end = self.places[id(node.default)]
                new.default_value = _at(ast.Starred(new.default_value, ast.Load()), (row, column - 1, end_row, end))
        return _at(new, self.place(node.param, _last(node.default) if node.default else node.param))

    # Parameters and arguments

    def Parameters(self, node: Any) -> Any:
        before, params, after = self.each(node.posonly_params), self.each(node.params), self.each(node.kwonly_params)
        rest = self.one(node.star_arg) if isinstance(node.star_arg, libcst.Param) else None
        defaults = [self.one(param.default) for param in (*node.posonly_params, *node.params) if param.default]
        by_name = [self.one(param.default) for param in node.kwonly_params]
        return ast.arguments(before, params, rest, after, by_name, self.one(node.star_kwarg), defaults)

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
            return ast.keyword(_identifier(node.keyword), self.one(node.value))
        return self.Index(node)

    def Index(self, node: Any) -> Any:
        return ast.Starred(self.one(node.value), ast.Load()) if node.star else self.one(node.value)

    def Call(self, node: Any) -> Any:
        function = self.one(node.func)
        args, keywords = self.arguments(node.args)
        if len(args) == 1 and isinstance(args[0], ast.GeneratorExp) and not node.args[0].value.lpar:
            start = _after(*self.places[id(_last(node.func))][2:], self.code(node.whitespace_after_func))
            _at(args[0], (*start, *self.place(node)[2:]))  # the brackets of the call are those of the generator
        return ast.Call(function, args, keywords)

    # Expressions

    def Name(self, node: Any) -> Any:
        known = node.value in _CONSTANTS
        return ast.Constant(_CONSTANTS[node.value], None) if known else ast.Name(_identifier(node), ast.Load())

    def Integer(self, node: Any) -> Any:
        return ast.Constant(ast.literal_eval(getattr(node, "value", "...")), None)

    Ellipsis = Float = Imaginary = Integer

    def Subscript(self, node: Any) -> Any:
        items, last = self.each(node.slice), node.slice[-1]
        index, comma = items[0], last.comma if isinstance(last.comma, libcst.Comma) else None
        if len(items) > 1 or comma or isinstance(index, ast.Starred):
            index = _at(ast.Tuple(items, ast.Load()), self.place(node.slice[0], comma or last))
        return ast.Subscript(self.one(node.value), index, ast.Load())

    def Slice(self, node: Any) -> Any:
        new = ast.Slice(self.one(node.lower), self.one(node.upper), self.one(node.step))
        second = isinstance(node.second_colon, libcst.Colon)
        ends_in_colon = node.step is None if second else node.upper is None
        last = node.second_colon if second else node.first_colon
        return _at(new, self.place(node, last if ends_in_colon else None))

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

    def ConcatenatedString(self, node: Any) -> Any:
        pieces: list[Any] = []
        last = node
        while isinstance(last, libcst.ConcatenatedString):
            pieces.append(last.left)
            last = last.right
        pieces.append(last)
        if all(isinstance(piece, libcst.SimpleString) for piece in pieces):
            values = [ast.literal_eval(piece.value) for piece in pieces]
            alike = [value for value in values if type(value) is type(values[0])]
            return ast.Constant(type(values[0])().join(alike), "u" if pieces[0].value[0] == "u" else None)
        place = self.place(node)
        parts: list[Any] = []
        for piece in pieces:
            if isinstance(piece, libcst.SimpleString):
                parts.append(str(ast.literal_eval(piece.value)))
            else:
                parts += self.parts(piece.parts, "r" in piece.start.lower(), place)
        templates = any(isinstance(piece, libcst.TemplatedString) for piece in pieces)
        return self.joined(parts, place, TemplateStr if templates else ast.JoinedStr)

    SimpleString = FormattedString = TemplatedString = ConcatenatedString

    def parts(self, given: Sequence[Any], raw: bool, place: Place) -> Iterator[Any]:
        """Texts and fields of one f-string or format spec."""
        for part in given:
            if not hasattr(part, "expression"):
                yield _unescaped(part.value, raw)
                continue
            if part.equal is not None:
                code = map(self.code, (part.whitespace_before_expression, part.expression, part.equal))
                yield NEWLINE.sub("\n", "".join(code))
            conversion = ord(part.conversion) if part.conversion else -1
            spec = None
            if part.format_spec is not None:
                spec = self.joined(self.parts(part.format_spec, raw, place), place)
            elif part.equal is not None and conversion < 0:
                conversion = ord("r")
            yield _at(ast.FormattedValue(self.one(part.expression), conversion, spec), place)

    def joined(self, parts: Iterable[Any], place: Place, kind: Any = ast.JoinedStr) -> Any:
        """An f-string or format spec, with neighbouring texts as one."""
        values: list[Any] = []
        for part in parts:
            if not isinstance(part, str):
                values.append(part)
            elif values and isinstance(values[-1].value, str):
                values[-1].value += part
            elif part:
                values.append(_at(ast.Constant(part, None), place))
        return _at(kind(values), place)

    # Patterns

    def MatchStar(self, node: Any) -> Any:
        start = self.place(node)[:2]  # its end takes in the comma
        code = f"*{self.code(node.whitespace_before_name)}{node.name.value if node.name else '_'}"
        return _at(ast.MatchStar(_identifier(node.name)), (*start, *_after(*start, code)))

    def MatchSingleton(self, node: Any) -> Any:
        return ast.MatchSingleton(_CONSTANTS.get(node.value.value))

    def MatchMapping(self, node: Any) -> Any:
        keys = [self.one(element.key) for element in node.elements]
        patterns = [self.one(element.pattern) for element in node.elements]
        return ast.MatchMapping(keys, patterns, _identifier(node.rest))

    def MatchClass(self, node: Any) -> Any:
        names = [_identifier(element.key) for element in node.kwds]
        patterns = [self.one(element.pattern) for element in node.kwds]
        return ast.MatchClass(self.one(node.cls), self.each(node.patterns), names, patterns)
