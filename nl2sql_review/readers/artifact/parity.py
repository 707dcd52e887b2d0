"""Compares prompts at inference with the training text: in the script and in files that serve the model.

Compared are the words of the prompt, the chat template, the cut of the schema, the length that a prompt is
cut to and the BOS token. Each kind is reported once for each program, in one sentence that names both places.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator

from ...training_plan.facts import Fact, TrainingPlan
from ...training_plan.values import Absent, Default, Either, Known, Place, Term, Text, Trace, Unknown, Value
from ..api.arguments import Defect
from ..api.imports import fact as listed
from ..dataset.columns import argument, cuts_by_tables
from ..dataset.schema_cut import cuts
from ..derive import plain
from ..object_settings import last
from ..prompt.objective import apart
from ..prompt.preparation import uses_unsloth
from ..prompt.silent_failures import own_special_tokens, puts_bos
from ..prompt.text import Piece, alternatives, chat, chat_call_of
from ..prompt.tokenizer import Tokenizer
from ..prompt.training_text import TrainingText, texts_of
from ..run import Run
from . import generation
from .asking import Question, Side, files, messages, questions, saved_at, sides, templated
from .modelfile import TURN, modelfile

HOLE = "\0"
TEMPLATE_ROOM = 200  # characters: what a chat template puts around a question, its own system turn included
WORDS = re.compile(r"[^\W\d_]{2}")  # a literal that says something


def prompt(run: Run, plan: TrainingPlan) -> Fact:
    texts = texts_of(run) if run.trainer is not None and not apart(run) else []
    if len(texts) != 1 or not run.train:
        why = "there is no prompt to compare with the training text"
        return Fact(Absent(why), at=run.place, why_not=why)
    trained = texts[0]
    found: list[Defect] = []
    served, asked = files(run), False
    for side in sides(run, served):
        found += [*differences(trained, side, plan), *answers(side, plan)]
        asked = asked or any(True for _ in questions(side))
    found += modelfile(run, plan, trained, headings(pieces_of(trained)), served)
    if asked and not found and not trained.texts:
        why = f"the prompt of inference has no training text to be compared with: {trained.why}"
        return Fact(Unknown(why, trained.trace), at=run.place)
    return listed(found, run.place)


def differences(trained: TrainingText, side: Side, plan: TrainingPlan) -> Iterable[Defect]:
    """Return how the prompts of a program differ from the training text, each kind at its first place."""
    first: dict[str, Defect] = {}
    for question in questions(side):
        for compare in COMPARISONS:
            for one in compare(trained, question, plan):
                first.setdefault(one.kind, one)
    return first.values()


def answers(side: Side, plan: TrainingPlan) -> Iterator[Defect]:
    """Yield the generation and decoding defects of a serving script, with the checks for the training script."""
    if not side.name:
        return
    for one in generation.generation(side.run, plan):
        if one.place is not None:
            yield defect(side, one.kind, one.place, one.sentence, ())


def defect(side: Side, kind: str, place: Place, sentence: str, trace: Trace) -> Defect:
    """Return a finding at the prompting place, or for another program at the save that it serves."""
    save = saved_at(side.training)
    if not side.name or save is None:
        return Defect(kind, kind, place, sentence, trace=trace)
    return Defect(kind, f"{kind} of {side.name}", save.place, f"{side.where(place)}: {sentence}")


# -- what was trained ------------------------------------------------------------------------------------------------


def pieces_of(text: TrainingText) -> list[Piece]:
    """Return the pieces of the prompt, which are those before the answer."""
    if text.form not in ("text", "prompt-completion") or len(text.texts) != 1:
        return []
    pieces = text.texts[0]
    if any(p.turn and p.turn != "completion" for p in pieces):
        return []
    end = next((i for i, p in enumerate(pieces) if p.turn == "completion"), None)
    if end is None:
        end = next((i for i, p in enumerate(pieces) if {"sql", "response"} & p.roles), None)
    return pieces[:end] if end is not None else []


def headings(pieces: list[Piece]) -> list[str]:
    """Return the literal parts of a prompt that contain words, with runs of whitespace collapsed."""
    found = [squeezed(p.text) for p in pieces if p.hole is None]
    return [one for one in found if WORDS.search(one)]


def squeezed(text: str) -> str:
    return " ".join(text.split())


def templated_training(trained: TrainingText) -> bool:
    """Return whether a chat template was applied to the training text."""
    return trained.form == "chat" or chat_call_of(trained.value) is not None


# -- comparisons -----------------------------------------------------------------------------------------------------


def template(trained: TrainingText, question: Question, plan: TrainingPlan) -> Iterator[Defect]:
    """Yield a chat template around a prompt that was trained as plain text, or a lack of one around chat turns."""
    heads = headings(pieces_of(trained))
    place, trace = question.place, question.given.trace
    if question.chat and trained.form == "text" and len(heads) > 1 and not writes_turns(trained, question, plan):
        text = (
            "the model was trained on plain text, but here a chat template is put around the prompt: send the plain "
            "text"
            if question.side.name
            else "the model was trained on plain text, but here a chat template is put around the prompt"
        )
        yield defect(question.side, "chat template", place, text, trace)
    turns = Tokenizer(question.side.training, plan).turns if not question.chat and templated_training(trained) else None
    said = literal(question.given) if turns is not None else None
    if turns is None or said is None or HOLE not in said or not WORDS.search(said.replace(HOLE, "")):
        return
    if not any(turn.strip() and turn.strip() in said for turn in turns):
        text = (
            f"the model was trained on chat turns, but the prompt at inference ({shown(said)}) has none: use "
            f"apply_chat_template"
        )
        yield defect(question.side, "chat template", place_of(question), text, trace)


def writes_turns(trained: TrainingText, question: Question, plan: TrainingPlan) -> bool:
    """Return whether the training text writes the turns of the model's chat template out: another's are plain text.

    Where the template is not known, any turns may be its own.
    """
    said = " ".join(squeezed(p.text) for pieces in trained.texts for p in pieces if p.hole is None)
    own = Tokenizer(question.side.training, plan).turns
    return own[0].strip() in said if own is not None else TURN.search(said) is not None


def words(trained: TrainingText, question: Question, plan: TrainingPlan) -> Iterator[Defect]:
    """Yield headings of the training prompt that the prompt at inference lacks."""
    heads = headings(pieces_of(trained))
    said = literal(question.given)
    if question.chat or trained.form == "chat" or not heads or said is None:
        return
    if HOLE not in said or not WORDS.search(said.replace(HOLE, "")):
        return
    missing = [head for head in lacking(heads, said) if not any(head in text for text in sources(question.given))]
    if missing:
        text = (
            f"the prompt at inference ({shown(said)}) differs from the training text "
            f"({shown(HOLE.join(heads))}): it lacks {missing[0]!r}"
        )
        yield defect(question.side, "text", place_of(question), text, question.given.trace)


def schema(trained: TrainingText, question: Question, plan: TrainingPlan) -> Iterator[Defect]:
    """Yield a schema that is cut in another way or to another length, or at inference with the help of the SQL."""
    asked = chat(question.given) if messages(question.given) else alternatives(question.given)
    if len(trained.texts) != 1 or len(asked) != 1:
        return
    before, here = schema_of(trained.texts[0]), schema_of(asked[0])
    if before is None or here is None:
        return
    text = ""
    if looks_at_sql(here.hole):
        text = "at inference the SQL is passed to the truncation of the schema, and that gives the answer away"
    elif (one := cut_of(before)) and (other := cut_of(here)) and one != other:
        text = f"the schema is {one} in training, but {other} at inference"
    if text:
        yield defect(question.side, "schema", place_of(question), text, question.given.trace)


def schema_of(pieces: list[Piece]) -> Piece | None:
    """Return the hole of a prompt that holds a schema, if there is exactly one."""
    holes = [p for p in pieces if p.hole is not None and "schema" in p.roles]
    return holes[0] if len(holes) == 1 else None


def cut_of(piece: Piece) -> str:
    """Return how a schema is cut, in words, or "" if unknown."""
    cut = next(cuts(piece.hole), None)
    if cut is None or isinstance(cut.limit, Absent):
        column = isinstance(piece.hole, Term) and piece.hole.operation in ("item", "attribute")
        return "not cut" if column else ""
    limit = plain(cut.limit)
    if not isinstance(limit, int):
        return ""
    return f"cut at {limit} {cut.unit}" + ("" if cut.blind else " by whole tables")


def looks_at_sql(value: object, depth: int = 0) -> bool:
    """Return whether `cut_schema` is given the SQL."""
    if depth > 6 or not isinstance(value, Term):
        return False
    if cuts_by_tables(value):
        sql = argument(value, 2, "sql")
        return not isinstance(sql, (Absent, Unknown)) and not (isinstance(sql, (Known, Default)) and not sql.value)
    return any(looks_at_sql(arg, depth + 1) for arg in value.args)


def length(trained: TrainingText, question: Question, plan: TrainingPlan) -> Iterator[Defect]:
    """Yield prompts that are cut to fewer tokens than the training rows had room for."""
    if question.tokenized is None or question.new_tokens is None:
        return
    cut, limit = question.tokenized.get("truncation"), plain(question.tokenized.get("max_length"))
    rows, new = plain(plan.memory.sequence_length.value), plain(question.new_tokens)
    if plain(cut) not in (True, "longest_first") or not isinstance(limit, int) or not isinstance(rows, int):
        return
    if by_hand(trained, question.side.training) or short(question.given, limit):
        return  # how long the rows were is not known; nothing is cut
    if isinstance(question.new_tokens, Absent) or isinstance(new, int):
        room = limit + (new if isinstance(new, int) else 0)
        if room < rows and not isinstance(cut, Default):
            text = (
                f"prompts are truncated to {limit:,} tokens, but the model was trained on rows of {rows:,}: a long "
                f"prompt loses its end, where the answer begins"
            )
            yield defect(question.side, "length", question.tokenized.place, text, ())


def by_hand(trained: TrainingText, run: Run) -> bool:
    """Whether the script makes ids of its rows for a trainer that has a length of its own."""
    return trained.form == "tokenised" and run.trainer is not None and last(run.trainer.callee) == "SFTTrainer"


def short(value: Value, limit: int) -> bool:
    """Whether a question is known whole and has fewer characters than it may have tokens, its template included."""
    if isinstance(value, Either):
        return all(short(option, limit) for option in value.options)
    if isinstance(value, Term) and templated(value) and value.args:
        first = value.args[0]
        turns = first.value if isinstance(first, Known) else None
        said = [turn.get("content") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
        texts = [one for one in said if isinstance(one, str)]
        return bool(said) and texts == said and sum(map(len, texts)) + TEMPLATE_ROOM < limit
    text = literal(value)
    return text is not None and HOLE not in text and len(text) + TEMPLATE_ROOM < limit


def bos(trained: TrainingText, question: Question, plan: TrainingPlan) -> Iterator[Defect]:
    """Yield a second BOS token before a prompt that the chat template already begins with one."""
    call, training = chat_call_of(question.given), question.side.training
    if call is None or question.tokenized is None or last(question.tokenized.callee) == "apply_chat_template":
        return
    if isinstance(call, Term) and not re.search(r"tokenize=(False|0)\b", call.text):
        return
    tokenizer = Tokenizer(training, plan)
    adds = question.tokenized.get("add_special_tokens")
    if not isinstance(adds, Absent) and plain(adds) is not True or not puts_bos(tokenizer):
        return
    if own_special_tokens(training) or own_special_tokens(question.side.run):
        return
    once = plain(plan.prompt.bos.value) == "once" or trained.form == "text" and uses_unsloth(training)
    if not once or tokenizer.chat_end(call).starts_with_bos is not True:
        return
    text = (
        "the chat template writes the BOS token, and the tokenizer adds a second one: the model was trained with "
        "one; pass add_special_tokens=False"
    )
    yield defect(question.side, "BOS", question.tokenized.place, text, ())


COMPARISONS: tuple[Callable[[TrainingText, Question, TrainingPlan], Iterator[Defect]], ...] = (
    template, words, schema, length, bos,
)  # fmt: skip


# -- words -----------------------------------------------------------------------------------------------------------


def lacking(heads: list[str], said: str) -> list[str]:
    """Return the training headings that a text lacks; it may end within one, where the answer begins."""
    whole = squeezed(said.replace(HOLE, " "))
    end = squeezed(said.rpartition(HOLE)[2])
    found = []
    for head in heads:
        if len(end) > 2 and head.startswith(end):
            break
        if head not in whole:
            found.append(head)
    return found


def place_of(question: Question) -> Place:
    """Return where the prompt is made, if that is in the same file."""
    source = question.place.source
    own = [step for step in question.given.trace if step.source is source]
    return own[-1] if own else question.place


def literal(value: Value) -> str | None:
    """Return a text with a mark for every hole, or None if its literal parts are unknown."""
    if isinstance(value, (Known, Default)) and isinstance(value.value, str):
        return value.value
    if isinstance(value, Text):
        return "".join(p if isinstance(p, str) else HOLE for p in value.parts)
    return None


def sources(value: Value) -> Iterator[str]:
    """Yield the texts that the holes of a prompt are computed from, as in `row["text"].split(answer)[0]`."""
    parts = value.parts if isinstance(value, Text) else value.args if isinstance(value, Term) else ()
    for part in parts:
        if isinstance(part, str):
            continue
        if isinstance(value, Term) and (said := literal(part)) is not None:
            yield squeezed(said.replace(HOLE, " "))
        yield from sources(part)


def shown(text: str) -> str:
    words = squeezed(text.replace(HOLE, " … "))
    return f'"{words[:47]}…"' if len(words) > 48 else f'"{words}"'
