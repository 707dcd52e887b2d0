"""Quantization that a script makes itself, by putting quantized layers in the place of the model's linear ones."""

from __future__ import annotations

import re

from .run import Run

LAYERS = re.compile(r"\b(?:Linear4bit|LinearNF4|LinearFP4|Linear8bitLt|HQQLinear)\b")
# What replaces a layer of a model: the class alone may serve to find the layers that the loader has quantized.
REPLACES = re.compile(r"\._modules\[[^\[\]\n]{1,200}\][ \t]*=(?!=)|\bsetattr\(|\.set_submodule\(")

# What the name of a model says whose weights are published quantized.
QUANTIZED = re.compile(r"gptq|awq|aqlm|eetq|hqq|torchao|quanto|bnb|[48]-?bit|int[48]|fp8", re.IGNORECASE)


def puts_in(run: Run) -> str:
    """Return the class of quantized layers that the script, or a module of it, may put into the model; "" if none."""
    for source in run.sources:
        if (layer := LAYERS.search(source.text)) and REPLACES.search(source.text):
            return layer.group()
    return ""
