"""Updates every table of the libraries to the newest releases in the package index, and reports the changes.

    python -m nl2sql_review.libraries.refresh                            # all tables anew, then what is new
    python -m nl2sql_review.libraries.refresh trl==0.7.1 torch==2.4.1    # older releases beside those known
    python -m nl2sql_review.libraries.refresh --check                    # only tell which tables are overtaken

pip queries the index, for a Python so new that no release is hidden. Wheels are read, never installed or
imported. Of the largest wheels only the files that a table needs are fetched, if the index serves parts of a
file; otherwise the library keeps its table. `--check` exits with 0 if a table is old: that is a warning, and
the index may be unavailable.
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
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

from . import build, changes, dates, index, requirements
from .index import NoAnswer
from .requirements import BUT_MACOS, FILE, PYTHON
from .tables import compact
from .versions import key_of
from .wheels import NoRanges, metadata, opened

# whose releases are followed; `PARTLY` are read where they lie, as their wheels are of hundreds of megabytes
PARTLY = ("torch", "vllm", "bitsandbytes")
WHOLLY = (
    *("unsloth", "unsloth_zoo", "trl", "transformers", "peft", "axolotl", "llamafactory"),
    *("datasets", "accelerate", "huggingface_hub"),
)
RELEASED = (*WHOLLY, *PARTLY)
REQUIRED = (*RELEASED, "tokenizers")
AT_ONCE = 6  # wheels whose metadata are asked for at the same time
PYTHONS = range(9, 15)  # minor versions that a condition is tried with
MACHINES = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"},
    "ARM": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": "aarch64"},
    "Windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt", "platform_machine": "AMD64"},
    "macOS": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "arm64"},
    "Intel": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix", "platform_machine": "x86_64"},
}
SYSTEMS = frozenset(MACHINES)
NOT_MACOS = frozenset({"Linux", "ARM", "Windows"})
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
    changed = list(changes.between(before, changes.state()))
    for line in changed:
        print(f"- {line}")
    if not changed:
        print(f"nothing is new: no table changed (read {dates.read_on()})")
    return 0


def newer(listed: dict[str, list[str]]) -> Iterator[str]:
    """Yield a sentence for each table for which the index has a newer release."""
    for library, versions in listed.items():
        for table, has in changes.tables(library):
            if key_of(versions[0]) > key_of(has):
                yield f"{library} {versions[0]} is released; {table} are of {has}"


def refresh(folder: Path, listed: dict[str, list[str]], wanted: list[tuple[str, str]], keys: bool) -> None:
    """Make the tables of the wanted releases, each (library, version); with `keys`, also those of configurations.

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
    stored = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {"sources": {}}
    places: list[Path | tuple[str, int]] = sorted(folder.glob("*.whl"))
    stored["sources"].update(
        {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in places if isinstance(p, Path)}
    )
    releases: dict[str, dict[str, Any]] = {}
    for library, versions in listed.items():
        try:
            lie = index.wheels(library)
        except NoAnswer as error:
            print(f"warning: {library} keeps its table: {error}", file=sys.stderr)
            lie = {}
        releases[library] = requirements_of(library, {v: lie[v] for v in versions if v in lie})
        for version in [v for name, v in wanted if name == library and library in PARTLY and v in lie]:
            places.append((lie[version].url, lie[version].size))
            stored["sources"][lie[version].url.rpartition("/")[2]] = lie[version].sha256
    read = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    build.add(places)
    if keys:
        subprocess.run([sys.executable, "-m", "nl2sql_review.flavours.build", str(folder)], check=True)
    stored = {"read": read, "released": listed, "sources": stored["sources"], "releases": releases}
    FILE.write_text(dumped(stored), encoding="utf-8")
    newest = {library: max(of, key=key_of) for library, of in sorted(releases.items()) if of}
    dates.FILE.write_text(json.dumps({"read": read, "releases": newest}, indent=1) + "\n", encoding="utf-8")


def requirements_of(library: str, lie: dict[str, index.Wheel]) -> dict[str, Any]:
    """Return the requirements of each release: known ones are kept; for the others only the metadata is fetched.

    A wheel is left out if its server does not serve parts of it.
    """
    known = requirements.releases(library)

    def asked(version: str) -> dict[str, Any] | None:
        try:
            return of_wheel((lie[version].url, lie[version].size))
        except (NoRanges, zipfile.BadZipFile, StopIteration) as error:
            print(f"warning: {library} {version} is left out: {error}", file=sys.stderr)
            return None

    missing = [version for version in lie if version not in known]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = {version: said for version, said in zip(missing, pool.map(asked, missing)) if said is not None}
    return {**known, **found}


def of_wheel(where: Path | tuple[str, int]) -> dict[str, Any]:
    """Return the requirements of a release, with Python: {library: specifier}. Raises NoRanges."""
    with opened(where) as wheel:
        return unconditional(metadata(wheel))


def unconditional(said: dict[str, Any]) -> dict[str, Any]:
    """Return the requirements for every machine, {library: specifier} with Python.

    Those that hold on all other machines but not on macOS are under `BUT_MACOS`.
    """
    found: dict[str, Any] = {PYTHON: said.get("requires_python") or ""}
    others: dict[str, str] = {}
    lines: Iterable[str] = said.get("requires_dist") or ()
    for match in filter(None, map(_DISTRIBUTION.match, lines)):
        name = match[1].replace("-", "_").replace(".", "_").lower()
        systems = holds_on(match[3].lstrip("; ")) if match[3] else SYSTEMS
        if name in REQUIRED and systems >= NOT_MACOS:
            into = found if systems == SYSTEMS else others
            into[name] = ",".join(filter(None, (into.get(name), match[2].replace(" ", ""))))
    kept = {name: specifier for name, specifier in found.items() if specifier}
    others = {name: specifier for name, specifier in others.items() if specifier}
    return {**kept, BUT_MACOS: others} if others else kept


@lru_cache(maxsize=1024)
def holds_on(marker: str) -> frozenset[str]:
    """Return the systems on which a condition holds for every Python and without any extra."""
    from packaging.markers import InvalidMarker, Marker

    try:
        made = Marker(marker)
    except InvalidMarker:
        return frozenset()
    pythons = [{"python_version": f"3.{n}", "python_full_version": f"3.{n}.1", "extra": ""} for n in PYTHONS]
    return frozenset(
        system for system, machine in MACHINES.items() if all(made.evaluate({**machine, **one}) for one in pythons)
    )


def dumped(data: dict[str, Any]) -> str:
    """Return JSON with one release per line, oldest first, so that a refresh gives a readable diff.

    A release with the same requirements as an earlier one names that one.
    """
    lines = [f' "read": {compact(data["read"])}']
    for part in ("released", "sources"):
        inner = ",\n".join(f'  "{k}": {compact(v)}' for k, v in sorted(data[part].items()))
        lines.append(f' "{part}": {{\n{inner}\n }}')
    libraries = []
    for library, of in sorted(data["releases"].items()):
        entries, told = [], ""
        for version in sorted(of, key=key_of):
            same = bool(told) and of[version] == of[told]
            entries.append(f'   "{version}": {compact(told if same else of[version])}')
            told = told if same else version
        inner = ",\n".join(entries)
        libraries.append(f'  "{library}": {{\n{inner}\n  }}')
    lines.append(' "releases": {\n' + ",\n".join(libraries) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
