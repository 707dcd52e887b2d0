"""Finds the model of a name or a `config.json`: the sizes of its matrices, or the reason why it has no estimate."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Mapping, Union

HERE = os.path.dirname(__file__)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A dense decoder: `layers` times attention and feed-forward, an embedding, a head (the same matrix if `tied`)."""

    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    tied: bool
    gated: bool  # three feed-forward matrices rather than two

    @property
    def query(self) -> int:
        """Width of the queries: the output of `q_proj`."""
        return self.heads * self.head_dim

    @property
    def key(self) -> int:
        """Width of the keys, equal to that of the values."""
        return self.kv_heads * self.head_dim

    @property
    def modules(self) -> dict[str, tuple[int, int]]:
        """(in, out) of each linear layer of one block, under its name in Llama."""
        hidden, ffn = self.hidden, self.ffn
        shapes = {
            "q_proj": (hidden, self.query),
            "k_proj": (hidden, self.key),
            "v_proj": (hidden, self.key),
            "o_proj": (self.query, hidden),
            "gate_proj": (hidden, ffn),
            "up_proj": (hidden, ffn),
            "down_proj": (ffn, hidden),
        }
        if not self.gated:
            del shapes["gate_proj"]
        return shapes

    @property
    def fused(self) -> dict[str, tuple[int, int]]:
        """(in, out) of the fused layers that Phi-3 and Phi-4 have instead of separate projections."""
        return {"qkv_proj": (self.hidden, self.query + 2 * self.key), "gate_up_proj": (self.hidden, 2 * self.ffn)}

    @property
    def linear_parameters(self) -> int:
        """Number of weights in all linear layers but the head: those that 4-bit loading quantizes."""
        return self.layers * sum(i * o for i, o in self.modules.values())

    @property
    def embedding_parameters(self) -> int:
        """Number of weights in the embedding, and in the head if it has its own."""
        return self.vocab * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """Number of all weights but norms and biases, which are less than 0.1 % of them."""
        return self.linear_parameters + self.embedding_parameters

    def adapter_parameters(self, rank: int, targets: tuple[str, ...]) -> int:
        """Return the number of weights of a LoRA adapter of this rank on the named layers; ignores unknown names."""
        shapes = {**self.modules, **self.fused}
        named = {OTHER_NAMES.get(t, t) for t in targets}
        return self.layers * rank * sum(i + o for name, (i, o) in shapes.items() if name in named)


# Layers that other families call otherwise (Phi-2, StarCoder2).
OTHER_NAMES = {"dense": "o_proj", "fc1": "up_proj", "fc2": "down_proj", "c_fc": "up_proj", "c_proj": "down_proj"}


@dataclass(frozen=True, slots=True)
class SizeOnly:
    """A name that contains the number of parameters and nothing else: enough for the weights, not for a run.

    Of several numbers in the name the smallest is used, so that statements about the weights are certain.
    """

    name: str
    parameters: float


@dataclass(frozen=True, slots=True)
class NoArchitecture:
    """Reason why there is no estimate for a model."""

    reason: str


Found = Union[Architecture, SizeOnly, NoArchitecture]

# What a name gives away that the formula does not cover. The first that is found in it counts. Names are read with `-`
# for `_`, which no pattern could tell from a letter.
NOT_COVERED = (
    (
        r"mixtral|moe(?![a-z])|\d+x\d+b|-a\d+(\.\d+)?b|gpt-oss|deepseek-(coder-)?v[23]|coder-v2|deepseek-r1(?!-distill|-0528-qwen)"
        r"|llama-?4(?![\dbk])|scout|maverick|qwen-?3-(coder-)?next|mistral-(large-3|small-4)|dbrx|grok|kimi|glm-4\.[5-9]|command-a\b",
        "{name} is a mixture of experts, and the estimate does not cover those",
    ),
    (
        r"(?<![a-z])vl(?![a-z])|internvl|vlm|(?<![a-z])vision|visual|video|audio|speech|multimodal|omni(?![a-z])|pixtral|voxtral|ultravox|llava|blip"
        r"|idefics|molmo|minicpm-[vo]\b|qvq|paligemma|gemma-?3n|gemma-?4|gemma-?3.*(?<![\d.])(4|12|27)b|qwen-?3(\.\d|[_-]?5)"
        r"|mistral-small-(24b-instruct-)?(3\.[12]|250[36])|magistral-small-(1\.2|2509)|devstral-small-2|ministral-3-",
        "{name} also takes images or sound, and the estimate does not cover those models",
    ),
    (
        r"nemotron|(?<![a-z])lfm|granite-?4|falcon-?h1|falcon-?mamba|jamba|mamba|rwkv|zamba|recurrentgemma|phi-?4-mini-flash",
        "{name} is not a plain transformer (state-space or convolution layers), and the estimate does not cover "
        "those models",
    ),
    (
        r"whisper|tts\b|\bcsm\b|orpheus|(?<![a-z])ocr(?![a-z])|embedding|\bbert|modernbert|\bbge\b|minilm|\bt5|flan|codet5|\bbart\b",
        "{name} is not a text decoder, and the estimate covers only those",
    ),
    (
        r"\bgptq\b|\bawq\b|\bgguf\b|\bexl2\b|\bfp8\b|fp4\b|\bw\d+a\d+\b|\bmlx\b|\baqlm\b|\bhqq\b",
        "{name} is quantized in a way that the estimate does not cover",
    ),
)  # fmt: skip
# Said of the precision, not of the model: `…-14B-bnb-4bit` is no 4B model.
PRECISION = re.compile(r"(-unsloth)?-bnb-(4|8)bit|[-_.](4|8|16)-?bits?\b|-nf4\b|-int[48]\b|-qat\b")
LONGEST_NAME = 1_000  # characters, of a path to a directory as well
SIZE = re.compile(r"(?<![a-z0-9.])(\d+(?:[._]\d+)?)\s?(b|m)(?![a-z0-9])")


@lru_cache(maxsize=256)
def find(name: str) -> Found:
    """Find the architecture of a hub name or path, as far as the name identifies it."""
    if len(name) > LONGEST_NAME:
        return NoArchitecture("a text this long names no model; give a directory with its config.json")
    short = name.rstrip("/").rpartition("/")[2]
    lowered = PRECISION.sub("", name.lower().replace("\\", "/").rstrip("/"))
    for words, reason in NOT_COVERED:
        if re.search(words, lowered.replace("_", "-")):
            return NoArchitecture(reason.format(name=short))
    for pattern, architecture in _names():
        if pattern.search(lowered):
            if architecture:
                return table()[architecture]
            break  # a family that is known to differ from its namesakes
    sizes = [float(n.replace("_", ".")) * (1e9 if unit == "b" else 1e6) for n, unit in SIZE.findall(lowered)]
    if sizes:
        return SizeOnly(short, min(sizes))
    return NoArchitecture(
        f"{name} is not in the table of architectures, and its name does not include a size, as in …-7b; "
        "give a directory with its config.json"
    )


# Names under which Unsloth loads weights that it quantized with some layers left in 16 bits.
DYNAMIC = re.compile(
    r"llama-?3\.[123]|qwen-?2\.5|qwen-?3|phi-?4|gemma-?3|mistral-small|magistral|devstral|deepseek-r1-distill"
)


def is_dynamic(name: str) -> bool:
    """Return whether Unsloth loads, for this name in 4 bits, weights of which some layers stay in 16 bits."""
    lowered = name.lower()
    swapped = "bnb-4bit" not in lowered and bool(DYNAMIC.search(lowered)) and not lowered.startswith((".", "/"))
    return swapped or "unsloth-bnb-4bit" in lowered


@cache
def table() -> dict[str, Architecture]:
    """Return every known architecture by name."""
    rows = {}
    for name, *sizes, tied, gated in _lines("architectures.tsv"):
        hidden, layers, heads, kv_heads, head_dim, ffn, vocab = map(int, sizes)
        rows[name] = Architecture(
            name, hidden, layers, heads, kv_heads, head_dim, ffn, vocab, tied == "1", gated == "1"
        )
    return rows


@cache
def _names() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), name[0] if name else "") for pattern, *name in _lines("model_names.tsv"))


def _lines(file: str) -> list[list[str]]:
    with open(os.path.join(HERE, file), encoding="utf-8") as text:
        return [line.rstrip("\n").split("\t") for line in text if line.strip() and not line.startswith("# ")]


# Families whose layers are those of `Architecture.modules`; Phi-2 and StarCoder2 have no gate.
DENSE = {
    *("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "phi3", "granite", "ministral"),
    *("phi", "starcoder2", "internlm2", "olmo2", "exaone4", "smollm3", "yi"),
}
NOT_GATED = {"phi", "starcoder2"}
TIED_UNLESS_SAID = {"gemma", "gemma2", "gemma3_text", "starcoder2"}


def from_json(data: str | bytes, name: str) -> Found:
    """Return the architecture in the text of a `config.json`; `name` is the name to give it."""
    try:
        config = json.loads(data)
    except ValueError:
        return NoArchitecture(f"the config.json of {name} is not JSON")
    if not isinstance(config, dict):
        return NoArchitecture(f"the config.json of {name} describes no model")
    return from_config(config, name)


def from_config(config: Mapping[str, Any], name: str) -> Found:
    """Return the architecture in a parsed `config.json`; `name` is the name to give it."""
    kind = config.get("model_type")
    if any(config.get(k) for k in ("num_experts", "num_local_experts", "n_routed_experts", "num_experts_per_tok")):
        return NoArchitecture(f"{name} is a mixture of experts, and the estimate does not cover those")
    if config.get("vision_config") or config.get("audio_config"):
        return NoArchitecture(f"{name} also takes images or sound, and the estimate does not cover those models")
    if kind not in DENSE:
        return NoArchitecture(f"{name} has model type {kind}, and the estimate does not cover it")
    try:
        hidden, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        sizes = [int(config[k]) for k in ("num_hidden_layers", "intermediate_size", "vocab_size")]
        kv_heads = int(config.get("num_key_value_heads") or heads)
        head_dim = int(config.get("head_dim") or (256 if str(kind).startswith("gemma") else hidden // heads))
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return NoArchitecture(f"the config.json of {name} lacks sizes that the estimate needs")
    layers, ffn, vocab = sizes
    if min(hidden, heads, kv_heads, head_dim, *sizes) < 1:
        return NoArchitecture(f"the config.json of {name} has sizes that do not describe a model")
    tied = bool(config.get("tie_word_embeddings", kind in TIED_UNLESS_SAID))
    return Architecture(name, hidden, layers, heads, kv_heads, head_dim, ffn, vocab, tied, kind not in NOT_GATED)
