/** Ours and another library's in turns, within one run, so that whatever else the machine does disturbs both. */
import { parseArgs } from "node:util";
import { engine, useEngine } from "cambium";
import { contests } from "./contest.ts";
import { median, short } from "./numbers.ts";
import { type Known, peers } from "./peer.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    engine: { type: "string" },
    against: { type: "string", default: "torch" },
    seconds: { type: "string", default: "1" },
    rounds: { type: "string", default: "5" },
    eager: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    steps: { type: "boolean", default: false },
  },
});
const { json, smoke, eager, steps, against } = options;

function giveUp(text: string): never {
  console.error(`bench: ${text}`);
  process.exit(1);
}

if (!(against in peers)) giveUp(`there is no peer ${against}; there are ${Object.keys(peers).join(", ")}`);
if (options.engine !== undefined) {
  useEngine(options.engine);
  // What runs in a process of its own shall run there too.
  process.env.CAMBIUM_ENGINE = options.engine;
}
const all = contests({ seconds: smoke ? 0.02 : Number(options.seconds), rounds: smoke ? 1 : Number(options.rounds), eager, smoke, steps });
const known = Object.keys(all);
const unknown = positionals.filter((name) => !known.includes(name));
if (unknown.length > 0) giveUp(`there is no ${unknown.join(", ")}; there are ${known.join(", ")}`);

const tell = (text: string): void => void (json ? process.stderr : process.stdout).write(`${text}\n`);
tell(engine().describe());
const started = peers[against]!();
const peer = typeof started === "string" ? undefined : started;
let there: Known | undefined;
if (typeof started === "string") tell(`ours alone; ${started}`);
else tell((there = await started.list()).version);

/** What the peer has; alone, what takes the place of PyTorch's. */
const shared = (name: string): boolean => there === undefined || there.programs.includes(name) || (against === "torch" && name === "memory");
const alone = new Set(["matmul-1024", "first", "first-step"]);
// On the engine for tests a step of the CNN takes minutes.
const heavy = (name: string): boolean => name.startsWith("cnn") || name.endsWith("lstm") || name === "gpt" || name === "memory";
const usual = known.filter((name) => (against === "torch" ? !alone.has(name) : shared(name)));
const wanted = positionals.length > 0 ? positionals : usual.filter((name) => engine().name !== "reference" || !heavy(name));
if (wanted.length < usual.length && positionals.length === 0)
  tell(`left out: ${usual.filter((name) => !wanted.includes(name)).join(", ")}; the reference engine is too slow for them`);

const row = (...cells: string[]): string =>
  cells
    .map((cell, i) => (i === 0 || i === 4 ? cell.padEnd(12) : cell.padStart(12)))
    .join("  ")
    .trimEnd();
if (!json) tell(`\n${row("program", "ours", peer?.name ?? "-", "ratio", "its best setting")}`);
let failed = 0;
for (const name of wanted) {
  try {
    const contest = all[name]!();
    const rival = shared(name) ? peer : undefined;
    const setting = rival && (await contest.prepare(rival));
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < contest.rounds; round++) {
      ours.push(await contest.ours());
      if (rival) theirs.push(await contest.theirs(rival));
    }
    const [a, b] = [median(ours), rival ? median(theirs) : undefined];
    const ratio = b === undefined ? undefined : b / a;
    const remark = contest.remark?.(a);
    if (json) {
      const line = { name, ours: a, theirs: b ?? null, unit: contest.unit, ratio: ratio ?? null, setting: setting ?? null, ...remark?.more };
      console.info(JSON.stringify({ ...line, rounds: { ours, theirs } }));
    } else
      tell(
        row(
          name,
          `${short(a)} ${contest.unit}`,
          b === undefined ? "-" : `${short(b)} ${contest.unit}`,
          ratio === undefined ? "-" : ratio.toFixed(2),
          [setting, remark && `ours: ${remark.text}`].filter(Boolean).join("; "),
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
