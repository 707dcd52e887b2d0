"""Finds arguments that a script leaves out, and whose default depends on the version that is installed."""

from __future__ import annotations

from typing import Any, Iterator

from ...interpret.core.recording import Call
from ...libraries import store
from ...libraries.versions import key_of
from ..derive import plain
from ..run import Run
from .arguments import Defect, Judging, assumed_since, branch
from .definitions import chain
from .wording import lower_end, requirement, short, stated

# Defaults one would want to know of when they change within the stated range.
TOLD = (
    "max_length",
    "learning_rate",
    "bf16",
    "gradient_checkpointing",
    "report_to",
    "optim",
    "packing",
    "save_safetensors",
)


# Arguments of the trainers that say the same, or make the setting idle.
INSTEAD = {"max_length": ("max_seq_length",), "learning_rate": ("optimizers",), "optim": ("optimizers",)}


def changed_defaults(run: Run, judging: Judging) -> Iterator[Defect]:
    """Yield the training arguments of `TOLD` that are left out, and whose default is not the same in every version."""
    call = run.arguments.call
    if call is None or call.unread_arguments or call.instance is not None or len(run.arguments.makers) != 1:
        return
    library, _, callable = call.callee.partition(".")
    if not store.knows(library, callable):
        return
    slots: Any = getattr(run.arguments.makers[0][1], "slots", None) or {}
    by_trainer = run.trainer.arguments if run.trainer is not None else {}
    for name in TOLD:
        if name in call.arguments or name in slots or any(one in by_trainer for one in (name, *INSTEAD.get(name, ()))):
            continue
        if name == "bf16" and plain(call.get("fp16")) is True:
            continue  # None means the opposite of fp16, so every version leaves it off
        if name == "report_to":
            yield from _trackers(run, call, judging)
        elif not judging.patched:
            yield from _within_range(library, callable, name, call, judging)


def _trackers(run: Run, call: Call, judging: Judging) -> Iterator[Defect]:
    """Yield a defect if W&B is used but not reported to.

    Before transformers 5 the default was every installed tracker; since then it is none, unless set.
    """
    used = next(
        (
            c
            for c in run.calls
            if c.callee in ("wandb.init", "wandb.login") or c.callee.startswith("os.environ.WANDB_P")
        ),
        None,
    )
    if used is None or not judging.versions.all(lambda i: key_of(i["transformers"]) >= key_of("5.0.0"), "transformers"):
        return
    choice = judging.versions["transformers"]
    text = (
        'report_to is left out: the default is "none" since transformers 5.0, and every installed tracker before; '
        f'{stated(choice)}, so nothing is logged to W&B; set report_to="wandb"'
    )
    assumed = assumed_since(choice, "5.0.0")
    by = _option(call, "report_to")
    yield Defect("changed default", "report_to", call.place, text, branch(call), assumed, overridden_by=by)


def _within_range(library: str, callable: str, name: str, call: Call, judging: Judging) -> Iterator[Defect]:
    for one in chain(library, callable):
        choice = judging.versions[one]
        if not choice.said or choice.open or len(choice.versions) < 2 or not lower_end(choice):
            continue
        values: dict[object, str] = {}
        for version in choice.versions:
            found = store.whole(library, callable, {**judging.versions.installed(), one: version})
            if found is None or name not in found.parameters:
                return
            text = found.parameters[name]
            values.setdefault("False" if (name, text) == ("gradient_checkpointing", "None") else text, version)
        if len(values) > 1 and store.NO_LITERAL not in values:
            (first, _), (_, second), *_ = values.items()
            told = [f"{first} before {one} {short(second)}"]
            told += [f"{text} from {one} {short(version)}" for text, version in values.items() if text != first]
            yield Defect(
                "changed default",
                name,
                call.place,
                f"{name} is left out, and its default depends on the version: {' and '.join(told)}; "
                f"{requirement(choice)} allows both",
                branch(call),
                overridden_by=_option(call, name),
            )
            return


def _option(call: Call, name: str) -> str:
    """Return the option with which another launch may give the argument, if there may be one."""
    return f"--{name}" if call.unknown_arguments else ""
