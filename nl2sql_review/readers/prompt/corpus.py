"""Signs that a text column which the script does not show is the plain text of continued pretraining.

Such a text has no prompt to mask. Unsloth's recipe for it trains the embeddings and the head along with the adapter.
"""

from __future__ import annotations

import os.path
import re
from typing import Iterable, Iterator

from ..dataset.columns import column_role
from ..derive import plain
from ..object_settings import last
from ..run import Run

# Data sets of plain text, by the last part of their names on the Hub.
CORPORA = re.compile(
    r"(?:^|/)(?:m?c4|wiki(?:pedia|text)[\w.-]*|oscar[\w.-]*|cc-?100|culturax|openwebtext[\w.-]*|bookcorpus\w*|"
    r"imdb|(?:the_)?pile[\w.-]*|fineweb[\w.-]*|(?:red|slim)pajama[\w.-]*|madlad-400|tinystories)$",
    re.IGNORECASE,
)
# A script, a settings file or an output directory that is called after it: `cpt_config.json`, `pretraining.py`.
CALLED = re.compile(r"(?<![a-z])(?:cpt|pre-?train(?:ing)?)(?![a-z])", re.IGNORECASE)


# Columns that hold answers alone, beside those of the queries themselves.
ANSWERS = re.compile(r"(?:responses?|answers?|outputs?|completions?|repl(?:y|ies)|sql(?:_query)?)$", re.IGNORECASE)


def sign_of(run: Run) -> str:
    """Return what suggests plain text in a column of the dataset, in words, or "" if nothing does."""
    trained = plain(run.adapter.value("target_modules"))
    if isinstance(trained, (list, tuple)) and "embed_tokens" in trained and "lm_head" in trained:
        return "the adapter trains the embeddings and the head, as in continued pretraining"
    if plain(run.arguments.value("embedding_learning_rate")):
        return "embedding_learning_rate is set, as in continued pretraining"
    loads = [c for c in run.calls if last(c.callee) == "load_dataset"]
    names = [plain(c.get("path", "$0")) for c in loads]
    told = [name for name in names if name is not None]  # the others may be chosen instead
    if told and all(isinstance(name, str) and CORPORA.search(name) for name in told):
        return f"{told[0]} is a corpus of plain text"
    named = next((name for name in names_of(run) if CALLED.search(name)), "")
    return f"{named} is called after continued pretraining" if named else ""


def answer_alone(columns: Iterable[str]) -> str:
    """Return in words that the columns that a whole text is read from are called after an answer, "" if not so."""
    names = list(dict.fromkeys(columns))
    if not names or any(column_role(name) != "sql" and not ANSWERS.match(name) for name in names):
        return ""
    return f"the text is {' and '.join(map(repr, names))} alone"


def names_of(run: Run) -> Iterator[str]:
    """Yield the names of the script, of the files that its training arguments come from, and of its output."""
    call = run.arguments.call
    given = call.arguments.values() if call is not None else ()
    for path in dict.fromkeys((run.source.path, *(step.source.path for value in given for step in value.trace))):
        yield os.path.basename(path)
    if isinstance(folder := plain(run.arguments.value("output_dir")), str):
        yield folder
