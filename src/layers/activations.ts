import { CambiumError } from "../base/error.ts";
import { bare, unknownName } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What is applied to a layer's result. */
export type Activation = (x: Tensor) => Tensor;

/**
 * The activations by name.
 * @source Keras `keras.activations`, its defaults included: `gelu` is exact, `leakyRelu` has slope 0.2
 */
export const activations = {
  linear: (x) => x,
  relu: (x) => x.relu(),
  // At 6 its slope is 0 already.
  relu6: (x) => x.greaterEqual(6).where(6, x.relu()),
  leakyRelu: (x) => x.leakyRelu(0.2),
  elu: (x) => x.elu(),
  // At 0 its slope is that of the straight part.
  selu: (x) => x.less(0).where(x.selu(), x.mul(1.0507009873554805)),
  celu: (x) => x.elu(),
  gelu: (x) => x.gelu(),
  silu: (x) => x.silu(),
  swish: (x) => x.silu(),
  mish: (x) => x.mish(),
  sigmoid: (x) => x.sigmoid(),
  hardSigmoid: (x) => activations.relu6(x.add(3)).div(6),
  hardSilu: (x) => x.mul(activations.hardSigmoid(x)),
  hardSwish: (x) => x.mul(activations.hardSigmoid(x)),
  logSigmoid: (x) => x.logSigmoid(),
  tanh: (x) => x.tanh(),
  softmax: (x) => x.softmax(-1),
  logSoftmax: (x) => x.logSoftmax(-1),
  softplus: (x) => x.softplus(),
  softsign: (x) => x.softsign(),
  exponential: (x) => x.exp(),
} satisfies Record<string, Activation> as Record<
  | "linear"
  | "relu"
  | "relu6"
  | "leakyRelu"
  | "elu"
  | "selu"
  | "celu"
  | "gelu"
  | "silu"
  | "swish"
  | "mish"
  | "sigmoid"
  | "hardSigmoid"
  | "hardSilu"
  | "hardSwish"
  | "logSigmoid"
  | "tanh"
  | "softmax"
  | "logSoftmax"
  | "softplus"
  | "softsign"
  | "exponential",
  Activation
>;

/** A known name; `leaky_relu` is `leakyRelu`. */
export type ActivationName = keyof typeof activations;

const byName = new Map<string, Activation>(Object.entries(activations).map(([name, f]) => [bare(name), f]));

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
