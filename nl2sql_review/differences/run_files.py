"""Reads a finished run from the files in its folder, each in the form of the library that writes it.

The files are `adapter_config.json`, `trainer_state.json`, `README.md`, those of the tokenizer, `run.log`, and the
offline files of Weights & Biases. `training_args.bin` is a pickle, which runs code when it is loaded: it is never
opened.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from ..files import discovery, disk
from ..readers import earlier
from ..render.plan_json import PlanStep, PlanValue
from .finished_run import FinishedRun, Logged, State

LARGEST = 32_000_000  # bytes of a JSON file; a state of a long run is some MB, and lists take twenty times their text
LARGEST_TEXT = 2_000_000  # bytes of README.md and of a log
LONGEST_LINE = 2000
NAMES = ("adapter_config.json", "trainer_state.json", "README.md", "tokenizer_config.json", "run.log", "wandb/")
# field of adapter_config.json -> fact of the plan
ADAPTER = {
    "r": "lora.r",
    "lora_alpha": "lora.alpha",
    "lora_dropout": "lora.dropout",
    "bias": "lora.bias",
    "target_modules": "lora.target_modules",
    "base_model_name_or_path": "lora.model_name",
}
# what the model card of transformers' Trainer calls a setting -> fact
CARD = {
    "learning_rate": "arguments.learning_rate",
    "train_batch_size": "arguments.per_device_batch_size",
    "gradient_accumulation_steps": "arguments.gradient_accumulation",
    "total_train_batch_size": "arguments.effective_batch",
    "num_devices": "arguments.processes",
    "seed": "arguments.seed",
    "lr_scheduler_type": "arguments.scheduler",
    "lr_scheduler_warmup_ratio": "arguments.warmup_ratio",
    "lr_scheduler_warmup_steps": "arguments.warmup_steps",
    "num_epochs": "arguments.epochs",
    "training_steps": "arguments.max_steps",
}
# key of Weights & Biases' config -> fact
WANDB = {
    "learning_rate": "arguments.learning_rate",
    "per_device_train_batch_size": "arguments.per_device_batch_size",
    "gradient_accumulation_steps": "arguments.gradient_accumulation",
    "lr_scheduler_type": "arguments.scheduler",
    "warmup_ratio": "arguments.warmup_ratio",
    "num_train_epochs": "arguments.epochs",
    "max_steps": "arguments.max_steps",
    "seed": "arguments.seed",
    "optim": "arguments.optimizer",
    "weight_decay": "arguments.weight_decay",
    "max_seq_length": "memory.sequence_length",
    "max_length": "memory.sequence_length",
}
# Keys that TRL's arguments have: without them `max_length` is that of the model's generation, 20 by default.
OF_TRL = ("packing:", "dataset_text_field:")
NOWHERE = re.compile(r"^(?:None|)$")


def read(folder: str) -> FinishedRun | None:
    """Read the files of a run from a folder; None if it has no such files."""
    try:
        names = frozenset(entry.name for entry in os.scandir(folder) if not entry.is_dir(follow_symlinks=False))
    except OSError:
        return None
    made = FinishedRun(folder, names=names)
    checkpoints = earlier.checkpoints(folder)
    left = {"adapter_config.json", "trainer_state.json", "training_args.bin", "tokenizer_config.json"}
    told = bool(names & left) or bool(checkpoints) or any(map(os.path.isdir, _wandb_folders(folder)))
    if not told and not made.is_whole_model and not names & {"README.md", "wandb-summary.json"}:
        return None
    _adapter(made)
    _state(made, checkpoints)
    _card(made)
    _tokenizer(made)
    _wandb(made)
    _log(made)
    if not told and not made.is_whole_model and made.state is None and not set(made.facts) - {"lora.model_name"}:
        return None  # a README.md of something else
    return made


def _bytes(made: FinishedRun, path: str, limit: int) -> bytes | None:
    """Return the bytes of a file inside the folder; None, with the reason noted, if it must not or cannot be read."""
    if not os.path.lexists(path):
        return None
    name = discovery.shown(path)
    top = os.path.realpath(made.folder)
    real = os.path.realpath(path)
    if not real.startswith(top + os.sep):
        made.unread.append(f"{name} is a link out of the directory: it is not followed")
        return None
    try:
        return disk.whole(real, limit)
    except OSError as error:
        made.unread.append(f"{name} is not read: {(error.strerror or str(error)).removesuffix(', and is not read')}")
        return None


def _json(made: FinishedRun, path: str) -> Any:
    data = _bytes(made, path, LARGEST)
    if data is None:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        made.unread.append(f"{discovery.shown(path)} is not valid JSON: {str(error)[:80]}")
        return None


def _value(plain: object, path: str, name: str) -> PlanValue:
    return PlanValue("known", plain, "", (PlanStep(discovery.shown(path), 1, 1, f"{name}: {plain}"[:80]),))


def _adapter(made: FinishedRun) -> None:
    path = os.path.join(made.folder, "adapter_config.json")
    data = _json(made, path)
    if not isinstance(data, dict):
        return
    made.is_adapter = True
    for key, fact in ADAPTER.items():
        if key not in data:
            continue
        plain = data[key]
        if fact == "lora.model_name" and (not isinstance(plain, str) or NOWHERE.match(plain)):
            continue
        if isinstance(plain, list):
            plain = sorted(str(word) for word in plain)
        if isinstance(plain, (str, int, float, bool, list, type(None))):
            made.facts[fact] = _value(plain, path, key)
    r, alpha, root = _number(data.get("r")), _number(data.get("lora_alpha")), data.get("use_rslora", False)
    if r is not None and alpha is not None and r > 0 and alpha > 0 and isinstance(root, bool):
        text = "use_rslora" if root else "lora_alpha / r"
        made.facts["lora.scaling"] = _value(alpha / (r**0.5 if root else r), path, text)


def _state(made: FinishedRun, checkpoints: list[tuple[int, str]]) -> None:
    paths = [made.folder, *(os.path.join(made.folder, name) for _, name in checkpoints[:1])]
    for folder in paths:
        path = os.path.join(folder, "trainer_state.json")
        data = _json(made, path)
        if not isinstance(data, dict):
            continue
        state = made.state = State(discovery.shown(path))
        state.step, state.max_steps = _whole(data.get("global_step")), _whole(data.get("max_steps"))
        state.epoch, state.epochs = _number(data.get("epoch")), _number(data.get("num_train_epochs"))
        state.batch, state.save_steps = _whole(data.get("train_batch_size")), _number(data.get("save_steps"))
        best = data.get("best_model_checkpoint")
        state.best = best if isinstance(best, str) else ""
        history = data.get("log_history")
        for entry in history if isinstance(history, list) else ():
            step = _whole(entry.get("step")) if isinstance(entry, dict) else None
            if step is not None:
                state.log.append(
                    Logged(
                        step,
                        _number(entry.get("epoch")),
                        _number(entry.get("learning_rate")),
                        _number(entry.get("loss")),
                    )
                )
        for fact, plain, name in (
            ("arguments.epochs", state.epochs, "num_train_epochs"),
            ("arguments.per_device_batch_size", state.batch, "train_batch_size"),
        ):
            if plain is not None:
                made.facts[fact] = _value(plain, path, name)
        return


def _whole(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15 else None


def _number(value: object) -> float | None:
    return (
        float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300 else None
    )


LISTED = re.compile(r"^[-*] ([A-Za-z_ ]+):[ ]*([^ \n].*)$", re.MULTILINE)
FRAMEWORKS = {"PEFT": "peft", "TRL": "trl", "Transformers": "transformers", "Pytorch": "torch", "Datasets": "datasets"}
FRAMEWORK = re.compile(r"^[-*] (PEFT|TRL|Transformers|Pytorch|Datasets):?[ ]+([0-9][\w.+]*)", re.MULTILINE)


def _card(made: FinishedRun) -> None:
    path = os.path.join(made.folder, "README.md")
    data = _bytes(made, path, LARGEST_TEXT)
    text = data.decode("utf-8", "replace") if data is not None else ""
    for name, version in FRAMEWORK.findall(text):
        made.versions[FRAMEWORKS[name]] = version
    for name, written in LISTED.findall("\n".join(_short_lines(text))):
        fact = CARD.get(name)
        if fact is not None and fact not in made.facts:
            made.facts[fact] = _value(_plain(written.rstrip(" ")), path, name)
    if "lora.model_name" not in made.facts:
        found = re.search(r"^base_model:[ ]*([\w./-]+)[ ]*$", text, re.MULTILINE)
        if found is not None:
            made.facts["lora.model_name"] = _value(found[1], path, "base_model")


def _short_lines(text: str) -> Iterator[str]:
    """Yield the lines short enough to come from a person or a trainer: patterns take long on endless lines."""
    return (line for line in text.splitlines() if len(line) <= LONGEST_LINE)


def _plain(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text.removeprefix("SchedulerType.").lower() if text.startswith("SchedulerType.") else text


def _tokenizer(made: FinishedRun) -> None:
    path = os.path.join(made.folder, "tokenizer_config.json")
    data = _json(made, path)
    special = _json(made, os.path.join(made.folder, "special_tokens_map.json"))
    for source in (special, data):
        for name in ("eos_token", "pad_token", "bos_token"):
            token = source.get(name) if isinstance(source, dict) else None
            token = token.get("content") if isinstance(token, dict) else token
            if isinstance(token, str):
                made.tokenizer[name] = token
    if isinstance(data, dict) and isinstance(data.get("chat_template"), str):
        made.chat_template = data["chat_template"]
    template = _bytes(made, os.path.join(made.folder, "chat_template.jinja"), LARGEST_TEXT)
    if template is not None:
        made.chat_template = template.decode("utf-8", "replace")


def _wandb_folders(folder: str) -> list[str]:
    """The `files` of the last run that Weights & Biases keeps in a folder, which may be that run's own."""
    top = os.path.join(folder, "wandb")
    runs = [name for name in disk.names(top) if name.startswith(("offline-run-", "run-"))]
    if runs:
        return [os.path.join(top, max(runs, key=_started), "files")]
    own = os.path.join(folder, "files")
    return [own] if os.path.isfile(os.path.join(own, "config.yaml")) else []


def _started(name: str) -> str:
    """When a run of Weights & Biases was started: `offline-run-20240501_120000-abc`."""
    return name.removeprefix("offline-")


def _wandb(made: FinishedRun) -> None:
    """Read `wandb/offline-run-*/files/config.yaml`: each key with its `value` one line below."""
    for folder in _wandb_folders(made.folder) or [made.folder]:
        path = os.path.join(folder, "config.yaml")
        data = _bytes(made, path, LARGEST_TEXT)
        text = data.decode("utf-8", "replace") if data is not None else ""
        for name, written in re.findall(
            r"^(\w+):[ ]*\n(?:[ ]+desc:[^\n]*\n)?[ ]+value:[ ]*([^\n]*)$", text, re.MULTILINE
        ):
            fact = WANDB.get(name)
            if name == "max_length" and not any(f"\n{key}" in f"\n{text}" for key in OF_TRL):
                continue
            if fact is not None and fact not in made.facts and written.strip():
                plain = _plain(written.strip().strip("\"'"))
                if not (fact == "arguments.max_steps" and plain == -1):
                    made.facts[fact] = _value(plain, path, name)
        summary = _json(made, os.path.join(folder, "wandb-summary.json"))
        step = _whole(summary.get("train/global_step")) if isinstance(summary, dict) else None
        if step is not None and made.state is None:
            made.state = State(discovery.shown(os.path.join(folder, "wandb-summary.json")), step=step)


PRINTED = re.compile(r"\{[^{}\n]*['\"]loss['\"]:[^{}\n]*\}")


def _log(made: FinishedRun) -> None:
    """Read the lines that a trainer prints: `{'loss': 1.2, 'learning_rate': 2e-4, 'epoch': 0.1}`."""
    if made.state is not None and made.state.log:
        return
    data = _bytes(made, os.path.join(made.folder, "run.log"), LARGEST_TEXT)
    text = data.decode("utf-8", "replace") if data is not None else ""
    found = list(_printed(text))
    if found:
        made.state = made.state or State(discovery.shown(os.path.join(made.folder, "run.log")))
        made.state.log, made.state.counted = found, True


def _printed(text: str) -> Iterator[Logged]:
    for number, entry in enumerate(PRINTED.findall("\n".join(_short_lines(text))), 1):
        values = {name: _number(_plain(v)) for name, v in re.findall(r"['\"](\w+)['\"]:\s*['\"]?([-+.\w]+)", entry)}
        yield Logged(number, values.get("epoch"), values.get("learning_rate"), values.get("loss"))
