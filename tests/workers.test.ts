/** Several worker threads train at once: on the one native engine of the process, or each on a WebAssembly engine of its own. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadAddon } from "../src/engines/native/load.ts";

/** P4 and a layer large enough for several threads; what they come to is posted. */
const program = `
import { parentPort } from "node:worker_threads";
import { engine, nn, normal, optim, randint, seed, tensor } from "../src/node.ts";
seed(5);
const line = new nn.Linear(1, 1);
const criterion = new nn.MSELoss();
const sgd = new optim.SGD(line.parameters(), { lr: 0.01 });
const [x, y] = [tensor([1]), tensor([0])];
const start = line.forward(x).item();
for (let i = 0; i < 100; i++) {
  const loss = criterion.forward(line.forward(x), y);
  sgd.zeroGrad();
  loss.backward();
  sgd.step();
}
const shrunk = line.forward(x).item() / start;
const model = new nn.Sequential(new nn.Linear(256, 128), new nn.ReLU(), new nn.Linear(128, 10));
const adam = new optim.Adam(model.parameters());
const [images, labels] = [normal([64, 256]), randint([64], 0, 10)];
const losses = [];
for (let i = 0; i < 30; i++) {
  const loss = new nn.CrossEntropyLoss().forward(model.forward(images), labels);
  adam.zeroGrad();
  loss.backward();
  adam.step();
  losses.push(loss.item());
}
if (parentPort) parentPort.postMessage({ engine: engine().name, shrunk, losses });
else {
  // Long enough for threads to come and take part.
  const end = performance.now() + 500;
  while (performance.now() < end) {
    images.matmul(model.parameters()[0].transpose()).dataSync();
    await new Promise((done) => setImmediate(done));
  }
  console.log("threads", engine().target.threads, engine().describe().endsWith("3 threads"));
}
`;

let folder: string;
let script: string;

beforeAll(async () => {
  folder = mkdtempSync(resolve("build/workers-"));
  script = join(folder, "program.mjs");
  const contents = { contents: program, resolveDir: resolve("tests"), loader: "ts" as const };
  await build({ stdin: contents, outfile: script, bundle: true, platform: "node", format: "esm", target: "node20", ignoreAnnotations: true });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Answer {
  readonly engine: string;
  readonly shrunk: number;
  readonly losses: readonly number[];
}

const run = (engine: string): Promise<Answer> =>
  new Promise((done, fail) => {
    const env = { ...process.env, CAMBIUM_ADDON: resolve("build/cambium.node"), CAMBIUM_ENGINE: engine };
    const worker = new Worker(script, { env });
    worker.once("message", done);
    worker.once("error", fail);
  });

const engines = [...(typeof loadAddon() === "string" ? [] : ["native"]), "wasm"];

test.each(engines)("eight workers that train at once on %s learn bit by bit what one learns alone", { timeout: 120_000 }, async (engine) => {
  const alone = await run(engine);
  expect(alone.engine).toBe(engine);
  expect(alone.shrunk).toBeCloseTo(0.96 ** 100, 5);
  expect(alone.losses[29]!).toBeLessThan(alone.losses[0]! / 2);
  for (const answer of await Promise.all(Array.from({ length: 8 }, () => run(engine)))) expect(answer).toEqual(alone);
});

test("hands of the WebAssembly engine keep no process alive", { timeout: 60_000 }, () => {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8", env: { ...process.env, CAMBIUM_ENGINE: "wasm", CAMBIUM_THREADS: "3" }, timeout: 30_000 });
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toMatch(/threads 3 true/);
  expect(performance.now() - started).toBeLessThan(20_000);
});
