"""Command line: arguments → review → render → exit code. Imports expensive modules only if needed."""

from __future__ import annotations

import gc
import os
import sys

from .commands.console import close_stdout, complain
from .commands.program import COMMANDS, PROGRAM, UsageError
from .report.exit_codes import FAULT, INTERRUPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


STARTED_BY_PROGRAMS = ("hook", "mcp", "server")  # an editor or agent means the command, whatever lies in the folder


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Never raises, except SystemExit after `--help` and `--version`."""
    argv = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # whatever the console's encoding, printing must not fail
            stream.reconfigure(errors="backslashreplace")
    try:
        return _command(argv)
    except UsageError as error:
        return complain(str(error))
    except KeyboardInterrupt:
        complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        close_stdout()
        return FAULT
    except Exception as error:
        if os.environ.get("NL2SQL_REVIEW_TRACEBACK"):
            raise
        name = type(error).__name__
        return complain(
            f"{PROGRAM} failed: {name}: {error}\nThis is a bug in {PROGRAM}, not in your script; set "
            f"NL2SQL_REVIEW_TRACEBACK=1 to see where it happened."
        )


def run() -> None:
    """Run `main` as a process of its own.

    The process exits at once, without freeing every object of a review. The garbage collector is off, since it takes a
    sixth of the time of a review and the large tree stays in use until the end: `run/reviews.py` collects between
    files.
    """
    gc.disable()
    code = main()
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):  # there may be none: what needed it has failed already
            stream.flush()
    except (OSError, ValueError):  # closed
        code = code or FAULT
    os._exit(code)


def _command(argv: list[str]) -> int:
    from importlib import import_module

    try:
        os.getcwd()
    except OSError:
        raise UsageError("the working directory no longer exists: change to one that does") from None
    named = bool(argv) and argv[0] in COMMANDS
    if named and len(argv) == 1 and argv[0] not in STARTED_BY_PROGRAMS and os.path.exists(argv[0]):
        raise UsageError(
            f"{argv[0]} is both a command and a path: write ./{argv[0]} for the path, or {argv[0]} with the "
            f"command's arguments"
        )
    if len(argv) == 1 and not named and not argv[0].startswith("-"):
        from .commands import stored

        code = stored.answer(argv[0])
        if code is not None:
            return code
    command = import_module(f".commands.{argv[0] if named else 'review'}", __package__)
    status: int = command.run(command.parser().parse(argv[1:] if named else argv))
    return status
