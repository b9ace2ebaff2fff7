/** Losses on places: what belongs together is to be near, what does not is to be far. */
import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { concat, eye } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { crossEntropy } from "./crossentropy.ts";
import { above } from "./margin.ts";
import { expectSame, reduce, type ReductionOptions } from "./reduce.ts";

/** The distance of order `p` between rows. @source PyTorch `F.pairwise_distance` */
export function pairwiseDistance(x: Tensor, y: Tensor, p = 2, eps = 1e-6): Tensor {
  const apart = x.sub(y).add(eps);
  if (p === 2) return apart.square().sum(-1).sqrt();
  return p === 1
    ? apart.abs().sum(-1)
    : apart
        .abs()
        .pow(p)
        .sum(-1)
        .pow(1 / p);
}

export interface CosineEmbeddingOptions extends ReductionOptions {
  /** The cosine up to which what does not belong together is far enough. Default 0. */
  margin?: number;
}

/** How far the cosine is from 1 (target 1), or above `margin` (−1). @shape inputs [batch, axes] or [axes], target [batch] or [] @source PyTorch `F.cosine_embedding_loss` */
export function cosineEmbeddingLoss(input1: Tensor, input2: Tensor, target: Tensor, { margin = 0, reduction }: CosineEmbeddingOptions = {}): Tensor {
  const where = "cosineEmbeddingLoss";
  expectSame(where, input1, input2);
  if (target.rank !== input1.rank - 1)
    throw new CambiumError("shape", where, `the inputs are ${show(input1.shape)}, the target ${show(target.shape)}; it must have one number a row`);
  const length = (x: Tensor): Tensor => x.square().sum(-1).add(1e-12);
  const cosine = input1
    .mul(input2)
    .sum(-1)
    .div(length(input1).mul(length(input2)).sqrt());
  const together = target.equal(1).where(cosine.neg().add(1), 0);
  const apart = target.equal(-1).where(above(cosine.sub(margin)), 0);
  return reduce(where, together.add(apart), reduction);
}

export interface TripletMarginOptions extends ReductionOptions {
  /** How much farther what does not belong is to be. Default 1. */
  margin?: number;
  /** Whether the distance from the positive counts where it is the smaller one. Default `false`. */
  swap?: boolean;
}

export interface TripletDistanceOptions extends TripletMarginOptions {
  /** The order of the distance. Default 2. */
  p?: number;
  /** Keeps the distance's slope finite. Default 1e-6. */
  eps?: number;
}

export interface TripletWithDistanceOptions extends TripletMarginOptions {
  /** From two tensors of rows to one number a row. Default: the distance of order 2. */
  distanceFunction?: (x: Tensor, y: Tensor) => Tensor;
}

/** What the negative lacks of being farther from the anchor than the positive, by any distance. @shape all three [batch, axes] @source PyTorch `F.triplet_margin_with_distance_loss` */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { distanceFunction = pairwiseDistance, margin = 1, swap = false, reduction }: TripletWithDistanceOptions = {},
): Tensor {
  const where = "tripletMarginLoss";
  expectSame(where, anchor, positive);
  expectSame(where, anchor, negative);
  if (!(margin > 0)) throw new CambiumError("value", where, `margin is ${margin}; it is a distance above 0`);
  const far = distanceFunction(anchor, negative);
  const farther = swap ? far.minimum(distanceFunction(positive, negative)) : far;
  return reduce(where, above(distanceFunction(anchor, positive).sub(farther).add(margin)), reduction);
}

/** What the negative lacks of being farther from the anchor than the positive. @shape all three [batch, axes] @source PyTorch `F.triplet_margin_loss`; Schroff et al., "FaceNet" (2015) */
export const tripletMarginLoss = (anchor: Tensor, positive: Tensor, negative: Tensor, { p = 2, eps = 1e-6, ...rest }: TripletDistanceOptions = {}): Tensor =>
  tripletMarginWithDistanceLoss(anchor, positive, negative, { ...rest, distanceFunction: (x, y) => pairwiseDistance(x, y, p, eps) });

export interface ContrastiveOptions extends ReductionOptions {
  /** How large a distance is wanted between what does not belong together. Default 1. */
  margin?: number;
}

/**
 * The square of the distance where a pair belongs together (target 1), the square of what it lacks of `margin` where not (0).
 * @shape distance and target [...]
 * @source Hadsell, Chopra and LeCun, "Dimensionality reduction by learning an invariant mapping" (2006)
 */
export function contrastiveLoss(distance: Tensor, target: Tensor, { margin = 1, reduction }: ContrastiveOptions = {}): Tensor {
  expectSame("contrastiveLoss", distance, target);
  const truth = target.to(distance.dtype);
  const apart = above(distance.mul(-1).add(margin)).square();
  return reduce("contrastiveLoss", truth.mul(distance.square()).add(truth.mul(-1).add(1).mul(apart)), reduction);
}

export interface TemperatureOptions extends ReductionOptions {
  /** What similarities are divided by: the smaller, the more the nearest others count. */
  temperature?: number;
}

const unit = (x: Tensor): Tensor => x.div(x.square().sum(-1, { keep: true }).sqrt().maximum(1e-12));

function expectTemperature(where: string, temperature: number): void {
  if (!(temperature > 0)) throw new CambiumError("value", where, `temperature is ${temperature}; it is a number above 0`);
}

/**
 * How surprising it is to a query that its own key, of all keys of the batch, belongs to it. Rows are brought to length 1.
 * @shape query and key [batch, axes]
 * @source van den Oord et al., "Representation learning with contrastive predictive coding" (2018); temperature 0.1
 */
export function infoNceLoss(query: Tensor, key: Tensor, { temperature = 0.1, reduction }: TemperatureOptions = {}): Tensor {
  const where = "infoNceLoss";
  expectSame(where, query, key);
  expectTemperature(where, temperature);
  const similar = unit(query).matmul(unit(key).transpose()).div(temperature);
  return crossEntropy(similar, eye(query.shape[0]!, query.shape[0]!, { dtype: query.dtype === "float64" ? "float64" : "float32" }), { reduction });
}

/**
 * How surprising it is to each of two views that the other, of all views of the batch, is of the same sample.
 * @shape both [batch, axes]; with `reduction: "none"` → [2 · batch]
 * @source Chen et al., "A simple framework for contrastive learning" (SimCLR, 2020); temperature 0.5
 */
export function ntXentLoss(view1: Tensor, view2: Tensor, { temperature = 0.5, reduction }: TemperatureOptions = {}): Tensor {
  const where = "ntXentLoss";
  expectSame(where, view1, view2);
  expectTemperature(where, temperature);
  const n = view1.shape[0]!;
  const views = unit(concat([view1, view2]));
  const itself = eye(2 * n);
  const similar = itself.equal(1).where(-1e9, views.matmul(views.transpose()).div(temperature));
  const other = concat([itself.slice([n]), itself.slice([0], [n])]).to(views.dtype);
  return crossEntropy(similar, other, { reduction });
}
