"""What mutants of scripts brought to light: each a kind of text or value that a reader stumbled over or was slow on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.fixes import Session
from nl2sql_review.fixes.readings import SPENT
from nl2sql_review.interpret.program import interpret
from nl2sql_review.interpret.python.builtins import BUILTINS, METHODS
from nl2sql_review.launches import writers
from nl2sql_review.libraries import requirements
from nl2sql_review.libraries.project_files import requirement
from nl2sql_review.libraries.requirements import disjoint
from nl2sql_review.source import Source, SourceError, parse

TAIL = '\nSFTTrainer("m", args=SFTConfig(learning_rate=2e-4, run_name=x, output_dir=str(x))).train()\n'
HEAD = "import os, requests\nfrom pathlib import Path\nfrom trl import SFTConfig, SFTTrainer\n"
STATEMENTS = {
    "a method of an argument that was sent": 'x = requests.get("u", headers={"A": "b"}).headers.get("c", "")',
    "a place of a list that is a text": 'x = [1]\nx.insert("a", 2)',
    "a path joined with a number": 'x = Path("a") / 1',
    "a path joined with a mapping": 'x = Path("a") / {"b": 1}',
    "a path joined with bytes": 'x = os.path.join("a", b"b")',
    "a global that is no text": "globals()[print] = 1\nglobals().update({int: 1})\nx = 1",
    "a function without what it needs": "import functools\nx = (sum(r=64), sorted(), enumerate(), functools.reduce())",
    "a variable whose fallback is a list": 'x = (os.environ.get(0.0, []), os.getenv("A", [[1]]), os.getenv("B", {}))',
    "a callee that is cut code": "x = os.environ['A']\nfor i in range(9):\n    x = max(x.strip(), x)\n"
    "try:\n    x.foo(SFTConfig(output_dir='o'))\nexcept Exception:\n    x = 1",
    "a set of lists": "v = {[1]}\nx = ({1} | v, v - {1}, v <= {1}, [1] in v, v == {1}, frozenset([[1]]) & {1})",
    "a YAML text with half of a surrogate pair": "import yaml\nx = yaml.safe_load('a: \\ud800')",
    "modules to save that are no names": "from peft import LoraConfig, get_peft_model\n"
    'x = get_peft_model(1, LoraConfig(r=16, modules_to_save=["embed_tokens", {}]))',
    "an unknown value that is asked again and again": "x = os.environ['X']\n"
    "for i in range(60):\n    x = not [x, x] or (x and x)",
    "a list of options that is searched": "v = [i if os.path.exists('a') else 0 for i in range(300)]\n"
    "x = [i in v for i in range(300)]",
    "a long list that is searched": "v = [[1]] * 9000\nx = 1\nfor i in range(900):\n    v.count(i)",
    "tokens added without an adapter that is seen": "from peft import get_peft_model\n"
    "from transformers import AutoTokenizer\n"
    't = AutoTokenizer.from_pretrained("m")\nt.add_tokens(["<sql>"])\nx = get_peft_model(1, LORA)',
}


# Values that are read only where the script shows what it trains on.
TRAINED = {
    "an optimizer that is a list": "from transformers import Trainer, TrainingArguments\n"
    "Trainer(args=TrainingArguments('o', optim=['adamw_hf'])).train()\n",
    "target modules that are no names": "from datasets import load_dataset\nfrom unsloth import FastLanguageModel\n"
    'm = FastLanguageModel.from_pretrained("unsloth/Qwen2.5-Coder-7B-Instruct")[0]\n'
    'm = FastLanguageModel.get_peft_model(m, target_modules=["q_proj", {"r": 1}])\n'
    'd = load_dataset("json", data_files="a.jsonl", split="train")\n'
    'SFTTrainer(m, train_dataset=d, args=SFTConfig(dataset_text_field="text")).train()\n',
    "a batch size close to nothing": "from trl import SFTConfig\n"
    'SFTTrainer("m", args=SFTConfig(per_device_train_batch_size=5e-324, gradient_accumulation_steps=64)).train()\n',
    "labels that are cuts of one another": "from datasets import load_dataset\n"
    "from transformers import AutoTokenizer, Trainer, TrainingArguments\nt = AutoTokenizer.from_pretrained(BASE)\n"
    "def build(row):\n    head = t(prompt, truncation=True, max_length=768)\n"
    '    tail = t(row["sql"] + t.eos_token, add_special_tokens=False, truncation=True, max_length=256)\n'
    '    ids = head["input_ids"] + tail["input_ids"]\n    gap = max(0, 1024 - len(ids))\n'
    '    labels = [-100] * len(head["input_ids"]) + tail[1 if x else 2]\n'
    '    return {"input_ids": (ids + [t.pad_token_id] * gap)[:1024], "labels": (labels + [-100] * gap)[:1024]}\n'
    'd = load_dataset("json", data_files={"train": "train.jsonl"})["train"]\n'
    "Trainer(train_dataset=d.map(build, remove_columns=d.column_names), args=TrainingArguments()).train()\n",
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", [*STATEMENTS, *TRAINED])
def test_a_strange_value_is_no_fault(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(HEAD + (TRAINED.get(name) or STATEMENTS[name] + TAIL))
    assert cli.main(["--isolated", "--no-cache", "--output-format", "json", "train.py"]) in (0, 1)
    report = json.loads(capsys.readouterr().out)
    assert report["internal_errors"] == [] and report["files"][0]["status"] == "reviewed"


def test_an_answer_does_not_have_what_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """The headers of a response are not those of the request; a settings object has what it was given."""
    sent = 'x = requests.get("u", headers={"A": "b"}).headers'
    Path("train.py").write_text(f"{HEAD}{sent}\nSFTTrainer('m', args=SFTConfig(run_name=x['A'])).train()\n")
    cli.main(["plan", "train.py", "--output-format", "json"])
    assert [call["arguments"]["run_name"]["kind"] for call in _configs(capsys)] == ["term"]
    Path("train.py").write_text(
        HEAD + 'c = SFTConfig(report_to=["a"])\nx = c.report_to.index("a")\nSFTConfig(seed=x)\n'
    )
    cli.main(["plan", "train.py", "--output-format", "json"])
    assert _configs(capsys)[1]["arguments"]["seed"]["value"] == 0


def _configs(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    calls = json.loads(capsys.readouterr().out)["calls"]
    return [call for call in calls if call["callee"].endswith("SFTConfig")]


@pytest.mark.parametrize("toml", ["exclude = " + "[" * 5_000, "a" + " . a" * 20_000 + " = 1"])
def test_toml_that_nests_too_deeply(toml: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(HEAD + "x = 1" + TAIL)
    Path("nl2sql-review.toml").write_text(toml)
    assert cli.main(["train.py"]) == 2
    assert "nested too deeply" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["a" * 100_000, "é" * 100_000, "+"])
def test_the_token_that_cannot_be_read(token: str) -> None:
    with pytest.raises(SourceError) as caught:
        Source.from_bytes(f"x = 1\ny = 2 {token}\n".encode(), "train.py").tree  # noqa: B018
    assert caught.value.span.row == 2 and len(caught.value.message) < 200


def test_a_plan_of_very_many_calls_shows_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    Path("train.py").write_text(HEAD + "x = 1\n" + "SFTConfig(seed=3)\n" * 300 + TAIL)
    assert cli.main(["plan", "train.py"]) == 0
    said = capsys.readouterr().out
    assert "more: see --output-format json" in said and said.count("SFTConfig") < 250


def test_proofs_end_where_their_steps_are_spent(monkeypatch: pytest.MonkeyPatch) -> None:
    from nl2sql_review.judgement.judge import Examined
    from nl2sql_review.run.reviewer import Reviewer

    reviewer, read = Reviewer(isolated=True), []

    def examine(data: bytes, path: str, drafts: object) -> Examined:
        read.append(data)
        return reviewer.examine(data, path, every_rule=True)

    text = (Path(__file__).resolve().parents[2] / "fixtures/checklist/lora.py").read_bytes()
    whole = Session(examine, text, "train.py")
    whole.apply(unsafe=False)
    assert len(read) > 2 and whole.data != text
    read.clear()
    monkeypatch.setattr("nl2sql_review.fixes.readings.STEPS", 1)
    cut = Session(examine, text, "train.py")
    cut.apply(unsafe=False)
    assert len(read) == 1 and cut.data == text and SPENT in [why for _, why in cut.unfixed()]


@pytest.mark.parametrize(
    "lines", [["trl>=0.1"] * 900, [f"trl>=0.{n}" for n in range(900)], ["trl" + ",".join(["<9"] * 9_000)]]
)
def test_requirements_that_repeat_are_compared_once(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that is required in very many ways still conflicts with what it is pinned to first."""
    compared = []
    monkeypatch.setattr(requirements, "disjoint", lambda one, other: compared.append(one) or disjoint(one, other))
    stated = [made for line in ["trl==9", "trl<2", *lines] if (made := requirement(line, "requirements.txt"))]
    assert [(str(one.one.specifier), one.other.specifier) for one in requirements.incompatible(stated)] == [
        ("==9", "<2")
    ]
    assert len(compared) < 1_000


def test_files_beside_a_script_that_double() -> None:
    """Variables of a launch file that hold themselves twice, and requirements that include the next file nine times."""
    Path("train.py").write_text(HEAD + "x = 1" + TAIL)
    Path("run.sh").write_text(
        "A=a\n" + "A=$A$A\n" * 60 + "B=(a)\n" + 'B=("${B[@]}" "${B[@]}")\n' * 60 + "python train.py $A\n"
    )
    for n in range(40):
        Path(f"requirements{n or ''}.txt").write_text(f"-r requirements{n + 1}.txt\n" * 9 + f"library{n}>=1\n")
    assert cli.main(["--no-cache", "train.py"]) in (0, 1)


def test_a_script_of_many_trainers_is_read_as_far_as_its_budget_goes(capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred trainers are not a hundred plans, and what was not read is said; ten are all read."""
    call = 'SFTTrainer("m", args=SFTConfig(learning_rate={}e-4)).train()\n'
    Path("train.py").write_text(HEAD + "".join(map(call.format, range(1, 101))))
    cli.main(["--isolated", "--no-cache", "--output-format", "json", "train.py"])
    said = json.loads(capsys.readouterr().out)["files"][0]
    assert said["status"] == "reviewed"
    assert "creates 100 trainers: " in json.dumps(said)
    Path("train.py").write_text(HEAD + "".join(map(call.format, range(1, 11))))
    cli.main(["--isolated", "--no-cache", "--output-format", "json", "train.py"])
    assert "of them are read" not in json.dumps(json.loads(capsys.readouterr().out)["files"][0]["checklist"])


def test_brackets_that_nest_deeply_all_over() -> None:
    deep = "[" * 75 + "]" * 75
    with pytest.raises(SourceError, match="too many deeply nested brackets"):
        parse("x = " + deep * 200 + "\n")
    assert parse("x = " + deep + "\n").body


def test_a_diff_says_what_failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from nl2sql_review.run.reviewer import Reviewer

    def fails(*_: object, **__: object) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(Reviewer, "source", fails)
    Path("train.py").write_text(HEAD + "x = 1" + TAIL)
    assert cli.main(["--isolated", "--no-cache", "--diff", "train.py"]) == 2
    assert "internal error" in capsys.readouterr().err


LEAVING = {"exit", "quit", "sys.exit", "os._exit"}
EXAMPLES = {"list": "[1]", "tuple": "(1,)", "str": "'a'", "dict": "{'a': 1}", "set": "{1}", "bytes": "b'a'"}


@pytest.mark.parametrize("given", ["", "1", "None, None", "print", "{'a': 1}", "a=1, b=[1]", "1, 2, 3, 4, 5, 6, 7"])
def test_what_python_offers_takes_any_arguments(given: str) -> None:
    """Too few, too many and of no use: no function or method that is modelled stumbles over them."""
    names = [name for name in BUILTINS if all(part.isidentifier() for part in name.split("."))]
    names += [f"{EXAMPLES[kind]}.{name}" for kind, name in METHODS if kind in EXAMPLES]
    assert len(names) > 150
    for name in LEAVING & {*names}:
        interpret(Source("train.py", f"import os, sys\ntry:\n    x = {name}({given})\nexcept Exception:\n    x = 0\n"))
    staying = [name for name in names if name not in LEAVING]
    modules = {name.split(".")[0] for name in staying if "." in name and name.split(".")[0].isidentifier()}
    text = "".join(f"import {module}\n" for module in sorted(modules))
    for number, name in enumerate(staying):
        text += f"try:\n    x = {name}({given})\nexcept Exception:\n    x = 0\ny{number} = 1\n"
    reached = interpret(Source("train.py", text), steps=1_000_000).modules["__main__"].scope.slots
    assert [name for number, name in enumerate(staying) if f"y{number}" not in reached] == []


def test_a_list_that_is_searched_is_seen_to_change(capsys: pytest.CaptureFixture[str]) -> None:
    """What was made plain of it is remembered only until something is written to it, and is nobody's to change."""
    lines = "v = [1, 2]\na = v.index(2)\nv.append(3)\nb = v.index(3)\nv.remove(1)\nc = v.index(3)\n"
    lines += "w = sorted(v, reverse=True)\nv[0] = 9\nd = v.index(9) + w.index(2)\n"
    Path("train.py").write_text(f"{HEAD}{lines}SFTConfig(seed=[a, b, c, d], report_to=v, lr=w)\n")
    cli.main(["plan", "train.py", "--output-format", "json"])
    (config,) = _configs(capsys)
    values = [config["arguments"][name]["value"] for name in ("seed", "report_to", "lr")]
    assert values == [[1, 2, 1, 1], [9, 3], [3, 2]]


def test_names_that_a_star_brings_in_a_loop_without_end_are_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """What the module of the project brings from a library is forgotten where a loop may change it."""
    Path("project.py").write_text("from unsloth import *\n")
    Path("train.py").write_text(
        "while True:\n    from project import *\n    FastLanguageModel.get_peft_model(None, r=R)\n"
    )
    assert cli.main(["--isolated", "--no-cache", "train.py"]) in (0, 1, 3)
    assert "internal error" not in capsys.readouterr().err


@pytest.mark.parametrize("line", ["a=" * 60_000, "a " * 60_000 + "= data.json", "train: data.json " * 9_000])
def test_a_long_line_of_a_configuration_is_searched_once(line: str) -> None:
    assert writers.of("data.json", {"make.py": b"f.write(1)"}, [line.encode()]) == []
