"""Command lines of transformers' HfArgumentParser, TRL's TrlParser, H4ArgumentParser: one object of each dataclass.

A dataclass of a library (`TrainingArguments`, `SFTConfig`) is made by a recorded call: the script gives it no
arguments, the command line may give any.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....training_plan.values import Absent, Known, Unknown, Value
from ...core.joins import demote
from ...core.library import method_model, model
from ...core.machine import Machine
from ...core.model_call import ModelCall
from ...core.objects import Arguments, Class, Items, Mapping, Opaque, Sequence, object_of, plain
from ...core.recording import ANY_OPTION, OTHER_LAUNCH
from ...python.builtins import BUILTINS
from .argparse import Parser, add, make_parser, parser_behind
from .argparse_namespace import parse
from .argparse_words import converted
from .dataclass_parsers import bare, elements, option_of
from .process import started, words
from .worded_fields import number_of, numbered, of_line

if TYPE_CHECKING:
    import libcst as cst

    from ....source.command_line import CommandLine

H4 = "alignment.H4ArgumentParser"
HF = f"transformers.HfArgumentParser trl.TrlParser {H4}"


@model("transformers.HfArgumentParser", "trl.TrlParser", H4, "alignment.configs.H4ArgumentParser")
def make(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    parser = make_parser(m, Arguments([], args.keywords, args.place), call.node, call.callee.replace(".configs", ""))
    given = args.get(0, "dataclass_types")
    items = (
        m.iterate(given, call.node)
        if isinstance(object_of(given), Sequence)
        else Items((given,) if not isinstance(given, Absent) else ())
    )
    parser.classes = Sequence(items.items, "tuple", items.why_incomplete)
    for value in items.items:
        cls = object_of(value)
        base = cls.library_base() if isinstance(cls, Class) else cls
        if isinstance(base, Opaque):
            m.recording.parsed_classes.append(base.text)
        if isinstance(cls, Class):
            for f in cls.fields.values():
                if f.init:
                    add(m, parser, option_of(m, cls, f, call.node))
    return Known(parser, (args.place,) if args.place else ())


def classes_of(parser: Parser) -> Items:
    return parser.classes.state if parser.classes is not None else Items((), "its dataclasses are unknown")


@method_model(HF, "parse_args_into_dataclasses", "parse_args_and_config")
def into_dataclasses(call: ModelCall) -> Value:
    args = call.arguments
    parser = parser_behind(call.receiver)
    if parser is None or classes_of(parser).why_incomplete:
        return Unknown("a parser whose dataclasses are unknown")
    space, rest = parse(
        ModelCall(
            call.machine,
            Arguments(args.positional[:1], {k: v for k, v in args.keywords.items() if k == "args"}, args.place),
            call.node,
            receiver=call.receiver,
        )
    )
    if not isinstance(object_of(space), Mapping):
        return Unknown("the words that are parsed are known only at run time")
    items = dict(object_of(space).state.items)
    line = started(call.machine) if isinstance(words(call.machine, args.get(0, "args")), list) else None
    if line is None:
        made = instances(call.machine, parser, items, args, call.node, ANY_OPTION)
    else:
        stated = of_line(call.machine, line, items, rest, call.callee, args, call.node)
        if stated is None:
            return Unknown(f"the file that {line.where()} names with --config is not read")
        if call.callee.endswith("parse_args_and_config"):
            options = {option.dest: option for option in parser.option_list()}
            stated = {
                name: converted(call.machine, options[name], value, call.node) if name in options else value
                for name, value in numbered(parser, stated).items()
            }
        lost = rest.why if isinstance(rest, Unknown) else ""
        open_ = lost or (OTHER_LAUNCH if line.overridable else "")
        made = instances(call.machine, parser, stated, args, call.node, open_, shared=True)
        items = {}
    if items:
        made.append(Known(Mapping(items, object_of(space).state.why_incomplete, "namespace")))
    wanted = args.get(1, "return_remaining_strings")
    if plain(wanted) is True:
        made.append(rest)
    return Known(Sequence(tuple(made), "tuple"), (args.place,) if args.place else ())


@method_model(H4, "parse")
def parse_h4(call: ModelCall) -> Value:
    """Return the objects of `script.py FILE.yaml --name=value`: the file's settings, and those that the words change.

    A run without words, or without a file as the first, is parsed as by HfArgumentParser. One object is no tuple.
    """
    m, args = call.machine, call.arguments
    parser, line = parser_behind(call.receiver), started(m)
    if parser is None or classes_of(parser).why_incomplete:
        return Unknown("a parser whose dataclasses are unknown")
    if line is not None and line.words and str(plain(line.words[0])).endswith(".yaml"):
        rest = Known(Sequence(tuple(line.words[1:]), "list"))
        stated = of_line(m, line, {}, rest, call.callee, args, call.node, line.words[0])
        if stated is None:
            return Unknown(f"the file that {line.where()} names is not read")
        stated.update(_in_their_types(parser, line))
        open_ = OTHER_LAUNCH if line.overridable else ""
        made = tuple(instances(m, parser, stated, args, call.node, open_, shared=True))
    else:
        found = into_dataclasses(ModelCall(m, Arguments([], {}, args.place), call.node, call.callee, call.receiver))
        if not isinstance(object_of(found), Sequence):
            return found
        made = object_of(found).state.items
    return made[0] if len(made) == 1 else Known(Sequence(made, "tuple"), (args.place,) if args.place else ())


def _in_their_types(parser: Parser, line: CommandLine) -> dict[Any, Value]:
    """Return the words `--name=value` that dataclasses of the script declare, converted as H4ArgumentParser does."""
    fields = {
        f.name: f.annotation
        for value in classes_of(parser).items
        if isinstance(cls := object_of(value), Class)
        for f in cls.fields.values()
    }
    said: dict[Any, Value] = {}
    for word in line.words[1:]:
        name, equals, text = str(plain(word)).lstrip("-").partition("=")
        if not equals or name not in fields:
            continue
        trace = word.trace
        if elements(fields[name]) is not None:
            value: Value = Known(Sequence(tuple(Known(part, trace) for part in text.split(",")), "list"), trace)
        elif bare(fields[name]) == "bool":
            value = Known(text in ("true", "True"), trace)
        else:
            value = Known(number_of(text) if bare(fields[name]) in ("int", "float") else text, trace)
        said[name] = demote(value, line.overridable) if line.overridable else value
    return said


def instances(
    m: Machine,
    parser: Parser,
    items: dict[Any, Value],
    args: Arguments,
    node: cst.CSTNode | None,
    unknown: str,
    shared: bool = False,
) -> list[Value]:
    """Make one object of each dataclass from its fields in `items`, and remove these fields from `items`.

    `unknown` says why a library's dataclass may get more. `shared`: what no dataclass of the script declares goes to
    those of the libraries.
    """
    types = classes_of(parser).items
    own = {
        name
        for value in types
        if isinstance(object_of(value), Class)
        for name, f in object_of(value).fields.items()
        if f.init
    }
    made: list[Value] = []
    for value in types:
        cls = object_of(value)
        if isinstance(cls, Class):
            fields = {name: items[name] for name, f in cls.fields.items() if f.init and name in items}
            extra = (
                {k: v for k, v in items.items() if k not in own} if shared and cls.library_base() is not None else {}
            )
            made.append(
                instance(m, value, {**fields, **extra}, args, unknown if cls.library_base() is not None else "", node)
            )
        elif isinstance(cls, Opaque):
            fields = {
                k: v
                for k, v in items.items()
                if shared and isinstance(k, str) and k not in own and belongs(k, cls, types)
            }
            made.append(instance(m, value, fields, args, unknown, node))
        else:
            made.append(Unknown("an unknown dataclass"))
    for name in own:
        items.pop(name, None)
    return made


SCRIPT_FIELDS = (
    "dataset_name",
    "dataset_config",
    "dataset_train_split",
    "dataset_test_split",
    "dataset_streaming",
    "gradient_checkpointing_use_reentrant",
    "ignore_bias_buffers",
    "datasets",
)


MODEL_FIELDS = (
    "model_",
    "lora_",
    "bnb_",
    "load_in_",
    "use_peft",
    "use_dora",
    "use_rslora",
    "use_bnb",
    "trust_remote_code",
    "attn_implementation",
    "torch_dtype",
    "dtype",
)


def belongs(name: str, cls: Opaque, types: tuple[Value, ...]) -> bool:
    """Return whether a key of a configuration file belongs to this one of several dataclasses of TRL."""
    if len([t for t in types if isinstance(object_of(t), Opaque)]) == 1:
        return True
    last = cls.text.rsplit(".", 1)[-1]
    if last.endswith("ScriptArguments"):
        return name in SCRIPT_FIELDS
    if last == "ModelConfig":
        return name.startswith(MODEL_FIELDS)
    return name not in SCRIPT_FIELDS and not name.startswith(MODEL_FIELDS)


def instance(
    m: Machine, cls: Value, fields: dict[str, Value], args: Arguments, unknown: str, node: cst.CSTNode | None
) -> Value:
    inner = Arguments([], fields, args.place)
    inner.overridden_by = args.overridden_by
    obj = object_of(cls)
    if isinstance(obj, Class):
        made = m.call(cls, inner, node)
        base = getattr(object_of(made), "base", None)
        if unknown and isinstance(base, Opaque) and base.call is not None and not base.call.unknown_arguments:
            base.call.unknown_arguments = unknown
        return made
    inner.unknown = unknown
    return m.call(cls, inner, node)


@method_model(HF, "parse_dict")
def parse_dict(call: ModelCall) -> Value:
    args = call.arguments
    parser = parser_behind(call.receiver)
    if parser is None or classes_of(parser).why_incomplete:
        return Unknown("a parser whose dataclasses are unknown")
    state = call.machine.mapping(args.get(0, "args"), call.node)
    items = {k: demote(v, state.overridden_by) if state.overridden_by else v for k, v in state.items.items()}
    args.may_come_from(state.overridden_by)
    if state.why_incomplete:
        for value in classes_of(parser).items:
            for name in getattr(object_of(value), "fields", ()):
                items.setdefault(name, Unknown(state.why_incomplete))
    made = instances(call.machine, parser, items, args, call.node, state.why_incomplete, shared=True)
    return Known(Sequence(tuple(made), "tuple"), (args.place,) if args.place else ())


@method_model(HF, "parse_json_file", "parse_yaml_file")
def parse_file(call: ModelCall) -> Value:
    m, args = call.machine, call.arguments
    path = args.get(0, "json_file", "yaml_file")
    file = m.call(BUILTINS["open"], Arguments([path], {}, args.place), call.node)
    reader = (
        m.library_name("json", "load") if call.callee.endswith("json_file") else m.library_name("yaml", "safe_load")
    )
    return parse_dict(
        ModelCall(
            m,
            Arguments([m.call(reader, Arguments([file], {}, args.place), call.node)], {}, args.place),
            call.node,
            call.callee,
            call.receiver,
        )
    )
