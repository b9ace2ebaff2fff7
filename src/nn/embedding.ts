import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { tensor } from "../tensor/create.ts";
import { atHand } from "../tensor/known.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectCount, expectTensor, shown } from "./input.ts";
import { normal } from "./start.ts";

export interface EmbeddingOptions {
  /** The row that stands for nothing: it starts as zeros and gets no gradient. */
  paddingIdx?: number;
}

/** The rows of `weight` that `index` names. Where the numbers of `index` are at hand, they are checked. */
export function lookUp(where: string, weight: Tensor, index: Tensor): Tensor {
  const rows = weight.shape[0]!;
  const known = atHand(index);
  const wrong = known?.find((i) => !(i >= 0 && i < rows && Number.isInteger(i)));
  if (wrong !== undefined)
    throw new CambiumError(
      "data",
      where,
      `${wrong} is not one of the ${rows} rows, which are numbered 0 to ${rows - 1}`,
      wrong === rows ? "rows are counted from 0: is numEmbeddings one short?" : undefined,
    );
  return weight.gather(index.to("int32"), 0);
}

/**
 * A row of a table for each number: the numbers of words turned into vectors.
 * @shape [...] of whole numbers → [..., embeddingDim]
 * @throws a `data` error for a number outside the table, when the numbers are at hand
 * @source PyTorch `nn.Embedding`, start values included: a standard normal distribution
 */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | undefined;
  /** [numEmbeddings, embeddingDim] */
  weight: Tensor;

  constructor(numEmbeddings: number, embeddingDim: number, { paddingIdx }: EmbeddingOptions = {}) {
    super();
    expectCount("Embedding", "numEmbeddings", numEmbeddings);
    expectCount("Embedding", "embeddingDim", embeddingDim);
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    if (paddingIdx !== undefined) {
      const row = paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx;
      if (!Number.isInteger(row) || row < 0 || row >= numEmbeddings)
        throw new CambiumError("value", "Embedding", `paddingIdx ${paddingIdx} is not one of the ${numEmbeddings} rows`);
      this.paddingIdx = row;
    }
    const start = normal(0, 1)([numEmbeddings, embeddingDim], { in: numEmbeddings, out: embeddingDim });
    const { paddingIdx: row } = this;
    const kept = (): Tensor => tensor(Array.from({ length: numEmbeddings }, (_, i) => [i === row ? 0 : 1]));
    this.weight = parameter(row === undefined ? start : start.mul(kept()));
  }

  forward(index: Tensor): Tensor {
    const where = `Embedding(${this.numEmbeddings}, ${this.embeddingDim})`;
    expectTensor(where, index);
    const rows = lookUp(where, this.weight, index);
    if (this.paddingIdx === undefined) return rows;
    return index
      .reshape([...index.shape, 1])
      .equal(this.paddingIdx)
      .where(rows.detach(), rows);
  }

  protected override describe(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}${this.paddingIdx === undefined ? "" : `, ${shown({ paddingIdx: this.paddingIdx })}`}`;
  }
}
