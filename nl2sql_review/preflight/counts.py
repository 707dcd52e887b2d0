"""Counts of tokens and of faulty rows over all training data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .batch import Row, TokenizerOrProcessor


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
