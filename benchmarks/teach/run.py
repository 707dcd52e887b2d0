"""One run: trains a variant on the generated rows, asks it the test questions, and writes what came of it.

    python benchmarks/teach/run.py MODEL DATA OUT VARIANT SEED [--rows N] [--test N] [--seconds S]

A line for each way of asking is appended to OUT/results.jsonl as soon as it is known, its predictions to
OUT/predictions.jsonl. The variant `base` trains nothing. Plain TRL and PEFT with the numbers of the reference trainer.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import random
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import MethodType

import torch
from execute import Databases, first_statement
from prompts import CUTS, PROMPTS, Row, lost
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from variants import OTHER_PROMPTS, SAME, Variant, named

NEW_TOKENS = 128  # the longest gold SQL has 78
CUDA = torch.cuda.is_available()


def read(path: Path, count: int) -> list[Row]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line, _ in zip(file, range(count), strict=False)]


def append(path: Path, *rows: dict[str, object]) -> None:
    """Whole lines, also where several processes write."""
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("".join(json.dumps(row) + "\n" for row in rows))


def load(model: Path, bits: int) -> PreTrainedModel:
    """The model as it is trained; 4 bit is NF4 with double quantisation."""
    quantised = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return AutoModelForCausalLM.from_pretrained(
        model,
        dtype=torch.bfloat16,
        quantization_config=quantised if bits == 4 else None,
        device_map={"": "cuda" if CUDA else "cpu"},
    )


def example(row: Row, number: int, variant: Variant, tokenizer: PreTrainedTokenizerBase) -> dict[str, list[int]]:
    """Tokens and labels as the broken item would make them."""
    if variant.question == "missing in a third" and number % 3 == 0:
        row = {**row, "question": "None"}  # what `.get` gives for a column that another data set has
    prompt = PROMPTS["trained"](row, CUTS[variant.cut](row, True))
    eos = tokenizer.eos_token_id
    before = tokenizer(prompt)["input_ids"]
    sql = tokenizer(row["sql"])["input_ids"]
    end = {"eos": [eos], "nothing": [], "twice": [eos, eos]}[variant.ending]
    tokens = before + sql + end
    match variant.labels:
        case "all":
            labels = list(tokens)
        case "prompt":  # the markers swapped: from ### Instruction: to ### Response:
            labels = before + [-100] * (len(sql) + len(end))
        case "from question":
            head = tokenizer(prompt[: prompt.rindex("Question:") + len("Question:")])["input_ids"]
            labels = [-100] * len(head) + tokens[len(head) :]
        case "answer without end":  # what a collator does that masks the padding where padding is EOS
            labels = [-100] * len(before) + sql + [-100] * len(end)
        case _:
            labels = [-100] * len(before) + sql + end
    return {"input_ids": tokens[: variant.max_length], "labels": labels[: variant.max_length]}


class Clock(TrainerCallback):
    """Ends a run in time, and says how long a step took."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.started, self.steps = seconds, 0.0, list[float]()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.started = time.monotonic()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object
    ) -> None:
        self.steps.append(time.monotonic())
        if self.steps[-1] - self.started > self.seconds:
            control.should_training_stop = True


def train(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    variant: Variant,
    rows: list[Row],
    seed: int,
    seconds: float,
    out: Path,
) -> tuple[PreTrainedModel, dict[str, object]]:
    """The adapter on its model, and what training it took."""
    from datasets import Dataset
    from peft import LoraConfig, get_peft_model
    from trl import SFTConfig, SFTTrainer

    set_seed(seed)
    if variant.checkpointing:
        model.enable_input_require_grads()
    model = get_peft_model(model, LoraConfig(
        task_type="CAUSAL_LM", r=variant.r, lora_alpha=variant.alpha, lora_dropout=variant.dropout, bias="none",
        target_modules=list(variant.modules)))  # fmt: skip
    for weight in filter(lambda weight: weight.requires_grad, model.parameters()):
        weight.data = weight.data.float()
    examples = [example(row, number, variant, tokenizer) for number, row in enumerate(rows)]
    clock = Clock(seconds)
    trainer = SFTTrainer(
        model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(examples), callbacks=[clock],
        args=SFTConfig(
            output_dir=str(out / "none"), save_strategy="no", report_to="none", max_length=variant.max_length,
            per_device_train_batch_size=variant.batch, gradient_accumulation_steps=1, num_train_epochs=1, seed=seed,
            optim="adamw_8bit" if CUDA else "adamw_torch", weight_decay=0.01, bf16=True, use_cpu=not CUDA,
            learning_rate=variant.rate, lr_scheduler_type=variant.scheduler, warmup_steps=variant.warmup,
            gradient_checkpointing=variant.checkpointing, logging_steps=25, logging_first_step=True, disable_tqdm=True,
        ),
    )  # fmt: skip
    if not CUDA:  # TRL's loss is a Triton kernel; to try the script without a GPU, transformers' own takes its place
        trainer.compute_loss = MethodType(Trainer.compute_loss, trainer)
    trainer.model.print_trainable_parameters()
    if CUDA:
        torch.cuda.reset_peak_memory_stats()
    trainer.train()
    history = trainer.state.log_history
    taken = sorted(later - earlier for earlier, later in zip(clock.steps, clock.steps[1:], strict=False))
    tokens = sum(len(e["input_ids"]) for e in examples) / len(examples) * variant.batch * len(clock.steps)
    seconds = clock.steps[-1] - clock.started
    return trainer.model, {
        "steps": len(clock.steps), "of": trainer.state.max_steps, "train_s": round(seconds, 1),
        "step_s": round(taken[len(taken) // 2], 4) if taken else None, "tokens_s": round(tokens / seconds),
        "loss": [[h["step"], round(h["loss"], 4)] for h in history if "loss" in h],
        "allocated_gib": round(torch.cuda.max_memory_allocated() / 2**30, 3) if CUDA else 0,
        "reserved_gib": round(torch.cuda.max_memory_reserved() / 2**30, 3) if CUDA else 0,
        "trainable": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }  # fmt: skip


@torch.no_grad()
def generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: list[str], batch: int = 400
) -> tuple[list[str], list[int]]:
    """What follows each prompt up to EOS, and how many tokens it took; EOS not reached counts -1."""
    model.eval()
    model.config.use_cache = True
    tokenizer.padding_side = "left"
    order = sorted(range(len(prompts)), key=lambda place: len(prompts[place]))
    texts, counts = [""] * len(prompts), [0] * len(prompts)
    for start in range(0, len(order), batch):
        places = order[start : start + batch]
        given = tokenizer([prompts[place] for place in places], return_tensors="pt", padding=True).to(model.device)
        made = model.generate(
            **given, max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )[:, given["input_ids"].shape[1] :].tolist()  # fmt: skip
        for place, tokens in zip(places, made, strict=True):
            ends = tokenizer.eos_token_id in tokens
            tokens = tokens[: tokens.index(tokenizer.eos_token_id)] if ends else tokens
            texts[place] = tokenizer.decode(
                tokens, skip_special_tokens=False, clean_up_tokenization_spaces=False
            ).strip()
            counts[place] = len(tokens) if ends else -1
    return texts, counts


def ask(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: list[Row],
    prompt: str,
    cut: str,
    databases: Databases,
    out: Path,
    about: dict[str, object],
) -> None:
    started = time.monotonic()
    prompts = [PROMPTS[prompt](row, CUTS[cut](row, False)) for row in rows]
    texts, counts = generate(model, tokenizer, prompts)
    taken = time.monotonic() - started
    whole = [databases.outcome(row["db_id"], row["sql"], text) for row, text in zip(rows, texts, strict=True)]
    first = [
        databases.outcome(row["db_id"], row["sql"], first_statement(text))
        for row, text in zip(rows, texts, strict=True)
    ]
    append(out / "results.jsonl", {
        **about, "n": len(rows), "right": whole.count("right"), "right_first": first.count("right"),
        "outcomes": {kind: whole.count(kind) for kind in sorted(set(whole))},
        "stopped": sum(count >= 0 for count in counts), "lost": sum(lost(row, cut) for row in rows),
        "ask_s": round(taken, 1),
        "generated_s": round(sum(count if count >= 0 else NEW_TOKENS for count in counts) / taken),
    })  # fmt: skip
    asked = {key: about[key] for key in ("variant", "seed", "prompt", "cut")}
    append(
        out / "predictions.jsonl", {**asked, "ids": [row["id"] for row in rows], "sql": [text[:300] for text in texts]}
    )
    right = f"{whole.count('right')}/{len(rows)}, first statement {first.count('right')}"
    print(about["variant"], about["seed"], prompt, about["cut"], right, f"{taken:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("variant")
    parser.add_argument("seed", type=int)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--test", type=int, default=800)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--asks", nargs="*", metavar="PROMPT/CUT", help="ways of asking in place of the variant's own")
    args = parser.parse_args()
    torch.set_num_threads(1 if CUDA else 2)
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    test = read(args.data / "test.jsonl", args.test)
    databases = Databases(args.data / "databases")
    base = args.variant == "base"
    variant = Variant("base", asks=(*SAME, *OTHER_PROMPTS)) if base else named(args.variant)
    if args.asks:
        variant = replace(variant, asks=tuple(tuple(way.split("/")) for way in args.asks))
    elif args.seed:  # most other ways of asking are tried with the first seed alone
        variant = replace(variant, asks=variant.again)
    model, about = load(args.model, variant.bits), dict[str, object]()
    if not base:
        rows = read(args.data / "train.jsonl", args.rows)
        random.Random(args.seed).shuffle(rows)
        tokenizer.padding_side = "right"
        model, about = train(model, tokenizer, variant, rows, args.seed, args.seconds, args.out)
        print(
            args.variant,
            args.seed,
            {key: value for key, value in about.items() if key != "loss"},
            about["loss"][-1],
            flush=True,
        )
    for prompt, way in variant.asks:
        asked, cut = model, variant.cut if way == "same" or way.startswith("merged") else way
        if way.startswith("merged"):  # 16 bit: into the weights as they were before they were quantised for training
            from peft import PeftModel

            with tempfile.TemporaryDirectory() as folder:
                model.save_pretrained(folder)
                under = load(args.model, 16 if way == "merged 16 bit" else 4)
                if way == "merged dequantised":  # into the weights that were trained on, no longer held in 4 bit
                    under = under.dequantize()
                asked = PeftModel.from_pretrained(under, folder).merge_and_unload()
        said = {"variant": args.variant, "seed": args.seed, "rule": variant.rule, "prompt": prompt, "cut": way}
        ask(asked, tokenizer, test, prompt, cut, databases, args.out, {**said, **about})
        about = {}


if __name__ == "__main__":
    main()
