"""The site: every address that a report carries has a page in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlparse

import pytest

from nl2sql_review import cli
from nl2sql_review.report.addresses import SITE

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)],
        cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder


def test_addresses_in_reports_have_pages(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cli.main(["--isolated", "--output-format", "sarif=a.sarif", "--output-format", "rdjson=a.json",
              str(ROOT / "docs" / "train.py")])  # fmt: skip
    driver = json.loads(Path("a.sarif").read_text(encoding="utf-8"))["runs"][0]["tool"]["driver"]
    addresses = {rule["helpUri"] for rule in driver["rules"]} | {driver["informationUri"]}
    diagnostics = json.loads(Path("a.json").read_text(encoding="utf-8"))["diagnostics"]
    addresses |= {each["code"]["url"] for each in diagnostics}
    assert len(addresses) > 40
    for address in addresses:
        assert address.startswith(SITE)
        assert (site / urlparse(address).path.lstrip("/") / "index.html").is_file(), address


def test_a_page_shows_examples_and_no_marks_of_tests(site: Path) -> None:
    page = (site / "rules" / "lora" / "rank" / "index.html").read_text(encoding="utf-8")
    assert "After --fix" in page and "expect:" not in page
    assert 'href="../../../evidence/"' in page


def test_a_team_s_own_rule_has_no_address_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = (ROOT / "rules" / "lora" / "rank.md").read_text(encoding="utf-8")
    (tmp_path / "own" / "lora").mkdir(parents=True)
    (tmp_path / "own" / "lora" / "rank.md").write_text(own, encoding="utf-8")
    (tmp_path / "nl2sql-review.toml").write_text('rules = ["own"]\n', encoding="utf-8")
    cli.main(["--output-format", "sarif=a.sarif", str(ROOT / "docs" / "train.py"), "--config", "nl2sql-review.toml"])
    rules = json.loads(Path("a.sarif").read_text(encoding="utf-8"))["runs"][0]["tool"]["driver"]["rules"]
    assert {rule["id"]: "helpUri" in rule for rule in rules}["lora/rank"] is False
