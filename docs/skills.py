"""Writes the tables of rules in the skills of the Claude Code plugin from `rules/`: `python docs/skills.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nl2sql_review.policy import rulebook
from nl2sql_review.policy.expectations import Expectation, wanted, worded
from nl2sql_review.training_plan.facts import ROW_SECTION, SECTIONS

SKILLS = Path(__file__).resolve().parents[1] / "integrations" / "claude-code" / "skills"
# The two that are skills of their own; all the others go together.
OWN = {"dataset": "data-processing", ROW_SECTION: "data-processing", "prompt": "prompt-patterns"}
HEAD = """\
# Rules

Written from the rules themselves (`python docs/skills.py`). A project may have changed them in its settings:
`nl2sql-review rule` lists what holds here, `nl2sql-review rule lora/rank` explains one.
"""


def tables() -> dict[str, str]:
    """Skill → the text of its rules.md."""
    texts: dict[str, str] = {}
    book = rulebook.load()
    for section in (*SECTIONS, ROW_SECTION):
        rules = [rule for rule in (*book.active, *book.on_rows) if rule.section == section]
        lines = [f"\n## {section}\n", "| rule | what it finds | wants | weight | help |", "|---|---|---|---|---|"]
        lines += [_row(rule) for rule in rules]
        skill = OWN.get(section, "nl2sql-training")
        texts[skill] = texts.get(skill, HEAD) + "\n".join(lines) + "\n"
    return texts


def _row(rule: rulebook.Rule) -> str:
    head = rule.head
    values = [
        f"{name}: {wanted(given, worded)}" for name, expected in head.expectations if (given := _policy(expected))
    ]
    weight = f"{' or '.join(head.kinds)}, {head.severity}, {' or '.join(head.effects)}"
    cells = (f"`{rule.id}`", rule.title, "; ".join(values), weight, head.help)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _policy(expected: Expectation) -> dict[str, Any]:
    """What a project might want otherwise: values, not that there is one or that a list of mistakes is empty."""
    given = expected.given()
    return {k: v for k, v in given.items() if k not in ("empty", "present") and not isinstance(v, bool)}


if __name__ == "__main__":
    for skill, text in tables().items():
        (SKILLS / skill / "rules.md").write_text(text, encoding="utf-8", newline="\n")
