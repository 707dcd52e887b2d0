"""Rows of every format are read with their numbers, and what cannot be read is named; the rest is read all the same."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from nl2sql_review.data_files.formats import data_file
from nl2sql_review.data_files.heads import head
from nl2sql_review.data_files.locate import locate
from nl2sql_review.data_files.records import Batch, Problem, lines_of, ranges, read, row_of
from nl2sql_review.training_plan.feeds import Rows

ROWS = [{"question": f"q{n}", "sql": f"SELECT {n}"} for n in range(2500)]


def both(path: Path, records: str = "") -> tuple[dict[int, Any], dict[int, str]]:
    """(number → row, number → what is wrong with it)."""
    rows: dict[int, Any] = {}
    problems: dict[int, str] = {}
    file = data_file(str(path))
    assert file is not None
    for one in read(file, records):
        if isinstance(one, Problem):
            problems[one.row] = one.message
            continue
        for number, row in zip(one.numbers, one.rows):
            try:
                rows[number] = row_of(row) if isinstance(row, str) else row
            except ValueError as error:
                problems[number] = str(error)
    return rows, problems


def write(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def lines(rows: list[Any] = ROWS) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def test_every_format_has_the_same_rows(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import csv, feather, parquet

    table = pyarrow.Table.from_pylist(ROWS)
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=700)
    feather.write_feather(table, tmp_path / "a.feather", compression="uncompressed")
    with pyarrow.ipc.new_stream(tmp_path / "a.arrow", table.schema) as stream:
        stream.write_table(table)
    csv.write_csv(table, tmp_path / "a.csv")
    write(tmp_path / "a.jsonl", lines())
    write(tmp_path / "a.json", json.dumps(ROWS, indent=1))
    write(tmp_path / "b.json", lines())
    write(tmp_path / "c.json", json.dumps({"version": 1, "data": ROWS}, indent=1))
    write(tmp_path / "a.jsonl.gz", gzip.compress(lines().encode()))
    wanted = dict(enumerate(ROWS, 1))
    for path in sorted(tmp_path.iterdir()):
        assert both(path) == (wanted, {}), path.name


def test_columns_of_every_format(tmp_path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    write(tmp_path / "a.csv", "question,sql\nq,s\n")
    write(tmp_path / "a.jsonl", lines([*ROWS[:3], {"question": "q"}]))
    for path in tmp_path.iterdir():
        made = head(data_file(str(path)))  # type: ignore[arg-type]
        assert made.whole and sorted(made.counts) == ["question", "sql"]
        assert made.lacking("sql") == (4 if path.suffix == ".jsonl" else 0)


def test_a_broken_line_costs_that_line_only(tmp_path: Path) -> None:
    text = lines(ROWS[:2]) + '{"question": "q", "sq\n[1]\n"text"\n\n' + lines(ROWS[2:4])
    rows, problems = both(write(tmp_path / "a.jsonl", text))
    assert list(rows) == [1, 2, 7, 8] and set(problems) == {3, 4, 5}
    assert "an array" in problems[4] and "a string" in problems[5]


@pytest.mark.parametrize(
    ("data", "row", "said"),
    [
        (b'[{"a": 1}, {"a": 2}, {"a": ', 3, "the file ends inside it"),
        (b'[{"a": 1}, {"a": nope}' + b', {"a": 3}' * 40 + b"]", 2, "nothing after it is read"),
        (b'[{"a": 1}, 5, {"a": 3}]', 2, "a number"),
        (b"", 0, "empty"),
        (b"  \n ", 0, "empty"),
        (b"[]", 0, "no row"),
        (b"nothing", 0, "not JSON"),
        (b'\xff\xfe[\x00', 0, "UTF-16"),
    ],
)  # fmt: skip
def test_a_broken_array_is_named_with_its_row(tmp_path: Path, data: bytes, row: int, said: str) -> None:
    _, problems = both(write(tmp_path / "a.json", data))
    assert list(problems) == [row] and said in problems[row]


def test_csv(tmp_path: Path) -> None:
    text = '\ufeffquestion,sql\n"two\nlines",SELECT 1\n\na,b,c\nshort\n,SELECT 2\n'
    rows, problems = both(write(tmp_path / "a.csv", text))
    assert rows == {
        1: {"question": "two\nlines", "sql": "SELECT 1"},
        3: {"question": "short", "sql": None},
        4: {"question": None, "sql": "SELECT 2"},
    }
    assert list(problems) == [2] and "may need quotes" in problems[2]


def test_hostile_files_are_named(tmp_path: Path) -> None:
    wide = json.dumps({f"c{n}": 1 for n in range(20_000)})
    deep = "[" * 100_000 + "]" * 100_000
    text = lines(ROWS[:1]) + f"{wide}\n{deep}\n" + lines(ROWS[1:2])
    rows, problems = both(write(tmp_path / "a.jsonl", text.encode() + b'{"question": "caf\xe9", "sql": "s"}\n'))
    assert list(rows) == [1, 4] and set(problems) == {2, 3, 5}
    assert "20,000 columns" in problems[2] and "nested" in problems[3] and "UTF-8" in problems[5]
    _, problems = both(write(tmp_path / "a.csv", ",".join(f"c{n}" for n in range(20_000)) + "\n"))
    assert "20,000 columns" in problems[0]
    _, problems = both(write(tmp_path / "b.jsonl.gz", gzip.compress(lines().encode())[:-100]))
    assert "unpacked" in problems[0]


def test_a_part_of_a_file_has_its_own_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "\ufeff" + lines(ROWS * 20))
    file = data_file(str(path))
    assert file is not None
    parts = list(ranges(file))
    made = [lines_of(str(path), start, size, number) for start, size, number, _ in parts]
    assert len(parts) > 1 and [n for batch in made for n in batch.numbers] == list(range(1, len(ROWS) * 20 + 1))
    assert [row_of(str(row)) for batch in made for row in batch.rows] == ROWS * 20


def test_what_a_name_means(tmp_path: Path) -> None:
    for name in ("data/train.jsonl", "data/dev.jsonl", "more/a.json", "more/b.json", "saved/data-0.arrow"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, "{}")
    (tmp_path / "saved" / "state.json").write_text('{"_data_files": [{"filename": "data-0.arrow"}]}', encoding="utf-8")

    def named(*names: str, split: str = "", hub: bool = False) -> tuple[list[str], list[str]]:
        made = locate(Rows(names, split=split, hub=hub), [str(tmp_path)])
        return [str(Path(file.path).relative_to(tmp_path)) for file in made.files], [why for _, why in made.missing]

    assert named("data/train.jsonl") == (["data/train.jsonl"], [])
    assert named("more/*.json") == (["more/a.json", "more/b.json"], [])
    assert named("data") == (["data/train.jsonl"], []) and named("data", split="validation") == (["data/dev.jsonl"], [])
    assert named("saved") == (["saved/data-0.arrow"], [])
    assert named("none.jsonl") == ([], ["the file does not exist"])
    assert "on the hub" in named("org/name-of-nothing", hub=True)[1][0]
    assert "not on this machine" in named("https://example.com/a.jsonl")[1][0]


def test_paths_that_may_not_be_read_are_not_looked_at(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", "{}")

    def allow(_: str) -> object:
        raise ValueError("outside")

    made = locate(Rows((str(path),)), [str(tmp_path)], allow)
    assert made.files == [] and "may not be read" in made.missing[0][1]


def test_batches_are_small(tmp_path: Path) -> None:
    file = data_file(str(write(tmp_path / "a.json", json.dumps(ROWS))))
    assert file is not None
    assert [len(one.rows) for one in read(file) if isinstance(one, Batch)] == [1000, 1000, 500]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "question,sql\none,SELECT 1\n?,SELECT 2\nthree,SELECT 3\n"),
        ("a.tsv", "question\tsql\none\tSELECT 1\n?\tSELECT 2\nthree\tSELECT 3\n"),
        ("a.json", '[{"question": "one"}, {"messages": [{"content": "?"}]}, {"question": "three"}]'),
        ("b.json", '{"data": [\n{"question": "one"}, {"question": "?"}, {"question": "three"}]}'),
        ("a.jsonl", '{"question": "one"}\n{"question": "?"}\n{"question": "three"}\n'),
    ],
)
def test_a_row_that_is_not_utf_8_is_named_in_every_format(tmp_path: Path, name: str, text: str) -> None:
    rows, problems = both(write(tmp_path / name, text.encode().replace(b"?", b"caf\xe9")))
    assert list(problems) == [2] and problems[2].startswith("not UTF-8: a byte after ") and "caf" in problems[2]
    assert sorted(rows) == [1, 3]
    rows, problems = both(write(tmp_path / name, text.replace("?", "café 🙂")))
    assert sorted(rows) == [1, 2, 3] and not problems


def test_a_null_character_in_csv_is_in_the_row(tmp_path: Path) -> None:
    rows, problems = both(write(tmp_path / "a.csv", b"question,sql\na\0b,SELECT 1\n"))
    assert rows == {1: {"question": "a\0b", "sql": "SELECT 1"}} and not problems


def test_a_header_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    rows, problems = both(write(tmp_path / "a.csv", b"caf\xe9,sql\na,SELECT 1\n"))
    assert not rows and list(problems) == [0] and problems[0].startswith("its header is not UTF-8")
