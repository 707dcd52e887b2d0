"""Makes `keys/*.json` from released wheels: every key of a flavour's configurations, its type and its default.

    python -m nl2sql_review.flavours.build wheels/

The folder holds one wheel of each library, as `pip download --no-deps axolotl==0.19.0` leaves it: axolotl,
llamafactory, unsloth, trl, accelerate, and for each flavour a transformers that it works with (the newest one
that its requirement allows is used). The sources are read, never imported. A flavour whose library is not in
the folder keeps its file.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Iterable, Iterator, Mapping

import libcst as cst

from ..libraries.build import annotated, default_in, field_default, init_of, keywords, last, written
from ..libraries.tables import compact
from ..libraries.versions import allows, key_of
from ..source.literals import evaluated
from ..source.syntax import below, dotted, text_of, walk
from . import every
from .flavour import Build
from .keys import FOLDER

TRANSFORMERS = r"transformers/training_args(_seq2seq)?\.py"  # where the classes stand that others extend
LAUNCHER = "accelerate/commands/launch.py"
NAMED = ("trl", "transformers", "peft", "unsloth", "unsloth_zoo")
TYPE = 120  # characters; a longer annotation says no more than that


@dataclass
class Wheel:
    library: str
    version: str
    path: Path
    classes: dict[str, cst.ClassDef] = field(default_factory=dict)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if len(arguments) == 1 else None
    if folder is None or not folder.is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    wheels: dict[str, list[Wheel]] = {}
    for path in sorted(folder.glob("*.whl")):
        library, version = path.name.split("-")[:2]
        wheels.setdefault(library, []).append(Wheel(library, version, path))
    for each in wheels.values():
        each.sort(key=lambda w: key_of(w.version))
    for flavour in every():
        library = flavour.build.library
        if library in wheels:
            file = FOLDER / f"{flavour.name}.json"
            before = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
            made = with_gone(of_flavour(flavour.build, wheels), before)
            file.write_text(dumped(made), encoding="utf-8")
            print(f"{file}: {library} {made['version']}, {sum(map(len, made['sections'].values()))} keys")
    return 0


def of_flavour(build: Build, wheels: dict[str, list[Wheel]]) -> dict[str, Any]:
    """Return the table of one flavour's keys, in the form that `keys` reads."""
    own = wheels[build.library][-1]
    own = Wheel(build.library, own.version, own.path, classes(own.path, build.files))
    requires = dict(requirements(own.path))
    extended = wheels.get("transformers", ()) if build.extends else ()
    fitting = [w for w in extended if allows(requires.get("transformers", ""), w.version)]
    others = [Wheel("transformers", w.version, w.path, classes(w.path, TRANSFORMERS)) for w in fitting[-1:]]
    homes = [own, *others]
    keys = {
        name: dict(entry for c in of for entry in fields(own.classes[c], homes, build.aliases))
        for name, of in build.sections.items()
    }
    if build.plugins:
        plugins = classes(own.path, build.plugins)
        keys["plugins"] = dict(entry for node in plugins.values() for entry in own_fields(node))
    for section, (file, function) in build.names.items():
        keys[section] = dict.fromkeys(registered(own.path, file, function), ["", ""])
    launcher = wheels["accelerate"][-1:] if build.launcher else []
    for one in launcher:
        keys["launcher"] = dict.fromkeys(options(one.path), ["", ""])
    read_from = {w.library: w.version for w in (*homes, *launcher)}
    return {"library": build.library, "version": own.version, "from": read_from, "requires": requires, "sections": keys}


def with_gone(made: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return the table with the keys that no section has any more, each with the first release without it."""
    now = {key for keys in made["sections"].values() for key in keys}
    were = {key: made["version"] for keys in before.get("sections", {}).values() for key in keys}
    gone = {key: since for key, since in {**were, **before.get("gone", {})}.items() if key not in now}
    head = {k: v for k, v in made.items() if k != "sections"}
    return {**head, "gone": dict(sorted(gone.items())), "sections": made["sections"]}


def classes(path: Path, files: str) -> dict[str, cst.ClassDef]:
    """Return the classes in a wheel's files; of two with the same name, the outer one."""
    found: dict[str, cst.ClassDef] = {}
    with zipfile.ZipFile(path) as wheel:
        for name in sorted(wheel.namelist()):
            nodes: list[cst.CSTNode] = [cst.parse_module(wheel.read(name))] if re.fullmatch(files, name) else []
            for node in nodes:  # which grows
                nodes += below(node)
                if isinstance(node, cst.ClassDef):
                    found.setdefault(node.name.value, node)
    return found


def fields(
    node: cst.ClassDef, wheels: Iterable[Wheel], aliases: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[str, list[str]]]:
    """Yield the fields of a class, its bases' first; a base is looked up in the class's library, then in the others."""
    wheels = list(wheels)
    for base in reversed(node.bases):
        name = aliases.get(last(base.value), last(base.value))
        home = next((i for i, w in enumerate(wheels) if name in w.classes and w.classes[name] is not node), None)
        if home is not None:
            yield from fields(wheels[home].classes[name], wheels[home:], aliases)
    yield from own_fields(node)


def own_fields(node: cst.ClassDef) -> Iterator[tuple[str, list[str]]]:
    for name, annotation, value in annotated(node):
        kind = type_of(annotation)
        if not init_of(value) or "ClassVar" in kind or name.startswith("_"):
            continue
        entry = [kind if len(kind) <= TYPE else "Any", default(value)]
        yield name, entry
        for alias in other_names(value):
            yield alias, entry


def type_of(node: cst.BaseExpression) -> str:
    """Return a type on one line, with uniform spacing and quotes."""
    match node:
        case cst.Subscript():
            inner = ", ".join(type_of(one.slice.value) for one in node.slice if isinstance(one.slice, cst.Index))
            return f"{type_of(node.value)}[{inner}]"
        case cst.BinaryOperation(operator=cst.BitOr()):
            return f"{type_of(node.left)} | {type_of(node.right)}"
        case cst.List() | cst.Tuple():
            inner = ", ".join(type_of(element.value) for element in node.elements)
            return f"[{inner}]" if isinstance(node, cst.List) else f"({inner})"
        case cst.Call():
            given = (
                f"{arg.keyword.value}={type_of(arg.value)}" if arg.keyword else type_of(arg.value) for arg in node.args
            )
            return f"{type_of(node.func)}({', '.join(given)})"
        case cst.Name() | cst.Attribute():
            return dotted(node)
        case cst.Ellipsis():
            return "..."
    try:
        return repr(evaluated(node))
    except ValueError:
        return "Any"


def default(value: cst.BaseExpression | None) -> str:
    """Return the default as written, or "" if the key is required."""
    if isinstance(value, cst.Call) and dotted(value.func) == "Field":
        first = value.args[0] if value.args and value.args[0].keyword is None else None
        if first is None:
            return default_in(value)
        return "" if isinstance(first.value, cst.Ellipsis) else written(first.value)
    return field_default(value)


def other_names(value: cst.BaseExpression | None) -> Iterator[str]:
    """Yield the other names of a key, as pydantic accepts them: alias="x", validation_alias=AliasChoices("x", …)."""
    for keyword, given in keywords(value).items() if isinstance(value, cst.Call) else ():
        if keyword in ("alias", "validation_alias"):
            yield from (text for text in map(text_of, walk(given)) if text is not None)


def options(path: Path) -> Iterator[str]:
    """Yield the long options of `accelerate launch`."""
    with zipfile.ZipFile(path) as wheel:
        module = cst.parse_module(wheel.read(LAUNCHER))
    for node in walk(module):
        if (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value == "add_argument"
        ):
            for argument in node.args:
                if (text_of(argument.value) or "").startswith("--"):
                    yield (text_of(argument.value) or "")[2:].replace("-", "_")


def registered(path: Path, file: str, function: str) -> Iterator[str]:
    """Yield the names that a file of a wheel registers at its top level: `register_template(name="qwen", …)`."""
    with zipfile.ZipFile(path) as wheel:
        module = cst.parse_module(wheel.read(file))
    for node in walk(module):
        if isinstance(node, cst.Call) and dotted(node.func) == function:
            name = text_of(keywords(node).get("name"))
            if name is not None:
                yield name


def requirements(path: Path) -> Iterator[tuple[str, str]]:
    """Yield a wheel's requirements on the libraries known here, without extras."""
    with zipfile.ZipFile(path) as wheel:
        name = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        text = wheel.read(name).decode("utf-8", "replace")
    for line in text.splitlines():
        match = re.match(r"Requires-Dist:\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?$", line)
        if match and match[1].replace("-", "_").lower() in NAMED and "extra" not in (match[3] or ""):
            yield match[1].replace("-", "_").lower(), match[2].strip()


def dumped(data: dict[str, Any]) -> str:
    """Return JSON with one key per line, so that a new release gives a readable diff."""
    head = [f' "{k}": {compact(v)}' for k, v in data.items() if k != "sections"]
    sections = []
    for name, keys in data["sections"].items():
        lines = ",\n".join(f'   "{k}": {compact(v)}' for k, v in sorted(keys.items()))
        sections.append(f'  "{name}": {{\n{lines}\n  }}')
    return "{\n" + ",\n".join([*head, ' "sections": {\n' + ",\n".join(sections) + "\n }"]) + "\n}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
