"""Settings without effect: their switch is off, or they are overruled, swallowed, set too late or never read."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Iterator

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Known, Place, Value, is_optional
from . import own_optimizer
from .api.arguments import Defect, branch, on_some_branch
from .api.imports import fact as listed
from .derive import is_left_out, plain
from .object_settings import from_library, last
from .prompt.preparation import uses_unsloth
from .run import Run

# What a tokenizer's loader reads of its keywords; others it keeps and forgets.
LOADER = tuple(
    "padding_side truncation_side model_max_length use_fast add_bos_token add_eos_token trust_remote_code token "
    "revision use_auth_token cache_dir force_download local_files_only subfolder tokenizer_type add_prefix_space "
    "pad_token eos_token bos_token unk_token sep_token cls_token mask_token additional_special_tokens "
    "chat_template legacy from_slow proxies clean_up_tokenization_spaces split_special_tokens do_lower_case "
    "src_lang tgt_lang resume_download gguf_file config".split()
)
# Arguments of the call, which the loader does not hand on to it.
OF_THE_CALL = ("padding", "truncation", "max_length", "max_seq_length")
CALL = tuple(
    "text text_pair text_target add_special_tokens padding truncation max_length stride is_split_into_words "
    "verbose padding_side pad_to_multiple_of return_tensors return_token_type_ids return_attention_mask "
    "return_length return_overflowing_tokens return_special_tokens_mask return_offsets_mapping "
    "split_special_tokens".split()
)
TEMPLATE = tuple(
    "conversation tools documents chat_template add_generation_prompt continue_final_message tokenize padding "
    "truncation max_length return_tensors return_dict return_assistant_tokens_mask tokenizer_kwargs".split()
)
GENERATES = ("predict_with_generate", "generation_max_length", "generation_num_beams")
NEAR = 0.82  # how alike a misspelt name and the right one are: padding_size and padding_side

HUB = ("huggingface_hub", "transformers", "datasets", "peft", "trl", "unsloth", "accelerate", "sentence_transformers")
# Variables that a library reads when it is imported -> the libraries that do.
AT_IMPORT = {
    **dict.fromkeys(("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT"), HUB),
    **dict.fromkeys(("HF_DATASETS_CACHE", "HF_DATASETS_OFFLINE"), ("datasets", "trl", "unsloth")),
    "TRANSFORMERS_OFFLINE": ("transformers", "trl", "peft", "unsloth"),
    "CUDA_VISIBLE_DEVICES": ("unsloth",),
}


def read(run: Run, plan: TrainingPlan) -> None:
    part = plan.api
    if run.configuration is not None:
        why = "the keys of a configuration are judged by its parser"
        for name in ("idle", "swallowed", "late_environment", "misread_options", "unread"):
            setattr(part, name, Fact(Absent(why), at=run.place, why_not=why))
        plan.project.contradicted = Fact(Absent(why), at=run.place, why_not=why)
        return
    from .unread_settings import unread  # which asks the tree

    part.idle = listed(on_some_branch(run, idle), run.place)
    part.swallowed = listed(list(swallowed(run)), run.place)
    part.late_environment = listed(list(late_environment(run)), run.place)
    part.misread_options = listed(list(misread(run)), run.place)
    part.unread = listed(list(unread(run)), run.place)
    plan.project.contradicted = contradicted(run, plan)


# -- a setting whose switch is off ---------------------------------------------------------------------------------


def idle(run: Run) -> Iterator[Defect]:
    yield from of_loader(run)
    yield from of_arguments(run)


def of_loader(run: Run) -> Iterator[Defect]:
    """Yield quantization that a full fine-tune by Unsloth switches off."""
    if not run.load.callee.startswith("unsloth") or plain(run.load.value("full_finetuning")) is not True:
        return
    for name in ("load_in_4bit", "load_in_8bit"):
        asked, place = run.load.value(name), run.load.where(name)
        if plain(asked) is True and not from_library(asked) and place is not None:
            text = (
                f"full_finetuning=True switches {name}=True off: the weights are loaded in 16 bit and all are trained"
            )
            yield Defect("idle", name, place, text, branch(run.load.call), isinstance(asked, Default), asked.trace)


def of_arguments(run: Run) -> Iterator[Defect]:
    given = run.arguments
    if len(given.makers) != 1 or given.call is None or given.call.unread_arguments:
        return
    for name, why in idle_ones(run):
        value, place = given.value(name), given.where(name)
        if place is None or not set_on_purpose(value):
            continue
        yield Defect("idle", name, place, why, branch(given.call), isinstance(value, Default), value.trace)
    if run.trainer is not None and (idle := [*own_optimizer.without_effect(run)]):
        names, given_instead = [name for name, _ in idle], " and ".join(dict.fromkeys(what for _, what in idle))
        place = own_optimizer.place(run)
        has = "has" if len(names) == 1 else "have"
        text = f"{', '.join(names)} {has} no effect: the trainer is given {given_instead} that the script makes"
        yield Defect("idle", "optimizers", place, text, branch(run.trainer))


def idle_ones(run: Run) -> Iterator[tuple[str, str]]:
    """Yield arguments that depend on another one and are ignored, with the reason."""
    given = run.arguments
    evaluates = given.value("eval_strategy", "evaluation_strategy")
    if is_left_out(evaluates) and isinstance(given.value("do_eval", "evaluate_during_training"), Absent):
        text = 'without eval_strategy="steps", eval_steps has no effect: training evaluates nothing'
        yield "eval_steps", text
    for what in ("save", "eval", "logging"):
        if word(given.value(f"{what}_strategy", *(["evaluation_strategy"] if what == "eval" else []))) == "epoch":
            yield f"{what}_steps", f'{what}_steps has no effect with {what}_strategy="epoch"'
    if word(given.value("lr_scheduler_type")) == "constant":
        text = 'the schedule "constant" has no warm-up, so {} has no effect; "constant_with_warmup" has one'
        for name in ("warmup_steps", "warmup_ratio"):
            yield name, text.format(name)
    packs = given.value("packing")
    packs_evaluation = given.value("eval_packing")
    if is_left_out(packs) and is_left_out(packs_evaluation) and not uses_unsloth(run):
        yield "packing_strategy", "packing_strategy has an effect only with packing=True"
    if isinstance(packs := given.value("gradient_checkpointing"), Known) and packs.value is False:
        text = "gradient_checkpointing_kwargs has an effect only with gradient_checkpointing=True"
        yield "gradient_checkpointing_kwargs", text
    if run.trainer is not None and run.trainer.callee == "transformers.Trainer" and run.trainer.instance is None:
        for name in GENERATES:
            yield name, f"{name} has an effect only in Seq2SeqTrainer: Trainer generates nothing"
    steps, epochs = plain(given.value("max_steps")), given.value("num_train_epochs")
    if isinstance(steps, int) and steps > 0 and set_on_purpose(epochs):
        yield "max_steps", f"max_steps={steps} overrides num_train_epochs={plain(epochs)}"


def word(value: Value) -> str:
    """Return the name of a strategy or schedule, in any spelling."""
    text = getattr(value, "text", "")
    found = plain(value)
    return found.lower() if isinstance(found, str) else text.rpartition(".")[2].lower() if "." in text else ""


def set_on_purpose(value: Value) -> bool:
    """Return whether an argument is given a real value: None, 0 and empty values do not count as settings."""
    return isinstance(value, (Known, Default)) and not from_library(value) and value.value not in (None, 0, 0.0, "", {})


# -- an argument that keywords swallow ------------------------------------------------------------------------------


def swallowed(run: Run) -> Iterator[Defect]:
    seen: set[int] = set()
    more: tuple[str, ...]
    for call in run.calls:
        if call.callee == "transformers.AutoTokenizer.from_pretrained":
            known, more = LOADER, OF_THE_CALL
        elif call.callee == "transformers.PreTrainedTokenizer.__call__":
            known, more = CALL, ()
        elif call.callee == "transformers.PreTrainedTokenizer.apply_chat_template":
            known, more = TEMPLATE, ()
        else:
            continue
        if id(call.place.node) in seen:
            continue
        seen.add(id(call.place.node))
        yield from unknown_names(call, known, more)


def unknown_names(call: Call, known: tuple[str, ...], more: tuple[str, ...]) -> Iterator[Defect]:
    who = "apply_chat_template" if known is TEMPLATE else "the tokenizer"
    for name, value in call.arguments.items():
        if name[0] == "$" or name in known or name not in call.places:
            continue
        near = get_close_matches(name, known, 1, NEAR)
        if name in more:
            text = f"{name}= is an argument of the tokenizer's call: the loader stores it, and nothing reads it"
        elif near:
            text = f"{who} accepts any keyword, and nothing reads {name}=; did you mean {near[0]}?"
        else:
            continue
        on = branch(call) or (value.condition if is_optional(value) else "")
        yield Defect("swallowed", name, call.places[name], text, on)


# -- a variable that was read already --------------------------------------------------------------------------------


def late_environment(run: Run) -> Iterator[Defect]:
    source = run.source
    writes = [c for c in run.calls if c.callee.startswith("os.environ.") and not c.conditional]
    writes = [c for c in writes if last(c.callee).rstrip("=") in AT_IMPORT and c.place.source is source]
    if not writes or source.kind == "configuration":
        return
    imports = [
        (path.split(".")[0], place)
        for path, place in run.recording.imports
        if place.source is source and not within_function(place)
    ]  # what stands above a function has run when the function does
    source.locate([*(c.place.node for c in writes), *(place.node for _, place in imports)])
    spans = [(library, source.span(place.node)) for library, place in imports]
    for call in writes:
        name = last(call.callee).rstrip("=")
        own = source.span(call.place.node)
        before = [lib for lib, span in spans if lib in AT_IMPORT[name] and where(span) < where(own)]
        if before:
            text = f"{name} is read when {before[0]} is imported, above this line: set it earlier"
            yield Defect("late", name, call.place, text)


# -- an option that takes every word for yes ------------------------------------------------------------------------


def misread(run: Run) -> Iterator[Defect]:
    """Yield the options that turn a word like "False" into True, as `type=bool` does: of the script or its start."""
    seen: set[tuple[int, str]] = set()
    started = run.recording.started
    for option, word, place in run.recording.misread:
        if (key := (id(place.node), str(plain(word)))) in seen:
            continue
        seen.add(key)
        text = f'{option} is given "{plain(word)}", and its type makes True of every text that is not empty'
        # A text that stands in the declaration is its default.
        trace = tuple(step for step in word.trace if step.node is not place.node)
        elsewhere = (
            bool(word.trace) and word.trace[0].source is not run.source and bool(started and started.overridable)
        )
        yield Defect("misread", option, place, text, assumed=elsewhere or isinstance(word, Default), trace=trace)


def within_function(place: Place) -> bool:
    import libcst as cst

    return any(isinstance(node, cst.FunctionDef) for node in place.source.nodes.path(place.node))


def where(span: object) -> tuple[int, int]:
    return (getattr(span, "cell", None) or 0, getattr(span, "row", 0))


def comment_places(run: Run, names: tuple[str, ...]) -> list[Place]:
    """Return the places of these training arguments."""
    found = (run.arguments.where(name) for name in names)
    return [place for place in found if place is not None and place.source is run.source]


BATCH = re.compile(
    r"#[^#\n]*?\b(?:effective|global|total)(?: train(?:ing)?)? batch(?:[ _-]?size)?[ \t]*"
    r"(?:(?:is|of|=|:|->|→|~)[ \t]*)?(?:\d+(?:[ \t]*[*x×][ \t]*\d+)+[ \t]*=[ \t]*)?(\d+)\b(?!\.\d|[ \t]*[*x×+/-])",
    re.IGNORECASE,
)
HEDGED = re.compile(
    r"\b(was|were|try|or|e\.?g\.?|instead|previously|used to|per|gpus?|cards?|devices?|nodes?|x\d)\b", re.IGNORECASE
)
NAMES = ("per_device_train_batch_size", "gradient_accumulation_steps")


def contradicted(run: Run, plan: TrainingPlan) -> Fact:
    """Return the comments at the batch or accumulation that name another effective batch than the plan."""
    made = plan.arguments.effective_batch.value
    if not isinstance(made, (Known, Default)) or not isinstance(made.value, (int, float)):
        why = "the effective batch is unknown"
        return Fact(Absent(why), at=run.place, why_not=why)
    if run.configuration is not None or BATCH.search(run.source.text) is None:
        return listed([], run.place)
    places = comment_places(run, NAMES)
    run.source.locate([p.node for p in places])
    found: dict[int, Defect] = {}
    for place in places:
        span = run.source.span(place.node)
        for row in (span.row, span.row - 1):
            line = run.source.line(row, span.cell)
            match = BATCH.search(line)
            if row != span.row and not line.strip().startswith("#"):
                continue
            if match and not HEDGED.search(line[line.index("#") :]) and int(match[1]) != made.value:
                text = f"the comment says the effective batch is {match[1]}, but the values give {made.value:g}"
                found[row] = Defect("comment", "effective batch", place, text, assumed=isinstance(made, Default))
    return listed(list(found.values()), run.place)
