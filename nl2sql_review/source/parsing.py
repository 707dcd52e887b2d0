"""Parser from text to a LibCST module, with errors that have a place and never a crash.

LibCST reads the syntax of every Python; the running Python checks whether the text is a program, unless it is too old
to tell. Both parsers are native: brackets nested a few hundred deep overflow the process's stack, and some patterns
take LibCST time exponential in their depth. So a cheap check scans the text first, deep text is parsed on a thread
with a large stack, and errors are described from the text.
"""

from __future__ import annotations

import re
import sys
import threading
import warnings
from itertools import islice
from typing import TYPE_CHECKING, Callable, Iterator, TypeVar

from .lexer import Fault, Lexer
from .spans import Lines, SourceError, point

if TYPE_CHECKING:
    import libcst as cst

T = TypeVar("T")

MAX_BRACKETS = 200  # Python's own limit
MAX_NESTING = 150_000  # levels beyond SHALLOW, summed over all brackets: LibCST copies what is inside at each of them
SHALLOW = 10
MAX_OPERATORS = 1000  # one inside the other: a.b.c, a + b + c, not not a, elif … elif …
MAX_STRINGS = 3 * MAX_OPERATORS  # side by side: LibCST's own limit, which puts each inside the one before
MAX_PATTERN = 8  # LibCST takes 2**depth steps for the brackets of a `case`, and of a `del` it cannot read
MAX_TOKENS = 100_000  # names, operators, lines: a tree takes up to 4 KB of memory and 20 µs for each

_LARGE = 200_000  # characters; text below it is not counted
_WORD = re.compile(  # comments and strings as one, names, numbers, operators, line ends
    r"#[^\r\n]*|\"\"\"[^\\\"]*(?:(?:\\.|\"(?!\"\"))[^\\\"]*)*\"\"\"|'''[^\\']*(?:(?:\\.|'(?!''))[^\\']*)*'''"
    r"|\"[^\\\"\r\n]*(?:\\.[^\\\"\r\n]*)*\"|'[^\\'\r\n]*(?:\\.[^\\'\r\n]*)*'|\w+|\r\n|[^\w \t\f]",
    re.DOTALL,
)
_NO_BRACKETS = str.maketrans("", "", "#\"'")
_DEEP_BRACKETS = 40  # from here on a small stack (1 MB, or 512 KB for threads of some systems) may not do
_ONLY_PARSE, _TOP_LEVEL_AWAIT = 0x400, 0x2000  # flags of `compile`: PyCF_ONLY_AST and PyCF_ALLOW_TOP_LEVEL_AWAIT
_STACK = 256 * 1024 * 1024  # bytes, reserved and not touched unless needed
_RECURSION = 50_000

# Comments, strings other than f-strings, brackets. The one leading set and the look-behinds are for speed.
_NOT_FORMATTED = r"(?<![fFtT]{0})(?<![fFtT][rR]{0})"
_BRACKETS = re.compile(
    r"([#\"'()\[\]{}])(?:(?<=[()\[\]{}])|(?<=#)[^\r\n]*"
    + r"|(?<=\")"
    + _NOT_FORMATTED.format('"')
    + r"(?:\"\"[^\\\"]*(?:(?:\\.|\"(?!\"\"))[^\\\"]*)*\"\"\"|[^\\\"\r\n]*(?:\\.[^\\\"\r\n]*)*\")"
    + r"|(?<=')"
    + _NOT_FORMATTED.format("'")
    + r"(?:''[^\\']*(?:(?:\\.|'(?!''))[^\\']*)*'''|[^\\'\r\n]*(?:\\.[^\\'\r\n]*)*'))",
    re.DOTALL,
)
_GOES_ON = re.compile(r"\n[ \t]*(?:[-+*/%|&^.~<>=\"']|[A-Za-z]{1,2}[\"']|(?:and|or|not|elif|for|lambda|await)\b)")
_ENDS_OPEN = re.compile(r"[-+*/%|&^~\\]\r?\n")
_CASE = re.compile(r"(?:[ \t\f]|\\\r?\n)*case\b(?![ \t]*[=.,:)])")
_BRANCH = re.compile(r"([ \t]*)(if|elif)\b")
_LIBCST_PLACE = re.compile(r"error at (\d+):(\d+)")
_TOKEN = re.compile(
    r"[()\[\]{}]|[,;]|\r\n?|\n|\.|\*\*|//|<<|>>|->|:=|[<>=!]=|[-+*/%|&^~@<>]"
    r"|\b(?:and|or|not|in|is|if|for|lambda|await|del)\b"
    r"|(?:[\"']+_*|(?<!_)_+)(?!_)[\s\\]*(?=[A-Za-z]{0,2}[\"'])"  # strings that stand side by side
)


def parse(text: str, program: bool = False) -> cst.Module:
    """Return the module. Raises SourceError with a place: "file/syntax", or "file/unreadable" for too much text.

    `program`: the text is the complete input of Python, so that errors of the whole count too: `return` outside of a
    function, an `except:` before another.
    """
    if too_much(text):
        message = f"too large: more than {MAX_TOKENS} names, operators and lines are not read"
        raise SourceError("file/unreadable", message, point(1, 1))
    if program and text.startswith("\ufeff"):  # both parsers take it for that of a file, which is gone by now
        raise _error(Fault("a second byte order mark (U+FEFF) is no character of a program", 1, 1))
    deep, patterns = screened(text)
    if (deep or patterns) and (fault := too_deep(Lines(text))):
        raise _error(fault)

    def read() -> cst.Module:
        refused = _refusal(text, deep, program and not deep)
        return _on_enough_stack(lambda: _read(text, refused), deep)

    try:  # one thread for both parsers: the stack of one that has ended may still count against a limit of memory
        return deeply(read) if deep else read()
    except SourceError:
        raise
    except UnicodeEncodeError as error:
        row, column = Lines(text).place(error.start)
        raise _error(Fault("a lone surrogate is not text", row, column)) from None
    except (RecursionError, MemoryError):
        raise _error(Fault("nested too deeply", 1, 1)) from None
    except Exception as error:  # a fault of a parser's own must not end the review of the other files
        raise _error(Fault(f"the parser failed: {type(error).__name__}: {error}".split("\n")[0], 1, 1)) from None


def _refusal(text: str, deep: bool, whole: bool) -> SyntaxError | None:
    """Return the running Python's syntax error for text that a newer Python may parse, or None.

    Raises SourceError if no Python can parse the text, or if Python parses it but rejects it as a whole.
    """
    try:
        _on_enough_stack(lambda: _compile(text, 0 if whole else _ONLY_PARSE), deep)
    except SyntaxError as error:
        if isinstance(error, IndentationError):
            raise _error(_describe(Lines(text), "", error)) from None
        if whole and _refusal(text, deep, whole=False) is None:
            raise _error(_explained(Lines(text), error)[0]) from None
        return error
    except (RecursionError, MemoryError, ValueError, OverflowError):  # Python's own limits say nothing of the text
        pass
    return None


def _compile(text: str, flags: int) -> None:
    """Compile the text to check that Python accepts it. No code is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that mean nothing, which are the script's own affair
        compile(text, "<source>", "exec", flags | _TOP_LEVEL_AWAIT, dont_inherit=True)


def _read(text: str, refused: SyntaxError | None) -> cst.Module:
    import libcst

    from .unchecked import parse_module

    try:
        module = parse_module(text)
        if refused is None:
            return module
        for literal in _literals(module):
            _compile(literal, _ONLY_PARSE)
        return module  # the running Python is too old for it
    except libcst.ParserSyntaxError as error:
        raise _error(_describe(Lines(text), error.message, refused)) from None
    except SyntaxError:
        raise _error(_describe(Lines(text), "", refused)) from None


def _literals(module: cst.Module) -> Iterator[str]:
    """Yield the code of the numbers and strings that LibCST does not check, so that Python can check their values."""
    import libcst

    from .syntax import walk

    for node in walk(module):
        match node:
            case libcst.Integer(value) | libcst.SimpleString(value):
                yield value
            case libcst.FormattedString() | libcst.TemplatedString():
                yield _without_fields(node)
            case libcst.ConcatenatedString(left, right):
                second = right.left if isinstance(right, libcst.ConcatenatedString) else right
                yield f"{_without_fields(left)} {_without_fields(second)}"


def _without_fields(string: cst.SimpleString | cst.FormattedString | cst.TemplatedString) -> str:
    """Return the code of one string, without newer syntax in it."""
    import libcst

    if isinstance(string, libcst.SimpleString):
        return string.value
    texts = (getattr(part, "value", "") for part in string.parts)
    return "".join((string.start.lower().replace("t", "f"), *texts, string.end))


def _on_enough_stack(function: Callable[[], T], deep: bool) -> T:
    """Call `function` here, and again with a large stack if this one, unless it is `deep` already, does not do."""
    try:
        return function()
    except (RecursionError, MemoryError):
        if deep:
            raise
    return deeply(function)


def deeply(function: Callable[[], T]) -> T:
    """Call `function` with safe deep recursion: on a thread with a large stack and a raised recursion limit."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # handed to the caller, whatever it is
            errors.append(error)

    limit, size = sys.getrecursionlimit(), threading.stack_size()
    thread = threading.Thread(target=run)
    try:
        sys.setrecursionlimit(max(limit, _RECURSION))
        threading.stack_size(_STACK)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    if errors:
        raise errors[0]
    return results[0]


def too_much(text: str) -> bool:
    """Return whether the code, even if it has few bytes, would make a tree too large for the machine."""
    return len(text) > _LARGE and sum(1 for _ in islice(_WORD.finditer(text), MAX_TOKENS + 1)) > MAX_TOKENS


def screened(text: str) -> tuple[bool, bool]:
    """Return whether the text may nest deeply, and whether a `case` or `del` may. Quick, and wrong on the safe side.

    Innermost brackets are erased pair by pair, so that the number of rounds bounds the depth.
    """
    brackets = "".join(_BRACKETS.findall(text)).translate(_NO_BRACKETS)
    rounds = 0
    while rounds < _DEEP_BRACKETS:
        fewer = brackets.replace("()", "").replace("[]", "").replace("{}", "")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
        rounds += 1
    operators = len(_GOES_ON.findall(text)) + len(_ENDS_OPEN.findall(text))
    deep = (
        len(brackets) > _DEEP_BRACKETS
        or max(map(len, text.split("\n"))) > 1000
        or operators + sum(map(text.count, (")(", ")[", "](", "]["))) > 200
    )
    return deep, rounds + len(brackets) > MAX_PATTERN and ("case" in text or "del" in text)


def too_deep(lines: Lines) -> Fault | None:
    """Return the place where the text exceeds one of the limits, if it does."""
    outline = Lexer(lines).run().outline()
    branches: dict[str, int] = {}
    limit, what = MAX_BRACKETS, "brackets"
    open_levels: list[tuple[int, int]] = []
    binary = postfix = 0  # operators one inside the other at this level, and those of the operand being read, in thirds
    total = 0  # the same summed over the enclosing levels
    nesting = 0  # of all brackets so far
    for match in _TOKEN.finditer("\n" + outline):
        token, offset = match[0], match.start() - 1
        joint = token[0] in "\"'_"  # of two strings
        if token in "([{":
            if token != "{":  # which no operand goes before: a field of an f-string, or a display
                postfix += 3
            open_levels.append((binary, postfix))
            total += binary + postfix
            binary = postfix = 0
            if len(open_levels) > limit:
                return Fault(f"more than {limit} nested {what}", *lines.place(offset))
            nesting += max(len(open_levels) - SHALLOW, 0)
            if nesting > MAX_NESTING:
                return Fault("too many deeply nested brackets", *lines.place(offset))
        elif token in ")]}":
            if open_levels:
                binary, postfix = open_levels.pop()
                total -= binary + postfix
        elif token in ",;":
            binary = postfix = 0
            if token == ";":
                limit, what = MAX_BRACKETS, "brackets"
        elif token == "del" and not open_levels:
            limit, what = MAX_PATTERN, "brackets of a `del`"
        elif token[0] in "\r\n":
            if not open_levels and outline[max(offset - 1, 0) : max(offset, 0)] != "\\":
                binary = postfix = 0
                limit, what = MAX_BRACKETS, "brackets"
                if _CASE.match(outline, offset + len(token)):
                    limit, what = MAX_PATTERN, "brackets of a `case`"
                if fault := _branch(lines, outline, offset + len(token), branches):
                    return fault
        elif token == ".":
            postfix += 3
        elif joint:
            binary += 1
        else:
            binary += 3
            postfix = 0
        if total + binary + postfix + joint > MAX_STRINGS:
            what = f"{MAX_STRINGS} adjacent strings" if joint else f"{MAX_OPERATORS} nested operations"
            return Fault(f"an expression of more than {what}", *lines.place(offset))
    return None


def _branch(lines: Lines, outline: str, offset: int, branches: dict[str, int]) -> Fault | None:
    match = _BRANCH.match(outline, offset)
    if match is None:
        return None
    indent = match[1]
    branches[indent] = branches.get(indent, 0) + 1 if match[2] == "elif" else 0
    if branches[indent] > MAX_OPERATORS:
        return Fault(f"more than {MAX_OPERATORS} `elif` branches", *lines.place(match.start(2)))
    return None


def _error(fault: Fault) -> SourceError:
    return SourceError("file/syntax", fault.message, point(*fault[1:]))


def _describe(lines: Lines, message: str, refused: SyntaxError | None) -> Fault:
    """Describe the error in text that LibCST (`message`) cannot read, nor in general the running Python (`refused`).

    The outline finds unclosed brackets and strings. The running Python explains best, but may be older than the
    syntax of the file: its message counts only if it fails at the same row as LibCST. LibCST itself gives the
    place after the token that it could not read.
    """
    outlined = Lexer(lines).run().fault
    if outlined is not None:
        return outlined
    stumble = None
    if place := _LIBCST_PLACE.search(message):
        row = min(int(place[1]), len(lines))
        stumble = _last_token(lines, lines.starts[row - 1] + int(place[2]))
    if refused is not None:
        fault, last_row = _explained(lines, refused)
        if stumble is None or fault.row <= stumble.row <= last_row:
            return fault
    return stumble or Fault(f"cannot parse: {message}".split("\n")[0], 1, 1)


def _last_token(lines: Lines, offset: int) -> Fault:
    before = lines.text[:offset].rstrip()
    if not before:
        return Fault("cannot parse: nothing to read", 1, 1)
    start = len(before)
    while start and (before[start - 1].isalnum() or before[start - 1] == "_"):
        start -= 1
    start -= start == len(before)  # an operator
    return Fault(f"cannot parse: unexpected '{before[start : start + 40]}'", *lines.place(start))


def _explained(lines: Lines, error: SyntaxError) -> tuple[Fault, int]:
    """Return the running Python's own error: the fault, and the last row of its extent."""
    line = lines[row := min(max(error.lineno or 1, 1), len(lines))]
    column = min(max(error.offset or 1, 1), len(line) + 1)
    if isinstance(error, IndentationError):
        column = len(line) - len(line.lstrip()) + 1
    last_row = max(getattr(error, "end_lineno", None) or row, row)
    return Fault(error.msg, row, column), last_row
