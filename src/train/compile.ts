import { CambiumError } from "../base/error.ts";
import { unknownName } from "../base/text.ts";
import type { LossFunction } from "../losses/function.ts";
import { type AnyLoss, get as getLoss, lossNames } from "../losses/get.ts";
import { find, from, type MetricFunction, metricNames } from "../metrics/get.ts";
import type { Metric } from "../metrics/metric.ts";
import { get as getOptimizer } from "../optim/keras.ts";
import type { KerasOptimizer } from "../optim/keras/optimizer.ts";
import { expectKnown } from "./options.ts";
import type { Goal, Measure, Objective } from "./task.ts";

/** A name, a metric, a loss, or a function of your own from (yTrue, yPred) to one number a sample. */
export type AnyMetric = string | Metric<any> | LossFunction<any> | MetricFunction;

/** Metrics of one result. */
type Metrics = AnyMetric | readonly AnyMetric[];

/** How a model learns. For a model with several results, what differs between them is a list, or a record by their names. */
export interface CompileOptions {
  /** A name, or what `optimizers.adam({ learningRate })` gives. Default `"rmsprop"`. */
  optimizer?: string | KerasOptimizer;
  /** A name, a loss, or a function of your own from (yTrue, yPred) to one number a sample. One alone is for every result; a result without one is not learnt from. */
  loss: AnyLoss | readonly (AnyLoss | undefined)[] | Readonly<Record<string, AnyLoss | undefined>>;
  /** What each loss counts for in their sum. Default 1. */
  lossWeights?: readonly number[] | Readonly<Record<string, number>>;
  /** What is reported besides the loss; "accuracy" picks its kind by the shapes of labels and predictions. */
  metrics?: readonly Metrics[] | Readonly<Record<string, Metrics>>;
  /** The same, with the weights of samples and classes taken into account. */
  weightedMetrics?: readonly Metrics[] | Readonly<Record<string, Metrics>>;
  /** Have no effect: steps are compiled once, whole, and run one after another. */
  runEagerly?: boolean;
  jitCompile?: boolean | "auto";
  stepsPerExecution?: number;
}

/** How a model learns, as plain data. Functions of your own have no part in it. */
export interface Training {
  readonly optimizer: { readonly name: string; readonly config: object };
  readonly goals: readonly WrittenGoal[];
}

interface WrittenGoal {
  /** A loss of your own is written as `null`; one that is absent is left out. */
  readonly loss?: { readonly name: string; readonly config: object } | null;
  readonly weight?: number;
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
  /** What is wanted of each result of a model whose results have these names. @throws when the options do not fit them */
  readonly goals: (names: readonly string[]) => readonly Goal[];
}

/**
 * What the options of `compile` mean.
 * @throws a `name` error for an optimizer, loss, metric or option there is none of
 */
export function resolve(options: CompileOptions): Resolved {
  expectKnown("compile", options, ["optimizer", "loss", "lossWeights", "metrics", "weightedMetrics", "runEagerly", "jitCompile", "stepsPerExecution"]);
  const { optimizer = "rmsprop", loss, metrics = [], weightedMetrics = [] } = options;
  if (loss === undefined || loss === null)
    throw new CambiumError("value", "compile", "a model without a loss cannot learn", 'compile({ optimizer: "adam", loss: "meanSquaredError" })');
  for (const [what, given] of Object.entries({ metrics, weightedMetrics }))
    if (!Array.isArray(given) && !isRecord(given))
      throw new CambiumError("value", "compile", `${what} is ${typeof given}, not a list`, `${what}: ["accuracy"]`);
  const goals = (names: readonly string[]): Goal[] => {
    const losses = spread("loss", loss, names) as (AnyLoss | undefined)[];
    const weights = spread("lossWeights", options.lossWeights, names) as (number | undefined)[];
    const plain = metricsOf("metrics", metrics, names);
    const weighted = metricsOf("weightedMetrics", weightedMetrics, names);
    return names.map((name, i) => goal(name, losses[i], weights[i], plain[i]!, weighted[i]!));
  };
  // What is said once is looked up now, so that a misspelt name is reported where it stands.
  if (typeof loss !== "object") getLoss(loss as AnyLoss);
  if (Array.isArray(metrics) && Array.isArray(weightedMetrics)) for (const one of [...metrics, ...weightedMetrics].flat()) measure(one as AnyMetric, false);
  return { optimizer: getOptimizer(optimizer), goals };
}

function goal(name: string, loss: AnyLoss | undefined, weight: number | undefined, metrics: readonly AnyMetric[], weightedMetrics: readonly AnyMetric[]): Goal {
  const plain = metrics.map((given) => measure(given, false));
  const weighted = weightedMetrics
    .map((given) => measure(given, true))
    .map((one) => (plain.some((other) => other.name === one.name) ? { ...one, name: `weighted_${one.name}` } : one));
  if (weight !== undefined && !Number.isFinite(weight))
    throw new CambiumError("value", "compile", `the weight of ${name}'s loss is ${String(weight)}, which is no number`);
  return { name, loss: loss === undefined || loss === null ? undefined : (getLoss(loss) as Objective), weight: weight ?? 1, metrics: [...plain, ...weighted] };
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype;

/** What belongs to each of `names`: by name, in order, or the same for all. */
function spread(what: string, given: unknown, names: readonly string[]): unknown[] {
  if (isRecord(given)) {
    for (const name of Object.keys(given)) if (!names.includes(name)) throw unknownName(`compile ${what}`, "result", name, names);
    return names.map((name) => given[name]);
  }
  if (!Array.isArray(given)) return names.map(() => given);
  if (given.length !== names.length)
    throw new CambiumError(
      "value",
      "compile",
      `${what} has ${given.length} entries; the model has ${names.length} results: ${names.join(", ")}`,
      `or name them: { ${names[0]}: … }`,
    );
  return given;
}

/** The metrics of each result: one list for a single result, for several a list or record of lists. */
function metricsOf(what: string, given: readonly unknown[] | Record<string, unknown>, names: readonly string[]): AnyMetric[][] {
  const flat = Array.isArray(given) && (names.length === 1 ? !given.some(Array.isArray) : given.length === 0);
  const each = flat ? names.map(() => given) : spread(what, given, names);
  return each.map((one) => (one === undefined ? [] : Array.isArray(one) ? (one as AnyMetric[]) : [one as AnyMetric]));
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

/** How a model whose results have these names learns, as plain data, for those who save it. */
export function written({ optimizer, goals }: Resolved, names: readonly string[]): Training {
  const write = ({ name, metric }: Measure): Written => ({ name, metric: metric.metricName, config: metric.config });
  return {
    optimizer: { name: optimizer.name, config: optimizer.config },
    goals: goals(names).map(({ loss, weight, metrics }) => {
      const { lossName, config = {} } = (loss ?? {}) as Partial<LossFunction>;
      const known = metrics.filter(({ metric }) => find(metric.metricName) !== undefined || lossNames.includes(metric.metricName));
      return {
        ...(loss && { loss: lossName === undefined ? null : { name: lossName, config } }),
        ...(weight !== 1 && { weight }),
        metrics: known.filter(({ weighted }) => !weighted).map(write),
        weightedMetrics: known.filter(({ weighted }) => weighted).map(write),
      };
    }),
  };
}

/** What `written` wrote, resolved again; undefined when a loss was a function of one's own. */
export function revive({ optimizer, goals }: Training): Resolved | undefined {
  if (goals.some(({ loss }) => loss === null)) return undefined;
  const read =
    (weighted: boolean) =>
    ({ name, metric, config }: Written): Measure => {
      const found = measure(metric, weighted);
      return { ...found, name, metric: Object.keys(config).length === 0 ? found.metric : found.metric(config) };
    };
  const lossOf = ({ name, config }: { name: string; config: object }): Objective => {
    const known = getLoss(name) as LossFunction;
    return (Object.keys(config).length === 0 ? known : known(config)) as Objective;
  };
  const made = goals.map(({ loss, weight = 1, metrics, weightedMetrics }) => ({
    loss: loss ? lossOf(loss) : undefined,
    weight,
    metrics: [...metrics.map(read(false)), ...weightedMetrics.map(read(true))],
  }));
  return { optimizer: getOptimizer(optimizer.name, optimizer.config), goals: (names) => names.map((name, i) => ({ name, ...made[i]! })) };
}
