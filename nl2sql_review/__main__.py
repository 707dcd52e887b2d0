"""Entry point of `python -m nl2sql_review`."""

from __future__ import annotations

import os
import sys

OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Python looks for modules in the working directory first, where it would run an `attr.py` of the user's.
if sys.path and sys.path[0] in ("", os.getcwd()) and os.getcwd() != OURS:
    del sys.path[0]

from .cli import run  # noqa: E402

run()
