/** What modules check before they compute, so that an error names the module and not an op inside of it. */
import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Shape, show } from "../base/shape.ts";
import { autocastDType } from "../tensor/autocast.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Checks that `x` is a tensor of the dtype that `parameter` has. */
export function expectTensor(where: string, x: unknown, parameter?: Tensor): asserts x is Tensor {
  if (!(x instanceof Tensor))
    throw new CambiumError("value", where, `expected a tensor, got ${Array.isArray(x) ? "an array" : x === null ? "null" : typeof x}`, "wrap it: tensor(x)");
  if (parameter && x.dtype !== parameter.dtype && !(autocastDType() && isFloat(x.dtype)))
    throw new CambiumError("dtype", where, `the input is ${x.dtype}, the parameters are ${parameter.dtype}`, `convert the input: x.to("${parameter.dtype}")`);
}

/** Checks the size of one axis of `x`. */
export function expectSize(where: string, x: Tensor, axis: number, expected: number, axes: string): void {
  const found = x.shape[axis < 0 ? axis + x.rank : axis];
  if (found === expected) return;
  const elsewhere = x.shape.indexOf(expected);
  throw new CambiumError(
    "shape",
    where,
    `expected ${axes}, got ${show(x.shape)}`,
    found !== undefined && elsewhere >= 0
      ? `axis ${elsewhere} has size ${expected}: are the axes in another order?`
      : x.size > 0 && x.shape.length > 1 && axis === -1 && x.shape.slice(1).reduce((a, b) => a * b, 1) === expected
        ? "flatten it first: nn.Flatten"
        : undefined,
  );
}

/** Runs `f` on `x` with a batch axis: `x` may lack it, and then the result does too. */
export function batched(where: string, x: Tensor, axes: readonly string[], f: (x: Tensor) => Tensor): Tensor {
  if (x.rank === axes.length + 1) return f(x);
  if (x.rank !== axes.length) throw new CambiumError("shape", where, `expected [batch, ${axes.join(", ")}] or [${axes.join(", ")}], got ${show(x.shape)}`);
  const y = f(x.reshape([1, ...x.shape]));
  return y.reshape(y.shape.slice(1));
}

/** Runs `f`, which works channels last, on `x`, which has its channels on axis 1. The compiler cancels the moves between neighbours. */
export function channelsLast(x: Tensor, f: (x: Tensor) => Tensor): Tensor {
  const { rank } = x;
  if (rank < 3) return f(x);
  const middle = Array.from({ length: rank - 2 }, (_, i) => i);
  return f(x.permute([0, ...middle.map((i) => i + 2), 1])).permute([0, rank - 1, ...middle.map((i) => i + 1)]);
}

/** One number for all axes, or one an axis. */
export type Sizes = number | readonly number[];

/** `given` with one entry for each of `rank` spatial axes. */
export function perAxis(where: string, name: string, given: Sizes, rank: number, least = 1): number[] {
  const list = typeof given === "number" ? new Array<number>(rank).fill(given) : [...given];
  if (list.length !== rank) throw new CambiumError("shape", where, `${name} ${show(list)} has ${list.length} entries; give one number or ${rank}`);
  const wrong = list.find((n) => !Number.isInteger(n) || n < least);
  if (wrong !== undefined) throw new CambiumError("value", where, `${name} must be whole numbers from ${least}, got ${wrong}`);
  return list;
}

/** Checks that what a constructor got counts something. */
export function expectCount(where: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) throw new CambiumError("value", where, `${name} must be a whole number from 1, got ${value}`);
}

/** `name=value` as modules are printed. */
export const shown = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${text(value)}`)
    .join(", ");

const text = (value: unknown): string => (Array.isArray(value) ? show(value as Shape) : typeof value === "string" ? `"${value}"` : String(value));
