"""The preflight on trainers that somebody got wrong: real TRL, real labels, mistakes that nothing else reports."""

from __future__ import annotations

from functools import partial

import pytest

from nl2sql_review.preflight import PreflightError, preflight, preflight_callback

from .conftest import needs_stack

pytestmark = needs_stack
PROMPT = "### Instruction:\nGenerate a SQL query.\n\nQuestion: how many singers?\n\n### Response:\n"
SQL = "SELECT COUNT(*) FROM singer"


@pytest.fixture
def make(script, tiny, tmp_path):
    """A trainer on rows of these columns."""
    from datasets import Dataset

    def call(row, callbacks=(), chat_template=None, **settings):
        model, tokenizer = script.FastLanguageModel.from_pretrained(str(tiny), max_seq_length=2048, load_in_4bit=False)
        tokenizer.pad_token, tokenizer.chat_template = tokenizer.unk_token, chat_template
        model = script.FastLanguageModel.get_peft_model(model, **script.LORA)
        given = {"output_dir": str(tmp_path), "report_to": "none", "max_steps": 1, "save_strategy": "no", **settings}
        return script.SFTTrainer(
            model=model,
            processing_class=tokenizer,
            train_dataset=Dataset.from_list([row] * 16),
            args=script.SFTConfig(**given),
            callbacks=[make_one(tokenizer) for make_one in callbacks],
        )

    return call


def test_prompt_and_completion_pass(make):
    assert not preflight(make({"prompt": PROMPT, "completion": SQL})).failed


def test_completion_only_loss_on_a_text_column_is_silently_ignored_but_not_by_the_preflight(make):
    with pytest.raises(PreflightError, match="prompt/response-only-loss: row 1 has no label masked"):
        preflight(make({"text": PROMPT + SQL}, completion_only_loss=True))


def test_a_text_with_its_own_bos(make):
    with pytest.raises(PreflightError, match="prompt/alpaca: row 1 starts with two BOS tokens"):
        preflight(make({"prompt": "<s>" + PROMPT, "completion": SQL}))


def test_an_eos_followed_by_a_newline_gets_a_second_one(make):
    with pytest.raises(PreflightError, match="prompt/eos: row 1 has 2 EOS tokens"):
        preflight(make({"prompt": PROMPT, "completion": SQL + "</s>\n"}))


def test_a_row_that_is_too_long_has_lost_its_end(make):
    with pytest.raises(PreflightError, match="memory/sequence-length: row 1 fills all 40 tokens and was truncated"):
        preflight(make({"prompt": PROMPT, "completion": SQL + ", name" * 40}, max_length=40))


def test_a_chat_in_a_script_of_ones_own(make):
    """As ChatML has it: the answer's turn ends with EOS and a newline."""
    template = (
        "{% for turn in messages %}<|{{ turn.role }}|>\n{{ turn.content }}</s>\n{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
    )
    row = {"prompt": [{"role": "user", "content": "How?"}], "completion": [{"role": "assistant", "content": SQL}]}
    marked = partial(preflight_callback, instruction="<|user|>", response="<|assistant|>")
    assert make(row, [marked], template).train().global_step == 1


def test_as_a_callback_it_speaks_before_the_first_step(make):
    trainer = make({"text": PROMPT + SQL}, [preflight_callback])
    with pytest.raises(PreflightError, match="prompt/response-only-loss"):
        trainer.train()
    assert trainer.state.global_step == 0
    good = make({"prompt": PROMPT, "completion": SQL}, [preflight_callback])
    assert good.train().global_step == 1
