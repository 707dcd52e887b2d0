"""Finds where and how the trained model is prompted: in the script, in scripts beside it, in `serve` files.

A script beside it counts if it names a directory that the training saves to, and prompts the model from
there. A file that the settings name (`serve`) always counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Iterable, Iterator, NamedTuple

from ...files import disk
from ...interpret.core.recording import Call
from ...training_plan.values import Default, Known, Place, Term, Unknown, Value
from ..derive import contents
from ..object_settings import last, objects
from ..run import Run, call_of
from ..spelling import spelt
from .saved import destinations, saves

TOKENIZER = "transformers.PreTrainedTokenizer"
GENERATE = "transformers.PreTrainedModel.generate"
SERVES = re.compile(r"\bLLM\(|\.generate\(|\bpipeline\(|completions")
MAX_FILES, MAX_BYTES = 20, 200_000
MAX_STEPS_BACK = 12  # calls that made the model, one of the other
MAX_STEPS = 20_000  # of the interpretation of one script that asks


@dataclass(slots=True)
class Side:
    """A program that prompts the model: `name` is empty for the training script itself.

    `training` is the run that trained, `run` the same with the calls of this program in place of its own.
    """

    training: Run
    run: Run
    name: str = ""
    named: bool = False  # in the settings: whatever it asks is asked of this model
    start: int = -1  # calls before this one belong to the training
    names: list[str] = field(default_factory=list)  # what the training saves to

    def where(self, place: Place) -> str:
        """Return `generate.py:12`, for a sentence about the training script."""
        place.source.locate([place.node])
        return f"{self.name}:{place.source.span(place.node).row}"


@dataclass(slots=True)
class Question:
    """One place that prompts the model: the text or messages that are passed, and the call that tokenizes them."""

    side: Side
    given: Value
    call: Call
    chat: bool = False  # a chat template is put around it
    tokenized: Call | None = None  # by the tokenizer, where the script calls that itself
    new_tokens: Value | None = None  # how many the answer may have

    @property
    def place(self) -> Place:
        """The call that takes the text: the tokenizer's, else the one that prompts the model."""
        return (self.tokenized or self.call).place


# -- which programs --------------------------------------------------------------------------------------------------


class Served(NamedTuple):
    """A file that may serve the model; `named`: by the settings."""

    path: Path
    text: str
    named: bool


def sides(run: Run, served: Iterable[Served]) -> Iterator[Side]:
    """Yield the training script itself, then every script among the files that serves its saved model."""
    start = min((c.order for c in run.train), default=-1)
    names = saved_names(run)
    yield Side(run, run, start=start, names=names)
    for one in served:
        if one.path.suffix == ".py" and (one.named or SERVES.search(one.text)):
            asking = read(run, one.path, one.text)
            if asking is not None:
                yield Side(run, asking, one.path.name, one.named, names=names)


def files(run: Run) -> list[Served]:
    """Return the files that may serve the model: those in the settings, and those beside the script naming a save."""
    project = run.recording.project
    if project is None or project.root is None or project.script is None:
        return []
    script, names = project.script, saved_names(run)
    root = getattr(run.settings, "root", "") or project.root
    named = [Path(root, each) for each in getattr(run.settings, "served", ())]
    listing = sorted(disk.names(script.parent)) if names else []
    found = [n for n in listing if n.endswith(".py") or n.lower().startswith("modelfile")][:MAX_FILES]
    beside = [path for name in found if (path := script.parent / name) not in named]
    made = []
    for path in (*named, *beside):
        data = project.read(path) if path != script else None
        if data is not None and len(data) <= MAX_BYTES:
            text, by_settings = data.decode("utf-8", "replace"), path in named
            if by_settings or any(re.search(rf"[\"'/\s]{re.escape(n)}[\"'/\s]", text) for n in names):
                made.append(Served(path, text, by_settings))
    return made


def saved_names(run: Run) -> list[str]:
    """Return the destinations of the training, except names so short that they occur anywhere."""
    return [name for name in destinations(run) if len(name) > 2]


def read(run: Run, path: Path, text: str) -> Run | None:
    """Return the training run with the calls of another script in place of its own, or None if that is not Python."""
    from ...interpret.program import interpret
    from ...source import Source, SourceError

    source = Source(str(path), text)
    try:
        recording = interpret(source, run.recording.project.root, MAX_STEPS)
    except SourceError:
        return None
    recording.project = run.recording.project
    return replace(run, recording=recording, source=source)


# -- what they ask ---------------------------------------------------------------------------------------------------


def questions(side: Side) -> Iterator[Question]:
    """Yield every place where a program prompts the trained model, each place in the code once."""
    run = side.run
    seen: set[int] = set()
    makers = [c for c in run.calls if c.order > side.start and tokenizes(c)]
    for call in run.calls:
        if call.order <= side.start:
            continue
        for question in asked(side, call, makers):
            node = id((question.tokenized or call).place.node)
            if node not in seen and (side.named or not side.name and call.callee == GENERATE or ours(side, call)):
                seen.add(node)
                question.given = single(question.given)
                yield question


def tokenizes(call: Call) -> bool:
    return call.callee.startswith(f"{TOKENIZER}.") and last(call.callee) in (
        "__call__",
        "apply_chat_template",
        "encode",
    )


def asked(side: Side, call: Call, makers: list[Call]) -> Iterator[Question]:
    name = last(call.callee)
    if call.callee == GENERATE:
        before = [c for c in makers if c.order < call.order and c.function == call.function]
        if before:
            maker = before[-1]
            given = maker.get("text", "conversation", "$0")
            chat = last(maker.callee) == "apply_chat_template" or templated(given)
            yield Question(side, given, call, chat, maker, call.get("max_new_tokens"))
    elif call.callee.startswith("vllm.LLM(") and name in ("generate", "chat"):
        given = call.get("prompts", "messages", "$0")
        yield Question(side, given, call, name == "chat" or templated(given))
    elif call.callee.startswith("transformers.pipeline(") and name == "__call__":
        given = call.get("text_inputs", "$0")
        yield Question(side, given, call, messages(given) or templated(given))
    elif call.callee.endswith(".chat.completions.create"):
        yield Question(side, call.get("messages"), call, True)
    elif call.callee.endswith(".completions.create"):
        yield Question(side, call.get("prompt"), call, templated(call.get("prompt")))


def single(value: Value) -> Value:
    """Return the text of a list with one text, as a tokenizer is given it; otherwise the value itself."""
    inside = contents(value)
    if not isinstance(inside, (list, tuple)) or len(inside) != 1 or messages(value):
        return value
    return inside[0] if hasattr(inside[0], "trace") else Known(inside[0], value.trace)


def templated(value: Value) -> bool:
    if isinstance(value, Unknown) and isinstance(value.parts, list):
        return bool(value.parts) and all(templated(p) for p in value.parts)
    if isinstance(value, (Known, Default)) and isinstance(value.value, (list, tuple)):
        return bool(value.value) and all(isinstance(v, Term) and templated(v) for v in value.value)
    return isinstance(value, Term) and "apply_chat_template" in value.text


def messages(value: Value) -> bool:
    """Return whether a value is a list of turns instead of a text."""
    inside = contents(value)
    first = inside[0] if isinstance(inside, (list, tuple)) and inside else None
    first = contents(first)
    return isinstance(first, dict) and bool({"role", "from"} & set(first))


def ours(side: Side, call: Call) -> bool:
    """Return whether a call prompts the trained model, judged by its object or the directory that it comes from."""
    trained = [c for c in (side.run.load.call, side.run.adapter_call) if c is not None and not side.name]
    waiting, seen = [call], 0
    while waiting and seen < MAX_STEPS_BACK:
        made, seen = waiting.pop(), seen + 1
        if any(made is c for c in trained) or mentions(made, side.names):
            return True
        for thing in (made.receiver, *objects(made.get("model", "base_model", "$0"))):
            one = call_of(thing) if thing is not None else None
            if one is not None and one is not made:
                waiting.append(one)
    return False


def mentions(call: Call, names: list[str]) -> bool:
    text = " ".join([call.callee, *(spelt(v) for v in call.arguments.values())])
    return any(re.search(rf"[\"'/]{re.escape(n)}/?[\"']", text) for n in names)


def saved_at(run: Run) -> Call | None:
    """Return the last save after training: the place in the training script for findings about serving."""
    done = saves(run)
    return done[-1] if done else run.train[-1] if run.train else None
