import type { Tensor } from "../tensor/tensor.ts";
import { currentTrace } from "../tensor/trace.ts";

/** Tensors that training is about, also while they are frozen (`requiresGrad = false`). */
const parameters = new WeakSet<Tensor>();

/** `start` as a parameter: a tensor that training may change. */
export function parameter(start: Tensor): Tensor {
  start.requiresGrad = true;
  parameters.add(start);
  return start;
}

/** Whether a module counts `tensor` among its parameters rather than its buffers. */
export function isParameter(tensor: Tensor): boolean {
  if (tensor.requiresGrad) parameters.add(tensor);
  return parameters.has(tensor);
}

const constraints = new WeakMap<Tensor, (next: Tensor) => Tensor>();

/** From now on, an optimizer's update of `parameter` is put right by `constraint`. */
export function constrain(parameter: Tensor, constraint: (next: Tensor) => Tensor): void {
  constraints.set(parameter, constraint);
}

/** What `parameter` becomes of an update to `next`. */
export const constrained = (parameter: Tensor, next: Tensor): Tensor => constraints.get(parameter)?.(next) ?? next;

/** Forgets the gradients of `tensors`. */
export function zeroGrad(tensors: Iterable<Tensor>): void {
  const trace = currentTrace();
  for (const tensor of tensors) {
    if (!tensor.grad) continue;
    trace?.touchGrad(tensor);
    tensor.grad = undefined;
  }
}
