"""Generation and reading of answers: where they begin and end, how long they may be, which side is padded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Iterator

from ...interpret.core.recording import Call
from ...training_plan.facts import TrainingPlan
from ...training_plan.values import Absent, Default, Known, Term, Unknown, Value, overrider
from ..api.arguments import Defect, branch
from ..derive import contents, plain
from ..judged_versions import within
from ..object_settings import last
from ..prompt.tokenizers import has_chat_template
from ..run import Run, call_of, is_trainer
from ..spelling import terms

if TYPE_CHECKING:
    import libcst as cst

GENERATES = ("generate", "chat")
MODEL = "transformers.PreTrainedModel."
TOKENIZER = "transformers.PreTrainedTokenizer"
LENGTHS = ("max_new_tokens", "max_length", "generation_config", "stopping_criteria", "$1")
SEQ2SEQ = re.compile(r"Seq2Seq|T5|Bart|ConditionalGeneration|EncoderDecoder")
T5 = re.compile(r"(?i)(?<![a-z])(?:code|long|um|m)?t5(?!\d)")
SETS_LENGTH = re.compile(r"generation_config|GenerationConfig|config\.max_(?:length|new_tokens)")
EVALUATES = re.compile(r"\.(?:evaluate|predict)\(")
TAKES_UP = "4.56.0"  # the first transformers whose trainer hands the tokenizer's end on to the model
# What is done to a text that makes the prompt go away again.
CUTS = re.compile(r"split|partition|replace|removeprefix|search|findall|match|find\(|index\(|len\(|extract|parse|clean")


BATCH = re.compile(r"batch|input|enc|token|ids|prompt")


def generation(run: Run, plan: TrainingPlan) -> Iterator[Defect]:
    calls = [c for c in run.calls if c.callee == f"{MODEL}generate"]
    if SEQ2SEQ.search(run.load.callee):
        if is_t5(run):
            yield from evaluated(run)
            for call in {id(one.place.node): one for one in calls}.values():
                yield from length(run, call)
        return
    seen: set[int] = set()
    for call in calls:
        if id(call.place.node) in seen:
            continue
        seen.add(id(call.place.node))
        yield from length(run, call)
        yield from padding(run, call)
        yield from ending(run, call)
        yield from heading(run, call)
    yield from decoded(run)
    yield from base_asked(run)


# -- how long --------------------------------------------------------------------------------------------------------


def length(run: Run, call: Call) -> Iterator[Defect]:
    """Yield a defect if no length is set: the generation settings of base models stop after 20 tokens."""
    if any(name in call.arguments for name in LENGTHS) or not open_keywords(call):
        return
    if "generation_config" in run.source.text or "GenerationConfig" in run.source.text:
        return
    model = run.load.value("pretrained_model_name_or_path", "model_name", "$0", "model")
    name = plain(model)
    if not isinstance(name, str) or has_chat_template(name):
        return  # an instruction model brings settings of its own
    text = "generate() has no length limit set: it stops after 20 tokens; set max_new_tokens"
    yield Defect("length", "max_new_tokens", call.place, text, "", overridden_by=overrider(model))


def is_t5(run: Run) -> bool:
    """Return whether the model is a T5, whose generation settings have no length."""
    name = plain(run.load.value("pretrained_model_name_or_path", "model_name", "$0", "model"))
    return isinstance(name, str) and T5.search(name) is not None


def evaluated(run: Run) -> Iterator[Defect]:
    """Yield evaluations that generate without a length: every answer ends after 20 tokens."""
    given, trainer = run.arguments, run.trainer
    if trainer is None or trainer.callee != "transformers.Seq2SeqTrainer" or given.call is None:
        return
    asked = given.value("predict_with_generate")
    unset = (given.value(name) for name in ("generation_max_length", "generation_config"))
    if not isinstance(asked, (Known, Default)) or asked.value is not True or given.call.unknown_arguments:
        return
    if not all(isinstance(value, Absent) or isinstance(value, Known) and value.value is None for value in unset):
        return
    asks = [call for call in run.calls if last(call.callee) in ("evaluate", "predict")]
    strategy = given.value("eval_strategy", "evaluation_strategy")
    if not (asks or EVALUATES.search(run.source.text)) and (isinstance(strategy, Absent) or plain(strategy) == "no"):
        return  # nothing is evaluated
    if SETS_LENGTH.search(run.source.text) or any(name in call.arguments for call in asks for name in LENGTHS[:2]):
        return
    text = "the evaluation generates without a length: each answer stops after 20 tokens; set generation_max_length"
    place = given.where("predict_with_generate") or given.place
    yield Defect("length", "generation_max_length", place, text, branch(given.call), overridden_by=overrider(asked))


def open_keywords(call: Call) -> bool:
    """Return whether every `**` of a call is a batch of the tokenizer, which has only ids and a mask."""
    node = call.place.node
    stars = [a for a in getattr(node, "args", ()) if a.star == "**"]
    source = call.place.source
    return all(is_batch(source.segment(a.value)) for a in stars)


def is_batch(code: str) -> bool:
    """Return whether an expression has the name of a batch, moved to a device or not, or calls a tokenizer."""
    name, moved, rest = code.partition(".to(")
    if name.isidentifier() and BATCH.search(name):
        return not moved or rest.endswith(")")
    called, opened, rest = code.partition("(")
    return called.startswith("tok") and called.isidentifier() and bool(opened) and ")" in rest


def cuts(code: str) -> bool:
    """Return whether a statement may remove a part of a text."""
    return CUTS.search(code) is not None or any(":" in line.partition("[")[2] for line in code.split("\n"))


# -- padding ---------------------------------------------------------------------------------------------------------


def padding(run: Run, call: Call) -> Iterator[Defect]:
    """Yield a defect for several prompts at once with a tokenizer whose padding side the script sets to the right."""
    set_here = [c for c in run.calls if c.callee == f"{TOKENIZER}.padding_side=" and c.order < call.order]
    loads = [c for c in run.calls if c.order < call.order and last(c.callee) == "from_pretrained" and at_load(c)]
    writes = set_here or loads
    if not writes:
        return
    made = writes[-1]
    side = next(iter(made.arguments.values())) if set_here else made.get("padding_side")
    if plain(side) != "right" or made.conditional or not isinstance(side, Known):
        return
    batches = [
        c
        for c in run.calls
        if c.callee == f"{TOKENIZER}.__call__" and c.order < call.order and c.function == call.function
    ]
    if not batches or plain(batches[-1].get("padding")) not in (True, "longest", "max_length"):
        return
    of = made.receiver if set_here else made.result
    if one_text(batches[-1].get("text", "$0")) or batches[-1].receiver is not of:
        return
    if plain(batches[-1].get("padding_side")) is not None:
        return
    text = "the prompts of a batch are padded on the right, so the answer follows padding; set padding_side to left"
    yield Defect("padding", "padding_side", call.place, text, "", trace=(writes[-1].place,))


def at_load(call: Call) -> bool:
    """Whether a call loads a tokenizer and says which side it pads."""
    return "padding_side" in call.arguments and "Tokenizer" in call.callee


def one_text(value: Value) -> bool:
    """Return whether a tokenizer is given one text or a list of one, so that nothing is padded."""
    if isinstance(value, (Known, Default)):
        return isinstance(value.value, str) or isinstance(value.value, (list, tuple)) and len(value.value) == 1
    if isinstance(value, Unknown) and isinstance(value.parts, list):
        return len(value.parts) == 1 and "rows" not in value.why and "how many" not in value.why
    if isinstance(value, Term):
        return not value.text.startswith(("list(", "[")) and value.operation not in ("call",)
    return True


# -- where it begins -------------------------------------------------------------------------------------------------


def heading(run: Run, call: Call) -> Iterator[Defect]:
    """A question put into a chat template without the heading of the answer, which every trained text had."""
    trainer = run.trainer
    if trainer is None or not run.train or call.order < run.train[-1].order:
        return
    made = [c for c in run.calls if c.callee == f"{TOKENIZER}.apply_chat_template" and c.order < call.order]
    made = [c for c in made if c.function == call.function and c.order > run.train[-1].order]
    if not made or made[-1].unknown_arguments:
        return
    template = made[-1]
    asks, goes_on = template.get("add_generation_prompt", "$3"), template.get("continue_final_message", "$4")
    left_out = isinstance(asks, Absent) or isinstance(asks, Known) and asks.value is False
    if not left_out or not isinstance(goes_on, Absent) or not isinstance(template.get("chat_template"), Absent):
        return
    if last_role(template.get("conversation", "$0")) != "user" or not flows(run, template, call):
        return
    text = (
        "the prompt lacks the heading of the answer: the model writes it itself, or continues the "
        "question; pass add_generation_prompt=True to apply_chat_template"
    )
    yield Defect("heading", "add_generation_prompt", template.place, text, "")


def last_role(turns: Value) -> str:
    """Who speaks last in a list of turns, "" where that is not known."""
    listed = contents(turns)
    one = listed[-1] if isinstance(listed, (list, tuple)) and listed else None
    one = contents(one)
    role = one.get("role") if isinstance(one, dict) else None
    role = getattr(role, "value", role)
    return role if isinstance(role, str) else ""


def flows(run: Run, template: Call, call: Call) -> bool:
    """Whether nothing is put behind what the template makes: it makes the ids, or the tokenizer is given its text."""
    tokenize = template.get("tokenize", "$5")
    if isinstance(tokenize, Absent) or plain(tokenize) is True:
        return True
    batches = [
        c for c in run.calls if c.callee == f"{TOKENIZER}.__call__" and template.order < c.order < call.order
    ]  # fmt: skip
    given = batches[-1].get("text", "$0") if batches else Absent()
    return isinstance(given, Term) and bool(text_of(template)) and given.text == text_of(template)


# -- the adapter that nobody asks ------------------------------------------------------------------------------------


def base_asked(run: Run) -> Iterator[Defect]:
    """vLLM with room for adapters that is asked without one: the base model answers."""
    calls = [c for c in run.calls if c.callee.startswith("vllm.LLM(") and last(c.callee) in GENERATES]
    if not calls or any("lora_request" in c.arguments or c.unknown_arguments for c in calls):
        return
    for call in calls:
        maker = call_of(call.receiver) if call.receiver is not None else None
        room = maker.get("enable_lora") if maker is not None else Absent()
        if isinstance(room, Known) and room.value is True:
            text = (
                f"{last(call.callee)}() is called without lora_request, so the base model answers: enable_lora=True "
                f"makes room for an adapter and loads none"
            )
            yield Defect("base", "lora_request", call.place, text, branch(call))


# -- where it ends ---------------------------------------------------------------------------------------------------


def ending(run: Run, call: Call) -> Iterator[Defect]:
    """Yield a defect if the tokenizer gets another end token and the generating model does not."""
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
    """Yield outputs that are decoded with the prompt before them, then compared or kept as the answer."""
    seen: set[int] = set()
    generated = {text_of(call) for call in run.calls if call.callee == f"{MODEL}generate"}
    for call in run.calls:
        name = last(call.callee)
        if not call.callee.startswith(TOKENIZER) or name not in ("decode", "batch_decode"):
            continue
        if id(call.place.node) in seen or not whole_output(generated, call.get("token_ids", "sequences", "$0"), name):
            continue
        seen.add(id(call.place.node))
        if compared(call):
            text = "the output is decoded with the prompt and compared as if it were the answer"
            yield Defect("decoded", name, call.place, text, branch(call) if not call.conditional else "")


def whole_output(generated: set[str], value: Value, name: str) -> bool:
    """Return whether these are the ids of generate() from the first one on; `generated`: its results, as text."""
    term = terms(value)
    index = 0
    while term is not None and term.operation == "item" and index < 2:
        if not isinstance(plain(term.args[1]), int):
            return False
        term = terms(term.args[0])
        index += 1
    return term is not None and term.text in generated and index == (1 if name == "decode" else 0)


def text_of(call: Call) -> str:
    return getattr(call.result, "text", "")


def compared(call: Call) -> bool:
    """Return whether the decoded text reaches a comparison without any operation that could remove the prompt."""
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
