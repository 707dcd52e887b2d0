"""Who prepares the texts for the training: Unsloth, or TRL, which does so by its version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ...libraries.versions import key_of
from ...training_plan.values import Absent, Value
from .. import defaults
from ..api.accepted import accepting, fitting
from ..derive import is_true, plain
from ..judged_versions import within
from ..run import Run

if TYPE_CHECKING:
    from .training_text import TrainingText

UNSLOTH = re.compile(r"^[ \t]*(?:import|from) unsloth", re.MULTILINE)
APPENDING = "0.16.0"  # the first trl that appends the EOS token to a text that lacks it
KEEPS_PADDING = "0.17.0"  # the first trl with a collator of its own, which masks no padding but what it adds itself
MEASURED = "0.19.0"  # the first trl with the strategies that are judged


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


def packing(run: Run) -> Value:
    """Return whether the rows are packed: by the arguments, or by the trainer itself, as in trl before 0.13."""
    stated = run.arguments.value("packing")
    own = run.trainer.get("packing") if run.trainer is not None else Absent()
    return stated if isinstance(own, Absent) else own


def continues_rows(run: Run) -> bool:
    """Return whether packing joins all rows and starts a new one wherever one is full: it cuts none off."""
    if uses_unsloth(run) or not is_true(packing(run)):
        return False
    if run.trainer is not None and not isinstance(run.trainer.get("packing"), Absent):
        return True  # only trl before 0.13 takes it there, whatever release is assumed
    return plain(run.arguments.value("packing_strategy")) == "wrapped" or within(run, "trl", "0.0.1", MEASURED)


def packs_with_eos(run: Run) -> bool:
    """Return whether TRL joins the texts with the EOS token between them, as packing did before 0.15.

    With Unsloth, too, which replaces the packing of newer releases only (read in Unsloth 2025.3.5).
    """
    if plain(packing(run)) is not True or run.trainer is None or run.trainer.callee != "trl.SFTTrainer":
        return False
    return since(run, "0.15.0") is False


def appends_eos(text: TrainingText, run: Run) -> bool | None:
    """Return whether the trainer appends the EOS token to texts that do not end with it; None if unknown.

    TRL does so since 0.16, from 0.17 to 1.14 only if the column is called "text" (with formatting_func it is).
    """
    if run.trainer is None or not run.trainer.callee.startswith("trl") or uses_unsloth(run):
        return False
    appends = since(run, _appending(text))
    if appends is not False or _appending(text) == APPENDING:
        return appends
    by_id, by_name = since(run, APPENDING), since(run, "0.17.0")
    if by_id is False or by_name is True:
        return False
    return True if by_id is True and by_name is False else None


def older_may_not_append(text: TrainingText, run: Run) -> bool:
    """Return whether a release of TRL may be installed that does not append it, as the statements allow one."""
    return older_fits(run, _appending(text))


def older_fits(run: Run, version: str) -> bool:
    """Return whether the statements allow a release of TRL before this version that takes the script."""
    return any(key_of(one) < key_of(version) for one in fitting(run).get("trl", ()))


def _appending(text: TrainingText) -> str:
    return APPENDING if text.by_formatting or text.field_name == "text" else "1.15.0"


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
