import { constant } from "../graph/op.ts";
import { Tensor } from "../tensor/tensor.ts";

/** A parameter about to be changed. */
export interface At {
  /** With weight decay already taken off, where that is done apart from the gradient. */
  readonly parameter: Tensor;
  /** As it was before any decay. */
  readonly before: Tensor;
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

/** What is remembered of a parameter: numbers to start from, for memory shaped as the parameter is, or memory of another shape. */
export type Slots = Readonly<Record<string, number | Tensor>>;

/** How an optimizer changes one parameter: tensors in, tensors out. */
export interface Rule {
  /** Whether it goes by the number of steps so far. */
  readonly counts: boolean;
  readonly slots: Slots | ((parameter: Tensor) => Slots);
  /** What is remembered of all parameters together, as single numbers to start from. */
  readonly shared?: Readonly<Record<string, number>>;
  /** What is the same for all parameters of a step, worked out once; under the names in `shared`, what becomes of those. */
  readonly common?: (rate: Tensor, count: Tensor, shared: Readonly<Record<string, Tensor>>) => Record<string, Tensor>;
  readonly step: (at: At) => Step;
}

/** A setting of a rule: part of the program, or a tensor that may differ from step to step. */
export type Dial = number | Tensor;

/** The dtype in which single numbers beside `like` are worked with. */
export const breadth = (like: Tensor): "float32" | "float64" => (like.dtype === "float64" ? "float64" : "float32");

/** A number that never changes, beside `like`: the compiler may calculate with it. */
export const fixed = (value: number, like: Tensor): Tensor => new Tensor(constant(value, breadth(like)));

/** A setting as a tensor beside `like`. */
export const dialled = (dial: Dial, like: Tensor): Tensor => (typeof dial === "number" ? fixed(dial, like) : dial.to(breadth(like)));

/** `1 − dial`, worked out at once where it can be. */
export const rest = (dial: Dial, like: Tensor): Tensor => (typeof dial === "number" ? fixed(1 - dial, like) : dial.to(breadth(like)).neg().add(1));
