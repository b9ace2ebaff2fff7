import { CambiumError } from "../base/error.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { surpriseOfScores } from "./binary.ts";
import { expectSame, reduce, type ReductionOptions } from "./reduce.ts";

export interface FocalOptions extends ReductionOptions {
  /** How much positives count, negatives counting the rest; −1: all alike. Default 0.25. */
  alpha?: number;
  /** How much less what is already known counts. Default 2. */
  gamma?: number;
}

/** How surprising bits are to scores (before a sigmoid), where what is already known counts less; nothing is reduced unless asked for. @shape input and target [...] @source torchvision `sigmoid_focal_loss`; Lin et al., "Focal loss for dense object detection" (2017) */
export function sigmoidFocalLoss(input: Tensor, target: Tensor, { alpha = 0.25, gamma = 2, reduction = "none" }: FocalOptions = {}): Tensor {
  const where = "sigmoidFocalLoss";
  expectSame(where, input, target);
  if (!(gamma >= 0)) throw new CambiumError("value", where, `gamma is ${gamma}; it is a number from 0`);
  const truth = target.to(input.dtype);
  const chance = input.sigmoid();
  const other = truth.mul(-1).add(1);
  // What is missing to certainty: the chance of the other answer.
  const doubt = chance.mul(other).add(chance.mul(-1).add(1).mul(truth));
  const losses = surpriseOfScores(input, truth).mul(gamma === 2 ? doubt.square() : doubt.pow(gamma));
  return reduce(where, alpha >= 0 ? losses.mul(truth.mul(alpha).add(other.mul(1 - alpha))) : losses, reduction);
}
