/** Losses that want one number to be larger than another by a margin. */
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { asTensor } from "../tensor/create.ts";
import { atHand } from "../tensor/known.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkLabels } from "./labels.ts";
import { expectSame, reduce, type ReductionOptions } from "./reduce.ts";

/** What is above 0; at 0 itself the slope is still 1, as in PyTorch. */
export const above = (x: Tensor): Tensor => x.less(0).where(0, x);

/** `log(1 + exp(−target · input))`, for targets of 1 and −1. @shape input and target [...] @source PyTorch `F.soft_margin_loss` */
export function softMarginLoss(input: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  expectSame("softMarginLoss", input, target);
  return reduce("softMarginLoss", input.mul(target.to(input.dtype)).neg().softplus(), reduction);
}

export interface HingeEmbeddingOptions extends ReductionOptions {
  /** How large a distance is wanted between what does not belong together. Default 1. */
  margin?: number;
}

/** Distances as they are where the target is 1, and what they lack of `margin` where it is −1. @shape input and target [...] @source PyTorch `F.hinge_embedding_loss` */
export function hingeEmbeddingLoss(input: Tensor, target: Tensor, { margin = 1, reduction }: HingeEmbeddingOptions = {}): Tensor {
  expectSame("hingeEmbeddingLoss", input, target);
  const far = target.equal(1).where(0, above(input.mul(-1).add(margin)));
  const near = target.equal(-1).where(0, input);
  return reduce("hingeEmbeddingLoss", near.add(far), reduction);
}

export interface MarginRankingOptions extends ReductionOptions {
  /** By how much one is to be larger. Default 0. */
  margin?: number;
}

/** What the first lacks of being larger than the second (target 1), or smaller (−1). @shape all three [...] @source PyTorch `F.margin_ranking_loss` */
export function marginRankingLoss(input1: Tensor, input2: Tensor, target: Tensor, { margin = 0, reduction }: MarginRankingOptions = {}): Tensor {
  expectSame("marginRankingLoss", input1, input2);
  expectSame("marginRankingLoss", input1, target);
  const lead = input1.sub(input2).mul(target.to(input1.dtype));
  return reduce("marginRankingLoss", above(lead.mul(-1).add(margin)), reduction);
}

export interface MultiMarginOptions extends ReductionOptions {
  /** The power of what is lacking: 1 or 2. Default 1. */
  p?: number;
  /** By how much the true class is to lead. Default 1. */
  margin?: number;
  /** How much each class counts. */
  weight?: Tensor | readonly number[];
}

/** What the true class lacks of leading every other by `margin`. @shape input [batch, classes] or [classes], target [batch] or [] @source PyTorch `F.multi_margin_loss` */
export function multiMarginLoss(input: Tensor, target: Tensor, { p = 1, margin = 1, weight, reduction }: MultiMarginOptions = {}): Tensor {
  const where = "multiMarginLoss";
  if (p !== 1 && p !== 2) throw new CambiumError("value", where, `p is ${p}; it is 1 or 2`);
  if (input.rank < 1 || input.rank > 2 || !same(target.shape, input.shape.slice(0, -1)))
    throw new CambiumError(
      "shape",
      where,
      `the prediction is ${show(input.shape)}, the target ${show(target.shape)}; it must be [batch, classes], and a class number for each`,
    );
  const classes = input.shape.at(-1)!;
  const numbers = atHand(target);
  if (numbers) checkLabels(numbers, classes, where);
  const labels = target.to("int32");
  const chosen = labels.oneHot(classes).to(input.dtype);
  const lead = input.sub(input.mul(chosen).sum(-1, { keep: true })).add(margin);
  let lack = chosen.equal(1).where(0, lead.relu());
  if (p === 2) lack = lack.square();
  if (weight !== undefined) lack = lack.mul(chosen.mul(asTensor(weight as Tensor)).sum(-1, { keep: true }));
  return reduce(where, lack.sum(-1).div(classes), reduction);
}

/** What the true classes lack of leading all others by 1. The target lists class numbers, and −1 behind the last. @shape input and target [batch, classes] or [classes] @source PyTorch `F.multilabel_margin_loss` */
export function multilabelMarginLoss(input: Tensor, target: Tensor, { reduction }: ReductionOptions = {}): Tensor {
  const where = "multilabelMarginLoss";
  expectSame(where, input, target);
  const classes = input.shape.at(-1)!;
  const numbers = atHand(target);
  if (numbers) checkLabels(numbers, classes, where, -1);
  const labels = target.to("int32");
  const listed = labels.equal(-1).to("int32").cumSum(-1).equal(0);
  const places = labels.maximum(0);
  const hot = places.oneHot(classes).to(input.dtype).mul(listed.to(input.dtype).expandDims(-1));
  const isTarget = hot.sum(-2).greater(0);
  const lead = input.expandDims(-2).sub(input.gatherAlong(places).expandDims(-1)).add(1);
  const counts = listed.expandDims(-1).logicalAnd(isTarget.logicalNot().expandDims(-2));
  return reduce(where, counts.where(lead.relu(), 0).sum([-2, -1]).div(classes), reduction);
}

export interface MultiLabelSoftMarginOptions extends ReductionOptions {
  /** How much each class counts. */
  weight?: Tensor | readonly number[];
}

/** How surprising several labels of 0 and 1 are to scores, the mean over classes. @shape input and target [..., classes] @source PyTorch `F.multilabel_soft_margin_loss` */
export function multilabelSoftMarginLoss(input: Tensor, target: Tensor, { weight, reduction }: MultiLabelSoftMarginOptions = {}): Tensor {
  expectSame("multilabelSoftMarginLoss", input, target);
  const truth = target.to(input.dtype);
  const losses = input.softplus().sub(input.mul(truth));
  return reduce("multilabelSoftMarginLoss", (weight === undefined ? losses : losses.mul(asTensor(weight as Tensor))).mean(-1), reduction);
}
