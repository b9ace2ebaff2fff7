/** Keras' losses beside those of `keras.ts`: for rare classes, for areas, for sequences, for places. */
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { eye, full } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { alignments } from "./ctc.ts";
import { countedOnly, type LossFunction, lossFunction } from "./function.ts";
import type { CrossentropyOptions } from "./keras.ts";
import { epsilon, paired } from "./pair.ts";

export interface FocalCrossentropyOptions extends CrossentropyOptions {
  /** How much (of) the classes count. Default 0.25. */
  alpha: number;
  /** How much less what is already known counts. Default 2. */
  gamma: number;
}

const raised = (x: Tensor, power: number): Tensor => (power === 2 ? x.square() : x.pow(power));

/** How surprising one-hot labels are to predicted shares, where what is already known counts less. @shape [batch, ..., classes] twice → [batch, ...] @source Keras `categorical_focal_crossentropy`; Lin et al. (2017) */
export const categoricalFocalCrossentropy: LossFunction<FocalCrossentropyOptions> = lossFunction(
  "categoricalFocalCrossentropy",
  "oneHot",
  (yTrue, yPred, { alpha = 0.25, gamma = 2, fromLogits = false, labelSmoothing = 0, axis = -1 }) => {
    const [truth, prediction] = paired("categoricalFocalCrossentropy", yTrue, yPred);
    const classes = prediction.shape.at(axis)!;
    const smooth = labelSmoothing === 0 ? truth : truth.mul(1 - labelSmoothing).add(labelSmoothing / classes);
    const given = fromLogits ? prediction.softmax(axis) : prediction;
    const shares = given.div(given.sum(axis, { keep: true })).clamp(epsilon, 1 - epsilon);
    return raised(shares.mul(-1).add(1), gamma).mul(alpha).mul(smooth.mul(shares.log())).sum(axis).neg();
  },
);

export interface BinaryFocalOptions extends FocalCrossentropyOptions {
  /** Whether positives count `alpha` and negatives the rest. Default `false`. */
  applyClassBalancing: boolean;
}

/** How surprising labels of 0 and 1 are to predicted chances, where what is already known counts less. @shape [batch, ..., outputs] twice → [batch, ...] @source Keras `binary_focal_crossentropy`; Lin et al. (2017) */
export const binaryFocalCrossentropy: LossFunction<BinaryFocalOptions> = lossFunction(
  "binaryFocalCrossentropy",
  "bits",
  (yTrue, yPred, { applyClassBalancing = false, alpha = 0.25, gamma = 2, fromLogits = false, labelSmoothing = 0, axis = -1 }) => {
    const [bits, prediction] = paired("binaryFocalCrossentropy", yTrue, yPred);
    const truth = labelSmoothing === 0 ? bits : bits.mul(1 - labelSmoothing).add(labelSmoothing / 2);
    const other = truth.mul(-1).add(1);
    const chance = fromLogits ? prediction.sigmoid() : prediction;
    const cut = chance.clamp(epsilon, 1 - epsilon);
    const surprise = truth
      .mul(cut.log())
      .add(other.mul(cut.mul(-1).add(1).log()))
      .neg();
    const doubt = truth
      .mul(chance)
      .add(other.mul(chance.mul(-1).add(1)))
      .mul(-1)
      .add(1);
    const losses = raised(doubt, gamma).mul(surprise);
    const balanced = applyClassBalancing ? losses.mul(truth.mul(alpha).add(other.mul(1 - alpha))) : losses;
    return balanced.rank > 1 ? balanced.mean(axis) : balanced;
  },
);

/** Between a mean error and a crossentropy, for labels that may be wrong. @shape yTrue [batch, ...], yPred [batch, ..., classes] @source Keras `categorical_generalized_cross_entropy`; Zhang and Sabuncu (2018) */
export const categoricalGeneralizedCrossEntropy: LossFunction<{ q: number }> = lossFunction(
  "categoricalGeneralizedCrossEntropy",
  "classes",
  (yTrue, yPred, { q = 0.5 }) => {
    const where = "categoricalGeneralizedCrossEntropy";
    if (!(q > 0 && q < 1)) throw new CambiumError("value", where, `q is ${q}; it is between 0 and 1`);
    const samples = yPred.shape.slice(0, -1);
    if (!same(yTrue.shape, samples) && !same(yTrue.shape, [...samples, 1]))
      throw new CambiumError("shape", where, `yTrue is ${show(yTrue.shape)}, yPred is ${show(yPred.shape)}: yTrue must be ${show(samples)}`);
    const chosen = yTrue.to("int32").reshape(samples).oneHot(yPred.shape.at(-1)!).to(yPred.dtype);
    return yPred.mul(chosen).sum(-1).pow(q).mul(-1).add(1).div(q);
  },
);

export interface OverlapOptions {
  /** What is taken together; all, the samples too, when left out. */
  axis: number | readonly number[];
}

export interface TverskyOptions extends OverlapOptions {
  /** How much what was not found counts. Default 0.5. */
  alpha: number;
  /** How much what was found wrongly counts. Default 0.5. */
  beta: number;
}

const together = (x: Tensor, axis: number | readonly number[] | undefined): Tensor => (axis === undefined || axis === null ? x.sum() : x.sum(axis as number));

/** How little the predicted area overlaps with the true one, for unequal mistakes. @shape [batch, ...] twice → one number, or what `axis` leaves @source Keras `tversky`; Salehi et al. (2017) */
export const tversky: LossFunction<TverskyOptions> = lossFunction("tversky", "numbers", (yTrue, yPred, { alpha = 0.5, beta = 0.5, axis }) => {
  const [t, p] = paired("tversky", yTrue, yPred);
  const [both, missed, extra] = [t.mul(p), p.mul(-1).add(1).mul(t), t.mul(-1).add(1).mul(p)].map((x) => together(x, axis)) as [Tensor, Tensor, Tensor];
  return both
    .div(both.add(missed.mul(alpha)).add(extra.mul(beta)).add(epsilon))
    .mul(-1)
    .add(1);
});

/** How little the predicted area overlaps with the true one. @shape [batch, ...] twice → one number, or what `axis` leaves @source Keras `dice`; Milletari et al., "V-Net" (2016) */
export const dice: LossFunction<OverlapOptions> = lossFunction("dice", "numbers", (yTrue, yPred, { axis }) => {
  const [t, p] = paired("dice", yTrue, yPred);
  return together(t.mul(p), axis)
    .mul(2)
    .div(together(t, axis).add(together(p, axis)).add(epsilon))
    .mul(-1)
    .add(1);
});

export interface CircleOptions {
  /** How sharply the worst pairs are picked. Default 80. */
  gamma: number;
  /** Default 0.4. */
  margin: number;
  /** Whether a sample's pair with itself is left out. Default `true`. */
  removeDiagonal: boolean;
}

/** Places of one class drawn together, others driven apart, each pair as strongly as it needs. Places have length 1. @shape yTrue [batch], yPred [batch, axes] → [batch] @source Keras `circle`; Sun et al. (2020) */
export const circle: LossFunction<CircleOptions> = lossFunction("circle", "classes", (yTrue, yPred, { gamma = 80, margin = 0.4, removeDiagonal = true }) => {
  const n = yPred.shape[0]!;
  const labels = yTrue.to("int32").reshape([n, 1]);
  const alike = labels.equal(labels.transpose());
  const positive = removeDiagonal ? alike.logicalAnd(eye(n).equal(0)) : alike;
  const negative = alike.logicalNot();
  const apart = yPred.matmul(yPred.transpose()).mul(-1).add(1).maximum(0);
  const near = positive.where(apart.add(margin), 0).maximum(0).mul(apart.mul(-1).add(margin)).mul(-gamma);
  const far = negative
    .where(apart.mul(-1).add(1 + margin), 0)
    .maximum(0)
    .mul(apart.mul(-1).add(1 - margin))
    .mul(gamma);
  const worst = (mask: Tensor, x: Tensor): Tensor => mask.where(x, -1e30).logSumExp(-1);
  const losses = worst(positive, near).add(worst(negative, far)).softplus();
  // A sample without a partner, or without a stranger, has nothing to say.
  return countedOnly(losses, losses.greater(0));
});

/** How surprising labels in order are to scores of any length; 0 fills up the labels and is the blank. @shape yTrue [batch, longest], yPred [batch, time, classes] → [batch] @source Keras `ctc`; Graves et al. (2006) */
export const ctc: LossFunction = lossFunction("ctc", "numbers", (yTrue, yPred) => {
  if (yTrue.rank !== 2 || yPred.rank !== 3)
    throw new CambiumError(
      "shape",
      "ctc",
      `yTrue is ${show(yTrue.shape)}, yPred is ${show(yPred.shape)}; they must be [batch, longest] and [batch, time, classes]`,
    );
  const [batch, time] = yPred.shape as [number, number];
  const lengths = yTrue.notEqual(0).to("int32").sum(-1);
  return alignments("ctc", yPred.logSoftmax(-1).permute([1, 0, 2]), yTrue, full([batch], time, { dtype: "int32" }), lengths, 0);
});
