import type { DType } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { type Node, scalar } from "../graph/node.ts";
import * as draw from "../ops/random.ts";
import { full } from "./create.ts";
import { Tensor } from "./tensor.ts";

/** Where random numbers come from: each draw is a pure function of the seed, the draw's place in the program, and the position in the tensor. */
const state = { seed: 0, stream: 0 };

/** Makes everything random from here on (start values, dropout, shuffles) repeat exactly, on every engine. */
export function seed(n: number): void {
  if (!Number.isInteger(n) || n < -(2 ** 31) || n >= 2 ** 32) throw new CambiumError("value", "seed", `needs a whole number of 32 bits, got ${n}`);
  state.seed = n | 0;
  state.stream = 0;
}

/** The seed and how many streams have been drawn: what a checkpoint keeps so that a resumed run goes on as the first would have. */
export const randomState = (): { seed: number; stream: number } => ({ ...state });

export function setRandomState(next: { seed: number; stream: number }): void {
  state.seed = next.seed;
  state.stream = next.stream;
}

/** The number of a stream nobody has drawn from. */
export const nextStream = (): number => state.stream++;

const seedNow = (): number => state.seed;

/** When each seed and stream was drawn: a count that goes on whatever the seed is set to. */
const drawnAt = new WeakMap<Node, number>();
let draws = 0;

/** Tells seeds and streams drawn from now on, by a function that is being traced, from those of tensors made before, which stay what they are. */
export function drawnFromNow(): (node: Node) => boolean {
  const begin = draws;
  return (node) => (drawnAt.get(node) ?? -1) >= begin;
}

/** Seed and stream for one random op. A compiled function gets a new stream at each run. */
export function streamNodes(): [seed: Node, stream: Node] {
  const seedNode = scalar(state.seed, "int32");
  seedNode.owner = seedNow;
  const stream = scalar(nextStream(), "int32");
  stream.owner = nextStream;
  drawnAt.set(seedNode, draws);
  drawnAt.set(stream, draws++);
  return [seedNode, stream];
}

/** Whether a scalar is a seed, read anew at each run of the function that drew it. */
export const isSeed = ({ owner }: Node): boolean => owner === seedNow;

const shaped = (where: string, shape: Shape): Shape => {
  for (const d of shape)
    if (!Number.isInteger(d) || d < 0) throw new CambiumError("shape", where, `[${shape.join(", ")}] is no shape: sizes are whole numbers from 0`);
  return shape;
};

/** Numbers spread evenly over [low, high). */
export function uniform(shape: Shape, low = 0, high = 1, dtype: DType = "float32"): Tensor {
  const [s, t] = streamNodes();
  const unit = new Tensor(draw.uniform(s, t, shaped("uniform", shape)));
  const spread = low === 0 && high === 1 ? unit : unit.mul(high - low).add(low);
  return spread.to(dtype);
}

/** Numbers of a normal distribution. */
export function normal(shape: Shape, mean = 0, deviation = 1, dtype: DType = "float32"): Tensor {
  const [s, t] = streamNodes();
  const unit = new Tensor(draw.normal(s, t, shaped("normal", shape)));
  const spread = mean === 0 && deviation === 1 ? unit : unit.mul(deviation).add(mean);
  return spread.to(dtype);
}

/** Whole numbers from `low` up to but not including `high`. */
export function randint(shape: Shape, low: number, high: number, dtype: DType = "int32"): Tensor {
  if (!(high > low)) throw new CambiumError("value", "randint", `high must be above low, got ${low} to ${high}`);
  return uniform(shape, 0, 1)
    .mul(high - low)
    .floor()
    .add(low)
    .to(dtype);
}

/** So many tries are enough: each fails with a chance below 0.05. */
const tries = 12;

/** The logarithms of numbers of a gamma distribution of scale 1: for small shapes the numbers themselves are too near to 0. @source Marsaglia and Tsang, "A simple method for generating gamma variables" (2000) */
function logGamma(shape: Shape, concentration: Tensor | number): Tensor {
  const a = (typeof concentration === "number" ? full(shape, concentration) : concentration.broadcast([...shape])).expandDims(0);
  // A gamma of a shape below 1 is one of a shape higher by 1, times a power of a uniform number.
  const d = a.add(1 - 1 / 3);
  const x = normal([tries, ...shape]);
  const v = x.div(d.mul(9).sqrt()).add(1).pow(3);
  const positive = v.greater(0);
  const logV = positive.where(v, 1).log();
  const taken = positive.logicalAnd(
    uniform([tries, ...shape])
      .log()
      .less(x.square().mul(0.5).add(d).sub(d.mul(v)).add(d.mul(logV))),
  );
  const first = taken.to("float32").argMax(0).expandDims(0);
  const found = logV.gatherAlong(first, 0);
  return found
    .add(d.log())
    .add(
      uniform([1, ...shape])
        .log()
        .div(a),
    )
    .squeeze(0);
}

/** Numbers of a gamma distribution of scale 1, with the given shape parameter. */
export const gamma = (shape: Shape, concentration: Tensor | number): Tensor => logGamma(shaped("gamma", shape), concentration).exp();

/** Numbers of a beta distribution, from 0 to 1. */
export const beta = (shape: Shape, a: Tensor | number, b: Tensor | number): Tensor => logGamma(shaped("beta", shape), a).sub(logGamma(shape, b)).sigmoid();

/** Noise that makes the largest of logarithms of weights a draw by weight. @source Gumbel's distribution */
export const gumbel = (shape: Shape, dtype: DType = "float32"): Tensor =>
  // A draw of 0 has no logarithm; the smallest step above it stands for it.
  uniform(shape, 0, 1, dtype)
    .maximum(2 ** -24)
    .log()
    .neg()
    .log()
    .neg();

/** 1 with probability `p`, else 0: one for each number of `p`. @source PyTorch's `bernoulli` */
export const bernoulli = (p: Tensor): Tensor => uniform(p.shape, 0, 1, p.dtype).less(p).to(p.dtype);

/** The numbers from 0 to `count` − 1 in a random order. @shape [count], int32 @source PyTorch's `randperm` */
export const permutation = (count: number): Tensor => uniform([count]).argSort();

/**
 * Draws `count` places of each row, each with a chance that goes by its weight; weights need not add up to 1.
 * Without replacement a place is drawn once at most, so there must be as many weights above 0.
 * @shape weights [..., places] → [..., count], int32
 * @throws a `value` error when fewer places are there than are to be drawn without replacement
 * @source PyTorch's `multinomial` (both kinds by Gumbel's trick: the largest of log weight + Gumbel noise)
 */
export function multinomial(weights: Tensor, count = 1, { replacement = false }: { readonly replacement?: boolean } = {}): Tensor {
  const places = weights.shape.at(-1);
  if (places === undefined || places === 0) throw new CambiumError("shape", "multinomial", `weights are [${weights.shape.join(", ")}]; they are [..., places]`);
  if (!Number.isInteger(count) || count < 1) throw new CambiumError("value", "multinomial", `count is a whole number from 1, got ${count}`);
  if (!replacement && count > places)
    throw new CambiumError(
      "value",
      "multinomial",
      `${count} of ${places} places cannot be drawn without replacement`,
      "draw fewer, or say { replacement: true }",
    );
  const logs = weights.log();
  if (!replacement) return logs.add(gumbel(weights.shape, logs.dtype)).topK(count).indices;
  return logs
    .expandDims(-2)
    .add(gumbel([...weights.shape.slice(0, -1), count, places], logs.dtype))
    .argMax(-1);
}
