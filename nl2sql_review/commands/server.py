"""`nl2sql-review server`: serves an editor over the Language Server Protocol."""

from __future__ import annotations

from .parser import Parser
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

EPILOG = """\
Speaks only the protocol on standard input and output; its log goes to standard error. It only reads files,
and changes them only through the editor. Needs pygls: pip install 'pygls>=2.1,<3'

How to set up an editor: docs/editors.md
"""
LAST_PORT = 65535


def parser() -> Parser:
    parser = Parser(
        "server",
        description="Serves findings, values and fixes to an editor (Language Server Protocol).",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--port", metavar="N", type=_port, help="wait for one client on this port of 127.0.0.1, for debugging"
    )
    parser.add_argument("--stdio", action="store_true", help="standard input and output (the default)")
    parser.add_argument("--verbose", action="store_true", help="log every message of the protocol")
    return parser


def _port(text: str) -> int:
    import argparse

    if text.isascii() and text.isdigit() and 0 < int(text) <= LAST_PORT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text} is not a port: give a number from 1 to {LAST_PORT}")


def run(args: Namespace) -> int:
    if args.port is not None and args.stdio:
        raise UsageError("--stdio and --port cannot be combined: leave one out")
    try:
        from pygls.lsp.server import LanguageServer  # noqa: F401
    except ImportError:  # it is missing, or older than 2
        raise UsageError("nl2sql-review server needs pygls 2.1 or newer: pip install 'pygls>=2.1,<3'") from None
    from ..serve.language_server import server

    try:
        ended = server.run(args.port, args.verbose)
    except OSError as error:
        raise UsageError(f"port {args.port}: {error.strerror or error}") from None
    return 0 if ended else 1  # as the protocol has it
