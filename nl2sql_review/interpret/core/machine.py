"""The state of an interpretation: slots with an undo journal, paths and how they join, budgets, the recording.

A branch runs, its changes are collected and undone, the other branch runs, and both sets of changes are joined:
no copying of the heap. A path that leaves early (`return`, `break`, …) hands in its changes as an `Exit`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Iterator, NamedTuple

from ...training_plan.values import (
    UNBOUND,
    Absent,
    Default,
    Either,
    Known,
    Place,
    Term,
    Text,
    Unknown,
    Value,
    join,
    same,
)
from .objects import Arguments, Attributes, Instance, Items, Mapping, Object, Opaque, Scope, Sequence
from .recording import Call, Recording

if TYPE_CHECKING:
    import libcst as cst

MISSING: Any = type("Missing", (), {"__repr__": lambda self: "MISSING"})()

Changes = dict[tuple[Object, Any], Any]


class Exhausted(Exception):
    """The step budget is spent. Caught only at the top."""


class Raised(Exception):
    """The script certainly raises here. Only used inside a `try` of the script, where it decides what runs next."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(name, text)
        self.name, self.text = name, text


class Exit(NamedTuple):
    value: Value | None
    changes: Changes
    unlikely: str  # why this path is not the one a plain run takes, "" if it may be
    stamp: tuple[int, int]  # journal length and number of rollbacks when it was taken


class Rest:
    """A block that goes on, though not in a plain run: there it has been left by `return`, unless `by` says otherwise.

    `broken`: it has been left by `break`, and only the loop goes on elsewhere.
    """

    __slots__ = ("by", "broken")

    def __init__(self, by: str, broken: bool = False) -> None:
        self.by, self.broken = by, broken


class Frame:
    """One call of a user function, or a module body."""

    __slots__ = (
        "scope",
        "function",
        "mark",
        "exits",
        "yields",
        "yield_open",
        "unlikely_depth",
        "cls",
        "receiver",
        "silent",
        "conditions",
        "rest",
    )

    def __init__(self, scope: Scope, function: Any, mark: int, unlikely_depth: int) -> None:
        self.scope, self.function, self.mark, self.unlikely_depth = scope, function, mark, unlikely_depth
        self.exits: list[Exit] = []
        self.yields: list[Value] = []
        self.yield_open = ""
        self.silent = self.conditions = 0  # how silent and how conditional it was where the call began
        self.rest = ""  # why a plain run has already left by `return`, on the current path
        self.cls: Any = None
        self.receiver: Value | None = None


class Loop:
    __slots__ = ("mark", "breaks", "continues", "iteration", "unlikely_depth")

    def __init__(self, mark: int, unlikely_depth: int) -> None:
        self.mark = self.iteration = mark
        self.unlikely_depth = unlikely_depth
        self.breaks: list[Exit] = []
        self.continues: list[Exit] = []


class Machine:
    """All that changes while a script is interpreted. The package wires `evaluate`, `execute` and `call` in."""

    MAX_DEPTH = 40
    MAX_RECURSION = 3

    def __init__(self, steps: int) -> None:
        self.recording = Recording()
        self.journal: list[tuple[Object, Any, Any]] = []
        self.rollbacks = 0
        self.steps = steps
        self.frames: list[Frame] = []
        self.loops: list[Loop | None] = []
        self.conditions: list[str] = []  # what must hold for the current path to run at all
        self.unlikely: list[str] = []  # why the current path is not the one a plain run takes
        self.silent = 0  # > 0 while a body is only tried, not recorded
        self.trying = 0  # > 0 inside a `try` body whose handlers may run
        # Where each enclosing `try` began: how conditional the path was, how many frames and loops, exits of its frame.
        self.try_depths: list[tuple[int, int, int, int]] = []
        # Of each enclosing `try`: where it began, and what the paths had changed that raise in it under a condition.
        self.escapes: list[tuple[int, list[tuple[str, Changes]]]] = []
        self.raised: list[str] = []  # exceptions that ended a path
        self.class_being_defined: list[Any] = []
        self.definitions: list[Value] = []  # functions and classes of the script's top level, in order
        self.written: list[Any] = []  # paths of files that the script writes, as values
        self.documents: dict[Any, Any] = {}  # what configuration files hold, parsed once
        self.directory: Any = None  # the working directory, once the script itself has set it
        self.risks = 0  # counts evaluations that the interpreter cannot promise not to raise
        self.driving = ""  # name of the uncalled function being tried with unknown parameters
        self.datasets: list[Any] = []
        self.modules: dict[str, Any] = {}
        self.search_path: list[Any] = []
        self.project: Any = None
        # Wired by the package: rooms of the interpreter call each other through the machine: no imports in a circle.
        self.evaluate: Callable[[cst.CSTNode, Scope], Value]  # expressions
        self.guarded: Callable[
            [cst.BaseExpression, Scope, Value], Value
        ]  # statements: evaluate on a path that may not run
        self.execute: Callable[[Any, Scope], bool]  # statements: a block; False when no path leaves it at the end
        self.assign: Callable[[cst.CSTNode, Value, Scope], None]
        self.bind: Callable[[str, Value, Scope], None]
        self.branch: Callable[..., bool]
        self.call: Callable[..., Value]  # calls
        self.super: Callable[[Scope], Value]
        self.parameter_defaults: Callable[[cst.Parameters, Scope], dict[str, Value]]
        self.yielded: Callable[[list[Value], str], None]
        self.attribute: Callable[[Value, str, cst.CSTNode | None], Value]  # access
        self.item: Callable[[Value, Value, cst.CSTNode | None], Value]
        self.iterate: Callable[[Value, cst.CSTNode | None], Items]
        self.mapping: Callable[[Value, cst.CSTNode | None], Items]
        self.contains: Callable[[Value, Value, cst.CSTNode | None], Value]
        self.set_attribute: Callable[[Value, str, Value, cst.CSTNode | None, Scope], None]
        self.set_item: Callable[[Value, Value, Value, cst.CSTNode | None, Scope], None]
        self.call_function: Callable[..., Value]
        self.decorate: Callable[..., Value]
        self.define_class: Callable[[cst.ClassDef, Scope], None]
        self.import_module: Callable[..., Any]  # modules
        self.import_statement: Callable[[cst.Import | cst.ImportFrom, Scope], None]
        self.library_name: Callable[[str, str], Value]  # library: names, calls and results of what is not the project's
        self.call_library: Callable[[Opaque, Arguments, cst.CSTNode | None], Value]
        self.library_attribute: Callable[..., Value | None]
        self.library_item: Callable[..., Value | None]
        self.library_contains: Callable[..., Value | None]
        self.shared: dict[str, Object]  # names of libraries that are one per process: os.environ, sys.argv
        self.library_iterate: Callable[..., Items | None]
        self.library_set_item: Callable[..., None]
        self.record_write: Callable[..., None]
        self.called: Callable[..., Value]
        self.after_construction: Callable[..., None]
        self.supposed_parameter: Callable[..., Value | None]
        self.build_model: Callable[..., None]  # models.pydantic
        self.decorated: Callable[..., Value | None]
        self.decorated_class: Callable[[Opaque, Any], None]

    # -- state -------------------------------------------------------------------------------------------
    def write(self, obj: Object, key: Any, value: Any) -> None:
        if isinstance(obj, Attributes):
            self.write_attributes(obj, value)
            return
        slots = obj.slots
        self.journal.append((obj, key, slots.get(key, MISSING)))
        slots[key] = value

    def write_attributes(self, obj: Attributes, state: Items) -> None:
        target = obj.target
        for key, value in state.items.items():
            if target.slots.get(key) is not value:
                self.write(target, key, value)
        for key in [k for k in obj.state.items if k not in state.items]:
            self.delete(target, key)
        if state.open and state.open != obj.state.open:
            for key, value in list(target.slots.items()):
                if isinstance(value, VALUES) and not isinstance(value, Unknown):
                    self.write(target, key, Unknown(state.open))

    def delete(self, obj: Object, key: Any) -> None:
        if key in obj.slots:
            self.journal.append((obj, key, obj.slots.pop(key)))

    def changes(self, mark: int) -> Changes:
        """What differs now from the state at `mark`."""
        out: Changes = {}
        for obj, key, _ in self.journal[mark:]:
            out[obj, key] = obj.slots.get(key, MISSING)
        return out

    def rollback(self, mark: int) -> None:
        journal = self.journal
        while len(journal) > mark:
            obj, key, old = journal.pop()
            if old is MISSING:
                obj.slots.pop(key, None)
            else:
                obj.slots[key] = old
        self.rollbacks += 1

    def apply(self, changes: Changes) -> None:
        for (obj, key), value in changes.items():
            if value is MISSING:
                self.delete(obj, key)
            elif obj.slots.get(key, MISSING) is not value:
                self.write(obj, key, value)

    def join_paths(self, mark: int, paths: list[Changes], condition: Value | None = None) -> None:
        """Undo to `mark`, then apply what the paths have in common and the join of the rest."""
        self.rollback(mark)
        if len(paths) == 1:
            self.apply(paths[0])
            return
        self.spend(sum(map(len, paths)))
        for where in {key: None for path in paths for key in path}:
            obj, key = where
            base = obj.slots.get(key, MISSING)
            values = [path.get(where, base) for path in paths]
            merged = values[0]
            for value in values[1:]:
                merged = join_slot(obj, key, merged, value, condition)
            if merged is MISSING:
                self.delete(obj, key)
            elif merged is not base:
                self.write(obj, key, merged)

    def prefer(self, mark: int, likely: Changes, other: Changes, by: str) -> None:
        """Undo to `mark`, then apply the likely path; what the other one would change becomes a default."""
        self.rollback(mark)
        self.spend(len(likely) + len(other))
        for where in {**likely, **other}:
            obj, key = where
            base = obj.slots.get(key, MISSING)
            merged = prefer_slot(obj, key, likely.get(where, base), other.get(where, base), by)
            if merged is MISSING:
                self.delete(obj, key)
            elif merged is not base:
                self.write(obj, key, merged)

    def deferred(self, mark: int, what: str) -> None:
        """Mark what ran since `mark` as uncertain: it is run only when, and as far as, its results are read."""
        for obj, key, old in self.journal[mark:]:
            if isinstance(obj, Scope) and (old is MISSING or obj.kind in ("function", "comprehension")):
                continue
            why = f"{what} may change it, when it is read"
            value = obj.slots.get(key)
            if isinstance(value, Items):
                items = value.items
                self.write(
                    obj,
                    key,
                    Items(
                        {k: Unknown(why) for k in items}
                        if isinstance(items, dict)
                        else tuple(Unknown(why) for _ in items),
                        why,
                        value.by,
                    ),
                )
            elif isinstance(value, VALUES):
                self.write(obj, key, Unknown(why))

    # -- paths -------------------------------------------------------------------------------------------
    @property
    def frame(self) -> Frame:
        return self.frames[-1]

    @contextmanager
    def supposing(self, condition: str = "", unlikely: str = "") -> Iterator[None]:
        """Calls recorded inside are not certain."""
        if condition:
            self.conditions.append(condition)
        if unlikely:
            self.unlikely.append(unlikely)
        try:
            yield
        finally:
            if condition:
                self.conditions.pop()
            if unlikely:
                self.unlikely.pop()

    def leave(self, exits: list[Exit], mark: int, value: Value | None, depth: int) -> None:
        """Hand in the current path as an exit of the construct that started at `mark`."""
        why = self.unlikely[-1] if len(self.unlikely) > depth else self.frame.rest if exits is self.frame.exits else ""
        self.spend(len(self.journal) - mark)
        exits.append(Exit(value, self.changes(mark), why, (len(self.journal), self.rollbacks)))

    def settle(self, mark: int, exits: list[Exit], alive: bool) -> bool:
        """Join all exits, and the path that is still running if `alive`. Returns whether any path goes on."""
        if not exits:
            return alive
        if not alive and len(exits) == 1:
            if exits[0].stamp != (len(self.journal), self.rollbacks):
                self.rollback(mark)
                self.apply(exits[0].changes)
            return True
        likely = [e.changes for e in exits if not e.unlikely]
        unlikely = [e for e in exits if e.unlikely]
        if alive:
            likely.append(self.changes(mark))
        if not likely:
            likely, unlikely = [e.changes for e in unlikely], []
        self.join_paths(mark, likely)
        for e in unlikely:
            self.prefer(mark, self.changes(mark), e.changes, e.unlikely)
        return True

    # -- recording ---------------------------------------------------------------------------------------
    def record(self, call: Call) -> None:
        if self.silent:
            return
        call.certain = not self.conditions and not self.unlikely and not self.driving
        call.condition = (self.unlikely or self.conditions or [self.driving])[-1]
        call.conditional = bool(self.unlikely or self.conditions)
        call.function = self.frame.scope.name
        if self.driving:
            call.reached = False
        call.order = len(self.recording.calls) + len(self.recording.alternatives)
        if self.unlikely:
            self.recording.alternatives.append(call)
        else:
            self.recording.calls.append(call)

    def certainly_raises(self, name: str) -> None:
        """The script raises here on this path: inside a `try`, and if nothing conditional lies between, go there."""
        if self.trying and not self.conditions_since_try():
            raise Raised(name)
        self.may_raise(name)

    def may_raise(self, name: str) -> None:
        """The script raises here on some paths: the handlers of an enclosing `try` may run from this state."""
        self.risks += 1
        if self.escapes:
            begin, escapes = self.escapes[-1]
            escapes.append((name, self.changes(begin)))

    def conditions_since_try(self) -> bool:
        if self.silent or not self.try_depths:
            return True
        depth, frames, loops, exits = self.try_depths[-1]
        if depth != len(self.conditions) + len(self.unlikely) or len(self.frames[frames - 1].exits) > exits:
            return True  # something decides, or another path has left before
        return any(f.exits for f in self.frames[frames:]) or any(
            x is not None and (x.breaks or x.continues) for x in self.loops[loops:]
        )

    def mark(self) -> int:
        return len(self.journal)

    def spend(self, work: int) -> None:
        """Joining costs too: a budget that only counts expressions would let a script of many paths take minutes."""
        self.steps -= work // 4
        if self.steps < 0:
            raise Exhausted

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Exhausted


def join_slot(obj: Object, key: Any, a: Any, b: Any, condition: Value | None = None) -> Any:
    """The join of two contents of one slot. A name bound on one path keeps its value: the other cannot use it."""
    if a is b:
        return a
    if a is MISSING or b is MISSING:
        present = b if a is MISSING else a
        if isinstance(obj, Instance) and isinstance(present, (Known, Default, Either, Term, Text, Unknown)):
            inherited = obj.cls.lookup(key)
            if inherited is not None:
                return join(present, inherited)
        return present
    if isinstance(a, Items) and isinstance(b, Items):
        return join_items(a, b, condition)
    if not isinstance(a, VALUES) or not isinstance(b, VALUES):
        return a
    return join_values(a, b, condition)


VALUES = (Known, Default, Either, Term, Text, Unknown, Absent)


def join_values(a: Value, b: Value, condition: Value | None = None) -> Value:
    """`join`, but True on one side of an unknown condition and False on the other is that condition."""
    if (
        condition is not None
        and isinstance(a, Known)
        and isinstance(b, Known)
        and isinstance(a.value, bool)
        and isinstance(b.value, bool)
        and a.value is not b.value
    ):
        obj = condition.value if isinstance(condition, Known) else None
        if isinstance(obj, Opaque):
            return condition if a.value else Known(Opaque("not " + obj.text, "not", (condition,)), condition.trace)
    return join(a, b, condition_text(condition))


def condition_text(condition: Value | None) -> str:
    obj = condition.value if isinstance(condition, (Known, Default)) else None
    if isinstance(obj, (Sequence, Mapping)):
        return obj.state.open
    return obj.text if isinstance(obj, Opaque) else condition.text if isinstance(condition, Term) else ""


DIFFERS = "its length depends on the path taken"


def join_items(a: Items, b: Items, condition: Value | None = None) -> Items:
    if a == b:
        return a
    open_, by = a.open or b.open, a.by or b.by
    if isinstance(a.items, dict):
        out: dict[Any, Value] = {}
        for key in {**a.items, **b.items}:
            x, y = a.items.get(key, UNBOUND), b.items.get(key, UNBOUND)
            if (isinstance(x, Absent) and a.open) or (isinstance(y, Absent) and b.open):
                x = y = Unknown(a.open if isinstance(x, Absent) else b.open)
            out[key] = join_values(x, y, condition)
        return Items(out, open_, by)
    if len(a.items) == len(b.items) and not open_:
        return Items(tuple(join_values(x, y, condition) for x, y in zip(a.items, b.items)), "", by)
    merged: list[Value] = []
    for value in (*a.items, *b.items):
        if not any(same(value, seen) for seen in merged):
            merged.append(value)
    return Items(tuple(merged), open_ or DIFFERS, by)


def demote(value: Value, by: str) -> Value:
    """A value that holds unless `by` says otherwise."""
    match value:
        case Known(v, trace):
            return Default(v, by, trace)
        case Either(options, condition, trace):
            return Either(tuple(demote(o, by) for o in options), condition, trace)
    return value


def prefer_slot(obj: Object, key: Any, likely: Any, other: Any, by: str) -> Any:
    if likely is other:
        return likely
    if likely is MISSING and isinstance(obj, Instance):
        likely = obj.cls.lookup(key) or MISSING
    if likely is MISSING:
        return demote(other, by) if isinstance(other, VALUES) else other
    if other is MISSING and isinstance(obj, Instance):
        other = obj.cls.lookup(key) or MISSING
    if other is MISSING:
        return likely
    if isinstance(likely, Items):
        if not isinstance(other, Items) or likely == other:
            return likely
        if isinstance(likely.items, dict):
            items = {k: v if same(v, other.items.get(k)) else demote(v, by) for k, v in likely.items.items()}
            return Items(items, likely.open, likely.by if items.keys() == other.items.keys() else by)
        return Items(tuple(demote(v, by) for v in likely.items), likely.open, likely.by or by)
    if not isinstance(likely, VALUES) or not isinstance(other, VALUES) or same(likely, other):
        return likely
    return demote(likely, by)


def place_of(scope: Scope, node: cst.CSTNode | None, note: str = "") -> Place:
    return Place(scope.module.source, node, note)
