"""Random training scripts, fixed: they do what they did, but for the settings that were wrong.

`NL2SQL_REVIEW_PROGRAMS=2000 pytest tests/fixes/test_trainings.py` goes deeper, with other scripts every time;
`benchmarks/fixes.py` does so and counts what was fixed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.test_programs import DEEP

from .oracle import spoilt
from .repair import session
from .trainings import trainings

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a rehearsal needs fork() and resource limits")
MADE = iter(range(1_000_000))


@settings(
    max_examples=DEEP or 50,
    derandomize=not DEEP,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(script=trainings())
def test_a_fixed_script_does_what_it_did(script: tuple[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    name, text = script
    one = session(text.encode(), name)
    before = {item.rule: item.verdict for item in one.report.checklist}
    one.apply(unsafe=False)
    folder = Path(tmp_path_factory.getbasetemp()) / f"training-{next(MADE)}"
    told = spoilt(text.encode(), one.data, name, folder)
    told += [f"{i.rule} is unknown" for i in one.report.checklist if (before[i.rule], i.verdict) == ("fail", "unknown")]
    if told:
        pytest.fail("\n".join([text, "", one.data.decode(), *told]), pytrace=False)
