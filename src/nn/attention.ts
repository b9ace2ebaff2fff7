import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { attend, attentionWeights, grouped, scoreShape } from "../ops/attention.ts";
import { concat, fromArray, zeros } from "../tensor/create.ts";
import { streamNodes } from "../tensor/random.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { KeyValueCache } from "./cache.ts";
import { drop } from "./dropout.ts";
import { expectCount, expectSize, expectTensor, shown } from "./input.ts";
import { Linear } from "./linear.ts";
import { fansOutIn, type Start, varianceScaling, zeros as zeroStart } from "./start.ts";

export interface AttentionOptions {
  /** Bool: true where a query may look. Numbers: added to the scores. Broadcasts to [..., queries, keys]. */
  mask?: Tensor | undefined;
  /** Query i looks at keys 0 to i only. Default `false`. */
  isCausal?: boolean | undefined;
  /** The chance that a share is put to 0. Default 0. */
  dropout?: number | undefined;
  /** What scores are multiplied by. Default 1/√features. */
  scale?: number | undefined;
  /** Lets several heads of queries share a head of keys and values. Default `false`. */
  enableGqa?: boolean | undefined;
}

/**
 * Values mixed by how well their keys match each query: `softmax(query · keyᵀ · scale) · value`. A query that may look at nothing gets zeros.
 * @shape query [..., queries, features], key [..., keys, features], value [..., keys, depth] → [..., queries, depth]; with `enableGqa` heads stand before the positions
 * @throws a `shape` error for what does not fit together, a `dtype` error for a mask of whole numbers
 * @source PyTorch `scaled_dot_product_attention`; Vaswani et al., "Attention is all you need" (2017)
 */
export function scaledDotProductAttention(query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}): Tensor {
  const where = "scaledDotProductAttention";
  for (const x of [query, key, value]) expectTensor(where, x);
  const { mask, isCausal = false, dropout = 0, scale, enableGqa = false } = options;
  if (!(dropout >= 0 && dropout <= 1)) throw new CambiumError("value", where, `dropout is a chance from 0 to 1, got ${dropout}`);
  const [q, k, v] = [query.node, key.node, value.node];
  const [heads, shared] = [q, k].map((x) => x.shape[x.shape.length - 3]);
  const groups = enableGqa && heads !== shared;
  if (groups && (heads === undefined || shared === undefined || shared === 0 || heads % shared !== 0 || v.shape[v.shape.length - 3] !== shared))
    throw new CambiumError(
      "shape",
      where,
      `query is ${show(q.shape)}, key is ${show(k.shape)}, value is ${show(v.shape)}; the heads of queries must be a multiple of those of keys and values`,
    );
  const wide = mask && groups && mask.rank > 2 ? splitHeads(mask, shared!) : mask;
  scoreShape(where, ...(groups ? grouped(q, k, v) : ([q, k, v] as const)), wide?.node, isCausal);
  const out = attend(q, k, v, { mask: mask?.node, isCausal, scale, dropout: dropout > 0 ? dropping(dropout) : undefined });
  return new Tensor(out).reshape([...query.shape.slice(0, -2), query.shape.at(-2)!, value.shape.at(-1)!]);
}

/**
 * How much of each value a query takes, by itself: what `scaledDotProductAttention` mixes values with.
 * @shape query [..., heads, queries, features], key and value [..., heads, keys, any] → [..., heads, queries, keys]
 */
export function attentionShares(
  where: string,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { mask, isCausal = false, scale, enableGqa = false, hidden }: AttentionOptions & { hidden?: number } = {},
): Tensor {
  const groups = enableGqa && query.shape.at(-3) !== key.shape.at(-3);
  const [q, k, v] = groups ? grouped(query.node, key.node, value.node) : [query.node, key.node, value.node];
  const wide = mask && groups && mask.rank > 2 ? splitHeads(mask, key.shape.at(-3)!) : mask;
  scoreShape(where, q, k, v, wide?.node, isCausal);
  return new Tensor(attentionWeights(q, k, { mask: wide?.node, isCausal, scale, hidden })).reshape([...query.shape.slice(0, -1), key.shape.at(-2)!]);
}

const dropping = (rate: number): { rate: number; seed: ReturnType<typeof streamNodes>[0]; stream: ReturnType<typeof streamNodes>[1] } => {
  const [seed, stream] = streamNodes();
  return { rate, seed, stream };
};

/** A mask [..., heads, queries, keys] with its heads in groups. */
function splitHeads(mask: Tensor, shared: number): Tensor {
  const heads = mask.shape.at(-3)!;
  const lead = mask.shape.slice(0, -3);
  return mask.reshape([...lead, ...(heads === 1 ? [1, 1] : [shared, heads / shared]), ...mask.shape.slice(-2)]);
}

export interface MultiheadAttentionOptions {
  /** The chance that a share is put to 0 in training. Default 0. */
  dropout?: number;
  /** Adds biases to the projections. Default `true`. */
  bias?: boolean;
  /** Adds one learnt key and value to every sequence. Default `false`. */
  addBiasKv?: boolean;
  /** Adds a key and value of zeros to every sequence. Default `false`. */
  addZeroAttn?: boolean;
  /** Features of keys. Default: embedDim. */
  kdim?: number;
  /** Features of values. Default: embedDim. */
  vdim?: number;
  /** Whether the batch comes before the positions. Default `false`. */
  batchFirst?: boolean;
}

export interface AttendOptions {
  /** [batch, keys]. Bool: true for keys nobody may look at. Numbers: added to the scores. */
  keyPaddingMask?: Tensor | undefined;
  /** [queries, keys] or [batch · heads, queries, keys]. Bool: true where a query may not look. Numbers: added to the scores. */
  attnMask?: Tensor | undefined;
  /** Whether the shares are returned too. Default `true`. */
  needWeights?: boolean | undefined;
  /** Whether the shares returned are the mean over heads. Default `true`. */
  averageAttnWeights?: boolean | undefined;
  /** Query i looks at keys 0 to i only. Default `false`. */
  isCausal?: boolean | undefined;
  /** Keys and values of earlier positions, which the new ones join. Each position then looks at itself and what came before. */
  cache?: KeyValueCache | undefined;
}

const xavier = { scale: 1, mode: "average" } as const;
const start = (distribution: "uniform" | "normal"): Start => varianceScaling({ ...xavier, distribution });

/**
 * Several attentions side by side, each on its own projection of queries, keys and values. A query that may look at nothing gets zeros.
 * @shape query [queries, batch, embedDim], key [keys, batch, kdim], value [keys, batch, vdim] → [queries, batch, embedDim] and shares [batch, queries, keys]; the batch comes first with `batchFirst`, or is left out
 * @source PyTorch `nn.MultiheadAttention`, start values included; Vaswani et al., "Attention is all you need" (2017)
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  readonly kdim: number;
  readonly vdim: number;
  /** [3 · embedDim, embedDim], where keys and values have as many features as queries. */
  inProjWeight: Tensor | undefined;
  qProjWeight: Tensor | undefined;
  kProjWeight: Tensor | undefined;
  vProjWeight: Tensor | undefined;
  /** [3 · embedDim] */
  inProjBias: Tensor | undefined;
  biasK: Tensor | undefined;
  biasV: Tensor | undefined;
  outProj: Linear;

  constructor(embedDim: number, numHeads: number, options: MultiheadAttentionOptions = {}) {
    super();
    const { dropout = 0, bias = true, addBiasKv = false, addZeroAttn = false, kdim = embedDim, vdim = embedDim, batchFirst = false } = options;
    for (const [name, count] of Object.entries({ embedDim, numHeads, kdim, vdim })) expectCount("MultiheadAttention", name, count);
    if (embedDim % numHeads !== 0) throw new CambiumError("value", "MultiheadAttention", `embedDim ${embedDim} does not divide into ${numHeads} heads`);
    if (!(dropout >= 0 && dropout <= 1)) throw new CambiumError("value", "MultiheadAttention", `dropout is a chance from 0 to 1, got ${dropout}`);
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.dropout = dropout;
    this.batchFirst = batchFirst;
    this.addZeroAttn = addZeroAttn;
    this.kdim = kdim;
    this.vdim = vdim;
    const weight = (rows: number, columns: number): Tensor => parameter(start("uniform")([rows, columns], fansOutIn([rows, columns])));
    const one = kdim === embedDim && vdim === embedDim;
    this.inProjWeight = one ? weight(3 * embedDim, embedDim) : undefined;
    this.qProjWeight = one ? undefined : weight(embedDim, embedDim);
    this.kProjWeight = one ? undefined : weight(embedDim, kdim);
    this.vProjWeight = one ? undefined : weight(embedDim, vdim);
    this.inProjBias = bias ? parameter(zeros([3 * embedDim])) : undefined;
    const extra = (): Tensor => parameter(start("normal")([1, 1, embedDim], fansOutIn([1, 1, embedDim])));
    this.biasK = addBiasKv ? extra() : undefined;
    this.biasV = addBiasKv ? extra() : undefined;
    this.outProj = new Linear(embedDim, embedDim, { bias });
    if (this.outProj.bias) this.outProj.bias.assign(zeroStart([embedDim], { in: 1, out: 1 }));
  }

  forward(query: Tensor, key: Tensor = query, value: Tensor = key, options: AttendOptions = {}): [output: Tensor, weights: Tensor | undefined] {
    const where = `MultiheadAttention(${this.embedDim}, ${this.numHeads} heads)`;
    for (const [x, size] of [
      [query, this.embedDim],
      [key, this.kdim],
      [value, this.vdim],
    ] as const) {
      expectTensor(where, x, this.outProj.weight);
      expectSize(where, x, -1, size, `[..., ${size}]`);
    }
    if (query.rank !== 2 && query.rank !== 3)
      throw new CambiumError("shape", where, `expected [positions, features] or a batch of such, got ${show(query.shape)}`);
    if (key.rank !== query.rank || value.rank !== query.rank)
      throw new CambiumError(
        "shape",
        where,
        `query is ${show(query.shape)}, key is ${show(key.shape)}, value is ${show(value.shape)}; all or none must have a batch`,
      );
    const inOrder = (x: Tensor): Tensor => (x.rank === 2 ? x.expandDims(0) : this.batchFirst ? x : x.permute([1, 0, 2]));
    const { needWeights = true, averageAttnWeights = true } = options;
    const [from, to] = [inOrder(query), key === query ? undefined : inOrder(key)];
    let [q, k, v] = this.#projected([from, to ?? from, value === query ? from : value === key ? to! : inOrder(value)]);
    const extra = k.shape[2]! - key.shape[key.rank === 3 && !this.batchFirst ? 0 : key.rank - 2]!;
    let mask: Tensor | undefined;
    if (options.cache) {
      if (options.attnMask || options.keyPaddingMask || extra > 0)
        throw new CambiumError("value", where, "a cache goes with no masks and no additional keys", "each position looks at itself and what came before");
      ({ keys: k, values: v, mask } = options.cache.update(k, v));
    } else mask = this.#mask(where, options, [q.shape[0]!, q.shape[2]!, k.shape[2]! - extra], extra);
    const isCausal = options.isCausal === true && mask === undefined && extra === 0;
    const rate = this.training ? this.dropout : 0;
    scoreShape(where, q.node, k.node, v.node, mask?.node, isCausal);
    let weights: Tensor | undefined;
    let mixed: Tensor;
    if (needWeights) {
      weights = drop(new Tensor(attentionWeights(q.node, k.node, { mask: mask?.node, isCausal })), rate);
      mixed = weights.matmul(v);
    } else mixed = new Tensor(attend(q.node, k.node, v.node, { mask: mask?.node, isCausal, dropout: rate > 0 ? dropping(rate) : undefined }));
    const [batch, , length] = q.shape as [number, number, number];
    const joined = this.outProj.forward(mixed.permute([0, 2, 1, 3]).reshape([batch, length, this.embedDim]));
    const output = query.rank === 2 ? joined.squeeze(0) : this.batchFirst ? joined : joined.permute([1, 0, 2]);
    if (!weights) return [output, undefined];
    const shares = averageAttnWeights ? weights.mean(1) : weights;
    return [output, query.rank === 2 ? shares.squeeze(0) : shares];
  }

  /** Queries, keys and values of all heads: [batch, heads, positions, features]. */
  #projected(given: readonly [Tensor, Tensor, Tensor]): [Tensor, Tensor, Tensor] {
    const { embedDim, numHeads } = this;
    const apart = [this.qProjWeight, this.kProjWeight, this.vProjWeight];
    /** Of queries, keys and values, those from `first` up to `end`, which come from one tensor, in one product. */
    const made = (x: Tensor, first: number, end: number): Tensor[] => {
      const weight = this.inProjWeight?.slice([first * embedDim], [end * embedDim]) ?? apart[first]!;
      const y = x.matmul(weight.permute([1, 0]));
      const whole = this.inProjBias ? y.add(this.inProjBias.slice([first * embedDim], [end * embedDim])) : y;
      return end - first === 1 ? [whole] : whole.split(end - first, -1);
    };
    const runs = given.flatMap((x, i) => (i > 0 && this.inProjWeight && x === given[i - 1] ? [] : [i]));
    const own = [undefined, this.biasK, this.biasV];
    const heads = runs
      .flatMap((first, i) => made(given[first]!, first, runs[i + 1] ?? 3))
      .map((x, i) => {
        let y = x;
        const more = i > 0 && own[i] ? [own[i]!.add(zeros([y.shape[0]!, 1, embedDim], { dtype: y.dtype }))] : [];
        if (i > 0 && this.addZeroAttn) more.push(zeros([y.shape[0]!, 1, embedDim], { dtype: y.dtype }));
        if (more.length > 0) y = concat([y, ...more], 1);
        return y.reshape([y.shape[0]!, y.shape[1]!, numHeads, embedDim / numHeads]).permute([0, 2, 1, 3]);
      });
    return heads as [Tensor, Tensor, Tensor];
  }

  /** All masks as one, in the sense of `scaledDotProductAttention`; learnt and zero keys (`extra` of them) may always be looked at. */
  #mask(where: string, options: AttendOptions, [batch, queries, keys]: [number, number, number], extra: number): Tensor | undefined {
    const { keyPaddingMask: padding, attnMask, isCausal = false } = options;
    const masks: Tensor[] = [];
    const take = (name: string, mask: Tensor, shape: readonly number[], expected: string): void => {
      if (mask.rank !== expected.split(",").length || !mask.shape.every((d, i) => d === shape[i]))
        throw new CambiumError("shape", where, `${name} is ${show(mask.shape)}; expected ${expected} = ${show(shape)}`);
    };
    if (attnMask) {
      expectTensor(where, attnMask);
      const { numHeads } = this;
      if (attnMask.rank === 3) take("attnMask", attnMask, [batch * numHeads, queries, keys], "[batch · heads, queries, keys]");
      else take("attnMask", attnMask, [queries, keys], "[queries, keys]");
      masks.push(attnMask.rank === 3 ? attnMask.reshape([batch, numHeads, queries, keys]) : attnMask);
    } else if (isCausal && (padding || extra > 0)) masks.push(causalMask(queries, keys).logicalNot());
    if (padding) {
      expectTensor(where, padding);
      if (padding.rank === 1) take("keyPaddingMask", padding, [keys], "[keys]");
      else take("keyPaddingMask", padding, [batch, keys], "[batch, keys]");
      masks.push(padding.reshape([padding.rank === 1 ? 1 : batch, 1, 1, keys]));
    }
    if (masks.length === 0) return undefined;
    const open = masks.every((mask) => mask.dtype === "bool")
      ? masks.map((mask) => mask.logicalNot()).reduce((a, b) => a.logicalAnd(b))
      : masks.map((mask) => (mask.dtype === "bool" ? mask.where(Number.NEGATIVE_INFINITY, 0) : mask)).reduce((a, b) => a.add(b));
    if (extra === 0) return open;
    return open.pad(new Array<number>(open.rank).fill(0), [...new Array<number>(open.rank - 1).fill(0), extra], open.dtype === "bool" ? 1 : 0);
  }

  protected override describe(): string {
    return `${this.embedDim}, ${this.numHeads}, ${shown({ dropout: this.dropout, batchFirst: this.batchFirst })}`;
  }
}

/** True where query i may look: at keys 0 to i. */
export function causalMask(queries: number, keys: number = queries): Tensor {
  const host = new Uint8Array(queries * keys);
  for (let i = 0; i < queries; i++) host.fill(1, i * keys, i * keys + Math.min(i + 1, keys));
  return fromArray(host, [queries, keys], { dtype: "bool" });
}
