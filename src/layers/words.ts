/** Strings as people have them: one, or lists of them, nested as tensors are. */
import { CambiumError } from "../base/error.ts";
import type { Shape } from "../base/shape.ts";
import { Tensor } from "../tensor/tensor.ts";

/** Strings, or whole numbers that are looked up as strings are. */
export type Words = string | number | Tensor | ArrayLike<number> | readonly Words[];

/** A word, or null where a short list was filled up. */
export type Word = string | number | null;

/** Words in a row, and how they lie. */
export interface Row {
  readonly items: readonly Word[];
  readonly shape: Shape;
}

/** `given` in a row. Where they may be `ragged`, lists along the last axis may differ in length. */
export function inRow(where: string, given: Words, ragged = false): Row {
  if (given instanceof Tensor) return { items: [...given.dataSync()], shape: given.shape };
  if (typeof given === "string" || typeof given === "number") return { items: [given], shape: [] };
  if (!Array.isArray(given) && !ArrayBuffer.isView(given))
    throw new CambiumError("data", where, `expected strings, or lists of them, got ${given === null ? "null" : typeof given}`);
  const parts = Array.from(given as ArrayLike<Words>, (one) => inRow(where, one, ragged));
  if (parts.length === 0) return { items: [], shape: [0] };
  const rank = parts[0]!.shape.length;
  if (parts.some(({ shape }) => shape.length !== rank)) throw new CambiumError("data", where, "some entries are lists and others are not");
  const inner = Array.from({ length: rank }, (_, axis) => Math.max(...parts.map(({ shape }) => shape[axis]!)));
  const filled = parts.map((part) => {
    if (part.shape.every((d, axis) => d === inner[axis])) return part.items;
    if (!ragged || rank > 1)
      throw new CambiumError("data", where, `the lists are ragged: one has length ${part.shape[0]}, another ${inner[0]}`, "fill the short ones up");
    return [...part.items, ...Array<Word>(inner[0]! - part.items.length).fill(null)];
  });
  return { items: filled.flat(), shape: [parts.length, ...inner] };
}

/** Row-major items as nested lists. */
export function nested<T>(items: readonly T[], shape: Shape): unknown {
  if (shape.length === 0) return items[0];
  const [n, ...rest] = shape as [number, ...number[]];
  const each = items.length / n;
  return Array.from({ length: n }, (_, i) => nested(items.slice(i * each, (i + 1) * each), rest));
}

/** `use` on all of the data, or batch by batch on what yields batches, at most `steps` of them. */
export function eachBatch<T>(
  data: T | Iterable<T> | AsyncIterable<T>,
  use: (batch: T) => void,
  steps: number = Number.POSITIVE_INFINITY,
): void | Promise<void> {
  if (typeof data === "string" || Array.isArray(data) || ArrayBuffer.isView(data) || data instanceof Tensor || typeof data !== "object" || data === null)
    return use(data as T);
  let done = 0;
  if (Symbol.asyncIterator in data)
    return (async () => {
      for await (const batch of data as AsyncIterable<T>) {
        if (done++ >= steps) break;
        use(batch);
      }
    })();
  for (const batch of data as Iterable<T>) {
    if (done++ >= steps) break;
    use(batch);
  }
}
