import { CambiumError } from "./error.ts";
import { fromBrain, fromHalf, toBrain, toHalf } from "./half.ts";

/**
 * The kinds of number a tensor can hold. Floats of 16 bits are stored so and calculated with in float32;
 * int64 is stored in 64 bits and calculated with in float64, so it is exact between −2⁵³ and 2⁵³.
 */
export type DType = "float32" | "float64" | "float16" | "bfloat16" | "int32" | "int64" | "uint8" | "int8" | "bool";

/** A tensor's numbers as JavaScript reads them. A bool is a byte, 0 or 1; a float of 16 bits is read as a float32, an int64 as a float64. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array | Int8Array;

/** A tensor's numbers as they lie in host memory: as they are read, or packed in words of their own width. */
export type Storage = TypedArray | Uint16Array | BigInt64Array;

/** All dtypes; a dtype's place in this list is its number in keys and encoded programs. */
export const dtypes: readonly DType[] = ["float32", "float64", "int32", "uint8", "bool", "float16", "bfloat16", "int64", "int8"];

const bytes: Record<DType, number> = { float32: 4, float64: 8, float16: 2, bfloat16: 2, int32: 4, int64: 8, uint8: 1, int8: 1, bool: 1 };

/** Bytes one number takes. */
export const bytesOf = (dtype: DType): number => bytes[dtype];

export const isFloat = (dtype: DType): boolean => dtype === "float32" || dtype === "float64" || isShort(dtype);

/** Whether a dtype is a float of 16 bits. */
export const isShort = (dtype: DType): boolean => dtype === "float16" || dtype === "bfloat16";

/** Zeroed memory in which JavaScript can write `length` numbers of a dtype. */
export function allocate(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case "float32":
    case "float16":
    case "bfloat16":
      return new Float32Array(length);
    case "float64":
    case "int64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "int8":
      return new Int8Array(length);
    case "uint8":
    case "bool":
      return new Uint8Array(length);
    default:
      throw new CambiumError("dtype", "dtype", `there is no dtype "${String(dtype)}"; there are ${dtypes.join(", ")}`);
  }
}

/** Zeroed host memory for `length` numbers as a dtype stores them. */
export const allocateStorage = (dtype: DType, length: number): Storage =>
  isShort(dtype) ? new Uint16Array(length) : dtype === "int64" ? new BigInt64Array(length) : allocate(dtype, length);

/** Numbers written into storage of a dtype, rounded to what it can hold. */
export function store(dtype: DType, into: Storage, numbers: ArrayLike<number>): void {
  if (into instanceof BigInt64Array) for (let i = 0; i < numbers.length; i++) into[i] = toBigInt(numbers[i]!);
  else if (into instanceof Uint16Array) {
    const pack = dtype === "float16" ? toHalf : toBrain;
    for (let i = 0; i < numbers.length; i++) into[i] = pack(numbers[i]!);
  } else if (dtype === "bool") for (let i = 0; i < numbers.length; i++) into[i] = numbers[i] ? 1 : 0;
  else into.set(numbers);
}

/** The numbers in storage of a dtype; the storage itself where it can be read as it is. */
export function load(dtype: DType, storage: Storage): TypedArray {
  if (storage instanceof BigInt64Array) return Float64Array.from(storage, Number);
  if (storage instanceof Uint16Array) return Float32Array.from(storage, dtype === "float16" ? fromHalf : fromBrain);
  return storage;
}

/** Storage that holds `numbers` as a dtype; the numbers themselves where they need no packing. */
export function pack(dtype: DType, numbers: Storage): Storage {
  if ((!isShort(dtype) && dtype !== "int64") || numbers instanceof Uint16Array || numbers instanceof BigInt64Array) return numbers;
  const storage = allocateStorage(dtype, numbers.length);
  store(dtype, storage, numbers);
  return storage;
}

const toBigInt = (x: number): bigint => (Math.abs(x) < 2 ** 63 ? BigInt(Math.trunc(x)) : 0n);

/** The dtype whose numbers a typed array holds. */
export function dtypeOf(array: TypedArray): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  if (array instanceof Int8Array) return "int8";
  return "uint8";
}

const rounding: Record<DType, (x: number) => number> = {
  float32: Math.fround,
  float64: (x) => x,
  float16: (x) => fromHalf(toHalf(x)),
  bfloat16: (x) => fromBrain(toBrain(x)),
  int32: (x) => x | 0,
  int64: (x) => (Math.abs(x) < 2 ** 63 ? Math.trunc(x) + 0 : 0),
  uint8: (x) => x & 255,
  int8: (x) => (x << 24) >> 24,
  bool: (x) => Number(x !== 0),
};

/** What a number becomes in a dtype: rounded to the nearest, or, in whole numbers, cut off at the point and wrapped around as typed arrays do. */
export const roundingOf = (dtype: DType): ((x: number) => number) => rounding[dtype];

/** A number that none of a dtype is below; of int64, none of those that are calculated with exactly. */
export const lowestOf = (dtype: DType): number =>
  isFloat(dtype) ? -Infinity : dtype === "int32" ? -(2 ** 31) : dtype === "int64" ? -(2 ** 53) : dtype === "int8" ? -128 : 0;

/** A number that none of a dtype is above; of int64, none of those that are calculated with exactly. */
export const highestOf = (dtype: DType): number =>
  isFloat(dtype) ? Infinity : ({ int32: 2 ** 31 - 1, int64: 2 ** 53, int8: 127, uint8: 255 }[dtype as "int32"] ?? 1);

const rank: Record<DType, number> = { bool: 0, uint8: 1, int8: 1, int32: 2, int64: 3, float16: 4, bfloat16: 4, float32: 5, float64: 6 };

/** The dtype that holds both, as in PyTorch: bool < uint8, int8 < int32 < int64 < float16, bfloat16 < float32 < float64; two that stand side by side meet one further up. */
export function promote(a: DType, b: DType): DType {
  if (a === b) return a;
  if (rank[a] !== rank[b]) return rank[a] > rank[b] ? a : b;
  return isShort(a) ? "float32" : "int32";
}
