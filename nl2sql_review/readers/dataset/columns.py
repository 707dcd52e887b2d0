"""Columns of a dataset: those that an expression reads, and the part of the prompt that a column's name stands for."""

from __future__ import annotations

import re

from ...training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown, Value

# Columns as public text-to-SQL datasets call them.
COLUMNS = {
    "schema": """schema context create_table create_tables create_table_statement ddl db_schema database_schema
        sql_context table_schema table_schemas tables table_info db_info database_info db_structure schema_text
        schema_str schema_context sql_schema table_definitions create_statement create_statements tables_ddl columns
        column_names table_columns""",
    "question": """question sql_prompt nl nlq utterance natural_language nl_question nl_query user_query
        natural_question user_question question_text request english natural_language_query natural_language_question
        user_prompt questions question_en question_toks evidence_question""",
    "sql": """sql answer output response completion target sql_query gold_sql gold sql_code expected_sql target_sql
        sql_answer answers sql_statement final_sql query_sql sql_cmd sql_output predicted_sql sqlite output_sql""",
    "instruction": "instruction system system_prompt task task_description instructions system_message",
}
ROLE_OF_COLUMN = {name: role for role, names in COLUMNS.items() for name in names.split()}
# What these hold depends on the data: a whole prompt, an instruction with the question in it, SQL or plain words.
OPAQUE_COLUMNS = {"input", "prompt", "text", "messages", "conversations", "content", "query", "value", "user", "inputs"}
# What these hold is the name of a database: no schema, whatever label stands before it.
DATABASE_NAMES = {"db_id", "db_name", "dbname", "database_id", "database_name"}

ROW_HEADS = ("item", "get")


def columns_read(value: Value) -> list[str]:
    """Return the columns that an expression reads, in order: `ex.get("sql", ex.get("query"))` → sql, query."""
    found: list[str] = []
    _collect(value, found, 0)
    return found


def _collect(value: object, found: list[str], depth: int) -> None:
    if depth > 12:
        return
    if isinstance(value, Term):
        if cuts_by_tables(value):
            _collect(argument(value, 0, "schema"), found, depth + 1)
            return
        args = reading(value) or value.args
        if (value.operation in ROW_HEADS or args is not value.args) and len(args) > 1:
            _collect(args[0], found, depth + 1)
            key = args[1]
            if isinstance(key, (Known, Default)) and isinstance(key.value, str):
                found.append(key.value)
            else:
                _collect(key, found, depth + 1)
            for rest in args[2:]:
                _collect(rest, found, depth + 1)
            return
        if (
            value.operation == "attribute"
            and len(args) > 1
            and isinstance(args[1], Known)
            and isinstance(args[1].value, str)
        ):
            _collect(args[0], found, depth + 1)
            found.append(args[1].value)
            return
        for arg in args:
            _collect(arg, found, depth + 1)
    elif isinstance(value, Text):
        for part in value.parts:
            _collect(part, found, depth + 1)
    elif isinstance(value, Either):
        for option in value.options:
            _collect(option, found, depth + 1)
    elif isinstance(value, Unknown) and value.parts is not None:
        parts = value.parts.values() if isinstance(value.parts, dict) else value.parts
        for part in parts:
            _collect(part, found, depth + 1)


def cuts_by_tables(term: Term) -> bool:
    """Return whether an expression cuts a schema by whole tables; the SQL it is given also decides what is kept."""
    return term.operation == "call" and term.text.partition("(")[0].endswith("table_cut.cut_schema")


def reading(term: Term) -> tuple[Value, ...]:
    """Return (owner, key, fallback…) of an expression that reads a field, or () if it does not.

    `line.get(key)` on a plain dict counts as well.
    """
    if term.operation in ROW_HEADS:
        return term.args if len(term.args) > 1 else ()
    if term.operation == "call" and method_of(term) == "get":
        positional = [a for a in term.args if not (isinstance(a, Term) and a.operation in ("keyword", "receiver"))]
        return (receiver(term), *positional) if positional else ()
    return ()


def names_database(value: object) -> bool:
    """Return whether an expression is the name of a database, and nothing that is looked up by it."""
    args = reading(value) if isinstance(value, Term) else ()
    if len(args) < 2:
        return False
    key = args[1]
    if isinstance(key, (Known, Default)) and isinstance(key.value, str):
        return key.value.lower() in DATABASE_NAMES
    return names_database(args[0])  # `rows["db_id"][i]`, unlike `schemas[row["db_id"]]`


def column_role(name: str) -> str:
    """Return the part of the prompt that a column of this name holds, or ""."""
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().strip("_- ").replace("-", "_").replace(" ", "_")
    if plain in ROLE_OF_COLUMN:
        return ROLE_OF_COLUMN[plain]
    if plain in OPAQUE_COLUMNS:
        return ""
    words = plain.split("_")
    if any(w in ("schema", "schemas", "ddl") for w in words):
        return "schema"
    if any(w in ("question", "utterance") for w in words):
        return "question"
    if words[-1] == "sql":
        return "sql"
    return ""


def method_of(call: Term) -> str:
    """Return the name of the function or method that a call expression calls."""
    method = next((a.text for a in call.args if isinstance(a, Term) and a.operation == "receiver"), "")
    return method or call.text.partition("(")[0].rpartition(".")[2]


def argument(call: Term, index: int, *names: str) -> Value:
    """Return an argument of a call expression by position or name, else Absent."""
    positional = [a for a in call.args if not (isinstance(a, Term) and a.operation in ("keyword", "receiver"))]
    if index < len(positional):
        return positional[index]
    for arg in call.args:
        if isinstance(arg, Term) and arg.operation == "keyword" and arg.text in names and arg.args:
            return arg.args[0]
    return Absent(f"no argument {names[0]}" if names else "no such argument")


def receiver(call: Term) -> Value:
    """Return the receiver of a method call, else Absent."""
    return next(
        (a.args[0] for a in call.args if isinstance(a, Term) and a.operation == "receiver" and a.args),
        Absent("called without a receiver"),
    )
