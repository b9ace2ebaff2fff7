/**
 * Random numbers as a pure function of a seed, a stream and the place in the tensor: the same on every engine, and the same when asked again.
 * @source Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (2011): Threefry-2x32 with 20 rounds
 */
import { CambiumError } from "../base/error.ts";
import { threefry2x32 } from "../base/random.ts";
import { show, type Shape, size } from "../base/shape.ts";
import type { Node } from "../graph/node.ts";
import { type Block, type Case, defineOp, type Examples, type Op, type Operand, used } from "../graph/op.ts";
import { mul, sqrt, sub } from "./arithmetic.ts";
import { less, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { log } from "./exponential.ts";
import { reshape } from "./movement.ts";
import { slice, stack } from "./slice.ts";
import { broadcast } from "./spread.ts";
import { cos } from "./trigonometry.ts";

/** `offset` is where counting starts: two draws of one stream are independent when their counts do not meet. */
export type Draw = Op<["seed", "stream"], [shape: Shape, offset?: number]>;

const attrs = ([seed, stream]: Shape[], shape: Shape, offset = 0): { shape: Shape; offset: number } => {
  for (const given of [seed!, stream!])
    if (size(given) !== 1) throw new CambiumError("shape", "random", `seed and stream must be single numbers, got ${show(seed!)} and ${show(stream!)}`);
  return { shape: [...shape], offset };
};

/** The first word of the block whose key is (seed, stream) and whose counter is the place in the tensor, made into a number. */
const drawn =
  (number: (word: number) => number) =>
  (out: Block, [seed, stream]: Block[], { offset }: { offset: number }): void => {
    const block = new Int32Array(2);
    for (let i = 0; i < out.data.length; i++) {
      const counter = offset + i;
      threefry2x32(seed!.data[0]! | 0, stream!.data[0]! | 0, counter | 0, Math.floor(counter / 2 ** 32), block);
      out.data[i] = number(block[0]!);
    }
  };

/** Examples that differ in seed or stream draw each for itself; fresh ones draw from one stream, one after another. */
const eachDraws = ({ inputs, varies, count }: Examples, { shape, offset }: { shape: Shape; offset: number }, node: Node): Node => {
  if (!varies.includes(true)) return used(node, inputs, { shape: [count, ...shape], offset: count * offset });
  const one = (x: Node, i: number, example: number): Node => (varies[i] ? reshape(slice(x, [example], [example + 1]), []) : x);
  return stack(Array.from({ length: count }, (_, example) => used(node, inputs.map((x, i) => one(x, i, example)), { shape, offset })));
};

const seeds: Pick<Case<any>, "dtypes" | "values"> = { dtypes: ["int32", "int32"], values: [[42], [7]] };
const cases: Case<[shape: Shape, offset?: number]>[] = [
  { shapes: [[], []], args: [[3, 5]], ...seeds },
  { shapes: [[], []], args: [[7], 15], dtypes: ["int32", "int32"], values: [[-5], [2 ** 30]] },
  { shapes: [[], []], args: [[]], ...seeds },
];

/** 32 random bits a number, as int32. */
export const randomBits: Draw = defineOp({
  name: "randomBits",
  kind: "random",
  inputs: ["seed", "stream"],
  attrs,
  shape: (_, { shape }) => shape,
  dtype: () => "int32",
  constant: true,
  reference: drawn((word) => word),
  batch: eachDraws,
  cases,
  method: false,
});

/** Numbers spread evenly over [0, 1): the upper 24 of 32 random bits, so that every one is a float32. */
export const uniform: Draw = defineOp({
  name: "uniform",
  kind: "random",
  inputs: ["seed", "stream"],
  attrs,
  shape: (_, { shape }) => shape,
  dtype: () => "float32",
  constant: true,
  reference: drawn((word) => (word >>> 8) * 2 ** -24),
  batch: eachDraws,
  cases,
  method: false,
});

/** Numbers of the standard normal distribution, by Box and Muller's method from two uniform ones. */
export const normal: Draw = defineOp({
  name: "normal",
  kind: "composite",
  inputs: ["seed", "stream"],
  attrs,
  shape: (_, { shape }) => shape,
  dtype: () => "float32",
  constant: true,
  // The angles are counted behind the radii; 1 − u lies in (0, 1], where the logarithm is finite.
  decompose: ({ seed, stream }, { shape, offset }) => {
    const radius = sqrt(mul(log(sub(1, uniform(seed, stream, shape, offset))), -2));
    return mul(radius, cos(mul(uniform(seed, stream, shape, offset + size(shape)), 2 * Math.PI)));
  },
  batch: eachDraws,
  cases,
  method: false,
});

/** True with probability `p`, number by number. */
export const bernoulli = (seed: Operand, stream: Operand, p: Operand, shape: Shape): Node => less(uniform(seed, stream, shape), p);

/**
 * `x` with each number set to 0 with probability `rate`, the others scaled up so that the mean stays.
 * @source Srivastava et al., "Dropout" (2014), scaled while training as PyTorch and Keras do
 */
export const dropout: Op<["x", "seed", "stream"], [rate: number]> = defineOp({
  name: "dropout",
  kind: "composite",
  inputs: ["x", "seed", "stream"],
  attrs: (_, rate: number) => {
    if (!(rate >= 0 && rate <= 1)) throw new CambiumError("value", "dropout", `the rate is the share of numbers dropped, from 0 to 1; got ${rate}`);
    return { rate };
  },
  shape: ([x]) => x!,
  dtype: ([x]) => floating([x!]),
  gradient: (dy, { seed, stream }, { rate }) => ({ x: dropout(dy, seed, stream, rate) }),
  decompose: ({ x, seed, stream }, { rate }) => where(bernoulli(seed, stream, rate, x.shape), 0, mul(x, rate === 1 ? 0 : 1 / (1 - rate))),
  // One draw for all examples; where they share a mask, or bring seeds of their own, the parts know what to do.
  batch: (examples, attrs, node) =>
    examples.fresh && !examples.varies[1] && !examples.varies[2]
      ? used(node, [examples.varies[0] ? examples.inputs[0]! : broadcast(examples.inputs[0]!, [examples.count, ...node.shape]), ...examples.inputs.slice(1)], attrs)
      : undefined,
  cases: [
    { shapes: [[4, 5], [], []], args: [0.5], dtypes: ["float32", "int32", "int32"], values: [undefined, [42], [7]] },
    { shapes: [[3], [], []], args: [0], dtypes: ["float32", "int32", "int32"], values: [undefined, [42], [7]] },
    { shapes: [[3], [], []], args: [1], dtypes: ["float32", "int32", "int32"], values: [undefined, [42], [7]] },
  ],
  method: false,
});
