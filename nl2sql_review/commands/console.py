"""Output of every command: standard output, errors, colours."""

from __future__ import annotations

import os
import sys

from ..report.exit_codes import FAULT
from .program import UsageError

TYPE_CHECKING = False  # as typing's, whose import would be a sixth of what `--help` costs
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping

    from ..render.terminal import Terminal


def terminal(args: Namespace, file: str | None = None) -> Terminal:
    """Return the terminal to write for: standard output, or a file, which has colours only with `--color always`."""
    from ..render.terminal import Terminal, glyphs_for

    if file is not None:
        return Terminal(color=args.color == "always")
    encoding = getattr(sys.stdout, "encoding", None)
    color = colored(args.color)
    return Terminal(max(columns(), 40), color, glyphs_for(encoding), color and follows_links())


def columns() -> int:
    """Return the width to write for: COLUMNS, else the width of the terminal, else 80."""
    try:
        given = int(os.environ.get("COLUMNS", ""))
        if given > 0:
            return given
    except ValueError:
        pass
    try:
        return (os.get_terminal_size(sys.__stdout__.fileno()).columns if sys.__stdout__ is not None else 0) or 80
    except (ValueError, OSError):
        return 80


def follows_links() -> bool:
    """Return whether standard output is a terminal with support for OSC 8 hyperlinks; others may print them as text."""
    if os.environ.get("FORCE_HYPERLINK", ""):
        return os.environ["FORCE_HYPERLINK"] != "0"
    if not getattr(sys.stdout, "isatty", bool)() or os.environ.get("TMUX"):
        return False
    vte = os.environ.get("VTE_VERSION", "")
    return (
        any(os.environ.get(name) for name in ("WT_SESSION", "KITTY_WINDOW_ID", "KONSOLE_VERSION", "GHOSTTY_BIN_DIR"))
        or os.environ.get("TERM_PROGRAM") in ("iTerm.app", "WezTerm", "vscode", "Hyper", "ghostty")
        or vte.isdecimal()
        and int(vte) >= 5000
    )


def colored(choice: str) -> bool:
    """Return whether to use colours: by `--color`, else NO_COLOR, FORCE_COLOR, else whether this is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0") or os.environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return os.environ.get("TERM") != "dumb" and bool(getattr(sys.stdout, "isatty", bool)())


def presentation(
    format: str = "text",
    *,
    show_fixes: bool = False,
    show_suppressed: bool = False,
    quiet: bool = False,
    verbose: bool = False,
    color: str = "auto",
) -> str:
    """Return what decides the output besides files and the options of a review, as text: a part of the cache's key."""
    encoding = getattr(sys.stdout, "encoding", None)
    shown = [format, show_fixes, show_suppressed, quiet, verbose]
    return repr([*shown, columns(), colored(color), follows_links(), encoding])


def write(text: str) -> None:
    """Write to standard output; a closed pipe (`| head`) is not an error."""
    if sys.stdout is None:
        raise UsageError("standard output is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        close_stdout()
    except OSError as error:  # a full disk
        close_stdout()
        raise UsageError(f"standard output cannot be written: {error.strerror or error}") from None


def save(text: str, path: str) -> None:
    """Write a file completely or not at all. Raises UsageError if that fails."""
    save_all({path: text})


def save_all(texts: Mapping[str, str]) -> None:
    """Write texts to files, given as path → text: all of them, completely, or none. Raises UsageError if that fails."""
    from ..files import beside

    made: dict[str, str] = {}  # the new files, until each takes its place
    path = ""
    try:
        for path, text in texts.items():
            device = os.path.exists(path) and not os.path.isfile(path)  # a pipe: it cannot be replaced
            target = path
            if not device:
                final = os.path.realpath(path)  # a link stays one: /dev/stdout may lead to a file
                beside.sweep(os.path.dirname(final))
                made[final] = target = beside.path(final)
            with open(target, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
                file.write(text)
        for path, temporary in made.items():
            os.replace(temporary, path)
    except OSError as error:
        for temporary in made.values():
            if os.path.exists(temporary):
                os.remove(temporary)
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from None


def progress(what: str = "files reviewed") -> Callable[[int, int], None] | None:
    """Return a function that shows the progress of `what` on a terminal after one second; None without a terminal."""
    stream = sys.stderr
    if stream is None or not stream.isatty() or os.environ.get("TERM") == "dumb":
        return None
    from time import monotonic

    started = shown = monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal shown
        now = monotonic()
        if now - started > 1 and (now - shown > 0.1 or done == total):
            shown = now
            width = 30
            bar = "#" * (width * done // total)
            told = f"[{bar:<{width}}] {done} of {total} {what}, {now - started:.0f} s"
            stream.write("\r\x1b[K" if done == total else f"\r{told}")
            stream.flush()

    return tell


def close_stdout() -> None:
    """Redirect standard output to the null device, so that Python's final flush raises no second error."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        pass


def remark(message: str) -> None:
    """Print one line that is not an error to standard error."""
    from ..render.terminal import escape

    print(escape(message), file=sys.stderr)


def complain(message: str) -> int:
    """Print an error to standard error, and return the exit code that it means."""
    from ..render.terminal import escape

    lines = [escape(line) for line in message.splitlines()] or [""]
    print(f"error: {lines[0]}", *lines[1:], sep="\n", file=sys.stderr)
    return FAULT
