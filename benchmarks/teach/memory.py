"""What a run takes of the card, with rows as they come or all alike: a line of JSON a case, each in its own process.

    python benchmarks/teach/memory.py MODEL DATA CASE...      # a case: key=value,key=value; the keys are Case's fields

`allocated` is what tensors took at the peak, `reserved` what PyTorch's allocator held. `cap` lets the process have no
more than so many GiB, as on a smaller card: then the allocator gives back what it holds in vain before it fails.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

GIB = 1024**3


@dataclass(frozen=True)
class Case:
    stack: str = "trl"  # or unsloth
    batch: int = 16
    steps: int = 60
    rows: str = "varied"  # full: every row as long as the longest; longest first: that batch first, then as they come
    checkpointing: str = "off"  # kept, or unsloth's own: unsloth
    bits: int = 4
    cap: float = 0.0
    expandable: int = 0
    stretch: int = 1  # rows are repeated so many times, for longer ones
    labels: str = "answer"  # or all: the loss is on the prompt too
    chunked: int = 1  # 0: UNSLOTH_CHUNKED_CE=0, the loss that Unsloth had before, in chunks of a share of free memory
    note: int = 0  # 1: also writes how many rows reached the head of the model at once, and in what chunks

    @classmethod
    def read(cls, text: str) -> Case:
        given = dict(pair.split("=") for pair in text.split(",") if pair)
        kinds = {name: type(value) for name, value in asdict(cls()).items()}
        return cls(**{name: kinds[name](value) for name, value in given.items()})


def examples(case: Case, data: Path, tokenizer: Any) -> list[dict[str, list[int]]]:
    from run import example, read
    from variants import named

    rows = read(data / "train.jsonl", 6000)
    kind = named("loss on the prompt too" if case.labels == "all" else "compliant")
    made = [example(row, number, kind, tokenizer) for number, row in enumerate(rows)]
    if case.stretch > 1:  # as many copies as chance gives, so that lengths spread
        chance = random.Random(0)
        for each in made:
            copies = chance.randint(1, case.stretch)
            each["input_ids"], each["labels"] = each["input_ids"] * copies, each["labels"] * copies
    random.Random(0).shuffle(made)
    longest = sorted(made, key=lambda each: -len(each["input_ids"]))
    made = made[: case.steps * case.batch]
    if case.rows == "full":
        return [longest[0]] * len(made)
    return longest[: case.batch] + made[case.batch :]  # whatever the order, the longest batch is among them


def loaded(case: Case, model: Path) -> tuple[Any, Any]:
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    adapter: dict[str, Any] = {"r": 16, "lora_alpha": 16, "lora_dropout": 0, "bias": "none", "target_modules": targets}
    if case.stack == "unsloth":
        from unsloth import FastLanguageModel

        net, tokenizer = FastLanguageModel.from_pretrained(str(model), max_seq_length=4096, load_in_4bit=case.bits == 4)
        kind = {"off": False, "kept": True}.get(case.checkpointing, case.checkpointing)
        return FastLanguageModel.get_peft_model(net, use_gradient_checkpointing=kind, **adapter), tokenizer
    from peft import LoraConfig, get_peft_model
    from run import load
    from transformers import AutoTokenizer

    net = load(model, case.bits)
    if case.checkpointing != "off":
        net.enable_input_require_grads()
    net = get_peft_model(net, LoraConfig(task_type="CAUSAL_LM", **adapter))
    for weight in filter(lambda weight: weight.requires_grad, net.parameters()):
        weight.data = weight.data.float()
    return net, AutoTokenizer.from_pretrained(model)


def chunks_seen() -> set[tuple[int, int]]:
    """Rows that reach the head of the model and rows of a chunk, added to as Unsloth's loss is taken."""
    from unsloth_zoo.fused_losses import fused_linear

    seen: set[tuple[int, int]] = set()
    counted = fused_linear.fused_linear_rows

    def noted(rows: int, *args: Any, **kwargs: Any) -> int:
        seen.add((int(rows), int(counted(rows, *args, **kwargs))))
        return int(counted(rows, *args, **kwargs))

    fused_linear.fused_linear_rows = noted
    return seen


def measure(case: Case, model: Path, data: Path) -> dict[str, Any]:
    if case.stack == "unsloth":
        import unsloth  # noqa: F401  first: it patches what follows
    chunks = chunks_seen() if case.note else set()
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    if case.cap:
        torch.cuda.set_per_process_memory_fraction(case.cap * GIB / torch.cuda.get_device_properties(0).total_memory)
    net, tokenizer = loaded(case, model)
    rows = examples(case, data, tokenizer)
    with tempfile.TemporaryDirectory() as folder:
        trainer = SFTTrainer(
            model=net, processing_class=tokenizer, train_dataset=Dataset.from_list(rows),
            args=SFTConfig(
                output_dir=folder, save_strategy="no", report_to="none", max_length=None, num_train_epochs=1,
                per_device_train_batch_size=case.batch, optim="adamw_8bit", bf16=True, max_steps=case.steps,
                gradient_checkpointing=case.checkpointing != "off", logging_steps=10, disable_tqdm=True,
            ),
        )  # fmt: skip
        if case.rows == "longest first":
            trainer._get_train_sampler = lambda *_: list(range(len(rows)))
        at_loading = torch.cuda.max_memory_reserved() / GIB
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        error, started = "", time.monotonic()
        try:
            trainer.train()
        except torch.OutOfMemoryError as problem:
            error = str(problem)[:160]
        seconds = time.monotonic() - started
    counted = torch.cuda.memory_stats()
    lengths = [len(each["input_ids"]) for each in rows]
    return {
        "longest": max(lengths), "mean": round(sum(lengths) / len(lengths)), "error": error,
        "allocated": round(torch.cuda.max_memory_allocated() / GIB, 3),
        "reserved": round(torch.cuda.max_memory_reserved() / GIB, 3), "loading": round(at_loading, 3),
        "retries": counted["num_alloc_retries"], "chunks": sorted(chunks)[-1:],
        "after": round(torch.cuda.memory_allocated() / GIB, 3),
        "tokens_s": round(sum(lengths) / seconds), "seconds": round(seconds, 1),
        "step_s": round(seconds / max(trainer.state.global_step, 1), 4),
        "done": trainer.state.global_step,
    }  # fmt: skip


def main() -> None:
    model, data, *cases = sys.argv[1:]
    if os.environ.get("ONE_CASE"):
        case = Case.read(cases[0])
        told = {"model": Path(model).name, **asdict(case), **measure(case, Path(model), Path(data))}
        print("\n" + json.dumps(told), flush=True)
        return
    for text in cases:
        environment = {**os.environ, "ONE_CASE": "1"}
        if Case.read(text).expandable:
            environment["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"
        if not Case.read(text).chunked:
            environment["UNSLOTH_CHUNKED_CE"] = "0"
        ended = subprocess.run(
            [sys.executable, __file__, model, data, text], env=environment, capture_output=True, text=True, check=False
        )
        told = [line for line in ended.stdout.splitlines() if line.startswith('{"model"')]
        failed = json.dumps({"model": Path(model).name, "case": text, "error": ended.stderr[-900:]})
        print(told[-1] if told else failed, flush=True)


if __name__ == "__main__":
    main()
