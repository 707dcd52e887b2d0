"""Stand-ins for every library that is not installed: modules, classes and values that accept any use.

`resolve("torch.cuda.is_available")` gives the stand-in of a dotted name. A CamelCase name is a class that may be
subclassed; every other name is a `Thing`. Both write their calls down. Behaviour that scripts rely on (datasets,
tokenizers, training arguments, command lines) is registered by the other files of this folder.
"""

from __future__ import annotations

import abc
import functools
import importlib.abc
import importlib.machinery
import os
import re
import types
from typing import Any, Callable

from .record import record, record_write

variant = "a"
behaviours: dict[str, Callable] = {}  # callee, or the last parts of it -> what a call returns
values: dict[str, Any] = {}  # dotted name -> a ready-made class, function or module constant
families: dict[str, str] = {}  # canonical class -> the class that its methods are listed under

FLATTENED = {
    "transformers",
    "trl",
    "peft",
    "datasets",
    "unsloth",
}  # transformers.trainer.Trainer is transformers.Trainer

CAMEL = re.compile(r"[A-Z]\w*[a-z]")


def plain() -> bool:
    """True in variant "a"."""
    return variant == "a"


def behaves(*names: str):
    """Register what calls of these names return."""

    def register(function: Callable) -> Callable:
        for name in names:
            behaviours[name] = function
        return function

    return register


def behaviour(callee: str) -> Callable | None:
    parts = callee.split(".")
    for count in range(len(parts), 0, -1):
        found = behaviours.get(".".join(parts[-count:]))
        if found is not None:
            return found
    return None


class ThingType(abc.ABCMeta):
    """A library class: unknown attributes of the class itself are things, too."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or name == "symbol_name":
            raise AttributeError(name)
        return resolve(f"{cls.canonical}.{name}")


class Thing(metaclass=ThingType):
    """A function, constant, result or object of a library. What only a run can know differs between variants."""

    canonical = "object"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = object.__new__(cls)
        self.__dict__.update(_name=cls.canonical, _made=True)
        if not has_own_init(cls):
            record(cls.canonical, args, kwargs)
        return self

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if has_own_init(type(self)):  # reached through super().__init__(…): this is the library's call
            record(self._name, args, kwargs)
        self.__dict__.update(kwargs)

    def symbol_name(self) -> dict:
        return {"$object" if self._made else "$symbol": self._name}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        owner = self.__dict__.get("_name", "object")
        if not self._made:
            return resolve(f"{owner}.{name}")
        return made(f"{families.get(owner, owner)}.{name}")

    def __setattr__(self, name: str, value: Any) -> None:
        record_write(families.get(self._name, self._name), name, value)
        self.__dict__[name] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        record(f"{self._name}.__call__" if self._name.endswith("()") else self._name, args, kwargs)
        found = behaviour(self._name)
        return found(*args, **kwargs) if found else made(self._name + "()")

    def __copy__(self) -> Thing:
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def __deepcopy__(self, memo: dict) -> Thing:
        return self.__copy__()

    def __bool__(self) -> bool:
        return not self._made or plain()

    def __eq__(self, other: Any) -> bool:
        return plain() if self._made and self is not other else self is other

    def _compare(self, other: Any) -> bool:
        return plain()

    def _compute(self, *others: Any) -> Thing:
        return made(self._name)

    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _compare
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _compute
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __and__ = __or__ = _compute
    __matmul__ = __invert__ = __abs__ = _compute

    def __ne__(self, other: Any) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return id(self)

    def __int__(self) -> int:
        return 3 if plain() else 5

    __index__ = __len__ = __int__

    def __float__(self) -> float:
        return 3.5 if plain() else 5.5

    def __round__(self, digits: int | None = None) -> Any:
        return int(self) if digits is None else float(self)

    def __iter__(self):
        return iter([made(f"{self._name}[]") for _ in range(len(self))])

    def __getitem__(self, key: Any) -> Any:
        return made(f"{self._name}[]")

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def __enter__(self) -> Thing:
        return self

    def __exit__(self, *exception: Any) -> bool:
        return False

    def __str__(self) -> str:
        return f"<{self._name} {variant}>" if self._made else self._name

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return str(self)

    def __fspath__(self) -> str:
        return str(self)


def has_own_init(cls: type) -> bool:
    """Whether project code wrote the `__init__` that builds this class (a dataclass does not count)."""
    for base in cls.__mro__:
        init = base.__dict__.get("__init__")
        if init is not None:
            written = getattr(init, "__code__", None)
            generated = written is None or written.co_filename.startswith("<")
            return not generated and not base.__module__.startswith(__package__)
    return False


def made(name: str) -> Thing:
    """A result of the library: what only the run decides."""
    thing = object.__new__(Thing)
    thing.__dict__.update(_name=name, _made=True)
    return thing


def library_class(canonical: str, base: type = Thing, **members: Any) -> type:
    """A stand-in class; its instances' calls are listed as `canonical.method`."""
    name = canonical.rpartition(".")[2]
    return ThingType(name, (base,), {"canonical": canonical, "__module__": __package__, **members})


@functools.cache
def resolve(name: str) -> Any:
    """The stand-in of a dotted name: always the same one, so that `torch.bfloat16 is torch.bfloat16`."""
    top, last = name.split(".")[0], name.rpartition(".")[2]
    if name in values:
        return values[name]
    if CAMEL.match(last):
        short = f"{top}.{last}"
        if top in FLATTENED and short != name and name.rsplit(".", 2)[-2][:1].islower():
            return resolve(short)
        return library_class(name)
    thing = object.__new__(Thing)
    thing.__dict__.update(_name=name, _made=False)
    return thing


class StandinModule(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            return "4.56.2"
        if name == "__all__":
            return [
                *EXPORTED.get(self.__name__, ()),
                *(n.rpartition(".")[2] for n in values if n.rpartition(".")[0] == self.__name__),
            ]
        if name.startswith("__"):
            raise AttributeError(name)
        return resolve(f"{self.__name__}.{name}")


EXPORTED = {
    "unsloth": ["FastLanguageModel", "FastModel", "FastVisionModel", "is_bfloat16_supported", "train_on_responses_only"]
}

# What may be imported without being there. Anything else that is missing fails as it would fail anywhere.
LIBRARIES = set(
    "accelerate addict adapters apex attr attrs awq axolotl bitsandbytes box click coloredlogs comet_ml cv2 dagshub "
    "deepspeed datasets dotenv easydict einops evaluate fastapi fire fsspec func_timeout google gradio gspread "
    "huggingface_hub hydra flash_attn IPython jinja2 jsonlines kaggle_secrets langchain langchain_core liger_kernel "
    "litellm llmcompressor loguru lightning matplotlib mlflow modal modelscope mteb munch "
    "mystery nltk numpy omegaconf openai optimum optuna "
    "pandas peft PIL plotly polars psutil psycopg2 pyarrow pydantic_settings pynvml pytorch_lightning ray requests "
    "rich rouge_score sacrebleu sagemaker safetensors scipy seaborn sentence_transformers sentencepiece simple_parsing "
    "sklearn spaces sqlalchemy sqlglot sqlparse streamlit swanlab tensorboard tensorboardX tensorflow termcolor "
    "tiktoken tokenizers toml tomli torch torchao torchvision tqdm transformers triton trl typer tyro unsloth "
    "unsloth_zoo vllm wandb xformers"
    .split()
)  # fmt: skip


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stand-in for the libraries that neither `real` nor the project itself provides."""

    def __init__(self, real: set[str], project: list[str]) -> None:
        self.libraries = LIBRARIES - real - own(project)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.split(".")[0] in self.libraries:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        return StandinModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__path__ = []


def own(project: list[str]) -> set[str]:
    """Libraries that a module of the project hides; a bare folder of that name (`datasets/`) hides nothing."""
    found = {entry.partition(".")[0] for folder in project if os.path.isdir(folder) for entry in os.listdir(folder)}
    specs = {name: importlib.machinery.PathFinder.find_spec(name, project) for name in LIBRARIES & found}
    return {name for name, spec in specs.items() if spec is not None and spec.origin}
