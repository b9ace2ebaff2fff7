import { isFloat } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { same, type Shape, show, size } from "../base/shape.ts";
import { fromArray, tensor, type TensorLike } from "../tensor/create.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Strings, nested as arrays are. */
type Texts = string | readonly Texts[];

/** Data as people have it: tensors, nested arrays, typed arrays; strings for a model that reads them. */
export type Data = TensorLike | Texts;

/** Samples that stay where they are; batches name them by their places. */
export interface Samples {
  /** One for each input. */
  readonly x: readonly Tensor[];
  /** One for each result. */
  readonly y: readonly Tensor[];
  /** How much each sample counts, float32, for each result; undefined: all the same. */
  readonly weight: readonly Tensor[] | undefined;
  /** Place of the first sample and how many there are. */
  readonly from: number;
  readonly count: number;
}

/** The places of `count` samples from `from` on, in order. */
export const inOrder = (from: number, count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => from + i);

/** `data` as a tensor with one row a sample. */
export function toRows(where: string, name: string, data: Data | undefined): Tensor {
  if (data === undefined || data === null) throw new CambiumError("data", where, `${name} is missing`);
  const rows = data instanceof Tensor ? data : tensor(data as TensorLike);
  if (rows.rank === 0) throw new CambiumError("data", where, `${name} is a single number; it needs an axis of samples`, "wrap it in an array");
  if (rows.size === 0)
    throw new CambiumError("data", where, `${name} is empty: its shape is ${show(rows.shape)}`, "was the file read, and is the filter right?");
  return rows;
}

/** Inputs as a model wants them: a flat typed array cut into samples, and a last axis of size 1 put on or taken off, as Keras does. */
export function toInputs(where: string, name: string, data: Data, inputShape: Shape | undefined): Tensor {
  const x = toRows(where, name, data);
  const flat = x.rank === 1;
  if (!inputShape) return flat ? x.reshape([x.size, 1]) : x;
  const sample = x.shape.slice(1);
  if (same(sample, inputShape)) return x;
  const wanted = size(inputShape);
  if (flat && x.size % wanted === 0 && (ArrayBuffer.isView(data) || wanted === 1)) return x.reshape([x.size / wanted, ...inputShape]);
  const narrow = [...sample, 1];
  if (same(narrow, inputShape) || same(sample, [...inputShape, 1])) return x.reshape([x.shape[0]!, ...inputShape]);
  return x;
}

/** Complains unless there are as many `b` as `a`. */
export function expectEqualLengths(where: string, a: { name: string; of: Tensor }, b: { name: string; of: Tensor }): void {
  const [n, m] = [a.of.shape[0]!, b.of.shape[0]!];
  if (n !== m)
    throw new CambiumError(
      "data",
      where,
      `${a.name} has ${n} samples, ${b.name} has ${m}; every sample needs one of each`,
      b.of.rank > 1 && b.of.shape[1] === n ? `${b.name} looks transposed` : undefined,
    );
}

/** Data that was looked through before needs no second look. */
const sound = new WeakSet<object>();

/** Complains about numbers that are none. */
export async function expectNumbers(where: string, name: string, rows: Tensor): Promise<void> {
  if (!isFloat(rows.dtype)) return;
  const data = await rows.data();
  if (sound.has(data)) return;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value === value) continue;
    const row = data.length / rows.shape[0]!;
    throw new CambiumError(
      "data",
      where,
      `${name} holds NaN, first in sample ${Math.floor(i / row)}`,
      "look for missing values, or for a division by a spread of 0",
    );
  }
  sound.add(data);
}

/** The largest of bytes, or of floats that all look like bytes; undefined for other data. */
export async function largestByte(rows: Tensor): Promise<number | undefined> {
  if (rows.dtype !== "uint8" && !isFloat(rows.dtype)) return undefined;
  const data = await rows.data();
  const some = Math.min(data.length, 1_000_000);
  let largest = 0;
  for (let i = 0; i < some; i++) {
    const value = data[i]!;
    if (value < 0 || value > 255 || !Number.isInteger(value)) return undefined;
    if (value > largest) largest = value;
  }
  return largest;
}

/** Factors by class, as an object, a map or a list. */
export type ClassWeight = Readonly<Record<number, number>> | ReadonlyMap<number, number> | readonly number[];

/** How much each sample, or each of its steps, counts: what `sampleWeight` and `classWeight` make together; undefined when there is neither. */
export async function weightsOf(where: string, y: Tensor, sampleWeight: Data | undefined, classWeight: ClassWeight | undefined): Promise<Tensor | undefined> {
  if (sampleWeight === undefined && classWeight === undefined) return undefined;
  const n = y.shape[0]!;
  let shape: Shape = [n];
  let weights = new Float32Array(n).fill(1);
  if (sampleWeight !== undefined) {
    const given = toRows(where, "sampleWeight", sampleWeight);
    expectEqualLengths(where, { name: "x", of: y }, { name: "sampleWeight", of: given });
    const steps = given.rank > 1 && given.rank <= y.rank && same(given.shape, y.shape.slice(0, given.rank));
    if (given.size !== n && !steps)
      throw new CambiumError(
        "shape",
        where,
        `sampleWeight is ${show(given.shape)}; there is one number for each of ${n} samples`,
        y.rank > 2 ? `or one for each step: ${show(y.shape.slice(0, -1))}` : undefined,
      );
    await expectNumbers(where, "sampleWeight", given);
    if (given.size !== n) shape = given.shape;
    weights = Float32Array.from(await given.data());
  }
  if (classWeight !== undefined) {
    if (y.rank > 2)
      throw new CambiumError(
        "shape",
        where,
        `classWeight counts samples by their class, but the labels are ${show(y.shape)}: several a sample`,
        "give a sampleWeight instead",
      );
    const factor = factors(where, classWeight);
    const classes = await classesOf(y);
    for (let i = 0; i < weights.length; i++) weights[i]! *= factor(classes[Math.floor((i * n) / weights.length)]!);
  }
  return fromArray(weights, shape);
}

function factors(where: string, given: ClassWeight): (label: number) => number {
  const entries = given instanceof Map ? [...given] : Object.entries(given);
  const table = new Map<number, number>();
  for (const [label, factor] of entries) {
    if (!Number.isInteger(Number(label)) || typeof factor !== "number" || !Number.isFinite(factor))
      throw new CambiumError(
        "value",
        where,
        `classWeight maps ${String(label)} to ${String(factor)}; it maps class numbers to factors`,
        "classWeight: { 0: 1, 1: 5 }",
      );
    table.set(Number(label), factor);
  }
  return (label) => table.get(label) ?? 1;
}

/** The class of each label, be it a number or a one-hot row. */
async function classesOf(y: Tensor): Promise<Int32Array> {
  const data = await y.data();
  const n = y.shape[0]!;
  const width = y.size / n;
  return Int32Array.from({ length: n }, (_, i) => {
    if (width === 1) return Math.round(data[i]!);
    let best = 0;
    for (let j = 1; j < width; j++) if (data[i * width + j]! > data[i * width + best]!) best = j;
    return best;
  });
}
