"""Training plan as tables and GPU memory as bars, for the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from ...gpu_memory.advice import gib
from ...gpu_memory.summary import MemoryReport, Summary
from ..escaping import html_text as text
from ..plan_json import Facts, PlanReport, PlanSections, PlanValue
from ..plan_words import TITLES, came, is_worth_a_line, said, texts


def plan(report: PlanReport, path: str) -> Iterator[str]:
    yield "<details><summary>Plan: what the script trains with</summary>"
    for number, each in enumerate((report.plan, *report.more_plans), 1):
        if report.more_plans:
            yield f"<h3>Trainer {number}</h3>"
        yield from _sections(each, path)
    yield "</details>"


def _sections(plan: PlanSections, path: str) -> Iterator[str]:
    yield "<table>"
    for field in fields(plan):
        facts: Facts = getattr(plan, field.name)
        shown = {name: value for name, value in facts.items() if is_worth_a_line(name, value)}
        if shown:
            yield f'<tbody><tr><th colspan="3" scope="rowgroup">{text(TITLES[field.name])}</th></tr>'
            for name, value in shown.items():
                yield (
                    f'<tr><th scope="row">{text(name)}</th><td class="value">{text(said(value))}</td>'
                    f'<td class="quiet">{text(came(value, path))}</td></tr>'
                )
            yield "</tbody>"
    yield "</table>"
    for parts in texts(plan.prompt.get("text", PlanValue("absent"))):
        written = "".join(part["text"] if "text" in part else "{" + part["hole"] + "}" for part in parts)
        prompt = "\n".join(map(text, written.split("\n")))
        yield f"<pre>{prompt}</pre>"


def memory(report: MemoryReport) -> Iterator[str]:
    for run in report.runs:
        yield from _run(run)


def _run(summary: Summary) -> Iterator[str]:
    if summary.run is None or summary.gib is None or summary.low is None or summary.high is None:
        yield f'<p class="quiet">No estimate of the GPU memory: {text(summary.reason)}</p>'
        return
    run = summary.run
    yield (
        f"<details><summary>GPU memory: about {gib(summary.gib)} GiB, between {gib(summary.low)} and "
        f"{gib(summary.high)}, at {run.length} tokens a row</summary>"
    )
    said = f"{run.model}, {run.bits}-bit, batch {run.batch} × {run.length} tokens, {run.stack}"
    yield f'<p class="quiet">{text(said)}</p><table>'
    scale = 100 / max(sum(part.gib for part in summary.parts), 0.01)
    start = 0.0
    for part in summary.parts:
        kind = "held" if part.held else "transient"
        bar = f'<i class="{kind}" style="left:{start * scale:.2f}%;width:{max(part.gib * scale, 0.5):.2f}%"></i>'
        yield (
            f'<tr><th scope="row">{text(part.name)}</th><td class="number">{gib(part.gib)} GiB</td>'
            f'<td><div class="bar">{bar}</div></td></tr>'
        )
        start += part.gib
    yield "</table>"
    if summary.card is not None:
        yield f"<p>{text(summary.card.name)}, {summary.card.gib:.3g} GiB usable: {text(summary.card.verdict)}</p>"
    yield f"<p>Smallest common GPU: {text(summary.smallest_card or 'none holds it')}</p></details>"
