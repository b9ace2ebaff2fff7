/** Truth and prediction made ready to be compared, as Keras does. */
import { CambiumError } from "../base/error.ts";
import { same, show } from "../base/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What keeps Keras' logarithms and quotients finite. */
export const epsilon = 1e-7;

/** Truth and prediction in one shape and dtype; an axis of size 1 at the end may be on one of them only. */
export function paired(where: string, yTrue: Tensor, yPred: Tensor): [truth: Tensor, prediction: Tensor] {
  const truth = yTrue.to(yPred.dtype);
  if (same(truth.shape, yPred.shape)) return [truth, yPred];
  if (same([...truth.shape, 1], yPred.shape)) return [truth.reshape(yPred.shape), yPred];
  if (same(truth.shape, [...yPred.shape, 1])) return [truth.reshape(yPred.shape), yPred];
  throw new CambiumError(
    "shape",
    where,
    `yTrue is ${show(yTrue.shape)}, yPred is ${show(yPred.shape)}; they must be equal`,
    yPred.rank > 1 && same(yTrue.shape, yPred.shape.slice(0, -1)) ? "for labels that are class numbers use sparseCategoricalCrossentropy" : undefined,
  );
}

/** The mean over the last axis; a sample that is a single number stays. */
export const each = (losses: Tensor): Tensor => (losses.rank > 1 ? losses.mean(-1) : losses);
