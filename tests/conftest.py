"""Tests leave the user's cache directory alone, and pay once for the objects that collecting them has made."""

from __future__ import annotations

import gc
import os
import tempfile
from pathlib import Path

from tests import node


def pytest_configure(config):
    config.stash["home"] = home = tempfile.TemporaryDirectory()
    node.CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")  # what is installed stays installed
    os.environ["XDG_CACHE_HOME"] = home.name


def pytest_collection_finish(session):
    gc.collect()
    gc.freeze()  # thousands of tests stay until the end: looking for garbage among them is a tenth of the time


def pytest_unconfigure(config):
    config.stash["home"].cleanup()
