"""The training plan: what one run of the script would load, adapt, feed, optimise and save.

Eight parts, named as the sections of the checklist. Every field is a `Fact`. Readers fill the plan, rules judge it;
nothing here knows a library or a policy.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Iterator

from .values import Absent, Place, Value

SECTIONS = ("lora", "prompt", "dataset", "arguments", "memory", "checkpointing", "project", "api")


@dataclass(slots=True)
class Fact:
    """One thing the plan says.

    `at` is where a reader of the report should look when the value has no place of its own: the call an argument
    is missing from. `note` is a sentence of context ("TrainingArguments given to SFTTrainer"). `why_not` says why
    the fact does not apply to this script, if it does not ("the dataset is not mixed from several"). `argument` is
    the name of the argument that holds the value, where the fact is no more than that: `lora_alpha`.

    A fact that lists defects has them in `cases`, each a fact with a place of its own: a rule judges them one by one, and
    each that fails is a finding. `sentence` is what a reader has to say of such a case, where words made from its value
    would not tell ("TypeError since trl 0.16: …"). `branch` says what decides whether the code runs that has it, where
    not every run does; `assumed` that the case rests on versions of the libraries that nobody stated.
    """

    value: Value = field(default_factory=Absent)
    at: Place | None = None
    note: str = ""
    why_not: str = ""
    argument: str = ""
    cases: tuple[Fact, ...] = ()
    sentence: str = ""
    branch: str = ""
    assumed: bool = False


def fact() -> Fact:
    return field(default_factory=Fact)  # type: ignore[return-value]


@dataclass(slots=True)
class Lora:
    adapter: Fact = fact()  # canonical name of the call that makes the adapter
    model_name: Fact = fact()
    r: Fact = fact()
    alpha: Fact = fact()
    target_modules: Fact = fact()  # list of names, or "all-linear"
    unmatched_modules: Fact = fact()  # list: names among target_modules that no known model has
    load_in_4bit: Fact = fact()
    quantized_by: Fact = fact()  # "Unsloth", "BitsAndBytesConfig", "model name", "the loader", "rejected" (an argument the loader refuses)
    gradient_checkpointing: Fact = fact()  # of the adapter call: "unsloth", True, False
    misplaced_gradient_checkpointing: Fact = fact()  # the same value given to the training arguments instead
    dropout: Fact = fact()
    bias: Fact = fact()


@dataclass(slots=True)
class Prompt:
    text: Fact = fact()  # Text: what the model is trained on, part by part
    form: Fact = fact()  # "text", "prompt-completion", "chat", "tokenised"
    parts: Fact = fact()  # list, in order, of: instruction, schema, question, response, sql
    missing_parts: Fact = fact()  # list: which of them are not there, or out of order
    style: Fact = fact()  # "alpaca", "chat", "prompt/completion", "own wording"
    ending: Fact = fact()  # "eos", "none", "text after eos", "two eos", "cut off", "foreign eos"
    eos_from: Fact = fact()  # how it gets there: "tokenizer.eos_token", "TRL", "chat template", a literal
    loss_on: Fact = fact()  # "response", "all", "nothing"
    loss_by: Fact = fact()  # the mechanism: "train_on_responses_only", "prompt/completion columns", …
    instruction_marker: Fact = fact()
    response_marker: Fact = fact()
    markers: Fact = fact()  # "found", "not in template", "lost in tokenisation"
    padding: Fact = fact()  # "the eos token", "its own token"; only where the collator takes padding out of the loss
    bos: Fact = fact()  # "once", "twice"
    appended: Fact = fact()  # what the trainer puts after the text: "nothing", "the EOS token", "a second EOS token"
    boundary: Fact = fact()  # what a prompt column ends with: "space", "no space"


@dataclass(slots=True)
class Dataset:
    sources: Fact = fact()  # list of paths and hub names
    config_class: Fact = fact()  # name of the class that describes a dataset
    config_kind: Fact = fact()  # "dataclass", "pydantic model", "attrs class", "class", "dict"
    config_fields: Fact = fact()  # names of its fields
    unimported_names: Fact = fact()  # names its annotations use and nothing imports, such as Optional
    mixing: Fact = fact()  # "interleaved by weight", "interleaved evenly", "concatenated", "single"
    weights: Fact = fact()  # list of probabilities
    weights_sum: Fact = fact()
    seed: Fact = fact()
    stopping_strategy: Fact = fact()
    misaligned_weights: Fact = fact()  # True when a skipped dataset shifts the weights
    bare_fields: Fact = fact()  # list: columns read by ex["name"] with no other spelling to fall back on
    late_fallbacks: Fact = fact()  # list: columns whose `.get` fallback runs after mixing and returns None
    schema_limit: Fact = fact()  # characters (or tokens) the schema is cut to
    truncation_cuts: Fact = fact()  # "schema", "text": what a cut removes
    schema_fills: Fact = fact()  # True when a schema cut to its limit fills the whole sequence, so that the answer is cut


@dataclass(slots=True)
class Arguments:
    per_device_batch_size: Fact = fact()
    gradient_accumulation: Fact = fact()
    processes: Fact = fact()
    cards: Fact = fact()  # what the cards that the script makes visible are used by: "one process", "a process for each"
    effective_batch: Fact = fact()
    learning_rate: Fact = fact()
    scheduler: Fact = fact()
    warmup: Fact = fact()  # as a fraction of all steps
    warmup_ratio: Fact = fact()
    warmup_steps: Fact = fact()
    warmup_conflict: Fact = fact()  # True when both are set
    warmup_spelling: Fact = fact()  # "current", "removed" from the newest libraries, "both", "a share too early"
    fp16: Fact = fact()
    bf16: Fact = fact()
    mixed_precision: Fact = fact()  # "bf16 else fp16", "bf16", "fp16", "both", "none"
    epochs: Fact = fact()
    max_steps: Fact = fact()
    launcher_conflicts: Fact = fact()  # list, with cases: what accelerate and DeepSpeed files say otherwise, and it stops
    launcher_overruled: Fact = fact()  # list, with cases: where accelerate's settings and others differ, and one wins silently
    optimizer: Fact = fact()
    weight_decay: Fact = fact()
    seed: Fact = fact()


@dataclass(slots=True)
class Memory:
    gpu: Fact = fact()
    estimate: Fact = fact()  # what the run needs at its peak, in words
    verdict: Fact = fact()  # for the stated card: "fits", "likely runs out", "cannot fit"; "may run out" is unknown
    monitoring: Fact = fact()  # list of the calls that log GPU memory
    monitoring_sees: Fact = fact()  # "reserved memory", or "allocated memory only"
    model_length: Fact = fact()  # max_seq_length given to the model
    trainer_length: Fact = fact()  # what the trainer cuts at, library default included
    sequence_length: Fact = fact()  # what really applies: the smaller one
    length_conflict: Fact = fact()  # True when the two disagree
    # where device_map puts the model of a process: "over all cards", "on the first card", "by way of the first card", "on
    # its own card"
    placement: Fact = fact()
    # what the estimate is made from, beside r, batch, length and optimizer
    architecture: Fact = fact()  # name in the table, its sizes from a config.json, or a mere {"name", "parameters"}
    bits: Fact = fact()  # of the linear layers as they are loaded: 4, 8, 16, 32
    double_quant: Fact = fact()
    dynamic_weights: Fact = fact()  # True for Unsloth's 4-bit weights of which some layers stay 16-bit
    wide_embeddings: Fact = fact()  # True when what is not quantised is held in fp32
    unsloth: Fact = fact()  # True when Unsloth patches the model
    checkpointing: Fact = fact()  # "offloaded" (to the CPU), "kept", "off"
    loss: Fact = fact()  # logits at once ("whole"; "whole, shifted": once more) or in pieces ("chunked")
    eager_attention: Fact = fact()  # True when the matrices of attention scores are made
    packing: Fact = fact()
    joined_rows: Fact = fact()  # True where Unsloth joins the rows of a batch without padding and compiles its layers
    trained_embeddings: Fact = fact()  # how many of embedding and head are trained in full
    sharded: Fact = fact()  # what spreads the model over several cards


@dataclass(slots=True)
class Checkpointing:
    save_strategy: Fact = fact()
    save_steps: Fact = fact()
    save_conflict: Fact = fact()  # True when save_steps is set and nothing is saved
    save_total_limit: Fact = fact()
    resume: Fact = fact()  # "newest", "text order", "bare name", "any", "unguarded", "never", "fixed path"
    resume_by: Fact = fact()  # the call that finds the checkpoint


@dataclass(slots=True)
class Project:
    script: Fact = fact()  # path of the script, relative to its project
    output_dir: Fact = fact()
    log_file: Fact = fact()
    dataset_configs_in: Fact = fact()  # "script", or the file that defines them
    tracker: Fact = fact()  # list of report_to, or "none"
    untracked_truth: Fact = fact()  # list: settings logged with another value than the run uses


@dataclass(slots=True)
class Api:
    trainer: Fact = fact()  # canonical name of the trainer class
    arguments_class: Fact = fact()
    versions: Fact = fact()  # library -> version or range that the script is judged by
    patched: Fact = fact()  # True when the script imports Unsloth, whose classes accept what the plain ones reject
    # Lists of defects, each with cases.
    unknown_arguments: Fact = fact()
    removed_arguments: Fact = fact()
    moved_arguments: Fact = fact()
    deprecated_arguments: Fact = fact()
    missing_in_range: Fact = fact()  # arguments that some of the stated versions do not know
    removed_imports: Fact = fact()
    wrong_classes: Fact = fact()
    conflicting_arguments: Fact = fact()
    late_imports: Fact = fact()
    changed_defaults: Fact = fact()
    ignored_keys: Fact = fact()  # of a configuration: keys that are dropped in silence, have no effect, or come twice
    refused_values: Fact = fact()  # values that the parser of a configuration does not take


@dataclass(slots=True)
class TrainingPlan:
    lora: Lora = field(default_factory=Lora)
    prompt: Prompt = field(default_factory=Prompt)
    dataset: Dataset = field(default_factory=Dataset)
    arguments: Arguments = field(default_factory=Arguments)
    memory: Memory = field(default_factory=Memory)
    checkpointing: Checkpointing = field(default_factory=Checkpointing)
    project: Project = field(default_factory=Project)
    api: Api = field(default_factory=Api)

    def __getitem__(self, name: str) -> Fact:
        """The fact called `section.field`; KeyError when there is none."""
        section, _, attribute = name.partition(".")
        try:
            return getattr(getattr(self, section), attribute)
        except AttributeError:
            raise KeyError(name) from None

    def facts(self) -> Iterator[tuple[str, Fact]]:
        """Every fact with its full name, in the order of the checklist."""
        for section in SECTIONS:
            part = getattr(self, section)
            for f in fields(part):
                yield f"{section}.{f.name}", getattr(part, f.name)


FACTS = tuple(name for name, _ in TrainingPlan().facts())
