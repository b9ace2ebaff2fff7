import { CambiumError } from "../base/error.ts";
import { beside, maskOf, masking } from "../module/mask.ts";
import { Tensor } from "../tensor/tensor.ts";

/** What a loss expects its labels to be: class numbers, one-hot rows, zeros and ones, or any numbers. */
export type LabelKind = "classes" | "oneHot" | "bits" | "numbers";

/** What becomes of the losses of samples: their mean, their sum, or nothing. */
export type LossReduction = "sumOverBatchSize" | "sum_over_batch_size" | "mean" | "sum" | "none" | null;

/** What every loss may be told besides its own options. */
export interface Reduced {
  /** Default: one number a sample where tensors are given, their mean in `fit`. */
  reduction?: LossReduction;
}

/** A loss as Keras has it. Called with truth and prediction it gives one number a sample; called with options, the same loss with these kept. */
export interface LossFunction<Options extends object = object> {
  (yTrue: Tensor, yPred: Tensor, options?: Partial<Options> & Reduced): Tensor;
  (options: Partial<Options> & Reduced): LossFunction<Options>;
  /** One number a sample, whatever the reduction. */
  each(yTrue: Tensor, yPred: Tensor): Tensor;
  /** Its name in cambium's spelling: what a saved model keeps. */
  readonly lossName: string;
  readonly labels: LabelKind;
  /** The options it keeps. */
  readonly config: Readonly<Partial<Options> & Reduced>;
}

/** Samples that count, of losses where some do not. */
const counting = new WeakMap<Tensor, Tensor>();

/** `losses`, of which only those where `counts` is true enter a mean. */
export function countedOnly(losses: Tensor, counts: Tensor): Tensor {
  counting.set(losses, counts);
  return losses;
}

/** The losses of samples, each times its weight if any, put together. */
export function reduceLosses(where: string, losses: Tensor, reduction: LossReduction = "mean", weight?: Tensor): Tensor {
  const weighted = weight ? losses.mul(beside(weight, losses.rank)) : losses;
  const counts = counting.get(losses);
  switch (reduction) {
    case "sum":
      return weighted.sum();
    case "none":
    case null:
      return weighted;
    case "mean":
    case "sumOverBatchSize":
    case "sum_over_batch_size":
      return counts ? weighted.sum().div(counts.to(losses.dtype).sum().maximum(1)) : weighted.mean();
    default:
      throw new CambiumError("name", where, `there is no reduction "${String(reduction)}"; it is "sumOverBatchSize", "sum" or "none"`);
  }
}

/** What a batch costs: the losses of its samples, each times its weight, put together as the loss says. */
export function costOf(loss: ((yTrue: Tensor, yPred: Tensor) => Tensor) | LossFunction<any>, yTrue: Tensor, yPred: Tensor, weight?: Tensor): Tensor {
  const losses = "each" in loss ? loss.each(yTrue, yPred) : loss(yTrue, yPred);
  const weights = masking(losses, yPred, weight);
  if (weights !== weight) {
    // A mean is over the steps that count, as in Keras.
    const on = beside(maskOf(yPred)!, losses.rank).broadcast(losses.shape);
    countedOnly(losses, counting.get(losses)?.logicalAnd(on) ?? on);
  }
  if (!("each" in loss)) return reduceLosses("loss", losses, "mean", weights);
  const { reduction } = loss.config as Reduced;
  return reduceLosses(loss.lossName, losses, reduction === null || reduction === "none" ? "mean" : reduction, weights);
}

/** Makes a loss of a function that compares tensors. */
export function lossFunction<Options extends object = object>(
  lossName: string,
  labels: LabelKind,
  compare: (yTrue: Tensor, yPred: Tensor, options: Partial<Options>) => Tensor,
  config: Partial<Options> & Reduced = {},
): LossFunction<Options> {
  type Given = Partial<Options> & Reduced;
  const use = (first: Tensor | Given, yPred?: Tensor, options?: Given): Tensor | LossFunction<Options> => {
    if (first instanceof Tensor && yPred instanceof Tensor) {
      const all = options ? { ...config, ...options } : config;
      return reduceLosses(lossName, compare(first, yPred, all), all.reduction ?? null);
    }
    if (yPred === undefined && typeof first === "object" && first !== null && !(first instanceof Tensor) && Object.getPrototypeOf(first) === Object.prototype)
      return lossFunction(lossName, labels, compare, { ...config, ...first });
    throw new CambiumError(
      "value",
      lossName,
      "takes two tensors, the truth and the prediction, or its options",
      Array.isArray(first) ? "wrap arrays: tensor(x)" : undefined,
    );
  };
  return Object.assign(Object.defineProperty(use, "name", { value: lossName }), {
    lossName,
    labels,
    config,
    each: (yTrue: Tensor, yPred: Tensor) => compare(yTrue, yPred, config),
  }) as LossFunction<Options>;
}
