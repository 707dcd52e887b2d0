"""`nl2sql-review baseline write`: accepts the current findings, so that only new ones count."""

from __future__ import annotations

import os

from ..report.exit_codes import FINDINGS, NOT_REVIEWED, NOTHING
from . import console, inputs
from .parser import Parser, flavour_option, rules_options, run_options, settings_options
from .program import PROGRAM, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

EPILOG = """\
Then commit the file, and set baseline = "nl2sql-review-baseline.json" in the settings, or use --baseline FILE.
An entry accepts the value it names: a different value is a new finding. Files without values, as older versions
wrote them, accept any value until they are rewritten.
Entries of files that are not given are kept; fixed ones are removed, unless --select or --ignore excludes their rule.

exit codes:
  0  written
  1  written, but a file could not be read: that is never accepted
  2  usage error or internal error: nothing is written
  3  nothing was reviewed: no training script was found, and nothing is written
"""


def parser() -> Parser:
    parser = Parser(
        "baseline",
        usage=f"{PROGRAM} baseline write [OPTIONS] PATH...",
        description="Accepts the current findings, so that only new ones count.",
        epilog=EPILOG,
    )
    parser.add_argument("action", choices=("write",), help="write or update the file")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="scripts, notebooks and directories")
    parser.add_argument(
        "--output", metavar="FILE", help="the file (default: as set in the settings, else nl2sql-review-baseline.json)"
    )
    rules_options(parser)
    run_options(parser)
    flavour_option(parser)
    settings_options(parser)
    return parser


def run(args: Namespace) -> int:
    if not args.paths:
        raise UsageError(f"nothing to accept: give a file or a directory, as in {PROGRAM} baseline write .")
    inputs.check_existing(args.paths)
    from ..adoption import baseline
    from ..policy.settings import SettingsError
    from ..run import batch
    from ..run.options import Options
    from ..run.reviewer import Reviewer

    try:
        named = Reviewer(args.config, args.isolated).settings(".").baseline
        target = args.output or named or baseline.NAME
        said = {"select": inputs.joined(args.select), "ignore": inputs.joined(args.ignore), "baseline": ""}
        said = {**said, "gpu": args.gpu, "processes": args.processes}
        options = Options(config=args.config, isolated=args.isolated, flavour=args.flavour or "", overrides=said)
        report, code = batch.run(args.paths, options)
        known = baseline.read(target) if os.path.exists(target) else baseline.Baseline(baseline.VERSION, path=target)
    except SettingsError as error:
        raise UsageError(str(error)) from None
    if report.internal_errors:
        first = report.internal_errors[0]
        raise UsageError(f"internal error: {first.rule or PROGRAM} failed on {first.path}: {first.message}")
    if code == NOT_REVIEWED:
        console.complain("nothing was reviewed: no training script was found; nothing was written")
        return NOT_REVIEWED
    gone = known.removable(report.files)
    found = [entry for file in report.files for entry in known.entries(file)]
    prints = {entry.fingerprint for entry in found}
    kept = [entry for entry in known.findings if entry not in gone and entry.fingerprint not in prints]
    console.save(baseline.text([*found, *kept]), target)
    console.write(_words(target, len(found) + len(kept), sum(map(known.is_new, found)), len(gone)))
    unread = [one for file in report.files for one in file.findings if one.rule in baseline.UNREAD]
    for one in unread:
        console.remark(f"{one.location.path}:{one.location.row}: {one.rule}: not read, so not accepted: {one.message}")
    return FINDINGS if unread else NOTHING


def _words(target: str, entries: int, new: int, gone: int) -> str:
    return f"{target}: {entries} accepted, {new} of them new; {gone} fixed and removed\n"
