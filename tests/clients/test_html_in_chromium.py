"""The page in a real browser: scripts of a reviewed file do not run, keys move from finding to finding."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.render import render
from nl2sql_review.report.report import Report
from tests.render.reports import REPORT, view
from tests.render.test_html import HOSTILE, replace

pytestmark = pytest.mark.clients

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
ROOT = Path(__file__).resolve().parents[2]


def chromium(page: Path, *options: str) -> str:
    """The document as it stands once its scripts have run."""
    made = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=2000", *options,
         "--dump-dom", page.as_uri()],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return made.stdout


def probed(page: str, script: str) -> str:
    """The page with a script of the test's own at its end, which writes what it sees into the title."""
    return page.replace("</body>", f"<script>{script}</script></body>")


def title(dom: str) -> str:
    return dom.partition("<title>")[2].partition("</title>")[0]


def test_a_script_in_a_finding_does_not_run(tmp_path: Path) -> None:
    finding = replace(REPORT.files[0].findings[0], message=HOSTILE.replace("alert(1)", "document.title='run'"))
    page = tmp_path / "page.html"
    page.write_text(render("html", Report(files=(replace(REPORT.files[0], findings=(finding,)),)), view()), "utf-8")
    assert title(chromium(page)) == "nl2sql-review"


def test_keys_and_width(tmp_path: Path) -> None:
    made = tmp_path / "made.html"
    cli.main(["--isolated", "--output-format", f"html={made}", str(ROOT / "docs" / "train.py")])
    page = tmp_path / "page.html"
    script = """
        const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
        const here = () => findings.indexOf(document.activeElement);
        press("j"); const one = here(); press("j"); const two = here(); press("k");
        document.title = [one, two, here(), document.documentElement.scrollWidth <= innerWidth].join(" ");
    """
    page.write_text(probed(made.read_text(encoding="utf-8"), script), "utf-8")
    assert title(chromium(page, "--window-size=500,900")) == "0 1 0 true"
