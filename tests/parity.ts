/** The stored values of PyTorch and Keras, as tests use them. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { allocate, type DType } from "../src/base/dtype.ts";
import { size } from "../src/base/shape.ts";
import { fromArray } from "../src/tensor/create.ts";
import type { Tensor } from "../src/tensor/tensor.ts";

export interface Stored {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data: readonly (number | string)[];
}

/** The cases of one file, e.g. `torch/losses`. */
export const casesOf = <C>(file: string): C[] => JSON.parse(readFileSync(new URL(`parity/${file}.json`, import.meta.url), "utf8")).cases;

const isStored = (value: unknown): value is Stored => typeof value === "object" && value !== null && "data" in value && "shape" in value;

/** A stored tensor as one of ours; 64-bit integers become 32-bit ones. */
export function restore({ shape, dtype, data }: Stored, requiresGrad = false): Tensor {
  const type = (dtype === "int64" ? "int32" : dtype) as DType;
  const out = allocate(type, size(shape));
  data.forEach((v, i) => (out[i] = Number(v)));
  return fromArray(out, [...shape], { dtype: type, requiresGrad });
}

/** Options with their tensors restored. */
export const restoreOptions = (options: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(options).map(([name, value]) => [name, isStored(value) ? restore(value) : value]));

/** Fails unless `found` equals the stored tensor: within `relative` of each number, or of the tensor's largest where numbers cancel. */
export function expectClose(found: Tensor, stored: Stored, what: string, relative = 1e-5): void {
  expect([...found.shape], `${what}: shape`).toEqual([...stored.shape]);
  const numbers = found.dataSync();
  const scale = Math.max(...stored.data.map((v) => (Number.isFinite(Number(v)) ? Math.abs(Number(v)) : 0)), 0);
  stored.data.forEach((v, i) => {
    const wanted = Number(v);
    const got = numbers[i]!;
    if (Object.is(wanted, got) || wanted === got) return;
    const allowed = relative * Math.max(Math.abs(wanted), 0.1 * Math.min(scale, 1));
    if (!(Math.abs(wanted - got) <= allowed)) expect.fail(`${what}: number ${i} is ${got}, stored is ${wanted}`);
  });
}
