"""Tests leave the user's own cache directory alone."""

from __future__ import annotations

import os
import tempfile


def pytest_configure(config):
    config.stash["home"] = home = tempfile.TemporaryDirectory()
    os.environ["XDG_CACHE_HOME"] = home.name


def pytest_unconfigure(config):
    config.stash["home"].cleanup()
