"""The result of an interpretation: the calls of the training stack, in execution order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...training_plan.values import Absent, Place, Value


class Rows(NamedTuple):
    """Rows of a data file: their columns, whether there may be others, whether the file is one JSON list of them."""

    columns: dict[str, Value]
    open: bool
    listed: bool = False


class Limit(NamedTuple):
    """A length that no list exceeds where training gets to: the list's trace and what tells it, and the limit."""

    trace: tuple[Place, ...]
    said: str | int
    limit: Value
    place: Place


FAILED = "an exception in the try block"  # how the condition begins of what a handler does

# Ends of the reason for a parameter's being unknown, where a function is tried that nobody calls.
NOT_GIVEN = "which is not given here"
GIVEN_BY_CALLERS = "an argument that every call passes"
# The two reasons for unknown arguments that leave defaults: no launch is known, or one that may not be the only one.
ANY_OPTION = "the command line may give any of its options"
OTHER_LAUNCH = "another launch may give any of its options"


class Turn(NamedTuple):
    """One turn that was run of a loop: its first is 1, and the last may stand for many."""

    loop: Any  # its node
    number: int


class Condition(str):
    """What must hold for a call to run, as text: a test of the script and whether it is true there."""

    test: Value
    holds: bool

    def __new__(cls, text: str, test: Value, holds: bool) -> Condition:
        made = super().__new__(cls, text)
        made.test, made.holds = test, holds
        return made


class Repeated(str):
    """Why it is not known how often a loop runs its code, as text: it may be never."""


class Choice(str):
    """What decides which of several functions one call in the script calls, as text: one object for each of them.

    Those of one call share the list of its `options`, and each run takes but one of them.
    """

    options: Sequence[Value]

    def __new__(cls, text: str, options: Sequence[Value]) -> Choice:
        made = super().__new__(cls, text)
        made.options = options
        return made


@dataclass(slots=True, eq=False)  # two calls are two, whatever they are given: and comparing all of that is slow
class Call:
    """One call (or attribute write) of a library, with its arguments at that moment.

    `callee` is the canonical dotted name, independent of the import: `unsloth.FastLanguageModel.get_peft_model`,
    `trl.SFTTrainer`, `transformers.Trainer.train`, `datasets.Dataset.map`. An attribute write is listed under the
    name of the attribute and an equals sign: `transformers.PreTrainedTokenizer.pad_token=` with that one argument.
    Positional arguments have their parameter's name, or `$0`, `$1`, … if the signature is not known.
    Containers in `arguments` are snapshots; objects (`objects.Instance`, `objects.Opaque`, …) are the live ones.
    """

    callee: str
    arguments: dict[str, Value]
    place: Place  # the call expression
    places: dict[str, Place] = field(default_factory=dict)  # argument -> its `Arg` node (or the `**` it came through)
    receiver: Any = None  # the object a method was called on
    result: Any = None  # the object it returned, if the interpreter made one
    certain: bool = True  # False inside a branch, loop or function that may not run
    condition: str = ""  # what decides, if it is not certain
    conditional: bool = False  # a branch or loop decides, and not only whether its function is called
    conditions: tuple[str, ...] = ()  # everything that decides, the outermost first
    turns: tuple[Turn, ...] = ()  # of the loops it is in, those around a call of its function too, outermost first
    assumed: tuple[str, ...] = ()  # the options whose defaults choose the branches that it is in, outermost first
    passed: tuple[str, ...] = ()  # the options by which another run would have left a function before it
    left: tuple[str, ...] = ()  # the options by whose defaults a plain run has left a function before it
    unknown_arguments: str = ""  # why there may be more arguments than listed: an unread `**`
    more_by: str = ""  # the option with which the call has other arguments, through a `**`
    overridden_by: str = ""  # what may add arguments that are left out: the option that names the file of a `**`
    function: str = ""  # qualified name of the enclosing user function, "" at module level
    second_result: Any = None  # the second object it returned: the tokenizer of `FastLanguageModel.from_pretrained`
    command: str = ""  # of the script's own commands, the one that makes the call
    instance: Any = None  # the script's own object, when the call makes the library part of one (a subclass)
    live_arguments: Any = None  # the arguments as the interpreter holds them, and the call's node
    order: int = 0  # position in execution order, over calls and alternatives
    keys: dict[str, str] = field(default_factory=dict)  # of a configuration: argument -> the key that gives it
    said: dict[str, Value] = field(default_factory=dict)  # likewise, -> what the key says, if that is another value
    reached: bool = True  # False when only an uncalled function, tried with unknown parameters, gets here

    @property
    def unread_arguments(self) -> str:
        """Why there may be more arguments than listed in this very launch; those of another launch do not count."""
        return "" if self.unknown_arguments == OTHER_LAUNCH else self.unknown_arguments

    def get(self, *names: str) -> Value:
        """Return the value of the first of these parameters that was given, else `Absent`."""
        for name in names:
            if name in self.arguments:
                return self.arguments[name]
        return Absent(f"{self.callee.rsplit('.', 1)[-1]} is called without {names[0]}")


class Forward(NamedTuple):
    """What a module of the script does with the batch that the training loop hands it."""

    calls: list[Call]  # that its `forward` makes
    returned: Value
    outputs: frozenset[str] = frozenset()  # the code of what the module's calls give in the script
    makers: tuple[Any, ...] = ()  # file and node of what makes the batch, if a loader does, and not the script itself
    columns: tuple[str, ...] = ()  # of the batch, then


@dataclass(slots=True)
class Recording:
    """The complete recording. `calls` lists every call of a library, in execution order."""

    calls: list[Call] = field(default_factory=list)
    # Calls that only another command line, environment or program reaches.
    alternatives: list[Call] = field(default_factory=list)
    modules: dict[str, Any] = field(default_factory=dict)  # name -> objects.Module, "__main__" is the script
    classes: list[Any] = field(default_factory=list)  # every objects.Class the script and its modules define
    broken: dict[str, str] = field(default_factory=dict)  # project modules that could not be read, and why
    forwards: list[Forward] = field(default_factory=list)
    imports: list[tuple[str, Place]] = field(default_factory=list)  # every imported name in execution order
    files_read: list[str] = field(default_factory=list)  # project files opened: modules, configuration
    # Of these what the script itself does not read: a launcher's, and what states versions.
    looked_at: list[str] = field(default_factory=list)
    files_missing: list[str] = field(default_factory=list)  # looked for and not found, or searched for calls
    # The statements that were run, by their nodes' ids; those that only another command line or environment runs, with
    # what decides; the names of functions that were called but not found; whether code was left out to save steps.
    ran: set[int] = field(default_factory=set)
    otherwise: dict[int, str] = field(default_factory=dict)
    not_followed: set[str] = field(default_factory=set)
    left_out: bool = False
    written: list[Any] = field(default_factory=list)  # paths of files that the script writes, as values
    appended: list[Any] = field(default_factory=list)  # of these those that it appends to
    # Data files by absolute path: rows that the script puts there, and files that it loads without having written them.
    rows_written: dict[str, list[Rows]] = field(default_factory=dict)
    rows_awaited: dict[str, None] = field(default_factory=dict)
    rows_given: Mapping[str, Rows] = field(default_factory=dict)  # of these, as another script writes them
    limits: list[Limit] = field(default_factory=list)  # lengths of lists that the script enforces
    # Names that are not bound when the node that reads them runs, by the node's id.
    undefined: dict[int, str] = field(default_factory=dict)
    exhausted: str = ""  # why interpretation stopped early, if it did
    steps: int = 0  # that it took, and the reading of its runs
    project: Any = None  # project.Project: the door to further files, such as a model's config.json
    configuration: Any = None  # flavours.reading.Configuration, where no script is followed but a configuration is read
    signatures_asked: set[str] = field(default_factory=set)  # the libraries' callables whose parameters it looks up
    options: dict[str, Any] = field(default_factory=dict)  # of the command line -> the place that declares each
    # Names of the libraries' dataclasses whose fields are options of the command line, too: `trl.SFTConfig`.
    parsed_classes: list[str] = field(default_factory=list)
    # Options whose word says no and whose type makes True of it, the word, and the place that declares the option.
    misread: list[tuple[str, Any, Place]] = field(default_factory=list)
    run: str = ""  # the command line of its plans
    started: Any = None  # source.command_line.CommandLine: how the run is started, where that is known
    launch: Any = None  # flavours.launch.Launch: what accelerate and DeepSpeed files say of the run

    def every(self) -> list[Call]:
        """Return all calls in execution order, also those that only another command line or environment reaches."""
        return sorted([*self.calls, *self.alternatives], key=lambda call: call.order)

    def mark(self) -> tuple[int, int]:
        return len(self.calls), len(self.alternatives)

    def cut(self, mark: tuple[int, int]) -> None:
        """Drop the calls recorded since `mark`."""
        del self.calls[mark[0] :], self.alternatives[mark[1] :]

    def named(self, *callees: str) -> list[Call]:
        """Return the calls whose canonical name is, or ends in, one of these."""
        return [c for c in self.calls if any(c.callee == n or c.callee.endswith("." + n) for n in callees)]
