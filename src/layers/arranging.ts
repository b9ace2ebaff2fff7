/** Layers that put the numbers of samples in another order, or repeat samples. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { expectCount } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";

export interface PermuteOptions extends LayerOptions {
  /** The axes of a sample, counted from 1, in their new order. */
  dims: readonly number[];
}

/** The axes of samples in another order. */
export class Permute extends Layer {
  readonly #dims: readonly number[];

  constructor(options: PermuteOptions) {
    super("Permute", options);
    const { dims } = options;
    if (!Array.isArray(dims) || [...dims].sort((a, b) => a - b).some((d, i) => d !== i + 1))
      throw new CambiumError(
        "value",
        this.name,
        `dims is ${JSON.stringify(dims)}; it names each axis of a sample once, counted from 1`,
        "layers.permute([2, 1])",
      );
    this.#dims = dims;
  }

  protected override check(input: Shape): void {
    if (input.length !== this.#dims.length)
      throw new CambiumError("shape", this.name, `dims ${show(this.#dims)} is for samples of ${this.#dims.length} axes, got ${show(input)}`);
  }

  protected override call(x: Tensor): Tensor {
    return x.permute([0, ...this.#dims]);
  }
}

export interface RepeatVectorOptions extends LayerOptions {
  /** How often. */
  n: number;
}

/** Each sample several times. */
export class RepeatVector extends Layer {
  readonly #n: number;

  constructor(options: RepeatVectorOptions) {
    super("RepeatVector", options);
    expectCount(this.name, "n", options.n);
    this.#n = options.n;
  }

  protected override check(input: Shape): void {
    if (input.length !== 1) throw new CambiumError("shape", this.name, `expects samples of [features], got ${show(input)}`);
  }

  protected override call(x: Tensor): Tensor {
    return x.expandDims(1).broadcast([-1, this.#n, -1]);
  }
}

/**
 * The axes of samples in another order, counted from 1.
 * @shape `[batch, a, b]` → `[batch, b, a]` for `[2, 1]`
 * @source Keras `Permute`
 */
export const permute = (dims: readonly number[] | PermuteOptions, options: LayerOptions = {}): Permute =>
  new Permute(Array.isArray(dims) ? { ...options, dims } : (dims as PermuteOptions));

/**
 * Each sample `n` times.
 * @shape `[batch, features]` → `[batch, n, features]`
 * @source Keras `RepeatVector`
 */
export const repeatVector = (n: number | RepeatVectorOptions, options: LayerOptions = {}): RepeatVector =>
  new RepeatVector(typeof n === "object" ? n : { ...options, n });
