"""Loops: over known values one by one, over unknown ones as a state that covers any number of iterations."""

from __future__ import annotations

from typing import Any, Callable

import libcst as cst

from ...source.syntax import walk
from ...training_plan.values import Default, Known, Unknown, Value, join, same
from ..core.joins import MISSING, VALUES, demote
from ..core.machine import Machine
from ..core.objects import Items, Scope, Sequence
from ..core.operations import truth
from ..core.state import Changes, Flow, Loop, Rest
from .expressions import condition

UNROLL = 64  # iterations of a loop that are run one by one
UNDECIDED = 8  # of a `while True` that only the run leaves, or that yields for ever: a name holds no more values


def for_(m: Machine, node: cst.For, scope: Scope) -> Flow:
    iterable = m.evaluate(node.iter, scope)
    items = m.iterate(iterable, node)
    loop = Loop(m.mark(), len(m.unlikely))
    m.loops.append(loop)
    try:
        if items.why_incomplete or len(items.items) > m.unrolled:
            alive = repeat(m, loop, node, scope, items, iterable)
        else:
            alive = unroll(m, loop, node, scope, items, iterable)
    finally:
        m.loops.pop()
    alive = alive and run_else(m, loop, node, scope)
    return m.settle(loop.mark, loop.breaks, alive)


def run_else(m: Machine, loop: Loop, node: cst.For | cst.While, scope: Scope) -> Flow:
    if node.orelse is None:
        return True
    with m.supposing("no break leaves the loop" if loop.breaks else ""):
        return m.execute(node.orelse.body, scope)


def iteration(m: Machine, loop: Loop, run: Callable[[], Flow]) -> Flow:
    loop.iteration, loop.continues = m.mark(), []
    alive = run()
    return m.settle(loop.iteration, loop.continues, alive)


def broken(m: Machine, loop: Loop, alive: Flow) -> Flow:
    """Leave a loop after its last turn: if a plain run breaks out, the path that continues is the unlikely exit."""
    if isinstance(alive, Rest) and alive.broken:
        with m.supposing(unlikely=alive.by):
            m.leave(loop.breaks, loop.mark, None, loop.unlikely_depth)
        return False
    return alive


def unroll(m: Machine, loop: Loop, node: cst.For, scope: Scope, items: Items, iterable: Value) -> Flow:
    """Run the body once for each value. A list is read again at each turn, since the body may change it."""
    start = m.mark()
    obj = iterable.value if isinstance(iterable, (Known, Default)) else None
    live = obj if isinstance(obj, Sequence) and obj.kind == "list" else None
    turn = 0
    while turn < len(live.state.items if live is not None else items.items):
        if turn >= UNROLL or live is not None and live.state.why_incomplete:
            for where, key in m.changes(start):  # the list grew under the loop, or nobody knows how
                if isinstance(where.slots.get(key), VALUES):
                    m.write(where, key, Unknown("changes in a loop over a list that the loop itself modifies"))
            return True
        value = live.state.items[turn] if live is not None else items.items[turn]
        turn += 1

        def body(value: Value = value) -> Flow:
            m.assign(node.target, demote(value, items.overridden_by) if items.overridden_by else value, scope)
            return m.execute(node.body, scope)

        mark, steps = m.mark(), m.steps
        alive = iteration(m, loop, body)
        if not alive or isinstance(alive, Rest):
            return broken(m, loop, alive)
        left = () if live is not None else items.items[turn:]
        if len(left) * (steps - m.steps) > m.steps and len(left) > 1:  # the steps will not do for all of them
            rest_of(m, loop, node, scope, left, mark)
            break
    if items.overridden_by:  # another command line means other turns: whatever they change is a default
        m.prefer(start, m.changes(start), {}, items.overridden_by)
    return True


def repeat(m: Machine, loop: Loop, node: cst.For, scope: Scope, items: Items, iterable: Value) -> Flow:
    """Run a loop whose number of iterations only the run decides.

    A first try finds the changes of the body; a second run, from a state that covers any number of iterations, records
    it.
    """
    why = items.why_incomplete or f"a loop over more than {m.unrolled} values"
    element = items.items[0] if items.items else m.item(iterable, Unknown(why), node)
    for other in items.items[1:]:
        element = join(element, other)

    def body() -> Flow:
        m.assign(node.target, element, scope)
        return m.execute(node.body, scope)

    return abstract_loop(m, loop, body, why)


def abstract_loop(m: Machine, loop: Loop, body: Callable[[], Flow], why: str) -> Flow:
    first = tried(m, loop, body, why)
    before = {where: where[0].slots.get(where[1], MISSING) for where in first}
    return covering(m, loop, body, why, before, first)


def rest_of(m: Machine, loop: Loop, node: cst.For, scope: Scope, left: tuple[Value, ...], mark: int) -> None:
    """Run the turns that exceed the remaining steps as one turn that covers them, with the changes of the last one."""
    element = left[0]
    for other in left[1:]:
        element = join(element, other)

    def body() -> Flow:
        m.assign(node.target, element, scope)
        return m.execute(node.body, scope)

    before: dict[Any, Any] = {}
    for obj, key, old in m.journal[mark:]:
        before.setdefault((obj, key), old)
    why = f"a loop of {len(left) + 1} turns that each take many steps"
    first, start = m.changes(mark), m.mark()
    covering(m, loop, body, why, before, first)
    late: dict[Any, Any] = {}  # what only a later turn changes: how often, is not known
    for obj, key, old in m.journal[start:]:
        late.setdefault((obj, key), old)
    for (obj, key), old in late.items():
        now = obj.slots.get(key, MISSING)
        if (obj, key) not in first and MISSING not in (old, now) and not unchanged(old, now):
            m.write(obj, key, widen(old, now, why))


def tried(m: Machine, loop: Loop, body: Callable[[], Flow], why: str) -> Changes:
    """Return the changes that one turn from here would make."""
    start, exits = m.mark(), len(m.frame.exits)
    m.silent += 1
    try:
        with m.supposing(why):
            alive = iteration(m, loop, body)
    finally:
        m.silent -= 1
    del m.frame.exits[exits:]  # the second run leaves from a state that covers these
    first = m.changes(start) if alive else {}
    for e in loop.continues + loop.breaks:
        first.update({k: v for k, v in e.changes.items() if k not in first})
    loop.breaks.clear()
    m.rollback(start)
    return first


def covering(
    m: Machine, loop: Loop, body: Callable[[], Flow], why: str, before: dict[Any, Any], first: Changes
) -> Flow:
    """Run a turn from a state that covers any number of turns. `first`: changes of one; `before`: the old state."""
    entry = {(obj, key): obj.slots.get(key, MISSING) for obj, key in first}
    widened: dict[Any, Any] = {}
    for (obj, key), value in first.items():
        old = before[obj, key]
        if old is MISSING or unchanged(old, value):
            continue
        widened[obj, key] = widen(old, value, why)
        m.write(obj, key, widened[obj, key])
    with m.supposing(why):
        iteration(m, loop, body)
    # a value that does not depend on the iteration before it is one of two: the old one, or this
    for (obj, key), old in entry.items():
        now = obj.slots.get(key, MISSING)
        if (obj, key) not in widened or now is MISSING:
            continue
        if isinstance(old, Items):
            m.write(obj, key, m.joined(obj, key, old, now))
        elif isinstance(old, VALUES) and isinstance(now, Known):
            steady = isinstance(first[obj, key], Known) and same(now, first[obj, key])
            m.write(obj, key, join(old, now, why) if steady else Unknown(f"changes in a loop ({why})"))
    return True


def unchanged(old: object, new: object) -> bool:
    if isinstance(old, Items) or isinstance(new, Items):
        return bool(old == new)
    return isinstance(old, VALUES) and isinstance(new, VALUES) and same(old, new)


def widen(old: object, new: object, why: str) -> Any:
    if isinstance(old, Items) and isinstance(new, Items):
        if isinstance(old.items, dict):
            items = {
                k: (old.items[k] if k in old.items and same(old.items[k], v) else Unknown(f"changes in a loop ({why})"))
                for k, v in {**old.items, **new.items}.items()
            }
            return Items(items, f"filled in a loop ({why})", old.overridden_by or new.overridden_by)
        return Items(old.items, f"filled in a loop ({why})", old.overridden_by or new.overridden_by)
    return Unknown(f"changes in a loop ({why})")


def while_(m: Machine, node: cst.While, scope: Scope) -> Flow:
    loop = Loop(m.mark(), len(m.unlikely))
    m.loops.append(loop)
    alive: Flow = True
    left = 0  # turns that only the run decides to leave in
    try:
        for _ in range(UNROLL):
            test = condition(m, m.evaluate(node.test, scope), node)
            verdict, by = truth(test)
            if verdict is None or by:
                abstract_loop(
                    m, loop, lambda: (m.evaluate(node.test, scope), m.execute(node.body, scope))[1], "a while loop"
                )
                break
            if not verdict:
                break
            if left == UNDECIDED:
                abstract_loop(m, loop, lambda: m.execute(node.body, scope), "a while loop that ends at run time")
                break
            before = len(loop.breaks) + len(m.frame.exits), len(m.frame.yields)
            alive = iteration(m, loop, lambda: m.execute(node.body, scope))
            left += len(loop.breaks) + len(m.frame.exits) > before[0]
            left += len(m.frame.yields) > before[1] and endless(node)
            if not alive or isinstance(alive, Rest):  # a plain run does not come round again
                alive = broken(m, loop, alive)
                break
        else:
            abstract_loop(
                m, loop, lambda: m.execute(node.body, scope), f"a while loop of more than {UNROLL} iterations"
            )
    finally:
        m.loops.pop()
    alive = alive and run_else(m, loop, node, scope)
    return m.settle(loop.mark, loop.breaks, alive)


def endless(node: cst.While) -> bool:
    """Return whether a loop ends only when its caller stops reading the values that it yields."""
    certain = isinstance(node.test, cst.Name) and node.test.value == "True"
    return certain and not any(isinstance(inner, (cst.Break, cst.Return, cst.Raise)) for inner in walk(node.body))
