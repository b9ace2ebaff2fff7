/** Normalisation within each sample, other than layer normalisation. */
import { CambiumError } from "../base/error.ts";
import { resolveAxes, resolveAxis, type Shape, show, size } from "../base/shape.ts";
import { affine } from "../nn/norm.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import type { NormalizationOptions } from "./normalization.ts";

export interface GroupNormalizationOptions extends NormalizationOptions {
  /** How many groups; −1 for as many as there are channels. Default 32. */
  groups?: number;
}

/** Mean 0 and variance 1 over each group of channels of each sample. */
export class GroupNormalization extends Layer {
  /** [channels] */
  gamma: Tensor | undefined = undefined;
  /** [channels] */
  beta: Tensor | undefined = undefined;
  readonly #options: GroupNormalizationOptions;

  constructor(options: GroupNormalizationOptions = {}) {
    super("GroupNormalization", options);
    this.#options = options;
  }

  protected override make(input: Shape): void {
    const { center = true, scale = true } = this.#options;
    const channels = input[this.#axis(input)]!;
    if (scale) this.gamma = this.named("gamma", [channels], "ones");
    if (center) this.beta = this.named("beta", [channels], "zeros");
  }

  protected override check(input: Shape): void {
    const channels = input[this.#axis(input)]!;
    const [groups, known] = [this.#groups(channels), (this.gamma ?? this.beta)?.size ?? channels];
    if (channels % groups !== 0)
      throw new CambiumError("shape", this.name, `${channels} channels of samples of ${show(input)} cannot be split into ${groups} groups`);
    if (channels !== known) throw new CambiumError("shape", this.name, `expects ${known} channels, got samples of ${show(input)}`);
  }

  protected override call(x: Tensor): Tensor {
    const axis = this.#axis(x.shape.slice(1)) + 1;
    const groups = this.#groups(x.shape[axis]!);
    const split = x.reshape([...x.shape.slice(0, axis), groups, x.shape[axis]! / groups, ...x.shape.slice(axis + 1)]);
    const within = split.shape.map((_, i) => i).filter((i) => i > 0 && i !== axis);
    const beside = (weight: Tensor | undefined): Tensor | undefined => weight?.reshape(x.shape.map((d, i) => (i === axis ? d : 1)));
    return affine(split.layerNorm(within, this.#options.epsilon ?? 1e-3).reshape(x.shape), beside(this.gamma), beside(this.beta));
  }

  #axis(input: Shape): number {
    const axis = resolveAxis(this.name, this.#options.axis ?? -1, input.length + 1);
    if (axis === 0) throw new CambiumError("shape", this.name, "axis 0 is the batch; channels are another");
    return axis - 1;
  }

  #groups(channels: number): number {
    const groups = this.#options.groups ?? 32;
    return groups === -1 ? channels : groups;
  }
}

export interface RMSNormalizationOptions extends LayerOptions {
  /** The axis of the features, or several. Default −1. */
  axis?: number | readonly number[];
  /** Added to the mean square. Default 1e-6. */
  epsilon?: number;
}

/** Mean square 1 over the features of each sample. */
export class RMSNormalization extends Layer {
  /** [...features] */
  scale: Tensor | undefined = undefined;
  readonly #options: RMSNormalizationOptions;

  constructor(options: RMSNormalizationOptions = {}) {
    super("RMSNormalization", options);
    this.#options = options;
  }

  protected override make(input: Shape): void {
    const axes = this.#axes(input.length + 1);
    this.scale = this.named(
      "scale",
      axes.map((axis) => input[axis - 1]!),
      "ones",
    );
  }

  protected override check(input: Shape): void {
    const features = size(this.#axes(input.length + 1).map((axis) => input[axis - 1]!));
    if (this.scale && this.scale.size !== features)
      throw new CambiumError("shape", this.name, `expects features of ${show(this.scale.shape)}, got samples of ${show(input)}`);
  }

  protected override call(x: Tensor): Tensor {
    const axes = this.#axes(x.rank);
    const meanSquare = x.square().mean(axes, { keep: true });
    const scale = this.scale!.reshape(x.shape.map((d, i) => (axes.includes(i) ? d : 1)));
    return x.mul(meanSquare.add(this.#options.epsilon ?? 1e-6).rsqrt()).mul(scale);
  }

  #axes(rank: number): number[] {
    const axes = resolveAxes(this.name, this.#options.axis ?? -1, rank);
    if (axes.includes(0)) throw new CambiumError("shape", this.name, "axis 0 is the batch; features are normalised along others");
    return axes;
  }
}

export interface UnitNormalizationOptions extends LayerOptions {
  /** The axes of a vector. Default −1. */
  axis?: number | readonly number[];
}

/** Vectors of length 1. */
export class UnitNormalization extends Layer {
  readonly #axis: number | readonly number[];

  constructor(options: UnitNormalizationOptions = {}) {
    super("UnitNormalization", options);
    this.#axis = options.axis ?? -1;
  }

  protected override call(x: Tensor): Tensor {
    return x.mul(x.square().sum(this.#axis, { keep: true }).maximum(1e-12).rsqrt());
  }
}

/**
 * Mean 0 and variance 1 over each group of channels of each sample, then a learnt factor and offset.
 * @shape `[batch, ..., channels]` → the same
 * @source Keras `GroupNormalization`: 32 groups, epsilon 1e-3; Wu and He (2018)
 */
export const groupNormalization = (options?: GroupNormalizationOptions): GroupNormalization => new GroupNormalization(options);

/**
 * Mean square 1 over the features of each sample, then a learnt factor.
 * @shape `[batch, ..., features]` → the same
 * @source Keras `RMSNormalization`: epsilon 1e-6; Zhang and Sennrich (2019)
 */
export const rmsNormalization = (options?: RMSNormalizationOptions): RMSNormalization => new RMSNormalization(options);

/**
 * Each vector of a sample scaled to length 1.
 * @shape `[batch, ..., features]` → the same
 * @source Keras `UnitNormalization`
 */
export const unitNormalization = (options?: UnitNormalizationOptions): UnitNormalization => new UnitNormalization(options);
