"""Several cards: where each process puts its model, and whether there is a process for each card."""

from __future__ import annotations

import re
from typing import Any

from ...libraries.versions import key_of
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Trace, Unknown, Value
from ..derive import plain
from ..object_settings import last
from ..prompt.preparation import uses_unsloth
from ..prompt.tokens import joined
from ..run import Run

SPREADS = ("auto", "balanced", "balanced_low_0")
FILLS = "sequential"  # the first card, and the next ones where it is too small
OWN_CARD = re.compile(r"local_?rank|local_process_index|process_index|\brank\b", re.IGNORECASE)
# What torchrun and accelerate launch set, so that a script's default does not hold.
LAUNCHER_SAYS = re.compile(r"WORLD_SIZE|RANK|ACCELERATE_|MASTER_(ADDR|PORT)|TORCHELASTIC_")
FIRST_CARD = re.compile(r"(?:cuda:)?0")
# A script that asks which process it is was written for a launcher.
LAUNCHED = re.compile(
    r"LOCAL_RANK|WORLD_SIZE|local_rank|notebook_launcher|init_process_group|PartialState|\bAccelerator\(|"
    r"deepspeed|torchrun|accelerate launch"
)
VISIBLE = "CUDA_VISIBLE_DEVICES"
SHELL = re.compile(rf"^%(?:env|set_env)\s+{VISIBLE}(?:\s*=\s*|\s+)(\S+)", re.MULTILINE)
REFUSES = "1.15.0"  # the first known trl whose SFTTrainer refuses one process with several cards


def read(run: Run, plan: TrainingPlan) -> None:
    plan.memory.placement = placement(run, plan)
    plan.arguments.cards = cards(run, plan)
    if why := wrapped(run, plan):
        batch = plan.arguments.effective_batch
        batch.value = Unknown(why, batch.value.trace)


# -- where a model is put ----------------------------------------------------------------------------------------


def placement(run: Run, plan: TrainingPlan) -> Fact:
    value, at = run.load.value("device_map"), run.load.where("device_map") or run.load.place or run.place
    if isinstance(plan.memory.sharded.value, Known):
        return Fact(plan.memory.sharded.value, at=at, why_not=f"{plan.memory.sharded.value.value} places the model")
    if (
        not run.load
        or run.load.call is run.trainer
        or isinstance(value, Absent)
        or isinstance(value, Known)
        and value.value is None
    ):
        return Fact(
            Absent("no device_map is set"),
            at=at,
            why_not="no device_map is set, so the trainer places the model",
        )
    if run.load.callee.startswith("unsloth") and plain(value) in (*SPREADS, FILLS):
        return Fact(
            Unknown(
                "Unsloth puts each process's model on its own GPU if device_map is automatic, in recent versions",
                value.trace,
            ),
            at=at,
        )
    return Fact(placed(value, plan.lora.load_in_4bit.value, value.trace), at=at)


def placed(value: Value, quantized: Value, trace: Trace) -> Value:
    if isinstance(value, Either):
        return joined(placed(o, quantized, trace) for o in value.options)
    if isinstance(value, Default) and LAUNCHER_SAYS.search(value.overridden_by):
        card = value.value[""] if isinstance(value.value, dict) and list(value.value) == [""] else value.value
        if "RANK" in value.overridden_by and FIRST_CARD.fullmatch(
            str(card)
        ):  # the number of the process, 0 unless a launcher says more
            return Known("on its own card", trace)
        return Unknown(f"it depends on {value.overridden_by}, and the launcher sets that", value.trace)
    if isinstance(value, Unknown) and isinstance(value.parts, dict):
        return _of_map(value.parts, quantized, trace)
    if isinstance(value, Unknown):
        return Unknown(value.why, value.trace)
    said = plain(value)
    # Of an expression, or of a library's object.
    text = getattr(value if isinstance(value, Term) else said, "text", None)
    if text is not None:
        return (
            Known("on its own card", trace)
            if OWN_CARD.search(text)
            else Unknown(f"it is known only at run time which GPU {text} is", trace)
        )
    if isinstance(said, dict):
        return _of_map({k: Known(v) for k, v in said.items()}, quantized, trace)
    if said in SPREADS:
        return _like(value, "over all cards", trace)
    if said == FILLS or FIRST_CARD.fullmatch(str(said)):
        return _on_first(value, quantized, trace)
    return Unknown(f"which GPU device_map={said!r} means depends on the process", trace)


def _of_map(parts: dict[Any, Any], quantized: Value, trace: Trace) -> Value:
    """Return the placement of a map: `{"": card}` puts the whole model on one card; several parts spread it."""
    if list(parts) == [""]:
        return placed(parts[""], quantized, trace)
    return Known("over all cards", trace) if len(parts) > 1 else Unknown("the device_map is unknown", trace)


def _on_first(value: Value, quantized: Value, trace: Trace) -> Value:
    """Return the placement of a model loaded on the first card.

    Quantized weights stay where they were loaded; others are moved to the card of the process before it trains.
    """
    if isinstance(quantized, (Known, Default)):
        return _like(value, "on the first card" if quantized.value is True else "by way of the first card", trace)
    if isinstance(quantized, Absent):
        return _like(value, "by way of the first card", trace)
    return Unknown("it is unknown whether the model is quantized", trace)


def _like(value: Value, word: str, trace: Trace) -> Value:
    return Default(word, value.overridden_by, trace) if isinstance(value, Default) else Known(word, trace)


# -- who uses the cards ------------------------------------------------------------------------------------------


def cards(run: Run, plan: TrainingPlan) -> Fact:
    """Return the use of the cards that the script makes visible: it does not state how many the machine has."""
    visible, at = _visible(run)
    if run.trainer is None or isinstance(visible, Absent):
        return Fact(Absent("no GPUs are selected"), at=at or run.place, why_not="the script does not select GPUs")
    count = (
        len([c for c in str(plain(visible)).split(",") if c.strip()]) if isinstance(visible, (Known, Default)) else 0
    )
    trace = visible.trace
    if count == 1:
        return Fact(Absent("one card"), at=at, why_not="one GPU is made visible")
    if uses_unsloth(run):
        return Fact(Absent("Unsloth"), at=at, why_not="Unsloth trains on one GPU per process")
    if isinstance(visible, Unknown):
        return Fact(visible, at=at)
    if not count:
        return Fact(Unknown("how many GPUs are made visible is known only at run time", trace), at=at)
    if plain(plan.memory.placement.value) == "over all cards":
        return Fact(Absent("spread"), at=at, why_not="device_map spreads the model over the GPUs")
    processes = plan.arguments.processes.value
    stated = plain(processes) if isinstance(processes, Known) else None  # a default is an assumption
    if stated and stated > 1:
        return Fact(Known("a process for each", trace), at=at)
    if isinstance(plan.memory.placement.value, Unknown):
        return Fact(plan.memory.placement.value, at=at)
    if stated != 1 and not _is_notebook(run):
        why = (
            f"the script does not say whether a launcher starts one process for each of the {count} GPUs; state it "
            f"in a comment `# processes: {count}` or in the settings"
        )
        return Fact(Unknown(why, trace), at=at)
    return Fact(Known("one process", trace), at=at, note=_consequence(run, count))


def wrapped(run: Run, plan: TrainingPlan) -> str:
    """Return why a launch may multiply the batch, or "": `CUDA_VISIBLE_DEVICES=0,1 python train.py` is one process.

    Trainer gives each card that it sees a batch (DataParallel), unless the model is already placed on some.
    """
    line, value = run.recording.started, plan.arguments.effective_batch.value
    visible = line.environment.get(VISIBLE) if line is not None else None
    if line is None or visible is None or line.processes is not None or line.program or run.trainer is None:
        return ""
    if not isinstance(value, (Known, Default)) or not isinstance(plan.arguments.processes.value, Default):
        return ""
    placed_or_own = not isinstance(plan.memory.placement.value, Absent) or uses_unsloth(run)
    if placed_or_own or isinstance(_visible(run)[0], (Known, Default)):
        return ""
    count = "several"
    if isinstance(visible, (Known, Default)):
        listed = [one for one in str(visible.value).split(",") if one.strip()]
        if len(listed) < 2:
            return ""
        count = str(len(listed))
    elif not isinstance(visible, Unknown):
        return ""
    shows = "may show" if isinstance(visible, Unknown) else "shows"
    return f"{line.where()} {shows} {count} GPUs to one process, and Trainer then gives each of them a batch"


def _is_notebook(run: Run) -> bool:
    """Return whether the source is a notebook whose cells run in one process, unless they start others."""
    text = getattr(run.source, "text", "")
    shell = "\n".join(m.text for m in getattr(run.source, "magics", ()))
    return getattr(run.source, "kind", "") == "notebook" and not LAUNCHED.search(text) and not LAUNCHED.search(shell)


def _visible(run: Run) -> tuple[Value, Place | None]:
    writes = [c for c in run.calls if c.callee == f"os.environ.{VISIBLE}="]
    if writes:
        value = next(iter(writes[-1].arguments.values()))
        if writes[-1].conditional:
            return Unknown("which GPUs are made visible depends on a branch", (writes[-1].place,)), writes[-1].place
        return value, writes[-1].place
    for magic in getattr(run.source, "magics", ()):
        found = SHELL.search(magic.text)
        if found:
            return Known(found[1].strip("'\"")), run.place
    return Absent("not set"), None


def _consequence(run: Run, count: int) -> str:
    assert run.trainer is not None
    name = last(run.trainer.callee)
    if run.trainer.callee == "trl.SFTTrainer" and run.versions is not None:
        if run.versions.all(lambda installed: key_of(installed["trl"]) >= key_of(REFUSES), "trl"):
            return f"{name} raises ValueError, since trl 1.15"
    return f"{name} wraps the model in DataParallel, so the batch is {count} times as large as its arguments say"
