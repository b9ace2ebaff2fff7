/** Layers that disturb their input in training and let it pass in evaluation. */
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { drop, dropAlpha } from "../nn/dropout.ts";
import { normal } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";
import { checkRank, type SpatialOptions } from "./spatial.ts";

export interface RateOptions extends LayerOptions {
  /** A chance, from 0 to below 1. */
  rate: number;
}

/** Complains unless `rate` is a chance from 0 to below 1. */
export function checkRate(where: string, rate: unknown): asserts rate is number {
  if (typeof rate === "number" && rate >= 0 && rate < 1) return;
  const percent = typeof rate === "number" && rate > 1 && rate <= 100;
  throw new CambiumError("value", where, `rate is ${rate}; it is a chance from 0 to below 1`, percent ? `did you mean ${rate / 100}?` : undefined);
}

/** In training, something done to the input by chance. */
export class Noise extends Layer {
  readonly #disturb: (x: Tensor) => Tensor;

  constructor(className: string, options: LayerOptions, disturb: (x: Tensor) => Tensor) {
    super(className, options);
    this.#disturb = disturb;
  }

  protected override call(x: Tensor): Tensor {
    return this.training ? this.#disturb(x) : x;
  }
}

export interface AlphaDropoutOptions extends RateOptions {
  /** The shape in which the choice is made, `null` for the input's sizes; 1 for one choice along an axis. */
  noiseShape?: readonly (number | null)[];
}

/** `noiseShape` for an input of shape `x`. */
export const noiseOver = (noise: readonly (number | null)[] | undefined, x: Shape): Shape => noise?.map((d, i) => d ?? x[i]!) ?? x;

/** Dropout of whole channels. */
export class SpatialDropout extends Layer {
  readonly #rank: number;
  readonly #options: RateOptions & SpatialOptions;

  constructor(rank: 1 | 2 | 3, options: RateOptions & SpatialOptions) {
    super(`SpatialDropout${rank}D`, options);
    checkRate(this.name, options.rate);
    this.#rank = rank;
    this.#options = options;
  }

  protected override check(input: Shape): void {
    checkRank(this.name, input, this.#rank);
  }

  protected override call(x: Tensor): Tensor {
    const channels = this.#options.dataFormat === "channelsFirst" ? 1 : x.rank - 1;
    const mask = x.shape.map((d, i) => (i === 0 || i === channels ? d : 1));
    return this.training ? drop(x, this.#options.rate, mask) : x;
  }
}

/** Makes a layer from its rate and options; or from all in one object. */
export type MakeRate<Options extends RateOptions, Made> = (rate: number | Options, options?: Omit<Options, "rate">) => Made;

const fromRate =
  <Options extends RateOptions, Made>(f: (options: Options) => Made): MakeRate<Options, Made> =>
  (rate, options = {} as Omit<Options, "rate">) =>
    f(typeof rate === "object" ? rate : ({ ...options, rate } as unknown as Options));

/**
 * In training, each number times one around 1, spread as widely as dropout of `rate` would spread it.
 * @shape `[batch, ...]` → the same
 * @source Keras `GaussianDropout`; Srivastava et al. (2014)
 */
export const gaussianDropout: MakeRate<RateOptions, Noise> = fromRate((options) => {
  const { rate } = options;
  checkRate(options.name ?? "GaussianDropout", rate);
  return new Noise("GaussianDropout", options, (x) => (rate === 0 ? x : x.mul(normal(x.shape, 1, Math.sqrt(rate / (1 - rate)), x.dtype))));
});

export interface GaussianNoiseOptions extends LayerOptions {
  /** How widely the noise is spread. */
  stddev: number;
}

/**
 * In training, each number with normal noise added.
 * @shape `[batch, ...]` → the same
 * @source Keras `GaussianNoise`
 */
export function gaussianNoise(stddev: number | GaussianNoiseOptions, options: LayerOptions = {}): Noise {
  const all = typeof stddev === "object" ? stddev : { ...options, stddev };
  if (!(all.stddev >= 0)) throw new CambiumError("value", all.name ?? "GaussianNoise", `stddev is ${all.stddev}; it is a number from 0`);
  return new Noise("GaussianNoise", all, (x) => (all.stddev === 0 ? x : x.add(normal(x.shape, 0, all.stddev, x.dtype))));
}

/**
 * Dropout that keeps mean 0 and variance 1, to stand behind a SELU.
 * @shape `[batch, ...]` → the same
 * @source Keras `AlphaDropout`; Klambauer et al. (2017)
 */
export const alphaDropout: MakeRate<AlphaDropoutOptions, Noise> = fromRate((options) => {
  checkRate(options.name ?? "AlphaDropout", options.rate);
  return new Noise("AlphaDropout", options, (x) => dropAlpha(x, options.rate, noiseOver(options.noiseShape, x.shape)));
});

/** Dropout of whole channels of sequences @shape `[batch, steps, channels]` → the same @source Keras `SpatialDropout1D` */
export const spatialDropout1d: MakeRate<RateOptions, SpatialDropout> = fromRate((options) => new SpatialDropout(1, options));
/** Dropout of whole channels of images @shape `[batch, height, width, channels]` → the same @source Keras `SpatialDropout2D` */
export const spatialDropout2d: MakeRate<RateOptions & SpatialOptions, SpatialDropout> = fromRate((options) => new SpatialDropout(2, options));
/** Dropout of whole channels of volumes @shape `[batch, depth, height, width, channels]` → the same @source Keras `SpatialDropout3D` */
export const spatialDropout3d: MakeRate<RateOptions & SpatialOptions, SpatialDropout> = fromRate((options) => new SpatialDropout(3, options));
