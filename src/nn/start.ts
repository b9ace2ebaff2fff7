/** How numbers that training will change start out: distributions that depend on a shape and on how many numbers flow in and out. */
import { allocate } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { Stream } from "../base/random.ts";
import { type Shape, show, size } from "../base/shape.ts";
import { fromArray, full } from "../tensor/create.ts";
import { nextStream, normal as drawNormal, randomState, setRandomState, uniform as drawUniform } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** How many numbers meet in one result (`in`), and into how many results one number goes (`out`). */
export interface Fans {
  readonly in: number;
  readonly out: number;
}

/** Start values for a tensor of the given shape. */
export type Start = (shape: Shape, fans: Fans) => Tensor;

/** The fans of a weight shaped as PyTorch has it: `[out, in, ...kernel]`. */
export function fansOutIn(shape: Shape): Fans {
  if (shape.length < 2) throw new CambiumError("shape", "init", `a tensor of shape ${show(shape)} has no fans: it needs two axes or more`);
  const kernel = size(shape.slice(2));
  return { in: shape[1]! * kernel, out: shape[0]! * kernel };
}

/** The fans of a weight shaped as Keras has it: `[...kernel, in, out]`. */
export function fansInOut(shape: Shape): Fans {
  if (shape.length < 2) return { in: shape[0] ?? 1, out: shape[0] ?? 1 };
  const kernel = size(shape.slice(0, -2));
  return { in: shape[shape.length - 2]! * kernel, out: shape[shape.length - 1]! * kernel };
}

/** The same number everywhere. */
export const constant =
  (value: number): Start =>
  (shape) =>
    full(shape, value);

export const zeros: Start = constant(0);

export const ones: Start = constant(1);

/** Spread evenly over [low, high). */
export const uniform =
  (low: number, high: number): Start =>
  (shape) =>
    drawUniform(shape, low, high);

/** Spread around `mean` as a bell curve. */
export const normal =
  (mean: number, deviation: number): Start =>
  (shape) =>
    drawNormal(shape, mean, deviation);

/** A stream of random numbers on the host: as the engines' own draws, it depends on the seed and on how many were drawn before. */
const hostStream = (): Stream => new Stream(randomState().seed >>> 0, nextStream());

/** A bell curve around `mean` without its tails: beyond two deviations, or outside [low, high]. */
export const truncatedNormal =
  (mean: number, deviation: number, low: number = mean - 2 * deviation, high: number = mean + 2 * deviation): Start =>
  (shape) => {
    const [a, b] = [(low - mean) / deviation, (high - mean) / deviation];
    if (!(a < b)) throw new CambiumError("value", "truncatedNormal", `nothing lies between ${low} and ${high}`);
    const stream = hostStream();
    const out = allocate("float32", size(shape));
    // Far out in a tail a bell curve hits too seldom: there, draws are even and kept by how likely they are.
    const top = Math.exp(-(Math.max(a, Math.min(b, 0)) ** 2) / 2);
    const seldom = a > 1 || b < -1 || b - a < 0.5;
    for (let i = 0; i < out.length; ) {
      const z = seldom ? a + (b - a) * stream.uniform() : stream.normal();
      if (z >= a && z <= b && (!seldom || stream.uniform() * top <= Math.exp((-z * z) / 2))) out[i++] = mean + deviation * z;
    }
    return fromArray(out, shape);
  };

/** The same start values at every use, whatever was drawn before. */
export const seeded =
  (start: Start, seed: number | undefined): Start =>
  (shape, fans) => {
    if (seed === undefined || seed === null) return start(shape, fans);
    if (!Number.isInteger(seed)) throw new CambiumError("value", "initializers", `seed is ${seed}; it is a whole number`);
    const before = randomState();
    setRandomState({ seed: seed | 0, stream: 0 });
    try {
      return start(shape, fans);
    } finally {
      setRandomState(before);
    }
  };

/** Kernels that pass their channels on: 1 in the middle of the kernel from each channel to itself, in each of `groups`. @source PyTorch `init.dirac_` */
export const dirac =
  (groups = 1): Start =>
  (shape) => {
    if (shape.length < 3 || shape.length > 5) throw new CambiumError("shape", "dirac", `needs the weight of a convolution, 3 to 5 axes, got ${show(shape)}`);
    const [outputs, inputs] = shape as [number, number];
    if (outputs % groups !== 0) throw new CambiumError("value", "dirac", `${outputs} channels cannot be divided into ${groups} groups`);
    const kernel = shape.slice(2);
    const middle = kernel.reduce((at, d) => at * d + Math.floor(d / 2), 0);
    const out = allocate("float32", size(shape));
    const each = outputs / groups;
    for (let g = 0; g < groups; g++) for (let i = 0; i < Math.min(each, inputs); i++) out[((g * each + i) * inputs + i) * size(kernel) + middle] = 1;
    return fromArray(out, shape);
  };

/** A bell curve of which a share of each column is 0. @source PyTorch `init.sparse_`; Martens, "Deep learning via Hessian-free optimization" (2010) */
export const sparse =
  (sparsity: number, deviation = 0.01): Start =>
  (shape) => {
    if (shape.length !== 2) throw new CambiumError("shape", "sparse", `only a matrix has columns to thin out, not ${show(shape)}`);
    if (!(sparsity >= 0 && sparsity <= 1)) throw new CambiumError("value", "sparse", `sparsity is ${sparsity}; it is a share from 0 to 1`);
    const stream = hostStream();
    const [rows, columns] = shape as [number, number];
    const out = allocate("float32", rows * columns);
    for (let i = 0; i < out.length; i++) out[i] = deviation * stream.normal();
    const none = Math.ceil(sparsity * rows);
    for (let j = 0; j < columns; j++) for (const i of stream.permutation(rows).slice(0, none)) out[i * columns + j] = 0;
    return fromArray(out, shape);
  };

/** Deviation of a standard bell curve whose tails beyond two deviations are cut off. */
const cut = 0.87962566103423978;

export interface Scaling {
  /** Default 1. */
  scale?: number;
  /** Which fan the variance is divided by. Default `"in"`. */
  mode?: "in" | "out" | "average";
  /** Default `"truncatedNormal"`. */
  distribution?: "truncatedNormal" | "normal" | "uniform";
}

/** Variance `scale / fan`: what keeps activations (or gradients) of one size from layer to layer. @source Keras `VarianceScaling` */
export function varianceScaling({ scale = 1, mode = "in", distribution = "truncatedNormal" }: Scaling = {}): Start {
  return (shape, fans) => {
    const fan = mode === "in" ? fans.in : mode === "out" ? fans.out : (fans.in + fans.out) / 2;
    const deviation = Math.sqrt(scale / Math.max(1, fan));
    if (distribution === "uniform") return uniform(-Math.sqrt(3) * deviation, Math.sqrt(3) * deviation)(shape, fans);
    return (distribution === "normal" ? normal(0, deviation) : truncatedNormal(0, deviation / cut))(shape, fans);
  };
}

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export const identity =
  (gain = 1): Start =>
  (shape) => {
    if (shape.length !== 2) throw new CambiumError("shape", "identity", `only a matrix can start as the identity, not ${show(shape)}`);
    const out = allocate("float32", size(shape));
    for (let i = 0; i < Math.min(shape[0]!, shape[1]!); i++) out[i * shape[1]! + i] = gain;
    return fromArray(out, shape);
  };

/**
 * A matrix whose rows (or columns, if there are fewer of them) stand at right angles and have length `gain`; axes beyond the one that `rows` names are taken as one.
 * @source Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks" (2013)
 */
export const orthogonal =
  (gain = 1, rows: "first" | "last" = "first"): Start =>
  (shape) => {
    if (shape.length < 2) throw new CambiumError("shape", "orthogonal", `needs two axes or more, got ${show(shape)}`);
    const n = rows === "first" ? shape[0]! : size(shape) / shape[shape.length - 1]!;
    const m = size(shape) / n;
    const [long, short] = [Math.max(n, m), Math.min(n, m)];
    const stream = hostStream();
    const vectors = Array.from({ length: short }, () => Float64Array.from({ length: long }, () => stream.normal()));
    orthonormalise(vectors);
    const out = allocate("float32", n * m);
    for (let i = 0; i < n; i++) for (let j = 0; j < m; j++) out[i * m + j] = gain * (n <= m ? vectors[i]![j]! : vectors[j]![i]!);
    return fromArray(out, shape);
  };

/** Gram and Schmidt's method, each vector done twice: the second pass takes away what rounding left of the first. */
function orthonormalise(vectors: Float64Array[]): void {
  vectors.forEach((v, i) => {
    for (let pass = 0; pass < 2; pass++) {
      for (const u of vectors.slice(0, i)) {
        let along = 0;
        for (let k = 0; k < v.length; k++) along += u[k]! * v[k]!;
        for (let k = 0; k < v.length; k++) v[k]! -= along * u[k]!;
      }
      let length = 0;
      for (const x of v) length += x * x;
      length = Math.sqrt(length);
      for (let k = 0; k < v.length; k++) v[k]! /= length;
    }
  });
}
