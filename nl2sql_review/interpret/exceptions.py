"""try, except and finally: which handlers can run, and what is certain after them."""

from __future__ import annotations

from typing import Any

import libcst as cst

from ..values import Unknown
from .machine import Machine, Raised
from .objects import Scope

IMPORT_ERRORS = {"ImportError", "ModuleNotFoundError"}


def handled_names(m: Machine, handler: Any, scope: Scope) -> set[str]:
    """Names of the exceptions a handler catches; empty means all."""
    if handler.type is None:
        return set()
    nodes = [e.value for e in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
    names = {n.attr.value if isinstance(n, cst.Attribute) else n.value if isinstance(n, cst.Name) else "" for n in nodes}
    return set() if names & {"Exception", "BaseException"} else names


PARENTS = {"KeyError": "LookupError", "IndexError": "LookupError", "ModuleNotFoundError": "ImportError", "FileNotFoundError": "OSError", "ZeroDivisionError": "ArithmeticError"}


def try_(m: Machine, node: Any, scope: Scope) -> bool:
    mark = m.mark()
    risks, raised = m.risks, None
    exits = len(m.frame.exits)
    depth = len(m.conditions), len(m.unlikely), len(m.frames), len(m.loops), m.silent
    m.trying += bool(node.handlers)
    m.try_depths.append(len(m.conditions) + len(m.unlikely))
    try:
        alive = m.execute(node.body, scope)
        if alive and node.orelse is not None:
            alive = m.execute(node.orelse.body, scope)
    except Raised as e:
        raised, alive = e, False
        del m.conditions[depth[0] :], m.unlikely[depth[1] :], m.frames[depth[2] :], m.loops[depth[3] :]
        m.silent = depth[4]
    finally:
        m.trying -= bool(node.handlers)
        m.try_depths.pop()
    alive = handlers(m, node, scope, mark, alive, raised, m.risks > risks)
    if node.finalbody is not None:
        before = len(m.frame.exits)
        goes_on = m.execute(node.finalbody.body, scope)
        if not goes_on:  # a `return` in `finally` replaces whatever the block was leaving with
            del m.frame.exits[exits:before]
        alive = goes_on and alive
    return alive


def handlers(m: Machine, node: Any, scope: Scope, mark: int, alive: bool, raised: Raised | None, risky: bool) -> bool:
    changes = m.changes(mark)
    if raised is not None:
        # certain: what the body changed before it raised stays, and the first handler that fits runs
        for handler in node.handlers:
            names = handled_names(m, handler, scope)
            if not names or raised.name in names or PARENTS.get(raised.name) in names or raised.name not in PARENTS and raised.name not in ("NameError", "AttributeError", "TypeError", "ValueError"):
                bind_exception(m, handler, scope, raised.name)
                return m.execute(handler.body, scope)
        if m.trying:
            raise raised
        m.raised.append(raised.name)
        return False
    if not node.handlers or not risky and alive:
        return alive
    out = alive
    for handler in node.handlers:
        after = m.changes(mark)
        m.rollback(mark)
        if not out and not alive:
            m.apply(changes)
        why = f"an exception in the try block ({', '.join(sorted(handled_names(m, handler, scope))) or 'any'})"
        with m.supposing(unlikely=why):
            bind_exception(m, handler, scope, "")
            handler_alive = m.execute(handler.body, scope)
        if handler_alive and out:
            m.prefer(mark, after, m.changes(mark), why)
        elif handler_alive:
            out = True
        else:
            m.rollback(mark)
            m.apply(after)
    return out


def bind_exception(m: Machine, handler: Any, scope: Scope, name: str) -> None:
    if handler.name is not None and isinstance(handler.name.name, cst.Name):
        m.bind(handler.name.name.value, Unknown(f"the {name or 'exception'} that was caught"), scope)
