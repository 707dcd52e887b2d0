"""Text of a chat template for one question and one answer, with a mark for each, for EOS and for BOS."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST = 100_000  # characters of a template, or of any value in it
CONTENT = {"user": "\x01", "assistant": "\x02"}  # characters that no template writes
EOS, BOS = "\x03", "\x04"
MESSAGES = [{"role": role, "content": mark} for role, mark in CONTENT.items()]


class Unread(ValueError):
    """Raised for a template with an operation that is not followed."""


@dataclass(frozen=True)
class Written:
    """Text that a template writes. The holes in `text` are those above.

    `masked`: positions of the text inside `{% generation %}`; None if the template has no such block.
    """

    text: str
    masked: tuple[tuple[int, int], ...] | None = None

    @property
    def after_answer(self) -> str:
        """The text after the answer."""
        return self.text.rpartition(CONTENT["assistant"])[2]

    def in_loss(self, at: int) -> bool:
        """Return whether a position of the text lies in a block of the assistant."""
        return self.masked is not None and any(start <= at < end for start, end in self.masked)
