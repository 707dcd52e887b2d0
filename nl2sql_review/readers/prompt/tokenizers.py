"""Families of models by tokenizer traits that matter for a training text: how they split it, and where they stop.

Recognized by the model's name; a name that fits no family gets no family.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .models import member


class Family(NamedTuple):
    """A family of models and its tokenizer.

    `cuts` is "sentencepiece" (a space stands before the first word, newlines stand alone), "tiktoken" (a newline
    is joined to the punctuation before it), "bpe" (other byte-level BPE) or "" if not known. `eos` are the tokens
    that end a sequence in one of its members, () if not known. `turns` are the chat markers of (user, assistant).
    """

    name: str
    cuts: str
    eos: tuple[str, ...] = ()
    turns: tuple[str, str] | None = None


CHATML = ("<|im_start|>user\n", "<|im_start|>assistant\n")
LLAMA_3 = ("<|start_header_id|>user<|end_header_id|>\n\n", "<|start_header_id|>assistant<|end_header_id|>\n\n")
INST = ("[INST]", "[/INST]")
GEMMA = ("<start_of_turn>user\n", "<start_of_turn>model\n")
GEMMA_4 = ("<|turn>user\n", "<|turn>model\n")
PHI_3 = ("<|user|>\n", "<|assistant|>\n")

# First match wins: what a name says of a newer generation stands before its family's older one.
FAMILIES: tuple[tuple[str, Family], ...] = (
    (r"llama-?_?(3|4)|llama3|llama4",
     Family("Llama 3", "tiktoken", ("<|eot_id|>", "<|end_of_text|>", "<|eom_id|>"), LLAMA_3)),
    (r"code-?llama|sqlcoder-7b-2", Family("CodeLlama", "sentencepiece", ("</s>",), INST)),
    (r"llama-?_?2|tiny-?llama|nsql-llama", Family("Llama 2", "sentencepiece", ("</s>",), INST)),
    (r"nemo|ministral|magistral|devstral|pixtral|mistral-(small|large|medium)", Family("Mistral", "", ("</s>",), INST)),
    (r"zephyr", Family("Mistral", "sentencepiece", ("</s>",), PHI_3)),
    (r"mistral|mixtral|sqlcoder-7b", Family("Mistral", "sentencepiece", ("</s>",), INST)),
    (r"vicuna", Family("Llama 2", "sentencepiece", ("</s>",))),
    (r"qwen", Family("Qwen", "tiktoken", ("<|im_end|>", "<|endoftext|>"), CHATML)),
    (r"smollm", Family("SmolLM", "bpe", ("<|im_end|>", "<|endoftext|>"), CHATML)),
    (r"lfm-?2-", Family("LFM2", "", ("<|im_end|>",), CHATML)),
    (r"gemma-?_?4", Family("Gemma", "", ("<eos>", "<turn|>"), GEMMA_4)),
    (r"gemma", Family("Gemma", "", ("<eos>", "<end_of_turn>"), GEMMA)),
    (r"phi-?3", Family("Phi 3", "", ("<|end|>", "<|endoftext|>"), PHI_3)),
    (r"gpt-oss", Family("GPT-OSS", "tiktoken", ("<|return|>", "<|endoftext|>"))),
    (r"deepseek", Family("DeepSeek", "", ("<｜end▁of▁sentence｜>", "<|EOT|>"))),
    (r"gpt-?2|gpt-neo|gpt-j|pythia|starcoder|santacoder|codegen|sqlcoder2|sqlcoder-15b|phi-?(1|2)\b",
     Family("GPT-2", "bpe", ("<|endoftext|>",))),
    (r"falcon", Family("Falcon", "", ("<|endoftext|>",))),  # it cuts punctuation off before it joins spaces
)  # fmt: skip

# The BOS token of the families whose tokenizers put one before every text. In another family it is plain text.
BOS = {
    "Llama 3": "<|begin_of_text|>", "CodeLlama": "<s>", "Llama 2": "<s>", "Mistral": "<s>", "Gemma": "<bos>",
}  # fmt: skip

# The templates of unsloth.chat_templates.get_chat_template whose markers are settled.
CHAT_TEMPLATES: dict[str, tuple[str, str]] = {
    "chatml": CHATML,
    "qwen-2.5": CHATML, "qwen2.5": CHATML, "qwen25": CHATML, "qwen3": CHATML, "qwen-3": CHATML,
    "qwen3-instruct": CHATML,
    "llama-3": LLAMA_3, "llama3": LLAMA_3, "llama-3.1": LLAMA_3, "llama-31": LLAMA_3, "llama-3.2": LLAMA_3,
    "llama-3.3": LLAMA_3,
    "mistral": INST, "llama": INST,
    "gemma": GEMMA, "gemma2": GEMMA, "gemma-3": GEMMA, "gemma3": GEMMA, "gemma_chatml": CHATML, "gemma2_chatml": CHATML,
    "gemma-4": GEMMA_4, "gemma4": GEMMA_4,
    "alpaca": ("### Instruction:\n", "### Response:\n"),
    "zephyr": PHI_3, "phi-3": PHI_3, "phi-35": PHI_3, "phi-3.5": PHI_3,
    "phi-4": ("<|im_start|>user<|im_sep|>", "<|im_start|>assistant<|im_sep|>"),
    "unsloth": (">>> User: ", ">>> Assistant: "),
    "vicuna": ("USER: ", "ASSISTANT: "), "vicuna_old": ("### Human: ", "### Assistant: "),
}  # fmt: skip


def family(model_name: object) -> Family | None:
    """Return the family of a model by its name or path, or None."""
    if not isinstance(model_name, str):
        return None
    name = model_name.lower().replace("_", "-")
    return next((found for pattern, found in FAMILIES if re.search(pattern, name)), None)


def bos_literals(kind: Family | None) -> tuple[str, ...]:
    """Return the texts that a tokenizer of this family reads as the BOS token: of an unknown family, any family's."""
    own = BOS.get(kind.name) if kind is not None else None
    return (own,) if own is not None else tuple(dict.fromkeys(BOS.values()))


def has_chat_template(model_name: object) -> bool:
    """Return whether a model of this name was trained to chat and so has its own template."""
    if not isinstance(model_name, str):
        return False
    known = member(model_name)
    said = re.search(r"instruct|chat|[-_]it\b|zephyr|-dpo|assistant", model_name.lower())
    return said is not None or known is not None and known.chat
