"""Spellings of a mask of labels: slices, loops, comprehensions, arrays; each beside one that masks something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.report.report import FileReport
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
import numpy as np
import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, Trainer, TrainingArguments
tok = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
tok.pad_token = {pad}
tok.padding_side = "{side}"
def encode(row):
    text = f"{{row['schema']}} {{row['question']}}\\n"
    sql = row["sql"] + tok.eos_token
    prompt = tok(text)["input_ids"]
    answer = tok(sql, add_special_tokens=False)["input_ids"]
    joined = prompt + answer
    whole = tok(text + sql)["input_ids"]
    padded = tok(text + sql, return_tensors="pt", padding="max_length", max_length=512)
    ids = {ids}
    {labels}
    return {{"input_ids": ids, "labels": labels}}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
Trainer(
    model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows, data_collator=DataCollatorForSeq2Seq(tok)
).train()
"""
TENSOR, PADDED = "torch.tensor(whole)", "padded['input_ids'][0]"
COPY = "labels = ids.copy()\n"


def reviewed(folder: Path, ids: str, labels: str, pad: str = "tok.unk_token", side: str = "right") -> FileReport:
    body = labels.replace("\n", "\n    ")
    (folder / "train.py").write_text(SCRIPT.format(ids=ids, labels=body, pad=pad, side=side), encoding="utf-8")
    (file,) = batch.review([str(folder / "train.py")], Options(isolated=True)).files
    return file


def verdict(file: FileReport, rule: str) -> str:
    return next(str(one.verdict) for one in file.checklist if one.rule == rule)


@pytest.mark.parametrize(
    ("ids", "labels"),
    [
        ("whole", COPY + "for i in range(len(prompt)):\n    labels[i] = -100"),
        ("whole", COPY + "for i in range(0, min(len(prompt), len(labels))):\n    labels[i] = -100"),
        ("whole", COPY + "for i, one in enumerate(ids):\n    if i < len(prompt):\n        labels[i] = -100"),
        ("whole", COPY + "for i in range(len(ids)):\n    if i < len(prompt):\n        labels[i] = -100"),
        ("whole", "labels = [-100] * len(ids)\nlabels[len(prompt):] = ids[len(prompt):]"),
        ("whole", "labels = [-100] * len(ids)\nstart = min(len(prompt), len(ids))\nlabels[start:] = ids[start:]"),
        ("whole", "labels = [-100] * len(ids)\nfor i in range(len(prompt), len(ids)):\n    labels[i] = ids[i]"),
        ("whole", "labels = [-100 if i < len(prompt) else one for i, one in enumerate(ids)]"),
        ("whole", "labels = [one if i >= len(prompt) else -100 for i, one in enumerate(ids)]"),
        ("whole", "labels = [ids[i] if i >= len(prompt) else -100 for i in range(len(ids))]"),
        (
            "whole",
            "labels = []\nfor i, one in enumerate(ids):\n    labels.append(-100 if i < len(prompt) else one)",
        ),
        ("joined", "labels = [-100] * (len(ids) - len(answer)) + ids[-len(answer):]"),
        ("whole", "kept = len(ids) - len(answer)\nlabels = [-100] * kept + ids[kept:]"),
        (
            "tok(text + sql, truncation=True, max_length=512)['input_ids']",
            COPY + "labels[:len(prompt)] = [-100] * len(prompt)",
        ),
        ("whole", COPY + "labels[:-len(answer)] = [-100] * (len(ids) - len(answer))"),
        (
            "joined",
            "ids, labels = [], []\nids += prompt\nlabels += [-100] * len(prompt)\nids += answer\nlabels += answer",
        ),
        (TENSOR, "labels = ids.clone()\nlabels[:len(prompt)] = -100"),
        ("padded['input_ids']", "labels = ids.clone()\nlabels[:, :len(prompt)] = -100"),
        (PADDED, "labels = ids.clone()\nlabels[:len(prompt)] = -100\nlabels[labels == tok.pad_token_id] = -100"),
        (TENSOR, "labels = torch.full_like(ids, -100)\nlabels[len(prompt):] = ids[len(prompt):]"),
        (TENSOR, "labels = torch.where(torch.arange(len(ids)) < len(prompt), -100, ids)"),
        (TENSOR, "labels = ids.masked_fill(torch.arange(len(ids)) < len(prompt), -100)"),
        (TENSOR, "labels = torch.cat([torch.full((len(prompt),), -100), ids[len(prompt):]])"),
        (
            "torch.tensor(joined)",
            "mask = torch.tensor([0] * len(prompt) + [1] * len(answer))\nlabels = torch.where(mask == 1, ids, -100)",
        ),
        (
            "joined",
            "mask = [0] * len(prompt) + [1] * len(answer)\n"
            "labels = [one if learnt else -100 for one, learnt in zip(ids, mask)]",
        ),
        ("np.array(whole)", "labels = np.array(ids)\nlabels[:len(prompt)] = -100"),
        ("np.array(whole)", "labels = np.where(np.arange(len(ids)) < len(prompt), -100, ids)"),
        ("joined", "labels = np.concatenate([[-100] * len(prompt), answer])"),
        (
            "whole",
            "if len(ids) > 512:\n    ids = ids[:512]\nlabels = [-100] * len(ids)\n"
            "start = min(len(prompt), len(ids))\nlabels[start:] = ids[start:]",
        ),
        (
            "joined",
            "labels = [-100] * len(prompt) + answer\nif len(ids) > 512:\n    over = len(ids) - 512\n"
            "    ids, labels = ids[over:], labels[over:]",
        ),
    ],
)
def test_the_prompt_is_masked(tmp_path: Path, ids: str, labels: str) -> None:
    file = reviewed(tmp_path, ids, labels)
    assert (verdict(file, "prompt/response-only-loss"), verdict(file, "prompt/eos")) == ("pass", "pass")


@pytest.mark.parametrize(
    ("ids", "labels", "told"),
    [
        ("whole", COPY + "for i in range(len(text)):\n    labels[i] = -100", "has characters"),
        ("whole", "labels = [-100 if i < len(text) else one for i, one in enumerate(ids)]", "has characters"),
        (TENSOR, "labels = torch.where(torch.arange(len(ids)) < len(text), -100, ids)", "has characters"),
        ("whole", "labels = [-100 if i < len(text.split()) else one for i, one in enumerate(ids)]", "has words"),
        ("joined", "labels = [-100] * (len(ids) - len(sql)) + ids[-len(sql):]", "kept as the answer has characters"),
        ("whole", "labels = [-100] * (len(ids) - len(prompt)) + ids[-len(prompt):]", "kept as the prompt has tokens"),
        ("joined", "labels = [-100] * (len(ids) - len(prompt)) + ids[-len(prompt):]", "kept as the prompt has tokens"),
        ("whole", COPY + "for i in range(len(answer)):\n    labels[i] = -100", "masked as the answer has tokens"),
        (
            "whole",
            "labels = [-100 if i < len(answer) else one for i, one in enumerate(ids)]",
            "as the answer has tokens",
        ),
        ("whole", "labels = [one if i < len(prompt) else -100 for i, one in enumerate(ids)]", "behind the prompt"),
        (TENSOR, "labels = torch.where(torch.arange(len(ids)) >= len(prompt), -100, ids)", "behind the prompt"),
        ("whole", "labels = [-100] * len(ids)\nlabels[:len(prompt)] = ids[:len(prompt)]", "behind the prompt"),
        ("whole", COPY + "for i in range(len(prompt), len(ids)):\n    labels[i] = -100", "behind the prompt"),
        (
            "torch.tensor(joined)",
            "mask = torch.tensor([1] * len(prompt) + [0] * len(answer))\nlabels = torch.where(mask == 1, ids, -100)",
            "behind the prompt",
        ),
        (
            "joined",
            "ids, labels = [], []\nids += prompt\nlabels += prompt\nids += answer\nlabels += [-100] * len(answer)",
            "of the answer are masked",
        ),
        (PADDED, "labels = ids.clone()\nlabels[labels == tok.pad_token_id] = -100", "mask padding only"),
        (PADDED, "labels = torch.where(padded['attention_mask'][0] == 1, ids, -100)", "mask padding only"),
    ],
)
def test_something_else_is_masked(tmp_path: Path, ids: str, labels: str, told: str) -> None:
    file = reviewed(tmp_path, ids, labels)
    found = [f.message for f in file.findings if f.rule == "prompt/response-only-loss"]
    assert verdict(file, "prompt/response-only-loss") == "fail" and told in "".join(found)


@pytest.mark.parametrize(
    ("ids", "labels"),
    [
        ("whole", "labels = [-100 if i <= len(prompt) else one for i, one in enumerate(ids)]"),
        ("whole", "labels = [-100 if i < len(prompt) + 50 else one for i, one in enumerate(ids)]"),
        ("whole", "labels = [-100 if i < len(prompt) else one for i, one in enumerate(ids, 1)]"),
        ("whole", "labels = [-100 if i < len(prompt) else one for i, one in enumerate(ids) if one != 5]"),
        ("whole", "labels = [-100 if i < len(ids) else one for i, one in enumerate(ids)]"),
        ("whole", COPY + "for i in range(min(len(ids), 4096)):\n    labels[i] = -100"),
        ("whole", COPY + "for i in range(0, len(prompt), 2):\n    labels[i] = -100"),
        ("whole", COPY + "for i in range(len(prompt)):\n    if i % 2:\n        labels[i] = -100"),
        ("whole", COPY + "for i in range(len(prompt)):\n    labels[i] = -100\n    if ids[i] == 7:\n        break"),
        ("whole", COPY + "for i in range(len(prompt)):\n    pass\nlabels[i] = -100"),
        ("whole", COPY + "for i, one in zip(range(9), ids):\n    labels[i] = -100"),
        ("whole", COPY + "if row['masked']:\n    labels[:len(prompt)] = [-100] * len(prompt)"),
        (
            "whole",
            COPY + "if row['plain']:\n    return {'input_ids': ids, 'labels': labels}\n"
            "labels[:len(prompt)] = [-100] * len(prompt)",
        ),
        ("padded['input_ids']", "labels = ids.clone()\nlabels[0][:len(prompt)] = -100"),
        ("whole[-512:]", COPY + "labels[:len(prompt)] = [-100] * len(prompt)"),
        (
            "whole",
            "tok.truncation_side = 'left'\nids = tok(text + sql, truncation=True, max_length=512)['input_ids']\n"
            + COPY
            + "labels[:len(prompt)] = [-100] * len(prompt)",
        ),
    ],
)
def test_a_mask_that_cannot_be_told(tmp_path: Path, ids: str, labels: str) -> None:
    assert verdict(reviewed(tmp_path, ids, labels), "prompt/response-only-loss") == "unknown"


@pytest.mark.parametrize(
    "labels",
    [
        "labels = ids.clone()\nlabels[:len(prompt)] = -100",
        "labels = ids.clone()\nfor i in range(len(prompt)):\n    labels[i] = -100",
        "labels = torch.where(torch.arange(len(ids)) < len(prompt), -100, ids)",
    ],
)
@pytest.mark.parametrize(("side", "expected"), [("left", "fail"), ("right", "pass")])
def test_padding_on_the_left_moves_the_prompt(tmp_path: Path, labels: str, side: str, expected: str) -> None:
    file = reviewed(tmp_path, PADDED, labels, side=side)
    assert verdict(file, "prompt/response-only-loss") == expected


@pytest.mark.parametrize(
    ("labels", "pad", "expected"),
    [
        ("labels[labels == tok.pad_token_id] = -100", "tok.eos_token", "fail"),
        ("labels[labels == tok.pad_token_id] = -100", "tok.unk_token", "pass"),
        ("labels[padded['attention_mask'][0] == 0] = -100", "tok.eos_token", "pass"),
        ("labels = labels.masked_fill(labels == tok.pad_token_id, -100)", "tok.eos_token", "fail"),
        ("labels = torch.where(labels == tok.pad_token_id, -100, labels)", "tok.eos_token", "fail"),
        ("labels = torch.where(labels != tok.pad_token_id, labels, -100)", "tok.eos_token", "fail"),
        ("labels = torch.where(labels != tok.pad_token_id, labels, -100)", "tok.unk_token", "pass"),
        ("labels[labels == tok.eos_token_id] = -100", "tok.unk_token", "fail"),
    ],
)
def test_the_eos_token_among_those_masked(tmp_path: Path, labels: str, pad: str, expected: str) -> None:
    file = reviewed(tmp_path, PADDED, "labels = ids.clone()\nlabels[:len(prompt)] = -100\n" + labels, pad=pad)
    assert verdict(file, "prompt/eos") == expected
    assert verdict(file, "prompt/response-only-loss") == "pass"


TURNS = """\
ids, labels = [], []
for turn in row["messages"]:
    head = tok.encode("<|" + turn["role"] + "|>")
    body = tok.encode(turn["content"] + tok.eos_token)
    ids += head + body
    labels += [-100] * len(head)
    {body}
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("labels += body if turn['role'] == 'assistant' else [-100] * len(body)", "pass"),
        ("labels.extend([-100] * len(body) if turn['role'] != 'assistant' else body)", "pass"),
        (
            "if turn['role'] == 'assistant':\n        labels += body\n    else:\n        labels += [-100] * len(body)",
            "pass",
        ),
        ("labels += [-100] * len(body) if turn['role'] in ('system', 'user') else body", "pass"),
        ("labels += [-100] * len(body) if turn['role'] == 'user' else body", "unknown"),  # and that of the system?
        ("labels += body if turn['role'] != 'assistant' else [-100] * len(body)", "fail"),
        (
            "if turn['role'] == 'assistant':\n        labels += [-100] * len(body)\n    else:\n        labels += body",
            "fail",
        ),
        ("labels += body if turn['role'] == 'assistant' else [-100] * len(turn['content'])", "unknown"),
        ("labels += body if turn['train'] else [-100] * len(body)", "unknown"),
        ("labels += [-100] * len(body)", "unknown"),
    ],
)
def test_labels_turn_by_turn(tmp_path: Path, body: str, expected: str) -> None:
    file = reviewed(tmp_path, "whole", TURNS.format(body=body))
    assert verdict(file, "prompt/response-only-loss") == expected


def test_what_comes_before_an_answer_is_masked_with_it(tmp_path: Path) -> None:
    loop = """\
ids, labels, before = [], [], ""
for turn in row["messages"]:
    if turn["role"] != "assistant":
        before += turn["content"]
    else:
        asked, said = tok.encode(before), tok.encode(turn["content"] + tok.eos_token)
        ids += asked + said
        labels += [-100] * len(asked) + said
        before = ""
"""
    assert verdict(reviewed(tmp_path, "whole", loop), "prompt/response-only-loss") == "pass"


COLLATED = """\
import torch
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
tok = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
tok.pad_token = {pad}
def encode(row):
    return tok(f"{{row['schema']}} {{row['question']}} {{row['sql']}}" + tok.eos_token, truncation=True, max_length=512)
def collate(rows):
    batch = tok.pad(rows, return_tensors="pt", padding=True)
    {labels}
    return batch
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
model = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
Trainer(model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows, data_collator=collate).train()
"""
BY_TOKEN, BY_PLACE = "batch['input_ids'] == tok.pad_token_id", "batch['attention_mask'] == 0"


@pytest.mark.parametrize(
    "labels",
    [
        "batch['labels'] = torch.where({test}, -100, batch['input_ids'])",
        "batch['labels'] = batch['input_ids'].masked_fill({test}, -100)",
        "labels = batch['input_ids'].clone()\n    labels[{test}] = -100\n    batch['labels'] = labels",
    ],
)
@pytest.mark.parametrize(
    ("test", "pad", "expected"),
    [
        (BY_TOKEN, "tok.eos_token", "fail"),
        (BY_TOKEN, "tok.unk_token", "pass"),
        (BY_PLACE, "tok.eos_token", "not-applicable"),
    ],
)
def test_a_collator_that_masks_padding(tmp_path: Path, labels: str, test: str, pad: str, expected: str) -> None:
    script = COLLATED.format(pad=pad, labels=labels.format(test=test))
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert verdict(file, "prompt/padding") == expected
    assert verdict(file, "prompt/response-only-loss") == "fail"


@pytest.mark.parametrize(("counted", "known"), [("row['question']", False), ("'Ask: ' + row['question']", True)])
def test_a_mask_as_long_as_the_question_alone_is_not_of_the_prompt(tmp_path: Path, counted: str, known: bool) -> None:
    ids = "tok('Ask: ' + row['question'] + sql)['input_ids']"
    labels = f"n = len(tok({counted})['input_ids'])\nlabels = [-100] * n + ids[n:]"
    assert verdict(reviewed(tmp_path, ids, labels), "prompt/response-only-loss") == ("pass" if known else "unknown")


@pytest.mark.parametrize(
    "count",
    [
        "min(5, len(tok(text)['input_ids']))",
        "len(tok(text, truncation=True, max_length=8)['input_ids'])",
        "len(tok.apply_chat_template([{'role': 'user', 'content': row['question']}], tokenize=True))",
    ],
)
def test_a_count_that_may_end_within_the_prompt_is_no_mask_of_it(tmp_path: Path, count: str) -> None:
    file = reviewed(tmp_path, "whole", f"n = {count}\nlabels = [-100] * n + ids[n:]")
    assert verdict(file, "prompt/response-only-loss") == "unknown"


@pytest.mark.parametrize("asked", ["answer", "len(answer) == 64", "answer[-1] != tok.eos_token_id"])
def test_an_end_replaced_if_the_ids_are_as_asked(tmp_path: Path, asked: str) -> None:
    cut = f"answer = answer[:64]\n    if {asked}:\n        answer[-1] = tok.eos_token_id\n    labels = prompt + answer"
    script = SCRIPT.format(pad="tok.unk_token", side="right", ids="prompt + answer", labels=cut)
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    assert file.status == "reviewed" and verdict(file, "prompt/response-only-loss") == "fail"


IN_PLACE = "labels = [{}] * len(prompt) + answer"
MASKED_BY = "labels = torch.tensor(ids).masked_fill(torch.arange(len(ids)) < len(prompt), {})"
WHERE = "labels = torch.where(torch.arange(len(ids)) >= len(prompt), torch.tensor(ids), {})"
EACH = "labels = [{} for _ in prompt] + answer"


@pytest.mark.parametrize("labels", [IN_PLACE, MASKED_BY, WHERE, EACH])
def test_unknown_number_in_labels_may_be_the_mask(tmp_path: Path, labels: str) -> None:
    elsewhere = "from elsewhere import IGNORE\n"
    file = reviewed(tmp_path, "joined", elsewhere + labels.format("IGNORE"))
    (item,) = (one for one in file.checklist if one.rule == "prompt/response-only-loss")
    assert (str(item.verdict), "elsewhere.IGNORE" in item.reason) == ("unknown", True)


@pytest.mark.parametrize("number", ["0", "tok.pad_token_id"])
@pytest.mark.parametrize("labels", [IN_PLACE, MASKED_BY, WHERE])
def test_another_number_in_labels_masks_nothing(tmp_path: Path, labels: str, number: str) -> None:
    file = reviewed(tmp_path, "joined", labels.format(number))
    assert verdict(file, "prompt/response-only-loss") == "fail"


@pytest.mark.parametrize("labels", ["labels = list(ids)", "labels = torch.tensor(ids).clone()", "labels = joined"])
def test_copies_of_the_ids_have_all_labels(tmp_path: Path, labels: str) -> None:
    assert verdict(reviewed(tmp_path, "joined", labels), "prompt/response-only-loss") == "fail"


def test_mask_by_the_librarys_name(tmp_path: Path) -> None:
    smoother = "from transformers.trainer_pt_utils import LabelSmoother\n"
    file = reviewed(tmp_path, "joined", smoother + IN_PLACE.format("LabelSmoother.ignore_index"))
    assert verdict(file, "prompt/response-only-loss") == "pass"
