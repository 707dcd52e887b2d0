"""Training arguments, trainers and parsers for dataclasses: transformers and trl as far as scripts see them."""

from __future__ import annotations

import dataclasses
import inspect
import json
import typing
from typing import Any, Optional

from . import standins
from .record import record
from .standins import Thing, behaves, families, library_class, made, plain, values

# Fields and defaults of TrainingArguments that scripts read, filter by (`inspect.signature`) or set by command line.
FIELDS: dict[str, Any] = {
    "output_dir": "trainer_output",
    "overwrite_output_dir": False,
    "do_train": False,
    "do_eval": False,
    "eval_strategy": "no",
    "evaluation_strategy": None,
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "learning_rate": 5e-5,
    "weight_decay": 0.0,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
    "num_train_epochs": 3.0,
    "max_steps": -1,
    "lr_scheduler_type": "linear",
    "lr_scheduler_kwargs": None,
    "warmup_ratio": 0.0,
    "warmup_steps": 0,
    "logging_dir": None,
    "logging_strategy": "steps",
    "logging_first_step": False,
    "logging_steps": 500,
    "save_strategy": "steps",
    "save_steps": 500,
    "save_total_limit": None,
    "save_safetensors": True,
    "save_only_model": False,
    "seed": 42,
    "data_seed": None,
    "bf16": False,
    "fp16": False,
    "tf32": None,
    "local_rank": -1,
    "ddp_find_unused_parameters": None,
    "dataloader_drop_last": False,
    "eval_steps": None,
    "dataloader_num_workers": 0,
    "dataloader_pin_memory": True,
    "run_name": None,
    "disable_tqdm": None,
    "remove_unused_columns": True,
    "load_best_model_at_end": False,
    "metric_for_best_model": None,
    "greater_is_better": None,
    "deepspeed": None,
    "label_smoothing_factor": 0.0,
    "optim": "adamw_torch",
    "optim_args": None,
    "group_by_length": False,
    "report_to": None,
    "push_to_hub": False,
    "hub_model_id": None,
    "hub_token": None,
    "hub_strategy": "every_save",
    "hub_private_repo": None,
    "resume_from_checkpoint": None,
    "gradient_checkpointing": False,
    "gradient_checkpointing_kwargs": None,
    "eval_accumulation_steps": None,
    "auto_find_batch_size": False,
    "torch_compile": False,
    "neftune_noise_alpha": None,
    "average_tokens_across_devices": False,
    "use_cpu": False,
}
SFT_FIELDS: dict[str, Any] = {
    "max_length": 1024, "max_seq_length": None, "packing": False, "padding_free": False, "dataset_text_field": "text",
    "dataset_num_proc": None, "dataset_kwargs": None, "eos_token": None, "pad_token": None, "chat_template_path": None,
    "completion_only_loss": None, "assistant_only_loss": False, "eval_packing": None, "model_init_kwargs": None,
}  # fmt: skip


def _arguments(canonical: str, base: type, defaults: dict[str, Any]) -> type:
    """A class that a dataclass may inherit from, without becoming one whose `__init__` refuses unknown names."""
    kinds = {bool: bool, int: int, float: float, str: str}
    fields = [
        (
            name,
            Optional[kinds.get(type(value), str)] if value is None else type(value),
            dataclasses.field(default=value),
        )
        for name, value in defaults.items()
    ]
    twin = dataclasses.make_dataclass("Twin", fields)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = dict(zip(["output_dir"], args), **kwargs)
        if standins.has_own_init(type(self)):
            record(canonical, args, kwargs)
        self.__dict__.update({**defaults, **given})

    __init__.__signature__ = inspect.signature(twin.__init__)
    cls = library_class(canonical, base, __init__=__init__, **defaults)
    cls.__dataclass_fields__, cls.__dataclass_params__ = twin.__dataclass_fields__, twin.__dataclass_params__
    cls.to_dict = lambda self: {name: self.__dict__.get(name) for name in defaults}
    return cls


TrainingArguments = _arguments("transformers.TrainingArguments", Thing, FIELDS)
values["transformers.TrainingArguments"] = TrainingArguments
values["transformers.Seq2SeqTrainingArguments"] = _arguments(
    "transformers.Seq2SeqTrainingArguments", TrainingArguments, FIELDS
)
values["trl.SFTConfig"] = _arguments("trl.SFTConfig", TrainingArguments, {**FIELDS, **SFT_FIELDS})
values["unsloth.UnslothTrainingArguments"] = _arguments(
    "unsloth.UnslothTrainingArguments", TrainingArguments, {**FIELDS, **SFT_FIELDS}
)

Trainer = library_class("transformers.Trainer")
values["transformers.Trainer"] = Trainer
for name in (
    "transformers.Seq2SeqTrainer",
    "trl.SFTTrainer",
    "trl.DPOTrainer",
    "trl.GRPOTrainer",
    "unsloth.UnslothTrainer",
):
    values[name] = library_class(name, Trainer)
    families[name] = "transformers.Trainer"


@behaves("train_on_responses_only", "accelerator.prepare")
def _first(*args: Any, **kwargs: Any) -> Any:
    return args[0] if args else kwargs.get("trainer")


@behaves("torch.no_grad()", "torch.inference_mode()", "torch.compile()", "spaces.GPU()")
def _decorated(function: Any) -> Any:
    return function


@behaves("DataLoader[].items")
def _batch(*args: Any, **kwargs: Any) -> list[tuple[str, Any]]:
    return [(name, made("torch.Tensor")) for name in ("input_ids", "attention_mask", "labels")]


@behaves("is_bfloat16_supported", "is_bf16_supported", "is_torch_bf16_gpu_available", "torch.cuda.is_available")
@behaves("is_flash_attn_2_available", "is_torch_tf32_available", "torch.backends.mps.is_available")
def _capable(*args: Any, **kwargs: Any) -> bool:
    return plain()


@behaves("torch.cuda.device_count", "get_world_size", "torch.cuda.current_device")
def _count(*args: Any, **kwargs: Any) -> int:
    return 1 if plain() else 4


@behaves("get_device_capability")
def _capability(*args: Any, **kwargs: Any) -> tuple[int, int]:
    return (8, 0) if plain() else (7, 5)


@behaves("get_last_checkpoint")
def _last_checkpoint(folder: Any = None, **kwargs: Any) -> str | None:
    return None if plain() else f"{folder}/checkpoint-1000"


# -- command lines over dataclasses -------------------------------------------------------------------------------
def required(kind: Any, name: str) -> Any:
    """A value for what has no default: somebody has to pass one, and each variant passes another."""
    if typing.get_origin(kind) is typing.Union:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) is typing.Literal:
        return typing.get_args(kind)[0 if plain() else -1]
    if kind in (int, float, bool):
        return kind(1 if plain() else 0) if kind is bool else kind(3 if plain() else 5)
    return f"{name}-{standins.variant}"


def changed(value: Any) -> Any:
    """What another command line passes in the place of a default."""
    if plain() or value is None:
        return value
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 2 + 1
    return value + "-b" if isinstance(value, str) else value


def fill(cls: type, given: dict[str, Any] | None = None, parsed: bool = True) -> Any:
    """An instance of a dataclass from `given`, and from the command line of this variant."""
    given = dict(given or {})
    try:
        kinds = typing.get_type_hints(cls)
    except Exception:  # a hint may name what a stand-in cannot evaluate
        kinds = {}
    build = {}
    declared = {
        name
        for base in cls.__mro__
        if not isinstance(base, standins.ThingType) or base.__module__ != __package__
        for name in base.__dict__.get("__annotations__", {})
    }
    for field in dataclasses.fields(cls):
        if not field.init:
            continue
        if field.name in given:
            build[field.name] = given[field.name]
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            build[field.name] = required(kinds.get(field.name, str), field.name)
        elif parsed and not plain() and field.default is not dataclasses.MISSING:
            build[field.name] = changed(field.default)
        elif parsed and field.default is not dataclasses.MISSING and field.name in declared:
            build[field.name] = field.default  # the parser passes every field
    return cls(**build)


class HfArgumentParser:
    """transformers.HfArgumentParser and trl.TrlParser."""

    def __init__(self, dataclass_types: Any, **kwargs: Any) -> None:
        several = isinstance(dataclass_types, (tuple, list))
        self.types = list(dataclass_types) if several else [dataclass_types]
        self.defaults: dict[str, Any] = {}

    def _all(self, given: dict[str, Any] | None, parsed: bool) -> tuple:
        return tuple(fill(cls, given, parsed) for cls in self.types)

    def set_defaults(self, **defaults: Any) -> None:
        self.defaults.update(defaults)

    def add_argument(self, *names: str, **kwargs: Any) -> None:
        pass

    add_argument_group = add_argument

    def parse_args_into_dataclasses(
        self, args: list[str] | None = None, return_remaining_strings: bool = False, **kwargs: Any
    ) -> tuple:
        given = self.defaults if args is None else {**self.defaults, **self._words(args)}
        result = self._all(given, parsed=args is None)
        return (*result, []) if return_remaining_strings else result

    def parse_args_and_config(self, args: list[str] | None = None, **kwargs: Any) -> tuple:
        return self.parse_args_into_dataclasses(args)

    def _words(self, args: list[str]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        kinds = {name: kind for cls in self.types for name, kind in typing.get_type_hints(cls).items()}
        for flag, word in zip(args[::2], args[1::2]):
            name = flag.lstrip("-").replace("-", "_")
            kind = kinds.get(name, str)
            given[name] = kind(word) if kind in (int, float, str) else word
        return given

    def parse_dict(self, args: dict[str, Any], allow_extra_keys: bool = False) -> tuple:
        return self._all(args, parsed=False)

    def parse_yaml_file(self, yaml_file: Any, allow_extra_keys: bool = False) -> tuple:
        import yaml

        with open(yaml_file, encoding="utf-8") as stream:
            return self._all(yaml.safe_load(stream), parsed=False)

    def parse_json_file(self, json_file: Any, allow_extra_keys: bool = False) -> tuple:
        with open(json_file, encoding="utf-8") as stream:
            return self._all(json.load(stream), parsed=False)


values["transformers.HfArgumentParser"] = values["trl.TrlParser"] = HfArgumentParser
