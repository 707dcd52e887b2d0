"""Tools of the MCP server: arguments → few words for the model, and the result in full. Contains no protocol.

All tools only read, and only below the client's roots: for a review, no other files exist on the disk. A request that
cannot be answered gets an error with a code for programs and the remedy in its message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict

from ..files import discovery, disk, resources
from ..files.typed_data import did_you_mean
from ..flavours import NotAConfiguration
from ..policy.rulebook import Rule
from ..policy.settings import SettingsError
from ..render import agent, diff, evaluation_agent, plan_json, plan_text, rule_json, rule_text
from ..render.terminal import Terminal
from ..render.view import View
from ..report.report import Severity
from ..report.serialization import plain, well_formed
from ..rows import check as rows_of_data
from ..rows import data_review, spelling
from ..rows.engine.limits import Limits
from ..rows.scoring import evaluate as scoring
from ..rows.scoring.comparison import Match
from ..rows.scoring.inputs import InputError
from ..run import batch, fix
from ..run import reviewer as review
from ..run.options import Options
from ..source import SourceError
from ..training_plan.facts import SECTIONS
from .roots import Outside, Roots

COLUMNS = 100  # of text for the model
UNWRAPPED = 10_000  # of a plan, whose names are read as they are


class Refused(Exception):
    """Error for a request that cannot be answered. `code` is for programs, the text gives the remedy."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Answer(TypedDict, total=False):
    """Plain data in JSON types: `text` and `structured`, or `code` and `message` if there is no answer."""

    text: str
    structured: Any
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    rule: str
    severity: Severity
    title: str


@dataclass(frozen=True, slots=True)
class RuleList:
    rules: tuple[RuleLine, ...]


@dataclass(frozen=True, slots=True)
class ProposedFix:
    """One finding that the diff fixes."""

    rule: str
    message: str
    title: str
    applicability: Literal["safe", "unsafe"]
    kind: Literal["repair", "policy"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Proposed fixes: `diff` is a unified diff of all files; `unsafe_left` counts findings with unsafe fixes only."""

    diff: str
    fixes: tuple[ProposedFix, ...]
    unsafe_left: int


Result = tuple[str, Any]  # the words for the model, and the result for programs


def answer(tool: str, arguments: Mapping[str, Any], directories: Sequence[str]) -> Answer:
    """Call a tool with the real paths of the client's roots. Never raises: an error is an answer."""
    own = (resources.PACKAGE, resources.find("rules"))
    try:
        with disk.Within((*directories, *map(os.path.realpath, own))), spelling.as_arguments():
            text, result = TOOLS[tool](Roots.of(directories), **arguments)
        made = Answer(text=text, structured=plain(result))
    except Refused as error:
        made = Answer(code=error.code, message=str(error))
    except Outside as error:
        made = Answer(code="outside-roots", message=str(error))
    except SettingsError as error:
        made = Answer(code="settings", message=str(error).removeprefix("command line: "))
    except SourceError as error:
        made = Answer(code=error.rule, message=f"{error.message} (row {error.span.row})")
    except InputError as error:
        made = Answer(code="input", message=str(error))
    except OSError as error:
        made = Answer(code="file/unreadable", message=f"{error.filename}: {error.strerror or error}")
    except MemoryError:
        made = Answer(code="limit", message="the review took too much memory")
    except Exception as error:
        made = Answer(code="internal-error", message=f"{type(error).__name__}: {error} (a bug in nl2sql-review)")
    told: Answer = well_formed(made)  # a file's name may hold what no UTF-8 does
    return told


def review_file(
    roots: Roots,
    path: str,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    gpu: str | None = None,
    processes: int | None = None,
) -> Result:
    report = batch.review([_file(path, roots)], _options(roots, select, ignore, gpu, processes))
    return agent.render(report, View()), report


def review_source(
    roots: Roots,
    source: str,
    filename: str = "train.py",
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    gpu: str | None = None,
    processes: int | None = None,
) -> Result:
    stdin = discovery.shown(roots.file(filename)), source.encode("utf-8", "surrogatepass")
    report = batch.review(["-"], _options(roots, select, ignore, gpu, processes).but(stdin=stdin))
    return agent.render(report, View()), report


def plan(roots: Roots, path: str, gpu: str | None = None, processes: int | None = None, calls: bool = False) -> Result:
    file = _file(path, roots)
    name = discovery.shown(file)
    reviewer = review.Reviewer.of(_options(roots, gpu=gpu, processes=processes))
    try:
        _, recording, plans = reviewer.plans(disk.script(file), name, reviewer.settings_of(name))
    except NotAConfiguration as error:
        raise Refused("not-a-configuration", f"{path}: {error}") from None
    report = plan_json.describe(recording, plans)
    if not calls:  # more than half of it, and some clients give the model all that is structured
        report = replace(report, calls=())
    if not plans:
        return review.without_plan(name), report
    return plan_text.render(report, name, Terminal(UNWRAPPED)), report


def explain_rule(roots: Roots, rule: str) -> Result:
    found = _rule(rule, roots)
    return rule_text.render_page(found, Terminal(COLUMNS)), rule_json.describe(found)


def rule_page(roots: Roots, rule: str) -> Result:
    return _rule(rule, roots).body, None


def list_rules(roots: Roots, section: str | None = None) -> Result:
    rules = [rule for rule in _rules(roots).values() if section in (None, rule.section)]
    if not rules:
        raise Refused("unknown-section", f"there is no section {section}{did_you_mean(section, SECTIONS)}")
    listed = RuleList(tuple(RuleLine(rule.id, rule.head.severity, rule.title) for rule in rules))
    return rule_text.render_list(rules, Terminal(COLUMNS)), listed


def propose_fixes(
    roots: Roots,
    path: str,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    unsafe: bool = False,
    policy: bool = True,
) -> Result:
    options = _options(roots, select, ignore)
    fixed = fix.fix(review.Reviewer.of(options), batch.review([_file(path, roots)], options), unsafe, policy=policy)
    made = tuple(
        ProposedFix(f.rule, f.message, f.fix.title, f.fix.applicability, f.fix.kind) for f in fixed.made if f.fix
    )
    proposal = Proposal(diff.render(fixed.files), made, fixed.unsafe)
    left = _unsafe(fixed.unsafe) if fixed.unsafe else ""
    return (proposal.diff or "there is no fix to propose\n") + left, proposal


def _unsafe(number: int) -> str:
    have = "finding has" if number == 1 else "findings have"
    return f"{number} more {have} an unsafe fix: call again with unsafe=true\n"


def evaluate(
    roots: Roots,
    predictions: str,
    gold: str,
    databases: str | None = None,
    schemas: str | None = None,
    against: str | None = None,
    rows: Literal["multiset", "set"] = "multiset",
    columns: Literal["ordered", "any"] = "ordered",
    dialect: str | None = None,
    timeout: float = Limits().seconds,
) -> Result:

    def allowed(path: str | None) -> str | None:
        return None if path is None else roots.file(path)

    asked = scoring.Asked(
        _file(predictions, roots),
        _file(gold, roots),
        databases=allowed(databases),
        schemas=allowed(schemas),
        against=allowed(against),
        match=Match(rows, columns),
        dialect=dialect,
        limits=Limits(seconds=timeout),
        allow=roots.file,
    )
    evaluation = scoring.evaluate(asked)
    return evaluation_agent.render(evaluation), replace(evaluation, results=())


def check_data(
    roots: Roots,
    path: str,
    held_out: Sequence[str] = (),
    schemas: str | None = None,
    dialect: str = "",
    sample: int | None = None,
    every_row: bool = False,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> Result:
    asked = rows_of_data.Asked(
        held_out=tuple(_file(each, roots) for each in held_out),
        schemas=None if schemas is None else roots.file(schemas),
        dialect=dialect.lower(),
        sample=sample,
        allow=roots.file,
    )
    try:
        made = data_review.review(_file(path, roots), asked, _options(roots, select, ignore), every=every_row)
    except rows_of_data.DataError as error:
        raise Refused("input", str(error)) from None
    except NotAConfiguration as error:
        raise Refused("not-a-configuration", f"{path}: {error}") from None
    return agent.render(made.report, View(of_data=True)), made.report


_ALL = (
    review_file, review_source, plan, propose_fixes, check_data, evaluate, explain_rule, list_rules, rule_page,
)  # fmt: skip
TOOLS: dict[str, Callable[..., Result]] = {tool.__name__: tool for tool in _ALL}


def _file(path: str, roots: Roots) -> str:
    if not path:
        raise Refused("not-found", "the path is empty: name one file")
    file = roots.file(path)
    if not os.path.exists(file):
        raise Refused("not-found", f"{path}: the file does not exist below {roots.first}")
    if not os.path.isfile(file):
        raise Refused("not-a-file", f"{path} is not a file: name one script or notebook")
    return file


def _options(
    roots: Roots,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    gpu: str | None = None,
    processes: int | None = None,
) -> Options:
    """Return the options of a review below the client's roots."""
    said = {"select": list(select) or None, "ignore": list(ignore) or None, "gpu": gpu, "processes": processes}
    overrides = {key: value for key, value in said.items() if value is not None}
    return Options(overrides=overrides, within=roots.directories)


def _rules(roots: Roots) -> Mapping[str, Rule]:
    reviewer = review.Reviewer()
    return reviewer.rulebook(reviewer.settings(roots.first)).rules


def _rule(id: str, roots: Roots) -> Rule:
    rules = _rules(roots)
    if not id:
        raise Refused("unknown-rule", "the rule is empty: give an id, as in prompt/eos; list_rules names them all")
    if id not in rules:
        raise Refused("unknown-rule", f"there is no rule {id}{did_you_mean(id, rules)}; list_rules names them all")
    return rules[id]
