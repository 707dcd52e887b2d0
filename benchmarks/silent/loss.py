"""Is the loss what it seems? Each function runs one cause and says what the loss is made of."""

from __future__ import annotations

from typing import Any

import tiny


def kept(batch: Any) -> str:
    labels = batch["labels"]
    return f"{int((labels != -100).sum())} of {labels.numel()} positions are in the loss"


def collator_makes_labels_anew() -> dict[str, str]:
    """Hand-made labels under transformers' DataCollatorForLanguageModeling, and under DataCollatorForSeq2Seq."""
    from transformers import DataCollatorForLanguageModeling, DataCollatorForSeq2Seq

    tok, said = tiny.tokenizer(), {}
    rows = tiny.tokenized(8)
    said["made by hand"] = f"{sum(v != -100 for row in rows for v in row['labels'])} positions are in the loss"
    bare = [{k: v for k, v in row.items()} for row in rows]
    length = max(len(row["input_ids"]) for row in bare)
    for row in bare:
        gap = length - len(row["input_ids"])
        row["input_ids"] = row["input_ids"] + [tok.pad_token_id] * gap
        row["attention_mask"] = row["attention_mask"] + [0] * gap
        row["labels"] = row["labels"] + [-100] * gap
    said["DataCollatorForLanguageModeling"] = kept(DataCollatorForLanguageModeling(tok, mlm=False)(bare))
    said["DataCollatorForSeq2Seq"] = kept(DataCollatorForSeq2Seq(tok)(rows))
    return said


def labels_shifted_by_hand() -> dict[str, str]:
    """A collator that shifts the labels, which the model shifts again: what the model learns to say."""
    import torch

    sequence = list(range(20, 60))
    rows = [{"input_ids": sequence, "attention_mask": [1] * 40, "labels": sequence}] * 8
    shifted = [{**row, "labels": [*sequence[1:], -100]} for row in rows]
    said = {}
    for name, data in (("labels = input_ids", rows), ("labels shifted", shifted)):
        model = tiny.model()
        tiny.train(model, rows=data, max_steps=60, learning_rate=5e-3)
        with torch.no_grad():
            top = model.eval()(input_ids=torch.tensor([sequence])).logits[0].argmax(-1).tolist()
        one = sum(a == b for a, b in zip(top[:-1], sequence[1:]))
        two = sum(a == b for a, b in zip(top[:-2], sequence[2:]))
        said[name] = f"predicts the next token at {one} of 39 positions, the one after it at {two} of 38"
    return said


def padding_is_in_the_loss() -> dict[str, str]:
    """labels = input_ids.copy() of rows padded to the full length."""
    tok = tiny.tokenizer()
    texts = [f"{r['schema']}\n{r['question']}\n{r['sql']}{tok.eos_token}" for r in tiny.rows()[:32]]
    batch = tok(texts, padding="max_length", truncation=True, max_length=256)
    labels = [list(ids) for ids in batch["input_ids"]]
    pads = sum(v == tok.pad_token_id for row in labels for v in row)
    total = sum(len(row) for row in labels)
    rows = [dict(zip(batch, values)) for values in zip(*batch.values())]
    for row in rows:
        row.pop("token_type_ids", None)
    said = {"share": f"{pads} of {total} label positions are padding ({100 * pads / total:.0f} %)"}
    masked = [{**r, "labels": [v if v != tok.pad_token_id else -100 for v in r["input_ids"]]} for r in rows]
    for name, data in (("copied", [{**r, "labels": list(r["input_ids"])} for r in rows]), ("masked", masked)):
        trainer = tiny.train(tiny.model(), rows=data, max_steps=40, learning_rate=3e-3)
        model = trainer.model.eval()
        import torch

        with torch.no_grad():
            real = [
                float(model(input_ids=torch.tensor([r["input_ids"]]), labels=torch.tensor([r["labels"]])).loss)
                for r in masked[:8]
            ]
        said[name] = (
            f"logged loss {tiny.logged(trainer, 'loss')[-1]:.2f}, loss on the text itself {sum(real) / len(real):.2f}"
        )
    return said


def accumulated_loss_of_a_subclass() -> dict[str, str]:
    """compute_loss that leaves num_items_in_batch out of its own loss, at 1 and at 16 accumulation steps."""
    import inspect

    import torch
    from transformers import Trainer

    class Own(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None, **kwargs):
            outputs = model(**inputs)
            logits, labels = outputs.logits[:, :-1], inputs["labels"][:, 1:]
            loss = torch.nn.functional.cross_entropy(
                logits.reshape(-1, logits.size(-1)), labels.reshape(-1), ignore_index=-100
            )
            return (loss, outputs) if return_outputs else loss

    class Passing(Own):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None, **kwargs):
            outputs = model(**inputs)
            logits, labels = outputs.logits[:, :-1], inputs["labels"][:, 1:]
            total = torch.nn.functional.cross_entropy(
                logits.reshape(-1, logits.size(-1)), labels.reshape(-1), ignore_index=-100, reduction="sum"
            )
            loss = total / (num_items_in_batch if num_items_in_batch is not None else (labels != -100).sum())
            return (loss, outputs) if return_outputs else loss

    class Outputs(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
            outputs = model(**inputs)
            return (outputs.loss, outputs) if return_outputs else outputs.loss

    class Handed(Trainer):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch=num_items_in_batch)

    class Told(Own):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.model_accepts_loss_kwargs = False

    assert "num_items_in_batch" in inspect.signature(Trainer.compute_loss).parameters
    said = {}
    for name, kind in (
        ("Trainer", Trainer),
        ("own mean", Own),
        ("outputs.loss", Outputs),
        ("sum / num_items_in_batch", Passing),
        ("super()", Handed),
        ("model_accepts_loss_kwargs=False", Told),
    ):
        figures = []
        for steps in (1, 16):
            trainer = tiny.train(
                tiny.model(),
                rows=tiny.tokenized(64),
                kind=kind,
                max_steps=1,
                gradient_accumulation_steps=steps,
                max_grad_norm=1.0,
            )
            figures.append((tiny.logged(trainer, "loss")[0], tiny.logged(trainer, "grad_norm")[0]))
        (one, norm), (many, norms) = figures
        said[name] = f"loss {one:.2f} → {many:.2f}, gradient norm {norm:.2f} → {norms:.2f}"
    return said


def labels_from_an_assistant_mask() -> dict[str, str]:
    """return_assistant_tokens_mask=True by hand, with a template that has no markers (marin issue 7237)."""
    tok = tiny.tokenizer(tiny.CHATML)
    out = tok.apply_chat_template(
        tiny.messages(1)[0]["messages"], tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    mask = out["assistant_masks"]
    return {"no generation block": f"{sum(mask)} of {len(mask)} tokens are the assistant's"}


def labels_of(**kwargs: Any) -> dict[str, str]:
    """Builds SFTTrainer and says what its first batch holds."""
    from trl import SFTConfig, SFTTrainer

    rows = kwargs.pop("rows")
    chat = kwargs.pop("chat", None)
    try:
        trainer = SFTTrainer(
            model=tiny.model(),
            args=tiny.arguments(SFTConfig, **kwargs),
            train_dataset=rows,
            processing_class=tiny.tokenizer(chat),
        )
        count = len(trainer.train_dataset)
        if not count:
            return {"batch": f"0 of {len(rows)} rows are left"}
        batch = next(iter(trainer.get_train_dataloader()))
    except Exception as error:
        return {"batch": f"{type(error).__name__}: {str(error)[:150]}"}
    return {"batch": f"{kept(batch)}; {count} of {len(rows)} rows are left"}


def assistant_only_loss_without_markers() -> dict[str, str]:
    """assistant_only_loss with a template that has no {% generation %}."""
    said = {"messages": labels_of(rows=tiny.messages(8), chat=tiny.CHATML, assistant_only_loss=True)["batch"]}
    marked = tiny.CHATML.replace(
        "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}",
        "{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}{% generation %}"
        "{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m['content'] + '<|im_end|>' }}{% endif %}"
        "{{ '\n' }}",
    )
    return {**said, "marked": labels_of(rows=tiny.messages(8), chat=marked, assistant_only_loss=True)["batch"]}


def answer_cut_before_it_begins() -> dict[str, str]:
    """max_length below the length of the prompt."""
    tok = tiny.tokenizer()
    shortest = min(len(tok(row["prompt"])["input_ids"]) for row in tiny.pairs(8))
    said = {"shortest prompt": f"{shortest} tokens"}
    for length in (shortest - 1, 512):
        said[f"max_length={length}"] = labels_of(rows=tiny.pairs(8), max_length=length, completion_only_loss=True)[
            "batch"
        ]
    return said


def text_cannot_be_completion_only() -> dict[str, str]:
    """completion_only_loss=True on a text column."""
    from datasets import Dataset

    rows = Dataset.from_list([{"text": row["prompt"] + row["completion"]} for row in tiny.pairs(8)])
    return {
        "text": labels_of(rows=rows, completion_only_loss=True)["batch"],
        "prompt/completion": labels_of(rows=tiny.pairs(8), completion_only_loss=True)["batch"],
    }


def labels_column_given_to_sft() -> dict[str, str]:
    """A dataset with input_ids and hand-made labels, given to SFTTrainer (trl issue 3589)."""
    from datasets import Dataset

    rows = tiny.tokenized(8)
    made = sum(v != -100 for row in rows[:2] for v in row["labels"])
    found = labels_of(rows=Dataset.from_list(rows), dataset_kwargs={"skip_prepare_dataset": True})["batch"]
    plain = labels_of(rows=Dataset.from_list(rows))["batch"]
    return {"first two rows by hand": str(made), "skip_prepare_dataset": found, "plain": plain}


def packing_and_the_mask() -> dict[str, str]:
    """packing=True with completion_only_loss (trl issue 3728)."""
    return {
        "packed": labels_of(rows=tiny.pairs(16), packing=True, max_length=256, completion_only_loss=True)["batch"],
        "not packed": labels_of(rows=tiny.pairs(16), max_length=256, completion_only_loss=True)["batch"],
    }


def packing_strategy() -> dict[str, str]:
    """How many positions of a packed row depend on another sample, by strategy and attention."""
    import torch
    from trl import SFTConfig, SFTTrainer

    said = {}
    for strategy in ("wrapped", "bfd", "ffd"):
        for attention in ("sdpa", "eager"):
            name = f"{strategy}, {attention}"
            try:
                trainer = SFTTrainer(
                    model=tiny.model(attn_implementation=attention),
                    args=tiny.arguments(
                        SFTConfig,
                        packing=True,
                        packing_strategy=strategy,
                        max_length=192,
                        per_device_train_batch_size=1,
                    ),
                    train_dataset=tiny.pairs(16),
                    processing_class=tiny.tokenizer(),
                )
                batch = dict(next(iter(trainer.get_train_dataloader())))
            except Exception as error:
                said[name] = f"{type(error).__name__}: {str(error)[:110]}"
                continue
            batch.pop("labels", None)
            model, ids = trainer.model.double().eval(), batch["input_ids"]
            starts = [i for i, v in enumerate(ids[0].tolist()) if v == 1]
            first, second, last = [*starts, ids.size(1)][:3]
            other = ids.clone()
            other[0, first + 1 : second] = 300
            with torch.no_grad():
                a = model(**{**batch, "input_ids": ids}, use_cache=False).logits
                b = model(**{**batch, "input_ids": other}, use_cache=False).logits
            gap = (a - b).abs().amax(-1)[0, second:last]
            said[name] = f"{int((gap > 1e-12).sum())} of {gap.numel()} positions of sample 2 depend on sample 1"
    return said


def padding_free_without_boundaries() -> dict[str, str]:
    """padding_free=True: whether the second row of a batch sees the first, by attention."""
    import torch
    from trl import SFTConfig, SFTTrainer

    said = {}
    for attention in ("sdpa", "eager"):
        try:
            trainer = SFTTrainer(
                model=tiny.model(attn_implementation=attention),
                args=tiny.arguments(SFTConfig, padding_free=True, max_length=None),
                train_dataset=tiny.pairs(16),
                processing_class=tiny.tokenizer(),
            )
            batch = dict(next(iter(trainer.get_train_dataloader())))
        except Exception as error:
            said[attention] = f"{type(error).__name__}: {str(error)[:140]}"
            continue
        batch.pop("labels", None)
        ids = batch["input_ids"]
        starts = [i for i, v in enumerate(ids[0].tolist()) if v == 1]
        other = ids.clone()
        other[0, 1 : starts[1]] = 300
        with torch.no_grad():
            a = trainer.model.double().eval()(**{**batch, "input_ids": ids}, use_cache=False).logits
            b = trainer.model(**{**batch, "input_ids": other}, use_cache=False).logits
        gap = (a - b).abs().amax(-1)[0, starts[1] :]
        said[attention] = f"{int((gap > 1e-12).sum())} of {gap.numel()} positions of row 2 depend on row 1"
    return said


CAUSES = [
    collator_makes_labels_anew,
    labels_shifted_by_hand,
    padding_is_in_the_loss,
    accumulated_loss_of_a_subclass,
    labels_from_an_assistant_mask,
    assistant_only_loss_without_markers,
    answer_cut_before_it_begins,
    text_cannot_be_completion_only,
    labels_column_given_to_sft,
    packing_and_the_mask,
    packing_strategy,
    padding_free_without_boundaries,
]
