"""Files of a run, and the rows used of them: all, those of a slice such as `train[:90%]`, or a sample."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from ..data_files import slices, tables
from ..data_files.formats import DataFile
from ..data_files.locate import locate
from ..data_files.records import Batch, read
from ..training_plan.feeds import Feed

if TYPE_CHECKING:
    from .check import Asked, Run


@dataclass(frozen=True, slots=True)
class Chosen:
    """Rows of a file by number: spans with both ends included, and of these possibly a sample."""

    spans: tuple[tuple[int, int], ...]
    sample: frozenset[int] | None = None

    def __contains__(self, number: int) -> bool:
        if self.sample is not None and number not in self.sample:
            return False
        return any(first <= number <= last for first, last in self.spans)

    def share(self, first: int, last: int) -> str:
        """Return "all" if all rows from `first` to `last` are chosen, "some" if some may be, or "none"."""
        if self.sample is None and any(start <= first and last <= stop for start, stop in self.spans):
            return "all"
        return "some" if any(start <= last and first <= stop for start, stop in self.spans) else "none"


@dataclass(slots=True)
class Source:
    """File as a feed of the script uses it. `chosen` is None for all of its rows; `part` is the split that chose."""

    role: str  # "train" or "held out"
    feed: Feed
    file: DataFile
    chosen: Chosen | None = None
    part: str = ""


def sources(run: Run, asked: Asked, missing: list[tuple[str, str]]) -> list[Source]:
    """Return the sources of a run, training first; what is not checked is added to `missing` with its reason."""
    made: list[Source] = []
    for role, feed in _feeds(run, asked):
        for source in _of_feed(role, feed, run.folders, asked, missing):
            same = [one for one in made if one.file == source.file and one.part == source.part]
            if not any(one.role == role or role == "held out" for one in same):
                made.append(source)
    for source in made:
        _tell_exactly(source, made)
    return made


def _feeds(run: Run, asked: Asked) -> Iterator[tuple[str, Feed]]:
    """Yield (role, feed), training first."""
    for feed in run.feeding.train:
        if asked.files:
            feed.rows.names, feed.rows.split = asked.files, slices.name_of(feed.rows.split)
            feed.rows.hub, feed.rows.why = False, ""
        yield "train", feed
        if asked.files:
            break
    trained = [feed.rows for feed in run.feeding.train]
    for feed in run.feeding.held_out:
        own = any(rows.names == feed.rows.names and _alike(rows.split, feed.rows.split) for rows in trained)
        if feed.rows.names and not own:
            yield "held out", feed
    if asked.held_out and run.feeding.train:
        first = run.feeding.train[0]
        rows = type(first.rows)(names=asked.held_out, format="json")
        yield "held out", Feed(rows, first.form, first.texts, why=first.why)


def _alike(one: str, other: str) -> bool:
    """Return whether two splits are of the same rows, or random parts of them without a slice."""
    return one == other or (slices.name_of(one) == slices.name_of(other) and "[" not in one + other)


def _of_feed(
    role: str, feed: Feed, folders: Sequence[str], asked: Asked, missing: list[tuple[str, str]]
) -> Iterator[Source]:
    """Yield each file once, with the rows that all parts of the split select from it together."""
    spans: dict[DataFile, list[tuple[int, int]] | None] = {}
    for part in slices.instructions(feed.rows.split):
        located = locate(replace(feed.rows, split=part), folders, asked.allow)
        missing += [pair for pair in located.missing if pair not in missing]
        if "[" not in part:
            spans |= dict.fromkeys(located.files)
            continue
        files = [file for file in located.files if not tables.is_needed(file)]
        spans |= dict.fromkeys(file for file in located.files if file not in files)
        numbers = [_numbers(file, feed.rows.records) for file in files]
        start, stop = slices.taken(part, sum(map(len, numbers)))
        cut = slices.within(start, stop, [len(each) for each in numbers])
        for file, own, (first, behind) in zip(files, numbers, cut):
            found = spans.setdefault(file, [])
            if found is not None and first < behind:
                found.append((own[first], own[behind - 1]))
    for file, found in spans.items():
        if found is None:
            yield Source(role, feed, file)
        elif found:
            yield Source(role, feed, file, Chosen(tuple(found)), feed.rows.split)


def _numbers(file: DataFile, records: str) -> array[int]:
    """Return the numbers of a file's rows, in order."""
    made = array("q")
    for batch in read(file, records):
        if isinstance(batch, Batch):
            made.extend(batch.numbers)
    return made


def _tell_exactly(source: Source, every: list[Source]) -> None:
    """If both slices of a file are checked, turn off the estimate, so that rows on both sides are counted."""
    if source.role == "train" and source.feed.split_by_row == 0.0:
        if any(one.role == "held out" and one.file == source.file for one in every):
            source.feed.split_by_row = None


def sampled(file: DataFile, records: str, chosen: Chosen | None, asked: Asked) -> Chosen:
    """Return the rows of a file that `--sample` checks: the same for the same seed."""
    assert asked.sample is not None
    numbers = [number for number in _numbers(file, records) if chosen is None or number in chosen]
    if len(numbers) > asked.sample:
        numbers = Random(asked.seed).sample(numbers, asked.sample)
    spans = chosen.spans if chosen is not None else ((0, max(numbers, default=0)),)
    return Chosen(spans, frozenset(numbers))
