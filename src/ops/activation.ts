/** The bends between layers, each in a form that neither overflows nor loses small numbers. */
import type { Node } from "../graph/node.ts";
import { defineOp, type Op } from "../graph/op.ts";
import { abs, add, div, maximum, mul, neg, square, sub } from "./arithmetic.ts";
import { leadAxis } from "./axes.ts";
import { greater, where } from "./compare.ts";
import { type Binary, binary, floating, numeric, unary, type Unary } from "./elementwise.ts";
import { erf, erfc, exp, expm1, log1p } from "./exponential.ts";
import { tanh } from "./trigonometry.ts";

/** `x` where it is positive, else 0; its slope at 0 is 0. */
export const relu: Unary = unary({
  name: "relu",
  scalar: (x) => (x > 0 || x !== x ? x : 0),
  dtype: numeric,
  gradient: (dy, { out }) => reluGrad(dy, out),
  decompose: ({ x }) => maximum(x, 0),
});

/** `a` where `b` is positive, else 0: what flows back through a relu with result `b`. */
export const reluGrad: Binary = binary({
  name: "reluGrad",
  scalar: (a, b) => (b > 0 ? a : 0),
  gradient: { a: (dy, { b }) => reluGrad(dy, b) },
  decompose: ({ a, b }) => where(greater(b, 0), a, 0),
  method: false,
});

const logistic = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** `1 / (1 + e⁻ˣ)`: any number, squeezed between 0 and 1. */
export const sigmoid: Unary = unary({
  name: "sigmoid",
  scalar: logistic,
  gradient: (dy, { out }) => mul(dy, mul(out, sub(1, out))),
  decompose: ({ x }) => div(1, add(1, exp(neg(x)))),
});

/** `log(1 + eˣ)`: a relu with a round corner. */
export const softplus: Unary = unary({
  name: "softplus",
  scalar: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  gradient: (dy, { x }) => mul(dy, sigmoid(x)),
  decompose: ({ x }) => add(maximum(x, 0), log1p(exp(neg(abs(x))))),
});

/** The logarithm of `sigmoid(x)`. */
export const logSigmoid: Unary = unary({
  name: "logSigmoid",
  scalar: (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
  gradient: (dy, { x }) => mul(dy, sigmoid(neg(x))),
  decompose: ({ x }) => neg(softplus(neg(x))),
});

/** `x · sigmoid(x)`, also called swish. */
export const silu: Unary = unary({
  name: "silu",
  scalar: (x) => (x === -Infinity ? -0 : x * logistic(x)),
  gradient: (dy, { x, out }) => {
    const gate = sigmoid(x);
    return mul(dy, add(gate, mul(out, sub(1, gate))));
  },
  decompose: ({ x }) => mul(x, sigmoid(x)),
});

/**
 * `x · Φ(x)`, with Φ the chance that a standard normal number is below `x`.
 * @source Hendrycks and Gimpel, "Gaussian error linear units" (2016)
 */
export const gelu: Unary = unary({
  name: "gelu",
  scalar: (x) => (x === -Infinity ? -0 : x * 0.5 * (erfc.scalar!(-x * Math.SQRT1_2))),
  gradient: (dy, { x }) => mul(dy, geluSlope(x)),
  decompose: ({ x }) => mul(mul(x, 0.5), add(1, erf(mul(x, Math.SQRT1_2)))),
});

const bell = (x: Node): Node => mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));

/** The slope of `gelu`: `Φ(x) + x · φ(x)`, with φ the density of a standard normal number. */
export const geluSlope: Unary = unary({
  name: "geluSlope",
  scalar: (x) => {
    const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
    return 0.5 * erfc.scalar!(-x * Math.SQRT1_2) + (density === 0 ? 0 : x * density);
  },
  gradient: (dy, { x }) => mul(dy, mul(bell(x), sub(2, square(x)))),
  decompose: ({ x }) => add(mul(erfc(mul(x, -Math.SQRT1_2)), 0.5), mul(x, bell(x))),
  method: false,
});

const bend = Math.sqrt(2 / Math.PI);

/** GELU with its bell curve approximated by a `tanh`. */
export const geluTanh: Unary = unary({
  name: "geluTanh",
  scalar: (x) => (x === -Infinity ? -0 : 0.5 * x * (1 + Math.tanh(bend * (x + 0.044715 * x * x * x)))),
  decompose: ({ x }) => mul(mul(x, 0.5), add(1, tanh(mul(mul(x, add(1, mul(square(x), 0.044715))), bend)))),
});

/** `x` where it is positive, else `slope · x`. */
export const leakyRelu: Op<["x"], [slope?: number]> = defineOp({
  name: "leakyRelu",
  kind: "composite",
  inputs: ["x"],
  attrs: (_, slope = 0.01) => ({ slope }),
  shape: ([x]) => x,
  dtype: floating,
  decompose: ({ x }, { slope }) => where(greater(x, 0), x, mul(x, slope)),
  batch: leadAxis,
  cases: [{ shapes: [[3, 5]], args: [] }, { shapes: [[4]], args: [0.3] }],
});

/** `x` where it is positive, else `alpha · (eˣ − 1)`. */
export const elu: Op<["x"], [alpha?: number]> = defineOp({
  name: "elu",
  kind: "composite",
  inputs: ["x"],
  attrs: (_, alpha = 1) => ({ alpha }),
  shape: ([x]) => x,
  dtype: floating,
  // The inner choice keeps e to a large power, whose slope would be ∞ · 0, out of the branch not taken; a minimum would halve the slope at 0.
  decompose: ({ x }, { alpha }) => where(greater(x, 0), x, mul(expm1(where(greater(x, 0), 0, x)), alpha)),
  batch: leadAxis,
  cases: [{ shapes: [[3, 5]], args: [] }, { shapes: [[4]], args: [1.7] }],
});

/**
 * An `elu` scaled so that activations keep mean 0 and variance 1 from layer to layer.
 * @source Klambauer et al., "Self-normalizing neural networks" (2017)
 */
export const selu: Op<["x"]> = defineOp({
  name: "selu",
  kind: "composite",
  inputs: ["x"],
  shape: ([x]) => x,
  dtype: floating,
  decompose: ({ x }) => mul(elu(x, 1.6732632423543772), 1.0507009873554805),
  batch: leadAxis,
  cases: [{ shapes: [[3, 5]], args: [] }],
});

/** `x · tanh(softplus(x))` */
export const mish: Op<["x"]> = defineOp({
  name: "mish",
  kind: "composite",
  inputs: ["x"],
  shape: ([x]) => x,
  dtype: floating,
  decompose: ({ x }) => mul(x, tanh(softplus(x))),
  batch: leadAxis,
  cases: [{ shapes: [[3, 5]], args: [] }],
});

/** `x / (1 + |x|)` */
export const softsign: Op<["x"]> = defineOp({
  name: "softsign",
  kind: "composite",
  inputs: ["x"],
  shape: ([x]) => x,
  dtype: floating,
  decompose: ({ x }) => div(x, add(1, abs(x))),
  batch: leadAxis,
  cases: [{ shapes: [[3, 5]], args: [] }],
});
