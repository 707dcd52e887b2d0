"""Execution of statements: assignments, branches, loops, exceptions, definitions.

`execute` runs a block and returns whether any path reaches its end. Paths that leave by `return`, `break` or
`continue` add their changes to the frame or loop they leave; a path that raises or exits simply ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import libcst as cst

from ...source.syntax import walk
from ...training_plan.values import Default, Known, Unknown, Value, extend
from ..core.joins import VALUES, condition_text, demote
from ..core.machine import Machine
from ..core.objects import Arguments, Class, Function, Instance, Items, Mapping, Opaque, Scope, Sequence
from ..core.operations import truth
from ..core.state import Changes, Flow, Raised, Rest, place_of
from . import budget, demanded
from .builtins import BUILTINS
from .displays import several
from .exceptions import try_
from .expressions import OPERATORS, condition, index, mangled, operate
from .forgetting import forget_reached, words
from .loops import for_, while_
from .patterns import match_
from .refinement import contradict, narrow

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


# -- assignment ------------------------------------------------------------------------------------------
def assign_statement(m: Machine, node: cst.Assign, scope: Scope) -> None:
    value = extend(m.evaluate(node.value, scope), place_of(scope, node))
    made = value.value if isinstance(value, Known) else None
    if isinstance(made, Sequence) and made.lazy and made.state.items:  # what it yields is decided when it is read
        why = "a generator that is read later"
        m.write(made, "state", Items(tuple(Unknown(why) for _ in made.state.items), made.state.why_incomplete or why))
    for target in node.targets:
        assign(m, target.target, value, scope)


def annotated(m: Machine, node: cst.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        assign(m, node.target, extend(m.evaluate(node.value, scope), place_of(scope, node)), scope)


def augmented(m: Machine, node: cst.AugAssign, scope: Scope) -> None:
    target = node.target
    if (
        isinstance(target, cst.Name)
        and scope.kind == "function"
        and target.value not in {*scope.slots, *scope.globals_, *scope.nonlocals}
    ):
        m.certainly_raises("UnboundLocalError")
    old = m.evaluate(target, scope)
    right = m.evaluate(node.value, scope)
    op = OPERATORS[type(node.operator)]
    obj = old.value if isinstance(old, (Known, Default)) else None
    if isinstance(obj, Sequence) and obj.kind == "list" and op == "+":
        extra = m.iterate(right, node)  # in place: every alias of the list sees it
        m.write(obj, "state", obj.state.followed_by(extra))
        assign(m, target, old, scope)
        return
    if obj is not None and hasattr(obj, "factory") and op == "|":
        m.call(m.attribute(old, "update", node), Arguments([right]), node)
        return
    assign(m, node.target, extend(operate(m, op, old, right, node), place_of(scope, node)), scope)


def assign(m: Machine, target: cst.CSTNode, value: Value, scope: Scope) -> None:
    if isinstance(target, cst.Name):
        bind(m, target.value, value, scope)
    elif isinstance(target, cst.Attribute):
        owner = m.evaluate(target.value, scope)
        m.set_attribute(owner, mangled(m, target.attr.value), value, target, scope)
    elif isinstance(target, cst.Subscript):
        owner = m.evaluate(target.value, scope)
        inside = target.slice[0].slice
        pair = several(target) or isinstance(inside, cst.Index) and isinstance(inside.value, cst.Tuple)
        m.set_item(owner, Unknown("several indices") if pair else index(m, target, scope), value, target, scope)
    elif isinstance(target, (cst.Tuple, cst.List)):
        unpack(m, target, value, scope)
    elif isinstance(target, cst.StarredElement):
        assign(m, target.value, value, scope)


def bind(m: Machine, name: str, value: Value, scope: Scope) -> None:
    if scope.kind == "comprehension":
        m.write(scope, name, value)
        return
    if name in scope.globals_:
        scope = scope.module.scope
    elif name in scope.nonlocals:
        s = scope.parent
        while s is not None and name not in s.slots:
            s = s.parent
        scope = s or scope
    m.write(scope, name, value)


def unpack(m: Machine, target: cst.Tuple | cst.List, value: Value, scope: Scope) -> None:
    targets = target.elements
    star = next((i for i, e in enumerate(targets) if isinstance(e, cst.StarredElement)), None)
    items = m.iterate(value, target)
    values = [
        extend(demote(v, items.overridden_by) if items.overridden_by else v, value.trace[-1]) if value.trace else v
        for v in items.items
    ]
    n = len(targets)
    if items.why_incomplete or (star is None and len(values) != n) or (star is not None and len(values) < n - 1):
        obj = value.value if isinstance(value, Known) else None
        why = items.why_incomplete or f"{len(values)} values for {n} names"
        if not items.why_incomplete and not items.overridden_by:
            m.certainly_raises("ValueError")
        for i, e in enumerate(targets):
            if isinstance(obj, Opaque) and not obj.kind.startswith("datasets"):
                v: Value = m.item(value, Known(i), target)
            elif isinstance(value, Known) and items.why_incomplete and len(values) == 1:
                v = values[0]
            else:
                v = Unknown(why, value.trace)
            assign(m, e.value, v, scope)
        return
    if star is None:
        for e, v in zip(targets, values):
            assign(m, e.value, v, scope)
        return
    after = n - star - 1
    for e, v in zip(targets[:star], values):
        assign(m, e.value, v, scope)
    middle = values[star : len(values) - after]
    assign(m, targets[star].value, Known(Sequence(tuple(middle), "list")), scope)
    for e, v in zip(targets[star + 1 :], values[len(values) - after :]):
        assign(m, e.value, v, scope)


def delete(m: Machine, node: cst.Del, scope: Scope) -> None:
    for target in node.target.elements if isinstance(node.target, cst.Tuple) else [node.target]:
        t = target.value if isinstance(target, cst.Element) else target
        if isinstance(t, cst.Name):
            m.delete(scope if t.value in scope.slots else scope.module.scope, t.value)
        elif isinstance(t, cst.Attribute):
            owner = m.evaluate(t.value, scope)
            if isinstance(owner, Known) and isinstance(owner.value, (Instance, Mapping)):
                m.call(BUILTINS["delattr"], Arguments([owner, Known(t.attr.value)]), node)
        elif isinstance(t, cst.Subscript) and isinstance(t.slice[0].slice, cst.Slice) and not several(t):
            m.set_item(m.evaluate(t.value, scope), index(m, t, scope), Known(Sequence(())), t, scope)
        elif isinstance(t, cst.Subscript):
            owner = m.evaluate(t.value, scope)
            m.call(m.attribute(owner, "pop", node), Arguments([index(m, t, scope)]), node)


# -- branches --------------------------------------------------------------------------------------------
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
    if verdict is not None and not by:
        return then() if verdict else otherwise()
    mark = m.mark()
    if verdict is not None:  # a default decides: the other side is what another command line would do
        likely, other = (then, otherwise) if verdict else (otherwise, then)
        before, returns = departures(m), len(m.frame.exits)
        m.assumed.append(by)
        alive = likely()
        m.assumed.pop()
        left = not alive and len(m.frame.exits) > returns
        changes = m.changes(mark)
        m.rollback(mark)
        with m.supposing(unlikely=by):
            if contradict is not None and (alive or departures(m) == before):
                contradict(not verdict)
            other_alive = other()
        if alive and other_alive:
            m.prefer(mark, changes, m.changes(mark), by)
        elif alive:
            m.rollback(mark)
            m.apply(changes)
        return Rest(by) if left and other_alive else alive or other_alive
    text = condition_text(test) or (test.why if isinstance(test, Unknown) else "a condition")
    with m.supposing(text):
        narrowed = narrow(True) if narrow is not None else {}
        alive = then()
        changes = m.changes(mark)
        m.rollback(mark)
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
