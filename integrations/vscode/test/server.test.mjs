// The server over VS Code's own protocol library, and which server the extension starts. Needs no VS Code.
//   PYTHON=python NL2SQL_REVIEW_ROOT=../.. node --test test/
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";

const require = createRequire(import.meta.url);
const protocol = require("vscode-languageserver-protocol/node");
const SCRIPT = `from unsloth import FastLanguageModel

R = 64
model, tokenizer = FastLanguageModel.from_pretrained("unsloth/Qwen2.5-Coder-7B-bnb-4bit", load_in_4bit=True)
model = FastLanguageModel.get_peft_model(model, r=R, lora_alpha=R)
`;

async function finder() {
  const out = path.join(mkdtempSync(path.join(tmpdir(), "server-")), "server.mjs");
  await build({ entryPoints: ["src/server.ts"], outfile: out, bundle: true, platform: "node", format: "esm" });
  return import(pathToFileURL(out).href);
}

test("the server of the settings, the bundled one, the one on the path, a module", async () => {
  const { findServer } = await finder();
  const folder = mkdtempSync(path.join(tmpdir(), "extension-"));
  const wishes = { path: "", useBundled: true, interpreter: "" };
  assert.equal(findServer({ ...wishes, path: "/opt/nl2sql-review" }, folder, {}).command, "/opt/nl2sql-review");
  assert.equal(findServer(wishes, folder, { PATH: "" }).origin, "interpreter");
  writeFileSync(path.join(folder, "nl2sql-review"), "", { mode: 0o755 });
  assert.equal(findServer(wishes, folder, { PATH: folder }).origin, process.platform === "win32" ? "interpreter" : "path");
  mkdirSync(path.join(folder, "bundled", "nl2sql_review"), { recursive: true });
  const bundled = findServer(wishes, folder, { PATH: folder, PYTHONPATH: "/elsewhere" });
  assert.equal(bundled.origin, "bundled");
  assert.equal(bundled.env.PYTHONPATH, path.join(folder, "bundled"));
  assert.notEqual(findServer({ ...wishes, useBundled: false }, folder, { PATH: "" }).origin, "bundled");
});

test("a session: findings, hover, a fix, a lens", { timeout: 240_000 }, async () => {
  const env = { ...process.env, PATH: "" };
  if (process.env.NL2SQL_REVIEW_ROOT) env.PYTHONPATH = path.resolve(process.env.NL2SQL_REVIEW_ROOT);
  const { findServer } = await finder();
  const workspace = mkdtempSync(path.join(tmpdir(), "workspace-"));
  const start = findServer({ path: "", useBundled: false, interpreter: process.env.PYTHON ?? "python3" }, workspace, env);
  // Files of a workspace are read and never run, whatever they are called.
  for (const name of ["attr", "asyncio", "runpy", "typing"]) writeFileSync(path.join(workspace, `${name}.py`), "1 / 0\n");
  const child = spawn(start.command, start.args, { env: { ...start.env, PATH: process.env.PATH }, cwd: workspace });
  const connection = protocol.createProtocolConnection(
    new protocol.StreamMessageReader(child.stdout),
    new protocol.StreamMessageWriter(child.stdin),
  );
  const told = new Promise((resolve) => {
    connection.onNotification(protocol.PublishDiagnosticsNotification.type, (params) => {
      if (params.diagnostics.length) resolve(params);
    });
  });
  connection.listen();
  const answer = await connection.sendRequest(protocol.InitializeRequest.type, {
    processId: null,
    rootUri: null,
    capabilities: {},
    initializationOptions: { showsTexts: true },
  });
  assert.ok(answer.capabilities.hoverProvider && answer.capabilities.inlayHintProvider);
  await connection.sendNotification(protocol.InitializedNotification.type, {});
  const uri = pathToFileURL(path.join(mkdtempSync(path.join(tmpdir(), "project-")), "train.py")).href;
  await connection.sendNotification(protocol.DidOpenTextDocumentNotification.type, {
    textDocument: { uri, languageId: "python", version: 1, text: SCRIPT },
  });
  const { diagnostics } = await told;
  assert.ok(diagnostics.some((one) => one.code === "lora/rank"));
  const position = { line: 4, character: SCRIPT.split("\n")[4].indexOf("r=R") };
  const textDocument = { uri };
  const hover = await connection.sendRequest(protocol.HoverRequest.type, { textDocument, position });
  assert.match(hover.contents.value, /\*\*r\*\* = `64`/);
  const actions = await connection.sendRequest(protocol.CodeActionRequest.type, {
    textDocument,
    range: { start: position, end: position },
    context: { diagnostics: [] },
  });
  const fix = actions.find((one) => one.kind === "quickfix.policy.nl2sql" && one.title.includes("lora/rank"));
  assert.ok(fix.edit.changes[uri].some((edit) => edit.newText.includes("16")));
  const lenses = await connection.sendRequest(protocol.CodeLensRequest.type, { textDocument });
  const plan = await connection.sendRequest(protocol.ExecuteCommandRequest.type, {
    command: lenses[1].command.command,
    arguments: lenses[1].command.arguments,
  });
  assert.match(plan, /64/);
  await connection.sendRequest(protocol.ShutdownRequest.type);
  await connection.sendNotification(protocol.ExitNotification.type);
  assert.equal(await new Promise((resolve) => child.on("exit", resolve)), 0);
  connection.dispose();
});
