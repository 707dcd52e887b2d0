"""The data that a script loads: how many rows would not train as they are meant to, and the steps that they give."""

from __future__ import annotations

import os

from ...files import projects
from ...policy.settings import SettingsError
from ...readers import run as linking
from ...render import data_text
from ...render.terminal import Terminal
from ...rows import data_review
from ...rows.check import Asked, DataError
from ...rows.data_review import DataReview
from ...rows.steps import Steps
from ...rows.steps import steps as counted
from ...run.options import Options
from ...source import SourceError
from ...training_plan.values import Default, Known
from .lens import WIDTH
from .reviews import Review

SAMPLE = 500  # rows of each file: a lens is no place to read gigabytes for


def are_there(review: Review) -> bool:
    """Return whether a file that the script loads is beside it or in the working directory."""
    folders = (os.path.dirname(review.document.path), os.getcwd())
    for plan in review.examined.plans if review.examined is not None else ():
        value = plan.dataset.sources.value
        sources = value.value if isinstance(value, (Known, Default)) and isinstance(value.value, (list, tuple)) else ()
        for source in sources:
            if isinstance(source, str) and any(os.path.isfile(os.path.join(folder, source)) for folder in folders):
                return True
    return False


def steps(review: Review) -> list[Steps | None]:
    """Return for each plan the steps that follow from the rows of its data, None where they cannot be counted."""
    examined = review.examined
    if examined is None or examined.source is None or not are_there(review):
        return []
    beside = os.path.dirname(os.path.abspath(review.document.path))
    folders = tuple(dict.fromkeys((os.getcwd(), beside, projects.root(beside))))
    made: list[Steps | None] = []
    for plan in examined.plans:
        own = examined.of_run(plan)
        found = linking.runs(own.recording, examined.source, examined.settings) if own.recording is not None else []
        same = len(found) == len(own.plans)  # else some of them are one plan, and which is not known
        run = next((one for one, other in zip(found, own.plans) if other is plan), None) if same else None
        made.append(counted(run, plan, folders) if run is not None else None)
    return made


def title(review: Review) -> str:
    """Return the number of rows with findings in a sample, for a lens."""
    made = _reviewed(review)
    if isinstance(made, str):
        return f"rows: {made}"
    read = sum(one.found.counts["rows"] for one in made.result.checked)
    refused = sum(
        len({defect.row for found in one.found.defects.values() for defect in found}) for one in made.result.checked
    )
    if not read:
        return "rows: none checked"
    of = f"{read} rows" if read < SAMPLE else f"{read} rows sampled"
    undecided = sum(item.verdict == "unknown" for file in made.report.files for item in file.checklist)
    more = f", {undecided} checks undecided" if undecided else ""
    return f"{refused} of {of} {'has' if refused == 1 else 'have'} findings{more}"


def text(review: Review) -> str:
    """Return the findings in a sample of the rows as text."""
    made = _reviewed(review)
    return made if isinstance(made, str) else data_text.render(made.report, Terminal(columns=WIDTH), quiet=False)


def _reviewed(review: Review) -> DataReview | str:
    document = review.document
    options = Options(stdin=(document.path, document.data))
    try:
        return data_review.review("-", Asked(sample=SAMPLE), options)
    except (SettingsError, DataError, SourceError, OSError) as error:
        return str(error)
