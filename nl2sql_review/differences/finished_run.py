"""A finished run: how it was trained, and which files it left.

`run_files.read` makes one of the files in a folder.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

from ..files import disk
from ..render.plan_json import PlanValue

WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
SHARD = re.compile(r"adapter_model-\d+-of-\d+\.(safetensors|bin)")
WHOLE = re.compile(r"(?:model|pytorch_model)(?:-\d+-of-\d+)?\.(?:safetensors|bin)")  # a model merged or trained in full
TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "spm.model",
    "sentencepiece.bpe.model", "tekken.json", "qwen.tiktoken",
)  # fmt: skip
PICKLE = "training_args.bin is a pickle, and loading one runs code: it is not read"


@dataclass(frozen=True)
class Logged:
    """One entry of the log: the values measured at a step."""

    step: int
    epoch: float | None
    rate: float | None
    loss: float | None


@dataclass
class State:
    """State of a run from `trainer_state.json`, or else from its log; `path` is the file that was read."""

    path: str
    step: int | None = None
    max_steps: int | None = None
    epoch: float | None = None
    epochs: float | None = None
    batch: int | None = None
    save_steps: float | None = None
    best: str = ""
    log: list[Logged] = field(default_factory=list)
    counted: bool = False  # the log says no steps: its entries are merely counted


@dataclass
class FinishedRun:
    """Folder of a finished run: facts by their name in the plan, and the files in it."""

    folder: str
    facts: dict[str, PlanValue] = field(default_factory=dict)
    state: State | None = None
    tokenizer: dict[str, Any] = field(default_factory=dict)
    chat_template: str = ""
    names: frozenset[str] = frozenset()  # of the files in the folder itself
    is_adapter: bool = False
    unread: list[str] = field(default_factory=list)  # files that could not be read, and why
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def is_checkpoint(self) -> bool:
        """Return whether the folder itself is an intermediate checkpoint, with the state of optimizer or schedule."""
        return bool(self.names & {"optimizer.pt", "scheduler.pt", "rng_state.pth"}) or any(
            name.startswith("rng_state_") for name in self.names
        )

    @property
    def has_weights(self) -> bool:
        """Whether weights lie beside the adapter's configuration, in one file or in shards."""
        return any(name in WEIGHTS or SHARD.fullmatch(name) for name in self.names)

    @property
    def is_whole_model(self) -> bool:
        """Whether weights of a whole model lie there, and no adapter: merged into it, or never made."""
        return not self.is_adapter and any(WHOLE.fullmatch(name) for name in self.names)

    def empty_weights(self) -> str:
        """Return the weights file that contains no weights, "" if there is no such file."""
        for name in WEIGHTS:
            if name in self.names and disk.size(os.path.join(self.folder, name)) < 200:
                return name
        return ""
