/** Normalisation within each sample: over features, groups of channels, or neighbouring channels. */
import { CambiumError } from "../base/error.ts";
import { same, type Shape, show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { ones, zeros } from "../tensor/create.ts";
import { windowSum } from "../ops/window.ts";
import { keptShort } from "../tensor/autocast.ts";
import { Tensor } from "../tensor/tensor.ts";
import { channelsLast, expectCount, expectSize, expectTensor, shown } from "./input.ts";

/** `x · weight + bias`, where there are any. */
export function affine(x: Tensor, weight: Tensor | undefined, bias: Tensor | undefined): Tensor {
  const scaled = weight ? x.mul(weight) : x;
  return keptShort(bias ? scaled.add(bias) : scaled, x);
}

/** Checks that the last axes of `x` are `sizes`. */
function expectLast(where: string, x: Tensor, sizes: Shape): void {
  expectTensor(where, x);
  if (!same(x.shape.slice(-sizes.length), sizes)) throw new CambiumError("shape", where, `expected [..., ${sizes.join(", ")}], got ${show(x.shape)}`);
}

export const lastAxes = (count: number): number[] => Array.from({ length: count }, (_, i) => i - count);

export interface LayerNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Learns a weight and a bias. Default `true`. */
  elementwiseAffine?: boolean;
  /** Learns a bias, if a weight is learnt. Default `true`. */
  bias?: boolean;
}

/**
 * Mean 0 and variance 1 over the last axes, then learnt weight and bias.
 * @shape [..., ...normalizedShape] → the same
 * @source PyTorch `nn.LayerNorm`; Ba, Kiros and Hinton (2016)
 */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number;
  weight: Tensor | undefined;
  bias: Tensor | undefined;

  constructor(normalizedShape: number | Shape, { eps = 1e-5, elementwiseAffine = true, bias = true }: LayerNormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    this.eps = eps;
    this.weight = elementwiseAffine ? parameter(ones(this.normalizedShape)) : undefined;
    this.bias = elementwiseAffine && bias ? parameter(zeros(this.normalizedShape)) : undefined;
  }

  forward(x: Tensor): Tensor {
    expectLast(`LayerNorm(${show(this.normalizedShape)})`, x, this.normalizedShape);
    return affine(x.layerNorm(lastAxes(this.normalizedShape.length), this.eps), this.weight, this.bias);
  }

  protected override describe(): string {
    return shown({ normalizedShape: this.normalizedShape, eps: this.eps, elementwiseAffine: this.weight !== undefined });
  }
}

export interface RMSNormOptions {
  /** Added to the mean square. Default: the smallest step of a float32 from 1. */
  eps?: number;
  /** Learns a weight. Default `true`. */
  elementwiseAffine?: boolean;
}

/**
 * Mean square 1 over the last axes, then a learnt weight.
 * @shape [..., ...normalizedShape] → the same
 * @source PyTorch `nn.RMSNorm`; Zhang and Sennrich, "Root mean square layer normalization" (2019)
 */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number;
  weight: Tensor | undefined;

  constructor(normalizedShape: number | Shape, { eps = 2 ** -23, elementwiseAffine = true }: RMSNormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === "number" ? [normalizedShape] : [...normalizedShape];
    this.eps = eps;
    this.weight = elementwiseAffine ? parameter(ones(this.normalizedShape)) : undefined;
  }

  forward(x: Tensor): Tensor {
    expectLast(`RMSNorm(${show(this.normalizedShape)})`, x, this.normalizedShape);
    const meanSquare = x.square().mean(lastAxes(this.normalizedShape.length), { keep: true });
    return affine(x.mul(meanSquare.add(this.eps).rsqrt()), this.weight, undefined);
  }

  protected override describe(): string {
    return shown({ normalizedShape: this.normalizedShape, eps: this.eps, elementwiseAffine: this.weight !== undefined });
  }
}

export interface ChannelNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** Learns a weight and a bias for each channel. */
  affine?: boolean;
}

/** A parameter of one number a channel, shaped to stand beside [batch, channels, ...space]. */
export const beside = (parameter: Tensor | undefined, rank: number): Tensor | undefined =>
  parameter?.reshape([parameter.size, ...new Array<number>(rank - 2).fill(1)]);

/**
 * Mean 0 and variance 1 over each group of channels of each sample, then a weight and a bias for each channel.
 * @shape [batch, numChannels, ...space] → the same
 * @source PyTorch `nn.GroupNorm`; Wu and He, "Group normalization" (2018)
 */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  weight: Tensor | undefined;
  bias: Tensor | undefined;

  constructor(numGroups: number, numChannels: number, { eps = 1e-5, affine = true }: ChannelNormOptions = {}) {
    super();
    expectCount("GroupNorm", "numGroups", numGroups);
    expectCount("GroupNorm", "numChannels", numChannels);
    if (numChannels % numGroups !== 0)
      throw new CambiumError("value", "GroupNorm", `${numChannels} channels cannot be split into ${numGroups} groups of one size`);
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? parameter(ones([numChannels])) : undefined;
    this.bias = affine ? parameter(zeros([numChannels])) : undefined;
  }

  forward(x: Tensor): Tensor {
    const where = `GroupNorm(${this.numGroups}, ${this.numChannels})`;
    expectTensor(where, x, this.weight);
    expectSize(where, x, 1, this.numChannels, `[batch, ${this.numChannels} channels, ...]`);
    const grouped = x.reshape([x.shape[0]!, this.numGroups, x.size / Math.max(x.shape[0]! * this.numGroups, 1)]);
    return affine(grouped.layerNorm(-1, this.eps).reshape(x.shape), beside(this.weight, x.rank), beside(this.bias, x.rank));
  }

  protected override describe(): string {
    return `${this.numGroups}, ${this.numChannels}, ${shown({ eps: this.eps, affine: this.weight !== undefined })}`;
  }
}

export interface LocalResponseNormOptions {
  /** Default 1e-4. */
  alpha?: number;
  /** Default 0.75. */
  beta?: number;
  /** Default 1. */
  k?: number;
}

/**
 * Each number divided by what `size` neighbouring channels hold at its place: `x / (k + alpha · mean of squares)^beta`.
 * @shape [batch, channels, ...space] → the same
 * @source PyTorch `nn.LocalResponseNorm`; Krizhevsky, Sutskever and Hinton (2012)
 */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;

  constructor(size: number, { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {}) {
    super();
    expectCount("LocalResponseNorm", "size", size);
    this.size = size;
    this.alpha = alpha;
    this.beta = beta;
    this.k = k;
  }

  forward(x: Tensor): Tensor {
    const { size, alpha, beta, k } = this;
    expectTensor(`LocalResponseNorm(${size})`, x);
    if (x.rank < 3) throw new CambiumError("shape", `LocalResponseNorm(${size})`, `expected [batch, channels, ...space], got ${show(x.shape)}`);
    return channelsLast(x, (x) => {
      const rows = x.square().reshape([-1, x.shape.at(-1)!, 1]);
      const sums = new Tensor(windowSum(rows.node, { window: size, stride: 1, padding: [[Math.floor(size / 2), Math.floor((size - 1) / 2)]] }));
      return x.div(
        sums
          .reshape(x.shape)
          .mul(alpha / size)
          .add(k)
          .pow(beta),
      );
    });
  }

  protected override describe(): string {
    const { size, alpha, beta, k } = this;
    return `${size}, ${shown({ alpha, beta, k })}`;
  }
}

/**
 * `LocalResponseNorm` by the name that old models know it by, its settings in a row.
 * @shape [batch, channels, height, width] → the same
 * @source PyTorch `nn.CrossMapLRN2d`
 */
export class CrossMapLRN2d extends LocalResponseNorm {
  constructor(size: number, alpha = 1e-4, beta = 0.75, k = 1) {
    super(size, { alpha, beta, k });
  }
}
