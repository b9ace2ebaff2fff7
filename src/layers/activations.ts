import { CambiumError } from "../base/error.ts";
import { resolveAxis, show } from "../base/shape.ts";
import { bare, unknownName } from "../base/text.ts";
import { arange } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What is applied to a layer's result. */
export type Activation = (x: Tensor) => Tensor;

/** An activation with settings: each has a default, so it is an `Activation` too. */
export type Tunable<Options> = (x: Tensor, options?: Options) => Tensor;

/** The largest result, the slope below the threshold, and where the bend is. */
export interface ReLUSettings {
  negativeSlope?: number;
  maxValue?: number | undefined;
  threshold?: number;
}

/** Keras' relu in all its forms. */
function bent(x: Tensor, { negativeSlope = 0, maxValue, threshold = 0 }: ReLUSettings = {}): Tensor {
  const low = threshold === 0 && negativeSlope === 0 ? x.relu() : x.greater(threshold).where(x, x.sub(threshold).mul(negativeSlope));
  return maxValue === undefined ? low : low.greaterEqual(maxValue).where(maxValue, low);
}

/** The shares of a projection on the simplex: they add up to 1, and many are 0. @source Martins and Astudillo, "From softmax to sparsemax" (2016) */
function sparsemax(x: Tensor, { axis = -1 }: { axis?: number } = {}): Tensor {
  const along = resolveAxis("sparsemax", axis, x.rank);
  const sorted = x.sort(along, { descending: true });
  const sums = sorted.cumSum(along);
  const ranks = arange(1, x.shape[along]! + 1)
    .to(x.dtype)
    .reshape(x.shape.map((d, i) => (i === along ? d : 1)));
  const counts = sorted.sub(sums.sub(1).div(ranks)).greater(0);
  const k = counts.to(x.dtype).sum(along, { keep: true });
  const tau = counts.where(sorted, 0).sum(along, { keep: true }).sub(1).div(k);
  return x.sub(tau).relu();
}

function glu(x: Tensor, { axis = -1 }: { axis?: number } = {}): Tensor {
  const along = resolveAxis("glu", axis, x.rank);
  if (x.shape[along]! % 2 !== 0)
    throw new CambiumError("shape", "glu", `axis ${axis} of ${show(x.shape)} cannot be halved`, "make it even: half of it opens the other half");
  const [values, gates] = x.split(2, along) as [Tensor, Tensor];
  return values.mul(gates.sigmoid());
}

function threshold(x: Tensor, options?: { threshold: number; defaultValue: number }): Tensor {
  if (options === undefined || typeof options.threshold !== "number" || typeof options.defaultValue !== "number")
    throw new CambiumError(
      "value",
      "threshold",
      "needs a threshold and a defaultValue",
      "(x) => activations.threshold(x, { threshold: 0.5, defaultValue: 0 })",
    );
  return x.greater(options.threshold).where(x, options.defaultValue);
}

/** The activations by name. */
export interface Activations {
  linear: Activation;
  relu: Tunable<ReLUSettings>;
  relu6: Activation;
  leakyRelu: Tunable<{ negativeSlope?: number }>;
  elu: Tunable<{ alpha?: number }>;
  selu: Activation;
  celu: Tunable<{ alpha?: number }>;
  gelu: Tunable<{ approximate?: boolean }>;
  silu: Activation;
  swish: Activation;
  mish: Activation;
  sigmoid: Activation;
  hardSigmoid: Activation;
  hardSilu: Activation;
  hardSwish: Activation;
  logSigmoid: Activation;
  sparseSigmoid: Activation;
  tanh: Activation;
  hardTanh: Activation;
  tanhShrink: Activation;
  softShrink: Tunable<{ threshold?: number }>;
  hardShrink: Tunable<{ threshold?: number }>;
  threshold: Tunable<{ threshold: number; defaultValue: number }>;
  softmax: Tunable<{ axis?: number }>;
  logSoftmax: Tunable<{ axis?: number }>;
  sparsemax: Tunable<{ axis?: number }>;
  softplus: Activation;
  sparsePlus: Activation;
  squareplus: Tunable<{ b?: number }>;
  softsign: Activation;
  exponential: Activation;
  glu: Tunable<{ axis?: number }>;
}

/**
 * The activations by name. Where one has settings, they come second: `activations.elu(x, { alpha: 0.5 })`.
 * @source Keras `keras.activations`, its defaults included: `gelu` is exact, `leakyRelu` has slope 0.2
 */
export const activations: Activations = {
  linear: (x) => x,
  relu: bent,
  // At 6 its slope is 0 already.
  relu6: (x) => bent(x, { maxValue: 6 }),
  leakyRelu: (x, { negativeSlope = 0.2 } = {}) => x.leakyRelu(negativeSlope),
  elu: (x, { alpha = 1 } = {}) => x.elu(alpha),
  // At 0 its slope is that of the straight part.
  selu: (x) => x.less(0).where(x.selu(), x.mul(1.0507009873554805)),
  celu: (x, { alpha = 1 } = {}) => (alpha === 1 ? x.elu() : x.greater(0).where(x, x.minimum(0).div(alpha).expm1().mul(alpha))),
  gelu: (x, { approximate = false } = {}) => (approximate ? x.geluTanh() : x.gelu()),
  silu: (x) => x.silu(),
  swish: (x) => x.silu(),
  mish: (x) => x.mish(),
  sigmoid: (x) => x.sigmoid(),
  hardSigmoid: (x) => activations.relu6(x.add(3)).div(6),
  hardSilu: (x) => x.mul(activations.hardSigmoid(x)),
  hardSwish: (x) => x.mul(activations.hardSigmoid(x)),
  logSigmoid: (x) => x.logSigmoid(),
  sparseSigmoid: (x) => x.lessEqual(-1).where(0, x.greaterEqual(1).where(1, x.add(1).mul(0.5))),
  tanh: (x) => x.tanh(),
  hardTanh: (x) => x.clamp(-1, 1),
  tanhShrink: (x) => x.sub(x.tanh()),
  softShrink: (x, { threshold = 0.5 } = {}) => x.greater(threshold).where(x.sub(threshold), x.less(-threshold).where(x.add(threshold), 0)),
  hardShrink: (x, { threshold = 0.5 } = {}) => x.abs().greater(threshold).where(x, 0),
  threshold,
  softmax: (x, { axis = -1 } = {}) => x.softmax(axis),
  logSoftmax: (x, { axis = -1 } = {}) => x.logSoftmax(axis),
  sparsemax,
  softplus: (x) => x.softplus(),
  sparsePlus: (x) => x.lessEqual(-1).where(0, x.less(1).where(x.add(1).square().mul(0.25), x)),
  squareplus: (x, { b = 4 } = {}) => x.add(x.square().add(b).sqrt()).mul(0.5),
  softsign: (x) => x.softsign(),
  exponential: (x) => x.exp(),
  glu,
};

/** A known name; `leaky_relu` is `leakyRelu`. */
export type ActivationName = keyof Activations;

const byName = new Map<string, Activation>(Object.entries(activations).map(([name, f]) => [bare(name), f as Activation]));

/**
 * The activation that is meant by a name or by itself.
 * @throws a `name` error for an unknown name
 */
export function activation(where: string, given: ActivationName | (string & {}) | Activation | undefined): Activation {
  if (given === undefined || given === null) return activations.linear;
  if (typeof given === "function") return given;
  if (typeof given !== "string") throw new CambiumError("value", where, `activation is ${typeof given}; it is a name or a function`);
  const found = byName.get(bare(given));
  if (!found) throw unknownName(where, "activation", given, Object.keys(activations));
  return found;
}
