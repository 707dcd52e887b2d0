"""Conversion of dataset rows to training text: the part of the plan that is a program, to be evaluated on rows.

The expressions are plain data, lists whose first element is the operation, so that they can be sent to another
process. Nothing of the script is run: an operation that is not listed here is `unknown`.

==========  ============================================================================
head        then
==========  ============================================================================
const       a plain value
row         -
item        owner, key: `row["sql"]`
get         owner, key, otherwise (or null): `row.get("sql", "")`
slice       owner, start, stop (each may be null)
or, and     operands, the first that settles it
not         operand
op          operator, left, right: `+`, a comparison, `in`
call        name, arguments: a builtin function or a method, whose object is the first argument
text        parts, put together as f-strings do
join        separator, sequence, expression of its element, the number that this element has inside
element     number: the element of the join that has it
list        elements
special     "eos" or "bos": the tokenizer's own token
either      options, of which a branch takes one
unknown     why
==========  ============================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .values import Place

Expression = list[Any]


@dataclass(slots=True)
class Rows:
    """The source of loaded rows.

    `names` are paths or names on the hub, as written in the script; `split` is the loaded part, such as "train" or
    "train[:90%]", "" for all; `records` the key under which a JSON object has its rows. `format` is the name of the
    reader if the script gives it ("json", "csv"). `why` is the reason if nothing is known.
    """

    names: tuple[str, ...] = ()
    split: str = ""
    records: str = ""
    format: str = ""
    hub: bool = False  # a name that is no path is one on the hub
    place: Place | None = None
    why: str = ""


@dataclass(slots=True)
class Piece:
    """A literal, the start of a chat turn (`turn`), or a hole: an expression, and the part of the prompt that it holds.

    `whole` is the expression without the cut of a slice, the same if there is no cut; `limit` is the limit of the
    cut, in characters, and `kind` the way of the cut: "slice", "tables" for whole tables, "" for none.
    """

    text: str = ""
    turn: str = ""
    hole: Expression | None = None
    roles: tuple[str, ...] = ()
    whole: Expression | None = None
    limit: int | None = None
    kind: str = ""
    place: Place | None = None


@dataclass(slots=True)
class Feed:
    """One dataset on its way to the trainer.

    `texts` are the training texts a row may become; branches choose one of them. `reads` are the columns it reads by
    `row["name"]`, each with its place. `filters` decide whether a row is kept. `mixed_first`: rows are mixed with those
    of other datasets before they are read, which fills columns they lack with None. `why` is the reason if there is no
    text.
    """

    rows: Rows
    form: str = ""
    texts: list[list[Piece]] = field(default_factory=list)
    reads: list[tuple[Expression, str, Place | None]] = field(default_factory=list)
    filters: list[Expression] = field(default_factory=list)
    mixed_first: bool = False
    why: str = ""
    split_by_row: float | None = None  # the share that the script holds out of these rows, 0 where it is not known
    split_place: Place | None = None
    weight: float | None = None
    repeats: int = 1  # how often the dataset stands in the mix, one after the other
    at: Place | None = None  # where the text is put together


@dataclass(slots=True)
class Feeding:
    """The data of one run: its training datasets, its evaluation datasets, and how they are mixed."""

    train: list[Feed] = field(default_factory=list)
    held_out: list[Feed] = field(default_factory=list)
    mixing: str = ""
    stopping: str = "first_exhausted"
    why: str = ""  # why the training data cannot be followed
