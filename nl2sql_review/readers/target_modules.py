"""The modules that a LoRA adapter is put on, by the names of Llama's layers."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import partial

from ..gpu_memory.architectures import Architecture, find
from ..training_plan.facts import Fact
from ..training_plan.values import SET_ORDER, Absent, Default, Known, Unknown, Value, options, same
from .derive import derive, is_of_the_hub, plain
from .object_settings import ObjectSettings, from_library
from .prompt.tokenizers import family
from .run import Run

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
FEED_FORWARD = ("gate_proj", "up_proj", "down_proj")
FUSED = {"qkv_proj": ATTENTION[:3], "gate_up_proj": FEED_FORWARD[:2]}  # Phi-3, Phi-4: one matrix for several
_Q, _K, _V, _O = ({name} for name in ATTENTION)
_GATE, _UP, _DOWN = ({name} for name in FEED_FORWARD)
_QKV = _Q | _K | _V
_SPLIT = {"q_proj": _Q, "k_proj": _K, "v_proj": _V}
# Layers of other families and the projections of a Llama layer that they stand for.
FAMILIES: tuple[dict[str, set[str]], ...] = (
    {**_SPLIT, "out_proj": _O, "fc1": _GATE | _UP, "fc2": _DOWN},  # OPT, BART, Whisper
    {**_SPLIT, "dense": _O, "fc1": _GATE | _UP, "fc2": _DOWN},  # Phi-2
    {**_SPLIT, "out_proj": _O, "fc_in": _GATE | _UP, "fc_out": _DOWN},  # GPT-J
    {**_SPLIT, "out_proj": _O, "in_proj": set(), "w1": _GATE, "w3": _UP, "w2": _DOWN},  # LFM2
    {"c_attn": _QKV, "c_proj": _O | _DOWN, "c_fc": _GATE | _UP, "attn.c_proj": _O, "mlp.c_proj": _DOWN},  # GPT-2
    # GPT-NeoX, Falcon, Bloom, ChatGLM
    {"query_key_value": _QKV, "dense": _O, "dense_h_to_4h": _GATE | _UP, "dense_4h_to_h": _DOWN},
    {"q": _Q, "k": _K, "v": _V, "o": _O, "wi": _GATE | _UP, "wi_0": _GATE, "wi_1": _UP, "wo": _DOWN},  # T5
    {  # BERT; out_proj is a head's
        **{"query": _Q, "key": _K, "value": _V, "dense": _O | _GATE | _UP | _DOWN, "out_proj": set()},
        **{"attention.output.dense": _O, "output.dense": _O | _DOWN, "intermediate.dense": _GATE | _UP},
    },
    {"W_pack": _QKV, "o_proj": _O, "gate_proj": _GATE, "up_proj": _UP, "down_proj": _DOWN},  # Baichuan
    {"wqkv": _QKV, "wo": _O, "w1": _GATE, "w3": _UP, "w2": _DOWN},  # InternLM2
    {"q_lin": _Q, "k_lin": _K, "v_lin": _V, "out_lin": _O, "lin1": _GATE | _UP, "lin2": _DOWN},  # DistilBERT, XLM
)
# Names by which only some of the layers of one name are meant
DOTTED = [name for layers in FAMILIES for name in layers if "." in name]
# Phi-3 and Phi-4, unless Unsloth loads them: it splits these layers.
FUSED_LAYERS = {"qkv_proj": _QKV, "o_proj": _O, "gate_up_proj": _GATE | _UP, "down_proj": _DOWN}
# Models whose name says that their layers are those of a family above.
NAMED = (
    (re.compile(r"bart|/opt-\d|whisper|m2m100|nllb|pegasus|marian|blenderbot"), FAMILIES[0]),
    (re.compile(r"/phi-(?:1|1[.-]5|2)$"), FAMILIES[1]),
    (re.compile(r"gpt-?j-"), FAMILIES[2]),
    (re.compile(r"lfm-?2"), FAMILIES[3]),
    (re.compile(r"^(?:[\w.-]+/)?(?:(?:distil)?gpt2|dialogpt)(?:-(?:small|medium|large|xl))?$"), FAMILIES[4]),
    (re.compile(r"/(?:gpt-neox-|pythia-|bloomz?-|chatglm[23]?-6b|falcon-(?:rw-)?\d+b)"), FAMILIES[5]),
    (re.compile(r"^(?:[\w.-]+/)?(?:flan-|m|code|by)?t5(?:-v1-1)?-(?:small|base|large|xl|xxl|3b|11b)$"), FAMILIES[6]),
    (re.compile(r"^(?:[\w.-]+/)?(?:bert|(?:xlm-)?roberta)-(?:base|large)"), FAMILIES[7]),
    (re.compile(r"/baichuan2?-(?:7|13)b"), FAMILIES[8]),
    (re.compile(r"/internlm2(?:-5)?-"), FAMILIES[9]),
    (
        re.compile(r"^microsoft/phi-(?:3(?:[.-]5)?-(?:mini|medium)-|4$|4-(?:mini-)?(?:instruct|reasoning))"),
        FUSED_LAYERS,
    ),
)
T5 = re.compile(r"t5|ul2|t0")
QUERY_VALUE = ["q_proj", "v_proj"]
# Beside the layers of any family, and no projection of them
HEADS = {*"embed_tokens lm_head wte wpe word_embeddings embed_out score classifier".split()}
# What PEFT adapts where no modules are named (peft.utils.constants), by the family or the name of the model.
QUERY_AND_VALUE = ("Llama 3", "CodeLlama", "Llama 2", "Mistral")
BY_NAME = (
    (re.compile(r"t5"), ["q", "v"]),
    (re.compile(r"neox|pythia|bloom|falcon(?!-?(?:3|h1|mamba|e-))"), ["query_key_value"]),
    (re.compile(r"gpt-?neo|gpt-?j-|/opt-\d|codegemma|gemma-(?:1\.1-)?[27]b|gemma-2-|gemma-3-(?:270m|1b)"), QUERY_VALUE),
    (re.compile(r"qwen(?:1\.5|2(?:\.5)?)-(?:coder-|math-)?\d+(?:\.\d+)?b"), QUERY_VALUE),
    (re.compile(r"gpt2|dialogpt"), ["c_attn"]),
    (re.compile(r"\bbert-|roberta"), ["query", "value"]),
)
MODULES = {
    *ATTENTION,
    *FEED_FORWARD,
    *FUSED,
    # other families: GPT-NeoX, Falcon, Bloom, GPT-2, GPT-J, OPT, MPT, ChatGLM, Baichuan, Qwen-1, InternLM, T5, DBRX,
    # Mixtral, Mamba
    *(
        "query_key_value dense dense_h_to_4h dense_4h_to_h c_attn c_proj c_fc attn out_proj fc_in fc_out fc1 fc2 Wqkv "
        "W_pack wqkv wo wi wi_0 wi_1"
    ).split(),
    *(
        "input_linear output_linear in_proj_ba in_proj_qkvz w1 w2 w3 q k v o query key value in_proj x_proj dt_proj "
        "up down ffn_up ffn_down linear_in linear_out gate router proj qkv q_lin k_lin v_lin out_lin lin1 lin2"
    ).split(),
    *(
        "query_proj key_proj value_proj kv_proj o_b_proj q_a_proj q_b_proj kv_a_proj_with_mqa kv_b_proj "
        "shared_expert_gate"
    ).split(),
    *HEADS,
}


def modules(run: Run, model_name: Value) -> tuple[Fact, Fact]:
    """Return the adapted projections, and the names that no model has (PEFT ignores those without a message)."""
    fact = run.adapter.fact("target_modules")
    if fact.at is None and run.adapter_call is not None:
        fact.at = run.adapter_call.place
    value = fact.value
    if run.adapter.callee.startswith("unsloth") and "Vision" in run.adapter.callee or "FastModel" in run.adapter.callee:
        if (
            isinstance(value, Absent)
            or all(isinstance(o, Known) and o.value in (None, "all-linear") for o in options(value))
            or from_library(value)
        ):
            fact = Fact(
                by_flags(run.adapter), at=fact.at, note="chosen by finetune_attention_modules and finetune_mlp_modules"
            )
            return fact, Fact(Known([], fact.value.trace), at=fact.at)
    if isinstance(value, Unknown) and value.why == SET_ORDER and isinstance(value.parts, list):
        value = derive(lambda *names: list(names), *value.parts, trace=value.trace)  # the order does not matter
    names = [o.value for o in options(value) if isinstance(o, (Known, Default))]
    llama = has_llama_layers(model_name)
    if None in names and (taken := taken_by_peft(run)):
        fact.note = f"PEFT then takes only {' and '.join(taken)} of this model"
        value = derive(lambda chosen: taken if chosen is None else chosen, value)
    elif None in names:
        fact.note = "PEFT then chooses by model type: only q_proj and v_proj for Llama and Mistral"
    elif "all-linear" in names:
        whole = '"all-linear"' if fact.given is None else "it"
        fact.note = f"{whole} adapts every linear layer except the head"
    elif any(isinstance(n, str) for n in names):
        fact.note = "a regular expression; the names spelled out in it are listed"
    elif any(n in FUSED for one in names if isinstance(one, (list, tuple, set)) for n in one if isinstance(n, str)):
        fact.note = "qkv_proj and gate_up_proj combine several projections in one matrix"
    elif not llama and (counted := next(filter(None, map(said, names)), "")):
        fact.note = counted
    elif own := layers_of(run, model_name):
        fact.note = f"of this model, the layers are called {', '.join(n for n, covered in own.items() if covered)}"
        there = derive(partial(existing, layers=own), value)
        if not same(there, value):
            fact.given, value = fact.given or value, derive(lambda kept, _: kept, there, model_name)
    expanded = derive(partial(expand, llama=llama), value)
    if not same(expanded, value) and all(isinstance(n, (list, tuple, set)) or n == "all-linear" for n in names):
        fact.given = fact.given or value
    fact.value = expanded
    return fact, Fact(derive(unmatched, value), at=fact.at)


def taken_by_peft(run: Run) -> list[str]:
    """Return the modules that PEFT takes of the model if none are named; [] if that is not known."""
    given = plain(run.load.value("model_name", "pretrained_model_name_or_path", "$0"))
    if given is None and run.trainer is not None:
        given = plain(run.trainer.get("model", "$0"))
    found = family(given)
    if found is not None and found.name in QUERY_AND_VALUE:
        return QUERY_VALUE
    name = given.lower() if isinstance(given, str) else ""
    return next((taken for pattern, taken in BY_NAME if pattern.search(name)), [])


def layers_of(run: Run, model_name: Value) -> dict[str, set[str]]:
    """Return how the layers of a model are called if its name says that they are not called as in Llama."""
    name = plain(model_name)
    lowered = name.lower().replace("_", "-") if isinstance(name, str) else ""
    if run.load.callee.startswith("unsloth") and lowered.startswith("microsoft/"):
        return {}
    named = next((layers for names, layers in NAMED if names.search(lowered)), {})
    # No encoder-decoder model has Llama's layers; those that have `q_proj` have BART's.
    like_bart = "Seq2Seq" in run.load.callee and is_of_the_hub(lowered) and not T5.search(lowered)
    return named or (FAMILIES[0] if like_bart else {})


def existing(chosen: object, layers: dict[str, set[str]]) -> object:
    """Return the names that are chosen, without those of Llama's projections that a model of these layers has not."""
    if not isinstance(chosen, (list, tuple, set, frozenset)):
        return chosen
    lacking = {*ATTENTION, *FEED_FORWARD} - set(layers)
    return [name for name in chosen if not (isinstance(name, str) and name.rpartition(".")[2] in lacking)]


def has_llama_layers(model_name: Value) -> bool:
    """Return whether a model is known by its name, and its layers are called as in Llama."""
    found = [find(o.value) for o in options(model_name) if isinstance(o, (Known, Default)) and isinstance(o.value, str)]
    return bool(found) and all(isinstance(one, Architecture) and one.gated for one in found)


def expand(chosen: object, llama: bool = False) -> object:
    """Return the names of modules, words like `all-linear` and fused modules written out; else what was given.

    `llama`: the layers of the model have Llama's names, so that those of other families name none.
    """
    if isinstance(chosen, str):
        if chosen == "all-linear":
            return [*ATTENTION, *FEED_FORWARD]
        return spelled_out(chosen) or Unknown(f"it is unknown which modules the expression {chosen!r} matches")
    if isinstance(chosen, (list, tuple, set, frozenset)):
        out: list[object] = []
        for name in chosen:
            short = shortened(name) if isinstance(name, str) else name
            out += FUSED.get(short, (short,))
        return [*out, *(n for n in ([] if llama else stands_for(out)) if n not in out)]
    return chosen


def shortened(name: str) -> str:
    """Return the last part of a dotted name, or the last parts where these decide which layers are meant."""
    meant = (known for known in DOTTED if f".{name}".endswith(f".{known}"))
    return max(meant, key=len, default=name.rpartition(".")[2])


def family_of(names: list[object]) -> dict[str, set[str]]:
    """Return the family that all these names are of, or {} if they are Llama's or of no single family.

    Beside `gate_proj`, `fc1` is a layer of a vision tower and stands for nothing.
    """
    given = {name for name in names if isinstance(name, str)}
    if len(given) < len(set(map(str, names))) or given - HEADS <= {*ATTENTION, *FEED_FORWARD}:
        return {}
    given -= HEADS
    return next((family for family in FAMILIES if given <= set(family)), {})


def stands_for(names: list[object]) -> list[str]:
    """Return the projections of a Llama layer that the names of another family stand for, in Llama's order."""
    family = family_of(names)
    covered = {llama for name in names for llama in family.get(str(name), ())}
    return [name for name in (*ATTENTION, *FEED_FORWARD) if name in covered]


def said(chosen: object) -> str:
    """Return how names of another family are counted, and what it calls the others, for a message."""
    names = list(chosen) if isinstance(chosen, (list, tuple, set, frozenset)) else []
    names = [name.rpartition(".")[2] if isinstance(name, str) else name for name in names]
    own = [str(name) for name in names if name not in (*stands_for(names), *HEADS)]
    counted = [name for name in stands_for(names) if name not in names]
    others = [
        name
        for name, covered in family_of(names).items()
        if name not in own and "." not in name and covered - set(stands_for(names))
    ]
    rest = f"; the others are called {', '.join(others)}" if others else ""
    return f"{', '.join(own)} standing for {', '.join(counted)}{rest}" if counted else ""


def spelled_out(expression: str) -> list[str]:
    """Return the modules that a regular expression names, with `(q|k|v)_proj` and `[qkv]_proj` written out."""
    names: list[str] = []

    def each(found: re.Match[str]) -> str:
        names.extend(part + found[2] for part in found[1].split("|"))
        return " "

    expression = re.sub(r"\[([a-z]+)\](?=\w)", lambda found: f"({'|'.join(found[1])})", expression)
    expression = re.sub(r"\[([a-z]+)\]", lambda found: "|".join(found[1]), expression)
    rest = re.sub(r"\((?:\?:)?([\w|]+)\)(\w+)", each, expression)
    return [n for n in dict.fromkeys([*names, *re.findall(r"\w+", rest)]) if n in MODULES]


def unmatched(chosen: object) -> object:
    """Return names of no known model: similar to a known name, or beside names of the Llama family."""
    if not isinstance(chosen, (list, tuple, set, frozenset)):
        return []
    names = [n.rpartition(".")[2] for n in chosen if isinstance(n, str)]
    llama = any(n in (*ATTENTION, *FEED_FORWARD) for n in names)
    return [
        n for n in names if n not in MODULES and not n.isdigit() and (llama or get_close_matches(n, MODULES, 1, 0.75))
    ]


def by_flags(adapter: ObjectSettings) -> Value:
    """Return the modules that FastModel and FastVisionModel choose by kind of layer: all, unless a flag is off."""
    flags = {}
    for flag in ("finetune_language_layers", "finetune_attention_modules", "finetune_mlp_modules"):
        value = adapter.value(flag)
        flags[flag] = Known(True, (adapter.place,) if adapter.place else ()) if isinstance(value, Absent) else value

    def chosen(language: object, attention: object, mlp: object) -> object:
        return [*(ATTENTION if language and attention else ()), *(FEED_FORWARD if language and mlp else ())]

    return derive(chosen, *flags.values())
