"""Verdicts: what is said of each kind of value, with the value and where it came from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nl2sql_review.judgement.judge import judge, ordered
from nl2sql_review.judgement.merging import PlacedFinding, merged
from nl2sql_review.judgement.verdict import overall, rule_on
from nl2sql_review.policy import rulebook
from nl2sql_review.policy.rulebook import Rulebook
from nl2sql_review.policy.settings import Settings, from_data
from nl2sql_review.report.report import Finding, Location
from nl2sql_review.training_plan.facts import Fact, TrainingPlan
from nl2sql_review.training_plan.values import Absent, Default, Either, Known, Term, Text, Unknown

from .fake_source import FakeSource


def rule(head, id="lora/rank", title="A title"):
    return rulebook.parse(f"---\neffect: silent\n{head}\n---\n# {title}\n", f"{id}.md", id)


def book(*rules):
    return Rulebook({r.id: r for r in rules}, tuple(rules))


def plan(**facts):
    made = TrainingPlan()
    for name, fact in facts.items():
        section, _, field = name.partition("__")
        setattr(getattr(made, section), field, fact if isinstance(fact, Fact) else Fact(fact))
    return made


def verdict(value, head="fact: lora.r\nexpect: {equals: 16}", **others):
    """(verdict, certainty, reason) for lora.r holding `value`."""
    found = overall([j.decision for j in rule_on(rule(head).head, plan(lora__r=value, **others))])
    return found.verdict, found.certainty, found.reason


def review(head, *plans, source=None, settings=None):
    report, faults = judge(source or FakeSource(), plans, book(rule(head)), settings or Settings())
    assert not faults
    return report


# -- the lattice -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Known(16), ("pass", "certain", "")),
        (Known(64), ("fail", "certain", "")),
        (Known(True), ("fail", "certain", "")),
        (Known("16"), ("fail", "certain", "")),
        (Known(None), ("fail", "certain", "")),
        (Known(16.0), ("pass", "certain", "")),
        (Default(16, "--r"), ("pass", "default", "")),
        (Default(64, "--r"), ("fail", "default", "")),
        (Either((Known(16), Default(16))), ("pass", "branch", "")),
        (Either((Known(8), Known(64))), ("fail", "branch", "")),
        (
            Either((Known(16), Known(64)), "small"),
            ("unknown", "branch", "whether it is 16 or 64 depends on `small`"),
        ),
        (Either((Known(64), Unknown("no idea"))), ("unknown", "branch", "no idea")),
        (Either((Known(64), Absent())), ("fail", "branch", "it is not set")),
        (Term("int(sys.argv[1])"), ("unknown", "certain", "decided at run time: int(sys.argv[1])")),
        (Unknown("r is read from a file"), ("unknown", "certain", "r is read from a file")),
        (Absent("called without r"), ("fail", "certain", "")),
        (Known(object()), ("unknown", "certain", "decided at run time: it is an object, not a plain value")),
        (Text(("16",)), ("fail", "certain", "")),
    ],
)
def test_every_kind_of_value(value, expected):
    found = verdict(value)
    assert found[:2] == expected[:2]
    assert expected[0] != "unknown" or found[2] == expected[2]


@pytest.mark.parametrize(
    ("expect", "passes", "fails"),
    [
        ("{one_of: [a, b]}", ["a"], ["c", None, 1]),
        ("{one_of: [no, null]}", ["no", None], [False]),
        ("{at_least: 2}", [2, 2.5], [1, "3", None, True]),
        ("{at_most: 3}", [3], [4, None, float("inf")]),
        ("{at_least: 1, at_most: 3}", [1, 3], [0, 4]),
        ("{near: {value: 0.03, within: 0.002}}", [0.03, 0.032, 0.028], [0.033, 0, None]),
        ("{equals: 2e-4}", [2e-4, 1 / 5000], [2e-5, "2e-4"]),
        ("{equals: false}", [False], [0, None, True]),
        ("{includes: [q, v]}", [["v", "q", "k"], ("q", "v"), "q and v"], [["q"], [], None, 3]),
        ("{excludes: [x]}", [["v"], [], "abc"], [["x"], "axb"]),
        ("{empty: true}", [[], (), "", None, {}], [["x"], "x"]),
        ("{empty: false}", [["x"]], [[], None]),
        ("{present: true}", [1, "", []], [None]),
        ("{present: false}", [None], [1]),
        ('{matches: "models/*"}', ["models/x", "./models/x", "models/a/b"], ["out/models/x", "models"]),
        ('{matches: ["a*", "b*"]}', ["ax", "bx", ["c", "b"]], ["c"]),
    ],
)
def test_every_expectation(expect, passes, fails):
    head = f"fact: lora.r\nexpect: {expect}"
    assert [(v, verdict(Known(v), head)[0]) for v in passes] == [(v, "pass") for v in passes]
    assert [(v, verdict(Known(v), head)[0]) for v in fails] == [(v, "fail") for v in fails]


@pytest.mark.parametrize(
    ("unset", "expected"), [("fail", "fail"), ("pass", "pass"), ("not-applicable", "not-applicable")]
)
def test_unset(unset, expected):
    assert verdict(Absent(), f"fact: lora.r\nexpect: {{equals: 16}}\nunset: {unset}")[0] == expected
    assert verdict(Absent(), f"fact: lora.r\nexpect: {{equals: 16, unset: {unset}}}")[0] == expected
    assert verdict(Absent(), "fact: lora.r\nexpect: {present: false}")[0] == "pass"


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("is_bfloat16_supported()", True),
        ("unsloth.is_bfloat16_supported()", True),
        ("not unsloth.is_bfloat16_supported()", True),
        ("not_is_bfloat16_supported()", False),
        ("is_bfloat16_supported() and x", False),
    ],
)
def test_a_term_passes_only_where_the_rule_names_it(text, passes):
    head = 'fact: lora.r\nexpect: {equals: true}\nterms: ["is_bfloat16_supported()"]'
    assert verdict(Term(text), head)[0] == ("pass" if passes else "unknown")


def test_a_symbol_of_a_library_is_a_value_when_it_is_the_one_wanted():
    head = "fact: lora.r\nexpect: {equals: torch.bfloat16}"
    assert verdict(Term("torch.bfloat16", "symbol"), head)[0] == "pass"
    assert verdict(Term("torch.float16", "symbol"), head)[0] == "unknown"


@pytest.mark.parametrize(
    ("parts", "expect", "expected"),
    [
        (("models/x-", Term("name")), '{matches: "models/*"}', "pass"),
        (("models/x-", Term("name")), '{matches: "models/*-b"}', "unknown"),
        (("out/", Term("name")), '{matches: "models/*"}', "fail"),
        ((Term("base"), "/x"), '{matches: "models/*"}', "unknown"),
        (("lin", Term("rest")), "{equals: cosine}", "fail"),
        (("cos", Term("rest")), "{equals: cosine}", "unknown"),
        (("a ", Term("x"), " b"), "{includes: [b]}", "pass"),
        (("a ", Term("x"), " b"), "{excludes: [b]}", "fail"),
        (("a ", Term("x")), "{present: true}", "pass"),
        (("cosine",), "{equals: cosine}", "pass"),
    ],
)
def test_a_text_with_holes_is_judged_by_what_is_certain(parts, expect, expected):
    assert verdict(Text(parts), f"fact: lora.r\nexpect: {expect}")[0] == expected


def test_a_partly_known_list_is_judged_by_what_is_certain():
    parts = [Known("q"), Unknown("?")]
    assert verdict(Unknown("why", (), parts), "fact: lora.r\nexpect: {includes: [q]}")[0] == "pass"
    assert verdict(Unknown("why", (), parts), "fact: lora.r\nexpect: {includes: [v]}") == ("unknown", "certain", "why")
    assert verdict(Unknown("why", (), parts), "fact: lora.r\nexpect: {excludes: [q]}")[0] == "fail"
    assert verdict(Unknown("why", (), parts), "fact: lora.r\nexpect: {empty: true}")[0] == "fail"
    assert verdict(Unknown("why"), "fact: lora.r\nexpect: {empty: true}")[0] == "unknown"


def test_another_fact_as_the_measure():
    head = "fact: lora.r\nexpect: {equals: {fact: lora.alpha}}"
    assert verdict(Known(32), head, lora__alpha=Known(32))[0] == "pass"
    assert verdict(Known(32), head, lora__alpha=Known(16))[0] == "fail"
    assert verdict(Known(32), head, lora__alpha=Default(32, "--alpha")) == ("pass", "default", "")
    assert verdict(Known(32), head, lora__alpha=Unknown("no idea")) == (
        "unknown",
        "certain",
        "lora.alpha is unknown: no idea",
    )


# -- when a rule applies -----------------------------------------------------------------------------------------


def test_a_fact_that_does_not_apply():
    assert verdict(Fact(why_not="there is no adapter")) == ("not-applicable", "certain", "there is no adapter")


def test_when():
    head = "fact: lora.r\nexpect: {equals: 16}\nwhen: {fact: dataset.mixing, one_of: [interleaved]}"
    assert verdict(Known(1), head, dataset__mixing=Known("interleaved"))[0] == "fail"
    assert verdict(Known(1), head, dataset__mixing=Known("single")) == (
        "not-applicable",
        "certain",
        'mixing is "single"; the rule applies to "interleaved"',
    )
    assert verdict(Known(1), head, dataset__mixing=Fact(why_not="no dataset"))[2] == "no dataset"
    assert verdict(Known(1), head, dataset__mixing=Absent())[0] == "not-applicable"
    assert verdict(Known(1), head, dataset__mixing=Unknown("hidden"))[0] == "unknown"
    assert verdict(Known(16), head, dataset__mixing=Unknown("hidden"))[0] == "pass"
    assert verdict(Known(1), head, dataset__mixing=Default("interleaved", "--mix")) == ("fail", "default", "")
    told = head.replace("]}", "], else: only mixed data}")
    assert verdict(Known(1), told, dataset__mixing=Known("single"))[2] == "only mixed data"
    seen = head.replace("]}", "], unseen: pass}")
    assert verdict(Known(1), seen, dataset__mixing=Fact(why_not="no dataset"))[0] == "fail"
    assert verdict(Known(1), seen, dataset__mixing=Known("single"))[0] == "not-applicable"


def test_several_facts_the_worst_counts():
    head = "fact: [lora.r, lora.bias]\nexpect: {lora.r: {equals: 16}, lora.bias: {equals: none}}"
    assert verdict(Known(16), head, lora__bias=Known("none"))[0] == "pass"
    assert verdict(Known(16), head, lora__bias=Known("all"))[0] == "fail"
    assert verdict(Known(16), head, lora__bias=Unknown("x"))[0] == "unknown"
    assert verdict(Known(16), head, lora__bias=Fact(why_not="n"))[0] == "pass"
    assert verdict(Known(1), head, lora__bias=Unknown("x"))[0] == "fail"


# -- words and places --------------------------------------------------------------------------------------------

RANK = "fact: lora.r\nexpect: {equals: 16}\nhelp: set r=16"


def test_a_finding_says_the_value_and_where_it_came_from():
    source = FakeSource()
    origin = source.place(2, "LORA_R = 64")
    at = source.place(24, "model = get_peft_model(model, r=LORA_R)")
    report = review(RANK, plan(lora__r=Fact(Known(64, (origin,)), at, argument="r")), source=source)
    (finding,) = report.findings
    assert finding.message == "r=64, from LORA_R = 64 (train.py:2); should be 16"
    assert (finding.location.row, finding.value, finding.certainty, finding.help) == (24, 64, "certain", "set r=16")
    assert [(s.location.row, s.text) for s in finding.trace] == [(2, "LORA_R = 64")]
    (item,) = report.checklist
    assert (item.verdict, item.evidence) == ("fail", finding.message + " (train.py:24)")


def test_a_default_says_what_may_override_it():
    source = FakeSource()
    value = Default(64, "--lora-r", (source.place(3, 'parser.add_argument("--lora-r", default=64)'),))
    report = review(RANK, plan(lora__r=Fact(value, source.place(9, "r=args.lora_r"))), source=source)
    assert "default of --lora-r; the command line may override it" in report.findings[0].message
    assert report.findings[0].certainty == report.checklist[0].certainty == "default"


def test_a_library_default_is_named():
    source = FakeSource()
    call = source.place(5, "LoraConfig()", "library default: LoraConfig.r")
    report = review(RANK, plan(lora__r=Fact(Known(8, (call,)), call, argument="r")), source=source)
    assert report.findings[0].message == "r=8, the library's default for LoraConfig.r; should be 16"


def test_an_absent_value_says_what_lacks_it():
    source = FakeSource()
    fact = Fact(Absent("get_peft_model is called without r"), source.place(5, "get_peft_model(model)"))
    report = review(RANK, plan(lora__r=fact), source=source)
    assert report.findings[0].message == "get_peft_model is called without r; should be 16"
    assert report.findings[0].value is None


def test_a_branch_says_both():
    source = FakeSource()
    value = Either((Known(8, (source.place(2, "r = 8"),)), Known(64, (source.place(4, "r = 64"),))), "small")
    report = review(RANK, plan(lora__r=Fact(value, source.place(5, "f(r=r)"))), source=source)
    (finding,) = report.findings
    assert finding.message == "r is 8 or 64, depending on `small`; should be 16"
    assert (finding.value, finding.certainty, len(finding.trace)) == ([8, 64], "branch", 2)


def test_a_rule_may_have_its_own_words():
    head = 'fact: lora.r\nexpect: {empty: true}\nsays: {schema: "no schema", sql: "no SQL", absent: "nothing at all"}'
    assert review(head, plan(lora__r=Known(["schema", "sql"]))).findings[0].message == "no schema; no SQL"
    assert review(head, plan(lora__r=Known(["other"]))).findings[0].message == "r: other; should be empty"
    assert review(head, plan(lora__r=Absent())).findings[0].message == "nothing at all"
    flag = 'fact: lora.r\nexpect: {equals: false}\nsays: {true: "both are set, {value}"}'
    assert review(flag, plan(lora__r=Known(True))).findings[0].message == "both are set, True"


def test_a_note_goes_with_a_pass():
    head = 'fact: lora.r\nexpect: {present: true}\nnotes: {chat: "by the chat template"}'
    assert (
        review(head, plan(lora__r=Known("chat"))).checklist[0].evidence == "r: chat: by the chat template (train.py:1)"
    )


def test_two_plans_one_finding_and_the_worst_verdict():
    source = FakeSource()
    fact = Fact(Known(64), source.place(5, "r=64"))
    report = review(RANK, plan(lora__r=fact), plan(lora__r=fact), plan(lora__r=Known(16)), source=source)
    assert len(report.findings) == 1
    assert report.checklist[0].verdict == "fail"


# -- the report --------------------------------------------------------------------------------------------------


def finding(rule, row=1, severity="error", effect="silent"):
    return Finding(rule, severity, effect, "certain", "m", None, Location("train.py", row, 1, row, 2))


def found(rule, subject="", exact=True, same="[]", **more):
    text = f"---\neffect: stops\nfact: lora.r\nexpect: {{present: true}}\nsame: {same}\n---\n# Title\n"
    return PlacedFinding(finding(rule, **more), rulebook.parse(text, "rule.md", rule), subject, exact)


def test_one_defect_is_one_finding():
    api, own = found("api/arguments", effect="stops"), found("prompt/response-only-loss")
    assert [(f.rule, f.related) for f in merged([own, api])] == [("api/arguments", ("prompt/response-only-loss",))]
    assert [(f.rule, f.related) for f in merged([own, found("api/arguments")])] == [
        ("prompt/response-only-loss", ("api/arguments",))
    ]
    passed = [found("api/removed-argument", name, effect="stops") for name in ("max_seq_length", "warmup_ratio")]
    related = [
        f.related for f in merged([replace(own, finding=replace(own.finding, message="warmup_ratio: 0")), *passed])
    ]
    assert related == [(), (own.rule.id,)], "as that of the argument which the other finding names"
    assert [f.related for f in merged([own, *passed])] == [(own.rule.id,)] * 2
    assert merged([own]) == [own.finding]
    assert merged([own, found("api/arguments", row=9)]) == [own.finding, finding("api/arguments", row=9)]


def test_two_defects_at_one_place_are_two_findings():
    """The place of a whole call, or of a `**`, stands for many arguments."""
    own = found("arguments/learning-rate", "learning_rate", exact=False)
    for subject, same, merges in (
        ("warmup_ratio", "[]", False),
        ("learning_rate", "[]", True),
        ("", "[]", False),
        ("", "[arguments/learning-rate]", True),
    ):
        assert len(merged([own, found("api/arguments", subject, False, same)])) == (1 if merges else 2)


def test_findings_come_traps_first_then_by_effect_severity_and_position():
    findings = [
        finding("lora/a", 1, "warning"),
        finding("lora/b", 1, "error", "stops"),
        finding("lora/c", 9),
        finding("lora/d", 2),
        replace(finding("lora/e", 9, "warning"), kind="trap"),
        replace(finding("lora/f", 99, "warning", "stops"), kind="trap"),
    ]
    assert [f.rule[-1] for f in ordered(findings)] == ["f", "e", "b", "d", "c", "a"]


def test_a_rule_that_crashes_is_named_and_the_others_go_on():
    class Explodes(Fact):
        @property
        def why_not(self):
            raise RuntimeError("boom")

        @why_not.setter
        def why_not(self, _):
            pass

    rules = book(rule(RANK), rule("fact: lora.alpha\nexpect: {equals: 16}", "lora/alpha"))
    report, faults = judge(FakeSource(), [plan(lora__r=Explodes(), lora__alpha=Known(1))], rules, Settings())
    assert [(f.rule, f.path, f.message) for f in faults] == [("lora/rank", "train.py", "RuntimeError: boom")]
    assert [i.rule for i in report.checklist] == ["lora/alpha"]


def test_settings_reach_the_verdict():
    wanted = from_data({"lora/rank": {"equals": 64, "severity": "advice"}}, "nl2sql-review.toml", "/")
    assert review(RANK, plan(lora__r=Known(64)), settings=wanted).checklist[0].verdict == "pass"
    found = review(RANK, plan(lora__r=Known(16)), settings=wanted).findings[0]
    assert (found.severity, found.message, found.help) == ("advice", "r: 16; should be 64", "set r=64")


def test_a_defect_on_a_branch_is_told_as_one():
    case = Fact(Known(["a"]), sentence="a= is gone", branch="argv[1] == 'x'")
    head = "fact: api.removed_arguments\nexpect: {empty: true}"
    (finding,) = review(head, plan(api__removed_arguments=Fact(Known(["a"]), cases=(case,)))).findings
    assert (
        finding.certainty == "branch"
        and finding.message == "a= is gone (only on one branch, decided by `argv[1] == 'x'`)"
    )


def test_files_of_one_name_are_told_apart():
    source, other = FakeSource(), FakeSource(path="configs/train.py")
    origin, at = other.place(2, "LORA_R = 64"), source.place(24, "model = get_peft_model(model, r=LORA_R)")
    (finding,) = review(RANK, plan(lora__r=Fact(Known(64, (origin,)), at, argument="r")), source=source).findings
    assert finding.message == "r=64, from LORA_R = 64 (configs/train.py:2); should be 16"
