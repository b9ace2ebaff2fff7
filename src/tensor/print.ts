import { type DType, isFloat, type TypedArray } from "../base/dtype.ts";
import type { Shape } from "../base/shape.ts";

/** Numbers, or booleans, in arrays as deep as the tensor has axes. */
export type Nested = number | boolean | readonly Nested[];

export function nest(data: TypedArray, shape: Shape, dtype: DType): Nested {
  let at = 0;
  const level = (axis: number): Nested => {
    if (axis === shape.length) return dtype === "bool" ? data[at++] !== 0 : data[at++]!;
    return Array.from({ length: shape[axis]! }, () => level(axis + 1));
  };
  return level(0);
}

const edge = 3;
const whole = 1000;

/** What can be printed: a tensor. */
export interface Printable {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly requiresGrad: boolean;
  dataSync(): TypedArray;
}

/** A tensor as PyTorch prints it: four decimals, long axes shortened in the middle. */
export function print(tensor: Printable): string {
  const { shape, dtype } = tensor;
  const tail = `${dtype === "float32" ? "" : `, dtype: ${dtype}`}${tensor.requiresGrad ? ", requiresGrad: true" : ""}`;
  let data: TypedArray;
  try {
    data = tensor.dataSync();
  } catch {
    return `tensor(shape [${shape.join(", ")}]${tail})`;
  }
  if (data.length === 0) return `tensor([], shape [${shape.join(", ")}]${tail})`;
  const short = data.length > whole;
  const shown: number[] = [];
  const visit = (axis: number, offset: number, step: number): void => {
    if (axis === shape.length) return void shown.push(data[offset]!);
    const n = shape[axis]!;
    const inner = step / n;
    for (let i = 0; i < n; i++) if (!short || n <= 2 * edge || i < edge || i >= n - edge) visit(axis + 1, offset + i * inner, inner);
  };
  visit(0, 0, data.length);
  const write = writer(shown, dtype);
  const width = Math.max(...shown.map((v) => write(v).length));
  const render = (axis: number, offset: number, step: number, indent: string): string => {
    if (axis === shape.length) return write(data[offset]!).padStart(width);
    const n = shape[axis]!;
    const inner = step / n;
    const parts: string[] = [];
    for (let i = 0; i < n; i++) {
      if (short && n > 2 * edge && i === edge) {
        parts.push("...");
        i = n - edge;
      }
      parts.push(render(axis + 1, offset + i * inner, inner, `${indent} `));
    }
    const last = axis === shape.length - 1;
    return `[${parts.join(last ? ", " : `,${"\n".repeat(shape.length - 1 - axis)}${indent}`)}]`;
  };
  return `tensor(${render(0, 0, data.length, "        ")}${tail})`;
}

function writer(shown: readonly number[], dtype: DType): (v: number) => string {
  if (dtype === "bool") return (v) => (v ? "true" : "false");
  if (!isFloat(dtype)) return String;
  const finite = shown.filter(Number.isFinite);
  if (finite.every(Number.isInteger) && finite.every((v) => Math.abs(v) < 1e8)) return (v) => (Number.isFinite(v) ? `${v}.` : word(v));
  const sizes = finite.filter((v) => v !== 0).map(Math.abs);
  const scientific = sizes.length > 0 && (Math.max(...sizes) >= 1e8 || Math.max(...sizes) / Math.min(...sizes) > 1e6 || Math.max(...sizes) < 1e-4);
  return (v) => (!Number.isFinite(v) ? word(v) : scientific ? v.toExponential(4) : v.toFixed(4));
}

const word = (v: number): string => (Number.isNaN(v) ? "nan" : v > 0 ? "inf" : "-inf");
