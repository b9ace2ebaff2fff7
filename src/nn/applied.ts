/** Modules as functions: those without parameters as they are, those with some with their weights given by hand. */
import { CambiumError } from "../base/error.ts";
import { type Shape, size } from "../base/shape.ts";
import type { Module } from "../module/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import {
  CELU,
  ELU,
  GELU,
  Hardshrink,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  LeakyReLU,
  LogSigmoid,
  LogSoftmax,
  Mish,
  ReLU,
  ReLU6,
  SELU,
  SiLU,
  Sigmoid,
  Softmax,
  Softmin,
  Softplus,
  Softshrink,
  Softsign,
  Tanh,
  Tanhshrink,
} from "./activation.ts";
import { AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d } from "./adaptive.ts";
import { Fold, Unfold } from "./fold.ts";
import { FractionalMaxPool2d, FractionalMaxPool3d } from "./fractional.ts";
import { GLU, Threshold } from "./gated.ts";
import { LocalResponseNorm } from "./norm.ts";
import { ChannelShuffle, PixelShuffle, PixelUnshuffle } from "./pixels.ts";
import { AvgPool1d, AvgPool2d, AvgPool3d, LPPool1d, LPPool2d, LPPool3d, MaxPool1d, MaxPool2d, MaxPool3d } from "./pool.ts";
import { lookUp } from "./embedding.ts";
import { affine, beside, lastAxes } from "./norm.ts";
import { padded, type PadMode } from "./pad.ts";

/** A module's class as a function: what goes in, then what its constructor takes. */
export type Applied<Class> = Class extends new (...args: infer Args) => { forward(x: Tensor): infer Result } ? (x: Tensor, ...args: Args) => Result : never;

const applied = <Class extends new (...args: any[]) => Module>(made: Class): Applied<Class> =>
  ((x: Tensor, ...args: ConstructorParameters<Class>) => new made(...args).forward(x)) as Applied<Class>;

/** `nn.ReLU` as a function */
export const relu: Applied<typeof ReLU> = applied(ReLU);
/** `nn.ReLU6` as a function */
export const relu6: Applied<typeof ReLU6> = applied(ReLU6);
/** `nn.LeakyReLU` as a function */
export const leakyRelu: Applied<typeof LeakyReLU> = applied(LeakyReLU);
/** `nn.ELU` as a function */
export const elu: Applied<typeof ELU> = applied(ELU);
/** `nn.SELU` as a function */
export const selu: Applied<typeof SELU> = applied(SELU);
/** `nn.CELU` as a function */
export const celu: Applied<typeof CELU> = applied(CELU);
/** `nn.GELU` as a function */
export const gelu: Applied<typeof GELU> = applied(GELU);
/** `nn.Sigmoid` as a function */
export const sigmoid: Applied<typeof Sigmoid> = applied(Sigmoid);
/** `nn.LogSigmoid` as a function */
export const logSigmoid: Applied<typeof LogSigmoid> = applied(LogSigmoid);
/** `nn.Tanh` as a function */
export const tanh: Applied<typeof Tanh> = applied(Tanh);
/** `nn.Tanhshrink` as a function */
export const tanhshrink: Applied<typeof Tanhshrink> = applied(Tanhshrink);
/** `nn.Softplus` as a function */
export const softplus: Applied<typeof Softplus> = applied(Softplus);
/** `nn.Softsign` as a function */
export const softsign: Applied<typeof Softsign> = applied(Softsign);
/** `nn.Softshrink` as a function */
export const softshrink: Applied<typeof Softshrink> = applied(Softshrink);
/** `nn.Hardshrink` as a function */
export const hardshrink: Applied<typeof Hardshrink> = applied(Hardshrink);
/** `nn.SiLU` as a function */
export const silu: Applied<typeof SiLU> = applied(SiLU);
/** `nn.Mish` as a function */
export const mish: Applied<typeof Mish> = applied(Mish);
/** `nn.Hardtanh` as a function */
export const hardtanh: Applied<typeof Hardtanh> = applied(Hardtanh);
/** `nn.Hardsigmoid` as a function */
export const hardsigmoid: Applied<typeof Hardsigmoid> = applied(Hardsigmoid);
/** `nn.Hardswish` as a function */
export const hardswish: Applied<typeof Hardswish> = applied(Hardswish);
/** `nn.Softmax` as a function */
export const softmax: Applied<typeof Softmax> = applied(Softmax);
/** `nn.Softmin` as a function */
export const softmin: Applied<typeof Softmin> = applied(Softmin);
/** `nn.LogSoftmax` as a function */
export const logSoftmax: Applied<typeof LogSoftmax> = applied(LogSoftmax);
/** `nn.AdaptiveAvgPool1d` as a function */
export const adaptiveAvgPool1d: Applied<typeof AdaptiveAvgPool1d> = applied(AdaptiveAvgPool1d);
/** `nn.AdaptiveAvgPool2d` as a function */
export const adaptiveAvgPool2d: Applied<typeof AdaptiveAvgPool2d> = applied(AdaptiveAvgPool2d);
/** `nn.AdaptiveAvgPool3d` as a function */
export const adaptiveAvgPool3d: Applied<typeof AdaptiveAvgPool3d> = applied(AdaptiveAvgPool3d);
/** `nn.AdaptiveMaxPool1d` as a function */
export const adaptiveMaxPool1d: Applied<typeof AdaptiveMaxPool1d> = applied(AdaptiveMaxPool1d);
/** `nn.AdaptiveMaxPool2d` as a function */
export const adaptiveMaxPool2d: Applied<typeof AdaptiveMaxPool2d> = applied(AdaptiveMaxPool2d);
/** `nn.AdaptiveMaxPool3d` as a function */
export const adaptiveMaxPool3d: Applied<typeof AdaptiveMaxPool3d> = applied(AdaptiveMaxPool3d);
/** `nn.Fold` as a function */
export const fold: Applied<typeof Fold> = applied(Fold);
/** `nn.Unfold` as a function */
export const unfold: Applied<typeof Unfold> = applied(Unfold);
/** `nn.GLU` as a function */
export const glu: Applied<typeof GLU> = applied(GLU);
/** `nn.Threshold` as a function */
export const threshold: Applied<typeof Threshold> = applied(Threshold);
/** `nn.LocalResponseNorm` as a function */
export const localResponseNorm: Applied<typeof LocalResponseNorm> = applied(LocalResponseNorm);
/** `nn.PixelShuffle` as a function */
export const pixelShuffle: Applied<typeof PixelShuffle> = applied(PixelShuffle);
/** `nn.PixelUnshuffle` as a function */
export const pixelUnshuffle: Applied<typeof PixelUnshuffle> = applied(PixelUnshuffle);
/** `nn.ChannelShuffle` as a function */
export const channelShuffle: Applied<typeof ChannelShuffle> = applied(ChannelShuffle);
/** `nn.MaxPool1d` as a function */
export const maxPool1d: Applied<typeof MaxPool1d> = applied(MaxPool1d);
/** `nn.MaxPool2d` as a function */
export const maxPool2d: Applied<typeof MaxPool2d> = applied(MaxPool2d);
/** `nn.MaxPool3d` as a function */
export const maxPool3d: Applied<typeof MaxPool3d> = applied(MaxPool3d);
/** `nn.AvgPool1d` as a function */
export const avgPool1d: Applied<typeof AvgPool1d> = applied(AvgPool1d);
/** `nn.AvgPool2d` as a function */
export const avgPool2d: Applied<typeof AvgPool2d> = applied(AvgPool2d);
/** `nn.AvgPool3d` as a function */
export const avgPool3d: Applied<typeof AvgPool3d> = applied(AvgPool3d);
/** `nn.LPPool1d` as a function */
export const lpPool1d: Applied<typeof LPPool1d> = applied(LPPool1d);
/** `nn.LPPool2d` as a function */
export const lpPool2d: Applied<typeof LPPool2d> = applied(LPPool2d);
/** `nn.LPPool3d` as a function */
export const lpPool3d: Applied<typeof LPPool3d> = applied(LPPool3d);

/** `nn.FractionalMaxPool2d` as a function */
export const fractionalMaxPool2d: Applied<typeof FractionalMaxPool2d> = applied(FractionalMaxPool2d);
/** `nn.FractionalMaxPool3d` as a function */
export const fractionalMaxPool3d: Applied<typeof FractionalMaxPool3d> = applied(FractionalMaxPool3d);

/** 1 at each label's place among `numClasses`, 0 elsewhere, whole numbers. @shape [...] → [..., numClasses] @source PyTorch `F.one_hot`, whose classes must be counted here */
export const oneHot = (labels: Tensor, numClasses: number): Tensor => labels.oneHot(numClasses, "int32");

/** Mean 0 and variance 1 over the last axes, then weight and bias. */
export const layerNorm = (x: Tensor, normalizedShape: Shape, { weight, bias, eps = 1e-5 }: { weight?: Tensor; bias?: Tensor; eps?: number } = {}): Tensor =>
  affine(x.layerNorm(lastAxes(normalizedShape.length), eps), weight, bias);

/** Mean square 1 over the last axes, then a weight. */
export const rmsNorm = (x: Tensor, normalizedShape: Shape, { weight, eps = 2 ** -23 }: { weight?: Tensor; eps?: number } = {}): Tensor =>
  affine(x.mul(x.square().mean(lastAxes(normalizedShape.length), { keep: true }).add(eps).rsqrt()), weight, undefined);

/** Mean 0 and variance 1 over each group of channels, then weight and bias. @shape [batch, channels, ...] */
export const groupNorm = (x: Tensor, numGroups: number, { weight, bias, eps = 1e-5 }: { weight?: Tensor; bias?: Tensor; eps?: number } = {}): Tensor => {
  const grouped = x.reshape([x.shape[0]!, numGroups, size(x.shape.slice(1)) / numGroups]);
  return affine(grouped.layerNorm(-1, eps).reshape(x.shape), beside(weight, x.rank), beside(bias, x.rank));
};

/** The rows of `weight` that `index` names. */
export const embedding = (index: Tensor, weight: Tensor): Tensor => lookUp("embedding", weight, index);

/** `x` divided by its p-norm along `dim`, which counts as at least `eps`. */
export const normalize = (x: Tensor, { p = 2, dim = 1, eps = 1e-12 }: { p?: number; dim?: number; eps?: number } = {}): Tensor => {
  const sums =
    p === 2
      ? x.norm(dim, { keep: true })
      : x
          .abs()
          .pow(p)
          .sum(dim, { keep: true })
          .pow(1 / p);
  return x.div(sums.maximum(eps));
};

/** More places around the last axes: two counts an axis, beginning with the last. */
export function pad(x: Tensor, sizes: readonly number[], { mode = "constant", value = 0 }: { mode?: PadMode; value?: number } = {}): Tensor {
  if (sizes.length % 2 !== 0 || sizes.length > 2 * x.rank || !sizes.every(Number.isInteger))
    throw new CambiumError("value", "pad", `sizes are ${JSON.stringify(sizes)}; they are two whole numbers for each of the last axes of a tensor of ${x.rank}`);
  const side = (which: 0 | 1): number[] => x.shape.map((_, i) => sizes[2 * (x.rank - 1 - i) + which] ?? 0);
  return padded("pad", x, side(0), side(1), mode, value);
}
