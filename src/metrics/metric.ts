import { CambiumError } from "../base/error.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Numbers that add up from batch to batch, and what they come to: so a metric can be run over any number of batches, and parts of a run be merged. */
export interface Tally {
  /** What a batch adds. A plain number depends on the shapes only. */
  readonly sums: (yTrue: Tensor, yPred: Tensor, weight?: Tensor) => readonly (Tensor | number)[];
  readonly result: (sums: readonly number[]) => number;
}

/** A metric as Keras has it. Called with truth and prediction it gives its value; called with options, the same metric with these kept. */
export interface Metric<Options extends object = object> extends Tally {
  (yTrue: Tensor, yPred: Tensor): Tensor;
  (options: Partial<Options>): Metric<Options>;
  /** Its name in cambium's spelling: what a saved model keeps. */
  readonly metricName: string;
  /** The options it keeps. */
  readonly config: Readonly<Partial<Options>>;
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
  return Object.assign(Object.defineProperty(use, "name", { value: metricName }), { metricName, config, sums, result }) as Metric<Options>;
}

/** The numbers of `values` beside one weight a sample. */
const weigh = (values: Tensor, weight: Tensor): Tensor => values.mul(weight.reshape(values.shape.map((d, i) => (i === 0 ? d : 1))));

/** The (weighted) mean of numbers, one or several a sample. */
export function mean(values: (yTrue: Tensor, yPred: Tensor) => Tensor, finish: (mean: number) => number = (mean) => mean): Measure {
  return {
    value: values,
    sums: (yTrue, yPred, weight) => {
      const each = values(yTrue, yPred).to("float32");
      if (!weight) return [each.sum(), each.size];
      return [weigh(each, weight).sum(), weight.sum().mul(each.size / each.shape[0]!)];
    },
    result: ([sum, count]) => finish(count === 0 ? 0 : sum! / count!),
  };
}
