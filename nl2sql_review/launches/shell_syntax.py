"""Structure of a shell script: its commands within branches, loops and functions.

A text that is no shell script, or nests too deeply, still gives its commands, one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Union

from .shell_parts import ASSIGNED, POSITION, Hole, Raw, Simple, Variable, literal
from .shell_words import Reader

DEEPEST = 24  # structures within structures
DECLARES = ("export", "local", "readonly", "declare", "typeset")


@dataclass
class Branch:
    """`if` and `case`: the arms, of which at most one runs. Each has a head: the condition, or nothing."""

    arms: list[tuple[Block, Block]]
    complete: bool = False  # one of them certainly runs: there is an `else`, or a pattern `*`
    subject: Union[Raw, None] = None  # of `case`, and the patterns of its arms; "" for one that is no text
    patterns: list[list[str]] = field(default_factory=list)


@dataclass
class Loop:
    """`for`, `while`, `until`, `select`; a `for` has the words behind it, any other a condition."""

    words: list[Raw]
    head: Block
    body: Block


@dataclass
class Function:
    """`name() { … }`."""

    name: str
    body: Block


@dataclass
class Group:
    """`{ … }`, or `( … )` whose variables are its own."""

    body: Block
    own: bool


Node = Union[Simple, Branch, Loop, Function, Group]


@dataclass
class Step:
    """A node, and the operator before it: `&&`, `||`, `|`, or "" for one that runs in any case."""

    before: str
    node: Node
    negated: bool = False  # `! command`


Block = list[Step]


def block_of(text: str) -> Block:
    """Return the structure of a text."""
    return Parser(list(Reader(text).commands())).block(())


@dataclass
class Parser:
    """Reader of the structure among simple commands, which it takes from the front."""

    commands: list[Simple]
    at: int = 0
    depth: int = 0
    before: str = ""  # the operator before the present command
    _started: dict[str, Callable[[Simple], Union[Node, None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._started = {
            "if": self._if,
            "case": self._case,
            "while": self._loop,
            "until": self._loop,
            "for": self._loop,
            "select": self._loop,
            "function": self._named_function,
            "{": self._group,
        }

    def block(self, until: tuple[str, ...]) -> Block:
        """Return the steps before the first of some words, which is left at the front."""
        made: Block = []
        negated = False
        while self.at < len(self.commands):
            command, before = self.commands[self.at], self.before
            word = _keyword(command)
            if word in until or not command.words and command.after in until:
                break
            if word in ("then", "do", "else", "elif", "fi", "done", "esac", "}", "!", "time"):  # where none belongs
                self._drop()
                self.before, negated = before, word == "!"
                continue
            node = self._node(command, word)
            if node is not None:
                made.append(Step(before if before in ("&&", "||", "|") else "", node, negated))
            negated = False
            if self.before in until:
                break
        return made

    def _node(self, command: Simple, word: str) -> Node | None:
        if self.depth < DEEPEST:
            self.depth += 1
            try:
                if word in self._started:
                    return self._started[word](command)
                if command.after == "(" and len(command.words) == 1 and self._is_function():
                    return self._function(literal(command.words[0]), 2)
                if command.after == "(" and not command.words:
                    return self._subshell()
            finally:
                self.depth -= 1
        elif word in self._started:
            self._drop()
            return None
        self._take()
        return command if command.words else None

    def _take(self) -> None:
        """Pass over the present command."""
        self.before = self.commands[self.at].after
        self.at += 1

    def _drop(self) -> None:
        """Pass over the first word of the present command."""
        command = self.commands[self.at]
        if len(command.words) > 1:
            self.commands[self.at] = Simple(command.words[1:], command.after, command.documents)
            self.before = ""
        else:
            self._take()

    def _is_next(self, *words: str) -> bool:
        return self.at < len(self.commands) and _keyword(self.commands[self.at]) in words

    def _skip(self, word: str) -> None:
        if self._is_next(word):
            self._drop()

    def _if(self, command: Simple) -> Node:
        arms: list[tuple[Block, Block]] = []
        complete = False
        self._drop()
        while True:
            head = self.block(("then", "else", "fi")) if not complete else []
            self._skip("then")
            arms.append((head, self.block(("elif", "else", "fi"))))
            if not self._is_next("elif", "else") or complete:
                break
            complete = self._is_next("else")
            self._drop()
        self._skip("fi")
        return Branch(arms, complete)

    def _case(self, command: Simple) -> Node:
        arms: list[tuple[Block, Block]] = []
        pattern = Simple(command.words[3:], command.after) if command.words[3:] else None
        patterns: list[list[str]] = []
        self._take()
        while self._left() and not self._is_next("esac"):
            patterns.append(self._pattern(pattern))
            pattern = None
            arms.append(([], self.block((";;", ";&", ";;&", "esac"))))
            while self._left() and not self.commands[self.at].words and self.commands[self.at].after[0] == ";":
                self._take()
        self._skip("esac")
        complete = any("*" in one for one in patterns)
        return Branch(arms, complete, command.words[1] if len(command.words) > 1 else None, patterns)

    def _pattern(self, first: Simple | None) -> list[str]:
        """Pass over the patterns of an arm, of which the first word may be read, and return them."""
        made: list[str] = []
        while first is not None or self._left():
            command = first or self.commands[self.at]
            if first is None:
                self._take()
            first = None
            made += map(literal, command.words)
            if command.after not in ("(", "|"):
                break
        self.before = ""
        return made

    def _loop(self, command: Simple) -> Node:
        words, head = command.words[1:], []
        if literal(command.words[0]) in ("for", "select"):
            self._take()
        else:
            words = []
            self._drop()
            head = self.block(("do", "done"))
        self._skip("do")
        closing = "}" if self._is_next("{") else "done"
        self._skip("{")
        body = self.block((closing,))
        self._skip(closing)
        return Loop(words, head, body)

    def _is_function(self) -> bool:
        following = self.commands[self.at + 1] if self.at + 1 < len(self.commands) else None
        return following is not None and not following.words and following.after == ")"

    def _named_function(self, command: Simple) -> Node | None:
        name = literal(command.words[1]) if len(command.words) > 1 else ""
        if command.after == "(" and self._is_function():
            return self._function(name, 2)
        rest = command.words[2:]
        if rest:
            self.commands[self.at] = Simple(rest, command.after, command.documents)
            return self._function(name, 0)
        return self._function(name, 1)

    def _function(self, name: str, header: int) -> Node:
        """Return a function, of which the header takes so many commands."""
        self.at += header
        self.before = ""
        return Function(name, self._body())

    def _body(self) -> Block:
        if self._is_next("{"):
            self._drop()
            body = self.block(("}",))
            self._skip("}")
            return body
        made = self._node(self.commands[self.at], _keyword(self.commands[self.at])) if self._left() else None
        return [Step("", made)] if made is not None else []

    def _left(self) -> bool:
        return self.at < len(self.commands)

    def _group(self, command: Simple) -> Node:
        return Group(self._body(), own=False)

    def _subshell(self) -> Node:
        self._take()
        self.before = ""
        body = self.block((")",))
        if self._left() and self.before != ")":
            self._take()
        self.before = ""
        return Group(body, own=True)


def _keyword(command: Simple) -> str:
    """Return the first word of a command, if it may be a keyword."""
    return literal(command.words[0]) if command.words and command.words[0].bare else ""


def simple_in(block: Block) -> Iterator[Simple]:
    """Yield the simple commands of a block, and of what is in it."""
    for step in block:
        node = step.node
        if isinstance(node, Simple):
            yield node
        elif isinstance(node, Branch):
            for head, body in node.arms:
                yield from simple_in(head)
                yield from simple_in(body)
        elif isinstance(node, Loop):
            yield from simple_in(node.head)
            yield from simple_in(node.body)
        else:
            yield from simple_in(node.body)


def reads_options(command: Simple) -> bool:
    """Return whether a condition asks for the caller's words."""
    parts = [part for word in command.words for part in word.parts]
    asked = any(isinstance(part, Variable) and POSITION.fullmatch(part.name) for part in parts)
    counted = any(isinstance(part, Hole) and part.why.startswith("$#") for part in parts)
    return asked or counted or literal(command.words[0]) == "getopts"


def assigned_in(loop: Loop) -> set[str]:
    """Return the names of the variables that a loop sets, with a `+` of those that it only adds to."""
    made: set[str] = set()
    for command in simple_in([*loop.head, *loop.body]):
        words = command.words[1:] if literal(command.words[0]) in DECLARES else command.words
        for word in words:
            first = word.parts[0] if word.parts else None
            found = ASSIGNED.match(first) if isinstance(first, str) else None
            if found is None:
                break
            own = word.parts[1:2] and word.parts[1]
            itself = isinstance(own, Variable) and own.name == found[1] and found.end() == len(found.string)
            made.add(f"{found[1]}+" if found[2] == "+=" or itself else found[1])
    return {name for name in made if name[-1] != "+" or name[:-1] not in made}
