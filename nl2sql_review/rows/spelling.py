"""How the front end that asks calls its options: `--db` on the command line, `databases` as an argument of a tool."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

COMMAND_LINE = {
    "databases": "--db",
    "schemas": "--schemas",
    "held_out": "--dev",
    "dialect": "--dialect",
    "every_row": "--all",
}
_arguments = ContextVar("arguments", default=False)


@contextmanager
def as_arguments() -> Iterator[None]:
    """Within, messages speak of a tool's arguments."""
    token = _arguments.set(True)
    try:
        yield
    finally:
        _arguments.reset(token)


def option(name: str, value: str = "") -> str:
    """Return an option as its reader gives it, with the value if there is one: `--dialect mysql`, `dialect="mysql"`."""
    if not _arguments.get():
        return f"{COMMAND_LINE[name]} {value}".rstrip()
    return f'{name}="{value}"' if value else f"`{name}`"
