/** PyTorch's `torch.nn.init`: each function gives a tensor new start values in place, and returns it. */
import { CambiumError } from "../base/error.ts";
import { suggest } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as start from "./start.ts";

/** What an activation needs its inputs scaled by: the name of one, as PyTorch writes it in camel case. */
export type Nonlinearity = "linear" | "conv1d" | "conv2d" | "conv3d" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

const gains: Record<Nonlinearity, (slope: number) => number> = {
  linear: () => 1,
  conv1d: () => 1,
  conv2d: () => 1,
  conv3d: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.SQRT2,
  leakyRelu: (slope) => Math.sqrt(2 / (1 + slope * slope)),
  selu: () => 3 / 4,
};

/** The factor that keeps the spread of activations through `nonlinearity`; `param` is the slope of leakyRelu. */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  if (!Object.hasOwn(gains, nonlinearity))
    throw new CambiumError("name", "calculateGain", `there is no nonlinearity "${nonlinearity}"`, suggest(nonlinearity, Object.keys(gains)));
  return gains[nonlinearity](param);
}

function set(tensor: Tensor, values: start.Start, fans?: start.Fans): Tensor {
  tensor.assign(values(tensor.shape, fans ?? { in: 1, out: 1 }).to(tensor.dtype));
  return tensor;
}

export const uniform = (tensor: Tensor, low = 0, high = 1): Tensor => set(tensor, start.uniform(low, high));

export const normal = (tensor: Tensor, mean = 0, std = 1): Tensor => set(tensor, start.normal(mean, std));

/** A bell curve cut off at `a` and `b`. */
export const truncNormal = (tensor: Tensor, mean = 0, std = 1, a = -2, b = 2): Tensor => set(tensor, start.truncatedNormal(mean, std, a, b));

export const constant = (tensor: Tensor, value: number): Tensor => set(tensor, start.constant(value));

export const ones = (tensor: Tensor): Tensor => set(tensor, start.ones);

export const zeros = (tensor: Tensor): Tensor => set(tensor, start.zeros);

export const eye = (tensor: Tensor): Tensor => set(tensor, start.identity());

/** A convolution that passes its channels on. */
export const dirac = (tensor: Tensor, { groups = 1 }: { groups?: number } = {}): Tensor => set(tensor, start.dirac(groups));

/** A matrix of whose columns the share `sparsity` is 0. */
export const sparse = (tensor: Tensor, { sparsity, std = 0.01 }: { sparsity: number; std?: number }): Tensor => set(tensor, start.sparse(sparsity, std));

export const orthogonal = (tensor: Tensor, { gain = 1 }: { gain?: number } = {}): Tensor => set(tensor, start.orthogonal(gain));

/** @source Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010) */
export const xavierUniform = (tensor: Tensor, { gain = 1 }: { gain?: number } = {}): Tensor =>
  scaled(tensor, { scale: gain ** 2, mode: "average", distribution: "uniform" });

export const xavierNormal = (tensor: Tensor, { gain = 1 }: { gain?: number } = {}): Tensor =>
  scaled(tensor, { scale: gain ** 2, mode: "average", distribution: "normal" });

export interface KaimingOptions {
  /** The slope of the leaky relu that follows. Default 0. */
  a?: number;
  /** Which direction keeps its spread: forward (`"fanIn"`, the default) or backward. */
  mode?: "fanIn" | "fanOut";
  /** Default `"leakyRelu"`. */
  nonlinearity?: Nonlinearity;
}

const kaiming = (tensor: Tensor, { a = 0, mode = "fanIn", nonlinearity = "leakyRelu" }: KaimingOptions, distribution: "uniform" | "normal"): Tensor =>
  scaled(tensor, { scale: calculateGain(nonlinearity, a) ** 2, mode: mode === "fanIn" ? "in" : "out", distribution });

/** @source He et al., "Delving deep into rectifiers" (2015) */
export const kaimingUniform = (tensor: Tensor, options: KaimingOptions = {}): Tensor => kaiming(tensor, options, "uniform");

export const kaimingNormal = (tensor: Tensor, options: KaimingOptions = {}): Tensor => kaiming(tensor, options, "normal");

const scaled = (tensor: Tensor, scaling: start.Scaling): Tensor => set(tensor, start.varianceScaling(scaling), start.fansOutIn(tensor.shape));
