"""Settings of one object, from the calls that made it and later writes to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator

from ..interpret.core.joins import demote
from ..interpret.core.objects import Object
from ..interpret.core.operations import freeze
from ..interpret.core.recording import ANY_OPTION, OTHER_LAUNCH, Call
from ..training_plan.facts import Fact
from ..training_plan.values import Absent, Default, Either, Known, Place, Unknown, Value, extend, is_optional, join
from . import defaults


def last(callee: str) -> str:
    return callee.rpartition(".")[2]


def objects(value: Value) -> Iterator[Any]:
    """Yield the interpreter's objects that a value may be."""
    if isinstance(value, Either):
        for option in value.options:
            yield from objects(option)
    elif isinstance(value, (Known, Default)) and hasattr(value.value, "slots"):
        yield value.value


@dataclass(slots=True)
class ObjectSettings:
    """The settings of one object (an adapter, the training arguments), however many calls may have made it.

    `makers` are the calls, each with the object it made; `unknown` is the reason why there may be others.
    Attribute writes to the object after the call count as the setting they change.
    """

    makers: list[tuple[Call | None, Any]] = field(default_factory=list)
    unknown: str = ""
    settled: dict[tuple[int, str], Value | None] = field(default_factory=dict)  # see `before`

    def __bool__(self) -> bool:
        return bool(self.makers)

    @property
    def call(self) -> Call | None:
        return next((call for call, _ in self.makers if call is not None), None)

    @property
    def callee(self) -> str:
        return self.call.callee if self.call is not None else ""

    @property
    def place(self) -> Place | None:
        return self.call.place if self.call is not None else None

    def value(self, *names: str) -> Value:
        """Return the value given to the first of these parameters, joined over the makers; Absent if left out."""
        if not self.makers:
            return Unknown(self.unknown) if self.unknown else Absent(f"{names[0]} is not set")
        result: Value | None = None
        for call, made in self.makers:
            one = given(call, made, names, self.settled)
            result = one if result is None else join(result, one)
        assert result is not None
        return result

    def fact(self, *names: str) -> Fact:
        """Return the setting or the library's default for it; `at` is the argument, or the call that lacks it."""
        result: Value | None = None
        for call, made in self.makers:
            one = given(call, made, names, self.settled)
            if call is not None:
                otherwise = default(call, names)
                if call.overridden_by and otherwise is not None:
                    otherwise = demote(otherwise, call.overridden_by)
                one = completed(one, otherwise)
            result = one if result is None else join(result, one)
        if result is None:
            result = self.value(*names)
        said = next((c.said[n] for c, _ in self.makers if c is not None for n in names if n in c.said), None)
        return Fact(result, at=self.where(*names), argument=self.spelling(*names), given=said)

    def before(self, calls: Iterable[Call], order: int) -> None:
        """Ignore writes to the objects at or after a place in the order of the calls, that of `train()`.

        The last write before it counts; without one, the argument of the call that made the object.
        """
        objects_made = {id(made): made for _, made in self.makers if made is not None}
        writes = [c for c in calls if c.callee.endswith("=") and id(c.receiver) in objects_made]
        earlier = {(id(c.receiver), c.callee): c for c in writes if c.order < order}
        for late in (c for c in writes if c.order > order):
            name, before = last(late.callee)[:-1], earlier.get((id(late.receiver), late.callee))
            value = extend(before.get(name), before.place) if before is not None else None
            self.settled[id(late.receiver), name] = value

    def rewritten(self, name: str) -> bool:
        """Whether every object got this setting by an attribute written after it was made and before `train()`."""
        slots = [(id(made), getattr(made, "slots", None) or {}) for _, made in self.makers]
        if not slots or any(isinstance(held.get(name), Absent) for _, held in slots):
            return False
        return all(name in held and self.settled.get((key, name), 0) is not None for key, held in slots)

    def spelling(self, *names: str) -> str:
        """Return the setting's name in this script: the spelling that is used; in a configuration, the key."""
        used = (
            call.keys.get(n, n)
            for call, _ in self.makers
            if call is not None
            for n in names
            if n in call.arguments and n[0] != "$"
        )
        return next(used, names[0])

    def where(self, *names: str) -> Place | None:
        for call, made in self.makers:
            slots = getattr(made, "slots", None) or {}
            written: Value | None = next((self.settled.get((id(made), n), slots[n]) for n in names if n in slots), None)
            if written is not None and written.trace:
                return written.trace[-1]
            if call is not None:
                for name in names:
                    if name in call.places:
                        return call.places[name]
        return self.place


def given(
    call: Call | None,
    made: Object | None,
    names: tuple[str, ...],
    settled: dict[tuple[int, str], Value | None] | None = None,
) -> Value:
    slots = getattr(made, "slots", None) or {}
    for name in names:
        written: Value | None = (settled or {}).get((id(made), name), slots.get(name))
        if isinstance(written, Absent) and written.overridden_by:
            return demote(given(call, None, names), written.overridden_by)
        if written is not None and not isinstance(written, Absent):
            return freeze(written)
    if call is None:
        return Absent(f"{names[0]} is not set")
    value = call.get(*names)
    if isinstance(value, Absent):
        if not call.unknown_arguments:
            return value
        why = f"{last(call.callee)} may set {names[0]}: {call.unknown_arguments}"
        return left_to_options(call, names) or Unknown(why, (call.place,))
    name = next(n for n in names if n in call.arguments)
    return extend(value, call.places[name]) if name in call.places else value


def left_to_options(call: Call, names: tuple[str, ...]) -> Value | None:
    """Return what a setting is unless the command line says otherwise; None if that is unknown."""
    if call.unknown_arguments not in (ANY_OPTION, OTHER_LAUNCH):
        return None
    switches = defaults.switches(call.callee, names)
    if switches is None:
        return Absent(f"{last(call.callee)} has no option {names[0]}")
    made = default(call, names) or _default(call, names, switches, last(call.callee))
    name = next((n for n in names if n in defaults.of(call.callee) or n in switches), "")
    if isinstance(made, Default):  # on the release; the option is nearer
        made = Known(made.value, made.trace)
    if made is None and call.unknown_arguments == OTHER_LAUNCH:
        return call.get(*names)  # left out by this launch, and the library's default is in no table
    return demote(made, f"--{name}") if made is not None else None


def completed(value: Value, otherwise: Value | None) -> Value:
    """Return the value, with the library's default if it, or one branch of it, is left out."""
    if otherwise is None:
        return value
    if isinstance(value, Absent):
        return demote(otherwise, value.overridden_by) if value.overridden_by else otherwise
    if is_optional(value):
        left_out = tuple(otherwise if isinstance(o, Absent) else o for o in value.options)
        return Either(left_out, value.condition, value.trace)
    return value


def default(call: Call, names: tuple[str, ...]) -> Value | None:
    if why := defaults.undecided(call.callee, names[0]):
        return Unknown(why, (call.place,))
    known = defaults.of(call.callee)
    made = _default(call, names, known, defaults.name(call.callee))
    without = defaults.otherwise(call.callee)
    if without is None:
        named = next((name for name in names if name in known), "")
        by = defaults.by_release(call.callee, named) if made is not None and named else None
        if made is None or by is None:
            return made
        if by.refused:
            why = f"{named} is left out, and its default depends on the release: {by.sentence}"
            return Unknown(why, (call.place,))
        return demote(made, f"an older {by.library}")
    plainly = _default(call, names, without, last(call.callee))
    if made is None or plainly is None:
        return made or plainly
    return join(made, plainly, "unsloth is installed")


def _default(call: Call, names: tuple[str, ...], known: dict[str, Any], owner: str) -> Value | None:
    for name in names:
        if name in known:
            note = f"library default: {owner}.{name}"
            return Known(known[name], (Place(call.place.source, call.place.node, note),))
    return None


def made_by(calls: Iterable[Call]) -> ObjectSettings:
    return ObjectSettings([(c, c.result) for c in calls])


def makers(value: Value) -> ObjectSettings:
    """Return the calls and objects behind a value that should be a configuration object."""
    found: list[tuple[Call | None, Any]] = []
    for thing in objects(value):
        call = getattr(thing, "call", None)
        if call is None and getattr(thing, "base", None) is not None:
            call = getattr(thing.base, "call", None)
        if call is not None or hasattr(thing, "cls"):
            found.append((call, thing))
    if found:
        return ObjectSettings(found)
    if isinstance(value, Unknown):
        return ObjectSettings(unknown=value.why)
    return ObjectSettings()


def from_library(value: Value) -> bool:
    """Return whether a value is the default of a library, because the script does not set it."""
    return bool(value.trace) and value.trace[-1].note.startswith("library default")


def other_file(call: Call, name: str) -> str:
    """Return what may name another file, with other keys, than the one whose keys a call gets by `**`."""
    value, place = call.get(name), call.places.get(name)
    if not isinstance(value, Default) or place is None or not getattr(place.node, "star", ""):
        return ""
    return value.overridden_by if any(step.source.kind == "configuration" for step in value.trace) else ""
