"""One training run, as far as memory is concerned."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from .architectures import Architecture

Checkpointing = Literal["offloaded", "kept", "off"]  # Unsloth's, the plain one, none
# How the logits are held. Shifted: transformers before 4.49 copied them once more; 16-bit: Unsloth before 2024.12.
Loss = Literal["chunked", "whole", "whole, shifted", "whole 16-bit"]
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class Setup:
    """Setup of a run. `rank` 0: all weights are trained. `length` is in tokens, `batch` in sequences per device."""

    architecture: Architecture
    batch: int = 1
    length: int = 2048
    bits: int = 4  # of the linear layers as they are held: 4, 8, 16, 32
    double_quant: bool = True
    dynamic: bool = False  # Unsloth's dynamic 4-bit weights: some layers stay 16-bit
    wide_embeddings: bool = False  # fp32, as prepare_model_for_kbit_training leaves what is not quantized
    unsloth: bool = True
    rank: int = 16
    targets: tuple[str, ...] = PROJECTIONS
    trained_embeddings: int = 0  # of embedding and head, how many are trained in full
    optimizer: str = "adamw_8bit"
    checkpointing: Checkpointing = "offloaded"
    loss: Loss = "chunked"
    eager_attention: bool = False
    joined_rows: bool = True  # Unsloth of today joins the rows of a batch without padding, and compiles its layers
    packing: bool = False  # every batch reaches `length`, not only the longest
    assumed: tuple[str, ...] = field(default=(), compare=False)  # what the plan does not say, in words

    @property
    def tokens(self) -> int:
        """Number of tokens in one batch of full length."""
        return self.batch * self.length

    def but(self, **changes: Any) -> Setup:
        """Return the same run with some fields changed."""
        return replace(self, **changes)

    @property
    def stack(self) -> str:
        """Libraries and loss, which decide the formula, as text."""
        base = "Unsloth" if self.unsloth else "transformers"
        how = {
            "chunked": "loss in chunks",
            "whole": "full logits",
            "whole, shifted": "full logits",
            "whole 16-bit": "full logits in 16 bits",
        }[self.loss]
        return f"{base}, {how}"
