"""`nl2sql-review mcp`: serves reviews to a language model over the Model Context Protocol."""

from __future__ import annotations

from ..report.exit_codes import NOTHING
from .parser import Parser
from .program import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

EPILOG = """\
Speaks only the protocol on standard input and output. Reads only, and only files below the roots that the
client names, or below the working directory. Needs the mcp package: pip install 'mcp>=2.3,<3'
"""


def parser() -> Parser:
    return Parser("mcp", description="Serves reviews to a language model (Model Context Protocol).", epilog=EPILOG)


def run(args: Namespace) -> int:
    try:
        from mcp.server import MCPServer  # noqa: F401
    except ImportError:  # it is missing, or older than 2
        raise UsageError("nl2sql-review mcp needs mcp 2.3 or newer: pip install 'mcp>=2.3,<3'") from None
    from ..serve import mcp

    mcp.run()
    return NOTHING
