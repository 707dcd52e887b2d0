// The editor's side: starts the server, shows its state, and the texts that its lenses ask for.
import * as vscode from "vscode";
import { CloseAction, LanguageClient, State } from "vscode-languageclient/node";
import type { LanguageClientOptions, ServerOptions } from "vscode-languageclient/node";
import { findServer } from "./server";

const NAME = "nl2sql-review";
const SCHEME = "nl2sql-review-text";
const SHOWN = { showPlan: "plan", showPrompt: "prompt", showMemory: "memory", showRows: "rows" } as const;

let client: LanguageClient | undefined;
const texts = new Map<string, string>();

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const output = vscode.window.createOutputChannel(NAME, { log: true });
  const status = vscode.languages.createLanguageStatusItem(NAME, [
    { language: "python" },
    { language: "yaml" },
    { notebookType: "jupyter-notebook", language: "python" },
  ]);
  status.name = NAME;
  status.command = { command: `${NAME}.showOutput`, title: "Output" };
  context.subscriptions.push(output, status);
  context.subscriptions.push(
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      provideTextDocumentContent: (uri) => texts.get(uri.path) ?? "",
    }),
    vscode.commands.registerCommand(`${NAME}.showOutput`, () => output.show()),
    vscode.commands.registerCommand(`${NAME}.restart`, () => restart(context, output, status)),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(NAME)) {
        void restart(context, output, status);
      }
    }),
  );
  for (const [command, what] of Object.entries(SHOWN)) {
    context.subscriptions.push(
      vscode.commands.registerCommand(`${NAME}.${command}`, async () => {
        const uri = vscode.window.activeTextEditor?.document.uri;
        if (client && uri) {
          const text = await client.sendRequest<string | null>("workspace/executeCommand", {
            command: `${NAME}.${what}`,
            arguments: [uri.toString()],
          });
          await show(what, text);
        }
      }),
    );
  }
  await restart(context, output, status);
}

export async function deactivate(): Promise<void> {
  await client?.stop().catch(() => undefined);
}

async function restart(
  context: vscode.ExtensionContext,
  output: vscode.LogOutputChannel,
  status: vscode.LanguageStatusItem,
): Promise<void> {
  const before = client;
  client = undefined;
  await before?.stop().catch(() => undefined); // it may never have started
  const settings = vscode.workspace.getConfiguration(NAME);
  const start = findServer(
    {
      path: settings.get("path", ""),
      useBundled: settings.get("useBundled", true),
      interpreter: settings.get("interpreter", ""),
    },
    context.extensionPath,
  );
  output.info(`starting ${start.command} ${start.args.join(" ")} (${start.origin})`);
  const server: ServerOptions = { command: start.command, args: start.args, options: { env: start.env } };
  client = new LanguageClient(NAME, NAME, server, clientOptions(output, settings));
  const started = client;
  let ran = false;
  const usual = started.createDefaultErrorHandler();
  started.clientOptions.errorHandler = {
    error: (...all) => usual.error(...all),
    closed: () => (ran ? usual.closed() : { action: CloseAction.DoNotRestart, handled: true }), // told below
  };
  started.onDidChangeState(({ newState }) => {
    ran ||= newState === State.Running;
    if (client === started) {
      tell(status, newState, start.origin);
    }
  });
  const fault = await started.start().then(() => "", String); // it may also resolve without a server
  if (started.state !== State.Running) {
    status.severity = vscode.LanguageStatusSeverity.Error;
    status.text = `${NAME} did not start`;
    status.detail = "install nl2sql-review with pygls, or name the program in nl2sql-review.path (docs/editors.md)";
    output.error(`${status.text} ${fault}`);
    void vscode.window
      .showErrorMessage(`${status.text}: ${status.detail}`, "Show the output")
      .then((chosen) => chosen && output.show());
  }
}

function tell(status: vscode.LanguageStatusItem, state: State, origin: string): void {
  status.busy = state === State.Starting;
  status.text = state === State.Stopped ? `${NAME} has stopped` : NAME;
  status.detail = origin;
  status.severity =
    state === State.Stopped ? vscode.LanguageStatusSeverity.Error : vscode.LanguageStatusSeverity.Information;
}

function clientOptions(
  output: vscode.LogOutputChannel,
  settings: vscode.WorkspaceConfiguration,
): LanguageClientOptions {
  return {
    documentSelector: [
      { language: "python" },
      { language: "yaml" },
      { language: "json" },
      { language: "toml" },
      { language: "shellscript" },
      { pattern: "**/{nl2sql-review,pyproject}.toml" },
      { notebook: "jupyter-notebook", language: "python" },
    ],
    outputChannel: output,
    initializationFailedHandler: () => false, // restart tells it
    initializationOptions: {
      showsTexts: true,
      inlayHints: settings.get("inlayHints", true),
      ignoreReason: settings.get("ignoreReason", ""),
    },
    middleware: {
      executeCommand: async (command, args, next) => {
        const answer: unknown = await next(command, args);
        const what = Object.values(SHOWN).find((one) => command === `${NAME}.${one}`);
        if (what) {
          await show(what, typeof answer === "string" ? answer : null);
        }
        return answer;
      },
    },
  };
}

async function show(what: string, text: string | null): Promise<void> {
  if (text === null) {
    void vscode.window.showInformationMessage(`${NAME}: nothing is known of this file`);
    return;
  }
  const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${what}-${texts.size + 1}.txt` });
  texts.set(uri.path, text);
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), {
    preview: true,
    viewColumn: vscode.ViewColumn.Beside,
  });
}
