"""Loops: over known values one by one, over unknown ones as a state that covers any number of iterations."""

from __future__ import annotations

from typing import Any, Callable

import libcst as cst

from ...source.syntax import dotted, walk
from ...training_plan.values import Default, Either, Known, Unknown, Value, join, options, same
from ..core.joins import MISSING, VALUES, demote
from ..core.machine import Machine
from ..core.objects import REPLACED, Items, Object, Opaque, Scope, Sequence, object_of
from ..core.operations import freeze, truth, words_of
from ..core.recording import Repeated
from ..core.state import UNROLLED, Changes, Flow, Loop, Rest
from .alike import element_of, objects_in
from .expressions import condition
from .lengthened import added_to

UNDECIDED = 8  # of a `while True` that only the run leaves, or that yields for ever: a name holds no more values


def for_(m: Machine, node: cst.For, scope: Scope) -> Flow:
    iterable = m.evaluate(node.iter, scope)
    items = m.iterate(iterable, node)
    loop = Loop(node, m.mark(), len(m.unlikely))
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
    loop.turn += 1
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
        if turn >= m.unrolled or live is not None and live.state.why_incomplete:
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
    """Run a loop whose number of iterations only the run decides, or which has too many to run one by one.

    A first try finds the changes of the body; a second run, from a state that covers any number of iterations, records
    it. A long loop, unless it is within another, runs its first turn by itself: what that creates may be kept.
    """
    why = items.why_incomplete or f"a loop over more than {m.unrolled} values"
    start, values = m.mark(), items.items

    def body(element: Value) -> Flow:
        m.assign(node.target, demote(element, items.overridden_by) if items.overridden_by else element, scope)
        return m.execute(node.body, scope)

    if not items.why_incomplete and not m.silent and sum(one is not None for one in m.loops) == 1:
        alive = iteration(m, loop, lambda: body(values[0]))
        if not alive or isinstance(alive, Rest):
            return broken(m, loop, alive)
        element = stand_in(m, loop, node, values[1:], body, why)
        later_turns(m, loop, lambda: body(element), why, start)
    else:
        element = stand_in(m, loop, node, values, body, why) if values else m.item(iterable, Unknown(why), node)
        abstract_loop(m, loop, lambda: body(element), why)
    at_every_position(m, loop, element, iterable)
    if items.overridden_by:
        m.prefer(start, m.changes(start), {}, items.overridden_by)
    return True


def stand_in(
    m: Machine, loop: Loop, node: cst.For, values: tuple[Value, ...], body: Callable[[Value], Flow], why: str
) -> Value:
    """Return what the variable of a loop is in any turn: one of many like constants, unless a turn changes any."""
    element = one_of(values, why)
    like = element_of(values, f"{dotted(node.iter) or 'list'}[i]") if isinstance(element, Unknown) else None
    if like is None:
        return element
    changed, _ = tried(m, loop, lambda: body(like), why)
    kept = {id(one) for value in values for one in objects_in(value)}
    return element if any(id(obj) in kept for obj, _ in changed) else like


def one_of(values: tuple[Value, ...], why: str) -> Value:
    """Return what is known of one of some values; `i` for one of many numbers."""
    if len(values) >= UNROLLED and all(isinstance(v, (Known, Default)) and type(v.value) is int for v in values):
        return Known(Opaque("i", "symbol"))
    element = values[0]
    for value in values[1:]:
        element = join(element, value)
        if isinstance(element, Unknown):
            return element if isinstance(value, Unknown) else Unknown(f"changes in a loop ({why})")
    return element


def at_every_position(m: Machine, loop: Loop, element: Value, iterable: Value) -> None:
    """Say of elements replaced at the position of a turn, `labels[i] = …`, that it is so at those of all turns."""
    counter, pair = object_of(iterable), object_of(element)
    positions = counter.slots.get("positions") if isinstance(counter, Sequence) else None
    position = pair.state.items[0] if isinstance(pair, Sequence) and pair.state.items else element
    for (owner, key), value in m.changes(loop.mark).items():
        if key != REPLACED or not isinstance(value, (Known, Either)):
            continue
        if loop.breaks:
            m.write(owner, key, Unknown(f"{words_of(value)}, until the loop ends"))
        elif isinstance(positions, Value):
            m.write(owner, key, everywhere(value, object_of(position), freeze(positions)))


def everywhere(replaced: Value, position: object, positions: Value) -> Value:
    """Return what is replaced, with the positions of all turns for that of one."""
    if isinstance(replaced, Either):
        options = tuple(everywhere(option, position, positions) for option in replaced.options)
        return Either(options, replaced.condition, replaced.trace, replaced.test)
    obj = object_of(replaced)
    if not isinstance(obj, Opaque) or position is None or object_of(obj.args[1]) is not position:
        return replaced
    return Known(Opaque(obj.text, "replaced", (obj.args[0], positions, obj.args[2])), replaced.trace)


def abstract_loop(m: Machine, loop: Loop, body: Callable[[], Flow], why: str) -> Flow:
    first, left = tried(m, loop, body, why)
    before = {where: where[0].slots.get(where[1], MISSING) for where in first}
    if m.silent and not left and all(old is MISSING or unchanged(old, first[where]) for where, old in before.items()):
        for (obj, key), value in first.items():  # a second turn would be the first one again, and nothing records it
            m.write(obj, key, value)
        return True
    return covering(m, loop, body, why, before, first)


def rest_of(m: Machine, loop: Loop, node: cst.For, scope: Scope, left: tuple[Value, ...], mark: int) -> None:
    """Run the turns that exceed the remaining steps as one turn that covers them, with the changes of the last one."""
    why = f"a loop of {len(left) + 1} turns that each take many steps"

    def body(element: Value) -> Flow:
        m.assign(node.target, element, scope)
        return m.execute(node.body, scope)

    element = stand_in(m, loop, node, left, body, why)
    later_turns(m, loop, lambda: body(element), why, mark)


def later_turns(m: Machine, loop: Loop, body: Callable[[], Flow], why: str, mark: int) -> None:
    """Run the turns that follow the one since `mark` as one turn that covers them.

    Objects that this one created, where there was nothing, are taken to stay. If a turn changes them after all, all is
    run again from a state that covers any change.
    """
    before: dict[Any, Any] = {}
    for obj, key, old in m.journal[mark:]:
        before.setdefault((obj, key), old)
    first, start = m.changes(mark), m.mark()
    live = [frame.scope for frame in m.frames]
    kept = {where: first[where] for where, old in before.items() if where[0] not in live and created(old, first[where])}
    for where, old in before.items():
        if old is MISSING and where[0] in live:  # a variable that each turn sets
            before[where] = Unknown("not assigned")
    exits, breaks, calls = len(m.frame.exits), len(loop.breaks), m.recording.mark()
    covering(m, loop, body, why, before, {where: new for where, new in first.items() if where not in kept})
    if any(not unchanged(new, obj.slots.get(key, MISSING)) for (obj, key), new in kept.items()):
        m.rollback(start)
        m.recording.cut(calls)
        del m.frame.exits[exits:], loop.breaks[breaks:]
        abstract_loop(m, loop, body, why)
        return
    late: dict[Any, Any] = {}  # what only a later turn changes: how often, is not known
    for obj, key, old in m.journal[start:]:
        late.setdefault((obj, key), old)
    for (obj, key), old in late.items():
        now = obj.slots.get(key, MISSING)
        if (obj, key) not in first and MISSING not in (old, now) and not unchanged(old, now):
            m.write(obj, key, widen(old, now, why))


def created(old: object, new: Any) -> bool:
    """Return whether a turn has put an object where there was another or none."""
    if old is MISSING:
        return isinstance(new, VALUES)
    kept = (
        isinstance(object_of(o), Object) or isinstance(o, (Known, Default)) and o.value is None for o in options(new)
    )
    return all(kept)


def tried(m: Machine, loop: Loop, body: Callable[[], Flow], why: str) -> tuple[Changes, bool]:
    """Return the changes that one turn from here would make, and whether it yields or may leave before its end."""
    start, exits, yields = m.mark(), len(m.frame.exits), m.frame.yield_count
    m.silent += 1
    try:
        with m.supposing(Repeated(why)):
            alive = iteration(m, loop, body)
    finally:
        m.silent -= 1
    left = alive is not True or bool(m.frame.exits[exits:] or loop.continues or loop.breaks)
    left = left or m.frame.yield_count > yields
    del m.frame.exits[exits:]  # the second run leaves from a state that covers these
    first = m.changes(start) if alive else {}
    for e in loop.continues + loop.breaks:
        first.update({k: v for k, v in e.changes.items() if k not in first})
    loop.breaks.clear()
    m.rollback(start)
    return first, left


def covering(
    m: Machine, loop: Loop, body: Callable[[], Flow], why: str, before: dict[Any, Any], first: Changes
) -> Flow:
    """Run a turn from a state that covers any number of turns. `first`: changes of one; `before`: the old state."""
    entry = {(obj, key): obj.slots.get(key, MISSING) for obj, key in first}
    widened: dict[Any, Any] = {}
    lists: dict[Any, Sequence] = {}  # those that every turn may lengthen
    for (obj, key), value in first.items():
        old = before[obj, key]
        if old is MISSING or unchanged(old, value):
            continue
        if added_to(old, value):
            lists[obj, key] = Sequence(m.iterate(old, None).items, "list", f"filled in a loop ({why})")
            widened[obj, key] = Known(lists[obj, key], old.trace)
        else:
            widened[obj, key] = widen(old, value, why)
        m.write(obj, key, widened[obj, key])
    with m.supposing(Repeated(why)):
        iteration(m, loop, body)
    # a value that does not depend on the iteration before it is one of two: the old one, or this
    for (obj, key), old in entry.items():
        now = obj.slots.get(key, MISSING)
        if (obj, key) not in widened or now is MISSING or (obj, key) in lists and object_of(now) is lists[obj, key]:
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
    loop = Loop(node, m.mark(), len(m.unlikely))
    m.loops.append(loop)
    alive: Flow = True
    left = 0  # turns that only the run decides to leave in
    try:
        for _ in range(m.unrolled):
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
                m, loop, lambda: m.execute(node.body, scope), f"a while loop of more than {m.unrolled} iterations"
            )
    finally:
        m.loops.pop()
    alive = alive and run_else(m, loop, node, scope)
    return m.settle(loop.mark, loop.breaks, alive)


def endless(node: cst.While) -> bool:
    """Return whether a loop ends only when its caller stops reading the values that it yields."""
    certain = isinstance(node.test, cst.Name) and node.test.value == "True"
    return certain and not any(isinstance(inner, (cst.Break, cst.Return, cst.Raise)) for inner in walk(node.body))
