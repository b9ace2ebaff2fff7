/** Attention with projections of its own, as Keras has it. */
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { maskOf } from "../module/mask.ts";
import { attentionShares } from "../nn/attention.ts";
import { causalMask } from "../nn/heads.ts";
import { drop } from "../nn/dropout.ts";
import { expectCount } from "../nn/input.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Initializer, Layer, type LayerOptions } from "./layer.ts";
import type { Regularizer } from "./regularizers.ts";

/** What layers of attention share. */
export interface HeadsOptions extends LayerOptions {
  /** The chance that a share is put to 0 in training. Default 0. */
  dropout?: number;
  /** Adds biases to the projections. Default `true`. */
  useBias?: boolean;
  /** Default `"glorotUniform"`. */
  kernelInitializer?: Initializer;
  /** Default `"zeros"`. */
  biasInitializer?: Initializer;
  kernelRegularizer?: string | Regularizer;
  biasRegularizer?: string | Regularizer;
}

export interface MultiHeadAttentionOptions extends HeadsOptions {
  numHeads: number;
  /** Features of a head's queries and keys. */
  keyDim: number;
  /** Features of a head's values. Default: keyDim. */
  valueDim?: number;
  /** Features that come out. Default: as many as queries have. */
  outputSize?: number;
}

export interface GroupQueryAttentionOptions extends HeadsOptions {
  /** Features of a head. */
  headDim: number;
  numQueryHeads: number;
  numKeyValueHeads: number;
}

/** What an attention is told at one of its uses. */
export interface AttentionCall {
  /** Bool [batch, queries, keys]: true where a query may look; or [queries, keys], or one for each head. */
  attentionMask?: Tensor;
  /** Whether position i looks at positions 0 to i only. Default `false`. */
  useCausalMask?: boolean;
  /** Whether the shares are returned too. Default `false`. */
  returnAttentionScores?: boolean;
}

/** A linear map between features and heads of features. */
class Projection extends Module {
  kernel: Tensor;
  bias: Tensor | undefined;

  constructor(kernel: Tensor, bias: Tensor | undefined) {
    super();
    this.kernel = kernel;
    this.bias = bias;
  }

  /** [batch, positions, features] → [batch, heads, positions, features of a head] */
  forward(x: Tensor): Tensor {
    const [size, heads, features] = this.kernel.shape as [number, number, number];
    const flat = x.matmul(this.kernel.reshape([size, heads * features]));
    const y = this.bias ? flat.add(this.bias.reshape([heads * features])) : flat;
    return y.reshape([x.shape[0]!, x.shape[1]!, heads, features]).permute([0, 2, 1, 3]);
  }

  /** The other way. */
  back(x: Tensor): Tensor {
    const [batch, heads, length, features] = x.shape as [number, number, number, number];
    const joined = x.permute([0, 2, 1, 3]).reshape([batch, length, heads * features]);
    const y = joined.matmul(this.kernel.reshape([heads * features, this.kernel.shape[2]!]));
    return this.bias ? y.add(this.bias) : y;
  }
}

/** Low enough to leave no share, and yet a number, so that a query that may look at nothing looks everywhere alike. */
const hidden = -2.38e38;

/** Which keys may be looked at by the masks that came with the inputs, for scores [batch, heads, queries, keys]. */
function openSteps(query: Tensor, value: Tensor, key: Tensor): Tensor | undefined {
  const [q, v, k] = [maskOf(query)?.expandDims([1, 3]), maskOf(value)?.expandDims([1, 2]), key === value ? undefined : maskOf(key)?.expandDims([1, 2])];
  const shared = v && k ? v.logicalAnd(k) : (v ?? k);
  return q && shared ? q.logicalAnd(shared) : (q ?? shared);
}

/** The mask of one use, for scores [batch, heads, queries, keys]. `steps`: where the inputs' own masks let it look. */
function openFor(
  where: string,
  steps: Tensor | undefined,
  { attentionMask: mask, useCausalMask }: AttentionCall,
  [batch, queries, keys]: [number, number, number],
): Tensor | undefined {
  const causal = useCausalMask ? causalMask(queries, keys) : undefined;
  if (!mask) return steps && causal ? steps.logicalAnd(causal) : steps;
  if (mask.rank < 2 || mask.rank > 4)
    throw new CambiumError("shape", where, `attentionMask is ${show(mask.shape)}; expected [batch, queries, keys] = ${show([batch, queries, keys])}`);
  // A layer is built with a single sample.
  const own = mask.rank > 2 && batch === 1 && mask.shape[0] !== 1 ? mask.slice([0], [1]) : mask;
  const wide = own.rank === 2 ? own.expandDims([0, 1]) : own.rank === 3 ? own.expandDims(1) : own;
  const open = wide.to("bool");
  return [steps, causal].reduce<Tensor>((all, one) => (one ? all.logicalAnd(one) : all), open);
}

/** What the two attentions with projections share. */
abstract class Heads extends Layer {
  query: Projection | undefined = undefined;
  key: Projection | undefined = undefined;
  value: Projection | undefined = undefined;
  attentionOutput: Projection | undefined = undefined;
  readonly #heads: HeadsOptions;

  constructor(className: string, options: HeadsOptions) {
    super(className, options);
    const { dropout = 0 } = options;
    if (!(dropout >= 0 && dropout < 1)) throw new CambiumError("value", this.name, `dropout is ${dropout}; it is a chance from 0 to below 1`);
    this.#heads = options;
  }

  override get takesMany(): boolean {
    return true;
  }

  /** Heads and features of queries, of keys and of values, and features that come out. */
  protected abstract sizes(input: Shape): { query: Shape; key: Shape; value: Shape; out: number };

  protected override check(...inputs: Shape[]): void {
    if (inputs.length < 2 || inputs.length > 3)
      throw new CambiumError(
        "value",
        this.name,
        `takes query and value, and a key where it is not the value; got ${inputs.length} input`,
        "for attention to itself: apply([x, x])",
      );
    const flat = inputs.find((shape) => shape.length !== 2);
    if (flat) throw new CambiumError("shape", this.name, `expects samples of [positions, features], got ${show(flat)}`);
    const [, value, key = value] = inputs as [Shape, Shape, Shape?];
    if (key[0] !== value[0]) throw new CambiumError("shape", this.name, `there are ${key[0]} keys and ${value[0]} values; each key needs a value`);
  }

  protected override make(query: Shape, value: Shape, key: Shape = value): void {
    const { useBias = true, kernelInitializer = "glorotUniform", biasInitializer = "zeros", kernelRegularizer, biasRegularizer } = this.#heads;
    const made = (kernel: Shape, bias: Shape): Projection =>
      new Projection(
        this.weight(kernel, { initializer: kernelInitializer, regularizer: kernelRegularizer }),
        useBias ? this.weight(bias, { initializer: biasInitializer, regularizer: biasRegularizer }) : undefined,
      );
    const sizes = this.sizes(query);
    this.query = made([query[1]!, ...sizes.query], sizes.query);
    this.key = made([key[1]!, ...sizes.key], sizes.key);
    this.value = made([value[1]!, ...sizes.value], sizes.value);
    this.attentionOutput = made([sizes.query[0]!, sizes.value[1]!, sizes.out], [sizes.out]);
  }

  protected override maskFor(query: Tensor): Tensor | undefined {
    return maskOf(query);
  }

  protected override call(...given: [Tensor, ...unknown[]]): Tensor | readonly Tensor[] {
    const last = given.at(-1) as object;
    const plain = Object.getPrototypeOf(last) === Object.prototype;
    const options = (plain ? last : {}) as AttentionCall;
    const [query, value, key = value] = (plain ? given.slice(0, -1) : given) as [Tensor, Tensor, Tensor?];
    const [q, k, v] = [this.query!.forward(query), this.key!.forward(key), this.value!.forward(value)];
    const mask = openFor(this.name, openSteps(query, value, key), options, [q.shape[0]!, q.shape[2]!, k.shape[2]!]);
    const all = attentionShares(this.name, q, k, v, { mask, isCausal: options.useCausalMask === true && !mask, enableGqa: true, hidden });
    // Keras' shares are 0 where nothing may be looked at; where it makes none, such a query looks everywhere alike.
    const shown = options.returnAttentionScores || (this.#heads.dropout ?? 0) > 0;
    const shares = mask && shown ? mask.where(all, 0) : all;
    const kept = this.training ? drop(shares, this.#heads.dropout ?? 0) : shares;
    const [heads, groups] = [q.shape[1]!, v.shape[1]!];
    const [batch, queries, keys] = [q.shape[0]!, q.shape[2]!, k.shape[2]!];
    const mixed =
      heads === groups
        ? kept.matmul(v)
        : kept
            .reshape([batch, groups, heads / groups, queries, keys])
            .matmul(v.expandDims(2))
            .reshape([batch, heads, queries, -1]);
    const out = this.attentionOutput!.back(mixed);
    return options.returnAttentionScores ? [out, shares] : out;
  }
}

/** Several attentions side by side, each on its own projection of queries, keys and values. */
export class MultiHeadAttention extends Heads {
  readonly #options: MultiHeadAttentionOptions;

  constructor(options: MultiHeadAttentionOptions) {
    super("MultiHeadAttention", options);
    expectCount(this.name, "numHeads", options.numHeads);
    expectCount(this.name, "keyDim", options.keyDim);
    expectCount(this.name, "valueDim", options.valueDim ?? 1);
    this.#options = options;
  }

  protected override sizes(input: Shape): { query: Shape; key: Shape; value: Shape; out: number } {
    const { numHeads, keyDim, valueDim = keyDim, outputSize = input[1]! } = this.#options;
    return { query: [numHeads, keyDim], key: [numHeads, keyDim], value: [numHeads, valueDim], out: outputSize };
  }
}

/**
 * Several attentions side by side, each on its own projection of queries, keys and values. Applied to query and value, and to a key where it is not the value; at each use one may ask for
 * `{ attentionMask, useCausalMask, returnAttentionScores }`.
 *
 * @shape query `[batch, queries, features]`, value `[batch, keys, features]` → `[batch, queries, features]`, and shares `[batch, numHeads, queries, keys]`
 * @source Keras `MultiHeadAttention`, start values included
 * @example
 * ```ts
 * const x = input({ shape: [16, 64] });
 * const y = layers.multiHeadAttention({ numHeads: 4, keyDim: 16 }).apply([x, x], { useCausalMask: true });
 * ```
 */
export const multiHeadAttention = (options: MultiHeadAttentionOptions): MultiHeadAttention => new MultiHeadAttention(options);

/** Attention in which several heads of queries share a head of keys and values. */
export class GroupQueryAttention extends Heads {
  readonly #options: GroupQueryAttentionOptions;

  constructor(options: GroupQueryAttentionOptions) {
    super("GroupedQueryAttention", options);
    const { headDim, numQueryHeads, numKeyValueHeads } = options;
    for (const [name, count] of Object.entries({ headDim, numQueryHeads, numKeyValueHeads })) expectCount(this.name, name, count);
    if (numQueryHeads % numKeyValueHeads !== 0)
      throw new CambiumError("value", this.name, `${numQueryHeads} heads of queries cannot share ${numKeyValueHeads} heads of keys and values evenly`);
    this.#options = options;
  }

  protected override sizes(input: Shape): { query: Shape; key: Shape; value: Shape; out: number } {
    const { headDim, numQueryHeads, numKeyValueHeads } = this.#options;
    return { query: [numQueryHeads, headDim], key: [numKeyValueHeads, headDim], value: [numKeyValueHeads, headDim], out: input[1]! };
  }
}

/**
 * Attention in which several heads of queries share a head of keys and values. It is applied as `multiHeadAttention` is.
 *
 * @shape query `[batch, queries, features]`, value `[batch, keys, features]` → `[batch, queries, features]`, and shares `[batch, numQueryHeads, queries, keys]`
 * @source Keras `GroupQueryAttention`, start values included; Ainslie et al. (2023)
 */
export const groupQueryAttention = (options: GroupQueryAttentionOptions): GroupQueryAttention => new GroupQueryAttention(options);
