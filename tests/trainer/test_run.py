"""The trainer trains: losses fall, a killed run goes on as if nothing had happened, three checkpoints are kept."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys

from .conftest import GOLD, SCHEMA, SCRIPT, Run, environment, load, needs_stack

pytestmark = needs_stack
STEPS = 32  # 501 rows, 16 a step
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
# On a machine with GPUs `--num_processes 2` says it all; without, accelerate would start one process.
ACCELERATE = (sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2")


def test_a_whole_run_learns_and_leaves_what_it_promises(whole_run):
    losses = whole_run.losses()
    assert list(losses) == list(range(1, STEPS + 1))
    first, last = (sum(losses[i] for i in steps) / 5 for steps in (range(1, 6), range(STEPS - 4, STEPS + 1)))
    assert last < first - 0.3, (first, last)
    assert whole_run.checkpoints() == [25, 30, 32]
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json"} <= {
        path.name for path in (whole_run.folder / "demo").iterdir()
    }
    adapter = json.loads((whole_run.folder / "demo" / "adapter_config.json").read_text())
    assert (adapter["r"], adapter["lora_alpha"], len(adapter["target_modules"])) == (16, 16, 7)


def test_the_run_is_what_its_command_line_says(whole_run, monkeypatch, capsys):
    """`nl2sql-review diff` holds what the run has left against the script as it was started."""
    from nl2sql_review import cli

    monkeypatch.chdir(whole_run.folder)
    said = f"{SCRIPT} --demo --save-steps 5 --logging-steps 1"
    assert cli.main(["diff", "--isolated", "--exit-code", "--output-format", "json", said, "demo"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["differences"] == [] and made["equal"] >= 8
    assert f"all {STEPS} logged learning rates are those of the plan's schedule" in [r["text"] for r in made["remarks"]]
    assert cli.main(["diff", "--isolated", "--exit-code", f"{SCRIPT} --demo --learning-rate 1e-3", "demo"]) == 1
    assert "learning_rate is 0.001 in the plan, but 0.01 was logged" in capsys.readouterr().out.replace("\n  ", " ")


def test_the_log_tells_the_story(whole_run):
    log = whole_run.log
    assert "Spider: 120 rows, 0 without question or SQL" in log
    assert "Spider: weight 0.500, " in log and "501 rows to train on, 27 held out" in log
    for stage in ("model loaded", "step 1", f"step {STEPS}"):
        assert re.search(rf"{stage}: GPU memory \d+\.\d\d GiB allocated, \d+\.\d\d GiB peak reserved", log), stage
    assert re.search(r"→ SELECT .*</s>\n", log)
    assert log.count("✔") == 5 and "✘" not in log


def test_the_run_is_tracked_offline(whole_run):
    runs = list((whole_run.folder / "wandb").glob("offline-run-*/*.wandb"))
    assert len(runs) == 1 and runs[0].stat().st_size > 1000


def test_the_adapter_answers_and_stops_at_eos(whole_run):
    """The prompt is that of the training; a random model of 0.2 million weights has at least learnt where SQL ends."""
    rows = load("make_data").write(whole_run.folder / "asked", {"spider_train.jsonl": 5}) or whole_run.folder / "asked"
    command = [
        sys.executable,
        str(SCRIPT.parent / "generate_sql.py"),
        "--model",
        "demo",
        "--jsonl",
        str(rows / "spider_train.jsonl"),
    ]
    done = subprocess.run(
        command, cwd=whole_run.folder, env=environment(whole_run.folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers = [line for line in done.stdout.splitlines() if line.startswith("SELECT")]
    assert len(answers) == done.stderr.count("stopped at EOS") == 5
    assert "###" not in done.stdout


def test_the_adapter_is_scored_from_the_command_line(whole_run, databases, tmp_path):
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps({**row, "schema": SCHEMA}) + "\n" for row in GOLD))
    command = [sys.executable, str(SCRIPT.with_name("evaluate_sql.py")), str(tmp_path / "dev.jsonl"), "--model", "demo"]
    command += ["--db", str(databases), "--output", str(tmp_path / "answers.jsonl")]
    done = subprocess.run(command, cwd=whole_run.folder, env=environment(tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "execution accuracy " in done.stdout and "2 of 2 stopped at EOS" in done.stdout
    answers = [json.loads(line) for line in (tmp_path / "answers.jsonl").open()]
    assert [answer["id"] for answer in answers] == ["0", "1"] and all(answer["predicted"] for answer in answers)


def test_schedule(whole_run):
    rates = [entry["learning_rate"] for entry in whole_run.state()["log_history"] if "learning_rate" in entry]
    assert rates[0] == 0 and max(rates) == rates[1] == 0.01  # 3 % of the steps is one step of warm-up
    assert rates[1:] == sorted(rates[1:], reverse=True) and rates[-1] < 1e-4


def test_ctrl_c_saves_and_kill_9_loses_nothing(tmp_path, whole_run):
    interrupted = Run(tmp_path)
    assert interrupted.stop(2, signal.SIGINT) == 1
    saved = interrupted.checkpoints()
    assert len(saved) == 1 and saved[0] >= 2 and f"interrupted at step {saved[0]}" in interrupted.output

    killed = Run(tmp_path)
    assert killed.stop(12, signal.SIGKILL) == -signal.SIGKILL
    assert f"resuming from demo/checkpoint-{saved[0]}" in killed.log
    newest = killed.checkpoints()[-1]
    assert newest in (10, 15, 20, 25)

    # What a kill in the middle of writing leaves behind.
    torn = tmp_path / "demo" / f"checkpoint-{newest + 1}"
    shutil.copytree(tmp_path / "demo" / f"checkpoint-{newest}", torn)
    (torn / "trainer_state.json").write_text('{"global_step": ')

    last = Run(tmp_path).finish()
    assert f"checkpoint-{newest + 1} was never written to its end" in last.log
    assert f"resuming from demo/checkpoint-{newest}\n" in last.log
    seen = last.losses()
    assert list(seen) == list(range(1, STEPS + 1))
    expected = whole_run.losses()
    assert max(abs(seen[step] - expected[step]) for step in expected) <= 2e-3
    assert len(last.checkpoints()) == 3


def test_in_16_bit_a_resumed_run_is_the_same_run(tmp_path):
    from safetensors.torch import load_file

    whole = Run(tmp_path / "whole", ("--no-4bit", "--merge")).finish()
    merged = load_file(whole.folder / "demo" / "merged" / "model.safetensors")
    assert sum(weight.numel() for weight in merged.values()) > 100_000 and not [
        name for name in merged if "lora" in name
    ]
    # What is left of a run that died after step 25.
    (tmp_path / "again" / "demo").mkdir(parents=True)
    shutil.copytree(whole.folder / "demo" / "checkpoint-25", tmp_path / "again" / "demo" / "checkpoint-25")
    again = Run(tmp_path / "again", ("--no-4bit",)).finish()
    assert "resuming from demo/checkpoint-25" in again.log and "step 25: " not in again.log
    assert again.losses() == whole.losses()


def test_two_processes_keep_the_batch(tmp_path, whole_run):
    both = Run(tmp_path, (), ACCELERATE).finish()
    state, alone = both.state(), whole_run.state()
    assert state["global_step"] == alone["global_step"] == STEPS
    assert state["train_batch_size"] == alone["train_batch_size"] == 4
    assert abs(both.losses()[1] - whole_run.losses()[1]) < 0.1
    assert both.log.count("model loaded") == 1  # one process speaks


def test_ctrl_c_ends_two_processes_at_the_same_step(tmp_path):
    """That torchrun hands the signal on to processes that may have it already must not end them at once."""
    interrupted = Run(tmp_path, (), TORCHRUN)
    assert interrupted.stop(3, signal.SIGINT) != 0
    (saved,) = interrupted.checkpoints()
    assert saved >= 3 and interrupted.output.count(f"interrupted at step {saved}") == 2
    checkpoint = tmp_path / "demo" / f"checkpoint-{saved}"
    assert interrupted.state()["global_step"] == saved and (checkpoint / "optimizer.pt").exists()
    assert len(list(checkpoint.glob("rng_state_*.pth"))) == 2
