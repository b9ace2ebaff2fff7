/** Several attentions side by side, with the weights of their projections given. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { attend, attentionWeights, scoreShape } from "../ops/attention.ts";
import { concat, fromArray, zeros } from "../tensor/create.ts";
import { streamNodes } from "../tensor/random.ts";
import { fitting } from "../tensor/autocast.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { KeyValueCache } from "./cache.ts";
import { drop } from "./dropout.ts";
import { expectSize, expectTensor } from "./input.ts";
import { linear } from "./linear.ts";

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

/** The weights of all heads: one for all three projections, or one each. */
export interface Heads {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly kdim: number;
  readonly vdim: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  /** [3 · embedDim, embedDim] */
  readonly inProjWeight: Tensor | undefined;
  readonly qProjWeight: Tensor | undefined;
  readonly kProjWeight: Tensor | undefined;
  readonly vProjWeight: Tensor | undefined;
  /** [3 · embedDim] */
  readonly inProjBias: Tensor | undefined;
  readonly biasK: Tensor | undefined;
  readonly biasV: Tensor | undefined;
  readonly outProj: { readonly weight: Tensor; readonly bias: Tensor | undefined };
}

export const dropping = (rate: number): { rate: number; seed: ReturnType<typeof streamNodes>[0]; stream: ReturnType<typeof streamNodes>[1] } => {
  const [seed, stream] = streamNodes();
  return { rate, seed, stream };
};

/** Several attentions side by side, of `heads`; `rate` is the chance that a share is put to 0. */
export function attendInHeads(
  where: string,
  query: Tensor,
  key: Tensor,
  value: Tensor,
  heads: Heads,
  rate: number,
  options: AttendOptions,
): [output: Tensor, weights: Tensor | undefined] {
  for (const [x, size] of [
    [query, heads.embedDim],
    [key, heads.kdim],
    [value, heads.vdim],
  ] as const) {
    expectTensor(where, x, heads.outProj.weight);
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
  const inOrder = (x: Tensor): Tensor => (x.rank === 2 ? x.expandDims(0) : heads.batchFirst ? x : x.permute([1, 0, 2]));
  const { needWeights = true, averageAttnWeights = true } = options;
  const [from, to] = [inOrder(query), key === query ? undefined : inOrder(key)];
  let [q, k, v] = projected(heads, [from, to ?? from, value === query ? from : value === key ? to! : inOrder(value)]);
  const extra = k.shape[2]! - key.shape[key.rank === 3 && !heads.batchFirst ? 0 : key.rank - 2]!;
  let mask: Tensor | undefined;
  if (options.cache) {
    if (options.attnMask || options.keyPaddingMask || extra > 0)
      throw new CambiumError("value", where, "a cache goes with no masks and no additional keys", "each position looks at itself and what came before");
    ({ keys: k, values: v, mask } = options.cache.update(k, v));
  } else mask = maskOf(where, heads.numHeads, options, [q.shape[0]!, q.shape[2]!, k.shape[2]! - extra], extra);
  const isCausal = options.isCausal === true && mask === undefined && extra === 0;
  scoreShape(where, q.node, k.node, v.node, mask?.node, isCausal);
  let weights: Tensor | undefined;
  let mixed: Tensor;
  if (needWeights) {
    weights = drop(new Tensor(attentionWeights(q.node, k.node, { mask: mask?.node, isCausal })), rate);
    mixed = weights.matmul(v);
  } else mixed = new Tensor(attend(q.node, k.node, v.node, { mask: mask?.node, isCausal, dropout: rate > 0 ? dropping(rate) : undefined }));
  const [batch, , length] = q.shape as [number, number, number];
  const joined = linear(mixed.permute([0, 2, 1, 3]).reshape([batch, length, heads.embedDim]), heads.outProj.weight, heads.outProj.bias);
  const output = query.rank === 2 ? joined.squeeze(0) : heads.batchFirst ? joined : joined.permute([1, 0, 2]);
  if (!weights) return [output, undefined];
  const shares = averageAttnWeights ? weights.mean(1) : weights;
  return [output, query.rank === 2 ? shares.squeeze(0) : shares];
}

/** Queries, keys and values of all heads: [batch, heads, positions, features]. */
function projected(heads: Heads, given: readonly [Tensor, Tensor, Tensor]): [Tensor, Tensor, Tensor] {
  const { embedDim, numHeads } = heads;
  const apart = [heads.qProjWeight, heads.kProjWeight, heads.vProjWeight];
  /** Of queries, keys and values, those from `first` up to `end`, which come from one tensor, in one product. */
  const made = (x: Tensor, first: number, end: number): Tensor[] => {
    const weight = heads.inProjWeight?.slice([first * embedDim], [end * embedDim]) ?? apart[first]!;
    const y = x.matmul(weight.permute([1, 0]));
    const whole = heads.inProjBias ? y.add(fitting(heads.inProjBias.slice([first * embedDim], [end * embedDim]), y)) : y;
    return end - first === 1 ? [whole] : whole.split(end - first, -1);
  };
  const runs = given.flatMap((x, i) => (i > 0 && heads.inProjWeight && x === given[i - 1] ? [] : [i]));
  const own = [undefined, heads.biasK, heads.biasV];
  const apartInHeads = runs
    .flatMap((first, i) => made(given[first]!, first, runs[i + 1] ?? 3))
    .map((x, i) => {
      let y = x;
      const more = i > 0 && own[i] ? [own[i]!.add(zeros([y.shape[0]!, 1, embedDim], { dtype: y.dtype }))] : [];
      if (i > 0 && heads.addZeroAttn) more.push(zeros([y.shape[0]!, 1, embedDim], { dtype: y.dtype }));
      if (more.length > 0) y = concat([y, ...more], 1);
      return y.reshape([y.shape[0]!, y.shape[1]!, numHeads, embedDim / numHeads]).permute([0, 2, 1, 3]);
    });
  return apartInHeads as [Tensor, Tensor, Tensor];
}

/** All masks as one, in the sense of `scaledDotProductAttention`; learnt and zero keys (`extra` of them) may always be looked at. */
function maskOf(where: string, numHeads: number, options: AttendOptions, [batch, queries, keys]: [number, number, number], extra: number): Tensor | undefined {
  const { keyPaddingMask: padding, attnMask, isCausal = false } = options;
  const masks: Tensor[] = [];
  const take = (name: string, mask: Tensor, shape: readonly number[], expected: string): void => {
    if (mask.rank !== expected.split(",").length || !mask.shape.every((d, i) => d === shape[i]))
      throw new CambiumError("shape", where, `${name} is ${show(mask.shape)}; expected ${expected} = ${show(shape)}`);
  };
  if (attnMask) {
    expectTensor(where, attnMask);
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

/** True where query i may look: at keys 0 to i. */
export function causalMask(queries: number, keys: number = queries): Tensor {
  const host = new Uint8Array(queries * keys);
  for (let i = 0; i < queries; i++) host.fill(1, i * keys, i * keys + Math.min(i + 1, keys));
  return fromArray(host, [queries, keys], { dtype: "bool" });
}

export interface MultiHeadForwardOptions extends AttendOptions {
  /** [3 · embedDim, embedDim]; or one weight for each of queries, keys and values. */
  inProjWeight?: Tensor;
  qProjWeight?: Tensor;
  kProjWeight?: Tensor;
  vProjWeight?: Tensor;
  /** [3 · embedDim] */
  inProjBias?: Tensor;
  /** [1, 1, embedDim]: a key and a value that join every sequence. */
  biasK?: Tensor;
  biasV?: Tensor;
  /** A key and a value of zeros join every sequence. Default `false`. */
  addZeroAttn?: boolean;
  /** The chance that a share is put to 0 while `training`. Default 0. */
  dropout?: number;
  /** Default `true`. */
  training?: boolean;
  /** [embedDim, embedDim] */
  outProjWeight: Tensor;
  /** [embedDim] */
  outProjBias?: Tensor;
}

/**
 * `nn.MultiheadAttention` as a function, positions before the batch.
 * @shape query [queries, batch, embedDim], key [keys, batch, kdim], value [keys, batch, vdim] → [queries, batch, embedDim] and shares [batch, queries, keys]
 * @source PyTorch `F.multi_head_attention_forward`
 */
export function multiHeadAttentionForward(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  numHeads: number,
  options: MultiHeadForwardOptions,
): [output: Tensor, weights: Tensor | undefined] {
  const where = "multiHeadAttentionForward";
  const { inProjWeight, qProjWeight, kProjWeight, vProjWeight, inProjBias, biasK, biasV, addZeroAttn = false, dropout = 0, training = true } = options;
  const embedDim = query.shape.at(-1)!;
  if (embedDim % numHeads !== 0) throw new CambiumError("value", where, `${embedDim} features do not divide into ${numHeads} heads`);
  if (!inProjWeight && !(qProjWeight && kProjWeight && vProjWeight))
    throw new CambiumError("value", where, "the weights of the projections are missing", "give inProjWeight, or qProjWeight, kProjWeight and vProjWeight");
  const [kdim, vdim] = [kProjWeight?.shape[1] ?? embedDim, vProjWeight?.shape[1] ?? embedDim];
  const outProj = { weight: options.outProjWeight, bias: options.outProjBias };
  const heads = {
    embedDim,
    numHeads,
    kdim,
    vdim,
    batchFirst: false,
    addZeroAttn,
    inProjWeight,
    qProjWeight,
    kProjWeight,
    vProjWeight,
    inProjBias,
    biasK,
    biasV,
    outProj,
  };
  return attendInHeads(where, query, key, value, heads, training ? dropout : 0, options);
}
