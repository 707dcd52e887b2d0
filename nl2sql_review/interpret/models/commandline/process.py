"""The script's process: its environment and command line, set from outside and changeable by the script."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ....source.command_line import ANOTHER
from ....training_plan.values import Absent, Default, Either, Known, Unknown, Value, is_optional, join
from ...core.joins import demote
from ...core.library import method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Cell, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import describe, freeze, lift, plain_key
from ...core.recording import Call
from ...python.overlays import ENVIRON, SET_EVERYWHERE

if TYPE_CHECKING:
    from ....source.command_line import CommandLine

# A secret, and what SageMaker tells of a job: that they are missing is no default.
SET_OUTSIDE = re.compile(r"(?:_KEY|_TOKEN|_SECRET|_PASSWORD)$|^SM_")
OTHERS = "other environment variables are known only at run time"
# Set by `accelerate launch` as its configuration says.
BY_LAUNCHER = ("ACCELERATE_USE_DEEPSPEED", "ACCELERATE_USE_FSDP")


def start() -> dict[str, Cell]:
    """Set up the values that exist once per process. The variables that the script sets live in an open dictionary."""
    environ = Opaque(ENVIRON, "symbol", (), ENVIRON)
    environ.slots["written"] = Known(Mapping({}, OTHERS))
    return {
        ENVIRON: Cell(Known(environ)),
        "sys.argv": Cell(Known(Opaque("sys.argv"))),
        "absl.flags.FLAGS": Cell(Known(Mapping({}, "", "namespace"))),
    }


def start_with(m: Machine, started: CommandLine) -> None:
    """Set up the process as a command line starts it: `sys.argv`, and the variables that the line sets.

    If the line is one of several that may start the script, its words are defaults that another line may override.
    """
    by, more = started.overridable, started.more
    items = (Known(started.script), *started.words)
    m.write(m.shared["sys.argv"], "value", Known(Sequence(items, "list", more, by)))
    said = dict(started.environment)
    if started.processes is not None and not (isinstance(started.processes, Known) and started.processes.value == 1):
        said.setdefault("WORLD_SIZE", lift(_text, started.processes))
    if started.files:  # a configuration of accelerate's
        for name in BY_LAUNCHER:
            said.setdefault(name, Unknown(f"the launcher sets {name} where its configuration asks for it"))
    for name, value in said.items():
        write(m, Known(name), demote(value, ANOTHER) if by else value)


def _text(value: Value) -> Value:
    return Known(str(value.value), value.trace) if isinstance(value, Known) else value


def started(m: Machine) -> CommandLine | None:
    """Return the command line that starts the script, unless the script has changed it, or another command has it."""
    line: CommandLine | None = m.recording.started if not (m.uncalled and m.command_named) else None
    obj = object_of(m.shared["sys.argv"].value)
    unchanged = line is not None and isinstance(obj, Sequence) and len(obj.state.items) == len(line.words) + 1
    return line if unchanged else None


def spoken(m: Machine, flags: Iterable[str], takes: bool = True) -> Value | None:
    """Return the command line's last word for an option, True for a flag alone, None if it is not named.

    A flag takes the word True or False behind it, as fire's do: no other library lets one stand there.
    """
    line = started(m)
    names = {_spelled(flag) for flag in flags}
    found: Value | None = None
    for at, word in enumerate(line.words if line is not None else ()):
        text = word.value if isinstance(word, (Known, Default)) and isinstance(word.value, str) else ""
        name, equals, value = text.partition("=")
        if not name.startswith("-"):
            continue
        if _spelled(name) in names:
            following = line.words[at + 1] if line is not None and at + 1 < len(line.words) else None
            if equals:
                found = Known(value, word.trace)
            elif takes:
                found = following if following is not None else Unknown(f"{name} has no value", word.trace)
            elif isinstance(following, Known) and str(following.value).lower() == "false":
                found = Known(False, following.trace)
            else:
                found = Known(True, word.trace)
        elif not takes and _spelled(name).removeprefix("no-") in names:
            found = Known(False, word.trace)
    return found


def of_line(m: Machine, value: Value) -> Value:
    """Return a value that the command line gives, as a default if another one may start the script."""
    line = started(m)
    return demote(value, ANOTHER) if line is not None and line.overridable else value


def _spelled(flag: str) -> str:
    return flag.lstrip("-").replace("_", "-") if flag.startswith("--") else flag


def chosen(
    m: Machine, flags: Iterable[str], default: Value, by: str, convert: Callable[[Value], Value], takes: bool = True
) -> Value:
    """Return an option's value: from the command line, else its default, which another command line may override."""
    line = started(m)
    if line is None:
        return demote(default, by)
    word = spoken(m, flags, takes)
    if word is not None:
        return of_line(m, convert(word))
    return demote(default, by) if line.overridable else default


# -- the environment -------------------------------------------------------------------------------------
def written(m: Machine) -> Mapping:
    found: Mapping = object_of(object_of(m.shared[ENVIRON].value).slots["written"])
    return found


def variable(m: Machine, name: Value, fallback: Value) -> Value:
    """Return a variable: the value that the script set, else `fallback`, which the environment may override."""

    def one(name: Value) -> Value:
        key = plain_key(name) if isinstance(name, Known) else None
        if key is None:
            return (
                demote(fallback, f"the environment variable {describe(name)}")
                if not isinstance(name, (Unknown, Absent))
                else Unknown(name.why, name.trace)
            )
        inherited = (
            fallback
            if isinstance(given := object_of(fallback), Opaque) and given.operation == "item"
            else demote(fallback, f"${key[0]}")
        )
        found: Value | None = written(m).state.items.get(key[0])
        if found is None and (key[0] in SET_EVERYWHERE or SET_OUTSIDE.search(str(key[0])) and not_given(fallback)):
            return Known(Opaque(f"{ENVIRON}[{key[0]!r}]", "item", (Known(Opaque(ENVIRON)), name), "str"))
        if found is None:
            return inherited
        if isinstance(found, Absent):
            return fallback
        if is_optional(found):
            options = [o if not isinstance(o, Absent) else inherited for o in found.options]
            out = options[0]
            for option in options[1:]:
                out = join(out, option, found.condition)
            return out
        return found

    return lift(one, name)


def not_given(fallback: Value) -> bool:
    """Return whether a fallback stands for a variable that is not set: None or an empty text."""
    return isinstance(fallback, (Known, Default)) and (fallback.value is None or plain(fallback) == "")


@model("os.getenv", "os.environ.get", "decouple.config", "environs.Env.str")
def getenv(call: ModelCall) -> Value:
    args = call.arguments
    fallback = args.get(1, "default")
    if isinstance(fallback, Absent) and call.callee == "decouple.config":
        return Unknown(f"the environment variable {describe(args.get(0))} is required")
    return variable(call.machine, args.get(0, "key"), fallback if not isinstance(fallback, Absent) else Known(None))


@method_model(ENVIRON, "__getitem__")
def item(call: ModelCall) -> Value:
    call.machine.may_raise_count += 1
    name = call.arguments.get(0)
    return variable(
        call.machine,
        name,
        Known(Opaque(f"{ENVIRON}[{describe(name)}]", "item", (call.receiver, name)), call.receiver.trace),
    )


@method_model(ENVIRON, "__setitem__")
def set_item(call: ModelCall) -> Value:
    write(call.machine, call.arguments.get(0), call.arguments.get(1))
    return Known(None)


def write(m: Machine, name: Value, value: Value) -> None:
    store = written(m)
    key = plain_key(name)
    items = dict(store.state.items)
    if key is None:
        why = f"a variable whose name is known only at run time is set: {describe(name)}"
        m.write(store, "state", Items({k: Unknown(why) for k in items}, OTHERS))
    else:
        items[key[0]] = value
        m.write(store, "state", Items(items, OTHERS))


@method_model(ENVIRON, "__contains__")
def contains(call: ModelCall) -> Value | None:
    key = plain_key(call.arguments.get(0))
    found = written(call.machine).state.items.get(key[0]) if key is not None else None
    if found is None or isinstance(found, (Either, Unknown)):
        return None
    return Known(not isinstance(found, Absent))


@model("os.environ.setdefault")
def setdefault(call: ModelCall) -> Value:
    args = call.arguments
    value = variable(call.machine, args.get(0, "key"), args.get(1, "value", "default"))
    write(call.machine, args.get(0, "key"), value)
    _record(call, plain_key(args.get(0, "key")), value)
    return value


def _record(call: ModelCall, key: tuple[Any] | None, value: Value) -> None:
    """Record a variable that a method sets as `os.environ[…] = …` is."""
    place = call.arguments.place
    if key is not None and isinstance(key[0], str) and place is not None:
        name = key[0]
        environ = object_of(call.machine.shared[ENVIRON].value)
        call.machine.record(Call(f"{ENVIRON}.{name}=", {name: freeze(value)}, place, {name: place}, environ))


@model("os.environ.pop", "os.unsetenv")
def pop(call: ModelCall) -> Value:
    args = call.arguments
    value = variable(
        call.machine,
        args.get(0, "key"),
        args.get(1, "default") if len(args.positional) > 1 or args.keywords else Unknown("the environment decides it"),
    )
    write(call.machine, args.get(0, "key"), Absent("the script removes it"))
    return value


@model("os.environ.update")
def update(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    state = m.mapping(args.get(0), call.node) if args.positional else Items({})
    if state.why_incomplete or args.unknown:
        write(m, Unknown(state.why_incomplete or args.unknown), Unknown(state.why_incomplete or args.unknown))
    for key, value in {**state.items, **args.keywords}.items():
        write(m, Known(key), value)
        _record(call, (key,), value)
    return Known(None)


@model("os.putenv")
def putenv(call: ModelCall) -> Value:
    return Known(None)  # os.environ does not see it


@model("dotenv.load_dotenv")
def load_dotenv(call: ModelCall) -> Value | None:
    """Load variables of a file outside the project: values set by the script stay, unless `override` is set."""
    override = call.arguments.get(3, "override")
    if not isinstance(override, Absent) and not (isinstance(override, Known) and override.value is False):
        write(
            call.machine,
            Unknown("load_dotenv(override=True) may set it"),
            Unknown("load_dotenv(override=True) may set it"),
        )
    return None


# -- the command line ------------------------------------------------------------------------------------
@model("sys.argv.append", "sys.argv.extend", "sys.argv.insert", "sys.argv.remove", "sys.argv.pop", "sys.argv.clear")
def change_words(call: ModelCall) -> Value | None:
    call.machine.write(call.machine.shared["sys.argv"], "value", Unknown("the script changes sys.argv"))
    return None


def words(m: Machine, given: Value) -> list[Value] | str | None:
    """Return the words passed to a parser: a settled list, None for the run's command line, else why not known."""
    if isinstance(given, Absent) or isinstance(given, (Known, Default)) and given.value is None:
        return script_words(m)
    obj = object_of(given)
    if isinstance(given, Default) and given.overridden_by == "sys.argv":
        return script_words(m)  # what another parser left of it
    if isinstance(obj, Opaque):
        if obj.text in ("sys.argv[1:]", "sys.argv"):
            return script_words(m)
        return f"the words in {obj.text} are known only at run time"
    if isinstance(given, Known) and isinstance(given.value, str) and not given.value:
        return []
    line = started(m)
    if line is not None and isinstance(obj, Sequence) and obj.state.items == line.words:
        return list(line.words)
    if (
        isinstance(given, Known)
        and isinstance(obj, Sequence)
        and not obj.state.why_incomplete
        and not obj.state.overridden_by
    ):
        return list(obj.state.items)
    return given.why if isinstance(given, Unknown) else "the words that are parsed are known only at run time"


def script_words(m: Machine) -> list[Value] | str | None:
    current = m.shared["sys.argv"].value
    obj = object_of(current)
    if isinstance(obj, Opaque) and obj.text == "sys.argv":
        return None
    if isinstance(obj, Opaque) and obj.text in ("sys.argv[:1]", "sys.argv[0:1]"):
        return []
    if isinstance(obj, Sequence) and isinstance(current, Known) and obj.state.items:
        own = started(m) is not None
        if own or not obj.state.why_incomplete and not obj.state.overridden_by:
            return list(obj.state.items[1:])
    return current.why if isinstance(current, Unknown) else "the script changes sys.argv"
