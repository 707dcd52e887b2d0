"""Readings of scripts that are being edited: the last ones are kept, and all of them have one budget of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from ..interpret.core.recording import Recording
from ..interpret.python.modules import Parsed, remembering
from ..judgement.judge import Examined
from ..readers.api.accepted import Kept, keeping

Examine = Callable[[bytes, str, Mapping[str, bytes]], Examined]
KEPT = 8  # readings of a script that are kept: what did not hold is tried again where something else was fixed
STEPS = 500_000  # of the interpreter, in all the readings that prove the fixes of a file: some seconds
STEPS_OF_ROUND = STEPS // 2  # what one look at all findings may take: one that mends nothing would end the same again
# What parsing and judging cost besides, counted as such steps, with one for each node of the syntax tree.
STEPS_OF_READING, STEPS_OF_PLAN, CHARACTERS_OF_STEP = 2_000, 1_000, 16
USUAL_FINDINGS, STEPS_OF_FINDING = 200, 100  # those beyond count as well: a hostile script may have thousands
SPENT = f"not tried: the limit of {STEPS_OF_ROUND:,} steps ({STEPS:,} per file) is reached"


class Readings:
    """Scripts as `examine` judges them, given their text and the other files that were edited, by real path."""

    def __init__(self, examine: Examine) -> None:
        self._examine = examine
        self._modules: Parsed = {}
        self._releases: Kept = {}
        self._known = lru_cache(maxsize=KEPT)(self._read)
        self.steps = self._round_began_at = 0

    def examined(self, data: bytes, path: str, drafts: Mapping[str, bytes]) -> Examined:
        return self._known(data, path, tuple(sorted(drafts.items())))

    def begin_round(self) -> None:
        """Begin a look at all findings, which has a budget of its own."""
        self._round_began_at = self.steps

    @property
    def spent(self) -> bool:
        """Whether the steps for the file, or for this round, are used up."""
        return self.steps >= STEPS or self.steps - self._round_began_at >= STEPS_OF_ROUND

    def _read(self, data: bytes, path: str, drafts: tuple[tuple[str, bytes], ...]) -> Examined:
        with remembering(self._modules), keeping(self._releases):
            examined = self._examine(data, path, dict(drafts))
        made: Iterable[Recording | None] = examined.recordings or [examined.recording]
        self.steps += STEPS_OF_READING + STEPS_OF_PLAN * len(examined.plans)
        if (source := examined.source) is not None:
            self.steps += len(source.text) // CHARACTERS_OF_STEP
            self.steps += len(source.nodes.order) if source.kind in ("script", "notebook") else 0
        self.steps += sum(recording.steps for recording in made if recording is not None)
        self.steps += STEPS_OF_FINDING * max(0, len(examined.report.findings) - USUAL_FINDINGS)
        return examined
