"""Brings every table of the libraries up to the newest releases in the package index, and says what changed.

    python -m nl2sql_review.libraries.refresh                            # all tables anew, then what is new
    python -m nl2sql_review.libraries.refresh trl==0.7.1 torch==2.4.1    # older releases beside those known
    python -m nl2sql_review.libraries.refresh --check                    # only tell which tables are overtaken

pip asks the index, for a Python new enough that no release hides. Wheels are read, never installed or imported; of the
largest only the files that a table needs are fetched, where the index hands out parts of a file, else the library keeps
its table. `--check` ends with 0 when a table is old: that is a warning, and the index may be away.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from . import build, changes, dates, index
from .index import NoAnswer
from .requirements import FILE, PYTHON
from .tables import compact
from .versions import key_of
from .wheels import NoRanges, metadata, named, opened

# whose releases are followed; `PARTLY` are read where they lie, as their wheels are of hundreds of megabytes
PARTLY = ("torch", "vllm", "bitsandbytes")
WHOLLY = (
    *("unsloth", "unsloth_zoo", "trl", "transformers", "peft", "axolotl", "llamafactory"),
    *("datasets", "accelerate", "huggingface_hub"),
)
RELEASED = (*WHOLLY, *PARTLY)
REQUIRED = (*RELEASED, "tokenizers")
_DISTRIBUTION = re.compile(r"([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(;.*)?$")


def main(arguments: list[str]) -> int:
    named_ = [one.partition("==") for one in arguments]
    if arguments != ["--check"] and not all(library in RELEASED and version for library, _, version in named_):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if arguments == ["--check"]:
            overtaken = list(newer({library: index.released(library) for library in RELEASED}))
            for line in overtaken:
                print(f"warning: {line}")
            if not overtaken:
                print(f"every table is of the newest release (tables of {dates.read_on()})")
            return 0
        before = changes.state()
        listed = {library: index.released(library) for library in RELEASED}
        wanted = [(library, version) for library, _, version in named_] or [(k, v[0]) for k, v in listed.items()]
        with tempfile.TemporaryDirectory() as made:
            refresh(Path(made), listed, wanted, keys=not named_)
    except NoAnswer as error:
        print(f"warning: {error}" if arguments == ["--check"] else f"error: {error}", file=sys.stderr)
        return 0 if arguments == ["--check"] else 2
    for line in changes.between(before, changes.state()):
        print(f"- {line}")
    return 0


def newer(listed: dict[str, list[str]]) -> Iterator[str]:
    """Yield a sentence for each table that the index has a newer release for."""
    for library, versions in listed.items():
        for table, has in changes.tables(library):
            if key_of(versions[0]) > key_of(has):
                yield f"{library} {versions[0]} is released; {table} are of {has}"


def refresh(folder: Path, listed: dict[str, list[str]], wanted: list[tuple[str, str]], keys: bool) -> None:
    """Make the tables of the wanted releases, (library, version) each; with `keys` those of configurations too.

    Wheels are downloaded into the folder. Raises NoAnswer.
    """
    waiting = [one for one in wanted if one[0] in WHOLLY]
    while waiting:  # pip takes one version of a library at a time
        first = {library: (library, version) for library, version in reversed(waiting)}
        index.download([f"{library}=={version}" for library, version in first.values()], folder)
        waiting = [one for one in waiting if first[one[0]] != one]
    for library in ("axolotl", "llamafactory") if keys else ():
        # the transformers that it goes with, whose arguments its keys extend
        (wheel,) = folder.glob(f"{library}-*.whl")
        index.download(["transformers" + of_wheel(wheel).get("transformers", "")], folder)
    stored = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"releases": {}, "sources": {}}
    places: list[Path | tuple[str, int]] = []
    for path in sorted(folder.glob("*.whl")):
        library, version = named(path.name)
        stored["releases"].setdefault(library, {})[version] = of_wheel(path)
        stored["sources"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        places.append(path)
    for library, version in wanted:
        if library not in PARTLY:
            continue
        try:
            found = index.smallest_wheel(library, version)
            place = (found["url"], found["size"])
            stored["releases"].setdefault(library, {})[version] = of_wheel(place)
        except (NoAnswer, NoRanges) as error:
            print(f"warning: {library} {version} is left out: {error}", file=sys.stderr)
            continue
        stored["sources"][found["url"].rpartition("/")[2]] = found["sha256"]
        places.append(place)
    stored["released"] = listed
    stored["read"] = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    build.add(places)
    if keys:
        subprocess.run([sys.executable, "-m", "nl2sql_review.flavours.build", str(folder)], check=True)
    FILE.write_text(dumped(stored), encoding="utf-8")
    newest = {library: max(of, key=key_of) for library, of in sorted(stored["releases"].items())}
    dates.FILE.write_text(json.dumps({"read": stored["read"], "releases": newest}, indent=1) + "\n", encoding="utf-8")


def of_wheel(where: Path | tuple[str, int]) -> dict[str, str]:
    """What a release requires: {library: specifier}, with Python. Raises NoRanges."""
    with opened(where) as wheel:
        return unconditional(metadata(wheel))


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
