/** The other library in a process beside ours, told by lines of JSON what to run; bench/peer/torch_bench.py says how. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";

export interface Prepared {
  /** The setting that was fastest. */
  readonly best: string;
}

export interface Known {
  /** Library, version, and what it makes use of here. */
  readonly version: string;
  readonly programs: readonly string[];
}

export class Peer {
  readonly name: string;
  /** A setting that needs no search. */
  readonly plain: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(name: string, plain: string, program: string, args: readonly string[]) {
    this.name = name;
    this.plain = plain;
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", process.env.CAMBIUM_VERBOSE ? "inherit" : "ignore"] });
    this.#reader = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async #ask<T>(command: Record<string, unknown>): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the process of ${this.name} ended; CAMBIUM_VERBOSE=1 shows what it says`);
    const answer = JSON.parse(value) as T & { error?: string };
    if (answer.error !== undefined) throw new Error(`${this.name}: ${answer.error}`);
    return answer;
  }

  /** What runs there. */
  list(): Promise<Known> {
    return this.#ask({ cmd: "list" });
  }

  /** Tries every setting a user could choose and keeps the fastest; or takes `setting`. */
  prepare(name: string, options: { threads: number; compileSeconds: number; setting?: string }): Promise<Prepared> {
    return this.#ask({ cmd: "prepare", name, ...options });
  }

  /** The median milliseconds of a step. */
  async time(name: string, seconds: number): Promise<number> {
    return (await this.#ask<{ median: number }>({ cmd: "time", name, seconds })).median;
  }

  /** Resident MiB after thirty-two steps in a fresh process. */
  async memory(name: string): Promise<number> {
    return (await this.#ask<{ resident: number }>({ cmd: "memory", name, steps: 32 })).resident;
  }

  end(): void {
    this.#child.stdin!.end();
    this.#reader.close();
  }
}

/** Starts a library, or says what it lacks. */
export const peers: Record<string, () => Peer | string> = { torch, tfjs };

function torch(): Peer | string {
  const candidates = [process.env.CAMBIUM_PYTHON || ".venv/bin/python", ".venv/bin/python", "python3"];
  const python = candidates.find((name) => {
    if (name.includes("/") && !existsSync(name)) return false;
    try {
      execFileSync(name, ["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
  if (python === undefined) return "to compare with PyTorch: python3 -m venv .venv && .venv/bin/pip install torch==2.13.0 (or CAMBIUM_PYTHON=/path/to/python)";
  return new Peer("PyTorch", "eager/default/nchw", python, ["bench/peer/torch_bench.py"]);
}

const release = "4.22.0";
const parts = ["core", "layers", "backend-wasm"].map((part) => `@tensorflow/tfjs-${part}`);

/** TensorFlow.js is fetched into a folder of its own, since it is nothing that this package needs. */
function tfjs(): Peer | string {
  const cache = process.env.CAMBIUM_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cambium");
  const folder = join(cache, `tfjs-${release}`);
  const there = (part: string): boolean => {
    const file = join(folder, "node_modules", part, "package.json");
    return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === release;
  };
  if (!parts.every(there)) {
    process.stderr.write(`fetching TensorFlow.js ${release} into ${folder}\n`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: Object.fromEntries(parts.map((part) => [part, release])) }));
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    const npm = spawnSync("npm", args, { cwd: folder, encoding: "utf8", shell: process.platform === "win32" });
    if (npm.status !== 0)
      return `TensorFlow.js ${release} could not be fetched into ${folder}: ${(npm.error?.message ?? npm.stderr).trim().split("\n")[0]}; it needs the npm registry`;
  }
  return new Peer("TensorFlow.js", "trainOnBatch", process.execPath, ["bench/peer/tfjs_bench.mjs", folder]);
}
