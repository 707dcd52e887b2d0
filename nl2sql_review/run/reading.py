"""One script or configuration → what its command lines run: recordings and plans."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from ..files import discovery, disk
from ..launches import callers
from ..policy.settings import Settings
from ..source import Source, SourceError
from . import starts

if TYPE_CHECKING:
    from ..interpret.core.recording import Recording, Rows
    from ..source.command_line import CommandLine
    from ..training_plan.facts import TrainingPlan

# What a script that could not be followed to its end must name to count as one that trains.
TRAINS = re.compile(r"Trainer\(|TrainingArguments\(|SFTConfig\(|LoraConfig\(|get_peft_model\(")


@dataclass
class Reading:
    """Content of one file: a recording and its plans for each command line that starts it."""

    source: Source
    recordings: list[Recording] = field(default_factory=list)
    plans: list[TrainingPlan] = field(default_factory=list)

    @property
    def recording(self) -> Recording:
        """Recording for the first command line."""
        return self.recordings[0]

    def drop_runs(self, runs: set[str]) -> None:
        """Drop the recordings and plans of these command lines."""
        self.recordings = [one for one in self.recordings if one.run not in runs]
        self.plans = [one for one in self.plans if one.run not in runs]

    def leave_to_their_runs(self) -> None:
        """Drop the plans of functions that nobody calls in their own run, where another command line runs them."""
        run_by = {recording.run: _reached(recording) for recording in self.recordings}
        anywhere = set().union(*run_by.values())
        self.plans = [
            plan
            for plan in self.plans
            if plan.place is None or (at := id(plan.place.node)) not in anywhere or at in run_by.get(plan.run, anywhere)
        ]

    def leave_to_those_that_train(self) -> None:
        """Drop the plans of command lines that make a trainer and certainly do not train it, where another one does."""
        from ..readers.run import train_calls
        from ..readers.untrained import trains_none

        trained = {id(recording): train_calls(recording, None) for recording in self.recordings}
        by_node = {
            id(call.place.node)
            for recording in self.recordings
            for call in recording.calls
            if id(call) in trained[id(recording)]
        }
        if not by_node:
            return
        idle = {recording.run for recording in self.recordings if not trained[id(recording)] and trains_none(recording)}
        elsewhere = [plan.place is not None and id(plan.place.node) in by_node for plan in self.plans]
        self.plans = [
            plan for plan, there in zip(self.plans, elsewhere) if plan.run not in idle or not (there or plan.untrained)
        ]


def _reached(recording: Recording) -> set[int]:
    """Return the places of the calls that a run makes, by node."""
    return {id(call.place.node) for call in recording.calls if call.reached}


class _Above(ChainMap[str, bytes]):
    """Drafts above the files that a notebook's cells write. Those of a commit keep its folder and stay unread."""

    @property
    def top(self) -> str:
        """The folder of the drafts' repository, "" if they are no commit's."""
        return str(getattr(self.maps[0], "top", ""))


@dataclass
class Reader:
    """Reader of the scripts and configurations of one project.

    `drafts` are files of it in an edited state, by real path; `flavour` names the program that reads configurations
    where their keys would say another; `lines` returns the command lines that a source is read with.
    """

    root: str
    settings: Settings
    drafts: Mapping[str, bytes]
    flavour: str
    lines: Callable[[Source], list[CommandLine]]

    def read(self, source: Source) -> Reading:
        """Read a source as each of its command lines starts it.

        Raises SourceError, NotAConfiguration, SettingsError.
        """
        lines = self.lines(source)
        made = Reading(source)
        if source.kind == "launch" and not lines:
            made.recordings.append(self._record(source))
            return made
        if source.kind == "notebook" and (written := starts.written_by(source)):
            self.drafts = _Above(cast("dict[str, bytes]", self.drafts), written)
        with _keeping_modules(source):
            for line in lines or (None,):
                self._add(made, line)
            self._read_with_rows(made, lines)
            if foreign := starts.of_other_scripts(lines, made.recordings):
                made.drop_runs(foreign)
            if len(lines) > 1:
                made.leave_to_their_runs()
                made.leave_to_those_that_train()
            if source.kind == "notebook" and not made.plans:
                return self._read_started(source) or made
            if source.kind == "script" and not lines:
                self._read_as_called(made)
        return made

    def _add(
        self,
        made: Reading,
        line: CommandLine | None,
        reviewed: Source | None = None,
        steps: int | None = None,
        rows: Mapping[str, Rows] | None = None,
    ) -> None:
        """Read the source of a reading as a command line starts it, and add the recording and its plans.

        `reviewed` is the module of it that is reviewed, if the source itself is not; `steps` limit its interpretation;
        `rows` are those of data files, as other scripts write them.
        """
        from .. import readers
        from ..interpret.core.operations import shown_below
        from ..readers.cut_short import cut_short
        from ..training_plan.facts import TrainingPlan

        source = made.source
        with shown_below(disk.real(self.root)):
            recording = self._record(source, line, reviewed, steps, rows)
            plans = readers.read(recording, source, self.settings)
        if recording.exhausted and not plans and TRAINS.search(source.text):
            plans = [cut_short(TrainingPlan(), recording.exhausted)]
        recording.run = line.text if line is not None else ""
        commands = {plan.command for plan in plans if plan.command}
        for plan in plans:
            names_command = plan.command and len(commands) > 1 and not recording.run
            plan.run = f"python {source.path} {plan.command}" if names_command else recording.run
        made.recordings.append(recording)
        made.plans += plans

    def _record(
        self,
        source: Source,
        line: CommandLine | None = None,
        reviewed: Source | None = None,
        steps: int | None = None,
        rows: Mapping[str, Rows] | None = None,
    ) -> Recording:
        if source.kind == "configuration" or line is not None and line.program:
            from .. import flavours

            return flavours.record(source, self.root, self.settings, self.flavour, line)
        from ..interpret.program import STEPS, interpret
        from ..readers.api import versions_of

        return interpret(
            source,
            self.root,
            steps or STEPS,
            drafts=self.drafts,
            started=line,
            reviewed=reviewed,
            rows=rows,
            versions=lambda recording: versions_of(recording, source, self.settings),
        )

    def _read_with_rows(self, made: Reading, lines: list[CommandLine]) -> None:
        """Fill in what a script leaves open of the rows of data files that another script of the project writes."""
        if not any(one.rows_awaited for one in made.recordings):
            return
        from . import written_rows

        top = disk.real(self.root)
        if files := written_rows.awaited(made.recordings, made.plans, top):
            search = written_rows.search(made.recordings, made.source.path, top, self.drafts)
            if rows := search.rows(files):
                again = Reading(made.source)
                for line in lines or (None,):
                    self._add(again, line, rows=rows)
                written_rows.fill(made.plans, again.plans, search.said)
            for plan in made.plans:
                plan.notes = (*plan.notes, *search.unknown)
            made.recording.files_missing += [*search.scripts]

    def _read_as_called(self, made: Reading) -> None:
        """Read a module as the scripts of its project call it, if it leaves that to them."""
        from . import called

        if made.plans and called.awaits_callers(made.recording):
            scripts, searched = callers.of(made.source.path, self.root, self.drafts)
            called.replace(made, self._read_callers(scripts, made.source))
            made.recording.files_missing += searched

    def _read_callers(self, scripts: Iterable[tuple[str, bytes]], module: Source) -> Iterator[Reading]:
        """Yield the readings of the scripts that import a module, one for each of their command lines."""
        from .called import SHARE, STEPS

        left = STEPS
        for path, data in scripts:
            left -= len(data) // 32  # to parse it
            with suppress(SourceError):
                caller = Source.from_bytes(data, discovery.shown(path))
                for line in self.lines(caller) or (None,):
                    if left <= 0:
                        return
                    one = Reading(caller)
                    self._add(one, line, module, min(left, SHARE))
                    left -= one.recording.steps
                    yield one

    def _read_started(self, notebook: Source) -> Reading | None:
        """Read what a notebook without training of its own starts: a file that its cells write, or one beside it."""
        for start in starts.of_notebook(notebook, self.root):
            one = Reading(start.source)
            self._add(one, start.line)
            if one.plans:
                return one
        return None


def _keeping_modules(source: Source) -> AbstractContextManager[None]:
    """Return a context in which a module is parsed once, however many command lines or callers import it."""
    if source.kind == "configuration":  # needs no interpreter of Python
        return nullcontext()
    from ..interpret.python.modules import remembering

    return remembering()
