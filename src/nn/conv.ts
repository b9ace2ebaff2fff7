import { CambiumError } from "../base/error.ts";
import { size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { conv } from "../ops/conv.ts";
import type { Padding } from "../ops/geometry.ts";
import { Tensor } from "../tensor/tensor.ts";
import { batched, channelsLast, expectCount, expectSize, expectTensor, perAxis, shown, type Sizes } from "./input.ts";
import { uniform } from "./start.ts";

export interface ConvOptions {
  /** Default 1. */
  stride?: Sizes;
  /** Zeros around the input: as many on both sides, `"valid"` for none, `"same"` for an output of the input's size. Default 0. */
  padding?: Sizes | "same" | "valid";
  /** How far apart the places of the kernel lie. Default 1. */
  dilation?: Sizes;
  /** Channels in this many groups that do not see each other. Default 1. */
  groups?: number;
  /** Adds a bias. Default `true`. */
  bias?: boolean;
}

/** A convolution, channels last: what every face's convolution comes down to. `weight` is [...kernel, channels / groups, filters]. */
export function convolve(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  options: { stride?: Sizes; padding?: Padding; dilation?: Sizes; groups?: number },
): Tensor {
  const y = new Tensor(conv(x.node, weight.node, options));
  return bias ? y.add(bias) : y;
}

const axes = ["depth", "height", "width"];

/** What convolutions of one, two and three spatial axes share. */
abstract class Conv extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[] | "same" | "valid";
  readonly dilation: readonly number[];
  readonly groups: number;
  /** [outChannels, inChannels / groups, ...kernelSize] */
  weight: Tensor;
  /** [outChannels] */
  bias: Tensor | undefined;

  constructor(rank: number, inChannels: number, outChannels: number, kernelSize: Sizes, options: ConvOptions | Sizes) {
    super();
    const where = this.constructor.name;
    const { stride = 1, padding = 0, dilation = 1, groups = 1, bias = true } = typeof options === "number" || isList(options) ? { stride: options } : options;
    expectCount(where, "inChannels", inChannels);
    expectCount(where, "outChannels", outChannels);
    expectCount(where, "groups", groups);
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      throw new CambiumError(
        "value",
        where,
        `${inChannels} input and ${outChannels} output channels cannot be split into ${groups} groups: both must be multiples of it`,
      );
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perAxis(where, "kernelSize", kernelSize, rank);
    this.stride = perAxis(where, "stride", stride, rank);
    this.dilation = perAxis(where, "dilation", dilation, rank);
    this.groups = groups;
    if (typeof padding === "string" && padding !== "same" && padding !== "valid")
      throw new CambiumError("name", where, `there is no padding "${String(padding)}"; it is "same", "valid" or numbers`);
    if (padding === "same" && this.stride.some((s) => s !== 1))
      throw new CambiumError("value", where, `padding "same" needs stride 1, got ${this.stride.join(", ")}`, "give the padding in numbers");
    this.padding = typeof padding === "string" ? padding : perAxis(where, "padding", padding, rank, 0);
    const fan = (inChannels / groups) * size(this.kernelSize);
    const start = uniform(-1 / Math.sqrt(fan), 1 / Math.sqrt(fan));
    const fans = { in: fan, out: (outChannels / groups) * size(this.kernelSize) };
    this.weight = parameter(start([outChannels, inChannels / groups, ...this.kernelSize], fans));
    this.bias = bias ? parameter(start([outChannels], fans)) : undefined;
  }

  forward(x: Tensor): Tensor {
    const where = `${this.constructor.name}(${this.inChannels} → ${this.outChannels}, kernel ${this.kernelSize.join("×")})`;
    const rank = this.kernelSize.length;
    const names = axes.slice(-rank);
    expectTensor(where, x, this.weight);
    return batched(where, x, [`${this.inChannels} channels`, ...names], (x) => {
      expectSize(where, x, 1, this.inChannels, `[batch, ${this.inChannels} channels, ${names.join(", ")}]`);
      const weight = this.weight.permute([...names.map((_, i) => i + 2), 1, 0]);
      return channelsLast(x, (x) => convolve(x, weight, this.bias, this));
    });
  }

  protected override describe(): string {
    const { kernelSize, stride, padding, dilation, groups } = this;
    const more = {
      ...(padding !== "valid" && (padding === "same" || padding.some((p) => p !== 0)) && { padding }),
      ...(dilation.some((d) => d !== 1) && { dilation }),
      ...(groups !== 1 && { groups }),
      ...(!this.bias && { bias: false }),
    };
    return `${this.inChannels}, ${this.outChannels}, ${shown({ kernelSize, stride, ...more })}`;
  }
}

const isList = (x: unknown): x is readonly number[] => Array.isArray(x);

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
