import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import type { Module } from "../src/module/module.ts";
import * as nn from "../src/nn/index.ts";
import * as initializers from "../src/nn/initializers.ts";
import { fansInOut } from "../src/nn/start.ts";
import { zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { seed } from "../src/tensor/random.ts";
import { casesOf } from "./parity.ts";

interface Start {
  name: string;
  shape: number[];
  distribution: string;
  low?: number;
  high?: number;
  mean: number;
  std: number;
}

beforeAll(() => {
  setEngine(referenceEngine());
  seed(1);
});

/** Fails unless the numbers of many draws have the measures of the distribution, within six standard errors. */
function expectDrawn(draw: () => ArrayLike<number>, { distribution, low, high, mean, std }: Start): void {
  const numbers: number[] = [];
  for (let i = 0; i < 200 && numbers.length < 20_000; i++) numbers.push(...Array.from(draw()));
  const n = numbers.length;
  const middle = numbers.reduce((a, b) => a + b, 0) / n;
  const spread = Math.sqrt(numbers.reduce((a, b) => a + (b - middle) ** 2, 0) / n);
  expect(Math.abs(middle - mean)).toBeLessThanOrEqual((6 * std) / Math.sqrt(n) + 1e-7);
  expect(Math.abs(spread - std)).toBeLessThanOrEqual((6 * std) / Math.sqrt(n) + 1e-7);
  if (distribution !== "uniform") return;
  const [least, most] = numbers.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
  expect(least).toBeGreaterThanOrEqual(low! - 1e-7);
  expect(most).toBeLessThanOrEqual(high! + 1e-7);
  expect(most).toBeGreaterThan(0.9 * high!);
}

const camel = (name: string): string => name.replace(/_$/, "").replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

describe("modules start as PyTorch's do", () => {
  const classes = nn as unknown as Record<string, new (...args: unknown[]) => Module>;
  for (const c of casesOf<Start & { module?: { kind: string; args: unknown[]; options: object }; parameter: string }>("torch/starts").filter(({ module }) => module))
    test.skipIf(!(c.module!.kind in classes))(c.name, () => {
      const { kind, args, options } = c.module!;
      const make = (): Module => new classes[kind]!(...args, ...(Object.keys(options).length > 0 ? [options] : []));
      expect([...make().stateDict()[c.parameter]!.shape]).toEqual(c.shape);
      expectDrawn(() => make().stateDict()[c.parameter]!.dataSync(), c);
    });
});

describe("nn.init draws what torch.nn.init draws", () => {
  for (const c of casesOf<Start & { initializer?: string; options: Record<string, unknown> }>("torch/starts").filter(({ initializer }) => initializer))
    test(c.name, () => {
      const set = (nn.init as unknown as Record<string, (...args: unknown[]) => { dataSync(): ArrayLike<number> }>)[camel(c.initializer!)]!;
      const named = Object.fromEntries(Object.entries(c.options).map(([k, v]) => [k, typeof v === "string" ? camel(v) : v]));
      const args = /^(uniform|normal|constant)_$/.test(c.initializer!) ? Object.values(named) : [named];
      expectDrawn(() => set(zeros(c.shape), ...args).dataSync(), c);
    });

  for (const c of casesOf<{ name: string; nonlinearity?: string; param?: number; gain: number }>("torch/starts").filter(({ nonlinearity }) => nonlinearity))
    test(c.name, () => expect(nn.init.calculateGain(camel(c.nonlinearity!) as nn.init.Nonlinearity, c.param)).toBeCloseTo(c.gain, 12));
});

describe("initializers draw what Keras' draw", () => {
  type Case = Start & { initializer?: string; string: string; options: Record<string, number>; orthonormal?: string; matrix?: [number, number] };
  for (const c of casesOf<Case>("keras/starts").filter(({ initializer }) => initializer))
    test(c.name, () => {
      const make = (initializers as unknown as Record<string, (options: object) => ReturnType<typeof initializers.get>>)[c.initializer!]!;
      const named = Object.fromEntries(Object.entries(c.options).map(([k, v]) => [k, typeof v === "string" ? camel(v) : v]));
      const start = make(named);
      const draw = (): ArrayLike<number> => start(c.shape, fansInOut(c.shape)).dataSync();
      if (c.orthonormal === undefined) return c.std === undefined ? void draw() : expectDrawn(draw, c);
      const [rows, columns] = c.matrix!;
      const numbers = draw();
      const gain = (c.options["gain"] as number | undefined) ?? 1;
      const byRows = c.orthonormal === "rows";
      const count = byRows ? rows : columns;
      const at = (i: number, k: number): number => (byRows ? numbers[i * columns + k]! : numbers[k * columns + i]!);
      for (let i = 0; i < count; i++)
        for (let j = 0; j <= i; j++) {
          let dot = 0;
          for (let k = 0; k < (byRows ? columns : rows); k++) dot += at(i, k) * at(j, k);
          expect(dot).toBeCloseTo(i === j ? gain * gain : 0, 5);
        }
    });
});
