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
import { type LossFunction, lossFunction } from "./function.ts";
import { checkLabels } from "./labels.ts";

/** What keeps Keras' logarithms and quotients finite. */
const epsilon = 1e-7;

/** Truth and prediction in one shape and dtype; an axis of size 1 at the end may be on one of them only. */
function paired(where: string, yTrue: Tensor, yPred: Tensor): [truth: Tensor, prediction: Tensor] {
  const truth = yTrue.to(yPred.dtype);
  if (same(truth.shape, yPred.shape)) return [truth, yPred];
  if (same([...truth.shape, 1], yPred.shape)) return [truth.reshape(yPred.shape), yPred];
  if (same(truth.shape, [...yPred.shape, 1])) return [truth.reshape(yPred.shape), yPred];
  throw new CambiumError(
    "shape",
    where,
    `yTrue is ${show(yTrue.shape)}, yPred is ${show(yPred.shape)}; they must be equal`,
    yPred.rank > 1 && same(yTrue.shape, yPred.shape.slice(0, -1)) ? "for labels that are class numbers use sparseCategoricalCrossentropy" : undefined,
  );
}

/** The mean over the last axis; a sample that is a single number stays. */
const each = (losses: Tensor): Tensor => (losses.rank > 1 ? losses.mean(-1) : losses);

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
}

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
  (yTrue, yPred, { fromLogits, labelSmoothing = 0 }) => {
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

/**
 * How surprising labels that are class numbers are to predicted shares.
 * @shape yTrue [batch, ...] or [batch, ..., 1], yPred [batch, ..., classes] → [batch, ...]
 * @throws a `shape` error for one-hot labels, a `data` error for a label outside the classes when the labels are at hand
 * @source Keras `sparse_categorical_crossentropy`; after a softmax it is taken from the scores
 */
export const sparseCategoricalCrossentropy: LossFunction<{ fromLogits: boolean }> = lossFunction(
  "sparseCategoricalCrossentropy",
  "classes",
  (yTrue, yPred, { fromLogits }) => {
    const where = "sparseCategoricalCrossentropy";
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
    if (numbers) checkLabels(numbers, classes, where);
    const labels = (yTrue.dtype === "uint8" ? yTrue : yTrue.to("int32")).reshape(samples);
    const scores = scoresOf(softmax, yPred, fromLogits);
    // Shares are cut first and made to add up to 1 after, the other way round than for one-hot labels.
    return new Tensor(crossEntropy((scores ?? yPred.clamp(epsilon, 1 - epsilon).log()).node, labels.node));
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
  (yTrue, yPred, { fromLogits, labelSmoothing = 0 }) => {
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
