"""Which runs are made: the checklist kept, and one item of it broken at a time."""

from __future__ import annotations

from dataclasses import dataclass, field

from recipe import RECIPE

LORA = dict(RECIPE["LORA"])  # type: ignore[call-overload]
SEVEN = tuple(LORA["target_modules"])


@dataclass(frozen=True)
class Variant:
    name: str
    rule: str = ""
    r: int = LORA["r"]
    alpha: int = LORA["lora_alpha"]
    dropout: float = LORA["lora_dropout"]
    modules: tuple[str, ...] = SEVEN
    rate: float = float(str(RECIPE["LEARNING_RATE"]))
    scheduler: str = "cosine"
    warmup: float = float(str(RECIPE["WARMUP"]))
    batch: int = int(str(RECIPE["EFFECTIVE_BATCH"]))
    bits: int = 4
    checkpointing: bool = False
    max_length: int = int(str(RECIPE["MAX_LENGTH"]))
    labels: str = "answer"  # of what the loss is taken: answer, all, prompt, from question, answer without end
    ending: str = "eos"  # what follows the SQL: eos, nothing, twice
    cut: str = "tables"
    question: str = "read"  # or: missing in a third
    seeds: int = 1
    asks: tuple[tuple[str, str], ...] = field(default=(("trained", "same"),))  # prompts and cuts at inference
    again: tuple[tuple[str, str], ...] = field(default=(("trained", "same"),))  # the same for the seeds after the first

    def __post_init__(self) -> None:
        assert not self.rule or "/" in self.rule


OTHER_PROMPTS = tuple(
    (name, "same") for name in ("no newline", "no instruction", "other labels", "question first", "chat")
)
OTHER_CUTS = (("trained", "blind"), ("trained", "uncut"))
SAME = (("trained", "same"),)
MERGED = (("trained", "merged 4 bit"), ("trained", "merged 16 bit"))

VARIANTS = (
    Variant("compliant", seeds=3, asks=(*SAME, *OTHER_CUTS, *OTHER_PROMPTS, *MERGED),
            again=(*SAME, *OTHER_CUTS, ("other labels", "same"))),
    Variant("no EOS", "prompt/eos", ending="nothing"),
    Variant("EOS not in the loss", "prompt/padding", labels="answer without end"),
    Variant("loss on the prompt too", "prompt/response-only-loss", labels="all"),
    Variant("markers swapped", "prompt/markers", labels="prompt"),
    Variant("response marker 'Question:'", "prompt/markers", labels="from question"),
    Variant("learning rate 5e-5", "arguments/learning-rate", rate=5e-5),
    Variant("learning rate 2e-3", "arguments/learning-rate", rate=2e-3),
    Variant("rank 4, alpha 4", "lora/rank", r=4, alpha=4),
    Variant("rank 4, alpha 8", "lora/alpha", r=4, alpha=8),
    Variant("rank 16, alpha 32", "lora/alpha", alpha=32),
    Variant("rank 64, alpha 64", "lora/rank", r=64, alpha=64),
    Variant("rank 64, alpha 128", "lora/alpha", r=64, alpha=128),
    Variant("no warm-up", "arguments/warmup", warmup=0.0),
    Variant("blind schema cut", "dataset/schema-truncation", cut="blind",
            asks=(*SAME, ("trained", "tables"), ("trained", "uncut"))),
    Variant("no schema cut", "dataset/schema-truncation", cut="uncut", asks=(*SAME, ("trained", "tables"))),
    Variant("only q_proj and v_proj", "lora/target-modules", modules=("q_proj", "v_proj")),
    Variant("base model in 16 bit", "lora/four-bit", bits=16),
    Variant("linear scheduler", "arguments/scheduler", scheduler="linear"),
    Variant("constant learning rate", "arguments/scheduler", scheduler="constant"),
    Variant("64 rows a step", "arguments/effective-batch", batch=64),
    Variant("rows cut at 256 tokens", "memory/sequence-length", max_length=256),
    Variant("question not read in a third of the rows", "dataset/field-fallbacks", question="missing in a third"),
    Variant("second EOS", "prompt/second-eos", ending="twice"),
    Variant("dropout 0.1", "lora/dropout", dropout=0.1),
    Variant("gradient checkpointing", "lora/gradient-checkpointing", checkpointing=True),
    Variant("learning rate 2e-5", "arguments/learning-rate", rate=2e-5),
    Variant("learning rate 2e-3, no warm-up", "arguments/warmup", rate=2e-3, warmup=0.0),
)  # fmt: skip


def named(name: str) -> Variant:
    return next(variant for variant in VARIANTS if variant.name == name)
