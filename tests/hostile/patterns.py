"""Every regular expression of the package, and for each the texts that it likes least.

Patterns are found in the modules' own names and, as literals, at calls of `re`; how each is used (`match` tries one
place, `search` all of them) is read from the calls. Texts are made from the pattern's own parts: what it repeats, after
what comes before, again and again, and never what would come next.
"""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

try:
    from re import _constants as sre
    from re import _parser as parser
except ImportError:  # Python 3.10
    import sre_constants as sre  # type: ignore[no-redef]
    import sre_parse as parser  # type: ignore[no-redef]

import nl2sql_review

PACKAGE = Path(nl2sql_review.__file__).parent
AT_ONE_PLACE = {"match", "fullmatch"}
METHODS = {"search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"}
OF_ANY = frozenset({"search", "finditer"})  # of a pattern that is used by another name
SHORT = 60  # characters by which shapes are told apart
TRIED = 4_000  # characters of a text whose time is taken: enough to tell a quadratic one, in milliseconds
VARIED = 4  # shapes that are tried with each end
TAILS = ("\0", "", "\n\0", "!")
OWN_INPUT = {"libraries/build.py", "flavours/build.py"}  # read released wheels, on the machine of who releases


@dataclass(frozen=True)
class Used:
    """A pattern, its flags, and the methods it is used by."""

    where: str
    pattern: str | bytes
    flags: int
    methods: frozenset[str]

    @cached_property
    def compiled(self) -> re.Pattern[Any]:
        return re.compile(self.pattern, self.flags)

    def time(self, text: str) -> float:
        """Return the seconds of processor time that a text takes."""
        start = time.process_time()
        self.use(text)
        return time.process_time() - start

    def use(self, text: str) -> None:
        """Use the pattern in each of its ways on a text, to the end."""
        given: Any = text.encode("latin-1", "replace") if isinstance(self.pattern, bytes) else text
        for method in self.methods:
            if method in ("sub", "subn"):
                self.compiled.sub(given[:0], given)
            elif method == "split":
                self.compiled.split(given)
            elif method in ("finditer", "findall"):
                for _ in self.compiled.finditer(given):
                    pass
            else:
                getattr(self.compiled, method)(given)


@cache
def patterns() -> tuple[Used, ...]:
    """Return the patterns of the package, each once for every place that holds it."""
    found: list[Used] = []
    compiled: list[str] = []  # files that have patterns of their own
    used: dict[tuple[str, str], set[str]] = {}  # (file, name), or ("", attribute of anything) → methods called on it
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name in OWN_INPUT or "_rules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import) and "re" in {alias.name for alias in node.names}:
                compiled.append(name)
            elif isinstance(node, ast.Attribute) and node.attr in METHODS:
                owner = node.value
                while isinstance(owner, ast.Subscript):
                    owner = owner.value
                where = "" if isinstance(owner, ast.Attribute) else name
                used.setdefault((where, ast.unparse(owner).rpartition(".")[2]), set()).add(node.attr)
            elif isinstance(node, ast.Call):
                found += _inline(name, node)
    for name in dict.fromkeys(compiled):
        dotted = ".".join(("nl2sql_review", *Path(name).with_suffix("").parts)).removesuffix(".__init__")
        for attribute, value in vars(importlib.import_module(dotted)).items():
            methods = frozenset(used.get((name, attribute), set()) | used.get(("", attribute), set()))
            for one in _within(value):
                found.append(Used(f"{name}: {attribute}", one.pattern, one.flags & ~re.UNICODE, methods or OF_ANY))
    return tuple(found)


def _within(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _within(each)


def _inline(name: str, node: ast.Call) -> Iterator[Used]:
    """Yield the pattern of a call of `re` itself."""
    of = node.func
    if not (isinstance(of, ast.Attribute) and of.attr in METHODS and isinstance(of.value, ast.Name)):
        return
    given = node.args[0] if of.value.id == "re" else None
    text = given.value if isinstance(given, ast.Constant) else _formatted(given)
    if text is not None:
        flags = [k.value for k in node.keywords if k.arg == "flags"]
        flags += [] if of.attr in ("sub", "subn", "split") else node.args[2:3]
        said = sum({getattr(re, word) for flag in flags for word in re.findall(r"re\.(\w+)", ast.unparse(flag))})
        yield Used(f"{name}:{node.lineno}", text, said, frozenset({of.attr}))


def _formatted(node: ast.expr | None) -> str | None:
    """The literal parts of an f-string, a name in place of each value."""
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(part.value if isinstance(part, ast.Constant) else "name" for part in node.values)  # type: ignore[misc]


# What a pattern likes least


@dataclass(frozen=True)
class Shape:
    """A text of any length: something repeated, what comes before it, and what ends it."""

    head: str
    repeated: str
    tail: str

    def text(self, size: int) -> str:
        """Return a text of about `size` characters."""
        return self.head + self.repeated * (size // len(self.repeated)) + self.tail


def shapes(pattern: str, flags: int) -> list[Shape]:
    """Return what a pattern may be made to repeat, alone and after a text that leads there, each once."""
    found = {Shape("", common, "\0") for common in COMMON}
    for before, pumped in _pieces(parser.parse(pattern, flags)):
        for repeated in {pumped, before, before + pumped, pumped + "\n", before + pumped + "\n"} - {""}:
            found |= {Shape("", repeated, "\0"), Shape(before, repeated, "\0")}
    return sorted({shape.text(SHORT): shape for shape in found}.values(), key=str)


def _pieces(parsed: Any, before: str = "") -> list[tuple[str, str]]:
    """(a text that leads there, a text that is repeated) for every repetition, and for the start of the pattern."""
    found = [] if before else [("", _sample(parsed) or "")]
    for op, av in parsed:
        if op in (sre.MAX_REPEAT, sre.MIN_REPEAT) or str(op) == "POSSESSIVE_REPEAT":
            low, high, body = av
            found += _pieces(body, before or " "[:0])
            if high > 8:
                for pumped in _samples(body):
                    found.append((before, pumped))
        elif op is sre.SUBPATTERN:
            found += _pieces(av[-1], before)
        elif op is sre.BRANCH:
            for branch in av[1]:
                found += _pieces(branch, before)
        elif op in (sre.ASSERT, sre.ASSERT_NOT):
            found += _pieces(av[1], before)
        elif str(op) == "ATOMIC_GROUP":
            found += _pieces(av, before)
        before += _sample([(op, av)])
    return [(lead, pumped) for lead, pumped in found if lead or pumped]


COMMON = (*" a0\n\t[({.\\\"'#=:-", "${", "a ", "a.", "# ", "a=", "\r\n", "a\n", " \n")
CANDIDATES = "a0 _\n\t.-/\"'#=:,;()[]{}<>|\\$%&*+?!@^`~AZz9é\x00"


def _samples(parsed: Any) -> list[str]:
    """Texts that a part matches: one of its shortest, and those of one character that differ."""
    found = [_sample(parsed)]
    if len(list(parsed)) == 1:
        op, av = list(parsed)[0]
        if op in (sre.IN, sre.NOT_LITERAL, sre.ANY, sre.LITERAL):
            found += [char for char in CANDIDATES if _takes(op, av, char)][:12]
        elif op is sre.BRANCH:
            found += [_sample(branch) for branch in av[1]]
        elif op is sre.SUBPATTERN:
            found += _samples(av[-1])
    return list(dict.fromkeys(each for each in found if each))


def _sample(parsed: Any) -> str:
    """A text that a part matches, as short as it gets, but with one of what it repeats."""
    text = ""
    for op, av in parsed:
        if op is sre.LITERAL:
            text += chr(av)
        elif op in (sre.IN, sre.NOT_LITERAL, sre.ANY):
            text += next((char for char in CANDIDATES if _takes(op, av, char)), "")
        elif op in (sre.MAX_REPEAT, sre.MIN_REPEAT) or str(op) == "POSSESSIVE_REPEAT":
            text += _sample(av[2]) * max(av[0], 0)
        elif op is sre.SUBPATTERN:
            text += _sample(av[-1])
        elif op is sre.BRANCH:
            text += _sample(av[1][0])
        elif str(op) == "ATOMIC_GROUP":
            text += _sample(av)
    return text


def _takes(op: Any, av: Any, char: str) -> bool:
    if op is sre.LITERAL:
        return char == chr(av)
    if op is sre.ANY:
        return char != "\n"
    if op is sre.NOT_LITERAL:
        return char != chr(av)
    negated, taken = False, False
    for kind, value in av:
        if kind is sre.NEGATE:
            negated = True
        elif kind is sre.LITERAL:
            taken |= char == chr(value)
        elif kind is sre.RANGE:
            taken |= value[0] <= ord(char) <= value[1]
        elif kind is sre.CATEGORY:
            taken |= re.match(CATEGORIES[str(value)], char, re.ASCII) is not None
    return taken != negated


CATEGORIES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s", "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip


def worst(used: Used, count: int = 2) -> list[Shape]:
    """Return the dearest shapes of a text, tried when they are short.

    What is repeated, and after what, decides most: the end is varied for the dearest of them only.
    """
    pattern = used.pattern.decode("latin-1") if isinstance(used.pattern, bytes) else used.pattern

    def taken(shape: Shape) -> float:
        return used.time(shape.text(TRIED))

    dearest = sorted(shapes(pattern, used.flags), key=taken, reverse=True)[:VARIED]
    varied = [replace(shape, tail=tail) for shape in dearest for tail in TAILS]
    return sorted(varied, key=taken, reverse=True)[:count]
