import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { attend, attentionWeights, grouped, scoreShape } from "../ops/attention.ts";
import { zeros } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { type AttendOptions, attendInHeads, dropping } from "./heads.ts";
import { expectCount, expectTensor, shown } from "./input.ts";
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
    return attendInHeads(where, query, key, value, this, this.training ? this.dropout : 0, options);
  }

  protected override describe(): string {
    return `${this.embedDim}, ${this.numHeads}, ${shown({ dropout: this.dropout, batchFirst: this.batchFirst })}`;
  }
}
