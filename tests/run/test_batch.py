"""Many files at once: one process or several say the same, and nothing that happens to a process loses a file."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nl2sql_review import cli
from nl2sql_review.policy import settings
from nl2sql_review.render import FORMATS
from nl2sql_review.report.exit_codes import FAULT, FINDINGS
from nl2sql_review.report.serialization import dump
from nl2sql_review.run import batch, cache, workers
from nl2sql_review.run.options import Options
from nl2sql_review.run.outcome import Outcome
from nl2sql_review.run.reviewer import Reviewer

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "from peft import LoraConfig\nconfig = LoraConfig(r={r})\n"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is one process where there is no fork")


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    for number in range(12):
        (tmp_path / f"train{number:02}.py").write_text(SCRIPT.format(r=number), encoding="utf-8")
    (tmp_path / "tool.py").write_text("print(1)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def said(capsys, *argv):
    code = cli.main(list(argv))
    return code, capsys.readouterr().out


def test_two_processes_say_what_one_says(scripts, tmp_path_factory):
    shutil.copytree(ROOT / "fixtures" / "styles", scripts / "styles")
    folder = tmp_path_factory.mktemp("reports")
    reports = {way: folder / way for way in ("text", "concise", "json", "agent")}

    def told(*argv):
        code = cli.main([*argv, *(f"--output-format={way}={path}" for way, path in reports.items()), "."])
        return code, [path.read_text(encoding="utf-8") for path in reports.values()]

    one = told("--no-cache", "--jobs", "1")
    assert all("lora/rank" in text for text in one[1])
    assert told("--no-cache", "--jobs", "2") == one
    assert told("--jobs", "2") == one
    assert told() == one


def test_processes_fill_one_cache(scripts, monkeypatch):
    report, _ = batch.run(["."], Options(jobs=2, cache=cache.opened()))
    monkeypatch.setattr(Reviewer, "source", None)  # nothing is reviewed any more
    again, _ = batch.run(["."], Options(cache=cache.opened()))
    assert again == report and again.summary.reviewed == 12


@pytest.mark.parametrize("way", [name for name, form in FORMATS.items() if not form.carries_fixes])
def test_a_report_from_another_process_is_unpacked_once(scripts, capsys, monkeypatch, way):
    unpacked = []
    report = Outcome.report
    monkeypatch.setattr(Outcome, "report", lambda self: unpacked.append(self.path) or report(self))
    said(capsys, "--no-cache", "--jobs", "2", "--output-format", way, "--fail-on-unknown", ".")
    assert sorted(unpacked) == sorted(path.name for path in scripts.glob("*.py"))


LOADS = """
import sys
from nl2sql_review.run import batch, reviews
from nl2sql_review.run.options import Options

def listing(self, found, review=reviews.Reviews.review):
    before = set(sys.modules)
    try:
        return review(self, found)
    finally:
        with open(found.shown + ".modules", "w") as file:
            print(*(name for name in sys.modules if name not in before), file=file)

reviews.Reviews.review = listing
batch.run(["."], Options(jobs=2))
"""


def test_what_every_script_needs_is_loaded_before_the_processes_start(scripts):
    for number in range(12):
        shutil.copy(ROOT / "fixtures" / "golden" / "good.py", scripts / f"train{number:02}.py")
    subprocess.run([sys.executable, "-c", LOADS], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    loaded = [set(path.read_text().split()) for path in scripts.glob("train*.modules")]
    assert len(loaded) == 12 and len(set().union(*loaded)) < 8


ODD = 'from peft import LoraConfig\nc = LoraConfig(r="\\udc80", lora_alpha=float("nan"), bias="\\ud83d\\ude00é")\n'


@pytest.mark.parametrize(
    "script", [(ROOT / "docs" / "train.py").read_text(encoding="utf-8"), ODD], ids=["plain", "odd"]
)
def test_a_report_made_here_is_the_one_that_travels(script, scripts):
    """Half of a surrogate pair too: JSON carries none, so no report holds one."""
    (scripts / "train.py").write_text(script, encoding="utf-8")
    (made,) = batch.Batch(Options(isolated=True)).run(["train.py"])
    travelled = Outcome.from_message(made.to_message())
    assert travelled.report() == made.report() and travelled.report() is not made.report()
    assert len(made.report().findings) > 3
    assert ("ufffd" in dump(made.report())) == (script == ODD)


def dies(path, times=None):
    """A reviewer whose process is killed on one file, always or so many times."""
    source = Reviewer.source

    def killed(self, data, name):
        if name == path and (times is None or len(os.listdir(times[0])) < times[1]):
            if times is not None:
                (times[0] / str(os.getpid())).write_text("")
            os.kill(os.getpid(), signal.SIGKILL)
        return source(self, data, name)

    return killed


def test_a_file_that_kills_its_process_is_told_and_no_other_is_lost(scripts, monkeypatch):
    monkeypatch.setattr(Reviewer, "source", dies("train05.py"))
    report, code = batch.run(["."], Options(jobs=2))
    assert [(f.path, f.status) for f in report.files if f.status != "reviewed"] == [
        ("tool.py", "skipped"), ("train05.py", "error"),
    ]  # fmt: skip
    assert code == FAULT and [fault.path for fault in report.internal_errors] == ["train05.py"]


def test_a_process_that_was_killed_costs_nothing_but_time(scripts, monkeypatch, tmp_path_factory):
    alone, _ = batch.run(["."])
    monkeypatch.setattr(Reviewer, "source", dies("train05.py", (tmp_path_factory.mktemp("times"), 1)))
    report, code = batch.run(["."], Options(jobs=2))
    assert report == alone and code == FINDINGS


def test_a_fault_of_ours_and_a_mistake_in_the_settings_come_through(scripts, monkeypatch):
    def fails(self, data, name):
        raise settings.SettingsError("a mistake") if name == "train07.py" else ZeroDivisionError("a fault")

    monkeypatch.setattr(Reviewer, "source", fails)
    with pytest.raises(settings.SettingsError, match="a mistake"):
        batch.run(["."], Options(jobs=2))
    (scripts / "train07.py").unlink()
    report, _ = batch.run(["."], Options(jobs=2))
    assert {fault.message for fault in report.internal_errors} == {"ZeroDivisionError: a fault"}
    assert len(report.internal_errors) == 11


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if os.path.isdir("/proc") else True


SLOW = """\
import os, sys, time
from nl2sql_review.run import workers
def work(number):
    open(f"{sys.argv[1]}/{os.getpid()}", "w").close()
    time.sleep(60 if number > 1 else 0)
for answer in workers.spread(work, range(20), 2):
    pass
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_first(tmp_path, end):
    """Interrupted by the user, or killed: then the others end with the number they work on."""
    script = SLOW if end == signal.SIGINT else SLOW.replace("60 if", "1 if")
    run = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while len(os.listdir(tmp_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    run.send_signal(end)
    run.wait(30)
    children = [int(name) for name in os.listdir(tmp_path)]
    while any(map(alive, children)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(children) >= 2 and not any(map(alive, children))


def test_answers_larger_than_a_pipe_and_more_numbers_than_processes():
    answers = dict(workers.spread(lambda number: ["x" * 300_000, number, b"\0"], range(50), 3))
    assert answers == {number: ["x" * 300_000, number, b"\0"] for number in range(50)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits are those of Linux")
def test_a_number_that_never_ends_or_takes_all_memory_takes_no_other_with_it(monkeypatch):
    monkeypatch.setattr(workers, "SECONDS", 1)
    monkeypatch.setattr(workers, "MEMORY", 2 * 1024**3)

    def work(number):
        while number == 7:
            pass
        try:
            return len(bytearray(3 * 1024**3)) if number == 8 else number
        except MemoryError:
            return "too much"

    answers = dict(workers.spread(work, range(20), 2))
    assert answers == {number: {7: None, 8: "too much"}.get(number, number) for number in range(20)}


def test_how_many_processes(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert workers.usable() == 3 and workers.usable(5) == 5
    monkeypatch.delattr(os, "fork")
    assert workers.usable() == workers.usable(5) == 1


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such limit on Windows")
def test_a_single_file_that_never_ends_is_given_up_too(monkeypatch, tmp_path):
    """As one of many would be; what caught everything on the way would not have kept it, and the next is reviewed."""
    monkeypatch.setattr(workers, "SECONDS", 0.3)
    review = Reviewer.file

    def endless(self, data, path):
        while "endless" in path:
            try:
                sum(range(1000))
            except Exception:
                pass
        return review(self, data, path)

    monkeypatch.setattr(Reviewer, "file", endless)
    for name in ("endless.py", "other.py"):
        (tmp_path / name).write_text("from trl import SFTTrainer\nSFTTrainer('m').train()\n")
    report, code = batch.run([str(tmp_path / "endless.py"), str(tmp_path / "other.py")], Options(isolated=True))
    assert [file.status for file in report.files] == ["error", "reviewed"] and code == 2
    assert "more than 0.3 s" in report.internal_errors[0].message
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0) and signal.getsignal(signal.SIGPROF) is signal.SIG_DFL


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no such limit on Windows")
def test_a_profiler_keeps_its_signal():
    def sample(number, frame):
        pass

    signal.signal(signal.SIGPROF, sample)
    try:
        with workers.limited():
            assert signal.getsignal(signal.SIGPROF) is sample
    finally:
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
