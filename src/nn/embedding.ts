import { CambiumError } from "../base/error.ts";
import { Module } from "../module/module.ts";
import { parameter } from "../module/parameter.ts";
import { tensor } from "../tensor/create.ts";
import { customGradient } from "../tensor/custom.ts";
import { bincount } from "../tensor/functions.ts";
import { atHand } from "../tensor/known.ts";
import { norm } from "../tensor/linalg.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { expectCount, expectTensor, shown } from "./input.ts";
import { normal } from "./start.ts";

export interface EmbeddingOptions {
  /** The row that stands for nothing: it starts as zeros and gets no gradient. */
  paddingIdx?: number;
  /** Rows that are looked up and are longer than this are shortened to it, in `weight` itself. Default: none are. */
  maxNorm?: number;
  /** Which norm measures a row. Default 2. */
  normType?: number;
  /** Divides the gradient of a row by how often the row was looked up. Default `false`. */
  scaleGradByFreq?: boolean;
}

/** Rows whose gradient is divided by `by`. */
const divided = customGradient(
  (rows: Tensor, _by: Tensor) => rows,
  (dy, [, by]) => [dy.div(by), undefined],
);

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
  readonly maxNorm: number | undefined;
  readonly normType: number;
  readonly scaleGradByFreq: boolean;
  /** [numEmbeddings, embeddingDim] */
  weight: Tensor;

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingOptions = {}) {
    super();
    const { paddingIdx, maxNorm, normType = 2, scaleGradByFreq = false } = options;
    expectCount("Embedding", "numEmbeddings", numEmbeddings);
    expectCount("Embedding", "embeddingDim", embeddingDim);
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    for (const [name, value] of Object.entries({ maxNorm, normType }))
      if (value !== undefined && !(value > 0)) throw new CambiumError("value", "Embedding", `${name} is ${value}; it is a number above 0`);
    this.maxNorm = maxNorm;
    this.normType = normType;
    this.scaleGradByFreq = scaleGradByFreq;
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
    const rows = this.rowsOf(where, index);
    if (this.paddingIdx === undefined) return rows;
    return index
      .reshape([...index.shape, 1])
      .equal(this.paddingIdx)
      .where(rows.detach(), rows);
  }

  /** The rows that `index` names, as the options want them. */
  protected rowsOf(where: string, index: Tensor): Tensor {
    const { maxNorm, scaleGradByFreq } = this;
    const found = lookUp(where, this.weight, index);
    if (maxNorm === undefined && !scaleGradByFreq) return found;
    const counts = bincount(index.to("int32").reshape([index.size]), this.numEmbeddings);
    if (maxNorm !== undefined) this.shorten(counts.greater(0), maxNorm);
    const rows = maxNorm === undefined ? found : lookUp(where, this.weight, index);
    return scaleGradByFreq ? divided(rows, counts.gather(index.to("int32"), 0).expandDims(-1).to(rows.dtype)) : rows;
  }

  /** Brings the `used` rows that are longer than `maxNorm` to that length. */
  private shorten(used: Tensor, maxNorm: number): void {
    const weight = this.weight.detach();
    const norms = norm(weight, this.normType, { axes: 1, keep: true });
    const long = norms.greater(maxNorm).logicalAnd(used.expandDims(1));
    this.weight.assign(long.where(weight.mul(norms.add(1e-7).reciprocal().mul(maxNorm)), weight));
  }

  protected override describe(): string {
    const { numEmbeddings, embeddingDim, paddingIdx, maxNorm, normType, scaleGradByFreq } = this;
    const more = {
      ...(paddingIdx !== undefined && { paddingIdx }),
      ...(maxNorm !== undefined && { maxNorm, normType }),
      ...(scaleGradByFreq && { scaleGradByFreq }),
    };
    return [`${numEmbeddings}, ${embeddingDim}`, ...(Object.keys(more).length > 0 ? [shown(more)] : [])].join(", ");
  }
}
