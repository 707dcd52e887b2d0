"""Mixed precision: the effect of the two flags on a GPU with bfloat16 and on one without."""

from __future__ import annotations

import re
from typing import Any

from ..interpret.core.operations import describe
from ..libraries.versions import is_exact, key_of
from ..training_plan.facts import Arguments, Fact
from ..training_plan.values import Absent, Default, Either, Known, Place, Term, Unknown, Value, options
from . import defaults, launcher
from .api.arguments import patched
from .derive import derive, is_true, plain
from .object_settings import from_library, last
from .run import Run

PROBE = re.compile(
    r"is_bfloat16_supported|is_bf16_supported|SUPPORTS_BFLOAT16|is_torch_bf16(_gpu)?_available|is_bf16_available|"
    r"get_device_capability|get_device_properties\([^()]*\)\.major|has_bf16"
)
# Probes that say yes on a card which only emulates bfloat16, unless Unsloth has put its own in their place.
EMULATED = re.compile(
    r"(?<!unsloth\.)is_bf16_supported\((?![^()]*including_emulation\s*=\s*False)(?!\s*False)|"
    r"is_torch_bf16(_gpu)?_available\(|is_bf16_available\("
)
CUDA = re.compile(r"(?:torch\.)?cuda\.is_available\(\)")
RAISES = "a T4 or V100 has no bfloat16, and the arguments raise ValueError there"
EMULATES = "a T4 or V100 emulates bfloat16: it raises no error, but training is much slower than with fp16"
SAYS_YES = (
    "{probe} includes emulation and returns True on a T4 or V100 too; use "
    "torch.cuda.is_bf16_supported(including_emulation=False)"
)
COUNTS_EMULATION = "2.2"  # PyTorch since, at the earliest: is_bf16_supported() is true where bfloat16 is only emulated
PROBED = "bf16 by a probe that says yes everywhere"
BY_SFT = "SFTConfig enables bf16 unless fp16 is set"
REFUSES = "the script stops on a GPU without bfloat16, where fp16 would work"


def read(run: Run, part: Arguments) -> None:
    """Fill the effective `bf16` and `fp16`, and `mixed_precision`."""
    sft_precision(run, part)
    emulated = not patched(run.recording) and run.configuration is None  # whose programs ask for themselves
    emulated = emulated and not before_emulation(run)
    part.mixed_precision = by_unsloth(run, of_flags(part.bf16, part.fp16, emulated))
    launcher.precision(run, part)
    if plain(part.mixed_precision.value) == "bf16":
        probe = emulating(part.bf16.value) or emulating(part.fp16.value) if emulated else ""
        if probe:
            part.mixed_precision.value = derive(lambda _: PROBED, part.mixed_precision.value)
            part.mixed_precision.note = SAYS_YES.format(probe=probe)
            return
        on_old = EMULATES if emulated else RAISES
        if part.bf16.note == BY_SFT:
            on_old = f"{last(run.arguments.callee) or 'SFTConfig'} enables it unless fp16 is set, and {on_old}"
        part.mixed_precision.note = REFUSES if refuses_old(part.mixed_precision.at) else on_old


def before_emulation(run: Run) -> bool:
    """Return whether the stated PyTorch is older than all whose probe counts emulation."""
    torch = run.versions["torch"] if run.versions is not None else None
    return torch is not None and is_exact(torch.specifier) and key_of(torch.number) < key_of(COUNTS_EMULATION)


def sft_precision(run: Run, part: Arguments) -> None:
    """Turn bf16 on as SFTConfig does by itself, unless fp16 is on: then it is off in every release."""
    bf16 = part.bf16.value
    if isinstance(bf16, Unknown) and is_true(part.fp16.value) and isinstance(run.arguments.value("bf16"), Absent):
        part.bf16.value = Known(False, part.fp16.value.trace)
    if isinstance(bf16, (Known, Default)) and bf16.value is None:
        part.bf16.value = derive(lambda _, half: half is not True, bf16, part.fp16.value, trace=bf16.trace)
        part.bf16.note = BY_SFT
    elif isinstance(bf16, Either) and any(isinstance(v, (Known, Default)) and v.value is None for v in bf16.options):
        # TRL's own default on one side, that of Unsloth's class on the other
        part.bf16.value = derive(lambda on, half: half is not True if on is None else on, bf16, part.fp16.value)


def of_flags(bf16: Fact, fp16: Fact, emulated: bool = False) -> Fact:
    """Return the effect of both flags, on a GPU with bfloat16 and on one without.

    `emulated`: PyTorch's own probe returns True on both.
    """
    first = fp16 if from_library(bf16.value) and not from_library(fp16.value) else bf16
    if isinstance(bf16.value, Absent) and isinstance(fp16.value, Absent):
        return Fact(Absent("no training arguments"), at=bf16.at, why_not=bf16.why_not)
    outcomes = [(on(bf16.value, p, emulated), on(fp16.value, p, emulated)) for p in (True, False)]
    for fact in (bf16, fp16):
        if any(outcome[0 if fact is bf16 else 1] is None for outcome in outcomes):
            why = (
                fact.value.why if isinstance(fact.value, Unknown) else f"{describe(fact.value)} is decided at run time"
            )
            return Fact(Unknown(why, fact.value.trace), at=fact.at)
    trace = first.value.trace or bf16.value.trace or fp16.value.trace
    named = name_of(outcomes[0], outcomes[1])
    defaults = [v for fact in (bf16, fp16) for v in options(fact.value) if isinstance(v, Default)]
    value: Value = Default(named, defaults[0].overridden_by, trace) if defaults else Known(named, trace)
    return Fact(value, at=first.at, note=bf16.note)


# What comes of it where Unsloth's trainer, finding neither flag on, lets the GPU choose.
CHOSEN_BY_GPU = {
    "none": "bf16 else fp16",
    "bf16 else none": "bf16 else fp16",
    "fp16 only without bf16 support": "bf16 else fp16",
}


def by_unsloth(run: Run, fact: Fact) -> Fact:
    """Return the precision of Unsloth's trainers: if neither flag is on, the GPU and the model's dtype decide."""
    value = fact.value
    chosen = next((CHOSEN_BY_GPU[n] for v in options(value) if (n := plain(v)) in CHOSEN_BY_GPU), "")
    trainer = run.trainer
    made_by = trainer.callee if trainer is not None else "trl.SFTTrainer"
    if trainer is None and not defaults.generated(run.arguments.callee):
        return fact
    by_it = defaults.trains_by_unsloth(made_by) if chosen else False
    if by_it is False:
        return fact
    if by_it is None and not run.load.callee.startswith("unsloth"):
        why = "neither flag is set: Unsloth's trainer then follows the model, and whether it is installed is unknown"
        return Fact(Unknown(why, value.trace), at=fact.at)
    if not run.load.callee.startswith("unsloth"):
        why = "neither flag is set: Unsloth's trainer then follows the dtype of the model, and that is unknown"
        return Fact(Unknown(why, value.trace), at=fact.at)
    if plain(run.load.value("full_finetuning")) is True:
        why = "neither flag is set: Unsloth trains all weights in the dtype they are loaded in, without mixed precision"
        return Fact(Unknown(why, value.trace), at=fact.at)
    dtype = run.load.value("dtype", "torch_dtype")
    if isinstance(dtype, Absent) or isinstance(dtype, Known) and dtype.value is None:
        made = derive(lambda name: CHOSEN_BY_GPU.get(name, name), value, trace=value.trace)
        return Fact(made, at=fact.at, note="neither flag is set: Unsloth's trainer asks the GPU")
    if is_half(dtype):
        return Fact(Known("fp16", value.trace), at=fact.at, note="the model is loaded in float16")
    return Fact(Unknown(f"Unsloth's trainer follows the model's dtype, {describe(dtype)}", value.trace), at=fact.at)


def is_half(dtype: Value) -> bool:
    said = dtype.text if isinstance(dtype, Term) else plain(dtype)
    return isinstance(said, str) and last(said) in ("float16", "half")


def refuses_old(at: Place | None) -> bool:
    """Return whether the script checks for bfloat16 and stops by itself if there is none."""
    source = at.source if at is not None else None
    if source is None or not PROBE.search(getattr(source, "text", "")) or not hasattr(source, "nodes"):
        return False
    import libcst as cst

    for node in source.nodes.order:
        if isinstance(node, (cst.Assert, cst.If)) and PROBE.search(source.segment(node.test)):
            if isinstance(node, cst.Assert) or re.search(
                r"\braise\b|\bexit\(", source.segment(node.body.body[0], node.body.body[-1])
            ):
                return True
    return False


def on(value: Value, supported: bool, emulated: bool = False) -> bool | None:
    """Return whether a flag is on, given whether the GPU supports bfloat16; None if it cannot be told."""
    if isinstance(value, Absent):
        return False
    if isinstance(value, (Known, Default)):
        return bool(value.value) if isinstance(value.value, (bool, int, type(None))) else None
    if isinstance(value, Either) and len(value.options) == 2:
        known = [on(o, supported, emulated) for o in value.options]
        if known[0] == known[1]:
            return known[0]
        decides = asked(value.condition, supported, emulated)
        return None if decides is None else known[0] if decides else known[1]
    if isinstance(value, Term):
        if value.operation == "not" and value.args:
            inner = on(value.args[0], supported, emulated)
            return None if inner is None else not inner
        if value.operation in ("and", "or") and value.args:
            parts = [on(a, supported, emulated) for a in value.args]
            if value.operation == "and":
                return False if False in parts else None if None in parts else True
            return True if True in parts else None if None in parts else False
        if value.operation == "call" and value.text.startswith("bool(") and len(value.args) == 1:
            return on(value.args[0], supported, emulated)
        return asked(value.text, supported, emulated)
    return None


def asked(text: str, supported: bool, emulated: bool = False) -> bool | None:
    """Return the result of a test for bfloat16 support, or None for any other test.

    The test is `is_bfloat16_supported()` or the like, or compares a compute capability with 8 (Ampere, the first
    with support). That there is a GPU at all is taken for granted: the run trains on it.
    """
    if text.startswith("not "):
        inner = asked(text[4:].strip(), supported, emulated)
        return None if inner is None else not inner
    if " and " in text and not text.startswith("("):
        parts = [asked(part, supported, emulated) for part in text.split(" and ")]
        return False if False in parts else None if None in parts else True
    if CUDA.fullmatch(text):
        return True
    if not PROBE.search(text):
        return None
    if "get_device_capability" not in text and ".major" not in text:
        return True if emulated and EMULATED.search(text) else supported
    if re.search(r">=\s*\(?8|>\s*\(?7\b", text):
        return supported
    if re.search(r"<\s*\(?8|<=\s*\(?7\b", text):
        return not supported
    return None


def emulating(value: Value) -> str:
    """Return the probe in a flag that counts emulation, or "" if there is none."""
    text = value.condition if isinstance(value, Either) else value.text if isinstance(value, Term) else ""
    found = EMULATED.search(text)
    return f"{found[0].rstrip('(')}()" if found else ""


NAMES = {
    ((True, False), (False, True)): "bf16 else fp16",
    ((True, False), (True, False)): "bf16",
    ((False, True), (False, True)): "fp16",
    ((False, False), (False, False)): "none",
    ((True, False), (False, False)): "bf16 else none",
    ((False, True), (True, False)): "fp16 else bf16",
    ((False, False), (False, True)): "fp16 only without bf16 support",
}


def name_of(with_support: tuple[Any, Any], without: tuple[Any, Any]) -> str:
    if with_support == (True, True) != without:
        return "both where bfloat16 is supported"
    if (True, True) in (with_support, without):
        return "both"
    return NAMES.get((with_support, without), "reversed")
