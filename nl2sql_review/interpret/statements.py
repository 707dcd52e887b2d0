"""What a statement does: assignments, branches, loops, exceptions, definitions.

`execute` runs a block and returns whether any path reaches its end. Paths that leave by `return`, `break` or
`continue` hand in their changes to the frame or loop they leave; a path that raises or exits simply ends.
"""

from __future__ import annotations

from typing import Any, Callable

import libcst as cst

from ..values import Default, Known, Unknown, Value, extend, join, same
from .builtins import BUILTINS
from .builtins import BUILTINS
from .expressions import OPERATORS, condition, index, mangled, operate
from .machine import MISSING, VALUES, Loop, Machine, Raised, condition_text, demote, join_slot, place_of
from .objects import Arguments, Class, Function, Instance, Items, Mapping, Opaque, Scope, Sequence
from .operations import truth

UNROLL = 64  # iterations of a loop over known values that are run one by one


def execute(m: Machine, block: Any, scope: Scope) -> bool:
    statements = block.body if hasattr(block, "body") else block
    return run_list(m, statements, scope)


def run_list(m: Machine, statements: Any, scope: Scope) -> bool:
    for i, statement in enumerate(statements):
        kind = type(statement)
        if kind is cst.SimpleStatementLine:
            for small in statement.body:
                m.step()
                handler = SMALL.get(type(small))
                if handler is not None and handler(m, small, scope) is False:
                    return False
            continue
        m.step()
        handler = COMPOUND.get(kind)
        if handler is None:  # the body of `if x: y` on one line holds small statements directly
            handler = SMALL.get(kind)
        if handler is not None and handler(m, statement, scope) is False:
            return False
    return True


# -- assignment ------------------------------------------------------------------------------------------
def assign_statement(m: Machine, node: cst.Assign, scope: Scope) -> None:
    value = extend(m.evaluate(node.value, scope), place_of(scope, node))
    made = value.value if isinstance(value, Known) else None
    if isinstance(made, Sequence) and made.lazy and made.state.items:  # what it yields is decided when it is read
        why = "a generator that is read later"
        m.write(made, "state", Items(tuple(Unknown(why) for _ in made.state.items), made.state.open or why))
    for target in node.targets:
        assign(m, target.target, value, scope)


def annotated(m: Machine, node: cst.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        assign(m, node.target, extend(m.evaluate(node.value, scope), place_of(scope, node)), scope)


def augmented(m: Machine, node: cst.AugAssign, scope: Scope) -> None:
    old = m.evaluate(node.target, scope)
    right = m.evaluate(node.value, scope)
    op = OPERATORS[type(node.operator)]
    obj = old.value if isinstance(old, (Known, Default)) else None
    if isinstance(obj, Sequence) and obj.kind == "list" and op == "+":
        extra = m.iterate(right, node)  # in place: every alias of the list sees it
        m.write(obj, "state", Items(obj.state.items + extra.items, obj.state.open or extra.open, obj.state.by or extra.by))
        return
    if obj is not None and hasattr(obj, "factory") and op == "|":
        m.call(m.attribute(old, "update", node), Arguments([right]), node)
        return
    assign(m, node.target, extend(operate(m, op, old, right, node), place_of(scope, node)), scope)


def assign(m: Machine, target: Any, value: Value, scope: Scope) -> None:
    if isinstance(target, cst.Name):
        bind(m, target.value, value, scope)
    elif isinstance(target, cst.Attribute):
        owner = m.evaluate(target.value, scope)
        m.set_attribute(owner, mangled(m, target.attr.value), value, target, scope)
    elif isinstance(target, cst.Subscript):
        owner = m.evaluate(target.value, scope)
        e = target.slice[0].slice
        if len(target.slice) == 1:
            m.set_item(owner, index(m, e, scope), value, target, scope)
        else:
            m.set_item(owner, Unknown("several indices"), value, target, scope)
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
    m.write(scope.slots_owner if hasattr(scope, "slots_owner") else scope, name, value)


def unpack(m: Machine, target: Any, value: Value, scope: Scope) -> None:
    targets = target.elements
    star = next((i for i, e in enumerate(targets) if isinstance(e, cst.StarredElement)), None)
    items = m.iterate(value, target)
    values = [extend(demote(v, items.by) if items.by else v, value.trace[-1]) if value.trace else v for v in items.items]
    n = len(targets)
    if items.open or (star is None and len(values) != n) or (star is not None and len(values) < n - 1):
        obj = value.value if isinstance(value, Known) else None
        why = items.open or f"{len(values)} values for {n} names"
        for i, e in enumerate(targets):
            if isinstance(obj, Opaque) and not obj.kind.startswith("datasets"):
                v: Value = m.item(value, Known(i), target)
            elif isinstance(value, Known) and items.open and len(values) == 1:
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
        elif isinstance(t, cst.Subscript) and isinstance(t.slice[0].slice, cst.Index):
            owner = m.evaluate(t.value, scope)
            m.call(m.attribute(owner, "pop", node), Arguments([m.evaluate(t.slice[0].slice.value, scope)]), node)


# -- branches --------------------------------------------------------------------------------------------
def branch(m: Machine, test: Value, then: Callable[[], bool], otherwise: Callable[[], bool]) -> bool:
    """Run what the test decides; both sides if only the run decides. Returns whether a path goes on."""
    verdict, by = truth(test)
    if verdict is not None and not by:
        return then() if verdict else otherwise()
    mark = m.mark()
    if verdict is not None:  # a default decides: the other side is what another command line would do
        likely, other = (then, otherwise) if verdict else (otherwise, then)
        alive = likely()
        changes = m.changes(mark)
        m.rollback(mark)
        with m.supposing(unlikely=by):
            other_alive = other()
        if alive and other_alive:
            m.prefer(mark, changes, m.changes(mark), by)
        elif alive:
            m.rollback(mark)
            m.apply(changes)
        return alive or other_alive
    text = condition_text(test) or (test.why if isinstance(test, Unknown) else "a condition")
    with m.supposing(text):
        alive = then()
        changes = m.changes(mark)
        m.rollback(mark)
        other_alive = otherwise()
    if alive and other_alive:
        m.join_paths(mark, [changes, m.changes(mark)], test)
    elif alive:
        m.rollback(mark)
        m.apply(changes)
    return alive or other_alive


def guarded(m: Machine, node: Any, scope: Scope, test: Value) -> Value:
    """The value of an expression on a path that may not be taken; its side effects are joined with none."""
    mark = m.mark()
    with m.supposing(condition_text(test) or "a condition"):
        value = m.evaluate(node, scope)
    if m.mark() != mark:
        m.join_paths(mark, [m.changes(mark), {}], test)
    return value


def if_(m: Machine, node: cst.If, scope: Scope) -> bool:
    test = condition(m, m.evaluate(node.test, scope), node)

    def otherwise() -> bool:
        if node.orelse is None:
            return True
        return if_(m, node.orelse, scope) if isinstance(node.orelse, cst.If) else execute(m, node.orelse.body, scope)

    return branch(m, test, lambda: execute(m, node.body, scope), otherwise)


# -- loops -----------------------------------------------------------------------------------------------
def for_(m: Machine, node: cst.For, scope: Scope) -> bool:
    iterable = m.evaluate(node.iter, scope)
    items = m.iterate(iterable, node)
    loop = Loop(m.mark(), len(m.unlikely))
    m.loops.append(loop)
    try:
        if items.open or len(items.items) > UNROLL:
            alive = repeat(m, loop, node, scope, items, iterable)
        else:
            alive = unroll(m, loop, node, scope, items)
    finally:
        m.loops.pop()
    if alive and node.orelse is not None:
        alive = execute(m, node.orelse.body, scope)
    return m.settle(loop.mark, loop.breaks, alive)


def iteration(m: Machine, loop: Loop, run: Callable[[], bool]) -> bool:
    loop.iteration, loop.continues = m.mark(), []
    alive = run()
    return m.settle(loop.iteration, loop.continues, alive)


def unroll(m: Machine, loop: Loop, node: cst.For, scope: Scope, items: Items) -> bool:
    for value in items.items:

        def body(value: Value = value) -> bool:
            assign(m, node.target, demote(value, items.by) if items.by else value, scope)
            return execute(m, node.body, scope)

        if not iteration(m, loop, body):
            return False
    return True


def repeat(m: Machine, loop: Loop, node: Any, scope: Scope, items: Items, iterable: Value) -> bool:
    """A loop whose number of iterations only the run knows: a first try finds what the body changes, a second run
    from a state that covers any number of iterations records it."""
    why = items.open or f"a loop over more than {UNROLL} values"
    element = items.items[0] if items.items else m.item(iterable, Unknown(why), node)
    for other in items.items[1:]:
        element = join(element, other)

    def body() -> bool:
        assign(m, node.target, element, scope)
        return execute(m, node.body, scope)

    return abstract_loop(m, loop, body, why)


def abstract_loop(m: Machine, loop: Loop, body: Callable[[], bool], why: str) -> bool:
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
    before = {where: where[0].slots.get(where[1], MISSING) for where in first}
    widened: dict[Any, Any] = {}
    for (obj, key), value in first.items():
        old = before[obj, key]
        if old is MISSING or unchanged(old, value):
            continue
        widened[obj, key] = widen(old, value, why)
        m.write(obj, key, widened[obj, key])
    with m.supposing(why):
        alive = iteration(m, loop, body)
    # a value that does not depend on the iteration before it is one of two: the old one, or this
    for (obj, key), old in before.items():
        now = obj.slots.get(key, MISSING)
        if (obj, key) not in widened or now is MISSING:
            continue
        if isinstance(old, Items):
            m.write(obj, key, join_slot(obj, key, old, now))
        elif isinstance(old, VALUES) and isinstance(now, Known):
            steady = isinstance(first[obj, key], Known) and same(now, first[obj, key])
            m.write(obj, key, join(old, now, why) if steady else Unknown(f"changes in a loop ({why})"))
    return True


def unchanged(old: Any, new: Any) -> bool:
    if isinstance(old, Items) or isinstance(new, Items):
        return old == new
    return isinstance(old, VALUES) and isinstance(new, VALUES) and same(old, new)


def widen(old: Any, new: Any, why: str) -> Any:
    if isinstance(old, Items) and isinstance(new, Items):
        if isinstance(old.items, dict):
            items = {k: (old.items[k] if k in old.items and same(old.items[k], v) else Unknown(f"changes in a loop ({why})")) for k, v in {**old.items, **new.items}.items()}
            return Items(items, f"filled in a loop ({why})", old.by or new.by)
        return Items(old.items, f"filled in a loop ({why})", old.by or new.by)
    return Unknown(f"changes in a loop ({why})")


def while_(m: Machine, node: cst.While, scope: Scope) -> bool:
    loop = Loop(m.mark(), len(m.unlikely))
    m.loops.append(loop)
    alive = True
    try:
        for _ in range(UNROLL):
            test = condition(m, m.evaluate(node.test, scope), node)
            verdict, by = truth(test)
            if verdict is None or by:
                abstract_loop(m, loop, lambda: (m.evaluate(node.test, scope), execute(m, node.body, scope))[1], "a while loop")
                break
            if not verdict:
                break
            if not iteration(m, loop, lambda: execute(m, node.body, scope)):
                alive = False
                break
        else:
            abstract_loop(m, loop, lambda: execute(m, node.body, scope), f"a while loop of more than {UNROLL} turns")
    finally:
        m.loops.pop()
    if alive and node.orelse is not None:
        alive = execute(m, node.orelse.body, scope)
    return m.settle(loop.mark, loop.breaks, alive)


def break_(m: Machine, node: Any, scope: Scope) -> bool:
    loop = m.loops[-1] if m.loops else None
    if loop is not None:
        m.leave(loop.breaks, loop.mark, None, loop.unlikely_depth)
    return False


def continue_(m: Machine, node: Any, scope: Scope) -> bool:
    loop = m.loops[-1] if m.loops else None
    if loop is not None:
        m.leave(loop.continues, loop.iteration, None, loop.unlikely_depth)
    return False


def return_(m: Machine, node: cst.Return, scope: Scope) -> bool:
    value = m.evaluate(node.value, scope) if node.value is not None else Known(None)
    m.leave(m.frame.exits, m.frame.mark, value, m.frame.unlikely_depth)
    return False


def raise_(m: Machine, node: cst.Raise, scope: Scope) -> bool:
    if node.exc is None:
        return False
    value = m.evaluate(node.exc, scope)
    if m.trying and not m.conditions_since_try():
        raise Raised(exception_name(value))
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
    return False if isinstance(obj, Opaque) and obj.head == "exit" else None


def assert_(m: Machine, node: cst.Assert, scope: Scope) -> bool | None:
    verdict, by = truth(m.evaluate(node.test, scope))
    return False if verdict is False and not by else None


# -- exceptions ------------------------------------------------------------------------------------------
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
        alive = execute(m, node.body, scope)
        if alive and node.orelse is not None:
            alive = execute(m, node.orelse.body, scope)
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
        goes_on = execute(m, node.finalbody.body, scope)
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
                return execute(m, handler.body, scope)
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
            handler_alive = execute(m, handler.body, scope)
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
        bind(m, handler.name.name.value, Unknown(f"the {name or 'exception'} that was caught"), scope)


# -- with, match, definitions ----------------------------------------------------------------------------
def with_(m: Machine, node: cst.With, scope: Scope) -> bool:
    suppressed = False
    managers: list[Value] = []
    for item in node.items:
        value = m.evaluate(item.item, scope)
        obj = value.value if isinstance(value, Known) else None
        if isinstance(obj, Instance) and obj.cls.lookup("__enter__") is not None:
            value = m.call(m.attribute(value, "__enter__", node), Arguments(), node)
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
        swallowed = m.call(m.attribute(manager, "__exit__", node), Arguments([Unknown("the exception, if any")] * 3), node)
        suppressed = suppressed or truth(swallowed)[0] is True
    if not suppressed:
        return alive
    for obj, key in m.changes(mark):  # an exception may have left the block anywhere
        if isinstance(obj.slots.get(key), VALUES):
            m.write(obj, key, Unknown("assigned in a block whose exceptions are swallowed"))
    return True


def function_definition(m: Machine, node: cst.FunctionDef, scope: Scope) -> None:
    owner = m.class_being_defined[-1] if scope.kind == "class" and m.class_being_defined else None
    fn = Function(node.name.value, node, scope.parent if scope.kind == "class" and scope.parent is not None else scope, parameter_defaults(m, node.params, scope), owner)
    value: Value = Known(fn, (place_of(scope, node),))
    for decorator in reversed(node.decorators):
        value = m.decorate(m.evaluate(decorator.decorator, scope), value, decorator, scope)
    bind(m, node.name.value, value, scope)
    if scope.kind == "module" and scope.module.name == "__main__":
        m.definitions.append(value)


def parameter_defaults(m: Machine, params: cst.Parameters, scope: Scope) -> dict[str, Value]:
    return {p.name.value: m.evaluate(p.default, scope) for p in (*params.posonly_params, *params.params, *params.kwonly_params) if p.default is not None}


def global_(m: Machine, node: Any, scope: Scope) -> None:
    (scope.globals_ if isinstance(node, cst.Global) else scope.nonlocals).update(n.name.value for n in node.names)


def match_(m: Machine, node: cst.Match, scope: Scope) -> bool:
    subject = m.evaluate(node.subject, scope)

    def run(i: int) -> bool:
        if i == len(node.cases):
            return True
        case = node.cases[i]

        def body() -> bool:
            return execute(m, case.body, scope)

        test = pattern(m, case.pattern, subject, scope)
        if case.guard is not None and truth(test)[0] is not False:
            guard = m.evaluate(case.guard, scope)
            test = guard if truth(test) == (True, "") else test if truth(guard) == (True, "") else Unknown("a match guard") if truth(guard)[0] is not False else guard
        return branch(m, test, body, lambda: run(i + 1))

    return run(0)


def pattern(m: Machine, p: Any, subject: Value, scope: Scope) -> Value:
    if isinstance(p, cst.MatchAs):
        inner = pattern(m, p.pattern, subject, scope) if p.pattern is not None else Known(True)
        if p.name is not None and truth(inner)[0] is not False:
            bind(m, p.name.value, subject, scope)
        return inner
    if isinstance(p, cst.MatchValue):
        return operate(m, "==", subject, m.evaluate(p.value, scope), p)
    if isinstance(p, cst.MatchSingleton):
        return Known(subject.value is m.evaluate(p.value, scope).value) if isinstance(subject, Known) else Unknown("what is matched is not known")  # type: ignore[union-attr]
    if isinstance(p, cst.MatchOr):
        result: Value = Known(False)
        for option in p.patterns:
            one = pattern(m, option.pattern, subject, scope)
            if truth(one)[0] is True:
                return one
            result = one if truth(one)[0] is None else demote(result, truth(one)[1]) if truth(one)[1] else result
        return result
    if isinstance(p, cst.MatchMapping):
        state = m.mapping(subject, p)
        result = Known(True)
        for e in p.elements:
            key = m.evaluate(e.key, scope)
            if not isinstance(key, Known) or key.value not in state.items:
                return Unknown(state.open) if state.open else Known(False)
            one = pattern(m, e.pattern, state.items[key.value], scope)
            if truth(one)[0] is not True:
                return one
        return result
    if isinstance(p, (cst.MatchTuple, cst.MatchList)):
        items = m.iterate(subject, p)
        if items.open or any(isinstance(e, cst.MatchStar) for e in p.patterns):
            bind_captures(m, p, scope)
            return Unknown("a sequence pattern over values that are not all known")
        if len(items.items) != len(p.patterns):
            return Known(False)
        for e, v in zip(p.patterns, items.items):
            one = pattern(m, e.value, v, scope)
            if truth(one)[0] is not True:
                return one
        return Known(True)
    if isinstance(p, cst.MatchClass):
        return class_pattern(m, p, subject, scope)
    bind_captures(m, p, scope)
    return Unknown("a pattern that is not modelled")


def class_pattern(m: Machine, p: cst.MatchClass, subject: Value, scope: Scope) -> Value:
    kind = m.evaluate(p.cls, scope)
    fits = m.call(BUILTINS["isinstance"], Arguments([subject, kind]), p)
    cls = kind.value if isinstance(kind, Known) else None
    if truth(fits)[0] is False:
        return fits
    if truth(fits) != (True, "") or p.patterns and not (isinstance(cls, Class) and cls.fields):
        bind_captures(m, p, scope)
        return Unknown("a class pattern")
    names = list(cls.fields) if isinstance(cls, Class) else []
    pairs = [*zip(names, p.patterns), *((k.key.value, k) for k in p.kwds)]
    for name, e in pairs:
        one = pattern(m, e.value if hasattr(e, "value") else e.pattern, m.attribute(subject, name, p), scope)
        if truth(one)[0] is not True:
            return one
    return Known(True)


def bind_captures(m: Machine, p: Any, scope: Scope) -> None:
    if isinstance(p, (cst.MatchAs, cst.MatchStar)) and p.name is not None:
        bind(m, p.name.value, Unknown("captured by a pattern that is not modelled"), scope)
    for child in p.children:
        if isinstance(child, cst.CSTNode):
            bind_captures(m, child, scope)


def import_(m: Machine, node: Any, scope: Scope) -> None:
    m.import_statement(node, scope)


def class_definition(m: Machine, node: cst.ClassDef, scope: Scope) -> None:
    m.define_class(node, scope)


SMALL: dict[type, Callable[..., Any]] = {
    cst.Assign: assign_statement, cst.AnnAssign: annotated, cst.AugAssign: augmented, cst.Expr: expression, cst.Return: return_, cst.Raise: raise_,
    cst.Assert: assert_, cst.Del: delete, cst.Global: global_, cst.Nonlocal: global_, cst.Import: import_, cst.ImportFrom: import_,
    cst.Break: break_, cst.Continue: continue_,
}  # fmt: skip
COMPOUND: dict[type, Callable[..., Any]] = {
    cst.If: if_, cst.For: for_, cst.While: while_, cst.Try: try_, cst.TryStar: try_, cst.With: with_, cst.FunctionDef: function_definition,
    cst.ClassDef: class_definition, cst.Match: match_,
}  # fmt: skip
