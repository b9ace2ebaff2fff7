import type { Metric } from "../metrics/metric.ts";
import type { Module } from "../module/module.ts";
import type { Bound } from "../optim/keras/optimizer.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Results } from "./structure.ts";

/** What a prediction costs: one number a sample, or several. */
export type Objective = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** A metric under the name it is reported by. */
export interface Measure {
  readonly name: string;
  readonly metric: Metric;
  /** Whether the weights of samples count. */
  readonly weighted: boolean;
}

/** What is wanted of one result of a model. */
export interface Goal {
  /** The result's name, which stands before its numbers in the logs of a model with several. */
  readonly name: string;
  /** None: the result is not learnt from. */
  readonly loss: Objective | undefined;
  /** What the loss counts for beside those of other results. */
  readonly weight: number;
  readonly metrics: readonly Measure[];
}

/** All that a training step is made of. */
export interface Task {
  readonly module: Module;
  /** What the module makes of batches of what was read. */
  readonly run: (...inputs: Tensor[]) => Results;
  readonly optimizer: Bound;
  /** The names of what was read. */
  readonly inputs: readonly string[];
  /** One for each result of the model, in order. */
  readonly goals: readonly Goal[];
  /** What is added to the loss of the forward pass just made: regularization. */
  readonly penalties: () => readonly Tensor[];
}
