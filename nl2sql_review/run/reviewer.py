"""One script → its report: settings, interpretation, plans, judgement. `batch` reviews many."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ..files import discovery, disk, globs, projects
from ..judgement.fingerprint import stamped
from ..policy.active_rules import active_rulebook
from ..policy.rulebook import Rulebook, RulebookError
from ..policy.settings import Settings, SettingsError, load, of_path
from ..report.exit_codes import FAULT, FINDINGS, NOT_REVIEWED, NOTHING
from ..report.report import BaselineEntry, FileReport, InternalError, Report
from ..report.summary import exit_code
from . import starts
from .unread import unread_report

if TYPE_CHECKING:
    from ..adoption.baseline import Baseline
    from ..adoption.changes import Changes
    from ..interpret.core.recording import Recording
    from ..judgement.judge import Examined
    from ..source import Source
    from ..source.command_line import CommandLine
    from ..training_plan.facts import TrainingPlan
    from .options import Options
    from .reading import Reading


@dataclass(slots=True)
class Reviewer:
    """State shared by the reviews of a run: where settings come from, and the files that were read already."""

    config: str | None = None  # the one settings file to use
    isolated: bool = False  # use none
    overrides: Mapping[str, Any] = field(default_factory=dict)  # said on the command line, keys as in the file
    flavour: str = ""  # which program reads the configurations, where their keys would say something else
    command_line: tuple[str, ...] | None = None  # the words after the script's name, where they were given
    # Real paths of directories: no module or data file beside a script is read outside them.
    within: tuple[str, ...] = ()
    changes: Changes | None = None  # count only what these touched or caused
    alone: bool = False  # no command line counts but the one that was given
    line: CommandLine | None = None  # the one, where it was given as a whole rather than by its words
    started_by: dict[str, str] = field(default_factory=dict)  # script -> the launch file that was named in its place
    _settings: dict[str, tuple[Settings, dict[str, str]]] = field(default_factory=dict)  # with what they rest on
    _rulebooks: dict[Settings, tuple[Rulebook, dict[str, str]]] = field(default_factory=dict)
    _distinct: dict[tuple[Any, ...], Settings] = field(default_factory=dict)
    _baselines: dict[str, tuple[Baseline, dict[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Options) -> Reviewer:
        """Return the reviewer for the options of a run."""
        return cls(
            options.config,
            options.isolated,
            options.overrides,
            options.flavour,
            options.command_line,
            options.within,
            options.changes,
        )

    def settings(self, directory: str) -> Settings:
        """Return the settings for files in a directory: one object for one settings file. Raises SettingsError."""
        directory = os.path.abspath(directory)
        if directory not in self._settings:
            with disk.Remembering() as seen:
                made = load(directory, config=self.config, isolated=self.isolated, overrides=self.overrides)
            self._settings[directory] = (self._distinct.setdefault((made.file, made.root), made), seen)
        made, seen = self._settings[directory]
        disk.recall(seen)
        return made

    def settings_of(self, path: str) -> Settings:
        """Return the settings for one file, with those for some paths only. Raises SettingsError."""
        return of_path(self.settings(os.path.dirname(path)), path)

    def rulebook(self, settings: Settings) -> Rulebook:
        """Return the rules that these settings select, with their parameters. Raises SettingsError."""
        if settings not in self._rulebooks:
            try:
                with disk.Remembering() as seen:
                    self._rulebooks[settings] = active_rulebook(settings), seen
            except RulebookError as error:
                raise SettingsError(str(error)) from None
        book, seen = self._rulebooks[settings]
        disk.recall(seen)
        return book

    def holds(self, now: disk.Now) -> bool:
        """Return whether the settings, rules and baselines that were read are unchanged."""
        kept = (*self._settings.values(), *self._rulebooks.values(), *self._baselines.values())
        return all(now.confirms(seen) for _, seen in kept)

    def counted(self, file: FileReport) -> FileReport:
        """Return the report with findings suppressed that the baseline accepts or that the changes did not cause."""
        return self.changed(self.accepted(file))

    def accepted(self, file: FileReport) -> FileReport:
        """Return the report with the findings suppressed that its baseline accepts."""
        path = self.settings_of(file.path).baseline
        return self._baseline(path).silenced(file) if path else file

    def changed(self, file: FileReport) -> FileReport:
        """Return the report with the findings suppressed that the changes did not cause."""
        if self.changes is None or file.status == "skipped":
            return file
        return self.changes.counted(file, self.examine)

    def removable(self, files: Iterable[FileReport]) -> tuple[BaselineEntry, ...]:
        """Return the baseline entries of these files that no longer match a finding."""
        of: dict[str, list[FileReport]] = {}
        for file in files:
            if path := self.settings_of(file.path).baseline:
                of.setdefault(path, []).append(file)
        return tuple(entry for path, theirs in of.items() for entry in self._baseline(path).removable(theirs))

    def _baseline(self, path: str) -> Baseline:
        if path not in self._baselines:
            from ..adoption.baseline import read

            with disk.Remembering() as seen:
                self._baselines[path] = read(path), seen
        made, seen = self._baselines[path]
        disk.recall(seen)
        return made

    def exit_code(self, report: Report) -> int:
        """Return the exit code of the files by their settings: 2 wins, then 1, then 0; 3 if none was reviewed."""
        if report.internal_errors:
            return FAULT
        codes = []
        for file in report.files:
            settings = self.settings_of(file.path)
            codes.append(exit_code(Report(files=(file,)), settings.fail_on, settings.fail_on_unknown))
        return next((code for code in (FINDINGS, NOTHING) if code in codes), NOT_REVIEWED)

    def excluded(self, directory: str) -> globs.Globs:
        """Return the patterns that the settings for files in a directory exclude. Raises SettingsError."""
        settings = self.settings(directory)
        return globs.globs(settings.exclude, settings.root)

    def file(self, data: bytes, path: str) -> tuple[FileReport, list[InternalError]]:
        """Review one script, and report internal errors as well: an error in one file must not stop the others."""
        try:
            return self.source(data, path)
        except SettingsError:
            raise
        except Exception as error:
            fault = InternalError("", path, f"{type(error).__name__}: {error}")
            return FileReport(path, "error", "internal error"), [fault]

    def source(self, data: bytes, path: str) -> tuple[FileReport, list[InternalError]]:
        """Review one script by its bytes; `path` names it and locates its project. Return report, internal errors."""
        made = self.examine(data, path)
        return made.report, made.faults

    def examine(
        self, data: bytes, path: str, drafts: Mapping[str, bytes] | None = None, every_rule: bool = False
    ) -> Examined:
        """Review one script and return all intermediate results.

        `drafts`: other files of the project in an edited state. `every_rule`: also judge by the rules that are not
        selected, without reporting it.
        """
        from ..flavours import NotAConfiguration, screening
        from ..judgement.judge import Examined, examine, of_file
        from ..source import SourceError

        settings = self.settings_of(path)
        try:
            reading = self.read(data, path, settings, drafts)
        except SourceError as error:
            report = unread_report(of_file(error, path))
            if (
                error.rule == "file/syntax"
                and path.endswith(discovery.CONFIGURATIONS)
                and not screening().names_key(data)
            ):
                report = FileReport(path, "skipped", f"not a training configuration: {error.message}")
            return Examined(None, None, [], report, [], [], settings)
        except NotAConfiguration as error:
            return Examined(None, None, [], FileReport(path, "skipped", str(error)), [], [], settings)
        source, recording = reading.source, reading.recording
        if reading.plans:
            return examine(source, reading.recordings, reading.plans, self.rulebook(settings), settings, every_rule)
        if source.kind == "launch":
            reason = starts.nothing_started(data, path)
            return Examined(source, recording, [], FileReport(path, "skipped", reason), [], [], settings)
        if source.problems:  # what trains may stand in a cell that cannot be read
            problems = tuple(of_file(error, path) for error in source.problems)
            report = FileReport(path, "error", problems[0].message, stamped(problems, path, {path: source}))
        else:
            unread = "".join(
                f"; the imported {module} could not be read: {why}" for module, why in recording.broken.items()
            )
            elsewhere = starts.started_in_python(call.callee for call in recording.every())
            report = FileReport(path, "skipped", (elsewhere or NO_TRAINING) + unread)
        return Examined(source, recording, [], report, [], [], settings)

    def plans(self, data: bytes, path: str, settings: Settings) -> tuple[Source, Recording, list[TrainingPlan]]:
        """Read one script or configuration into (source, recording, plans), as `read` does."""
        reading = self.read(data, path, settings)
        return reading.source, reading.recording, reading.plans

    def read(
        self,
        data: bytes,
        path: str,
        settings: Settings,
        drafts: Mapping[str, bytes] | None = None,
    ) -> Reading:
        """Read one script or configuration as each of its command lines starts it.

        Raises SourceError, NotAConfiguration, SettingsError.
        """
        from ..source import Source
        from .reading import Reader

        source = Source.from_bytes(data, path)
        root = self._project(os.path.dirname(os.path.abspath(path)))
        lines = partial(self._lines, root, settings)
        return Reader(root, settings, drafts if drafts is not None else {}, self.flavour, lines).read(source)

    def _project(self, directory: str) -> str:
        """Return the root of the project; if it is outside `within`, the directory of `within` with the script."""
        root = projects.root(directory)
        inside = [each for each in self.within if os.path.commonpath((each, disk.real(directory))) == each]
        if not self.within or any(os.path.commonpath((each, disk.real(root))) == each for each in inside):
            return root
        return inside[0] if inside else directory

    def _lines(self, root: str, settings: Settings, source: Source) -> list[CommandLine]:
        """Return the command lines that the source is read with."""
        by = self.started_by.get(source.path, "")
        if self.line is not None:
            return [self.line]
        if by or not self.alone or self.command_line is not None:
            return starts.lines_of(source.path, source, settings, root, self.command_line, by)
        return []


NO_TRAINING = "not a training script: it creates no trainer, adapter or training arguments"


def without_plan(name: str) -> str:
    """Return a sentence for a file that has no plan."""
    return f"{name}: no training is started here" if discovery.is_launch_file(name) else f"{name} is {NO_TRAINING}"


def plan(path: str, options: Options) -> Reading:
    """Return the plans of one script, for each of its command lines; for a launch file, those of the first that trains.

    Raises SettingsError, OSError, SourceError, NotAConfiguration.
    """
    name, data = options.stdin if path == "-" and options.stdin is not None else (discovery.shown(path), None)
    if data is None:
        data = disk.script(path)
    reviewer = Reviewer.of(options)
    if discovery.may_launch(name) and options.stdin is None:
        return started(reviewer, path, name)[1]
    return reviewer.read(data, name, reviewer.settings_of(name))


def started(reviewer: Reviewer, path: str, name: str) -> tuple[discovery.Found, Reading]:
    """Return the first file started by a launch file that trains, else the first; raises as `plan` does."""
    from ..flavours import NotAConfiguration
    from ..source import SourceError

    first: tuple[discovery.Found, Reading] | None = None
    files = starts.launched(path, name, reviewer.within)
    for number, found in enumerate(files):
        reviewer.started_by[found.shown] = found.started_by
        try:
            reading = reviewer.read(disk.script(found.path), found.shown, reviewer.settings_of(found.shown))
        except (OSError, SourceError, NotAConfiguration):
            if first is None and number == len(files) - 1:
                raise
            continue
        if reading.plans:
            return found, reading
        first = first or (found, reading)
    assert first is not None
    return first
