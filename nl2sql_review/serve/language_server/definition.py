"""Go to definition of a value: the place where it was first written."""

from __future__ import annotations

import os

from lsprotocol.types import Location as Target

from ...report.report import Location
from . import recorded
from .positions import Positions
from .reviews import Review


def at(review: Review, positions: Positions, path: str, cell: int | None, row: int, column: int) -> list[Target]:
    """Return the origins of the values at a place; none if a value is written there itself."""
    here = Location(os.path.realpath(path), row, column, row, column, cell)
    made: list[Target] = []
    for record in recorded.under(review, path, cell, row, column):
        origin = record.origin
        if origin is not None and not recorded.inside(here, origin):
            target = positions.target(origin)
            if target not in made:
                made.append(target)
    return made
