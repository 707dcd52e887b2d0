"""Which checkpoint a restarted run resumes from: the newest of its own directory, or another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.run import batch
from nl2sql_review.run.options import Options

SCRIPT = """\
import glob, os, pathlib, shutil
from datasets import load_dataset
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer
OUT = "models/out"
{code}
rows = load_dataset("json", data_files="t.jsonl", split="train")
trainer = SFTTrainer(model="gpt2", args=SFTConfig(output_dir=OUT{more}), train_dataset=rows)
trainer.train(resume_from_checkpoint=found)
"""
SORTED = 'paths = sorted(glob.glob(OUT + "/checkpoint-*"), key=lambda path: int(path.split("-")[-1]){})\n'
COLLECTED = """\
names = [{} for name in os.listdir(OUT) if os.path.isdir(os.path.join(OUT, name))] if os.path.isdir(OUT) else []
found = max(names, key=lambda name: int(name.split("-")[-1])) if names else None
"""
AMONG = "paths = sorted({}, key=os.path.getmtime)\nfound = str(paths[-1]) if paths else None"
NEWEST = "found = get_last_checkpoint(OUT) if os.path.isdir(OUT) else None"


@pytest.mark.parametrize(
    ("code", "more", "told"),
    [
        (NEWEST, "", ""),
        ("os.makedirs(OUT, exist_ok=True)\nfound = get_last_checkpoint(OUT)", "", ""),
        ("pathlib.Path(OUT).mkdir(exist_ok=True)\nfound = get_last_checkpoint(OUT)", "", ""),
        ("os.makedirs('logs', exist_ok=True)\nfound = get_last_checkpoint(OUT)", "", "first run fails"),
        (SORTED.format("") + "found = paths[-1] if paths else None", "", ""),
        (SORTED.format("") + "found = paths[0] if paths else None", "", "oldest"),
        (SORTED.format(", reverse=True") + "found = paths[0] if paths else None", "", ""),
        (SORTED.format(", reverse=True") + "found = paths[-1] if paths else None", "", "oldest"),
        (NEWEST.replace("OUT", "'models/first'"), "", "another directory"),
        (NEWEST.replace("OUT", "'./models/out/'"), "", ""),
        ("root = pathlib.Path('models')\n" + AMONG.format("root.glob('out/checkpoint-*')"), "", ""),
        (AMONG.format("pathlib.Path('models/first').glob('checkpoint-*')"), "", "another directory"),
        (AMONG.format("glob.glob('models/out/*/checkpoint-*')"), "", ""),
        (AMONG.format("glob.glob('other/*/checkpoint-*')"), "", "another directory"),
        ("OUT = 'models/' + 40 * 'x' + '/out'\n" + NEWEST, "", ""),
        (NEWEST.replace("OUT", "40 * 'x' + '/first'"), "", "another directory"),
        (COLLECTED.format("os.path.join(OUT, name)"), "", ""),
        (COLLECTED.format("name"), "", "without its directory"),
        ("if not os.path.exists(OUT):\n    os.makedirs(OUT)\nfound = get_last_checkpoint(OUT)", "", ""),
        (
            "if not os.path.exists(OUT):\n    os.makedirs('logs')\nfound = get_last_checkpoint(OUT)",
            "",
            "first run fails",
        ),
        ("try:\n    found = get_last_checkpoint(OUT)\nexcept FileNotFoundError:\n    found = None", "", ""),
        ("try:\n    found = get_last_checkpoint(OUT)\nexcept OSError:\n    raise", "", "first run fails"),
        ("shutil.rmtree(OUT, ignore_errors=True)\n" + NEWEST, "", "deletes its output directory"),
        ("if os.getenv('FRESH'):\n    shutil.rmtree(OUT)\n" + NEWEST, "", ""),
        ("shutil.rmtree('cache')\n" + NEWEST, "", ""),
    ],
)
def test_the_checkpoint_that_is_loaded(tmp_path: Path, code: str, more: str, told: str) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.format(code=code, more=more), encoding="utf-8")
    (file,) = batch.review([str(tmp_path / "train.py")], Options(isolated=True)).files
    found = "".join(f.message for f in file.findings if f.rule == "checkpointing/resume")
    assert (bool(found), told in found) == (bool(told), True)


FOUND = 'glob.glob(OUT + "/checkpoint-*")'
INVERTED = "wrong way round"


@pytest.mark.parametrize(
    ("code", "verdict", "told"),
    [
        (AMONG.format("glob.glob('models/*/checkpoint-*')"), "unknown", ""),  # of other runs too
        ("found = get_last_checkpoint(OUT) if not os.path.isdir(OUT) else None", "fail", INVERTED),
        ("found = None\nif not os.path.isdir(OUT):\n    found = get_last_checkpoint(OUT)", "fail", INVERTED),
        ("if not os.path.isdir(OUT):\n    found = None\nelse:\n    found = get_last_checkpoint(OUT)", "pass", ""),
        (f"found = not {FOUND}", "fail", INVERTED),
        (f"found = len({FOUND}) == 0", "fail", INVERTED),
        (f"found = len({FOUND}) > 0", "pass", ""),
        (f"found = True if {FOUND} else None", "pass", ""),
        (f"found = None if {FOUND} else True", "fail", INVERTED),
        (f"found = os.path.isdir(OUT) and bool({FOUND})", "pass", ""),
        (f"found = os.path.isdir(OUT) and not {FOUND}", "fail", INVERTED),
        (
            "found = None\nif os.path.isdir(OUT):\n"
            "    last = get_last_checkpoint(OUT)\n    found = None if last is None else last",
            "pass",
            "",
        ),
        ("found = get_last_checkpoint(OUT) if os.path.isdir('data') else None", "unknown", ""),
        ("found = True if glob.glob('data/*.json') else None", "unknown", ""),
        ("found = True if glob.glob('models/out/*') else None", "pass", ""),
    ],
)
def test_the_test_before_the_search(tmp_path: Path, code: str, verdict: str, told: str) -> None:
    (tmp_path / "train.py").write_text(SCRIPT.format(code=code, more=""), encoding="utf-8")
    assert_judged(tmp_path / "train.py", verdict, told)


@pytest.mark.parametrize(
    ("test", "verdict", "told"),
    [(FOUND, "pass", ""), (f"not {FOUND}", "fail", INVERTED), ("glob.glob('data/*')", "unknown", "")],
)
@pytest.mark.parametrize("other", [False, True])
def test_a_branch_that_resumes(tmp_path: Path, test: str, verdict: str, told: str, other: bool) -> None:
    calls = ["trainer.train(resume_from_checkpoint=True)", "trainer.train()"]
    if other:
        test, calls = f"not ({test})", calls[::-1]
    code = SCRIPT.format(code="", more="").rpartition("trainer.train(")[0]
    code += f"if {test}:\n    {calls[0]}\nelse:\n    {calls[1]}\n"
    (tmp_path / "train.py").write_text(code, encoding="utf-8")
    assert_judged(tmp_path / "train.py", verdict, told)


def assert_judged(script: Path, verdict: str, told: str) -> None:
    (file,) = batch.review([str(script)], Options(isolated=True)).files
    (item,) = [one for one in file.checklist if one.rule == "checkpointing/resume"]
    assert (item.verdict, told in "".join(f.message for f in file.findings if f.rule == item.rule)) == (verdict, True)


ARGUMENT = "import argparse\np = argparse.ArgumentParser()\np.add_argument('go', nargs='?', default='')\n"


@pytest.mark.parametrize(
    ("before", "decides", "more"),
    [
        (ARGUMENT, "p.parse_args().go", "(unless the argument go says otherwise)"),
        ("", "os.environ.get('AGAIN', '')", "(default of $AGAIN; the environment may override it)"),
        ("", "''", ""),
    ],
)
def test_what_else_may_resume_is_named(tmp_path: Path, before: str, decides: str, more: str) -> None:
    """A run that another argument or the environment makes resume never resumes by default."""
    code = SCRIPT.format(code=f"{before}again = {decides}", more="")
    start, resumed = "trainer.train()", "trainer.train(resume_from_checkpoint=get_last_checkpoint(OUT))"
    branch = f"if again == '':\n    {start}\nelse:\n    {resumed}\n"
    script = tmp_path / "train.py"
    script.write_text(code.replace("trainer.train(resume_from_checkpoint=found)\n", branch), encoding="utf-8")
    (file,) = batch.review([str(script)], Options(isolated=True)).files
    (found,) = [f for f in file.findings if f.rule == "checkpointing/resume"]
    assert found.certainty == ("default" if more else "certain") and found.message.endswith(more or "step 0 again")
