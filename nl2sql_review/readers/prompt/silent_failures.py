"""Traps between tokenizer, collator and trainer that raise nothing: text that does not reach the loss."""

from __future__ import annotations

from ...interpret.core.operations import describe
from ...libraries.versions import key_of
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Default, Either, Known, Place, Unknown, Value
from ..derive import derive, is_left_out, numeric
from ..object_settings import objects
from ..run import Run
from . import collated, ending_of_text
from .ending import TEMPLATE
from .loss import masking_call
from .objective import objective
from .padding_token import asks_tokenizer, eos_of, pads_with_eos, written
from .preparation import appends_eos, packs_with_eos, uses_unsloth
from .text import Piece, chat_call_of, trimmed
from .tokenizer import Tokenizer
from .tokenizers import BOS, Family, bos_literals
from .tokens import joined
from .training_text import TrainingText, texts_of

# Their labels are -100 wherever the padding token stands.
HIDE_PADDING = (
    "transformers.DataCollatorForLanguageModeling",
    "trl.DataCollatorForCompletionOnlyLM",
    "unsloth.trainer.UnslothVisionDataCollator",
    "unsloth.UnslothVisionDataCollator",
)
KEEPS_PADDING = "0.17.0"  # the first trl with a collator of its own, which looks at the attention mask instead
# Families whose tokenizers have no BOS token.
NO_BOS = ("Qwen", "SmolLM", "GPT-2", "GPT-OSS", "Phi 3")


def read(run: Run, plan: TrainingPlan) -> None:
    texts = texts_of(run)
    plan.prompt.padding = padding(run, plan, texts)
    plan.prompt.bos = bos(run, plan, texts)
    plan.prompt.boundary = boundary(run, texts)
    plan.prompt.appended = appended(run, plan, texts)
    schema_fills(plan)


# -- padding -----------------------------------------------------------------------------------------------------


def padding(run: Run, plan: TrainingPlan, texts: list[TrainingText]) -> Fact:
    """Return whether padding uses the token that ends a text, if the collator masks padding in the loss."""
    trainer = run.trainer
    if trainer is None:
        return Fact(Absent("no trainer is created"), at=run.place, why_not="no trainer is created")
    at, by = hides_padding(run, texts)
    if at is None:
        why = "the trainer's collator does not mask the padding token"
        return Fact(Absent(why), at=trainer.place, why_not=why)
    writes = written(run)
    if not writes:
        return Fact(
            Unknown("the tokenizer determines the padding token"),
            at=at,
            why_not="the script does not change the padding token",
        )
    call, value = writes[-1]
    if isinstance(value, Either):
        return Fact(Unknown("which token is used for padding depends on a branch", value.trace), at=call.place)
    if asks_tokenizer(call) and (own := published(run, plan)) is not None:
        return Fact(own, at=call.place, note=by)
    tokenizer = Tokenizer(run, plan)
    same = pads_with_eos(value, tokenizer.eos() or (None if tokenizer.eos_open else eos_of(call)))
    if same and (call.conditional or asks_tokenizer(call)):
        why = (
            "whether the padding token is set to the EOS token depends on the model's tokenizer, because it may "
            "have its own"
        )
        if not asks_tokenizer(call):
            why = "whether the padding token is set to the EOS token depends on a branch"
        return Fact(Unknown(why, (call.place,)), at=call.place)
    if same is None:
        why = f"it is unknown whether the padding token, {describe(value)}, is the EOS token"
        return Fact(Unknown(why, (call.place,)), at=call.place)
    ends = turn_ends(texts, tokenizer) if same else Known("eos")
    if not isinstance(ends, Known):
        return Fact(ends, at=call.place, why_not=ends.why if isinstance(ends, Absent) else "")
    return Fact(Known("the eos token" if same else "its own token", (call.place,)), at=call.place, note=by)


def turn_ends(texts: list[TrainingText], tokenizer: Tokenizer) -> Value:
    """Return "eos" where no chat template ends the turns with another token; Absent where one does: it is trained."""
    for text in texts:
        call = chat_call_of(text.value)
        if call is None and text.form != "chat":
            continue
        end = tokenizer.chat_end(call)
        if end.why:
            return Unknown(f"whether the token that ends a turn is the EOS token, and so masked: {end.why}", text.trace)
        if end.token not in ("", "eos", tokenizer.eos(end)):
            return Absent(f"a turn ends with {end.token}, and that is not the padding token")
    return Known("eos")


def published(run: Run, plan: TrainingPlan) -> Value | None:
    """Return which token the model's tokenizer comes with for padding; None if it may be none or an EOS token too."""
    tokenizer = Tokenizer(run, plan)
    member, name = tokenizer.member, plan.lora.model_name.value
    if member is None or tokenizer.eos_open or not isinstance(name, (Known, Default)):
        return None
    same = member.pad == tokenizer.eos()
    if not member.pad or same and not tokenizer.own_eos:
        return None
    return derive(lambda _: "the eos token" if same else "its own token", name)


def hides_padding(run: Run, texts: list[TrainingText]) -> tuple[Place | None, str]:
    """Return the place and name of the collator that masks every padding token, or (None, "")."""
    trainer = run.trainer
    assert trainer is not None
    if masking_call(run) is not None:
        return None, ""  # it puts a collator that keeps the labels in the place of the trainer's
    collator = trainer.get("data_collator")
    for thing in objects(collator):
        call, name = getattr(thing, "call", None), getattr(thing, "callee", "")
        if call is not None and name in HIDE_PADDING:
            mlm = call.get("mlm")
            if name != HIDE_PADDING[0] or isinstance(mlm, (Known, Default)) and mlm.value is False:
                return call.place, name.rpartition(".")[2]
    if collated.labels_of(collator) == collated.TOKEN_MASKED:
        return trainer.places.get("data_collator", trainer.place), "the script's own collator"
    if not is_left_out(collator) or trainer.callee != "trl.SFTTrainer" or trainer.unknown_arguments:
        return None, ""
    if uses_unsloth(run):
        tokenised = [t for t in texts if t.form == "tokenised" and not t.open and "input_ids" in t.columns]
        if (
            tokenised
            and len(tokenised) == len(texts)
            and not any({"labels", "completion_mask", "assistant_masks"} & set(t.columns) for t in texts)
        ):
            return trainer.place, "DataCollatorForLanguageModeling (used by Unsloth for tokens without labels)"
        return None, ""
    packing = run.arguments.value("packing")
    packs = not (isinstance(packing, Absent) or isinstance(packing, Known) and packing.value is False)
    if (
        not packs
        and run.versions is not None
        and run.versions.all(lambda i: key_of(i["trl"]) < key_of(KEEPS_PADDING), "trl")
    ):
        return trainer.place, "DataCollatorForLanguageModeling (the default of SFTTrainer before trl 0.17)"
    return None, ""


# -- the two ends of a text --------------------------------------------------------------------------------------


def bos(run: Run, plan: TrainingPlan, texts: list[TrainingText]) -> Fact:
    """Return whether a text contains the BOS token that the tokenizer will add again."""
    at = texts[0].at if texts else run.place
    if not texts or any(t.form not in ("text", "prompt-completion") for t in texts):
        return Fact(Absent("not a text"), at=at, why_not="the training data is not plain text")
    if uses_unsloth(run):
        return Fact(Absent("Unsloth"), at=at, why_not="Unsloth removes a second BOS token")
    tokenizer = Tokenizer(run, plan)
    trace = texts[0].trace
    puts = puts_bos(tokenizer)
    if puts is False:
        return Fact(tokenizer.of_model(Known("once", trace)), at=at)
    starts = [starts_with_bos(t, pieces, tokenizer) for t in texts for pieces in t.texts or [[]]]
    if any(by for by, _ in starts):
        if untouched := own_special_tokens(run):
            return Fact(Unknown(untouched, trace), at=at)
        by = next(by for by, _ in starts if by)
        if puts:
            return Fact(tokenizer.of_model(Known("twice", trace)), at=at, note=by)
        return Fact(Unknown("it is unknown whether the model's tokenizer adds a BOS token", trace), at=at)
    why = next((why for _, why in starts if why), "")
    once: Value = Known("once", trace)
    if any(chat_call_of(t.value) is not None for t in texts) and tokenizer.takes_models_template:
        once = tokenizer.of_model(once)
    return Fact(Unknown(why, trace) if why else once, at=at)


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
    if first.hole is not None and not first.roles:
        return "", "the script does not show how the training text begins"
    return "", ""


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
    if other or not texts or any(not t.texts or t.form != "text" for t in texts):
        return Fact(Absent("not a text"), at=at, why_not=other or "the training text is not a known text column")
    tokenizer = Tokenizer(run, plan)
    return Fact(joined(_appended(t, pieces, run, tokenizer) for t in texts for pieces in t.texts), at=at)


def _appended(text: TrainingText, pieces: list[Piece], run: Run, tokenizer: Tokenizer) -> Value:
    appends = appends_eos(text, run)
    if appends is None:
        return Unknown("whether the trainer appends the EOS token depends on the version of TRL", text.trace)
    ending = ending_of_text(text, pieces, tokenizer)
    if packs_with_eos(run) and ending.kind == "eos":
        return Known("a second EOS token by packing", text.trace)
    if not appends or ending.kind in ("text after eos", "two eos", "cut off"):  # prompt/eos tells of these
        return Known("nothing", text.trace)
    if ending.kind in ("none", "foreign eos"):
        return Known("the EOS token", text.trace)
    if ending.kind != "eos":
        return Unknown(ending.why or "it is unknown how the text ends", text.trace)
    if _ends_in_line_feed(text, pieces, ending.by, tokenizer):
        return Known("a second EOS token", text.trace)
    return Known("nothing", text.trace)


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
    if not ends:
        return Fact(Absent("no columns"), at=at, why_not="prompt and answer are not separate columns")
    spaces = [p for p in ends if p.text.endswith((" ", "\t"))]
    return Fact(Known("space" if spaces else "no space", texts[0].trace), at=at)


def prompt_ends(pieces: list[Piece]) -> list[Piece]:
    """Return the last literal piece before the completion; none for a chat, or for a prompt that ends in data."""
    i = next((i for i, p in enumerate(pieces) if p.turn), 0)
    if not i or pieces[i].turn != "completion":
        return []
    answer = next((p for p in pieces[i + 1 :] if p.hole is not None or p.text), None)
    if answer is not None and answer.hole is None and answer.text[:1].isspace():
        return [Piece(text="\n")]
    return [pieces[i - 1]] if pieces[i - 1].hole is None and pieces[i - 1].text else []
