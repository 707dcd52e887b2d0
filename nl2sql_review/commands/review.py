"""`nl2sql-review PATH…`: reviews files."""

from __future__ import annotations

import os

from .. import __version__
from ..report.exit_codes import FINDINGS, NOT_REVIEWED, NOTHING
from . import inputs, outputs
from .console import complain, presentation, write
from .parser import (
    Parser,
    cache_options,
    color_option,
    flavour_option,
    positive,
    rules_options,
    run_options,
    settings_options,
    stdin_option,
)
from .program import COMMANDS, PROGRAM, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from ..report.report import InternalError, Report

SEVERITIES = ("error", "warning", "advice")
CERTAINTIES = ("certain", "default", "branch")
DESCRIPTION = "Reviews NL2SQL fine-tuning scripts against a checklist without running them."
EXAMPLES = """\
examples:
  nl2sql-review train.py             review one script
  nl2sql-review .                    review every training script of the project
  nl2sql-review run.sh               the scripts it starts, as it starts them
  nl2sql-review train.py -- --config configs/spider.yaml --lr 1e-4
                                     as this command line starts it
  nl2sql-review --select lora,prompt/eos train.py
                                     only these sections and rules
  nl2sql-review --output-format json src | jq .
                                     for other programs
  nl2sql-review --output-format text --output-format sarif=review.sarif .
  cat train.py | nl2sql-review - --stdin-filename src/train.py
  nl2sql-review --diff train.py      the repairs, as a diff; --fix applies them
  nl2sql-review --diff --fix-policy train.py
                                     with the policy's values; --fix-policy
                                     applies both
  nl2sql-review plan train.py        what the script really trains with
  nl2sql-review memory train.py --gpu T4
                                     whether it fits, what saves memory
  nl2sql-review rule lora/rank       what a rule asks for, and why

exit codes:
  0  nothing to report
  1  findings at or above --fail-on, unknown items with --fail-on-unknown, or
     with --diff: there is a diff, or a file cannot be read
  2  usage error or internal error
  3  nothing was reviewed: no training script was found (0 with --allow-empty)
The format does not matter: a SARIF file with findings also means exit code 1.
"""


def parser() -> Parser:
    commands = "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())
    parser = Parser(
        usage="nl2sql-review [OPTIONS] PATH...\n       nl2sql-review [OPTIONS] PATH -- ARGUMENTS...\n"
        "       nl2sql-review COMMAND [OPTIONS] ...",
        description=DESCRIPTION,
        epilog=f"commands (for a file with such a name, write ./rule):\n{commands}\n\n{EXAMPLES}",
    )
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="scripts, notebooks, configurations, directories, or - for standard input",
    )
    parser.add_argument(
        "--version",
        action="store_true",
        help="print the version; with -v, also the library releases that the tables cover",
    )

    group = parser.add_argument_group("what is reviewed")
    rules_options(group)
    run_options(group)
    stdin_option(group)
    group.add_argument(
        "--force-exclude",
        action="store_true",
        help="treat given files like files found in a directory: exclusions apply to them (for hooks)",
    )
    flavour_option(group)
    group.add_argument("--changed-only", action="store_true",
                       help="only what the changes since --base-ref touched or caused, according to git")  # fmt: skip
    group.add_argument(
        "--base-ref",
        metavar="REF",
        help="with --changed-only: compare with the point where the branch left REF, as in "
        "origin/main (default HEAD: uncommitted edits)",
    )
    group.add_argument("--baseline", metavar="FILE", help="accepted findings; the file comes from `baseline write`")
    settings_options(group)
    cache_options(group)
    group.add_argument("--watch", action="store_true", help="review again whenever a file changes, until Ctrl-C")
    group.add_argument(
        "-j", "--jobs", metavar="N", type=positive, help="number of worker processes (default: one per processor)"
    )
    group.add_argument("--ignore-suppressions", action="store_true", help="do not honor suppression comments")
    group.add_argument(
        "--min-certainty", choices=CERTAINTIES, help="hide findings that are less certain (default branch: hide none)"
    )
    group.add_argument("--show-files", action="store_true", help="print the files that would be reviewed, and exit")
    group.add_argument("--show-settings", action="store_true", help="print the settings that apply, and exit")

    group = parser.add_argument_group("fixes")
    group.add_argument("--fix", action="store_true",
                       help="apply safe repairs of traps")  # fmt: skip
    group.add_argument("--fix-policy", action="store_true",
                       help="like --fix, and also set what the policy asks for: values, tracker, paths")  # fmt: skip
    group.add_argument("--unsafe-fixes", action="store_true",
                       help="with one of these or --diff: also unsafe fixes")  # fmt: skip
    group.add_argument("--diff", action="store_true",
                       help="print repairs as a diff (with --fix-policy also the rest), change nothing")  # fmt: skip
    group.add_argument(
        "--show-fixes", action="store_true", help="with --fix: list what was fixed; otherwise: what could be fixed"
    )
    group.add_argument("--exit-non-zero-on-fix", action="store_true", help="with --fix: exit 1 if anything was fixed")

    group.add_argument("--add-ignores", metavar="REASON",
                       help="write a suppression comment with this reason at every finding")  # fmt: skip

    group = parser.add_argument_group("output")
    outputs.options(group)
    group.add_argument("--show-suppressed", action="store_true", help="also show findings that comments suppress")
    group.add_argument(
        "-v", "--verbose", action="store_true", help="show checklist items in full, including those that do not apply"
    )
    group.add_argument("-q", "--quiet", action="store_true", help="findings only: no checklist, no summary")
    color_option(group)

    group = parser.add_argument_group("exit code")
    group.add_argument(
        "--fail-on", choices=SEVERITIES, help="exit 1 for findings of this severity or higher (default error)"
    )
    group.add_argument("--fail-on-unknown", action="store_true", help="exit 1 if an item is unknown")
    group.add_argument("--exit-zero", action="store_true", help="exit 0 even with findings; errors still exit 2")
    group.add_argument("--allow-empty", action="store_true", help="exit 0 if no training script was found, for hooks")
    return parser


def _say_version(verbose: bool) -> int:
    print(f"{PROGRAM} {__version__}")
    if verbose:
        from ..libraries import dates

        print(f"library tables, as of {dates.read_on()}:")
        for library, version in dates.releases().items():
            print(f"  {library} {version}")
    return 0


def run(args: Namespace) -> int:
    if args.version:
        return _say_version(args.verbose)
    if args.show_settings:
        return _show_settings(args)
    _check(args)
    if args.allow_empty and not args.paths:
        return NOTHING
    paths = inputs.paths(args, "nothing to review: give a file or a directory, as in nl2sql-review train.py")
    if args.show_files:
        return _show_files(args, paths)
    outputs.targets(args)  # a mistake in the formats is told before any work
    if args.watch:
        from . import watch

        return watch.run(paths, lambda: _review(args, paths))
    return _review(args, paths)


def _review(args: Namespace, paths: list[str]) -> int:
    from ..files import disk
    from ..run import batch, cache
    from ..run.outcome import code_of

    stdin = inputs.stdin(args, paths)
    answers = None if args.no_cache else cache.opened(args.cache_dir)
    run = batch.Batch(inputs.reviewing(args, stdin, answers))
    shown = _presentation(args)
    answer = run.answer_from_cache(paths, shown) if shown else None
    if answer is not None:
        text, code = answer
        write(text)
        return _exit(code, args)
    from ..policy.settings import SettingsError

    try:
        outcomes = run.run(paths)
        code = code_of(outcomes)
        if args.add_ignores is not None:
            from . import ignores

            code = ignores.run(args, run.reviewer, run.report(outcomes))
        elif args.fix or args.diff:
            from . import fixes

            code = fixes.run(args, run.reviewer, run.report(outcomes), stdin)
        else:
            with disk.Remembering() as seen:
                report = run.report(outcomes)
                if args.show_fixes or outputs.carry_fixes(args):
                    from ..run.fix import offered

                    report = offered(run.reviewer, report, stdin)
                texts = outputs.texts(args, report, run.reviewer, stdin)
            finish(texts, report)
            if shown:
                run.store_answer(paths, shown, outcomes, texts[0][0], seen)
    except SettingsError as error:
        raise UsageError(str(error)) from None
    return _exit(code, args)


def _exit(code: int, args: Namespace) -> int:
    if code == NOT_REVIEWED and args.allow_empty or code == FINDINGS and args.exit_zero:
        return NOTHING
    return code


def _show_files(args: Namespace, paths: list[str]) -> int:
    """List the files that name a training library; only a review finds out which of them train nothing."""
    from ..files import disk
    from ..policy.settings import SettingsError
    from ..render.terminal import escape
    from ..run import batch
    from ..run.answers import names_no_library

    run = batch.Batch(inputs.reviewing(args, inputs.stdin(args, paths), None))
    shown = []
    try:
        for found in run.find(paths):
            try:
                if found.path == "-" or not names_no_library(found, disk.script(found.path)):
                    shown.append(found.shown)
            except OSError:
                shown.append(found.shown)  # that it cannot be read is a finding
    except SettingsError as error:
        raise UsageError(str(error)) from None
    write("".join(f"{escape(path)}\n" for path in shown))
    return NOTHING if shown or args.allow_empty else NOT_REVIEWED


def _check(args: Namespace) -> None:
    """Raise UsageError for options that need another one, or contradict another one."""
    if args.fix_policy and not args.diff:
        args.fix = True
    if args.base_ref is not None and not args.changed_only:
        raise UsageError("--base-ref needs --changed-only: give both")
    if args.command_line is not None and os.path.isdir(args.paths[0]):
        raise UsageError(f"-- starts the command line of one script, but {args.paths[0]} is a directory: give a file")
    if args.base_ref == "":  # as from a variable that is not set: the comparison with HEAD would find nothing
        raise UsageError("--base-ref is empty: name a commit or a branch, as in --base-ref origin/main")
    if args.changed_only and "-" in args.paths:
        raise UsageError("--changed-only compares files in git, so it cannot review standard input")
    if args.watch and "-" in args.paths:
        raise UsageError("--watch reviews files repeatedly, so it cannot review standard input")
    if args.unsafe_fixes and not (args.fix or args.diff):
        raise UsageError("--unsafe-fixes needs --fix, --fix-policy or --diff; --show-fixes lists all fixes")
    if args.exit_non_zero_on_fix and not args.fix:
        raise UsageError("--exit-non-zero-on-fix needs --fix or --fix-policy")
    if args.add_ignores is not None and (args.fix or args.diff or args.show_fixes or "-" in args.paths):
        raise UsageError(
            "--add-ignores writes comments into files: it cannot be combined with --fix, --diff, --show-fixes or -"
        )
    if args.quiet and args.verbose:
        raise UsageError("--quiet and --verbose contradict each other: give one of them")
    if args.fix and args.diff:
        raise UsageError("--fix makes the changes, --diff only shows them: give one of them")
    if args.diff and (args.output_format or args.output_file):
        raise UsageError("--diff prints a diff, not a report: leave out --output-format and --output-file")


def finish(texts: Sequence[tuple[str, str | None]], report: Report) -> None:
    """Report internal errors, then write the texts."""
    tell_faults(report.internal_errors)
    outputs.write(texts)


# What may be said on the command line where the output is remembered: anything else may look at more than the files.
REMEMBERED = (
    "paths command_line select ignore policy gpu processes stdin_filename config isolated output_format quiet verbose "
    "show_suppressed color fail_on fail_on_unknown no_cache cache_dir jobs baseline statistics force_exclude "
    "allow_empty show_fixes flavour exit_zero min_certainty ignore_suppressions"
).split()
PURE = ("text", "concise", "statistics", "json", "agent")  # formats that show nothing but the report and its files


def _presentation(args: Namespace) -> str:
    """Return what decides the output besides files and options, as text; "" if anything else may affect it."""
    said = vars(args)
    (name, file), *more = outputs.targets(args)
    if name not in PURE or file is not None or more or any(said[key] for key in said if key not in REMEMBERED):
        return ""
    return presentation(
        name,
        show_fixes=args.show_fixes,
        show_suppressed=args.show_suppressed,
        quiet=args.quiet,
        verbose=args.verbose,
        color=args.color,
    )


def tell_faults(faults: Sequence[InternalError]) -> None:
    """Each fault of ours once, with the first file it was met on."""
    paths: dict[tuple[str, str], list[str]] = {}
    for fault in faults:
        paths.setdefault((fault.rule, fault.message), []).append(fault.path)
    for (rule, message), where in paths.items():
        more = f" and {len(where) - 1} more" if len(where) > 1 else ""
        complain(f"internal error: {f'rule {rule}' if rule else PROGRAM} failed on {where[0]}{more}: {message}")


def _show_settings(args: Namespace) -> int:
    from ..policy import rulebook, settings
    from ..policy.active_rules import active_rulebook
    from ..policy.shown_settings import show_settings
    from ..render.terminal import escape

    where = args.paths[0] if args.paths and args.paths[0] != "-" else os.getcwd()
    directory = where if os.path.isdir(where) else os.path.dirname(os.path.abspath(where))
    try:
        chosen = settings.load(directory, config=args.config, isolated=args.isolated, overrides=inputs.overrides(args))
        active_rulebook(chosen)
    except (settings.SettingsError, rulebook.RulebookError) as error:
        raise UsageError(str(error)) from None
    write("".join(f"{escape(line)}\n" for line in show_settings(chosen).split("\n")))
    return NOTHING
