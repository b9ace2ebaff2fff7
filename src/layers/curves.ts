import type { Shape } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { activations, type ReLUSettings } from "./activations.ts";
import { type HeldBack, Layer, type LayerOptions } from "./layer.ts";

/** Activations as layers, with settings. */
export class Curve<Options extends LayerOptions> extends Layer {
  readonly #options: Options;
  readonly #curve: (x: Tensor, options: Options) => Tensor;

  constructor(className: string, curve: (x: Tensor, options: Options) => Tensor, options: Options) {
    super(className, options);
    this.#options = options;
    this.#curve = curve;
  }

  protected override call(x: Tensor): Tensor {
    return this.#curve(x, this.#options);
  }
}

/** Besides, the largest result (default: none), the slope below the threshold (0), and where the bend is (0). */
export interface ReLUOptions extends LayerOptions, ReLUSettings {}

/**
 * `x` above the threshold, else `negativeSlope · (x − threshold)`; at most `maxValue`.
 * @source Keras `ReLU`
 */
export const relu = (options: ReLUOptions = {}): Curve<ReLUOptions> => new Curve("ReLU", activations.relu, options);

export interface LeakyReLUOptions extends LayerOptions {
  /** Default 0.3. */
  negativeSlope?: number;
}

/**
 * `x` where it is positive, else `negativeSlope · x`.
 * @source Keras `LeakyReLU`, whose slope is 0.3
 */
export const leakyRelu = (options: LeakyReLUOptions = {}): Curve<LeakyReLUOptions> =>
  new Curve("LeakyReLU", (x, { negativeSlope = 0.3 }) => x.leakyRelu(negativeSlope), options);

export interface ELUOptions extends LayerOptions {
  /** Default 1. */
  alpha?: number;
}

/**
 * `x` where it is positive, else `alpha · (eˣ − 1)`.
 * @source Keras `ELU`
 */
export const elu = (options: ELUOptions = {}): Curve<ELUOptions> => new Curve("ELU", (x, { alpha = 1 }) => x.elu(alpha), options);

export interface SoftmaxOptions extends LayerOptions {
  /** Default −1. */
  axis?: number;
}

/**
 * Shares that add up to 1.
 * @source Keras `Softmax`
 */
export const softmax = (options: SoftmaxOptions = {}): Curve<SoftmaxOptions> => new Curve("Softmax", (x, { axis = -1 }) => x.softmax(axis), options);

export interface PReLUOptions extends LayerOptions, HeldBack<"alpha"> {
  /** Axes along which one slope serves all places, counted from 1. Default: none. */
  sharedAxes?: readonly number[];
}

/** A relu whose slope below 0 is learnt. */
export class PReLU extends Layer {
  /** One slope a place. */
  alpha: Tensor | undefined = undefined;
  readonly #options: PReLUOptions;

  constructor(options: PReLUOptions = {}) {
    super("PReLU", options);
    this.#options = options;
  }

  protected override make(input: Shape): void {
    const { sharedAxes = [] } = this.#options;
    const sizes = input.map((d, i) => (sharedAxes.includes(i + 1) ? 1 : d));
    this.alpha = this.named("alpha", sizes, "zeros");
  }

  protected override call(x: Tensor): Tensor {
    return x.relu().sub(this.alpha!.mul(x.neg().relu()));
  }
}

/**
 * `x` where it is positive, else `alpha · x` with a learnt `alpha` for each place.
 * @source Keras `PReLU`
 */
export const prelu = (options?: PReLUOptions): PReLU => new PReLU(options);
