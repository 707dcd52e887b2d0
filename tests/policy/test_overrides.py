"""Settings that stand on others: `extend`, `per-file-ignores`, `[[overrides]]`, and the place of a mistake."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.policy.settings import SettingsError, load, of_path

SCRIPT = """\
from peft import LoraConfig, get_peft_model
from trl import SFTTrainer
model = get_peft_model(base, LoraConfig(r=64, lora_alpha=64))
SFTTrainer(model=model, train_dataset=data)
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    for path in ("train.py", "experiments/deep/train.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def ranks(capsys: pytest.CaptureFixture[str], *argv: str) -> dict[str, list[str]]:
    cli.main(["--select", "lora/rank,lora/alpha", "--output-format", "json", *argv, "."])
    files = json.loads(capsys.readouterr().out)["files"]
    return {file["path"]: [f["rule"] + " " + f["severity"] for f in file["findings"]] for file in files}


def test_ignores_and_overrides_hold_for_the_paths_they_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("nl2sql-review.toml").write_text(
        '[per-file-ignores]\n"experiments/" = ["lora/alpha"]\n'
        '[[overrides]]\npaths = ["experiments/**"]\nfail-on = "warning"\n"lora/rank" = { severity = "advice" }\n',
        encoding="utf-8",
    )
    found = ranks(capsys)
    assert found["train.py"] == ["lora/rank error", "lora/alpha error"]
    assert found["experiments/deep/train.py"] == ["lora/rank advice"]
    assert of_path(load("."), "experiments/deep/train.py").fail_on == "warning"
    again = ranks(capsys)  # from the cache
    assert again == found


def test_a_file_extends_another_and_paths_are_its_own(project: Path) -> None:
    Path("base.toml").write_text(
        'processes = 4\nlaunch = ["accelerate.yaml"]\npolicy = "./ours"\n"lora/rank" = { equals = 64 }\n',
        encoding="utf-8",
    )
    Path("accelerate.yaml").write_text("num_processes: 4\n", encoding="utf-8")
    Path("ours.toml").write_text('extend = "recommended"\n', encoding="utf-8")
    Path("experiments/nl2sql-review.toml").write_text(
        'extend = "../base.toml"\nprocesses = 2\n"lora/alpha" = { equals = 64 }\n', encoding="utf-8"
    )
    settings = load("experiments")
    assert settings.processes == 2 and settings.launch == ("../accelerate.yaml",)
    assert set(settings.parameters) == {"lora/rank", "lora/alpha"}
    assert settings.wanted.name == "ours" and settings.wanted.kinds == ("trap",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpu = 'T4'\nproceses = 2\n", 'nl2sql-review.toml:2:1: proceses: unknown key; did you mean "processes"'),
        ("[tool.nl2sql-review]\ngpu = 'T4'\n", "remove the [tool.nl2sql-review] header"),
        ("fizz = 1\n", "nl2sql-review.toml:1:1: fizz: unknown key; known are"),
        ("extend = 'nl2sql-review.toml'\n", "extends itself"),
        ("extend = '../../../outside.toml'\n", "leads out of"),
        ("extend = 'none.toml'\n", "none.toml: the file does not exist"),
        ("[[overrides]]\ngpu = 'T4'\n", "overrides[0]: paths is missing"),
        ("[[overrides]]\npaths = ['a']\nexclude = ['b']\n", "exclude cannot be set per path"),
        ("[[overrides]]\npaths = ['a']\n'lora/rank' = { equal = 1 }\n", 'did you mean "equals"'),
    ],
)
def test_a_mistake_names_file_place_and_remedy(project: Path, text: str, said: str) -> None:
    Path("nl2sql-review.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        load(".")
    assert said in str(raised.value)


def test_what_is_told_and_what_it_ends_with(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unsure = SCRIPT.replace("r=64", "r=int(os.getenv('RANK', '64'))").replace("from trl", "import os\nfrom trl")
    Path("train.py").write_text(
        unsure.replace("lora_alpha=64)", "lora_alpha=64)  # nl2sql: ignore[lora/alpha] a test\n"), encoding="utf-8"
    )
    Path("setup.py").write_text("import os\n", encoding="utf-8")
    assert ranks(capsys)["train.py"] == ["lora/rank error", "lora/alpha error"]
    assert ranks(capsys, "--min-certainty", "certain")["train.py"] == ["lora/alpha error"]
    select = ("--select", "lora/alpha", "train.py")
    assert cli.main([*select]) == 0
    assert cli.main(["--ignore-suppressions", *select]) == 1
    assert cli.main(["--ignore-suppressions", "--exit-zero", *select]) == 0
    capsys.readouterr()
    assert cli.main(["--show-files", "."]) == 0
    assert capsys.readouterr().out == "experiments/deep/train.py\ntrain.py\n"
