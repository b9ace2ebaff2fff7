/** Metrics of a table of classes: how often each true class was taken for each. */
import { CambiumError } from "../base/error.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type Measure, metric, type Metric, tallied } from "./metric.ts";

export interface TableOptions {
  numClasses: number;
  /** A true class that does not count. */
  ignoreClass: number;
}

/** The table of a batch, rows for truth, columns for prediction, one number behind the other. */
function table(name: string, truth: Tensor, found: Tensor, weight: Tensor | undefined, { numClasses, ignoreClass }: Partial<TableOptions>): Tensor {
  if (!Number.isInteger(numClasses) || numClasses! < 1)
    throw new CambiumError("value", name, `numClasses is ${String(numClasses)}; it is a whole number from 1`, `metrics.${name}({ numClasses: 3 })`);
  const [t, f] = [truth, found].map((x) => x.to("int32").reshape([-1])) as [Tensor, Tensor];
  const per = weight ? t.size / weight.size : 1;
  let counts = weight
    ? weight
        .to("float32")
        .reshape([-1, 1])
        .mul(found.reshape([-1, per]).to("float32").mul(0).add(1))
        .reshape([-1, 1])
    : undefined;
  if (ignoreClass !== undefined && ignoreClass !== null) {
    const kept = t.notEqual(ignoreClass).to("float32").expandDims(1);
    counts = counts ? counts.mul(kept) : kept;
  }
  const rows = t.oneHot(numClasses!).to("float32");
  return (counts ? rows.mul(counts) : rows).transpose().matmul(f.oneHot(numClasses!).to("float32")).reshape([-1]);
}

/** The rows of a table. */
export function rowsOf(cells: readonly number[]): number[][] {
  const n = Math.round(Math.sqrt(cells.length));
  return Array.from({ length: n }, (_, i) => cells.slice(i * n, (i + 1) * n) as number[]);
}

const classesOf = (x: Tensor, sparse: boolean): Tensor => (sparse ? x : x.argMax(-1));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** The mean over `ids` of how much truth and prediction of a class overlap, over both together. */
function overlap(cells: readonly number[], ids?: readonly number[]): number {
  const rows = rowsOf(cells);
  const each = (ids ?? rows.map((_, i) => i)).map((i) => {
    const both = rows[i]![i]!;
    const all = sum(rows[i]!) + sum(rows.map((row) => row[i]!)) - both;
    return { all, share: all === 0 ? 0 : both / all };
  });
  const valid = each.filter(({ all }) => all !== 0).length;
  return valid === 0 ? 0 : sum(each.map(({ share }) => share)) / valid;
}

export interface IoUOptions extends TableOptions {
  /** The classes of which the mean is taken. */
  targetClassIds: readonly number[];
  /** Whether the truth is class numbers, not one-hot rows. Default `true`. */
  sparseYTrue: boolean;
  /** Whether the prediction is class numbers, not shares. Default `true`. */
  sparseYPred: boolean;
}

const iouOf = (name: string, sparse: { truth: boolean; found: boolean }, all: boolean): Metric<IoUOptions> =>
  metric(name, (options) => {
    const { targetClassIds, sparseYTrue = sparse.truth, sparseYPred = sparse.found } = options;
    return tallied(
      (t, p, w) => {
        if (!all && !Array.isArray(targetClassIds)) throw new CambiumError("value", name, "needs targetClassIds, a list of class numbers");
        return [table(name, classesOf(t, sparseYTrue), classesOf(p, sparseYPred), w, options)];
      },
      (cells) => overlap(cells, all ? undefined : targetClassIds),
    );
  });

/** How much truth and prediction overlap, the mean over all classes. @shape yTrue and yPred [batch, ...] of class numbers @source Keras `MeanIoU` */
export const meanIoU: Metric<IoUOptions> = iouOf("meanIoU", { truth: true, found: true }, true);
/** How much truth and prediction overlap, the mean over `targetClassIds`. @source Keras `IoU` */
export const iou: Metric<IoUOptions> = iouOf("iou", { truth: true, found: true }, false);
/** The same for one-hot rows and shares. @shape [batch, ..., classes] twice @source Keras `OneHotIoU` */
export const oneHotIoU: Metric<IoUOptions> = iouOf("oneHotIoU", { truth: false, found: false }, false);
/** The mean over all classes for one-hot rows and shares. @source Keras `OneHotMeanIoU` */
export const oneHotMeanIoU: Metric<IoUOptions> = iouOf("oneHotMeanIoU", { truth: false, found: false }, true);

/** How much truth and prediction of bits overlap. @shape [batch, ...] twice, of bits and chances @source Keras `BinaryIoU` */
export const binaryIoU: Metric<{ threshold: number; targetClassIds: readonly number[] }> = metric("binaryIoU", ({ threshold = 0.5, targetClassIds = [0, 1] }) =>
  tallied(
    (t, p, w) => [table("binaryIoU", t, p.greaterEqual(threshold), w, { numClasses: 2 })],
    (cells) => overlap(cells, targetClassIds),
  ),
);

/** Class numbers of labels and predictions, as their shapes tell. */
function named(name: string, t: Tensor, p: Tensor): [Tensor, Tensor] {
  if (p.rank === t.rank && p.shape.every((d, i) => d === t.shape[i]))
    return p.rank > 1 && p.shape.at(-1)! > 1 ? [t.argMax(-1), p.argMax(-1)] : [t, p.dtype === "int32" ? p : p.round()];
  const found = p.argMax(-1);
  if (t.size !== found.size) throw new CambiumError("shape", name, `there are ${t.size} labels and ${found.size} predictions`);
  return [t.reshape(found.shape), found];
}

const agreement = (name: string, result: (cells: readonly number[]) => number | number[]): Metric<TableOptions> =>
  metric(name, (options): Measure => tallied((t, p, w) => [table(name, ...named(name, t, p), w, options)], result));

/** How often each true class (rows) was taken for each (columns), row by row. @shape yTrue [batch] of class numbers, yPred [batch, classes] of shares; or both one-hot, or both class numbers */
export const confusionMatrix: Metric<TableOptions> = agreement("confusionMatrix", (cells) => [...cells]);

/** How much more often than by chance truth and prediction agree. @source Cohen, "A coefficient of agreement for nominal scales" (1960); scikit-learn `cohen_kappa_score` */
export const cohenKappa: Metric<TableOptions> = agreement("cohenKappa", (cells) => {
  const rows = rowsOf(cells);
  const all = sum(cells);
  const observed = sum(rows.map((row, i) => row[i]!)) / all;
  const expected = sum(rows.map((row, i) => sum(row) * sum(rows.map((other) => other[i]!)))) / all ** 2;
  return expected === 1 ? 1 : (observed - expected) / (1 - expected);
});

/** How truth and prediction go together, from −1 to 1, for classes of any size. @source Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient" (2004); scikit-learn `matthews_corrcoef` */
export const matthewsCorrelation: Metric<TableOptions> = agreement("matthewsCorrelation", (cells) => {
  const rows = rowsOf(cells);
  const all = sum(cells);
  const [truth, found] = [rows.map(sum), rows.map((_, i) => sum(rows.map((row) => row[i]!)))];
  const together = sum(rows.map((row, i) => row[i]!)) * all - sum(truth.map((t, i) => t * found[i]!));
  const spread = Math.sqrt(all ** 2 - sum(truth.map((t) => t * t))) * Math.sqrt(all ** 2 - sum(found.map((f) => f * f)));
  return spread === 0 ? 0 : together / spread;
});
