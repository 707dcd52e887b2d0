"""Words of a shell script: commands split as the shell splits them, with quotes, variables and here-documents."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .shell_parts import ASSIGNED, Document, Edited, Hole, Part, Raw, Simple, Variable, literal

MOST_WORDS = 4_000  # of one command
DEEPEST = 8  # fallbacks within fallbacks

NAME = re.compile(r"[A-Za-z_]\w*")
BREAKS = " \t\r\n;&|()<>"
PLAIN = re.compile(r"[^\s;&|()<>\\'\"$`]+")  # what means nothing in a word, quoted or not
NUMBERED = re.compile(r"\d+[<>]")
HEREDOC = re.compile(r"<<-?[ \t]*(\\?|['\"]?)([A-Za-z_]\w*)(?:\1|(?<=\w))")
OPERATOR = re.compile(r";;&?|;&|&&|\|\||\|&|[;&|()\n]")


class Reader:
    """Splitter of a text into simple commands: lists of raw words."""

    def __init__(self, text: str, depth: int = 0) -> None:
        self.text, self.at, self.depth = text, 0, depth
        self.documents: list[Document] = []  # of the command, and of those before it in the row

    def commands(self) -> Iterator[Simple]:
        """Yield the simple commands in their order; the documents of one are known once the next is read."""
        text, end = self.text, len(self.text)
        words: list[Raw] = []
        awaited: list[Document] = []
        while self.at < end:
            c = text[self.at]
            if c in " \t\r":
                self.at += 1
            elif text.startswith(("\\\n", "\\\r\n"), self.at):
                self.at += 2 if text[self.at + 1] == "\n" else 3
            elif c == "\\" and self.at + 1 == end:  # nothing follows that it could quote
                self.at += 1
            elif c == "#":
                self.at = self._line_end()
            elif text.startswith("((", self.at) and (not words or literal(words[0]) == "for"):
                words.append(self._arithmetic())
            elif text.startswith(("<(", ">("), self.at):
                words.append(self.word())
            elif (found := OPERATOR.match(text, self.at)) is not None and not text.startswith("&>", self.at):
                if words or found[0] != "\n":
                    yield Simple(words, found[0], self.documents)
                    awaited += self.documents
                    words, self.documents = [], []
                self.at = found.end()
                if found[0] == "\n":
                    self._pass_documents(awaited)
                    awaited = []
            elif c in "<>&" or c.isdigit() and NUMBERED.match(text, self.at):
                self._redirection()
            elif len(words) >= MOST_WORDS:
                return
            else:
                word = self.word()
                if word.parts or word.array is not None or not word.bare:
                    words.append(word)
        if words:
            yield Simple(words, "\n", self.documents)

    def _line_end(self) -> int:
        found = self.text.find("\n", self.at)
        return len(self.text) if found < 0 else found

    def _arithmetic(self) -> Raw:
        """Read `((…))`."""
        start, end = self.at, self.text.find("))", self.at)
        self.at = len(self.text) if end < 0 else end + 2
        return Raw([Hole("arithmetic", "", self.text[start + 2 : self.at - 2])], start, self.at, bare=False)

    def _redirection(self) -> None:
        heredoc = HEREDOC.match(self.text, self.at)
        if heredoc is not None and not self.text.startswith("<<<", self.at):
            self.documents.append(Document(heredoc[2], bool(heredoc[1])))
            self.at = heredoc.end()
            return
        found = re.compile(r"\d*(?:<<<|&>>|>>|>&|<&|&>|>\||<>|[<>])[ \t]*").match(self.text, self.at)
        self.at = found.end() if found is not None and found.end() > self.at else self.at + 1
        if self.at < len(self.text) and self.text[self.at] not in BREAKS:
            self.word()

    def _pass_documents(self, documents: list[Document]) -> None:
        for document in documents:
            document.start = self.at
            end = re.compile(rf"^[ \t]*{re.escape(document.delimiter)}[ \t]*\r?$", re.MULTILINE).search(
                self.text, self.at
            )
            document.end = len(self.text) if end is None else end.start()
            self.at = len(self.text) if end is None else end.end()

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
                if not text.startswith(("<(", ">("), self.at):
                    break
                end = _closing(text, self.at + 1, "(", ")")
                parts.append(Hole(f"{text[self.at : end + 1][:60]} is known only at run time"))
                self.at = end + 1
                continue
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
            parts.append(Variable("@", None, quoted, True, spaced=quoted and text[start + 1] == "*"))
            self.at += 2
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
        if inner.lstrip().startswith("#") and "\n" not in inner.strip():
            return  # `# a remark` between continued rows
        why = f"{code[:60]} is known only at run time"
        is_sum = inner.startswith("(") and inner.endswith(")") and self.text[start] == "$"
        parts.append(Hole(why, "", inner[1:-1]) if is_sum else Hole(why, inner))


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


EDITS = re.compile(r"([A-Za-z_]\w*)(##|#|%%|%|//|/|:\+|\+|\^\^|\^|,,|,)(.*)", re.DOTALL)


def _braced(inner: str, quoted: bool, depth: int) -> Part:
    if depth > DEEPEST:
        return Hole("a nested variable expansion")
    found = re.fullmatch(r"([A-Za-z_]\w*)(\[[@*]\])?(?:(:?[-=])(.*))?", inner, re.DOTALL)
    if found is None:
        number = re.fullmatch(r"(\d+|[@*])(?::?[-=](.*))?", inner, re.DOTALL)
        if number is not None:
            position = "@" if number[1] in "@*" else number[1]
            otherwise = _parts(number[2], depth) if number[2] is not None else None
            return Variable(position, otherwise, quoted, position == "@", spaced=quoted and number[1] == "*")
        rest = re.fullmatch(r"@:\s*(\d+)", inner)
        if rest is not None:
            return Variable("@", None, quoted, True, int(rest[1][:6]))
        item = re.fullmatch(r"([A-Za-z_]\w*)\[(\d+)\]", inner)
        if item is not None:
            return Variable(item[1], None, quoted, item=int(item[2][:6]))
        why = f"${{{inner[:40]}}} is not supported"
        edit = EDITS.fullmatch(inner)
        return _edited(edit, quoted, why, depth) if edit is not None else Hole(why)
    name, whole, sign, fallback = found.groups()
    return Variable(
        name,
        _parts(fallback, depth) if sign else None,
        quoted,
        bool(whole),
        None,
        sign in ("=", ":="),
        quoted and whole == "[*]",
    )


def _edited(found: re.Match[str], quoted: bool, why: str, depth: int) -> Part:
    name, operator, rest = found.groups()
    if operator in (":+", "+"):
        return Edited(name, ":+", "", "", quoted, why, _parts(rest, depth))
    pattern, slash, text = rest, "", ""
    if operator in ("/", "//"):
        slashed = re.match(r"((?:\\.|[^\\/])*)(/?)(.*)", rest, re.DOTALL)
        pattern, slash, text = slashed.groups() if slashed is not None else (rest, "", "")
    pattern, text = (re.sub(r"\\(.)", r"\1", one).strip("'\"") for one in (pattern, text))
    if any(c in pattern + text for c in "$`[\\") or pattern[:1] in ("#", "%") and slash or len(pattern) > 60:
        return Hole(why)
    return Edited(name, operator, pattern, text, quoted, why)


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
