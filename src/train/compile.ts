import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import type { LossFunction } from "../losses/function.ts";
import { type AnyLoss, get as getLoss } from "../losses/get.ts";
import * as losses from "../losses/keras.ts";
import { find, from, type MetricFunction, metricNames } from "../metrics/get.ts";
import type { Metric } from "../metrics/metric.ts";
import { get as getOptimizer, type KerasOptimizer } from "../optim/keras.ts";
import { expectKnown } from "./options.ts";
import type { Measure, Objective } from "./task.ts";

/** A name, a metric, a loss, or a function of your own from (yTrue, yPred) to one number a sample. */
export type AnyMetric = string | Metric<any> | LossFunction<any> | MetricFunction;

/** How a model learns. */
export interface CompileOptions {
  /** A name, or what `optimizers.adam({ learningRate })` gives. Default `"rmsprop"`. */
  optimizer?: string | KerasOptimizer;
  /** A name, a loss, or a function of your own from (yTrue, yPred) to one number a sample. */
  loss: AnyLoss;
  /** What is reported besides the loss; "accuracy" picks its kind by the shapes of labels and predictions. */
  metrics?: readonly AnyMetric[];
  /** The same, with the weights of samples and classes taken into account. */
  weightedMetrics?: readonly AnyMetric[];
}

/** How a model learns, as plain data. Functions of your own have no part in it. */
export interface Training {
  readonly optimizer: { readonly name: string; readonly config: object };
  readonly loss: { readonly name: string; readonly config: object } | undefined;
  readonly metrics: readonly Written[];
  readonly weightedMetrics: readonly Written[];
}

/** A metric as plain data: the name it is reported under, and what it is. */
interface Written {
  readonly name: string;
  readonly metric: string;
  readonly config: object;
}

/** `CompileOptions` with the names resolved. */
export interface Resolved {
  readonly optimizer: KerasOptimizer;
  readonly loss: Objective;
  readonly metrics: readonly Measure[];
}

/**
 * What the options of `compile` mean.
 * @throws a `name` error for an optimizer, loss, metric or option there is none of
 */
export function resolve(options: CompileOptions): Resolved {
  expectKnown("compile", options, ["optimizer", "loss", "metrics", "weightedMetrics"]);
  const { optimizer = "rmsprop", loss, metrics = [], weightedMetrics = [] } = options;
  if (loss === undefined || loss === null)
    throw new CambiumError("value", "compile", "a model without a loss cannot learn", 'compile({ optimizer: "adam", loss: "meanSquaredError" })');
  const plain = listed("metrics", metrics).map((given) => measure(given, false));
  const weighted = listed("weightedMetrics", weightedMetrics)
    .map((given) => measure(given, true))
    .map((one) => (plain.some(({ name }) => name === one.name) ? { ...one, name: `weighted_${one.name}` } : one));
  return { optimizer: getOptimizer(optimizer), loss: getLoss(loss) as Objective, metrics: [...plain, ...weighted] };
}

function listed(what: string, given: readonly AnyMetric[]): readonly AnyMetric[] {
  if (Array.isArray(given)) return given;
  throw new CambiumError("value", "compile", `${what} is ${typeof given}, not a list`, `${what}: ["accuracy"]`);
}

/** A metric and the name it is reported under: that by which it was asked for, or its own. */
function measure(given: AnyMetric, weighted: boolean): Measure {
  if (typeof given === "function") {
    const metric = from(given as Metric | MetricFunction);
    return { name: metric.metricName, metric, weighted };
  }
  if (typeof given !== "string") throw new CambiumError("value", "compile", `a metric is ${typeof given}; it is a name or a function`);
  const metric = find(given) ?? lossAsMetric(given);
  if (!metric) throw unknownName("compile", "metric", given, metricNames);
  return { name: given, metric, weighted };
}

/** A loss reported as a metric: by the name of any. */
function lossAsMetric(name: string): Metric | undefined {
  try {
    return from(getLoss(name) as MetricFunction);
  } catch {
    return undefined;
  }
}

/** How a model learns as plain data, for those who save it. */
export function written({ optimizer, loss, metrics }: Resolved): Training {
  const { lossName, config } = loss as Partial<LossFunction>;
  const known = metrics.filter(({ metric }) => find(metric.metricName) !== undefined || metric.metricName in losses);
  const write = ({ name, metric }: Measure): Written => ({ name, metric: metric.metricName, config: metric.config });
  return {
    optimizer: { name: optimizer.name, config: optimizer.config },
    loss: lossName === undefined ? undefined : { name: lossName, config: config ?? {} },
    metrics: known.filter(({ weighted }) => !weighted).map(write),
    weightedMetrics: known.filter(({ weighted }) => weighted).map(write),
  };
}

/** What `written` wrote, resolved again; undefined when the loss was a function of one's own. */
export function revive({ optimizer, loss, metrics, weightedMetrics }: Training): Resolved | undefined {
  if (!loss) return undefined;
  const read =
    (weighted: boolean) =>
    ({ name, metric, config }: Written): Measure => {
      const found = measure(metric, weighted);
      return { ...found, name, metric: Object.keys(config).length === 0 ? found.metric : found.metric(config) };
    };
  const known = getLoss(loss.name) as LossFunction;
  return {
    optimizer: getOptimizer(optimizer.name, optimizer.config),
    loss: (Object.keys(loss.config).length === 0 ? known : known(loss.config)) as Objective,
    metrics: [...metrics.map(read(false)), ...weightedMetrics.map(read(true))],
  };
}
