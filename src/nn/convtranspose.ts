import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Convolution, type ConvolutionOptions, convolveTransposed, optionsOf } from "./convolution.ts";
import { channelsLast, perAxis, type Sizes } from "./input.ts";

export interface ConvTransposeOptions extends ConvolutionOptions {
  /** How many places are cut off both ends of the result. Default 0. */
  padding?: Sizes;
  /** How many places are added behind the result, to choose among the sizes that a convolution makes the same. Default 0. */
  outputPadding?: Sizes;
}

/** PyTorch's [inChannels, outChannels / groups, ...kernel] as [...kernel, inChannels / groups, outChannels]. */
function kernelOf(weight: Tensor, groups: number): Tensor {
  const [incoming, mine, ...kernel] = weight.shape as [number, number, ...number[]];
  const inner = kernel.map((_, i) => i + 3);
  const split = weight.reshape([groups, incoming / groups, mine, ...kernel]).permute([...inner, 1, 0, 2]);
  return split.reshape([...kernel, incoming / groups, mine * groups]);
}

/** The sizes that come out of `input` where nothing is added behind. */
const leastSizes = (input: Shape, kernel: Shape, { stride, padding, dilation }: Record<"stride" | "padding" | "dilation", readonly number[]>): number[] =>
  input.map((d, i) => (d - 1) * stride[i]! - 2 * padding[i]! + (kernel[i]! - 1) * dilation[i]! + 1);

/** A transposed convolution with its weights given, channels first. */
export type ConvolveTransposed = (x: Tensor, weight: Tensor, bias?: Tensor, options?: Omit<ConvTransposeOptions, "bias">) => Tensor;

const transposed =
  (rank: number): ConvolveTransposed =>
  (x, weight, bias, options = {}) => {
    const where = `convTranspose${rank}d`;
    if (x.rank !== rank + 2 || weight.rank !== rank + 2 || x.shape[1] !== weight.shape[0])
      throw new CambiumError(
        "shape",
        where,
        `x is [batch, in, ...] and weight is [in, out / groups, ...], ${rank + 2} axes each; got ${show(x.shape)} and ${show(weight.shape)}`,
      );
    const { groups = 1 } = options;
    if (weight.shape[0]! % groups !== 0) throw new CambiumError("value", where, `${weight.shape[0]} channels cannot be split into ${groups} groups`);
    const of = (name: "stride" | "padding" | "dilation" | "outputPadding", start: number): number[] =>
      perAxis(where, name, options[name] ?? start, rank, start);
    const [stride, front, dilation, behind] = [of("stride", 1), of("padding", 0), of("dilation", 1), of("outputPadding", 0)];
    return channelsLast(x, (x) => {
      const least = leastSizes(x.shape.slice(1, -1), weight.shape.slice(2), { stride, padding: front, dilation });
      return convolveTransposed(x, kernelOf(weight, groups), bias, { stride, dilation, groups, front, output: least.map((d, i) => d + behind[i]!) });
    });
  };

/** `nn.ConvTranspose1d` as a function @shape x [batch, in, width], weight [in, out / groups, kernel], bias [out] */
export const convTranspose1d: ConvolveTransposed = transposed(1);
/** `nn.ConvTranspose2d` as a function @shape x [batch, in, height, width], weight [in, out / groups, ...kernel], bias [out] */
export const convTranspose2d: ConvolveTransposed = transposed(2);
/** `nn.ConvTranspose3d` as a function @shape x [batch, in, depth, height, width], weight [in, out / groups, ...kernel], bias [out] */
export const convTranspose3d: ConvolveTransposed = transposed(3);

abstract class ConvTranspose extends Convolution {
  readonly padding: readonly number[];
  readonly outputPadding: readonly number[];
  /** [inChannels, outChannels / groups, ...kernelSize] */
  weight: Tensor;
  /** [outChannels] */
  bias: Tensor | undefined;

  constructor(rank: number, inChannels: number, outChannels: number, kernelSize: Sizes, given: ConvTransposeOptions | Sizes) {
    const options = optionsOf(given);
    super(rank, inChannels, outChannels, kernelSize, options);
    const { padding = 0, outputPadding = 0, bias = true } = options;
    this.padding = perAxis(this.constructor.name, "padding", padding, rank, 0);
    this.outputPadding = perAxis(this.constructor.name, "outputPadding", outputPadding, rank, 0);
    const wide = this.outputPadding.findIndex((p, i) => p >= Math.max(this.stride[i]!, this.dilation[i]!));
    if (wide >= 0)
      throw new CambiumError(
        "value",
        this.constructor.name,
        `outputPadding ${this.outputPadding[wide]} must be below the stride ${this.stride[wide]} or the dilation ${this.dilation[wide]}`,
      );
    [this.weight, this.bias] = this.start([inChannels, outChannels / this.groups, ...this.kernelSize], bias);
  }

  /** `outputSize`: the spatial sizes wanted, in place of `outputPadding`. */
  forward(x: Tensor, outputSize?: Shape): Tensor {
    const { stride, dilation, groups, padding: front, kernelSize, weight } = this;
    return this.moved(x, weight, (x) => {
      const output = this.sizes(x.shape.slice(1, -1), outputSize);
      const rank = kernelSize.length;
      if (rank !== output.length) throw new CambiumError("shape", this.where, `outputSize ${show(output)} needs ${rank} sizes`);
      return convolveTransposed(x, kernelOf(weight, groups), this.bias, { stride, dilation, groups, front, output });
    });
  }

  private sizes(input: Shape, wanted: Shape | undefined): Shape {
    const least = leastSizes(input, this.kernelSize, this);
    if (wanted === undefined) return least.map((d, i) => d + this.outputPadding[i]!);
    const sizes = wanted.slice(-input.length);
    const wrong = sizes.findIndex((d, i) => d < least[i]! || d >= least[i]! + this.stride[i]!);
    if (wrong >= 0)
      throw new CambiumError(
        "value",
        this.where,
        `outputSize ${show(sizes)} is out of reach: along spatial axis ${wrong} it can be ${least[wrong]} to ${least[wrong]! + this.stride[wrong]! - 1}`,
      );
    return sizes;
  }

  protected override describe(): string {
    const { padding, outputPadding } = this;
    return this.shown({
      ...(padding.some((p) => p !== 0) && { padding }),
      ...(outputPadding.some((p) => p !== 0) && { outputPadding }),
      ...(!this.bias && { bias: false }),
    });
  }
}

/**
 * The way back of a convolution along one axis, as a layer of its own: it enlarges by its stride.
 * @shape [batch, inChannels, width] → [batch, outChannels, width out], also without batch
 * @source PyTorch `nn.ConvTranspose1d`, start values included
 */
export class ConvTranspose1d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions | Sizes = {}) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * The way back of a convolution of images, as a layer of its own: it enlarges by its stride.
 * @shape [batch, inChannels, height, width] → [batch, outChannels, height out, width out], also without batch
 * @source PyTorch `nn.ConvTranspose2d`, start values included
 */
export class ConvTranspose2d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions | Sizes = {}) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * The way back of a convolution of volumes, as a layer of its own: it enlarges by its stride.
 * @shape [batch, inChannels, depth, height, width] → [batch, outChannels, depth out, height out, width out], also without batch
 * @source PyTorch `nn.ConvTranspose3d`, start values included
 */
export class ConvTranspose3d extends ConvTranspose {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvTransposeOptions | Sizes = {}) {
    super(3, inChannels, outChannels, kernelSize, options);
  }
}
