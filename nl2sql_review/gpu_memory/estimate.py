"""Estimates the bytes of a run, part by part: held throughout, temporary, and used by the card's libraries.

N tokens in a batch, H hidden size, L layers, F feed-forward size, Q and K widths of queries and keys, V vocabulary,
P adapter weights. The peak is what is held throughout, the kept checkpoints, and the larger of two humps: one layer
recomputed for its gradients, 2·N·(12H + 3Q + K + 3F) bytes, and the logits with their gradients, 16·N·V bytes in fp32.
PyTorch cannot always use the blocks of one hump for the other; the memory that it then reserves twice is `fragments`.

The bracket of the layer and the four fp32 copies of the logits are those that fitcheck (MIT) published, as is the
finding that fragments follow the smaller hump. Everything about Unsloth, the constants below and the bounds are fitted
on one half of the published measurements and on the project's own; `benchmarks/memory_accuracy.py` reports the rest,
`benchmarks/memory_cross_validation.py` reports what each source contributes.
"""

from __future__ import annotations

from dataclasses import dataclass

from .cards import CONTEXT
from .setup import Setup

GIB = 1024**3

FRAGMENTS, FRAGMENTS_POWER = 1.0, 0.8  # GiB of fragments = 1.0 · (GiB of the smaller hump) ^ 0.8
CHUNKED_FRAGMENTS = 0.67  # of one layer, where the logits leave no second hump
UNSLOTH_FRAGMENTS = 0.3  # · (GiB of one layer) ^ 0.5, the same with Unsloth
JOINED_LAYER = 0.9  # of one layer, fragments included, where Unsloth joins rows and compiles its layers
JOINED_LAYERS = 0.68  # of all layers, the same without checkpointing
EAGER_FRAGMENTS = 0.45  # of the smaller hump, where attention matrices make up the layer
INPUTS = 5.0  # hidden sizes a token, of the inputs of a block's 8-bit layers
HEAD_COPY = 0.8  # of the 16-bit copy that autocast makes of a head in fp32
SLACK = 0.1  # GiB that every run reserves beyond the formula
CHUNK = 256  # tokens whose logits TRL holds at once
UNSLOTH_CHUNK = 0.5 * GIB  # what Unsloth's loss takes at least; it takes more where memory is free, and needs it not
DYNAMIC = {False: (0.0, 0.08, 0.14), True: (0.0, 0.01, 0.04)}  # share of layers in 16 bits, up to 20B and beyond


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the memory: `about` describes its content, `held` is true if it is there all the time."""

    name: str
    gib: float
    held: bool
    about: str = ""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Estimate in GiB, of which `weights_and_adapter` is certain.

    `high` held for every measured run of known length, `low` for most. This is what a run needs: with rows of different
    lengths PyTorch may reserve more, on a card that has it.
    """

    parts: tuple[Part, ...]
    low: float
    gib: float
    high: float
    weights_and_adapter: float


def estimate(setup: Setup, context: float = CONTEXT) -> Estimate:
    """Return the peak memory of a batch of full length, including `context` GiB of the card's libraries."""
    weights, embeddings, optimizer_low, dynamic_spread = _held_bytes(setup)
    adapter, gradients, optimizer = _trained_bytes(setup)
    checkpoints = _checkpoint_bytes(setup)
    layer, logits, small = _humps(setup)
    fragments = _fragments(setup, small)
    buffers = _buffer_bytes(setup)
    parts = [
        Part("weights", weights / GIB, True, _weights_about(setup)),
        Part("embeddings", embeddings / GIB, True, "fp32" if setup.wide_embeddings else ""),
        Part("adapter" if setup.rank else "master weights", adapter / GIB, True),
        Part("gradients", gradients / GIB, True),
        Part("optimizer", optimizer / GIB, True, setup.optimizer),
        Part("checkpoints", checkpoints / GIB, False, _checkpoints_about(setup)),
        Part("logits" if logits > layer else "activations", max(layer, logits) / GIB, False, setup.stack),
        Part("buffers", buffers / GIB + fragments + SLACK, False),
        Part("CUDA context", context, True),
    ]
    parts = [part for part in parts if part.gib > 0]
    held = (weights + embeddings + adapter + gradients + optimizer) / GIB
    moving = (checkpoints + max(layer, logits) + buffers) / GIB
    head_copy = _head_copy(setup) * HEAD_COPY / GIB
    low = 0.98 * held + 0.95 * (moving - head_copy) + 0.5 * context - dynamic_spread[0] - optimizer_low / GIB
    spread = 1.0 if setup.loss == "chunked" and not setup.unsloth else 1.5  # of fragments in proportion to the layer
    high = (
        1.02 * held
        + 1.1 * moving
        + 0.5 * head_copy
        + spread * fragments
        + SLACK
        + 0.5
        + 1.3 * context
        + dynamic_spread[1]
    )
    if setup.loss == "chunked":
        high += 1.0 if setup.unsloth else 0.5
    if setup.wide_embeddings and setup.loss == "chunked" or setup.loss == "whole":
        high += 0.05 * moving  # current libraries, measured on one card only
    if setup.checkpointing == "off":  # hardly measured
        high += 0.2 * moving
        low -= 0.075 * moving
    if not setup.rank:  # all weights trained: what the optimizer's step reserves anew was up to a tenth of them
        high += 0.06 * held
    if _joined(setup):  # measured on one card: not every card compiles the layers
        high = max(high, estimate(setup.but(joined_rows=False), context).high)
    middle = sum(part.gib for part in parts)
    certain = (weights + embeddings + adapter) / GIB - dynamic_spread[0]
    return Estimate(tuple(parts), max(low, certain), middle, max(high, middle), certain)


# -- held throughout ---------------------------------------------------------------------------------------------


def _held_bytes(setup: Setup) -> tuple[float, float, float, tuple[float, float]]:
    """Return bytes of linear layers, of embeddings, of optimizer states that can be paged; GiB (below, above)."""
    model = setup.architecture
    linear = model.linear_parameters
    per_weight = _width(setup)
    spread = (0.0, 0.0)
    weights = linear * per_weight
    if setup.dynamic and setup.bits == 4:
        least, likely, most = (s * linear * (2 - per_weight) for s in DYNAMIC[model.parameters > 20e9])
        weights += likely
        spread = ((likely - least) / GIB, (most - likely) / GIB)
    if setup.bits == 32:
        wide = 4
    else:
        wide = 4 if setup.wide_embeddings else 2
    paged = _trained_bytes(setup)[2] if "paged" in setup.optimizer else 0.0
    return weights, model.embedding_parameters * wide, paged, spread


def _width(setup: Setup) -> float:
    """Return the bytes per weight of a linear layer, quantization constants included."""
    if setup.bits == 4:
        return 0.5 + (1 / 64 + 4 / (64 * 256) if setup.double_quant else 4 / 64)
    return setup.bits / 8


def _trained_bytes(setup: Setup) -> tuple[float, float, float]:
    """Return the bytes of what is trained: additional weights, gradients, optimizer states."""
    model = setup.architecture
    states = _state_bytes(setup.optimizer)
    if not setup.rank:  # in place, in the precision the model is held in
        width = max(setup.bits, 16) / 8
        return 0.0, model.parameters * width, model.parameters * (states if states <= 2 else states * width / 4)
    adapter = model.adapter_parameters(setup.rank, setup.targets)
    whole = setup.trained_embeddings * model.vocab * model.hidden
    return 4 * (adapter + whole), 4 * (adapter + whole), states * (adapter + whole)


def _state_bytes(optimizer: str) -> float:
    """Return the bytes of optimizer state per trained fp32 weight."""
    name = optimizer.lower()
    if "8bit" in name or "4bit" in name:
        return 1.0 if "lion" in name else 2.0
    if "adafactor" in name:
        return 0.05
    if name in ("sgd", "rmsprop", "adagrad") or "lion" in name:
        return 4.0
    return 8.0


# -- comes and goes ----------------------------------------------------------------------------------------------


def _checkpoint_bytes(setup: Setup) -> float:
    model = setup.architecture
    row = setup.tokens * model.hidden
    if setup.checkpointing == "offloaded":
        return 4.0 * row  # in the CPU's memory; two 16-bit buffers carry them there and back
    if setup.checkpointing == "kept":
        inputs = 0.0
        if setup.bits == 8:  # bitsandbytes keeps the inputs of its 8-bit layers, whatever checkpointing lets go
            inputs = 2.0 * setup.tokens * (INPUTS * model.hidden + model.query + model.ffn)
        return model.layers * (row * (4.0 if setup.wide_embeddings or setup.bits == 32 else 2.0) + inputs)
    return 0.0


def _humps(setup: Setup) -> tuple[float, float, float]:
    """Return the bytes of the recomputed layers, of the logits, and of the smaller hump if they share no blocks."""
    model = setup.architecture
    per_token = 12 * model.hidden + 3 * model.query + model.key + (3 if model.gated else 2) * model.ffn
    width = 4.0 if setup.bits == 32 else 2.0
    layer = width * setup.tokens * per_token
    if setup.wide_embeddings and setup.bits < 32 and setup.loss == "chunked":
        layer += 2.0 * setup.tokens * 12 * model.hidden  # hidden states in fp32, which only show where logits are small
    matrices = width * setup.batch * model.heads * float(setup.length) ** 2 if setup.eager_attention else 0.0
    kept_layers = 1
    if setup.checkpointing == "off":
        kept_layers = model.layers
        layer, matrices = layer * kept_layers, 2.9 * matrices * kept_layers
    else:
        matrices *= 9
    if _joined(setup):
        layer *= JOINED_LAYER if kept_layers == 1 else JOINED_LAYERS
    layer += matrices
    vocabulary = float(setup.tokens) * model.vocab
    if setup.loss in ("whole", "whole, shifted"):
        # in 16 bits, in fp32, and the gradients of both; all four in fp32 where the head is, or where they were copied
        logits = (
            16 if setup.wide_embeddings or setup.bits == 32 or setup.loss == "whole, shifted" else 12
        ) * vocabulary
        if setup.checkpointing == "off":  # the layers are still there when the logits come
            return layer + logits, 0.0, layer / kept_layers
        return layer, logits, min(layer, logits)
    if setup.loss == "whole 16-bit":
        both = 2 * vocabulary + layer  # the 16-bit logits stay while the layers are recomputed
        return both, 6 * vocabulary, min(layer, 6 * vocabulary)
    chunk = 16.0 * min(setup.tokens, CHUNK) * model.vocab
    if setup.unsloth:
        chunk = max(chunk, min(16 * vocabulary, UNSLOTH_CHUNK))
    if not setup.rank and _state_bytes(setup.optimizer) > 2:  # AdamW's step needs a copy of the weights
        layer = max(layer, model.parameters * max(setup.bits, 16) / 8)
    return layer, chunk, 0.0 if kept_layers > 1 else layer


def _joined(setup: Setup) -> bool:
    return setup.unsloth and setup.joined_rows and setup.loss == "chunked"


def _fragments(setup: Setup, small: float) -> float:
    """Return the GiB reserved twice because two humps, or two layers, cannot share their blocks."""
    gib = small / GIB
    if _joined(setup):
        return 0.0
    if setup.loss == "chunked":
        return UNSLOTH_FRAGMENTS * gib**0.5 if setup.unsloth else CHUNKED_FRAGMENTS * gib
    return EAGER_FRAGMENTS * gib if setup.eager_attention else FRAGMENTS * gib**FRAGMENTS_POWER


def _buffer_bytes(setup: Setup) -> float:
    """Return the bytes of one matrix unpacked from 4 bits, and of the 16-bit copy of an fp32 head."""
    model = setup.architecture
    unpacked = 2.0 * model.hidden * model.ffn if setup.bits < 16 else 0.0
    return unpacked + HEAD_COPY * _head_copy(setup)


def _head_copy(setup: Setup) -> float:
    model = setup.architecture
    return 2.0 * model.vocab * model.hidden if setup.wide_embeddings and setup.bits < 32 else 0.0


# -- words -------------------------------------------------------------------------------------------------------


def _weights_about(setup: Setup) -> str:
    if setup.bits == 4:
        kind = ", dynamic" if setup.dynamic else "" if setup.double_quant else ", single quantization"
        return f"4-bit{kind}"
    return f"{setup.bits}-bit"


def _checkpoints_about(setup: Setup) -> str:
    if setup.bits == 8 and setup.checkpointing == "kept":
        return "and the inputs of 8-bit layers"
    return "in the CPU's memory" if setup.checkpointing == "offloaded" else ""
