"""How many optimizer steps a run takes: from the rows it trains on, where they can be counted without running it."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from ..data_files import slices, tables
from ..data_files.formats import DataFile
from ..data_files.heads import head
from ..data_files.locate import locate
from ..data_files.records import Batch, read
from ..interpret.core.datasets import Dataset
from ..readers.derive import numeric, plain
from ..readers.object_settings import last
from ..training_plan.facts import Fact
from ..training_plan.values import Absent, Default, Known, Value

if TYPE_CHECKING:
    from ..interpret.core.recording import Call
    from ..readers.run import Run
    from ..training_plan.facts import TrainingPlan

# Trainers that take every row of their dataset once an epoch; others drop rows, or count generations.
TRAINERS = ("SFTTrainer", "UnslothTrainer", "Trainer", "Seq2SeqTrainer", "DPOTrainer", "ORPOTrainer", "CPOTrainer")
KEEPING = (
    "shuffle", "sort", "rename_column", "rename_columns", "remove_columns", "add_column", "cast", "cast_column",
    "class_encode_column", "with_format", "set_format", "with_transform", "set_transform", "flatten",
    "flatten_indices",
)  # fmt: skip
LOADERS = ("load_dataset", "from_json", "from_csv", "from_parquet", "load_from_disk")
MOST_BYTES = 64 << 20  # of all files together: the rows are counted while somebody types


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of a run; where the last one of an epoch is short, versions of Transformers count it or leave it out."""

    fewest: int
    most: int
    rows: int
    epochs: float
    batch: int
    dropping: bool = False  # rows without an answer are left out later, so there may be fewer

    @property
    def words(self) -> str:
        if self.dropping:
            return f"up to {self.most:,} steps"
        return f"{self.most:,} steps" if self.fewest == self.most else f"{self.fewest:,} to {self.most:,} steps"

    @property
    def reason(self) -> str:
        """How the number of steps comes about, and why it may be less exact."""
        times = "1 epoch" if self.epochs == 1 else f"{self.epochs:g} epochs"
        made = f"{self.rows:,} rows × {times}, {self.batch:,} a step"
        if self.dropping:
            return f"{made}; train_on_responses_only may drop rows that hold no answer"
        return made if self.fewest == self.most else f"{made}; versions differ in whether a short last step counts"


def steps(run: Run, plan: TrainingPlan, folders: Sequence[str]) -> Steps | None:
    """Return the steps of a run that goes by epochs; None where anything that decides them is unknown.

    `folders` are those that a relative path of a data file may count from.
    """
    stated = plan.arguments.max_steps.value
    if not isinstance(stated, Absent) and ((limit := numeric(stated)) is None or limit > 0):
        return None
    if run.trainer is None or last(run.trainer.callee) not in TRAINERS or not _is_off(plan.memory.packing.value):
        return None
    if not _is_off(run.arguments.value("dataloader_drop_last")):
        return None
    epochs = _of(plan.arguments.epochs)
    batch, device, together = map(
        _whole,
        (
            plan.arguments.effective_batch,
            plan.arguments.per_device_batch_size,
            plan.arguments.gradient_accumulation,
        ),
    )
    if epochs is None or epochs <= 0 or not batch or not device or not together:
        return None
    dataset = run.dataset.value if isinstance(run.dataset, (Known, Default)) else None
    rows = _rows(dataset, tuple(folders)) if isinstance(dataset, Dataset) else None
    if not rows:
        return None
    batches = math.ceil(rows / max(batch // together, 1))
    fewest, most = (math.ceil(epochs * count) for count in (max(batches // together, 1), math.ceil(batches / together)))
    dropping = any(last(call.callee) == "train_on_responses_only" for call in run.calls)
    return Steps(fewest, most, rows, epochs, batch, dropping)


def _of(fact: Fact) -> float | None:
    return None if fact.why_not else numeric(fact.value)


def _whole(fact: Fact) -> int | None:
    number = _of(fact)
    return int(number) if number is not None and number == int(number) else None


def _is_off(value: Value) -> bool:
    return isinstance(value, Absent) or (isinstance(value, (Known, Default)) and value.value in (False, None))


# ── rows of a dataset ────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(dataset: Dataset, folders: tuple[str, ...]) -> int | None:
    """The rows of a dataset after all its steps."""
    if dataset.filters:
        return None
    if dataset.mixed is not None:
        if last(dataset.mixed.callee) != "concatenate_datasets" or not dataset.parts:
            return None
        parts = [_rows(part, folders) if isinstance(part, Dataset) else None for part in dataset.parts]
        count = None if None in parts else sum(part or 0 for part in parts)
        files: list[DataFile] = []
    else:
        count, files = _loaded(dataset, folders)
    for step in dataset.steps:
        count = None if count is None else _after(step, count, dataset, files)
    return count


def _loaded(dataset: Dataset, folders: tuple[str, ...]) -> tuple[int | None, list[DataFile]]:
    """The rows as the one call loads them, and their files."""
    from ..readers.dataset.feeds import loaded

    call = dataset.sources[0] if len(dataset.sources) == 1 else None
    if call is None or last(call.callee) not in LOADERS or not _is_off(call.get("streaming")):
        return None, []
    rows = loaded(call, dataset)
    if rows.why or not rows.names or rows.records:
        return None, []
    total = 0
    files: list[DataFile] = []
    for part in slices.instructions(rows.split):
        located = locate(replace(rows, split=part), folders)
        if located.missing or not located.files:
            return None, []
        sizes = _sizes(located.files)
        if sizes is None:
            return None, []
        start, stop = slices.taken(part, sum(sizes)) if "[" in part else (0, sum(sizes))
        total, files = total + stop - start, [*files, *located.files]
    return total, files


def _sizes(files: Sequence[DataFile]) -> list[int] | None:
    states = []
    for file in files:
        try:
            state = os.stat(file.path)
        except OSError:
            return None
        states.append((file, state.st_size, state.st_mtime_ns))
    if sum(size for _, size, _ in states) > MOST_BYTES or any(file.packed or tables.is_needed(file) for file in files):
        return None
    counts = [_count(*state) for state in states]
    return None if None in counts else [count or 0 for count in counts]


@lru_cache(maxsize=64)
def _count(file: DataFile, size: int, changed: int) -> int | None:
    """The rows of a file in this state; None where a part of it cannot be read."""
    total = 0
    for one in read(file):
        if not isinstance(one, Batch):
            return None
        total += len(one.rows)
    return total


def _after(step: Call, count: int, dataset: Dataset, files: Sequence[DataFile]) -> int | None:
    """The rows that a step leaves of `count`."""
    name = last(step.callee)
    if name in KEEPING:
        return count
    if name == "map":
        return count if _is_off(step.get("batched", "$4")) or _keeps_a_column(dataset, files) else None
    if name == "train_test_split":
        return _trained(step, count) if dataset.split == "train" else None
    given = numeric(step.get("n", "num_times", "$0"))
    if name in ("take", "skip", "repeat") and given is not None and given >= 0:
        return {"take": min(int(given), count), "skip": max(count - int(given), 0)}.get(name, count * int(given))
    if name == "select":
        indices = plain(step.get("indices", "$0"))
        return len(indices) if isinstance(indices, (list, tuple)) else None
    return None


def _keeps_a_column(dataset: Dataset, files: Sequence[DataFile]) -> bool:
    """Whether a column of the file is still as it was: then no map over batches can have changed how many rows there
    are, as `datasets` refuses columns of several lengths."""
    for step in dataset.steps:
        if last(step.callee) in ("remove_columns", "select_columns") or not _is_off(step.get("remove_columns")):
            return False
    return bool(files) and any(name not in dataset.columns for name in head(files[0]).counts)


def _trained(step: Call, count: int) -> int | None:
    """The rows that `train_test_split` leaves for training; of sizes by share, the test set is rounded up."""
    train, test = step.get("train_size", "$1"), step.get("test_size", "$0")
    if not _is_off(train):
        return None
    size = 0.25 if _is_off(test) else numeric(test)
    if size is None or size <= 0 or size >= count:
        return None
    return count - (math.ceil(count * size) if size < 1 else int(size))
