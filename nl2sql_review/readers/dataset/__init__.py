"""The dataset section: how datasets are described, mixed and weighted, how fields are read and the schema is cut."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Iterator

from ...interpret.core.datasets import Dataset
from ...interpret.core.joins import demote
from ...interpret.core.recording import Call
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Default, Known, Place, Term, Unknown, Value, join
from ..adapter_choice import beyond
from ..derive import derive
from ..object_settings import last
from ..prompt.training_text import TrainingText, datasets, texts_of
from ..run import Run
from ..untrained import no_training
from . import config, fields, schema_cut
from .rows import MAKERS, files_read, from_one_file, held, made_from, rows_given, whole

if TYPE_CHECKING:
    from ...training_plan import facts

MIXERS = {"interleave_datasets": "interleaved", "concatenate_datasets": "concatenated", "concat": "concatenated"}
LOADERS = (
    "load_dataset",
    "from_json",
    "from_csv",
    "from_parquet",
    "load_from_disk",
    "from_pandas",
    "from_list",
    "from_dict",
    "from_generator",
    "read_csv",
    "read_json",
    "read_parquet",
)
LOADED = (
    "load_dataset",
    "load_from_disk",
    "from_json",
    "from_csv",
    "from_parquet",
    "read_csv",
    "read_json",
    "read_parquet",
    "read_excel",
    "read_table",
)
NOT_MIXED = "there is only one dataset, so nothing to mix"


def read(run: Run, plan: TrainingPlan) -> None:
    """Fill `plan.dataset`."""
    part = plan.dataset
    listed = made_from(whole(run.trainer, None, "train_dataset")) if run.trainer is not None else None
    found = list(datasets(run.dataset)) if listed is None else [listed]
    texts = texts_of(run)
    at = run.trainer.places.get("train_dataset", run.trainer.place) if run.trainer is not None else run.place
    part.sources = sources(run, found, at)
    config.read(run, part)
    calls = mixing(run, found, texts, part, at)
    weighting(part, calls)
    part.misaligned_weights = misaligned(run, calls, part)
    fields.read(run, part, texts, found, calls, [call for one in found for call in source_calls(one)])
    schema_cut.read(run, part, texts, at)


# ── where the data comes from ────────────────────────────────────────────────────────────────────────────────────────


def sources(run: Run, found: list[Dataset], at: Place | None) -> Fact:
    """Return the Hub names and paths of the datasets, in order, each once."""
    calls = [c for d in found for c in source_calls(d)] or [c for c in run.calls if last(c.callee) in LOADERS[:2]]
    each = [name for call in calls for name in named(call)]
    names = list({(one.why, one.trace) if isinstance(one, Unknown) else one: one for one in each}.values())
    if not calls:
        return Fact(Unknown(_why(run.dataset, "no call that loads a dataset was found")), at=at)
    if any(isinstance(name, Unknown) for name in names):
        why = next(name.why for name in names if isinstance(name, Unknown))
        return Fact(Unknown(why, parts=[n if isinstance(n, Unknown) else Known(n) for n in names]), at=calls[0].place)
    return Fact(Known(names, (calls[0].place,)), at=calls[0].place)


def source_calls(dataset: Dataset) -> list[Call]:
    calls = [call for one in (dataset, *leaves(dataset)) for call in one.sources if call is not None]
    return [call for call in dict.fromkeys(calls) if last(call.callee) not in MIXERS]


def leaves(dataset: Dataset, depth: int = 0) -> Iterator[Dataset]:
    """Yield the datasets that a mix is made from, including those of nested mixes."""
    for part in dataset.parts if depth < 6 else ():
        if isinstance(part, Dataset):
            yield from leaves(part, depth + 1) if part.parts else (part,)


def named(call: Call) -> Iterator[Any]:
    """Yield the source of one load call: its data_files, else its path; Unknown if it cannot be told."""
    for value in (
        call.get("data_files"),
        call.get("path", "path_or_paths", "filepath_or_buffer", "dataset_path", "$0"),
    ):
        if isinstance(value, Absent) or isinstance(value, Known) and value.value is None:
            continue
        yield from _names(value)
        return
    made = last(call.callee) in MAKERS
    yield Unknown(
        "the rows are collected by the script" if made else f"{last(call.callee)} is called without a path",
        (call.place,),
    )


def _names(value: Value) -> Iterator[Any]:
    plain = value.value if isinstance(value, (Known, Default)) else None
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, (list, tuple)) and all(isinstance(p, str) for p in plain):
        yield from plain
    elif isinstance(plain, dict) and ("train" in plain or len(plain) == 1):
        yield from _names(Known(plain.get("train", next(iter(plain.values())))))  # the keys are names of splits
    else:
        yield Unknown(getattr(value, "why", "") or "the path of a dataset is not in the script", value.trace)


# ── mixing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def mixing(
    run: Run, found: list[Dataset], texts: list[TrainingText], part: facts.Dataset, at: Place | None
) -> list[Call]:
    """Fill `mixing` and return the calls that mix the training data."""
    if why := no_training(run):
        part.mixing = Fact(Absent(why), at=at, why_not=why)
        return []
    calls = [d.mixed for d in found if d.mixed is not None]
    values = [_manner_of(d) for d in found]
    if not found:
        # of tables that `concat` joins it is unknown whether they hold the rows that are trained on
        recorded = [c for c in run.calls if last(c.callee) in MIXERS and last(c.callee) != "concat"]
        if len({id(c.place.node) for c in recorded}) == 1:
            calls, values = recorded[-1:], [_manner(recorded[-1])]
        elif of_one_file(texts) if by_module(texts) else from_one_file(run.dataset) or held(run.dataset):
            values = [Known("single", (at,) if at is not None else ())]
        else:
            values = [Unknown(_why(run.dataset, "the training data could not be traced"))]
    value = values[0]
    for other in values[1:]:
        value = join(value, other)
    single = isinstance(value, Known) and value.value == "single"
    cut = _cut_by_weight(calls)
    if cut and isinstance(value, Known) and value.value == "concatenated":
        value = Unknown(
            "each dataset is cut to its share before they are concatenated; the proportions depend on their sizes",
            value.trace,
        )
    if calls and (by := beyond(run, calls[0].assumed, "assumed")):  # other data, by another command line
        value = demote(value, by[0])
    part.mixing = Fact(value, at=calls[0].place if calls else at, why_not=NOT_MIXED if single else "")
    return calls


def by_module(texts: list[TrainingText]) -> bool:
    """Return whether a module of the script makes the texts of the batches that a loop hands it."""
    return bool(texts) and all(text.by_module for text in texts)


def of_one_file(texts: list[TrainingText]) -> bool:
    """Return whether each part of the texts that the script does not write itself is read from one file."""
    pieces = (piece for text in texts for pieces in text.texts for piece in pieces if not piece.roles & {"eos", "bos"})
    read = {frozenset(files_read(piece.hole)) for piece in pieces if isinstance(piece.hole, Term)}
    return len(read) == 1 and len(read.pop()) == 1


def _manner(call: Call) -> Value:
    trace = (call.place,)
    if MIXERS.get(last(call.callee)) == "concatenated":
        listed = call.get("dsets", "datasets", "$0")
        if isinstance(listed, Unknown) and not (isinstance(listed.parts, (list, tuple)) and len(listed.parts) > 1):
            return Unknown(
                f"it is unknown how many datasets are concatenated: {listed.why}", (*listed.trace, call.place)
            )
        return Known("concatenated", trace)
    probabilities = call.get("probabilities")
    if isinstance(probabilities, Absent) and call.unknown_arguments:
        return Unknown(f"interleave_datasets may be given probabilities: {call.unknown_arguments}", trace)
    if isinstance(probabilities, Absent) or isinstance(probabilities, Known) and probabilities.value is None:
        return Known("interleaved evenly", trace)
    if isinstance(probabilities, Unknown) and probabilities.parts is None:
        return Known("interleaved by weight", (*probabilities.trace, call.place))
    return Known("interleaved by weight", trace)


def _manner_of(dataset: Dataset) -> Value:
    return _manner(dataset.mixed) if dataset.mixed is not None else _unmixed(dataset)


def _unmixed(dataset: Dataset) -> Value:
    calls = source_calls(dataset)
    if not calls:
        return Unknown("the source of the dataset is not in the script")
    names = [name for call in calls for name in named(call)]
    loaded = [c for c in calls if last(c.callee) in LOADED]
    if not loaded:
        rows = rows_given(calls[0])
        if len(calls) == 1 and from_one_file(rows):
            return Known("single", (calls[0].place,))
        if len(calls) == 1 and (before := made_from(rows)) is not None:
            return _manner_of(before)
        return Unknown(
            f"the dataset is created by {last(calls[0].callee)} from rows that the script collects", (calls[0].place,)
        )
    if len(names) > 1 or any(isinstance(n, str) and "*" in n for n in names):
        return Known("concatenated", (calls[0].place,))
    return Known("single", (calls[0].place,))


def _cut_by_weight(calls: list[Call]) -> bool:
    """Return whether a mixed dataset went through `select`, `repeat` or `take` first: weighting by hand."""
    for call in calls:
        for thing in _mixed_things(call):
            if any(last(step.callee) in ("select", "repeat", "take") for step in thing.steps):
                return True
    return False


def _mixed_things(call: Call) -> list[Dataset]:
    made = call.result
    return [p for p in getattr(made, "parts", ()) if isinstance(p, Dataset)]


def weighting(part: facts.Dataset, calls: list[Call]) -> None:
    weighted = [
        c for c in calls if last(c.callee) == "interleave_datasets" and not isinstance(c.get("probabilities"), Absent)
    ]
    if not calls:
        reason = part.mixing.why_not or getattr(part.mixing.value, "why", "") or NOT_MIXED
        unknown = isinstance(part.mixing.value, Unknown)
        for name in ("weights", "weights_sum", "seed", "stopping_strategy"):
            setattr(
                part,
                name,
                Fact(
                    Unknown(reason) if unknown else Absent(reason), at=part.mixing.at, why_not="" if unknown else reason
                ),
            )
        return
    call = (weighted or calls)[0]
    place = call.places.get("probabilities", call.place)
    if not weighted:
        why = "the datasets are not mixed by weight"
        for name in ("weights", "weights_sum", "seed", "stopping_strategy"):
            setattr(part, name, Fact(Absent(why), at=call.place, why_not=why))
        return
    probabilities = call.get("probabilities")
    part.weights = Fact(probabilities, at=place)
    part.weights_sum = Fact(_sum(probabilities), at=place)
    part.seed = Fact(call.get("seed"), at=call.places.get("seed", call.place))
    strategy = call.get("stopping_strategy")
    if isinstance(strategy, Absent):
        note = "library default: interleave_datasets.stopping_strategy"
        strategy = Known("first_exhausted", (Place(call.place.source, call.place.node, note),))
    part.stopping_strategy = Fact(strategy, at=call.places.get("stopping_strategy", call.place))


def _sum(weights: Value) -> Value:
    if isinstance(weights, Term) and _normalized(weights.text):
        return Known(1.0, weights.trace)
    if isinstance(weights, Unknown) and weights.parts:
        parts = weights.parts if isinstance(weights.parts, (list, tuple)) else ()
        if parts and all(isinstance(p, Term) and _normalized(p.text) for p in parts):
            return Known(1.0, weights.trace)
    return derive(
        lambda plain: (
            float(round(math.fsum(plain), 9))
            if isinstance(plain, (list, tuple))
            else Unknown("the weights are not a list")
        ),
        weights,
    )


def _normalized(text: str) -> bool:
    """Return whether an expression is like `w / sum(weights)`, which sums to 1 for any weights."""
    return re.search(r"/ (?:(?!/ ).)*\bsum\(", text) is not None


def misaligned(run: Run, calls: list[Call], part: facts.Dataset) -> Fact:
    if part.weights.why_not:
        return Fact(Absent(part.weights.why_not), at=part.weights.at, why_not=part.weights.why_not)
    if not calls:
        return Fact(Unknown(getattr(part.weights.value, "why", "") or "the weights are unknown"), at=part.weights.at)
    call = calls[0]
    weights = call.get("probabilities")
    mixed = call.get("datasets", "$0")
    sizes = [_length(mixed), _length(weights)]
    if None not in sizes and sizes[0] != sizes[1]:
        return Fact(Known(True, (call.place,)), at=call.place, note=f"{sizes[0]} datasets, {sizes[1]} weights")
    if run.configuration is None:
        from .skipped import skipped  # which asks the tree

        if (skip := skipped(run, call)) is not None:
            note = "a dataset that fails to load is skipped, but its weight is not"
            return Fact(Known(True, (skip,)), at=call.place, note=note)
    return Fact(Known(False, (call.place,)), at=call.place)


def _length(value: Value) -> int | None:
    """Return the number of elements, or None if it is not certain."""
    if isinstance(value, (Known, Default)) and isinstance(value.value, (list, tuple)):
        return len(value.value)
    if (
        isinstance(value, Unknown)
        and isinstance(value.parts, (list, tuple))
        and value.why.startswith(("element", "item"))
    ):
        return len(value.parts)
    return None


def _why(value: Value, otherwise: str) -> str:
    return value.why if isinstance(value, Unknown) and value.why else otherwise
