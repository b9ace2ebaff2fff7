/** Attention with projections of its own, as Keras has it. */
import { CambiumError } from "../base/error.ts";
import { resolveAxes, same, type Shape, show, size } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { maskOf } from "../module/mask.ts";
import { attentionShares, scaledDotProductAttention } from "../nn/attention.ts";
import { causalMask } from "../nn/heads.ts";
import { drop } from "../nn/dropout.ts";
import { expectCount } from "../nn/input.ts";
import { arange } from "../tensor/create.ts";
import { repeat } from "../tensor/functions.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type HeldBack, Layer, type LayerOptions } from "./layer.ts";
import type { Regularizer } from "./regularizers.ts";

/** What layers of attention share; besides, how the projections begin (`"glorotUniform"` and `"zeros"`) and are held back. */
export interface HeadsOptions extends LayerOptions, HeldBack<"kernel" | "bias"> {
  /** The chance that a share is put to 0 in training. Default 0. */
  dropout?: number;
  /** Adds biases to the projections. Default `true`. */
  useBias?: boolean;
  /** Whether what comes out of each head goes through a gate that the query opens. Default `false`. */
  useGate?: boolean;
  /** Lets a query look at keys less than this many positions away only. Default: at all. */
  slidingWindow?: number;
  /** Has no effect: attention comes in blocks wherever the engine has a kernel for it and nobody asks for the shares. */
  flashAttention?: boolean;
  activityRegularizer?: string | Regularizer;
}

export interface MultiHeadAttentionOptions extends HeadsOptions {
  numHeads: number;
  /** Features of a head's queries and keys. */
  keyDim: number;
  /** Features of a head's values. Default: keyDim. */
  valueDim?: number;
  /** Features that come out, along one axis or several. Default: as many as queries have. */
  outputShape?: number | readonly number[];
  /** The axes whose positions look at each other; the others are looked along one by one. Default: all between batch and features. */
  attentionAxes?: number | readonly number[];
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

  /** The other way: [batch, heads, positions, features of a head] → [batch, positions, features]. */
  back(x: Tensor): Tensor {
    const [batch, heads, length, features] = x.shape as [number, number, number, number];
    const joined = x.permute([0, 2, 1, 3]).reshape([batch, length, heads * features]);
    const y = joined.matmul(this.kernel.reshape([heads * features, -1]));
    return this.bias ? y.add(this.bias.flatten()) : y;
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
  gate: Projection | undefined = undefined;
  value: Projection | undefined = undefined;
  attentionOutput: Projection | undefined = undefined;
  readonly #heads: HeadsOptions;

  constructor(className: string, options: HeadsOptions) {
    super(className, options);
    const { dropout = 0, slidingWindow } = options;
    if (!(dropout >= 0 && dropout < 1)) throw new CambiumError("value", this.name, `dropout is ${dropout}; it is a chance from 0 to below 1`);
    if (slidingWindow !== undefined) expectCount(this.name, "slidingWindow", slidingWindow);
    this.#heads = options;
  }

  override get takesMany(): boolean {
    return true;
  }

  /** Heads and features of queries, of keys and of values, and features that come out. */
  protected abstract sizes(input: Shape): { query: Shape; key: Shape; value: Shape; out: Shape };

  protected override check(...inputs: Shape[]): void {
    if (inputs.length < 2 || inputs.length > 3)
      throw new CambiumError(
        "value",
        this.name,
        `takes query and value, and a key where it is not the value; got ${inputs.length} input`,
        "for attention to itself: apply([x, x])",
      );
    const flat = inputs.find((shape) => shape.length !== inputs[0]!.length || shape.length < 2 || (shape.length > 2 && !this.manyAxes));
    if (flat) throw new CambiumError("shape", this.name, `expects samples of [positions, features], got ${show(flat)}`);
    const [, value, key = value] = inputs as [Shape, Shape, Shape?];
    if (!same(key.slice(0, -1), value.slice(0, -1)))
      throw new CambiumError("shape", this.name, `there are ${key.slice(0, -1)} keys and ${value.slice(0, -1)} values; each key needs a value`);
  }

  /** Whether samples may have several axes of positions. */
  protected get manyAxes(): boolean {
    return false;
  }

  protected override make(query: Shape, value: Shape, key: Shape = value): void {
    const { useBias = true, useGate = false, kernelInitializer = "glorotUniform", biasInitializer = "zeros" } = this.#heads;
    const { kernelRegularizer, biasRegularizer, kernelConstraint, biasConstraint } = this.#heads;
    const made = (kernel: Shape, bias: Shape): Projection =>
      new Projection(
        this.weight(kernel, { initializer: kernelInitializer, regularizer: kernelRegularizer, constraint: kernelConstraint }),
        useBias ? this.weight(bias, { initializer: biasInitializer, regularizer: biasRegularizer, constraint: biasConstraint }) : undefined,
      );
    const sizes = this.sizes(query);
    const heads = sizes.query[0]!;
    this.query = made([query.at(-1)!, ...sizes.query], sizes.query);
    this.key = made([key.at(-1)!, ...sizes.key], sizes.key);
    if (useGate) this.gate = made([query.at(-1)!, heads, sizes.value[1]!], [heads, sizes.value[1]!]);
    this.value = made([value.at(-1)!, ...sizes.value], sizes.value);
    this.attentionOutput = made([heads, sizes.value[1]!, ...sizes.out], sizes.out);
  }

  protected override maskFor(query: Tensor): Tensor | undefined {
    return maskOf(query);
  }

  protected override call(...given: [Tensor, ...unknown[]]): Tensor | readonly Tensor[] {
    const last = given.at(-1) as object;
    const plain = Object.getPrototypeOf(last) === Object.prototype;
    const [query, value, key = value] = (plain ? given.slice(0, -1) : given) as [Tensor, Tensor, Tensor?];
    return this.look(query, value, key, (plain ? last : {}) as AttentionCall, openSteps(query, value, key));
  }

  /** Attention of samples [positions, features]. */
  protected look(query: Tensor, value: Tensor, key: Tensor, options: AttentionCall, steps?: Tensor): Tensor | readonly Tensor[] {
    const { dropout = 0, slidingWindow } = this.#heads;
    const [q, k, v] = [this.query!.forward(query), this.key!.forward(key), this.value!.forward(value)];
    const sizes = [q.shape[0]!, q.shape[2]!, k.shape[2]!] as [number, number, number];
    const near = slidingWindow === undefined ? steps : bandOf(sizes[1], sizes[2], slidingWindow, steps);
    const mask = openFor(this.name, near, options, sizes);
    const isCausal = options.useCausalMask === true && !mask;
    const gated = (mixed: Tensor): Tensor => this.attentionOutput!.back(this.gate ? mixed.mul(this.gate.forward(query).sigmoid()) : mixed);
    if (dropout === 0 && !options.returnAttentionScores) {
      const mixed = scaledDotProductAttention(q, k, v, { mask, isCausal, enableGqa: true });
      return gated(mask ? lookingAround(mixed, mask, v) : mixed);
    }
    const all = attentionShares(this.name, q, k, v, { mask, isCausal, enableGqa: true, hidden });
    // Keras' shares are 0 where nothing may be looked at.
    const shares = mask ? mask.where(all, 0) : all;
    const kept = this.training ? drop(shares, dropout) : shares;
    const [heads, groups] = [q.shape[1]!, v.shape[1]!];
    const [batch, queries, keys] = sizes;
    const mixed =
      heads === groups
        ? kept.matmul(v)
        : kept
            .reshape([batch, groups, heads / groups, queries, keys])
            .matmul(v.expandDims(2))
            .reshape([batch, heads, queries, -1]);
    return options.returnAttentionScores ? [gated(mixed), shares] : gated(mixed);
  }
}

/** Where queries and keys lie near each other, and `steps` lets them look. */
function bandOf(queries: number, keys: number, width: number, steps: Tensor | undefined): Tensor {
  const apart = arange(queries).expandDims(1).sub(arange(keys)).abs().less(width).expandDims([0, 1]);
  return steps ? steps.logicalAnd(apart) : apart;
}

/** What attention gives, and for a query that may look at nothing, where PyTorch has zeros, Keras' mean of all values. */
function lookingAround(mixed: Tensor, mask: Tensor, v: Tensor): Tensor {
  const blind = mask.to("float32").max(-1, { keep: true }).equal(0);
  const mean = v.mean(2, { keep: true });
  const [heads, groups] = [mixed.shape[1]!, v.shape[1]!];
  const wide = heads === groups ? mean : repeat(mean, heads / groups, 1);
  return blind.where(wide, mixed);
}

/** Several attentions side by side, each on its own projection of queries, keys and values. */
export class MultiHeadAttention extends Heads {
  readonly #options: MultiHeadAttentionOptions;

  constructor(options: MultiHeadAttentionOptions) {
    super("MultiHeadAttention", options);
    expectCount(this.name, "numHeads", options.numHeads);
    expectCount(this.name, "keyDim", options.keyDim);
    expectCount(this.name, "valueDim", options.valueDim ?? 1);
    for (const size of [options.outputShape ?? []].flat()) expectCount(this.name, "outputShape", size);
    this.#options = options;
  }

  protected override get manyAxes(): boolean {
    return true;
  }

  protected override check(...inputs: Shape[]): void {
    super.check(...inputs);
    const [query, value] = inputs as [Shape, Shape];
    const along = this.#along(query.length + 1);
    const apart = query.findIndex((d, i) => i < query.length - 1 && !along.includes(i + 1) && d !== value[i]);
    if (apart >= 0)
      throw new CambiumError(
        "shape",
        this.name,
        `query is ${show(query)} and value ${show(value)}; they may differ along ${along.map((axis) => axis - 1)} only, which attentionAxes name`,
      );
  }

  /** The axes of positions, in a batch. */
  #along(rank: number): number[] {
    const { attentionAxes } = this.#options;
    if (attentionAxes === undefined) return Array.from({ length: rank - 2 }, (_, i) => i + 1);
    const axes = resolveAxes(this.name, attentionAxes, rank);
    if (axes.length === 0 || axes.includes(0) || axes.includes(rank - 1))
      throw new CambiumError("shape", this.name, `attentionAxes are ${show(axes)}; axis 0 is the batch, and ${rank - 1} the features`);
    return [...axes].sort((a, b) => a - b);
  }

  protected override sizes(input: Shape): { query: Shape; key: Shape; value: Shape; out: Shape } {
    const { numHeads, keyDim, valueDim = keyDim, outputShape = input.at(-1)! } = this.#options;
    return { query: [numHeads, keyDim], key: [numHeads, keyDim], value: [numHeads, valueDim], out: [outputShape].flat() as number[] };
  }

  protected override look(query: Tensor, value: Tensor, key: Tensor, options: AttentionCall, steps?: Tensor): Tensor | readonly Tensor[] {
    const out = [this.#options.outputShape ?? query.shape.at(-1)!].flat() as number[];
    const shaped = (y: Tensor, lead: Shape): Tensor => y.reshape([...lead, ...out]);
    if (query.rank === 3) {
      const made = super.look(query, value, key, options, steps);
      const lead = query.shape.slice(0, 2);
      return made instanceof Tensor ? shaped(made, lead) : [shaped(made[0]!, lead), made[1]!];
    }
    // What is not looked along is part of the batch.
    const along = this.#along(query.rank);
    const beside = query.shape.map((_, i) => i).filter((i) => i > 0 && i < query.rank - 1 && !along.includes(i));
    const rows = beside.map((i) => query.shape[i]!);
    const order = [0, ...beside, ...along, query.rank - 1];
    const flat = (x: Tensor): Tensor => x.permute(order).reshape([x.shape[0]! * size(rows), size(along.map((i) => x.shape[i]!)), x.shape.at(-1)!]);
    const [queries, keys] = [query, key].map((x) => along.map((i) => x.shape[i]!)) as [number[], number[]];
    const { attentionMask } = options;
    const mask = attentionMask && this.#rowsOf(attentionMask, query.shape[0]!, size(rows), queries, keys);
    const made = super.look(flat(query), flat(value), flat(key), { ...options, ...(mask && { attentionMask: mask }) });
    const lead = [query.shape[0]!, ...rows, ...queries];
    const back = [...lead.keys()].sort((a, b) => order[a]! - order[b]!);
    const placed = (y: Tensor): Tensor => shaped(y, lead).permute([...back, ...out.map((_, i) => lead.length + i)]);
    if (made instanceof Tensor) return placed(made);
    return [placed(made[0]!), made[1]!.reshape([query.shape[0]!, ...rows, this.#options.numHeads, ...queries, ...keys])];
  }

  /** A mask [batch, ...queries, ...keys] for a batch with `rows` in it. */
  #rowsOf(mask: Tensor, batch: number, rows: number, queries: readonly number[], keys: readonly number[]): Tensor {
    const pair = [size(queries), size(keys)];
    if (mask.rank === 2 * queries.length) return mask.reshape(pair);
    if (mask.rank !== 2 * queries.length + 1)
      throw new CambiumError(
        "shape",
        this.name,
        `attentionMask is ${show(mask.shape)}; expected [batch, queries, keys] = ${show([batch, ...queries, ...keys])}`,
      );
    const own = batch === 1 && mask.shape[0] !== 1 ? mask.slice([0], [1]) : mask;
    return own
      .reshape([own.shape[0]!, 1, ...pair])
      .broadcast([batch, rows, ...pair])
      .reshape([batch * rows, ...pair]);
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

  protected override sizes(input: Shape): { query: Shape; key: Shape; value: Shape; out: Shape } {
    const { headDim, numQueryHeads, numKeyValueHeads } = this.#options;
    return { query: [numQueryHeads, headDim], key: [numKeyValueHeads, headDim], value: [numKeyValueHeads, headDim], out: [input.at(-1)!] };
  }
}

/**
 * Attention in which several heads of queries share a head of keys and values. It is applied as `multiHeadAttention` is.
 *
 * @shape query `[batch, queries, features]`, value `[batch, keys, features]` → `[batch, queries, features]`, and shares `[batch, numQueryHeads, queries, keys]`
 * @source Keras `GroupQueryAttention`, start values included; Ainslie et al. (2023)
 */
export const groupQueryAttention = (options: GroupQueryAttentionOptions): GroupQueryAttention => new GroupQueryAttention(options);
