/** Graphs nobody would write: whatever the compiler fuses, orders and overwrites, the numbers are the reference's. */
import { afterAll, expect, test } from "vitest";
import { Stream } from "../src/base/random.ts";
import { size } from "../src/base/shape.ts";
import type { Program } from "../src/compiler/program.ts";
import { readsOf, writesOf } from "../src/compiler/schedule.ts";
import { chooseEngine } from "../src/engines/choose.ts";
import type { Engine } from "../src/engines/engine.ts";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { compile, concat, fromArray, type Tensor } from "../src/index.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { loopsEngine } from "./program-loops.ts";
import { threadedEngine } from "./threads.ts";

/** A function of three tensors made of `length` random steps; the same for the same seed. */
function draw(seed: number, length: number): { shapes: number[][]; f: (...leaves: Tensor[]) => Tensor[] } {
  const shapes = [
    [8, 3, 5],
    [8, 5],
    [3, 5],
  ];
  const f = (...leaves: Tensor[]): Tensor[] => {
    const random = new Stream(seed, 7);
    const pool = [...leaves];
    const any = (): Tensor => pool[random.below(pool.length)]!;
    const unary = ["tanh", "sigmoid", "relu", "square", "neg", "abs", "exp"] as const;
    for (let i = 0; i < length; i++) {
      const x = any();
      const choice = random.below(12);
      let y: Tensor;
      if (choice < 3) y = x.tanh()[unary[random.below(unary.length)]!]();
      else if (choice < 5) {
        const other = pool.filter((t) => t.rank > 0 && t.shape.at(-1) === x.shape.at(-1) && (t.rank === 1 || x.rank === 1 || size(t.shape) === size(x.shape)));
        const o = other.length > 0 ? other[random.below(other.length)]! : x;
        y = o.rank === x.rank && size(o.shape) === size(x.shape) ? x.mul(o.reshape(x.shape)) : o.rank === 1 || x.rank === 1 ? x.add(o) : x.mul(0.5);
      } else if (choice === 5 && x.rank > 0) y = x.sum(random.below(x.rank), { keep: random.below(2) === 0 }).tanh();
      else if (choice === 6 && x.rank > 1) y = x.mean([0, x.rank - 1]);
      else if (choice === 7 && x.rank > 1) y = x.transpose();
      else if (choice === 8 && x.rank > 1) y = x.reshape([-1, x.shape.at(-1)!]).softmax();
      else if (choice === 9 && x.rank > 1) y = x.matmul(x.transpose()).mul(0.1);
      else if (choice === 10 && x.rank > 0 && x.shape[0]! > 1) y = x.slice([1]).flip(0);
      else if (choice === 11 && x.rank > 0) y = concat([x, x.mul(2)], x.rank - 1);
      else y = x.max().sub(x);
      pool.push(y);
    }
    const results = [pool.at(-1)!, pool.at(-2)!, any()];
    const loss = pool.slice(3).reduce((sum, t) => sum.add(t.tanh().mean()), leaves[0]!.mean());
    loss.backward();
    return [...results, loss, ...leaves.flatMap((leaf) => (leaf.grad ? [leaf.grad] : []))];
  };
  return { shapes, f };
}

function run(engine: Engine, seed: number, compiled: boolean): number[][] {
  setEngine(engine);
  const { shapes, f } = draw(seed, 24);
  const random = new Stream(seed, 1);
  const leaves = shapes.map((shape) => fromArray(Float32Array.from({ length: size(shape) }, () => random.uniform() * 2 - 1), shape, { requiresGrad: true }));
  const whole = (): Tensor[] => {
    for (const leaf of leaves) leaf.grad = undefined;
    return f(...leaves);
  };
  return (compiled ? compile(whole)() : whole()).map((t) => [...t.dataSync()]);
}

/** Pairs of kernels that run at the same time though one writes what the other touches. */
function races({ stages, values }: Program): string[] {
  const touching = (a: number, b: number): boolean => a === b || (values[a]!.home.at === "output" && JSON.stringify(values[a]!.home) === JSON.stringify(values[b]!.home));
  return stages.flatMap(({ samples, serial, kernels, owners = kernels.map(() => -1) }, stage) =>
    samples > 0 || serial
      ? []
      : kernels.flatMap((a, i) =>
          kernels.flatMap((b, j) => {
            const together = i !== j && (owners[i]! < 0 || owners[i] !== owners[j]);
            const others = [...readsOf(b).map((r) => r.value), ...writesOf(b)];
            return together && writesOf(a).some((w) => others.some((o) => touching(w, o))) ? [`stage ${stage}: kernels ${i} and ${j}`] : [];
          }),
        ),
  );
}

const checked = (engine: Engine): Engine => ({
  ...engine,
  prepare: (program) => {
    expect(races(program)).toEqual([]);
    return engine.prepare(program);
  },
});

afterAll(() => setEngine(chooseEngine().engine));

const engines = [checked(loopsEngine(2)), checked(chooseEngine("wasm").engine), checked(threadedEngine(2)), checked(chooseEngine().engine)].filter((engine) => engine.name !== "reference");

test.each(Array.from({ length: 200 }, (_, seed) => seed))("random graph %i", (seed) => {
  const want = run(referenceEngine(), seed, false);
  for (const engine of engines)
    for (const compiled of [true, false])
      run(engine, seed, compiled).forEach((numbers, i) => {
        numbers.forEach((v, j) => {
          const w = want[i]![j]!;
          if (!(Math.abs(v - w) <= 1e-4 * (1 + Math.abs(w)))) expect.fail(`${engine.name}${compiled ? ", compiled" : ""}: result ${i}[${j}] is ${v}, expected ${w}`);
        });
      });
});
