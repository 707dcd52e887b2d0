"""Encoders that a script only asks for embeddings: a tool beside the training, as `encode` makes no gradients."""

from __future__ import annotations

from ..interpret.core.recording import Call, Recording
from .object_settings import last

ENCODER = "sentence_transformers.SentenceTransformer"
# What such a tool is asked for; anything else may train it.
ASKED = frozenset(
    "encode encode_query encode_document encode_multi_process start_multi_process_pool stop_multi_process_pool "
    "get_sentence_embedding_dimension get_embedding_dimension similarity similarity_pairwise "
    "eval to cuda cpu half".split()
)


def only_embeds(recording: Recording, load: Call) -> bool:
    """Return whether a call loads an encoder that nothing but `encode` is made with, in all of the script."""
    if load.callee != ENCODER or recording.exhausted:
        return False
    uses = [c for c in recording.calls if c.callee.startswith("sentence_transformers.") and c.callee != ENCODER]
    named = {last(c.callee) for c in uses if c.callee.startswith(f"{ENCODER}.")}
    if len(named) == 0 or not named <= ASKED or any(not c.callee.startswith(f"{ENCODER}.") for c in uses):
        return False
    return any(name.startswith("encode") for name in named) and not any(gives(c) for c in recording.calls)


def gives(call: Call) -> bool:
    """Return whether a call is given an encoder, as a loss or a trainer is that trains it."""
    made = (getattr(getattr(value, "value", value), "call", None) for value in call.arguments.values())
    return any(one is not None and one.callee == ENCODER for one in made)
