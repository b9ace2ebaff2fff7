/** Ways to tell an attention where things stand. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { range } from "../ops/gather.ts";
import { fromArray, stack } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Dropout } from "./dropout.ts";
import { Embedding } from "./embedding.ts";
import { expectCount, expectTensor, shown } from "./input.ts";
import { normal } from "./start.ts";

/**
 * Waves of every length for every position: sines at even features, cosines at odd ones, of wavelengths from 2π to 10000 · 2π.
 * @shape → [length, features]
 * @source Vaswani et al., "Attention is all you need" (2017), section 3.5
 */
export function sinusoidalPositions(length: number, features: number): Tensor {
  expectCount("sinusoidalPositions", "length", length);
  expectCount("sinusoidalPositions", "features", features);
  const out = new Float32Array(length * features);
  for (let at = 0; at < length; at++)
    for (let i = 0; i < features; i++) {
      const angle = at / 10000 ** ((i - (i % 2)) / features);
      out[at * features + i] = i % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  return fromArray(out, [length, features]);
}

/** What fixed and learnt positions share: a table whose rows are added to the positions of a sequence. */
abstract class Positions extends Module {
  readonly maxLen: number;

  constructor(maxLen: number) {
    super();
    expectCount(new.target.name, "maxLen", maxLen);
    this.maxLen = maxLen;
  }

  protected added(x: Tensor, table: Tensor): Tensor {
    const where = this.constructor.name;
    expectTensor(where, x);
    const [length, features] = [x.shape.at(-2), x.shape.at(-1)];
    if (length === undefined || features !== table.shape[1])
      throw new CambiumError("shape", where, `expected [..., positions, ${table.shape[1]}], got ${show(x.shape)}`);
    if (length > this.maxLen) throw new CambiumError("shape", where, `got ${length} positions, there are ${this.maxLen}`, "make it with a larger maxLen");
    return x.add(table.slice([0, 0], [length, features!]));
  }

  protected override describe(): string {
    return shown({ maxLen: this.maxLen });
  }
}

export interface PositionalEncodingOptions {
  /** Default 5000. */
  maxLen?: number;
  /** Default 0.1. */
  dropout?: number;
}

/**
 * Adds waves of every length, which say where each position is; then dropout.
 * @shape [..., positions, dModel] → the same
 * @source Vaswani et al. (2017), section 3.5
 */
export class PositionalEncoding extends Positions {
  /** Not kept among the numbers of a model: it follows from the sizes. */
  readonly #table: Tensor;
  dropout: Dropout;

  constructor(dModel: number, { maxLen = 5000, dropout = 0.1 }: PositionalEncodingOptions = {}) {
    super(maxLen);
    this.#table = sinusoidalPositions(maxLen, dModel);
    this.dropout = new Dropout(dropout);
  }

  forward(x: Tensor): Tensor {
    return this.dropout.forward(this.added(x, this.#table));
  }
}

/**
 * Adds a learnt vector to each position.
 * @shape [..., positions, dModel] → the same
 * @source Devlin et al., "BERT" (2018): starts spread by 0.02
 */
export class LearnedPositions extends Positions {
  /** [maxLen, dModel] */
  weight: Tensor;

  constructor(maxLen: number, dModel: number) {
    super(maxLen);
    expectCount("LearnedPositions", "dModel", dModel);
    this.weight = parameter(normal(0, 0.02)([maxLen, dModel], { in: 1, out: 1 }));
  }

  forward(x: Tensor): Tensor {
    return this.added(x, this.weight);
  }
}

export interface RotaryOptions {
  /** The longest wavelength, in 2π positions. Default 10000. */
  base?: number;
  /** Which features turn together: each of the first half with one of the second, or each with its neighbour. Default `"halves"`. */
  pairing?: "halves" | "neighbours";
}

/**
 * Turns pairs of features by angles that grow with the position, so that products of queries and keys depend on how far apart they are.
 * @shape [..., positions, features] → the same
 * @source Su et al., "RoFormer" (2021); pairs of halves as in LLaMA and GPT-NeoX, of neighbours as in the paper and GPT-J
 */
export class RotaryEmbedding extends Module {
  readonly features: number;
  readonly base: number;
  readonly pairing: "halves" | "neighbours";
  readonly #rates: Tensor;

  constructor(features: number, { base = 10000, pairing = "halves" }: RotaryOptions = {}) {
    super();
    expectCount("RotaryEmbedding", "features", features);
    if (features % 2 !== 0)
      throw new CambiumError("value", "RotaryEmbedding", `features turn in pairs, so there must be an even number of them; got ${features}`);
    if (pairing !== "halves" && pairing !== "neighbours")
      throw new CambiumError("value", "RotaryEmbedding", `pairing is "halves" or "neighbours", got ${JSON.stringify(pairing)}`);
    this.features = features;
    this.base = base;
    this.pairing = pairing;
    this.#rates = fromArray(Float32Array.from({ length: features / 2 }, (_, i) => base ** ((-2 * i) / features)));
  }

  /** `start`: the place of the first position; a cache's `position`, where there is one. */
  forward(x: Tensor, start?: Tensor | number): Tensor {
    expectTensor("RotaryEmbedding", x);
    const { features } = this;
    if (x.rank < 2 || x.shape.at(-1) !== features)
      throw new CambiumError("shape", "RotaryEmbedding", `expected [..., positions, ${features}], got ${show(x.shape)}`);
    const lead = x.shape.slice(0, -1);
    const counted = new Tensor(range([x.shape.at(-2)!], 0, "float32"));
    const angles = (start === undefined ? counted : counted.add(start)).expandDims(1).mul(this.#rates).to(x.dtype);
    const [cos, sin] = [angles.cos(), angles.sin()];
    const halves = this.pairing === "halves";
    const pairs = x.reshape(halves ? [...lead, 2, features / 2] : [...lead, features / 2, 2]);
    const axis = halves ? x.rank - 1 : x.rank;
    const [a, b] = pairs.split(2, axis).map((part) => part.squeeze(axis)) as [Tensor, Tensor];
    return stack([a.mul(cos).sub(b.mul(sin)), a.mul(sin).add(b.mul(cos))], axis).reshape(x.shape);
  }

  protected override describe(): string {
    return shown({ features: this.features, base: this.base, pairing: this.pairing });
  }
}

/**
 * How steeply each head's scores fall with distance: for 8 heads 1/2, 1/4, … 1/256; for numbers of heads between powers of two, steps of the next power fill in.
 * @source Press, Smith and Lewis, "Train short, test long" (2021), and its program
 */
export function alibiSlopes(heads: number): number[] {
  expectCount("alibiSlopes", "heads", heads);
  const even = (n: number): number[] => Array.from({ length: n }, (_, i) => 2 ** ((-8 * (i + 1)) / n));
  const power = 2 ** Math.floor(Math.log2(heads));
  return [...even(power), ...even(2 * power).filter((_, i) => i % 2 === 0)].slice(0, heads);
}

/**
 * What to add to scores so that they fall with distance: a `mask` for attention. The last query stands at the last key.
 * @shape → [heads, queries, keys]
 * @source Press, Smith and Lewis (2021)
 */
export function alibiBias(heads: number, queries: number, keys: number = queries): Tensor {
  const out = new Float32Array(heads * queries * keys);
  alibiSlopes(heads).forEach((slope, h) => {
    for (let i = 0; i < queries; i++) for (let j = 0; j < keys; j++) out[(h * queries + i) * keys + j] = -slope * Math.abs(j - (i + keys - queries));
  });
  return fromArray(out, [heads, queries, keys]);
}

export interface RelativeBiasOptions {
  /** How many distances are told apart. Default 32. */
  buckets?: number;
  /** From where on all distances are one. Default 128. */
  maxDistance?: number;
  /** Whether what comes after counts too; if not, it counts as distance 0. Default `true`. */
  bidirectional?: boolean;
}

/**
 * A learnt number for each head and distance, to be added to scores: near distances each have their own, far ones share.
 * @shape → [heads, queries, keys]
 * @source Raffel et al., "Exploring the limits of transfer learning" (2019): T5
 */
export class RelativePositionBias extends Module {
  readonly heads: number;
  readonly buckets: number;
  readonly maxDistance: number;
  readonly bidirectional: boolean;
  relativeAttentionBias: Embedding;

  constructor(heads: number, { buckets = 32, maxDistance = 128, bidirectional = true }: RelativeBiasOptions = {}) {
    super();
    for (const [name, count] of Object.entries({ heads, buckets, maxDistance })) expectCount("RelativePositionBias", name, count);
    this.heads = heads;
    this.buckets = buckets;
    this.maxDistance = maxDistance;
    this.bidirectional = bidirectional;
    this.relativeAttentionBias = new Embedding(buckets, heads);
  }

  /** The bucket of a key that stands `distance` behind a query (negative: before it). */
  bucket(distance: number): number {
    const count = this.bidirectional ? this.buckets / 2 : this.buckets;
    const side = this.bidirectional && distance > 0 ? count : 0;
    const far = this.bidirectional ? Math.abs(distance) : Math.max(0, -distance);
    const exact = Math.floor(count / 2);
    if (far < exact) return side + far;
    const along = Math.log(far / exact) / Math.log(this.maxDistance / exact);
    return side + Math.min(count - 1, exact + Math.floor(along * (count - exact)));
  }

  /** `start`: where the first query stands among the keys. */
  forward(queries: number, keys: number = queries, start = 0): Tensor {
    const places = new Int32Array(queries * keys);
    for (let i = 0; i < queries; i++) for (let j = 0; j < keys; j++) places[i * keys + j] = this.bucket(j - i - start);
    return this.relativeAttentionBias.forward(fromArray(places, [queries, keys])).permute([2, 0, 1]);
  }

  protected override describe(): string {
    return shown({ heads: this.heads, buckets: this.buckets, maxDistance: this.maxDistance, bidirectional: this.bidirectional });
  }
}
