"""Rule files: what a head may say, and how a mistake in one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from nl2sql_review.judgement import wording
from nl2sql_review.policy import rulebook
from nl2sql_review.policy.expectations import Expectation
from nl2sql_review.policy.rulebook import Head, RulebookError, load, parse
from nl2sql_review.training_plan.facts import FACTS, SECTIONS
from nl2sql_review.training_plan.values import Known, Place

GOOD = "effect: silent\nfact: lora.r\nexpect: {equals: 16}\n"


def page(head, body="# Title\n\nProse.\n"):
    return f"---\n{head}---\n{body}"


def complaint(head, body="# Title\n"):
    with pytest.raises(RulebookError) as caught:
        parse(page(head, body), "rules/lora/x.md", "lora/x")
    assert str(caught.value).startswith("rules/lora/x.md")
    return str(caught.value).removeprefix("rules/lora/x.md")


def test_the_rules_of_the_project_load_in_the_order_of_the_checklist():
    book = load()
    assert "lora/rank" in book.rules
    order = [(SECTIONS.index(r.section), FACTS.index(r.head.facts[0])) for r in book.active]
    assert order == sorted(order)
    assert load() is book


@pytest.mark.parametrize("rule", load().active, ids=lambda r: r.id)
def test_every_rule_is_complete(rule):
    assert rule.title and not rule.title.endswith(".")
    assert len(rule.prose) > 200, "says too little of what it checks, why, and when to ignore it"
    assert rule.head.help, "says nothing about what to do"
    assert rule.head.since


@pytest.mark.parametrize("rule", load().active, ids=lambda r: r.id)
def test_pydantic_reads_every_head_alike(rule):
    """The JSON Schema of a head is generated from the dataclass, so both readings of it must agree."""
    from dataclasses import asdict

    from pydantic import TypeAdapter

    assert TypeAdapter(Head).validate_python(asdict(rule.head, dict_factory=_written)) == rule.head


def _written(pairs):
    return {k: v for k, v in pairs if v is not None}


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (GOOD.replace("equals", "equls"), ': expect.equls: unknown key; did you mean "equals"?'),
        (
            GOOD.replace("silent", "silnt"),
            ': effect: "silnt" is not one of silent, stops, cost, style; did you mean "silent"?',
        ),
        (GOOD.replace("effect: silent\n", ""), ": `effect` is missing"),
        (GOOD.replace("fact: lora.r", "fact: lora.rr"), ': fact: the plan has no fact lora.rr; did you mean "lora.r"?'),
        (GOOD.replace("{equals: 16}", "16"), ": expect: must be a mapping, not the number 16"),
        (GOOD.replace("{equals: 16}", "{}"), ": expect: there is no expectation for lora.r"),
        (GOOD.replace("{equals: 16}", '{at_least: "3"}'), ': expect.at_least: must be a number, not the string "3"'),
        (GOOD.replace("{equals: 16}", "{near: {value: 2e-4}}"), ": expect.near: `within` is missing"),
        (GOOD.replace("{equals: 16}", "{one_of: no}"), ': expect.one_of: must be a list, not the string "no"'),
        (
            GOOD.replace("{equals: 16}", "{equals: {fact: lora.alfa}}"),
            ": expect.equals.fact: the plan has no fact lora.alfa",
        ),
        (GOOD.replace("lora.r\n", "[lora.r, lora.alpha]\n"), ": expect: must map each fact to its expectation"),
        (GOOD + "fact: lora.alpha\n", ":5: the key fact is given twice"),
        (GOOD + "serverity: error\n", ': serverity: unknown key; did you mean "severity"?'),
        (GOOD + "when: {fact: lora.bias}\n", ": when: has no expectation for lora.bias"),
        (GOOD + "when: {equals: 1}\n", ": when.fact: is missing"),
        (GOOD + "terms: is_bf16()\n", ": terms: must be a list"),
        (GOOD + "unset: maybe\n", ': unset: "maybe" is not one of'),
        (GOOD + "says: {a: 1}\n", ": says.a: must be a string, not the number 1"),
        (GOOD + "expect: [\n", ":"),
        ("- a\n- b\n", ": must be a mapping, not a list"),
    ],
)
def test_a_mistake_is_told_with_its_key_and_remedy(head, told):
    assert complaint(head).startswith(told)


def test_a_page_without_title_or_head():
    assert "must start with its title" in complaint(GOOD, "Prose\n")
    with pytest.raises(RulebookError, match="must start with a head"):
        parse("# Title\n", "x.md", "lora/x")


def test_yaml_words_and_numbers_mean_what_they_say():
    head = parse(
        page(
            "effect: cost\nfact: lora.r\nexpect: {one_of: [no, on, 2e-4, 1.5, 16, true, null, 1e5, -3]}\nsays: {true: "
            "a, 16: b}\n"
        ),
        "x.md",
        "lora/x",
    ).head
    assert head.expect == Expectation(one_of=("no", "on", 2e-4, 1.5, 16, True, None, 1e5, -3))
    assert head.says == {"true": "a", "16": "b"}


def test_fences_know_their_label_and_row():
    body = "\n# Title\n\n```python good\na = 1\n```\n\n````python bad\n```\nb\n````\n\n```text\nc\n```\n"
    rule = parse(page(GOOD, body), "x.md", "lora/x")
    assert [(f.language, f.label, f.code) for f in rule.fences] == [
        ("python", "good", "a = 1\n"),
        ("python", "bad", "```\nb\n"),
        ("text", "", "c\n"),
    ]
    lines = page(GOOD, body).splitlines()
    assert [lines[f.row - 1] for f in rule.fences] == ["a = 1", "```", "c"]
    assert rule.prose == ""


def write(tmp_path, name, text=None):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(GOOD) if text is None else text, encoding="utf-8")


def test_a_team_adds_and_replaces_rules(tmp_path):
    write(tmp_path, "lora/rank.md", page(GOOD.replace("16", "32")))
    write(tmp_path, "lora/mine.md")
    write(tmp_path, "README.md", "for people")
    book = load([str(tmp_path)])
    assert book["lora/rank"].head.expect.equals == 32
    assert "lora/mine" in book.rules and "lora/mine" in book.names()
    assert load()["lora/rank"].head.expect.equals == 16


@pytest.mark.parametrize("name", ["lroa/x.md", "x.md", "lora/deep/x.md"])
def test_a_rule_in_the_wrong_place(tmp_path, name):
    write(tmp_path, name)
    with pytest.raises(RulebookError, match="a rule must be at <section>/<rule>.md"):
        load([str(tmp_path)])


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(RulebookError, match="the directory of rules does not exist"):
        load([str(tmp_path / "none")])


def test_a_rule_file_that_is_no_text(tmp_path):
    write(tmp_path, "lora/x.md")
    (tmp_path / "lora/x.md").write_bytes(b"\xff\xfe")
    with pytest.raises(RulebookError, match="x.md"):
        load([str(tmp_path)])


def test_the_schema_of_a_head_is_generated():
    from nl2sql_review.files.typed_data import schema

    made = schema(Head, "rule")
    assert made["additionalProperties"] is False
    assert set(made["properties"]) == {f for f in Head.__dataclass_fields__}
    assert "else" in made["$defs"]["When"]["properties"]
    assert made["$defs"]["Expectation"]["additionalProperties"] is False


def test_notices_are_no_rules():
    assert not set(rulebook.NOTICES) & set(load().rules)


def test_every_rule_says_whether_it_finds_traps_or_policy():
    """A page of ours says so itself; a team's that does not is policy."""
    pages = {rule.id: Path(rule.path).read_text(encoding="utf-8") for rule in load().rules.values()}
    assert [id for id, text in pages.items() if "\nkind: " not in text] == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [("text order", "trap"), ("never", "policy"), ("unguarded", "trap")],
)
def test_a_rule_is_a_trap_or_policy_by_its_outcome(value, kind):
    assert wording.kind(load()["checkpointing/resume"].head, "checkpointing.resume", Known(value)) == kind


def test_a_value_that_no_call_gives_may_be_a_trap():
    head = load()["memory/sequence-length"].head
    given = Known(512, (Place(None, None),))
    left = Known(1024, (Place(None, None, "library default: SFTConfig.max_length"),))
    assert wording.kind(head, "memory.sequence_length", given) == "policy"
    assert wording.kind(head, "memory.sequence_length", left) == "trap"


@pytest.mark.parametrize("kind", ["traps", {"default": "traps"}, ["trap"]])
def test_a_kind_that_there_is_not(kind):
    with pytest.raises(RulebookError, match="trap"):
        rulebook.head({"effect": "cost", "fact": "lora.r", "expect": {"equals": 16}, "kind": kind}, "a.md")
