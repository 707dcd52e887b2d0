"""Input of the trainer: which column, in which form, and the text it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterator

from ...flavours.reading import Stated
from ...interpret.core.datasets import Dataset
from ...interpret.core.joins import demote
from ...interpret.core.operations import freeze
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Trace, Unknown, Value, options
from ..dataset.columns import columns_read
from ..derive import contents
from ..object_settings import last
from ..run import Run
from . import module_text
from .mask_columns import labels_by_mask
from .objective import objective
from .preparation import since, uses_unsloth
from .text import MAX_ALTERNATIVES, Piece, alternatives, assign_roles, chat, chat_call, trimmed
from .tokens import appended_later, cell, flat, is_eos_id, last_ids, tokenised_text

CHAT_COLUMNS = ("messages", "conversations")
# arguments of the steps of a dataset that remove or rename columns
TAKE_AWAY = ("remove_columns", "column_names", "original_column_name", "column_mapping")
DEEP = 20  # levels of an expression that are kept: a chain of `or` is one for each spelling of a column
DEFAULT_TEXT_FIELD = "text"  # SFTConfig.dataset_text_field


@dataclass(slots=True)
class TrainingText:
    """One training text, before the trainer tokenizes it.

    `form`: "text", "prompt-completion", "chat", "tokenised", or "" if unknown, with the reason in `why`.
    `texts`: the possible texts, piece by piece; empty if nothing of it is known.
    `value`: the same as a value for the plan. `at`: the place to point to. `columns`: all dataset columns by
    name.
    """

    form: str = ""
    texts: list[list[Piece]] = field(default_factory=list)
    value: Value = field(default_factory=Absent)
    at: Place | None = None
    why: str = ""
    field_name: str = ""
    columns: dict[str, Value] = field(default_factory=dict)
    open: bool = True
    by_formatting: bool = False
    by_module: bool = False  # a module of the script makes it of a batch
    tokenizer_call: Term | None = None
    appends_eos: bool = False  # the id of the EOS token is added to the tokens
    appended: tuple[Any, ...] = ()  # the other ids, one of which is added to the tokens last
    dataset: Any = None
    untraced: bool = False  # nothing is known of the rows but the column that is named
    read: tuple[str, ...] = ()  # the columns that a text is read from of which the script shows no other part

    @property
    def trace(self) -> Trace:
        return own_trace(self.value) or ((self.at,) if self.at is not None else ())

    def settled(self, found: Value) -> Value:
        """Return what was found in the text: a default where something may override a part that the text writes."""
        by = next((by for one in options(self.value) if (by := getattr(one, "overridden_by", ""))), "")
        return demote(found, by) if by else found

    def at_end(self, found: Value, pieces: list[Piece]) -> Value:
        """Return what was found at the end of the text: the same, if the text itself writes that end."""
        last_piece = next((p for p in reversed(pieces) if p.hole is not None or p.turn or p.text.strip()), None)
        return self.settled(found) if last_piece is not None and last_piece.hole is None else found


def training_texts(run: Run) -> list[TrainingText]:
    """One for each dataset the trainer may get; at least one, which may say that nothing is known. Found once a run."""
    if run.texts is None:
        run.texts = _training_texts(run)
    return run.texts


def _training_texts(run: Run) -> list[TrainingText]:
    if run.configuration is not None:
        return [_stated(run.configuration.text)]
    if (own := module_text.made(run)) is not None:
        return [_of_module(own)]
    given = run.trainer or run.loader
    if given is None:
        return [TrainingText(why="no trainer was found, so the training text cannot be traced", at=run.place)]
    at = given.places.get("train_dataset", given.places.get("dataset", given.place))
    found = [text_of_dataset(run, dataset, at) for dataset in datasets(run.dataset)]
    if found:
        return found
    return [_without_dataset(run, at)]


def _of_module(made: module_text.Made) -> TrainingText:
    """Return the text that a module of the script makes of a batch."""
    text, columns = made.text(), made.values
    found = TrainingText("tokenised", alternatives(text), text, made.written, "", "input_ids", columns, False)
    found.by_module = True
    _, found.tokenizer_call = tokenised_text(made.inputs[-1].ids)
    return found


def _stated(text: Stated) -> TrainingText:
    """Return the text that a configuration defines, since no code builds it."""
    if text.form == "text" and not isinstance(text.value, Absent):
        return TrainingText("text", alternatives(text.value), text.value, text.at)
    return TrainingText(text.form, why=text.why, at=text.at)


def texts_of(run: Run) -> list[TrainingText]:
    """Return the training texts, or none for a trainer whose texts are not judged."""
    return [] if objective(run) else training_texts(run)


def datasets(value: Value) -> Iterator[Dataset]:
    if isinstance(value, Either):
        for option in value.options:
            yield from datasets(option)
    elif isinstance(value, (Known, Default)) and isinstance(value.value, Dataset):
        yield value.value


def _without_dataset(run: Run, at: Place | None) -> TrainingText:
    formatted = _formatted(run)
    if formatted is not None:
        return _text(formatted, "text", at, by_formatting=True)
    value = run.dataset
    columns, own = _columns_of_list(value), row_of_class(run)
    if columns is None and own is not None:
        columns, at = cells_of(own), own.trace[-1] if own.trace else at
    if columns is not None:
        add_labels(run, columns)
        text = _choose(run, Dataset("a list of rows", None, columns, open=False), columns, at)
        text.at = at if own is not None else text.at
        text.columns, text.open = columns, False
        return text
    if isinstance(value, Absent):
        why = run.trainer is not None and run.trainer.unknown_arguments or "the trainer gets no train_dataset"
    elif isinstance(value, Unknown):
        why = f"the training data could not be traced: {value.why}"
    else:
        why = "the training data could not be traced to its dataset"
    explicit = _text_field(run)
    if explicit == CHAT_COLUMNS[0] and not uses_unsloth(run):
        return of_messages(Unknown(why, value.trace), at)
    if explicit:
        column = Unknown(f"column {explicit!r}: {why}", value.trace)
        return TrainingText("text", [], column, at, why, explicit, untraced=True)
    return TrainingText(why=why, at=at)


def add_labels(run: Run, columns: dict[str, Value]) -> None:
    """Add the labels that a collator of the script's own makes of a mask in the rows."""
    collator = run.trainer.get("data_collator") if run.trainer is not None else Absent()
    if (labels := labels_by_mask(collator, columns)) is not None:
        columns["labels"] = labels


def _columns_of_list(value: Value) -> dict[str, Value] | None:
    """Return the columns of a list of rows that are all made in one way: `[{"messages": …} for row in dataset]`."""
    rows = value.parts if isinstance(value, Unknown) else None
    row = rows[0] if isinstance(rows, (list, tuple)) and len(rows) == 1 else None
    return cells_of(row) if isinstance(row, Value) else None


def cells_of(row: Value) -> dict[str, Value] | None:
    """Return the columns of a row as values; None if it is no row with names."""
    cells = contents(row)
    if not isinstance(cells, dict) or not cells or not all(isinstance(name, str) for name in cells):
        return None
    return {name: one if hasattr(one, "trace") else Known(one) for name, one in cells.items()}


def row_of_class(run: Run) -> Value | None:
    """Return the row of tokens that `__getitem__` of the script's own dataset returns, or None if it has none."""
    given = run.trainer or run.loader
    row = getattr(given.result, "slots", {}).get("row") if given is not None else None
    return row if isinstance(row, Value) and "input_ids" in (cells_of(row) or {}) else None


def text_of_dataset(run: Run, dataset: Dataset, at: Place | None) -> TrainingText:
    """Return the training text of one dataset, as the trainer would take it."""
    columns = {name: freeze(value, DEEP) for name, value in dataset.columns.items()}
    add_labels(run, columns)
    text = _choose(run, dataset, columns, at)
    text.columns, text.open, text.dataset = columns, bool(dataset.open), dataset
    return text


def texts_before_mixing(run: Run, dataset: Dataset) -> list[TrainingText]:
    """Return the texts of the datasets before mixing, because equal texts are one in the mix."""
    return [text_of_dataset(run, part, None) for part in dataset.parts if isinstance(part, Dataset)]


def _choose(run: Run, dataset: Dataset, columns: dict[str, Value], at: Place | None) -> TrainingText:
    unsloth = uses_unsloth(run)
    name = _text_field(run) or DEFAULT_TEXT_FIELD
    trainer = last(run.trainer.callee) if run.trainer is not None else "the training loop"
    fine_tunes = "SFT" in trainer or trainer.startswith("Unsloth")
    if "input_ids" in columns:
        text = _tokenised(columns["input_ids"], columns, at)
        text.appends_eos = text.appends_eos or appended_later(run, columns["input_ids"])
        return text
    if not fine_tunes:
        batch = getattr(run.trainer.result, "slots", {}).get("batch") if run.trainer is not None else None
        if isinstance(batch, Term):
            return _tokenised(batch, columns, at)
        return TrainingText(
            why=f"{trainer} needs tokenized columns, but the code that creates them is unknown",
            at=at,
        )
    formatted = _formatted(run)
    if formatted is not None:
        return _text(formatted, "text", at, by_formatting=True)
    if name == CHAT_COLUMNS[0] and not unsloth and name not in columns and dataset.open:
        return of_messages(Unknown("the content of the messages is not in the script"), at)
    conversation = next((c for c in CHAT_COLUMNS if c in columns), None)
    paired = "prompt" in columns and "completion" in columns and not unsloth
    if paired and name in columns and takes_text_field(run) is None:
        why = (
            f"whether the trainer takes column {name!r} or those of prompt and completion depends on the release of TRL"
        )
        return TrainingText(why=why, at=at)
    if (
        name in columns
        and (unsloth or conversation is None)
        and (unsloth or name != CHAT_COLUMNS[0])
        and not (paired and not takes_text_field(run))
    ):
        made = _text(columns[name], "text", at, name)
        of_chat = dataset.open and any(CHAT_COLUMNS[0] in piece.columns for pieces in made.texts for piece in pieces)
        kept = of_chat and not unsloth and keeps(dataset, CHAT_COLUMNS[0])
        if kept is None:
            return TrainingText(why="it is unknown whether the messages stay beside the text", at=at)
        if kept:  # TRL takes the messages, which are still there
            return of_messages(Unknown("the content of the messages is not in the script"), at)
        return made
    if conversation is not None:
        return _chat(columns[conversation], at, conversation)
    if "prompt" in columns and "completion" in columns:
        return _pair(columns["prompt"], columns["completion"], at)
    if name in columns:
        return _text(columns[name], "text", at, name)
    if _text_field(run):
        why = (
            f"the content of column {name!r} is created outside the script"
            if dataset.open
            else f"the dataset has no column {name!r}"
        )
        return TrainingText("text", [], Unknown(why), at, why, name)
    if dataset.open:
        return TrainingText(why="the script does not show the columns of the dataset", at=at)
    return TrainingText(
        why=f"the dataset has no column {name!r}, only {', '.join(map(repr, columns)) or 'none'}", at=at
    )


def keeps(dataset: Dataset, column: str) -> bool | None:
    """Return whether a column that the rows come with is never removed or renamed; None if that is unknown."""
    for step in dataset.steps:
        for names in (contents(step.get(name)) for name in TAKE_AWAY if not isinstance(step.get(name), Absent)):
            taken = [names] if isinstance(names, str) else [contents(name) for name in names or [None]]
            if column in taken or None in taken:
                return False if column in taken else None
    return True


def _text_field(run: Run) -> str:
    """Return the given dataset_text_field, or "" if none is."""
    for value in (
        run.arguments.value("dataset_text_field"),
        run.trainer.get("dataset_text_field") if run.trainer else Absent(),
    ):
        if isinstance(value, (Known, Default)) and isinstance(value.value, str):
            return value.value
    return ""


def takes_text_field(run: Run) -> bool | None:
    """Return whether the trainer takes its text column from its own argument, as only a TRL before 0.13 does.

    Such a one looks at no other column then. None if that depends on the release.
    """
    given = run.trainer.get("dataset_text_field") if run.trainer is not None else Absent()
    if not isinstance(given, (Known, Default)):
        return False
    newer = since(run, "0.13.0")
    return None if newer is None else not newer


def _formatted(run: Run) -> Value | None:
    """Return the result of formatting_func for a row, or Unknown; None if there is no such function."""
    function = run.trainer.get("formatting_func") if run.trainer is not None else Absent()
    if run.trainer is None or isinstance(function, Absent) or isinstance(function, Known) and function.value is None:
        return None
    result: Value | None = (getattr(run.trainer.result, "slots", None) or {}).get("formatted")
    if result is None:
        return Unknown("the result of formatting_func could not be traced", function.trace)
    result = freeze(result)
    if isinstance(result, (Known, Default)) and isinstance(result.value, (list, tuple)) and len(result.value) == 1:
        return Known(result.value[0], result.trace)
    if isinstance(result, Unknown) and isinstance(result.parts, (list, tuple)) and len(result.parts) == 1:
        only: Value = result.parts[0]
        return only
    return result


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def own_trace(value: Value) -> Trace:
    """Return where a text is built and goes through: its trace without the steps of the values in its holes."""
    if isinstance(value, Either):
        return own_trace(value.options[0])
    if not isinstance(value, Text):
        return value.trace
    holes = {id(place.node) for part in value.parts if not isinstance(part, str) for place in part.trace}
    return tuple(place for place in value.trace if id(place.node) not in holes)


def place_of(value: Value, otherwise: Place | None) -> Place | None:
    """Return where a text is built, or `otherwise` if it has no place of its own: `ids = []` is filled elsewhere."""
    first = next(iter(own_trace(value)), otherwise)
    empty = first is not None and type(first.node).__name__ == "List" and not first.node.elements
    return otherwise if empty and otherwise is not None else first


def _text(value: Value, form: str, at: Place | None, name: str = "", by_formatting: bool = False) -> TrainingText:
    value = cell(value)
    at = place_of(value, at)
    if isinstance(value, Unknown):
        return TrainingText(form, [], value, at, value.why, name, by_formatting=by_formatting)
    if _wholly_open(value):
        why = f"the content of {_described(value)} is not in the script"
        unseen, read = Unknown(why, value.trace), tuple(columns_read(value))
        return TrainingText(form, [], unseen, at, why, name, by_formatting=by_formatting, read=read)
    return TrainingText(form, alternatives(value), value, at, "", name, by_formatting=by_formatting)


def _wholly_open(value: Value) -> bool:
    """Return whether nothing is known of a text but the column it was read from."""
    return (
        isinstance(value, Term)
        and chat_call(value) is None
        and trimmed(value) is None
        and not any(isinstance(a, Text) for a in value.args)
    )


def _described(value: Value) -> str:
    return f"`{value.text}`" if isinstance(value, Term) else "the column"


def of_messages(messages: Unknown, at: Place | None) -> TrainingText:
    """Return a message column that the script names but does not make: TRL treats it as a chat by its name."""
    return TrainingText("chat", chat(messages), messages, at, "", CHAT_COLUMNS[0])


def _chat(messages: Value, at: Place | None, name: str) -> TrainingText:
    texts = chat(messages)
    for pieces in texts:
        assign_roles(pieces)
    return TrainingText("chat", texts, messages, place_of(messages, at), "", name)


def _pair(prompt: Value, completion: Value, at: Place | None) -> TrainingText:
    """Return prompt and completion columns as one text, whose second half begins a turn of its own."""
    texts = [
        [*_side(before), Piece(turn="completion"), *_side(after)]
        for before in _sides(prompt)
        for after in _sides(completion)
    ]
    for pieces in texts:
        assign_roles(pieces)
    whole = Text((*flat(prompt), *flat(completion)), completion.trace or prompt.trace)
    return TrainingText("prompt-completion", texts, whole, place_of(completion, place_of(prompt, at)))


def _sides(value: Value) -> list[list[Piece]]:
    if isinstance(value, Either):
        return [pieces for option in value.options for pieces in _sides(option)][:MAX_ALTERNATIVES]
    listed = contents(value)
    return chat(value) if isinstance(listed, (list, tuple)) else alternatives(value)


def _side(pieces: list[Piece]) -> list[Piece]:
    """Return copies without roles, since the text before a hole may be known only from the whole text."""
    return [
        Piece(p.text, p.hole, p.roles if p.roles & {"eos", "bos"} else frozenset(), p.columns, p.turn, p.why)
        for p in pieces
    ]


def _tokenised(ids: Value, columns: dict[str, Value], at: Place | None) -> TrainingText:
    text, call = tokenised_text(ids)
    at = place_of(ids, at)
    if text is None:
        why = "the text behind the tokens could not be traced"
        return TrainingText("tokenised", [], Unknown(why, ids.trace), at, why, "input_ids")
    found = _text(text, "tokenised", at, "input_ids")
    if isinstance(text, Unknown):  # its trace begins where what is unknown comes from, perhaps an option
        found.at = at
    added = last_ids(ids) or ()
    found.tokenizer_call, found.appends_eos = call, bool(added) and all(map(is_eos_id, added))
    found.appended = () if found.appends_eos else tuple(added)
    return found
