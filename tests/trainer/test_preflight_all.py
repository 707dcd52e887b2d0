"""What all rows are trained on is counted, row by row, over the trainer's own batches."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from nl2sql_review.preflight import PreflightCounts, PreflightError, preflight_all

EOS, BOS, MASKED = 2, 1, -100
TOKENIZER = SimpleNamespace(eos_token_id=EOS, bos_token_id=BOS)


def batch(*rows):
    """(ids, labels) of rows, padded to one length."""
    longest = max(len(ids) for ids, _ in rows)
    return {
        "input_ids": [ids + [0] * (longest - len(ids)) for ids, _ in rows],
        "labels": [labels + [MASKED] * (longest - len(labels)) for _, labels in rows],
        "attention_mask": [[1] * len(ids) + [0] * (longest - len(ids)) for ids, _ in rows],
    }


def trainer(*batches, length=6):
    return SimpleNamespace(
        args=SimpleNamespace(max_length=length),
        processing_class=TOKENIZER,
        get_train_dataloader=lambda: iter(batches),
        is_world_process_zero=lambda: True,
    )


GOOD = ([BOS, 5, 6, 7, EOS], [MASKED, MASKED, MASKED, 7, EOS])
CUT = ([BOS, 5, 6, 7, 8, 9], [MASKED, MASKED, MASKED, 7, 8, 9])
NO_LABEL = ([BOS, 5, 6, 7, 8, 9], [MASKED] * 6)
NO_EOS = ([BOS, 5, 6, 7], [MASKED, MASKED, MASKED, 7])
EOS_MASKED = ([BOS, 5, 6, 7, EOS], [MASKED, MASKED, MASKED, 7, MASKED])
TWO_BOS = ([BOS, BOS, 5, 7, EOS], [MASKED, MASKED, MASKED, 7, EOS])


def test_rows_without_fault_are_counted_as_such(caplog):
    with caplog.at_level(logging.INFO):
        counts = preflight_all(trainer(batch(GOOD, GOOD), batch(GOOD)))
    assert counts == PreflightCounts(rows=3, tokens=15, tokens_in_loss=6)
    assert counts.share_in_loss == pytest.approx(0.4)
    assert "3 rows: none is wrong; 40.0% of 15 tokens are in the loss" in caplog.text


@pytest.mark.parametrize(
    ("row", "names"),
    [
        (CUT, {"cut_before_eos"}),
        (NO_LABEL, {"no_label", "cut_before_eos"}),
        (NO_EOS, {"no_eos"}),
        (EOS_MASKED, {"eos_masked"}),
        (TWO_BOS, {"double_bos"}),
    ],
)
def test_each_fault_is_counted_by_its_name(row, names):
    counts = preflight_all(trainer(batch(GOOD, row), batch(GOOD)))
    told = {"no_label", "cut_before_eos", "no_eos", "eos_masked", "double_bos"}
    assert {name for name in told if getattr(counts, name)} == names
    assert all(getattr(counts, name) == 1 for name in names) and counts.rows == 3


def test_an_eos_token_within_the_prompt_is_not_the_end_of_the_answer():
    turns = ([BOS, 5, EOS, 6, 7, 8], [MASKED, MASKED, MASKED, MASKED, 7, 8])
    assert preflight_all(trainer(batch(turns))).cut_before_eos == 1


def test_trackers_get_numbers():
    logged = preflight_all(trainer(batch(GOOD, CUT))).to_dict()
    assert logged["preflight/cut_before_eos"] == 1 and logged["preflight/rows"] == 2
    assert all(isinstance(value, (int, float)) for value in logged.values())
    assert set(logged) >= {"preflight/share_in_loss", "preflight/no_label", "preflight/eos_masked"}


def test_batches_without_labels_are_refused():
    with pytest.raises(PreflightError, match="no labels"):
        preflight_all(trainer({"input_ids": [[1, 2]]}))
