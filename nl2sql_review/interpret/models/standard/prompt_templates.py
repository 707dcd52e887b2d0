"""Model of LangChain's PromptTemplate: a text that is kept, and filled as by `str.format`."""

from __future__ import annotations

from ....training_plan.values import Known, Value
from ...core.library import method_model, model
from ...core.model_call import ModelCall
from ...core.objects import Opaque
from ...core.operations import describe, lift
from ...python.strings import fill

TEMPLATE = "langchain_core.prompts.PromptTemplate"
NAMES = (TEMPLATE, "langchain.prompts.PromptTemplate", "langchain.PromptTemplate")
OTHERWISE = ("template_format", "partial_variables")  # another language, or values of its own


@model(*NAMES, *(f"{name}.from_template" for name in NAMES))
def prompt_template(call: ModelCall) -> Value | None:
    """Return the template; None, as without a model, if it is not filled as by `str.format` alone."""
    args = call.arguments
    if args.unknown or any(name in args.keywords for name in OTHERWISE):
        return None
    text = args.get(0 if call.callee.endswith("from_template") else None, "template")
    return Known(Opaque(f"{TEMPLATE}({describe(text)})", "call", (text,), TEMPLATE), text.trace)


@method_model(TEMPLATE, "format")
def formatted(call: ModelCall) -> Value:
    args = call.arguments
    return lift(lambda text: fill(call.machine, text, [], args.keywords, args.unknown, call.node), call.owner.args[0])
