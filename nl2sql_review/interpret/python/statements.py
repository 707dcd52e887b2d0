"""Execution of statements, one function per LibCST statement node.

`execute` runs a block and returns whether any path reaches its end. Paths that leave by `return`, `break` or
`continue` add their changes to the frame or loop they leave; a path that raises or exits simply ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import libcst as cst

from ...source.syntax import walk
from ...training_plan.values import Known, Unknown, Value
from ..core.joins import VALUES
from ..core.machine import Machine
from ..core.objects import Arguments, Class, Function, Instance, Opaque, Scope, Sequence
from ..core.operations import truth
from ..core.state import Flow, Raised, Rest, place_of
from . import budget, demanded, limits
from .assignments import annotated, assign, assign_statement, augmented, delete
from .branches import branch
from .exceptions import try_
from .expressions import condition
from .forgetting import forget_reached, words
from .loops import for_, while_
from .patterns import match_
from .refinement import contradict, narrow
from .variables import bind

if TYPE_CHECKING:
    from ..core.machine import Block


def statements_of(block: Block) -> list[cst.BaseSmallStatement | cst.BaseCompoundStatement]:
    """Return the statements of a suite, or of its lines, in their order: `a; b` gives two."""
    found: list[Any] = []
    for line in block.body if isinstance(block, cst.BaseSuite) else block:
        if isinstance(line, cst.SimpleStatementLine):
            found += line.body
        else:
            found.append(line)
    return found


def execute(m: Machine, block: Block, scope: Scope) -> Flow:
    """Run a block. Return False, True if a path reaches its end, or the `Rest` of one that a plain run has left."""
    statements = statements_of(block)
    for i, statement in enumerate(statements):
        m.step()
        if m.unlikely:
            m.recording.otherwise[id(statement)] = m.unlikely[-1]
        else:
            m.recording.ran.add(id(statement))
        handler = HANDLERS.get(type(statement))
        if handler is not None and id(statement) in m.aside:
            alive = aside(m, handler, statement, scope)
        else:
            alive = handler(m, statement, scope) if handler is not None else None
        if alive is False:
            return False
        if isinstance(alive, Rest):
            return run_rest(m, alive, statements[i + 1 :], scope)
    return True


def aside(m: Machine, handler: Callable[..., Flow | None], statement: cst.CSTNode, scope: Scope) -> Flow | None:
    """Run a statement that does not mention training, within its own step budget."""
    what = "a statement that takes many steps and that training does not depend on"

    def spent() -> None:
        named, _ = words(statement)
        forget_reached(m, [scope.slots[name] for name in named if name in scope.slots], f"{what} may change it")
        for name in budget.bound(list(walk(statement))):
            bind(m, name, Unknown(f"{what} sets it"), scope)

    return budget.within(m, m.aside[id(statement)], what, lambda: handler(m, statement, scope), spent)


def run_rest(m: Machine, rest: Rest, statements: Block, scope: Scope) -> Flow:
    frame, before = m.frame, m.frame.rest
    frame.rest = before or rest.by
    try:
        return rest if execute(m, statements, scope) else False
    finally:
        frame.rest = before


def if_(m: Machine, node: cst.If, scope: Scope) -> Flow:
    test = condition(m, m.evaluate(node.test, scope), node)

    def otherwise() -> Flow:
        if node.orelse is None:
            return True
        return if_(m, node.orelse, scope) if isinstance(node.orelse, cst.If) else execute(m, node.orelse.body, scope)

    alive = branch(
        m,
        test,
        lambda: execute(m, node.body, scope),
        otherwise,
        lambda taken: contradict(m, node.test, scope, taken),
        lambda taken: narrow(m, node.test, scope, taken),
    )
    if alive and m.datasets:
        demanded.after_if(m, node, scope)
    if alive:
        limits.after_if(m, node, scope)
    return alive


def break_(m: Machine, node: cst.Break, scope: Scope) -> Flow:
    loop = m.loops[-1] if m.loops else None
    if loop is not None:
        m.leave(loop.breaks, loop.mark, None, loop.unlikely_depth)
    return False


def continue_(m: Machine, node: cst.Continue, scope: Scope) -> Flow:
    loop = m.loops[-1] if m.loops else None
    if loop is not None:
        m.leave(loop.continues, loop.iteration, None, loop.unlikely_depth)
    return False


def return_(m: Machine, node: cst.Return, scope: Scope) -> Flow:
    value = m.evaluate(node.value, scope) if node.value is not None else Known(None)
    m.leave(m.frame.exits, m.frame.mark, value, m.frame.unlikely_depth)
    return False


def raise_(m: Machine, node: cst.Raise, scope: Scope) -> Flow:
    if node.exc is None:
        return False
    value = m.evaluate(node.exc, scope)
    if m.trying and not m.conditions_since_try():
        raise Raised(exception_name(value))
    m.may_raise(exception_name(value))
    m.raised.append(exception_name(value))
    return False


def exception_name(value: Value) -> str:
    obj = value.value if isinstance(value, Known) else None
    if isinstance(obj, Instance):
        return obj.cls.name
    if isinstance(obj, Class):
        return obj.name
    if isinstance(obj, Opaque):
        return obj.text.split("(")[0].rsplit(".", 1)[-1]
    return "Exception"


def expression(m: Machine, node: cst.Expr, scope: Scope) -> bool | None:
    value = m.evaluate(node.value, scope)
    obj = value.value if isinstance(value, Known) else None
    return False if isinstance(obj, Opaque) and obj.operation == "exit" else None


def assert_(m: Machine, node: cst.Assert, scope: Scope) -> bool | None:
    verdict, by = truth(m.evaluate(node.test, scope))
    if verdict is False and by:
        contradict(m, node.test, scope, True)
    if verdict is False and not by:
        m.certainly_raises("AssertionError")
        m.may_raise("AssertionError")
        return False
    if m.datasets:
        demanded.demand(m, node.test, scope, True)
    return None


# -- with, match, definitions ----------------------------------------------------------------------------
def with_(m: Machine, node: cst.With, scope: Scope) -> Flow:
    suppressed = False
    managers: list[Value] = []
    for item in node.items:
        value = m.evaluate(item.item, scope)
        obj = value.value if isinstance(value, Known) else None
        if isinstance(obj, Instance) and obj.cls.lookup("__enter__") is not None:
            value = m.call(m.attribute(value, "__enter__", node), Arguments(), node)
        elif isinstance(obj, Instance) and obj.base is None and obj.cls.library_base() is None:
            m.certainly_raises("TypeError")
        elif isinstance(obj, Sequence) and obj.kind == "generator" and obj.state.items:
            value = obj.state.items[0]  # @contextmanager: what it yields
        suppressed = suppressed or isinstance(obj, Opaque) and obj.text.startswith("contextlib.suppress")
        if item.asname is not None:
            assign(m, item.asname.name, value, scope)
        if isinstance(obj, Instance) and obj.cls.lookup("__exit__") is not None:
            managers.append(Known(obj))
    mark = m.mark()
    alive = execute(m, node.body, scope)
    for manager in reversed(managers):
        swallowed = m.call(
            m.attribute(manager, "__exit__", node), Arguments([Unknown("the exception, if any")] * 3), node
        )
        suppressed = suppressed or truth(swallowed)[0] is True
    if not suppressed:
        return alive
    for obj, key in m.changes(mark):  # an exception may have left the block anywhere
        if isinstance(obj.slots.get(key), VALUES):
            m.write(obj, key, Unknown("assigned in a block whose exceptions are swallowed"))
    return True


def function_definition(m: Machine, node: cst.FunctionDef, scope: Scope) -> None:
    owner = m.class_being_defined[-1] if scope.kind == "class" and m.class_being_defined else None
    fn = Function(
        node.name.value,
        node,
        scope.parent if scope.kind == "class" and scope.parent is not None else scope,
        parameter_defaults(m, node.params, scope),
        owner,
    )
    plain: Value = Known(fn, (place_of(scope, node),))
    value = plain
    for decorator in reversed(node.decorators):
        value = m.decorate(m.evaluate(decorator.decorator, scope), value, decorator.decorator, scope)
    bind(m, node.name.value, value, scope)
    if scope.kind == "module" and scope.module.name == "__main__":
        m.definitions.append(plain if isinstance(value, Unknown) else value)  # whatever decorates it may call it


def parameter_defaults(m: Machine, params: cst.Parameters, scope: Scope) -> dict[str, Value]:
    return {
        p.name.value: m.evaluate(p.default, scope)
        for p in (*params.posonly_params, *params.params, *params.kwonly_params)
        if p.default is not None
    }


def global_(m: Machine, node: cst.Global | cst.Nonlocal, scope: Scope) -> None:
    (scope.globals_ if isinstance(node, cst.Global) else scope.nonlocals).update(n.name.value for n in node.names)


def import_(m: Machine, node: cst.Import | cst.ImportFrom, scope: Scope) -> None:
    m.import_statement(node, scope)


def class_definition(m: Machine, node: cst.ClassDef, scope: Scope) -> None:
    m.define_class(node, scope)


HANDLERS: dict[type, Callable[..., Any]] = {
    cst.Assign: assign_statement, cst.AnnAssign: annotated, cst.AugAssign: augmented, cst.Expr: expression,
    cst.Return: return_, cst.Raise: raise_, cst.Assert: assert_, cst.Del: delete, cst.Global: global_,
    cst.Nonlocal: global_, cst.Import: import_, cst.ImportFrom: import_, cst.Break: break_, cst.Continue: continue_,
    **{kind: import_ for name in ("LazyImport", "LazyImportFrom") if (kind := getattr(cst, name, None)) is not None},
    cst.If: if_, cst.For: for_, cst.While: while_, cst.Try: try_, cst.TryStar: try_, cst.With: with_,
    cst.FunctionDef: function_definition, cst.ClassDef: class_definition, cst.Match: match_,
}  # fmt: skip
