import { CambiumError } from "../base/error.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectSame, reduce, type Reduction } from "./reduce.ts";

export interface KLDivOptions {
  /** `"batchmean"`, the sum divided by the first axis' size, is the divergence itself. Default `"mean"`. */
  reduction?: Reduction | "batchmean";
  /** The target holds logarithms too. Default `false`. */
  logTarget?: boolean;
}

/**
 * How far the distribution whose logarithms are `input` lies from `target`.
 * @shape input and target [...]
 * @source PyTorch `F.kl_div`; Kullback and Leibler, "On information and sufficiency" (1951)
 */
export function klDiv(input: Tensor, target: Tensor, { reduction = "mean", logTarget = false }: KLDivOptions = {}): Tensor {
  expectSame("klDiv", input, target);
  const some = target.greater(0);
  const losses = logTarget ? target.exp().mul(target.sub(input)) : some.where(target.mul(some.where(target, 1).log()), 0).sub(target.mul(input));
  if (reduction !== "batchmean") return reduce("klDiv", losses, reduction);
  if (input.rank === 0) throw new CambiumError("shape", "klDiv", 'reduction "batchmean" needs a batch axis; the prediction is a single number');
  return losses.sum().div(input.shape[0]!);
}
