"""Nothing is lost when a process is killed while it writes, or the disk is full."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from nl2sql_review.fixes.write import Edited, WriteError, write

CHILD = """
import sys
from nl2sql_review.fixes.write import Edited, write
path, size = sys.argv[1], int(sys.argv[2])
texts = [letter * size for letter in (b"a", b"b")]
print("ready", flush=True)
while True:
    write([Edited(path, texts[0], texts[1])])
    texts.reverse()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes cannot be killed here")
def test_a_killed_process_leaves_the_file_whole(tmp_path):
    path, size = tmp_path / "train.py", 300_000
    pick = random.Random(0)
    for _ in range(4):
        path.write_bytes(b"a" * size)
        with subprocess.Popen([sys.executable, "-c", CHILD, str(path), str(size)], stdout=subprocess.PIPE) as child:
            assert child.stdout.readline() == b"ready\n"
            time.sleep(pick.uniform(0, 0.02))
            child.send_signal(signal.SIGKILL)
        assert path.read_bytes() in (b"a" * size, b"b" * size)


def test_of_several_files_none_is_exchanged_unless_all_can_be(tmp_path):
    one, two = tmp_path / "a.py", tmp_path / "b.py"
    one.write_bytes(b"1")
    two.write_bytes(b"changed by someone else")
    with pytest.raises(WriteError, match=r"b\.py changed during the review"):
        write([Edited(str(one), b"1", b"2"), Edited(str(two), b"1", b"2")])
    assert one.read_bytes() == b"1" and sorted(os.listdir(tmp_path)) == ["a.py", "b.py"]


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(WriteError, match="cannot be written: No such file"):
        write([Edited(str(tmp_path / "gone.py"), b"1", b"2")])
    assert os.listdir(tmp_path) == []
