/** Tensors from numbers. */
import { allocate, dtypeOf, type DType, store, type TypedArray } from "../base/dtype.ts";
import { CambiumError } from "../base/error.ts";
import { type Shape, show, size } from "../base/shape.ts";
import { hostMemory, source } from "../graph/node.ts";
import { concat as concatNodes, stack as stackNodes } from "../ops/slice.ts";
import type { Nested } from "./print.ts";
import { Tensor } from "./tensor.ts";

export interface TensorOptions {
  /** Default: float32 for numbers, bool for booleans, a typed array's own. */
  dtype?: DType;
  /** Whether `backward()` leaves a gradient here. Default `false`. */
  requiresGrad?: boolean;
}

/** What people have in hand: numbers, nested arrays, typed arrays. */
export type TensorLike = Tensor | Nested | ArrayLike<number> | BigInt64Array;

/** A tensor of the given numbers, copied. */
export function tensor(values: TensorLike, { dtype, requiresGrad = false }: TensorOptions = {}): Tensor {
  if (values instanceof Tensor) {
    const copy = values.detach().to(dtype ?? values.dtype);
    copy.requiresGrad = requiresGrad;
    return copy;
  }
  if (ArrayBuffer.isView(values)) {
    const from = typed(values);
    const type = dtype ?? (values instanceof BigInt64Array ? "int64" : dtypeOf(from));
    return fromArray(convert(from, type), [from.length], { dtype: type, requiresGrad });
  }
  // A plain list or a single number, as small loops make them at every step.
  if (dtype === undefined && (typeof values === "number" || (Array.isArray(values) && values.length > 0 && values.every(isNumber))))
    return fromArray(
      typeof values === "number" ? Float32Array.of(values) : new Float32Array(values as number[]),
      typeof values === "number" ? [] : [values.length],
      { dtype: "float32", requiresGrad },
    );
  const shape: number[] = [];
  let first: unknown = values;
  while (isList(first)) {
    shape.push(first.length);
    first = first[0];
  }
  const type = dtype ?? (typeof first === "boolean" ? "bool" : "float32");
  const out = allocate(type, size(shape));
  let at = 0;
  const fill = (v: unknown, axis: number): void => {
    if (axis === shape.length) {
      if (typeof v !== "number" && typeof v !== "boolean")
        throw new CambiumError(
          "data",
          "tensor",
          isList(v) ? ragged(shape, axis, v.length) : `expected numbers, found ${v === null ? "null" : typeof v} ${JSON.stringify(v)}`,
        );
      out[at++] = type === "bool" ? (v ? 1 : 0) : (v as number);
      return;
    }
    if (!isList(v) || v.length !== shape[axis]) throw new CambiumError("data", "tensor", ragged(shape, axis, isList(v) ? v.length : undefined));
    for (let i = 0; i < v.length; i++) fill(v[i], axis + 1);
  };
  fill(values, 0);
  return fromArray(out, shape, { dtype: type, requiresGrad });
}

const isNumber = (v: unknown): boolean => typeof v === "number";

const isList = (v: unknown): v is ArrayLike<unknown> => Array.isArray(v) || (ArrayBuffer.isView(v) && !(v instanceof DataView));

const ragged = (shape: Shape, axis: number, got: number | undefined): string =>
  `the arrays are ragged: the first has ${axis < shape.length ? `length ${shape[axis]}` : "numbers"} at depth ${axis}, another has ${got === undefined ? "a number" : `length ${got}`} there`;

function typed(values: ArrayBufferView): TypedArray {
  if (values instanceof Float32Array || values instanceof Float64Array || values instanceof Int32Array) return values;
  if (values instanceof Uint8Array || values instanceof Int8Array) return values;
  if (values instanceof Uint8ClampedArray) return new Uint8Array(values);
  if (values instanceof Int16Array || values instanceof Uint16Array) return Int32Array.from(values);
  if (values instanceof BigInt64Array) return Float64Array.from(values, Number);
  throw new CambiumError(
    "dtype",
    "tensor",
    `a ${values.constructor.name} holds no kind of number there is a dtype for`,
    "use a Float32Array, Float64Array, Int32Array, Uint8Array, Int8Array or BigInt64Array",
  );
}

function convert(from: TypedArray, dtype: DType): TypedArray {
  const out = allocate(dtype, from.length);
  store(dtype, out, from);
  return out;
}

/** A tensor on `array` itself: nothing is copied, so do not write into it afterwards. */
export function fromArray(array: TypedArray, shape: Shape = [array.length], { dtype = dtypeOf(array), requiresGrad = false }: TensorOptions = {}): Tensor {
  if (size(shape) !== array.length)
    throw new CambiumError("shape", "fromArray", `shape ${show(shape)} holds ${size(shape)} numbers, the array has ${array.length}`);
  const memory = hostMemory(dtype, array);
  memory.shared = true;
  return new Tensor(source(memory, shape, requiresGrad));
}

/** Any input as a tensor; tensors pass through. */
export const asTensor = (x: TensorLike, options?: TensorOptions): Tensor =>
  x instanceof Tensor ? (options?.dtype ? x.to(options.dtype) : x) : tensor(x, options);

/** One number everywhere. */
export function full(shape: Shape, value: number, { dtype = "float32", requiresGrad = false }: TensorOptions = {}): Tensor {
  const memory = allocate(dtype, size(shape));
  if (value !== 0) memory.fill(value);
  return fromArray(memory, shape, { dtype, requiresGrad });
}

export const zeros = (shape: Shape, options?: TensorOptions): Tensor => full(shape, 0, options);

export const ones = (shape: Shape, options?: TensorOptions): Tensor => full(shape, 1, options);

export const zerosLike = (x: Tensor): Tensor => zeros(x.shape, { dtype: x.dtype });

export const onesLike = (x: Tensor): Tensor => ones(x.shape, { dtype: x.dtype });

/** The numbers from `start` up to but not including `stop`, `step` apart; `arange(n)` counts from 0. */
export function arange(start: number, stop?: number, step = 1, { dtype }: TensorOptions = {}): Tensor {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (step === 0) throw new CambiumError("value", "arange", "step is 0: the end is never reached");
  const n = Math.max(0, Math.ceil((to - from) / step));
  const type = dtype ?? ([from, to, step].every(Number.isInteger) ? "int32" : "float32");
  const out = allocate(type, n);
  for (let i = 0; i < n; i++) out[i] = from + i * step;
  return fromArray(out, [n], { dtype: type });
}

/** `count` numbers at equal distances from `start` to `stop`, both included. */
export function linspace(start: number, stop: number, count: number, { dtype = "float32" }: TensorOptions = {}): Tensor {
  const out = allocate(dtype, count);
  for (let i = 0; i < count; i++) out[i] = count === 1 ? start : start + ((stop - start) * i) / (count - 1);
  return fromArray(out, [count], { dtype });
}

/** Ones on the diagonal, zeros elsewhere. */
export function eye(rows: number, columns: number = rows, { dtype = "float32" }: TensorOptions = {}): Tensor {
  const out = allocate(dtype, rows * columns);
  for (let i = 0; i < Math.min(rows, columns); i++) out[i * columns + i] = 1;
  return fromArray(out, [rows, columns], { dtype });
}

/** Tensors joined along an existing axis. */
export const concat = (tensors: readonly Tensor[], axis = 0): Tensor =>
  new Tensor(
    concatNodes(
      tensors.map((t) => t.node),
      axis,
    ),
  );

/** Tensors of one shape joined along a new axis. */
export const stack = (tensors: readonly Tensor[], axis = 0): Tensor =>
  new Tensor(
    stackNodes(
      tensors.map((t) => t.node),
      axis,
    ),
  );
