"""Paths → Report, for every front end: finds the files, answers from the cache, or else reviews.

The cheap ways come first, and import next to nothing: a file that names no training library is skipped by its bytes,
a file that was reviewed before is answered from the cache. Only the other files need the interpreter and the rules.
"""

from __future__ import annotations

from ..files import discovery, disk
from .answers import Answers
from .cache import Entry
from .options import Options
from .outcome import COUNTS, IRRELEVANT, FileReports, Outcome, code_of, folders
from .selection import FolderSettings, find_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..report.report import Report
    from .reviewer import Reviewer

DEFAULT = Options()


class Batch:
    """One run over many paths."""

    def __init__(self, options: Options) -> None:
        self._options, self._cache, self._key = options, options.cache, options.cache_key()
        self._made: Reviewer | None = None
        self._settings = FolderSettings(options, lambda: self.reviewer)
        self._answers = Answers(options)

    @property
    def reviewer(self) -> Reviewer:
        """Reviewer of this run, created on first use."""
        if self._made is None:
            from .reviewer import Reviewer

            self._made = Reviewer.of(self._options)
        return self._made

    def find(self, paths: Sequence[str]) -> list[discovery.Found]:
        """Return the files that the paths refer to, in order. Raises SettingsError."""
        return find_files(paths, self._options, self._settings)

    def run(self, paths: Sequence[str]) -> list[Outcome]:
        """Return the outcome for every file that the paths refer to, in order. Raises SettingsError, nothing else."""
        from .reviews import Reviews

        self._settings.exclusions(".")  # a mistake in the settings is an error even when no file is found
        found = find_files(paths, self._options, self._settings)
        if started := {one.shown: one.started_by for one in found if one.started_by}:
            self.reviewer.started_by = started
        outcomes = [self._answers.without_review(file) for file in found]
        left = [number for number, outcome in enumerate(outcomes) if outcome is None]
        reviews = Reviews(self._options, lambda: self.reviewer, self._answers)
        for done, (number, outcome) in enumerate(reviews.review_all(found, left), 1):
            outcomes[number] = outcome
            if self._options.progress is not None:
                self._options.progress(done, len(left))
        if any(outcome.rests_on for outcome in outcomes if outcome is not None):
            self._settings.store()
        made = [outcome for outcome in outcomes if outcome is not None and outcome is not IRRELEVANT]
        return made if self._options.changes is None else [reviews.without_old_findings(one) for one in made]

    def report(self, outcomes: Sequence[Outcome]) -> Report:
        """Return the outcomes as one report. Raises SettingsError."""
        from ..libraries import dates
        from ..report.report import InternalError, Report, Summary, Tables

        files = FileReports(outcomes)
        status = [outcome.status for outcome in outcomes]
        sums = dict(zip(COUNTS, map(sum, zip(*(outcome.counts for outcome in outcomes)))))
        return Report(
            files=files,  # type: ignore[arg-type]  # read as a tuple is, but unpacked one by one
            summary=Summary(reviewed=status.count("reviewed"), skipped=status.count("skipped"), **sums),
            internal_errors=tuple(InternalError(*fault) for outcome in outcomes for fault in outcome.faults),
            removable=self.reviewer.removable(files)
            if any(map(self._settings.has_baseline, folders(outcomes)))
            else (),
            tables=Tables(dates.read_on(), dates.releases()),
        )

    def answer_from_cache(self, paths: Sequence[str], presentation: str) -> tuple[str, int] | None:
        """Return the stored output and exit code for these paths, or None if any input changed.

        `presentation` contains everything besides paths and options that decides the text.
        """
        entry = self._cache.find("output", presentation, *paths, self._key) if self._cache is not None else None
        outcomes = self._all_from_cache(paths) if entry is not None else None
        if entry is None or outcomes is None or entry.head["rests_on"] != self._digest(outcomes):
            return None
        return entry.blob.decode("utf-8", "surrogatepass"), entry.head["code"]

    def store_answer(
        self, paths: Sequence[str], presentation: str, outcomes: Sequence[Outcome], text: str, seen: Mapping[str, str]
    ) -> None:
        """Store the output for `answer_from_cache`, unless an input has changed meanwhile.

        `seen` are the questions to the disk, with their answers, that were needed to render the text of the outcomes.
        """
        rests_on = self._digest(outcomes)
        if self._cache is None or not rests_on:
            return
        again = Batch(self._options.but(cache=self._cache.again()))
        now = again._all_from_cache(paths)
        if now is not None and again._digest(now) == rests_on:
            head = {"rests_on": rests_on, "code": code_of(outcomes)}
            entry = Entry(disk.together(seen), head, text.encode("utf-8", "surrogatepass"))
            self._cache.store(entry, "output", presentation, *paths, self._key)

    def _digest(self, outcomes: Sequence[Outcome]) -> str:
        """Return a digest of everything that led to the outcomes; "" if one of them must not be reused."""
        parts = [self._settings.evidence()]
        for one in outcomes:
            if not one.rests_on and (one.has_report or one.faults or one.status != "skipped"):
                return ""
            parts += [one.path, one.reason, one.rests_on]
        return disk.digest("\0".join(parts).encode("utf-8", "surrogatepass"))

    def _all_from_cache(self, paths: Sequence[str]) -> list[Outcome] | None:
        """Return the outcome for every file, or None if any of them needs a review."""
        outcomes: list[Outcome] = []
        if self._settings.exclusions_from_cache(".") is None:
            return None
        for file in find_files(paths, self._options, self._settings):
            outcome = self._answers.without_review(file)
            if outcome is None:
                return None
            if outcome is not IRRELEVANT:
                outcomes.append(outcome)
        return outcomes


def run(paths: Sequence[str], options: Options = DEFAULT) -> tuple[Report, int]:
    """Review the files in `paths`; return the report and the exit code. Raises SettingsError."""
    batch = Batch(options)
    outcomes = batch.run(paths)
    return batch.report(outcomes), code_of(outcomes)


def review(paths: Sequence[str], options: Options = DEFAULT) -> Report:
    """Review the files in `paths`. Raises SettingsError."""
    return run(paths, options)[0]
