"""What the checklist promises of every row of a batch, each check with the rule's id, and one row as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..report.report import ChecklistItem, Verdict
from .batch import Batch, Row, Tokenizer, TokenizerOrProcessor, decoded, rows_of, tokenizer_of

INSTRUCTION = "### Instruction:"
RESPONSE = "### Response:"

TITLES = {
    "prompt/alpaca": "instruction and response are in the prompt, in order, after a single BOS token",
    "prompt/eos": "the loss ends with exactly one EOS token",
    "prompt/response-only-loss": "the loss covers exactly the SQL",
    "prompt/markers": "the response marker is right before the start of the loss",
    "memory/sequence-length": "rows fit the sequence length",
}


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


# A check returns a complaint, or "".


def _prompt(row: Row, tokenizer: Tokenizer, instruction: str, response: str) -> str:
    bos = getattr(tokenizer, "bos_token_id", None)
    if bos is not None and row.ids[:2] == (bos, bos):
        return "starts with two BOS tokens: the text has one, and the tokenizer adds another"
    text = decoded(tokenizer, row.ids)
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
        ending = decoded(tokenizer, row.ids[-8:])
        return f"has no EOS token in the loss and ends with {ending!r}: the model never learns where a query stops"
    if count > 1:
        return f"has {count} EOS tokens in the loss"
    # Chat templates write a newline there, which harms nothing.
    rest = decoded(tokenizer, learnt[learnt.index(eos) + 1 :])
    return f"continues after EOS: {rest!r}" if rest.strip() else ""


def _loss(row: Row, tokenizer: Tokenizer, instruction: str, response: str) -> str:
    if not any(row.learnt):
        return "has every label masked: the loss covers nothing"
    if all(row.learnt[1:]):
        return "has no label masked: the loss also covers the instruction"
    if not all(row.learnt[row.start :]):
        return f"has a masked token after the loss begins: {decoded(tokenizer, row.ids[row.start :])!r}"
    learnt = decoded(tokenizer, row.ids[row.start :])
    for marker in filter(None, (instruction, response)):
        if marker in learnt:
            return f"has {marker!r} in the loss"
    eos = getattr(tokenizer, "eos_token_id", None)
    if all(token == eos for token in row.ids[row.start :]):
        return "has no SQL in the loss, only EOS"
    before = decoded(tokenizer, row.ids[: row.start])
    if response and response not in before and response in before + learnt:
        return f"has a part of the prompt in the loss: {learnt[:40]!r}"
    after = before.rpartition(response)[2] if response and response in before else ""
    return f"has the beginning of the SQL masked: {after.strip()!r}" if after.strip() else ""


def _markers(row: Row, tokenizer: Tokenizer, response: str) -> str:
    if not response:
        return ""
    before, learnt = (decoded(tokenizer, part) for part in (row.ids[: row.start], row.ids[row.start :]))
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
        lines += [("→ " if kept else "  ") + line for line in decoded(tokenizer, tokens).rstrip("\n").split("\n")]
    return "\n".join(lines)
