"""Command lines as they stand in launch files: words, variables, launchers, processes."""

from __future__ import annotations

import os

import pytest

from nl2sql_review.launches.launch_files import of_file
from nl2sql_review.source.command_line import CommandLine
from nl2sql_review.training_plan.values import Default, Known, Unknown, Value


def launches(text: str, name: str = "run.sh") -> list[CommandLine]:
    return of_file(text.encode(), name)


def one(text: str, name: str = "run.sh") -> CommandLine:
    (line,) = launches(text, name)
    return line


def plain(line: CommandLine) -> list[object]:
    return [word.value if isinstance(word, (Known, Default)) else type(word).__name__ for word in line.words]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("python train.py --lr 1e-4", ["--lr", "1e-4"]),
        ("python train.py \\\n  --lr 1e-4 \\\n  --name 'a b' # note", ["--lr", "1e-4", "--name", "a b"]),
        ('LR=1e-4\npython train.py --lr "$LR" --x ${LR}x', ["--lr", "1e-4", "--x", "1e-4x"]),
        ('ARGS="--lr 1e-4 --bf16"\npython3.11 -u train.py $ARGS', ["--lr", "1e-4", "--bf16"]),
        ("ARGS=(--lr 1e-4\n  --name 'a b')\nARGS+=(--bf16)\npython train.py \"${ARGS[@]}\"",
         ["--lr", "1e-4", "--name", "a b", "--bf16"]),
        ("python train.py --lr 1e-4 2>&1 | tee log.txt", ["--lr", "1e-4"]),
        ("python train.py --a > out.log 2> err.log &", ["--a"]),
        ("mkdir -p out && python train.py --a || exit 1", ["--a"]),
        ("cat > x.yaml <<EOF\npython other.py\nEOF\npython train.py", []),
        ("if true; then\n  python train.py --a\nfi", ["--a"]),
        ("python train.py --pattern '*.sql' --empty ''", ["--pattern", "*.sql", "--empty", ""]),
        ("EMPTY=\npython train.py $EMPTY --a", ["--a"]),
    ],
)  # fmt: skip
def test_the_words_are_those_that_a_shell_hands_on(text: str, words: list[str]) -> None:
    assert plain(one(text)) == words


def test_the_words_are_those_of_the_shell_itself(tmp_path) -> None:
    """Every word that is known is what bash hands to a program in place of the script."""
    import shutil
    import subprocess

    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    script = """\
NAME="two words"; RATE=${RATE:-3e-4}
LIST=(--a "b c" --d$NAME)
export TAG='it''s'
python train.py --name "$NAME" --rate $RATE "${LIST[@]}" $NAME --tag=$TAG "x\\"y" a\\ b \\
   --last "${UNSET:-fallback}" --no"thing"
"""
    (tmp_path / "python").write_text('#!/bin/sh\nshift\nfor w in "$@"; do printf "%s\\n" "$w"; done\n')
    (tmp_path / "python").chmod(0o755)
    said = subprocess.run(
        ["bash", "-c", f"PATH={tmp_path}:$PATH\n{script}"], capture_output=True, text=True, check=True
    )
    assert plain(one(script)) == said.stdout.splitlines()


def test_what_only_the_run_knows_is_unknown_and_says_why() -> None:
    line = one('python train.py --a $1 --b $(date) --c "$HOME_OF_DATA/x" --d ${X:-7} "$@"')
    kinds = [type(word) for word in line.words[1::2]]
    assert kinds == [Unknown, Unknown, Unknown, Default]
    assert "$HOME_OF_DATA" in line.words[5].why and line.words[7] == Default("7", "$X", line.words[7].trace)
    assert line.more == '"$@" stands for what the caller gives'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('OUT="${OUT:-}"\nTO="${OUT:-./here}"', Default("./here", "$OUT")),
        ('OUT="${OUT:-}"\nTO="${OUT:-}"', Default("", "$OUT")),
        ('OUT=""\nTO="${OUT:-./here}"', Known("./here")),
        ('OUT="${OUT:-./there}"\nTO="${OUT:-./here}"', Default("./there", "$OUT")),
        ('OUT=./there\nTO="${OUT:-./here}"', Known("./there")),
    ],
)
def test_a_fallback_takes_the_place_of_an_empty_value(text: str, said: Value) -> None:
    (word,) = one(f'{text}\npython train.py "$TO"').words
    assert type(word) is type(said) and isinstance(word, (Known, Default)) and isinstance(said, (Known, Default))
    assert word.value == said.value
    assert getattr(word, "overridden_by", "") == getattr(said, "overridden_by", "")


@pytest.mark.parametrize(
    "text",
    [
        "nohup bash -c 'python train.py --lr 1' &",
        'srun bash -c "cd src && python train.py --lr 1"',
        "sbatch --gres=gpu:1 --wrap='python train.py --lr 1'",
        "tmux send-keys -t x 'python train.py --lr 1' Enter",
        "ssh host 'cd p && CUDA_VISIBLE_DEVICES=0 python train.py --lr 1'",
        "docker exec c bash -lc 'python train.py --lr 1'",
        "env -u X Y=1 python train.py --lr 1",
        "$PYTHON train.py --lr 1",
        '"${PYTHON_BIN}" train.py --lr 1',
        "torchrun $OPTIONS train.py --lr 1",
        "python -m deepspeed.launcher.runner train.py --lr 1",
        "uv run --with trl train.py --lr 1",
        "function go {\n  python train.py --lr 1\n}\ngo",
        "export\nreadonly; eval\nenv\npython train.py --lr 1",
        'A=()\npython train.py "${A[@]}" --lr 1',
        "A=(0 1)\npython train.py --lr ${A[1]}",
    ],
)
def test_a_launch_may_stand_within_another_command(text: str) -> None:
    line = one(text)
    assert (line.script, plain(line)) == ("train.py", ["--lr", "1"])


def test_a_text_that_another_shell_gets_has_the_variables_of_this_one() -> None:
    text = (
        'CMD="train.py --lr 1 --out $OUT"\nLAUNCHER="torchrun --nproc_per_node 4 --master_addr $ADDR"\n'
        'srun --jobid $ID bash -c "$LAUNCHER --node_rank \\$RANK $CMD" 2>&1 | tee log'
    )
    line = one(text)
    assert (line.script, plain(line)) == ("train.py", ["--lr", "1", "--out", "Unknown"])
    assert isinstance(line.processes, Known) and line.processes.value == 4
    assert plain(one("LR=1\nbash -c 'python train.py --lr $LR'")) == ["--lr", "Unknown"]


def test_words_in_a_command_within_a_command_are_as_unknown_as_their_variables() -> None:
    line = one('sbatch --wrap="python train.py --lr $LR --rank 8"')
    assert plain(line) == ["--lr", "Unknown", "--rank", "8"] and line.where() == "run.sh:1"


@pytest.mark.parametrize(
    "text",
    ["torchrun $OPTIONS train.py", "if x; then L='torchrun --nproc_per_node 4'; fi\n$LAUNCHER train.py",
     "srun --ntasks 4 bash -c 'python train.py'", "accelerate launch ${OPTIONS[@]} -m package.train"],
)  # fmt: skip
def test_processes_that_unknown_options_decide_are_unknown(text: str) -> None:
    assert isinstance(one(text).processes, Unknown)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('A=(--lr 1 --r $R)\nif x; then A+=(--b 2); fi\npython train.py "${A[@]}"', ["--lr", "1", "--r", "Unknown"]),
        ('A=()\nif x; then A+=(--b 2); fi\npython train.py "${A[@]}" --lr 1', ["--lr", "1"]),
        ('A="--lr 1"\nif x; then A="$A --b 2"; fi\npython train.py $A', ["--lr", "1"]),
        ('A=\nif x; then A="--b 2"; fi\npython train.py $A --lr 1', ["--lr", "1"]),
        ('CMD="python train.py --lr $LR"\nif x; then CMD+=" --b 2"; fi\neval "$CMD"', ["--lr", "Unknown"]),
        ("python train.py --lr 1 ${@:9}", ["--lr", "1"]),
        ('A=(--lr 1 "$@")\nB=("${A[@]}" --r 2)\npython train.py "${B[@]}"', ["--lr", "1", "--r", "2"]),
    ],
)
def test_words_that_a_branch_may_add_leave_the_others_known(text: str, words: list[str]) -> None:
    line = one(text)
    assert plain(line) == words and line.more


@pytest.mark.parametrize(
    "text",
    ['A="--lr 1"\nif x; then A="--lr 2"; fi\npython train.py $A', "if x; then A=1; fi\npython train.py $A",
     "if x; then A=(1 2); else A=(2 3); fi\npython train.py ${A[@]}"],
)  # fmt: skip
def test_what_a_branch_replaces_is_unknown(text: str) -> None:
    assert plain(one(text)) == ["Unknown"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('CMD="python train.py --lr $LR --r 8"\n$CMD', ["--lr", "Unknown", "--r", "8"]),
        ('for lr in $X; do A="--lr $lr --r 8"; python train.py $A; done', ["--lr", "Unknown", "--r", "8"]),
        ("A=(0 1)\npython train.py $A", ["0"]),
        ("python train.py --r=8 --lr=$LR --out=runs/$X", ["--r=8", "--lr", "Unknown", "--out", "Unknown"]),
        ('C=(python "$ROOT/train.py" --r 8)\n"${C[@]}"', ["--r", "8"]),
    ],
)
def test_a_text_with_an_unknown_part_keeps_its_other_words(text: str, words: list[str]) -> None:
    line = one(text)
    assert line.script.rpartition("/")[2] == "train.py" and plain(line) == words


@pytest.mark.parametrize(
    ("text", "folder", "words"),
    [
        ('D="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)"\nR=$(cd "$D/.." && pwd -P)\ncd "$R"\n'
         'python train.py --config "$R/c.yaml"', ".", ["--config", "./c.yaml"]),
        ('cd "$(dirname "$0")/.."\npython train.py', ".", []),
        ('D=`dirname $0`\npython $D/train.py --out $D/out', "scripts", ["--out", "scripts/out"]),
        ('D=$(realpath "$(dirname "$0")/..")\npython train.py --name $(basename $0) --d $D', "scripts",
         ["--name", "Unknown", "--d", "."]),
        ("python train.py --d $(cd x && ls)", "scripts", ["--d", "Unknown"]),
    ],
)  # fmt: skip
def test_a_launch_file_knows_its_own_folder(text: str, folder: str, words: list[str]) -> None:
    line = one(text, "scripts/run.sh")
    assert plain(line) == words and line.folders[0] == os.path.abspath(folder)


@pytest.mark.parametrize(
    ("end", "words"), [(" \\", ["8"]), ("\\", ["8"]), (" \\\n", ["8"]), (" ''", ["8", ""]), (" \\x", ["8", "x"])]
)
def test_a_backslash_that_ends_the_file_is_no_word(end: str, words: list[str]) -> None:
    assert plain(one(f"python train.py --rank 8{end}")) == ["--rank", *words]


def test_no_word_stands_for_words_of_the_caller_that_there_are_not() -> None:
    line = one('python train.py "$@"')
    assert line.words == () and line.more


@pytest.mark.parametrize(
    ("text", "processes"),
    [
        ("python train.py", None),
        ("torchrun train.py", Known(1)),
        ("torchrun --nproc_per_node=4 train.py", Known(4)),
        ("torchrun --nproc-per-node 4 --nnodes 2 --rdzv_backend c10d train.py", Known(8)),
        ("python -m torch.distributed.run --nproc_per_node 2 train.py", Known(2)),
        ("python -m torch.distributed.launch --nproc_per_node=2 --use_env train.py", Known(2)),
        ("torchrun --nproc_per_node gpu train.py", Unknown("")),
        ("torchrun --nnodes 1:4 --nproc_per_node 2 train.py", Unknown("")),
        ("accelerate launch --num_processes 2 train.py", Known(2)),
        ("accelerate launch --num_processes=2 --mixed_precision bf16 train.py", Known(2)),
        ("accelerate launch --multi_gpu train.py", Unknown("")),
        ("accelerate launch --multi_gpu --num_processes 3 train.py", Known(3)),
        ("accelerate launch --num_processes=4 --machine_rank=$RANK -m package.train", Known(4)),
        ("accelerate launch train.py", None),
        ("accelerate launch --config_file fsdp.yaml train.py", None),
        ("deepspeed --num_gpus 8 train.py", Known(8)),
        ("deepspeed --include localhost:0,2,3 train.py", Known(3)),
        ("deepspeed train.py", Unknown("")),
        ("N=4\ntorchrun --nproc_per_node $N train.py", Known(4)),
        ("torchrun --nproc_per_node ${N:-2} train.py", Default(2, "$N")),
        ("#SBATCH --gres=gpu:a100:4\n#SBATCH --nodes=2\nsrun torchrun --nnodes $SLURM_NNODES "
         "--nproc_per_node $SLURM_GPUS_ON_NODE train.py", Known(8)),
        ("CUDA_VISIBLE_DEVICES=0,3 torchrun --nproc_per_node gpu train.py", Known(2)),
        ("export CUDA_VISIBLE_DEVICES=0,1,2\ndeepspeed train.py", Known(3)),
        ("#SBATCH --gpus-per-node=4\ntorchrun --nproc_per_node=gpu train.py", Known(4)),
        ("srun --ntasks-per-node=4 python train.py", Unknown("")),
        ("CUDA_VISIBLE_DEVICES=0 nohup uv run torchrun --nproc_per_node 2 train.py &", Known(2)),
    ],
)  # fmt: skip
def test_a_launcher_says_how_many_processes_train(text: str, processes: Value | None) -> None:
    found = one(text).processes
    assert type(found) is type(processes)
    if isinstance(processes, (Known, Default)):
        assert found.value == processes.value


@pytest.mark.parametrize(
    "text",
    [
        "echo python train.py",
        "pip install trl",
        "python -c 'print(1)'",
        "python -m pip install trl",
        "# python train.py",
        "grep -r torchrun .",
        "docker build -t train .",
        "export LR=1e-4",
        "cat train.py",
        "$EDITOR train.py",
        "docker cp train.py container:/app",
        "docker run -v $PWD/train.py:/app/train.py image",
        "uv add --script train.py trl",
        "ssh host 'cat train.py && echo python train.py'",
        "git commit -m 'python train.py'",
        "accelerate config",
        "trl env",
        "",
    ],
)
def test_what_starts_no_training_is_no_launch(text: str) -> None:
    assert launches(text) == []


def test_a_makefile_and_a_sky_task_are_read_where_they_stand() -> None:
    recipe = "train: data\n\t@torchrun --nproc_per_node 2 train.py \\\n\t  --r $(RANK) --lr $(LR)\n"
    make = one(f"RANK := 8\nLR ?= 1e-4\n{recipe}", "Makefile")
    assert plain(make) == ["--r", "8", "--lr", "1e-4"] and make.processes.value == 2
    assert isinstance(make.words[3], Default) and make.where() == "Makefile:4"
    sky = "resources:\n  accelerators: A100:4\nnum_nodes: 2\nenvs:\n  LR: 1e-4\nrun: |\n  cd x\n" + (
        "  torchrun --nnodes $SKYPILOT_NUM_NODES --nproc_per_node $SKYPILOT_NUM_GPUS_PER_NODE train.py --lr $LR\n"
    )
    task = one(sky, "task.yaml")
    assert task.processes.value == 8 and task.words[1].value == "1e-4" and task.where() == "task.yaml:8"
    span = task.place.source.span(task.place.node)
    assert task.place.source.line(span.row)[span.column - 1 :].startswith("torchrun")


@pytest.mark.parametrize(
    ("text", "program", "file", "words"),
    [
        ("trl sft --config a.yaml --learning_rate 1e-4", "trl", "a.yaml", ["--learning_rate", "1e-4"]),
        ("trl sft --model_name_or_path m", "trl", "", ["--model_name_or_path", "m"]),
        ("llamafactory-cli train a.yaml lora_rank=8", "llamafactory", "a.yaml", ["lora_rank=8"]),
        ("axolotl train a.yml --lora-r 8", "axolotl", "a.yml", ["--lora-r", "8"]),
        ("accelerate launch -m axolotl.cli.train a.yml", "axolotl", "a.yml", []),
        ("unsloth train --config a.yaml", "unsloth", "a.yaml", []),
    ],
)
def test_a_program_that_trains_from_a_configuration_is_named_with_its_file(
    text: str, program: str, file: str, words: list[str]
) -> None:
    line = one(text)
    assert (line.program, line.script, plain(line)) == (program, file, words)


@pytest.mark.parametrize(
    "text",
    ["'", '"', "$(", "${", "`", "python train.py $((", "A=(", "cat <<EOF", "\\", "python train.py \\", ")(",
     "${a:-${b:-$(c}", "for", "for x", "for x in", "case", "$", '"$', "A+=", "python", "accelerate launch",
     "torchrun --nproc_per_node", "trl sft --config", "<", "2>", "((((" * 500, "$(" * 5000, "${a:-" * 300],
)  # fmt: skip
def test_no_text_makes_the_reader_fail(text: str) -> None:
    for name in ("run.sh", "Makefile", "task.yaml"):
        launches(text if name != "Makefile" else f"a:\n\t{text}", name)
