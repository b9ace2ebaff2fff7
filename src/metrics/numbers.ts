/** Metrics of predicted numbers beside those that are plain means. */
import { CambiumError } from "../base/error.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { mean, metric, type Metric, paired, tallied } from "./metric.ts";

export interface R2Options {
  /** How columns are put together; `null` gives one number each. Default `"uniformAverage"`. */
  classAggregation: "uniformAverage" | "uniform_average" | "varianceWeightedAverage" | "variance_weighted_average" | null;
  /** How many numbers the prediction was made from, to be corrected for. Default 0: not. */
  numRegressors: number;
}

/** How much of the truth's variance is predicted. @shape [batch, columns] twice @source Keras `R2Score` */
export const r2Score: Metric<R2Options> = metric("r2Score", ({ classAggregation = "uniformAverage", numRegressors = 0 }) => {
  const way = classAggregation?.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) ?? null;
  if (way !== null && way !== "uniformAverage" && way !== "varianceWeightedAverage")
    throw new CambiumError(
      "name",
      "r2Score",
      `there is no classAggregation "${String(classAggregation)}"; it is "uniformAverage", "varianceWeightedAverage" or null`,
    );
  return tallied(
    (t, p, w) => {
      const [truth, prediction] = paired("r2Score", t, p);
      const rows = (x: Tensor): Tensor => (x.rank === 1 ? x.expandDims(1) : x).to("float32");
      const [y, f] = [rows(truth), rows(prediction)];
      const beside = w?.to("float32").reshape([-1, 1]);
      const sum = (x: Tensor): Tensor => (beside ? x.mul(beside) : x).sum(0).reshape([-1]);
      return [sum(y), sum(y.square()), sum(y.sub(f).square()), sum(y.mul(0).add(1)), y.size];
    },
    (sums) => {
      const n = (sums.length - 1) / 4;
      const samples = sums.at(-1)!;
      const columns = Array.from({ length: n }, (_, i) => {
        const [total, squares, errors, count] = [sums[i]!, sums[n + i]!, sums[2 * n + i]!, sums[3 * n + i]!];
        const spread = squares - total * (total / count);
        const score = 1 - errors / spread;
        return { spread, score: Math.abs(score) === Infinity ? 0 : score };
      });
      const corrected = (score: number): number =>
        numRegressors === 0 || numRegressors >= samples - 1 ? score : 1 - ((1 - score) * (samples - 1)) / (samples - numRegressors - 1);
      if (way === null) return columns.map(({ score }) => corrected(score));
      if (way === "uniformAverage") return corrected(columns.reduce((sum, { score }) => sum + score, 0) / n);
      const spread = columns.reduce((sum, column) => sum + column.spread, 0);
      return corrected(columns.reduce((sum, column) => sum + column.spread * column.score, 0) / spread);
    },
  );
});

interface AxisOptions {
  /** Along which numbers are compared. Default −1. */
  axis: number;
}

/** The mean, and how far numbers are from it. */
const centered = (x: Tensor, axis: number): { middle: Tensor; rest: Tensor } => {
  const middle = x.mean(axis, { keep: true });
  return { middle, rest: x.sub(middle) };
};

/** How truth and prediction go up and down together, from −1 to 1. @shape [batch, numbers] twice @source Keras `PearsonCorrelation` */
export const pearsonCorrelation: Metric<AxisOptions> = metric("pearsonCorrelation", ({ axis = -1 }) =>
  mean((yTrue, yPred) => {
    const [t, p] = paired("pearsonCorrelation", yTrue, yPred);
    const unit = (x: Tensor): Tensor => {
      const { rest } = centered(x.to("float32"), axis);
      return rest.div(rest.square().mean(axis, { keep: true }).sqrt());
    };
    return unit(t).mul(unit(p)).mean(axis);
  }),
);

/** The same, where sizes must agree too. @shape [batch, numbers] twice @source Keras `ConcordanceCorrelation`; Lin (1989) */
export const concordanceCorrelation: Metric<AxisOptions> = metric("concordanceCorrelation", ({ axis = -1 }) =>
  mean((yTrue, yPred) => {
    const [t, p] = paired("concordanceCorrelation", yTrue, yPred);
    const [a, b] = [centered(t.to("float32"), axis), centered(p.to("float32"), axis)];
    const spread = (x: Tensor): Tensor => x.square().mean(axis, { keep: true });
    const norm = spread(a.rest).add(spread(b.rest)).add(a.middle.sub(b.middle).square()).add(1e-7);
    // As in Keras, the truth is measured from the prediction's mean: in the sum it is the same.
    return t.to("float32").sub(b.middle).mul(b.rest).mul(2).div(norm).mean(axis);
  }),
);

/** How many equally likely words the model chooses among, as a rule: `exp` of the mean surprise. @shape yTrue [batch, ...] of class numbers, yPred [batch, ..., classes] of shares, or scores with `fromLogits` */
export const perplexity: Metric<{ fromLogits: boolean; ignoreClass: number }> = metric("perplexity", ({ fromLogits = false, ignoreClass }) =>
  tallied(
    (yTrue, yPred, weight) => {
      const labels = yTrue.to("int32").reshape(yPred.shape.slice(0, -1));
      const logs = fromLogits ? yPred.logSoftmax(-1) : yPred.maximum(1e-30).log();
      const counts = ignoreClass === undefined ? labels.equal(labels) : labels.notEqual(ignoreClass);
      const places = counts.where(labels, 0);
      const beside = weight?.to("float32").reshape([...weight.shape, ...Array<number>(labels.rank - weight.rank).fill(1)]);
      const shares = beside ? counts.to("float32").mul(beside) : counts.to("float32");
      return [
        logs
          .mul(places.oneHot(yPred.shape.at(-1)!).to(logs.dtype))
          .sum(-1)
          .neg()
          .mul(shares)
          .sum(),
        shares.sum(),
      ];
    },
    ([surprise, count]) => (count === 0 ? 0 : Math.exp(surprise! / count!)),
  ),
);

/** How far stated chances are from how often they come true: the mean over bins of equal width. @shape yTrue [batch] of class numbers, yPred [batch, classes]; or both [batch] or [batch, 1], of bits and chances @source Guo et al., "On calibration of modern neural networks" (2017); 10 bins */
export const calibrationError: Metric<{ bins: number }> = metric("calibrationError", ({ bins = 10 }) => {
  if (!Number.isInteger(bins) || bins < 1) throw new CambiumError("value", "calibrationError", `bins is ${bins}; it is a whole number from 1`);
  return tallied(
    (yTrue, yPred, weight) => {
      const several = yPred.rank > 1 && yPred.shape.at(-1)! > 1;
      const [chances, right] = several
        ? [
            yPred.max(-1).reshape([-1]),
            yTrue
              .to("int32")
              .reshape([-1])
              .equal(yPred.argMax(-1).reshape([-1])),
          ]
        : [yPred.reshape([-1]), yTrue.reshape([-1]).notEqual(0)];
      const place = chances
        .mul(bins)
        .ceil()
        .sub(1)
        .maximum(0)
        .minimum(bins - 1)
        .to("int32");
      const hot = place.oneHot(bins).to("float32");
      const beside = weight ? hot.mul(weight.to("float32").reshape([-1, 1])) : hot;
      return [beside.sum(0), beside.mul(chances.expandDims(1)).sum(0), beside.mul(right.to("float32").expandDims(1)).sum(0)];
    },
    (sums) => {
      const total = sums.slice(0, bins).reduce((a, b) => a + b, 0);
      let error = 0;
      for (let i = 0; i < bins; i++) error += Math.abs(sums[bins + i]! - sums[2 * bins + i]!);
      return total === 0 ? 0 : error / total;
    },
  );
});
