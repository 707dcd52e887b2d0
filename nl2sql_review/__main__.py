"""Entry point of `python -m nl2sql_review`."""

from __future__ import annotations

from .cli import run

run()
