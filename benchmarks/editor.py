"""What an edit costs the language server, and whether it keeps what it should forget.

    python benchmarks/editor.py [SCRIPT] [--edits 40] [--report 500 2500 5000]

Each edit changes a value that the run records, and is reviewed as the server does it, without the pause that it waits
for further keys. Printed are the processor time of the first review and of the edits (median, 95th percentile), and
the resident memory after the edits that --report names.
"""

from __future__ import annotations

import argparse
import gc
import re
import time
from pathlib import Path

from nl2sql_review.serve.language_server.documents import Document
from nl2sql_review.serve.language_server.reviews import Desk

TRAINER = Path(__file__).parent.parent / "examples" / "train_unsloth_complete.py"
VALUE = re.compile(r"\b(LEARNING_RATE = |learning_rate=)[\d.e-]+")


def edited(text: str, number: int) -> bytes:
    """The script with another learning rate."""
    return VALUE.sub(lambda found: f"{found[1]}{2 + number / 10_000:.4f}e-4", text, count=1).encode()


def resident() -> int:
    """Resident memory of this process, in KiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", nargs="?", type=Path, default=TRAINER)
    parser.add_argument("--edits", type=int, default=40)
    parser.add_argument("--report", type=int, nargs="*", default=[])
    args = parser.parse_args()
    path = args.script.resolve()
    text = path.read_text(encoding="utf-8")
    if not VALUE.search(text):
        parser.error(f"{path} has no learning rate to change")
    gc.set_threshold(500_000, 20, 50)  # as the server does
    desk, held, times = Desk(), None, []
    for number in range(max(args.edits, *args.report, 1) + 1):
        document = Document(path.as_uri(), str(path), edited(text, number), number, number + 1)
        before = time.thread_time()
        held = desk.review(document, {}, held)
        times.append(time.thread_time() - before)
        desk.tidy()
        if held.fault:
            parser.error(held.fault)
        if number in args.report:
            print(f"{number} edits: {resident() / 1024:.1f} MiB resident", flush=True)
    edits = sorted(times[1:])
    print(f"first review {times[0]:.3f} s; edits: median {edits[len(edits) // 2]:.3f} s, "
          f"95 % {edits[int(len(edits) * 0.95)]:.3f} s of processor time")  # fmt: skip


if __name__ == "__main__":
    main()
