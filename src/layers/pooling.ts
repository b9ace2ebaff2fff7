import type { Shape } from "../base/shape.ts";
import { adaptiveAvgPool, adaptiveMaxPool } from "../nn/adaptive.ts";
import { perAxis, type Sizes } from "../nn/input.ts";
import { avgPool, maxPool } from "../ops/pool.ts";
import { Tensor } from "../tensor/tensor.ts";
import { maskOf } from "../module/mask.ts";
import { checkPadding, Spatial, type SpatialOptions } from "./spatial.ts";

/** What is kept of a window. */
type Mode = "Max" | "Average";

export interface PoolingOptions extends SpatialOptions {
  /** Default 2. */
  poolSize?: Sizes;
  /** Default: `poolSize`. */
  strides?: Sizes;
  /** Default `"valid"`. */
  padding?: "valid" | "same";
}

/** Windows that keep the largest number or the mean of what they see. */
export class Pooling extends Spatial<PoolingOptions> {
  readonly #mode: Mode;

  constructor(mode: Mode, rank: 1 | 2 | 3, options: PoolingOptions) {
    super(`${mode}Pooling${rank}D`, rank, options);
    checkPadding(this.name, options.padding ?? "valid");
    perAxis(this.name, "poolSize", options.poolSize ?? 2, rank);
    if (options.strides !== undefined && options.strides !== null) perAxis(this.name, "strides", options.strides, rank);
    this.#mode = mode;
  }

  protected move(x: Tensor): Tensor {
    const { poolSize = 2, strides, padding = "valid" } = this.options;
    const window = { window: poolSize, stride: strides ?? poolSize, padding };
    return new Tensor(this.#mode === "Max" ? maxPool(x.node, window) : avgPool(x.node, window));
  }
}

export interface GlobalPoolingOptions extends SpatialOptions {
  /** Whether the axes stay, with size 1. Default `false`. */
  keepdims?: boolean;
}

/** One window over all there is. */
export class GlobalPooling extends Spatial<GlobalPoolingOptions> {
  readonly #mode: Mode;

  constructor(mode: Mode, rank: 1 | 2 | 3, options: GlobalPoolingOptions = {}) {
    super(`Global${mode}Pooling${rank}D`, rank, options);
    this.#mode = mode;
  }

  protected override call(x: Tensor): Tensor {
    const axes = Array.from({ length: this.rank }, (_, i) => i + (this.first ? 2 : 1));
    const keep = { keep: this.options.keepdims ?? false };
    // As in Keras, only the mean of sequences passes over steps.
    const mask = this.className === "GlobalAveragePooling1D" ? maskOf(x) : undefined;
    if (mask) {
      const on = mask.expandDims(this.first ? 1 : 2);
      return on.where(x, 0).sum(axes, keep).div(on.to(x.dtype).sum(axes, keep));
    }
    return this.#mode === "Max" ? x.max(axes, keep) : x.mean(axes, keep);
  }

  protected move(x: Tensor): Tensor {
    return x;
  }
}

export interface AdaptivePoolingOptions extends SpatialOptions {
  /** How many windows along each axis. */
  outputSize: Sizes;
}

/** As many windows as are wanted. */
export class AdaptivePooling extends Spatial<AdaptivePoolingOptions> {
  readonly #mode: Mode;
  readonly #size: Shape;

  constructor(mode: Mode, rank: 1 | 2 | 3, options: AdaptivePoolingOptions) {
    super(`Adaptive${mode}Pooling${rank}D`, rank, options);
    this.#mode = mode;
    this.#size = perAxis(this.name, "outputSize", options.outputSize, rank);
  }

  protected move(x: Tensor): Tensor {
    return this.#mode === "Max" ? adaptiveMaxPool(x, this.#size) : adaptiveAvgPool(x, this.#size);
  }
}

type Rest = Omit<PoolingOptions, "poolSize">;
const pooling =
  (mode: Mode, rank: 1 | 2 | 3) =>
  (poolSize: Sizes | PoolingOptions = 2, options: Rest = {}): Pooling =>
    new Pooling(
      mode,
      rank,
      typeof poolSize === "object" && !Array.isArray(poolSize) ? (poolSize as PoolingOptions) : { ...options, poolSize: poolSize as Sizes },
    );

const globally =
  (mode: Mode, rank: 1 | 2 | 3) =>
  (options?: GlobalPoolingOptions): GlobalPooling =>
    new GlobalPooling(mode, rank, options);

const adaptive =
  (mode: Mode, rank: 1 | 2 | 3): MakeAdaptive =>
  (outputSize, options = {}) =>
    new AdaptivePooling(
      mode,
      rank,
      typeof outputSize === "object" && !Array.isArray(outputSize) ? (outputSize as AdaptivePoolingOptions) : { ...options, outputSize: outputSize as Sizes },
    );

/** What makes a pooling layer: its window's size and more, or all options in one object. */
export type MakePooling = (poolSize?: Sizes | PoolingOptions, options?: Omit<PoolingOptions, "poolSize">) => Pooling;

/** What makes a pooling layer of one window. */
export type MakeGlobal = (options?: GlobalPoolingOptions) => GlobalPooling;

/** What makes a pooling layer of so many windows: their number and more, or all options in one object. */
export type MakeAdaptive = (outputSize: Sizes | AdaptivePoolingOptions, options?: Omit<AdaptivePoolingOptions, "outputSize">) => AdaptivePooling;

/**
 * The largest number of each window.
 * @shape `[batch, steps, channels]` → `[batch, steps out, channels]`
 * @source Keras `MaxPooling1D`
 */
export const maxPooling1d: MakePooling = pooling("Max", 1);

/**
 * The largest number of each channel.
 * @shape `[batch, steps, channels]` → `[batch, channels]`
 * @source Keras `GlobalMaxPooling1D`
 */
export const globalMaxPooling1d: MakeGlobal = globally("Max", 1);

/**
 * The largest number of each of `outputSize` windows.
 * @shape `[batch, steps, channels]` → `[batch, ...outputSize, channels]`
 * @source Keras `AdaptiveMaxPooling1D`
 */
export const adaptiveMaxPooling1d: MakeAdaptive = adaptive("Max", 1);

/**
 * The mean of each window.
 * @shape `[batch, steps, channels]` → `[batch, steps out, channels]`
 * @source Keras `AveragePooling1D`
 */
export const averagePooling1d: MakePooling = pooling("Average", 1);

/**
 * The mean of each channel.
 * @shape `[batch, steps, channels]` → `[batch, channels]`
 * @source Keras `GlobalAveragePooling1D`
 */
export const globalAveragePooling1d: MakeGlobal = globally("Average", 1);

/**
 * The mean of each of `outputSize` windows.
 * @shape `[batch, steps, channels]` → `[batch, ...outputSize, channels]`
 * @source Keras `AdaptiveAveragePooling1D`
 */
export const adaptiveAveragePooling1d: MakeAdaptive = adaptive("Average", 1);

/**
 * The largest number of each window.
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, channels]`
 * @source Keras `MaxPooling2D`
 */
export const maxPooling2d: MakePooling = pooling("Max", 2);

/**
 * The largest number of each channel.
 * @shape `[batch, height, width, channels]` → `[batch, channels]`
 * @source Keras `GlobalMaxPooling2D`
 */
export const globalMaxPooling2d: MakeGlobal = globally("Max", 2);

/**
 * The largest number of each of `outputSize` windows.
 * @shape `[batch, height, width, channels]` → `[batch, ...outputSize, channels]`
 * @source Keras `AdaptiveMaxPooling2D`
 */
export const adaptiveMaxPooling2d: MakeAdaptive = adaptive("Max", 2);

/**
 * The mean of each window.
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, channels]`
 * @source Keras `AveragePooling2D`
 */
export const averagePooling2d: MakePooling = pooling("Average", 2);

/**
 * The mean of each channel.
 * @shape `[batch, height, width, channels]` → `[batch, channels]`
 * @source Keras `GlobalAveragePooling2D`
 */
export const globalAveragePooling2d: MakeGlobal = globally("Average", 2);

/**
 * The mean of each of `outputSize` windows.
 * @shape `[batch, height, width, channels]` → `[batch, ...outputSize, channels]`
 * @source Keras `AdaptiveAveragePooling2D`
 */
export const adaptiveAveragePooling2d: MakeAdaptive = adaptive("Average", 2);

/**
 * The largest number of each window.
 * @shape `[batch, depth, height, width, channels]` → `[batch, depth out, height out, width out, channels]`
 * @source Keras `MaxPooling3D`
 */
export const maxPooling3d: MakePooling = pooling("Max", 3);

/**
 * The largest number of each channel.
 * @shape `[batch, depth, height, width, channels]` → `[batch, channels]`
 * @source Keras `GlobalMaxPooling3D`
 */
export const globalMaxPooling3d: MakeGlobal = globally("Max", 3);

/**
 * The largest number of each of `outputSize` windows.
 * @shape `[batch, depth, height, width, channels]` → `[batch, ...outputSize, channels]`
 * @source Keras `AdaptiveMaxPooling3D`
 */
export const adaptiveMaxPooling3d: MakeAdaptive = adaptive("Max", 3);

/**
 * The mean of each window.
 * @shape `[batch, depth, height, width, channels]` → `[batch, depth out, height out, width out, channels]`
 * @source Keras `AveragePooling3D`
 */
export const averagePooling3d: MakePooling = pooling("Average", 3);

/**
 * The mean of each channel.
 * @shape `[batch, depth, height, width, channels]` → `[batch, channels]`
 * @source Keras `GlobalAveragePooling3D`
 */
export const globalAveragePooling3d: MakeGlobal = globally("Average", 3);

/**
 * The mean of each of `outputSize` windows.
 * @shape `[batch, depth, height, width, channels]` → `[batch, ...outputSize, channels]`
 * @source Keras `AdaptiveAveragePooling3D`
 */
export const adaptiveAveragePooling3d: MakeAdaptive = adaptive("Average", 3);
