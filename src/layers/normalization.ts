import { resolveAxes, resolveAxis, same, type Shape, show } from "../base/shape.ts";
import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import { maskOf } from "../module/mask.ts";
import { channelMoments, normaliseBatch, normaliseBy } from "../nn/batchnorm.ts";
import { affine } from "../nn/norm.ts";
import { get as initializer } from "../nn/initializers.ts";
import { fansInOut } from "../nn/start.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";
import { type HeldBack, type Initializer, Layer, type LayerOptions } from "./layer.ts";

export interface NormalizationOptions extends LayerOptions, HeldBack<"beta" | "gamma"> {
  /** The axis of the features. Default −1. */
  axis?: number;
  /** Added to the variance. Default 1e-3. */
  epsilon?: number;
  /** Learns an offset, beta. Default `true`. */
  center?: boolean;
  /** Learns a factor, gamma. Default `true`. */
  scale?: boolean;
}

export interface BatchNormalizationOptions extends NormalizationOptions {
  /** How much of the running statistics stays at each batch. Default 0.99. */
  momentum?: number;
  /** Default `"zeros"`. */
  movingMeanInitializer?: Initializer;
  /** Default `"ones"`. */
  movingVarianceInitializer?: Initializer;
  /** Whether training too goes by running statistics, within bounds, so that small batches do not shake it. Default `false`. */
  renorm?: boolean;
  /** The bounds: how much narrower, wider and farther away a batch may look than what runs. Default: none. */
  renormClipping?: { rmin?: number; rmax?: number; dmax?: number };
  /** How much of the statistics that training goes by stays at each batch. Default 0.99. */
  renormMomentum?: number;
  /** Has no effect: there is one device, which sees the whole batch. */
  synchronized?: boolean;
}

const startOf = (given: Initializer, shape: Shape): Tensor => initializer(given)(shape, fansInOut(shape));

interface Moments {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** The moments of each feature over the steps that count. @source Keras, which keeps the division whole by an epsilon */
function maskedMoments(x: Tensor, on: Tensor): Moments {
  const axes = Array.from({ length: x.rank - 1 }, (_, i) => i);
  const count = on
    .to(x.dtype)
    .broadcast([...x.shape.slice(0, -1), 1])
    .sum()
    .add(1e-7);
  const mean = on.where(x, 0).sum(axes).div(count);
  return { mean, variance: on.where(x.sub(mean), 0).square().sum(axes).div(count) };
}

/** Mean 0 and variance 1 in each feature over the batch. */
export class BatchNormalization extends Layer {
  /** [features] */
  gamma: Tensor | undefined = undefined;
  /** [features] */
  beta: Tensor | undefined = undefined;
  /** [features] */
  movingMean: Tensor | undefined = undefined;
  /** [features] */
  movingVariance: Tensor | undefined = undefined;
  /** [features], with `renorm`. */
  movingStddev: Tensor | undefined = undefined;
  /** [features], with `renorm`: what training goes by. */
  renormMean: Tensor | undefined = undefined;
  /** [features], with `renorm`. */
  renormStddev: Tensor | undefined = undefined;
  readonly #options: BatchNormalizationOptions;

  constructor(options: BatchNormalizationOptions = {}) {
    super("BatchNormalization", options);
    const { renorm = false, renormClipping = {} } = options;
    const { rmin, rmax, dmax } = renormClipping;
    for (const name of Object.keys(renormClipping))
      if (!["rmin", "rmax", "dmax"].includes(name)) throw unknownName(this.name, "bound of renormClipping", name, ["rmin", "rmax", "dmax"]);
    if (renorm && ((rmin !== undefined && rmax !== undefined && rmin > rmax) || (dmax !== undefined && dmax < 0)))
      throw new CambiumError("value", this.name, `renormClipping is ${JSON.stringify(renormClipping)}; rmin is at most rmax, and dmax at least 0`);
    this.#options = options;
  }

  protected override make(input: Shape): void {
    const { center = true, scale = true } = this.#options;
    const features = input[this.#axisIn(input)]!;
    if (scale) this.gamma = this.named("gamma", [features], "ones");
    if (center) this.beta = this.named("beta", [features], "zeros");
    const { movingMeanInitializer = "zeros", movingVarianceInitializer = "ones" } = this.#options;
    this.movingMean = startOf(movingMeanInitializer, [features]);
    this.movingVariance = startOf(movingVarianceInitializer, [features]);
    if (!this.#options.renorm) return;
    this.movingStddev = startOf(movingVarianceInitializer, [features]).sqrt();
    this.renormMean = startOf(movingMeanInitializer, [features]);
    this.renormStddev = startOf(movingVarianceInitializer, [features]).sqrt();
  }

  protected override check(input: Shape): void {
    if (input.length === 0) throw new CambiumError("shape", this.name, "expects samples with an axis of features, got single numbers");
    const features = this.movingMean?.size;
    if (features !== undefined && input[this.#axisIn(input)] !== features)
      throw new CambiumError("shape", this.name, `expects ${features} features, got samples of ${show(input)}`);
  }

  protected override call(x: Tensor): Tensor {
    const { epsilon = 1e-3 } = this.#options;
    // Frozen, it goes by what it knows, as in Keras.
    const learning = this.training && this.trainable;
    const mask = learning ? maskOf(x) : undefined;
    return this.#featuresLast(x, (x) => {
      const moments = mask && maskedMoments(x, mask.expandDims(-1));
      if (learning && this.#options.renorm) return this.#renormed(x, moments, epsilon);
      if (learning) this.#remember(moments ?? channelMoments(x));
      const normal =
        learning && !moments
          ? normaliseBatch(x, epsilon)
          : normaliseBy(x, moments?.mean ?? this.movingMean!, moments?.variance ?? this.movingVariance!, epsilon);
      return affine(normal, this.gamma, this.beta);
    });
  }

  #remember({ mean, variance }: Moments): void {
    const { momentum = 0.99 } = this.#options;
    assignAll([
      [this.movingMean!, this.movingMean!.lerp(mean.detach(), 1 - momentum)],
      [this.movingVariance!, this.movingVariance!.lerp(variance.detach(), 1 - momentum)],
    ]);
  }

  /** The batch at mean 0 and variance 1, then moved and scaled to where what runs would have it. @source Ioffe, "Batch renormalization" (2017) */
  #renormed(x: Tensor, masked: Moments | undefined, epsilon: number): Tensor {
    const { momentum = 0.99, renormMomentum = 0.99, renormClipping: { rmin = 0, rmax = Infinity, dmax = Infinity } = {} } = this.#options;
    const own = masked ?? channelMoments(x);
    const [mean, variance] = [own.mean.detach(), own.variance.detach()];
    const deviation = variance.add(epsilon).sqrt();
    const known = this.renormStddev!.maximum(Math.sqrt(epsilon));
    // What they say of this batch is not learnt from, and what they become is for the next.
    const wide = deviation.div(known).maximum(rmin).minimum(rmax).detach();
    const far = mean.sub(this.renormMean!).div(known).maximum(-dmax).minimum(dmax).detach();
    const spread = this.movingStddev!.lerp(deviation, 1 - momentum);
    assignAll([
      [this.renormMean!, this.renormMean!.lerp(mean, 1 - renormMomentum)],
      [this.renormStddev!, this.renormStddev!.lerp(deviation, 1 - renormMomentum)],
      [this.movingMean!, this.movingMean!.lerp(mean, 1 - momentum)],
      [this.movingStddev!, spread],
      [this.movingVariance!, spread.square().sub(epsilon).relu()],
    ]);
    const normal = masked ? normaliseBy(x, masked.mean, masked.variance, epsilon) : normaliseBatch(x, epsilon);
    return affine(normal.mul(wide).add(far), this.gamma, this.beta);
  }

  /** The axis of the features, within a sample. */
  #axisIn(input: Shape): number {
    const axis = resolveAxis(this.name, this.#options.axis ?? -1, input.length + 1);
    if (axis === 0)
      throw new CambiumError("shape", this.name, `axis 0 of a batch of ${show([1, ...input])} is the batch; features are normalised along another`);
    return axis - 1;
  }

  /** `x` with its features moved last, given to `f`, and moved back. */
  #featuresLast(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
    const axis = this.#axisIn(x.shape.slice(1)) + 1;
    if (axis === x.rank - 1) return f(x);
    const order = x.shape.map((_, i) => i).filter((i) => i !== axis);
    const back = [...order.keys()];
    back.splice(axis, 0, x.rank - 1);
    return f(x.permute([...order, axis])).permute(back);
  }
}

export interface LayerNormalizationOptions extends Omit<NormalizationOptions, "axis"> {
  /** The axis of the features, or several. Default −1. */
  axis?: number | readonly number[];
}

/** Mean 0 and variance 1 over the features of each sample. */
export class LayerNormalization extends Layer {
  /** [...features] */
  gamma: Tensor | undefined = undefined;
  /** [...features] */
  beta: Tensor | undefined = undefined;
  readonly #options: LayerNormalizationOptions;

  constructor(options: LayerNormalizationOptions = {}) {
    super("LayerNormalization", options);
    this.#options = options;
  }

  protected override make(input: Shape): void {
    const { center = true, scale = true } = this.#options;
    const features = this.#axes(input.length + 1).map((axis) => input[axis - 1]!);
    if (scale) this.gamma = this.named("gamma", features, "ones");
    if (center) this.beta = this.named("beta", features, "zeros");
  }

  protected override check(input: Shape): void {
    const features = this.#axes(input.length + 1).map((axis) => input[axis - 1]!);
    const known = (this.gamma ?? this.beta)?.shape;
    if (known && !same(known, features)) throw new CambiumError("shape", this.name, `expects features of ${show(known)}, got samples of ${show(input)}`);
  }

  protected override call(x: Tensor): Tensor {
    const axes = this.#axes(x.rank);
    const beside = (weight: Tensor | undefined): Tensor | undefined => weight?.reshape(x.shape.slice(1).map((d, i) => (axes.includes(i + 1) ? d : 1)));
    return affine(x.layerNorm(axes, this.#options.epsilon ?? 1e-3), beside(this.gamma), beside(this.beta));
  }

  #axes(rank: number): number[] {
    const axes = resolveAxes(this.name, this.#options.axis ?? -1, rank);
    if (axes.includes(0)) throw new CambiumError("shape", this.name, "axis 0 is the batch; features are normalised along others");
    return axes;
  }
}

/**
 * Mean 0 and variance 1 in each feature over the batch, then a learnt factor and offset; in evaluation with the running statistics of training.
 *
 * @shape `[batch, ..., features]` → the same
 * @source Keras `BatchNormalization`: momentum 0.99, epsilon 1e-3
 */
export const batchNormalization = (options?: BatchNormalizationOptions): BatchNormalization => new BatchNormalization(options);

/**
 * Mean 0 and variance 1 over the features of each sample, then a learnt factor and offset.
 *
 * @shape `[batch, ..., features]` → the same
 * @source Keras `LayerNormalization`: epsilon 1e-3
 */
export const layerNormalization = (options?: LayerNormalizationOptions): LayerNormalization => new LayerNormalization(options);
