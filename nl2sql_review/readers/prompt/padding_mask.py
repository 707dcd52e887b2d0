"""Whether hand-made labels mask padding: nothing but padding, or the padding token wherever it stands."""

from __future__ import annotations

import re
from typing import Iterator

from ...training_plan.values import Either, Value
from .collated import functions_of
from .label_parts import parts_of, uncut
from .tokens import cell

PADDING_TOKENS = re.compile(
    r"\b(\w+) if \1 != [\w.]{0,60}pad_token_id else -100|-100 if (\w+) == [\w.]{0,60}pad_token_id else \2\b"
)
PADDING_ROWS = re.compile(r"\b(\w+)\[\1 == [\w.]{0,60}pad_token_id\] = -100")


def masks_padding_alone(labels: Value) -> bool:
    """Return whether the function that makes the labels takes nothing but padding out of them, token by token."""
    return any(text.count("-100") == 1 and PADDING_TOKENS.search(text) for text in _makers_of(labels))


def masks_padding_tokens(labels: Value) -> bool:
    """Return whether the function that makes the labels masks the padding token wherever it stands."""
    by_code = any(PADDING_TOKENS.search(text) or PADDING_ROWS.search(text) for text in _makers_of(labels))
    return by_code or _left_out(labels)


def _left_out(labels: Value) -> bool:
    """Return whether the labels are -100 wherever a padding token stands in the part that is in the loss."""
    labels = cell(labels)
    if isinstance(labels, Either):
        return all(_left_out(option) for option in uncut(labels))
    return any(part.without == "pad" for part in parts_of(labels))


def _makers_of(labels: Value) -> Iterator[str]:
    """Yield the code of the functions that the labels come from."""
    return (source.segment(function) for source, function in functions_of(labels.trace))
