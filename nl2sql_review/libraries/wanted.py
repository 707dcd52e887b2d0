"""Stored part of each library: the calls that training scripts make, and the files of a wheel that define them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from . import generated
from .store import called


@dataclass(frozen=True)
class Wanted:
    """Callables of one library whose parameters are stored, `{name as scripts call it: its definitions}`.

    "Class.method" is a callable that is not a constructor. Several definitions make one entry, which accepts what
    any of them accepts.
    `files`: the files that define them, for a library whose wheel is too large to be read whole; () for all of
    its files. `exports`: whether the names that the package exports are stored too.
    """

    callables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    exports: bool = False

    @property
    def definitions(self) -> frozenset[str]:
        return frozenset(one for of in self.callables.values() for one in of)


def _plain(*names: str) -> dict[str, tuple[str, ...]]:
    """Return names whose definition is their last part: `utils.data.DataLoader` is the class DataLoader."""
    return {name: (called(name),) for name in names}


def _methods(classes: tuple[str, ...], *names: str) -> dict[str, tuple[str, ...]]:
    """Return methods of the first class; an object recorded as of this class may be of any of the classes."""
    return {f"{classes[0]}.{name}": tuple(f"{one}.{name}" for one in classes) for name in names}


def _functions_of(owner: str, *names: str) -> dict[str, tuple[str, ...]]:
    """Return functions of the package that are methods of one of its objects."""
    return {name: (f"{owner}.{name}",) for name in names}


_DATASETS = ("Dataset", "DatasetDict", "IterableDataset", "IterableDatasetDict")
_OF_DATASETS = (
    *("map", "filter", "shuffle", "select", "train_test_split", "rename_column", "rename_columns", "remove_columns"),
    *("select_columns", "sort", "shard", "take", "skip", "add_column", "cast", "cast_column", "class_encode_column"),
    *("flatten", "flatten_indices", "push_to_hub", "save_to_disk", "with_format", "unique", "to_pandas", "batch"),
    *("from_list", "from_dict", "from_pandas", "from_json", "from_csv", "from_generator", "from_parquet"),
)
_OF_THE_HUB = (
    *("create_repo", "delete_repo", "repo_exists", "upload_file", "upload_folder", "whoami"),
    *("create_commit", "create_branch", "create_tag", "model_info", "dataset_info", "list_repo_files"),
    "update_repo_settings",
)
_EIGHT_BIT = tuple(
    f"{paged}{name}{bits}"
    for name in ("Adam", "AdamW", "Lion")
    for paged in ("", "Paged")
    for bits in ("", "8bit", "32bit")
)

WANTED = {
    "trl": Wanted(
        _plain(
            *(
                "SFTTrainer",
                "SFTConfig",
                "_BaseConfig",
                "BaseConfig",
                "DPOTrainer",
                "DPOConfig",
                "GRPOTrainer",
                "GRPOConfig",
            ),
            *("DataCollatorForCompletionOnlyLM", "ConstantLengthDataset", "setup_chat_format", "clone_chat_template"),
        ),
        exports=True,
    ),
    "transformers": Wanted(
        _plain(
            *("TrainingArguments", "Seq2SeqTrainingArguments", "Trainer", "Seq2SeqTrainer", "Trainer.train"),
            *("BitsAndBytesConfig", "DataCollatorForLanguageModeling", "DataCollatorForSeq2Seq"),
        ),
        exports=True,
    ),
    "peft": Wanted(
        _plain("LoraConfig", "PeftConfig", "PeftConfigMixin", "get_peft_model", "prepare_model_for_kbit_training"),
        exports=True,
    ),
    "unsloth": Wanted(
        _plain(
            *("FastLanguageModel.from_pretrained", "FastModel.from_pretrained", "FastLlamaModel.get_peft_model"),
            *("FastBaseModel.get_peft_model", "UnslothTrainingArguments"),
            *(generated.ALL, *generated.NAMES.values()),
        )
    ),
    "unsloth_zoo": Wanted(_plain("train_on_responses_only")),
    "datasets": Wanted(
        {
            **_plain("load_dataset", "load_from_disk", "concatenate_datasets", "interleave_datasets"),
            **_methods(_DATASETS, *_OF_DATASETS),
        },
        ("arrow_dataset.py", "dataset_dict.py", "iterable_dataset.py", "load.py", "combine.py"),
    ),
    "accelerate": Wanted(
        _plain(
            *("Accelerator", "Accelerator.prepare", "Accelerator.clip_grad_norm_", "Accelerator.save_model"),
            *("Accelerator.save_state", "Accelerator.load_state", "Accelerator.unwrap_model", "Accelerator.accumulate"),
            *("Accelerator.init_trackers", "Accelerator.log", "notebook_launcher", "ProjectConfiguration"),
            *("DataLoaderConfiguration", "DeepSpeedPlugin", "FullyShardedDataParallelPlugin", "KwargsHandler"),
            *("DistributedDataParallelKwargs", "InitProcessGroupKwargs", "GradScalerKwargs", "utils.set_seed"),
            *("init_empty_weights", "load_checkpoint_and_dispatch", "dispatch_model", "infer_auto_device_map"),
        )
    ),
    "bitsandbytes": Wanted(
        _plain(*_EIGHT_BIT, "Linear4bit", "LinearNF4", "LinearFP4", "Linear8bitLt"),
        ("optim/adam.py", "optim/adamw.py", "optim/lion.py", "nn/modules.py"),
    ),
    "huggingface_hub": Wanted(
        {
            **_plain("login", "notebook_login", "interpreter_login", "snapshot_download", "hf_hub_download", "HfApi"),
            **_functions_of("HfApi", *_OF_THE_HUB),
            **_plain(*(f"HfApi.{name}" for name in _OF_THE_HUB)),
        },
        ("hf_api.py", "_login.py", "_snapshot_download.py", "file_download.py"),
    ),
    "torch": Wanted(
        {
            **_plain(
                *("utils.data.DataLoader", "optim.Adam", "optim.AdamW", "optim.SGD", "nn.utils.rnn.pad_sequence"),
                *("nn.Linear", "nn.CrossEntropyLoss", "amp.autocast", "save", "load", "cuda.is_bf16_supported"),
                *("optim.lr_scheduler.LambdaLR", "optim.lr_scheduler.CosineAnnealingLR", "optim.lr_scheduler.StepLR"),
                *("optim.lr_scheduler.OneCycleLR", "optim.lr_scheduler.LinearLR", "amp.GradScaler"),
                *("nn.utils.clip_grad_norm_", "utils.data.DistributedSampler"),
                *("distributed.fsdp.MixedPrecision", "distributed.fsdp.CPUOffload", "StateDictConfig"),
                *("distributed.fsdp.FullStateDictConfig", "distributed.fsdp.FullyShardedDataParallel"),
            ),
            "autocast": ("autocast",),
            "utils.data.distributed.DistributedSampler": ("DistributedSampler",),
        },
        (
            *("utils/data/dataloader.py", "utils/data/distributed.py", "optim/adam.py", "optim/adamw.py"),
            *("optim/sgd.py", "optim/lr_scheduler.py", "nn/utils/rnn.py", "nn/utils/clip_grad.py", "serialization.py"),
            *("nn/modules/linear.py", "nn/modules/loss.py", "amp/autocast_mode.py", "amp/grad_scaler.py"),
            *("cuda/__init__.py", "distributed/fsdp/api.py", "distributed/fsdp/fully_sharded_data_parallel.py"),
        ),
    ),
    "vllm": Wanted(
        {**_plain("SamplingParams", "LLM"), "sampling_params.SamplingParams": ("SamplingParams",)},
        ("sampling_params.py", "entrypoints/llm.py", "engine/arg_utils.py"),
    ),
}
# A callable that hands what it does not know to another one, which refuses what neither knows.
PASSED_ON = {"LLM": "EngineArgs"}
# Where a decorator takes arguments of older releases out of the call, {file: decorator}.
SWALLOWED_IN = {"utils/_validators.py": "validate_hf_hub_args"}
# Decorators that leave the parameters as they are. With any other one, what is taken is not known.
TRANSPARENT = frozenset(
    {
        *("staticmethod", "classmethod", "contextmanager", "dataclass", "dataclasses.dataclass", "wraps", "no_grad"),
        *("torch.no_grad", "_no_grad", "abstractmethod", "override", "deprecate_kwarg", "deprecated"),
        *("transmit_format", "transmit_tasks", "fingerprint_transform", "is_documented_by", "validate_hf_hub_args"),
        *("future_compatible", "flag_as_download_call", "on_main_process", "add_end_docstrings"),
        *("_deprecate_arguments", "_deprecate_positional_args", "_deprecate_method"),
    }
)
# Exports of other frameworks, what `__init__` itself uses, and a name that a deprecated alias keeps alive.
NOT_KEPT = re.compile(
    r"TF|Flax|TRANSFORMERS|is_|_|TOKENIZER|MODEL_|load_tf|dummy_|Optional|requires_|define_|BaseImageProcessorFast"
)
