/** Layers that make numbers ready for a model: scaled, measured, counted. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, type Shape, show, size } from "../base/shape.ts";
import { expectCount } from "../nn/input.ts";
import { asTensor, fromArray, ones, type TensorLike, zeros } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { encoded, type OutputMode, outputMode } from "./encoding.ts";
import { Layer, type LayerOptions } from "./layer.ts";

export interface RescalingOptions extends LayerOptions {
  scale: number | readonly number[];
  /** Default 0. */
  offset?: number | readonly number[];
}

const operand = (given: number | readonly number[]): Tensor | number => (typeof given === "number" ? given : fromArray(Float32Array.from(given)));

/** Every number times a factor, plus an offset. */
export class Rescaling extends Layer {
  readonly #options: RescalingOptions;

  constructor(options: RescalingOptions) {
    super("Rescaling", options);
    for (const [name, value] of Object.entries({ scale: options.scale, offset: options.offset ?? 0 }))
      if (![value].flat().every(Number.isFinite))
        throw new CambiumError("value", this.name, `${name} is ${JSON.stringify(value)}; it is a number, or a list of them`);
    this.#options = options;
  }

  protected override call(x: Tensor): Tensor {
    return x.mul(operand(this.#options.scale)).add(operand(this.#options.offset ?? 0));
  }
}

/**
 * `scale · x + offset`.
 * @shape `[batch, ...]` → the same
 * @source Keras `Rescaling`
 */
export const rescaling = (scale: RescalingOptions["scale"] | RescalingOptions, options: Omit<RescalingOptions, "scale"> = {}): Rescaling =>
  new Rescaling(typeof scale === "object" && !Array.isArray(scale) ? (scale as RescalingOptions) : { ...options, scale: scale as number });

export interface NormalizationLayerOptions extends LayerOptions {
  /** The axis of the features, each of which has its own mean; `null` for one mean of all. Default −1. */
  axis?: number | null;
  /** With `variance`, in place of `adapt`. */
  mean?: number | readonly number[];
  variance?: number | readonly number[];
  /** Goes back from mean 0 and variance 1. Default `false`. */
  invert?: boolean;
}

/** Mean 0 and variance 1 in each feature, by what data measured before. */
export class Normalization extends Layer {
  mean: Tensor | undefined = undefined;
  variance: Tensor | undefined = undefined;
  readonly #options: NormalizationLayerOptions;

  constructor(options: NormalizationLayerOptions = {}) {
    super("Normalization", options);
    if ((options.mean === undefined) !== (options.variance === undefined))
      throw new CambiumError(
        "value",
        this.name,
        `${options.mean === undefined ? "mean" : "variance"} is missing: both are given, or neither and adapt is called`,
      );
    this.#options = options;
  }

  /** Measures `data`, a batch of samples. */
  adapt(data: TensorLike): this {
    const x = asTensor(data).to("float32");
    this.build(x.shape.slice(1));
    const axis = this.#axis(x.rank);
    const over = x.shape.map((_, i) => i).filter((i) => i !== axis);
    this.mean!.assign(x.mean(over));
    this.variance!.assign(x.variance(over, { correction: 0 }));
    return this;
  }

  protected override make(input: Shape): void {
    const axis = this.#axis(input.length + 1);
    const shape = axis === undefined ? [] : [input[axis - 1]!];
    const { mean, variance } = this.#options;
    const given = (numbers: number | readonly number[]): Tensor => {
      const list = [numbers].flat() as number[];
      if (list.length !== 1 && list.length !== size(shape))
        throw new CambiumError("shape", this.name, `${list.length} numbers are given for ${size(shape)} features`);
      return ones(shape).mul(fromArray(Float32Array.from(list), list.length === 1 ? [] : shape));
    };
    this.mean = mean === undefined ? zeros(shape) : given(mean);
    this.variance = variance === undefined ? ones(shape) : given(variance);
  }

  protected override check(input: Shape): void {
    const axis = this.#axis(input.length + 1);
    if (this.mean && axis !== undefined && input[axis - 1] !== this.mean.size)
      throw new CambiumError("shape", this.name, `has measured ${this.mean.size} features, got samples of ${show(input)}`);
  }

  protected override call(x: Tensor): Tensor {
    const axis = this.#axis(x.rank);
    const beside = (numbers: Tensor): Tensor => numbers.reshape(x.shape.map((d, i) => (i === axis ? d : 1)));
    const deviation = beside(this.variance!).sqrt().maximum(1e-7);
    return this.#options.invert ? x.mul(deviation).add(beside(this.mean!)) : x.sub(beside(this.mean!)).div(deviation);
  }

  #axis(rank: number): number | undefined {
    const { axis = -1 } = this.#options;
    if (axis === null) return undefined;
    const found = resolveAxis(this.name, axis, rank);
    if (found === 0) throw new CambiumError("shape", this.name, "axis 0 is the batch; features are along another");
    return found;
  }
}

/**
 * Mean 0 and variance 1 in each feature, by the mean and variance that `adapt(data)` measures or that are given.
 * @shape `[batch, ..., features]` → the same
 * @source Keras `Normalization`
 * @example
 * ```ts
 * const scale = layers.normalization();
 * scale.adapt(x);
 * const model = sequential([scale, layers.dense(1)]);
 * ```
 */
export const normalization = (options?: NormalizationLayerOptions): Normalization => new Normalization(options);

export interface CategoryEncodingOptions extends LayerOptions {
  /** How many categories there are, counted from 0. */
  numTokens: number;
  /** A row of zeros with a one for each category a sample has, or one row for each number, or how often each occurs. Default `"multiHot"`. */
  outputMode?: "multiHot" | "oneHot" | "count" | "multi_hot" | "one_hot";
}

/** What an encoding of categories is told at one of its uses. */
export interface CategoryCall {
  /** With `"count"`: what each number counts. Default 1. */
  countWeights?: Tensor;
}

/** Rows that say which categories a sample has. */
export class CategoryEncoding extends Layer {
  readonly #tokens: number;
  readonly #mode: OutputMode;

  constructor(options: CategoryEncodingOptions) {
    super("CategoryEncoding", options);
    expectCount(this.name, "numTokens", options.numTokens);
    this.#tokens = options.numTokens;
    this.#mode = outputMode(this.name, options.outputMode ?? "multiHot", ["multiHot", "oneHot", "count"]);
  }

  override get takesIndices(): boolean {
    return true;
  }

  protected override call(x: Tensor, { countWeights }: CategoryCall = {}): Tensor {
    return x.rank < 2 && this.#mode !== "oneHot" ? x.to("int32").oneHot(this.#tokens) : encoded(x, this.#mode, this.#tokens, countWeights);
  }
}

/**
 * Rows that say which categories a sample has.
 * @shape `[batch, n]` of whole numbers → `[batch, numTokens]`; with `"oneHot"`, `[batch, n, numTokens]`
 * @source Keras `CategoryEncoding`
 */
export const categoryEncoding = (tokens: number | CategoryEncodingOptions, options: Omit<CategoryEncodingOptions, "numTokens"> = {}): CategoryEncoding =>
  new CategoryEncoding(typeof tokens === "object" ? tokens : { ...options, numTokens: tokens });
