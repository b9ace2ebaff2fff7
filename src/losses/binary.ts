import { precise } from "../tensor/autocast.ts";
import { asTensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectSame, reduce, type ReductionOptions } from "./reduce.ts";

export interface BCEOptions extends ReductionOptions {
  /** How much each number counts; broadcasts to the prediction. */
  weight?: Tensor | readonly number[];
}

export interface BCEWithLogitsOptions extends BCEOptions {
  /** How much each positive counts; broadcasts to the prediction. */
  posWeight?: Tensor | readonly number[];
}

const weigh = (losses: Tensor, weight: Tensor | readonly number[] | undefined): Tensor =>
  weight === undefined ? losses : losses.mul(asTensor(weight as Tensor));

/** How surprising `truth` is to chances that stand in as scores before a sigmoid: exact for scores of any size. */
export const surpriseOfScores = (scores: Tensor, truth: Tensor): Tensor => scores.softplus().sub(scores.mul(truth));

/**
 * How surprising the truth is to chances.
 * @shape input and target [...]
 * @source PyTorch `F.binary_cross_entropy`: no loss is above 100, and next to certainty the slope is bounded
 */
export function binaryCrossEntropy(given: Tensor, target: Tensor, { weight, reduction }: BCEOptions = {}): Tensor {
  const where = "binaryCrossEntropy";
  const input = precise(given);
  expectSame(where, input, target);
  const truth = target.to(input.dtype);
  const doubt = input.sub(input.square());
  const doubtful = doubt.greater(1e-12);
  const value = (x: Tensor): Tensor =>
    truth
      .mul(x.log().maximum(-100))
      .add(truth.mul(-1).add(1).mul(x.neg().log1p().maximum(-100)))
      .neg();
  // At certainty the value stays, and the slope is that of the formula with its denominator kept away from 0.
  const still = input.detach();
  const slope = still.sub(truth).mul(1e12);
  const certain = value(still).add(input.sub(still).mul(slope));
  return reduce(where, weigh(doubtful.where(value(doubtful.where(input, 0.5)), certain), weight), reduction);
}

/**
 * How surprising the truth is to scores (before a sigmoid).
 * @shape input and target [...]
 * @source PyTorch `F.binary_cross_entropy_with_logits`
 */
export function binaryCrossEntropyWithLogits(given: Tensor, target: Tensor, { weight, posWeight, reduction }: BCEWithLogitsOptions = {}): Tensor {
  const where = "binaryCrossEntropyWithLogits";
  const input = precise(given);
  expectSame(where, input, target);
  const truth = target.to(input.dtype);
  if (posWeight === undefined) return reduce(where, weigh(surpriseOfScores(input, truth), weight), reduction);
  const factor = truth.mul(asTensor(posWeight as Tensor).sub(1)).add(1);
  const losses = truth.mul(-1).add(1).mul(input).add(factor.mul(input.neg().softplus()));
  return reduce(where, weigh(losses, weight), reduction);
}
