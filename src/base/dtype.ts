import { CambiumError } from "./error.ts";

/** The kinds of number a tensor can hold. `float16`, `bfloat16`, `int64` and `int8` are named but not yet computed with. */
export type DType = "float32" | "float64" | "float16" | "bfloat16" | "int32" | "int64" | "uint8" | "int8" | "bool";

/** Host memory that holds a tensor's numbers. A bool is a byte, 0 or 1. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** All dtypes; a dtype's place in this list is its number in keys and encoded programs. */
export const dtypes: readonly DType[] = ["float32", "float64", "int32", "uint8", "bool", "float16", "bfloat16", "int64", "int8"];

const bytes: Record<DType, number> = { float32: 4, float64: 8, float16: 2, bfloat16: 2, int32: 4, int64: 8, uint8: 1, int8: 1, bool: 1 };

/** Bytes one number takes. */
export const bytesOf = (dtype: DType): number => bytes[dtype];

export const isFloat = (dtype: DType): boolean => dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16";

/** Zeroed host memory for `length` numbers. */
export function allocate(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "uint8":
    case "bool":
      return new Uint8Array(length);
    default:
      throw new CambiumError("dtype", "dtype", `${dtype} is not available yet`, "use float32, float64, int32, uint8 or bool");
  }
}

/** The dtype whose numbers a typed array holds. */
export function dtypeOf(array: TypedArray): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  return "uint8";
}

const rank: Record<DType, number> = { bool: 0, uint8: 1, int8: 1, int32: 2, int64: 3, float16: 4, bfloat16: 4, float32: 5, float64: 6 };

/** The dtype that holds both: bool < uint8 < int32 < float32 < float64, as in PyTorch. */
export const promote = (a: DType, b: DType): DType => (rank[a] >= rank[b] ? a : b);
