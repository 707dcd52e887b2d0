"""Abstract values of datasets: a dataset with what was done to it, and its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...training_plan.values import Value
from .objects import Opaque

if TYPE_CHECKING:
    from .recording import Call


class Dataset(Opaque):
    """A `datasets.Dataset` (or a dict of them). `columns` holds the content of a cell of each column.

    `open`: there are further columns without known names. `mixed`: the call that mixed it from several datasets.
    `steps`: the calls applied to it, in order. `parts`: the datasets it was mixed from. `split`: its key in the dict of
    datasets it was taken from. `filters`: for each filter applied to it, the values that decide whether a row is kept.
    """

    __slots__ = ("columns", "open", "sources", "mixed", "steps", "parts", "splits", "split", "filters")

    def __init__(
        self, text: str, call: Call | None, columns: dict[str, Value] | None = None, open: bool = True
    ) -> None:
        super().__init__(text, "call", (), "datasets.Dataset", call)
        self.columns: dict[str, Value] = columns if columns is not None else {}
        self.open = open
        self.sources: tuple[Any, ...] = (call,) if call is not None else ()
        self.mixed: Any = None
        self.steps: tuple[Any, ...] = ()
        self.parts: tuple[Any, ...] = ()
        self.splits = False  # a DatasetDict: subscripts by split name
        self.split = ""
        self.filters: tuple[Value, ...] = ()


class Row(Opaque):
    """One example (or a batch of them) inside a mapped function."""

    __slots__ = ("dataset", "batched")

    def __init__(self, name: str, dataset: Dataset | None, batched: bool) -> None:
        super().__init__(name, "row", (), "row")
        self.dataset, self.batched = dataset, batched
