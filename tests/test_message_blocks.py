"""Messages whose content is a list of blocks, and messages that are one of several: what text they have."""

from __future__ import annotations

import pytest

from .test_reading_kinds import plan_of, shown

SCRIPT = """\
import json, sys
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer
rows = load_dataset("json", data_files="t.jsonl", split="train")
def chat(row):
    text = "Schema: " + row["schema"] + "\\nQuestion: " + row["question"]
    return {{"messages": [{{"role": "user", "content": {content}}}, {{"role": "assistant", "content": row["sql"]}}]}}
SFTTrainer(model="Qwen/Qwen2.5-7B-Instruct", args=SFTConfig("o"), train_dataset=rows.map(chat)).train()
"""
IMAGE, TEXT = '{"type": "image"}', '{"type": "text", "text": text}'
ASKS = '{"type": "text", "text": "Question: " + row["question"]}'


def missing(content):
    return shown(plan_of(SCRIPT.format(content=content)).prompt.missing_parts.value)


@pytest.mark.parametrize(
    "content",
    [
        "text",
        f"[{TEXT}]",
        f"[{IMAGE}, {TEXT}]",
        f"[{TEXT}, {IMAGE}]",
        '[{"type": "image", "image": row["image"]}, ' + TEXT + "]",
        '[{"type": "text", "text": "Schema: " + row["schema"] + "\\n"}, ' + ASKS + "]",
        f"[{IMAGE}, {TEXT}] if row['image'] else text",
        f"[{TEXT}] if len(sys.argv) > 1 else [{IMAGE}, {TEXT}]",
    ],
)
def test_the_text_of_a_message_is_that_of_all_its_blocks(content):
    assert missing(content) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"[{IMAGE}]", ["schema", "question"]),
        (f"[{IMAGE}, {ASKS}]", ["schema"]),
        ("[json.loads(row['block'])]", "unknown"),
        ('[{"type": row["kind"]}]', "unknown"),
        ("[*json.loads(row['blocks'])]", "unknown"),
    ],
)
def test_what_is_no_text_holds_no_part_and_what_is_not_shown_may_hold_any(content, expected):
    assert missing(content) == expected


ONE_OF = """\
import random
from datasets import Dataset
from trl import SFTConfig, SFTTrainer
rows = []
for line in open("t.jsonl"):
    schema, question, sql = line.split("|")
    asked = {first}
    if random.random() > 0.5:
        asked = {second}
    system, answer = {{"role": "system", "content": "Write SQL."}}, {{"role": "assistant", "content": sql}}
    rows.append({{"messages": [system, asked, answer]}})
SFTTrainer(model="Qwen/Qwen2.5-7B-Instruct", args=SFTConfig("o"), train_dataset=Dataset.from_list(rows)).train()
"""
WHOLE = '{"role": "user", "content": "Schema: " + schema + "\\nQuestion: " + question}'
SHORT = '{"role": "user", "content": "Question: " + question}'
BLOCKS = '{"role": "user", "content": [{"type": "text", "text": "Schema: " + schema + "\\nQuestion: " + question}]}'


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (WHOLE, WHOLE, []),
        (WHOLE, BLOCKS, []),
        (WHOLE, SHORT, "either"),
        (WHOLE, "json.loads(line)", "unknown"),
    ],
)
def test_a_message_that_is_one_of_several_is_read_as_each(first, second, expected):
    value = plan_of(ONE_OF.format(first=first, second=second)).prompt.missing_parts.value
    found = shown(value)
    assert ("either" if type(value).__name__ == "Either" else found) == expected
