"""How answers are made and read: where they begin, which side is padded, how long they may be, where they end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator

from ...interpret.core.recording import Call
from ...training_plan.facts import TrainingPlan
from ...training_plan.values import Absent, Default, Known, Term, Unknown, Value
from ..api.arguments import Defect, branch
from ..derive import plain
from ..judged_versions import within
from ..object_settings import last
from ..prompt.tokenizers import has_chat_template
from ..run import Run, is_trainer
from ..spelling import terms

if TYPE_CHECKING:
    import libcst as cst

GENERATES = ("generate", "chat")
MODEL = "transformers.PreTrainedModel."
TOKENIZER = "transformers.PreTrainedTokenizer"
LENGTHS = ("max_new_tokens", "max_length", "generation_config", "stopping_criteria", "$1")
SEQ2SEQ = re.compile(r"Seq2Seq|T5|Bart|ConditionalGeneration|EncoderDecoder")
TAKES_UP = "4.56.0"  # the first transformers whose trainer hands the tokenizer's end on to the model
# What is done to a text that makes the prompt go away again.
CUTS = re.compile(r"split|partition|replace|removeprefix|search|findall|match|find\(|index\(|len\(|extract|parse|clean")


BATCH = re.compile(r"batch|input|enc|token|ids|prompt")


def generation(run: Run, plan: TrainingPlan) -> Iterator[Defect]:
    if SEQ2SEQ.search(run.load.callee):
        return
    calls = [c for c in run.calls if c.callee == f"{MODEL}generate"]
    seen: set[int] = set()
    for call in calls:
        if id(call.place.node) in seen:
            continue
        seen.add(id(call.place.node))
        yield from length(run, call)
        yield from padding(run, call)
        yield from ending(run, call)
    yield from decoded(run)


# -- how long --------------------------------------------------------------------------------------------------------


def length(run: Run, call: Call) -> Iterator[Defect]:
    """No length at all: generation settings of base models stop after 20 tokens."""
    if any(name in call.arguments for name in LENGTHS) or not open_keywords(call):
        return
    if "generation_config" in run.source.text or "GenerationConfig" in run.source.text:
        return
    names = [plain(run.load.value("pretrained_model_name_or_path", "model_name", "$0", "model"))]
    if not isinstance(names[0], str) or has_chat_template(names[0]):
        return  # an instruction model brings settings of its own
    text = "generate() has no length limit set: it stops after 20 tokens; set max_new_tokens"
    yield Defect("length", "max_new_tokens", call.place, text, "")


def open_keywords(call: Call) -> bool:
    """Whether every `**` of a call is a batch of the tokenizer, which brings ids and a mask and nothing else."""
    node = call.place.node
    stars = [a for a in getattr(node, "args", ()) if a.star == "**"]
    source = call.place.source
    return all(is_batch(source.segment(a.value)) for a in stars)


def is_batch(code: str) -> bool:
    """Whether an expression is named as a batch, moved to a device or not, or calls a tokenizer."""
    name, moved, rest = code.partition(".to(")
    if name.isidentifier() and BATCH.search(name):
        return not moved or rest.endswith(")")
    called, opened, rest = code.partition("(")
    return called.startswith("tok") and called.isidentifier() and bool(opened) and ")" in rest


def cuts(code: str) -> bool:
    """Whether a statement may take a part of a text away."""
    return CUTS.search(code) is not None or any(":" in line.partition("[")[2] for line in code.split("\n"))


# -- padding ---------------------------------------------------------------------------------------------------------


def padding(run: Run, call: Call) -> Iterator[Defect]:
    """Several prompts at once, by a tokenizer whose side the script sets to the right."""
    writes = [c for c in run.calls if c.callee == f"{TOKENIZER}.padding_side=" and c.order < call.order]
    if not writes:
        return
    side = next(iter(writes[-1].arguments.values()))
    if plain(side) != "right" or writes[-1].conditional or not isinstance(side, Known):
        return
    batches = [
        c
        for c in run.calls
        if c.callee == f"{TOKENIZER}.__call__" and c.order < call.order and c.function == call.function
    ]
    if not batches or plain(batches[-1].get("padding")) not in (True, "longest", "max_length"):
        return
    if one_text(batches[-1].get("text", "$0")) or batches[-1].receiver is not writes[-1].receiver:
        return
    if plain(batches[-1].get("padding_side")) is not None:
        return
    text = "the prompts of a batch are padded on the right, so the answer follows padding; set padding_side to left"
    yield Defect("padding", "padding_side", call.place, text, "", trace=(writes[-1].place,))


def one_text(value: Value) -> bool:
    """Whether a tokenizer is given one text, or a list of one: then nothing is padded."""
    if isinstance(value, (Known, Default)):
        return isinstance(value.value, str) or isinstance(value.value, (list, tuple)) and len(value.value) == 1
    if isinstance(value, Unknown) and isinstance(value.parts, list):
        return len(value.parts) == 1 and "rows" not in value.why and "how many" not in value.why
    if isinstance(value, Term):
        return not value.text.startswith(("list(", "[")) and value.head not in ("call",)
    return True


# -- where it ends ---------------------------------------------------------------------------------------------------


def ending(run: Run, call: Call) -> Iterator[Defect]:
    """The tokenizer is told another end, and the model that generates is not."""
    writes = [c for c in run.calls if c.callee == f"{TOKENIZER}.eos_token=" and c.order < call.order]
    if not writes or writes[-1].conditional or not open_keywords(call):
        return
    if any(n in call.arguments for n in ("eos_token_id", "stop_strings", "stopping_criteria", "generation_config")):
        return
    if "generation_config" in run.source.text or any("eos_token_id=" in c.callee for c in run.calls):
        return
    end = next(iter(writes[-1].arguments.values()))
    trainers = [c for c in run.calls if is_trainer(c) and c.order < call.order]
    if not trainers or not isinstance(end, Known) or not isinstance(end.value, str):
        return
    holds = any(not isinstance(t.get("processing_class", "tokenizer"), Absent) for t in trainers)
    if any(t.callee.startswith(("trl.", "unsloth")) for t in trainers):
        return
    if holds and within(run, "transformers", TAKES_UP):
        return
    text = (
        f"the training text ends answers with {end.value}, but generate() stops at the model's original end token: "
        f"pass it eos_token_id"
    )
    yield Defect("ending", "eos_token_id", call.place, text, "", trace=(writes[-1].place,))


# -- what is read ----------------------------------------------------------------------------------------------------


def decoded(run: Run) -> Iterator[Defect]:
    """Outputs that are decoded with the prompt in front, and compared or kept as the answer."""
    seen: set[int] = set()
    for call in run.calls:
        name = last(call.callee)
        if not call.callee.startswith(TOKENIZER) or name not in ("decode", "batch_decode"):
            continue
        if id(call.place.node) in seen or not whole_output(run, call.get("token_ids", "sequences", "$0"), name):
            continue
        seen.add(id(call.place.node))
        if compared(call):
            text = "the output is decoded with the prompt and compared as if it were the answer"
            yield Defect("decoded", name, call.place, text, branch(call) if not call.conditional else "")


def whole_output(run: Run, value: Value, name: str) -> bool:
    """Whether these are the ids of generate() from the first one on."""
    term = terms(value)
    index = 0
    while term is not None and term.head == "item" and index < 2:
        if not isinstance(plain(term.args[1]), int):
            return False
        term = terms(term.args[0])
        index += 1
    made = next(
        (c for c in run.calls if c.callee == f"{MODEL}generate" and term is not None and text_of(c) == term.text), None
    )
    return made is not None and index == (1 if name == "decode" else 0)


def text_of(call: Call) -> str:
    return getattr(call.result, "text", "")


def compared(call: Call) -> bool:
    """Whether the decoded text reaches a comparison with nothing done to it that could take the prompt away."""
    import libcst as cst

    from ...source.syntax import walk

    source = call.place.source
    path = source.nodes.path(call.place.node)
    statement = next((n for n in reversed(path) if isinstance(n, cst.SimpleStatementLine)), None)
    scope = next((n for n in reversed(path) if isinstance(n, (cst.FunctionDef, cst.For, cst.Module))), None)
    if statement is None or scope is None or cuts(source.segment(statement.body[0])):
        return False
    first = statement.body[0]
    if not isinstance(first, cst.Assign) or not isinstance(first.targets[0].target, cst.Name):
        return False
    name = first.targets[0].target.value
    lines = [n for n in walk(scope) if isinstance(n, cst.SimpleStatementLine) and n is not statement]
    uses = [n for n in lines if any(isinstance(k, cst.Name) and k.value == name for k in walk(n))]
    if any(cuts(source.segment(part)) for n in uses for part in n.body):
        return False
    return any(compares(n, name) for n in uses)


def compares(statement: cst.CSTNode, name: str) -> bool:
    import libcst as cst

    from ...source.syntax import walk

    for node in walk(statement):
        if isinstance(node, cst.Comparison) and any(isinstance(k, cst.Name) and k.value == name for k in walk(node)):
            if any(isinstance(c.operator, cst.Equal) for c in node.comparisons):
                return True
    return False
