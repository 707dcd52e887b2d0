"""Abstract interpretation of a training script: from source to the calls it would make, with their values.

`interpret` never imports, executes or evaluates the reviewed code, and never raises because of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..source import Source
from ..source.command_line import CommandLine
from ..training_plan.values import Known, Unknown, Value, same
from . import models  # noqa: F401 (it fills registries)
from .core.joins import demote
from .core.machine import Machine
from .core.objects import Arguments, Bound, Class, Function, Instance, Module, object_of
from .core.operations import freeze
from .core.project import Project, resolved
from .core.recording import Call, Forward, Recording, Rows
from .core.state import UNROLLED_TO_WRITE, Exhausted, Frame, Raised
from .interpreter import Interpreter
from .models.commandline import click, process
from .models.training import modules as modules_called
from .python import budget, containers, inspection, iterators, modules, strings, type_calls  # noqa: F401 (they fill registries)
from .python.training_words import called_definitions, training_definitions

if TYPE_CHECKING:
    from ..libraries.chosen import Versions

STEPS = 60_000  # expressions, statements and joined changes; about a second on a slow machine


def interpret(
    source: Source,
    project_root: Path | str | None = None,
    steps: int = STEPS,
    *,
    drafts: Mapping[str, bytes] | None = None,
    started: CommandLine | None = None,
    reviewed: Source | None = None,
    rows: Mapping[str, Rows] | None = None,
    to_write: bool = False,
    versions: Callable[[Recording], Versions] | None = None,
) -> Recording:
    """Interpret the script's calls. Modules and configuration beside `source.path` are read inside `project_root`.

    `drafts` replace files of the project (by their real paths) with unsaved content. `started` is the command line that
    starts the script, if one is known. `reviewed` is the module that is reviewed, where it is not the script: the
    recording has its places. `rows` are those of data files, by absolute path, where another script writes them.
    `to_write` asks for what the script writes into files: all of it counts as much as training. `versions` returns
    those of the libraries by which the script is judged: they decide where it asks for the signature of a class.

    When the step budget is spent, interpretation ends and `Recording.exhausted` is set.
    """
    m = Interpreter(steps)
    m.recording.started = started
    if started is not None:
        process.start_with(m, started)
    project_root = Path(project_root) if project_root is not None else None
    file = Path(source.path) if project_root is not None and source.path != "<stdin>" else None
    m.project = m.recording.project = Project(project_root, file, drafts, reviewed, versions)
    m.recording.rows_given = rows or {}
    if to_write:
        m.unrolled = UNROLLED_TO_WRITE
    m.search_path = search_path(project_root, file)
    module = Module("__main__", source, file, "")
    try:
        run_script(m, module, source, to_write)
    except Exhausted:
        m.recording.exhausted = f"the script takes more than {steps:,} steps to evaluate"
    except RecursionError:
        m.recording.exhausted = "the script is nested too deeply to evaluate"
    demote_by_alternatives(m.recording)
    m.recording.steps = steps - max(m.steps, 0)
    adopt_alternatives(m.recording)
    for dataset in m.datasets:
        dataset.columns = {name: freeze(cell) for name, cell in dataset.columns.items()}
    m.recording.files_read = list(dict.fromkeys([*m.project.read_files, *m.recording.looked_at]))
    m.recording.files_missing = list(m.project.missing)
    return m.recording


def demote_by_alternatives(recording: Recording) -> None:
    """Make values defaults in a call that another command line or environment makes with other values."""
    others: dict[int, list[Call]] = {}
    for c in recording.alternatives:
        others.setdefault(id(c.place.node), []).append(c)
    for c in recording.calls:
        for other in others.get(id(c.place.node), ()):
            for name, value in c.arguments.items():
                if isinstance(value, Known) and name in other.arguments and not same(value, other.arguments[name]):
                    c.arguments[name] = demote(value, other.condition)


STARTED = re.compile(r"(^|\.)(?!Patch)(?:[A-Z]\w*)?Trainer$|\.backward$")


def starts_training(callee: str) -> bool:
    return callee.endswith(("Trainer", ".backward")) and STARTED.search(callee) is not None


def adopt_alternatives(recording: Recording) -> None:
    """Add the calls that only an option (`--train`) reaches, if no plain run makes them: it is still a training script.

    A script that trains anyway is left unchanged: the calls that it does not make are switched off.
    """
    if any(starts_training(c.callee) for c in recording.calls):
        return
    called = {c.callee for c in recording.calls}
    adopted = [c for c in recording.alternatives if c.callee not in called]
    if any(c.callee.endswith((".get_peft_model", "Trainer", "TrainingArguments", "SFTConfig")) for c in adopted):
        recording.alternatives = [c for c in recording.alternatives if c.callee in called]
        recording.calls = sorted([*recording.calls, *adopted], key=lambda c: c.order)


def search_path(root: Path | None, file: Path | None) -> list[Path]:
    """Return the folders that the script's imports search: its own folder, then the project and its `src`."""
    folders = [file.parent] if file is not None else []
    if root is not None:
        folders += [root, root / "src"]
    return list(dict.fromkeys(resolved(f) for f in folders))


def run_script(m: Machine, module: Module, source: Source, to_write: bool) -> None:
    """Run the module as `python script.py` does, then, unless it is read for its files, what only others would call."""
    module.package = package_of(m, module.file)
    if (
        module.package and module.file is not None
    ):  # `python -m package.script` is run from the folder above the package
        above = resolved(module.file).parents[module.package.count(".") + 1]
        if above not in m.search_path:
            m.search_path.append(above)
    if not to_write:
        m.aside, m.functions_aside = budget.aside(source)
    function = m.recording.started.function if m.recording.started is not None else ""
    if function:
        stem = module.file.stem if module.file is not None else ""
        module.imported_as = ".".join(filter(None, (module.package, stem if stem != "__init__" else ""))) or stem
    try:
        modules.run_module(m, module, source.tree)
        if function:
            run_entry_point(m, module, function)
    except Raised as e:  # nothing is left to catch it: the script ends there
        m.raised.append(e.name)
    if to_write:
        return
    drive_callbacks(m, module)
    if not trains_as_told(m.recording):
        drive(m, module)


def trains_as_told(recording: Recording) -> bool:
    """Return whether the script trains with the command line that was given: then no other function is its run."""
    line = recording.started
    said = line is not None and line.said
    return said and any(call.reached and starts_training(call.callee) for call in recording.calls)


def run_entry_point(m: Machine, module: Module, name: str) -> None:
    """Call a function (or `object.method`) of a module, as an entry point of the project does."""
    first, *attributes = name.split(".")
    value: Value = module.scope.slots.get(first, Unknown(f"{name} is not defined"))
    with outside(m, module):
        for attribute in attributes:
            value = m.attribute(value, attribute, None)
        m.call(value, Arguments(), None)


@contextmanager
def outside(m: Machine, module: Module) -> Iterator[None]:
    """Call functions of a module in this context, as a library or an entry point does."""
    m.frames.append(Frame(module.scope, None, m.mark(), 0))
    m.loops.append(None)
    try:
        yield
    finally:
        m.frames.pop()
        m.loops.pop()


def package_of(m: Machine, file: Path | None) -> str:
    """Return the package of a script when run with `python -m`: the folders with an `__init__.py` above it."""
    parts: list[str] = []
    folder = resolved(file).parent if file is not None else None
    while folder is not None and m.project.is_file(folder / "__init__.py"):
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def drive(m: Machine, module: Module) -> None:
    """Call functions that have no caller with unknown parameters, so that a library-style script is read too.

    One that another of them calls comes after it, which may give it its parameters.
    """
    worth, called = training_definitions(module.source.text), called_definitions(module.source.text)
    for value in sorted(m.definitions, key=lambda one: getattr(object_of(one), "name", "") in called):
        obj = object_of(value)
        if isinstance(obj, click.Command) and not object_of(obj.callback).called:
            drive_call(m, obj.text, value, module)
        elif not isinstance(obj, (Function, Class)) or obj.name not in worth:
            continue
        elif isinstance(obj, Function) and not obj.called:
            drive_call(m, obj.name, obj.slots.get("__command__", value), module)
        elif isinstance(obj, Class) and not obj.used and obj.kind == "class":
            drive_class(m, obj, value, module)


def drive_callbacks(m: Machine, module: Module) -> None:
    """Call methods of classes that derive from a library's class (`TrainerCallback.on_log`): the library calls them."""
    for cls in list(m.recording.classes):
        if cls.library_base() is None or cls.kind != "class" or not cls.used and cls.module is not module:
            continue
        instance = Known(Instance(cls)) if not cls.used else Known(cls.example or Instance(cls))
        for name, member in list(cls.slots.items()):
            fn = object_of(member)
            if isinstance(fn, Function) and not fn.called and not name.startswith("__") and fn.kind == "function":
                what = f"{cls.library_base().text} calls {name}()"
                with m.supposing(what):
                    method = m.attribute(instance, name, None)
                    work = run_forward if name == "forward" else run_uncalled
                    budget.within(m, budget.CALLBACK, what, partial(work, m, method, module))


def drive_call(m: Machine, name: str, value: Value, module: Module) -> Value:
    """Return an uncalled function's result; if a training was already followed, only a few steps are spent on it."""
    calls = m.recording.calls
    reached = {id(c.place.node) for c in calls if c.reached}
    limit = budget.DRIVEN if any(starts_training(c.callee) for c in calls if c.reached) else m.steps
    before = len(calls)
    m.uncalled = name
    try:
        made = budget.within(
            m, limit, f"{name}(), a function that nobody calls,", partial(run_uncalled, m, value, module)
        )
    finally:
        m.uncalled = ""
    trainings = [c for c in calls[before:] if starts_training(c.callee)]
    if trainings and all(id(c.place.node) in reached for c in trainings):  # `def _mp_fn(index): main()`
        del calls[before:]  # the script's own training over again, of which less is known here
    return made if made is not None else Unknown(f"{name}() takes many steps")


def run_uncalled(m: Machine, value: Value, module: Module, given: Arguments | None = None) -> Value:
    with outside(m, module):
        try:
            return m.call(value, given or Arguments(), None)
        except Raised:
            return Unknown("it raises")


def run_forward(m: Machine, method: Value, module: Module) -> Value:
    """Call `forward` of a module of the script with the batch that the training loop hands it, if that is known."""
    bound = object_of(method)
    owner = object_of(bound.receiver) if isinstance(bound, Bound) else None
    m.silent += 1  # what making a row calls is recorded where the loader is made
    try:
        with outside(m, module):
            given = modules_called.given_to(m, owner) if isinstance(owner, Instance) else None
    except Raised:
        given = None
    finally:
        m.silent -= 1
    before = len(m.recording.calls)
    made = run_uncalled(m, method, module, Arguments([given.value]) if given is not None else None)
    if given is not None and isinstance(owner, Instance):
        outputs = modules_called.outputs_of(m, owner)
        makers = tuple(code for one in given.made_by if (code := modules_called.code_of(one)) is not None)
        m.recording.forwards.append(Forward(m.recording.calls[before:], made, outputs, makers, given.columns))
    return made


def drive_class(m: Machine, cls: Class, value: Value, module: Module) -> None:
    instance = drive_call(m, "__init__", value, module)
    for name, member in list(cls.slots.items()):
        fn = object_of(member)
        if isinstance(fn, Function) and not fn.called and not name.startswith("__") and fn.kind == "function":
            drive_call(m, name, m.attribute(instance, name, None), module)
