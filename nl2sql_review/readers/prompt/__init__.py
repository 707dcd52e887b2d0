"""The prompt section: the training text, its parts, its ending, the loss and the markers that it depends on.

A fact is the join over every text the trainer may get: if the branches agree it is known, else it is an
`Either`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...interpret.core.joins import demote
from ...interpret.core.recording import Call
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Default, Known, Place, Trace, Unknown, Value
from ..derive import plain
from ..run import Run
from . import ending as prompt_ending
from . import label_mask, markers
from . import loss as prompt_loss
from . import parts as prompt_parts
from .collated import padded
from .label_turns import end_is_masked, grows
from .labels import copies_padding
from .objective import apart, doubt
from .other_task import WHY, sets_another_task
from .padding_mask import masks_padding_tokens
from .padding_token import asks_tokenizer, is_eos, pads_with_eos, written
from .preparation import appends_eos, older_may_not_append, packs_with_eos
from .text import Piece, chat_call_of
from .tokenizer import Tokenizer
from .tokens import is_eos_in, is_pad_id, joined
from .training_text import TrainingText, training_texts

if TYPE_CHECKING:
    from ...training_plan import facts


def read(run: Run, plan: TrainingPlan) -> None:
    """Fill `plan.prompt`."""
    prompt = plan.prompt
    why_not = apart(run)
    if why_not:
        for name in prompt.names():
            getattr(prompt, name).why_not = why_not
        return
    if unclear := doubt(run):
        for name in prompt.names():
            setattr(prompt, name, Fact(Unknown(unclear), at=run.place))
        return
    texts = training_texts(run)
    at = texts[0].at
    prompt.text = Fact(joined(_whole(t) for t in texts), at=at)
    prompt.form = Fact(joined(_known(t.form, t.why, t.trace) for t in texts), at=at)
    _parts(prompt, texts, at)
    if sets_another_task(run, texts):
        prompt.missing_parts.why_not = prompt.style.why_not = WHY
    tokenizer = Tokenizer(run, plan)
    _ending(prompt, texts, at, run, tokenizer)
    _loss(prompt, texts, run, tokenizer)


def _known(value: object, why: str, trace: Trace) -> Value:
    return Known(value, trace) if value else Unknown(why or "not known", trace)


def _whole(text: TrainingText) -> Value:
    return Unknown(text.why, text.trace) if isinstance(text.value, Absent) else text.value


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _parts(prompt: facts.Prompt, texts: list[TrainingText], at: Place | None) -> None:
    found = [(t, [prompt_parts.parts_of(pieces, t.form) for pieces in t.texts]) for t in texts]
    orders: list[Value] = []
    missing: list[Value] = []
    styles: list[Value] = []
    for text, alternatives in found:
        if not alternatives:
            why = text.why or "the training text is unknown"
            orders.append(Unknown(why, text.trace))
            missing.append(Unknown(why, text.trace))
        for parts in alternatives:
            styles.append(Known(parts.style, text.trace))
            if parts.missing and parts.doubts:
                sure = parts.surely_missing
                missing.append(text.settled(Known(sure, text.trace)) if sure else Unknown(parts.doubts[0], text.trace))
                orders.append(Unknown(parts.doubts[0], text.trace, [Known(p) for p in parts.order]))
            else:
                missing.append(text.settled(Known(parts.missing, text.trace)))
                orders.append(text.settled(Known(parts.order, text.trace)))
    prompt.parts = Fact(joined(orders), at=at)
    prompt.missing_parts = Fact(joined(missing), at=at, note=_missing_note(found))
    known = prompt.parts.value.value if isinstance(prompt.parts.value, (Known, Default)) else []
    prompt.style = Fact(joined(styles), at=at, note=", ".join(known))


def _missing_note(found: list[tuple[TrainingText, list[prompt_parts.Parts]]]) -> str:
    for _, alternatives in found:
        for parts in alternatives:
            if parts.marker and parts.style == "own wording":
                return f"the answer is announced by {parts.marker!r}"
    return ""


# ── ending ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ending(prompt: facts.Prompt, texts: list[TrainingText], at: Place | None, run: Run, tokenizer: Tokenizer) -> None:
    kinds: list[Value] = []
    sources: list[Value] = []
    notes: list[str] = []
    by_release = False
    for text in texts:
        alternatives = text.texts
        if not alternatives and text.form == "chat":  # only how its template ends matters
            alternatives = [[Piece(hole=text.value, roles=frozenset(("eos",)), why=prompt_ending.TEMPLATE)]]
        if not alternatives:
            why = text.why or "the training text is unknown"
            kinds.append(Unknown(why, text.trace))
            sources.append(Unknown(why, text.trace))
        for pieces in alternatives:
            ending = _appended(ending_of_text(text, pieces, tokenizer), text, run, tokenizer)
            kind = text.at_end(_known(ending.kind, ending.why, text.trace), pieces)
            by_model = ending.by == prompt_ending.TEMPLATE and tokenizer.takes_models_template
            kinds.append(tokenizer.of_model(kind) if by_model else kind)
            sources.append(_known(ending.by or "nothing", "", text.trace))
            by_release = by_release or ending.by == "TRL" and text.form == "text" and older_may_not_append(text, run)
            if ending.why or ending.by:
                notes.append(ending.why or f"by {ending.by}")
            if ending.kind == "cut off" and ending.piece is not None:
                at = ending.piece.place or at
    prompt.ending = Fact(joined(kinds), at=at, note=notes[0] if notes else "", assumed=by_release)
    prompt.eos_from = Fact(joined(sources), at=at)


def ending_of_text(text: TrainingText, pieces: list[Piece], tokenizer: Tokenizer) -> prompt_ending.Ending:
    """Return how a text ends, before the libraries append anything."""
    if tokenizer.stated is not None and tokenizer.stated.trained_ends is not None:
        return prompt_ending.of_turns(tokenizer)
    return prompt_ending.ending_of(pieces, tokenizer, chat_call_of(text.value))


def _appended(ending: prompt_ending.Ending, text: TrainingText, run: Run, tokenizer: Tokenizer) -> prompt_ending.Ending:
    """Return the ending after the libraries, or the script itself, have appended to a text, as far as it has labels."""
    ending = _lengthened(ending, text, run, tokenizer)
    if ending.kind != "eos" or text.form != "tokenised":
        return ending
    return _masked_at_end(text) or _masked_as_padding(text, run, tokenizer) or ending


def _lengthened(
    ending: prompt_ending.Ending, text: TrainingText, run: Run, tokenizer: Tokenizer
) -> prompt_ending.Ending:
    """Return the ending after something is appended to a text that lacks the EOS token, or may lack it."""
    if not ending.kind and text.form == "tokenised" and text.appends_eos and not ending.by:
        return prompt_ending.Ending("eos", "eos_token_id", "its id is appended to the tokens")
    if ending.kind not in ("none", "foreign eos"):
        return ending
    if text.form == "prompt-completion" and not any(p.why == "chat template" for p in text.texts[0]):
        return prompt_ending.Ending("eos", "TRL", "the trainer appends it to the completion")
    if tokenizer.adds_eos:
        return prompt_ending.Ending("eos", "add_eos_token", "the tokenizer is configured to append it")
    if text.form == "tokenised" and text.appends_eos:
        return prompt_ending.Ending("eos", "eos_token_id", "its id is appended to the tokens")
    if text.form == "tokenised" and text.appended:
        return _other_id(text.appended, run, tokenizer)
    remade = run.trainer is not None and prompt_loss.always_remade(run.trainer.get("data_collator"))
    copied = text.form == "tokenised" and "labels" in text.columns and not remade
    by_collator = run.trainer is not None and any(padded(run))
    if by_collator or copied and copies_padding(run, text.columns["labels"]):
        why = "padding is in the loss: where the padding token is the EOS token, shorter rows end with it all the same"
        return prompt_ending.Ending("", why=why)
    if text.form == "text" and packs_with_eos(run):
        return prompt_ending.Ending("eos", "packing", "packing inserts it between the texts, before trl 0.15")
    if text.form == "text":
        appends = appends_eos(text, run)
        if appends:
            return prompt_ending.Ending(
                "eos", "TRL", "TRL appends it to the text since 0.16; Unsloth's data preparation would not"
            )
        if appends is None:
            where = f"a column called {text.field_name!r}" if text.field_name else "the text"
            return prompt_ending.Ending("", why=f"whether TRL appends the EOS token to {where} depends on its version")
    return ending


def _masked_at_end(text: TrainingText) -> prompt_ending.Ending | None:
    """Return the ending of a text whose last labels the script masks, without those of padding."""
    labels, ids = text.columns.get("labels"), text.columns.get("input_ids")
    if labels is None:
        return None
    masked = end_is_masked(labels, ids) if grows(labels) else label_mask.masks_end(labels)
    if masked is None:
        return prompt_ending.Ending("", why="it is unknown whether the label at the end of the answer is masked")
    if not masked:
        return None
    return prompt_ending.Ending("untrained eos", "labels", "the script masks the labels at the end of the answer")


def _masked_as_padding(text: TrainingText, run: Run, tokenizer: Tokenizer) -> prompt_ending.Ending | None:
    """Return the ending of a text whose labels are -100 at every padding token, if that is the EOS token."""
    labels, writes = text.columns.get("labels"), written(run)
    if labels is None or not writes or not masks_padding_tokens(labels):
        return None
    call, value = writes[-1]
    if not pads_with_eos(value, tokenizer.eos()):
        return None
    note = "the labels are -100 at every padding token, and that is the EOS token; mask by the attention mask"
    if call.conditional or asks_tokenizer(call):
        return prompt_ending.Ending(
            "", why="the labels mask the padding token; it depends on the tokenizer whether that is the EOS token"
        )
    return prompt_ending.Ending("untrained eos", "labels", note)


def _other_id(ids: tuple[Any, ...], run: Run, tokenizer: Tokenizer) -> prompt_ending.Ending:
    """Return the ending of a text after which the script puts an id that it does not call the EOS token's."""
    if all(is_eos_in(run, one) for one in ids):
        return prompt_ending.Ending("eos", "eos_token_id", "its id is appended to the tokens")
    if not all(map(is_pad_id, ids)):
        why = "the script puts an id of its own after the text; it is unknown which token that is"
        return prompt_ending.Ending("", why=why)
    writes = written(run)
    if writes and is_eos(writes[-1][1]) and not writes[-1][0].conditional and not asks_tokenizer(writes[-1][0]):
        return prompt_ending.Ending("eos", "pad_token_id", "the padding token is the EOS token, and its id is appended")
    why = f"the script puts the padding token after the text; it is unknown whether {tokenizer.words} stops there"
    return prompt_ending.Ending("", why=why)


# ── loss and markers ─────────────────────────────────────────────────────────────────────────────────────────────────


def _loss_on(loss: prompt_loss.Loss) -> Value:
    value = _known(loss.on, loss.why, _trace(loss.at))
    return demote(value, loss.overridden_by) if loss.overridden_by else value


def _loss(prompt: facts.Prompt, texts: list[TrainingText], run: Run, tokenizer: Tokenizer) -> None:
    losses = [(t, loss) for t in texts for loss in prompt_loss.loss_of(run, t, tokenizer)]
    failing = next((loss for _, loss in losses if loss.on != "response"), losses[0][1])
    note = failing.note or (f"by {failing.by}" if failing.on == "response" else "")
    on = joined(_loss_on(x) for _, x in losses)
    by = next((by for _, x in losses if (by := prompt_loss.decided_by(run, x))), "")
    prompt.loss_on = Fact(demote(on, by) if by else on, at=failing.at, note=note)
    prompt.loss_by = Fact(joined(_known(x.by, x.why, _trace(x.at)) for _, x in losses), at=failing.at)
    loss = next((loss for _, loss in losses if markers.searched(loss)), losses[0][1])
    if not markers.searched(loss):
        why = "the loss is not masked" if loss.on == "all" else f"no marker is used: {loss.by}" if loss.on else ""
        for fact in (prompt.instruction_marker, prompt.response_marker, prompt.markers):
            fact.value, fact.at, fact.why_not = (
                (Unknown(loss.why), loss.at, "") if not why else (Absent(why), loss.at, why)
            )
        return
    instruction, response = markers.arguments_of(loss.call)
    prompt.instruction_marker, prompt.response_marker = Fact(instruction, at=loss.at), Fact(response, at=loss.at)
    masking = {id(one.call): one.call for _, one in losses if one.call is not None and markers.searched(one)}
    found = [_markers(call, texts, tokenizer) for call in masking.values()]
    worst = next((fact for fact in found if plain(fact.value) != markers.FOUND), found[0])
    prompt.markers = Fact(joined(fact.value for fact in found), at=worst.at, note=worst.note)


def _markers(call: Call, texts: list[TrainingText], tokenizer: Tokenizer) -> Fact:
    """Return whether the markers that a call is given, or finds in the chat template, are in the texts."""
    instruction, response = markers.arguments_of(call)
    at = next(
        (
            call.places[n]
            for n in ("response_part", "response_template", "instruction_part", "instruction_template")
            if n in call.places
        ),
        call.place,
    )
    if all(isinstance(v, Absent) for v in (instruction, response)):
        note = "the markers of the chat template are used"
        return Fact(Known(markers.FOUND, _trace(call.place)), at=call.place, note=note)
    exact = not (isinstance(force := call.get("force_match"), Known) and force.value is False)
    template = tokenizer.written_text or tokenizer.turns
    verdicts = [
        markers.markers_of(p, instruction, response, tokenizer.family, template, exact) for t in texts for p in t.texts
    ]
    unread = next((t for t in texts if not t.texts), None)
    if unread is not None:
        return Fact(Unknown(unread.why or "the training text is unknown", _trace(at)), at=at)
    worst = next((v for v in verdicts if v.verdict != markers.FOUND), verdicts[0])
    if worst.marker and worst.marker == plain(instruction):
        at = call.places.get("instruction_part", call.places.get("instruction_template", at))
    return Fact(joined(_known(v.verdict, v.why, _trace(at)) for v in verdicts), at=at, note=worst.why)


def _trace(place: Place | None) -> Trace:
    return (place,) if place is not None else ()
