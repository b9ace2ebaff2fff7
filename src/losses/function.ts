import { CambiumError } from "../base/error.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What a loss expects its labels to be: class numbers, one-hot rows, zeros and ones, or any numbers. */
export type LabelKind = "classes" | "oneHot" | "bits" | "numbers";

/** A loss as Keras has it. Called with truth and prediction it gives one number a sample; called with options, the same loss with these kept. */
export interface LossFunction<Options extends object = object> {
  (yTrue: Tensor, yPred: Tensor, options?: Partial<Options>): Tensor;
  (options: Partial<Options>): LossFunction<Options>;
  /** Its name in cambium's spelling: what a saved model keeps. */
  readonly lossName: string;
  readonly labels: LabelKind;
  /** The options it keeps. */
  readonly config: Readonly<Partial<Options>>;
}

/** Makes a loss of a function that compares tensors. */
export function lossFunction<Options extends object = object>(
  lossName: string,
  labels: LabelKind,
  compare: (yTrue: Tensor, yPred: Tensor, options: Partial<Options>) => Tensor,
  config: Partial<Options> = {},
): LossFunction<Options> {
  const use = (first: Tensor | Partial<Options>, yPred?: Tensor, options?: Partial<Options>): Tensor | LossFunction<Options> => {
    if (first instanceof Tensor && yPred instanceof Tensor) return compare(first, yPred, options ? { ...config, ...options } : config);
    if (yPred === undefined && typeof first === "object" && first !== null && !(first instanceof Tensor) && Object.getPrototypeOf(first) === Object.prototype)
      return lossFunction(lossName, labels, compare, { ...config, ...first });
    throw new CambiumError(
      "value",
      lossName,
      "takes two tensors, the truth and the prediction, or its options",
      Array.isArray(first) ? "wrap arrays: tensor(x)" : undefined,
    );
  };
  return Object.assign(Object.defineProperty(use, "name", { value: lossName }), { lossName, labels, config }) as LossFunction<Options>;
}
