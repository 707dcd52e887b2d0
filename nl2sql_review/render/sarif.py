"""SARIF 2.1.0, as code scanning reads it.

Regions count code points; paths are relative to the root of the repository and encoded as URIs. With an internal error
`executionSuccessful` is false. An item that could not be decided is a result of kind `open`, if such items count.
"""

from __future__ import annotations

from typing import Any

from .. import __version__
from ..policy.rulebook import NOTICES, Rule
from ..report.addresses import SITE
from ..report.report import Edit, Fix, Location, Report, TraceStep
from ..report.serialization import document
from .entries import Entry, cell_of, entries, relative
from .escaping import message_text
from .view import View

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
ROOT = "SRCROOT"
LEVELS = {"error": "error", "warning": "warning", "advice": "note"}
PROBLEMS = {"error": "error", "warning": "warning", "advice": "recommendation"}  # the words of code scanning

Object = dict[str, Any]


def render(report: Report, view: View) -> str:
    rules = view.rules()
    said = list(entries(report, view))
    named = dict.fromkeys([*rules, *(entry.rule for entry in said if entry.kind != "fault")])
    index = {id: number for number, id in enumerate(named)}
    run = {
        "tool": {
            "driver": {
                "name": "nl2sql-review",
                "informationUri": SITE,
                "semanticVersion": __version__,
                "rules": [_rule(rules[id]) if id in rules else _notice(id) for id in index],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "The root of the repository."}}},
        "automationDetails": {"id": "nl2sql-review/"},
        "invocations": [
            {
                "executionSuccessful": not report.internal_errors,
                "toolExecutionNotifications": [_notification(e, view) for e in said if e.kind == "fault"],
            }
        ],
        "results": [_result(entry, index, view) for entry in said if entry.kind != "fault"],
    }
    return document({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule) -> Object:
    head = rule.head
    prose = rule.prose.removesuffix("## Examples").rstrip() or rule.title
    return {
        "id": rule.id,
        **({"helpUri": rule.address} if rule.address else {}),
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": prose.partition("\n\n")[0].replace("\n", " ")},
        "help": {"text": prose, "markdown": rule.body},
        "defaultConfiguration": {"level": LEVELS[head.severity]},
        "properties": {
            "tags": [rule.section, *head.kinds, *head.effects],
            "precision": "very-high",
            "problem.severity": PROBLEMS[head.severity],
        },
    }


def _notice(id: str) -> Object:
    text = NOTICES.get(id, id)
    said = {"text": text}
    return {"id": id, "shortDescription": said, "fullDescription": said, "help": {"text": text, "markdown": text}}


def _result(entry: Entry, index: dict[str, int], view: View) -> Object:
    finding = entry.finding
    made: Object = {"ruleId": entry.rule, "ruleIndex": index[entry.rule]}
    if finding is None:
        made |= {"kind": "open", "level": "none"}
    else:
        made |= {"kind": "fail", "level": LEVELS[finding.severity]}
    help = f"\n{finding.help}" if finding is not None and finding.help else ""
    made["message"] = _message(f"{entry.message}{help}")
    place = _record(entry.at, view) if entry.rule.startswith("rows/") else _location(entry.at, view)
    if finding is not None and finding.location.cell is not None:
        place["logicalLocations"] = [{"name": cell_of(finding.location), "kind": "element"}]
    made["locations"] = [place]
    if finding is None:
        return made
    if finding.fingerprint:
        made["partialFingerprints"] = {"nl2sqlReview/v1": finding.fingerprint}
    if finding.trace:
        steps = [{"location": _step(step, view)} for step in finding.trace]
        at = {name: value for name, value in place.items() if name != "logicalLocations"}
        steps.append({"location": {**at, "message": _message(finding.message)}})
        made["codeFlows"] = [{"threadFlows": [{"locations": steps}]}]
    if finding.fix is not None and finding.fix.edits:
        made["fixes"] = [_fix(finding.fix, view)]
    if finding.suppressed is not None:
        kind = "inSource" if finding.suppressed_by == "comment" else "external"
        made["suppressions"] = [{"kind": kind, "justification": message_text(finding.suppressed or "no reason given")}]
    properties: Object = {"kind": finding.kind, "certainty": finding.certainty, "effect": finding.effect}
    properties["related"] = list(finding.related)
    made["properties"] = {name: value for name, value in properties.items() if value}
    return made


def _step(step: TraceStep, view: View) -> Object:
    return {**_location(view.files.stored(step.location), view), "message": _message(step.text or "goes through here")}


def _fix(fix: Fix, view: View) -> Object:
    by_file: dict[str, list[Edit]] = {}
    for edit in fix.edits:
        by_file.setdefault(edit.location.path, []).append(view.files.stored_edit(edit))
    changes = [
        {
            "artifactLocation": _artifact(path, view),
            "replacements": [
                {"deletedRegion": _region(edit.location), "insertedContent": {"text": edit.content}} for edit in edits
            ],
        }
        for path, edits in by_file.items()
    ]
    caution = "" if fix.applicability == "safe" else " (unsafe: it changes what the run does)"
    description = _message(f"{fix.title}{caution}")
    return {"description": description, "artifactChanges": changes, "properties": {"kind": fix.kind}}


def _notification(entry: Entry, view: View) -> Object:
    made: Object = {"level": "error", "message": _message(entry.message), "locations": [_location(entry.at, view)]}
    if "/" in entry.rule:
        made["associatedRule"] = {"id": entry.rule}
    return made


def _message(text: str) -> Object:
    return {"text": message_text(text)}


def _location(at: Location, view: View) -> Object:
    return {"physicalLocation": {"artifactLocation": _artifact(at.path, view), "region": _region(at)}}


def _record(at: Location, view: View) -> Object:
    """Return a row of a data file: its line if each row is a line; else its number, at the beginning of the file."""
    lines = at.path.endswith((".jsonl", ".ndjson"))
    line = at.row if lines and at.row else 1
    here = Location(at.path, line, 1, line, 1)
    made = _location(here, view)
    if at.row and not lines:
        made["logicalLocations"] = [{"name": f"row {at.row}", "kind": "element"}]
    return made


def _region(at: Location) -> Object:
    return {"startLine": at.row, "startColumn": at.column, "endLine": at.end_row, "endColumn": at.end_column}


def _artifact(path: str, view: View) -> Object:
    from urllib.parse import quote

    path = relative(path, view.root)
    try:
        raw = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # of a name that was given, and is no file's
        raw = path.encode("utf-8", "replace")
    uri = quote(raw, safe="/!$&'()*+,;=@~")
    if path.startswith("/"):
        return {"uri": f"file://{uri}"}
    if path[1:3] == ":/":  # a drive of Windows
        return {"uri": f"file:///{path[:2]}{uri[4:]}"}
    return {"uri": uri, "uriBaseId": ROOT}
