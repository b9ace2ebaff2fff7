/** Which steps of a sequence count, handed from layer to layer along with the tensors themselves. */
import { same } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

const masks = new WeakMap<Tensor, Tensor>();

/** The mask that came with `x`, `[batch, time]`: false where a step is to be passed over. */
export const maskOf = (x: Tensor): Tensor | undefined => masks.get(x);

/** `x` with a mask for those who come after. */
export function masked(x: Tensor, mask: Tensor | undefined): Tensor {
  if (mask && maskOf(x) !== mask) masks.set(x, mask);
  return x;
}

/** `weight` with axes of size 1 behind, so that it stands beside tensors of that rank. */
export const beside = (weight: Tensor, rank: number): Tensor =>
  weight.rank < rank ? weight.reshape([...weight.shape, ...Array<number>(rank - weight.rank).fill(1)]) : weight;

/** What each of `values` counts, which were made of a prediction: its weight, and nothing where the prediction is masked. */
export function masking(values: Tensor, yPred: Tensor, weight: Tensor | undefined): Tensor | undefined {
  const mask = maskOf(yPred);
  if (!mask || !same(mask.shape, values.shape.slice(0, mask.rank))) return weight;
  const on = mask.to("float32");
  return weight ? beside(on, weight.rank).mul(beside(weight, on.rank)) : on;
}
