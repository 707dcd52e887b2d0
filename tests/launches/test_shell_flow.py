"""Branches, loops and functions of launch files: what is claimed of the words is what bash hands on."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from nl2sql_review.launches.launch_files import of_file
from nl2sql_review.source.command_line import CommandLine
from nl2sql_review.training_plan.values import Default, Either, Known, Unknown, Value

PYTHON = 'python() { shift; printf "\\036"; local w; for w in "$@"; do printf "\\037%s" "$w"; done; }\n'
# Ways to start a script: with words of the caller, with variables of the environment.
WAYS: tuple[tuple[dict[str, str], list[str]], ...] = (
    ({}, []),
    ({"BIG": "1"}, ["one"]),
    ({"BIG": "2", "LR": "9"}, ["--lr", "3"]),
)


def launches(text: str) -> list[CommandLine]:
    return of_file(text.encode(), "run.sh")


def words_of(text: str) -> list[list[object]]:
    def plain(value: Value) -> object:
        if isinstance(value, Either):
            return {option.value for option in value.options if isinstance(option, Known)}
        return value.value if isinstance(value, (Known, Default)) else type(value).__name__

    return [[plain(word) for word in line.words] for line in launches(text)]


def fits(line: CommandLine, given: list[str]) -> bool:
    """Return whether a command line claims nothing that these words contradict."""
    rest = list(given)
    for word in line.words:
        if isinstance(word, (Unknown, Default)):
            rest = rest[1:]
        elif not rest:
            return False
        elif isinstance(word, Either):
            if rest.pop(0) not in [option.value for option in word.options if isinstance(option, Known)]:
                return False
        elif line.more and word.value in rest:
            rest = rest[rest.index(word.value) + 1 :]
        elif word.value != rest.pop(0):
            return False
    return not rest or bool(line.more)


@pytest.mark.parametrize(
    "text",
    [
        'LR=1\nif [ "$BIG" = 1 ]; then LR=2; fi\npython t.py --lr $LR',
        'if [ "$BIG" = 1 ]; then LR=2; elif [ -n "$BIG" ]; then LR=3; else LR=4; fi\npython t.py --lr "$LR"',
        'LR=1\n[ "$BIG" = 1 ] && LR=2\n[ -z "$BIG" ] || LR=5\npython t.py --lr $LR',
        '[ -n "$BIG" ] && LR=1 || LR=2\npython t.py --lr $LR',
        'case "$BIG" in\n  1|3) LR=2 ;;\n  2)\n    LR=3\n    ;;\n  *) LR=4;;\nesac\npython t.py --lr $LR',
        'case "$BIG" in 1) LR=2;; esac; python t.py --lr ${LR:-7}',
        "for lr in 1 2 3; do\n  for r in 8 16; do python t.py --r $r --out $lr-$r; done\ndone\npython t.py $lr",
        'LRS="1 2"\nfor lr in $LRS 3; do python t.py --lr $lr; done',
        "for s in {1..3} a{b,c}; do python t.py --seed $s; done",
        "for ((i = 0; i < 3; i++)); do python t.py --seed $i; done",
        "for s in $(seq 2 4); do python t.py --seed $s; done",
        "i=0\nwhile [ $i -lt 3 ]; do\n  python t.py --seed $i\n  i=$((i + 1))\ndone\npython t.py $i",
        'ALL=""\nfor r in 1 2; do ALL="$ALL --r $r"; done\npython t.py $ALL',
        'train() {\n  local lr=$1; shift\n  python t.py --lr $lr "$@"\n}\ntrain 1 --r 8\ntrain 2 --name "a b"',
        'LR=1\nset_rate() { LR=5; }\nset_rate\npython t.py --lr $LR',
        "LR=1\ntrain() { local LR=2; python t.py --in $LR; }\ntrain\npython t.py --out $LR",
        'function go {\n  python t.py --lr ${1:-4} "${@:2}"\n}\ngo\ngo 5 --r 8',
        'go() { python t.py --base "$@"; }\ngo "$@" --r 8',
        'usage() { echo usage; exit 0; }\nLR=1\nif [ $# -gt 5 ]; then LR=2; usage; fi\npython t.py --lr $LR',
        "if [ $# -gt 0 ]; then python t.py --early; exit 0; fi\npython t.py --late",
        'LR=1\nwhile [ $# -gt 0 ]; do\n  case $1 in\n    --lr) LR="$2"; shift 2 ;;\n    *) shift ;;\n  esac\ndone\n'
        'python t.py --lr "$LR"',
        'LR=1\n( LR=2; python t.py --lr $LR )\npython t.py --lr $LR\n{ LR=3; }\npython t.py --lr $LR',
        "LR=1\nunset LR\npython t.py --lr ${LR-2} --x ${LR:+on}",
        'M=own/big-7b\npython t.py ${M##*/} ${M%%/*} ${M#o*w} ${M%-*} ${M//\\//_} ${M/b/c} ${M^^} "${M:+--m $M}"',
        'N=4\npython t.py $((64 / N)) $(( (N + 2) * 3 % 7 )) $((-7 / 2))',
        'A=(--a 1)\nA+=(--b "x y")\npython t.py "${A[@]}" "${A[*]}" "${A[1]}" ${#A[@]}',
        'A=(--a)\n[ "$BIG" = 1 ] && A+=(--big)\npython t.py "${A[@]}" --end',
        'CMD="python t.py --lr 1"\nCMD+=" --name \'a b\'"\neval "$CMD"\neval $CMD',
        'python t.py --lr 1 \\\n  `# a remark` \\\n  --r 8',
        'set -- a "b c"\npython t.py "$1" "$2" "$*" "$@"\nshift\npython t.py "$@"',
        ': "${LR:=2}"\npython t.py --lr $LR',
        'A="*"\npython t.py "$A" \'*\' x\\*',
        'read -r LR <<< 3\npython t.py --lr $LR',
        'X="a"\nX="$X$UNSET"\nADD=\n[ -n "$BIG" ] && ADD=" --big"\npython t.py --x$ADD --y "$X"',
    ],
)  # fmt: skip
def test_every_start_that_bash_makes_is_one_of_the_launches(text: str) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    lines = launches(text)
    for environment, given in WAYS:
        made = subprocess.run(
            ["bash", "-c", PYTHON + text, "run.sh", *given],
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        for started in made.stdout.split("\036")[1:]:
            words = started.rstrip("\n").split("\037")[1:]
            assert any(fits(line, words) for line in lines), (words, words_of(text))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('LR=1\nif [ "$X" = 1 ]; then LR=2; fi\npython t.py $LR', [[{"1", "2"}]]),
        ('if [ "$X" = 1 ]; then LR=2; else LR=3; fi\npython t.py "$LR"', [[{"2", "3"}]]),
        ('if [ "$X" = 1 ]; then LR=2; else exit 1; fi\npython t.py "$LR"', [["2"]]),
        ("for lr in 1 2; do python t.py $lr; done", [["1"], ["2"]]),
        ("for a in 1 2 3; do for b in 4 5 6; do python t.py $a $b; done; done",
         [["1", {"4", "5", "6"}], ["2", {"4", "5", "6"}], ["3", {"4", "5", "6"}]]),
        ("for f in data/*.json; do python t.py $f; done", [["Unknown"]]),
        ("while read lr; do python t.py $lr; done < rates", [["Unknown"]]),
        ("run() { python t.py $1; }\nrun 1\nrun 2", [["1"], ["2"]]),
        ("run() { python t.py $1; }", [["Unknown"]]),
        ("bash <<EOF\npython t.py --lr 1\nEOF\ncat <<EOF\npython t.py --lr 2\nEOF", [["--lr", "1"]]),
        ("LR=1\nsbatch <<'EOF'\n#!/bin/bash\nsrun python t.py $LR\nEOF", [["Unknown"]]),
        ("LR=1\nsbatch <<EOF\nsrun python t.py $LR \\$SLURM_JOB_ID\nEOF", [["1", "Unknown"]]),
        ("python t.py --r=8 --lr=${LR:-1}", [["--r=8", "--lr", "1"]]),
        ("uv run -m t --lr 1", [["--lr", "1"]]),
        ("bash -c \"python t.py --name '$UNSET' --r 8\"", [["--name", "Unknown", "--r", "8"]]),
    ],
)  # fmt: skip
def test_each_way_through_a_launch_file_is_a_launch(text: str, words: list[list[object]]) -> None:
    assert words_of(text) == words


MODE = 'M="${1:-one}"\nC="$M.yaml"\nA=(--config "$C")\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('if [ "$M" = two ]; then\n  python t.py "${A[@]}"\nfi\npython t.py $C',
         [["--config", "two.yaml"], ["one.yaml"]]),
        ('if [[ $M == two && -n $X ]]; then python t.py $C; fi', [["two.yaml"]]),
        ('if ! [ "$M" = two ]; then python t.py $C; fi', [["one.yaml"]]),
        ('if [ "$M" = two ] || true; then python t.py $C; fi', [["one.yaml"]]),
        ('if [[ $M == t* ]]; then python t.py $C; fi', [["one.yaml"]]),
        ('if [ "$M" = one ]; then python t.py $C; else python t.py $C; fi', [["one.yaml"], ["Unknown"]]),
        ('if [ "$M" = one ] && [ -f x ]; then python t.py $C; else python t.py $C; fi', [["one.yaml"], ["one.yaml"]]),
        ('case "$M" in\n  two) python t.py $C;;\n  a|b) python t.py $C;;\n  *) python t.py $C;;\nesac',
         [["two.yaml"], [{"a.yaml", "b.yaml"}], ["one.yaml"]]),
        ('case "$M" in\n  one|two) python t.py $C;;\n  *) python t.py $C;;\nesac', [["one.yaml"], ["Unknown"]]),
        ('M=3\nif [ "$M" = two ]; then python t.py $C $M; fi', [["one.yaml", "two"]]),
        ('L=$C\nC=c.yaml\nif [ "$M" = two ]; then python t.py $L $C; fi', [["Unknown", "c.yaml"]]),
        ('if [ "$M" = two ]; then C=c.yaml; fi\npython t.py $C', [["Unknown"]]),
    ],
)  # fmt: skip
def test_an_arm_has_what_its_test_says(text: str, words: list[list[object]]) -> None:
    assert words_of(MODE + text) == words


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_launch_file_gets_what_bash_hands_on_in_every_arm() -> None:
    text = MODE + 'if [ "$M" = two ]; then python t.py "${A[@]}" 2; else python t.py "$C" "$M"; fi'
    lines = launches(text)
    for given in ([], ["two"]):
        made = subprocess.run(
            ["bash", "-c", PYTHON + text, "run.sh", *given], capture_output=True, text=True, check=True
        )
        words = made.stdout.split("\036")[1].rstrip("\n").split("\037")[1:]
        assert any(fits(line, words) for line in lines), words


def test_a_launch_of_a_loop_or_function_says_which() -> None:
    text = "go() { python t.py --lr $1 --r $r; }\nfor r in 8 16; do go 1; done"
    assert [line.text for line in launches(text)] == [
        "python t.py --lr $1 --r $r (r=8, go 1)",
        "python t.py --lr $1 --r $r (r=16, go 1)",
    ]


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("python t.py --lr 1 $EXTRA", True),
        ("python t.py --lr $RATE", False),
        ('python t.py --lr 1 "$NAME"', False),
        ("if x; then E='--a'; else E=; fi\npython t.py --lr 1 $E", True),
        ("python t.py --lr 1 ${RESUME:+--resume}", True),
        ('mapfile -t A < list\npython t.py "${A[@]}"', True),
    ],
)
def test_a_variable_that_may_hold_options_leaves_the_line_open(text: str, more: bool) -> None:
    (line,) = launches(text)
    assert bool(line.more) == more


def test_a_file_that_is_read_into_a_launch_file_sets_its_variables(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vars.sh").write_text("LR=1\nrun() { python t.py $1; }\n")
    (tmp_path / "run.sh").write_text("LR=0\nsource ./vars.sh\nsource ~/.bashrc\nrun $LR\n")
    (line,) = of_file((tmp_path / "run.sh").read_bytes(), "run.sh")
    assert isinstance(line.words[0], Known) and line.words[0].value == "1"


def test_a_disabled_directive_of_slurm_counts_for_nothing() -> None:
    (line,) = launches("# SBATCH --gres=gpu:4\n#SBATCH --chdir=src\nsrun torchrun --nproc_per_node=gpu t.py")
    assert isinstance(line.processes, Unknown) and line.folders[0].endswith("/src")


@pytest.mark.parametrize(
    "text",
    ["if", "if x", "if x; then", "fi", "else", "case", "case x in", "case x in a)", "esac", ";;", "for", "for x in a b",
     "for ((", "while", "do", "done", "f()", "f() {", "function", "}", "{", "f() { f; }; f", "set --",
     "eval 'eval eval'", "shift 9", "source", "local x=1", "${a//", "${a##*", "$((1/0))", "$((", "((x", "a=(",
     "{1..999999}", "cat <<EOF",
     "if x; then\n" * 2000, "for a in 1 2; do " * 300, "case x in a) " * 500, "f() {\n" * 500, "( " * 2000,
     "[ x ] && " * 900],
)  # fmt: skip
def test_a_half_written_structure_gives_what_can_be_read(text: str) -> None:
    launches(f"python t.py --first\n{text}\npython t.py --lr 1\n")
    assert words_of(f"python t.py --first\n{text}\n")[0] == ["--first"]


OPTIONS = (
    'OUT=""\nLR=1\nwhile [ $# -gt 0 ]; do case $1 in --out) OUT="$2"; shift 2 ;; --lr) LR="$2"; shift 2 ;; esac; done\n'
)
TRAINS = 'python t.py --out "$OUT" --lr "$LR"'


@pytest.mark.parametrize(
    "guard",
    [
        'if [ -z "$OUT" ]; then exit 1; fi\n',
        'if [[ -z "$OUT" ]]; then echo "--out is required" >&2; exit 1; fi\n',
        "if [[ -z $OUT || -z $LR ]]; then exit 1; fi\n",
        'if [ -z "$LR" ] || [ -z "$OUT" ]; then exit 1; else echo "$OUT"; fi\n',
        '[ -z "$OUT" ] && exit 1\n',
        '[[ -n "$OUT" ]] || { echo usage; exit 1; }\n',
    ],
)
def test_a_variable_without_which_the_script_stops_is_not_empty_behind_the_test(guard: str) -> None:
    assert words_of(OPTIONS + guard + TRAINS) == [["--out", "Unknown", "--lr", "1"]]
    (line,) = launches(OPTIONS + guard + 'RUN="$OUT/final"\npython t.py --out "$RUN"')
    assert isinstance(line.words[1], Unknown) and "the caller gives $OUT" in line.words[1].why


@pytest.mark.parametrize(
    "guard",
    [
        "",
        'if [ -z "$OUT" ]; then echo "no --out"; fi\n',  # goes on
        'if [ -n "$OUT" ]; then exit 1; fi\n',
        'if ! [ -z "$OUT" ]; then exit 1; fi\n',
        'if [ -z "$OUT" ] && [ "$LR" = 9 ]; then exit 1; fi\n',
        '[ -n "$OUT" ] && exit 1\n',
        '[ -z "$OUT" ] || exit 1\n',
        'if [ "$LR" = 9 ]; then LR=1; elif [ -z "$OUT" ]; then exit 1; fi\n',  # the first arm goes on with it
    ],
)
def test_other_tests_leave_the_empty_default(guard: str) -> None:
    (line,) = launches(OPTIONS + guard + TRAINS)
    assert isinstance(line.words[1], (Known, Default)) and line.words[1].value == ""
