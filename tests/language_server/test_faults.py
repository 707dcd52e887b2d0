"""What goes wrong: clients that say little, messages that are none, files that are too much, edits without end."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import libcst as cst
import pytest
from lsprotocol import types

from nl2sql_review import source
from nl2sql_review.serve.language_server import reviews
from nl2sql_review.serve.language_server.documents import Document, Documents
from nl2sql_review.serve.language_server.reviews import Desk
from nl2sql_review.serve.language_server.server import made
from nl2sql_review.serve.language_server.turns import Turns

from .driver import LIMIT, ROOT, Editor, drive, editor
from .scripts import SHORT

COMMAND = (sys.executable, "-m", "nl2sql_review", "server")
LOOKING = """\
from nl2sql_review.serve.language_server import protocol, server
protocol.LOOK = 0.1
server.run()
"""  # for its editor more often than one that is in use


class Wire:
    """A client that writes what it likes, byte by byte, to a server in a process of its own."""

    def __init__(self, folder: Path, command: Sequence[str] = COMMAND) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

        self.watch = threading.Timer(LIMIT, self.process.kill)  # rather than waiting for an answer for ever
        self.watch.daemon = True
        self.watch.start()

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        assert length, "the server has gone"
        return json.loads(self.process.stdout.read(length))

    def answer(self, number: int) -> dict[str, Any]:
        while True:
            message = self.read()
            if message.get("id") == number and "method" not in message:
                return message


def test_a_greeting_with_nothing_in_it_is_answered_and_broken_messages_are_survived(tmp_path: Path) -> None:
    wire = Wire(tmp_path)
    wire.send(id=0, method="textDocument/hover", params={})
    assert "error" in wire.answer(0)
    wire.send(id=1, method="initialize", params={"capabilities": {}, "processId": None, "rootUri": None})
    found = wire.answer(1)["result"]["capabilities"]
    for name in ("hoverProvider", "definitionProvider", "inlayHintProvider", "codeLensProvider", "codeActionProvider"):
        assert found[name], name
    assert found["diagnosticProvider"]["interFileDependencies"] and found["notebookDocumentSync"]
    assert found["completionProvider"] and found["executeCommandProvider"]["commands"]
    wire.send(method="initialized", params={})
    wire.write(b"Content-Length: 9\r\n\r\n{broken]}")
    wire.send(id=2, method="textDocument/hover", params={"textDocument": 7})
    assert "error" in wire.answer(2)
    wire.send(id=3, method="no/such/method", params={})
    assert wire.answer(3)["error"]["code"] == -32601
    wire.send(id=31, method="initialize", params={"capabilities": {}})
    assert wire.answer(31)["error"]["code"] == -32600  # there is one greeting
    uri = (tmp_path / "train.py").as_uri()
    place = {"textDocument": {"uri": uri}, "position": {"line": 4, "character": 50}}
    wire.send(id=4, method="textDocument/hover", params=place)  # of what nobody has opened
    assert wire.answer(4)["result"] is None
    opened = {"uri": uri, "languageId": "python", "version": 1, "text": SHORT}
    wire.send(method="textDocument/didOpen", params={"textDocument": opened})
    while (message := wire.read()).get("method") != "textDocument/publishDiagnostics":
        pass
    assert "lora/rank" in [one["code"] for one in message["params"]["diagnostics"]]
    assert wire.process.stdin is not None
    wire.process.stdin.close()  # the client goes away without a word
    wire.process.wait(timeout=LIMIT)


def test_a_file_named_after_a_module_of_the_server_is_not_run(tmp_path: Path) -> None:
    """`python -m` looks for modules in the working directory first."""
    for name in ("attr", "asyncio", "libcst", "lsprotocol", "argparse"):
        (tmp_path / f"{name}.py").write_text("open('was-run', 'w')\n1 / 0\n")
    wire = Wire(tmp_path)
    wire.send(id=1, method="initialize", params={"capabilities": {}})
    assert wire.answer(1)["result"]["capabilities"]["hoverProvider"]
    wire.send(id=2, method="shutdown")
    wire.answer(2)
    wire.send(method="exit")
    assert wire.process.wait(timeout=LIMIT) == 0 and not (tmp_path / "was-run").exists()


def test_a_server_ends_after_its_editor(tmp_path: Path) -> None:
    """Of one that is killed while its pipe is held open, and of one that reads no more."""
    editor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    wire = Wire(tmp_path, (sys.executable, "-c", LOOKING))
    wire.send(id=1, method="initialize", params={"capabilities": {}, "processId": editor.pid})
    wire.answer(1)
    editor.kill()
    editor.wait()
    assert wire.process.wait(timeout=LIMIT) == 1
    wire = Wire(tmp_path)
    wire.send(id=1, method="initialize", params={"capabilities": {}})
    wire.answer(1)
    assert wire.process.stdout is not None and wire.process.stderr is not None
    wire.process.stdout.close()
    wire.send(id=2, method="no/such/method", params={})
    assert wire.process.wait(timeout=LIMIT) == 1
    assert b"Traceback" not in (said := wire.process.stderr.read()) and b"port" not in said


def test_a_cancelled_request_is_answered_as_cancelled_and_the_next_one_as_ever(tmp_path: Path) -> None:
    wire = Wire(tmp_path)
    wire.send(id=1, method="initialize", params={"capabilities": {}})
    wire.answer(1)
    uri = (tmp_path / "train.py").as_uri()
    opened = {"uri": uri, "languageId": "python", "version": 1, "text": SHORT}
    wire.send(method="textDocument/didOpen", params={"textDocument": opened})
    place = {"textDocument": {"uri": uri}, "position": {"line": 4, "character": SHORT.split("\n")[4].index("r=R")}}
    wire.send(id=2, method="textDocument/hover", params=place)
    wire.send(method="$/cancelRequest", params={"id": 2})
    wire.send(id=3, method="textDocument/hover", params=place)
    answers = {}
    while not {2, 3} <= set(answers):
        message = wire.read()
        if "method" not in message:
            answers[message["id"]] = message
    assert answers[2]["error"]["code"] == -32800
    assert "`64`" in answers[3]["result"]["contents"]["value"]
    wire.send(id=4, method="shutdown")
    wire.answer(4)
    wire.send(method="exit")
    assert wire.process.wait(timeout=LIMIT) == 0


def test_a_fault_in_one_file_is_a_message_and_the_others_are_reviewed(tmp_path: Path) -> None:
    """The fault is planted by a sitecustomize of the server's own process."""
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "sitecustomize.py").write_text(
        "import sys\n"
        "class Plant:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'nl2sql_review.serve.language_server.answers':\n"
        "            from nl2sql_review.run.reviewer import Reviewer\n"
        "            examine = Reviewer.examine\n"
        "            def faulty(self, data, path, *a, **k):\n"
        "                if path.endswith('faulty.py'): raise ZeroDivisionError('planted')\n"
        "                return examine(self, data, path, *a, **k)\n"
        "            Reviewer.examine = faulty\n"
        "sys.meta_path.insert(0, Plant())\n"
    )

    async def session() -> None:
        async with editor(tmp_path, path=[planted]) as one:
            faulty = one.open("faulty.py", SHORT)
            good = one.open("train.py", SHORT)
            found = await one.pushed(good, bool)
            assert "lora/rank" in [each.code for each in found]
            await one.until(lambda: bool(one.client.messages))
            assert "faulty.py could not be reviewed" in one.client.messages[0].message
            assert "ZeroDivisionError: planted" in one.client.messages[0].message
            assert not (await one.pull(faulty)).items

    asyncio.run(session())


def test_files_that_are_too_long_and_many_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No review ends before somebody asks for one: the order of the others does not depend on how fast they are."""
    asked, order = threading.Event(), []
    review, turn = Desk.review, Turns.turn

    def held(self: Desk, document: Document, *rest: Any) -> reviews.Review:
        assert asked.wait(LIMIT)
        order.append(document.uri)
        return review(self, document, *rest)

    def urgent(self: Turns, urgency: int) -> AbstractAsyncContextManager[None]:
        if urgency == reviews.ASKED:
            asked.set()
        return turn(self, urgency)

    monkeypatch.setattr(Desk, "review", held)
    monkeypatch.setattr(Turns, "turn", urgent)

    async def work(editor: Editor) -> None:
        long = editor.open("long.py", "x = 1\n" * 100_000 + SHORT)
        uris = [editor.open(f"train{number}.py", SHORT) for number in range(40)]
        last = editor.open("mine.py", SHORT)
        editor.replace(last, "R = 64", "R = 16")
        assert "lora/rank" not in [one.code for one in (await editor.pull(last)).items]
        assert order[:2] == [long, last]  # the one that was under way, and then before the others' turn
        for uri in uris:
            await editor.pushed(uri, bool)
        await editor.until(lambda: long in editor.client.diagnostics)

    drive(work, tmp_path)


def test_memory_does_not_grow_with_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the desk, where documents are examined, by the syntax trees that are left: all else hangs on one.

    The first edits, of a script and of a module that it reads, fill what is kept of parsed texts, which has limits.
    """
    monkeypatch.setattr(reviews, "MODULES", 5)
    monkeypatch.setattr(source, "KEPT", 1_000)
    documents, desk = Documents(), Desk()
    script = SHORT.replace("R = 64", "from conf import RANK as R  # {}")
    kept = []
    for number in range(30):
        document = documents.put("file:///nowhere/train.py", script.format(number), number)
        review = desk.review(document, {"/nowhere/conf.py": f"RANK = {number + 100}\n".encode()})
        assert f"r={number + 100}" in str(review.report)
        desk.tidy()
        if number >= 9:
            kept.append(sum(isinstance(one, cst.Module) for one in gc.get_objects()))
    assert max(kept[10:]) <= max(kept[:10]), kept


def test_an_edit_reads_only_the_script_that_was_edited(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "conf.py").write_text("RANK = 64\n")
    script = SHORT.replace("R = 64", "from conf import RANK as R\nBATCH = 1")
    documents, desk = Documents(), Desk()
    uri = (tmp_path / "train.py").as_uri()
    desk.review(documents.put(uri, script, 1), {})
    from nl2sql_review.policy import rulebook, settings
    from nl2sql_review.source import Source

    read: list[str] = []
    from_bytes = Source.from_bytes.__func__  # type: ignore[attr-defined]
    monkeypatch.setattr(
        Source, "from_bytes", classmethod(lambda cls, data, path: (read.append(path), from_bytes(cls, data, path))[1])
    )
    monkeypatch.setattr(rulebook, "load", lambda *_: read.append("rules"))
    monkeypatch.setattr(settings, "load", lambda *_, **__: read.append("settings"))
    review = desk.review(documents.put(uri, script.replace("BATCH = 1", "BATCH = 2"), 2), {})
    assert not review.fault and read == [str(tmp_path / "train.py")]
    same = desk.review(documents.put(uri, script.replace("BATCH = 1", "BATCH = 2"), 3), {}, review)
    assert same.examined is review.examined and len(read) == 1  # nothing has changed


def test_a_port_serves_a_client_and_a_wrong_one_is_refused(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "nl2sql_review", "server"]
    wrong = subprocess.run([*command, "--port", "99999"], capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert wrong.returncode == 2 and "99999 is not a port" in wrong.stderr and "Traceback" not in wrong.stderr

    async def connect() -> None:
        import socket

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = await asyncio.create_subprocess_exec(*command, "--port", str(port), env=environment, cwd=tmp_path)
        end = time.monotonic() + LIMIT
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                assert time.monotonic() < end and server.returncode is None
                await asyncio.sleep(0.2)
        body = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}'
        writer.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        assert b"Content-Length" in await asyncio.wait_for(reader.readline(), LIMIT)
        writer.close()
        try:
            await asyncio.wait_for(server.wait(), 10)
        finally:
            if server.returncode is None:
                server.kill()

    asyncio.run(connect())


def test_what_became_of_a_message_is_not_kept() -> None:
    """pygls keeps the outcome of every notification: a server that somebody types into all day would grow by them."""

    async def typed() -> int:
        server = made()
        protocol = server.protocol
        for number in range(20):
            text = types.TextDocumentItem("file:///nowhere/train.py", "python", number, "x = 1\n")
            for method, params in (
                (types.TEXT_DOCUMENT_DID_OPEN, types.DidOpenTextDocumentParams(text)),
                (
                    types.TEXT_DOCUMENT_DID_CLOSE,
                    types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(text.uri)),
                ),
            ):
                protocol._handle_notification(method, params)
                await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        server.reviews.stop()
        server.proofs.stop()
        return len(protocol._request_futures)

    assert asyncio.run(typed()) == 0
