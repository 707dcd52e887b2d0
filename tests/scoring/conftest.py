"""A real database of singers, and the command run on files that a test writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review import cli

SINGERS = [(1, "Joe", 52, "France"), (2, "Tim", 32, "Holland"), (3, "Rose", 41, "France"), (4, "John", 43, None)]
SCHEMA = "CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, age NUMERIC, country TEXT)"


def database(path: Path, singers: Sequence[tuple[Any, ...]] = SINGERS) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute(SCHEMA)
    connection.executemany("INSERT INTO singer VALUES (?, ?, ?, ?)", singers)
    connection.commit()
    connection.close()
    return path


@dataclass
class Run:
    """What the command said."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> Any:
        return json.loads(self.out)

    @property
    def outcomes(self) -> list[str]:
        return [each["outcome"] for each in self.said["results"]]

    @property
    def reasons(self) -> list[str]:
        return [each["reason"] for each in self.said["results"]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the database db/music/music.sqlite, which is the working directory."""
    database(tmp_path / "db" / "music" / "music.sqlite")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def evaluate(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    """Evaluates (gold, predicted) pairs, or files that are there, with further options."""

    def evaluate(pairs: Sequence[tuple[str, str | None]] | None = None, *options: str, db: str | None = "db") -> Run:
        if pairs is not None:
            gold = [
                {"id": n, "db_id": "music", "question": f"question {n}", "query": g} for n, (g, _) in enumerate(pairs)
            ]
            said = [{"id": n, "predicted": p} for n, (_, p) in enumerate(pairs) if p is not None]
            (folder / "gold.json").write_text(json.dumps(gold), encoding="utf-8")
            (folder / "predicted.json").write_text(json.dumps(said), encoding="utf-8")
            options = ("predicted.json", "--gold", "gold.json", "--output-format", "json", *options)
        databases = ("--db", db) if db else ()
        capsys.readouterr()
        code = cli.main(["evaluate", *options, *databases])
        said_ = capsys.readouterr()
        return Run(code, said_.out, said_.err)

    return evaluate
