"""Interprets the arguments of a command: the paths, the content of standard input, the settings that they change."""

from __future__ import annotations

import os
import sys

from .console import progress
from .program import COMMANDS, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from typing import Any

    from ..run.cache import Cache
    from ..run.options import Options


SHOWN = 3  # scripts of a directory that an error names


def overrides(args: Namespace) -> dict[str, Any]:
    """Return the settings from the command line, under the keys of a settings file."""
    said: dict[str, Any] = {"gpu": args.gpu, "processes": args.processes}
    if hasattr(args, "select"):
        said["select"], said["ignore"] = joined(args.select), joined(args.ignore)
        said["policy"] = joined(args.policy)
        said["baseline"] = args.baseline
        said["fail-on"] = args.fail_on
        said["min-certainty"] = args.min_certainty
        said["ignore-suppressions"] = args.ignore_suppressions or None
        said["fail-on-unknown"] = args.fail_on_unknown or None
    return {key: value for key, value in said.items() if value is not None}


def joined(lists: list[list[str]]) -> list[str] | None:
    """Return all values of a repeated option in one list; None if the option was not given."""
    return [word for words in lists for word in words] or None


def reviewing(args: Namespace, stdin: tuple[str, bytes] | None, cache: Cache | None) -> Options:
    """Return the options of a review. Raises UsageError if git cannot list the changes."""
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
    """Return the paths of the command line. Raises UsageError, with `remedy` if there are none."""
    if not args.paths:
        raise UsageError(remedy)
    if args.stdin_filename is not None and "-" not in args.paths:
        raise UsageError("--stdin-filename names the script on standard input: also give - as a path")
    if args.paths.count("-") > 1:
        raise UsageError("standard input can be read only once: give - once")
    if not getattr(args, "force_exclude", False):
        check_existing(args.paths)
    if args.flavour and all(path.endswith((".py", ".ipynb")) for path in args.paths):
        raise UsageError(
            f"--flavour names the program that reads a configuration, but {args.paths[0]} is a script: leave it out"
        )
    return list(args.paths)


def check_existing(paths: Sequence[str]) -> None:
    """Raise UsageError for a path that does not exist; `-` is standard input."""
    for path in paths:
        if path != "-" and not os.path.lexists(os.path.normpath(path)):
            raise UsageError(f"{path} does not exist{_meant(path)}")


def one_path(args: Namespace, remedy: str) -> str:
    """Return the one path of a command for one script. Raises UsageError; for a directory, with the scripts in it."""
    first, *more = paths(args, remedy)
    if more:
        raise UsageError(f"give one script, not {len(more) + 1}")
    if os.path.isdir(first):
        raise UsageError(f"{first} is a directory: give one script{_scripts_in(first)}")
    return first


def _scripts_in(directory: str) -> str:
    """Return `, such as src/train.py`: the first files below a directory that may train; "" if there are none."""
    from ..files import discovery, disk, globs

    found = []
    for file in discovery.walk(directory, lambda _: globs.globs((), "")):
        try:
            if file.path.endswith((".py", ".ipynb")) and discovery.may_train(disk.script(file.path)):
                found.append(file.shown)
        except OSError:
            continue
        if len(found) == SHOWN:
            break
    return f", such as {', '.join(found)}" if found else ""


def _meant(path: str) -> str:
    """Return `; did you mean the command "plan"?` if a path looks like a command, else ""."""
    from ..files.typed_data import did_you_mean

    hint = "" if os.path.basename(path) != path or "." in path else did_you_mean(path, COMMANDS)
    return hint.replace("did you mean", "did you mean the command")


def stdin(args: Namespace, paths: list[str]) -> tuple[str, bytes] | None:
    """Return the name and the bytes of the script on standard input; None unless "-" is among the paths."""
    if "-" not in paths:
        return None
    from ..files.limits import size_limit

    if sys.stdin is None:
        raise UsageError("standard input is closed: give a file instead of -")
    name = args.stdin_filename or "<stdin>"
    return name, sys.stdin.buffer.read(size_limit(name))
