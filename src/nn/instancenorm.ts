import { CambiumError } from "../base/error.ts";
import { show, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { ones, zeros } from "../tensor/create.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";
import type { BatchNormOptions, RunningOptions } from "./batchnorm.ts";
import { expectCount, expectSize, expectTensor, shown } from "./input.ts";
import { affine, beside, lastAxes } from "./norm.ts";

export interface InstanceNormOptions extends Omit<BatchNormOptions, "momentum" | "affine" | "trackRunningStats"> {
  /** How much of a batch's statistics enters the running ones. Default 0.1. */
  momentum?: number;
  /** Learns a weight and a bias. Default `false`. */
  affine?: boolean;
  /** Keeps running statistics, which evaluation then goes by. Default `false`. */
  trackRunningStats?: boolean;
}

/** Lets the statistics of `x`, channels first, enter the running ones by `share`. */
const remember = (x: Tensor, axes: number[], runningMean: Tensor, runningVar: Tensor, share: number): void =>
  assignAll([
    [runningMean, runningMean.lerp(x.mean(axes).mean(0).detach(), share)],
    [runningVar, runningVar.lerp(x.variance(axes).mean(0).detach(), share)],
  ]);

/** `x`, channels first, moved and scaled by what was measured before. */
const normaliseBy = (x: Tensor, mean: Tensor, variance: Tensor, eps: number): Tensor =>
  x.sub(beside(mean, x.rank)!).mul(beside(variance.add(eps).rsqrt(), x.rank)!);

/**
 * `nn.InstanceNorm` as a function: by each sample's own statistics, which enter the running ones if any are given; with `useInputStats` false by the running ones.
 * @shape x [batch, channels, ...], all others [channels]
 * @source PyTorch `F.instance_norm`
 */
export function instanceNorm(
  x: Tensor,
  runningMean?: Tensor,
  runningVar?: Tensor,
  { weight, bias, eps = 1e-5, momentum = 0.1, useInputStats = true }: RunningOptions & { useInputStats?: boolean } = {},
): Tensor {
  if (!useInputStats && !(runningMean && runningVar))
    throw new CambiumError("value", "instanceNorm", "without the input's own there must be running statistics", "give runningMean and runningVar");
  const axes = lastAxes(x.rank - 2);
  if (useInputStats && runningMean && runningVar) remember(x, axes, runningMean, runningVar, momentum);
  const y = useInputStats ? x.layerNorm(axes, eps) : normaliseBy(x, runningMean!, runningVar!, eps);
  return affine(y, beside(weight, x.rank), beside(bias, x.rank));
}

/** What instance normalisation of any number of axes shares. */
abstract class InstanceNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number;
  weight: Tensor | undefined;
  bias: Tensor | undefined;
  runningMean: Tensor | undefined;
  runningVar: Tensor | undefined;
  numBatchesTracked: Tensor | undefined;
  readonly #spatial: number;

  constructor(spatial: number, numFeatures: number, { eps = 1e-5, momentum = 0.1, affine = false, trackRunningStats = false }: InstanceNormOptions) {
    super();
    expectCount(this.constructor.name, "numFeatures", numFeatures);
    this.#spatial = spatial;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? parameter(ones([numFeatures])) : undefined;
    this.bias = affine ? parameter(zeros([numFeatures])) : undefined;
    this.runningMean = trackRunningStats ? zeros([numFeatures]) : undefined;
    this.runningVar = trackRunningStats ? ones([numFeatures]) : undefined;
    this.numBatchesTracked = trackRunningStats ? zeros([], { dtype: "int32" }) : undefined;
  }

  forward(x: Tensor): Tensor {
    const where = `${this.constructor.name}(${this.numFeatures})`;
    expectTensor(where, x, this.weight);
    if (x.rank === this.#spatial + 1) return this.forward(x.expandDims(0)).squeeze(0);
    if (x.rank !== this.#spatial + 2)
      throw new CambiumError("shape", where, `expected [batch, ${this.numFeatures} channels] and ${this.#spatial} more axes, got ${show(x.shape)}`);
    expectSize(where, x, 1, this.numFeatures, `[batch, ${this.numFeatures} channels, ...]`);
    return affine(this.normalise(where, x), beside(this.weight, x.rank), beside(this.bias, x.rank));
  }

  private normalise(where: string, x: Tensor): Tensor {
    const { runningMean, runningVar, eps, momentum } = this;
    const axes = lastAxes(this.#spatial);
    if (!this.training && runningMean && runningVar) return normaliseBy(x, runningMean, runningVar, eps);
    if (this.training && size(x.shape.slice(2)) < 2)
      throw new CambiumError("value", where, `one number a channel has no spread (the input is ${show(x.shape)})`, "give it more than one place in space");
    if (this.training && runningMean && runningVar) remember(x, axes, runningMean, runningVar, momentum);
    return x.layerNorm(axes, eps);
  }

  protected override describe(): string {
    const { eps, momentum } = this;
    return `${this.numFeatures}, ${shown({ eps, momentum, affine: this.weight !== undefined, trackRunningStats: this.runningMean !== undefined })}`;
  }
}

/**
 * Mean 0 and variance 1 over each channel of each sample.
 * @shape [batch, numFeatures, width] → the same, also without batch
 * @source PyTorch `nn.InstanceNorm1d`; Ulyanov, Vedaldi and Lempitsky (2016)
 */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormOptions = {}) {
    super(1, numFeatures, options);
  }
}

/**
 * Mean 0 and variance 1 over each channel of each image.
 * @shape [batch, numFeatures, height, width] → the same, also without batch
 * @source PyTorch `nn.InstanceNorm2d`; Ulyanov, Vedaldi and Lempitsky (2016)
 */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormOptions = {}) {
    super(2, numFeatures, options);
  }
}

/**
 * Mean 0 and variance 1 over each channel of each volume.
 * @shape [batch, numFeatures, depth, height, width] → the same, also without batch
 * @source PyTorch `nn.InstanceNorm3d`; Ulyanov, Vedaldi and Lempitsky (2016)
 */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, options: InstanceNormOptions = {}) {
    super(3, numFeatures, options);
  }
}
