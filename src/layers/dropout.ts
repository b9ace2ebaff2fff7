import { CambiumError } from "../base/error.ts";
import { drop } from "../nn/dropout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";

export interface DropoutOptions extends LayerOptions {
  /** The chance of a number to be dropped, from 0 to below 1. */
  rate: number;
}

/** In training, numbers put to 0 by chance. */
export class Dropout extends Layer {
  readonly rate: number;

  constructor(options: DropoutOptions) {
    super("Dropout", options);
    const { rate } = options;
    if (!(typeof rate === "number" && rate >= 0 && rate < 1))
      throw new CambiumError(
        "value",
        this.name,
        `rate is ${rate}; it is a chance from 0 to below 1`,
        rate > 1 && rate <= 100 ? `did you mean ${rate / 100}?` : undefined,
      );
    this.rate = rate;
  }

  protected override call(x: Tensor): Tensor {
    return this.training ? drop(x, this.rate) : x;
  }
}

/**
 * In training, each number put to 0 with chance `rate` and the others scaled by 1 / (1 − rate); in evaluation, nothing.
 *
 * @shape `[batch, ...]` → the same
 * @throws a `value` error when the rate is no chance
 * @source Keras `Dropout`
 */
export function dropout(rate: number, options?: LayerOptions): Dropout;
export function dropout(options: DropoutOptions): Dropout;
export function dropout(rate: number | DropoutOptions, options: LayerOptions = {}): Dropout {
  return new Dropout(typeof rate === "object" ? rate : { ...options, rate });
}
