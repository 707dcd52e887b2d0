"""Questions and SQL as texts: what may surround SQL, when two are the same, and how one is quoted."""

from __future__ import annotations

import re
from hashlib import blake2b
from html import unescape

ENTITY = re.compile(r"&(?:gt|lt|amp|quot|apos|nbsp|#\d{2,5}|#x[0-9a-fA-F]{2,4});")
FENCE = re.compile(r"```")
SPECIAL_TOKENS = re.compile(
    r"</s>|<s>|<\|(?:im_start|im_end|eot_id|endoftext|end_of_text|begin_of_text|start_header_id|end|user|assistant|"
    r"system|EOT|return)\|>|<(?:start|end)_of_turn>|<eos>|<bos>|\[/?INST\]|<</?SYS>>|<｜(?:end|begin)▁of▁sentence｜>"
)
WRAPPED = re.compile(r"\A\s*\[SQL\](?P<sql>.*?)(?:\[/SQL\]\s*)?\Z", re.DOTALL | re.IGNORECASE)
FENCED = re.compile(r"```(?:\w+)?\n?(?P<sql>.*?)(?:```|\Z)", re.DOTALL)
SHOWN = 80  # characters of a value in a message


def bare(sql: str) -> str:
    """Return SQL without its known wrappers: a fence, `[SQL]`, an EOS token."""
    text = SPECIAL_TOKENS.sub("", sql) if "<" in sql else sql
    text = unescape(text) if "&" in text and ENTITY.search(text) else text
    found = WRAPPED.match(text) or (FENCED.search(text) if "```" in text else None)
    return (found["sql"] if found else text).strip()


_QUOTES = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\")")


def plain_sql(sql: str) -> str:
    """Return SQL in the form for comparison: without differences of blanks and, outside strings, of case."""
    text = bare(sql).rstrip("; \n")
    if "'" not in text and '"' not in text:
        return "".join(text.split()).casefold()
    parts = _QUOTES.split(text)
    return "".join(part if at % 2 else "".join(part.split()).casefold() for at, part in enumerate(parts))


def hashed(text: str) -> int:
    """Return a hash of a text that is the same in every process: 63 bits, never negative."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") >> 1


def quoted(text: str, around: str = "") -> str:
    """Return a part of a value on one line."""
    at = max(text.find(around) - 20, 0) if around else 0
    line = " ".join(text[at : at + 4 * SHOWN].split())
    line = ("…" if at else "") + line
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
