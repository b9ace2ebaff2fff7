import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Convolution, type ConvolutionOptions, convolve, optionsOf } from "./convolution.ts";
import { channelsLast, perAxis, type Sizes } from "./input.ts";
import { padded, type PadMode } from "./pad.ts";

export interface ConvOptions extends ConvolutionOptions {
  /** Room around the input: as much on both sides, `"valid"` for none, `"same"` for an output of the input's size. Default 0. */
  padding?: Sizes | "same" | "valid";
  /** What stands in that room: zeros, the input mirrored or continued, or its edge. Default `"zeros"`. */
  paddingMode?: "zeros" | "reflect" | "replicate" | "circular";
}

/** PyTorch's [outChannels, inChannels / groups, ...kernel] as [...kernel, inChannels / groups, outChannels]. */
const kernelOf = (weight: Tensor): Tensor => weight.permute([...weight.shape.slice(2).map((_, i) => i + 2), 1, 0]);

const convolution =
  (rank: number): Convolve =>
  (x, weight, bias, { stride = 1, padding = 0, dilation = 1, groups = 1 } = {}) => {
    if (x.rank !== rank + 2 || weight.rank !== rank + 2)
      throw new CambiumError(
        "shape",
        `conv${rank}d`,
        `x and weight have ${rank + 2} axes, [batch, channels, ...] and [out, in, ...]; got ${show(x.shape)} and ${show(weight.shape)}`,
      );
    return channelsLast(x, (x) =>
      convolve(x, kernelOf(weight), bias, {
        stride,
        padding: typeof padding === "string" ? padding : perAxis("conv", "padding", padding, rank, 0),
        dilation,
        groups,
      }),
    );
  };

/** A convolution with its weights given, channels first. */
export type Convolve = (x: Tensor, weight: Tensor, bias?: Tensor, options?: Omit<ConvOptions, "bias" | "paddingMode">) => Tensor;

/** `nn.Conv1d` as a function @shape x [batch, in, width], weight [out, in / groups, kernel], bias [out] */
export const conv1d: Convolve = convolution(1);
/** `nn.Conv2d` as a function @shape x [batch, in, height, width], weight [out, in / groups, ...kernel], bias [out] */
export const conv2d: Convolve = convolution(2);
/** `nn.Conv3d` as a function @shape x [batch, in, depth, height, width], weight [out, in / groups, ...kernel], bias [out] */
export const conv3d: Convolve = convolution(3);

const paddingModes = ["zeros", "reflect", "replicate", "circular"];

abstract class Conv extends Convolution {
  readonly padding: readonly number[] | "same" | "valid";
  readonly paddingMode: NonNullable<ConvOptions["paddingMode"]>;
  /** [outChannels, inChannels / groups, ...kernelSize] */
  weight: Tensor;
  /** [outChannels] */
  bias: Tensor | undefined;

  constructor(rank: number, inChannels: number, outChannels: number, kernelSize: Sizes, given: ConvOptions | Sizes) {
    const options = optionsOf(given);
    super(rank, inChannels, outChannels, kernelSize, options);
    const where = this.constructor.name;
    const { padding = 0, bias = true, paddingMode = "zeros" } = options;
    if (typeof padding === "string" && padding !== "same" && padding !== "valid")
      throw new CambiumError("name", where, `there is no padding "${String(padding)}"; it is "same", "valid" or numbers`);
    if (padding === "same" && this.stride.some((s) => s !== 1))
      throw new CambiumError("value", where, `padding "same" needs stride 1, got ${this.stride.join(", ")}`, "give the padding in numbers");
    this.padding = typeof padding === "string" ? padding : perAxis(where, "padding", padding, rank, 0);
    if (!paddingModes.includes(paddingMode)) throw unknownName(where, "paddingMode", paddingMode, paddingModes);
    this.paddingMode = paddingMode;
    [this.weight, this.bias] = this.start([outChannels, inChannels / this.groups, ...this.kernelSize], bias);
  }

  forward(x: Tensor): Tensor {
    const { weight, paddingMode, padding } = this;
    return this.moved(x, weight, (x) => {
      const moved = kernelOf(weight);
      if (paddingMode === "zeros" || padding === "valid") return convolve(x, moved, this.bias, this);
      const room = this.kernelSize.map((k, i): [number, number] => {
        const missing = (k - 1) * this.dilation[i]!;
        return padding === "same" ? [Math.floor(missing / 2), Math.ceil(missing / 2)] : [padding[i]!, padding[i]!];
      });
      const side = (which: 0 | 1): number[] => [0, ...room.map((pair) => pair[which]), 0];
      return convolve(padded(this.where, x, side(0), side(1), paddingMode as PadMode), moved, this.bias, { ...this, padding: 0 });
    });
  }

  protected override describe(): string {
    const { padding, paddingMode } = this;
    return this.shown({
      ...(padding !== "valid" && (padding === "same" || padding.some((p) => p !== 0)) && { padding }),
      ...(!this.bias && { bias: false }),
      ...(paddingMode !== "zeros" && { paddingMode }),
    });
  }
}

/**
 * A kernel moved along one axis.
 * @shape [batch, inChannels, width] → [batch, outChannels, width out], also without batch
 * @source PyTorch `nn.Conv1d`, start values included: uniform in ±1/√(inChannels / groups · kernel size)
 */
export class Conv1d extends Conv {
  /** In place of options, the fourth argument may be the stride. */
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions | Sizes = {}) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * A kernel moved over images.
 * @shape [batch, inChannels, height, width] → [batch, outChannels, height out, width out], also without batch
 * @source PyTorch `nn.Conv2d`, start values included
 * @example
 * ```ts
 * new nn.Conv2d(1, 32, 3).forward(zeros([8, 1, 28, 28])).shape // → [8, 32, 26, 26]
 * ```
 */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions | Sizes = {}) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * A kernel moved through volumes.
 * @shape [batch, inChannels, depth, height, width] → [batch, outChannels, depth out, height out, width out], also without batch
 * @source PyTorch `nn.Conv3d`, start values included
 */
export class Conv3d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions | Sizes = {}) {
    super(3, inChannels, outChannels, kernelSize, options);
  }
}
