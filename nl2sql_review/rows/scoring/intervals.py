"""Reliability of a figure: Wilson's interval, the paired bootstrap's, McNemar's exact test."""

from __future__ import annotations

import math
from collections import defaultdict

Z = 1.959963984540054  # of 95 %, two-sided
NEGLIGIBLE = 1e-12


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; `of` is at least 1."""
    share, weight = right / of, Z * Z / of
    middle = (share + weight / 2) / (1 + weight)
    half = Z / (1 + weight) * math.sqrt(share * (1 - share) / of + weight / of / 4)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def paired_bootstrap(won: int, lost: int, pairs: int) -> tuple[float, float]:
    """Return the 95 % percentile interval of (won - lost) / pairs under resampling of the pairs.

    The difference in a resample is that of two counts of a multinomial draw, so its distribution is summed
    instead of drawn: this is the result of infinitely many resamples, the same every time.
    """
    chances: dict[int, float] = defaultdict(float)
    for wins, chance in _binomial(pairs, won / pairs):
        for losses, other in _binomial(pairs - wins, lost / (pairs - won) if pairs > won else 0.0):
            chances[wins - losses] += chance * other
    return _quantile(chances, 0.025) / pairs, _quantile(chances, 0.975) / pairs


def mcnemar(won: int, lost: int) -> float:
    """Return McNemar's exact two-sided p: how often a fair coin splits won + lost at least as unevenly."""
    flips = won + lost
    ways, tail = 1, 0  # of `heads` heads, and of at most so many: whole numbers, so that a tiny p is not lost
    for heads in range(min(won, lost) + 1):
        tail += ways
        ways = ways * (flips - heads) // (heads + 1)
    return float(min(2 * tail / 2**flips, 1.0))


def _binomial(draws: int, share: float) -> list[tuple[int, float]]:
    """Return (count, chance) of a binomial distribution, without the counts whose chance is negligible."""
    if share <= 0 or share >= 1:
        return [(draws if share >= 1 else 0, 1.0)]
    reach = 8 * math.sqrt(draws * share * (1 - share)) + 8
    low, high = max(math.floor(draws * share - reach), 0), min(math.ceil(draws * share + reach), draws)
    found = ((count, math.exp(_log_chance(draws, count, share))) for count in range(low, high + 1))
    return [(count, chance) for count, chance in found if chance > NEGLIGIBLE]


def _log_chance(draws: int, count: int, share: float) -> float:
    ways = math.lgamma(draws + 1) - math.lgamma(count + 1) - math.lgamma(draws - count + 1)
    return ways + count * math.log(share) + (draws - count) * math.log1p(-share)


def _quantile(chances: dict[int, float], wanted: float) -> int:
    total, passed = sum(chances.values()), 0.0
    for value in sorted(chances):
        passed += chances[value]
        if passed >= wanted * total:
            return value
    return max(chances)
