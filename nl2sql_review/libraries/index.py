"""The package index: which versions it has, their wheels by pip, and where a large wheel lies that is read in parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from .wheels import PATIENCE

ASKED_FOR = "3.12"  # the Python that the index is asked for: Axolotl 0.20 and later have no older one
SIMPLE = "application/vnd.pypi.simple.v1+json"


class NoAnswer(Exception):
    """The index does not answer; the text says what was said last."""


def released(library: str) -> list[str]:
    """Return the versions of a library in the index, newest first, pre-releases left out. Raises NoAnswer."""
    said = pip("index", "versions", library)
    match = re.search(r"^Available versions: (.*)$", said, re.MULTILINE)
    if match is None:
        raise NoAnswer(f"pip names no versions of {library}: {said.strip()[-300:]}")
    return match[1].split(", ")


def download(requirements: list[str], folder: Path) -> None:
    """Download a wheel for each requirement, without what it requires itself. Raises NoAnswer."""
    pip("download", *requirements, "--no-deps", "--dest", str(folder))


def pip(command: str, *arguments: str) -> str:
    """Return what pip prints. Raises NoAnswer when it fails."""
    options = ["--python-version", ASKED_FOR, "--only-binary=:all:", "--disable-pip-version-check"]
    done = subprocess.run([sys.executable, "-m", "pip", command, *arguments, *options], capture_output=True, text=True)
    if done.returncode:
        raise NoAnswer(f"pip {command} {' '.join(arguments)}: {done.stderr.strip()[-300:]}")
    return done.stdout


def smallest_wheel(library: str, version: str) -> dict[str, Any]:
    """Return {"url", "size" in bytes, "sha256"} of a release's smallest wheel: the sources are the same in each.

    Raises NoAnswer.
    """
    address = f"{_simple()}/{library.replace('_', '-')}/"
    request = urllib.request.Request(address, headers={"Accept": SIMPLE})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            listed = json.load(answer)["files"]
    except (OSError, ValueError, KeyError) as error:
        raise NoAnswer(f"{address} does not list its files as JSON: {error}") from error
    start = f"{library}-{version}-".lower()
    wheels = [f for f in listed if f["filename"].lower().startswith(start) and f["filename"].endswith(".whl")]
    if not wheels or any("size" not in f for f in wheels):
        raise NoAnswer(f"{address} has no wheel of {version} with its size")
    found = min(wheels, key=lambda f: f["size"])
    return {"url": found["url"], "size": found["size"], "sha256": found.get("hashes", {}).get("sha256", "")}


def _simple() -> str:
    """The index that pip asks, without a slash at its end."""
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    )
    return (os.environ.get("PIP_INDEX_URL") or configured.stdout.strip() or "https://pypi.org/simple").rstrip("/")
