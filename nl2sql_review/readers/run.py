"""One run of the script: the calls that belong together, linked by the objects they pass on.

trainer ── args ──► arguments          (SFTConfig, TrainingArguments, a subclass of the script)
   │  └─ peft_config ──► adapter
   └─ model ──► adapter ── model ──► load ── quantization_config ──► quantization
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Iterable

from .. import flavours
from ..interpret.core.objects import Instance, Object, Opaque
from ..interpret.core.operations import describe
from ..interpret.core.recording import Call, Recording
from ..training_plan.values import Absent, Default, Known, Place, Unknown, Value
from .embedders import only_embeds
from .object_settings import ObjectSettings, last, made_by, makers, objects

if TYPE_CHECKING:
    from ..source import Source
    from ..training_plan.stated import ProjectSettings
    from .prompt.training_text import TrainingText

# How many runs of a script are read: as many as come to so many calls in all, which takes half a second. Few scripts
# have more than two; a sweep written out has ten.
CALLS_READ, FEWEST_RUNS, MOST_RUNS = 6_000, 4, 24
ADAPTERS = ("get_peft_model", "LoraConfig", "add_adapter")
LOADERS = ("from_pretrained", "from_config")
MODEL_NAMES = ("model_name", "pretrained_model_name_or_path", "model_id", "$0", "model")
# Whose classes train, beside those of flavours.
TRAINERS = ("trl", "transformers", "unsloth", "unsloth_zoo", "sentence_transformers")
FITS = re.compile(
    r"(?:pytorch_lightning|lightning|sentence_transformers)\..*\.fit$", re.DOTALL
)  # not of these trainers
SFT_TRAINERS = ("SFTTrainer", "UnslothTrainer")
CONFIGS = (
    *("TrainingArguments", "SFTConfig", "Seq2SeqTrainingArguments", "UnslothTrainingArguments"),
    *("SentenceTransformerTrainingArguments", "CrossEncoderTrainingArguments", "SparseEncoderTrainingArguments"),
)


@dataclass(slots=True)
class Run:
    """The calls of a recording that make one training run: what it loads, adapts, feeds and starts."""

    recording: Recording
    source: Source
    settings: ProjectSettings | None = None
    versions: Any = None  # api.chosen.Versions: what the script runs on
    defects: Any = None  # a list of api.arguments.Defect: of the calls of all runs, so that one run finds them for all
    trainer: Call | None = None
    train: tuple[Call, ...] = ()
    arguments: ObjectSettings = field(default_factory=ObjectSettings)
    adapter: ObjectSettings = field(default_factory=ObjectSettings)
    adapter_call: Call | None = None  # the call that applies it; the LoraConfig's where there is no other
    load: ObjectSettings = field(default_factory=ObjectSettings)
    quantization: ObjectSettings = field(default_factory=ObjectSettings)
    prepared: tuple[Call, ...] = ()  # other calls the model went through: prepare_model_for_kbit_training, to, …
    model_unknown: str = ""  # why the model's own calls could not be followed
    loader: Call | None = None  # the DataLoader whose batches a hand-written loop trains on
    dataset: Value = field(default_factory=Absent)
    texts: list[TrainingText] | None = field(default=None, init=False)  # kept by training_texts, which finds them
    prepared_by_unsloth: bool | None = field(default=None, init=False)  # kept by uses_unsloth, which finds it out
    number: int = 0  # among the runs of the script
    fitting: dict[str, tuple[str, ...]] | None = field(default=None, init=False)  # kept by fitting, likewise

    @property
    def calls(self) -> list[Call]:
        return self.recording.calls

    @property
    def backward(self) -> list[Call]:
        """The calls that begin the backward pass: a script with a loop of its own has some."""
        return [call for call in self.calls if last(call.callee) == "backward"]

    @property
    def loaders(self) -> list[Call]:
        """The calls that make a DataLoader."""
        return [call for call in self.calls if last(call.callee) == "DataLoader" and "(" not in call.callee]

    @property
    def sources(self) -> list[Source]:
        """The files of the script that were followed, and its own."""
        modules = (getattr(module, "source", None) for module in self.recording.modules.values())
        return list(dict.fromkeys([self.source, *(source for source in modules if source is not None)]))

    def mentions(self, pattern: re.Pattern[str]) -> bool:
        """Return whether a pattern occurs in any file of the script."""
        return any(pattern.search(source.text) for source in self.sources)

    @property
    def configuration(self) -> Any:
        """The facts that a configuration states beyond its calls; None for a script."""
        return self.recording.configuration

    @property
    def place(self) -> Place | None:
        """The place to point to if nothing else has one."""
        for call in (self.trainer, self.arguments.call, self.adapter_call, self.load.call):
            if call is not None:
                return call.place
        return None

    @property
    def processes(self) -> int | None:
        """Number of training processes: from the settings or the command line, else from a comment in the script."""
        said = getattr(self.source, "directives", {}).get("processes")
        return getattr(self.settings, "processes", None) or (int(said) if said else None)

    def before_training(self, call: Call) -> bool:
        """Return whether a call happens before the last training ends, so that it can have an effect on it."""
        end = max((c.order for c in self.train), default=None)
        return end is None or call.order < end

    @property
    def unsloth(self) -> bool:
        calls = (self.adapter_call, self.load.call, self.trainer)
        return any(c is not None and c.callee.startswith("unsloth") for c in calls)


# -- linking -----------------------------------------------------------------------------------------------------


def runs(recording: Recording, source: Source, settings: ProjectSettings | None) -> list[Run]:
    """Return one run per constructed trainer, or else one of the adapter, arguments and model calls there are."""
    trainers = [c for c in recording.calls if is_trainer(c)]
    if trainers:
        trained = train_calls(recording, alone=trainers[0] if len(trainers) == 1 else None)
        most = max(FEWEST_RUNS, min(MOST_RUNS, CALLS_READ // len(recording.calls)))
        if len(trainers) > most and not recording.exhausted:
            recording.exhausted = f"the script creates {len(trainers):,} trainers: {most} of them are read"
        return [linked(Run(recording, source, settings, trainer=c), trainers, trained) for c in trainers[:most]]
    run = Run(recording, source, settings)
    owners = ("unsloth", "peft", "transformers", "model")
    adapters = [c for c in recording.calls if last(c.callee) in ADAPTERS and c.callee.split(".")[0] in owners]
    arguments = [c for c in recording.calls if last(c.callee) in CONFIGS]
    loads = [c for c in recording.calls if is_model_load(c) and not only_embeds(recording, c)]
    if not adapters and not arguments and (not loads or infers(recording, source)):
        return []
    if arguments:
        run.arguments = made_by(arguments[-1:])
    if loads:
        steps = [c for c in run.calls if last(c.callee) == "backward" or FITS.match(c.callee)]
        ends = steps[-1].order if steps else loads[-1].order  # what is loaded later is the result
        loads = [c for c in loads if c.order <= ends] or loads
        if len(loads) > 1:
            from .set_aside import without_references  # it follows objects to their calls, as this file does

            loads = without_references(loads, run.calls)
        follow_model(run, [loads[-1].result] if loads[-1].result is not None else [], loads[-1:])
    if adapters:
        adopt_adapter(run, [c for c in adapters if last(c.callee) != "LoraConfig"][-1:] or adapters[-1:])
    if not arguments and run.backward:
        run.loader = training_loader(run)
        run.dataset = run.loader.get("dataset", "$0") if run.loader is not None else run.dataset
    return [run]


def training_loader(run: Run) -> Call | None:
    """Return the shuffled loader of a script, else its first: the other loaders are for evaluation."""
    loaders = run.loaders
    shuffled = (c for c in loaders if getattr(c.get("shuffle"), "value", None) is True)
    return next(shuffled, loaders[0] if loaders else None)


def is_trainer(call: Call) -> bool:
    """Return whether a call makes a trainer of a library; a function named after one, `PatchDPOTrainer()`, does not."""
    name = last(call.callee)
    if not name.endswith("Trainer") or not name[:1].isupper() or name.startswith("Patch"):
        return False
    return call.callee.split(".")[0] in {*TRAINERS, *flavours.packages()}


MODEL_NAMES = ("model_name", "pretrained_model_name_or_path", "model_id", "$0", "model")


def is_model_load(call: Call) -> bool:
    owner, _, name = call.callee.rpartition(".")
    owner = last(owner)
    if call.callee == "sentence_transformers.SentenceTransformer":
        return True
    return name in LOADERS and re.search(r"Model|For[A-Z]|^Fast|LMHead", owner) is not None and "Peft" not in owner


GENERATES = re.compile(r"\.(?:generate|eval)\(")
MAY_TRAIN = re.compile(r"Trainer\w{0,40}\(|Accelerator\(|\b(?:backward|step|train|fit)\(|prepare_model_for_\w{1,40}\(")


def infers(recording: Recording, source: Source) -> bool:
    """Return whether a script that only loads a model uses it without training it.

    A call on a model that is one of several is not recorded: then the text tells, unless a word of it may train.
    """
    text = getattr(source, "text", "")
    if GENERATES.search(text) and not MAY_TRAIN.search(text):
        return True
    names = {last(c.callee) for c in recording.calls}
    trains = {"backward", "AdamW", "Accelerator", "prepare_model_for_kbit_training"} & names
    return not trains and bool({"generate", "for_inference", "pipeline", "eval", "LLM"} & names)


def linked(run: Run, trainers: list[Call], trained: dict[int, list[Call]]) -> Run:
    """Fill in the calls that belong to the run's trainer; `trained` holds the training calls from `train_calls`."""
    trainer = run.trainer
    assert trainer is not None
    value = trainer.get("args", "training_args", "config")
    run.arguments = makers(value)
    if (
        not run.arguments
        and not run.arguments.unknown
        and not isinstance(value, Absent)
        and not (isinstance(value, Known) and value.value is None)
    ):
        run.arguments.unknown = getattr(value, "why", "") or "the training arguments could not be traced"
    if trainer.unknown_arguments and not run.arguments:
        run.arguments.unknown = trainer.unknown_arguments
    unnamed = any(name.startswith("$") for name in trainer.arguments)
    which = f"which parameters {last(trainer.callee)} is given by position depends on the release"
    by_position = which if unnamed else ""
    if isinstance(value, Absent) and by_position:
        run.arguments.unknown = by_position
    run.dataset = trainer.get("train_dataset")
    run.train = tuple(trained.get(id(trainer), ()))
    if run.train:
        run.arguments.before(run.recording.every(), max(c.order for c in run.train))
    model = trainer.get("model")
    follow_model(run, list(objects(model)), ())
    if not run.load and isinstance(model, (Known, Default)) and isinstance(model.value, str):
        # SFTTrainer("name"): loaded by the trainer, with model_init_kwargs.
        run.load = ObjectSettings([(trainer, None)])
    given = trainer.get("peft_config")
    config = makers(given)
    if config:
        run.adapter, run.adapter_call = config, config.call or trainer
    elif undecided(given):
        run.adapter.unknown = getattr(given, "why", "") or f"{describe(given)} decides whether there is an adapter"
    if not run.load and isinstance(model, Absent) and trainer.unknown_arguments:
        run.model_unknown = trainer.unknown_arguments
    elif not run.load and isinstance(model, Absent) and by_position:
        fall_back(run, by_position)
    if not run.load and not isinstance(model, Absent):
        fall_back(
            run, run.model_unknown or getattr(model, "why", "") or "the call that loads the model could not be found"
        )
    if not run.adapter:
        strays = [c for c in run.calls if last(c.callee) in ("get_peft_model", "add_adapter")]
        if len(strays) == 1 and len(trainers) == 1:
            adopt_adapter(run, strays)  # applied in place: the trainer gets the bare model
    return run


def undecided(value: Value) -> bool:
    """Return whether a value may be a configuration or None."""
    return not isinstance(value, Absent) and not (isinstance(value, (Known, Default)) and value.value is None)


def fall_back(run: Run, why: str) -> None:
    """Find the script's only adapter and load calls, for a trainer whose model is lost on the way."""
    adapters = [c for c in run.calls if last(c.callee) == "get_peft_model"]
    loads = [c for c in run.calls if is_model_load(c)]
    if not run.adapter and len(adapters) == 1:
        adopt_adapter(run, adapters)
    if len(loads) == 1:
        run.load = made_by(loads)
        run.quantization = makers(loads[0].get("quantization_config"))
    if not run.adapter or not run.load:
        run.model_unknown = why


def follow_model(run: Run, things: list[Any], calls: Iterable[Call]) -> None:
    """Follow the trainer's model back through the calls made on it to the call that loads it."""
    waiting: list[Call] = [*calls, *(c for t in things if (c := call_of(t)) is not None)]
    loads: list[Call] = []
    adapters: list[Call] = []
    passed: list[Call] = []
    seen: set[int] = set()
    while waiting and len(seen) < 50:
        call = waiting.pop(0)
        if id(call) in seen:
            continue
        seen.add(id(call))
        name = last(call.callee)
        if name == "get_peft_model" or name == "add_adapter":
            adapters.append(call)
        elif is_model_load(call):
            loads.append(call)
            continue
        else:
            passed.append(call)
        inner = call.get("model", "base_model", "$0")
        before = [call.receiver] if call.receiver is not None else []
        before += objects(inner)
        found = [c for t in before if (c := call_of(t)) is not None]
        if not found and isinstance(inner, Unknown):
            run.model_unknown = inner.why
        waiting += found
    if adapters:
        adopt_adapter(run, adapters)
    if loads:
        run.load = made_by(loads)
        quantizations = [makers(c.get("quantization_config")) for c in loads]
        run.quantization = ObjectSettings(
            [m for q in quantizations for m in q.makers], next((q.unknown for q in quantizations if q.unknown), "")
        )
    run.prepared = tuple(passed)


def call_of(thing: Object | None) -> Call | None:
    """Return the call that made an object, also if it was taken from the tuple that the call returned."""
    for _ in range(4):
        call: Call | None = getattr(thing, "call", None)
        if call is not None:
            return call
        taken_out = isinstance(thing, Opaque) and thing.operation in ("item", "attribute") and thing.args
        inner = [*objects(thing.args[0])] if isinstance(thing, Opaque) and taken_out else []
        if not inner:
            return None
        thing = inner[0]
    return None


def adopt_adapter(run: Run, calls: list[Call]) -> None:
    """Set the adapter of a run: Unsloth's get_peft_model takes the settings itself, PEFT's takes a LoraConfig."""
    run.adapter_call = calls[0]
    found = ObjectSettings()
    for call in calls:
        config = makers(
            call.get("peft_config", "adapter_config", "config", "$0" if last(call.callee) == "add_adapter" else "$1")
        )
        if config:
            found.makers += config.makers
        elif call.callee.startswith("unsloth") or last(call.callee) == "LoraConfig" or "r" in call.arguments:
            found.makers.append((call, call.result if last(call.callee) == "LoraConfig" else None))
        else:
            found.unknown = config.unknown or "the adapter's configuration could not be traced"
    run.adapter = found


def train_calls(recording: Recording, alone: Call | None) -> dict[int, list[Call]]:
    """Return the training calls, in order, by the id of their trainer's call; `alone` is the only trainer, if one."""
    found: dict[int, list[Call]] = {}
    for call in recording.calls:
        name = last(call.callee)
        if name == "train":
            trained = made_from(call.receiver)
            if alone is not None and not trained and "Trainer" in call.callee:
                trained = [alone]
        elif name == "unsloth_train":
            trained = [alone] if alone is not None else made_from(next(objects(call.get("trainer", "$0")), None))
        else:
            continue
        for trainer in trained:
            found.setdefault(id(trainer), []).append(call)
    return found


def made_from(thing: Object | None) -> list[Call]:
    """Return the calls that made an object, including the trainer inside `train_on_responses_only(trainer, …)`."""
    found: list[Call] = []
    while thing is not None and len(found) < 10:
        if isinstance(thing, Instance) and thing.base is not None:
            thing = thing.base
        call = call_of(thing)
        if call is None or call in found:
            break
        found.append(call)
        thing = next(objects(call.get("trainer", "$0")), None)
    return found
