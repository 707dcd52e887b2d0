"""Tokens that the script adds to the vocabulary, and whether their rows in the embeddings are trained."""

from __future__ import annotations

import re
from typing import Iterator

from ..interpret.core.recording import Call
from ..training_plan.facts import Fact, TrainingPlan
from ..training_plan.values import Absent, Default, Either, Known, Place, Term, Unknown, Value, options, same
from .api.arguments import Defect, branch
from .api.imports import fact as listed
from .derive import contents, plain
from .object_settings import last, objects
from .prompt.tokenizers import family
from .run import Run

ADDERS = ("add_tokens", "add_special_tokens", "add_new_tokens", "setup_chat_format")
HELD = ("processing_class", "tokenizer")  # by a trainer
NAMED = ("pretrained_model_name_or_path", "model_name", "$0")
CHATML = ("<|im_start|>", "<|im_end|>")
# Written between angle or square brackets: no vocabulary has such a text by chance.
MARKER = re.compile(r"<[^<>\s]+>|\[[A-Z_/][^\[\]\s]*\]")
# In nearly every vocabulary, or in so many that one has to look.
COMMON = re.compile(
    r"</?s>|<unk>|<pad>|<mask>|<bos>|<eos>|\[(PAD|UNK|CLS|SEP|MASK|BOS|EOS)\]|<\|(endoftext|pad|eos|bos)\|>"
)
# Families that know ChatML's markers, and those that surely do not.
KNOW_CHATML = ("Qwen", "SmolLM")
LACK_CHATML = ("Llama 3", "Llama 2", "CodeLlama", "Mistral", "Gemma", "GPT-2", "DeepSeek")
OWN = {  # further markers that the members of a family know
    "Qwen": re.compile(r"<\|\w+\|>|</?(tool_call|tool_response|think)>"),
    "Llama 3": re.compile(r"<\|\w+\|>"),
    "Gemma": re.compile(r"</?[a-z]\w*>|<(start|end)_of_\w+>"),  # tags of HTML are among them
    "GPT-2": re.compile(r"<(fim_\w+|file_sep|repo_name|jupyter_\w+|issue_\w+|commit_\w+|gh_stars|filename)>|<\|\w+\|>"),
    "DeepSeek": re.compile(r"<[|｜].*[|｜]>"),
    "Phi 3": re.compile(r"<\|\w+\|>"),
    "Mistral": re.compile(r"\[\w+\]|\[/\w+\]"),
}
EMBEDDINGS = re.compile(
    r"(^|\.)(embed_tokens|wte|word_embeddings|embed_in|tok_embeddings|embeddings?|lm_head|embed_out)$"
)


def read(run: Run, plan: TrainingPlan) -> None:
    plan.lora.untrained_tokens = untrained(run, plan)


def untrained(run: Run, plan: TrainingPlan) -> Fact:
    if run.configuration is not None:
        why = "the program that reads the configuration adds the tokens"
        return Fact(Absent(why), at=run.place, why_not=why)
    calls = [c for c in run.calls if adds(c) and run.before_training(c) and of_the_model(run, c)]
    if not calls:
        return Fact(Absent("no token is added"), at=run.place, why_not="no token is added to the vocabulary")
    if isinstance(plan.lora.adapter.value, Absent):
        return Fact(Absent("no adapter"), at=run.place, why_not="there is no adapter: the embeddings are trained")
    if run.adapter_call is None and isinstance(plan.lora.adapter.value, Unknown):
        return Fact(plan.lora.adapter.value, at=run.place)
    name = plan.lora.model_name.value
    known = [str(o.value) for o in options(name) if isinstance(o, (Known, Default))]
    doubts: list[str] = []
    added: list[tuple[Call, str]] = []
    for call in calls:
        for token in tokens(call):
            new = token if isinstance(token, Unknown) else is_new(str(token), known)
            if isinstance(new, Unknown):
                doubts.append(new.why)
            elif new:
                added.append((call, str(token)))
    if not added:
        return Fact(Unknown(doubts[0]), at=run.place) if doubts else listed([], run.place)
    trains = trained(run)
    if isinstance(trains, Unknown):
        return Fact(trains, at=run.place)
    if trains:
        return listed([], run.place)
    call, token = added[0]
    others = {other for _, other in added} - {token}
    more = f" and {len(others)} more" if others else ""
    text = (
        f"{token}{more} {'are' if more else 'is'} added to the vocabulary, and LoRA trains neither embeddings nor head"
    )
    return listed([Defect("untrained", token, place(run, call), text, branch(call))], run.place)


def adds(call: Call) -> bool:
    """Return whether a call adds tokens: by a method, or by loading the tokenizer with special tokens of its own."""
    loads = call.callee.endswith("Tokenizer.from_pretrained") and "additional_special_tokens" in call.arguments
    return loads or last(call.callee) in ADDERS


def of_the_model(run: Run, call: Call) -> bool:
    """Return whether the tokenizer is the trained model's: a script may have others for other models."""
    if last(call.callee) in ("add_new_tokens", "setup_chat_format"):
        return True
    thing = call.receiver if last(call.callee) in ADDERS else call.result
    trainer = run.trainer
    if trainer is not None and any(thing is o for h in HELD for o in objects(trainer.get(h))):
        return True
    load = run.load.call
    if load is not None and load.second_result is not None and thing is load.second_result:
        return True
    made = getattr(thing, "call", None)
    names = [made.get(*NAMED), run.load.value(*NAMED)] if made is not None else []
    return bool(names) and isinstance(names[0], (Known, Default)) and same(plain(names[0]), plain(names[1]))


def tokens(call: Call) -> Iterator[str | Unknown]:
    """Yield the added tokens without padding, which is masked wherever it occurs."""
    name = last(call.callee)
    if name == "setup_chat_format":
        yield from CHATML
        return
    given = call.get(
        "additional_special_tokens", "new_tokens", "special_tokens_dict", "$2" if name == "add_new_tokens" else "$0"
    )
    if name == "add_special_tokens":
        items = contents(given)
        if not isinstance(items, dict):
            yield Unknown("it is unknown which special tokens are added")
            return
        for key, value in items.items():
            if key != "pad_token":
                yield from texts(value)
        return
    yield from texts(given)


def texts(value: object) -> Iterator[str | Unknown]:
    plain = value.value if isinstance(value, (Known, Default)) else value
    if isinstance(plain, str):
        yield plain
    elif isinstance(plain, (list, tuple, set)):
        for one in plain:
            yield from texts(one)
    elif isinstance(plain, Unknown) and isinstance(plain.parts, list):
        for one in plain.parts:
            yield from texts(one)
    elif isinstance(plain, Term) or hasattr(plain, "text"):
        text = plain.text
        if not text.endswith(("_token", "_tokens")):  # tokenizer.eos_token: it has that one
            yield Unknown(f"it is unknown which tokens {text} adds")
    else:
        yield Unknown("it is unknown which tokens are added")


def is_new(token: str, models: list[str]) -> bool | Unknown:
    """Return whether the vocabulary of the model lacks a token."""
    if COMMON.fullmatch(token) or not MARKER.fullmatch(token.strip()):
        return Unknown(f"it is unknown whether the model's vocabulary has {token}")
    families = {f.name if (f := family(m)) is not None else "" for m in models}
    if token in CHATML:
        if families and families <= set(KNOW_CHATML):
            return False
        return True if families and families <= set(LACK_CHATML) else Unknown(f"whether the model knows {token}")
    if any(name in OWN and OWN[name].fullmatch(token) for name in families):
        return Unknown(f"it is unknown whether the model's vocabulary has {token}")
    if token.startswith("<|") and (not families or "" in families):
        return Unknown(f"it is unknown whether the model's vocabulary has {token}")
    return True


def trained(run: Run) -> bool | Unknown:
    """Return whether the adapter trains rows of the embeddings."""
    if run.adapter.unknown and not run.adapter:
        return Unknown(run.adapter.unknown)
    saved = run.adapter.value("modules_to_save")
    rows = run.adapter.value("trainable_token_indices")
    targets = run.adapter.value("target_modules")
    if given(rows):
        return Unknown(rows.why) if isinstance(rows, Unknown) and "not" in rows.why and rows.parts is None else True
    sometimes = False
    for value in (saved, targets):
        found = [names(one) for one in options(value)]
        if None in found:
            return Unknown("it is unknown whether the adapter trains the embeddings")
        trains = [any(EMBEDDINGS.search(n) for n in one or ()) for one in found]
        if all(trains):
            return True
        sometimes = sometimes or any(trains)
    return Unknown("whether the adapter trains the embeddings depends on the path taken") if sometimes else False


def given(value: Value) -> bool:
    return not isinstance(value, Absent) and not (isinstance(value, Known) and value.value in (None, {}, []))


def names(value: Value) -> list[str] | None:
    if isinstance(value, (Absent,)) or isinstance(value, (Known, Default)) and value.value is None:
        return []
    if isinstance(value, (Known, Default)):
        if isinstance(value.value, str):
            return [value.value]
        if isinstance(value.value, (list, tuple, set, frozenset)) and all(isinstance(v, str) for v in value.value):
            return list(value.value)
    if isinstance(value, Either):
        return None
    return None


def place(run: Run, added: Call) -> Place:
    """Return where the adapter's trained modules are set, or the call that adds the tokens if no adapter is seen."""
    call = run.adapter.call or run.adapter_call or added
    for one in ("modules_to_save", "target_modules"):
        if one in call.places:
            return call.places[one]
    return call.place
