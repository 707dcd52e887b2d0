"""Labels that a script masks by hand: before the answer, elsewhere, or in the padding alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.report.report import FileReport
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, Trainer, TrainingArguments
tok = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
{before}
def encode(row):
    text = f"{{row['schema']}} {{row['question']}}\\n"
    prompt = tok(text)["input_ids"]
    answer = tok(row["sql"] + tok.eos_token, add_special_tokens=False)["input_ids"]
    whole = tok(text + row["sql"] + tok.eos_token{how})["input_ids"]
    ids = {ids}
    labels = {labels}
    {after}
    return {{"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels}}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
Trainer(
    model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows, data_collator=DataCollatorForSeq2Seq(tok)
).train()
"""
JOINED, WHOLE = "prompt + answer", "whole"


@pytest.mark.parametrize(
    ("ids", "labels", "after", "told"),
    [
        (JOINED, "[-100] * len(prompt) + answer", "", ""),
        (WHOLE, "[-100] * len(prompt) + whole[len(prompt):]", "", ""),
        (WHOLE, "whole.copy()", "labels[:len(prompt)] = [-100] * len(prompt)", ""),
        (JOINED, "([-100] * len(prompt) + answer)[:1024]", "", ""),
        (WHOLE, "[-100] * min(len(prompt), 512) + whole[min(len(prompt), 512):]", "", ""),
        (JOINED, "[-100] * len(prompt) + answer", "if len(labels) > 512:\n        labels = labels[:512]", ""),
        (JOINED, "(prompt + answer).copy()", "labels[:len(answer)] = [-100] * len(answer)", "as the answer has tokens"),
        (JOINED, "[-100] * (1 + len(prompt)) + (prompt + answer)[1 + len(prompt):]", "", ""),
        (JOINED, "[-100] * len(answer) + (prompt + answer)[len(answer):]", "", "as the answer has tokens"),
        (JOINED, "prompt + [-100] * len(answer)", "", "those of the prompt are not"),
        (WHOLE, "[-100] * len(text) + whole[len(text):]", "", "has characters"),
        (WHOLE, "[-100] * len(text.split()) + whole[len(text.split()):]", "", "has words"),
        (WHOLE, "[-100] * len(tok(text)) + whole[len(tok(text)):]", "", "counts its fields"),
        (WHOLE, "whole.copy()", "labels[len(prompt):] = [-100] * 9", "those of the prompt are not"),
        (WHOLE, "whole.copy()", "labels[:len(text)] = [-100] * len(text)", "has characters"),
        ("whole + [0] * 9", "whole + [-100] * 9", "", "mask padding only"),
        (
            "tok('Write SQL.')['input_ids'] + whole",
            "[-100] * len(tok('Write SQL.')['input_ids']) + whole",
            "",
            "only the",
        ),
    ],
)
def test_where_the_mask_ends(tmp_path: Path, ids: str, labels: str, after: str, told: str) -> None:
    assert_told(tmp_path, SCRIPT.format(before="", how="", ids=ids, labels=labels, after=after), told)


@pytest.mark.parametrize(
    ("ids", "labels", "after"),
    [
        (WHOLE, "[-100] * n + whole[n:]", ""),
        (WHOLE, "[-100] * len(row['prompt']) + whole[len(row['prompt']):]", ""),
        (WHOLE, "[-100] * max(0, len(whole) - 50) + whole[max(0, len(whole) - 50):]", ""),
        (WHOLE, "whole.copy()", "for i in range(len(prompt)):\n        labels[i + 1] = -100"),
    ],
)
def test_a_mask_that_is_not_followed(tmp_path: Path, ids: str, labels: str, after: str) -> None:
    file = reviewed(tmp_path, SCRIPT.format(before="", how="", ids=ids, labels=labels, after=after))
    assert {one.rule: one.verdict for one in file.checklist}["prompt/response-only-loss"] == "unknown"


@pytest.mark.parametrize(
    ("labels", "after", "verdict"),
    [
        ("[-100] * len(prompt) + answer[:-1] + [-100]", "", "fail"),
        ("[-100] * len(prompt) + answer", "labels = labels[:-1] + [-100]", "fail"),
        ("[-100] * len(prompt) + answer", "labels[-1] = -100", "fail"),
        ("[-100] * len(prompt) + answer", "labels[0] = -100", "pass"),
        ("[-100] * len(prompt) + answer + [-100]", "", "pass"),
        ("([-100] * len(prompt) + answer)[:512]", "", "pass"),
    ],
)
def test_the_label_of_the_eos_token(tmp_path: Path, labels: str, after: str, verdict: str) -> None:
    file = reviewed(tmp_path, SCRIPT.format(before="", how="", ids=JOINED, labels=labels, after=after))
    assert {one.rule: one.verdict for one in file.checklist}["prompt/eos"] == verdict


@pytest.mark.parametrize(("side", "told"), [("left", "padded on the left"), ("right", "")])
def test_the_side_of_the_padding(tmp_path: Path, side: str, told: str) -> None:
    labels, how = "[-100] * len(prompt) + whole[len(prompt):]", ', padding="max_length", max_length=1024'
    before = f'tok.padding_side = "{side}"'
    assert_told(tmp_path, SCRIPT.format(before=before, how=how, ids=WHOLE, labels=labels, after=""), told)


def reviewed(folder: Path, script: str) -> FileReport:
    (folder / "train.py").write_text(script, encoding="utf-8")
    (file,) = batch.review([str(folder / "train.py")], Options(isolated=True)).files
    return file


def assert_told(folder: Path, script: str, told: str) -> None:
    file = reviewed(folder, script)
    (item,) = [one for one in file.checklist if one.rule == "prompt/response-only-loss"]
    found = [f.message for f in file.findings if f.rule == item.rule]
    assert (item.verdict, told in "".join(found)) == ("fail" if told else "pass", True)


MASKED = "[-100 if one == tok.pad_token_id else one for one in whole]"


@pytest.mark.parametrize(
    ("before", "labels", "verdict"),
    [
        ("tok.pad_token = tok.eos_token", MASKED, "fail"),
        ("tok.pad_token = '</s>'", MASKED, "fail"),
        ("tok.pad_token = tok.unk_token", MASKED, "pass"),
        ("if tok.pad_token is None:\n    tok.pad_token = tok.eos_token", MASKED, "unknown"),
        ("tok.pad_token = tok.eos_token", "[-100] * len(prompt) + whole[len(prompt):]", "pass"),
    ],
)
def test_a_mask_of_the_padding_token(tmp_path: Path, before: str, labels: str, verdict: str) -> None:
    code = SCRIPT.format(before=before, how=', padding="max_length"', ids=WHOLE, labels=labels, after="")
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert next(str(one.verdict) for one in file.checklist if one.rule == "prompt/eos") == verdict


def test_ids_without_their_last(tmp_path: Path) -> None:
    code = SCRIPT.format(before="", how="", ids="whole[:-1]", labels="whole[:-1]", after="")
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert next(str(one.verdict) for one in file.checklist if one.rule == "prompt/eos") == "unknown"


def test_padding_in_front_of_the_ids(tmp_path: Path) -> None:
    answer = '(tok(row["sql"], add_special_tokens=False)["input_ids"] + [tok.eos_token_id])'
    ids = f"[tok.pad_token_id] * 9 + (prompt + {answer})"
    code = SCRIPT.format(before="", how="", ids=ids, labels="ids", after="")
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert next(str(one.verdict) for one in file.checklist if one.rule == "prompt/eos") == "pass"


PADS = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForLanguageModeling
from transformers import Trainer, TrainingArguments
tok = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
tok.pad_token = tok.eos_token
def encode(rows):
    out = tok({texts}, padding={padding}, truncation=True, max_length=512)
    out["labels"] = out["input_ids"].copy()
    return out
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode{how})
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
Trainer(model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows{collator}).train()
"""
EACH = "[f'{q} SQL: {a}' for q, a in zip(rows['question'], rows['sql'])]"
ONE = "f\"{rows['question']} SQL: {rows['sql']}\""
BATCHED, REMADE = ", batched=True", ", data_collator=DataCollatorForLanguageModeling(tok, mlm=False)"


@pytest.mark.parametrize(
    ("texts", "padding", "how", "collator", "labels", "eos"),
    [
        (EACH, "True", BATCHED, "", "fail", "unknown"),
        (EACH, "'longest'", BATCHED, "", "fail", "unknown"),
        (EACH, "'max_length'", BATCHED, "", "fail", "unknown"),
        (EACH, "False", BATCHED, "", "pass", "fail"),
        (EACH, "True", BATCHED + ", batch_size=1", "", "pass", "fail"),
        (ONE, "True", "", "", "pass", "fail"),
        (ONE, "'max_length'", "", "", "fail", "unknown"),
        (EACH, "True", BATCHED, REMADE, "pass", "fail"),
        (ONE, "'max_length'", "", REMADE, "pass", "fail"),
    ],
)
def test_rows_padded_to_the_longest(
    tmp_path: Path, texts: str, padding: str, how: str, collator: str, labels: str, eos: str
) -> None:
    file = reviewed(tmp_path, PADS.format(texts=texts, padding=padding, how=how, collator=collator))
    found = {one.rule: str(one.verdict) for one in file.checklist}
    assert (found["prompt/labels"], found["prompt/eos"]) == (labels, eos)
