# ruff: noqa: E501  rows of tables are long lines
"""Writes the tables of docs/evidence.md and the evidence of the rule pages from measured.jsonl.

    python benchmarks/teach/evidence.py            # writes them
    python benchmarks/teach/evidence.py --check    # exits 1 where they differ

A broken run is compared with the compliant one of the same seed and length of training, question by question: the
difference has the 95 % interval of the paired bootstrap, as `nl2sql-review evaluate --against` gives it.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from nl2sql_review.gpu_memory.architectures import Architecture  # noqa: E402
from nl2sql_review.gpu_memory.estimate import estimate  # noqa: E402
from nl2sql_review.gpu_memory.setup import Setup  # noqa: E402
from nl2sql_review.rows.scoring.intervals import paired_bootstrap, wilson  # noqa: E402

PAGE = ROOT / "docs" / "evidence.md"
LINES = [json.loads(line) for line in (HERE / "measured.jsonl").read_text(encoding="utf-8").splitlines()]
LENGTHS = {"a": "long", **dict.fromkeys("bcdef", "short")}  # b to f differ in what ran beside them
# The compliant run that a set's runs are held against, by seed. b and c were the first lease, d and e the second, f the
# third, which made none: a seed repeats within one question.
AGAINST = {
    "a": {0: "a", 1: "a"},
    "b": {0: "b"},
    "c": {0: "b"},
    "d": {0: "e", 1: "d"},
    "e": {0: "e"},
    "f": {0: "e", 1: "d", 2: "b"},
}
UNSLOTH = "the reference trainer with Unsloth"
CHANCE = "its interval holds zero: **no effect seen**"


@dataclass(frozen=True)
class Shown:
    """A row of the table: a run, or a way of asking the compliant one, against that one asked as it was trained."""

    rule: str
    name: str
    set: str
    variant: str
    prompt: str = "trained"
    cut: str = "same"
    remark: str = ""
    seed: int = 0


ROWS = (
    Shown("prompt/eos", "no EOS at the end of the text", "a", "no EOS", remark="all but 2 answers ran on to the limit; the first statement of them is right in {first}"),
    Shown("prompt/eos", "no EOS at the end of the text", "b", "no EOS", remark="no answer stopped; the first statement is right in {first}"),
    Shown("prompt/eos", "the same, another seed", "f", "no EOS", seed=1, remark="no answer stopped; the first statement is right in {first}"),
    Shown("prompt/padding", "EOS in the text, not in the loss", "a", "EOS not in the loss", remark="1 answer stopped; the first statement is right in {first}"),
    Shown("prompt/response-only-loss", "loss on the prompt too", "a", "loss on the prompt too"),
    Shown("prompt/response-only-loss", "loss on the prompt too", "b", "loss on the prompt too"),
    Shown("prompt/response-only-loss", "the same, another seed", "f", "loss on the prompt too", seed=1),
    Shown("prompt/markers", "the two markers swapped: loss on the prompt alone", "a", "markers swapped"),
    Shown("prompt/markers", "response marker `Question:`: loss on question and SQL", "b", "response marker 'Question:'"),
    Shown("prompt/markers", "the same, another seed", "d", "response marker 'Question:'", seed=1),
    Shown("prompt/second-eos", "a second EOS at the end", "d", "second EOS"),
    Shown("prompt/second-eos", "the same, another seed", "f", "second EOS", seed=1),
    Shown("prompt/second-eos", "the same, a third seed", "f", "second EOS", seed=2),
    Shown("arguments/warmup", "no warm-up", "d", "no warm-up"),
    Shown("arguments/warmup", "the same, another seed", "d", "no warm-up", seed=1),
    Shown("arguments/warmup", "learning rate 2e-3 and no warm-up", "d", "learning rate 2e-3, no warm-up", remark="**contrary**, as 2e-3 with warm-up is; the warm-up made no difference there either"),
    Shown("arguments/scheduler", "linear", "d", "linear scheduler"),
    Shown("arguments/scheduler", "linear, another seed", "f", "linear scheduler", seed=1),
    Shown("arguments/scheduler", "linear, a third seed", "f", "linear scheduler", seed=2),
    Shown("arguments/scheduler", "constant", "d", "constant learning rate", remark="**contrary**: more learning in as many steps"),
    Shown("arguments/scheduler", "constant, another seed", "f", "constant learning rate", seed=1, remark="**contrary**"),
    Shown("arguments/effective-batch", "64 rows a step", "d", "64 rows a step", remark="the same rows in a quarter of the steps"),
    Shown("arguments/effective-batch", "the same, another seed", "f", "64 rows a step", seed=1),
    Shown("lora/dropout", "dropout 0.1", "d", "dropout 0.1"),
    Shown("lora/dropout", "the same, another seed", "f", "dropout 0.1", seed=1),
    Shown("lora/dropout", "the same, a third seed", "f", "dropout 0.1", seed=2),
    Shown("arguments/learning-rate", "learning rate 2e-5", "d", "learning rate 2e-5"),
    Shown("arguments/learning-rate", "learning rate 5e-5", "b", "learning rate 5e-5"),
    Shown("arguments/learning-rate", "the same, another seed", "f", "learning rate 5e-5", seed=1),
    Shown("arguments/learning-rate", "learning rate 2e-3", "b", "learning rate 2e-3", remark="**contrary**: the best run of the first lease"),
    Shown("arguments/learning-rate", "the same, another seed", "d", "learning rate 2e-3", seed=1, remark="**contrary**"),
    Shown("lora/rank", "rank 4, alpha 4", "b", "rank 4, alpha 4"),
    Shown("lora/rank", "the same, another seed", "f", "rank 4, alpha 4", seed=1),
    Shown("lora/rank", "rank 64, alpha 64", "b", "rank 64, alpha 64", remark="**contrary**"),
    Shown("lora/rank", "the same, another seed", "d", "rank 64, alpha 64", seed=1, remark="**contrary**"),
    Shown("lora/alpha", "rank 4, alpha 8", "b", "rank 4, alpha 8", remark="5.8 points above rank 4 with alpha 4"),
    Shown("lora/alpha", "the same, another seed", "f", "rank 4, alpha 8", seed=1, remark="4.6 points above rank 4 with alpha 4 of that seed"),
    Shown("lora/alpha", "rank 16, alpha 32", "b", "rank 16, alpha 32", remark="**contrary**"),
    Shown("lora/alpha", "the same, another seed", "f", "rank 16, alpha 32", seed=1, remark="**contrary**"),
    Shown("lora/alpha", "rank 64, alpha 128", "b", "rank 64, alpha 128", remark="**contrary**; 18.4 points above rank 64 with alpha 64"),
    Shown("lora/target-modules", "only `q_proj` and `v_proj`", "c", "only q_proj and v_proj"),
    Shown("lora/target-modules", "the same, another seed", "d", "only q_proj and v_proj", seed=1),
    Shown("lora/four-bit", "base model in 16 bit", "c", "base model in 16 bit", remark="**contrary**: 4 bit costs accuracy on so small a model"),
    Shown("lora/four-bit", "the same, another seed", "f", "base model in 16 bit", seed=1, remark="**contrary**"),
    Shown("lora/four-bit", "adapter merged into the 4-bit weights", "b", "compliant", cut="merged 4 bit", remark="the adapter is rounded away: 541 of 800 answers are the base model's to the letter"),
    Shown("lora/four-bit", "the same once more", "e", "compliant", cut="merged 4 bit"),
    Shown("lora/four-bit", "adapter merged into the 16-bit weights", "e", "compliant", cut="merged 16 bit", remark="trained on the 4-bit weights, which are others"),
    Shown("lora/four-bit", "adapter merged into the 4-bit weights turned back into 16 bit", "e", "compliant", cut="merged dequantised"),
    Shown("memory/sequence-length", "rows cut at 256 tokens", "c", "rows cut at 256 tokens", remark="1,440 of 2,400 rows lost all of their SQL and were dropped: 60 steps"),
    Shown("dataset/schema-truncation", "blind cut in training and in asking", "b", "blind schema cut"),
    Shown("dataset/schema-truncation", "blind cut in asking only", "a", "compliant", cut="blind"),
    Shown("dataset/schema-truncation", "blind cut in asking only", "b", "compliant", cut="blind"),
    Shown("dataset/schema-truncation", "no cut in asking", "a", "compliant", cut="uncut"),
    Shown("dataset/schema-truncation", "blind cut in training and in asking, another seed", "d", "blind schema cut", seed=1),
    Shown("dataset/schema-truncation", "blind cut in asking only, another seed", "d", "compliant", cut="blind", seed=1),
    Shown("dataset/schema-truncation", "no cut in asking, another seed", "d", "compliant", cut="uncut", seed=1),
    Shown("dataset/schema-truncation", "no cut in training and in asking", "d", "no schema cut"),
    Shown("dataset/schema-truncation", "no cut in training and in asking, another seed", "f", "no schema cut", seed=1),
    Shown("dataset/schema-truncation", "no cut in training and in asking, a third seed", "f", "no schema cut", seed=2),
    Shown("dataset/field-fallbacks", "`None` for the question in a third of the rows", "f", "question not read in a third of the rows"),
    Shown("lora/gradient-checkpointing", "with gradient checkpointing, which the compliant runs here do without", "f", "gradient checkpointing", remark="0.62 GiB allocated in place of 5.05, a third more time a step"),
    Shown("prompt/alpaca", "asked without the newline at the prompt's end", "a", "compliant", prompt="no newline", remark="496 answers were empty"),
    Shown("prompt/alpaca", "asked without the newline at the prompt's end", "b", "compliant", prompt="no newline", remark="666 answers were empty"),
    Shown("prompt/alpaca", "asked with schema and question alone", "a", "compliant", prompt="no instruction"),
    Shown("prompt/alpaca", "asked under other labels", "a", "compliant", prompt="other labels"),
    Shown("prompt/alpaca", "asked under other labels", "b", "compliant", prompt="other labels"),
    Shown("prompt/alpaca", "asked under other labels, another seed", "d", "compliant", prompt="other labels", seed=1),
    Shown("prompt/alpaca", "asked with the question before the schema", "b", "compliant", prompt="question first"),
    Shown("prompt/alpaca", "asked by the chat template", "b", "compliant", prompt="chat"),
)  # fmt: skip


def line(name: str, variant: str, prompt: str = "trained", cut: str = "same", seed: int = 0) -> dict:
    key = (name, variant, prompt, cut, seed)
    return next(
        each for each in LINES if (each["set"], each["variant"], each["prompt"], each["cut"], each["seed"]) == key
    )


def right(each: dict) -> int:
    return each["outcomes"].count("+")


def share(value: float) -> str:
    return f"{100 * value:.1f}"


def signed(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−")


def compared(shown: Shown) -> tuple[dict, dict, float, tuple[float, float]]:
    ours = line(shown.set, shown.variant, shown.prompt, shown.cut, shown.seed)
    theirs = line(AGAINST[shown.set][shown.seed], "compliant", seed=shown.seed)
    pairs = list(zip(ours["outcomes"], theirs["outcomes"]))
    won = sum(one == "+" != other for one, other in pairs)
    lost = sum(other == "+" != one for one, other in pairs)
    return ours, theirs, (won - lost) / len(pairs), paired_bootstrap(won, lost, len(pairs))


def row(shown: Shown) -> str:
    ours, theirs, difference, (low, high) = compared(shown)
    remark = shown.remark.format(first=ours["right_first"])
    if shown.set == "d" and ours.get("steps", 150) < ours.get("of", 150):
        remark = f"{remark}{'; ' if remark else ''}ended by its time after {ours['steps']} of {ours['of']} steps"
    if low <= 0 <= high:
        remark = f"{CHANCE}{'; ' + remark if remark else ''}"
    stopped = f"{ours['stopped']}"
    return (
        f"| `{shown.rule}` | {shown.name} | {LENGTHS[shown.set]} | {share(right(ours) / 800)} | {share(right(theirs) / 800)} "
        f"| {signed(difference)} ({signed(low)} to {signed(high)}) | {stopped} | {remark} |"
    )


def breakings() -> str:
    head = "| rule | broken | training | broken run, % right | compliant, % right | difference, points (95 %) | stopped at EOS of 800 | |\n|---|---|---|---|---|---|---|---|"
    return "\n".join([head, *map(row, ROWS)])


def proof() -> str:
    """Base against compliant: of three seeds each, and the interval of their mean over the questions."""
    lines = ["| | right of 800 | % (95 %) | accepted by SQLite, % | stopped at EOS |", "|---|---|---|---|---|"]
    base = line("a", "base")
    shown = [
        ("base model, the prompt of the training", base),
        ("base model, its own chat template", line("a", "base", "chat")),
    ]
    shown.append(("base model, three solved questions in the prompt", line("f", "base", "three examples")))
    for name, title in (("a", "long"), ("b", "short")):
        shown += [(f"compliant, {title}, seed {seed}", line(name, "compliant", seed=seed)) for seed in range(3)]
    shown.append(("the reference trainer with Unsloth, 200 steps", line("u", UNSLOTH, seed=42)))
    for title, each in shown:
        low, high = wilson(right(each), 800)
        lines.append(
            f"| {title} | {right(each)} | {share(right(each) / 800)} ({share(low)} to {share(high)}) "
            f"| {share(each['schema_valid_rate'])} | {each['stopped']} |"
        )
    return "\n".join(lines)


def cost() -> str:
    head = "| run | runs beside it | seconds a step | tokens/s | allocated, GiB | reserved, GiB | adapter, million weights |\n|---|---|---|---|---|---|---|"
    lines = [head]
    wanted = [("a", "compliant"), ("b", "compliant"), ("b", "rank 4, alpha 4"), ("b", "rank 64, alpha 64"), ("b", "blind schema cut"),
              ("c", "base model in 16 bit"), ("c", "only q_proj and v_proj"), ("c", "rows cut at 256 tokens"),
              ("d", "no schema cut"), ("d", "dropout 0.1"), ("d", "64 rows a step"), ("d", "no warm-up"), ("f", "gradient checkpointing"), ("f", "dropout 0.1", 1), ("e", "compliant")]  # fmt: skip
    beside = {"a": "7", "b": "7", "c": "4", "d": "8 to 11", "e": "none", "f": "7"}
    for name, variant, *seed in wanted:
        each = line(name, variant, seed=seed[0] if seed else 0)
        lines.append(
            f"| {variant}, {LENGTHS[name]} | {beside[name]} | {each['step_s']:.2f} | {each['tokens_s']:,} | {each['allocated_gib']:.2f} "
            f"| {each['reserved_gib']:.2f} | {each['trainable'] / 1e6:.1f} |"
        )
    return "\n".join(lines)


def memory() -> str:
    """What was reserved where rows differ in length, where they do not, and where the process may have no more."""
    sizes = {"base": Architecture("smollm2-135m", 576, 30, 9, 3, 64, 1536, 49152, True, True),
             "llama-1b": Architecture("1.07 billion", 2048, 16, 32, 8, 64, 8192, 49152, True, True)}  # fmt: skip
    lines = ["| model, stack | rows | gradient checkpointing | lengths, allocator | estimate (bounds) | allocated | reserved | |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for each in map(json.loads, (HERE / "memory.jsonl").read_text(encoding="utf-8").splitlines()):
        checkpointing = {"unsloth": "offloaded"}.get(each["checkpointing"], each["checkpointing"])
        made = estimate(Setup(sizes[each["model"]], batch=each["batch"], length=each["longest"], unsloth=each["stack"] == "unsloth",
                              checkpointing=checkpointing), context=0)  # fmt: skip
        how = each["rows"] + (", loss on the prompt too" if each.get("labels") == "all" else "")
        how += ", Unsloth's former loss" if not each.get("chunked", 1) else ""
        how += ", expandable segments" if each["expandable"] else ""
        how += f", no more than {each['cap']:g} GiB" if each["cap"] else ""
        ended = "out of memory" if each["error"] else "ran, after giving back" if each["cap"] else ""
        lines.append(f"| {sizes[each['model']].name}, {each['stack']} | {each['batch']} × {each['longest']:,} | {each['checkpointing']} | {how} "
                     f"| {made.gib:.2f} ({made.low:.2f} to {made.high:.2f}) | {each['allocated']:.2f} | {each['reserved']:.2f} | {ended} |")  # fmt: skip
    return "\n".join(lines)


def pages() -> dict[Path, str]:
    """What each file should hold: the tables between their marks, and a section `## Evidence` on the rule pages."""
    made: dict[Path, str] = {}
    text = PAGE.read_text(encoding="utf-8")
    for name, table in (("proof", proof()), ("breakings", breakings()), ("cost", cost()), ("memory", memory())):
        start, end = (text.index(mark) for mark in (f"<!-- {name} -->\n", f"<!-- /{name} -->"))
        text = f"{text[:start]}<!-- {name} -->\n{table}\n{text[end:]}"
    made[PAGE] = text
    for rule in dict.fromkeys(shown.rule for shown in ROWS):
        made[ROOT / "rules" / f"{rule}.md"] = with_evidence(rule)
    return made


def with_evidence(rule: str) -> str:
    lines = ["## Evidence", "", "Measured on SmolLM2-135M, one run each, 800 unseen questions", "([docs/evidence.md](../../docs/evidence.md)):", "",
             "| broken | % right | compliant | difference, points (95 %) |", "|---|---|---|---|"]  # fmt: skip
    for shown in ROWS:
        if shown.rule == rule:
            ours, theirs, difference, (low, high) = compared(shown)
            said = f"{signed(difference)} ({signed(low)} to {signed(high)})" + (
                "; no effect seen" if low <= 0 <= high else ""
            )
            lines.append(
                f"| {shown.name} ({LENGTHS[shown.set]}) | {share(right(ours) / 800)} | {share(right(theirs) / 800)} | {said} |"
            )
    path = ROOT / "rules" / f"{rule}.md"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"\n## Evidence\n.*?(?=\n## )", "", text, flags=re.DOTALL)
    before, mark, after = text.partition("\n## When to ignore it\n")
    told = NOTES.get(rule)
    section = "\n".join(lines) + (f"\n\n{told}" if told else "")
    return f"{before}\n{section}\n{mark}{after}"


NOTES = {
    "arguments/warmup": "Four or five warm-up steps made no difference to an adapter on so small a model, at this rate or at ten times it.",
    "arguments/scheduler": "The constant rate does better for the same reason as the higher one: these runs are too short for 2e-4.",
    "arguments/effective-batch": "One pass over the same rows takes 38 steps instead of 150. Fewer steps are what costs accuracy.",
    "lora/rank": "On a model this small, trained this briefly, a higher rank is better, and rank 64 did not memorize the data. The\n"
    "rule is about a 7B model and three passes over the data. That was not measured.",
    "lora/alpha": "A larger factor acts like a higher learning rate, and the rate of these short runs was too low\n"
    "(`arguments/learning-rate`).",
    "arguments/learning-rate": "That 2e-3 does better goes against the rule: after 150 steps at 2e-4, a model of 0.135 billion weights is still far\n"
    "from its best. The effect of 2e-3 on a 7B model was not measured.",
    "lora/four-bit": "On so small a model, 4 bit saves little memory and costs accuracy; it is meant for a 7B model. Never merge an\n"
    "adapter into 4-bit weights: a block stores each weight as one of 16 values, and a change smaller than half the gap\n"
    "between two of them is rounded away. The adapter beside the 4-bit weights costs nothing. A merge into the 4-bit weights\n"
    "turned back into 16 bit (`model.dequantize()`) keeps most of it. A merge into the original 16-bit weights keeps less,\n"
    "since the adapter was trained against the rounded ones.",
    "lora/gradient-checkpointing": "It costs time, not accuracy. The compliant runs here do without it, since a model this small leaves enough memory.",
    "dataset/schema-truncation": "For 133 of the 800 questions, the cut removed a table that the SQL reads, and accuracy hardly changed: in these schemas,\n"
    "the model can guess the names of tables and columns from the question. Expect larger differences where it cannot.",
    "prompt/alpaca": "The training prompt was the same in all runs; only the prompt at inference differed.",
}  # fmt: skip


if __name__ == "__main__":
    differing = [path for path, text in pages().items() if path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        sys.exit(1 if differing and print(*differing, sep="\n") is None else 0)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
