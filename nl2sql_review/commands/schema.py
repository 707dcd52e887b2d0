"""`nl2sql-review schema`: prints a JSON Schema."""

from __future__ import annotations

from ..report.exit_codes import NOTHING
from .console import write
from .parser import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def parser() -> Parser:
    parser = Parser("schema", description="Prints a JSON Schema.")
    parser.add_argument(
        "name", choices=("report", "plan", "memory", "evaluation", "diff", "settings", "baseline"), help="which schema"
    )
    return parser


def run(args: Namespace) -> int:
    import json

    from . import schemas

    write(json.dumps(schemas.SCHEMAS[args.name](), indent=2, ensure_ascii=True) + "\n")
    return NOTHING
