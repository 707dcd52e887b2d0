"""Finds `rules/`, `examples/` and `integrations/`: the only look-up, in a wheel and in a checkout.

A wheel has them inside the package with an underscore in front; an editable install reads the checkout. Uses plain
paths, because `importlib.resources` costs more to import than reading every rule.
"""

from __future__ import annotations

import os.path

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class ResourceMissing(FileNotFoundError):
    """Error for an incomplete installation."""


def find(name: str) -> str:
    """Return the directory called `name` ("rules", "examples", "integrations"). Raises ResourceMissing."""
    packaged = os.path.join(PACKAGE, "_" + name)
    if os.path.isdir(packaged):
        return packaged
    checkout = os.path.dirname(PACKAGE)
    beside = os.path.join(checkout, name)
    # Beside an installed package lies whatever else is installed: only a checkout has our pyproject.toml.
    if os.path.isfile(os.path.join(checkout, "pyproject.toml")) and os.path.isdir(beside):
        return beside
    raise ResourceMissing(f"{name}/ is missing from this installation of nl2sql-review; reinstall it")
