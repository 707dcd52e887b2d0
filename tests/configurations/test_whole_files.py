"""Whole configurations: the broken ones are found out where they are broken, and each flavour has a compliant one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nl2sql_review import flavours
from nl2sql_review.flavours import keys

from ..marked import FIXTURES, judged, marks, review

CONFIGS = FIXTURES / "configs"
FILES = sorted(CONFIGS.rglob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_a_configuration_is_found_out_where_it_is_broken(path: Path) -> None:
    """By the rules that the configurations of its flavour are about."""
    told = [(f.location.row, f.rule, f.message) for f in judged(path, path.parent.glob("*.yaml"))]
    assert sorted(t[:2] for t in told) == sorted((row, rule) for row, rule, _ in marks(path)), told
    for row, rule, part in marks(path):
        assert any(t[:2] == (row, rule) and part in t[2] for t in told), (row, rule, part, told)


def test_every_flavour_has_a_compliant_and_a_broken_configuration():
    assert {p.parent.name for p in FILES} == set(flavours.FLAVOURS)
    for name in flavours.FLAVOURS:
        assert {"compliant.yaml", "broken.yaml"} <= {p.name for p in (CONFIGS / name).iterdir()}


def test_a_request_in_json_is_read_with_its_places() -> None:
    """It has no comments; what it is told of other rules is in `tests/golden/checklist.txt`."""
    expected = {(13, "arguments/scheduler"), (14, "lora/rank"), (15, "api/ignored-key")}
    told = {(f.location.row, f.rule) for f in review(CONFIGS / "unsloth-studio" / "request.json").findings}
    assert {one for one in told if one[1] in {rule for _, rule in expected}} == expected


@pytest.mark.parametrize("flavour", flavours.FLAVOURS)
def test_a_table_names_the_release_it_was_taken_from(flavour):
    table = keys.of(flavour)
    assert re.fullmatch(r"\d+(\.\d+)+", table.version) and all(table.sections.values())
    page = (CONFIGS.parents[1] / "docs" / "configurations.md").read_text(encoding="utf-8")
    assert f"{table.library} {table.version}" in " ".join(page.split())
