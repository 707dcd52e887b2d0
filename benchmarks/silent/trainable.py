"""Does anything train? Each function runs one cause and says how many tensors changed."""

from __future__ import annotations

import tempfile
from typing import Any

import tiny


def train(model: Any, rows: Any = None, **kwargs: Any) -> Any:
    """Trains with TRL's trainer."""
    from trl import SFTConfig, SFTTrainer

    trainer = SFTTrainer(
        model=model,
        args=tiny.arguments(SFTConfig),
        train_dataset=rows or tiny.pairs(),
        processing_class=tiny.tokenizer(),
        **kwargs,
    )
    trainer.train()
    return trainer


def outcome(make: Any) -> str:
    """Trains what `make` makes with TRL, with Trainer and with Trainer under gradient checkpointing."""
    said = []
    for name, go in (
        ("SFTTrainer", train),
        ("Trainer", tiny.train),
        ("Trainer, checkpointing", lambda model: tiny.train(model, gradient_checkpointing=True)),
    ):
        model = make()
        before = tiny.weights(model)
        try:
            go(model)
            said.append(f"{name}: {tiny.moved(before, model)} LoRA tensors change")
        except Exception as error:
            said.append(f"{name}: {type(error).__name__}")
    return "; ".join(said)


def stage_one() -> str:
    from peft import get_peft_model

    folder = tempfile.mkdtemp(prefix="stage1-")
    get_peft_model(tiny.model(), tiny.lora()).save_pretrained(folder)
    return folder


def adapter_loaded_for_inference() -> dict[str, str]:
    """PeftModel.from_pretrained without is_trainable, then training."""
    from peft import PeftModel

    folder = stage_one()
    return {
        "left out": outcome(lambda: PeftModel.from_pretrained(tiny.model(), folder)),
        "is_trainable=True": outcome(lambda: PeftModel.from_pretrained(tiny.model(), folder, is_trainable=True)),
    }


def adapter_loaded_by_transformers() -> dict[str, str]:
    """AutoModelForCausalLM.from_pretrained on the adapter's folder (trl issue 1937)."""
    from transformers import AutoModelForCausalLM

    folder = stage_one()
    return {"adapter's folder": outcome(lambda: AutoModelForCausalLM.from_pretrained(folder))}


def prepared_after_the_adapter() -> dict[str, str]:
    """prepare_model_for_kbit_training behind get_peft_model, and before it."""
    from peft import get_peft_model, prepare_model_for_kbit_training

    return {
        "after": outcome(lambda: prepare_model_for_kbit_training(get_peft_model(tiny.model(), tiny.lora()))),
        "before": outcome(lambda: get_peft_model(prepare_model_for_kbit_training(tiny.model()), tiny.lora())),
    }


def frozen_after_the_adapter() -> dict[str, str]:
    """Freezing by hand, behind get_peft_model: everything, and everything but the adapter."""
    from peft import get_peft_model

    def frozen(spared: str) -> Any:
        model = get_peft_model(tiny.model(), tiny.lora())
        for name, parameter in model.named_parameters():
            if not spared or spared not in name:
                parameter.requires_grad = False
        return model

    return {"all parameters": outcome(lambda: frozen("")), "all but lora_": outcome(lambda: frozen("lora_"))}


def inference_mode() -> dict[str, str]:
    """LoraConfig(inference_mode=True), given to get_peft_model and to the trainer."""
    from peft import get_peft_model

    said = {
        f"get_peft_model, {mode}": outcome(
            lambda mode=mode: get_peft_model(tiny.model(), tiny.lora(inference_mode=mode))
        )
        for mode in (True, False)
    }
    trainer = train(tiny.model(), peft_config=tiny.lora(inference_mode=True))
    b = [p for n, p in trainer.model.named_parameters() if "lora_B" in n]
    return {**said, "peft_config, True": f"{sum(bool(p.abs().sum()) for p in b)} of {len(b)} lora_B are not zero"}


def added_tokens() -> dict[str, str]:
    """The embedding row of an added token, with four ways of saving modules."""
    import torch
    from datasets import Dataset

    said = {}
    for name in ("nothing", "modules_to_save", "trainable_token_indices", "target_modules"):
        tokenizer = tiny.tokenizer()
        tokenizer.add_tokens(["<col>"])
        base = tiny.model()
        base.resize_token_embeddings(len(tokenizer))
        new = tokenizer.convert_tokens_to_ids("<col>")
        options: dict[str, Any] = {
            "nothing": {},
            "modules_to_save": {"modules_to_save": ["embed_tokens", "lm_head"]},
            "trainable_token_indices": {"trainable_token_indices": {"embed_tokens": [new]}},
            "target_modules": {"target_modules": [*tiny.PROJECTIONS, "embed_tokens", "lm_head"]},
        }[name]
        from trl import SFTConfig, SFTTrainer

        data = Dataset.from_list([{"prompt": "<col> a <col> b ", "completion": "<col> c <col>"}] * 8)
        try:
            trainer = SFTTrainer(
                model=base,
                args=tiny.arguments(SFTConfig),
                train_dataset=data,
                processing_class=tokenizer,
                peft_config=tiny.lora(**options),
            )
        except Exception as error:
            said[name] = f"{type(error).__name__}: {str(error)[:90]}"
            continue
        ids = torch.tensor([[new]])
        look = trainer.model.get_input_embeddings()
        before = look(ids).detach().clone()
        trainer.train()
        step = (look(ids).detach() - before).abs().max().item()
        said[name] = f"the new row moves by {step:.4f}"
    return said


def adapter_on_an_adapter() -> dict[str, str]:
    """get_peft_model on a model that has an adapter already, and after a merge: what is left of the first one."""
    import torch
    from peft import PeftModel, get_peft_model

    ids = torch.arange(5, 25).unsqueeze(0)
    folder = stage_one()
    with torch.no_grad():
        plain = tiny.model().eval()(input_ids=ids).logits
    said = {}
    for name in ("before", "get_peft_model again", "another adapter name", "merged first"):
        first = PeftModel.from_pretrained(tiny.model(), folder, is_trainable=True)
        with torch.no_grad():
            for key, value in first.named_parameters():
                if "lora_B" in key:
                    torch.manual_seed(3)
                    value.normal_(0, 0.2)
        second = {
            "before": lambda model: model,
            "get_peft_model again": lambda model: get_peft_model(model, tiny.lora()),
            "another adapter name": lambda model: get_peft_model(model, tiny.lora(), adapter_name="inhouse"),
            "merged first": lambda model: get_peft_model(model.merge_and_unload(), tiny.lora()),
        }[name](first)
        with torch.no_grad():
            effect = (second.eval()(input_ids=ids).logits - plain).abs().max().item()
        free = sum(p.requires_grad for p in second.parameters())
        said[name] = f"effect on the logits {effect:.3f}, {free} tensors to train"
    return said


def second_adapter_is_not_active() -> dict[str, str]:
    """load_adapter(…, is_trainable=True) beside a first one, and what the trainer then trains (peft issue 3580)."""
    from peft import PeftModel

    said = {}
    for name, first, call in (
        ("first frozen", False, False),
        ("first frozen, set_adapter", False, True),
        ("first trainable", True, False),
    ):
        model = PeftModel.from_pretrained(tiny.model(), stage_one(), is_trainable=first)
        model.load_adapter(stage_one(), adapter_name="inhouse", is_trainable=True)
        if call:
            model.set_adapter("inhouse")
        default, second = tiny.weights(model, ".default."), tiny.weights(model, ".inhouse.")
        try:
            train(model)
            said[name] = f"default {tiny.moved(default, model)}, inhouse {tiny.moved(second, model)} change"
        except Exception as error:
            said[name] = f"{type(error).__name__}: {str(error)[:100]}"
    return said


def trained_after_a_merge() -> dict[str, str]:
    """merge_and_unload, then a trainer without a new adapter: every weight of the base."""
    from peft import PeftModel

    said = {}
    for name, go in (("SFTTrainer", train), ("Trainer", tiny.train)):
        merged = PeftModel.from_pretrained(tiny.model(), stage_one()).merge_and_unload()
        before = {n: p.detach().clone() for n, p in merged.named_parameters()}
        free = sum(p.requires_grad for p in merged.parameters())
        try:
            go(merged)
            said[name] = f"{free} trainable tensors, {tiny.moved(before, merged)} change"
        except Exception as error:
            said[name] = f"{free} trainable tensors; {type(error).__name__}"
    return said


def adapter_model_and_config() -> dict[str, str]:
    """SFTTrainer(model=PeftModel, peft_config=…): which adapter trains."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(tiny.model(), stage_one(), is_trainable=True)
    before = tiny.weights(model)
    try:
        trainer = train(model, peft_config=tiny.lora())
    except Exception as error:
        return {"both": f"{type(error).__name__}: {str(error)[:140]}"}
    names = [n for n, _ in trainer.model.named_parameters() if "lora_" in n]
    try:
        first = tiny.moved(before, trainer.model)
    except KeyError:
        first = "gone (merged into the base)"
    return {"both": f"{len(names)} LoRA tensors in the trained model; of the first adapter {first}"}


def quantized_adapter_in_the_trainer() -> dict[str, str]:
    """A model in 4 bits that has its adapter already, given to SFTTrainer (trl issue 3926).

    On a CPU trl takes 4-bit weights for sharded ones and goes another way; so the weights are plain here, and the
    model only says, as the quantizer would have made it say, that it was loaded in 4 bits.
    """
    from peft import get_peft_model

    base = tiny.model()
    model = get_peft_model(base, tiny.lora())
    base.is_loaded_in_4bit = True
    before = tiny.weights(model)
    try:
        trainer = train(model)
    except Exception as error:
        return {"adapter made before": f"{type(error).__name__}: {str(error)[:120]}"}
    return {"adapter made before": f"{tiny.moved(before, trainer.model)} LoRA tensors change"}


def configuration_of_a_saved_adapter() -> dict[str, str]:
    """LoraConfig.from_pretrained of a saved adapter, for a new one."""
    from peft import LoraConfig, get_peft_model

    folder = stage_one()
    config = LoraConfig.from_pretrained(folder)
    said = {"inference_mode": str(config.inference_mode)}
    said["new adapter"] = outcome(lambda: get_peft_model(tiny.model(), LoraConfig.from_pretrained(folder)))
    return said


CAUSES = [
    adapter_loaded_for_inference,
    adapter_loaded_by_transformers,
    prepared_after_the_adapter,
    frozen_after_the_adapter,
    inference_mode,
    added_tokens,
    adapter_on_an_adapter,
    second_adapter_is_not_active,
    trained_after_a_merge,
    adapter_model_and_config,
    quantized_adapter_in_the_trainer,
    configuration_of_a_saved_adapter,
]
