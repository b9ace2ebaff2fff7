import { type Functional, revivePart } from "./functional.ts";
import type { Sequential } from "./sequential.ts";

/**
 * A model made as another was, with weights of its own that begin anew.
 * @throws a `value` error for parts that cannot be written down
 * @source Keras `clone_model`
 * @example
 * ```ts
 * const first = sequential([layers.dense(4, { inputShape: [3] })]);
 * const second = cloneModel(first);
 * second.setWeights(first.getWeights());
 * ```
 */
export const cloneModel = <M extends Sequential | Functional>(model: M): M =>
  revivePart("cloneModel", { className: model.className, config: model.getConfig() as Record<string, unknown> }) as M;
