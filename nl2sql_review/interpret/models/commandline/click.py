"""Model of click and libraries built like it: commands with options, groups, and the run of a call without words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from ....training_plan.values import Absent, Default, Either, Known, Unknown, Value, extend
from ...core.joins import demote
from ...core.library import DECORATORS, method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Function, Instance, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.operations import describe, lift
from ...python.builtins import BUILTINS
from .process import chosen, spoken, started
from .process import subcommand as subcommand_named

if TYPE_CHECKING:
    import libcst as cst

COMMAND, DECORATOR, CONTEXT, PARAMETER = "click.Command", "click.decorator", "click.Context", "click.Parameter"
EXIT = "exit"


# -- decorators ------------------------------------------------------------------------------------------
Decoration = Callable[[Machine, Value, "cst.CSTNode | None"], Value]  # (m, function, node): what stands for it then


class Decorator(Opaque):
    """A decorator of click."""

    __slots__ = ("apply",)

    def __init__(self, apply: Decoration) -> None:
        super().__init__("click.decorator", "call", (), DECORATOR)
        self.apply = apply


class Command(Opaque):
    """A command or a group. `commands` holds the commands of a group, by name."""

    __slots__ = ("commands",)

    def __init__(self, name: str, callback: Value, function: str) -> None:
        super().__init__(function, "call", (), COMMAND)
        self.slots = {"callback": callback, "name": Known(name)}
        self.commands = Mapping({})

    @property
    def callback(self) -> Value:
        callback: Value = self.slots["callback"]
        return callback


class Parameter(Opaque):
    """An option or an argument, of click or typer, with the arguments it was declared with."""

    __slots__ = ("arguments", "is_option")

    def __init__(self, text: str, kind: str, arguments: Arguments, is_option: bool) -> None:
        super().__init__(text, "call", (), kind)
        self.arguments, self.is_option = arguments, is_option


def decorator(apply: Decoration) -> Value:
    """Return a decorator of click."""
    return Known(Decorator(apply))


@method_model(DECORATOR, "__call__")
def decorate(call: ModelCall) -> Value:
    made: Decorator = call.owner
    return made.apply(call.machine, call.arguments.get(0, "f"), call.node)


@model("click.command", "click.group", "rich_click.command", "rich_click.group", "cloup.command", "cloup.group")
def command(call: ModelCall) -> Value:
    args = call.arguments
    target = args.get(0)
    if isinstance(object_of(target), Function):
        return make_command(target, args)
    return decorator(lambda m, fn, node: make_command(fn, args))


def make_command(fn: Value, args: Arguments) -> Value:
    callback = object_of(fn)
    if not isinstance(callback, Function):
        return fn
    name = (
        plain(args.get(0, "name"))
        if not isinstance(object_of(args.get(0)), Function)
        else plain(args.get(None, "name"))
    )
    return Known(Command(name or callback.name.replace("_", "-"), fn, callback.name), fn.trace)


for _name in ("click.command", "click.group"):  # without parentheses
    DECORATORS[_name] = lambda call: make_command(call.arguments.positional[0], Arguments())
for _name in ("click.pass_context", "click.pass_obj"):
    DECORATORS[_name] = lambda call: call.arguments.positional[0]  # the mark on the function says it


@method_model(COMMAND, "command", "group")
def subcommand(call: ModelCall) -> Value:
    args = call.arguments

    def apply(m: Machine, fn: Value, node: cst.CSTNode | None) -> Value:
        made = fn if isinstance(object_of(fn), Command) else make_command(fn, args)
        add_command(ModelCall(m, Arguments([made]), node, call.callee, call.receiver))
        return made

    return (
        apply(call.machine, args.positional[0], call.node)
        if isinstance(object_of(args.get(0)), Function)
        else decorator(apply)
    )


@method_model(COMMAND, "add_command")
def add_command(call: ModelCall) -> Value:
    args = call.arguments
    added, store = object_of(args.get(0, "cmd")), call.owner.commands
    name = plain(args.get(1, "name")) or (plain(added.slots.get("name")) if added is not None else None)
    call.machine.write(
        store,
        "state",
        Items(
            {**store.state.items, name or f"command {len(store.state.items)}": args.get(0, "cmd")},
            store.state.why_incomplete,
        ),
    )
    return Known(None)


@method_model(COMMAND, "result_callback", "resultcallback")
def after(call: ModelCall) -> Value:
    return decorator(lambda m, fn, node: fn)


@model(
    "click.option",
    "click.argument",
    "click.password_option",
    "rich_click.option",
    "rich_click.argument",
    "cloup.option",
    "cloup.argument",
)
def parameter(call: ModelCall) -> Value:
    made = Parameter(call.callee, PARAMETER, call.arguments, not call.callee.endswith("argument"))

    def apply(m: Machine, fn: Value, node: cst.CSTNode | None) -> Value:
        target = object_of(fn)
        if isinstance(target, Command):
            target = object_of(target.callback)
        if isinstance(target, Function):
            target.marks.append(made)
        return fn

    return decorator(apply)


@model("click.version_option", "click.help_option", "click.confirmation_option")
def passing(call: ModelCall) -> Value:
    return decorator(lambda m, fn, node: fn)


# -- a run -----------------------------------------------------------------------------------------------
@method_model(COMMAND, "__call__", "main")
def run(call: ModelCall) -> Value:
    """Run `main()`: call the callback with the defaults, then end the program unless an argument prevents it."""
    words = call.arguments.get(0, "args")
    said = None
    if not isinstance(words, Absent) and not (isinstance(words, Known) and words.value is None):
        said = call.machine.iterate(words, call.node)
    result = invoke(call.machine, call.receiver, call.node, None, said)
    standalone = call.arguments.get(None, "standalone_mode")
    return result if plain(standalone) is False else Known(Opaque(f"{call.owner.text}()", EXIT))


def invoke(
    m: Machine, receiver: Value, node: cst.CSTNode | None, parent: Opaque | None, said: Items | None = None
) -> Value:
    own: Command = object_of(receiver)
    fn = object_of(own.callback)
    context = Opaque("ctx", "call", (), CONTEXT)
    context.slots["obj"] = parent.slots["obj"] if parent is not None else Known(None)
    given = Arguments()
    for mark in fn.marks:
        if isinstance(mark, Opaque) and mark.text == "click.pass_context":
            given.positional.append(Known(context))
        elif isinstance(mark, Opaque) and mark.text == "click.pass_obj":
            given.positional.append(context.slots["obj"])
        elif isinstance(mark, Parameter):
            name, value = parameter_value(m, mark, node)
            if said is not None and (said.items or said.why_incomplete):
                value = Unknown("words that the script passes to its command")
            if name:
                given.keywords[name] = value
    result = m.call(own.callback, given, node)
    named = own.commands.state.items
    commands = [named[one]] if (one := subcommand_named(m, named)) is not None else list(named.values())
    if not commands:
        return result
    return one_of(
        m,
        [
            lambda c=c: (
                invoke(m, c, node, context, said) if isinstance(object_of(c), Command) else m.call(c, Arguments(), node)
            )
            for c in commands
        ],
    )


def one_of(m: Machine, runs: list[Any], why: str = "the command line says which command runs") -> Value:
    """Run each of the commands that the command line may pick, each on a path of its own."""
    if len(runs) == 1:
        found: Value = runs[0]()
        return found
    mark, paths = m.mark(), []
    for start in runs:
        with m.supposing(why):
            start()
        paths.append(m.changes(mark))
        m.rollback(mark)
    m.join_paths(mark, paths)
    return Unknown(why)


def parameter_value(m: Machine, mark: Parameter, node: cst.CSTNode | None) -> tuple[str, Value]:
    """Return the name of the callback's parameter, and its value if the command line has no words."""
    args, option = mark.arguments, mark.is_option
    names = [plain(v) for v in args.positional]
    name, by, flag = declared([n for n in names if isinstance(n, str)], option)
    if plain(args.get(None, "expose_value")) is False:
        return "", Known(None)
    value = unsaid(m, args, option, by, flag, node)
    if option and started(m) is not None:
        value = worded(m, args, [n for n in names if isinstance(n, str)], by, flag, value, node)
    if args.place is not None and isinstance(value, (Known, Default)):
        value = extend(value, args.place)
    callback = args.get(None, "callback")
    if not isinstance(callback, Absent) and not (isinstance(callback, Known) and callback.value is None):
        changed = m.call(
            callback,
            Arguments(
                [
                    Known(Opaque("ctx", "call", (), CONTEXT)),
                    Known(Opaque("param", "call", (), "click.Parameter")),
                    value,
                ]
            ),
            node,
        )
        value = demote(changed, by)
    return name, value


def worded(
    m: Machine, args: Arguments, names: list[str], by: str, pair: bool, value: Value, node: cst.CSTNode | None
) -> Value:
    """Return the option's value from the script's command line, or `value` if the line does not name the option."""
    flags = [part.strip() for name in names for part in name.split("/")[:1] if part.strip().startswith("-")]
    is_flag = plain(args.get(None, "is_flag")) is True or pair or "flag_value" in args.keywords
    if plain(args.get(None, "multiple")) is True or plain(args.get(None, "count")) is True or "nargs" in args.keywords:
        return value if spoken(m, flags, not is_flag) is None else Unknown(f"{by} may be given several times")
    kind = args.get(None, "type")
    settled = Known(value.value, value.trace) if isinstance(value, Default) and value.overridden_by == by else value

    def convert(word: Value) -> Value:
        if not is_flag:
            return cast(m, like_default(kind, settled), word, False, node)
        return args.keywords.get("flag_value", word) if plain(word) is True else word

    return chosen(m, flags, settled, by, convert, not is_flag)


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


# -- the context -----------------------------------------------------------------------------------------
@method_model(CONTEXT, "ensure_object")
def ensure_object(call: ModelCall) -> Value:
    context = call.owner
    if isinstance(context.slots["obj"], Known) and context.slots["obj"].value is None:
        call.machine.write(context, "obj", call.machine.call(call.arguments.get(0), Arguments(), call.node))
    found: Value = context.slots["obj"]
    return found


@method_model(CONTEXT, "invoke", "forward")
def invoke_from(call: ModelCall) -> Value:
    """Call a command by `ctx.invoke(command, r=16)`: arguments that are not given get that command's defaults."""
    args = call.arguments
    target = args.get(0)
    inner = Arguments(args.positional[1:], dict(args.keywords), args.place)
    obj = object_of(target)
    if isinstance(obj, Opaque) and obj.kind == COMMAND:
        fn = object_of(obj.slots["callback"])
        for mark in fn.marks:
            if isinstance(mark, Parameter):
                name, value = parameter_value(call.machine, mark, call.node)
                if name and name not in inner.keywords:
                    inner.keywords[name] = (
                        Unknown("forwarded from another command") if call.callee.endswith("forward") else value
                    )
            elif isinstance(mark, Opaque) and mark.text == "click.pass_context":
                inner.positional.insert(0, call.receiver)
        target = obj.slots["callback"]
    return call.machine.call(target, inner, call.node)


@method_model(CONTEXT, "exit", "abort", "fail")
def leave(call: ModelCall) -> Value:
    return Known(Opaque(f"{call.callee}()", EXIT))


@model("click.echo", "click.secho", "click.style", "typer.echo", "typer.secho")
def echo(call: ModelCall) -> Value:
    call.machine.log("print", call.arguments, call.node)
    return call.arguments.get(0) if call.callee.endswith("style") else Known(None)
