import { drop } from "../nn/dropout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { type AlphaDropoutOptions, checkRate, noiseOver } from "./noise.ts";

export interface DropoutOptions extends AlphaDropoutOptions {
  /** The chance of a number to be dropped, from 0 to below 1. */
  rate: number;
}

/** In training, numbers put to 0 by chance. */
export class Dropout extends Layer {
  readonly rate: number;
  readonly #noiseShape: AlphaDropoutOptions["noiseShape"];

  constructor(options: DropoutOptions) {
    super("Dropout", options);
    checkRate(this.name, options.rate);
    this.rate = options.rate;
    this.#noiseShape = options.noiseShape;
  }

  protected override call(x: Tensor): Tensor {
    return this.training ? drop(x, this.rate, noiseOver(this.#noiseShape, x.shape)) : x;
  }
}

/**
 * In training, each number put to 0 with chance `rate` and the others scaled by 1 / (1 − rate); in evaluation, nothing.
 *
 * @shape `[batch, ...]` → the same
 * @throws a `value` error when the rate is no chance
 * @source Keras `Dropout`
 */
export function dropout(rate: number, options?: Omit<DropoutOptions, "rate">): Dropout;
export function dropout(options: DropoutOptions): Dropout;
export function dropout(rate: number | DropoutOptions, options: LayerOptions = {}): Dropout {
  return new Dropout(typeof rate === "object" ? rate : { ...options, rate });
}
