"""GPU memory: sequence lengths, and whether memory is monitored; `footprint` estimates whether the run fits."""

from __future__ import annotations

import re

from ...interpret.core.recording import Call
from ...training_plan.facts import Fact, Memory, TrainingPlan
from ...training_plan.values import (
    Absent,
    Default,
    Either,
    Known,
    Place,
    Term,
    Text,
    Unknown,
    Value,
    is_optional,
    options,
    same,
)
from .. import defaults
from ..api.arguments import rejected
from ..api.version_guards import Guards
from ..derive import derive, plain
from ..object_settings import completed, from_library, last
from ..prompt.objective import classifies
from ..prompt.preparation import older_fits, since
from ..run import SFT_TRAINERS, Run
from . import inputs
from .collator_length import TRAINER_LENGTH, collator_length, idle_length
from .script_length import cut_before, cut_by_script

MODEL_LENGTH = ("max_seq_length", "max_length", "model_max_length")
TRL_LENGTH = 1024  # SFTConfig's default: whoever writes it is not told from one who writes nothing
RENAMED = "0.16.0"  # the first trl that calls it max_length and not max_seq_length
# ends of callees that read GPU memory -> what they see
ALLOCATED = ("memory_allocated", "max_memory_allocated")
DEVICES = ("cuda", "xpu", "npu", "hpu", "accelerator")  # the parts of PyTorch that count the memory of a device
RESERVED = (
    *(
        "memory_reserved",
        "max_memory_reserved",
        "mem_get_info",
        "memory_summary",
        "memory_stats",
        "memory_cached",
        "max_memory_cached",
    ),
    *("nvmlDeviceGetMemoryInfo", "getGPUs", "showUtilization", "new_query", "list_gpu_processes"),
)


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.memory
    read_monitoring(run, part)
    part.model_length = model_length(run)
    collated = collator_length(run, part.model_length)
    part.trainer_length = collated or by_unsloth(run, part.model_length, trainer_length(run))
    if collated is not None:
        part.sequence_length = collated
        part.length_conflict = idle_length(run, collated) or Fact(Known(False), at=collated.at)
    else:
        part.sequence_length, part.length_conflict = settle(run, part.model_length, part.trainer_length)
    if other := classifies(run):  # such a model may have no more positions than it is given
        part.sequence_length.why_not = part.length_conflict.why_not = other
    inputs.read(run, plan)


# -- monitoring --------------------------------------------------------------------------------------------------


def read_monitoring(run: Run, part: Memory) -> None:
    allocated = [c for c in run.calls if last(c.callee) in ALLOCATED and any(name in c.callee for name in DEVICES)]
    reserved = [c for c in run.calls if last(c.callee) in RESERVED or runs_nvidia_smi(c)]
    calls = allocated + reserved
    if calls:
        trace = (calls[0].place,)
        names = list(dict.fromkeys("nvidia-smi" if runs_nvidia_smi(c) else c.callee for c in calls))
        part.monitoring = Fact(Known(names, trace), at=calls[0].place)
        sees = "reserved memory" if reserved else "allocated memory only"
        part.monitoring_sees = Fact(Known(sees, trace), at=calls[0].place)
        return
    metrics = run.arguments.value("skip_memory_metrics")
    if isinstance(metrics, Known) and metrics.value is False:
        at = run.arguments.where("skip_memory_metrics")
        part.monitoring = Fact(Known(["skip_memory_metrics=False"], metrics.trace), at=at)
        part.monitoring_sees = Fact(Known("allocated memory only", metrics.trace), at=at)
        return
    unseen = next((name for name in (*ALLOCATED, *RESERVED[:3], "nvidia-smi") if mentions(run, name)), "")
    if unseen:
        why = f"{unseen} stands in code that was not followed"
        if unseen in ALLOCATED and not any(mentions(run, f"{device}.{unseen}") for device in DEVICES):
            why = f"it is unknown whether {unseen}, of an object that is not known here, measures GPU memory"
        part.monitoring = part.monitoring_sees = Fact(Unknown(why), at=run.place)
        return
    part.monitoring = Fact(Known([], ()), at=run.place)
    part.monitoring_sees = Fact(Absent("GPU memory is not logged"), at=run.place, why_not="GPU memory is not logged")


def mentions(run: Run, name: str) -> bool:
    """Return whether the code of the script or of one of its modules says a name, apart from comments."""
    said = name if name == "nvidia-smi" else name + "("
    in_code = re.compile(rf"^(?:[^#\n]*\W)?{re.escape(said)}", re.MULTILINE)
    return any(said in source.text and in_code.search(source.text) is not None for source in run.sources)


def runs_nvidia_smi(call: Call) -> bool:
    """Return whether a call runs nvidia-smi.

    `subprocess.run(["nvidia-smi", …])`, `os.system("nvidia-smi")`, `!nvidia-smi` in a notebook.
    """
    if last(call.callee) not in ("run", "check_output", "system", "Popen", "popen", "getoutput", "call", "magic"):
        return False
    return any("nvidia-smi" in said(v) for v in call.arguments.values())


def said(value: Value) -> str:
    if isinstance(value, Text):
        return "".join(p if isinstance(p, str) else "…" for p in value.parts)
    if isinstance(value, Unknown) and isinstance(value.parts, list):
        return " ".join(map(said, value.parts))
    return str(plain(value))


# -- length ------------------------------------------------------------------------------------------------------


def model_length(run: Run) -> Fact:
    if not run.load:
        return Fact(Unknown(run.model_unknown) if run.model_unknown else Absent("no model is loaded"), at=run.place)
    if not run.load.callee.startswith("unsloth"):
        return Fact(Absent("this loader has no argument for a length"), at=run.load.place)
    return run.load.fact(*MODEL_LENGTH[:1])


def trainer_length(run: Run) -> Fact:
    """Return the length that cuts the training text.

    It is set by SFTConfig, the trainer itself (Unsloth passes it on), or the tokenizer.
    """
    trainer = run.trainer
    if trainer is None or last(trainer.callee) in SFT_TRAINERS:
        return cut_before(run, sft_length(run, trainer))
    if trainer.callee.startswith("trl."):  # rows of the other trainers of TRL are prompts
        stated = run.arguments.value("max_length")
        why_not = f"{last(trainer.callee)} truncates prompts and answers in its own way"
        at = run.arguments.where("max_length") or trainer.place
        return Fact(stated, at=at, why_not=why_not if isinstance(stated, Absent) else "")
    if (cut := cut_by_script(run)) is not None:
        return cut
    why = "the script tokenizes the text itself, and its truncation was not recognized"
    return Fact(Unknown(why), at=trainer.place)


def sft_length(run: Run, trainer: Call | None) -> Fact:
    """Return the length of supervised fine-tuning: of its arguments, of the trainer, or by default."""
    value = run.arguments.value(*TRAINER_LENGTH)
    if not isinstance(value, Absent) and not from_library(value):
        return Fact(value, at=run.arguments.where(*TRAINER_LENGTH) or run.place)
    if trainer is not None:
        given = not isinstance(trainer.get(*TRAINER_LENGTH), Absent)
        return length_of_trainer(run, trainer) if given else by_default(run)
    if last(run.arguments.callee) == "SFTConfig":
        return run.arguments.fact(*TRAINER_LENGTH)
    return Fact(Absent("no trainer"), at=run.place)


def length_of_trainer(run: Run, trainer: Call) -> Fact:
    """Return the length that is passed to the trainer itself."""
    name = next(n for n in TRAINER_LENGTH if n in trainer.arguments)
    value, note = trainer.get(name), ""
    if run.versions is None:
        note = "passed to the trainer itself; whether it has that argument depends on the version of TRL"
    elif (
        rejected(run, trainer, name)
        and not trainer.callee.startswith("unsloth")
        and not Guards().over(trainer.place, value, last(trainer.callee))
    ):
        note = "passed to the trainer itself; Unsloth forwards it, plain TRL raises TypeError"
    return Fact(value, at=trainer.places.get(name, trainer.place), note=note)


def by_default(run: Run) -> Fact:
    trainer = run.trainer
    assert trainer is not None
    kind = last(run.arguments.callee)
    stand_in = type(trainer)("trl.SFTConfig", {}, trainer.place)
    fact = type(run.arguments)([(stand_in, None)]).fact("max_length")
    fact.at = run.arguments.place or trainer.place
    if isinstance(left := run.arguments.value("max_length"), Default):  # to an option of the command line
        fact.value = left
    name = "max_length"
    if since(run, RENAMED) is False and from_library(fact.value):
        name, last_step = "max_seq_length", fact.value.trace[-1]
        renamed = Place(last_step.source, last_step.node, last_step.note.replace("max_length", name))
        fact.value = derive(lambda length: length, fact.value, trace=(*fact.value.trace[:-1], renamed))
    filtered = filtered_out(run, "SFTTrainer" if kind == "TrainingArguments" else "SFTConfig")
    if kind == "TrainingArguments":
        fact.note = f"SFTTrainer gets TrainingArguments and converts them to an SFTConfig, with {name} at its default"
    elif from_library(fact.value):
        fact.note = f"{name} is left out, so TRL truncates every row at its default of {plain(fact.value)} tokens"
    if fact.note:
        fact.note += filtered
        fact.assumed = bool(filtered) and older_fits(run, "0.20.0")  # which still has what the script then gives
    return fact


def filtered_out(run: Run, asked: str = "SFTConfig") -> str:
    """Return in words that the judged class has no `max_seq_length`, which the script gives only to one that has it."""
    source = run.arguments.place.source if run.arguments.place is not None else None
    if run.versions is None or "max_seq_length" not in getattr(source, "text", ""):
        return ""
    if not Guards(run.recording.signatures_asked).asked(source, asked):
        return ""
    choice = run.versions["trl"]
    number = choice.judged[-1] if choice.judged else choice.number
    newest = ", the newest allowed," if len(choice.versions) > 1 else ""
    return f" (the script asks for {asked}'s signature, and that of trl {number}{newest} has no max_seq_length)"


def by_unsloth(run: Run, model: Fact, trainer: Fact) -> Fact:
    """Return the length in the class that Unsloth generates: the model's if none is set, and never a longer one.

    `max_length` counts only in releases that keep it, and not if it equals TRL's own default.
    """
    callee = run.arguments.callee if last(run.arguments.callee) == "SFTConfig" else "trl.SFTConfig"
    how = defaults.length_of(callee)
    made = run.trainer
    if not how or made is None or not defaults.trains_by_unsloth(made.callee) or run.arguments.unknown:
        return trainer
    if last(made.callee) not in SFT_TRAINERS:  # the classes of the other trainers leave max_length alone
        return trainer
    if isinstance(model.value, Absent):  # no Unsloth model: TRL's default, where none is set
        return trainer
    seq = run.arguments.value("max_seq_length")
    seq = made.get("max_seq_length") if isinstance(seq, Absent) else seq
    given = run.arguments.value("max_length")
    given = made.get("max_length") if isinstance(given, Absent) else given
    stated = [o for value in (seq, given) for o in options(value) if not isinstance(o, Absent)]
    if (is_optional(seq) or is_optional(given)) and all(plain(o) == plain(model.value) is not None for o in stated):
        return Fact(model.value, at=trainer.at, note="the model's length; Unsloth uses it where none is given too")
    if not isinstance(seq, Absent) and not (isinstance(seq, Known) and seq.value is None):
        seq = completed(seq, completed(given, model.value))
        cut = derive(shorter_of, seq, model.value, trace=seq.trace)
        note = "Unsloth truncates at the model's length at most"
        return Fact(cut, at=trainer.at, note="" if same(plain(cut), plain(seq)) else note)
    if how == "shorter" and is_optional(given):
        cut = derive(chosen_or_shorter, completed(given, model.value), model.value, trace=given.trace)
        return Fact(cut, at=trainer.at)
    if how == "shorter" and (isinstance(given, (Unknown, Either, Term)) or isinstance(model.value, Unknown)):
        return trainer if not isinstance(given, Absent) else Fact(model.value, at=model.at)
    if how == "shorter" and plain(given) not in (None, TRL_LENGTH):
        return Fact(derive(shorter_of, given, model.value, trace=given.trace), at=trainer.at)
    note = "the length that the model is loaded with; Unsloth's SFTTrainer uses it"
    if plain(given) is not None and plain(given) != plain(model.value):
        note = f"max_length={plain(given)} has no effect: Unsloth's SFTTrainer uses the model's length"
    elif isinstance(given, Absent):
        note = "max_length is left out: Unsloth's SFTTrainer uses the model's length"
    return Fact(model.value, at=model.at, note=note)


def chosen_or_shorter(length: object, model: object) -> object:
    """Return the length for a `max_length`: TRL's own default is not told from none at all."""
    return model if length == TRL_LENGTH else shorter_of(length, model)


def shorter_of(length: object, model: object) -> object:
    return min(length, model) if isinstance(length, int) and isinstance(model, int) else length


def settle(run: Run, model: Fact, trainer: Fact) -> tuple[Fact, Fact]:
    """Return the shorter of the two lengths, and their conflict: if they differ, or "unchosen" if nobody set one."""
    if trainer.why_not:
        return Fact(model.value, at=model.at, why_not=trainer.why_not), Fact(
            Known(False), at=model.at, why_not=trainer.why_not
        )
    if isinstance(trainer.value, Unknown) and isinstance(model.value, Absent):
        return Fact(trainer.value, at=trainer.at), Fact(Known(False), at=trainer.at)
    if isinstance(trainer.value, Absent) and isinstance(model.value, Absent):
        why = "no length is set and nothing truncates the text" if run.trainer is not None else ""
        absent = Fact(
            Absent(why or "no length is set"),
            at=run.place,
            why_not="" if run.trainer else "the script neither loads a model with a length nor creates a trainer",
        )
        return absent, Fact(Known(False), at=run.place, why_not=absent.why_not)
    if isinstance(trainer.value, Absent) or isinstance(model.value, Absent):
        only = model if isinstance(trainer.value, Absent) else trainer
        unchosen = only is trainer and run.trainer is not None and from_library(only.value)
        conflict = derive(lambda _: "unchosen", only.value) if unchosen else Known(False, only.value.trace)
        return Fact(only.value, at=only.at, note=only.note, assumed=only.assumed), Fact(
            conflict, at=only.at, note=only.note, assumed=only.assumed
        )
    if same(model.value, trainer.value):
        return Fact(trainer.value, at=trainer.at, note=trainer.note), Fact(
            Known(False, trainer.value.trace), at=trainer.at
        )
    shorter = derive(
        lambda a, b: (
            min(a, b) if isinstance(a, (int, float)) and isinstance(b, (int, float)) else b if a is None else a
        ),
        model.value,
        trainer.value,
    )
    from_trainer = cuts_first(trainer.value, model.value)
    source = trainer if from_trainer else model
    if isinstance(shorter, (Known, Default)):
        shorter = derive(lambda x: x, shorter, trace=source.value.trace)
    # None is no length: Unsloth then takes the model's own, and TRL cuts nothing
    conflict = derive(lambda a, b: None not in (a, b) and a != b, model.value, trainer.value, trace=trainer.value.trace)
    if is_optional(trainer.value) and isinstance(conflict, Either):
        on = f"`{conflict.condition}`" if conflict.condition else "what the installed version accepts"
        conflict = Unknown(f"whether the trainer is given the model's length depends on {on}", conflict.trace)
    says = f"the model is loaded with {plain(model.value)}, but the trainer truncates at {plain(trainer.value)}"
    note = f"{says}: {trainer.note}" if trainer.note else says
    return Fact(shorter, at=source.at, note=source.note), Fact(
        conflict, at=trainer.at, note=note if plain(conflict) else ""
    )


def cuts_first(a: Value, b: Value) -> bool:
    x, y = plain(a), plain(b)
    return isinstance(x, (int, float)) and isinstance(y, (int, float)) and x <= y
