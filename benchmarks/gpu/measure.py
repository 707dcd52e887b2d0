"""Measures one run, or one card's row of batches, in a process of its own: a line of JSON on standard output.

    python benchmarks/gpu/measure.py run   MODELS '{"batch": 4, …}'           # the peak of four steps
    python benchmarks/gpu/measure.py card  MODELS '{"stack": "trl", …}' 7 8 9  # which of these batches run

A case's fields are those of `cases.Case`. MODELS is the folder that `models.py` filled. Every row is cut at the full
length; memory is counted from when the model is loaded.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from cases import Case  # noqa: E402

from nl2sql_review.gpu_memory.setup import PROJECTIONS  # noqa: E402

GIB = 1024**3
STEPS = 4


def load(case: Case, models: Path) -> tuple[Any, Any]:
    """Model with its adapter, and tokenizer, as the stack's own documentation says to load them."""
    place = str(models / (f"{case.model}-4bit" if case.bits == 4 else case.model))
    adapter: dict[str, Any] = dict(r=16, lora_alpha=16, lora_dropout=0, bias="none", target_modules=list(PROJECTIONS))
    if case.stack == "unsloth":
        from unsloth import FastLanguageModel

        model, tokenizer = FastLanguageModel.from_pretrained(place, max_seq_length=case.length, load_in_4bit=True)
        model = FastLanguageModel.get_peft_model(
            model, use_gradient_checkpointing=case.checkpointing, random_state=42, **adapter
        )
        return model, tokenizer
    import peft
    import torch
    import transformers

    given: dict[str, Any] = (
        {} if case.bits == 4 else {"quantization_config": transformers.BitsAndBytesConfig(load_in_8bit=True)}
    )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = transformers.AutoModelForCausalLM.from_pretrained(
        place, dtype=torch.bfloat16, device_map={"": device}, **given
    )
    if case.checkpointing:
        model.enable_input_require_grads()
    return peft.get_peft_model(
        model, peft.LoraConfig(task_type="CAUSAL_LM", **adapter)
    ), transformers.AutoTokenizer.from_pretrained(place)


def train(case: Case, model: Any, tokenizer: Any, batch: int, steps: int = STEPS) -> dict[str, Any]:
    """Peaks in GiB and tokens of a step. Raises torch.OutOfMemoryError."""
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    if tokenizer.pad_token in (None, tokenizer.eos_token):
        tokenizer.pad_token = tokenizer.unk_token
    on_gpu = torch.cuda.is_available()
    text = "SELECT name, age FROM singer WHERE age > 10 UNION ALL " * (case.length // 6)
    data = Dataset.from_list([{"text": text}] * (steps * batch))
    with tempfile.TemporaryDirectory() as folder:
        args = SFTConfig(
            folder, per_device_train_batch_size=batch, max_steps=steps, max_length=case.length,
            optim=case.optimizer if on_gpu else "adamw_torch", bf16=on_gpu,
            gradient_checkpointing=bool(case.checkpointing), logging_steps=1, report_to="none", save_strategy="no",
            packing=False, dataset_num_proc=1,
        )  # fmt: skip
        if case.stack == "trainer":
            trainer = plain_trainer(case, model, tokenizer, args, data)
        else:
            trainer = SFTTrainer(model=model, args=args, train_dataset=data, processing_class=tokenizer)
        first = next(iter(trainer.get_train_dataloader()))["input_ids"].shape
        if on_gpu:
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        trainer.train()
        history = trainer.state.log_history
    told = {
        "shape": list(first),
        "loss": next((r["loss"] for r in history if "loss" in r), None),
        "seconds": history[-1].get("train_runtime"),
    }
    if on_gpu:
        told |= {
            "reserved": torch.cuda.max_memory_reserved() / GIB,
            "allocated": torch.cuda.max_memory_allocated() / GIB,
        }
    return told


def plain_trainer(case: Case, model: Any, tokenizer: Any, args: Any, data: Any) -> Any:
    """transformers' own Trainer, which holds all logits at once."""
    import transformers

    tokens = data.map(
        lambda row: tokenizer(row["text"], truncation=True, max_length=case.length), remove_columns=["text"]
    )
    names = {field.name for field in dataclasses.fields(transformers.TrainingArguments) if field.init}
    said = {name: value for name, value in vars(args).items() if name in names and not name.startswith("_")}
    collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm=False)
    return transformers.Trainer(
        model, transformers.TrainingArguments(**said), train_dataset=tokens, data_collator=collator
    )


def process_gib() -> float | None:
    """What the driver counts for this process, the CUDA context included; None where it does not tell."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(0)
        return next(
            (
                p.usedGpuMemory / GIB
                for p in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
                if p.pid == os.getpid()
            ),
            None,
        )
    except Exception:  # the driver of a virtual machine may refuse
        return None


def one_run(case: Case, models: Path) -> None:
    model, tokenizer = load(case, models)
    told = train(case, model, tokenizer, case.batch)
    tell({"kind": "run", "id": case.id, **told, "process": process_gib()})


def one_card(case: Case, models: Path, name: str, batches: list[int]) -> None:
    """The batches in order, until one runs out of memory twice: the second time on a cache that was emptied."""
    import torch

    free = torch.cuda.mem_get_info()[0] / GIB if torch.cuda.is_available() else 0.0
    model, tokenizer = load(case, models)
    for batch in batches:
        ran: dict[str, Any] = {}
        for _ in range(2):
            try:
                ran = train(case, model, tokenizer, batch, steps=2)
                break
            except RuntimeError as error:  # torch.OutOfMemoryError, or what cuBLAS calls it
                if "out of memory" not in str(error) and "ALLOC_FAILED" not in str(error):
                    raise
                ran = {"error": str(error).splitlines()[0][:200]}
            gc.collect()
            torch.cuda.empty_cache()
        tell(
            {
                "kind": "card",
                "id": f"{name}, {case.stack}, batch {batch}",
                "ran": "error" not in ran,
                "free": free,
                **ran,
            }
        )
        if "error" in ran:
            return


def tell(row: dict[str, Any]) -> None:
    print("\n" + json.dumps(row), flush=True)


def main() -> None:
    kind, models, given, *rest = sys.argv[1:]
    case = Case(**json.loads(given))
    if kind == "run":
        one_run(case, Path(models))
    else:
        one_card(case, Path(models), rest[0], [int(b) for b in rest[1:]])


if __name__ == "__main__":
    main()
