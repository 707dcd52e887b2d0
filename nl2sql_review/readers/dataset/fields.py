"""Checks how question, SQL and schema are read from a row: by one column name, or by the name in each dataset."""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Iterator

from ...data_files.formats import DataFile, data_file
from ...data_files.heads import Head, head
from ...interpret.core.datasets import Dataset, Row
from ...interpret.core.recording import Call
from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Either, Known, Place, Term, Text, Unknown, Value
from ..derive import plain
from ..object_settings import last
from ..prompt.objective import objective
from ..prompt.training_text import TrainingText, texts_before_mixing
from ..run import Run
from .columns import columns_read, reading
from .rows import collected, row_of

if TYPE_CHECKING:
    from ...training_plan import facts

ROLES = ("question", "sql", "schema")
# What gives a column the one name that all datasets share.
RENAMING = ("rename_column", "rename_columns", "select_columns", "cast", "add_column")


@dataclass(slots=True)
class Read:
    """An expression that reads a row: `ex["a"]` (bare), `ex.get("a", …)` (get), or alternatives joined by `or`."""

    how: str
    role: str
    columns: tuple[str, ...]
    owner: Row | str | None  # a row of a dataset, or the expression of what else is read, such as a line of a file
    term: Term

    @property
    def dataset(self) -> Any:
        """The dataset of the row; for other owners their expression, so that two files are distinct."""
        return self.owner.dataset if isinstance(self.owner, Row) else self.owner

    @property
    def origin(self) -> Any:
        """Key of a dataset, by the calls that loaded it: each step makes a new dataset of the same rows."""
        if isinstance(self.dataset, Dataset) and self.dataset.sources:
            return tuple(id(call) for call in self.dataset.sources)
        return self.dataset if isinstance(self.dataset, str) else id(self.dataset)

    @property
    def place(self) -> Place | None:
        return self.term.trace[0] if self.term.trace else None

    @property
    def site(self) -> Any:
        """The expression in the source: one expression for several datasets is one site."""
        return id(self.place.node) if self.place is not None else self.term.text

    @property
    def mixed(self) -> bool:
        return isinstance(self.dataset, Dataset) and self.dataset.mixed is not None


def read(run: Run, part: facts.Dataset, texts: list[TrainingText], found: list[Dataset], calls: list[Call]) -> None:
    """Fill `bare_fields`, `missing_fields` and `late_fallbacks`."""
    part.missing_fields = Fact(Absent(NOT_LOOKED), at=run.place, why_not=NOT_LOOKED)
    if other := objective(run):
        part.bare_fields = part.late_fallbacks = Fact(Absent(other), at=run.place, why_not=other)
        return
    reads = [r for r in reads_of(texts) if not run.recording.rows_given or _is_own(run, r)]
    at = reads[0].place if reads and reads[0].place is not None else part.mixing.at
    if not any(t.texts for t in texts):
        why = next((t.why for t in texts if t.why), "the training text is unknown")
        part.bare_fields = part.late_fallbacks = Fact(Unknown(why), at=at)
        return
    before = [t for d in found for t in texts_before_mixing(run, d)]
    part.bare_fields = _bare(reads, list(reads_of(before)), part, found, calls, at)
    _by_files(run, reads, every_read(run, texts) if run.recording.rows_given else [], part, at)
    why = part.bare_fields.why_not
    part.late_fallbacks = Fact(Absent(why), at=at, why_not=why) if why else _late(reads, at)


def reads_of(texts: list[TrainingText]) -> Iterator[Read]:
    """Yield the reads of columns in the holes of the texts, once for each role that a hole has."""
    for piece in (piece for text in texts for pieces in text.texts for piece in pieces if piece.hole is not None):
        for role in ROLES:
            if role in piece.roles:
                for one in _reads(piece.hole, 0):
                    one.role = role
                    yield one


def every_read(run: Run, texts: list[TrainingText]) -> list[Read]:
    """Return the reads of columns that the training script itself makes in the texts, whatever they hold."""
    holes = (piece.hole for text in texts for pieces in text.texts for piece in pieces)
    return [one for hole in holes if hole is not None for one in _reads(hole, 0) if _is_own(run, one)]


def _reads(value: object, depth: int) -> Iterator[Read]:
    """Yield the outermost reads of an expression: the fallback of a `.get` belongs to it and is not a separate read."""
    if depth > 10:
        return
    if isinstance(value, Text):
        for part in value.parts:
            yield from _reads(part, depth + 1)
    elif isinstance(value, Either):
        for option in value.options:
            yield from _reads(option, depth + 1)
    elif isinstance(value, Term):
        read = reading(value)
        if len(read) > 1 and isinstance(plain(read[1]), str):
            owner = row_of(value) or (read[0].text if isinstance(read[0], Term) else None)
            if owner is not None:
                yield Read(
                    "bare" if value.operation == "item" else "get",
                    "",
                    tuple(dict.fromkeys(columns_read(value))),
                    owner,
                    value,
                )
            return
        if value.operation == "or":
            columns = tuple(dict.fromkeys(columns_read(value)))
            if columns:
                yield Read(
                    "or" if len(columns) > 1 else "get",
                    "",
                    columns,
                    next((r.owner for a in value.args for r in _reads(a, depth + 1)), None),
                    value,
                )
            return
        for arg in value.args:
            yield from _reads(arg, depth + 1)


# ── what the files say ───────────────────────────────────────────────────────────────────────────────────────────────

# What comes of a row that lacks the column: after mixing every row has every column.
LACKS = "the first dataset that names it differently stops the run"
LACKS_AFTER_MIXING = "the rows of a dataset that names it differently have None there, and the word goes into the text"
NOT_LOOKED = "there is no data file to check"


def _by_files(run: Run, reads: list[Read], every: list[Read], part: facts.Dataset, at: Place | None) -> None:
    """Decide from the first rows of the data files if the script alone does not, and all files lie in the project.

    `every` read counts where another script writes the rows, since those of a part may be hidden in its texts.
    """
    if not isinstance(part.bare_fields.value, Unknown):
        return
    written = _written(run, every)
    reads = every if written else reads
    heads = written or _heads(run, part)
    if not heads:
        return
    bare = [r for r in reads if r.how == "bare" or (r.how == "get" and len(r.columns) == 1 and r.role != "schema")]
    columns = list(dict.fromkeys(r.columns[-1] for r in bare if not _alternatives(r, reads)))
    if not (columns or written) or any(one.problem or not one.rows for one in heads):
        return
    where = {one.path: f"{os.path.basename(one.path)}" for one in heads}
    lacking = [(name, one) for name in columns for one in heads if one.lacking(name)]
    why = "checked in the script that writes the data files" if written else "checked in the data files"
    part.bare_fields = Fact(Absent(why), at=at, why_not=why)
    if lacking:
        name, one = lacking[0]
        place = next((r.term.place or r.place for r in bare if r.columns[-1] == name), None) or at
        all_of_them = not one.counts[name]
        which = "no row" if all_of_them else f"row {one.lacking(name)}"
        there = f"; its columns are {', '.join(sorted(one.counts))}" if all_of_them else ""
        note = f"{name!r} is read, and {which} of {where[one.path]} has it{there}"
        missing = list(dict.fromkeys(name for name, _ in lacking))
        part.missing_fields = Fact(Known(missing, (place,) if place is not None else ()), at=place, note=note)
        return
    partly = [one for one in heads if not one.whole]
    first = f"in the first {partly[0].rows} rows of {where[partly[0].path]}" if partly else ""
    said = first or f"in all rows of {', '.join(where.values())}"
    note = f"{', '.join(columns)}: {said}" if columns else ""
    trace = (at,) if at is not None else ()
    part.missing_fields = Fact(Known([], trace), at=at, note=note, assumed=bool(partly))


def _heads(run: Run, part: facts.Dataset) -> list[Head]:
    """Return the columns of the files that the dataset is loaded from; none if one of them is not in the project."""
    names = part.sources.value.value if isinstance(part.sources.value, Known) else ()
    paths = dict.fromkeys(path for name in names if isinstance(name, str) for path in [beside(run, name)])
    return [] if None in paths else [head(file) for file in paths if file is not None]


def _written(run: Run, reads: list[Read]) -> list[Head]:
    """Return the columns that another script writes into every row of the files; none if one of them is not known."""
    given, wanted = run.recording.rows_given, list(run.recording.rows_awaited)
    if not given:
        return []
    if reads and all(isinstance(r.owner, str) for r in reads):
        from ...interpret.models.data.written import absolute, stream_of  # which needs the interpreter

        streams = [stream_of(r.term) for r in reads]
        root = run.recording.project.root or "."
        wanted = list(dict.fromkeys(absolute(one[0].args[0], root) if one is not None else "" for one in streams))
    if not wanted or any(file not in given or given[file].open for file in wanted):
        return []
    return [
        Head.of_columns(file, [name for name, cell in given[file].columns.items() if _is_there(cell)])
        for file in wanted
    ]


def _is_own(run: Run, read: Read) -> bool:
    """Return whether a read is one of the training script, and not of another that writes its rows."""
    own = [getattr(module, "source", None) for module in run.recording.modules.values()]
    loads = read.dataset.sources if isinstance(read.dataset, Dataset) else ()
    places = [*(call.place for call in loads if call is not None), read.term.place or read.place]
    return all(place is None or any(place.source is source for source in own) for place in places)


def _is_there(cell: Value) -> bool:
    """Return whether every row has a cell, and not only those that one path makes."""
    return not isinstance(cell, Either) or not any(isinstance(option, Absent) for option in cell.options)


def beside(run: Run, name: str) -> DataFile | None:
    """Return the project's data file at a path of the script, or None if it is not a data file or lies elsewhere."""
    project = run.recording.project
    file = data_file(name)
    if project is None or project.root is None or file is None or "://" in name:
        return None
    folders = [project.root, *([project.script.parent] if project.script is not None else [])]
    for folder in dict.fromkeys(folders):
        path = folder / name
        if project.is_file(path):
            return DataFile(str(path), file.format)
    return None


# ── verdicts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _late(reads: list[Read], at: Place | None) -> Fact:
    """Return the fallbacks that never apply, `.get(a, ex.get(b))` on a row of a mix.

    A column that one dataset lacks is present in the mix, and None.
    """
    late = [r for r in reads if r.how == "get" and r.mixed]
    names = list(dict.fromkeys(r.columns[0] for r in late))
    place = next((r.place for r in late if r.place is not None), at)
    return Fact(Known(names, (place,) if place is not None else ()), at=place)


def _bare(
    reads: list[Read],
    before: list[Read],
    part: facts.Dataset,
    found: list[Dataset],
    calls: list[Call],
    at: Place | None,
) -> Fact:
    single = bool(part.mixing.why_not)
    if not reads:
        return Fact(Unknown("it is unknown which columns hold the question, the SQL and the schema"), at=at)
    bare = [r for r in reads if r.how == "bare" or r.how == "get" and len(r.columns) == 1 and r.role != "schema"]
    bare = [r for r in bare if not _alternatives(r, reads)]
    if single:
        return _single(bare, reads, part, at)
    shared = [r for r in bare if r.mixed or _shared(r, [*before, *reads], found)]
    if not shared:
        loose = [r for r in bare if not isinstance(r.dataset, Dataset) or collected(r.term)]
        if loose and not calls:
            return Fact(
                Unknown(
                    f"{loose[0].columns[0]!r} is read without a fallback; the script does not show whether all rows "
                    f"have that name"
                ),
                at=loose[0].place or at,
            )
        return Fact(Known([], (at,) if at is not None else ()), at=at, note=_said(reads))
    sure = [r for r in shared if r.how == "bare"]
    place = next((r.place for r in sure or shared if r.place is not None), at)
    names = list(dict.fromkeys(r.columns[-1] for r in sure or shared))
    renamed = any(
        last(step.callee) in RENAMING for d in found for one in (d, *d.parts) for step in getattr(one, "steps", ())
    )
    if renamed:
        return Fact(
            Unknown(f"columns are renamed before mixing; it is unknown whether every dataset then has {names[0]!r}"),
            at=place,
        )
    if not sure:
        return Fact(
            Unknown(
                f"{names[0]!r} is read without a fallback; the script does not show whether every dataset has that name"
            ),
            at=place,
        )
    lacks = LACKS_AFTER_MIXING if all(r.mixed for r in sure) else LACKS
    return Fact(Known(names, (place,) if place is not None else ()), at=place, note=lacks)


def _said(reads: list[Read]) -> str:
    """Return each part with the column names that it is read by: `question: question, sql_prompt; sql: sql, query`."""
    columns: dict[str, list[str]] = {}
    for read in reads:
        known = columns.setdefault(read.role, [])
        known += [c for c in read.columns if c not in known]
    return "; ".join(f"{role}: {', '.join(names)}" for role, names in columns.items())


def _single(bare: list[Read], reads: list[Read], part: facts.Dataset, at: Place | None) -> Fact:
    names = part.sources.value.value if isinstance(part.sources.value, Known) else []
    if not bare:
        return Fact(Known([], (at,) if at is not None else ()), at=at, note=_said(reads))
    place = next((r.place for r in bare if r.place is not None), at)
    if names and all(
        isinstance(n, str)
        and not n.endswith((".json", ".jsonl", ".csv", ".parquet", ".arrow", ".gz"))
        and n not in ("json", "csv", "parquet")
        for n in names
    ):
        why = "there is one dataset, read by its own column names"
        return Fact(Absent(why), at=place, why_not=why)
    read = bare[0].columns[-1]
    where = names[0] if names else "the data"
    return Fact(
        Unknown(
            f"{read!r} is read without a fallback; the script does not show whether every row of {where} has that name"
        ),
        at=place,
    )


def _alternatives(read: Read, reads: list[Read]) -> bool:
    """Return whether another branch reads the same part of the same dataset's rows by another name."""
    return any(r.role == read.role and r.columns[-1:] != read.columns[-1:] and r.origin == read.origin for r in reads)


def _shared(read: Read, before: list[Read], found: list[Dataset]) -> bool:
    """Return whether one expression reads the rows of several datasets before they are mixed."""
    owners = {r.origin for r in before if r.site == read.site and r.dataset is not None}
    if len(owners) > 1:
        return True
    parts = [p for d in found for p in d.parts]
    return bool(found) and any(d.mixed is not None for d in found) and len(parts) < 2
