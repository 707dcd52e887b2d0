"""Findings in the rows of one file, added up batch by batch, and those that only all rows together show."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .spelling import option

MOST = 200_000  # defects of a kind that are kept with their words; the others are counted
DECIDES = 0.5  # of the SQL of a file, above which SQLite is what it is meant for


class Defect(NamedTuple):
    """Defect of a row: its description, and the place of the earlier row ("path:row"), if there is one."""

    row: int
    message: str
    note: str = ""
    first: str = ""


@dataclass(slots=True)
class Found:
    """Combined result of a file's batches. Rows are numbered as in `data_files.records`.

    `defects` by kind; `more` counts the rows of defects beyond MOST, `last` is the last row reported; `unknown`
    counts rows with something undecided, by the reason. The keys are hashes: of (database, question), of the SQL,
    of the database.
    """

    path: str
    defects: dict[str, list[Defect]] = field(default_factory=dict)
    more: Counter[str] = field(default_factory=Counter)
    last: dict[str, int] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    rows: array[int] = field(default_factory=lambda: array("q"))
    questions: array[int] = field(default_factory=lambda: array("q"))
    answers: array[int] = field(default_factory=lambda: array("q"))
    databases: array[int] = field(default_factory=lambda: array("q"))

    def add(self, result: Mapping[str, Any]) -> None:
        """Add the result of `checker.check` for a batch."""
        for row, kind, message, note in result["defects"]:
            self.tell(kind, Defect(row, message, note))
        self.counts.update(result["counts"])
        self.unknown.update(result["unknown"])
        for row, question, answer, database in result["keys"]:
            self.rows.append(row)
            self.questions.append(question)
            self.answers.append(answer)
            self.databases.append(database)

    def tell(self, kind: str, defect: Defect) -> None:
        """Add one defect."""
        known = self.defects.setdefault(kind, [])
        if len(known) < MOST:
            known.append(defect)
        elif defect.row != self.last.get(kind):  # what is wrong with one row is told in one go
            self.more[kind] += 1
        self.last[kind] = defect.row

    def count(self, kind: str) -> int:
        """Return the number of rows that have a defect of a kind; a row may have several."""
        return len({defect.row for defect in self.defects.get(kind, ())}) + self.more[kind]

    @property
    def kept(self) -> int:
        """Number of rows that the script trains on, as far as its filters are known."""
        return self.counts["rows"] - self.counts["dropped"]

    def settle(self) -> None:
        """Sort the defects by row, and drop those that assume a dialect that is not that of the file."""
        for defects in self.defects.values():
            defects.sort(key=lambda defect: defect.row)
        judged = sum(self.counts[f"sql {kind}"] for kind in ("accepted", "name", "syntax", "function"))
        unread = self.counts["sql syntax"] + self.counts["sql function"]
        if judged and unread > DECIDES * judged:
            refused = self.defects.get("refused_sql", [])
            self.defects["refused_sql"] = [defect for defect in refused if defect.note in ("name", "guard")]
            readings = Counter(defect.note for defect in refused if defect.note not in ("name", "guard", "syntax"))
            likely = readings.most_common(1)
            hint = f"; if it is {likely[0][0]}, give {option('dialect', likely[0][0])}" if likely else ""
            self.unknown[f"sql: most of it is not valid SQLite, and its dialect is unknown{hint}"] += unread
            self.more["refused_sql"] = 0
        if not self.defects.get("refused_sql", True):
            del self.defects["refused_sql"]


def repeated(files: Sequence[Found]) -> None:
    """Report, over all files, rows that occur twice, and rows that answer an earlier row's question differently."""
    questions: array[int] = array("q")
    starts = []
    for found in files:
        starts.append(len(questions))
        questions.extend(found.questions)
    order = sorted(range(len(questions)), key=questions.__getitem__)  # stable: in the order of files and rows
    begin = 0
    while begin < len(order):
        end = begin + 1
        same = questions[order[begin]]
        while end < len(order) and questions[order[end]] == same:
            end += 1
        if end - begin > 1:
            _group(files, starts, order[begin:end])
        begin = end


def _group(files: Sequence[Found], starts: Sequence[int], group: Sequence[int]) -> None:
    """Report the defects among rows with the same question, in order."""
    first_of: dict[int, str] = {}
    placed = sorted(
        (_place(files, starts, one) for one in group), key=lambda pair: (pair[0], files[pair[0]].rows[pair[1]])
    )
    for file, at in placed:
        found = files[file]
        row, answer = found.rows[at], found.answers[at]
        if answer in first_of:
            found.tell("duplicates", Defect(row, f"the same as {first_of[answer]}", "", first_of[answer]))
            continue
        if first_of:
            first = next(iter(first_of.values()))
            found.tell("contradictions", Defect(row, f"the question of {first} with different SQL", "", first))
        first_of[answer] = f"{found.path}:{row}"


def _place(files: Sequence[Found], starts: Sequence[int], one: int) -> tuple[int, int]:
    file = bisect_right(starts, one) - 1
    while not files[file].questions:  # of files without rows several start at the same place
        file -= 1
    return file, one - starts[file]


def overlapping(train: Sequence[Found], held_out: Sequence[Found]) -> None:
    """Report the training rows that are also held out, and the databases that are in both sets."""
    known: dict[int, tuple[int, int]] = {}
    for number, found in enumerate(held_out):
        for row, question in zip(found.rows, found.questions):
            known.setdefault(question, (number, row))
    databases = {database for found in held_out for database in found.databases}
    for found in train:
        for row, question in zip(found.rows, found.questions):
            if question in known:
                number, other = known[question]
                place = f"{held_out[number].path}:{other}"
                found.tell("held_out_rows", Defect(row, f"its question is also {place}, a held-out row", "", place))
        shared = databases.intersection(found.databases)
        if shared:
            share = len(shared) / len(databases)
            message = (
                f"{len(shared):,} of the {len(databases):,} databases of the held-out set are in the training data"
            )
            found.tell("held_out_databases", Defect(0, f"{message} ({share:.0%})"))


def split_by_row(found: Found, share: float) -> None:
    """Report that a split row by row puts databases on both sides: as many as a random draw does on average."""
    sizes = Counter(found.databases)
    share = share or 0.1
    both = sum(1 - share**size - (1 - share) ** size for size in sizes.values())
    drawn = sum(1 - (1 - share) ** size for size in sizes.values())
    if drawn and both / drawn >= DECIDES and len(sizes) < len(found.rows):
        message = (
            f"rows are held out individually: of {len(sizes):,} databases about {both:,.0f} have rows on both sides, "
            f"{both / drawn:.0%} of the evaluated ones"
        )
        found.tell("databases_on_both_sides", Defect(0, message))


def passes(
    sizes: Sequence[int], weights: Sequence[float], stopping: str, epochs: float, repeats: Sequence[int] = ()
) -> list[float]:
    """Return how often each dataset is read, given how the mix stops and the number of epochs.

    `repeats`: how often a dataset occurs in the mix, one after the other.
    """
    total = sum(weights)
    if not total or any(size <= 0 for size in sizes) or any(weight <= 0 for weight in weights):
        return []
    often = repeats or [1] * len(sizes)
    lengths = [times * size / (weight / total) for times, size, weight in zip(often, sizes, weights)]
    length = max(lengths) if stopping.startswith("all_exhausted") else min(lengths)
    return [epochs * length * weight / total / size for size, weight in zip(sizes, weights)]


def reasons(found: Iterable[tuple[str, int]], words: Sequence[str]) -> list[str]:
    """Return the reasons that begin with one of these words, each with its number of rows."""
    return [
        f"{reason.partition(': ')[2]} ({count:,} rows)" for reason, count in found if reason.partition(":")[0] in words
    ]
