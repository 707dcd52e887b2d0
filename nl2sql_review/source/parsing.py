"""Text → the tree of Python's own parser, with errors that name a place and never a crash.

What the running Python refuses may be syntax newer than it: LibCST, which reads that, is asked then, and its tree is
put into the same form. Both parsers are native, and deep nesting can overflow the process's stack; so a cheap screen
looks at the text first, deep text is parsed on a thread with a large stack, and errors are described from the text.
"""

from __future__ import annotations

import ast
import re
import sys
import threading
import warnings
from itertools import islice
from typing import Any, Callable, TypeVar

from nl2sql_review.source.lexer import Fault, Lexer
from nl2sql_review.source.spans import Lines, SourceError, point

T = TypeVar("T")

MAX_BRACKETS = 200  # Python's own limit
MAX_OPERATORS = 1000  # one inside the other: a.b.c, a + b + c, not not a, elif … elif …
MAX_PATTERN = 8  # LibCST takes 2**depth steps for the brackets of a `case`, and of a `del` it cannot read

MAX_TOKENS = 200_000  # names, operators, lines: a tree takes some 3 KB of memory and 20 µs for each

_LARGE = 200_000  # characters; text below it is not counted
_WORD = re.compile(  # comments and strings as one, names, numbers, operators, line ends
    r"#[^\r\n]*|\"\"\"[^\\\"]*(?:(?:\\.|\"(?!\"\"))[^\\\"]*)*\"\"\"|'''[^\\']*(?:(?:\\.|'(?!''))[^\\']*)*'''"
    r"|\"[^\\\"\r\n]*(?:\\.[^\\\"\r\n]*)*\"|'[^\\'\r\n]*(?:\\.[^\\'\r\n]*)*'|\w+|\r\n|[^\w \t\f]",
    re.DOTALL,
)
_NO_BRACKETS = str.maketrans("", "", "#\"'")
_DEEP_BRACKETS = 40  # from here on a small stack (1 MB, or 512 KB for threads of some systems) may not do
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
_GOES_ON = re.compile(r"\n[ \t]*(?:[-+*/%|&^.~<>=\"']|(?:and|or|not|elif|for|lambda|await)\b)")
_ENDS_OPEN = re.compile(r"[-+*/%|&^~\\]\r?\n")
_PATTERN = re.compile(r"[ \t]*(?:case|del)\b(?![ \t]*[=.,:)])")
_TOKEN = re.compile(
    r"[()\[\]{}]|[,;]|\r\n?|\n|\.|\*\*|//|<<|>>|->|:=|[<>=!]=|[-+*/%|&^~@<>]"
    r"|\b(?:and|or|not|in|is|if|for|lambda|await)\b"
    r"|[\"']+_*[\s\\]*(?=[A-Za-z]{0,2}[\"'])"  # strings that stand side by side
)


def parse(text: str, program: bool = False) -> ast.Module:
    """The module, or SourceError with a place in `text`: "file/syntax", or "file/unreadable" for too much of it.

    `program`: the text is all that Python is given at once, so that what it refuses only as a whole is an error too:
    `return` outside of a function, an `except:` before another.
    """
    lines = None
    if too_much(text):
        message = f"too large: more than {MAX_TOKENS} names, operators and lines are not read"
        raise SourceError("file/unreadable", message, point(1, 1))
    deep = suspicious(text)
    if deep:
        lines = Lines(text)
        if fault := too_deep(lines):
            raise _error(fault)
    try:
        try:
            tree = _on_enough_stack(lambda: _python(text), deep)
        except SyntaxError as refused:
            return _newer(lines or Lines(text), deep, refused)
        if program and not deep:
            _refuse_as_a_whole(tree, text)
        return tree
    except SourceError:
        raise
    except UnicodeEncodeError as error:
        row, column = Lines(text).place(error.start)
        raise _error(Fault("a lone surrogate is not text", row, column)) from None
    except (RecursionError, MemoryError):
        raise _error(Fault("nested too deeply to be read", 1, 1)) from None
    except Exception as error:  # a fault of a parser's own must not end the review of the other files
        raise _error(Fault(f"the parser failed: {type(error).__name__}: {error}".split("\n")[0], 1, 1)) from None


def compiled(code: Any, flags: int = 0) -> Any:
    """What Python makes of a text or a tree. Nothing is run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that mean nothing, which are the script's own affair
        return compile(code, "<source>", "exec", flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def _refuse_as_a_whole(tree: ast.Module, text: str) -> None:
    try:
        compiled(tree)
    except SyntaxError as error:
        raise _error(_explained(Lines(text), error)[0]) from None
    except Exception:  # the compiler's own limits say nothing of the text
        pass


def _python(text: str) -> ast.Module:
    """As the running Python reads it; before 3.12 it does not say rightly where the expressions of an f-string stand."""
    tree: ast.Module = compiled(text, ast.PyCF_ONLY_AST)
    if sys.version_info < (3, 12) and _FORMATTED.search(text):
        from nl2sql_review.source.formatted import place_fields

        place_fields(tree, text)
    return tree


def _newer(lines: Lines, deep: bool, refused: SyntaxError) -> ast.Module:
    """The tree of what only a newer Python reads; else SourceError."""
    if isinstance(refused, IndentationError) or too_deep(lines, for_libcst=True):  # no version reads it, or LibCST cannot
        raise _error(_describe(lines, "", refused)) from None
    import libcst

    from nl2sql_review.source.lowering import lowered

    def read() -> ast.Module:
        return lowered(libcst.parse_module(lines.text), lines.text)

    try:
        return _on_enough_stack(read, deep)
    except libcst.ParserSyntaxError as error:
        raise _error(_describe(lines, error.message, refused)) from None
    except SyntaxError:
        raise _error(_describe(lines, "", refused)) from None


def _on_enough_stack(function: Callable[[], T], deep: bool) -> T:
    """Call `function` here, and only where it nests deeply, as was known or turns out, where that is safe."""
    if not deep:
        try:
            return function()
        except (RecursionError, MemoryError):
            pass
    return deeply(function)


def deeply(function: Callable[[], T]) -> T:
    """Call `function` where deep recursion is safe: on a thread with a large stack and a raised recursion limit."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((True, function()))
        except BaseException as error:  # handed to the caller, whatever it is
            outcome.extend((False, error))

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
    done, result = outcome
    if not done:
        raise result
    return result


def too_much(text: str) -> bool:
    """Whether the code, however few bytes it has, would make a tree too large for the machine."""
    return len(text) > _LARGE and sum(1 for _ in islice(_WORD.finditer(text), MAX_TOKENS + 1)) > MAX_TOKENS


def suspicious(text: str) -> bool:
    """Whether the text may nest deeply: quick, and wrong on the safe side.

    Innermost brackets are erased pair by pair, so that the number of rounds bounds the depth.
    """
    brackets = "".join(_BRACKETS.findall(text)).translate(_NO_BRACKETS)
    for _ in range(_DEEP_BRACKETS):
        fewer = brackets.replace("()", "").replace("[]", "").replace("{}", "")
        if len(fewer) == len(brackets):
            break
        brackets = fewer
    if len(brackets) > _DEEP_BRACKETS:
        return True
    if max(map(len, text.split("\n"))) > 1000:
        return True
    operators = len(_GOES_ON.findall(text)) + len(_ENDS_OPEN.findall(text))
    return operators + sum(map(text.count, (")(", ")[", "](", "]["))) > 200


def too_deep(lines: Lines, for_libcst: bool = False) -> Fault | None:
    """Where the text goes over one of the limits, if it does. For LibCST patterns and strings side by side count too."""
    outline = Lexer(lines).run().outline()
    branches: dict[str, int] = {}
    limit, what = MAX_BRACKETS, "brackets"
    open_levels: list[tuple[int, int]] = []
    binary = postfix = 0  # operators one inside the other at this level, and those of the operand being read
    total = 0  # the same summed over the enclosing levels
    for match in _TOKEN.finditer("\n" + outline):
        token, offset = match[0], match.start() - 1
        if token in "([{":
            open_levels.append((binary, postfix + 1))
            total += binary + postfix + 1
            binary = postfix = 0
            if len(open_levels) > limit:
                return Fault(f"more than {limit} {what} inside each other", *lines.place(offset))
        elif token in ")]}":
            if open_levels:
                binary, postfix = open_levels.pop()
                total -= binary + postfix
        elif token in ",;":
            binary = postfix = 0
        elif token[0] in "\r\n":
            if not open_levels and not _joined(outline, offset):
                binary = postfix = 0
                limit, what = MAX_BRACKETS, "brackets"
                if for_libcst and (pattern := _PATTERN.match(outline, offset + len(token))):
                    limit, what = MAX_PATTERN, f"brackets of a `{pattern[0].strip()}`"
                if fault := _branch(lines, outline, offset + len(token), branches):
                    return fault
        elif token == ".":
            postfix += 1
        elif for_libcst or token[0] not in "\"'":
            binary += 1
            postfix = 0
        if total + binary + postfix > MAX_OPERATORS:
            return Fault(f"an expression of more than {MAX_OPERATORS} nested operations", *lines.place(offset))
    return None


_BRANCH = re.compile(r"([ \t]*)(if|elif)\b")


def _branch(lines: Lines, outline: str, offset: int, branches: dict[str, int]) -> Fault | None:
    match = _BRANCH.match(outline, offset)
    if match is None:
        return None
    indent = match[1]
    branches[indent] = branches.get(indent, 0) + 1 if match[2] == "elif" else 0
    if branches[indent] > MAX_OPERATORS:
        return Fault(f"more than {MAX_OPERATORS} `elif` branches", *lines.place(match.start(2)))
    return None


def _joined(outline: str, offset: int) -> bool:
    return offset > 0 and outline[offset - 1] == "\\"


def _error(fault: Fault) -> SourceError:
    return SourceError("file/syntax", fault.message, point(fault.row, fault.column))


_FORMATTED = re.compile(r"[fF][rR]?[\"']")  # how an f-string begins
_LIBCST_PLACE = re.compile(r"error at (\d+):(\d+)")


def _describe(lines: Lines, message: str, refused: SyntaxError) -> Fault:
    """What is wrong with text that neither the running Python (`refused`) nor LibCST (`message`) can read.

    The outline knows unclosed brackets and strings. The running Python explains best, but may be older than the
    syntax of the file: its word counts only where it stumbles at the same row as LibCST. LibCST itself names the
    place after the token that it could not read.
    """
    outlined = Lexer(lines).run().fault
    if outlined is not None:
        return outlined
    stumble = None
    if place := _LIBCST_PLACE.search(message):
        row = min(int(place[1]), len(lines))
        stumble = _last_token(lines, lines.starts[row - 1] + int(place[2]))
    fault, last_row = _explained(lines, refused)
    if stumble is None or fault.row <= stumble.row <= last_row:
        return fault
    return stumble


def _last_token(lines: Lines, offset: int) -> Fault:
    before = lines.text[:offset].rstrip()
    token = re.search(r"(?:\w+|[^\w\s])\Z", before)
    if token is None:
        return Fault("cannot parse: nothing to read", 1, 1)
    return Fault(f"cannot parse: unexpected '{token[0][:40]}'", *lines.place(token.start()))


def _explained(lines: Lines, error: SyntaxError) -> tuple[Fault, int]:
    """The running Python's own opinion: the fault, and the row it extends to."""
    row = min(max(error.lineno or 1, 1), len(lines))
    line = lines[row]
    column = min(max(error.offset or 1, 1), len(line) + 1)
    if isinstance(error, IndentationError):
        column = len(line) - len(line.lstrip()) + 1
    last_row = max(getattr(error, "end_lineno", None) or row, row)
    return Fault(error.msg, row, column), last_row
