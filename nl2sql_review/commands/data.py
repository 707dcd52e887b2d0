"""`nl2sql-review data`: checks the rows of the data files as a script will use them."""

from __future__ import annotations

import os
import sys

from ..report.exit_codes import NOT_REVIEWED
from . import inputs
from .console import complain, progress, terminal, write
from .parser import (
    Parser,
    color_option,
    flavour_option,
    one_script,
    positive,
    rules_options,
    settings_options,
    stdin_option,
    whole,
)
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..report.report import Report
    from ..rows.check import Asked
    from ..rows.data_review import DataReview
    from ..run.options import Options

FORMATS = ("text", "json", "sarif", "html")
EPILOG = """\
rows are numbered from 1: lines of JSONL, elements of a JSON array, records of a CSV file without its header.
JSON, JSONL and CSV need nothing else; Parquet, Arrow and directories of `datasets` need pyarrow, names of SQL
dialects sqlglot, lengths in tokens tokenizers: pip install pyarrow sqlglot tokenizers. The script is not run,
and SQL is only prepared, on an empty database in memory.

exit codes:
  0  no findings that count
  1  findings of at least the severity of --fail-on
  2  usage error or internal error
  3  no data file was checked
"""


def parser() -> Parser:
    parser = Parser(
        "data",
        usage="nl2sql-review data [OPTIONS] PATH",
        description="Checks the data files of a script row by row, as the script will use them.",
        epilog=EPILOG,
    )
    one_script(parser)
    group = parser.add_argument_group("what is checked")
    group.add_argument(
        "--file", metavar="FILE", action="append", default=[], help="this file instead of what the script loads"
    )
    group.add_argument("--dev", metavar="FILE", action="append", default=[], help="an additional held-out file")
    group.add_argument(
        "--schemas",
        metavar="PATH",
        help="schemas for rows without one: Spider's tables.json (searched for next to the data), a .sql file for "
        "all, or a folder with <db_id>/schema.sql",
    )
    group.add_argument("--dialect", metavar="NAME", default="", help="dialect of the SQL: mysql, postgres, tsql, …")
    group.add_argument(
        "--sample", metavar="N", type=positive, help="check only this many rows of each file, drawn at random"
    )
    group.add_argument("--seed", metavar="S", type=whole, default=0, help="seed of --sample (default 0)")
    rules_options(group)

    group = parser.add_argument_group("output")
    group.add_argument("--all", action="store_true", help="one finding per row, not one per rule")
    group.add_argument(
        "--write-clean",
        metavar="DIR",
        help="write copies of the files without the reported rows, and the reasons next to them",
    )
    group.add_argument("--output-format", choices=FORMATS, default="text", help="text (default), json, sarif or html")
    group.add_argument("--output-file", metavar="FILE", help="write to this file instead of standard output")
    group.add_argument("-q", "--quiet", action="store_true", help="findings only")
    group.add_argument("--fail-on", choices=("error", "warning", "advice"), help="severity that counts (default error)")
    group.add_argument("-j", "--jobs", metavar="N", type=positive, help="processes (default: one per processor)")
    stdin_option(group)
    flavour_option(group)
    settings_options(group)
    color_option(group)
    return parser


def run(args: Namespace) -> int:
    paths = inputs.paths(args, "nothing to check: give one script, as in nl2sql-review data train.py")
    if len(paths) > 1 or os.path.isdir(paths[0]):
        raise UsageError("give one script: its data files are checked")
    from ..flavours import NotAConfiguration
    from ..policy.settings import SettingsError
    from ..rows import data_review
    from ..rows.check import DataError
    from ..run.options import Options
    from ..run.reviewer import Reviewer
    from ..source import SourceError

    stdin = inputs.stdin(args, paths)
    name = stdin[0] if stdin else paths[0]
    options = Options(
        config=args.config, isolated=args.isolated, overrides=_overrides(args), flavour=args.flavour or "", stdin=stdin
    )
    try:
        made = data_review.review(paths[0], _asked(args), options, every=args.all, progress=progress("bytes read"))
        if args.write_clean is not None:
            from ..rows import clean

            print(clean.write(made, args.write_clean), file=sys.stderr)
    except (SettingsError, DataError) as error:
        raise UsageError(str(error)) from None
    except OSError as error:
        return complain(f"{error.filename or name}: {error.strerror or error}")
    except NotAConfiguration as error:
        print(f"{name}: {error}", file=sys.stderr)
        return NOT_REVIEWED
    except SourceError as error:
        return complain(f"{name}: {error.rule}: {error.message}")
    for note in made.result.notes if not args.quiet else ():
        print(note, file=sys.stderr)
    _write(made, args, options)
    code = Reviewer.of(options).exit_code(made.report)
    if code == NOT_REVIEWED and args.quiet:  # otherwise the report says so
        for file in made.report.files:
            print(f"{file.path}: {file.reason}", file=sys.stderr)
    return code


def _asked(args: Namespace) -> Asked:
    from ..rows.check import Asked
    from ..run.workers import processors

    for path in (*args.file, *args.dev):
        if not os.path.exists(path):
            raise UsageError(f"{path}: the file does not exist")
    return Asked(
        files=tuple(args.file),
        held_out=tuple(args.dev),
        schemas=args.schemas,
        dialect=args.dialect.lower(),
        sample=args.sample,
        seed=args.seed,
        jobs=args.jobs or processors(),
    )


def _overrides(args: Namespace) -> dict[str, object]:
    said = {
        "select": [rule for rules in args.select for rule in rules],
        "ignore": [rule for rules in args.ignore for rule in rules],
        "fail-on": args.fail_on,
    }
    return {key: value for key, value in said.items() if value}


def _write(made: DataReview, args: Namespace, options: Options) -> None:
    text = _rendered(made, args, options)
    if args.output_file is None:
        write(text)
        return
    from .console import save

    save(text, args.output_file)


def _rendered(made: DataReview, args: Namespace, options: Options) -> str:
    report: Report = made.report
    if args.output_format == "json":
        from ..report import serialization

        return serialization.dump(report)
    from ..rows import shown

    examples = () if args.quiet else tuple(shown.examples(made.result))
    if args.output_format in ("sarif", "html"):
        from ..files.discovery import repository
        from ..render import render
        from ..render.view import View
        from ..run.reviewer import Reviewer

        reviewer = Reviewer.of(options)
        rules = {rule.id: rule for rule in reviewer.rulebook(reviewer.settings(".")).on_rows}
        root = repository(os.getcwd()) or os.getcwd()
        view = View(quiet=args.quiet, root=root, rules=lambda: rules, of_data=True, shown=examples)
        return render(args.output_format, report, view)
    from ..render import data_text

    return data_text.render(report, terminal(args, args.output_file), args.quiet, examples)
