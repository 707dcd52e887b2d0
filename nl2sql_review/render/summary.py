"""First line of a report, a summary, and the last lines: files that were not reviewed, and the counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..report.report import EFFECTS, FileReport, Finding, Report
from .terminal import PLAIN, Terminal, escape, wrap
from .view import View

SHOWN = 8  # names of skipped files; the rest is counted


TRAPS = {
    "stops": ("stops the run", "stop the run"),
    "silent": ("trains something else", "train something else"),
    "cost": ("costs time or memory", "cost time or memory"),
    "style": ("trap of another kind", "traps of other kinds"),
}


def worst_first(report: Report) -> list[FileReport]:
    """Return the files that were not skipped, those first that stop the run or train something else."""
    return sorted((file for file in report.files if file.status != "skipped"), key=_rank)


def _rank(file: FileReport) -> int:
    return min((harm(f) for f in file.findings if f.suppressed is None), default=len(EFFECTS) + 1)


def harm(finding: Finding) -> int:
    """Return a number to sort by: 0 for what stops the run, more for traps of less effect, most for policy."""
    return EFFECTS.index(finding.effect) if finding.kind == "trap" else len(EFFECTS)


def lead(files: Sequence[FileReport], view: View) -> Iterator[str]:
    """Yield `1 stops the run, 3 train something else, 14 departures from policy nl2sql, 2 unknown`, for all files."""
    found = [f for file in files for f in file.findings if f.suppressed is None]
    parts = []
    for effect in EFFECTS:
        number = sum(f.kind == "trap" and f.effect == effect for f in found)
        if number:
            parts.append((count(number, *TRAPS[effect]), "error" if effect in ("stops", "silent") else "warning"))
    policy = sum(f.kind == "policy" for f in found)
    if policy:
        parts.append((count(policy, "departure", "departures") + f" from policy {view.policy}", "advice"))
    unknown = sum(item.verdict == "unknown" for file in files for item in file.checklist)
    if unknown:
        parts.append((f"{unknown} unknown", "yellow"))
    name = files[0].path if len(files) == 1 else count(len(files), "file", "files")
    nothing = "nothing found" if any(file.status != "error" for file in files) else "could not be reviewed"
    text = f"{escape(name)}: {', '.join(part for part, _ in parts) or nothing}"
    for line in wrap(text, view.terminal.columns):
        for part, style in parts:
            line = line.replace(part, view.terminal.paint(part, style))
        yield line


def closing(report: Report, terminal: Terminal) -> Iterator[str]:
    """Yield the files that were not training scripts, if there are any, and the last line with all the counts."""
    skipped = [file for file in report.files if file.status == "skipped"]
    if skipped:
        names = ", ".join(escape(file.path) for file in skipped[:SHOWN])
        more = f" and {len(skipped) - SHOWN} more" if len(skipped) > SHOWN else ""
        if len(skipped) == 1:
            reason = skipped[0].reason.removeprefix("not a training script: ")
            because = f" ({escape(reason)})" if reason else ""
            text = f"1 file was not a training script: {names}{because}"
        else:
            text = f"{len(skipped)} files were not training scripts: {names}{more}"
        for line in wrap(text, terminal.columns):
            yield terminal.paint(line, "dim")
    for line in wrap(removable(report), terminal.columns) if report.removable else ():
        yield terminal.paint(line, "green")
    yield from possible(report)
    plain = counts(report, PLAIN)
    yield from [counts(report, terminal)] if len(plain) <= terminal.columns else wrap(plain, terminal.columns)


def possible(report: Report) -> Iterator[str]:
    """Yield the number of findings that can be fixed, or may be fixable if no fix was tried."""
    findings = [f for file in report.files for f in file.findings if f.suppressed is None]
    fixes = [f.fix for f in findings if f.fix is not None]
    if fixes:
        safe = [fix.kind for fix in fixes if fix.applicability == "safe"]
        numbers = (
            ("--fix", safe.count("repair")),
            ("--fix-policy", safe.count("policy")),
            ("--unsafe-fixes", len(fixes) - len(safe)),
        )
        (option, first), *more = [(option, number) for option, number in numbers if number]
        yield ", ".join((f"[*] {first} fixable with {option}", *(f"{number} more with {o}" for o, number in more)))
    elif untried := sum(f.fixable for f in findings):
        yield f"{count(untried, 'finding', 'findings')} may be fixable: --diff --fix-policy shows the proved fixes"


def removable(report: Report) -> str:
    """Return a line that lists the baseline entries that are no longer found."""
    names = ", ".join(f"{entry.rule} in {escape(entry.path)}" for entry in report.removable[:SHOWN])
    more = f" and {len(report.removable) - SHOWN} more" if len(report.removable) > SHOWN else ""
    return f"fixed and can be removed from the baseline (nl2sql-review baseline write): {names}{more}"


def counts(report: Report, terminal: Terminal, of_data: bool = False) -> str:
    """Return `2 files reviewed: 3 errors, 1 warning; 2 items unknown`, without praise if something is undecided."""
    s = report.summary
    found = [
        terminal.paint(count(number, one, many), style)
        for number, one, many, style in (
            (s.errors, "error", "errors", "error"),
            (s.warnings, "warning", "warnings", "warning"),
            (s.advice, "suggestion", "suggestions", "advice"),
        )
        if number
    ]
    files = count(s.reviewed, "file", "files") + " reviewed"
    failed = sum(file.status == "error" for file in report.files)
    if failed:
        files += f", {failed} could not be"
    parts = [", ".join(found) or "no findings"]
    parts.append(
        terminal.paint(count(s.unknown, "item", "items") + " unknown", "yellow") if s.unknown else "no item unknown"
    )
    if s.suppressed:
        parts.append(f"{s.suppressed} suppressed")
    if report.internal_errors:
        faults = count(len(report.internal_errors), "internal error", "internal errors")
        parts.append(terminal.paint(faults, "error"))
    elif not s.reviewed and not found:
        nothing = "no data file was checked" if of_data else "nothing was reviewed: no training script found"
        return terminal.paint(nothing, "warning")
    return f"{files}: {'; '.join(parts)}"


def count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
