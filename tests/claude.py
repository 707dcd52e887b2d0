"""Claude Code as it comes from npm, with a home of its own, no account, and a scripted model in place of a real one."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Union

import pytest

from tests import node

Request = dict[str, Any]  # what is asked of the model: "system", "messages", "tools"
Answer = Union[str, tuple[str, dict[str, Any]]]  # a text, which ends the turn, or the use of a tool: (name, input)


class Claude:
    """One installation, in which plugins may be installed, and the project it works in."""

    def __init__(self, home: Path, project: Path) -> None:
        modules = node.installed(node.CLAUDE_CODE)
        programs = [p for p in modules.glob("@anthropic-ai/claude-code-*/claude*") if p.suffix in ("", ".exe")]
        if not programs:
            pytest.skip("Claude Code has no program for this machine: it was NOT tested")
        self.program, self.project = programs[0], project
        keep = {k: os.environ[k] for k in ("SYSTEMROOT", "TMPDIR", "LANG") if k in os.environ}
        self.environment = {
            **keep, "HOME": str(home), "USERPROFILE": str(home), "DISABLE_AUTOUPDATER": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            # The first question to the model waits for the servers, however busy the machine is.
            "MCP_CONNECTION_NONBLOCKING": "0", "MCP_CONNECT_TIMEOUT_MS": "60000",
            "PATH": os.pathsep.join((str(node.tool().parent), os.environ["PATH"])),
        }  # fmt: skip

    def run(self, *arguments: str, **environment: str) -> str:
        """Standard output of one command."""
        done = subprocess.run(
            [self.program, *arguments], cwd=self.project, env={**self.environment, **environment},
            stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
        return done.stdout

    def session(self, answer: Callable[[Request], Answer], *options: str) -> list[Request]:
        """What was asked of the model in a session in which it answered as `answer` says."""
        with scripted(answer) as (address, requests):
            self.run("-p", "go", *options, ANTHROPIC_BASE_URL=address, ANTHROPIC_API_KEY="sk-ant-none")
        return requests


def in_turn(*answers: Answer) -> Callable[[Request], Answer]:
    """The answers one after the other, then the end."""

    def answer(request: Request) -> Answer:
        done = sum(block["type"] == "tool_result" for block in blocks(request))
        return answers[done] if done < len(answers) else "done"

    return answer


def blocks(request: Request) -> list[dict[str, Any]]:
    """The content of all messages, in order."""
    found: list[dict[str, Any]] = []
    for message in request["messages"]:
        content = message["content"]
        found += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return found


def texts(request: Request) -> list[str]:
    return [block["text"] for block in blocks(request) if block["type"] == "text"]


def results(request: Request) -> list[str]:
    """What the tools have answered, as the model is told it."""
    found = []
    for block in blocks(request):
        if block["type"] == "tool_result":
            content = block["content"]
            found.append(content if isinstance(content, str) else "".join(part.get("text", "") for part in content))
    return found


@contextmanager
def scripted(answer: Callable[[Request], Answer]):
    """(address, requests so far) of a server that speaks the Messages API."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if "count_tokens" in self.path:
                return self.reply('{"input_tokens": 10}', "application/json")
            requests.append(request)
            self.reply(_stream(request["model"], answer(request), len(requests)), "text/event-stream")

        def reply(self, text: str, kind: str) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", requests
    finally:
        server.shutdown()
        server.server_close()


def _stream(model: str, answer: Answer, number: int) -> str:
    if isinstance(answer, str):
        block, delta, stop = {"type": "text", "text": ""}, {"type": "text_delta", "text": answer}, "end_turn"
    else:
        block = {"type": "tool_use", "id": f"toolu_{number}", "name": answer[0], "input": {}}
        delta, stop = {"type": "input_json_delta", "partial_json": json.dumps(answer[1])}, "tool_use"
    message = {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
    }  # fmt: skip
    events = [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
