"""API facts: the stored signatures, what requirements allow, which versions a script runs on, and what stays silent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nl2sql_review.judgement.judge import judge
from nl2sql_review.libraries import build, chosen, declared, store, tables, wheels
from nl2sql_review.libraries.declared import Statement
from nl2sql_review.libraries.replacements import ARGUMENTS, IMPORTS
from nl2sql_review.libraries.versions import allows, between, clauses, is_exact, key_of
from nl2sql_review.policy.settings import Settings, SettingsError, from_data
from nl2sql_review.run.reviewer import Reviewer
from nl2sql_review.source import Source

# -- the store ---------------------------------------------------------------------------------------------------


def test_the_store_is_small_and_knows_its_libraries():
    files = [*store.FILE.parent.glob("*.json"), *(store.FILE.parent.parent / "flavours" / "keys").glob("*.json")]
    assert sum(file.stat().st_size for file in files) <= 400_000
    counts = {library: len(store.versions(library)) for library in store.libraries()}
    assert counts["trl"] >= 49 and counts["transformers"] >= 40 and counts["peft"] >= 12 and counts["unsloth"] >= 10
    for library in counts:
        assert list(store.versions(library)) == sorted(store.versions(library), key=key_of)


def test_it_is_not_read_before_it_is_asked():
    code = (
        "import nl2sql_review.run.reviewer, nl2sql_review.readers.api; from nl2sql_review.libraries import store; "
        "print(store._stored.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "0"


@pytest.mark.parametrize(
    ("library", "callable", "version", "accepted", "refused"),
    [
        ("trl", "SFTTrainer", "0.8.6", ("tokenizer", "max_seq_length", "packing"), ("processing_class",)),
        (
            "trl",
            "SFTTrainer",
            "0.12.0",
            ("tokenizer", "processing_class", "max_seq_length"),
            ("train_on_responses_only",),
        ),
        ("trl", "SFTTrainer", "0.15.2", ("tokenizer", "processing_class"), ("max_seq_length", "packing")),
        ("trl", "SFTTrainer", "0.16.0", ("processing_class",), ("tokenizer",)),
        ("trl", "SFTConfig", "0.19.0", ("max_length", "max_seq_length", "learning_rate"), ("use_liger",)),
        ("trl", "SFTConfig", "1.16.0", ("max_length", "warmup_steps"), ("max_seq_length", "warmup_ratio")),
        ("transformers", "TrainingArguments", "4.40.0", ("evaluation_strategy", "warmup_ratio"), ("eval_strategy",)),
        (
            "transformers",
            "TrainingArguments",
            "4.46.0",
            ("evaluation_strategy", "eval_strategy"),
            ("activation_checkpointing",),
        ),
        ("transformers", "TrainingArguments", "5.15.0", ("eval_strategy",), ("warmup_ratio", "logging_dir")),
        ("transformers", "Seq2SeqTrainingArguments", "4.40.0", ("predict_with_generate", "warmup_ratio"), ("bogus",)),
        ("peft", "LoraConfig", "0.21.2", ("r", "task_type", "use_rslora"), ("lora_aplha",)),
    ],
)
def test_signatures(library, callable, version, accepted, refused):
    installed = {"transformers": "5.23.0", library: version}
    if version < "1" and library == "trl":
        installed["transformers"] = "4.46.0"
    found = store.whole(library, callable, installed)
    assert [n for n in accepted if not found.accepts(n)] == [] and [n for n in refused if found.accepts(n)] == []


def test_defaults():
    assert store.signature("transformers", "TrainingArguments", "4.46.0").default("report_to") is None
    assert store.signature("transformers", "TrainingArguments", "5.0.0").default("report_to") == "none"
    assert store.signature("trl", "SFTConfig", "1.16.0").default("max_length") == 1024
    with pytest.raises(KeyError):
        store.signature("transformers", "TrainingArguments", "5.23.0").default("optim")
    assert store.signature("trl", "SFTConfig", "0.0.1") is None


def test_what_replaces_an_argument_is_about_arguments_that_exist():
    for callable, changes in ARGUMENTS.items():
        library, _, name = callable.partition(".")
        from nl2sql_review.libraries.store import owners

        known = {n for owner in owners(library, name) for n in store.ever(*owner)}
        assert set(changes) <= known, callable
    for path in IMPORTS:
        library, _, name = path.partition(".")
        assert store.exported(library, name) or store.exported(library, f"trainer.{name}"), path


def test_a_name_that_moved_into_a_model_is_still_there():
    assert store.exported("transformers", "BitNetConfig")[-1] == store.newest("transformers")
    assert "4.57.6" in store.exported("transformers", "MambaCache")


@pytest.mark.parametrize("version", store.versions("trl")[-30:])
def test_a_configuration_of_every_release_takes_what_its_bases_take(version):
    found = store.whole("trl", "SFTConfig", {"trl": version, "transformers": store.newest("transformers")})
    assert found is not None and found.accepts("per_device_train_batch_size") and not found.accepts("rate_of_learning")


BESIDE = """\
from torch.utils.data import DataLoader
from datasets import load_dataset
from huggingface_hub import HfApi, create_repo, login
from transformers import AutoModelForCausalLM, Trainer, TrainingArguments
rows = load_dataset("json", data_files="a.jsonl", split="train", trust_remote_code=True)
{line}
model = AutoModelForCausalLM.from_pretrained("m")
Trainer(model=model, args=TrainingArguments("models/o"), train_dataset=rows).train()
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("DataLoader(rows, batch_size=4, prefetch_factor=2)", ""),
        ("DataLoader(rows, batchsize=4)", "DataLoader has no batchsize=: TypeError"),
        ("rows.map(print, num_proc=4, load_from_cache_file=False)", ""),
        ("rows.map(print, num_procs=4)", "Dataset.map has no num_procs=: TypeError"),
        ("rows.to_csv('a.csv', whatever=1)", ""),  # which is not known
        ("create_repo('x', proxies=None)", ""),  # taken out of the call, with a warning
        ("create_repo('x', use_auth_token=True)", "create_repo has no use_auth_token="),
        ("HfApi().upload_folder(folder_path='x', repo_id='y', token='z')", ""),
        ("HfApi().upload_folder(folder='x', repo_id='y')", "HfApi.upload_folder has no folder=: TypeError"),
        ("login(token='x', new_session=False)", "login has no new_session="),
    ],
)
def test_calls_of_the_libraries_beside_are_judged(line, words, tmp_path):
    report, _ = Reviewer(isolated=True).source(BESIDE.format(line=line).encode(), str(tmp_path / "train.py"))
    found = [f.message for f in report.findings if f.rule in ("api/unknown-argument", "api/removed-argument")]
    assert [message for message in found if words and message.startswith(words)] == found and bool(found) == bool(words)


def test_a_version_beyond_the_tables_is_said_once_and_not_judged(tmp_path):
    metadata = '# /// script\n# dependencies = ["transformers==4.0.1", "torch==1.0", "huggingface_hub==0.1"]\n# ///\n'
    path = str(tmp_path / "train.py")
    report, _ = Reviewer(isolated=True).source((metadata + BESIDE.format(line="login(strange=1)")).encode(), path)
    assert [note.partition(":")[0] for note in report.notes] == [
        "transformers 4.0.1 (script metadata) is older than the tables know",
        "huggingface_hub 0.1 (script metadata) is older than the tables know",
    ]
    assert not [f for f in report.findings if f.rule == "api/unknown-argument"]
    assert not Reviewer(isolated=True).source(BESIDE.format(line="").encode(), path)[0].notes


def test_packing_loses_nothing():
    stored = json.loads(store.FILE.read_text(encoding="utf-8"))
    assert tables.packed(tables.unpacked(stored)) == stored


@pytest.mark.network
@pytest.mark.parametrize("release", ["trl==0.12.0", "transformers==5.15.0", "peft==0.17.0"])
def test_the_store_equals_the_released_wheels(release, tmp_path):
    library, _, version = release.partition("==")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "-q",
        "--only-binary",
        ":all:",
        "-d",
        str(tmp_path),
        release,
    ]
    subprocess.run(command, check=True)  # whoever asks for these tests has a network
    (wheel,) = tmp_path.glob("*.whl")
    with wheels.opened(wheel) as opened:
        fresh = build.read_wheel(opened, library)
    made = tables.unpacked(tables.packed({library: {version: fresh}}))[library][version]
    stored = tables.unpacked(json.loads(store.FILE.read_text(encoding="utf-8")))[library][version]
    assert stored["callables"] == made["callables"] and stored["requires"] == fresh["requires"]
    assert set(stored["exports"]) <= {*fresh["exports"], *fresh["models"]}
    assert set(made["exports"]) <= set(stored["exports"])


# -- versions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("specifier", "inside", "outside"),
    [
        ("==0.12.0", ("0.12", "0.12.0"), ("0.12.1",)),
        ("==0.12.*", ("0.12.0", "0.12.2"), ("0.13.0",)),
        (">=0.9,<0.20", ("0.9.0", "0.19.1"), ("0.8.6", "0.20.0")),
        ("~=4.41.0", ("4.41.2",), ("4.42.0",)),
        ("~=4.41", ("4.41.2", "4.57.6"), ("5.0.0",)),
        ("^0.12", ("0.12.2",), ("0.13.0",)),
        ("^4.41.0", ("4.57.6",), ("5.0.0",)),
        ("!=0.12.0", ("0.11.4",), ("0.12.0",)),
        ("", ("0.1", "9"), ()),
        (">1.0rc1", ("1.0",), ("1.0rc1", "1.0.dev3")),
    ],
)
def test_what_a_requirement_allows(specifier, inside, outside):
    assert all(allows(specifier, v) for v in inside) and not any(allows(specifier, v) for v in outside)


def test_versions_are_ordered_as_python_orders_them():
    ordered = ["1.0.dev1", "1.0a1", "1.0rc2", "1.0", "1.0.post1", "1.0.1", "1.10", "2024.8"]
    assert sorted(reversed(ordered), key=key_of) == ordered
    assert clauses("not a version at all") is None and is_exact("==1.0") and not is_exact("==1.*")


def test_a_version_between_two_known_ones_stands_for_both():
    assert between("==0.12.1", ("0.12.0", "0.13.0")) == ("0.12.0", "0.13.0")
    assert between("==9.9", ("0.12.0", "0.13.0")) == ("0.13.0",)
    assert between("==0.1", ("0.12.0", "0.13.0")) == ()


@pytest.mark.parametrize(
    ("text", "library", "specifier"),
    [
        ("trl==0.12.0", "trl", "==0.12.0"),
        ("trl[peft] >= 0.12 ; python_version > '3.9'", "trl", ">= 0.12"),
        ("transformers (>=4.40)", "transformers", ">=4.40"),
        ("unsloth[colab-new] @ git+https://github.com/unslothai/unsloth.git", "unsloth", "?"),
        ("git+https://github.com/huggingface/trl.git@main", "trl", "?"),
        ("peft", "peft", ""),
    ],
)
def test_requirements(text, library, specifier):
    assert declared.requirement(text, "x") == Statement(library, specifier, "x")


def test_other_packages_are_none_of_ours():
    for text in ("tensorflow==2.4", "sentence-transformers==2.0", "-r other.txt", "trl-extra==1", ""):
        assert declared.requirement(text, "x") is None


def notebook(*cells):
    data = {
        "nbformat": 4,
        "cells": [{"cell_type": "code", "source": c, "metadata": {}, "outputs": []} for c in cells],
        "metadata": {},
    }
    return Source("train.ipynb", json.dumps(data))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("!pip install trl==0.12.0 transformers", {"trl": "==0.12.0", "transformers": ""}),
        ('%pip install -q --no-deps "trl<0.9.0" peft', {"trl": "<0.9.0", "peft": ""}),
        ("!uv pip install trl==0.12.0", {"trl": "==0.12.0"}),
        ("!python -m pip install -U 'transformers>=4.40,<4.50'", {"transformers": ">=4.40,<4.50"}),
        ("!pip install trl==0.11.0\n!pip install trl==0.12.0", {"trl": "==0.12.0"}),
        ("!pip install trl==0.11.0\n!pip install trl", {"trl": "==0.11.0"}),
        ("!pip install trl==0.11.0\n!pip install -U trl", {"trl": ""}),
        ("# !pip install trl==0.11.0\nx = 1", {}),
        ('!pip install "unsloth[colab-new] @ git+https://github.com/unslothai/unsloth.git"', {"unsloth": "?"}),
        ("!pip install {package}==1.0 rich", {}),
        ("!pip install trl>=0.9 'peft>=0.5' -q > log.txt 2>&1", {"trl": "", "peft": ">=0.5"}),  # the shell takes >=0.9
        ("!pip install trl==0.9.0>log.txt", {"trl": "==0.9.0"}),
        ("!pip install trl>=0.9,<0.13", {"trl": ">=0.9,<0.13"}),  # which fails, but says what is meant
    ],
)
def test_install_lines(cell, expected):
    assert {s.library: s.specifier for s in declared.installed(notebook(cell).magics)} == expected


def cell(text):
    return {"cell_type": "code", "source": text, "metadata": {}, "outputs": [], "execution_count": None}


FILES = {
    "requirements.txt": ("torch\ntrl==0.12.0  # pinned\n--hash=sha256:00\n", "trl", "==0.12.0", "requirements.txt:2"),
    "requirements-train.txt": ("trl>=0.9,<0.13\n", "trl", ">=0.9,<0.13", "requirements-train.txt:1"),
    "pyproject.toml": ('[project]\ndependencies = ["trl>=0.12,<0.20"]\n', "trl", ">=0.12,<0.20", "pyproject.toml"),
    "uv.lock": ('version = 1\n\n[[package]]\nname = "trl"\nversion = "0.15.2"\n', "trl", "==0.15.2", "uv.lock"),
    "poetry.lock": (
        '[[package]]\nname = "transformers"\nversion = "4.46.3"\n',
        "transformers",
        "==4.46.3",
        "poetry.lock",
    ),
    "pdm.lock": ('[[package]]\nname = "transformers"\nversion = "4.46.3"\n', "transformers", "==4.46.3", "pdm.lock"),
    "environment.yml": (
        "dependencies:\n  - conda-forge::peft=0.12\n  - pip:\n    - trl==0.12.0\n",
        "trl",
        "==0.12.0",
        "environment.yml:4",
    ),
    "requirements.ipynb": (
        json.dumps(
            {"cells": [cell("!pip install -U \\\n  'transformers==4.40.1' \\\n  # 'trl==0.7.10'")], "nbformat": 4}
        ),
        "transformers",
        "==4.40.1",
        "requirements.ipynb:cell 1",
    ),
    "setup.py": (
        "_deps = ['trl==0.12.0', 'peft', 'transformers==4.46.3']\ndeps = {x.split('=')[0]: x for x in _deps}\n"
        "install_requires = [deps['trl'], deps['peft']]\nsetup(name='ours', install_requires=install_requires)\n",
        "trl",
        "==0.12.0",
        "setup.py",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_the_project(name, tmp_path):
    text, library, specifier, said = FILES[name]
    (tmp_path / name).write_text(text)
    found, read = declared.in_project(str(tmp_path), str(tmp_path))
    assert Statement(library, specifier, said) in found and read == [str(tmp_path / name)]


def test_files_that_state_nothing_for_the_project(tmp_path):
    installs = json.dumps({"cells": [cell("!pip install trl==0.7.10")], "nbformat": 4})
    (tmp_path / "analysis.ipynb").write_text(installs)  # another program
    (tmp_path / "setup.ipynb").write_text(installs[:-1])
    (tmp_path / "setup.py").write_text("_deps = ['trl==0.7.10']\nsetup(name='ours', install_requires=[deps['peft']])\n")
    assert declared.in_project(str(tmp_path), str(tmp_path))[0] == []


def test_requirements_that_include_others(tmp_path):
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.txt").write_text("-r ../pins/train.txt\n-r ../../outside.txt\npeft==0.12.0\n")
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins" / "train.txt").write_text("trl==0.12.0\n-r ../requirements/base.txt\n")
    (tmp_path.parent / "outside.txt").write_text("transformers==4.46.0\n")
    found, read = declared.in_project(str(tmp_path), str(tmp_path))
    assert {(s.library, s.specifier, s.said) for s in found} == {
        ("peft", "==0.12.0", "requirements/base.txt:3"),
        ("trl", "==0.12.0", "pins/train.txt:1"),
    }
    assert len(read) == 2


@pytest.mark.parametrize("mark, encoding", [("\ufeff", "utf-16-le"), ("\ufeff", "utf-16-be"), ("", "utf-16-le")])
def test_requirements_that_windows_wrote(tmp_path, mark, encoding):
    (tmp_path / "requirements.txt").write_bytes(f"{mark}trl>=1.4.0\r\n-r more.txt\r\n".encode(encoding))
    (tmp_path / "requirements-other.txt").write_text("trl>=0.8.0\n")
    (tmp_path / "more.txt").write_bytes("\ufeffpeft==0.12.0\r\n".encode())
    found, _ = declared.in_project(str(tmp_path), str(tmp_path))
    assert {(s.library, s.specifier, s.said) for s in found} == {
        ("trl", ">=1.4.0", "requirements.txt:1"),
        ("peft", "==0.12.0", "more.txt:1"),
    }


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0trl>=1.4.0", b"\xff\xfe", b"\xff\xfet", b"trl\0>=1.4.0\n"])
def test_requirements_that_are_no_text_state_nothing(tmp_path, data):
    (tmp_path / "requirements.txt").write_bytes(data)
    assert declared.in_project(str(tmp_path), str(tmp_path))[0] == []


def test_poetry_and_groups(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.poetry.dependencies]\ntrl = "^0.12"\n[dependency-groups]\ntrain = ["peft==0.12.0"]\n'
    )
    found, _ = declared.in_project(str(tmp_path), str(tmp_path))
    assert {(s.library, s.specifier) for s in found} == {("trl", "^0.12"), ("peft", "==0.12.0")}


def test_the_nearest_file_and_the_exact_version_win(tmp_path):
    inner = tmp_path / "train"
    inner.mkdir()
    (tmp_path / "requirements.txt").write_text("trl==0.9.6\npeft==0.12.0\n")
    (inner / "pyproject.toml").write_text('[project]\ndependencies = ["trl>=0.12"]\n')
    (inner / "uv.lock").write_text('[[package]]\nname = "trl"\nversion = "0.15.2"\n')
    found, _ = declared.in_project(str(inner), str(tmp_path))
    assert {s.library: s.specifier for s in found} == {"trl": "==0.15.2", "peft": "==0.12.0"}


def test_choosing():
    plain = chosen.choose([])
    assert plain["trl"].versions == (store.newest("trl"),) and not plain["trl"].said and not plain["unsloth"].versions
    with_unsloth = chosen.choose([], unsloth=True)
    assert key_of(with_unsloth["trl"].versions[-1]) <= key_of("1.15.0"), "what Unsloth allows"
    pinned = chosen.choose([Statement("trl", "==0.12.0", "requirements.txt:1")])
    assert pinned["trl"].judged == ("0.12.0",)
    assert pinned["transformers"].open, "what goes with an old trl is not known"
    assert chosen.choose([Statement("trl", "?", "cell 1")])["trl"].judged == ()
    ranged = chosen.choose([Statement("trl", ">=0.12,<0.20", "x")])["trl"]
    assert ranged.judged == ("0.19.0",) and ranged.versions[0] == "0.12.0"


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("!pip install --upgrade trl", store.newest("trl")),
        ("!pip install -q -U 'trl' \\\n  rich", store.newest("trl")),
        ("!pip install -r requirements.txt\n!uv pip install -U trl", store.newest("trl")),
        ("!pip install trl", "0.12.0"),
        ("!pip install -U rich\n!pip install trl", "0.12.0"),
        ("!pip install -U 'trl<0.16'", "0.15.2"),
        ("!pip install -U trl\n!pip install -r requirements.txt", "0.12.0"),
        ("!pip install -U trl -c requirements.txt", "0.12.0"),
        ("!pip install -U trl\n!pip install -e ..", "0.12.0"),
        ("!pip install -U trl\n!pip install trl==0.9.6", "0.9.6"),
        ("# !pip install -U trl", "0.12.0"),
    ],
)
def test_what_a_notebook_upgrades_is_the_newest_whatever_a_file_pins(cell, expected, tmp_path):
    (tmp_path / "requirements.txt").write_text("trl==0.12.0\n")
    found = chosen.of_script(notebook(cell), str(tmp_path), str(tmp_path))
    assert found["trl"].judged == (expected,)


def test_settings_come_first(tmp_path):
    settings = from_data({"versions": {"trl": "0.12.0"}}, "nl2sql-review.toml", str(tmp_path))
    (tmp_path / "requirements.txt").write_text("trl==1.0.0\n")
    found = chosen.of_script(Source("x.py", ""), str(tmp_path), str(tmp_path), settings)
    assert found["trl"].versions == ("0.12.0",) and "nl2sql-review.toml" in found["trl"].said
    with pytest.raises(SettingsError, match="no library rich"):
        from_data({"versions": {"rich": "2"}}, "x", "")
    with pytest.raises(SettingsError, match="neither a version"):
        from_data({"versions": {"trl": "latest"}}, "x", "")


# -- what is said, and what is not -------------------------------------------------------------------------------

HEAD = "from transformers import TrainingArguments\nfrom trl import SFTConfig, SFTTrainer\n"


def found(code, versions=None, path="train.py"):
    reviewer = Reviewer(isolated=True)
    settings = Settings(select=("api",), ignore=("suppression",), versions=versions or {})
    source, _, plans = reviewer.plans(code.encode(), path, settings)
    assert plans
    report, faults = judge(source, plans, reviewer.rulebook(settings), settings)
    assert not faults, faults
    return [(f.rule.partition("/")[2], f.message) for f in report.findings]


def rules(code, versions=None):
    return [rule for rule, _ in found(HEAD + code, versions)]


def test_a_range_is_named_in_the_message():
    ((_, text),) = found(
        HEAD + "SFTTrainer('x', args=SFTConfig(bf16=False), train_dataset=d, tokenizer=t)", {"trl": ">=0.12,<0.20"}
    )[:1]
    assert "since trl 0.16: TypeError" in text and "trl>=0.12,<0.20 (settings) allows versions up to 0.19" in text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("", ["gradient_checkpointing", "learning_rate", "max_length"]),
        ("max_length=2048", ["gradient_checkpointing", "learning_rate"]),
        ("optimizers=(optimizer, None)", ["gradient_checkpointing", "max_length"]),
    ],
)
def test_a_default_does_not_count_where_the_trainer_is_given_the_setting(given, told):
    code = (
        f"from trl import DPOConfig, DPOTrainer\nDPOTrainer('x', args=DPOConfig(bf16=False), train_dataset=d, {given})"
    )
    texts = [text for rule, text in found(HEAD + code, {"trl": ">=0.9"}) if rule == "changed-default"]
    assert sorted(text.partition(" ")[0] for text in texts) == told
    assert all("trl>=0.9 (settings) allows both" in text and " before trl " in text for text in texts)


SILENT = {
    "a fallback for older versions": (
        "try:\n    a = SFTConfig(max_length=1)\nexcept TypeError:\n    a = SFTConfig(max_seq_length=1)\n"
    ),
    "a fallback that catches all": (
        "try:\n    a = SFTConfig(max_length=1)\nexcept Exception:\n    a = SFTConfig(max_seq_length=1)\n"
    ),
    "a look at the version": (
        "import trl\nif trl.__version__ < '0.16':\n    a = SFTConfig(max_seq_length=1)\nelse:\n"
        "    a = SFTConfig(max_length=1)\n"
    ),
    "a look at the signature": (
        "import inspect\nkw = {}\nif 'max_seq_length' in inspect.signature(SFTConfig.__init__).parameters:\n"
        "    kw['max_seq_length'] = 1\na = SFTConfig(**kw)\n"
    ),
    "a filter by fields": (
        "import dataclasses\nkw = {'max_seq_length': 1}\nnames = {f.name for f in dataclasses.fields(SFTConfig)}\n"
        "a = SFTConfig(**{k: v for k, v in kw.items() if k in names})\n"
    ),
    "an own class with more fields": (
        "from dataclasses import dataclass\n@dataclass\nclass Mine(TrainingArguments):\n    schema_limit: int = 1\n"
        "a = Mine(output_dir='x', schema_limit=2)\n"
    ),
    "an own class of the same name": (
        "class SFTConfig:\n    def __init__(self, **kw): pass\na = SFTConfig(max_seq_length=1)\n"
        "b = TrainingArguments(output_dir='x')\n"
    ),
    "arguments that are not known": "a = SFTConfig(**settings())\n",
    "a library this knows nothing of": (
        "from trl import RewardConfig\na = RewardConfig(bogus=1)\nb = TrainingArguments(output_dir='x')\n"
    ),
    "a trainer that is told the length itself": (
        "import unsloth\nt = SFTTrainer(model, args=TrainingArguments(output_dir='x'), max_seq_length=2048, "
        "tokenizer=t, train_dataset=d)\n"
    ),
}


@pytest.mark.parametrize("name", SILENT)
def test_it_is_silent_on(name):
    code = SILENT[name]
    if name.startswith("a trainer"):
        code, head = code.replace("import unsloth\n", ""), "import unsloth\n" + HEAD
        assert found(head + code) == []
    else:
        assert rules(code) == []


def test_versions_that_are_not_known_are_not_judged():
    code = "!pip install git+https://github.com/huggingface/trl git+https://github.com/huggingface/transformers\n"
    cells = [code, HEAD + "a = SFTConfig(max_seq_length=1, warmup_ratio=0.1)"]
    data = json.dumps(
        {
            "nbformat": 4,
            "metadata": {},
            "cells": [{"cell_type": "code", "source": c, "metadata": {}, "outputs": []} for c in cells],
        }
    )
    assert found(data, path="train.ipynb") == []


def test_a_plan_knows_the_defaults_of_its_versions(tmp_path):
    def plan(versions):
        _, _, (one,) = Reviewer(isolated=True).plans(
            (HEAD + "a = TrainingArguments(output_dir='x')").encode(), "train.py", Settings(versions=versions)
        )
        return one

    assert plan({"transformers": "4.46.0"})["project.tracker"].value != plan({})["project.tracker"].value
    assert plan({"transformers": "4.46.0"})["api.versions"].value.value["transformers"] == "4.46.0"


def test_trl_appends_the_eos_token_since_0_16():
    code = (
        "from datasets import load_dataset\n" + HEAD + "d = load_dataset('json', data_files='x.jsonl', split='train')\n"
        "d = d.map(lambda row: {'text': 'Question: ' + row['question'] + ' SQL: ' + row['sql']})\nt = SFTTrainer('x', "
        "args=SFTConfig(), train_dataset=d)\n"
    )
    endings = {}
    for version in ("0.15.2", "0.16.0", "0.17.0"):
        _, _, (plan,) = Reviewer(isolated=True).plans(code.encode(), "train.py", Settings(versions={"trl": version}))
        endings[version] = plan["prompt.ending"].value.value
    assert endings == {"0.15.2": "none", "0.16.0": "eos", "0.17.0": "eos"}


def test_one_defect_is_one_finding():
    reviewer = Reviewer(isolated=True)
    code = HEAD + "a = TrainingArguments(output_dir='x', warmup_ratio=0.03)\n"
    for select, rule, related in (
        (("api", "arguments/warmup"), "api/removed-argument", ("arguments/warmup",)),
        (("arguments/warmup",), "arguments/warmup", ()),
    ):
        settings = Settings(select=select)
        source, _, plans = reviewer.plans(code.encode(), "train.py", settings)
        report, _ = judge(source, plans, reviewer.rulebook(settings), settings)
        (finding,) = report.findings
        assert (finding.rule, finding.related) == (rule, related)
        assert {i.rule for i in report.checklist if i.verdict == "fail"} == {rule, *related}


def test_the_files_that_say_the_versions_are_listed_as_read(tmp_path):
    (tmp_path / "requirements.txt").write_text("trl==0.12.0\n")
    script = tmp_path / "train.py"
    script.write_text(HEAD + "a = SFTConfig()\n")
    _, recording, _ = Reviewer(isolated=True).plans(script.read_bytes(), str(script), Settings())
    assert str(Path(tmp_path / "requirements.txt")) in recording.files_read


def test_arguments_that_share_a_place_each_have_their_finding():
    code = HEAD + "settings = dict(output_dir='x', max_seq_length=1, warmup_ratio=0.1)\na = SFTConfig(**settings)\n"
    said = sorted(text.partition("=")[0] for _, text in found(code))
    assert said == ["SFTConfig has no max_seq_length", "SFTConfig has no warmup_ratio"]


def test_an_exact_version_between_two_known_ones_is_named_as_stated():
    said = dict(found(HEAD + "a = TrainingArguments('x', evaluation_strategy='no')", {"transformers": "==5.14.1"}))
    assert (
        "transformers 5.14.1 is stated" in said["removed-argument"] and "every version" not in said["removed-argument"]
    )


def test_a_call_that_not_every_run_makes_is_not_certain():
    code = (
        HEAD
        + "import sys\nif sys.argv[1] == 'x':\n    a = SFTConfig(max_seq_length=1)\n"
        + "else:\n    a = SFTConfig(max_length=1)\nSFTTrainer('m', args=a)\n"
    )
    reviewer, settings = (
        Reviewer(isolated=True),
        Settings(select=("api",), ignore=("suppression",), versions={"trl": "1.0.0"}),
    )
    source, _, plans = reviewer.plans(code.encode(), "train.py", settings)
    report, _ = judge(source, plans, reviewer.rulebook(settings), settings)
    assert [(f.rule, f.certainty) for f in report.findings] == [("api/removed-argument", "branch")]
    uncalled = HEAD + "def make():\n    return SFTConfig(max_seq_length=1)\n"
    source, _, plans = reviewer.plans(uncalled.encode(), "train.py", settings)
    report, _ = judge(source, plans, reviewer.rulebook(settings), settings)
    assert [f.certainty for f in report.findings] == ["certain"], "whoever calls the function meets it"


def test_what_rests_on_an_assumed_version_is_not_certain():
    def certainty(code, versions):
        reviewer, settings = (
            Reviewer(isolated=True),
            Settings(select=("api",), ignore=("suppression",), versions=versions),
        )
        source, _, plans = reviewer.plans((HEAD + code).encode(), "train.py", settings)
        return [f.certainty for f in judge(source, plans, reviewer.rulebook(settings), settings)[0].findings]

    assert certainty("a = SFTConfig(max_seq_length=1)", {}) == ["default"]
    assert certainty("a = SFTConfig(max_seq_length=1)", {"trl": "0.20.0"}) == ["certain"]
    assert certainty("a = SFTConfig(gradient_acumulation_steps=1)", {}) == ["certain"], "no version ever took it"


@pytest.mark.parametrize(
    "around, said",
    [
        ("for name in os.listdir('models'):", "(only if the loop runs)"),
        ("while os.path.exists('go'):", "(only if the loop runs)"),
        ("for name in os.listdir('models'):\n  if name in sys.argv:", "(only on one branch, decided by"),
        ("if 'x' in sys.argv:\n  for name in os.listdir('models'):", "(only on one branch"),
        ("for name in ('a', 'b'):", ""),
    ],
)
def test_a_defect_in_a_loop_is_told_as_one(around, said):
    code = f"import os, sys\n{HEAD}{around}\n    args = TrainingArguments(output_dir='out', no_cuda=True)\n"
    (message,) = (
        one for rule, one in found(f"{code}SFTTrainer(args=args, train_dataset=1)") if rule == "removed-argument"
    )
    assert said in message and ("only" in message) == bool(said)


def test_the_keys_of_a_file_that_an_option_names_are_a_default(tmp_path):
    (tmp_path / "one.yaml").write_text("args:\n  output_dir: x\n  max_seq_length: 8\nlength: 8\n")
    code = (
        "import argparse, yaml\nfrom transformers import Trainer, TrainingArguments\n"
        "parser = argparse.ArgumentParser()\nparser.add_argument('--config', default='one.yaml')\n"
        "parser.add_argument('--length', type=int, default=8)\noptions = parser.parse_args()\n"
        "read = yaml.safe_load(open({path}))\nargs = TrainingArguments({given})\nTrainer('m', args=args).train()\n"
    )
    for path, given, expected in (
        ("options.config", "**read['args']", "default"),
        ("'one.yaml'", "**read['args']", "certain"),
        ("options.config", "'x', max_seq_length=read['length']", "certain"),
        ("'one.yaml'", "**{'output_dir': 'x', 'max_seq_length': options.length}", "certain"),
    ):
        text = code.format(path=path, given=given).encode()
        report, _ = Reviewer(isolated=True).file(text, str(tmp_path / "train.py"))
        (found,) = [f for f in report.findings if f.rule == "api/unknown-argument"]
        assert found.certainty == expected, (path, given)
        assert found.message.endswith("; --config may name another file") == (expected == "default")
