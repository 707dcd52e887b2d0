"""`nl2sql-review rule`: lists the rules, or explains one."""

from __future__ import annotations

import os

from ..report.exit_codes import NOTHING
from .console import terminal, write
from .parser import PROGRAM, Parser, UsageError, color_option, settings_options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..policy.settings import Settings


def parser() -> Parser:
    parser = Parser("rule", description="Lists the rules, or explains one.")
    parser.add_argument("ids", nargs="*", metavar="ID", help="a rule such as lora/rank, or a section such as lora")
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="text (default) or json")
    settings_options(parser)
    color_option(parser)
    return parser


def run(args: Namespace) -> int:
    from ..files.typed_data import did_you_mean
    from ..policy import rulebook, settings
    from ..render import rule_json, rule_text
    from ..report import serialization

    try:
        chosen = settings.load(os.getcwd(), config=args.config, isolated=args.isolated)
        book = settings.configure(rulebook.load(chosen.rules), chosen)
    except (settings.SettingsError, rulebook.RulebookError) as error:
        raise UsageError(str(error)) from None
    rules = []
    for name in args.ids:
        found = [rule for rule in book.rules.values() if name in (rule.id, rule.section)]
        if not found and name not in rulebook.NOTICES:
            raise UsageError(f"there is no rule {name}{did_you_mean(name, book.names())}; for a list: {PROGRAM} rule")
        rules += found
    if args.output_format == "json":
        write(serialization.dump([rule_json.describe(rule) for rule in rules or book.rules.values()]))
    elif not args.ids or any(name not in book.rules and name not in rulebook.NOTICES for name in args.ids):
        write(rule_text.render_list(rules or list(book.rules.values()), terminal(args)))
    else:
        pages = [rule_text.render_page(rule, terminal(args), _chosen(chosen, rule.id)) for rule in rules]
        notices = [f"{name}\n{rulebook.NOTICES[name]}\n" for name in args.ids if name in rulebook.NOTICES]
        write("\n".join(pages + notices))
    return NOTHING


def _chosen(settings: Settings, id: str) -> str:
    """`"lora/rank" = { equals = 32 } (nl2sql-review.toml)` where the settings change a rule."""
    from ..policy.settings import changed_rule

    table = changed_rule(settings, id)
    return f'"{id}" = {table} ({os.path.basename(settings.sources.get(id, settings.file))})' if table else ""
