/** How numbers that training will change start out: distributions that depend on a shape and on how many numbers flow in and out. */
import { allocate } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { Stream } from "../base/random.ts";
import { type Shape, show, size } from "../base/shape.ts";
import { fromArray, full } from "../tensor/create.ts";
import { nextStream, normal as drawNormal, randomState, uniform as drawUniform } from "../tensor/random.ts";
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

/** A bell curve around `mean` without its tails beyond two deviations. */
export const truncatedNormal =
  (mean: number, deviation: number): Start =>
  (shape) => {
    const stream = hostStream();
    const out = allocate("float32", size(shape));
    for (let i = 0; i < out.length; ) {
      const z = stream.normal();
      if (Math.abs(z) < 2) out[i++] = mean + deviation * z;
    }
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
