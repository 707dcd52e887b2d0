"""Outputs of a review: `--output-format`, each format to standard output or to a file of its own."""

from __future__ import annotations

import argparse
import os

from ..render import FORMATS
from . import console
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from ..gpu_memory.summary import MemoryReport
    from ..policy.rulebook import Rule
    from ..render import plan_json
    from ..report.report import Report
    from ..run.reviewer import Reviewer


def options(group: argparse._ActionsContainer) -> None:
    group.add_argument("--output-format", metavar="FORMAT[=FILE]", action="append", type=format_and_file, default=[],
                       help=f"{', '.join(FORMATS)} (default text); may be repeated; =FILE: a file")  # fmt: skip
    group.add_argument("--statistics", action="store_true", help="short for --output-format statistics")
    group.add_argument("--output-file", metavar="FILE", help="write to this file instead of standard output")


def format_and_file(text: str) -> tuple[str, str | None]:
    """Split `sarif` into ("sarif", None), `sarif=review.sarif` into ("sarif", "review.sarif")."""
    name, equals, file = text.partition("=")
    if name not in FORMATS:
        from ..files.typed_data import did_you_mean, listed

        raise argparse.ArgumentTypeError(
            f"there is no format {name!r}{did_you_mean(name, FORMATS)}; known are {listed(FORMATS)}"
        )
    if equals and not file:
        raise argparse.ArgumentTypeError(f"{text!r} has no file name: write {name}=FILE")
    return name, file or None


def targets(args: Namespace) -> list[tuple[str, str | None]]:
    """Return the requested formats, each with its file; None is standard output, which takes one format."""
    asked = [*args.output_format, *([("statistics", None)] if args.statistics else [])] or [("text", None)]
    without = [name for name, file in asked if file is None]
    if args.output_file is not None and not without:
        asked.append(("text", None))
    if len(without) > 1:
        where = "--output-file" if args.output_file is not None else "standard output"
        raise UsageError(
            f"{where} takes one format, not {' and '.join(without)}: give the others a file, "
            f"as in --output-format {without[1]}=FILE"
        )
    targets = [(name, args.output_file if file is None else file) for name, file in asked]
    files = [os.path.abspath(file) for _, file in targets if file is not None]
    twice = next((file for file in files if files.count(file) > 1), None)
    if twice is not None:
        raise UsageError(f"{os.path.relpath(twice)} would be written twice: give each format its own file")
    return targets


def carry_fixes(args: Namespace) -> bool:
    """Return whether a requested format includes the fixes."""
    return any(FORMATS[name].carries_fixes for name, _ in targets(args))


def texts(
    args: Namespace, report: Report, reviewer: Reviewer, stdin: tuple[str, bytes] | None
) -> list[tuple[str, str | None]]:
    """Return the texts to write, each with its file or None. All are rendered before any is written."""
    from ..files.discovery import repository
    from ..render import render
    from ..render.files import Files
    from ..render.view import View

    files = Files(stdin)
    settings = reviewer.settings(".")
    wanted = targets(args)
    written = {os.path.realpath(file): file for _, file in wanted if file is not None}
    for each in report.files if written else ():
        if each.status != "skipped" and (file := written.get(os.path.realpath(each.path))) is not None:
            raise UsageError(f"{file} is reviewed, and the report would overwrite it: name another file")
    made = []
    for name, file in wanted:
        view = View(
            terminal=console.terminal(args, file),
            quiet=args.quiet,
            verbose=args.verbose,
            policy=settings.wanted.name,
            show_suppressed=args.show_suppressed,
            show_unknown=settings.fail_on_unknown,
            root=repository(os.getcwd()) or os.getcwd(),
            files=files,
            rules=lambda: _rules(reviewer, report),
            plan=lambda path: _plan(reviewer, path, stdin),
        )
        made.append((render(name, report, view), file))
    return made


def write(texts: Sequence[tuple[str, str | None]]) -> None:
    """Write the files first, all or none, so that a closed standard output does not prevent a file."""
    console.save_all({file: text for text, file in texts if file is not None})
    for text, file in texts:
        if file is None:
            console.write(text)


def _rules(reviewer: Reviewer, report: Report) -> Mapping[str, Rule]:
    """Return the active rules by id, as the settings of the reviewed files configure them."""
    folders = dict.fromkeys(os.path.dirname(file.path) for file in report.files if file.status == "reviewed")
    books = [reviewer.rulebook(reviewer.settings(folder)) for folder in folders]
    return {rule.id: rule for book in books for rule in book.active}


def _plan(
    reviewer: Reviewer, path: str, stdin: tuple[str, bytes] | None
) -> tuple[plan_json.PlanReport, MemoryReport] | None:
    """Return the plan of a reviewed file and the memory it needs; None if the file can no longer be read."""
    from ..files import disk
    from ..flavours import NotAConfiguration
    from ..gpu_memory.cards import UnknownCard
    from ..render import plan_json
    from ..run import memory
    from ..source import SourceError

    try:
        data = stdin[1] if stdin is not None and path == stdin[0] else disk.script(path)
        _, recording, plans = reviewer.plans(data, path, reviewer.settings_of(path))
        return plan_json.describe(recording, plans), memory.of_plans(plans, None, {}, path)
    except (OSError, SourceError, NotAConfiguration, UnknownCard):
        return None
