"""Random programs, fixed: what they pass to the library is what it was, but for what was fixed.

`NL2SQL_REVIEW_PROGRAMS=5000 pytest tests/fixes/test_programs.py` goes deeper, with other programs every time.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.grammar import programs
from tests.test_programs import DEEP, run

from .repair import session

RANK = 16


def broken(program: str) -> list[str]:
    """What fixing a program spoils."""
    one = session(program.encode(), "program.py", select=["lora/rank"])
    one.apply(unsafe=False)
    fixed = one.data.decode()
    compile(fixed, "program.py", "exec", dont_inherit=True)
    again = session(one.data, "program.py", select=["lora/rank"])
    again.apply(unsafe=False)
    found = [] if again.data == one.data else ["a second run changes it again"]
    before, after = run(program, "a"), run(fixed, "a")
    if before.error != after.error or [c.row for c in before.calls] != [c.row for c in after.calls]:
        return [*found, f"it runs differently: {before.error!r}, then {after.error!r}"]
    for old, new in zip(before.calls, after.calls):
        if new.arguments != old.arguments and new.arguments.get("r") != RANK:
            found.append(f"line {old.row}: {old.arguments.get('r')!r} became {new.arguments.get('r')!r}")
    return found


@settings(
    max_examples=DEEP or 40,
    derandomize=not DEEP,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(programs)
def test_fixing_a_program_changes_nothing_else(program: str) -> None:
    if told := broken(program):
        pytest.fail("\n".join([program, "", *told]), pytrace=False)
