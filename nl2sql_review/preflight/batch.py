"""Rows of a collated batch: token ids, and which of them are in the loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Union

IGNORED = -100  # the label that PyTorch's cross entropy leaves out of the loss


class Tokenizer(Protocol):
    """A tokenizer of transformers. Its `eos_token_id` and `bos_token_id` are used if it has them."""

    def decode(self, token_ids: list[int], skip_special_tokens: bool = ...) -> str | list[str]:
        """Return the text of token ids."""


class Processor(Protocol):
    """Processor that also prepares images, and contains the tokenizer."""

    @property
    def tokenizer(self) -> Tokenizer:
        """Tokenizer of the text."""


class Tensor(Protocol):
    """Array of numbers, from PyTorch or NumPy."""

    def tolist(self) -> list[Any]:
        """Return the numbers as nested lists."""


class Trainer(Protocol):
    """The part of a `transformers.Trainer` that is used here."""

    @property
    def args(self) -> object:
        """Training arguments."""

    def get_train_dataloader(self) -> Iterable[Batch]:
        """Return the collated batches of the training data."""

    def is_world_process_zero(self) -> bool:
        """Return whether this is the main process, which prints."""


Column = Union[Tensor, Sequence[Sequence[int]]]
Batch = Mapping[str, Any]  # column -> Column; `packed_seq_lengths` has one dimension only
TokenizerOrProcessor = Union[Tokenizer, Processor]


class PreflightError(ValueError):
    """Error for a first batch that breaks a promise of the checklist; names the rule, the row and the actual value."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch without its padding: token ids, and which of them are in the loss."""

    ids: tuple[int, ...]
    learnt: tuple[bool, ...]

    @property
    def start(self) -> int:
        """Index of the first token in the loss; the number of tokens if there is none."""
        return self.learnt.index(True) if any(self.learnt) else len(self.ids)


def tokenizer_of(given: TokenizerOrProcessor | None) -> Tokenizer:
    """Return the tokenizer of the text. Raises PreflightError if there is none."""
    if given is None:
        raise PreflightError("the trainer has no tokenizer: pass it, as in preflight(trainer, tokenizer)")
    return given.tokenizer if hasattr(given, "tokenizer") else given


def rows_of(batch: Batch) -> list[Row]:
    """Return the rows of a batch of tensors or lists, also of a batch without padding, with all rows joined into one.

    Raises PreflightError if it has no labels, or labels of other tokens.
    """
    if "labels" not in batch:
        raise PreflightError(
            "prompt/response-only-loss: the batch has no labels, so it is unknown what the loss covers"
        )
    ids, labels = _unpacked(batch, "input_ids"), _unpacked(batch, "labels")
    mask = _lists(batch["attention_mask"]) if "attention_mask" in batch else [[1] * len(row) for row in ids]
    rows = []
    for number, (tokens, wanted, real) in enumerate(zip(ids, labels, mask), 1):
        for token, label, there in zip(tokens, wanted, real):
            if label != IGNORED and (label != token or not there):
                raise PreflightError(
                    f"prompt/response-only-loss: row {number}: label {label} is not the token {token} at its position"
                )
        kept = [i for i, there in enumerate(real) if there]
        rows.append(Row(tuple(tokens[i] for i in kept), tuple(wanted[i] != IGNORED for i in kept)))
    return rows


def _unpacked(batch: Batch, column: str) -> list[list[int]]:
    """Split a column into rows: Unsloth on a GPU and TRL's `padding_free` join them and add the start of each."""
    joined = _lists(batch[column])
    if "attention_mask" in batch or len(joined) != 1:
        return joined
    if "packed_seq_lengths" in batch:
        lengths = [int(length) for length in batch["packed_seq_lengths"]]
        starts = [sum(lengths[:i]) for i in range(len(lengths))]
    elif "position_ids" in batch:
        starts = [i for i, position in enumerate(_lists(batch["position_ids"])[0]) if position == 0]
    else:
        return joined
    return [joined[0][start:end] for start, end in zip(starts, [*starts[1:], len(joined[0])])]


def _lists(value: Column) -> list[list[int]]:
    return value.tolist() if hasattr(value, "tolist") else [list(row) for row in value]


def decoded(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    """Return the text of tokens, special tokens included."""
    text = tokenizer.decode(list(tokens), skip_special_tokens=False)
    return text if isinstance(text, str) else "".join(text)
