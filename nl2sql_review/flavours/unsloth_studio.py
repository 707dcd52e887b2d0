"""Unsloth Studio: its requests in JSON, and its stored defaults of a model in YAML."""

from __future__ import annotations

from . import unsloth
from .flavour import Build, Flavour, Outline

# Keys of a request that the command line does not have.
ASKS = frozenset(("optim", "lr_scheduler_type", "warmup_ratio"))


def detects(outline: Outline) -> bool:
    """Return whether a file is Studio's: a model's defaults have the command line's sections, a request has none."""
    keys = outline.keys
    if unsloth.detects(outline):
        inner = [outline.sections[name] for name in unsloth.SECTIONS if name in outline.sections]
        return "data" not in keys and ("model" not in keys or any(found & ASKS for found in inner))
    return {"model_name", "training_type"} <= keys and bool(keys & {"format_type", "hf_dataset", "local_datasets"})


FLAVOUR = Flavour(
    "unsloth-studio",
    started_by="Unsloth Studio",
    program="Unsloth Studio",
    family="Unsloth",
    build=Build("unsloth", r"studio/backend/models/training\.py", {"": ("TrainingStartRequest",)}),
    read=unsloth.read,
    detects=detects,
    plain_keys=("training_type",),
    sections=("training", "lora"),
    parser="pydantic",
    refusal="the request is refused",
    patches=True,
)
