"""Checks how question, SQL and schema are read from a row: by one column name, or by the name in each dataset."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Iterable

from ...data_files.formats import DataFile, data_file
from ...data_files.heads import Head, head
from ...files import disk
from ...interpret.core.datasets import Dataset
from ...interpret.core.recording import Call
from ...training_plan.facts import Fact
from ...training_plan.values import Absent, Either, Known, Place, Unknown, Value
from ..derive import contents, is_of_the_hub, plain
from ..object_settings import last
from ..prompt.objective import objective
from ..prompt.training_text import TrainingText, texts_before_mixing
from ..run import Run
from .reads import Read, every_read, is_own, reads_of
from .rows import collected

if TYPE_CHECKING:
    from ...training_plan import facts

FILES = (".json", ".jsonl", ".csv", ".parquet", ".arrow", ".gz")
OWN_NAMES = "there is one dataset, read by its own column names"
# What gives a column the one name that all datasets share.
RENAMING = ("rename_column", "rename_columns", "select_columns", "cast", "add_column")


def read(
    run: Run,
    part: facts.Dataset,
    texts: list[TrainingText],
    found: list[Dataset],
    calls: list[Call],
    loads: list[Call],
) -> None:
    """Fill `bare_fields`, `missing_fields` and `late_fallbacks`. `calls` mix the datasets, `loads` load them."""
    part.missing_fields = Fact(Absent(NOT_LOOKED), at=run.place, why_not=NOT_LOOKED)
    if other := objective(run):
        part.bare_fields = part.late_fallbacks = Fact(Absent(other), at=run.place, why_not=other)
        return
    reads = [r for r in reads_of(texts) if not run.recording.rows_given or is_own(run, r)]
    at = reads[0].place if reads and reads[0].place is not None else part.mixing.at
    if not reads and (why := _own_names(run, part, loads) or _written_out(texts)):
        part.bare_fields = part.late_fallbacks = Fact(Absent(why), at=at, why_not=why)
        return
    if not any(t.texts for t in texts):
        why = next((t.why for t in texts if t.why), "the training text is unknown")
        part.bare_fields = part.late_fallbacks = Fact(Unknown(why), at=at)
        return
    before = [t for d in found for t in texts_before_mixing(run, d)]
    part.bare_fields = _bare(run, reads, list(reads_of(before)), part, found, calls, at)
    _by_files(run, reads, every_read(run, texts) if run.recording.rows_given else [], part, at)
    why = part.bare_fields.why_not
    part.late_fallbacks = Fact(Absent(why), at=at, why_not=why) if why else _late(reads, at)


def _own_names(run: Run, part: facts.Dataset, loads: list[Call]) -> str:
    """Return why the item does not apply to rows of one published dataset, whatever they hold; "" if it may."""
    names = part.sources.value.value if isinstance(part.sources.value, Known) else []
    return OWN_NAMES if part.mixing.why_not and len(names) == 1 and _published(run, loads) else ""


def _published(run: Run, loads: Iterable[Call | None]) -> bool:
    """Return whether calls load what others have published: a dataset of the hub, or files at an address."""
    calls = list(loads)
    root = run.recording.project.root if run.recording.project is not None else None
    for call in calls:
        if call is None or last(call.callee) != "load_dataset":
            return False
        files = contents(call.get("data_files"))
        paths = list(files.values()) if isinstance(files, dict) else [files]
        name = plain(call.get("path", "$0"))
        if isinstance(call.get("data_files"), Absent):
            if not isinstance(name, str) or not is_of_the_hub(name) or disk.exists(f"{root}/{name}"):
                return False
        elif not all(isinstance(one := contents(path), str) and one.startswith("https://") for path in paths):
            return False
    return bool(calls)


def _written_out(texts: list[TrainingText]) -> str:
    pieces = [piece for text in texts for pieces in text.texts for piece in pieces]
    read = any(piece.hole is not None and not piece.roles & {"eos", "bos"} for piece in pieces)
    return "" if read or not all(text.texts for text in texts) else "the script writes the text out: no column is read"


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
    written = _written(run, every, part)
    reads = every if written else reads
    heads = written or _heads(run, part)
    if not heads:
        return
    bare = [r for r in reads if r.how == "bare" or (r.how == "get" and len(r.columns) == 1 and r.role != "schema")]
    bare = [r for r in bare if r.owner is not None]  # `tokenizer.eos_token or ""` reads no row
    columns = list(dict.fromkeys(r.columns[-1] for r in bare if not r.guarded and not _alternatives(r, reads)))
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


def _written(run: Run, reads: list[Read], part: facts.Dataset) -> list[Head]:
    """Return the columns that another script writes into every row of the files; none if one of them is not known."""
    given, wanted = run.recording.rows_given, list(run.recording.rows_awaited)
    if not given:
        return []
    from ...interpret.models.data.written import absolute, stream_of  # which needs the interpreter

    root = run.recording.project.root or "."
    names = part.sources.value.value if isinstance(part.sources.value, Known) else ()
    if names and all(isinstance(name, str) and absolute(Known(name), root) in given for name in names):
        wanted = [absolute(Known(name), root) for name in names]
    elif reads and all(isinstance(r.owner, str) for r in reads):
        streams = [stream_of(r.term) for r in reads]
        wanted = list(dict.fromkeys(absolute(one[0].args[0], root) if one is not None else "" for one in streams))
    if not wanted or any(file not in given or given[file].open for file in wanted):
        return []
    return [
        Head.of_columns(file, [name for name, cell in given[file].columns.items() if _is_there(cell)])
        for file in wanted
    ]


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
    run: Run,
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
    bare = [r for r in bare if not r.guarded and not _alternatives(r, reads)]
    if single:
        return _single(run, bare, reads, part, at)
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


def _single(run: Run, bare: list[Read], reads: list[Read], part: facts.Dataset, at: Place | None) -> Fact:
    names = part.sources.value.value if isinstance(part.sources.value, Known) else []
    if not bare:
        return Fact(Known([], (at,) if at is not None else ()), at=at, note=_said(reads))
    place = next((r.place for r in bare if r.place is not None), at)
    hub = names and all(
        isinstance(n, str) and not n.endswith(FILES) and n not in ("json", "csv", "parquet") for n in names
    )
    if hub or all(isinstance(r.dataset, Dataset) and _published(run, r.dataset.sources) for r in bare):
        return Fact(Absent(OWN_NAMES), at=place, why_not=OWN_NAMES)
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
