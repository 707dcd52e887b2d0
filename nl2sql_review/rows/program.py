"""Program of checks for each row of a data file, as plain data that can be sent to other processes and machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from ..training_plan.feeds import Feed, Piece


@dataclass(slots=True)
class Program:
    """Checks of one feed.

    `texts` are the training texts that a row may become, piece by piece; `filters` decide whether a row is kept;
    `reads` are columns read by `row["name"]`. `columns` are those of the file, which a row of a table has even if
    it has no value; `texts_in` are those that hold text; `table`: the rows are those of a table. `markers` must
    not occur in the data, nor `eos` and `bos`. `schemas`: database → the text of its schema, for rows that have
    none of their own. `tokenizer` is a file.
    """

    texts: list[list[dict[str, Any]]] = field(default_factory=list)
    filters: list[Any] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    texts_in: list[str] = field(default_factory=list)
    table: bool = True
    markers: list[str] = field(default_factory=list)
    eos: str = ""
    bos: str = ""
    length: int | None = None
    tokenizer: str = ""
    schemas: dict[str, str] = field(default_factory=dict)
    dialect: str = ""
    sql: bool = True
    why: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the program in JSON's own types."""
        return asdict(self)


def of_feed(feed: Feed) -> Program:
    """Return the program of a feed, without the parts that need the disk."""
    made = Program(why=feed.why)
    made.texts = [[_piece(piece) for piece in pieces] for pieces in feed.texts]
    made.filters = feed.filters
    made.reads = [name for _, name, _ in feed.reads]
    made.markers = markers(feed)
    return made


def _piece(piece: Piece) -> dict[str, Any]:
    if piece.hole is None:
        return {"turn": piece.turn} if piece.turn else {"text": piece.text}
    return {
        "hole": piece.hole, "roles": list(piece.roles), "whole": piece.whole, "limit": piece.limit, "kind": piece.kind,
    }  # fmt: skip


def markers(feed: Feed) -> list[str]:
    """Return the lines of the template that announce a part, which must not occur in the data."""
    found: dict[str, None] = {}
    for pieces in feed.texts:
        for piece in pieces:
            for line in piece.text.splitlines():
                line = line.strip()
                if len(line) > 2 and (line[0] in "#<[" or line.startswith("**") or line.endswith("]")):
                    found[line] = None
    return list(found)
