import type { Tensor } from "../tensor/tensor.ts";

/** A parameter about to be changed. */
export interface At {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** What the rule remembers of this parameter, by name. */
  readonly slots: Readonly<Record<string, Tensor>>;
  /** The size of the step, a scalar. */
  readonly rate: Tensor;
  /** Steps so far, this one included, a scalar; for rules that count. */
  readonly count: Tensor;
  /** What `common` has worked out. */
  readonly common: Readonly<Record<string, Tensor>>;
}

/** What becomes of a parameter, and of what is remembered of it. */
export interface Step {
  readonly parameter: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
}

/** How an optimizer changes one parameter: tensors in, tensors out. */
export interface Rule {
  /** Whether it goes by the number of steps so far. */
  readonly counts: boolean;
  /** What is remembered of each parameter, with the number it starts from. */
  readonly slots: Readonly<Record<string, number>>;
  /** What is the same for all parameters of a step, worked out once. */
  readonly common?: (rate: Tensor, count: Tensor) => Record<string, Tensor>;
  readonly step: (at: At) => Step;
}
