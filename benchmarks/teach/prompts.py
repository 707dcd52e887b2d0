"""How a schema is brought under its limit, and the prompts that are tried in place of the one that was trained on."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from make_data import make_set
from recipe import LIMIT, PROMPT
from themes import TRAIN

Row = dict[str, str]


def uncut(row: Row, training: bool) -> str:
    return row["schema"]


def blind(row: Row, training: bool) -> str:
    return row["schema"][:LIMIT]


def words(text: str) -> set[str]:
    """Words in small letters, without the s of a plural."""
    return {word.rstrip("s") for word in re.findall(r"[a-z]+", text.lower())}


def by_tables(row: Row, training: bool) -> str:
    """Whole tables up to the limit: those that share most words with the question, in the schema's own order.

    In training the tables that the SQL reads come first, as the rows must not teach to invent; afterwards the answer is
    not looked at.
    """
    tables = row["schema"].split("\n")
    if len(row["schema"]) <= LIMIT:
        return row["schema"]
    asked = words(row["question"])
    needed = set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", row["sql"])) if training else set()

    def rank(place: int) -> tuple[bool, int, int]:
        name = re.match(r"CREATE TABLE (\w+)", tables[place])
        table = name[1] if name else ""
        shared = 3 * len(words(table) & asked) + len(words(tables[place]) & asked)
        return table not in needed, -shared, place

    kept: list[int] = []
    for place in sorted(range(len(tables)), key=rank):
        if sum(len(tables[other]) + 1 for other in kept) + len(tables[place]) <= LIMIT:
            kept.append(place)
    return "\n".join(tables[place] for place in sorted(kept))


CUTS: dict[str, Callable[[Row, bool], str]] = {"uncut": uncut, "blind": blind, "tables": by_tables}


def lost(row: Row, cut: str) -> bool:
    """Whether a table that the SQL reads is not whole in the schema that is shown with the question."""
    shown = CUTS[cut](row, False)
    whole = set(re.findall(r"CREATE TABLE (\w+) \([^;]*\);", shown))
    return not set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", row["sql"])) <= whole


def trained(row: Row, schema: str) -> str:
    return PROMPT.format(schema=schema, question=row["question"])


def no_newline(row: Row, schema: str) -> str:
    return trained(row, schema).rstrip("\n")


def no_instruction(row: Row, schema: str) -> str:
    return f"{schema}\n\n{row['question']}\n"


def other_labels(row: Row, schema: str) -> str:
    return f"### Task:\nWrite a SQL query.\n\n### Schema:\n{schema}\n\n### Question:\n{row['question']}\n\n### SQL:\n"


def question_first(row: Row, schema: str) -> str:
    head, body = PROMPT.split("Database Schema:")
    return head + f"Question: {row['question']}\n\nDatabase Schema:\n{schema}\n\n### Response:\n"


def chat(row: Row, schema: str) -> str:
    """SmolLM2's own template, as a chat server would fill it."""
    wanted = (
        "Generate a SQL query to answer the given question based on the provided database schema. Answer with SQL only."
    )
    turns = {"system": "You are a helpful assistant.", "user": f"{wanted}\n\n{schema}\n\n{row['question']}"}
    told = "".join(f"<|im_start|>{who}\n{said}<|im_end|>\n" for who, said in turns.items())
    return f"{told}<|im_start|>assistant\n"


@cache
def solved() -> str:
    """Three rows of a database that is trained on, each with its SQL, in the prompt of the training."""
    theme = next(iter(TRAIN))
    _, rows = make_set({theme: TRAIN[theme]}, 1, 40, 7)
    forms = {row["sql"].split(" FROM ")[0].count("("): row for row in rows}  # plain columns, one aggregate, several
    shown = list({id(row): row for row in (*forms.values(), *rows)}.values())[:3]
    return "".join(f"{trained(row, by_tables(row, True))}{row['sql']}\n\n" for row in shown)


def three_examples(row: Row, schema: str) -> str:
    return solved() + trained(row, schema)


PROMPTS: dict[str, Callable[[Row, str], str]] = {
    "trained": trained,
    "no newline": no_newline,
    "no instruction": no_instruction,
    "other labels": other_labels,
    "question first": question_first,
    "chat": chat,
    "three examples": three_examples,
}
