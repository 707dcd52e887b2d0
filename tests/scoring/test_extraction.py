"""The SQL in an answer, by the stated rule."""

from __future__ import annotations

import pytest

from nl2sql_review.rows.scoring.extraction import extract

SQL = "SELECT name FROM singer"
CTE = "WITH old AS (SELECT * FROM singer WHERE age > 40)\n\nSELECT name FROM old"


@pytest.mark.parametrize(
    "answer", [SQL, f"  {SQL}\n", f"{SQL};", f"{SQL};;\n", f"{SQL}</s>", f"{SQL}<|im_end|>\n<|im_start|>user\nSELECT 2"]
)
def test_sql_alone_is_not_chatty(answer):
    found = extract(answer)
    assert (found.sql, found.chatty, found.refused) == (SQL, False, "")


@pytest.mark.parametrize(
    "answer",
    [
        f"```sql\n{SQL};\n```",
        f"```\n{SQL}\n```\nThis selects the names.",
        f"```sql\n{SQL}",
        f"Here is the query:\n\n```SQL\n{SQL}\n```\nand again:\n```sql\n{SQL};\n```",
        f"Sure! Here it is:\n{SQL}",
        f"SQL: {SQL}",
        f"The answer is: `{SQL}`.",
        f"{SQL};\nThis query returns the names of all singers.",
        f"{SQL}\n\nThis query returns the names; it updates nothing.",
        f"### Response:\n{SQL}\n\n### Instruction:\nWhat else?",
    ],
)
def test_text_around_it_is_chatty(answer):
    found = extract(answer)
    assert (found.sql, found.chatty, found.refused) == (SQL, True, "")


@pytest.mark.parametrize(
    "answer",
    [
        f"{SQL}; {SQL}",
        f"{SQL};\nDROP TABLE singer",
        f"{SQL}; COMMIT",
        f"{SQL}\n\nSELECT age FROM singer",
        f"{SQL};\nOr:\nSELECT age FROM singer",
        f"```sql\n{SQL}\n```\nor\n```sql\nSELECT age FROM singer\n```",
        f"```sql\n{SQL};\nSELECT age FROM singer;\n```",
    ],
)
def test_more_than_one_statement_is_never_cut_to_the_first(answer):
    found = extract(answer)
    assert not found.sql and "statement" in found.refused


@pytest.mark.parametrize(
    "sql",
    [
        CTE,
        f"{SQL}\n\nWHERE age > 3\n\n  ORDER BY age",
        "SELECT ';' AS a, \"b;c\" FROM t -- ; no\nWHERE x = ';'",
        f"{SQL}\n\nUNION\n\n{SQL}",
        "SELECT (\n\nSELECT 1\n\n) AS x",
    ],
)
def test_empty_lines_and_semicolons_inside_a_statement_do_not_end_it(sql):
    found = extract(sql)
    assert (found.sql, found.chatty) == (sql, False)


@pytest.mark.parametrize(
    "answer",
    ["", " \n", "</s>", "I cannot answer this.", "With pleasure! There is no such table.", "```\n```", "Update: done"],
)
def test_no_sql(answer):
    found = extract(answer)
    assert not found.sql and not found.refused and found.chatty == bool(answer.replace("</s>", "").strip())


def test_a_comment_before_the_statement_is_part_of_it():
    assert extract(f"-- all names\n/* of singers */ {SQL}") == extract(SQL)
