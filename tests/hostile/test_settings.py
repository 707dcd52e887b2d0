"""Settings that a reviewed tree brings: they reach nowhere out of it, and count for nothing where that is asked for."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.policy import settings
from nl2sql_review.policy.settings import SettingsError

SCRIPT = "from trl import SFTConfig, SFTTrainer\n\nSFTTrainer('m', args=SFTConfig(learning_rate=1)).train()\n"


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository, and beside it what its settings want to reach."""
    outside = tmp_path / "outside"
    (outside / "rules" / "lora").mkdir(parents=True)
    (outside / "baseline.json").write_text('{"version": 1, "findings": []}')
    (outside / "launch.yaml").write_text("distributed_type: MULTI_GPU\nnum_processes: 8\n")
    (outside / "serve.py").write_text("")
    (outside / "policy.toml").write_text('ignore = ["lora"]\n')
    (outside / "nl2sql-review.toml").write_text('ignore = ["lora"]\n')
    tree = tmp_path / "tree"
    (tree / "package").mkdir(parents=True)
    (tree / ".git").mkdir()
    (tree / "link").symlink_to(outside)
    (tree / "package" / "train.py").write_text(SCRIPT)
    monkeypatch.chdir(tree)
    return tree


PATHS = {
    "rules": '["{}/rules"]',
    "baseline": '"{}/baseline.json"',
    "launch": '["{}/launch.yaml"]',
    "serve": '["{}/serve.py"]',
    "extend": '"{}/nl2sql-review.toml"',
    "policy": '["nl2sql", "{}/policy.toml"]',
}


def test_every_setting_that_names_a_file_is_held_to_the_tree() -> None:
    """A new one has to say that it names files, and needs an example here."""
    marked = {each.name for each in dataclasses.fields(settings.Settings) if each.metadata.get("paths")}
    assert marked | {"policy"} == set(PATHS)  # which names ours too, and is looked at by itself


@pytest.mark.parametrize("key", PATHS)
@pytest.mark.parametrize("way", ["../outside", "../../outside", "link", "package/../link", "{absolute}"])
def test_a_setting_that_leads_out_of_the_tree_is_refused(key: str, way: str, tree: Path, capsys) -> None:
    way = way.format(absolute=tree.parent / "outside")
    if way == "../../outside":
        settings_file = tree / "package" / "nl2sql-review.toml"
    else:
        settings_file = tree / "nl2sql-review.toml"
    settings_file.write_text(f"{key} = {PATHS[key].format(way)}\n")
    for words in (["."], ["--fix", "package"], ["plan", "package/train.py"], ["--show-settings", "package"]):
        assert cli.main(["--no-cache", *words] if words[0] == "." else words) == 2
        said = capsys.readouterr()
        assert f"{key}: " in said.err and "leads out of" in said.err and "--config" in said.err


@pytest.mark.parametrize("key", PATHS)
def test_whoever_names_the_settings_or_the_file_trusts_them(key: str, tree: Path, capsys) -> None:
    (tree / "nl2sql-review.toml").write_text(f"{key} = {PATHS[key].format('../outside')}\n")
    cli.main(["--no-cache", "--config", "nl2sql-review.toml", "package"])
    assert "leads out of" not in capsys.readouterr().err
    (tree / "nl2sql-review.toml").unlink()
    cli.main(["--no-cache", "--baseline", "../outside/baseline.json", "package"])
    assert "leads out of" not in capsys.readouterr().err


def test_settings_of_a_package_reach_into_their_repository(tree: Path) -> None:
    (tree / "shared").mkdir()
    (tree / "package" / "nl2sql-review.toml").write_text('rules = ["../shared"]\n')
    assert settings.load("package").rules == (str(tree / "shared"),)
    (tree / ".git").rmdir()  # outside of a repository their own folder is all that is theirs
    with pytest.raises(SettingsError, match="leads out of"):
        settings.load("package")


def test_a_settings_file_that_is_a_link_out_of_the_tree_is_refused(tree: Path, capsys) -> None:
    (tree / "nl2sql-review.toml").symlink_to("../outside/nl2sql-review.toml")
    assert cli.main(["."]) == 2
    assert "is a link that leads out of" in capsys.readouterr().err
    (tree / "nl2sql-review.toml").unlink()
    (tree / "package" / "team.toml").write_text('ignore = ["lora"]\n')
    (tree / "nl2sql-review.toml").symlink_to("package/team.toml")
    assert settings.load(".").ignore == ("lora",)


def test_without_project_settings_none_of_the_tree_counts(tree: Path, capsys) -> None:
    (tree / "nl2sql-review.toml").write_text('exclude = ["package"]\nbaseline = "../outside/x"\n"a/b" = 3\n')
    team = tree.parent / "team.toml"
    team.write_text('select = ["arguments/scheduler"]\n')
    words = ["--no-cache", "--output-format", "json", "--no-project-settings", "."]
    assert cli.main(words) == 1
    everything = json.loads(capsys.readouterr().out)["files"][0]["checklist"]
    assert cli.main([*words, "--config", str(team)]) == 1
    some = json.loads(capsys.readouterr().out)["files"][0]["checklist"]
    assert [item["rule"] for item in some] == ["arguments/scheduler"] and len(everything) > 30


def test_a_rule_that_is_a_link_out_of_its_folder_is_refused(tree: Path, capsys) -> None:
    (tree / "rules" / "lora").mkdir(parents=True)
    (tree / "nl2sql-review.toml").write_text('rules = ["rules"]\n')
    (tree / "rules" / "lora" / "secret.md").symlink_to(tree.parent / "outside" / "launch.yaml")
    assert cli.main(["."]) == 2
    said = capsys.readouterr().err
    assert "is a link that leads out of" in said and "MULTI_GPU" not in said
