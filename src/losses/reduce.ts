import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What becomes of the losses of single numbers: their mean, their sum, or nothing. */
export type Reduction = "mean" | "sum" | "none";

export interface ReductionOptions {
  /** Default `"mean"`. */
  reduction?: Reduction;
}

export function reduce(where: string, losses: Tensor, reduction: Reduction = "mean"): Tensor {
  switch (reduction) {
    case "mean":
      return losses.mean();
    case "sum":
      return losses.sum();
    case "none":
      return losses;
    default:
      throw new CambiumError("name", where, `there is no reduction "${String(reduction)}"; it is "mean", "sum" or "none"`);
  }
}

/** Prediction and truth must have one shape: broadcasting here is nearly always a mistake, and a silent one. */
export function expectSame(where: string, input: Tensor, target: Tensor): void {
  if (same(input.shape, target.shape)) return;
  const grown = input.rank === target.rank + 1 && input.shape.at(-1) === 1 ? `reshape the target to ${show(input.shape)}` : undefined;
  throw new CambiumError("shape", where, `the prediction is ${show(input.shape)}, the target ${show(target.shape)}; they must be equal`, grown);
}
