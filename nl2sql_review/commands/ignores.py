"""`--add-ignores REASON`: accepts the findings by adding a comment at each place."""

from __future__ import annotations

import os
from dataclasses import replace

from ..files import disk
from ..fixes.write import WriteError
from ..fixes.write import write as exchange
from ..render.summary import count
from ..report.summary import summary
from ..run.add_ignores import IgnoreError, checked, silence
from . import outputs, review
from .console import write
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..report.report import Report
    from ..run.reviewer import Reviewer


def run(args: Namespace, reviewer: Reviewer, report: Report) -> int:
    """Add the comments after a review, and return the exit code. Writes all files, or none."""
    try:
        reason = checked(args.add_ignores)
        there = [file for file in report.files if os.path.isfile(file.path)]
        made = [silence(reviewer, file, disk.script(file.path), reason) for file in there]
        silenced = {one.edited.path: one for one in made if one is not None}
        exchange([one.edited for one in silenced.values()])
    except (IgnoreError, ValueError, WriteError, OSError) as error:
        raise UsageError(f"--add-ignores: {error}") from None
    files = tuple(silenced[file.path].report if file.path in silenced else file for file in report.files)
    left = replace(report, files=files, summary=summary(files))
    review.finish(outputs.texts(args, left, reviewer, None), left)
    if not args.quiet and dict(outputs.targets(args)).get("text", "") is None:
        added = sum(len(one.added) for one in silenced.values())
        write(f"{count(added, 'finding', 'findings')} suppressed in {count(len(silenced), 'file', 'files')}\n")
    return reviewer.exit_code(left)
