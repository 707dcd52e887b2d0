"""Command line parser: options, help texts and error messages.

Built with argparse, one parser per command, and only the requested one: `--help` costs little more than Python.
"""

from __future__ import annotations

import argparse

from .console import columns
from .program import PROGRAM, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

TAKES_COMMAND_LINE = {"": 1, "plan": 1, "memory": 1, "diff": 2}  # after how many paths `--` begins the script's own


class Parser(argparse.ArgumentParser):
    """ArgumentParser with one-line errors that name the remedy, and without abbreviated options."""

    def __init__(
        self, command: str = "", *, usage: str | None = None, description: str | None = None, epilog: str | None = None
    ) -> None:
        super().__init__(
            prog=f"{PROGRAM} {command}".strip(),
            formatter_class=_formatter,
            allow_abbrev=False,
            usage=usage,
            description=description,
            epilog=epilog,
        )
        self.command = command
        self.takes_command_line = command in TAKES_COMMAND_LINE
        if self.takes_command_line:
            self.set_defaults(command_line=None)
        if hasattr(self, "color"):
            self.color = False  # 3.14 would import its colour support for every help page

    def error(self, message: str) -> NoReturn:
        if message.startswith("the following arguments are required"):
            needed = next((action for action in self._get_positional_actions() if action.choices), None)
            if needed is not None:
                from ..files.typed_data import listed

                words = list(needed.choices or ())
                message = f"an argument is missing: {listed(words)}; as in {self.prog} {words[0]}"
        raise UsageError(f"{message}\n\nSee {self.prog} --help")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            from ..files.typed_data import did_you_mean, listed

            words = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(action, f"{value} is not one of {listed(words)}{did_you_mean(value, words)}")

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Parse options and paths in any order; `--` ends the options.

        After exactly one path, words after `--` belong to the script: `command_line`. Without a path they are paths.
        """
        argv = list(argv)
        end = argv.index("--") if "--" in argv else len(argv)
        parsed, rest = self.parse_known_intermixed_args(argv[:end])
        unknown = [word for word in rest if word.startswith("-") and word != "-"]
        if unknown:
            self.error(f"unknown option {unknown[0]}{self._closest(unknown[0])}")
        if rest:
            self.error(f"unexpected argument {rest[0]}")
        if end < len(argv):
            positional = next((a for a in self._actions if not a.option_strings and a.nargs == "*"), None)
            if positional is None:
                self.error(f"unexpected argument {argv[end]}")
            paths = getattr(parsed, positional.dest)
            if not paths or not self.takes_command_line:
                setattr(parsed, positional.dest, [*paths, *argv[end + 1 :]])
            elif len(paths) == TAKES_COMMAND_LINE[self.command]:
                parsed.command_line = tuple(argv[end + 1 :])
            else:
                raise UsageError(
                    f"-- starts the command line of one script, but {len(paths)} paths are given: give one, as in "
                    f"{self.prog} train.py -- --lr 1e-4"
                )
        for action in self._get_positional_actions():
            given = getattr(parsed, action.dest)
            if action.help is argparse.SUPPRESS:  # words of a shell's line, where an empty one is yet to be typed
                continue
            if given == "" or isinstance(given, list) and "" in given:  # as a path, the working directory
                self.error(f"{action.metavar or action.dest} is empty, as from a variable that is not set")
        return parsed

    def _closest(self, word: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(word.partition("=")[0], self._option_string_actions, n=1)
        return f"; did you mean {close[0]}?" if close else ""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Formatter that keeps the lines of description and epilog, and wraps those too long for the terminal."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(f"{indent}{part}\n" for line in _joined(text.splitlines()) for part in _folded(line, width))


def _joined(lines: list[str]) -> list[str]:
    """Join lines that belong together: those of a paragraph, a term and its explanation."""
    made: list[str] = []
    last = ""
    for line in lines:
        begins = len(line) - len(line.lstrip())
        goes_on = line.strip() and (begins == _column(made[-1]) if begins else len(last) > 80) if made else False
        made[-1:] = [f"{made[-1]} {line.strip()}"] if goes_on else [*made[-1:], line]
        last = line
    return made


def _column(line: str) -> int:
    """Return the column in which the explanation of `term   explanation` begins; 0 without one."""
    term, gap, explanation = line.lstrip().rpartition("  ")
    return len(line) - len(explanation.lstrip()) if gap and term else 0


def _folded(line: str, width: int) -> list[str]:
    """Wrap a line at the width; an explanation stays in its column."""
    if len(line) <= width:
        return [line]
    import textwrap

    within = " " * (_column(line) or (4 if line.startswith(" ") else 0))
    return textwrap.wrap(line, width, subsequent_indent=within, break_on_hyphens=False, break_long_words=False) or [""]


def _formatter(prog: str) -> argparse.HelpFormatter:
    return _Formatter(prog, max_help_position=30, width=max(min(columns() - 2, 110), 40))


def rules_options(group: argparse._ActionsContainer) -> None:
    group.add_argument("--policy", metavar="POLICY", action="append", type=words, default=[],
                       help="nl2sql (default), recommended (traps only), general, or a file: ./ours.toml")  # fmt: skip
    group.add_argument("--select", metavar="RULES", action="append", type=words, default=[],
                       help="only these rules or sections, separated by commas")  # fmt: skip
    group.add_argument("--ignore", metavar="RULES", action="append", type=words, default=[],
                       help="exclude these rules or sections")  # fmt: skip


def run_options(group: argparse._ActionsContainer) -> None:
    group.add_argument("--gpu", metavar="CARD", help="the GPU the script will run on, as in --gpu T4")
    group.add_argument("--processes", metavar="N", type=positive, help="number of training processes (default 1)")


def settings_options(group: argparse._ActionsContainer) -> None:
    group.add_argument("--config", metavar="FILE", help="settings from this file instead of the project's")
    group.add_argument("--isolated", "--no-project-settings", action="store_true", dest="isolated",
                       help="only the settings of --config, where the project's are not trusted")  # fmt: skip


def cache_options(group: argparse._ActionsContainer) -> None:
    group.add_argument("--no-cache", action="store_true", help="review everything again without the cache")
    group.add_argument("--cache-dir", metavar="DIR", help="cache directory (default .nl2sql_review_cache)")


def color_option(group: argparse._ActionsContainer) -> None:
    group.add_argument("--color", choices=("auto", "always", "never"), default="auto",
                       help="colors: auto (default) respects NO_COLOR and FORCE_COLOR")  # fmt: skip


def stdin_option(group: argparse._ActionsContainer) -> None:
    group.add_argument("--stdin-filename", metavar="FILE", help="name of the script on standard input")


def one_script(parser: Parser) -> None:
    """Add the path argument of a command for one script; checked later, so that the error can name the remedy."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="one script, notebook or configuration, or - for standard input"
    )


def flavour_option(group: argparse._ActionsContainer) -> None:
    from ..flavours import FLAVOURS

    group.add_argument(
        "--flavour",
        metavar="PROGRAM",
        choices=tuple(FLAVOURS),
        help=f"the program that reads the configuration, if its keys are misleading: {', '.join(FLAVOURS)}",
    )


def words(text: str) -> list[str]:
    """Split words at commas; an empty list is an error, as from a variable that is not set."""
    found = [word.strip() for word in text.split(",") if word.strip()]
    if not found:
        raise argparse.ArgumentTypeError("is empty: name at least one, or leave the option out")
    return found


def whole(text: str) -> int:
    """Parse a number of digits, zero included, for argparse."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be an integer, not {text!r}")
    return _countable(text)


def positive(text: str) -> int:
    """Parse a number of digits above zero, for argparse."""
    if not text.isdecimal() or not text.strip("0"):
        raise argparse.ArgumentTypeError(f"must be a positive integer, not {text!r}")
    return _countable(text)


def _countable(text: str) -> int:
    """Return a count as an integer; more than 12 digits are an error, since no estimate could be made."""
    if len(text) > 12:
        raise argparse.ArgumentTypeError(f"must have at most 12 digits, and has {len(text)}")
    return int(text)
