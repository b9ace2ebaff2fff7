/** Which steps of a sequence count, handed from layer to layer along with the tensors themselves. */
import type { Tensor } from "../tensor/tensor.ts";

const masks = new WeakMap<Tensor, Tensor>();

/** The mask that came with `x`, `[batch, time]`: false where a step is to be passed over. */
export const maskOf = (x: Tensor): Tensor | undefined => masks.get(x);

/** `x` with a mask for those who come after. */
export function masked(x: Tensor, mask: Tensor | undefined): Tensor {
  if (mask && maskOf(x) !== mask) masks.set(x, mask);
  return x;
}

/** Layers that do the same to each step, so that what was masked stays so. Others drop the mask, or make one of their own. */
export const keepsMask: ReadonlySet<string> = new Set([
  ...["Activation", "BatchNormalization", "Dense", "Dropout", "ELU", "GaussianDropout", "GaussianNoise", "LayerNormalization"],
  ...["LeakyReLU", "PReLU", "ReLU", "Softmax", "SpatialDropout1D", "TimeDistributed", "UnitNormalization"],
]);
