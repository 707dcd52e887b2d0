"""Traps between tokenizer, collator and trainer that raise nothing: what is in the text and does not reach the loss."""

from __future__ import annotations

import libcst as cst

from ..interpret.recording import Call
from ..plan import Fact, TrainingPlan
from ..source.syntax import walk
from ..values import Absent, Default, Either, Known, Unknown, Value
from .given import objects
from .prompt_text import Piece
from .run import Run
from .tokenizers import Family, family
from .training_text import TrainingText, texts_of, uses_unsloth

HIDES_PADDING = "transformers.DataCollatorForLanguageModeling"  # its labels are -100 wherever the padding token stands
BOS_LITERALS = ("<s>", "<|begin_of_text|>", "<bos>")
# Families whose tokenizers put a BOS token before every text, and those that have none.
PUTS_BOS = ("Llama 3", "CodeLlama", "Llama 2", "Mistral", "Gemma")
NO_BOS = ("Qwen", "SmolLM", "GPT-2", "GPT-OSS", "Phi 3")


def read(run: Run, plan: TrainingPlan) -> None:
    texts = texts_of(run)
    plan.prompt.padding = padding(run)
    plan.prompt.bos = bos(run, plan, texts)
    plan.prompt.boundary = boundary(run, texts)


# -- padding -----------------------------------------------------------------------------------------------------


def padding(run: Run) -> Fact:
    """Whether the token that pads is the one that ends a text, where the collator takes padding out of the loss."""
    trainer = run.trainer
    if trainer is None:
        return Fact(Absent("no trainer is made"), at=run.place, why_not="no trainer is made")
    collator = trainer.get("data_collator")
    made = [thing.call for thing in objects(collator) if getattr(thing, "call", None) is not None and getattr(thing, "callee", "") == HIDES_PADDING]
    if not made or not (isinstance(mlm := made[0].get("mlm"), (Known, Default)) and mlm.value is False):
        why = "the trainer's collator does not take the padding token out of the loss"
        return Fact(Absent(why), at=trainer.place, why_not=why)
    writes = [(c, v) for c in run.calls for v in pads(c)]
    if not writes:
        return Fact(Unknown("which token pads is the tokenizer's own affair"), at=made[0].place, why_not="the script leaves the padding token as it is")
    call, value = writes[-1]
    if isinstance(value, Either):
        return Fact(Unknown("it depends on a branch which token pads", value.trace), at=call.place)
    if is_eos(value) and (not call.certain or asks_tokenizer(call)):
        why = "whether the padding token is set to the EOS token depends on the model's tokenizer, which may have one of its own"
        if not asks_tokenizer(call):
            why = "it depends on a branch whether the padding token is set to the EOS token"
        return Fact(Unknown(why, (call.place,)), at=call.place)
    return Fact(Known("the eos token" if is_eos(value) else "its own token", (call.place,)), at=call.place)


def asks_tokenizer(call: Call) -> bool:
    """`if tokenizer.pad_token is None:` around a call: what runs depends on the tokenizer that was published."""
    if not call.certain and "pad_token" in call.condition:
        return True
    code = call.place.source.tree.code_for_node
    choices = [node for node in walk(call.place.source.tree) if isinstance(node, cst.If) and "pad_token" in code(node.test)]
    return any(node is call.place.node for choice in choices for node in walk(choice.body))


def pads(call: Call) -> list[Value]:
    if call.callee.endswith((".pad_token=", ".pad_token_id=")):
        return [v for v in call.arguments.values()]
    if call.callee.endswith(".add_special_tokens"):
        given = call.get("special_tokens_dict", "$0")
        if isinstance(given, Known) and isinstance(given.value, dict) and "pad_token" in given.value:
            return [Known(given.value["pad_token"], given.trace)]
        if isinstance(given, Unknown) and isinstance(given.parts, dict) and "pad_token" in given.parts:
            return [given.parts["pad_token"]]
    return []


def is_eos(value: Value) -> bool:
    thing = value.value if isinstance(value, (Known, Default)) else value
    text = getattr(thing, "text", "") or ""
    return text.endswith((".eos_token", ".eos_token_id"))


# -- the two ends of a prompt ------------------------------------------------------------------------------------


def bos(run: Run, plan: TrainingPlan, texts: list[TrainingText]) -> Fact:
    """Whether a text brings the BOS token that the tokenizer will put before it once more."""
    at = texts[0].at if texts else run.place
    if not texts or any(t.form not in ("text", "prompt-completion") for t in texts):
        return Fact(Absent("not a text"), at=at, why_not="the training text is no plain text")
    if uses_unsloth(run):
        return Fact(Absent("Unsloth"), at=at, why_not="Unsloth takes a second BOS token away")
    starting = [p for t in texts for pieces in t.texts for p in pieces[:1] if starts_with_bos(p)]
    if not starting:
        return Fact(Known("once", texts[0].trace), at=at)
    name = plan.lora.model_name.value
    kind: Family | None = family(name.value) if isinstance(name, (Known, Default)) else None
    trace = texts[0].trace
    if kind is not None and kind.name in PUTS_BOS:
        return Fact(Known("twice", trace), at=at)
    if kind is not None and kind.name in NO_BOS:
        return Fact(Known("once", trace), at=at)
    return Fact(Unknown("whether the model's tokenizer puts a BOS token before a text is not known", trace), at=at)


def starts_with_bos(piece: Piece) -> bool:
    return "bos" in piece.roles or piece.hole is None and piece.text.lstrip().startswith(BOS_LITERALS)


def boundary(run: Run, texts: list[TrainingText]) -> Fact:
    """What a prompt ends with, where the answer is a column of its own: a space melts into the answer's first token."""
    at = texts[0].at if texts else run.place
    ends = [end for t in texts if t.form == "prompt-completion" for pieces in t.texts for end in prompt_ends(pieces)]
    if not ends:
        return Fact(Absent("no columns"), at=at, why_not="prompt and answer are not columns of their own")
    spaces = [p for p in ends if p.text.endswith((" ", "\t"))]
    return Fact(Known("space" if spaces else "no space", texts[0].trace), at=at)


def prompt_ends(pieces: list[Piece]) -> list[Piece]:
    """The last literal piece before the completion begins; none for a chat, or for a prompt that ends in data."""
    i = next((i for i, p in enumerate(pieces) if p.turn), 0)
    if not i or pieces[i].turn != "completion":
        return []
    answer = next((p for p in pieces[i + 1 :] if p.hole is not None or p.text), None)
    if answer is not None and answer.hole is None and answer.text[:1].isspace():
        return [Piece(text="\n")]
    return [pieces[i - 1]] if pieces[i - 1].hole is None and pieces[i - 1].text else []
