import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { lrScheduler, SGD } from "../src/optim/index.ts";
import { tensor } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf } from "./parity.ts";

interface Case {
  name: string;
  scheduler: { kind: string; args: unknown[]; options: object; parts?: { kind: string; args: unknown[]; options: object }[] };
  lr: number;
  rates: number[];
  momentum?: number;
  momenta?: number[];
  metric?: number[];
}

beforeAll(() => setEngine(referenceEngine()));

const classes = lrScheduler as unknown as Record<string, new (...args: unknown[]) => { step(value?: number): void }>;

describe("rates are PyTorch's, step by step", () => {
  for (const c of casesOf<Case>("torch/schedules"))
    test(c.name, () => {
      const optimizer = new SGD([tensor([0], { requiresGrad: true })], { lr: c.lr, momentum: c.momentum ?? 0 });
      const { kind, args = [], options, parts } = c.scheduler;
      const made = parts?.map((part) => new classes[part.kind]!(optimizer, ...part.args, part.options));
      const scheduler = kind === "ChainedScheduler" ? new classes[kind]!(made) : new classes[kind]!(optimizer, ...(made ? [made] : args), options);
      c.rates.forEach((rate, i) => {
        expect(optimizer.paramGroups[0]!.lr, `step ${i}`).toBeCloseTo(rate, 12);
        if (c.momenta) expect(optimizer.paramGroups[0]!.momentum, `momentum of step ${i}`).toBeCloseTo(c.momenta[i]!, 12);
        scheduler.step(c.metric?.[i]);
      });
    });
});

test("a schedule goes on from its state", () => {
  const optimizer = new SGD([tensor([0], { requiresGrad: true })], { lr: 1 });
  const scheduler = new lrScheduler.LambdaLR(optimizer, (epoch) => 1 / (1 + epoch));
  scheduler.step();
  scheduler.step();
  const other = new SGD([tensor([0], { requiresGrad: true })], { lr: 1 });
  const next = new lrScheduler.LambdaLR(other, (epoch) => 1 / (1 + epoch));
  next.loadStateDict(scheduler.stateDict());
  expect(next.getLastLr()).toEqual([1 / 3]);
});
