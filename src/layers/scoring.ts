/** Attention without projections: only how well queries and keys match. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { maskOf } from "../module/mask.ts";
import { scaledDotProductAttention } from "../nn/attention.ts";
import { causalMask } from "../nn/heads.ts";
import { drop } from "../nn/dropout.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Layer, type LayerOptions } from "./layer.ts";

export interface ScoringOptions extends LayerOptions {
  /** Learns what scores are multiplied by. Default: `false` for `attention`, `true` for `additiveAttention`. */
  useScale?: boolean;
  /** The chance that a share is put to 0 in training. Default 0. */
  dropout?: number;
}

export interface AttentionOptions extends ScoringOptions {
  /** `"dot"`: a query's product with a key; `"concat"`: the sum of the tanh of their sum. Default `"dot"`. */
  scoreMode?: "dot" | "concat";
}

/** What such an attention is told at one of its uses. */
export interface ScoringCall {
  /** Bool [batch, queries] and [batch, keys]: true for positions that count. Default: the masks that came with query and value. */
  mask?: readonly [query: Tensor | null | undefined, value: Tensor | null | undefined];
  /** Whether position i looks at positions 0 to i only. Default `false`. */
  useCausalMask?: boolean;
  /** Whether the shares are returned too. Default `false`. */
  returnAttentionScores?: boolean;
}

abstract class Scoring extends Layer {
  readonly #dropout: number;

  constructor(className: string, options: ScoringOptions) {
    super(className, options);
    this.#dropout = options.dropout ?? 0;
    if (!(this.#dropout >= 0 && this.#dropout < 1)) throw new CambiumError("value", this.name, `dropout is ${this.#dropout}; it is a chance from 0 to below 1`);
  }

  override get takesMany(): boolean {
    return true;
  }

  protected abstract scores(query: Tensor, key: Tensor): Tensor;

  /** All at once, where the engine may never write the shares down. */
  protected whole(_query: Tensor, _key: Tensor, _value: Tensor, _isCausal: boolean): Tensor | undefined {
    return undefined;
  }

  protected override check(...inputs: Shape[]): void {
    if (inputs.length < 2 || inputs.length > 3)
      throw new CambiumError(
        "value",
        this.name,
        `takes query and value, and a key where it is not the value; got ${inputs.length} input`,
        "give a list: apply([query, value])",
      );
    const [query, value, key = value] = inputs as [Shape, Shape, Shape?];
    if (query.length !== 2 || value.length !== 2 || key.length !== 2 || query[1] !== key[1] || key[0] !== value[0])
      throw new CambiumError(
        "shape",
        this.name,
        `query is ${show(query)}, value is ${show(value)}, key is ${show(key)}; expected samples of [queries, n], [keys, any], [keys, n]`,
      );
  }

  protected override call(...given: [Tensor, ...unknown[]]): Tensor | readonly Tensor[] {
    const last = given.at(-1) as object;
    const plain = Object.getPrototypeOf(last) === Object.prototype;
    const [query, value, key = value] = (plain ? given.slice(0, -1) : given) as [Tensor, Tensor, Tensor?];
    const { mask: [ofQuery, ofValue] = [maskOf(query), maskOf(value)], useCausalMask, returnAttentionScores } = (plain ? last : {}) as ScoringCall;
    const batch = query.shape[0]!;
    // A layer is built with a single sample.
    const own = (mask: Tensor): Tensor => (batch === 1 && mask.shape[0] !== 1 ? mask.slice([0], [1]) : mask).to("bool");
    const direct =
      !ofValue && !returnAttentionScores && !(this.training && this.#dropout > 0) ? this.whole(query, key, value, useCausalMask ?? false) : undefined;
    if (direct) return ofQuery ? direct.mul(own(ofQuery).to("float32").expandDims(2)) : direct;
    let scores = this.scores(query, key);
    let open: Tensor | undefined = ofValue ? own(ofValue).expandDims(1) : undefined;
    if (useCausalMask) {
      const back = causalMask(query.shape[1]!, key.shape[1]!);
      open = open ? open.logicalAnd(back) : back;
    }
    if (open) scores = open.where(scores, scores.sub(1e9));
    const shares = scores.softmax(-1);
    const mixed = (this.training ? drop(shares, this.#dropout) : shares).matmul(value);
    const out = ofQuery ? mixed.mul(own(ofQuery).to("float32").expandDims(2)) : mixed;
    return returnAttentionScores ? [out, shares] : out;
  }

  protected override maskFor(query: Tensor): Tensor | undefined {
    return maskOf(query);
  }
}

/** Values mixed by how well queries match keys. */
export class Attention extends Scoring {
  scale: Tensor | undefined = undefined;
  concatScoreWeight: Tensor | undefined = undefined;
  readonly #options: AttentionOptions;

  constructor(options: AttentionOptions = {}) {
    super("Attention", options);
    const { scoreMode = "dot" } = options;
    if (scoreMode !== "dot" && scoreMode !== "concat")
      throw new CambiumError("name", this.name, `scoreMode is "dot" or "concat", got ${JSON.stringify(scoreMode)}`);
    this.#options = options;
  }

  protected override make(): void {
    if (this.#options.useScale) this.scale = this.weight([], { initializer: "ones" });
    if (this.#options.scoreMode === "concat") this.concatScoreWeight = this.weight([], { initializer: "ones" });
  }

  protected override whole(query: Tensor, key: Tensor, value: Tensor, isCausal: boolean): Tensor | undefined {
    if (this.concatScoreWeight) return undefined;
    return scaledDotProductAttention(this.scale ? query.mul(this.scale) : query, key, value, { isCausal, scale: 1 });
  }

  protected override scores(query: Tensor, key: Tensor): Tensor {
    const scaled = (x: Tensor): Tensor => (this.scale ? x.mul(this.scale) : x);
    if (!this.concatScoreWeight) return scaled(query.matmul(key.transpose()));
    return scaled(query.expandDims(2).add(key.expandDims(1)))
      .tanh()
      .sum(-1)
      .mul(this.concatScoreWeight);
  }
}

/**
 * Values mixed by how well queries match keys, by product (Luong) or by the tanh of a sum. Applied to query and value, and to a key where it is not the value; at each use one may ask for
 * `{ mask, useCausalMask, returnAttentionScores }`.
 *
 * @shape query `[batch, queries, n]`, value `[batch, keys, m]` → `[batch, queries, m]`, and shares `[batch, queries, keys]`
 * @source Keras `Attention`; Luong, Pham and Manning (2015)
 */
export const attention = (options?: AttentionOptions): Attention => new Attention(options);

/** Values mixed by the tanh of the sum of queries and keys. */
export class AdditiveAttention extends Scoring {
  /** [features] */
  scale: Tensor | undefined = undefined;
  readonly #useScale: boolean;

  constructor(options: ScoringOptions = {}) {
    super("AdditiveAttention", options);
    this.#useScale = options.useScale ?? true;
  }

  protected override make(query: Shape): void {
    if (this.#useScale) this.scale = this.weight([query[1]!], { initializer: "glorotUniform" });
  }

  protected override scores(query: Tensor, key: Tensor): Tensor {
    const bent = query.expandDims(2).add(key.expandDims(1)).tanh();
    return (this.scale ? bent.mul(this.scale) : bent).sum(-1);
  }
}

/**
 * Values mixed by how well queries match keys, as a network of one layer says. Used as `attention` is.
 *
 * @shape query `[batch, queries, n]`, value `[batch, keys, m]` → `[batch, queries, m]`, and shares `[batch, queries, keys]`
 * @source Keras `AdditiveAttention`; Bahdanau, Cho and Bengio (2014)
 */
export const additiveAttention = (options?: ScoringOptions): AdditiveAttention => new AdditiveAttention(options);
