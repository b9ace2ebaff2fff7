import type { Module } from "../module/module.ts";
import type { StateDict } from "../module/state.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a prediction costs: one number a sample, or several. */
export type LossFunction = (yTrue: Tensor, yPred: Tensor) => Tensor;

/** What a prediction is worth: numbers whose mean over all samples is reported. */
export interface Measure {
  readonly name: string;
  readonly values: LossFunction;
}

/** An optimizer at work on the weights of one model. */
export interface Learner {
  zeroGrad(): void;
  step(): void;
  /** What it remembers of the steps so far, by name. */
  stateDict(): StateDict;
  loadStateDict(state: Readonly<StateDict>): void;
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
