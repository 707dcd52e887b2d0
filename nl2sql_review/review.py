"""The one door: paths → Report, for the command line, hooks and servers alike."""

from __future__ import annotations

import gc
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from . import discovery, rulebook
from .fingerprint import stamped
from .report import SEVERITIES, BaselineEntry, FileReport, Finding, InternalError, Location, Report, Severity, Summary
from .rulebook import Rulebook, RulebookError
from .settings import Settings, SettingsError, configure, load, project_root

if TYPE_CHECKING:
    from .baseline import Baseline
    from .changes import Changes
    from .judge import Examined

NOTHING, FINDINGS, FAULT, NOT_REVIEWED = 0, 1, 2, 3

# What a script that could not be followed to its end must name to count as one that trains.
TRAINS = re.compile(r"Trainer\(|TrainingArguments\(|SFTConfig\(|LoraConfig\(|get_peft_model\(")


@dataclass(slots=True)
class Reviewer:
    """What stays the same over a review: where settings come from, and what was read already."""

    config: str | None = None  # the one settings file to use
    isolated: bool = False  # use none
    overrides: Mapping[str, Any] = field(default_factory=dict)  # said on the command line, keys as in the file
    flavour: str = ""  # which program reads the configurations, where their keys would say something else
    within: tuple[
        str, ...
    ] = ()  # real paths of directories: no module or data file beside a script is read outside them
    force_exclude: bool = False  # files that are given by name count as found: exclusions hold for them
    changes: Changes | None = None  # count only what these touched or caused
    _settings: dict[str, Settings] = field(default_factory=dict)
    _distinct: dict[tuple[Any, ...], Settings] = field(default_factory=dict)
    _baselines: dict[str, Baseline] = field(default_factory=dict)

    def settings(self, directory: str) -> Settings:
        """The settings for files in a directory. Files with the same settings file get the same object."""
        directory = os.path.abspath(directory)
        if directory not in self._settings:
            made = load(directory, config=self.config, isolated=self.isolated, overrides=self.overrides)
            self._settings[directory] = self._distinct.setdefault((made.file, made.root), made)
        return self._settings[directory]

    def rulebook(self, settings: Settings) -> Rulebook:
        """The rules these settings ask for, as they want them. Raises SettingsError."""
        try:
            return configure(rulebook.load(settings.rules), settings)
        except RulebookError as error:
            raise SettingsError(str(error)) from None

    def review(self, paths: Sequence[str], stdin: tuple[str, bytes] | None = None) -> Report:
        """Files and directories; `-` stands for `stdin`, a name and its bytes. Raises SettingsError, nothing else."""
        self.settings(".")  # a mistake in the settings is told even when no file is found
        files: list[FileReport] = []
        faults: list[InternalError] = []
        for found in self._found(paths, stdin):
            if files:
                gc.collect(
                    0
                )  # the tree of the file before: memory stays flat, and the next tree gets what was just used
            try:
                file, broken = self._file(found, stdin)
            except SettingsError:
                raise
            except Exception as error:  # one file must not take the others with it
                name = stdin[0] if found.path == "-" and stdin else found.shown
                file = FileReport(name, "error", "internal error")
                broken = [InternalError("", name, f"{type(error).__name__}: {error}")]
            if file is not None:
                files.append(self.counted(file))
            faults += broken
        removable = self._removable(files)
        return Report(files=tuple(files), summary=summary(files), internal_errors=tuple(faults), removable=removable)

    def counted(self, file: FileReport) -> FileReport:
        """The file with what does not count suppressed: what its baseline accepts, what was there before the changes."""
        path = self.settings(os.path.dirname(file.path)).baseline
        if path:
            file = self._baseline(path).silenced(file)
        if self.changes is not None and file.status != "skipped":
            file = self.changes.counted(file, self.examine)
        return file

    def _removable(self, files: Sequence[FileReport]) -> tuple[BaselineEntry, ...]:
        """What the baselines accept and is no longer found."""
        of: dict[str, list[FileReport]] = {}
        for file in files:
            if path := self.settings(os.path.dirname(file.path)).baseline:
                of.setdefault(path, []).append(file)
        return tuple(entry for path, theirs in of.items() for entry in self._baseline(path).removable(theirs))

    def _baseline(self, path: str) -> Baseline:
        if path not in self._baselines:
            from .baseline import read

            self._baselines[path] = read(path)
        return self._baselines[path]

    def exit_code(self, report: Report) -> int:
        """That of the files together, each by its own settings: 2 first, then 1, then 0; 3 when nothing was reviewed."""
        if report.internal_errors:
            return FAULT
        codes = []
        for file in report.files:
            settings = self.settings(os.path.dirname(file.path))
            codes.append(exit_code(Report(files=(file,)), settings.fail_on, settings.fail_on_unknown))
        return next((code for code in (FINDINGS, NOTHING) if code in codes), NOT_REVIEWED)

    def _found(self, paths: Sequence[str], stdin: tuple[str, bytes] | None) -> list[discovery.Found]:
        found = discovery.find((p for p in paths if p != "-"), self.excluded, self.force_exclude)
        excluded = self.force_exclude and stdin is not None and discovery.excluded(stdin[0], self.excluded)
        if "-" in paths and not excluded:
            found.insert(min(list(paths).index("-"), len(found)), discovery.Found("-", "-", True))
        return found

    def excluded(self, directory: str) -> discovery.Globs:
        """What the settings for files in a directory exclude. Raises SettingsError."""
        settings = self.settings(directory)
        return discovery.globs(settings.exclude, settings.root)

    def _file(self, found: discovery.Found, stdin: tuple[str, bytes] | None) -> tuple[FileReport | None, list[InternalError]]:
        """What one path comes to; None for a file found in a directory that is of no concern: most YAML and JSON there."""
        if found.path == "-":
            name, data = stdin if stdin is not None else ("<stdin>", b"")
            return self.source(data, name)
        if found.problem:
            return unreadable(found.shown, found.problem), []
        if found.given and found.path.endswith(discovery.NO_SCRIPTS):
            return FileReport(found.shown, "skipped", "not a Python script or notebook"), []
        from .source import size_limit

        if not found.given and found.path.endswith(discovery.CONFIGURATIONS) and not discovery.may_configure(found.path):
            return None, []
        try:
            with open(found.path, "rb") as file:
                data = file.read(size_limit(found.path))  # no more is ever looked at
        except OSError as error:
            return unreadable(found.shown, f"the file cannot be read: {error.strerror or error}"), []
        # Bytes that are no text at all hide every name, so such a file is opened rather than skipped.
        if found.path.endswith(discovery.CONFIGURATIONS):
            file, broken = self.source(data, found.shown)
            unconcerned = file.status == "skipped" or file.status == "error" and not discovery.PLAINLY.search(data)
            return (None, []) if unconcerned and not found.given else (file, broken)
        if not found.given and not discovery.STACK.search(data) and b"\0" not in data:
            return _not_a_script(data, found.shown), []
        return self.source(data, found.shown)

    def source(self, data: bytes, path: str) -> tuple[FileReport, list[InternalError]]:
        """One script by its bytes; `path` is how it is called, and where its project is looked for."""
        made = self.examine(data, path)
        return made.report, made.faults

    def examine(self, data: bytes, path: str, drafts: Mapping[str, bytes] | None = None) -> Examined:
        """As `source`, with what led to the report. `drafts`: other files of the project as they would be (see interpret)."""
        from .flavours import NotAConfiguration
        from .judge import Examined, examine, of_file
        from .source import SourceError

        settings = self.settings(os.path.dirname(path))
        book = self.rulebook(settings)
        try:
            source, recording, plans = self.plans(data, path, settings, drafts)
        except SourceError as error:
            return Examined(None, None, [], _failed(of_file(error, path)), [], [], settings)
        except NotAConfiguration as error:
            return Examined(None, None, [], FileReport(path, "skipped", str(error)), [], [], settings)
        if plans:
            return examine(source, recording, plans, book, settings)
        if source.problems:  # what trains may stand in a cell that cannot be read
            problems = tuple(of_file(error, path) for error in source.problems)
            report = FileReport(path, "error", problems[0].message, stamped(problems, path, {path: source}))
        else:
            unread = "".join(
                f"; {module}, which it imports, could not be read: {why}" for module, why in recording.broken.items()
            )
            report = FileReport(path, "skipped", NO_TRAINING + unread)
        return Examined(source, recording, [], report, [], [], settings)

    def plans(
        self, data: bytes, path: str, settings: Settings, drafts: Mapping[str, bytes] | None = None
    ) -> tuple[Any, Any, list[Any]]:
        """(source, recording, training plans) of one script or configuration. Raises SourceError, NotAConfiguration."""
        from . import flavours, readers
        from .source import Source

        source = Source.from_bytes(data, path)
        root = self._project(os.path.dirname(os.path.abspath(path)))
        if source.kind == "configuration":
            recording = flavours.record(source, root, settings, self.flavour)
        else:
            from .interpret.interpret import interpret

            recording = interpret(source, root, drafts=drafts)
        plans = readers.read(recording, source, settings)
        if recording.exhausted and (plans or TRAINS.search(source.text)):
            plans = _cut_short(plans, recording.exhausted)
        return source, recording, plans

    def _project(self, directory: str) -> str:
        """The root of the project, or where that lies outside `within` the one of its directories that holds the script."""
        root = project_root(directory)
        inside = [each for each in self.within if os.path.commonpath((each, os.path.realpath(directory))) == each]
        if not self.within or any(os.path.commonpath((each, os.path.realpath(root))) == each for each in inside):
            return root
        return inside[0] if inside else directory


NOT_A_SCRIPT = "not a training script: it names none of unsloth, trl, transformers and peft"
STARTS = (
    "; training that it starts in a module it imports is reviewed there, and as it is started when this file is named"
)
NO_TRAINING = "not a training script: it makes no trainer, adapter or training arguments"


def run(paths: Sequence[str], *, stdin: tuple[str, bytes] | None = None, **options: Any) -> tuple[Report, int]:
    """A review and its exit code; `options` are those of Reviewer. Raises SettingsError."""
    reviewer = Reviewer(**options)
    report = reviewer.review(paths, stdin)
    return report, reviewer.exit_code(report)


def review(paths: Sequence[str], **options: Any) -> Report:
    """`run` without the exit code."""
    return run(paths, **options)[0]


def plan(
    path: str,
    *,
    stdin: tuple[str, bytes] | None = None,
    config: str | None = None,
    isolated: bool = False,
    overrides: Mapping[str, Any] | None = None,
    flavour: str = "",
) -> tuple[Any, list[Any]]:
    """What one script would do: (recording, plans). Raises SettingsError, OSError, SourceError, NotAConfiguration."""
    name, data = stdin if path == "-" and stdin is not None else (discovery.shown(path), None)
    if data is None:
        with open(path, "rb") as file:
            data = file.read()
    reviewer = Reviewer(config, isolated, overrides or {}, flavour)
    _, recording, plans = reviewer.plans(data, name, reviewer.settings(os.path.dirname(name)))
    return recording, plans


def exit_code(report: Report, fail_on: Severity = "error", fail_on_unknown: bool = False) -> int:
    """2 for a fault of ours, 1 for something to report, 3 when nothing was reviewed, 0 when all is well."""
    if report.internal_errors:
        return FAULT
    grave = SEVERITIES[: SEVERITIES.index(fail_on) + 1]
    for file in report.files:
        if any(f.suppressed is None and f.severity in grave for f in file.findings):
            return FINDINGS
        if fail_on_unknown and any(item.verdict == "unknown" for item in file.checklist):
            return FINDINGS
    return NOTHING if any(file.status == "reviewed" for file in report.files) else NOT_REVIEWED


def summary(files: Iterable[FileReport]) -> Summary:
    files = list(files)
    findings = [f for file in files for f in file.findings]
    shown = [f.severity for f in findings if f.suppressed is None]
    return Summary(
        reviewed=sum(file.status == "reviewed" for file in files),
        skipped=sum(file.status == "skipped" for file in files),
        errors=shown.count("error"),
        warnings=shown.count("warning"),
        advice=shown.count("advice"),
        unknown=sum(item.verdict == "unknown" for file in files for item in file.checklist),
        suppressed=len(findings) - len(shown),
    )


def _cut_short(plans: list[Any], why: str) -> list[Any]:
    """The plans of a script that could not be followed to its end: what was not seen may still have happened."""
    from .plan import TrainingPlan
    from .values import Absent, Unknown

    plans = plans or [TrainingPlan()]
    for plan in plans:
        for _, fact in plan.facts():
            if not fact.argument or isinstance(fact.value, Absent):
                fact.value, fact.why_not = Unknown(why, fact.value.trace), ""
    return plans


def _not_a_script(data: bytes, path: str) -> FileReport:
    """A file that names no library: skipped if it is text, and a notebook if it is called one; else not readable."""
    from .judge import of_file
    from .source import SourceError, check

    try:
        check(data, path)
    except SourceError as error:
        return _failed(of_file(error, path))
    return FileReport(path, "skipped", NOT_A_SCRIPT + (STARTS if b"__main__" in data else ""))


def unreadable(path: str, message: str) -> FileReport:
    return _failed(Finding("file/unreadable", "error", "stops", "certain", message, None, Location(path, 1, 1, 1, 1)))


def _failed(finding: Finding) -> FileReport:
    path = finding.location.path
    return FileReport(path, "error", finding.message, stamped((finding,), path, {}))
