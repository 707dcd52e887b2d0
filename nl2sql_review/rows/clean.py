"""Copies of data files without the rows that have findings, and beside them the reason for each row left out."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from typing import IO, Any

from ..data_files.formats import DataFile
from ..data_files.records import Batch, read
from .check import Checked, DataError
from .data_review import DataReview


def write(made: DataReview, folder: str) -> str:
    """Write the copies into a folder without such files; return a sentence on what was written. Raises DataError.

    The script's own files are never written to. Parquet and Arrow are written as JSONL.
    """
    wanted = [(one, os.path.join(folder, _name(one.file))) for one in made.result.checked if one.role == "train"]
    names = [path for _, path in wanted]
    for path in names:
        if names.count(path) > 1:
            raise DataError(
                f"--write-clean: two data files are called {os.path.basename(path)}: clean them one at a time"
            )
        if os.path.exists(path):
            raise DataError(f"--write-clean: {path} already exists and is not overwritten: name an empty directory")
    dropped = _reasons(made)
    os.makedirs(folder, exist_ok=True)
    told = []
    for one, path in wanted:
        reasons = dropped.get(one.file.path, {})
        kept = _copy(one, path, reasons)
        with open(f"{path}.dropped.jsonl", "w", encoding="utf-8") as file:
            for row in sorted(reasons):
                file.write(json.dumps({"row": row, "reasons": reasons[row]}) + "\n")
        told.append(f"{path}: {kept:,} rows kept, {len(reasons):,} dropped (reasons in {path}.dropped.jsonl)")
    return "\n".join(told) or "no data file was checked, so nothing was written"


def _name(file: DataFile) -> str:
    name = os.path.basename(file.path)
    for suffix in (".gz", ".bz2", ".xz"):
        name = name.removesuffix(suffix)
    return name if file.format in ("jsonl", "json", "csv", "tsv") else os.path.splitext(name)[0] + ".jsonl"


def _reasons(made: DataReview) -> dict[str, dict[int, list[str]]]:
    """Return path → row → the reasons why it is left out: findings of the judged rules in it."""
    active = {item.rule for file in made.report.files for item in file.checklist if item.verdict == "fail"}
    found: dict[str, dict[int, list[str]]] = {}
    for one in made.result.checked:
        rows = found.setdefault(one.file.path, {})
        for kind, defects in one.found.defects.items():
            rule = made.rules.get(kind, "")
            for defect in defects if rule in active else ():
                if defect.row:
                    rows.setdefault(defect.row, []).append(f"{rule}: {defect.message}")
    return found


def _copy(one: Checked, path: str, reasons: dict[int, list[str]]) -> int:
    """Write the rows that are kept, in the format of the file, whole or not at all."""
    beside = f"{path}.part"
    count = 0
    try:
        with open(beside, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
            count = _written(one, file, _kept(one, reasons))
        os.replace(beside, path)
    finally:
        if os.path.exists(beside):
            os.unlink(beside)
    return count


def _kept(one: Checked, reasons: dict[int, list[str]]) -> Iterator[dict[str, Any] | str]:
    for batch in read(one.file, one.feed.rows.records):
        if isinstance(batch, Batch):
            for number, row in zip(batch.numbers, batch.rows):
                if number not in reasons:
                    yield row


def _written(one: Checked, file: IO[str], rows: Iterator[dict[str, Any] | str]) -> int:
    count = 0
    if one.file.format in ("csv", "tsv"):
        writer: Any = None
        for row in rows:
            assert isinstance(row, dict)
            if writer is None:
                writer = csv.DictWriter(file, list(row), delimiter="\t" if one.file.format == "tsv" else ",")
                writer.writeheader()
            writer.writerow(row)
            count += 1
        return count
    array = one.file.format == "json"
    for row in rows:
        if isinstance(row, str):  # lines, whatever the file is called
            array = False
        text = row if isinstance(row, str) else json.dumps(row, ensure_ascii=False, default=str)
        file.write(("[\n" if not count else ",\n") + text if array else text + "\n")
        count += 1
    if array:
        file.write("\n]\n" if count else "[]\n")
    return count
