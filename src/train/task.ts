import type { Module } from "../module/module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a prediction costs: one number a sample, or several. */
export type LossFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** What a prediction is worth: numbers whose mean over all samples is reported. */
export interface Measure {
  readonly name: string;
  readonly values: LossFunction;
}

/** What changes the weights. */
export interface Learner {
  learningRate: number;
  zeroGrad(): void;
  step(): void;
}

/** All that a training step is made of. */
export interface Task {
  readonly module: Module;
  readonly loss: LossFunction;
  readonly optimizer: Learner;
  readonly metrics: readonly Measure[];
  /** What is added to the loss of the forward pass just made: regularization. */
  readonly penalties: () => readonly Tensor[];
}
