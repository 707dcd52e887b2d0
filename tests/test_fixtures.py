"""Whole scripts: the broken ones are found out on the marked lines, the good ones are clean, all styles are one plan.

`UPDATE_GOLDEN=1 pytest tests/test_fixtures.py` writes down anew what the whole checklist says of the golden pair.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review.policy import rulebook
from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Default, Known, Term

from . import test_silent
from .marked import FIXTURES, about, elsewhere, findings, judged, marks, review
from .render.test_render import golden

GOOD, DEFAULTS = FIXTURES / "golden" / "good.py", FIXTURES / "golden" / "library_defaults.py"
CHECKLIST = sorted((FIXTURES / "checklist").glob("*.py"))
SEED = sorted((FIXTURES / "seed").glob("*.py"))
CONFIGS = sorted((FIXTURES / "configs").rglob("*.yaml"))
REQUEST = FIXTURES / "configs" / "unsloth-studio" / "request.json"  # without comments, and so without marks
STYLES = sorted(
    p for p in (FIXTURES / "styles").iterdir() if p.suffix in (".py", ".ipynb") and not p.stem.endswith("_settings")
)


def family(path: Path) -> list[Path]:
    """The files about the same rules: of one section, one flavour, the seed document; a style is about none."""
    if path in CHECKLIST:
        return [other for other in CHECKLIST if other.stem.split("_")[0] == path.stem.split("_")[0]]
    if path in (*CONFIGS, REQUEST):
        return [other for other in CONFIGS if other.parent == path.parent]
    return SEED if path in SEED else []


@pytest.mark.parametrize("path", CHECKLIST, ids=lambda p: p.stem)
def test_a_broken_script_is_found_out_where_it_is_broken(path: Path) -> None:
    found = judged(path, family(path))
    told = [f"{f.location.row} {f.rule} {f.message}" for f in found]
    assert sorted((f.location.row, f.rule) for f in found) == sorted((row, rule) for row, rule, _ in marks(path)), told
    for row, rule, part in marks(path):
        assert any(f.location.row == row and f.rule == rule and part in f.message for f in found), (
            row,
            rule,
            part,
            told,
        )


@pytest.mark.parametrize("path", [p for p in CHECKLIST if not p.stem.endswith("_good")], ids=lambda p: p.stem)
def test_every_broken_script_has_a_good_one_beside_it(path: Path) -> None:
    assert marks(path)
    good = path.with_name(f"{path.stem.split('_')[0]}_good.py")
    assert not marks(good)


def test_the_golden_script_keeps_every_rule() -> None:
    checklist = {item.rule: item for item in review(GOOD).checklist}
    assert set(checklist) == {rule.id for rule in rulebook.load().active}
    assert [f"{f.location.row} {f.rule} {f.message}" for f in findings(GOOD)] == []
    assert [f"{i.rule}: {i.reason} {i.evidence}" for i in checklist.values() if i.verdict == "unknown"] == []


def test_what_the_whole_checklist_says_of_whole_scripts() -> None:
    """The verdicts on the golden pair with their rows, and what else whole files are told of a rule."""
    told: dict[tuple[str, str], list[str]] = {}
    for path in (*CHECKLIST, *SEED, *STYLES, *CONFIGS, REQUEST):
        for key in elsewhere(path, family(path)):
            told.setdefault(key, []).append(path.relative_to(FIXTURES).as_posix())
    lines = [f"{'':32} {GOOD.name:16} {DEFAULTS.name}"]
    verdicts = [{item.rule: item.verdict for item in review(path).checklist} for path in (GOOD, DEFAULTS)]
    for rule in sorted(verdicts[0]):
        rows = sorted({f.location.row for f in findings(DEFAULTS) if f.rule == rule})
        at = f" {', '.join(map(str, rows))}" if rows else ""
        lines.append(f"{rule:32} {verdicts[0][rule]:16} {verdicts[1][rule]}{at}")
        for verdict in ("fail", "unknown"):
            lines += [f"    {verdict}: {name}" for name in told.get((rule, verdict), ())]
    golden("checklist.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("path", STYLES, ids=lambda p: p.name)
def test_a_style_is_told_what_every_style_is_told(path: Path) -> None:
    assert elsewhere(path, []) == elsewhere(FIXTURES / "styles" / "literals.py", [])


def test_every_rule_is_broken_by_a_whole_script() -> None:
    silent = {rule for pair in test_silent.PAIRS for rule in test_silent.rules(pair)}
    broken = about((*CHECKLIST, *CONFIGS)) | silent | {f.rule for f in findings(DEFAULTS)}
    about_scripts = {
        r.id for r in rulebook.load().active if any(f.language == "python" and f.label == "bad" for f in r.fences)
    }
    # A rule on configurations alone needs none: every fence of its page is a whole file.
    assert sorted(about_scripts - broken) == []


# What the styles may differ in: the file, where a setting comes from, how the prompt is built and masked.
FREE = {"lora.adapter", "project.script", "memory.monitoring"}
SECTIONS = ("lora", "dataset", "arguments", "memory", "checkpointing", "project", "api", "artifact")


def facts(path):
    settings = Settings()
    _, _, plans = Reviewer(isolated=True).plans(path.read_bytes(), str(path), settings)
    (plan,) = plans
    return {n: shown(f.value) for n, f in plan.facts() if n.split(".")[0] in SECTIONS and n not in FREE}


def shown(value):
    """A value as it counts: a default of the command line is the value it has unless told otherwise."""
    if isinstance(value, (Known, Default)):
        return json.loads(json.dumps(value.value, default=str))
    return value.text if isinstance(value, Term) else type(value).__name__


@pytest.mark.parametrize("path", STYLES, ids=lambda p: p.name)
def test_all_styles_are_one_plan(path):
    assert facts(path) == facts(FIXTURES / "styles" / "literals.py")
