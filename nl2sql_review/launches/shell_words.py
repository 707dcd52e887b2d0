"""Words of a shell script: commands split as the shell splits them, with quotes, variables and here-documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Union

MOST_WORDS = 4_000  # of one command
DEEPEST = 8  # fallbacks within fallbacks


class Variable(NamedTuple):
    """`$name`, `${name:-fallback}`; `whole`: `"${name[@]}"` or `"$@"`, which expands to several words.

    `item` is the index of `${name[0]}`, or the number of the first of the caller's words in `${@:2}`.
    """

    name: str
    fallback: Union[list[Part], None] = None
    quoted: bool = False
    whole: bool = False
    item: Union[int, None] = None


class Hole(NamedTuple):
    """A part that is known only in the run."""

    why: str
    code: str = ""  # the commands that give it


Part = Union[str, Variable, Hole]


@dataclass
class Raw:
    """A word as written: its parts and its place, as offsets into the text."""

    parts: list[Part]
    start: int
    end: int
    array: Union[list[Raw], None] = None  # of `NAME=(a b)`
    bare: bool = True  # nothing of it is quoted: it may be a keyword


NAME = re.compile(r"[A-Za-z_]\w*")
ASSIGNED = re.compile(r"([A-Za-z_]\w*)(\+?=)")
BREAKS = " \t\r\n;&|()<>"
PLAIN = re.compile(r"[^\s;&|()<>\\'\"$`]+")  # what means nothing in a word, quoted or not
NUMBERED = re.compile(r"\d+[<>]")
HEREDOC = re.compile(r"<<-?\s*(['\"]?)([A-Za-z_]\w*)\1")


class Reader:
    """Splitter of a text into simple commands: lists of raw words."""

    def __init__(self, text: str, depth: int = 0) -> None:
        self.text, self.at, self.depth = text, 0, depth
        self.heredocs: list[str] = []

    def commands(self) -> Iterator[list[Raw]]:
        text, end = self.text, len(self.text)
        words: list[Raw] = []
        while self.at < end:
            c = text[self.at]
            if c in " \t\r":
                self.at += 1
            elif text.startswith(("\\\n", "\\\r\n"), self.at):
                self.at += 2 if text[self.at + 1] == "\n" else 3
            elif c == "#":
                self.at = self._line_end()
            elif c in "\n;&|()":
                if words:
                    yield words
                    words = []
                self.at += 1
                if c == "\n":
                    self._skip_heredocs()
            elif c in "<>" or c.isdigit() and NUMBERED.match(text, self.at):
                self._redirection()
            elif len(words) >= MOST_WORDS:
                return
            else:
                words.append(self.word())
        if words:
            yield words

    def _line_end(self) -> int:
        found = self.text.find("\n", self.at)
        return len(self.text) if found < 0 else found

    def _redirection(self) -> None:
        heredoc = HEREDOC.match(self.text, self.at)
        if heredoc is not None:
            self.heredocs.append(heredoc[2])
            self.at = heredoc.end()
            return
        found = re.compile(r"\d*(?:<<<|>>|>&|<&|&>|>\||<>|[<>])[ \t]*").match(self.text, self.at)
        self.at = found.end() if found is not None and found.end() > self.at else self.at + 1
        if self.at < len(self.text) and self.text[self.at] not in BREAKS:
            self.word()

    def _skip_heredocs(self) -> None:
        for delimiter in self.heredocs:
            end = re.compile(rf"^[ \t]*{re.escape(delimiter)}[ \t]*$", re.MULTILINE).search(self.text, self.at)
            self.at = len(self.text) if end is None else end.end()
        self.heredocs = []

    def word(self) -> Raw:
        text, start = self.text, self.at
        parts: list[Part] = []
        raw = Raw(parts, start, start)
        while self.at < len(text):
            c = text[self.at]
            if c == "(" and len(parts) == 1 and isinstance(parts[0], str) and ASSIGNED.fullmatch(parts[0]):
                raw.array = self._array()
                break
            if c in BREAKS:
                break
            if c == "\\":
                if text.startswith(("\\\n", "\\\r\n"), self.at):
                    self.at += 2 if text[self.at + 1] == "\n" else 3
                    continue
                raw.bare = False
                _add(parts, text[self.at + 1 : self.at + 2])
                self.at += 2
            elif c == "'":
                raw.bare = False
                end = text.find("'", self.at + 1)
                end = len(text) if end < 0 else end
                _add(parts, text[self.at + 1 : end])
                self.at = end + 1
            elif c == '"':
                raw.bare = False
                self._quoted(parts)
            elif c in "$`":
                self._expansion(parts, quoted=False)
            else:
                self._plain(parts)
        raw.end = self.at
        return raw

    def _array(self) -> list[Raw]:
        self.at += 1
        made: list[Raw] = []
        while self.at < len(self.text) and self.text[self.at] != ")" and len(made) < MOST_WORDS:
            c = self.text[self.at]
            if c in " \t\r\n":
                self.at += 1
            elif self.text.startswith("\\\n", self.at):
                self.at += 2
            elif c == "#":
                self.at = self._line_end()
            elif c in BREAKS:
                self.at += 1
            else:
                made.append(self.word())
        self.at += 1
        return made

    def _quoted(self, parts: list[Part]) -> None:
        """Read the text between double quotes."""
        text = self.text
        self.at += 1
        _add(parts, "")
        while self.at < len(text) and text[self.at] != '"':
            c = text[self.at]
            if c == "\\" and self.at + 1 < len(text) and text[self.at + 1] in '"\\$`\n':
                if text[self.at + 1] != "\n":
                    _add(parts, text[self.at + 1])
                self.at += 2
            elif c in "$`":
                self._expansion(parts, quoted=True)
            else:
                self._plain(parts)
        self.at += 1

    def _plain(self, parts: list[Part]) -> None:
        """Add the literal text here: a run of letters at once, since a word may be as long as the file."""
        found = PLAIN.match(self.text, self.at)
        end = found.end() if found is not None else self.at + 1
        _add(parts, self.text[self.at : end])
        self.at = end

    def _expansion(self, parts: list[Part], quoted: bool) -> None:
        text, start = self.text, self.at
        if text[start] == "`" or text.startswith("$(", start):
            self._command_output(parts)
            return
        if text.startswith("${", start):
            end = _closing(text, start + 1, "{", "}")
            self.at = end + 1
            parts.append(_braced(text[start + 2 : end], quoted, self.depth + 1))
            return
        name = NAME.match(text, start + 1)
        if name is not None:
            self.at = name.end()
            parts.append(Variable(name[0], None, quoted))
        elif text[start + 1 : start + 2] in tuple("@*"):
            self.at += 2
            parts.append(Variable("@", None, quoted, True))
        elif text[start + 1 : start + 2].isdigit():
            self.at += 2
            parts.append(Variable(text[start + 1], None, quoted))
        elif text[start + 1 : start + 2] in tuple("#?$!-"):
            parts.append(Hole(f"{text[start : start + 2]} is known only at run time"))
            self.at += 2
        else:
            _add(parts, "$")
            self.at += 1

    def _command_output(self, parts: list[Part]) -> None:
        start = self.at
        if self.text[start] == "`":
            end = self.text.find("`", start + 1)
            end = len(self.text) if end < 0 else end
        else:
            end = _closing(self.text, start + 1, "(", ")")
        self.at = end + 1
        code = " ".join(self.text[start : end + 1].split())
        inner = self.text[start + 1 : end] if self.text[start] == "`" else self.text[start + 2 : end]
        parts.append(Hole(f"{code[:60]} is known only at run time", inner))


def _add(parts: list[Part], text: str) -> None:
    if parts and isinstance(parts[-1], str):
        parts[-1] += text
    else:
        parts.append(text)


def _closing(text: str, start: int, opening: str, closing: str) -> int:
    """Return the offset of the bracket that closes the one at `start`, or the end of the text if none does."""
    depth = 0
    for at in range(start, min(len(text), start + 10_000)):
        depth += (text[at] == opening) - (text[at] == closing)
        if not depth:
            return at
    return len(text)


def _braced(inner: str, quoted: bool, depth: int) -> Part:
    if depth > DEEPEST:
        return Hole("a nested variable expansion")
    found = re.fullmatch(r"([A-Za-z_]\w*)(\[[@*]\])?(?:(:?[-=])(.*))?", inner, re.DOTALL)
    if found is None:
        number = re.fullmatch(r"(\d+|[@*])(?::?[-=](.*))?", inner, re.DOTALL)
        if number is not None:
            position = "@" if number[1] in "@*" else number[1]
            otherwise = _parts(number[2], depth) if number[2] is not None else None
            return Variable(position, otherwise, quoted, position == "@")
        rest = re.fullmatch(r"[@*]:\s*(\d+)", inner)
        if rest is not None:
            return Variable("@", None, quoted, True, int(rest[1]))
        item = re.fullmatch(r"([A-Za-z_]\w*)\[(\d+)\]", inner)
        if item is not None:
            return Variable(item[1], None, quoted, item=int(item[2]))
        return Hole(f"${{{inner[:40]}}} is not supported")
    name, whole, sign, fallback = found.groups()
    return Variable(name, _parts(fallback, depth) if sign else None, quoted, bool(whole))


def _parts(text: str, depth: int) -> list[Part]:
    reader = Reader(text, depth)
    made: list[Part] = []
    while reader.at < len(text):
        word = reader.word()
        made += word.parts
        if reader.at < len(text):
            _add(made, text[reader.at])
            reader.at += 1
    return made or [""]


def literal(raw: Raw) -> str:
    """Return the word if no part of it is a variable."""
    return raw.parts[0] if len(raw.parts) == 1 and isinstance(raw.parts[0], str) and raw.array is None else ""
