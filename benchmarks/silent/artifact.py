"""What is left after train(): each function runs one cause and says what lies in the folder."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import tiny


def trained(base: Any = None) -> Any:
    """Makes an adapter whose effect is not zero."""
    import torch
    from peft import get_peft_model

    model = get_peft_model(base if base is not None else tiny.model(), tiny.lora())
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_B" in name:
                torch.manual_seed(len(name))
                value.normal_(0, 0.02)
    return model.eval()


def logits(model: Any) -> Any:
    import torch

    with torch.no_grad():
        return model.eval()(input_ids=torch.arange(5, 37, device=model.device).unsqueeze(0)).logits.float()


def gap(a: Any, b: Any) -> float:
    return float((a - b).abs().max())


def tensors(folder: str) -> int:
    from safetensors import safe_open

    return sum(len(list(safe_open(path, "pt").keys())) for path in Path(folder).glob("*.safetensors"))


def result_of_the_merge_dropped() -> dict[str, str]:
    """model.merge_and_unload() without taking its result, then model.save_pretrained (peft pull request 2871)."""
    from transformers import AutoModelForCausalLM

    said = {}
    for name in ("dropped", "taken"):
        model, folder = trained(), tempfile.mkdtemp(prefix="merged-")
        want = logits(model)
        merged = model.merge_and_unload()
        (merged if name == "taken" else model).save_pretrained(folder)
        said[name] = f"{tensors(folder)} tensors, files {sorted(p.name for p in Path(folder).iterdir())}"
        if name == "taken":
            said[name] += f"; logits differ by {gap(want, logits(AutoModelForCausalLM.from_pretrained(folder))):.1e}"
    return said


def merged_into_a_quantized_base() -> dict[str, str]:
    """merge_and_unload on a base in 4 or 8 bits, in 16 bits and in full precision."""
    import torch
    from peft import PeftModel
    from transformers import BitsAndBytesConfig

    folder = tempfile.mkdtemp(prefix="adapter-")
    trained().save_pretrained(folder)
    said = {}
    for name, options in (
        ("nf4", {"quantization_config": BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")}),
        ("int8", {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}),
        ("bfloat16", {"dtype": torch.bfloat16}),
        ("float32", {}),
    ):
        try:
            base = tiny.model(**options)
            plain = logits(base)
            model = PeftModel.from_pretrained(base, folder)
            beside = logits(model)
            merged = logits(model.merge_and_unload())
            said[name] = f"merged − beside {gap(merged, beside):.1e}, effect of the adapter {gap(beside, plain):.1e}"
        except Exception as error:
            said[name] = f"{type(error).__name__}: {str(error)[:120]}"
    return said


def tokenizer_left_behind() -> dict[str, str]:
    """Added tokens: which of the ways to save write the tokenizer."""
    from peft import AutoPeftModelForCausalLM, get_peft_model
    from transformers import Trainer, TrainingArguments

    said = {}
    for name in ("model.save_pretrained", "trainer.save_model", "trainer.save_model with processing_class"):
        tok = tiny.tokenizer()
        tok.add_tokens(["<col>"])
        base = tiny.model()
        base.resize_token_embeddings(len(tok))
        model = get_peft_model(base, tiny.lora(modules_to_save=["embed_tokens", "lm_head"]))
        folder = tempfile.mkdtemp(prefix="saved-")
        trainer = Trainer(
            model=model,
            args=tiny.arguments(TrainingArguments),
            train_dataset=tiny.tokenized(4, tok),
            data_collator=None if "processing" in name else (lambda features: features),
            **({"processing_class": tok} if "processing" in name else {}),
        )
        if name.startswith("model"):
            model.save_pretrained(folder)
        else:
            trainer.save_model(folder)
        files = {p.name for p in Path(folder).iterdir()}
        said[name] = "tokenizer saved" if any("tokenizer" in f for f in files) else "no tokenizer"
        try:
            again = AutoPeftModelForCausalLM.from_pretrained(folder)
            said[name] += f", loads with {again.get_input_embeddings().weight.shape[0]} rows"
        except Exception as error:
            said[name] += f", loading: {type(error).__name__}"
    said["the added token under the base's tokenizer"] = f"{len(tiny.tokenizer()('<col>')['input_ids']) - 1} tokens"
    return said


def base_saved_with_layers_inside() -> dict[str, str]:
    """SFTTrainer(model=base, peft_config=…) and then base.save_pretrained: the base holds the LoRA layers."""
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    base = tiny.model()
    before = logits(base)
    trainer = SFTTrainer(
        model=base,
        args=tiny.arguments(SFTConfig, max_steps=2),
        train_dataset=tiny.pairs(8),
        processing_class=tiny.tokenizer(),
        peft_config=tiny.lora(),
    )
    trainer.train()
    want = logits(trainer.model)
    folder = tempfile.mkdtemp(prefix="base-")
    base.save_pretrained(folder)
    from safetensors import safe_open

    names = [key for path in Path(folder).glob("*.safetensors") for key in safe_open(path, "pt").keys()]
    inside = sum("base_layer" in n or "lora_" in n for n in names)
    again = logits(AutoModelForCausalLM.from_pretrained(folder))
    saved = tempfile.mkdtemp(prefix="good-")
    trainer.save_model(saved)
    return {
        "base.save_pretrained": f"{len(names)} tensors, {inside} named base_layer or lora_; reloaded, logits are off "
        f"by {gap(again, want):.3f} (trained − untrained {gap(want, before):.3f})",
        "trainer.save_model": f"{tensors(saved)} tensors",
    }


def made_and_dropped() -> dict[str, str]:
    """get_peft_model(model, …) alone on its line, the model trained and saved by the trainer."""
    from peft import get_peft_model
    from transformers import AutoModelForCausalLM

    net = tiny.model()
    get_peft_model(net, tiny.lora())
    before = tiny.weights(net)
    trainer = tiny.train(net, max_steps=6, learning_rate=1e-2)
    folder = tempfile.mkdtemp(prefix="dropped-")
    moved = tiny.moved(before, net)
    trainer.save_model(folder)
    again = AutoModelForCausalLM.from_pretrained(folder)
    return {"trained": moved, "saved": f"{tensors(folder)} tensors", "off by": f"{gap(logits(net), logits(again)):.2f}"}


def saved_before_training() -> dict[str, str]:
    """model.save_pretrained above trainer.train()."""
    from peft import get_peft_model
    from safetensors.torch import load_file

    model, folder = get_peft_model(tiny.model(), tiny.lora()), tempfile.mkdtemp(prefix="early-")
    model.save_pretrained(folder)
    tiny.train(model)
    saved = load_file(next(Path(folder).glob("*.safetensors")))
    b = [v for k, v in saved.items() if "lora_B" in k]
    return {"saved above train()": f"{sum(bool(v.abs().sum()) for v in b)} of {len(b)} lora_B are not zero"}


def end_token_of_the_generation() -> dict[str, str]:
    """tokenizer.eos_token changed, generation_config left (open-r1 pull request 663)."""
    from peft import get_peft_model
    from transformers import Trainer, TrainingArguments

    said = {}
    for handed in (False, True):
        tok = tiny.tokenizer()
        tok.add_special_tokens({"eos_token": "<|im_end|>"})
        base = tiny.model()
        base.resize_token_embeddings(len(tok))
        model = get_peft_model(base, tiny.lora(modules_to_save=["embed_tokens", "lm_head"]))
        trainer = Trainer(
            model=model,
            args=tiny.arguments(TrainingArguments),
            train_dataset=tiny.tokenized(8, tok),
            data_collator=collate(tok),
            **({"processing_class": tok} if handed else {}),
        )
        trainer.train()
        got = model.generation_config.eos_token_id
        said["processing_class" if handed else "no processing_class"] = (
            f"tokenizer ends with {tok.eos_token_id}, generate() stops at {got}"
        )
    return said


def collate(tok: Any) -> Any:
    from transformers import DataCollatorForSeq2Seq

    return DataCollatorForSeq2Seq(tok)


def small_steps_in_bfloat16() -> dict[str, str]:
    """How much of a small adapter a merge into bfloat16 keeps."""
    import torch
    from peft import PeftModel

    folder = tempfile.mkdtemp(prefix="adapter-")
    model = trained()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_B" in name:
                value.mul_(0.02)
    model.save_pretrained(folder)
    said = {}
    for name, kind in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        base = tiny.model(dtype=kind)
        before = {n: p.detach().clone() for n, p in base.named_parameters()}
        merged = PeftModel.from_pretrained(base, folder).merge_and_unload()
        same = total = 0
        for n, p in merged.named_parameters():
            if any(part in n for part in tiny.PROJECTIONS):
                same += int((p == before[n]).sum())
                total += p.numel()
        said[name] = f"{100 * same / total:.0f} % of the weights are the base's after the merge"
    return said


CAUSES = [
    result_of_the_merge_dropped,
    merged_into_a_quantized_base,
    tokenizer_left_behind,
    base_saved_with_layers_inside,
    made_and_dropped,
    saved_before_training,
    end_token_of_the_generation,
    small_steps_in_bfloat16,
]
