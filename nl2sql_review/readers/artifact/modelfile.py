"""Compares the prompt of an Ollama Modelfile, or of a server's chat template, with the training text."""

from __future__ import annotations

import re
from typing import Iterable, Iterator

from ...training_plan.facts import TrainingPlan
from ..api.arguments import Defect
from ..object_settings import last
from ..prompt.tokenizer import Tokenizer
from ..prompt.training_text import TrainingText
from ..run import Run
from .asking import Served, saved_at

TEMPLATE = re.compile(
    r'^[ \t]*TEMPLATE[ \t]+("""(?P<long>.*?)"""|"(?P<short>[^"\n]*)")', re.DOTALL | re.MULTILINE | re.IGNORECASE
)
RAW = re.compile(r"\s*\{\{-?\s*\.Prompt\s*-?\}\}\s*")  # the prompt as it is sent
TURN = re.compile(r"<\|[\w ]+\|>|\[INST\]|<start_of_turn>|\.Messages")
JINJA = (".jinja", ".jinja2", ".j2")


def modelfile(
    run: Run, plan: TrainingPlan, trained: TrainingText, heads: list[str], served: Iterable[Served]
) -> Iterator[Defect]:
    """Yield server templates whose turns or words differ from those of the training text."""
    save = saved_at(run)
    if trained.form == "prompt-completion" or save is None:
        return
    turns = Tokenizer(run, plan).turns if templated(run) or trained.form == "chat" else None
    for path, text, _ in served:
        row, template = template_of(path.suffix, text)
        if not template:
            continue
        where = f"{'the TEMPLATE of ' if path.suffix not in JINJA else ''}{path.name}:{row}"
        if turns is not None:
            user = turns[0].strip()
            if user in template or user.split()[:1] and user.split()[0] in template and computed(template):
                continue
            words = f"the trained turns begin with {user!r}, but {where} does not: it belongs to another model"
            yield Defect("modelfile", path.name, save.place, words)
        elif len(heads) > 1 and trained.form == "text" and not RAW.fullmatch(template) and TURN.search(template):
            if not all(head in " ".join(template.split()) for head in heads[1:]):
                words = f"the model was trained on plain text, but {where} puts chat turns around the prompt"
                yield Defect("modelfile", path.name, save.place, words)


def computed(template: str) -> bool:
    """Return whether a template takes the speaker from the message instead of a literal."""
    return ".Messages" in template or "message" in template


def templated(run: Run) -> bool:
    return any(last(c.callee) in ("get_chat_template", "apply_chat_template") for c in run.calls)


def template_of(suffix: str, text: str) -> tuple[int, str]:
    """Return (row, text) of the template in a file that serves; the text is empty if it has none."""
    if suffix in JINJA:
        return 1, text
    match = TEMPLATE.search(text) if suffix != ".py" else None
    if match is None:
        return 0, ""
    template = match["long"] if match["long"] is not None else match["short"].replace("\\n", "\n")
    return text.count("\n", 0, match.start()) + 1, template
