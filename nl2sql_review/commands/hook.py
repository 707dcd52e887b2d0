"""`nl2sql-review hook`: answers an event that a coding agent sends after it has edited a file."""

from __future__ import annotations

import json
import sys

from ..report.exit_codes import NOTHING
from .console import write
from .parser import Parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

EPILOG = """\
Reads the event from standard input and prints the answer as JSON: errors that the edit touched or caused block it,
other findings are context, and no output means no findings. The exit code is always 0.
"""


def parser() -> Parser:
    parser = Parser("hook", description="Reviews the file that a coding agent has just edited.", epilog=EPILOG)
    parser.add_argument(
        "client", choices=("claude-code",), help="the agent that sends the event: a PostToolUse hook of Claude Code"
    )
    return parser


def run(args: Namespace) -> int:
    try:
        from ..serve import claude_code

        answer = claude_code.answer(sys.stdin.buffer.read(claude_code.LARGEST) if sys.stdin else b"")
        if answer is not None:
            from ..report.serialization import well_formed_json

            write(well_formed_json(json.dumps(answer)) + "\n")
    except Exception as error:  # the client takes our usual code of a failure, 2, for an objection to the edit
        print(f"nl2sql-review did not review this edit: {error}", file=sys.stderr)
    return NOTHING
