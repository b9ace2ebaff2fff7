/** Keras' metrics. Those that are means give one number a sample when called with tensors. */
import type { Tensor } from "../tensor/tensor.ts";
import { mean, metric, type Metric, paired } from "./metric.ts";

/** Class numbers, without an axis of size 1 at the end. */
const classes = (yTrue: Tensor, yPred: Tensor): Tensor =>
  (yTrue.rank === yPred.rank && yTrue.shape.at(-1) === 1 ? yTrue.reshape(yTrue.shape.slice(0, -1)) : yTrue).to("int32");

/** The share of numbers over which truth and prediction agree, over the last axis. */
const share = (agree: Tensor): Tensor => (agree.rank > 1 ? agree.to("float32").mean(-1) : agree.to("float32"));

/** How often the class with the largest share is the labelled one. @shape yTrue [batch, ...] or [batch, ..., 1], yPred [batch, ..., classes] */
export const sparseCategoricalAccuracy: Metric = metric("sparseCategoricalAccuracy", () =>
  mean((yTrue, yPred) => classes(yTrue, yPred).equal(yPred.argMax(-1)).to("float32")),
);

/** How often the class with the largest share is that of the one-hot row. @shape [batch, ..., classes] twice */
export const categoricalAccuracy: Metric = metric("categoricalAccuracy", () => mean((yTrue, yPred) => yTrue.argMax(-1).equal(yPred.argMax(-1)).to("float32")));

/** How often a chance is on the right side of `threshold`. @shape [batch, ..., outputs] twice */
export const binaryAccuracy: Metric<{ threshold: number }> = metric("binaryAccuracy", ({ threshold = 0.5 }) =>
  mean((yTrue, yPred) => {
    const [truth, prediction] = paired("binaryAccuracy", yTrue, yPred);
    return share(prediction.greater(threshold).to("float32").equal(truth.to("float32")));
  }),
);

/** The metric that the word "accuracy" means for labels and predictions of such shapes. @source Keras, `is_binary_or_sparse_categorical` */
export function accuracyFor(yTrue: readonly number[], yPred: readonly number[]): Metric {
  const [lastTrue, lastPred] = [yTrue.at(-1), yPred.at(-1)];
  if (lastPred === 1) return binaryAccuracy as Metric;
  if (yTrue.length < yPred.length || (lastTrue === 1 && (lastPred ?? 0) > 1)) return sparseCategoricalAccuracy;
  return categoricalAccuracy;
}

/** How often predictions are right: of classes, one-hot rows or bits, as the shapes tell. */
export const accuracy: Metric = metric("accuracy", () => mean((yTrue, yPred) => accuracyFor(yTrue.shape, yPred.shape)(yTrue, yPred)));

/** How many classes are predicted more strongly than the labelled one; NaN counts as infinitely many. */
function stronger(labels: Tensor, yPred: Tensor): Tensor {
  const hot = labels.oneHot(yPred.shape.at(-1)!);
  const strength = yPred.mul(hot).sum(-1, { keep: true });
  return yPred.greater(strength).to("float32").sum(-1);
}

/** How often the labelled class is among the `k` strongest. @shape yTrue [batch, ...], yPred [batch, ..., classes] */
export const sparseTopKCategoricalAccuracy: Metric<{ k: number }> = metric("sparseTopKCategoricalAccuracy", ({ k = 5 }) =>
  mean((yTrue, yPred) => stronger(classes(yTrue, yPred), yPred).less(k).to("float32")),
);

/** How often the class of the one-hot row is among the `k` strongest. @shape [batch, ..., classes] twice */
export const topKCategoricalAccuracy: Metric<{ k: number }> = metric("topKCategoricalAccuracy", ({ k = 5 }) =>
  mean((yTrue, yPred) => stronger(yTrue.argMax(-1), yPred).less(k).to("float32")),
);

/** The mean over the last axis; a sample that is a single number stays. */
const each = (values: Tensor): Tensor => (values.rank > 1 ? values.mean(-1) : values);

const distances = (where: string, yTrue: Tensor, yPred: Tensor): Tensor => {
  const [truth, prediction] = paired(where, yTrue, yPred);
  return prediction.sub(truth.to(prediction.dtype));
};

/** The mean squared distance. */
export const meanSquaredError: Metric = metric("meanSquaredError", () => mean((yTrue, yPred) => each(distances("meanSquaredError", yTrue, yPred).square())));

/** The mean distance. */
export const meanAbsoluteError: Metric = metric("meanAbsoluteError", () => mean((yTrue, yPred) => each(distances("meanAbsoluteError", yTrue, yPred).abs())));

/** The root of the mean squared distance. */
export const rootMeanSquaredError: Metric = metric("rootMeanSquaredError", () =>
  mean((yTrue, yPred) => each(distances("rootMeanSquaredError", yTrue, yPred).square()), Math.sqrt),
);

/** The cosine of the angle between truth and prediction. */
export const cosineSimilarity: Metric<{ axis: number }> = metric("cosineSimilarity", ({ axis = -1 }) =>
  mean((yTrue, yPred) => {
    const [truth, prediction] = paired("cosineSimilarity", yTrue, yPred);
    const unit = (x: Tensor): Tensor => x.mul(x.square().sum(axis, { keep: true }).rsqrt().minimum(1e7));
    return unit(truth.to(prediction.dtype)).mul(unit(prediction)).sum(axis);
  }),
);
