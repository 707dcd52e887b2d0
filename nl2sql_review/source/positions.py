"""Places of nodes: runs of LibCST's code generator that record positions only at requested nodes.

LibCST's own PositionProvider splits every token at line ends and stores a range for every node, at six times the
cost of generating the code. Here a node costs the index of the token it starts and ends with; the offsets of tokens
are summed up once, in C. Nodes are identified by `id`: their own `__hash__` is a Python function that returns it.

A few nodes are found without generating all: if a statement's code occurs once in the text, that is its place.
"""

from __future__ import annotations

from contextlib import nullcontext
from itertools import accumulate
from typing import Any, Iterable

import libcst
from libcst._nodes.internal import CodegenState

from .parsing import deeply
from .syntax import Nodes, walk

Ranges = dict[int, tuple[int, int]]  # by the id of a node: where it starts and ends


def offsets(module: libcst.Module, text: str, nodes: Iterable[libcst.CSTNode] | None) -> Ranges:
    """Return the start and end of each of `nodes` (None: all with meaning) of the module that was read from `text`.

    Syntactic positions as PositionProvider defines them, without surrounding whitespace, parentheses and commas; but
    the brackets around tuples and generators are included.
    """
    return _generate(module, module, map(id, walk(module) if nodes is None else nodes)).ranges(text)


def offsets_by_statement(nodes: Nodes, text: str, wanted: Iterable[libcst.CSTNode]) -> Ranges | None:
    """Return the same as `offsets`, or None unless each node lies in a statement whose code occurs once in the text."""
    module = nodes.module
    if not module.has_trailing_newline:
        text += module.default_newline  # which the code of a statement ends in
    held: dict[int, tuple[libcst.CSTNode, set[int]]] = {}
    for node in wanted:
        statement = _statement(nodes, node)
        if statement is None:
            return None
        held.setdefault(id(statement), (statement, set()))[1].add(id(node))
    missing = set().union(*(ids for _, ids in held.values()))
    found: Ranges = {}
    placed = [(statement, _indents(nodes, statement), ids) for statement, ids in held.values()]
    for statement, indents, ids in sorted(placed, key=lambda one: len(one[1])):
        if missing.isdisjoint(ids):  # found with a statement that it stands in
            continue
        state = _generate(module, statement, missing, indents)
        code = "".join(state.tokens)
        at = text.find(code)
        if at < 0 or text.find(code, at + 1) >= 0:
            return None
        found.update((node, (at + start, at + end)) for node, (start, end) in state.ranges(code).items())
        missing.difference_update(found)
    return None if missing else found


def _statement(nodes: Nodes, node: libcst.CSTNode) -> libcst.CSTNode | None:
    """The innermost statement that holds a node, itself included; None where it is not in the tree, or the module."""
    outer = nodes.parents.get(id(node))
    while outer is not None and type(outer) is not libcst.IndentedBlock and outer is not nodes.module:
        node, outer = outer, nodes.parents.get(id(outer))
    return None if outer is None else node


def _indents(nodes: Nodes, statement: libcst.CSTNode) -> list[str]:
    """The indents that a statement stands behind."""
    blocks = [one for one in nodes.path(statement) if type(one) is libcst.IndentedBlock]
    return [nodes.module.default_indent if one.indent is None else one.indent for one in blocks]


def code_of(module: libcst.Module, node: libcst.CSTNode) -> str:
    """Return the code of one node alone, with the extent that `offsets` defines; it need not be in the module."""
    state = _generate(module, node, [id(node)])
    start, end = state.range(id(node))
    code = "".join(state.tokens[start:end])
    lone = isinstance(node, libcst.GeneratorExp) and not node.lpar  # its brackets are those of a call
    return f"({code})" if lone else code


def _generate(module: libcst.Module, root: libcst.CSTNode, wanted: Iterable[int], indent: Iterable[str] = ()) -> _State:
    """Run the code generator over `root`, which has the indentation `indent`."""
    ids = set(wanted)

    def run() -> _State:
        state = _State(module.default_indent, module.default_newline, indent_tokens=[*indent])
        state.wanted = set(ids)
        root._codegen(state)
        return state

    try:
        return run()
    except RecursionError:
        return deeply(run)


_NOTHING = nullcontext()
_BLANKS = frozenset(" \t\f\\\r\n")
_BRACKETED = (libcst.Tuple, libcst.GeneratorExp)


class _State(CodegenState):
    wanted: set[int]
    found: Ranges  # indexes into tokens
    starts: dict[int, int]

    def __init__(self, *args: Any, **keywords: Any) -> None:  # those of CodegenState
        super().__init__(*args, **keywords)
        self.found, self.starts = {}, {}
        self.bracketed: set[int] = set()

    def ranges(self, text: str) -> Ranges:
        """Return the offsets into the text that the code was read from."""
        starts = ends = [0, *accumulate(map(len, self.tokens))]
        if "".join(self.tokens) != text:
            starts, ends = _aligned(self.tokens, text)
        last = len(ends) - 1  # the module takes its last line end back
        places = zip(self.found, map(self.range, self.found))
        return {node: (starts[min(start, last)], ends[min(end, last)]) for node, (start, end) in places}

    def range(self, node: int) -> tuple[int, int]:
        """Return the first and last token of a node, by its id."""
        start, end = self.found[node]
        if node not in self.bracketed:
            return start, end
        bracket = start - 1
        while bracket >= 0 and self.tokens[bracket] != "(":  # blanks and comments stand between
            bracket -= 1
        return (bracket, self.tokens.index(")", end) + 1) if bracket >= 0 else (start, end)

    def before_codegen(self, node: libcst.CSTNode) -> None:
        if id(node) in self.wanted:
            self.starts[id(node)] = len(self.tokens)

    def after_codegen(self, node: libcst.CSTNode) -> None:
        if id(node) in self.wanted and id(node) not in self.found:
            self.found[id(node)] = (self.starts[id(node)], len(self.tokens))

    def record_syntactic_position(
        self, node: libcst.CSTNode, *, start_node: libcst.CSTNode | None = None, end_node: libcst.CSTNode | None = None
    ) -> Any:
        return _Syntactic(self, node, start_node, end_node) if id(node) in self.wanted else _NOTHING


def _aligned(tokens: list[str], text: str) -> tuple[list[int], list[int]]:
    """Return the token starts in the text, and the ends of those before: LibCST drops form feeds and some blanks."""
    starts, ends, at = [], [0], 0
    for token in tokens:
        begin = at
        while text[begin : begin + 1] in _BLANKS and not text.startswith(token, begin):
            begin += 1
        if text.startswith(token, begin):
            at = begin
        starts.append(at)
        at += len(token)
        ends.append(at)
    return [*starts, at], ends


class _Syntactic:
    """Syntactic extent of a node; its start or end may be those of a node within."""

    __slots__ = ("state", "node", "start_node", "end_node", "start")

    def __init__(
        self, state: _State, node: libcst.CSTNode, start_node: libcst.CSTNode | None, end_node: libcst.CSTNode | None
    ) -> None:
        self.state, self.node, self.start_node, self.end_node = state, node, start_node, end_node

    def __enter__(self) -> None:
        self.start = len(self.state.tokens)
        for node in (self.start_node, self.end_node):
            if node is not None:
                self.state.wanted.add(id(node))

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        if error is not None:  # too deep: the nodes within are not found yet
            return
        found = self.state.found
        start = self.start if self.start_node is None else found[id(self.start_node)][0]
        end = len(self.state.tokens) if self.end_node is None else found[id(self.end_node)][1]
        found[id(self.node)] = (start, end)
        if isinstance(self.node, _BRACKETED) and (self.node.lpar or isinstance(self.node, libcst.GeneratorExp)):
            self.state.bracketed.add(id(self.node))
