"""Differences between two runs as one self-contained page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from ...report.plan_diff import Difference, PlanDiff
from ..escaping import html_text as text
from ..plan_diff_text import WORDS, by_section, headline, origins
from . import POLICY, style

MARKS = {"certain": "✘", "may": "?", "note": "–"}
SIGNS = {"+": "added", "-": "removed"}


def render(diff: PlanDiff) -> str:
    """Return the page; all content of a file is shown as text."""
    return "\n".join(_page(diff)) + "\n"


def _page(diff: PlanDiff) -> Iterator[str]:
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>nl2sql-review diff</title>'
    yield f"<style>\n{style()}</style></head><body>"
    yield f"<header><h1>{text(diff.before)} → {text(diff.after)}</h1>"
    yield f'<p class="lead">{text(headline(diff))}</p></header><main>'
    sections: Iterable[tuple[str, Iterable[Difference]]] = by_section(diff)
    follows = [("what follows", diff.consequences)] if diff.consequences else []
    for title, found in chain(sections, follows):
        yield from _table(title, found)
    if diff.verdicts:
        yield "<h2>checklist</h2><table><tbody>"
        for one in diff.verdicts:
            change = f"{WORDS[one.before]} → {WORDS[one.after]}"
            evidence = text(one.evidence) if one.after != "pass" else ""
            yield f"<tr><td><code>{text(one.rule)}</code></td><td>{text(change)}</td>"
            yield f'<td class="quiet">{evidence}</td></tr>'
        yield "</tbody></table>"
    if diff.prompt:
        yield "<h2>training text</h2><pre>"
        yield "\n".join(f'<span class="{SIGNS.get(line[:1], "")}">{text(line)}</span>' for line in diff.prompt)
        yield "</pre>"
    if diff.remarks:
        yield "<ul>"
        for remark in diff.remarks:
            where = f' <span class="quiet">{text(remark.origin)}</span>' if remark.origin else ""
            yield f"<li>{MARKS[remark.weight]} {text(remark.text)}{where}</li>"
        yield "</ul>"
    yield "</main></body></html>"


def _table(title: str, found: Iterable[Difference]) -> Iterator[str]:
    yield f"<h2>{text(title)}</h2><table><tbody>"
    for one in found:
        more = "; ".join(filter(None, (origins(one), one.note)))
        yield f"<tr><td>{text(one.name)}</td><td><code>{text(one.before.text)}</code> → "
        yield f'<code>{text(one.after.text)}</code></td><td class="quiet">{text(more)}</td></tr>'
    yield "</tbody></table>"
