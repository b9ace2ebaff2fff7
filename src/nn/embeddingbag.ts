import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { unknownName } from "../base/text.ts";
import { range } from "../ops/gather.ts";
import { ones } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";
import { Embedding, type EmbeddingOptions, lookUp } from "./embedding.ts";
import { expectTensor, shown } from "./input.ts";

export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** What becomes of the rows of a bag. Default `"mean"`. */
  mode?: "sum" | "mean" | "max";
  /** Whether the last of `offsets` is where the last bag ends. Default `false`. */
  includeLastOffset?: boolean;
}

/** How rows become bags. */
interface Bagging {
  readonly mode: "sum" | "mean" | "max";
  readonly includeLastOffset: boolean;
  readonly paddingIdx?: number | undefined;
}

/** [bags, numbers]: 1 where the number lies in the bag. */
function membership(index: Tensor, offsets: Tensor, includeLastOffset: boolean): Tensor {
  const at = new Tensor(range([1, index.shape[0]!], 1));
  const from = offsets.to("int32").expandDims(1);
  const begun = at.greaterEqual(from).to("int32");
  const bags = includeLastOffset ? offsets.size - 1 : offsets.size;
  const next = begun.slice([1], [offsets.size]).pad([0, 0], [includeLastOffset ? 0 : 1, 0]);
  return begun.slice([0], [bags]).sub(next);
}

/** `rows` [bags or 1, length, embeddingDim], of which `counted` [bags, length] says which are in. */
function folded(rows: Tensor, counted: Tensor, mode: Bagging["mode"], weights: Tensor | undefined): Tensor {
  if (mode === "max") {
    const within = counted.expandDims(-1).greater(0);
    const best = within.where(rows, Number.NEGATIVE_INFINITY).max(1);
    return counted.sum(1, { keep: true }).greater(0).where(best, 0);
  }
  const shares = weights ? counted.mul(weights) : counted;
  const sums = rows.shape[0] === shares.shape[0] ? rows.mul(shares.expandDims(-1)).sum(1) : shares.matmul(rows.squeeze(0));
  return mode === "sum" ? sums : sums.div(counted.sum(1, { keep: true }).maximum(1));
}

/** The rows that `rowsOf` finds for `index`, put together. */
function bagged(
  where: string,
  index: Tensor,
  offsets: Tensor | undefined,
  weights: Tensor | undefined,
  { mode, includeLastOffset, paddingIdx }: Bagging,
  rowsOf: () => Tensor,
): Tensor {
  expectTensor(where, index);
  if (!modes.includes(mode)) throw unknownName(where, "mode", mode, modes);
  if (weights && mode !== "sum") throw new CambiumError("value", where, `perSampleWeights go with mode "sum", not "${mode}"`);
  if (index.rank > 2 || (index.rank === 2) === (offsets !== undefined))
    throw new CambiumError(
      "shape",
      where,
      `expected [bags, length], or [numbers] with offsets; got ${show(index.shape)} ${offsets ? "with" : "without"} offsets`,
    );
  const rows = rowsOf();
  const taken = paddingIdx === undefined ? undefined : index.notEqual(paddingIdx);
  if (!offsets) return folded(rows, taken?.to(rows.dtype) ?? ones(index.shape, { dtype: rows.dtype }), mode, weights);
  const inside = membership(index, offsets, includeLastOffset);
  const counted = (taken ? inside.mul(taken.to("int32")) : inside).to(rows.dtype);
  return folded(rows.expandDims(0), counted, mode, weights?.expandDims(0));
}

const modes: readonly string[] = ["sum", "mean", "max"];

export interface BagOptions extends Pick<EmbeddingBagOptions, "mode" | "includeLastOffset" | "paddingIdx"> {
  /** For mode `"sum"`: a factor for each row, in the shape of `index`. */
  perSampleWeights?: Tensor;
}

/**
 * The rows of `weight` that each bag names, put together.
 * @shape index [bags, length], or [numbers] and offsets [bags]; weight [rows, size] → [bags, size]
 * @source PyTorch `F.embedding_bag`
 */
export const embeddingBag = (
  index: Tensor,
  weight: Tensor,
  offsets?: Tensor,
  { mode = "mean", includeLastOffset = false, paddingIdx, perSampleWeights }: BagOptions = {},
): Tensor => bagged("embeddingBag", index, offsets, perSampleWeights, { mode, includeLastOffset, paddingIdx }, () => lookUp("embeddingBag", weight, index));

/**
 * The sum, mean or largest numbers of the rows that each bag of whole numbers names; an empty bag gives zeros.
 * @shape [bags, length], or [numbers] and offsets [bags], which say where each bag begins → [bags, embeddingDim]
 * @source PyTorch `nn.EmbeddingBag`, start values included: a standard normal distribution
 */
export class EmbeddingBag extends Embedding {
  readonly mode: "sum" | "mean" | "max";
  readonly includeLastOffset: boolean;

  constructor(numEmbeddings: number, embeddingDim: number, { mode = "mean", includeLastOffset = false, ...options }: EmbeddingBagOptions = {}) {
    super(numEmbeddings, embeddingDim, options);
    if (!modes.includes(mode)) throw unknownName("EmbeddingBag", "mode", mode, modes);
    this.mode = mode;
    this.includeLastOffset = includeLastOffset;
  }

  /** `perSampleWeights`, for mode `"sum"`: a factor for each row, in the shape of `index`. */
  override forward(index: Tensor, offsets?: Tensor, perSampleWeights?: Tensor): Tensor {
    const where = `EmbeddingBag(${this.numEmbeddings}, ${this.embeddingDim})`;
    return bagged(where, index, offsets, perSampleWeights, this, () => this.rowsOf(where, index));
  }

  protected override describe(): string {
    return `${super.describe()}, ${shown({ mode: this.mode })}`;
  }
}
