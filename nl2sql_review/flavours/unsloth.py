"""Unsloth's command line: `unsloth train -c config.yaml`."""

from __future__ import annotations

from .flavour import Build, Flavour, Outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reading import Reading

SECTIONS = ("data", "training", "lora", "logging")
# Keys that hardly anything but Unsloth has: its sections have the names that everyone gives to sections.
OWN = frozenset(
    """dataset format_type local_dataset train_on_completions lora_r use_loftq use_rslora vision_all_linear
    finetune_language_layers finetune_attention_modules finetune_mlp_modules finetune_vision_layers enable_wandb
    enable_tensorboard""".split()
)


def detects(outline: Outline) -> bool:
    """Return whether sections hold Unsloth's keys: at least one key of its own, and no fewer known keys than others.

    Many scripts read a file with sections called training and lora; such a file belongs to the script.
    """
    from . import keys

    sections = outline.sections.keys()
    by_training = "training" in sections and bool(sections & {"lora", "data"})
    by_lora = {"lora", "data"} <= sections and "model" in outline.keys
    if "model" in sections or not (by_training or by_lora):
        return False
    inner = [outline.sections[name] for name in SECTIONS if name in sections]
    tables = [keys.of(name).sections for name in ("unsloth", "unsloth-studio")]
    known = {key for table in tables for section in table.values() for key in section}
    knows = sum(key in known for found in inner for key in found)
    return any(found & OWN for found in inner) and 2 * knows >= sum(map(len, inner))


def read(reading: Reading) -> None:
    from .calls import unsloth

    unsloth.read(reading)


FLAVOUR = Flavour(
    "unsloth",
    started_by="unsloth train",
    program="unsloth train",
    family="Unsloth",
    build=Build(
        "unsloth",
        r"unsloth_cli/config\.py",
        {
            "": ("Config",),
            "data": ("DataConfig",),
            "training": ("TrainingConfig",),
            "lora": ("LoraConfig",),
            "logging": ("LoggingConfig",),
        },
    ),
    read=read,
    detects=detects,
    sections=("training", "lora"),
    parser="pydantic",
    refusal="the configuration is not valid, and the command stops",
    patches=True,
    commands=("unsloth train",),
)
