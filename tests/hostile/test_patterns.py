"""Every regular expression of the package is linear: 200 kB of what it likes least, in a process the system ends."""

from __future__ import annotations

import os
import re
import resource
import sys

import pytest

from .patterns import Used, patterns, worst

SIZE = 200_000
SECONDS = 10  # of processor time for a text: a linear pattern takes hundredths, a quadratic one minutes

ALL = {f"{used.where} {used.pattern!r:.60}": used for used in patterns()}
# `(a|aa)+$` and the like take for ever, `a*b` from every place quadratic time: what the test is able to see
SEEN = [
    (r"(a|aa)+$", "search"),
    (r"\s+x", "search"),
    (r"a*a*b", "match"),
    (r"#[^\n]*=[^\n]*:", "search"),
    (r"(\w+\s?)*!", "match"),
]


def ends(used: Used) -> bool:
    """Whether the pattern comes to an end on each text, in a process of its own."""
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for text in worst(used, SIZE):
            spent = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
            resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS, resource.RLIM_INFINITY))
            used.use(text)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are those of Linux")
@pytest.mark.parametrize("name", ALL)
def test_a_pattern_of_ours_takes_linear_time(name: str) -> None:
    assert ends(ALL[name])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are those of Linux")
@pytest.mark.parametrize(("pattern", "method"), SEEN)
def test_one_that_does_not_is_seen(pattern: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.SECONDS", 2)
    assert not ends(Used("here", pattern, 0, frozenset({method})))


def test_patterns_are_found() -> None:
    found = {used.where.partition(":")[0] for used in ALL.values()}
    assert {"judgement/requests.py", "readers/prompt/text.py", "rows/acceptance.py"} <= found and len(ALL) > 300
    assert all(isinstance(used.compiled, re.Pattern) for used in ALL.values())
