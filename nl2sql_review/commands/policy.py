"""`nl2sql-review policy`: shows what a policy chooses, rule by rule, with the settings of this project."""

from __future__ import annotations

import os

from ..report.exit_codes import NOTHING
from .console import terminal, write
from .parser import Parser, color_option, settings_options
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

EPILOG = """\
built-in policies:
  nl2sql        the whole checklist (the default)
  recommended   traps only: what stops a run, or trains something other than the script says
  general       traps, and the ranges that published practice supports for LoRA on any task

Your own policy is a TOML file: title, extend, kinds, select, ignore, and a table for each rule.
"""


def parser() -> Parser:
    parser = Parser("policy", description="Prints a policy, rule by rule.", epilog=EPILOG)
    parser.add_argument(
        "names", nargs="*", metavar="POLICY", help="a built-in policy or a file (default: as set in the settings)"
    )
    settings_options(parser)
    color_option(parser)
    return parser


def run(args: Namespace) -> int:
    from ..policy import rulebook, settings
    from ..policy.active_rules import active_rulebook
    from ..render import policy_text

    said = {"policy": args.names} if args.names else {}
    try:
        chosen = settings.load(os.getcwd(), config=args.config, isolated=args.isolated, overrides=said)
        book = active_rulebook(chosen)
    except (settings.SettingsError, rulebook.RulebookError) as error:
        raise UsageError(str(error)) from None
    write(policy_text.render(chosen.wanted, book, terminal(args)))
    return NOTHING
