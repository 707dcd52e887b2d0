"""Step budgets: full for code that training depends on, a few steps for the rest of a script.

A notebook that plays a game before it trains would use up the steps of the whole script. So a statement of the module
that does not mention training has a budget of its own, a small one if it touches no variable read by a statement that
does; so has a function that does not mention training, and each method that only a library calls. When that budget is
spent, all that the code had changed or may still have changed becomes unknown, and the script continues.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import libcst as cst

from ...source import Source
from ...source.syntax import all_of
from ...training_plan.values import Known, Unknown, Value
from ..core.machine import Machine
from ..core.objects import Arguments, Class, Function
from ..core.state import Exhausted
from .forgetting import forget_reached, values_of
from .training_words import WORD, leading, speaks_of_training

ASIDE = 2_500  # steps of a statement that training does not depend on
TOUCHING = 10_000  # of one that says nothing of training, and changes what a statement reads that does
CALLBACK = 3_000  # of a method that a library calls
DRIVEN = 5_000  # of a function that nobody calls, in a script whose training was followed


T = TypeVar("T")


def within(
    m: Machine, limit: int, what: str, work: Callable[[], T], spent: Callable[[], None] | None = None
) -> T | None:
    """Return the result of the work within a limit of the remaining steps, or None if they were not enough.

    In that case all that the work had changed becomes unknown, and `spent` is called.
    """
    if m.steps <= limit:
        return work()
    saved, m.steps = m.steps, limit
    mark, silent, trying, uncalled = m.mark(), m.silent, m.trying, m.uncalled
    stacks: list[list[Any]] = [m.conditions, m.unlikely, m.frames, m.loops, m.assumed, m.try_depths, m.escapes]
    depths = [len(stack) for stack in stacks]
    try:
        return work()
    except Exhausted:
        for stack, depth in zip(stacks, depths):
            del stack[depth:]
        m.silent, m.trying, m.uncalled = silent, trying, uncalled
        m.steps, m.recording.left_out = 0, True
        m.deferred(mark, what)
        if spent is not None:
            spent()
        return None
    finally:
        m.steps = saved - (limit - max(m.steps, 0))


def says_nothing(m: Machine, fn: Function) -> bool:
    """Return whether a function (or its class) does not mention training, and no other such function is running."""
    top = fn.owner.name if fn.owner is not None else fn.name
    return not m.within_aside and top in m.functions_aside and fn.scope.module.name == "__main__"


def call_aside(m: Machine, fn: Function, args: Arguments, node: cst.CSTNode | None, cls: Class | None) -> Value:
    """Call a function that does not mention training, such as a game or a solver, for a share of the remaining steps.

    The share is a third while most of them are left, and a tenth later on.
    """
    what = f"{fn.name}(), a function that takes many steps,"

    def spent() -> None:
        forget_reached(m, [Known(fn), *values_of(args)], f"{what} may change it")

    m.within_aside = True
    try:
        limit = m.steps // (3 if 2 * m.steps > m.granted else 10)
        made = within(m, limit, what, lambda: m.call_function(fn, args, node, cls), spent)
    finally:
        m.within_aside = False
    return made if made is not None else Unknown(f"what {what} returns")


def aside(source: Source) -> tuple[dict[int, int], set[str]]:
    """Return the statements of a module that do not mention training, by id, and the steps each may take.

    Also return the names of its functions and classes that do not mention training.

    A statement that names a function which leads to the training, such as the `main()` at the end of most scripts,
    counts as one that mentions it. A statement that touches a variable of the module read by such a statement may take
    more steps. Functions and classes do not count as variables; the names that they read count for the statements that
    use them.
    """
    statements = by_statement(source)
    lines = [line for line, _ in statements]
    said = {id(line): text_of(nodes) for line, nodes in statements}
    words = {line: set(WORD.findall(text)) for line, text in said.items()}
    variables = {name for line, nodes in statements if not isinstance(line, DEFINITIONS) for name in bound(nodes)}
    needed: set[str] = set()
    rest: list[cst.CSTNode] = []
    training = leading((line.name.value, said[id(line)]) for line in lines if isinstance(line, DEFINITIONS))
    for line in lines:
        if (
            words[id(line)] & training
            or speaks_of_training(said[id(line)])
            or isinstance(line, cst.SimpleStatementLine)
            and imports(line)
        ):
            needed |= words[id(line)]
        else:
            rest.append(line)
    defined = {line.name.value: line for line in rest if isinstance(line, (cst.FunctionDef, cst.ClassDef))}
    rest = [line for line in rest if not isinstance(line, (cst.FunctionDef, cst.ClassDef))]
    limits = {id(other): ASIDE for other in rest}
    left = rest
    while True:
        called = [name for name in defined if name in needed]
        for name in called:
            needed |= words[id(defined.pop(name))]
        touching = [other for other in left if words[id(other)] & variables & needed]
        for other in touching:
            needed |= words[id(other)]
            limits[id(other)] = TOUCHING
        left = [other for other in left if limits[id(other)] == ASIDE]
        if not called and not touching:
            inner = [(other.body if isinstance(other, cst.SimpleStatementLine) else [other], other) for other in rest]
            names = {line.name.value for line in lines if isinstance(line, DEFINITIONS)}
            return {id(one): limits[id(other)] for part, other in inner for one in part}, names - training


DEFINITIONS = (cst.FunctionDef, cst.ClassDef)
BINDING = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.For)


def by_statement(source: Source) -> list[tuple[cst.CSTNode, list[cst.CSTNode]]]:
    """Return the statements of a module, each with its nodes."""
    order = source.nodes.order
    wanted = set(map(id, source.tree.body))
    starts = [n for n, node in enumerate(order) if id(node) in wanted]
    return [(order[start], order[start:end]) for start, end in zip(starts, [*starts[1:], len(order)])]


def text_of(nodes: list[cst.CSTNode]) -> str:
    """Return the names and the plain texts in a statement."""
    return " ".join([node.value[:200] for node in nodes if type(node) is cst.Name or type(node) is cst.SimpleString])


def bound(nodes: list[cst.CSTNode]) -> set[str]:
    """Return the names that a statement of the module assigns, loops over, or binds by `with`."""
    targets: list[cst.CSTNode] = []
    for node in nodes:
        if type(node) in BINDING:
            targets.append(node.target)  # type: ignore[attr-defined]  # each of them has one
        elif type(node) is cst.AsName:
            targets.append(node.name)
    return {name.value for target in targets for name in all_of(cst.Name, target)}


def imports(line: cst.SimpleStatementLine) -> bool:
    return any(isinstance(one, (cst.Import, cst.ImportFrom)) for one in line.body)
