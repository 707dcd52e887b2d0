"""Pages of the site that are made when it is built: one a rule, the table of rules, a gallery of real reviews.

A hook of MkDocs. README.md, CONTRIBUTING.md and CHANGELOG.md become pages as they are.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from nl2sql_review.policy import rulebook
from nl2sql_review.policy.expectations import wanted, worded
from nl2sql_review.policy.rulebook import Rule
from nl2sql_review.render import render
from nl2sql_review.render.rule_text import pieces
from nl2sql_review.render.view import View
from nl2sql_review.report.addresses import SITE
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options
from nl2sql_review.training_plan.facts import SECTIONS

ROOT = Path(__file__).resolve().parents[2]
WHOLE = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LABELS = {
    "good": "success", "bad": "failure", "fixed": "tip", "unknown": "question", "na": "note",
}  # fmt: skip
TITLES = {
    "good": "Passes",
    "bad": "Is found",
    "fixed": "After --fix",
    "unknown": "Cannot be decided",
    "na": "Does not apply",
}
GALLERY = {
    "docs/train.py": "A script with the usual mistakes",
    "fixtures/golden/good.py": "A script that passes",
    "fixtures/checklist/prompt_eos.py": "The training text never ends",
}
_LINK = re.compile(r"(?<=\]\()(?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?(?=\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.site_url = SITE
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    rules = list(rulebook.load().rules.values())
    pages = {f"rules/{rule.id}.md": rule_page(rule) for rule in rules}
    pages["rules/index.md"] = table(rules)
    pages["gallery.md"] = gallery()
    for source, page in WHOLE.items():
        pages[page] = _relinked((ROOT / source).read_text(encoding="utf-8"), source, page)
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Links of docs/ that leave it lead to a page of the site where there is one, else they are plain text."""
    path = page.file.src_uri
    return (
        markdown if path in WHOLE.values() or path.startswith("rules/") else _relinked(markdown, f"docs/{path}", path)
    )


def _relinked(text: str, source: str, page: str) -> str:
    folder = PurePosixPath(source).parent

    def target(found: re.Match[str]) -> str:
        there = normpath(str(folder / found[1]))
        site = WHOLE.get(there, there.removeprefix("docs/") if there.startswith("docs/") else "")
        if site and not site.endswith(".py") and (site in WHOLE.values() or (ROOT / "docs" / site).exists()):
            return relpath(site, str(PurePosixPath(page).parent)) + (found[2] or "")
        return "\0"

    linked = _LINK.sub(target, text)
    return re.sub(r"\[([^\]]*)\]\(\0\)", r"\1", linked)


def rule_page(rule: Rule) -> str:
    """The page of a rule as the site shows it: what is judged, the prose, the examples with what is said of them."""
    head = rule.head
    expected = "; ".join(f"`{name}`: {wanted(each.given(), worded)}" for name, each in head.expectations)
    rows = [
        ("Rule", f"`{rule.id}`"),
        ("Severity", head.severity),
        ("Kind", " or ".join(head.kinds)),
        ("Effect", " or ".join(head.effects)),
        ("Wants", expected),
        ("Help", head.help),
        ("Fix", "yes, where it can be proved: `--diff` shows it" if head.fix else "none"),
        ("Since", head.since),
    ]
    title, _, prose = rule.body.strip().partition("\n")
    lines = [title, "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in rows if value]
    for part in pieces(prose):
        if isinstance(part, str):
            lines += ["", _relinked(part, f"rules/{rule.id}.md", f"rules/{rule.id}.md"), ""]
            continue
        label = LABELS.get(part.kind, "example")
        lines += ["", f'!!! {label} "{TITLES.get(part.kind, "Example")}"', "", f"    ```{part.language or 'text'}"]
        lines += [f"    {line}".rstrip() for line in part.code.rstrip("\n").split("\n")] + ["    ```", ""]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _row(rule: Rule) -> str:
    cells = (f"[`{rule.id}`]({rule.id}.md)", _cell(rule.title), " or ".join(rule.head.kinds), rule.head.severity)
    return f"| {' | '.join(cells)} |"


def table(rules: list[Rule]) -> str:
    lines = ["# Rules", "", "One Markdown file each; `nl2sql-review rule lora/rank` prints the same page."]
    for section in SECTIONS:
        found = [rule for rule in rules if rule.section == section]
        if found:
            lines += ["", f"## {section}", "", "| rule | | kind | severity |", "|---|---|---|---|"]
            lines += [_row(rule) for rule in found]
    return "\n".join(lines) + "\n"


def gallery() -> str:
    """Real reviews of scripts of this project, as a terminal shows them."""
    lines = ["# Gallery", "", "What the program prints for scripts of this project, made when this page was built."]
    for path, title in GALLERY.items():
        report = batch.review([str(ROOT / path)], Options(isolated=True))
        shown = render("text", report, View()).replace(f"{ROOT}/", "")
        lines += ["", f"## {title}", "", f"`nl2sql-review {path}`", "", "```text", shown.rstrip("\n"), "```"]
    return "\n".join(lines) + "\n"
