"""`# nl2sql: ignore[…]` comments: the findings they silence, and notices about unused and malformed ones.

A comment may name the value that it accepts, `ignore[lora/rank=32]`: any other value is a finding again.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from ..files.typed_data import Suggestions
from ..policy.active_rules import selected
from ..policy.expectations import spelled
from ..policy.rulebook import Rulebook
from ..policy.settings import Settings
from ..report.report import FileReport, Finding, Location
from . import requests
from .requests import Requests, Suppression

if TYPE_CHECKING:
    from ..source import Source


def suppress(findings: list[Finding], source: Source, book: Rulebook, settings: Settings) -> list[Finding]:
    """Return the findings, with silenced ones marked with the reason, and notices about the comments themselves."""
    if settings.ignore_suppressions:
        return findings
    asked = requests.read(source)
    used: set[tuple[int, str]] = set()  # (comment, the name in it that matched)
    covering = _Covering(asked.suppressions, findings, source.path)
    marked = [_marked(finding, covering.of(finding.location), used) for finding in findings]
    return marked + [n for n in _notices(asked, source, book, used) if selected(n.rule, settings)]


class _Covering:
    """Which comments cover a finding. Each is looked up for the rows that have findings, and not for each finding."""

    def __init__(self, comments: list[Suppression], findings: list[Finding], path: str) -> None:
        self._path = path
        self._everywhere: list[tuple[int, Suppression]] = []
        self._at: dict[tuple[int | None, int], list[tuple[int, Suppression]]] = {}
        rows: dict[int | None, list[int]] = {}
        for cell, row in sorted({(f.location.cell or 0, f.location.row) for f in findings if f.location.path == path}):
            rows.setdefault(cell, []).append(row)
        for numbered in enumerate(comments):
            comment = numbered[1]
            if comment.file_level:
                self._everywhere.append(numbered)
                continue
            cell = comment.cell or 0
            of_cell = rows.get(cell, [])
            for place in range(bisect_left(of_cell, comment.first_row), bisect_right(of_cell, comment.last_row)):
                self._at.setdefault((cell, of_cell[place]), []).append(numbered)

    def of(self, at: Location) -> list[tuple[int, Suppression]]:
        """Return the comments that cover a place, with their numbers, in order."""
        here = self._at.get((at.cell or 0, at.row), []) if at.path == self._path else []
        return sorted([*self._everywhere, *here], key=lambda one: one[0]) if here else self._everywhere


def _marked(finding: Finding, covering: list[tuple[int, Suppression]], used: set[tuple[int, str]]) -> Finding:
    reason = None
    other = ""
    for number, comment in covering:
        for name in _matching(comment.rules, finding):
            value = name.partition("=")[2]
            if value and not is_value(finding.value, value):
                other = value
                continue
            used.add((number, name))
            reason = reason or comment.reason
    if reason is not None:
        return replace(finding, suppressed=reason, suppressed_by="comment")
    return accepted_was(finding, other) if other else finding


def _matching(names: tuple[str, ...], finding: Finding) -> list[str]:
    """Return a comment's names that match the finding: the id or section of its rule or of a rule merged into it."""
    if not names:
        return [""]
    ids = (finding.rule, *finding.related)
    meant = {*ids, *(id.partition("/")[0] for id in ids)}
    return [name for name in names if name.partition("=")[0] in meant]


def value_word(value: object) -> str:
    """Return a value as a comment writes it, in one word, or "" if it takes more than one."""
    if isinstance(value, bool):
        return str(value).lower()
    word = str(value) if isinstance(value, str) else spelled(value) if isinstance(value, (int, float)) else ""
    return word if re.fullmatch(r"[\w.+/-]{1,60}", word) else ""


def is_value(value: object, word: str) -> bool:
    """Return whether a comment's word names a value: `2e-4`, `0.0002`, `true`, `True`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(word) == value
        except ValueError:
            return False
    said = value_word(value)
    return bool(said) and (word == said or isinstance(value, bool) and word.lower() == said)


def accepted_was(finding: Finding, old: str) -> Finding:
    """Return the finding with the accepted value and the current one added to its message."""
    argument = re.match(r"[\w.]+=", finding.message)
    name = argument[0] if argument is not None else ""
    now = finding.value if isinstance(finding.value, str) and name == "" else spelled(finding.value)
    return replace(finding, message=f"{finding.message} (accepted was {name}{old}, now {name}{now})")


def with_accepted(file: FileReport) -> FileReport:
    """Return the report with each failed item marked if all its findings are accepted, by a comment or the baseline."""
    open_rules: set[str] = set()
    accepted: set[str] = set()
    for finding in file.findings:
        silenced = finding.suppressed is not None and finding.suppressed_by in ("comment", "baseline")
        (accepted if silenced else open_rules).update((finding.rule, *finding.related))
    rules = accepted - open_rules
    items = tuple(
        replace(item, accepted=item.verdict == "fail" and item.rule in rules) if item.rule in accepted else item
        for item in file.checklist
    )
    return replace(file, checklist=items)


def _notices(asked: Requests, source: Source, book: Rulebook, used: set[tuple[int, str]]) -> list[Finding]:
    known, suggestions = book.names(), Suggestions()
    active = {name for rule in book.active for name in (rule.id, rule.section)}
    everything = len(book.active) + len(book.on_rows) == len(book.rules)
    made = []
    for number, comment in enumerate(asked.suppressions):
        for name in comment.rules or ("",):
            rule = name.partition("=")[0]
            if rule and rule not in known:
                text = f"there is no rule or section {rule}{suggestions.of(rule, known)}"
                made.append(_notice("suppression/unknown", text, _place(comment, source)))
            elif (number, name) not in used and (rule in active or not name and everything):
                text = (
                    f"this comment suppresses nothing: {name} has no finding here"
                    if name
                    else "this comment suppresses nothing"
                )
                made.append(_notice("suppression/unused", text, _place(comment, source)))
    for error in asked.errors:
        at = error.span
        place = Location(source.path, at.row, at.column, at.end_row, at.end_column, at.cell)
        made.append(_notice("suppression/malformed", error.message, place))
    return made


def _place(comment: Suppression, source: Source) -> Location:
    end = len(source.line(comment.row, comment.cell)) + 1
    return Location(source.path, comment.row, comment.column, comment.row, max(end, comment.column + 1), comment.cell)


def _notice(rule: str, message: str, at: Location) -> Finding:
    what = (
        "correct the comment" if rule == "suppression/malformed" else "remove the comment, or the rule's name from it"
    )
    return Finding(rule, "warning", "style", "certain", message, None, at, help=what)
