"""Reviews the files that need it: one after the other, or spread over processes."""

from __future__ import annotations

import gc
import os

from ..files import discovery, disk
from ..report.exit_codes import FAULT
from . import workers
from .answers import Answers, is_relevant, names_no_library, reason_to_skip
from .outcome import IRRELEVANT, Outcome, outcome_of
from .selection import standard_input

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from ..report.report import FileReport, InternalError
    from .options import Options
    from .reviewer import Reviewer

SAMPLE = b"""
from unsloth import FastLanguageModel
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit", max_seq_length=2048)
model = FastLanguageModel.get_peft_model(model, r=8, target_modules=["q_proj", "v_proj"])
rows = load_dataset("b-mc2/sql-create-context", split="train")
rows = rows.map(lambda row: {"text": f"### Question: {row['question']} ### SQL: {row['answer']}{tokenizer.eos_token}"})
arguments = SFTConfig(output_dir="out", num_train_epochs=1, dataset_text_field="text")
SFTTrainer(model=model, train_dataset=rows, args=arguments, processing_class=tokenizer).train()
model.save_pretrained("out")
"""


class Reviews:
    """Reviews files, and stores the outcomes that the cache can return next time."""

    def __init__(self, options: Options, reviewer: Callable[[], Reviewer], answers: Answers) -> None:
        self._options, self._make_reviewer, self._answers = options, reviewer, answers

    @property
    def reviewer(self) -> Reviewer:
        """Reviewer of the run, created when the first file needs one."""
        return self._make_reviewer()

    def review_all(self, found: Sequence[discovery.Found], numbers: Sequence[int]) -> Iterator[tuple[int, Outcome]]:
        """Yield (number, outcome) of the files with these numbers, in any order. Raises SettingsError."""
        jobs = self._options.jobs
        processes = min(workers.usable(jobs), len(numbers) // workers.EACH) if jobs != 1 else 1
        if processes > 1:
            yield from self._review_in_processes(found, numbers, processes)
            return
        for place, number in enumerate(numbers):
            if place:
                gc.collect(0)  # the tree of the file before: memory stays flat, and the next one gets what it used
            try:
                with workers.limited():
                    outcome = self.review(found[number])
            except workers.Spent:
                outcome = _given_up(found[number], f"it took more than {workers.SECONDS} s of processor time")
            if len(numbers) > 1:
                outcome.compact()
            yield number, outcome

    def _review_in_processes(
        self, found: Sequence[discovery.Found], numbers: Sequence[int], processes: int
    ) -> Iterator[tuple[int, Outcome]]:
        self._load(found[number] for number in numbers)
        from ..policy.settings import SettingsError

        def work(number: int) -> tuple[str, Any]:
            """Review a file in another process and return (kind of answer, plain data)."""
            try:
                outcome = self.review(found[number])
                return ("irrelevant", None) if outcome is IRRELEVANT else ("outcome", outcome.to_message())
            except SettingsError as error:
                return "settings", str(error)
            finally:
                gc.collect(0)

        for number, answer in workers.spread(work, numbers, processes):
            if answer is None:
                why = f"the process that reviewed it ended early twice, or took more than {workers.SECONDS} s"
                yield number, _given_up(found[number], why)
                continue
            kind, content = answer
            if kind == "settings":
                raise SettingsError(content)
            yield number, IRRELEVANT if kind == "irrelevant" else Outcome.from_message(content)

    def _load(self, found: Iterable[discovery.Found]) -> None:
        """Load everything that a review needs, once for all processes, by the review of a script of our own."""
        from .reviewer import Reviewer

        for folder in dict.fromkeys(os.path.dirname(one.shown) for one in found):
            self.reviewer.rulebook(self.reviewer.settings(folder))
        here = os.path.dirname(disk.real(__file__))
        Reviewer(isolated=True, alone=True, within=(here,)).file(SAMPLE, os.path.join(here, "sample.py"))

    def review(self, found: discovery.Found) -> Outcome:
        """Review one file. Raises SettingsError."""
        from ..report.report import Report
        from ..report.serialization import well_formed

        name = standard_input(self._options)[0] if found.path == "-" else found.shown
        with disk.Remembering() as seen:
            settings = self.reviewer.settings_of(found.shown)
            if settings.file or self.reviewer.overrides:
                # A mistake that they make about rules is an error, whatever the file holds.
                self.reviewer.rulebook(settings)
            file, faults, data = self._read_and_review(found)
            file = well_formed(self.reviewer.accepted(file))
            code = self.reviewer.exit_code(Report(files=(file,), internal_errors=tuple(faults)))
        outcome = outcome_of(file, faults, code)
        if data and not faults:
            self._answers.store(outcome, name, data, seen, found.started_by)
        return outcome if is_relevant(found, data, outcome) else IRRELEVANT

    def _read_and_review(self, found: discovery.Found) -> tuple[FileReport, list[InternalError], bytes]:
        """Return the report of a file, the internal errors, and its bytes, empty if it was not reviewed."""
        from ..report.report import FileReport
        from .unread import unread, unreadable

        if found.path == "-":
            name, data = standard_input(self._options)
            return *self.reviewer.file(data, name), data
        if found.problem:
            return unreadable(found.shown, found.problem), [], b""
        try:
            data = disk.script(found.path)
        except OSError as error:
            return unreadable(found.shown, f"the file cannot be read: {error.strerror or error}"), [], b""
        if names_no_library(found, data):
            report = unread(data, found.shown)
            return report or FileReport(found.shown, "skipped", reason_to_skip(data)), [], b""
        return *self.reviewer.file(data, found.shown), data

    def without_old_findings(self, outcome: Outcome) -> Outcome:
        """Return the outcome with findings from before the changes suppressed; never stored, as it depends on git."""
        from ..report.report import InternalError, Report

        if outcome.status == "skipped":
            return outcome
        file = self.reviewer.changed(outcome.report())
        faults = tuple(InternalError(*fault) for fault in outcome.faults)
        return outcome_of(file, faults, self.reviewer.exit_code(Report(files=(file,), internal_errors=faults)))


def _given_up(found: discovery.Found, why: str) -> Outcome:
    """Return the outcome for a file whose review was ended, for a reason."""
    return Outcome(found.shown, "error", "internal error", FAULT, faults=[("", found.shown, why)])
