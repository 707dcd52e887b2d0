"""Characters and styles for a terminal: escaping, widths, wrapping, ANSI colours.

The default output is written by hand rather than with rich: rich needs 11 ms for one checklist, as much as parsing two
scripts, and a directory prints one checklist for every script.
"""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple
from unicodedata import combining, east_asian_width

# Invisible, or obeyed by a terminal, and yet printable by Python's book or in a class of its own.
UNSAFE = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# What the log of a build obeys: of GitHub Actions at the start of a line, which may be any after wrapping, or (as of
# Azure Pipelines and TeamCity) anywhere in one.
COMMANDS = (
    "add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|notice|remove-matcher|save-state|set-env|set-output|"
    "stop-commands|warning"
)
_OBEYED = re.compile(
    f"[{UNSAFE}]|(?<=[\ufe00-\ufe0f])[\ufe0e\ufe0f]"  # of variation selectors only the first says something
    f"|:(?=:(?:{COMMANDS})(?:[ :]|$))|(?:(?<=##)|(?<=##vso)|(?<=##teamcity))\\[",
    re.IGNORECASE,
)
SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
CODES = {
    "bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36",
    "error": "1;31", "warning": "1;33", "advice": "1;36", "place": "1;34",
}  # fmt: skip


def escape(text: str) -> str:
    """Return the text on one line, with control, bidirectional and invisible characters and commands spelt out.

    A terminal and the log of a build display the content of a reviewed file and never execute it.
    """
    if text.isascii() and text.isprintable() and "::" not in text and "##" not in text:
        return text
    return _OBEYED.sub(_spell, text)


def _spell(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    return SHORT.get(char) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def escape_code(line: str) -> str:
    """Escape a line of source code as `escape` does; tabs become four spaces."""
    return escape(line.expandtabs(4) if "\t" in line else line)


def width(text: str) -> int:
    """Return the number of terminal cells of the text."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def wrap(text: str, columns: int, indent: int = 0) -> Iterator[str]:
    """Yield lines of at most `columns` cells, broken at spaces if possible; all but the first leave `indent` free."""
    columns = max(columns, 8)
    after = max(columns - indent, 8)
    line, used = "", 0
    for word in text.split(" "):
        size = width(word)
        if line and used + 1 + size > columns:
            yield line
            line, used, columns = "", 0, after
        elif line:
            line, used = line + " ", used + 1
        while used + size > columns:
            head = _before_a_name(cut(word, columns - used), word)
            yield line + head
            line, used, word, columns = "", 0, word[len(head) :], after
            size = width(word)
        line, used = line + word, used + size
    yield line


def _before_a_name(head: str, word: str) -> str:
    """The beginning of a word too long for its line, without the part of a name at its end that goes on behind."""
    if not (_IN_NAME(head[-1]) and _IN_NAME(word[len(head)])):
        return head
    end = len(head)
    while end and _IN_NAME(head[end - 1]):
        end -= 1
    return head[:end] if end > len(head) // 2 else head


_IN_NAME = re.compile(r"\w").match


def cut(text: str, columns: int) -> str:
    """Return the longest prefix of the text that fits into `columns` cells, but at least one character."""
    if text.isascii():
        return text[: max(columns, 1)]
    used = 0
    for index, char in enumerate(text):
        used += width(char)
        if used > columns:
            return text[: max(index, 1)]
    return text


class Glyphs(NamedTuple):
    """The few characters beyond ASCII that the output uses, or their replacements."""

    passed: str = "✔"
    failed: str = "✘"
    unknown: str = "?"
    inapplicable: str = "–"
    ellipsis: str = "…"
    arrow: str = "→"
    accepted: str = "•"


ASCII = Glyphs("+", "x", "?", "-", "...", "->", "o")
UNICODE = Glyphs()


class Terminal(NamedTuple):
    """Properties of the output: its width in cells, whether it has colours, and its characters."""

    columns: int = 80
    color: bool = False
    glyphs: Glyphs = UNICODE
    links: bool = False  # whether it follows OSC 8 hyperlinks

    def paint(self, text: str, style: str) -> str:
        """Return the text in a style of CODES, unchanged without colors."""
        return f"\x1b[{CODES[style]}m{text}\x1b[0m" if self.color and text else text


PLAIN = Terminal()
ONE_LINE = Terminal(columns=10_000)  # for pages that a browser wraps


def glyphs_for(encoding: str | None) -> Glyphs:
    """Return the characters that an encoding supports."""
    try:
        "✔✘–…→•".encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE
