"""Settings in accelerate and DeepSpeed files, and where they contradict the training arguments."""

from __future__ import annotations

from ..flavours.launch import Launch
from ..interpret.core.joins import demote
from ..training_plan.facts import Arguments, Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, Unknown, Value, join
from .derive import plain
from .hand_loop.turn import calls_accumulate
from .object_settings import last
from .run import Run

# DeepSpeed's schedules by the names of transformers
SCHEDULES = {"WarmupLR": "constant_with_warmup", "WarmupDecayLR": "linear", "WarmupCosineLR": "cosine"}
NO_FILE = "no DeepSpeed config was found"
LEFT = "the DeepSpeed config leaves these settings to the training arguments"
NO_ACCELERATE = "no accelerate config was found"


def processes(run: Run) -> Fact | None:
    """Return how many processes an accelerate file starts, or None if no file sets it."""
    launch = run.recording.launch
    value = launch.processes if launch is not None else None
    if value is None:
        return None
    if isinstance(value, Unknown) or isinstance(plain(value), int) and plain(value) > 0:
        note = launch.by or f"num_processes in {', '.join(launch.files) or 'the configuration'}"
        return Fact(value, at=run.place, note=note)
    return None


def precision(run: Run, part: Arguments) -> None:
    """Use accelerate's precision if the training arguments choose none."""
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
    """Use the launcher's accumulation for a hand-written loop with `Accelerator()` without a number."""
    launch = run.recording.launch
    if launch is None or launch.accumulation is None or run.trainer is not None or run.arguments:
        return
    made = [call for call in run.calls if last(call.callee) == "Accelerator"]
    if not made or any("gradient_accumulation_steps" in call.arguments or call.unknown_arguments for call in made):
        return
    value = launch.accumulation
    if not calls_accumulate(run):
        if plain(value) == 1:
            return
        value = Unknown("without accumulate(), the versions of accelerate and DeepSpeed decide whether it counts")
    part.gradient_accumulation = Fact(value, at=run.place, note=f"in {', '.join(launch.files)}")


def schedule(run: Run, part: Arguments) -> None:
    """Use the schedule of a DeepSpeed file, which the trainer takes instead of the one that its arguments name."""
    launch: Launch | None = run.recording.launch
    if launch is None or not run.arguments or isinstance(part.scheduler.value, Absent):
        return
    warmup, own = (part.warmup_ratio, part.warmup_steps), launch.schedule
    if own is None:
        by = f"the DeepSpeed file {launch.unread}"
        for fact in (part.scheduler, *warmup) if launch.unread and not launch.deepspeed else ():
            fact.value = fact.value if isinstance(fact.value, Absent) else demote(fact.value, by)
        return
    name, at = SCHEDULES.get(own.kind.value, own.kind.value.lower()), part.scheduler.at
    if not own.sure:
        part.scheduler.value = join(part.scheduler.value, Known(name, own.kind.trace), f"{own.file} starts the run")
        if own.warmup is not None:
            why = f"if {own.file} starts the run, its schedule warms up for {own.warmup.value} steps"
            part.warmup_ratio = part.warmup_steps = Fact(Unknown(why, own.warmup.trace), at=at)
        return
    note = f"DeepSpeed's {own.kind.value} takes the place of lr_scheduler_type"
    part.scheduler = Fact(Known(name, own.kind.trace), at=at, note=note)
    if own.warmup is not None:
        part.warmup_ratio = Fact(Absent("DeepSpeed's schedule has steps"), at=at)
        part.warmup_steps = Fact(own.warmup, at=at, note="by warmup_num_steps of DeepSpeed's schedule")


def read(run: Run, plan: TrainingPlan) -> None:
    conflicts(run, plan)
    overruled(run, plan.arguments)


def overruled(run: Run, part: Arguments) -> None:
    """Fill in the settings that two places set to different values without a comparison, so that one wins."""
    launch = run.recording.launch
    if launch is None or (launch.processes, launch.precision, launch.accumulation) == (None, None, None):
        part.launcher_overruled = Fact(Known([]), at=run.place, why_not=NO_ACCELERATE)
        return
    made = (other_processes(run, part), other_precision(run, part), other_accumulation(run, part))
    cases = tuple(case for case in made if case is not None)
    part.launcher_overruled = Fact(Known([c.argument for c in cases]), at=run.place, cases=cases)


def other_processes(run: Run, part: Arguments) -> Fact | None:
    value, stated = run.recording.launch.processes, run.processes
    count = plain(value)
    if not stated or isinstance(count, bool) or not isinstance(count, int) or count < 1 or count == stated:
        return None
    text = (
        f"accelerate starts {count} {'process' if count == 1 else 'processes'} ({place(run, value)}), "
        f"but the review assumes {stated}, {part.processes.note}"
    )
    return disagreement("processes", value, part.processes, text, run)


def other_precision(run: Run, part: Arguments) -> Fact | None:
    """Return the conflict in precision, if any.

    bf16=True or fp16=True wins over the launcher; bf16=False chooses nothing, and the launcher's is used.
    `mixed_precision: no`, which `accelerate config` writes unasked, chooses nothing either. Axolotl sets the
    launcher's variable by its own keys, so that they always win.
    """
    value = run.recording.launch.precision
    wanted, flags = plain(value), {"bf16": part.bf16, "fp16": part.fp16}
    used = {name: fact.value.value if isinstance(fact.value, Known) else None for name, fact in flags.items()}
    if wanted not in flags or None in used.values() or not run.arguments:
        return None
    other = "fp16" if wanted == "bf16" else "bf16"
    if used == {wanted: False, other: True}:
        fact, wins = flags[other], f"{other} wins"
    elif True not in used.values() and not (
        run.configuration is not None and run.configuration.flavour.overrides_launcher
    ):
        fact, wins = flags[wanted], f"{wanted} wins, because {flags[wanted].argument}=False chooses nothing"
    else:
        return None
    if not chosen(fact):
        return None
    text = (
        f"mixed_precision is {wanted} for accelerate ({place(run, value)}) "
        f"and {fact.argument} is {shown(plain(fact.value))} in the training arguments: {wins}"
    )
    return disagreement(fact.argument, value, fact, text, run)


def other_accumulation(run: Run, part: Arguments) -> Fact | None:
    """Return the conflict in a hand-written loop: `Accelerator` prefers the launcher's variable to its own argument."""
    value, fact = run.recording.launch.accumulation, part.gradient_accumulation
    steps, used = plain(value), plain(fact.value)
    by_hand = (
        run.trainer is None and not run.arguments and any(last(call.callee) == "Accelerator" for call in run.calls)
    )
    if not by_hand or not chosen(fact) or not isinstance(steps, int) or not isinstance(used, int) or steps == used:
        return None
    text = f"gradient_accumulation_steps is {steps} for accelerate ({place(run, value)}) and {used} here: {steps} wins"
    return disagreement("gradient_accumulation_steps", value, fact, text, run)


def chosen(fact: Fact) -> bool:
    """Return whether the value was written and is not a default of a library."""
    value = fact.value
    written = bool(value.trace) and bool(fact.argument)
    return isinstance(value, Known) and written and not value.trace[-1].note.startswith("library default")


def disagreement(name: str, stated: Value, fact: Fact, text: str, run: Run) -> Fact:
    trace = tuple(p for p in stated.trace[-1:] if p.source is not run.source)  # in the script one looks at the argument
    value: Value = Known([name], trace) if isinstance(stated, Known) else Default([name], "the launcher", trace)
    return Fact(value, at=fact.at or run.place, argument=name, sentence=text)


def place(run: Run, value: Value) -> str:
    """Return the place of a launcher value in words."""
    if not value.trace:
        return "in its config"
    at = value.trace[-1]
    row = at.source.span(at.node).row
    return f"row {row}" if at.source is run.source else f"{at.source.path}:{row}"


def conflicts(run: Run, plan: TrainingPlan) -> None:
    """Fill in the settings that must agree in both: the trainer compares them and stops."""
    launch, part = run.recording.launch, plan.arguments
    if launch is None or not launch.said or not run.arguments:
        part.launcher_conflicts = Fact(Known([]), at=run.place, why_not=why_none(launch))
        return
    cases = []
    for said in launch.said:
        fact = plan[said.fact]
        stated, used = plain(said.value), plain(fact.value)
        if used is None or isinstance(used, str) or agree(stated, used):
            continue
        span = said.place.source.span(said.place.node)
        where = "the DeepSpeed config" if said.place.source is run.source else f"{said.place.source.path}:{span.row}"
        text = f"{said.key} is {shown(stated)} in {where} and {shown(used)} in the training arguments: ValueError"
        name = fact.argument or said.fact.partition(".")[2]
        trace = () if said.place.source is run.source else (said.place,)  # in the script one looks at the argument
        certain = isinstance(said.value, Known) and not isinstance(fact.value, Default)
        value: Value = Known([name], trace) if certain else Default([name], "the launcher", trace)
        cases.append(Fact(value, at=fact.at or run.place, argument=name, sentence=text))
    part.launcher_conflicts = Fact(Known([c.argument for c in cases]), at=run.place, cases=tuple(cases))


def why_none(launch: Launch | None) -> str:
    """Return why nothing is compared."""
    if launch is not None and launch.unread and not launch.deepspeed:
        return f"the DeepSpeed config {launch.unread} was not found"
    return LEFT if launch is not None and launch.deepspeed else NO_FILE


def agree(a: object, b: object) -> bool:
    if not isinstance(a, (int, float, str)) or not isinstance(b, (int, float, str)):
        return a == b
    try:
        return float(a) == float(b)
    except ValueError:
        return a == b


def shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
