"""How tests read a configuration: its plan, its findings, and what a key of it becomes."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.facts import TrainingPlan
from nl2sql_review.training_plan.values import Absent, Default, Known

TRL = "model_name_or_path: m\ndataset_name: d\nuse_peft: true\n{}"
AXOLOTL = "base_model: m\ndatasets: [{{path: d, type: alpaca}}]\nadapter: qlora\nload_in_4bit: true\n{}"
FACTORY = "model_name_or_path: m\nstage: sft\ndo_train: true\ndataset: d\n{}"
CLI = "model: m\ndata: {{dataset: d}}\n{}"
STUDIO = "training:\n  max_steps: 0\nlora:\n  use_dora: false\n{}"

# The key's lines, the fact they become, its value. What is known by its default has no lines; None: the fact is absent.
Case = tuple[str, str, object]


def plan(text: str, name: str = "config.yaml", flavour: str = "", folder: Path | None = None) -> TrainingPlan:
    path = str(folder / name) if folder is not None else name
    if folder is not None:
        (folder / name).write_text(text, encoding="utf-8")
    _, _, (made,) = Reviewer(isolated=True, flavour=flavour).plans(text.encode(), path, Settings())
    return made


def findings(text: str, name: str = "config.yaml", flavour: str = "") -> list[tuple[int, str, str]]:
    file, faults = Reviewer(isolated=True, flavour=flavour).source(text.encode(), name)
    assert not faults
    return [(f.location.row, f.rule, f.message) for f in file.findings]


def merged(base: str, lines: str) -> str:
    """The file with the keys of `lines` in place of its own of the same name."""
    own = base.format("")
    for key in re.findall(r"^([\w-]+):", lines, re.MULTILINE):
        own = re.sub(rf"^{key}:.*\n(?:[ ].*\n)*", "", own, flags=re.MULTILINE)
    return own + lines + "\n"


def each(cases: list[Case]) -> pytest.MarkDecorator:
    """A test of every key."""
    ids = lambda v: v if isinstance(v, str) and len(v) < 60 and "\n" not in v else ""  # noqa: E731
    return pytest.mark.parametrize(("lines", "fact", "value"), cases, ids=ids)


def check(flavour: str, base: str, lines: str, fact: str, value: object) -> None:
    """The fact is known, with that value, of that type."""
    found = plan(merged(base, lines), flavour=flavour)[fact]
    if value is None:
        assert isinstance(found.value, Absent)
        return
    assert isinstance(found.value, (Known, Default)), found
    assert found.value.value == value and type(found.value.value) is type(value)


def mapped(module: ModuleType) -> set[str]:
    """The keys that a flavour's tables turn into arguments."""
    return {key for name in ("ARGUMENTS", "ADAPTER") for key in getattr(module, name, {}).values()}


def untried(module: ModuleType, cases: list[Case]) -> set[str]:
    """The mapped keys of which there is no case."""
    tried = " ".join(lines for lines, _, _ in cases)
    return {key for key in mapped(module) if not re.search(rf"\b{key}:", tried)}
