/** Spread and length, and what is left when both mean and spread are taken out. */
import { type Axes, resolveAxes, type Shape } from "../base/shape.ts";
import { type Block, defineOp, type Op } from "../graph/op.ts";
import { add, div, mul, rsqrt, sqrt, square, sub } from "./arithmetic.ts";
import { shiftAxes } from "./axes.ts";
import { castTo } from "./cast.ts";
import { equal, where } from "./compare.ts";
import { floating } from "./elementwise.ts";
import { eachPosition, spreadSteps } from "./positions.ts";
import { mean } from "./reduction.ts";
import { fold, type Fold, foldedShape, type Keep, keptShape, sum, unfold } from "./spread.ts";

export interface VarianceOptions extends Keep {
  /** How many numbers the mean has cost: the sum of squares is divided by the count less this. Default 1. */
  readonly correction?: number;
}

type Spread = Op<["x"], [axes?: Axes, options?: VarianceOptions]>;

const spreadAttrs =
  (name: string) =>
  (shapes: Shape[], axes?: Axes, { correction = 1, ...keep }: VarianceOptions = {}): Fold & { correction: number } => ({ ...fold(name)(shapes, axes, keep), correction });

/** What the sum of squares is divided by; never below 0, where it gives NaN or ∞ as it should. */
const degrees = (shape: Shape, { axes, correction }: Fold & { correction: number }): number => Math.max(axes.reduce((n, axis) => n * shape[axis]!, 1) - correction, 0);

/** The mean squared distance from the mean over `axes` (all of them when left out), with PyTorch's correction of 1 unless given. */
export const variance: Spread = defineOp({
  name: "variance",
  kind: "composite",
  inputs: ["x"],
  attrs: spreadAttrs("variance"),
  shape: foldedShape,
  dtype: floating,
  gradient: (dy, { x }, attrs) => ({ x: mul(unfold(dy, x, attrs.axes), mul(sub(x, mean(x, attrs.axes, { keep: true })), 2 / degrees(x.shape, attrs))) }),
  decompose: ({ x }, attrs) => div(sum(square(sub(x, mean(x, attrs.axes, { keep: true }))), attrs.axes, attrs), degrees(x.shape, attrs)),
  reference: (out, [x], attrs) => {
    const { means, steps } = meansOf(x!, attrs.axes, out.data.length);
    eachPosition(x!.shape, steps, (i, j) => (out.data[j]! += (x!.data[i]! - means[j]!) ** 2));
    out.data.forEach((total, j) => (out.data[j] = total / degrees(x!.shape, attrs)));
  },
  batch: shiftAxes,
  cases: [
    { shapes: [[2, 5]], args: [1] },
    { shapes: [[3, 2, 4]], args: [[0, 2], { keep: true, correction: 0 }] },
    { shapes: [[6]], args: [] },
  ],
});

function meansOf(x: Block, axes: readonly number[], count: number): { means: Float64Array; steps: number[] } {
  const means = new Float64Array(count);
  const steps = spreadSteps(keptShape(x.shape, axes), x.shape);
  eachPosition(x.shape, steps, (i, j) => (means[j]! += (x.data[i]! / x.data.length) * count));
  return { means, steps };
}

/** The square root of the variance. */
export const std: Spread = defineOp({
  name: "std",
  kind: "composite",
  inputs: ["x"],
  attrs: spreadAttrs("std"),
  shape: foldedShape,
  dtype: floating,
  decompose: ({ x }, { axes, ...options }) => sqrt(variance(x, axes, options)),
  batch: shiftAxes,
  cases: [{ shapes: [[2, 5]], args: [1] }, { shapes: [[3, 4]], args: [0, { keep: true, correction: 0 }] }],
});

/** The Euclidean length over `axes` (all of them when left out); its slope at 0 is 0. */
export const norm: Op<["x"], [axes?: Axes, options?: Keep]> = defineOp({
  name: "norm",
  kind: "composite",
  inputs: ["x"],
  attrs: fold("norm"),
  shape: foldedShape,
  dtype: floating,
  gradient: (dy, { x, out }, { axes }) => {
    const still = equal(out, 0);
    return { x: mul(x, unfold(where(still, 0, div(dy, where(still, 1, out))), x, axes)) };
  },
  decompose: ({ x, out }, { axes, keep }) => sqrt(sum(square(castTo(x, out.dtype)), axes, { keep })),
  batch: shiftAxes,
  cases: [{ shapes: [[3, 4]], args: [1] }, { shapes: [[2, 3]], args: [] }, { shapes: [[3]], args: [0, { keep: true }], values: [[0, 0, 3]] }],
});

/**
 * `x` moved and scaled to mean 0 and variance 1 over `axes` (the last when left out): `(x − mean) / √(variance + eps)`, the variance without correction.
 * Over the features it is layer normalisation; over batch and space, batch normalisation.
 * @source Ba, Kiros and Hinton, "Layer normalization" (2016)
 */
export const layerNorm: Op<["x"], [axes?: Axes, eps?: number]> = defineOp({
  name: "layerNorm",
  kind: "composite",
  inputs: ["x"],
  attrs: ([x], axes: Axes = -1, eps = 1e-5) => ({ axes: resolveAxes("layerNorm", axes, x!.length), eps }),
  shape: ([x]) => x!,
  dtype: floating,
  gradient: (dy, { x, out }, { axes, eps }) => {
    const scale = rsqrt(add(variance(x, axes, { keep: true, correction: 0 }), eps));
    const drift = mean(dy, axes, { keep: true });
    return { x: mul(scale, sub(sub(dy, drift), mul(out, mean(mul(dy, out), axes, { keep: true })))) };
  },
  decompose: ({ x }, { axes, eps }) =>
    mul(sub(x, mean(x, axes, { keep: true })), rsqrt(add(variance(x, axes, { keep: true, correction: 0 }), eps))),
  reference: (out, [x], { axes, eps }) => {
    const count = x!.data.length / axes.reduce((n, axis) => n * x!.shape[axis]!, 1);
    const { means, steps } = meansOf(x!, axes, count);
    const squares = new Float64Array(count);
    eachPosition(x!.shape, steps, (i, j) => (squares[j]! += ((x!.data[i]! - means[j]!) ** 2 * count) / x!.data.length));
    eachPosition(x!.shape, steps, (i, j) => (out.data[i] = (x!.data[i]! - means[j]!) / Math.sqrt(squares[j]! + eps)));
  },
  batch: shiftAxes,
  cases: [
    { shapes: [[2, 5]], args: [] },
    { shapes: [[4, 2, 3]], args: [[0, 1], 1e-3] },
    { shapes: [[3, 1, 2]], args: [[1, 2]] },
  ],
});
