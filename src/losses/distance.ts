/** How far predictions lie from the truth, number by number. */
import { CambiumError } from "../base/error.ts";
import { precise } from "../tensor/autocast.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectSame, reduce, type ReductionOptions } from "./reduce.ts";

/** Squares up to a distance of `delta`, straight lines beyond. @source Huber, "Robust estimation of a location parameter" (1964) */
export function huberDistance(x: Tensor, y: Tensor, delta: number): Tensor {
  const distance = x.sub(y).abs();
  return distance.lessEqual(delta).where(distance.square().mul(0.5), distance.sub(delta / 2).mul(delta));
}

/** @source PyTorch `F.mse_loss` */
export function mseLoss(given: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  const input = precise(given);
  expectSame("mseLoss", input, target);
  return reduce("mseLoss", input.sub(target).square(), reduction);
}

/** @source PyTorch `F.l1_loss` */
export function l1Loss(given: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  const input = precise(given);
  expectSame("l1Loss", input, target);
  return reduce("l1Loss", input.sub(target).abs(), reduction);
}

export interface SmoothL1Options extends ReductionOptions {
  /** The distance up to which the loss is a square; 0 makes it the L1 loss. Default 1. */
  beta?: number;
}

/** @source PyTorch `F.smooth_l1_loss` */
export function smoothL1Loss(given: Tensor, target: Tensor, { beta = 1, reduction }: SmoothL1Options = {}): Tensor {
  const input = precise(given);
  expectSame("smoothL1Loss", input, target);
  if (!(beta >= 0)) throw new CambiumError("value", "smoothL1Loss", `beta is a distance, 0 or more; got ${beta}`);
  return reduce("smoothL1Loss", beta === 0 ? input.sub(target).abs() : huberDistance(input, target, beta).div(beta), reduction);
}

export interface HuberOptions extends ReductionOptions {
  /** The distance up to which the loss is a square. Default 1. */
  delta?: number;
}

/** @source PyTorch `F.huber_loss` */
export function huberLoss(given: Tensor, target: Tensor, { delta = 1, reduction }: HuberOptions = {}): Tensor {
  const input = precise(given);
  expectSame("huberLoss", input, target);
  if (!(delta > 0)) throw new CambiumError("value", "huberLoss", `delta is a distance above 0; got ${delta}`);
  return reduce("huberLoss", huberDistance(input, target, delta), reduction);
}
