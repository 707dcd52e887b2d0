"""Abstract values other than plain Python values.

All mutable state lives in `slots`, and only `Machine.write` changes it, so that a branch can be undone.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple, SupportsIndex, Union, overload

from ...training_plan.values import Absent, Default, Known, Place, Unknown, Value
from .sizes import MAX_EXPRESSION, MAX_ITEMS

if TYPE_CHECKING:
    from pathlib import Path

    import libcst as cst

    from ...source import Source
    from .model_call import PythonModel
    from .recording import Call


class Object:
    """Any value with identity. Compared by identity, as in the run."""

    __slots__ = ("slots",)

    def __init__(self) -> None:
        self.slots: dict[Any, Any] = {}  # SlotKey -> Value, Items, or what a model keeps


class _Items(NamedTuple):
    items: Any  # tuple[Value, ...] of a sequence, dict[key, Value] of a mapping
    why_incomplete: str = ""
    overridden_by: str = ""


class Items(_Items):
    """Contents of a container. `why_incomplete`: why there may be more (or fewer) items.

    If there are more than `MAX_ITEMS` elements, the first are listed and the rest is open, which bounds every container
    that keeps growing.
    """

    __slots__ = ()

    def __new__(
        cls, items: tuple[Value, ...] | dict[Any, Value], why_incomplete: str = "", overridden_by: str = ""
    ) -> Items:
        if len(items) > MAX_ITEMS:
            if isinstance(items, dict):
                items = dict(itertools.islice(items.items(), MAX_ITEMS))
            else:
                items = items[:MAX_ITEMS]
            why_incomplete = why_incomplete or "a very long collection"
        return super().__new__(cls, items, why_incomplete, overridden_by)

    def followed_by(self, other: Items) -> Items:
        """Return the elements of two sequences; where nothing is known of the second's, one of them is unknown."""
        more = other.items or ((Unknown(other.why_incomplete),) if other.why_incomplete else ())
        return Items(
            self.items + more,
            self.why_incomplete or other.why_incomplete,
            self.overridden_by or other.overridden_by,
        )

    def forgotten(self, why: str, by: str = "") -> Items:
        """Return the same keys or positions with unknown values, and open."""
        if isinstance(self.items, dict):
            return Items({key: Unknown(why) for key in self.items}, why, by)
        return Items(tuple(Unknown(why) for _ in self.items), why, by)


class Sequence(Object):
    """A list, tuple, set, frozenset, range or generator. An open one lists the possible values of an element.

    Of a range or an `enumerate`, slots["positions"] is the slice of a list whose positions it counts.
    """

    __slots__ = ("frozen", "kind", "lazy", "maybe", "order", "source")

    def __init__(
        self, items: tuple[Value, ...] = (), kind: str = "list", why_incomplete: str = "", overridden_by: str = ""
    ) -> None:
        self.slots = {"state": Items(items, why_incomplete, overridden_by)}
        self.kind = kind
        self.order: Value | None = None  # `sorted(…)` as a term, when it was sorted by what only the run knows
        self.source: Sequence | None = None  # the list an iterator walks; slots["position"] says how far it is
        self.lazy = False  # its elements are made when they are read, not where it is written
        # Which of the elements are there on one path only, where that is all that is open: `dict.items()`.
        self.maybe: frozenset[int] = frozenset()
        # What `freeze` made of plain elements, and of which state: it makes the same as long as nothing is written.
        self.frozen: tuple[Items, Value] | None = None

    @property
    def state(self) -> Items:
        found: Items = self.slots["state"]
        return found


class Mapping(Object):
    """A dict, or an object that behaves like one. Keys are plain Python values."""

    __slots__ = ("kind", "factory", "unordered")
    foreign = False  # a library's container that is no dict

    def __init__(
        self,
        items: dict[Any, Value] | None = None,
        why_incomplete: str = "",
        kind: str = "dict",
        overridden_by: str = "",
        factory: Value | None = None,
    ) -> None:
        self.slots = {"state": Items(items if items is not None else {}, why_incomplete, overridden_by)}
        # "dict"; "config" for one whose keys are attributes too (OmegaConf, Munch); "namespace" for one whose keys are
        # attributes only (argparse.Namespace, SimpleNamespace)
        self.kind = kind
        self.factory = factory  # of a defaultdict
        self.unordered = ""  # why the order of its keys is not known

    @property
    def state(self) -> Items:
        found: Items = self.slots["state"]
        return found


class Attributes(Mapping):
    """`vars(x)`, `x.__dict__` or `globals()`: a dict of an object's attributes; reads and writes go to the object."""

    __slots__ = ("target",)

    def __init__(self, target: Object) -> None:
        super().__init__({}, "", "attributes")
        self.target = target

    @property
    def state(self) -> Items:
        items = {k: v for k, v in self.target.slots.items() if isinstance(k, str) and k != "*"}
        inherits = isinstance(self.target, Instance) and self.target.base is not None
        return Items(items, "attributes that its library's class sets" if inherits else "")


class Scope(Object):
    """Variables of a module, class body or function call."""

    __slots__ = ("parent", "module", "globals_", "nonlocals", "kind", "name")

    def __init__(self, module: Module, parent: Scope | None, kind: str, name: str = "") -> None:
        self.slots = {}
        self.module, self.parent, self.kind, self.name = module, parent, kind, name
        self.globals_: set[str] = set()
        self.nonlocals: set[str] = set()


class Module(Object):
    """A module of the project, during or after its execution."""

    __slots__ = ("name", "source", "scope", "file", "package", "is_folder", "imported_as")

    def __init__(self, name: str, source: Source, file: Path | None, package: str, is_folder: bool = False) -> None:
        self.slots = {}
        self.name, self.source, self.file, self.package = name, source, file, package
        self.imported_as = ""  # its `__name__`, where the script is imported by an entry point of the project
        self.is_folder = is_folder  # a namespace package, which has no code of its own: its source is empty
        self.scope = Scope(self, None, "module", "")


class Function(Object):
    """A `def` or `lambda` of the script. `slots` holds the attributes set on it."""

    __slots__ = ("name", "node", "scope", "defaults", "kind", "owner", "called", "marks")

    def __init__(
        self,
        name: str,
        node: cst.FunctionDef | cst.Lambda,
        scope: Scope,
        defaults: dict[str, Value],
        owner: Class | None = None,
    ) -> None:
        self.slots = {}
        self.name, self.node, self.scope, self.defaults, self.owner = name, node, scope, defaults, owner
        self.kind = "function"  # or staticmethod, classmethod, property
        self.called = False
        self.marks: list[Any] = []  # decorators of libraries: Opaque results, for click, typer, hydra

    @property
    def positional(self) -> list[cst.Param]:
        """The parameters that can be passed by position."""
        return [*self.node.params.posonly_params, *self.node.params.params]

    @property
    def named(self) -> list[cst.Param]:
        """The parameters that can be passed by name: all but `*rest` and `**keywords`."""
        return [*self.positional, *self.node.params.kwonly_params]

    def annotation(self, parameter: cst.Param) -> str:
        """Return the source of a parameter's annotation, or "" if it has none."""
        return (
            self.scope.module.source.excerpt(parameter.annotation.annotation)
            if parameter.annotation is not None
            else ""
        )


class Class(Object):
    """A class of the script. `slots` is its namespace, in order of definition."""

    __slots__ = ("name", "bases", "kind", "fields", "node", "module", "scope", "used", "example", "options", "odd",
                 "_order")  # fmt: skip

    def __init__(self, name: str, bases: list[Any], node: cst.ClassDef | None, module: Module, scope: Scope) -> None:
        self.slots = {}
        self.name, self.bases, self.node, self.module, self.scope = name, bases, node, module, scope
        self.kind = "class"  # dataclass, pydantic, attrs, enum, namedtuple, typeddict
        self.fields: dict[str, Field] = {}
        self.options: dict[str, Value] = {}
        self.used = False
        self.example: Any = None  # the instance made last
        self.odd = ""  # why its attributes may not be what the body says
        self._order: tuple[tuple[Any, ...], list[Any]] | None = None  # the bases it was asked with, and what mro() says

    def mro(self) -> list[Any]:
        """Return this class and its bases, depth first, each at its last occurrence (scripts do not need C3)."""
        bases = tuple(self.bases)
        if self._order is None or self._order[0] != bases:  # asked at every look-up, and long where classes are many
            seen: dict[Any, None] = {self: None}
            for base in bases:
                for c in base.mro() if isinstance(base, Class) else [base]:
                    seen.pop(c, None)
                    seen[c] = None
            self._order = bases, list(seen)
        return self._order[1]

    def lookup(self, name: str) -> Any:
        """Return the class attribute `name`, searched along the bases, or None."""
        for c in self.mro():
            if isinstance(c, Class) and name in c.slots:
                return c.slots[name]
        return None

    def library_base(self) -> Opaque | None:
        """Return the first base that is not a class of the script, if it matters (not `object`, `ABC`, `Generic`)."""
        return next((c for c in self.mro() if isinstance(c, Opaque)), None)


class Field(NamedTuple):
    """A field of a dataclass-like class. `default` is Absent if the field is required; `factory` makes the default."""

    name: str
    annotation: str
    default: Value
    factory: Value | None
    node: cst.CSTNode | None
    init: bool = True
    keyword_only: bool = False
    alias: str = ""
    spec: Any = None  # the `Field(…)` or `field(…)` it was declared with, an Opaque with its call


class Instance(Object):
    """An object of a class of the script. `base` is its library part, if the class derives from a library's class."""

    __slots__ = ("cls", "base", "payload")

    def __init__(self, cls: Class) -> None:
        self.slots = {}
        self.cls = cls
        self.base: Any = None
        self.payload: Any = None  # value of an enum member


class Opaque(Object):
    """A value of a library: a name in it, the result of a call, or an expression over such values.

    `text` is the expression, cut where it is very long; `operation` and `args` are as in `values.Term`. `kind` is the
    canonical name of its type, if known ("datasets.Dataset", "model", "trl.SFTTrainer"); a value with a kind is an
    object, any other a mere term.
    `place`: the place in the file, for values read from a row of a dataset and for slices.
    """

    __slots__ = ("text", "operation", "args", "call", "kind", "place")

    def __init__(
        self,
        text: str,
        operation: str = "symbol",
        args: tuple[Value, ...] = (),
        kind: str = "",
        call: Call | None = None,
    ) -> None:
        self.slots = {}
        self.text = text if len(text) <= MAX_EXPRESSION else text[: MAX_EXPRESSION - 1] + "…"
        self.operation, self.args, self.kind, self.call = operation, args, kind, call
        self.place: Place | None = None

    def same_as(self, other: Opaque) -> bool:
        """Return whether both are the same value: true of two mere terms with the same text, never of two objects."""
        return not self.kind and not other.kind and self.text == other.text and not self.slots and not other.slots

    @property
    def callee(self) -> str:
        return self.call.callee if self.call is not None else ""


class ItemKey(NamedTuple):
    """The slot of an item that the script sets on a library's object."""

    key: Any


# The slot of what replaces elements of a library's list, the last one first: an expression (earlier, key, value).
REPLACED = ItemKey(None)


SlotKey = Union[str, ItemKey]


class Cell(Object):
    """A single value that the script may replace, besides attributes: `sys.argv`, a parser's commands."""

    __slots__ = ()

    def __init__(self, value: Value) -> None:
        self.slots = {"value": value}

    @property
    def value(self) -> Value:
        value: Value = self.slots["value"]
        return value


class Bound(Object):
    """A method with the object it was taken from: `receiver` is a Value, `name` the method's name."""

    __slots__ = ("receiver", "name", "function", "cls")

    def __init__(self, receiver: Value, name: str, function: Function | None = None, cls: Class | None = None) -> None:
        self.slots = {}
        self.receiver, self.name, self.function, self.cls = receiver, name, function, cls


class Builtin(Object):
    """A function of Python or its standard library that the interpreter models."""

    __slots__ = ("name", "run")

    def __init__(self, name: str, run: PythonModel) -> None:
        self.slots = {}
        self.name, self.run = name, run


class Partial(Object):
    """A `functools.partial`."""

    __slots__ = ("function", "arguments")

    def __init__(self, function: Value, arguments: Arguments) -> None:
        self.slots = {}
        self.function, self.arguments = function, arguments


class Super(Object):
    __slots__ = ("instance", "after")

    def __init__(self, instance: Value, after: Class) -> None:
        self.slots = {}
        self.instance, self.after = instance, after


class ArgumentMissing(Exception):
    """A model took an argument by its position, as the function cannot do without it, and the call has none there."""


class Positional(list[Value]):
    """Arguments by position. A place that a call does not fill is told apart from a fault of a model's own lists."""

    @overload
    def __getitem__(self, place: SupportsIndex) -> Value: ...
    @overload
    def __getitem__(self, place: slice) -> list[Value]: ...
    def __getitem__(self, place: SupportsIndex | slice) -> Value | list[Value]:
        try:
            return super().__getitem__(place)
        except IndexError:
            raise ArgumentMissing from None


class OtherFile(str):
    """The option that names the file of a mapping: another file may have any other keys."""


class Arguments:
    """Evaluated arguments of one call. `unknown`: why there may be more of them; `overridden_by`: what may add any.

    `more_by`: the option that adds some, through a `**`.
    """

    __slots__ = ("positional", "keywords", "places", "unknown", "overridden_by", "more_by", "place", "clash")

    def __init__(
        self,
        positional: list[Value] | None = None,
        keywords: dict[str, Value] | None = None,
        place: Place | None = None,
    ) -> None:
        self.positional = Positional(positional if positional is not None else ())
        self.keywords = keywords if keywords is not None else {}
        self.places: dict[Any, Place] = {}  # index or name -> the Arg
        self.unknown = self.overridden_by = self.more_by = ""
        self.clash = False  # an argument is given twice
        self.place = place

    def open_as(self, other: Arguments) -> None:
        """Leave open what another call's arguments leave open: whether there are more."""
        self.unknown, self.overridden_by, self.more_by = other.unknown, other.overridden_by, other.more_by

    def may_come_from(self, by: str) -> None:
        """Take what may override the keys of a `**mapping`; an option that adds certain keys adds no others."""
        if isinstance(by, OtherFile):
            self.overridden_by = self.overridden_by or by
        else:
            self.more_by = self.more_by or by

    def left_out(self, value: Value) -> Value:
        """Return what a parameter is that is not given: a default where something may add the argument."""
        by = self.overridden_by
        return Default(value.value, by, value.trace) if by and isinstance(value, Known) else value

    def get(self, index: int | None, *names: str) -> Value:
        """Return the argument at this position or under one of these names, else Absent."""
        if index is not None and index < len(self.positional):
            return self.positional[index]
        for name in names:
            if name in self.keywords:
                return self.keywords[name]
        return Absent()


def plain(value: Value | None) -> Any:
    """Return the plain Python value of a Known or Default, else None. For models that only use settled values."""
    return value.value if isinstance(value, (Known, Default)) and not isinstance(value.value, Object) else None


def object_of(value: Value | None) -> Any:
    """Return the interpreter's object behind a Known or Default, else None."""
    return value.value if isinstance(value, (Known, Default)) and isinstance(value.value, Object) else None
