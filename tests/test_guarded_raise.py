"""A script that stops without a variable or an option is still read to its end: somebody will set it."""

from __future__ import annotations

import pytest

from nl2sql_review.run.reviewer import Reviewer

TRAINS = """\
    model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit", max_seq_length=1024)
    model = FastLanguageModel.get_peft_model(model, r=64)
    SFTTrainer(model=model, processing_class=tokenizer, args=SFTConfig(output_dir="out")).train()
"""
HEAD = """\
import argparse, os, sys
from unsloth import FastLanguageModel
from trl import SFTConfig, SFTTrainer
parser = argparse.ArgumentParser()
parser.add_argument("--data")
args = parser.parse_args()
def main():
"""
GUARDS = {
    "variable": '    if not os.getenv("HUB_SECRET"):\n        raise ValueError("unset")\n',
    "variable read": '    token = os.environ.get("T")\n    if token is None:\n        raise RuntimeError("unset")\n',
    "option": '    if args.data is None:\n        raise SystemExit("no data")\n',
    "option, exit": "    if not args.data:\n        sys.exit(1)\n",
}
AROUND = {
    "another exception": "try:\n    main()\nexcept KeyboardInterrupt:\n    print('stopped')\n",
    "reported": "try:\n    main()\nexcept Exception as error:\n    print(error)\n    sys.exit(1)\n",
    "swallowed": "try:\n    main()\nexcept Exception as error:\n    print(error)\n",
    "finally": "try:\n    main()\nfinally:\n    print('done')\n",
    "nothing": "main()\n",
}


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("around", AROUND)
def test_what_comes_after_a_guarded_raise_is_read(guard: str, around: str) -> None:
    code = HEAD + GUARDS[guard] + TRAINS + AROUND[around]
    file, _ = Reviewer(isolated=True).source(code.encode(), "train.py")
    assert file.status == "reviewed"
    (rank,) = [f for f in file.findings if f.rule == "lora/rank"]
    assert "r=64" in rank.message
