/** Ours and PyTorch's in turns, within one run, so that whatever else the machine does disturbs both. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { engine } from "cambium";
import { median, short } from "./numbers.ts";
import { findPython, howToGet, Peer } from "./peer.ts";
import { charLstm, fitted, language, programs, regression, stepped, type Timed } from "./programs.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    eager: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    steps: { type: "boolean", default: false },
  },
});
const { json, smoke } = options;
const seconds = smoke ? 0.02 : Number(options.seconds);
const rounds = smoke ? 1 : Number(options.rounds);

/** One line of the result. */
interface Contest {
  readonly unit: "ms" | "MiB";
  /** Ours, once. */
  readonly ours: () => Promise<number>;
  /** Theirs, once. */
  readonly theirs: (peer: Peer) => Promise<number>;
  /** Finds PyTorch's best setting. */
  readonly prepare: (peer: Peer) => Promise<string>;
  readonly rounds: number;
}

const threads = engine().target.threads;
const settings = smoke ? { threads, compileSeconds: 0, setting: "eager/default/nchw" } : { threads, compileSeconds: options.eager ? 0 : 120 };
const node = (...args: string[]): string => execFileSync(process.execPath, args, { encoding: "utf8", env: { ...process.env, NODE_OPTIONS: "" } });

/** Programs that are loops of their own. */
const byHand: Record<string, () => Promise<Timed>> = { linreg: regression, gpt: language, "char-lstm": charLstm };

function training(name: string): Contest {
  let ours: ((seconds: number) => Promise<number>) | undefined;
  return {
    unit: "ms",
    ours: async () => {
      ours ??= await (byHand[name]?.() ?? (options.steps ? stepped(programs[name]!) : fitted(programs[name]!, smoke ? 2 : undefined)));
      return ours(seconds);
    },
    theirs: (peer) => peer.time(name, seconds),
    prepare: async (peer) => (await peer.prepare(name, settings)).best,
    rounds,
  };
}

const contests: Record<string, () => Contest> = {
  ...Object.fromEntries([...Object.keys(programs), ...Object.keys(byHand)].map((name) => [name, () => training(name)])),
  import: () => ({
    unit: "ms",
    ours: async () => {
      const times = Array.from({ length: smoke ? 1 : 5 }, () => {
        const begin = performance.now();
        node("--input-type=module", "--eval", 'import "cambium"');
        return performance.now() - begin;
      });
      return median(times);
    },
    theirs: (peer) => peer.time("import", 0),
    prepare: async (peer) => (await peer.prepare("import", settings)).best,
    rounds: Math.min(rounds, 3),
  }),
  memory: () => ({
    unit: "MiB",
    ours: async () => Number(node(fileURLToPath(new URL("resident.js", import.meta.url)), smoke ? "1" : "2")),
    theirs: (peer) => peer.memory("cnn-128"),
    prepare: async () => "eager/fused/nchw",
    rounds: Math.min(rounds, 3),
  }),
};

const known = Object.keys(contests);
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`bench: there is no ${unknown.join(", ")}; there are ${known.join(", ")}`);
  process.exit(1);
}
// On the engine for tests a step of the CNN takes minutes.
const heavy = (name: string): boolean => name.startsWith("cnn") || name.endsWith("lstm") || name === "gpt" || name === "memory";
const wanted = positionals.length > 0 ? positionals : known.filter((name) => engine().name !== "reference" || !heavy(name));

const tell = (text: string): void => void (json ? process.stderr : process.stdout).write(`${text}\n`);
tell(engine().describe());
if (wanted.length < known.length && positionals.length === 0)
  tell(`left out: ${known.filter((name) => !wanted.includes(name)).join(", ")}; the reference engine is too slow for them`);
const python = findPython();
const peer = python === undefined ? undefined : new Peer(python);
if (peer) tell(`${await peer.version()}, ${threads} ${threads === 1 ? "thread" : "threads"}`);
else tell(`ours alone; ${howToGet}`);

const row = (...cells: string[]): string =>
  cells
    .map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(10) : cell.padStart(12)))
    .join("  ")
    .trimEnd();
if (!json) tell(`\n${row("program", "ours", "PyTorch", "ratio", "PyTorch's best setting")}`);
let failed = 0;
for (const name of wanted) {
  try {
    const contest = contests[name]!();
    const setting = peer && (await contest.prepare(peer));
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < contest.rounds; round++) {
      ours.push(await contest.ours());
      if (peer) theirs.push(await contest.theirs(peer));
    }
    const [a, b] = [median(ours), peer ? median(theirs) : undefined];
    const ratio = b === undefined ? undefined : b / a;
    if (json)
      console.info(
        JSON.stringify({ name, ours: a, theirs: b ?? null, unit: contest.unit, ratio: ratio ?? null, setting: setting ?? null, rounds: { ours, theirs } }),
      );
    else
      tell(
        row(
          name,
          `${short(a)} ${contest.unit}`,
          b === undefined ? "-" : `${short(b)} ${contest.unit}`,
          ratio === undefined ? "-" : ratio.toFixed(2),
          setting ?? "",
        ),
      );
  } catch (error) {
    failed++;
    tell(`${name}: ${error instanceof Error ? error.message : error}`);
  }
}
peer?.end();
if (smoke) tell(`${wanted.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
