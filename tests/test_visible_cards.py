"""The batch of a launch that shows its one process several cards."""

from __future__ import annotations

import pytest

from nl2sql_review import Options, review

SCRIPT = """from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
model = AutoModelForCausalLM.from_pretrained("gpt2"{placed})
arguments = TrainingArguments("out", per_device_train_batch_size=8, gradient_accumulation_steps=4)
Trainer(model=model, args=arguments, train_dataset=rows).train()
"""


def batch(folder, launch: str, placed: str = "", before: str = ""):
    (folder / "train.py").write_text(before + SCRIPT.format(placed=placed))
    (folder / "run.sh").write_text(launch)
    report = review(folder / "train.py", Options(isolated=True))
    (item,) = (one for one in report.files[0].checklist if one.rule == "arguments/effective-batch")
    return item


@pytest.mark.parametrize(
    "launch, says",
    [
        ("CUDA_VISIBLE_DEVICES=0,1 python train.py", "run.sh:1 shows 2 GPUs to one process"),
        ("export CUDA_VISIBLE_DEVICES=${GPUS:-0,1,2}\npython train.py", "run.sh:2 shows 3 GPUs to one process"),
        ('export CUDA_VISIBLE_DEVICES="$1"\npython train.py', "run.sh:2 may show several GPUs to one process"),
    ],
)
def test_one_process_with_several_cards(tmp_path, launch, says):
    item = batch(tmp_path, launch)
    assert item.verdict == "unknown" and says in item.reason


@pytest.mark.parametrize(
    "launch, placed, before",
    [
        ("python train.py", "", ""),
        ("CUDA_VISIBLE_DEVICES=1 python train.py", "", ""),
        ("CUDA_VISIBLE_DEVICES=${GPU:-0} python train.py", "", ""),
        ("CUDA_VISIBLE_DEVICES=0,1 python train.py", ", device_map='auto'", ""),
        ("CUDA_VISIBLE_DEVICES=0,1 python train.py", "", "import os\nos.environ['CUDA_VISIBLE_DEVICES'] = '0'\n"),
        ("CUDA_VISIBLE_DEVICES=0,1 torchrun --nproc_per_node 2 train.py", "", ""),
    ],
)
def test_other_launches_leave_the_batch_known(tmp_path, launch, placed, before):
    item = batch(tmp_path, launch, placed, before)
    assert item.verdict == "fail"
