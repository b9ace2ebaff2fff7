/** Keras' losses: `(yTrue, yPred)` gives one number for each sample, so that whoever calls can weigh the samples. */
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import type { AnyOp } from "../graph/node.ts";
import { sigmoid } from "../ops/activation.ts";
import { crossEntropy, softmax } from "../ops/softmax.ts";
import { atHand } from "../tensor/known.ts";
import { Tensor } from "../tensor/tensor.ts";
import { surpriseOfScores } from "./binary.ts";
import { huberDistance } from "./distance.ts";
import { countedOnly, type LossFunction, lossFunction } from "./function.ts";
import { checkLabels } from "./labels.ts";
import { each, epsilon, paired } from "./pair.ts";

/** A loss that is a mean over numbers compared one by one. */
const mean = <Options extends object = object>(
  name: string,
  compare: (truth: Tensor, prediction: Tensor, options: Partial<Options>) => Tensor,
): LossFunction<Options> => lossFunction<Options>(name, "numbers", (yTrue, yPred, options) => each(compare(...paired(name, yTrue, yPred), options)));

/** The mean squared distance. @shape [batch, ...] twice → [batch, ... without the last] */
export const meanSquaredError: LossFunction = mean("meanSquaredError", (t, p) => p.sub(t).square());

/** The mean distance. */
export const meanAbsoluteError: LossFunction = mean("meanAbsoluteError", (t, p) => p.sub(t).abs());

/** The mean distance, as percent of the truth. */
export const meanAbsolutePercentageError: LossFunction = mean("meanAbsolutePercentageError", (t, p) => t.sub(p).div(t.abs().maximum(epsilon)).abs().mul(100));

/** The mean squared distance of the logarithms (of one more than each number). */
export const meanSquaredLogarithmicError: LossFunction = mean("meanSquaredLogarithmicError", (t, p) =>
  p.maximum(epsilon).log1p().sub(t.maximum(epsilon).log1p()).square(),
);

/** Squares up to a distance of `delta`, straight lines beyond. */
export const huber: LossFunction<{ delta: number }> = mean("huber", (t, p, { delta = 1 }) => huberDistance(p, t, delta));

/** The logarithm of the hyperbolic cosine of the distance: a square near 0, the distance farther off. */
export const logCosh: LossFunction = mean("logCosh", (t, p) => {
  const distance = p.sub(t);
  return distance.add(distance.mul(-2).softplus()).sub(Math.LN2);
});

/** For counts: the prediction less `yTrue · log(yPred)`. */
export const poisson: LossFunction = mean("poisson", (t, p) => p.sub(t.mul(p.add(epsilon).log())));

/** Truth of 0 and 1 as −1 and 1; other truths stay. */
function signs(truth: Tensor): Tensor {
  const bits = truth.equal(0).logicalOr(truth.equal(1)).all();
  return bits.where(truth.mul(2).sub(1), truth);
}

/** What is missing to a margin of 1; at the margin itself the slope is still that of what is missing, as in Keras. */
function lack(margin: Tensor): Tensor {
  const missing = margin.mul(-1).add(1);
  return missing.less(0).where(0, missing);
}

/** How far predictions lack a margin of 1 on the right side. Truths are −1 and 1, or 0 and 1. */
export const hinge: LossFunction = mean("hinge", (t, p) => lack(signs(t).mul(p)));

/** The squares of what `hinge` gives. */
export const squaredHinge: LossFunction = mean("squaredHinge", (t, p) => lack(signs(t).mul(p)).square());

/** How far the true class lacks a margin of 1 over the strongest other one. */
export const categoricalHinge: LossFunction = lossFunction("categoricalHinge", "oneHot", (yTrue, yPred) => {
  const [t, p] = paired("categoricalHinge", yTrue, yPred);
  const others = t.mul(-1).add(1).mul(p).max(-1);
  return lack(t.mul(p).sum(-1).sub(others));
});

/** How far the predicted distribution lies from the true one. */
export const kullbackLeiblerDivergence: LossFunction = lossFunction("kullbackLeiblerDivergence", "numbers", (yTrue, yPred) => {
  const [t, p] = paired("kullbackLeiblerDivergence", yTrue, yPred).map((x) => x.clamp(epsilon, 1)) as [Tensor, Tensor];
  return t.mul(t.div(p).log()).sum(-1);
});

/** Minus the cosine of the angle between truth and prediction: −1 when they point the same way. */
export const cosineSimilarity: LossFunction<{ axis: number }> = lossFunction("cosineSimilarity", "numbers", (yTrue, yPred, { axis = -1 }) => {
  const [t, p] = paired("cosineSimilarity", yTrue, yPred);
  const unit = (x: Tensor): Tensor =>
    x.mul(
      x
        .square()
        .sum(axis, { keep: true })
        .rsqrt()
        .minimum(1 / epsilon),
    );
  return unit(t).mul(unit(p)).sum(axis).neg();
});

/** The input of `op` where `x` is its result: so that a loss can be taken from scores, exactly, and not from shares. */
function before(op: AnyOp, x: Tensor): Tensor | undefined {
  const { leaf } = x;
  if (leaf.op !== op || leaf.inputs.length === 0) return undefined;
  if (leaf.attrs["axis"] !== undefined && leaf.attrs["axis"] !== x.rank - 1) return undefined;
  return new Tensor(leaf.inputs[0]!);
}

export interface CrossentropyOptions {
  /** The predictions are scores from before the softmax or sigmoid. Default `false`. */
  fromLogits: boolean;
  /** How much of each label is shared out among all classes. Default 0. */
  labelSmoothing: number;
  /** Where the classes are. Default −1, the last axis. */
  axis: number;
}

/** `x` with the axis of the classes last. */
const classesLast = (x: Tensor, axis = -1): Tensor => (axis === -1 || axis === x.rank - 1 ? x : x.moveAxis(axis, x.rank - 1));

/** The scores behind a prediction, if they can be had. */
const scoresOf = (op: AnyOp, yPred: Tensor, fromLogits: boolean | undefined): Tensor | undefined => (fromLogits ? yPred : before(op, yPred));

/** Logarithms of shares, kept finite as Keras keeps them. */
const logShares = (yPred: Tensor): Tensor =>
  yPred
    .div(yPred.sum(-1, { keep: true }))
    .clamp(epsilon, 1 - epsilon)
    .log();

/**
 * How surprising one-hot labels are to predicted shares.
 * @shape [batch, ..., classes] twice → [batch, ...]
 * @throws a `shape` error for labels that are class numbers
 * @source Keras `categorical_crossentropy`; after a softmax it is taken from the scores
 */
export const categoricalCrossentropy: LossFunction<CrossentropyOptions> = lossFunction(
  "categoricalCrossentropy",
  "oneHot",
  (given, predicted, { fromLogits, labelSmoothing = 0, axis }) => {
    const [yTrue, yPred] = [classesLast(given, axis), classesLast(predicted, axis)];
    const classes = yPred.shape[yPred.rank - 1] ?? 0;
    if (!same(yTrue.shape, yPred.shape)) {
      const numbers = same(yTrue.shape, yPred.shape.slice(0, -1)) || same(yTrue.shape, [...yPred.shape.slice(0, -1), 1]);
      throw new CambiumError(
        "shape",
        "categoricalCrossentropy",
        `yTrue is ${show(yTrue.shape)}, yPred is ${show(yPred.shape)}: ${numbers ? "categoricalCrossentropy needs one-hot labels" : "they must be equal"}`,
        numbers ? "use sparseCategoricalCrossentropy for labels that are class numbers" : undefined,
      );
    }
    if (classes === 1)
      throw new CambiumError(
        "shape",
        "categoricalCrossentropy",
        `yPred is ${show(yPred.shape)}: the shares of a single class are always 1`,
        "use binaryCrossentropy, or give the last layer one unit a class",
      );
    const truth = yTrue.to(yPred.dtype);
    const smooth = labelSmoothing === 0 ? truth : truth.mul(1 - labelSmoothing).add(labelSmoothing / classes);
    const scores = scoresOf(softmax, yPred, fromLogits);
    return scores ? new Tensor(crossEntropy(scores.node, smooth.node)) : smooth.mul(logShares(yPred)).sum(-1).neg();
  },
);

export interface SparseOptions {
  /** The predictions are scores from before the softmax. Default `false`. */
  fromLogits: boolean;
  /** A label whose samples do not count. */
  ignoreClass: number;
  /** Where the classes are. Default −1, the last axis. */
  axis: number;
}

/**
 * How surprising labels that are class numbers are to predicted shares.
 * @shape yTrue [batch, ...] or [batch, ..., 1], yPred [batch, ..., classes] → [batch, ...]
 * @throws a `shape` error for one-hot labels, a `data` error for a label outside the classes when the labels are at hand
 * @source Keras `sparse_categorical_crossentropy`; after a softmax it is taken from the scores
 */
export const sparseCategoricalCrossentropy: LossFunction<SparseOptions> = lossFunction(
  "sparseCategoricalCrossentropy",
  "classes",
  (given, predicted, { fromLogits, ignoreClass, axis }) => {
    const where = "sparseCategoricalCrossentropy";
    const yPred = classesLast(predicted, axis);
    const yTrue = given.rank === predicted.rank ? classesLast(given, axis) : given;
    const samples = yPred.shape.slice(0, -1);
    const classes = yPred.shape[yPred.rank - 1] ?? 0;
    if (!same(yTrue.shape, samples) && !same(yTrue.shape, [...samples, 1])) {
      const oneHot = same(yTrue.shape, yPred.shape);
      throw new CambiumError(
        "shape",
        where,
        `yTrue is ${show(yTrue.shape)}, yPred is ${show(yPred.shape)}: ${oneHot ? `${where} needs class numbers, one a sample` : `yTrue must be ${show(samples)}`}`,
        oneHot ? "use categoricalCrossentropy for one-hot labels" : undefined,
      );
    }
    const numbers = atHand(yTrue);
    if (numbers) checkLabels(numbers, classes, where, ignoreClass);
    const all = (yTrue.dtype === "uint8" ? yTrue : yTrue.to("int32")).reshape(samples);
    const counts = ignoreClass === undefined || ignoreClass === null ? undefined : all.notEqual(ignoreClass);
    const labels = counts ? counts.where(all.to("int32"), 0) : all;
    const scores = scoresOf(softmax, yPred, fromLogits);
    // Shares are cut first and made to add up to 1 after, the other way round than for one-hot labels.
    const losses = new Tensor(crossEntropy((scores ?? yPred.clamp(epsilon, 1 - epsilon).log()).node, labels.node));
    return counts ? countedOnly(counts.where(losses, 0), counts) : losses;
  },
);

/**
 * How surprising labels of 0 and 1 are to predicted chances.
 * @shape [batch, ..., outputs] twice → [batch, ...]
 * @source Keras `binary_crossentropy`; after a sigmoid it is taken from the scores
 */
export const binaryCrossentropy: LossFunction<CrossentropyOptions> = lossFunction(
  "binaryCrossentropy",
  "bits",
  (given, predicted, { fromLogits, labelSmoothing = 0, axis }) => {
    const [yTrue, yPred] = [given, predicted].map((x) => (x.rank === predicted.rank ? classesLast(x, axis) : x)) as [Tensor, Tensor];
    const [truth, prediction] = paired("binaryCrossentropy", yTrue, yPred);
    const smooth = labelSmoothing === 0 ? truth : truth.mul(1 - labelSmoothing).add(labelSmoothing / 2);
    const scores = scoresOf(sigmoid, prediction, fromLogits);
    if (scores) return each(surpriseOfScores(scores, smooth));
    const chance = prediction.clamp(epsilon, 1 - epsilon);
    const negative = smooth.mul(-1).add(1);
    return each(
      smooth
        .mul(chance.log())
        .add(negative.mul(chance.mul(-1).add(1).log()))
        .neg(),
    );
  },
);
