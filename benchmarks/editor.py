"""What an edit costs the language server, and whether it keeps what it should forget.

    python benchmarks/editor.py [SCRIPT] [--first 9] [--edits 40] [--report 500 2500 5000] [--everything]

A server process is driven over its standard input and output, as an editor does it, but for the pause that it waits
for further keys. Each edit changes a value that the run records; then its diagnostics are asked for, and with
`--everything` its inlay hints and code lenses. Printed are processor times of the whole server process: of the first
answer, beside that of the command line (`--first` says how often both are taken, in turn), of an edit until it is
answered (median, 95th percentile) and of what is freed afterwards, and the resident memory after the edits that
--report names.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TRAINER = ROOT / "examples" / "train_unsloth_complete.py"
VALUE = re.compile(r"\b(LEARNING_RATE = |learning_rate=)[\d.e-]+")
# The server as the command starts it, without the pause: what an edit costs is asked, and not how long somebody types.
SERVER = """
import gc
gc.disable()
from nl2sql_review.serve.language_server import reviews
reviews.PAUSE = 0
from nl2sql_review.cli import main
raise SystemExit(main(["server"]))
"""
IDLE = 0.1  # seconds without work after which a server has done what it does behind an answer: longer than its rest


class Server:
    """A server process, and the messages to it."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVER], cwd=folder, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.number = 0

    def send(self, method: str, params: dict[str, Any], **more: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.process.stdin.flush()

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        """Return the answer to a request. Raises RuntimeError where it is an error, or none comes."""
        self.number += 1
        self.send(method, params, id=self.number)
        assert self.process.stdout is not None
        while True:
            length = 0
            while line := self.process.stdout.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.partition(b":")[2])
            if not length:
                raise RuntimeError("the server has gone")
            message = json.loads(self.process.stdout.read(length))
            if message.get("method") == "window/showMessage":
                raise RuntimeError(message["params"]["message"])
            if message.get("id") == self.number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(message["error"]["message"])
                return message["result"]

    def worked(self) -> float:
        """Processor time of all its threads until now, in seconds."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e9

    def settled(self) -> float:
        """As `worked`, once it does nothing more."""
        before = self.worked()
        while True:
            time.sleep(IDLE)
            now = self.worked()
            if now - before < 0.001:
                return now
            before = now

    def end(self) -> None:
        self.ask("shutdown", {})
        self.send("exit", {})
        self.process.wait(timeout=10)

    def resident(self) -> float:
        """Resident memory, in MiB."""
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii"))
        return int(found[1]) / 1024 if found else 0.0


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))}


def edited(text: str, number: int) -> str:
    """The script with another learning rate."""
    return VALUE.sub(lambda found: f"{found[1]}{2 + number / 10_000:.4f}e-4", text, count=1)


def command_line(path: Path) -> float:
    """Processor time of a review from the command line, in seconds."""
    command = [sys.executable, "-m", "nl2sql_review", "--no-cache", str(path)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def share(times: list[float], part: float) -> float:
    return sorted(times)[min(int(len(times) * part), len(times) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", nargs="?", type=Path, default=TRAINER)
    parser.add_argument("--first", type=int, default=1, help="how many first answers are measured")
    parser.add_argument("--edits", type=int, default=40)
    parser.add_argument("--report", type=int, nargs="*", default=[])
    parser.add_argument("--everything", action="store_true", help="ask for hints and lenses as well")
    args = parser.parse_args()
    path = args.script.resolve()
    text = path.read_text(encoding="utf-8")
    if not VALUE.search(text):
        parser.error(f"{path} has no learning rate to change")
    lines = text.count("\n") + 1
    document = {"uri": path.as_uri()}
    whole = {"start": {"line": 0, "character": 0}, "end": {"line": lines, "character": 0}}
    asked = [("textDocument/diagnostic", {})]
    if args.everything:
        asked += [("textDocument/inlayHint", {"range": whole}), ("textDocument/codeLens", {})]
    ratios = []
    server = None
    for _ in range(max(args.first, 1)):
        if server is not None:
            server.end()
        alone = command_line(path)
        server = Server(path.parent)
        server.ask("initialize", {"capabilities": {"textDocument": {"diagnostic": {}}}, "processId": os.getpid()})
        server.send("initialized", {})
        server.send(
            "textDocument/didOpen", {"textDocument": {**document, "languageId": "python", "version": 0, "text": text}}
        )
        for method, more in asked:
            server.ask(method, {"textDocument": document, **more})
        first = server.worked()
        ratios.append(first / alone)
        print(f"{path.name}, {lines} lines: first answer {first:.3f} s of processor time, "
              f"the command line {alone:.3f} s", flush=True)  # fmt: skip
    print(f"the first answer takes {min(ratios):.2f} to {max(ratios):.2f} times the command line's, "
          f"median {share(ratios, 0.5):.2f}", flush=True)  # fmt: skip
    assert server is not None
    times, after = [], []
    for number in range(1, max(args.edits, *args.report, 1) + 1):
        before = server.settled()
        change = {"textDocument": {**document, "version": number}, "contentChanges": [{"text": edited(text, number)}]}
        server.send("textDocument/didChange", change)
        for method, more in asked:
            server.ask(method, {"textDocument": document, **more})
        answered = server.worked()
        times.append(answered - before)
        after.append(server.settled() - answered)
        if number in args.report:
            print(f"{number} edits: {server.resident():.1f} MiB resident", flush=True)
    print(f"{len(times)} edits: median {share(times, 0.5):.3f} s, 95 % {share(times, 0.95):.3f} s of processor time; "
          f"then {share(after, 0.5):.3f} s, 95 % {share(after, 0.95):.3f} s, to free what is left")  # fmt: skip
    server.end()


if __name__ == "__main__":
    main()
