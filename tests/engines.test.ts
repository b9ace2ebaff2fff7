/** The same program on every engine: the same random numbers, and losses that stay together. */
import { afterAll, describe, expect, test } from "vitest";
import { chooseEngine } from "../src/engines/choose.ts";
import type { Engine } from "../src/engines/engine.ts";
import { wasmEngine } from "../src/engines/wasm/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { compile, engine, layers, nn, normal, optim, seed, sequential, tensor, type Tensor, uniform, useEngine, zeros } from "../src/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";

afterAll(() => setEngine(chooseEngine().engine));

const names = ["reference", "wasm", ...(typeof loadAddon() === "string" ? [] : ["native"])];
const on = <T>(name: string, what: () => T): T => {
  useEngine(name);
  return what();
};

test("every engine draws the same masks and starts", () => {
  const drawn = (): number[][] => {
    seed(11);
    const mask = new nn.Dropout(0.4).forward(uniform([50, 7]).greater(-1).cast("float32"));
    return [uniform([1001]), normal([333]), mask, layers.dense(5, { inputShape: [3] }).forward(zeros([1, 3]))].map((x) => [...x.dataSync()]);
  };
  const [first, ...rest] = names.map((name) => on(name, drawn));
  for (const other of rest) {
    expect(other[0]).toEqual(first![0]);
    other[1]!.forEach((x, i) => expect(Math.abs(x - first![1]![i]!)).toBeLessThan(2e-6));
    expect(other[2]).toEqual(first![2]);
  }
});

/** The losses of 784-128-10 on what is drawn, step by step. */
function curve(steps: number): number[] {
  seed(5);
  const model = sequential([layers.dense(128, { activation: "relu", inputShape: [784] }), layers.dense(10)]);
  const x = uniform([32, 784]);
  const y = tensor(Int32Array.from({ length: 32 }, (_, i) => (i * 7) % 10));
  const criterion = new nn.CrossEntropyLoss();
  model.forward(x);
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 });
  const step = compile((x: Tensor, y: Tensor) => {
    const loss = criterion.forward(model.forward(x), y);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  return Array.from({ length: steps }, () => step(x, y).item());
}

test("an MLP's losses on WebAssembly stay within 1e-4 of the other engines' for 100 steps", { timeout: 400_000 }, () => {
  const ours = on("wasm", () => curve(100));
  const others = names.includes("native") ? on("native", () => curve(100)) : on("reference", () => curve(100));
  expect(ours[99]).toBeLessThan(ours[0]! / 4);
  ours.forEach((loss, i) => expect(Math.abs(loss - others[i]!)).toBeLessThan(1e-4));
});

describe("the WebAssembly engine", () => {
  test("is found by its name and says what it is", () => {
    useEngine("wasm");
    expect(engine().name).toBe("wasm");
    expect(engine().describe()).toMatch(/^wasm: 128-bit vectors/);
  });

  test("hands its numbers out as copies, which later steps leave alone", () => {
    useEngine("wasm");
    const w = new nn.Linear(40, 25).weight;
    const before = w.dataSync();
    const kept = [...before];
    const change = compile(() => {
      w.assign(w.add(1));
      return w.sum();
    });
    for (let i = 0; i < 3; i++) change().item();
    expect([...before]).toEqual(kept);
    expect([...w.dataSync()]).toEqual(kept.map((x) => Math.fround(Math.fround(Math.fround(x + 1) + 1) + 1)));
  });

  test("goes on when its memory grows, and when tensors come from another engine", () => {
    setEngine(chooseEngine("reference").engine);
    const foreign = uniform([5000]);
    foreign.dataSync();
    const fresh = wasmEngine() as Engine;
    setEngine(fresh);
    const ones = foreign.mul(0).add(1);
    expect(ones.sum().item()).toBe(5000);
    const large = Array.from({ length: 6 }, () => zeros([1 << 20]).add(1));
    for (const x of large) expect(x.sum().item()).toBe(1 << 20);
    expect(ones.sum().item()).toBe(5000);
    useEngine("reference");
    expect(ones.add(large[0]!.slice([0], [5000])).sum().item()).toBe(10000);
  });

  test("says why it does not work where pages forbid it, or WebAssembly lacks", () => {
    const { Module, validate } = WebAssembly;
    try {
      (WebAssembly as { Module: unknown }).Module = function refuse() {
        throw new Error("refused by CSP");
      };
      expect(wasmEngine()).toMatch(/refused by CSP.*wasm-unsafe-eval/);
      (WebAssembly as { validate: unknown }).validate = () => false;
      expect(wasmEngine()).toBe("WebAssembly has no vectors here");
    } finally {
      Object.assign(WebAssembly, { Module, validate });
    }
  });

  test("says which input is missing", () => {
    const made = wasmEngine() as Engine;
    const prepared = made.prepare({
      values: [{ home: { at: "input", slot: 0 }, dtype: "float32", length: 8 }],
      ...{ inputs: [{ dtype: "float32", length: 8 }], outputs: [], stages: [], scalars: 1, arena: 0, local: 0, partial: 0 },
    });
    expect(() => prepared.run([], [], new Float64Array(0))).toThrow("the program takes 1 scalars, got 0");
    expect(() => prepared.run([], [], new Float64Array(1))).toThrow("input 0 is missing or too short");
  });
});
