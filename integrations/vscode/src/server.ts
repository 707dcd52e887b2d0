// Which server is started, and with what. Knows nothing of the editor, so that it can be tested without one.
import * as fs from "node:fs";
import * as path from "node:path";

export interface Wishes {
  path: string;
  useBundled: boolean;
  interpreter: string;
}

export interface Start {
  command: string;
  args: string[];
  env: NodeJS.ProcessEnv;
  origin: "setting" | "bundled" | "path" | "interpreter";
}

const PROGRAM = "nl2sql-review";
// As `-m nl2sql_review`, which would look for modules in the workspace first, and run a file of it called `attr.py`.
const START = [
  "-c",
  "import sys; sys.path[:] = [folder for folder in sys.path if folder]; from nl2sql_review.cli import run; run()",
  "server",
];

/** Returns the first server there is: the one of the settings, the bundled one, the one on the path, a module. */
export function findServer(wishes: Wishes, extension: string, env: NodeJS.ProcessEnv = process.env): Start {
  const windows = process.platform === "win32";
  const python = wishes.interpreter || (windows ? "python" : "python3");
  if (wishes.path) {
    return { command: wishes.path, args: ["server"], env, origin: "setting" };
  }
  const bundled = path.join(extension, "bundled");
  if (wishes.useBundled && fs.existsSync(path.join(bundled, "nl2sql_review"))) {
    // -s: nothing of the user's own packages takes the place of what is bundled
    const bundledEnv = { ...env, PYTHONPATH: bundled, PYTHONNOUSERSITE: "1" };
    return { command: python, args: ["-s", ...START], env: bundledEnv, origin: "bundled" };
  }
  const found = wishes.interpreter ? undefined : onPath(windows ? `${PROGRAM}.exe` : PROGRAM, env.PATH ?? "");
  if (found) {
    return { command: found, args: ["server"], env, origin: "path" };
  }
  return { command: python, args: START, env, origin: "interpreter" };
}

function onPath(name: string, searched: string): string | undefined {
  return searched
    .split(path.delimiter)
    .filter(Boolean)
    .map((folder) => path.join(folder, name))
    .find((file) => {
      try {
        fs.accessSync(file, fs.constants.X_OK);
        return fs.statSync(file).isFile();
      } catch {
        return false;
      }
    });
}
