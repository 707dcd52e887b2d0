"""The tracker that a run reports to, by its training arguments, its environment or its own calls."""

from __future__ import annotations

import re

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact
from ..training_plan.values import Absent, Default, Either, Known, Unknown
from . import defaults, hand_loop
from .api.accepted import only_before
from .arguments import setting
from .derive import derive, plain
from .judged_versions import within
from .object_settings import from_library, last
from .run import Run

DISABLED = "os.environ.WANDB_DISABLED="
DISABLING = {DISABLED: ("true", "1", "yes", "on"), "os.environ.WANDB_MODE=": ("disabled",)}
FIVE = "5.0.0"  # the transformers that no longer asks WANDB_DISABLED, and refuses report_to=None
OLDER = "a release of transformers before 5.0"
# What `report_to="all"` may report to besides W&B, where it is installed.
INTEGRATIONS = [
    *("tensorboard", "mlflow", "comet_ml", "trackio", "swanlab", "clearml", "dvclive", "neptune", "dagshub"),
    *("azure_ml", "codecarbon", "kubeflow"),
]
CALLED = ("wandb.", "trackio.", "mlflow.")
TRACKING = re.compile(
    r"(?i)wandb|trackio|mlflow|swanlab|tensorboard|SummaryWriter|comet|neptune|clearml|dvclive|\baim\b"
)


def tracker(run: Run) -> Fact:
    """Return the trackers of a run as `report_to` names them, "none" if it reports to none."""
    fact = setting(run, "report_to", ("report_to",))
    if fact.why_not:
        return called(run) or fact
    if from_library(fact.value):
        five = plain(fact.value) == "none" and not defaults.generated(run.arguments.callee)  # Unsloth's says so itself
        fact.note = "since transformers 5.0 nothing is reported by default" if five else ""
        if five and only_before(run, "transformers", FIVE):
            fact.value = Default("none", OLDER, fact.value.trace)
            fact.note += "; before, every installed tracker is reported to, and only there the arguments are taken"
        if any(last(c.callee) == "WandbCallback" for c in run.calls):
            return Fact(Known(["wandb"], (run.place,) if run.place else ()), at=run.place, note="by WandbCallback")
    off, trace = switched_off(run), fact.value.trace
    refused = within(run, "transformers", FIVE)
    if refused and plain(fact.value) is None and isinstance(fact.value, (Known, Default)):
        fact.note = "transformers refuses report_to=None since 5.0"
    elif off is not None and isinstance(fact.value, (Known, Default)) and reports(fact.value.value, "wandb"):
        fact.at, fact.note = off.place, f"{last(off.callee)[:-1]} disables W&B"
        trace = (off.place,)
    fact.value = derive(lambda value: reported(value, off is not None, none_is_none=refused), fact.value, trace=trace)
    return fact


def called(run: Run) -> Fact | None:
    """Return the tracker that a script without training arguments calls itself; None if it has no loop either."""
    ours = [c for c in run.recording.every() if c.callee.endswith((".init", ".log")) and c.callee.startswith(CALLED)]
    starts = [c for c in ours if c in run.calls]
    if starts:
        return Fact(Known([starts[0].callee.split(".")[0]], (starts[0].place,)), at=starts[0].place)
    if not hand_loop.trains(run):
        return None
    accelerator = hand_loop.last_of(run, ("Accelerator",))
    if accelerator is not None and not isinstance(asked := accelerator.get("log_with"), Absent):
        named = derive(lambda value: reported(value, without_wandb=False, none_is_none=True), asked)
        return Fact(named, at=accelerator.places.get("log_with", accelerator.place))
    if ours:
        return Fact(Default("none", ours[0].condition, (ours[0].place,)), at=ours[0].place)
    if any(TRACKING.search(text) for text in hand_loop.texts(run)):
        return hand_loop.unread(run, "whether it calls a tracker")
    return Fact(Known("none", (run.place,) if run.place else ()), at=run.place, note="the loop calls no tracker")


def switched_off(run: Run) -> Call | None:
    """Return a write to the environment that disables W&B although the trainer reports to it, or None."""
    for call in run.calls:
        words = DISABLING.get(call.callee, ())
        given = next(iter(call.arguments.values()), Absent())
        # os.environ.setdefault may change nothing, so what it sets is no known value.
        if words and call.certain and isinstance(given, Known) and str(given.value).lower() in words:
            if call.callee != DISABLED or not within(run, "transformers", FIVE):
                return call
    return None


def reports(value: object, tracker: str) -> bool:
    """Return whether a value of `report_to` may name a tracker: by itself, or by naming all that are installed."""
    named = value if isinstance(value, (list, tuple)) else [value]
    return any(one in (None, "all", tracker) for one in named)


def reported(value: object, without_wandb: bool, none_is_none: bool) -> object:
    """Return the trackers that a value of `report_to` names, "none" for none.

    `without_wandb`: the environment disables W&B. `none_is_none`: None names no tracker, not every installed one.
    """
    if value in ("none", [], ["none"]) or value is None and none_is_none:
        return "none"
    if value in (None, "all", ["all"]):
        if without_wandb:
            return Either((Known("none"), Known(INTEGRATIONS)), "what is installed")
        if value is None:
            return Unknown("before transformers 5.0, report_to=None means every installed tracker; later it is refused")
        return Unknown('report_to="all" reports to whatever is installed')
    named = [value] if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else value
    if isinstance(named, list) and without_wandb:
        return [one for one in named if one != "wandb"] or "none"
    return named
