/** Keras' metrics of what was found and what was missed, at one threshold or many. */
import { CambiumError } from "../base/error.ts";
import { tensor } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { metric, type Metric, paired, tallied } from "./metric.ts";

/** What was found rightly and wrongly, and what was missed rightly and wrongly, one number a threshold. */
interface Found {
  readonly tp: readonly number[];
  readonly fp: readonly number[];
  readonly fn: readonly number[];
  readonly tn: readonly number[];
}

type Thresholds = number | readonly number[];

function expectThresholds(where: string, thresholds: readonly number[]): readonly number[] {
  for (const t of thresholds)
    if (typeof t !== "number" || Number.isNaN(t)) throw new CambiumError("value", where, `a threshold is ${String(t)}; it is a number, as a rule from 0 to 1`);
  if (thresholds.length === 0) throw new CambiumError("value", where, "there are no thresholds");
  return thresholds;
}

/** Truth and prediction as numbers in a row, the weights beside: all of them, or one class, or the strongest `topK` of each sample. */
function flattened(
  where: string,
  yTrue: Tensor,
  yPred: Tensor,
  weight: Tensor | undefined,
  { classId, topK }: { classId?: number | undefined; topK?: number | undefined },
): [truth: Tensor, prediction: Tensor, weight: Tensor | undefined] {
  let [truth, prediction] = paired(where, yTrue, yPred);
  if (topK !== undefined) {
    const least = prediction.sort(-1, { descending: true }).gather(tensor([topK - 1], { dtype: "int32" }), -1);
    prediction = prediction.greaterEqual(least).where(prediction, -1e10);
  }
  let beside = weight;
  if (classId !== undefined) {
    const at = tensor([classId], { dtype: "int32" });
    [truth, prediction] = [truth.gather(at, -1), prediction.gather(at, -1)];
  }
  if (beside && beside.rank < prediction.rank) beside = beside.reshape([...beside.shape, ...Array<number>(prediction.rank - beside.rank).fill(1)]);
  return [truth, prediction, beside?.mul(prediction.mul(0).add(1)).reshape([-1])].map((x) => x?.reshape([-1])) as [Tensor, Tensor, Tensor | undefined];
}

/** The sums of tp, fp, fn and tn over a batch, one number a threshold each. */
function sumsAt(thresholds: readonly number[], truth: Tensor, prediction: Tensor, weight: Tensor | undefined): Tensor[] {
  const bits = truth.notEqual(0).to("float32").expandDims(1);
  const found = prediction
    .expandDims(1)
    .greater(tensor([thresholds as number[]]))
    .to("float32");
  const [other, missed] = [bits, found].map((x) => x.mul(-1).add(1)) as [Tensor, Tensor];
  const beside = weight?.to("float32").expandDims(1);
  return [bits.mul(found), other.mul(found), bits.mul(missed), other.mul(missed)].map((x) => (beside ? x.mul(beside) : x).sum(0));
}

const foundIn = (sums: readonly number[]): Found => {
  const n = sums.length / 4;
  const part = (i: number): number[] => sums.slice(i * n, (i + 1) * n) as number[];
  return { tp: part(0), fp: part(1), fn: part(2), tn: part(3) };
};

const over = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const one = (values: readonly number[], given: Thresholds | undefined): number | number[] => (Array.isArray(given) ? [...values] : values[0]!);

export interface CountOptions {
  /** Above which a chance counts as found; several give several numbers. Default 0.5. */
  thresholds: Thresholds;
}

export interface FoundOptions extends CountOptions {
  /** Only the strongest so many of each sample count as found. */
  topK: number;
  /** Only this class is looked at. */
  classId: number;
}

const counting = (name: string, pick: (found: Found) => readonly number[]): Metric<CountOptions> =>
  metric(name, ({ thresholds = 0.5 }) => {
    const list = expectThresholds(name, typeof thresholds === "number" ? [thresholds] : thresholds);
    return tallied(
      (t, p, w) => sumsAt(list, ...flattened(name, t, p, w, {})),
      (sums) => one(pick(foundIn(sums)), thresholds),
    );
  });

/** How many that are true were found. @shape [batch, ...] twice, of bits and chances */
export const truePositives: Metric<CountOptions> = counting("truePositives", ({ tp }) => tp);
/** How many that are false were found. */
export const falsePositives: Metric<CountOptions> = counting("falsePositives", ({ fp }) => fp);
/** How many that are true were missed. */
export const falseNegatives: Metric<CountOptions> = counting("falseNegatives", ({ fn }) => fn);
/** How many that are false were not found. */
export const trueNegatives: Metric<CountOptions> = counting("trueNegatives", ({ tn }) => tn);

const share = (name: string, pick: (found: Found) => readonly number[]): Metric<FoundOptions> =>
  metric(name, ({ thresholds, topK, classId }) => {
    const list = expectThresholds(name, typeof thresholds === "number" ? [thresholds] : (thresholds ?? [topK === undefined ? 0.5 : -1e9]));
    return tallied(
      (t, p, w) => sumsAt(list, ...flattened(name, t, p, w, { topK, classId })),
      (sums) => one(pick(foundIn(sums)), thresholds),
    );
  });

/** The share of what was found that is true. @shape [batch, ...] twice, of bits and chances @source Keras `Precision` */
export const precision: Metric<FoundOptions> = share("precision", ({ tp, fp }) => tp.map((v, i) => over(v, v + fp[i]!)));
/** The share of what is true that was found. @shape [batch, ...] twice, of bits and chances @source Keras `Recall` */
export const recall: Metric<FoundOptions> = share("recall", ({ tp, fn }) => tp.map((v, i) => over(v, v + fn[i]!)));

export interface AUCOptions {
  /** Default 200, evenly spread, and one beyond each end. */
  numThresholds: number;
  /** Default `"ROC"`. */
  curve: "ROC" | "PR";
  /** How the area between two thresholds is taken. Default `"interpolation"`. */
  summationMethod: "interpolation" | "minoring" | "majoring";
  /** Thresholds of one's own, between 0 and 1. */
  thresholds: readonly number[];
  /** Whether each label has its own area, of which the mean is reported. Default `false`. */
  multiLabel: boolean;
  /** How much each label's area counts. */
  labelWeights: readonly number[];
  /** The predictions are scores from before the sigmoid. Default `false`. */
  fromLogits: boolean;
}

/** The area under one curve. @source Keras `AUC`; Davis and Goadrich, "The relationship between precision-recall and ROC curves" (2006) */
function area({ tp, fp, fn, tn }: Found, curve: "ROC" | "PR", method: AUCOptions["summationMethod"]): number {
  let sum = 0;
  for (let i = 0; i + 1 < tp.length; i++) {
    const j = i + 1;
    if (curve === "PR" && method === "interpolation") {
      const [a, b] = [tp[i]! + fp[i]!, tp[j]! + fp[j]!];
      const rise = tp[i]! - tp[j]!;
      const slope = over(rise, Math.max(a - b, 0));
      const ratio = a > 0 && b > 0 ? over(a, Math.max(b, 0)) : 1;
      sum += over(slope * (rise + (tp[j]! - slope * b) * Math.log(ratio)), Math.max(tp[j]! + fn[j]!, 0));
      continue;
    }
    const recallAt = (k: number): number => over(tp[k]!, tp[k]! + fn[k]!);
    const x = (k: number): number => (curve === "ROC" ? over(fp[k]!, fp[k]! + tn[k]!) : recallAt(k));
    const y = (k: number): number => (curve === "ROC" ? recallAt(k) : over(tp[k]!, tp[k]! + fp[k]!));
    const height = method === "interpolation" ? (y(i) + y(j)) / 2 : method === "minoring" ? Math.min(y(i), y(j)) : Math.max(y(i), y(j));
    sum += (x(i) - x(j)) * height;
  }
  return sum;
}

/** The area under the curve of what is found over what is found wrongly (or of precision over recall). @shape [batch, ...] twice, of bits and chances @source Keras `AUC` */
export const auc: Metric<AUCOptions> = metric("auc", (options) => {
  const { numThresholds = 200, curve = "ROC", summationMethod = "interpolation", multiLabel = false, labelWeights, fromLogits = false } = options;
  if (curve !== "ROC" && curve !== "PR") throw new CambiumError("name", "auc", `there is no curve "${String(curve)}"; it is "ROC" or "PR"`);
  if (!["interpolation", "minoring", "majoring"].includes(summationMethod))
    throw new CambiumError("name", "auc", `there is no summationMethod "${String(summationMethod)}"; it is "interpolation", "minoring" or "majoring"`);
  if (!(numThresholds > 1)) throw new CambiumError("value", "auc", `numThresholds is ${numThresholds}; a curve needs two or more`);
  const inner = options.thresholds
    ? [...options.thresholds].sort((a, b) => a - b)
    : Array.from({ length: numThresholds - 2 }, (_, i) => (i + 1) / (numThresholds - 1));
  const list = [-1e-7, ...expectThresholds("auc", inner.length > 0 ? inner : [0.5]), 1 + 1e-7];
  const n = list.length;
  return tallied(
    (t, p, w) => {
      const chances = fromLogits ? p.sigmoid() : p;
      if (!multiLabel) return sumsAt(list, ...flattened("auc", t, chances, w, {}));
      const [truth, prediction] = paired("auc", t, chances);
      const bits = truth.notEqual(0).to("float32").expandDims(-1);
      const found = prediction.expandDims(-1).greater(tensor(list)).to("float32");
      const [other, missed] = [bits, found].map((x) => x.mul(-1).add(1)) as [Tensor, Tensor];
      const beside = w?.to("float32").reshape([...w.shape, ...Array<number>(found.rank - w.rank).fill(1)]);
      return [bits.mul(found), other.mul(found), bits.mul(missed), other.mul(missed)].map((x) => (beside ? x.mul(beside) : x).sum(0).reshape([-1]));
    },
    (sums) => {
      if (!multiLabel) return area(foundIn(sums), curve, summationMethod);
      const { tp, fp, fn, tn } = foundIn(sums);
      const labels = tp.length / n;
      const areas = Array.from({ length: labels }, (_, i) => {
        const of = (values: readonly number[]): number[] => values.slice(i * n, (i + 1) * n);
        return area({ tp: of(tp), fp: of(fp), fn: of(fn), tn: of(tn) }, curve, summationMethod);
      });
      if (!labelWeights) return areas.reduce((a, b) => a + b, 0) / labels;
      return over(
        areas.reduce((a, b, i) => a + b * labelWeights[i]!, 0),
        labelWeights.reduce((a, b) => a + b, 0),
      );
    },
  );
});

interface ConstraintOptions {
  /** Default 200. */
  numThresholds: number;
  /** Only this class is looked at. */
  classId: number;
}

/** The best of one measure where another is good enough. */
const constrained = <Key extends string>(
  name: string,
  key: Key,
  [bar, wanted]: readonly ["specificity" | "sensitivity" | "precision", "specificity" | "sensitivity" | "precision"],
): Metric<ConstraintOptions & Record<Key, number>> =>
  metric(name, (options) => {
    const { numThresholds = 200, classId } = options as Partial<ConstraintOptions>;
    const level = ((options as Partial<Record<Key, number>>)[key] as number | undefined) ?? 0.5;
    if (!(level >= 0 && level <= 1)) throw new CambiumError("value", name, `${key} is ${level}; it is a share from 0 to 1`);
    const list = numThresholds === 1 ? [0.5] : Array.from({ length: numThresholds }, (_, i) => i / (numThresholds - 1));
    return tallied(
      (t, p, w) => sumsAt(list, ...flattened(name, t, p, w, { classId })),
      (sums) => {
        const { tp, fp, fn, tn } = foundIn(sums);
        const measures = {
          sensitivity: tp.map((v, i) => over(v, v + fn[i]!)),
          specificity: tn.map((v, i) => over(v, v + fp[i]!)),
          precision: tp.map((v, i) => over(v, v + fp[i]!)),
        };
        return Math.max(0, ...measures[wanted].filter((_, i) => measures[bar][i]! >= level));
      },
    );
  });

/** The largest share found of what is true, where at least `specificity` of what is false is not. @source Keras `SensitivityAtSpecificity` */
export const sensitivityAtSpecificity: Metric<ConstraintOptions & { specificity: number }> = constrained("sensitivityAtSpecificity", "specificity", [
  "specificity",
  "sensitivity",
]);
/** The largest share not found of what is false, where at least `sensitivity` of what is true is. @source Keras `SpecificityAtSensitivity` */
export const specificityAtSensitivity: Metric<ConstraintOptions & { sensitivity: number }> = constrained("specificityAtSensitivity", "sensitivity", [
  "sensitivity",
  "specificity",
]);
/** The best precision where recall is at least `recall`. @source Keras `PrecisionAtRecall` */
export const precisionAtRecall: Metric<ConstraintOptions & { recall: number }> = constrained("precisionAtRecall", "recall", ["sensitivity", "precision"]);
/** The best recall where precision is at least `precision`. @source Keras `RecallAtPrecision` */
export const recallAtPrecision: Metric<ConstraintOptions & { precision: number }> = constrained("recallAtPrecision", "precision", ["precision", "sensitivity"]);

export interface FBetaOptions {
  /** How classes are put together; `null` gives one number a class, the default. */
  average: "micro" | "macro" | "weighted" | null;
  /** How much more recall counts than precision. Default 1. */
  beta: number;
  /** Above which a chance counts as found; without it the strongest class does. */
  threshold: number;
}

const fBeta = (name: string): Metric<FBetaOptions> =>
  metric(name, ({ average = null, beta = 1, threshold }) => {
    if (average !== null && !["micro", "macro", "weighted"].includes(average))
      throw new CambiumError("name", name, `there is no average "${String(average)}"; it is "micro", "macro", "weighted" or null`);
    if (!(beta > 0)) throw new CambiumError("value", name, `beta is ${beta}; it is a number above 0`);
    return tallied(
      (t, p, w) => {
        const [truth, prediction] = paired(name, t, p);
        if (prediction.rank !== 2) throw new CambiumError("shape", name, `needs [batch, classes], got ${prediction.rank} axes`);
        const bits = truth.to("float32");
        const found =
          threshold === undefined || threshold === null
            ? prediction
                .greaterEqual(prediction.max(-1, { keep: true }))
                .logicalAnd(prediction.abs().greater(1e-9))
                .to("float32")
            : prediction.greater(threshold).to("float32");
        const [other, missed] = [bits, found].map((x) => x.mul(-1).add(1)) as [Tensor, Tensor];
        const beside = w?.to("float32").reshape([-1, 1]);
        const sum = (x: Tensor): Tensor => (beside ? x.mul(beside) : x).sum(average === "micro" ? [0, 1] : 0).reshape([-1]);
        return [bits.mul(found), other.mul(found), bits.mul(missed), bits].map(sum);
      },
      (sums) => {
        const { tp, fp, fn, tn: weights } = foundIn(sums);
        const e = 1e-7;
        const scores = tp.map((v, i) => {
          const [p, r] = [v / (v + fp[i]! + e), v / (v + fn[i]! + e)];
          return (p * r * (1 + beta * beta)) / (p * beta * beta + r + e);
        });
        if (average === null) return scores;
        const total = weights.reduce((a, b) => a + b, 0) + e;
        return scores.reduce((a, b, i) => a + (average === "weighted" ? (b * weights[i]!) / total : b / scores.length), 0);
      },
    );
  });

/** The harmonic mean of precision and recall, recall counting `beta` times as much. @shape [batch, classes] twice @source Keras `FBetaScore` */
export const fBetaScore: Metric<FBetaOptions> = fBeta("fBetaScore");
/** The harmonic mean of precision and recall. @shape [batch, classes] twice @source Keras `F1Score` */
export const f1Score: Metric<FBetaOptions> = fBeta("f1Score");
