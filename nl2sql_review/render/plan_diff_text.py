"""Differences between two runs, for people: one line per setting, with the origins of both values below it."""

from __future__ import annotations

from collections.abc import Iterator

from ..report.plan_diff import Difference, PlanDiff, Remark
from ..training_plan.facts import SECTIONS
from .plan_words import TITLES
from .terminal import Terminal, escape, wrap

WORDS = {"pass": "passes", "fail": "fails", "unknown": "unknown", "not-applicable": "does not apply"}
REMARKS = {"certain": ("failed", "red"), "may": ("unknown", "yellow"), "note": ("inapplicable", "dim")}


def render(diff: PlanDiff, terminal: Terminal) -> str:
    """Return the differences as text for people."""
    return "".join(f"{line}\n" for line in _lines(diff, terminal))


def headline(diff: PlanDiff) -> str:
    """Return the number of differences in words: `3 settings differ, 41 agree`."""
    count = len(diff.differences)
    differ = "no setting differs" if not count else f"{count} {'setting differs' if count == 1 else 'settings differ'}"
    return f"{differ}, {diff.equal} {'agrees' if diff.equal == 1 else 'agree'}"


def by_section(diff: PlanDiff) -> Iterator[tuple[str, list[Difference]]]:
    """Yield (title, differences) of every section that has any, in the order of the checklist."""
    for section in SECTIONS:
        found = [one for one in diff.differences if one.section == section]
        if found:
            yield TITLES[section], found


def _lines(diff: PlanDiff, terminal: Terminal) -> Iterator[str]:
    arrow = terminal.glyphs.arrow
    names = f"{escape(diff.before)} {arrow} {escape(diff.after)}"
    yield terminal.paint(names, "bold") + f": {headline(diff)}"
    for title, found in by_section(diff):
        yield ""
        yield terminal.paint(title, "place")
        yield from _settings(found, terminal)
    if diff.consequences:
        yield ""
        yield terminal.paint("what follows", "place")
        yield from _settings(diff.consequences, terminal)
    if diff.verdicts:
        yield ""
        yield terminal.paint("checklist", "place")
        width = max(len(one.rule) for one in diff.verdicts)
        for one in diff.verdicts:
            style = "red" if one.after == "fail" else "green" if one.after == "pass" else "yellow"
            change = f"{WORDS[one.before]} {arrow} {WORDS[one.after]}"
            yield f"  {one.rule:<{width}}  {terminal.paint(change, style)}"
    if diff.prompt:
        yield ""
        yield terminal.paint("training text", "place")
        for line in diff.prompt:
            style = {"+": "green", "-": "red"}.get(line[:1], "dim")
            yield "  " + terminal.paint(escape(line), style)
    if diff.remarks:
        yield ""
        for remark in diff.remarks:
            yield from _remark(remark, terminal)


def _settings(found: tuple[Difference, ...] | list[Difference], terminal: Terminal) -> Iterator[str]:
    arrow = terminal.glyphs.arrow
    width = max(len(escape(one.name)) for one in found)
    for one in found:
        before, after = escape(one.before.text), escape(one.after.text)
        yield f"  {escape(one.name):<{width}}  {terminal.paint(before, 'red')} {arrow} {terminal.paint(after, 'green')}"
        indent = " " * (width + 4)
        places = origins(one, arrow)
        for text in (places, one.note):
            for line in wrap(escape(text), terminal.columns - len(indent)) if text else ():
                yield indent + terminal.paint(line, "dim")


def origins(one: Difference, arrow: str = "→") -> str:
    """Return the origins of both values in words."""
    before, after = one.before.origin, one.after.origin
    if before and after:
        return before if before == after else f"{before} {arrow} {after}"
    return before or after


def _remark(remark: Remark, terminal: Terminal) -> Iterator[str]:
    glyph, style = REMARKS[remark.weight]
    mark = getattr(terminal.glyphs, glyph)
    text = escape(f"{remark.text} ({remark.origin})" if remark.origin else remark.text)
    first, *rest = wrap(text, terminal.columns - 2)
    yield terminal.paint(mark, style) + f" {first}"
    for line in rest:
        yield f"  {line}"
