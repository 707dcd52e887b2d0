"""Reviews the data of a script, for every front end: its runs, the checks of their files, one report."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..report.report import FileReport, Report
from ..run.reviewer import Reviewer
from . import judgement
from .check import SQL_RULES, Asked, DataError, Result, Run, check

if TYPE_CHECKING:
    from ..interpret.core.recording import Recording
    from ..policy.settings import Settings
    from ..run.options import Options
    from ..source import Source
    from ..training_plan.facts import TrainingPlan

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class DataReview:
    """Report, the result it is based on, and the script it is about; `rules`: the rule for each fact of rows."""

    report: Report
    result: Result
    script: str
    rules: dict[str, str] = field(default_factory=dict)


def review(
    path: str, asked: Asked, options: Options, every: bool = False, progress: Progress | None = None
) -> DataReview:
    """Check the data files of a script. Raises SettingsError, OSError, SourceError, NotAConfiguration, DataError."""
    from ..files import discovery, disk

    if asked.dialect:
        from .engine import dialect

        try:
            dialect.check(asked.dialect)
        except dialect.NoTranslation as error:
            raise DataError(str(error)) from None
    name, data = options.stdin if path == "-" and options.stdin is not None else (discovery.shown(path), None)
    if data is None:
        data = disk.script(path)
    reviewer = Reviewer.of(options)
    settings = reviewer.settings(os.path.dirname(name))
    rules = reviewer.rulebook(settings).on_rows
    asked = replace(asked, sql=any(rule.id in SQL_RULES for rule in rules))
    runs = runs_of(data, name, reviewer)
    if not runs:
        why = "not a training script: it creates no trainer"
        skipped = FileReport(name, "skipped", why)
        return DataReview(Report(files=(skipped,)), Result(why=why), name)
    results: list[tuple[Result, Run]] = []
    for run in runs:
        results.append((check(run, asked, progress), run))
    made = [judgement.report(result, run, rules, every, name, reviewer) for result, run in results]
    of_fact = {fact.partition(".")[2]: rule.id for rule in rules for fact in rule.head.facts}
    return DataReview(_joined(made, results, name), _all(results), name, of_fact)


def runs_of(data: bytes, name: str, reviewer: Reviewer) -> list[Run]:
    """Return the data of each trainer of a script. Raises SettingsError, SourceError, NotAConfiguration."""
    settings = reviewer.settings(os.path.dirname(name))
    source, recording, plans = reviewer.plans(data, name, settings)
    return _runs(source, recording, plans, settings, name)


def _runs(source: Source, recording: Recording, plans: list[TrainingPlan], settings: Settings, name: str) -> list[Run]:
    """Return the runs of a script, identical runs once."""
    from ..files import projects
    from ..readers import run as linking
    from ..readers.dataset import feeds
    from ..training_plan.values import Default, Known

    found = linking.runs(recording, source, settings)
    here, beside = os.getcwd(), os.path.dirname(os.path.abspath(name))
    folders = tuple(dict.fromkeys((here, beside, projects.root(beside))))
    made: list[Run] = []
    seen: list[object] = []
    for number, one in enumerate(found):
        site = one.trainer.place.node if one.trainer is not None else None
        if any(site is other for other in seen) and site is not None:
            continue
        seen.append(site)
        plan = plans[min(number, len(plans) - 1)] if plans else None
        run = Run(feeds.read(one), folders=folders)
        if plan is not None:
            length, model, epochs = (
                fact.value.value if isinstance(fact.value, (Known, Default)) else None
                for fact in (plan.memory.sequence_length, plan.lora.model_name, plan.arguments.epochs)
            )
            packed = plan.memory.packing.value
            packs = isinstance(packed, (Known, Default)) and packed.value
            run.length = length if isinstance(length, int) and not packs else None
            learnt = plan.prompt.loss_on.value
            run.learnt = learnt.value if isinstance(learnt, Known) and isinstance(learnt.value, str) else "response"
            run.model = model if isinstance(model, str) else ""
            run.epochs = float(epochs) if isinstance(epochs, (int, float)) and epochs > 0 else 1.0
        made.append(run)
    return made


def _all(results: list[tuple[Result, Run]]) -> Result:
    made = Result()
    for result, _ in results:
        made.checked += result.checked
        made.missing += result.missing
        made.why = made.why or result.why
    return made


def _joined(reports: list[Report], results: list[tuple[Result, Run]], name: str) -> Report:
    from ..report.summary import summary

    files: list[FileReport] = []
    for report in reports:
        files += [file for file in report.files if file not in files]
    if not files:
        why = next((result.why for result, _ in results if result.why), "the script loads no dataset")
        files = [FileReport(name, "skipped", f"no data was checked: {why}")]
    return Report(files=tuple(files), summary=summary(files))
