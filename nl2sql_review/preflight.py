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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Union

from .report.report import ChecklistItem, Verdict

if TYPE_CHECKING:
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

logger = logging.getLogger(__name__)

IGNORED = -100  # the label that PyTorch's cross entropy leaves out of the loss
INSTRUCTION = "### Instruction:"
RESPONSE = "### Response:"

TITLES = {
    "prompt/alpaca": "instruction and response are in the prompt, in order, after a single BOS token",
    "prompt/eos": "the loss ends with exactly one EOS token",
    "prompt/response-only-loss": "the loss covers exactly the SQL",
    "prompt/markers": "the response marker is right before the start of the loss",
    "memory/sequence-length": "rows fit the sequence length",
}


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


@dataclass(frozen=True, slots=True)
class Preflight:
    """Result for the first batch: one item per rule, and one example as text."""

    items: tuple[ChecklistItem, ...]
    example: str

    @property
    def failed(self) -> tuple[ChecklistItem, ...]:
        return tuple(item for item in self.items if item.verdict == "fail")

    def __str__(self) -> str:
        marks = {"pass": "✔", "fail": "✘", "unknown": "?", "not-applicable": "–"}
        lines = [f"{marks[i.verdict]} {i.rule:<26} {i.evidence or i.reason}" for i in self.items]
        return "\n".join([self.example, "", *lines])


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
    args = trainer.args
    length = getattr(args, "max_length", None) or getattr(args, "max_seq_length", None)
    loader = trainer.get_train_dataloader()
    return _run(loader, tokenizer, length, instruction, response, loud=trainer.is_world_process_zero())


@dataclass(frozen=True, slots=True)
class PreflightCounts:
    """Counts over all rows of the training data, from the batches of the trainer's own loader.

    Rows: without any token in the loss; cut before their EOS token; without an EOS token though not cut; with an EOS
    token that is not in the loss; with two BOS tokens at the start. Tokens: all, without padding, and those in the
    loss.
    """

    rows: int = 0
    no_label: int = 0
    cut_before_eos: int = 0
    no_eos: int = 0
    eos_masked: int = 0
    double_bos: int = 0
    tokens: int = 0
    tokens_in_loss: int = 0

    @property
    def share_in_loss(self) -> float:
        """Tokens in the loss ÷ all tokens."""
        return self.tokens_in_loss / self.tokens if self.tokens else 0.0

    def to_dict(self) -> dict[str, int | float]:
        """Return the counts under the names for trackers: `preflight/rows`, `preflight/no_label`, …"""
        counts: dict[str, int | float] = {f"preflight/{name}": getattr(self, name) for name in self.__slots__}
        return {**counts, "preflight/share_in_loss": self.share_in_loss}

    def __str__(self) -> str:
        named = {
            "no_label": "have no token in the loss", "cut_before_eos": "are truncated before their EOS token",
            "no_eos": "have no EOS token", "eos_masked": "have their EOS token outside the loss",
            "double_bos": "start with two BOS tokens",
        }  # fmt: skip
        wrong = [f"{getattr(self, name):,} {said}" for name, said in named.items() if getattr(self, name)]
        share = f"{self.share_in_loss:.1%} of {self.tokens:,} tokens are in the loss"
        return f"{self.rows:,} rows: {', '.join(wrong) or 'none is wrong'}; {share}"


def preflight_all(trainer: Trainer, tokenizer: TokenizerOrProcessor | None = None) -> PreflightCounts:
    """Count tokens in the loss and faulty rows over all batches of a trainer, and log the counts; trains nothing.

    It takes as long as collating the data. With several processes each counts its own share. Raises PreflightError for
    batches without labels.
    """
    tokenizer = tokenizer or getattr(trainer, "processing_class", None)
    args = trainer.args
    length = getattr(args, "max_length", None) or getattr(args, "max_seq_length", None)
    counted = count_rows((row for batch in trainer.get_train_dataloader() for row in rows_of(batch)), tokenizer, length)
    if trainer.is_world_process_zero() and logger.isEnabledFor(logging.INFO):
        logger.info("preflight over all rows: %s", counted)
    elif trainer.is_world_process_zero():
        print(f"preflight over all rows: {counted}", flush=True)
    return counted


def count_rows(
    rows: Iterable[Row], tokenizer: TokenizerOrProcessor | None, length: int | None = None
) -> PreflightCounts:
    """Count tokens in the loss and faulty rows; `length` is the number of tokens that the trainer keeps per row."""
    text_tokenizer = getattr(tokenizer, "tokenizer", tokenizer)
    eos, bos = (getattr(text_tokenizer, name, None) for name in ("eos_token_id", "bos_token_id"))
    found = dict.fromkeys(PreflightCounts.__slots__, 0)
    for row in rows:
        found["rows"] += 1
        found["tokens"] += len(row.ids)
        found["tokens_in_loss"] += sum(row.learnt)
        answer = [at for at, token in enumerate(row.ids) if token == eos and at >= row.start]
        ended = answer or [at for at, token in enumerate(row.ids) if token == eos and at == len(row.ids) - 1]
        if not any(row.learnt):
            found["no_label"] += 1
        if not ended:
            found["cut_before_eos" if length is not None and len(row.ids) >= length else "no_eos"] += 1
        elif not any(row.learnt[at] for at in ended):
            found["eos_masked"] += 1
        if bos is not None and row.ids[:2] == (bos, bos):
            found["double_bos"] += 1
    return PreflightCounts(**found)


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
            length = getattr(args, "max_length", None) or getattr(args, "max_seq_length", None)
            _run(given["train_dataloader"], known, length, instruction, response, loud=state.is_world_process_zero)

    return PreflightCallback()


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


def check_batch(
    batch: Batch,
    tokenizer: TokenizerOrProcessor | None,
    length: int | None = None,
    *,
    instruction: str = INSTRUCTION,
    response: str = RESPONSE,
) -> Preflight:
    """Judge one collated batch: `input_ids`, `labels` of shape (rows, tokens), `attention_mask` if there is padding."""
    made = tokenizer_of(tokenizer)
    found = rows_of(batch)
    checks: dict[str, Callable[[Row], str]] = {
        "prompt/alpaca": lambda row: _prompt(row, made, instruction, response),
        "prompt/eos": lambda row: _eos(row, made),
        "prompt/response-only-loss": lambda row: _loss(row, made, instruction, response),
        "prompt/markers": lambda row: _markers(row, made, response),
        "memory/sequence-length": lambda row: _length(row, made, length),
    }
    items = tuple(_item(rule, [check(row) for row in found]) for rule, check in checks.items())
    return Preflight(items, example(found, made))


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


# -- what is checked of a row: a complaint, or "" ------------------------------------------------------------------


def _prompt(row: Row, tokenizer: Tokenizer, instruction: str, response: str) -> str:
    bos = getattr(tokenizer, "bos_token_id", None)
    if bos is not None and row.ids[:2] == (bos, bos):
        return "starts with two BOS tokens: the text has one, and the tokenizer adds another"
    text = _decode(tokenizer, row.ids)
    if instruction and instruction not in text:
        return f"does not contain {instruction!r}"
    if instruction and response and response in text and text.index(instruction) > text.index(response):
        return f"has {instruction!r} after {response!r}"
    return ""


def _eos(row: Row, tokenizer: Tokenizer) -> str:
    eos = getattr(tokenizer, "eos_token_id", None)
    if eos is None:
        return "cannot end: the tokenizer has no EOS token"
    learnt = [token for token, kept in zip(row.ids, row.learnt) if kept]
    count = learnt.count(eos)
    if not count:
        ending = _decode(tokenizer, row.ids[-8:])
        return f"has no EOS token in the loss and ends with {ending!r}: the model never learns where a query stops"
    if count > 1:
        return f"has {count} EOS tokens in the loss"
    rest = _decode(
        tokenizer, learnt[learnt.index(eos) + 1 :]
    )  # chat templates write a newline there, which harms nothing
    return f"continues after EOS: {rest!r}" if rest.strip() else ""


def _loss(row: Row, tokenizer: Tokenizer, instruction: str, response: str) -> str:
    if not any(row.learnt):
        return "has every label masked: the loss covers nothing"
    if all(row.learnt[1:]):
        return "has no label masked: the loss also covers the instruction"
    if not all(row.learnt[row.start :]):
        return f"has a masked token after the loss begins: {_decode(tokenizer, row.ids[row.start :])!r}"
    learnt = _decode(tokenizer, row.ids[row.start :])
    for marker in filter(None, (instruction, response)):
        if marker in learnt:
            return f"has {marker!r} in the loss"
    eos = getattr(tokenizer, "eos_token_id", None)
    if all(token == eos for token in row.ids[row.start :]):
        return "has no SQL in the loss, only EOS"
    before = _decode(tokenizer, row.ids[: row.start])
    if response and response not in before and response in before + learnt:
        return f"has a part of the prompt in the loss: {learnt[:40]!r}"
    after = before.rpartition(response)[2] if response and response in before else ""
    return f"has the beginning of the SQL masked: {after.strip()!r}" if after.strip() else ""


def _markers(row: Row, tokenizer: Tokenizer, response: str) -> str:
    if not response:
        return ""
    before, learnt = (_decode(tokenizer, part) for part in (row.ids[: row.start], row.ids[row.start :]))
    if response not in before + learnt:
        return f"does not contain {response!r}"
    return "" if response in before else f"has no {response!r} before the loss begins"


def _length(row: Row, tokenizer: Tokenizer, length: int | None) -> str:
    if length is None or len(row.ids) < length:
        return ""
    if len(row.ids) > length:
        return f"has {len(row.ids)} tokens, more than {length}"
    cut = getattr(tokenizer, "eos_token_id", None) not in row.ids[row.start :]
    return f"fills all {length} tokens and was truncated: its end is missing" if cut else ""


def _item(rule: str, complaints: Sequence[str]) -> ChecklistItem:
    wrong = [f"row {number} {said}" for number, said in enumerate(complaints, 1) if said]
    verdict: Verdict = "fail" if wrong else "pass"
    more = f" (and {len(wrong) - 1} more of {len(complaints)} rows)" if len(wrong) > 1 else ""
    evidence = wrong[0] + more if wrong else f"{TITLES[rule]}, in {len(complaints)} of {len(complaints)} rows"
    return ChecklistItem(rule, rule.partition("/")[0], TITLES[rule], verdict, "certain", evidence)


# -- one example ---------------------------------------------------------------------------------------------------


def example(rows: Sequence[Row], tokenizer: Tokenizer) -> str:
    """Return the first row as text for people, with an arrow before the lines in the loss."""
    row = rows[0]
    parts: list[tuple[bool, list[int]]] = []
    for token, kept in zip(row.ids, row.learnt):
        if not parts or parts[-1][0] != kept:
            parts.append((kept, []))
        parts[-1][1].append(token)
    learnt = sum(row.learnt)
    lines = [f"row 1 of {len(rows)}: {len(row.ids)} tokens, {learnt} of them in the loss (lines with an arrow)"]
    for kept, tokens in parts:
        lines += [("→ " if kept else "  ") + line for line in _decode(tokenizer, tokens).rstrip("\n").split("\n")]
    return "\n".join(lines)


def _decode(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    text = tokenizer.decode(list(tokens), skip_special_tokens=False)
    return text if isinstance(text, str) else "".join(text)
