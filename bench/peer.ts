/** PyTorch in a process beside ours, told by lines of JSON what to run; bench/peer/torch_bench.py says how. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";

export interface Prepared {
  /** The setting that was fastest. */
  readonly best: string;
}

export const howToGet = "to compare with PyTorch: python3 -m venv .venv && .venv/bin/pip install torch==2.13.0 (or CAMBIUM_PYTHON=/path/to/python)";

/** A Python that has torch. */
export function findPython(): string | undefined {
  const candidates = [process.env.CAMBIUM_PYTHON || ".venv/bin/python", ".venv/bin/python", "python3"];
  return candidates.find((name) => {
    if (name.includes("/") && !existsSync(name)) return false;
    try {
      execFileSync(name, ["-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(python: string) {
    this.#child = spawn(python, ["bench/peer/torch_bench.py"], { stdio: ["pipe", "pipe", process.env.CAMBIUM_VERBOSE ? "inherit" : "ignore"] });
    this.#reader = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async #ask<T>(command: Record<string, unknown>): Promise<T> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the PyTorch process ended");
    const answer = JSON.parse(value) as T & { error?: string };
    if (answer.error !== undefined) throw new Error(`PyTorch: ${answer.error}`);
    return answer;
  }

  /** What runs there. */
  async version(): Promise<string> {
    const { torch, capability } = await this.#ask<{ torch: string; capability: string }>({ cmd: "list" });
    return `PyTorch ${torch}, ${capability}`;
  }

  /** Tries every setting a PyTorch user could choose and keeps the fastest; or takes `setting`. */
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
