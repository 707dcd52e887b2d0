"""The sides of a test: the one that is taken, or both where only the run decides, their changes joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from ...training_plan.values import Unknown, Value
from ..core.joins import condition_text
from ..core.machine import Machine
from ..core.objects import Scope
from ..core.operations import truth
from ..core.recording import Condition
from ..core.state import Changes, Flow, Rest

if TYPE_CHECKING:
    import libcst as cst


def branch(
    m: Machine,
    test: Value,
    then: Callable[[], Flow],
    otherwise: Callable[[], Flow],
    contradict: Callable[[bool], None] | None = None,
    narrow: Callable[[bool], Changes] | None = None,
) -> Flow:
    """Run the side that the test chooses, or both sides if only the run decides. Return whether a path continues.

    `contradict` is called on entry to the side that a default does not choose, with whether the test is true there;
    `narrow` on entry to each side of a test that only the run decides.
    """
    verdict, by = truth(test)
    if verdict is None:
        return run_both(m, test, then, otherwise, narrow)
    likely, other = (then, otherwise) if verdict else (otherwise, then)
    if not by:
        return likely()

    def entered() -> None:
        if contradict is not None:
            contradict(not verdict)

    return run_likely(m, by, likely, other, entered)


def run_likely(
    m: Machine, by: str, likely: Callable[[], Flow], other: Callable[[], Flow], entered: Callable[[], None]
) -> Flow:
    """Run the side that a default chooses, then the other one as what another setting of `by` would do.

    `entered` is called on entry to the other side if both may reach the same code.
    """
    mark = m.mark()
    before, returns = departures(m), len(m.frame.exits)
    m.assumed.append(by)
    alive = likely()
    m.assumed.pop()
    left = not alive and len(m.frame.exits) > returns
    changes = m.changes(mark)
    m.rollback(mark)
    with m.supposing(unlikely=by):
        if alive or departures(m) == before:
            entered()
        other_alive = other()
    if alive and other_alive:
        m.prefer(mark, changes, m.changes(mark), by)
    elif alive:
        m.rollback(mark)
        m.apply(changes)
    return Rest(by) if left and other_alive else alive or other_alive


def run_both(
    m: Machine,
    test: Value,
    then: Callable[[], Flow],
    otherwise: Callable[[], Flow],
    narrow: Callable[[bool], Changes] | None,
) -> Flow:
    """Run both sides of a test that only the run decides, and join what they change."""
    mark = m.mark()
    text = condition_text(test) or (test.why if isinstance(test, Unknown) else "a condition")
    with m.supposing(Condition(text, test, True)):
        narrowed = narrow(True) if narrow is not None else {}
        alive = then()
        changes = m.changes(mark)
        m.rollback(mark)
    with m.supposing(Condition(text, test, False)):
        other_narrowed = narrow(False) if narrow is not None else {}
        other_alive = otherwise()
    if alive and other_alive:
        other_changes = m.changes(mark)
        for where in narrowed.keys() | other_narrowed.keys():  # if no side wrote it, it is again what it was
            if changes.get(where) is narrowed.get(where) and other_changes.get(where) is other_narrowed.get(where):
                changes.pop(where, None)
                other_changes.pop(where, None)
        m.join_paths(mark, [changes, other_changes], test)
    elif alive:
        m.rollback(mark)
        m.apply(changes)
    return True if alive is True or other_alive is True else alive or other_alive


def departures(m: Machine) -> int:
    """Return the number of paths that have left the function or the loop so far."""
    loop = m.loops[-1] if m.loops else None
    return len(m.frame.exits) + (len(loop.breaks) + len(loop.continues) if loop is not None else 0)


def guarded(
    m: Machine, node: cst.BaseExpression, scope: Scope, test: Value, narrow: Callable[[], Changes] | None = None
) -> Value:
    """Return the value of an expression on a path that may not be taken; join its side effects with none.

    `narrow` is called on entry, as in `branch`.
    """
    mark = m.mark()
    with m.supposing(condition_text(test) or "a condition"):
        narrowed = narrow() if narrow is not None else {}
        value = m.evaluate(node, scope)
    if m.mark() != mark:
        changes = m.changes(mark)
        for where in narrowed:  # if the expression did not write it, it is again what it was
            if changes.get(where) is narrowed[where]:
                del changes[where]
        m.join_paths(mark, [changes, {}], test)
    return value
