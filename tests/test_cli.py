"""The command line as a user meets it: exit codes, options, streams, errors."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nl2sql_review import __version__, cli
from nl2sql_review.commands import inputs, program
from nl2sql_review.libraries import dates
from nl2sql_review.render import FORMATS
from nl2sql_review.run.reviewer import without_plan

ROOT = Path(__file__).resolve().parents[1]
BAD = """\
from unsloth import FastLanguageModel

RANK = 64
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/llama-3-8b-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=RANK)
"""
OTHER = "print('hello')\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "train.py").write_text(BAD, encoding="utf-8")
    (tmp_path / "setup.py").write_text(OTHER, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("env", {})}  # type: ignore[dict-item]
    return subprocess.run(
        [sys.executable, "-m", "nl2sql_review", *argv],
        env=environment, capture_output=True, encoding="utf-8", timeout=120, **options,  # type: ignore[call-overload]
    )  # fmt: skip


def findings(output: str) -> list[str]:
    return [f["rule"] for file in json.loads(output)["files"] for f in file["findings"]]


# Exit codes


def test_findings_are_exit_1(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--select", "lora/rank", "train.py"]) == 1
    out = capsys.readouterr().out
    assert "error[lora/rank]" in out and "RANK = 64" in out and " --> train.py:5:" in out


def test_nothing_to_report_is_exit_0(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "train.py").write_text(BAD.replace("64", "16"), encoding="utf-8")
    assert cli.main(["--select", "lora/rank", "."]) == 0
    out = capsys.readouterr().out
    assert "no findings" in out and "setup.py" in out


def test_nothing_reviewed_is_exit_3_and_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["setup.py"]) == 3
    out = capsys.readouterr().out
    assert "setup.py" in out and "nothing was reviewed" in out


@pytest.mark.parametrize("command", ["plan", "memory"])
def test_of_what_trains_nothing_there_is_no_plan_in_one_sentence(
    command: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([command, "setup.py"]) == 3
    assert capsys.readouterr().err.splitlines() == [without_plan("setup.py")]
    (project / "run.sh").write_text("ls\n", encoding="utf-8")
    assert cli.main([command, "run.sh"]) == 3
    assert capsys.readouterr().err.splitlines() == [without_plan("run.sh")] != [without_plan("run.py")]


def test_allow_empty_is_for_hooks(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--allow-empty", "setup.py"]) == 0
    assert "nothing was reviewed" in capsys.readouterr().out
    assert cli.main(["--allow-empty"]) == 0
    assert cli.main(["--allow-empty", "--select", "lora/rank", "train.py"]) == 1
    assert cli.main(["--allow-empty", "--select", "lora/rnk", "setup.py"]) == 2


def test_force_exclude_treats_given_files_as_found(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "nl2sql-review.toml").write_text('exclude = ["old/"]\n', encoding="utf-8")
    (project / "old").mkdir()
    (project / "old" / "train.py").write_text(BAD, encoding="utf-8")
    (project / "template.py").write_text("{% if python %}\n", encoding="utf-8")
    assert cli.main(["old/train.py", "--select", "lora/rank"]) == 1
    assert cli.main(["template.py"]) == 1
    capsys.readouterr()
    assert cli.main(["--force-exclude", "old/train.py", "template.py"]) == 3
    assert "error" not in capsys.readouterr().out
    assert cli.main(["--force-exclude", "train.py", "--select", "lora/rank"]) == 1
    assert cli.main(["--force-exclude", "missing.py"]) == 1


def test_standard_input_is_excluded_by_its_name(project: Path) -> None:
    (project / "nl2sql-review.toml").write_text('exclude = ["old/"]\n', encoding="utf-8")
    options = ("-", "--force-exclude", "--select", "lora/rank", "--stdin-filename")
    assert run(*options, "old/train.py", input=BAD).returncode == 3
    assert run(*options, "new/train.py", input=BAD).returncode == 1


def test_a_file_is_the_same_however_it_is_written(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = project.parent / f"link-to-{project.name}"
    link.symlink_to(project, target_is_directory=True)
    ways = ["train.py", "./train.py", "sub/../train.py", str(project / "train.py"), str(link / "train.py")]
    outputs = set()
    for way in ways:
        assert cli.main(["--output-format", "json", "--select", "lora/rank", way]) == 1
        outputs.add(capsys.readouterr().out)
    assert len(outputs) == 1 and json.loads(outputs.pop())["files"][0]["path"] == "train.py"
    assert cli.main(["--output-format", "json", "--select", "lora/rank", *ways]) == 1
    assert len(findings(capsys.readouterr().out)) == 1


def test_findings_below_fail_on_are_exit_0(project: Path) -> None:
    (project / "nl2sql-review.toml").write_text('"lora/rank" = { severity = "advice" }\n', encoding="utf-8")
    assert cli.main(["--select", "lora/rank", "train.py"]) == 0
    assert cli.main(["--select", "lora/rank", "--fail-on", "advice", "train.py"]) == 1
    assert cli.main(["--select", "lora/rank", "--isolated", "train.py"]) == 1


def test_unknown_items_fail_on_request(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = BAD.replace("RANK = 64", "import sys\nRANK = int(sys.argv[1])")
    (project / "train.py").write_text(script, encoding="utf-8")
    assert cli.main(["--select", "lora/rank", "train.py"]) == 0
    assert "1 item unknown" in capsys.readouterr().out
    assert cli.main(["--select", "lora/rank", "--fail-on-unknown", "--output-format", "concise", "train.py"]) == 1
    assert "unknown[lora/rank]" in capsys.readouterr().out


def test_a_syntax_error_is_a_finding_and_other_files_are_reviewed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "broken.py").write_text("import unsloth\ndef (:\n", encoding="utf-8")
    assert cli.main(["--output-format", "json", "."]) == 1
    found = findings(capsys.readouterr().out)
    assert "file/syntax" in found and "lora/rank" in found


@pytest.mark.parametrize(
    "argv",
    [
        [""],
        ["train.py", ""],
        ["--", ""],
        ["--show-settings", ""],
        ["plan", ""],
        ["baseline", "write", ""],
        ["rule", ""],
    ],
)
def test_an_empty_path_is_not_the_working_directory(
    argv: list[str], project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(project.iterdir())
    assert cli.main(argv) == 2
    out, said = capsys.readouterr()
    assert not out and "is empty, as from a variable that is not set" in said
    assert sorted(project.iterdir()) == before


def test_a_missing_file_is_a_finding_only_where_a_hook_names_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--output-format", "json", "nowhere.py", "train.py"]) == 2
    assert capsys.readouterr() == ("", "error: nowhere.py does not exist\n")
    assert cli.main(["--output-format", "json", "--force-exclude", "nowhere.py", "train.py"]) == 1
    assert "file/unreadable" in findings(capsys.readouterr().out)


@pytest.mark.parametrize("word", ["plan", "rule", "evaluate"])
def test_a_lone_word_that_is_a_command_and_a_path(word: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / word).mkdir()
    assert cli.main([word]) == 2
    assert f"./{word}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "remedy"),
    [
        ([], "give a file or a directory"),
        (["--slect", "lora", "train.py"], "did you mean --select"),
        (["--select", "lora/rnk", "train.py"], "lora/rank"),
        (["--fail-on", "fatal", "train.py"], "error, warning, advice"),
        (["--processes", "none", "train.py"], "positive integer"),
        (["--select", "", "train.py"], "name at least one"),
        (["--flavour", "trl", "train.py"], "train.py is a script"),
        (["pln", "train.py"], 'did you mean the command "plan"'),
        (["cache", "clean"], 'did you mean "clear"'),
        (["--output-format", "sarf", "train.py"], 'did you mean "sarif"'),
        (["--output-format", "sarif=", "train.py"], "write sarif=FILE"),
        (["--output-format", "sarif", "--output-format", "text", "train.py"], "--output-format text=FILE"),
        (["--output-format", "sarif=a", "--output-format", "text=./a", "train.py"], "a would be written twice"),
        (["--config", "nowhere.toml", "train.py"], "nowhere.toml"),
        (["--stdin-filename", "a.py", "train.py"], "give - as a path"),
        (["-", "-"], "give - once"),
        (["rule", "lora/rnk"], "lora/rank"),
        (["plan"], "give one script"),
        (["plan", "."], "give one script, such as train.py"),
        (["schema", "repot"], 'did you mean "report"'),
        (["schema", "report", "plan"], "unexpected argument plan"),
        (["mcp", "train.py"], "unexpected argument train.py"),
    ],
)
def test_usage_errors_name_the_remedy(
    argv: list[str], remedy: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("error: ")
    assert remedy in captured.err


def test_unknown_settings_are_exit_2(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "nl2sql-review.toml").write_text("selct = []\n", encoding="utf-8")
    assert cli.main(["train.py"]) == 2
    assert "select" in capsys.readouterr().err
    assert cli.main(["--isolated", "--select", "lora/rank", "train.py"]) == 1


def test_a_fault_of_ours_is_exit_2_without_a_traceback(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inputs, "paths", lambda *_: 1 / 0)
    assert cli.main(["train.py"]) == 2
    assert "division by zero" in capsys.readouterr().err


def test_a_rule_that_crashes_is_in_every_format_and_the_others_still_run(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nl2sql_review.judgement import verdict

    real = verdict.rule_on
    monkeypatch.setattr(
        verdict, "rule_on", lambda head, plan: 1 / 0 if "lora.alpha" in head.facts else real(head, plan)
    )
    options = ("--no-cache", "--select", "lora/rank,lora/alpha", "train.py")
    for name in FORMATS:
        assert cli.main(["--output-format", name, *options]) == 2
        captured = capsys.readouterr()
        assert "rule lora/alpha failed on train.py: ZeroDivisionError" in captured.err
        assert "internal" in captured.out or name in ("gitlab", "rdjson", "sarif"), name
        assert "lora/alpha" in captured.out or name in ("text", "concise", "statistics"), name
        assert "lora/rank" in captured.out, name
    assert cli.main(["--output-format", "sarif", *options]) == 2
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert [result["ruleId"] for result in run["results"]] == ["lora/rank"]


# Input


def test_standard_input(project: Path) -> None:
    done = run("-", "--stdin-filename", "src/train.py", "--select", "lora/rank", input=BAD)
    assert done.returncode == 1 and "--> src/train.py:5:" in done.stdout and "RANK = 64" in done.stdout


def test_a_file_called_like_a_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "rule").mkdir()
    (project / "rule" / "train.py").write_text(BAD, encoding="utf-8")
    assert cli.main(["./rule", "--select", "lora/rank"]) == 1
    assert cli.main(["review", "rule", "--select", "lora/rank"]) == 1


def test_options_and_paths_in_any_order(project: Path) -> None:
    (project / "-odd.py").write_text(BAD, encoding="utf-8")
    assert cli.main(["train.py", "-q", "setup.py", "--select=lora/rank"]) == 1
    assert cli.main(["--select", "lora/rank", "--", "-odd.py"]) == 1


# Output


def test_json_goes_alone_to_standard_output(project: Path) -> None:
    done = run("--output-format", "json", ".")
    report = json.loads(done.stdout)
    assert report["version"] == 1 and {f["status"] for f in report["files"]} == {"reviewed", "skipped"}


def test_concise_lines_are_places(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["--output-format", "concise", "-q", "--select", "lora/rank", "train.py"])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("train.py:5:51: error[lora/rank] ") or line.startswith("train.py:5:49: error[lora/rank] ")


def test_several_formats_in_one_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formats = ("text", "sarif=review.sarif", "junit=out.xml", "json=report.json")
    argv = [word for name in formats for word in ("--output-format", name)]
    assert cli.main([*argv, "--select", "lora/rank", "train.py"]) == 1
    assert "error[lora/rank]" in capsys.readouterr().out
    (result,) = json.loads((project / "review.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert result["ruleId"] == "lora/rank" and result["partialFingerprints"]
    assert "lora/rank" in (project / "out.xml").read_text(encoding="utf-8")
    assert findings((project / "report.json").read_text(encoding="utf-8")) == ["lora/rank"]
    assert cli.main(["--output-format", "sarif=review.sarif", "--select", "lora/rank", "train.py"]) == 1
    assert capsys.readouterr().out == ""  # what goes into a file is not printed as well


def test_output_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--output-format", "github", "--output-file", "out.txt", "--select", "lora/rank", "train.py"]) == 1
    assert (project / "out.txt").read_text(encoding="utf-8").startswith("::error file=train.py,line=5,")
    assert cli.main(["--output-file", "out.txt", "--select", "lora/rank", "train.py"]) == 1
    assert (project / "out.txt").read_text(encoding="utf-8").startswith("train.py: 1 departure from policy")
    assert capsys.readouterr().out == ""


def test_a_file_is_written_whole_or_not_at_all(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "locked").mkdir()
    (project / "review.json").write_text("before", encoding="utf-8")
    for target in ("locked", "nowhere/review.sarif"):
        assert cli.main(["--no-cache", "--output-format", f"sarif={target}", "train.py"]) == 2
        error = capsys.readouterr().err
        assert target in error and "cannot be written" in error
    assert sorted(path.name for path in project.rglob("*")) == ["locked", "review.json", "setup.py", "train.py"]


def test_of_several_files_all_are_written_or_none(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    formats = ("text", "sarif=review.sarif", "junit=nowhere/out.xml")
    assert cli.main([*(word for name in formats for word in ("--output-format", name)), "train.py"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "nowhere/out.xml cannot be written" in captured.err
    assert sorted(path.name for path in project.iterdir() if path.is_file()) == ["setup.py", "train.py"]


@pytest.mark.parametrize("target", ["train.py", "./sub/../link.py"])
def test_a_report_never_takes_the_place_of_a_script(target: str, project: Path, capsys) -> None:
    (project / "sub").mkdir()
    (project / "link.py").symlink_to("train.py")
    assert cli.main(["--output-format", f"sarif={target}", "."]) == 2
    assert f"{target} is reviewed" in capsys.readouterr().err
    assert (project / "train.py").read_text(encoding="utf-8") == BAD


def test_a_report_goes_where_a_link_leads(project: Path) -> None:
    (project / "review.txt").symlink_to("real.txt")
    (project / "real.txt").write_text("before", encoding="utf-8")
    assert cli.main(["--output-file", "review.txt", "--select", "lora/rank", "train.py"]) == 1
    assert (project / "review.txt").is_symlink() and "lora/rank" in (project / "real.txt").read_text(encoding="utf-8")


def test_paths_are_those_of_the_repository(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".git").mkdir()
    (project / "sub").mkdir()
    os.chdir(project / "sub")
    cli.main(["--output-format", "github", "--select", "lora/rank", "../train.py"])
    assert capsys.readouterr().out.startswith("::error file=train.py,")
    cli.main(["--output-format", "concise", "--select", "lora/rank", "../train.py"])
    assert capsys.readouterr().out.startswith("../train.py:5:")


def test_unknown_items_are_in_every_format_where_they_count(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = BAD.replace("RANK = 64", "import sys\nRANK = int(sys.argv[1])")
    (project / "train.py").write_text(script, encoding="utf-8")
    for name, form in FORMATS.items():
        assert cli.main(["--select", "lora/rank", "--fail-on-unknown", "--output-format", name, "train.py"]) == 1
        out = capsys.readouterr().out
        assert "lora/rank" in out or "rank " in out, name
        assert ("sys.argv" in out) is form.carries_reasons, name
    (project / "nl2sql-review.toml").write_text("fail-on-unknown = true\n", encoding="utf-8")
    assert cli.main(["--select", "lora/rank", "--output-format", "concise", "train.py"]) == 1
    assert "unknown[lora/rank]" in capsys.readouterr().out


def test_colours(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def colored(*argv: str, **environment: str) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            cli.main([*argv, "--select", "lora/rank", "train.py"])
        return "\x1b[" in capsys.readouterr().out

    assert not colored()
    assert colored("--color", "always")
    assert colored("--color", "always", NO_COLOR="1")
    assert colored(FORCE_COLOR="1")
    assert not colored(FORCE_COLOR="1", NO_COLOR="1")
    assert not colored("--color", "never", FORCE_COLOR="1")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_consoles_that_lack_our_characters(project: Path, encoding: str) -> None:
    (project / "tränen.py").write_text(BAD + "# 漢字\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "nl2sql_review", "."],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1 and b"lora/rank" in done.stdout
    assert "Traceback" not in done.stdout.decode(encoding) + done.stderr.decode(encoding)


def test_a_reader_that_goes_away_is_no_error(project: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "nl2sql_review", "--output-format", "json", "."],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(120) == 1


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_an_interrupt_is_exit_130(project: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "nl2sql_review", "-"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write("#" * 100_000)  # more than a pipe holds: then it reads
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130 and error == "error: interrupted\n"


# Commands


def test_rule_lists_and_explains(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rule"]) == 0
    listed = capsys.readouterr().out
    assert "lora/rank" in listed
    assert cli.main(["rule", "lora/rank"]) == 0
    page = capsys.readouterr().out
    assert "# LoRA rank is not 16" in page and "is found" in page
    assert cli.main(["rule", "lora/rank", "--color", "always"]) == 0
    assert "\x1b[" in capsys.readouterr().out
    assert cli.main(["rule", "lora/rank", "--output-format", "json"]) == 0
    (rule,) = json.loads(capsys.readouterr().out)
    assert rule["rule"] == "lora/rank" and rule["facts"] == ["lora.r"]


def test_show_settings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--show-settings", "--gpu", "T4", "--select", "lora,prompt/eos", "train.py"]) == 0
    out = capsys.readouterr().out
    assert "T4" in out and "prompt/eos" in out and "command line" in out


@pytest.mark.parametrize("name", ["report", "plan", "memory", "evaluation", "diff", "settings", "baseline"])
def test_committed_schemas_are_the_generated_ones(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", name]) == 0
    path = ROOT / "docs" / f"{name}.schema.json"
    assert path.read_text(encoding="utf-8") == capsys.readouterr().out, f"nl2sql-review schema {name} > {path}"


def test_version_and_help_import_nothing_heavy() -> None:
    assert run("--version").stdout == f"nl2sql-review {__version__}\n"
    told = run("--version", "-v").stdout
    assert told.startswith(f"nl2sql-review {__version__}\n") and "axolotl 0.21" in told and dates.read_on() in told
    program = (
        "import sys\nfrom nl2sql_review.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted(set(sys.modules) & {'rich', 'libcst', 'pydantic', 'yaml', 'importlib.metadata', 'typing', "
        "'dataclasses'}))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("command", ["", *program.COMMANDS])
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main([*command.split(), "--help"])
    assert stop.value.code == 0
    assert "usage: nl2sql-review" in capsys.readouterr().out


def test_main_takes_sys_argv(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["nl2sql-review", "rule", "lora"])
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert cli.main() == 0
    assert "lora/rank" in capsys.readouterr().out


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_no_fault_of_ours() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nl2sql_review", "schema", "report"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 2
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


@pytest.mark.skipif(os.name == "nt", reason="a POSIX shell")
def test_a_stream_that_is_closed() -> None:
    """Standard output is needed; standard error only by those who have something to say there."""
    command = f"{sys.executable} -m nl2sql_review schema report"
    done = subprocess.run(f"{command} >&-", shell=True, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (2, "error: standard output is closed\n")
    assert subprocess.run(f"{command} 2>&-", shell=True, stdout=subprocess.PIPE).returncode == 0


# Watching


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_watch_reviews_again_when_what_it_rests_on_changes(project: Path) -> None:
    (project / "train.py").write_text(BAD.replace("RANK = 64", "from settings import RANK"), encoding="utf-8")
    (project / "settings.py").write_text("RANK = 64\n", encoding="utf-8")
    output = project / "out.txt"
    with output.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "nl2sql_review", "--watch", "--select", "lora/rank",
             "--output-format", "concise", "train.py"],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=stream, stderr=subprocess.STDOUT,
        )  # fmt: skip

        def wait_for(text: str) -> None:
            deadline = time.monotonic() + 60
            while text not in (said := output.read_text(encoding="utf-8")) or not said.endswith("to stop\n"):
                assert process.poll() is None and time.monotonic() < deadline, said
                time.sleep(0.05)

        try:
            wait_for("] r=64")
            (project / "settings.py").write_text("RANK = 32\n", encoding="utf-8")  # a module that it imports
            wait_for("] r=32")
            (project / "nl2sql-review.toml").write_text("selct = 1\n", encoding="utf-8")
            wait_for("unknown key")
            (project / "nl2sql-review.toml").write_text('"lora/rank" = { equals = 32 }\n', encoding="utf-8")
            wait_for("no findings")
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_statistics(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "other.py").write_text(BAD.replace("64", "32"), encoding="utf-8")
    (project / "third.py").write_text(BAD.replace("RANK)", "RANK)  # nl2sql: ignore[lora/rank] why"), encoding="utf-8")
    assert cli.main(["--statistics", "--select", "lora/rank,lora/alpha", "."]) == 1
    head, *rows, last = capsys.readouterr().out.splitlines()
    assert head.split() == ["found", "unknown", "suppressed", "rule"]
    assert [row.split()[:3] for row in rows] == [["2", "1", "lora/rank"]]
    assert rows[0].endswith("LoRA rank is not 16") and "3 files reviewed" in last
    assert cli.main(["--statistics", "--output-format", "text", "."]) == 2
    assert "one format" in capsys.readouterr().err
    assert cli.main(["--statistics", "--output-format", "json=all.json", "."]) == 1
    assert len(findings((project / "all.json").read_text(encoding="utf-8"))) == 3  # one of them suppressed
