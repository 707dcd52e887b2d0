"""Launches in YAML and JSON files that describe jobs: SkyPilot, compose, Kubernetes, GitHub, Ray, dvc, VS Code.

A text under `run`, `command` and the like is a shell's; a list under `command`, `entrypoint` or `args` is the words of
one command. Variables and folders that stand beside it or above it (`env`, `working_dir`) hold for it.
"""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ..source import Source, Span
from ..source.command_line import CommandLine
from ..training_plan.values import Default, Known, Place, Unknown, Value
from .launchers import Launchers, within
from .shell import Shell
from .shell_commands import Command, Word, set_in

if TYPE_CHECKING:
    import yaml

Placer = Callable[[int, int], Place]
Folders = Callable[[Command], tuple[str, ...]]
SHELL_KEYS = ("run", "cmd", "cmds", "script", "commands", "command", "entrypoint")
WORD_KEYS = ("entrypoint", "command", "args")  # lists of words, in the order in which they are put together
ENVIRONMENTS = ("env", "envs", "environment")
WORKING = ("working-directory", "working_directory", "working_dir", "workingDir", "cwd")
JOB = re.compile(  # a key of one
    rb"""(?:^|[{,])[ \t]*(?:-[ \t]+)?["']?(?:run|cmds?|script|commands?|entrypoint|args|program|module)["']?[ \t]*:""",
    re.MULTILINE,
)
REMARK = re.compile(r"^[ \t]*//[^\n]*", re.MULTILINE)  # in VS Code's launch.json
FILLED = "is filled in where the job is started"


def of_yaml(source: Source, placer: Callable[..., Placer], folders: Folders) -> list[CommandLine]:
    """Return the launches in a YAML or JSON file that describes jobs; [] if it is none, or is malformed."""
    import yaml

    if not JOB.search(source.text.encode("utf-8", "replace")):
        return []
    text = REMARK.sub(lambda found: " " * len(found[0]), source.text) if source.path.endswith(".json") else source.text
    try:
        documents = list(yaml.compose_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    job = Job(source, placer, folders)
    return [line for node in documents if node is not None for line in job.of(node, dict(job.given), "")]


class Job:
    """A file that describes jobs."""

    def __init__(self, source: Source, placer: Callable[..., Placer], folders: Folders) -> None:
        self._source, self._placer, self._folders = source, placer, folders
        text = source.text
        asked = re.search(r"^[ \t]+accelerators\s*:\s*[\"'{]*([\w-]+)\s*(?::\s*(\d+))?", text, re.MULTILINE)
        nodes = re.search(r"^num_nodes\s*:\s*(\d+)", text, re.MULTILINE)
        self._cards = Known(int(asked[2] or 1)) if asked else None
        self.given: dict[str, Value] = {}
        if asked:  # SkyPilot's
            self.given["SKYPILOT_NUM_NODES"] = Known(nodes[1] if nodes else "1")
            self.given["SKYPILOT_NUM_GPUS_PER_NODE"] = Known(asked[2] or "1")

    def of(self, node: yaml.Node, environment: dict[str, Value], folder: str) -> Iterator[CommandLine]:
        """Yield the launches in a node, in whose place these variables and this folder hold."""
        import yaml

        if isinstance(node, yaml.SequenceNode):
            for inner in node.value:
                yield from self.of(inner, environment, folder)
        if not isinstance(node, yaml.MappingNode):
            return
        entries = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
        for name in ENVIRONMENTS:
            if name in entries:
                environment = {**environment, **_variables(name, entries[name])}
        folder = next((_text(entries[name]) for name in WORKING if name in entries), folder)
        words = _debugged(entries) or [w for name in WORD_KEYS if name in entries for w in _words(entries[name])]
        if words:
            yield from self._of_words(words, environment, folder)
        for name, value in entries.items():
            if name in SHELL_KEYS and not _words(value):
                for text in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(text, yaml.ScalarNode):
                        yield from self._of_text(text, environment, folder)
            yield from self.of(value, environment, folder)

    def _of_text(self, node: yaml.ScalarNode, environment: dict[str, Value], folder: str) -> Iterator[CommandLine]:
        text, place = self._placed(node)
        launchers = self._launchers(text, place)
        shell = Shell({name: [value] for name, value in environment.items()}, folder=folder)
        yield from launchers.of(set_in(shell.commands(text), environment))

    def _of_words(
        self, nodes: list[yaml.ScalarNode], environment: dict[str, Value], folder: str
    ) -> Iterator[CommandLine]:
        """Yield the launch by the words of one command, each a node."""
        text, words = "", []
        for node in nodes:
            quoted = shlex.quote(node.value)
            value: Value = Known(node.value)
            if "$" in node.value:
                ends = node.value.partition("$")[0], node.value.rpartition("}")[2]
                value = Unknown(f"{node.value} {FILLED}", parts=ends)
            words.append(Word(value, len(text), len(text) + len(quoted)))
            text += quoted + " "

        def place(start: int, end: int) -> Place:
            inside = [node for node, word in zip(nodes, words) if word.start < end and start < word.end]
            return Place(self._source, _span(inside[0], inside[-1]))

        if words:
            command = Command(words, 0, len(text) - 1, folder=folder)
            yield from self._launchers(text, place).of(set_in(iter([command]), environment))

    def _launchers(self, text: str, place: Placer) -> Launchers:
        return Launchers(text, place, self._folders, cards=self._cards, placeholders=FILLED)

    def _placed(self, node: yaml.ScalarNode) -> tuple[str, Placer]:
        """Return the text of a node as a shell gets it, and the places of its parts."""
        start, end = node.start_mark, node.end_mark
        written = self._source.text[start.index : end.index]
        if node.style in ("|", ">"):
            body = written.partition("\n")[2]
            inner = textwrap.dedent(body)
            first = next((row for row in body.split("\n") if row.strip()), "")
            place = self._placer(self._source, inner, start.line + 2, len(first) - len(first.lstrip()))
            return inner if node.style == "|" else inner.replace("\n", " "), place
        if node.value in written and "\n" not in written:
            indent = start.column + written.index(node.value)
            return node.value, self._placer(self._source, node.value, start.line + 1, indent)
        whole = Place(self._source, _span(node, node))
        return node.value, within(whole)


def _words(node: yaml.Node) -> list[yaml.ScalarNode]:
    """Return the nodes of a list of words; [] for a text, and for a list of texts that are commands each."""
    import yaml

    if not isinstance(node, yaml.SequenceNode) or not all(isinstance(one, yaml.ScalarNode) for one in node.value):
        return []
    return [] if node.value and " " in node.value[0].value.strip() else node.value


def _debugged(entries: dict[str, yaml.Node]) -> list[yaml.ScalarNode]:
    """Return the words of one of VS Code's configurations to start a script: `program` or `module`, and `args`."""
    import yaml

    program = entries.get("program") or entries.get("module")
    kind = _text(entries["type"]) if "type" in entries else ""
    if kind not in ("python", "debugpy") or not isinstance(program, yaml.ScalarNode):
        return []
    before = ["python"] if "program" in entries else ["python", "-m"]
    made = [yaml.ScalarNode(program.tag, word, program.start_mark, program.end_mark) for word in before]
    return [*made, program, *_words(entries["args"])] if "args" in entries else [*made, program]


def _variables(name: str, node: yaml.Node) -> dict[str, Value]:
    """Return the variables of a mapping, or of a list of `NAME=value` or of `name` and `value`."""
    import yaml

    made: dict[str, Any] = {}
    if isinstance(node, yaml.MappingNode):
        made = {_text(key): _text(value) for key, value in node.value}
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            if isinstance(one, yaml.MappingNode):
                said = {_text(key): _text(value) for key, value in one.value}
                made[said.get("name", "")] = said.get("value", "")
            elif "=" in _text(one):
                key, _, given = _text(one).partition("=")
                made[key] = given
    return {key: _variable(name, key, value) for key, value in made.items() if key}


def _variable(group: str, name: str, text: str) -> Value:
    if not text or "$" in text or "{{" in text:
        return Unknown(f"${name} {FILLED}")
    return Default(text, f"--env {name}") if group == "envs" else Known(text)


def _text(node: yaml.Node) -> str:
    import yaml

    return node.value if isinstance(node, yaml.ScalarNode) else ""


def _span(first: yaml.Node, last: yaml.Node) -> Span:
    start, end = first.start_mark, last.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)
