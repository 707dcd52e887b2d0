"""Checklist at run time: checks what a script promises on the labels of the first real batch.

    from nl2sql_review.preflight import preflight

    trainer = SFTTrainer(...)
    preflight(trainer)          # prints one example; raises PreflightError before any step is taken
    trainer.train()

or, in a script of one's own, `SFTTrainer(..., callbacks=[preflight_callback(tokenizer)])`. Rule ids are the
checklist's. torch and transformers are imported only if needed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from .batch import Batch, PreflightError, TokenizerOrProcessor, Trainer, rows_of
from .checks import INSTRUCTION, RESPONSE, Preflight, check_batch
from .counts import PreflightCounts, count_rows

if TYPE_CHECKING:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

__all__ = [
    "Preflight",
    "PreflightCounts",
    "PreflightError",
    "check_batch",
    "preflight",
    "preflight_all",
    "preflight_callback",
]

logger = logging.getLogger(__name__)


def preflight(
    trainer: Trainer,
    tokenizer: TokenizerOrProcessor | None = None,
    *,
    instruction: str = INSTRUCTION,
    response: str = RESPONSE,
) -> Preflight:
    """Check the first batch of a `transformers.Trainer` and log one example, or print it if INFO is not logged.

    `instruction` and `response` are the texts that introduce the two in the prompt; "" for a prompt without one.
    Raises PreflightError if a promise is broken, or if there is no batch.
    """
    tokenizer = tokenizer or getattr(trainer, "processing_class", None)
    batches, length = trainer.get_train_dataloader(), _row_length(trainer.args)
    return _run(batches, tokenizer, length, instruction, response, loud=trainer.is_world_process_zero())


def preflight_all(trainer: Trainer, tokenizer: TokenizerOrProcessor | None = None) -> PreflightCounts:
    """Count tokens in the loss and faulty rows over all batches of a trainer, and log the counts; trains nothing.

    It takes as long as collating the data. With several processes each counts its own share. Raises PreflightError for
    batches without labels.
    """
    tokenizer = tokenizer or getattr(trainer, "processing_class", None)
    rows = (row for batch in trainer.get_train_dataloader() for row in rows_of(batch))
    counted = count_rows(rows, tokenizer, _row_length(trainer.args))
    if trainer.is_world_process_zero() and logger.isEnabledFor(logging.INFO):
        logger.info("preflight over all rows: %s", counted)
    elif trainer.is_world_process_zero():
        print(f"preflight over all rows: {counted}", flush=True)
    return counted


def preflight_callback(
    tokenizer: TokenizerOrProcessor | None = None, *, instruction: str = INSTRUCTION, response: str = RESPONSE
) -> TrainerCallback:
    """Return `preflight` as a callback for any trainer: it prints its result, or raises, before the first step."""
    from transformers import TrainerCallback

    class PreflightCallback(TrainerCallback):
        def on_train_begin(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
        ) -> None:
            known = tokenizer or given.get("processing_class")
            length = _row_length(args)
            _run(given["train_dataloader"], known, length, instruction, response, loud=state.is_world_process_zero)

    return PreflightCallback()


def _row_length(args: object) -> int | None:
    """Return the number of tokens that training arguments keep of a row; None if they do not say."""
    return getattr(args, "max_length", None) or getattr(args, "max_seq_length", None)


def _run(
    loader: Iterable[Batch],
    tokenizer: TokenizerOrProcessor | None,
    length: int | None,
    instruction: str,
    response: str,
    loud: bool,
) -> Preflight:
    batch = next(iter(loader), None)
    if batch is None:
        raise PreflightError("there is no first batch: the training data is empty")
    result = check_batch(batch, tokenizer, length, instruction=instruction, response=response)
    if loud and logger.isEnabledFor(logging.INFO):
        logger.info("preflight\n%s", result)
    elif loud:  # many scripts set up no logging, and would show nothing
        print(f"preflight\n{result}", flush=True)
    if result.failed:
        raise PreflightError("\n".join(f"{item.rule}: {item.evidence}" for item in result.failed))
    return result
