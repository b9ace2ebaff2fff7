import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { dense } from "../src/layers/dense.ts";
import * as metrics from "../src/metrics/index.ts";
import { sequential } from "../src/models/sequential.ts";
import { tensor, zeros } from "../src/tensor/create.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, restore, type Stored } from "./parity.ts";

beforeAll(() => setEngine(referenceEngine()));

interface Other {
  name: string;
  bleu?: { candidates: string[]; references: string[][]; smoothing: "none" | "addOne" };
  score: number;
  brevityPenalty: number;
  metric?: "cohenKappa" | "matthewsCorrelation" | "confusionMatrix";
  target: Stored;
  prediction: Stored;
  result: number | number[];
  fairness?: { target: number[]; prediction: number[]; groups: string[]; sampleWeight?: number[] };
  groups: Record<string, metrics.GroupReport>;
  overall: metrics.GroupReport;
  demographicParityDifference: number;
  demographicParityRatio: number;
  equalizedOddsDifference: number;
  equalizedOddsRatio: number;
}

const other = casesOf<Other>("other/metrics");

describe("BLEU is sacreBLEU's", () => {
  for (const c of other.filter(({ bleu }) => bleu))
    test(c.name, () => {
      const { candidates, references, smoothing } = c.bleu!;
      const found = metrics.bleu(candidates, references, { smoothing });
      expect(found.score).toBeCloseTo(c.score, 9);
      expect(found.brevityPenalty).toBeCloseTo(c.brevityPenalty, 9);
    });
});

describe("agreement of classes is scikit-learn's", () => {
  for (const c of other.filter(({ metric }) => metric))
    test(c.name, () => {
      const found = metrics[c.metric!]({ numClasses: 3 })(restore(c.target), restore(c.prediction));
      [c.result].flat().forEach((wanted, i) => expect(found.dataSync()[i]).toBeCloseTo(wanted, 5));
    });
});

describe("fairness is Fairlearn's", () => {
  for (const c of other.filter(({ fairness }) => fairness))
    test(c.name, async () => {
      const { target, prediction, groups, sampleWeight } = c.fairness!;
      const report = await metrics.fairness(tensor(target), tensor(prediction), groups, { ...(sampleWeight && { sampleWeight: tensor(sampleWeight, { dtype: "float64" }) }) });
      for (const [name, wanted] of Object.entries({ ...c.groups, overall: c.overall }))
        for (const [key, value] of Object.entries(wanted))
          expect((name === "overall" ? report.overall : report.groups[name]!)[key as keyof metrics.GroupReport], `${name}.${key}`).toBeCloseTo(value, 9);
      for (const key of ["demographicParityDifference", "demographicParityRatio", "equalizedOddsDifference", "equalizedOddsRatio"] as const) expect(report[key], key).toBeCloseTo(c[key], 9);
    });
});

test("perplexity is e to the mean surprise, over what counts", () => {
  const shares = tensor([[0.5, 0.5], [0.25, 0.75], [1, 0]]);
  expect(metrics.perplexity(tensor([0, 0, 0]), shares).item()).toBeCloseTo(Math.exp((Math.log(2) + Math.log(4)) / 3), 5);
  expect(metrics.perplexity({ ignoreClass: 1 })(tensor([0, 1, 0]), shares).item()).toBeCloseTo(Math.SQRT2, 5);
  expect(metrics.perplexity({ fromLogits: true })(tensor([1]), tensor([[3, 3]])).item()).toBeCloseTo(2, 5);
});

test("the calibration error is the mean distance between what is stated and what comes true", () => {
  // Bin (0.5, 0.6]: stated 0.55 twice, true once. Bin (0.8, 0.9]: stated 0.9, true.
  const found = metrics.calibrationError(tensor([1, 0, 1]), tensor([0.55, 0.55, 0.9]));
  expect(found.item()).toBeCloseTo((2 * Math.abs(0.55 - 0.5) + 0.1) / 3, 5);
  const several = metrics.calibrationError(tensor([0, 1]), tensor([[0.8, 0.2], [0.6, 0.4]]));
  expect(several.item()).toBeCloseTo((0.2 + 0.6) / 2, 5);
});

test("metrics with state are part of fit, also those of several numbers", async () => {
  const model = sequential([dense(1, { inputShape: [2], activation: "sigmoid" })]);
  model.compile({ optimizer: "sgd", loss: "binaryCrossentropy", metrics: ["auc", metrics.precision({ thresholds: [0.2, 0.8] }), metrics.meanMetricWrapper((t, p) => p.sub(t).abs().mean(-1), "apart")] });
  const [x, y] = [tensor([[1, 2], [3, -4], [-1, 0], [2, 2]]), tensor([[1], [0], [1], [0]])];
  const { history } = await model.fit(x, y, { epochs: 2, batchSize: 3, verbose: 0 });
  expect(Object.keys(history)).toEqual(["loss", "auc", "precision_0", "precision_1", "apart"]);
  const wanted = metrics.auc(y, await model.predict(x)).item();
  const found = await model.evaluate(x, y, { batchSize: 3, verbose: 0, returnDict: true });
  expect(found["auc"]).toBeCloseTo(wanted, 6);
});

test("a running metric is read with and without waiting", async () => {
  const running = metrics.recall.start();
  expect(await running.result()).toBe(0);
  running.updateState(tensor([1, 1, 0]), tensor([0.9, 0.1, 0.8]));
  expect(await running.result()).toBe(0.5);
  expect(running.resultSync()).toBe(0.5);
});

describe("mistakes are named with what would be right", () => {
  const x = (...shape: number[]): ReturnType<typeof zeros> => zeros(shape);
  test.each<[string, () => unknown, string]>([
    ["a threshold that is none", () => metrics.precision({ thresholds: Number.NaN }), "a threshold is NaN; it is a number"],
    ["no thresholds", () => metrics.truePositives({ thresholds: [] }), "there are no thresholds"],
    ["an unknown curve", () => metrics.auc({ curve: "PRC" as never }), 'there is no curve "PRC"; it is "ROC" or "PR"'],
    ["an unknown way to sum", () => metrics.auc({ summationMethod: "middle" as never }), 'there is no summationMethod "middle"'],
    ["a curve of one point", () => metrics.auc({ numThresholds: 1 }), "numThresholds is 1; a curve needs two or more"],
    ["a level that is no share", () => metrics.precisionAtRecall({ recall: 2 }), "recall is 2; it is a share from 0 to 1"],
    ["an unknown average", () => metrics.f1Score({ average: "mean" as never }), 'there is no average "mean"'],
    ["no beta", () => metrics.fBetaScore({ beta: 0 }), "beta is 0; it is a number above 0"],
    ["rows that are none", () => metrics.f1Score(x(3), x(3)), "needs [batch, classes], got 1 axes"],
    ["a table of no size", () => metrics.meanIoU(x(3), x(3)), "numClasses is undefined; it is a whole number from 1\n  hint: metrics.meanIoU({ numClasses: 3 })"],
    ["no targets", () => metrics.iou({ numClasses: 3 })(x(3), x(3)), "needs targetClassIds, a list of class numbers"],
    ["labels that do not fit", () => metrics.cohenKappa({ numClasses: 3 })(x(4), x(3, 3)), "there are 4 labels and 3 predictions"],
    ["an unknown aggregation", () => metrics.r2Score({ classAggregation: "sum" as never }), 'there is no classAggregation "sum"'],
    ["no bins", () => metrics.calibrationError({ bins: 0 }), "bins is 0; it is a whole number from 1"],
    ["another metric's sums", () => { const a = metrics.auc.start(); a.updateState(x(2), x(2)); const b = metrics.meanSquaredError.start(); b.updateState(x(2), x(2)); b.merge(a); }, "only what the same metric has measured can be taken in"],
    ["no candidates", () => metrics.bleu([], []), "there are no candidates"],
    ["candidates without references", () => metrics.bleu(["a"], []), "there are 1 candidates and references for 0"],
    ["a candidate without a reference", () => metrics.bleu(["a"], [[]]), "candidate 0 has no reference"],
    ["an unknown smoothing", () => metrics.bleu(["a"], [["a"]], { smoothing: "floor" as never }), 'there is no smoothing "floor"'],
  ])("%s", (_, mistake, message) => expect(mistake).toThrow(message));

  test.each<[string, () => Promise<unknown>, string]>([
    ["groups too few", () => metrics.fairness([0, 1], [0, 1], ["a"]), "there are 2 labels, 2 predictions and 1 groups; they must be as many"],
    ["no samples", () => metrics.fairness([], [], []), "there are no samples"],
    ["labels that are no bits", () => metrics.fairness([0, 2], [0, 1], ["a", "b"]), "the label at position 1 is 2; labels are 0 and 1"],
  ])("%s", async (_, mistake, message) => expect(mistake()).rejects.toThrow(message));
});

test("means and sums of numbers that come one after another are Keras'", async () => {
  const [mean, sum] = [metrics.mean(), metrics.sum()];
  expect([await mean.result(), await sum.result()]).toEqual([0, 0]);
  for (const one of [mean, sum]) {
    one.updateState([1, 3]);
    one.updateState(tensor([5, 7]));
  }
  expect([mean.resultSync(), sum.resultSync()]).toEqual([4, 16]);
  const other = metrics.mean();
  other.updateState([1, 3, 5, 7], [1, 1, 0, 0]);
  expect(other.resultSync()).toBe(2);
  other.merge(mean);
  expect(other.resultSync()).toBeCloseTo(20 / 6, 12);
  other.resetState();
  other.updateState([[1, 2], [3, 4]], [1, 0]);
  expect(other.resultSync()).toBe(1.5);
});
