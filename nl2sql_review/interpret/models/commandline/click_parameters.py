"""Options and arguments of click: their names, and their values from the command line or by default."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....source.command_line import ANOTHER
from ....training_plan.values import Absent, Default, Either, Known, Unknown, Value, extend
from ...core.joins import demote
from ...core.machine import Machine
from ...core.objects import Arguments, Instance, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import describe, lift
from ...python.builtins import BUILTINS
from .commands import arguments
from .process import chosen, spoken, started

if TYPE_CHECKING:
    import libcst as cst

CONTEXT, PARAMETER = "click.Context", "click.Parameter"


class Parameter(Opaque):
    """An option or an argument, of click or typer, with the arguments it was declared with."""

    __slots__ = ("arguments", "is_option")

    def __init__(self, text: str, kind: str, arguments: Arguments, is_option: bool) -> None:
        super().__init__(text, "call", (), kind)
        self.arguments, self.is_option = arguments, is_option

    @property
    def names(self) -> list[str]:
        """The names it is declared with: `--rank`, `-r`, `--half/--full`, `rank`."""
        return [name for name in map(plain, self.arguments.positional) if isinstance(name, str)]


def argument_values(m: Machine, marks: list[Any]) -> dict[Parameter, Value]:
    """Return the words of the command line that a command's arguments get; none if one of them takes several words."""
    found = [mark for mark in reversed(marks) if isinstance(mark, Parameter)]  # the lowest decorator is applied first
    own = [mark for mark in found if not mark.is_option]
    if not own or any("nargs" in mark.arguments.keywords for mark in own):
        return {}
    flags = {part for mark in found if is_flag(mark) for name in mark.names for part in name.split("/")}
    return dict(zip(own, arguments(m, lambda option: option not in flags)))


def is_flag(mark: Parameter) -> bool:
    """Return whether an option stands without a value."""
    given = mark.arguments.keywords
    return plain(given.get("is_flag")) is True or "flag_value" in given or any("/" in name for name in mark.names)


def parameter_value(
    m: Machine, mark: Parameter, node: cst.CSTNode | None, word: Value | None = None
) -> tuple[str, Value]:
    """Return the name of the callback's parameter, and its value by the command line; `word` is an argument's."""
    args, option = mark.arguments, mark.is_option
    name, by, flag = declared(mark.names, option)
    if plain(args.get(None, "expose_value")) is False:
        return "", Known(None)
    value = unsaid(m, args, option, by, flag, node)
    if option and started(m) is not None:
        value = worded(m, mark, by, value, node)
    elif not option and (line := started(m)) is not None:
        value = cast(m, args.get(None, "type"), word, False, node) if word is not None else settled(value, by)
        value = demote(value, ANOTHER if word is not None else by) if line.overridable else value
    if args.place is not None and isinstance(value, (Known, Default)):
        value = extend(value, args.place)
    callback = args.get(None, "callback")
    if not isinstance(callback, Absent) and not (isinstance(callback, Known) and callback.value is None):
        context, param = Known(Opaque("ctx", "call", (), CONTEXT)), Known(Opaque("param", "call", (), PARAMETER))
        value = demote(m.call(callback, Arguments([context, param, value]), node), by)
    return name, value


def worded(m: Machine, mark: Parameter, by: str, value: Value, node: cst.CSTNode | None) -> Value:
    """Return the option's value from the script's command line, or `value` if the line does not name the option."""
    args, takes = mark.arguments, not is_flag(mark)
    flags = [part.strip() for name in mark.names for part in name.split("/")[:1] if part.strip().startswith("-")]
    if plain(args.get(None, "multiple")) is True or plain(args.get(None, "count")) is True or "nargs" in args.keywords:
        return value if spoken(m, flags, takes) is None else Unknown(f"{by} may be given several times")
    kind = args.get(None, "type")
    default = settled(value, by)

    def convert(word: Value) -> Value:
        if takes:
            return cast(m, like_default(kind, default), word, False, node)
        return args.keywords.get("flag_value", word) if plain(word) is True else word

    off = [part.strip() for name in mark.names for part in name.split("/")[1:]]
    if spoken(m, off, False) is not None and spoken(m, flags, False) is None:
        return chosen(m, off, default, by, lambda word: Known(False, word.trace), False)
    return chosen(m, flags, default, by, convert, takes)


def settled(default: Value, by: str) -> Value:
    """Return a default that no word of a known command line overrides."""
    if isinstance(default, Default) and default.overridden_by == by:
        return Known(default.value, default.trace)
    return default


def like_default(kind: Value, default: Value) -> Value:
    """Return the option's type, or the type of its default if it declares none."""
    if not isinstance(kind, Absent) or not isinstance(plain(default), (bool, int, float)):
        return kind
    return BUILTINS[type(plain(default)).__name__]


def declared(names: list[str], option: bool) -> tuple[str, str, bool]:
    """Return (parameter, name to show to users, whether it is a pair of flags)."""
    explicit = next((n for n in names if n.isidentifier()), "")
    if not option:
        return explicit.lower() or (names[0] if names else ""), f"the argument {explicit}", False
    pairs = [n for n in names if "/" in n]
    flags = [part.split("/")[0].strip() for part in names if part.startswith("-")]
    best = max(flags, key=lambda f: len(f) - len(f.lstrip("-")), default="")
    return explicit or best.lstrip("-").replace("-", "_").lower(), best, bool(pairs)


def unsaid(m: Machine, args: Arguments, option: bool, by: str, pair: bool, node: cst.CSTNode | None) -> Value:
    given = args.keywords
    default = args.get(None, "default")
    if args.unknown:
        return Unknown(args.unknown)
    if (
        "prompt" in given
        and plain(given["prompt"]) is not False
        and plain(given.get("prompt_required", Known(True))) is not False
    ):
        return Unknown(f"{by} is prompted for")
    if plain(args.get(None, "required")) is True:
        return Unknown(f"{by} is required: only the command line gives it")
    nargs = plain(args.get(None, "nargs"))
    many = plain(args.get(None, "multiple")) is True or nargs == -1 or isinstance(nargs, int) and nargs > 1
    is_flag = plain(args.get(None, "is_flag")) is True or pair or "flag_value" in given
    if isinstance(default, Absent):
        if not option and nargs != -1 and plain(args.get(None, "required")) is not False:
            return Unknown(f"{by} is required: only the command line gives it")
        if is_flag and "flag_value" not in given:
            default = Known(False)
        elif plain(args.get(None, "count")) is True:
            default = Known(0)
        elif plain(args.get(None, "multiple")) is True or nargs == -1:
            default = Known(Sequence((), "tuple"))
        else:
            default = Known(None)
    elif callable_value(default):
        default = m.call(default, Arguments(), node)
    if "flag_value" in given and isinstance(default, Known) and default.value is True:
        default = given["flag_value"]
    if not is_flag:
        default = cast(m, args.get(None, "type"), default, many, node)
    variable = plain(args.get(None, "envvar"))
    value = demote(default, by)
    return (
        demote(value, f"${variable}") if isinstance(variable, str) and isinstance(value, Default) and not by else value
    )


def callable_value(value: Value) -> bool:
    obj = object_of(value)
    return obj is not None and not isinstance(obj, (Sequence, Mapping, Instance, Opaque))


def cast(m: Machine, kind: Value, value: Value, many: bool, node: cst.CSTNode | None) -> Value:
    """Convert a default by the option's type, like a word of the command line."""
    if isinstance(value, Known) and value.value is None or isinstance(kind, Absent) and not many:
        return value
    if many:
        if not isinstance(object_of(value), Sequence):
            return value
        state = object_of(value).state
        return Known(
            Sequence(
                tuple(cast(m, kind, v, False, node) for v in state.items),
                "tuple",
                state.why_incomplete,
                state.overridden_by,
            ),
            value.trace,
        )
    obj = object_of(kind)
    if kind in (BUILTINS["int"], BUILTINS["float"], BUILTINS["str"]):
        return m.call(kind, Arguments([value]), node) if not isinstance(value, (Unknown, Either)) else value
    if kind is BUILTINS["bool"]:
        return lift(truth_of_word, value)
    if isinstance(obj, Opaque):
        last = obj.text.split("(")[0].rsplit(".", 1)[-1]
        if last in ("INT", "IntRange"):
            return m.call(BUILTINS["int"], Arguments([value]), node)
        if last in ("FLOAT", "FloatRange"):
            return m.call(BUILTINS["float"], Arguments([value]), node)
        if last in ("STRING", "UNPROCESSED", "Choice"):
            return value
        if last == "Path" and obj.text.startswith(("click", "rich_click", "cloup")):
            path_type = (
                obj.call.live_arguments[0].get(None, "path_type")
                if obj.call is not None and obj.call.live_arguments
                else Absent()
            )
            return value if isinstance(path_type, Absent) else m.call(path_type, Arguments([value]), node)
        if obj.text.startswith(("click", "rich_click", "cloup")):
            return Unknown(f"the result of {last}")
        return m.call(kind, Arguments([value]), node)
    if isinstance(obj, Instance):
        return m.call(m.attribute(kind, "convert", node), Arguments([value, Known(None), Known(None)]), node)
    if isinstance(kind, Absent):
        return value
    return m.call(kind, Arguments([value]), node)


def truth_of_word(v: Value) -> Value:
    if isinstance(v, Known) and isinstance(v.value, str):
        word = v.value.strip().lower()
        if word in ("1", "true", "t", "yes", "y", "on"):
            return Known(True, v.trace)
        return (
            Known(False, v.trace)
            if word in ("0", "false", "f", "no", "n", "off")
            else Unknown(f"{v.value} is not a boolean")
        )
    return v if isinstance(v, Known) and isinstance(v.value, bool) else Unknown(f"whether {describe(v)} is true")
