"""What the arguments of a command mean: which paths, what standard input holds, which settings they change."""

from __future__ import annotations

import sys

from .console import progress
from .parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from ..run.cache import Cache
    from ..run.options import Options


def overrides(args: Namespace) -> dict[str, Any]:
    """What the command line says, under the keys of a settings file."""
    said: dict[str, Any] = {"gpu": args.gpu, "processes": args.processes}
    if hasattr(args, "select"):
        said["select"], said["ignore"] = joined(args.select), joined(args.ignore)
        said["baseline"] = args.baseline
        said["fail-on"] = args.fail_on
        said["fail-on-unknown"] = args.fail_on_unknown or None
    return {key: value for key, value in said.items() if value is not None}


def joined(lists: list[list[str]]) -> list[str] | None:
    """What a repeated option says in all; None when it was not given."""
    return [word for words in lists for word in words] or None


def reviewing(args: Namespace, stdin: tuple[str, bytes] | None, cache: Cache | None) -> Options:
    """Return the options of a review. Raises UsageError where git cannot tell the changes."""
    from ..run.options import Options

    changes = None
    if args.changed_only:
        from ..adoption.changes import Changes
        from ..files.git import GitError

        try:
            changes = Changes.since(args.base_ref or "HEAD")
        except GitError as error:
            raise UsageError(f"--changed-only: {error}") from None
    return Options(
        config=args.config,
        isolated=args.isolated,
        overrides=overrides(args),
        command_line=getattr(args, "command_line", None),
        flavour=args.flavour or "",
        stdin=stdin,
        force_exclude=args.force_exclude,
        changes=changes,
        cache=cache,
        jobs=args.jobs,
        progress=progress(),
    )


def paths(args: Namespace, remedy: str) -> list[str]:
    if not args.paths:
        raise UsageError(remedy)
    if args.stdin_filename is not None and "-" not in args.paths:
        raise UsageError("--stdin-filename names the script on standard input: give - as a path too")
    if args.paths.count("-") > 1:
        raise UsageError("standard input can be read once: give - once")
    return list(args.paths)


def stdin(args: Namespace, paths: list[str]) -> tuple[str, bytes] | None:
    """What the script on standard input is called, and its bytes."""
    if "-" not in paths:
        return None
    if sys.stdin is None:
        raise UsageError("there is no standard input to read: give a file instead of -")
    return args.stdin_filename or "<stdin>", sys.stdin.buffer.read()
