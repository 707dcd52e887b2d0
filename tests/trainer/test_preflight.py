"""The preflight on batches made by hand: what it passes, and what it says of each broken promise. No torch needed."""

from __future__ import annotations

import logging

import pytest

from nl2sql_review.preflight import PreflightError, check_batch, preflight
from nl2sql_review.preflight.batch import IGNORED, rows_of

PAD, BOS, EOS = 0, 1, 2
PROMPT = "### Instruction:\nWrite SQL.\n\nQuestion: how many?\n\n### Response:\n"
SQL = "SELECT COUNT(*) FROM t"


class Letters:
    """A tokenizer whose tokens are letters."""

    bos_token_id, eos_token_id = BOS, EOS

    def decode(self, ids, skip_special_tokens=False):
        return "".join({PAD: "", BOS: "<s>", EOS: "</s>"}.get(i) or (chr(i) if i > 2 else "") for i in ids)


def row(prompt=PROMPT, sql=SQL, bos=1, eos=1, masked=None):
    """(input ids, labels); `masked` counts masked tokens, by default the prompt with its BOS."""
    ids = [BOS] * bos + [ord(c) for c in prompt + sql] + [EOS] * eos
    masked = bos + len(prompt) if masked is None else masked
    return ids, [IGNORED] * masked + ids[masked:]


def batch(*rows):
    """Rows padded on the right, as a collator makes them."""
    width = max(len(ids) for ids, _ in rows)
    return {
        "input_ids": [ids + [PAD] * (width - len(ids)) for ids, _ in rows],
        "labels": [labels + [IGNORED] * (width - len(ids)) for ids, labels in rows],
        "attention_mask": [[1] * len(ids) + [0] * (width - len(ids)) for ids, _ in rows],
    }


def failures(*rows, length=None, **markers):
    return {item.rule: item.evidence for item in check_batch(batch(*rows), Letters(), length, **markers).failed}


def test_a_good_batch_passes_and_shows_one_example():
    result = check_batch(batch(row(), row(sql="SELECT a FROM b WHERE c > 1")), Letters(), 2048)
    assert not result.failed and len(result.items) == 5
    text = str(result)
    assert f"\n→ {SQL}</s>\n" in text and "\n  <s>### Instruction:\n" in text
    assert f"{len(PROMPT) + len(SQL) + 2} tokens, {len(SQL) + 1} of them in the loss" in text


@pytest.mark.parametrize(
    "broken, rule, says",
    [
        (row(masked=0), "prompt/response-only-loss", "no label masked"),
        (row(masked=1), "prompt/response-only-loss", "no label masked"),
        (row(masked=len(PROMPT) - 20), "prompt/response-only-loss", "'### Response:' in the loss"),
        (row(masked=len(PROMPT) - 7), "prompt/response-only-loss", "a part of the prompt in the loss: 'sponse:"),
        (row(masked=len(PROMPT) - 7), "prompt/markers", "before the loss begins"),
        (row(masked=len(PROMPT) + 8), "prompt/response-only-loss", "beginning of the SQL masked: 'SELECT'"),
        (row(masked=len(PROMPT) + len(SQL) + 2), "prompt/response-only-loss", "every label masked"),
        (row(sql=""), "prompt/response-only-loss", "no SQL in the loss"),
        (row(eos=0), "prompt/eos", "no EOS token in the loss"),
        (row(eos=2), "prompt/eos", "2 EOS tokens"),
        (row(bos=2), "prompt/alpaca", "two BOS tokens"),
        (row(prompt="Question: how many?\n\n### Response:\n"), "prompt/alpaca", "does not contain '### Instruction:'"),
        (row(prompt="### Response:\n### Instruction:\n"), "prompt/alpaca", "after '### Response:'"),
        (row(prompt="### Instruction:\nWrite SQL.\n\n"), "prompt/markers", "does not contain '### Response:'"),
    ],
)
def test_each_broken_promise_is_named(broken, rule, says):
    found = failures(row(), broken)
    assert rule in found and says in found[rule] and found[rule].startswith("row 2 ")


def test_a_cut_row_is_told_from_one_that_just_fits():
    ids, labels = row()
    cut = (ids[:-1], labels[:-1])
    assert "was truncated" in failures(cut, length=len(ids) - 1)["memory/sequence-length"]
    assert "memory/sequence-length" not in failures(row(), length=len(ids))
    assert "more than 10" in failures(row(), length=10)["memory/sequence-length"]


def test_other_markers_and_none():
    chat = row(prompt="<|user|>how many?<|assistant|>")
    assert not failures(chat, instruction="<|user|>", response="<|assistant|>")
    assert not failures(chat, instruction="", response="")


def test_the_newline_that_a_chat_template_writes_after_its_end():
    ids, labels = row()
    ended = (ids + [ord("\n")], labels + [ord("\n")])
    assert not failures(ended, length=len(ids) + 1)
    assert (
        "continues after EOS: '\\nSELECT'"
        in failures(([*ids, *map(ord, "\nSELECT")], [*labels, *map(ord, "\nSELECT")]))["prompt/eos"]
    )


def test_the_tokenizer_of_a_processor():
    class Processor:
        tokenizer = Letters()

    assert not check_batch(batch(row()), Processor()).failed


def test_labels_must_be_the_tokens_they_stand_at():
    with pytest.raises(PreflightError, match="row 1: label 7"):
        rows_of({"input_ids": [[5, 6]], "labels": [[5, 7]]})
    with pytest.raises(PreflightError, match="no labels"):
        rows_of({"input_ids": [[5, 6]]})


def test_a_pad_token_that_is_eos_does_not_count():
    ids, labels = row()
    padded = {
        "input_ids": [ids + [EOS] * 3],
        "labels": [labels + [IGNORED] * 3],
        "attention_mask": [[1] * len(ids) + [0] * 3],
    }
    assert not check_batch(padded, Letters()).failed


@pytest.mark.parametrize("said", ["position_ids", "packed_seq_lengths"])
def test_rows_joined_in_one_line_are_told_apart(said):
    rows = [row(), row(sql="SELECT a FROM b"), row(sql="SELECT c FROM d")]
    lengths = [len(ids) for ids, _ in rows]
    joined = {
        "input_ids": [[token for ids, _ in rows for token in ids]],
        "labels": [[label for _, labels in rows for label in labels]],
        said: lengths if said == "packed_seq_lengths" else [[i for length in lengths for i in range(length)]],
    }
    assert [len(one.ids) for one in rows_of(joined)] == lengths
    assert not check_batch(joined, Letters()).failed


class Trainer:
    """As much of one as the preflight asks for."""

    processing_class = Letters()
    args = None

    def __init__(self, *batches):
        self.batches = batches

    def get_train_dataloader(self):
        return self.batches

    def is_world_process_zero(self):
        return True


def test_an_empty_loader_is_an_error():
    with pytest.raises(PreflightError, match="empty"):
        preflight(Trainer())


def test_the_example_is_shown_whether_or_not_the_script_logs(capsys, caplog):
    caplog.set_level(logging.WARNING)
    preflight(Trainer(batch(row())))
    assert f"\n→ {SQL}</s>\n" in capsys.readouterr().out and not caplog.messages
    with caplog.at_level(logging.INFO):
        preflight(Trainer(batch(row())))
    assert f"\n→ {SQL}</s>\n" in caplog.messages[0] and not capsys.readouterr().out


def test_importing_it_loads_no_torch():
    import subprocess
    import sys

    code = (
        "import sys, nl2sql_review.preflight; assert not {'torch', 'transformers', 'libcst', "
        "'pydantic'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
