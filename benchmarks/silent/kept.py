"""Which model is kept? Each function runs one cause and says which step's weights are at hand at the end."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import tiny


def step_of(trainer: Any) -> int:
    """Finds the checkpoint whose weights the model has."""
    import torch
    from safetensors.torch import load_file

    mine = trainer.model.state_dict()
    for folder in sorted(Path(trainer.args.output_dir).glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1])):
        saved = load_file(folder / "model.safetensors")
        if all(torch.equal(value, mine[name]) for name, value in saved.items()):
            return int(folder.name.split("-")[1])
    return -1


def best_of(metric: str, **kwargs: Any) -> str:
    """Trains six steps with an evaluation each, whose `metric` is 6, 5, 4, 3, 2, 1; says which step is kept."""
    from transformers import DataCollatorForSeq2Seq, EarlyStoppingCallback, Trainer, TrainingArguments

    patience, curve = kwargs.pop("patience", None), kwargs.pop("curve", (6, 5, 4, 3, 2, 1))

    class Counting(Trainer):
        def evaluate(self, *args: Any, **options: Any) -> dict[str, float]:
            found = {f"eval_{metric}": float(curve[self.state.global_step - 1])}
            self.log(found)
            self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, found)
            return found

    args = tiny.arguments(
        TrainingArguments,
        max_steps=6,
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        **{"load_best_model_at_end": True, "metric_for_best_model": metric, **kwargs},
    )
    trainer = Counting(
        model=tiny.model(),
        args=args,
        train_dataset=tiny.tokenized(),
        eval_dataset=tiny.tokenized(4),
        data_collator=DataCollatorForSeq2Seq(tiny.tokenizer()),
        callbacks=[EarlyStoppingCallback(early_stopping_patience=patience)] if patience else None,
    )
    try:
        trainer.train()
    except AssertionError as error:
        return f"AssertionError: {error}"
    return f"stops at step {trainer.state.global_step}, keeps step {step_of(trainer)}"


def direction_of_the_metric() -> dict[str, str]:
    """A metric that falls as the model gets better, without greater_is_better (transformers pull request 31142)."""
    return {
        "error_rate": best_of("error_rate"),
        "perplexity": best_of("perplexity"),
        "sql_loss": best_of("sql_loss"),
        "error_rate, greater_is_better=False": best_of("error_rate", greater_is_better=False),
        "error_rate, patience 2": best_of("error_rate", patience=2),
    }


def early_stopping_without_the_best() -> dict[str, str]:
    """EarlyStoppingCallback without load_best_model_at_end: which step's weights are saved at the end."""
    return {
        "load_best_model_at_end": best_of("loss", patience=3, curve=(5, 3, 2, 4, 5, 6)),
        "left out": best_of("loss", patience=3, curve=(5, 3, 2, 4, 5, 6), load_best_model_at_end=False),
    }


def steps_that_do_not_fit() -> dict[str, str]:
    """save_steps that is no multiple of eval_steps, with load_best_model_at_end."""
    from transformers import TrainingArguments

    said = {}
    for save, evaluate in ((500, 200), (400, 200), (100, 200)):
        try:
            tiny.arguments(
                TrainingArguments, eval_strategy="steps", eval_steps=evaluate, save_strategy="steps",
                save_steps=save, load_best_model_at_end=True,
            )  # fmt: skip
            said[f"save {save}, eval {evaluate}"] = "accepted"
        except ValueError as error:
            said[f"save {save}, eval {evaluate}"] = f"ValueError: {str(error)[:120]}"
    return said


def max_steps_beside_epochs() -> dict[str, str]:
    """max_steps and num_train_epochs together."""
    trainer = tiny.train(tiny.model(), rows=tiny.tokenized(64), max_steps=5, num_train_epochs=3)
    epochs = tiny.train(tiny.model(), rows=tiny.tokenized(64), max_steps=-1, num_train_epochs=3)
    return {
        "both": f"{trainer.state.global_step} steps, {trainer.state.epoch:.2f} epochs",
        "epochs alone": f"{epochs.state.global_step} steps",
    }


def again(args: dict[str, Any], resume: Any, **changes: Any) -> str:
    """Trains to step 4 of 8, then starts again in the same folder; says where it begins and with which rate."""
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback, TrainingArguments

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            control.should_training_stop = state.global_step >= 4
            return control

    def make(stop: bool, **options: Any) -> Any:
        return Trainer(
            model=tiny.model(),
            args=TrainingArguments(**{**shared, **options}),
            train_dataset=tiny.tokenized(),
            data_collator=DataCollatorForSeq2Seq(tiny.tokenizer()),
            callbacks=[Stop()] if stop else None,
        )

    folder = tempfile.mkdtemp(prefix="again-")
    shared: dict[str, Any] = dict(
        output_dir=folder, per_device_train_batch_size=2, max_steps=8, learning_rate=1e-3, logging_steps=1,
        save_strategy="steps", save_steps=4, report_to="none", use_cpu=True, disable_tqdm=True, seed=1, **args,
    )  # fmt: skip
    make(True).train()
    options = dict(changes)
    if "argument" in (resume or ""):
        options["resume_from_checkpoint"] = True
    second = make(False, **options)
    try:
        second.train(resume_from_checkpoint=True if resume == "train" else None)
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:140]}"
    mine = [e for e in second.state.log_history if "loss" in e]
    fresh = mine if resume != "train" else mine[4:]
    if not fresh:
        return f"no step is trained; global step {second.state.global_step}"
    return (
        f"first new step {fresh[0]['step']}, learning rate {float(fresh[0]['learning_rate']):.2e}, "
        f"last step {second.state.global_step}"
    )


def resume_as_an_argument() -> dict[str, str]:
    """resume_from_checkpoint in the training arguments, and in train()."""
    return {"argument": again({}, "argument"), "train()": again({}, "train")}


def resume_without_the_optimizer() -> dict[str, str]:
    """save_only_model, and then resuming."""
    return {"save_only_model": again({"save_only_model": True}, "train")}


def resume_under_another_schedule() -> dict[str, str]:
    """Resuming after max_steps, epochs or the batch changed."""
    return {
        "as before": again({}, "train"),
        "max_steps 8 → 4": again({}, "train", max_steps=4),
        "max_steps 8 → 16": again({}, "train", max_steps=16),
        "learning rate × 10": again({}, "train", learning_rate=1e-2),
        "epochs 2, batch 2 → 4": again({}, "train", max_steps=-1, num_train_epochs=2, per_device_train_batch_size=4),
    }


def two_stages_in_one_folder() -> dict[str, str]:
    """A second training that writes where the first wrote, and resumes from what lies there."""
    import os

    from transformers.trainer_utils import get_last_checkpoint

    folder = tempfile.mkdtemp(prefix="stages-")
    tiny.train(tiny.model(), output_dir=folder, max_steps=6, save_strategy="steps", save_steps=6)
    model = tiny.model()
    before = tiny.weights(model, "")
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainingArguments

    second = Trainer(
        model=model,
        args=tiny.arguments(TrainingArguments, output_dir=folder, max_steps=6),
        train_dataset=tiny.tokenized(8),
        data_collator=DataCollatorForSeq2Seq(tiny.tokenizer()),
    )
    second.train(resume_from_checkpoint=get_last_checkpoint(folder) if os.path.isdir(folder) else None)
    steps = len([e for e in second.state.log_history if "loss" in e]) - 6
    return {"stage two": f"{steps} new steps; {tiny.moved(before, model)} tensors are stage one's"}


CAUSES = [
    direction_of_the_metric,
    early_stopping_without_the_best,
    steps_that_do_not_fit,
    max_steps_beside_epochs,
    resume_as_an_argument,
    resume_without_the_optimizer,
    resume_under_another_schedule,
    two_stages_in_one_folder,
]
