/** Mixed precision: products in 16 bits, what needs exact numbers in 32. */
import { type DType, isFloat, isShort } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import type { Node } from "../graph/node.ts";
import { casting } from "../graph/op.ts";
import { castTo } from "../ops/cast.ts";
import type { Tensor } from "./tensor.ts";

/** What products are made in; `"float32"` turns autocast off within. */
export type AutocastDType = "bfloat16" | "float16" | "float32";

/** Ops made in 16 bits: nearly all of a model's work, and sums that are rounded only once. */
const short = new Set(["matmul", "conv", "convKernel", "attention", "einsum"]);

/** Ops made in float32, as errors would add up or numbers leave the range. @source PyTorch's list for the CPU, and of the one for CUDA what losses are made of */
const full = new Set([
  ...["prod", "quantile", "median", "trace", "cdist", "cosineSimilarity", "gridSample", "padBorder", "dft"],
  ...["crossEntropy", "logSoftmax", "logSumExp", "logCumSumExp", "logAddExp"],
  ...["cholesky", "solve", "triangularSolve", "inverse", "determinant", "logDeterminant", "qrFactors", "eighFactors", "svdFactors"],
]);

let current: AutocastDType | undefined;

/** The dtype of products now, where autocast is on. */
export const autocastDType = (): AutocastDType | undefined => current;

const lowered =
  (dtype: DType) =>
  (op: string, inputs: Node[]): Node[] => {
    if (short.has(op)) return inputs.map((x) => (x.dtype === "float32" || isShort(x.dtype) ? castTo(x, dtype) : x));
    if (full.has(op)) return inputs.map((x) => (isShort(x.dtype) ? castTo(x, "float32") : x));
    return inputs;
  };

/**
 * What `f` gives, its matrix products, convolutions and attention made in `dtype` and what needs exact numbers in float32, whatever the dtypes of parameters, which stay as they are.
 * Gradients have the dtype of what they belong to. With `"float16"`, small gradients would vanish: scale the loss with `GradScaler`.
 * @throws a `name` error for a dtype that is none of these
 * @source PyTorch `torch.autocast`; Micikevicius et al., "Mixed precision training" (2018)
 * @example
 * ```ts
 * const loss = amp.autocast("bfloat16", () => criterion.forward(model.forward(x), y));
 * loss.backward();
 * ```
 */
export function autocast<T>(dtype: AutocastDType, f: () => T): T {
  if (dtype !== "bfloat16" && dtype !== "float16" && dtype !== "float32")
    throw new CambiumError("name", "autocast", `there is no autocast to "${String(dtype)}"; it is "bfloat16", "float16", or "float32" for none`);
  const [before, inputs] = [current, casting.inputs];
  current = dtype === "float32" ? undefined : dtype;
  casting.inputs = current && lowered(current);
  try {
    const result: unknown = f();
    if (result instanceof Promise)
      throw new CambiumError("value", "autocast", "the function returned a promise; what it awaits would be computed outside", "await around autocast");
    return result as T;
  } finally {
    current = before;
    casting.inputs = inputs;
  }
}

/** A bias, or another parameter, next to `x`: as wide as `x` where autocast has made that short. */
export const fitting = (parameter: Tensor, x: Tensor): Tensor => (current && isFloat(x.dtype) ? parameter.to(x.dtype) : parameter);

/** `x` as wide as `like`, where autocast is on. */
export const keptShort = (x: Tensor, like: Tensor): Tensor => (current && isShort(like.dtype) ? x.to(like.dtype) : x);

/** Numbers of 16 bits as float32, where autocast is on: what losses begin with. */
export const precise = <T>(x: T): T => {
  const { dtype } = (x ?? {}) as { dtype?: DType };
  return current && dtype && isShort(dtype) ? ((x as unknown as Tensor).to("float32") as unknown as T) : x;
};
