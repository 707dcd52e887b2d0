"""`--fix`, `--fix-policy`, `--diff`: apply or show the fixes of a review."""

from __future__ import annotations

import sys

from ..fixes.write import WriteError
from ..fixes.write import write as exchange
from ..render import diff, fixes
from ..report.exit_codes import FINDINGS, NOTHING
from ..run.fix import Fixed, fix
from . import outputs, review
from .console import write
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..report.report import Report
    from ..run.reviewer import Reviewer

Stdin = tuple[str, bytes]


def run(args: Namespace, reviewer: Reviewer, report: Report, stdin: Stdin | None) -> int:
    """Apply or show the fixes after a review, and return the exit code. Raises SettingsError."""
    code = reviewer.exit_code(report)
    fixed = fix(reviewer, report, args.unsafe_fixes, stdin, policy=args.fix_policy)
    if args.diff:
        review.tell_faults(report.internal_errors)
        write(diff.render(fixed.files))
        if not args.quiet:
            print(fixes.would(fixed, listed=args.show_fixes), end="", file=sys.stderr)
        unread = any(file.status == "error" for file in report.files)
        return code if code not in (NOTHING, FINDINGS) else FINDINGS if fixed.files or unread else NOTHING
    _fix(args, reviewer, fixed, stdin)
    if code not in (NOTHING, FINDINGS):
        return code
    return FINDINGS if fixed.made and args.exit_non_zero_on_fix else reviewer.exit_code(fixed.report)


def _fix(args: Namespace, reviewer: Reviewer, fixed: Fixed, stdin: Stdin | None) -> None:
    """Write the fixed files, then report the rest. For standard input, only the script goes to standard output."""
    to, own = sys.stdout, None
    if stdin is not None:
        own = next((file for file in fixed.files if file.path == stdin[0]), None)
        to, stdin = sys.stderr, (stdin[0], own.after if own is not None else stdin[1])
    try:
        exchange([file for file in fixed.files if file is not own])
    except WriteError as error:
        raise UsageError(str(error)) from None
    texts = outputs.texts(args, fixed.report, reviewer, stdin)
    if stdin is not None:
        sys.stdout.buffer.write(stdin[1])
        sys.stdout.buffer.flush()
        print(*(text for text, file in texts if file is None), sep="", end="", file=to)
        texts = [(text, file) for text, file in texts if file is not None]
    review.finish(texts, fixed.report)
    if not args.quiet and any(file is None and name in ("text", "concise") for name, file in outputs.targets(args)):
        print(fixes.told(fixed, listed=args.show_fixes), end="", file=to)
