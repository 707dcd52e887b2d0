"""Train and serve: each function trains on one prompt, asks with another and says what that costs."""

from __future__ import annotations

from functools import cache
from typing import Any

import tiny

ALPACA = (
    "### Instruction:\nWrite the SQL query.\n\nDatabase Schema:\n{schema}\n\nQuestion: {question}\n\n### Response:\n"
)
OTHER = "Question: {question}\nSchema: {schema}\nSQL: "
CHAT = "<|im_start|>user\n{schema}\n{question}<|im_end|>\n<|im_start|>assistant\n"
ROWS = 24


def ids(prompt: str, tok: Any) -> list[int]:
    return list(tok(prompt)["input_ids"])


@cache
def taught() -> Any:
    """Trains the tiny model until it knows the answers of the rows under one prompt (all weights)."""
    tok, rows = tiny.tokenizer(), []
    for row in tiny.rows()[:ROWS]:
        head = ids(ALPACA.format(**row), tok)
        tail = [*tok(row["sql"], add_special_tokens=False)["input_ids"], tok.eos_token_id]
        rows.append(
            {"input_ids": head + tail, "attention_mask": [1] * len(head + tail), "labels": [-100] * len(head) + tail}
        )
    trainer = tiny.train(
        tiny.model(), rows=rows, max_steps=500, learning_rate=3e-3, per_device_train_batch_size=12, logging_steps=100
    )
    return trainer.model.eval()


def asked(template: str, **options: Any) -> list[str]:
    """Generates greedily for every row; returns the whole text and what follows the prompt."""
    import torch

    tok, model, said = tiny.tokenizer(), taught(), []
    for row in tiny.rows()[:ROWS]:
        prompt = template.format(**row)
        start = ids(prompt, tok)
        if options.get("bos"):
            start = [tok.bos_token_id, *start]
        with torch.no_grad():
            out = model.generate(
                input_ids=torch.tensor([start], device=model.device), do_sample=False, pad_token_id=0, max_new_tokens=60
            )[0]
        said.append(tok.decode(out if options.get("whole") else out[len(start) :], skip_special_tokens=True).strip())
    return said


def right(answers: list[str]) -> str:
    hits = sum(a == row["sql"] for a, row in zip(answers, tiny.rows()))
    return f"{hits} of {ROWS} answers are the row's SQL"


def prompt_of_another_text() -> dict[str, str]:
    """The template of the training, one of other words, and the chat template (unsloth issue 1832, SQL-R1 issue 20)."""
    return {
        "as trained": right(asked(ALPACA)),
        "other words": right(asked(OTHER)),
        "chat template": right(asked(CHAT)),
        "without the last line": right(asked(ALPACA.removesuffix("### Response:\n"))),
        "a space at the end": right(asked(ALPACA + " ")),
    }


def prompt_decoded_with_the_answer() -> dict[str, str]:
    """tokenizer.decode(output[0]) compared with the SQL."""
    return {"whole output": right(asked(ALPACA, whole=True)), "from the prompt's end": right(asked(ALPACA))}


def length_left_out() -> dict[str, str]:
    """generate() without max_new_tokens: how many tokens a model that never stops may write."""
    import torch

    tok, model = tiny.tokenizer(), tiny.model().eval()
    start = ids(ALPACA.format(**tiny.rows()[0]), tok)
    with torch.no_grad():
        out = model.generate(input_ids=torch.tensor([start]), do_sample=False, pad_token_id=0, eos_token_id=None)
    return {"left out": f"{out.shape[1] - len(start)} new tokens after a prompt of {len(start)}"}


def beginning_twice() -> dict[str, str]:
    """BOS in the text and again from the tokenizer."""
    return {"once": right(asked(ALPACA)), "twice": right(asked(ALPACA, bos=True))}


def heading_left_out() -> dict[str, str]:
    """The prompt without the heading of the answer, as a chat template writes it without add_generation_prompt."""
    return {
        "with it": right(asked(ALPACA)),
        "without": right(asked(ALPACA.removesuffix("### Response:\n"))),
    }


def padded_on_the_right() -> dict[str, str]:
    """Batched generation with padding on the right, and on the left (unsloth issue 2585)."""
    import torch

    said = {}
    for side in ("right", "left"):
        tok = tiny.tokenizer()
        tok.padding_side = side
        prompts = [ALPACA.format(**row) for row in tiny.rows()[:ROWS]]
        batch = tok(prompts, return_tensors="pt", padding=True)
        batch.pop("token_type_ids", None)
        with torch.no_grad():
            out = taught().generate(
                **batch.to(taught().device), max_new_tokens=60, do_sample=False, pad_token_id=tok.pad_token_id
            )
        answers = [tok.decode(o[batch["input_ids"].shape[1] :], skip_special_tokens=True).strip() for o in out]
        said[side] = right(answers)
    return said


def stop_that_never_comes() -> dict[str, str]:
    """Text without EOS in the loss: how long the answers run (at most 60 tokens)."""
    import torch

    tok, rows = tiny.tokenizer(), []
    for row in tiny.rows()[:ROWS]:
        head = ids(ALPACA.format(**row), tok)
        tail = list(tok(row["sql"], add_special_tokens=False)["input_ids"])
        rows.append(
            {"input_ids": head + tail, "attention_mask": [1] * len(head + tail), "labels": [-100] * len(head) + tail}
        )
    trainer = tiny.train(
        tiny.model(), rows=rows, max_steps=500, learning_rate=3e-3, per_device_train_batch_size=12, logging_steps=100
    )
    model, lengths = trainer.model.eval(), []
    for row in tiny.rows()[:ROWS]:
        start = ids(ALPACA.format(**row), tok)
        with torch.no_grad():
            out = model.generate(
                input_ids=torch.tensor([start], device=model.device), max_new_tokens=60, do_sample=False, pad_token_id=0
            )
        lengths.append(out.shape[1] - len(start))
    return {"without EOS": f"{sum(n == 60 for n in lengths)} of {ROWS} answers run to the limit"}


CAUSES = [
    prompt_of_another_text,
    prompt_decoded_with_the_answer,
    length_left_out,
    beginning_twice,
    heading_left_out,
    padded_on_the_right,
    stop_that_never_comes,
]
