/** How surprising numbers are to distributions whose measures are predicted. */
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectSame, reduce, type ReductionOptions } from "./reduce.ts";

export interface PoissonNLLOptions extends ReductionOptions {
  /** The prediction is the logarithm of the rate. Default `true`. */
  logInput?: boolean;
  /** Adds what does not depend on the prediction (Stirling's approximation). Default `false`. */
  full?: boolean;
  /** Keeps the logarithm finite. Default 1e-8. */
  eps?: number;
}

/** How surprising counts are to a predicted rate. @shape input and target [...] @source PyTorch `F.poisson_nll_loss` */
export function poissonNllLoss(input: Tensor, target: Tensor, { logInput = true, full = false, eps = 1e-8, reduction }: PoissonNLLOptions = {}): Tensor {
  expectSame("poissonNllLoss", input, target);
  const truth = target.to(input.dtype);
  let losses = logInput ? input.exp().sub(truth.mul(input)) : input.sub(truth.mul(input.add(eps).log()));
  if (full) {
    const many = truth.greater(1);
    const counts = many.where(truth, 2);
    const rest = counts
      .mul(counts.log())
      .sub(counts)
      .add(
        counts
          .mul(2 * Math.PI)
          .log()
          .mul(0.5),
      );
    losses = losses.add(many.where(rest, 0));
  }
  return reduce("poissonNllLoss", losses, reduction);
}

export interface GaussianNLLOptions extends ReductionOptions {
  /** Adds what does not depend on the prediction. Default `false`. */
  full?: boolean;
  /** The least variance. Default 1e-6. */
  eps?: number;
}

/**
 * How surprising numbers are to a predicted mean and variance.
 * @shape input and target [...], variance the same, or with the last axis missing or of size 1
 * @source PyTorch `F.gaussian_nll_loss`; Nix and Weigend, "Estimating the mean and variance of the target probability distribution" (1994)
 */
export function gaussianNllLoss(input: Tensor, target: Tensor, variance: Tensor, { full = false, eps = 1e-6, reduction }: GaussianNLLOptions = {}): Tensor {
  const where = "gaussianNllLoss";
  expectSame(where, input, target);
  const fits = same(variance.shape, input.shape) || same(variance.shape, [...input.shape.slice(0, -1), 1]);
  const short = same(variance.shape, input.shape.slice(0, -1));
  if (!fits && !short && variance.size !== 1)
    throw new CambiumError(
      "shape",
      where,
      `the prediction is ${show(input.shape)}, the variance ${show(variance.shape)}; it must be equal, or one number a row`,
    );
  const given = short && !fits ? variance.reshape([...variance.shape, 1]) : variance;
  // A variance below eps is lifted, and its slope is as if it were not.
  const spread = given.add(given.maximum(eps).sub(given).detach());
  const losses = spread.log().add(input.sub(target).square().div(spread)).mul(0.5);
  return reduce(where, full ? losses.add(0.5 * Math.log(2 * Math.PI)) : losses, reduction);
}
