"""Versions and requirements, against `packaging`: every pair is judged as an installer judges it."""

import random

import pytest
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from nl2sql_review.libraries.versions import allows, between, clauses, is_version, key_of

PAIRS = 8_000


def number(rng):
    return ".".join(str(rng.choice((0, 0, 1, 2, 3, 9, 10, 12))) for _ in range(rng.randint(1, 4)))


def version(rng):
    made = number(rng)
    if rng.random() < 0.5:
        return made
    epoch = rng.choice(("", "", "", "1!"))
    pre = rng.choice(("", "", "a1", "b2", "rc1", ".rc2", "-alpha.3", "c1"))
    post = rng.choice(("", "", ".post1", "-1", "post2", ".rev3"))
    dev = rng.choice(("", "", "", ".dev0", "dev5"))
    local = rng.choice(("", "", "", "+cu128", "+1.a"))
    return epoch + made + pre + post + dev + local


def clause(rng):
    operator = rng.choice(("==", "==", "!=", "<=", ">=", "<", ">", "~=", "==="))
    wanted = version(rng)
    return operator + (number(rng) + ".*" if operator in ("==", "!=") and rng.random() < 0.3 else wanted)


def test_every_requirement_is_judged_as_packaging_judges_it():
    rng, wrong, readable = random.Random(440), [], 0
    for _ in range(PAIRS):
        specifier, candidate = ",".join(clause(rng) for _ in range(rng.randint(1, 3))), version(rng)
        try:
            expected = SpecifierSet(specifier).contains(candidate, prereleases=True)
        except InvalidSpecifier:
            expected = None
        readable += expected is not None
        got = allows(specifier, candidate) if clauses(specifier) is not None else None
        if got is not expected:
            wrong.append((specifier, candidate, expected, got))
    assert not wrong and readable > PAIRS / 2


def test_versions_are_ordered_as_packaging_orders_them():
    rng = random.Random(441)
    for _ in range(PAIRS // 2):
        one, other = version(rng), version(rng)
        a, b = Version(one), Version(other)
        assert (key_of(one) < key_of(other), key_of(one) == key_of(other)) == (a < b, a == b), (one, other)


@pytest.mark.parametrize(
    "specifier, inside, outside",
    [
        ("^1.2.3", ("1.2.3", "1.9"), ("1.2.2", "2.0")),
        ("^0.0.3", ("0.0.3",), ("0.0.4",)),
        ("^0.0rc1", ("0.0", "0.0.9"), ("0.1",)),
        ("~1.2.3", ("1.2.3", "1.2.9"), ("1.3",)),
        ("~1", ("1.0", "1.9"), ("2.0",)),
        ("=1.2", ("1.2", "1.2.5"), ("1.3",)),
        (">=4.50 <5", ("4.57.1",), ("5.0", "4.49")),
        ("==2.6.0", ("2.6.0+cu128", "2.6"), ("2.6.1",)),
    ],
)
def test_what_poetry_and_conda_write_is_read_too(specifier, inside, outside):
    assert all(allows(specifier, v) for v in inside) and not any(allows(specifier, v) for v in outside)


def test_what_is_no_version_is_not_read():
    assert not is_version("latest") and key_of("latest") < key_of("0.0.dev0")
    assert (
        clauses("latest") is None and clauses(">=1.*") is None and clauses("~=1") is None and clauses("1 | 2") is None
    )
    assert not allows("latest", "1.0") and not allows("==1.0", "latest") and between("~=1", ("1.0",)) == ()
