"""Versions that are installed together: every kind of file that states them, and what a conflict is."""

from __future__ import annotations

import pytest

from nl2sql_review.libraries import changes, dates, declared, project_files, refresh, requirements
from nl2sql_review.libraries.project_files import Broken, groups
from nl2sql_review.libraries.requirements import Requirement, disjoint, incompatible
from nl2sql_review.run.reviewer import Reviewer

CODE = 'from trl import SFTConfig\nargs = SFTConfig(output_dir="models/nl2sql")\n'
# file, its text with the two versions as `{a}` and `{b}`
FILES = {
    "requirements.txt": "unsloth=={a}\ntrl=={b}  # pinned\n",
    "pyproject.toml": '[project]\nname = "p"\nversion = "1"\ndependencies = ["unsloth=={a}", "trl=={b}"]\n',
    "poetry/pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.11"\nunsloth = "{a}"\n'
    'trl = {{version = "{b}"}}\n',
    "uv/pyproject.toml": '[project]\nname = "p"\ndependencies = ["unsloth=={a}"]\n'
    '[tool.uv]\ndev-dependencies = ["trl=={b}"]\n',
    "Pipfile": '[packages]\nunsloth = "=={a}"\n[dev-packages]\ntrl = "=={b}"\n',
    "setup.cfg": "[options]\ninstall_requires =\n    unsloth=={a}\n    trl=={b}\n",
    "setup.py": 'from setuptools import setup\nNEEDS = ["unsloth=={a}", "trl=={b}"]\nsetup(install_requires=NEEDS)\n',
    "pylock.toml": '[[packages]]\nname = "unsloth"\nversion = "{a}"\n[[packages]]\nname = "trl"\nversion = "{b}"\n',
    "uv.lock": '[[package]]\nname = "unsloth"\nversion = "{a}"\n[[package]]\nname = "trl"\nversion = "{b}"\n',
    "environment.yml": "{{name: x, dependencies: [python=3.12, pip, {{pip: [unsloth=={a}, 'trl=={b}']}}]}}\n",
    "Dockerfile": "FROM python:3.12-slim\nRUN apt-get update && \\\n  pip install -q unsloth=={a} \\\n  trl=={b}\n",
    "install.sh": "set -e\nuv pip install 'unsloth=={a}' trl=={b}\n",
}


def judged(tmp_path, code=CODE):
    script = tmp_path / "train.py"
    script.write_text(code, encoding="utf-8")
    file, _ = Reviewer(isolated=True).source(code.encode(), str(script))
    (item,) = [i for i in file.checklist if i.rule == "api/incompatible-versions"]
    return item, [f.message for f in file.findings if f.rule == "api/incompatible-versions"]


@pytest.mark.parametrize("name", FILES)
def test_every_file_that_states_versions_is_judged(name, tmp_path):
    path = tmp_path / name.rpartition("/")[2]
    path.write_text(FILES[name].format(a="2026.10.9", b="1.16.0"), encoding="utf-8")
    item, (message,) = judged(tmp_path)
    assert item.verdict == "fail" and "unsloth 2026.10.9 requires trl" in message and path.name in message
    assert "unsloth==2026.10.9, trl==1.15.0 would be compatible" in message
    path.write_text(FILES[name].format(a="2026.10.9", b="1.15.0"), encoding="utf-8")
    assert judged(tmp_path)[0].verdict == "pass"
    stated, _ = declared.in_project(str(tmp_path), str(tmp_path))
    assert {s.library: s.specifier for s in stated}["trl"].lstrip("=") == "1.15.0", "and the API facts go by it"


@pytest.mark.parametrize(
    "name, text",
    [
        ("requirements.txt", 'unsloth==2026.10.9\ntrl==1.16.0; sys_platform == "darwin"\n'),
        ("requirements.txt", "unsloth\ntrl==1.16.0\n"),  # an older Unsloth would do
        ("environment.yml", "{dependencies: [trl=1.16.0, pip, {pip: [unsloth==2026.10.9]}]}\n"),  # pip replaces conda's
        ("environment.yml", "{dependencies: [trl=1.16.0, pip, {pip: [trl==1.15.0, unsloth==2026.10.9]}]}\n"),
        ("install.sh", "pip install unsloth==2026.10.9\npip install trl==1.16.0\n"),  # each by itself
        ("install.sh", "pip install --no-deps unsloth==2026.10.9 trl==1.16.0\n"),
        ("install.sh", "# pip install unsloth==2026.10.9 trl==1.16.0\n"),
        ("install.sh", "pip install unsloth==2026.10.9 trl>=1.16.0\n"),  # of which pip gets `trl`
        ("pyproject.toml", '[project.optional-dependencies]\na = ["unsloth==2026.10.9"]\nb = ["trl==1.16.0"]\n'),
        (
            "pyproject.toml",
            '[project]\ndependencies = ["unsloth==2026.10.9", "trl==1.16.0"]\n'
            '[tool.uv]\noverride-dependencies = ["trl==1.16.0"]\n',
        ),
    ],
)
def test_what_an_installer_may_accept_is_no_finding(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert judged(tmp_path)[0].verdict in ("pass", "not-applicable")


def test_of_what_conda_and_pip_install_the_api_facts_go_by_pip(tmp_path):
    path = tmp_path / "environment.yml"
    path.write_text("dependencies:\n  - transformers=4.30.2\n  - pip:\n    - transformers==4.44.2\n")
    stated, _ = declared.in_project(str(tmp_path), str(tmp_path))
    assert [s.specifier for s in stated if s.library == "transformers"] == ["==4.44.2"]


@pytest.mark.parametrize(
    "name, before, elsewhere, index",
    [
        (
            "uv.lock",
            "[[package]]",
            'source = { git = "https://github.com/unslothai/unsloth.git#22e6d64" }',
            'source = { registry = "https://pypi.org/simple" }',
        ),
        (
            "uv.lock",
            "[[package]]",
            'source = { url = "https://x.org/unsloth.whl" }',
            'wheels = [{ url = "https://x" }]',
        ),
        (
            "poetry.lock",
            "[[package]]",
            '[package.source]\ntype = "git"\nurl = "https://github.com/unslothai/unsloth.git"',
            '[package.source]\ntype = "legacy"\nurl = "https://mirror.org/simple"',
        ),
        ("pdm.lock", "[[package]]", 'git = "https://github.com/unslothai/unsloth.git"', 'summary = "git"'),
        ("pylock.toml", "[[packages]]", 'vcs = {type = "git", url = "https://x"}', 'index = "https://pypi.org/simple"'),
    ],
)
def test_a_commit_in_a_lock_has_requirements_of_its_own(name, before, elsewhere, index, tmp_path):
    """The lock was resolved with what that commit requires, not with what the release of the same number does."""
    trl = f'{before}\nname = "trl"\nversion = "1.16.0"\n'
    for source, conflicts in ((elsewhere, False), (index, True)):
        unsloth = f'{before}\nname = "unsloth"\nversion = "2026.10.9"\n{source}\n'
        (tmp_path / name).write_text(f"{unsloth}\n{trl}", encoding="utf-8")
        assert (judged(tmp_path)[0].verdict == "fail") is conflicts, source
        stated, _ = declared.in_project(str(tmp_path), str(tmp_path))
        specifiers = {one.library: one.specifier for one in stated}
        assert specifiers["trl"] == "==1.16.0"
        if conflicts or name.endswith(".lock"):
            assert specifiers["unsloth"] == ("==2026.10.9" if conflicts else declared.UNREADABLE)


def test_a_requirements_file_holds_with_those_it_includes(tmp_path):
    (tmp_path / "base.txt").write_text("unsloth==2026.10.9\n-r requirements.txt\n", encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("-r base.txt\ntrl==1.16.0\n", encoding="utf-8")
    assert judged(tmp_path)[0].verdict == "fail"


@pytest.mark.parametrize(
    "name, text, where",
    [
        ("pyproject.toml", '[project\nname = "p"\n', "pyproject.toml cannot be parsed"),
        ("environment.yml", "dependencies: [a, {pip: [trl]\n", "environment.yml:2 cannot be parsed as YAML"),
        ("setup.py", "setup(install_requires=[\n", "setup.py:1 cannot be parsed as Python"),
        ("setup.cfg", "install_requires = trl\n", "setup.cfg cannot be parsed"),
        ("Pipfile", "[packages]\ntrl = \n", "Pipfile cannot be parsed"),
    ],
)
def test_a_file_that_cannot_be_parsed_is_said(name, text, where, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    item, _ = judged(tmp_path)
    assert item.verdict == "unknown" and where in item.reason
    with pytest.raises(Broken):
        groups(name, text)


def test_a_tree_without_git_is_searched_up_to_where_its_requirements_stand(tmp_path):
    script = tmp_path / "src" / "train" / "sft.py"
    script.parent.mkdir(parents=True)
    code = CODE.replace('"models/nl2sql"', '"models/nl2sql", max_seq_length=1024')
    script.write_text(code, encoding="utf-8")

    def removed():
        file, _ = Reviewer(isolated=True).source(code.encode(), str(script))
        return [f.message for f in file.findings if f.rule == "api/removed-argument"]

    assert "is assumed" in removed()[0]
    (tmp_path / "requirements.txt").write_text("transformers==4.46.3\ntrl==0.12.1\n", encoding="utf-8")
    assert removed() == []
    (tmp_path / "requirements.txt").write_text("trl==0.24.0\n", encoding="utf-8")
    assert "requirements.txt:1" in removed()[0]


def test_a_pinned_release_brings_its_own_pins_along():
    stated = [Requirement("axolotl", "==0.21.0", "r:1"), Requirement("unsloth", "==2026.10.9", "r:2")]
    told = {one.one.library: str(one.one) + str(one.other) for one in incompatible(stated)}
    assert "axolotl 0.21.0 requires transformers==5.20.1" in told["transformers"] and "<=5.17.0" in told["transformers"]


def test_the_stated_python_is_held_against_each_release(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM python:3.11-slim\nRUN pip install axolotl==0.21.0\n", encoding="utf-8")
    assert "axolotl 0.21.0 requires python>=3.12" in judged(tmp_path)[1][0]
    (tmp_path / "Dockerfile").write_text("FROM python:3.12-slim\nRUN pip install axolotl==0.21.0\n", encoding="utf-8")
    assert judged(tmp_path)[0].verdict == "pass"


@pytest.mark.parametrize(
    "one, other, expected",
    [
        ("<=1.15.0", "==1.16.0", True),
        (">=2,<3", "<2", True),
        (">1.0rc1", "<1.0.1", False),  # 1.0
        (">1.0", "<1.0.2", False),
        (">=1.14.3,<1.15", "~=1.14.0", False),
        ("==5.0.*", "!=5.0", False),
        ("<5", "", False),
        (">=5", "latest", False),  # cannot be read
    ],
)
def test_what_has_no_version_in_common(one, other, expected):
    assert disjoint(one, other) is expected is disjoint(other, one)


def test_a_set_that_is_named_holds():
    for version in requirements.known("trl"):
        stated = [Requirement("unsloth", "==2026.10.9", "a"), Requirement("trl", f"=={version}", "b")]
        for conflict in incompatible(stated):
            again = [Requirement(library, f"=={v}", "c") for library, v in conflict.holds]
            assert conflict.holds and not incompatible(again)


def test_the_tables_are_small_and_say_where_they_are_from():
    kept = [requirements.FILE, *requirements.FILE.parent.glob("*.json")]
    kept += (requirements.FILE.parent.parent / "flavours" / "keys").glob("*.json")
    assert sum(path.stat().st_size for path in set(kept)) <= 400_000
    for library in ("unsloth", "trl", "transformers", "peft", "axolotl", "llamafactory"):
        assert requirements.known(library)[-1] == requirements.released(library)[0]
    assert project_files.requirement("git+https://github.com/huggingface/trl", "x") is None


def test_what_every_release_of_a_range_requires_counts():
    stated = [Requirement("unsloth", "==2026.10.9", "a"), Requirement("huggingface_hub", ">=2.4", "b")]
    (found,) = incompatible(stated)
    assert found.sentence.startswith(
        "transformers 5.17.0 (the newest that unsloth 2026.10.9 allows) requires huggingface_hub<2.0,>=1.5.0, "
        "b states huggingface_hub>=2.4: no installer accepts both"
    )
    assert not incompatible([stated[0], Requirement("huggingface_hub", ">=1.5", "b")])
    assert not incompatible([Requirement("unsloth", "==2026.10.9", "a"), Requirement("huggingface_hub", "<1", "b")])
    unbounded = [Requirement("transformers", ">=4.40", "a"), Requirement("huggingface_hub", ">=2.4", "b")]
    assert not incompatible(unbounded), "a later release may take it"


def test_what_holds_but_on_macos_says_so():
    stated = [Requirement("unsloth_zoo", "==2026.10.9", "a"), Requirement("torch", "==2.15.0", "b")]
    (found,) = incompatible(stated)
    assert found.sentence.startswith("unsloth_zoo 2026.10.9 (but on macOS) requires torch<2.15.0,>=2.4.0, b states")


def test_a_refresh_says_what_changed_and_what_is_old():
    old = {"callables": {"T": {"parameters": {"a": "1", "b": "2"}}, "Gone": {"parameters": {}}}}
    new = {"callables": {"T": {"parameters": {"b": "3", "c": "None"}}}}
    before = changes.State({"trl": {"1.0.0": old}}, {}, {"axolotl": ("axolotl 1", {"a", "b"})})
    after = changes.State({"trl": {"1.0.0": old, "1.1.0": new}}, {}, {"axolotl": ("axolotl 2", {"b", "c"})})
    assert list(changes.between(before, after)) == [
        "trl 1.1.0 is known; T: new: `c`; gone: `a`, `b=2` is 3; gone: `Gone`",
        "Keys of axolotl 2 (axolotl); new: `c`; gone: `a`",
    ]
    assert not list(changes.between(after, after))
    anew = changes.State({"trl": {"1.0.0": {"callables": {"T": old["callables"]["T"]}}}})
    assert list(changes.between(before, anew)) == ["trl 1.0.0: now read differently: `Gone`"]
    told = list(refresh.newer({"trl": ["99.0"]}))
    assert told and all(line.startswith("trl 99.0 is released; ") for line in told)


def test_the_dates_are_those_of_the_tables():
    for library, version in dates.releases().items():
        assert requirements.known(library)[-1] == version


def test_only_what_holds_on_every_machine_is_kept():
    said = ["trl<=1.15.0,>=0.18.2", "Peft (>=0.18)", "torch>=2.4; sys_platform != 'darwin'", "trl!=0.19.0", "rich"]
    said += ["datasets>=4; python_version < '3.11'", "vllm==0.9; extra == 'vllm'"]
    said += ["accelerate>=1; python_version > '3.1'"]
    kept = refresh.unconditional({"requires_python": ">=3.11", "requires_dist": said})
    assert kept.pop(requirements.BUT_MACOS) == {"torch": ">=2.4"}
    assert kept == {"python": ">=3.11", "trl": "<=1.15.0,>=0.18.2,!=0.19.0", "peft": ">=0.18", "accelerate": ">=1"}


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("transformers>=4.36\nhuggingface_hub==1.19.0\n", "and the versions of the other libraries allow, 5.0 to "),
        ("transformers>=5.9\ntrl==1.10.0\n", "(requirements.txt:1) allows, 5."),
    ],
)
def test_what_narrows_a_requirement_is_said(stated, said, tmp_path):
    """The requirement alone allows transformers 4, which still has the argument: another library's pin rules it out."""
    (tmp_path / "requirements.txt").write_text(stated, encoding="utf-8")
    code = (
        'from transformers import TrainingArguments\na = TrainingArguments(output_dir="o", overwrite_output_dir=True)\n'
    )
    file, _ = Reviewer(isolated=True).source(code.encode(), str(tmp_path / "train.py"))
    (message,) = [f.message for f in file.findings if f.rule == "api/removed-argument"]
    assert said in message


def test_of_a_long_list_only_what_is_concerned_is_told(tmp_path):
    rest = "".join(f"other{n}==1.{n}\n" for n in range(30))
    (tmp_path / "requirements.txt").write_text(f"{rest}unsloth==2026.10.9\ntrl==1.16.0\n", encoding="utf-8")
    _, (message,) = judged(tmp_path)
    assert message.endswith("; unsloth==2026.10.9, trl==1.15.0 would be compatible")
