"""`nl2sql-review plan`: shows what a script will really train with."""

from __future__ import annotations

from ..report.exit_codes import NOT_REVIEWED, NOTHING
from . import inputs
from .console import complain, remark, terminal, write
from .parser import Parser, color_option, flavour_option, one_script, run_options, settings_options, stdin_option
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def parser() -> Parser:
    parser = Parser(
        "plan",
        usage="nl2sql-review plan [OPTIONS] PATH\n       nl2sql-review plan [OPTIONS] PATH -- ARGUMENTS...",
        description="Shows the configuration a script really trains with: every value and where it comes from.",
    )
    one_script(parser)
    parser.add_argument("--output-format", choices=("text", "json"), default="text", help="text (default) or json")
    run_options(parser)
    stdin_option(parser)
    flavour_option(parser)
    settings_options(parser)
    color_option(parser)
    return parser


def run(args: Namespace) -> int:
    paths = [inputs.one_path(args, "nothing to show: give one script, as in nl2sql-review plan train.py")]
    from ..files import discovery
    from ..flavours import NotAConfiguration
    from ..policy.settings import SettingsError
    from ..run import reviewer
    from ..run.options import Options
    from ..source import SourceError

    stdin = inputs.stdin(args, paths)
    name = stdin[0] if stdin else discovery.shown(paths[0])
    try:
        read = reviewer.plan(
            paths[0],
            Options(
                config=args.config,
                isolated=args.isolated,
                overrides=inputs.overrides(args),
                command_line=args.command_line,
                flavour=args.flavour or "",
                stdin=stdin,
            ),
        )
    except SettingsError as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        return complain(f"{name}: {error.strerror or error}")
    except NotAConfiguration as error:
        remark(f"{name}: {error}")
        return NOT_REVIEWED
    except SourceError as error:
        span = error.span
        cell = f"cell {span.cell}:" if span and span.cell else ""
        return complain(f"{name}:{f'{cell}{span.row}:{span.column}:' if span else ''} {error.rule}: {error.message}")
    from ..render import plan_json

    report = plan_json.describe(read.recording, read.plans)
    if args.output_format == "json":
        write(plan_json.render(report))
    elif read.plans:
        from ..render import plan_text

        write(plan_text.render(report, read.source.path, terminal(args)))
    if not read.plans:
        from ..run.reviewer import without_plan

        remark(without_plan(name))
        return NOT_REVIEWED
    return NOTHING
