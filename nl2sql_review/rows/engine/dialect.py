"""Translation of another dialect's SQL into SQLite's, by sqlglot: `pip install sqlglot`."""

from __future__ import annotations

from functools import lru_cache

from .guarded import Refused
from .statement import objection


class NoTranslation(Exception):
    """Raised if SQL cannot be translated here at all; the message names the remedy."""


def check(dialect: str) -> None:
    """Raise NoTranslation unless sqlglot is installed and supports the dialect."""
    try:
        import sqlglot
    except ImportError:
        raise NoTranslation("other dialects than SQLite's need sqlglot: pip install sqlglot") from None
    known = sorted(name for name in sqlglot.Dialect.classes if name)
    if dialect.lower() not in known:
        from ...files.typed_data import did_you_mean, listed

        raise NoTranslation(
            f"sqlglot has no dialect {dialect!r}{did_you_mean(dialect, known)}; it knows {listed(known)}"
        )


@lru_cache(maxsize=4096)
def to_sqlite(sql: str, dialect: str) -> str:
    """Translate one query of a dialect into SQLite's. Raises Refused if sqlglot cannot parse or write it."""
    import sqlglot
    from sqlglot.errors import SqlglotError

    said = objection(sql)
    if said:
        raise Refused("guard", said)
    try:
        made: list[str] = sqlglot.transpile(sql, read=dialect.lower(), write="sqlite")
    except SqlglotError as error:
        raise Refused("engine", f"not valid {dialect}: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise Refused("guard", "it is nested too deeply") from None
    if len(made) != 1:
        raise Refused("guard", f"{len(made)} statements; only a single query is run")
    return made[0]
