"""Model of Hydra: the configuration that `@hydra.main` and `compose` put together from files and their defaults lists.

Every composed value is a default: the command line can override it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.library import DECORATORS, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Builtin, Items, Mapping, Module, Opaque, Sequence, object_of
from ...core.operations import describe
from ...core.project import resolved
from ..commandline.process import started
from ..files.streams import defaulted
from .interpolation import Config
from .omegaconf import COMMAND_LINE, merged, read_file, with_setting

if TYPE_CHECKING:
    import libcst as cst

PACKAGE = re.compile(r"\A(?:\s*#[^\n]*\n)*?\s*#\s*@package\s+(\S+)")
PATH = re.compile(r"\+{0,2}[\w/-]+(?:[.\[][\w\]-]+)*")
FUNCTION = re.compile(r"(?:choice|range|interval|glob|sort|shuffle|tag|extend_list|str|int|float|bool|json_str)\(")
NESTED = re.compile(r"\[[^\[\]]*\]|\{[^{}]*\}|'[^']*'|\"[^\"]*\"|\\,")  # where a comma does not part values
NAMES, PATHS = ("--config-name", "-cn"), ("--config-path", "-cp")
MAX_DEPTH = 8


class Failure(Exception):
    """Reason why a configuration cannot be composed."""


class Defaults(NamedTuple):
    """One entry of a defaults list: a file below `group`, put at `package`.

    `own` marks `_self_`, `fixed` an entry without a choice.
    """

    own: bool = False
    group: str = ""
    name: str | None = None
    package: str | None = None
    optional: bool = False
    fixed: bool = False


def composed(m: Machine, folder: Path, name: str, overrides: list[str], node: cst.CSTNode | None = None) -> Value:
    """Return the configuration `name` of `folder`, with the words of a command line applied."""
    chosen = Chosen()
    settings = []
    try:
        for word in overrides:
            path, value = override(word)
            if m.project.is_dir(folder / path.lstrip("+")) and "." not in path:
                if path.startswith("+"):
                    raise Failure(f"{word} on the command line adds to a defaults list")
                chosen[path] = value
            elif not path.startswith("hydra."):
                settings.append(word)
        out: Value = Known(Config())
        for part in parts(m, folder, "", name, "", chosen, 0):
            out = merged(m, out, part, None, node)
        if chosen.keys() - chosen.asked:
            raise Failure(f"no defaults list chooses {', '.join(sorted(chosen.keys() - chosen.asked))}")
        for word in settings:
            path = word.partition("=")[0]
            there = has(out, path.lstrip("+"))
            if there is False and not path.startswith("+"):
                raise Failure(f"the configuration has no {path}, so Hydra stops: +{path}=… adds it")
            if there and path.startswith("+") and not path.startswith("++"):
                raise Failure(f"the configuration has {path[1:]} already, so Hydra stops: ++{path[1:]}=… sets it")
            out = with_setting(m, out, word, node)
    except Failure as e:
        return Unknown(str(e))
    obj = object_of(out)
    if isinstance(obj, Config):
        obj.slots["state"] = obj.written._replace(
            items={k: v for k, v in obj.written.items.items() if k not in ("hydra", "defaults")}
        )
    return out


class Chosen(dict[str, str]):
    """Choice that a command line makes in each group, and the groups that a defaults list uses."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: set[str] = set()

    def of(self, group: str, default: str | None) -> str | None:
        self.asked.add(group)
        return self.get(group, default)


def override(word: str) -> tuple[str, str]:
    """Return the path and the value of `a.b=3`, `+a=3`, `++a=3`."""
    path, equals, value = word.partition("=")
    if path.startswith("~"):
        raise Failure("a setting is removed on the command line")
    if not equals or not PATH.fullmatch(path):
        raise Failure(f"{word} on the command line is not followed")
    if FUNCTION.match(value) or "," in NESTED.sub("", value):
        raise Failure(f"{path} is given several values on the command line: that is a sweep")
    return path, value


def has(value: Value, path: str) -> bool | None:
    """Return whether a configuration holds a path, or None if that is not known."""
    for name in re.findall(r"[^.\[\]]+", path):
        obj = object_of(value)
        if isinstance(obj, Sequence):
            return None
        if not isinstance(obj, Mapping):
            return None if isinstance(value, Unknown) else False
        state = obj.state
        if name not in state.items:
            return None if state.why_incomplete else False
        value = state.items[name]
    return True


def parts(m: Machine, folder: Path, group: str, name: str, package: str, chosen: Chosen, depth: int) -> list[Value]:
    """Return the parts that the file contributes, in the order in which later parts win."""
    if depth > MAX_DEPTH:
        raise Failure("a defaults list that nests too deeply")
    file = folder / group / (name if name.endswith((".yaml", ".yml")) else name + ".yaml")
    value = read_file(m, Known(str(file)))
    if isinstance(value, Known) and value.value is None:
        value = Known(Mapping())
    obj = object_of(value)
    if not isinstance(obj, Mapping):
        raise Failure(value.why if isinstance(value, Unknown) else f"{file.name} contains no settings")
    place = value.trace[-1].source.text if value.trace and value.trace[-1].source is not None else ""
    header = PACKAGE.match(place)
    if header is not None:
        package = {"_global_": "", "_group_": group.replace("/", ".")}.get(header.group(1), header.group(1))
    entries = listed(obj.state.items.get("defaults"), group)
    own = Known(Mapping({k: v for k, v in obj.state.items.items() if k != "defaults"}), value.trace)
    for word in reversed(package.split(".") if package else []):
        own = Known(Mapping({word: own}))
    if not any(entry.own for entry in entries):
        entries.append(Defaults(own=True))  # since Hydra 1.1 a file without `_self_` wins over its defaults
    out: list[Value] = []
    for entry in entries:
        if entry.own:
            out.append(own)
            continue
        pick = entry.name if entry.fixed else chosen.of(entry.group, entry.name)
        if pick is None or pick == "null":
            continue
        if "${" in pick or pick == "???":
            raise Failure(f"the defaults list leaves {entry.group} unset")
        at = entry.package if entry.package is not None else entry.group.replace("/", ".")
        if entry.optional and not m.project.is_file(folder / entry.group / f"{pick}.yaml"):
            continue
        out += parts(m, folder, entry.group, pick, at, chosen, depth + 1)
    return out


def listed(value: Value | None, group: str) -> list[Defaults]:
    """Return the entries of a defaults list, without those of Hydra's own configuration."""
    if value is None:
        return []
    obj = object_of(value)
    if not isinstance(obj, Sequence):
        raise Failure("a defaults list that is not a list")
    out: list[Defaults] = []
    for entry in obj.state.items:
        inner = object_of(entry)
        text = entry.value if isinstance(entry, Known) else None
        if text == "_self_":
            out.append(Defaults(own=True))
        elif isinstance(text, str):
            path, _, package = text.partition("@")
            where, _, name = path.rpartition("/")
            base = where.lstrip("/") if path.startswith("/") else "/".join(p for p in (group, where) if p)
            out.append(Defaults(group=base, name=name, package=package or None, fixed=True))
        elif isinstance(inner, Mapping):
            for key, chosen in inner.state.items.items():
                words = str(key).split()
                target = words[-1]
                if target.lstrip("/").startswith("hydra/"):
                    continue
                if "override" in words:
                    raise Failure("a defaults list that overrides another one")
                where, _, package = target.partition("@")
                base = where.lstrip("/") if where.startswith("/") or not group else f"{group}/{where}"
                option: str | None = (
                    chosen.value if isinstance(chosen, Known) and isinstance(chosen.value, (str, type(None))) else "???"
                )
                if isinstance(object_of(chosen), Sequence):
                    raise Failure("a defaults list that selects several options of one group")
                out.append(
                    Defaults(
                        group=base,
                        name=option,
                        package=package.replace("_global_", "") if package else None,
                        optional="optional" in words,
                    )
                )
        else:
            raise Failure("a defaults list with an unsupported entry")
    return out


def folder_of(m: Machine, path: Value, module: Module) -> Path | str:
    """Return the folder of `config_path`, which is relative to the file it is written in."""
    if (
        not isinstance(path, (Known, Absent))
        or isinstance(path, Known)
        and not isinstance(path.value, (str, type(None)))
    ):
        return f"the path of the configuration: {describe(path)}"
    if module.file is None:
        return "the script was given alone, so its configuration is not read"
    text = path.value if isinstance(path, Known) and path.value is not None else "."
    if text.startswith("pkg://"):
        return "a configuration of a package"
    folder = resolved(module.file).parent / text
    return folder if m.project.is_dir(folder) else f"the directory {text} was not found in the project"


def main(call: ModelCall) -> Value:
    m, decorator, fn = call.machine, call.owner, call.arguments.positional[0]
    arguments = decorator.call.arguments if decorator.call is not None else {}
    path = arguments.get("config_path", arguments.get("$0", Absent()))
    name = arguments.get("config_name", arguments.get("$1", Absent()))
    module = m.frame.scope.module
    function = object_of(fn)

    def run(call: ModelCall) -> Value:
        m, args = call.machine, call.arguments
        if args.positional:
            return m.call(fn, args, call.node)
        return m.call(fn, Arguments([configuration(m, path, name, module, call.node)], {}, args.place), call.node)

    if function is not None and hasattr(function, "called"):
        function.called = True
    return Known(Builtin(getattr(function, "name", "main"), run), fn.trace)


def configuration(m: Machine, path: Value, name: Value, module: Module, node: cst.CSTNode | None) -> Value:
    if isinstance(name, Absent) or isinstance(name, Known) and name.value is None:
        return Known(Config(overridden_by=COMMAND_LINE))
    if not isinstance(name, Known) or not isinstance(name.value, str):
        return Unknown(f"which configuration is used: {describe(name)}")
    folder = folder_of(m, path, module)
    if isinstance(folder, str):
        return Unknown(folder)
    line = started(m)
    if line is None:
        return defaulted(composed(m, folder, name.value, [], node), COMMAND_LINE)
    try:
        words, options = words_and_options(line.words)
    except Failure as e:
        return Unknown(str(e))
    if "path" in options:
        folder = folder_of(m, Known(options["path"]), module)
        if isinstance(folder, str):
            return Unknown(folder)
    made = composed(m, folder, options.get("name", name.value), words, node)
    return defaulted(made, COMMAND_LINE) if line.overridable else made


def words_and_options(given: tuple[Value, ...]) -> tuple[list[str], dict[str, str]]:
    """Return the overrides of a command line, and its options for the configuration's name and path."""
    words: list[str] = []
    options: dict[str, str] = {}
    waiting = ""
    for value in given:
        if not isinstance(value, Known):
            raise Failure("the command line holds a word that only the shell knows")
        word = str(value.value)
        option, equals, text = word.partition("=")
        kind = "name" if option in NAMES else "path" if option in PATHS else ""
        if waiting:
            options[waiting], waiting = word, ""
        elif kind and equals:
            options[kind] = text
        elif kind:
            waiting = kind
        elif word.startswith("-"):
            raise Failure(f"the command line gives Hydra an option that is not followed: {word}")
        else:
            words.append(word)
    return words, options


DECORATORS["hydra.main"] = main


# -- compose ---------------------------------------------------------------------------------------------
@model("hydra.initialize", "hydra.initialize_config_dir", "hydra.initialize_config_module")
def initialize(call: ModelCall) -> Value:
    m = call.machine
    path = call.arguments.get(0, "config_path", "config_dir")
    if call.callee.endswith("config_dir") and isinstance(path, Known):
        m.documents["hydra"] = Path(str(path.value))
    else:
        m.documents["hydra"] = (
            folder_of(m, path, m.frame.scope.module)
            if not call.callee.endswith("module")
            else "a configuration of a package"
        )
    return Known(Opaque("hydra.initialize(…)", "call", (), "hydra.initialize"))


@model("hydra.compose")
def compose(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    folder, name = m.documents.get("hydra", "hydra is not initialized here"), args.get(0, "config_name")
    words = (
        m.iterate(args.get(1, "overrides"), call.node)
        if not isinstance(args.get(1, "overrides"), Absent)
        else Items(())
    )
    if isinstance(folder, str):
        return Unknown(folder)
    if (
        not isinstance(name, Known)
        or not isinstance(name.value, str)
        or words.why_incomplete
        or not all(isinstance(w, Known) and isinstance(w.value, str) for w in words.items)
    ):
        return Unknown("a configuration composed of values known only at run time")
    return composed(m, folder, name.value, [w.value for w in words.items], call.node)


@model("hydra.utils.to_absolute_path")
def to_absolute_path(call: ModelCall) -> Value:
    from ...core.operations import lift
    from ..files.paths import absolute_text, text_of

    return lift(lambda v: absolute_text(call.machine, text_of(v)), call.arguments.get(0, "path"))


@model("hydra.utils.get_original_cwd")
def original_directory(call: ModelCall) -> Value:
    from ....training_plan.values import Text
    from ..files.paths import CWD

    return Text((CWD,))
