"""Checks the data files of one run: `checker` judges chosen rows in batches, and here their results are added up."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from ..data_files import tables
from ..data_files.formats import DataFile, Unreadable
from ..data_files.heads import Head, head
from ..data_files.records import Batch, Problem, lines_of, ranges, read
from ..files import disk
from ..training_plan.feeds import Feed, Feeding
from .acceptance import sqlglot_is_there
from .engine.limits import Limits
from .engine.process import Lost, Task, supervise
from .found import Defect, Found, overlapping, repeated, split_by_row
from .program import Program, of_feed
from .sources import Chosen, sampled, sources

HANDLER = "nl2sql_review.rows.checker:handle"
CONFIG_BYTES = 10_000_000  # of a tokenizer_config.json
SECONDS = 5.0  # that a statement may take to be prepared
SQL_RULES = ("rows/sql", "rows/schema", "rows/schema-cut")

Progress = Callable[[int, int], None]


class DataError(ValueError):
    """Raised if a request cannot be carried out; the message gives the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Request for a check: its subject and its options.

    `files` replace those that the script loads, `held_out` are further files that must not be trained on;
    `schemas` as `evaluate` accepts them. `allow` is called with every path before it is read; it may raise.
    """

    files: tuple[str, ...] = ()
    held_out: tuple[str, ...] = ()
    schemas: str | None = None
    dialect: str = ""
    sample: int | None = None
    seed: int = 0
    jobs: int = 1
    sql: bool = True
    allow: Callable[[str], object] | None = None


@dataclass(slots=True)
class Checked:
    """One data file, as one feed of the script uses it. `why` is the reason if it was not checked."""

    file: DataFile
    feed: Feed
    program: Program
    found: Found
    role: str  # "train" or "held out"
    head: Head | None = None
    learnt: str = "response"  # what the loss is on: "response", "all", "nothing"
    chosen: Chosen | None = None  # the rows that are looked at, where they are not all
    part: str = ""  # the split that says so: "train[:90%]"


@dataclass(slots=True)
class Result:
    """Everything that was checked, and what was not: (name, reason)."""

    checked: list[Checked] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)
    why: str = ""

    @property
    def notes(self) -> list[str]:
        """Notes on checks that need packages which are not installed."""
        notes = []
        if any(one.program.sql for one in self.checked) and not sqlglot_is_there():
            notes.append(
                "without sqlglot, SQL in another dialect cannot be distinguished from wrong SQL: pip install sqlglot"
            )
        if any(one.program.length and not one.program.tokenizer for one in self.checked):
            if find_spec("tokenizers") is None:
                notes.append("without tokenizers, lengths are counted in words only: pip install tokenizers")
        return notes


@dataclass(slots=True)
class Run:
    """One run of the script: its data, and the other parts of its plan that matter for rows."""

    feeding: Feeding
    length: int | None = None
    epochs: float = 1.0
    learnt: str = "response"
    model: str = ""
    folders: tuple[str, ...] = ()


def check(run: Run, asked: Asked, progress: Progress | None = None) -> Result:
    """Check the rows of every data file of a run. Raises DataError, and whatever `asked.allow` raises."""
    result = prepare(run, asked)
    total = sum(os.path.getsize(one.file.path) for one in result.checked)
    done = 0
    for one in result.checked:
        for size in _run(one, asked):
            done += size
            if progress is not None:
                progress(min(done, total), total)
    settle(result)
    return result


def prepare(run: Run, asked: Asked) -> Result:
    """Return the files of a run, each with its program of checks, before any row is read. Raises like `check`."""
    result = Result(why=run.feeding.why)
    tokenizer, eos, bos = tokenizer_of(run.model, run.folders, asked.allow)
    schemas = _schemas(asked)
    work: list[Checked] = []
    for source in sources(run, asked, result.missing):
        file, feed = source.file, source.feed
        if lacking := tables.is_needed(file):
            result.missing.append((file.path, lacking))
            continue
        program = of_feed(feed)
        seen = head(file)
        program.columns = list(seen.counts)
        program.texts_in = [name for name, text in seen.texts.items() if text] if feed.rows.format == "json" else []
        program.table = bool(feed.rows.format) or feed.rows.hub
        program.length, program.tokenizer, program.eos, program.bos = run.length, tokenizer, eos, bos
        program.schemas = schemas or _beside(file)
        program.dialect, program.sql = asked.dialect, asked.sql
        found = Found(file.path)
        work.append(Checked(file, feed, program, found, source.role, seen, run.learnt, source.chosen, source.part))
    for one in work:
        _whole_columns(one)
    result.checked = work
    return result


def settle(result: Result) -> None:
    """Report what only all rows together show, after every batch has been added."""
    for one in result.checked:
        one.found.settle()
    _together(result.checked)


def _whole_columns(one: Checked) -> None:
    """Report a column that the script reads and no row has, once, at the first row."""
    seen = one.head
    if seen is None or not seen.rows:
        return
    absent = [name for name in one.program.reads if not seen.counts[name]]
    if absent and not one.feed.mixed_first and (seen.whole or seen.rows >= 100):
        names = ", ".join(map(repr, absent))
        there = ", ".join(sorted(seen.counts)) or "none"
        many = "" if seen.whole else f" of the first {seen.rows}"
        first = seen.numbers[0]
        message = f"no row{many} has {names}, but the script reads it: KeyError; the columns are {there}"
        one.found.tell("missing_columns", Defect(first, message, absent[0]))
        one.program.reads = [name for name in one.program.reads if seen.counts[name]]
        one.program.columns = [*one.program.columns, *absent]
        one.program.texts = []
        one.program.why = f"the script stops at the first row: there is no {names}"


# ── rows, batch by batch ─────────────────────────────────────────────────────────────────────────────────────────────


def _run(one: Checked, asked: Asked) -> Iterator[int]:
    """Check a file's rows in child processes; yield the number of bytes read since the last time."""
    limits = Limits(seconds=SECONDS)
    chosen = one.chosen
    if asked.sample is not None:
        chosen = sampled(one.file, one.feed.rows.records, chosen, asked)
    again: list[tuple[int, Any]] = []
    handle, name = tempfile.mkstemp(prefix="nl2sql-review-", suffix=".json")
    size = max(os.path.getsize(one.file.path), 1)
    told = 0
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(one.program.plain(), file)
        sent: dict[int, Batch | dict[str, Any]] = {}
        tasks = _tasks(one, name, chosen, sent)
        preload = ("nl2sql_review.rows.checker",)
        for answer in supervise(HANDLER, tasks, limits, asked.jobs, preload):
            batch = sent.pop(answer.task)
            if isinstance(batch, dict):
                told += batch["size"]
                yield batch["size"]
                if not isinstance(answer.value, Lost):
                    one.found.add(answer.value)
                    continue
                batch = lines_of(**batch)
            if isinstance(answer.value, Lost):
                again += list(zip(batch.numbers, batch.rows))
            else:
                one.found.add(answer.value)
        singly = (Task(row, {"program": name}, [[[row], [value]]]) for row, value in again)
        for answer in supervise(HANDLER, singly, limits, asked.jobs, preload):
            if isinstance(answer.value, Lost):
                why = (
                    "not finished in time, and SQLite did not stop"
                    if answer.value.why == "time"
                    else "it crashes the engine"
                )
                one.found.tell("refused_sql", Defect(answer.task, f"not run: {why}", "guard"))
            else:
                one.found.add(answer.value)
    finally:
        os.unlink(name)
    if told < size:
        yield size - told


def _tasks(
    one: Checked, program: str, chosen: Chosen | None, sent: dict[int, Batch | dict[str, Any]]
) -> Iterator[Task]:
    number = 0
    if one.file.format == "jsonl" and not one.file.packed and (chosen is None or chosen.sample is None):
        try:
            for start, size, first, lines in ranges(one.file):
                number += 1
                share = "all" if chosen is None else chosen.share(first, first + lines)
                if share == "none":
                    continue
                part = {"path": one.file.path, "start": start, "size": size, "number": first}
                if share == "all" or chosen is None:
                    sent[number] = part
                    yield Task(number, {"program": program}, [part])
                elif (some := _only(lines_of(one.file.path, start, size, first), chosen)).rows:
                    sent[number] = some
                    yield Task(number, {"program": program}, [[some.numbers, some.rows]])
            if not number:
                one.found.tell("unreadable", Defect(0, "it is empty"))
        except Unreadable as error:
            one.found.tell("unreadable", Defect(0, str(error)))
        return
    for batch in read(one.file, one.feed.rows.records):
        if isinstance(batch, Problem):
            one.found.tell("unreadable", Defect(batch.row, batch.message))
            continue
        if chosen is not None:
            batch = _only(batch, chosen)
            if not batch.rows:
                continue
        number += 1
        sent[number] = batch
        yield Task(number, {"program": program}, [[batch.numbers, [_sendable(row) for row in batch.rows]]])


def _sendable(row: dict[str, Any] | str) -> Any:
    """Return a row in JSON's own types: other values of a table (dates, bytes) become text."""
    if isinstance(row, str):
        return row
    try:
        json.dumps(row)
    except (TypeError, ValueError):
        return json.loads(json.dumps(row, default=str, skipkeys=True))
    return row


def _only(batch: Batch, chosen: Chosen) -> Batch:
    made = Batch()
    for number, row in zip(batch.numbers, batch.rows):
        if number in chosen:
            made.add(number, row, 0)
    made.size = batch.size
    return made


# ── what only all rows together tell ─────────────────────────────────────────────────────────────────────────────────


def _together(work: Sequence[Checked]) -> None:
    train = [one.found for one in work if one.role == "train"]
    held_out = [one.found for one in work if one.role == "held out"]
    repeated(train)
    repeated(held_out)
    if held_out:
        overlapping(train, held_out)
    for one in work:
        if one.role == "train" and one.feed.split_by_row is not None:
            split_by_row(one.found, one.feed.split_by_row)
        for defects in one.found.defects.values():
            defects.sort(key=lambda defect: defect.row)


def _schemas(asked: Asked) -> dict[str, str]:
    """Return database → the text of its schema, from a file or folder that the user named."""
    from .scoring.databases import Schemas
    from .scoring.inputs import InputError

    if asked.schemas is None:
        return {}
    try:
        known = Schemas(asked.schemas, asked.allow)
    except InputError as error:
        raise DataError(str(error)) from None
    return known.texts()


def _beside(file: DataFile) -> dict[str, str]:
    """Return the schemas of Spider's tables.json if it is beside a file."""
    from .scoring.databases import Schemas
    from .scoring.inputs import InputError

    path = os.path.join(os.path.dirname(file.path), "tables.json")
    if not os.path.isfile(path):
        return {}
    try:
        return Schemas(path).texts()
    except InputError:
        return {}


# ── the tokenizer, if it is on this disk ─────────────────────────────────────────────────────────────────────────────


def tokenizer_of(
    model: str, folders: Sequence[str], allow: Callable[[str], object] | None = None
) -> tuple[str, str, str]:
    """Return (file of the model's tokenizer, its EOS token, its BOS token), each "" if it is not on this disk."""
    if not model:
        return "", "", ""
    found = _tokenizer_folder(model, folders, allow)
    if not found:
        return "", "", ""
    eos = bos = ""
    try:
        config = json.loads(disk.whole(os.path.join(found, "tokenizer_config.json"), CONFIG_BYTES))
        eos, bos = (_token(config.get(name)) for name in ("eos_token", "bos_token"))
    except (OSError, ValueError, AttributeError):
        pass
    try:
        from tokenizers import Tokenizer

        Tokenizer.from_file(os.path.join(found, "tokenizer.json"))
    except Exception:  # not installed, or a file of another version: then it cannot count
        return "", eos, bos
    return os.path.abspath(os.path.join(found, "tokenizer.json")), eos, bos


def _token(value: object) -> str:
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else ""


def _tokenizer_folder(model: str, folders: Sequence[str], allow: Callable[[str], object] | None) -> str:
    for folder in folders:
        path = os.path.join(folder, model)
        if allow is not None:
            try:
                allow(os.path.join(path, "tokenizer.json"))
            except ValueError:
                continue
        if os.path.isfile(os.path.join(path, "tokenizer.json")):
            return path
    if allow is not None or os.path.isabs(model):
        return ""
    home = os.environ.get("HF_HOME") or os.path.join(os.path.expanduser("~"), ".cache", "huggingface")
    hub = os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")
    snapshots = os.path.join(hub, f"models--{model.replace('/', '--')}", "snapshots")
    try:
        names = sorted(os.listdir(snapshots))
    except OSError:
        return ""
    paths = [os.path.join(snapshots, name) for name in names]
    return next((path for path in reversed(paths) if os.path.isfile(os.path.join(path, "tokenizer.json"))), "")
