import { CambiumError } from "../base/error.ts";
import { type Axes, same } from "../base/shape.ts";
import { bare, unknownName } from "../base/text.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a weight is put back to after each update. */
export interface Constraint {
  (weight: Tensor): Tensor;
  /** What makes it again. */
  readonly config: Readonly<Record<string, unknown>>;
}

const tiny = 1e-7;

const length = (weight: Tensor, axis: Axes): Tensor => weight.square().sum(axis, { keep: true }).sqrt();

const make = (config: Constraint["config"], f: (weight: Tensor) => Tensor): Constraint => Object.assign((weight: Tensor) => f(weight), { config });

/** No vector along `axis` longer than `maxValue`. Defaults 2 and 0. @source Keras `MaxNorm`; Srivastava et al. (2014) */
export const maxNorm = ({ maxValue = 2, axis = 0 }: { maxValue?: number; axis?: Axes } = {}): Constraint =>
  make({ name: "maxNorm", maxValue, axis }, (weight) => {
    const norms = length(weight, axis);
    return weight.mul(norms.minimum(maxValue).div(norms.add(tiny)));
  });

/** No number below 0. @source Keras `NonNeg` */
export const nonNeg = (): Constraint => make({ name: "nonNeg" }, (weight) => weight.mul(weight.greaterEqual(0).to(weight.dtype)));

/** Every vector along `axis` of length 1. Default axis 0. @source Keras `UnitNorm` */
export const unitNorm = ({ axis = 0 }: { axis?: Axes } = {}): Constraint =>
  make({ name: "unitNorm", axis }, (weight) => weight.div(length(weight, axis).add(tiny)));

/** Every vector along `axis` pulled, by the share `rate`, to a length from `minValue` to `maxValue`. Defaults 0, 1, 1 and 0. @source Keras `MinMaxNorm` */
export const minMaxNorm = ({
  minValue = 0,
  maxValue = 1,
  rate = 1,
  axis = 0,
}: {
  minValue?: number;
  maxValue?: number;
  rate?: number;
  axis?: Axes;
} = {}): Constraint => {
  if (!(minValue <= maxValue)) throw new CambiumError("value", "minMaxNorm", `minValue ${minValue} is above maxValue ${maxValue}`);
  return make({ name: "minMaxNorm", minValue, maxValue, rate, axis }, (weight) => {
    const norms = length(weight, axis);
    const wanted = norms
      .maximum(minValue)
      .minimum(maxValue)
      .mul(rate)
      .add(norms.mul(1 - rate));
    return weight.mul(wanted.div(norms.add(tiny)));
  });
};

/** The constraints by name. */
export const constraints: { maxNorm: typeof maxNorm; nonNeg: typeof nonNeg; unitNorm: typeof unitNorm; minMaxNorm: typeof minMaxNorm } = {
  maxNorm,
  nonNeg,
  unitNorm,
  minMaxNorm,
};

/**
 * The constraint that is meant by a name, by its `config`, or by itself.
 * @throws a `name` error for an unknown name, a `shape` error from one that changes a weight's shape
 */
export function constraint(given: string | Constraint | Constraint["config"] | undefined): ((weight: Tensor) => Tensor) | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given === "function") return kept(given);
  const { name, ...options } = typeof given === "string" ? { name: given } : (given as { name?: unknown });
  const known = Object.entries(constraints).find(([key]) => bare(key) === bare(String(name)));
  if (!known) throw unknownName("layers", "constraint", String(name), Object.keys(constraints));
  return known[1](options);
}

const kept =
  (f: (weight: Tensor) => Tensor) =>
  (weight: Tensor): Tensor => {
    const next = f(weight);
    if (same(next.shape, weight.shape)) return next;
    throw new CambiumError("shape", "constraint", `made [${next.shape.join(", ")}] of a weight of [${weight.shape.join(", ")}]; the shape must stay`);
  };
