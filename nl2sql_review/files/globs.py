"""Matches .gitignore patterns as git's own `wildmatch` does, but in time that grows with pattern times path.

Like git this works on bytes. A pattern is a row of steps, and a path is read once from left to right; the set of
steps that may come next is kept as the bits of a number, so that a row of stars causes no backtracking. Most patterns
are plain names or suffixes, which are compared.
"""

from __future__ import annotations

import os
from functools import lru_cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Step = frozenset[int] | str

SPECIAL = b"*?[\\"
SLASH = ord("/")
ALL = frozenset(range(256))
NOT_SLASH = ALL - {SLASH}
STAR = "*"  # any bytes but slashes
ANY = "**"  # any bytes
FOLDERS = "**/"  # nothing, or any bytes that end in a slash
LONGEST = 4_096  # bytes of a pattern, as of a path: a longer one matches nothing

_SPACE, _GRAPH = frozenset(b" \t\n\v\f\r"), frozenset(range(33, 127))
_DIGIT, _UPPER, _LOWER = (frozenset(each) for each in (b"0123456789", range(65, 91), range(97, 123)))
_ALPHA = _UPPER | _LOWER
CLASSES = {
    b"alnum": _ALPHA | _DIGIT, b"alpha": _ALPHA, b"blank": frozenset(b" \t"), b"cntrl": frozenset([*range(32), 127]),
    b"digit": _DIGIT, b"graph": _GRAPH, b"lower": _LOWER, b"print": _GRAPH | {32}, b"punct": _GRAPH - _ALPHA - _DIGIT,
    b"space": _SPACE, b"upper": _UPPER, b"xdigit": _DIGIT | frozenset(b"abcdefABCDEF"),
}  # fmt: skip


class Globs:
    """Patterns of a .gitignore in the directory `root`; the last matching one decides."""

    __slots__ = ("root", "patterns")

    def __init__(self, root: str, patterns: tuple[Pattern, ...]) -> None:
        self.root = root
        self.patterns = patterns

    def match(self, path: str, is_directory: bool) -> bool | None:
        """Return True: excluded. False: included again by a `!`. None: no pattern matches. `path` is absolute."""
        if not self.patterns or not path.startswith(self.root + os.sep):
            return None
        relative = os.fsencode(path[len(self.root) + 1 :].replace(os.sep, "/"))
        name = relative[relative.rfind(b"/") + 1 :]
        for pattern in reversed(self.patterns):
            if (is_directory or not pattern.directories) and pattern.matches(name if pattern.of_names else relative):
                return not pattern.again
        return None


class Pattern:
    """One line: the matcher, whether it re-includes, applies only to directories, or to names at any depth."""

    __slots__ = ("again", "directories", "of_names", "matches")

    def __init__(self, line: bytes) -> None:
        self.again = line.startswith(b"!")
        line = line[self.again :]
        self.directories = line.endswith(b"/")
        line = line[:-1] if self.directories else line
        self.of_names = b"/" not in line
        self.matches: Callable[[bytes], bool] = _matcher(line if self.of_names else line.removeprefix(b"/"), self)


def globs(lines: Iterable[str], root: str) -> Globs:
    """Return the patterns of these lines, relative to a directory."""
    return _globs(tuple(lines), root)


@lru_cache(maxsize=256)
def _globs(lines: tuple[str, ...], root: str) -> Globs:
    found = (_trimmed(line.encode("utf-8", "surrogateescape")) for line in lines)
    return Globs(root.rstrip(os.sep), tuple(Pattern(line) for line in found if line and not line.startswith(b"#")))


def matches(lines: Iterable[str], path: str, root: str) -> bool:
    """Return whether these patterns, relative to `root`, match a path or a folder that contains it."""
    pattern = globs(lines, root)
    full = os.path.abspath(path)
    if pattern.match(full, False):
        return True
    folder = os.path.dirname(full)
    while folder.startswith(root.rstrip(os.sep) + os.sep):
        if pattern.match(folder, True):
            return True
        folder = os.path.dirname(folder)
    return False


def lines_of(data: bytes) -> tuple[str, ...]:
    """Return the lines of a .gitignore."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    ended = [line.removesuffix(b"\r") for line in lines[:-1]] + lines[-1:]
    return tuple(line.partition(b"\0")[0].decode("utf-8", "surrogateescape") for line in ended)


def _trimmed(line: bytes) -> bytes:
    """Return the line without trailing spaces, except those after a backslash."""
    end = len(line.rstrip(b" "))
    before = len(line[:end]) - len(line[:end].rstrip(b"\\"))
    return line[: end + 1] if before % 2 and end < len(line) else line[:end]


def _matcher(glob: bytes, pattern: Pattern) -> Callable[[bytes], bool]:
    plain = next((at for at, byte in enumerate(glob) if byte in SPECIAL), len(glob))
    if plain == len(glob):
        return glob.__eq__ if glob else _nothing
    if len(glob) > LONGEST:
        return _nothing
    if pattern.of_names and glob[:1] == b"*" and not any(byte in SPECIAL for byte in glob[1:]):
        suffix = glob[1:]
        return lambda name: name.endswith(suffix)
    # Git compares what comes before the first wildcard, and takes the rest for a pattern of its own.
    prefix = b"" if pattern.of_names else glob[:plain]
    steps = _steps(glob[len(prefix) :], paths=not pattern.of_names)
    if steps is None:
        return _nothing
    rest = Steps(steps)
    return lambda path: path.startswith(prefix) and rest.match(path[len(prefix) :])


def _nothing(_: bytes) -> bool:
    return False


class Steps:
    """A row of steps. Bit `n` of a state is set if everything before step `n` has matched so far."""

    __slots__ = ("_size", "_at", "_stay", "_star", "_folders")

    def __init__(self, steps: list[Step]) -> None:
        self._size = len(steps)
        self._star = sum(1 << n for n, step in enumerate(steps) if step in (STAR, ANY))
        self._folders = sum(1 << n for n, step in enumerate(steps) if step == FOLDERS)
        self._at = [0] * 256  # of each byte: the steps that it takes
        for n, step in enumerate(steps):
            for byte in step if isinstance(step, frozenset) else ():
                self._at[byte] |= 1 << n
        across = sum(1 << n for n, step in enumerate(steps) if step in (ANY, FOLDERS))
        within = across | self._star
        self._stay = (within, across)  # where more bytes change nothing: those that are no slash, a slash

    def match(self, text: bytes) -> bool:
        """Return whether the steps match the whole text."""
        state = self._skipped(1)
        for byte in text:
            slash = byte == SLASH
            taken = (state & self._at[byte]) << 1
            if slash:
                taken |= (state & self._folders) << 1
            state = (state & self._stay[slash]) | self._skipped(taken)
            state |= (state & self._star) << 1
            if not state:
                return False
        return bool(state >> self._size & 1)

    def _skipped(self, state: int) -> int:
        """Return the state after skipping the steps that may match nothing, except folders that were begun before."""
        state |= (state & self._folders) << 1
        return state | (state & self._star) << 1


def _steps(glob: bytes, paths: bool) -> list[Step] | None:
    """Return the steps of a pattern, None if it matches nothing. With `paths`, stars do not match slashes."""
    steps: list[Step] = []
    at = 0
    while at < len(glob):
        byte = glob[at]
        if byte == ord("*"):
            end = at
            while glob[end : end + 1] == b"*":
                end += 1
            alone = end - at > 1 and (at == 0 or glob[at - 1] == SLASH)
            if alone and paths and glob[end : end + 1] == b"/":
                if steps[-1:] != [FOLDERS]:
                    steps.append(FOLDERS)
                end += 1
            elif alone and paths and (end == len(glob) or glob[end : end + 2] == b"\\/"):
                steps.append(ANY)
            else:
                steps.append(STAR if paths else ANY)
            at = end
        elif byte == ord("?"):
            steps.append(NOT_SLASH if paths else ALL)
            at += 1
        elif byte == ord("["):
            found = _class(glob, at + 1)
            if found is None:
                return None
            members, at = found
            steps.append(members - {SLASH} if paths else members)
        else:
            at += byte == ord("\\")
            if at == len(glob):  # a backslash that keeps nothing
                return None
            steps.append(frozenset([glob[at]]))
            at += 1
    return steps


def _class(glob: bytes, at: int) -> tuple[frozenset[int], int] | None:
    """Return the bytes that `[…]` matches, and its end; `at` is after the bracket. Returns None if it is malformed."""
    negated = glob[at : at + 1] in (b"!", b"^")
    at += negated
    members: set[int] = set()
    before, first = -1, True  # the start of a range
    while True:
        byte = glob[at] if at < len(glob) else -1
        if byte < 0:
            return None
        if byte == ord("]") and not first:
            return (ALL - members if negated else frozenset(members)), at + 1
        first = False
        after = glob[at + 1] if at + 1 < len(glob) else -1
        if byte == ord("-") and before >= 0 and after >= 0 and after != ord("]"):
            at += 1
            if after == ord("\\"):
                at += 1
            if at >= len(glob):
                return None
            members.update(range(before, glob[at] + 1))
            before = -1
        elif byte == ord("[") and after == ord(":"):
            end = glob.find(b"]", at + 2)
            if end < 0:
                return None
            if end == at + 2 or glob[end - 1] != ord(":"):  # an ordinary bracket
                members.add(byte)
                before = byte
            else:
                named = CLASSES.get(glob[at + 2 : end - 1])
                if named is None:
                    return None
                members |= named
                at, before = end, -1
        else:
            if byte == ord("\\"):
                at += 1
                if at >= len(glob):
                    return None
            members.add(glob[at])
            before = glob[at]
        at += 1
