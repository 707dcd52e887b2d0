"""A module of the script that a hand-written loop trains: what its `forward` makes of a batch."""

from __future__ import annotations

import pytest

from nl2sql_review.training_plan.values import Default

from .test_reading_kinds import plan_of, shown

SCRIPT = """\
import json
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import ConcatDataset, DataLoader, Dataset
from torch.utils.data.dataloader import default_collate
from transformers import AutoTokenizer

class Rows(Dataset):
    def __init__(self, path):
        self.rows = json.load(open(path))
    def __len__(self):
        return len(self.rows)
    def __getitem__(self, index):
        row = self.rows[index]
        ask = f"Answer the question in SQL.\\nSchema: {{row['schema']}}\\nQuestion: {{row['question']}}\\nSQL:"
        return {{"ask": ask, "reply": row["sql"], "number": index}}
    def gather(self, rows):
        return default_collate(rows)

class Both(ConcatDataset):
    def gather(self, rows):
        return self.datasets[0].gather([{{key: row[key] for key in row.keys()}} for row in rows])

class Again:
    def __init__(self, loader):
        self.loader, self.left = loader, iter(loader)
    def __next__(self):
        try:
            return next(self.left)
        except StopIteration:
            self.left = iter(self.loader)
            return next(self.left)

class Tuned(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = AutoTokenizer.from_pretrained("codellama/CodeLlama-7b-hf")
        base = AutoModelForCausalLM.from_pretrained("codellama/CodeLlama-7b-hf")
        self.inner = get_peft_model(base, LoraConfig(r=16))
    def forward(self, batch{more}):
        asked = self.words(batch["ask"], return_tensors="pt", padding=True).input_ids
        texts = [reply + {end} for reply in batch["reply"]]
        reply = self.words(texts, return_tensors="pt", padding=True, add_special_tokens=False).input_ids
        kept = reply.masked_fill(reply == self.words.pad_token_id, -100)
        labels = {labels}
        outputs = self.inner({inputs}, labels=labels)
        return {returned}

{gathers}
rows = {rows}
loader = DataLoader(rows, batch_size=4, shuffle=True, collate_fn={collate})
{other}
model = {model}
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-4)
batches = Again(loader)
for {turn} in {batches}:
    {before}
    loss = {loss}
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""
GATHERS = """\
def gathered(rows):
    return {"ask": [row["ask"] for row in rows], "reply": [row["reply"] for row in rows]}
"""
GATHERER = """\
class Gatherer:
    def __call__(self, rows):
        return {"ask": [row["ask"] for row in rows], "reply": [row["reply"] for row in rows]}
"""
HIDDEN = "torch.cat([torch.full_like(asked, -100), kept], dim=1)"
EMBEDDED = """\
inputs_embeds=torch.cat([self.inner.get_input_embeddings()(asked), self.inner.model.embed_tokens(reply)], dim=1)"""
MADE = """\
row = json.load(open("t.json"))[0]
batch = {"ask": [f"Question: {row['question']}\\nSQL:"], "reply": [row["sql"]]}"""


def trained(code=SCRIPT, **given):
    parts = {
        **{"end": "self.words.eos_token", "labels": HIDDEN, "returned": '{"loss": outputs.loss}', "more": ""},
        **{"inputs": "input_ids=torch.cat([asked, reply], dim=1)", "rows": 'Rows("t.json")', "collate": "None"},
        **{"other": "", "model": "Tuned()", "batches": "loader", "before": "pass", "loss": 'model(batch)["loss"]'},
        **{"turn": "batch", "gathers": ""},
    }
    return plan_of(code.format(**{**parts, **given}))


ITERATED = {"turn": "step", "batches": "range(100)", "before": "batch = next(batches)"}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"inputs": EMBEDDED},
        {"collate": "rows.gather"},
        {"gathers": GATHERS, "collate": "gathered"},
        {"gathers": GATHERER, "collate": "Gatherer()"},
        {"collate": "lambda rows: {'ask': [r['ask'] for r in rows], 'reply': [r['reply'] for r in rows]}"},
        {"rows": 'Both([Rows("t.json")])', "collate": "rows.gather"},
        {"model": "DistributedDataParallel(Tuned())"},
        ITERATED,
        {"before": "batch.update({'step': 1})"},
        {"before": "batch.pop('step', None)"},
        {"before": "for key in batch: batch[key] = batch[key].to('cuda') if is_tensor(batch[key]) else batch[key]"},
        {"loss": "model(batch)['loss'] / 4"},
        {"returned": "outputs.loss", "loss": "model(batch)"},
        {"returned": "outputs[0]", "loss": "0.5 * model(batch)"},
        {"labels": "torch.cat([torch.ones(asked.shape).long().to(asked.device).fill_(-100), kept], dim=1)"},
        {"other": MADE, "turn": "step", "batches": "range(3)"},
    ],
)
def test_the_labels_that_a_module_makes_of_a_batch_are_read(given):
    plan = trained(**given)
    assert shown(plan.prompt.loss_on.value) == "response"
    assert shown(plan.prompt.ending.value) == "eos"


@pytest.mark.parametrize(
    ("end", "expected"),
    [("self.words.eos_token", "eos"), ("'###'", "none"), ("'\\n'", "none"), ("unknown()", "unknown")],
)
def test_the_text_that_a_module_makes_of_a_batch_ends_as_it_says(end, expected):
    assert shown(trained(end=end).prompt.ending.value) == expected


@pytest.mark.parametrize(
    ("kept", "expected"),
    [("reply == self.words.pad_token_id", "untrained eos"), ("tokens.attention_mask == 0", "eos")],
)
def test_a_mask_of_the_padding_token_hides_the_eos_token_that_it_is(kept, expected):
    code = SCRIPT.replace("reply == self.words.pad_token_id", kept)
    code = code.replace("    def forward(", "        self.words.pad_token = self.words.eos_token\n    def forward(")
    code = code.replace("reply = self.words(texts,", "tokens = self.words(texts,").replace("False).input_ids", "False)")
    code = code.replace("        kept =", "        reply = tokens.input_ids\n        kept =")
    prompt = trained(code).prompt
    assert (shown(prompt.loss_on.value), shown(prompt.ending.value)) == ("response", expected)


@pytest.mark.parametrize(("cut", "expected"), [("[:, :-1]", "unknown"), ("[:, :99]", "eos")])
def test_a_reply_without_its_last_token_has_no_known_end(cut, expected):
    code = SCRIPT.replace("add_special_tokens=False).input_ids", f"add_special_tokens=False).input_ids{cut}")
    assert shown(trained(code).prompt.ending.value) == expected


def test_a_prompt_of_which_only_the_beginning_is_masked_is_in_the_loss():
    code = SCRIPT.replace(""""reply": row["sql"]""", """"reply": f"{{row['question']}}\\nSQL: {{row['sql']}}\"""")
    assert code != SCRIPT
    prompt = trained(code, end="''").prompt
    assert (shown(prompt.loss_on.value), prompt.loss_on.note) == ("all", "only the beginning of the prompt is masked")


def test_a_batch_that_the_loop_makes_of_columns_it_does_not_show_has_no_known_answer():
    prompt = trained(before="batch = {'ask': batch['ask'], 'reply': batch['ask']}").prompt
    assert (shown(prompt.loss_on.value), shown(prompt.ending.value)) == ("unknown", "eos")


def test_the_parts_of_the_prompt_are_those_of_the_rows():
    prompt = trained().prompt
    assert shown(prompt.parts.value) == ["instruction", "schema", "question", "response", "sql"]
    assert shown(prompt.missing_parts.value) == []


def test_a_text_is_read_as_one_that_the_module_splits_and_puts_embeddings_between():
    code = SCRIPT.replace("\\nQuestion:", "<here>\\nQuestion:").replace(
        'asked = self.words(batch["ask"], return_tensors="pt", padding=True).input_ids',
        """front, back = [], []
        for text in batch["ask"]:
            one, two = text.split("<here>")
            front.append(one)
            back.append(two)
        front = self.words(front, return_tensors="pt").input_ids
        asked = self.words(back, return_tensors="pt").input_ids""",
    )
    joined = "input_ids=torch.cat([front, asked, reply], dim=1)"
    labels = "torch.cat([torch.full_like(front, -100), torch.full_like(asked, -100), kept], dim=1)"
    prompt = trained(code, end="''", labels=labels, inputs=joined).prompt
    assert shown(prompt.missing_parts.value) == []
    assert (shown(prompt.loss_on.value), shown(prompt.ending.value)) == ("response", "none")


@pytest.mark.parametrize(
    "given",
    [
        {"labels": "torch.cat([asked, kept], dim=1)"},
        {"labels": "torch.cat([asked, torch.full_like(reply, -100)], dim=1)"},
        {"labels": "torch.cat([torch.full_like(asked, -100), kept])"},
        {"labels": "torch.cat([torch.full_like(asked, 0), kept], dim=1)"},
        {"labels": "torch.cat([torch.full_like(asked, -100), asked], dim=1)"},
        {"labels": "make(asked, kept)"},
        {"labels": "torch.cat(make(asked, kept), dim=1)"},
        {"labels": "torch.cat([], dim=1)"},
        {"labels": "torch.cat(dim=1)"},
        {"inputs": "input_ids=torch.cat([], dim=1)"},
        {"inputs": "torch.cat([asked, reply], dim=1)"},
        {"inputs": "input_ids=torch.cat([reply, asked], dim=1)"},
        {"inputs": "input_ids=mix(asked, reply)"},
        {"returned": '{"loss": torch.nn.functional.cross_entropy(outputs.logits, labels)}'},
        {"returned": '{"loss": outputs.loss, **more(outputs)}'},
        {
            "returned": "self.inner(input_ids=asked, attention_mask=torch.ones(asked.shape)).loss",
            "loss": "model(batch)",
        },
        {"loss": "other(batch)"},
        {"loss": "model(batch)['logits']"},
        {"before": "batch['reply'] = [r.lower() for r in batch['reply']]"},
        {"before": "batch.pop('reply')"},
        {"before": "batch.update(reply=other(batch))"},
        {"before": "batch.update(other(batch))"},
        {"before": "del batch['ask']"},
        {"before": "for key in batch: batch[key] = [one.lower() for one in batch[key]]"},
        {"other": 'held_out = DataLoader(Rows("dev.json"), batch_size=4)'},
        {"rows": 'Both([Rows("t.json"), Rows("s.json")])', "collate": "rows.gather"},
        {"rows": 'load("t.json")'},
        {"gathers": GATHERS},
        {**ITERATED, "other": "loader = load('batches.pt')"},
        {"collate": "lambda rows: other(rows)"},
        {"more": ", scale=1", "loss": "model(batch, 2)['loss']"},
        {"loss": "model(batch)['loss'] if fast else model(other(batch))['loss']"},
    ],
)
def test_what_a_module_does_not_make_for_certain_stays_unknown(given):
    plan = trained(**given)
    assert shown(plan.prompt.loss_on.value) == "unknown"
    assert shown(plan.prompt.ending.value) == "unknown"


@pytest.mark.parametrize(
    "change",
    ["kept[:, :7] = -100", "kept[:, -1] = -100", "kept[kept == 5] = -100", "for row in kept: row[:5] = -100"],
)
def test_labels_that_the_module_changes_later_stay_unknown(change):
    code = SCRIPT.replace("        labels = {labels}", f"        {change}\n        labels = {{labels}}")
    prompt = trained(code).prompt
    assert (shown(prompt.loss_on.value), shown(prompt.ending.value)) == ("unknown", "unknown")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def forward(self, batch{more}):", "def forward(self):"),
        ("def __getitem__(self, index):", "def __getitem__(self):"),
        ('return {{"ask": ask', 'return self[0], {{"ask": ask'),
        ("def gather(self, rows):", "def gather(self):"),
        ("super().__init__()", "super().__init__(self, [self])"),
        ("class Rows(Dataset):", "class Rows(ConcatDataset):\n    def again(self):\n        super().__init__([self])"),
        ("DataLoader(rows, ", "DataLoader("),
    ],
)
def test_odd_modules_and_datasets_bring_nothing_down(before, after):
    code = SCRIPT.replace(before, after)
    assert code != SCRIPT
    assert trained(code, rows="Both([Rows('t')])", collate="rows.gather") is not None


@pytest.mark.parametrize(
    ("reply", "expected"),
    [("row['sql']", "single"), ("json.load(open('s.json'))[0]['sql']", "unknown"), ("'SELECT 1'", "single")],
)
def test_a_batch_of_the_content_of_one_file_mixes_nothing(reply, expected):
    made = MADE.replace('row["sql"]', reply)
    plan = trained(other=made, turn="step", batches="range(3)")
    assert shown(plan.dataset.mixing.value) == expected


def test_a_loop_that_cuts_nothing_has_no_trainer_that_does():
    assert "nothing truncates" in trained().dataset.schema_limit.note


TURNS = {"turn": "step", "batches": "range(3)"}
REPLY = '[row["sql"]]}'
TWO = """\
rows = json.load(open("t.json"))
texts = [f"Question: {rows[0]['question']}\\nSQL:", f"Question: {rows[1]['question']}\\nSQL:"]
batch = {"ask": texts, "reply": [rows[0]["sql"], rows[1]["sql"]]}"""
ASKED = 'self.words(batch["ask"], '


@pytest.mark.parametrize(
    ("given", "change", "expected"),
    [
        ({}, ("", ""), 4),
        ({"other": MADE, **TURNS}, ("", ""), 1),
        ({"other": MADE.replace(REPLY, '[row["sql"], row["sql"]]}'), **TURNS}, ("", ""), "unknown"),
        ({"other": MADE.replace(REPLY, '[row["sql"], *more]}'), **TURNS}, ("", ""), "unknown"),
        ({"other": MADE.replace(REPLY, 'row["sql"]}'), **TURNS}, ("", ""), "unknown"),
        ({"other": MADE + "\nbatch['ask'] += other", **TURNS}, ("", ""), "unknown"),
        ({"other": MADE, "before": "batch['ask'].append('Question: ?')", **TURNS}, ("", ""), "unknown"),
        ({"other": TWO, **TURNS}, ("", ""), 2),
        ({"other": TWO, **TURNS}, (ASKED, 'self.words(" ".join(batch["ask"]), '), "unknown"),
        ({"other": MADE, "loss": "other(batch)", **TURNS}, ("", ""), 4),
    ],
)
def test_the_rows_of_a_batch_that_the_script_makes_itself_are_counted(given, change, expected):
    plan = trained(SCRIPT.replace(*change) if change[0] else SCRIPT, **given)
    assert shown(plan.arguments.per_device_batch_size.value) == expected


def test_an_option_that_says_how_often_a_row_is_repeated_says_how_many_there_are():
    again = """\
parser = argparse.ArgumentParser()
parser.add_argument("--rows", type=int, default=2)
n = parser.parse_args().rows
batch = {"ask": ["Question: how many?\\nSQL:"] * n, "reply": ["SELECT 1"] * n}"""
    found = trained(other=again, **TURNS).arguments.per_device_batch_size.value
    assert isinstance(found, Default) and (found.value, found.overridden_by) == (2, "--rows")
