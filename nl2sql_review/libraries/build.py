"""Makes `signatures.json` from released wheels, by reading their source, never by importing it.

    python -m nl2sql_review.libraries.build wheels/          # all wheels of a folder → signatures.json beside this file

The wheels are what `pip download --no-deps trl==1.16.0` leaves. What was stored of versions that are not in the folder
is kept, so that a new release is added with its one wheel.
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
from . import generated
from .store import FILE
from .versions import key_of

# library -> classes and functions whose parameters are kept; "Class.method" for one that is no constructor
WANTED = {
    "trl": (
        *("SFTTrainer", "SFTConfig", "_BaseConfig", "DPOTrainer", "DPOConfig", "GRPOTrainer", "GRPOConfig"),
        *("DataCollatorForCompletionOnlyLM", "ConstantLengthDataset", "setup_chat_format", "clone_chat_template"),
    ),
    "transformers": (
        *("TrainingArguments", "Seq2SeqTrainingArguments", "Trainer", "Seq2SeqTrainer", "Trainer.train"),
        *("BitsAndBytesConfig", "DataCollatorForLanguageModeling", "DataCollatorForSeq2Seq"),
    ),
    "peft": ("LoraConfig", "PeftConfig", "PeftConfigMixin", "get_peft_model", "prepare_model_for_kbit_training"),
    "unsloth": (
        *("FastLanguageModel.from_pretrained", "FastModel.from_pretrained", "FastLlamaModel.get_peft_model"),
        *("FastBaseModel.get_peft_model", "UnslothTrainingArguments"),
        *(generated.ALL, *generated.NAMES.values()),
    ),
    "unsloth_zoo": ("train_on_responses_only",),
}
FACTORY = "…"  # a default that is made anew for every object
# Exports of other frameworks, what `__init__` itself uses, and a name that a deprecated alias keeps alive.
NOT_KEPT = re.compile(
    r"TF|Flax|TRANSFORMERS|is_|_|TOKENIZER|MODEL_|load_tf|dummy_|Optional|requires_|define_|BaseImageProcessorFast"
)
OF_MODELS = re.compile(
    rb"^__all__ \+?= \[(.*?)\]|from \.models[\w.]* import (?:\((.*?)\)|(.*)$)|"
    rb"""_import_structure\["models.*?\[(.*?)\]|"models[\w.]*": \[(.*?)\]""",
    re.MULTILINE | re.DOTALL,
)
LITERAL = 60  # characters; a longer default is not kept


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if len(arguments) == 1 else None
    if folder is None or not folder.is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    found = unpacked(json.loads(FILE.read_text(encoding="utf-8"))) if FILE.is_file() else {}
    for wheel in sorted(folder.glob("*.whl")):
        library, version = wheel.name.split("-")[:2]
        if library in WANTED:
            found.setdefault(library, {})[version] = read_wheel(wheel)
    FILE.write_text(dumped(packed(found)), encoding="utf-8")
    print(f"{FILE}: {FILE.stat().st_size} bytes, " + ", ".join(f"{len(v)} of {k}" for k, v in found.items()))
    return 0


# -- reading one wheel -------------------------------------------------------------------------------------------


def read_wheel(path: Path) -> dict[str, Any]:
    """Read {"callables": {name: {"parameters", "bases", "open", "renamed"}}, "exports", "models", "requires"}.

    "parameters" is {name: default}.

    "exports" are what `__init__` offers, those of `trl.trainer` as "trainer.X"; "models" the names that modules of
    transformers' architectures offer. They are offered too, and too many to be kept.
    """
    library = path.name.split("-")[0]
    wanted = {name.partition(".")[0] for name in WANTED[library]}
    pattern = re.compile(rf"^(?:class|def) ({'|'.join(wanted)})\b".encode(), re.MULTILINE)
    callables: dict[str, Any] = {}
    exports, of_models = set[str](), set[str]()
    with zipfile.ZipFile(path) as wheel:
        sources = [n for n in wheel.namelist() if n.startswith(f"{library}/") and n.endswith(".py")]
        # the class itself rather than a copy of it in an example or an experiment
        for name in sorted(sources, key=lambda n: ("experimental" in n or "/models/" in n, n.count("/"), n)):
            data = wheel.read(name)
            if not pattern.search(data):
                continue
            for found, signature in signatures(cst.parse_module(data), WANTED[library]):
                callables.setdefault(found, signature)
        if library in ("trl", "transformers", "peft"):
            exports = set(exported(cst.parse_module(wheel.read(f"{library}/__init__.py"))))
            if library == "trl" and f"{library}/trainer/__init__.py" in sources:
                trainers = cst.parse_module(wheel.read(f"{library}/trainer/__init__.py"))
                exports |= {f"trainer.{name}" for name in exported(trainers)}
            of_models = set(
                models(wheel.read(n) for n in sources if re.match(r"transformers/(__init__|models/.*)\.py$", n))
            )
        if generated.MODULE in sources:
            callables.update(made_when_imported(wheel.read(generated.MODULE)))
        metadata = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        requires = dict(requirements(wheel.read(metadata).decode("utf-8", "replace")))
    return {"callables": callables, "exports": sorted(exports), "models": of_models, "requires": requires}


def signatures(module: cst.Module, wanted: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in module.body:
        if isinstance(node, cst.FunctionDef) and node.name.value in wanted:
            yield node.name.value, function(node, method=False)
        elif isinstance(node, cst.ClassDef):
            methods = {m.name.value: m for m in node.body.body if isinstance(m, cst.FunctionDef)}
            for name in wanted:
                owner, _, method = name.partition(".")
                if owner != node.name.value:
                    continue
                if method and method in methods:
                    yield name, function(methods[method], method=True)
                elif not method:
                    made = function(methods["__init__"], method=True) if "__init__" in methods else dataclass(node)
                    bases = [last(b.value) for b in node.bases if isinstance(b.value, (cst.Attribute, cst.Name))]
                    yield name, {**made, "bases": bases if "__init__" not in methods else []}


def made_when_imported(code: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The classes that Unsloth generates, with the defaults it puts in: the others are those of TRL's class."""
    for name, defaults in generated.configurations(code).items():
        parameters = {n: repr(v) if isinstance(v, str) else written(v) for n, v in defaults.items()}
        bases = [] if name == generated.ALL else [generated.ALL]
        yield name, {"parameters": parameters, "bases": bases, "open": True, "renamed": {}}


def function(node: cst.FunctionDef, method: bool) -> dict[str, Any]:
    params = node.params
    static = any(dotted(one.decorator) == "staticmethod" for one in node.decorators)
    positional = [*params.posonly_params, *params.params][1 if method and not static else 0 :]
    parameters = {one.name.value: written(one.default) for one in (*positional, *params.kwonly_params)}
    renamed = dict(renames([one.decorator for one in node.decorators]))
    return {"parameters": parameters, "bases": [], "open": params.star_kwarg is not None, "renamed": renamed}


def renames(decorators: list[cst.BaseExpression]) -> Iterator[tuple[str, str]]:
    """`@deprecate_kwarg("tokenizer", new_name="processing_class", …)`: the old name is accepted and passed on."""
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
    """`b` of `a.b` and of `b`; of anything else ""."""
    return dotted(node).rpartition(".")[2]


def keywords(call: cst.Call) -> dict[str, cst.BaseExpression]:
    """The arguments of a call that have a name."""
    return {arg.keyword.value: arg.value for arg in call.args if arg.keyword is not None}


def annotated(node: cst.ClassDef) -> Iterator[tuple[str, cst.BaseExpression, cst.BaseExpression | None]]:
    """The statements `name: type` and `name: type = value` of a class, as (name, type, value)."""
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
    """The default that `field(default=…)` or `field(default_factory=…)` says, whichever stands first."""
    for name, value in keywords(call).items():
        if name == "default":
            return written(value)
        if name == "default_factory":
            return FACTORY
    return ""


def written(default: cst.BaseExpression | None) -> str:
    """A default as it is written, "" where there is none; only what a literal can say is kept."""
    if default is None:
        return ""
    try:
        text = repr(evaluated(default))
    except ValueError:
        return FACTORY
    return text if len(text) <= LITERAL else FACTORY


def exported(module: cst.Module) -> Iterator[str]:
    """Names a package's `__init__` offers: in its `_import_structure`, and by plain imports."""
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
    """Names that `__init__` takes from models, and that a module of a model lists in its `__all__`."""
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


def requirements(metadata: str) -> Iterator[tuple[str, str]]:
    """What a release requires of the other libraries here, without extras and conditions."""
    for line in metadata.splitlines():
        match = re.match(r"Requires-Dist:\s*([\w.-]+)\s*(?:\[[^\]]*\])?\s*\(?([^;)]*)\)?\s*(?:;(.*))?$", line)
        if match and match[1].replace("-", "_").lower() in WANTED and "extra" not in (match[3] or ""):
            yield match[1].replace("-", "_").lower(), match[2].strip()


# -- the file: everything over spans of versions ------------------------------------------------------------------


def packed(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for library in WANTED:
        if library not in found:
            continue
        versions = sorted(found[library], key=key_of)
        each = [found[library][v] for v in versions]
        callables: dict[str, Any] = {}
        for name in WANTED[library]:
            of = [e["callables"].get(name) for e in each]
            if not any(of):
                continue
            parameters = dict.fromkeys(p for one in of if one for p in one["parameters"])
            renamed = dict.fromkeys(p for one in of if one for p in one["renamed"])
            callables[name] = {
                "in": spans([one and 1 for one in of]),
                "bases": spans([one and (one["bases"] or None) for one in of]),
                "open": spans([one and (1 if one["open"] else None) for one in of]),
                "renamed": {p: spans([one and one["renamed"].get(p) for one in of]) for p in renamed},
                "parameters": {p: spans([one and one["parameters"].get(p) for one in of]) for p in parameters},
            }
        exports = {}
        for name in sorted({n for e in each for n in e["exports"]}):
            if len(name) > 3 and not NOT_KEPT.match(name.rpartition(".")[2]):
                there = spans([1 if name in e["exports"] or name in e["models"] else None for e in each])
                exports[name] = [span[:2] for span in there]
        requires = {
            lib: spans([e["requires"].get(lib) for e in each])
            for lib in sorted({r for e in each for r in e["requires"]})
        }
        made[library] = {"versions": versions, "callables": callables, "exports": exports, "requires": requires}
    return made


def spans(values: list[Any]) -> list[list[Any]]:
    """Runs of equal values as [first, last, value]; None is left out."""
    made: list[list[Any]] = []
    for i, value in enumerate(values):
        if value is None:
            continue
        if made and made[-1][1] == i - 1 and made[-1][2] == value:
            made[-1][1] = i
        else:
            made.append([i, i, value])
    return made


def unpacked(stored: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The inverse of `packed`."""
    found: dict[str, dict[str, Any]] = {}
    for library, data in stored.items():
        for i, version in enumerate(data["versions"]):
            callables = {}
            for name, c in data["callables"].items():
                if at(c["in"], i) is None:
                    continue
                parameters = {p: v for p, s in c["parameters"].items() if (v := at(s, i)) is not None}
                renamed = {p: v for p, s in c["renamed"].items() if (v := at(s, i)) is not None}
                callables[name] = {
                    "parameters": parameters,
                    "bases": at(c["bases"], i) or [],
                    "open": bool(at(c["open"], i)),
                    "renamed": renamed,
                }
            exports = [n for n, s in data["exports"].items() if any(first <= i <= last for first, last in s)]
            requires = {lib: v for lib, s in data["requires"].items() if (v := at(s, i)) is not None}
            found.setdefault(library, {})[version] = {
                "callables": callables,
                "exports": exports,
                "models": set(),
                "requires": requires,
            }
    return found


def at(spans: list[list[Any]], i: int) -> Any:
    return next((value for first, last, value in spans if first <= i <= last), None)


def dumped(data: dict[str, Any]) -> str:
    """JSON with one callable, export table or version list a line: a new release is a readable diff."""
    lines = []
    for library, parts in data.items():
        inner = [f'  "{k}": {compact(v)}' for k, v in parts.items() if k != "callables"]
        calls = ",\n".join(f'   "{name}": {compact(c)}' for name, c in parts["callables"].items())
        inner.insert(1, f'  "callables": {{\n{calls}\n  }}')
        lines.append(f' "{library}": {{\n' + ",\n".join(inner) + "\n }")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
