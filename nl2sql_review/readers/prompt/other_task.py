"""Whether a training text sets another task than text-to-SQL: then it has no schema, and no part of it may hold one."""

from __future__ import annotations

import re

from ..run import Run
from .constants import reads_sql
from .text import BOS_LITERALS, EOS_LITERALS, Piece, literal
from .training_text import TrainingText

WHY = "the training text sets another task: neither it nor the script speaks of SQL or a database"
# What a script says of text-to-SQL somewhere: in a name, a comment, the name of its data or of the trained model.
OF_SQL = re.compile(r"sql|database|\bddl\b|spider|数据库|데이터베이스|データベース|базы? данн|base de datos", re.I)
# What a prompt of text-to-SQL says, even one that never names SQL; not `_`, which joins the words of a column's name.
OF_QUERIES = re.compile(
    r"(?<![^\W_])(?:db|tables?(?! of contents)|schemas?|quer(?:y|ies)|columns?)(?![^\W_])"
    r"|\b(?:group|order) by\b"
    r"|[表查]|模式|테이블|스키마|쿼리|テーブル|スキーマ|クエリ|таблиц|запрос|схем[аы]|tablas?\b|consultas?\b|requêtes?\b",
    re.I,
)
MARKUP = re.compile(r"<[^<>\n]{1,40}>|\[/?\w+\]|```\w*|" + "|".join(map(re.escape, (*EOS_LITERALS, *BOS_LITERALS))))
# A label is one word or two, a sentence at least three; of a script without spaces, some characters.
END_OF_SENTENCE = re.compile(r"[^\w ,'’\-]|[\d_]")
WORDS_OF_SENTENCE = 3
UNSPACED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]{6}")
WORDS = re.compile(r"[^\W\d_]{2,}")
SPECIFIC = 2  # words that a text must say beyond the general ones
# What prompts for any task say: the words around an instruction, those of the usual system prompts, and columns' names.
GENERAL = frozenset(
    """
    a about above accurate accurately act ai alibaba all always an and answer answered answering answers anthropic any
    appropriate appropriately are as ask asked asking asks assistant at based be been being below best between both bot
    but by can carefully chat chatbot chosen claude clear clearly cloud complete completely completes completion
    concise concisely considering content context conversation conversations correct correctly could created curious
    cutting data dataset date day deepseek describe described describes detail detailed develop developed dialog
    dialogue directly do does each english entry ensure ethical every exactly example examples expert explain expressed
    fact factual field final first follow followed following follows for format friendly from full further gemma
    generate generated give given gives giving good google gpt harmful has have helpful helpfully helps here
    highly his history honest how human id if in index information informative input inputs instruct instruction
    instructions into is it item its knowledge knowledgeable known label labels language large last let like list llama
    llm made make may me message messages meta mistral model models more most must my name natural necessary need needs
    new no not now of on one only open openai or other our out output outputs pair paired phi please polite politely
    possible problem problems professional prompt prompts provide provided provides question questions qwen read
    reasoning record reject rejected relevant reply request requests respectful respond responds response responses
    result results return role row safe sample sentence sentences should show skilled solution some someone source
    specific step steps style such system take target task tasks tell text than that the their them then there these
    they thinking think this those to today tokens train trained training true truthful two use used useful user users
    using valid value very want was we well were what when where which who will with word words work would write
    written you your
    """.split()
)


def sets_another_task(run: Run, texts: list[TrainingText]) -> bool:
    """Return whether the words of every text set a task of their own, and nothing in the script speaks of SQL.

    Words are those before the answer and the names of the columns. A text of general words alone says nothing:
    `### Instruction: {instruction}` is that of any task.
    """
    written = [pieces for text in texts for pieces in text.texts]
    if not written or not all(text.texts for text in texts):
        return False
    if run.source.path and OF_SQL.search(_name(run)) or run.mentions(OF_SQL):
        return False
    return all(_specific(pieces) for pieces in written)


def _name(run: Run) -> str:
    """Return the path of the script below the root of its project."""
    root = run.recording.project.root if run.recording.project is not None else None
    return run.source.path.removeprefix(str(root)) if root is not None else run.source.path


def _specific(pieces: list[Piece]) -> bool:
    if any("schema" in piece.roles for piece in pieces):
        return False
    answer = next((i for i, piece in enumerate(pieces) if "sql" in piece.roles), len(pieces))
    said = "\n".join(piece.text for piece in pieces[:answer] if piece.hole is None)
    columns = " ".join(name for piece in pieces for name in piece.columns)
    whole = literal(pieces, "\n")
    if OF_SQL.search(columns) or OF_SQL.search(whole) or OF_QUERIES.search(whole) or reads_sql(whole):
        return False
    lines = [(line, WORDS.findall(line)) for line in END_OF_SENTENCE.split(MARKUP.sub("\n", said))]
    words = {word.lower() for line, of in lines if len(of) >= WORDS_OF_SENTENCE or UNSPACED.search(line) for word in of}
    return bool(words) and len((words | {word.lower() for word in WORDS.findall(columns)}) - GENERAL) >= SPECIFIC
