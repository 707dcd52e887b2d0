"""The plan for people: every fact by section with its value and where it comes from, the prompt, the calls in order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from io import StringIO
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .plan_json import Facts, PlanCall, PlanReport, PlanSections, PlanStep, PlanValue
from .terminal import UNICODE, Terminal, escape

TITLES = {
    "lora": "model and adapter",
    "prompt": "prompt",
    "dataset": "datasets and weights",
    "arguments": "trainer arguments",
    "memory": "memory",
    "checkpointing": "checkpoints and resume",
    "project": "paths and tracking",
    "api": "interfaces",
}
STYLES = {"default": "yellow", "either": "yellow", "term": "cyan", "unknown": "red"}
STEPS = 4  # of a trace that are shown: the origin and the last ones
TELLING = 48  # characters of code or remark that help a reader more than the row alone
# Facts of which one asks who says so.
STATED = ("versions", "processes", "gpu")
# Facts that name a problem: without one they are not worth a line.
PROBLEMS = re.compile(r"(missing|unmatched|misaligned|misplaced|late|bare|unimported|untracked)_|\w+_conflict$")


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
        console.print(head.append("  (on the right: the lines a value comes from, origin first)", "not bold dim"))
        for section in _sections(plan, path, terminal):
            console.print(section)
    if report.calls:
        console.print(Text("\ncalls, in the order they run", "bold blue"))
        for call in report.calls:
            console.print(_call(call, path, terminal))
    return "".join(line.rstrip() + "\n" for line in written.getvalue().splitlines())


def _sections(plan: PlanSections, path: str, terminal: Terminal) -> Iterator[RenderableType]:
    for field in fields(plan):
        facts: Facts = getattr(plan, field.name)
        said = {name: value for name, value in facts.items() if _is_worth_a_line(name, value)}
        if said:
            yield Text(f"\n{TITLES[field.name]}", "bold blue")
            yield _table(said, path, max(map(len, said)), terminal)
            if field.name == "prompt" and said.get("text"):
                yield from (_prompt(parts, terminal) for parts in _texts(said["text"]))


def _texts(value: PlanValue) -> list[list[dict[str, Any]]]:
    """The training text, or each of the texts it may be."""
    if value.kind == "text":
        return [value.value]
    options = value.value if value.kind == "either" else []
    return [option["value"] for option in options if isinstance(option, dict) and option.get("kind") == "text"]


def _is_worth_a_line(name: str, value: PlanValue) -> bool:
    return value.kind != "absent" and not (PROBLEMS.match(name) and value.kind == "known" and not value.value)


def _table(values: Facts, path: str, names: int, terminal: Terminal) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False, expand=False)
    table.add_column(min_width=names + 2, no_wrap=True)
    table.add_column(ratio=3, overflow="fold")
    table.add_column(ratio=2, overflow="fold", style="dim")
    for name, value in values.items():
        shown = _value(value)
        if name in STATED and value.kind == "known" and value.reason:
            shown.append(f" ({escape(value.reason)})", "dim")
        table.add_row(Text(f"  {name}"), shown, Text(_came(value, path, terminal)))
    return table


def _value(value: PlanValue) -> Text:
    style = STYLES.get(value.kind, "")
    if value.kind == "unknown":
        return Text(f"unknown: {escape(value.reason)}", style)
    if value.kind == "either":
        text = Text(" or ".join(_option(o) for o in value.value), style)
        return text.append(f" ({escape(value.reason)})", "dim") if value.reason else text
    if value.kind == "text":
        return Text(_measure(value.value))
    if value.kind == "term":
        return Text(escape(_shortened(value.value, 90)), style)
    text = Text(escape(_literal(value.value)), style)
    if value.kind == "default" and value.reason:
        text.append(f" ({escape(value.reason)})", "dim")
    return text


def _measure(parts: list[dict[str, Any]]) -> str:
    return f"{sum('hole' in part for part in parts)} holes, {sum(len(p.get('text', '')) for p in parts)} characters"


def _option(option: object) -> str:
    if isinstance(option, dict) and option.get("kind") == "text":
        return _measure(option["value"])
    if isinstance(option, dict) and "kind" in option:
        return escape(f"unknown ({option['value']})" if option["kind"] == "unknown" else str(option["value"]))
    return escape(_literal(option))


def _literal(value: object) -> str:
    """As a reader of Python would write it, short."""
    if isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, list):
        text = f"[{', '.join(map(_literal, value))}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join(f'{key}: {_literal(item)}' for key, item in value.items())}}}"
    else:
        text = repr(value)
    return _shortened(text, 300)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _came(value: PlanValue, path: str, terminal: Terminal) -> str:
    """`8 RANK → 31`, origin first: rows of this file are numbers alone, those of others have their path.

    The code of a place is left out where it only repeats the value or is too long to help.
    """
    literal = "" if value.kind in ("text", "either") or value.value is None else _literal(value.value)
    places: dict[str, str] = {}
    for step in value.trace:
        text = " ".join(step.text.split())
        text = "library default" if text.startswith("library default") else text
        where = _where(step, path)
        if where not in places or not places[where]:
            telling = text and len(text) <= TELLING and not (literal and literal in text)
            places[where] = f"{where} {escape(text)}" if telling else ""
    shown = [text or where for where, text in places.items()]
    if len(shown) > STEPS:
        shown = [shown[0], terminal.glyphs.ellipsis, *shown[2 - STEPS :]]
    return f" {terminal.glyphs.arrow} ".join(shown)


def _where(step: PlanStep | PlanCall, path: str) -> str:
    cell = f"cell {step.cell}:" if step.cell is not None else ""
    return f"{cell}{step.row}" if step.path == path else f"{escape(step.path)}:{cell}{step.row}"


def _prompt(parts: list[dict[str, Any]], terminal: Terminal) -> RenderableType:
    """The training text as it will look, holes in braces."""
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
    head = Text(f"  {_where(call, path)}: {escape(call.callee)}", "bold" if call.certain else "")
    if not call.certain:
        head.append("  only on a branch", "dim")
    if not call.arguments:
        return head
    arguments = {f"  {name}": value for name, value in call.arguments.items()}
    return Group(head, _table(arguments, path, max(map(len, arguments)), terminal))
