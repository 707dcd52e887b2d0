"""Configuration libraries that are not installed: OmegaConf, Hydra, pydantic-settings, dotenv."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import os
import re
import sys
from pathlib import Path
from typing import Any, Callable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # before a stand-in takes its name

from .standins import plain, values
from .training import changed, required


# -- OmegaConf -----------------------------------------------------------------------------------------------------
class DictConfig(dict):
    """A dict whose keys are attributes, and whose `${other.key}` strings are looked up when read."""

    _top: dict | None = None

    def __getitem__(self, key: Any) -> Any:
        return self._resolved(dict.__getitem__(self, key))

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, str) and "${" in value:
            whole = re.fullmatch(r"\$\{([^}]*)\}", value)
            if whole:
                return self._look(whole.group(1))
            return re.sub(r"\$\{([^}]*)\}", lambda match: str(self._look(match.group(1))), value)
        return value

    def _look(self, path: str) -> Any:
        if path.startswith("oc.env:"):
            name, _, default = path[7:].partition(",")
            return os.environ.get(name, default)
        value: Any = self._top if self._top is not None else self
        for part in path.split("."):
            value = value[part]
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self else default

    def items(self) -> Any:
        return [(key, self[key]) for key in self]

    def values(self) -> Any:
        return [self[key] for key in self]

    def pop(self, key: Any, *default: Any) -> Any:
        value = self.get(key, *default)
        dict.pop(self, key, None)
        return value

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "symbol_name":
            raise AttributeError(name)
        return self[name] if name in self else None

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_top":
            self.__dict__[name] = value
        else:
            self[name] = value


def wrap(value: Any, top: dict | None = None) -> Any:
    if isinstance(value, dict):
        config = DictConfig()
        top = config if top is None else top
        config._top = top
        config.update({key: wrap(item, top) for key, item in value.items()})
        return config
    return [wrap(item, top) for item in value] if isinstance(value, list) else value


def unwrap(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    return [unwrap(item) for item in value] if isinstance(value, list) else value


def raw(value: Any) -> Any:
    """Plain containers with interpolations left as they are written."""
    if isinstance(value, dict):
        return {key: raw(dict.__getitem__(value, key)) for key in value}
    return [raw(item) for item in value] if isinstance(value, list) else value


def merged(base: Any, other: Any) -> Any:
    if isinstance(base, dict) and isinstance(other, dict):
        return {**base, **{key: merged(base[key], item) if key in base else item for key, item in other.items()}}
    return other


def load_yaml(path: Any) -> Any:
    """As OmegaConf reads YAML: unlike PyYAML it takes `2e-4` for a number."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    number = re.compile(
        r"^[-+]?(\d[\d_]*\.[\d_]*([eE][-+]?\d+)?|\d[\d_]*[eE][-+]?\d+|\.[\d_]+([eE][-+]?\d+)?|\.(inf|nan))$"
    )
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+0123456789."))
    return yaml.load(Path(path).read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506 - a SafeLoader


def structured(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return dataclasses.asdict(value() if isinstance(value, type) else value)
    return value


class OmegaConf:
    load = staticmethod(lambda path: wrap(load_yaml(path)))
    structured = staticmethod(lambda value: wrap(structured(value)))
    to_container = staticmethod(lambda config, **kwargs: unwrap(config) if kwargs.get("resolve") else raw(config))
    to_object = staticmethod(unwrap)
    to_yaml = staticmethod(str)
    is_config = staticmethod(lambda value: isinstance(value, DictConfig))
    set_struct = staticmethod(lambda config, value: None)
    register_new_resolver = staticmethod(lambda *args, **kwargs: None)
    resolve = staticmethod(lambda config: None)
    save = staticmethod(lambda *args, **kwargs: None)

    @staticmethod
    def create(value: Any = None) -> Any:
        return wrap(structured(value) if value is not None else {})

    @staticmethod
    def merge(*configs: Any) -> Any:
        total: Any = {}
        for config in configs:
            total = merged(total, raw(structured(config)))
        return wrap(total)

    @staticmethod
    def from_cli(args: Any = None) -> Any:
        return OmegaConf.from_dotlist(args or [])

    @staticmethod
    def from_dotlist(words: list[str]) -> Any:
        import yaml

        total: dict = {}
        for word in words:
            path, _, text = word.partition("=")
            value: Any = yaml.safe_load(text)
            for part in reversed(path.split(".")):
                value = {part: value}
            total = merged(total, value)
        return wrap(total)

    @staticmethod
    def select(config: Any, path: str, default: Any = None) -> Any:
        for part in path.split("."):
            if not isinstance(config, dict) or part not in config:
                return default
            config = config[part]
        return config

    @staticmethod
    def update(config: Any, path: str, value: Any, **kwargs: Any) -> None:
        *parents, last = path.split(".")
        for part in parents:
            config = config[part]
        config[last] = value


values.update({
    "omegaconf.OmegaConf": OmegaConf, "omegaconf.DictConfig": DictConfig, "omegaconf.ListConfig": list,
    "omegaconf.MISSING": "???",
    "omegaconf.open_dict": lambda config: __import__("contextlib").nullcontext(config),
})  # fmt: skip


# -- LangChain -----------------------------------------------------------------------------------------------------
class PromptTemplate:
    """A text that `format` fills, by `str.format` unless another language is named."""

    def __init__(
        self, template: str, input_variables: list[str] | None = None, template_format: str = "f-string"
    ) -> None:
        self.template, self.language = template, template_format

    @classmethod
    def from_template(cls, template: str) -> PromptTemplate:
        return cls(template)

    def format(self, **given: Any) -> str:
        if self.language == "jinja2":
            return re.sub(r"\{\{ (\w+) \}\}", lambda hole: str(given[hole[1]]), self.template)
        return self.template.format(**given)


values.update(
    {"langchain.prompts.PromptTemplate": PromptTemplate, "langchain_core.prompts.PromptTemplate": PromptTemplate}
)


# -- Hydra ---------------------------------------------------------------------------------------------------------
def compose(folder: Path, name: str) -> dict:
    """A config with its defaults list: groups go under their own key, `_self_` says when the file itself counts."""
    path = folder / (name if name.endswith((".yaml", ".yml")) else name + ".yaml")
    own = load_yaml(path) or {}
    entries = own.pop("defaults", [])
    total: dict = {}
    entries = entries if "_self_" in entries else [*entries, "_self_"]
    for entry in entries:
        if entry == "_self_":
            total = merged(total, own)
        elif isinstance(entry, str):
            total = merged(total, compose(folder, entry))
        else:
            group, option = next(iter(entry.items()))
            group = group.replace("override ", "").replace("optional ", "")
            if option is not None and not group.startswith("hydra"):
                total = merged(total, {group: compose(folder / group, option)})
    return total


def other_command_line(config: Any) -> Any:
    """Hydra lets the command line override every value."""
    if isinstance(config, dict):
        return {key: other_command_line(value) for key, value in config.items()}
    return config if isinstance(config, str) and "${" in config else changed(config)


def _hydra_main(config_path: Any = None, config_name: Any = None, version_base: Any = None) -> Callable:
    def decorate(function: Callable) -> Callable:
        def run() -> Any:
            folder = Path(inspect.getfile(function)).parent
            config = compose(folder / config_path if config_path else folder, config_name) if config_name else {}
            return function(wrap(config if plain() else other_command_line(config)))

        return run

    return decorate


def _compose_call(config_name: str, overrides: Any = (), **kwargs: Any) -> Any:
    config = compose(_initialized[-1], config_name)
    return wrap(merged(config, raw(OmegaConf.from_dotlist(list(overrides)))))


_initialized: list[Path] = []


class _Initialize:
    def __init__(self, config_path: Any = ".", **kwargs: Any) -> None:
        caller = Path(sys._getframe(1).f_code.co_filename).parent
        _initialized.append(caller / str(config_path))

    def __enter__(self) -> None:
        return None

    def __exit__(self, *exception: Any) -> None:
        return None


values.update({
    "hydra.main": _hydra_main, "hydra.compose": _compose_call, "hydra.initialize": _Initialize,
    "hydra.utils.to_absolute_path": os.path.abspath, "hydra.utils.get_original_cwd": os.getcwd,
})  # fmt: skip


# -- pydantic-settings, over the real pydantic ---------------------------------------------------------------------
def _settings() -> type:
    import pydantic

    class BaseSettings(pydantic.BaseModel):
        def __init__(self, **given: Any) -> None:
            for name, field in type(self).model_fields.items():
                if name in given:
                    continue
                if field.is_required():
                    given[name] = required(field.annotation, name)
                elif not plain() and field.default_factory is None:
                    given[name] = changed(copy.deepcopy(field.default))
            super().__init__(**given)

    return BaseSettings


def install(names: set[str]) -> None:
    """Put in what has to wait until it is known which real packages there are."""
    if "pydantic" in names:
        import pydantic

        values["pydantic_settings.BaseSettings"] = _settings()
        values["pydantic_settings.SettingsConfigDict"] = pydantic.ConfigDict
    values["attr.s"] = values["attr.define"] = values["attrs.define"] = values["attr.dataclass"] = _attrs
    values["attr.ib"] = values["attrs.field"] = values["attr.field"] = _attribute
    values["dotenv.load_dotenv"] = lambda *args, **kwargs: True
    values["dotenv.dotenv_values"] = lambda *args, **kwargs: {}
    values["easydict.EasyDict"] = lambda mapping=None, **kwargs: wrap({**(mapping or {}), **kwargs})
    values["box.Box"] = values["addict.Dict"] = values["munch.munchify"] = lambda mapping=None, **kwargs: wrap(
        {**(mapping or {}), **kwargs}
    )
    values["toml.load"] = values["tomli.load"] = _load_toml
    values["toml.loads"] = values["tomli.loads"] = lambda text: tomllib.loads(text)


def _attrs(cls: Any = None, **kwargs: Any) -> Any:
    """attrs as far as it is dataclasses."""
    if cls is None:
        return _attrs
    fields = {name: object for name, value in vars(cls).items() if isinstance(value, dataclasses.Field)}
    cls.__annotations__ = {**fields, **cls.__dict__.get("__annotations__", {})}
    return dataclasses.dataclass(cls)


def _attribute(default: Any = dataclasses.MISSING, factory: Any = dataclasses.MISSING, **kwargs: Any) -> Any:
    return dataclasses.field(default=default, default_factory=factory)


def _load_toml(source: Any) -> Any:
    text = source.read() if hasattr(source, "read") else Path(source).read_text(encoding="utf-8")
    return tomllib.loads(text.decode() if isinstance(text, bytes) else text)
