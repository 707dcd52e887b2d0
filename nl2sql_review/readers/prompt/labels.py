"""Labels that do not reach the loss as they were made: recreated, shifted twice, on padding, or none left."""

from __future__ import annotations

import re
from typing import Iterable, Iterator

from ...interpret.core.operations import ROWS_OF_BATCH
from ...interpret.core.recording import Call
from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Either, Known, Place, Term, Unknown, Value, overrider
from ..api.arguments import Defect, on_some_branch
from ..api.imports import fact as listed
from ..derive import contents, plain
from ..object_settings import last, objects
from ..run import Run
from ..spelling import spelt, terms
from . import collated, shared_labels
from .label_padding import filled_up, kept_by_trl, padded_with
from .loss import always_remade, hand_made
from .objective import objective
from .preparation import uses_unsloth
from .tokenizer import written_template
from .tokenizers import family, has_chat_template
from .training_text import TrainingText, texts_of
from .unlabelled import NO_LABELS, unlabelled
from .unshifted import unshifted

REMAKES = "transformers.DataCollatorForLanguageModeling"
LABELLED = ("transformers.Trainer", "transformers.Seq2SeqTrainer", "trl.SFTTrainer")
CALL = "transformers.PreTrainedTokenizer.__call__"
GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
# Families whose own chat templates have no {% generation %}, and that no trl replaces by one that has.
WITHOUT_GENERATION = ("Mistral", "Llama 2", "CodeLlama")
LABELS = re.compile(r"[\"']labels[\"']|\blabels\s*=")
MASKED = re.compile(r"-100|IGNORE|ignore_index|pad_token_id")
MASK = "return_assistant_tokens_mask"


def read(run: Run, plan: TrainingPlan) -> None:
    plan.prompt.labels = labels(run)
    if any(case.sentence.startswith(NO_LABELS) and not case.branch for case in plan.prompt.labels.cases):
        plan.prompt.loss_on.why_not = "no token has a label, so that training stops before there is a loss"
    why = "the script builds the text itself, or uses the tokenizer's own template"
    plan.prompt.foreign_template = Fact(Absent(why), at=run.place, why_not=why)


def labels(run: Run) -> Fact:
    trainer = run.trainer
    if trainer is None and (by_hand := [*filled_up(run), *unshifted(run)]):
        return listed(by_hand, run.place)
    if trainer is None or run.configuration is not None or trainer.callee not in LABELLED or objective(run):
        why = "the script gives no trainer labels"
        return Fact(Absent(why), at=run.place, why_not=why)
    texts = [*texts_of(run), *own_rows(run)]
    found = [d for text in texts for d in of_text(run, text)]
    found += on_some_branch(run, lambda one: (d for text in texts for d in assistant_only(one, text)))
    found += unshifted(run) if own_loss(run) else unlabelled(run, texts)
    kept: list[Defect | Unknown] = []
    if not own_loss(run) and not uses_unsloth(run):
        found += [*collated.padded(run), *filled_up(run), *padded_with(run)]
        kept = list(kept_by_trl(run, texts))
        found += [one for one in kept if isinstance(one, Defect)]
    found += shared_labels.in_batches(run)
    unread = next((text for text in texts if not text.form and not text.columns or text.untraced), None)
    if not found and unread is not None:
        why = "labels are made, and " if makes_labels(run) else "whether the rows come with labels: "
        return Fact(Unknown(why + unread.why, unread.trace), at=unread.at or run.place)
    if not found and any(drops_unread(run, text) for text in texts):
        why = "it is unknown which labels the script masks, and DataCollatorForLanguageModeling recreates them all"
        return Fact(Unknown(why), at=run.place)
    if not found and (open_padding := next((one for one in kept if isinstance(one, Unknown)), None)) is not None:
        return Fact(open_padding, at=next(iter(open_padding.trace), run.place))
    made = [text.columns["labels"] for text in own_rows(run)]
    if not found and (open_label := next((one for one in made if isinstance(one, Unknown)), None)) is not None:
        why = f"it is unknown which labels `__getitem__` gives: {open_label.why}"
        return Fact(Unknown(why, open_label.trace), at=run.place)
    return listed(list({(d.kind, id(d.place.node) if d.place else 0): d for d in found}.values()), run.place)


def makes_labels(run: Run) -> bool:
    """Return whether any file of the script mentions labels."""
    return run.mentions(LABELS)


def own_rows(run: Run) -> Iterator[TrainingText]:
    """Yield the rows that a dataset class of the script makes in its `__getitem__`."""
    assert run.trainer is not None
    row = getattr(run.trainer.result, "slots", {}).get("row")
    items = contents(row)
    if isinstance(items, dict) and "labels" in items:
        columns = {k: v if hasattr(v, "trace") else Known(v) for k, v in items.items()}
        yield TrainingText("tokenised", columns=columns, open=False)


def of_text(run: Run, text: TrainingText) -> Iterator[Defect]:
    """Yield the defects of hand-made labels."""
    made = text.columns.get("labels")
    if text.form != "tokenised" or made is None:
        yield from of_targets(run, text)
        return
    place = place_of(made, text, run)
    yield from shared_labels.in_rows(run, text, place)
    said = spelt(made)
    collator = remaking(run)
    if collator is not None:
        assert run.trainer is not None
        given = run.trainer.get("data_collator")
        branch = "" if always_remade(given) else getattr(given, "condition", "") or "the path taken"
        loss = hand_made(run, text, text.at)
        if loss.on == "response" or not loss.on and "-100" in said and ("len(" in said or "prompt" in said):
            lost = "labels with the masked prompt" if loss.on else "labels with their -100"
            yield Defect(
                "overwritten",
                "labels",
                collator.place,
                f"DataCollatorForLanguageModeling recreates the labels from the input ids and drops the script's "
                f"{lost} (ValueError where the rows of a batch differ in length); use DataCollatorForSeq2Seq",
                branch,
                overridden_by=overrider(collator.get("mlm")),
            )
        return
    if shifts(made) and not own_loss(run):
        own = [s for s in made.trace if s.source is run.source and "[1:" in run.source.segment(s.node)]
        yield Defect(
            "shifted",
            "labels",
            own[0] if own else place,
            "the script shifts the labels, and the model's loss shifts them again: the model learns the token after "
            "the next",
        )
    if MASK in said and (template := own_template(run)) is not None and not GENERATION.search(template):
        yield Defect(
            "no markers",
            "labels",
            place,
            "the chat template has no {% generation %}, so the assistant mask is all zeros and every label is -100",
        )
    if (found := filled(run, made)) is not None:
        limit, call = found
        yield Defect(
            "cut",
            "labels",
            call.places.get("padding", call.place),
            f"the prompt is padded to {limit} tokens and the row is truncated at {limit}: the answer is cut off, "
            f"and every label is -100",
        )
    assert run.trainer is not None
    prepared = run.trainer.callee.startswith("trl.") and uses_unsloth(run)  # what Unsloth does to labels is not known
    if own_loss(run) or prepared:  # either may mask the padding
        return
    if "-100" not in said and copies_padding(run, made) and not masks(run, (place, *made.trace)):
        yield Defect(
            "padding",
            "labels",
            place,
            "the labels are a copy of the padded ids, so padding is in the loss; set its labels to -100",
        )


def of_targets(run: Run, text: TrainingText) -> Iterator[Defect]:
    """Yield the tokenizer call that makes the labels itself, of `text_target=`, and pads them."""
    call = tokenizer_call(run, text.tokenizer_call) if text.tokenizer_call is not None else None
    if call is None or isinstance(call.get("text_target"), Absent) or not pads_rows(run, call) or own_loss(run):
        return
    if remaking(run) is None and not uses_unsloth(run) and not masks(run, (call.place,)):
        yield Defect(
            "padding",
            "labels",
            call.places.get("padding", call.place),
            "the tokenizer pads the labels that it makes of text_target=, so padding is in the loss; set it to -100",
            overridden_by=overrider(call.get("padding")),
        )


def masks(run: Run, places: Iterable[Place]) -> bool:
    """Return whether a function that the labels come through, in any file, or a collator of the script mentions it."""
    import libcst as cst

    assert run.trainer is not None
    texts: list[str] = []
    for place in places:
        path = place.source.nodes.path(place.node) if place.node is not None else ()
        functions = [n for n in path if isinstance(n, (cst.FunctionDef, cst.Lambda))]
        texts += [place.source.segment(functions[0])] if functions else []
    for thing in objects(run.trainer.get("data_collator")):
        node = getattr(getattr(thing, "cls", thing), "node", None)
        module = getattr(getattr(thing, "cls", thing), "module", None) or getattr(
            getattr(thing, "scope", None), "module", None
        )
        if node is not None and module is not None:
            texts.append(module.source.segment(node))
    return any(MASKED.search(text) for text in texts)


def place_of(made: Value, text: TrainingText, run: Run) -> Place:
    """Return where the labels are made: the expression in the mapped function."""
    for step in made.trace:
        if step.source is run.source and step.node is not None:
            return step
    assert run.place is not None
    return text.at or run.place


def remaking(run: Run) -> Call | None:
    """Return the call that makes the collator that recreates the labels, if the trainer is given it."""
    assert run.trainer is not None
    for thing in objects(run.trainer.get("data_collator")):
        call: Call | None = getattr(thing, "call", None)
        if call is not None and call.callee == REMAKES and plain(call.get("mlm")) is False:
            return call
    return None


def drops_unread(run: Run, text: TrainingText) -> bool:
    """Return whether the collator drops labels of which it is not known which are -100."""
    made = text.columns.get("labels")
    if text.form != "tokenised" or made is None or "-100" not in spelt(made) or remaking(run) is None:
        return False
    return not hand_made(run, text, text.at).on


def own_loss(run: Run) -> bool:
    """Return whether the script computes the loss itself, by a method of its trainer or a function given to it."""
    assert run.trainer is not None
    cls = getattr(run.trainer.instance, "cls", None)
    given = run.trainer.get("compute_loss_func")
    return cls is not None and cls.lookup("compute_loss") is not None or not isinstance(given, Absent)


def own_template(run: Run) -> str | None:
    """Return the chat template that the script writes, if it is one text."""
    writes = [value for c in run.calls if (value := written_template(c)) is not None]
    if any(last(c.callee) in ("get_chat_template", "setup_chat_format", "clone_chat_template") for c in run.calls):
        return None
    value = writes[-1] if writes else Absent()
    return value.value if isinstance(value, Known) and isinstance(value.value, str) else None


def assistant_only(run: Run, text: TrainingText) -> Iterator[Defect]:
    """Yield `assistant_only_loss` with a template that does not mark the assistant's tokens."""
    given = run.arguments.value("assistant_only_loss")
    if plain(given) is not True or text.form != "chat" or uses_unsloth(run):
        return
    if any(last(c.callee) in ("get_chat_template", "setup_chat_format", "clone_chat_template") for c in run.calls):
        return
    written = own_template(run)
    if written is None and any(written_template(c) is not None for c in run.calls):
        return
    if not isinstance(run.arguments.value("chat_template_path"), Absent):
        return
    name = run.load.value("model_name", "pretrained_model_name_or_path", "$0", "model")
    whose = "the chat template that the script writes"
    if written is None:
        kind = family(plain(name))
        if kind is None or kind.name not in WITHOUT_GENERATION or not has_chat_template(plain(name)):
            return
        whose = f"the chat template of {kind.name}"
    elif GENERATION.search(written):
        return
    place = run.arguments.where("assistant_only_loss")
    assert place is not None
    yield Defect(
        "no markers",
        "assistant_only_loss",
        place,
        f"assistant_only_loss=True needs a chat template with {{% generation %}}, but {whose} has none: no token is in "
        "the loss, or trl raises an error",
        overridden_by=overrider(given, name),
    )


# -- what a value is made of -------------------------------------------------------------------------------------


def shifts(value: Value) -> bool:
    """Return whether a value is like `labels[1:] + [-100]`, with every label moved one place to the left."""
    term = terms(value)
    if term is None or term.operation != "op" or len(term.args) != 2:
        return False
    first, filling = terms(term.args[0]), plain(term.args[1])
    if first is None or first.operation != "slice" or not isinstance(filling, (list, tuple)) or len(filling) != 1:
        return False
    return plain(first.args[1]) == 1 and plain(first.args[2]) is None


def filled(run: Run, value: Value) -> tuple[int, Call] | None:
    """Return the length at which a row is cut and the call that pads its prompt to it, or None for other rows."""
    term = terms(value)
    if term is None or term.operation != "slice" or plain(term.args[1]) not in (None, 0):
        return None
    stop = plain(term.args[2])
    first = leftmost(term.args[0])
    if not isinstance(stop, int) or stop <= 0 or first is None or first.operation != "op":
        return None
    counted = next((t for a in first.args if (t := terms(a)) is not None and t.text.startswith("len(")), None)
    call = tokenizer_call(run, counted.args[0]) if counted is not None and counted.args else None
    if call is None or plain(call.get("padding")) != "max_length":
        return None
    least = plain(call.get("max_length"))
    return (stop, call) if isinstance(least, int) and least >= stop else None


def leftmost(value: Value, depth: int = 0) -> Term | None:
    """Return the first of several joined lists."""
    term = terms(value)
    if term is None or depth > 8:
        return None
    if term.operation == "op" and len(term.args) == 2 and not repeats(term):
        return leftmost(term.args[0], depth + 1)
    return term


def repeats(term: Term) -> bool:
    """Return whether a term is like `[-100] * len(ids)`."""
    return isinstance(plain(term.args[0]), (list, tuple)) and term.text.startswith("[") and "] * " in term.text[:20]


def tokenizer_call(run: Run, value: Value) -> Call | None:
    """Return the tokenizer's call whose `input_ids` these are.

    Deeply nested terms hold only their text, by which the call is looked up.
    """
    term = terms(value)
    while term is not None and term.operation in ("item", "get", "attribute"):
        if len(term.args) < 2 or plain(term.args[1]) not in ("input_ids", 0):
            return None
        term = terms(term.args[0])
    if term is None:
        return None
    return next((c for c in run.calls if c.callee == CALL and getattr(c.result, "text", "") == term.text), None)


def pads_rows(run: Run, call: Call) -> bool:
    """Return whether a tokenizer call pads rows: to a length, or those of a batch to the longest of them."""
    padding = plain(call.get("padding"))
    if padding not in (True, "longest"):
        return bool(padding == "max_length")
    given = next(
        (one for name in ("text", "$0", "text_target") if not isinstance(one := call.get(name), Absent)), Absent()
    )
    texts = contents(given)
    if not isinstance(texts, (list, tuple)) or len(texts) == 1 and not isinstance(given, Unknown):
        return False
    of_batch = isinstance(given, Unknown) and ROWS_OF_BATCH in given.why
    return not (of_batch and any(last(c.callee) == "map" and plain(c.get("batch_size")) == 1 for c in run.calls))


def copies_padding(run: Run, value: Value, depth: int = 0) -> bool:
    """Return whether these are the ids of a tokenizer call that pads, unchanged or copied."""
    if depth > 6:
        return False
    if isinstance(value, Unknown) and isinstance(value.parts, list) and len(value.parts) == 1:
        return "-100" not in value.why and copies_padding(run, value.parts[0], depth + 1)
    if isinstance(value, Either):
        return False
    term = terms(value)
    if term is None:
        return False
    if term.operation == "replaced":  # by what is no -100
        return copies_padding(run, term.args[0], depth + 1)
    call = tokenizer_call(run, term)
    if call is not None:
        return pads_rows(run, call)
    if term.operation == "call" and re.search(r"^list\(|(copy|clone|tolist|deepcopy)\(", term.text):
        inner = [a for a in term.args if terms(a) is not None]
        for one in inner:
            found = terms(one)
            assert found is not None
            if copies_padding(run, found.args[0] if found.operation == "receiver" else one, depth + 1):
                return True
    if term.operation == "item" and len(term.args) == 2:  # one row of a batch
        return copies_padding(run, term.args[0], depth + 1)
    return False
