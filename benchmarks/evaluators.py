"""Agreement with the official evaluators, and speed: figures of docs/evaluate.md.

    python benchmarks/evaluators.py agreement --test-suite DIR --bird DIR --tables tables.json --pairs dev.json \\
                                              [--predictions FILE…]
    python benchmarks/evaluators.py speed

`--test-suite` is a checkout of taoyds/test-suite-sql-eval, `--bird` one of bird-bench/mini_dev, `tables.json` and
`dev.json` are Spider's. Their code is run from there, on databases that are made here, several for each schema: rows
drawn by a seed, with the values that the gold SQL asks for among them. Their evaluators run what they are given, so
they are given queries only (gold SQL, mutated gold SQL, files of predictions), in a child process, on copies of the
databases. Needs sqlparse and tqdm.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nl2sql_review.rows.engine.statement import tokens  # noqa: E402
from nl2sql_review.rows.scoring.comparison import Match  # noqa: E402
from nl2sql_review.rows.scoring.evaluate import Asked, evaluate  # noqa: E402
from nl2sql_review.rows.scoring.evaluation import Evaluation  # noqa: E402

FILES = 3  # databases for each schema
ROWS = 40  # of a table
WORDS = "Ada Ben Cleo Dora Emil Fay Gus Hana Ivo Jo red blue green north south open closed 2010 2014 2015 a b c".split()
PATIENCE = 120  # seconds for one official verdict


@dataclass(frozen=True)
class Pair:
    database: str
    gold: str
    predicted: str
    kind: str  # where the prediction comes from


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    key: bool  # of its table, or of another


# Databases


def make_databases(tables: Path, golds: dict[str, list[str]], out: Path) -> None:
    """Writes FILES databases for each schema that has gold SQL: out/<db_id>/<db_id>.sqlite, <db_id>_1.sqlite, …"""
    for entry in json.loads(tables.read_text(encoding="utf-8")):
        name = entry["db_id"]
        if name not in golds:
            continue
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        literals = compared_with(golds[name])
        for number in range(FILES):
            path = folder / (f"{name}.sqlite" if not number else f"{name}_{number}.sqlite")
            path.unlink(missing_ok=True)
            fill(path, entry, literals, random.Random(f"{name} {number}"))


def compared_with(golds: Iterable[str]) -> dict[str, list[str]]:
    """Column, in lower case → the values that gold SQL compares it with."""
    found: dict[str, set[str]] = {}
    for gold in golds:
        column = ""
        for token in tokens(gold):
            if token.kind == "word" and token.text.upper() not in ("AND", "LIKE", "BETWEEN", "NOT", "IN"):
                column = token.text.lower()
            elif token.kind in ("string", "name") and token.text[:1] in "'\"" and len(token.text) > 2:
                found.setdefault(column, set()).add(token.text[1:-1].strip("%"))
            elif token.kind == "number":
                found.setdefault(column, set()).add(token.text)
    return {column: sorted(values) for column, values in found.items()}


def fill(path: Path, entry: dict[str, Any], literals: dict[str, list[str]], draw: random.Random) -> None:
    """One database: keys that meet, few distinct values so that ties and duplicates occur, NULLs, the gold's values."""
    connection = sqlite3.connect(path)
    keys = {column for pair in entry.get("foreign_keys", ()) for column in pair}
    columns: list[list[Column]] = [[] for _ in entry["table_names_original"]]
    for at, ((table, name), kind) in enumerate(zip(entry["column_names_original"], entry["column_types"])):
        if table >= 0:
            columns[table].append(Column(name, kind, at in keys or name.lower().endswith(("id", "code"))))
    for table, held in zip(entry["table_names_original"], columns):
        if not held or table.startswith("sqlite_"):
            continue
        kinds = ", ".join(f'"{column.name}" {"NUMERIC" if column.kind == "number" else "TEXT"}' for column in held)
        connection.execute(f'CREATE TABLE "{table}" ({kinds})')
        for row in range(draw.randint(ROWS // 2, ROWS)):
            values = [value_of(column, row, literals.get(column.name.lower(), ()), draw) for column in held]
            connection.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(values))})', values)
    connection.commit()
    connection.close()


def number(text: str) -> float | int | None:
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return None


def value_of(column: Column, row: int, wanted: Sequence[str], draw: random.Random) -> Any:
    if wanted and draw.random() < 0.5:
        text = draw.choice(wanted)
        return number(text) if column.kind == "number" and number(text) is not None else text
    if column.key:
        return draw.randint(1, 12) if draw.random() < 0.5 else row + 1
    if draw.random() < 0.03:
        return None
    if column.kind == "number":
        return draw.randint(1, 9) if draw.random() < 0.7 else round(draw.uniform(0, 3000), draw.randint(0, 2))
    return draw.choice(WORDS)


# Predictions: the gold itself, and the gold with one thing otherwise

MUTATIONS: dict[str, tuple[str, str]] = {
    "DISTINCT dropped": (r"\bDISTINCT\s+", ""),
    "DISTINCT added": (r"^SELECT\s+(?!DISTINCT)", "SELECT DISTINCT "),
    "DESC dropped": (r"\s+DESC\b", ""),
    "ASC to DESC": (r"\s+ASC\b", " DESC"),
    "ORDER BY dropped": (r"\s+ORDER\s+BY\s+[\w.()* ]+?(?:\s+(?:ASC|DESC))?(?=\s+LIMIT|\s*$)", ""),
    "LIMIT dropped": (r"\s+LIMIT\s+\d+", ""),
    "> to >=": (r">(?!=)", ">="),
    "= to !=": (r"(?<![<>!])=", "!="),
    "count(*) to count(1)": (r"count\s*\(\s*\*\s*\)", "count(1)"),
    "max to min": (r"\bmax\s*\(", "min("),
    "avg to sum": (r"\bavg\s*\(", "sum("),
    "avg as a division": (r"\bavg\s*\(\s*([\w.]+)\s*\)", r"sum(\1) * 1.0 / count(\1)"),
    "AND to OR": (r"\bAND\b", "OR"),
    "WHERE dropped": (r"\s+WHERE\s+.*?(?=\s+(?:GROUP|ORDER|LIMIT|INTERSECT|UNION|EXCEPT)\b|\)|$)", ""),
    "JOIN to LEFT JOIN": (r"\bJOIN\b", "LEFT JOIN"),
    "INTERSECT to UNION": (r"\bINTERSECT\b", "UNION"),
    "columns swapped": (r"^SELECT\s+(?!DISTINCT)([\w.]+)\s*,\s*([\w.]+)\s+FROM", r"SELECT \2, \1 FROM"),
    "a column left out": (r"^SELECT\s+(?!DISTINCT)([\w.]+)\s*,", "SELECT "),
    "a column twice": (r"^SELECT\s+(?!DISTINCT)([\w.]+)(?=\s*,|\s+FROM)", r"SELECT \1, \1"),
    "an unknown column": (r"^SELECT\s+(?!DISTINCT)([\w.]+)", r"SELECT no_such_column"),
    "wrapped in a query": (r"^(SELECT\b.*)$", r"SELECT * FROM (\1)"),
    "IN to =": (r"\bNOT\s+IN\b", "IN"),
    "an alias more": (r"\s+FROM\s+(\w+)\s*$", r" FROM \1 AS a"),
    "broken": (r"\bFROM\b", "FORM"),
}  # fmt: skip


def mutated(database: str, gold: str) -> Iterator[Pair]:
    yield Pair(database, gold, gold, "the gold itself")
    for kind, (pattern, put) in MUTATIONS.items():
        made, times = re.subn(pattern, put, gold, count=1, flags=re.IGNORECASE | re.DOTALL)
        if times and made != gold:
            yield Pair(database, gold, made, kind)


# Verdicts


def ours(pairs: Sequence[Pair], databases: Path, work: Path, match: Match, soft_f1: bool = False) -> Evaluation:
    gold, predicted = work / "gold.json", work / "predicted.json"
    gold.write_text(json.dumps([{"db_id": p.database, "query": p.gold} for p in pairs]), encoding="utf-8")
    predicted.write_text(json.dumps([{"predicted": p.predicted} for p in pairs]), encoding="utf-8")
    return evaluate(Asked(str(predicted), str(gold), str(databases), match=match, soft_f1=soft_f1, jobs=2))


OFFICIAL = """
import json, os, sys, sqlite3, types
which, code, databases = sys.argv[1:4]
sys.path.insert(0, code)
if which == "test-suite":
    from exec_eval import eval_exec_match
    def judge(name, gold, predicted):
        path = os.path.join(databases, name, name + ".sqlite")
        return eval_exec_match(path, predicted, gold, False, keep_distinct, False)
else:
    for missing in ("psycopg2", "pymysql", "func_timeout"):  # the drivers of databases that are not asked here
        module = sys.modules[missing] = types.ModuleType(missing)
        module.func_timeout = module.FunctionTimedOut = None
    from evaluation_utils import execute_sql
    from evaluation_ex import calculate_ex
    from evaluation_f1 import calculate_f1_score
    def judge(name, gold, predicted):
        path = os.path.join(databases, name, name + ".sqlite")
        try:
            score = calculate_f1_score if which == "bird-f1" else calculate_ex
            return execute_sql(predicted, gold, path, "SQLite", score)
        except Exception:
            return 0
keep_distinct = which != "test-suite" or sys.argv[4] == "keep"
for line in sys.stdin:
    try:
        said = judge(*json.loads(line))
    except AssertionError:
        said = "gold"
    print(json.dumps(said), flush=True)
"""


def official(which: str, code: Path, databases: Path, pairs: Sequence[Pair], extra: str = "keep") -> list[Any]:
    """What the official code says to each pair; None where it has not said anything in time, or failed."""
    said: list[Any] = []
    started = monotonic()
    while len(said) < len(pairs):
        rest = pairs[len(said) :]
        text = "".join(json.dumps([p.database, p.gold, p.predicted]) + "\n" for p in rest)
        command = [sys.executable, "-c", OFFICIAL, which, str(code), str(databases), extra]
        try:
            done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=PATIENCE * 4, cwd=code)
            lines = done.stdout.splitlines()
            if len(lines) < len(rest):
                print(done.stderr[-400:], file=sys.stderr)
        except subprocess.TimeoutExpired as error:
            lines = (error.stdout or b"").decode().splitlines()
        said += [json.loads(line) for line in lines]
        if len(said) < len(pairs):
            said.append(None)
    print(f"  {which}: {len(pairs):,} pairs in {monotonic() - started:.0f} s")
    return said


def why(pair: Pair, said: str, reason: str) -> str:
    """The cause of a difference, of those that docs/evaluate.md lists."""
    outermost = any(t.text.upper() == "ORDER" and t.depth == 0 for t in tokens(pair.gold))
    if "order by" in pair.gold.lower() and not outermost:
        return (
            "ORDER BY stands in a subquery of the gold: theirs holds the rows to an order that the gold does not give"
        )
    if re.search(r"[<>!] =", pair.predicted):
        return "`> =`: theirs mends it, SQLite refuses it"
    if said == "gold-broken":
        return "gold does not run"
    return "NOT EXPLAINED"


def agreement(args: argparse.Namespace) -> int:
    golds: dict[str, list[str]] = {}
    pairs: list[Pair] = []
    for row in json.loads(Path(args.pairs).read_text(encoding="utf-8")):
        golds.setdefault(row["db_id"], []).append(row["query"])
    pairs += [pair for name, each in golds.items() for gold in dict.fromkeys(each) for pair in mutated(name, gold)]
    for file in args.predictions:
        rows = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
        pairs += [Pair(r["db_id"], r["gold"], r["pred"], f"predictions {Path(file).stem}") for r in rows]
        for row in rows:
            golds.setdefault(row["db_id"], []).append(row["gold"])
    for name in args.text:
        gold, _, predicted = name.partition(",")
        for pair in text_pairs(Path(gold), Path(predicted)):
            pairs.append(pair)
            golds.setdefault(pair.database, []).append(pair.gold)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        databases, copies, single = work / "databases", work / "copies", work / "single"
        make_databases(Path(args.tables), golds, databases)
        pairs += own_pairs(databases, 2_000, FILES)
        pairs = [pair for pair in dict.fromkeys(pairs) if safe(pair.predicted)]
        shutil.copytree(databases, copies)
        for path in databases.glob("*/*.sqlite"):
            if path.stem == path.parent.name:
                (single / path.stem).mkdir(parents=True, exist_ok=True)
                shutil.copy(path, single / path.stem / path.name)
        print(
            f"{len(pairs):,} pairs on {len(list(databases.iterdir()))} schemas, "
            f"{len(list(databases.glob('*/*.sqlite')))} databases"
        )
        spider = Match("multiset", "any", 0.0)
        unlike = compare(pairs, "test-suite", args.test_suite, databases, copies, work, spider)
        bird = Path(args.bird) / "evaluation"
        shutil.rmtree(copies)
        shutil.copytree(single, copies)
        unlike += compare(pairs, "bird", bird, single, copies, work, Match("set", "ordered", 0.0))
        scores(pairs, bird, single, copies, work)
        default_differences(pairs, databases, work)
    return 1 if unlike else 0


def text_pairs(gold: Path, predicted: Path) -> Iterator[Pair]:
    """Pairs of Spider's text forms, line by line; empty lines part sessions."""
    lines = [line for line in gold.read_text(encoding="utf-8").splitlines() if line.strip()]
    said = [line for line in predicted.read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(lines) != len(said):
        raise SystemExit(f"{gold} has {len(lines)} pairs, {predicted} {len(said)}")
    for one, other in zip(lines, said):
        sql, _, database = one.rpartition("\t")
        yield Pair(database, sql, other.partition("\t")[0], f"predictions {predicted.name}")


def safe(sql: str) -> bool:
    """Whether a prediction may be given to evaluators that run anything."""
    return re.match(r"\s*(SELECT|WITH)\b", sql, re.IGNORECASE) is not None and ";" not in sql.rstrip("; \n")


def compare(
    pairs: Sequence[Pair], which: str, code: Path, databases: Path, copies: Path, work: Path, match: Match
) -> int:
    started = monotonic()
    made = ours(pairs, databases, work, match)
    seconds = monotonic() - started
    theirs = official(which, code, copies, pairs)
    right = sum(each.outcome == "right" for each in made.results)
    print(f"{which}: ours {right:,} right of {len(pairs):,} in {seconds:.1f} s, theirs {sum(t == 1 for t in theirs):,}")
    print(f"  outcomes {made.outcomes}, gold without a row {made.empty_gold:,}")
    unlike = [
        (pair, each, said)
        for pair, each, said in zip(pairs, made.results, theirs)
        if (each.outcome == "right") != (said == 1) and not (each.outcome == "gold-broken" and said in ("gold", 0))
    ]
    print(f"  agreement {100 * (1 - len(unlike) / len(pairs)):.2f} %, {len(unlike)} differences")
    causes = Counter(why(pair, each.outcome, each.reason) for pair, each, _ in unlike)
    for cause, times in causes.most_common():
        print(f"    {times:5} {cause}")
        shown = [(p, e, s) for p, e, s in unlike if why(p, e.outcome, e.reason) == cause][
            : 2 if cause != "NOT EXPLAINED" else 9
        ]
        for pair, each, said in shown:
            print(
                f"          {pair.kind}: {each.outcome} {each.reason}; theirs {said}\n"
                f"          {pair.gold}\n          {pair.predicted}"
            )
    return causes["NOT EXPLAINED"]


def scores(pairs: Sequence[Pair], code: Path, databases: Path, copies: Path, work: Path) -> None:
    made = ours(pairs, databases, work, Match("set", "ordered", 0.0), soft_f1=True)
    theirs = official("bird-f1", code, copies, pairs)
    counted = [(e.soft_f1, s) for e, s in zip(made.results, theirs) if e.outcome != "gold-broken" and s is not None]
    far = [abs((one or 0.0) - other) for one, other in counted if abs((one or 0.0) - other) > 1e-9]
    print(f"soft F1: {len(counted):,} pairs, {len(far)} differ by more than 1e-9")


def default_differences(pairs: Sequence[Pair], databases: Path, work: Path) -> None:
    """What the defaults say beside the rule of each official evaluator."""
    made = {name: ours(pairs, databases, work, match) for name, match in (
        ("default", Match()),
        ("as the test suite", Match("multiset", "any", 0.0)),
        ("as BIRD", Match("set", "ordered", 0.0)),
    )}  # fmt: skip
    for name, each in made.items():
        print(f"  {name}: {each.outcomes.get('right', 0):,} right")


# Speed


def speed(args: argparse.Namespace) -> int:
    """Pairs a second on small generated databases, two processes, no time-outs."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pairs = list(own_pairs(work / "databases", args.count))
        for name, match, soft in (("default", Match(), False), ("soft F1 too", Match(), True)):
            started = monotonic()
            ours(pairs, work / "databases", work, match, soft)
            seconds = monotonic() - started
            print(f"{name}: {len(pairs):,} pairs in {seconds:.2f} s = {len(pairs) / seconds:,.0f} a second")
    return 0


def own_pairs(databases: Path, count: int, files: int = 1) -> Iterator[Pair]:
    """Pairs on a schema of our own, on 10 databases of it and `files` files of each."""
    entry = {
        "table_names_original": ["person", "visit"],
        "column_names_original": [[-1, "*"], [0, "person_id"], [0, "name"], [0, "city"], [0, "age"],
                                  [1, "visit_id"], [1, "person_id"], [1, "place"], [1, "cost"]],
        "column_types": ["text", "number", "text", "text", "number", "number", "number", "text", "number"],
    }  # fmt: skip
    golds = [
        "SELECT count(*) FROM person WHERE age > {n}",
        "SELECT name, city FROM person WHERE age < {n} ORDER BY age DESC",
        "SELECT city, count(*) FROM person GROUP BY city HAVING count(*) > {n}",
        "SELECT T1.name, sum(T2.cost) FROM person AS T1 JOIN visit AS T2 ON T1.person_id = T2.person_id "
        "WHERE T2.cost > {n} GROUP BY T1.person_id",
        "SELECT name FROM person WHERE person_id NOT IN (SELECT person_id FROM visit WHERE cost > {n})",
        "SELECT avg(age), max(age) FROM person WHERE city = 'red' AND age > {n}",
    ]
    for number_ in range(10):
        folder = databases / f"own_{number_}"
        folder.mkdir(parents=True)
        for file in range(files):
            path = folder / (f"own_{number_}_{file}.sqlite" if file else f"own_{number_}.sqlite")
            fill(path, entry, {}, random.Random(f"{number_} {file}"))
    made = 0
    for n in range(count):
        for gold in golds:
            for pair in mutated(f"own_{n % 10}", gold.format(n=n % 50)):
                yield pair
                made += 1
                if made == count:
                    return


def main(argv: Iterable[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("agreement")
    for name in ("--test-suite", "--bird", "--tables", "--pairs"):
        command.add_argument(name, required=True, type=Path)
    command.add_argument("--predictions", nargs="*", default=[], help="JSONL with db_id, gold, pred")
    command.add_argument("--text", nargs="*", default=[], metavar="GOLD,PREDICTED", help="Spider's text forms")
    command.set_defaults(work=agreement)
    command = commands.add_parser("speed")
    command.add_argument("--count", type=int, default=20_000)
    command.set_defaults(work=speed)
    args = parser.parse_args(None if argv is None else list(argv))
    code: int = args.work(args)
    return code


if __name__ == "__main__":
    sys.exit(main())
