"""TRL's command line: `trl sft --config config.yaml`."""

from __future__ import annotations

from .flavour import Build, Flavour, Outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reading import Reading

OWN = frozenset(("dataset_name", "datasets", "dataset_mixture", "use_peft", "dataset_text_field"))


def detects(outline: Outline) -> bool:
    """Return whether a file is TRL's; a file for a launcher may have the same keys and is not."""
    from .launch import launcher_of

    return "model_name_or_path" in outline.keys and bool(outline.keys & OWN) and not launcher_of(outline.keys)[0]


def read(reading: Reading) -> None:
    from .calls import trl

    trl.read(reading)


FLAVOUR = Flavour(
    "trl",
    started_by="trl sft --config",
    program="trl sft",
    family="TRL",
    build=Build(
        "trl",
        r"trl/(trainer/(base_config|sft_config|model_config)|scripts/utils)\.py",
        {"": ("ScriptArguments", "SFTConfig", "ModelConfig", "DatasetMixtureConfig"), "datasets": ("DatasetConfig",)},
        extends=True,
        launcher=True,
    ),
    read=read,
    detects=detects,
    plain_keys=("model_name_or_path",),
    parser="argparse",
    refusal="the command stops with a usage error",
    other_keys="a script with its own parser",
    commands=("trl sft",),
    other_commands=("trl dpo", "trl kto", "trl grpo", "trl reward", "trl rloo", "trl orpo", "trl cpo"),
    modules=("trl.scripts.sft",),
)
