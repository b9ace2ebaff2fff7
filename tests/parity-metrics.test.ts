import { beforeAll, describe, expect, test } from "vitest";
import { referenceEngine } from "../src/engines/reference/engine.ts";
import * as losses from "../src/losses/index.ts";
import { find, from } from "../src/metrics/get.ts";
import { accuracyFor } from "../src/metrics/keras.ts";
import { setEngine } from "../src/tensor/evaluate.ts";
import { casesOf, restore, type Stored } from "./parity.ts";

interface Case {
  name: string;
  metric?: { string: string; options: Record<string, never> };
  batches: { target: Stored; prediction: Stored; sampleWeight?: Stored }[];
  results: (number | number[])[];
  target: Stored;
  prediction: Stored;
  means: string;
  result: number;
}

beforeAll(() => setEngine(referenceEngine()));

describe("metrics are Keras', batch after batch", () => {
  for (const c of casesOf<Case>("keras/metrics").filter(({ metric }) => metric && metric.string !== "accuracy"))
    test(c.name, () => {
      const { string, options } = c.metric!;
      const known = find(string);
      const metric = known ? known(options) : from(losses.get(string)(options) as never);
      const [running, first] = [metric.start(), metric.start()];
      c.batches.forEach(({ target, prediction, sampleWeight }, i) => {
        const batch = [restore(target), restore(prediction), sampleWeight && restore(sampleWeight)] as const;
        running.updateState(...batch);
        const wanted = [c.results[i]!].flat().map(Number);
        [running.resultSync()].flat().forEach((value, j) => expect(Math.abs(value - wanted[j]!), `number ${j} after batch ${i}: ${value}, stored ${wanted[j]}`).toBeLessThanOrEqual(5e-6 * Math.max(1, Math.abs(wanted[j]!))));
        // Batches measured apart and put together come to the same.
        const apart = metric.start();
        apart.updateState(...batch);
        first.merge(apart);
        expect(first.resultSync()).toEqual(running.resultSync());
      });
      running.resetState();
      expect(running.resultSync()).toBe(0);
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
