"""Where nodes stand: one run of LibCST's code generator, with positions taken only at the nodes asked for.

LibCST's own PositionProvider splits every token at line ends and stores a range for every node, at six times the
cost of generating the code. Here a node costs the index of the token it starts and ends with; the offsets of tokens
are summed up once, in C. Nodes are told apart by `id`: their own `__hash__` is a Python function that returns it.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any, Iterable

from libcst._nodes.internal import CodegenState

from nl2sql_review.source.parsing import deeply

if TYPE_CHECKING:
    import libcst


def offsets(module: libcst.Module, nodes: Iterable[libcst.CSTNode] | None) -> tuple[str, dict[int, tuple[int, int]]]:
    """The module's code, and by the id of each of `nodes` (None: every node) where it starts and ends in that code.

    Syntactic positions as PositionProvider defines them: without surrounding whitespace, parentheses and commas.
    """
    try:
        state = _generate(module, nodes)
    except RecursionError:
        state = deeply(lambda: _generate(module, nodes))
    ends = [0, *accumulate(map(len, state.tokens))]
    last = len(ends) - 1
    return "".join(state.tokens), {
        node: (ends[min(start, last)], ends[min(end, last)]) for node, (start, end) in state.found.items()
    }


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
    state.found = {}
    state.starts = {}
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
    found: dict[int, tuple[int, int]]  # indexes into tokens
    starts: dict[int, int]

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
