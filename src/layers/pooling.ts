import type { Shape } from "../base/shape.ts";
import { perAxis, type Sizes } from "../nn/input.ts";
import { avgPool, maxPool } from "../ops/pool.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkPadding, checkRank } from "./convolution.ts";
import { Layer, type LayerOptions } from "./layer.ts";

export interface PoolingOptions extends LayerOptions {
  /** Default 2. */
  poolSize?: Sizes;
  /** Default: `poolSize`. */
  strides?: Sizes;
  /** Default `"valid"`. */
  padding?: "valid" | "same";
}

/** Windows that keep the largest number or the mean of what they see. */
export class Pooling extends Layer {
  readonly #options: PoolingOptions;
  readonly #rank: 1 | 2;
  readonly #mode: "Max" | "Average";

  constructor(mode: "Max" | "Average", rank: 1 | 2, options: PoolingOptions) {
    super(`${mode}Pooling${rank}D`, options);
    checkPadding(this.name, options.padding ?? "valid");
    perAxis(this.name, "poolSize", options.poolSize ?? 2, rank);
    if (options.strides !== undefined && options.strides !== null) perAxis(this.name, "strides", options.strides, rank);
    this.#options = options;
    this.#rank = rank;
    this.#mode = mode;
  }

  protected override check(input: Shape): void {
    checkRank(this.name, input, this.#rank);
  }

  protected override call(x: Tensor): Tensor {
    const { poolSize = 2, strides, padding = "valid" } = this.#options;
    const window = { window: poolSize, stride: strides ?? poolSize, padding };
    return new Tensor(this.#mode === "Max" ? maxPool(x.node, window) : avgPool(x.node, window));
  }
}

export interface GlobalPoolingOptions extends LayerOptions {
  /** Whether the axes stay, with size 1. Default `false`. */
  keepdims?: boolean;
}

/** One window over all there is. */
export class GlobalPooling extends Layer {
  readonly #options: GlobalPoolingOptions;
  readonly #rank: 1 | 2;
  readonly #mode: "Max" | "Average";

  constructor(mode: "Max" | "Average", rank: 1 | 2, options: GlobalPoolingOptions = {}) {
    super(`Global${mode}Pooling${rank}D`, options);
    this.#options = options;
    this.#rank = rank;
    this.#mode = mode;
  }

  protected override check(input: Shape): void {
    checkRank(this.name, input, this.#rank);
  }

  protected override call(x: Tensor): Tensor {
    const axes = this.#rank === 2 ? [1, 2] : [1];
    const keep = { keep: this.#options.keepdims ?? false };
    return this.#mode === "Max" ? x.max(axes, keep) : x.mean(axes, keep);
  }
}

type Rest = Omit<PoolingOptions, "poolSize">;
const pooling =
  (mode: "Max" | "Average", rank: 1 | 2) =>
  (poolSize: Sizes | PoolingOptions = 2, options: Rest = {}): Pooling =>
    new Pooling(
      mode,
      rank,
      typeof poolSize === "object" && !Array.isArray(poolSize) ? (poolSize as PoolingOptions) : { ...options, poolSize: poolSize as Sizes },
    );

/** What makes a pooling layer: its window's size and more, or all options in one object. */
export type MakePooling = (poolSize?: Sizes | PoolingOptions, options?: Omit<PoolingOptions, "poolSize">) => Pooling;

/**
 * The largest number of each window.
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, channels]`
 * @source Keras `MaxPooling2D`
 */
export const maxPooling2d: MakePooling = pooling("Max", 2);

/**
 * The mean of each window.
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, channels]`
 * @source Keras `AveragePooling2D`
 */
export const averagePooling2d: MakePooling = pooling("Average", 2);

/**
 * The largest number of each window.
 * @shape `[batch, steps, channels]` → `[batch, steps out, channels]`
 * @source Keras `MaxPooling1D`
 */
export const maxPooling1d: MakePooling = pooling("Max", 1);

/**
 * The mean of each window.
 * @shape `[batch, steps, channels]` → `[batch, steps out, channels]`
 * @source Keras `AveragePooling1D`
 */
export const averagePooling1d: MakePooling = pooling("Average", 1);

/**
 * The mean of each channel.
 * @shape `[batch, height, width, channels]` → `[batch, channels]`
 * @source Keras `GlobalAveragePooling2D`
 */
export const globalAveragePooling2d = (options?: GlobalPoolingOptions): GlobalPooling => new GlobalPooling("Average", 2, options);

/**
 * The largest number of each channel.
 * @shape `[batch, height, width, channels]` → `[batch, channels]`
 * @source Keras `GlobalMaxPooling2D`
 */
export const globalMaxPooling2d = (options?: GlobalPoolingOptions): GlobalPooling => new GlobalPooling("Max", 2, options);

/**
 * The mean of each channel.
 * @shape `[batch, steps, channels]` → `[batch, channels]`
 * @source Keras `GlobalAveragePooling1D`
 */
export const globalAveragePooling1d = (options?: GlobalPoolingOptions): GlobalPooling => new GlobalPooling("Average", 1, options);

/**
 * The largest number of each channel.
 * @shape `[batch, steps, channels]` → `[batch, channels]`
 * @source Keras `GlobalMaxPooling1D`
 */
export const globalMaxPooling1d = (options?: GlobalPoolingOptions): GlobalPooling => new GlobalPooling("Max", 1, options);
