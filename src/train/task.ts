import type { Metric } from "../metrics/metric.ts";
import type { Module } from "../module/module.ts";
import type { Bound } from "../optim/keras.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a prediction costs: one number a sample, or several. */
export type Objective = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** A metric under the name it is reported by. */
export interface Measure {
  readonly name: string;
  readonly metric: Metric;
  /** Whether the weights of samples count. */
  readonly weighted: boolean;
}

/** All that a training step is made of. */
export interface Task {
  readonly module: Module;
  readonly loss: Objective;
  readonly optimizer: Bound;
  readonly metrics: readonly Measure[];
  /** What is added to the loss of the forward pass just made: regularization. */
  readonly penalties: () => readonly Tensor[];
}
