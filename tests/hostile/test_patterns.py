"""Every regular expression of the package is linear: 100 kB of what it likes least, in a process the system ends."""

from __future__ import annotations

import os
import re
import resource
import sys

import pytest

from .patterns import PACKAGE, Used, patterns, worst

SIZE = 100_000
SECONDS = 3  # of processor time for a text: a linear pattern takes hundredths
NOTICED = 0.2  # seconds: from here on it counts how much less a quarter of the text takes
FACTOR = 8  # between the 4 of a linear pattern and the 16 of a quadratic one

ROOMS = sorted({path.relative_to(PACKAGE).parts[0] for path in PACKAGE.rglob("*.py")})
# `(a|aa)+$` and the like take for ever, `a*b` from every place quadratic time: what the test is able to see
SEEN = [
    (r"(a|aa)+$", "search"),
    (r"\s+x", "search"),
    (r"a*a*b", "match"),
    (r"#[^\n]*=[^\n]*:", "search"),
    (r"(\w+\s?)*!", "match"),
    (r"labels\[[^=]*==[^=]*\]\s*=\s*\d+\s*$", "search"),
    (r"from[ \t]+\.*[\w.]*[ \t]+import", "search"),
]


def endless(patterns: list[Used]) -> list[str]:
    """Return the places of the patterns that come to no end on a text, or late, tried in processes of their own."""
    found: list[str] = []
    while patterns:
        ended = _ended(patterns)
        found += [used.where for used in patterns[ended : ended + 1]]
        patterns = patterns[ended + 1 :]
    return found


def _ended(patterns: list[Used]) -> int:
    """Count the patterns that come to an end, up to the first that does not."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        for used in patterns:
            _limit(3 * SECONDS)  # also while its texts are chosen: what takes for ever may do so on short ones
            for shape in worst(used):
                _limit(SECONDS)
                taken = used.time(shape.text(SIZE))
                if taken > NOTICED and taken > FACTOR * used.time(shape.text(SIZE // 4)):
                    os._exit(1)
            os.write(writing, b".")
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        ended = len(pipe.read())
    os.waitpid(child, 0)
    return ended


def _limit(seconds: int) -> None:
    """Have the system end this process once it has taken so much more processor time."""
    spent = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
    resource.setrlimit(resource.RLIMIT_CPU, (spent + 1 + seconds, resource.RLIM_INFINITY))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are those of Linux")
@pytest.mark.parametrize("room", ROOMS)
def test_patterns_of_ours_take_linear_time(room: str) -> None:
    assert endless([used for used in patterns() if re.match(rf"{re.escape(room)}[/:]", used.where)]) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are those of Linux")
@pytest.mark.parametrize(("pattern", "method"), SEEN)
def test_one_that_does_not_is_seen(pattern: str, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.SECONDS", 1)
    good = Used("good", r"\d+", 0, frozenset({"search"}))
    assert endless([good, Used("here", pattern, 0, frozenset({method})), good]) == ["here"]


def test_patterns_are_found() -> None:
    found = {used.where.partition(":")[0] for used in patterns()}
    assert {"judgement/requests.py", "readers/prompt/text.py", "rows/acceptance.py"} <= found and len(patterns()) > 300
    assert {name.partition("/")[0] for name in found} <= {*ROOMS}
    assert all(isinstance(used.compiled, re.Pattern) for used in patterns())
