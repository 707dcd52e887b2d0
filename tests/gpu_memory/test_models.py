"""Parameter counts of every architecture against real transformers and PEFT models, built on the meta device.

Needs torch, transformers and peft (`pip install -e '.[train]'`, or these three alone); nothing is downloaded, and no
weights are made.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec

import pytest

from nl2sql_review.gpu_memory.architectures import table
from nl2sql_review.gpu_memory.setup import PROJECTIONS

missing = [name for name in ("torch", "transformers", "peft") if find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(missing), reason=f"{', '.join(missing)} not installed: pip install torch transformers peft to check the counts"
)

# How a name begins -> (transformers' config class, further settings)
FAMILIES = {
    "mistral": ("MistralConfig", {}),
    "ministral": ("MistralConfig", {}),
    "qwen3": ("Qwen3Config", {}),
    "qwen2": ("Qwen2Config", {}),
    "codeqwen": ("Qwen2Config", {}),
    "gemma-3": ("Gemma3TextConfig", {}),
    "gemma-2-": ("Gemma2Config", {}),
    "gemma": ("GemmaConfig", {}),
    "phi-2": ("PhiConfig", {}),
    "phi": ("Phi3Config", {"pad_token_id": 0}),
    "starcoder2": ("Starcoder2Config", {}),
    "granite": ("GraniteConfig", {}),
    "powerlm": ("GraniteConfig", {}),
    "": ("LlamaConfig", {}),
}


def family(name):
    """How the names of models of its kind begin."""
    return next(beginning for beginning in FAMILIES if name.startswith(beginning))


# The first of each family has all its layers, the others two: that all layers of a family are alike is seen once.
WHOLE = {family(name): name for name in reversed(table())}
SIZED = [one if WHOLE[family(one.name)] == one.name else replace(one, layers=2) for one in table().values()]


def build(architecture):
    """The real model, without memory for its weights."""
    import torch
    import transformers

    a = architecture
    name, extra = FAMILIES[family(a.name)]
    config = getattr(transformers, name)(
        hidden_size=a.hidden,
        num_hidden_layers=a.layers,
        num_attention_heads=a.heads,
        num_key_value_heads=a.kv_heads,
        head_dim=a.head_dim,
        intermediate_size=a.ffn,
        vocab_size=a.vocab,
        tie_word_embeddings=a.tied,
        **extra,
    )
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


@pytest.mark.parametrize("architecture", SIZED, ids=lambda a: a.name)
def test_counts(architecture):
    import torch
    from peft import LoraConfig, get_peft_model

    model = build(architecture)
    head = model.get_output_embeddings()
    linear = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head)
    assert architecture.linear_parameters == linear
    total = sum(p.numel() for p in model.parameters())
    assert architecture.parameters == pytest.approx(total, rel=1e-3)  # norms and biases are left out

    names = {n.rpartition(".")[2] for n, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not head}
    targets = tuple(sorted(names & {*PROJECTIONS, *architecture.fused, "dense", "fc1", "fc2", "c_fc", "c_proj"}))
    assert set(targets) == names
    with torch.device("meta"):
        adapted = get_peft_model(model, LoraConfig(r=16, target_modules=list(targets), task_type="CAUSAL_LM"))
    trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert architecture.adapter_parameters(16, targets) == trained
