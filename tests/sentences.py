"""Every sentence that a user can see, collected from the sources onto one page that can be read from top to bottom.

Rules speak in the titles, messages, remedies and paragraphs of their pages; the program speaks in the strings of the
package: why a value is not known, what an error says, what `--help` and the servers answer. `python -m tests.sentences`
prints the page.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "nl2sql_review"
RULES = ROOT / "rules"

PAGE = re.compile(r"\A---\n(?P<head>.*?)^---\n(?P<body>.*)\Z", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^(?P<ticks>`{3,}|~{3,}).*?^(?P=ticks)[ ]*$\n?", re.DOTALL | re.MULTILINE)
WORD = re.compile(r"[A-Za-z]{2,}")
CODE = re.compile(r"`[^`]*`|\{[^{}]*\}")
# What has words and is no sentence: regular expressions, programs for a shell, names one after the other.
PROGRAM = re.compile(
    r"\(\?|\\[sbwdA]|\^|\bimport \w+[;\n]|<\w+|^[a-z_]\w*( [a-z_]\w*){8,}$|\bdef \w+\(|PRAGMA|CREATE TABLE \{"
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said, and where: a title, message, remedy or paragraph of a rule, or a text of the program."""

    kind: str  # title, says, help, prose, text
    path: str
    line: int
    text: str

    @property
    def plain(self) -> str:
        """The words alone: what stands in backquotes and what is filled in are left out."""
        return CODE.sub("…", self.text)


def of_rules() -> Iterator[Sentence]:
    """What the pages of the rules say."""
    for path in sorted(RULES.glob("*/*.md")):
        text = path.read_text(encoding="utf-8")
        found = PAGE.match(text)
        assert found is not None, path
        name = str(path.relative_to(ROOT))
        for kind, said in _said_by(yaml.safe_load(found["head"])):
            yield Sentence(kind, name, 1, said)
        body = FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), found["body"])
        start = text.count("\n", 0, found.start("body")) + 1
        for paragraph in re.finditer(r"(?:^.*\S.*$\n?)+", body, re.MULTILINE):
            said, line = paragraph[0].strip(), start + body.count("\n", 0, paragraph.start())
            if said.startswith("# "):
                yield Sentence("title", name, line, said[2:])
            elif not said.startswith(("## ", "|")):
                yield Sentence("prose", name, line, said)


def _said_by(head: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a rule's head lets users see: messages, notes, the remedy, why it does not apply."""
    if help := head.get("help"):
        yield "help", help
    for key in ("says", "notes"):
        for said in (head.get(key) or {}).values():
            yield "says", said
    conditions = [head.get("when"), *(head["expect"].values() if isinstance(head.get("expect"), dict) else ())]
    for condition in conditions:
        if isinstance(condition, dict) and isinstance(why := condition.get("else"), str):
            yield "says", why


def of_program() -> Iterator[Sentence]:
    """The strings of the package that have two words or more, docstrings and patterns left out."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        silent = {id(part) for node in ast.walk(tree) for part in _silent(node)}
        for node in ast.walk(tree):
            text = _text(node)
            if id(node) in silent or text is None or PROGRAM.search(text) or len(WORD.findall(CODE.sub("", text))) < 2:
                continue
            if " " in text.strip():
                yield Sentence("text", str(path.relative_to(ROOT)), node.lineno, text)  # type: ignore[attr-defined]


def _silent(node: ast.AST) -> Iterator[ast.AST]:
    """Strings under a node that say nothing by themselves: docstrings, and the pieces of an f-string."""
    for statement in body if isinstance(body := getattr(node, "body", None), list) else ():
        if isinstance(statement, ast.Expr):
            yield statement.value
    if isinstance(node, ast.JoinedStr):
        yield from (part for value in node.values for part in ast.walk(value))


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(value) or f"{{{ast.unparse(value.value)}}}" for value in node.values)  # type: ignore[attr-defined]
    return None


@cache
def sentences() -> tuple[Sentence, ...]:
    """Return all sentences, by file and line."""
    return (*of_rules(), *sorted(of_program(), key=lambda one: (one.path, one.line)))


def page() -> str:
    """All sentences as Markdown, by file."""
    lines: list[str] = []
    path = ""
    for sentence in sentences():
        if sentence.path != path:
            path = sentence.path
            lines += ["", f"## {path}", ""]
        said = " ".join(sentence.text.split())
        lines.append(f"- {sentence.line} {sentence.kind}: {said}")
    return "\n".join(lines).strip() + "\n"


if __name__ == "__main__":
    print(page(), end="")
