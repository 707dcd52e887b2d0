"""Chat templates that stand in a script, read without being run."""

from __future__ import annotations

import pytest

from nl2sql_review import Options, review
from nl2sql_review.readers.prompt.chat_template import BOS, CONTENT, EOS, Unread, read
from nl2sql_review.readers.prompt.models import known, member

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message.content | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ANSWER = CONTENT["assistant"]


@pytest.mark.parametrize(
    ("template", "after", "starts", "in_loss"),
    [
        (CHATML, "<|im_end|>\n", False, None),
        ("{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}", EOS, True, None),
        ("{% for m in messages %}{{ m['content'] }}{% if loop.last %}</s>{% endif %}{% endfor %}", "</s>", False, None),
        ("{% set ns = namespace(end='') %}{% for m in messages %}{% set ns.end = '<|e|>' %}{{ m.content }}{% endfor %}"
         "{{ ns.end }}", "<|e|>", False, None),
        ("{% for m in messages %}{% set inner = 'x' %}{{ m.content }}{% endfor %}{{ inner }}", "", False, None),
        ("{%- macro turn(m, end='<|e|>') -%}{{ m.content }}{{ end }}{%- endmacro -%}"
         "{% for m in messages %}{{ turn(m) }}{% endfor %}", "<|e|>", False, None),
        ("{% for m in messages if m.role == 'assistant' %}{% generation %}{{ m.content + eos_token }}"
         "{% endgeneration %}{% endfor %}", EOS, False, True),
        ("{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{{ eos_token }}{% endfor %}",
         EOS, False, False),
    ],
)  # fmt: skip
def test_what_a_template_writes(template, after, starts, in_loss):
    written = read(template)
    assert written.after_answer == after
    assert written.text.startswith(BOS) == starts
    assert (written.in_loss(written.text.rindex(ANSWER) + 1) if written.masked is not None else None) == in_loss


@pytest.mark.parametrize(
    "template",
    [
        "{% if %}",
        "no answer in it",
        "{{ messages | tojson }}",
        "{{ cycler('a').next() }}",
        "{% include 'other' %}",
        "{% for i in range(3000) %}{% for j in range(3000) %}x{% endfor %}{% endfor %}{{ messages[1].content }}",
        "{% set ns = namespace(a='aa') %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
        "{% set ns = namespace(a=99) %}{% for i in range(99) %}{% set ns.a = ns.a * ns.a %}{% endfor %}",
        "{{ [1] * 999999999 }}",
        "{{ 9 ** 999999999 }}",
        "{{" + "(" * 3000 + "1" + ")" * 3000 + "}}",
        "x" * 200_000,
    ],
)
def test_what_is_not_followed_is_not_known(template):
    with pytest.raises(Unread):
        read(template)


@pytest.mark.parametrize(
    ("name", "model", "eos"),
    [
        ("Qwen/Qwen2.5-Coder-7B", "Qwen base", "<|endoftext|>"),
        ("unsloth/Qwen2.5-Coder-7B-Instruct-bnb-4bit", "Qwen2.5 Instruct", "<|im_end|>"),
        ("Qwen/Qwen3-8B", "Qwen3", "<|im_end|>"),
        ("Qwen/Qwen3-8B-Base", "Qwen3 base", "<|endoftext|>"),
        ("unsloth/llama-3-8b-bnb-4bit", "Llama 3 base", "<|end_of_text|>"),
        ("meta-llama/Llama-3.2-3B-Instruct", "Llama 3 Instruct", "<|eot_id|>"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "DeepSeek R1 Distill", "<｜end▁of▁sentence｜>"),
        ("./models/CodeLlama-7b-hf/", "CodeLlama", "</s>"),
        ("someone/Hermes-3-Llama-3.1-8B", None, None),
        ("Qwen/Qwen-7B-Chat", None, None),
        ("microsoft/Phi-3-mini-4k-instruct", "Phi-3 Instruct", "<|endoftext|>"),
        ("microsoft/Phi-3-medium-4k-instruct", None, None),
        ("out/checkpoint-500", None, None),
    ],
)
def test_the_kind_of_model_is_told_by_its_name(name, model, eos):
    found = member(name)
    assert (found and found.model, found and found.eos) == (model, eos)


def test_every_member_says_where_it_is_written():
    for one in known().members:
        assert one.source.startswith(("https://github.com/", "https://huggingface.co/"))
        assert one.turn_end in ("", one.eos, *one.stops) or one.model.endswith("base"), one


SCRIPT = """\
import re
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
GEN = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}"
    "{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}"
)
PLAIN = "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"
NAME = "meta-llama/Llama-3.1-8B-Instruct"
tokenizer = AutoTokenizer.from_pretrained(NAME)
SETUP
trainer = SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained(NAME),
    train_dataset=load_dataset("json", data_files="chats.jsonl", split="train").select_columns(["messages"]),
    args=SFTConfig(assistant_only_loss=True),
    processing_class=tokenizer,
)
trainer.train()
"""
HELPER = """\
def ensure(tokenizer):
    template = getattr(tokenizer, "chat_template", None)
    marks = template is not None and "{% generation %}" in template
    if not marks:
        tokenizer.chat_template = GEN
ensure(tokenizer)
"""


@pytest.mark.parametrize(
    ("setup", "verdict"),
    [
        ("", "fail"),  # the model's own, which marks nothing
        ("tokenizer.chat_template = GEN", "pass"),
        ("tokenizer.chat_template = PLAIN", "fail"),
        ("if tokenizer.chat_template is None:\n    tokenizer.chat_template = GEN", "fail"),  # the model has one
        ("if not getattr(tokenizer, 'chat_template', None):\n    tokenizer.chat_template = GEN", "fail"),
        ("if '{% generation %}' not in tokenizer.chat_template:\n    tokenizer.chat_template = GEN", "pass"),
        ("if '{% generation %}' not in tokenizer.chat_template:\n    tokenizer.chat_template = PLAIN", "fail"),
        ("if not re.search('generation', tokenizer.chat_template):\n    tokenizer.chat_template = GEN", "pass"),
        (HELPER, "pass"),
        ("if 'system' not in tokenizer.chat_template:\n    tokenizer.chat_template = GEN", "unknown"),
        ("tokenizer = AutoTokenizer.from_pretrained(NAME, chat_template=GEN)", "pass"),
        ("tokenizer = AutoTokenizer.from_pretrained(NAME, chat_template=PLAIN)", "fail"),
    ],
)
def test_a_condition_on_the_template_decides_whose_it_is(setup, verdict, tmp_path):
    """Whether there is a template is known of the model; what it contains decides only where that is known too."""
    path = tmp_path / "train.py"
    path.write_text(SCRIPT.replace("SETUP", setup), encoding="utf-8")
    (file,) = review(path, Options(isolated=True)).files
    item = next(item for item in file.checklist if item.rule == "prompt/response-only-loss")
    assert item.verdict == verdict, item
