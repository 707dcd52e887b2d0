"""Memory of a run for people: its parts as a bar, whether it fits the card, and what would save memory."""

from __future__ import annotations

from collections.abc import Iterator

from ..gpu_memory.advice import Cell, Lever, gib
from ..gpu_memory.estimate import Part
from ..gpu_memory.summary import MemoryReport, Run, Summary
from .terminal import UNICODE, Terminal, escape, wrap

COLORS = {
    "fits": "green",
    "may run out": "yellow",
    "likely runs out": "red",
    "cannot fit": "red",
    "no verdict": "yellow",
}

KEPT = (
    "with rows of very different lengths PyTorch may reserve more memory than the run needs; "
    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True keeps it close to the estimate"
)


def render(report: MemoryReport, terminal: Terminal) -> str:
    lines: list[str] = []
    for number, run in enumerate(report.runs, 1):
        which = f", trainer {number}" if len(report.runs) > 1 else ""
        if report.path:
            lines += [""] if lines else []
            lines.append(terminal.paint(f"{escape(report.path)}{which}", "bold"))
        lines += _run(run, terminal) if run.run else _reason(run, terminal)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _reason(summary: Summary, terminal: Terminal) -> Iterator[str]:
    yield from _wrapped(f"no estimate: {escape(summary.reason)}", terminal)
    if summary.weights is not None:
        yield from _wrapped(f"its weights alone take at least {gib(summary.weights)} GiB", terminal)
    if summary.card is not None:
        yield _verdict(summary, terminal)


def _run(summary: Summary, terminal: Terminal) -> Iterator[str]:
    run = summary.run
    assert run is not None and summary.gib is not None and summary.low is not None and summary.high is not None
    yield from _wrapped(_title(run, terminal), terminal)
    yield ""
    yield from _bars(summary, terminal)
    yield ""
    when = f"{'every batch is packed to' if run.packing else 'if a batch reaches'} {run.length} tokens"
    yield from _wrapped(
        f"{_about(terminal)} {gib(summary.gib)} GiB, between {gib(summary.low)} and {gib(summary.high)}, {when}",
        terminal,
    )
    if not run.packing and not run.stack.startswith("Unsloth"):  # whose joined rows leave next to nothing behind
        yield from _wrapped(KEPT, terminal)
    for words in run.assumed:
        yield from _wrapped(f"assumed: {words}", terminal)
    if summary.card is not None:
        yield _verdict(summary, terminal)
        most = summary.card.largest_batch
        yield from _wrapped(f"largest batch that fits the upper bound: {most or 'none'}", terminal)
    yield f"  smallest common GPU: {summary.smallest_card or 'none holds it'}"
    yield from _levers("what would save memory, each on its own", summary.levers, True, terminal)
    yield from _levers("what already saves memory, each on its own", summary.in_use, False, terminal)
    yield ""
    yield from _table(summary, terminal)


def _levers(title: str, levers: tuple[Lever, ...], leaves: bool, terminal: Terminal) -> Iterator[str]:
    if not levers:
        return
    yield ""
    yield terminal.paint(title, "bold")
    width = min(max(len(lever.change) for lever in levers), max(terminal.columns - 34, 20))
    for lever in levers:
        change = lever.change if len(lever.change) <= width else lever.change[: width - 1] + terminal.glyphs.ellipsis
        left = f", leaves {gib(lever.gib):>4}" if leaves else ""
        yield f"  {escape(change):{width}}  saves {gib(lever.saves):>4}{left} GiB"


def _about(terminal: Terminal) -> str:
    return "≈" if terminal.glyphs is UNICODE else "about"


def _title(run: Run, terminal: Terminal) -> str:
    times = "×" if terminal.glyphs is UNICODE else "x"
    trained = (
        f"LoRA r={run.rank} on {len(run.targets)} kinds of layer ({_count(run.adapter_parameters)})"
        if run.rank
        else "all weights trained"
    )
    return (
        f"{escape(run.model)} ({_count(run.parameters)}), {run.bits}-bit, {trained}, "
        f"batch {run.batch} {times} {run.length} tokens, {run.stack}"
    )


def _count(parameters: int) -> str:
    return f"{parameters / 1e9:.1f}B" if parameters >= 1e9 else f"{parameters / 1e6:.0f}M"


def _bars(summary: Summary, terminal: Terminal) -> Iterator[str]:
    """Yield a waterfall chart: each part starts at the end of the one before; below it the bounds and the card."""
    full, held, edge = ("█", "▒", "│") if terminal.glyphs is UNICODE else ("#", "=", "|")
    names = max(len(part.name) for part in summary.parts)
    card = summary.card.gib if summary.card else 0.0
    most = max(summary.high or 0, min(card, 2 * (summary.high or 0)), 0.1)
    room = terminal.columns - names - 11
    columns = max(
        min(_columns(summary.parts, room, most), room - len(summary.card.name if summary.card else "") - 2), 10
    )
    scale = columns / most
    start = 0.0
    for part in summary.parts:
        a, b = round(start * scale), round((start + part.gib) * scale)
        bar = " " * a + (full if part.held else held) * max(b - a, 1)
        yield (
            f"  {part.name:{names}} {gib(part.gib):>6}  "
            f"{terminal.paint(bar[:columns], 'blue' if part.held else 'cyan')}{_about_part(part, bar, room)}"
        )
        start += part.gib
    low, high = round((summary.low or 0) * scale), round((summary.high or 0) * scale)
    line = [" "] * (columns + 1)
    line[low : high + 1] = ["-"] * (high + 1 - low)
    if card and round(card * scale) <= columns:
        line[round(card * scale)] = edge
    legend = f"  {'bounds':{names}} {'':>6}  {''.join(line)}"
    yield legend.rstrip() + (f" {summary.card.name}" if summary.card and round(card * scale) <= columns else "")


def _columns(parts: tuple[Part, ...], room: int, most: float) -> int:
    """Return how wide `most` GiB can be drawn, so that every part's bar and the words after it fit into `room`."""
    fitting, end = 60, 0.0
    for part in parts:
        end += part.gib
        if part.about and end:
            fitting = min(fitting, int((room - len(part.about) - 2) * most / end))
    return fitting


def _about_part(part: Part, bar: str, room: int) -> str:
    text = f" {part.about}" if part.about else ""
    return escape(text) if len(bar) + len(text) <= room else ""


def _verdict(summary: Summary, terminal: Terminal) -> str:
    card = summary.card
    assert card is not None
    return f"  {card.name}, {card.gib:.3g} GiB usable: {terminal.paint(card.verdict, COLORS[card.verdict])}"


def _table(summary: Summary, terminal: Terminal) -> Iterator[str]:
    """Yield a table of upper bounds by batch and length; values that do not certainly fit the card are marked."""
    rows = summary.table
    title = "upper bound in GiB by length (down) and batch (across)"
    if summary.card:
        title += f"; ? may run out, ! likely does on {summary.card.name}"
    yield from (terminal.paint(line, "bold") for line in wrap(title, terminal.columns))
    yield "  " + " " * 7 + "".join(f"{cell.batch:>7}" for cell in rows[0])
    for row in rows:
        yield f"  {row[0].length:>7}" + "".join(_cell(cell, terminal) for cell in row)


def _cell(cell: Cell, terminal: Terminal) -> str:
    mark = {"fits": " ", "may run out": "?", None: " "}.get(cell.verdict, "!")
    text = f"{gib(cell.high) + mark:>7}"
    return terminal.paint(text, COLORS[cell.verdict]) if cell.verdict else text


def _wrapped(text: str, terminal: Terminal) -> Iterator[str]:
    return (f"  {line}" for line in wrap(text, terminal.columns - 2))
