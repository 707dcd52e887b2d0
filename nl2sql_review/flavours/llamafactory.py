"""LLaMA-Factory: `llamafactory-cli train config.yaml`."""

from __future__ import annotations

from .flavour import Build, Flavour, Outline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reading import Reading


def detects(outline: Outline) -> bool:
    keys = outline.keys
    return "model_name_or_path" in keys and bool(keys & {"stage", "finetuning_type"}) and "dataset_name" not in keys


def refuses(outline: Outline) -> str:
    """Return why a configuration does not train: it only predicts, exports or serves, or is of the next version."""
    keys = outline.keys
    if not detects(outline):
        v1 = "model" in keys and "train_dataset" in keys
        return "a configuration of LLaMA-Factory v1, not supported yet" if v1 else ""
    trains = outline.values.get("do_train") is True
    if trains or "dataset" in keys and not keys & {"do_predict", "do_eval", "export_dir"}:
        return ""
    return "a LLaMA-Factory configuration without training: do_train is not set"


def read(reading: Reading) -> None:
    from .calls import llamafactory

    llamafactory.read(reading)


FLAVOUR = Flavour(
    "llamafactory",
    started_by="llamafactory-cli train",
    program="LLaMA-Factory",
    family="LLaMA-Factory",
    build=Build(
        "llamafactory",
        r"llamafactory/hparams/\w+\.py",
        {"": ("ModelArguments", "DataArguments", "TrainingArguments", "FinetuningArguments", "GeneratingArguments")},
        extends=True,
        aliases={"BaseTrainingArguments": "Seq2SeqTrainingArguments"},
        names={"templates": ("llamafactory/data/template.py", "register_template")},
    ),
    read=read,
    detects=detects,
    refuses=refuses,
    plain_keys=("model_name_or_path", "finetuning_type"),
    parser="none",
    refusal="nothing converts it, and the run stops",
    unknown_key="ValueError",
    other_keys="a later release, or Megatron's arguments,",
    yaml="omegaconf",
    packages=("llamafactory",),
    pins=True,
    commands=("llamafactory-cli train", "lmf train"),
    modules=("llamafactory.cli", "llamafactory.train"),
    functions=(
        *(f"llamafactory.run_{name}" for name in ("exp", "sft", "dpo", "kto", "pt", "rm", "ppo")),
        *(f"llmtuner.run_{name}" for name in ("exp", "sft", "dpo", "pt", "rm", "ppo")),  # as it was called before
    ),
)
