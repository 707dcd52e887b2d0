"""Paths → Report, the one door for every front end: what is passed over, what is known already, what is reviewed now.

The cheap ways come first, and import next to nothing: a file that names no training library is passed over by its
bytes, one that was reviewed before is answered from the cache. Only what is left costs the interpreter and the rules.
"""

from __future__ import annotations

import gc
import json
import os
import zlib
from collections.abc import Mapping, Sequence

from .. import flavours
from ..files import discovery, disk, projects
from ..report.exit_codes import FAULT, FINDINGS, NOT_REVIEWED, NOTHING
from . import workers
from .cache import Entry
from .options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..report.report import FileReport, InternalError, Report
    from .reviewer import Reviewer

NO_SCRIPT = "not a Python script or notebook"
NOT_A_SCRIPT = "not a training script: it names none of unsloth, trl, transformers and peft"
STARTS = (
    "; training that it starts in a module it imports is reviewed there, and as it is started when this file is named"
)
DEFAULT = Options()
COUNTS = ("errors", "warnings", "advice", "unknown", "suppressed")


class Outcome:
    """What came out for one file, small enough to be kept for any number of them."""

    __slots__ = ("path", "status", "reason", "code", "counts", "packed", "faults", "rests_on")

    def __init__(
        self, path: str, status: str, reason: str, code: int = NOT_REVIEWED, counts: Sequence[int] = (0,) * len(COUNTS),
        packed: bytes = b"", faults: Sequence[Sequence[str]] = (), rests_on: str = "",
    ) -> None:  # fmt: skip
        self.path = path
        self.status = status
        self.reason = reason
        self.code = code  # what the program would end with if this were the only file
        self.counts = counts
        self.packed = packed  # its FileReport, as JSON, compressed; empty where path, status and reason are all
        self.faults = faults  # of ours: (rule, path, message)
        self.rests_on = rests_on  # a digest of everything that led here

    def report(self) -> FileReport:
        from ..files.typed_data import restore
        from ..report.report import FileReport

        if not self.packed:
            return FileReport(self.path, self.status, self.reason)  # type: ignore[arg-type]
        return restore(FileReport, json.loads(zlib.decompress(self.packed)))


OF_NO_CONCERN = Outcome("", "skipped", "")  # a file of which nothing is said


class Files(Sequence):
    """The reports of many files, each made when it is looked at: hundreds of them are large."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self._outcomes = outcomes

    def __len__(self) -> int:
        return len(self._outcomes)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Files(self._outcomes[index])
        return self._outcomes[index].report()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (Files, tuple)) and tuple(self) == tuple(other)


class Batch:
    """One run over many paths."""

    def __init__(self, options: Options) -> None:
        self.options, self.cache = options, options.cache
        self.asked = options.cache_key()
        self._reviewer: Reviewer | None = None
        self._globs: dict[tuple[str, ...], discovery.Globs] = {}
        self._settings: dict[tuple[str, ...], Entry] = {}
        self._unkept: list[tuple[str, ...]] = []  # settings that were read in this run
        self._chains: dict[str, tuple[str, ...]] = {}

    @property
    def reviewer(self) -> Reviewer:
        if self._reviewer is None:
            from .reviewer import Reviewer

            self._reviewer = Reviewer.of(self.options)
        return self._reviewer

    def run(self, paths: Sequence[str]) -> list[Outcome]:
        """The outcome for every file that the paths mean, in order. Raises SettingsError, nothing else."""
        self.excluded(".")  # a mistake in the settings is told even when no file is found
        found = self._found(paths)
        outcomes = [self._at_once(one) for one in found]
        left = [number for number, outcome in enumerate(outcomes) if outcome is None]
        for done, (number, outcome) in enumerate(self._reviewed(found, left), 1):
            outcomes[number] = outcome
            if self.options.progress is not None:
                self.options.progress(done, len(left))
        if self.cache is not None and any(outcome.rests_on for outcome in outcomes if outcome is not None):
            for chain in self._unkept:
                self.cache.keep(self._settings[chain], "settings", *chain, self.asked)
        made = [outcome for outcome in outcomes if outcome is not None and outcome is not OF_NO_CONCERN]
        return made if self.options.changes is None else [self._changed(outcome) for outcome in made]

    def report(self, outcomes: list[Outcome]) -> Report:
        """The outcomes together."""
        from ..report.report import InternalError, Report, Summary

        files = Files(outcomes)
        status = [outcome.status for outcome in outcomes]
        sums = dict(zip(COUNTS, map(sum, zip(*(outcome.counts for outcome in outcomes)))))
        folders = dict.fromkeys(os.path.dirname(outcome.path) for outcome in outcomes)
        return Report(
            files=files,  # type: ignore[arg-type]
            summary=Summary(reviewed=status.count("reviewed"), skipped=status.count("skipped"), **sums),
            internal_errors=tuple(InternalError(*fault) for outcome in outcomes for fault in outcome.faults),
            removable=self.reviewer.removable(files) if any(map(self._has_baseline, folders)) else (),
        )

    def told(self, paths: Sequence[str], how: str) -> tuple[str, int] | None:
        """What was said of these paths before, and the exit code, if nothing that it rests on has changed.

        `how` names everything but the paths that decides what is said.
        """
        entry = self.cache.find("output", how, *paths, self.asked) if self.cache is not None else None
        outcomes = self._known(paths) if entry is not None else None
        if entry is None or outcomes is None or entry.head["rests_on"] != self._rest_on(outcomes):
            return None
        return entry.blob.decode("utf-8", "surrogatepass"), entry.head["code"]

    def keep(
        self, paths: Sequence[str], how: str, outcomes: Sequence[Outcome], text: str, seen: Mapping[str, str]
    ) -> None:
        """What is said, for `told`, and what was asked of the disk for it; what changed meanwhile is not kept."""
        rests_on = self._rest_on(outcomes)
        if self.cache is None or not rests_on:
            return
        again = Batch(self.options.but(cache=self.cache.again()))
        now = again._known(paths)
        if now is not None and again._rest_on(now) == rests_on:
            head = {"rests_on": rests_on, "code": code_of(outcomes)}
            self.cache.keep(
                Entry(disk.together(seen), head, text.encode("utf-8", "surrogatepass")),
                "output",
                how,
                *paths,
                self.asked,
            )

    def _rest_on(self, outcomes: Sequence[Outcome]) -> str:
        """A digest of everything that led to the outcomes; "" where one of them cannot be relied on later."""
        said = [repr(self._settings[self._chain(os.getcwd())].seen)]
        for one in outcomes:
            if not one.rests_on and (one.packed or one.faults or one.status != "skipped"):
                return ""
            said += [one.path, one.reason, one.rests_on]
        return disk.digest("\0".join(said).encode("utf-8", "surrogatepass"))

    def _known(self, paths: Sequence[str]) -> list[Outcome] | None:
        """As `run`, but None unless every answer can be given without a review."""
        outcomes: list[Outcome] = []
        if self._globs_known(".") is None:
            return None
        for one in self._found(paths):
            outcome = self._at_once(one)
            if outcome is None:
                return None
            if outcome is not OF_NO_CONCERN:
                outcomes.append(outcome)
        return outcomes

    # -- which files ---------------------------------------------------------------------------------------------

    def _found(self, paths: Sequence[str]) -> list[discovery.Found]:
        found = discovery.find((p for p in paths if p != "-"), self.excluded, self.options.force_exclude)
        name = self._standard_input()[0]
        if "-" in paths and not (self.options.force_exclude and discovery.excluded(name, self.excluded)):
            found.insert(min(list(paths).index("-"), len(found)), discovery.Found("-", "-", True))
        return found

    def excluded(self, directory: str) -> discovery.Globs:
        """What the settings for files in a directory exclude. Raises SettingsError."""
        globs = self._globs_known(directory)
        if globs is None:
            chain = self._chain(os.path.abspath(directory))
            with disk.Remembering() as seen:
                settings = self.reviewer.settings(directory)
            globs = self._globs[chain] = discovery.globs(settings.exclude, settings.root)
            said = {"exclude": settings.exclude, "root": settings.root, "baseline": bool(settings.baseline)}
            self._settings[chain] = Entry(disk.together(seen), said)
            self._unkept.append(chain)
        return globs

    def _has_baseline(self, directory: str) -> bool:
        self.excluded(directory)
        return self._settings[self._chain(os.path.abspath(directory))].head["baseline"]

    def _globs_known(self, directory: str) -> discovery.Globs | None:
        chain = self._chain(os.path.abspath(directory))
        if chain not in self._globs and self.cache is not None:
            entry = self.cache.find("settings", *chain, self.asked)
            if entry is not None:
                self._settings[chain] = entry
                self._globs[chain] = discovery.globs(tuple(entry.head["exclude"]), entry.head["root"])
        return self._globs.get(chain)

    def _chain(self, directory: str) -> tuple[str, ...]:
        """The settings files that may count for a directory: where they are the same, so are the settings."""
        if self.options.config is not None or self.options.isolated:
            return (self.options.config or "",)
        if directory not in self._chains:
            own, last = projects.own_candidates(directory)
            above = os.path.dirname(directory)
            self._chains[directory] = own if last or above == directory else own + self._chain(above)
        return self._chains[directory]

    # -- many files ----------------------------------------------------------------------------------------------

    def _reviewed(self, found: list[discovery.Found], numbers: list[int]) -> Iterator[tuple[int, Outcome]]:
        """(number, outcome) of the files with these numbers, in any order."""
        jobs = min(workers.usable(self.options.jobs), len(numbers) // workers.EACH) if self.options.jobs != 1 else 1
        if jobs < 2:
            for place, number in enumerate(numbers):
                if place:
                    gc.collect(0)  # the tree of the file before: memory stays flat, and the next one gets what it used
                yield number, self._review(found[number])
            return
        self._load(found[number] for number in numbers)
        from ..policy.settings import SettingsError

        def work(number: int) -> list[Any]:
            try:
                outcome = self._review(found[number])
                if outcome is OF_NO_CONCERN:  # which another process cannot hand over as the one it is
                    return []
                return [getattr(outcome, name) for name in Outcome.__slots__]
            except SettingsError as error:
                return [str(error)]
            finally:
                gc.collect(0)

        for number, answer in workers.spread(work, numbers, jobs):
            if answer is None:
                name = found[number].shown
                fault = ("", name, "the process that reviewed it ended early, twice")
                yield number, Outcome(name, "error", "internal error", FAULT, faults=[fault])
            elif not answer:
                yield number, OF_NO_CONCERN
            elif len(answer) == 1:
                raise SettingsError(answer[0])
            else:
                yield number, Outcome(*answer)

    def _load(self, found: Iterable[discovery.Found]) -> None:
        """Loads what a review needs, once for all processes."""
        from .. import readers  # noqa: F401
        from ..interpret import program  # noqa: F401
        from ..judgement import judge  # noqa: F401

        for folder in dict.fromkeys(os.path.dirname(one.shown) for one in found):
            self.reviewer.rulebook(self.reviewer.settings(folder))

    # -- one file ------------------------------------------------------------------------------------------------

    def _at_once(self, found: discovery.Found) -> Outcome | None:
        """What needs no review: no script, or one whose answer is known."""
        if found.path == "-":
            return self._remembered(*self._standard_input())
        if found.problem:
            return None
        if found.given and found.path.endswith(discovery.NO_SCRIPTS):
            return Outcome(found.shown, "skipped", NO_SCRIPT)
        if (
            not found.given
            and found.path.endswith(discovery.CONFIGURATIONS)
            and not discovery.may_configure(found.path, flavours.screening())
        ):
            return OF_NO_CONCERN
        try:
            data = disk.script(found.path)
        except OSError:
            return None
        if _passed_over(found, data):
            return Outcome(found.shown, "skipped", _why(data)) if _is_plain_text(found.path, data) else None
        outcome = self._remembered(found.shown, data)
        return outcome if outcome is None or _concerns(found, data, outcome) else OF_NO_CONCERN

    def _remembered(self, name: str, data: bytes) -> Outcome | None:
        entry = self.cache.find("script", name, self.asked) if self.cache is not None else None
        if entry is None or entry.head["content"] != disk.digest(data):
            return None
        return Outcome(name, *entry.head["outcome"], entry.blob, (), entry.head["rests_on"])

    def _review(self, found: discovery.Found) -> Outcome:
        from ..report.report import Report
        from . import reviewer as review

        name, data = found.shown, b""
        with disk.Remembering() as seen:
            settings = self.reviewer.settings(os.path.dirname(name))
            if (
                settings.file or self.reviewer.overrides
            ):  # what they say wrongly of rules is an error, whatever the file holds
                self.reviewer.rulebook(settings)
            if found.path == "-":
                name, data = self._standard_input()
                file, faults = self.reviewer.file(data, name)
            elif found.problem:
                file, faults = review.unreadable(name, found.problem), []
            else:
                file, faults, data = self._review_file(found)
            file = self.reviewer.accepted(file)
            code = self.reviewer.exit_code(Report(files=(file,), internal_errors=tuple(faults)))
        outcome = _outcome(file, faults, code)
        if self.cache is not None and data and not faults:
            content = disk.digest(data)
            rests_on = disk.digest(json.dumps([content, seen]).encode() + outcome.packed)
            outcome.rests_on = rests_on
            said = (outcome.status, outcome.reason, outcome.code, outcome.counts)
            head = {"content": content, "outcome": said, "rests_on": rests_on}
            self.cache.keep(Entry(disk.together(seen), head, outcome.packed), "script", name, self.asked)
        return outcome if _concerns(found, data, outcome) else OF_NO_CONCERN

    def _changed(self, outcome: Outcome) -> Outcome:
        """The outcome with what was there before the changes suppressed: git knows, so nothing of it is kept."""
        from ..report.report import InternalError, Report

        if outcome.status == "skipped":
            return outcome
        file = self.reviewer.changed(outcome.report())
        faults = tuple(InternalError(*fault) for fault in outcome.faults)
        return _outcome(file, faults, self.reviewer.exit_code(Report(files=(file,), internal_errors=faults)))

    def _review_file(self, found: discovery.Found) -> tuple[FileReport, list[InternalError], bytes]:
        """The bytes are empty where there are none."""
        from ..report.report import FileReport
        from . import reviewer as review

        try:
            data = disk.script(found.path)
        except OSError as error:
            return review.unreadable(found.shown, f"the file cannot be read: {error.strerror or error}"), [], b""
        if _passed_over(found, data):
            return review.unread(data, found.shown) or FileReport(found.shown, "skipped", _why(data)), [], b""
        return *self.reviewer.file(data, found.shown), data

    def _standard_input(self) -> tuple[str, bytes]:
        return self.options.stdin if self.options.stdin is not None else ("<stdin>", b"")


def _concerns(found: discovery.Found, data: bytes, outcome: Outcome) -> bool:
    """Whether anything is said of a file: most YAML and JSON that a directory holds is for other programs."""
    if found.given or outcome.faults or not found.path.endswith(discovery.CONFIGURATIONS):
        return True
    return outcome.status == "reviewed" or outcome.status == "error" and flavours.screening().names_key(data)


def _passed_over(found: discovery.Found, data: bytes) -> bool:
    """A file that names no library. Bytes that are no text at all hide every name, so such a file is opened."""
    if found.given or found.path.endswith(discovery.CONFIGURATIONS):
        return False
    return not discovery.may_train(data) and b"\0" not in data


def _why(data: bytes) -> str:
    return NOT_A_SCRIPT + (STARTS if b"__main__" in data else "")


def _is_plain_text(path: str, data: bytes) -> bool:
    """Whether there is nothing to say about a file that is passed over; False where it takes a closer look."""
    if not path.endswith(".py") or b"coding" in data[:4096]:
        return False
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def _outcome(file: FileReport, faults: Sequence[InternalError], code: int) -> Outcome:
    from ..report.report import FileReport
    from ..report.serialization import dump
    from .reviewer import summary

    sums = summary([file])
    plain = file == FileReport(file.path, file.status, file.reason)
    packed = b"" if plain else zlib.compress(dump(file).encode(), 1)
    told = [(fault.rule, fault.path, fault.message) for fault in faults]
    return Outcome(file.path, file.status, file.reason, code, [getattr(sums, name) for name in COUNTS], packed, told)


def code_of(outcomes: Sequence[Outcome]) -> int:
    """The exit code of a run: a fault of ours wins, then findings, then that all is well."""
    codes = {outcome.code for outcome in outcomes}
    return next((code for code in (FAULT, FINDINGS, NOTHING) if code in codes), NOT_REVIEWED)


def run(paths: Sequence[str], options: Options = DEFAULT) -> tuple[Report, int]:
    """Review the files that the paths name; return the report and the exit code. Raises SettingsError."""
    batch = Batch(options)
    outcomes = batch.run(paths)
    return batch.report(outcomes), code_of(outcomes)


def review(paths: Sequence[str], options: Options = DEFAULT) -> Report:
    """Review the files that the paths name. Raises SettingsError."""
    return run(paths, options)[0]
