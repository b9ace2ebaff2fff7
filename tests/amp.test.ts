/** Mixed precision: outputs, losses and gradients under autocast beside PyTorch's on the CPU, and the scale of losses step by step. */
import { beforeAll, describe, expect, test } from "vitest";
import { nativeEngine } from "../src/engines/native/engine.ts";
import { loadAddon } from "../src/engines/native/load.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { amp, compile, nn, optim, seed, type Tensor, tensor, uniform } from "../src/index.ts";
import type { Module } from "../src/module/module.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, expectClose, restore, type Stored } from "./parity.ts";

interface Spec {
  kind: string;
  args: unknown[];
  options: object;
}

interface Mixed {
  name: string;
  module: { modules: Spec[] };
  state: Record<string, Stored>;
  input: Stored;
  loss: string;
  target: Stored;
  dtype: string;
  lossDtype: string;
  output: Stored;
  cost: Stored;
  gradients: Record<string, Stored>;
}

interface Scaling {
  scaler: object;
  factors: (number | string)[];
  steps: { scale: number; weight: Stored }[];
}

const all = casesOf<Mixed | Scaling>("torch/amp");
const made = ({ kind, args, options }: Spec): Module => new (nn as unknown as Record<string, new (...args: unknown[]) => Module>)[kind]!(...args, ...(Object.keys(options).length > 0 ? [options] : []));

/** The largest distance, as a share of the largest number. */
function apart(found: Tensor, { data }: Stored): number {
  const largest = Math.max(...data.map((v) => Math.abs(Number(v))));
  return Math.max(...[...found.dataSync()].map((v, i) => Math.abs(v - Number(data[i])))) / largest;
}

const engines = [referenceEngine(), ...(typeof loadAddon() === "string" ? [] : [nativeEngine(2)])];

for (const engine of engines)
  describe(`on ${engine.name}`, () => {
    beforeAll(() => setEngine(engine));

    describe("under autocast to bfloat16, as PyTorch has it:", () => {
      for (const c of all.filter((c): c is Mixed => "module" in c))
        test(c.name, () => {
          const module = new nn.Sequential(...c.module.modules.map(made));
          module.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([path, stored]) => [path, restore(stored)])));
          const x = restore(c.input, true);
          const criterion = made({ kind: c.loss, args: [], options: {} });
          const [output, cost] = amp.autocast("bfloat16", () => {
            const y: Tensor = module.forward(x);
            return [y, criterion.forward(y, restore(c.target)) as Tensor];
          }) as [Tensor, Tensor];
          cost.backward();
          expect([output.dtype, cost.dtype]).toEqual([c.dtype, c.lossDtype]);
          // bfloat16 has 8 binary digits: one rounding is 0.4 % of a number, and there are several in a row.
          expect(apart(output, c.output), "output").toBeLessThan(0.02);
          expect(apart(cost, c.cost), "loss").toBeLessThan(0.01);
          const named = new Map([["input", x], ...module.namedParameters()]);
          for (const [path, stored] of Object.entries(c.gradients)) {
            expect(named.get(path)!.grad!.dtype).toBe("float32");
            expect(apart(named.get(path)!.grad!, stored), `gradient of ${path}`).toBeLessThan(0.04);
          }
        });
    });

    for (const compiled of [false, true])
      test(`the scale grows and backs off as PyTorch's, and steps that overflow are skipped, in a ${compiled ? "compiled step" : "loop"}`, () => {
        const c = all.find((c): c is Scaling => "factors" in c)!;
        const weight = tensor([1, -0.5], { requiresGrad: true });
        const adam = new optim.Adam([weight], { lr: 0.1 });
        const scaler = new amp.GradScaler(c.scaler);
        const step = (factor: Tensor): Tensor => {
          const loss = weight.mul(factor).square().sum();
          adam.zeroGrad();
          scaler.scale(loss).backward();
          scaler.unscale(adam);
          optim.clipGradNorm([weight], 3);
          scaler.step(adam);
          scaler.update();
          return loss;
        };
        const go = compiled ? compile(step) : step;
        c.factors.forEach((factor, i) => {
          go(tensor(Number(factor)));
          expect(scaler.getScale(), `scale after step ${i}`).toBe(c.steps[i]!.scale);
          expectClose(weight, c.steps[i]!.weight, `weight after step ${i}`);
        });
      });

    test("float16 learns with a scale, in one compiled step", () => {
      seed(3);
      const model = new nn.Sequential(new nn.Linear(4, 16), new nn.ReLU(), new nn.Linear(16, 1));
      const adam = new optim.Adam(model.parameters(), { lr: 0.01 });
      const scaler = new amp.GradScaler({ initScale: 2 ** 20, growthInterval: 10 });
      const step = compile((x: Tensor, y: Tensor) => {
        const loss = amp.autocast("float16", () => new nn.MSELoss().forward(model.forward(x), y));
        adam.zeroGrad();
        scaler.scale(loss).backward();
        scaler.step(adam);
        scaler.update();
        return loss;
      });
      const x = uniform([64, 4]);
      const y = x.sum(1, { keep: true });
      x.dataSync();
      const losses = Array.from({ length: 150 }, () => step(x, y).item());
      expect(losses.at(-1)!).toBeLessThan(losses[0]! / 20);
      expect(model.parameters().every((p) => p.dtype === "float32")).toBe(true);
      const state = scaler.stateDict();
      const other = new amp.GradScaler();
      other.loadStateDict(state);
      expect(other.getScale()).toBe(scaler.getScale());
    });
  });

describe("autocast", () => {
  beforeAll(() => setEngine(engines[0]!));
  const x = tensor([[1, 2], [3, 4]]);

  test("makes products short, what needs exact numbers whole, and leaves the rest; float64 stays", () => {
    const dtypes = amp.autocast("bfloat16", () => {
      const y = x.matmul(x);
      return [y, y.relu(), y.softmax(-1), y.logSoftmax(-1), y.prod(), y.add(x), x.to("float64").matmul(x.to("float64"))].map(({ dtype }) => dtype);
    });
    expect(dtypes).toEqual(["bfloat16", "bfloat16", "bfloat16", "float32", "float32", "float32", "float64"]);
    expect(x.matmul(x).dtype).toBe("float32");
  });

  test("is off again within float32, after an error, and is part of what a compiled function is compiled for", () => {
    expect(amp.autocast("float16", () => amp.autocast("float32", () => x.matmul(x)).dtype)).toBe("float32");
    expect(() => amp.autocast("float16", () => x.matmul(tensor([1, 2, 3])))).toThrow();
    expect(x.matmul(x).dtype).toBe("float32");
    const square = compile((a: Tensor) => a.matmul(a));
    expect([square(x).dtype, amp.autocast("bfloat16", () => square(x)).dtype, square(x).dtype]).toEqual(["float32", "bfloat16", "float32"]);
  });

  test("goes through loops and attention", () => {
    seed(2);
    const [cells, heads] = [new nn.LSTM(3, 4), new nn.MultiheadAttention(4, 2)];
    const loss = amp.autocast("bfloat16", () => {
      const [h] = cells.forward(uniform([5, 2, 3]));
      return heads.forward(h, h, h, { needWeights: false })[0].square().mean();
    });
    loss.backward();
    expect(Number.isFinite(loss.item())).toBe(true);
    for (const p of [...cells.parameters(), ...heads.parameters()]) expect([p.grad!.dtype, [...p.grad!.dataSync()].every(Number.isFinite)]).toEqual(["float32", true]);
  });

  test.each<[string, () => unknown]>([
    ['autocast: there is no autocast to "int8"; it is "bfloat16", "float16", or "float32" for none', () => amp.autocast("int8" as "float16", () => x)],
    ["autocast: the function returned a promise", () => amp.autocast("float16", async () => x)],
    ["GradScaler: growthFactor is 1; it is a number above 1", () => new amp.GradScaler({ growthFactor: 1 })],
    ["GradScaler: backoffFactor is 2; it is a number between 0 and 1", () => new amp.GradScaler({ backoffFactor: 2 })],
    ["GradScaler: initScale is 0; it is a number above 0", () => new amp.GradScaler({ initScale: 0 })],
    ["GradScaler: growthInterval is 0.5; it is a whole number from 1", () => new amp.GradScaler({ growthInterval: 0.5 })],
    ["GradScaler.step: no parameter of this optimizer has a gradient", () => new amp.GradScaler().step(new optim.SGD([tensor([1], { requiresGrad: true })], { lr: 1 }))],
    ["GradScaler.update: no gradients have been looked at since the last update()", () => new amp.GradScaler().update()],
    ['GradScaler.loadStateDict: the state lacks "scale"', () => new amp.GradScaler().loadStateDict({})],
  ])("%s", (message, f) => expect(f).toThrow(message));

  test("a second step or division before update() is an error", () => {
    const w = tensor([1], { requiresGrad: true });
    const sgd = new optim.SGD([w], { lr: 0.1 });
    const scaler = new amp.GradScaler();
    scaler.scale(w.sum()).backward();
    scaler.unscale(sgd);
    expect(() => scaler.unscale(sgd)).toThrow("have been divided already since the last update()");
    scaler.step(sgd);
    expect(() => scaler.step(sgd)).toThrow("has made its step already since the last update()");
  });
});
