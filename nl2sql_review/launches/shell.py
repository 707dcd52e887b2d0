"""Commands of a shell script, each word with its value and place, without running anything.

Quotes, continuations, comments, here-documents, variables, arrays, defaults (`${LR:-1e-4}`), branches, functions and
loops over listed words are followed; the output of a command, the environment and the caller's arguments become
unknown values with a reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace

from ..training_plan.values import Default, Known, Unknown, Value
from .shell_commands import Command, Word
from .shell_parts import POSITION, Hole, Raw, Simple, Variable, literal
from .shell_syntax import DECLARES, Block, Branch, Function, Loop, Node, assigned_in, block_of, reads_options, simple_in
from .shell_tests import TESTS, Tests, empties, excerpt
from .shell_values import MOST_OPTIONS, either
from .shell_variables import open_part

MOST_CALLS = 6  # functions within functions
MOST_SOURCED = 2  # files within files
LEAVES = ("exit", "return", "continue", "break")
SETS = ("read", "getopts", "printf", "mapfile", "readarray", "let", "unset")  # variables that they name


class Shell(Tests):
    """Commands of a script as they would run."""

    def __init__(
        self,
        variables: dict[str, list[Value]] | None = None,
        unset: Callable[[str], str] | None = None,
        folder: str = "",
        file: str = "",
        read: Callable[[str], str] | None = None,
    ) -> None:
        super().__init__(variables, unset, folder, file)
        self._read = read or (lambda path: "")  # the text of a file that is read into the script
        self._functions: dict[str, Block] = {}
        self._called: list[str] = []  # functions, the present one last
        self._met: set[str] = set()  # functions that were called
        self._locals: list[dict[str, list[Value] | None]] = []  # of the functions: what their variables hide
        self._turns: list[str] = []
        self._times = 1  # how often the present commands are followed
        self._left = ""  # how the present block is left: `exit`, `return`, …
        self._text = ""

    def commands(self, text: str) -> Iterator[Command]:
        """Yield the commands of a text in their order, with the variables at that point."""
        self._text = text
        yield from self._run(block_of(text))
        self._left = ""
        for name, body in list(self._functions.items()):
            if name not in self._met:  # another file may call it
                self._met.add(name)
                self._forget_positions()
                yield from self._within(name, body)

    def within(self, text: str) -> Iterator[Command]:
        """Yield the commands of a text of this script that another shell gets: `bash -c "$LAUNCHER train.py"`."""
        inner = copy(self)
        inner._restore(self._state())
        inner._functions, inner._left = {}, ""
        yield from inner.commands(text)

    # -- structure -----------------------------------------------------------------------------------------------

    def _run(self, block: Block) -> Iterator[Command]:
        tested, test = "", block[:0]  # the condition before `&&`, and the one test before this step
        for step in block:
            if self._budget <= 0:
                return
            before = self._state() if step.before else None
            yield from self._node(step.node)
            if before is not None and step.before == "|":
                self._restore(before)
            elif before is not None and (step.before == "||" or tested):
                self._join([before] if self._left else [self._state(), before], tested or "||")
                self._given(empties(test, step.before) if self._left else [])
                self._left = ""
            if self._left:
                return
            is_test = isinstance(step.node, Simple) and literal(step.node.words[0]) in TESTS
            if is_test or step.before not in ("&&", "||"):
                tested = excerpt(self._text, step.node) if is_test else ""
            test = [] if step.before in ("&&", "||") else [step]

    def _node(self, node: Node) -> Iterator[Command]:
        self._budget -= 1
        if isinstance(node, Simple):
            yield from self._simple(node)
        elif isinstance(node, Branch):
            yield from self._branch(node)
        elif isinstance(node, Loop):
            yield from self._for(node) if node.words else self._while(node)
        elif isinstance(node, Function):
            self._functions[node.name] = node.body
        elif node.own:
            before = self._state()
            yield from self._run(node.body)
            self._restore(before)
            self._left = ""
        else:
            yield from self._run(node.body)

    def _branch(self, node: Branch) -> Iterator[Command]:
        """Follow every arm from the same state, and join what they make of it."""
        before, made, left, leaves = self._state(), [], "", True
        for number, (head, body) in enumerate(node.arms):
            self._restore(before)
            yield from self._run(head)
            self._left = ""
            supposed = self._suppose(node, number)
            yield from self._run(body)
            self._forget_supposed(supposed, before)
            if not self._left:
                made.append(self._state())
            leaves = leaves and bool(self._left)
            before = self._behind(head, before) if leaves else before
            left, self._left = left or self._left, ""
        if not node.complete:
            made.append(before)
        if made:
            head = node.arms[0][0] if node.arms else []
            self._join(made, f"if {excerpt(self._text, head[0].node)}" if head else "case")
        else:
            self._restore(before)
            self._left = left

    def _for(self, node: Loop) -> Iterator[Command]:
        """Follow the body once for each word, or with any one of them if there are many."""
        name, scratch = literal(node.words[0]), Command([], 0, 0)
        first = node.words[0].parts[0] if node.words[0].parts else ""
        if isinstance(first, Hole):  # `for ((i = 0; …))`
            self._count(first.sum)
            yield from self._repeated(node)
            return
        listed = node.words[2:] if len(node.words) > 1 else [Raw([Variable("@", whole=True)], 0, 0)]
        values = [word.value for one in listed for word in self.expanded(one, scratch)]
        known = all(isinstance(value, Known) for value in values) and not scratch.more and bool(name)
        if known and self._times * len(values) <= MOST_OPTIONS:
            yield from self._turns_of(node, name, values)
            return
        why = f"${name} is a loop variable"
        self._assign(
            name, either(values, f"for {name} in …") if known and len(values) <= MOST_OPTIONS else Unknown(why)
        )
        yield from self._repeated(node)

    def _turns_of(self, node: Loop, name: str, values: list[Value]) -> Iterator[Command]:
        self._times *= max(len(values), 1)
        for value in values:
            self._assign(name, value)
            if len(values) > 1:
                self._turns.append(f"{name}={value.value}" if isinstance(value, Known) else name)
            yield from self._run(node.body)
            if len(values) > 1:
                self._turns.pop()
            left, self._left = self._left, ""
            if left in ("exit", "return"):
                self._left = left
            if left not in ("", "continue"):
                break
        self._times //= max(len(values), 1)

    def _while(self, node: Loop) -> Iterator[Command]:
        reads = any(reads_options(one) for one in simple_in(node.head))
        if not reads or "@" in self.variables:
            yield from self._repeated(node)
            return
        before = self._state()  # as it stays if the caller gives no options
        names = assigned_in(node)
        yield from self._repeated(node)
        self._restore(before)
        for name in names & set(self.variables):
            values = [Default(v.value, '"$@"') if isinstance(v, Known) else v for v in self.variables[name]]
            self.variables[name] = values
            self._texts.pop(name, None)

    def _repeated(self, node: Loop) -> Iterator[Command]:
        """Follow the body once, for any of its turns."""
        for name in assigned_in(node):
            self._doubt(name, f"${name} is set in a loop")
        yield from self._run([*node.head, *node.body])
        for name in assigned_in(node):
            self._doubt(name, f"${name} is set in a loop")
        self._left = ""

    def _call(self, name: str, body: Block, command: Command, open_: bool) -> Iterator[Command]:
        """Follow a function with the words that it is called with; `open_`: there may be others before the last."""
        words = command.words[1:]
        before = {key: values for key, values in self.variables.items() if POSITION.fullmatch(key)}
        more = self._more.get("@", "")
        self._forget_positions()
        if not open_:
            self._give([word.value for word in words])
            self._more["@"] = command.more
        turn = " ".join([name, *(word.text or "…" for word in words)])
        self._met.add(name)
        self._turns.append(turn if len(turn) <= 80 else f"{turn[:79]}…")
        yield from self._within(name, body)
        self._turns.pop()
        self._forget_positions()
        self.variables |= before
        self._more["@"] = more

    def _within(self, name: str, body: Block) -> Iterator[Command]:
        self._called.append(name)
        self._locals.append({})
        yield from self._run(body)
        self._called.pop()
        for local, values in self._locals.pop().items():
            self._assign(local, Unknown(""))
            if values is None:
                del self.variables[local]
            else:
                self.variables[local] = values
        self._left = "exit" if self._left == "exit" else ""

    # -- simple commands -----------------------------------------------------------------------------------------

    def _simple(self, node: Simple) -> Iterator[Command]:
        command = self._command(node)
        if command is None:
            return
        name = command.words[0].text
        if name in self._functions and name not in self._called and len(self._called) < MOST_CALLS:
            scratch = Command([], 0, 0)
            for one in node.words[:-1]:
                self.expanded(one, scratch)
            yield from self._call(name, self._functions[name], command, bool(scratch.more or scratch.loose))
        elif name == "eval" and not command.more and all(isinstance(word.value, Known) for word in command.words):
            yield from self._evaluated(command)
        elif name in ("source", ".") and len(command.words) > 1:
            self._sourced(command.words[1])
        elif name in LEAVES:
            self._left = name
        else:
            yield command

    def _command(self, node: Simple) -> Command | None:
        """Return a simple command that is not one of the shell's own, or leaves the block or calls a function."""
        raw, start = list(node.words), node.words[0].start
        first = literal(raw[0])
        sums = raw[0].parts[0] if raw[0].parts else None
        if isinstance(sums, Hole) and sums.sum and not raw[0].bare:  # `((…))`
            self._count(sums.sum)
            return None
        if first in SETS or first in ("shift", "set"):
            self._builtin(first, raw[1:])
            if first != "printf":
                return None
        declares = first in DECLARES
        if declares or first == "env" and not literal(raw[1] if raw[1:] else raw[0]).startswith("-"):
            raw.pop(0)
        if raw and literal(raw[0]) == "eval":
            raw = [replace(one, parts=[open_part(part) for part in one.parts]) for one in raw]
        before: dict[str, list[Value]] = {}
        while raw and (assigned := self._assignment(raw[0])) is not None:
            before[assigned[0]] = assigned[1]
            raw.pop(0)
        plain = {name: values[0] for name, values in before.items() if len(values) == 1}
        if declares or not raw:
            if declares and first not in ("export", "readonly") and self._locals:
                for name in before:
                    self._locals[-1].setdefault(name, self.variables.get(name))
            self._set(before)
            if first == "export":
                names = {*plain, *(name for one in raw if (name := literal(one)) in self.variables)}
                self._exported.update({name: self.variables[name][0] for name in names if self.variables[name]})
            return None
        made = Command([], start, raw[-1].end, {**self._exported, **plain}, turn=", ".join(self._turns))
        for one in raw:
            made.words += self.expanded(one, made)
        if made.words and made.words[0].text in ("cd", "pushd") and len(made.words) > 1:
            self._change(made.words[1])
            return None
        made.folder, made.in_own_folder, made.within = self._folder, self._own_folder, self.within
        made.documents = tuple(node.documents)
        return made if made.words else None

    def _builtin(self, name: str, raw: list[Raw]) -> None:
        """Follow a command of the shell that sets variables or the caller's words."""
        words = [word for one in raw for word in self.expanded(one, Command([], 0, 0))]
        if name == "shift":
            given = self.variables.get("@")
            by = int(words[0].text) if words and re.fullmatch(r"\d{1,4}", words[0].text) else 1
            self._forget_positions()
            if given is not None and (not words or words[0].text):
                self._give(given[by:])
        elif name == "set" and words and words[0].text == "--":
            self._forget_positions()
            if all(isinstance(word.value, Known) for word in words):
                self._give([word.value for word in words[1:]])
        elif name == "set":
            return
        elif name == "unset":
            for word in words:
                self._assign(word.text, Known(""))
                self._exported.pop(word.text, None)
        elif name == "printf":
            if len(words) > 1 and words[0].text == "-v":
                self._assign(words[1].text, Unknown(f"${words[1].text} is made by printf"))
        elif name == "let":
            for word in words:
                self._count(word.text)
        else:
            for word in words[1:] if name == "getopts" else words:
                if re.fullmatch(r"[A-Za-z_]\w*", word.text):
                    self._assign(word.text, Unknown(f"${word.text} is read in the run"))
                    if name in ("mapfile", "readarray"):
                        self._more[word.text] = f"${word.text} is read in the run"

    def _evaluated(self, command: Command) -> Iterator[Command]:
        """Yield the commands of the text that `eval` gets, all at the place of the command."""
        text, before = " ".join(word.text for word in command.words[1:]), self._text
        self._called.append("eval")
        self._text = text
        if self._called.count("eval") <= 2:
            for one in self._run(block_of(text)):
                words = [replace(word, start=command.start, end=command.end) for word in one.words]
                yield replace(one, words=words, start=command.start, end=command.end, documents=())
        self._text = before
        self._called.pop()

    def _sourced(self, word: Word) -> None:
        """Follow a file that is read into the script, for the variables and functions that it sets."""
        text = self._read(word.text) if word.text and self._called.count("source") < MOST_SOURCED else ""
        self._called.append("source")
        before, self._text = self._text, text
        for _ in self._run(block_of(text)):
            pass
        self._text = before
        self._called.pop()

    def _change(self, word: Word) -> None:
        if any(word.text == path or word.text.startswith(f"{path}/") for path in self._paths):
            self._folder = os.path.abspath(word.text)
        elif word.text and not word.tail:
            self._folder = (
                f"{self._folder}/{word.text}" if self._folder and not word.text.startswith("/") else word.text
            )
        else:
            self._folder, self._own_folder = word.tail.lstrip("/"), True
