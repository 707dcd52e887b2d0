"""The training plan: what one run of the script would load, adapt, feed, optimize and save.

Nine parts, named as the sections of the checklist. Every field is a `Fact`. Readers fill the plan, rules judge it;
this module depends on no library and no policy.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Iterator

from .values import Absent, Place, Value

SECTIONS = ("lora", "prompt", "dataset", "arguments", "memory", "checkpointing", "project", "api", "artifact")


@dataclass(slots=True)
class Fact:
    """One fact of the plan.

    `at` is the place for the reader of the report if the value has no place of its own: the call that lacks an
    argument. `note` is a sentence of context ("TrainingArguments given to SFTTrainer"). `why_not` is the reason
    the fact does not apply to this script, if it does not ("the dataset is not mixed from several"). `argument` is
    the name of the argument that holds the value, if the fact is only that argument: `lora_alpha`. `given` is what the
    script says, where the value is worked out from it and a message is to show the script's own words.

    A fact that lists defects has them in `cases`, each a fact with a place of its own: a rule judges them one by one,
    and each failed case is a finding. `sentence` is the text of such a case, if a text made from its value would be
    unclear ("TypeError since trl 0.16: …"), `remedy` what to do about it if the rule's help is too
    general ("use processing_class="). `branch` is the condition for the case's code to run, if not every run executes
    it; `assumed` means that the case depends on library versions that are not stated.
    """

    value: Value = field(default_factory=Absent)
    at: Place | None = None
    note: str = ""
    why_not: str = ""
    argument: str = ""
    given: Value | None = None
    cases: tuple[Fact, ...] = ()
    sentence: str = ""
    branch: str = ""
    assumed: bool = False
    remedy: str = ""


IN_LOOP = "the loop runs"  # the `branch` of code in a loop of which it is not known how often it runs


class Part:
    """One section of the plan: a fact for every name that its class annotates, absent until a reader sets it."""

    def __init__(self) -> None:
        for name in self.names():
            setattr(self, name, Fact())

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of its facts, in display order."""
        return tuple(cls.__annotations__)


class Lora(Part):
    """The adapter and the model that it is put on."""

    adapter: Fact  # canonical name of the call that makes the adapter
    model_name: Fact
    r: Fact
    alpha: Fact
    target_modules: Fact  # list of names, or "all-linear"
    unmatched_modules: Fact  # list: names among target_modules that no known model has
    load_in_4bit: Fact
    quantized_by: (
        Fact  # "Unsloth", "BitsAndBytesConfig", "model name", "the loader", "rejected" (an argument the loader refuses)
    )
    gradient_checkpointing: Fact  # of the adapter call: "unsloth", True, False
    misplaced_gradient_checkpointing: Fact  # the same value given to the training arguments instead
    dropout: Fact
    bias: Fact
    scaling: Fact  # what the adapter's output is multiplied by: alpha / r, with rank-stabilized LoRA alpha / sqrt(r)
    # Lists of defects, each with cases: what keeps the adapter from training when train() begins, what takes the
    # place of an adapter that was loaded, and which tokens were added whose embeddings do not train.
    frozen: Fact
    replaced: Fact
    untrained_tokens: Fact


class Prompt(Part):
    """The training text: its parts, how it ends, and which tokens the loss covers."""

    text: Fact  # Text: what the model is trained on, part by part
    form: Fact  # "text", "prompt-completion", "chat", "tokenised"
    parts: Fact  # list, in order, of: instruction, schema, question, response, sql
    missing_parts: Fact  # list: which of them are not there, or out of order
    style: Fact  # "alpaca", "chat", "prompt/completion", "own wording"
    ending: Fact  # "eos", "none", "text after eos", "two eos", "cut off", "foreign eos", "untrained eos"
    eos_from: Fact  # how it gets there: "tokenizer.eos_token", "TRL", "chat template", a literal
    loss_on: Fact  # "response", "all", "nothing"
    loss_by: Fact  # the mechanism: "train_on_responses_only", "prompt/completion columns", …
    instruction_marker: Fact
    response_marker: Fact
    markers: Fact  # "found", "not in template", "lost in tokenisation"
    padding: Fact  # "the eos token", "its own token"; only where the collator takes padding out of the loss
    bos: Fact  # "once", "twice"
    appended: Fact  # what the trainer puts after the text: "nothing", "the EOS token", "a second EOS token"
    boundary: Fact  # what a prompt column ends with: "space", "no space"
    foreign_template: Fact  # list of defects, with cases: a template that is not the one the model is asked with
    labels: Fact  # list of defects, with cases: where the labels that reach the loss are not those that were made


class Dataset(Part):
    """Where the rows come from, how they are mixed, and what is read of them."""

    sources: Fact  # list of paths and hub names
    config_class: Fact  # name of the class that describes a dataset
    config_kind: Fact  # "dataclass", "pydantic model", "attrs class", "class", "dict"
    config_fields: Fact  # names of its fields
    unimported_names: Fact  # names its annotations use and nothing imports, such as Optional
    mixing: Fact  # "interleaved by weight", "interleaved evenly", "concatenated", "single"
    weights: Fact  # list of probabilities
    weights_sum: Fact
    seed: Fact
    stopping_strategy: Fact
    misaligned_weights: Fact  # True when a skipped dataset shifts the weights
    bare_fields: Fact  # list: columns read by ex["name"] with no other spelling to fall back on
    missing_fields: Fact  # list: columns that are read so, and that the data files beside the script have not got
    late_fallbacks: Fact  # list: columns whose `.get` fallback runs after mixing and returns None
    schema_limit: Fact  # characters (or tokens) the schema is cut to
    truncation_cuts: Fact  # "schema", "text": what a cut removes
    # Lists of defects, each with cases: samples that share a row and see each other, splits that each process draws,
    # changed datasets that nothing takes, columns that a loss reads and the trainer takes out.
    joined_samples: Fact
    unseeded_split: Fact
    dropped_results: Fact
    removed_columns: Fact
    schema_fills: Fact  # True when a schema cut to its limit fills the whole sequence, so that the answer is cut


class Arguments(Part):
    """How long, how fast and in which precision the run trains."""

    per_device_batch_size: Fact
    gradient_accumulation: Fact
    processes: Fact
    several_processes: Fact  # True where more than one trains; a default where the launcher may say otherwise
    cards: Fact  # what the cards that the script makes visible are used by: "one process", "a process for each"
    effective_batch: Fact
    learning_rate: Fact
    scheduler: Fact
    warmup: Fact  # as a fraction of all steps
    warmup_ratio: Fact
    warmup_steps: Fact
    warmup_conflict: Fact  # True when both are set
    warmup_spelling: Fact  # "current", "removed" from the newest libraries, "both", "a share too early"
    fp16: Fact
    bf16: Fact
    # "bf16 else fp16", "bf16", "fp16", "both", "both where bfloat16 is supported", "none",
    # "bf16 by a probe that says yes everywhere"
    mixed_precision: Fact
    epochs: Fact
    max_steps: Fact
    launcher_conflicts: Fact  # list, with cases: what accelerate and DeepSpeed files say otherwise, and it stops
    launcher_overruled: Fact  # list, with cases: where accelerate's settings and others differ, and one wins silently
    optimizer: Fact
    loss_scale: Fact  # list of defects, with cases: where a loss of the script's own is no mean under accumulation
    restarted_schedule: Fact  # list of defects, with cases: calls of train() that a loop repeats on the same trainer
    # Lists of defects of a hand-written loop, with cases: steps without the gradients they should have, and a schedule
    # that does not keep pace with them.
    optimizer_steps: Fact
    schedule_steps: Fact
    weight_decay: Fact
    seed: Fact


class Memory(Part):
    """What the run needs of the GPU, and what saves memory."""

    gpu: Fact
    estimate: Fact  # what the run needs at its peak, in words
    verdict: Fact  # for the stated card: "fits", "likely runs out", "cannot fit"; "may run out" is unknown
    monitoring: Fact  # list of the calls that log GPU memory
    monitoring_sees: Fact  # "reserved memory", or "allocated memory only"
    model_length: Fact  # max_seq_length given to the model
    trainer_length: Fact  # what the trainer cuts at, library default included
    sequence_length: Fact  # what really applies: the smaller one
    # True when the two disagree, "unchosen" when it is TRL's default that cuts, "idle" when the data collator cuts
    length_conflict: Fact
    # where device_map puts the model of a process: "over all cards", "on the first card", "by way of the first card",
    # "on its own card"
    placement: Fact
    # what the estimate is made from, beside r, batch, length and optimizer
    architecture: Fact  # name in the table, its sizes from a config.json, or a mere {"name", "parameters"}
    bits: Fact  # of the linear layers as they are loaded: 4, 8, 16, 32
    double_quant: Fact
    dynamic_weights: Fact  # True for Unsloth's 4-bit weights of which some layers stay 16-bit
    wide_embeddings: Fact  # True when what is not quantized is held in fp32
    unsloth: Fact  # True when Unsloth patches the model
    checkpointing: Fact  # "offloaded" (to the CPU), "kept", "off"
    loss: Fact  # logits at once ("whole"; "whole, shifted": once more) or in pieces ("chunked")
    eager_attention: Fact  # True when the matrices of attention scores are made
    packing: Fact
    joined_rows: Fact  # True where Unsloth joins the rows of a batch without padding and compiles its layers
    trained_embeddings: Fact  # how many of embedding and head are trained in full
    sharded: Fact  # what spreads the model over several cards


class Checkpointing(Part):
    """What is saved on the way, how much of it is kept, and whether a restarted run goes on."""

    save_strategy: Fact
    save_steps: Fact
    save_conflict: Fact  # True when save_steps is set and nothing is saved
    save_total_limit: Fact
    # "newest", "text order", "bare name", "any", "unguarded", "never", "fixed path", "output directory", "unread
    # argument" (of the training arguments, which the trainer does not read)
    resume: Fact
    resume_by: Fact  # the call that finds the checkpoint
    # Lists of defects, each with cases: why the model that is kept is not the best one, and what a run that resumes
    # does not find as it left it.
    best_model: Fact
    resumed_state: Fact


class Project(Part):
    """What lies around the run: its folders, its log, what it is tracked by."""

    script: Fact  # path of the script, relative to its project
    output_dir: Fact
    log_file: Fact
    dataset_configs_in: Fact  # "script", or the file that defines them
    tracker: Fact  # list of report_to, or "none"
    untracked_truth: Fact  # list: settings logged with another value than the run uses
    unguarded: Fact  # list of defects, with cases: what each of several processes writes to one place
    contradicted: Fact  # list of defects, with cases: comments that say another value than the run uses


class Api(Part):
    """Whether the libraries take what the script passes to them."""

    trainer: Fact  # canonical name of the trainer class
    arguments_class: Fact
    versions: Fact  # library -> version or range that the script is judged by
    patched: Fact  # True when the script imports Unsloth, whose classes accept what the plain ones reject
    # Lists of defects, each with cases.
    unknown_arguments: Fact
    removed_arguments: Fact
    moved_arguments: Fact
    deprecated_arguments: Fact
    missing_in_range: Fact  # arguments that some of the stated versions do not know
    removed_imports: Fact
    incompatible_versions: Fact  # stated versions, or a stated Python, that no installer accepts together
    wrong_classes: Fact
    conflicting_arguments: Fact
    late_imports: Fact
    changed_defaults: Fact
    ignored_keys: Fact  # of a configuration: keys that are dropped in silence, have no effect, or come twice
    refused_values: Fact  # values that the parser of a configuration, or a library that a script calls, does not take
    idle: Fact  # settings that count only with another one, which is off or overrules them
    swallowed: Fact  # arguments that a callee takes as further keywords, and nobody reads
    late_environment: Fact  # variables of the environment that are set after they were read
    misread_options: Fact  # options of type=bool whose word is one like False, which is True to bool()
    unread: Fact  # fields, options and constants of the script that nothing reads


class Artifact(Part):
    """What is left after training, and whether it is asked as it was trained."""

    saved: Fact  # list: the directories and repositories that the model is saved to after training
    # Lists of defects, each with cases.
    saved_weights: Fact  # saves of a model from which what was trained is gone, or hidden under other names
    merged_into: Fact  # merges into weights of 4 or 8 bits
    tokenizer: Fact  # a tokenizer that was changed and is saved nowhere beside the model
    converted: Fact  # conversions of a folder in which the fine-tune is not
    prompt: Fact  # where the model is asked with another prompt than it was trained on
    generation: Fact  # answers with the prompt in front, after padding, cut short, or without an end


class Rows(Part):
    """Defects in the rows of a data file of this script: lists of the kinds of defects that were found, empty for none.

    Not a part of the plan, since the script does not contain them: `nl2sql-review data` reads the files and fills them.
    """

    unreadable: Fact
    missing_columns: Fact
    empty_parts: Fact
    markup: Fact
    foreign_markers: Fact
    statements: Fact
    refused_sql: Fact
    broken_schemas: Fact
    lost_by_cut: Fact
    too_long: Fact
    duplicates: Fact
    contradictions: Fact
    held_out_rows: Fact
    held_out_databases: Fact
    databases_on_both_sides: Fact
    passes: Fact  # how often each row of the dataset is trained on


class TrainingPlan:
    """The nine parts of the plan of one run; `run` is the command line that starts it, if one is known."""

    def __init__(self) -> None:
        self.run = ""
        self.command = ""  # of the script's own commands, the one that trains
        self.place: Place | None = None  # the call that facts without a place of their own point to
        self.trained = False  # that call constructs a trainer
        self.untrained = ""  # why no policy for trainings applies, where the file certainly trains nothing
        self.offers_model = False  # that file makes a model for others, of which one may train it
        self.part_of = ""  # the script of the run, where only what the reviewed module decides is judged
        self.notes: tuple[str, ...] = ()  # what the judgement rests on and a reader is to know, a sentence each
        self.lora = Lora()
        self.prompt = Prompt()
        self.dataset = Dataset()
        self.arguments = Arguments()
        self.memory = Memory()
        self.checkpointing = Checkpointing()
        self.project = Project()
        self.api = Api()
        self.artifact = Artifact()

    def __getitem__(self, name: str) -> Fact:
        """Return the fact called `section.field`. Raises KeyError if there is none."""
        section, _, attribute = name.partition(".")
        try:
            fact: Fact = getattr(getattr(self, section), attribute)
        except AttributeError:
            raise KeyError(name) from None
        return fact

    def facts(self) -> Iterator[tuple[str, Fact]]:
        """Yield every fact with its full name, in the order of the checklist."""
        for section in SECTIONS:
            part = getattr(self, section)
            for name in part.names():
                yield f"{section}.{name}", getattr(part, name)


FACTS = tuple(name for name, _ in TrainingPlan().facts())
ROW_SECTION = "rows"
ROW_FACTS = tuple(f"{ROW_SECTION}.{name}" for name in Rows.names())
