import { CambiumError } from "../base/error.ts";
import { show } from "../base/shape.ts";
import { bare, unknownName } from "../base/text.ts";
import { eye } from "../tensor/create.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a weight adds to the loss for being large. */
export interface Regularizer {
  (weight: Tensor): Tensor;
  /** What makes it again. */
  readonly config: { readonly l1: number; readonly l2: number } | { readonly orthogonal: number; readonly mode: "rows" | "columns" };
}

function checkFactor(name: string, value: unknown): void {
  if (typeof value !== "number" || !(value >= 0) || !Number.isFinite(value))
    throw new CambiumError("value", "regularizers", `${name} is ${value}; it is a number from 0`);
}

function make(l1: number, l2: number): Regularizer {
  checkFactor("l1", l1);
  checkFactor("l2", l2);
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

/**
 * `factor` times the mean size of the cosines between the rows (or columns) of a matrix. Defaults 0.01 and `"rows"`.
 * @source Keras `OrthogonalRegularizer`
 */
export function orthogonal({ factor = 0.01, mode = "rows" }: { factor?: number; mode?: "rows" | "columns" } = {}): Regularizer {
  checkFactor("factor", factor);
  if (mode !== "rows" && mode !== "columns") throw unknownName("regularizers", "mode", mode, ["rows", "columns"]);
  const penalty = (weight: Tensor): Tensor => {
    if (weight.rank !== 2) throw new CambiumError("shape", "regularizers.orthogonal", `only a matrix has rows and columns, not ${show(weight.shape)}`);
    const rows = mode === "rows" ? weight : weight.transpose();
    const unit = rows.div(rows.norm(1, { keep: true }).maximum(1e-7));
    const n = rows.shape[0]!;
    return unit
      .matmul(unit.transpose())
      .mul(eye(n).neg().add(1))
      .abs()
      .sum()
      .mul(factor / (n * (n - 1)));
  };
  return Object.assign(penalty, { config: { orthogonal: factor, mode } });
}

/** The regularizers by name. */
export const regularizers: { l1: typeof l1; l2: typeof l2; l1l2: typeof l1l2; orthogonal: typeof orthogonal } = { l1, l2, l1l2, orthogonal };

/**
 * The regularizer that is meant by a name, by `{ l1, l2 }`, or by itself.
 * @throws a `name` error for an unknown name
 */
export function regularizer(
  given: string | Regularizer | { l1?: number; l2?: number } | { orthogonal: number; mode?: "rows" | "columns" } | undefined,
): Regularizer | undefined {
  if (given === undefined || given === null || typeof given === "function") return given ?? undefined;
  if (typeof given === "object" && "orthogonal" in given) return orthogonal({ ...given, factor: given.orthogonal });
  if (typeof given === "object") return make(given.l1 ?? 0, given.l2 ?? 0);
  const known = Object.entries(regularizers).find(([name]) => name === bare(given).replace(/regularizer$/, ""));
  if (known) return known[1]();
  throw unknownName("layers", "regularizer", given, Object.keys(regularizers));
}
