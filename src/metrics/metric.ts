import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import { beside, masking } from "../module/mask.ts";
import { tensor } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Numbers that add up from batch to batch, and what they come to: so a metric can be run over any number of batches, and parts of a run be merged. */
export interface Tally {
  /** What a batch adds. A plain number depends on the shapes only. */
  readonly sums: (yTrue: Tensor, yPred: Tensor, weight?: Tensor) => readonly (Tensor | number)[];
  /** What the sums of all batches come to; those that are no single number stand one behind the other. */
  readonly result: (sums: readonly number[]) => number | number[];
}

/** A metric as Keras has it. Called with truth and prediction it gives its value; called with options, the same metric with these kept. */
export interface Metric<Options extends object = object> extends Tally {
  (yTrue: Tensor, yPred: Tensor): Tensor;
  (options: Partial<Options>): Metric<Options>;
  /** Its name in cambium's spelling: what a saved model keeps. */
  readonly metricName: string;
  /** The options it keeps. */
  readonly config: Readonly<Partial<Options>>;
  /** The metric at work on batches of one's own. */
  start(): Running;
}

/** What a metric does: the value of given data, and its tally. */
export interface Measure extends Tally {
  readonly value: (yTrue: Tensor, yPred: Tensor) => Tensor;
}

/** Makes a metric of what depends on its options. */
export function metric<Options extends object = object>(
  metricName: string,
  make: (options: Partial<Options>) => Measure,
  config: Partial<Options> = {},
): Metric<Options> {
  const { value, sums, result } = make(config);
  const use = (first: Tensor | Partial<Options>, yPred?: Tensor): Tensor | Metric<Options> => {
    if (first instanceof Tensor && yPred instanceof Tensor) return value(first, yPred);
    if (yPred === undefined && typeof first === "object" && first !== null && !(first instanceof Tensor) && Object.getPrototypeOf(first) === Object.prototype)
      return metric(metricName, make, { ...config, ...first });
    throw new CambiumError(
      "value",
      metricName,
      "takes two tensors, the truth and the prediction, or its options",
      Array.isArray(first) ? "wrap arrays: tensor(x)" : undefined,
    );
  };
  return Object.assign(Object.defineProperty(use, "name", { value: metricName }), {
    metricName,
    config,
    sums,
    result,
    start: () => new Running({ sums, result }),
  }) as Metric<Options>;
}

/** A metric at work: batches are taken in, and what they come to so far can be asked for at any time. Nothing is computed before. */
export class Running {
  readonly #tally: Tally;
  #sums: Tensor[] = [];

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Takes in a batch. @shape `sampleWeight`: [batch] */
  updateState(yTrue: Tensor, yPred: Tensor, sampleWeight?: Tensor): void {
    const added = this.#tally.sums(yTrue, yPred, sampleWeight).map((sum) => (typeof sum === "number" ? tensor(sum, { dtype: "float64" }) : sum.to("float64")));
    this.#add(added);
  }

  /** What all batches so far come to. */
  async result(): Promise<number | number[]> {
    const sums: number[] = [];
    for (const sum of this.#sums) sums.push(...(await sum.data()));
    return sums.length === 0 ? 0 : this.#tally.result(sums);
  }

  /** The same at once. @throws on engines whose results take time: use `await result()` there */
  resultSync(): number | number[] {
    const sums = this.#sums.flatMap((sum) => [...sum.dataSync()]);
    return sums.length === 0 ? 0 : this.#tally.result(sums);
  }

  /** Forgets all batches. */
  resetState(): void {
    this.#sums = [];
  }

  /** Takes in what another one, of the same metric, has taken in: parts of a run may be measured apart. */
  merge(other: Running): void {
    if (!(other instanceof Running) || (this.#sums.length > 0 && other.#sums.length > 0 && this.#sums.length !== other.#sums.length))
      throw new CambiumError("value", "merge", "only what the same metric has measured can be taken in");
    this.#add(other.#sums);
  }

  #add(added: readonly Tensor[]): void {
    this.#sums = this.#sums.length === 0 ? [...added] : this.#sums.map((sum, i) => (added[i] ? sum.add(added[i]) : sum));
  }
}

/** A measure that is a tally only: its value is what the sums of one batch come to. */
export const tallied = (sums: Tally["sums"], result: Tally["result"]): Measure => ({
  sums,
  result,
  value: (yTrue, yPred) => {
    const numbers = sums(yTrue, yPred).flatMap((sum) => (typeof sum === "number" ? [sum] : [...sum.dataSync()]));
    return tensor(result(numbers));
  },
});

/** Truth and prediction in one shape; an axis of size 1 at the end may be on one of them only. */
export function paired(where: string, yTrue: Tensor, yPred: Tensor): [truth: Tensor, prediction: Tensor] {
  if (same(yTrue.shape, yPred.shape)) return [yTrue, yPred];
  if (same([...yTrue.shape, 1], yPred.shape) || same(yTrue.shape, [...yPred.shape, 1])) return [yTrue.reshape(yPred.shape), yPred];
  throw new CambiumError("shape", where, `yTrue is ${show(yTrue.shape)}, yPred is ${show(yPred.shape)}; they must be equal`);
}

/** (Weighted) means of numbers, one or several a sample. Steps that `yPred` was masked for do not count. */
export function mean(values: (yTrue: Tensor, yPred: Tensor) => Tensor, finish: (mean: number) => number = (mean) => mean): Measure {
  return {
    value: values,
    sums: (yTrue, yPred, weight) => {
      const each = values(yTrue, yPred).to("float32");
      const counts = masking(each, yPred, weight);
      if (!counts) return [each.sum(), each.size];
      return [each.mul(beside(counts, each.rank)).sum(), counts.sum().mul(each.size / counts.size)];
    },
    result: ([sum, count]) => finish(count === 0 ? 0 : sum! / count!),
  };
}

/** The mean of a function of your own, under a name: what Keras calls a MeanMetricWrapper. The function gives one number a sample. */
export const meanMetricWrapper = (f: (yTrue: Tensor, yPred: Tensor) => Tensor, name: string = f.name || "metric"): Metric => metric(name, () => mean(f));
