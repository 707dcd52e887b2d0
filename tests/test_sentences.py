"""What a user can read is English: one page has all of it, and what a machine can tell of it is checked here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .sentences import ROOT, Sentence, page, sentences

# Turns that readers stumbled over, each with what is written instead.
STUMBLED_OVER = {
    r"\bon its way out\b": "deprecated",
    r"\bof no use here\b": "unexpected",
    r"\bno argument of\b": "has no argument",
    r"\bthat is known\b": "known",
    r"\bonly the run (?:knows|decides)\b": "known only at run time",
    r"\b(?:known|left) to the run\b": "known only at run time",
    r"\bmend(?:s|ed)?\b": "fix",
    r"\blearnt|misspelt\b": "learned, misspelled",
    r"\bis gone since\b": "was removed in",
    r"\bby itself\b.*\bby itself\b": "once",
    r"\bwithout a word\b": "silently",
    r"\bdata sets?\b": "dataset",
    r"(?<!there )\b(?:is|are) no (?:file|text|number|list|JSON|CSV|card|query|argument|key)\b": "is not a …",
    r"\b(?:is|are) not meant\b": "not reported",
}


def test_the_page_has_every_kind_of_sentence(tmp_path: Path):
    """Written into build/, which git ignores, so that somebody reads it: `less build/sentences.md`."""
    written = page()
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "sentences.md").write_text(written, encoding="utf-8")
    for said in (
        "title: LoRA rank is not 16",
        "help: set r=16 on the adapter call",
        "says: the training text does not end with the EOS token: the model never learns where a query stops",
        "text: review scripts (",  # --help
        "text: Review a training script",  # MCP
        "text: show the plan",  # the language server
    ):
        assert said in written, said
    rooms = {Path(one.path).parts[1] for one in sentences() if one.kind == "text"}
    assert {"interpret", "readers", "judgement", "commands", "policy", "files", "render", "serve", "rows"} <= rooms


LINK = re.compile(r"\]\([^)]*\)")


def named(one: Sentence) -> str:
    return f"{one.path}:{one.line}: {one.text}"


def test_no_word_is_doubled():
    doubled = re.compile(r"\b([A-Za-z]{2,}) \1\b")
    assert [named(one) for one in sentences() if doubled.search(one.plain)] == []


def test_no_space_is_doubled_and_none_stands_before_a_comma():
    wrong = re.compile(r"\w  \w|\w ,|(?<![\w.])\.\.(?!\.)|[a-z]\.\.(?![./])")
    assert [named(one) for one in sentences() if one.kind != "text" and wrong.search(LINK.sub("", one.plain))] == []


def test_titles_are_in_sentence_case_and_have_no_full_stop():
    capitals = re.compile(r" (?!I\b)[A-Z][a-z]+\b")
    names = {" " + name for name in ("Unsloth", "Alpaca", "Weights", "Biases", "DeepSpeed")}
    for one in sentences():
        if one.kind == "title":
            assert one.text[0].isupper() or one.text.startswith("accelerate"), named(one)
            assert not one.text.endswith("."), named(one)
            assert set(capitals.findall(one.plain)) <= names, named(one)


def test_messages_and_remedies_begin_small_and_have_no_full_stop():
    """They are parts of a line: `error[lora/rank]: r=64; should be 16`."""
    small = re.compile(r"[a-z`{\"0-9]|[A-Z]{2}|accelerate|DeepSpeed|SFT|Unsloth")
    for one in sentences():
        if one.kind in ("says", "help"):
            assert small.match(one.text), named(one)
            assert not re.search(r"(?<!\.)\.\Z", one.text.replace("…", "")), named(one)


@pytest.mark.parametrize("turn", STUMBLED_OVER)
def test_no_turn_that_readers_stumbled_over(turn):
    wrong = [named(one) for one in sentences() if re.search(turn, one.plain, re.IGNORECASE)]
    assert wrong == [], f"write: {STUMBLED_OVER[turn]}"


def test_no_message_needs_a_which():
    """A relative clause with "which" makes one sentence of two: write two, or "that". Questions may ask which."""
    relative = re.compile(
        r", (?:\w+ ){0,2}which\b(?! of)|\w which (?:is|are|has|have|was|were|does|do|can|may|takes?|makes?)\b"
    )
    assert [
        named(one) for one in sentences() if one.kind in ("says", "help", "text") and relative.search(one.plain)
    ] == []
