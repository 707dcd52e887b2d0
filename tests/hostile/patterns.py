"""Every regular expression of the package, and for each the texts that it likes least.

Patterns are found in the modules' own names and, as literals, at calls of `re`; how each is used (`match` tries one
place, `search` all of them) is read from the calls. Texts are made from the pattern's own parts: what it repeats, after
what comes before, again and again, and never what would come next.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

try:
    from re import _constants as sre
    from re import _parser as parser
except ImportError:  # Python 3.10
    import sre_constants as sre  # type: ignore[no-redef]
    import sre_parse as parser  # type: ignore[no-redef]

import nl2sql_review
from nl2sql_review.interpret.models.standard import match_cost

PACKAGE = Path(nl2sql_review.__file__).parent
AT_ONE_PLACE = {"match", "fullmatch"}
METHODS = {"search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split"}
SHORT = 60  # characters of a text whose steps are counted
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


def patterns() -> Iterator[Used]:
    """The patterns of the package, each once for every place that holds it."""
    trees = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name not in OWN_INPUT and "_rules" not in path.parts:
            trees[name] = ast.parse(path.read_text(encoding="utf-8"))
    used: dict[tuple[str, str], set[str]] = {}  # attribute or name → methods called on it, anywhere in the package
    for name, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in METHODS:
                owner = node.value
                while isinstance(owner, ast.Subscript):
                    owner = owner.value
                attribute = ast.unparse(owner).rpartition(".")[2]
                where = name if attribute.startswith("_") else ""  # a private one is used where it is
                used.setdefault((where, attribute), set()).add(node.attr)
    for name, tree in trees.items():
        yield from _inline(name, tree)
        if "re" in {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}:
            dotted = ".".join(("nl2sql_review", *Path(name).with_suffix("").parts)).removesuffix(".__init__")
            for attribute, value in vars(importlib.import_module(dotted)).items():
                for found in _within(value):
                    methods = frozenset(
                        used.get((name if attribute.startswith("_") else "", attribute), ())
                    ) or frozenset({"search", "finditer"})
                    yield Used(f"{name}: {attribute}", found.pattern, found.flags & ~re.UNICODE, methods)


def _within(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _within(each)
    elif isinstance(value, (tuple, list)):
        for each in value:
            yield from _within(each)


def _inline(name: str, tree: ast.Module) -> Iterator[Used]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) in {f"re.{method}" for method in METHODS}):
            continue
        method = node.func.attr  # type: ignore[attr-defined]
        given = node.args[0]
        text = given.value if isinstance(given, ast.Constant) else _formatted(given)
        if text is not None:
            flags = [k.value for k in node.keywords if k.arg == "flags"]
            flags += [] if method in ("sub", "subn", "split") else node.args[2:3]
            said = sum({getattr(re, word) for flag in flags for word in re.findall(r"re\.(\w+)", ast.unparse(flag))})
            yield Used(f"{name}:{node.lineno}", text, said, frozenset({method}))


def _formatted(node: ast.expr) -> str | None:
    """The literal parts of an f-string, a name in place of each value."""
    if not isinstance(node, ast.JoinedStr):
        return None
    return "".join(part.value if isinstance(part, ast.Constant) else "name" for part in node.values)  # type: ignore[misc]


# What a pattern likes least


def texts(used: Used, size: int) -> Iterator[str]:
    """Texts of about `size` characters."""
    flags = used.flags
    pieces = _pieces(parser.parse(used.pattern, flags))
    seen = set()
    for before, pumped in pieces:
        for repeated in {pumped, before, before + pumped, pumped + "\n", before + pumped + "\n"} - {""}:
            for head in ("", before):
                for tail in ("", "\0", "\n\0", "!"):
                    text = head + repeated * (size // len(repeated)) + tail
                    if text not in seen:
                        seen.add(text)
                        yield text
    for common in COMMON:
        yield common * (size // len(common)) + "\0"


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


def worst(used: Used, size: int, count: int = 3) -> list[str]:
    """The texts on which a pattern takes the most steps when they are short, as they are when they are long."""
    pattern = used.pattern.decode("latin-1") if isinstance(used.pattern, bytes) else used.pattern
    everywhere = not used.methods <= AT_ONE_PLACE

    def steps(text: str) -> float:
        taken = match_cost.cost(pattern, used.flags, text, everywhere)
        return taken.steps if taken.known else float("inf")

    ordered = sorted(zip(texts(used, SHORT), texts(used, size)), key=lambda pair: steps(pair[0]), reverse=True)
    return [text for _, text in ordered[:count]]
