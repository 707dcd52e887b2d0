"""Makes `signatures.json` from released wheels, by reading their source, never by importing it.

    python -m nl2sql_review.api.build wheels/          # all wheels of a folder → signatures.json beside this file

The wheels are what `pip download --no-deps trl==1.16.0` leaves. What was stored of versions that are not in the folder
is kept, so that a new release is added with its one wheel.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any, Iterable, Iterator

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
    ),
    "unsloth_zoo": ("train_on_responses_only",),
}
FACTORY = "…"  # a default that is made anew for every object
# Exports of other frameworks, what `__init__` itself uses, and a name that a deprecated alias keeps alive.
NOT_KEPT = re.compile(r"TF|Flax|TRANSFORMERS|is_|_|TOKENIZER|MODEL_|load_tf|dummy_|Optional|requires_|define_|BaseImageProcessorFast")
OF_MODELS = re.compile(
    rb"""^__all__ \+?= \[(.*?)\]|from \.models[\w.]* import (?:\((.*?)\)|(.*)$)|_import_structure\["models.*?\[(.*?)\]|"models[\w.]*": \[(.*?)\]""",
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
    """{"callables": {name: {"parameters": {name: default}, "bases", "open", "renamed"}}, "exports", "models", "requires"}.

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
            for found, signature in signatures(ast.parse(data), WANTED[library]):
                callables.setdefault(found, signature)
        if library in ("trl", "transformers", "peft"):
            exports = set(exported(ast.parse(wheel.read(f"{library}/__init__.py"))))
            if library == "trl" and f"{library}/trainer/__init__.py" in sources:
                exports |= {f"trainer.{name}" for name in exported(ast.parse(wheel.read(f"{library}/trainer/__init__.py")))}
            of_models = set(models(wheel.read(n) for n in sources if re.match(r"transformers/(__init__|models/.*)\.py$", n)))
        metadata = next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        requires = dict(requirements(wheel.read(metadata).decode("utf-8", "replace")))
    return {"callables": callables, "exports": sorted(exports), "models": of_models, "requires": requires}


def signatures(module: ast.Module, wanted: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name in wanted:
            yield node.name, function(node, method=False)
        elif isinstance(node, ast.ClassDef):
            methods = {m.name: m for m in node.body if isinstance(m, ast.FunctionDef)}
            for name in wanted:
                owner, _, method = name.partition(".")
                if owner != node.name:
                    continue
                if method and method in methods:
                    yield name, function(methods[method], method=True)
                elif not method:
                    made = function(methods["__init__"], method=True) if "__init__" in methods else dataclass(node)
                    bases = [b.attr if isinstance(b, ast.Attribute) else b.id for b in node.bases if isinstance(b, (ast.Attribute, ast.Name))]
                    yield name, {**made, "bases": bases if "__init__" not in methods else []}


def function(node: ast.FunctionDef, method: bool) -> dict[str, Any]:
    a = node.args
    static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
    names = [*a.posonlyargs, *a.args][1 if method and not static else 0 :]
    defaults = [None] * (len(names) - len(a.defaults)) + list(a.defaults)
    parameters = {p.arg: written(d) for p, d in zip(names, defaults)}
    parameters.update({p.arg: written(d) for p, d in zip(a.kwonlyargs, a.kw_defaults)})
    renamed = dict(renames(node.decorator_list))
    return {"parameters": parameters, "bases": [], "open": a.kwarg is not None, "renamed": renamed}


def renames(decorators: list[ast.expr]) -> Iterator[tuple[str, str]]:
    """`@deprecate_kwarg("tokenizer", new_name="processing_class", …)`: the old name is accepted and passed on."""
    for node in decorators:
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "deprecate_kwarg":
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            new = next((k.value.value for k in node.keywords if k.arg == "new_name" and isinstance(k.value, ast.Constant)), None)
            if new is None:  # deprecate_kwarg("tokenizer", "0.16.0", "processing_class")
                new = next((t for t in texts[1:] if t.isidentifier()), "")
            if texts:
                yield texts[0], new


def dataclass(node: ast.ClassDef) -> dict[str, Any]:
    parameters = {}
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and "ClassVar" not in ast.unparse(item.annotation):
            if init_of(item.value):
                parameters[item.target.id] = field_default(item.value)
    return {"parameters": parameters, "bases": [], "open": False, "renamed": {}}


def init_of(value: ast.expr | None) -> bool:
    return not (
        isinstance(value, ast.Call)
        and any(k.arg == "init" and isinstance(k.value, ast.Constant) and k.value.value is False for k in value.keywords)
    )


def field_default(value: ast.expr | None) -> str:
    if isinstance(value, ast.Call) and getattr(value.func, "id", getattr(value.func, "attr", "")) == "field":
        for keyword in value.keywords:
            if keyword.arg == "default":
                return written(keyword.value)
            if keyword.arg == "default_factory":
                return FACTORY
        return ""
    return written(value)


def written(default: ast.expr | None) -> str:
    """A default as it is written, "" where there is none; only what a literal can say is kept."""
    if default is None:
        return ""
    try:
        text = repr(ast.literal_eval(default))
    except (ValueError, TypeError, SyntaxError):
        return FACTORY
    return text if len(text) <= LITERAL else FACTORY


def exported(module: ast.Module) -> Iterator[str]:
    """Names a package's `__init__` offers: in its `_import_structure`, and by plain imports."""
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and any(is_structure(t) for t in node.targets):
            yield from names_in(node.targets[0], node.value)
        elif isinstance(node, ast.AnnAssign) and is_structure(node.target) and node.value is not None:
            yield from names_in(node.target, node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("extend", "append"):
            if is_structure(node.func.value):
                yield from names_in(node.func.value, ast.List([*node.args]))
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield from (a.asname or a.name for a in node.names if not (node.module or "").startswith("models."))


def models(sources: Iterable[bytes]) -> Iterator[str]:
    """Names that `__init__` takes from models, and that a module of a model lists in its `__all__`."""
    for data in sources:
        for listed in OF_MODELS.findall(data):
            yield from re.findall(r"\w+", b" ".join(listed).decode())


def is_structure(node: ast.expr) -> bool:
    node = node.value if isinstance(node, ast.Subscript) else node
    return isinstance(node, ast.Name) and node.id.endswith("import_structure")


def names_in(target: ast.expr, value: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Subscript) and str(getattr(target.slice, "value", "")).startswith("models."):
        return  # thousands of architectures
    if isinstance(value, ast.Dict):
        for key, item in zip(value.keys, value.values):
            if not str(getattr(key, "value", "")).startswith("models."):
                yield from names_in(ast.Name("x"), item)
    elif isinstance(value, (ast.List, ast.Tuple)):
        for item in value.elts:
            yield from names_in(ast.Name("x"), item)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value


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
        requires = {lib: spans([e["requires"].get(lib) for e in each]) for lib in sorted({r for e in each for r in e["requires"]})}
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
                callables[name] = {"parameters": parameters, "bases": at(c["bases"], i) or [], "open": bool(at(c["open"], i)), "renamed": renamed}
            exports = [n for n, s in data["exports"].items() if any(first <= i <= last for first, last in s)]
            requires = {lib: v for lib, s in data["requires"].items() if (v := at(s, i)) is not None}
            found.setdefault(library, {})[version] = {"callables": callables, "exports": exports, "models": set(), "requires": requires}
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


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
