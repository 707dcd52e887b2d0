"""Settings that do nothing: each function hands one over and says what it changes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import Any

import tiny


def swallowed_arguments() -> dict[str, str]:
    """Misspelt arguments of loaders that take **kwargs."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    said = {}
    tok = AutoTokenizer.from_pretrained(tiny.folder(), padding_size="right", add_bos_tokens=False)
    said["AutoTokenizer padding_size, add_bos_tokens"] = (
        f"accepted; padding_side is {tok.padding_side!r}, first id {tok('a')['input_ids'][0]} (BOS is 1)"
    )
    for bogus in ({"max_seq_length": 2048}, {"gradient_checkpointing": True}, {"use_cach": False}):
        try:
            AutoModelForCausalLM.from_pretrained(tiny.folder(), **bogus)
            said[f"AutoModel {next(iter(bogus))}"] = "accepted"
        except TypeError as error:
            said[f"AutoModel {next(iter(bogus))}"] = f"TypeError: {str(error)[:80]}"
    try:
        out = tok("SELECT 1", max_len=2, truncate=True)
        said["tokenizer(…, max_len=2, truncate=True)"] = f"accepted; {len(out['input_ids'])} tokens"
    except TypeError as error:
        said["tokenizer(…, max_len=2, truncate=True)"] = f"TypeError: {str(error)[:80]}"
    tok.chat_template = tiny.CHATML
    got = tok.apply_chat_template([{"role": "user", "content": "a"}], tokenise=False)
    said["apply_chat_template(…, tokenise=False)"] = f"accepted; a {type(got).__name__} comes back"
    return said


def settings_without_their_switch() -> dict[str, str]:
    """Arguments whose switch is off."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    said: dict[str, str] = {}

    def run(**kwargs: Any) -> Any:
        trainer = Trainer(
            model=tiny.model(),
            args=tiny.arguments(TrainingArguments, max_steps=6, **kwargs),
            train_dataset=tiny.tokenized(),
            eval_dataset=tiny.tokenized(4),
            data_collator=DataCollatorForSeq2Seq(tiny.tokenizer()),
        )
        trainer.train()
        return trainer

    for name, kwargs in (
        ("eval_steps=2", {"eval_steps": 2}),
        ("eval_strategy too", {"eval_steps": 2, "eval_strategy": "steps"}),
    ):
        said[name] = f"{len(tiny.logged(run(**kwargs), 'eval_loss'))} evaluations in 6 steps"
    for name in ("constant", "constant_with_warmup", "cosine"):
        rates = tiny.logged(run(lr_scheduler_type=name, warmup_steps=3), "learning_rate")
        said[f"warmup_steps=3 with {name}"] = f"rates {[round(r, 4) for r in rates]}"
    trainer = run(metric_for_best_model="eval_loss", greater_is_better=False, eval_strategy="steps", eval_steps=2)
    said["metric_for_best_model alone"] = f"best_model_checkpoint is {trainer.state.best_model_checkpoint}"
    folder = tempfile.mkdtemp(prefix="limit-")
    run(output_dir=folder, save_steps=2, save_strategy="epoch")
    said["save_steps=2 with save_strategy='epoch'"] = f"checkpoints {sorted(os.listdir(folder))}"
    return said


def rate_beside_an_optimizer() -> dict[str, str]:
    """learning_rate=2e-5 and weight_decay=0.1 beside an optimizer with lr=1e-3."""
    import torch

    net = tiny.model()
    own = torch.optim.AdamW(net.parameters(), lr=1e-3)
    said = {}
    for name, kwargs in (("own optimizer", {"optimizers": (own, None)}), ("the trainer's", {})):
        from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

        given = tiny.arguments(TrainingArguments, max_steps=4, logging_steps=1, learning_rate=2e-5, weight_decay=0.1)
        collator = DataCollatorForSeq2Seq(tiny.tokenizer())
        trainer = Trainer(model=net, args=given, train_dataset=tiny.tokenized(), data_collator=collator, **kwargs)
        trainer.train()
        decay = trainer.optimizer.param_groups[0]["weight_decay"]
        said[name] = f"rate {tiny.logged(trainer, 'learning_rate')[0]:.1e} at the first step, weight decay {decay}"
    return said


def quantization_without_its_switch() -> dict[str, str]:
    """bnb_4bit_* without load_in_4bit."""
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True)
    try:
        model = tiny.model(quantization_config=config)
    except Exception as error:
        return {"bnb_4bit_quant_type alone": f"{type(error).__name__}: {str(error)[:120]}"}
    kinds = {type(m).__name__ for m in model.modules() if "Linear" in type(m).__name__}
    return {"bnb_4bit_quant_type alone": f"layers {sorted(kinds)}, {next(model.parameters()).dtype}"}


def environment_set_too_late() -> dict[str, str]:
    """os.environ["HF_HOME"] below the import that reads it."""
    said = {}
    for name, code in (
        ("below the import", "import transformers, os; os.environ['HF_HOME'] = '/elsewhere'"),
        ("above the import", "import os; os.environ['HF_HOME'] = '/elsewhere'; import transformers"),
    ):
        code += "; from huggingface_hub import constants; print(constants.HF_HOME)"
        env = {k: v for k, v in os.environ.items() if k != "HF_HOME"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
        said[name] = "read" if done.stdout.strip().endswith("elsewhere") else "not read"
    return said


def changed_after_the_trainer() -> dict[str, str]:
    """Attributes of the arguments set after the trainer was made: some are read at train(), some were read before."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    args = tiny.arguments(TrainingArguments, max_steps=4, logging_steps=1)
    trainer = Trainer(
        model=tiny.model(),
        args=args,
        train_dataset=tiny.tokenized(),
        data_collator=DataCollatorForSeq2Seq(tiny.tokenizer()),
    )
    args.learning_rate, args.max_steps, args.seed = 5e-4, 2, 7
    args.gradient_accumulation_steps = 4
    trainer.train()
    return {
        "learning_rate, max_steps": f"first rate {tiny.logged(trainer, 'learning_rate')[0]:.1e}, "
        f"{trainer.state.global_step} steps",
        "gradient_accumulation_steps": f"{trainer.state.epoch:.2f} epochs in {trainer.state.global_step} steps",
    }


CAUSES = [
    swallowed_arguments,
    settings_without_their_switch,
    rate_beside_an_optimizer,
    quantization_without_its_switch,
    environment_set_too_late,
    changed_after_the_trainer,
]
