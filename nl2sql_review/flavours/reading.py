"""Configuration as its flavour's parser passes it on: each value by key with its place, and the defects.

A flavour turns what it reads into the calls that its library makes of it (`Recording`), so that everything
after it works as for a script. It states as facts what no call shows (which loss a key selects, what the
flavour cannot express).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Iterable, Iterator, Mapping

from ..files.typed_data import Suggestions
from ..interpret.core.datasets import Dataset, Row
from ..interpret.core.documents import Pair, Text
from ..interpret.core.objects import Mapping as Items
from ..interpret.core.objects import Opaque, object_of
from ..interpret.core.operations import freeze
from ..interpret.core.project import Project
from ..interpret.core.recording import Call, Recording
from ..libraries.chosen import Versions
from ..source import Source, Span
from ..training_plan.facts import Fact
from ..training_plan.values import Absent, Known, Place, Term, Unknown, Value
from . import keys as tables
from .flavour import Flavour
from .keys import Refused

FILLED_IN = re.compile(r"\$\{(?:(?!\$\{)[^}])*\}|\{\{(?:(?!\{\{).)*\}\}|\A\$\w+\Z")
NO_CHOICE = "no key chooses the precision by GPU; {} is enabled, and the GPU must support it"
LOGS_NOTHING = "no key logs GPU memory, except skip_memory_metrics: false for allocated memory"
MIX = ("sources", "mixing", "weights", "weights_sum", "seed", "stopping_strategy", "misaligned_weights")
DEFAULT = "library default"  # how the note of a default starts; readers tell it from what was chosen by that


@dataclass(frozen=True)
class Defect:
    """Key or value that a parser refuses or ignores.

    `kind`: "unknown", "removed" (it stops), "ignored", "value", "conflict" or "duplicate".
    """

    kind: str
    name: str
    place: Place
    sentence: str


@dataclass(frozen=True)
class Stated:
    """Training text that the configuration asks for.

    `form` and `value` are as in readers.training_text; `why` is the reason if it is unknown.
    """

    form: str = ""
    value: Value = field(default_factory=Absent)
    why: str = ""
    at: Place | None = None
    objective: str = ""  # why there is no text with an answer, if there is none
    template: Value = field(default_factory=Absent)  # name of the chat template, where it is not the model's own
    trained_ends: tuple[str, ...] | None = None  # the ends of a turn that are trained on; () for the EOS token alone
    eos: str = ""  # the token that the configuration makes the EOS token


@dataclass
class Configuration:
    """Properties of a configuration beyond the calls it leads to."""

    flavour: Flavour
    versions: Versions
    text: Stated = field(default_factory=Stated)
    facts: dict[str, Fact] = field(default_factory=dict)  # of the plan: what the calls do not say
    defects: list[Defect] = field(default_factory=list)
    doubts: dict[str, str] = field(default_factory=dict)  # kind of defect -> why there may be one that is not certain
    launch: dict[str, Value] = field(default_factory=dict)  # options of accelerate that it holds itself
    sharing: int = 1  # processes that work on the same rows, each on a part of the sequence or of the layers
    launch_files: list[tuple[str, Place]] = field(default_factory=list)  # accelerate and DeepSpeed files it names


class Level:
    """One mapping of a configuration: the whole file, or a section of it."""

    def __init__(self, reading: Reading, section: str, value: Value | None, place: Place) -> None:
        self.reading, self.section, self.place = reading, section, place
        found = object_of(value)
        self.items: dict[object, Value] = dict(found.state.items) if isinstance(found, Items) else {}
        self.pairs: Mapping[object, Pair] = (reading.text.pairs or {}).get(id(found), {})

    def __contains__(self, key: str) -> bool:
        """Return whether the key is there with a value; `key:` with nothing after it has none."""
        value = self.items.get(key)
        return value is not None and not (isinstance(value, Known) and value.value is None)

    def where(self, key: str) -> Place:
        """Return the place of a key's pair, on its line, or of the level if the key is not written."""
        pair = self.pairs.get(key)
        if pair is None:
            value = self.items.get(key)
            return value.trace[-1] if value is not None and value.trace else self.place
        key_, value_ = pair.key, pair.value
        end = (value_.end_row, value_.end_column) if key_.row == value_.end_row else (key_.end_row, key_.end_column)
        return self.reading.place(Span(key_.row, key_.column, *end))

    def written(self, key: str) -> Known | Unknown | Absent:
        """Return the value in the file, as plain Python, or Unknown if it is filled in at run time."""
        if key not in self.items:
            return Absent(f"{key} is not set")
        value, at = freeze(self.items[key]), (self.where(key),)
        if isinstance(value, Known):
            text = _filled_in(value.value)
            return Unknown(f"{text} is filled in at run time", at) if text else Known(value.value, at)
        return Unknown(getattr(value, "why", "") or "it is not a plain value", at)

    def get(self, key: str) -> Value:
        """Return the value as the parser passes it on, or the flavour's default if the key is missing."""
        value = self.written(key)
        if isinstance(value, Absent):
            return self.default(key)
        if isinstance(value, Unknown):
            return value
        if value.value is None:
            return self.default(key, empty=True)
        try:
            kind = self.reading.keys.type_of(self.section, key)
            return Known(tables.parsed(value.value, kind, self.reading.flavour.parser), value.trace)
        except Refused as error:
            return value if self.reading.flavour.parser == "none" else Unknown(f"{key}: {error}", value.trace)

    def plain(self, key: str) -> Any:
        """Return the value, or the default, if it is known; else None."""
        value = self.get(key)
        return value.value if isinstance(value, Known) else None

    def default(self, key: str, empty: bool = False) -> Value:
        """Return the program's default for a key, or Absent with the reason."""
        try:
            return self.built_in(self.reading.keys.default(self.section, key), key)
        except KeyError:
            return Absent(f"{key} is not set" if not empty else f"{key} is empty")

    def built_in(self, value: object, key: str, why: str = "") -> Value:
        """Return the library's behaviour if nothing is set, or if it has no key for it."""
        program = self.reading.flavour.program
        return Known(value, (self.reading.place(self.place.node, f"{DEFAULT}: {key} in {program}{why}"),))

    def section_at(self, key: str, section: str | None = None) -> Level:
        """Return the section under a key, empty if the key is missing."""
        place = self.where(key) if key in self.items else self.place
        return Level(self.reading, key if section is None else section, self.items.get(key), place)

    def listed(self, key: str, section: str) -> list[Level]:
        """Return the mappings of a list."""
        found = object_of(self.items.get(key))
        members = found.state.items if found is not None and not isinstance(found, Items) else ()
        made = [Level(self.reading, section, m, m.trace[-1] if m.trace else self.where(key)) for m in members]
        return [level for level in made if level.items]


def _filled_in(value: object) -> str:
    if isinstance(value, str):
        found = FILLED_IN.search(value)
        return found[0] if found else ""
    if isinstance(value, (list, tuple)):
        return next((text for member in value if (text := _filled_in(member))), "")
    return ""


class Reading:
    """Configuration that is being turned into calls."""

    def __init__(
        self,
        source: Source,
        document: Value,
        text: Text,
        flavour: Flavour,
        project: Project,
        versions: Versions,
    ) -> None:
        self.source, self.text, self.flavour, self.project = source, text, flavour, project
        self.keys = flavour.keys
        self.recording = Recording(project=project)
        self.made = Configuration(flavour, versions)
        self._suggestions = Suggestions()
        self.recording.configuration = self.made
        found = object_of(document)
        first = next(iter((text.pairs or {}).get(id(found), {}).values()), None)
        at = first.key if first is not None and not first.merged else Span(1, 1, 1, 2)
        self.top = Level(self, "", document, self.place(at))

    def place(self, span: Span, note: str = "") -> Place:
        """Return a place of the configuration by its span in the cell or file."""
        return Place(self.source, self.source.in_cell(span), note)

    # -- what is wrong with keys and values ----------------------------------------------------------------------

    def defect(self, kind: str, level: Level, key: str, sentence: str) -> None:
        """Add a defect of a key; `kind` is the name of a fact of the section api."""
        self.made.defects.append(Defect(kind, key, level.where(key), sentence))

    def check(
        self,
        level: Level,
        extra: Iterable[str] = (),
        refuses: bool = True,
        places: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """Check the keys and values of a level; `places`: keys of other sections, to name in the message.

        `refuses`: whether the parser stops at an unknown key, or drops it silently.
        """
        program, known = self.flavour.program, self.keys.sections.get(level.section, {})
        allowed, strange, kind = set(extra), [], "unknown" if refuses else "ignored"
        for key in level.items:
            if not isinstance(key, str):
                continue
            pair = level.pairs.get(key)
            if pair is not None and pair.again:
                self._twice(level, key)
            if key in known or key in allowed:
                self._value(level, key)
                continue
            elsewhere = next((name for name, names in (places or {}).items() if key in names), "")
            value = level.items[key]
            if isinstance(value, Known) and value.value is None:
                continue  # `debug:` says nothing
            if (since := self.keys.gone.get(key)) is not None:
                why = f"{key}: a key of {self.keys.library} before {since}; it is unknown which release reads the file"
                self.made.doubts.setdefault(kind, why)
                continue
            hint = f"; it belongs under {elsewhere}:" if elsewhere else tables.hint(key, known, self._suggestions)
            what = f": {self.flavour.unknown_key}" if refuses else ", and it is silently dropped"
            if hint or not self.flavour.other_keys:
                self.defect(kind, level, key, f"{key} is not a key of {program}{what}{hint}")
            else:
                strange.append(key)
        if strange:
            listed = ", ".join(strange[:3]) + (", …" if len(strange) > 3 else "")
            self.made.doubts.setdefault(
                kind,
                f"{listed}: not a key of {program} ({self.keys.library} {self.keys.version}); "
                f"{self.flavour.other_keys} may know it",
            )

    def _twice(self, level: Level, key: str) -> None:
        if self.flavour.parser == "none" and not self.source.path.endswith(".json"):
            self.defect("conflict", level, key, f"{key} is given twice: OmegaConf refuses the file")
        else:
            self.defect("duplicate", level, key, f"{key} is given twice: the last one silently counts")

    def _value(self, level: Level, key: str) -> None:
        value = level.written(key)
        if not isinstance(value, Known):
            return
        try:
            tables.parsed(value.value, self.keys.type_of(level.section, key), self.flavour.parser)
        except Refused as error:
            self.defect(
                "value", level, key, f"{key}: {error}{_quoted(level, key, value.value)}; {self.flavour.refusal}"
            )

    # -- calls ---------------------------------------------------------------------------------------------------

    def call(self, callee: str, place: Place, **arguments: Value) -> Call:
        """Record a call that the program makes, and return it; its `result` stands for the object made."""
        call = Call(callee, dict(arguments), place)
        call.result = Opaque(f"{callee.rpartition('.')[2]}(…)", "call", (), callee, call)
        call.order = len(self.recording.calls)
        self.recording.calls.append(call)
        return call

    def fill(self, call: Call, level: Level, table: Mapping[str, str]) -> None:
        """Fill the arguments of a call from a level. `table`: argument -> key."""
        for argument, key in table.items():
            self.give(call, argument, level.get(key), level, key)

    def give(self, call: Call, argument: str, value: Value, level: Level, key: str) -> None:
        """Set an argument and record the key that sets it, or would."""
        if isinstance(value, Absent):
            return
        call.arguments[argument] = value
        call.keys[argument] = key
        own = level.written(key)
        if isinstance(own, Known) and isinstance(value, Known) and _another(own.value, value.value):
            call.said[argument] = own
        if value.trace and not value.trace[-1].note.startswith(DEFAULT):
            call.places[argument] = value.trace[-1]

    def state(
        self, name: str, value: Value, at: Place | None = None, note: str = "", argument: str = "", remedy: str = ""
    ) -> None:
        """Set a fact that no call shows. `name` is `section.fact`; by default its place is the end of the trace."""
        place = at or (value.trace[-1] if value.trace else self.top.place)
        self.made.facts[name] = Fact(value, place, note, argument=argument, remedy=remedy)

    def beyond(self, why: str, *names: str) -> None:
        """Mark facts that a configuration of this flavour cannot express."""
        for name in names:
            self.made.facts[name] = Fact(Absent(why), self.top.place, why_not=why)

    def data_made_before(self, columns: str, described_by: str = "the configuration") -> None:
        """State how the columns are found: no class describes the datasets, and no key maps or cuts their rows."""
        described = f"the datasets are described by {described_by}"
        self.beyond(
            described, *(f"dataset.{n}" for n in ("config_class", "config_kind", "config_fields", "unimported_names"))
        )
        self.beyond(columns, "dataset.bare_fields", "dataset.late_fallbacks")
        cut = "no key truncates the schema: the rows are prepared beforehand"
        self.beyond(cut, "dataset.schema_limit", "dataset.truncation_cuts")


def _quoted(level: Level, key: str, value: object) -> str:
    """Return a reason why the value is a text instead of a number, or ""."""
    pair = level.pairs.get(key)
    if not isinstance(value, str) or pair is None:
        return ""
    if pair.plain and re.fullmatch(r"[+-]?\d+[eE][+-]?\d+", value):
        return f" (YAML 1.1 reads {value}, without a dot, as a string)"
    return (
        " (it is quoted)" if not pair.plain and re.fullmatch(r"[+-]?[\d._]+(?:[eE][+-]?\d+)?|true|false", value) else ""
    )


def _another(own: object, value: object) -> bool:
    """Return whether a key says another thing than the argument that it leads to: `lora_target_linear: true`."""
    return own is not None and value is not None and isinstance(value, (str, list)) and own != value


def unset(value: Value) -> bool:
    """Return whether nothing was chosen: the key is left out and the library's default for it is None."""
    return isinstance(value, Absent) or isinstance(value, Known) and value.value is None


def number(value: Value) -> Value:
    """Return a text that holds a number as the number, for a program that converts it."""
    try:
        return (
            Known(float(value.value), value.trace)
            if isinstance(value, Known) and isinstance(value.value, str)
            else value
        )
    except ValueError:
        return value


def known(call: Call) -> Value:
    """Return the result of a call as a value for other calls."""
    return Known(call.result, (call.place,))


def column(dataset: Dataset | None, name: str, place: Place) -> Term:
    """Return `row["name"]` of a dataset whose rows the configuration does not contain."""
    row = Term("row", "row", (Known(Row("row", dataset, False)),))
    return Term(f'row["{name}"]', "item", (row, Known(name)), (place,))


def eos(place: Place) -> Term:
    """Return the term that stands for the tokenizer's EOS token in a text."""
    return Term("tokenizer.eos_token", "attribute", (Term("tokenizer", "symbol"), Known("eos_token")), (place,))


def load(reading: Reading, place: Place, names: Iterable[tuple[Value, Place]]) -> list[Dataset]:
    """Make one `load_dataset` call for each name; return the datasets."""
    made = []
    for name, at in names:
        call = reading.call("datasets.load_dataset", at, path=name)
        call.places["path"] = at
        call.result = Dataset("load_dataset(…)", call)
        made.append(call.result)
    return made


def mixed(
    reading: Reading,
    parts: list[Dataset],
    place: Place,
    callee: str = "datasets.concatenate_datasets",
    **arguments: Value,
) -> Dataset | None:
    """Return the dataset for training: the only one, or the mix of several."""
    if not parts:
        reading.beyond("the configuration names no dataset", *(f"dataset.{name}" for name in MIX))
    if len(parts) < 2:
        return parts[0] if parts else None
    call = reading.call(callee, place, datasets=Known([p for p in parts], (place,)), **arguments)
    whole = Dataset("mix", call)
    whole.mixed, whole.parts, whole.sources = call, tuple(parts), tuple(c for p in parts for c in p.sources)
    call.result = whole
    return whole


def words(value: object) -> Iterator[str]:
    """Yield the words of `"a, b"` and of `["a", "b"]` alike."""
    for part in value.split(",") if isinstance(value, str) else value if isinstance(value, (list, tuple)) else ():
        if str(part).strip():
            yield str(part).strip()
