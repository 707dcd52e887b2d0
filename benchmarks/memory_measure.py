"""Measures the peak GPU memory of short fine-tunes on random weights: the way to the `own-h200` rows of TRL and Trainer.

    python benchmarks/memory_measure.py > measured.jsonl      # needs a GPU, torch, transformers, peft, trl, bitsandbytes

No weights are downloaded: models have the sizes of their originals and constant weights. Every batch has the full length,
each run is a process of its own, and the peak is PyTorch's `max_memory_reserved` over four steps.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from nl2sql_review.memory.architectures import Architecture, table  # noqa: E402
from nl2sql_review.memory.setup import PROJECTIONS  # noqa: E402

GIB = 1024**3
USUAL: dict[str, Any] = dict(
    arch="llama-7b", bits=4, rank=16, checkpointing=True, optim="adamw_8bit", trainer="sft", batch=4, length=2048, prepared=False
)  # fmt: skip
CASES = (
    dict(arch="llama-3.2-1b"), dict(), dict(arch="qwen2-7b"), dict(trainer="plain"), dict(arch="qwen2-7b", trainer="plain", batch=2),
    dict(batch=1, length=1024), dict(prepared=True), dict(arch="llama-3.2-1b", checkpointing=False, batch=2), dict(bits=16, batch=2),
    dict(arch="llama-3.2-1b", rank=0, bits=16, optim="adamw_torch"), dict(arch="qwen2-1.5b", trainer="plain", batch=8),
    dict(arch="llama-3.2-1b", trainer="plain", checkpointing=False, batch=2), dict(arch="qwen2-1.5b", prepared=True),
    dict(arch="llama-3-8b", optim="adamw_torch", rank=64, batch=8),
)  # fmt: skip


def model_of(architecture: Architecture, bits: int) -> Any:
    """The model on the GPU, its linear layers in 4 bits if asked; as `from_pretrained` would leave it."""
    import torch
    import transformers

    a = architecture
    family = transformers.Qwen2Config if a.name.startswith("qwen2") else transformers.LlamaConfig
    config = family(
        hidden_size=a.hidden, num_hidden_layers=a.layers, num_attention_heads=a.heads, num_key_value_heads=a.kv_heads,
        intermediate_size=a.ffn, vocab_size=a.vocab, tie_word_embeddings=a.tied, head_dim=a.head_dim, max_position_embeddings=32768,
    )  # fmt: skip
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    if bits == 4:
        quantise(model)
    for module in model.modules():
        for name, weight in list(module._parameters.items()):
            if weight is not None and weight.is_meta:
                module._parameters[name] = torch.nn.Parameter(torch.full(weight.shape, 0.01, dtype=weight.dtype, device="cuda"))
    model.model.rotary_emb = type(model.model.rotary_emb)(config).to("cuda")
    model.tie_weights()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    return model


def quantise(model: Any) -> None:
    import bitsandbytes as bnb
    import torch
    import transformers
    from transformers.quantizers import AutoHfQuantizer

    for name, layer in list(model.model.named_modules()):
        if not isinstance(layer, torch.nn.Linear):
            continue
        owner, _, leaf = name.rpartition(".")
        made = bnb.nn.Linear4bit(layer.in_features, layer.out_features, layer.bias is not None, torch.bfloat16, True, "nf4")
        weight = torch.full((layer.out_features, layer.in_features), 0.01, dtype=torch.bfloat16, device="cuda")
        made.weight = bnb.nn.Params4bit(weight, requires_grad=False, quant_type="nf4", compress_statistics=True, module=made)
        if layer.bias is not None:
            made.bias = torch.nn.Parameter(torch.zeros(layer.out_features, dtype=torch.bfloat16), requires_grad=False)
        setattr(model.model.get_submodule(owner), leaf, made.cuda())
    said = transformers.BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16, bnb_4bit_use_double_quant=True
    )
    model.config.quantization_config = said
    model.hf_quantizer = AutoHfQuantizer.from_config(said)
    model.is_loaded_in_4bit = model.is_quantized = True
    model.quantization_method = "bitsandbytes"


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """The case with `reserved` and `allocated`, its peaks in GiB."""
    import peft
    import torch
    import transformers
    import trl
    from datasets import Dataset
    from tokenizers import Tokenizer, models

    model = model_of(table()[case["arch"]], case["bits"])
    if case["prepared"]:
        model = peft.prepare_model_for_kbit_training(model, use_gradient_checkpointing=case["checkpointing"])
    else:
        model.enable_input_require_grads()
    if case["rank"]:
        adapter = peft.LoraConfig(r=case["rank"], lora_alpha=16, target_modules=list(PROJECTIONS), task_type="CAUSAL_LM")
        model = peft.get_peft_model(model, adapter)
    tokens = list(range(5, 5 + case["length"]))
    row = {"input_ids": tokens, "labels": tokens, "attention_mask": [1] * case["length"]}
    data = Dataset.from_list([row] * (4 * case["batch"]))
    said: dict[str, Any] = dict(
        output_dir="out", per_device_train_batch_size=case["batch"], max_steps=4, bf16=True, optim=case["optim"],
        gradient_checkpointing=case["checkpointing"], report_to="none", save_strategy="no",
    )  # fmt: skip
    if case["trainer"] == "sft":
        args = trl.SFTConfig(**said, max_length=case["length"], dataset_kwargs={"skip_prepare_dataset": True}, remove_unused_columns=False)
        words = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1}, unk_token="<unk>"))
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=words, unk_token="<unk>", eos_token="</s>", pad_token="</s>")
        trainer = trl.SFTTrainer(model, args, train_dataset=data.remove_columns("attention_mask"), processing_class=tokenizer)
    else:
        trainer = transformers.Trainer(model, transformers.TrainingArguments(**said), train_dataset=data)
    trainer.train()
    peaks = {"reserved": torch.cuda.max_memory_reserved() / GIB, "allocated": torch.cuda.max_memory_allocated() / GIB}
    return {**case, **peaks}


def main() -> None:
    if len(sys.argv) > 1:
        print("\n" + json.dumps(measure(json.loads(sys.argv[1]))))
        return
    for case in CASES:
        done = subprocess.run([sys.executable, __file__, json.dumps({**USUAL, **case})], capture_output=True, text=True)
        print(done.stdout.rstrip().rpartition("\n")[2] if done.returncode == 0 else json.dumps({**case, "failed": done.stderr[-300:]}), flush=True)


if __name__ == "__main__":
    main()
