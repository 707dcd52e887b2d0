"""A stand-in for Unsloth made of transformers, PEFT and bitsandbytes alone.

With this folder first on PYTHONPATH the reference trainer runs unchanged on the plain stack: the same rows in the same
order, the same adapter and arguments. That is what Unsloth is compared with.
"""

from typing import Any

import peft
import torch
import transformers


def is_bfloat16_supported() -> bool:
    return True


class FastLanguageModel:
    @staticmethod
    def from_pretrained(name: str, max_seq_length: int, load_in_4bit: bool) -> tuple[Any, Any]:
        bits = transformers.BitsAndBytesConfig(
            load_in_4bit=load_in_4bit,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = transformers.AutoModelForCausalLM.from_pretrained(
            name, quantization_config=bits, dtype=torch.bfloat16, device_map={"": device}
        )
        return model, transformers.AutoTokenizer.from_pretrained(name)

    @staticmethod
    def get_peft_model(model: Any, use_gradient_checkpointing: object, random_state: int, **lora: Any) -> Any:
        """Gradient checkpointing is PyTorch's own, which SFTConfig turns on."""
        transformers.set_seed(random_state)
        model.enable_input_require_grads()
        return peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **lora))
