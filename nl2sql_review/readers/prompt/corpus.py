"""Signs that a text column which the script does not show is the plain text of continued pretraining.

Such a text has no prompt to mask. Unsloth's recipe for it trains the embeddings and the head along with the adapter.
"""

from __future__ import annotations

import re

from ..derive import plain
from ..object_settings import last
from ..run import Run

# Data sets of plain text, by the last part of their names on the Hub.
CORPORA = re.compile(
    r"(?:^|/)(?:m?c4|wiki(?:pedia|text)[\w.-]*|oscar[\w.-]*|cc-?100|culturax|openwebtext[\w.-]*|bookcorpus\w*|"
    r"(?:the_)?pile[\w.-]*|fineweb[\w.-]*|(?:red|slim)pajama[\w.-]*|madlad-400|tinystories)$",
    re.IGNORECASE,
)


def sign_of(run: Run) -> str:
    """Return what suggests plain text, in words, or "" if nothing does."""
    trained = plain(run.adapter.value("target_modules"))
    if isinstance(trained, (list, tuple)) and "embed_tokens" in trained and "lm_head" in trained:
        return "the adapter trains the embeddings and the head, as in continued pretraining"
    if plain(run.arguments.value("embedding_learning_rate")):
        return "embedding_learning_rate is set, as in continued pretraining"
    loads = [c for c in run.calls if last(c.callee) == "load_dataset"]
    names = [plain(c.get("path", "$0")) for c in loads]
    if names and all(isinstance(name, str) and CORPORA.search(name) for name in names):
        return f"{names[0]} is a corpus of plain text"
    return ""
