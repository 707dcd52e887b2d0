"""Settings: where they are found, what they may say, and how a mistake is told."""

from __future__ import annotations

import os

import pytest

from nl2sql_review.files import projects
from nl2sql_review.policy import rulebook, settings
from nl2sql_review.policy.active_rules import configure
from nl2sql_review.policy.settings import SettingsError, from_data, load, nearest
from nl2sql_review.policy.shown_settings import show_settings


def complaint(data, configured=False):
    with pytest.raises(SettingsError) as caught:
        made = from_data(data, "nl2sql-review.toml", "/")
        if configured:
            configure(rulebook.load(), made)
    return str(caught.value)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(path, text):
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    write(".git/HEAD", "")
    return write


def test_the_nearest_file_counts_and_the_dedicated_one_wins(project, tmp_path):
    project("pyproject.toml", "[tool.nl2sql-review]\nprocesses = 2\n")
    project("a/pyproject.toml", "[project]\nname = 'a'\n")
    project("a/b/nl2sql-review.toml", "processes = 4\n")
    project("a/b/pyproject.toml", "[tool.nl2sql-review]\nprocesses = 8\n")
    assert load("a").processes == 2
    assert load("a/b").processes == 4
    assert load("a/b", isolated=True).processes is None
    assert load("a", config="a/b/pyproject.toml").processes == 8
    assert load("a").root == str(tmp_path)


def test_the_settings_of_another_repository_do_not_count(project, tmp_path):
    project("nl2sql-review.toml", "processes = 2\n")
    project("vendored/.git/HEAD", "")
    assert nearest(str(tmp_path / "vendored")) is None


def test_the_command_line_comes_last(project):
    project("nl2sql-review.toml", 'ignore = ["lora"]\nprocesses = 2\nrules = ["more"]\n')
    made = load(".", overrides={"processes": 4, "fail-on": "advice", "gpu": None})
    assert (made.processes, made.fail_on, made.ignore, made.gpu) == (4, "advice", ("lora",), None)
    assert made.rules == (os.path.abspath("more"),)
    assert made.sources["processes"] == "command line"
    assert made.sources["ignore"].endswith("nl2sql-review.toml")
    with pytest.raises(SettingsError, match="command line: fail-on"):
        load(".", overrides={"fail-on": "eror"})


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"selct": []}, 'selct: unknown key; did you mean "select"?'),
        ({"fail_on": "error"}, 'did you mean "fail-on"?'),
        ({"lora": {"rank": 1}}, "a rule's table is named by its id"),
        ({"select": "lora"}, 'select: must be a list, not the string "lora"'),
        ({"select": [1]}, "select[0]: must be a string, not the number 1"),
        ({"processes": "2"}, 'processes: must be an integer, not the string "2"'),
        ({"processes": True}, "processes: must be an integer, not true"),
        ({"processes": 0}, "processes: must be at least 1"),
        ({"gpu": [1]}, "gpu: must be a string or a number, not a list"),
        ({"gpu": "rtx4091"}, "gpu: unknown GPU 'rtx4091'; did you mean \"rtx4090\"?"),
        ({"gpu": -3}, "gpu: unknown GPU '-3': name one (t4"),
        ({"gpu": ""}, "gpu: unknown GPU '': name one (t4"),
        ({"fail-on": "eror"}, 'fail-on: "eror" is not one of error, warning, advice; did you mean "error"?'),
        ({"lora/rank": 32}, '"lora/rank": must be a table such as { equals = … }, not the number 32'),
        ({"lora/rank": {"equal": 32}}, '"lora/rank".equal: unknown key; did you mean "equals"?'),
        ({"lora/rank": {"severity": "bad"}}, '"lora/rank".severity: "bad" is not one of'),
        ({"lora/rank": {"lora.alfa": {}}}, 'there is no fact lora.alfa; did you mean "lora.alpha"?'),
    ],
)
def test_a_mistake_is_told_with_file_key_and_remedy(data, told):
    message = complaint(data)
    assert message.startswith("nl2sql-review.toml: ")
    assert told in message


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"lora/rnk": {"equals": 32}}, 'lora/rnk: there is no such rule; did you mean "lora/rank"?'),
        ({"select": ["lora/rnk"]}, 'select: there is no rule or section lora/rnk; did you mean "lora/rank"?'),
        ({"ignore": ["lroa"]}, 'did you mean "lora"?'),
        ({"lora/rank": {"equals": "32"}}, 'equals must be a number, not the string "32"'),
        ({"lora/rank": {"lora.alpha": {"equals": 3}}}, "lora/rank does not judge lora.alpha; it judges lora.r"),
        ({"file/syntax": {"severity": "advice"}}, "it can only be selected or ignored"),
    ],
)
def test_a_mistake_that_only_the_rulebook_shows(data, told):
    assert told in complaint(data, configured=True)


def test_broken_toml_and_a_missing_file(project):
    project("nl2sql-review.toml", "select = [\n")
    with pytest.raises(SettingsError, match="nl2sql-review.toml"):
        load(".")
    with pytest.raises(SettingsError, match="the file does not exist"):
        load(".", config="none.toml")
    project("pyproject.toml", "[project]\n")
    with pytest.raises(SettingsError, match=r"there is no table \[tool.nl2sql-review\]"):
        load(".", config="pyproject.toml")


def configured(data):
    return configure(rulebook.load(), from_data(data, "nl2sql-review.toml", "/"))


def active(**data):
    return [r.id for r in configured(data).active]


def test_select_and_ignore_the_most_exact_word_counts():
    everything = active()
    lora = [id for id in everything if id.startswith("lora/")]
    assert active(select=["lora"]) == lora
    assert active(ignore=["lora"]) == [id for id in everything if id not in lora]
    assert active(select=["lora/rank"], ignore=["lora"]) == ["lora/rank"]
    assert active(select=["lora"], ignore=["lora/rank"]) == [id for id in lora if id != "lora/rank"]


def test_a_rule_takes_other_parameters_and_says_so():
    rule = configured({"lora/rank": {"equals": 32, "severity": "warning"}})["lora/rank"]
    assert (rule.head.expect.equals, rule.head.severity, rule.title) == (32, "warning", "LoRA rank is not 32")
    assert "32" in rule.head.help
    rule = configured({"lora/rank": {"one_of": [16, 32]}})["lora/rank"]
    assert (rule.head.expect.equals, rule.head.expect.one_of) == (None, (16, 32))
    assert rule.title == "LoRA rank is not 16 or 32"
    rule = configured({"lora/rank": {"lora.r": {"equals": 8}}})["lora/rank"]
    assert rule.head.expect.equals == 8


def test_show_settings_says_where_each_was_said(project):
    project("nl2sql-review.toml", 'processes = 2\n"lora/rank" = { equals = 32 }\n')
    lines = show_settings(load(".", overrides={"gpu": "T4"})).splitlines()
    said = {line.split(" = ")[0]: line.split("# ")[-1] for line in lines if not line.startswith("#")}
    assert said["processes"].endswith("nl2sql-review.toml")
    assert said['"lora/rank"'].endswith("nl2sql-review.toml")
    assert (said["gpu"], said["fail-on"]) == ("command line", "default")


def test_the_schema_knows_the_keys_as_they_are_written():
    made = settings.schema()
    assert set(made["properties"]) == set(settings.KEYS)
    assert made["additionalProperties"] is False
    (rules,) = made["patternProperties"].values()
    assert rules == {"$ref": "#/$defs/RuleSettings"}
    assert "severity" in made["$defs"]["RuleSettings"]["properties"]


def test_the_project_root_is_the_nearest_ancestor_that_looks_like_one(project, tmp_path):
    project("a/b/x.py", "")
    assert projects.root("a/b") == str(tmp_path)
    project("a/pyproject.toml", "")
    assert projects.root("a/b") == str(tmp_path / "a")
