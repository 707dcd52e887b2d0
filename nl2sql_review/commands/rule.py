"""`nl2sql-review rule`: lists the rules, or explains one of them."""

from __future__ import annotations

import os

from ..report.exit_codes import FINDINGS, NOT_REVIEWED, NOTHING
from .console import remark, terminal, write
from .parser import Parser, color_option, settings_options
from .program import PROGRAM, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..policy.settings import Settings


def parser() -> Parser:
    parser = Parser(
        "rule",
        usage="nl2sql-review rule [OPTIONS] [ID...]\n       nl2sql-review rule test [OPTIONS] PATH...",
        description="Lists the rules, or explains one; `rule test` runs the examples of your own rules.",
        epilog=EPILOG,
    )
    parser.add_argument("ids", nargs="*", metavar="ID", help="a rule such as lora/rank, or a section such as lora")
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="text (default) or json")
    settings_options(parser)
    color_option(parser)
    return parser


EPILOG = """\
`rule test review-rules` takes the directories listed in `rules = […]` in the settings, or files in them. Each fence
of a page is judged by its rule: `good` must pass, `bad` must have findings on the lines marked
`# expect: <rule> [words]`.

exit codes of rule test:
  0  all as labeled
  1  some are not
  2  a rule cannot be read
  3  no rule found
"""


def run(args: Namespace) -> int:
    if args.ids[:1] == ["test"]:
        return _test(args.ids[1:])
    from ..files.typed_data import did_you_mean
    from ..policy import rulebook, settings
    from ..policy.active_rules import active_rulebook
    from ..render import rule_json, rule_text
    from ..report import serialization

    try:
        chosen = settings.load(os.getcwd(), config=args.config, isolated=args.isolated)
        book = active_rulebook(chosen)
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


def _test(paths: list[str]) -> int:
    """Judge the examples of the rules in directories or rule files, and print each mismatch with its label."""
    if not paths:
        raise UsageError("nothing to test: name a directory of rules, as in nl2sql-review rule test review-rules")
    from ..policy import rulebook
    from ..run.rule_examples import examples, problems

    tested = fences = 0
    told: list[str] = []
    for path in paths:
        if not os.path.exists(path):
            raise UsageError(f"{path} does not exist")
        folder = path if os.path.isdir(path) else os.path.dirname(os.path.dirname(os.path.abspath(path)))
        try:
            book = rulebook.load((folder,))
        except rulebook.RulebookError as error:
            raise UsageError(str(error)) from None
        inside = os.path.abspath(path)
        for rule in book.rules.values():
            here = os.path.abspath(rule.path)
            if here != inside and not here.startswith(os.path.join(inside, "")):
                continue
            tested += 1
            for fence in examples(rule):
                fences += 1
                told += [f"{rule.path}:{fence.row}: {problem}" for problem in problems(rule, fence, book)]
    if not tested:
        remark(f"nothing was tested: no rule found in {', '.join(paths)}")
        return NOT_REVIEWED
    counted = f"{tested} {'rule' if tested == 1 else 'rules'}, {fences} {'example' if fences == 1 else 'examples'}"
    write("".join(f"{line}\n" for line in [*told, f"{counted}: {f'{len(told)} not' if told else 'all'} as labeled"]))
    return FINDINGS if told else NOTHING


def _chosen(settings: Settings, id: str) -> str:
    """Return `"lora/rank" = { equals = 32 } (nl2sql-review.toml)` if the settings change a rule, else ""."""
    from ..policy.shown_settings import changed_rule

    table = changed_rule(settings, id)
    return f'"{id}" = {table} ({os.path.basename(settings.sources.get(id, settings.file))})' if table else ""
