import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { convolve, convolveTransposed } from "../nn/convolution.ts";
import { expectCount, perAxis, type Sizes } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Activation, activation } from "./activations.ts";
import type { KernelOptions } from "./dense.ts";
import { checkPadding, Spatial, type SpatialOptions } from "./spatial.ts";

/** What convolutions of every kind may be told. */
export interface KernelMoves extends KernelOptions, SpatialOptions {
  kernelSize: Sizes;
  /** Default 1. */
  strides?: Sizes;
  /** `"valid"`: no padding; `"same"`: zeros around, so that the output has ⌈input / strides⌉ places. Default `"valid"`. */
  padding?: "valid" | "same";
  /** Default 1. */
  dilationRate?: Sizes;
}

export interface ConvOptions extends Omit<KernelMoves, "padding"> {
  /** How many channels come out. */
  filters: number;
  /** As in `KernelMoves`; also `"causal"`, for sequences: zeros in front, so that nothing sees what comes after it. Default `"valid"`. */
  padding?: "valid" | "same" | "causal";
  /** Channels in this many groups that do not see each other. Default 1. */
  groups?: number;
}

/** What convolutions of every kind share. */
export abstract class KernelLayer<Options extends Omit<KernelMoves, "padding"> & { padding?: string }> extends Spatial<Options> {
  /** One number for each channel that comes out. */
  abstract bias: Tensor | undefined;
  protected readonly kernelSize: number[];
  protected readonly strides: number[];
  protected readonly dilation: number[];
  protected readonly activation: Activation;

  constructor(className: string, rank: number, options: Options) {
    super(className, rank, options);
    const { kernelSize, strides = 1, dilationRate = 1, padding = "valid" } = options;
    if (padding !== "causal" || className !== "Conv1D") checkPadding(this.name, padding);
    this.kernelSize = perAxis(this.name, "kernelSize", kernelSize, rank);
    this.strides = perAxis(this.name, "strides", strides, rank);
    this.dilation = perAxis(this.name, "dilationRate", dilationRate, rank);
    this.activation = activation(this.name, options.activation);
  }

  /** The bias, if there is one, and how many channels come out. */
  protected makeBias(filters: number): void {
    if (this.options.useBias ?? true) this.bias = this.named("bias", [filters], "zeros");
  }

  /** Complains about samples with other channels than the weights are made for. */
  protected checkChannels(input: Shape, wanted: number | undefined): void {
    super.check(input);
    const channels = this.ordered(input).at(-1)!;
    if (wanted === undefined || channels === wanted) return;
    const order = input.slice(1).map((_, i) => i + 2);
    throw new CambiumError(
      "shape",
      this.name,
      `expects ${wanted} channels on the ${this.first ? "first" : "last"} axis, got samples of ${show(input)}`,
      !this.first && input[0] === wanted ? `move the channels last: x.permute([0, ${order.join(", ")}, 1])` : undefined,
    );
  }
}

/** Kernels moved along the axes between batch and channels. */
export class Conv extends KernelLayer<ConvOptions> {
  /** [...kernelSize, channels / groups, filters] */
  kernel: Tensor | undefined = undefined;
  bias: Tensor | undefined = undefined;

  constructor(rank: 1 | 2 | 3, options: ConvOptions) {
    super(`Conv${rank}D`, rank, options);
    const { filters, groups = 1 } = options;
    expectCount(this.name, "filters", filters);
    expectCount(this.name, "groups", groups);
    if (filters % groups !== 0) throw new CambiumError("value", this.name, `${filters} filters cannot be split into ${groups} groups`);
  }

  protected override make(input: Shape): void {
    const { filters, groups = 1 } = this.options;
    this.kernel = this.named("kernel", [...this.kernelSize, this.ordered(input).at(-1)! / groups, filters], "glorotUniform");
    this.makeBias(filters);
  }

  protected override check(input: Shape): void {
    const { groups = 1 } = this.options;
    this.checkChannels(input, this.kernel && this.kernel.shape.at(-2)! * groups);
    const channels = this.ordered(input).at(-1)!;
    if (channels % groups !== 0) throw new CambiumError("shape", this.name, `${channels} channels cannot be split into ${groups} groups`);
  }

  protected move(x: Tensor): Tensor {
    const { padding = "valid", groups = 1 } = this.options;
    const room = padding === "causal" ? ([[(this.kernelSize[0]! - 1) * this.dilation[0]!, 0]] as const) : padding;
    return this.activation(convolve(x, this.kernel!, this.bias, { stride: this.strides, padding: room, dilation: this.dilation, groups }));
  }
}

export interface ConvTransposeOptions extends KernelMoves {
  /** How many channels come out. */
  filters: number;
  /** Places added behind the result, below the stride. Default: as many as make the output strides times the input with padding `"same"`. */
  outputPadding?: Sizes;
}

/** Kernels that each number of the input lays down on a larger output. */
export class ConvTranspose extends KernelLayer<ConvTransposeOptions> {
  /** [...kernelSize, filters, channels] */
  kernel: Tensor | undefined = undefined;
  bias: Tensor | undefined = undefined;

  constructor(rank: 1 | 2 | 3, options: ConvTransposeOptions) {
    super(`Conv${rank}DTranspose`, rank, options);
    expectCount(this.name, "filters", options.filters);
    const { outputPadding } = options;
    if (outputPadding === undefined || outputPadding === null) return;
    const wide = perAxis(this.name, "outputPadding", outputPadding, rank, 0).findIndex((p, i) => p >= this.strides[i]!);
    if (wide >= 0)
      throw new CambiumError("value", this.name, `outputPadding must be below the strides ${show(this.strides)}, got ${JSON.stringify(outputPadding)}`);
  }

  protected override make(input: Shape): void {
    const { filters } = this.options;
    this.kernel = this.named("kernel", [...this.kernelSize, filters, this.ordered(input).at(-1)!], "glorotUniform");
    this.makeBias(filters);
  }

  protected override check(input: Shape): void {
    this.checkChannels(input, this.kernel?.shape.at(-1));
  }

  protected move(x: Tensor): Tensor {
    const { padding = "valid", outputPadding } = this.options;
    const given = outputPadding === undefined || outputPadding === null ? undefined : perAxis(this.name, "outputPadding", outputPadding, this.rank, 0);
    const [stride, dilation, same] = [this.strides, this.dilation, padding === "same"];
    const reach = this.kernelSize.map((k, i) => (k - 1) * dilation[i]! + 1);
    const output = reach.map((r, i) => {
      const [step, size] = [stride[i]!, x.shape[i + 1]!];
      if (!given) return same ? size * step : (size - 1) * step + Math.max(r, step);
      return (size - 1) * step + (same ? r % 2 : r) + given[i]!;
    });
    // As much as a convolution over `output` with this padding has in front of it.
    const front = reach.map((r, i) => (same ? Math.floor(Math.max((Math.ceil(output[i]! / stride[i]!) - 1) * stride[i]! + r - output[i]!, 0) / 2) : 0));
    const kernel = this.kernel!.transpose(-2, -1);
    return this.activation(convolveTransposed(x, kernel, this.bias, { stride, dilation, groups: 1, front, output }));
  }
}

/** Makes a layer from what it must know, and options; or from all in one object. */
export interface MakeKernel<Options, Made> {
  (filters: number, kernelSize: Sizes, options?: Omit<Options, "filters" | "kernelSize">): Made;
  (options: Options): Made;
}

/** `filters`, `kernelSize` and options, in either spelling, for `f`. */
export const fromFilters =
  <Options, Made>(f: (options: Options) => Made): MakeKernel<Options, Made> =>
  (filters: number | Options, kernelSize?: Sizes, options: object = {}): Made =>
    f(typeof filters === "object" ? filters : ({ ...options, filters, kernelSize } as Options));

/**
 * Kernels moved over images.
 *
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, filters]`
 * @throws a `name` error for an unknown activation, padding, initializer, regularizer or constraint
 * @source Keras `Conv2D`, start values included
 * @example
 * ```ts
 * layers.conv2d(32, [3, 3], { activation: "relu", inputShape: [28, 28, 1] });
 * layers.conv2d({ filters: 32, kernelSize: 3, activation: "relu" });
 * ```
 */
export const conv2d: MakeKernel<ConvOptions, Conv> = fromFilters((options) => new Conv(2, options));

/**
 * Kernels moved along sequences.
 *
 * @shape `[batch, steps, channels]` → `[batch, steps out, filters]`
 * @source Keras `Conv1D`, start values included
 */
export const conv1d: MakeKernel<ConvOptions, Conv> = fromFilters((options) => new Conv(1, options));

/**
 * Kernels moved through volumes.
 *
 * @shape `[batch, depth, height, width, channels]` → `[batch, depth out, height out, width out, filters]`
 * @source Keras `Conv3D`, start values included
 */
export const conv3d: MakeKernel<ConvOptions, Conv> = fromFilters((options) => new Conv(3, options));

/**
 * The way back of a convolution along sequences: it enlarges by its strides.
 *
 * @shape `[batch, steps, channels]` → `[batch, steps out, filters]`
 * @source Keras `Conv1DTranspose`, start values included
 */
export const conv1dTranspose: MakeKernel<ConvTransposeOptions, ConvTranspose> = fromFilters((options) => new ConvTranspose(1, options));

/**
 * The way back of a convolution over images: it enlarges by its strides.
 *
 * @shape `[batch, height, width, channels]` → `[batch, height out, width out, filters]`
 * @source Keras `Conv2DTranspose`, start values included
 */
export const conv2dTranspose: MakeKernel<ConvTransposeOptions, ConvTranspose> = fromFilters((options) => new ConvTranspose(2, options));

/**
 * The way back of a convolution through volumes: it enlarges by its strides.
 *
 * @shape `[batch, depth, height, width, channels]` → `[batch, depth out, height out, width out, filters]`
 * @source Keras `Conv3DTranspose`, start values included
 */
export const conv3dTranspose: MakeKernel<ConvTransposeOptions, ConvTranspose> = fromFilters((options) => new ConvTranspose(3, options));
