"""What accelerate and DeepSpeed files say of the run, and where they contradict the training arguments."""

from __future__ import annotations

from typing import Any

from ..plan import Arguments, Fact, TrainingPlan
from ..values import Default, Known, Unknown, Value
from .derive import plain
from .run import Run, last

NO_FILE = "no DeepSpeed file is named or lies beside"


def processes(run: Run) -> Fact | None:
    """How many processes an accelerate file starts; None when there is none that says so."""
    launch = run.recording.launch
    value = launch.processes if launch is not None else None
    if value is None:
        return None
    if isinstance(value, Unknown) or isinstance(plain(value), int) and plain(value) > 0:
        return Fact(value, at=run.place, note=f"num_processes in {', '.join(launch.files) or 'the configuration'}")
    return None


def precision(run: Run, part: Arguments) -> None:
    """accelerate's precision counts where the training arguments choose none."""
    launch = run.recording.launch
    value = launch.precision if launch is not None else None
    if value is None or plain(value) not in ("bf16", "fp16") or plain(part.mixed_precision.value) != "none":
        return
    if any(
        plain(fact.value) is False and fact.value.trace and not fact.value.trace[-1].note
        for fact in (part.bf16, part.fp16)
    ):
        return  # switched off by the arguments, which say so themselves; the trainer then still takes the launcher's
    part.mixed_precision = Fact(value, at=part.mixed_precision.at, note=f"mixed_precision in {', '.join(launch.files)}")


def accumulation(run: Run, part: Arguments) -> None:
    """A loop that is written by hand: `Accelerator()` without a number takes the launcher's."""
    launch = run.recording.launch
    if (
        launch is None
        or launch.accumulation is None
        or run.trainer is not None
        or not part.gradient_accumulation.why_not
    ):
        return
    if any(last(call.callee) == "Accelerator" for call in run.calls):
        part.gradient_accumulation = Fact(launch.accumulation, at=run.place, note=f"in {', '.join(launch.files)}")


def read(run: Run, plan: TrainingPlan) -> None:
    """Settings that must be the same in both: the trainer compares them, and stops."""
    launch, part = run.recording.launch, plan.arguments
    if launch is None or not launch.said or not run.arguments:
        part.launcher_conflicts = Fact(Known([]), at=run.place, why_not=NO_FILE)
        return
    cases = []
    for said in launch.said:
        fact = plan[said.fact]
        stated, used = plain(said.value), plain(fact.value)
        if used is None or isinstance(used, str) or agree(stated, used):
            continue
        span = said.place.source.span(said.place.node)
        where = "the DeepSpeed settings" if said.place.source is run.source else f"{said.place.source.path}:{span.row}"
        text = f"{said.key} is {shown(stated)} in {where} and {shown(used)} in the training arguments: ValueError"
        name = fact.argument or said.fact.partition(".")[2]
        trace = () if said.place.source is run.source else (said.place,)  # in the script one looks at the argument
        certain = isinstance(said.value, Known) and not isinstance(fact.value, Default)
        value: Value = Known([name], trace) if certain else Default([name], "the launcher", trace)
        cases.append(Fact(value, at=fact.at or run.place, argument=name, sentence=text))
    part.launcher_conflicts = Fact(Known([c.argument for c in cases]), at=run.place, cases=tuple(cases))


def agree(a: Any, b: Any) -> bool:
    try:
        return float(a) == float(b)
    except (TypeError, ValueError):
        return bool(a == b)


def shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
