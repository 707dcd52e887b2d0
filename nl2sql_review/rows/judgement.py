"""From the findings in data files to the report of a review: findings at rows, and the checklist of each file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..judgement import wording
from ..judgement.fingerprint import digest
from ..judgement.judge import ordered
from ..judgement.verdict import FactVerdict, overall, rule_on
from ..policy.rulebook import Rule
from ..report.report import ChecklistItem, FileReport, Finding, Location, Report, TraceStep
from ..training_plan.facts import Fact, Rows
from ..training_plan.feeds import Feed
from ..training_plan.values import Absent, Known, Place, Unknown
from .check import Checked, Result, Run
from .found import Defect, passes, reasons
from .spelling import option

if TYPE_CHECKING:
    from ..run.reviewer import Reviewer

EXAMPLES = 5  # rows named in a finding that stands for many
UNCOUNTED = "the model's tokenizer is not on this disk, or tokenizers is not installed"
OF_FILE = ("held_out_databases", "databases_on_both_sides", "passes")  # facts about a file, and not about its rows
WHY = {  # for which reasons a fact is not known
    "empty_parts": ("question", "sql", "filter"), "markup": ("question", "sql", "filter"),
    "foreign_markers": ("question", "sql", "schema", "filter"), "statements": ("sql", "filter"),
    "refused_sql": ("sql", "schema", "filter"), "broken_schemas": ("sql", "schema", "filter"),
    "lost_by_cut": ("schema", "sql", "filter"), "too_long": ("text", "question", "sql", "schema", "filter"),
    "duplicates": ("question", "sql"), "contradictions": ("question", "sql"), "held_out_rows": ("question", "sql"),
}  # fmt: skip


@dataclass(slots=True)
class Facts:
    """Facts of one data file, with the same interface as those of a plan."""

    rows: Rows

    def __getitem__(self, name: str) -> Fact:
        fact: Fact = getattr(self.rows, name.partition(".")[2])
        return fact


def report(result: Result, run: Run, rules: Sequence[Rule], every: bool, script: str, reviewer: Reviewer) -> Report:
    """Return the report on the data files that a run uses; `every`: one finding for each row."""
    from ..report.summary import summary

    wording.locate(place for one in result.checked for place in _places(one.feed))
    rates = _passes(result, run)
    files = [_file(one, rules, every, script, result, rates.get(id(one))) for one in result.checked]
    named = {file.path for file in files}
    files += [FileReport(name, "skipped", f"not checked: {why}") for name, why in result.missing if name not in named]
    files = [reviewer.counted(file) if file.status != "skipped" else file for file in files]
    return Report(files=tuple(files), summary=summary(files))


def _file(
    one: Checked, rules: Sequence[Rule], every: bool, script: str, result: Result, rate: tuple[float, str] | None
) -> FileReport:
    facts = Facts(_facts(one, result, rate))
    findings: list[Finding] = []
    checklist = []
    for rule in rules:
        judged = rule_on(rule.head, facts)  # type: ignore[arg-type]  # asked for as a plan is
        decision = overall([each.decision for each in judged])
        made = [finding for each in judged if each.decision.verdict == "fail"
                for finding in _findings(rule, each, one, every, rate)]  # fmt: skip
        findings += made
        evidence = "; ".join(_said(each, one, rate) for each in judged if each.decision.verdict in ("pass", "fail"))
        evidence = evidence if decision.verdict in ("pass", "fail") else ""
        checklist.append(
            ChecklistItem(
                rule.id, rule.section, rule.title, decision.verdict, decision.certainty, evidence, decision.reason
            )
        )
    also = any(other is not one and other.file == one.file for other in result.checked)
    path = f"{one.file.path} ({one.part or one.role})" if also and one.role != "train" else one.file.path
    return FileReport(path, "reviewed", "", tuple(_stamped(ordered(findings), script)), tuple(checklist))


# ── facts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _facts(one: Checked, result: Result, rate: tuple[float, str] | None) -> Rows:
    made = Rows()
    found = one.found
    for name in Rows.names():
        if found.count(name):
            notes = Counter(defect.note or "" for defect in found.defects.get(name, ()))
            setattr(made, name, Fact(Known(sorted(notes))))
        else:
            setattr(made, name, _without(name, one, result))
    if rate is not None:
        made.passes = Fact(Known(round(rate[0], 2)), note=rate[1])
    else:
        why = "the script does not mix the datasets by weights"
        made.passes = Fact(Absent(why), why_not=why)
    return made


def _without(name: str, one: Checked, result: Result) -> Fact:
    """Return a fact for which no defect was found: none, unknown, or not applicable."""
    found, program = one.found, one.program
    if not found.counts["rows"] and name != "unreadable":
        return _inapplicable("the file has no rows")
    if name in ("unreadable", "missing_columns"):
        return Fact(Known([]))
    if not program.texts:
        return Fact(Unknown(program.why or "it is unknown what part of a row becomes training text"))
    if name in ("held_out_rows", "held_out_databases"):
        if one.role != "train":
            return _inapplicable("it is the held-out set itself")
        if not any(other.role == "held out" for other in result.checked):
            return _inapplicable(f"no held-out file was checked: neither the script nor {option('held_out')} names one")
    if name == "databases_on_both_sides" and one.feed.split_by_row is None:
        return _inapplicable("the script does not hold out rows of this file")
    if name in ("refused_sql", "broken_schemas", "lost_by_cut"):
        if not any("sql" in piece.roles for pieces in one.feed.texts for piece in pieces):
            return Fact(Unknown("it is unknown which part of the text is the SQL"))
        if name == "lost_by_cut" and not _cut(one.feed):
            return _inapplicable("the script does not truncate the schema with a slice")
        if found.counts["without schema"] and not any(found.counts[f"sql {k}"] for k in ("accepted", "name", "syntax")):
            return Fact(Unknown(f"the rows have no readable schema; give one with {option('schemas')}"))
    if name == "too_long" and program.length is None:
        return Fact(Unknown("the sequence length is unknown"))
    if name == "too_long" and (number := found.counts["not counted"]):
        return Fact(Unknown(f"it is unknown whether {number:,} rows fit into {program.length:,} tokens: {UNCOUNTED}"))
    told = reasons(found.unknown.most_common(), WHY.get(name, ()))
    if told:
        return Fact(Unknown(told[0]))
    return Fact(Known([]))


def _inapplicable(why: str) -> Fact:
    return Fact(Absent(why), why_not=why)


def _cut(feed: Feed) -> bool:
    return any(piece.kind == "slice" and "schema" in piece.roles for pieces in feed.texts for piece in pieces)


def _passes(result: Result, run: Run) -> dict[int, tuple[float, str]]:
    """Return, for each file of a weighted mix, how often its dataset is read, and the numbers behind it."""
    feeds = run.feeding.train
    weights = [feed.weight for feed in feeds]
    if not feeds or any(weight is None for weight in weights):
        return {}
    of = [[one for one in result.checked if one.role == "train" and one.feed is feed] for feed in feeds]
    sizes = [sum(one.found.kept for one in files) for files in of]
    repeats = [feed.repeats for feed in feeds]
    rates = passes(sizes, [weight or 0.0 for weight in weights], run.feeding.stopping, run.epochs, repeats)
    made = {}
    for files, size, weight, rate in zip(of, sizes, weights, rates):
        for one in files:
            made[id(one)] = rate, f"weight {weight:g}, {size:,} rows, {run.feeding.stopping}, {run.epochs:g} epochs"
    return made


# ── findings ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _findings(
    rule: Rule, judged: FactVerdict, one: Checked, every: bool, rate: tuple[float, str] | None
) -> Iterator[Finding]:
    name = judged.name.partition(".")[2]
    if name == "passes":
        assert rate is not None
        words = wording.says(rule.head.says, judged.name, judged.fact.value)
        message = words.replace("{value}", f"{rate[0]:,.1f}").replace("{note}", rate[1])
        yield _finding(rule, one, Defect(0, message), name, value=round(rate[0], 2))
        return
    defects = one.found.defects.get(name, [])
    total = one.found.count(name)
    if every or total == 1 or name in OF_FILE:
        for defect in defects:
            yield _finding(rule, one, defect, name)
        return
    first = defects[0]
    rows = ", ".join(f"{row:,}" for row in list(dict.fromkeys(defect.row for defect in defects))[:EXAMPLES])
    each = option("every_row")
    more = f" and {total - EXAMPLES:,} more" if total > EXAMPLES else ""
    yield _finding(rule, one, first, name, f"{total:,} rows: {rows}{more} ({each} for each); row {first.row:,}: ")


def _finding(rule: Rule, one: Checked, defect: Defect, name: str, before: str = "", value: object = None) -> Finding:
    row = defect.row
    steps = tuple(_trace(one.feed, name, defect))
    return Finding(
        rule=rule.id,
        severity=rule.head.severity,
        effect=rule.head.effects[0],
        certainty="certain",
        message=f"{before}{defect.message}",
        value=value if value is not None else defect.note or None,
        location=Location(one.file.path, row, 1, row, 1),
        trace=steps,
        related=(defect.first,) if defect.first else (),
        help=rule.head.help,
        kind=wording.kind(rule.head, f"rows.{name}", Known(None)),
    )


def _stamped(findings: Iterable[Finding], script: str) -> Iterator[Finding]:
    from dataclasses import replace

    seen: Counter[str] = Counter()
    for finding in findings:
        path = os.path.basename(finding.location.path)
        same = digest(finding.rule, os.path.basename(script), path, str(finding.location.row))
        seen[same] += 1
        yield replace(finding, fingerprint=same if seen[same] == 1 else f"{same}-{seen[same]}")


ROLE_OF = {
    "statements": "sql", "refused_sql": "sql", "broken_schemas": "schema", "lost_by_cut": "schema",
    "contradictions": "sql", "duplicates": "question", "held_out_rows": "question",
}  # fmt: skip


def _trace(feed: Feed, name: str, defect: Defect) -> Iterator[TraceStep]:
    """Yield the line of the script that causes a defect."""
    place: Place | None = None
    if name == "missing_columns":
        place = next((at for _, column, at in feed.reads if column == defect.note), None)
    elif name in ("databases_on_both_sides",):
        place = feed.split_place
    elif name not in ("unreadable", "passes"):
        words = defect.message
        role = ROLE_OF.get(name) or next((role for role in ("question", "schema") if role in words), "sql")
        place = next((piece.place for pieces in feed.texts for piece in pieces if role in piece.roles), None)
    if place is None and name not in ("unreadable", "passes", "databases_on_both_sides"):
        place = feed.at
    place = place or feed.rows.place
    location = wording.where(place) if place is not None else None
    if place is not None and location is not None:
        yield TraceStep(location, place.note or place.source.excerpt(place.node))


def _places(feed: Feed) -> Iterator[Place]:
    found = [feed.rows.place, feed.split_place, feed.at, *(at for _, _, at in feed.reads)]
    found += [piece.place for pieces in feed.texts for piece in pieces]
    return (place for place in found if place is not None)


def _said(judged: FactVerdict, one: Checked, rate: tuple[float, str] | None) -> str:
    """Return the evidence of one fact: the number of rows checked, and of those with a defect."""
    name = judged.name.partition(".")[2]
    found = one.found
    rows = found.counts["rows"]
    if name == "passes":
        return f"each row is used {rate[0]:,.2f} times: {rate[1]}" if rate else ""
    if name in OF_FILE or not rows:
        return "; ".join(defect.message for defect in found.defects.get(name, ())) or "none"
    number = found.count(name)
    looked = rows - found.counts["dropped"] if name not in ("unreadable", "missing_columns") else rows
    if name in ("refused_sql", "broken_schemas"):
        judged_rows = sum(count for kind, count in found.counts.items() if kind.startswith("sql "))
        return f"{number:,} of {judged_rows:,} rows whose SQL was checked against a schema"
    if name == "lost_by_cut":
        return f"{number:,} of {looked:,} rows; the schema of {found.counts['cut']:,} is cut"
    if name == "too_long" and (left := found.counts["not counted"]):
        return f"{number:,} of {looked:,} rows; unknown for {left:,} others: {UNCOUNTED}"
    dropped = f", without {found.counts['dropped']:,} that the script drops" if found.counts["dropped"] else ""
    return f"{number:,} of {looked:,} rows{dropped}"
