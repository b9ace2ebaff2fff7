import { CambiumError } from "../base/error.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { currentTrace } from "../tensor/trace.ts";

function replace(tensor: Tensor, grad: Tensor): void {
  currentTrace()?.touchGrad(tensor);
  tensor.grad = grad;
}

export interface NormOptions {
  /** Which norm: 2 is the length, 1 the sum of sizes, `Infinity` the largest size. Default 2. */
  normType?: number;
  /** Whether a norm that is NaN or infinite is an error, for which it has to be computed at once. Default `false`. */
  errorIfNonfinite?: boolean;
}

const atLeast0 = (where: string, name: string, value: number): void => {
  if (!(value >= 0)) throw new CambiumError("value", where, `${name} is ${value}; it is a number from 0`);
};

/**
 * The norm of several tensors as if they were one; none: no norm.
 * @throws a `value` error when the norm is NaN or infinite and that is to be an error
 * @source PyTorch `get_total_norm`
 */
export function totalNorm(tensors: Iterable<Tensor>, { normType = 2, errorIfNonfinite = false }: NormOptions = {}): Tensor | undefined {
  const list = [...tensors];
  if (!(normType > 0)) throw new CambiumError("value", "totalNorm", `normType is ${normType}; it is a number above 0, or Infinity`);
  if (list.length === 0) return undefined;
  const total = (each: (x: Tensor) => Tensor, both: (a: Tensor, b: Tensor) => Tensor): Tensor => list.map(each).reduce(both);
  const plus = (a: Tensor, b: Tensor): Tensor => a.add(b);
  const norm =
    normType === 2
      ? total((x) => x.square().sum(), plus).sqrt()
      : normType === 1
        ? total((x) => x.abs().sum(), plus)
        : normType === Number.POSITIVE_INFINITY
          ? total(
              (x) => x.abs().max(),
              (a, b) => a.maximum(b),
            )
          : total((x) => x.abs().pow(normType).sum(), plus).pow(1 / normType);
  if (errorIfNonfinite && !Number.isFinite(norm.item()))
    throw new CambiumError(
      "value",
      "totalNorm",
      `the norm of the gradients is ${norm.item()}, which no factor brings back`,
      "find where it comes from: debug.nans(true)",
    );
  return norm;
}

/**
 * Scales all gradients so that together they are no longer than `maxNorm`, and returns how long they were.
 * @throws a `value` error when `maxNorm` is below 0, or as `totalNorm` does
 * @source PyTorch `clip_grad_norm_`
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number, options?: NormOptions): Tensor | undefined {
  atLeast0("clipGradNorm", "maxNorm", maxNorm);
  const list = [...parameters].filter(({ grad }) => grad !== undefined);
  const norm = totalNorm(
    list.map(({ grad }) => grad!),
    options,
  );
  if (!norm) return undefined;
  clipGradsWithNorm(list, maxNorm, norm);
  return norm;
}

/**
 * Scales all gradients so that together they are no longer than `maxNorm`, given how long they are: a norm that `totalNorm` gave, perhaps over more than these.
 * @source PyTorch `clip_grads_with_norm_`
 */
export function clipGradsWithNorm(parameters: Iterable<Tensor>, maxNorm: number, norm: Tensor): void {
  atLeast0("clipGradsWithNorm", "maxNorm", maxNorm);
  const factor = norm.add(1e-6).reciprocal().mul(maxNorm).minimum(1);
  for (const parameter of parameters) if (parameter.grad) replace(parameter, parameter.grad.mul(factor));
}

/**
 * Cuts every number of every gradient to at most `clipValue` on both sides of 0.
 * @source PyTorch `clip_grad_value_`
 */
export function clipGradValue(parameters: Iterable<Tensor>, clipValue: number): void {
  atLeast0("clipGradValue", "clipValue", clipValue);
  for (const parameter of parameters) if (parameter.grad) replace(parameter, parameter.grad.clamp(-clipValue, clipValue));
}
