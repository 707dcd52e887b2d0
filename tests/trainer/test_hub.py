"""A dataset by its name on the hub: the real client, talking to a small server on this machine in the hub's place."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .conftest import ROOT, SCRIPT, environment, needs_stack

pytestmark = needs_stack
NAME = "someone/questions"
COMMIT = "0" * 40
FILES = {
    "README.md": b"---\nlicense: mit\n---\n",
    "train.jsonl": (ROOT / "fixtures" / "trainer" / "wikisql.jsonl").read_bytes(),
}
CHILD = """
import argparse, sys
sys.path.insert(0, sys.argv[1])
import train_unsloth_complete as trainer
trainer.logging.basicConfig(level="INFO", force=True)
tokenizer = trainer.load_tokenizer(argparse.Namespace(base_model=sys.argv[2]))
for name in ("someone/nothing", sys.argv[3]):
    trainer.DATASETS[1].path = name
    try:
        trainer.load_data(tokenizer, argparse.Namespace(data_dir="fixtures/trainer", allow_missing=False))
    except SystemExit as said:
        print(said)
"""


class Hub(BaseHTTPRequestHandler):
    """What the clients of the Hugging Face hub ask of it for one public dataset."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer()

    def answer(self, body=True):
        path = self.path.partition("?")[0].removeprefix("/api")
        name = path.rpartition("/")[2]
        if not path.startswith(f"/datasets/{NAME}"):
            return self.send(404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}, body)
        if "/resolve/" in path:
            if name not in FILES:
                return self.send(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
            return self.send(200, FILES[name], {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT}, body)
        listed = [{"type": "file", "path": n, "oid": n, "size": len(content)} for n, content in FILES.items()]
        if "/tree/" in path or "/paths-info/" in path:
            return self.send(200, json.dumps(listed).encode(), {}, body)
        if "/revision/" in path or path == f"/datasets/{NAME}":
            siblings = [{"rfilename": n} for n in FILES]
            facts = {"id": NAME, "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "siblings": siblings}
            return self.send(200, json.dumps(facts).encode(), {}, body)
        return self.send(404, b"{}", {}, body)

    def send(self, code, content, headers, body):
        self.send_response(code)
        for key, value in {"Content-Length": str(len(content)), "Content-Type": "application/json", **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args):
        pass


def test_a_data_set_from_the_hub(tmp_path, tiny):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    online = {name: "0" for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE")}
    endpoint = {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-c", CHILD, str(SCRIPT.parent), str(tiny), NAME]
    done = subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path, **online, **endpoint), capture_output=True, text=True, timeout=300
    )
    server.shutdown()
    server.server_close()
    assert done.returncode == 0, done.stderr[-3000:]
    assert "WikiSQL (someone/nothing): Dataset 'someone/nothing' doesn't exist on the Hub" in done.stdout
    assert "WikiSQL: 60 rows, 0 without question or SQL, 0 over 2048 tokens, 60 used" in done.stderr
