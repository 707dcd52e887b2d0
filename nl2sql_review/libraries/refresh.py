"""Brings every table of the libraries up to the newest releases in the package index, and says what changed.

    python -m nl2sql_review.libraries.refresh             # download, build all tables, say what is new
    python -m nl2sql_review.libraries.refresh --check     # only tell which tables the index has overtaken

pip asks the index, for a Python new enough that no release hides. Wheels are read, never installed or imported.
`--check` ends with 0 when a table is old: that is a warning, and the index may be away.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from . import build, requirements, store
from .build import compact
from .requirements import FILE, PYTHON
from .versions import key_of

ASKED_FOR = "3.12"  # the Python that the index is asked for: Axolotl 0.20 and later have no older one
# whose requirements are kept; torch is released as wheels of gigabytes, so that only its numbers are
RELEASED = ("unsloth", "unsloth_zoo", "trl", "transformers", "peft", "axolotl", "llamafactory", "torch")
WHEELS = tuple(library for library in RELEASED if library != "torch")
OTHERS = ("accelerate",)  # the launcher's options among the keys of `trl`
REQUIRED = (*RELEASED, *OTHERS, "datasets", "tokenizers", "huggingface_hub", "bitsandbytes")
KEYS = Path(__file__).parent.parent / "flavours" / "keys"
_DISTRIBUTION = re.compile(r"([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(;.*)?$")


class NoAnswer(Exception):
    """The index does not answer; the text says what pip said last."""


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        listed = {library: released(library) for library in RELEASED}
        overtaken = list(newer(listed))
        if arguments == ["--check"]:
            for line in overtaken:
                print(f"warning: {line}")
            if not overtaken:
                print(f"every table is of the newest release (tables of {requirements.read_on()})")
            return 0
        before = keys()
        with tempfile.TemporaryDirectory() as made:
            refresh(Path(made), listed)
    except NoAnswer as error:
        print(f"warning: {error}" if arguments else f"error: {error}", file=sys.stderr)
        return 0 if arguments else 2
    for line in (*overtaken, *changed(before, keys())):
        print(f"- {line}")
    return 0


def keys() -> dict[str, tuple[str, set[str]]]:
    """Return {flavour: (library and version, keys)} of the tables as they are."""
    found = {}
    for file in sorted(KEYS.glob("*.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        found[file.stem] = (f"{data['library']} {data['version']}", {k for of in data["sections"].values() for k in of})
    return found


def changed(before: dict[str, tuple[str, set[str]]], after: dict[str, tuple[str, set[str]]]) -> Iterator[str]:
    """Yield what CHANGELOG.md is to say of each flavour whose keys changed."""
    for flavour, (release, names) in after.items():
        old = before.get(flavour, ("", set()))[1]
        parts = [("new", names - old), ("gone", old - names)]
        said = [f"{word}: {', '.join(f'`{n}`' for n in sorted(which))}" for word, which in parts if which]
        if said:
            yield f"Keys of {release} ({flavour}); {'; '.join(said)}"


def newer(listed: dict[str, list[str]]) -> Iterator[str]:
    """Yield a sentence for each table that the index has a newer release for."""
    for library, versions in listed.items():
        for table, has in tables(library):
            if key_of(versions[0]) > key_of(has):
                yield f"{library} {versions[0]} is released; {table} are of {has}"


def tables(library: str) -> Iterator[tuple[str, str]]:
    """Yield what the project holds of a library, and of which release it is."""
    if library in build.WANTED:
        yield "its signatures", store.newest(library)
    if known := requirements.known(library):
        yield "its requirements", known[-1]
    for file in sorted(KEYS.glob("*.json")):
        data = json.loads(file.read_text(encoding="utf-8"))
        if data["library"] == library:
            yield f"the keys of {file.stem}", data["version"]


def refresh(folder: Path, listed: dict[str, list[str]]) -> None:
    """Download the newest wheels into a folder and make every table anew. Raises NoAnswer."""
    pip("download", *(f"{library}=={listed[library][0]}" for library in WHEELS), *OTHERS, into=folder)
    for library in ("axolotl", "llamafactory"):  # the transformers that it goes with, whose arguments its keys extend
        (wheel,) = folder.glob(f"{library}-*.whl")
        pip("download", "transformers" + unconditional(metadata(wheel)).get("transformers", ""), into=folder)
    wheels = sorted(folder.glob("*.whl"))
    stored = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"releases": {}, "sources": {}}
    for wheel in wheels:
        library, version = wheel.name.split("-")[:2]
        if library in RELEASED:
            stored["releases"].setdefault(library, {})[version] = unconditional(metadata(wheel))
        stored["sources"][wheel.name] = hashlib.sha256(wheel.read_bytes()).hexdigest()
    stored["released"] = listed
    stored["read"] = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    build.main([str(folder)])
    subprocess.run([sys.executable, "-m", "nl2sql_review.flavours.build", str(folder)], check=True)
    FILE.write_text(dumped(stored), encoding="utf-8")


# -- the index ---------------------------------------------------------------------------------------------------


def released(library: str) -> list[str]:
    """The versions of a library in the index, newest first, pre-releases left out. Raises NoAnswer."""
    said = pip("index", "versions", library)
    match = re.search(r"^Available versions: (.*)$", said, re.MULTILINE)
    if match is None:
        raise NoAnswer(f"pip names no versions of {library}: {said.strip()[-300:]}")
    return match[1].split(", ")


def pip(command: str, *arguments: str, into: Path | None = None) -> str:
    """What pip prints. Raises NoAnswer when it fails."""
    where = ["--no-deps", "--dest", str(into)] if into is not None else []
    options = ["--python-version", ASKED_FOR, "--only-binary=:all:", "--disable-pip-version-check", *where]
    done = subprocess.run([sys.executable, "-m", "pip", command, *arguments, *options], capture_output=True, text=True)
    if done.returncode:
        raise NoAnswer(f"pip {command} {' '.join(arguments)}: {done.stderr.strip()[-300:]}")
    return done.stdout


def metadata(wheel: Path) -> dict[str, Any]:
    """What a wheel says of itself: {"requires_python": text, "requires_dist": list}."""
    with zipfile.ZipFile(wheel) as opened:
        name = next(n for n in opened.namelist() if n.endswith(".dist-info/METADATA"))
        head = opened.read(name).decode("utf-8", "replace").partition("\n\n")[0]
    python = re.search(r"^Requires-Python:\s*(.*)$", head, re.MULTILINE)
    requires = re.findall(r"^Requires-Dist:\s*(.*)$", head, re.MULTILINE)
    return {"requires_python": python[1].strip() if python else "", "requires_dist": requires}


def unconditional(said: dict[str, Any]) -> dict[str, str]:
    """What holds on every machine: {library: specifier}, with Python; what has a condition is left out."""
    found = {PYTHON: said.get("requires_python") or ""}
    lines: Iterable[str] = said.get("requires_dist") or ()
    for match in filter(None, map(_DISTRIBUTION.match, lines)):
        name = match[1].replace("-", "_").replace(".", "_").lower()
        if name in REQUIRED and not match[3]:
            found[name] = ",".join(filter(None, (found.get(name), match[2].replace(" ", ""))))
    return {name: specifier for name, specifier in found.items() if specifier}


def dumped(data: dict[str, Any]) -> str:
    """JSON with one release a line, oldest first: a refresh is a readable diff."""
    lines = [f' "read": {compact(data["read"])}']
    for part in ("released", "sources"):
        inner = ",\n".join(f'  "{k}": {compact(v)}' for k, v in sorted(data[part].items()))
        lines.append(f' "{part}": {{\n{inner}\n }}')
    libraries = []
    for library, of in sorted(data["releases"].items()):
        inner = ",\n".join(f'   "{v}": {compact(of[v])}' for v in sorted(of, key=key_of))
        libraries.append(f'  "{library}": {{\n{inner}\n  }}')
    lines.append(' "releases": {\n' + ",\n".join(libraries) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
