"""A script that asks for the signature of a library's class: the versions that it is judged by decide what it gives."""

from __future__ import annotations

import pytest

from nl2sql_review.policy.settings import Settings
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.training_plan.values import Absent, Either, Known, Unknown

HEAD = """\
import dataclasses
import inspect
{before}
from datasets import load_dataset
from transformers import AutoModelForCausalLM
from trl import SFTConfig, SFTTrainer
{after}
kw = dict(output_dir="out", max_seq_length=2048, warmup_ratio=0.05)
"""
END = """
data = load_dataset("json", data_files="train.jsonl", split="train")
trainer = SFTTrainer(model=AutoModelForCausalLM.from_pretrained("gpt2"), args=args, train_dataset=data)
trainer.train()
"""
ASKS = ("inspect.signature(SFTConfig.__init__).parameters", "{f.name for f in dataclasses.fields(SFTConfig)}")
FILTERS = "names = {names}\nargs = SFTConfig(**{{k: v for k, v in kw.items() if k in names}})\n"
BRANCHES = """\
names = inspect.signature(SFTConfig).parameters
if "max_seq_length" not in names:
    kw["max_length"] = kw.pop("max_seq_length")
if "warmup_ratio" not in names:
    kw["warmup_steps"] = kw.pop("warmup_ratio")
args = SFTConfig(**kw)
"""
NEW = {"trl": "1.16.0", "transformers": "5.23.0"}
OLD = {"trl": "0.15.2", "transformers": "4.48.0"}


def plan(code, versions=None, before="", after=""):
    """Return the plan of a script that makes its arguments so."""
    text = HEAD.format(before=before, after=after) + code + END
    _, _, (one,) = Reviewer(isolated=True).plans(text.encode(), "train.py", Settings(versions=versions or {}))
    return one


@pytest.mark.parametrize("names", ASKS)
def test_a_filter_leaves_out_what_the_judged_release_does_not_take(names):
    code = FILTERS.format(names=names)
    new, old, newest = plan(code, NEW), plan(code, OLD), plan(code)
    for one in (new, newest):
        assert one.memory.trainer_length.value.value == 1024 and one.arguments.warmup.value.value == 0.0
        assert "has no max_seq_length" in one.memory.trainer_length.note
    assert old.memory.trainer_length.value.value == 2048 and old.arguments.warmup.value.value == 0.05
    # an older trl, which may be installed where none is stated, is given the length
    assert newest.memory.length_conflict.assumed and newest.memory.sequence_length.assumed
    assert not new.memory.length_conflict.assumed and not old.memory.sequence_length.assumed


def test_the_length_that_is_left_out_has_the_name_of_the_release():
    code = 'args = TrainingArguments(output_dir="out")\n'
    import_it = "from transformers import TrainingArguments"
    for versions, name in ((OLD, "max_seq_length"), (NEW, "max_length"), (None, "max_length")):
        one = plan(code, versions, after=import_it).memory.length_conflict
        assert f"with {name} at its default" in one.note and one.value.trace[-1].note.endswith(f"SFTConfig.{name}")
        assert not one.assumed


def test_the_branch_of_the_judged_release_is_taken():
    for versions in (NEW, OLD):
        one = plan(BRANCHES, versions)
        assert one.memory.trainer_length.value.value == 2048 and one.arguments.warmup.value.value == 0.05
    assert plan(BRANCHES, NEW).arguments.warmup.note == "by warmup_steps"
    assert plan(BRANCHES, OLD).arguments.warmup.note == "by warmup_ratio"


def test_versions_that_differ_or_are_not_known_decide_nothing():
    held_back = plan(BRANCHES, {"trl": "<0.16"})  # by which transformers is open
    assert isinstance(held_back.arguments.warmup.value, Unknown)
    assert "which of warmup_ratio and warmup_steps" in held_back.arguments.warmup.value.why
    assert held_back.arguments.warmup_spelling.value.why == held_back.arguments.warmup.value.why
    unknown = plan(BRANCHES, {"trl": "0.0.1", "transformers": "0.0.1"})
    assert isinstance(unknown.memory.trainer_length.value, (Either, Unknown))


def test_unsloths_configuration_has_its_own_parameters_besides():
    asked = """\
names = inspect.signature(SFTConfig.__init__).parameters
args = SFTConfig(
    output_dir="out",
    seed=1 if "max_seq_length" in names else 2,
    max_steps=3 if "warmup_ratio" in names else 4,
    save_steps=5 if "vllm_sampling_params" in names else 6,
    logging_steps=7 if "tokenizer" in inspect.signature(SFTTrainer.__init__).parameters else 8,
)
"""
    first = plan(asked, NEW, before="import unsloth")
    assert (first.arguments.seed.value.value, first.arguments.max_steps.value.value) == (1, 4)
    assert isinstance(first.checkpointing.save_steps.value, (Either, Unknown))
    late = plan(asked, NEW, after="import unsloth")
    assert (late.arguments.seed.value.value, late.checkpointing.save_steps.value.value) == (2, 6)
    tried = plan(asked, NEW, before="try:\n    import unsloth\nexcept ImportError:\n    pass")
    assert isinstance(tried.arguments.seed.value, (Either, Unknown)) and tried.arguments.max_steps.value.value == 4


def test_a_trainer_has_only_its_own_parameters():
    asked = """\
names = inspect.signature(SFTTrainer.__init__).parameters
args = SFTConfig(
    output_dir="out",
    seed=1 if "processing_class" in names else 2,
    max_steps=3 if "tokenizer" in names else 4,
    save_steps=5 if "model_init" in names else 6,
)
"""
    one = plan(asked, NEW)
    assert [one.arguments.seed.value.value, one.arguments.max_steps.value.value] == [1, 4]
    assert one.checkpointing.save_steps.value.value == 6
    assert plan(asked, OLD).arguments.seed.value.value == 1


def test_a_name_that_only_the_run_decides_stays_open():
    asked = 'seed = 1 if open("n").read() in inspect.signature(SFTConfig).parameters else 2\n'
    one = plan(asked + 'args = SFTConfig(output_dir="o", seed=seed)\n')
    assert not isinstance(one.arguments.seed.value, (Known, Absent))


def test_the_newest_of_several_allowed_releases_is_named():
    code = "args = TrainingArguments(output_dir='out')\nkw = {}\n"
    code += (
        "if 'max_seq_length' in inspect.signature(SFTTrainer.__init__).parameters:\n    kw['max_seq_length'] = 2048\n"
    )
    end = "\ntrainer = SFTTrainer('m', args=args, **kw)\ntrainer.train()\n"
    text = "import inspect\nfrom transformers import TrainingArguments\nfrom trl import SFTTrainer\n" + code + end
    for stated, said in (
        ("1.16.0", "that of trl 1.16.0 has"),
        (">=0.11.4", "that of trl 1.16.0, the newest allowed, has"),
    ):
        settings = Settings(versions={"trl": stated})
        _, _, (one,) = Reviewer(isolated=True).plans(text.encode(), "train.py", settings)
        assert one.memory.trainer_length.value.value == 1024 and said in one.memory.trainer_length.note
    _, _, (old,) = Reviewer(isolated=True).plans(text.encode(), "train.py", Settings(versions={"trl": "0.11.4"}))
    assert old.memory.trainer_length.value.value == 2048 and not old.memory.trainer_length.note.count("signature")


HELPED = """\
import inspect, json
from trl import SFTConfig, SFTTrainer

def accepted(target, given):
    names = inspect.signature(target).parameters
    if any(one.kind == inspect.Parameter.VAR_KEYWORD for one in names.values()):
        return given
    return {name: value for name, value in given.items() if name in names}

def main(settings):
    given = {"model": "m", "args": SFTConfig(output_dir="o"), "max_seq_length": settings["length"]}
    trainer = SFTTrainer(**accepted(SFTTrainer, given))
    trainer.train()

def load(path):
    read = json.loads(open(path).read())
    return {**load(read["base"]), **read} if "base" in read else read

if __name__ == "__main__":
    main(load("settings"))
"""


def test_a_helper_that_inspects_its_parameter_guards_the_callee():
    """A value that is unknown on the path that gives it does not show that a path leaves it out."""
    other = HELPED.replace("accepted(SFTTrainer, given)", "{**given, **accepted(SFTConfig, given)}")
    for text, expected in ((HELPED, []), (other, ["api/moved-argument"])):
        report, _ = Reviewer(isolated=True).file(text.encode(), "train.py")
        assert [f.rule for f in report.findings if f.rule.startswith("api/")] == expected
