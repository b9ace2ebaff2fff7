/** Kernels that move over their input: the arithmetic of every face, channels last, and what PyTorch's modules of it share. */
import { CambiumError } from "../base/error.ts";
import { type Shape, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { conv } from "../ops/conv.ts";
import type { Padding } from "../ops/geometry.ts";
import { fitting } from "../tensor/autocast.ts";
import { Tensor } from "../tensor/tensor.ts";
import { batched, channelsLast, expectCount, expectSize, expectTensor, perAxis, shown, type Sizes } from "./input.ts";
import { uniform } from "./start.ts";

/** A convolution, channels last: what every face's convolution comes down to. `weight` is [...kernel, channels / groups, filters]. */
export function convolve(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  options: { stride?: Sizes; padding?: Padding; dilation?: Sizes; groups?: number },
): Tensor {
  const y = new Tensor(conv(x.node, weight.node, options));
  return bias ? y.add(fitting(bias, y)) : y;
}

/** How a transposed convolution lies on what comes out. */
export interface Transposition {
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  /** How many places at the front of the full result are left out. */
  readonly front: readonly number[];
  /** The sizes that come out. */
  readonly output: Shape;
}

/** What flows back to the input of a convolution from `x` at its output, channels last: every face's transposed convolution. `weight` is [...kernel, channels / groups, filters]. */
export function convolveTransposed(x: Tensor, weight: Tensor, bias: Tensor | undefined, { stride, dilation, groups, front, output }: Transposition): Tensor {
  const padding = front.map((cut, i): [number, number] => {
    const reach = (weight.shape[i]! - 1) * dilation[i]!;
    const low = reach - cut;
    return [low, output[i]! - (x.shape[i + 1]! - 1) * stride[i]! - 1 - low + reach];
  });
  const turned = weight.flip(front.map((_, i) => i));
  const y = new Tensor(conv(x.node, turned.node, { inputDilation: stride, dilation, groups, padding }));
  return bias ? y.add(fitting(bias, y)) : y;
}

export interface ConvolutionOptions {
  /** Default 1. */
  stride?: Sizes;
  /** How far apart the places of the kernel lie. Default 1. */
  dilation?: Sizes;
  /** Channels in this many groups that do not see each other. Default 1. */
  groups?: number;
  /** Adds a bias. Default `true`. */
  bias?: boolean;
}

const axes = ["depth", "height", "width"];

/** What convolutions, straight and transposed, of one, two and three spatial axes share. */
export abstract class Convolution extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;

  constructor(rank: number, inChannels: number, outChannels: number, kernelSize: Sizes, { stride = 1, dilation = 1, groups = 1 }: ConvolutionOptions) {
    super();
    const where = this.constructor.name;
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
  }

  protected get where(): string {
    return `${this.constructor.name}(${this.inChannels} → ${this.outChannels}, kernel ${this.kernelSize.join("×")})`;
  }

  /** Weight and bias, evenly within ±1/√(numbers that meet in one result), as `weight`'s second axis counts them. */
  protected start(weight: Shape, bias: boolean): [weight: Tensor, bias: Tensor | undefined] {
    const fan = weight[1]! * size(this.kernelSize);
    const start = uniform(-1 / Math.sqrt(fan), 1 / Math.sqrt(fan));
    const fans = { in: fan, out: weight[0]! * size(this.kernelSize) };
    return [parameter(start(weight, fans)), bias ? parameter(start([this.outChannels], fans)) : undefined];
  }

  /** Runs `f` on `x` channels last, once its channels and axes are known to be right. */
  protected moved(x: Tensor, weight: Tensor, f: (x: Tensor) => Tensor): Tensor {
    const { where } = this;
    const names = axes.slice(-this.kernelSize.length);
    expectTensor(where, x, weight);
    return batched(where, x, [`${this.inChannels} channels`, ...names], (x) => {
      expectSize(where, x, 1, this.inChannels, `[batch, ${this.inChannels} channels, ${names.join(", ")}]`);
      return channelsLast(x, f);
    });
  }

  protected shown(more: Readonly<Record<string, unknown>>): string {
    const { kernelSize, stride, dilation, groups } = this;
    const rest = { ...(dilation.some((d) => d !== 1) && { dilation }), ...(groups !== 1 && { groups }) };
    return `${this.inChannels}, ${this.outChannels}, ${shown({ kernelSize, stride, ...more, ...rest })}`;
  }
}

/** Options, or the stride alone in their place. */
export const optionsOf = <O extends ConvolutionOptions>(options: O | Sizes): O =>
  (typeof options === "number" || Array.isArray(options) ? { stride: options } : options) as O;
