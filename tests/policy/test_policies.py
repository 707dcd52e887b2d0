"""Policies: which findings count, with which parameters, and what a mistake in one is answered with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.policy import rulebook
from nl2sql_review.policy.active_rules import configure
from nl2sql_review.policy.settings import SettingsError, load

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = (ROOT / "docs" / "train.py").read_text(encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    return tmp_path


def reviewed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[list[dict], dict[str, dict]]:
    cli.main([*argv, "--output-format", "json", "train.py"])
    (file,) = json.loads(capsys.readouterr().out)["files"]
    return file["findings"], {item["rule"]: item for item in file["checklist"]}


def test_recommended_reports_traps_only(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole, _ = reviewed(capsys)
    traps, checklist = reviewed(capsys, "--policy", "recommended")
    assert {f["rule"] for f in traps} == {f["rule"] for f in whole if f["kind"] == "trap"}
    assert len(traps) < len(whole) and {f["kind"] for f in traps} == {"trap"}
    assert "lora/rank" not in checklist and "prompt/eos" in checklist


def test_general_accepts_what_published_practice_supports(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for rank, found in (("64", False), ("2", True), ("512", True)):
        (project / "train.py").write_text(
            "from peft import LoraConfig, get_peft_model\nfrom trl import SFTTrainer\n"
            f"model = get_peft_model(base, LoraConfig(r={rank}, lora_alpha={rank}))\n"
            "SFTTrainer(model=model, train_dataset=data)\n",
            encoding="utf-8",
        )
        findings, _ = reviewed(capsys, "--policy", "general")
        assert any(f["rule"] == "lora/rank" for f in findings) is found, rank


def test_every_range_of_general_names_its_source() -> None:
    policy = load(".", isolated=True, overrides={"policy": "general"}).wanted
    for id, table in policy.rules.items():
        ranges = [key for key in table if key in ("at_least", "at_most", "equals") or "." in key]
        assert not ranges or "https://" in table["source"], id


def test_a_policy_of_a_team_extends_and_the_settings_have_the_last_word(project: Path) -> None:
    Path("ours.toml").write_text(
        'title = "Ours"\nextend = "recommended"\nkinds = ["trap", "policy"]\nignore = ["project"]\n'
        '"lora/rank" = { equals = 32, source = "March" }\n"lora/alpha" = { equals = 64 }\n',
        encoding="utf-8",
    )
    Path("nl2sql-review.toml").write_text('policy = "./ours"\n"lora/rank" = { equals = 8 }\n', encoding="utf-8")
    settings = load(".")
    book = configure(rulebook.load(), settings)
    expected = {id: dict(book.rules[id].head.expectations) for id in ("lora/rank", "lora/alpha")}
    assert expected["lora/rank"]["lora.r"].equals == 8 and expected["lora/alpha"]["lora.alpha"].equals == 64
    active = {rule.id for rule in book.active}
    assert "project/paths" not in active and "prompt/eos" in active and settings.wanted.name == "ours"


def test_several_policies_and_a_rule_selected_by_its_name(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("more.toml").write_text('"lora/rank" = { equals = 4 }\n', encoding="utf-8")
    findings, _ = reviewed(capsys, "--policy", "recommended,./more.toml")
    assert any(f["rule"] == "lora/rank" and "should be 4" in f["message"] for f in findings)
    findings, _ = reviewed(capsys, "--policy", "recommended", "--select", "lora/rank")
    assert [f["rule"] for f in findings] == ["lora/rank"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind = ['trap']", 'kind: unknown key; did you mean "kinds"'),
        ("kinds = ['traps']", "kinds[0]"),
        ("select = ['lora/rnk']", 'lora/rnk; did you mean "lora/rank"'),
        ("'lora/rnk' = { equals = 1 }", 'did you mean "lora/rank"'),
        ("'lora/rank' = { equal = 1 }", 'did you mean "equals"'),
        ("extend = './bad.toml'", "extends itself"),
        ("extend = 'recomended'", 'did you mean "recommended"'),
        ("title = ", "bad.toml"),
        ("extend = './none.toml'", "the policy file does not exist"),
    ],
)
def test_a_mistake_names_file_key_and_remedy(project: Path, text: str, said: str) -> None:
    Path("bad.toml").write_text(text + "\n", encoding="utf-8")
    with pytest.raises(SettingsError) as raised:
        configure(rulebook.load(), load(".", overrides={"policy": ["./bad.toml"]}))
    assert said in str(raised.value) and "bad" in str(raised.value)


def test_the_policy_command_prints_what_holds(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy", "general"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("general: ") and "lora.r: at least 4 and at most 256" in out and "source: https://" in out
    assert cli.main(["policy"]) == 0
    assert "lora.r: 16" in capsys.readouterr().out
    assert cli.main(["policy", "genral"]) == 2
    assert 'did you mean "general"' in capsys.readouterr().err
