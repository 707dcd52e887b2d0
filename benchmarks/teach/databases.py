"""Makes schemas of the themes in many namings, and fills SQLite files for them; the same seed makes the same files."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from themes import PADDING

FIRST = """
    Ada Ben Cora Dan Elin Finn Gina Hugo Iris Jonas Kira
    Liam Mona Noel Olga Paul Rosa Sven Tara Umar Vera Will Yara
""".split()
LAST = """
    Adler Brandt Castro Dumas Evans Ferri Grant Hofer Ivanov Jansen Kovacs
    Lopez Meyer Novak Okafor Perez Quinn Rossi
""".split()
ADJECTIVES = (
    "Silent Golden Broken Distant Hidden Bright Frozen Wild Quiet Scarlet Ancient Northern Lucky Little Grand".split()
)
NOUNS = """
    River Garden Mountain Lantern Harbor Forest Mirror Bridge Castle Voyage Orchard
    Compass Meadow Tower Island
""".split()
CITIES = "Lisbon Oslo Vienna Dublin Prague Lyon Turin Bergen Ghent Porto Seville Zurich Krakow Malmo".split()
COUNTRIES = "France Spain Norway Italy Japan Brazil Canada Kenya Poland Chile".split()


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # person, city, country, title, code, date, words, integer, decimal
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0

    @property
    def sql_type(self) -> str:
        return {"integer": "INTEGER", "decimal": "REAL", "date": "DATE"}.get(self.kind, "TEXT")

    @property
    def words(self) -> str:
        return self.name.replace("_", " ")


@dataclass
class Table:
    name: str
    key: str
    columns: list[Column]
    parents: list[Table] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)  # the column that refers to each parent
    singular: str = ""

    @property
    def words(self) -> str:
        return self.singular.replace("_", " ")

    def of(self, *kinds: str) -> list[Column]:
        return [column for column in self.columns[1:] if column.kind in kinds]

    def ddl(self) -> str:
        lines = [f"{self.key} INTEGER PRIMARY KEY"]
        lines += [f"{column.name} {column.sql_type}" for column in self.columns]
        lines += [
            f"{name} INTEGER REFERENCES {p.name}({p.key})" for name, p in zip(self.foreign, self.parents, strict=True)
        ]
        return f"CREATE TABLE {self.name} ({', '.join(lines)});"


@dataclass
class Database:
    id: str
    tables: list[Table]  # those that questions are about, parents first
    padding: list[Table]
    order: list[Table]  # as the schema lists them

    @property
    def schema(self) -> str:
        return "\n".join(table.ddl() for table in self.order)


def read_column(text: str) -> Column:
    name, kind = text.split("=")
    if "|" in kind:
        return Column(name, "words", tuple(kind.split("|")))
    if ".." in kind:
        low, high = kind.split("..")
        return Column(name, "decimal" if "." in low else "integer", low=float(low), high=float(high))
    return Column(name, kind)


def plural(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def make_database(theme: str, text: str, variant: int, seed: int) -> Database:
    """One naming of a theme's tables: singular or plural, key style, order of columns, and tables for padding."""
    chance = random.Random(f"{seed} {theme} {variant}")
    plurals, styled = chance.random() < 0.5, chance.random() < 0.5
    prefix = chance.choice(["", "", "", "tbl_"])
    made: dict[str, Table] = {}

    def table(line: str) -> Table:
        singular, rest = (part.strip() for part in line.split(":"))
        parts = [part.strip() for part in rest.split(",")]
        columns = [read_column(part) for part in parts if not part.startswith(">")]
        others = columns[1:]
        chance.shuffle(others)
        parents = [made[part[1:]] for part in parts if part.startswith(">")]
        name = prefix + (plural(singular) if plurals else singular)
        foreign = [f"{parent.singular}_id" for parent in parents]
        return Table(name, f"{singular}_id" if styled else "id", [columns[0], *others], parents, foreign, singular)

    for line in text.strip().splitlines():
        made[line.strip().split(":")[0]] = table(line)
    tables = list(made.values())
    lines = PADDING.strip().splitlines()
    padding = [table(line) for line in chance.sample(lines, chance.choice([0, 0, 2, 3, 4, 6, 8]))]
    order = tables + padding
    chance.shuffle(order)
    return Database(f"{theme}_{variant}", tables, padding, order)


def value(column: Column, chance: random.Random) -> str | int | float:
    match column.kind:
        case "person":
            return f"{chance.choice(FIRST)} {chance.choice(LAST)}"
        case "title":
            return f"{chance.choice(ADJECTIVES)} {chance.choice(NOUNS)}"
        case "city":
            return chance.choice(CITIES)
        case "country":
            return chance.choice(COUNTRIES)
        case "code":
            return f"{chance.choice('ABCDEFGH')}{chance.choice('KLMNPQR')}-{chance.randint(100, 999)}"
        case "date":
            return f"{chance.randint(2015, 2024)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
        case "words":
            return chance.choice(column.choices)
        case "integer":
            return chance.randint(int(column.low), int(column.high))
        case _:
            return round(chance.uniform(column.low, column.high), 2)


def make_rows(database: Database, seed: int) -> dict[str, list[tuple[object, ...]]]:
    """Rows by table. What a row is called by, and its numbers where their range allows it, occur once."""
    chance = random.Random(f"{seed} {database.id} rows")
    filled: dict[str, list[tuple[object, ...]]] = {}
    for depth, table in enumerate([*database.tables, *database.padding]):
        rows: list[tuple[object, ...]] = []
        seen: list[set[object]] = [set() for _ in table.columns]
        count = (chance.randint(12, 18), chance.randint(25, 40), chance.randint(50, 80))[depth] if depth < 3 else 5
        for key in range(1, count + 1):
            row: list[object] = [key]
            for place, column in enumerate(table.columns):
                once = place == 0 or column.kind in ("integer", "decimal")
                made = value(column, chance)
                for _ in range(30):
                    if not once or made not in seen[place]:
                        break
                    made = value(column, chance)
                seen[place].add(made)
                row.append(None if place and column.kind != "words" and chance.random() < 0.02 else made)
            row += [chance.randint(1, max(1, len(filled[parent.name]) - 2)) for parent in table.parents]  # two without
            rows.append(tuple(row))
        filled[table.name] = rows
    return filled


def fill(connection: sqlite3.Connection, database: Database, rows: dict[str, list[tuple[object, ...]]]) -> None:
    for table in database.order:
        connection.execute(table.ddl())
        marks = ", ".join("?" * (1 + len(table.columns) + len(table.parents)))
        connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows[table.name])
    connection.commit()


def write(database: Database, folder: Path, seed: int, files: int = 2) -> None:
    """`folder/<id>/<id>.sqlite` and, filled with other rows, `<id>_2.sqlite` and so on beside it."""
    place = folder / database.id
    place.mkdir(parents=True, exist_ok=True)
    for number in range(1, files + 1):
        path = place / (f"{database.id}.sqlite" if number == 1 else f"{database.id}_{number}.sqlite")
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        fill(connection, database, make_rows(database, seed + number - 1))
        connection.close()
