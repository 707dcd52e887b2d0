"""Traps between tokenizer, collator and trainer that raise nothing: text that does not reach the loss."""

from __future__ import annotations

import re

from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Known, Term, Unknown, Value
from ..api.accepted import accepting
from ..dataset.columns import method_of
from ..derive import numeric
from ..run import Run
from . import ending_of_text
from .ending import TEMPLATE
from .objective import objective
from .padding import padding
from .preparation import appends_eos, packs_with_eos, uses_unsloth
from .text import Piece, chat_call_of, trimmed
from .tokenizer import Tokenizer
from .tokenizers import BOS, Family, bos_literals
from .tokens import joined
from .training_text import TrainingText, takes_text_field, texts_of

# Families whose tokenizers have no BOS token.
NO_BOS = ("Qwen", "SmolLM", "GPT-2", "GPT-OSS", "Phi 3")
NO_ADDED_EOS = (*NO_BOS, "Llama 3")  # families whose tokenizers do not heed add_eos_token
TEMPLATING = re.compile(r"format|prompt|template|render|substitute", re.IGNORECASE)


def read(run: Run, plan: TrainingPlan) -> None:
    texts = texts_of(run)
    plan.prompt.padding = padding(run, plan, texts)
    plan.prompt.bos = bos(run, plan, texts)
    plan.prompt.boundary = boundary(run, texts)
    plan.prompt.appended = appended(run, plan, texts)
    schema_fills(plan)


# -- the two ends of a text --------------------------------------------------------------------------------------


def bos(run: Run, plan: TrainingPlan, texts: list[TrainingText]) -> Fact:
    """Return whether a text contains the BOS token that the tokenizer will add again."""
    at = texts[0].at if texts else run.place
    forms = ("text", "prompt-completion", *([""] if prepares(run) else []))
    if not texts or any(t.form not in forms for t in texts):
        return Fact(Absent("not a text"), at=at, why_not=objective(run) or "the training data is not plain text")
    if uses_unsloth(run):
        return Fact(Absent("Unsloth"), at=at, why_not="Unsloth removes a second BOS token")
    tokenizer = Tokenizer(run, plan)
    trace = texts[0].trace if texts[0].at is None else (texts[0].at,)  # where its words come from says nothing of it
    puts = puts_bos(tokenizer)
    if puts is False:
        return Fact(tokenizer.of_model(Known("once", trace)), at=at)
    if (unread := next((t for t in texts if not t.form), None)) is not None:
        return Fact(Unknown(f"it is unknown how the training text begins: {unread.why}", trace), at=at)
    starts = [starts_with_bos(t, pieces, tokenizer) for t in texts for pieces in t.texts or [[]]]
    if any(by for by, _ in starts):
        if untouched := own_special_tokens(run):
            return Fact(Unknown(untouched, trace), at=at)
        by = next(by for by, _ in starts if by)
        if puts:
            twice = tokenizer.of_model(Known("twice", trace))
            return Fact(texts[0].settled(twice) if by == "the text" else twice, at=at, note=by)
        return Fact(Unknown("it is unknown whether the model's tokenizer adds a BOS token", trace), at=at)
    why = next((why for _, why in starts if why), "")
    once: Value = Known("once", trace)
    if any(chat_call_of(t.value) is not None for t in texts) and tokenizer.takes_models_template:
        once = tokenizer.of_model(once)
    return Fact(Unknown(why, trace) if why else once, at=at)


def prepares(run: Run) -> bool:
    """Return whether the trainer makes tokens of what it is given; the others are given tokens."""
    return run.trainer is not None and "SFT" in run.trainer.callee


def puts_bos(tokenizer: Tokenizer) -> bool | None:
    """Return whether the model's tokenizer puts a BOS token before every text; None if unknown."""
    if tokenizer.member is not None and tokenizer.member.puts_bos is not None:
        return tokenizer.member.puts_bos
    kind: Family | None = tokenizer.family
    if kind is None:
        return None
    return True if kind.name in BOS else False if kind.name in NO_BOS else None


def starts_with_bos(text: TrainingText, pieces: list[Piece], tokenizer: Tokenizer) -> tuple[str, str]:
    """Return the part of a text that writes the BOS token ("" if none), and why that is unknown ("" if it is known)."""
    call = chat_call_of(text.value)
    if call is not None and (not pieces or pieces[0].turn or pieces[0].why or pieces[0].hole is not None):
        end = tokenizer.chat_end(call)
        if end.why or end.starts_with_bos is None:
            return "", f"it is unknown whether the chat template writes a BOS token: {end.why or end.by}"
        return ("the chat template", "") if end.starts_with_bos else ("", "")
    if not pieces:
        return "", text.why or "it is unknown how the training text begins"
    first = next((piece for piece in pieces if piece.hole is not None or piece.text.strip()), pieces[0])
    literals = bos_literals(tokenizer.family)
    if "bos" in first.roles or first.hole is None and first.text.lstrip().startswith(literals):
        return "the text", ""
    if first.hole is not None and (not first.roles or of_template(first.hole)):
        return "", "the script does not show how the training text begins"
    return "", ""


def of_template(hole: Value) -> bool:
    """Return whether a hole is more than data: a template that is not shown, filled with it (`template.format(…)`)."""
    return isinstance(hole, Term) and (
        hole.operation == "%" or hole.operation == "call" and TEMPLATING.search(method_of(hole)) is not None
    )


def own_special_tokens(run: Run) -> str:
    """Return why the tokenizer may not add a BOS token after all."""
    kwargs = run.arguments.value("dataset_kwargs")
    asked = [
        kwargs,
        *(c.get("add_bos_token") for c in run.calls),
        *(v for c in run.calls if c.callee.endswith((".add_bos_token=", ".bos_token=")) for v in c.arguments.values()),
    ]
    return (
        "the script itself controls which special tokens are added"
        if any(not isinstance(v, Absent) for v in asked)
        else ""
    )


def appended(run: Run, plan: TrainingPlan, texts: list[TrainingText]) -> Fact:
    """Return the token TRL appends to a text that does not end exactly with EOS; a line feed after it is enough."""
    at = texts[0].at if texts else run.place
    other = objective(run) or (
        "" if run.trainer is not None and run.trainer.callee.startswith("trl.") else "the trainer appends nothing"
    )
    if not other and uses_unsloth(run) and not packs_with_eos(run) and any(not t.texts for t in texts):
        other = "Unsloth's own data preparation appends nothing"
    if other or not texts or any(t.form not in ("", "text") for t in texts):
        return Fact(Absent("not a text"), at=at, why_not=other or "the training data is not a text column")
    tokenizer = Tokenizer(run, plan)
    found = [t.at_end(_appended(t, pieces, run, tokenizer), pieces) for t in texts for pieces in t.texts or [[]]]
    return Fact(joined(found), at=at)


def _appended(text: TrainingText, pieces: list[Piece], run: Run, tokenizer: Tokenizer) -> Value:
    appends, packs = appends_eos(text, run), packs_with_eos(run)
    trace = text.trace if text.at is None else (text.at,)
    if appends is None:
        return Unknown("whether the trainer appends the EOS token depends on the version of TRL", trace)
    if not pieces:
        why = text.why or "it is unknown how the text ends"
        # an older release that only a refused argument tells of goes with the argument's repair
        certain = not appends and not packs and accepting(run) is None
        return Known("nothing", trace) if certain else Unknown(why, trace)
    ending = ending_of_text(text, pieces, tokenizer)
    heeds = tokenizer.family is None or tokenizer.family.name not in NO_ADDED_EOS
    if tokenizer.adds_eos and heeds and ending.kind == "eos":
        why = "the text ends with the EOS token, and whether add_eos_token makes the tokenizer add another is not known"
        return Unknown(why, trace)
    if packs and ending.kind == "eos":
        return Known("a second EOS token by packing", trace)
    if not appends or ending.kind in ("text after eos", "two eos", "cut off"):  # prompt/eos tells of these
        return Known("nothing", trace)
    if ending.kind in ("none", "foreign eos"):
        return Known("the EOS token", trace)
    if ending.kind != "eos":
        return Unknown(ending.why or "it is unknown how the text ends", trace)
    if _ends_in_line_feed(text, pieces, ending.by, tokenizer):
        return Known("a second EOS token", trace)
    return Known("nothing", trace)


def _ends_in_line_feed(text: TrainingText, pieces: list[Piece], by: str, tokenizer: Tokenizer) -> bool:
    """Return whether whitespace follows the tokenizer's EOS token, so that TRL does not find it."""
    if by == TEMPLATE:
        call = chat_call_of(text.value)
        end = tokenizer.chat_end(call)
        ends = end.token == "eos" or end.token == tokenizer.eos(end)
        return (
            call is not None and trimmed(text.value) is None and pieces[-1].why == TEMPLATE and ends and end.line_feed
        )
    last = pieces[-1]
    return by == tokenizer.eos() and last.hole is None and not last.turn and last.text.endswith("\n")


# -- room for the answer -----------------------------------------------------------------------------------------

LONGEST_TOKEN = 6  # characters: on a schema no tokenizer reaches that many a token


def schema_fills(plan: TrainingPlan) -> None:
    """Set whether a schema as long as its limit leaves no room for the answer in a sequence."""
    limit, length = plan.dataset.schema_limit, plan.memory.trainer_length
    fact = plan.dataset.schema_fills
    fact.at = limit.at
    characters, tokens = numeric(limit.value), numeric(length.value)
    unit = "tokens" if "in tokens" in limit.note else "words" if "in words" in limit.note else "characters"
    if limit.why_not or characters is None or tokens is None:
        fact.why_not = limit.why_not or "the schema's limit or the sequence length is unknown"
        return
    least = characters if unit != "characters" else characters / LONGEST_TOKEN
    fact.value = Known(least >= tokens, limit.value.trace)
    fact.note = f"{characters:g} {unit} of schema are at least {least:.0f} tokens, and the trainer cuts at {tokens:g}"


def boundary(run: Run, texts: list[TrainingText]) -> Fact:
    """Return the end of a prompt, if the answer is a separate column: a space merges into the answer's first token."""
    at = texts[0].at if texts else run.place
    ends = [end for t in texts if t.form == "prompt-completion" for pieces in t.texts for end in prompt_ends(pieces)]
    if any(end.hole is None and end.text.endswith((" ", "\t")) for end in ends):
        return Fact(Known("space", texts[0].trace), at=at)
    unread = next((t for t in texts if not t.form or t.untraced and not takes_text_field(run)), None)
    if unread is not None and prepares(run):
        return Fact(Unknown(f"whether prompt and answer are separate columns: {unread.why}", unread.trace), at=at)
    if not ends:
        return Fact(Absent("no columns"), at=at, why_not="prompt and answer are not separate columns")
    if (open_end := next((end for end in ends if end.hole is not None), None)) is not None:
        why = f"it is unknown how the prompt ends: {open_end.why or getattr(open_end.hole, 'text', '')}"
        return Fact(Unknown(why, texts[0].trace), at=at)
    return Fact(Known("no space", texts[0].trace), at=at)


def prompt_ends(pieces: list[Piece]) -> list[Piece]:
    """Return the last piece before the completion, which may be data; none for a chat."""
    i = next((i for i, p in enumerate(pieces) if p.turn), 0)
    if not i or pieces[i].turn != "completion":
        return []
    answer = next((p for p in pieces[i + 1 :] if p.hole is not None or p.text), None)
    if answer is not None and answer.hole is None and answer.text[:1].isspace():
        return [Piece(text="\n")]
    return [pieces[i - 1]] if pieces[i - 1].hole is not None or pieces[i - 1].text else []
