import { resolveAxis, type Shape, show } from "../base/shape.ts";
import { CambiumError } from "../base/error.ts";
import { channelMoments, normaliseBatch, normaliseBy } from "../nn/batchnorm.ts";
import { affine } from "../nn/norm.ts";
import { ones, zeros } from "../tensor/create.ts";
import { assignAll, type Tensor } from "../tensor/tensor.ts";
import { type Initializer, Layer, type LayerOptions } from "./layer.ts";
import type { Regularizer } from "./regularizers.ts";

export interface NormalizationOptions extends LayerOptions {
  /** The axis of the features. Default −1. */
  axis?: number;
  /** Added to the variance. Default 1e-3. */
  epsilon?: number;
  /** Learns an offset, beta. Default `true`. */
  center?: boolean;
  /** Learns a factor, gamma. Default `true`. */
  scale?: boolean;
  /** Default `"zeros"`. */
  betaInitializer?: Initializer;
  /** Default `"ones"`. */
  gammaInitializer?: Initializer;
  betaRegularizer?: string | Regularizer;
  gammaRegularizer?: string | Regularizer;
}

export interface BatchNormalizationOptions extends NormalizationOptions {
  /** How much of the running statistics stays at each batch. Default 0.99. */
  momentum?: number;
}

/** What the two normalisations share. */
abstract class Normalization extends Layer {
  /** [features] */
  gamma: Tensor | undefined = undefined;
  /** [features] */
  beta: Tensor | undefined = undefined;
  protected readonly options: NormalizationOptions;
  #features: number | undefined;

  constructor(className: string, options: NormalizationOptions) {
    super(className, options);
    this.options = options;
  }

  protected override make(input: Shape): void {
    const { center = true, scale = true, betaInitializer = "zeros", gammaInitializer = "ones", betaRegularizer, gammaRegularizer } = this.options;
    this.#features = input[this.axisIn(input)]!;
    if (scale) this.gamma = this.weight([this.#features], { initializer: gammaInitializer, regularizer: gammaRegularizer });
    if (center) this.beta = this.weight([this.#features], { initializer: betaInitializer, regularizer: betaRegularizer });
  }

  /** The axis of the features, within a sample. */
  protected axisIn(input: Shape): number {
    const axis = resolveAxis(this.name, this.options.axis ?? -1, input.length + 1);
    if (axis === 0) throw new CambiumError("shape", this.name, `axis 0 of a batch of ${show([1, ...input])} is the batch; features are normalised along another`);
    return axis - 1;
  }

  protected override check(input: Shape): void {
    if (input.length === 0) throw new CambiumError("shape", this.name, "expects samples with an axis of features, got single numbers");
    const features = input[this.axisIn(input)];
    if (this.#features !== undefined && features !== this.#features)
      throw new CambiumError("shape", this.name, `expects ${this.#features} features, got samples of ${show(input)}`);
  }

  /** `x` with its features moved last, given to `f`, and moved back. */
  protected featuresLast(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
    const axis = this.axisIn(x.shape.slice(1)) + 1;
    if (axis === x.rank - 1) return f(x);
    const order = x.shape.map((_, i) => i).filter((i) => i !== axis);
    const back = [...order.keys()];
    back.splice(axis, 0, x.rank - 1);
    return f(x.permute([...order, axis])).permute(back);
  }
}

/** Mean 0 and variance 1 in each feature over the batch. */
export class BatchNormalization extends Normalization {
  /** [features] */
  movingMean: Tensor | undefined = undefined;
  /** [features] */
  movingVariance: Tensor | undefined = undefined;

  constructor(options: BatchNormalizationOptions = {}) {
    super("BatchNormalization", options);
  }

  protected override make(input: Shape): void {
    super.make(input);
    const features = input[this.axisIn(input)]!;
    this.movingMean = zeros([features]);
    this.movingVariance = ones([features]);
  }

  protected override call(x: Tensor): Tensor {
    const { epsilon = 1e-3 } = this.options;
    return this.featuresLast(x, (x) => {
      // Frozen, it goes by what it knows, as in Keras.
      const learning = this.training && this.trainable;
      if (learning) this.#remember(x);
      const normal = learning ? normaliseBatch(x, epsilon) : normaliseBy(x, this.movingMean!, this.movingVariance!, epsilon);
      return affine(normal, this.gamma, this.beta);
    });
  }

  #remember(x: Tensor): void {
    const { momentum = 0.99 } = this.options as BatchNormalizationOptions;
    const { mean, variance } = channelMoments(x);
    assignAll([
      [this.movingMean!, this.movingMean!.lerp(mean, 1 - momentum)],
      [this.movingVariance!, this.movingVariance!.lerp(variance, 1 - momentum)],
    ]);
  }
}

/** Mean 0 and variance 1 over the features of each sample. */
export class LayerNormalization extends Normalization {
  constructor(options: NormalizationOptions = {}) {
    super("LayerNormalization", options);
  }

  protected override call(x: Tensor): Tensor {
    return this.featuresLast(x, (x) => affine(x.layerNorm(-1, this.options.epsilon ?? 1e-3), this.gamma, this.beta));
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
export const layerNormalization = (options?: NormalizationOptions): LayerNormalization => new LayerNormalization(options);
