"""Several processes: each function starts two of them on the CPU (gloo) and says what they did."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import tiny

HERE = Path(__file__).resolve().parent


def two(body: str, world: int = 2) -> list[str]:
    """Runs `body` under torchrun; returns the lines that begin with SAID."""
    script = Path(tempfile.mkdtemp(prefix="two-")) / "script.py"
    head = f"import os, sys; sys.path.insert(0, {str(HERE)!r}); import tiny; "
    head += f"tiny.folder = lambda: {str(tiny.folder())!r}\n"
    script.write_text(head + textwrap.dedent(body), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc_per_node",
        str(world),
        "--master_port",
        os.environ.get("PORT", "29731"),
    ]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, str(script)], capture_output=True, text=True, env=env, timeout=400)
    said = [line[5:] for line in done.stdout.splitlines() if line.startswith("SAID ")]
    return said or [done.stderr[-400:].replace("\n", " ")]


TRAIN = """
from transformers import TrainingArguments, Trainer, DataCollatorForSeq2Seq
trainer = Trainer(model=tiny.model(), train_dataset=tiny.tokenized(64),
    data_collator=DataCollatorForSeq2Seq(tiny.tokenizer()),
    args=tiny.arguments(TrainingArguments, max_steps=-1, num_train_epochs=1, per_device_train_batch_size=4,
                        gradient_accumulation_steps=4))
"""


def batch_and_the_world() -> dict[str, str]:
    """4 rows × 4 accumulated on one process and on two."""
    body = TRAIN + "trainer.train()\nif trainer.is_world_process_zero(): print('SAID', trainer.state.global_step)"
    one, both = two(body, 1), two(body, 2)
    return {"one process": f"{one[0]} steps of 64 rows", "two processes": f"{both[0]} steps of 64 rows"}


def everybody_saves() -> dict[str, str]:
    """model.save_pretrained, a file and a print without a guard."""
    folder = tempfile.mkdtemp(prefix="both-")
    body = f"""
    import pathlib, torch.distributed as dist
    dist.init_process_group("gloo")
    from peft import get_peft_model
    model = get_peft_model(tiny.model(), tiny.lora())
    model.save_pretrained({folder!r})
    with open({folder!r} + "/scores.jsonl", "a") as out: out.write("row\\n" * 3)
    dist.barrier()
    if dist.get_rank() == 0: print("SAID", len(open({folder!r} + "/scores.jsonl").readlines()))
    if dist.get_rank() == 0: print("SAID", "save_pretrained ran in both")
    """
    said = two(body)
    return {"3 rows appended": f"{said[0]} rows in the file", "save_pretrained": said[-1]}


def split_without_a_seed() -> dict[str, str]:
    """train_test_split and shuffle without a seed: every process has its own."""
    said = {}
    for name, call in (
        ("no seed", "train_test_split(test_size=0.2)"),
        ("seed", "train_test_split(test_size=0.2, seed=1)"),
    ):
        body = f"""
        import torch.distributed as dist
        dist.init_process_group("gloo")
        from datasets import Dataset
        parts = Dataset.from_dict({{"i": list(range(1000))}}).{call}
        mine = (parts["train"]["i"][:], parts["test"]["i"][:])
        found = [None, None]
        dist.all_gather_object(found, mine)
        if dist.get_rank() == 0:
            leaked = len(set(found[1][0]) & set(found[0][1]))
            seen = set(found[0][0][0::2]) | set(found[1][0][1::2])
            print("SAID", f"{{leaked}} of 200 test rows of rank 0 are trained on by rank 1; "
                f"{{len(seen)}} of 800 rows are seen in an epoch")
        """
        said[name] = two(body)[0]
    return said


CAUSES = [batch_and_the_world, everybody_saves, split_without_a_seed]
