import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import { find } from "../src/metrics/get.ts";
import { accuracyFor } from "../src/metrics/keras.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  metric?: { string: string; options: object };
  batches: { target: Stored; prediction: Stored; sampleWeight?: Stored }[];
  results: number[];
  target: Stored;
  prediction: Stored;
  means: string;
  result: number;
}

/** What Keras has and cambium has not yet. */
const missing = new Set(["auc", "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy"]);

beforeAll(() => setEngine(referenceEngine()));

describe("metrics are Keras', batch after batch", () => {
  for (const c of casesOf<Case>("keras/metrics").filter(({ metric }) => metric && metric.string !== "accuracy"))
    test.skipIf(missing.has(c.metric!.string))(c.name, () => {
      const metric = find(c.metric!.string)!(c.metric!.options);
      const totals: number[] = [];
      c.batches.forEach(({ target, prediction, sampleWeight }, i) => {
        metric.sums(restore(target), restore(prediction), sampleWeight && restore(sampleWeight)).forEach((sum, j) => {
          totals[j] = (totals[j] ?? 0) + (typeof sum === "number" ? sum : sum.item());
        });
        expect(metric.result(totals)).toBeCloseTo(c.results[i]!, 5);
      });
    });
});

describe('the word "accuracy" means what it means in Keras', () => {
  for (const c of casesOf<Case>("keras/metrics").filter(({ means }) => means !== undefined))
    test(c.name, () => {
      const metric = accuracyFor(c.target.shape, c.prediction.shape);
      expect(metric.metricName).toBe(c.means[0]!.toLowerCase() + c.means.slice(1));
      expect(metric(restore(c.target), restore(c.prediction)).mean().item()).toBeCloseTo(c.result, 5);
    });
});
