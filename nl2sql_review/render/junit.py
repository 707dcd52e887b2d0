"""JUnit XML: a suite for every reviewed file, a test case for every item of the checklist.

An item that cannot be decided is skipped, with the reason, and never passes; with `--fail-on-unknown` it fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

from ..report.report import ChecklistItem, FileReport, Finding, InternalError, Report
from .escaping import xml_text
from .excerpt import place
from .view import View


def render(report: Report, view: View) -> str:
    root = ElementTree.Element("testsuites", name="nl2sql-review")
    for file in report.files:
        faults = [fault for fault in report.internal_errors if fault.path == file.path]
        if file.status != "skipped" or faults:
            root.append(_counted(_suite(file, faults, view)))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, 0)) for suite in root)))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _suite(file: FileReport, faults: list[InternalError], view: View) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=xml_text(file.path), package="nl2sql-review")
    of_rule: dict[str, list[Finding]] = {item.rule: [] for item in file.checklist}
    for finding in file.findings:
        if finding.suppressed is None or view.show_suppressed:
            of_rule.setdefault(finding.rule, []).append(finding)
    items = {item.rule: item for item in file.checklist}
    for rule, findings in of_rule.items():
        for case in _cases(rule, items.get(rule), findings, file, view):
            suite.append(case)
    for fault in faults:
        case = _case(fault.rule or "internal-error", file)
        ElementTree.SubElement(case, "error", type="internal error", message=xml_text(fault.message))
        suite.append(case)
    return suite


def _cases(
    rule: str, item: ChecklistItem | None, findings: list[Finding], file: FileReport, view: View
) -> Iterator[ElementTree.Element]:
    for finding in findings:
        case = _case(rule, file)
        stored = view.files.stored(finding.location)
        case.set("line", str(stored.row))
        if finding.suppressed is not None:
            because = finding.suppressed or "no reason given"
            ElementTree.SubElement(case, "skipped", message=xml_text(f"suppressed: {because}"))
        else:
            failure = ElementTree.SubElement(case, "failure", type=finding.severity, message=xml_text(finding.message))
            lines = (f"{place(finding.location)}: {finding.message}", finding.help and f"help: {finding.help}")
            failure.text = "\n".join(xml_text(line) for line in lines if line)
        yield case
    if not findings and item is not None:
        case = _case(rule, file)
        undecided = xml_text(f"cannot be decided: {item.reason}")
        if item.verdict == "unknown" and view.show_unknown:
            ElementTree.SubElement(case, "failure", type="unknown", message=undecided)
        elif item.verdict == "unknown":
            ElementTree.SubElement(case, "skipped", message=undecided)
        elif item.verdict == "not-applicable":
            ElementTree.SubElement(case, "skipped", message=xml_text(f"does not apply: {item.reason}"))
        elif item.verdict == "fail":  # all its findings are suppressed, or reported under another rule
            ElementTree.SubElement(case, "skipped", message=xml_text(f"not counted: {item.evidence}"))
        yield case


def _case(rule: str, file: FileReport) -> ElementTree.Element:
    return ElementTree.Element("testcase", name=xml_text(rule), classname=xml_text(file.path), file=xml_text(file.path))


def _counted(suite: ElementTree.Element) -> ElementTree.Element:
    suite.set("tests", str(len(suite)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in suite)))
    return suite
