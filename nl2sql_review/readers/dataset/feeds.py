"""Datasets of a run as feeds: where their rows are loaded from, and how a row becomes training text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ...interpret.core.datasets import Dataset
from ...interpret.core.recording import Call
from ...training_plan.feeds import Expression, Feed, Feeding, Piece, Rows
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Unknown, Value
from ..derive import contents
from ..object_settings import last
from ..prompt.objective import apart
from ..prompt.text import Piece as TextPiece
from ..prompt.training_text import TrainingText, datasets, text_of_dataset, training_texts
from ..run import Run
from . import leaves, named
from .columns import reading
from .expressions import cut_of, expression, file_of, uncut

SPLITTING = ("train_test_split",)
READERS = {
    "from_json": "json", "from_csv": "csv", "from_parquet": "parquet", "read_json": "json", "read_csv": "csv",
    "read_parquet": "parquet", "read_table": "csv", "load_from_disk": "arrow",
}  # fmt: skip
PACKAGED = ("json", "csv", "parquet", "arrow", "text", "pandas")
DEEP = 20


def read(run: Run) -> Feeding:
    """Return the feeds of a run."""
    if other := apart(run):
        return Feeding(why=other)
    made = Feeding()
    texts = [text for text in training_texts(run) if text.dataset is not None]
    if not texts:
        value = run.dataset
        made.why = value.why if isinstance(value, Unknown) else "the training data could not be traced to a dataset"
        return made
    for text in texts:
        made.train += _feeds(run, text)
    evaluated = run.trainer.get("eval_dataset") if run.trainer is not None else Absent()
    for value in _each(evaluated):
        for dataset in datasets(value):
            made.held_out += _held_out(run, dataset)
    _mix(made, [text.dataset for text in texts])
    _split(made, [text.dataset for text in texts], [d for v in _each(evaluated) for d in datasets(v)])
    return made


def _each(value: Value) -> Iterator[Value]:
    """Yield a dataset, or each dataset of a dict."""
    plain = contents(value)
    if isinstance(plain, dict):
        for one in plain.values():
            yield one if isinstance(one, (Known, Default, Either, Unknown)) else Known(one)
    else:
        yield value


# ── one feed for each source ─────────────────────────────────────────────────────────────────────────────────────────


def _feeds(run: Run, text: TrainingText) -> list[Feed]:
    """Return the feeds of a training text: one for each dataset that was mixed, else one."""
    whole: Dataset = text.dataset
    listed = list(leaves(whole))
    parts = list(dict.fromkeys(listed))
    if not parts:
        return [_feed(text, whole, rows) for rows in _rows(whole, text)]
    made = []
    for part in parts:
        own = text_of_dataset(run, part, None)
        ready = bool(own.texts)
        for rows in _rows(part, text):
            feed = _feed(own if ready else text, part, rows)
            feed.mixed_first, feed.repeats = not ready, listed.count(part)
            feed.filters += [] if ready else [expression(value) for value in whole.filters]
            made.append(feed)
    return made


def _held_out(run: Run, dataset: Dataset) -> list[Feed]:
    """Return the evaluation rows as feeds: their sources, and their text if it is made like that of training."""
    text = text_of_dataset(run, dataset, None) if run.trainer is not None else TrainingText(dataset=dataset)
    return _feeds(run, text)


def _feed(text: TrainingText, dataset: Dataset, rows: Rows) -> Feed:
    feed = Feed(rows, text.form, why=text.why, at=text.at)
    feed.texts = [_pieces(pieces) for pieces in text.texts]
    feed.reads = list(_reads(text))
    feed.filters = [expression(value) for value in dataset.filters]
    return feed


def _pieces(pieces: list[TextPiece]) -> list[Piece]:
    made: list[Piece] = []
    for piece in pieces:
        if piece.turn:
            made.append(Piece(turn=piece.turn))
        elif piece.hole is None:
            made.append(Piece(piece.text))
        else:
            hole = expression(piece.hole)
            if piece.why == "chat template":
                hole = ["special", "eos"]
            limit, kind = cut_of(hole)
            made.append(Piece("", "", hole, tuple(sorted(piece.roles)), uncut(hole), limit, kind, _place(piece.hole)))
    return made


def _place(value: Value) -> Place | None:
    """Return the place where a hole is filled from the row."""
    inner: Any = value
    for _ in range(DEEP):
        if isinstance(inner, Term) and reading(inner):
            break
        found = getattr(inner, "args", None) or getattr(inner, "parts", None) or ()
        found = found if isinstance(found, (list, tuple)) else ()
        inner = next((each for each in found if isinstance(each, (Term, Text, Unknown))), None)
        if inner is None:
            break
    place: Place | None = getattr(inner, "place", None)
    trace = getattr(inner, "trace", ()) or value.trace
    return place or (trace[0] if trace else None)


def _reads(text: TrainingText) -> Iterator[tuple[Expression, str, Place | None]]:
    """Yield (the row that is read, the column, its place) for every `row["name"]`.

    Such a read stops the run if a row lacks the column.
    """
    seen = set()
    for pieces in text.texts:
        for piece in pieces:
            if piece.hole is None:
                continue
            for term in _items(piece.hole, 0):
                name = getattr(term.args[1], "value", None)
                owner = expression(term.args[0])
                if isinstance(name, str) and owner == ["row"] and name not in seen:
                    seen.add(name)
                    yield owner, name, term.place or (term.trace[0] if term.trace else None)


def _items(value: object, depth: int) -> Iterator[Term]:
    if depth > DEEP:
        return
    if isinstance(value, Term):
        if value.operation == "item" and len(value.args) > 1:
            yield value
        if value.operation in ("or", "and") and value.args:
            yield from _items(value.args[0], depth + 1)  # the others are read only if need be
            return
        inner: Any = value.args[:1] if value.operation == "get" else value.args
    elif isinstance(value, Text):
        inner = value.parts
    elif isinstance(value, Unknown):
        inner = value.parts if isinstance(value.parts, (list, tuple)) else ()
    else:
        return  # of the options of a branch one is taken
    for each in inner:
        yield from _items(each, depth + 1)


# ── where rows are loaded ────────────────────────────────────────────────────────────────────────────────────────────


def _rows(dataset: Dataset, text: TrainingText) -> list[Rows]:
    calls = [call for call in dataset.sources if call is not None]
    made = [loaded(call, dataset) for call in calls]
    if made and not any(rows.names for rows in made):
        opened = dict.fromkeys(path for path in map(file_of, _row_terms(text)) if path)
        if opened:
            place = calls[0].place
            return [Rows((path,), format="", place=place) for path in opened]
    return made or [Rows(why="the source of the dataset is not in the script")]


def _row_terms(text: TrainingText) -> Iterator[Term]:
    for pieces in text.texts:
        for piece in pieces:
            if piece.hole is not None:
                yield from _items(piece.hole, 0)


def loaded(call: Call, dataset: Dataset) -> Rows:
    """Return where a call that loads a dataset takes its rows from."""
    name = last(call.callee)
    made = Rows(place=call.place, format=READERS.get(name, ""))
    split = call.get("split")
    plain = split.value if isinstance(split, (Known, Default)) else None
    made.split = plain if isinstance(plain, str) else dataset.split
    records = call.get("field")
    made.records = records.value if isinstance(records, Known) and isinstance(records.value, str) else ""
    files = call.get("data_files")
    first = call.get("path", "path_or_paths", "filepath_or_buffer", "dataset_path", "$0")
    builder = first.value if isinstance(first, (Known, Default)) else None
    if name == "load_dataset" and builder in PACKAGED:
        made.format = str(builder)
        if isinstance(files, Absent):
            folder = call.get("data_dir")
            files = folder if isinstance(folder, (Known, Default)) else files
    chosen = _of_split(files, made.split)
    if chosen is not None:
        made.names = chosen
        return made
    found = list(named(call))
    made.names = tuple(each for each in found if isinstance(each, str))
    made.why = next((each.why for each in found if isinstance(each, Unknown)), "")
    made.hub = name == "load_dataset" and isinstance(files, Absent) and builder not in PACKAGED
    return made


def _of_split(files: Value, split: str) -> tuple[str, ...] | None:
    """Return the files of a split, if the files are given per split."""
    plain = files.value if isinstance(files, (Known, Default)) else None
    if not isinstance(plain, dict):
        return None
    key = re.split(r"[\[+]", split)[0] or "train"
    value = plain.get(key, plain.get(next(iter(plain), ""), None) if len(plain) == 1 else None)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return None


# ── mixes and splits ─────────────────────────────────────────────────────────────────────────────────────────────────


def _mix(made: Feeding, found: list[Dataset]) -> None:
    call = next((dataset.mixed for dataset in found if dataset.mixed is not None), None)
    if call is None:
        return
    made.mixing = last(call.callee)
    weights = call.get("probabilities")
    strategy = call.get("stopping_strategy")
    if isinstance(strategy, (Known, Default)) and isinstance(strategy.value, str):
        made.stopping = strategy.value
    known = weights.value if isinstance(weights, (Known, Default)) else getattr(weights, "parts", None)
    if isinstance(known, (list, tuple)) and len(known) == len(made.train):
        for feed, weight in zip(made.train, known):
            feed.weight = _weight(weight)


def _weight(value: object) -> float | None:
    """Return a weight, or for a weight divided by the sum the dividend, which is in the same proportion."""
    if isinstance(value, Term) and value.operation == "op" and re.search(r"\bsum\(", value.text.partition("/ ")[2]):
        value = value.args[0] if value.args else None
    plain = value.value if isinstance(value, (Known, Default)) else value
    return float(plain) if isinstance(plain, (int, float)) and not isinstance(plain, bool) else None


def _split(made: Feeding, trained: list[Dataset], held: list[Dataset]) -> None:
    """Mark the feeds whose held-out rows are single rows of the same files."""
    for feed in made.train:
        for other in made.held_out:
            sliced = "[" in other.rows.split or "[" in feed.rows.split
            if sliced and other.rows.names == feed.rows.names and other.rows.place != feed.rows.place:
                feed.split_by_row, feed.split_place = 0.0, other.rows.place
    for dataset in trained:
        for one in (dataset, *leaves(dataset)):
            call = next((step for step in reversed(one.steps) if last(step.callee) in SPLITTING), None)
            if call is None:
                continue
            others = [other for whole in held for other in (whole, *leaves(whole))]
            if not any(call in other.steps for other in others):
                continue
            size = call.get("test_size", "$0")
            plain = size.value if isinstance(size, (Known, Default)) else None
            share = float(plain) if isinstance(plain, (int, float)) and 0 < plain < 1 else 0.0
            for feed in made.train:
                if any(feed.rows.place == source.place for source in one.sources if source is not None):
                    feed.split_by_row, feed.split_place = share, call.place
