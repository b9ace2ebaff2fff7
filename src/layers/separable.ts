/** Convolutions of each channel by itself, alone or with a mixing of channels behind. */
import type { Shape } from "../base/shape.ts";
import { convolve } from "../nn/convolution.ts";
import { expectCount, type Sizes } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { fromFilters, KernelLayer, type KernelMoves, type MakeKernel } from "./convolution.ts";
import type { HeldBack } from "./layer.ts";

export interface DepthwiseConvOptions extends Omit<KernelMoves, "kernelInitializer" | "kernelRegularizer" | "kernelConstraint">, HeldBack<"depthwise"> {
  /** How many channels come out for each that goes in. Default 1. */
  depthMultiplier?: number;
}

export interface SeparableConvOptions extends DepthwiseConvOptions, HeldBack<"pointwise"> {
  /** How many channels come out. */
  filters: number;
}

abstract class Depthwise<Options extends DepthwiseConvOptions> extends KernelLayer<Options> {
  protected readonly depthMultiplier: number;

  constructor(className: string, rank: number, options: Options) {
    super(className, rank, options);
    this.depthMultiplier = options.depthMultiplier ?? 1;
    expectCount(this.name, "depthMultiplier", this.depthMultiplier);
  }

  protected makeDepthwise(input: Shape): Tensor {
    return this.named("depthwise", [...this.kernelSize, this.ordered(input).at(-1)!, this.depthMultiplier], "glorotUniform");
  }

  /** `kernel`, [...kernelSize, channels, depthMultiplier], over each channel. */
  protected apart(x: Tensor, kernel: Tensor, bias: Tensor | undefined): Tensor {
    const channels = kernel.shape.at(-2)!;
    const { padding = "valid" } = this.options;
    return convolve(x, kernel.reshape([...this.kernelSize, 1, channels * this.depthMultiplier]), bias, {
      stride: this.strides,
      padding,
      dilation: this.dilation,
      groups: channels,
    });
  }
}

/** Kernels that each see one channel. */
export class DepthwiseConv extends Depthwise<DepthwiseConvOptions> {
  /** [...kernelSize, channels, depthMultiplier] */
  kernel: Tensor | undefined = undefined;
  bias: Tensor | undefined = undefined;

  constructor(rank: 1 | 2, options: DepthwiseConvOptions) {
    super(`DepthwiseConv${rank}D`, rank, options);
  }

  protected override make(input: Shape): void {
    this.kernel = this.makeDepthwise(input);
    this.makeBias(this.ordered(input).at(-1)! * this.depthMultiplier);
  }

  protected override check(input: Shape): void {
    this.checkChannels(input, this.kernel?.shape.at(-2));
  }

  protected move(x: Tensor): Tensor {
    return this.activation(this.apart(x, this.kernel!, this.bias));
  }
}

/** Kernels that each see one channel, then a mixing of channels at every place. */
export class SeparableConv extends Depthwise<SeparableConvOptions> {
  /** [...kernelSize, channels, depthMultiplier] */
  depthwiseKernel: Tensor | undefined = undefined;
  /** [...1, channels · depthMultiplier, filters] */
  pointwiseKernel: Tensor | undefined = undefined;
  bias: Tensor | undefined = undefined;

  constructor(rank: 1 | 2, options: SeparableConvOptions) {
    super(`SeparableConv${rank}D`, rank, options);
    expectCount(this.name, "filters", options.filters);
  }

  protected override make(input: Shape): void {
    const { filters } = this.options;
    const channels = this.ordered(input).at(-1)! * this.depthMultiplier;
    this.depthwiseKernel = this.makeDepthwise(input);
    this.pointwiseKernel = this.named("pointwise", [...this.kernelSize.map(() => 1), channels, filters], "glorotUniform");
    this.makeBias(filters);
  }

  protected override check(input: Shape): void {
    this.checkChannels(input, this.depthwiseKernel?.shape.at(-2));
  }

  protected move(x: Tensor): Tensor {
    const apart = this.apart(x, this.depthwiseKernel!, undefined);
    return this.activation(convolve(apart, this.pointwiseKernel!, this.bias, {}));
  }
}

/** Makes a layer from its kernel's size and options; or from all in one object. */
export type MakeDepthwise = (kernelSize: Sizes | DepthwiseConvOptions, options?: Omit<DepthwiseConvOptions, "kernelSize">) => DepthwiseConv;

const depthwise =
  (rank: 1 | 2): MakeDepthwise =>
  (kernelSize, options = {}) =>
    new DepthwiseConv(
      rank,
      typeof kernelSize === "object" && !Array.isArray(kernelSize) ? (kernelSize as DepthwiseConvOptions) : { ...options, kernelSize: kernelSize as Sizes },
    );

/**
 * Kernels along sequences that each see one channel.
 * @shape `[batch, steps, channels]` → `[batch, steps out, channels · depthMultiplier]`
 * @source Keras `DepthwiseConv1D`, start values included
 */
export const depthwiseConv1d: MakeDepthwise = depthwise(1);

/**
 * Kernels over images that each see one channel.
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, channels · depthMultiplier]`
 * @source Keras `DepthwiseConv2D`, start values included
 */
export const depthwiseConv2d: MakeDepthwise = depthwise(2);

/**
 * Kernels along sequences that each see one channel, then a mixing of channels.
 * @shape `[batch, steps, channels]` → `[batch, steps out, filters]`
 * @source Keras `SeparableConv1D`, start values included
 */
export const separableConv1d: MakeKernel<SeparableConvOptions, SeparableConv> = fromFilters((options) => new SeparableConv(1, options));

/**
 * Kernels over images that each see one channel, then a mixing of channels.
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, filters]`
 * @source Keras `SeparableConv2D`, start values included; Chollet, "Xception" (2017)
 */
export const separableConv2d: MakeKernel<SeparableConvOptions, SeparableConv> = fromFilters((options) => new SeparableConv(2, options));
