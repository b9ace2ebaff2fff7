import { CambiumError } from "../base/error.ts";
import { type Shape, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { avgPool, maxPool } from "../ops/pool.ts";
import { windowArgMax, windowSum } from "../ops/window.ts";
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
  /** Also returns where each maximum was: `[maxima, indices]`, an index counting through all spatial places. Default `false`. */
  returnIndices?: boolean;
}

export interface AvgPoolOptions extends Omit<MaxPoolOptions, "dilation" | "returnIndices"> {
  /** Counts padding as zeros seen. Default `true`. */
  countIncludePad?: boolean;
  /** Divides every window's sum by this instead of its size. */
  divisorOverride?: number;
}

type Room = [low: number, high: number][];

const axes = ["depth", "height", "width"];

/** What pooling of one, two and three spatial axes shares. */
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
    return this.moved(x, (x, room) => this.pool(x, room));
  }

  protected abstract pool(x: Tensor, padding: Room): Tensor;

  /** Runs `f` on `x` with a batch and channels last, and on the room around it. */
  protected moved(x: Tensor, f: (x: Tensor, padding: Room) => Tensor): Tensor {
    const where = `${this.constructor.name}(${this.kernelSize.join("×")})`;
    expectTensor(where, x);
    return batched(where, x, ["channels", ...axes.slice(-this.kernelSize.length)], (x) => channelsLast(x, (x) => f(x, this.room(x.shape.slice(1, -1)))));
  }

  /** The padding on both sides; with `ceilMode` more behind, if a window that starts on the input or in front of it would be lost. */
  private room(input: Shape): Room {
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
  readonly returnIndices: boolean;

  constructor(rank: number, kernelSize: Sizes, options: MaxPoolOptions) {
    super(rank, kernelSize, options);
    this.returnIndices = options.returnIndices ?? false;
  }

  /** The maxima; with `returnIndices`, `[maxima, indices]`. */
  override forward(x: Tensor): any {
    return this.returnIndices ? [super.forward(x), this.moved(x, (x, room) => this.places(x, room))] : super.forward(x);
  }

  protected pool(x: Tensor, padding: Room): Tensor {
    return new Tensor(maxPool(x.node, this.window(padding)));
  }

  private window(padding: Room): { window: readonly number[]; stride: readonly number[]; dilation: readonly number[]; padding: Room } {
    return { window: this.kernelSize, stride: this.stride, dilation: this.dilation, padding };
  }

  /** Where each maximum is: the window's first place, and from there to the place in the window. */
  private places(x: Tensor, padding: Room): Tensor {
    const inWindow = new Tensor(windowArgMax(x.node, this.window(padding))).to("int32");
    const [input, output] = [x.shape.slice(1, -1), inWindow.shape.slice(1, -1)];
    const first = counted(input, output, (i, o) => o * this.stride[i]! - padding[i]![0]).reshape([1, ...output, 1]);
    return first.add(counted(input, this.kernelSize, (i, k) => k * this.dilation[i]!).gather(inWindow));
  }
}

/** For every position of `sizes`, row by row, the place in `input` that lies `at(axis, position)` along each axis. */
function counted(input: Shape, sizes: Shape, at: (axis: number, position: number) => number): Tensor {
  let places = [0];
  sizes.forEach((n, i) => (places = places.flatMap((p) => Array.from({ length: n }, (_, o) => p * input[i]! + at(i, o)))));
  return fromArray(Int32Array.from(places));
}

abstract class AvgPool extends Pool {
  readonly countIncludePad: boolean;
  readonly divisorOverride: number | undefined;

  constructor(rank: number, kernelSize: Sizes, { countIncludePad = true, divisorOverride, ...options }: AvgPoolOptions) {
    super(rank, kernelSize, options);
    this.countIncludePad = countIncludePad;
    this.divisorOverride = divisorOverride;
  }

  protected pool(x: Tensor, padding: Room): Tensor {
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

/** The length of each window, as the root of its summed powers. */
abstract class LPPool extends AvgPool {
  readonly normType: number;

  constructor(rank: number, normType: number, kernelSize: Sizes, options: LPPoolOptions) {
    super(rank, kernelSize, options);
    if (!(normType > 0)) throw new CambiumError("value", this.constructor.name, `normType must be above 0, got ${normType}`);
    this.normType = normType;
  }

  protected override pool(x: Tensor, padding: Room): Tensor {
    const { normType } = this;
    const sums = super.pool(x.pow(normType), padding).mul(size(this.kernelSize));
    return sums.pow(1 / normType);
  }

  protected override describe(): string {
    return `normType=${this.normType}, ${super.describe()}`;
  }
}

export type LPPoolOptions = Pick<MaxPoolOptions, "stride" | "ceilMode">;

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

/**
 * The largest number in each window of a volume.
 * @shape [batch, channels, depth, height, width] → [batch, channels, depth out, height out, width out], also without batch
 * @source PyTorch `nn.MaxPool3d`
 */
export class MaxPool3d extends MaxPool {
  constructor(kernelSize: Sizes, options: MaxPoolOptions | Sizes = {}) {
    super(3, kernelSize, optionsOf(options));
  }
}

/**
 * The mean of each window of a volume.
 * @shape [batch, channels, depth, height, width] → [batch, channels, depth out, height out, width out], also without batch
 * @source PyTorch `nn.AvgPool3d`
 */
export class AvgPool3d extends AvgPool {
  constructor(kernelSize: Sizes, options: AvgPoolOptions | Sizes = {}) {
    super(3, kernelSize, optionsOf(options));
  }
}

/**
 * The `normType`-th root of each window's summed powers along one axis.
 * @shape [batch, channels, width] → [batch, channels, width out], also without batch
 * @source PyTorch `nn.LPPool1d`
 */
export class LPPool1d extends LPPool {
  constructor(normType: number, kernelSize: Sizes, options: LPPoolOptions | Sizes = {}) {
    super(1, normType, kernelSize, optionsOf(options));
  }
}

/**
 * The `normType`-th root of each window's summed powers in images.
 * @shape [batch, channels, height, width] → [batch, channels, height out, width out], also without batch
 * @source PyTorch `nn.LPPool2d`
 */
export class LPPool2d extends LPPool {
  constructor(normType: number, kernelSize: Sizes, options: LPPoolOptions | Sizes = {}) {
    super(2, normType, kernelSize, optionsOf(options));
  }
}

/**
 * The `normType`-th root of each window's summed powers in volumes.
 * @shape [batch, channels, depth, height, width] → [batch, channels, depth out, height out, width out], also without batch
 * @source PyTorch `nn.LPPool3d`
 */
export class LPPool3d extends LPPool {
  constructor(normType: number, kernelSize: Sizes, options: LPPoolOptions | Sizes = {}) {
    super(3, normType, kernelSize, optionsOf(options));
  }
}
