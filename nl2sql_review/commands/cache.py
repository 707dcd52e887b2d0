"""`nl2sql-review cache clear`: removes the cached reviews."""

from __future__ import annotations

from ..report.exit_codes import NOTHING
from .console import complain, write
from .parser import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def parser() -> Parser:
    parser = Parser("cache", description="Removes cached reviews. `--no-cache` reviews without the cache.")
    parser.add_argument("action", choices=("clear",), help="what to do")
    parser.add_argument("--cache-dir", metavar="DIR", help="cache directory (default .nl2sql_review_cache)")
    return parser


def run(args: Namespace) -> int:
    from ..run import cache

    where = args.cache_dir or cache.place()
    try:
        number = cache.clear(where)
    except OSError as error:
        return complain(f"{where} cannot be removed: {error.strerror or error}")
    if number is None:
        return complain(f"{where} is not a cache of nl2sql-review: nothing was removed")
    write(f"{number} {'entry' if number == 1 else 'entries'} removed from {where}\n")
    return NOTHING
