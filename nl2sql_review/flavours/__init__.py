"""Configurations that train without a script: one file for each program that reads them, and the keys they may have.

    recording = record(source, root, settings)      # the calls that the program makes of the configuration

`NotAConfiguration` says why a file is none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# As they are called on the command line, and what reads them.
FLAVOURS = {
    "trl": "trl sft --config",
    "axolotl": "axolotl train",
    "llamafactory": "llamafactory-cli train",
    "unsloth": "unsloth train --config",
    "unsloth-studio": "a request to Unsloth Studio, or its defaults for a model",
}
# Libraries that train with versions of transformers and trl which they hold back themselves.
PINNING = ("axolotl", "llamafactory")


class NotAConfiguration(Exception):
    """A file that trains nothing. The text says what it is instead."""


def record(source: Any, root: str, settings: Any = None, flavour: str = "") -> Any:
    """What the program that reads a configuration would call. Raises NotAConfiguration, SourceError."""
    import os
    from pathlib import Path

    from ..interpret.core.project import Project
    from ..libraries import chosen
    from ..libraries.declared import Statement
    from . import keys
    from .reading import Reading

    document, text = parsed(source, "pyyaml")
    name = flavour or flavour_of(document)
    module = reader_of(name)
    if name == "llamafactory":
        document, text = parsed(source, "omegaconf")
    table = keys.of(name)
    program = module.STUDIO if name == "unsloth-studio" else module.PROGRAM
    pins = table.requires if table.library in PINNING else {}
    needs = [Statement(library, wanted, f"{table.library} {table.version}") for library, wanted in pins.items()]
    folder = os.path.dirname(os.path.abspath(source.path))
    versions = chosen.of_script(source, folder, root, settings, unsloth=name.startswith("unsloth"), needs=needs)
    reading = Reading(source, document, text, table, program, Project(Path(root), Path(source.path)), versions)
    if not reading.top.items:
        raise NotAConfiguration("not a training configuration: it holds no keys")
    module.read(reading)
    recording = reading.recording
    recording.files_read = [*recording.project.read_files, *(f for f in versions.files)]
    recording.files_missing = list(recording.project.missing)
    return recording


def reader_of(flavour: str) -> Any:
    from importlib import import_module

    return import_module(f"{__name__}.{flavour.partition('-')[0]}")


def parsed(source: Any, dialect: str) -> tuple[Any, Any]:
    """(document, text) of a file, with the places of its keys. SourceError when it is not of its format."""
    from ..interpret.core import documents
    from ..source.spans import SourceError, point
    from ..training_plan.values import Known

    text = documents.Text(source.text, source, wanted=True)
    try:
        if source.path.lower().endswith(".json"):
            return documents.json_document(text)(), text
        if source.path.lower().endswith(".toml"):
            return documents.toml_document(text)(), text
        found = documents.yaml_documents(text, dialect)
    except documents.Malformed as error:
        raise SourceError("file/syntax", str(error), error.span or point(1, 1)) from None
    if len(found) > 1:
        raise NotAConfiguration("not a training configuration: several YAML documents in one file")
    return (found[0]() if found else Known(None)), text


# -- which flavour -----------------------------------------------------------------------------------------------


def flavour_of(document: Any) -> str:
    """The flavour by its keys. Raises NotAConfiguration."""
    from ..interpret.core.objects import Mapping, object_of

    found = object_of(document)
    if not isinstance(found, Mapping):
        raise NotAConfiguration("not a training configuration: it is no mapping of keys")
    items = found.state.items
    keys = {k for k, v in items.items() if isinstance(k, str)}
    sections = {k for k, v in items.items() if isinstance(object_of(v), Mapping)}
    if "model" not in sections and (
        "training" in sections
        and sections & {"lora", "data"}
        or "lora" in sections
        and keys & {"model"}
        and sections & {"data"}
    ):
        inner = {name: set(object_of(items[name]).state.items) for name in UNSLOTH_SECTIONS if name in sections}
        named = set().union(*inner.values())
        if is_unsloths(inner):
            asks = named & {"optim", "lr_scheduler_type", "warmup_ratio"} or not keys & {"model", "data"}
            return "unsloth-studio" if asks and "data" not in keys else "unsloth"
    if {"model_name", "training_type"} <= keys and keys & {"format_type", "hf_dataset", "local_datasets"}:
        return "unsloth-studio"
    if "base_model" in keys and keys & {
        "datasets",
        "pretraining_dataset",
        "micro_batch_size",
        "sequence_len",
        "adapter",
        "rl",
        "test_datasets",
    }:
        return "axolotl"
    if "model_name_or_path" in keys and keys & {"stage", "finetuning_type"} and "dataset_name" not in keys:
        refuse_llamafactory(items)
        return "llamafactory"
    if keys & {"compute_environment", "distributed_type"} or {"num_processes", "mixed_precision"} <= keys:
        raise NotAConfiguration(
            "an accelerate configuration, no training configuration: it is read with the script or configuration that "
            "it launches"
        )
    if keys & {"zero_optimization", "train_micro_batch_size_per_gpu"}:
        raise NotAConfiguration(
            "a DeepSpeed configuration, no training configuration: it is read with the script or configuration that "
            "names it"
        )
    if "model_name_or_path" in keys and keys & {
        "dataset_name",
        "datasets",
        "dataset_mixture",
        "use_peft",
        "dataset_text_field",
    }:
        return "trl"
    if "model" in keys and "train_dataset" in keys:
        raise NotAConfiguration("a configuration of LLaMA-Factory v1, which is not read yet")
    raise NotAConfiguration(
        "not a training configuration: its keys are those of no flavour (TRL, Axolotl, LLaMA-Factory, Unsloth); "
        "--flavour names one"
    )


UNSLOTH_SECTIONS = ("data", "training", "lora", "logging")
# Keys that hardly anything but Unsloth has: its sections have the names that everyone gives to sections.
UNSLOTHS_OWN = frozenset(
    """dataset format_type local_dataset train_on_completions lora_r use_loftq use_rslora vision_all_linear
    finetune_language_layers finetune_attention_modules finetune_mlp_modules finetune_vision_layers enable_wandb
    enable_tensorboard""".split()
)


def is_unsloths(inner: dict[str, set[Any]]) -> bool:
    """Whether sections hold Unsloth's keys: one of its own, and no fewer that it knows than others.

    Many scripts read a file with sections called training and lora; such a file is theirs.
    """
    from . import keys

    tables = [keys.of(name).sections for name in ("unsloth", "unsloth-studio")]
    known = {key for sections in tables for section in sections.values() for key in section}
    knows = sum(key in known for found in inner.values() for key in found)
    return bool(set().union(*inner.values()) & UNSLOTHS_OWN) and 2 * knows >= sum(map(len, inner.values()))


def refuse_llamafactory(items: Any) -> None:
    """A configuration that only predicts, exports or serves."""
    train = items.get("do_train")
    if getattr(train, "value", None) is True:
        return
    if "do_predict" in items or "do_eval" in items or "export_dir" in items or "dataset" not in items:
        raise NotAConfiguration("a configuration of LLaMA-Factory that does not train: do_train is not on")


__all__ = ["FLAVOURS", "NotAConfiguration", "flavour_of", "record"]
