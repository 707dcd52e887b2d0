"""The MCP server under reviews that hang, messages that are none, and clients that cancel, do not read, or go away."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from mcp import Client
from mcp.types import Root

from nl2sql_review.serve import mcp, messages, processes, tools
from nl2sql_review.serve.roots import Outside, Roots
from tests import node

SCRIPT = "from trl import SFTConfig, SFTTrainer\n\nSFTTrainer('m', args=SFTConfig(learning_rate=1)).train()\n"
HELLO = [
    {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}},
    },
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
]  # fmt: skip
PING = {"jsonrpc": "2.0", "id": "ping", "method": "ping"}
# A review that never comes back to Python: a regular expression holds the interpreter's lock.
HANG = """
import re
from nl2sql_review.serve import tools, worker
worker.SECONDS = {seconds}
tools.TOOLS["review_file"] = lambda *_, **__: re.match("(a|aa)+$", "a" * 200 + "b")
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch):
    """Has every review hang, and end after so many seconds; gives the processes that were started."""
    started: list[processes.Worker] = []

    def hang(seconds: float = 100) -> list[processes.Worker]:
        code = HANG.format(seconds=seconds).replace("\n", "; ").strip("; ")
        monkeypatch.setattr(processes, "BOOT", processes.BOOT.replace("main()", f"{code}; main()"))
        monkeypatch.setattr(processes, "_idle", [])
        make = processes.Worker.__init__

        def noted(self: processes.Worker) -> None:
            make(self)
            started.append(self)

        monkeypatch.setattr(processes.Worker, "__init__", noted)
        return started

    yield hang
    for worker in started:
        worker.end()


def session(work):
    async def run():
        async with Client(mcp.server(), mode="legacy") as client:  # which has `ping`
            return await work(client)

    return asyncio.run(run())


def error(result) -> str:
    return json.loads(result.content[0].text)["error"]["code"]


# Reviews that hang


def test_while_a_review_hangs_others_are_answered_and_a_cancelled_one_is_ended(hanging) -> None:
    started = hanging()

    async def work(client):
        async with anyio.create_task_group() as group:
            group.start_soon(client.call_tool, "review_file", {"path": "train.py"})
            while not started:
                await anyio.sleep(0.01)
            with anyio.fail_after(60):
                await client.send_ping()
                assert not (await client.call_tool("plan", {"path": "train.py"})).is_error
            assert started[0].status is None
            group.cancel_scope.cancel()
        with anyio.fail_after(60):
            while started[0].status is None:
                await anyio.sleep(0.01)
            assert not (await client.call_tool("plan", {"path": "train.py"})).is_error

    session(work)


def test_a_review_that_nobody_cancels_is_ended_by_the_system(hanging) -> None:
    hanging(seconds=0.5)
    assert error(session(lambda client: client.call_tool("review_file", {"path": "train.py"}))) == "limit"


def test_a_process_that_dies_is_a_fault_and_the_next_request_gets_another(monkeypatch) -> None:
    die = "import os; from nl2sql_review.serve import tools; tools.TOOLS['plan'] = lambda *_, **__: os._exit(3); main()"
    monkeypatch.setattr(processes, "BOOT", processes.BOOT.replace("main()", die))
    monkeypatch.setattr(processes, "_idle", [])

    async def work(client):
        assert error(await client.call_tool("plan", {"path": "train.py"})) == "internal-error"
        assert not (await client.call_tool("review_file", {"path": "train.py"})).is_error

    session(work)


# Messages that are none


@pytest.fixture
def server():
    """The server as a process, with what it has been asked to say first already read."""
    process = subprocess.Popen([node.tool(), "mcp"], stdin=-1, stdout=-1, stderr=-1)
    send(process, *HELLO)
    assert json.loads(process.stdout.readline())["id"] == 1
    yield process
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        with suppress(OSError):
            pipe.close()


def send(process: subprocess.Popen, *lines: object) -> None:
    for line in lines:
        process.stdin.write(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n")
    process.stdin.flush()


def call(id: object, path: str) -> dict:
    named = {"name": "review_file", "arguments": {"path": path}}
    return {"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": named}


NO_MESSAGES = (
    b"garbage\n", b"{\n", b"[]\n", b"{}\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"\0\n",
    b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}\n', b'"\\ud800"\n', b'{"jsonrpc": "2.0", "id": {}}\n',
)  # fmt: skip


def test_what_is_no_message_is_answered_as_one_that_cannot_be_read(server) -> None:
    for line in NO_MESSAGES:
        send(server, line, PING)
        answers = [json.loads(server.stdout.readline()) for _ in range(2)]
        assert answers[0]["id"] is None and answers[0]["error"]["code"] == -32700, line[:60]
        assert answers[1] == {"jsonrpc": "2.0", "id": "ping", "result": {}}, line[:60]


def test_half_of_a_surrogate_pair_in_a_path(server) -> None:
    send(server, call(2, "a\ud800.py"), b" \n", PING)
    answers = {answer["id"]: answer for answer in (json.loads(server.stdout.readline()) for _ in range(2))}
    assert answers["ping"]["result"] == {}
    assert json.loads(answers[2]["result"]["content"][0]["text"])["error"]["code"] == "not-found"


@pytest.mark.skipif(os.name == "nt", reason="names there are text")
def test_a_name_that_is_no_utf_8_is_told_as_far_as_json_can(project: Path) -> None:
    odd = os.fsencode(project) + b"/b\xff"
    os.mkdir(odd)
    os.chdir(odd)
    Path("train.py").write_text(SCRIPT, encoding="utf-8")
    answer = tools.answer("review_file", {"path": "nowhere.py"}, [os.path.realpath(os.getcwd())])
    assert answer["code"] == "not-found"
    json.dumps(answer, ensure_ascii=False).encode()
    answer = tools.answer("review_file", {"path": "train.py"}, [os.path.realpath(os.getcwd())])
    json.dumps(answer, ensure_ascii=False).encode()


def test_a_message_that_is_too_long_is_not_kept(monkeypatch) -> None:
    monkeypatch.setattr(messages, "LARGEST", 100)
    lines = messages.Lines(io.BytesIO(b"x" * 99 + b"\n" + b"y" * 5_000_000 + b"\n" + b"z" * 100 + b"\nshort\nend"))
    assert [lines.readline() for _ in range(6)] == [
        "x" * 99 + "\n", messages.TOO_LONG, messages.TOO_LONG, "short\n", "end", "",
    ]  # fmt: skip


def test_a_client_that_does_not_read_and_one_that_goes_away(server) -> None:
    send(server, *(call(number, "train.py") for number in range(200)))
    time.sleep(1)  # what is answered fills the pipe
    assert server.poll() is None
    server.stdout.close()
    server.stdin.close()
    server.wait(timeout=60)
    assert (server.returncode, server.stderr.read()) == (0, b"")


# Roots


@pytest.mark.parametrize("uri", ["file://host/etc", "file://host.example/", "FILE://HOST/", "file://[", "file:etc"])
def test_a_root_of_another_host_allows_nothing(uri: str) -> None:
    with pytest.raises(Outside):
        Roots([uri]).file("/etc/passwd")


def test_a_root_of_this_host_is_one(project: Path) -> None:
    for uri in (project.as_uri(), f"file://localhost{project}", f"FILE://{project}"):
        assert Roots([uri]).file("x.py") == os.path.join(os.path.realpath(project), "x.py")
    assert [str(root.uri) for root in [Root(uri="file:///x")]] == ["file:///x"]


@pytest.mark.parametrize(
    ("name", "text", "verdict"),
    [
        ("nl2sql-review.toml", 'ignore = ["arguments/learning-rate"]', "settings"),
        ("requirements.txt", "trl==0.7.4\n", "versions"),
    ],
)
def test_what_a_link_beside_a_script_leads_to_is_not_there(project: Path, name: str, text: str, verdict: str) -> None:
    """Settings and requirement files that a link takes from outside the roots count no more than any other file."""
    outside = project.parent / "outside"
    outside.write_text(text, encoding="utf-8")
    directories = [os.path.realpath(project)]
    without = tools.answer("plan", {"path": "train.py"}, directories), *reviewed(directories)
    (project / name).symlink_to(outside)
    assert (tools.answer("plan", {"path": "train.py"}, directories), *reviewed(directories)) == without
    (project / name).unlink()
    (project / name).write_text(text, encoding="utf-8")  # the twin: what is really there does count
    assert (tools.answer("plan", {"path": "train.py"}, directories), *reviewed(directories)) != without


def reviewed(directories: list[str]) -> tuple:
    return (tools.answer("review_file", {"path": "train.py"}, directories),)


def test_a_baseline_outside_the_roots_is_not_read(project: Path) -> None:
    (project.parent / "secret.json").write_text('{"secret": 1}', encoding="utf-8")
    (project / "nl2sql-review.toml").write_text('baseline = "../secret.json"', encoding="utf-8")
    answer = tools.answer("review_file", {"path": "train.py"}, [os.path.realpath(project)])
    assert answer["code"] == "settings" and "leads out of" in answer["message"]
