"""Who prepares the texts for the training: Unsloth, or TRL, which does so by its version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...libraries.versions import key_of
from ...training_plan.values import Absent
from .. import defaults
from ..api.accepted import accepting
from ..derive import plain
from ..run import Run

if TYPE_CHECKING:
    from .training_text import TrainingText


UNSLOTH = re.compile(r"^[ \t]*(?:import|from) unsloth", re.MULTILINE)


def uses_unsloth(run: Run) -> bool:
    """Return whether Unsloth's own data preparation runs: importing the package first is enough to replace TRL's."""
    if run.prepared_by_unsloth is None:
        early = run.trainer is not None and defaults.stays(run.trainer.callee)
        run.prepared_by_unsloth = not early and (
            run.unsloth
            or any(c.callee.startswith("unsloth") for c in run.calls)
            or UNSLOTH.search(getattr(run.source, "text", "") or "") is not None
        )
    return run.prepared_by_unsloth


def packs_with_eos(run: Run) -> bool:
    """Return whether TRL joins the texts with the EOS token between them, as packing did before 0.17."""
    packing = run.arguments.value("packing")
    packing = run.trainer.get("packing") if isinstance(packing, Absent) and run.trainer is not None else packing
    if plain(packing) is not True or run.trainer is None or run.trainer.callee != "trl.SFTTrainer" or uses_unsloth(run):
        return False
    return since(run, "0.17.0") is False


def appends_eos(text: TrainingText, run: Run) -> bool | None:
    """Return whether the trainer appends the EOS token to texts that do not end with it; None if unknown.

    TRL does so since 0.17, until 1.14 only if the column is called "text" (with formatting_func it is).
    """
    if run.trainer is None or not run.trainer.callee.startswith("trl") or uses_unsloth(run):
        return False
    return since(run, "0.17.0" if text.by_formatting or text.field_name == "text" else "1.15.0")


def since(run: Run, version: str) -> bool | None:
    """Return whether a script runs on this version of TRL or a newer one; None if that is unknown.

    One that the assumed version refuses runs on a version that accepts what its trainer is given.
    """
    if run.versions is None or not run.versions["trl"].judged:
        return None
    fitting = accepting(run)
    if fitting is not None:
        newer = {key_of(one) >= key_of(version) for one in fitting}
        return newer.pop() if len(newer) == 1 else None
    if run.versions.all(lambda installed: key_of(installed["trl"]) >= key_of(version), "trl"):
        return True
    return False if run.versions.all(lambda installed: key_of(installed["trl"]) < key_of(version), "trl") else None
