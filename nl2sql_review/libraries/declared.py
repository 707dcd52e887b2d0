"""Versions that a project states: in install lines of a notebook, script metadata, requirements, locks.

Files are searched beside the script and upwards to the project's root. Nothing is executed, and files over a
few MB are skipped.
"""

from __future__ import annotations

import os.path
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Iterable, Iterator

from ..files import disk, toml
from .project_files import INSTALLED_BY_LINES, Broken, groups, text_of, unredirected
from .store import BESIDE, TOGETHER

if TYPE_CHECKING:
    from ..source import Magic

LIBRARIES = (*TOGETHER, *BESIDE)
LIMIT = 8_000_000  # bytes of a lock file
UNREADABLE = "?"  # a specifier for what no number says: an install from a repository


@dataclass(frozen=True)
class Statement:
    """`specifier` as written (`==0.12.0`, `>=0.9,<1`, "" for any) and `said`, its place: `requirements.txt:3`.

    `newest`: the script upgrades the library whatever else says which version there is.
    """

    library: str
    specifier: str
    said: str
    newest: bool = False


_PACKAGE = re.compile(
    rf"(?<![\w-])({'|'.join(name.replace('_', '[-_]') for name in sorted(LIBRARIES, key=len, reverse=True))})\b",
    re.IGNORECASE,
)
_REQUIREMENT = re.compile(r"^([A-Za-z][\w.-]*)\s*(?:\[[^\]]*\]\s*)?(?:\(([^)]*)\)\s*|(@.*)|([=<>!~^][^;]*))?(?:;.*)?$")


# of git+https://github.com/huggingface/trl.git@v0.7.4: the tag of a release
_TAG = re.compile(r"\.?(?:git)?@(?:refs/tags/)?v?(\d+(?:\.\d+)+)(?:-release)?(?=$|[#;\s\"'])")


def requirement(text: str, said: str) -> Statement | None:
    """Return `trl[peft]>=0.12 ; python_version > "3.9"` as a statement, or None for an unknown library."""
    match = _REQUIREMENT.match(text.strip().strip("'\""))
    if not match:
        found = _PACKAGE.search(text) if "://" in text else None  # git+https://github.com/huggingface/trl.git
        return Statement(found[1].lower().replace("-", "_"), _tagged(text), said) if found else None
    name = match[1].lower().replace("-", "_")
    if name not in LIBRARIES:
        return None
    specifier = _tagged(text) if match[3] else (match[2] or match[4] or "").strip()
    return Statement(name, specifier, said)


def _tagged(address: str) -> str:
    """Return the release that the tag of an address names, as a specifier; else that nothing readable does."""
    tag = _TAG.search(address.partition("://")[2])
    return f"=={tag[1]}" if tag else UNREADABLE


# -- the script itself -------------------------------------------------------------------------------------------

INSTALL = re.compile(r"\b(?:pip3?|uv\s+pip|uv)\s+(?:install|add)\s+(.+)")
_OF_FILES = re.compile(r"-[rce]|--(?:requirement|constraint|editable)|[./]")  # words that install by files of a project
_WORD = re.compile(r'"[^"]*"|\'[^\']*\'|[^\s"\']+')


def installed(magics: Iterable[Magic]) -> Iterator[Statement]:
    """Yield the statements of a notebook's install lines, in order; a later one replaces an earlier one.

    What `--upgrade` names without a number is the newest, unless a line from there on installs what a file says.
    """
    last: dict[str, Statement] = {}
    for magic in magics:
        for line in magic.text.replace("\\\n", " ").splitlines():
            match = INSTALL.search(line.split(" #")[0])
            if not match or line.lstrip().startswith("#"):
                continue
            for part in re.split(r"&&|;(?=\s)", match[1])[:1]:
                words = [w.strip("'\"") for w in _WORD.findall(unredirected(part))]
                upgrades = any(w in ("-U", "--upgrade") for w in words)
                for word in words:
                    made = None if word.startswith("-") or "{" in word else requirement(word, f"cell {magic.cell}")
                    if made is None or not made.specifier and not upgrades and made.library in last:
                        continue  # without -U what is there stays
                    last[made.library] = replace(made, newest=upgrades and not made.specifier)
                if any(map(_OF_FILES.match, words)):
                    last = {library: replace(one, newest=False) for library, one in last.items()}
    yield from last.values()


_BLOCK_OPENS = re.compile(r"^# /// script[ \t\r]*\n", re.MULTILINE)
_BLOCK = re.compile(r"(?P<content>(?:#(?:| .*)\n|#\r\n)+?)# ///[ \t\r]*$", re.MULTILINE)


def in_metadata(text: str) -> Iterator[Statement]:
    """Yield the dependencies in a script's `# /// script` block (PEP 723)."""
    dependencies = metadata(text).get("dependencies", [])
    for one in dependencies if isinstance(dependencies, list) else ():
        made = requirement(str(one), "script metadata")
        if made is not None:
            yield made


def metadata(text: str) -> dict[str, Any]:
    """Return the table of a script's `# /// script` block, or {} if there is none or it is not valid TOML."""
    opens = _BLOCK_OPENS.search(text) if "# /// script" in text else None
    match = _BLOCK.match(text, opens.end()) if opens else None
    return _toml("\n".join(line[2:] for line in match["content"].splitlines())) if match else {}


_NOTE = re.compile(
    r"^[ \t]*(?:#[ \t]*)?(?:[$!%>][ \t]*)?(?:python3?[ \t]+-m[ \t]+)?(?:pip3?|uv[ \t]+pip)[ \t]+install[ \t]+"
    r"(?P<words>[^\n]+)$"
    r"|^[ \t]*#[ \t]*(?P<pin>[\w-]+==[\w.]+)[ \t]*$",
    re.MULTILINE,
)


def in_comments(text: str) -> Iterator[Statement]:
    """Yield what comments of a script and its docstring say to install, if a number says which release.

    A line counts that is an install command or a pin as a whole; none does for a library on which two disagree.
    """
    found: list[Statement] = []
    for match in _NOTE.finditer(text) if "install" in text or "==" in text else ():
        said = f"a comment in line {text.count(chr(10), 0, match.start()) + 1}"
        words = _WORD.findall(match["words"].split(" #")[0]) if match["words"] else [match["pin"]]
        made = (requirement(word, said) for word in words if word[:1] != "-")
        found += [one for one in made if one is not None and one.specifier not in ("", UNREADABLE)]
    for one in found:
        if {other.specifier for other in found if other.library == one.library} == {one.specifier}:
            yield one


# -- the project's files -----------------------------------------------------------------------------------------


def in_project(folder: str, root: str) -> tuple[list[Statement], list[str]]:
    """Return the statements of the files beside the script and above it up to the root, and the files read.

    The nearest file wins. In one folder a pinned version counts before a range, and a range before a bare name.
    """
    found: dict[str, Statement] = {}
    read: list[str] = []
    folder, root = os.path.abspath(folder), os.path.abspath(root)
    while True:
        here: list[Statement] = []
        waiting = files(folder)
        for path in waiting:  # which grows by what a requirements file includes
            data = disk.read(path, LIMIT)
            if data is None:
                continue
            here += _statements(os.path.relpath(path, folder).replace(os.sep, "/"), data)
            read.append(path)
            waiting += [p for p in included(path, data) if p not in waiting and p.startswith(root + os.sep)]
        for exactness in (2, 1):
            for one in here:
                if _exactness(one) == exactness and not by_lines(one):
                    found.setdefault(one.library, one)
        for one in filter(by_lines, here):  # who installs by hand may install what no file says
            if one.specifier:
                found.setdefault(one.library, one)
        parent = os.path.dirname(folder)
        if folder == root or parent == folder or not folder.startswith(root):
            break
        folder = parent
    return list(found.values()), read


def by_lines(one: Statement) -> bool:
    """Return whether a requirement comes from an install line rather than from a file of requirements."""
    name = one.said.partition(":")[0]
    return (INSTALLED_BY_LINES.match(name) or INSTALLING.match(name)) is not None


def _exactness(one: Statement) -> int:
    return (
        2
        if one.specifier == UNREADABLE or "==" in one.specifier and "*" not in one.specifier
        else 1
        if one.specifier
        else 0
    )


def files(folder: str) -> list[str]:
    """Return the files of a folder that may state versions, in order of precedence."""
    names = disk.names(folder, "requirements")
    requirements = [n for n in names if re.fullmatch(r"requirements[\w.-]*\.(?:txt|in)", n)]
    requirements.sort(key=lambda n: (n != "requirements.txt", n))
    requirements += disk.names(folder, "", FREEZE)
    if "requirements" in names:
        requirements += [
            f"requirements/{n}" for n in disk.names(os.path.join(folder, "requirements")) if n.endswith((".txt", ".in"))
        ]
    others = [n for n in OTHERS if disk.exists(os.path.join(folder, n))]
    lines = [*disk.names(folder, "Dockerfile"), *disk.names(folder, "Containerfile"), *disk.names(folder, "", ".sh")]
    lines = [n for n in lines if INSTALLED_BY_LINES.match(n)]
    lines += [n for n in disk.names(folder, "", ".ipynb") if INSTALLING.match(n)]
    return [os.path.join(folder, n) for n in (*requirements[:8], *others, *lines[:8])]


FREEZE = "freeze.txt"  # how the name of a file ends that `pip freeze` wrote
OTHERS = (
    *("pyproject.toml", "uv.lock", "poetry.lock", "pdm.lock", "pylock.toml", "Pipfile", "setup.cfg", "setup.py"),
    *("environment.yml", "environment.yaml"),
)
INSTALLING = re.compile(r"(?:requirements?|install|setup|environment)[\w .-]*\.ipynb$", re.IGNORECASE)
_INCLUDES = re.compile(r"^(?:-r|--requirement)(?:\s+|=)(\S+)", re.MULTILINE)


def included(path: str, data: bytes) -> list[str]:
    """Return the files that a requirements file includes by `-r`."""
    names = _INCLUDES.findall(text_of(data)) if path.endswith((".txt", ".in")) else []
    return [os.path.normpath(os.path.join(os.path.dirname(path), n)) for n in names]


@lru_cache(maxsize=16)
def _statements(name: str, data: bytes) -> tuple[Statement, ...]:
    text = text_of(data)
    if not _PACKAGE.search(text):
        return ()
    if name.endswith(".lock"):
        return tuple(_locked(text, name))
    if name == "pyproject.toml":
        return tuple(_pyproject(text, name))
    if name.endswith(".ipynb"):
        return tuple(_of_notebook(data, name))
    if name.endswith((".txt", ".in")):
        return tuple(_lines(text, name))
    by_row = tuple(_lines(text, name)) if name.startswith("environment.") else ()
    return by_row or tuple(_grouped(text, name))


def _of_notebook(data: bytes, name: str) -> Iterator[Statement]:
    """Yield the statements of the install lines in a notebook whose name says that it installs."""
    from ..source import Source, SourceError

    try:
        magics = Source.from_bytes(data, name).magics
    except SourceError:
        return
    for one in installed(magics):
        yield Statement(one.library, one.specifier, f"{name}:{one.said}")


def _grouped(text: str, name: str) -> Iterator[Statement]:
    """Yield the statements of the other kinds of files; none for a library on which install lines disagree."""
    try:
        found = [one for group in groups(name, text) for one in group if one.library in LIBRARIES]
    except Broken:
        return
    for one in (Statement(r.library, r.specifier, r.by) for r in found):
        if not by_lines(one) or {r.specifier for r in found if r.library == one.library} == {one.specifier}:
            yield one


def _lines(text: str, name: str) -> Iterator[Statement]:
    """Yield the statements of a requirements file, or of a conda environment with its dashes and `=` for pins."""
    for row, line in enumerate(text.splitlines(), 1):
        line = re.split(r"(?:^|\s)#|\s--hash|\s\\$", line)[0].strip()
        line = line.removeprefix("- ").strip()
        if line and not line.startswith("-"):
            made = requirement(re.sub(r"^[\w-]+::", "", line), f"{name}:{row}")
            if made is not None:
                yield made


_LOCKED = re.compile(r'^\[\[package\]\]\s*\nname = "([\w.-]+)"\s*\nversion = "([^"]+)"', re.MULTILINE)


def _locked(text: str, name: str) -> Iterator[Statement]:
    for match in _LOCKED.finditer(text):
        library = match[1].lower().replace("-", "_")
        if library in LIBRARIES:
            yield Statement(library, f"=={match[2]}", name)


def _pyproject(text: str, name: str) -> Iterator[Statement]:
    data = _toml(text)
    project = _table(data, "project")
    lists = [
        project.get("dependencies"),
        *_table(project, "optional-dependencies").values(),
        *_table(data, "dependency-groups").values(),
        _table(_table(data, "tool"), "uv").get("dev-dependencies"),
    ]
    for items in lists:
        for one in items if isinstance(items, list) else ():
            made = requirement(one, name) if isinstance(one, str) else None
            if made is not None:
                yield made
    poetry = _table(_table(data, "tool"), "poetry")
    tables = [
        _table(poetry, "dependencies"),
        *(_table(g, "dependencies") for g in _table(poetry, "group").values() if isinstance(g, dict)),
    ]
    for table in tables:
        for key, value in table.items():
            version = _of_table(value) if isinstance(value, dict) else value
            library = key.lower().replace("-", "_")
            if library in LIBRARIES and isinstance(version, str):
                plain = version if not re.fullmatch(r"[\d.]+", version) else f"=={version}"
                yield Statement(library, "" if plain == "*" else plain, name)


def _of_table(value: dict[str, Any]) -> Any:
    """Return Poetry's `version`, or the release that the `tag` of a repository names."""
    named = re.fullmatch(r"v?(\d+(?:\.\d+)+)", str(value.get("tag") or value.get("rev") or ""))
    return value.get("version", f"=={named[1]}" if named else UNREADABLE)


def _table(data: object, key: str) -> dict[str, Any]:
    value = data.get(key) if isinstance(data, dict) else None
    return value if isinstance(value, dict) else {}


def _toml(text: str) -> dict[str, Any]:
    try:
        return toml.parsed(text)
    except toml.NotToml:
        return {}
