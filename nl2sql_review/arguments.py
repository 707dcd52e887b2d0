"""The command line: what can be said, how it is explained, and what a wrong word is answered with.

Built with argparse, one parser a command and only the one that is asked for: `--help` costs little more than Python.
"""

from __future__ import annotations

import argparse
import os
import sys

from . import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

PROGRAM = "nl2sql-review"
COMMANDS = {
    "review": "review scripts (what happens when no command is named)",
    "plan": "show what a script will really train with",
    "memory": "how much GPU memory a script needs, and what fits",
    "rule": "list the rules, or explain one",
    "schema": "print the JSON Schema of a report, a plan or the settings",
}
FORMATS = ("text", "concise", "json")
SEVERITIES = ("error", "warning", "advice")

DESCRIPTION = "Reviews NL2SQL fine-tuning scripts against the team's checklist, without running them."
EXAMPLES = """\
examples:
  nl2sql-review train.py                          review one script
  nl2sql-review .                                 review every training script of the project
  nl2sql-review --select lora,prompt/eos train.py only these sections and rules
  nl2sql-review --output-format json src | jq .   for other programs
  cat train.py | nl2sql-review - --stdin-filename src/train.py
  nl2sql-review plan train.py                     the configuration the script really trains with
  nl2sql-review memory train.py --gpu T4          whether it fits the card, and what would save memory
  nl2sql-review rule lora/rank                    what a rule asks for, and why

exit codes:
  0  nothing to report
  1  findings at or above --fail-on, or unknown items under --fail-on-unknown
  2  usage error or internal error
  3  nothing was reviewed: no training script was found
"""


class UsageError(Exception):
    """The command line or the settings cannot be followed; the text names the remedy."""


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors that say what to do, and without its guessing of abbreviations."""

    def __init__(self, command: str = "", **options: object) -> None:
        super().__init__(
            prog=f"{PROGRAM} {command}".strip(),
            formatter_class=_formatter,
            allow_abbrev=False,
            **options,  # type: ignore[arg-type]
        )
        if hasattr(self, "color"):
            self.color = False  # 3.14 would import its colour support for every help page

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n\nFor what can be said, see: {self.prog} --help")

    def parse(self, argv: Sequence[str]) -> argparse.Namespace:
        """Options and paths in any order; `--` ends the options."""
        argv = list(argv)
        end = argv.index("--") if "--" in argv else len(argv)
        parsed, rest = self.parse_known_intermixed_args(argv[:end])
        unknown = [word for word in rest if word.startswith("-") and word != "-"]
        if unknown:
            self.error(f"unknown option {unknown[0]}{self._closest(unknown[0])}")
        if end < len(argv):
            positional = next((a for a in self._actions if not a.option_strings and a.nargs == "*"), None)
            if positional is None:
                self.error(f"{argv[end]} is of no use here")
            setattr(parsed, positional.dest, [*getattr(parsed, positional.dest), *argv[end + 1 :]])
        return parsed

    def _closest(self, word: str) -> str:
        from difflib import get_close_matches

        close = get_close_matches(word.partition("=")[0], self._option_string_actions, n=1)
        return f"; did you mean {close[0]}?" if close else ""


def _formatter(prog: str) -> argparse.HelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=30, width=max(min(columns() - 2, 110), 40))


def columns() -> int:
    """The width to write for: COLUMNS, else the terminal's, else 80."""
    try:
        given = int(os.environ.get("COLUMNS", ""))
        if given > 0:
            return given
    except ValueError:
        pass
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80


def review_parser() -> Parser:
    commands = "\n".join(f"  {name:<8} {text}" for name, text in COMMANDS.items())
    parser = Parser(
        usage="nl2sql-review [OPTIONS] PATH...\n       nl2sql-review COMMAND [OPTIONS] ...",
        description=DESCRIPTION,
        epilog=f"commands (a file of such a name is given as ./rule):\n{commands}\n\n{EXAMPLES}",
    )
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="scripts, notebooks, directories, or - for standard input"
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")

    group = parser.add_argument_group("what is judged")
    group.add_argument("--select", metavar="RULES", action="append", type=_words, default=[],
                       help="only these rules or sections, separated by commas")  # fmt: skip
    group.add_argument("--ignore", metavar="RULES", action="append", type=_words, default=[],
                       help="not these rules or sections")  # fmt: skip
    group.add_argument("--gpu", metavar="CARD", help="the card the script will run on, as in --gpu T4")
    group.add_argument("--processes", metavar="N", type=_positive, help="processes that train together (default 1)")
    group.add_argument("--stdin-filename", metavar="FILE", help="what the script on standard input is called")
    _settings_options(group)
    group.add_argument("--show-settings", action="store_true", help="print the settings that apply, and stop")

    group = parser.add_argument_group("output")
    group.add_argument("--output-format", choices=FORMATS, default="text", help="text (default), concise or json")
    group.add_argument("--show-suppressed", action="store_true", help="also show what comments in the script silence")
    group.add_argument("-q", "--quiet", action="store_true", help="findings only: no checklist, no counts")
    _color_option(group)

    group = parser.add_argument_group("exit code")
    group.add_argument("--fail-on", choices=SEVERITIES, help="exit 1 from this severity on (default error)")
    group.add_argument("--fail-on-unknown", action="store_true", help="exit 1 if an item could not be decided")
    return parser


def plan_parser() -> Parser:
    parser = Parser(
        "plan",
        description="Shows the configuration a script really trains with: every value, and where it comes from.",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="one script or notebook, or - for standard input")
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="text (default) or json")
    parser.add_argument("--gpu", metavar="CARD", help="the card the script will run on")
    parser.add_argument("--processes", metavar="N", type=_positive, help="processes that train together")
    parser.add_argument("--stdin-filename", metavar="FILE", help="what the script on standard input is called")
    _settings_options(parser)
    _color_option(parser)
    return parser


def memory_parser() -> Parser:
    parser = Parser(
        "memory",
        usage="nl2sql-review memory [OPTIONS] PATH\n       nl2sql-review memory [OPTIONS] --model NAME",
        description="Estimates how much GPU memory a script needs, part by part; nothing is loaded or run.",
        epilog=MEMORY_EPILOG,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="one script or notebook, or - for standard input")
    parser.add_argument("--model", metavar="NAME", help="no script: this model, trained as the rules want it")
    parser.add_argument("--gpu", metavar="CARD", help="the card: t4, rtx4090, a100-40, \"A100 80GB\", 16GB, …")
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="text (default) or json")

    group = parser.add_argument_group("in place of what the script says")
    group.add_argument("--batch", metavar="N", type=_positive, help="sequences per device")
    group.add_argument("--seq", metavar="N", type=_positive, help="tokens per sequence")
    group.add_argument("--bits", type=int, choices=(4, 8, 16, 32), help="of the weights as they are loaded")
    group.add_argument("--rank", metavar="N", type=_whole, help="of the LoRA adapter; 0 trains all weights")
    group.add_argument("--targets", metavar="NAMES", type=_words, help="layers with an adapter: q_proj,v_proj")
    group.add_argument("--optimizer", metavar="NAME", help="as in the training arguments: adamw_8bit, adamw_torch, …")
    group.add_argument("--checkpointing", choices=("offloaded", "kept", "off"),
                       help="gradient checkpointing: Unsloth's, plain, none")  # fmt: skip
    group.add_argument("--loss", choices=("chunked", "whole"), help="logits in pieces, or all at once")
    group.add_argument("--attention", choices=("sdpa", "eager"), help="eager makes the matrices of scores")
    group.add_argument("--stack", choices=("unsloth", "transformers"), help="which library trains")

    group = parser.add_argument_group("settings and output")
    group.add_argument("--stdin-filename", metavar="FILE", help="what the script on standard input is called")
    _settings_options(group)
    _color_option(group)
    return parser


MEMORY_EPILOG = """\
exit codes:
  0  the run fits, may run out, or no card was named
  1  it likely runs out, or cannot fit
  2  usage error or internal error
  3  no estimate: no training script, or a model that the estimate does not cover
"""


def rule_parser() -> Parser:
    parser = Parser("rule", description="Lists the rules, or explains one.")
    parser.add_argument("ids", nargs="*", metavar="ID", help="a rule such as lora/rank, or a section such as lora")
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="text (default) or json")
    _settings_options(parser)
    _color_option(parser)
    return parser


def schema_parser() -> Parser:
    parser = Parser("schema", description="Prints a JSON Schema.")
    parser.add_argument("name", choices=("report", "plan", "settings"), help="of what")
    return parser


def _settings_options(group: argparse._ActionsContainer) -> None:
    group.add_argument("--config", metavar="FILE", help="settings from this file instead of the project's")
    group.add_argument("--isolated", action="store_true", help="no settings files at all")


def _color_option(group: argparse._ActionsContainer) -> None:
    group.add_argument("--color", choices=("auto", "always", "never"), default="auto",
                       help="colours: auto (default) heeds NO_COLOR and FORCE_COLOR")  # fmt: skip


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _whole(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)
