import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { ones, zeros } from "../tensor/create.ts";
import { fitting, keptShort } from "../tensor/autocast.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";
import { channelsLast, expectCount, expectSize, expectTensor, shown } from "./input.ts";
import { affine } from "./norm.ts";

/** The mean and the variance (without correction) of each channel of `x`, whose channels are last, over everything else. */
export function channelMoments(x: Tensor): { mean: Tensor; variance: Tensor } {
  const axes = Array.from({ length: x.rank - 1 }, (_, i) => i);
  return { mean: x.mean(axes).detach(), variance: x.variance(axes, { correction: 0 }).detach() };
}

/** `x`, channels last, with mean 0 and variance 1 in each channel over everything else. */
export const normaliseBatch = (x: Tensor, eps: number): Tensor =>
  x.layerNorm(
    Array.from({ length: x.rank - 1 }, (_, i) => i),
    eps,
  );

/** `x`, channels last, moved and scaled by what was measured before. */
export const normaliseBy = (x: Tensor, mean: Tensor, variance: Tensor, eps: number): Tensor => keptShort(x.sub(mean).mul(variance.add(eps).rsqrt()), x);

/** How many numbers of `x`, channels last, each channel has. */
export const perChannel = (x: Tensor): number => x.size / Math.max(x.shape[x.rank - 1]!, 1);

export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** How much of a batch's statistics enters the running ones; `null` averages over all batches. Default 0.1. */
  momentum?: number | null;
  /** Learns a weight and a bias. Default `true`. */
  affine?: boolean;
  /** Keeps running statistics for evaluation; without them the batch's own are used there too. Default `true`. */
  trackRunningStats?: boolean;
}

export interface RunningOptions {
  weight?: Tensor | undefined;
  bias?: Tensor | undefined;
  /** Added to the variance. Default 1e-5. */
  eps?: number;
  /** How much of a batch's statistics enters the running ones. Default 0.1. */
  momentum?: number;
}

/** Lets the statistics of `x`, channels last, enter the running ones by `share`. */
function remember(x: Tensor, runningMean: Tensor, runningVar: Tensor, share: number | Tensor): [Tensor, Tensor][] {
  const { mean, variance } = channelMoments(x);
  const n = perChannel(x);
  return [
    [runningMean, runningMean.lerp(fitting(mean, runningMean), share)],
    [runningVar, runningVar.lerp(fitting(variance, runningVar).mul(n / (n - 1)), share)],
  ];
}

/**
 * `nn.BatchNorm` as a function: by the batch's own statistics while `training`, which then enter the running ones if any are given; else by the running ones.
 * @shape x [batch, channels, ...], all others [channels]
 * @source PyTorch `F.batch_norm`
 */
export function batchNorm(
  x: Tensor,
  runningMean?: Tensor,
  runningVar?: Tensor,
  { weight, bias, eps = 1e-5, momentum = 0.1, training = false }: RunningOptions & { training?: boolean } = {},
): Tensor {
  if (!training && !(runningMean && runningVar))
    throw new CambiumError("value", "batchNorm", "without training there must be running statistics", "give runningMean and runningVar, or { training: true }");
  return channelsLast(x, (x) => {
    if (training && runningMean && runningVar) assignAll(remember(x, runningMean, runningVar, momentum));
    return affine(training ? normaliseBatch(x, eps) : normaliseBy(x, runningMean!, runningVar!, eps), weight, bias);
  });
}

/** What batch normalisation of any number of axes shares. */
abstract class BatchNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  weight: Tensor | undefined;
  bias: Tensor | undefined;
  runningMean: Tensor | undefined;
  runningVar: Tensor | undefined;
  numBatchesTracked: Tensor | undefined;
  readonly #ranks: readonly number[];

  constructor(ranks: readonly number[], numFeatures: number, { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true }: BatchNormOptions) {
    super();
    expectCount(this.constructor.name, "numFeatures", numFeatures);
    this.#ranks = ranks;
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
    if (!this.#ranks.includes(x.rank))
      throw new CambiumError(
        "shape",
        where,
        `expected ${this.#ranks.join(" or ")} axes, beginning with [batch, ${this.numFeatures} channels], got ${show(x.shape)}`,
      );
    expectSize(where, x, 1, this.numFeatures, `[batch, ${this.numFeatures} channels${x.rank > 2 ? ", ..." : ""}]`);
    return channelsLast(x, (x) => affine(this.normalise(where, x), this.weight, this.bias));
  }

  private normalise(where: string, x: Tensor): Tensor {
    const { runningMean, runningVar } = this;
    if (!this.training && runningMean && runningVar) return normaliseBy(x, runningMean, runningVar, this.eps);
    if (this.training && perChannel(x) < 2)
      throw new CambiumError(
        "value",
        where,
        `one number a channel has no spread to learn from (the batch is ${show(x.shape)}, channels last)`,
        "train with larger batches, or call eval() first",
      );
    if (this.training) this.remember(x);
    return normaliseBatch(x, this.eps);
  }

  private remember(x: Tensor): void {
    const { runningMean, runningVar, numBatchesTracked } = this;
    if (!runningMean || !runningVar || !numBatchesTracked) return;
    const seen = numBatchesTracked.add(1);
    const share = this.momentum ?? seen.to(x.dtype).reciprocal();
    assignAll([...remember(x, runningMean, runningVar, share), [numBatchesTracked, seen]]);
  }

  protected override describe(): string {
    const { eps, momentum } = this;
    return `${this.numFeatures}, ${shown({ eps, momentum, affine: this.weight !== undefined, trackRunningStats: this.runningMean !== undefined })}`;
  }
}

/**
 * Mean 0 and variance 1 in each channel over the batch, then learnt weight and bias; in evaluation with the statistics of training.
 * @shape [batch, numFeatures] or [batch, numFeatures, width] → the same
 * @source PyTorch `nn.BatchNorm1d`; Ioffe and Szegedy, "Batch normalization" (2015)
 */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([2, 3], numFeatures, options);
  }
}

/**
 * Batch normalisation of images.
 * @shape [batch, numFeatures, height, width] → the same
 * @source PyTorch `nn.BatchNorm2d`
 */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([4], numFeatures, options);
  }
}

/**
 * Batch normalisation of volumes.
 * @shape [batch, numFeatures, depth, height, width] → the same
 * @source PyTorch `nn.BatchNorm3d`
 */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([5], numFeatures, options);
  }
}
