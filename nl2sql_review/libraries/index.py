"""Package index: its versions, their wheels by pip, and the addresses of large wheels that are read in parts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .wheels import NAME, PATIENCE, named

ASKED_FOR = "3.12"  # the Python that the index is asked for: Axolotl 0.20 and later have no older one
SIMPLE = "application/vnd.pypi.simple.v1+json"


class NoAnswer(Exception):
    """Raised if the index does not answer; the message is its last output."""


def released(library: str) -> list[str]:
    """Return the versions of a library in the index, newest first, without pre-releases. Raises NoAnswer."""
    said = pip("index", "versions", library)
    match = re.search(r"^Available versions: (.*)$", said, re.MULTILINE)
    if match is None:
        raise NoAnswer(f"pip names no versions of {library}: {said.strip()[-300:]}")
    return match[1].split(", ")


def download(requirements: list[str], folder: Path) -> None:
    """Download a wheel for each requirement, without its dependencies. Raises NoAnswer."""
    pip("download", *requirements, "--no-deps", "--dest", str(folder))


def pip(command: str, *arguments: str) -> str:
    """Return the output of pip. Raises NoAnswer if it fails."""
    options = ["--python-version", ASKED_FOR, "--only-binary=:all:", "--disable-pip-version-check"]
    done = subprocess.run([sys.executable, "-m", "pip", command, *arguments, *options], capture_output=True, text=True)
    if done.returncode:
        raise NoAnswer(f"pip {command} {' '.join(arguments)}: {done.stderr.strip()[-300:]}")
    return done.stdout


@dataclass(frozen=True)
class Wheel:
    """Address of a released wheel; `size` in bytes, `sha256` "" if the index does not give it."""

    url: str
    size: int
    sha256: str = ""


def wheels(library: str) -> dict[str, Wheel]:
    """Return the smallest wheel of each release of a library: all have the same sources. Raises NoAnswer."""
    address = f"{_simple()}/{library.replace('_', '-')}/"
    request = urllib.request.Request(address, headers={"Accept": SIMPLE})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            listed = json.load(answer)["files"]
    except (OSError, ValueError, KeyError) as error:
        raise NoAnswer(f"{address} does not list its files as JSON: {error}") from error
    found: dict[str, Wheel] = {}
    for file in listed:
        if NAME.match(file["filename"]) and "size" in file:
            version = named(file["filename"])[1]
            if version not in found or file["size"] < found[version].size:
                found[version] = Wheel(file["url"], file["size"], file.get("hashes", {}).get("sha256", ""))
    return found


def _simple() -> str:
    """Return the index that pip uses, without a slash at its end."""
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    )
    return (os.environ.get("PIP_INDEX_URL") or configured.stdout.strip() or "https://pypi.org/simple").rstrip("/")
