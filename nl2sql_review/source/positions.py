"""Where nodes stand: runs of LibCST's code generator, with positions taken only at the nodes asked for.

LibCST's own PositionProvider splits every token at line ends and stores a range for every node, at six times the
cost of generating the code. Here a node costs the index of the token it starts and ends with; the offsets of tokens
are summed up once, in C. Nodes are told apart by `id`: their own `__hash__` is a Python function that returns it.

A few nodes are found without generating all: a statement whose code occurs once in the text stands there.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any, Iterable, Iterator

import libcst
from libcst._nodes.internal import CodegenState

from nl2sql_review.source.parsing import deeply
from nl2sql_review.source.syntax import walk

Ranges = dict[int, tuple[int, int]]  # by the id of a node: where it starts and ends


def offsets(module: libcst.Module, nodes: Iterable[libcst.CSTNode] | None) -> tuple[str, Ranges]:
    """The module's code, and by the id of each of `nodes` (None: every node) where it starts and ends in that code.

    Syntactic positions as PositionProvider defines them: without surrounding whitespace, parentheses and commas.
    """
    try:
        state = _generate(module, nodes)
    except RecursionError:
        state = deeply(lambda: _generate(module, nodes))
    return "".join(state.tokens), state.ranges()


def offsets_by_statement(module: libcst.Module, text: str, nodes: Iterable[libcst.CSTNode]) -> Ranges | None:
    """As `offsets`, in the text the module was read from; None unless every statement that holds nodes occurs in it once."""
    missing = set(map(id, nodes))
    found: Ranges = {}
    if not module.has_trailing_newline:
        text += module.default_newline  # which the code of a statement ends in
    for statement, indent in _holders(module, missing):
        state = _State(module.default_indent, module.default_newline, indent_tokens=indent)
        state.wanted = set(missing)
        statement._codegen(state)
        code = "".join(state.tokens)
        at = text.find(code)
        if at < 0 or text.find(code, at + 1) >= 0:
            return None
        found.update((node, (at + start, at + end)) for node, (start, end) in state.ranges().items())
        missing.difference_update(found)
        if not missing:
            return found
    return None


def _holders(module: libcst.Module, wanted: set[int]) -> Iterator[tuple[Any, list[str]]]:
    """The innermost statements that hold wanted nodes, and the indents they stand behind."""
    stack: list[tuple[Any, list[str]]] = [(statement, []) for statement in reversed(module.body)]
    while stack:
        statement, indent = stack.pop()
        blocks = []
        for node in walk(statement, closed=libcst.IndentedBlock):
            if id(node) in wanted:
                yield statement, indent
                break
            if type(node) is libcst.IndentedBlock:
                blocks.append(node)
        else:
            for block in reversed(blocks):
                deeper = [*indent, module.default_indent if block.indent is None else block.indent]
                stack += [(statement, deeper) for statement in reversed(block.body)]


def code_of(module: libcst.Module, node: libcst.CSTNode) -> str:
    """The code of one node alone, without the parentheses or the comma around it; it need not be of the module."""
    try:
        state = _generate(module, [node], node)
    except RecursionError:
        state = deeply(lambda: _generate(module, [node], node))
    start, end = state.found[id(node)]
    return "".join(state.tokens[start:end])


def _generate(
    module: libcst.Module, nodes: Iterable[libcst.CSTNode] | None, root: libcst.CSTNode | None = None
) -> _State:
    """A run of the code generator over `root`, by default the whole module."""
    kind = _EveryNodeState if nodes is None else _State
    state = kind(module.default_indent, module.default_newline)
    state.wanted = set(map(id, nodes or ()))
    (root or module)._codegen(state)
    return state


class _Nothing:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


_NOTHING = _Nothing()


class _State(CodegenState):
    wanted: set[int]
    found: Ranges  # indexes into tokens
    starts: dict[int, int]

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.found, self.starts = {}, {}

    def ranges(self) -> Ranges:
        """Offsets into the code generated."""
        ends = [0, *accumulate(map(len, self.tokens))]
        last = len(ends) - 1  # the module takes its last line end back
        return {node: (ends[min(start, last)], ends[min(end, last)]) for node, (start, end) in self.found.items()}

    def before_codegen(self, node: Any) -> None:
        if id(node) in self.wanted:
            self.starts[id(node)] = len(self.tokens)

    def after_codegen(self, node: Any) -> None:
        if id(node) in self.wanted and id(node) not in self.found:
            self.found[id(node)] = (self.starts[id(node)], len(self.tokens))

    def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Any:
        return _Syntactic(self, node, start_node, end_node) if id(node) in self.wanted else _NOTHING


class _EveryNodeState(_State):
    def before_codegen(self, node: Any) -> None:
        self.starts[id(node)] = len(self.tokens)

    def after_codegen(self, node: Any) -> None:
        if id(node) not in self.found:
            self.found[id(node)] = (self.starts[id(node)], len(self.tokens))

    def record_syntactic_position(self, node: Any, *, start_node: Any = None, end_node: Any = None) -> Any:
        return _Syntactic(self, node, start_node, end_node)


class _Syntactic:
    """What a node calls its own extent; it may borrow its start or its end from a node within."""

    __slots__ = ("state", "node", "start_node", "end_node", "start")

    def __init__(self, state: _State, node: Any, start_node: Any, end_node: Any) -> None:
        self.state, self.node, self.start_node, self.end_node = state, node, start_node, end_node

    def __enter__(self) -> None:
        self.start = len(self.state.tokens)
        for node in (self.start_node, self.end_node):
            if node is not None:
                self.state.wanted.add(id(node))

    def __exit__(self, *_: object) -> None:
        found = self.state.found
        start = self.start if self.start_node is None else found[id(self.start_node)][0]
        end = len(self.state.tokens) if self.end_node is None else found[id(self.end_node)][1]
        found[id(self.node)] = (start, end)
