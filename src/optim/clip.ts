import type { Tensor } from "../tensor/tensor.ts";
import { currentTrace } from "../tensor/trace.ts";

function replace(tensor: Tensor, grad: Tensor): void {
  currentTrace()?.touchGrad(tensor);
  tensor.grad = grad;
}

/**
 * Scales all gradients so that together they are no longer than `maxNorm`, and returns how long they were.
 * @source PyTorch `clip_grad_norm_`
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Tensor | undefined {
  const list = [...parameters].filter(({ grad }) => grad !== undefined);
  if (list.length === 0) return undefined;
  const norm = list
    .map(({ grad }) => grad!.square().sum())
    .reduce((a, b) => a.add(b))
    .sqrt();
  const factor = norm.add(1e-6).reciprocal().mul(maxNorm).minimum(1);
  for (const parameter of list) replace(parameter, parameter.grad!.mul(factor));
  return norm;
}

/**
 * Cuts every number of every gradient to at most `clipValue` on both sides of 0.
 * @source PyTorch `clip_grad_value_`
 */
export function clipGradValue(parameters: Iterable<Tensor>, clipValue: number): void {
  for (const parameter of parameters) if (parameter.grad) replace(parameter, parameter.grad.clamp(-clipValue, clipValue));
}
