"""`nl2sql-review diff A B`: compares two runs, or a finished run with its script."""

from __future__ import annotations

from ..report.exit_codes import FINDINGS, NOTHING
from . import inputs
from .console import complain, terminal, write
from .parser import Parser, color_option, flavour_option, run_options, settings_options
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..report.plan_diff import PlanDiff

FORMATS = ("text", "json", "agent", "markdown", "html")
EPILOG = """\
A and B are each
  train.py, config.yaml, run.sh        script, notebook, configuration, launch file
  "train.py --lr 1e-4"                 with a command line, in quotes; also
                                       "torchrun --nproc_per_node 2 train.py …"
  HEAD~3:train.py, main:c.yaml         the file in another revision (an existing
                                       path takes precedence)
  models/nl2sql-unsloth                a finished run: its adapter config, trainer state,
                                       model card, tokenizer files, run.log, offline
                                       W&B run; no pickle is loaded

examples:
  nl2sql-review diff HEAD~3:train.py train.py
  nl2sql-review diff "train.py --lr 1e-4" "train.py --lr 2e-4"
  nl2sql-review diff train.py models/nl2sql-unsloth
                                       does this adapter match the script?
  nl2sql-review diff --output-format markdown origin/main:train.py train.py

exit codes:
  0  both could be read; with --exit-code: they do not differ
  1  with --exit-code: they differ
  2  usage error, or a side that cannot be read
"""


def parser() -> Parser:
    parser = Parser(
        "diff",
        usage="nl2sql-review diff [OPTIONS] A B\n       nl2sql-review diff [OPTIONS] A B -- ARGUMENTS...",
        description="Shows what changed between two runs: settings, their consequences, verdicts, training text.",
        epilog=EPILOG,
    )
    parser.add_argument("paths", nargs="*", metavar="A B", help="two scripts, revisions, or finished runs")
    parser.add_argument(
        "--output-format", choices=FORMATS, default="text", help="text (default), json, agent, markdown or html"
    )
    parser.add_argument("--exit-code", action="store_true", help="exit 1 if they differ")
    run_options(parser)
    flavour_option(parser)
    settings_options(parser)
    color_option(parser)
    return parser


def run(args: Namespace) -> int:
    if len(args.paths) != 2:
        raise UsageError("give two things to compare, as in nl2sql-review diff HEAD~1:train.py train.py")
    from ..differences import compare, sides
    from ..policy.settings import SettingsError
    from ..run.options import Options

    options = Options(
        config=args.config,
        isolated=args.isolated,
        overrides=inputs.overrides(args),
        command_line=args.command_line,
        flavour=args.flavour or "",
    )
    try:
        before, after = sides.read_both(args.paths[0], args.paths[1], options)
        diff = compare.compare(before, after)
    except (SettingsError, sides.NotReadable) as error:
        raise UsageError(str(error)) from None
    for fault in (*sides.faults(before), *sides.faults(after)):
        complain(f"internal error: {fault.rule or 'diff'} failed on {fault.path}: {fault.message}")
    write(_text(diff, args))
    return FINDINGS if args.exit_code and diff.differs else NOTHING


def _text(diff: PlanDiff, args: Namespace) -> str:
    from importlib import import_module

    name = args.output_format
    if name == "json":
        from ..report import serialization

        return serialization.dump(diff)
    if name == "text":
        from ..render import plan_diff_text

        return plan_diff_text.render(diff, terminal(args))
    module = "html.plan_diff" if name == "html" else f"plan_diff_{name}"
    made: str = import_module(f"..render.{module}", __package__).render(diff)
    return made
