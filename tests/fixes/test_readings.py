"""How often a script is read to prove its fixes: never twice as it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import libcst
import pytest

from nl2sql_review import cli
from nl2sql_review.fixes import Session
from nl2sql_review.judgement.judge import Examined
from nl2sql_review.run.reviewer import Reviewer

SCRIPT = Path(__file__).parents[2] / "fixtures" / "golden" / "library_defaults.py"


def test_what_did_not_hold_is_not_read_again_after_another_fix() -> None:
    reviewer = Reviewer(isolated=True)
    read: Counter[bytes] = Counter()

    def examine(data: bytes, path: str, drafts: object) -> Examined:
        read[data] += 1
        return reviewer.examine(data, path, every_rule=True)

    session = Session(examine, SCRIPT.read_bytes(), str(SCRIPT))
    session.apply(unsafe=True)
    assert len(session.made) > 10 and session.unfixed()  # some were made, and others tried in vain
    assert set(read.values()) == {1}


def test_a_script_and_its_modules_are_parsed_once_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reviewed first, and then read again for every proof of its fixes."""
    (tmp_path / "shared_values.py").write_text("RATE = 2e-4\nSTEPS = 60\n", encoding="utf-8")
    text = "from shared_values import RATE, STEPS\n" + SCRIPT.read_text(encoding="utf-8") + "print(RATE, STEPS)\n"
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")
    parsed: Counter[str] = Counter()
    parse = libcst.parse_module

    def counted(code: str) -> libcst.Module:
        parsed[code] += 1
        return parse(code)

    monkeypatch.setattr(libcst, "parse_module", counted)
    cli.main(["--isolated", "--no-cache", "--diff", "--fix-policy", str(script)])
    assert len(parsed) > 2  # as it would be with fixes
    assert parsed[text] == parsed["RATE = 2e-4\nSTEPS = 60\n"] == 1


SHARED_LENGTH = """\
from datasets import load_dataset
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

LENGTH = 512
tokenizer = AutoTokenizer.from_pretrained("Qwen/Qwen2.5-7B")
model = AutoModelForCausalLM.from_pretrained("Qwen/Qwen2.5-7B")
model = get_peft_model(model, LoraConfig(r=64, lora_alpha=64, lora_dropout=0.1, target_modules=["q_proj"]))
example = tokenizer("SELECT 1", truncation=True, max_length=LENGTH)
trainer = SFTTrainer(
    model=model,
    args=SFTConfig(output_dir="models/x", max_length=LENGTH, lr_scheduler_type="linear", learning_rate=1e-3),
    train_dataset=load_dataset("json", data_files="train.jsonl", split="train"),
    processing_class=tokenizer,
)
trainer.train()
"""


def test_a_fix_that_spoils_the_others_is_left_out_of_their_proof() -> None:
    """LENGTH goes to another call, so that changing it is not safe; all the rest is proved without it at once."""
    reviewer = Reviewer(isolated=True)
    groups: list[tuple[set[str], bool]] = []

    class Watched(Session):
        def _made(self, group):  # type: ignore[no-untyped-def]  # as it is there
            made = super()._made(group)
            groups.append(({finding.rule for finding, _ in group}, made[0] is not None))
            return made

    session = Watched(
        lambda data, path, drafts: reviewer.examine(data, path, every_rule=True), SHARED_LENGTH.encode(), "train.py"
    )
    session.apply(unsafe=False)
    (first, held), (second, holds) = groups[:2]
    assert not held and holds and first - second == {"memory/sequence-length"}
    assert b"LENGTH = 512" in session.data and b"r=16" in session.data
