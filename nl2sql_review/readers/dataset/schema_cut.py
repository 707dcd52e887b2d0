"""Checks whether a long schema is cut before it enters the prompt, and what a cut removes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Iterator

from ...interpret.core.datasets import Dataset
from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Unknown, Value
from ..derive import plain
from ..prompt.objective import apart
from ..prompt.other_task import sets_another_task
from ..prompt.parts import speaks_of_a_schema
from ..prompt.preparation import continues_rows
from ..prompt.text import Piece
from ..prompt.tokens import joined
from ..prompt.training_text import TrainingText
from ..run import Run
from .columns import argument, cuts_by_tables
from .rows import collected

if TYPE_CHECKING:
    from ...training_plan import facts

BLIND = "by a slice, so tables that the SQL needs may be lost; `nl2sql-review data` counts the rows"
NUMBER = re.compile(r"max_length\s*=\s*(\d+)")
# What becomes of a row that is too long: SFTTrainer cuts it, transformers' own Trainer does not.
OF_SFT = "if a row is too long, the trainer cuts off its end, the SQL and what ends it"
OF_PACKING = "packing continues a row that is too long in the next one, where the SQL has no schema"
OF_TOKENIZER = "if a row is too long, the tokenizer cuts off its end, the SQL and what ends it"
OF_SCRIPT = {
    "end": "if a row is too long, the script cuts off its end, the SQL and what ends it",
    "start": "if a row is too long, the script cuts off its start, not the schema alone",
}
OF_FILTER = "a filter of the script asks for a length, and may drop a row that is too long"
OF_TRAINER = "nothing truncates a row that is too long, so it takes whatever memory it needs"


@dataclass(slots=True)
class Cut:
    limit: Value
    unit: str  # "characters", "tokens", "words"
    place: Place | None = None
    blind: bool = True  # it cuts wherever the limit falls, and not between two tables


def read(run: Run, part: facts.Dataset, texts: list[TrainingText], at: Place | None) -> None:
    """Fill `schema_limit` and `truncation_cuts`."""
    if other := apart(run):
        part.schema_limit = part.truncation_cuts = Fact(Absent(other), at=at, why_not=other)
        return
    known = [(t, pieces) for t in texts for pieces in t.texts]
    if not known:
        why = next((t.why for t in texts if t.why), "the training text is unknown")
        part.schema_limit = part.truncation_cuts = Fact(Unknown(why), at=at)
        return
    limits: list[Value] = []
    notes: list[str] = []
    place, has_schema, whole, guarded, blind = None, False, None, False, False
    for text, pieces in known:
        whole = whole or whole_cut(text)
        schemas = [p for p in pieces if "schema" in p.roles and p.hole is not None]
        for piece in schemas:
            has_schema = True
            found = list(cuts(piece.hole))
            place = place or (found[0].place if found else None) or piece.place
            limits.append(_limit(found, piece))
            notes += [f"counted in {c.unit}" for c in found if c.unit != "characters"]
            blind = blind or any(c.blind for c in found)
        guarded = guarded or any("len(" in c for c in conditions(text.value))
    place = place or texts[0].at or at
    if not has_schema:
        why = "the prompt has no schema to truncate"
        hidden = any(p.opaque for _, pieces in known for p in pieces) or any(speaks_of_a_schema(p) for _, p in known)
        if hidden and not sets_another_task(run, texts):
            part.schema_limit = part.truncation_cuts = Fact(
                Unknown("it is unknown which part of the text is the schema"), at=place
            )
        else:
            part.schema_limit = part.truncation_cuts = Fact(Absent(why), at=place, why_not=why)
        return
    if guarded and any(not isinstance(v, Absent) for v in limits):
        limits = [v for v in limits if not isinstance(v, Absent)]  # `if len(schema) > n`: a shorter one needs no cut
    value = joined(limits)
    by_sft = run.trainer is None or "SFT" in run.trainer.callee or run.unsloth
    uncut = OF_SFT if by_sft and not (run.trainer is None and run.backward) else OF_TRAINER
    sides = {side for t, _ in known for side in cut_sides(t.columns.get("input_ids"))}
    uncut = OF_SCRIPT["end" if "end" in sides else "start"] if sides else uncut
    uncut = OF_PACKING if continues_rows(run) else uncut
    uncut = OF_TOKENIZER if any(tokenised_cut(run, t) for t, _ in known) else uncut
    uncut = OF_FILTER if any(drops_by_length(t.dataset) for t, _ in known) else uncut
    notes += [BLIND] if blind else []
    note = "; ".join(dict.fromkeys(notes)) or (uncut if isinstance(value, Absent) else "")
    part.schema_limit = Fact(value, at=place, note=note)
    cut = any(not isinstance(v, Absent) for v in limits)
    if whole is None and not cut:
        whole = next((t.at or at for t, _ in known if tokenised_cut(run, t)), None)
    if whole is not None:
        part.truncation_cuts = Fact(Known("text", (whole,)), at=whole)
    elif cut:
        part.truncation_cuts = Fact(Known("schema", (place,) if place is not None else ()), at=place)
    else:
        part.truncation_cuts = Fact(Absent("nothing is truncated before the trainer's own limit"), at=place)


def drops_by_length(dataset: object) -> bool:
    """Return whether a filter of a dataset asks for a length: a row that is too long is dropped, and not cut."""
    if not isinstance(dataset, Dataset):
        return False
    if any("len(" in getattr(kept, "text", "") for kept in dataset.filters):
        return True
    return any(map(drops_by_length, dataset.parts))


def conditions(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the conditions that decide between the possible texts."""
    if depth > 8:
        return
    if isinstance(value, Either):
        yield value.condition
        for option in value.options:
            yield from conditions(option, depth + 1)
    for part in getattr(value, "parts", None) or () if isinstance(value, Text) else getattr(value, "args", ()):
        yield from conditions(part, depth + 1)


def _limit(found: list[Cut], piece: Piece) -> Value:
    if found:
        return found[0].limit
    hole = piece.hole
    if isinstance(hole, Unknown):
        return Unknown(f"it is unknown whether the schema is truncated: {hole.why}", hole.trace)
    if isinstance(hole, Either):
        return Unknown("whether the schema is truncated depends on a branch", hole.trace)
    if hole is not None and collected(hole):
        return Unknown(f"it is unknown whether the schema is truncated: {collected(hole)}", hole.trace)
    return Absent("the schema is not truncated")


def cuts(value: object, depth: int = 0) -> Iterator[Cut]:
    """Yield the cuts of an expression, outermost first."""
    if depth > 10 or not isinstance(value, (Term, Text)):
        return
    if isinstance(value, Text):
        for part in value.parts:
            yield from cuts(part, depth + 1)
        return
    place = value.trace[0] if value.trace else None
    if value.operation == "slice" and len(value.args) >= 3:
        yield Cut(_stop(value.args[1], value.args[2]), _unit(value.args[0]), place)
    elif value.operation == "call":
        callee = value.text.partition("(")[0]
        if cuts_by_tables(value):
            yield Cut(argument(value, 1, "limit"), "characters", place, blind=False)
            return
        if callee == "textwrap.shorten":
            yield Cut(_width(value), "characters", place)
        elif callee.endswith("encode") or "okenizer" in callee.rpartition(".")[2]:
            found = NUMBER.search(value.text)
            limit = Known(int(found[1])) if found else argument(value, 99, "max_length")  # a long call's text is cut
            if "truncation" in value.text or not isinstance(argument(value, 99, "truncation"), Absent):
                if not isinstance(limit, Absent):
                    yield Cut(limit, "tokens", place)
    for arg in value.args:
        yield from cuts(arg, depth + 1)


def _stop(start: Value, stop: Value) -> Value:
    if not _none(start):
        return Unknown("the schema is truncated at both ends")
    if isinstance(stop, (Known, Default)) and isinstance(stop.value, int) and stop.value < 0:
        return Absent("only a fixed number of characters is removed from the end of the schema")
    if isinstance(stop, Absent) or isinstance(stop, Known) and stop.value is None:
        return Absent("the schema is not truncated")
    return stop


def _unit(owner: Value) -> str:
    text = owner.text if isinstance(owner, Term) else ""
    if text.endswith(".split()") or ".split(" in text.rpartition(")")[0][-20:]:
        return "words"
    return "tokens" if "encode(" in text or "input_ids" in text else "characters"


def _width(call: Term) -> Value:
    """Return the second argument of textwrap.shorten, by name or position."""
    found = re.search(r"width=(\d+)", call.text)
    if found:
        return Known(int(found[1]))
    second = call.args[1] if len(call.args) > 1 else Absent()
    return (
        second
        if isinstance(second, (Known, Default))
        else Unknown("the width that the schema is shortened to is unknown")
    )


def whole_cut(text: TrainingText) -> Place | None:
    """Return where the whole text is cut, so that its end is lost: by a slice, or tokenized with truncation."""
    value = text.value
    if (
        isinstance(value, Term)
        and value.operation == "slice"
        and value.args
        and isinstance(value.args[0], (Text, Known))
    ):
        return value.trace[0] if value.trace else text.at
    for pieces in text.texts:
        last = pieces[-1] if pieces else None
        if (
            last is not None
            and isinstance(last.hole, Term)
            and last.hole.operation == "slice"
            and isinstance(last.hole.args[0], (Text, Known))
        ):
            return last.place or text.at
    return None


def cut_sides(ids: object, depth: int = 0) -> Iterator[str]:
    """Yield at which side slices shorten the tokens of a row: "end" of `ids[:n]`, "start" of `ids[-n:]`."""
    if depth > 10:
        return
    if isinstance(ids, Either):
        for option in ids.options:
            yield from cut_sides(option, depth + 1)
    if not isinstance(ids, Term):
        return
    if ids.operation == "slice" and len(ids.args) > 2:
        start, stop = ids.args[1:3]
        if _none(stop) and _negative(start):
            yield "start"
        elif _none(start) and not _none(stop) and not _negative(stop):
            yield "end"
    for arg in ids.args:
        yield from cut_sides(arg, depth + 1)


def _none(bound: Value) -> bool:
    return isinstance(bound, Absent) or isinstance(bound, (Known, Default)) and bound.value in (None, 0)


def _negative(bound: Value) -> bool:
    if isinstance(bound, (Known, Default)):
        return isinstance(bound.value, int) and bound.value < 0
    return isinstance(bound, Term) and bound.text.startswith("-")


def tokenised_cut(run: Run, text: TrainingText) -> bool:
    """Return whether the tokenizer cuts the text. A call that is nested deeply is looked up where it was recorded."""
    call = text.tokenizer_call
    if call is None:
        return False
    if re.search(r"truncation\s*=\s*(True|'|\")", call.text) is not None:
        return True
    nodes = {id(place.node) for place in call.trace} if "…" in call.text else set()
    made = [c for c in run.calls if id(c.place.node) in nodes]
    return any(plain(c.get("truncation")) in (True, "longest_first", "only_first") for c in made)
