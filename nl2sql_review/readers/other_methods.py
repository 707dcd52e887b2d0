"""Adapters of PEFT that are no plain LoRA: other methods, and LoHa and LoKr with settings of their own."""

from __future__ import annotations

from ..training_plan.facts import Fact
from ..training_plan.values import Absent, Unknown
from .derive import numeric
from .object_settings import last
from .run import Run

# PEFT's methods without a rank: they train a prompt, vectors, rotations or norms
OTHER_METHODS = (
    "PromptTuningConfig MultitaskPromptTuningConfig PromptEncoderConfig PrefixTuningConfig CPTConfig "
    "AdaptionPromptConfig IA3Config LNTuningConfig OFTConfig BOFTConfig FourierFTConfig"
).split()


def not_lora(run: Run) -> Fact | None:
    """Return the adapter of a run that trains by another method of PEFT, or by one that a saved file names."""
    makers_of = [call.callee for call, _ in run.adapter.makers if call is not None]
    names = {last(callee) for callee in makers_of}
    if names and names <= set(OTHER_METHODS):
        return Fact(Absent(f"no LoRA adapter is added: {names.pop()} trains by another method"), at=run.adapter.place)
    if any(callee.endswith("Config.from_pretrained") for callee in makers_of):
        return Fact(Unknown("the adapter's settings are in the file that from_pretrained reads"), at=run.adapter.place)
    return None


def one_dropout(rank: Fact, module: Fact) -> Fact:
    """Return the dropout of LoHa and LoKr, which have two: that of the modules if that of the rank is off."""
    return module if numeric(rank.value) == 0 else rank
