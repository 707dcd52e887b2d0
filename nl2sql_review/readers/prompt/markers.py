"""Checks whether the markers of a masking function occur in the text and survive tokenization.

The search is for token ids: the marker is tokenized alone, the text as a whole, and the same letters may be
split differently in the two. Measured with CodeLlama's tokenizer: after a line feed `### Response:` starts
with `##`, alone it starts with `▁###`, so that the standard Alpaca marker is never found; a space before it
makes them equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...interpret.core.recording import Call
from ...training_plan.values import Absent, Default, Known, Value
from .loss import COLLATOR, Loss
from .template_text import BOS, CONTENT, EOS, Written
from .text import HOLE, Piece, literal
from .tokenizers import CHAT_TEMPLATES, Family

HOLES = "".join((*CONTENT.values(), EOS, BOS))  # characters that stand for what fills a template
FOUND, MISSING, LOST, MISPLACED = "found", "not in template", "lost in tokenisation", "misplaced"


@dataclass(slots=True)
class Markers:
    verdict: str = ""  # FOUND, MISSING, LOST, or "" when not known (`why`)
    why: str = ""
    marker: str = ""  # the one that is to blame


def arguments_of(call: Call | None) -> tuple[Value, Value]:
    """Return (instruction marker, response marker) as given."""
    if call is None:
        return Absent(), Absent()
    return call.get("instruction_part", "instruction_template"), call.get("response_part", "response_template")


def markers_of(
    pieces: list[Piece],
    instruction: Value,
    response: Value,
    family: Family | None,
    template: tuple[str, str] | Written | None,
    exact: bool,
) -> Markers:
    """Return the verdict on one text.

    `template`: the markers of the applied chat template, or all that it writes; `exact`: no force_match=False.
    """
    if isinstance(response, (Known, Default)) and isinstance(response.value, (list, tuple)):
        return Markers(FOUND, "given as token ids")
    for value, name in ((response, "response"), (instruction, "instruction")):
        if isinstance(value, Absent) or isinstance(value, Known) and value.value is None:
            continue
        if not (isinstance(value, (Known, Default)) and isinstance(value.value, str)):
            return Markers(
                "", f"the {name} marker is unknown" + (f": {value.why}" if getattr(value, "why", "") else "")
            )
        verdict = _one(pieces, value.value, name == "response", family, template, exact)
        if verdict.verdict != FOUND:
            return verdict
    return _placed(pieces, response) or Markers(FOUND)


def _placed(pieces: list[Piece], response: Value) -> Markers | None:
    """Return the verdict on a response marker that stands before the question, in a text that shows where that is."""
    marker = response.value if isinstance(response, (Known, Default)) else None
    start = literal(pieces).rfind(marker) if isinstance(marker, str) else -1
    if start < 0 or any(piece.turn or piece.opaque for piece in pieces):
        return None
    length, behind = 0, []
    for piece in pieces:
        if length >= start and piece.hole is not None:
            behind.append(piece.roles)
        length += len(piece.text if piece.hole is None else HOLE)
    asked = any({"question", "schema"} & roles and "sql" not in roles for roles in behind)
    answered = any("sql" in roles for roles in behind)
    if asked:
        return Markers(MISPLACED, f"the question or the schema follows {marker!r}", str(marker))
    if not answered and any("sql" in piece.roles for piece in pieces):
        return Markers(MISPLACED, f"the answer stands before {marker!r}", str(marker))
    return None


def _one(
    pieces: list[Piece],
    marker: str,
    answer: bool,
    family: Family | None,
    template: tuple[str, str] | Written | None,
    exact: bool,
) -> Markers:
    chat = any("eos" in p.roles and p.why == "chat template" for p in pieces)
    if chat:
        if isinstance(template, Written):
            return _in_written(marker, answer, family, template, exact)
        return _in_chat(marker, answer, template)
    text = literal(pieces)
    start = text.find(marker)
    if start < 0 and not exact:
        start = text.find(marker.strip())
    if start < 0:
        if any(p.opaque for p in pieces):
            return Markers(
                "", f"it is unknown whether {marker!r} occurs in the text: part of the text is unknown", marker
            )
        return Markers(MISSING, f"{marker!r} does not occur in the training text", marker)
    if not answer or not exact:
        return Markers(FOUND)
    return _after_tokenisation(text, marker, start, family)


def _in_chat(marker: str, answer: bool, turns: tuple[str, str] | None) -> Markers:
    if turns is None:
        return Markers("", "it is unknown which markers the model's chat template writes", marker)
    written = turns[1] if answer else turns[0]
    if marker in written or marker.strip() == written.strip():
        return Markers(FOUND)
    if marker.startswith(written.strip()):
        return Markers(
            "",
            f"the chat template writes {written!r}; whether it contains {marker!r} depends on the messages",
            marker,
        )
    return Markers(MISSING, f"the chat template writes {written!r}, not {marker!r}", marker)


def _in_written(marker: str, answer: bool, family: Family | None, template: Written, exact: bool) -> Markers:
    """Return the verdict on a marker in the text that a chat template of the script's own writes."""
    question, reply = CONTENT["user"], CONTENT["assistant"]
    before, _, rest = template.text.partition(question)
    between, _, after = rest.partition(reply)
    where = between if answer else before
    sought = marker if exact or marker in where else marker.strip()
    if sought not in where:
        if any(sought in part for part in (before, between, after)):
            return Markers("", f"the chat template that the script sets writes {marker!r} in another place", marker)
        if _may_reach_content(sought, template.text):
            why = f"whether the chat template that the script sets writes {marker!r} depends on the messages"
            return Markers("", why, marker)
        return Markers(MISSING, f"the chat template that the script sets does not write {marker!r}", marker)
    if answer and sought in after:
        return Markers("", f"the chat template that the script sets writes {marker!r} after the answer too", marker)
    if not answer or not exact:
        return Markers(FOUND)
    start = len(before) + len(question) + between.find(marker)
    return _after_tokenisation(template.text, marker, start, family)


def _may_reach_content(marker: str, text: str) -> bool:
    """Return whether a marker may begin or end in what fills the template, so that only the messages decide."""
    held = re.split(f"[{HOLES}]", text)
    return any(
        part and (part.endswith(marker[:n]) or part.startswith(marker[n:]))
        for part in held
        for n in range(1, len(marker))
    )


def _after_tokenisation(text: str, marker: str, start: int, family: Family | None) -> Markers:
    before, after = text[:start][-1:], text[start + len(marker) :][:1]
    if marker.lstrip().startswith(("<|", "<start", "[INST]", "[/INST]")) and not (
        family and family.cuts == "sentencepiece" and before == "\n"
    ):
        return Markers(FOUND)  # a token of its own
    if family is None or not family.cuts:
        risky = marker.startswith("\n") or before in ("\n", " ")
        if not risky:
            return Markers(FOUND)
        return Markers(
            "",
            f"whether {marker!r} is tokenized the same way inside the text depends on the tokenizer, and that is "
            f"unknown",
            marker,
        )
    if before == " " and marker.startswith(" ") == (family.cuts == "sentencepiece"):
        # byte-level BPE joins one space with the word after it; SentencePiece joins spaces with each other
        return Markers("", f"the space before {marker!r} may merge with it into another token", marker)
    if family.cuts == "sentencepiece":
        return _sentencepiece(marker, before, family)
    if marker.startswith("\n") and before == "\n" or marker.endswith("\n") and after == "\n":
        return Markers("", f"the line feeds around {marker!r} merge with those of the text into other tokens", marker)
    if family.cuts == "tiktoken" and after == "\n" and not marker.endswith(("\n", " ")):
        return Markers(
            "",
            f"{family.name} merges the last character of {marker!r} with the line feed after it; include the line "
            f"feed in the marker",
            marker,
        )
    return Markers(FOUND)


def _sentencepiece(marker: str, before: str, family: Family) -> Markers:
    if marker.startswith("\n"):
        return Markers(
            LOST,
            f"a marker that starts with a line feed gets an extra space token from {family.name}'s tokenizer",
            marker,
        )
    if marker.startswith(" ") or before in (" ", ""):
        return Markers(FOUND)
    if before == "\n" and not marker.lstrip().startswith(("<", "[")):
        return Markers(
            LOST, f"{family.name}'s tokenizer splits {marker!r} differently after a line feed than on its own", marker
        )
    return Markers(
        "",
        f"it is unknown whether {family.name}'s tokenizer splits {marker!r} the same way inside the text",
        marker,
    )


def turns_of(template: Value, family: Family | None, chats: bool) -> tuple[str, str] | None:
    """Return the markers of a chat template: of the template that the script names, else of the model's own."""
    if isinstance(template, (Known, Default)) and isinstance(template.value, str):
        return CHAT_TEMPLATES.get(template.value.lower())
    if isinstance(template, Absent) and family is not None and chats:
        return family.turns
    return None


def searched(loss: Loss) -> bool:
    """Return whether this mechanism searches the tokens for markers."""
    return loss.on == "response" and (loss.by == COLLATOR or loss.by == "train_on_responses_only")
