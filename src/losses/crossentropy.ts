import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { range } from "../ops/gather.ts";
import { crossEntropy as surprise } from "../ops/softmax.ts";
import { asTensor } from "../tensor/create.ts";
import { atHand } from "../tensor/known.ts";
import { Tensor } from "../tensor/tensor.ts";
import { checkLabels } from "./labels.ts";
import { reduce, type ReductionOptions } from "./reduce.ts";

export interface NLLOptions extends ReductionOptions {
  /** How much each class counts. */
  weight?: Tensor | readonly number[];
  /** A label that does not count. Default −100. */
  ignoreIndex?: number;
}

export interface CrossEntropyOptions extends NLLOptions {
  /** How much of each label is shared out among all classes. Default 0. */
  labelSmoothing?: number;
}

/** The classes, on axis 1 (or 0 without batch), moved to the last axis. */
function classesLast(x: Tensor): Tensor {
  if (x.rank < 3) return x;
  return x.permute([0, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 2), 1]);
}

type Labels = { kind: "classes" | "shares"; labels: Tensor };

/** The target as class numbers or as shares of each class, as its shape tells. */
function labelsOf(where: string, input: Tensor, target: Tensor, ignoreIndex: number): Labels {
  if (input.rank === 0) throw new CambiumError("shape", where, "the prediction is a single number; it must be [classes] or [batch, classes, ...]");
  const classes = input.shape[Math.min(1, input.rank - 1)]!;
  const samples = input.shape.filter((_, i) => i !== Math.min(1, input.rank - 1));
  if (same(target.shape, samples)) {
    const numbers = atHand(target);
    if (numbers) checkLabels(numbers, classes, where, ignoreIndex);
    return { kind: "classes", labels: target.dtype === "uint8" ? target : target.to("int32") };
  }
  if (same(target.shape, input.shape)) return { kind: "shares", labels: classesLast(target.to(input.dtype)) };
  throw new CambiumError(
    "shape",
    where,
    `the prediction is ${show(input.shape)}, the target ${show(target.shape)}; the target must be class numbers of shape ${show(samples)} or shares of each class of shape ${show(input.shape)}`,
    same(target.shape, [...samples, 1]) ? `take the last axis off: target.reshape(${show(samples)})` : undefined,
  );
}

/** Minus the logarithmic shares `logs` (classes last) of the labelled classes, weighted and smoothed, reduced. */
function negativeLog(where: string, logs: Tensor, labels: Tensor, { weight, ignoreIndex = -100, labelSmoothing = 0, reduction }: CrossEntropyOptions): Tensor {
  const classes = logs.shape[logs.rank - 1]!;
  const weights = weight === undefined ? undefined : asTensor(weight as Tensor).to(logs.dtype);
  if (weights && !same(weights.shape, [classes]))
    throw new CambiumError("shape", where, `weight is ${show(weights.shape)}; it must hold one number for each of the ${classes} classes`);
  const counts = labels.notEqual(ignoreIndex);
  const each = labels.reshape([...labels.shape, 1]);
  const chosen = each.equal(new Tensor(range([classes]))).logicalAnd(counts.reshape(each.shape));
  const weighted = weights ? logs.mul(weights) : logs;
  let losses = chosen.where(weighted, 0).sum(-1).neg();
  if (labelSmoothing !== 0) losses = losses.mul(1 - labelSmoothing).sub(counts.where(weighted.sum(-1), 0).mul(labelSmoothing / classes));
  if (reduction !== undefined && reduction !== "mean") return reduce(where, losses, reduction);
  const total = weights ? chosen.where(weights, 0).sum() : counts.to(logs.dtype).sum();
  return losses.sum().div(total);
}

/**
 * How surprising the truth is to scores (before any softmax).
 * @shape input [batch, classes, ...] (or [classes]), target [batch, ...] of class numbers or shaped like input, of shares
 * @throws a `shape` error when they do not fit, a `data` error for a label outside the classes
 * @source PyTorch `F.cross_entropy`
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const where = "crossEntropy";
  const { weight, ignoreIndex = -100, labelSmoothing = 0, reduction = "mean" } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) throw new CambiumError("value", where, `labelSmoothing is a share from 0 to 1, got ${labelSmoothing}`);
  const { kind, labels } = labelsOf(where, input, target, ignoreIndex);
  const scores = classesLast(input);
  const classes = scores.shape[scores.rank - 1]!;
  if (kind === "shares") {
    const smooth = labelSmoothing === 0 ? labels : labels.mul(1 - labelSmoothing).add(labelSmoothing / classes);
    return reduce(where, new Tensor(surprise(scores.node, (weight === undefined ? smooth : smooth.mul(asTensor(weight as Tensor))).node)), reduction);
  }
  const ignoring = ignoreIndex >= 0 && ignoreIndex < classes;
  if (weight !== undefined || labelSmoothing !== 0 || ignoring) return negativeLog(where, scores.logSoftmax(-1), labels, options);
  const losses = new Tensor(surprise(scores.node, labels.node));
  // A byte cannot say that it is to be ignored, so the mean is over all.
  if (reduction !== "mean" || labels.dtype === "uint8") return reduce(where, losses, reduction);
  return losses.sum().div(labels.notEqual(ignoreIndex).to(scores.dtype).sum());
}

/**
 * Minus the logarithmic share (as from logSoftmax) of the true class.
 * @shape input [batch, classes, ...] (or [classes]), target [batch, ...] of class numbers
 * @source PyTorch `F.nll_loss`
 */
export function nllLoss(input: Tensor, target: Tensor, options: NLLOptions = {}): Tensor {
  const where = "nllLoss";
  const { kind, labels } = labelsOf(where, input, target, options.ignoreIndex ?? -100);
  if (kind === "shares")
    throw new CambiumError(
      "shape",
      where,
      `the target is ${show(target.shape)}, as the prediction; it must be class numbers`,
      "use crossEntropy for shares of each class",
    );
  return negativeLog(where, classesLast(input), labels, options);
}
