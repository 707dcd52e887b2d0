"""Plan for people: every fact by section with its value and origin, the prompt, the calls in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from io import StringIO
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .plan_json import Facts, PlanCall, PlanReport, PlanSections, PlanValue
from .plan_words import STATED, TITLES, came, is_worth_a_line, place, said, texts
from .terminal import UNICODE, Terminal, escape

STYLES = {"default": "yellow", "either": "yellow", "term": "cyan", "unknown": "red"}
MOST_CALLS = 200  # of a script that makes more, the first are shown
SIDE_BY_SIDE = 100  # columns from which a value and the places it comes from stand beside each other


def render(report: PlanReport, path: str, terminal: Terminal) -> str:
    written = StringIO()
    console = Console(
        file=written,
        width=terminal.columns,
        color_system="standard" if terminal.color else None,
        force_terminal=terminal.color,
        no_color=not terminal.color,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for number, plan in enumerate((report.plan, *report.more_plans), 1):
        which = f", trainer {number}" if report.more_plans and len(set(report.runs)) < 2 else ""
        which += f", as {escape(report.runs[number - 1])}" if report.runs else ""
        head = Text(f"{escape(path)}{which}", "bold")
        console.print(head.append(_legend(terminal), "not bold dim"))
        for section in _sections(plan, path, terminal):
            console.print(section)
    if report.calls:
        console.print(Text("\ncalls, in the order they run", "bold blue"))
        for call in report.calls[:MOST_CALLS]:
            console.print(_call(call, path, terminal))
        if (more := len(report.calls) - MOST_CALLS) > 0:
            console.print(Text(f"  and {more} more: see --output-format json"))
    return "".join(line.rstrip() + "\n" for line in written.getvalue().splitlines())


def _legend(terminal: Terminal) -> str:
    where = "on the right" if terminal.columns >= SIDE_BY_SIDE else "in brackets"
    return f"  ({where}: the lines a value comes from, origin first)"


def _sections(plan: PlanSections, path: str, terminal: Terminal) -> Iterator[RenderableType]:
    for field in fields(plan):
        facts: Facts = getattr(plan, field.name)
        shown = {name: value for name, value in facts.items() if is_worth_a_line(name, value)}
        if shown:
            yield Text(f"\n{TITLES[field.name]}", "bold blue")
            yield _table(shown, path, max(map(len, shown)), terminal)
            if field.name == "prompt" and shown.get("text"):
                yield from (_prompt(parts, terminal) for parts in texts(shown["text"]))


def _table(values: Facts, path: str, names: int, terminal: Terminal) -> Table:
    beside = terminal.columns >= SIDE_BY_SIDE
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False, expand=False)
    table.add_column(min_width=names + 2, no_wrap=True)
    table.add_column(ratio=3, overflow="fold")
    if beside:
        table.add_column(ratio=2, overflow="fold", style="dim")
    for name, value in values.items():
        shown = _value(value)
        if name in STATED and value.kind == "known" and value.reason:
            shown.append(f" ({escape(value.reason)})", "dim")
        origin = came(value, path, terminal.glyphs)
        if beside:
            table.add_row(Text(f"  {name}"), shown, Text(origin))
        else:
            table.add_row(Text(f"  {name}"), shown.append(f"  [{origin}]", "dim") if origin else shown)
    return table


def _value(value: PlanValue) -> Text:
    text = Text(said(value), STYLES.get(value.kind, ""))
    if value.kind in ("default", "either") and value.reason:
        text.append(f" ({escape(value.reason)})", "dim")
    return text


def _prompt(parts: list[dict[str, Any]], terminal: Terminal) -> RenderableType:
    """Return the training text as it will look, with braces around values that are filled in."""
    text = Text()
    for part in parts:
        if "text" in part:
            for index, line in enumerate(part["text"].split("\n")):
                text.append(("\n" if index else "") + escape(line))
        else:
            text.append("{" + escape(part["hole"]) + "}", "cyan")
    bar = "│" if terminal.glyphs is UNICODE else "|"
    grid = Table(box=None, show_header=False, padding=(0, 0), pad_edge=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for line in text.split("\n", allow_blank=True):
        grid.add_row(f"  {bar} ", line)
    return Group(Text(""), Padding(grid, (0, 0, 0, 2)))


def _call(call: PlanCall, path: str, terminal: Terminal) -> RenderableType:
    head = Text(f"  {place(call, path)}: {escape(call.callee)}", "bold" if call.certain else "")
    if not call.certain:
        head.append("  only on one branch", "dim")
    if not call.arguments:
        return head
    arguments = {f"  {escape(name)}": value for name, value in call.arguments.items()}
    return Group(head, _table(arguments, path, max(map(len, arguments)), terminal))
