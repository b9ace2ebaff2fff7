import { CambiumError } from "../base/error.ts";
import { bare, unknownName } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a weight adds to the loss for being large. */
export interface Regularizer {
  (weight: Tensor): Tensor;
  readonly config: { readonly l1: number; readonly l2: number };
}

function make(l1: number, l2: number): Regularizer {
  for (const [name, value] of Object.entries({ l1, l2 }))
    if (typeof value !== "number" || !(value >= 0) || !Number.isFinite(value))
      throw new CambiumError("value", "regularizers", `${name} is ${value}; it is a number from 0`);
  const penalty = (weight: Tensor): Tensor => {
    if (l1 === 0) return weight.square().sum().mul(l2);
    const sizes = weight.abs().sum().mul(l1);
    return l2 === 0 ? sizes : sizes.add(weight.square().sum().mul(l2));
  };
  return Object.assign(penalty, { config: { l1, l2 } });
}

/** `l1 · Σ|w|`; a number, or `{ l1 }`. Default 0.01. */
export const l1 = (factor: number | { l1?: number } = 0.01): Regularizer => make(typeof factor === "number" ? factor : (factor.l1 ?? 0.01), 0);

/** `l2 · Σw²`; a number, or `{ l2 }`. Default 0.01. */
export const l2 = (factor: number | { l2?: number } = 0.01): Regularizer => make(0, typeof factor === "number" ? factor : (factor.l2 ?? 0.01));

/** `l1 · Σ|w| + l2 · Σw²`. Defaults 0.01. */
export const l1l2 = (factors: { l1?: number; l2?: number } = {}): Regularizer => make(factors.l1 ?? 0.01, factors.l2 ?? 0.01);

/** The regularizers by name. */
export const regularizers: { l1: typeof l1; l2: typeof l2; l1l2: typeof l1l2 } = { l1, l2, l1l2 };

/**
 * The regularizer that is meant by a name, by `{ l1, l2 }`, or by itself.
 * @throws a `name` error for an unknown name
 */
export function regularizer(given: string | Regularizer | { l1?: number; l2?: number } | undefined): Regularizer | undefined {
  if (given === undefined || given === null || typeof given === "function") return given ?? undefined;
  if (typeof given === "object") return make(given.l1 ?? 0, given.l2 ?? 0);
  const name = bare(given);
  if (name === "l1" || name === "l2" || name === "l1l2") return regularizers[name]();
  throw unknownName("layers", "regularizer", given, Object.keys(regularizers));
}
