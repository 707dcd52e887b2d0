"""Nothing is lost when a process is killed while it writes, or the disk is full."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path

import pytest

from nl2sql_review.files import beside
from nl2sql_review.fixes import write as writing
from nl2sql_review.fixes.write import Edited, WriteError, write


def write_and_die(edited: Edited, line: int) -> None:
    """In a child: exchange a file, and be killed before the given line that does so. Never returns."""
    left = itertools.count(line - 1, -1)

    def trace(frame, event, _):
        if frame.f_code.co_filename not in (writing.__file__, beside.__file__):
            return None
        if event == "line" and not next(left):
            os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)
    try:
        write([edited])
    finally:
        os._exit(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be killed here")
def test_a_killed_process_leaves_the_file_whole(tmp_path: Path) -> None:
    """Killed before each line: the file is old or new, and the next run removes what was left beside it."""
    path, old, new = tmp_path / "train.py", b"a" * 300_000, b"b" * 300_000
    found = []
    for line in itertools.count(1):
        path.write_bytes(old)
        child = os.fork()
        if not child:
            write_and_die(Edited(str(path), old, new), line)
        if os.waitpid(child, 0)[1] == 0:  # there are no more lines
            break
        found.append(path.read_bytes())
    assert set(found) == {old, new} and path.read_bytes() == new
    assert os.listdir(tmp_path) == ["train.py"]


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
