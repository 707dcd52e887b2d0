"""Flat list of the settings of one run: every argument of its calls, and the facts that the plan adds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from ..interpret.core.names import STACK
from ..interpret.core.recording import Call
from ..judgement.judge import Examined
from ..readers import run as runs
from ..readers.object_settings import ObjectSettings, last
from ..render.plan_json import PlanStep, PlanValue, describe_fact, steps
from ..render.plan_json import describe_value as described
from ..render.plan_words import said
from ..training_plan.facts import TrainingPlan
from ..training_plan.values import Absent, Known, Unknown, Value

# Facts that no argument says as they stand.
OWN_FACTS = (
    *(f"prompt.{n}" for n in ("form", "style", "parts", "ending", "loss_on", "loss_by", "padding", "bos", "appended")),
    *(f"prompt.{n}" for n in ("instruction_marker", "response_marker", "boundary")),
    *(f"dataset.{n}" for n in ("sources", "mixing", "weights", "schema_limit")),
    *("arguments.processes", "checkpointing.resume", "project.log_file", "memory.gpu", "memory.unsloth"),
    *("lora.adapter", "api.trainer", "api.arguments_class"),
)
# Facts whose value follows from others: they are told as consequences, or not at all.
DERIVED = (
    *("arguments.effective_batch", "arguments.warmup", "arguments.warmup_spelling", "arguments.warmup_conflict"),
    *("arguments.mixed_precision", "arguments.launcher_conflicts", "arguments.launcher_overruled", "arguments.cards"),
    *("lora.unmatched_modules", "lora.quantized_by", "lora.misplaced_gradient_checkpointing"),
    *("prompt.missing_parts", "prompt.eos_from", "prompt.markers", "prompt.text", "checkpointing.save_conflict"),
    *("dataset.config_class", "dataset.config_kind", "dataset.config_fields", "dataset.unimported_names"),
    *("dataset.weights_sum", "dataset.misaligned_weights", "dataset.bare_fields", "dataset.late_fallbacks"),
    *("dataset.truncation_cuts", "dataset.schema_fills", "checkpointing.resume_by", "project.script"),
    *("project.dataset_configs_in", "project.untracked_truth", "api.versions", "api.patched"),
)
# Arguments that hand on an object whose own settings are compared.
OBJECTS = frozenset(
    """model args peft_config quantization_config tokenizer processing_class train_dataset data_collator bnb_config
    training_args config $0 self""".split()
)
# Calls that prepare the rows, of which the arguments count as well; what names a source or a function does not.
PREPARING = frozenset(
    """__call__ apply_chat_template map filter train_test_split shuffle load_dataset train_on_responses_only
    get_chat_template prepare_model_for_kbit_training interleave_datasets""".split()
)
NOT_COMPARED = frozenset(
    """path data_files function conversation messages text datasets dataset probabilities desc num_proc keep_in_memory
    load_from_cache_file writer_batch_size batch_size""".split()
)
# Calls beside these that change what is trained, by the end of their names.
TELLING = frozenset(
    """filter map select shuffle train_test_split interleave_datasets concatenate_datasets remove_columns rename_column
    rename_columns sort shard take skip flatten cast_column set_seed manual_seed manual_seed_all compile
    enable_full_determinism prepare_model_for_kbit_training resize_token_embeddings add_special_tokens add_tokens
    merge_and_unload get_chat_template train_on_responses_only standardize_sharegpt apply_chat_template
    enable_input_require_grads tie_weights
    gradient_checkpointing_enable gradient_checkpointing_disable requires_grad_ setup_chat_format clone_chat_template
    unsloth_train add_callback evaluate set_float32_matmul_precision use_deterministic_algorithms""".split()
)

# What writes the result down, whichever class offers it.
SAVING = frozenset(
    """save_model save_pretrained save_pretrained_merged save_pretrained_gguf save_state push_to_hub push_to_hub_merged
    push_to_hub_gguf""".split()
)
MOST_PARTS = 8  # of a list with objects in it that is written out
IMPORTED = ("torch", "transformers", "trl", "peft")  # of which Unsloth changes what it finds


@dataclass(frozen=True)
class Setting:
    """One setting; `key` matches it with the same setting of the other side, `fact` is its name in the plan, if any."""

    key: tuple[str, str]
    section: str
    name: str
    value: PlanValue
    fact: str = ""
    callee: str = ""


def describe_value(value: Value) -> PlanValue:
    """Return a value as plain data; a list or tuple with objects in it as it is written: `(SophiaG(…), None)`."""
    parts = value.parts if isinstance(value, Unknown) else None
    if isinstance(parts, (list, tuple)) and 0 < len(parts) <= MOST_PARTS:
        made = [described(one) for one in parts]
        if all(one.kind in ("known", "default", "term") for one in made):
            words = ", ".join(one.value if one.kind == "term" else said(one) for one in made)
            return PlanValue("term", f"({words})", "", steps(value.trace))
    return described(value)


def of_calls(examined: Examined, number: int) -> list[Setting]:
    """Return the arguments of the calls of one run."""
    plan = examined.plans[number]
    one = examined.of_run(plan)
    if one.recording is None or one.source is None:
        return []
    found = runs.runs(one.recording, one.source, one.settings)
    at = next((n for n, other in enumerate(one.plans) if other is plan), 0)
    if not found:
        return []
    run = found[at] if len(found) == len(one.plans) else found[0]
    made: dict[tuple[str, str], Setting] = {}
    facts = {fact.argument: name for name, fact in plan.facts() if fact.argument}
    for role, section, given in (
        ("load", "lora", run.load),
        ("quantization", "lora", run.quantization),
        ("adapter", "lora", run.adapter),
        ("train", "arguments", run.arguments),
    ):
        for setting in _given(role, section, given, facts):
            made.setdefault(setting.key, setting)
    if run.trainer is not None:
        for setting in _arguments("trainer", "arguments", run.trainer, facts):
            made.setdefault(setting.key, setting)
    made["train()", "calls"] = Setting(
        ("train()", "calls"), "checkpointing", "calls of train()", PlanValue("known", len(run.train))
    )
    for call in run.train:
        for setting in _arguments("train()", "checkpointing", call, facts):
            made.setdefault(setting.key, setting)
    for setting in (*_written(one.recording.calls), *_prepared(one.recording.calls), *_tokenizer(one.recording.calls)):
        made[setting.key] = setting  # the last write counts
    return list(made.values())


def _written(calls: list[Call]) -> Iterator[Setting]:
    """Yield what the script sets: attributes of library objects (`tokenizer.pad_token = …`), environment variables."""
    for call in calls:
        library = call.callee.partition(".")[0]
        if call.callee.startswith("os.environ.") and call.callee.endswith("="):
            name = call.callee.removeprefix("os.environ.").removesuffix("=")
            for value in call.arguments.values():
                yield Setting(("variable", name), "project", f"${name}", describe_value(value))
        if call.callee.endswith("=") and library in (*STACK, "torch"):
            name = last(call.callee).removesuffix("=")
            for value in call.arguments.values():
                section = "memory" if library == "torch" else "lora" if name == "requires_grad" else "prompt"
                yield Setting(("write", call.callee), section, name, describe_value(value))


def _tokenizer(calls: list[Call]) -> Iterator[Setting]:
    """What the last tokenizer that is loaded is given, but for its name, and the tokens that are added to one."""
    for call in calls:
        library, name = call.callee.partition(".")[0], last(call.callee)
        loads = name == "from_pretrained" and "Tokenizer" in call.callee
        if library not in STACK or not (loads or name in ("add_special_tokens", "add_tokens")):
            continue
        for argument, value in call.arguments.items():
            if argument not in ("pretrained_model_name_or_path", "token", "use_auth_token", "cache_dir"):
                shown = f"tokenizer({argument})" if loads else f"{name}()"
                yield Setting((f"tokenizer {name}", argument), "prompt", shown, describe_value(value))


def _prepared(calls: list[Call]) -> Iterator[Setting]:
    """Yield the arguments of the calls that prepare the rows, matched between sides by name and number."""
    seen: Counter[str] = Counter()
    for call in calls:
        name = last(call.callee)
        if call.callee.partition(".")[0] not in STACK or not (name in PREPARING or "DataCollator" in name):
            continue
        seen[call.callee] += 1
        shown = "tokenizer" if name == "__call__" else name
        for argument, value in call.arguments.items():
            described = describe_value(value)
            plain = described.kind in ("known", "default") and not argument.startswith("$")
            if plain and argument not in NOT_COMPARED and argument not in OBJECTS:
                key = (f"{call.callee}#{seen[call.callee]}", argument)
                yield Setting(key, "dataset", f"{shown}({argument})", described, callee=call.callee)


def _given(role: str, section: str, given: ObjectSettings, facts: dict[str, str]) -> Iterator[Setting]:
    for call, made in given.makers:
        written = getattr(made, "slots", None) or {}
        for name, value in written.items():
            if isinstance(name, str) and name.isidentifier() and hasattr(value, "trace"):
                fact = facts.get(name, "")
                yield Setting((role, name), _section(fact, section), name, describe_value(value), fact)
        if call is not None and not (role == "load" and last(call.callee).endswith("Trainer")):
            yield from _arguments(role, section, call, facts)


def _arguments(role: str, section: str, call: Call, facts: dict[str, str]) -> Iterator[Setting]:
    for name, value in call.arguments.items():
        if isinstance(value, Absent) or name in OBJECTS and not isinstance(_plain(value), (str, type(None))):
            continue
        fact = facts.get(name, "")
        key = call.keys.get(name, name)
        yield Setting((role, name), _section(fact, section), key, describe_value(value), fact, last(call.callee))


def _plain(value: object) -> object:
    found = getattr(value, "value", value)
    return found if found is None or isinstance(found, str) else object


def _section(fact: str, otherwise: str) -> str:
    return fact.partition(".")[0] if fact else otherwise


def of_facts(plan: TrainingPlan, names: tuple[str, ...] | None = None) -> list[Setting]:
    """Return the facts of a plan: those in `names`, or else all that are no consequence of others."""
    made = []
    for name, fact in plan.facts():
        section, _, short = name.partition(".")
        if names is not None and name not in names or name in DERIVED and names is None:
            continue
        if names is None and (section == "memory" and short not in ("gpu", "sequence_length", "packing")):
            continue
        if names is None and section == "api" and short not in ("trainer", "arguments_class"):
            continue
        made.append(Setting(("fact", name), section, short, describe_fact(fact), name))
    return made


def of_environment(examined: Examined) -> list[Setting]:
    """Return the variables that the command line sets, or exports before it."""
    started = examined.recording.started if examined.recording is not None else None
    set_ = started.environment if started is not None else {}
    return [Setting(("variable", name), "project", f"${name}", describe_value(value)) for name, value in set_.items()]


def of_imports(examined: Examined) -> list[Setting]:
    """What is imported before Unsloth, where the script imports it: its changes reach only what comes later."""
    early: dict[str, None] = {}
    for path, place in examined.recording.imports if examined.recording is not None else ():
        library = path.partition(".")[0]
        if library == "unsloth":
            value = describe_value(Known(list(early), (place,)))
            return [Setting(("import", "unsloth"), "api", "imported before unsloth", value)]
        if library in IMPORTED:
            early[library] = None
    return []


def arriving(examined: Examined) -> set[str]:
    """Return the places, `train.yaml:12`, from which a value comes that the calls or the plan show as it is."""
    made: set[str] = set()
    for number, plan in enumerate(examined.plans):
        for one in (*of_calls(examined, number), *of_facts(plan)):
            if one.value.kind in ("known", "default", "text"):
                made |= {place_of(step) for step in one.value.trace}
    return made


def place_of(step: PlanStep) -> str:
    """Where a step of a trace stands, as people read it: `train.py:12`."""
    return f"{PurePath(step.path).name}:{f'cell {step.cell}:' if step.cell else ''}{step.row}"


def other_calls(examined: Examined) -> dict[str, Call]:
    """Return the other library calls that change the training, by name; their arguments are not compared."""
    made: dict[str, Call] = {}
    for call in examined.recording.calls if examined.recording is not None else ():
        if call.callee.partition(".")[0] in (*STACK, "torch") and last(call.callee) in TELLING:
            made.setdefault(call.callee, call)
        elif call.callee.partition(".")[0] in STACK and last(call.callee) in SAVING and call.reached:
            made.setdefault(last(call.callee), call)
    return made
