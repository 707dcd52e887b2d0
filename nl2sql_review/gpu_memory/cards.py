"""Common training cards, and how much memory of each a run can really use.

A "16 GB" card has less than 16 GiB: the driver keeps some, error correction more (a T4 shows 14.56 GiB). If only a
size is given, the usable memory is that of the card of this size that has least.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

CONTEXT = 0.65  # GiB of CUDA context and libraries that no PyTorch counter shows (0.75 on an H200)
SMALL_CONTEXT = 0.15  # the same on a T4 (141 MiB, measured by fitcheck)


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    gib: float  # what torch.cuda.mem_get_info() calls total
    context: float = CONTEXT

    @property
    def words(self) -> str:
        """Name with its article: `a T4`, `an A100 40 GB`, `a 16 GB card`."""
        if self.name[0].isdigit():
            return f"{'an' if self.name[0] == '8' else 'a'} {self.name} card"
        return f"{'an' if self.name[0] in 'AHLR' else 'a'} {self.name}"


class UnknownCard(ValueError):
    """Error for an unknown card; the text lists what can be given."""


# key -> (name, usable GiB)
CARDS = {
    "t4": ("T4", 14.56),
    "p100": ("P100", 15.89),
    "v100": ("V100 16 GB", 15.77),
    "v100-32": ("V100 32 GB", 31.73),
    "l4": ("L4", 22.03),
    "a10": ("A10", 22.03),
    "a10g": ("A10G", 22.03),
    "a16": ("A16", 14.53),
    "a30": ("A30", 23.49),
    "a40": ("A40", 44.34),
    "a100-40": ("A100 40 GB", 39.38),
    "a100-80": ("A100 80 GB", 79.14),
    "h100": ("H100 80 GB", 79.10),
    "h100-94": ("H100 NVL 94 GB", 93.0),
    "h200": ("H200", 139.7),
    "b200": ("B200", 178.0),
    "gh200": ("GH200 96 GB", 94.5),
    "l40": ("L40", 44.39),
    "l40s": ("L40S", 44.39),
    "a2000": ("RTX A2000 12 GB", 11.6),
    "a4000": ("RTX A4000", 15.6),
    "a4500": ("RTX A4500", 19.6),
    "a5000": ("RTX A5000", 23.5),
    "a6000": ("RTX A6000", 47.4),
    "rtx6000ada": ("RTX 6000 Ada", 47.4),
    "rtxpro6000": ("RTX PRO 6000", 94.9),
    "gtx1080ti": ("GTX 1080 Ti", 10.9),
    "quadrortx6000": ("Quadro RTX 6000", 22.03),
    "quadrortx8000": ("Quadro RTX 8000", 44.4),
    "rtx2060": ("RTX 2060", 5.6),
    "rtx2080ti": ("RTX 2080 Ti", 10.6),
    "rtx3060": ("RTX 3060 12 GB", 11.6),
    "rtx3070": ("RTX 3070", 7.6),
    "rtx3080": ("RTX 3080 10 GB", 9.6),
    "rtx3080ti": ("RTX 3080 Ti", 11.6),
    "rtx3090": ("RTX 3090", 23.5),
    "rtx3090ti": ("RTX 3090 Ti", 23.5),
    "rtx4060": ("RTX 4060", 7.6),
    "rtx4060ti": ("RTX 4060 Ti 8 GB", 7.6),
    "rtx4060ti-16": ("RTX 4060 Ti 16 GB", 15.6),
    "rtx4070": ("RTX 4070", 11.6),
    "rtx4070super": ("RTX 4070 Super", 11.6),
    "rtx4070ti": ("RTX 4070 Ti", 11.6),
    "rtx4070tisuper": ("RTX 4070 Ti Super", 15.6),
    "rtx4080": ("RTX 4080", 15.6),
    "rtx4080super": ("RTX 4080 Super", 15.6),
    "rtx4090": ("RTX 4090", 23.5),
    "rtx5060": ("RTX 5060", 7.5),
    "rtx5060ti": ("RTX 5060 Ti 8 GB", 7.5),
    "rtx5060ti-16": ("RTX 5060 Ti 16 GB", 15.5),
    "rtx5070": ("RTX 5070", 11.5),
    "rtx5070ti": ("RTX 5070 Ti", 15.5),
    "rtx5080": ("RTX 5080", 15.5),
    "rtx5090": ("RTX 5090", 31.3),
}  # fmt: skip
SYNONYMS = {
    "a100": "a100-40", "h100-80": "h100", "v100-16": "v100", "rtx3060-12": "rtx3060", "t4-16": "t4", "l4-24": "l4",
    "6000ada": "rtx6000ada", "rtx8000": "quadrortx8000", "gh200-480": "gh200", "rtxa6000": "a6000",
    "rtxa5000": "a5000", "rtxa4000": "a4000", "a6000-48": "a6000", "h200-141": "h200", "rtx4090-24": "rtx4090",
    "rtx3090-24": "rtx3090",
}  # fmt: skip
# A size in GB -> the least that a card sold under it lets a run use.
SIZES: dict[float, float] = {
    6: 5.6, 8: 7.5, 10: 9.6, 11: 10.6, 12: 11.5, 15: 14.56, 16: 14.56, 20: 19.1, 24: 22.03, 32: 31.3, 40: 39.38,
    48: 44.34, 80: 79.10, 94: 93.0, 96: 94.5, 141: 139.7,
}  # fmt: skip
LEAST_SHARE = 0.91  # of a size that is not listed
SOLD_SHARE = 0.89  # of the memory a card is sold with, what the least of those listed can use
COMMON = (8, 12, 16, 24, 40, 48, 80)  # GB: what one rents


MEMORY = re.compile(r"(?<!\d)(\d+)\s*(?:gb|gib|(?<![a-z]\d\d)g)\b")  # an A10G has not 10 GB


def find(said: str | float) -> Card:
    """Find the card that a setting, an option or a comment names: `t4`, `RTX 4090`, `A100-80GB`, `16GB`, `16`.

    Raises UnknownCard.
    """
    text = f"{said:g}" if isinstance(said, (int, float)) and not isinstance(said, bool) else str(said)
    lowered = text.strip().lower()
    size = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:(gb|gib|g)\s*)?(?:vram|gpu|card)?", lowered)
    if size and "rtx" + lowered in CARDS:
        lowered = "rtx" + lowered  # nobody has a card of 4090 GB
    elif size:
        return of_size(float(size[1]), exact=size[2] == "gib")
    key = re.sub(r"\b(nvidia|geforce|tesla|gpu|sxm\d?|pcie|hbm\d?e?|tensor core)\b", "", lowered)
    key = re.sub(r"(?<=[\d\s])[x×]\s*\d+\s*$|^\d+\s*[x×]\s*", "", key.strip())  # of several cards each holds the model
    part = re.search(r"(?<!\d)\d+g\.(\d+)gb", key)  # of a card that is divided (MIG): `3g.40gb` has 40 GB
    if part:
        return of_size(float(part[1]))
    memory = MEMORY.search(key)
    key = MEMORY.sub(r"\1", key)
    parts = [p for p in re.split(r"[\s_\-()]+", key) if p]
    for glued in _spellings(parts):
        found = _named(glued)
        if found:
            return found
    if memory:  # a card that is sold with more than one memory, or not listed: what is said of its memory counts
        plain = _named("".join(parts[:-1]))
        sold = float(memory[1])
        return plain if plain and SOLD_SHARE * sold <= plain.gib <= sold else of_size(sold)
    from ..files.typed_data import did_you_mean

    hint = did_you_mean(lowered, [*CARDS, *SYNONYMS])
    raise UnknownCard(
        f"unknown GPU {text!r}{hint or ':'} name one ({', '.join(list(CARDS)[:4])}, rtx4090, a100-80, …) "
        "or its memory (16GB)"
    )


def _named(key: str) -> Card | None:
    key = SYNONYMS.get(key, key)
    for prefix in ("", "rtx", "gtx"):
        found = CARDS.get(prefix + key)
        if found:
            return Card(*found, SMALL_CONTEXT if found[0] == "T4" else CONTEXT)
    return None


def _spellings(parts: list[str]) -> list[str]:
    """Return the possible keys for the words of a name: with its memory (`a100-80`), or as one word (`rtx4090`)."""
    if not parts:
        return []
    *head, last = parts
    whole = "".join(parts)
    return ["".join(head) + "-" + last, whole] if head and last.isdigit() else [whole]


def of_size(gb: float, exact: bool = False) -> Card:
    """Return a card of this many GB; with `exact`, of this many GiB that can all be used."""
    if gb <= 0:
        raise UnknownCard("the memory must be more than 0: write it as in 16GB")
    if gb == float("inf"):  # more digits than a float holds
        raise UnknownCard("no GPU has that much memory: write it as in 16GB")
    usable = gb if exact else SIZES.get(gb, gb * LEAST_SHARE)
    return Card(f"{gb:g} {'GiB' if exact else 'GB'}", usable, SMALL_CONTEXT if gb == 16 and not exact else CONTEXT)


def common() -> tuple[Card, ...]:
    """Return the cards of common sizes, smallest first."""
    return tuple(of_size(gb) for gb in COMMON)
