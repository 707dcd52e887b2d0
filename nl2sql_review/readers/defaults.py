"""Defaults of the libraries for arguments that are left out.

The tables list the defaults that are worth a fact, with their values in the newest known versions (trl 1.16,
transformers 5.23, peft 0.21, unsloth 2026.10); under the versions that a script states, the signatures give
the values. If Unsloth is imported before TRL, its versions of TRL's classes are made, with Unsloth's
defaults.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Iterator

from ..libraries import store
from ..libraries.versions import key_of

TRAINING_ARGUMENTS: dict[str, Any] = {
    "output_dir": "trainer_output",
    "per_device_train_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "num_train_epochs": 3.0,
    "max_steps": -1,
    "learning_rate": 5e-05,
    "lr_scheduler_type": "linear",
    "warmup_steps": 0,
    "optim": "adamw_torch",
    "weight_decay": 0.0,
    "bf16": False,
    "fp16": False,
    "save_strategy": "steps",
    "save_steps": 500,
    "save_total_limit": None,
    "report_to": "none",
    "seed": 42,
}

# Those that no release of transformers or TRL has changed
STEADY = {"per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs", "max_steps"} | {
    *("lr_scheduler_type", "weight_decay", "fp16", "save_strategy", "save_steps", "save_total_limit", "seed")
}
OTHER_ONCE = {"PPOConfig"}  # before trl 0.12 these were no training arguments

# SFTConfig changes some of them; bf16=None means "unless fp16", settled in readers/arguments.py.
SFT_CONFIG: dict[str, Any] = {**TRAINING_ARGUMENTS, "learning_rate": 2e-05, "bf16": None, "max_length": 1024}

LORA_CONFIG: dict[str, Any] = {"r": 8, "lora_alpha": 8, "target_modules": None, "lora_dropout": 0.0, "bias": "none"}
ADALORA_CONFIG: dict[str, Any] = {k: v for k, v in LORA_CONFIG.items() if k != "r"} | {"init_r": 12, "target_r": 8}
LYCORIS = ("LoHaConfig", "LoKrConfig")
LYCORIS_CONFIG: dict[str, Any] = {
    "r": 8,
    "alpha": 8,
    "target_modules": None,
    "rank_dropout": 0.0,
    "module_dropout": 0.0,
}

UNSLOTH_ADAPTER: dict[str, Any] = {
    "r": 16,
    "lora_alpha": 16,
    "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    "lora_dropout": 0.0,
    "bias": "none",
    "use_gradient_checkpointing": "unsloth",
}

UNSLOTH_MODEL: dict[str, Any] = {"max_seq_length": 2048, "load_in_4bit": True}

COMMON = ("transformers", "TrainingArguments")
HOME_OF_ENCODERS = "sentence_transformers"  # its arguments are transformers' with some more

BITS_AND_BYTES: dict[str, Any] = {"load_in_4bit": False, "load_in_8bit": False}


# of a library: the releases that may be installed, newest first, and whether the judged one refuses the script
Possible = Callable[[str], tuple[tuple[str, ...], bool]]


@dataclass(frozen=True)
class Replaced:
    """The TRL classes that Unsloth replaces when it is imported.

    `early` are the names that the script imported from TRL before, which remain TRL's; `sure` is False if the
    import is in a `try` and the script continues without it.
    """

    early: frozenset[str] = frozenset()
    sure: bool = True


_installed: ContextVar[dict[str, str] | None] = ContextVar("installed", default=None)
_replaced: ContextVar[Replaced | None] = ContextVar("replaced", default=None)
_possible: ContextVar[Possible | None] = ContextVar("possible", default=None)


@contextmanager
def under(
    installed: dict[str, str] | None, replaced: Replaced | None = None, possible: Possible | None = None
) -> Iterator[None]:
    """Use the defaults of these versions (library -> version) while a script is read.

    `possible` finds the other releases that may be installed, if it is asked.
    """
    tokens = _installed.set(installed), _replaced.set(replaced), _possible.set(possible)
    try:
        yield
    finally:
        _installed.reset(tokens[0])
        _replaced.reset(tokens[1])
        _possible.reset(tokens[2])


def of(callee: str) -> dict[str, Any]:
    """Return the defaults of the object that this call makes; empty if they are not known."""
    return _of(callee, _versions(), generated(callee))


def undecided(callee: str, name: str) -> str:
    """Return why a default is unknown: the class is gone from the release that is stated or assumed, as `trl 1.16.0`.

    "" if the class is there, or every release that had it had this default.
    """
    library, _, owner = callee.partition(".")
    had = store.exported(library, owner)
    version = (_installed.get() or {}).get(library) or (store.newest(library) if had else "")
    gone = version in store.versions(library) and all(key_of(one) < key_of(version) for one in had)
    if not had or not gone or name in STEADY and owner not in OTHER_ONCE:
        return ""
    return f"{library} {version} has no {owner}, so its default for {name} is unknown"


@dataclass(frozen=True)
class ByRelease:
    """A default that is not the same in every release that may be installed.

    `since` has the first release with each value, oldest first; `refused`: the release that is judged takes no such
    script, so that it is one of the others.
    """

    library: str
    since: tuple[tuple[str, Any], ...]
    refused: bool

    @property
    def sentence(self) -> str:
        """What the default is before and since which release."""
        (_, first), *later = self.since
        told = [f"{first!r} before {self.library} {later[0][0].removesuffix('.0')}"]
        told += [f"{value!r} since {version.removesuffix('.0')}" for version, value in later]
        return " and ".join(told)


def by_release(callee: str, name: str) -> ByRelease | None:
    """Return how a default depends on the release; None if all that may be installed have the same one."""
    possible, versions = _possible.get(), _versions()
    if possible is None or not versions or name in STEADY or generated(callee):
        return None
    for library in dict.fromkeys((callee.partition(".")[0], "transformers")):
        releases, refused = possible(library) if library in ("trl", "transformers") else ((), False)
        found: list[tuple[str, Any]] = []
        for version in reversed(releases):
            made = _of(callee, tuple(sorted({**dict(versions), library: version}.items())), "")
            if name in made and (not found or found[-1][1] != made[name]):
                found.append((version, made[name]))
        if len(found) > 1:
            return ByRelease(library, tuple(found), refused)
    return None


@lru_cache(maxsize=256)
def differs_by_release(callee: str, name: str) -> bool:
    """Return whether the releases in the tables do not agree on a default."""
    newest = {library: store.versions(library)[-1] for library in ("trl", "transformers")}
    for library, versions in ((library, store.versions(library)) for library in newest):
        made = [_of(callee, tuple(sorted({**newest, library: version}.items())), "") for version in versions]
        given = [one[name] for one in made if name in one]
        if any(one != given[0] for one in given):
            return True
    return False


def switches(callee: str, names: tuple[str, ...]) -> dict[str, Any] | None:
    """Return those of these parameters that are True, False or None by the signature of a class.

    None if the class has no such parameter at all.
    """
    library, _, name = callee.partition(".")
    installed = {known: store.newest(known) for known in store.libraries()} | dict(_versions())
    found = store.whole(library, name, installed)
    if found is None:
        return {}
    own = [parameter for parameter in names if parameter in found.parameters]
    words = {"True": True, "False": False, "None": None}
    made = {name: words[found.parameters[name]] for name in own if found.parameters[name] in words}
    return made if own or found.open else None


def otherwise(callee: str) -> dict[str, Any] | None:
    """Return the defaults if Unsloth turns out not to be installed, or None if nothing depends on that."""
    replaced = _replaced.get()
    return _of(callee, _versions(), "") if generated(callee) and replaced is not None and not replaced.sure else None


def generated(callee: str) -> str:
    """Return the class that Unsloth generates for a TRL configuration, as `UnslothSFTConfig`, or "" for TRL's own."""
    replaced, (library, _, name) = _replaced.get(), callee.partition(".")
    version = (_installed.get() or {}).get("unsloth", "")
    if callee == "unsloth.UnslothTrainingArguments":
        name = "SFTConfig"
    elif replaced is None or library != "trl" or not name.endswith("Config") or callee in replaced.early:
        return ""
    named = f"Unsloth{name.rpartition('.')[2]}"
    return named if store.signature("unsloth", "UnslothConfig", version) is not None else ""


def passed_on(callee: str, name: str) -> str:
    """The argument that Unsloth's class makes of an old one that TRL's refuses; "" where it makes none of it."""
    found = store.signature("unsloth", "UnslothConfig", dict(_versions()).get("unsloth", ""))
    return dict(found.renamed).get(name, "") if found is not None and generated(callee) else ""


def stays(callee: str) -> bool:
    """Whether a class of TRL remains TRL's own, because the script imported it before Unsloth."""
    replaced = _replaced.get()
    return replaced is not None and callee in replaced.early


def may_be_missing() -> bool:
    """Whether the script goes on where Unsloth, which it tries to import, is not installed."""
    replaced = _replaced.get()
    return replaced is not None and not replaced.sure


def trains_by_unsloth(callee: str) -> bool | None:
    """Return whether a trainer is one that Unsloth generates in place of TRL's; None if that needs it installed."""
    replaced, version = _replaced.get(), (_installed.get() or {}).get("unsloth", "")
    own = callee in ("unsloth.UnslothTrainer", "unsloth.trainer.UnslothTrainer")
    if not own:
        library, _, name = callee.partition(".")
        if replaced is None or library != "trl" or not name.endswith("Trainer") or callee in replaced.early:
            return False
    if store.signature("unsloth", "UnslothConfig", version) is None:
        return False
    return True if own or replaced is not None and replaced.sure else None


def length_of(callee: str) -> str:
    """Return how Unsloth's class computes the length at which the trainer cuts.

    "model" is the model's length whatever `max_length` is, "shorter" is the shorter of the two; "" means that
    `max_length` alone sets it.
    """
    name, version = generated(callee), (_installed.get() or {}).get("unsloth", "")
    if name != "UnslothSFTConfig":
        return ""
    found = store.signature("unsloth", name, version)
    written = found.parameters.get("max_length", "") if found is not None else ""
    return "shorter" if "min(" in written else "model"


def _versions() -> tuple[tuple[str, str], ...]:
    installed = _installed.get()
    return tuple(sorted(installed.items())) if installed else ()


@lru_cache(maxsize=256)
def _of(callee: str, versions: tuple[tuple[str, str], ...], generated: str) -> dict[str, Any]:
    plainly = _plain(callee, versions)
    if not generated:
        return plainly
    installed = dict(versions)
    found = store.whole("unsloth", generated, installed) or store.whole("unsloth", "UnslothConfig", installed)
    if found is None:
        return plainly
    share = "warmup_steps" if key_of(installed.get("transformers", "5.0.0")) >= key_of("5.0.0") else "warmup_ratio"
    made = {**plainly}
    for name in (*plainly, "warmup_ratio", "learning_rate"):
        if name in ("max_length", "output_dir") or name.startswith("warmup") and name != share in found.parameters:
            continue  # the readers of memory and of checkpoints know what comes of the first two
        if name in found.parameters:
            made[name] = found.default(name)
    if generated == "UnslothSFTConfig":
        made.pop("max_length", None)
    return made


def _plain(callee: str, versions: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return the defaults of the class that the library itself defines."""
    newest, installed = _newest(callee), dict(versions)
    library, _, callable = callee.partition(".")
    if library == HOME_OF_ENCODERS:
        library, callable = COMMON
    if callable.endswith("UnslothTrainingArguments"):
        library, callable = "trl", "SFTConfig"
    if not newest or not installed:
        return newest
    if library == "unsloth":
        callable = (
            "FastLlamaModel.get_peft_model"
            if callable.endswith("get_peft_model")
            else "FastLanguageModel.from_pretrained"
        )
    found = store.whole(library, callable, installed)
    if found is None and library == "trl":  # the other trainers' share those of DPO
        found = store.whole(library, "DPOConfig", installed) or store.whole(*COMMON, installed)
    if found is None:
        return newest
    made = {}
    for name, value in newest.items():
        # trl before 0.16 says max_seq_length, and None is 1024 unless the tokenizer knows less
        spelled = "max_seq_length" if name == "max_length" and name not in found.parameters else name
        try:
            made[name] = found.default(spelled)
        except KeyError:
            if found.parameters.get(spelled) == store.NO_LITERAL:
                made[name] = value  # an older release may require what a newer one has a default for
            continue
        if spelled == "max_seq_length" and made[name] is None:
            made[name] = value
        if name == "report_to" and made[name] is None:
            made[name] = "all"  # what is installed, before transformers 5
    return made


def _newest(callee: str) -> dict[str, Any]:
    owner, _, name = callee.rpartition(".")
    if name == "get_peft_model" and callee.startswith("unsloth"):
        return UNSLOTH_ADAPTER
    if name == "from_pretrained" and owner.rpartition(".")[2].startswith("Fast") and callee.startswith("unsloth"):
        return UNSLOTH_MODEL
    if name == "LoraConfig":
        return LORA_CONFIG
    if name == "AdaLoraConfig":
        return ADALORA_CONFIG
    if name in LYCORIS:
        return LYCORIS_CONFIG
    if name == "BitsAndBytesConfig":
        return BITS_AND_BYTES
    if name.endswith("TrainingArguments") and owner.partition(".")[0] in ("transformers", "unsloth", HOME_OF_ENCODERS):
        return TRAINING_ARGUMENTS if name != "UnslothTrainingArguments" else SFT_CONFIG
    if name == "SFTConfig":
        return SFT_CONFIG
    if name.endswith("Config") and callee.startswith("trl."):
        without_rate = {k: v for k, v in TRAINING_ARGUMENTS.items() if k != "learning_rate"}  # each has its own
        return without_rate | {"bf16": None} | ({"num_generations": 8} if name == "GRPOConfig" else {})
    return {}


def name(callee: str) -> str:
    """Return the name of a default's owner in a trace: `TrainingArguments`, `FastLanguageModel.get_peft_model`."""
    if made := generated(callee):
        return made
    owner, _, last = callee.rpartition(".")
    return f"{owner.rpartition('.')[2]}.{last}" if last in ("get_peft_model", "from_pretrained") else last
