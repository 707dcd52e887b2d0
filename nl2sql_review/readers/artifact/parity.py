"""Whether the model is asked with the prompt that it was trained on: in the script itself, and by what serves it.

What serves it lies in the script's folder and names the directory that the script saves to: a script that generates,
or an Ollama Modelfile.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Iterator

from ...interpret.core.recording import Call
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Unknown, Value
from ..api.arguments import Defect
from ..api.imports import fact as listed
from ..object_settings import last
from ..prompt.text import Piece
from ..prompt.tokenizer import Tokenizer
from ..prompt.training_text import TrainingText, objective, texts_of
from ..run import Run
from .saved import destinations, saves

TOKENIZER = "transformers.PreTrainedTokenizer"
HOLE = "\0"
WORDS = re.compile(r"[^\W\d_]{2}")  # a literal that says something
SERVES = re.compile(r"\bLLM\(|\.generate\(|\bpipeline\(|chat\.completions")
MAX_FILES, MAX_BYTES = 20, 200_000
TEMPLATE = re.compile(
    r'^\s*TEMPLATE\s+("""(?P<long>.*?)"""|"(?P<short>[^"\n]*)")', re.DOTALL | re.MULTILINE | re.IGNORECASE
)


def prompt(run: Run, plan: TrainingPlan) -> Fact:
    texts = texts_of(run) if run.trainer is not None and not objective(run) else []
    if len(texts) != 1 or not run.train:
        why = "there is no prompt to compare with the training text"
        return Fact(Absent(why), at=run.place, why_not=why)
    trained = texts[0]
    found = [*here(run, trained), *served(run, plan, trained), *modelfile(run, plan, trained)]
    return listed(found, run.place)


# -- what was trained ------------------------------------------------------------------------------------------------


def pieces_of(text: TrainingText) -> list[Piece]:
    """The pieces of the prompt: what stands before the answer."""
    if text.form not in ("text", "prompt-completion") or len(text.texts) != 1:
        return []
    pieces = text.texts[0]
    if any(p.turn and p.turn != "completion" for p in pieces):
        return []
    end = next((i for i, p in enumerate(pieces) if p.turn == "completion"), None)
    if end is None:
        end = next((i for i, p in enumerate(pieces) if {"sql", "response"} & p.roles), None)
    return pieces[:end] if end is not None else []


def headings(pieces: list[Piece]) -> list[str]:
    """The literal parts of a prompt that say something, white space taken together."""
    found = [squeezed(p.text) for p in pieces if p.hole is None]
    return [one for one in found if WORDS.search(one)]


def squeezed(text: str) -> str:
    return " ".join(text.split())


# -- in the script itself --------------------------------------------------------------------------------------------


def asked(run: Run) -> Iterator[tuple[Call, Call]]:
    """(the call that tokenizes, the call that generates) of every prompt that is asked after training."""
    start = min(c.order for c in run.train)
    makers = [c for c in run.calls if c.order > start and c.callee.startswith(f"{TOKENIZER}.")]
    makers = [c for c in makers if last(c.callee) in ("__call__", "apply_chat_template", "encode")]
    seen: set[int] = set()
    for call in run.calls:
        if call.callee != "transformers.PreTrainedModel.generate" or call.order < start:
            continue
        before = [c for c in makers if c.order < call.order and c.function == call.function]
        if before and id(before[-1].place.node) not in seen:
            seen.add(id(before[-1].place.node))
            yield before[-1], call


def here(run: Run, trained: TrainingText) -> Iterator[Defect]:
    heads = headings(pieces_of(trained))
    for maker, _ in asked(run):
        given = maker.get("text", "conversation", "$0")
        if last(maker.callee) == "apply_chat_template" or templated(given):
            if heads and trained.form == "text" and len(heads) > 1:
                text = "the model was trained on plain text, but here a chat template is put around the prompt"
                yield Defect("chat template", "prompt", maker.place, text, trace=given.trace)
            continue
        if trained.form == "chat" or not heads:
            continue
        said = literal(given)
        if said is None or HOLE not in said or not WORDS.search(said.replace(HOLE, "")):
            continue
        missing = lacking(heads, said)
        if missing:
            text = (
                f"the prompt at inference ({shown(said)}) differs from the training text "
                f"({shown(HOLE.join(heads))}): it lacks {missing[0]!r}"
            )
            yield Defect("text", "prompt", place_of(given, maker), text, trace=given.trace)


def lacking(heads: list[str], said: str) -> list[str]:
    """The headings of the trained prompt that a text lacks; it may end within one, where the answer begins."""
    whole = squeezed(said.replace(HOLE, " "))
    end = squeezed(said.rpartition(HOLE)[2])
    found = []
    for head in heads:
        if len(end) > 2 and head.startswith(end):
            break
        if head not in whole:
            found.append(head)
    return found


def place_of(value: Value, maker: Call) -> Place:
    """Where the text that is asked is made, if that is in the same file."""
    own = [step for step in value.trace if step.source is maker.place.source]
    return own[-1] if own else maker.place


def templated(value: Value) -> bool:
    return isinstance(value, Term) and "apply_chat_template" in value.text


def literal(value: Any) -> str | None:
    """A text with a mark for every hole; None where its literal parts are not known."""
    if isinstance(value, (Known, Default)) and isinstance(value.value, str):
        return value.value
    if isinstance(value, Text):
        return "".join(p if isinstance(p, str) else HOLE for p in value.parts)
    if isinstance(value, Unknown) and isinstance(value.parts, list) and len(value.parts) == 1:
        return literal(value.parts[0])
    if isinstance(value, (Known, Default)) and isinstance(value.value, (list, tuple)) and len(value.value) == 1:
        return literal(value.value[0] if hasattr(value.value[0], "trace") else Known(value.value[0]))
    return None if not isinstance(value, Either) else None


def shown(text: str) -> str:
    words = squeezed(text.replace(HOLE, " … "))
    return f'"{words[:47]}…"' if len(words) > 48 else f'"{words}"'


# -- by what serves it -----------------------------------------------------------------------------------------------


def beside(run: Run) -> Iterator[tuple[Path, str]]:
    """Files of the script's folder that name a directory it saves to."""
    project, script = run.recording.project, Path(run.source.path)
    if project is None or project.root is None or project.script is None:
        return
    names = [n for n in destinations(run) if len(n) > 2]
    from ...files import disk

    folder = project.script.parent
    listing = [n for n in sorted(disk.names(folder)) if n.endswith(".py") or n.lower().startswith("modelfile")]
    for name in listing[:MAX_FILES]:
        if name == script.name:
            continue
        data = project.read(folder / name)
        if data is None or len(data) > MAX_BYTES:
            continue
        text = data.decode("utf-8", "replace")
        if any(re.search(rf"[\"'/\s]{re.escape(n)}[\"'/\s]", text) for n in names):
            yield folder / name, text


def served(run: Run, plan: TrainingPlan, trained: TrainingText) -> Iterator[Defect]:
    """A script that puts a chat template around the plain text that was trained."""
    heads = headings(pieces_of(trained))
    if trained.form != "text" or len(heads) < 2:
        return
    done = saves(run)
    for path, text in beside(run):
        if path.suffix != ".py" or not SERVES.search(text):
            continue
        found = chats(run, path, text)
        if found is not None and done:
            name, row = path.name, found
            words = (
                f"the model was trained on plain text, but {name}:{row} puts its chat template around the prompt: "
                f"send the plain text"
            )
            yield Defect("chat template", "prompt", done[-1].place, words)


def chats(run: Run, path: Path, text: str) -> int | None:
    """The row on which a script asks through a chat template: vLLM's `chat`, or `apply_chat_template`."""
    from ...interpret.program import interpret
    from ...source import Source, SourceError

    source = Source(str(path), text)
    try:
        recording = interpret(source, run.recording.project.root)
    except SourceError:
        return None  # no Python of any version: it says nothing
    for call in recording.calls:
        makes_chat = call.callee.startswith("vllm.LLM") and call.callee.endswith(".chat")
        if makes_chat or last(call.callee) == "apply_chat_template":
            source.locate([call.place.node])
            return source.span(call.place.node).row
    return None


def modelfile(run: Run, plan: TrainingPlan, trained: TrainingText) -> Iterator[Defect]:
    """An Ollama Modelfile whose template has other turns than those that were trained."""
    turns = Tokenizer(run, plan).turns
    done = saves(run)
    if turns is None or trained.form == "prompt-completion" or not done:
        return
    if not any(last(c.callee) in ("get_chat_template", "apply_chat_template") for c in run.calls):
        return
    for path, text in beside(run):
        match = TEMPLATE.search(text) if path.suffix != ".py" else None
        if match is None:
            continue
        template = match["long"] if match["long"] is not None else match["short"].replace("\\n", "\n")
        user = turns[0].strip()
        if user in template or ".Messages" in template and user.split()[0] in template:
            continue
        row = text.count("\n", 0, match.start()) + 1
        words = (
            f"the trained turns begin with {user!r}, but the TEMPLATE of {path.name}:{row} does not: it belongs to "
            f"another model"
        )
        yield Defect("modelfile", "prompt", done[-1].place, words)
