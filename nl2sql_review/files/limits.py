"""Size limits for files that are read."""

from __future__ import annotations

SIZE_LIMIT = 5_000_000  # bytes; a file of this size is not read any more
NOTEBOOK_SIZE_LIMIT = 50_000_000  # most of it is pictures; the code in it may be SIZE_LIMIT characters


def size_limit(path: str) -> int:
    """Return the size in bytes from which a script or notebook is not read."""
    return NOTEBOOK_SIZE_LIMIT if path.lower().endswith(".ipynb") else SIZE_LIMIT
