"""`nl2sql-review evaluate`: scores the SQL of a model by running it."""

from __future__ import annotations

import argparse
import os

from ..report.exit_codes import FINDINGS, NOT_REVIEWED, NOTHING
from .console import progress, save, terminal, write
from .parser import Parser, color_option, positive
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..rows.scoring.evaluate import Asked
    from ..rows.scoring.evaluation import Evaluation

FORMATS = ("text", "json", "agent", "markdown")
EPILOG = """\
rows are JSON, JSONL or Spider's text format; columns: id, db_id, question, schema; gold SQL in query, sql or SQL, a
prediction in predicted, prediction, sql or query. Without --db, SQL is checked against the schema: the row's own
(column schema, context or prompt with CREATE TABLE), or --schemas. SQL is run in a child process that cannot change
anything.

like Spider's test suite: --columns any --tolerance 0
like BIRD: --rows set --tolerance 0

exit codes:
  0  evaluated, whatever the figure
  1  below --fail-below, or worse than --no-worse-than
  2  usage error, a file that cannot be used, or internal error
  3  no pairs: no gold row, or none whose gold SQL runs
"""


def parser() -> Parser:
    parser = Parser(
        "evaluate",
        usage="nl2sql-review evaluate PREDICTIONS --gold FILE [--db DIR] [OPTIONS]",
        description="Scores predicted SQL: execution accuracy with databases, schema-valid rate without.",
        epilog=EPILOG,
    )
    parser.add_argument("paths", nargs="*", metavar="PREDICTIONS", help="the model's answers, one file")
    parser.add_argument("--gold", metavar="FILE", help="the questions with their gold SQL")
    parser.add_argument(
        "--db",
        metavar="DIR",
        help="databases: DIR/<db_id>/<db_id>.sqlite (if there are several files, all count), or one file for all rows",
    )
    parser.add_argument(
        "--schemas",
        metavar="PATH",
        help="schemas: Spider's tables.json, a .sql file for all rows, or a folder with <db_id>/schema.sql",
    )

    group = parser.add_argument_group("comparison and thresholds")
    group.add_argument("--against", metavar="FILE", help="compare with these predictions, question by question")
    group.add_argument("--no-worse-than", metavar="FILE", help="the same, but exit 1 if those are better")
    group.add_argument(
        "--fail-below",
        metavar="SHARE",
        type=_share,
        help="exit 1 below this accuracy, as in 0.70 (without databases: schema-valid rate)",
    )

    group = parser.add_argument_group("how results are compared")
    group.add_argument(
        "--rows",
        choices=("multiset", "set"),
        default="multiset",
        help="multiset (default): duplicates count, and so does the order if the gold SQL has one; set: neither",
    )
    group.add_argument(
        "--columns",
        choices=("ordered", "any"),
        default="ordered",
        help="ordered (default): in the gold's order; any: in any",
    )
    group.add_argument(
        "--tolerance",
        metavar="X",
        type=_tolerance,
        default=1e-9,
        help="floats are equal within X, relative, or absolute near zero (default 1e-9)",
    )
    group.add_argument("--soft-f1", action="store_true", help="also BIRD's soft F1, with credit for partial results")
    group.add_argument(
        "--dialect", metavar="NAME", help="dialect of the SQL (mysql, postgres, tsql, …): sqlglot translates it"
    )

    group = parser.add_argument_group("running and output")
    group.add_argument("--timeout", metavar="S", type=_seconds, default=10.0, help="seconds per statement (default 10)")
    group.add_argument("-j", "--jobs", metavar="N", type=positive, help="child processes (default: one per processor)")
    group.add_argument("--output-format", choices=FORMATS, default="text", help="text (default), json, agent, markdown")
    group.add_argument("--output-file", metavar="FILE", help="write to this file instead of standard output")
    color_option(group)
    return parser


def run(args: Namespace) -> int:
    from ..rows.scoring.evaluate import evaluate
    from ..rows.scoring.inputs import InputError

    asked = _asked(args)
    try:
        made = evaluate(asked, progress("statements run"))
    except InputError as error:
        raise UsageError(str(error)) from None
    text = _rendered(made, args)
    if args.output_file is None:
        write(text)
    else:
        save(text, args.output_file)
    if any(not gate.passed for gate in made.gates):
        return FINDINGS
    figure = made.execution_accuracy if made.databases is not None else made.schema_valid_rate
    return NOT_REVIEWED if figure is None else NOTHING


def _asked(args: Namespace) -> Asked:
    from ..rows.engine.limits import Limits
    from ..rows.scoring.comparison import Match
    from ..rows.scoring.evaluate import Asked
    from ..run.workers import processors

    if len(args.paths) != 1 or args.gold is None:
        raise UsageError(
            "give one file of predictions and the gold rows, as in "
            "nl2sql-review evaluate predictions.jsonl --gold dev.json --db databases"
        )
    if args.against is not None and args.no_worse_than is not None and args.against != args.no_worse_than:
        raise UsageError("--against and --no-worse-than both name predictions to compare with: use one of them")
    (predictions,) = args.paths
    against = args.no_worse_than or args.against
    inputs = {os.path.realpath(path) for path in (predictions, args.gold, args.schemas, against) if path}
    if args.output_file is not None and os.path.realpath(args.output_file) in inputs:
        raise UsageError(f"{args.output_file} is an input, and the result would overwrite it: name another file")
    return Asked(
        predictions=predictions,
        gold=args.gold,
        databases=args.db,
        schemas=args.schemas,
        against=against,
        no_worse=args.no_worse_than is not None,
        fail_below=args.fail_below,
        match=Match(args.rows, args.columns, args.tolerance),
        soft_f1=args.soft_f1,
        dialect=args.dialect,
        limits=Limits(seconds=args.timeout),
        jobs=args.jobs or processors(),
    )


def _rendered(made: Evaluation, args: Namespace) -> str:
    if args.output_format == "json":
        from ..report import serialization

        return serialization.dump(made)
    if args.output_format == "agent":
        from ..render import evaluation_agent

        return evaluation_agent.render(made)
    if args.output_format == "markdown":
        from ..render import evaluation_markdown

        return evaluation_markdown.render(made)
    from ..render import evaluation_text

    return evaluation_text.render(made, terminal(args, args.output_file))


def _share(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and 1: write a fraction, as in 0.70")
    return value


def _tolerance(text: str) -> float:
    value = _number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a tolerance: write 0, or a small number as in 1e-6")
    return value


def _seconds(text: str) -> float:
    value = _number(text)
    if not 0.01 <= value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: write seconds, from 0.01 to 86400")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
