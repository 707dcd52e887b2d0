"""Makes `signatures.json` from released wheels by reading their source, never by importing it.

    python -m nl2sql_review.libraries.build wheels/          # all wheels of a folder → signatures.json beside this file

The wheels are what `pip download --no-deps trl==1.16.0` leaves. Stored data of versions that are not in the
folder is kept, so that a new release is added with its one wheel.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, Iterable, Iterator

import libcst as cst

from ..source.literals import evaluated
from ..source.syntax import dotted, text_of, walk
from . import generated, tables, training_templates
from .store import FILE, HOMES, TOGETHER
from .wanted import PASSED_ON, SWALLOWED_IN, TRANSPARENT, WANTED
from .wheels import metadata, named, opened

FACTORY = "…"  # a default that is made anew for every object
OF_MODELS = re.compile(
    rb"^__all__ \+?= \[(.*?)\]|from \.models[\w.]* import (?:\((.*?)\)|(.*)$)|"
    rb"""_import_structure\["models.*?\[(.*?)\]|"models[\w.]*": \[(.*?)\]""",
    re.MULTILINE | re.DOTALL,
)
LITERAL = 60  # characters; a longer default is not kept
# Bases that bring no parameters.
FIELDLESS = frozenset(
    {
        *("", "object", "ABC", "Generic", "Protocol", "PushToHubMixin", "DataCollatorMixin"),
        *("Struct", "PydanticMsgspecMixin"),
    }
)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if len(arguments) == 1 else None
    if folder is None or not folder.is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    add(sorted(folder.glob("*.whl")))
    return 0


def add(wheels: Iterable[Path | tuple[str, int]]) -> None:
    """Add wheels, each a path or an address and its size in bytes, to the data in `signatures.json`.

    Raises NoRanges if a server does not serve parts of a wheel.
    """
    found = tables.unpacked(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.is_file() else {}
    for where in wheels:
        library, version = named(where.name if isinstance(where, Path) else where[0].rpartition("/")[2])
        if library in WANTED:
            with opened(where) as wheel:
                found.setdefault(library, {})[version] = read_wheel(wheel, library)
    FILE.write_text(tables.dumped(tables.packed(found)), encoding="utf-8")
    print(f"{FILE}: {FILE.stat().st_size} bytes, " + ", ".join(f"{len(v)} of {k}" for k, v in found.items()))


# -- reading one wheel -------------------------------------------------------------------------------------------


def read_wheel(wheel: zipfile.ZipFile, library: str) -> dict[str, Any]:
    """Read {"callables": {name: {"parameters", "bases", "open", "renamed"}}, "exports", "models", "requires",
    "templates"}.

    "parameters" is {name: default}, "templates" the result of `training_templates.read` for trl.

    "exports" are the names that `__init__` offers, those of `trl.trainer` as "trainer.X"; "models" the names that
    modules of transformers' architectures offer. They are exported too, but are too many to be stored.
    """
    wanted = WANTED[library]
    sources = [n for n in wheel.namelist() if n.startswith(f"{library}/") and n.endswith(".py")]
    callables = defined(wheel, sources, library)
    exports, of_models = set[str](), set[str]()
    if wanted.exports:
        exports = set(exported(cst.parse_module(wheel.read(f"{library}/__init__.py"))))
        if library == "trl" and f"{library}/trainer/__init__.py" in sources:
            trainers = cst.parse_module(wheel.read(f"{library}/trainer/__init__.py"))
            exports |= {f"trainer.{name}" for name in exported(trainers)}
        of_models = set(
            models(wheel.read(n) for n in sources if re.match(r"transformers/(__init__|models/.*)\.py$", n))
        )
    if generated.MODULE in sources and library == "unsloth":
        renaming = wheel.read(generated.RENAMING) if generated.RENAMING in sources else b""
        callables.update(made_when_imported(wheel.read(generated.MODULE), renaming))
    requires = dict(requirements(metadata(wheel)["requires_dist"]))
    templates = training_templates.read(wheel) if library == "trl" else {}
    return {
        "callables": callables,
        "exports": sorted(exports),
        "models": of_models,
        "requires": requires,
        "templates": templates,
    }


def defined(wheel: zipfile.ZipFile, sources: Iterable[str], library: str) -> dict[str, Any]:
    """Return the signatures, from a wheel's sources, of the names that scripts call."""
    wanted = WANTED[library]
    definitions = wanted.definitions | {PASSED_ON[one] for one in wanted.definitions if one in PASSED_ON}
    names = "|".join(sorted({one.partition(".")[0] for one in definitions}))
    pattern = re.compile(rf"^(?:class|def|async def) ({names})\b".encode(), re.MULTILINE)
    found: dict[str, Any] = {}
    # the class itself rather than a copy of it in an example or an experiment
    for name in sorted(sources, key=lambda n: ("experimental" in n or "/models/" in n, n.count("/"), n)):
        if wanted.files and not name.endswith(wanted.files):
            continue
        data = wheel.read(name)
        if not pattern.search(data):
            continue
        for definition, signature in signatures(cst.parse_module(data), definitions):
            found.setdefault(definition, signature)
    swallowed = dict(swallows(wheel, sources))
    for signature in found.values():
        for decorator in signature.get("decorators", ()):
            signature["renamed"].update(swallowed.get(decorator, {}))
    callables = {}
    for name, of in wanted.callables.items():
        known = [with_passed_on(found, one) for one in of if one in found]
        if known:
            callables[name] = known[0] if len(known) == 1 else together(known)
    return callables


def swallows(wheel: zipfile.ZipFile, sources: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (decorator, {argument that it removes from the call: ""}): arguments it warns about and drops."""
    for name in sources:
        if name.endswith(tuple(SWALLOWED_IN)):
            module = cst.parse_module(wheel.read(name))
            defs = [one for one in module.body if isinstance(one, cst.FunctionDef)]
            taken = {arg for one in defs if "deprecate" in one.name.value for arg in asked_for(one, "new_kwargs")}
            yield SWALLOWED_IN[name.partition("/")[2]], dict.fromkeys(sorted(taken), "")


def together(signatures: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the parameters that any of several definitions accepts, with the defaults of the first."""
    return {
        "parameters": {name: text for one in reversed(signatures) for name, text in one["parameters"].items()},
        "bases": [],
        "open": any(one["open"] for one in signatures),
        "renamed": {old: new for one in reversed(signatures) for old, new in one["renamed"].items()},
    }


def with_passed_on(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a signature, completed by the callable to which it passes its other arguments."""
    own: dict[str, Any] = found[name]
    to = found.get(PASSED_ON.get(name, ""))
    if to is None or to["open"]:
        return own
    parameters = {**dict.fromkeys(own["taken"], FACTORY), **to["parameters"], **own["parameters"]}
    return {**own, "parameters": parameters, "open": False}


def signatures(module: cst.Module, wanted: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in module.body:
        if isinstance(node, cst.FunctionDef) and node.name.value in wanted and not is_overload(node):
            yield node.name.value, function(node, method=False)
        elif isinstance(node, cst.ClassDef):
            defs = [m for m in node.body.body if isinstance(m, cst.FunctionDef) and not is_overload(m)]
            methods = {m.name.value: m for m in defs}
            for name in wanted:
                owner, _, method = name.partition(".")
                if owner != node.name.value:
                    continue
                if method and method in methods:
                    yield name, function(methods[method], method=True)
                elif not method:
                    yield name, constructor(node, methods, wanted)


def constructor(node: cst.ClassDef, methods: dict[str, cst.FunctionDef], wanted: frozenset[str]) -> dict[str, Any]:
    """Return the parameters of a class's constructor: its `__init__`, or its fields and those of its bases."""
    if "__init__" in methods:
        return function(methods["__init__"], method=True)
    made = dataclass(node)
    bases = [last(b.value) for b in node.bases if isinstance(b.value, (cst.Attribute, cst.Name))]
    strange = "__new__" in methods or any(b not in wanted and b not in HOMES and b not in FIELDLESS for b in bases)
    return {**made, "bases": bases, "open": strange}


def is_overload(node: cst.FunctionDef) -> bool:
    return any(last(one.decorator).endswith("overload") for one in node.decorators)


def made_when_imported(code: bytes, renaming: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The classes that Unsloth generates, with the defaults it puts in: the others are those of TRL's class.

    `renaming` is the code of the module that says which old names they pass on, empty where there is none.
    """
    for name, defaults in generated.configurations(code).items():
        parameters = {n: repr(v) if isinstance(v, str) else written(v) for n, v in defaults.items()}
        bases = [] if name == generated.ALL else [generated.ALL]
        renamed = generated.passed_on(renaming) if name == generated.ALL else {}
        yield name, {"parameters": parameters, "bases": bases, "open": True, "renamed": renamed}


def function(node: cst.FunctionDef, method: bool) -> dict[str, Any]:
    params = node.params
    static = any(dotted(one.decorator) == "staticmethod" for one in node.decorators)
    positional = [*params.posonly_params, *params.params][1 if method and not static else 0 :]
    parameters = {one.name.value: written(one.default) for one in (*positional, *params.kwonly_params)}
    decorators = [one.decorator for one in node.decorators]
    names = [dotted(d.func if isinstance(d, cst.Call) else d) for d in decorators]
    star = params.star_kwarg
    return {
        "parameters": parameters,
        "bases": [],
        "open": star is not None or not TRANSPARENT.issuperset(names),
        "renamed": dict(renames(decorators)),
        "decorators": names,
        "taken": sorted(asked_for(node, star.name.value)) if star is not None else [],
    }


def asked_for(node: cst.FunctionDef, kwargs: str) -> set[str]:
    """Return the names that a function looks up in its other arguments: `kwargs.pop("x")`, `"x" in kwargs`."""
    found = set[str]()
    for one in walk(node.body):
        if isinstance(one, cst.Call) and isinstance(one.func, cst.Attribute) and dotted(one.func.value) == kwargs:
            found.update(filter(None, (text_of(arg.value) for arg in one.args[:1])))
        elif isinstance(one, cst.Comparison) and any(dotted(c.comparator) == kwargs for c in one.comparisons):
            found.update(filter(None, [text_of(one.left)]))
    return found


def renames(decorators: list[cst.BaseExpression]) -> Iterator[tuple[str, str]]:
    """Yield (old, new) of `@deprecate_kwarg("tokenizer", new_name="processing_class", …)`; the old is passed on."""
    for node in decorators:
        if isinstance(node, cst.Call) and last(node.func) == "deprecate_kwarg":
            found = (text_of(a.value) for a in node.args if a.keyword is None)
            texts = [text for text in found if text is not None]
            new = text_of(keywords(node).get("new_name"))
            if new is None:  # deprecate_kwarg("tokenizer", "0.16.0", "processing_class")
                new = next((t for t in texts[1:] if t.isidentifier()), "")
            if texts:
                yield texts[0], new


def last(node: cst.BaseExpression) -> str:
    """Return `b` for `a.b` and for `b`, and "" for anything else."""
    return dotted(node).rpartition(".")[2]


def keywords(call: cst.Call) -> dict[str, cst.BaseExpression]:
    """Return the keyword arguments of a call."""
    return {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}


def annotated(node: cst.ClassDef) -> Iterator[tuple[str, cst.BaseExpression, cst.BaseExpression | None]]:
    """Yield the statements `name: type` and `name: type = value` of a class, as (name, type, value)."""
    for line in node.body.body:
        for one in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(one, cst.AnnAssign) and isinstance(one.target, cst.Name):
                yield one.target.value, one.annotation.annotation, one.value


def dataclass(node: cst.ClassDef) -> dict[str, Any]:
    parameters = {}
    for name, annotation, value in annotated(node):
        words = [one.value for one in walk(annotation) if isinstance(one, (cst.Name, cst.SimpleString))]
        if not any("ClassVar" in word for word in words) and init_of(value):
            parameters[name] = field_default(value)
    return {"parameters": parameters, "bases": [], "open": False, "renamed": {}}


def init_of(value: cst.BaseExpression | None) -> bool:
    init = keywords(value).get("init") if isinstance(value, cst.Call) else None
    return init is None or dotted(init) != "False"


def field_default(value: cst.BaseExpression | None) -> str:
    if isinstance(value, cst.Call) and last(value.func) == "field":
        return default_in(value)
    return written(value)


def default_in(call: cst.Call) -> str:
    """Return the default of `field(default=…)` or `field(default_factory=…)`, whichever comes first."""
    for name, value in keywords(call).items():
        if name == "default":
            return written(value)
        if name == "default_factory":
            return FACTORY
    return ""


def written(default: cst.BaseExpression | None) -> str:
    """Return a default as it is written, or "" if there is none; only literals are kept."""
    if default is None:
        return ""
    try:
        text = repr(evaluated(default))
    except ValueError:
        return FACTORY
    return text if len(text) <= LITERAL else FACTORY


def exported(module: cst.Module) -> Iterator[str]:
    """Yield the names that a package's `__init__` offers: in its `_import_structure`, and by plain imports."""
    for node in walk(module):
        if isinstance(node, cst.Assign) and any(is_structure(t.target) for t in node.targets):
            yield from names_in(node.targets[0].target, node.value)
        elif isinstance(node, cst.AnnAssign) and is_structure(node.target) and node.value is not None:
            yield from names_in(node.target, node.value)
        elif (
            isinstance(node, cst.Call)
            and isinstance(node.func, cst.Attribute)
            and node.func.attr.value in ("extend", "append")
        ):
            if is_structure(node.func.value):
                for arg in node.args:
                    yield from names_in(node.func.value, arg.value)
        elif isinstance(node, cst.ImportFrom) and node.relative:
            if node.module is not None and dotted(node.module).startswith("models."):
                continue
            for alias in node.names if not isinstance(node.names, cst.ImportStar) else ():
                yield alias.evaluated_alias or alias.evaluated_name


def models(sources: Iterable[bytes]) -> Iterator[str]:
    """Yield the names that `__init__` imports from models, and those that a model's module lists in its `__all__`."""
    for data in sources:
        for listed in OF_MODELS.findall(data):
            yield from re.findall(r"\w+", b" ".join(listed).decode())


def is_structure(node: cst.BaseExpression) -> bool:
    node = node.value if isinstance(node, cst.Subscript) else node
    return isinstance(node, cst.Name) and node.value.endswith("import_structure")


def names_in(target: cst.BaseExpression, value: cst.BaseExpression) -> Iterator[str]:
    if (
        isinstance(target, cst.Subscript)
        and isinstance(target.slice[0].slice, cst.Index)
        and of_models(target.slice[0].slice.value)
    ):
        return  # thousands of architectures
    if isinstance(value, cst.Dict):
        for element in value.elements:
            if not isinstance(element, cst.DictElement) or not of_models(element.key):
                yield from names_in(cst.Name("x"), element.value)
    elif isinstance(value, (cst.List, cst.Tuple)):
        for item in value.elements:
            yield from names_in(cst.Name("x"), item.value)
    elif (text := text_of(value)) is not None:
        yield text


def of_models(key: cst.BaseExpression) -> bool:
    return (text_of(key) or "").startswith("models.")


def requirements(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield a release's requirements on the libraries whose versions belong together, without extras.

    One under a condition comes first, so that of two on one library the unconditional one counts.
    """
    for line in sorted(lines, key=lambda line: ";" not in line):
        match = re.match(r"([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?$", line)
        if match and match[1].replace("-", "_").lower() in TOGETHER and "extra" not in (match[3] or ""):
            yield match[1].replace("-", "_").lower(), match[2].strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
