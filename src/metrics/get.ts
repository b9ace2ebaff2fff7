import { bare } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";
import * as agreement from "./agreement.ts";
import * as counts from "./counts.ts";
import * as keras from "./keras.ts";
import { mean, metric, type Metric } from "./metric.ts";
import * as numbers from "./numbers.ts";

const { accuracyFor: _, ...means } = keras;
const { rowsOf: __, ...tables } = agreement;
const known = { ...means, ...counts, ...tables, ...numbers };

/** The names of all metrics. */
export const metricNames: readonly string[] = Object.keys(known);

const byName = new Map<string, Metric<any>>([
  ...Object.values(known).map((m): [string, Metric<any>] => [bare(m.metricName), m]),
  ["acc", keras.accuracy],
  ["mse", keras.meanSquaredError],
  ["mae", keras.meanAbsoluteError],
  ["rmse", keras.rootMeanSquaredError],
  ["r2", numbers.r2Score],
  ["f1", counts.f1Score],
]);

/** A function of your own from (yTrue, yPred) to one number a sample; its mean is reported. */
export type MetricFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** The metric a name stands for, in any spelling; undefined where there is none. */
export const find = (name: string): Metric<any> | undefined => byName.get(bare(name));

/** A metric of a function of your own; metrics pass through. */
export const from = (given: Metric<any> | MetricFunction): Metric<any> =>
  "metricName" in given ? (given as Metric<any>) : metric(given.name || "metric", () => mean(given as MetricFunction));
