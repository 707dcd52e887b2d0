"""Rows of ids that a script makes message by message: their end, their labels, their length, a mask of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review import plan
from nl2sql_review.report.report import ChecklistItem, FileReport
from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

TRAINED = """\
from datasets import load_dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, DataCollatorForSeq2Seq, Trainer, TrainingArguments
tok = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-7B-Instruct")
{encode}
rows = load_dataset("json", data_files="t.jsonl", split="train").map(encode)
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B-Instruct")
Trainer(
    model=model, args=TrainingArguments(output_dir="o"), train_dataset=rows, data_collator=DataCollatorForSeq2Seq(tok)
).train()
"""
LOSS, EOS, LENGTH = "prompt/response-only-loss", "prompt/eos", "memory/sequence-length"


def reviewed(folder: Path, script: str) -> FileReport:
    (folder / "train.py").write_text(script, encoding="utf-8")
    (file,) = batch.review([str(folder / "train.py")], Options(isolated=True)).files
    return file


def item(file: FileReport, rule: str) -> ChecklistItem:
    return next(one for one in file.checklist if one.rule == rule)


def verdicts(file: FileReport, *rules: str) -> list[str]:
    return [str(item(file, rule).verdict) for rule in rules]


TURNS = """\
def encode(row):
    {start}
    for turn in row["messages"]:
        head = tok.encode("<|im_start|>" + turn["role"] + "\\n")
        body = tok.encode(turn["content"])
        end = tok.encode("<|im_end|>\\n")
        ids += head
        labels += [-100] * len(head)
        {turn}
    {after}
    return {{"input_ids": ids, "labels": labels}}
"""
EMPTY = "ids, labels = [], []"
ASKED = "if turn['role'] == 'assistant':\n            {0}\n        else:\n            {1}"
KEPT, HIDDEN = "ids += body + end; labels += body + end", "ids += body + end; labels += [-100] * len(body + end)"


@pytest.mark.parametrize(
    ("turn", "loss", "eos"),
    [
        (ASKED.format(KEPT, HIDDEN), "pass", "pass"),
        (ASKED.format(KEPT, "ids += body; labels += [-100] * len(body)"), "pass", "pass"),
        (ASKED.format("ids += body; labels += body", HIDDEN), "pass", "unknown"),  # does the message end with one?
        (ASKED.format("ids.extend(body); ids.extend(end); labels.extend(body + end)", HIDDEN), "pass", "pass"),
        (
            ASKED.format("ids += body + [tok.eos_token_id]; labels += body + [tok.eos_token_id]", HIDDEN),
            "pass",
            "pass",
        ),
        (
            "ids += body; ids += end\n        "
            "labels += body if turn['role'] == 'assistant' else [-100] * len(body)\n        "
            "labels += [-100] * len(end)",
            "pass",
            "fail",  # it has one, and no label
        ),
        (
            "ids += body; ids += end\n        "
            "labels += body if turn['role'] == 'assistant' else [-100] * len(body)\n        labels += [-100] * 2",
            "unknown",
            "unknown",
        ),
        ("if turn['learn']:\n            " + KEPT + "\n        else:\n            " + HIDDEN, "unknown", "unknown"),
        (ASKED.format(KEPT, HIDDEN) + "\n        if turn['last']:\n            ids += end", "unknown", "unknown"),
        (f"if turn['role'] == 'assistant':\n            continue\n        {KEPT}", "fail", "unknown"),
        (f"if turn['last']:\n            break\n        {KEPT}", "unknown", "unknown"),
        (
            f"if turn['role'] == 'user':\n            {HIDDEN}\n            continue\n        {KEPT}",
            "unknown",
            "unknown",
        ),
        (
            f"if turn['role'] != 'assistant':\n            {HIDDEN}\n            continue\n        {KEPT}",
            "pass",
            "unknown",
        ),
        (ASKED.format(KEPT, HIDDEN).replace("if turn", "if not turn"), "fail", "unknown"),
        (ASKED.format(KEPT, HIDDEN).replace("if turn", "if turn['all'] or turn"), "unknown", "unknown"),
        (ASKED.format(KEPT, HIDDEN).replace("if turn", "if turn['last'] and turn"), "unknown", "unknown"),
        (ASKED.format(KEPT + "; labels[-1] = -100", HIDDEN), "unknown", "unknown"),
        (ASKED.format("ids += body + end; labels += body[1:] + end", HIDDEN), "unknown", "unknown"),
        ("tail = end if turn['last'] else body\n        ids += tail\n        labels += tail", "unknown", "unknown"),
    ],
)
def test_the_end_of_a_conversation(tmp_path: Path, turn: str, loss: str, eos: str) -> None:
    script = TRAINED.format(encode=TURNS.format(start=EMPTY, turn=turn, after=""))
    file = reviewed(tmp_path, script)
    assert verdicts(file, LOSS, EOS) == [loss, eos]


@pytest.mark.parametrize(
    ("start", "after", "loss", "eos"),
    [
        ("ids = tok.encode(row['system']); labels = [-100] * len(ids)", "", "pass", "pass"),
        ("ids = tok.encode(row['system']); labels = list(ids)", "", "unknown", "pass"),
        (EMPTY, "ids, labels = ids[:2048], labels[:2048]", "pass", "pass"),
        (EMPTY, "ids, labels = ids[:-1], labels[:-1]", "unknown", "unknown"),
        (EMPTY, "ids, labels = ids[::-1], labels[::-1]", "unknown", "unknown"),
        (EMPTY, "labels = labels[1:]", "unknown", "unknown"),
        (EMPTY, "ids.pop(); labels.pop()", "unknown", "unknown"),
        (EMPTY, "ids.reverse(); labels.reverse()", "unknown", "unknown"),
        (EMPTY, "labels[-1] = -100", "unknown", "unknown"),
        (EMPTY, "for i in range(len(labels)):\n        labels[i] = -100", "unknown", "unknown"),
    ],
)
def test_what_stands_around_the_turns(tmp_path: Path, start: str, after: str, loss: str, eos: str) -> None:
    turns = TURNS.format(start=start, turn=ASKED.format(KEPT, HIDDEN), after=after)
    assert verdicts(reviewed(tmp_path, TRAINED.format(encode=turns)), LOSS, EOS) == [loss, eos]


POSITIONS = """\
def encode(row):
    ids, labels, messages = [], [], row["messages"]
    {made}
    for i, turn in enumerate(messages):
        body = tok.encode(turn["content"] + "<|im_end|>")
        ids += body
        labels.extend(body if i in answers else [-100] * len(body))
    return {{"input_ids": ids, "labels": labels}}
"""
BY_ROLE = "{i for i, turn in enumerate(messages) if turn['role'] == 'assistant'}"


@pytest.mark.parametrize(
    ("made", "verdict"),
    [
        (f"answers = {BY_ROLE}", "pass"),
        (f"answers = {BY_ROLE.replace('{', '[').replace('}', ']')}", "pass"),
        (f"answers, wanted = 0, 0\n    answers = set(row['answers'])\n    wanted = {BY_ROLE}", "unknown"),
        (
            f"answers = set(row['answers'])\n    wanted = {BY_ROLE}\n    "
            "if answers != wanted:\n        raise ValueError",
            "pass",
        ),
        (
            f"answers = set(row['answers'])\n    wanted = {BY_ROLE}\n    if answers != wanted:\n        print('odd')",
            "unknown",
        ),
        (f"answers = {BY_ROLE}\n    answers.add(0)", "unknown"),
        (f"answers = {BY_ROLE.replace('(messages)', '(messages[1:])')}", "unknown"),
        (f"answers = {BY_ROLE.replace('{i for', '{i + 1 for')}", "unknown"),
        ("answers = set(row['answers'])", "unknown"),
    ],
)
def test_turns_told_by_their_positions(tmp_path: Path, made: str, verdict: str) -> None:
    file = reviewed(tmp_path, TRAINED.format(encode=POSITIONS.format(made=made)))
    assert verdicts(file, LOSS) == [verdict]


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ("if len(ids) > 2048:\n        raise ValueError(len(ids))", "2048"),
        ("limit = 2048\n    if len(ids) > limit:\n        raise ValueError(limit)", "2048"),
        ("if len(ids) > 2048:\n        print(len(ids))", ""),
        ("try:\n        if len(ids) > 2048:\n            raise ValueError\n    except ValueError:\n        pass", ""),
        ("try:\n        row['x']\n    except KeyError:\n        if len(ids) > 2048:\n            raise ValueError", ""),
        ("try:\n        if len(ids) > 2048:\n            raise ValueError\n    finally:\n        print(ids)", "2048"),
        ("if row['strict']:\n        if len(ids) > 2048:\n            raise ValueError", ""),
        ("if len(ids) > 2048:\n        raise ValueError\n    ids += tok.encode(row['more'])", ""),
        ("if len(labels) > 2048:\n        raise ValueError", ""),
        ("if len(ids) > row['limit']:\n        raise ValueError", ""),
        ("if len(ids) < 2048:\n        raise ValueError", ""),
    ],
)
def test_a_length_that_is_enforced(tmp_path: Path, after: str, told: str) -> None:
    turns = TURNS.format(start="ids = []\n    labels = []", turn=ASKED.format(KEPT, HIDDEN), after=after)
    length = item(reviewed(tmp_path, TRAINED.format(encode=turns)), LENGTH)
    assert (str(length.verdict), told in length.evidence) == ("pass" if told else "unknown", True)


MASKED = """\
import json
import torch
from torch.utils.data import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
tok = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-7B-Instruct")
class Rows(Dataset):
    def __init__(self, file):
        self.lines = open(file).readlines()
    def __len__(self):
        return len(self.lines)
    def __getitem__(self, index):
        row = json.loads(self.lines[index])
        ids, learnt, before = [], [], ""
        for turn in row["messages"]:
            if turn["role"] != "assistant":
                before += turn["content"]
            else:
                asked, said = tok.encode(before), tok.encode(turn["content"] + "<|im_end|>")
                ids += asked + said
                {mask}
                before = ""
        return {{"input_ids": ids[:2048], "attention_mask": [1] * len(ids[:2048]), "learnt": learnt[:2048]}}
def collate(rows):
    longest = max(len(row["input_ids"]) for row in rows)
    ids, learnt = [], []
    for row in rows:
        gap = longest - len(row["input_ids"])
        ids.append(row["input_ids"] + [tok.pad_token_id] * gap)
        {pad}
    ids, learnt = torch.tensor(ids), torch.tensor(learnt)
    {labels}
    return {{"input_ids": ids, "labels": labels}}
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B-Instruct")
args = TrainingArguments(output_dir="o", remove_unused_columns=False)
Trainer(model=model, args=args, train_dataset=Rows("t.jsonl"), data_collator=collate).train()
"""
BESIDE = "learnt += [0] * len(asked) + [1] * len(said)"
FILLED_UP = "learnt.append(row['learnt'] + [0] * gap)"
CHOSEN = "labels = torch.where(learnt == 1, ids, -100)"


@pytest.mark.parametrize(
    ("mask", "pad", "labels", "verdict"),
    [
        (BESIDE, FILLED_UP, "learnt = 1 - learnt\n    " + CHOSEN, "unknown"),
        (BESIDE, FILLED_UP, "learnt.zero_()\n    " + CHOSEN, "unknown"),
        (BESIDE, FILLED_UP, CHOSEN + "\n    labels.fill_(-1)", "unknown"),
        (BESIDE, FILLED_UP, CHOSEN + "\n    if longest > 9: return {'input_ids': ids, 'labels': ids}", "unknown"),
        (BESIDE, "learnt.append([0] * gap + row['learnt'])", CHOSEN, "unknown"),
        (BESIDE, "learnt.append(row['learnt'] + [0] * (longest - len(row['learnt'])))", CHOSEN, "pass"),
        (BESIDE, "learnt.append([not one for one in row['learnt']] + [0] * gap)", CHOSEN, "unknown"),
        (BESIDE, FILLED_UP, CHOSEN, "pass"),
        ("learnt += [1] * len(asked) + [0] * len(said)", FILLED_UP.replace("[0]", "[1]"), CHOSEN[:-1] + ")", "unknown"),
        (
            "learnt += [1] * len(asked) + [0] * len(said)",
            FILLED_UP.replace("[0]", "[1]"),
            CHOSEN.replace("== 1", "== 0"),
            "pass",
        ),
        ("learnt += [1] * len(asked) + [0] * len(said)", FILLED_UP, CHOSEN, "unknown"),
        ("learnt += turn['learnt']", FILLED_UP, CHOSEN, "unknown"),
        ("learnt += [0] * 5 + [1] * len(said)", FILLED_UP, CHOSEN, "unknown"),
        (BESIDE, FILLED_UP.replace("row['learnt']", "row['learnt'][:512]"), CHOSEN, "unknown"),
        (BESIDE, FILLED_UP.replace("row['learnt']", "other(row)"), CHOSEN, "unknown"),
        (BESIDE, FILLED_UP, CHOSEN + "\n    labels[0] = -100", "unknown"),
        (BESIDE, FILLED_UP, "labels = torch.where(learnt == 1, ids, tok.pad_token_id)", "unknown"),
    ],
)
def test_a_mask_that_the_collator_reads(tmp_path: Path, mask: str, pad: str, labels: str, verdict: str) -> None:
    file = reviewed(tmp_path, MASKED.format(mask=mask, pad=pad, labels=labels))
    assert verdicts(file, LOSS) == [verdict]


@pytest.mark.parametrize(
    ("mask", "verdict"),
    [
        ("[0] * len(asked) + [1] * len(said)", "pass"),
        ("[1] * len(asked) + [1] * len(said)", "fail"),
        ("row['learnt']", "unknown"),
    ],
)
def test_a_mask_in_rows_of_a_dataset(tmp_path: Path, mask: str, verdict: str) -> None:
    head, rest = MASKED.split("class Rows")
    encode = (
        "from datasets import load_dataset\ndef encode(row):\n"
        "    asked, said = tok.encode(row['question']), tok.encode(row['sql'] + tok.eos_token)\n"
        f"    return {{{{'input_ids': asked + said, 'learnt': {mask}}}}}\ndef collate"
    )
    script = (head + encode + rest.split("def collate")[1]).format(pad=FILLED_UP, labels=CHOSEN)
    rows = "load_dataset('json', data_files='t.jsonl', split='train').map(encode)"
    file = reviewed(tmp_path, script.replace('Rows("t.jsonl")', rows))
    assert verdicts(file, LOSS) == [verdict]


COLLATED = """\
import json
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainingArguments
tok = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-7B-Instruct")
rows = json.load(open("t.json"))
data = Dataset.from_list([{{"talk": json.dumps(row["messages"]{how})}} for row in rows])
def collate(batch):
    texts = []
    for row in batch:
        messages = json.loads(row["talk"]{read})
        {text}
    made = tok(texts, return_tensors="pt", padding=True{cut})
    made["labels"] = made["input_ids"].clone()
    made["labels"][made["attention_mask"] == 0] = -100
    {after}
    return made
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B-Instruct")
args = TrainingArguments(output_dir="o", remove_unused_columns=False)
Trainer(model=model, args=args, train_dataset=data, data_collator={given}).train()
"""
TEMPLATE = "texts.append(tok.apply_chat_template(messages, tokenize=False))"
CUT = ", truncation=True, max_length=2048"


@pytest.mark.parametrize(
    ("changed", "eos", "length"),
    [
        ({}, "pass", "pass"),
        ({"how": ", ensure_ascii=False"}, "pass", "pass"),
        ({"cut": ""}, "pass", "unknown"),
        ({"cut": ", max_length=2048"}, "pass", "unknown"),
        ({"cut": ", truncation=True, max_length=9999"}, "pass", "fail"),
        ({"text": "texts.append(messages[-1]['content'] + 'x')"}, "fail", "pass"),
        ({"text": "texts.append(row['text'])"}, "unknown", "pass"),
        ({"text": "texts.append(other(messages))"}, "unknown", "pass"),
        ({"text": TEMPLATE + "\n        if row['x']:\n            texts[-1] += 'more'"}, "unknown", "pass"),
        ({"given": "other(collate)"}, "unknown", "unknown"),
        ({"after": "made = other(made)"}, "unknown", "unknown"),
    ],
)
def test_a_collator_that_makes_the_ids(tmp_path: Path, changed: dict[str, str], eos: str, length: str) -> None:
    filled = {"how": "", "read": "", "text": TEMPLATE, "cut": CUT, "after": "", "given": "collate", **changed}
    assert verdicts(reviewed(tmp_path, COLLATED.format(**filled)), EOS, LENGTH) == [eos, length]


ROUND = COLLATED.replace('json.dumps(row["messages"]{how})', "json.dumps({talk})")
QUESTION = "{'role': 'user', 'content': f\"Question: {row['question']}\"}"
ANSWER = '{"role": "assistant", "content": row["sql"]}'


@pytest.mark.parametrize(
    ("talk", "verdict"),
    [
        (f"[{QUESTION}, {ANSWER}]", "fail"),  # there is no schema
        (f"[{QUESTION}, {ANSWER}], ensure_ascii=False", "fail"),
        (f"[{QUESTION}, {ANSWER}], default=other", "unknown"),
        (f"[{QUESTION}, {ANSWER}, *row['more']]", "unknown"),
        (f"[{QUESTION}, {ANSWER}] + row['more']", "unknown"),
        (f"[{QUESTION}, row['last']]", "unknown"),
    ],
)
def test_messages_that_go_through_json(tmp_path: Path, talk: str, verdict: str) -> None:
    given = {"read": "", "text": TEMPLATE, "cut": CUT, "after": "", "given": "collate"}
    assert verdicts(reviewed(tmp_path, ROUND.format(talk=talk, **given)), "prompt/alpaca") == [verdict]


VALIDATED = """\
import json
from typing import Any
from peft import LoraConfig
from pydantic import BaseModel, Field
class Talk(BaseModel):
    turns: list[dict[str, Any]]
    {field}
for line in open("t.jsonl"):
    talk = Talk.model_validate(json.loads(line))
    for turn in talk.turns:
        LoraConfig(task_type=turn["role"], revision=talk.note)
"""


@pytest.mark.parametrize(
    ("field", "told"),
    [("note: str", True), ("note: str = Field(min_length=1)", True), ("note: str = 'none'", False)],
)
def test_the_fields_of_a_row_that_a_model_validates(tmp_path: Path, field: str, told: bool) -> None:
    (tmp_path / "train.py").write_text(VALIDATED.format(field=field), encoding="utf-8")
    (call,) = [c for c in plan(tmp_path / "train.py", Options(isolated=True)).calls if c.callee.endswith("LoraConfig")]
    role, note = call.arguments["task_type"], call.arguments["revision"]
    assert role.kind == "term" and str(role.value).endswith("['turns'][i]['role']")
    assert (note.kind == "term" and str(note.value).endswith("['note']")) is told
