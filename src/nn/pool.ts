import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { avgPool, maxPool } from "../ops/pool.ts";
import { windowSum } from "../ops/window.ts";
import { fromArray } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { batched, channelsLast, expectTensor, perAxis, shown, type Sizes } from "./input.ts";

export interface MaxPoolOptions {
  /** Default: the kernel's size, so that windows tile the input. */
  stride?: Sizes;
  /** Room around the input that never wins; at most half the kernel. Default 0. */
  padding?: Sizes;
  /** How far apart the places of the window lie. Default 1. */
  dilation?: Sizes;
  /** Keeps a last window that reaches over the edge. Default `false`. */
  ceilMode?: boolean;
}

export interface AvgPoolOptions extends Omit<MaxPoolOptions, "dilation"> {
  /** Counts padding as zeros seen. Default `true`. */
  countIncludePad?: boolean;
  /** Divides every window's sum by this instead of its size. */
  divisorOverride?: number;
}

const axes = ["depth", "height", "width"];

/** What pooling of one and two spatial axes shares. */
abstract class Pool extends Module {
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly ceilMode: boolean;

  constructor(rank: number, kernelSize: Sizes, { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false }: MaxPoolOptions) {
    super();
    const where = this.constructor.name;
    this.kernelSize = perAxis(where, "kernelSize", kernelSize, rank);
    this.stride = perAxis(where, "stride", stride, rank);
    this.padding = perAxis(where, "padding", padding, rank, 0);
    this.dilation = perAxis(where, "dilation", dilation, rank);
    this.ceilMode = ceilMode;
    const wide = this.padding.findIndex((p, i) => 2 * p > this.kernelSize[i]!);
    if (wide >= 0)
      throw new CambiumError(
        "value",
        where,
        `padding ${this.padding[wide]} is more than half the kernel, which is ${this.kernelSize[wide]}: some windows would see nothing`,
      );
  }

  forward(x: Tensor): Tensor {
    const where = `${this.constructor.name}(${this.kernelSize.join("×")})`;
    expectTensor(where, x);
    return batched(where, x, ["channels", ...axes.slice(-this.kernelSize.length)], (x) =>
      channelsLast(x, (x) => this.pool(x, this.room(x.shape.slice(1, -1)))),
    );
  }

  protected abstract pool(x: Tensor, padding: [low: number, high: number][]): Tensor;

  /** The padding on both sides; with `ceilMode` more behind, if a window that starts on the input or in front of it would be lost. */
  private room(input: Shape): [low: number, high: number][] {
    return input.map((d, i) => {
      const [pad, stride, reach] = [this.padding[i]!, this.stride[i]!, (this.kernelSize[i]! - 1) * this.dilation[i]! + 1];
      let last = Math.ceil((d + 2 * pad - reach) / stride);
      if (last * stride >= d + pad) last--;
      return [pad, this.ceilMode ? Math.max(pad, last * stride + reach - d - pad) : pad];
    });
  }

  protected override describe(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this;
    return shown({ kernelSize, stride, padding, ...(dilation.some((d) => d !== 1) && { dilation }), ceilMode });
  }
}

abstract class MaxPool extends Pool {
  protected pool(x: Tensor, padding: [number, number][]): Tensor {
    return new Tensor(maxPool(x.node, { window: this.kernelSize, stride: this.stride, dilation: this.dilation, padding }));
  }
}

abstract class AvgPool extends Pool {
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | undefined;

  constructor(rank: number, kernelSize: Sizes, { countIncludePad = true, divisorOverride, ...options }: AvgPoolOptions) {
    super(rank, kernelSize, options);
    this.countIncludePad = countIncludePad;
    this.divisorOverride = divisorOverride;
  }

  protected pool(x: Tensor, padding: [number, number][]): Tensor {
    const window = { window: this.kernelSize, stride: this.stride, padding };
    if (this.divisorOverride !== undefined) return new Tensor(windowSum(x.node, window)).div(this.divisorOverride);
    const beyond = padding.some(([, high], i) => high > this.padding[i]!);
    if (!beyond || !this.countIncludePad) return new Tensor(avgPool(x.node, { ...window, countPadding: this.countIncludePad }));
    const sums = new Tensor(windowSum(x.node, window));
    return sums.div(this.counts(x.shape.slice(1, -1), sums.shape.slice(1, -1)));
  }

  /** How much of each window lies on the input and its own padding, for windows of `ceilMode` that reach over both. */
  private counts(input: Shape, output: Shape): Tensor {
    let counts = [1];
    output.forEach((n, i) => {
      const along = Array.from({ length: n }, (_, o) => {
        const start = o * this.stride[i]! - this.padding[i]!;
        return Math.min(start + this.kernelSize[i]!, input[i]! + this.padding[i]!) - start;
      });
      counts = counts.flatMap((c) => along.map((a) => c * a));
    });
    return fromArray(Float32Array.from(counts), [...output, 1]);
  }
}

const optionsOf = <O extends { stride?: Sizes }>(options: O | Sizes): O =>
  (typeof options === "number" || Array.isArray(options) ? { stride: options } : options) as O;

/**
 * The largest number in each window along one axis.
 * @shape [batch, channels, width] → [batch, channels, width out], also without batch
 * @source PyTorch `nn.MaxPool1d`
 */
export class MaxPool1d extends MaxPool {
  /** In place of options, the second argument may be the stride. */
  constructor(kernelSize: Sizes, options: MaxPoolOptions | Sizes = {}) {
    super(1, kernelSize, optionsOf(options));
  }
}

/**
 * The largest number in each window of an image.
 * @shape [batch, channels, height, width] → [batch, channels, height out, width out], also without batch
 * @source PyTorch `nn.MaxPool2d`
 */
export class MaxPool2d extends MaxPool {
  constructor(kernelSize: Sizes, options: MaxPoolOptions | Sizes = {}) {
    super(2, kernelSize, optionsOf(options));
  }
}

/**
 * The mean of each window along one axis.
 * @shape [batch, channels, width] → [batch, channels, width out], also without batch
 * @source PyTorch `nn.AvgPool1d`
 */
export class AvgPool1d extends AvgPool {
  constructor(kernelSize: Sizes, options: AvgPoolOptions | Sizes = {}) {
    super(1, kernelSize, optionsOf(options));
  }
}

/**
 * The mean of each window of an image.
 * @shape [batch, channels, height, width] → [batch, channels, height out, width out], also without batch
 * @source PyTorch `nn.AvgPool2d`
 */
export class AvgPool2d extends AvgPool {
  constructor(kernelSize: Sizes, options: AvgPoolOptions | Sizes = {}) {
    super(2, kernelSize, optionsOf(options));
  }
}
