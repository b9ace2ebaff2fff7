import { CambiumError } from "./error.ts";

/** Sizes from the outermost axis to the innermost; `[]` is a scalar. */
export type Shape = readonly number[];

/** One axis or several; negative axes count from the end. */
export type Axes = number | readonly number[];

/** How many numbers a tensor of `shape` holds. */
export function size(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

/** A shape as people write it: `[2, 3]`. */
export const show = (shape: Shape): string => `[${shape.join(", ")}]`;

/** Whether two shapes are equal. */
export function same(a: Shape, b: Shape): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Row-major strides of `shape`, in elements. */
export function strides(shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  for (let i = shape.length - 1, step = 1; i >= 0; i--) {
    out[i] = step;
    step *= shape[i]!;
  }
  return out;
}

/** One axis, counted from the front. */
export function resolveAxis(where: string, axis: number, rank: number): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank)
    throw new CambiumError(
      "shape",
      where,
      rank === 0 ? `axis ${axis} does not exist: the tensor is a scalar` : `axis ${axis} does not exist: the tensor has ${rank} axes, ${-rank} to ${rank - 1}`,
    );
  return axis < 0 ? axis + rank : axis;
}

/** The axes meant by `axes`, each between 0 and `rank - 1`, in rising order; all of them when left out. */
export function resolveAxes(where: string, axes: Axes | undefined, rank: number): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === "number" ? [axes] : [...axes]).map((axis) => resolveAxis(where, axis, rank));
  if (new Set(list).size !== list.length) throw new CambiumError("shape", where, `axes ${show(axes as Shape)} name one axis twice`);
  return list.sort((a, b) => a - b);
}

/** The shape two shapes broadcast to, by NumPy's rule. */
export function broadcastShapes(where: string, a: Shape, b: Shape): Shape {
  if (same(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new CambiumError("shape", where, `shapes ${show(a)} and ${show(b)} do not broadcast: axis ${i - rank} is ${x} and ${y}`);
    return x === 1 ? y : x;
  });
}
