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
  relu6: (x) => x.relu().minimum(6),
  leakyRelu: (x) => x.leakyRelu(0.2),
  elu: (x) => x.elu(),
  selu: (x) => x.selu(),
  gelu: (x) => x.gelu(),
  silu: (x) => x.silu(),
  swish: (x) => x.silu(),
  mish: (x) => x.mish(),
  sigmoid: (x) => x.sigmoid(),
  hardSigmoid: (x) => x.div(6).add(0.5).maximum(0).minimum(1),
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
  | "linear" | "relu" | "relu6" | "leakyRelu" | "elu" | "selu" | "gelu" | "silu" | "swish" | "mish" | "sigmoid" | "hardSigmoid" | "hardSilu" | "hardSwish"
  | "logSigmoid" | "tanh" | "softmax" | "logSoftmax" | "softplus" | "softsign" | "exponential",
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
