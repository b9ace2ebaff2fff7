/** Threads of the WebAssembly engine: whoever does the parts of a program, and when, the numbers are the same. */
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import type { Engine } from "../src/engines/engine.ts";
import { ModuleBuilder } from "../src/engines/wasm/assembler.ts";
import { Crew } from "../src/engines/wasm/crew.ts";
import { wasmEngine } from "../src/engines/wasm/engine.ts";
import { featuresInNode, hireInNode } from "../src/engines/wasm/node.ts";
import { partOf } from "../src/engines/wasm/passage.ts";
import { compile, layers, nn, optim, seed, sequential, type Tensor, tensor, uniform, zeros } from "../src/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";

featuresInNode();
afterAll(() => setEngine(chooseEngine().engine));

/** A crew that begins at once, and counts the runs that hands took part in. */
class Counted extends Crew {
  runs = 0;

  override run(...args: Parameters<Crew["run"]>): boolean {
    const done = super.run(...args);
    if (done) this.runs++;
    return done;
  }
}

const idle = (): Counted => new Counted(() => ({ post: () => {}, end: () => {} }), { starting: 0 });
const engineOf = (threads: number, crew: Crew): Engine => wasmEngine({ threads, crew }) as Engine;

/** What a network of convolutions and products learns in some steps, the last of them with hands if there are any. */
async function train(crew: Counted): Promise<{ losses: number[]; weights: number[] }> {
  seed(3);
  const model = sequential([
    layers.conv2d(8, 3, { activation: "relu", inputShape: [14, 14, 3] }),
    layers.maxPooling2d(2),
    layers.flatten(),
    layers.dense(64, { activation: "tanh" }),
    layers.dropout(0.2),
    layers.dense(10),
  ]);
  const x = uniform([32, 14, 14, 3]);
  const y = tensor(Int32Array.from({ length: 32 }, (_, i) => (i * 7) % 10));
  model.forward(x);
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = new nn.CrossEntropyLoss().forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const losses: number[] = [];
  for (let i = 0; i < 40; i++) {
    losses.push(step(x, y).item());
    await pause(i < 10 ? 20 : 0);
  }
  expect(crew.trouble).toBeUndefined();
  return { losses, weights: model.parameters().flatMap((p) => [...p.dataSync()]) };
}

test.each([2, 3])("%i threads learn bit by bit what one learns that does the parts of all", { timeout: 60_000 }, async (threads) => {
  const nobody = idle();
  setEngine(engineOf(threads, nobody));
  const want = await train(nobody);
  expect(nobody.runs).toBe(0);
  const crew = new Counted(hireInNode, { starting: 0 });
  setEngine(engineOf(threads, crew));
  expect(await train(crew)).toEqual(want);
  expect(crew.runs).toBeGreaterThan(20);
  expect(want.losses[39]).toBeLessThan(want.losses[0]! / 2);
});

test("small programs have nobody called, and large ones only once they have computed for a while", () => {
  let hired = 0;
  const crew = new Crew(() => ({ post: () => void hired++, end: () => {} }), { starting: 50 });
  setEngine(engineOf(2, crew));
  for (let i = 0; i < 200; i++) uniform([20, 20]).matmul(uniform([20, 20])).dataSync();
  expect(hired).toBe(0);
  const large = uniform([300, 300]);
  large.matmul(large).dataSync();
  expect(hired).toBe(0);
  for (let i = 0; i < 200; i++) large.matmul(large).dataSync();
  expect(hired).toBeGreaterThan(1);
});

test("memory grows while hands wait", { timeout: 60_000 }, async () => {
  const crew = new Counted(hireInNode, { starting: 0 });
  setEngine(engineOf(2, crew));
  const a = uniform([256, 256]);
  const kept: Tensor[] = [];
  const want = [...a.matmul(a).dataSync()];
  for (let i = 0; i < 60; i++) {
    kept.push(zeros([1 << 18]).add(i));
    expect(kept[i]!.max().item()).toBe(i);
    expect([...a.matmul(a).dataSync()]).toEqual(want);
    await pause(i < 10 ? 20 : 0);
  }
  expect(crew.runs).toBeGreaterThan(20);
  kept.forEach((x, i) => expect(x.sum().item()).toBe(i * (1 << 18)));
});

describe("when something goes wrong", () => {
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
  /** A program that meets the others, and before that traps on the thread whose desk is at `trap`. */
  const trapping = (trap: number): { module: WebAssembly.Module; own: (crew: Crew) => (desk: number) => void } => {
    const builder = new ModuleBuilder({ shared: true, least: 1, most: 4 }, false);
    const sleep = builder.imported("threads", "sleep", ["i32"]);
    builder.define("together", ["i32"], undefined, (f, desk) => {
      f.when(f.i32.eq(f.get(desk), f.integer(trap)), () => f.drop(f.i32.load(f.integer(-4))));
      f.drop(f.i32.atomicAdd(f.integer(0), f.integer(1), 128));
      f.call(sleep, f.i32.atomicLoad(f.integer(0), 64));
    });
    const module = new WebAssembly.Module(builder.bytes());
    return {
      module,
      own: (crew) => {
        const imports = { memory: { memory }, threads: { sleep: (round: number) => crew.sleep(memory, round) } };
        return new WebAssembly.Instance(module, imports).exports["together"] as (desk: number) => void;
      },
    };
  };
  const words = new Int32Array(memory.buffer);
  beforeEach(() => void words.fill(0));

  const until = async (what: () => boolean): Promise<void> => {
    for (let n = 0; n < 400 && !what(); n++) await pause(10);
  };

  test.each([
    ["a hand traps", 1024 + 64, /a thread beside this one has come to grief/],
    ["the caller's part fails", 1024, /memory access out of bounds/],
  ])("%s: an error says so, all are called back, and the next run works", { timeout: 30_000 }, async (_, trap, message) => {
    const crew = new Crew(hireInNode, { starting: 0 });
    const owner = {};
    const { module, own } = trapping(trap);
    const program = crew.enrol(owner, 2, module, memory)!;
    const good = trapping(-1);
    // Ends the meeting as the last one to come would.
    const last = (): void => {
      while (Atomics.load(words, 32) < 1);
      words[32] = 0;
      Atomics.add(words, 16, 1);
      Atomics.notify(words, 16);
    };
    const other = crew.enrol(owner, 2, good.module, memory)!;
    let ran = false;
    await until(() => (ran = crew.run(other, 2, 1024, 64, memory, last)));
    expect(ran).toBe(true);
    for (let n = 0; n < 3; n++) {
      expect(() => crew.run(program, 2, 1024, 64, memory, () => own(crew)(1024))).toThrow(message);
      expect(words[32]).toBe(0);
      expect(crew.run(other, 2, 1024, 64, memory, last)).toBe(true);
    }
    expect(crew.trouble).toBeUndefined();
  });

  test("a thread that cannot start leaves the work to the caller's, and the engine says why", { timeout: 30_000 }, async () => {
    const { CAMBIUM_THREAD: file } = process.env;
    process.env.CAMBIUM_THREAD = `${file}.missing`;
    try {
      const crew = new Counted(hireInNode, { starting: 0 });
      const engine = engineOf(2, crew);
      setEngine(engine);
      expect(engine.describe()).toMatch(/, 2 threads$/);
      const a = uniform([256, 256]);
      const want = [...a.matmul(a).dataSync()];
      await until(() => crew.trouble !== undefined);
      expect(engine.describe()).toMatch(/1 thread \(another cannot be had: Cannot find module.*missing/);
      expect(engine.target.threads).toBe(1);
      expect([...a.matmul(a).dataSync()]).toEqual(want);
      expect(crew.runs).toBe(0);
    } finally {
      process.env.CAMBIUM_THREAD = file;
    }
  });

  test("a platform that refuses threads at once is one thread too", () => {
    const crew = new Crew(() => {
      throw new Error("workers are forbidden here");
    }, { starting: 0 });
    const engine = engineOf(2, crew);
    setEngine(engine);
    const a = uniform([256, 256]);
    expect(a.matmul(a).sum().item()).toBeGreaterThan(0);
    expect(engine.describe()).toMatch(/1 thread \(another cannot be had: workers are forbidden here\)/);
    expect((wasmEngine({ reason: "the page is alone" }) as Engine).describe()).toMatch(/1 thread \(the page is alone\)$/);
  });
});

test("parts cover the work once, at multiples of the grain", () => {
  for (const units of [0, 1, 5, 16, 100, 1023])
    for (const grain of [1, 16, 32])
      for (const threads of [1, 2, 3, 7]) {
        const parts = Array.from({ length: threads }, (_, t) => partOf({ units, grain, owner: -1 }, t, threads));
        expect(parts[0]![0]).toBe(0);
        expect(parts[threads - 1]![1]).toBe(units);
        for (let t = 1; t < threads; t++) expect(parts[t]![0]).toBe(parts[t - 1]![1]);
        for (const [from] of parts) expect(from % grain === 0 || from === units).toBe(true);
      }
  expect([0, 1, 2].map((t) => partOf({ units: 9, grain: 1, owner: 1 }, t, 3))).toEqual([[0, 0], [0, 9], [0, 0]]);
});
