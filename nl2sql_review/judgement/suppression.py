"""`# nl2sql: ignore[…]` comments: which findings they silence, and which comments silence nothing or say nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..files.typed_data import did_you_mean
from ..policy.rulebook import Rulebook
from ..policy.settings import Settings, selected
from ..report.report import Finding, Location

if TYPE_CHECKING:
    from ..source import Source, Suppression


def suppress(findings: list[Finding], source: Source, book: Rulebook, settings: Settings) -> list[Finding]:
    """The findings, the silenced ones marked with the reason given, and notices about the comments themselves."""
    used: set[tuple[int, str]] = set()  # (comment, the name in it that matched)
    marked = [_marked(finding, source, used) for finding in findings]
    return marked + [n for n in _notices(source, book, used) if selected(n.rule, settings)]


def _marked(finding: Finding, source: Source, used: set[tuple[int, str]]) -> Finding:
    reason = None
    for number, comment in enumerate(source.suppressions):
        if not _covers(comment, finding.location, source.path):
            continue
        for name in _matching(comment.rules, finding):
            used.add((number, name))
            reason = reason or comment.reason
    return finding if reason is None else replace(finding, suppressed=reason, suppressed_by="comment")


def _covers(comment: Suppression, at: Location, path: str) -> bool:
    if comment.file_level:
        return True
    return at.path == path and at.cell == comment.cell and comment.first_row <= at.row <= comment.last_row


def _matching(names: tuple[str, ...], finding: Finding) -> list[str]:
    """Those of a comment's names that mean the finding: by id or section, its own or of a rule merged into it."""
    if not names:
        return [""]
    ids = (finding.rule, *finding.related)
    meant = {*ids, *(id.partition("/")[0] for id in ids)}
    return [name for name in names if name in meant]


def _notices(source: Source, book: Rulebook, used: set[tuple[int, str]]) -> list[Finding]:
    known = book.names()
    active = {name for rule in book.active for name in (rule.id, rule.section)}
    everything = len(book.active) + len(book.on_rows) == len(book.rules)
    made = []
    for number, comment in enumerate(source.suppressions):
        for name in comment.rules or ("",):
            if name and name not in known:
                text = f"there is no rule or section {name}{did_you_mean(name, known)}"
                made.append(_notice("suppression/unknown", text, _place(comment, source)))
            elif (number, name) not in used and (name in active or not name and everything):
                text = f"nothing is silenced here: {name} finds nothing" if name else "nothing is silenced here"
                made.append(_notice("suppression/unused", text, _place(comment, source)))
    for error in source.suppression_errors:
        at = error.span
        place = Location(source.path, at.row, at.column, at.end_row, at.end_column, at.cell)
        made.append(_notice("suppression/malformed", error.message, place))
    return made


def _place(comment: Suppression, source: Source) -> Location:
    end = len(source.line(comment.row, comment.cell)) + 1
    return Location(source.path, comment.row, comment.column, comment.row, max(end, comment.column + 1), comment.cell)


def _notice(rule: str, message: str, at: Location) -> Finding:
    what = "mend the comment" if rule == "suppression/malformed" else "remove the comment, or the name from it"
    return Finding(rule, "warning", "style", "certain", message, None, at, help=what)
