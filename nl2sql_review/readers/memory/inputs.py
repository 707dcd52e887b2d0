"""Inputs of the GPU memory estimate, and whether the stated card has enough memory."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...gpu_memory import advice, architectures, cards, from_plan
from ...gpu_memory.estimate import GIB, estimate
from ...training_plan.facts import Fact, Memory, TrainingPlan
from ...training_plan.values import Absent, Default, Either, Known, Term, Unknown, Value, options
from ..derive import derive, plain
from ..object_settings import last
from ..run import SFT_TRAINERS, Run

# Arguments of SFTTrainer that only a TRL from before it computed the loss in chunks takes.
FORMER_TRL = ("max_seq_length", "dataset_text_field", "packing", "tokenizer", "dataset_num_proc")
SPELT_OTHERWISE = (0, 16)  # the version of TRL since which SFTTrainer does not take them
EMBEDDINGS = ("embed_tokens", "lm_head")


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.memory
    part.gpu = gpu(run)
    part.architecture = architecture(run, plan)
    part.unsloth = Fact(Known(True) if run.unsloth else Absent("Unsloth is not used"), at=run.place)
    part.bits = bits(run, plan)
    part.double_quant = double_quant(run, plan)
    part.dynamic_weights = dynamic_weights(run, plan)
    part.wide_embeddings = wide_embeddings(run, plan)
    part.checkpointing = checkpointing(run, plan)
    part.loss = loss(run, plan)
    part.eager_attention = eager_attention(run)
    part.packing = packing(run)
    part.joined_rows = joined_rows(run)
    part.trained_embeddings = trained_embeddings(run, plan)
    part.sharded = sharded(run)
    judge_card(run, plan, part)


def gpu(run: Run) -> Fact:
    """Return the card from the settings or the command line, else from a comment in the script."""
    stated = getattr(run.settings, "gpu", None)
    directive = getattr(run.source, "directives", {}).get("gpu")
    said = stated or directive
    if not said:
        return Fact(Absent("no GPU is named"), at=run.place)
    return Fact(Known(said), at=run.place, note="" if stated else "stated by a comment")


# -- what the run is ---------------------------------------------------------------------------------------------


def architecture(run: Run, plan: TrainingPlan) -> Fact:
    fact = plan.lora.model_name
    return Fact(derive(lambda name: found(run, name), fact.value), at=fact.at, why_not=fact.why_not)


def found(run: Run, name: object) -> Value:
    if not isinstance(name, str):
        return Absent("no model is loaded") if isinstance(name, Absent) else Unknown("the model's name is not a string")
    if not name.strip():
        return Unknown("the model's name is empty")
    here = from_config(run, name)
    result = here or architectures.find(name)
    if isinstance(result, architectures.NoArchitecture):
        return Unknown(result.reason)
    if isinstance(result, architectures.SizeOnly) or here:
        return Known(asdict(result))
    return Known(result.name)


def from_config(run: Run, name: str) -> Any:
    """Return the architecture in the `config.json` of a directory in the project, or None if there is none."""
    project = run.recording.project
    if project is None or project.root is None or "://" in name or "\0" in name:
        return None
    file = project.root / Path(name) / "config.json"
    data = project.read(file)
    if data is None:
        return None
    run.recording.files_read = list(project.read_files)
    return architectures.from_json(data, name)


def bits(run: Run, plan: TrainingPlan) -> Fact:
    """Return 4 or 8 by quantization, else the width that the weights are loaded in."""
    four = plan.lora.load_in_4bit
    if isinstance(four.value, Unknown) and not run.load:
        return Fact(four.value, at=four.at)
    eight = run.quantization.value("load_in_8bit") if run.quantization else run.load.value("load_in_8bit")
    dtype = run.load.value("torch_dtype", "dtype")
    wide = any(isinstance(o, Term) and last(o.text) in ("float32", "float") for o in options(dtype))

    def width(in_four: object, in_eight: object) -> int:
        if in_four is True:
            return 4
        return 8 if in_eight is True else 32 if wide else 16

    eight = eight if isinstance(eight, (Known, Default, Either)) else Absent()
    return Fact(derive(width, four.value, eight), at=four.at or run.load.place)


def double_quant(run: Run, plan: TrainingPlan) -> Fact:
    by = plain(plan.lora.quantized_by.value)
    if plain(plan.memory.bits.value) != 4 and isinstance(plan.memory.bits.value, Known):
        return Fact(Absent("nothing is loaded in 4 bits"), at=run.load.place)
    if by != "BitsAndBytesConfig":
        return Fact(Known(True), at=run.load.place)
    value = run.quantization.value("bnb_4bit_use_double_quant")
    return Fact(Known(False) if isinstance(value, Absent) else value, at=run.quantization.place)


def dynamic_weights(run: Run, plan: TrainingPlan) -> Fact:
    plainly = Absent("every layer is quantized")
    if not run.load.callee.startswith("unsloth") or plain(run.load.value("use_exact_model_name")) is True:
        return Fact(plainly, at=run.load.place)

    def is_dynamic(name: object) -> bool | Value:
        return True if architectures.is_dynamic(str(name)) else plainly

    return Fact(derive(is_dynamic, plan.lora.model_name.value), at=run.load.place)


def wide_embeddings(run: Run, plan: TrainingPlan) -> Fact:
    """Return whether unquantized weights stay in fp32: by `prepare_model_for_kbit_training`, or by TRL until 0.21."""
    prepared = [c for c in (*run.prepared, *run.calls) if last(c.callee) == "prepare_model_for_kbit_training"]
    if prepared:
        return Fact(Known(True, (prepared[0].place,)), at=prepared[0].place)
    former = former_trl(run) or since(run, "trl", 0, 22) is False and not run.unsloth
    by_trl = former and run.adapter_call is run.adapter.call and plain(plan.memory.bits.value) in (4, 8)
    return Fact(Known(True) if by_trl else Absent("what is not quantized is kept in 16 bits"), at=run.load.place)


def former_trl(run: Run) -> bool:
    """Return whether SFTTrainer is called with arguments that only a TRL before 0.16 takes."""
    trainer = run.trainer
    return (
        trainer is not None
        and not run.unsloth
        and last(trainer.callee) == "SFTTrainer"
        and any(n in trainer.arguments for n in FORMER_TRL)
    )


def since(run: Run, library: str, *version: int) -> bool | None:
    """Return whether the script runs on this version of a library or a later one; None if that is open."""
    judged = run.versions[library].judged if getattr(run, "versions", None) is not None else ()
    later = {tuple(map(int, re.findall(r"\d+", v)[:3])) >= version for v in judged}
    return later.pop() if len(later) == 1 else None


def checkpointing(run: Run, plan: TrainingPlan) -> Fact:
    fact = plan.lora.gradient_checkpointing
    value, at = fact.value, fact.at
    if isinstance(value, Absent):
        value = run.arguments.value("gradient_checkpointing", "activation_checkpointing")
        at = run.arguments.where("gradient_checkpointing", "activation_checkpointing") or fact.at
    if isinstance(value, Absent) and run.unsloth:
        value = Known("unsloth")  # of from_pretrained, where all weights are trained
    if isinstance(value, Absent):
        kind = last(run.arguments.callee)
        sft = (
            kind == "SFTConfig"
            or not run.arguments
            and run.trainer is not None
            and last(run.trainer.callee) == "SFTTrainer"
        )
        value = Known(sft and not former_trl(run) and since(run, "trl", 0, 22) is not False)

    def how(given: object) -> str:
        return "offloaded" if given == "unsloth" and run.unsloth else "kept" if given else "off"

    return Fact(derive(how, value), at=at)


def loss(run: Run, plan: TrainingPlan) -> Fact:
    """Return how the logits are held for the loss.

    Unsloth, Liger and SFTTrainer since TRL 1.6 never hold all logits; the plain Trainer and former TRLs do.
    transformers before 4.49 copied them once more, to shift them.
    """
    at = run.trainer.place if run.trainer else run.place
    if run.unsloth:
        former = since(run, "unsloth", 2024, 12) is False
        return Fact(
            Known("whole 16-bit" if former else "chunked"), at=at, note="Unsloth before 2024.12" if former else ""
        )
    liger = run.arguments.value("use_liger_kernel", "use_liger")
    if isinstance(liger, (Known, Default)) and liger.value is True or "Liger" in run.load.callee:
        return Fact(Known("chunked"), at=at, note="by Liger")
    shifted = since(run, "transformers", 4, 49) is False
    whole = Known("whole, shifted" if shifted else "whole")
    if run.trainer is not None and last(run.trainer.callee) != "SFTTrainer":
        return Fact(whole, at=at, note="transformers' Trainer keeps all logits")
    said_before = since(run, "trl", *SPELT_OTHERWISE) is False
    if former_trl(run) and not said_before:
        return Fact(
            Known("whole, shifted"),
            at=at,
            note="the trainer is called the way TRL before 0.16 expects, and that keeps all logits",
        )
    if plain(run.arguments.value("loss_type")) == "dft" or "lm_head" in adapted(plan):
        return Fact(whole, at=at)
    chunks = since(run, "trl", 1, 6)
    if chunks is None and getattr(run, "versions", None) is not None:
        return Fact(Either((whole, Known("chunked")), "the version of TRL"), at=at)
    return Fact(
        whole if chunks is False else Known("chunked"),
        at=at,
        note="TRL before 1.6" if chunks is False else "since TRL 1.6",
    )


def eager_attention(run: Run) -> Fact:
    value = run.load.value("attn_implementation", "_attn_implementation")
    fused = Absent("the attention creates no score matrices")
    if isinstance(value, Absent) or run.unsloth:
        return Fact(fused, at=run.load.place)
    return Fact(
        derive(lambda name: True if name == "eager" else fused, value), at=run.load.where("attn_implementation")
    )


def packing(run: Run) -> Fact:
    value = run.arguments.value("packing")
    if isinstance(value, Absent) and run.trainer is not None:
        value = run.trainer.get("packing")
    if isinstance(value, Absent):
        return Fact(Absent("sequences are not packed"), at=run.place)
    return Fact(derive(bool, value), at=run.place)


def joined_rows(run: Run) -> Fact:
    """Return whether Unsloth's SFTTrainer joins a batch's rows, as without a collator; measured with 2026.10."""
    trainer = run.trainer
    padded = Absent("the rows of a batch are padded")
    if not run.unsloth or trainer is None or last(trainer.callee) not in SFT_TRAINERS:
        return Fact(padded, at=run.place)
    if "data_collator" in trainer.arguments or since(run, "unsloth", 2026, 10) is False:
        return Fact(padded, at=trainer.place)
    return Fact(Known(True), at=trainer.place)


def adapted(plan: TrainingPlan) -> list[str]:
    names = plain(plan.lora.target_modules.value)
    return [n for n in names if isinstance(n, str)] if isinstance(names, (list, tuple, set, frozenset)) else []


def trained_embeddings(run: Run, plan: TrainingPlan) -> Fact:
    """Return how many of embedding and head are fully trained: targets under Unsloth, or in `modules_to_save`."""
    saved = plain(run.adapter.value("modules_to_save"))
    names = [*(saved if isinstance(saved, (list, tuple)) else ()), *(adapted(plan) if run.unsloth else ())]
    count = sum(n in names for n in EMBEDDINGS)
    return Fact(Known(count) if count else Absent("neither is fully trained"), at=run.adapter.place)


def sharded(run: Run) -> Fact:
    for name in ("deepspeed", "fsdp"):
        value = run.arguments.value(name)
        if (
            not isinstance(value, Absent)
            and plain(value) not in (None, "", False)
            or isinstance(value, (Term, Unknown))
            and run.arguments
        ):
            if isinstance(value, Unknown) and "may be given" in value.why:
                continue
            return Fact(Known(name, value.trace), at=run.arguments.where(name))
    return Fact(Absent("one GPU holds the whole model"), at=run.place)


# -- whether the card has it -------------------------------------------------------------------------------------


def judge_card(run: Run, plan: TrainingPlan, part: Memory) -> None:
    batch = plan.arguments.per_device_batch_size
    said = plain(part.gpu.value)
    try:
        card = cards.find(said) if said else None
    except cards.UnknownCard as error:
        part.estimate = Fact(Unknown(str(error)), at=run.place)
        part.verdict = Fact(Unknown(str(error)), at=run.place)
        return
    try:
        runs = from_plan.runs(plan)
    except from_plan.NoEstimate as error:
        part.estimate = Fact(Unknown(error.reason), at=run.place)
        part.verdict = of_weights(run, plan, error, card)
        return
    made = [(setup, estimate(setup, card.context) if card else estimate(setup)) for setup in runs.setups]
    setup, needs = max(made, key=lambda pair: pair[1].high)
    trace = batch.value.trace
    words = advice.amount(needs)
    assumed = "; assumes " + ", ".join(setup.assumed) if setup.assumed else ""
    value: Value = Default(words, runs.default, trace) if runs.default else Known(words, trace)
    part.estimate = Fact(value, at=batch.at, note=setup.stack + assumed)
    if card is None:
        part.verdict = Fact(
            Absent("no GPU is named"), at=batch.at, why_not=f"no GPU is named; {advice.smallest(setup, needs)}"
        )
        return
    verdicts = {advice.verdict(e, card) for _, e in made}
    note = advice.sentence(setup, needs, card) + assumed
    word = verdicts.pop() if len(verdicts) == 1 else "may run out"
    if word == "may run out":
        part.verdict = Fact(Unknown(f"it may run out: {note}", trace), at=batch.at)
    else:
        part.verdict = Fact(
            Default(word, runs.default, trace) if runs.default else Known(word, trace), at=batch.at, note=note
        )


def of_weights(run: Run, plan: TrainingPlan, error: from_plan.NoEstimate, card: cards.Card | None) -> Fact:
    """Return the verdict that a size in the name allows: the weights alone may be too large for the card."""
    if card is None:
        return Fact(
            Absent("no GPU is named"),
            at=run.place,
            why_not=f"no GPU is named, and there is no estimate: {error.reason}",
        )
    if error.weights:
        name, parameters, width = error.weights
        least = parameters * width / 8 / GIB
        if least > card.gib:
            note = f"the weights of {name} alone take more than {least:.2g} GiB, and {card.words} offers {card.gib:.3g}"
            default = next(
                (v for v in (plan.memory.bits.value, plan.lora.model_name.value) if isinstance(v, Default)), None
            )
            value: Value = Default("cannot fit", default.overridden_by) if default else Known("cannot fit")
            return Fact(value, at=run.load.place, note=note)
    return Fact(Unknown(error.reason), at=run.load.place or run.place)
