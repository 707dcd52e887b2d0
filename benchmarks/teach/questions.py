# ruff: noqa: E501  a form of SQL and its wordings are a table
"""Asks questions of a generated database: forms of SQL, each in several wordings, with values that its rows hold.

Only questions with one answer are kept: the gold SQL must return something, and the same on rows stored in another order.
"""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace

from databases import Database, Table, fill, make_rows, plural


@dataclass(frozen=True)
class Form:
    name: str
    tables: int  # 1: t; 2: t and its parent p; 3: also the grandparent g
    sql: str
    wordings: tuple[str, ...]


def form(name: str, tables: int, sql: str, *wordings: str) -> Form:
    return Form(name, tables, sql, wordings)


# t is the table, p its parent, g its grandparent. T its name, s and ss what one and several of its rows are called; L and l
# what a row is called by, in SQL and in words; N, n a number, M, m another, K a value of N and J a higher one; C, c a
# column of few words, V and W two values of it; D, d a date, Y one. k is a small number.
ONE_P = "{t.T} AS a JOIN {p.T} AS b ON a.{t.F} = b.{p.P}"
TWO_P = "{t.T} AS a JOIN {p.T} AS b ON a.{t.F} = b.{p.P} JOIN {g.T} AS c ON b.{p.F} = c.{g.P}"
FORMS = (
    form("list", 1, "SELECT {t.L} FROM {t.T}", "List the {t.l} of every {t.s}.", "Show the {t.l} of all {t.ss}.",
         "What is the {t.l} of each {t.s}?", "Give me the {t.l} for all the {t.ss}."),
    form("two columns", 1, "SELECT {t.L}, {t.N} FROM {t.T}", "Show the {t.l} and {t.n} of every {t.s}.",
         "What are the {t.l} and the {t.n} of each {t.s}?", "List {t.l} and {t.n} for all {t.ss}."),
    form("count", 1, "SELECT COUNT(*) FROM {t.T}", "How many {t.ss} are there?", "Count the {t.ss}.",
         "What is the total number of {t.ss}?", "Give the number of {t.ss} on record."),
    form("count where", 1, "SELECT COUNT(*) FROM {t.T} WHERE {t.C} = '{t.V}'",
         "How many {t.ss} have {t.c} {t.V}?", "Count the {t.ss} whose {t.c} is {t.V}.",
         "What is the number of {t.ss} with {t.c} equal to {t.V}?"),
    form("where text", 1, "SELECT {t.L} FROM {t.T} WHERE {t.C} = '{t.V}'",
         "Which {t.ss} have {t.c} {t.V}? Give their {t.l}.", "List the {t.l} of {t.ss} whose {t.c} is {t.V}.",
         "Show the {t.l} of every {t.s} with {t.c} {t.V}."),
    form("where above", 1, "SELECT {t.L} FROM {t.T} WHERE {t.N} > {t.K}",
         "Which {t.ss} have a {t.n} above {t.K}? Give their {t.l}.", "List the {t.l} of {t.ss} whose {t.n} is greater than {t.K}.",
         "Show the {t.l} of all {t.ss} with a {t.n} over {t.K}."),
    form("where below", 1, "SELECT {t.L}, {t.N} FROM {t.T} WHERE {t.N} < {t.K}",
         "Show {t.l} and {t.n} of the {t.ss} whose {t.n} is below {t.K}.", "For {t.ss} with a {t.n} under {t.K}, give the {t.l} and the {t.n}."),
    form("between", 1, "SELECT {t.L} FROM {t.T} WHERE {t.N} BETWEEN {t.K} AND {t.J}",
         "List the {t.l} of {t.ss} whose {t.n} is between {t.K} and {t.J}.", "Which {t.ss} have a {t.n} from {t.K} to {t.J}? Show their {t.l}."),
    form("and", 1, "SELECT {t.L} FROM {t.T} WHERE {t.C} = '{t.V}' AND {t.N} > {t.K}",
         "Give the {t.l} of {t.ss} with {t.c} {t.V} and a {t.n} above {t.K}.", "Which {t.ss} have {t.c} {t.V} and a {t.n} greater than {t.K}? List their {t.l}."),
    form("or", 1, "SELECT {t.L} FROM {t.T} WHERE {t.C} = '{t.V}' OR {t.C} = '{t.W}'",
         "List the {t.l} of {t.ss} whose {t.c} is {t.V} or {t.W}.", "Show the {t.l} of every {t.s} with {t.c} either {t.V} or {t.W}."),
    form("not", 1, "SELECT COUNT(*) FROM {t.T} WHERE {t.C} <> '{t.V}'",
         "How many {t.ss} have a {t.c} other than {t.V}?", "Count the {t.ss} whose {t.c} is not {t.V}."),
    form("since", 1, "SELECT {t.L} FROM {t.T} WHERE {t.D} >= '{t.Y}'",
         "List the {t.l} of {t.ss} with a {t.d} on or after {t.Y}.", "Which {t.ss} have a {t.d} not before {t.Y}? Give their {t.l}."),
    form("missing", 1, "SELECT {t.L} FROM {t.T} WHERE {t.N} IS NULL",
         "Which {t.ss} have no {t.n} recorded? Give their {t.l}.", "List the {t.l} of {t.ss} whose {t.n} is missing."),
    form("like", 1, "SELECT {t.L} FROM {t.T} WHERE {t.L} LIKE '{t.I}%'",
         "List the {t.l} of {t.ss} whose {t.l} starts with {t.I}.", "Which {t.ss} have a {t.l} beginning with {t.I}? Show the {t.l}."),
    form("average", 1, "SELECT AVG({t.N}) FROM {t.T}", "What is the average {t.n} of all {t.ss}?",
         "Find the mean {t.n} over the {t.ss}.", "Give the average {t.n} of {t.ss}."),
    form("sum where", 1, "SELECT SUM({t.N}) FROM {t.T} WHERE {t.C} = '{t.V}'",
         "What is the total {t.n} of {t.ss} whose {t.c} is {t.V}?", "Add up the {t.n} of all {t.ss} with {t.c} {t.V}."),
    form("extremes", 1, "SELECT MIN({t.N}), MAX({t.N}) FROM {t.T}", "What are the lowest and the highest {t.n} of the {t.ss}?",
         "Give the minimum and maximum {t.n} over all {t.ss}."),
    form("distinct", 1, "SELECT DISTINCT {t.C} FROM {t.T}", "What are the different values of {t.c} among the {t.ss}?",
         "List each distinct {t.c} of {t.ss} once."),
    form("count distinct", 1, "SELECT COUNT(DISTINCT {t.C}) FROM {t.T} WHERE {t.N} > {t.K}",
         "How many different values of {t.c} occur among {t.ss} with a {t.n} above {t.K}?",
         "Count the distinct {t.c} of {t.ss} whose {t.n} is over {t.K}."),
    form("group count", 1, "SELECT {t.C}, COUNT(*) FROM {t.T} GROUP BY {t.C}", "How many {t.ss} are there for each {t.c}?",
         "Show each {t.c} with its number of {t.ss}.", "Count the {t.ss} per {t.c}."),
    form("group average", 1, "SELECT {t.C}, AVG({t.N}) FROM {t.T} GROUP BY {t.C}", "What is the average {t.n} of {t.ss} for each {t.c}?",
         "Show each {t.c} and the mean {t.n} of its {t.ss}.", "Give the average {t.n} per {t.c} of the {t.ss}."),
    form("having", 1, "SELECT {t.C} FROM {t.T} GROUP BY {t.C} HAVING COUNT(*) > {k}", "Which {t.c} occurs in more than {k} {t.ss}?",
         "List every {t.c} that is shared by more than {k} {t.ss}."),
    form("top", 1, "SELECT {t.L} FROM {t.T} ORDER BY {t.N} DESC LIMIT 1", "Which {t.s} has the highest {t.n}? Give its {t.l}.",
         "What is the {t.l} of the {t.s} with the largest {t.n}?", "Find the {t.l} of the {t.s} whose {t.n} is greatest."),
    form("top k", 1, "SELECT {t.L}, {t.N} FROM {t.T} ORDER BY {t.N} DESC LIMIT {k}",
         "Show the {t.l} and {t.n} of the {k} {t.ss} with the highest {t.n}.", "List {t.l} and {t.n} of the top {k} {t.ss} by {t.n}."),
    form("order", 1, "SELECT {t.L} FROM {t.T} WHERE {t.C} = '{t.V}' ORDER BY {t.L} ASC",
         "List the {t.l} of {t.ss} with {t.c} {t.V} in alphabetical order.", "Show the {t.l} of {t.ss} whose {t.c} is {t.V}, sorted by {t.l}."),
    form("above average", 1, "SELECT {t.L} FROM {t.T} WHERE {t.N} > (SELECT AVG({t.N}) FROM {t.T})",
         "Which {t.ss} have a {t.n} above the average? Give their {t.l}.", "List the {t.l} of {t.ss} whose {t.n} exceeds the mean {t.n} of all {t.ss}."),
    form("extreme row", 1, "SELECT {t.L}, {t.C} FROM {t.T} WHERE {t.N} = (SELECT MIN({t.N}) FROM {t.T})",
         "Give the {t.l} and {t.c} of the {t.s} with the lowest {t.n}.", "What are the {t.l} and {t.c} of the {t.s} whose {t.n} is smallest?"),
    form("join", 2, "SELECT a.{t.L}, b.{p.L} FROM " + ONE_P, "Show the {t.l} of each {t.s} with the {p.l} of its {p.s}.",
         "List every {t.s}'s {t.l} together with the {p.l} of the {p.s} it belongs to."),
    form("join where", 2, "SELECT a.{t.L} FROM " + ONE_P + " WHERE b.{p.L} = '{p.X}'",
         "Which {t.ss} belong to the {p.s} {p.X}? Give their {t.l}.", "List the {t.l} of all {t.ss} of {p.X}."),
    form("join where word", 2, "SELECT a.{t.L} FROM " + ONE_P + " WHERE b.{p.C} = '{p.V}' AND a.{t.C} = '{t.V}'",
         "List the {t.l} of {t.ss} with {t.c} {t.V} whose {p.s} has {p.c} {p.V}.",
         "Which {t.ss} have {t.c} {t.V} and belong to a {p.s} with {p.c} {p.V}? Give their {t.l}."),
    form("join count", 2, "SELECT COUNT(*) FROM " + ONE_P + " WHERE b.{p.C} = '{p.V}'",
         "How many {t.ss} belong to a {p.s} whose {p.c} is {p.V}?", "Count the {t.ss} of {p.ss} with {p.c} {p.V}."),
    form("join sum", 2, "SELECT SUM(a.{t.N}) FROM " + ONE_P + " WHERE b.{p.L} = '{p.X}'",
         "What is the total {t.n} of the {t.ss} of the {p.s} {p.X}?", "Add up the {t.n} of all {t.ss} that belong to {p.X}."),
    form("join group", 2, "SELECT b.{p.L}, COUNT(*) FROM " + ONE_P + " GROUP BY b.{p.P}",
         "How many {t.ss} does each {p.s} have? Show the {p.l} and the number.", "For each {p.s} with {t.ss}, give its {p.l} and count its {t.ss}."),
    form("join group average", 2, "SELECT b.{p.L}, AVG(a.{t.N}) FROM " + ONE_P + " GROUP BY b.{p.P}",
         "What is the average {t.n} of the {t.ss} of each {p.s}? Show the {p.l} too.", "Give each {p.s}'s {p.l} and the mean {t.n} of its {t.ss}."),
    form("join having", 2, "SELECT b.{p.L} FROM " + ONE_P + " GROUP BY b.{p.P} HAVING COUNT(*) >= {k}",
         "Which {p.ss} have at least {k} {t.ss}? Give their {p.l}.", "List the {p.l} of {p.ss} with {k} or more {t.ss}."),
    form("join most", 2, "SELECT b.{p.L} FROM " + ONE_P + " GROUP BY b.{p.P} ORDER BY COUNT(*) DESC LIMIT 1",
         "Which {p.s} has the most {t.ss}? Give its {p.l}.", "Find the {p.l} of the {p.s} with the largest number of {t.ss}."),
    form("join order", 2, "SELECT a.{t.L} FROM " + ONE_P + " WHERE b.{p.C} = '{p.V}' ORDER BY a.{t.N} DESC LIMIT {k}",
         "Among {t.ss} of {p.ss} with {p.c} {p.V}, which {k} have the highest {t.n}? Give their {t.l}.",
         "List the {t.l} of the top {k} {t.ss} by {t.n} whose {p.s} has {p.c} {p.V}."),
    form("none", 2, "SELECT {p.L} FROM {p.T} WHERE {p.P} NOT IN (SELECT {t.F} FROM {t.T})",
         "Which {p.ss} have no {t.ss}? Give their {p.l}.", "List the {p.l} of every {p.s} without any {t.s}."),
    form("in", 2, "SELECT {p.L} FROM {p.T} WHERE {p.P} IN (SELECT {t.F} FROM {t.T} WHERE {t.N} > {t.K})",
         "Which {p.ss} have a {t.s} with a {t.n} above {t.K}? Give their {p.l}.", "List the {p.l} of {p.ss} with at least one {t.s} whose {t.n} is over {t.K}."),
    form("join three", 3, "SELECT a.{t.L}, c.{g.L} FROM " + TWO_P + " WHERE a.{t.C} = '{t.V}'",
         "For {t.ss} with {t.c} {t.V}, show the {t.l} and the {g.l} of the {g.s} of their {p.s}.",
         "List the {t.l} of each {t.s} whose {t.c} is {t.V}, with the {g.l} of the {g.s} that its {p.s} belongs to."),
    form("join three count", 3, "SELECT COUNT(*) FROM " + TWO_P + " WHERE c.{g.C} = '{g.V}'",
         "How many {t.ss} are there of {p.ss} whose {g.s} has {g.c} {g.V}?", "Count the {t.ss} whose {p.s} belongs to a {g.s} with {g.c} {g.V}."),
    form("join three group", 3, "SELECT c.{g.L}, SUM(a.{t.N}) FROM " + TWO_P + " GROUP BY c.{g.P}",
         "What is the total {t.n} of the {t.ss} of each {g.s}, over all its {p.ss}? Show the {g.l} too.",
         "Give each {g.s}'s {g.l} and the sum of {t.n} over the {t.ss} of its {p.ss}."),
)  # fmt: skip


class Bound(SimpleNamespace):
    """What the slots of one table stand for; a slot it cannot fill is not there, and the form does not apply."""


def bind(table: Table, rows: list[tuple[object, ...]], chance: random.Random) -> Bound:
    place = {column.name: number for number, column in enumerate(table.columns, 1)}
    first = table.columns[0]
    bound = Bound(T=table.name, P=table.key, s=table.words, L=first.name, l=first.words)
    bound.ss = plural_words(table.words)
    if table.foreign:
        bound.F = table.foreign[0]
    bound.X = str(chance.choice(rows)[1])
    bound.I = bound.X[0]
    numbers = table.of("integer", "decimal")
    if numbers:
        column = chance.choice(numbers)
        bound.N, bound.n = column.name, column.words
        held = sorted(row[place[column.name]] for row in rows if row[place[column.name]] is not None)  # type: ignore[type-var]
        low = chance.randrange(len(held) // 5, len(held) * 3 // 4)
        bound.K, bound.J = held[low], held[min(len(held) - 1, low + len(held) // 3)]
    words = [column for column in table.columns[1:] if column.kind in ("words", "city", "country")]
    if words:
        column = chance.choice(words)
        bound.C, bound.c = column.name, column.words
        known = sorted({str(row[place[column.name]]) for row in rows if row[place[column.name]] is not None})
        bound.V, bound.W = chance.sample(known, 2) if len(known) > 1 else (known[0], known[0])
    dates = table.of("date")
    if dates:
        column = chance.choice(dates)
        bound.D, bound.d = column.name, column.words
        bound.Y = chance.choice(sorted(str(row[place[column.name]]) for row in rows if row[place[column.name]]))
    return bound


def plural_words(words: str) -> str:
    *before, last = words.split()
    return " ".join([*before, plural(last)])


def answer(connection: sqlite3.Connection, sql: str) -> Counter[tuple[object, ...]]:
    return Counter(connection.execute(sql).fetchall())


class Asker:
    """Draws questions of one database, each form as often as every other, none twice."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.chance = database, random.Random(f"{seed} {database.id} questions")
        self.rows = make_rows(database, seed)
        self.stored, self.turned = sqlite3.connect(":memory:"), sqlite3.connect(":memory:")
        fill(self.stored, database, self.rows)
        fill(self.turned, database, {name: rows[::-1] for name, rows in self.rows.items()})

    def ask(self, chosen: Form) -> dict[str, str] | None:
        fitting = [table for table in self.database.tables if depth(table) >= chosen.tables]
        if not fitting:
            return None
        table = self.chance.choice(fitting)
        bound = {"t": table}
        if chosen.tables > 1:
            bound["p"] = self.chance.choice(table.parents) if chosen.tables == 2 else table.parents[0]
        if chosen.tables > 2:
            bound["g"] = bound["p"].parents[0]
        slots: dict[str, object] = {slot: bind(t, self.rows[t.name], self.chance) for slot, t in bound.items()}
        slots["k"] = self.chance.randint(2, 5)
        if "p" in bound:
            slots["t"].F = table.foreign[table.parents.index(bound["p"])]  # type: ignore[attr-defined]
        try:
            sql = chosen.sql.format(**slots)
            question = self.chance.choice(chosen.wordings).format(**slots)
        except AttributeError:
            return None
        result = answer(self.stored, sql)
        turned = answer(self.turned, sql)
        if not result or result != turned or set(result) in ({(None,)}, {(0,)}):
            return None
        return {"db_id": self.database.id, "form": chosen.name, "question": question, "sql": sql}

    def draw(self, count: int) -> list[dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        forms: list[Form] = []
        for _ in range(count * 40):
            forms = forms or self.chance.sample(FORMS, len(FORMS))
            asked = self.ask(forms.pop())
            if asked and asked["question"] not in found:
                found[asked["question"]] = asked
            if len(found) == count:
                break
        return list(found.values())


def depth(table: Table) -> int:
    return 1 + max((depth(parent) for parent in table.parents), default=0)
