import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { Module } from "../module/module.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { scaledDotProductAttention } from "./attention.ts";
import type { KeyValueCache } from "./cache.ts";
import { expectCount, expectSize, expectTensor, shown } from "./input.ts";
import { Linear } from "./linear.ts";
import type { RotaryEmbedding } from "./positional.ts";

export interface GroupedQueryAttentionOptions {
  /** Features of a head. Default embedDim / numHeads. */
  headDim?: number;
  /** Adds biases to the projections. Default `false`. */
  bias?: boolean;
  /** The chance that a share is put to 0 in training. Default 0. */
  dropout?: number;
  /** Turns queries and keys by their positions. */
  rotary?: RotaryEmbedding;
}

export interface GroupedAttendOptions {
  /** Bool: true where a query may look. Numbers: added to the scores. Broadcasts to [batch, heads, queries, keys]. */
  mask?: Tensor | undefined;
  /** Position i looks at positions 0 to i only. Default `false`. */
  isCausal?: boolean | undefined;
  /** Keys and values of earlier positions; then each position looks at itself and what came before. */
  cache?: KeyValueCache | undefined;
}

/**
 * Attention of a sequence to itself in which several heads of queries share a head of keys and values, so that a cache holds less.
 * @shape [batch, positions, embedDim] → the same
 * @source Ainslie et al., "GQA" (2023); the names of its maps are LLaMA's
 */
export class GroupedQueryAttention extends Module {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly dropout: number;
  qProj: Linear;
  kProj: Linear;
  vProj: Linear;
  oProj: Linear;
  rotary: RotaryEmbedding | undefined;

  constructor(embedDim: number, numHeads: number, numKeyValueHeads: number, options: GroupedQueryAttentionOptions = {}) {
    super();
    const { headDim = embedDim / numHeads, bias = false, dropout = 0, rotary } = options;
    for (const [name, count] of Object.entries({ embedDim, numHeads, numKeyValueHeads })) expectCount("GroupedQueryAttention", name, count);
    if (!Number.isInteger(headDim)) throw new CambiumError("value", "GroupedQueryAttention", `embedDim ${embedDim} does not divide into ${numHeads} heads`);
    if (numHeads % numKeyValueHeads !== 0)
      throw new CambiumError("value", "GroupedQueryAttention", `${numHeads} heads of queries cannot share ${numKeyValueHeads} heads of keys and values evenly`);
    if (rotary && rotary.features !== headDim)
      throw new CambiumError("value", "GroupedQueryAttention", `rotary turns ${rotary.features} features, a head has ${headDim}`);
    this.embedDim = embedDim;
    this.numHeads = numHeads;
    this.numKeyValueHeads = numKeyValueHeads;
    this.headDim = headDim;
    this.dropout = dropout;
    this.qProj = new Linear(embedDim, numHeads * headDim, { bias });
    this.kProj = new Linear(embedDim, numKeyValueHeads * headDim, { bias });
    this.vProj = new Linear(embedDim, numKeyValueHeads * headDim, { bias });
    this.oProj = new Linear(numHeads * headDim, embedDim, { bias });
    this.rotary = rotary;
  }

  forward(x: Tensor, { mask, isCausal, cache }: GroupedAttendOptions = {}): Tensor {
    const where = `GroupedQueryAttention(${this.embedDim}, ${this.numHeads} heads)`;
    expectTensor(where, x, this.qProj.weight);
    if (x.rank !== 3) throw new CambiumError("shape", where, `expected [batch, positions, ${this.embedDim}], got ${show(x.shape)}`);
    expectSize(where, x, -1, this.embedDim, `[batch, positions, ${this.embedDim}]`);
    if (cache && (mask || isCausal)) throw new CambiumError("value", where, "a cache goes with no masks", "each position looks at itself and what came before");
    const [batch, length] = x.shape as [number, number];
    const heads = (y: Tensor): Tensor => y.reshape([batch, length, -1, this.headDim]).permute([0, 2, 1, 3]);
    const turned = (y: Tensor): Tensor => (this.rotary ? this.rotary.forward(y, cache?.position) : y);
    const query = turned(heads(this.qProj.forward(x)));
    const key = turned(heads(this.kProj.forward(x)));
    const value = heads(this.vProj.forward(x));
    const held = cache?.update(key, value) ?? { keys: key, values: value, mask };
    const mixed = scaledDotProductAttention(query, held.keys, held.values, {
      mask: held.mask,
      isCausal,
      dropout: this.training ? this.dropout : 0,
      enableGqa: true,
    });
    return this.oProj.forward(mixed.permute([0, 2, 1, 3]).reshape([batch, length, this.numHeads * this.headDim]));
  }

  protected override describe(): string {
    return `${this.embedDim}, ${shown({ numHeads: this.numHeads, numKeyValueHeads: this.numKeyValueHeads, headDim: this.headDim })}`;
  }
}
