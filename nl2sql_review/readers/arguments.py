"""Optimization of the run: batch, learning rate, schedule, precision; from arguments or a hand-written loop."""

from __future__ import annotations

from typing import Any

from ..interpret.core.operations import describe
from ..libraries.versions import key_of
from ..training_plan.facts import Arguments, Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, Term, Unknown, Value, is_optional
from . import completions, defaults, hand_loop, launcher, own_optimizer, precision
from .api.arguments import rejected
from .api.version_guards import Guards
from .derive import derive, for_processes, numeric, plain
from .hand_loop import arguments as loop_arguments
from .hand_loop.objective import rewarded
from .object_settings import ObjectSettings, from_library, last
from .prompt.objective import doubt, objective
from .run import SFT_TRAINERS, Run

# field of the plan -> spellings of the argument
SPELLINGS = {
    "per_device_batch_size": ("per_device_train_batch_size", "per_gpu_train_batch_size", "train_batch_size"),
    "gradient_accumulation": ("gradient_accumulation_steps",),
    "learning_rate": ("learning_rate",),
    "scheduler": ("lr_scheduler_type",),
    "warmup_ratio": ("warmup_ratio",),
    "warmup_steps": ("warmup_steps",),
    "fp16": ("fp16",),
    "bf16": ("bf16",),
    "epochs": ("num_train_epochs",),
    "max_steps": ("max_steps",),
    "optimizer": ("optim",),
    "weight_decay": ("weight_decay",),
    "seed": ("seed",),
}
SAMPLED = "a step takes the texts that the loop samples for a row, and how many these are is not read"
WORLD = "derived from the world size"


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.arguments
    processes(run, part)
    by_hand = hand_loop.trains(run)
    if by_hand:
        loop_arguments.read(run, part)
    else:
        for name, spellings in SPELLINGS.items():
            setattr(part, name, setting(run, name, spellings))
        if (rate := own_optimizer.learning_rate(run)) is not None:
            part.learning_rate = Fact(rate, at=rate.trace[-1] if rate.trace else run.place)
    launcher.accumulation(run, part)
    part.gradient_accumulation, accumulation = world_sized(part.gradient_accumulation, part.processes.value)
    part.per_device_batch_size, batch = world_sized(part.per_device_batch_size, part.processes.value)
    raised = raised_to_group(run, part, batch, accumulation)
    part.effective_batch = effective(part, raised, accumulation, getattr(run.configuration, "sharing", 1))
    if plain(raised) != plain(batch):
        part.effective_batch.note += f"; Unsloth raises the batch of {plain(batch)} to num_generations"
    completions.count(run, part)
    note_strings(part.learning_rate)
    if not by_hand:
        precision.read(run, part)
    steps = part.max_steps
    own_optimizer.follow_schedule(run, part)
    if not by_hand and own_optimizer.schedule(run) is None:
        launcher.schedule(run, part)
    part.scheduler.value = derive(scheduler_name, part.scheduler.value, terms=True)
    warmup(run, part)
    part.max_steps = steps
    if other := objective(run):  # what fine-tuning on answers wants of these is no measure of another objective
        of_policy(run, part, other)
    elif unclear := doubt(run):
        for fact in (part.learning_rate, part.warmup, *([part.warmup_spelling] if by_hand else [])):
            fact.value = Unknown(unclear)
    if by_hand and rewarded(run):
        part.effective_batch.value = Unknown(SAMPLED)


def setting(run: Run, name: str, spellings: tuple[str, ...]) -> Fact:
    given = run.arguments
    if given or given.unknown:
        fact = given.fact(*spellings)
        fact.at = fact.at or run.place
        return fact
    if run.trainer is not None:
        return left_out(run, spellings)
    return Fact(Absent("no training arguments"), at=run.place, why_not="the script creates no training arguments")


def of_policy(run: Run, part: Arguments, why: str) -> None:
    """Mark learning rate and warm-up as not applicable for other objectives, unless the settings set their rules."""
    said = getattr(run.settings, "parameters", None) or {}
    for name in ("learning_rate", "warmup"):
        fact = getattr(part, name)
        if f"arguments/{name.replace('_', '-')}" not in said:
            fact.why_not = fact.why_not or why
    if part.warmup.why_not and hand_loop.trains(run):
        part.warmup_spelling.why_not = part.warmup_conflict.why_not = part.warmup.why_not  # no argument spells it


def left_out(run: Run, spellings: tuple[str, ...]) -> Fact:
    """Return a default of the arguments that a trainer without any makes: SFTConfig or TrainingArguments."""
    trainer = run.trainer
    assert trainer is not None
    kind = "trl.SFTConfig" if last(trainer.callee) in SFT_TRAINERS else "transformers.TrainingArguments"
    stand_in = type(trainer)(kind, {}, trainer.place)
    return ObjectSettings([(stand_in, None)]).fact(*spellings)


# -- batch -------------------------------------------------------------------------------------------------------


def processes(run: Run, part: Arguments) -> None:
    stated = run.processes
    if stated:
        part.processes = Fact(
            Known(stated),
            at=run.place,
            note="from the settings" if getattr(run.settings, "processes", None) else "stated by a comment",
        )
    elif (found := launcher.processes(run)) is not None:
        part.processes = found
    else:
        part.processes = Fact(
            Default(1, "the launcher"), at=run.place, note="assumed: `processes` is not in the settings"
        )


def world_sized(fact: Fact, processes: Value) -> tuple[Fact, Value]:
    """Return the fact, and for an expression over the world size its number with that many processes."""
    value = fact.value
    if isinstance(value, Term):
        count = for_processes(value, plain(processes) or 1)
        if count is not None:
            return Fact(
                Term(WORLD, "op", (value,), value.trace), fact.at, f"{count:g} with {plain(processes) or 1} processes"
            ), Known(count, value.trace)
    if (
        isinstance(value, Default)
        and "WORLD_SIZE" in value.overridden_by
        and isinstance(processes, Known)
        and processes.value > 1
    ):
        return Fact(Term(WORLD, "op", (value,), value.trace), fact.at), Unknown(
            "it is derived from the world size", value.trace
        )
    return fact, value


def raised_to_group(run: Run, part: Arguments, batch: Value, accumulation: Value) -> Value:
    """Return the batch per device after Unsloth's GRPOConfig: it is the number of generations, if those do not fit."""
    if defaults.generated(run.arguments.callee) != "UnslothGRPOConfig" or run.arguments.unknown:
        return batch
    if not isinstance(run.arguments.value("steps_per_generation", "generation_batch_size"), Absent):
        return batch
    group = run.arguments.fact("num_generations").value
    return derive(fitting, group, batch, accumulation, part.processes.value)


def fitting(group: object, batch: object, accumulation: object, processes: object) -> object:
    made = product(batch, accumulation, processes)
    return group if isinstance(made, int) and isinstance(group, int) and group > 0 and made % group else batch


def effective(part: Arguments, batch: Value, accumulation: Value, sharing: int) -> Fact:
    """Return the rows of one step; `sharing` processes each work on the same rows."""
    value = derive(product, batch, accumulation, derive(lambda n: shared(n, sharing), part.processes.value))
    by = [part.per_device_batch_size, part.gradient_accumulation]
    chosen = next((f for f in by if not from_library(f.value)), by[0])
    if not isinstance(value, (Unknown, Absent)) and chosen.value.trace:
        value = derive(lambda x: x, value, trace=chosen.value.trace)
    numbers = [plain(batch), plain(accumulation), plain(part.processes.value)]
    note = " × ".join(f"{n:g}" if isinstance(n, (int, float)) else "?" for n in numbers)
    note += f" / {sharing} that share their rows" if sharing > 1 else ""
    return Fact(
        value,
        at=chosen.at,
        note="per device × accumulation × processes: " + note,
        why_not=part.per_device_batch_size.why_not,
    )


def shared(processes: object, sharing: int) -> object:
    """Return how many groups of processes have rows of their own."""
    return max(processes // sharing, 1) if isinstance(processes, int) else processes


def product(batch: object, accumulation: object, processes: object) -> int | float | Value:
    made: int | float = 1
    for value in (batch, accumulation, processes):
        if isinstance(value, Absent):
            return Absent("a factor of the effective batch is not set")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return Unknown(f"a factor of the effective batch is not a number:  {in_words(value)}")
        made *= value
    return made


def in_words(value: object) -> str:
    """Return a plain value or Value, as `derive` passes it, in the spelling of the script."""
    return describe(value if isinstance(value, Value) else Known(value))


# -- learning rate, schedule -------------------------------------------------------------------------------------


def scheduler_name(value: object) -> object:
    """Return a scheduler as a word: `SchedulerType.COSINE` and "cosine" are the same."""
    if isinstance(value, Term) and "SchedulerType." in value.text:
        return value.text.rpartition(".")[2].lower()
    return value


def note_strings(fact: Fact) -> None:
    text = plain(fact.value)
    if isinstance(text, str):
        try:
            float(text)
        except ValueError:
            return
        fact.note = f"the string {text!r}: YAML reads 2e-4, without a dot, as a string; write 2.0e-4 or cast it"


def warmup(run: Run, part: Arguments) -> None:
    """Fill in `warmup`, the share of all steps, whichever argument sets it."""
    ratio, steps = part.warmup_ratio, part.warmup_steps
    if isinstance(ratio.value, Unknown) and (isinstance(steps.value, Unknown) or from_library(steps.value)):
        for name in ("warmup", "warmup_conflict", "warmup_spelling"):
            setattr(part, name, Fact(ratio.value, at=ratio.at))
        return
    ratio_set, steps_set = set_for_warmup(run, ratio.value, steps.value)
    chosen = next((v for v in (ratio.value, steps.value) if is_optional(v)), None)
    if ratio_set and steps_set and chosen is not None:
        why = f"which of warmup_ratio and warmup_steps are set depends on {chosen.condition or 'the path taken'}"
        for name in ("warmup", "warmup_conflict", "warmup_spelling"):
            setattr(part, name, Fact(Unknown(why, chosen.trace), at=ratio.at))
        return
    spelled = ratio if ratio_set else steps
    both = Known(ratio_set and steps_set, spelled.value.trace)
    part.warmup_conflict = Fact(both, at=spelled.at, why_not=steps.why_not)
    of_arguments = bool(run.arguments) and own_optimizer.schedule(run) is None
    refused = ratio_set and of_arguments and rejected(run, run.arguments.call, "warmup_ratio")
    if refused and asks_signature(run, "warmup_ratio"):
        why = "the script inspects the class's signature; whether it has warmup_ratio is known only at run time"
        part.warmup_spelling = Fact(Unknown(why, spelled.value.trace), at=spelled.at, why_not=steps.why_not)
        part.warmup = Fact(Unknown(why, ratio.value.trace), at=ratio.at)
        return
    by = "by warmup_ratio" if of_arguments else "a share of all steps"
    if refused and run.arguments.call and (new := defaults.passed_on(run.arguments.call.callee, "warmup_ratio")):
        if defaults.may_be_missing():
            why = (
                "Unsloth passes warmup_ratio on, TRL refuses it; whether Unsloth is installed is known only at run time"
            )
            part.warmup_spelling = part.warmup = Fact(Unknown(why, ratio.value.trace), at=ratio.at)
            return
        refused, by = False, f"by warmup_ratio (Unsloth's class passes it on as {new})"
    shares = takes_share(run) if below_one(steps.value) and not ratio_set else True
    if shares is None or shares is False and asks_signature(run, "warmup_steps"):
        why = "whether a warmup_steps below 1 is a share of the steps depends on the version of transformers"
        part.warmup_spelling = part.warmup = Fact(Unknown(why, steps.value.trace), at=steps.at)
        return
    spelling = (
        "both" if ratio_set and steps_set else "removed" if refused else "current" if shares else "a share too early"
    )
    note = "warmup_ratio was removed in transformers 5.15 (TypeError): use warmup_steps below 1" if refused else ""
    part.warmup_spelling = Fact(Known(spelling, spelled.value.trace), at=spelled.at, note=note, why_not=steps.why_not)
    if ratio_set and not steps_set:
        part.warmup = Fact(ratio.value, at=ratio.at, note=by)
        return
    # Neither a share of the steps nor no steps at all needs a count.
    count = numeric(steps.value)
    counted = not isinstance(part.max_steps.value, Unknown) and (count is None or count >= 1)
    most = part.max_steps.value if counted else Absent()
    value = derive(fraction, steps.value, most)
    why_not = (
        "two settings contradict each other"
        if ratio_set
        else steps.why_not
        if shares
        else "warmup_steps does not accept a share of the steps yet"
    )
    by = f"by {steps.argument}" if steps.argument else steps.note or "by warmup_steps"
    part.warmup = Fact(value, at=steps.at, note=by, why_not=why_not)


def set_for_warmup(run: Run, ratio: Value, steps: Value) -> tuple[bool, bool]:
    """Return whether `warmup_ratio` and `warmup_steps` are set to something that takes effect, each by itself.

    Steps go before a ratio, and steps written to the arguments afterwards are the choice of the script.
    """
    steps_set = not isinstance(steps, (Absent, Unknown)) and not from_library(steps) and not is_zero(steps)
    ratio_set = not isinstance(ratio, (Absent, Unknown)) and not is_zero(ratio)
    if steps_set and (from_library(ratio) or run.arguments.rewritten("warmup_steps")):
        ratio_set = False
    return ratio_set, steps_set


def below_one(value: Value) -> bool:
    number = plain(value)
    return isinstance(number, float) and 0 < number < 1


def takes_share(run: Run) -> bool | None:
    """Return whether `warmup_steps=0.03` is a share of the steps, as since transformers 5.0; None if unknown."""
    if not run.arguments or run.versions is None:
        return True
    if run.versions.all(lambda installed: key_of(installed["transformers"]) >= key_of("5.0.0"), "transformers"):
        return True
    return (
        False
        if run.versions.all(lambda installed: key_of(installed["transformers"]) < key_of("5.0.0"), "transformers")
        else None
    )


def asks_signature(run: Run, name: str) -> bool:
    call = run.arguments.call
    if call is None:
        return False
    guards, called = Guards(run.recording.signatures_asked), last(call.callee)
    return guards.asked(call.place.source, called) or guards.over(
        call.places.get(name, call.place), call.get(name), called
    )


def fraction(steps: object, most: object) -> Any:
    if isinstance(steps, Absent):
        return steps
    if isinstance(steps, str):
        steps = float(steps)
    if isinstance(steps, bool) or not isinstance(steps, (int, float)):
        return Unknown(f"{in_words(steps)} is not a number of steps")
    if 0 <= steps < 1:
        return float(steps)
    if isinstance(most, (int, float)) and most > 0:
        return round(steps / most, 4)
    return Unknown(f"warmup_steps={steps:g} is a number of steps, and the total number of steps depends on the data")


def is_zero(value: Value) -> bool:
    return (
        isinstance(value, (Known, Default))
        and not isinstance(value.value, str)
        and (value.value is None or value.value == 0)
    )
