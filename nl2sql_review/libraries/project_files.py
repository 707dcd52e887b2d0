"""Requirements that a project's files install together: manifests, locks, environments, images, install lines.

Each file gives groups: the requirements of one group go into one environment, so all of them must hold at
once. Nothing is executed; from a `setup.py` only the literals are read.
"""

from __future__ import annotations

import codecs
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Any

from ..files import toml
from .requirements import PYTHON, Requirement

Group = tuple[Requirement, ...]
INSTALLED_BY_LINES = re.compile(r"(?:Dockerfile|Containerfile)(?:[.-][\w.-]+)?$|[\w.-]+\.(?:sh|dockerfile)$|Justfile$")
NAMED = {"pytorch": "torch", "datasets": "datasets"}  # conda's name -> the library's
_NAME = re.compile(r"[A-Za-z][\w.-]*")
_KEY = re.compile(r"""\[["']([\w.-]+)["']\]$""")
_COMMENT = re.compile(r"(?:^|\s)#|\s--hash|\s\\$")
_INSTALL = re.compile(r"(?:^|[;&|\s])(?:pip3?|uv\s+pip|uv)\s+(?:install|add)\s+([^;&|]+)")
_FROM_PYTHON = re.compile(r"^FROM\s+(?:--\S+\s+)?(?:[\w./-]+/)?python:(\d+\.\d+)(\.\d+)?", re.MULTILINE | re.IGNORECASE)

_MARKED = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8"))


def text_of(data: bytes) -> str:
    """Return the text of a file, in the encoding that its byte order mark tells: pip, too, reads UTF-16 by that.

    PowerShell's `pip freeze > requirements.txt` writes it so.
    """
    mark, encoding = next((one for one in _MARKED if data.startswith(one[0])), (b"", "utf-8"))
    return data[len(mark) :].decode(encoding, "replace")


class Broken(ValueError):
    """Raised if a file cannot be read by any installer either; the message gives the place."""


@lru_cache(maxsize=64)
def groups(name: str, text: str) -> tuple[Group, ...]:
    """Return the groups of one file; `name` is its path as shown. Raises Broken."""
    last = name.rpartition("/")[2]
    if INSTALLED_BY_LINES.match(last):
        return tuple(filter(None, _install_lines(text, name)))
    of = _KINDS.get(last) or (_requirements if last.endswith((".txt", ".in")) else None)
    if of is None and re.fullmatch(r"pylock(\.[\w-]+)?\.toml", last):
        of = _pylock
    try:
        return tuple(filter(None, map(tuple, of(text, name)))) if of else ()
    except (RecursionError, AttributeError, TypeError) as error:  # a table where a list belongs, and the like
        raise Broken(f"{name} does not have the expected layout: {error}") from error


def requirement(text: str, by: str) -> Requirement | None:
    """Return `trl[peft]>=0.12` as a requirement, or None for a path, an address or a conditional requirement."""
    text = text.strip().strip("'\"")
    name = _NAME.match(text)
    if name is None or ";" in text:
        return None
    rest = text[name.end() :].strip()
    if rest.startswith("["):
        extras, closed, rest = rest.partition("]")
        if not closed:
            return None
        rest = rest.lstrip()
    said = rest.removeprefix("(").removesuffix(")")
    if ")" in said or said and said[0] not in "=<>!~^":
        return None
    return Requirement(_normal(name[0]), said.strip(), by)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name.lower())


def _all(texts: object, by: str) -> Iterator[Requirement]:
    for text in texts if isinstance(texts, (list, tuple)) else ():
        made = requirement(text, by) if isinstance(text, str) else None
        if made is not None:
            yield made


def _python(specifier: object, by: str) -> Iterator[Requirement]:
    if isinstance(specifier, str) and specifier.strip():
        number = re.fullmatch(r"\d+(\.\d+)?", specifier.strip())
        yield Requirement(PYTHON, f"=={number[0]}.*" if number else specifier.strip(), by)


# -- requirements files, environments of conda --------------------------------------------------------------------


def _requirements(text: str, name: str) -> Iterator[Iterable[Requirement]]:
    lines = (_COMMENT.split(line)[0].strip() for line in text.splitlines())
    found = (requirement(line, f"{name}:{row}") for row, line in enumerate(lines, 1) if line and line[0] != "-")
    yield [one for one in found if one is not None]


def _conda(text: str, name: str) -> Iterator[Iterable[Requirement]]:
    import yaml

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Broken(f"{name}{f':{mark.line + 1}' if mark else ''} cannot be parsed as YAML") from error
    found: list[Requirement] = []
    for one in toml.table({"": data}, "").get("dependencies") or ():
        if isinstance(one, dict):
            found += _all(one.get("pip"), name)
        elif isinstance(one, str):
            match = re.match(r"(?:[\w./-]+::)?([\w.-]+)\s*(?:(==?)\s*([\w.*]+)(?:=\S+)?|([<>!~].*))?$", one.strip())
            if match:
                library = NAMED.get(match[1].lower(), _normal(match[1]))
                fuzzy = match[2] == "=" or library == PYTHON
                pin = f"={match[3].removesuffix('.*')}" if fuzzy else f"=={match[3]}"
                found.append(Requirement(library, match[4] or (pin if match[3] else ""), name))
    yield found


# -- manifests and locks in TOML ----------------------------------------------------------------------------------


def parsed_toml(text: str, name: str) -> dict[str, Any]:
    """Return a TOML file's tables. Raises Broken with the place."""
    try:
        return toml.parsed(text)
    except toml.NotToml as error:
        raise Broken(f"{name} cannot be parsed: {error}") from error


def _pyproject(text: str, name: str) -> Iterator[Iterable[Requirement]]:
    data = parsed_toml(text, name)
    project = toml.table(data, "project")
    uv, poetry = toml.table(data, "tool", "uv"), toml.table(data, "tool", "poetry")
    if uv.get("override-dependencies") or uv.get("dependency-metadata"):
        return  # what the releases require is replaced
    base = [*_all(project.get("dependencies"), name), *_python(project.get("requires-python"), name)]
    base += _poetry(toml.table(poetry, "dependencies"), name)
    base += _all(uv.get("constraint-dependencies"), name)
    more = [*toml.table(project, "optional-dependencies").values(), *toml.table(data, "dependency-groups").values()]
    more.append(uv.get("dev-dependencies"))
    yield base
    for texts in more:
        if texts:
            yield [*base, *_all(texts, name)]
    for group in toml.table(poetry, "group").values():
        yield [*base, *_poetry(toml.table(group, "dependencies"), name)]


def _poetry(table: dict[str, Any], name: str) -> Iterator[Requirement]:
    """Yield Poetry's and Pipenv's form: `trl = "^0.12"`, `trl = {version = "*", extras = […]}`; a bare number pins."""
    for key, value in table.items():
        if isinstance(value, dict):
            if {"markers", "python", "platform", "git", "url", "path", "optional"} & set(value):
                continue
            value = value.get("version", "*")
        if isinstance(value, str):
            plain = "" if value == "*" else f"=={value}" if value[:1].isdigit() else value
            yield Requirement(_normal(key), plain, name)


def _pipfile(text: str, name: str) -> Iterator[Iterable[Requirement]]:
    data = parsed_toml(text, name)
    requires = toml.table(data, "requires")
    base = [*_poetry(toml.table(data, "packages"), name)]
    base += _python(requires.get("python_full_version") or requires.get("python_version"), name)
    yield base
    yield [*base, *_poetry(toml.table(data, "dev-packages"), name)]


def _pylock(text: str, name: str) -> Iterator[Iterable[Requirement]]:
    data = parsed_toml(text, name)
    yield [*_locked(data.get("packages"), name), *_python(data.get("requires-python"), name)]


def _lock(text: str, name: str) -> Iterator[Iterable[Requirement]]:
    data = parsed_toml(text, name)
    if not toml.table(data, "manifest").get("overrides"):
        yield _locked(data.get("package"), name)


def _locked(packages: object, name: str) -> Iterator[Requirement]:
    """Yield one version per package; none for a fork with several versions or for a conditional package."""
    listed = [p for p in packages if isinstance(p, dict)] if isinstance(packages, list) else []
    names = [_normal(str(p.get("name"))) for p in listed]
    for library, package in zip(names, listed):
        if names.count(library) == 1 and not package.get("marker") and isinstance(package.get("version"), str):
            yield Requirement(library, f"=={package['version']}", name)


# -- setuptools ---------------------------------------------------------------------------------------------------


def _setup_cfg(text: str, name: str) -> Iterator[Iterable[Requirement]]:
    import configparser

    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise Broken(f"{name} cannot be parsed: {str(error).splitlines()[0]}") from error
    options = parser["options"] if parser.has_section("options") else {}
    base = [*_all(options.get("install_requires", "").splitlines(), name)]
    base += _python(options.get("python_requires"), name)
    yield base
    for _, extra in parser.items("options.extras_require") if parser.has_section("options.extras_require") else ():
        yield [*base, *_all(extra.splitlines(), name)]


def _setup_py(text: str, name: str) -> Iterator[Iterable[Requirement]]:
    import libcst as cst

    from ..source.literals import evaluated
    from ..source.syntax import dotted, walk

    code = cst.Module([]).code_for_node

    def literal(node: cst.BaseExpression) -> Any:
        try:
            return evaluated(assigned.get(node.value, node) if isinstance(node, cst.Name) else node)
        except ValueError:
            return None

    try:
        nodes = list(walk(cst.parse_module(text)))
    except (cst.ParserSyntaxError, RecursionError) as error:
        raise Broken(f"{name}:{getattr(error, 'raw_line', 1)} cannot be parsed as Python") from error
    assigned = {
        t.target.value: n.value
        for n in nodes
        if isinstance(n, cst.Assign)
        for t in n.targets
        if isinstance(t.target, cst.Name)
    }

    def looked_up(node: cst.BaseExpression | None) -> list[str]:
        """Return the requirements of `[deps["trl"], deps["peft"]]`, where `deps` is made of a list such as `_deps`."""
        node = assigned.get(node.value, node) if isinstance(node, cst.Name) else node
        lists = [made for made in map(literal, assigned.values()) if isinstance(made, list)]
        texts = [text for made in lists for text in made if isinstance(text, str)]
        elements = node.elements if isinstance(node, (cst.List, cst.Tuple)) else ()
        wanted = [m[1] for e in elements if isinstance(e.value, cst.Subscript) and (m := _KEY.search(code(e.value)))]
        return [text for text in texts if (named := _NAME.match(text)) and named[0] in wanted]

    for call in nodes:
        if isinstance(call, cst.Call) and dotted(call.func).rpartition(".")[2] == "setup":
            written = {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}
            given = {key: literal(value) for key, value in written.items()}
            required = given.get("install_requires") or looked_up(written.get("install_requires"))
            base = [*_all(required, name), *_python(given.get("python_requires"), name)]
            yield base
            extras = given.get("extras_require")
            for texts in extras.values() if isinstance(extras, dict) else ():
                yield [*base, *_all(texts, name)]


# -- install lines ------------------------------------------------------------------------------------------------


def _install_lines(text: str, name: str) -> Iterator[Group]:
    """Yield one group for each `pip install`, which is resolved separately, together with the image's Python."""
    image = _FROM_PYTHON.search(text)
    python = list(_python(f"=={image[1]}{image[2]}" if image[2] else image[1], name)) if image else []
    row = 1
    for line in re.split(r"(?<!\\)\n", text):
        for found in _INSTALL.finditer("" if line.lstrip().startswith("#") else line.replace("\\\n", "  ")):
            made = installed(found[1], f"{name}:{row}")
            yield (*made, *python) if made else ()
        row += line.count("\n") + 1


_REDIRECTED = re.compile(r"""("[^"]*"|'[^']*')|(?<!\S)((?:\\.|[^\s"'<>\\])+)(?:>[^\s"'<>]*)+(?=\s|$)""")


def unredirected(arguments: str) -> str:
    """Return the words of an install command without what the shell takes for the name of an output file.

    Of `pip install trl>=0.9` pip gets `trl`; with a `<` in the word the command fails, and it says what is meant.
    """
    return _REDIRECTED.sub(lambda found: found[1] or found[2], arguments)


def installed(arguments: str, by: str) -> Group:
    """Return the requirements of one install command, or none if it leaves out dependencies."""
    try:
        words = shlex.split(unredirected(arguments), comments=True)
    except ValueError:
        return ()
    if {"--no-deps", "--no-dependencies"} & set(words):
        return ()
    found = (requirement(word, by) for word in words if word[:1].isalpha() and not re.search(r"[/$]|\.txt$|://", word))
    return tuple(one for one in found if one is not None)


_KINDS: dict[str, Callable[[str, str], Iterator[Iterable[Requirement]]]] = {
    **{"pyproject.toml": _pyproject, "Pipfile": _pipfile, "setup.cfg": _setup_cfg, "setup.py": _setup_py},
    **{"environment.yml": _conda, "environment.yaml": _conda, "uv.lock": _lock, "poetry.lock": _lock},
    "pdm.lock": _lock,
}
