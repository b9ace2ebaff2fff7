/** Layers that tell where things stand in a sequence, as Keras' models have them. */
import { CambiumError } from "../base/error.ts";
import { resolveAxis, type Shape, show } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import { maskOf } from "../module/mask.ts";
import { expectCount } from "../nn/input.ts";
import { arange, concat, fromArray } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { ReversibleEmbedding } from "./embedding.ts";
import { type HeldBack, type Initializer, Layer, type LayerOptions } from "./layer.ts";

/** What a layer of positions is told at one of its uses. */
export interface PositionCall {
  /** The place of the first position. Default 0. */
  startIndex?: number;
  /** The places themselves, `[positions]` or `[batch, positions]`. Default: one after another from `startIndex`. */
  positions?: Tensor;
}

/** The places of `length` positions, `[1 or batch, length]`. */
function placesOf(where: string, length: number, { startIndex = 0, positions }: PositionCall): Tensor {
  if (!positions) return arange(startIndex, startIndex + length).expandDims(0);
  if (positions.rank > 2 || positions.rank < 1 || positions.shape.at(-1) !== length)
    throw new CambiumError("shape", where, `positions are ${show(positions.shape)}; there are ${length} of them in a sequence`);
  return positions.rank === 1 ? positions.expandDims(0) : positions;
}

function expectSequence(where: string, input: Shape): void {
  if (input.length < 2) throw new CambiumError("shape", where, `expects samples of [positions, features], got ${show(input)}`);
}

export interface SinePositionOptions extends LayerOptions {
  /** The longest wave, in 2π positions. Default 10000. */
  maxWavelength?: number;
}

/** Waves of every length for every position. */
export class SinePositionEncoding extends Layer {
  readonly #longest: number;

  constructor(options: SinePositionOptions = {}) {
    super("SinePositionEncoding", options);
    this.#longest = options.maxWavelength ?? 10000;
    if (!(this.#longest > 0)) throw new CambiumError("value", this.name, `maxWavelength is ${this.#longest}; it is a number above 0`);
  }

  protected override check(input: Shape): void {
    expectSequence(this.name, input);
  }

  protected override call(x: Tensor, options: PositionCall = {}): Tensor {
    const [length, features] = x.shape.slice(-2) as [number, number];
    const rates = Float32Array.from({ length: features }, (_, i) => this.#longest ** (-(i - (i % 2)) / features));
    const angles = placesOf(this.name, length, options).to("float32").expandDims(-1).mul(fromArray(rates));
    const even = fromArray(Float32Array.from({ length: features }, (_, i) => 1 - (i % 2))).greater(0);
    return even.where(angles.sin(), angles.cos()).broadcast(x.shape);
  }
}

/**
 * Waves of every length for every position, to be added to a sequence: sines at even features, cosines at odd ones.
 * @shape `[batch, positions, features]` → the same
 * @source KerasHub `SinePositionEncoding`; Vaswani et al. (2017)
 * @example
 * ```ts
 * const x = input({ shape: [16, 64] });
 * const y = layers.add().apply([x, layers.sinePositionEncoding().apply(x)]);
 * ```
 */
export const sinePositionEncoding = (options?: SinePositionOptions): SinePositionEncoding => new SinePositionEncoding(options);

export interface PositionEmbeddingOptions extends LayerOptions {
  /** The longest sequence. */
  sequenceLength: number;
  /** Default `"glorotUniform"`. */
  initializer?: Initializer;
}

/** A learnt row of numbers for every position. */
export class PositionEmbedding extends Layer {
  /** [sequenceLength, features] */
  embeddings: Tensor | undefined = undefined;
  readonly #options: PositionEmbeddingOptions;

  constructor(options: PositionEmbeddingOptions) {
    super("PositionEmbedding", options);
    expectCount(this.name, "sequenceLength", options.sequenceLength);
    this.#options = options;
  }

  protected override check(input: Shape): void {
    expectSequence(this.name, input);
    const features = this.embeddings?.shape[1];
    if (features !== undefined && features !== input.at(-1))
      throw new CambiumError("shape", this.name, `expects ${features} features, got samples of ${show(input)}`);
  }

  protected override make(input: Shape): void {
    const { sequenceLength, initializer = "glorotUniform" } = this.#options;
    this.embeddings = this.weight([sequenceLength, input.at(-1)!], { initializer });
  }

  protected override call(x: Tensor, options: PositionCall = {}): Tensor {
    const [length, features] = x.shape.slice(-2) as [number, number];
    const { startIndex = 0, positions } = options;
    const { sequenceLength } = this.#options;
    if (!positions && startIndex + length > sequenceLength)
      throw new CambiumError(
        "shape",
        this.name,
        `positions go up to ${startIndex + length}, there are ${sequenceLength}`,
        "make it with a larger sequenceLength",
      );
    const rows = positions
      ? this.embeddings!.gather(placesOf(this.name, length, options).to("int32"), 0)
      : this.embeddings!.slice([startIndex, 0], [startIndex + length, features]);
    return rows.broadcast(x.shape);
  }
}

/**
 * A learnt row of numbers for every position, to be added to a sequence.
 * @shape `[batch, positions, features]` → the same
 * @source KerasHub `PositionEmbedding`
 */
export const positionEmbedding = (
  length: number | PositionEmbeddingOptions,
  options: Omit<PositionEmbeddingOptions, "sequenceLength"> = {},
): PositionEmbedding => new PositionEmbedding(typeof length === "object" ? length : { ...options, sequenceLength: length });

export interface TokenAndPositionOptions extends LayerOptions, HeldBack<"embeddings"> {
  /** How many different tokens there are, counted from 0. */
  vocabularySize: number;
  /** The longest sequence. */
  sequenceLength: number;
  /** How many numbers stand for each. */
  embeddingDim: number;
  /** Whether the way back from numbers to tokens goes by the same weights. Default `true`. */
  tieWeights?: boolean;
  /** Whether token 0 stands for nothing. Default `false`. */
  maskZero?: boolean;
}

/** Learnt numbers for each token and for each position, added up. */
export class TokenAndPositionEmbedding extends Layer {
  readonly tokenEmbedding: ReversibleEmbedding;
  readonly positionEmbedding: PositionEmbedding;

  constructor(options: TokenAndPositionOptions) {
    super("TokenAndPositionEmbedding", options);
    const { vocabularySize, sequenceLength, embeddingDim, tieWeights = true, maskZero = false, embeddingsInitializer: start = "randomUniform" } = options;
    this.tokenEmbedding = new ReversibleEmbedding({ inputDim: vocabularySize, outputDim: embeddingDim, tieWeights, maskZero, embeddingsInitializer: start });
    this.positionEmbedding = new PositionEmbedding({ sequenceLength, initializer: start });
  }

  override get takesIndices(): boolean {
    return true;
  }

  protected override make(input: Shape): void {
    this.positionEmbedding.build(this.tokenEmbedding.build(input));
  }

  protected override maskFor(x: Tensor): Tensor | undefined {
    return maskOf(this.tokenEmbedding.forward(x));
  }

  protected override call(x: Tensor, options?: PositionCall): Tensor {
    const tokens = this.tokenEmbedding.forward(x);
    return tokens.add(this.positionEmbedding.forward(tokens, ...(options ? [options as Record<string, unknown>] : [])));
  }
}

/**
 * Learnt numbers for each token and for each position, added up: where a transformer begins.
 * @shape `[batch, positions]` of whole numbers → `[batch, positions, embeddingDim]`
 * @source KerasHub `TokenAndPositionEmbedding`
 */
export const tokenAndPositionEmbedding = (options: TokenAndPositionOptions): TokenAndPositionEmbedding => new TokenAndPositionEmbedding(options);

const ropes = ["linear", "dynamic", "yarn"] as const;

export interface RotaryOptions extends LayerOptions {
  /** The longest wave, in 2π positions. Default 10000. */
  maxWavelength?: number;
  /** How many times longer sequences are than those a model has learnt from. Default 1. */
  scalingFactor?: number;
  /** How `scalingFactor` makes waves longer: all alike, by the number of features, or the long ones only. Default `"linear"`. */
  ropeType?: (typeof ropes)[number];
  /** For `"yarn"`: waves that turn this often along a learnt sequence, or more, stay. Default 32. */
  betaFast?: number;
  /** For `"yarn"`: waves that turn this often, or less, are stretched. Default 1. */
  betaSlow?: number;
  /** For `"yarn"`: how long learnt sequences were. Default 4096. */
  originalMaxPositionEmbeddings?: number;
  /** For `"yarn"`: whether the ends between are whole features. Default `true`. */
  truncate?: boolean;
  /** Default 1. */
  sequenceAxis?: number;
  /** Default −1. */
  featureAxis?: number;
  /** The number of features that wavelengths go by. Default: what there are. */
  denominatorDim?: number;
}

/** Pairs of features turned by angles that grow with the position. */
export class RotaryEmbedding extends Layer {
  readonly #options: RotaryOptions;

  constructor(options: RotaryOptions = {}) {
    super("RotaryEmbedding", options);
    const { ropeType = "linear", maxWavelength = 10000, scalingFactor = 1 } = options;
    if (!ropes.includes(ropeType)) throw unknownName(this.name, "ropeType", String(ropeType), ropes);
    for (const [name, value] of Object.entries({ maxWavelength, scalingFactor }))
      if (!(value > 0)) throw new CambiumError("value", this.name, `${name} is ${value}; it is a number above 0`);
    this.#options = options;
  }

  #axes(rank: number): [sequence: number, feature: number] {
    const { sequenceAxis = 1, featureAxis = -1 } = this.#options;
    const [sequence, feature] = [resolveAxis(this.name, sequenceAxis, rank), resolveAxis(this.name, featureAxis, rank)];
    if (sequence === feature) throw new CambiumError("value", this.name, `sequenceAxis and featureAxis are both ${sequence}; they differ`);
    return [sequence, feature];
  }

  protected override check(input: Shape): void {
    expectSequence(this.name, input);
    const [, feature] = this.#axes(input.length + 1);
    const features = [1, ...input][feature]!;
    if (features % 2 !== 0)
      throw new CambiumError("shape", this.name, `features turn in pairs, so there must be an even number of them; got samples of ${show(input)}`);
  }

  /** How fast each of `features / 2` pairs turns. @source KerasHub; Peng et al., "YaRN" (2023) */
  #rates(features: number): Float32Array {
    const { maxWavelength: base = 10000, scalingFactor: scale = 1, ropeType = "linear", denominatorDim = features } = this.#options;
    const rate = (i: number, over: number): number => base ** ((-2 * i) / over);
    if (ropeType === "linear") return Float32Array.from({ length: features / 2 }, (_, i) => rate(i, denominatorDim) / scale);
    if (ropeType === "dynamic")
      return Float32Array.from({ length: features / 2 }, (_, i) => rate(i, denominatorDim) / scale ** (features / Math.max(1, features - 2)));
    const { betaFast = 32, betaSlow = 1, originalMaxPositionEmbeddings: learnt = 4096, truncate = true } = this.#options;
    const end = (turns: number): number => (features * Math.log(learnt / (turns * 2 * Math.PI))) / (2 * Math.log(base));
    const [first, last] = truncate ? [Math.floor(end(betaFast)), Math.ceil(end(betaSlow))] : [end(betaFast), end(betaSlow)];
    const [low, high] = [Math.max(first, 0), Math.min(last, features - 1)];
    return Float32Array.from({ length: features / 2 }, (_, i) => {
      const stretched = Math.min(Math.max((i - low) / Math.max(high - low, 1e-3), 0), 1);
      return (stretched * rate(i, features)) / scale + (1 - stretched) * rate(i, features);
    });
  }

  protected override call(x: Tensor, options: PositionCall = {}): Tensor {
    const { ropeType, scalingFactor = 1 } = this.#options;
    const [sequence, feature] = this.#axes(x.rank);
    const [length, features] = [x.shape[sequence]!, x.shape[feature]!];
    const places = placesOf(this.name, length, options).to("float32");
    const angles = places.expandDims(-1).mul(fromArray(this.#rates(features)));
    // A factor that keeps scores as sharp as in sequences of the learnt length.
    const factor = ropeType === "yarn" ? 0.1 * Math.log(scalingFactor) + 1 : 1;
    const beside = (y: Tensor): Tensor => {
      const shape = x.shape.map((_, i) => (i === 0 ? y.shape[0]! : i === sequence ? length : i === feature ? features / 2 : 1));
      return (sequence < feature ? y : y.transpose(1, 2)).reshape(shape).mul(factor);
    };
    const [cos, sin] = [beside(angles.cos()), beside(angles.sin())];
    const [a, b] = x.split(2, feature) as [Tensor, Tensor];
    return concat([a.mul(cos).sub(b.mul(sin)), b.mul(cos).add(a.mul(sin))], feature);
  }
}

/**
 * Pairs of features, each of the first half with one of the second, turned by angles that grow with the position, so that products of queries and keys depend on how far apart they are.
 * @shape `[batch, positions, ..., features]` → the same
 * @source KerasHub `RotaryEmbedding`; Su et al., "RoFormer" (2021)
 */
export const rotaryEmbedding = (options?: RotaryOptions): RotaryEmbedding => new RotaryEmbedding(options);
