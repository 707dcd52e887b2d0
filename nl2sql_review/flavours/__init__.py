"""Configurations that train without a script: a module for each program that reads them, and the possible keys.

    recording = record(source, root, settings)      # the calls that the program makes of the configuration

`NotAConfiguration` gives the reason why a file is none. Facts about a program are in its `Flavour`.
"""

from __future__ import annotations

from functools import cache

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..files.discovery import Screening
    from ..interpret.core.documents import Text
    from ..interpret.core.recording import Recording
    from ..source import Source
    from ..source.command_line import CommandLine
    from ..training_plan.stated import ProjectSettings
    from ..training_plan.values import Value
    from .flavour import Flavour, Outline

# As they are called on the command line; the file of each is called so, and holds its FLAVOUR. The last one is asked
# first whether a file is its own: what is general stands before what is particular.
FLAVOURS = ("trl", "axolotl", "llamafactory", "unsloth", "unsloth-studio")


class NotAConfiguration(Exception):
    """Raised if a file is not a training configuration. The message names what it is instead."""


def of(name: str) -> Flavour:
    """Return the flavour with this name, one of FLAVOURS."""
    from importlib import import_module

    found: Flavour = import_module(f"{__name__}.{name.replace('-', '_')}").FLAVOUR
    return found


@cache
def every() -> tuple[Flavour, ...]:
    """Return all flavours, in the order of FLAVOURS."""
    return tuple(map(of, FLAVOURS))


@cache
def screening() -> Screening:
    """Return the words that distinguish a configuration from other files before it is parsed."""
    from ..files.discovery import Screening

    return Screening(
        tuple(dict.fromkeys(key for one in every() for key in one.plain_keys)),
        tuple(dict.fromkeys(section for one in every() for section in one.sections)),
    )


@cache
def packages() -> frozenset[str]:
    """Return the packages of the programs, in addition to those that scripts train with: their classes train."""
    return frozenset(name for one in every() for name in one.packages)


@cache
def commands() -> dict[str, str]:
    """Return what the two words that start a program train: the name of a flavour, or the words if it reads no file."""
    return {
        command: name
        for one in every()
        for command, name in (
            *((command, one.name) for command in one.commands),
            *((command, command) for command in one.other_commands),
        )
    }


@cache
def modules() -> dict[str, str]:
    """Return the flavours by the modules that start their programs: `python -m axolotl.cli.train`."""
    return {module: one.name for one in every() for module in one.modules}


@cache
def functions() -> frozenset[str]:
    """Return the functions that start a program in Python, each as its package and its own name: `axolotl.do_cli`."""
    return frozenset(function for one in every() for function in one.functions)


def record(
    source: Source,
    root: str,
    settings: ProjectSettings | None = None,
    flavour: str = "",
    started: CommandLine | None = None,
) -> Recording:
    """What the program that reads a configuration would call. Raises NotAConfiguration, SourceError.

    The words of `started`, the command line that starts the program, win over the file's keys; where the line names no
    file, they are all there is, and `source` is the launch file that holds it. A file that it names may stand in a
    notebook's cell (`%%writefile`), which is then the `source`.
    """
    import os
    from pathlib import Path

    from ..interpret.core import documents
    from ..interpret.core.project import Project
    from ..libraries import chosen
    from ..libraries.declared import Statement
    from ..training_plan.values import Known
    from .overrides import with_words
    from .reading import Reading

    named = started.program if started is not None and started.program in FLAVOURS else ""
    written = started is not None and bool(started.script) and source.kind == "notebook"
    if started is not None and not written and source.kind != "configuration":
        if not named:
            raise NotAConfiguration(f"{started.program}: this command's training cannot be read from a command line")
        program = of(named)
        document: Value = Known(None)
        text = documents.Text("", source, wanted=True)
    else:
        name = started.script if started is not None and written else source.path
        document, text = parsed(source, "pyyaml", name)
        program = of(flavour or named) if flavour or named else flavour_of(document)
        if program.yaml != "pyyaml":
            document, text = parsed(source, program.yaml, name)
    if started is not None:
        document = with_words(document, text, program, started)
        if why := program.refuses(outline_of(document)):
            raise NotAConfiguration(why)
    table = program.keys
    pins = table.requires if program.pins else {}
    needs = [Statement(library, wanted, f"{table.library} {table.version}") for library, wanted in pins.items()]
    folder = os.path.dirname(os.path.abspath(source.path))
    versions = chosen.of_script(source, folder, root, settings, unsloth=program.patches, needs=needs)
    reading = Reading(source, document, text, program, Project(Path(root), Path(source.path)), versions)
    reading.recording.started = started
    if started is not None and started.place is not None and source.kind != "configuration":
        reading.top.place = started.place
    if not reading.top.items:
        raise NotAConfiguration("not a training configuration: it has no keys")
    program.read(reading)
    recording = reading.recording
    recording.files_read = [*reading.project.read_files, *versions.files]
    recording.files_missing = list(reading.project.missing)
    return recording


def parsed(source: Source, dialect: str, name: str = "") -> tuple[Value, Text]:
    """(document, text) of a file, with the places of its keys. SourceError when it is not of its format.

    `name`: that of the file, whose ending says the format, where it is not that of the source.
    """
    from ..interpret.core import documents
    from ..interpret.core.yaml_documents import yaml_documents
    from ..source.spans import SourceError, point
    from ..training_plan.values import Known

    text = documents.Text(source.text, source, wanted=True)
    try:
        name = (name or source.path).lower()
        if name.endswith(".json"):
            return documents.json_document(text)(), text
        if name.endswith(".toml"):
            return documents.toml_document(text)(), text
        found = yaml_documents(text, dialect)
    except documents.Malformed as error:
        raise SourceError("file/syntax", str(error), source.in_cell(error.span or point(1, 1))) from None
    if len(found) > 1:
        raise NotAConfiguration("not a training configuration: several YAML documents in one file")
    return (found[0]() if found else Known(None)), text


# -- which flavour -----------------------------------------------------------------------------------------------


def flavour_of(document: Value) -> Flavour:
    """Return the flavour of a document by its keys. Raises NotAConfiguration."""
    from .launch import launcher_of

    outline = outline_of(document)
    found = next((one for one in reversed(every()) if one.detects(outline)), None)
    if found is not None:
        if why := found.refuses(outline):
            raise NotAConfiguration(why)
        return found
    launcher, starts = launcher_of(outline.keys)
    if launcher:
        raise NotAConfiguration(f"{launcher} configuration, not a training configuration: it is read with {starts}")
    if why := next(filter(None, (one.refuses(outline) for one in every())), ""):
        raise NotAConfiguration(why)
    families = ", ".join(dict.fromkeys(one.family for one in every()))
    raise NotAConfiguration(
        f"not a training configuration: its keys match no known program ({families}); name one with --flavour"
    )


def outline_of(document: Value) -> Outline:
    """Return the keys and sections of a document. Raises NotAConfiguration if it is no mapping."""
    from ..interpret.core.objects import Mapping, object_of
    from ..training_plan.values import Default, Known
    from .flavour import Outline

    found = object_of(document)
    if not isinstance(found, Mapping):
        raise NotAConfiguration("not a training configuration: it is not a mapping")
    items = {key: value for key, value in found.state.items.items() if isinstance(key, str)}
    below = {key: object_of(value) for key, value in items.items()}
    return Outline(
        frozenset(items),
        {key: value.value for key, value in items.items() if isinstance(value, (Known, Default))},
        {key: frozenset(inner.state.items) for key, inner in below.items() if isinstance(inner, Mapping)},
    )


__all__ = [
    "FLAVOURS",
    "NotAConfiguration",
    "commands",
    "every",
    "flavour_of",
    "functions",
    "modules",
    "of",
    "packages",
    "record",
    "screening",
]
