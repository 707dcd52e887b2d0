"""State of an interpretation: slots with an undo journal, paths and their joins, budgets, the recording.

A branch runs, its changes are collected and undone, the other branch runs, and both sets of changes are joined:
no copying of the heap. A path that leaves early (`return`, `break`, …) stores its changes as an `Exit`.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Union

from ...training_plan.values import Absent, Default, Either, Known, Place, Unknown, Value
from .joins import MISSING, VALUES, join_slot, prefer_slot
from .objects import REPLACED, Attributes, Cell, Function, Items, Object, Scope, SlotKey
from .recording import Call, Recording, Turn

if TYPE_CHECKING:
    import libcst as cst

# How the names of calls begin that readers look at beside all others.
TRAINING = ("transformers.", "trl.", "peft.", "unsloth", "datasets.", "accelerate.", "bitsandbytes.")
Changes = dict[tuple[Object, SlotKey], Any]


def of_one_object(obj: Object, values: list[Any], paths: list[Changes]) -> list[Any]:
    """Return what each path replaces in a list, and Absent where it has that list and replaces nothing."""
    made = [any(holds(value, obj) for value in path.values()) for path in paths]
    unchanged = Absent("none of its elements is replaced")
    has_it = made if any(made) else [True] * len(paths)  # it is older than the paths
    return [unchanged if value is MISSING and has else value for value, has in zip(values, has_it)]


def holds(value: object, obj: Object) -> bool:
    """Return whether an object is a value, one of its options or one of the elements of a container."""
    if isinstance(value, Items):
        return any(holds(one, obj) for one in (value.items.values() if isinstance(value.items, dict) else value.items))
    if isinstance(value, Either):
        return any(holds(option, obj) for option in value.options)
    return isinstance(value, (Known, Default)) and value.value is obj


class Exhausted(Exception):
    """Raised when the step budget is spent. Caught only at the top level."""


class Raised(Exception):
    """Raised if the script certainly raises here. Only used inside a `try` of the script, to decide what runs next."""

    def __init__(self, name: str, text: str = "") -> None:
        super().__init__(name, text)
        self.name, self.text = name, text


class Exit(NamedTuple):
    value: Value | None
    changes: Changes
    unlikely: str  # why this path is not the one a plain run takes, "" if it may be
    stamp: tuple[int, int]  # journal length and number of rollbacks when it was taken


class Depths(NamedTuple):
    """Depth of each stack at the start of a `try`."""

    conditions: int
    frames: int
    loops: int
    exits: int
    assumed: int


class Rest:
    """Flow of a block that continues, but not in a plain run, which has left it by `return` unless `by` overrides that.

    `broken`: the plain run has left it by `break`, so only the loop continues on the other path.
    """

    __slots__ = ("by", "broken")

    def __init__(self, by: str, broken: bool = False) -> None:
        self.by, self.broken = by, broken


Flow = Union[bool, Rest]  # whether a path reaches the end of a block; `Rest`: of one that a plain run has left


class Frame:
    """One call of a user function, or a module body."""

    __slots__ = (
        "scope",
        "function",
        "mark",
        "exits",
        "yields",
        "yield_open",
        "yield_count",
        "unlikely_depth",
        "cls",
        "receiver",
        "silent",
        "conditions",
        "rest",
    )

    def __init__(self, scope: Scope, function: Function | None, mark: int, unlikely_depth: int) -> None:
        self.scope, self.function, self.mark, self.unlikely_depth = scope, function, mark, unlikely_depth
        self.exits: list[Exit] = []
        self.yields: list[Value] = []
        self.yield_open = ""
        self.yield_count = 0  # also those that are only tried
        self.silent = self.conditions = 0  # how silent and how conditional it was where the call began
        self.rest = ""  # why a plain run has already left by `return`, on the current path
        self.cls: Any = None
        self.receiver: Value | None = None


class Loop:
    __slots__ = ("node", "turn", "mark", "breaks", "continues", "iteration", "unlikely_depth")

    def __init__(self, node: cst.CSTNode, mark: int, unlikely_depth: int) -> None:
        self.node, self.turn = node, 0
        self.mark = self.iteration = mark
        self.unlikely_depth = unlikely_depth
        self.breaks: list[Exit] = []
        self.continues: list[Exit] = []


UNROLLED = 64  # values of a loop that are run one by one; one iteration stands for those of a loop over more
UNROLLED_TO_WRITE = 8  # where only the shape of what is written counts, which is that of all rows


class State:
    """All mutable state of an interpretation."""

    MAX_DEPTH = 40
    MAX_RECURSION = 3

    def __init__(self, steps: int) -> None:
        self.recording = Recording()
        self.journal: list[tuple[Object, SlotKey, Any]] = []
        self.rollbacks = 0
        self.steps = self.granted = steps
        self.unrolled = UNROLLED
        self.frames: list[Frame] = []
        self.loops: list[Loop | None] = []
        self.conditions: list[str] = []  # what must hold for the current path to run at all
        self.unlikely: list[str] = []  # why the current path is not the one a plain run takes
        self.silent = 0  # > 0 while a body is only tried, not recorded
        self.trying = 0  # > 0 inside a `try` body whose handlers may run
        # Where each enclosing `try` began: how conditional the path was, how many frames and loops, exits of its frame.
        self.try_depths: list[Depths] = []
        self.aside: dict[int, int] = {}  # statements that say nothing of training, and the steps that each may take
        self.functions_aside: set[str] = set()  # names of the script's functions that say nothing of training
        self.within_aside = False  # while one of these runs
        self.assumed: list[str] = []  # what a default decides of the branches that a plain run is in
        # Of each enclosing `try`: where it began, and what the paths had changed that raise in it under a condition.
        self.escapes: list[tuple[int, list[tuple[str, Changes, str]]]] = []
        self.training_calls = 0  # how many calls have been recorded whose names begin so
        self.raised: list[str] = []  # exceptions that ended a path
        self.class_being_defined: list[Any] = []
        self.definitions: list[Value] = []  # functions and classes of the script's top level, in order
        self.documents: dict[Any, Any] = {}  # what configuration files hold, parsed once
        self.directory: Any = None  # the working directory, once the script itself has set it
        self.may_raise_count = 0  # counts evaluations that the interpreter cannot promise not to raise
        self.command = ""  # of the script's own commands, the one that runs: `train`, `model train`
        self.command_named = False  # the command line is that of a command, which has been run
        self.uncalled = ""  # name of the uncalled function being tried with unknown parameters
        self.datasets: list[Any] = []
        self.modules: dict[str, Any] = {}
        self.search_path: list[Any] = []
        self.project: Any = None
        self.shared: dict[str, Cell] = {}  # names of libraries that are one per process: os.environ, sys.argv

    # -- state -------------------------------------------------------------------------------------------
    def write(self, obj: Object, key: SlotKey, value: object) -> None:
        if isinstance(obj, Attributes) and isinstance(value, Items):
            self.write_attributes(obj, value)
            return
        slots = obj.slots
        self.journal.append((obj, key, slots.get(key, MISSING)))
        slots[key] = value

    def write_attributes(self, obj: Attributes, state: Items) -> None:
        target = obj.target
        for key, value in state.items.items():
            if isinstance(key, str) and target.slots.get(key) is not value:  # any other key names no attribute
                self.write(target, key, value)
        for key in [k for k in obj.state.items if k not in state.items]:
            self.delete(target, key)
        if state.why_incomplete and state.why_incomplete != obj.state.why_incomplete:
            for key, value in list(target.slots.items()):
                if isinstance(value, VALUES) and not isinstance(value, Unknown):
                    self.write(target, key, Unknown(state.why_incomplete))

    def delete(self, obj: Object, key: SlotKey) -> None:
        if key in obj.slots:
            self.journal.append((obj, key, obj.slots.pop(key)))

    def changes(self, mark: int) -> Changes:
        """Return the differences between the current state and the state at `mark`."""
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
        """Undo to `mark`, then apply the changes that the paths have in common and the join of the rest."""
        self.rollback(mark)
        if len(paths) == 1:
            self.apply(paths[0])
            return
        self.spend(sum(map(len, paths)))
        for where in {key: None for path in paths for key in path}:
            obj, key = where
            base = obj.slots.get(key, MISSING)
            values = [path.get(where, base) for path in paths]
            if key == REPLACED and MISSING in values:
                values = of_one_object(obj, values, paths)
            merged = values[0]
            for value in values[1:]:
                merged = self.joined(obj, key, merged, value, condition)
            if merged is MISSING:
                self.delete(obj, key)
            elif merged is not base:
                self.write(obj, key, merged)

    def joined(self, obj: Object, key: SlotKey, one: object, other: object, condition: Value | None = None) -> Any:
        """Return the join of two contents of one slot; `core.joins` says how."""
        self._spend_elements(one, other)
        return join_slot(obj, key, one, other, condition)

    def _spend_elements(self, one: object, other: object) -> None:
        if one is not other and isinstance(one, Items) and isinstance(other, Items):
            self.spend((len(one.items) + len(other.items)) // 4)

    def prefer(self, mark: int, likely: Changes, other: Changes, by: str) -> None:
        """Undo to `mark`, then apply the likely path; slots that the other path would change become defaults."""
        self.rollback(mark)
        self.spend(len(likely) + len(other))
        for where in {**likely, **other}:
            obj, key = where
            base = obj.slots.get(key, MISSING)
            one, two = likely.get(where, base), other.get(where, base)
            self._spend_elements(one, two)
            merged = prefer_slot(obj, key, one, two, by)
            if merged is MISSING:
                self.delete(obj, key)
            elif merged is not base:
                self.write(obj, key, merged)

    def deferred(self, mark: int, what: str) -> None:
        """Mark the code run since `mark` as uncertain: it runs only when, and as far as, its results are read."""
        for obj, key, old in self.journal[mark:]:
            if isinstance(obj, Scope) and (old is MISSING or obj.kind in ("function", "comprehension")):
                continue
            why = f"{what} may change it when it is read"
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
                        value.overridden_by,
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
        """Mark the calls recorded inside this context as not certain."""
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
        """Store the current path as an exit of the construct that started at `mark`."""
        why = self.unlikely[-1] if len(self.unlikely) > depth else self.frame.rest if exits is self.frame.exits else ""
        self.spend(len(self.journal) - mark)
        exits.append(Exit(value, self.changes(mark), why, (len(self.journal), self.rollbacks)))

    def settle(self, mark: int, exits: list[Exit], alive: Flow) -> Flow:
        """Join all exits, and the running path if `alive`. Return whether any path continues."""
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
        call.certain = not self.conditions and not self.unlikely and not self.uncalled
        call.condition = (self.unlikely or self.conditions or [self.uncalled])[-1]
        call.conditional = bool(self.unlikely or self.conditions)
        call.conditions, call.assumed = tuple(self.conditions), tuple(self.assumed)
        call.turns = tuple(Turn(loop.node, loop.turn) for loop in self.loops if loop is not None)
        exits = [exit for frame in self.frames for exit in frame.exits]
        call.passed = tuple(exit.unlikely for exit in exits if exit.unlikely)
        call.left = tuple(frame.rest for frame in self.frames if frame.rest)
        call.function, call.command = self.frame.scope.name, self.command
        if self.uncalled:
            call.reached = False
        call.order = len(self.recording.calls) + len(self.recording.alternatives)
        self.spend(len(exits) + self._compared_with(call) // 8)
        if self.unlikely:
            self.recording.alternatives.append(call)
        else:
            self.recording.calls.append(call)

    def _compared_with(self, call: Call) -> int:
        """Return the number of calls before this one that readers look at beside it: all, if it is one of training."""
        if not call.callee.startswith(TRAINING):
            return self.training_calls
        self.training_calls += 1
        return call.order

    def certainly_raises(self, name: str) -> None:
        """Raise Raised inside a `try` without a condition in between; otherwise note that the script may raise."""
        if self.trying and not self.conditions_since_try():
            raise Raised(name)
        self.may_raise(name)

    def may_raise(self, name: str) -> None:
        """Note that the script raises here on some paths: handlers of an enclosing `try` may run from this state."""
        self.may_raise_count += 1
        if self.escapes:
            begin, escapes = self.escapes[-1]
            by = self.assumed[-1] if len(self.assumed) > self.try_depths[-1].assumed else ""
            changes = self.changes(begin)
            self.spend(len(changes))  # each keeps its own, so that a script of many writes that may raise fills memory
            escapes.append((name, changes, by))

    def conditions_since_try(self) -> bool:
        if self.silent or not self.try_depths:
            return True
        depth, frames, loops, exits, assumed = self.try_depths[-1]
        if depth != len(self.conditions) + len(self.unlikely) or len(self.frames[frames - 1].exits) > exits:
            return True  # something decides, or another path has left before
        if len(self.assumed) > assumed:
            return True  # a default decides, and what follows is there for another value
        return any(f.exits for f in self.frames[frames:]) or any(
            x is not None and (x.breaks or x.continues) for x in self.loops[loops:]
        )

    def mark(self) -> int:
        return len(self.journal)

    def spend(self, work: int) -> None:
        """Take steps from the budget. Joins cost too: else a script of many paths could run for minutes."""
        self.steps -= work // 4
        if self.steps < 0:
            raise Exhausted

    def step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Exhausted


def place_of(scope: Scope, node: cst.CSTNode | None, note: str = "") -> Place:
    return Place(scope.module.source, node, note)
