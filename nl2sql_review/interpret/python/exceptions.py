"""try, except and finally: the handlers that can run, and the state that is certain after them."""

from __future__ import annotations

import builtins
from typing import Union

import libcst as cst

from ...training_plan.values import Unknown
from ..core.machine import Machine
from ..core.objects import Scope
from ..core.state import Changes, Depths, Exit, Flow, Raised, Rest

Try = Union[cst.Try, cst.TryStar]
Handler = Union[cst.ExceptHandler, cst.ExceptStarHandler]


def handled_names(m: Machine, handler: Handler, scope: Scope) -> set[str]:
    """Return the names of the exceptions a handler catches; empty means all."""
    if handler.type is None:
        return set()
    nodes = [e.value for e in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
    names = {
        n.attr.value if isinstance(n, cst.Attribute) else n.value if isinstance(n, cst.Name) else "" for n in nodes
    }
    return set() if names & {"Exception", "BaseException"} else names


def try_(m: Machine, node: Try, scope: Scope) -> Flow:
    mark = m.mark()
    loop = m.loops[-1] if m.loops else None
    leaving = [m.frame.exits, *([loop.breaks, loop.continues] if loop is not None else [])]
    before = [len(exits) for exits in leaving]
    try:
        alive = guarded_block(m, node, scope, mark)
    except Raised:
        if node.finalbody is not None:
            m.execute(node.finalbody.body, scope)
        raise
    if node.finalbody is None:
        return alive
    return run_finally(m, node.finalbody.body, scope, mark, alive, leaving, before)


def guarded_block(m: Machine, node: Try, scope: Scope, mark: int) -> Flow:
    """Run the body, the handlers it may reach, and `else`."""
    risks, raised, returns = m.may_raise_count, None, len(m.frame.exits)
    loop = m.loops[-1] if m.loops else None
    breaks = len(loop.breaks) if loop is not None else 0
    depth = len(m.conditions), len(m.unlikely), len(m.frames), len(m.loops), m.silent, len(m.assumed)
    escapes: list[tuple[str, Changes, str]] = []
    if node.handlers:
        m.trying += 1
        m.try_depths.append(
            Depths(len(m.conditions) + len(m.unlikely), len(m.frames), len(m.loops), len(m.frame.exits), len(m.assumed))
        )
        m.escapes.append((mark, escapes))
    try:
        alive = m.execute(node.body, scope)
    except Raised as e:
        raised, alive = e, False
        del m.conditions[depth[0] :], m.unlikely[depth[1] :], m.frames[depth[2] :], m.loops[depth[3] :]
        m.silent = depth[4]
        del m.assumed[depth[5] :]
    finally:
        if node.handlers:
            m.trying -= 1
            m.try_depths.pop()
            m.escapes.pop()
    risky = m.may_raise_count > risks
    if alive and node.orelse is not None:  # what `else` raises is not caught here
        alive = m.execute(node.orelse.body, scope)
    if raised is not None and not escapes:
        return certain_handler(m, node, scope, raised)
    if raised is not None:  # other paths raise too, and perhaps something else
        escapes.append((raised.name, m.changes(mark), ""))
    if escapes:
        alive = explicit_raises(m, node, scope, mark, alive, escapes)
    if not node.handlers or not risky and alive:
        return alive
    # A plain run leaves in the body; only an exception leads on from here.
    returned = not alive and len(m.frame.exits) > returns
    broken = not alive and not returned and loop is not None and len(loop.breaks) > breaks
    handled = possible_handlers(m, node, scope, mark, alive)
    return Rest("an exception in the try block", broken) if handled and (returned or broken) else handled


def run_finally(
    m: Machine, block: cst.BaseSuite, scope: Scope, mark: int, alive: Flow, leaving: list[list[Exit]], before: list[int]
) -> Flow:
    """Run `finally` on every path out of the block, also on those that leave by `return`, `break` or `continue`."""
    current = m.changes(mark)
    for exits, n in zip(leaving, before):
        left = exits[n:]
        del exits[n:]
        for e in left:
            m.rollback(mark)
            m.apply(e.changes)
            if m.execute(block, scope):  # a `return` in `finally` replaces whatever the path was leaving with
                exits.append(e._replace(changes={**e.changes, **m.changes(mark)}, stamp=(-1, -1)))
    m.rollback(mark)
    m.apply(current)
    if not alive and all(len(exits) == n for exits, n in zip(leaving, before)):
        m.execute(block, scope)  # an exception or the end of the script passes through
    return alive and m.execute(block, scope)


def catches(m: Machine, handler: Handler, scope: Scope, name: str) -> bool | None:
    """Return whether a handler catches the exception called `name`, or None if that is not known."""
    names = handled_names(m, handler, scope)
    if not names or name in names:
        return True
    raised, caught = standard_error(m, name), [standard_error(m, one) for one in names]
    if raised is None or raised in (Exception, BaseException):  # a class of a library or of the script, or any
        return None
    if any(one is not None and issubclass(raised, one) for one in caught):
        return True
    return None if any(one is None or issubclass(one, raised) for one in caught) else False


def standard_error(m: Machine, name: str) -> type[BaseException] | None:
    """Return Python's own exception of this name, or None if there is none or the script has a class so called."""
    found = getattr(builtins, name, None)
    if not isinstance(found, type) or not issubclass(found, BaseException):
        return None
    return None if any(cls.name == name for cls in m.recording.classes) else found


def certain_handler(m: Machine, node: Try, scope: Scope, raised: Raised) -> Flow:
    """Keep the changes the body made before it raised, and run the first handler that fits."""
    for handler in node.handlers:
        if catches(m, handler, scope, raised.name) is not False:
            bind_exception(m, handler, scope, raised.name)
            alive = m.execute(handler.body, scope)
            unbind_exception(m, handler, scope)
            return alive
    if m.trying and not m.conditions_since_try():
        raise raised
    m.may_raise(raised.name)
    m.raised.append(raised.name)
    return False


def explicit_raises(
    m: Machine, node: Try, scope: Scope, mark: int, alive: Flow, escapes: list[tuple[str, Changes, str]]
) -> Flow:
    """Run handlers for the paths of the body that raise under a condition, from the state after their changes.

    If a default decides that they raise, a plain run takes that path, and the rest of the body belongs to another
    environment or command line.
    """
    for handler in node.handlers:
        found: list[tuple[str, Changes, str]] = []
        others: list[tuple[str, Changes, str]] = []
        for one in escapes:
            (others if catches(m, handler, scope, one[0]) is False else found).append(one)
        if not found:
            continue
        escapes = others
        caught = [changes for _, changes, _ in found]
        by = found[0][2] if all(e[2] for e in found) else ""
        after = m.changes(mark)
        m.join_paths(mark, caught)
        with m.supposing("an exception that the block may raise"):
            bind_exception(m, handler, scope, "")
            handled = m.execute(handler.body, scope)
            unbind_exception(m, handler, scope)
        if handled and alive and by:
            m.prefer(mark, m.changes(mark), after, by)
        elif handled and alive:
            m.join_paths(mark, [after, m.changes(mark)])
        elif alive:
            m.rollback(mark)
            m.apply(after)
        alive = alive or handled
    return alive


def possible_handlers(m: Machine, node: Try, scope: Scope, mark: int, alive: Flow) -> Flow:
    """Run handlers for exceptions that the body may raise: their changes hold only in that case."""
    changes, out = m.changes(mark), alive
    for handler in node.handlers:
        after = m.changes(mark)
        m.rollback(mark)
        if not out and not alive:
            m.apply(changes)
        why = f"an exception in the try block ({', '.join(sorted(handled_names(m, handler, scope))) or 'any'})"
        with m.supposing(unlikely=why):
            bind_exception(m, handler, scope, "")
            handler_alive = m.execute(handler.body, scope)
            unbind_exception(m, handler, scope)
        if handler_alive and out:
            m.prefer(mark, after, m.changes(mark), why)
        elif handler_alive:
            out = True
        else:
            m.rollback(mark)
            m.apply(after)
    return out


def unbind_exception(m: Machine, handler: Handler, scope: Scope) -> None:
    """Delete the name an exception was bound to, as Python does at the end of its handler."""
    if handler.name is not None and isinstance(handler.name.name, cst.Name):
        m.delete(scope, handler.name.name.value)


def bind_exception(m: Machine, handler: Handler, scope: Scope, name: str) -> None:
    if handler.name is not None and isinstance(handler.name.name, cst.Name):
        m.bind(handler.name.name.value, Unknown(f"the {name or 'exception'} that was caught"), scope)
