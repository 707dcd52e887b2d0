"""Finds stated versions that no installer accepts: one release rejects another, or the stated Python."""

from __future__ import annotations

import os.path

from ...files import projects
from ...libraries import environments, requirements
from ...training_plan.facts import Fact
from ...training_plan.values import Known, Place, Unknown
from ..run import Run
from .arguments import Defect
from .imports import fact as listed


def incompatible(run: Run) -> Fact:
    """Return the conflicts among the stated versions of script and project; unknown if one cannot be parsed."""
    path = getattr(run.source, "path", "") or "."
    folder = os.path.dirname(os.path.abspath(path))
    stated = environments.of_script(run.source, folder, projects.root(folder))
    imported: dict[str, Place] = {}
    for name, place in run.recording.imports:
        imported.setdefault(name.partition(".")[0], place)
    defects: dict[str, Defect] = {}
    for group in stated.groups:
        for one in requirements.incompatible(group):
            at = imported.get(one.one.library) or imported.get(one.one.by.partition(" ")[0]) or run.place
            defects.setdefault(one.sentence, Defect("incompatible versions", one.one.library, at, one.sentence))
    if stated.broken and not defects:
        return Fact(Unknown("; ".join(stated.broken)), at=run.place)
    found = listed(list(defects.values()), run.place)
    if not stated.groups:
        return Fact(Known([]), at=run.place, why_not="no versions are stated")
    return found
