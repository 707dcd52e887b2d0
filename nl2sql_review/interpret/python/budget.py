"""Steps for what training depends on: the rest of a script is followed only as far as a few steps go.

A notebook that plays a game before it trains would use up the steps of the whole script. So a statement of the module
that says nothing of training, and touches no variable that one which does reads, has a small budget of its own, and so
has each method that only a library calls. Where it is spent, what had been changed is unknown, and the script goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import libcst as cst

from ...source import Source
from ...source.syntax import all_of
from ..core.machine import Machine
from ..core.state import Exhausted

ASIDE = 2_500  # steps of a statement that training does not depend on
CALLBACK = 3_000  # of a method that a library calls
WORD = re.compile(r"[A-Za-z_]\w*")


T = TypeVar("T")


def within(m: Machine, limit: int, what: str, work: Callable[[], T]) -> T | None:
    """What the work returns, with at most so many of the steps that are left; None where they did not do."""
    if m.steps <= limit:
        return work()
    saved, m.steps = m.steps, limit
    mark, silent, trying, driving = m.mark(), m.silent, m.trying, m.driving
    stacks: list[list[Any]] = [m.conditions, m.unlikely, m.frames, m.loops, m.assumed, m.try_depths, m.escapes]
    depths = [len(stack) for stack in stacks]
    try:
        return work()
    except Exhausted:
        for stack, depth in zip(stacks, depths):
            del stack[depth:]
        m.silent, m.trying, m.driving = silent, trying, driving
        m.steps = 0
        m.deferred(mark, what)
        return None
    finally:
        m.steps = saved - (limit - max(m.steps, 0))


def aside(source: Source, speaks: Callable[[str], bool]) -> set[int]:
    """Ids of the statements of a module that training does not depend on.

    `speaks` says whether a text speaks of training. A statement counts as well if it touches a variable of the module
    that such a statement reads; functions and classes are no variables, but what they read counts where they do. So
    does a statement that names a function which leads to the training: the `main()` at the end of most scripts.
    """
    parts = by_statement(source)
    lines = [line for line, _ in parts]
    said = {id(line): text_of(nodes) for line, nodes in parts}
    words = {line: set(WORD.findall(text)) for line, text in said.items()}
    variables = {name for line, nodes in parts if not isinstance(line, DEFINITIONS) for name in bound(nodes)}
    needed: set[str] = set()
    rest: list[cst.CSTNode] = []
    training = leading([line for line in lines if isinstance(line, DEFINITIONS)], said, words, speaks)
    for line in lines:
        if (
            words[id(line)] & training
            or speaks(said[id(line)])
            or isinstance(line, cst.SimpleStatementLine)
            and imports(line)
        ):
            needed |= words[id(line)]
        else:
            rest.append(line)
    defined = {line.name.value: line for line in rest if isinstance(line, (cst.FunctionDef, cst.ClassDef))}
    rest = [line for line in rest if not isinstance(line, (cst.FunctionDef, cst.ClassDef))]
    while True:
        called = [name for name in defined if name in needed]
        for name in called:
            needed |= words[id(defined.pop(name))]
        touching = [other for other in rest if words[id(other)] & variables & needed]
        for other in touching:
            needed |= words[id(other)]
        rest = [other for other in rest if not any(other is one for one in touching)]
        if not called and not touching:
            inner = [other.body if isinstance(other, cst.SimpleStatementLine) else [other] for other in rest]
            return {id(one) for part in inner for one in part}


DEFINITIONS = (cst.FunctionDef, cst.ClassDef)
BINDING = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For)


def leading(
    definitions: list[cst.FunctionDef | cst.ClassDef],
    said: dict[int, str],
    words: dict[int, set[str]],
    speaks: Callable[[str], bool],
) -> set[str]:
    """The names of functions and classes that speak of training, or name one that does."""
    found = {one.name.value for one in definitions if speaks(said[id(one)])}
    while True:
        more = {one.name.value for one in definitions if words[id(one)] & found} - found
        if not more:
            return found
        found |= more


def by_statement(source: Source) -> list[tuple[cst.CSTNode, list[cst.CSTNode]]]:
    """The statements of a module, each with its nodes."""
    order = source.nodes.order
    wanted = set(map(id, source.tree.body))
    starts = [n for n, node in enumerate(order) if id(node) in wanted]
    return [(order[start], order[start:end]) for start, end in zip(starts, [*starts[1:], len(order)])]


def text_of(nodes: list[cst.CSTNode]) -> str:
    """The names and the plain texts in a statement."""
    return " ".join([node.value[:200] for node in nodes if type(node) is cst.Name or type(node) is cst.SimpleString])


def bound(nodes: list[cst.CSTNode]) -> set[str]:
    """The names that a statement of the module assigns, loops over, or takes from `with`."""
    targets: list[cst.CSTNode] = []
    for node in nodes:
        if type(node) in BINDING:
            targets.append(node.target)  # type: ignore[attr-defined]  # each of them has one
        elif type(node) is cst.AsName:
            targets.append(node.name)
    return {name.value for target in targets for name in all_of(cst.Name, target)}


def imports(line: cst.SimpleStatementLine) -> bool:
    return any(isinstance(one, (cst.Import, cst.ImportFrom)) for one in line.body)
